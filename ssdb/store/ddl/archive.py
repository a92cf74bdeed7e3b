"""Old nights out of the way: parts of the big tables set aside, brought back, or dropped. PostgreSQL only.

The rows of Visit and VisitDetector go with those of the parts. All these tables are had alone meanwhile, so that who
reads sees a night whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
import sqlalchemy as sa

from ssdb.errors import ConfigError, DatabaseError, NotFoundError, option
from ssdb.schema.survey import PENDING, visit
from ssdb.store.database import Database
from ssdb.store.ddl.alone import alone_with
from ssdb.store.ddl.aside import (
    DETACHED,
    WHOLE,
    about,
    exists,
    name_aside,
    names_aside,
    partitions_of,
    quoted,
    ranges_aside,
    size,
    table_aside,
    within,
)
from ssdb.store.ddl.partitions import PARTITIONED, Range, partitions, set_width, width_of
from ssdb.store.ddl.roles import refuse_others

_TABLES = [table.name for table in (*WHOLE, *PARTITIONED)]

_BOUNDED = "ssdb_visits"
"""The constraint by which PostgreSQL knows the visits of a table, and need not read all its rows to attach it."""

_SOME = 3
"""So many of the visits that are in the way are named."""


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
        Their first and last mid-exposure time, MJD TAI; None without visits.
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
    return _parts(database, None)


def _parts(database: Database, any_visit: int | None) -> list[Part]:
    """All parts, or those that a visit belongs to: to describe one takes as long as a small query."""
    _refuse_sqlite(database)
    with database.reading() as connection:
        names: dict[Range, list[str]] = {}
        for one in partitions(connection):
            if any_visit is None or one.range.holds(any_visit):
                names.setdefault(one.range, []).append(one.name)
        parts = [
            _described(connection, wanted, names[wanted], False) for wanted in sorted(names, key=lambda r: r.first)
        ]
        for wanted in ranges_aside(connection):
            if any_visit is not None and not wanted.holds(any_visit):
                continue
            try:
                with connection.begin_nested():
                    parts.append(_described(connection, wanted, names_aside(connection, wanted), True))
            except sa.exc.ProgrammingError as error:
                if not isinstance(error.orig, psycopg.errors.UndefinedTable):
                    raise
                # It has just been dropped.
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
    _refuse_others(database)
    with database.writing() as connection:

        def find() -> tuple[Range, list[str]]:
            wanted = _part_of(connection, any_visit)
            if exists(connection, name_aside(visit, wanted)):
                raise DatabaseError(f"a part from visit {wanted.first} is set aside already: drop it or bring it back")
            return wanted, [*_TABLES, *(part.name for part in partitions_of(connection, wanted))]

        return alone_with(connection, find, lambda wanted: _set_aside(connection, wanted))


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
        If visits of its range have been stored meanwhile, others keep using the tables, or the user does not own them.
    """
    _refuse_others(database)
    with database.writing() as connection:

        def find_aside() -> tuple[Range, list[str]]:
            wanted = _part_aside(connection, any_visit)
            return wanted, names_aside(connection, wanted)

        # All rows are read for that: it is done while nobody is kept from anything else.
        alone_with(connection, find_aside, lambda wanted: _bound(connection, wanted), parts=False)
    with database.writing() as connection:

        def find() -> tuple[Range, list[str]]:
            wanted, aside = find_aside()
            return wanted, [*aside, *_TABLES, *(part.name for part in partitions_of(connection, wanted))]

        return alone_with(connection, find, lambda wanted: _bring_back(connection, wanted))


