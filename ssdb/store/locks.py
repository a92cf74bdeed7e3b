"""The locks with which writers keep out of each other's way on PostgreSQL, and their order. SQLite needs none.

To take one needs more than the right to read, so that whoever may only read holds up no writer: they are rows of the
table SsLock, and modes of LOCK TABLE. (Anybody may take an advisory lock.)

They are taken in this order, so that no two transactions wait for each other:

    names        nobody moves rows from one name of an object to another; shared by all who store rows under names
    orbits       nobody else writes orbits
    visits       nobody else creates visits; then the rows of Visit, ascending
    partitions   nobody else makes, detaches, attaches or drops a partition
    summaries    nobody else summarizes objects; taken after orbits, shared, and after nothing else
    cells        nobody else changes DiaObjects in these cells of the sky, ascending
    sources      nobody else commits sources; when all are written

Who associates pending visits waits for neither rows of Visit nor cells: what others have is left to them for now.

``segments`` (nobody else makes segments) is held by a connection of its own. ``rows of segments`` comes after orbits:
taken alone to begin nights, so that nobody else writes segments meanwhile, and shared to write some.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import psycopg
import sqlalchemy as sa

from ssdb.errors import DatabaseError, SchemaError
from ssdb.sky.cells import CELLS
from ssdb.store.postgresql import server_process
from ssdb.store.waits import told_when_late
from ssdb.units import Integers

ROWS = ("visits", "partitions", "sources", *(f"dia {cell}" for cell in CELLS))
"""The locks that are rows of SsLock; those of cells have their numbers."""

_TABLES = {
    # To write a table takes the mode ROW EXCLUSIVE, to read it ACCESS SHARE.
    "names": ('"SsAlias"', "SHARE ROW EXCLUSIVE", "ROW EXCLUSIVE"),
    "orbits": ("mpc_orbits", "SHARE ROW EXCLUSIVE", "SHARE"),
    # Held for long: in contrast to a row it keeps nothing from being vacuumed but this small table.
    "segments": ('"SsEphemerisNight"', "SHARE UPDATE EXCLUSIVE", ""),
    "summaries": ('"SsObjectFit"', "SHARE ROW EXCLUSIVE", ""),
    "rows of segments": ('"SsEphemeris"', "SHARE ROW EXCLUSIVE", "ROW EXCLUSIVE"),
}
"""The locks that are modes of LOCK TABLE: the table, the mode, and the mode to share it."""

_BLOCKING = sa.text(
    """SELECT pid, usename, application_name FROM pg_stat_activity
       WHERE pid = ANY (pg_blocking_pids(:waiting)) ORDER BY pid LIMIT 3"""
)


def lock_at_once(connection: sa.Connection, name: str) -> bool:
    """Takes a lock that is a mode of LOCK TABLE as :func:`lock` does, or says that another transaction has it."""
    table, alone, _ = _TABLES[name]
    try:
        with connection.begin_nested():
            connection.exec_driver_sql(f"LOCK TABLE {table} IN {alone} MODE NOWAIT")
    except sa.exc.OperationalError as error:
        if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
            raise
        return False
    return True


def lock(connection: sa.Connection, name: str, *, shared: bool = False) -> None:
    """Takes a lock of ssdb, by its name, until the end of the transaction. Does nothing on SQLite.

    ``shared``: together with others who share it; only names, orbits and rows of segments. SchemaError if the row that
    is the lock is not there.
    """
    if connection.dialect.name != "postgresql":
        return
    with waiting(connection, f"the lock on {name}"):
        if name in _TABLES:
            table, alone, together = _TABLES[name]
            connection.exec_driver_sql(f"LOCK TABLE {table} IN {together if shared else alone} MODE")
        elif connection.scalar(_row(name)) is None:
            raise SchemaError(f"the table SsLock has lost its row {name}: run `ssdb init`")


def lock_cells(connection: sa.Connection, cells: Integers, *, wait: bool = True) -> bool:
    """Keeps others from changing DiaObjects in cells of the sky (ascending), until the end of the transaction.

    Without ``wait`` nobody is waited for: False if not all were to be had. Does nothing on SQLite. SchemaError if the
    row that is the lock is not there.
    """
    if connection.dialect.name != "postgresql" or not len(cells):
        return True
    names = {"names": [f"dia {cell}" for cell in cells.tolist()]}
    if not wait:
        return len(connection.execute(_CELLS_AT_ONCE, names).all()) == len(cells)
    with waiting(connection, "the lock on a cell of DiaObjects"):
        if len(connection.execute(_CELLS, names).all()) != len(cells):
            raise SchemaError("the table SsLock has lost a row of DiaObjects: run `ssdb init`")
    return True


def make_locks(connection: sa.Connection) -> None:
    """Makes those rows of SsLock that are not there."""
    if connection.dialect.name == "postgresql":
        rows = ", ".join(f"('{name}')" for name in ROWS)
        connection.exec_driver_sql(f'INSERT INTO "SsLock" (name) VALUES {rows} ON CONFLICT DO NOTHING')


def _row(name: str, end: str = "") -> sa.TextClause:
    return sa.text(f"""SELECT name FROM "SsLock" WHERE name = '{name}' FOR UPDATE{end}""")


_CELLS = sa.text(
    """SELECT name FROM "SsLock" WHERE name = ANY (:names) ORDER BY CAST(substr(name, 5) AS integer) FOR UPDATE"""
)
_CELLS_AT_ONCE = sa.text(f"{_CELLS} SKIP LOCKED")


@contextmanager
def waiting(connection: sa.Connection, what: str) -> Iterator[None]:
    """Says on the log who holds what is waited for here, if that takes long."""
    if connection.dialect.name != "postgresql":
        yield
        return
    with told_when_late(partial(_tell, connection.engine, server_process(connection), what)):
        yield


def _tell(engine: sa.Engine, pid: int, what: str) -> None:
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            holders = connection.execute(_BLOCKING, {"waiting": pid}).all()
    except sa.exc.SQLAlchemyError:
        return  # Nobody can be asked; what waits will hear it, too.
    if holders:
        logging.getLogger("ssdb").warning("waiting for %s, held by %s", what, ", ".join(_named(holders)))


def _named(processes: Iterable[sa.Row]) -> list[str]:
    """Processes of the server, as messages name them."""
    return [f"pid {pid} (user {user}, application {name!r})" for pid, user, name in processes]


# ---- tables that are used alone --------------------------------------------------------------------------------------

_SECONDS = 10.0
_PAUSE_SECONDS = 0.05
"""For so long, and so often, it is tried."""
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
    of_partitions: bool = True,
) -> Done:
    """Does something while nobody else uses some tables, without being in anybody's way.

    A lock that is waited for in the ordinary way makes everybody wait who comes later, and may lead to a deadlock. Here
    all that is needed is taken at once or not at all, and tried again; nothing is waited for while anything is held.
    PostgreSQL ends an autovacuum only if somebody waits for it: that is done with nothing in hand, in a mode that no
    reader or writer of rows has to queue behind.

    The connection has locked nothing. ``find`` gives what ``work`` is called with, and the names of the tables; with
    ``of_partitions`` others are kept from changing partitions before. If ``work`` meets a lock all the same, it is
    undone and done again. DatabaseError if others keep using the tables: nothing has changed then.
    """
    end = time.monotonic() + _SECONDS
    while True:
        names: list[str] = []
        locked = False
        try:
            with connection.begin_nested():
                if of_partitions:
                    connection.execute(_row("partitions", " NOWAIT"))
                found, of_found = find()
                names = [connection.dialect.identifier_preparer.quote_identifier(name) for name in of_found]
                only = ", ".join(f"ONLY {name}" for name in names)
                connection.exec_driver_sql(f"LOCK TABLE {only} IN ACCESS EXCLUSIVE MODE NOWAIT")
                locked = True
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_HIDDEN_MILLISECONDS}")
                return work(found)
        except sa.exc.DBAPIError as error:
            # A detached one may have been dropped or attached since it was found.
            gone = isinstance(error.orig, psycopg.errors.UndefinedTable) and not locked
            if not gone and not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            if time.monotonic() > end:
                who = "".join(f", by {user}" for user in _named(connection.execute(_USERS, {"names": names})))
                raise DatabaseError(f"the tables are in use{who}: try again when they are not") from error
        if not _end_vacuum(connection, names, end):
            time.sleep(_PAUSE_SECONDS)


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
