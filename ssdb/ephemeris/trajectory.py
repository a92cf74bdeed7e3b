"""Evaluates the paths of many objects at any time of an interval, from the steps of the integrator."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.collocation import NODES, within
from ssdb.ephemeris.contact import Ends
from ssdb.units import Array, Index

_ROUNDING_DAYS = 1e-6
"""What rounding may have put between two steps of an object, or a time and its path's end."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """The k steps of n objects: barycentric, ICRF, au and au/d."""

    n: int
    item: Index
    """Whose step it is; sorted, and by time within an object."""
    start: Array
    """MJD TDB."""
    days: Array
    """Length of a step, negative where it goes back."""
    states: Array
    """(k, 6): at the start."""
    coefficients: Array
    """(k, 8, 3): Legendre coefficients of the acceleration (:mod:`ssdb.ephemeris.collocation`)."""
    ends: Ends
    """Of the n objects."""
    _keys: Array = field(init=False)
    _origin: float = field(init=False)
    _span: float = field(init=False)

    def __post_init__(self) -> None:
        earliest = np.minimum(self.start, self.start + self.days)
        origin = float(earliest.min()) if len(earliest) else 0.0
        span = float(earliest.max(initial=origin)) - origin + 1.0
        object.__setattr__(self, "_origin", origin)
        object.__setattr__(self, "_span", span)
        object.__setattr__(self, "_keys", self.item * span + (earliest - origin))

    def take(self, rows: Index) -> Trajectories:
        """Some of the objects; ``rows`` ascending."""
        number = np.full(self.n, -1)
        number[rows] = np.arange(len(rows))
        kept = number[self.item] >= 0
        start, days, states, coefficients = (
            values[kept] for values in (self.start, self.days, self.states, self.coefficients)
        )
        ends = self.ends.take(rows)
        return Trajectories(len(rows), number[self.item[kept]], start, days, states, coefficients, ends)

    @property
    def limits(self) -> tuple[Array, Array] | None:
        """As :class:`ssdb.ephemeris.apparent.Paths` has it."""
        return self.ends.limits

    def at(self, mjd_tdb: ArrayLike) -> Array:
        """Where the objects are: as :class:`ssdb.ephemeris.apparent.Paths`; NaN where a path does not reach."""
        times = np.atleast_1d(np.asarray(mjd_tdb, dtype=float))
        times = np.broadcast_to(times, (self.n, times.shape[-1]))
        items = np.broadcast_to(np.arange(self.n)[:, None], times.shape).ravel()
        found = np.full((times.size, 6), np.nan)
        wanted = items * self._span + np.clip(times.ravel() - self._origin, 0.0, self._span - 0.5)
        step = np.searchsorted(self._keys, wanted, side="right") - 1
        owner = np.append(self.item, -1)
        # A time that rounding has put before an object's first step is that of the object before.
        step += (owner[step] != items) & (owner[step + 1] == items)
        known = np.flatnonzero(owner[step] == items)
        step, time = step[known], times.ravel()[known]
        u = 2.0 * (time - self.start[step]) / self.days[step] - 1.0
        covered = np.abs(u) <= 1.0 + _ROUNDING_DAYS / np.abs(self.days[step])
        if self.limits is not None:
            owner = items[known]
            covered &= (time >= self.ends.first[owner]) & (time <= self.ends.last[owner])
        known, step, u = known[covered], step[covered], u[covered]
        position, velocity = within(
            self.states[step, :3], self.states[step, 3:], self.days[step], self.coefficients[step], u
        )
        found[known] = np.concatenate([position, velocity], axis=1)
        return found.reshape(*times.shape, 6)


class Recorder:
    """Collects steps as they are made."""

    def __init__(self, n: int) -> None:
        self._n = n
        self.ends = Ends.none(n)
        self._parts: list[tuple[Index, Array, Array, Array, Array]] = []

    def add(self, item: Index, start: Array, days: Array, states: Array, coefficients: Array) -> None:
        """Steps of objects: their states (6, k) at the start, coefficients (8, 3, k)."""
        if len(item):
            self._parts.append((item, start, days, states.T, coefficients.transpose(2, 0, 1)))

    def trajectories(self) -> Trajectories:
        """All steps, in order."""
        empty = (np.empty(0, np.intp), np.empty(0), np.empty(0), np.empty((0, 6)), np.empty((0, NODES, 3)))
        item, start, days, states, coefficients = (
            np.concatenate(columns) for columns in zip(empty, *self._parts, strict=True)
        )
        order = np.lexsort((np.minimum(start, start + days), item))
        return Trajectories(
            self._n, item[order], start[order], days[order], states[order], coefficients[order], self.ends
        )