def drop(database: Database, any_visit: int, *, set_aside: bool = False, only: Part | None = None) -> Part:
    """Drops a part, set aside or not, with all that it holds. It cannot be had back.

    Parameters
    ----------
    database : Database
        Connected as the owner of the tables.
    any_visit : int
        One of the part.
    set_aside : bool
        Drop none but a part that is set aside.
    only : Part, optional
        Drop none but this one, as :func:`part_with` has described it.

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
        If the user does not own the tables, others keep using them, or there are two such parts.
    """
    _refuse_others(database)
    part = only or part_with(database, any_visit, set_aside=set_aside)
    wanted = Range(part.first, part.past)
    with database.writing() as connection:

        def find() -> tuple[list[str], list[str]]:
            if part.detached:
                names = names_aside(connection, wanted) if wanted in ranges_aside(connection) else []
            else:
                names = [one.name for one in partitions(connection) if one.range == wanted]
            if not names:
                raise _no_part(any_visit)
            return names, [*names, *(() if part.detached else _TABLES)]

        def work(names: list[str]) -> None:
            for name in names:
                _run(connection, f"DROP TABLE {quoted(connection, name)}")
            for table in () if part.detached else WHOLE:
                connection.execute(sa.delete(table).where(within(table, wanted)))

        alone_with(connection, find, work)
    return part


def part_with(database: Database, any_visit: int, *, set_aside: bool = False) -> Part:
    """The part that a visit belongs to; only one that is set aside, if that is asked for.

    Raises
    ------
    NotFoundError
        If there is none.
    DatabaseError
        If there are two. Whoever drops the same part twice must not lose the one that has taken its place.
    ConfigError
        If it is an SQLite database.
    """
    parts = _parts(database, any_visit)
    parts = [part for part in parts if part.detached or not set_aside]
    if not parts:
        raise _no_part(any_visit)
    if len(parts) > 1:
        raise DatabaseError(
            f"visit {any_visit} belongs to a part that is set aside, and to one that is in use: "
            f"drop the former first ({option('`ssdb partition drop --set-aside`', 'set_aside=True')})"
        )
    return parts[0]


def partition_width(database: Database, width: int | None = None) -> int:
    """How many visits a part has that is made from now on; sets it before, if it is given.

    Raises
    ------
    ConfigError
        If it is not above 0, or it is an SQLite database.
    DatabaseError
        If it is to be set, and the user does not own the tables.
    """
    _refuse_sqlite(database)
    if width is not None:
        _refuse_others(database)
        with database.writing() as connection:
            set_width(connection, width)
    with database.reading() as connection:
        return width_of(connection)


def _refuse_sqlite(database: Database) -> None:
    if database.dialect != "postgresql":
        raise ConfigError("SQLite keeps its tables whole: partitions are of PostgreSQL")


def _refuse_others(database: Database) -> None:
    """Refuses SQLite, and a user who does not own the tables."""
    _refuse_sqlite(database)
    with database.reading() as connection:
        refuse_others(connection, "change how they are kept in parts")


def _no_part(any_visit: int) -> NotFoundError:
    return NotFoundError(
        f"there is no part of the tables (any more) that visit {any_visit} belongs to: `ssdb partition list`"
    )


def _described(connection: sa.Connection, wanted: Range, names: Iterable[str], detached: bool) -> Part:
    """A part that is kept in tables of these names, as far as they are there."""
    table = table_aside(visit, wanted) if detached else visit
    time = table.c.midpointMjdTai
    pending = sa.func.count().filter(table.c.status == PENDING)
    about_visits = sa.select(sa.func.count(), pending, sa.func.min(time), sa.func.max(time)).select_from(table)
    n_visits, n_pending, earliest, latest = connection.execute(about_visits.where(within(table, wanted))).one()
    return Part(*wanted, detached, n_visits, n_pending, earliest, latest, sum(size(connection, name) for name in names))


def _part_of(connection: sa.Connection, any_visit: int) -> Range:
    for part in partitions(connection):
        if part.range.holds(any_visit):
            return part.range
    raise _no_part(any_visit)


