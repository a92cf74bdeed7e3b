"""All orbits of the database as arrays, ready for the two-body motion of a month."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ssdb import __version__
from ssdb.ephemeris.bodies import masses, sun
from ssdb.ephemeris.nongravitational import PARAMETERS
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import BATCH, propagate
from ssdb.ephemeris.two_body import deviations, longest_days
from ssdb.errors import NotFoundError
from ssdb.io.kept_arrays import KeptArrays
from ssdb.predict.catalogue import ORBIT_NUMBERS, catalogue_parts
from ssdb.store.database import Database
from ssdb.store.tables.orbits import state_of_orbits
from ssdb.store.transfer.write import Progress
from ssdb.units import LIGHT_SPEED, Array, Columns, Index

logger = logging.getLogger(__name__)

NIGHTS = 32
"""For so many nights the orbits are prepared at once."""

_LARGEST_AU = 5e-3
"""How far an object may be from its two-body motion in these nights, or it is followed to their middle once."""

_MARGIN_DAYS = 0.1

_ORBIT_YEAR = 1e-4
"""Processor seconds in which the integrator follows one orbit for a year, about (docs/performance.md)."""

_LONG = 60.0
"""Seconds after which nobody should wonder what is going on."""

_FORMAT = 1
"""Another one makes all that is kept stale: to be raised when something is kept in another way."""

_CLOCK_SECONDS = 2.0
"""A file that changes twice within this time may look the same."""


@dataclass(frozen=True, eq=False)
class SkyOrbits:
    """Orbits of n objects, each at an epoch from which two-body motion is good enough for some nights."""

    state: str
    arrays: Columns
    """As of :func:`read_orbits`."""
    moved: Index
    """Objects, ascending, whose states are those in the middle of the nights; the others' are of their epochs."""
    moved_states: Array
    middle: float
    """MJD TDB."""
    bounds: Array
    """How far they may be from two-body motion in these nights, au; infinite where that is not known."""

    def __len__(self) -> int:
        return len(self.bounds)

    def take(self, rows: Index) -> Orbits:
        """The orbits of some objects, of distinct rows ascending."""
        arrays = self.arrays
        states, epochs = self.states(rows)
        forces = np.zeros((len(rows), 6))
        _, here, there = np.intersect1d(rows, arrays["forced"], return_indices=True)
        forces[here] = arrays["forces"][there]
        return Orbits(arrays["packed"][rows], epochs, states, arrays["h"][rows], arrays["g"][rows], forces)

    def states(self, rows: Index) -> tuple[Array, Array]:
        """Heliocentric states (k, 6) and epochs (k,) of some objects."""
        states, epochs = self.arrays["states"][rows], self.arrays["epochs"][rows]
        if len(self.moved):
            place = np.minimum(np.searchsorted(self.moved, rows), len(self.moved) - 1)
            here = self.moved[place] == rows
            states[here], epochs[here] = self.moved_states[place[here]], self.middle
        return states, epochs


def state_of(database: Database, kept: KeptArrays) -> str:
    """What changes whenever an orbit does; NotFoundError if there are no orbits.

    All orbits are read for it, but of an SQLite database whose file is as it was the last time.
    """
    url = database.engine.url
    about = _about_file(Path(url.database)) if database.dialect == "sqlite" and url.database else None
    if about is None:
        return _state(database)
    found = kept.get("file", _digest(about), lambda: {"state": np.array(_state(database))})
    return str(found["state"])


def _about_file(path: Path) -> str | None:
    """Name, size and time of change of the files of an SQLite database; None where a change may not be seen by them."""
    if not path.is_file():  # in memory
        return None
    told = [str(path.absolute())]
    for file in (path, path.with_name(f"{path.name}-wal")):
        with suppress(FileNotFoundError):
            about = file.stat()
            if not about.st_size:  # a log without anything, which is made anew whenever the database is opened
                continue
            if abs(time.time() - about.st_mtime) < _CLOCK_SECONDS:
                return None
            told.append(f"{about.st_ino} {about.st_size} {about.st_mtime_ns}")
    return " ".join(told)


