"""Old nights out of the way: parts of the big tables set aside, brought back, or dropped. PostgreSQL only."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from ssdb.errors import ConfigError, DatabaseError, NotFoundError
from ssdb.schema.survey import PENDING, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.partitions import PARTITIONED, Range, attach_partition, partitions, set_width, width_of

_DETACHED = "_detached"
"""How the name of a table ends that was set aside."""

_WHOLE = (visit, visit_detector)
"""Tables that have no partitions, and whose rows go with those of the others."""

_SECONDS_TO_LOCK = 10.0
_PAUSE_SECONDS = 0.05
"""So long and so often it is tried to have the tables alone."""
_SECONDS_TO_PATIENCE = 0.5
_PATIENCE = "1500ms"
"""So often, and so long, it is waited: longer than PostgreSQL's deadlock_timeout of a second, after which it ends an
autovacuum that is in the way of someone who waits. Of one that does not wait it takes no notice."""

_ABOUT = re.compile(r"Visits from (-?\d+)(?: to below (-?\d+))?, set aside")


@dataclass(frozen=True, slots=True)
class Part:
    """A range of visits that is kept in tables of its own.

    Attributes
    ----------
    first, past : int
        Its smallest possible visit, and the smallest one above it (None: it has no end).
    detached : bool
        Whether it has been set aside.
    visits, pending : int
        Exposures that are stored, and those of them that wait for association.
    firstMjdTai, lastMjdTai : float or None
        Their first and last mid-exposure time, MJD TAI; None without exposures.
    bytes : int
        On the disk, of its own tables with their indexes.
    """

    first: int
    past: int | None
    detached: bool
    visits: int
    pending: int
    firstMjdTai: float | None
    lastMjdTai: float | None
    bytes: int

    def as_dict(self) -> dict[str, Any]:
        """The part as plain values, for JSON."""
        return asdict(self)


def list_parts(database: Database) -> list[Part]:
    """The parts in which the big tables are kept, ascending; behind them those that are set aside.

    Raises
    ------
    ConfigError
        If it is an SQLite database, which has none.
    """
    _refuse_sqlite(database)
    with database.reading() as connection:
        names: dict[Range, list[str]] = {}
        for one in partitions(connection):
            names.setdefault(one.range, []).append(one.name)
        parts = [
            _described(connection, wanted, names[wanted], False) for wanted in sorted(names, key=lambda r: r.first)
        ]
        for wanted in _ranges_aside(connection):
            of_part = [_aside(table, wanted) for table in (*_WHOLE, *PARTITIONED)]
            parts.append(_described(connection, wanted, of_part, True))
    return parts


def detach(database: Database, any_visit: int) -> list[str]:
    """Sets a part aside: its rows are in no table of ssdb any more, but in tables of their own.

    Parameters
    ----------
    database : Database
        Connected as the owner of the tables.
    any_visit : int
        One of the part.

    Returns
    -------
    list of str
        The tables that hold it now: to be dumped, brought back (:func:`attach`) or dropped (:func:`drop`).

    Raises
    ------
    NotFoundError
        If there is no such part.
    ConfigError
        If it is an SQLite database.
    DatabaseError
        If the user does not own the tables, others keep using them, or a part of the same first visit is aside already.
    """
    _refuse_sqlite(database)
    with database.writing() as connection:
        wanted = _part_of(connection, any_visit)
        _have_alone(connection, wanted)
        made = []
        for parent, child in _children(connection, wanted):
            _run(connection, f"ALTER TABLE {_q(connection, parent)} DETACH PARTITION {_q(connection, child)}")
            made.append(child + _DETACHED)
            _run(connection, f"ALTER TABLE {_q(connection, child)} RENAME TO {_q(connection, made[-1])}")
        for table in _WHOLE:
            made.append(_aside(table, wanted))
            new, old = _q(connection, made[-1]), _q(connection, table.name)
            _run(connection, f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)")
            connection.execute(
                sa.insert(_table_aside(table, wanted)).from_select(
                    table.columns.keys(), sa.select(table).where(_within(table, wanted))
                )
            )
            connection.execute(sa.delete(table).where(_within(table, wanted)))
        end = "" if wanted.past is None else f" to below {wanted.past}"
        about = f"Visits from {wanted.first}{end}, set aside"
        _run(connection, f"COMMENT ON TABLE {_q(connection, _aside(visit, wanted))} IS '{about}'")
        return made


def attach(database: Database, any_visit: int) -> int:
    """Brings back a part that was set aside.

    Parameters
    ----------
    database : Database
        Connected as the owner of the tables.
    any_visit : int
        One of the part.

    Returns
    -------
    int
        Exposures that are there again.

    Raises
    ------
    NotFoundError
        If no such part is set aside.
    ConfigError
        If it is an SQLite database.
    DatabaseError
        If visits of its range have been stored meanwhile, or the user does not own the tables.
    """
    _refuse_sqlite(database)
    with database.writing() as connection:
        wanted = _part_aside(connection, any_visit)
        for table in _WHOLE:
            rows = sa.select(_table_aside(table, wanted))
            connection.execute(sa.insert(table).from_select(table.columns.keys(), rows))
            _run(connection, f"DROP TABLE {_q(connection, _aside(table, wanted))}")
        for table in PARTITIONED:
            name = _aside(table, wanted)
            if _exists(connection, name):
                child = _q(connection, name.removesuffix(_DETACHED))
                _run(connection, f"ALTER TABLE {_q(connection, name)} RENAME TO {child}")
                attach_partition(connection, table, wanted)
        found = sa.select(sa.func.count()).select_from(visit).where(_within(visit, wanted))
        return int(connection.execute(found).scalar_one())


def drop(database: Database, any_visit: int) -> Part:
    """Drops a part, set aside or not, with all that it holds. It cannot be had back.

    Parameters
    ----------
    database : Database
        Connected as the owner of the tables.
    any_visit : int
        One of the part. Where a part with it is set aside and another one is not, the former is dropped.

    Returns
    -------
    Part
        What was dropped.

    Raises
    ------
    NotFoundError
        If there is no such part.
    ConfigError
        If it is an SQLite database.
    DatabaseError
        If the user does not own the tables, or others keep using them.
    """
    part = part_with(database, any_visit)
    wanted = Range(part.first, part.past)
    with database.writing() as connection:
        if part.detached:
            names = [_aside(table, wanted) for table in (*_WHOLE, *PARTITIONED)]
        else:
            _have_alone(connection, wanted)
            names = [child for _, child in _children(connection, wanted)]
            for table in _WHOLE:
                connection.execute(sa.delete(table).where(_within(table, wanted)))
        for name in names:
            _run(connection, f"DROP TABLE IF EXISTS {_q(connection, name)}")
    return part


def part_with(database: Database, any_visit: int) -> Part:
    """The part that a visit belongs to, one that is set aside before one that is not.

    Raises
    ------
    NotFoundError
        If there is none.
    ConfigError
        If it is an SQLite database.
    """
    parts = [part for part in list_parts(database) if Range(part.first, part.past).holds(any_visit)]
    if not parts:
        raise _no_part(any_visit)
    return max(parts, key=lambda part: part.detached)


def partition_width(database: Database, width: int | None = None) -> int:
    """How many visits a part has that is made from now on; sets it before, if it is given.

    Raises
    ------
    ConfigError
        If it is not above 0, or it is an SQLite database.
    """
    _refuse_sqlite(database)
    if width is not None:
        with database.writing() as connection:
            set_width(connection, width)
    with database.reading() as connection:
        return width_of(connection)


def _refuse_sqlite(database: Database) -> None:
    if database.dialect != "postgresql":
        raise ConfigError("SQLite keeps its tables whole: partitions are of PostgreSQL")


def _no_part(any_visit: int) -> NotFoundError:
    return NotFoundError(f"there is no part of the tables that visit {any_visit} belongs to: `ssdb partition list`")


def _described(connection: sa.Connection, wanted: Range, names: Iterable[str], detached: bool) -> Part:
    """A part that is kept in tables of these names, as far as they are there."""
    table = _table_aside(visit, wanted) if detached else visit
    time = table.c.midpointMjdTai
    pending = sa.func.count().filter(table.c.status == PENDING)
    about = sa.select(sa.func.count(), pending, sa.func.min(time), sa.func.max(time)).select_from(table)
    n_visits, n_pending, earliest, latest = connection.execute(about.where(_within(table, wanted))).one()
    size = sum(_size(connection, name) for name in names)
    return Part(*wanted, detached, n_visits, n_pending, earliest, latest, size)


def _part_of(connection: sa.Connection, any_visit: int) -> Range:
    for part in partitions(connection):
        if part.range.holds(any_visit):
            return part.range
    raise _no_part(any_visit)


def _part_aside(connection: sa.Connection, any_visit: int) -> Range:
    for wanted in _ranges_aside(connection):
        if wanted.holds(any_visit):
            return wanted
    raise NotFoundError(f"no part that visit {any_visit} belongs to has been set aside: `ssdb partition list`")


def _ranges_aside(connection: sa.Connection) -> list[Range]:
    """The ranges of the parts that are set aside, ascending."""
    comments = sa.text(
        """SELECT obj_description(oid, 'pg_class') FROM pg_class
           WHERE relkind = 'r' AND relname LIKE 'Visit\\_%\\_detached' AND pg_table_is_visible(oid)"""
    )
    matched = (_ABOUT.fullmatch(comment or "") for comment in connection.scalars(comments))
    return sorted(Range(int(m[1]), int(m[2]) if m[2] else None) for m in matched if m)


def _children(connection: sa.Connection, wanted: Range) -> list[tuple[str, str]]:
    """Each partitioned table and its partition of a range."""
    return [(part.table, part.name) for part in partitions(connection) if part.range.first == wanted.first]


def _have_alone(connection: sa.Connection, wanted: Range) -> None:
    """Locks the visits of a part and all partitioned tables, when nobody has any of them.

    Who waits for a lock in the ordinary way has everybody wait who comes later, and may wait for one who waits for what
    it has: this takes all or nothing, and tries again; now and then it waits a moment.
    """
    begun = time.monotonic()
    impatient_until = begun + _SECONDS_TO_PATIENCE
    while True:
        patient = time.monotonic() > impatient_until
        try:
            with connection.begin_nested():
                _lock_all(connection, wanted, patient)
            return
        except sa.exc.OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            if time.monotonic() > begun + _SECONDS_TO_LOCK:
                raise DatabaseError(
                    "the tables are in use (by an association, an ingest, a long query): try again when they are not"
                ) from error
        if patient:
            impatient_until = time.monotonic() + _SECONDS_TO_PATIENCE
        time.sleep(_PAUSE_SECONDS)


def _lock_all(connection: sa.Connection, wanted: Range, patient: bool) -> None:
    visits = sa.select(visit.c.visit).where(_within(visit, wanted)).with_for_update(nowait=True)
    connection.execute(visits).all()
    tables = ", ".join(_q(connection, table.name) for table in PARTITIONED)
    if patient:
        _run(connection, f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    _run(connection, f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE{'' if patient else ' NOWAIT'}")
    if patient:
        _run(connection, "SET LOCAL lock_timeout TO DEFAULT")


def _within(table: sa.FromClause, wanted: Range) -> sa.ColumnElement[bool]:
    inside: sa.ColumnElement[bool] = table.c.visit >= wanted.first
    return inside if wanted.past is None else inside & (table.c.visit < wanted.past)


def _aside(table: sa.Table, wanted: Range) -> str:
    return f"{table.name}_{wanted.first}{_DETACHED}"


def _table_aside(table: sa.Table, wanted: Range) -> sa.Table:
    return table.to_metadata(sa.MetaData(), name=_aside(table, wanted))


def _exists(connection: sa.Connection, name: str) -> bool:
    return connection.scalar(sa.text("SELECT to_regclass(:name)"), {"name": _q(connection, name)}) is not None


def _size(connection: sa.Connection, name: str) -> int:
    size = sa.text("SELECT coalesce(pg_total_relation_size(to_regclass(:name)), 0)")
    return int(connection.execute(size, {"name": _q(connection, name)}).scalar_one())


def _q(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
