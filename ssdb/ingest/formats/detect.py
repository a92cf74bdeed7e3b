"""Which format predictions are in, and what reads it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import ConfigError, UsageError, option, quoted
from ssdb.ingest.formats.mpsky import is_mpsky, read_mpsky
from ssdb.ingest.formats.skybot import is_skybot, read_skybot
from ssdb.ingest.formats.sorcha import is_sorcha, read_sorcha
from ssdb.ingest.table.report import Source, refuse_unknown_visits
from ssdb.io.input_file import refuse_said
from ssdb.io.tables import label
from ssdb.schema.survey import visit as visit_table
from ssdb.store.database import Database
from ssdb.store.transfer.read import read_arrays

FORMATS = ("auto", "ssdb", "sorcha", "mpsky", "skybot")
"""Formats of predictions; ``auto`` looks at the contents."""

# Sorcha's last: it has most formats, and looks longest.
_LOOKS_LIKE = {"mpsky": is_mpsky, "skybot": is_skybot, "sorcha": is_sorcha}

_OF_ONE_VISIT = ("mpsky", "skybot")
_FOREIGN = {"sorcha": "Sorcha", "mpsky": "mpSky", "skybot": "SkyBoT"}


def format_of(source: Source, format: str) -> str:
    """The format of a source of predictions, which may have been said to be ``"auto"``.

    Raises
    ------
    ConfigError
        If it is not one of :data:`FORMATS`.
    """
    if format not in FORMATS:
        raise ConfigError(f"format must be one of {', '.join(FORMATS)}, not {quoted(format)}")
    if format != "auto":
        return format
    return next((kind for kind, looks_like in _LOOKS_LIKE.items() if looks_like(source)), "ssdb")


def refuse_unfit_options(source: Source, kind: str, columns: Any, visit: int | None, complete: bool) -> None:
    """Raises UsageError if options of :func:`ssdb.ingest.predictions.ingest_predictions` do not fit the format."""
    name = label(source)
    if kind == "mpsky":
        refuse_said(source, "an answer of mpSky's", None)
    if kind == "skybot":
        refuse_said(source, "a text of SkyBoT's", "CSV")
    visit_ = option("--visit", "visit=...")
    if kind in _FOREIGN and columns is not None:
        columns_ = option("--columns", "columns=...")
        raise UsageError(
            f"{name}: {columns_} is for files in other columns than {_FOREIGN[kind]}'s, and these are: leave it out"
        )
    if kind not in _OF_ONE_VISIT and visit is not None:
        raise UsageError(
            f"{name}: {visit_} is for answers of services that do not say it ({', '.join(_OF_ONE_VISIT)}), and this is "
            f"{kind}: leave it out"
        )
    if kind == "mpsky" and visit is None:
        raise ConfigError(
            f"{name}: an answer of mpSky's does not say which visit it is for: say it with "
            f"{option('--visit N', 'visit=...')}"
        )
    if visit is not None and complete:
        raise UsageError(
            f"{name}: with {visit_} this is about visit {visit} alone: leave out "
            f"{option('--complete', 'complete=True')}"
        )


def reader_of(
    database: Database, kind: str, visit: int | None, simulated_names: bool, skip_invalid: bool, doubts: list[str]
) -> Callable[[Any], pa.Table] | None:
    """What reads a foreign format; what it doubts is added to the list. None for ssdb's own columns."""

    def with_doubts(read: Callable[..., tuple[pa.Table, tuple[str, ...]]], *arguments: Any) -> pa.Table:
        table, found = read(*arguments)
        doubts.extend(found)
        return table

    if kind == "sorcha":
        return partial(read_sorcha, simulated_names=simulated_names, skip_invalid=skip_invalid, doubts=doubts)
    if kind == "skybot":
        return lambda source: with_doubts(read_skybot, source, visit)
    if kind == "mpsky" and visit is not None:
        return lambda source: with_doubts(read_mpsky, source, visit, _midpoint(database, label(source), visit))
    return None


def _midpoint(database: Database, name: str, visit: int) -> float:
    """Mid-exposure of a visit, MJD TAI."""
    wanted = sa.select(visit_table.c.visit, visit_table.c.midpointMjdTai).where(visit_table.c.visit == visit)
    with database.reading() as connection:
        known = read_arrays(connection, wanted)
    refuse_unknown_visits(name, np.array([visit], np.int64), known["visit"])
    return float(known["midpointMjdTai"][0])
