"""Integrates thousands of orbits together, each with the steps it needs.

All objects of a batch step together on one grid in time, where the planets are computed once for all of them. An object
whose error over a step of the grid would be too large goes through it by steps of its own, of any length, with the
planets computed for it alone: a close approach costs only the object that makes it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.bodies import (
    Attractors,
    asteroids,
    attractors,
    masses,
    pluto,
    shared_attractors,
    span_of_planets,
    sun,
)
from ssdb.ephemeris.collocation import NODE_TIMES, after, solve
from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.contact import LONGEST_DAYS, NOT_FOLLOWED, OUT_OF_EPHEMERIS, contacts
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.trajectory import Recorder, Trajectories
from ssdb.schema.ranges import LARGEST_AU
from ssdb.units import LIGHT_SPEED, Array, Index, Integers, Mask

GRID_DAYS = 56.0
"""Length of the steps that all objects make together: the longest that nearly all of the main belt can make. With
longer ones eight nodes see too little of Mercury's eccentric motion of 88 days (0.06 mas after 20 years with 64)."""

TOLERANCE = 3e-11
"""Largest error of a position within a step, au, as estimated: in practice it is ten times smaller."""

SHORT_DAYS = 8.0
"""Shorter steps, which only an object near a planet or the Sun makes, have tolerances that are as much smaller: what
is wrong after them is a velocity."""

ITERATION_TOLERANCE = 1e-14
"""Where the iteration of a step ends, au: what is left is of one sign, and adds up over the steps as velocity."""

SHORTEST_DAYS = 1e-7
"""An object that would need a shorter step runs into the Sun or a planet."""

MOST_STEPS = 100_000
"""An object that would need more goes round the Sun or a planet so closely that none is known to do it."""

BATCH = 4096
"""Objects that are on their way at once."""

_CACHED = 700
"""Objects of a step of the grid that are computed at once: their arrays stay in a processor's cache."""

_OWN_CACHED = 128
"""The same where each object has planets of its own."""

_ERROR_ORDER = 9


def propagate(orbits: Orbits, mjd_tdb: ArrayLike) -> Array:
    """Where n objects are at times (m,), MJD TDB.

    Newtonian gravity of Sun, planets, Moon, Pluto and, where their package is installed, the 16 most massive asteroids;
    relativity of the Sun among the planets; the oblateness of Sun and Earth; what the orbits say of other forces.
    States (n, m, 6) are barycentric, ICRF axes, au and au/d; NaN for an object that has met the surface of the Sun, a
    planet or the Moon on the way. EphemerisError if a time is outside the planetary ephemeris, or a package of the
    extra ``ephemeris`` is missing.
    """
    times = np.atleast_1d(np.asarray(mjd_tdb, dtype=float))
    sun(times)  # refuses times that DE440 does not have before anything is computed
    parts = [trajectories(part, *span(times)).at(times) for _, part in orbits.batches(BATCH)]
    return np.concatenate(parts)


def span(times: Array) -> tuple[float, float]:
    """The interval that holds all times; an empty one, that nothing has to be followed to, if there are none."""
    return float(times.min(initial=np.inf)), float(times.max(initial=-np.inf))


def trajectories(orbits: Orbits, start: float, end: float, *, surfaces: bool = True) -> Trajectories:
    """The paths of objects over an interval of time, MJD TDB; errors as :func:`propagate`.

    They begin earlier by more than the time that light takes from the object to any observer in the inner solar system,
    and take about 300 bytes for each object and step within the interval. A path ends at the surface of the Sun, a
    planet or the Moon (but without ``surfaces``), where the planetary ephemeris ends, or where an object cannot be
    followed any longer: its ``ends`` say so.
    """
    recorder = Recorder(len(orbits))
    epochs, counts = np.unique(orbits.epoch_mjd, return_counts=True)
    anchor = float(epochs[np.argmax(counts)]) if len(epochs) and counts.max() > 1 else 0.0
    for rows, part in orbits.batches(BATCH):
        for direction in (1.0, -1.0):
            _Journey(part, rows.start, anchor, direction, (start, end), recorder, surfaces).run()
    return recorder.trajectories()


