"""Segments: the paths of objects over one night as Chebyshev series, and the caps of sky that hold them.

A series is that of the barycentric position against the time at which light is emitted. Light time is solved when a
segment is evaluated (:func:`ssdb.ephemeris.apparent.retarded`), so that nothing in it depends on where the observer
is: a position that holds for the light time to the Earth's centre would be wrong by up to 0.6 mas elsewhere on Earth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from ssdb.ephemeris.apparent import retarded
from ssdb.ephemeris.bodies import earth
from ssdb.ephemeris.chebyshev import evaluate, fit, nodes
from ssdb.ephemeris.constants import EARTH_RADIUS_KM
from ssdb.ephemeris.observer import tdb_of_tai
from ssdb.ephemeris.trajectory import Trajectories
from ssdb.sky.boxes import ROUNDING_DEG
from ssdb.sky.sphere import norms, positions
from ssdb.units import ARCSEC, AU_KM, LIGHT_SPEED, Array, Index, Mask

TOLERANCE_ARCSEC = 5e-5
"""Largest error of a series as it is seen from the Earth."""

FIRST_NODES, MOST_NODES = 6, 96
"""Nodes of the first fit, which is enough for nearly all objects, and of the last one that is tried."""

COEFFICIENT_BYTES = 24
"""Of the three coordinates of one coefficient."""

MARGIN_DAYS = 0.002
"""How much longer a segment is than the night, at each end: the light time of no comet changes by more in it."""

MOST_DAYS = 1.1
"""Longer than any segment."""

WHOLE_DAYS = 1.0
"""A shorter one is that of an object whose path ends, or begins, in the night."""

AROUND_EARTH_AU = 1.1 * EARTH_RADIUS_KM / AU_KM
"""From the Earth's centre: all places within it are those that a box on the sky is for."""

_SHORTEST_DAYS = 1e-5
"""Shorter segments, of objects that end as the night begins, are none."""

_INSIDE_DAYS = 1e-6
"""So much within its segment an object is looked at first and last, so that no rounding leads out of it."""

_SAMPLES = 5
_LARGEST_STEP = 0.3
"""An object that turns by more (radians) from one sample to the next may be anywhere in between."""

_NEAREST_AU = 0.005
"""Nearer objects are not followed more accurately than at this distance: to 1e-12 au, as the engine does."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Paths of n objects, each over its time."""

    coefficients: Array
    """(k, 3, n): Chebyshev coefficients of the barycentric position (au, ICRF), zero behind the degree of each."""
    tmin: Array
    tmax: Array
    """The times of emission, MJD TDB, at which the argument of the series is -1 and 1."""

    @property
    def limits(self) -> tuple[Array, Array] | None:
        """As :class:`ssdb.ephemeris.apparent.Paths` has it, of objects whose segments are a part of the night."""
        part = self.is_part
        if not part.any():
            return None
        first, last = np.where(part, self.tmin, -np.inf), np.where(part, self.tmax, np.inf)
        return first[:, None], last[:, None]

    @property
    def is_part(self) -> Mask:
        """Which are of objects whose paths end, or begin, in the night."""
        days = self.tmax - self.tmin
        return np.asarray((days > 0.0) & (days < WHOLE_DAYS))

    def at(self, mjd_tdb: Array) -> Array:
        """Where the objects are at times of emission (m,) or (n, m): as :class:`ssdb.ephemeris.apparent.Paths`."""
        half = 0.5 * (self.tmax - self.tmin)[:, None]
        argument = (np.atleast_1d(mjd_tdb) - self.tmin[:, None]) / half - 1.0
        position, derivative = evaluate(self.coefficients[..., None], argument)
        return np.moveaxis(np.concatenate([position, derivative / half]), 0, -1)


@dataclass(frozen=True, eq=False)
class NightSegments:
    """The segments of a night, and the caps that the objects do not leave in it as seen from anywhere on Earth."""

    rows: Index
    """Which of the given objects: those that could be followed through the night."""
    segments: Segments
    degrees: Index
    """Of the series."""
    ra: Array
    dec: Array
    radius: Array
    """Of the caps, degrees; radius 180 where an object may be anywhere."""


