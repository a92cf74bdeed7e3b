"""Primary designations of many objects at once, where the database knows them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.identity.designation import packed_from_id
from ssdb.identity.packed_arrays import unpack
from ssdb.identity.primary import primary_ids
from ssdb.schema.apdb_solar_system import current_identifications, numbered_identifications
from ssdb.schema.survey import ss_alias
from ssdb.store.tables.aliases import NUMBER, SECONDARY

_numbered, _current, _alias = numbered_identifications.c, current_identifications.c, ss_alias.c


class PrimaryDesignations:
    """What :func:`ssdb.identity.primary.primary_ids` says, for a catalogue of millions of objects.

    The numbers, which are most of it, are looked up in memory; of the others only those are asked for about which the
    database says something.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection that has locked the names.
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
        self._others = pa.array(connection.scalars(sa.union(_secondary(), _remembered())).all(), pa.string())

    def __bool__(self) -> bool:
        """Whether anything is known of any object."""
        return len(self._numbers) + len(self._others) > 0

    def of(self, packed: pa.Array, unpacked: pa.Array, ids: np.ndarray) -> tuple[pa.Array, pa.Array, np.ndarray]:
        """The primary designations of objects, packed and unpacked, and their identifiers.

        Parameters
        ----------
        packed, unpacked : pyarrow.Array of string, shape (n,)
            The designations that they came under.
        ids : ndarray of int64, shape (n,)
            ``ssObjectId`` of these.
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
            own = pa.array([packed_from_id(object_id) for object_id in there])
            packed = pc.replace_with_mask(packed, pa.array(mask), own)
            unpacked = pc.replace_with_mask(unpacked, pa.array(mask), unpack(own)[0])
        return packed, unpacked, ids


def _secondary() -> sa.Select:
    """Designations that are secondary to another one."""
    primary = _current.packed_primary_provisional_designation
    return sa.select(_current.unpacked_secondary_provisional_designation).where(
        _current.packed_secondary_provisional_designation != primary
    )


def _remembered() -> sa.Select:
    """Designations that SsAlias has beside the tables; what it has of numbers in them it only repeats."""
    in_tables = sa.exists().where(_numbered.permid == _alias.alias)
    return sa.select(_alias.alias).where(_alias.kind.in_((NUMBER, SECONDARY)), ~in_tables)
