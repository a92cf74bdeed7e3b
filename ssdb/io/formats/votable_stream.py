"""The rows of a VOTable's binary stream, counted: readers take a stream that is cut short for one that ends there."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence

from ssdb.errors import InputError, quoted

_ITEM_BYTES = {
    **dict.fromkeys(("boolean", "unsignedByte", "char"), 1),
    **dict.fromkeys(("short", "unicodeChar"), 2),
    **dict.fromkeys(("int", "float"), 4),
    **dict.fromkeys(("long", "double", "floatComplex"), 8),
    "doubleComplex": 16,
}
"""Bytes of an item in a stream (VOTable 1.5, 6); those of bits share bytes."""

_COUNT_BYTES = 4
"""Of the number of items before an array of variable length."""


class Stream:
    """The text of a STREAM within a file, and what it says about its rows.

    In BINARY2 (``with_masks``) each row begins with a bit for each field that says whether the value is NULL.
    InputError if the encoding is not base64, which is that of a stream within a file.
    """

    def __init__(self, name: object, encoding: str, with_masks: bool) -> None:
        if encoding not in ("", "base64"):
            raise InputError(
                f"{name}: not a VOTable: a stream within the file is encoded as base64, not as {quoted(encoding)}"
            )
        self.characters = 0
        self._name = name
        self._with_masks = with_masks
        self._pieces: list[str] = []

    def add(self, text: str) -> None:
        """Takes more of its text."""
        self.characters += len(text)
        self._pieces.append(text)

    def rows(self, fields: Sequence[tuple[str, str]]) -> int | None:
        """How many rows of fields, given by datatype and arraysize, there are; None where their sizes are not known.

        InputError if it is no base64, or ends within a row.
        """
        try:
            content = base64.b64decode("".join("".join(self._pieces).split()), validate=True)
        except binascii.Error:
            raise InputError(f"{self._name}: its stream is not whole, or is no base64") from None
        steps = _steps(fields, self._with_masks)
        if steps is None:
            return None
        fixed, variable = steps
        if not variable and not fixed:
            return None
        if not variable:
            rows, rest = divmod(len(content), fixed)
            if rest:
                raise self._cut(rows)
            return rows
        rows = place = 0
        end = len(content)
        while place < end:
            for before, item in variable:
                place += before + _COUNT_BYTES
                if place > end:
                    raise self._cut(rows)
                place += item * int.from_bytes(content[place - _COUNT_BYTES : place])
            place += fixed
            if place > end:
                raise self._cut(rows)
            rows += 1
        return rows

    def _cut(self, rows: int) -> InputError:
        return InputError(f"{self._name}: is not whole: its stream ends within row {rows + 1:,}")


def _steps(fields: Sequence[tuple[str, str]], with_masks: bool) -> tuple[int, list[tuple[int, int]]] | None:
    """Bytes at the end of a row, and for each array of variable length the bytes before it and those of its items."""
    fixed = -(-len(fields) // 8) if with_masks else 0
    variable = []
    for datatype, size in fields:
        one = re.fullmatch(r"\d*\*", size)
        if not (one or re.fullmatch(r"(\d+(x\d+)*)?", size)) or (one and datatype == "bit"):
            return None
        if datatype == "bit":
            fixed += -(-math.prod(map(int, re.findall(r"\d+", size))) // 8)
        elif datatype not in _ITEM_BYTES:
            return None
        elif one:
            variable.append((fixed, _ITEM_BYTES[datatype]))
            fixed = 0
        else:
            fixed += _ITEM_BYTES[datatype] * math.prod(map(int, re.findall(r"\d+", size)))
    return fixed, variable
