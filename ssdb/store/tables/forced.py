"""DiaForcedSource and SsForcedSource: fluxes at the places of DiaObjects and of known objects.

Whoever writes them has locked the visits. The means of the forced fluxes of DiaObjects follow, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_forced_source
from ssdb.schema.dia import ss_forced_source
from ssdb.store.tables.dia_objects import renew_forced_means
from ssdb.store.tables.moves import move_objects, remove_doubles
from ssdb.store.tables.visits import Visits
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import of_key
from ssdb.store.transfer.write import Progress, write_rows
from ssdb.units import Integers

KEYS = {
    dia_forced_source: ("diaObjectId", "visit", "detector"),
    ss_forced_source: ("ssObjectId", "visit", "detector"),
}
"""The tables, and what tells their rows apart."""


def forced_ids(objects: Integers, visit: int | Integers, detector: int | Integers) -> Integers:
    """Identifiers of measurements, above 0, always the same for the same object, visit and detector, shape (n,).

    They are hashes: their mixing is that of splitmix64 (Steele, Lea & Flood 2014, OOPSLA 453).
    """
    mixed = np.zeros(len(objects), np.uint64)
    for part in (objects, visit, detector):
        mixed ^= np.asarray(part, np.int64).astype(np.uint64)
        mixed += np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return np.maximum((mixed >> np.uint64(1)).astype(np.int64), 1)


def replace_detector(connection: sa.Connection, visit: int, detector: int, rows: Mapping[sa.Table, pa.Table]) -> None:
    """Replaces the rows of a detector by others, in those of the two tables that are given."""
    for table, new in rows.items():
        here = (table.c.visit == visit) & (table.c.detector == detector)
        touched = _objects(connection, here) if table is dia_forced_source else None
        connection.execute(sa.delete(table).where(here))
        write_rows(connection, table, new)
        if touched is not None:
            renew_forced_means(connection, np.union1d(touched, new.column("diaObjectId").to_numpy()))


def merge(
    connection: sa.Connection, table: sa.Table, keys: sa.Table, rows: pa.Table, progress: Progress | None = None
) -> None:
    """Writes rows, whose keys are staged, in the place of those that are stored under them."""
    there = sa.exists().where(of_key(table, KEYS[table], keys))
    connection.execute(sa.delete(table).where(there))
    write_rows(connection, table, rows, progress)
    if table is dia_forced_source:
        renew_forced_means(connection, np.unique(rows.column("diaObjectId").to_numpy()))


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes the forced fluxes of visits that are deleted; how many there were, by table."""
    touched = _objects(connection, dia_forced_source.c.visit.in_(visits))
    removed = {}
    for table in KEYS:
        removed[table.name] = connection.execute(sa.delete(table).where(table.c.visit.in_(visits))).rowcount
    renew_forced_means(connection, touched)
    return removed


def remove_double_forced(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Removes the fluxes of other designations where the primary one has its own; how many there were."""
    columns = ss_forced_source.c
    within: Sequence[sa.Column] = (columns.visit, columns.detector)
    return {
        ss_forced_source.name: remove_doubles(
            connection, ss_forced_source.c.ssObjectId, moves.c.ssObjectId, moves, within
        )
    }


def move_forced(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves the fluxes of known objects to their primary designations; how many were moved."""
    return {ss_forced_source.name: move_objects(connection, ss_forced_source, moves)}


def _objects(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Integers:
    found = sa.select(dia_forced_source.c.diaObjectId).where(where)
    return np.unique(read_arrays(connection, found)["diaObjectId"])
