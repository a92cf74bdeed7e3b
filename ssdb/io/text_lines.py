"""Lines of text files: the one that names the columns, and blocks of those below it."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ssdb.errors import InputError
from ssdb.io.formats.parquet import NOT_UTF8
from ssdb.io.limits import LONGEST_LINE, refuse_columns, refuse_line, refuse_repeated

_MOST_COMMENTS = 1000
_LOOKED_AT = 8192
_BYTES_PER_BLOCK = 8 * 2**20


def header_names(line: bytes, name: str | os.PathLike[str]) -> list[str]:
    """The names in a line: between commas (perhaps in quotes) or, where it has none, between blanks.

    InputError if it is longer than :data:`ssdb.io.limits.LONGEST_LINE`, not UTF-8, cannot be taken apart, or names too
    many columns or one twice.
    """
    name = os.fsdecode(name)
    if b"\0" in line:
        raise InputError(f"{name}: is not text, nor a file of another kind that is read here")
    refuse_line(name, line)
    try:
        text = line.decode("utf-8-sig").strip()
        names = next(csv.reader([text]), []) if "," in text else text.split()
    except UnicodeDecodeError:
        raise InputError(f"{name}: {NOT_UTF8}") from None
    except csv.Error as error:
        raise InputError(f"{name}: the names of the columns cannot be read: {error}") from None
    names = [column.strip() for column in names]
    refuse_columns(name, len(names))
    refuse_repeated(names, name)
    return names


def header_line(stream: io.BufferedIOBase) -> tuple[bytes, int]:
    """The line that names the columns of a text, and how many blank lines and comments (``#``) stand before it.

    The stream, at the beginning of the text, is behind that line in the end.
    """
    for before in range(_MOST_COMMENTS):
        line = stream.readline(LONGEST_LINE + 1)
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if not line or (text and not text.startswith(b"#")):
            return line, before
    return b"", _MOST_COMMENTS


def commented_names(stream: io.BufferedIOBase, name: str | os.PathLike[str]) -> list[str]:
    """The names in the last comment at the beginning of a text; none where it begins with something else."""
    last = b""
    for _ in range(_MOST_COMMENTS):
        line = stream.readline(LONGEST_LINE + 1).removeprefix(b"\xef\xbb\xbf").strip()
        if not line.startswith(b"#"):
            break
        last = line.lstrip(b"# \t")
    return header_names(last, name)


def with_newlines(stream: io.BufferedIOBase) -> io.BufferedIOBase:
    """A text, at its beginning, with LF at the ends of lines: also one of old Macintosh, where CR ends a line."""
    beginning = stream.peek(_LOOKED_AT)[:_LOOKED_AT]  # type: ignore[attr-defined]
    if b"\r" not in beginning.rstrip(b"\r\n") or b"\n" in beginning:
        return stream
    pieces = iter(partial(stream.read, _LOOKED_AT), b"")
    return io.BufferedReader(_Pieces(piece.replace(b"\r", b"\n") for piece in pieces))


def separated(lines: bytes, separator: bytes) -> bytes:
    """Lines with a separator for the blanks between values, and without those around them."""
    return re.sub(rb"[ \t]+", separator, re.sub(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)", b"", lines))


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._rest = self._rest or memoryview(next(self._pieces, b""))
        n = min(len(buffer), len(self._rest))
        buffer[:n], self._rest = self._rest[:n], self._rest[n:]
        return n


def lines_of(stream: io.BufferedIOBase, name: object) -> Iterator[np.ndarray]:
    """The bytes of a file in blocks of whole lines, each as an array of uint8 that ends with a newline.

    InputError if a line is longer than any real one.
    """
    rest = b""
    while chunk := stream.read(_BYTES_PER_BLOCK):
        head, newline, tail = (rest + chunk).rpartition(b"\n")
        rest = tail
        refuse_line(name, rest)
        if newline:
            yield np.frombuffer(head + newline, np.uint8)
    if rest:
        yield np.frombuffer(rest + b"\n", np.uint8)
