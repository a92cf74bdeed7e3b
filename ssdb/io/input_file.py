"""A file that is read: its format, by its name or its content, and which of its tables is meant."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

# text_lines and formats.parquet are imported where they are used: they load Arrow, and every --help needs TYPES.
from ssdb.errors import ConfigError, InputError, UsageError, option, quoted
from ssdb.io.limits import unfolded
from ssdb.io.not_read import refuse_archive, refuse_nested, require_file

ENDINGS = {
    "Parquet": (".parquet", ".pq"),
    "FITS": (".fits", ".fit", ".fits.gz"),
    "ECSV": (".ecsv",),
    "CSV": (".csv", ".csv.gz"),
    "VOTable": (".vot", ".xml", ".votable"),
}
"""What the ending of a file's name says about its format: those that are written, too."""

READ_ENDINGS = {
    **ENDINGS,
    "FITS": (*ENDINGS["FITS"], ".fts", ".ldac", ".fit.gz", ".fts.gz"),
    "VOTable": (*ENDINGS["VOTable"], ".vot.gz", ".xml.gz", ".votable.gz"),
    "HDF5": (".h5", ".hdf5", ".hdf"),
    "CSV": tuple(
        f"{ending}{packed}" for ending in (".csv", ".tsv", ".txt", ".dat", ".cat", ".asc") for packed in ("", ".gz")
    ),
}
"""The same of files that are read. What is called CSV here is any text with a value between separators."""

TYPES = {"parquet": "Parquet", "fits": "FITS", "ecsv": "ECSV", "csv": "CSV", "text": "CSV", "votable": "VOTable"} | {
    "hdf5": "HDF5"
}
"""What a user calls the formats, for files whose ending does not say theirs."""

_MAGIC = {
    "FITS": re.compile(rb"SIMPLE  ="),
    "Parquet": re.compile(rb"PAR1"),
    "HDF5": re.compile(rb"\x89HDF\r\n\x1a\n"),
    "ECSV": re.compile(rb"(\xef\xbb\xbf)?# %ECSV "),
    "VOTable": re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml.*)?<([\w.-]+:)?VOTABLE\b", re.DOTALL),
}
"""How the content of files begins."""

_MAGIC_WITHIN = 4096
_LOOKED_AT = 200_000  # bytes: the header of MPCORB.DAT has some 2,000


