"""The constants of the ephemeris: those of DE440 and of the IAU."""

from __future__ import annotations

from ssdb.sky.sphere import unit_vectors
from ssdb.units import AU_KM, SECONDS_PER_DAY

EARTH_RADIUS_KM = 6378.137
"""The unit of the MPC's parallax constants."""

_AU3_PER_DAY2 = SECONDS_PER_DAY**2 / AU_KM**3

GM_SUN = 132712440041.279419 * _AU3_PER_DAY2
"""Of the Sun, au^3/d^2."""

GM_PLANETS = {
    1: 22031.868551 * _AU3_PER_DAY2,
    2: 324858.592 * _AU3_PER_DAY2,
    399: 398600.435507 * _AU3_PER_DAY2,
    301: 4902.800118 * _AU3_PER_DAY2,
    4: 42828.375816 * _AU3_PER_DAY2,
    5: 126712764.1 * _AU3_PER_DAY2,
    6: 37940584.8418 * _AU3_PER_DAY2,
    7: 5794556.4 * _AU3_PER_DAY2,
    8: 6836527.10058 * _AU3_PER_DAY2,
    9: 975.5 * _AU3_PER_DAY2,
}
"""By NAIF's numbers, au^3/d^2: Mercury, Venus, Earth, Moon, and the systems of Mars to Pluto
(Park et al. 2021, AJ 161, 105, table 2)."""

SUN_RADIUS_AU = 696000.0 / AU_KM
SUN_ZONAL = {2: 2.1961391516529825e-7}
SUN_POLE = unit_vectors(286.13, 63.87)
"""The Sun's equatorial radius, its zonal harmonic J2 and its north pole on ICRF axes (DE440: Park et al. 2021, section
4; the pole is that of Archinal et al. 2018, CeMDA 130, 22)."""

EARTH_RADIUS_AU = 6378.1366 / AU_KM
EARTH_ZONAL = {2: 1.08262539e-3, 3: -2.53241e-6, 4: -1.619898e-6}
EARTH_POLE = unit_vectors(0.0, 90.0)
"""The Earth's equatorial radius, its zonal harmonics J2 to J4 (DE440) and its pole, that of J2000: as JPL Horizons and
ASSIST have it, and so the published orbits. That of date is 20 arcsec a year away from it."""

WATER_SCALE, WATER_AU = 0.1112620426, 2.808
WATER_POWERS = (2.15, 5.093, 4.6142)
"""alpha, r0 and m, n, k of how water ice sublimates: g(r) = alpha (r / r0)^-m (1 + (r / r0)^n)^-k, which is 1 at 1 au
(Marsden, Sekanina & Yeomans 1973, AJ 78, 211)."""

SUNLIGHT = 1361.0 * 1e-3 / 299792458.0 * SECONDS_PER_DAY**2 / (1e3 * AU_KM)
"""Acceleration (au/d^2) at 1 au by the pressure of sunlight (1361 W/m^2) on 1 m^2 that absorbs it and weighs a ton."""

GM_ASTEROIDS = {
    2000001: 1.3964518123081070e-13,
    2000002: 3.0471146330043200e-14,
    2000003: 4.2823439677995011e-15,
    2000004: 3.8548000225257904e-14,
    2000007: 2.5416014973471498e-15,
    2000010: 1.2542530761640810e-14,
    2000015: 4.5107799051436795e-15,
    2000016: 3.5445002842488978e-15,
    2000031: 2.4067012218937576e-15,
    2000052: 5.9824315264869841e-15,
    2000065: 2.0917175955133682e-15,
    2000087: 4.8345606546105521e-15,
    2000088: 2.6529436610356353e-15,
    2000107: 3.2191392075878588e-15,
    2000511: 8.6836253492286545e-15,
    2000704: 6.3110343420878887e-15,
}
"""Of the 16 most massive asteroids of the main belt by NAIF's numbers, au^3/d^2 (JPL IOM 392R-21-005, table 1)."""

RADII_KM = {
    10: 695_700.0,
    1: 2440.53,
    2: 6051.8,
    399: EARTH_RADIUS_KM,
    301: 1737.4,
    4: 3396.19,
    5: 71_492.0,
    6: 60_268.0,
    7: 25_559.0,
    8: 24_764.0,
    9: 1188.3,
}
"""Of the Sun (IAU 2015 Resolution B3) and, at their equators, the bodies of :data:`GM_PLANETS`, in their order
(Archinal et al. 2018, Celestial Mechanics and Dynamical Astronomy 130, 22)."""

NAMES = {
    **{10: "Sun", 1: "Mercury", 2: "Venus", 399: "Earth", 301: "Moon", 4: "Mars"},
    **{5: "Jupiter", 6: "Saturn", 7: "Uranus", 8: "Neptune", 9: "Pluto"},
}
