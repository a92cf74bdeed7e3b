"""Lists, detaches, attaches and drops partitions of old nights (PostgreSQL).

The rows of Visit and VisitDetector, which have no partitions, go with those of the others. Nobody else uses these
tables meanwhile, so that whoever reads sees a night whole or not at all. Only the owner of the tables can change them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa

from ssdb.errors import ConfigError, DatabaseError, NotFoundError, option
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import PENDING, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.ddl.gone_sources import forget_detached, note_detached, note_dropped
from ssdb.store.ddl.partitions import PARTITIONED, Partition, partitions, set_width, width_of
from ssdb.store.ddl.roles import refuse_others
from ssdb.store.locks import alone_with
from ssdb.store.query_plans import is_distributed
from ssdb.store.tables.dia_changes import release_lost_sources
from ssdb.store.tables.ss_objects import note_objects, note_visits
from ssdb.store.tables.visits import set_unknown_ranges

WHOLE = (visit, visit_detector)
"""Tables that have no partitions, and whose rows go with those of the others."""

_TABLES = [table.name for table in (*WHOLE, *PARTITIONED)]
_DETACHED = "_detached"
"""How the name of a detached table ends."""
_COMMENT = re.compile(r"Visits from (-?\d+)(?: to below (-?\d+))?, (?:detached|set aside)")
"""The comment on a detached table Visit, by which its range is known."""
_BOUNDED = "ssdb_visits"
"""The constraint by which PostgreSQL knows the visits of a table, and need not read all its rows to attach it."""
_SOME = 3
"""So many of the visits that are in the way are named."""

_SIZE = sa.text("SELECT coalesce(pg_total_relation_size(to_regclass(:name)), 0)")
_SIZE_OF_SHARDS = sa.text(
    """SELECT coalesce(CASE WHEN EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = to_regclass(:name))
                            THEN citus_total_relation_size(to_regclass(:name))
                            ELSE pg_total_relation_size(to_regclass(:name)) END, 0)"""
)

_Done = TypeVar("_Done")


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """What there is to a partition."""

    first: int
    """Its smallest possible visit."""
    past: int | None
    """The smallest visit above it; None: it has no end."""
    detached: bool
    visits: int
    """Visits that are stored."""
    pending: int
    """Those of them that wait for association."""
    firstMjdTai: float | None
    lastMjdTai: float | None
    """Their first and last mid-exposure time, MJD TAI; None without visits."""
    bytes: int
    """On the disk, of its own tables with their indexes."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)


def list_partitions(database: Database, any_visit: int | None = None) -> list[PartitionReport]:
    """The partitions, ascending, and behind them those that are detached; or only those that a visit belongs to.

    To describe one takes as long as a small query. ConfigError if it is an SQLite database, which has none.
    """
    _refuse_sqlite(database)
    with database.reading() as connection:
        found = partitions(connection)
        reports = [
            _described(connection, one, found[one].values(), detached=False)
            for one in found
            if any_visit is None or one.holds(any_visit)
        ]
        for one in _detached(connection):
            if any_visit is not None and not one.holds(any_visit):
                continue
            try:
                with connection.begin_nested():
                    reports.append(_described(connection, one, _detached_names(connection, one), detached=True))
            except sa.exc.ProgrammingError as error:
                if not isinstance(error.orig, psycopg.errors.UndefinedTable):
                    raise
                # It has just been dropped.
    return reports


def partition_with(database: Database, any_visit: int, *, detached: bool = False) -> PartitionReport:
    """The partition that a visit belongs to; only a detached one, if that is asked for.

    NotFoundError if there is none. DatabaseError if there are two: whoever drops the same one twice must not lose the
    one that has taken its place. ConfigError if it is an SQLite database.
    """
    found = [report for report in list_partitions(database, any_visit) if report.detached or not detached]
    if not found:
        raise _no_partition(any_visit)
    if len(found) > 1:
        raise DatabaseError(
            f"visit {any_visit} belongs to a partition that is detached, and to one that is in use: "
            f"drop the former first ({option('`ssdb partition drop --detached`', 'detached=True')})"
        )
    return found[0]


