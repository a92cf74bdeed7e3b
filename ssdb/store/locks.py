"""The locks of ssdb on PostgreSQL, and whom one waits for. SQLite needs none: its writing transaction is alone.

All are of kinds that need more than the right to read: rows of the table SsLock, and modes of LOCK TABLE. Whoever may
only read cannot hold up who writes. (Advisory locks are anybody's.)

In the order in which they are taken, so that two who wait for each other wait in no circle:

    names        nobody moves rows from one name of an object to another; shared by who stores rows under names
    orbits       nobody else writes orbits
    visits       nobody else creates visits; then the rows of Visit, ascending
    partitions   nobody else makes, sets aside, brings back or drops a part of the big tables
    sources      nobody else commits sources; when all are written

``segments`` (nobody else makes segments) is held by a connection of its own; ``rows of segments``, after orbits, by who
begins with that (nobody else writes segments) and is shared by who writes some.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import sqlalchemy as sa

from ssdb.errors import SchemaError
from ssdb.store.database import driver_connection
from ssdb.store.waits import told_when_late

ROWS = ("visits", "partitions", "sources")
"""The locks that are rows of SsLock."""

_TABLES = {
    # Who writes a table has it in the mode ROW EXCLUSIVE, who reads it in ACCESS SHARE.
    "names": ('"SsAlias"', "SHARE ROW EXCLUSIVE", "ROW EXCLUSIVE"),
    "orbits": ("mpc_orbits", "SHARE ROW EXCLUSIVE", "SHARE"),
    # Held for long: in contrast to a row it keeps nothing from being vacuumed but this small table.
    "segments": ('"SsEphemerisNight"', "SHARE UPDATE EXCLUSIVE", ""),
    "rows of segments": ('"SsEphemeris"', "SHARE ROW EXCLUSIVE", "ROW EXCLUSIVE"),
}
"""The locks that are modes of LOCK TABLE: the table, the mode, and that of who shares it."""

_BLOCKING = sa.text(
    """SELECT pid, usename, application_name FROM pg_stat_activity
       WHERE pid = ANY (pg_blocking_pids(:waiting)) ORDER BY pid LIMIT 3"""
)


def lock(connection: sa.Connection, name: str, *, shared: bool = False) -> None:
    """Takes a lock of ssdb until the end of the transaction. Does nothing on SQLite.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    name : str
        One of those that the module lists.
    shared : bool
        Together with others who share it; only of names, orbits and rows of segments.

    Raises
    ------
    SchemaError
        If the row that is the lock is not there.
    """
    if connection.dialect.name != "postgresql":
        return
    with waiting(connection, f"the lock on {name}"):
        if name in _TABLES:
            table, alone, together = _TABLES[name]
            connection.exec_driver_sql(f"LOCK TABLE {table} IN {together if shared else alone} MODE")
        elif connection.scalar(row_of(name)) is None:
            raise SchemaError(f"the table SsLock has lost its row {name}: run `ssdb init`")


def make_locks(connection: sa.Connection) -> None:
    """Makes those rows of SsLock that are not there."""
    if connection.dialect.name == "postgresql":
        rows = ", ".join(f"('{name}')" for name in ROWS)
        connection.exec_driver_sql(f'INSERT INTO "SsLock" (name) VALUES {rows} ON CONFLICT DO NOTHING')


def row_of(name: str, *, nowait: bool = False) -> sa.TextClause:
    """The statement that locks a row of SsLock, and gives its name if it is there."""
    end = " NOWAIT" if nowait else ""
    return sa.text(f"""SELECT name FROM "SsLock" WHERE name = '{name}' FOR UPDATE{end}""")


@contextmanager
def waiting(connection: sa.Connection, what: str) -> Iterator[None]:
    """Says on the log who holds what is waited for within, if that takes long."""
    if connection.dialect.name != "postgresql":
        yield
        return
    pid = driver_connection(connection).info.backend_pid
    with told_when_late(partial(_tell, connection.engine, pid, what)):
        yield


def _tell(engine: sa.Engine, pid: int, what: str) -> None:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            holders = connection.execute(_BLOCKING, {"waiting": pid}).all()
    except sa.exc.SQLAlchemyError:
        return  # Nobody can be asked; what waits will hear it, too.
    if holders:
        named = ", ".join(f"pid {holder} (user {user}, application {name!r})" for holder, user, name in holders)
        logging.getLogger("ssdb").warning("waiting for %s, held by %s", what, named)
