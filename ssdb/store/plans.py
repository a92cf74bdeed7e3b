"""Settings that hold a statement to the plan it is written for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

_SETTINGS = {
    "jit": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "work_mem": "'64MB'",  # the predictions and pairs of a batch are sorted in memory
}


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
    settings = _SETTINGS if connection.dialect.name == "postgresql" else {}
    for setting, value in settings.items():
        connection.exec_driver_sql(f"SET LOCAL {setting} = {value}")
    yield
    for setting in settings:
        connection.exec_driver_sql(f"SET LOCAL {setting} TO DEFAULT")
