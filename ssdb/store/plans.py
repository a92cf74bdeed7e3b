"""What holds a statement to the plan and the time that it is written for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ssdb.schema.dia import dia_source

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
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} = {value}" for setting, value in _SETTINGS.items()))
    yield
    connection.exec_driver_sql("; ".join(f"SET LOCAL {setting} TO DEFAULT" for setting in _SETTINGS))


def source_update(connection: sa.Connection) -> sa.Update:
    """An UPDATE of DiaSource that does not change its positions, to be told what it does change.

    PostgreSQL reads the expression of the generated column ``zone`` anew for every row if the statement does not set
    what it is made of, which takes longer than to write the row. Set to what it is, ``dec`` changes no index.
    """
    statement = sa.update(dia_source)
    return statement.values(dec=dia_source.c.dec) if connection.dialect.name == "postgresql" else statement
