"""Where orbits come near the Earth's: points on both, in arrays.

Of each orbit some hundred points are looked at. The Earth's orbit differs from a circle about its own centre, which
is not the Sun, by 0.00014 au; the distance from a point to it is therefore known at once, to some 1e-8 au. Every local
minimum of that distance along the orbit is followed by Newton's method, in the anomalies of both orbits, to the
digits that double precision has.

The Earth's orbit is that of JPL's "Approximate Positions of the Planets", table 1 (mean elements of the Earth-Moon
barycentre, valid 1800 to 2050; https://ssd.jpl.nasa.gov/planets/approx_pos.html), with its inclination, at the epoch
of the object's elements.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ssdb.units import Array, Index

_REACH = 3.0
"""au beyond perihelion: farther out, distances are larger than at perihelion by more than the Earth's orbit is wide."""
_POINTS, _POINTS_OUTSIDE, _OUTSIDE = 256, 64, 1.3
"""Points of an orbit; fewer where q (au) is so large that the distance varies slowly."""
_POINTS_AGAIN, _LEVELS = 32, 4
"""Points of a stretch that may have two minima beside each other, and how often a stretch is divided."""
_IN_CACHE = 128
"""Orbits whose points are looked at together."""
_STEPS = 100
"""Of Newton's method at most: some six are usual, orbits that touch the Earth's need more."""
_LONGEST, _SMALL, _NOTHING = 0.1, 1e-6, 1e-12
"""Steps, rad or au: the longest; those that need not make the distance smaller; those that end it."""


class Orbits(NamedTuple):
    """Orbits, and the Earth's at their epochs: shape (n,), vectors (3, n).

    The axes are the Earth's: towards its perihelion, a quarter turn ahead, and northward. The place on an orbit is
    given by an angle g between the true and the eccentric anomaly, tan(f/2) = stretch tan(g/2), so that neither the
    perihelion nor the far end of a long orbit is passed in few steps. At every eccentricity each coordinate is
    (start + cosine cos g + sine sin g) / (1 + share cos g).
    """

    start: Array
    cosine: Array
    sine: Array
    share: Array
    stretch: Array
    end: Array  # the largest g that is looked at; pi: the orbit is closed
    q: Array
    e: Array
    towards: Array  # perihelion
    ahead: Array
    a: Array  # of the Earth, as all that follow
    b: Array
    centre: Array  # of its orbit behind the Sun
    inclination: Array  # rad; its node is at 0
    perihelion: Array  # longitude, rad

    def take(self, rows: Any) -> Orbits:
        """Some of the orbits."""
        return Orbits(*(values[..., rows] for values in self))


class Points(NamedTuple):
    """Points on some orbits, and the Earth's eccentric anomalies (rad) next to them, shape (n,)."""

    orbit: Index
    earth: Array
    g: Array
    distance2: Array

    def take(self, rows: Any) -> Points:
        """Some of the points."""
        return Points(*(values[rows] for values in self))


def orbits_beside_earth(elements: Array) -> Orbits:
    """Orbits of elements (6, n) as :func:`earth_moid` has them."""
    q, e, *angles, epoch = elements
    i, node, argperi = np.radians(angles)
    t = (epoch - 51544.5) / 36525.0
    a, of_earth = 1.00000261 + 0.00000562 * t, 0.01671123 - 0.00004392 * t
    perihelion = np.radians(102.93768193 + 0.32327364 * t)
    inclination = np.radians(-0.00001531 - 0.01294668 * t)
    axes = [*_perifocal(np.zeros_like(t), inclination, perihelion), _north(inclination)]
    towards, ahead = (np.stack([dot(x, axis) for axis in axes]) for x in _perifocal(node, i, argperi))
    # Where r is q + _REACH: tan(f/2)^2, from r = q (1 + e) (1 + tan^2) / (1 + e + (1 - e) tan^2).
    below = q * (1.0 + e) - (q + _REACH) * (1.0 - e)
    closed = below <= 0
    reach = np.where(closed, np.inf, np.sqrt(_REACH * (1.0 + e) / np.where(closed, 1.0, below)))
    eccentric = np.sqrt((1.0 + e) / np.where(e < 1, 1.0 - e, 1.0))
    stretch = np.sqrt(np.maximum(np.minimum(reach, np.where(e < 1, eccentric, np.inf)), 1.0))
    far = (1.0 - e) * stretch**2
    p = q * (1.0 + e) / (1.0 + e + far)
    return Orbits(
        start=p * (1.0 - stretch**2) * towards,
        cosine=p * (1.0 + stretch**2) * towards,
        sine=2.0 * p * stretch * ahead,
        share=(1.0 + e - far) / (1.0 + e + far),
        stretch=stretch,
        end=np.where(closed, np.pi, 2.0 * np.arctan(np.where(closed, 1.0, reach) / stretch)),
        q=q,
        e=e,
        towards=towards,
        ahead=ahead,
        a=a,
        b=a * np.sqrt(1.0 - of_earth**2),
        centre=a * of_earth,
        inclination=inclination,
        perihelion=perihelion,
    )


