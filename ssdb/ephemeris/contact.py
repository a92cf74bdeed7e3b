"""Where paths end: at the surface of the Sun, a planet or the Moon, or where the planetary ephemeris does."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np

from ssdb.ephemeris.bodies import Attractors, centre
from ssdb.ephemeris.collocation import NODE_TIMES, within
from ssdb.ephemeris.constants import NAMES, RADII_KM
from ssdb.sky.sphere import norms
from ssdb.units import AU_KM, Array, Index, Integers, Mask

LONGEST_DAYS = 2.0
"""A step that reaches a surface is shorter: there, gravity turns a path in half an hour."""

OUT_OF_EPHEMERIS, NOT_FOLLOWED = 0, -1
"""In place of the number of a body."""

_SAMPLES = 129
"""Of a step that may meet a surface: a path that dips below it between two of them does so by less than a kilometre."""

_BISECTIONS = 40

_RADII = np.array(list(RADII_KM.values())) / AU_KM
_BODIES = np.array(list(RADII_KM))


class End(NamedTuple):
    """The end of one path."""

    mjd_tdb: float
    by: str | None
    """What the object meets there, DE440 where that ends, None where it cannot be followed."""
    reason: str


@dataclass(frozen=True, eq=False)
class Ends:
    """From when to when there is a path of each of n objects."""

    first: Array
    """MJD TDB, -inf where it does not begin."""
    last: Array
    """MJD TDB, inf where it does not end."""
    first_by: Integers
    """NAIF's number of the body that it leaves there, or :data:`OUT_OF_EPHEMERIS`, or :data:`NOT_FOLLOWED`."""
    last_by: Integers

    @classmethod
    def none(cls, n: int) -> Ends:
        """Of objects whose paths go on for ever."""
        return cls(np.full(n, -np.inf), np.full(n, np.inf), np.zeros(n, np.int64), np.zeros(n, np.int64))

    def take(self, rows: Index) -> Ends:
        """Those of some objects."""
        return Ends(*(getattr(self, item.name)[rows] for item in fields(self)))

    def end(self, items: Index, time: Array, by: Integers | int, direction: float) -> None:
        """Notes where objects end that are on their way in a direction of time."""
        when, cause = (self.last, self.last_by) if direction > 0 else (self.first, self.first_by)
        when[items], cause[items] = time, by

    @property
    def limits(self) -> tuple[Array, Array] | None:
        """First and last times (n, 1); None where no path ends."""
        return (self.first[:, None], self.last[:, None]) if self.some.any() else None

    @property
    def some(self) -> Mask:
        """Which objects have an end."""
        return np.isfinite(self.first) | np.isfinite(self.last)

    def within(self, row: int, start: float, end: float) -> list[End]:
        """Where the path of an object begins after a time, and where it ends before another, MJD TDB."""
        found = []
        if self.first[row] > start:
            found.append(_end(float(self.first[row]), int(self.first_by[row]), forward=False))
        if self.last[row] < end:
            found.append(_end(float(self.last[row]), int(self.last_by[row]), forward=True))
        return found


def _end(time: float, by: int, *, forward: bool) -> End:
    when = f"MJD {time:.6f} (TDB)"
    if by == OUT_OF_EPHEMERIS:
        return End(time, "DE440", f"the planetary ephemeris DE440 {'ends' if forward else 'begins'} on {when}")
    if by == NOT_FOLLOWED:
        return End(
            time, None, f"{'from' if forward else 'until'} {when} it would take too many steps, or too short ones"
        )
    name = NAMES[by]
    the = f"the {name}" if name in ("Sun", "Earth", "Moon") else name
    return End(time, name, f"it hits {the} on {when}" if forward else f"until {when} it is inside {the}")


def contacts(
    states: Array,
    days: Array,
    coefficients: Array,
    start: Array,
    attractors: Attractors,
    of: Index,
    itself: Mask | None,
) -> tuple[Index, Array, Integers]:
    """Which of n steps meet a surface, when they first do on their way (MJD TDB), and whose it is.

    Steps have their states (6, n) and times at the start, lengths and coefficients (8, 3, n), as
    :func:`ssdb.ephemeris.collocation.solve` gives them, and are short; the attractors are those at their nodes, of the
    objects ``of`` where every object has its own. ``itself`` (b, n) says which attractor an object is: it does not hit
    itself.
    """
    path = _Path(states.T, days, coefficients.transpose(2, 0, 1), start)
    at_nodes = path.at(np.arange(len(days)), NODE_TIMES).transpose(1, 2, 0)
    centres = np.concatenate([attractors.sun[:, None], attractors.positions[:, : len(_BODIES) - 1]], axis=1)
    if centres.shape[-1] > 1:
        centres = centres[..., of]
    away = at_nodes[:, None] - centres  # (nodes, bodies, 3, n)
    moved = np.sqrt(np.einsum("sbin,sbin->sbn", *[np.diff(away, axis=0)] * 2)).max(axis=0)
    nearest = np.sqrt(np.einsum("sbin,sbin->sbn", away, away).min(axis=0))
    if itself is not None:
        nearest[1:][itself[: len(nearest) - 1]] = np.inf
    body, item = np.nonzero(nearest < _RADII[: len(nearest), None] + moved)
    found, number = np.full(len(days), np.inf), np.zeros(len(days), np.int64)
    for one in np.unique(body):
        items = item[body == one]
        share = path.first_inside(items, int(_BODIES[one]), float(_RADII[one]))
        earlier = share < found[items]
        found[items[earlier]], number[items[earlier]] = share[earlier], _BODIES[one]
    rows = np.flatnonzero(np.isfinite(found))
    return rows, start[rows] + found[rows] * days[rows], number[rows]


@dataclass(frozen=True, eq=False)
class _Path:
    """Steps of n objects."""

    states: Array
    days: Array
    coefficients: Array
    start: Array

    def at(self, items: Index, u: Array) -> Array:
        """Positions (k, m, 3) within some steps, at u (m,) of all or (k, m) in [-1, 1]."""
        times = np.broadcast_to(u, (len(items), np.shape(u)[-1]))
        rows = np.repeat(items, times.shape[1])
        states, days, coefficients = self.states[rows], self.days[rows], self.coefficients[rows]
        return within(states[:, :3], states[:, 3:], days, coefficients, times.ravel())[0].reshape(*times.shape, 3)

    def first_inside(self, items: Index, body: int, radius: float) -> Array:
        """The shares of steps after which they are first within a radius (au) of a body; inf where they never are."""
        u = np.linspace(-1.0, 1.0, _SAMPLES)
        inside = self._height(items, u, body) < radius
        first = inside.argmax(axis=1)
        after = u[first]
        before = u[np.maximum(first - 1, 0)]
        for _ in range(_BISECTIONS):
            middle = 0.5 * (before + after)
            within_it = self._height(items, middle[:, None], body)[:, 0] < radius
            before, after = np.where(within_it, before, middle), np.where(within_it, middle, after)
        return np.where(inside.any(axis=1), 0.5 * (after + 1.0), np.inf)

    def _height(self, items: Index, u: Array, body: int) -> Array:
        """Distances (k, m) from a body's centre, au."""
        positions = self.at(items, u)
        times = self.start[items, None] + 0.5 * self.days[items, None] * (np.broadcast_to(u, positions.shape[:2]) + 1.0)
        return norms(positions - centre(body, times.ravel()).reshape(positions.shape))
