"""Loading again adds nothing; every ingest says what was new, changed and unchanged, and which rows differ."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from images import header, image
from ingesting import (
    Columns,
    at_once,
    corners,
    dump,
    load_night,
    predictions,
    refused,
    rows_of,
    sources,
    statuses,
    visits,
    with_value,
)
from orbit_files import columns, mpc_row

import ssdb
from ssdb.cli import main
from ssdb.errors import InputError
from ssdb.ingest.table.report import IngestReport
from ssdb.io.writers import write_columns
from ssdb.store.database import Database

FULL = {"raErr": [1e-5, None] * 4, "snr": [5.3] * 8, "band": ["r"] * 8, "psfFlux": [0.1, float("nan")] * 4}
"""Single precision, text, unknown values."""


def counts(report: IngestReport) -> tuple[int, int, int]:
    assert report.new + report.changed + report.unchanged == report.rows
    return report.new, report.changed, report.unchanged


def test_the_whole_night_again_changes_nothing(database: Database) -> None:
    for first in (True, False):
        before = dump(database)
        found = [
            counts(ssdb.ingest_visits(database, visits())),
            counts(ssdb.ingest_detectors(database, corners())),
            counts(ssdb.ingest_sources(database, sources() | FULL)),
            counts(ssdb.ingest_predictions(database, predictions())),
            counts(ssdb.ingest_orbits(database, columns(mpc_row()))),
        ]
        n = (2, 1, 8, 4, 1)
        assert found == [(each, 0, 0) if first else (0, 0, each) for each in n]
        if first:
            ssdb.associate(database)
    assert dump(database) == before


@pytest.mark.parametrize("parts", [None, 3])
def test_new_rows_come_in_beside_stored_ones(
    database: Database, parts: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the visits and detectors of the new ones are to be associated again, and totals hold."""
    if parts is not None:
        monkeypatch.setattr("ssdb.io.row_source.ROWS_PER_PART", parts)
    ssdb.ingest_visits(database, visits())
    ssdb.ingest_sources(database, rows_of(sources(), range(7)))
    ssdb.ingest_predictions(database, rows_of(predictions(), range(3)))
    ssdb.associate(database)
    path = tmp_path / "all.parquet"
    write_columns(pa.table(sources()), path)
    assert counts(ssdb.ingest_sources(database, path)) == (1, 0, 7)
    assert {key for key, status in statuses(database).items() if status == "pending"} == {(20,), (20, 2)}
    write_columns(pa.table(predictions()), path)
    ssdb.associate(database)
    assert counts(ssdb.ingest_predictions(database, path)) == (1, 0, 3)
    assert {key for key, status in statuses(database).items() if status == "pending"} == {(20,), (20, 1), (20, 2)}
    ssdb.associate(database)
    assert [result.name for result in ssdb.check(database) if result.n_violations] == []
    assert len(dump(database)["SSSource"]) == 4


OTHER_SOURCES: list[tuple[str, int, Any, list[str]]] = [
    ("ra", 2, 50.4, ["1 sources", "diaSourceId 103", "row 3", "ra is 50.5 and is given as 50.4"]),
    ("visit", 2, 20, ["1 sources", "103", "row 3", "visit, detector 10, 2"]),
    ("detector", 2, 1, ["1 sources", "103", "row 3", "detector is 2 and is given as 1"]),
]


@pytest.mark.parametrize(("name", "row", "value", "words"), OTHER_SOURCES)
def test_a_source_with_another_value_is_named(
    database: Database, name: str, row: int, value: Any, words: list[str]
) -> None:
    load_night(database)
    given = with_value(sources(), name, row, value)
    refused(database, ssdb.ingest_sources, given, "stored already", "replace=True", *words, error=InputError)


def test_a_source_that_becomes_known_or_unknown_is_another(database: Database) -> None:
    ssdb.ingest_visits(database, visits())
    ssdb.ingest_sources(database, sources() | FULL)
    for value, words in ((None, "is given as unknown"), (1e-4, "raErr is")):
        given = with_value(sources() | FULL, "raErr", 0, value)
        refused(database, ssdb.ingest_sources, given, "diaSourceId 101", "row 1", words)


def test_a_prediction_with_another_value_is_named(database: Database) -> None:
    load_night(database)
    given = with_value(predictions(), "ephDec", 1, -5.1)
    words = ("1 predictions", "stored already", "row 2", "ephDec is -5.0 and is given as -5.1", "replace=True")
    refused(database, ssdb.ingest_predictions, given, *words, error=InputError)


