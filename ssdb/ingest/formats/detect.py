"""Tells which format a file of predictions or of orbits is in, and what reads it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import ConfigError, InputError, UsageError, option, quoted, shown
from ssdb.ingest.formats import FORMATS, ORBIT_FORMATS
from ssdb.ingest.formats.mpc_orb_json import in_memory_as_text
from ssdb.ingest.formats.mpc_orbits import is_mpc_orbits, read_mpc_orbits
from ssdb.ingest.formats.mpcorb import is_mpcorb, read_mpcorb
from ssdb.ingest.formats.mpsky import is_mpsky, read_mpsky
from ssdb.ingest.formats.orbit_block import PACKED, UNPACKED, OrbitBlock
from ssdb.ingest.formats.skybot import is_skybot, read_skybot
from ssdb.ingest.formats.sorcha import is_sorcha, read_sorcha
from ssdb.ingest.formats.sorcha_orbits import is_sorcha_orbits, read_sorcha_orbits
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.visits_of_rows import refuse_unknown_visits
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.tables import label, read_columns
from ssdb.io.text_lines import commented_names
from ssdb.schema.survey import visit as visit_table
from ssdb.store.database import Database
from ssdb.store.transfer.read import read_arrays

# Sorcha's last: it has most formats, and looks longest.
_LOOKS_LIKE = {"mpsky": is_mpsky, "skybot": is_skybot, "sorcha": is_sorcha}

_OF_ONE_VISIT = ("mpsky", "skybot")
_FOREIGN = {"sorcha": "Sorcha", "mpsky": "mpSky", "skybot": "SkyBoT"}


def format_of(given: Input, format: str) -> str:
    """The format of predictions, one of FORMATS but ``"auto"``; ConfigError if what is said is none."""
    _refuse_format(format, FORMATS)
    if format != "auto":
        return format
    return next((kind for kind, looks_like in _LOOKS_LIKE.items() if looks_like(given)), "ssdb")


def _refuse_format(format: str, formats: tuple[str, ...]) -> None:
    if format not in formats:
        raise ConfigError(f"format must be one of {', '.join(formats)}, not {quoted(format)}")


def refuse_unfit_options(given: Input, kind: str, columns: Any, visit: int | None, complete: bool) -> None:
    """Raises UsageError if options of :func:`ssdb.ingest.predictions.ingest_predictions` do not fit the format."""
    name = label(given)
    if isinstance(given, InputFile) and kind == "mpsky":
        given.refuse_said("an answer of mpSky's", None)
    if isinstance(given, InputFile) and kind == "skybot":
        given.refuse_said("a text of SkyBoT's", "CSV")
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


def reader_of(database: Database, kind: str, visit: int | None, doubts: list[str]) -> Callable[[Any], pa.Table] | None:
    """What reads a foreign format; what it doubts is added to the list. None for ssdb's own columns."""

    def with_doubts(read: Callable[..., tuple[pa.Table, tuple[str, ...]]], *arguments: Any) -> pa.Table:
        table, found = read(*arguments)
        doubts.extend(found)
        return table

    if kind == "sorcha":
        return partial(read_sorcha, doubts=doubts)
    if kind == "skybot":
        return lambda given: with_doubts(read_skybot, given, visit)
    if kind == "mpsky" and visit is not None:
        return lambda given: with_doubts(read_mpsky, given, visit, _midpoint(database, label(given), visit))
    return None


def _midpoint(database: Database, name: str, visit: int) -> float:
    """Mid-exposure of a visit, MJD TAI."""
    wanted = sa.select(visit_table.c.visit, visit_table.c.midpointMjdTai).where(visit_table.c.visit == visit)
    with database.reading() as connection:
        known = read_arrays(connection, wanted)
    refuse_unknown_visits(name, np.array([visit], np.int64), known["visit"])
    return float(known["midpointMjdTai"][0])


def orbit_blocks(given: Input, format: str, simulated_names: bool) -> Iterator[OrbitBlock]:
    """The orbits of a path or a table in memory, read as their format, one of ``ORBIT_FORMATS``, has to be.

    ConfigError or UsageError if there is no such format, or options do not fit it; InputError if the input is not
    usable.
    """
    _refuse_format(format, ORBIT_FORMATS)
    given = input_of(given)
    if not isinstance(given, InputFile):
        given = in_memory_as_text(given)
    elif given.is_text:
        given.refuse_said("text", "CSV")
    elif given.format == "Parquet":
        given.refuse_said("Parquet", "Parquet")
    if format == "auto":
        format, given = _orbit_format(given)
    if format == "sorcha":
        return read_sorcha_orbits(given, simulated_names=simulated_names)
    if simulated_names:
        raise UsageError(
            f"{label(given)}: {option('--simulated-names', 'simulated_names=True')} is for orbit files of Sorcha's, "
            f"and this is {format}"
        )
    if format == "mpc_orbits":
        return read_mpc_orbits(given)
    if not isinstance(given, InputFile):
        raise ConfigError("MPCORB.DAT is read from a path, not from a table")
    return read_mpcorb(given)


def _orbit_format(given: InputFile | Any) -> tuple[str, Any]:
    """What an input of orbits is, by its contents; and the input, or all of it where that has been read to know."""
    name, text = label(given), given if isinstance(given, InputFile) and given.is_text else None
    if text:
        text.require()
        if is_mpcorb(text):
            return "mpcorb", given
    if isinstance(given, InputFile) and (given.is_simple_text or given.format == "Parquet"):
        names = given.names
    else:
        table = read_columns(given, strings=(PACKED, UNPACKED, "ObjID", "FORMAT"))
        given = table.replace_schema_metadata({**(table.schema.metadata or {}), "label": name})
        names = table.column_names
    if is_sorcha_orbits(names):
        return "sorcha", given
    if is_mpc_orbits(names):
        return "mpc_orbits", given
    commented = commented_names(io.BytesIO(text.beginning), name) if text else []
    if is_sorcha_orbits(commented) or is_mpc_orbits(commented):
        raise InputError(f"{name}: the names of its columns are in a comment: take the # away that is before them")
    raise InputError(
        f"{name}: these are not orbits as MPCORB.DAT, the table mpc_orbits ({UNPACKED} or {PACKED}, q, e, "
        f"epoch_mjd, ...) or Sorcha (ObjID, FORMAT, ...) have them; it begins with {shown(names, 10)}"
    )
