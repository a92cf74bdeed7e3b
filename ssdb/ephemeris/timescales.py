"""From the time scale of the Minor Planet Center's elements to that of the planets' motion."""

from __future__ import annotations

import numpy as np

from ssdb.units import SECONDS_PER_DAY, Array

_TERMS = (
    (0.001657, 628.3076, 6.2401),
    (0.000022, 575.3385, 4.2970),
    (0.000014, 1256.6152, 6.1969),
    (0.000005, 606.9777, 4.0212),
    (0.000005, 52.9691, 0.4444),
    (0.000002, 21.3299, 5.5431),
)
"""Seconds, radians per Julian century, radians."""


def tdb_of_tt(mjd_tt: Array) -> Array:
    """MJD TT in MJD TDB of the Earth's centre: at most 1.7 ms away from it.

    The series of the US Naval Observatory's Circular 179 (Kaplan 2005), equation 2.6: within 10 microseconds from 1600
    to 2200.
    """
    centuries = (mjd_tt - 51544.5) / 36525.0
    ahead = sum(size * np.sin(rate * centuries + phase) for size, rate, phase in _TERMS)
    ahead += 0.000010 * np.clip(centuries, -10.0, 10.0) * np.sin(628.3076 * centuries + 4.2490)
    return np.asarray(mjd_tt + ahead / SECONDS_PER_DAY)
