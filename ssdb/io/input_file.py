"""What a file that is read is: its format, by its ending or its content, and which of its tables is meant."""

from __future__ import annotations

import gzip
import json
import os
import re
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ssdb.errors import ConfigError, InputError, UsageError, option, quoted, shown

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

_LOOKED_AT = 4096
_MAGIC = {
    "FITS": re.compile(rb"SIMPLE  ="),
    "Parquet": re.compile(rb"PAR1"),
    "HDF5": re.compile(rb"\x89HDF\r\n\x1a\n"),
    "ECSV": re.compile(rb"(\xef\xbb\xbf)?# %ECSV "),
    "VOTable": re.compile(rb"(\xef\xbb\xbf)?\s*(<\?xml.*)?<([\w.-]+:)?VOTABLE\b", re.DOTALL),
}
"""How the content of files begins."""

_MOST_MEMBERS = 1000


@dataclass(frozen=True, slots=True)
class InputFile(os.PathLike[str]):
    """A path, and what its user says about it.

    Attributes
    ----------
    path : str
    table : str, int or None
        Which of its tables is meant: a name or a number (see :func:`ssdb.io.containers.chosen`).
    type : str or None
        Its format, whatever its ending is: one of :data:`TYPES`.
    """

    path: str
    table: str | int | None = None
    type: str | None = None

    def __fspath__(self) -> str:
        return self.path


def said_of(source: Any, table: str | int | None = None, type: str | None = None) -> Any:
    """A source with what its user says about it: an :class:`InputFile` where that is anything.

    Raises
    ------
    ConfigError
        If the source is a table in memory, about which there is nothing to say, or the type is none.
    """
    if type is not None and type.lower() not in TYPES:
        raise ConfigError(f"type must be one of {', '.join(TYPES)}, not {quoted(type)}")
    if table is None and type is None:
        return source
    if not isinstance(source, str | os.PathLike):
        raise UsageError("table= and type= say what is in a file: this is a table in memory")
    return InputFile(os.fsdecode(source), table, type.lower() if type else None)


def wanted_table(source: Any) -> str | int | None:
    """Which table of a source its user wants."""
    return source.table if isinstance(source, InputFile) else None


def refuse_said(source: Any, what: str, format_: str | None, *, several_tables: bool = False) -> None:
    """Refuses what a user says about a file without need, or against its content, by which it has been recognised.

    Parameters
    ----------
    source : path or table
    what : str
        What it is, for the message.
    format_ : str or None
        The one of the formats of :data:`TYPES` that it has.
    several_tables : bool
        Whether it may have several tables.

    Raises
    ------
    UsageError
        That names the option.
    """
    if not isinstance(source, InputFile):
        return
    if source.table is not None and not several_tables:
        raise UsageError(f"{source.path}: is {what}, which has one table: leave out {option('--table', 'table=...')}")
    if source.type is not None and TYPES[source.type] != format_:
        raise UsageError(f"{source.path}: is {what}: leave out {option('--type', 'type=...')} {source.type}")


def written_format(path: Path) -> str:
    """The format in which a file of this name is written."""
    return _by_ending(path, ENDINGS)


def format_of(source: str | os.PathLike[str]) -> str:
    """The format of a file that is read: what its user says, its ending and, of text, its content.

    Raises
    ------
    InputError
        If none of them says it, or the file is an archive or has records within records; the message says what is
        inside.
    """
    path = Path(source)
    if isinstance(source, InputFile) and source.type is not None:
        return TYPES[source.type]
    if path.is_dir():
        return "Parquet"
    beginning = _beginning(path)
    try:
        format_ = _by_ending(path, READ_ENDINGS)
    except InputError as error:
        found = _by_content(beginning)
        if found is None:
            _refuse_foreign(path, beginning)
            raise InputError(f"{error}; {option('--type', 'type=...')} says it, too: {', '.join(TYPES)}") from None
        return found
    if format_ == "CSV":
        _refuse_foreign(path, beginning)
        return _by_content(beginning) or format_
    return format_


def sniffed(path: Path) -> str:
    """The format of content without a name, one of :data:`TYPES`."""
    found = _by_content(_beginning(path)) or "CSV"
    return next(type_ for type_, format_ in TYPES.items() if format_ == found)


def _by_ending(path: Path, known: dict[str, tuple[str, ...]]) -> str:
    for format_, endings in known.items():
        if path.name.lower().endswith(endings):
            return format_
    possible = ", ".join(f"{format_} ({' '.join(endings)})" for format_, endings in known.items())
    raise InputError(f"{path}: the ending does not say what kind of file it is; possible are {possible}")


