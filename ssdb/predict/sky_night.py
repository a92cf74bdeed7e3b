"""Where all objects are in a night, about, and which of them may be in a field.

Of each object there is its place in the middle of the night as the Earth's centre sees it, its motion, and how far it
may be from that straight line: by what two-body motion leaves out, the curvature of the paths of object and Earth, and
the parallax of a place on Earth. They are sorted by declination; what may move far is looked at in every field.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssdb.ephemeris.bodies import earth, sun
from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.propagate import BATCH, trajectories
from ssdb.ephemeris.two_body import in_threads, on_ellipses
from ssdb.io.kept_arrays import KeptArrays
from ssdb.predict.segments import AROUND_EARTH_AU, MARGIN_DAYS, night_interval, segments_of_night
from ssdb.predict.sky_orbits import SkyOrbits
from ssdb.sky.sphere import norms, unit_vectors
from ssdb.units import LIGHT_SPEED, Array, Columns, Index

_WIDEST = 0.02
"""Radians: an object that may be farther from a straight line of its two-body motion is followed through the night."""

_NARROW = 0.01
"""Radians that most objects stay within in a night, the middle of its path as centre."""

_EARTH_TURNS = 4e-4
"""The most that the Earth's centre is accelerated, au/d^2, by Sun and Moon."""

_HALF_DAY = 0.501
"""And what time scales differ by."""

_ROUNDING = 1e-6
"""Radians, of single precision."""


@dataclass(frozen=True, eq=False)
class SkyNight:
    """The m objects that may be seen in a night."""

    arrays: Columns
    """``row`` (m,): which orbit; ``place`` (m, 3) and ``motion`` (m, 3): au and au/d, from the Earth's centre in the
    middle of the night, ICRF, light time taken into account; ``slack`` (m,): how far it may be from there, au;
    ``height`` (k,): sines of the declinations of the first k objects, ascending: those that stay within
    :data:`_NARROW`. All in single precision."""
    middle: float
    """MJD TDB."""

    def near(self, ra: float, dec: float, radius_deg: float, mjd_tdb: float) -> Index:
        """Rows of orbits, ascending, of all objects that may be within a radius (deg) of a direction at a time."""
        height = self.arrays["height"]
        around = np.radians(radius_deg)
        reach = np.degrees(around + _NARROW + _ROUNDING)
        south, north = np.sin(np.radians(np.clip([dec - reach, dec + reach], -90.0, 90.0))).tolist()
        first = int(np.searchsorted(height, np.float32(south - _ROUNDING), side="left"))
        last = int(np.searchsorted(height, np.float32(north + _ROUNDING), side="right"))
        center = unit_vectors(ra, dec).astype(np.float32)
        days = np.float32(mjd_tdb - self.middle)
        found = [self._among(which, center, around, days) for which in (slice(first, last), slice(len(height), None))]
        return np.sort(np.concatenate(found)).astype(np.intp)

    def _among(self, which: slice, center: NDArray[np.float32], around: float, days: np.float32) -> NDArray[np.int32]:
        """Which of some objects may be there."""
        row, place, motion, slack = (self.arrays[name][which] for name in ("row", "place", "motion", "slack"))
        place = place + days * motion
        distance = norms(place)
        with np.errstate(all="ignore"):
            chord = norms(place / distance[:, None] - center)
            apart = 2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0))
            ratio = slack / distance
            # NaN of what is at the observer's place.
            beyond = apart > around + np.arcsin(np.minimum(ratio, 1.0)) + _ROUNDING
        return row[~(beyond & (ratio < 1.0))]


def sky_night(kept: KeptArrays, orbits: SkyOrbits, night: int) -> SkyNight:
    """Where all objects are in a night (integer part of MJD TAI)."""
    start, end = night_interval(night)
    return SkyNight(
        kept.get("night", f"{orbits.state}-{night}", lambda: _of_night(orbits, night, start, end)), 0.5 * (start + end)
    )


def _of_night(orbits: SkyOrbits, night: int, start: float, end: float) -> Columns:
    n, middle = len(orbits), 0.5 * (start + end)
    place, motion = np.empty((n, 3), np.float32), np.empty((n, 3), np.float32)
    slack, height, narrow = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, bool)
    origin = (sun(middle) - earth(middle))[0]

    def work(rows: Index) -> None:
        states, epochs = orbits.states(rows)
        bound = orbits.bounds[rows].astype(float)
        two_body = on_ellipses(states.T.copy(), middle - epochs)
        here, there = two_body.position + origin[:3, None], two_body.velocity + origin[3:, None]
        with np.errstate(all="ignore"):
            distance = np.sqrt(np.einsum("in,in->n", here, here))
            here -= two_body.velocity * (distance / LIGHT_SPEED)
            own, speed = (np.sqrt(np.einsum("in,in->n", v, v)) for v in (two_body.velocity, there))
            days = _HALF_DAY + 1.1 * distance / LIGHT_SPEED
            lowest = two_body.nearest - own * days
            bend = 0.5 * (GM_SUN / lowest**2 + _EARTH_TURNS) * days**2 + own * speed * _HALF_DAY / LIGHT_SPEED
            off = bound + bend + AROUND_EARTH_AU
            known = (off / distance < _WIDEST) & (lowest > 0.0)
            reach = (speed * _HALF_DAY + off) / (distance - speed * _HALF_DAY)
            narrow[rows] = known & (reach > 0.0) & (reach < 0.99 * _NARROW)
        place[rows], motion[rows], height[rows] = here.T, there.T, here[2] / distance
        slack[rows] = np.where(known, off, np.nan)

    in_threads(work, [np.arange(n)])
    lost = np.flatnonzero(np.isnan(slack))
    place[lost], motion[lost], slack[lost] = _followed(orbits, lost, night, start, end)
    order = np.flatnonzero(narrow)
    order = order[np.argsort(height[order])]
    found: Columns = {"row": np.concatenate([order, np.flatnonzero(~narrow)]).astype(np.int32)}
    for name, values in (("place", place), ("motion", motion), ("slack", slack)):
        found[name] = values.take(found["row"], axis=0)
    return {**found, "height": height[order]}


def _followed(orbits: SkyOrbits, rows: Index, night: int, start: float, end: float) -> tuple[Array, Array, Array]:
    """Directions as places 1 au away, no motion, and the radii of the caps that hold some objects in a night."""
    place, slack = np.tile([1.0, 0.0, 0.0], (len(rows), 1)), np.full(len(rows), np.inf)
    for first in range(0, len(rows), BATCH):
        part = rows[first : first + BATCH]
        made = segments_of_night(trajectories(orbits.take(part), start, end + MARGIN_DAYS), night)
        place[first + made.rows] = unit_vectors(made.ra, made.dec)
        # Of one that may be anywhere, or has no segment, nothing is known.
        slack[first + made.rows] = np.where(made.radius < 90.0, np.sin(np.radians(made.radius)) + _ROUNDING, np.inf)
    return place, np.zeros_like(place), slack