def detach(database: Database, any_visit: int) -> list[str]:
    """Detaches the partition of a visit: its rows are in no table of ssdb any more, but in tables of their own.

    Returns the names of these tables, to be dumped, attached again (:func:`attach`) or dropped (:func:`drop`).
    NotFoundError if there is no such partition; ConfigError if it is an SQLite database; DatabaseError if the user does
    not own the tables, others keep using them, or one of the same first visit is detached already.
    """

    def find(connection: sa.Connection) -> tuple[Partition, list[str]]:
        partition = next((one for one in partitions(connection) if one.holds(any_visit)), None)
        if partition is None:
            raise _no_partition(any_visit)
        if _exists(connection, _detached_name(visit, partition)):
            raise DatabaseError(f"a partition from visit {partition.first} is detached already: drop or attach it")
        return partition, [*_TABLES, *(name for _, name in _tables_of(connection, partition))]

    return _changed(database, find, _detach)


def attach(database: Database, any_visit: int) -> int:
    """Attaches the detached partition of a visit again; returns how many visits are there again.

    Columns that the tables got meanwhile, by an upgrade of the schema, are NULL in it.

    NotFoundError if no such partition is detached; ConfigError if it is an SQLite database; DatabaseError if visits of
    its range have been stored meanwhile, others keep using the tables, or the user does not own them.
    """

    def find_detached(connection: sa.Connection) -> tuple[Partition, list[str]]:
        partition = next((one for one in _detached(connection) if one.holds(any_visit)), None)
        if partition is None:
            raise NotFoundError(
                f"no partition that visit {any_visit} belongs to is detached (any more): `ssdb partition list`"
            )
        return partition, _detached_names(connection, partition)

    def find(connection: sa.Connection) -> tuple[Partition, list[str]]:
        partition, names = find_detached(connection)
        return partition, [*names, *_TABLES, *(name for _, name in _tables_of(connection, partition))]

    # All rows are read for the constraint: it is made while nobody is kept from anything else.
    _changed(database, find_detached, _bound, of_partitions=False)
    return _changed(database, find, _attach)


def drop(
    database: Database, any_visit: int, *, detached: bool = False, only: PartitionReport | None = None
) -> PartitionReport:
    """Drops the partition of a visit, detached or not, with all that it holds; returns what was dropped.

    With ``detached`` it must be a detached one, with ``only`` the very one that :func:`partition_with` has described.
    NotFoundError if there is no such partition; ConfigError if it is an SQLite database; DatabaseError if the user does
    not own the tables, others keep using them, or there are two such partitions.
    """
    report = only or partition_with(database, any_visit, detached=detached)
    wanted = Partition(report.first, report.past)

    def find(connection: sa.Connection) -> tuple[Partition, list[str]]:
        if not report.detached:
            names = list(partitions(connection).get(wanted, {}).values())
        else:
            names = _detached_names(connection, wanted) if wanted in _detached(connection) else []
        if not names:
            raise _no_partition(any_visit)
        return wanted, [*names, *(() if report.detached else _TABLES)]

    def work(connection: sa.Connection, partition: Partition) -> None:
        of_detached = report.detached
        names = _detached_names(connection, partition) if of_detached else partitions(connection)[partition].values()
        if not of_detached:
            note_objects(connection, [partition.rows_of(ss_source)])
        note_dropped(connection, partition, detached=of_detached)
        for name in names:
            _run(connection, f"DROP TABLE {_quoted(connection, name)}")
        for table in () if of_detached else WHOLE:
            connection.execute(sa.delete(table).where(partition.rows_of(table)))

    _changed(database, find, work)
    return report


def partition_width(database: Database, width: int | None = None) -> int:
    """How many visits a partition has that is made from now on; sets it before, if it is given.

    ConfigError if it is not above 0, or it is an SQLite database; DatabaseError if it is to be set, and the user does
    not own the tables.
    """
    _refuse_sqlite(database)
    if width is not None:
        _refuse_others(database)
        with database.writing() as connection:
            set_width(connection, width)
    with database.reading() as connection:
        return width_of(connection)


def _changed(
    database: Database,
    find: Callable[[sa.Connection], tuple[Partition, list[str]]],
    work: Callable[[sa.Connection, Partition], _Done],
    *,
    of_partitions: bool = True,
) -> _Done:
    """Does something with a partition, in a transaction, while nobody else uses the tables that are found with it."""
    _refuse_others(database)
    with database.writing() as connection:
        return alone_with(connection, partial(find, connection), partial(work, connection), of_partitions=of_partitions)


