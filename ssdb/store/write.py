"""Bulk writing of Arrow tables: binary COPY on PostgreSQL, one prepared INSERT on SQLite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from pgpq import ArrowToPostgresBinaryEncoder

from ssdb.schema.arrow import arrow_schema
from ssdb.store.database import driver_connection

_ROWS_PER_CHUNK = 20_000

Progress = Callable[[int, int], None]
"""Told of long work: how many rows (or exposures) are done now, and how many there are in all."""


def write_rows(connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None = None) -> int:
    """Appends rows to a table, within the transaction of the connection.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    table : sqlalchemy.Table
        Where the rows go.
    rows : pyarrow.Table
        Some or all columns of the table, of the types of :func:`ssdb.schema.arrow.arrow_schema`. NaN must be NULL
        already; columns that are not there become NULL or the column's default.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    TypeError
        If a column is unknown or not of the table's type.
    """
    _check_types(table, rows.schema)
    if rows.num_rows:
        if connection.dialect.name == "postgresql":
            _copy(connection, table, rows, progress)
        else:
            _insert(connection, table, rows, progress)
    return rows.num_rows


def _check_types(table: sa.Table, schema: pa.Schema) -> None:
    expected = arrow_schema(table)
    for field in schema:
        index = expected.get_field_index(field.name)
        if index < 0 or expected.field(index).type != field.type:
            wanted = expected.field(index).type if index >= 0 else "no such column"
            raise TypeError(f"{table.name}.{field.name}: {field.type} given, {wanted} expected")


def _names(connection: sa.Connection, table: sa.Table, schema: pa.Schema) -> tuple[str, str]:
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(name) for name in schema.names)
    return connection.dialect.identifier_preparer.format_table(table), columns


def _copy(connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None) -> None:
    # Field metadata and nullability mean nothing to the encoder, only names and types.
    schema = pa.schema([pa.field(field.name, field.type) for field in rows.schema])
    encoder = ArrowToPostgresBinaryEncoder(schema)
    name, columns = _names(connection, table, schema)
    with (
        driver_connection(connection).cursor() as cursor,
        cursor.copy(f"COPY {name} ({columns}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.write(encoder.write_header())
        for batch in rows.cast(schema).to_batches(max_chunksize=_ROWS_PER_CHUNK):
            copy.write(encoder.write_batch(batch))
            if progress:
                progress(batch.num_rows, rows.num_rows)
        copy.write(encoder.finish())


def _insert(connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None) -> None:
    name, columns = _names(connection, table, rows.schema)
    marks = ", ".join("?" * rows.num_columns)
    statement = f"INSERT INTO {name} ({columns}) VALUES ({marks})"
    driver_connection(connection).executemany(statement, _python_rows(rows, progress))


def _python_rows(rows: pa.Table, progress: Progress | None) -> Iterator[tuple[Any, ...]]:
    # Plain Python values, a chunk at a time: sqlite3 would store numpy scalars as blobs. Timestamps go in as the text
    # that SQLAlchemy's SQLite dialect reads back.
    as_text = [
        (index, rows.column(index).cast(pa.string()))
        for index, field in enumerate(rows.schema)
        if pa.types.is_timestamp(field.type)
    ]
    for index, column in as_text:
        rows = rows.set_column(index, rows.schema.field(index).name, column)
    for batch in rows.to_batches(max_chunksize=_ROWS_PER_CHUNK):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
        if progress:
            progress(batch.num_rows, rows.num_rows)
