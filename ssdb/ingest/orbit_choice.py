"""Decides which of several orbits of one object is kept.

That of its primary designation (or number), else of the newer epoch, else of the newer fit, else of the designation
that comes first; of equal ones of one designation the first of an input, and that of the input that comes last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.ingest.formats.orbit_block import IN_SOURCE, PACKED, OrbitBlock
from ssdb.schema.ranges import MIN_PACKED_LENGTH
from ssdb.store.tables.orbits import OrbitRank, newer, stored_ranks
from ssdb.units import Array

TWICE = "the object is there twice"
STAYS = (
    "an orbit of the object that is stored stays: it is of the primary designation, or of a newer epoch or fit "
    "(or of the first of two designations)"
)
MADE_WAY = "the orbit that was stored under another designation of the object made way"


class FileOrbits:
    """The orbits of an input so far, of which each object has one.

    ``n_replaced`` of them made way for one in a later part; ``replacing`` are the objects (int64) of which the last
    part has a better orbit than an earlier one.
    """

    def __init__(self) -> None:
        self.n_replaced = 0
        self.replacing = np.empty(0, np.int64)
        self._parts: list[tuple[np.ndarray, OrbitRank, np.ndarray]] = []

    def best(self, block: OrbitBlock) -> OrbitBlock:
        """A block with an orbit an object: those that are better than any of the object before."""
        rank = rank_of(block.rows)
        n = len(block.ids)
        by_name = -np.unique(rank.name, return_inverse=True)[1]
        order = np.lexsort((-np.arange(n), by_name, rank.fit, rank.epoch, rank.own, block.ids))
        last = np.append(block.ids[order][1:] != block.ids[order][:-1], True) if n else np.empty(0, bool)
        again = np.ones(n, bool)
        again[order[last]] = False
        replaced, rows_better = [], []
        for ids, of_part, numbers in self._parts:
            place = np.minimum(np.searchsorted(ids, block.ids), max(len(ids) - 1, 0))
            rows = np.flatnonzero((ids[place] == block.ids) & ~again) if len(ids) else np.empty(0, int)
            better = newer(rank.take(rows), of_part.take(place[rows]))
            again[rows[~better]] = True
            replaced.append(numbers[place[rows[better]]])
            rows_better.append(rows[better])
            of_part.put(place[rows[better]], rank.take(rows[better]))  # what comes next is compared with these
        earlier = np.concatenate(replaced) if replaced else np.empty(0, int)
        self.n_replaced += len(earlier)
        self.replacing = block.ids[np.concatenate(rows_better)] if rows_better else np.empty(0, np.int64)
        kept = np.flatnonzero(~again)
        kept = kept[np.argsort(block.ids[kept])]
        self._parts.append((block.ids[kept], rank.take(kept), block.numbers[kept]))
        block = block.without({TWICE: again})
        if len(earlier):
            block = replace(block, left_out=[*block.left_out, (TWICE, earlier)])
        return block


def rank_of(rows: pa.Table) -> OrbitRank:
    """By what orbits are compared with others; rows as an :class:`OrbitBlock` has them."""
    name = rows.column(PACKED)
    own = np.ones(rows.num_rows, bool)
    if IN_SOURCE in rows.column_names:
        name = pc.coalesce(rows.column(IN_SOURCE), name)
        # As of_primary has it.
        is_own = pc.or_(pc.equal(name, rows.column(PACKED)), pc.equal(pc.binary_length(name), MIN_PACKED_LENGTH))
        own = is_own.to_numpy()
    return OrbitRank(own, rows.column("epoch_mjd").to_numpy().copy(), _fits(rows), np.array(name.to_pylist(), "S16"))


def _fits(rows: pa.Table) -> Array:
    """When orbits were fitted, whole seconds since 1970; less than any where that is unknown."""
    if "fitting_datetime" not in rows.column_names:
        return np.full(rows.num_rows, -np.inf)
    fitted = rows.column("fitting_datetime").cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    seconds = fitted.cast(pa.float64()).to_numpy()
    return np.where(np.isnan(seconds), -np.inf, seconds)


def without_worse_than_stored(
    connection: sa.Connection, block: OrbitBlock, in_file: FileOrbits, *, identified: bool
) -> OrbitBlock:
    """A block without the orbits that are not to replace what is stored of their object.

    The connection has locked names and orbits; the block is the last of ``in_file``. ``identified`` says whether orbits
    of these objects may be stored under their numbers or other designations.
    """
    if not len(block.ids):
        return block
    packed = np.array(block.rows.column(PACKED).to_pylist(), "S16")
    keys, stored = stored_ranks(connection, block.rows.select([PACKED]), identified=identified)
    order = np.argsort(packed)
    row = order[np.searchsorted(packed, keys, sorter=order)]
    rank = rank_of(block.rows)
    worse = np.zeros(len(packed), bool)
    worse[row[newer(stored, rank.take(row))]] = True
    made_way = np.zeros(len(packed), bool)
    made_way[row[~stored.own & (stored.name != rank.name[row])]] = True
    made_way &= ~worse & ~np.isin(block.ids, in_file.replacing)
    if made_way.any():
        block = replace(block, unknown=[*block.unknown, (MADE_WAY, block.numbers[made_way])])
    return block.without({STAYS: worse})
