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
from ssdb.ingest.formats.mpc_extended import COMETS, MINOR_PLANETS, is_comet_els, read_comet_els, read_extended
from ssdb.ingest.formats.mpc_orb_files import is_mpc_orb, read_mpc_orb
from ssdb.ingest.formats.mpc_orb_json import in_memory_as_text
from ssdb.ingest.formats.mpc_orbits import is_mpc_orbits, read_dialect, read_mpc_orbits
from ssdb.ingest.formats.mpcorb import is_mpcorb, read_mpcorb
from ssdb.ingest.formats.mpsky import is_mpsky, read_mpsky
from ssdb.ingest.formats.orbit_block import PACKED, UNPACKED, OrbitBlock
from ssdb.ingest.formats.orbit_dialects import DIALECTS
from ssdb.ingest.formats.sbdb import read_sbdb
from ssdb.ingest.formats.skybot import is_skybot, read_skybot
from ssdb.ingest.formats.skybot_tables import is_skybot_table
from ssdb.ingest.formats.sorcha import is_sorcha, read_sorcha
from ssdb.ingest.formats.sorcha_orbits import is_sorcha_orbits, read_sorcha_orbits
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.visits_of_rows import refuse_unknown_visits
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.json_items import is_json, json_items
from ssdb.io.tables import label, read_columns
from ssdb.io.text_lines import commented_names
from ssdb.schema.survey import visit as visit_table
from ssdb.store.database import Database
from ssdb.store.transfer.read import read_arrays

# Sorcha's last: it has most formats, and looks longest.
_LOOKS_LIKE = {"mpsky": is_mpsky, "skybot": is_skybot, "sorcha": is_sorcha}

_OF_FILES = {"mpcorb": read_mpcorb, "cometels": read_comet_els}
_AS_JSON = {"mpcorb_extended": read_extended, "cometels": read_extended, "mpc_orb": read_mpc_orb, "sbdb": read_sbdb}
"""Formats of orbits that are files, and what reads them."""
_TEXTS_OF_ORBITS = (PACKED, UNPACKED, "ObjID", "provID", "FORMAT", *(text for one in DIALECTS for text in one.texts))

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
    if isinstance(given, InputFile) and kind == "skybot" and not is_skybot_table(given):
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
    return _read_orbits(given, format)


def _read_orbits(given: Any, format: str) -> Iterator[OrbitBlock]:
    if isinstance(given, InputFile) and (is_json(given) or format in _OF_FILES):
        if format in _AS_JSON and is_json(given):
            return _AS_JSON[format](given)
        if format not in _OF_FILES:
            raise InputError(f"{given.path}: is JSON, which {format} is not")
        given.require()
        return _OF_FILES[format](given)
    if format == "mpc_orbits":
        return read_mpc_orbits(given)
    fitting = [dialect for dialect in DIALECTS if dialect.name == format]
    if not fitting:
        raise ConfigError(f"{format} is read from a path, not from a table")
    names = given.names if isinstance(given, InputFile) and given.is_simple_text else read_columns(given).column_names
    return read_dialect(given, next((one for one in fitting if one.needed <= {*names}), fitting[0]))


def _json_format(given: InputFile) -> str:
    """What orbits in JSON are; InputError if they are none that is read."""
    keys: list[str] = []
    for key, value in json_items(given, streamed=("data",)):
        if key is None:
            value = value[0] if isinstance(value, list) and value else value
            if is_mpc_orb(value):
                return "mpc_orb"
            keys = list(value) if isinstance(value, dict) else []
            found = next((one for one in (COMETS, MINOR_PLANETS) if one.needed <= {*keys}), None)
            if found:
                return found.name
            break
        if is_mpc_orb({key: value}):
            return "mpc_orb"
        if key in ("fields", "data", "orbit", "signature", "moreInfo", "message"):
            return "sbdb"
        keys.append(key)
    raise InputError(
        f"{given.path}: is JSON, and not orbits as the Minor Planet Center (mpcorb_extended.json, cometels.json, "
        f"get-orb) or JPL (SBDB) has them; it has {shown(keys, 10)}"
    )


def _orbit_format(given: InputFile | Any) -> tuple[str, Any]:
    """What an input of orbits is, by its contents; and the input, or all of it where that has been read to know."""
    name, text = label(given), given if isinstance(given, InputFile) and given.is_text else None
    if text:
        text.require()
        if is_json(text):
            return _json_format(text), given
        if is_mpcorb(text):
            return "mpcorb", given
        if is_comet_els(text):
            return "cometels", given
    if isinstance(given, InputFile) and (given.is_simple_text or given.format == "Parquet"):
        names = given.names
    else:
        table = read_columns(given, strings=_TEXTS_OF_ORBITS)
        given = table.replace_schema_metadata({**(table.schema.metadata or {}), "label": name})
        names = table.column_names
    if is_sorcha_orbits(names):
        return "sorcha", given
    if is_mpc_orbits(names):
        return "mpc_orbits", given
    for dialect in DIALECTS:
        if dialect.needed <= {*names}:
            return dialect.name, given
    commented = commented_names(io.BytesIO(text.beginning), name) if text else []
    if is_sorcha_orbits(commented) or is_mpc_orbits(commented):
        raise InputError(f"{name}: the names of its columns are in a comment: take the # away that is before them")
    raise InputError(
        f"{name}: these are not orbits as MPCORB.DAT, CometEls.txt, the table mpc_orbits ({UNPACKED} or {PACKED}, "
        f"q, e, epoch_mjd, ...), Sorcha or layup (ObjID or provID, FORMAT, ...), JPL's SBDB (pdes, e, om, w, ...), "
        f"Rubin's DP1, kete or astroquery's Horizons have them; it begins with {shown(names, 10)}"
    )
