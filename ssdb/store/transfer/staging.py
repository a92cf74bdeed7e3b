"""Puts rows into a temporary table, to be compared with or merged into a table of the schema."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from ssdb.store.transfer.write import Progress, write_rows


@contextmanager
def staged(
    connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None = None
) -> Iterator[sa.Table]:
    """A temporary table that holds rows, with those columns of a table that the rows have.

    At the end it is emptied or dropped. Only this connection sees it. A table that is temporary itself is made as it
    is, with all its columns.
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


def count_stored(connection: sa.Connection, table: sa.Table, key: Sequence[str], given: sa.Table) -> dict[str, Any]:
    """How many staged rows are new, changed and unchanged, by their keys and values."""
    same = sa.func.sum(sa.case((equal(table, given), 1), else_=0))
    found = sa.select(sa.func.count(), sa.func.coalesce(same, 0)).where(of_key(table, key, given))
    stored, unchanged = connection.execute(found).one()
    n = connection.execute(sa.select(sa.func.count()).select_from(given)).scalar_one()
    return {"new": n - stored, "changed": stored - int(unchanged), "unchanged": int(unchanged)}


def fill_unknown(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[str],
    given: sa.Table,
    errors: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Gives staged rows what is stored under their key, where they know nothing: the unknown never replaces the known.

    ``errors`` are columns that are errors of others, by name: they stay only where the value does.
    """
    values = {}
    for column in given.columns:
        if column.name in key:
            continue
        stored: Any = table.c[column.name]
        if of := errors.get(column.name):
            same = sa.or_(given.c[of].is_(None), given.c[of] == table.c[of])
            stored = sa.case((same, stored), else_=None)
        values[column.name] = sa.func.coalesce(column, stored)
    if values:
        unknown = sa.or_(*(given.c[name].is_(None) for name in values))
        connection.execute(sa.update(given).where(of_key(table, key, given), unknown).values(values))


def of_key(table: sa.Table, key: Sequence[str], given: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether a stored row has the key of a staged one."""
    return sa.and_(*(table.c[name] == given.c[name] for name in key))


def equal(table: sa.Table, given: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a stored row has all values of a staged one."""
    return sa.and_(*(table.c[column.name].is_not_distinct_from(column) for column in given.columns))
