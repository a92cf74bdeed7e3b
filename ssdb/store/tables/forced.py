"""DiaForcedSource and SsForcedSource: fluxes at the places of DiaObjects and of known objects.

Whoever writes them has locked the visits. Here the cells of the DiaObjects concerned are locked, and the means of their
forced fluxes follow, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.equal_rows import begins
from ssdb.schema.apdb_dia import dia_forced_source, dia_object_last
from ssdb.schema.dia import ss_forced_source
from ssdb.sky.cells import cells_near
from ssdb.store.locks import lock_cells
from ssdb.store.query_plans import Visits, index_loops
from ssdb.store.tables.dia_objects import renew_forced_means
from ssdb.store.tables.moves import move_objects, remove_doubles
from ssdb.store.transfer.array_parameters import array_rows, listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import of_key
from ssdb.store.transfer.write import Progress, write_rows
from ssdb.units import Integers

KEYS = {
    dia_forced_source: ("diaObjectId", "visit", "detector"),
    ss_forced_source: ("ssObjectId", "visit", "detector"),
}
"""The tables, and what tells their rows apart."""

_MARGIN_DEG = 0.01
"""Round objects, as those who associate take it round sources."""


class Measured(NamedTuple):
    """The new rows of a detector, of one of the two tables or both."""

    visit: int
    detector: int
    rows: Mapping[sa.Table, pa.Table]


def replace_detectors(connection: sa.Connection, measured: Sequence[Measured]) -> None:
    """Replaces the rows of detectors by others, in those of the two tables that are given."""
    objects = [np.empty(0, np.int64)]
    for visit, detector, tables in measured:
        if dia_forced_source in tables:
            objects.append(_objects(connection, _of_detector(dia_forced_source, visit, detector)))
    new = [tables[dia_forced_source] for _, _, tables in measured if dia_forced_source in tables]
    with _means_follow(connection, np.concatenate(objects), new):
        for visit, detector, tables in measured:
            for table, rows in tables.items():
                connection.execute(sa.delete(table).where(_of_detector(table, visit, detector)))
                write_rows(connection, table, rows)


def merge(
    connection: sa.Connection, table: sa.Table, keys: sa.Table, rows: pa.Table, progress: Progress | None = None
) -> None:
    """Writes rows, whose keys are staged, in the place of those that are stored under them."""
    with _means_follow(connection, np.empty(0, np.int64), [rows] if table is dia_forced_source else ()):
        stored, given = ([columns[name] for name in KEYS[table]] for columns in (table.c, keys.c))
        connection.execute(sa.delete(table).where(sa.tuple_(*stored).in_(sa.select(*given))))
        write_rows(connection, table, rows, progress)


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes the forced fluxes of visits that are deleted; how many there were, by table."""
    with _means_follow(connection, _objects(connection, dia_forced_source.c.visit.in_(visits))):
        return {
            table.name: connection.execute(sa.delete(table).where(table.c.visit.in_(visits))).rowcount for table in KEYS
        }


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


def move_dia_objects(connection: sa.Connection, objects: Integers, into: Integers) -> None:
    """Moves the fluxes of DiaObjects that are merged into others, shape (n,), whose cells are locked.

    The objects are made anew afterwards. Of several for one visit and detector the object's own stays, else that of the
    first by its identifier.
    """
    names = KEYS[dia_forced_source]
    with listed(connection, "merged_object", np.append(objects, into)) as among, index_loops(connection):
        columns = sa.select(*(dia_forced_source.c[name] for name in names))
        keys = read_arrays(connection, columns.where(among(dia_forced_source.c.diaObjectId)), bounded=True)
    number = keys["diaObjectId"]
    moves = np.isin(number, objects)
    target = number.copy()
    by_number = np.argsort(objects)
    target[moves] = into[by_number[np.searchsorted(objects, number[moves], sorter=by_number)]]
    order = np.lexsort((number, moves, keys["detector"], keys["visit"], target))
    first = begins(target[order], keys["visit"][order], keys["detector"][order])
    lost, moved = order[~first], order[first & moves[order]]
    with array_rows(connection, "lost_flux", {name: keys[name][lost] for name in names}) as gone:
        of_gone = sa.exists().where(of_key(dia_forced_source, names, gone))
        connection.execute(sa.delete(dia_forced_source).where(of_gone))
    changed = {name: keys[name][moved] for name in names} | {"newId": target[moved]}
    with array_rows(connection, "moved_flux", changed) as rows:
        same = of_key(dia_forced_source, names, rows)
        connection.execute(sa.update(dia_forced_source).where(same).values(diaObjectId=rows.c.newId))


def _of_detector(table: sa.Table, visit: int, detector: int) -> sa.ColumnElement[bool]:
    return (table.c.visit == visit) & (table.c.detector == detector)


def _objects(connection: sa.Connection, where: sa.ColumnElement[bool]) -> Integers:
    return read_arrays(connection, sa.select(dia_forced_source.c.diaObjectId).where(where))["diaObjectId"]


@contextmanager
def _means_follow(connection: sa.Connection, objects: Integers, new: Sequence[pa.Table] = ()) -> Iterator[None]:
    """Locks DiaObjects whose forced fluxes change within, and renews their means at the end.

    ``new`` are rows that come within: also of objects that somebody else may just be making where they were measured.
    """
    ids = np.unique(np.concatenate([objects, *(rows.column("diaObjectId").to_numpy() for rows in new)]))
    last = dia_object_last.c
    with listed(connection, "forced_object", ids) as among, index_loops(connection):
        wanted = sa.select(last.diaObjectId, last.ra, last.dec).where(among(last.diaObjectId))
        wanted = wanted.order_by(last.diaObjectId)
        found = read_arrays(connection, wanted, bounded=True)
        if len(ids) and connection.dialect.name == "postgresql":
            ra, dec = (
                np.concatenate([found[name], *(rows.column(name).to_numpy() for rows in new)]) for name in ("ra", "dec")
            )
            lock_cells(connection, cells_near(ra, dec, _MARGIN_DEG))
            # Who had the cells may have made or closed some.
            found = read_arrays(connection, wanted, bounded=True)
    yield
    renew_forced_means(connection, found["diaObjectId"])