def _refuse_sqlite(database: Database) -> None:
    if database.dialect != "postgresql":
        raise ConfigError("SQLite keeps its tables whole: partitions exist only on PostgreSQL")


def _refuse_others(database: Database) -> None:
    """Refuses SQLite, and a user who does not own the tables."""
    _refuse_sqlite(database)
    with database.reading() as connection:
        refuse_others(connection, "change how they are partitioned")


def _no_partition(any_visit: int) -> NotFoundError:
    return NotFoundError(f"there is no partition (any more) that visit {any_visit} belongs to: `ssdb partition list`")


def _described(
    connection: sa.Connection, partition: Partition, names: Iterable[str], *, detached: bool
) -> PartitionReport:
    """A partition that is kept in tables of these names, as far as they are there."""
    table = _detached_table(visit, partition) if detached else visit
    time = table.c.midpointMjdTai
    pending = sa.func.count().filter(table.c.status == PENDING)
    about_visits = sa.select(sa.func.count(), pending, sa.func.min(time), sa.func.max(time)).select_from(table)
    n_visits, n_pending, earliest, latest = connection.execute(about_visits.where(partition.rows_of(table))).one()
    size = _SIZE_OF_SHARDS if is_distributed(connection) else _SIZE
    sizes = [connection.execute(size, {"name": _quoted(connection, name)}).scalar_one() for name in names]
    return PartitionReport(*partition, detached, n_visits, n_pending, earliest, latest, int(sum(sizes)))


def _tables_of(connection: sa.Connection, wanted: Partition) -> list[tuple[str, str]]:
    """The tables, whole and as partitions, of all partitions that have visits in common with one."""
    return [
        pair
        for one, tables in partitions(connection).items()
        if wanted.holds(one.first) or one.holds(wanted.first)
        for pair in tables.items()
    ]


def _detached(connection: sa.Connection) -> list[Partition]:
    """The detached partitions, ascending."""
    comments = sa.text(
        """SELECT obj_description(oid, 'pg_class') FROM pg_class
           WHERE relkind = 'r' AND relname LIKE 'Visit\\_%\\_detached' AND pg_table_is_visible(oid)"""
    )
    matched = (_COMMENT.fullmatch(comment or "") for comment in connection.scalars(comments))
    return sorted(Partition(int(m[1]), int(m[2]) if m[2] else None) for m in matched if m)


def _detached_name(table: sa.Table, partition: Partition) -> str:
    return f"{table.name}_{partition.first}{_DETACHED}"


def _detached_table(table: sa.Table, partition: Partition) -> sa.Table:
    return table.to_metadata(sa.MetaData(), name=_detached_name(table, partition))


def _detached_names(connection: sa.Connection, partition: Partition) -> list[str]:
    """The tables of a detached partition that are there."""
    names = (_detached_name(table, partition) for table in (*WHOLE, *PARTITIONED))
    return [name for name in names if _exists(connection, name)]


def _detach(connection: sa.Connection, partition: Partition) -> list[str]:
    made = []
    note_objects(connection, [partition.rows_of(ss_source)])
    note_detached(connection, partition)
    for parent, child in _tables_of(connection, partition):
        made.append(child + _DETACHED)
        old, new = _quoted(connection, child), _quoted(connection, made[-1])
        _run(connection, f"ALTER TABLE {_quoted(connection, parent)} DETACH PARTITION {old}")
        _run(connection, f"ALTER TABLE {old} RENAME TO {new}")
    for table in WHOLE:
        apart = _detached_table(table, partition)
        made.append(apart.name)
        new, old = _quoted(connection, apart.name), _quoted(connection, table.name)
        _run(connection, f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)")
        rows = sa.select(table).where(partition.rows_of(table))
        connection.execute(sa.insert(apart).from_select(table.columns.keys(), rows))
        connection.execute(sa.delete(table).where(partition.rows_of(table)))
    end = "" if partition.past is None else f" to below {partition.past}"
    name = _quoted(connection, _detached_name(visit, partition))
    _run(connection, f"COMMENT ON TABLE {name} IS 'Visits from {partition.first}{end}, detached'")
    return made


