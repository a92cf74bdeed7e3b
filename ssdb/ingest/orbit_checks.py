"""Finds epochs, times and angles of orbits that are in another unit or scale than they must be in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.elements import mean_motion
from ssdb.ingest.formats.orbit_block import usable_epochs
from ssdb.units import Array, Mask

_JD = 2_400_000.5
_IS_JD = "looks like JD; MJD = JD - 2400000.5"
_CALENDAR = (15_500_101.0, 26_510_101.0)
"""Dates written as YYYYMMDD.ddd."""
_YEARS = (1550.0, 2650.0)

_FASTEST = 0.3
"""au/d, 500 km/s: ten times what any interstellar object has had far from the Sun, and less than any has in km/s."""

_FEW_ORBITS = 20
"""From fewer than these nothing is concluded about their unit."""


def epoch_problems(name: str, epochs: Array) -> dict[str, Mask]:
    """Which epochs, shape (n,), cannot be used as MJD, by what is wrong; NaN is unknown and no problem here."""
    text = f"{name} is not an MJD of the years 1550 to 2650"
    bad = np.isfinite(epochs) & ~usable_epochs(epochs)
    jd = bad & usable_epochs(epochs - _JD)
    return {f"{text} but {_IS_JD}": jd, text: bad & ~jd}


def perihelion_problems(name: str, times: Array, epochs: Array, q: Array, e: Array) -> dict[str, Mask]:
    """Which times of perihelion, shape (n,), are given in another way than as MJD, by what they look like.

    An object whose perihelion is as far in time as a JD taken for an MJD would be is beyond 500 au, where none can be
    seen. A year is taken for one only where the perihelion would be more than a revolution from the epoch.
    """
    with np.errstate(all="ignore"):
        period = np.where(e < 1, 360.0 / mean_motion(q / (1.0 - e)), np.inf)
        elsewhere = np.abs(times - epochs) > period
    return {
        f"{name} is no MJD but {_IS_JD}": usable_epochs(times - _JD),
        f"{name} is no MJD but looks like a calendar date (YYYYMMDD)": (times >= _CALENDAR[0]) & (times < _CALENDAR[1]),
        f"{name} is no MJD but looks like a year": elsewhere & (times >= _YEARS[0]) & (times < _YEARS[1]),
    }


def speed_problems(q: Array, e: Array) -> dict[str, Mask]:
    """Which orbits no object has: hyperbolas so fast that their units must be others than au and days."""
    with np.errstate(all="ignore"):
        fast = (e > 1) & (GM_SUN * (e - 1.0) / q > _FASTEST**2)
    return {"it would pass the Sun with more than 500 km/s: are the units au, and au/d?": fast}


class Angles:
    """Whether all angles of a file look like radians, found block after block."""

    def __init__(self) -> None:
        self._n = 0
        self._largest = {"i": 0.0, "node": 0.0, "argperi": 0.0}

    def add(self, columns: Mapping[str, Array]) -> None:
        """Takes some orbits: their ``i``, ``node`` and ``argperi``, shape (n,)."""
        self._n += len(columns["i"])
        for name, largest in self._largest.items():
            self._largest[name] = max(largest, float(np.abs(columns[name]).max(initial=0.0)))

    def doubts(self) -> tuple[str, ...]:
        """What looks wrong and may be right."""
        i, node, argperi = self._largest.values()
        if self._n < _FEW_ORBITS or i > np.pi or max(node, argperi) > 2 * np.pi or max(node, argperi) == 0.0:
            return ()
        return ("i, node and argperi look like radians, and were taken for degrees",)