def _by_content(beginning: bytes) -> str | None:
    return next((format_ for format_, magic in _MAGIC.items() if magic.match(beginning)), None)


def _beginning(path: Path) -> bytes:
    """The first bytes of a file, decompressed where it is gzip; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            content = file.read(_LOOKED_AT)
        if content.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                content = unpacked.read(_LOOKED_AT)
    except (OSError, EOFError, ValueError):
        return b""
    except Exception:  # zlib's own
        return b""
    return content


# ---- what is no table, or has tables in it ---------------------------------------------------------------------------


def refuse_archive(path: Path) -> None:
    """Raises InputError if a file is a tar or zip archive, with what is in it."""
    beginning = _beginning(path)
    if beginning.startswith(b"PK\x03\x04"):
        kind, members = "zip", _members_of_zip
    elif beginning[257:262] == b"ustar":
        kind, members = "tar", _members_of_tar
    else:
        return
    names = list(_first(members, path))
    if names or kind == "tar":
        inside = f" with {shown(names, 10)}" if names else ", of which nothing can be read"
        raise InputError(f"{path}: is a {kind} archive{inside}: unpack it, and give the files that are meant")


def _first(members: Callable[[Path], Iterator[str]], path: Path) -> Iterator[str]:
    """Names of the first members, as far as they can be read."""
    try:
        for number, name in enumerate(members(path)):
            if number >= _MOST_MEMBERS:
                return
            yield name
    except Exception:  # whatever it stumbles over in a damaged archive
        return


def _members_of_zip(path: Path) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        yield from (info.filename for info in archive.infolist() if not info.is_dir())


def _members_of_tar(path: Path) -> Iterator[str]:
    with tarfile.open(path) as archive:
        yield from (member.name for member in archive if member.isfile())


def _refuse_foreign(path: Path, beginning: bytes) -> None:
    """Raises InputError if a file has records within records, as brokers publish alerts, with what is in it."""
    refuse_archive(path)
    advice = (
        "records within records are not read: write the values that are meant as columns of a table, one row a "
        "source, as Parquet or CSV"
    )
    if beginning.startswith(b"Obj\x01"):
        raise InputError(f"{path}: is Avro, as alerts are published in{_inside(_avro_schema(path))}; {advice}")
    if re.match(rb"(\xef\xbb\xbf)?\s*[\[{]\s*[\[{\"]", beginning):
        raise InputError(f"{path}: is JSON{_inside(_first_of_json(path))}; {advice}")


def _inside(names: list[str]) -> str:
    return f", with {shown(names, 30)}" if names else ""


def nested_names(name: str, fields: list[str]) -> str:
    """A record within a record, for messages."""
    return f"{name} ({shown(fields, 8)})" if fields else name


def _avro_schema(path: Path) -> list[str]:
    """The fields of the records of an Avro file; none if they cannot be read."""
    with path.open("rb") as file:
        content = file.read(1_000_000)
    at = content.find(b"avro.schema")
    if at < 0:
        return []
    at += len(b"avro.schema")
    length = shift = 0
    for byte in content[at : at + 5]:  # a number with seven bits a byte
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    try:
        schema = json.loads(content[at : at + length // 2])
        return [nested_names(field["name"], _fields_of_avro(field["type"])) for field in schema["fields"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _fields_of_avro(type_: Any) -> list[str]:
    """The fields of a type that is a record, or of the first record among several types."""
    if isinstance(type_, list):
        return next((fields for one in type_ if (fields := _fields_of_avro(one))), [])
    if not isinstance(type_, dict):
        return []
    if "items" in type_:
        return _fields_of_avro(type_["items"])
    return [str(field["name"]) for field in type_.get("fields", ())]


def _first_of_json(path: Path) -> list[str]:
    """The keys of the first record of a JSON file, or of its first line; none if they cannot be read."""
    with path.open("rb") as file:
        text = file.read(1_000_000).decode("utf-8-sig", "replace")
    try:
        first, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return []
    while isinstance(first, list):
        first = first[0] if first else {}
    if not isinstance(first, dict):
        return []
    return [nested_names(name, list(value) if isinstance(value, dict) else []) for name, value in first.items()]


@contextmanager
def called(path: str, name: str) -> Iterator[None]:
    """Errors within speak of a file that has no name of its own by another one."""
    try:
        yield
    except (InputError, ConfigError) as error:
        raise type(error)(str(error).replace(path, name)) from error