def night_interval(night: int) -> tuple[float, float]:
    """Start and end of a night, the integer part of MJD TAI, in MJD TDB."""
    start, end = tdb_of_tai([night, night + 1]).tolist()
    return start, end


def segments_of_night(paths: Trajectories, night: int) -> NightSegments:
    """Segments of objects for a night, of paths over it (:func:`night_interval`) and :data:`MARGIN_DAYS` after it.

    An object whose path ends in the night, or begins in it going back, has a segment of a part of the night.
    """
    start, end = night_interval(night)
    middle = 0.5 * (start + end)
    distance = norms(paths.at(middle)[:, 0, :3] - earth(middle)[:, :3])
    tmin = start - distance / LIGHT_SPEED - MARGIN_DAYS
    length, seen = np.full(paths.n, end - start + 2.0 * MARGIN_DAYS), np.array([[start], [end]])
    ending = np.flatnonzero(paths.ends.some)
    if len(ending):
        seen = np.repeat(seen, paths.n, axis=1)
        of_ending = _of_ending(paths.take(ending), start, end, length[ending])
        distance[ending], tmin[ending], length[ending], seen[:, ending] = of_ending
    rows, series, degrees = _fitted(paths, tmin, length, distance)
    segments = Segments(series, tmin[rows], tmin[rows] + length[rows])
    interval = seen[:, rows] if segments.is_part.any() else (start, end)
    return NightSegments(rows, segments, degrees, *_caps(segments, *interval))


def _of_ending(paths: Trajectories, start: float, end: float, length: Array) -> tuple[Array, Array, Array, Array]:
    """Distances (au), beginnings and lengths of the segments of objects whose paths end, and when they are seen (2, n).

    NaN where there is none: of those that end before the night, or whose last light comes before it.
    """
    first, last = paths.ends.first, paths.ends.last
    nearest = np.clip(0.5 * (start + end), first, last)
    distance = norms(paths.at(nearest[:, None])[:, 0, :3] - earth(nearest)[:, :3])
    tmin = start - distance / LIGHT_SPEED - MARGIN_DAYS
    tmax = np.minimum(tmin + length, last)
    tmin = np.maximum(tmin, first)
    there = np.flatnonzero(tmax - tmin > _SHORTEST_DAYS)
    seen = np.full((2, paths.n), np.nan)
    seen[:, there] = [_arrival(paths.take(there), moments[there]) for moments in (tmin, tmax)]
    tmin[~((seen[0] < end) & (seen[1] > start))] = np.nan
    inside = [seen[0] + _INSIDE_DAYS, seen[1] - _INSIDE_DAYS]
    return distance, tmin, tmax - tmin, np.clip(inside, start, end)


def _arrival(paths: Trajectories, moments: Array) -> Array:
    """When the light that leaves n objects at moments (n,) comes to the Earth's centre; MJD TDB."""
    here, seen = paths.at(moments[:, None])[:, 0, :3], moments
    for _ in range(3):
        seen = moments + norms(here - earth(seen)[:, :3]) / LIGHT_SPEED
    return seen


def _fitted(paths: Trajectories, tmin: Array, length: Array, distance: Array) -> tuple[Index, Array, Index]:
    """Which objects have a series, the series (k, 3, n) and their degrees; more nodes where few are not enough."""
    rows: Index = np.flatnonzero(np.isfinite(tmin))
    tolerance = TOLERANCE_ARCSEC * ARCSEC * np.maximum(distance, _NEAREST_AU)
    found: list[tuple[Index, Array, Index]] = []
    n_nodes = FIRST_NODES
    while len(rows) and n_nodes <= MOST_NODES:
        times = tmin[rows, None] + 0.5 * length[rows, None] * (nodes(n_nodes) + 1.0)
        series = fit(np.moveaxis(paths.take(rows).at(times)[..., :3], 1, 0))  # (nodes, n, 3)
        sizes = norms(series)
        # What is left out when a series ends before each of its terms.
        tails = np.cumsum(sizes[::-1], axis=0)[::-1]
        # Only where the last terms are small does the series say how large those are that it has not.
        enough = tails[-2] <= tolerance[rows]
        degrees = (tails > tolerance[rows]).sum(axis=0) - 1
        series[np.arange(n_nodes)[:, None] > degrees] = 0.0
        found.append((rows[enough], series[:, enough].transpose(0, 2, 1), degrees[enough]))
        rows = rows[~enough & np.isfinite(sizes).all(axis=0)]
        n_nodes *= 2
    return _joined(found)


