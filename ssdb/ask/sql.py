"""Runs SQL from users, which may only read.

This guards against accidents. Against malice a database role that may only read does.
"""

from __future__ import annotations

import difflib
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.adapt import Loader

from ssdb.ask.spool import ColumnTypes, as_table, spooled
from ssdb.errors import MissingPackageError, ParameterError, QueryError, shown
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.views import canonical_names, view_definitions
from ssdb.store.driver import driver_connection, driver_message
from ssdb.store.out_of_locks import is_out_of_locks, what_to_set

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
    """The answer to a query."""

    columns: list[str]
    """Names; those of the schema's columns as the schema writes them."""
    rows: list[tuple[Any, ...]]
    """Plain Python values; None for NULL."""
    schema: pa.Schema | None = None
    """Types and units of the columns, where they are known beforehand: those of ready-made questions."""

    @property
    def distinct_columns(self) -> list[str]:
        """The names made distinct, as those of a file's columns must be: a second ``ra`` is ``ra_2``."""
        return distinct(self.columns)

    def to_arrow(self) -> pa.Table:
        """The answer as an Arrow table, types as those of the schema or, without one, as the values are."""
        schema = self.schema
        if schema is None:
            types = ColumnTypes(self.distinct_columns)
            types.see(self.rows)
            schema = types.schema()
        return as_table(self.rows, schema)

    def to_pandas(self) -> Any:
        """The answer as a DataFrame of pandas. MissingPackageError if that is not installed."""
        try:
            import pandas as _  # noqa: F401
        except ImportError as error:
            raise MissingPackageError("a DataFrame needs the package pandas: pip install pandas") from error
        return self.to_arrow().to_pandas()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a query while it comes."""

    columns: list[str]
    """As those of a :class:`QueryResult`."""
    chunks: Iterator[list[tuple[Any, ...]]]
    """The rows, some thousands at a time."""
    schema: pa.Schema | None = None
    """As that of a :class:`QueryResult`."""

    @contextmanager
    def tables(self, directory: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.Table]]]:
        """The schema and the rows as tables of it, some thousands at a time.

        Types that are not known beforehand are known when all rows have come: these wait in a file without a name in
        the directory.
        """
        if self.schema is None:
            with spooled(distinct(self.columns), self.chunks, directory) as found:
                yield found
        else:
            yield self.schema, (as_table(rows, self.schema) for rows in self.chunks)


def distinct(columns: Sequence[str]) -> list[str]:
    """Names of columns made distinct."""
    names: list[str] = []
    for name in columns:
        number, new = 1, name
        while new in names or (number > 1 and new in columns):
            number += 1
            new = f"{name}_{number}"
        names.append(new)
    return names


def query(database: Database, sql: str, parameters: Mapping[str, Any] | None = None) -> QueryResult:
    """Asks one question in SQL, a single SELECT statement.

    ``parameters`` are values for ``:name`` in it. Without them it goes to the server as it is, so that ``LIKE 'K%'``
    works. QueryError if the statement is wrong, or does anything but read.
    """
    with asking(database, sql, parameters) as answer:
        return QueryResult(answer.columns, list(chain.from_iterable(answer.chunks)))


@contextmanager
def asking(database: Database, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Answer]:
    """Asks one question in SQL, as :func:`query` does, and gives the rows as they come: never all are in memory."""
    values = {name: v.item() if isinstance(v, np.generic) else v for name, v in (parameters or {}).items()}
    if values:
        _check_names(sql, values)
    run = _on_postgresql if database.dialect == "postgresql" else _on_sqlite
    canonical = canonical_names()

    @contextmanager
    def explained() -> Iterator[None]:
        try:
            yield
        except (psycopg.Error, sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeError) as error:
            raise _explained(error, sql, values, database) from error

    def chunks(cursor: Any) -> Iterator[list[tuple[Any, ...]]]:
        while True:
            with explained():
                rows = cursor.fetchmany(_ROWS_PER_CHUNK)
            if not rows:
                return
            yield rows

    with database.reading() as connection:
        with ExitStack() as opened:
            with explained():
                cursor = opened.enter_context(run(connection, sql, values))
                if cursor.description is None:
                    raise QueryError(_ONLY_READS)
            yield Answer([canonical.get(item[0].lower(), item[0]) for item in cursor.description], chunks(cursor))
        connection.rollback()  # settings of the session that a function changed are not to outlive the query


def _names(sql: str) -> set[str]:
    """The parameters, ``:name``, of a statement."""
    return {match["name"] for match in _PARAMETER.finditer(sql) if match["name"]}


def _check_names(sql: str, values: Mapping[str, Any]) -> None:
    names = _names(sql)
    wrong = [f"no value for :{name}" for name in sorted(names - values.keys())]
    wrong += [f"the query has no :{name}" for name in sorted(values.keys() - names)]
    if wrong:
        raise (ParameterError if values.keys() - names else QueryError)("; ".join(wrong))


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
    if isinstance(error, UnicodeEncodeError):  # as Python has the bytes of an argument that are no text
        return QueryError(f"{shown([error.object])}: this is no text in UTF-8")
    if is_out_of_locks(error):
        return QueryError(what_to_set(database.engine))
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