class _Journey:
    """A batch of objects on its way from the epochs in one direction of time."""

    def __init__(
        self,
        orbits: Orbits,
        first: int,
        anchor: float,
        direction: float,
        interval: tuple[float, float],
        recorder: Recorder,
        surfaces: bool,
    ) -> None:
        self._first, self._anchor, self._direction, self._recorder = first, anchor, direction, recorder
        self._start, self._end = interval
        self._surfaces, self._limits = surfaces, span_of_planets()
        self._time = orbits.epoch_mjd.copy()
        self._n_steps = np.zeros(len(orbits), np.int64)
        self._state = (orbits.states + _by_epoch(self._time)).T.copy()
        self._itself = _itself(orbits)
        self._nongrav = orbits.nongrav.T if orbits.nongrav.any() else None
        radius = np.linalg.norm(orbits.states[:, :3], axis=1)
        # A guess, from how fast the direction to the Sun turns; the first step shows what is needed.
        self._wanted = 0.5 * np.sqrt(radius**3 / GM_SUN)

    def run(self) -> None:
        """To the end of the interval or, backwards, to the light time before its start."""
        items = np.flatnonzero(~self._arrived())
        index = self._direction * (self._time - self._anchor) / GRID_DAYS
        grid = np.ceil(index - 1e-9)
        goal = np.clip(self._anchor + self._direction * grid * GRID_DAYS, *self._limits)
        self._own_steps(items[np.abs(index - grid)[items] > 1e-9], goal)
        self._time[items] = np.where(np.isnan(self._time[items]), np.nan, goal[items])
        while len(items := items[~self._arrived()[items]]):
            now = grid[items].min()
            here = items[grid[items] == now]
            time, days = self._anchor + self._direction * now * GRID_DAYS, self._direction * GRID_DAYS
            if self._limits[0] <= time + days <= self._limits[1]:
                self._grid_step(here, time, days)
            else:
                self._to_the_limit(here)
            grid[here] += 1.0

    def _to_the_limit(self, items: Index) -> None:
        """Objects to where the planets end."""
        limit = self._limits[self._direction > 0]
        self._own_steps(items[np.abs(limit - self._time[items]) > 1e-9], np.full(len(self._time), limit))
        self._lose(items[~np.isnan(self._time[items])], OUT_OF_EPHEMERIS)

    def _arrived(self) -> Mask:
        """Which objects are where they are to go, or lost."""
        if self._direction > 0:
            return ~(self._time < self._end)
        return ~(self._time > self._start - self._light_time())

    def _light_time(self) -> Array:
        """Days that light takes at most, with a margin for the motion within a step; from beyond all bounds no more."""
        return 1.2 * (np.minimum(np.sqrt((self._state[:3] ** 2).sum(axis=0)), LARGEST_AU) + 2.0) / LIGHT_SPEED

    def _grid_step(self, items: Index, time: float, days: float) -> None:
        """One step of the grid for objects that are at its start; two half ones for those that it is too long for."""
        fits = self._wanted[items] >= abs(days)
        together, alone = items[fits], items[~fits]
        if len(together):
            elapsed = 0.5 * days * (NODE_TIMES + 1.0)
            bodies = shared_attractors(time, tuple(elapsed.tolist()))
            refused = [part[~self._step(part, np.full(len(part), days), bodies)] for part in _parts(together, _CACHED)]
            alone = np.concatenate([alone, *refused])
        self._lose(alone[self._n_steps[alone] > MOST_STEPS])
        alone = alone[~np.isnan(self._time[alone])]
        if len(alone) and abs(days) < SHORTEST_DAYS:
            self._lose(alone)
        elif len(alone):
            self._grid_step(alone, time, 0.5 * days)
            self._grid_step(alone[~np.isnan(self._time[alone])], time + 0.5 * days, 0.5 * days)

    def _own_steps(self, items: Index, goal: Array) -> None:
        """Objects to their goals, each by steps of its own."""
        while len(items):
            for part in _parts(items, _OWN_CACHED):
                left = goal[part] - self._time[part]
                days = left / np.ceil(np.abs(left) / self._wanted[part])
                days = (self._time[part] + days) - self._time[part]  # what rounding leaves of it
                elapsed = 0.5 * days * (NODE_TIMES[:, None] + 1.0)
                self._step(part, days, attractors(self._time[part], elapsed))
            self._lose(items[(self._wanted[items] < SHORTEST_DAYS) | (self._n_steps[items] > MOST_STEPS)])
            items = items[np.abs(goal[items] - self._time[items]) > 1e-9]

    def _lose(self, items: Index, by: Integers | int = NOT_FOLLOWED, time: Array | None = None) -> None:
        """Objects that cannot be followed any longer, from where they are or from a time on."""
        if time is None:
            items = items[~np.isnan(self._time[items])]
            time = self._time[items]
        self._recorder.ends.end(self._first + items, time, by, self._direction)
        self._time[items] = np.nan
        self._state[:, items] = np.nan

    def _step(self, items: Index, days: Array, bodies: Attractors) -> Mask:
        """One step of objects; those whose error is too large stay where they are. Which were accepted."""
        self._n_steps[items] += 1
        state = self._state[:, items]
        itself = None if self._itself is None else self._itself[:, items]
        nongrav = None if self._nongrav is None else self._nongrav[:, items]
        nongrav = nongrav if nongrav is not None and nongrav.any() else None
        short = np.minimum(np.abs(days) / SHORT_DAYS, 1.0)
        tolerance = TOLERANCE * short
        coefficients, error = solve(state[:3], state[3:], days, bodies, itself, ITERATION_TOLERANCE * short, nongrav)
        accepted = error <= tolerance
        with np.errstate(divide="ignore"):
            factor = 0.9 * (tolerance / error) ** (1.0 / _ERROR_ORDER)
        self._wanted[items] = np.abs(days) * np.clip(factor, 0.25, 3.0)
        done, kept = items[accepted], coefficients[:, :, accepted]
        start = self._time[done]
        self._state[:, done] = np.concatenate(after(state[:3, accepted], state[3:, accepted], days[accepted], kept))
        self._time[done] = start + days[accepted]
        latest = np.maximum(start, self._time[done])
        earliest = np.minimum(start, self._time[done])
        needed = (latest >= self._start - self._light_time()[done]) & (earliest <= self._end)
        self._recorder.add(
            self._first + done[needed],
            start[needed],
            days[accepted][needed],
            state[:, accepted][:, needed],
            kept[:, :, needed],
        )
        short = np.flatnonzero(np.abs(days[accepted]) <= LONGEST_DAYS)
        if self._surfaces and len(short):
            rows = np.flatnonzero(accepted)[short]
            steps = (state[:, rows], days[rows], kept[:, :, short], start[short], bodies, rows)
            met, time, by = contacts(*steps, None if itself is None else itself[:, rows])
            self._lose(done[short[met]], by, time)
        return accepted


def _parts(items: Index, size: int) -> Iterator[Index]:
    """The items in parts of at most ``size``."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _by_epoch(mjd_tdb: Array) -> Array:
    """States (n, 6) of the Sun at the epochs, of which most are the same."""
    epochs, index = np.unique(mjd_tdb, return_inverse=True)
    return sun(epochs)[index]


def _itself(orbits: Orbits) -> Mask | None:
    """Which attracting body an object is, shape (b, n); None where none is one.

    By its place and motion, for which no names are needed: orbits of Pluto and the large asteroids agree with JPL's to
    1e-6 au, about.
    """
    epochs, index = np.unique(orbits.epoch_mjd, return_inverse=True)
    pluto_and_asteroids = np.concatenate([pluto(epochs)[None], asteroids(epochs)])
    apart = np.abs(pluto_and_asteroids[:, index] - orbits.states)
    same = np.asarray((apart[..., :3] < 1e-4).all(axis=2) & (apart[..., 3:] < 1e-5).all(axis=2))
    if not same.any():
        return None
    planets = np.zeros((len(masses()) - len(same), len(orbits)), dtype=bool)
    return np.concatenate([planets, same])
