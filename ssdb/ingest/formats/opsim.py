"""Reads schedules of visits of Rubin's Operations Simulator (OpSim): SQLite, one row a visit."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.errors import InputError, shown
from ssdb.ingest.formats.foreign_sqlite import ForeignDatabase, quoted, reading
from ssdb.io.input_file import InputFile, input_of
from ssdb.schema.arrow import arrow_rows
from ssdb.schema.survey import visit
from ssdb.units import SECONDS_PER_DAY

SCHEDULES = ("observations", "SummaryAllProps")
"""What the table of visits is called, now and in older schedules."""

OBSERVATORY_CODE = "X05"
"""The Minor Planet Center's code of the Rubin Observatory, whose simulator OpSim is."""

_COLUMNS = ("observationId", "observationStartMJD", "visitTime", "visitExposureTime", "fieldRA", "fieldDec")


def looks_like_opsim(given: Any) -> bool:
    """Whether an input is the path of an OpSim schedule: an SQLite database with its table of visits."""
    given = input_of(given)
    if not (isinstance(given, InputFile) and given.is_sqlite):
        return False
    try:
        with reading(given) as database:
            return _table(database) is not None
    except InputError:
        return False


def read_opsim(path: str | os.PathLike[str]) -> pa.Table:
    """The visits of an OpSim schedule, an SQLite database with the table observations or SummaryAllProps.

    Mid-exposure is observationStartMJD (MJD TAI) and half of visitTime (s), which includes the shutter and what lies
    between the snaps of a visit; Sorcha takes the same ("Scheduler Output Schema", documentation of rubin_scheduler).

    The columns are those of Visit, units in the metadata: visit, midpointMjdTai (MJD TAI), observatoryCode, band,
    exposureTime (s), ra, dec (boresight, ICRS, deg). InputError if the file is not there, not a schedule, or lacks a
    column.
    """
    name = os.fsdecode(path)
    with reading(path) as database:
        table = _table(database)
        if table is None:
            raise InputError(f"{name}: not an OpSim schedule: there is no table {' or '.join(SCHEDULES)}")
        there = database.columns[table]
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
        try:
            columns = database.read(table, {column: quoted(column) for column in wanted})
        except pa.ArrowException as error:
            raise InputError(f"{name}: {error} (table {table})") from None
    start, duration = (_floats(columns, column, name) for column in ("observationStartMJD", "visitTime"))
    values = {
        "visit": columns["observationId"],
        "midpointMjdTai": start + duration / 2 / SECONDS_PER_DAY,
        "observatoryCode": [OBSERVATORY_CODE] * columns.num_rows,
        "band": columns[band],
        "exposureTime": _floats(columns, "visitExposureTime", name),
        "ra": _floats(columns, "fieldRA", name),
        "dec": _floats(columns, "fieldDec", name),
    }
    try:
        return arrow_rows(visit, values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(f"{name}: column observationId or {band} of the table {table}: {error}") from None


def _table(database: ForeignDatabase) -> str | None:
    return next((table for table in SCHEDULES if table in database.columns), None)


def _floats(table: pa.Table, column: str, name: str) -> np.ndarray:
    """A column as float64; NULL as NaN."""
    try:
        return np.array(table[column].to_pylist(), np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: column {column}: {error}") from None
