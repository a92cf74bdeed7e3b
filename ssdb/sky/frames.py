"""Ecliptic and galactic coordinates: constant rotations of ICRS."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from ssdb.sky.sphere import positions, unit_vectors
from ssdb.units import OBLIQUITY, Array

_TO_GALACTIC = np.array(
    [
        [-0.05487565771259168, -0.8734370519556163, -0.4838350736167155],
        [0.4941094371927275, -0.44482972122329517, 0.7469821839866676],
        [-0.8676661375596587, -0.19807633727300075, 0.4559838136873016],
    ]
)
"""Rotation matrix from ICRS to astropy's Galactic: its columns are the transformed axes of ICRS.

A copy, which a test compares with astropy's: to ask for it takes every new process half a second of imports.
"""


def ecliptic(ra: ArrayLike, dec: ArrayLike, frame: str = "mean") -> tuple[Array, Array]:
    """Ecliptic longitude, in [0, 360), and latitude of ICRS positions, degrees.

    The frame ``"mean"`` is the J2000 mean ecliptic, ICRS rotated by the IAU 1976 obliquity of 84381.448 arcsec;
    ``"true"`` is astropy's ``BarycentricTrueEcliptic`` of J2000, with precession and nutation, which Rubin's alerts
    use.
    """
    return positions(_rotated(unit_vectors(ra, dec), ecliptic_rotation(frame)))


def galactic(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
    """Galactic longitude, in [0, 360), and latitude of ICRS positions, degrees, as astropy has them."""
    return positions(_rotated(unit_vectors(ra, dec), _TO_GALACTIC))


def _rotated(vectors: Array, rotation: Array) -> Array:
    """Vectors (..., 3) in other axes: each the same to the bit whatever is beside it, which BLAS does not promise."""
    x, y, z = vectors[..., :1], vectors[..., 1:2], vectors[..., 2:]
    return x * rotation[:, 0] + y * rotation[:, 1] + z * rotation[:, 2]


def ecliptic_rotation(frame: str) -> Array:
    """Rotation matrix (3, 3) from ICRS to a frame of :func:`ecliptic`; ``"true"`` imports astropy."""
    return _true_ecliptic_rotation() if frame == "true" else mean_ecliptic_rotation()


@cache
def mean_ecliptic_rotation() -> Array:
    """Rotation matrix (3, 3) from ICRS to the J2000 mean ecliptic of IAU 1976: the frame of the orbits."""
    c, s = np.cos(OBLIQUITY), np.sin(OBLIQUITY)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


@cache
def _true_ecliptic_rotation() -> Array:
    """Rotation matrix (3, 3) from ICRS to astropy's BarycentricTrueEcliptic: its columns are the transformed axes.

    Transforming positions one by one takes astropy fifty times as long.
    """
    from astropy.coordinates import BarycentricTrueEcliptic, SkyCoord

    axes = SkyCoord([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], unit="deg", frame="icrs")
    return np.asarray(axes.transform_to(BarycentricTrueEcliptic()).cartesian.xyz.value)
