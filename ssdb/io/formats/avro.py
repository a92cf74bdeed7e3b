"""Reads records of Avro: container files, also several one after the other, and messages of schema registries.

Bytes are decoded by fastavro; files are divided here, because it takes neither files nor messages one after the other,
and makes the schema of every file anew, which takes a hundred times as long as an alert.
"""

from __future__ import annotations

import importlib.util
import io
import json
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from ssdb.errors import InputError, MissingPackageError, option, quoted
from ssdb.io.limits import allowed_memory

MAGIC = b"Obj\x01"
"""With which container files begin (Avro 1.12)."""

MESSAGE = b"\x00"
"""With which messages begin: a zero, four bytes of the schema's number, the record (Confluent's wire format)."""

_HEADER_OF_MESSAGE = 5
_LONGEST_SCHEMA = 16_000_000
_MOST_SCHEMAS = 64
_CHUNK, _SMALL = 1 << 22, 1 << 16
_LONG = 1 << 24
"""Bytes of a message that no alert has: it is not tried again with every few bytes more."""

_LONGEST_NUMBER = 10  # bytes of an integer of 64 bits, seven bits a byte

_Record = dict[str, Any]


def fastavro() -> Any:
    """The package; MissingPackageError where it is not installed."""
    try:
        import fastavro
    except ModuleNotFoundError as error:
        raise MissingPackageError("alerts need the package fastavro: pip install 'ssdb-asteroids[alerts]'") from error
    return fastavro


def without_dates(schema: Any) -> Any:
    """A schema in which dates are the numbers as which they are stored: what is no date would cost its record."""
    if isinstance(schema, dict):
        return {key: without_dates(value) for key, value in schema.items() if key != "logicalType"}
    return [without_dates(one) for one in schema] if isinstance(schema, list) else schema


class Schemas:
    """Schemas of containers, and those of messages by their number.

    ``path`` is a file with the schema of all messages; without it they are those of the package lsst-alert-packet,
    where 11.1 has the number 1101. InputError if a schema cannot be used.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._of_text: dict[bytes, Any] = {}
        self._of_number: dict[int, Any] = {}
        self._of_all = None if path is None else self._of_file(path)

    def of_text(self, text: bytes, name: str) -> Any:
        """The schema that a container has as JSON."""
        if text not in self._of_text:
            if len(self._of_text) >= _MOST_SCHEMAS:
                self._of_text.clear()
            try:
                self._of_text[text] = fastavro().parse_schema(without_dates(json.loads(text)))
            except (ValueError, KeyError, TypeError, RecursionError, fastavro().schema.SchemaParseException) as error:
                raise InputError(f"{name}: its schema is none of Avro ({error})") from error
        return self._of_text[text]

    def of_number(self, number: int, name: str) -> Any:
        """The schema of a message."""
        if self._of_all is not None:
            return self._of_all
        if number not in self._of_number:
            folder = lsst_schemas()
            if folder is None:
                raise MissingPackageError(
                    f"{name}: the schema of messages is not in them: pip install 'ssdb-asteroids[alerts]', which has "
                    f"Rubin's, or give it ({option('--schema FILE', 'schema=...')})"
                )
            major, minor = divmod(number, 100)
            path = folder / str(major) / str(minor) / f"lsst.v{major}_{minor}.alert.avsc"
            if not path.is_file():
                raise InputError(
                    f"{name}: a message has the schema number {number:,}, which lsst-alert-packet does not have: give "
                    f"the schema ({option('--schema FILE', 'schema=...')})"
                )
            self._of_number[number] = self._of_file(path)
        return self._of_number[number]

    @staticmethod
    def _of_file(path: Path) -> Any:
        try:
            return fastavro().parse_schema(without_dates(fastavro().schema.load_schema(path)))
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
            RecursionError,
            fastavro().schema.SchemaParseException,
            fastavro().repository.SchemaRepositoryError,  # also of a file that is not there, or no JSON
        ) as error:
            raise InputError(f"{path}: cannot be read as a schema of Avro ({error})") from error


def lsst_schemas() -> Path | None:
    """The folder of Rubin's schemas in lsst-alert-packet; None where it is not installed. Nothing of it is run."""
    try:
        found = importlib.util.find_spec("lsst.alert")
    except ModuleNotFoundError:
        return None
    for place in (found.submodule_search_locations or ()) if found else ():
        if (folder := Path(place) / "packet" / "schema").is_dir():
            return folder
    return None


class Readable(Protocol):
    """A stream of bytes, which may give fewer than it is asked for; none at its end."""

    def read(self, n: int, /) -> bytes: ...


def records_of(stream: Readable, name: str, schemas: Schemas) -> Iterator[_Record]:
    """The records of a stream of containers or of messages, one after the other, as dictionaries.

    InputError that names the stream if it is neither, or is cut or damaged; the records before come first.
    """
    file = _Stream(stream, name)
    while beginning := file.peek(len(MAGIC)):
        if beginning == MAGIC:
            yield from _of_container(file, schemas)
        elif beginning.startswith(MESSAGE):
            yield from _of_messages(file, schemas)
        else:
            what = (
                "what follows an Avro file in it is none" if file.place else "is not Avro, as alerts are published in"
            )
            raise InputError(f"{name}: {what}: it begins with {quoted(beginning)}")


