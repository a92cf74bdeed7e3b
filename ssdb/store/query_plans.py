"""Makes PostgreSQL use the query plan that a statement was written for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import sqlalchemy as sa

_SETTINGS = {
    "jit": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_material": "off",
    "work_mem": "'64MB'",  # the predictions and pairs of a batch are sorted in memory
}

_IN_FORCE = "ssdb_index_loops"

Selected = sa.Select | sa.BindParameter
"""Visits that a statement selects, or that stand in its text."""


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
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} = {value}" for setting, value in _SETTINGS.items()))
    info[_IN_FORCE] = True
    try:
        yield
    finally:
        info[_IN_FORCE] = False
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} TO DEFAULT" for setting in _SETTINGS))


def between_visits(table: sa.Table, visits: Sequence[int] | np.ndarray) -> sa.ColumnElement[bool]:
    """That the visit of a row is between the smallest and the largest of some visits (at least one).

    Nothing new where it is one of them: but a statement that has it from other rows does not know which partitions of
    the table it will need, and would open them all.
    """
    return table.c.visit.between(*ends_of(visits))


def ends_of(visits: Sequence[int] | np.ndarray) -> tuple[int, int]:
    """The smallest and the largest of some visits (at least one)."""
    return int(np.min(visits)), int(np.max(visits))


def visit_parameters(n: int) -> list[sa.BindParameter[int]]:
    """Parameters for n visits, for a statement that is made once for any n visits: see :func:`visit_values`."""
    return [sa.bindparam(f"visit_{i}", type_=sa.BigInteger()) for i in range(n)]


def visit_values(visits: Sequence[int] | np.ndarray) -> dict[str, int]:
    """The values of :func:`visit_parameters`."""
    return {f"visit_{i}": int(visit) for i, visit in enumerate(visits)}


def among_visits(visits: Selected | Sequence[int]) -> tuple[Selected | int, dict[str, int]]:
    """What a statement that is made once depends on, for :func:`one_of`, and the values of its parameters.

    Of listed visits it depends on their number, otherwise on the statement that selects them.
    """
    return (visits, {}) if isinstance(visits, sa.Select | sa.BindParameter) else (len(visits), visit_values(visits))


def one_of(column: sa.ColumnElement[int], among: Selected | int) -> sa.ColumnElement[bool]:
    """That a column is one of the visits of :func:`among_visits`."""
    return column.in_(visit_parameters(among) if isinstance(among, int) else among)
