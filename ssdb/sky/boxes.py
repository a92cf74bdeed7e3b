"""Boxes in right ascension and zones of declination: what an ordinary index of a database can be searched with.

Sources are in zones of one arcminute, and a search looks into the zones that its circle touches. What objects cross in
a night is larger, and of all sizes: these boxes have levels. A box of level L is that of an object that stays within
0.16 deg 2^L of the middle of its night's path; the centres of a level are in zones 0.5 deg 2^L high. A field looks into
few zones of each level, and in each into a range of right ascension that is wider than the field by no more than the
level's boxes: fast objects, of which there are few, do not widen the search for the many slow ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.sky.footprint import ranges
from ssdb.units import ZONES_PER_DEG, Array, Index

N_ZONES = 180 * ZONES_PER_DEG + 1
"""The last one is the North pole alone."""

LEVELS = 12
"""The largest is that of objects that may be anywhere."""

_RADIUS_DEG = 0.16 * 2.0 ** np.arange(LEVELS)
_HEIGHT_DEG = 0.5 * 2.0 ** np.arange(LEVELS)
_ZONES_PER_LEVEL = 512

ROUNDING_DEG = 1e-4
"""Boxes of caps are larger by this: they are stored in single precision."""


class ZoneBoxes(NamedTuple):
    """Parts of boxes, each within one zone, n arrays in step."""

    point: Index
    """Number of the point whose box it is part of."""
    zone: NDArray[np.int32]
    """floor((dec + 90) * 60), dec in degrees."""
    ra0: Array
    """Degrees; below 0 where the box begins there: nothing else is between that and 0."""
    ra1: Array
    """Degrees, above ra0; above 360 where the box ends there."""


class Boxes(NamedTuple):
    """Boxes of right ascension and declination, n of them; degrees."""

    ra_min: Array
    """In [0, 360)."""
    ra_max: Array
    """Above 360 where the box crosses 0h; ra_min 0 and ra_max 360 is the whole circle."""
    dec_min: Array
    dec_max: Array


def zones(dec: ArrayLike) -> NDArray[np.int32]:
    """The zones of declinations in degrees, from 0 at the South pole."""
    return np.floor((np.asarray(dec) + 90.0) * ZONES_PER_DEG).astype(np.int32)


def zone_boxes(ra: ArrayLike, dec: ArrayLike, radius: ArrayLike) -> ZoneBoxes:
    """Boxes that hold all that is within a radius (deg, above 0) of points (deg, ra in [0, 360)), all of shape (n,).

    By point and zone ascending, but for the other sides of 0h: a box across 0h is there on either side of it. A place
    on the sky is in one part of a box at most.
    """
    ra, dec, radius = (np.asarray(values, dtype=float) for values in (ra, dec, radius))
    width = half_widths(dec, radius)
    around_pole = width == 180.0
    ra0, ra1 = np.where(around_pole, 0.0, ra - width), np.where(around_pole, 360.0, ra + width)
    first, last = (zones(np.clip(edge, -90.0, 90.0)) for edge in (dec - radius, dec + radius))
    n_zones = last - first + 1
    point = np.repeat(np.arange(len(ra)), n_zones)
    boxes = ZoneBoxes(point, ranges(first.astype(np.intp), n_zones).astype(np.int32), ra0[point], ra1[point])
    before = np.flatnonzero(boxes.ra0 < 0.0)
    after = np.flatnonzero((boxes.ra1 >= 360.0) & ~around_pole[point])
    if not len(before) and not len(after):
        return boxes
    where, shift = np.append(before, after), np.repeat([360.0, -360.0], [len(before), len(after)])
    return ZoneBoxes(
        np.append(point, point[where]),
        np.append(boxes.zone, boxes.zone[where]),
        np.append(boxes.ra0, boxes.ra0[where] + shift),
        np.append(boxes.ra1, boxes.ra1[where] + shift),
    )


def boxes_of_caps(ra: ArrayLike, dec: ArrayLike, radius_deg: ArrayLike) -> Boxes:
    """The smallest boxes that hold caps of centres and angular radii in degrees, shape (n,)."""
    ra, dec, radius = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in (ra, dec, radius_deg)))
    around = half_widths(dec, radius)
    ra_min = np.where(around < 180.0, (ra - around) % 360.0, 0.0)
    return Boxes(ra_min, ra_min + 2.0 * around, np.maximum(dec - radius, -90.0), np.minimum(dec + radius, 90.0))


def zones_of_caps(dec: ArrayLike, radius_deg: ArrayLike) -> NDArray[np.int16]:
    """Level and zone of the boxes of caps, as one number; shape (n,)."""
    level = np.ceil(np.log2(np.maximum(np.asarray(radius_deg, dtype=float) / _RADIUS_DEG[0], 1.0))).astype(int)
    zone = ((np.asarray(dec, dtype=float) + 90.0) / _HEIGHT_DEG[level]).astype(int)
    return (level * _ZONES_PER_LEVEL + zone).astype(np.int16)


def probes_of_field(
    ra: float, dec: float, radius_deg: float, margin: float, away: float = 1.0
) -> list[tuple[float, ...]]:
    """Where to look for boxes of caps that meet a field.

    Parameters
    ----------
    ra, dec, radius_deg : float
        The field, degrees.
    margin : float
        The field is made larger by this share of the level's radius.
    away : float
        How many times farther the observer is from the Earth's centre than the farthest of those for whom the caps
        hold what they see. The caps are as large as these see an object move by going there from the centre, or larger.

    Returns
    -------
    list of (zone, ra0, ra1, ra_least, dec0, dec1)
        A box of that zone meets the field if its ra_min is in [ra0, ra1], its ra_max is ra_least or more, and its
        declinations meet [dec0, dec1]. A box may be found by two of them.
    """
    probes: list[tuple[float, ...]] = []
    for level, (reach, height) in enumerate(zip(_RADIUS_DEG.tolist(), _HEIGHT_DEG.tolist(), strict=True)):
        radius = radius_deg + margin * reach + ROUNDING_DEG
        if away > 1.0:
            moved = away * math.sin(math.radians(min(reach, 90.0)))
            radius += math.degrees(math.asin(moved)) if moved < 1.0 else 180.0
        around = float(half_widths(dec, radius))
        dec0, dec1 = max(dec - radius, -90.0), min(dec + radius, 90.0)
        first, last = (int((min(max(end, -90.0), 90.0) + 90.0) / height) for end in (dec0 - reach, dec1 + reach))
        numbers = np.arange(first, last + 1)
        farthest = np.minimum(np.maximum(np.abs(numbers * height - 90.0), np.abs((numbers + 1) * height - 90.0)), 90.0)
        widths = 2.0 * half_widths(farthest, reach + ROUNDING_DEG)
        # A box may begin before 0h and end behind it, and so may the field.
        for shift in (-360.0, 0.0, 360.0) if around < 180.0 else (0.0,):
            west, east = (ra - around + shift, ra + around + shift) if around < 180.0 else (0.0, 360.0)
            for number, width in zip(numbers.tolist(), widths.tolist(), strict=True):
                ra0, ra1 = max(west - width, 0.0), min(east, 360.0)
                if ra0 <= ra1:
                    probes.append((level * _ZONES_PER_LEVEL + number, ra0, ra1, west, dec0, dec1))
    return probes


def half_widths(dec: ArrayLike, radius: ArrayLike) -> Array:
    """Half the range of right ascension of circles on the sky, degrees.

    asin(sin r / cos dec), where the circle touches a meridian; 180 where a pole is inside.
    """
    dec, radius = np.asarray(dec, dtype=float), np.asarray(radius, dtype=float)
    polar = np.abs(dec) + radius >= 90.0
    sine = np.sin(np.radians(radius)) / np.where(polar, 1.0, np.cos(np.radians(dec)))
    return np.where(polar, 180.0, np.degrees(np.arcsin(np.clip(sine, 0.0, 1.0))))
