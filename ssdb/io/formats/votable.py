"""VOTables: what one says of itself before it is read, and its tables.

It says whether its data are elsewhere, how large it would be, and, where it is the answer of a service (DALI 1.1,
4.4), whether that is whole.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING
from xml.parsers import expat

from ssdb.errors import InputError, shown
from ssdb.io.containers import TableInFile, chosen
from ssdb.io.formats.votable_stream import Stream
from ssdb.io.limits import refuse_columns, refuse_memory, refuse_unit, whole

if TYPE_CHECKING:
    from astropy.table import Table

_BYTES = {
    **dict.fromkeys(("boolean", "bit", "unsignedByte"), 1),
    **dict.fromkeys(("char", "unicodeChar", "float", "int"), 4),
    "short": 2,
    "doubleComplex": 16,
}
"""Bytes of a value in memory; 8 where it is none of these."""

_BYTES_IN_STREAM = {"char": 1, "unicodeChar": 2, "bit": 1 / 8}
"""Bytes of a value in a binary stream, where it has fewer there."""

_OF_A_TEXT = 60
"""Bytes in memory of a value of variable length, besides its content."""

_COPIES = 3
"""How often astropy and what comes after it have the values in memory."""

_TIMES_ON_DISK = 10
"""How many times its size an honest table may take: its texts have places of fixed length."""

_LARGEST = 10**18

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
        self._stream: Stream | None = None
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
                self._stream = Stream(self._name, attributes.get("encoding", ""), self._binary == "BINARY2")

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
    n_bytes = _BYTES.get(datatype, 8)
    return n * (n_bytes + 1), n * _BYTES_IN_STREAM.get(datatype, n_bytes)  # a mask has a byte a value
