"""The orbits of mpc_orbits, in parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.designation import identify
from ssdb.ephemeris.orbits import Orbits
from ssdb.ingest.packed import unpack
from ssdb.schema.solar_system import mpc_orbits
from ssdb.store.database import Database
from ssdb.store.read import read_arrays

ORBITS_PER_PART = 65_536
"""So many orbits, and their segments, are in memory."""

_ELEMENTS = ("q", "e", "i", "node", "argperi", "peri_time", "epoch_mjd")
_PACKED = mpc_orbits.c.packed_primary_provisional_designation
_HAS_JSON = sa.cast(mpc_orbits.c.mpc_orb_jsonb.is_not(None), sa.Integer).label("hasJson")
_COLUMNS = (mpc_orbits.c.id, _PACKED, *(mpc_orbits.c[name] for name in (*_ELEMENTS, "h", "g")), _HAS_JSON)

_SEED = 1
"""Another one makes all segments stale: to be raised when they are made in another way."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Orbits and whose they are.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
        ssObjectId.
    designations : pyarrow.Array of string, shape (n,)
        Primary designations, unpacked.
    hashes : ndarray of int64, shape (n,)
        Of the elements, the epoch, H, G and has_json.
    has_json : ndarray of bool, shape (n,)
        Whether mpc_orb_jsonb is there, in which a covariance may be.
    orbits : Orbits
    n_unusable : int
        Rows of mpc_orbits that are no orbits, and left out.
    """

    ids: NDArray[np.int64]
    designations: pa.Array
    hashes: NDArray[np.int64]
    has_json: NDArray[np.bool_]
    orbits: Orbits
    n_unusable: int

    def take(self, rows: NDArray[Any]) -> Catalogue:
        """Some of the orbits; ``rows`` are indices or a mask."""
        places = np.arange(len(self.ids))[rows]
        designations = self.designations.take(pa.array(places))
        return Catalogue(
            self.ids[places], designations, self.hashes[places], self.has_json[places], self.orbits[places], 0
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
    n_rows = len(rows["id"])
    elements = np.array([rows[name] for name in _ELEMENTS])
    usable = np.isfinite(elements).all(axis=0) & (rows["q"] > 0) & (rows["e"] >= 0)
    rows = {name: values[usable] for name, values in rows.items()}
    packed = pa.array(rows[_PACKED.name]).cast(pa.string())
    designations, ids = unpack(packed)
    simulated = np.flatnonzero(designations.is_null().to_numpy(zero_copy_only=False))
    if len(simulated):
        names = packed.take(pa.array(simulated))
        ids[simulated], _ = identify(names, "mpc_orbits", simulated_names=True)
        designations = pa.array(np.where(ids < 0, packed.to_numpy(zero_copy_only=False), designations), pa.string())
    values = [rows[name].astype(float) for name in (*_ELEMENTS, "h", "g", "hasJson")]
    orbits = Orbits.from_elements(
        rows[_PACKED.name], **{name: rows[name] for name in _ELEMENTS}, H=rows["h"], G=rows["g"]
    )
    hashes, has_json = _hashes(np.array(values)), rows["hasJson"] > 0
    return Catalogue(ids, designations, hashes, has_json, orbits, n_rows - len(ids))


def _hashes(values: np.ndarray) -> NDArray[np.int64]:
    """A number of each column that changes with any of its values: the bytes folded as FNV-1a does, in words of 64 bits
    (https://datatracker.ietf.org/doc/html/draft-eastlake-fnv).
    """
    # Of the many forms of a zero and of an unknown number, one.
    words = np.where(np.isnan(values), np.inf, values + 0.0).view(np.uint64)
    result = np.full(values.shape[1], 0xCBF29CE484222325 + _SEED, np.uint64)
    for word in words:
        result = (result ^ word) * np.uint64(0x100000001B3)
    return result.view(np.int64)