def test_what_is_replaced_is_counted(database: Database) -> None:
    load_night(database)
    given = with_value(with_value(sources(), "ra", 2, 50.4), "diaSourceId", 7, 999)
    assert counts(ssdb.ingest_sources(database, given, replace=True)) == (1, 1, 6)
    given = with_value(with_value(predictions(), "ephDec", 1, -5.1), "designation", 3, "434")
    assert counts(ssdb.ingest_predictions(database, given, replace=True)) == (1, 1, 2)
    assert [result.name for result in ssdb.check(database) if result.n_violations] == []


def test_corrected_visits_outlines_and_orbits_are_counted(database: Database) -> None:
    ssdb.ingest_visits(database, visits())
    given = with_value(visits(), "band", 1, "i")
    three = {name: [*values, last] for (name, values), last in zip(given.items(), (30, 60000.3, "z"), strict=True)}
    assert counts(ssdb.ingest_visits(database, three)) == (1, 1, 1)
    ssdb.ingest_detectors(database, corners())
    assert counts(ssdb.ingest_detectors(database, corners(half=0.11))) == (0, 1, 0)
    ssdb.ingest_orbits(database, columns(mpc_row()))
    assert counts(ssdb.ingest_orbits(database, columns(mpc_row(e=0.2)))) == (0, 1, 0)


def test_images_again(database: Database, tmp_path: Path) -> None:
    path = image(tmp_path / "a.fits", header(VISIT=10, DETECTOR=1, **{"MJD-AVG": 60000.1, "TIMESYS": "TAI"}))
    assert counts(ssdb.ingest_detectors(database, path, create_visits=True)) == (1, 0, 0)
    assert counts(ssdb.ingest_detectors(database, path, create_visits=True)) == (0, 0, 1)


def test_the_same_predictions_at_once(database: Database) -> None:
    ssdb.ingest_visits(database, visits())
    results = at_once([lambda: ssdb.ingest_predictions(database, predictions())] * 2)
    assert sorted(counts(result) for result in results) == [(0, 0, 4), (4, 0, 0)]


def _run(url: str, *words: object) -> Any:
    result = CliRunner().invoke(main, ["--db", url, *map(str, words)])
    assert result.exit_code == 0, result.output
    return result


def _files(folder: Path, table: Columns, split: Callable[[int], range]) -> list[Path]:
    paths = [folder / f"part{n}.csv" for n in range(2)]
    for n, path in enumerate(paths):
        write_columns(pa.table(rows_of(table, split(n))), path)
    return paths


def test_the_command_says_it_for_each_file_and_in_sum(database_url: str, tmp_path: Path) -> None:
    with_visits = tmp_path / "visits.csv"
    write_columns(pa.table(visits()), with_visits)
    assert _run(database_url, "init")
    line = _run(database_url, "ingest", "visits", with_visits).stdout
    assert line == f"{with_visits}: 2 visits: 2 new, 0 changed, 0 unchanged\n"
    one, two = _files(tmp_path, sources(), lambda n: range(4 * n, 4 * n + 4))
    lines = _run(database_url, "ingest", "sources", one, two).stdout.splitlines()
    assert lines == [
        f"{one}: 4 sources of 1 visits: 4 new, 0 changed, 0 unchanged",
        f"{two}: 4 sources of 1 visits: 4 new, 0 changed, 0 unchanged",
        "2 files: 8 sources: 8 new, 0 changed, 0 unchanged",
    ]
    lines = _run(database_url, "ingest", "sources", one, two).stdout.splitlines()
    assert lines[-1] == "2 files: 8 sources: 0 new, 0 changed, 8 unchanged"
    reports = json.loads(_run(database_url, "ingest", "sources", one, two, "--json").stdout)
    assert [(each["new"], each["changed"], each["unchanged"]) for each in reports] == [(0, 0, 4)] * 2


def test_what_many_files_have_in_common_is_said_once(database_url: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"v{n}.csv" for n in range(3)]
    for n, path in enumerate(paths):
        path.write_text(f"visit,midpointMjdTai,ra,dec,seeing\n{n},60000.{n},10,10,0.7\n")
    told = _run(database_url, "ingest", "visits", *paths).stderr.splitlines()
    assert told == [
        f"{paths[0]} and 2 more files: columns left out: seeing",
        f"{paths[0]} and 2 more files: no units, taken to be the data model's: ra, dec",
    ]
