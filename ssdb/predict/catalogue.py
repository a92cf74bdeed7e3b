"""Reads the orbits of mpc_orbits, a part at a time."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.ephemeris.orbits import ELEMENTS, NONGRAVITATIONAL_UNITS, Orbits, nongravitational_of, usable_states
from ssdb.ephemeris.timescales import tdb_of_tt
from ssdb.errors import shown
from ssdb.identity.identify import identify
from ssdb.identity.packed_arrays import unpack
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.ranges import absurd_unknown, reasons_of
from ssdb.store.database import Database
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Integers, Mask

logger = logging.getLogger(__name__)

ORBITS_PER_PART = 65_536
"""So many orbits, and their segments, are in memory."""

_PACKED = mpc_orbits.c.packed_primary_provisional_designation
_HAS_JSON = sa.cast(mpc_orbits.c.mpc_orb_jsonb.is_not(None), sa.Integer).label("hasJson")
ORBIT_NUMBERS = (*ELEMENTS, *NONGRAVITATIONAL_UNITS, "h", "g")
"""Columns of mpc_orbits that an orbit is made of."""
_COLUMNS = (mpc_orbits.c.id, _PACKED, *(mpc_orbits.c[name] for name in ORBIT_NUMBERS), _HAS_JSON)

_SEED = 2
"""Another one makes all segments stale: to be raised when they are made in another way."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Orbits and whose they are, n of them."""

    ids: Integers
    """ssObjectId."""
    designations: pa.Array
    """Primary, unpacked."""
    hashes: Integers
    """Of the elements, the epoch, forces that are not gravity, H, G and has_json."""
    has_json: Mask
    """Whether mpc_orb_jsonb is there, in which a covariance may be."""
    orbits: Orbits
    unusable: dict[str, str]
    """Rows of mpc_orbits that are left out, by designation, and why they cannot be followed."""

    def take(self, rows: NDArray[Any]) -> Catalogue:
        """Some of the orbits; ``rows`` are indices or a mask."""
        index = np.arange(len(self.ids))[rows]
        designations = self.designations.take(pa.array(index))
        return Catalogue(
            self.ids[index], designations, self.hashes[index], self.has_json[index], self.orbits[index], {}
        )


def catalogue_parts(database: Database) -> Iterator[Catalogue]:
    """All orbits, each part in a transaction of its own."""
    statement = sa.select(*_COLUMNS).order_by(mpc_orbits.c.id).limit(ORBITS_PER_PART)
    part = statement
    while True:
        with database.reading() as connection:
            rows = read_arrays(connection, part)
        if not len(rows["id"]):
            return
        part = statement.where(mpc_orbits.c.id > int(rows["id"][-1]))
        yield _catalogue(rows)


def orbits_of(connection: sa.Connection, packed: Sequence[str]) -> Catalogue:
    """The orbits of objects with these packed primary designations (names, of simulated objects), by row."""
    statement = sa.select(*_COLUMNS).where(_PACKED.in_(packed)).order_by(mpc_orbits.c.id)
    return _catalogue(read_arrays(connection, statement))


def _catalogue(rows: dict[str, np.ndarray]) -> Catalogue:
    packed = pa.array(rows[_PACKED.name]).cast(pa.string())
    designations, ids = unpack(packed)
    names = pc.coalesce(designations, packed)
    rows |= _magnitudes(rows, names)
    states, problems = usable_states(rows)
    usable = ~np.logical_or.reduce(list(problems.values()))
    unusable = {names[row].as_py(): text for row, text in reasons_of(problems).items()}
    if unusable:
        rows, states, ids = {name: values[usable] for name, values in rows.items()}, states[usable], ids[usable]
        packed, designations = packed.filter(pa.array(usable)), designations.filter(pa.array(usable))
    simulated = np.flatnonzero(designations.is_null().to_numpy(zero_copy_only=False))
    if len(simulated):
        names = packed.take(pa.array(simulated))
        ids[simulated], _ = identify(names, "mpc_orbits", simulated_names=True)
        designations = pa.array(np.where(ids < 0, packed.to_numpy(zero_copy_only=False), designations), pa.string())
    values = [rows[name].astype(float) for name in (*ORBIT_NUMBERS, "hasJson")]
    epochs, forces = tdb_of_tt(rows["epoch_mjd"]), nongravitational_of(rows)
    orbits = Orbits(rows[_PACKED.name], epochs, states, rows["h"], rows["g"], forces)
    hashes, has_json = _hashes(np.array(values)), rows["hasJson"] > 0
    return Catalogue(ids, designations, hashes, has_json, orbits, unusable)


def _magnitudes(rows: dict[str, np.ndarray], names: pa.Array) -> dict[str, np.ndarray]:
    """H and G of orbits, unknown where they are out of their ranges, which is told as a warning."""
    magnitudes, problems = absurd_unknown(mpc_orbits, {name: rows[name] for name in ("h", "g")})
    for text, wrong in problems.items():
        logger.warning("%s, of %s", text, shown(names.filter(pa.array(wrong)).to_pylist()))
    return magnitudes


def _hashes(values: np.ndarray) -> Integers:
    """A number of each column that changes with any of its values: the bytes folded as FNV-1a does, in words of 64 bits
    (https://datatracker.ietf.org/doc/html/draft-eastlake-fnv).
    """
    # Of the many forms of a zero and of an unknown number, one.
    words = np.where(np.isnan(values), np.inf, values + 0.0).view(np.uint64)
    result = np.full(values.shape[1], 0xCBF29CE484222325 + _SEED, np.uint64)
    for word in words:
        result = (result ^ word) * np.uint64(0x100000001B3)
    return result.view(np.int64)