def _state(database: Database) -> str:
    with database.reading() as connection:
        state = state_of_orbits(connection, ORBIT_NUMBERS)
    if state is None:
        raise NotFoundError("there are no orbits in the database: load them with ssdb ingest orbits")
    # Another ssdb, or other large asteroids, make other paths.
    return _digest(f"{_FORMAT} {__version__} {len(masses())} {database.dialect} {state}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def all_orbits(database: Database, kept: KeptArrays) -> tuple[str, Columns]:
    """The state of the orbits, and the orbits as of :func:`read_orbits`; of one moment."""
    made: list[Columns] = []

    def read() -> Columns:
        made.append(read_orbits(database))
        return made[0]

    while True:
        state = state_of(database, kept)
        orbits = kept.get("orbits", state, read)
        if not made or state_of(database, kept) == state:
            return state, orbits
        made.clear()
        kept.forget("orbits", state)  # others have changed orbits meanwhile


def read_orbits(database: Database) -> Columns:
    """All orbits that can be followed: arrays by name, (n,) but where said.

    ``packed`` (primary designations), ``ids`` (ssObjectId), ``epochs`` (MJD TDB), ``states`` (n, 6: heliocentric, ICRF,
    au and au/d), ``h``, ``g``, ``has_json`` (whether there may be a covariance); ``forced`` (k,), those with forces
    that are not gravity, and ``forces`` (k, 6).
    """
    parts = []
    n_unusable = 0
    for part in catalogue_parts(database):
        n_unusable += len(part.unusable)
        orbits = part.orbits
        parts.append(
            (orbits.ids, part.ids, orbits.epoch_mjd, orbits.states, orbits.H, orbits.G, part.has_json, orbits.nongrav)
        )
    if n_unusable:
        logger.warning("%s orbits in mpc_orbits are none that can be followed: they are left out", f"{n_unusable:,}")
    packed, ids, epochs, states, h, g, has_json, nongrav = (
        np.concatenate(arrays) for arrays in zip(*parts, strict=True)
    )
    forced = np.flatnonzero(nongrav.any(axis=1))
    return {
        **{"packed": packed, "ids": ids, "epochs": epochs, "states": states, "h": h, "g": g, "has_json": has_json},
        **{"forced": forced, "forces": nongrav[forced]},
    }


def orbits_for_nights(kept: KeptArrays, state: str, orbits: Columns, night: int, tell: Progress | None) -> SkyOrbits:
    """The orbits for the nights of which ``night`` (integer part of MJD) is one.

    ``tell`` is called with the numbers of orbits followed now, and of all that have to be.
    """
    number = night // NIGHTS
    start, end = float(number * NIGHTS), float((number + 1) * NIGHTS)
    sun([start, end])  # refuses nights that DE440 does not have
    middle = 0.5 * (start + end)
    made = kept.get("month", f"{state}-{number}", lambda: _for_nights(orbits, start, end, middle, tell))
    return SkyOrbits(state, orbits, np.asarray(made["moved"]), made["states"], middle, made["bounds"])


def _for_nights(orbits: Columns, start: float, end: float, middle: float, tell: Progress | None) -> Columns:
    epochs, states = np.asarray(orbits["epochs"]), np.asarray(orbits["states"])
    n = len(epochs)
    forces = np.zeros(n)
    with_delay = orbits["forces"][:, PARAMETERS.index("dt")] != 0.0  # what acts is of a distance that they had before
    forces[orbits["forced"]] = np.where(with_delay, np.inf, np.abs(orbits["forces"]).sum(axis=1))
    bounds = _bounds(states, epochs, start, end, forces)
    wide = np.flatnonzero(~(bounds <= _LARGEST_AU))
    unmoved = SkyOrbits("", orbits, np.empty(0, np.intp), np.empty((0, 6)), middle, bounds)
    moved = np.full((len(wide), 6), np.nan)
    _tell_if_long(n, np.abs(middle - epochs[wide]))
    for first in range(0, len(wide), BATCH):
        rows = slice(first, first + BATCH)
        moved[rows] = propagate(unmoved.take(wide[rows]), middle)[:, 0] - sun(middle)
        if tell:
            tell(min(first + BATCH, len(wide)), len(wide))
    # What has ended before stays where it was.
    there = np.isfinite(moved).all(axis=1)
    wide, moved = wide[there], moved[there]
    bounds[wide] = _bounds(moved, np.full(len(wide), middle), start, end, forces[wide])
    return {"moved": wide, "states": moved, "bounds": bounds.astype(np.float32)}


def _tell_if_long(n: int, days: Array) -> None:
    """Says how long the integrator takes to follow some of n orbits for days, where that is long."""
    years = days / 365.25
    seconds = years.sum() * _ORBIT_YEAR
    if seconds > _LONG:
        logger.warning(
            "%s of %s orbits are followed by the integrator to the 32 nights of this time, up to %.0f years from their "
            "epochs: once some %s minutes. Orbits of nearer epochs are quicker",
            *(f"{len(years):,}", f"{n:,}", years.max(), f"{math.ceil(seconds / 60.0):,}"),
        )


def _bounds(states: Array, epochs: Array, start: float, end: float, forces: Array) -> Array:
    """The largest bounds on the ways to both ends of an interval, less the time that light takes to the Earth."""
    distance = np.sqrt(np.einsum("ni,ni->n", states[:, :3], states[:, :3])) + 2.0
    first, last = start - _MARGIN_DAYS - 1.2 * distance / LIGHT_SPEED, np.full(len(epochs), end + _MARGIN_DAYS)
    bounds = np.zeros(len(epochs))
    # On its way to the farther end an object passes the nearer one, but where its epoch is between both.
    most = longest_days(_LARGEST_AU)
    for until, rows in ((last, np.flatnonzero(epochs < last)), (first, np.flatnonzero(epochs > first))):
        far = np.abs(until[rows] - epochs[rows]) > most
        bounds[rows[far]] = np.inf
        rows = rows[~far]
        bounds[rows] = np.maximum(bounds[rows], deviations(states[rows], epochs[rows], until[rows], forces[rows]))
    return bounds
