"""Where many objects are, about: two-body motion, and how far from it the planets may take an object.

What the Sun alone would attract and the real object part by d with |d''| <= k^2 |d| + A, where k^2 = 2 GM / r^3 is the
largest gradient of the Sun's attraction on the way and A the largest of all other accelerations. Where A is A_i in a
part of the way, d is at most the sum of A_i (cosh k(t - t_i) - cosh k(t - t_i+1)) / k^2 (Gronwall's lemma). A follows
from the smallest distance from each planet. For that there are two bounds: both are at different distances from the
Sun; or they are so far apart, and so slow, at both ends of a part that they do not meet between.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from ssdb.ephemeris.bodies import SUN, centre
from ssdb.ephemeris.constants import GM_PLANETS, GM_SUN
from ssdb.threads import Workers
from ssdb.units import LIGHT_SPEED, Array, Index

AT_ONCE = 8192
"""Objects that are computed at once: their arrays stay in a processor's cache."""

LARGEST_E = 0.97
"""Longer orbits and hyperbolas are left to the integrator: of these there are few."""

_PART_DAYS = 16.0
"""Ways on which an object may meet a planet are looked at in parts."""

_MOST_ITERATIONS = 20
_CONVERGED = 1e-10

_PLANETS = {
    1: (0.307, 0.467),
    2: (0.718, 0.729),
    399: (0.983, 1.017),
    4: (1.380, 1.667),
    5: (4.94, 5.47),
    6: (8.9, 10.2),
    7: (18.2, 20.2),
    8: (29.7, 30.5),
}
"""Smallest and largest distances from the Sun, au, a little beyond those of 1550 to 2650."""

_MOON_AU = 0.0028
_GM = {body: GM_PLANETS[body] + (GM_PLANETS[301] if body == 399 else 0.0) for body in _PLANETS}

_ON_SUN = sum(_GM[body] / nearest**2 for body, (nearest, _) in _PLANETS.items())
"""The most that the planets accelerate the Sun, au/d^2."""

_SMALL = 2e-9
"""Of the large asteroids, au/d^2, but for an encounter within 0.01 au."""

_NEGLIGIBLE = 5e-9
"""What a planet accelerates an object, au/d^2, that their distances from the Sun tell well enough."""

_RELATIVITY = 14.0 * GM_SUN**2 / LIGHT_SPEED**2
"""Of GM / (c^2 r^2) (4 GM / r - v^2 + 4 v^2), with v^2 at most 2 GM / r: au/d^2 at 1 au."""

_GOOD = 1e-3
"""A bound, au, that whole ellipses have to give: a tenth of an arc minute at 1 au, and quicker than one of the way."""

_SHARE = 0.1
"""Of the distances from Sun and planets, that an object may be away from its two-body motion for the bounds to hold."""


class Motion(NamedTuple):
    """Two-body motion of n objects; components first."""

    position: Array
    """(3, n): heliocentric, au."""
    velocity: Array
    nearest: Array
    """(n,): smallest and largest distances from the Sun on the way, au."""
    farthest: Array


def on_ellipses(states: Array, days: Array) -> Motion:
    """Motion of objects of heliocentric states (6, n; au and au/d) for some days (n,), which may be negative.

    By the difference of the eccentric anomalies and the functions f and g (Battin 1999, section 4.3). NaN of
    hyperbolas, and of ellipses beyond :data:`LARGEST_E`.
    """
    x, v = states[:3], states[3:]
    with np.errstate(all="ignore"):  # of what is no ellipse
        r, inverse, e_cos, e_sin, e = _ellipses(states)
        a, n = 1.0 / inverse, np.sqrt(GM_SUN * inverse) * inverse
        mean = n * days
        angle, sine, cosine = _anomalies(e_cos, e_sin, mean)
        now = 1.0 - e_cos * cosine + e_sin * sine  # r / a
        f, g = 1.0 - a / r * (1.0 - cosine), days - (angle - sine) / n
        rate_f, rate_g = -n * a / (r * now) * sine, 1.0 - (1.0 - cosine) / now
        first = np.arctan2(e_sin, e_cos) / (2.0 * np.pi)
        last = first + angle / (2.0 * np.pi)
        ends = np.array([r, a * now])
        nearest = np.where(np.floor(first) != np.floor(last), a * (1.0 - e), ends.min(axis=0))
        farthest = np.where(np.floor(first - 0.5) != np.floor(last - 0.5), a * (1.0 + e), ends.max(axis=0))
    return Motion(f * x + g * v, rate_f * x + rate_g * v, nearest, farthest)


