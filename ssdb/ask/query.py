"""SQL from people, reading only.

This guards against accidents. Against malice a database role that may only read does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import DatabaseError, QueryError
from ssdb.store.database import Database, driver_connection, driver_message
from ssdb.store.views import canonical_names

_ROWS_PER_CHUNK = 10_000
_ONLY_READS = "ssdb query only reads: give one SELECT statement"
_READING_ACTIONS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_NOT_READING = (
    psycopg.errors.ReadOnlySqlTransaction,
    psycopg.errors.FeatureNotSupported,
    psycopg.errors.InvalidCursorDefinition,
)
_READING_WORDS = ("select", "with", "values", "table", "(")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer to a query.

    Attributes
    ----------
    columns : list of str
        Names; those of the schema's columns as the schema writes them.
    rows : list of tuple
        Plain Python values; None for NULL.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table, types as the values are."""
        values = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        arrays = [_array(list(column)) for column in values]
        return pa.Table.from_arrays(arrays, names=_distinct(self.columns))


def query(database: Database, sql: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
    """Asks one question in SQL.

    Parameters
    ----------
    database : Database
    sql : str
        One SELECT statement. Without parameters it goes to the server as it is, so that ``LIKE 'K%'`` works.
    parameters : mapping, optional
        Values for ``:name`` in the statement.

    Returns
    -------
    QueryResult

    Raises
    ------
    QueryError
        If the statement is wrong, or does anything but read.
    """
    with database.reading() as connection:
        statement, values = sql, None
        if parameters:
            statement, values = _bound(connection, sql, parameters)
        run = _on_postgresql if database.dialect == "postgresql" else _on_sqlite
        try:
            with run(connection, statement, values) as cursor:
                if cursor.description is None:
                    raise QueryError(_ONLY_READS)
                names = [item[0] for item in cursor.description]
                rows = [tuple(row) for chunk in iter(lambda: cursor.fetchmany(_ROWS_PER_CHUNK), []) for row in chunk]
        except (psycopg.Error, sqlite3.Error, sqlite3.Warning) as error:
            raise _explained(error, sql, database) from error
    canonical = canonical_names()
    return QueryResult([canonical.get(name.lower(), name) for name in names], rows)


def _bound(connection: sa.Connection, sql: str, parameters: Mapping[str, Any]) -> tuple[str, Any]:
    statement = sa.text(sql)
    unknown = parameters.keys() - statement._bindparams.keys()
    missing = statement._bindparams.keys() - parameters.keys()
    if unknown or missing:
        wrong = [f"no value for :{name}" for name in sorted(missing)]
        wrong += [f"the query has no :{name}" for name in sorted(unknown)]
        raise QueryError("; ".join(wrong))
    compiled = statement.bindparams(**parameters).compile(dialect=connection.dialect)
    if compiled.positional:
        return str(compiled), [compiled.params[name] for name in compiled.positiontup or ()]
    return str(compiled), compiled.params


@contextmanager
def _on_postgresql(connection: sa.Connection, statement: str, values: Any) -> Iterator[Any]:
    # The transaction is read-only, and a server-side cursor takes one SELECT and nothing else.
    with driver_connection(connection).cursor(name="ssdb_query") as cursor:
        cursor.execute(statement, values)
        yield cursor


@contextmanager
def _on_sqlite(connection: sa.Connection, statement: str, values: Any) -> Iterator[Any]:
    # An authorizer, because query_only can be switched off by a PRAGMA, and ATTACH creates files.
    driver = driver_connection(connection)
    driver.set_authorizer(_authorize)
    cursor = driver.cursor()
    try:
        cursor.execute(statement, values or ())
        yield cursor
    finally:
        cursor.close()
        driver.set_authorizer(None)


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING_ACTIONS else sqlite3.SQLITE_DENY


def _explained(error: Exception, sql: str, database: Database) -> QueryError | DatabaseError:
    """The driver's error in a word that says what to do."""
    message = driver_message(error, database.engine.url)
    first_word = sql.lstrip().lower()
    not_reading = isinstance(error, _NOT_READING) or "not authorized" in message or "prohibited" in message
    if not_reading or "one statement at a time" in message or "multiple commands" in message:
        return QueryError(f"{_ONLY_READS} ({message})")
    if isinstance(error, psycopg.errors.SyntaxError) and not first_word.startswith(_READING_WORDS):
        return QueryError(f"{_ONLY_READS} ({message})")
    return QueryError(message)


def _array(values: list[Any]) -> pa.Array:
    plain = [float(value) if isinstance(value, Decimal) else value for value in values]
    try:
        array = pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        # SQLite's columns may hold anything.
        array = pa.array([None if value is None else str(value) for value in plain])
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array


def _distinct(names: list[str]) -> list[str]:
    """Names made distinct, as the columns of a file must be: a second ``ra`` becomes ``ra_2``."""
    seen: dict[str, int] = {}
    distinct = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        distinct.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return distinct
