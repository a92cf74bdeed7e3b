"""Moving rows from other designations of an object to its primary one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.identity.aliases import PACKED, PROVISIONAL, designation_of, kind_of_designation
from ssdb.identity.designation import pack, packed_from_id, ss_object_id
from ssdb.identity.moves import move_aliases, move_rows, object_moves
from ssdb.identity.primary import primary_ids
from ssdb.identity.resolve import find_object
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import (
    current_identifications,
    mpc_orbits,
    numbered_identifications,
    ss_object,
    ss_source,
)
from ssdb.schema.survey import ss_alias, ss_candidate, ss_ephemeris, ss_expected, ss_prediction
from ssdb.store.database import Database
from ssdb.store.tables.aliases import alias_table, lock_names, write_aliases
from ssdb.store.tables.orbits import NAME_IN_SOURCE, fitted, lock_orbits, of_primary
from ssdb.store.tables.sources import source_update
from ssdb.store.tables.visits import lock_visits, mark_pending
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged

_OF_ONE_VISIT = (ss_prediction, ss_expected, ss_candidate, ss_source)
_KEYED = {ss_object: (), ss_ephemeris: (ss_ephemeris.c.night,)}
"""Tables with at most one row an object, or an object and night."""


@dataclass(slots=True)
class RelinkReport:
    """What was moved to primary designations.

    Attributes
    ----------
    objects : dict of str to str
        Designations that are not used any more, and the primary ones that are now.
    moved : dict of str to int
        Rows that have the identifier of the primary designation now, by table.
    removed : dict of str to int
        Rows that were removed because the primary designation has its own, by table.
    pending : tuple of int
        Exposures for which an object was predicted twice, under two names: the prediction under the primary
        designation stays, and they are to be associated again.
    dry_run : bool
        Nothing was changed; this is what would have been.
    """

    dry_run: bool
    objects: dict[str, str] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    pending: tuple[int, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)


def relink(database: Database, names: Sequence[str] = (), *, dry_run: bool = False) -> RelinkReport:
    """Moves rows that are stored under other designations of an object to its primary one, in one transaction.

    Which designation is the primary one is what numbered_identifications, current_identifications and SsAlias say
    now. The other designations stay names of the object, in SsAlias. Where an object has rows under both, those under
    the primary designation stay. A visit for which it was predicted twice is set back to pending, because another
    source may be the right one now; what was derived from the other prediction is removed.

    Parameters
    ----------
    database : Database
    names : sequence of str
        Any names of the objects; none: all objects of the database.
    dry_run : bool
        Tell what would be moved, and change nothing. (It is done, and taken back.)

    Returns
    -------
    RelinkReport

    Raises
    ------
    NotFoundError, DesignationError
        If a name is not that of one object.
    InputError
        If the identification tables contradict themselves.
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
    for table in _KEYED:
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
    with staged(connection, object_moves, move_rows(moved)) as moves:
        old = sa.select(moves.c.ssObjectId).where(moves.c.ssObjectId != moves.c.newId)
        _lock_visits_of(connection, old)
        doubles = read_arrays(
            connection, _doubles(ss_prediction.c.ssObjectId, moves.c.ssObjectId, moves, (ss_prediction.c.visit,))
        )
        if len(doubles["visit"]):
            _remove_predictions(connection, doubles, report)
        for table, within in _KEYED.items():
            _remove_doubles(connection, table.c.ssObjectId, moves.c.ssObjectId, moves, within, report)
        _move_orbits(connection, moves, report)
        of_source = (dia_source.c.visit == ss_source.c.visit) & (dia_source.c.diaSourceId == ss_source.c.diaSourceId)
        changed = of_source & (ss_source.c.ssObjectId == moves.c.ssObjectId) & (moves.c.ssObjectId != moves.c.newId)
        statement = source_update(connection).where(changed).values(ssObjectId=moves.c.newId)
        _count(report.moved, dia_source, connection.execute(statement))
        for table in (*_OF_ONE_VISIT, *_KEYED):
            values = {"ssObjectId": moves.c.newId}
            if "designation" in table.c:
                values["designation"] = moves.c.newDesignation
            same = (table.c.ssObjectId == moves.c.ssObjectId) & (moves.c.ssObjectId != moves.c.newId)
            _count(report.moved, table, connection.execute(sa.update(table).where(same).values(values)))
        move_aliases(connection, moves)
    _keep_names(connection, moved)


def _lock_visits_of(connection: sa.Connection, objects: sa.Select) -> None:
    """Locks the visits that have rows of objects, in ascending order."""
    # Nobody stores predictions while the names are locked, and there are derived rows of predicted objects alone.
    of_tables = [
        sa.select(table.c.visit).where(table.c.ssObjectId.in_(objects)) for table in (ss_prediction, ss_source)
    ]
    visits = read_arrays(connection, sa.select(sa.union(*of_tables).subquery().c.visit))["visit"]
    lock_visits(connection, np.unique(visits))


