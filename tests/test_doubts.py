"""Sources and predictions that cannot be where or when they are said to be are doubted, and stored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from ingesting import corners, rows

import ssdb
import ssdb.io.row_source
from ssdb.cli import main
from ssdb.io.writers import write_columns
from ssdb.store.database import Database

MJD = 60000.1
"""In 2023, when TAI - UTC is 37 s."""

FIELD: dict[str, list[Any]] = {
    "visit": [1, 2],
    "midpointMjdTai": [MJD, MJD + 0.001],
    "ra": [150.0, 359.9],
    "dec": [2.0, -30.0],
    "radius": [1.75, 1.75],
}


def sources(**changed: Any) -> dict[str, Any]:
    """Three in the field of each visit, that of visit 2 across 0h."""
    given = {
        "diaSourceId": [1, 2, 3, 4, 5, 6],
        "visit": [1, 1, 1, 2, 2, 2],
        "ra": [149.0, 150.0, 151.0, 359.0, 0.1, 1.0],
        "dec": [2.0, 2.5, 1.5, -30.0, -30.5, -29.5],
    }
    return given | changed


def predictions(**changed: Any) -> dict[str, Any]:
    given = sources()
    named = {"visit": given["visit"], "ephRa": given["ra"], "ephDec": given["dec"]}
    return named | {"designation": [str(n) for n in range(1, 7)]} | changed


Load = Callable[..., tuple[str, ...]]


@pytest.fixture(params=["sources", "predictions"])
def load(request: pytest.FixtureRequest, database: Database) -> Load:
    """Loads rows of a kind into visits with fields; the doubts."""
    ssdb.ingest_visits(database, FIELD)

    def loaded(**changed: Any) -> tuple[str, ...]:
        if request.param == "sources":
            report = ssdb.ingest_sources(database, sources(**changed))
        else:
            names = {"ra": "ephRa", "dec": "ephDec"}
            report = ssdb.ingest_predictions(
                database, predictions(**{names.get(name, name): values for name, values in changed.items()})
            )
        assert report.rows == 6
        assert all(request.param in doubt for doubt in report.doubts)
        return report.doubts

    return loaded


def test_rows_in_their_field_and_time_are_not_doubted(load: Load) -> None:
    assert load(midpointMjdTai=[MJD, MJD + 1e-4, None, MJD + 0.001, MJD + 0.0012, MJD]) == ()


def test_a_source_outside_is_no_doubt_where_another_is_inside(load: Load) -> None:
    assert load(ra=[149.0, 10.0, 20.0, 359.0, 0.1, 40.0]) == ()


def test_hours_taken_for_degrees(load: Load) -> None:
    (doubt,) = load(ra=[149.0 / 15, 150.0 / 15, 151.0 / 15, 359.0 / 15, 0.1 / 15, 1.0 / 15])
    assert "2 visits (1, 2)" in doubt or "1 visit (1)" in doubt
    assert "hours" in doubt
    assert "unit: hourangle" in doubt


def test_another_place(load: Load) -> None:
    (doubt,) = load(dec=[-2.0, -2.5, -1.5, -30.0, -30.5, -29.5])
    assert "1 visit (1)" in doubt
    assert "outside of the visit's field" in doubt
    assert "hours" not in doubt


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-37.0, ["37 s before", "UTC"]),
        (37.0, ["37 s after", "UTC"]),
        (32.184, ["32.184 s after", "TT"]),
        (69.184, ["69.184 s after", "UTC", "TT"]),
        (-69.184, ["69.184 s before", "UTC", "TT"]),
    ],
)
def test_another_scale_of_time(load: Load, seconds: float, words: list[str]) -> None:
    times = np.repeat(FIELD["midpointMjdTai"], 3) + seconds / 86400.0
    (doubt,) = load(midpointMjdTai=times.tolist())
    assert all(word in doubt for word in ("2 visits (1, 2)", *words)), doubt
    assert "TAI" in doubt


@pytest.mark.parametrize("seconds", [0.0, 15.0, -20.0, 60.0, 40.0])
def test_other_offsets_are_not_doubted(load: Load, seconds: float) -> None:
    times = np.repeat(FIELD["midpointMjdTai"], 3) + seconds / 86400.0
    assert load(midpointMjdTai=times.tolist()) == ()


def test_times_that_differ_within_a_visit_are_not_doubted(load: Load) -> None:
    times = np.repeat(FIELD["midpointMjdTai"], 3) + np.array([37.0, 20.0, 0.0, 37.0, 10.0, 37.0]) / 86400.0
    assert load(midpointMjdTai=times.tolist()) == ()


def test_the_leap_seconds_are_those_of_the_time(database: Database) -> None:
    """In 2010 they were 34."""
    ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [55200.0]})
    for n, seconds, doubted in ((1, 34.0, True), (2, 37.0, False)):
        source = {"diaSourceId": [n], "visit": [1], "ra": [1.0], "dec": [1.0]}
        doubts = ssdb.ingest_sources(database, source | {"midpointMjdTai": [55200.0 + seconds / 86400.0]}).doubts
        assert ["34 s after" in doubt for doubt in doubts] == [True] * doubted


def test_outside_of_the_outline(database: Database) -> None:
    """Detectors exchanged, say; the field of the visit need not be known."""
    ssdb.ingest_visits(database, {"visit": [10], "midpointMjdTai": [MJD]})
    ssdb.ingest_detectors(database, corners(10, 1, ra=50.0))
    ssdb.ingest_detectors(database, corners(10, 2, ra=51.0))
    given = {"diaSourceId": [1, 2, 3], "visit": [10] * 3, "detector": [1, 2, 2], "ra": [51.0, 51.0, 50.0]}
    (doubt,) = ssdb.ingest_sources(database, given | {"dec": [-5.0] * 3}).doubts
    assert "1 detectors of 1 visit (10)" in doubt
    assert "outside of the outline" in doubt
    fine = {"diaSourceId": [4], "visit": [10], "detector": [1], "ra": [50.05], "dec": [-5.05]}
    assert ssdb.ingest_sources(database, fine).doubts == ()


def test_a_field_of_unknown_size(database: Database) -> None:
    ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [MJD], "ra": [150.0], "dec": [2.0]})
    for n, ra, doubted in ((1, 153.0, False), (2, 10.0, True)):
        doubts = ssdb.ingest_sources(database, {"diaSourceId": [n], "visit": [1], "ra": [ra], "dec": [2.0]}).doubts
        assert ["hours" in doubt for doubt in doubts] == [True] * doubted


def test_parts_of_a_file_are_doubted_as_a_whole(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part in which all are outside is no doubt where another has one inside."""
    ssdb.ingest_visits(database, FIELD)
    path = tmp_path / "a.parquet"
    monkeypatch.setattr(ssdb.io.row_source, "ROWS_PER_PART", 2)
    write_columns(pa.table(sources(ra=[10.0, 20.0, 150.0, 10.0, 20.0, 30.0])), path)
    (doubt,) = ssdb.ingest_sources(database, path).doubts
    assert "1 visit (2)" in doubt


def test_the_command_tells_it_on_stderr_and_goes_on(database: Database, database_url: str, tmp_path: Path) -> None:
    ssdb.ingest_visits(database, FIELD)
    path = tmp_path / "a.csv"
    write_columns(pa.table(sources(dec=[-2.0] * 3 + [-30.0] * 3)), path)
    result = CliRunner().invoke(main, ["--db", database_url, "ingest", "sources", str(path)])
    assert result.exit_code == 0
    assert "all sources of 1 visit (1) are outside of the visit's field" in result.stderr
    assert len(rows(database, "DiaSource")) == 6
