"""Bytes that come one after the other: standard input, pipes."""

from __future__ import annotations

import os
import select
import zlib
from collections.abc import Callable
from typing import IO

STANDARD_INPUT = "standard input"
"""What messages call it."""

_GZIP = 16 + zlib.MAX_WBITS  # by which zlib knows it
_CHUNK = 1 << 16


class Arriving:
    """A stream that gives what has come, and waits only if nothing has.

    Parameters
    ----------
    stream : binary file
        Of which nothing has been read. One without a descriptor is read as it is.
    while_waiting : callable
        Called before each wait; says after how many seconds it wants to be called again (None: not at all).
    """

    def __init__(self, stream: IO[bytes] | Unpacked, while_waiting: Callable[[], float | None] = lambda: None) -> None:
        self._stream, self._while_waiting = stream, while_waiting
        self._held = b""
        self._descriptor: int | None = None
        if isinstance(stream, Unpacked):
            return
        try:
            self._descriptor = stream.fileno()
        except (OSError, AttributeError):
            return
        self._ready = select.poll()
        self._ready.register(self._descriptor, select.POLLIN)

    def peek(self, n: int) -> bytes:
        """The next bytes, fewer at the end, which stay."""
        while len(self._held) < n and (more := self._more(n - len(self._held))):
            self._held += more
        return self._held[:n]

    def read(self, n: int) -> bytes:
        """At least one of the next bytes, and no more than n; none at the end."""
        if self._held:
            taken, self._held = self._held[:n], self._held[n:]
            return taken
        return self._more(n)

    def _more(self, n: int) -> bytes:
        if self._descriptor is None:
            return self._stream.read(n)
        while not self._ready.poll(_milliseconds(self._while_waiting())):
            pass
        pieces: list[bytes] = []
        while n and (piece := os.read(self._descriptor, n)):
            pieces.append(piece)
            n -= len(piece)
            if not self._ready.poll(0):
                break
        return b"".join(pieces)


class Unpacked:
    """Unpacks gzip and gives what has come, where Python's own waits for more.

    EOFError or zlib.error if it is damaged.
    """

    def __init__(self, packed: Arriving) -> None:
        self._packed = packed
        self._given, self._begun, self._has_more = b"", False, False
        self._begin(b"")

    def read(self, n: int) -> bytes:
        """At least one of the next bytes, and no more than n; none at the end."""
        while True:
            if self._unpack.eof:
                self._begin(self._unpack.unused_data)
            if not self._given and not self._has_more:
                self._given = self._packed.read(_CHUNK)
                if not self._given and self._begun:
                    raise EOFError("it ends too soon")
            if not self._begun:
                self._given = self._given.lstrip(b"\0")  # padding between its parts
                if not self._given and not self._packed.peek(1):
                    return b""
                self._begun = bool(self._given)
            unpacked = self._unpack.decompress(self._given, n)
            self._given, self._has_more = self._unpack.unconsumed_tail, len(unpacked) == n
            if unpacked:
                return unpacked

    def _begin(self, given: bytes) -> None:
        self._unpack = zlib.decompressobj(_GZIP)
        self._given, self._begun, self._has_more = given, False, False


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else max(seconds, 0.0) * 1000.0
