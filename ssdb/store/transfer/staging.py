"""Rows of a file in a temporary table, to be compared with or merged into a table of the schema."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pyarrow as pa
import sqlalchemy as sa

from ssdb.store.transfer.write import Progress, write_rows


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
        Whose column names and types the rows have. One that is temporary itself is made as it is, all columns of it.
    rows : pyarrow.Table
        As :func:`ssdb.store.transfer.write.write_rows` takes them.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Yields
    ------
    sqlalchemy.Table
        The temporary table, dropped or emptied at the end.
    """
    temporary = table if "TEMPORARY" in table._prefixes else _temporary(table, tuple(rows.schema.names))
    begin, end = definitions(temporary, connection.dialect)
    connection.exec_driver_sql(begin)
    write_rows(connection, temporary, rows, progress)
    if connection.dialect.name == "postgresql":
        # A fresh table has no statistics, and the plans of what follows would be guesses.
        name = connection.dialect.identifier_preparer.format_table(temporary)
        connection.exec_driver_sql(f"ANALYZE {name}")
    yield temporary
    connection.exec_driver_sql(end)


@cache
def _temporary(table: sa.Table, names: tuple[str, ...]) -> sa.Table:
    # The same object for the same columns, so that SQLAlchemy finds the statements with it compiled.
    columns = [sa.Column(name, table.c[name].type, info=table.c[name].info) for name in names]
    code = zlib.crc32(",".join(names).encode())
    return sa.Table(f"staged_{table.name}_{code:08x}", sa.MetaData(), *columns, prefixes=["TEMPORARY"])


def definitions(temporary: sa.Table, dialect: sa.Dialect) -> tuple[str, str]:
    """The statements for the beginning and the end of a temporary table, of which SQLAlchemy keeps no compiled form.

    On SQLite it stays, without rows, until the connection is closed: every change of the schema makes SQLite prepare
    all its statements anew, which takes longer than to run them on a few rows.
    """
    if dialect.name not in temporary.info:
        kept = dialect.name == "sqlite"
        ends = sa.delete(temporary) if kept else sa.schema.DropTable(temporary)
        statements = (sa.schema.CreateTable(temporary, if_not_exists=kept), ends)
        temporary.info[dialect.name] = tuple(str(statement.compile(dialect=dialect)) for statement in statements)
    begin, end = temporary.info[dialect.name]
    return begin, end
