"""Moves rows that are stored under other designations of an object to its primary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.identity.aliases import designation_of, kind_of_designation
from ssdb.identity.designation import pack, packed_from_id, ss_object_id
from ssdb.identity.primary import primary_ids, rows_of_moves
from ssdb.identity.resolve import find_object
from ssdb.schema.apdb_solar_system import (
    current_identifications,
    mpc_orbits,
    numbered_identifications,
    ss_object,
    ss_source,
)
from ssdb.schema.dia import ss_forced_source
from ssdb.schema.survey import ss_alias, ss_ephemeris, ss_prediction
from ssdb.store.database import Database
from ssdb.store.tables.aliases import PACKED, PROVISIONAL, alias_table, lock_names, move_aliases, write_aliases
from ssdb.store.tables.forced import move_forced, remove_double_forced
from ssdb.store.tables.moves import object_moves
from ssdb.store.tables.orbits import lock_orbits, move_orbits, remove_double_orbits
from ssdb.store.tables.predictions import move_predictions, predicted_twice, remove_predictions
from ssdb.store.tables.results import move_results, remove_results
from ssdb.store.tables.segments import move_segments, remove_double_segments
from ssdb.store.tables.sources import move_objects_of_sources
from ssdb.store.tables.ss_objects import move_summaries, remove_double_summaries
from ssdb.store.tables.visits import lock_visits, mark_pending
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged


@dataclass(slots=True)
class RelinkReport:
    """What was moved to primary designations."""

    dry_run: bool
    """Nothing was changed; this is what would have been."""
    objects: dict[str, str] = field(default_factory=dict)
    """Designations that are not used any more, and the primary ones that are now."""
    moved: dict[str, int] = field(default_factory=dict)
    """Rows that have the identifier of the primary designation now, by table."""
    removed: dict[str, int] = field(default_factory=dict)
    """Rows that were removed because the primary designation has its own, by table."""
    pending: tuple[int, ...] = ()
    """Visits for which an object was predicted twice, under two names: the prediction under the primary designation
    stays, and they are to be associated again."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)


def relink(database: Database, names: Sequence[str] = (), *, dry_run: bool = False) -> RelinkReport:
    """Moves rows that are stored under other designations of an object to its primary one, in one transaction.

    Which designation is the primary one is what numbered_identifications, current_identifications and SsAlias say
    now. The other designations stay names of the object, in SsAlias. Where an object has rows under both, those under
    the primary designation stay. A visit for which it was predicted twice is set back to pending, because another
    source may be the right one now; what was derived from the other prediction is removed.

    ``names`` are any names of the objects; none: all objects of the database. With ``dry_run`` nothing is changed: it
    is done, and taken back. NotFoundError or DesignationError if a name is not that of one object; InputError if the
    identification tables contradict themselves.
    """
    report = RelinkReport(dry_run)
    with database.writing() as connection:
        lock_names(connection)
        wanted = {find_object(connection, name).ssObjectId for name in names}
        moved = primary_ids(connection, _stored_objects(connection))
        moved = {old: there for old, there in moved.items() if not names or there[0] in wanted}
        if moved:
            report.objects = {designation_of(old): designation for old, (_, designation) in sorted(moved.items())}
            with connection.begin_nested() as undone:
                _move(connection, moved, report)
                if dry_run:
                    undone.rollback()
    return report


def _stored_objects(connection: sa.Connection) -> dict[int, str]:
    """All objects that have rows: identifiers and unpacked designations."""
    objects: dict[int, str] = {}
    for table in (ss_source, ss_prediction):
        # Together with the text: PostgreSQL hashes similar identifiers to the same values, and takes minutes to tell
        # them apart.
        columns = (table.c.ssObjectId, table.c.designation)
        pairs = read_arrays(connection, sa.select(*columns).distinct().order_by(*columns))
        objects |= dict(zip(pairs["ssObjectId"].tolist(), pairs["designation"].astype(str).tolist(), strict=True))
    for table in (ss_object, ss_ephemeris, ss_forced_source):
        ids = np.unique(read_arrays(connection, sa.select(table.c.ssObjectId))["ssObjectId"])
        objects = {object_id: designation_of(object_id) for object_id in ids.tolist() if object_id > 0} | objects
    # Of the orbits, which are many more, only those about which the tables say something.
    packed = mpc_orbits.c.packed_primary_provisional_designation
    current, numbered = current_identifications.c, numbered_identifications.c
    secondary = sa.select(packed).where(
        packed == current.packed_secondary_provisional_designation,
        current.packed_primary_provisional_designation != packed,
    )
    number = sa.select(packed).where(mpc_orbits.c.unpacked_primary_provisional_designation == numbered.permid)
    remembered = sa.select(packed).where(
        mpc_orbits.c.unpacked_primary_provisional_designation == ss_alias.c.alias, ss_alias.c.kind != PROVISIONAL
    )
    for text in connection.scalars(sa.union(secondary, number, remembered)):
        canonical, designation = pack(text)
        objects[ss_object_id(canonical)] = designation
    return objects


def _move(connection: sa.Connection, moved: dict[int, tuple[int, str]], report: RelinkReport) -> None:
    lock_orbits(connection)
    removed: dict[str, int] = {}
    with staged(connection, object_moves, rows_of_moves(moved)) as moves:
        _lock_visits_of(connection, sa.select(moves.c.ssObjectId).where(moves.c.ssObjectId != moves.c.newId))
        twice = predicted_twice(connection, moves)
        if len(twice["visit"]):
            with staged(connection, ss_prediction, pa.table(twice)) as predictions:
                removed |= remove_results(connection, predictions) | remove_predictions(connection, predictions)
                mark_pending(connection, sa.select(predictions.c.visit).distinct())
            report.pending = tuple(np.unique(twice["visit"]).tolist())
        for remove in (remove_double_summaries, remove_double_segments, remove_double_orbits, remove_double_forced):
            removed |= remove(connection, moves)
        changed: dict[str, int] = {}
        moving = (move_orbits, move_objects_of_sources, move_predictions, move_results, move_summaries)
        for move in (*moving, move_segments, move_forced):
            changed |= move(connection, moves)
        move_aliases(connection, moves)
    report.removed = {table: n for table, n in removed.items() if n}
    report.moved = {table: n for table, n in changed.items() if n}
    _keep_names(connection, moved)


def _lock_visits_of(connection: sa.Connection, objects: sa.Select) -> None:
    """Locks the visits that have rows of objects, in ascending order."""
    # Nobody stores predictions while the names are locked, and there are derived rows of predicted objects alone;
    # forced fluxes come with the names shared, too.
    tables = (ss_prediction, ss_source, ss_forced_source)
    of_tables = [sa.select(table.c.visit).where(table.c.ssObjectId.in_(objects)) for table in tables]
    visits = read_arrays(connection, sa.select(sa.union(*of_tables).subquery().c.visit))["visit"]
    lock_visits(connection, np.unique(visits))


def _keep_names(connection: sa.Connection, moved: dict[int, tuple[int, str]]) -> None:
    """Stores the designations that are not used any more as names, beside the primary ones."""
    aliases: dict[str, tuple[int, str]] = {}
    for old, (new, designation) in moved.items():
        packed, new_packed = packed_from_id(old), packed_from_id(new)
        aliases[designation_of(old)] = (new, kind_of_designation(packed, primary=False))
        aliases[designation] = (new, kind_of_designation(new_packed, primary=True))
        aliases |= {packed: (new, PACKED), new_packed: (new, PACKED)}
    write_aliases(connection, alias_table(aliases), overwrite=True)
