"""Reads reports of observations: ADES in PSV, XML or as a table, and those of 80 columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa

from ssdb.errors import DesignationError, InputError, shown
from ssdb.identity.designation import pack
from ssdb.ingest.table.input import Input
from ssdb.io.ades.columns80 import is_columns80, read_columns80
from ssdb.io.ades.read import Row, read_psv, read_xml
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.tables import label, read_columns

OF_ADES = (
    *("permID", "provID", "artSat", "trkSub", "obsID", "obsSubID", "trkID", "mode", "stn", "obsTime", "ra", "dec"),
    *("rmsRA", "rmsDec", "rmsCorr", "astCat", "mag", "rmsMag", "band", "logSNR", "exp", "deprecated"),
    *("sys", "ctr", "pos1", "pos2", "pos3", "vel1", "vel2", "vel3", "submissionId", "diaSourceId"),
    *("raStar", "obsCenter", "delay", "doppler", "rcv"),
)
"""The elements that are looked at; of tables in small or capital letters, and with the MPC's _ for what is one word."""

PACKED = "packed"
"""What columns 1 to 12 of those of 80 columns call the object, packed."""

_ROOT = re.compile(rb"<(?![?!])([\w:.-]+)")
_NAMES = re.compile(rb"[ \t]*[a-z][A-Za-z0-9]*[ \t]*\|")

UNREADABLE = "unreadable"

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")


@dataclass
class Reports:
    """What an input reports: texts of optical observations, and what else is in it."""

    name: str
    rows: list[dict[str, str]] = field(default_factory=list)
    """Elements that are not blank, by name."""
    numbers: list[int] = field(default_factory=list)
    """Their lines, or rows."""
    others: Counter[str] = field(default_factory=Counter)
    """How many observations are not read, by their kind."""
    unreadable: list[int] = field(default_factory=list)
    """Lines that are none."""

    def column(self, name: str) -> list[str]:
        """An element of all; "" where it is blank."""
        return [row.get(name, "") for row in self.rows]

    def numbers_of(self, name: str) -> np.ndarray:
        """An element of all as numbers; NaN where there is none, infinite where it is no number."""
        return np.array([_number(row.get(name, "")) for row in self.rows], float)


def _number(text: str) -> float:
    try:
        return float(text) if text else np.nan
    except ValueError:
        return np.inf


def read_reports(source: Input, table: str | int | None = None, type: str | None = None) -> Reports:
    """What is reported in a file, or a table in memory; InputError if it cannot be read."""
    given = input_of(source, table, type)
    found = Reports(label(source))
    if isinstance(given, InputFile) and (read := _reader_of(given)) is not None:
        with given.opened() as stream:
            _take(found, read(stream, found.name))
    else:
        _take(found, _of_table(given, found.name))
    if not found.rows and not found.others and not found.unreadable:
        raise InputError(f"{found.name}: there is no observation in it")
    return found


def _reader_of(given: InputFile):  # type: ignore[no-untyped-def]
    """What reads a file that is no table."""
    beginning = given.beginning.removeprefix(b"\xef\xbb\xbf")
    if beginning.lstrip().startswith(b"<"):
        root = _ROOT.search(beginning)
        return None if root and root[1].rpartition(b":")[2] == b"VOTABLE" else read_xml
    lines = (line for line in beginning.split(b"\n") if line.strip() and not line.startswith((b"#", b"!")))
    if _NAMES.match(next(lines, b"")):
        return read_psv
    return read_columns80 if is_columns80(beginning) else None


def _take(found: Reports, rows: Iterable[Row]) -> None:
    for number, kind, row in rows:
        if kind == UNREADABLE or _CONTROL.search("".join(row.values())):
            found.unreadable.append(number)
        elif kind != "optical" or row.get("deprecated"):
            found.others["deleted" if kind == "optical" else kind] += 1
        else:
            found.rows.append(row)
            found.numbers.append(number)


def _of_table(given: Input, name: str) -> Iterable[Row]:
    known = {column.lower(): column for column in OF_ADES} | {"submission_id": "submissionId"}
    table = read_columns(given, strings=[*known])
    if known.keys().isdisjoint(column.lower() for column in table.column_names):
        raise InputError(
            f"{name}: is neither ADES (PSV, XML, or a table with obsTime, stn, ra, dec, ...) nor 80 columns: it has "
            f"{shown(table.column_names)}"
        )
    columns = {}
    for given_name in table.column_names:
        if (column := known.get(given_name.lower())) is not None:
            values = table.column(given_name)
            texts = values.cast(pa.string()) if not pa.types.is_floating(values.type) else None
            columns[column] = texts.to_pylist() if texts is not None else _floats(values)
    for number, values in enumerate(zip(*columns.values(), strict=True), 1):
        row = {key: value.strip() for key, value in zip(columns, values, strict=True) if value and value.strip()}
        kind = "radar" if row.keys() & {"delay", "doppler"} else "occultation" if "raStar" in row else "optical"
        yield number, "offset" if "obsCenter" in row else kind, row


def _floats(values: pa.ChunkedArray) -> list[str | None]:
    return [None if value is None or value != value else repr(value) for value in values.to_pylist()]


def reported_name(row: dict[str, str]) -> tuple[str, str]:
    """The designation under which an observation was reported, as ssdb writes it, and its trkSub; "" where none."""
    track = row.get("trkSub", "")
    if packed := row.get(PACKED):
        designation, own = _of_columns(packed)
        return designation, track or own
    for text in (row.get("permID"), row.get("provID")):
        if text:
            return _designation(text) or text, track
    return row.get("artSat", ""), track


def _of_columns(packed: str) -> tuple[str, str]:
    """The designation in columns 1 to 12, and what its observer called it; "" where none."""
    number, other = packed[:5].strip(), packed[5:]
    if designation := _designation(packed.strip()):
        return designation, ""
    if not other:
        return packed, ""
    # A provisional designation behind a number says nothing more.
    return _designation(number), "" if _designation(other) else other


@lru_cache(4096)
def _designation(text: str) -> str:
    """A designation as ssdb writes it; "" of what is none."""
    try:
        return pack(text)[1]
    except DesignationError:
        return ""
