"""Constants of units, magnitudes of fluxes, and the types of arrays that all modules share."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
"""Ids, keys, counts."""
Index: TypeAlias = NDArray[np.intp]
"""Which rows of other arrays."""
Mask: TypeAlias = NDArray[np.bool_]
Columns: TypeAlias = dict[str, NDArray[Any]]
"""Arrays of one length by the names of columns."""

ARCSEC_PER_DEG = 3600.0

ZONES_PER_DEG = 60
"""Zones of declination, as DiaSource.zone counts them."""

ARCSEC = math.radians(1.0 / ARCSEC_PER_DEG)
"""Radians in an arcsecond."""

SECONDS_PER_DAY = 86400.0

MAG = 2.5 / np.log(10.0)
"""Magnitudes of a factor e in flux: the error of a magnitude is this times the relative one of the flux."""

JD_OF_MJD_0 = 2400000.5
"""The Julian date of MJD 0."""

TT_LESS_TAI_DAYS = 32.184 / SECONDS_PER_DAY

AU_KM = 149597870.7
"""Kilometres in an astronomical unit (IAU 2012 Resolution B2)."""

AU_PER_DAY_KM_S = AU_KM / SECONDS_PER_DAY
"""km/s in 1 au/d."""

LIGHT_SPEED = 299792.458 * SECONDS_PER_DAY / AU_KM
"""Speed of light, au/d."""

OBLIQUITY = 84381.448 * ARCSEC
"""Of the ecliptic of J2000, radians (IAU 1976)."""

AB_ZERO_POINT_NJY = 31.4
"""AB magnitude of 1 nJy (Oke & Gunn 1983, ApJ 266, 713)."""


def ab_magnitudes(fluxes: ArrayLike) -> Array:
    """AB magnitudes of fluxes in nJy; NaN of those that are not above 0."""
    fluxes = np.asarray(fluxes, dtype=float)
    positive = fluxes > 0
    return AB_ZERO_POINT_NJY - 2.5 * np.log10(fluxes, out=np.full(fluxes.shape, np.nan), where=positive)
