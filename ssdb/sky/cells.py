"""Cells of the sky, of 15 by 15 degrees: what writers of DiaObjects keep each other away from."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ssdb.sky.boxes import half_widths
from ssdb.units import Integers

_SIZE_DEG = 15.0
_STRIPS, _PER_STRIP = 12, 24

CELLS = (0, *range(_PER_STRIP, (_STRIPS - 1) * _PER_STRIP), (_STRIPS - 1) * _PER_STRIP)
"""Their numbers: strips of declination from the south pole, in each by right ascension. The strips at the poles are one
cell each."""


def cells_near(ra: ArrayLike, dec: ArrayLike, radius_deg: float) -> Integers:
    """The cells that have a place within a small radius of points (deg, ra in [0, 360)), ascending."""
    ra, dec = np.asarray(ra, float), np.asarray(dec, float)
    # Of each side of the boxes round the points: they are smaller than a cell, or reach round a pole.
    width = np.minimum(half_widths(dec, np.full(len(dec), radius_deg)), _SIZE_DEG)
    found = []
    for north in (-radius_deg, radius_deg):
        strip = np.clip(np.floor((dec + north + 90.0) / _SIZE_DEG), 0, _STRIPS - 1).astype(np.int64)
        for east in (-width, width):
            place = np.floor((ra + east) % 360.0 / _SIZE_DEG).astype(np.int64) % _PER_STRIP
            polar = (strip == 0) | (strip == _STRIPS - 1)
            found.append(np.unique(_PER_STRIP * strip + np.where(polar, 0, place)))
    return np.unique(np.concatenate(found))
