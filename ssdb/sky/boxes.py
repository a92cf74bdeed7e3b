"""Boxes in right ascension and zones of declination round points: what an ordinary index can be searched with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.sky.footprint import ranges
from ssdb.units import Array, Index

ZONES_PER_DEG = 60
"""As the column DiaSource.zone counts them."""

N_ZONES = 180 * ZONES_PER_DEG + 1
"""The last one is the North pole alone."""


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


def zones(dec: ArrayLike) -> NDArray[np.int32]:
    """The zones of declinations in degrees, from 0 at the South pole."""
    return np.floor((np.asarray(dec) + 90.0) * ZONES_PER_DEG).astype(np.int32)


def zone_boxes(ra: ArrayLike, dec: ArrayLike, radius: ArrayLike) -> ZoneBoxes:
    """Boxes that hold all that is within a radius of points.

    Half the width in right ascension is asin(sin r / cos dec), where the circle touches a meridian; with a pole inside
    the circle it is the whole circle of right ascension. A box across 0h is there on either side of it.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Degrees, ra in [0, 360).
    radius : array_like, shape (n,)
        Degrees, above 0.

    Returns
    -------
    ZoneBoxes
        By point and zone ascending, but for the other sides of 0h. A place on the sky is in one part of a box at most.
    """
    ra, dec, radius = (np.asarray(values, dtype=float) for values in (ra, dec, radius))
    around_pole = np.abs(dec) + radius >= 90.0
    sine = np.sin(np.radians(radius)) / np.where(around_pole, 1.0, np.cos(np.radians(dec)))
    width = np.degrees(np.arcsin(np.minimum(sine, 1.0)))
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
