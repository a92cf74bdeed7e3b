"""Settings that hold a statement to the plan it is written for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_NOT_FOR_INDEX_LOOPS = ("jit", "enable_hashjoin", "enable_mergejoin", "enable_seqscan")


@contextmanager
def index_loops(connection: sa.Connection) -> Iterator[None]:
    """Within, PostgreSQL reads by index, joins by nested loops over one, and compiles nothing.

    A few exposures of many are wanted. On fresh tables, without statistics, it would read them whole; and compiling
    would take longer than the statement runs. SQLite knows no other plan.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        The settings hold for its transaction alone.
    """
    settings = _NOT_FOR_INDEX_LOOPS if connection.dialect.name == "postgresql" else ()
    for setting in settings:
        connection.exec_driver_sql(f"SET LOCAL {setting} = off")
    yield
    for setting in settings:
        connection.exec_driver_sql(f"SET LOCAL {setting} TO DEFAULT")
