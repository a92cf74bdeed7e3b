"""Numpy arrays as rows that a statement can join with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.abc import PyFormat
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy.dialects import sqlite

from ssdb.store.database import driver_connection
from ssdb.store.transfer.staging import definitions
from ssdb.units import Columns

_SQL_TYPES: dict[str, Any] = {"i2": sa.SmallInteger, "i4": sa.Integer, "i8": sa.BigInteger, "f8": sa.Double}
_ELEMENT_OIDS = {"i2": 21, "i4": 23, "i8": 20, "f8": 701}
_ARRAY_OIDS = {"i2": 1005, "i4": 1007, "i8": 1016, "f8": 1022}
"""Object identifiers of PostgreSQL's own types, which are the same on every server."""


@contextmanager
def array_rows(connection: sa.Connection, name: str, columns: Columns) -> Iterator[sa.FromClause]:
    """Arrays as the rows of something that a statement can select from.

    On PostgreSQL they are parameters of the statement, which is quicker than a temporary table and leaves nothing in
    the catalogs of the server. On SQLite, which has no arrays, they are a temporary table.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    name : str
        What the rows are called in the statement.
    columns : mapping of str to ndarray of int16, int32, int64 or float64, shape (n,)
        No value is NULL.

    Yields
    ------
    sqlalchemy.FromClause
        A common table expression (to be added to a statement that is text) or a table.
    """
    kinds = {column: values.dtype.str[1:] for column, values in columns.items()}
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        # In the list of results unnest() gives its rows one by one; as a table it would first keep them all.
        yield sa.select(
            *(
                sa.func.unnest(sa.bindparam(f"{name}_{column}", values), type_=_SQL_TYPES[kinds[column]]).label(column)
                for column, values in columns.items()
            )
        ).cte(name)
        return
    temporary = _temporary(name, tuple(kinds.items()))
    begin, end = definitions(temporary, connection.dialect)
    # Through the driver alone, and without Arrow in between: most often there are a few rows.
    driver = driver_connection(connection)
    driver.execute(begin)
    driver.executemany(temporary.info["insert"], zip(*(values.tolist() for values in columns.values()), strict=True))
    yield temporary
    driver.execute(end)


def send_arrays(connection: sa.Connection) -> None:
    """Has the driver of PostgreSQL take numpy's arrays (int16, int32, int64, float64; one dimension) as parameters."""
    driver_connection(connection).adapters.register_dumper(np.ndarray, _ArrayDumper)


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
        dumper.oid = _ARRAY_OIDS[obj.dtype.str[1:]]
        return dumper

    def dump(self, obj: NDArray[Any]) -> bytes:
        kind = obj.dtype.str[1:]
        elements = np.empty(len(obj), [("bytes", ">i4"), ("value", f">{kind}")])
        elements["bytes"], elements["value"] = obj.dtype.itemsize, obj
        # One dimension without NULLs, of this length, counted from 1.
        return np.array([1, 0, _ELEMENT_OIDS[kind], len(obj), 1], ">i4").tobytes() + elements.tobytes()
