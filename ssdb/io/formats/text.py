"""Reads tables of text: values between commas, semicolons, tabs, bars or blanks, with lines of comments.

The line that names the columns is the first that is no comment or, where that one has numbers only, the last comment
before it (as numpy and TOPCAT write it). Where all columns are texts, a comment with as many words may have their
names, too: known names tell, or numbers below; else it is refused, since a row would be lost for names or a comment be
taken for them. SExtractor names them in comments of its own, one a line.
"""

from __future__ import annotations

import csv as python_csv
import io
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

import pyarrow as pa

from ssdb.errors import InputError, shown
from ssdb.io.formats.parquet import NOT_UTF8
from ssdb.io.limits import LONGEST_LINE, refuse_columns, refuse_line, refuse_memory, whole
from ssdb.io.text_lines import separated

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
_SEPARATORS = ",;\t|"
_BLANK = " "
_COLUMNS_OF_SEXTRACTOR = re.compile(r"#\s*(\d+)\s+(\S+)(?:.*\[([^\[\]]*)\]\s*|.*)")
_INCOMPLETE = re.compile(rb"(?im)^#[ \t]*(.*(?:QUERY_STATUS\W+(?:OVERFLOW|ERROR)|truncated result).*?)\r?$")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eEdD][+-]?\d+)?")
_DASHES = re.compile(r"[-\s,;|]*---[-\s,;|]*")
_LOOKED_AT = 8192
_ROWS_LOOKED_AT = 20
_MOST_COMMENTS = 100_000
_LONGEST_NAME = 10_000


@dataclass
class _Header:
    """What the beginning of a text says. A separator that is a blank stands for any number of blanks and tabs."""

    separator: str
    names: list[str] | None
    skipped: int
    units: list[str] = field(default_factory=list)
    decimal_comma: bool = False


def read_text(path: Path, strings: Sequence[str]) -> tuple[pa.Table, str | None]:
    """A table of text, plain or gzip, and why it is not whole, if a comment near its beginning or end says so.

    Columns in ``strings`` are read as text whatever they look like; texts need not be UTF-8:
    :func:`ssdb.io.tables.plain` looks. InputError if a line is too long, or none names the columns;
    pyarrow.ArrowInvalid if lines have more or fewer values than there are columns.
    """
    with whole(path, _cost) as file:
        content = _normalised(path, file)
        incomplete = _says_incomplete(content or file)
        header = _header(path, content or file, {name.lower() for name in strings})
        if header.separator == _BLANK:
            content = io.BytesIO(separated(_all(path, content or file), b"\t"))
        try:
            table = _parsed(path, content or file, header, strings)
        except pa.ArrowInvalid:
            # Perhaps lines of comments between the values.
            (content or file).seek(0)
            lines = (content or file).read()
            without = re.sub(rb"(?m)^[ \t]*#.*\n?", b"", lines)
            if len(without) == len(lines):
                raise
            above = io.BytesIO(lines).readlines()[: header.skipped]
            header.skipped -= sum(line.lstrip().startswith(b"#") for line in above)
            table = _parsed(path, io.BytesIO(without), header, strings)
    try:
        names = [name.strip() for name in table.schema.names]
    except UnicodeDecodeError:
        raise InputError(f"{path}: {NOT_UTF8}") from None
    units = header.units if len(header.units) == len(names) else [""] * len(names)
    fields = [
        pa.field(name, column.type, metadata={"unit": unit} if unit else None)
        for name, column, unit in zip(names, table.columns, units, strict=True)
    ]
    return pa.table(table.columns, schema=pa.schema(fields)), incomplete


def _says_incomplete(file: IO[bytes]) -> str | None:
    """What a comment near the beginning or the end of a text says of rows that are missing, as VizieR's do."""
    file.seek(0)
    pieces = [file.read(_LOOKED_AT)]
    file.seek(max(_LOOKED_AT, file.seek(0, io.SEEK_END) - _LOOKED_AT))
    pieces.append(file.read(_LOOKED_AT))
    file.seek(0)
    found = next((match for piece in pieces if (match := _INCOMPLETE.search(piece))), None)
    return f"a comment says so ({shown([found[1].decode(errors='replace')])})" if found else None


