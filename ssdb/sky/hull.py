"""The convex hull of points on the sky, and how densely they lie in the field that they come from."""

from __future__ import annotations

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from ssdb.sky.footprint import join_outlines, outline_areas
from ssdb.sky.sphere import cap_area, positions, smallest_cap, tangent_offsets
from ssdb.units import Array

_WIDEST_DEG = 80.0
"""Radius of a cap beyond which its tangent plane is no picture of it."""


def field_area(ra: Array, dec: Array) -> float:
    """The area (arcsec^2) of the convex field in which points (degrees, shape (n,)) are spread evenly.

    That of their hull, over 1 - v / n: of n points v are its corners, and so many of the next points would fall
    outside of it (Efron 1965, Biometrika 52, 331). That of their cap where they have no hull, or all are its corners:
    fewer than four, on one great circle, or farther than 80 degrees from the centre of the cap.
    """
    center, radius = smallest_cap(ra, dec)
    of_cap = float(cap_area(radius))
    if len(ra) < 4 or radius > _WIDEST_DEG:
        return of_cap
    east, north = tangent_offsets(*positions(center), ra, dec)
    try:
        corners = ConvexHull(np.column_stack([east, north])).vertices
    except QhullError:
        return of_cap
    if len(corners) == len(ra):
        return of_cap
    area = outline_areas(join_outlines([np.column_stack([ra[corners], dec[corners]])]))[0]
    return float(area / (1.0 - len(corners) / len(ra)))