def _perifocal(node: Array, i: Array, argperi: Array) -> tuple[Array, Array]:
    """Unit vectors (3, n) on ecliptic axes, of angles in radians: towards perihelion, and a quarter turn ahead."""
    cos_n, cos_i, cos_w, sin_n, sin_i, sin_w = (f(x) for f in (np.cos, np.sin) for x in (node, i, argperi))
    towards = [cos_n * cos_w - sin_n * sin_w * cos_i, sin_n * cos_w + cos_n * sin_w * cos_i, sin_w * sin_i]
    ahead = [-cos_n * sin_w - sin_n * cos_w * cos_i, -sin_n * sin_w + cos_n * cos_w * cos_i, cos_w * sin_i]
    return np.stack(towards), np.stack(ahead)


def _north(i: Array) -> Array:
    return np.stack([np.zeros_like(i), -np.sin(i), np.cos(i)])


def dot(x: Array, y: Array) -> Array:
    return x[0] * y[0] + x[1] * y[1] + x[2] * y[2]  # in this order, however many there are


def starts(orbits: Orbits, *, nearest: bool) -> Points:
    """Points near all local minima; ``nearest``: but for those that cannot be the smallest."""
    found = [(np.zeros(0, np.intp), np.zeros(0))]
    closed, outside = orbits.end == np.pi, orbits.q > _OUTSIDE
    for is_closed in (True, False):
        for n, which in ((_POINTS_OUTSIDE, outside), (_POINTS, ~outside)):
            rows = np.flatnonzero(which & (closed == is_closed))
            for some in (rows[k : k + _IN_CACHE] for k in range(0, len(rows), _IN_CACHE)):
                few = orbits.take(some)
                step = 2.0 * few.end / (n if is_closed else n - 1)
                found += [(some[row], g) for row, g in _minima(few, -few.end, step, n, is_closed, nearest)]
    orbit, g = (np.concatenate(x) for x in zip(*found, strict=True))
    of_point = orbits.take(orbit)
    east, north, _ = _place(of_point, g)[0]
    east = east + of_point.centre
    earth = np.arctan2(north / of_point.b, east / of_point.a)
    # About the centre of the Earth's orbit, two points of it may be nearest to a point, and not to the first order.
    four = np.flatnonzero(np.hypot(east, north) < 2e-3)
    turns = np.repeat([0.5 * np.pi, np.pi, 1.5 * np.pi], len(four))
    orbit, g = np.append(orbit, np.tile(orbit[four], 3)), np.append(g, np.tile(g[four], 3))
    return Points(orbit, np.append(earth, np.tile(earth[four], 3) + turns), g, np.full(len(g), np.inf))


def _minima(
    orbits: Orbits, low: Array, step: Array, n: int, closed: bool, nearest: bool, levels: int = _LEVELS
) -> Iterator[tuple[Index, Array]]:
    """Orbits and g near the minima between the n points low, low + step, ... of each orbit."""
    same = slice(0, 1) if closed else slice(None)  # points of all closed orbits
    g = low[same, None] + step[same, None] * np.arange(n)
    squares = _distances2(orbits, np.cos(g), np.sin(g))
    if closed:
        around = np.concatenate([squares[:, -1:], squares, squares[:, :1]], axis=1)
    else:
        around = np.pad(squares, ((0, 0), (1, 1)), constant_values=-np.inf)
    row, j = np.nonzero((squares <= around[:, :-2]) & (squares <= around[:, 2:]))
    here, size = low[row] + step[row] * j, step[row]
    if nearest and len(row):
        of_point = orbits.take(row)
        place = _place(of_point, here)[0]
        long = np.fmax(*(np.sqrt(dot(x, x)) for x in (_place(of_point, here + k * size)[0] - place for k in (-1, 1))))
        least = np.minimum.reduceat(squares.ravel(), np.arange(len(squares)) * n)
        possible = np.sqrt(squares[row, j]) - 0.6 * long <= np.sqrt(least[row]) + 1e-3
        row, j, here, size = row[possible], j[possible], here[possible], size[possible]
    # Two minima between neighbouring points show in a curvature that is not much the same at all of them.
    beside = [j - 2, j - 1, j, j + 1, j + 2]
    values = [squares[row, k % n if closed else np.clip(k, 0, n - 1)] for k in beside]
    curvatures = [values[k] - 2.0 * values[k + 1] + values[k + 2] for k in range(3)]
    doubtful = np.minimum.reduce(curvatures) < 0.5 * np.maximum.reduce(curvatures)
    if not levels:
        doubtful[:] = False
    yield row[~doubtful], here[~doubtful]
    if doubtful.any():
        row, here, size = row[doubtful], here[doubtful], size[doubtful]
        stretch, finer = here - 2.0 * size, 4.0 * size / (_POINTS_AGAIN - 1)
        again = _minima(orbits.take(row), stretch, finer, _POINTS_AGAIN, False, nearest, levels - 1)
        yield from ((row[k], g) for k, g in again)


