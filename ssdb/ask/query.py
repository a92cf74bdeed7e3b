"""SQL from people, reading only.

This guards against accidents. Against malice a database role that may only read does.
"""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from ssdb.errors import QueryError
from ssdb.schema import metadata
from ssdb.store.database import Database, driver_connection, driver_message
from ssdb.store.views import canonical_names, view_definitions

_ROWS_PER_CHUNK = 10_000
_ONLY_READS = "ssdb query only reads: give one SELECT statement"
_READING_ACTIONS = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_NOT_READING = (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.ActiveSqlTransaction)
_NOT_READING_MESSAGE = re.compile(
    "not authorized|prohibited|one statement at a time|multiple commands|data-modifying|INTO is not allowed"
    '|near "(INSERT|UPDATE|DELETE|MERGE|INTO)"',
    re.IGNORECASE,
)
_BEGINS_TO_READ = re.compile(
    r"(\s|\(|--[^\n]*(\n|$)|/\*.*?\*/)*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL
)
_PARAMETER = re.compile(
    r"""  \bE'(?: [^'\\] | \\. | '' )*'          # what :name is not in: texts, quoted names, comments, casts
        | '(?: [^'] | '' )*' | "[^"]*" | \$(\w*)\$.*?\$\1\$
        | --[^\n]* | /\*.*?\*/ | ::
        | (?<!\w):(?P<name>[A-Za-z_]\w*)""",
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The answer to a query.

    Attributes
    ----------
    columns : list of str
        Names; those of the schema's columns as the schema writes them.
    rows : list of tuple
        Plain Python values; None for NULL.
    schema : pyarrow.Schema or None
        Types and units of the columns, where they are known beforehand: those of ready-made questions.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    schema: pa.Schema | None = None

    @property
    def distinct_columns(self) -> list[str]:
        """The names made distinct, as those of a file's columns must be: a second ``ra`` is ``ra_2``."""
        distinct: list[str] = []
        for name in self.columns:
            number, new = 1, name
            while new in distinct or (number > 1 and new in self.columns):
                number += 1
                new = f"{name}_{number}"
            distinct.append(new)
        return distinct

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table, types as those of the schema or, without one, as the values are."""
        values = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        arrays = [_array(list(column)) for column in values]
        if self.schema is None:
            return pa.Table.from_arrays(arrays, names=self.distinct_columns)
        typed = [array.cast(field.type) for array, field in zip(arrays, self.schema, strict=True)]
        return pa.Table.from_arrays(typed, schema=self.schema)


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
    values = {name: v.item() if isinstance(v, np.generic) else v for name, v in (parameters or {}).items()}
    if values:
        _check_names(sql, values)
    with database.reading() as connection:
        run = _on_postgresql if database.dialect == "postgresql" else _on_sqlite
        try:
            with run(connection, sql, values) as cursor:
                if cursor.description is None:
                    raise QueryError(_ONLY_READS)
                names = [item[0] for item in cursor.description]
                rows = [tuple(row) for chunk in iter(lambda: cursor.fetchmany(_ROWS_PER_CHUNK), []) for row in chunk]
        except (psycopg.Error, sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
            raise _explained(error, sql, values, database) from error
        connection.rollback()  # settings of the session that a function changed are not to outlive the query
    canonical = canonical_names()
    return QueryResult([canonical.get(name.lower(), name) for name in names], rows)


def _names(sql: str) -> set[str]:
    """The parameters, ``:name``, of a statement."""
    return {match["name"] for match in _PARAMETER.finditer(sql) if match["name"]}


def _check_names(sql: str, values: Mapping[str, Any]) -> None:
    names = _names(sql)
    wrong = [f"no value for :{name}" for name in sorted(names - values.keys())]
    wrong += [f"the query has no :{name}" for name in sorted(values.keys() - names)]
    if wrong:
        raise QueryError("; ".join(wrong))


def _for_psycopg(sql: str) -> str:
    """A statement with its parameters in psycopg's form, ``%(name)s``, and every other ``%`` doubled."""

    def marked(match: re.Match[str]) -> str:
        return f"%({match['name']})s" if match["name"] else match[0]

    return _PARAMETER.sub(marked, sql.replace("%", "%%"))


class _NumericLoader(Loader):
    """PostgreSQL's ``numeric``, such as the sum of 64-bit integers, as a plain number."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if re.fullmatch(r"-?\d+", text) else float(text)


@contextmanager
def _on_postgresql(connection: sa.Connection, sql: str, values: dict[str, Any]) -> Iterator[Any]:
    # The transaction is read-only, and a server-side cursor takes one SELECT and nothing else.
    with driver_connection(connection).cursor(name="ssdb_query") as cursor:
        cursor.adapters.register_loader("numeric", _NumericLoader)
        if values:
            cursor.execute(_for_psycopg(sql), values)
        else:
            cursor.execute(sql)
        yield cursor


@contextmanager
def _on_sqlite(connection: sa.Connection, sql: str, values: dict[str, Any]) -> Iterator[Any]:
    # An authorizer, because query_only can be switched off by a PRAGMA, and ATTACH creates files.
    driver = driver_connection(connection)
    # SQLite makes these table functions when they are first used, which it would have to be authorized for.
    driver.execute("SELECT 1 FROM json_each('[]'), json_tree('[]')").close()
    driver.set_authorizer(_authorize)
    cursor = driver.cursor()
    try:
        cursor.execute(sql, values)
        yield cursor
    finally:
        cursor.close()
        driver.set_authorizer(None)


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_OK if action in _READING_ACTIONS else sqlite3.SQLITE_DENY


def _explained(error: Exception, sql: str, values: Mapping[str, Any], database: Database) -> QueryError:
    """The driver's error in a word that says what to do."""
    message = driver_message(error, database.engine.url)
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        # Without the excerpt, which is not of the statement as it was given but of one that declares a cursor.
        hint = error.diag.message_hint
        message = " ".join(f"{error.diag.message_primary}{f' ({hint})' if hint else ''}".split())
    if isinstance(error, psycopg.errors.UndefinedTable) or message.startswith("no such table"):
        return QueryError(f"{message}{_meant(message)}")
    names = _names(sql)
    if not values and names and ("binding" in message or 'near ":"' in message):
        return QueryError(f"no value for :{', :'.join(sorted(names))}")
    other_statement = "syntax error" in message and not _BEGINS_TO_READ.match(sql)
    if isinstance(error, _NOT_READING) or _NOT_READING_MESSAGE.search(message) or other_statement:
        return QueryError(f"{_ONLY_READS} ({message})")
    return QueryError(message)


def _meant(message: str) -> str:
    """The table whose name is closest to that in the message, if one is close."""
    known = {name.lower(): name for name in (*metadata.tables, *view_definitions())}
    words = re.findall(r"\w+", message.lower())
    close = [match for word in words for match in difflib.get_close_matches(word, known, n=1, cutoff=0.75)]
    return f"; is it {known[close[0]]}?" if close else ""


def _array(values: list[Any]) -> pa.Array:
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        # SQLite's columns may hold anything.
        array = pa.array([None if value is None else str(value) for value in values])
    return array.cast(pa.string()) if pa.types.is_null(array.type) else array
