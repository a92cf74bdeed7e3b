"""Which of several orbits of one object is kept: that of its primary designation (or number), else of the newer epoch,
else of the newer fit; of equal ones the first of a file, and that of the file that comes last.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.orbit_block import PACKED, OrbitBlock
from ssdb.schema.ranges import Mask
from ssdb.sky.sphere import Array
from ssdb.store.orbits import OrbitRank, newer, stored_ranks

TWICE = "the object is there twice"
STAYS = "an orbit of the object that is stored stays: it is of the primary designation, or of a newer epoch or fit"
MADE_WAY = "the orbit that was stored under another designation of the object made way"


class FileOrbits:
    """The orbits of a file so far, of which each object has one.

    Attributes
    ----------
    secondary : set of int
        Identifiers of the objects whose orbit, of those so far, came under a secondary designation.
    n_replaced : int
        Orbits that made way for one that came in a later part of the file.
    """

    def __init__(self) -> None:
        self.secondary: set[int] = set()
        self.n_replaced = 0
        self._parts: list[tuple[np.ndarray, OrbitRank, np.ndarray]] = []

    def best(self, block: OrbitBlock) -> OrbitBlock:
        """A block with an orbit an object: those that are better than any of the object before."""
        rank = rank_of(block)
        n = len(block.ids)
        order = np.lexsort((-np.arange(n), rank.fit, rank.epoch, rank.own, block.ids))
        last = np.append(block.ids[order][1:] != block.ids[order][:-1], True) if n else np.empty(0, bool)
        again = np.ones(n, bool)
        again[order[last]] = False
        replaced = []
        for ids, of_part, numbers in self._parts:
            place = np.minimum(np.searchsorted(ids, block.ids), max(len(ids) - 1, 0))
            rows = np.flatnonzero((ids[place] == block.ids) & ~again) if len(ids) else np.empty(0, int)
            better = newer(rank.take(rows), of_part.take(place[rows]))
            again[rows[~better]] = True
            replaced.append(numbers[place[rows[better]]])
            of_part.own[place[rows[better]]] = True  # what comes next is compared with what took its place
            of_part.epoch[place[rows[better]]] = rank.epoch[rows[better]]
            of_part.fit[place[rows[better]]] = rank.fit[rows[better]]
        earlier = np.concatenate(replaced) if replaced else np.empty(0, int)
        self.n_replaced += len(earlier)
        kept = np.flatnonzero(~again)
        kept = kept[np.argsort(block.ids[kept])]
        self._parts.append((block.ids[kept], rank.take(kept), block.numbers[kept]))
        block = block.without({TWICE: again})
        if len(earlier):
            block = replace(block, left_out=[*block.left_out, (TWICE, earlier)])
        return block

    def stored(self, block: OrbitBlock) -> None:
        """Notes which orbits of a block were stored."""
        own = own_of(block)
        self.secondary |= {*block.ids[~own].tolist()}
        self.secondary -= {*block.ids[own].tolist()}


def own_of(block: OrbitBlock) -> Mask:
    """Which orbits of a block came under the primary designation of their object, or its number."""
    return np.ones(len(block.ids), bool) if block.own is None else block.own


def rank_of(block: OrbitBlock) -> OrbitRank:
    """By what the orbits of a block are compared with others."""
    return OrbitRank(own_of(block).copy(), block.rows.column("epoch_mjd").to_numpy().copy(), _fits(block.rows))


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

    Parameters
    ----------
    connection : sqlalchemy.Connection
        One that has locked names and orbits.
    block : OrbitBlock
    in_file : FileOrbits
        What was stored of the same file.
    identified : bool
        Whether orbits of these objects may be stored under their numbers or other designations.
    """
    if not len(block.ids):
        return block
    packed = np.array(block.rows.column(PACKED).to_pylist(), "S16")
    keys, stored, other_name = stored_ranks(connection, block.rows.select([PACKED]), identified=identified)
    order = np.argsort(packed)
    row = order[np.searchsorted(packed, keys, sorter=order)]
    # A stored row tells under what it is stored, and not as what it came.
    stored.own[np.isin(block.ids[row], list(in_file.secondary))] = False
    worse = np.zeros(len(packed), bool)
    worse[row[newer(stored, rank_of(block).take(row))]] = True
    made_way = np.zeros(len(packed), bool)
    made_way[row[other_name & ~stored.own]] = True
    made_way &= ~worse
    if made_way.any():
        block = replace(block, unknown=[*block.unknown, (MADE_WAY, block.numbers[made_way])])
    return block.without({STAYS: worse})