def _ellipses(states: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Distances, inverses of the axes (au), e times cosine and sine of the eccentric anomalies, and e; each (n,)."""
    x, v = states[:3], states[3:]
    r = np.sqrt(np.einsum("in,in->n", x, x))
    inverse = 2.0 / r - np.einsum("in,in->n", v, v) / GM_SUN
    inverse[inverse <= 0.0] = np.nan
    e_cos, e_sin = 1.0 - r * inverse, np.einsum("in,in->n", x, v) * np.sqrt(inverse / GM_SUN)
    e = np.sqrt(e_cos * e_cos + e_sin * e_sin)
    inverse[e > LARGEST_E] = np.nan
    return r, inverse, e_cos, e_sin, e


def _anomalies(e_cos: Array, e_sin: Array, mean: Array) -> tuple[Array, Array, Array]:
    """Differences of eccentric anomalies, their sines and cosines; NaN where Halley's iteration does not end."""
    # Whole turns apart, so that the start is as good after many.
    turns = 2.0 * np.pi * np.rint(mean / (2.0 * np.pi))
    mean = mean - turns
    angle = mean + e_cos * np.sin(mean) - e_sin * (1.0 - np.cos(mean))
    for _ in range(_MOST_ITERATIONS):
        sine, cosine = np.sin(angle), np.cos(angle)
        value = angle - e_cos * sine + e_sin * (1.0 - cosine) - mean
        slope = 1.0 - e_cos * cosine + e_sin * sine
        change = value / slope
        change = value / (slope - 0.5 * change * (e_cos * sine + e_sin * cosine))
        angle = angle - change
        if not (np.abs(change) > _CONVERGED).any():
            break
    # To first order in the last change, which is tiny.
    sine, cosine = sine - change * cosine, cosine + change * sine
    angle[np.abs(change) > 1e-7] = np.nan
    return angle + turns, sine, cosine


def deviations(states: Array, epochs: Array, until: Array, forces: Array) -> Array:
    """How far objects may be from their two-body motion at any time between their epochs and other times; (n,), au.

    States (n, 6) are heliocentric, au and au/d; times (n,) MJD TDB. ``forces`` (n,) are the sums of the accelerations
    at 1 au that are not gravity, au/d^2. Infinite where no bound holds: for hyperbolas and long ellipses, and for what
    may be close to the Sun or a planet.
    """
    days = until - epochs
    found = np.full(len(days), np.inf)

    def work(rows: Index) -> None:
        found[rows] = _of_ellipses(states[rows].T.copy(), days[rows], forces[rows])

    in_threads(work, [np.arange(len(days))])
    left = np.flatnonzero(np.isinf(found))
    found[left] = _in_parts(states[left], epochs[left], days[left], np.ones(len(left), int), forces[left])
    parts = np.ceil(np.abs(days) / _PART_DAYS).astype(int)
    again = np.flatnonzero(np.isinf(found) & (parts > 1))
    found[again] = _in_parts(states[again], epochs[again], days[again], parts[again], forces[again])
    return found


def longest_days(within: float) -> float:
    """After so many days no bound is less than this, au: the planets may have moved the Sun as far."""
    return math.sqrt(2.0 * within / _ON_SUN)


def _of_ellipses(states: Array, days: Array, forces: Array) -> Array:
    """Bounds from what of the whole ellipses is nearest to and farthest from the Sun; infinite beyond :data:`_GOOD`."""
    with np.errstate(all="ignore"):
        _, inverse, _, _, e = _ellipses(states)
        nearest, farthest = (1.0 - e) / inverse, (1.0 + e) / inverse
        most, k = _by_sun(nearest, forces)
        closest = nearest
        for body, (low, high) in _PLANETS.items():
            gap = np.maximum(nearest - high, low - farthest) - (_MOON_AU if body == 399 else 0.0)
            closest = np.minimum(closest, gap)
            most += _GM[body] / ((1.0 - _SHARE) * gap) ** 2
        found = 2.0 * most * (np.sinh(0.5 * k * np.abs(days)) / k) ** 2
        return np.where((found < _SHARE * closest) & (found < _GOOD), found, np.inf)


def _by_sun(nearest: Array, forces: Array) -> tuple[Array, Array]:
    """Accelerations by all but the planets, but for what these do to the Sun (au/d^2); and k (1/d), of distances."""
    others = _ON_SUN + _SMALL + _RELATIVITY / (nearest * nearest * nearest)
    if forces.any():
        others += forces * np.maximum(1.0, nearest**-2.5)
    shortest = (1.0 - _SHARE) * nearest
    return others, np.sqrt(2.0 * GM_SUN / (shortest * shortest * shortest))


def _in_parts(states: Array, epochs: Array, days: Array, parts: Index, forces: Array) -> Array:
    found = np.full(len(days), np.inf)

    def work(rows: Index) -> None:
        found[rows] = _bounds(states[rows].T.copy(), epochs[rows], days[rows], int(parts[rows[0]]), forces[rows])

    in_threads(work, (np.flatnonzero(parts == number) for number in np.unique(parts)))
    return found


def in_threads(work: Callable[[Index], None], groups: Iterable[Index]) -> None:
    """Does some work with rows, :data:`AT_ONCE` at a time, on all processors: numpy lets other threads run."""
    chunks = [rows[start : start + AT_ONCE] for rows in groups for start in range(0, len(rows), AT_ONCE)]
    if len(chunks) < 2:
        for rows in chunks:
            work(rows)
        return
    workers = Workers(work, os.cpu_count() or 1)
    try:
        for rows in chunks:
            workers.give(rows)
        for _ in chunks:
            workers.take()
    finally:
        workers.end()


def _bounds(states: Array, epochs: Array, days: Array, n_parts: int, forces: Array) -> Array:
    end = on_ellipses(states, days)
    with np.errstate(all="ignore"):
        nearest, farthest = end.nearest, end.farthest
        other, k = _by_sun(nearest, forces)
        length = np.abs(days) / n_parts
        total, closest = np.zeros(len(days)), _SHARE * nearest
        neighbours = []
        for body, (low, high) in _PLANETS.items():
            gap = np.maximum(np.maximum(nearest - high, low - farthest), 0.0)
            distant = gap**2 * _NEGLIGIBLE > _GM[body]
            other += np.where(distant, _GM[body] / ((1.0 - _SHARE) * gap) ** 2, 0.0)
            closest = np.minimum(closest, np.where(distant, _SHARE * gap, np.inf))
            if not distant.all():
                rows = np.flatnonzero(~distant)
                # No faster than at the faster end, and what both may be accelerated until the middle of a part.
                turned = 0.5 * length[rows] * (GM_SUN / nearest[rows] ** 2 + GM_SUN / low**2)
                neighbours.append((body, rows, gap[rows], turned, _away(body, states[:, rows], epochs[rows])))
        for part in range(n_parts):
            after = (part + 1) / n_parts * days
            here = end if part == n_parts - 1 else on_ellipses(states, after)
            now = np.concatenate([here.position, here.velocity])
            most = other.copy()
            for number, (body, rows, gap, turned, (far, fast)) in enumerate(neighbours):
                later = _away(body, now[:, rows], (epochs + after)[rows])
                apart = 0.5 * (far + later[0] - length[rows] * (np.maximum(fast, later[1]) + turned))
                apart = np.maximum(apart, gap)
                closest[rows] = np.minimum(closest[rows], _SHARE * apart)
                most[rows] += _GM[body] / ((1.0 - _SHARE) * apart) ** 2
                neighbours[number] = (body, rows, gap, turned, later)
            before, behind = k * (n_parts - part) * length, k * (n_parts - part - 1) * length
            # cosh(before) - cosh(behind), without cancelling
            total += most * 2.0 * np.sinh(0.5 * (before + behind)) * np.sinh(0.5 * (before - behind)) / k**2
        total[~(total < closest)] = np.inf
    return total


def _away(body: int, states: Array, mjd_tdb: Array) -> tuple[Array, Array]:
    """Distances (au) and relative speeds (au/d), each (n,), of heliocentric states (6, n) from a planet."""
    if (mjd_tdb == mjd_tdb[0]).all():
        it = _planet(body, mjd_tdb[:1].tobytes())
    else:
        times, index = np.unique(mjd_tdb, return_inverse=True)
        it = _planet(body, times.tobytes())[:, index]
    difference = states - it
    distance, speed = (np.sqrt(np.einsum("in,in->n", x, x)) for x in (difference[:3], difference[3:]))
    return (np.maximum(distance - _MOON_AU, 0.0) if body == 399 else distance), speed


@lru_cache(maxsize=1024)
def _planet(body: int, mjd_tdb: bytes) -> Array:
    """Heliocentric states (6, m) of a planet at times (the bytes of MJD TDB); velocities are those over two hours."""
    times, half = np.frombuffer(mjd_tdb), 1.0 / 24.0
    before, now, after = (centre(body, times + x) - centre(SUN, times + x) for x in (-half, 0.0, half))
    return np.concatenate([now, (after - before) / (2.0 * half)], axis=1).T
