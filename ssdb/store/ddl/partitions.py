"""Makes partitions: on PostgreSQL the rows of the big tables are kept in one table for each night, or range of visits.

An old night is then detached or dropped in a second, every index is of a night, and the first sources of a night are
loaded into a table without indexes, which get made at once. SQLite keeps its tables whole: all of this does nothing.

Partitions come into being with the visits that need them: whoever locks a visit before writing makes those that are
missing (:func:`make_partitions`), but for the one of DiaSource, which its first sources make (:func:`for_sources`). So
does association where it could not write: somebody may have dropped one, or stored visits without ssdb.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from ssdb.errors import ConfigError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import apdb_metadata, ss_source
from ssdb.schema.dia import dia_match, ss_forced_source
from ssdb.schema.survey import ss_candidate, ss_expected, ss_prediction
from ssdb.store.database import Database
from ssdb.store.ddl.roles import refuse_others
from ssdb.store.locks import lock
from ssdb.store.query_plans import is_distributed
from ssdb.units import Columns

PARTITIONED = (ss_prediction, ss_expected, ss_candidate, ss_source, dia_match, ss_forced_source, dia_source)
"""In the order in which they are locked."""

DEFAULT_WIDTH = 100_000
"""Visits of a partition: Rubin's are numbered YYYYMMDDnnnnn, so that this is a night."""

WIDTH_KEY = "ssdb:visitsPerPartition"
"""Its name in the table ``metadata``."""

_FEW_ROWS = 1000
"""Fewer rows change no plan."""
_ROWS_KNOWN_TO_ADDED = 5
"""Of a partition so many times as large as what was added the statistics still hold."""

_STATISTICS_TARGET = 25
"""A quarter of the usual one, so that a quarter of the rows is looked at: what plans need of a partition that grows.
The server's own analysis, some minutes later, is a whole one.
"""

_AT_ONCE = 50
"""So many partitions are read at a time where all of them may have to be."""

_FEW_CELLS = 10
"""Of more, new partitions are made after a look at all that there are."""

_LARGEST_VISIT = 2**63 - 1
_ALL = sa.text(
    """SELECT p.relname, c.relname, pg_get_expr(c.relpartbound, c.oid)
       FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = ANY (SELECT to_regclass(parent) FROM unnest(CAST(:parents AS text[])) parent)"""
)
_NAMED = sa.text(
    f"{_ALL.text} AND i.inhrelid = ANY (ARRAY(SELECT to_regclass(child) FROM unnest(CAST(:children AS text[])) child))"
)
_ROWS_KNOWN = sa.text(
    """SELECT reltuples FROM pg_class
       WHERE oid = ANY (ARRAY(SELECT to_regclass(child) FROM unnest(CAST(:children AS text[])) child))"""
)
# Writers have rights on the whole table; on partitions only their owner has. And a trigger for each statement is of the
# whole table.
_MAY_ADD = sa.text(
    """SELECT has_table_privilege(CAST(:child AS regclass), 'INSERT')
              AND NOT EXISTS (SELECT FROM pg_trigger
                              WHERE tgrelid = CAST('"DiaSource"' AS regclass) AND tgtype & 1 = 0)"""
)
_BOUNDS = re.compile(r"FOR VALUES FROM \('?(-?\d+)'?\) TO \((?:'?(-?\d+)'?|MAXVALUE)\)")


class Partition(NamedTuple):
    """The rows of the big tables for a range of visits: from ``first`` to below ``past`` (None: it has no end)."""

    first: int
    past: int | None

    def holds(self, visit: int) -> bool:
        """Whether a visit is in it."""
        return self.first <= visit and (self.past is None or visit < self.past)

    def rows_of(self, table: sa.FromClause) -> sa.ColumnElement[bool]:
        """The condition on the rows of a table that their visits are in it."""
        inside: sa.ColumnElement[bool] = table.c.visit >= self.first
        return inside if self.past is None else inside & (table.c.visit < self.past)


Turn = Callable[[sa.FromClause], sa.ColumnElement[bool]]
"""Makes the condition on a table that its rows are in some partitions."""


