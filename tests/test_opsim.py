"""OpSim schedules: their visits become visits."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy.time import Time, TimeDelta
from conftest import shared_data

from ssdb.errors import InputError
from ssdb.ingest.formats.opsim import looks_like_opsim, read_opsim

SCHEDULE = "sorcha/tests__data__baseline_10klines_2.0.db"
EPHEMERIS = "sorcha/demo__example_ephem_output.txt"

COLUMNS = ["observationId", "observationStartMJD", "visitTime", "visitExposureTime", "fieldRA", "fieldDec", "filter"]
ROW = [2**62, 60218.001805555556, 34.0, 30.0, 310.02448010095446, -60.81292801655155, "y"]


def write(path: Path, columns: Sequence[str], rows: Sequence[Sequence[Any]], table: str = "observations") -> Path:
    """An SQLite file with one table."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", rows)
    return path


@pytest.mark.parametrize("table", ["observations", "SummaryAllProps"])
def test_a_row_becomes_a_visit(tmp_path: Path, table: str) -> None:
    """Identifiers are exact, the time is the middle of the visit, and every quantity has its unit."""
    path = write(tmp_path / "a %3f#b?c.db", COLUMNS, [ROW], table)
    assert looks_like_opsim(path)
    visits = read_opsim(path)
    start = Time(ROW[1], format="mjd", scale="tai")
    assert visits.to_pylist() == [
        {
            "visit": 2**62,
            "midpointMjdTai": pytest.approx((start + TimeDelta(17.0, format="sec")).mjd, abs=1e-11),
            "observatoryCode": "X05",
            "band": "y",
            "exposureTime": 30.0,
            "ra": ROW[4],
            "dec": ROW[5],
        }
    ]
    units = {field.name: field.metadata.get(b"unit") for field in visits.schema}
    assert units["midpointMjdTai"] == b"d"
    assert units["exposureTime"] == b"s"
    assert units["ra"] == units["dec"] == b"deg"


def test_band_wins_over_the_physical_filter(tmp_path: Path) -> None:
    """Where a schedule has both, the piece of glass is not the band."""
    path = write(tmp_path / "new.db", [*COLUMNS, "band"], [[*ROW[:-1], "r_57", "r"]])
    assert read_opsim(path)["band"].to_pylist() == ["r"]


def test_null_stays_null(tmp_path: Path) -> None:
    """An unknown pointing is NULL, not NaN."""
    path = write(tmp_path / "null.db", COLUMNS, [[1, 60218.0, 34.0, 30.0, None, None, None]])
    visits = read_opsim(path)
    assert [visits[name].null_count for name in ("ra", "dec", "band")] == [1, 1, 1]


def test_empty_schedule_has_the_same_types(tmp_path: Path) -> None:
    """No rows, same columns."""
    empty = read_opsim(write(tmp_path / "empty.db", COLUMNS, []))
    full = read_opsim(write(tmp_path / "full.db", COLUMNS, [ROW]))
    assert empty.num_rows == 0
    assert empty.schema.equals(full.schema, check_metadata=True)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    """The message has the file and the column, and the file is still seen to be a schedule."""
    path = write(tmp_path / "old.db", [name for name in COLUMNS if name != column], [])
    assert looks_like_opsim(path)
    with pytest.raises(InputError, match=rf"old\.db: column {column} is missing"):
        read_opsim(path)


def test_schedules_of_opsim_3_are_refused(tmp_path: Path) -> None:
    """Their positions are in radians, and must not be taken for degrees."""
    path = write(tmp_path / "v3.db", ["obsHistID", "expMJD", "fieldRA", "fieldDec", "filter"], [])
    with pytest.raises(InputError, match="OpSim 3"):
        read_opsim(path)


@pytest.mark.parametrize(("column", "value"), [("observationId", "x"), ("fieldRA", "x"), ("observationId", 1.5)])
def test_a_value_of_the_wrong_type_is_named(tmp_path: Path, column: str, value: object) -> None:
    """SQLite keeps text in columns of numbers; that is an error of the file."""
    row = [value if name == column else given for name, given in zip(COLUMNS, ROW, strict=True)]
    with pytest.raises(InputError, match=rf"wrong\.db: column {column}"):
        read_opsim(write(tmp_path / "wrong.db", COLUMNS, [row]))


def test_other_files_are_no_schedules(tmp_path: Path) -> None:
    """What is not a schedule is not taken for one, and reading it says why not."""
    text = tmp_path / "text.db"
    text.write_text("observationId,fieldRA\n")
    other = write(tmp_path / "other.db", ["a"], [], "b")
    broken = tmp_path / "broken.db"
    broken.write_bytes(write(tmp_path / "whole.db", COLUMNS, [ROW]).read_bytes()[:2000])
    nothing = tmp_path / "nothing.db"
    for path, reason in [
        (text, "not a database"),
        (other, "no table observations"),
        (broken, "SQLite"),
        (nothing, "no such file"),
    ]:
        assert not looks_like_opsim(path)
        with pytest.raises(InputError, match=rf"{path.name}: .*{reason}"):
            read_opsim(path)
    assert not nothing.exists()
    assert not looks_like_opsim(pa.table({"visit": [1]}))


def test_real_schedule() -> None:
    """Ten thousand simulated visits of Rubin: distinct, in time order, of 34 s, between the poles of its survey."""
    visits = read_opsim(shared_data(SCHEDULE))
    ids, times, dec = (visits[name].to_numpy() for name in ("visit", "midpointMjdTai", "dec"))
    assert visits.num_rows == len(set(ids.tolist())) == 10_000
    assert times[0] == pytest.approx(60218.001805555556 + 17 / 86400, abs=1e-10)
    assert (times[1:] - times[:-1] > 30 / 86400).all()
    assert set(visits["band"].to_pylist()) <= set("ugrizy")
    assert (dec > -90).all()
    assert (dec < 40).all()


def test_times_are_those_that_sorcha_used() -> None:
    """Sorcha's ephemerides for visits of the same schedule hold for the same times, to a microsecond."""
    visits = read_opsim(shared_data(SCHEDULE))
    times = dict(zip(visits["visit"].to_pylist(), visits["midpointMjdTai"].to_pylist(), strict=True))
    with shared_data(EPHEMERIS).open(newline="") as file:
        used = {int(row["FieldID"]): float(row["fieldMJD_TAI"]) for row in csv.DictReader(file)}
    common = used.keys() & times.keys()
    assert len(common) > 10
    assert all(times[visit] == pytest.approx(used[visit], abs=1e-6 / 86400) for visit in common)