def _bound(connection: sa.Connection, partition: Partition) -> None:
    """Has PostgreSQL know which visits the tables of a detached partition hold."""
    known = sa.text("SELECT count(*) FROM pg_constraint WHERE conname = :name AND conrelid = to_regclass(:table)")
    end = "" if partition.past is None else f" AND visit < '{partition.past}'"
    for table in PARTITIONED:
        apart = _detached_name(table, partition)
        name = _quoted(connection, apart)
        if _exists(connection, apart) and not connection.scalar(known, {"name": _BOUNDED, "table": name}):
            _run(connection, f"ALTER TABLE {name} ADD CONSTRAINT {_BOUNDED} CHECK (visit >= '{partition.first}'{end})")


def _attach(connection: sa.Connection, partition: Partition) -> int:
    stored = sa.select(visit.c.visit).where(partition.rows_of(visit)).order_by(visit.c.visit)
    if in_the_way := list(connection.scalars(stored.limit(_SOME + 1))):
        named = ", ".join([*map(str, in_the_way[:_SOME]), *(["..."] if len(in_the_way) > _SOME else [])])
        raise DatabaseError(f"visits of this range have been stored meanwhile: {named}; the partition stays detached")
    for _, name in _tables_of(connection, partition):
        child = _quoted(connection, name)
        if connection.execute(sa.text(f"SELECT 1 FROM {child} LIMIT 1")).first():
            raise DatabaseError(f"{name} has rows of this range without their visits: the partition stays detached")
        _run(connection, f"DROP TABLE {child}")
    for table in (*WHOLE, *PARTITIONED):
        _add_new_columns(connection, table.name, _detached_name(table, partition))
    try:
        for table in WHOLE:
            rows = sa.select(_detached_table(table, partition))
            connection.execute(sa.insert(table).from_select(table.columns.keys(), rows))
            _run(connection, f"DROP TABLE {_quoted(connection, _detached_name(table, partition))}")
        for table in PARTITIONED:
            if _exists(connection, _detached_name(table, partition)):
                _attach_table(connection, table, partition)
    except sa.exc.ProgrammingError as error:
        if not isinstance(error.orig, psycopg.errors.UndefinedColumn | psycopg.errors.DatatypeMismatch):
            raise
        raise DatabaseError("the partition was detached from tables of another version, and stays detached") from error
    set_unknown_ranges(connection, partition)
    forget_detached(connection, partition)
    release_lost_sources(connection, partition.rows_of(dia_source))
    matched = sa.select(ss_source.c.visit).where(partition.rows_of(ss_source))
    note_visits(connection, sa.select(visit.c.visit).where(partition.rows_of(visit), visit.c.visit.in_(matched)))
    counted = sa.select(sa.func.count()).select_from(visit).where(partition.rows_of(visit))
    return connection.execute(counted).scalar_one()


def _add_new_columns(connection: sa.Connection, name: str, detached: str) -> None:
    """Gives a detached table the columns, NULL, that its table got meanwhile."""
    new = sa.text(
        """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
           WHERE attrelid = to_regclass(:parent) AND attnum > 0 AND NOT attisdropped AND NOT attnotnull
             AND attgenerated = '' AND attname NOT IN (
               SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:detached) AND NOT attisdropped)
           ORDER BY attnum"""
    )
    child = _quoted(connection, detached)
    for column, type_ in connection.execute(new, {"parent": _quoted(connection, name), "detached": child}).all():
        if _exists(connection, detached):
            _run(connection, f"ALTER TABLE {child} ADD COLUMN {_quoted(connection, column)} {type_}")


def _attach_table(connection: sa.Connection, table: sa.Table, partition: Partition) -> None:
    name = _detached_name(table, partition)
    parent, child = _quoted(connection, table.name), _quoted(connection, name.removesuffix(_DETACHED))
    end = "MAXVALUE" if partition.past is None else f"'{partition.past}'"
    _run(connection, f"ALTER TABLE {_quoted(connection, name)} RENAME TO {child}")
    _run(connection, f"ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ('{partition.first}') TO ({end})")
    _run(connection, f"ALTER TABLE {child} DROP CONSTRAINT {_BOUNDED}")


def _exists(connection: sa.Connection, name: str) -> bool:
    return connection.scalar(sa.text("SELECT to_regclass(:name)"), {"name": _quoted(connection, name)}) is not None


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(name)


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement)
