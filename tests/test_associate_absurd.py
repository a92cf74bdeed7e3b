"""A stored prediction that makes no sense costs only its object, which is named: SQL may bring it past the door."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from small_surveys import Survey, change, rows

import ssdb
from ssdb.cli import main
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.detectors import count_anew

INFINITE, UNKNOWN = float("inf"), float("nan")
NOT_USED = [
    ("ephRa", 1e300),
    ("ephRa", -INFINITE),
    ("ephRa", UNKNOWN),
    ("ephDec", 90.5),
    ("ephDec", INFINITE),
    ("midpointMjdTai", 1e300),
    ("midpointMjdTai", INFINITE),
    ("midpointMjdTai", UNKNOWN),
    ("ephRateRa", 1e300),
    ("ephRateDec", -INFINITE),
    ("ephErrMajor", INFINITE),
    ("ephErrMinor", 1e30),
    ("ephErrPa", INFINITE),
]
"""Of these the object is not looked for; in fixed mode, which does not look at the ellipse, it may be."""
TAKEN_FOR_UNKNOWN = [
    ("ephVmag", INFINITE),
    ("ephVmag", 1e30),
    ("helio_x", 1e308),
    ("helio_vy", 1e308),
    ("topo_z", INFINITE),
    ("topo_vx", -1e200),
    ("topoRange", 1e300),
    ("helioRange", 0.0),
    ("helioRangeRate", INFINITE),
    ("phaseAngle", 1e300),
    ("elongation", -INFINITE),
]
VECTORS = {f"{origin}_{v}{axis}": 1.5 for origin in ("helio", "topo") for v in ("", "v") for axis in "xyz"}
OTHERS = [2, 3]


def load(database: Database) -> None:
    """Three objects with a source each, in one visit."""
    survey = Survey()
    survey.add_visit()
    for number in (1, 2, 3):
        survey.add_source(number, 50.0 + number, 10.0)
        ellipse = {"ephErrMajor": 0.5, "ephErrMinor": 0.2, "ephErrPa": 30.0, "ephRateRa": 0.2, "ephRateDec": 0.1}
        survey.add_prediction(number, 50.0 + number, 10.0, ephVmag=20.0, **ellipse, **VECTORS)
    survey.load(database)


def results(database: Database) -> dict[str, list[tuple]]:
    """What is stored of the two objects that nothing is wrong with."""
    chosen = f"diaSourceId IN ({', '.join(map(str, OTHERS))}) ORDER BY diaSourceId"
    return {
        name: rows(database, f"SELECT * FROM {name} WHERE {chosen}")
        for name in ("SSSource", "SsCandidate", "SsExpected")
    }


def spoil(database: Database, column: str, value: float) -> None:
    """Gives the first object's prediction a value; one that the database cannot hold is skipped."""
    single = column in ("ephVmag", "ephErrMajor", "ephErrMinor", "ephErrPa")
    if database.dialect == "sqlite" and math.isnan(value):
        pytest.skip("SQLite has no NaN")
    if database.dialect == "postgresql" and single and math.isfinite(value) and value > float(np.finfo(np.float32).max):
        pytest.skip("PostgreSQL refuses it")
    change(database, f'UPDATE "SsPrediction" SET "{column}" = :value WHERE designation = \'2020 AB\'', value=value)


@pytest.fixture(scope="module")
def loaded(module_database_url: str) -> Iterator[Database]:
    """With the three objects, for tests that spoil a value and take it back."""
    with closing(connect(module_database_url)) as database:
        load(database)
        yield database


@contextmanager
def spoilt(database: Database, column: str, value: float) -> Iterator[None]:
    """Within, the first object's prediction has another value."""
    first = "designation = '2020 AB'"
    ((usual,),) = rows(database, f'SELECT "{column}" FROM "SsPrediction" WHERE {first}')
    spoil(database, column, value)
    try:
        yield
    finally:
        change(database, f'UPDATE "SsPrediction" SET "{column}" = :usual WHERE {first}', usual=usual)


@pytest.mark.parametrize(("column", "value"), NOT_USED)
def test_its_object_is_left_out_and_named(loaded: Database, column: str, value: float) -> None:
    database, config = loaded, ssdb.AssociationConfig(mode="uncertainty")
    ssdb.associate(database, [1], config=config)
    usual = results(database)
    with spoilt(database, column, value):
        report = ssdb.associate(database, [1], config=config)
    assert report.failed == {}
    assert results(database) == usual
    assert rows(database, "SELECT diaSourceId, status FROM SSSource, Visit WHERE diaSourceId = 1") == []
    (left_out,) = report.left_out
    assert (left_out.visit, left_out.designation) == (1, "2020 AB")
    assert left_out.reason.startswith(f"{column} is ")
    assert (report.totals["nTotalSsObjects"], report.totals["nAssociatedSsObjects"]) == (2, 2)


