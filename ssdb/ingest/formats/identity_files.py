"""Reads which designations, number and name are one object's, of files that are no tables of these.

- mpcorb_extended.json and the smaller ones of its kind (``Number``, ``Name``, ``Principal_desig``, ``Other_desigs``):
  https://minorplanetcenter.net/Extended_Files/Extended_MPCORB_Data_Format_Manual.pdf.
- NumberedMPs.txt, where the number is followed by 20 columns of the name, 12 of the principal provisional designation,
  and the date of discovery: https://www.minorplanetcenter.net/iau/lists/NumberedMPs.html. The oldest have no
  designation there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError
from ssdb.ingest.formats.name_tables import NUMBER_COLUMN
from ssdb.ingest.formats.orbit_block import PACKED, ROWS_PER_BLOCK, UNPACKED
from ssdb.ingest.formats.translating import designated
from ssdb.io.input_file import InputFile
from ssdb.io.json_items import is_json, json_items
from ssdb.io.text_lines import lines_of

RECORD = "record"
"""Column that says in which line or record a row was found, from 1."""

_PRINCIPAL, _OTHERS = "Principal_desig", "Other_desigs"
_LINE = re.compile(r" *\((?P<number>\d+)\) (?P<name>.{20})(?P<principal>.{12})\d{4} [ \d]\d [ \d]\d")
_NO_FORM = "a designation has no packed form"

_Object = tuple[str | None, str | None, str | None, list[str]]
"""Number, name, principal designation and the others."""


@dataclass(frozen=True, slots=True)
class IdentityFile:
    """What a file says, as rows of the Minor Planet Center's tables."""

    numbered: pa.Table
    """Rows of numbered_identifications: number and primary provisional designation; and :data:`RECORD`."""
    current: pa.Table
    """Rows of current_identifications: primary and secondary designations; and :data:`RECORD`."""
    names: pa.Table
    """Rows of minor_planet_names: number and name."""
    left_out: dict[str, set[int]]
    """What is wrong with lines or records, and their numbers, from 1."""
    counted: str
    """What these are: record or line."""


def is_identity_file(given: InputFile) -> bool:
    """Whether a file is one of these."""
    if not given.is_text:
        return False
    if is_json(given):
        first = next(islice(json_items(given), 1), (None, None))[1]
        return isinstance(first, dict) and _PRINCIPAL in first
    return any(_LINE.match(line.decode("utf-8", "replace")) for line in given.beginning.splitlines()[:20])


def read_identity_file(given: InputFile) -> IdentityFile:
    """What a file says of designations, numbers and names; InputError if it is not readable, or truncated."""
    left_out: dict[str, set[int]] = {}
    of_json = is_json(given)
    objects = _records(given) if of_json else _lines(given, left_out)
    parts: list[tuple[pa.Table, pa.Table, pa.Table]] = []
    while block := list(islice(objects, ROWS_PER_BLOCK)):
        parts.append(_rows(block, left_out))
    if not parts:
        raise InputError(f"{given.path}: there is no number, name or designation in it")
    numbered, current, names = (pa.concat_tables(tables) for tables in zip(*parts, strict=True))
    return IdentityFile(numbered, current, names, left_out, "record" if of_json else "line")


def _records(given: InputFile) -> Iterator[tuple[int, _Object]]:
    for number, (_, record) in enumerate(json_items(given), 1):
        if not isinstance(record, dict):
            raise InputError(f"{given.path}: record {number} is no object of JSON")
        permid, name, principal = (_text(record.get(key)) for key in ("Number", "Name", _PRINCIPAL))
        others = record.get(_OTHERS)
        texts = [text for one in others if (text := _text(one))] if isinstance(others, list) else []
        yield number, (permid.strip("()") if permid else None, name, principal, texts)


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _lines(given: InputFile, left_out: dict[str, set[int]]) -> Iterator[tuple[int, _Object]]:
    number = 0
    with given.opened() as stream:
        for block in lines_of(stream, given.path):
            for line in block.tobytes().decode("utf-8", "replace").split("\n")[:-1]:
                number += 1
                if found := _LINE.match(line):
                    yield number, (found["number"], _text(found["name"]), _text(found["principal"]), [])
                elif line.strip():
                    left_out.setdefault("not in the columns of NumberedMPs.txt", set()).add(number)


def _rows(block: list[tuple[int, _Object]], left_out: dict[str, set[int]]) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Rows of the three tables; those with a designation that cannot be packed are noted, and left out."""
    numbered = [(line, number, principal) for line, (number, _, principal, _) in block if number and principal]
    pairs = [
        (line, principal, other, number is not None)
        for line, (number, _, principal, others) in block
        for other in others
        if principal and other != principal
    ]
    named = [(number, name) for _, (number, name, _, _) in block if number and name]
    numbers, good = _designations([one[2] for one in numbered], "primary")
    numbers = numbers.append_column("permid", pa.array([one[1] for one in numbered], pa.string()))
    primary, good_primary = _designations([one[1] for one in pairs], "primary")
    secondary, good_secondary = _designations([one[2] for one in pairs], "secondary")
    good_pairs = good_primary & good_secondary
    current = pa.table([*primary.columns, *secondary.columns], [*primary.column_names, *secondary.column_names])
    numbers = numbers.append_column(RECORD, pa.array([one[0] for one in numbered], pa.int64()))
    current = current.append_column(RECORD, pa.array([one[0] for one in pairs], pa.int64()))
    current = current.append_column("published", pa.array(np.ones(len(pairs), bool)))
    current = current.append_column("numbered", pa.array([one[3] for one in pairs], pa.bool_()))
    for rows, usable in ((numbered, good), (pairs, good_pairs)):
        if not usable.all():
            left_out.setdefault(_NO_FORM, set()).update(rows[row][0] for row in np.flatnonzero(~usable).tolist())
    names = pa.table(
        {
            NUMBER_COLUMN: pa.array([n for n, _ in named], pa.string()),
            "name": pa.array([n for _, n in named], pa.string()),
        }
    )
    return numbers.filter(pa.array(good)), current.filter(pa.array(good_pairs)), names


def _designations(texts: Iterable[str], which: str) -> tuple[pa.Table, np.ndarray]:
    """Both forms of designations, under the names that the tables have, and which of them have a packed form."""
    found = designated(pa.array(texts, pa.string()))
    names = [PACKED.replace("primary", which), UNPACKED.replace("primary", which)]
    return pa.table([found[PACKED], found[UNPACKED]], names), pc.is_valid(found[UNPACKED]).to_numpy(False)
