"""A small night for the tests of ingest, complete dumps of a database, and ways to run things at the same time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from ssdb.association.associate import associate
from ssdb.errors import SsdbError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.columns import metadata
from ssdb.store.database import Database

Columns = dict[str, Any]
Dump = dict[str, list[dict[str, Any]]]

MQ204 = 21164728253101137
"""ssObjectId of 2015 MQ204, as the APDB has it."""

EROS = 0x3030343333
"""ssObjectId of the number 433: the bytes of 00433."""

DERIVED = ("SSSource", "SsCandidate", "SsExpected")
CLOCK = ("predictionsAt", "runId", "associatedAt", "diaRunId", "diaAssociatedAt", "validityStartMjdTai", "submittedAt")
"""Columns in which two equal databases differ."""


def visits() -> Columns:
    return {"visit": [10, 20], "midpointMjdTai": [60000.1, 60000.2], "band": ["r", "g"]}


def sources() -> Columns:
    """Two detectors of each visit; on each a source where an object is predicted, and another one."""
    return {
        "diaSourceId": [101, 102, 103, 104, 201, 202, 203, 204],
        "visit": [10, 10, 10, 10, 20, 20, 20, 20],
        "detector": [1, 1, 2, 2, 1, 1, 2, 2],
        "ra": [50.0, 50.01, 50.5, 50.51, 50.1, 50.11, 50.6, 50.61],
        "dec": [-5.0, -5.01, -5.0, -5.01, -5.0, -5.01, -5.0, -5.01],
    }


def predictions() -> Columns:
    """2015 MQ204 on detector 1 and 433 on detector 2 of each visit."""
    return {
        "visit": [10, 10, 20, 20],
        "designation": ["2015 MQ204", "433", "2015 MQ204", "433"],
        "ephRa": [50.0, 50.5, 50.1, 50.6],
        "ephDec": [-5.0, -5.0, -5.0, -5.0],
    }


def corners(visit: int = 10, detector: int = 1, ra: float = 50.0, dec: float = -5.0, half: float = 0.1) -> Columns:
    """A square detector."""
    return {
        "visit": [visit] * 4,
        "detector": [detector] * 4,
        "corner": [0, 1, 2, 3],
        "ra": [(ra + side) % 360.0 for side in (-half, half, half, -half)],
        "dec": [dec - half, dec - half, dec + half, dec + half],
    }


def rows_of(columns: Mapping[str, Any], rows: Sequence[int]) -> Columns:
    """Some rows of a table, in the given order."""
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def with_value(columns: Mapping[str, Any], name: str, row: int, value: Any) -> Columns:
    """A table with one value replaced."""
    changed = list(columns[name])
    changed[row] = value
    return {**columns, name: changed}


def load_night(database: Database, *, footprints: bool = False, associated: bool = True) -> None:
    """The small night, ingested and, where wanted, associated: every object gets its source."""
    ingest_visits(database, visits())
    if footprints:
        for visit, shift in ((10, 0.0), (20, 0.1)):
            for detector, ra in ((1, 50.0), (2, 50.5)):
                ingest_detectors(database, corners(visit, detector, ra + shift))
    ingest_sources(database, sources())
    ingest_predictions(database, predictions())
    if associated:
        associate(database)
        stored = dump(database)
        assert {row["status"] for row in (*stored["Visit"], *stored["VisitDetector"])} == {"done"}
        assert {row["diaSourceId"] for row in stored["SSSource"]} == {101, 103, 201, 203}


def dump(database: Database) -> Dump:
    """Every row of every table, in the order of the keys, or of all columns."""
    with database.reading() as connection:
        filled = connection.exec_driver_sql(_FILLED).one()
        return {
            table.name: _rows(connection, table) if has_rows else []
            for table, has_rows in zip(metadata.sorted_tables, filled, strict=True)
        }


_FILLED = "SELECT " + ", ".join(f'EXISTS (SELECT 1 FROM "{table.name}")' for table in metadata.sorted_tables)
"""Which tables have rows: most of them have none, and one statement takes less than theirs."""


@cache
def _statement(table: sa.Table) -> tuple[str, dict[int, Callable[[Any], Any]]]:
    """What asks for all rows of a table, and how columns become objects of Python where the driver gives others."""
    # In SQL: every new database would compile the statement anew, which takes longer than all the rest.
    columns = table.columns, table.primary_key.columns or table.columns
    names, keys = (", ".join(f'"{column.name}"' for column in some) for some in columns)
    read = {index: _READ[type(column.type)] for index, column in enumerate(table.columns) if type(column.type) in _READ}
    return f'SELECT {names} FROM "{table.name}" ORDER BY {keys}', read


def _rows(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    statement, read = _statement(table)
    rows = []
    for row in connection.exec_driver_sql(statement):
        values = list(row)
        for index, as_python in read.items():
            values[index] = None if values[index] is None else as_python(values[index])
        rows.append(dict(zip(table.columns.keys(), values, strict=True)))
    return rows


def rows(database: Database, table: str) -> list[dict[str, Any]]:
    """Every row of one table."""
    with database.reading() as connection:
        return _rows(connection, metadata.tables[table])


def without_clock(stored: Dump) -> Dump:
    """A dump without what tells when, and how, it was made."""
    return {
        table: [{name: value for name, value in row.items() if name not in CLOCK} for row in of_table]
        for table, of_table in stored.items()
        if table not in ("AssociationRun", "SsObjectChange")
    }


def statuses(database: Database) -> dict[tuple[int, ...], str]:
    """The status of every visit, and of every (visit, detector)."""
    found = {(row["visit"],): row["status"] for row in rows(database, "Visit")}
    return found | {(row["visit"], row["detector"]): row["status"] for row in rows(database, "VisitDetector")}


def refused(
    database: Database, ingest: Callable[..., Any], source: Any, *words: str, error: type = SsdbError, **kw: Any
) -> str:
    """Ingest must refuse a source with a message that has all the words, and leave the whole database as it was."""
    before = dump(database)
    with pytest.raises(error) as caught:
        ingest(database, source, **kw)
    assert dump(database) == before
    message = str(caught.value)
    assert not [word for word in words if word not in message], message
    assert "\n" not in message
    return message


def at_once(works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Runs functions at the same time, each in a thread of its own; their results, or the ssdb errors they raised."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        barrier.wait(timeout=30)
        try:
            return work()
        except SsdbError as error:
            return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works, timeout=120))


def wait_for_lock_waits(database: Database, n: int) -> None:
    """Waits until that many connections of the PostgreSQL database wait for a lock."""
    query = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(1000):
        with database.reading() as connection:
            if connection.execute(query).scalar_one() >= n:
                return
        time.sleep(0.01)
    raise AssertionError(f"{n} connections should wait for a lock")


def truncated(path: Path) -> Path:
    """Takes the second half of a file away."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def single(value: float) -> float:
    """The nearest single-precision number."""
    return float(np.float32(value))


_READ: dict[type, Callable[[Any], Any]] = {
    sa.REAL: single,  # the drivers give them with different numbers of digits
    sa.Boolean: bool,
    sa.TIMESTAMP: lambda value: datetime.fromisoformat(str(value)),
}
"""What values of drivers mean, by the type of the column: SQLite has numbers and texts."""
