"""Schedules of visits as Rubin's Operations Simulator (OpSim) writes them: SQLite, one row an exposure."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.errors import InputError, shown
from ssdb.schema.arrow import arrow_field
from ssdb.schema.survey import visit

TABLES = ("observations", "SummaryAllProps")
"""The table of visits, now and in older schedules."""

OBSERVATORY_CODE = "X05"
"""The Minor Planet Center's code of the Rubin Observatory, whose simulator OpSim is."""

SECONDS_PER_DAY = 86400.0

_COLUMNS = ("observationId", "observationStartMJD", "visitTime", "visitExposureTime", "fieldRA", "fieldDec")


def is_sqlite(source: Any) -> bool:
    """Whether a source is the path of an SQLite database."""
    if not isinstance(source, str | os.PathLike):
        return False
    try:
        with open(source, "rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def looks_like_opsim(source: Any) -> bool:
    """Whether a source is the path of an OpSim schedule: an SQLite database with its table of visits."""
    if not is_sqlite(source):
        return False
    try:
        with reading(source) as connection:
            return _table(connection) is not None
    except InputError:
        return False


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    """An SQLite database opened for reading alone.

    Raises
    ------
    InputError
        If the file is not there or not an SQLite database, here or when it is read within the context.
    """
    name = os.fsdecode(path)
    if not Path(name).is_file():
        raise InputError(f"{name}: there is no such file")
    try:
        # as_uri quotes what a URI would take for its own: "?", "#", "%"
        with closing(sqlite3.connect(f"{Path(name).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise InputError(f"{name}: cannot be read as an SQLite database: {error}") from error


def quoted(identifier: str) -> str:
    """The name of a table or column of a foreign SQLite database, quoted for use in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def read_opsim(path: str | os.PathLike[str]) -> pa.Table:
    """The visits of an OpSim schedule.

    Mid-exposure is observationStartMJD (MJD TAI) and half of visitTime (s), which includes the shutter and what lies
    between the snaps of a visit; Sorcha takes the same ("Scheduler Output Schema", documentation of rubin_scheduler).

    Parameters
    ----------
    path : path
        An SQLite database with the table observations or, in older schedules, SummaryAllProps.

    Returns
    -------
    pyarrow.Table
        Columns of Visit, units in the metadata: visit, midpointMjdTai (MJD TAI), observatoryCode, band, exposureTime
        (s), ra, dec (boresight, ICRS, deg).

    Raises
    ------
    InputError
        If the file is not there, not an SQLite database, not a schedule, or lacks a column.
    """
    name = os.fsdecode(path)
    with reading(path) as connection:
        table = _table(connection)
        if table is None:
            raise InputError(f"{name}: not an OpSim schedule: there is no table {' or '.join(TABLES)}")
        there = [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")]
        # Since the filter wheel of the real camera, "filter" may be the piece of glass (r_57) beside "band" (r).
        band = "band" if "band" in there else "filter"
        wanted = [*_COLUMNS, band]
        missing = [column for column in wanted if column not in there]
        if missing:
            old = "; schedules of OpSim 3 (obsHistID, radians) are not read" if "obsHistID" in there else ""
            raise InputError(
                f"{name}: column {shown(missing, len(missing))} is missing in the table {table}{old}; "
                f"it has: {shown(there, 40)}"
            )
        rows = connection.execute(f"SELECT {', '.join(map(quoted, wanted))} FROM {quoted(table)}").fetchall()
    columns = dict(zip(wanted, zip(*rows, strict=True) if rows else [()] * len(wanted), strict=True))
    start, duration = (_floats(columns[column], column, name) for column in ("observationStartMJD", "visitTime"))
    values = {
        "visit": columns["observationId"],
        "midpointMjdTai": start + duration / 2 / SECONDS_PER_DAY,
        "observatoryCode": [OBSERVATORY_CODE] * len(rows),
        "band": columns[band],
        "exposureTime": _floats(columns["visitExposureTime"], "visitExposureTime", name),
        "ra": _floats(columns["fieldRA"], "fieldRA", name),
        "dec": _floats(columns["fieldDec"], "fieldDec", name),
    }
    fields = [arrow_field(visit.columns[column]) for column in values]
    # Single precision is made at the door, which looks at the values.
    fields = [field.with_type(pa.float64()) if pa.types.is_floating(field.type) else field for field in fields]
    try:
        arrays = [pa.array(values[field.name], from_pandas=True).cast(field.type) for field in fields]
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"{name}: column observationId or {band} of the table {table}: {error}") from None
    return pa.table(arrays, schema=pa.schema(fields))


def _table(connection: sqlite3.Connection) -> str | None:
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
    return next((table for table in TABLES if table in names), None)


def _floats(values: tuple[Any, ...], column: str, name: str) -> np.ndarray:
    """A column as float64; NULL as NaN."""
    try:
        return np.array(values, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: column {column}: {error}") from None
