"""Writes Arrow tables in bulk: binary COPY on PostgreSQL, one prepared INSERT on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa
import sqlalchemy as sa
from pgpq import ArrowToPostgresBinaryEncoder

from ssdb.schema.arrow import arrow_schema
from ssdb.store.driver import driver_connection
from ssdb.store.transfer.collection import no_collection
from ssdb.threads import Workers

_ROWS_PER_CHUNK = {"postgresql": 20_000, "sqlite": 5_000}
"""Rows that are encoded at a time. For SQLite each value is a Python object, of 32 bytes where a column has 4."""

_ROWS_OF_FEW = 2_500
"""The same where all would be one chunk: PostgreSQL is busy with some when the next are encoded. A thread of its own
for that costs more than it saves.
"""

_T = TypeVar("_T")

Progress = Callable[[int, int], None]
"""Told of long work: how many rows (or visits) are done now, and how many there are in all."""


def write_rows(connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None = None) -> int:
    """Appends rows to a table, within the transaction of the connection; see :func:`write_tables`."""
    return write_tables(connection, table, [rows], rows.num_rows, progress)


def write_tables(
    connection: sa.Connection,
    table: sa.Table,
    parts: Iterable[pa.Table],
    n_rows: int,
    progress: Progress | None = None,
    *,
    into: str | None = None,
) -> int:
    """Appends rows that come in parts by one statement, within the transaction of the connection; how many they were.

    The parts have some or all columns of the table, the same in each, of the types of
    :func:`ssdb.schema.arrow.arrow_schema` (else TypeError). NaN must be NULL already; columns that are not there become
    NULL or the column's default. On PostgreSQL the parts are made by another thread, while the server takes the rows
    before: they must not use the connection. ``n_rows``, how many there are in all, is for the progress.
    ``into`` names another table with the same columns, such as a partition of this.
    """
    counted = _Counted(n_rows, progress)
    rest = iter(parts)
    first = next(rest, None)
    if first is not None:
        _check_types(table, first.schema)
        write = _copy if connection.dialect.name == "postgresql" else _insert
        most = _ROWS_PER_CHUNK[connection.dialect.name]
        batches = _batches(first, rest, most if n_rows > most else _ROWS_OF_FEW)
        write(connection, into or table.name, first.schema, batches, counted)
    return counted.written


class _Counted:
    """Counts the rows that are written, and reports progress."""

    def __init__(self, n_rows: int, progress: Progress | None) -> None:
        self.written = 0
        self.n_rows = n_rows
        self._progress = progress

    def __call__(self, n: int) -> None:
        self.written += n
        if self._progress:
            self._progress(n, self.n_rows)


def _batches(first: pa.Table, rest: Iterator[pa.Table], n_rows: int) -> Iterator[pa.RecordBatch]:
    following: pa.Table | None = first
    del first  # it is not to be kept as long as this goes on
    while following is not None:
        yield from following.to_batches(max_chunksize=n_rows)
        following = next(rest, None)


def _check_types(table: sa.Table, schema: pa.Schema) -> None:
    expected = arrow_schema(table)
    for field in schema:
        index = expected.get_field_index(field.name)
        if index < 0 or expected.field(index).type != field.type:
            wanted = expected.field(index).type if index >= 0 else "no such column"
            raise TypeError(f"{table.name}.{field.name}: {field.type} given, {wanted} expected")


def _names(connection: sa.Connection, table: str, schema: pa.Schema) -> tuple[str, str]:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in schema.names)
    return quote(table), columns


def _copy(
    connection: sa.Connection,
    table: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    counted: _Counted,
) -> None:
    # Field metadata and nullability mean nothing to the encoder, only names and types.
    schema = pa.schema([pa.field(field.name, field.type) for field in schema])
    encoder = ArrowToPostgresBinaryEncoder(schema)
    header = encoder.write_header()
    name, columns = _names(connection, table, schema)
    encoded = ((encoder.write_batch(batch.cast(schema)), batch.num_rows) for batch in batches if batch.num_rows)
    if (first := next(encoded, None)) is None:
        return
    with (
        driver_connection(connection).cursor() as cursor,
        cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
        closing(_ahead(encoded, small=counted.n_rows <= _ROWS_PER_CHUNK["postgresql"])) as following,
    ):
        copy.write(header)
        for rows, n in chain([first], following):
            copy.write(rows)
            counted(n)
        copy.write(encoder.finish())


def _ahead(items: Iterator[_T], *, small: bool) -> Generator[_T]:
    """The items of an iterator, each made by another thread while the one before is used, unless they are small.

    Closed, it has stopped the thread.
    """
    if small:
        yield from items
        return
    workers: Workers[None, _T | None] = Workers(lambda _: next(items, None), 1)
    try:
        workers.give(None)
        while (item := workers.take()[1]) is not None:
            workers.give(None)
            yield item
    finally:
        workers.end()


def _insert(
    connection: sa.Connection,
    table: str,
    schema: pa.Schema,
    batches: Iterator[pa.RecordBatch],
    counted: _Counted,
) -> None:
    name, columns = _names(connection, table, schema)
    marks = ", ".join("?" * len(schema))
    statement = f"INSERT INTO {name} ({columns}) VALUES ({marks})"
    # Rows are made and taken without a step of Python's own for each.
    with no_collection():
        driver_connection(connection).executemany(statement, chain.from_iterable(_python_rows(batches, counted)))


def _python_rows(batches: Iterator[pa.RecordBatch], counted: _Counted) -> Iterator[Iterable[tuple[Any, ...]]]:
    """The rows of each batch in plain Python values: sqlite3 would store numpy scalars as blobs.

    Timestamps are the text that SQLAlchemy's SQLite dialect reads back. A batch is counted when its rows are taken.
    """
    for batch in batches:
        columns = [
            (column.cast(pa.string()) if pa.types.is_timestamp(column.type) else column).to_pylist()
            for column in batch.columns
        ]
        yield zip(*columns, strict=True)
        counted(batch.num_rows)
