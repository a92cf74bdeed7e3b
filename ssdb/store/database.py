"""Connections and transactions on PostgreSQL and SQLite.

A :class:`Database` hands out connections for reading (one snapshot, nothing can be written) and for writing (one
transaction: all or nothing). Errors of the drivers leave it as :class:`ssdb.errors.DatabaseError`, without passwords.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy as sa

from ssdb.errors import DatabaseError, quoted
from ssdb.store.driver import can_be_told, driver_message, is_lost
from ssdb.store.out_of_locks import is_out_of_locks, what_to_set
from ssdb.store.postgresql import postgresql_engine
from ssdb.store.sqlite import READING, sqlite_engine
from ssdb.store.urls import forget_passwords, masked

RUN_AGAIN = "; run the command again"
"""What ends the message of a connection that was lost."""


class Database:
    """A database of ssdb, made by :func:`ssdb.connect`; the dialect of its engine is ``postgresql`` or ``sqlite``."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.has_tables = False
        """Whether it is known to have the tables of ssdb; set where they are seen or made."""

    @property
    def dialect(self) -> str:
        """``postgresql`` or ``sqlite``."""
        return self.engine.dialect.name

    @property
    def concurrent(self) -> bool:
        """Whether it can have several writing transactions at a time."""
        return self.dialect == "postgresql"

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with this object."""
        return self.dialect == "sqlite" and not self.engine.url.database

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ssdb.Database {masked(self.engine.url)}>"

    def close(self) -> None:
        """Closes the connections. An in-memory database is gone with them."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one snapshot, in it each partition whole or not at all, and cannot write."""
        with self._translated(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            else:
                connection.execution_options(**{READING: True})
            with connection.begin():
                if self.has_tables and self.dialect == "postgresql":
                    # Before the snapshot is taken: a partition that is being detached is waited for, or has to wait.
                    connection.exec_driver_sql('LOCK TABLE "Visit" IN ACCESS SHARE MODE')
                with _given_up_if_useless(connection):
                    yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back if anything is raised."""
        with self._translated(), self.engine.begin() as connection, _given_up_if_useless(connection):
            yield connection

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """A connection on which every statement is a transaction of its own, and which nobody uses afterwards."""
        with self._translated(), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                connection.invalidate()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, psycopg.Error, sqlite3.Error) as error:
            forget_passwords(error, self.engine.url)
            if (interruption := _interruption_before(error)) is not None:
                raise interruption from None
            told = driver_message(error, self.engine.url)
            if is_lost(error):
                # Of a statement after the one that failed, SQLAlchemy says what its caller should have done.
                why = "" if isinstance(error, sa.exc.PendingRollbackError) else f" ({told})"
                told = f"the connection to the server was lost{why}: what was not committed is not stored{RUN_AGAIN}"
            elif is_out_of_locks(error):
                told = what_to_set(self.engine)
            raise DatabaseError(f"{masked(self.engine.url)}: {told}") from error


@contextmanager
def _given_up_if_useless(connection: sa.Connection) -> Iterator[None]:
    """Ends a connection on which not even a rollback is possible when anything is raised within the block.

    psycopg leaves it so where the start of a COPY is interrupted. The server rolls back then.
    """
    try:
        yield
    except BaseException:
        if not (connection.closed or connection.invalidated or can_be_told(connection)):
            connection.invalidate()
        raise


def _interruption_before(error: BaseException) -> BaseException | None:
    """What ends the process, if it was being handled when an error came, of a rollback say: it is not to be lost."""
    before = error.__context__
    while before is not None and not isinstance(before, KeyboardInterrupt | SystemExit):
        before = before.__context__
    return before


def open_database(url: str | sa.URL, *, create: bool = False) -> Database:
    """The database at a URL, whatever its schema.

    ``postgresql://...`` (libpq's environment variables, service and password files fill in what the URL leaves out) or
    ``sqlite:///FILE``; ``sqlite://`` is in memory. A missing SQLite file is made if ``create`` says so, else a
    SchemaError. DatabaseError if the URL cannot be used or the database cannot be reached.
    """
    try:
        made = sa.make_url(url)
        backend = made.get_backend_name()
        if backend == "postgresql" or made.drivername == "postgres":
            return Database(postgresql_engine(made))
        if backend == "sqlite":
            return Database(sqlite_engine(made, create=create))
    except (sa.exc.ArgumentError, ValueError):
        # Not repeated here: what could not be parsed may hold a password.
        raise DatabaseError(
            "the database URL cannot be read; examples: sqlite:///ssdb.db, postgresql://host/db"
        ) from None
    raise DatabaseError(f"ssdb works on PostgreSQL and SQLite, not on {quoted(backend)}")