def _distances2(orbits: Orbits, cos: Array, sin: Array) -> Array:
    """Squares of the distances to the Earth's orbit, to some 1e-8 au2, at g of which these are cosine and sine.

    Nearest to a point is almost the point of the ellipse in the same direction from its centre.
    """
    inverse = 1.0 / (1.0 + orbits.share[:, None] * cos)
    coordinates = zip(orbits.start[..., None], orbits.cosine[..., None], orbits.sine[..., None], strict=True)
    east, north, up = ((start + cosine * cos + sine * sin) * inverse for start, cosine, sine in coordinates)
    a, flat = orbits.a[:, None], (orbits.a - orbits.b)[:, None]
    north *= north
    radius = (east + orbits.centre[:, None]) ** 2 + north
    return np.asarray((np.sqrt(radius) - a + flat * (north / np.maximum(radius, 1e-30))) ** 2 + up * up)


def _place(orbits: Orbits, g: Array) -> tuple[Array, Array, Array]:
    """Heliocentric place (3, n; au) of each orbit at g, and its first and second derivative by g."""
    cos, sin = np.cos(g), np.sin(g)
    inverse = 1.0 / (1.0 + orbits.share * cos)
    sin_share, cos_share = orbits.share * sin, orbits.share * cos
    along, across = orbits.cosine * cos + orbits.sine * sin, orbits.sine * cos - orbits.cosine * sin
    place = (orbits.start + along) * inverse
    first = (across + place * sin_share) * inverse
    return place, first, (-along + 2.0 * first * sin_share + place * cos_share) * inverse


def place_of_earth(orbits: Orbits, anomaly: Array) -> tuple[Array, Array, Array]:
    """The same of the Earth, by its eccentric anomaly."""
    zero = np.zeros_like(anomaly)
    cos, sin = np.cos(anomaly), np.sin(anomaly)
    east, north = orbits.a * cos, orbits.b * sin
    first = np.stack([-orbits.a * sin, orbits.b * cos, zero])
    return np.stack([east - orbits.centre, north, zero]), first, np.stack([-east, -north, zero])


def followed(orbits: Orbits, points: Points) -> Points:
    """The minima at the ends of descents from points: Newton's steps, shortened where the distance does not fall."""
    found = np.stack([points.earth, points.g])
    distance2 = points.distance2.copy()
    active, here, step = np.arange(len(distance2)), orbits.take(points.orbit), np.zeros_like(found)
    for _ in range(_STEPS):
        if not len(active):
            break
        tried = found[:, active] + step
        newton, square, size = _newton(here, tried)
        before = np.abs(step).max(axis=0)
        inside = np.abs(tried[1]) <= np.where(here.end == np.pi, np.inf, here.end)  # beyond are the other branches
        falls = inside & (square <= distance2[active])
        taken = falls | (inside & (before < _SMALL))
        found[:, active[taken]], distance2[active[taken]] = tried[:, taken], square[taken]
        step = np.where(taken, newton, 0.25 * step)
        # Near the end, where rounding hides whether the distance falls, steps are taken until they become no smaller.
        goes_on = np.where(taken, (size > _NOTHING) & (falls | (size < 0.5 * before)), True)
        active, step, here = active[goes_on], step[:, goes_on], here.take(goes_on) if not goes_on.all() else here
    ends = Points(points.orbit, found[0], found[1], distance2)
    return ends.take(np.isfinite(distance2))  # without what began beyond the end of an orbit


def _newton(orbits: Orbits, places: Array) -> tuple[Array, Array, Array]:
    """At the Earth's eccentric anomaly and g (2, n): Newton's step, the square of the distance, the step's length."""
    x1, along1, curved1 = place_of_earth(orbits, places[0])
    x2, along2, curved2 = _place(orbits, places[1])
    apart = x1 - x2
    speed = np.sqrt(dot(along2, along2))
    g1, g2 = dot(apart, along1), -dot(apart, along2) / speed
    h11 = dot(along1, along1) + dot(apart, curved1)
    h22 = 1.0 - dot(apart, curved2) / speed**2
    h12 = -dot(along1, along2) / speed
    # Where the distance curves downward in some direction, the curvature is raised until it does not.
    lowest = 0.5 * (h11 + h22 - np.hypot(h11 - h22, 2.0 * h12))
    more = np.where(lowest < 1e-13, np.maximum(np.abs(lowest), 1e-3) - lowest, 0.0)
    h11, h22 = h11 + more, h22 + more
    determinant = h11 * h22 - h12 * h12
    step1, step2 = (h12 * g2 - h22 * g1) / determinant, (h12 * g1 - h11 * g2) / determinant
    size = np.maximum(np.abs(step1), np.abs(step2))
    shorter = np.minimum(1.0, _LONGEST / np.maximum(np.maximum(size, np.abs(step2 / speed)), 1e-300))
    return np.stack([step1 * shorter, step2 / speed * shorter]), dot(apart, apart), size
