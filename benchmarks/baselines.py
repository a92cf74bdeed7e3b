"""What ssdb is measured against: rows written with nothing round them, and matches in memory with nothing stored."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray
from pgpq import ArrowToPostgresBinaryEncoder
from scipy.spatial import cKDTree

from ssdb.sky.sphere import unit_vectors
from ssdb.store.database import Database
from ssdb.store.driver import driver_connection

_ROWS_PER_CHUNK = 20_000


def raw_write(database: Database, table: sa.Table, parts: Iterable[pa.Table]) -> tuple[float, int]:
    """Writes rows into a new table without any key or index, in one transaction.

    On PostgreSQL by binary COPY of rows that are encoded already, on SQLite by executemany of rows that are Python
    values already: the least that any way of loading them through these drivers can take.

    Parameters
    ----------
    database : Database
        Any, without tables of ssdb even.
    table : sqlalchemy.Table
        Where the rows would go; the new table has those of its columns that the rows have.
    parts : iterable of pyarrow.Table
        Of the table's types, one after the other; at least one.

    Returns
    -------
    (float, int)
        Seconds, commit included; how many rows there are then.
    """
    waiting = iter(parts)
    first = next(waiting)
    columns = [sa.Column(name, table.c[name].type) for name in first.column_names]
    bare = sa.Table(f"raw_{table.name}", sa.MetaData(), *columns)
    with database.writing() as connection:
        bare.create(connection)
    write = _copy if database.dialect == "postgresql" else _insert
    seconds = 0.0
    with database.writing() as connection:
        # A part at a time, which is ready before the clock runs: a night of encoded rows would fill the memory.
        for rows in chain([first], waiting):
            seconds += write(connection, bare, rows)
        start = time.perf_counter()
    seconds += time.perf_counter() - start
    with database.reading() as connection:
        return seconds, connection.execute(sa.select(sa.func.count()).select_from(bare)).scalar_one()


def _copy(connection: sa.Connection, bare: sa.Table, rows: pa.Table) -> float:
    """Seconds of a binary COPY of rows, encoded before, into a table of PostgreSQL with these columns."""
    schema = pa.schema([pa.field(field.name, field.type) for field in rows.schema])
    encoder = ArrowToPostgresBinaryEncoder(schema)
    batches = rows.cast(schema).to_batches(max_chunksize=_ROWS_PER_CHUNK)
    blocks = [encoder.write_header(), *(encoder.write_batch(batch) for batch in batches), encoder.finish()]
    name = connection.dialect.identifier_preparer.format_table(bare)
    start = time.perf_counter()
    with (
        driver_connection(connection).cursor() as cursor,
        cursor.copy(f"COPY {name} FROM STDIN (FORMAT BINARY)") as copy,
    ):
        for block in blocks:
            copy.write(block)
    return time.perf_counter() - start


def _insert(connection: sa.Connection, bare: sa.Table, rows: pa.Table) -> float:
    name = connection.dialect.identifier_preparer.format_table(bare)
    statement = f"INSERT INTO {name} VALUES ({', '.join('?' * rows.num_columns)})"
    driver = driver_connection(connection)
    seconds = 0.0
    for batch in rows.to_batches(max_chunksize=_ROWS_PER_CHUNK):
        values = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        start = time.perf_counter()
        driver.executemany(statement, values)
        seconds += time.perf_counter() - start
    return seconds


Points = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Right ascension and declination of points, ICRS, deg; each of shape (n,)."""

Indices = tuple[NDArray[np.intp], NDArray[np.intp]]
"""Of the prediction and of the source of pairs, each of shape (n,)."""


def pairs_by_trees(fields: Sequence[tuple[Points, Points]], radius_arcsec: float) -> list[Indices]:
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
