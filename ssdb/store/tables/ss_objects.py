"""SSObject, SsObjectFit and SsObjectChange: what objects are by all their observations, and which are due.

Whoever changes what was observed of objects, or their orbits, notes in the same transaction whose summary that makes
out of date: the visit whose matches are new, or each object that lost a source or has another orbit. Notes are only
added. Who summarizes objects removes their notes first, and then reads: what is committed later has left a note of its
own, which stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.apdb_solar_system import mpc_orbits, ss_object, ss_source
from ssdb.schema.summary import ss_object_change, ss_object_fit
from ssdb.store.locks import lock
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.moves import move_objects, remove_doubles
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import write_rows
from ssdb.units import Integers

_VISITS_AT_ONCE = 5_000
"""Of so many the identifiers of all matches are read at a time."""
_KEY = "packed_primary_provisional_designation"
_WITH_ORBIT = ("q", "e", "i", "node", "argperi", "epoch_mjd")
"""The columns of mpc_orbits that a row of SSObject depends on."""

_NOTE = sa.insert(ss_object_change)

# ---- notes ---------------------------------------------------------------------------------------------------------


def note_visits(connection: sa.Connection, visits: sa.Select | Integers) -> None:
    """Notes that sources of visits were found to be known objects, or have other times."""
    if isinstance(visits, sa.Select):
        connection.execute(sa.insert(ss_object_change).from_select(["visit"], visits))
    elif len(visits):
        connection.execute(_NOTE, [{"visit": visit} for visit in visits.tolist()])


def note_objects(
    connection: sa.Connection, objects: Integers | Sequence[sa.ColumnElement[bool]], *, bounded: bool = False
) -> None:
    """Notes that objects lost sources: which objects, or which rows of SSSource, before these are removed.

    ``bounded``: they are of some visits.
    """
    if not isinstance(objects, np.ndarray):
        # Not DISTINCT: PostgreSQL hashes many similar identifiers to the same values.
        lost = sa.select(ss_source.c.ssObjectId).where(*objects)
        objects = np.unique(read_arrays(connection, lost, bounded=bounded)["ssObjectId"])
    if len(objects):
        write_rows(connection, ss_object_change, pa.table({"ssObjectId": objects}))


def note_orbits(connection: sa.Connection, new: sa.Table) -> None:
    """Notes which summarized objects get another orbit, from a staged table of mpc_orbits, before that is stored.

    Whoever writes orbits keeps others from summarizing meanwhile: who has no row in SSObject yet is due anyway.
    """
    changed = sa.or_(*(mpc_orbits.c[name].is_distinct_from(new.c[name]) for name in _WITH_ORBIT))
    stored = sa.outerjoin(new, mpc_orbits, mpc_orbits.c[_KEY] == new.c[_KEY]).join(
        ss_object, ss_object.c.designation == new.c.unpacked_primary_provisional_designation
    )
    objects = sa.select(ss_object.c.ssObjectId).select_from(stored).where(changed)
    connection.execute(sa.insert(ss_object_change).from_select(["ssObjectId"], objects))


def note_removed_orbits(connection: sa.Connection, removed: sa.ColumnElement[bool]) -> None:
    """Notes which summarized objects lose their orbits, before these are removed."""
    same = mpc_orbits.c.unpacked_primary_provisional_designation == ss_object.c.designation
    objects = sa.select(ss_object.c.ssObjectId).join(mpc_orbits, same).where(removed)
    connection.execute(sa.insert(ss_object_change).from_select(["ssObjectId"], objects))


# ---- other designations --------------------------------------------------------------------------------------------


def remove_double_summaries(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Removes rows under other designations where the primary one has its own; how many there were, by table."""
    within = {ss_object: (), ss_object_fit: (ss_object_fit.c.band, ss_object_fit.c.model)}
    return {
        table.name: remove_doubles(connection, table.c.ssObjectId, moves.c.ssObjectId, moves, columns)
        for table, columns in within.items()
    }


def move_summaries(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves rows to the primary designations of their objects; how many, by table.

    Their sources are moved before. The primary ones are due; of the others there is nothing any more.
    """
    moved = {table.name: move_objects(connection, table, moves) for table in (ss_object, ss_object_fit)}
    new = moves.c.newId
    keys = (ss_source.c.ssObjectId, ss_object.c.ssObjectId)
    known = sa.or_(*(new.in_(sa.select(key).where(key.in_(sa.select(new)))) for key in keys))
    concerned = sa.select(new).where(moves.c.ssObjectId != new, known).distinct()
    connection.execute(sa.insert(ss_object_change).from_select(["ssObjectId"], concerned))
    return moved


# ---- summaries -----------------------------------------------------------------------------------------------------


def lock_summaries(connection: sa.Connection) -> None:
    """Keeps others from summarizing objects, and from writing orbits, until the end of the transaction."""
    lock(connection, "orbits", shared=True)
    lock(connection, "summaries")


def note_objects_of_visits(connection: sa.Connection) -> None:
    """Puts notes of the objects of visits in place of those of the visits; the connection has locked the summaries."""
    removed = (
        sa.delete(ss_object_change).where(ss_object_change.c.visit.is_not(None)).returning(ss_object_change.c.visit)
    )
    visits = np.unique(np.array(connection.scalars(removed).all(), np.int64))
    objects = np.empty(0, np.int64)
    for start in range(0, len(visits), _VISITS_AT_ONCE):
        with listed(connection, "changed_visit", visits[start : start + _VISITS_AT_ONCE]) as among:
            of_visits = sa.select(ss_source.c.ssObjectId).where(among(ss_source.c.visit))
            objects = np.union1d(objects, read_arrays(connection, of_visits, bounded=True)["ssObjectId"])
    note_objects(connection, objects)


def due_objects(connection: sa.Connection) -> Integers:
    """The objects that are noted, ascending; those of noted visits aside."""
    noted = sa.select(ss_object_change.c.ssObjectId).where(ss_object_change.c.ssObjectId.is_not(None))
    return np.unique(read_arrays(connection, noted)["ssObjectId"])


def summarized_objects(connection: sa.Connection) -> Integers:
    """The objects that have a row in SSObject, ascending."""
    return np.unique(read_arrays(connection, sa.select(ss_object.c.ssObjectId))["ssObjectId"])


def forget_notes(connection: sa.Connection, objects: Integers) -> None:
    """Removes the notes of objects; what has been observed of them is to be read after that."""
    with listed(connection, "summarized_object", objects) as among:
        connection.execute(sa.delete(ss_object_change).where(among(ss_object_change.c.ssObjectId)))


def replace_summaries(connection: sa.Connection, objects: Integers, rows: pa.Table, fits: pa.Table) -> None:
    """Replaces what SSObject and SsObjectFit have of objects; of those that are not in the rows nothing is left.

    A designation that is there under two identifiers, as others may have stored it, is that of the row written last.
    """
    with listed(connection, "summarized_object", objects) as among:
        for table in (ss_object, ss_object_fit):
            connection.execute(sa.delete(table).where(among(table.c.ssObjectId)))
    with staged(connection, ss_object, rows.select(["ssObjectId", "designation"])) as new, index_loops(connection):
        taken = ss_object.c.designation.in_(sa.select(new.c.designation))
        connection.execute(sa.update(ss_object).where(taken).values(designation=None))
    write_rows(connection, ss_object, rows)
    write_rows(connection, ss_object_fit, fits)