def _normalised(path: Path, file: IO[bytes]) -> io.BytesIO | None:
    """A text with the ends of lines of old Macintosh, with newlines; None of all others."""
    beginning = file.read(_LOOKED_AT)
    file.seek(0)
    if b"\n" in beginning or b"\r" not in beginning.rstrip(b"\r"):
        return None
    return io.BytesIO(_all(path, file).replace(b"\r", b"\n"))


def _all(path: Path, file: IO[bytes]) -> bytes:
    file.seek(0)
    refuse_memory(path, 3 * path.stat().st_size, 3 * path.stat().st_size)
    return file.read()


def _parsed(path: Path, file: IO[bytes], header: _Header, strings: Sequence[str]) -> pa.Table:
    from pyarrow import csv

    texts = _named(file, header, strings)
    file.seek(0)
    return csv.read_csv(
        pa.OSFile(str(path)) if isinstance(file, io.BufferedReader) else file,
        read_options=csv.ReadOptions(skip_rows=header.skipped, column_names=header.names),
        parse_options=csv.ParseOptions(
            delimiter="\t" if header.separator == _BLANK else header.separator,
            newlines_in_values=header.separator == ",",
        ),
        # What is no UTF-8 is found later, column by column.
        convert_options=csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(texts, pa.string()),
            decimal_point="," if header.decimal_comma else ".",
        ),
    )


def _named(file: IO[bytes], header: _Header, wanted: Sequence[str]) -> list[str]:
    """Those of a file's columns, perhaps in quotes, that are wanted, in small or capital letters."""
    names = header.names
    if names is None:
        file.seek(0)
        for _ in range(header.skipped):
            file.readline()
        line = file.readline(LONGEST_LINE + 1).decode("utf-8-sig", "replace")
        names = re.split(r"[\r\n]", line)[0].split("\t" if header.separator == _BLANK else header.separator)
    folded = {name.lower() for name in wanted}
    return [plain for plain in (name.strip('"') for name in names) if plain.lower() in folded]


def _cost(piece: bytes) -> int:
    """Its text, and a number for each value, however short."""
    return len(piece) + 8 * sum(piece.count(end) for end in (b",", b";", b"\t", b"|", b" ", b"\n", b"\r"))


def _header(path: Path, file: IO[bytes], known: Collection[str]) -> _Header:
    file.seek(0)
    comments: list[str] = []
    skipped = 0
    while True:
        line = file.readline(LONGEST_LINE + 1)
        refuse_line(path, line)
        text = line.decode("utf-8-sig" if not skipped else "utf-8", "replace").rstrip("\r\n")
        if not line or (text.strip() and not text.lstrip().startswith("#")) or skipped > _MOST_COMMENTS:
            break
        # Between quotes a name may begin so, and a name of the only column be blank.
        comments.append(text[:_LONGEST_NAME] if text.strip() else "")
        skipped += 1
    separator = _separator(text)
    values = _split(text, separator)
    refuse_columns(path, len(values))
    of_sextractor = [match for comment in comments if (match := _COLUMNS_OF_SEXTRACTOR.fullmatch(comment.strip()))]
    if of_sextractor and separator == _BLANK and int(of_sextractor[0][1]) == 1:
        names, units = _names_of_sextractor(of_sextractor, len(values), path)
        return _Header(separator, names, skipped, units)
    if not line and not comments:
        return _Header(",", None, 0)  # pyarrow says that it is empty
    last = next((comment for comment in reversed(comments) if comment.strip("# \t")), "")
    said = last.lstrip()[1:].strip()
    if any(map(_is_number, values)) or not line:
        separator = separator if line else _separator(said)
        for between in dict.fromkeys((separator, _separator(said))):
            names = _split(said, between)
            if names and (len(names) == len(values) or not line) and not any(map(_is_number, names)):
                return _Header(separator, names, skipped, decimal_comma=_has_decimal_comma(separator, text))
    if line and not all(_is_number(value) for value in values if value):
        names = _split(said, separator)
        if len(names) == len(values) and names != values and not any(map(_is_number, names)):
            place = file.tell()
            below = [_split(text, separator) for text in _lines(file, _ROWS_LOOKED_AT)]
            file.seek(place)
            if not _are_names(values, names, below, known, path):
                return _Header(separator, names, skipped)
        return _with_units(_Header(separator, None, skipped), values, file)
    raise InputError(
        f"{path}: no line says what its columns are called; it begins with {shown([text])}: "
        "put a line of names before it"
    )


