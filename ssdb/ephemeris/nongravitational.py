"""Forces that are not gravity: jets of a comet, the recoil of warm ground, the pressure of sunlight.

They have six parameters, :data:`PARAMETERS`. Accelerations are along the direction from the Sun (R), the motion across
it within the plane of the orbit (T), and the normal of that plane (N):

- a1, a2, a3 along R, T, N, times g(r), the rate at which water ice sublimates (Marsden, Sekanina & Yeomans 1973, AJ 78,
  211), at the distance r that the object had ``dt`` days ago (Yeomans & Chodas 1989, AJ 98, 1083) in its osculating
  orbit;
- yarkovsky along T and sunlight along R, times (1 au / r)^2.
"""

from __future__ import annotations

import numpy as np

from ssdb.ephemeris.constants import WATER_AU, WATER_POWERS, WATER_SCALE
from ssdb.ephemeris.elements import distances_after
from ssdb.units import Array

PARAMETERS = ("a1", "a2", "a3", "dt", "yarkovsky", "sunlight")
"""au/d^2 at 1 au, but ``dt``: days."""


def water_rate(r: Array) -> Array:
    """g(r), of 1 at 1 au, at distances from the Sun in au."""
    m, n, k = WATER_POWERS
    ratio = r / WATER_AU
    return np.asarray(WATER_SCALE * ratio**-m * (1.0 + ratio**n) ** -k)


def nongravitational(from_sun: Array, velocity: Array, parameters: Array) -> Array:
    """Accelerations (s, 3, n), au/d^2, of objects at heliocentric positions and velocities (s, 3, n), au and au/d.

    Parameters (6, n) are :data:`PARAMETERS`; most objects have none, which costs them nothing.
    """
    total = np.zeros_like(from_sun)
    some = np.flatnonzero(parameters.any(axis=0))
    x, v = (values[:, :, some].swapaxes(1, 2) for values in (from_sun, velocity))  # (s, k, 3)
    a1, a2, a3, dt, yarkovsky, sunlight = parameters[:, some]
    r = np.linalg.norm(x, axis=2)
    radial = x / r[..., None]
    normal = np.cross(x, v)
    normal /= np.linalg.norm(normal, axis=2)[..., None]
    then = r.copy()
    if (late := np.flatnonzero(dt)).size:
        then[:, late] = distances_after(x[:, late], v[:, late], -dt[late])
    g, square = water_rate(then), 1.0 / (r * r)
    along = (
        (a1 * g + sunlight * square)[..., None] * radial
        + (a2 * g + yarkovsky * square)[..., None] * np.cross(normal, radial)
        + (a3 * g)[..., None] * normal
    )
    total[:, :, some] = along.swapaxes(1, 2)
    return total