def _joined(parts: list[tuple[Index, Array, Index]]) -> tuple[Index, Array, Index]:
    """Rows, series and degrees of several fits as those of one, by row; as many terms as the longest series has."""
    rows = np.concatenate([np.empty(0, np.intp), *(part[0] for part in parts)])
    degrees = np.concatenate([np.empty(0, np.intp), *(part[2] for part in parts)])
    n_terms = int(degrees.max(initial=1)) + 1
    series = np.zeros((n_terms, 3, len(rows)))
    start = 0
    for _, part, _ in parts:
        terms = part[:n_terms]
        series[: len(terms), :, start : start + part.shape[2]] = terms
        start += part.shape[2]
    order = np.argsort(rows)
    return rows[order], series[..., order], degrees[order]


def _caps(segments: Segments, start: float | Array, end: float | Array) -> tuple[Array, Array, Array]:
    """Caps (degrees) that hold n objects from start to end (MJD TDB), of all or (n,), seen from anywhere on Earth."""
    times = np.linspace(start, end, _SAMPLES, axis=-1)
    observers = earth(times.ravel()).reshape(*times.shape, 6)
    topo = retarded(segments, times, observers)[0][..., :3] - observers[..., :3]
    distance = norms(topo)
    directions = topo / distance[..., None]
    centers = directions.sum(axis=1)
    sizes = norms(centers)
    centers /= np.maximum(sizes, 0.1)[:, None]
    reach = _angles(centers[:, None] - directions).max(axis=1)
    turns = np.diff(directions, axis=1)
    # Between two samples the path leaves the great circle by an eighth of the second difference, about.
    bend = 0.5 * norms(np.diff(turns, axis=1)).max(axis=1)
    radius = np.degrees(reach + bend + parallax(distance.min(axis=1))) + ROUNDING_DEG
    anywhere = (_angles(turns).max(axis=1) > _LARGEST_STEP) | (sizes < 0.1) | (radius >= 90.0)
    ra, dec = positions(centers)
    return ra, dec, np.where(anywhere, 180.0, radius)


def parallax(distance: Array, away: ArrayLike = 1.0) -> Array:
    """The most that places on Earth may differ in the direction to an object (au away), and a little more; radians.

    Of observers ``away`` times as far from its centre, the most that they and it may differ; pi where they may see the
    object anywhere.
    """
    ratio = np.asarray(away) * AROUND_EARTH_AU / distance
    return np.where(ratio < 1.0, np.arcsin(np.minimum(ratio, 1.0)), np.pi)


def _angles(differences: Array) -> Array:
    """Angles between unit vectors with these differences, radians."""
    return 2.0 * np.arcsin(np.minimum(0.5 * norms(differences), 1.0))


def packed_series(segments: Segments, degrees: Index) -> pa.Array:
    """Series as bytes: little-endian doubles, x, y, z of one coefficient after the other up to the degree."""
    n_terms = degrees + 1
    kept = np.arange(len(segments.coefficients)) < n_terms[:, None]
    data = np.moveaxis(segments.coefficients, -1, 0)[kept].astype("<f8").tobytes()
    offsets = np.concatenate([[0], np.cumsum(n_terms)]).astype("<i4") * COEFFICIENT_BYTES
    buffers = [None, pa.py_buffer(offsets.astype("<i4").tobytes()), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.binary(), len(n_terms), buffers)


def unpacked_series(packed: Sequence[bytes]) -> Array:
    """Series of :func:`packed_series`, shape (k, 3, n): as many terms as the longest has."""
    size = max(map(len, packed), default=COEFFICIENT_BYTES)
    data = b"".join(one.ljust(size, b"\0") for one in packed)
    return np.frombuffer(data, "<f8").reshape(len(packed), -1, 3).transpose(1, 2, 0).astype(float)
