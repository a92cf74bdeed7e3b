"""Numpy arrays as rows that a statement can join with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.abc import PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy.dialects import postgresql, sqlite

from ssdb.store.driver import driver_connection
from ssdb.store.sqlite import only_reads
from ssdb.store.transfer.staging import definitions
from ssdb.units import Columns, Integers

_SQL_TYPES: dict[str, Any] = {
    "i2": sa.SmallInteger,
    "i4": sa.Integer,
    "i8": sa.BigInteger,
    "f8": sa.Double,
    "O": sa.Text,
    "V": sa.LargeBinary,
}
_ELEMENT_OIDS = {"i2": 21, "i4": 23, "i8": 20, "f8": 701, "V": 17}
_ARRAY_OIDS = {"i2": 1005, "i4": 1007, "i8": 1016, "f8": 1022, "V": 1001}
"""Object identifiers of PostgreSQL's own types, which are the same on every server."""

Among = Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]
"""Makes the condition that a column is one of some numbers."""


@contextmanager
def array_rows(connection: sa.Connection, name: str, columns: Columns) -> Iterator[sa.FromClause]:
    """Arrays (int16, int32, int64, float64, void; shape (n,), no NULL) as named rows that a statement can select from.

    On PostgreSQL they are parameters of the statement, which is quicker than a temporary table and leaves nothing in
    the catalogs of the server. SQLite has no arrays: they are a temporary table or, where the connection only reads,
    one parameter of JSON, which takes three times as long. What is yielded is that table, or a common table expression,
    which :func:`with_rows` adds to a statement that is text.
    """
    kinds = {column: _kind(values) for column, values in columns.items()}
    if connection.dialect.name == "postgresql" or only_reads(connection):
        text, values = _rows(connection.dialect, name, columns)
        if connection.dialect.name == "postgresql":
            send_arrays(connection)
        typed = (sa.column(column, _SQL_TYPES[kind]) for column, kind in kinds.items())
        rows = sa.text(text).bindparams(**values).columns(*typed).cte(name)
        yield rows if connection.dialect.name == "postgresql" else rows.prefix_with("MATERIALIZED")
        return
    temporary = _temporary(name, tuple(kinds.items()))
    begin, end = definitions(temporary, connection.dialect)
    # Through the driver alone, and without Arrow in between: most often there are a few rows.
    driver = driver_connection(connection)
    driver.execute(begin)
    driver.executemany(temporary.info["insert"], zip(*(values.tolist() for values in columns.values()), strict=True))
    yield temporary
    driver.execute(end)


@contextmanager
def same_rows(
    connection: sa.Connection, name: str, columns: Columns
) -> Iterator[tuple[sa.FromClause, dict[str, NDArray[Any]]]]:
    """As :func:`array_rows`, for a statement that is made once: the same object for the same name and types.

    With it come the values of the parameters, to be given when the statement is executed.
    """
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        kinds = tuple((column, _kind(values)) for column, values in columns.items())
        yield _expression(name, kinds), {f"{name}_{column}": values for column, values in columns.items()}
        return
    with array_rows(connection, name, columns) as rows:
        yield rows, {}


@contextmanager
def listed(connection: sa.Connection, name: str, numbers: Integers) -> Iterator[Among]:
    """Numbers (int64, shape (n,)), of which a column of a statement may be one: what is yielded makes that condition.

    PostgreSQL searches an index with the array itself. A join it might begin at the other end, on tables of which it
    has no statistics.
    """
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        yield lambda column: column == sa.func.any(sa.bindparam(None, np.sort(numbers), sa.types.NullType()))
        return
    with array_rows(connection, name, {"number": numbers}) as rows:
        yield _among_rows(rows)


@contextmanager
def same_list(
    connection: sa.Connection, name: str, numbers: Integers
) -> Iterator[tuple[Among, dict[str, NDArray[np.int64]]]]:
    """As :func:`listed`, for a statement that is made once, with values as of :func:`same_rows`."""
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        yield _among_array(name), {name: np.sort(numbers)}
        return
    with array_rows(connection, name, {"number": numbers}) as rows:
        yield _among_rows(rows), {}


@cache
def _among_array(name: str) -> Among:
    numbers = sa.bindparam(name, type_=sa.types.NullType())
    return lambda column: column == sa.func.any(numbers)


