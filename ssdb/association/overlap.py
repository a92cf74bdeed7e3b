"""Works on two batches at a time in one process: while the server works for one, the other is computed.

Threads do for that: whoever waits for the server, or is within numpy, leaves the interpreter to the other. Each batch
is a transaction on a connection of its own, as if two processes shared the visits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from ssdb.association.batches import Batches
from ssdb.errors import DatabaseError
from ssdb.store.database import Database
from ssdb.store.driver import driver_connection
from ssdb.threads import Workers

IN_HAND = 2
"""With more the server and the interpreter, which have one core each at least, have no gain."""

Part = TypeVar("Part")
Work = Callable[[Database, list[int]], Part]
"""What is done with a batch."""


def overlapped(database: Database, work: Work[Part], batches: Batches) -> Generator[tuple[list[int], Part], None, None]:
    """Works on batches until there are none left, on PostgreSQL: SQLite has one transaction at a time.

    Yields each batch with what ``work``, which makes its own transactions for writing, returned. Whoever iterates may
    put batches back. Whatever ``work`` raises is raised; then, and if whoever iterates ends early, the other batch is
    rolled back.
    """
    ours = _Interruptible(database.engine)
    workers = Workers(partial(work, ours), IN_HAND)
    try:
        while True:
            while workers.in_hand < IN_HAND and (batch := batches.take()):
                workers.give(batch)
            if not workers.in_hand:
                return
            yield workers.take()
    finally:
        workers.end(ours.interrupt)


class _Interruptible(Database):
    """A database whose transactions another thread can end: only the main thread gets the signal of Ctrl-C."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._lock = threading.Lock()
        self._open: set[psycopg.Connection] = set()
        self._interrupted = False

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """As that of Database; KeyboardInterrupt is raised where it was interrupted."""
        try:
            with super().writing() as connection:
                driver = driver_connection(connection)
                with self._lock:
                    if self._interrupted:
                        raise KeyboardInterrupt
                    self._open.add(driver)
                try:
                    yield connection
                finally:
                    with self._lock:
                        self._open.discard(driver)
        except DatabaseError:
            if self._interrupted:
                raise KeyboardInterrupt from None
            raise

    def interrupt(self) -> None:
        """Cancels the statements that run; no transaction begins any more."""
        with self._lock:
            self._interrupted = True
            for driver in self._open:
                with suppress(psycopg.Error):
                    driver.cancel()