def partitions(
    connection: sa.Connection, tables: Collection[sa.Table] = PARTITIONED, begin: np.ndarray | None = None
) -> dict[Partition, dict[str, str]]:
    """The partitions of tables, ascending; or only those that begin with some visits.

    The bounds of all are read in 40 µs each, which for hundreds of nights is longer than most things take. Gives for
    each partition its tables: the name of the whole table to that of the one that holds these rows.
    """
    quote = connection.dialect.identifier_preparer.quote_identifier
    names = {"parents": [quote(table.name) for table in tables]}
    if begin is not None:
        names["children"] = _names(connection, tables, begin)
    found: dict[Partition, dict[str, str]] = {}
    for parent, child, bounds in sorted(map(tuple, connection.execute(_ALL if begin is None else _NAMED, names))):
        # Of a partition that somebody made in another way, for no range say, nothing is known and none needed.
        if matched := _BOUNDS.fullmatch(bounds):
            first, past = matched.groups()
            found.setdefault(Partition(int(first), None if past is None else int(past)), {})[parent] = child
    return {partition: found[partition] for partition in sorted(found, key=lambda one: one.first)}


def in_turns(connection: sa.Connection, table: sa.Table, visits: Sequence[int] | None = None) -> list[Turn]:
    """Conditions, of some partitions each, that together hold of all rows of a table, or of all of visits (ascending).

    A transaction keeps the locks of all partitions, with their indexes, that it has opened, and the server has room for
    some thousands: what works in turns does so within :func:`giving_back_locks`. A turn makes the condition for a
    table, also for those of which it looks for rows of the same visits.
    """
    if visits is not None and len(visits) <= _AT_ONCE:
        return [lambda one: one.c.visit.in_(visits)] if len(visits) else []
    found = list(partitions(connection, (table,))) if connection.dialect.name == "postgresql" else []
    if (visits is None and len(found) <= _AT_ONCE) or connection.dialect.name != "postgresql":
        return [lambda _one: sa.true()]
    if visits is None:
        # Between two partitions are no rows: one range holds all of a turn.
        ends = [(found[i].first, found[min(i + _AT_ONCE, len(found)) - 1].past) for i in range(0, len(found), _AT_ONCE)]
        return [Partition(first, past).rows_of for first, past in ends]
    place = np.searchsorted([one.first for one in found], visits, "right") - 1
    found = [found[i] for i in np.unique(place[place >= 0]).tolist()]
    return [partial(_rows_of, found[i : i + _AT_ONCE]) for i in range(0, len(found), _AT_ONCE)]


