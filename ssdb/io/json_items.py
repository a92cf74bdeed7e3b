"""Reads JSON files of any length a value at a time."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from ssdb.errors import InputError
from ssdb.io.input_file import InputFile
from ssdb.io.limits import refuse_line

_BYTES_AT_ONCE = 2**20
_BLANK = re.compile(r"[ \t\r\n]*")
_FOLLOWS = re.compile(r"[ \t\r\n,:\]}]")
_BEGINS = re.compile(rb"(\xef\xbb\xbf)?\s*(\{\s*[\"}]|\[\s*[\[{\"\]])")


def is_json(given: InputFile) -> bool:
    """Whether a file begins as JSON that is an object, or an array of objects, arrays or texts."""
    return given.is_text and _BEGINS.match(given.beginning[:1000]) is not None


def json_items(given: InputFile, streamed: Collection[str] = ()) -> Iterator[tuple[str | None, Any]]:
    """The items of the array that a JSON file is, each with None; or the values of the object, each with its key.

    Arrays of ``streamed`` keys come an item at a time, too. InputError if the file is not there, not readable, no JSON,
    or ends before its end; what came before is as it is in the file.
    """
    with given.opened() as stream:
        text = _Text(given.path, stream)
        try:
            if text.skip("["):
                for item in text.items("]"):
                    yield None, item
            elif text.skip("{"):
                yield from _members(text, streamed)
            else:
                raise InputError(f"{given.path}: is not JSON that is an object or an array")
            text.refuse_more()
        except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"{given.path}: cannot be read as JSON, is it complete? ({error})") from None


def _members(text: _Text, streamed: Collection[str]) -> Iterator[tuple[str, Any]]:
    first = True
    while not text.skip("}"):
        if not first:
            text.need(",")
        first = False
        key = text.value()
        text.need(":")
        if key in streamed and text.skip("["):
            for item in text.items("]"):
                yield key, item
        else:
            yield key, text.value()


class _Text:
    """The text of a JSON file as far as it is needed, and where its next value begins."""

    def __init__(self, name: str, stream: Any) -> None:
        self._name = name
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._parse = json.JSONDecoder().raw_decode
        self._text = ""
        self._at = 0
        self._ended = False

    def skip(self, character: str) -> bool:
        """Whether a character comes next, blanks aside; it is passed then."""
        self._blanks()
        found = self._text.startswith(character, self._at)
        self._at += found
        return found

    def need(self, character: str) -> None:
        """Passes a character that has to come next."""
        if not self.skip(character):
            raise json.JSONDecodeError(f"Expecting {character!r}", self._text[self._at : self._at + 20], 0)

    def items(self, end: str) -> Iterator[Any]:
        """The values of an array, behind its bracket."""
        first = True
        while not self.skip(end):
            if not first:
                self.need(",")
            first = False
            yield self.value()

    def value(self) -> Any:
        """The next value."""
        self._blanks()
        while True:
            try:
                value, end = self._parse(self._text, self._at)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            else:
                # A number may go on in the next bytes: "0." is read as 0, and then a point.
                if self._ended or _FOLLOWS.match(self._text, end):
                    self._at = end
                    return value
            self._more()

    def refuse_more(self) -> None:
        """Raises JSONDecodeError where something comes behind the last value."""
        self._blanks()
        if self._at < len(self._text):
            raise json.JSONDecodeError("Extra data", self._text[self._at : self._at + 20], 0)

    def _blanks(self) -> None:
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text) or self._ended:
                return
            self._more()

    def _more(self) -> None:
        """Reads on; as much again as one value has, so that a long one is not tried too often."""
        rest = self._text[self._at :]
        refuse_line(self._name, rest)
        content = self._stream.read(max(_BYTES_AT_ONCE, len(rest)))
        self._ended = not content
        self._text = rest + self._decode(content, final=self._ended)
        self._at = 0
