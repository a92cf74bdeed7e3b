"""Finds the primary designation of objects: which of several designations of one object is the one to use.

The Minor Planet Center says it in two tables: numbered_identifications (a number is an object with a provisional
designation) and current_identifications (two provisional designations are one object). Where they say nothing about a
designation, SsAlias may remember what they, or a file, said before.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import DesignationError, InputError, shown
from ssdb.identity.designation import pack, packed_from_id, ss_object_id
from ssdb.identity.packed_arrays import packed_of, unpack
from ssdb.schema.apdb_solar_system import current_identifications, numbered_identifications
from ssdb.schema.survey import ss_alias
from ssdb.store.tables.aliases import NUMBER, SECONDARY

logger = logging.getLogger(__name__)

_NAMES_PER_STATEMENT = 5_000
"""Well below the number of parameters that SQLite (32,766) and PostgreSQL (65,535) take."""

_current, _numbered = current_identifications.c, numbered_identifications.c
_SECONDARY = _current.packed_secondary_provisional_designation
_PRIMARY = _current.packed_primary_provisional_designation


def primary_ids(connection: sa.Connection, objects: Mapping[int, str]) -> dict[int, tuple[int, str]]:
    """The primary designations of objects that came under another one.

    ``objects`` are ``ssObjectId`` and unpacked designation; so are the primary ones, by the given identifier. Those of
    simulated objects, which are negative, have no other. InputError if designations are each other's primary.
    """
    if not _anything_known(connection):
        return {}
    steps: dict[int, tuple[int, str]] = {}
    asked: set[int] = set()
    next_ones = {object_id: name for object_id, name in objects.items() if object_id > 0}
    while next_ones:
        asked |= next_ones.keys()
        found = _one_step(connection, next_ones)
        steps |= found
        next_ones = {object_id: name for object_id, name in found.values() if object_id not in asked}
    return {object_id: _end(object_id, steps) for object_id in objects if object_id in steps}


def rows_of_moves(moved: Mapping[int, tuple[int, str]]) -> pa.Table:
    """Rows of :data:`ssdb.store.tables.moves.object_moves`; the primary designations are moved to themselves.

    ``moved`` is as :func:`primary_ids` returns it.
    """
    whole = dict(moved) | {new: (new, designation) for new, designation in moved.values()}
    news, designations = zip(*whole.values(), strict=True)
    return pa.table(
        {
            "ssObjectId": pa.array(whole.keys(), pa.int64()),
            "newId": pa.array(news, pa.int64()),
            "newDesignation": pa.array(designations, pa.string()),
            "packed": pa.array(map(packed_from_id, whole), pa.string()),
            "newPacked": pa.array(map(packed_from_id, news), pa.string()),
        }
    )


def in_chunks(values: Collection[str]) -> Iterator[list[str]]:
    """Values in lists that a statement can take as parameters."""
    listed = list(values)
    for first in range(0, len(listed), _NAMES_PER_STATEMENT):
        yield listed[first : first + _NAMES_PER_STATEMENT]


def _anything_known(connection: sa.Connection) -> bool:
    tables = (numbered_identifications, current_identifications, ss_alias)
    return connection.execute(sa.select(sa.or_(*(sa.exists(sa.select(table)) for table in tables)))).scalar_one()


def _end(object_id: int, steps: Mapping[int, tuple[int, str]]) -> tuple[int, str]:
    """Where the steps from an object lead to."""
    seen = {object_id}
    there = steps[object_id]
    while there[0] in steps:
        if there[0] in seen:
            names = sorted(steps[one][1] for one in seen)
            raise InputError(
                f"the identification tables say of {shown(names)} that each is secondary to another: load the whole "
                "table current_identifications again"
            )
        seen.add(there[0])
        there = steps[there[0]]
    return there


def _one_step(connection: sa.Connection, objects: Mapping[int, str]) -> dict[int, tuple[int, str]]:
    """The next designation on the way to the primary one, of those objects that have another one to go to."""
    packed = dict(zip(packed_of(np.array([*objects], np.int64)).to_pylist(), objects, strict=True))
    found = {packed[name]: primary for name, primary in _primaries(connection, _SECONDARY, packed).items()}
    numbers = {name: object_id for object_id, name in objects.items() if name[:1].isdigit() and " " not in name}
    found |= {numbers[name]: primary for name, primary in _primaries(connection, _numbered.permid, numbers).items()}
    rest = {name: object_id for object_id, name in objects.items() if object_id not in found}
    found |= _in_aliases(connection, rest)
    return {object_id: there for object_id, there in found.items() if there[0] != object_id}


def _primaries(connection: sa.Connection, key: sa.Column, names: Collection[str]) -> dict[str, tuple[int, str]]:
    """The primary designations that the table of a column has for names in this column, by name.

    Those that no identifier can be made from are passed over with a warning: their objects stay under the designations
    that they come under, and no other object is concerned.
    """
    statement = sa.select(key, key.table.c.unpacked_primary_provisional_designation)
    rows = [row for part in in_chunks(names) for row in connection.execute(statement.where(key.in_(part)))]
    found: dict[str, tuple[int, str]] = {}
    for name, primary in rows:
        try:
            packed, canonical = pack(primary)
        except DesignationError as error:
            logger.warning("%s: the primary designation of %s is passed over: %s", key.table.name, name, error)
            continue
        found[name] = ss_object_id(packed), canonical
    return found


def _in_aliases(connection: sa.Connection, names: Mapping[str, int]) -> dict[int, tuple[int, str]]:
    """What SsAlias remembers of designations that the tables of today do not have as primary ones."""
    statement = sa.select(ss_alias.c.alias, ss_alias.c.ssObjectId)
    others = {}
    for part in in_chunks(names):
        for alias, object_id in connection.execute(statement.where(ss_alias.c.alias.in_(part))):
            if object_id != names[alias]:
                others[packed_from_id(names[alias])] = (names[alias], object_id)
    primaries: set[str] = set()
    for column in (_PRIMARY, _numbered.packed_primary_provisional_designation):
        for part in in_chunks(others):
            primaries.update(connection.scalars(sa.select(column).where(column.in_(part))))
    remembered = {pair for packed, pair in others.items() if packed not in primaries}
    return {own: (other, pack(packed_from_id(other))[1]) for own, other in remembered}


class PrimaryDesignations:
    """What :func:`primary_ids` says, for a catalogue of millions of objects; the connection has locked the names.

    The numbers, which are most of it, are looked up in memory; of the others only those are asked for about which the
    database says something.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        rows = connection.execute(sa.select(_numbered.permid, _numbered.packed_primary_provisional_designation)).all()
        numbers, packed = zip(*rows, strict=True) if rows else ((), ())
        primaries = pa.array(packed, pa.string())
        unpacked, ids = unpack(primaries)
        known = pa.array(ids != 0)
        self._numbers = pa.array(numbers, pa.string()).filter(known)
        self._packed, self._unpacked, self._ids = primaries.filter(known), unpacked.filter(known), ids[ids != 0]
        secondary = sa.select(_current.unpacked_secondary_provisional_designation).where(_SECONDARY != _PRIMARY)
        # Of the numbers in the tables SsAlias only repeats them.
        in_tables = sa.exists().where(_numbered.permid == ss_alias.c.alias)
        remembered = sa.select(ss_alias.c.alias).where(ss_alias.c.kind.in_((NUMBER, SECONDARY)), ~in_tables)
        self._others = pa.array(connection.scalars(sa.union(secondary, remembered)).all(), pa.string())

    def __bool__(self) -> bool:
        """Whether anything is known of any object."""
        return len(self._numbers) + len(self._others) > 0

    def of(self, packed: pa.Array, unpacked: pa.Array, ids: np.ndarray) -> tuple[pa.Array, pa.Array, np.ndarray]:
        """The primary designations of objects, packed and unpacked, and their ``ssObjectId``; all of shape (n,).

        Given are the same of the designations that the objects came under.
        """
        ids = ids.copy()
        index = pc.index_in(unpacked, self._numbers)
        numbered = index.is_valid()
        which = index.drop_null()
        packed = pc.replace_with_mask(packed, numbered, self._packed.take(which))
        unpacked = pc.replace_with_mask(unpacked, numbered, self._unpacked.take(which))
        ids[numbered.to_numpy(zero_copy_only=False)] = self._ids[which.to_numpy()]
        asked = np.flatnonzero(pc.is_in(unpacked, self._others).to_numpy(zero_copy_only=False))
        names = unpacked.take(pa.array(asked)).to_pylist()
        moved = primary_ids(self._connection, dict(zip(ids[asked].tolist(), names, strict=True)))
        rows = [row for row in asked.tolist() if ids[row] in moved]
        if rows:
            mask = np.zeros(len(ids), bool)
            mask[rows] = True
            there = [moved[object_id][0] for object_id in ids[rows].tolist()]
            ids[rows] = there
            own = packed_of(ids[rows])
            packed = pc.replace_with_mask(packed, pa.array(mask), own)
            unpacked = pc.replace_with_mask(unpacked, pa.array(mask), unpack(own)[0])
        return packed, unpacked, ids