def _rows_of(some: Sequence[Partition], table: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.or_(*(one.rows_of(table) for one in some))


def read_in_turns(
    connection: sa.Connection, statement: sa.Select, table: sa.Table, *same_visits: sa.Table, bounded: bool = False
) -> Columns:
    """As :func:`ssdb.store.transfer.read.read_arrays`, a statement that looks for rows of a table in all partitions.

    It joins rows of other tables that are of the ``same_visits``. Each turn is asked by itself: it is the rows of one
    turn that are in order, or grouped.
    """
    from ssdb.store.transfer.read import read_arrays  # with Arrow, which those who make tables have no use for

    parts = []
    for turn in in_turns(connection, table):
        conditions = [turn(one) for one in (table, *same_visits)]
        with giving_back_locks(connection):
            parts.append(read_arrays(connection, statement.where(*conditions), bounded=bounded))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@contextmanager
def giving_back_locks(connection: sa.Connection) -> Iterator[None]:
    """Within, a transaction may read: what it locked for that on PostgreSQL it does not keep until its own end."""
    if connection.dialect.name != "postgresql":
        yield
        return
    nested = connection.begin_nested()
    try:
        yield
    finally:
        nested.rollback()


def _names(connection: sa.Connection, tables: Collection[sa.Table], begin: np.ndarray) -> list[str]:
    """What the partitions of tables are called, quoted, that begin with some visits."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    return [quote(f"{table.name}_{first}") for table in tables for first in begin.tolist()]


def width_of(connection: sa.Connection) -> int:
    """Visits of a partition that is made from now on."""
    value = connection.scalar(sa.select(apdb_metadata.c.value).where(apdb_metadata.c.name == WIDTH_KEY))
    return DEFAULT_WIDTH if value is None else int(value)


def set_width(connection: sa.Connection, width: int) -> None:
    """Sets how many visits a partition has that is made from now on; ConfigError if that is not above 0."""
    if width < 1:
        raise ConfigError(f"the width of a partition must be above 0, not {width}")
    connection.execute(sa.delete(apdb_metadata).where(apdb_metadata.c.name == WIDTH_KEY))
    connection.execute(sa.insert(apdb_metadata).values(name=WIDTH_KEY, value=str(width)))


def partitions_for(visits: np.ndarray, width: int, existing: Collection[Partition]) -> list[Partition]:
    """The partitions into which visits belong, ascending and apart from each other; those of all tables are the same.

    A new one begins at a multiple of the width and has as many visits, unless one that exists (of any table; they are
    apart from each other) begins or ends between. ``past`` None: it goes to the largest number that there is.
    """
    ends = {first: _LARGEST_VISIT + 1 if past is None else past for first, past in existing}
    needed: list[Partition] = []
    lacking = np.unique(visits)
    while len(lacking):
        visit = int(lacking[0])
        begin = visit // width * width
        first = next((first for first, past in ends.items() if first <= visit < past), None)
        if first is None:
            first = max([begin, -_LARGEST_VISIT - 1, *(past for past in ends.values() if past <= visit)])
            ends[first] = min([begin + width, _LARGEST_VISIT + 1, *(other for other in ends if other > visit)])
        past = ends[first]
        needed.append(Partition(first, None if past > _LARGEST_VISIT else past))
        lacking = lacking[lacking >= past] if past <= _LARGEST_VISIT else lacking[:0]
    return needed


def make_partitions(
    connection: sa.Connection, visits: np.ndarray, tables: Collection[sa.Table] = PARTITIONED[:-1]
) -> None:
    """Makes the partitions that visits need and that are not there; visits that are locked have been locked before.

    The tables are in the order of PARTITIONED, so that two transactions that make some never wait for each other.
    """
    if connection.dialect.name != "postgresql" or not len(visits):
        return
    if _missing(connection, visits, tables):
        lock(connection, "partitions")
        _make(connection, _missing(connection, visits, tables))


@contextmanager
def for_sources(connection: sa.Connection, visits: np.ndarray) -> Iterator[str]:
    """The table that sources of locked visits go to: DiaSource, or one that is its partition by the end.

    The first sources of a night, if all are of it, go into a table without indexes. They are not in DiaSource before
    the end. Later ones go straight into its partition, which spares the server to look for it row by row.
    """
    if connection.dialect.name != "postgresql" or not len(visits):
        yield dia_source.name
        return
    near = _called_after(connection, visits, (dia_source,))
    if _hold(near, visits) or not _missing(connection, visits, (dia_source,)):
        yield _partition_alone(connection, near, visits) or dia_source.name
        return
    lock(connection, "partitions")
    missing = _missing(connection, visits, (dia_source,))
    of_one = len(missing) == 1 and len(partitions_for(visits, width_of(connection), [missing[0][1]])) == 1
    # Rows that came into a distributed table with their partition would be kept on the coordinator, too.
    if not of_one or is_distributed(connection):
        _make(connection, missing)
        yield dia_source.name
        return
    ((_, partition),) = missing
    yield _new(connection, dia_source, partition)
    attach_new(connection, dia_source, partition)


def _partition_alone(
    connection: sa.Connection, near: dict[Partition, dict[str, str]], visits: np.ndarray
) -> str | None:
    """The partition of sources that holds all of some locked visits, if there is one and its rows may be added to.

    As long as the visits are locked, nobody can detach it.
    """
    names = [names[dia_source.name] for one, names in near.items() if _hold([one], visits)]
    if len(names) != 1 or is_distributed(connection):
        return None
    child = connection.dialect.identifier_preparer.quote_identifier(names[0])
    return names[0] if connection.execute(_MAY_ADD, {"child": child}).scalar_one() else None


def _make(connection: sa.Connection, missing: Collection[tuple[sa.Table, Partition]]) -> None:
    if missing and is_distributed(connection):
        # Citus takes no rows in a transaction in which another user has made tables: its owner, by a function.
        refuse_others(connection, "make partitions of distributed tables")
    for table, partition in missing:
        _new(connection, table, partition)
        attach_new(connection, table, partition)


def _new(connection: sa.Connection, table: sa.Table, partition: Partition) -> str:
    made = sa.text("SELECT ssdb_new_partition(:table, :first)")
    return str(connection.execute(made, {"table": table.name, "first": partition.first}).scalar_one())


def attach_new(connection: sa.Connection, table: sa.Table, partition: Partition) -> None:
    """Makes the table that is called as its partition would be, such as DiaSource_2031092300000, this partition."""
    attached = sa.text("SELECT ssdb_attach_partition(:table, :first, CAST(:past AS bigint))")
    connection.execute(attached, {"table": table.name, **partition._asdict()})


def statistics_outgrown(connection: sa.Connection, table: sa.Table, visits: np.ndarray, n_rows: int) -> bool:
    """Whether :func:`analyze_partitions` may have something to do after so many rows were added.

    Mostly not: this takes two statements of a transaction that is there, the other a transaction of its own.
    """
    if connection.dialect.name != "postgresql" or n_rows < _FEW_ROWS:
        return False
    names = _names(connection, (table,), _begins(connection, visits))
    found = connection.execute(_ROWS_KNOWN, {"children": names}).scalars().all()
    return len(found) < len(names) or min(found) < _ROWS_KNOWN_TO_ADDED * n_rows


def analyze_partitions(database: Database, table: sa.Table, visits: np.ndarray, n_rows: int) -> None:
    """Renews the statistics of partitions, if the rows that were added to their visits are a good part of theirs."""
    if database.dialect != "postgresql" or n_rows < _FEW_ROWS:
        return
    known = sa.text("SELECT reltuples FROM pg_class WHERE oid = CAST(:child AS regclass)")  # -1: not known
    analyze = sa.text("SELECT ssdb_analyze_partition(:table, CAST(:child AS regclass))")
    with database.writing() as connection:
        for partition, tables in partitions_of(connection, visits, table).items():
            if any(map(partition.holds, visits.tolist())):
                child = connection.dialect.identifier_preparer.quote_identifier(tables[table.name])
                if connection.execute(known, {"child": child}).scalar_one() < _ROWS_KNOWN_TO_ADDED * n_rows:
                    connection.exec_driver_sql(f"SET LOCAL default_statistics_target = {_STATISTICS_TARGET}")
                    connection.execute(analyze, {"table": table.name, "child": child})


def partitions_of(connection: sa.Connection, visits: np.ndarray, table: sa.Table) -> dict[Partition, dict[str, str]]:
    """The partitions of a table that hold some visits, and perhaps others, as :func:`partitions` gives them."""
    near = _called_after(connection, visits, (table,))
    return near if _hold(near, visits) else partitions(connection, (table,))


def _called_after(
    connection: sa.Connection, visits: np.ndarray, tables: Collection[sa.Table]
) -> dict[Partition, dict[str, str]]:
    """Partitions of visits that are called as those are that would be made today: mostly all."""
    return partitions(connection, tables, _begins(connection, visits))


def _begins(connection: sa.Connection, visits: np.ndarray) -> np.ndarray:
    """The first visits of the partitions that would be made today for some visits."""
    beyond = visits % min(width_of(connection), _LARGEST_VISIT)
    # The first partition of all begins with the smallest number that there is.
    smallest = np.iinfo(np.int64).min
    return np.unique(np.where(visits < smallest + beyond, smallest, visits - beyond))


def _missing(
    connection: sa.Connection, visits: np.ndarray, tables: Collection[sa.Table]
) -> list[tuple[sa.Table, Partition]]:
    near = _called_after(connection, visits, tables)
    if all(_hold([one for one in near if table.name in near[one]], visits) for table in tables):
        return []
    width, existing = width_of(connection), partitions(connection, begin=_beside(connection, visits))
    there = {(name, partition.first) for partition, names in existing.items() for name in names}
    needed = partitions_for(visits, width, existing)
    return [(table, one) for table in tables for one in needed if (table.name, one.first) not in there]


def _beside(connection: sa.Connection, visits: np.ndarray) -> np.ndarray | None:
    """The first visits of the partitions that decide the ranges of new ones for some visits; None: all may do so."""
    cells = _begins(connection, visits)
    if len(cells) > _FEW_CELLS:
        return None
    beside = sa.text("SELECT DISTINCT ssdb_partitions_beside(cell, :width) FROM unnest(CAST(:cells AS bigint[])) cell")
    found = connection.scalars(beside, {"cells": cells.tolist(), "width": width_of(connection)})
    return np.array(found.all(), np.int64)


def _hold(some: Collection[Partition], visits: np.ndarray) -> bool:
    """Whether each of some visits is in one of some partitions."""
    lacking = visits
    for first, past in some:
        lacking = lacking[(lacking < first) | (past is not None and lacking >= past)]
    return not len(lacking)
