"""Exposures through ingest into the database, on both databases."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy import units as u
from astropy.table import Table
from conftest import shared_data
from ingesting import (
    DERIVED,
    at_once,
    dump,
    load_night,
    refused,
    rows,
    rows_of,
    single,
    statuses,
    truncated,
    visits,
    with_value,
)

from ssdb.errors import InputError
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.writers import write_columns
from ssdb.store.database import Database

FULL = {
    "visit": [2**63 - 1, -(2**63)],
    "midpointMjdTai": [60000.123456789012, 60001.0],
    "instrument": ["LSSTCam", None],
    "observatoryCode": ["X05", None],
    "band": ["r", None],
    "exposureTime": [29.7, None],
    "ra": [359.999, None],
    "dec": [-89.5, None],
    "radius": [1.75, None],
}


def test_every_column_is_stored_and_unknown_is_null(database: Database) -> None:
    report = ingest_visits(database, FULL)
    low, high = rows(database, "Visit")
    assert {name: low[name] for name in FULL} == {name: values[1] for name, values in FULL.items()}
    given = {name: values[0] for name, values in FULL.items()} | {"exposureTime": single(29.7)}
    assert {name: high[name] for name in FULL} == given
    state = ("predictionsAt", "runId", "associatedAt", "nSources", "nTotalSsObjects", "nAssociatedSsObjects")
    assert {low[name] for name in state} == {None}
    assert low["status"] == "pending"
    assert (report.rows, report.visits, report.invalid, report.left_out) == (2, 2, 0, ())


def test_units_are_converted_and_other_columns_left_out(database: Database) -> None:
    table = Table({"visit": [1], "midpointMjdTai": [60000.0], "seeing": [0.8]})
    table["ra"] = [180.0] * u.arcmin
    table["exposureTime"] = [0.5] * u.min
    report = ingest_visits(database, table)
    (stored,) = rows(database, "Visit")
    assert stored["ra"] == pytest.approx(3.0, abs=1e-13)
    assert stored["exposureTime"] == 30.0
    assert report.left_out == ("seeing",)


def test_ra_is_stored_from_0_to_below_360(database: Database) -> None:
    given, expected = [360.0, -10.5, -1e-20, 359.5], [0.0, 349.5, 0.0, 359.5]
    ingest_visits(database, {"visit": [1, 2, 3, 4], "midpointMjdTai": [60000.0] * 4, "ra": given, "dec": [0.0] * 4})
    assert [row["ra"] for row in rows(database, "Visit")] == expected


def test_unknown_in_every_disguise_is_null(database: Database) -> None:
    n = 4
    table = {
        "visit": list(range(n)),
        "midpointMjdTai": [60000.0] * n,
        "ra": [float("nan"), -999.0, None, float("inf")],
        "dec": [float("nan"), -999.0, None, float("inf")],
        "exposureTime": [float("nan"), -999.0, None, -9999.0],
        "band": ["", " ", None, ""],
    }
    ingest_visits(database, table)
    stored = rows(database, "Visit")
    assert {row[name] for row in stored for name in ("ra", "dec", "exposureTime", "band")} == {None}


def test_the_same_visits_again_change_nothing(database: Database) -> None:
    load_night(database)
    before = dump(database)
    ingest_visits(database, visits())
    ingest_visits(database, rows_of(visits(), [1, 0]))
    assert dump(database) == before


def test_a_stored_visit_takes_the_new_values_and_keeps_everything_else(database: Database) -> None:
    load_night(database)
    before = dump(database)
    times = visits()["midpointMjdTai"]
    ingest_visits(database, {"visit": [20, 30], "midpointMjdTai": [times[1], 60000.3], "instrument": ["new", "new"]})
    after = dump(database)
    assert after["Visit"][:2] == [before["Visit"][0], before["Visit"][1] | {"instrument": "new"}]
    assert (after["Visit"][2]["visit"], after["Visit"][2]["status"]) == (30, "pending")
    assert {table: of_table for table, of_table in after.items() if table != "Visit"} == {
        table: of_table for table, of_table in before.items() if table != "Visit"
    }


def test_another_time_sets_the_visit_and_its_detectors_back_to_pending(database: Database) -> None:
    """What was derived stays until it is renewed; a visit with the same time stays done."""
    load_night(database)
    before = dump(database)
    ingest_visits(database, with_value(visits(), "midpointMjdTai", 1, 60000.2001))
    assert statuses(database) == {
        (10,): "done",
        (10, 1): "done",
        (10, 2): "done",
        (20,): "pending",
        (20, 1): "pending",
        (20, 2): "pending",
    }
    after = dump(database)
    assert after["Visit"][1]["midpointMjdTai"] == 60000.2001
    assert [after[table] for table in DERIVED] == [before[table] for table in DERIVED]


def test_sources_are_not_looked_at_where_no_time_changes(database: Database) -> None:
    """However many there are: night after night new visits come in, and old ones once more."""
    ingest_visits(database, visits())
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    sa.event.listen(database.engine, "before_cursor_execute", note)
    ingest_visits(database, visits())
    ingest_visits(database, {"visit": [99], "midpointMjdTai": [60000.0]})
    assert any("Visit" in statement for statement in statements)
    assert not any("DiaSource" in statement for statement in statements)


def test_the_state_is_not_for_a_file_to_give(database: Database) -> None:
    load_night(database)
    before = dump(database)
    report = ingest_visits(database, {**visits(), "status": ["pending"] * 2, "RUNID": ["x"] * 2, "nSources": [7, 7]})
    assert dump(database) == before
    assert set(report.left_out) == {"status", "RUNID", "nSources"}


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"visit": [1]}, ["midpointMjdTai is missing", "the file has: visit"]),
    ({"midpointMjdTai": [60000.0]}, ["column visit is missing"]),
    (with_value(visits(), "visit", 1, None), ["visit is missing (row 2)"]),
    (with_value(visits(), "midpointMjdTai", 1, None), ["midpointMjdTai is missing (row 2)"]),
    (with_value(visits(), "midpointMjdTai", 0, float("nan")), ["midpointMjdTai is missing (row 1)"]),
    (with_value(visits(), "midpointMjdTai", 0, 2460000.5), ["midpointMjdTai", "JD", "row 1", "2400000.5"]),
    (with_value(visits(), "midpointMjdTai", 1, 1.7e9), ["midpointMjdTai", "unix", "row 2"]),
    (with_value(visits(), "visit", 1, 10), ["visit is there twice (row 2)"]),
    ({**visits(), "visit": [1.5, 2.0]}, ["visit", "not a whole number", "row 1", "1.5"]),
    ({**visits(), "visit": ["a1", "2"]}, ["visit", "not a whole number", "a1"]),
    ({**visits(), "midpointMjdTai": ["x", "60000"]}, ["midpointMjdTai", "not a number", "row 1"]),
    ({**visits(), "ra": [0.0, 361.0], "dec": [0.0, 0.0]}, ["ra is not", "360", "row 2"]),
    ({**visits(), "ra": [0.0, -181.0], "dec": [0.0, 0.0]}, ["ra is not", "row 2"]),
    ({**visits(), "ra": [0.0, 0.0], "dec": [-90.1, 0.0]}, ["dec is not", "row 1"]),
    ({**visits(), "ra": [0.0, 361.0]}, ["ra is not", "row 2"]),
    ({**visits(), "dec": [0.0, 91.0]}, ["dec is not", "row 2"]),
    ({**visits(), "exposureTime": [30.0, 30.0] * u.m}, ["exposureTime", "'m'", "cannot be converted to s"]),
    ({**visits(), "band": ["r", "nine chars"]}, ["band", "longer than 8", "row 2"]),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    """From memory, and, where Parquet can hold it, from a file that is then named."""
    ingest_visits(database, {"visit": [10], "midpointMjdTai": [60000.0]})
    for source, words in WRONG:
        refused(database, ingest_visits, source, *words, error=InputError)
        if not any(isinstance(values, u.Quantity) for values in source.values()):
            path = tmp_path / "night.parquet"
            write_columns(pa.table(source), path)
            refused(database, ingest_visits, path, str(path), *words, error=InputError)


def test_a_truncated_file_stores_nothing(database: Database, tmp_path: Path) -> None:
    n = 2000
    for ending in ("parquet", "fits", "vot", "csv.gz"):
        path = tmp_path / f"visits.{ending}"
        write_columns(pa.table({"visit": range(n), "midpointMjdTai": [60000.0] * n}), path)
        refused(database, ingest_visits, truncated(path), str(path), error=InputError)


def test_a_missing_and_a_foreign_file_store_nothing(database: Database, tmp_path: Path) -> None:
    refused(database, ingest_visits, tmp_path / "none.parquet", "none.parquet", "no such file")
    (tmp_path / "text.fits").write_text("not FITS")
    refused(database, ingest_visits, tmp_path / "text.fits", "text.fits", "FITS")
    (tmp_path / "visits.dat").write_text("visit\n1\n")
    refused(database, ingest_visits, tmp_path / "visits.dat", "visits.dat", "midpointMjdTai is missing")
    (tmp_path / "visits.bin").write_bytes(b"\x00\x01")
    refused(database, ingest_visits, tmp_path / "visits.bin", "visits.bin", "Parquet")


def test_skip_invalid_stores_the_rest_and_counts(database: Database) -> None:
    source = {
        "visit": [1, 2, None, 4, 4, 6],
        "midpointMjdTai": [60000.0, 2460000.5, 60000.0, 60000.0, 60000.0, 60000.0],
        "ra": [10.0, 10.0, 10.0, 10.0, 10.0, 400.0],
        "dec": [0.0] * 6,
    }
    report = ingest_visits(database, source, skip_invalid=True)
    assert [row["visit"] for row in rows(database, "Visit")] == [1, 4]
    assert (report.rows, report.visits, report.invalid) == (2, 2, 4)


def test_no_rows_are_no_error(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "visits.csv"
    path.write_text("visit,midpointMjdTai\n")
    assert ingest_visits(database, path).rows == 0
    assert rows(database, "Visit") == []


def test_a_column_map_makes_the_columns(database: Database, tmp_path: Path) -> None:
    """Dates in UTC become MJD TAI: 2020-01-01 is MJD 58849, 37 s later in TAI."""
    path = tmp_path / "log.csv"
    path.write_text("expnum,date,filt\n7,2020-01-01T00:00:00,1\n8,2020-01-02T00:00:00,2\n")
    columns = {
        "columns": {
            "visit": "expnum",
            "midpointMjdTai": {"column": "date", "convert": "time", "format": "isot", "scale": "utc"},
            "band": {"column": "filt", "values": {1: "g", 2: "r"}},
            "observatoryCode": {"constant": "I41"},
        }
    }
    ingest_visits(database, path, columns=columns)
    stored = rows(database, "Visit")
    assert [row["midpointMjdTai"] for row in stored] == pytest.approx(
        [58849 + 37 / 86400, 58850 + 37 / 86400], abs=1e-9
    )
    assert [(row["visit"], row["band"], row["observatoryCode"]) for row in stored] == [(7, "g", "I41"), (8, "r", "I41")]


def test_the_same_new_visits_at_once(database: Database) -> None:
    """Several writers of overlapping nights, in different order: no error, every visit once."""
    n = 200
    times = [60000.0 + i / 1000 for i in range(n)]
    orders = [list(range(n)), list(range(n - 1, -1, -1)), list(range(0, n, 2)), list(range(1, n, 2))]
    table = {"visit": list(range(n)), "midpointMjdTai": times}
    results = at_once([lambda order=order: ingest_visits(database, rows_of(table, order)) for order in orders])
    assert [result.rows for result in results] == [n, n, n // 2, n // 2]
    assert [(row["visit"], row["midpointMjdTai"]) for row in rows(database, "Visit")] == list(enumerate(times))


def test_sorchas_schedule(database: Database) -> None:
    """All visits of a real OpSim schedule; mid-exposure is start (TAI) and half of visitTime."""
    path = shared_data("sorcha/tests__data__baseline_10klines_2.0.db")
    report = ingest_visits(database, path)
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as schedule:
        query = "SELECT observationId, observationStartMJD, visitTime, fieldRA, fieldDec, filter FROM observations"
        expected = sorted(schedule.execute(query).fetchall())
    schedule.close()
    stored = rows(database, "Visit")
    assert report.rows == len(stored) == len(expected) == 10_000
    assert [row["visit"] for row in stored] == [row[0] for row in expected]
    middles = [start + seconds / 172800 for _, start, seconds, *_ in expected]
    assert [row["midpointMjdTai"] for row in stored] == pytest.approx(middles, abs=1e-9)
    assert [(row["ra"], row["dec"], row["band"]) for row in stored] == [tuple(row[3:]) for row in expected]


def test_sorchas_other_files_are_no_visits(database: Database) -> None:
    cases = {
        "demo__example_ephem_output.txt": ["visit, midpointMjdTai is missing"],
        "demo__mba_sample_1000_orbit.csv": ["visit, midpointMjdTai is missing"],
        "demo__mba_sample_1000_physical.csv": ["visit, midpointMjdTai is missing"],
        "src__sorcha__modules__data__LSST_detector_corners_100123.csv": ["visit, midpointMjdTai is missing"],
        "tests__data__goldens__sorcha_ephemeris.csv": ["visit, midpointMjdTai is missing", "FieldID"],
    }
    for file, words in cases.items():
        refused(database, ingest_visits, shared_data("sorcha") / file, file, *words, error=InputError)


def test_a_table_of_sources_is_no_table_of_visits(database: Database) -> None:
    columns = {
        "diaSourceId": [1, 2],
        "visit": [1, 2],
        "midpointMjdTai": [60000.1, 60000.2],
        "ra": [1, 2],
        "dec": [1, 2],
    }
    refused(database, ingest_visits, columns, "diaSourceId", "sources")


def test_sources_that_have_the_time_of_their_visit_follow_it(database: Database) -> None:
    """Those with a time of their own keep it, and so do predictions, which were made for theirs."""
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.25]})
    times = {"midpointMjdTai": [None, 60000.251]}
    ingest_sources(database, {"diaSourceId": [1, 2], "visit": [1, 1], "ra": [10.0, 10.0], "dec": [0.0, 0.1], **times})
    ingest_predictions(database, {"visit": [1], "designation": ["433"], "ephRa": [10.0], "ephDec": [0.0]})
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.26]})
    stored = dump(database)
    assert [row["midpointMjdTai"] for row in stored["DiaSource"]] == [60000.26, 60000.251]
    assert [row["midpointMjdTai"] for row in stored["SsPrediction"]] == [60000.25]
