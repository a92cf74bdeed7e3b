"""Partitions: on PostgreSQL the big tables are kept in parts, each of a range of visits, by default of a night.

An old night is then set aside or dropped in a second, every index is of a night, and the first sources of a night are
loaded into a table without indexes, which get made at once. SQLite keeps its tables whole: all of this does nothing.

Partitions come into being with the visits that need them: whoever locks a visit before writing makes those that are
missing (:func:`make_partitions`), but for the one of DiaSource, which its first sources make (:func:`for_sources`). So
does association before it begins: somebody may have dropped one, or stored visits without ssdb.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from ssdb.errors import ConfigError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import apdb_metadata, ss_source
from ssdb.schema.survey import ss_candidate, ss_expected, ss_prediction
from ssdb.store.database import Database
from ssdb.store.locks import lock

PARTITIONED = (ss_prediction, ss_expected, ss_candidate, ss_source, dia_source)
"""In the order in which they are locked."""

DEFAULT_WIDTH = 100_000
"""Visits of a partition: Rubin's are numbered YYYYMMDDnnnnn, so that this is a night."""

WIDTH_KEY = "ssdb:visitsPerPartition"
"""Its name in the table ``metadata``."""

_FEW_ROWS = 1000
"""Fewer rows change no plan."""
_ROWS_KNOWN_TO_ADDED = 5
"""Of a partition so many times as large as what was added the statistics still hold."""

_LARGEST_VISIT = 2**63 - 1
_ALL = sa.text(
    """SELECT p.relname, c.relname, pg_get_expr(c.relpartbound, c.oid), c.reltuples
       FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
       WHERE i.inhparent = ANY (SELECT to_regclass(parent) FROM unnest(CAST(:parents AS text[])) parent)"""
)
_NAMED = sa.text(
    f"{_ALL.text} AND i.inhrelid = ANY (ARRAY(SELECT to_regclass(child) FROM unnest(CAST(:children AS text[])) child))"
)
_BOUNDS = re.compile(r"FOR VALUES FROM \('?(-?\d+)'?\) TO \((?:'?(-?\d+)'?|MAXVALUE)\)")


class Range(NamedTuple):
    """The smallest visit of a partition, and the smallest above all of them; None: there is none."""

    first: int
    past: int | None

    def holds(self, visit: int) -> bool:
        """Whether a visit is in it."""
        return self.first <= visit and (self.past is None or visit < self.past)


class Partition(NamedTuple):
    """A part of a table.

    Attributes
    ----------
    table, name : str
        The partitioned table, and the one that is its part.
    range : Range
        Its visits.
    rows : int or None
        How many rows it has, by the server's statistics; None: not known.
    """

    table: str
    name: str
    range: Range
    rows: int | None


def partitions(
    connection: sa.Connection, tables: Collection[sa.Table] = PARTITIONED, begin: np.ndarray | None = None
) -> list[Partition]:
    """The partitions of tables, by table and first visit; or only those that begin with some visits.

    The bounds of all are read in 40 µs each, which for hundreds of nights is longer than most things take.
    """
    quote = connection.dialect.identifier_preparer.quote_identifier
    parents = [quote(table.name) for table in tables]
    names = {"parents": parents}
    if begin is not None:
        names["children"] = [quote(f"{table.name}_{first}") for table in tables for first in begin.tolist()]
    found = []
    for parent, child, bounds, rows in connection.execute(_ALL if begin is None else _NAMED, names):
        # Of a partition that somebody made in another way, for no range say, nothing is known and none needed.
        if matched := _BOUNDS.fullmatch(bounds):
            first, past = matched.groups()
            wanted = Range(int(first), None if past is None else int(past))
            found.append(Partition(parent, child, wanted, int(rows) if rows >= 0 else None))
    return sorted(found, key=lambda part: (part.table, part.range.first))


def width_of(connection: sa.Connection) -> int:
    """Visits of a partition that is made from now on."""
    value = connection.scalar(sa.select(apdb_metadata.c.value).where(apdb_metadata.c.name == WIDTH_KEY))
    return DEFAULT_WIDTH if value is None else int(value)


def set_width(connection: sa.Connection, width: int) -> None:
    """Sets how many visits a partition has that is made from now on.

    Raises
    ------
    ConfigError
        If it is not above 0.
    """
    if width < 1:
        raise ConfigError(f"the width of a partition must be above 0, not {width}")
    connection.execute(sa.delete(apdb_metadata).where(apdb_metadata.c.name == WIDTH_KEY))
    connection.execute(sa.insert(apdb_metadata).values(name=WIDTH_KEY, value=str(width)))


def ranges_for(visits: np.ndarray, width: int, existing: Collection[Range]) -> list[Range]:
    """The ranges into which visits belong, so that those of all tables are the same.

    Parameters
    ----------
    visits : ndarray of int64, shape (n,)
    width : int
        Visits of a new range: its first is a multiple of this, unless one that exists begins or ends between.
    existing : collection of Range
        Ranges of any table, apart from each other.

    Returns
    -------
    list of Range
        Ascending and apart from each other; ``past`` None: to the largest number that there is.
    """
    ends = {first: _LARGEST_VISIT + 1 if past is None else past for first, past in existing}
    needed: list[Range] = []
    lacking = np.unique(visits)
    while len(lacking):
        visit = int(lacking[0])
        begin = visit // width * width
        first = next((first for first, past in ends.items() if first <= visit < past), None)
        if first is None:
            first = max([begin, -_LARGEST_VISIT - 1, *(past for past in ends.values() if past <= visit)])
            ends[first] = min([begin + width, _LARGEST_VISIT + 1, *(other for other in ends if other > visit)])
        past = ends[first]
        needed.append(Range(first, None if past > _LARGEST_VISIT else past))
        lacking = lacking[lacking >= past] if past <= _LARGEST_VISIT else lacking[:0]
    return needed


