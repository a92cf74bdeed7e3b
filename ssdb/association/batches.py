"""Divides visits into batches, one transaction each, and pauses between them so that others can write to SQLite."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from ssdb.store.database import Database
from ssdb.store.transfer.nested import Nested

_FIRST_BATCH = 2
"""Nothing is known then about how much there is to a visit."""
_ROWS_PER_BATCH = 60_000
"""Predictions, detectors and pairs that are in memory at a time: some 40 MB. 8 to 20 full visits of Rubin's."""

_TURN_SECONDS = 2.0
_PAUSE_SECONDS = 0.12
"""SQLite looks every 0.1 s whether its only lock is free (``sqliteDefaultBusyCallback`` of SQLite's source)."""


class Batches:
    """Divides visits into batches, each visit once, of which ``in_hand`` are worked on at a time.

    The rows of the batches so far decide how many visits are in the next one, at most ``most``: many small ones, since
    every batch takes some milliseconds by itself; few where there are very many pairs, since these are all in memory at
    once. The number at most doubles from one batch to the next. The last batches are small, so that all end at about
    the same time.
    """

    def __init__(self, visits: Sequence[int], in_hand: int, most: int) -> None:
        self._waiting = deque(visits)
        self._seen_later: set[int] = set()
        self._in_hand = in_hand
        self._most = most
        self._size = min(_FIRST_BATCH, most)

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def take(self) -> list[int]:
        """The next batch; empty when there is none, for now."""
        share = -(-len(self._waiting) // self._in_hand)
        return [self._waiting.popleft() for _ in range(min(self._size, share))]

    def learn(self, visits: int, rows: int) -> None:
        """Notes how many rows (predictions, detectors, pairs) so many visits had."""
        if visits:
            fitting = int(_ROWS_PER_BATCH * visits / max(rows, 1))
            self._size = max(1, min(fitting, 2 * self._size, self._most))

    def again_later(self, visits: Sequence[int]) -> list[int]:
        """Puts visits back to the end, each once; returns those that were put back before."""
        before = [visit for visit in visits if visit in self._seen_later]
        self._waiting += (visit for visit in visits if visit not in self._seen_later)
        self._seen_later.update(visits)
        return before


class Turns:
    """Lets others write now and then, between one transaction and the next.

    SQLite has no queue for its lock: if it is taken again at once, the others wait until they give up. PostgreSQL locks
    rows, and needs none of this.
    """

    def __init__(self, database: Database) -> None:
        # Within a transaction nobody can come in.
        self._shared = database.dialect == "sqlite" and not database.in_memory and not isinstance(database, Nested)
        self._since = time.monotonic()

    def offer(self) -> None:
        """Pauses long enough for another writer to come in, if that has not been done for a while."""
        if self._shared and time.monotonic() - self._since > _TURN_SECONDS:
            time.sleep(_PAUSE_SECONDS)
            self._since = time.monotonic()
