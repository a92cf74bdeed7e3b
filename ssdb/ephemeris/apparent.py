"""What an observer sees of a moving object."""

from __future__ import annotations

import numpy as np

from ssdb.sky.sphere import positions
from ssdb.units import Array


def directions_and_rates(vectors: Array, velocities: Array) -> tuple[Array, Array, Array, Array]:
    """Directions (ra in [0, 360), dec; degrees) of moving points, and their rates to the east (with cos dec) and north.

    Vectors (n, 3) are from the observer to the objects, in any unit of length, ICRS axes; velocities are their
    derivatives by the day, rates are degrees a day. What is contained in both (light time, say) is in the rates.
    """
    ra, dec = positions(vectors)
    sin_ra, cos_ra, sin_dec, cos_dec = (f(np.radians(angle)) for angle in (ra, dec) for f in (np.sin, np.cos))
    vx, vy, vz = velocities.T
    distance = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    east = cos_ra * vy - sin_ra * vx
    north = cos_dec * vz - sin_dec * (cos_ra * vx + sin_ra * vy)
    return ra, dec, np.degrees(east / distance), np.degrees(north / distance)
