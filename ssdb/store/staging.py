"""Rows of a file in a temporary table, to be compared with or merged into a table of the schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
import sqlalchemy as sa

from ssdb.store.write import Progress, write_rows


@contextmanager
def staged(
    connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None = None
) -> Iterator[sa.Table]:
    """A temporary table that holds rows, with those columns of a table that the rows have.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing; only it sees the temporary table.
    table : sqlalchemy.Table
        Whose column names and types the rows have.
    rows : pyarrow.Table
        As :func:`ssdb.store.write.write_rows` takes them.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Yields
    ------
    sqlalchemy.Table
        The temporary table, dropped at the end.
    """
    columns = [sa.Column(name, table.c[name].type, info=table.c[name].info) for name in rows.column_names]
    temporary = sa.Table(f"staged_{table.name}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    temporary.create(connection)
    write_rows(connection, temporary, rows, progress)
    if connection.dialect.name == "postgresql":
        # A fresh table has no statistics, and the plans of what follows would be guesses.
        name = connection.dialect.identifier_preparer.format_table(temporary)
        connection.exec_driver_sql(f"ANALYZE {name}")
    yield temporary
    temporary.drop(connection)
