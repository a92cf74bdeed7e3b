"""Tables on the terminal have the digits that people read; what programs read has all."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from contextlib import closing

import pytest
from click.testing import CliRunner
from small_surveys import MJD, Survey, change, designation

import ssdb
from ssdb.cli import main
from ssdb.cli.digits import texts
from ssdb.store.database import Database

RA, DEC = 123.45678901234567, -0.00001234567
FLUX, FLUX_ERROR = 229086.76543, 50.123456


@pytest.fixture(scope="module")
def associated(module_database_url: str) -> Iterator[Database]:
    """Visits on which 1, 2, 3, ... objects were all seen."""
    with closing(ssdb.connect(module_database_url)) as database:
        survey, number = Survey(), 0
        for visit in range(1, 13):
            survey.add_visit(visit, midpointMjdTai=MJD + 1 / 3, band=f"b{visit}")
            for _ in range(visit):
                number += 1
                dec = 0.1 * number
                place = {"midpointMjdTai": MJD + 1 / 3, "ephVmag": 20.123456 + visit, "ephRateRa": 0.123456789}
                survey.add_prediction(number, RA, DEC + dec, visit, **place)
                flux = {"psfFlux": FLUX, "psfFluxErr": FLUX_ERROR, "midpointMjdTai": MJD + 1 / 3}
                survey.add_source(number, RA, DEC + dec + 0.1234567 / 3600, visit, **flux)
        survey.load(database)
        ssdb.associate(database)
        yield database


def _said(database: Database, *words: str) -> str:
    url = database.engine.url.render_as_string(hide_password=False)
    result = CliRunner().invoke(main, ["--db", url, *words])
    assert result.exit_code == 0, result.output
    return result.stdout


SQL = "SELECT midpointMjdTai, ra, dec, psfFlux, psfFluxErr, snr FROM DiaSource WHERE diaSourceId = 1"


def test_a_table_has_the_digits_of_its_units(associated: Database) -> None:
    """Times to 1e-6 d, positions to 1e-7 deg, fluxes to 0.01 nJy; what is unknown is nothing."""
    heads, _, cells = (line.split() for line in _said(associated, "query", SQL).splitlines())
    assert heads == ["midpointMjdTai", "ra", "dec", "psfFlux", "psfFluxErr", "snr"]
    assert cells == ["60000.583333", "123.4567890", "0.1000219", "229086.77", "50.12"]
    light_curve = _said(associated, "query", "--name", "light-curve", "--param", f"object={designation(1)}")
    row = light_curve.splitlines()[2].split()
    assert row[:2] == ["60000.583333", "18.000"]  # the band of the source is NULL
    assert "21.123" in row


def test_what_programs_read_has_all_digits(associated: Database) -> None:
    (row,) = json.loads(_said(associated, "query", SQL, "--json"))
    assert (row["ra"], row["psfFlux"]) == (RA, pytest.approx(FLUX, rel=1e-7))
    (of_csv,) = csv.DictReader(io.StringIO(_said(associated, "query", SQL, "--format", "csv")))
    assert float(of_csv["ra"]) == RA
    assert of_csv["snr"] == ""


def test_a_status_has_few_digits_too(associated: Database) -> None:
    assert "60000.583333\n" in _said(associated, "status")
    assert "60000.583333\n" in _said(associated, "status", "--visit", "1")
    for line in _said(associated, "status", "--run", "last").splitlines():
        words = line.split()
        if words and words[0] in ("total", "claim", "read", "assign", "write", "commit"):
            assert len(words[1].partition(".")[2]) == 3


def test_columns_that_nobody_knows_keep_twelve_digits() -> None:
    """An alias may hide a time, a quotient, an identifier: nothing that may matter is cut off."""
    columns = ["t", "share", "n", "text", "none", "rounded"]
    rows = [[60000.58333333333, 1 / 3, 10**18, "0.1234567890123", None, 2031092300001.0]]
    shown = ["60000.5833333", "0.333333333333", "1000000000000000000", "0.1234567890123", "", "2031092300001.0"]
    assert texts(columns, rows) == [shown]
    assert texts(["x_", "y_"], [[1.0, -math.inf]]) == [["1.0", "-inf"]]


def test_a_small_value_is_not_shown_as_nothing() -> None:
    """A column whose values would have less than two digits is shown by significant ones."""
    assert texts(["raErr"], [[2.534567e-05], [1.1e-06]]) == [["2.535e-05"], ["1.1e-06"]]
    assert texts(["ephOffset"], [[0.00012345]]) == [["0.0001234"]]
    assert texts(["ephOffset"], [[0.00012345], [0.25]]) == [["0.000"], ["0.250"]]
    assert texts(["ephOffset"], [[0.0]]) == [["0.000"]]


def test_what_is_no_number_is_shown_as_nothing() -> None:
    assert texts(["mag", "share"], [[math.nan, math.nan], [None, None], [20.0, 1.5]]) == [
        ["", ""],
        ["", ""],
        ["20.000", "1.5"],
    ]


def test_a_range_of_completeness_is_ordered_and_within_0_and_1(associated: Database) -> None:
    """Of n in n the upper end is 1, of 0 in n the lower end is 0: exactly, on both databases."""
    seen = ssdb.named_query(associated, "completeness", {"bin": 1})
    assert len(seen.rows) == 12
    change(associated, 'UPDATE "SsExpected" SET "diaSourceId" = NULL WHERE "visit" > 6')
    for answer, shares in ((seen, {1.0}), (ssdb.named_query(associated, "completeness", {"bin": 1}), {0.0, 1.0})):
        ends = [row[answer.columns.index("completeness") :] for row in answer.rows]
        assert {share for share, _, _ in ends} == shares
        for share, low, high in ends:
            assert 0 <= low <= share <= high <= 1
            assert (low == 0) == (share == 0)
            assert (high == 1) == (share == 1)
