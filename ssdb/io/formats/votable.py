"""Reads VOTables, once what they say of themselves has been checked.

A VOTable says whether its data are elsewhere, how large it would be, and, where it is the answer of a service (DALI
1.1, 4.4), whether that is whole.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from ssdb.errors import InputError, quoted, shown
from ssdb.io.containers import TableInFile, chosen
from ssdb.io.limits import refuse_columns, refuse_memory, refuse_unit, whole

if TYPE_CHECKING:
    from astropy.table import Table

_OF_A_TEXT = 60  # bytes in memory of a value of variable length, besides its content
_COPIES = 3  # how often astropy and what comes after it have the values in memory
_TIMES_ON_DISK = 10  # how many times its size an honest table may take: its texts have places of fixed length
_LARGEST = 10**18

_ITEM_BYTES = {
    **dict.fromkeys(("boolean", "unsignedByte", "char"), 1),
    **dict.fromkeys(("short", "unicodeChar"), 2),
    **dict.fromkeys(("int", "float"), 4),
    **dict.fromkeys(("long", "double", "floatComplex"), 8),
    "doubleComplex": 16,
}
"""Bytes of an item in a stream (VOTable 1.5, 6); those of bits share bytes."""

_IN_MEMORY = _ITEM_BYTES | {"char": 4, "unicodeChar": 4, "bit": 1}
"""The same in memory."""

_COUNT_BYTES = 4  # of the number of items before an array of variable length

_LONGEST_WIDTH = 4
"""Characters of the number of digits that are to be shown: astropy writes a value with so many."""

_LONGEST_STATUS = 300


def read_votable(path: Path, wanted: str | int | None = None) -> tuple[list[Table], str | None]:
    """The tables of a VOTable that are to be read as one, and why it is not whole, by its own word.

    ``wanted`` is the name, the ID or the number, from 1, of a TABLE; without it all are read, which must have the same
    columns. InputError if it is not usable, or it is not clear which table is meant.
    """
    from astropy.io.votable import parse

    with whole(path) as file:
        incomplete = refuse_votable(file, path)
        file.seek(0)
        # Without fields it has nothing to read: a service's error, say.
        tables = [table for table in parse(file, verify="ignore").iter_tables() if table.fields]
    if not tables:
        raise InputError(f"{path}: there is no table in it" + (f": {incomplete}" if incomplete else ""))
    there = []
    for number, table in enumerate(tables, 1):
        columns = tuple((field.name or field.ID, str(field.unit or "")) for field in table.fields)
        names = tuple(name for name in (table.name, table.ID) if name)
        there.append(TableInFile(number, names, columns, len(table.array)))
    read = chosen(there, wanted, path)
    return [tables[table.number - 1].to_table(use_names_over_ids=True) for table in read], incomplete


def refuse_votable(file: IO[bytes], name: object) -> str | None:
    """Goes through a VOTable's elements, to the file's end, and returns why it is not whole, by its own word.

    InputError if its data are elsewhere, if it declares entities, or if its table would take more memory than is
    allowed; xml.parsers.expat.ExpatError if it is no XML.
    """
    scan = _Scan(name)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = scan.start
    parser.CharacterDataHandler = scan.text
    parser.EndElementHandler = scan.end
    parser.EntityDeclHandler = scan.entity
    parser.ParseFile(file)
    refuse_memory(name, scan.needed, _TIMES_ON_DISK * file.tell())
    return "; ".join(dict.fromkeys(scan.incomplete)) or None


def _number(text: str) -> int:
    """What Python, and so astropy, takes for an integer; 0 where that is none."""
    try:
        return min(int(text[:40]), _LARGEST)
    except ValueError:
        return 0


class _Scan:
    """What the elements say.

    ``needed`` is the memory of the largest table, in bytes; ``incomplete`` why it is not whole, by its own word.
    """

    def __init__(self, name: object) -> None:
        self.needed = 0
        self.incomplete: list[str] = []
        self._name = name
        self._status: str | None = None
        self._said = ""
        self._stream: _Stream | None = None
        self._binary = ""
        self._begin_table()

    def _begin_table(self, rows_said: int = 0) -> None:
        self._rows_said = rows_said
        self._rows = 0
        self._fields: list[tuple[str, str]] = []
        self._streamed: int | None = None
        self._characters = 0
        self._row_bytes = 0
        self._row_bytes_in_stream = 0.0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        if tag == "TR":
            self._rows += 1
        elif tag in ("FIELD", "PARAM"):
            refuse_unit(self._name, attributes.get("unit", ""))
            for name in ("width", "precision"):
                if len(attributes.get(name, "")) > _LONGEST_WIDTH:
                    raise InputError(f"{self._name}: {name}={attributes[name][:40]!r} is no number of digits")
            kind = attributes.get("datatype", ""), attributes.get("arraysize", "")
            in_memory, in_stream = _sizes(*kind)
            if tag == "PARAM":
                self.needed = max(self.needed, _COPIES * in_memory)
            else:
                self._fields.append(kind)
                refuse_columns(self._name, len(self._fields))
                self._row_bytes += in_memory
                self._row_bytes_in_stream += in_stream
        elif tag == "INFO":
            self._begin_info(attributes.get("name", ""), attributes.get("value", ""))
        elif tag == "TABLE":
            self._begin_table(_number(attributes.get("nrows", "")))
        elif tag in ("BINARY", "BINARY2"):
            self._binary = tag
        elif tag == "STREAM":
            if any(name.rpartition(":")[2].lower() == "href" for name in attributes):
                raise InputError(
                    f"{self._name}: the data of this VOTable are elsewhere (STREAM href); nothing outside the file "
                    "itself is ever opened: save it with the data inline, with TOPCAT say, or as Parquet or FITS"
                )
            if self._binary:
                self._stream = _Stream(self._name, attributes.get("encoding", ""), self._binary == "BINARY2")

    def _begin_info(self, name: str, value: str) -> None:
        if name.upper() == "QUERY_STATUS":
            self._status, self._said = value.strip().upper(), ""
        elif name.lower() == "warning" and "truncated" in value.lower():  # VizieR's
            self.incomplete.append(f"the service says that its answer is cut ({_short(value)})")

    def text(self, text: str) -> None:
        if self._stream:
            self._stream.add(text)
        elif self._status is not None and len(self._said) < _LONGEST_STATUS:
            self._said += text

    def _end_info(self) -> None:
        said = f" ({_short(self._said)})" if self._said.strip() else ""
        if self._status == "OVERFLOW":
            self.incomplete.append(f"the service says that there are more rows than it gave (OVERFLOW){said}")
        elif self._status == "ERROR":
            self.incomplete.append(f"the service says that it failed (ERROR){said}")
        self._status = None

    def end(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag in ("BINARY", "BINARY2"):
            self._binary = ""
        elif tag == "STREAM" and self._stream:
            self._characters = self._stream.characters
            self._streamed = self._stream.rows(self._fields)
            self._stream = None
        elif tag == "INFO":
            self._end_info()
        elif tag == "TABLE":
            streamed = self._characters * 3 // 4
            if streamed and self._row_bytes_in_stream <= 0:
                raise InputError(f"{self._name}: not a VOTable: the rows of its stream have no bytes")
            in_stream = int(streamed / self._row_bytes_in_stream) if streamed else 0
            there = self._rows if self._streamed is None else self._streamed
            # Of a stream with fields of unknown size it is not known.
            if there < self._rows_said and not (streamed and self._streamed is None):
                self.incomplete.append(f"it says that a table has {self._rows_said:,} rows, and has {there:,}")
            rows = max(self._rows, self._rows_said, in_stream)
            self.needed = max(self.needed, _COPIES * rows * self._row_bytes)

    def entity(self, name: str, *_: object) -> None:
        raise InputError(
            f"{self._name}: this XML declares entities ({name[:40]}), which may stand for anything of any size, and "
            "a VOTable needs none; nothing outside the file itself is ever opened"
        )


def _short(text: str) -> str:
    return shown([" ".join(text.split())])


def _sizes(datatype: str, size: str) -> tuple[int, float]:
    """Bytes of a value in memory, and in a binary stream."""
    if "*" in size:
        return 8 + _OF_A_TEXT, 4
    n = min(math.prod(_number(number) for number in re.findall(r"[\d_]+", size)), _LARGEST)
    in_stream = 1 / 8 if datatype == "bit" else _ITEM_BYTES.get(datatype, 8)
    return n * (_IN_MEMORY.get(datatype, 8) + 1), n * in_stream  # a mask has a byte a value


# ---- binary streams: readers take one that is cut short for one that ends there --------------------------------------


class _Stream:
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
