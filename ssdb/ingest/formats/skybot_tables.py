"""SkyBoT's predictions as tables: its VOTables, and tables of astroquery's, in the columns of its text.

The VOTable is that of https://ssp.imcce.fr/webservices/skybot (``-mime=votable``), the table that of
``astroquery.imcce.Skybot.cone_search``, also where it was written into a file. What these call ``epoch`` is the time of
the vectors, which are not read, not that of the positions.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError, shown
from ssdb.io.input_file import InputFile
from ssdb.io.table_notes import unit_of
from ssdb.io.tables import read_columns
from ssdb.schema.sentinels import known_texts

_VOTABLE = {"DEC": "DE", "ErrPos": "Err", "dRAcosDec": "dRA", "Dgeo": "Dg", "phase": "Phase", "elong": "SunElong"}
_ASTROQUERY = {
    **{"Number": "Num", "DEC": "DE", "Type": "Class", "V": "Mv", "posunc": "Err", "RA_rate": "dRA"},
    **{"DEC_rate": "dDEC", "geodist": "Dg", "alpha": "Phase", "elong": "SunElong"},
}
"""What columns of the text are called there, where they are called differently."""
_READ = ("Num", "Name", "RA", "DE", "Class", "Mv", "Err", "dRA", "dDEC", "Dg", "Phase", "SunElong")
_OF_ASTROQUERY = ("posunc", "RA_rate", "DEC_rate", "Number")
_TEXTS = ("Num", "Number", "Name", "Class", "Type", "RA", "DEC")
_UNITS = {"h:m:s": "h", "d:m:s": "deg", "AU": "au", "arcsec / h": "arcsec/h", "arcsec h-1": "arcsec/h"}
_EPOCH = re.compile(rb'<[^>]*\bname="Epoch"[^>]*\bdatatype[^>]*\bvalue="([^"]+)"')


def is_skybot_table(given: Any) -> bool:
    """Whether an input is such a table, or a file that holds one."""
    if isinstance(given, InputFile):
        beginning = given.beginning
        return _is_votable(given) or all(name.encode() in beginning for name in _OF_ASTROQUERY)
    names = getattr(given, "colnames", None) or getattr(given, "column_names", None) or getattr(given, "columns", given)
    try:
        return set(_OF_ASTROQUERY) <= {*names}
    except TypeError:  # columns that have no names
        return False


def _is_votable(given: InputFile) -> bool:
    return given.content == "VOTable" and re.search(rb"skybot", given.beginning, re.IGNORECASE) is not None


def rows_of_table(given: Any, name: str) -> tuple[pa.Table, str | None]:
    """The rows as SkyBoT's text has them, as text with the units in the metadata; and their epoch where it is said.

    InputError if the input is not readable, or lacks a column.
    """
    table = read_columns(given, strings=_TEXTS)
    votable = isinstance(given, InputFile) and _is_votable(given)
    called = _VOTABLE if votable else _ASTROQUERY
    columns: dict[str, pa.Array] = {}
    fields = []
    for field in table.schema:
        column = called.get(field.name, field.name)
        if column not in _READ or column in columns:
            continue
        unit = unit_of(field)
        columns[column] = _as_text(table.column(field.name).combine_chunks())
        fields.append(pa.field(column, pa.string(), metadata={"unit": _UNITS.get(unit, unit)}))
    missing = [column for column in ("Num", "Name", "RA", "DE") if column not in columns]
    if missing:
        raise InputError(
            f"{name}: not SkyBoT's columns: {shown(missing)} is missing; it has {shown(table.column_names, 25)}"
        )
    if not votable:
        # astroquery has degrees, also where a file has lost the unit; and no object has the number 0 or less.
        fields = [field.with_metadata({"unit": "deg"}) if field.name == "RA" else field for field in fields]
        number = pc.replace_substring_regex(columns["Num"], r"\.0*$", "")
        columns["Num"] = pc.if_else(pc.match_substring_regex(number, r"^[1-9]\d*[A-Z]?$"), number, None)
    epoch = _EPOCH.search(given.beginning) if votable else None
    said = epoch[1].decode().strip().replace(" ", "T") if epoch else None
    return pa.table([columns[field.name] for field in fields], schema=pa.schema(fields)), said


def _as_text(values: pa.Array) -> pa.Array:
    if not pa.types.is_floating(values.type):
        texts = known_texts(values.cast(pa.string()))
        return pc.if_else(pc.equal(texts, "-"), None, texts)
    # Without exponents, which no text of SkyBoT's has.
    numbers = values.to_numpy(zero_copy_only=False)
    return pa.array([None if np.isnan(one) else np.format_float_positional(one) for one in numbers], pa.string())
