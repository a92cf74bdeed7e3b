"""Turns of those who write to an SQLite file."""

from __future__ import annotations

import time

from ssdb.store.database import Database
from ssdb.store.transfer.nested import Nested

_TURN_SECONDS = 2.0
_PAUSE_SECONDS = 0.12
"""Who waits for SQLite's only lock looks for it every 0.1 s (``sqliteDefaultBusyCallback`` of SQLite's source)."""


class Turns:
    """Lets others write now and then, while one transaction follows the other.

    SQLite has no queue for its lock: who takes it again at once leaves nothing to those that wait, until they give up.
    PostgreSQL locks rows, and needs none of this.
    """

    def __init__(self, database: Database) -> None:
        # Within a transaction nobody can come in.
        self._shared = database.dialect == "sqlite" and not database.in_memory and not isinstance(database, Nested)
        self._since = time.monotonic()

    def offer(self) -> None:
        """Waits long enough for another one to come in, if that has not been done for a while."""
        if self._shared and time.monotonic() - self._since > _TURN_SECONDS:
            time.sleep(_PAUSE_SECONDS)
            self._since = time.monotonic()
