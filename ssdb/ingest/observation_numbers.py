"""Numbers of reported observations: the same one has the same diaSourceId, from whichever file it comes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.made_ids import made_ids
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import ids
from ssdb.schema.ranges import MJD
from ssdb.store.tables.reported import reported_before
from ssdb.store.tables.sources import read_listed
from ssdb.units import SECONDS_PER_DAY, Array, Integers

_HASH_BITS = 30

MEASURED = ("midpointMjdTai", "ra", "dec")
"""The columns that, with the station, make an observation what it is."""


def identifiers(stations: Sequence[str], times: Array, ra: Array, dec: Array) -> Integers:
    """diaSourceId of observations: always the same for the same station, time and position, and growing with time.

    Seconds since 1900, and 30 bits of a hash. Observations of one second may share one: see :func:`numbered`.
    """
    codes, ticks, *places = _identity(stations, times, ra, dec)
    hashes = made_ids(codes, ticks, *places) & ((1 << _HASH_BITS) - 1)
    return np.asarray((ticks // 10**6 << _HASH_BITS) | hashes)


def _identity(stations: Sequence[str], times: Array, ra: Array, dec: Array) -> list[Integers]:
    """What makes observations one and the same: station, time (microseconds), ra and dec (1e-9 deg), shape (n,)."""
    codes = np.array([int.from_bytes(code.encode()[:4], "big") for code in stations], np.int64)
    ticks = np.round((times - MJD.low) * SECONDS_PER_DAY * 1e6).astype(np.int64)
    return [codes, ticks, *(np.round(np.nan_to_num(angle) % 360.0 * 1e9).astype(np.int64) for angle in (ra, dec))]


def _identity_of(rows: pa.Table) -> list[Integers]:
    stations = rows.column("observatoryCode").to_pylist()
    return _identity(stations, *(rows.column(name).to_numpy() for name in MEASURED))


def first_of_each(rows: pa.Table) -> Integers:
    """The first row of each observation, ascending."""
    identity = np.array(_identity_of(rows))
    order = np.lexsort(identity)
    begins = np.ones(len(order), bool)
    begins[1:] = (np.diff(identity[:, order]) != 0).any(axis=0)
    return np.sort(order[begins])


def numbered(connection: sa.Connection, rows: pa.Table) -> tuple[pa.Table, Integers]:
    """Gives observations whose diaSourceId is another's the next free one; and the visits of those that are stored.

    Which of them keeps it depends neither on their order nor, once they are stored, on what comes with them. Visits,
    shape (n,), are 0 where an observation is not stored.
    """
    given, identity = ids(rows, "diaSourceId"), np.array(_identity_of(rows))
    numbers, visits = given.copy(), np.zeros(len(given), np.int64)
    taken: set[int] = set()
    step, looked = 0, np.arange(len(given))
    columns = [dia_source.c[name] for name in ("diaSourceId", "visit", *MEASURED)]
    while len(looked):
        wanted = given[looked] + step
        found = read_listed(connection, columns[0], np.unique(wanted), columns)
        order = np.argsort(found["diaSourceId"])
        there = found["diaSourceId"][order]
        taken.update(there.tolist())
        reported = reported_before(connection, there)
        stations = [reported.get(number, ("", False))[0] or "" for number in there.tolist()]
        of_stored = np.array(_identity(stations, *(found[name][order] for name in MEASURED)))
        is_there = np.isin(wanted, there)
        at = np.searchsorted(there, wanted[is_there])
        same = is_there.copy()
        same[is_there] = (of_stored[:, at] == identity[:, looked[is_there]]).all(axis=0)
        numbers[looked[same]] = wanted[same]
        visits[looked[same]] = found["visit"][order][np.searchsorted(there, wanted[same])]
        # One that had to take the next number keeps it when the other is deleted: that one is always looked at.
        looked = looked[~same & (is_there | (step == 0))]
        step += 1
    fresh = np.flatnonzero(visits == 0)
    for row in fresh[np.lexsort((*identity[:, fresh], given[fresh]))].tolist():
        number = int(given[row])
        while number in taken:
            number += 1
        taken.add(number)
        numbers[row] = number
    column = rows.column_names.index("diaSourceId")
    return rows.set_column(column, rows.schema.field(column), pa.array(numbers)), visits
