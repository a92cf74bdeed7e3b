"""Makes PostgreSQL use the query plan that a statement was written for, on one server or distributed over many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.store.sql_files import sql_text

Visits = sa.Select | sa.BindParameter | Sequence[int]
"""Visits, as ``in_`` takes them: a statement that selects them, or those of :func:`named`."""

Listed = sa.Select | sa.BindParameter | int
"""What a statement about visits that is made once depends on: see :func:`among_visits`."""

_SETTINGS = {
    "jit": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "max_parallel_workers_per_gather": "0",  # to start another process takes longer, too
    "work_mem": "'64MB'",  # the predictions and pairs of a batch are sorted in memory
}

_FEW_VISITS = 16
"""Of more, a good part of all shards have some."""

_MOST_PARAMETERS = 500
"""More visits are named in the text of a statement, which is then made anew each time."""

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
    """That a row's visit is between the smallest and the largest of some (at least one), which are all that are wanted.

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
    limits: dict[str, Any] = dict(zip(("first", "last"), ends_of(visits), strict=True))
    if is_distributed(connection) and len(visits) <= _FEW_VISITS:
        return f"{sql_text(name)} and s.visit = any(:visits)", limits | {"visits": [int(visit) for visit in visits]}
    return sql_text(name), limits


def ends_of(visits: Sequence[int] | np.ndarray) -> tuple[int, int]:
    """The smallest and the largest of some visits (at least one)."""
    return int(np.min(visits)), int(np.max(visits))


def named(visits: np.ndarray) -> list[int] | sa.BindParameter[int]:
    """Any number of visits, each once, for ``in_``: by number, so that only their partitions and shards are opened."""
    return visits.tolist() if len(visits) <= _MOST_PARAMETERS else as_text(visits.tolist())


def as_text(numbers: Iterable[int]) -> sa.BindParameter[int]:
    """Numbers for ``in_`` as text of the statement: drivers take only 32,000 parameters."""
    values = [int(one) for one in numbers]
    return sa.bindparam(None, values, sa.BigInteger(), unique=True, expanding=True, literal_execute=True)


def visit_parameters(n: int) -> list[sa.BindParameter[int]]:
    """Parameters for n visits, for a statement that is made once for any n visits: see :func:`visit_values`."""
    return [sa.bindparam(f"visit_{i}", type_=sa.BigInteger()) for i in range(n)]


def visit_values(visits: Sequence[int] | np.ndarray) -> dict[str, int]:
    """The values of :func:`visit_parameters`."""
    return {f"visit_{i}": int(visit) for i, visit in enumerate(visits)}


def among_visits(visits: Visits) -> tuple[Listed, dict[str, int]]:
    """What a statement that is made once depends on, for :func:`one_of`, and the values of its parameters.

    Of a list of visits it depends on their number, otherwise on what selects or names them.
    """
    return (visits, {}) if isinstance(visits, sa.ClauseElement) else (len(visits), visit_values(visits))


def one_of(column: sa.ColumnElement[int], among: Listed) -> sa.ColumnElement[bool]:
    """That a column is one of the visits of :func:`among_visits`."""
    return column.in_(visit_parameters(among) if isinstance(among, int) else among)