@lru_cache
def _among_rows(rows: sa.FromClause) -> Among:
    return lambda column: column.in_(sa.select(rows.c.number))


def with_rows(statement: sa.TextualSelect, rows: sa.FromClause) -> sa.TextualSelect:
    """A statement that is text and selects from what :func:`array_rows` gave."""
    return statement.add_cte(rows) if isinstance(rows, sa.CTE) else statement


def rows_as_text(dialect: sa.Dialect, name: str, columns: Columns) -> tuple[str, dict[str, Any]]:
    """The common table expression ``NAME AS (...)`` of arrays, and the values of its parameters.

    For a statement of the user's own, which only reads; texts are arrays of objects.
    """
    text, values = _rows(dialect, name, columns)
    plain = {
        parameter: value.tolist() if isinstance(value, np.ndarray) else value for parameter, value in values.items()
    }
    return f"{name} AS MATERIALIZED ({text})", plain


def send_arrays(connection: sa.Connection) -> None:
    """Has the driver of PostgreSQL take numpy's arrays as parameters: of one dimension, as of :func:`array_rows`."""
    driver_connection(connection).adapters.register_dumper(np.ndarray, _ArrayDumper)


def _kind(values: NDArray[Any]) -> str:
    return "V" if values.dtype.kind == "V" else values.dtype.str[1:]


def _rows(dialect: sa.Dialect, name: str, columns: Columns) -> tuple[str, dict[str, Any]]:
    """A statement that makes rows of parameters, and their values."""
    if dialect.name == "postgresql":
        # In the list of results unnest() gives its rows one by one; as a table it would first keep them all.
        types = {column: _SQL_TYPES[_kind(values)]().compile(dialect) for column, values in columns.items()}
        made = (f'unnest(CAST(:{name}_{column} AS {kind}[])) AS "{column}"' for column, kind in types.items())
        return f"SELECT {', '.join(made)}", {f"{name}_{column}": values for column, values in columns.items()}
    made = (f"json_extract(value, '$[{i}]') AS \"{column}\"" for i, column in enumerate(columns))
    rows = zip(*(values.tolist() for values in columns.values()), strict=True)
    return f"SELECT {', '.join(made)} FROM json_each(:{name})", {name: json.dumps(list(rows))}


@cache
def _expression(name: str, kinds: tuple[tuple[str, str], ...]) -> sa.CTE:
    """The rows of array_rows on PostgreSQL, without values."""
    nothing = {column: np.empty(0, kind) for column, kind in kinds}
    text, values = _rows(postgresql.dialect(), name, nothing)
    parameters = (sa.bindparam(parameter, type_=sa.types.NullType()) for parameter in values)
    typed = (sa.column(column, _SQL_TYPES[kind]) for column, kind in kinds)
    return sa.text(text).bindparams(*parameters).columns(*typed).cte(name)


@cache
def _temporary(name: str, kinds: tuple[tuple[str, str], ...]) -> sa.Table:
    nothing = {"unit": "", "ucd": "", "comment": ""}
    columns = [sa.Column(column, _SQL_TYPES[kind](), info=nothing) for column, kind in kinds]
    temporary = sa.Table(name, sa.MetaData(), *columns, prefixes=["TEMPORARY"])
    temporary.info["insert"] = str(sa.insert(temporary).compile(dialect=sqlite.dialect()))
    return temporary


class _ArrayDumper(Dumper):
    """Numpy arrays in the binary form of PostgreSQL's, all elements at once: as a list, each is a Python object."""

    format = Format.BINARY

    def get_key(self, obj: NDArray[Any], format: PyFormat) -> tuple[type, type]:
        return type(obj), type(obj.dtype)

    def upgrade(self, obj: NDArray[Any], format: PyFormat) -> Dumper:
        dumper = _ArrayDumper(type(obj))
        dumper.oid = _ARRAY_OIDS[_kind(obj)]
        return dumper

    def dump(self, obj: NDArray[Any]) -> bytes:
        kind = obj.dtype.str[1:]
        elements = np.empty(len(obj), [("bytes", ">i4"), ("value", f">{kind}")])
        elements["bytes"], elements["value"] = obj.dtype.itemsize, obj
        # One dimension without NULLs, of this length, counted from 1.
        return np.array([1, 0, _ELEMENT_OIDS[_kind(obj)], len(obj), 1], ">i4").tobytes() + elements.tobytes()
