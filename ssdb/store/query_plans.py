"""Makes PostgreSQL use the query plan that a statement was written for, on one server or distributed over many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.store.sql_files import sql_text

_SETTINGS = {
    "jit": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "work_mem": "'64MB'",  # the predictions and pairs of a batch are sorted in memory
}

_FEW_VISITS = 16
"""Of more, a good part of all shards have some."""

_IN_FORCE = "ssdb_index_loops"

DISTRIBUTED = "ssdb_distributed"
"""The option of an engine that says whether its big tables are distributed (:mod:`ssdb.store.ddl.distribute`)."""


def is_distributed(connection: sa.Connection) -> bool:
    """Whether the big tables are distributed over many servers by Citus."""
    return bool(connection.get_execution_options().get(DISTRIBUTED))


@contextmanager
def index_loops(connection: sa.Connection) -> Iterator[None]:
    """Within, PostgreSQL reads by index, joins by nested loops over one, and compiles nothing.

    A few visits of many are wanted. On fresh tables, without statistics, it would read them whole; and compiling would
    take longer than the statement runs. SQLite knows no other plan. Within another such block nothing is set anew.
    """
    # Asked for once: after an interruption the connection has none any more.
    info = connection.info
    if connection.dialect.name != "postgresql" or info.get(_IN_FORCE):
        yield
        return
    # Set first, and to its default last: so the others reach the servers that have the rows.
    there = {"citus.propagate_set_commands": "'local'"} if is_distributed(connection) else {}
    wanted = there | _SETTINGS
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} = {value}" for setting, value in wanted.items()))
    info[_IN_FORCE] = True
    try:
        yield
    finally:
        info[_IN_FORCE] = False
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} TO DEFAULT" for setting in reversed(wanted)))


def between_visits(
    connection: sa.Connection, table: sa.Table, visits: Sequence[int] | np.ndarray
) -> sa.ColumnElement[bool]:
    """That the visit of a row is between the smallest and the largest of some visits (at least one), which are all that
    are wanted.

    Nothing new where it is one of them: but a statement that has it from other rows does not know which partitions of
    the table it will need, and would open them all. Of a distributed table it would ask all shards: a few visits are
    named.
    """
    between = table.c.visit.between(*ends_of(visits))
    if is_distributed(connection) and len(visits) <= _FEW_VISITS:
        return between & table.c.visit.in_([int(visit) for visit in visits])
    return between


def text_between_visits(
    connection: sa.Connection, name: str, visits: Sequence[int] | np.ndarray
) -> tuple[str, dict[str, Any]]:
    """A statement of ``sql/`` whose last condition is on rows of ``s``, with the same limits, and their values."""
    first, last = ends_of(visits)
    limits: dict[str, Any] = {"first": first, "last": last}
    if is_distributed(connection) and len(visits) <= _FEW_VISITS:
        return f"{sql_text(name)} and s.visit = any(:visits)", limits | {"visits": [int(visit) for visit in visits]}
    return sql_text(name), limits


def ends_of(visits: Sequence[int] | np.ndarray) -> tuple[int, int]:
    """The smallest and the largest of some visits (at least one)."""
    return int(np.min(visits)), int(np.max(visits))


def look_up(
    connection: sa.Connection,
    keys: sa.FromClause,
    key: Iterable[str],
    table: sa.Table,
    columns: Iterable[sa.Column],
    visits: Sequence[int] | np.ndarray,
) -> sa.Select:
    """A statement that finds the row of a table for each of some keys, by one search of its index for each.

    Selects "place" of the keys that are there, and columns of the table. ``key`` are columns of the keys, "visit" among
    them; ``visits`` have those of the keys between them. On PostgreSQL the order is held by a lateral
    subquery with OFFSET 0, as in ``candidates.postgresql.sql``.
    """
    same = sa.and_(*(table.c[name] == keys.c[name] for name in key), between_visits(connection, table, visits))
    if connection.dialect.name != "postgresql" or is_distributed(connection):  # Citus knows no such subquery
        return sa.select(keys.c.place, *columns).join_from(keys, table, same)
    row = sa.select(*columns).where(same).correlate(keys).offset(0).lateral("of_table")
    return sa.select(keys.c.place, *row.columns).join_from(keys, row, sa.true())
