"""Reads ADES, in PSV or XML, as texts."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

from ssdb.errors import InputError
from ssdb.io.limits import LONGEST_LINE

Row = tuple[int, str, dict[str, str]]
"""Its line, its kind (optical, offset, occultation or radar), and its elements that are not blank, by name."""

_KEYWORD = re.compile(r"\s*[a-z][A-Za-z0-9]*\s*")
_KINDS = ("optical", "offset", "occultation", "radar")


def read_psv(stream: io.BufferedIOBase, name: str) -> Iterator[Row]:
    """The observations of a text in PSV; InputError if it is none, or not UTF-8."""
    keywords: list[str] | None = None
    n_names = 0
    for number, line in enumerate(text_lines(stream, name), 1):
        if not line.strip() or line.startswith(("#", "!")):
            continue
        tokens = line.rstrip("\r\n").split("|")
        n_tokens = len(tokens)
        names = tokens if tokens[-1].strip() else tokens[:-1]  # some write a | at the end, too
        if names and all(_KEYWORD.fullmatch(token) for token in names):
            keywords, n_names = [token.strip() for token in names], n_tokens
            continue
        if keywords is None:
            raise InputError(f"{name}: line {number:,} stands before the names of the elements: is it PSV of ADES?")
        # Empty tokens at the end may be left out, but a line without an end was cut, perhaps within a number.
        cut = n_tokens < n_names and not line.endswith("\n")
        if cut or n_tokens > n_names or any(token.strip() for token in tokens[len(keywords) :]):
            yield number, "unreadable", {}
            continue
        row = {key: token.strip() for key, token in zip(keywords, tokens, strict=False) if token.strip()}
        yield number, _kind(row), row


def text_lines(stream: io.BufferedIOBase, name: str) -> Iterator[str]:
    """The lines of a text, with their ends; InputError if it is not UTF-8."""
    try:
        for line in iter(lambda: stream.readline(LONGEST_LINE), b""):
            yield line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{name}: is not text in UTF-8") from None


def _kind(row: dict[str, str]) -> str:
    """What an observation is, by its elements: ADES_Description, 5."""
    if "delay" in row or "doppler" in row or "rcv" in row:
        return "radar"
    if "raStar" in row:
        return "occultation"
    return "offset" if "obsCenter" in row else "optical"


def read_xml(stream: io.BufferedIOBase, name: str) -> Iterator[Row]:
    """The observations of an XML of ADES; InputError if it is none, or declares entities."""
    found = _Elements(name)
    try:
        while piece := stream.read(1 << 20):
            found.parser.Parse(piece)
            yield from found.take()
        found.parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise InputError(f"{name}: is no XML, or is not whole: {error}") from None
    yield from found.take()


class _Elements:
    """What the elements of an XML say."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rows: list[Row] = []
        self._path: list[str] = []
        self._row: dict[str, str] = {}
        self._line = 0
        self._text: list[str] = []
        self.parser: Any = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.EntityDeclHandler = self._entity

    def take(self) -> list[Row]:
        """The observations that are complete by now, each once."""
        rows, self._rows = self._rows, []
        return rows

    def _start(self, tag: str, _attributes: dict[str, str]) -> None:
        if not self._path and tag != "ades":
            raise InputError(f"{self._name}: is XML, but not ADES: its root is {tag[:40]}")
        self._path.append(tag)
        self._text.clear()
        if tag in _KINDS:
            self._row, self._line = {}, self.parser.CurrentLineNumber

    def _end(self, tag: str) -> None:
        self._path.pop()
        text = "".join(self._text).strip()
        self._text.clear()
        if tag in _KINDS:
            self._rows.append((self._line, tag, self._row))
        elif text and self._path and self._path[-1] in _KINDS:
            self._row[tag] = text

    def _entity(self, name: str, *_: object) -> None:
        raise InputError(f"{self._name}: this XML declares entities ({name[:40]}), and ADES needs none")