class InputFile(os.PathLike[str]):
    """A file that is read, and what its user says about it; :func:`input_of` makes it. It is looked at once.

    ``table`` is the name or number of the one of its tables that is meant (see :func:`ssdb.io.containers.chosen`),
    ``type`` its format, one of :data:`TYPES`, whatever its ending is.
    """

    def __init__(self, path: str, table: str | int | None = None, type: str | None = None) -> None:
        self.path = path
        self.table = table
        self.type = type

    def __fspath__(self) -> str:
        return self.path

    @cached_property
    def beginning(self) -> bytes:
        """Its first bytes, decompressed where it is gzip, as far as they can be read."""
        content = b""
        with suppress(OSError, EOFError, ValueError, zlib.error):
            with open(self.path, "rb") as file:
                content = file.read(_LOOKED_AT)
            if content.startswith(b"\x1f\x8b"):
                content = b""
                with gzip.open(self.path) as unpacked:
                    while piece := unpacked.read1(_LOOKED_AT - len(content)):
                        content += piece
        return content

    @cached_property
    def content(self) -> str | None:
        """The format that its content shows, whatever its name is; None of text, and of what is not known."""
        beginning = self.beginning[:_MAGIC_WITHIN]
        return next((format_ for format_, magic in _MAGIC.items() if magic.match(beginning)), None)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is an SQLite database."""
        return self.beginning.startswith(b"SQLite format 3\0")

    @cached_property
    def format(self) -> str:
        """One of the formats of :data:`TYPES`: as its user says, by its ending and, of text, by its content.

        InputError if none says it, or if it is an archive or has records within records; the message says what is
        inside.
        """
        path = Path(self.path)
        if self.type is not None:
            return TYPES[self.type]
        if path.is_dir():
            return "Parquet"
        try:
            format_ = _by_ending(path, READ_ENDINGS)
        except InputError as error:
            if self.content is None:
                refuse_nested(path, self.beginning)
                raise InputError(f"{error}; {option('--type', 'type=...')} says it: {', '.join(TYPES)}") from None
            return self.content
        if format_ == "CSV":
            refuse_nested(path, self.beginning)
            return self.content or format_
        return format_

    @cached_property
    def is_text(self) -> bool:
        """Whether its type, its ending and its content are those of text, and of no other format."""
        if Path(self.path).is_dir():
            return False
        if self.type is not None:
            return TYPES[self.type] == "CSV"
        others = [ending for format_, endings in READ_ENDINGS.items() if format_ != "CSV" for ending in endings]
        return not self.path.lower().endswith(tuple(others)) and self.content is None

    @property
    def is_simple_text(self) -> bool:
        """Whether it is text whose first line names its columns, between commas or blanks: it is read in blocks."""
        if not self.is_text:
            return False
        line = self.header[0]
        return not line.lstrip().startswith(b"#") and (b"," in line or not re.search(rb"[;|]", line))

    @cached_property
    def header(self) -> tuple[bytes, int]:
        """Of text the line that names the columns, and how many blank lines and comments stand before it."""
        from ssdb.io.text_lines import header_line, with_newlines

        line, before = header_line(with_newlines(io.BufferedReader(io.BytesIO(self.beginning))))
        if line.endswith(b"\n"):
            return line, before
        with self.opened() as stream:
            return header_line(stream)

    @cached_property
    def names(self) -> list[str]:
        """The names of its columns, of Parquet and of text; InputError if it cannot be read, or is something else."""
        from ssdb.io.formats.parquet import names_of
        from ssdb.io.text_lines import header_names

        path = Path(self.path)
        if self.content == "Parquet" or path.is_dir() or path.name.lower().endswith(READ_ENDINGS["Parquet"]):
            return names_of(path)
        return header_names(self.header[0], self.path)

    @contextmanager
    def opened(self, *, below_header: bool = False) -> Iterator[io.BufferedIOBase]:
        """Its bytes, decompressed, with LF at the ends of lines; of text perhaps only those below the :attr:`header`.

        InputError if it is not there or, here or when it is read within the context, not readable or truncated.
        """
        from ssdb.io.text_lines import header_line, with_newlines

        self.require()
        try:
            with unfolded(Path(self.path)) as file:
                stream = with_newlines(file)
                if below_header:
                    header_line(stream)
                yield stream
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{self.path}: cannot be read, is it complete? ({error})") from error

    def require(self) -> None:
        """Raises InputError if there is no file, an empty one or an archive."""
        require_file(Path(self.path))
        refuse_archive(Path(self.path), self.beginning)

    def refuse_said(self, what: str, format_: str | None, *, several_tables: bool = False) -> None:
        """Raises UsageError if its user said a table or a format that does not fit what it is.

        ``what`` says what it is, for the message; ``format_`` is one of the formats of :data:`TYPES`, if it has one.
        """
        if self.table is not None and not several_tables:
            raise UsageError(f"{self.path}: is {what}, which has one table: leave out {option('--table', 'table=...')}")
        if self.type is not None and TYPES[self.type] != format_:
            raise UsageError(f"{self.path}: is {what}: leave out {option('--type', 'type=...')} {self.type}")


def input_of(given: Any, table: str | int | None = None, type: str | None = None) -> Any:
    """What is read: an :class:`InputFile` of a path, with what its user says about it; a table in memory as it is.

    ConfigError or UsageError if the type is none, or if something is said about a table in memory.
    """
    if type is not None and type.lower() not in TYPES:
        raise ConfigError(f"type must be one of {', '.join(TYPES)}, not {quoted(type)}")
    if table is None and type is None and (isinstance(given, InputFile) or not isinstance(given, str | os.PathLike)):
        return given
    if not isinstance(given, str | os.PathLike):
        raise UsageError("table= and type= say what is in a file: this is a table in memory")
    return InputFile(os.fsdecode(given), table, type.lower() if type else None)


def written_format(path: Path) -> str:
    """The format in which a file of this name is written."""
    return _by_ending(path, ENDINGS)


def sniffed(path: Path) -> str:
    """The format of content without a name, one of :data:`TYPES`."""
    found = InputFile(str(path)).content or "CSV"
    return next(type_ for type_, format_ in TYPES.items() if format_ == found)


def _by_ending(path: Path, known: dict[str, tuple[str, ...]]) -> str:
    for format_, endings in known.items():
        if path.name.lower().endswith(endings):
            return format_
    possible = ", ".join(f"{format_} ({' '.join(endings)})" for format_, endings in known.items())
    raise InputError(f"{path}: the ending does not say what kind of file it is; possible are {possible}")


@contextmanager
def called(path: str, name: str) -> Iterator[None]:
    """Errors within speak of a file that has no name of its own by another one."""
    try:
        yield
    except (InputError, ConfigError) as error:
        raise type(error)(str(error).replace(path, name)) from error