def _part_aside(connection: sa.Connection, any_visit: int) -> Range:
    for wanted in ranges_aside(connection):
        if wanted.holds(any_visit):
            return wanted
    raise NotFoundError(f"no part that visit {any_visit} belongs to is set aside (any more): `ssdb partition list`")


def _set_aside(connection: sa.Connection, wanted: Range) -> list[str]:
    made = []
    for part in partitions_of(connection, wanted):
        parent, child = quoted(connection, part.table), quoted(connection, part.name)
        made.append(part.name + DETACHED)
        _run(connection, f"ALTER TABLE {parent} DETACH PARTITION {child}")
        _run(connection, f"ALTER TABLE {child} RENAME TO {quoted(connection, made[-1])}")
    for table in WHOLE:
        aside = table_aside(table, wanted)
        made.append(aside.name)
        new, old = quoted(connection, aside.name), quoted(connection, table.name)
        _run(connection, f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)")
        rows = sa.select(table).where(within(table, wanted))
        connection.execute(sa.insert(aside).from_select(table.columns.keys(), rows))
        connection.execute(sa.delete(table).where(within(table, wanted)))
    _run(connection, f"COMMENT ON TABLE {quoted(connection, name_aside(visit, wanted))} IS '{about(wanted)}'")
    return made


def _bound(connection: sa.Connection, wanted: Range) -> None:
    """Has PostgreSQL know which visits the tables of a part hold."""
    known = sa.text("SELECT count(*) FROM pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)")
    end = "" if wanted.past is None else f" AND visit < '{wanted.past}'"
    for table in PARTITIONED:
        aside = name_aside(table, wanted)
        name = quoted(connection, aside)
        if exists(connection, aside) and not connection.scalar(known, {"name": _BOUNDED, "table": name}):
            _run(connection, f"ALTER TABLE {name} ADD CONSTRAINT {_BOUNDED} CHECK (visit >= '{wanted.first}'{end})")


def _bring_back(connection: sa.Connection, wanted: Range) -> int:
    stored = sa.select(visit.c.visit).where(within(visit, wanted)).order_by(visit.c.visit)
    if in_the_way := list(connection.scalars(stored.limit(_SOME + 1))):
        named = ", ".join([*map(str, in_the_way[:_SOME]), *(["..."] if len(in_the_way) > _SOME else [])])
        raise DatabaseError(f"visits of this range have been stored meanwhile: {named}; the part stays set aside")
    for part in partitions_of(connection, wanted):
        child = quoted(connection, part.name)
        if connection.execute(sa.text(f"SELECT 1 FROM {child} LIMIT 1")).first():
            raise DatabaseError(f"{part.name} has rows of this range without their visits: the part stays set aside")
        _run(connection, f"DROP TABLE {child}")
    try:
        for table in WHOLE:
            rows = sa.select(table_aside(table, wanted))
            connection.execute(sa.insert(table).from_select(table.columns.keys(), rows))
            _run(connection, f"DROP TABLE {quoted(connection, name_aside(table, wanted))}")
        for table in PARTITIONED:
            if exists(connection, name_aside(table, wanted)):
                _attach(connection, table, wanted)
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.UndefinedColumn | psycopg.errors.DatatypeMismatch):
            raise
        raise DatabaseError("the part was set aside from tables of another version of ssdb, and stays so") from error
    return connection.execute(sa.select(sa.func.count()).select_from(visit).where(within(visit, wanted))).scalar_one()


def _attach(connection: sa.Connection, table: sa.Table, wanted: Range) -> None:
    name = name_aside(table, wanted)
    parent, child = quoted(connection, table.name), quoted(connection, name.removesuffix(DETACHED))
    end = "MAXVALUE" if wanted.past is None else f"'{wanted.past}'"
    _run(connection, f"ALTER TABLE {quoted(connection, name)} RENAME TO {child}")
    _run(connection, f"ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ('{wanted.first}') TO ({end})")
    _run(connection, f"ALTER TABLE {child} DROP CONSTRAINT {_BOUNDED}")


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
