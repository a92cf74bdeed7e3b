"""Having tables alone, for a moment, in nobody's way.

Who waits for a lock in the ordinary way has everybody wait who comes later, and may wait for one who waits for what it
has. Here all that is needed is taken at once or not at all, and tried again; nothing is waited for while anything is
held. PostgreSQL ends an autovacuum only for who waits: that is done with nothing in hand, in a mode that no reader or
writer of rows has to queue behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from ssdb.errors import DatabaseError
from ssdb.store.locks import row_of

_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
"""So long and so often it is tried."""
_HIDDEN_MILLISECONDS = 100
"""So long a lock may take that PostgreSQL needs for itself, of a TOAST table say: a deadlock is not found as fast."""
_LONGER_MILLISECONDS = 500
"""So much longer than deadlock_timeout, after which an autovacuum is ended, it is waited for one."""

_HOLDERS = """FROM pg_locks l WHERE l.locktype = 'relation' AND l.granted AND l.pid <> pg_backend_pid()
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND l.relation = ANY (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) name)"""
_VACUUMED = sa.text(f"SELECT DISTINCT l.relation::regclass::text {_HOLDERS} AND mode = 'ShareUpdateExclusiveLock'")
_USERS = sa.text(
    f"""SELECT pid, usename, application_name FROM pg_stat_activity
        WHERE pid IN (SELECT l.pid {_HOLDERS}) ORDER BY pid LIMIT 3"""
)

Found = TypeVar("Found")
Done = TypeVar("Done")


def alone_with(
    connection: sa.Connection,
    find: Callable[[], tuple[Found, Collection[str]]],
    work: Callable[[Found], Done],
    *,
    parts: bool = True,
) -> Done:
    """Does something while nobody else has any of some tables.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked nothing.
    find : callable
        Gives what ``work`` is called with, and the names of the tables; called when nobody else can make, set aside,
        bring back or drop parts.
    work : callable
        What to do. If it meets a lock all the same, it is undone and done again.
    parts : bool
        Whether parts are changed; if not, nobody is kept from that.

    Returns
    -------
    Any
        What ``work`` returned.

    Raises
    ------
    DatabaseError
        If others keep using the tables. Nothing has changed then.
    """
    end = time.monotonic() + _SECONDS
    while True:
        names: list[str] = []
        locked = False
        try:
            with connection.begin_nested():
                if parts:
                    connection.execute(row_of("partitions", nowait=True))
                found, of_found = find()
                names = [connection.dialect.identifier_preparer.quote_identifier(name) for name in of_found]
                only = ", ".join(f"ONLY {name}" for name in names)
                connection.exec_driver_sql(f"LOCK TABLE {only} IN ACCESS EXCLUSIVE MODE NOWAIT")
                locked = True
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_HIDDEN_MILLISECONDS}")
                return work(found)
        except sa.exc.DBAPIError as error:
            # One that was set aside may have been dropped or brought back since it was found.
            gone = isinstance(error.orig, psycopg.errors.UndefinedTable) and not locked
            if not gone and not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            if time.monotonic() > end:
                raise DatabaseError(_in_use(connection, names)) from error
        if not _end_vacuum(connection, names, end):
            time.sleep(_PAUSE_SECONDS)


def _in_use(connection: sa.Connection, names: list[str]) -> str:
    users = connection.execute(_USERS, {"names": names}).all()
    who = "".join(f", by pid {pid} (user {user}, application {name!r})" for pid, user, name in users)
    return f"the tables are in use{who}: try again when they are not"


def _end_vacuum(connection: sa.Connection, names: list[str], end: float) -> bool:
    """Waits for an autovacuum of one of the tables, long enough for PostgreSQL to end it; False if there is none."""
    table = connection.execute(_VACUUMED, {"names": names}).scalar()
    if table is None:
        return False
    shown = connection.scalar(sa.text("SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'"))
    patience = min(int(shown) + _LONGER_MILLISECONDS, max(1, round(1000 * (end - time.monotonic()))))
    nested = connection.begin_nested()
    try:
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {patience}")
        connection.exec_driver_sql(f"LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE")
    except sa.exc.OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
    nested.rollback()
    return True