def _doubles(
    key: sa.Column, own: sa.Column, moves: sa.Table, within: Sequence[sa.Column], better: Sequence[Any] | None = None
) -> sa.Select:
    """Selects ``within`` and the key of rows whose object has another row that stays.

    That is the first by ``better`` or, without it, the primary's, if there.
    """
    is_other = sa.case((moves.c.ssObjectId == moves.c.newId, 0), else_=1)
    order = [*([is_other] if better is None else better), moves.c.ssObjectId]
    rank = sa.func.row_number().over(partition_by=[*within, moves.c.newId], order_by=order)
    ranked = sa.select(*within, key, rank.label("rank")).where(key == own).subquery()
    return sa.select(*(ranked.c[column.name] for column in (*within, key))).where(ranked.c.rank > 1)


def _remove_doubles(
    connection: sa.Connection,
    key: sa.Column,
    own: sa.Column,
    moves: sa.Table,
    within: Sequence[sa.Column],
    report: RelinkReport,
    better: Sequence[Any] | None = None,
) -> None:
    """Removes rows of other designations of an object where a row of its primary one stays."""
    row = sa.tuple_(*within, key) if within else key
    statement = sa.delete(key.table).where(row.in_(_doubles(key, own, moves, within, better)))
    _count(report.removed, key.table, connection.execute(statement))


def _remove_predictions(connection: sa.Connection, doubles: dict[str, np.ndarray], report: RelinkReport) -> None:
    """Removes predictions of objects that are predicted twice, and what was derived from them."""
    with staged(connection, ss_prediction, pa.table(doubles)) as removed:
        for table in reversed(_OF_ONE_VISIT):
            key = sa.tuple_(table.c.visit, table.c.ssObjectId)
            rows = key.in_(sa.select(removed.c.visit, removed.c.ssObjectId))
            if table is ss_source:
                source = sa.tuple_(dia_source.c.visit, dia_source.c.diaSourceId)
                matched = source.in_(sa.select(ss_source.c.visit, ss_source.c.diaSourceId).where(rows))
                connection.execute(source_update(connection).where(matched).values(ssObjectId=None))
            _count(report.removed, table, connection.execute(sa.delete(table).where(rows)))
        mark_pending(connection, sa.select(removed.c.visit).distinct())
    report.pending = tuple(np.unique(doubles["visit"]).tolist())


def _move_orbits(connection: sa.Connection, moves: sa.Table, report: RelinkReport) -> None:
    packed = mpc_orbits.c.packed_primary_provisional_designation
    # The rule of ssdb.ingest.orbit_choice.
    is_other = sa.case((of_primary(NAME_IN_SOURCE, moves.c.newPacked), 0), else_=1)
    by_newest = [sa.func.coalesce(value, -1e300).desc() for value in (mpc_orbits.c.epoch_mjd, fitted(connection))]
    is_moved = sa.case((moves.c.ssObjectId == moves.c.newId, 0), else_=1)
    # Both by bytes, whatever the database is sorted by.
    by_name = sa.collate(NAME_IN_SOURCE, "C" if connection.dialect.name == "postgresql" else "BINARY")
    _remove_doubles(connection, packed, moves.c.packed, moves, (), report, [is_other, *by_newest, by_name, is_moved])
    values = {
        "designation_in_source": NAME_IN_SOURCE,
        "designation": moves.c.newDesignation,
        "packed_primary_provisional_designation": moves.c.newPacked,
        "unpacked_primary_provisional_designation": moves.c.newDesignation,
    }
    other = (packed == moves.c.packed) & (moves.c.packed != moves.c.newPacked)
    _count(report.moved, mpc_orbits, connection.execute(sa.update(mpc_orbits).where(other).values(values)))


def _count(counts: dict[str, int], table: sa.Table, result: sa.CursorResult[Any]) -> None:
    if result.rowcount:
        counts[table.name] = counts.get(table.name, 0) + result.rowcount


def _keep_names(connection: sa.Connection, moved: dict[int, tuple[int, str]]) -> None:
    """Stores the designations that are not used any more as names, beside the primary ones."""
    aliases: dict[str, tuple[int, str]] = {}
    for old, (new, designation) in moved.items():
        packed, new_packed = packed_from_id(old), packed_from_id(new)
        aliases[designation_of(old)] = (new, kind_of_designation(packed, primary=False))
        aliases[designation] = (new, kind_of_designation(new_packed, primary=True))
        aliases |= {packed: (new, PACKED), new_packed: (new, PACKED)}
    write_aliases(connection, alias_table(aliases), overwrite=True)