@pytest.mark.parametrize(("column", "value"), TAKEN_FOR_UNKNOWN)
def test_what_else_was_predicted_is_unknown_and_named(loaded: Database, column: str, value: float) -> None:
    database = loaded
    ssdb.associate(database, [1])
    usual = results(database)
    with spoilt(database, column, value):
        report = ssdb.associate(database, [1])
    assert report.failed == {}
    assert results(database) == usual
    (left_out,) = report.left_out
    assert left_out.designation == "2020 AB"
    assert left_out.reason.startswith(f"{column} is ")
    assert left_out.reason.endswith(": taken for unknown")
    (row,) = rows(database, "SELECT * FROM SSSource WHERE diaSourceId = 1")
    assert all(value is None or not isinstance(value, float) or math.isfinite(value) for value in row)
    assert report.totals["nAssociatedSsObjects"] == 3


def test_nothing_is_printed_beside_what_is_named(database: Database) -> None:
    """Of an ellipse that is too large for single precision, which SQLite holds."""
    load(database)
    spoil(database, "ephErrMajor", 1e300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = ssdb.associate(database, config=ssdb.AssociationConfig(mode="uncertainty"))
    assert [one.designation for one in report.left_out] == ["2020 AB"]


def test_the_command_names_them(database: Database, database_url: str) -> None:
    load(database)
    spoil(database, "ephRa", 1e300)
    answer = CliRunner().invoke(main, ["--db", database_url, "associate", "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    reason = "ephRa is not within -180 to 360 (deg)"
    assert [(row["visit"], row["designation"], row["reason"]) for row in told["leftOut"]] == [(1, "2020 AB", reason)]
    assert f"ssdb: stored predictions that make no sense (visit 1: 2020 AB): {reason}" in answer.stderr


def test_a_damaged_outline_costs_its_visit_alone(database: Database) -> None:
    """It is no fault of ssdb, and says what to do."""
    survey = Survey()
    for visit in (1, 2):
        survey.add_visit(visit)
        survey.add_square(3, 10.0, 5.0, 600.0, visit)
        survey.add_source(visit, 10.0, 5.0, visit, detector=3)
        survey.add_prediction(0, 10.0, 5.0, visit)
    survey.load(database)
    change(database, 'UPDATE "VisitDetector" SET footprint = :half WHERE visit = 1', half=b"\x00\xff" * 7)
    report = ssdb.associate(database)
    assert report.failed == {
        1: "visit 1, detector 3: its footprint is no outline: load the detector again (ssdb ingest detectors)"
    }
    assert [outcome.visit for outcome in report.visits] == [2]


SPOILT = [
    ("DiaSource", "psfFlux", INFINITE),
    ("DiaSource", "psfFlux", -INFINITE),
    ("DiaSource", "psfFluxErr", INFINITE),
    ("DiaSource", "reliability", 3e38),
    ("DiaSource", "reliability", -INFINITE),
    ("DiaSource", "trailLength", INFINITE),
    ("DiaSource", "trailLength", -3.0),
    ("DiaSource", "trailAngle", INFINITE),
    ("Visit", "depth", -3e38),
    ("Visit", "depth", INFINITE),
    ("Visit", "exposureTime", 3e38),
    ("Visit", "exposureTime", -30.0),
]
"""What SQL may have written of what is weighed."""


@pytest.mark.parametrize(("table", "column", "value"), SPOILT)
def test_what_is_weighed_is_unknown_where_it_makes_no_sense(
    database: Database, table: str, column: str, value: float
) -> None:
    """Without a warning, in whatever is counted anew, too."""
    load(database)
    config = ssdb.AssociationConfig(mode="uncertainty")
    light = {"psfFlux": 4000.0, "psfFluxErr": 300.0, "reliability": 0.7, "trailLength": 3.0, "trailAngle": 50.0}
    given = light | {"depth": 24.0, "exposureTime": 300.0}
    for name, usual in given.items():
        change(
            database, f'UPDATE "{"Visit" if name in ("depth", "exposureTime") else "DiaSource"}" SET "{name}" = {usual}'
        )
    results = {}
    for way, spoilt in (("absurd", value), ("unknown", None)):
        change(database, f'UPDATE "{table}" SET "{column}" = :value', value=spoilt)
        with warnings.catch_warnings(), database.writing() as connection:
            warnings.simplefilter("error")
            count_anew(connection, [1])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert not ssdb.associate(database, [1], config=config).failed
        results[way] = [rows(database, f'SELECT * FROM "{name}"') for name in ("SsCandidate", "SsExpected")]
    assert results["absurd"] == results["unknown"]
    assert all(None not in row for row in rows(database, 'SELECT "logOdds", probability FROM "SsCandidate"'))


@pytest.mark.parametrize("depth", [-50.0, 0.0, 100.0])
def test_an_odd_depth_is_no_reason_for_a_warning(database: Database, depth: float) -> None:
    load(database)
    change(database, 'UPDATE "DiaSource" SET "psfFlux" = 4000.0, "psfFluxErr" = 300.0')
    change(database, 'UPDATE "Visit" SET depth = :depth', depth=depth)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with database.writing() as connection:
            count_anew(connection, [1])
        assert not ssdb.associate(database, config=ssdb.AssociationConfig(mode="uncertainty")).failed
    assert len(rows(database, 'SELECT 1 FROM "SsCandidate"')) == 3