class _Stream:
    """Bytes that are read once, in order."""

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream = stream
        self._held, self._at = b"", 0
        self.name = name
        self.place = 0
        self.ended = False

    def peek(self, n: int) -> bytes:
        """The next bytes, fewer at the end, which stay."""
        while len(self._held) - self._at < n and not self.ended:
            self._more()
        return self._held[self._at : self._at + n]

    def take(self, n: int) -> bytes:
        """The next bytes; InputError where there are fewer."""
        if n < 0 or n > allowed_memory():
            raise self.damaged(f"a part of it would have {n:,} bytes")
        while (missing := n - len(self._held) + self._at) > 0 and not self.ended:
            self._more(missing, missing)
        if missing > 0:
            raise self.damaged("it ends too soon")
        taken = self._held[self._at : self._at + n]
        self.skip(n)
        return taken

    def skip(self, n: int) -> None:
        """Passes over bytes that were looked at."""
        self._at += n
        self.place += n

    def rest(self, longer: bool) -> bytes:
        """What has been read and not been taken; with ``longer`` more than before."""
        if longer or self._at == len(self._held):
            held = len(self._held) - self._at
            self._more(max(_CHUNK, held), held if held > _LONG else 1)
        return self._held[self._at :]

    def long(self) -> int:
        """An integer as Avro writes it."""
        value = 0
        for shift in range(0, 7 * _LONGEST_NUMBER, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise self.damaged("a number has no end")

    def damaged(self, why: str) -> InputError:
        """The error about what cannot be read on."""
        return InputError(f"{self.name}: is cut or damaged near byte {self.place:,}: {why}")

    def _more(self, n: int = _CHUNK, least: int = 1) -> None:
        """Reads about n bytes; fewer where they come one after the other, but so many at least."""
        pieces = [self._held[self._at :]]
        while least > 0 and not self.ended:
            try:
                more = self._stream.read(max(n, _SMALL))
            except (EOFError, OSError, zlib.error) as error:  # of what is compressed
                raise self.damaged(str(error)) from error
            self.ended = not more
            pieces.append(more)
            n, least = n - len(more), least - len(more)
        self._held, self._at = b"".join(pieces), 0


def _of_container(file: _Stream, schemas: Schemas) -> Iterator[_Record]:
    file.take(len(MAGIC))
    about: dict[bytes, bytes] = {}
    while n := file.long():
        if n < 0:
            n = -n
            file.long()
        for _ in range(n):
            key = file.take(file.long())
            about[key] = file.take(min(file.long(), _LONGEST_SCHEMA))
    marker = file.take(16)
    schema = schemas.of_text(about.get(b"avro.schema", b""), file.name)
    codec = about.get(b"avro.codec", b"null")
    if codec not in (b"null", b"deflate"):
        raise InputError(
            f"{file.name}: is compressed by {quoted(codec.decode(errors='replace'))}: null and deflate are read"
        )
    while (beginning := file.peek(len(MAGIC))) and beginning != MAGIC:
        n, size = file.long(), file.long()
        content = file.take(size)
        if file.take(16) != marker:
            raise file.damaged("a block has not the end that all have")
        if codec == b"deflate":
            content = _inflated(content, file)
        block = io.BytesIO(content)
        read = _reader(file)
        for _ in range(n):
            yield read(block, schema)
        if n < 0 or block.tell() != len(content):
            raise file.damaged("a block has not as many records as it says")


def _inflated(content: bytes, file: _Stream) -> bytes:
    most = allowed_memory(len(content))
    try:
        inflated = zlib.decompressobj(-15)
        plain = inflated.decompress(content, most)
    except zlib.error as error:
        raise file.damaged(str(error)) from error
    if not inflated.eof:
        raise file.damaged(f"a block is cut, or would take more than {most / 1e9:g} GB")
    return plain


def _reader(file: _Stream) -> Callable[[BinaryIO, Any], _Record]:
    decode = fastavro().schemaless_reader

    def read(block: BinaryIO, schema: Any) -> _Record:
        try:
            return decode(block, schema)
        except Exception as error:  # whatever it stumbles over in damaged bytes
            raise file.damaged(f"a record cannot be decoded ({type(error).__name__})") from error

    return read


def _of_messages(file: _Stream, schemas: Schemas) -> Iterator[_Record]:
    decode = fastavro().schemaless_reader
    longer = False
    while True:
        held = file.rest(longer)
        block = io.BytesIO(held)
        at = 0
        while held[at : at + 1] == MESSAGE and at + _HEADER_OF_MESSAGE <= len(held):
            number = int.from_bytes(held[at + 1 : at + _HEADER_OF_MESSAGE], "big")
            schema = schemas.of_number(number, file.name)
            block.seek(at + _HEADER_OF_MESSAGE)
            try:
                record = decode(block, schema)
            except EOFError:  # the rest of it may come with the next bytes
                break
            except Exception as error:  # whatever it stumbles over in damaged bytes
                file.skip(at)
                raise file.damaged(f"a message cannot be decoded ({type(error).__name__})") from error
            at = block.tell()
            yield record
        file.skip(at)
        left = len(held) - at
        if left and held[at : at + 1] != MESSAGE:
            return
        if file.ended:
            if left:
                raise file.damaged("it ends within a message")
            return
        if left > allowed_memory():
            raise file.damaged("a message has no end")
        longer = True