def make_partitions(
    connection: sa.Connection, visits: np.ndarray, tables: Collection[sa.Table] = PARTITIONED[:-1]
) -> None:
    """Makes the partitions that visits need and that are not there.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing. Visits that are locked have been locked before.
    visits : ndarray of int64, shape (n,)
    tables : collection of sqlalchemy.Table
        Whose partitions; in the order of PARTITIONED, so that two who make some wait for each other in no circle.
    """
    if connection.dialect.name != "postgresql" or not len(visits):
        return
    if _missing(connection, visits, tables):
        _lock_creation(connection)
        _make(connection, _missing(connection, visits, tables))


@contextmanager
def for_sources(connection: sa.Connection, visits: np.ndarray) -> Iterator[sa.Table]:
    """Where sources of visits are to be written: DiaSource, or a table that becomes its partition at the end.

    The first sources of a night, if all are of it, go into a table without indexes. They are not in DiaSource before
    the end.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    visits : ndarray of int64, shape (n,)
        Those of the sources.

    Yields
    ------
    sqlalchemy.Table
        With the columns of DiaSource.
    """
    if connection.dialect.name != "postgresql" or not len(visits) or not _missing(connection, visits, (dia_source,)):
        yield dia_source
        return
    _lock_creation(connection)
    missing = _missing(connection, visits, (dia_source,))
    if len(missing) != 1 or len(ranges_for(visits, width_of(connection), [missing[0][1]])) > 1:
        _make(connection, missing)
        yield dia_source
        return
    ((_, wanted),) = missing
    yield dia_source.to_metadata(sa.MetaData(), name=_new(connection, dia_source, wanted))
    attach_partition(connection, dia_source, wanted)


def attach_partition(connection: sa.Connection, table: sa.Table, wanted: Range) -> None:
    """Makes the table that is called as the partition of a range, such as DiaSource_2031092300000, this partition."""
    attached = sa.text("SELECT ssdb_attach_partition(:table, :first, CAST(:past AS bigint))")
    connection.execute(attached, {"table": table.name, "first": wanted.first, "past": wanted.past})


def analyze_partitions(database: Database, table: sa.Table, visits: np.ndarray, n_rows: int) -> None:
    """Renews the statistics of the partitions of visits, if rows that were added are a good part of theirs.

    Parameters
    ----------
    database : Database
    table : sqlalchemy.Table
    visits : ndarray of int64, shape (n,)
        To which rows were added.
    n_rows : int
        How many.
    """
    if database.dialect != "postgresql" or n_rows < _FEW_ROWS:
        return
    with database.writing() as connection:
        for part in partitions(connection, (table,)):
            known = part.rows or 0
            if known < _ROWS_KNOWN_TO_ADDED * n_rows and any(map(part.range.holds, visits.tolist())):
                child = connection.dialect.identifier_preparer.quote_identifier(part.name)
                analyze = sa.text("SELECT ssdb_analyze_partition(:table, CAST(:child AS regclass))")
                connection.execute(analyze, {"table": table.name, "child": child})


def _missing(
    connection: sa.Connection, visits: np.ndarray, tables: Collection[sa.Table]
) -> list[tuple[sa.Table, Range]]:
    width = width_of(connection)
    # Mostly all are there, and called as those are that would be made today.
    cell = min(width, _LARGEST_VISIT)
    near = partitions(connection, tables, np.unique(visits // cell * cell))
    if all(_hold([part.range for part in near if part.table == table.name], visits) for table in tables):
        return []
    existing = partitions(connection)
    needed = ranges_for(visits, width, {part.range for part in existing})
    there = {(part.table, part.range.first) for part in existing}
    return [(table, wanted) for table in tables for wanted in needed if (table.name, wanted.first) not in there]


def _hold(ranges: Collection[Range], visits: np.ndarray) -> bool:
    """Whether each of some visits is in one of some ranges."""
    lacking = visits
    for first, past in ranges:
        lacking = lacking[(lacking < first) | (past is not None and lacking >= past)]
    return not len(lacking)


def _lock_creation(connection: sa.Connection) -> None:
    """Keeps others from making partitions until the end of the transaction; taken after the visits are locked."""
    lock(connection, "partitions")


def _make(connection: sa.Connection, missing: Collection[tuple[sa.Table, Range]]) -> None:
    for table, wanted in missing:
        _new(connection, table, wanted)
        attach_partition(connection, table, wanted)


def _new(connection: sa.Connection, table: sa.Table, wanted: Range) -> str:
    made = sa.text("SELECT ssdb_new_partition(:table, :first)")
    return str(connection.execute(made, {"table": table.name, "first": wanted.first}).scalar_one())
