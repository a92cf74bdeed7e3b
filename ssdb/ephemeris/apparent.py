"""What an observer sees of a moving object."""

from __future__ import annotations

import numpy as np

from ssdb.sky.sphere import positions
from ssdb.units import Array


def directions_and_rates(vectors: Array, velocities: Array) -> tuple[Array, Array, Array, Array]:
    """Directions of moving points, and how fast these change.

    The rates are the components of the velocity along east and north over the distance; they are those of the
    direction if the velocity is the derivative of the vector, whatever is contained in both (light time, say).

    Parameters
    ----------
    vectors : ndarray, shape (n, 3)
        Observer to object, any unit of length, ICRS axes.
    velocities : ndarray, shape (n, 3)
        Their derivatives, in that unit of length per day.

    Returns
    -------
    ra, dec : ndarray, shape (n,)
        Degrees, ra in [0, 360).
    rate_ra, rate_dec : ndarray, shape (n,)
        Degrees per day, towards east (cos dec included) and north.
    """
    ra, dec = positions(vectors)
    sin_ra, cos_ra, sin_dec, cos_dec = (f(np.radians(angle)) for angle in (ra, dec) for f in (np.sin, np.cos))
    vx, vy, vz = velocities.T
    distance = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    east = cos_ra * vy - sin_ra * vx
    north = cos_dec * vz - sin_dec * (cos_ra * vx + sin_ra * vy)
    return ra, dec, np.degrees(east / distance), np.degrees(north / distance)