def _are_names(
    first: list[str], comment: list[str], below: list[list[str]], known: Collection[str], path: Path
) -> bool:
    """Whether the first line has the names of columns, of which a comment before it may have them, too.

    InputError if nothing says which of them has.
    """
    of_first, of_comment = (sum(name.lower() in known for name in names) for names in (first, comment))
    if of_first != of_comment:
        return of_first > of_comment
    if any(all(_DASHES.fullmatch(value) for value in row) for row in below[:2]):
        return True
    columns = zip(*(row for row in below if len(row) == len(first)), strict=True)
    if any(any(column) and all(_is_number(value) for value in column if value) for column in columns):
        return True
    raise InputError(
        f"{path}: the first line ({shown(first)}) and the comment before it ({shown(comment)}) may both have the names "
        "of the columns: take the # off the names, or the comment away"
    )


def _lines(file: IO[bytes], n: int) -> list[str]:
    """The next lines of a file, without empty ones."""
    lines = (file.readline(LONGEST_LINE + 1).decode("utf-8", "replace").strip("\r\n") for _ in range(n))
    return [line for line in lines if line.strip()]


def _with_units(header: _Header, names: list[str], file: IO[bytes]) -> _Header:
    """The header with what lines below it say: units, and hyphens, as VizieR writes them."""
    lines = [file.readline(LONGEST_LINE + 1).decode("utf-8", "replace").rstrip("\r\n") for _ in range(2)]
    for n, line in enumerate(lines):
        if _DASHES.fullmatch(line):
            units = [unit.strip() for unit in _split(lines[0], header.separator)] if n else []
            return _Header(header.separator, names, header.skipped + 2 + n, units)
    header.decimal_comma = _has_decimal_comma(header.separator, lines[0])
    return header


def _has_decimal_comma(separator: str, line: str) -> bool:
    """Whether numbers are written as in 1,5: only where something else stands between values."""
    return separator == ";" and re.search(r"\d,\d", line) is not None and not re.search(r"\d\.\d", line)


def _names_of_sextractor(columns: list[re.Match[str]], n_values: int, path: Path) -> tuple[list[str], list[str]]:
    """Names and units out of comments; of a column with several values the further ones are NAME_1, NAME_2, ..."""
    starts = [int(match[1]) for match in columns]
    if starts != sorted(set(starts)) or starts[-1] > max(n_values, 1) + len(starts):
        raise InputError(f"{path}: its comments do not number the columns as SExtractor does")
    names, units = [], []
    for match, start, end in zip(columns, starts, [*starts[1:], max(n_values, starts[-1]) + 1], strict=True):
        for i in range(end - start):
            names.append(match[2] if i == 0 else f"{match[2]}_{i}")
            units.append(match[3] or "")
    return names, units


def _separator(line: str) -> str:
    """What stands between the values of a line: the first of the separators that it has outside of quotes."""
    unquoted = re.sub(r'"[^"]*"', "", line)
    return next(
        (separator for separator in _SEPARATORS if separator in unquoted), _BLANK if " " in unquoted.strip() else ","
    )


def _split(line: str, separator: str) -> list[str]:
    if separator == _BLANK:
        return line.split()
    try:
        return [value.strip() for value in next(python_csv.reader([line], delimiter=separator), [])]
    except python_csv.Error:
        return []


def _is_number(text: str) -> bool:
    """Whether a text is a number, and so no name of a column."""
    return _NUMBER.fullmatch(text) is not None
