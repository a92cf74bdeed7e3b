"""Boxes on the sky that objects cross in a night, and where an index finds those that meet a field.

Boxes of much the same size are of one level: of level L are those of objects that stay within 0.16 deg 2^L of the
middle of their night's path. The centres of a level are in zones of declination, 0.5 deg 2^L high. A field then looks
into few zones of each level, and in each into a range of right ascension that is wider than the field by no more than
the level's boxes are: fast objects, of which there are few, do not widen the search for the many slow ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.units import Array

LEVELS = 12
"""The largest is that of objects that may be anywhere."""

_RADIUS_DEG = 0.16 * 2.0 ** np.arange(LEVELS)
_HEIGHT_DEG = 0.5 * 2.0 ** np.arange(LEVELS)
_ZONES_PER_LEVEL = 512

ROUNDING_DEG = 1e-4
"""Boxes are larger by this: they are stored in single precision."""


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Boxes of right ascension and declination, n of them; degrees.

    Attributes
    ----------
    ra_min : ndarray, shape (n,)
        In [0, 360).
    ra_max : ndarray, shape (n,)
        Above 360 where the box crosses 0h; ra_min 0 and ra_max 360 is the whole circle.
    dec_min, dec_max : ndarray, shape (n,)
    """

    ra_min: Array
    ra_max: Array
    dec_min: Array
    dec_max: Array


def boxes_of_caps(ra: ArrayLike, dec: ArrayLike, radius_deg: ArrayLike) -> Boxes:
    """The smallest boxes that hold caps.

    Parameters
    ----------
    ra, dec, radius_deg : array_like, shape (n,)
        Centres and angular radii, degrees. A cap that holds a pole has the whole circle of right ascensions.
    """
    ra, dec, radius = np.broadcast_arrays(*(np.asarray(values, dtype=float) for values in (ra, dec, radius_deg)))
    around = _half_widths(dec, radius)
    ra_min = np.where(around < 180.0, (ra - around) % 360.0, 0.0)
    return Boxes(ra_min, ra_min + 2.0 * around, np.maximum(dec - radius, -90.0), np.minimum(dec + radius, 90.0))


def zones_of_caps(dec: ArrayLike, radius_deg: ArrayLike) -> NDArray[np.int16]:
    """Level and zone of the boxes of caps, as one number; shape (n,)."""
    level = np.ceil(np.log2(np.maximum(np.asarray(radius_deg, dtype=float) / _RADIUS_DEG[0], 1.0))).astype(int)
    zone = ((np.asarray(dec, dtype=float) + 90.0) / _HEIGHT_DEG[level]).astype(int)
    return (level * _ZONES_PER_LEVEL + zone).astype(np.int16)


def probes_of_field(ra: float, dec: float, radius_deg: float, margin: float) -> list[tuple[float, ...]]:
    """Where to look for boxes that meet a field.

    Parameters
    ----------
    ra, dec, radius_deg : float
        The field, degrees.
    margin : float
        The field is made larger by this share of the level's radius.

    Returns
    -------
    list of (zone, ra0, ra1, ra_least, dec0, dec1)
        A box of that zone meets the field if its ra_min is in [ra0, ra1], its ra_max is ra_least or more, and its
        declinations meet [dec0, dec1]. A box may be found by two of them.
    """
    probes: list[tuple[float, ...]] = []
    for level, (reach, height) in enumerate(zip(_RADIUS_DEG.tolist(), _HEIGHT_DEG.tolist(), strict=True)):
        radius = radius_deg + margin * reach + ROUNDING_DEG
        around = float(_half_widths(dec, radius))
        dec0, dec1 = max(dec - radius, -90.0), min(dec + radius, 90.0)
        first, last = (int((min(max(end, -90.0), 90.0) + 90.0) / height) for end in (dec0 - reach, dec1 + reach))
        zones = np.arange(first, last + 1)
        farthest = np.minimum(np.maximum(np.abs(zones * height - 90.0), np.abs((zones + 1) * height - 90.0)), 90.0)
        widths = 2.0 * _half_widths(farthest, reach + ROUNDING_DEG)
        # A box may begin before 0h and end behind it, and so may the field.
        for shift in (-360.0, 0.0, 360.0) if around < 180.0 else (0.0,):
            west, east = (ra - around + shift, ra + around + shift) if around < 180.0 else (0.0, 360.0)
            for zone, width in zip(zones.tolist(), widths.tolist(), strict=True):
                ra0, ra1 = max(west - width, 0.0), min(east, 360.0)
                if ra0 <= ra1:
                    probes.append((level * _ZONES_PER_LEVEL + zone, ra0, ra1, west, dec0, dec1))
    return probes


def _half_widths(dec: ArrayLike, radius: ArrayLike) -> Array:
    """Half the range of right ascensions of caps, degrees; 180 where a pole is inside."""
    dec, radius = np.asarray(dec, dtype=float), np.asarray(radius, dtype=float)
    polar = np.abs(dec) + radius >= 90.0
    sine = np.sin(np.radians(radius)) / np.cos(np.radians(np.where(polar, 0.0, dec)))
    return np.where(polar, 180.0, np.degrees(np.arcsin(np.clip(np.where(polar, 0.0, sine), 0.0, 1.0))))
