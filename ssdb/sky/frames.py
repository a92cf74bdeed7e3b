"""Ecliptic and galactic coordinates: constant rotations of ICRS."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from ssdb.config import ARCSEC
from ssdb.sky.sphere import Array, positions, unit_vectors

_OBLIQUITY = 84381.448 * ARCSEC
"""IAU 1976 mean obliquity of the ecliptic at J2000: that of the frame of the orbits."""


def ecliptic(ra: ArrayLike, dec: ArrayLike, frame: str = "mean") -> tuple[Array, Array]:
    """Ecliptic longitude and latitude.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        ICRS positions, degrees.
    frame : {"mean", "true"}
        ``"mean"``: J2000 mean ecliptic, ICRS rotated by the IAU 1976 obliquity of 84381.448 arcsec. ``"true"``:
        astropy's ``BarycentricTrueEcliptic`` of J2000, with precession and nutation, which Rubin's alerts use.

    Returns
    -------
    longitude, latitude : ndarray, shape (n,)
        Degrees, longitude in [0, 360).
    """
    rotation = _true_ecliptic_rotation() if frame == "true" else mean_ecliptic_rotation()
    return positions(_rotated(unit_vectors(ra, dec), rotation))


def galactic(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
    """Galactic longitude and latitude, as astropy has them.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        ICRS positions, degrees.

    Returns
    -------
    longitude, latitude : ndarray, shape (n,)
        Degrees, longitude in [0, 360).
    """
    return positions(_rotated(unit_vectors(ra, dec), _galactic_rotation()))


def _rotated(vectors: Array, rotation: Array) -> Array:
    """Vectors (..., 3) in other axes: each the same to the bit whatever is beside it, which BLAS does not promise."""
    x, y, z = vectors[..., :1], vectors[..., 1:2], vectors[..., 2:]
    return x * rotation[:, 0] + y * rotation[:, 1] + z * rotation[:, 2]


@cache
def mean_ecliptic_rotation() -> Array:
    """Rotation matrix (3, 3) from ICRS to the J2000 mean ecliptic of IAU 1976: the frame of the orbits."""
    c, s = np.cos(_OBLIQUITY), np.sin(_OBLIQUITY)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, s], [0.0, -s, c]])


@cache
def _true_ecliptic_rotation() -> Array:
    """Rotation matrix (3, 3) from ICRS to astropy's BarycentricTrueEcliptic."""
    from astropy.coordinates import BarycentricTrueEcliptic

    return _rotation_to(BarycentricTrueEcliptic())


@cache
def _galactic_rotation() -> Array:
    """Rotation matrix (3, 3) from ICRS to astropy's Galactic."""
    from astropy.coordinates import Galactic

    return _rotation_to(Galactic())


def _rotation_to(frame: object) -> Array:
    """Rotation matrix (3, 3) from ICRS to an astropy frame: its columns are the transformed axes.

    Transforming positions one by one takes astropy fifty times as long.
    """
    from astropy.coordinates import SkyCoord

    axes = SkyCoord([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], unit="deg", frame="icrs")
    return np.asarray(axes.transform_to(frame).cartesian.xyz.value)
