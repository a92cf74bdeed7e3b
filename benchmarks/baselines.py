"""What ssdb is measured against: rows written with nothing round them, and a match in memory with nothing stored."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from pgpq import ArrowToPostgresBinaryEncoder
from scipy.spatial import cKDTree

from ssdb.sky.sphere import unit_vectors
from ssdb.store.database import Database, driver_connection

_ROWS_PER_CHUNK = 20_000


def raw_write(database: Database, table: sa.Table, rows: pa.Table) -> float:
    """Seconds to write rows into a new table without any key or index, in one transaction, commit included.

    On PostgreSQL by binary COPY of rows that are encoded already, on SQLite by executemany of rows that are Python
    values already: the least that any way of loading them through these drivers can take.

    Parameters
    ----------
    database : Database
        Any, without tables of ssdb even.
    table : sqlalchemy.Table
        Where the rows would go; the new table has those of its columns that the rows have.
    rows : pyarrow.Table
        Of the table's types.
    """
    columns = [sa.Column(name, table.c[name].type) for name in rows.column_names]
    bare = sa.Table(f"raw_{table.name}", sa.MetaData(), *columns)
    with database.writing() as connection:
        bare.create(connection)
    seconds = _copy(database, bare, rows) if database.dialect == "postgresql" else _insert(database, bare, rows)
    with database.reading() as connection:
        stored = connection.execute(sa.select(sa.func.count()).select_from(bare)).scalar_one()
    if stored != rows.num_rows:
        raise AssertionError(f"{stored:,} of {rows.num_rows:,} rows of {table.name} were written raw")
    return seconds


def _copy(database: Database, bare: sa.Table, rows: pa.Table) -> float:
    schema = pa.schema([pa.field(field.name, field.type) for field in rows.schema])
    encoder = ArrowToPostgresBinaryEncoder(schema)
    batches = rows.cast(schema).to_batches(max_chunksize=_ROWS_PER_CHUNK)
    # All before the clock starts: the server works on one block while the next would be encoded.
    blocks = [encoder.write_header(), *(encoder.write_batch(batch) for batch in batches), encoder.finish()]
    start = time.perf_counter()
    with database.writing() as connection:
        name = connection.dialect.identifier_preparer.format_table(bare)
        with (
            driver_connection(connection).cursor() as cursor,
            cursor.copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy,
        ):
            for block in blocks:
                copy.write(block)
    return time.perf_counter() - start


def _insert(database: Database, bare: sa.Table, rows: pa.Table) -> float:
    seconds = 0.0
    with database.writing() as connection:
        name = connection.dialect.identifier_preparer.format_table(bare)
        statement = f"INSERT INTO {name} VALUES ({', '.join('?' * rows.num_columns)})"
        driver = driver_connection(connection)
        for values in _python_rows(rows):
            start = time.perf_counter()
            driver.executemany(statement, values)
            seconds += time.perf_counter() - start
        start = time.perf_counter()
    return seconds + time.perf_counter() - start


def _python_rows(rows: pa.Table) -> Iterator[list[tuple[Any, ...]]]:
    # A chunk at a time: SQLite works within executemany alone, and a night of Python values would fill the memory.
    for batch in rows.to_batches(max_chunksize=_ROWS_PER_CHUNK):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


Field = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Right ascension and declination of points, ICRS, deg; each of shape (n,)."""


def pairs_in_memory(
    fields: Sequence[tuple[Field, Field]], radius_arcsec: float
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of a prediction and a source within a radius, visit by visit, by scipy's k-d trees of unit vectors.

    Parameters
    ----------
    fields : sequence of (predictions, sources)
        Positions of one visit each.
    radius_arcsec : float
        Largest separation of a pair.

    Returns
    -------
    list of (prediction, source)
        Indices of the pairs of each visit. Two trees and trees that are not balanced are the fastest of scipy's ways.
    """
    chord = 2.0 * np.sin(0.5 * np.radians(radius_arcsec / 3600.0))
    found = []
    for predictions, sources in fields:
        trees = [cKDTree(unit_vectors(*points), balanced_tree=False) for points in (predictions, sources)]
        pairs = trees[0].sparse_distance_matrix(trees[1], chord, output_type="ndarray")
        found.append((pairs["i"], pairs["j"]))
    return found
