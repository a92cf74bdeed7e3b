"""A Database that runs everything inside a transaction that is already open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ssdb.store.database import Database


class Nested(Database):
    """A database within a transaction of it: what is done with it is stored with the rest of that, or not at all.

    Its transactions are savepoints. Whoever reads sees what was written so far.
    """

    concurrent = False

    def __init__(self, connection: sa.Connection) -> None:
        super().__init__(connection.engine)
        self._connection = connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """The connection."""
        with self._translated():
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """The connection; what was done with it is undone if anything is raised."""
        with self._translated(), self._connection.begin_nested():
            yield self._connection
