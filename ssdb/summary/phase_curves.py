"""Phase curves: how much fainter an object is at a phase angle than at 0. Arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import CubicSpline

from ssdb.ephemeris.apparent import dimming
from ssdb.units import Array

MODELS = {"HG": ("G",), "HG12": ("G12",), "HG12star": ("G12",), "HG1G2": ("G1", "G2")}
"""Models, and what their slopes are called."""

LARGEST_PHASE_ANGLE = 150.0
"""Degrees: where the splines of the basis functions end. Beyond, they are straight lines down to 0."""


class Branch(NamedTuple):
    """Values of G12 for which G1 and G2 are straight lines in it: ``G = intercept + slope G12``."""

    low: float
    high: float
    intercepts: tuple[float, float]
    slopes: tuple[float, float]


BRANCHES = {
    "HG12": (
        # At 0.2 itself the upper branch holds, which differs from the lower by 1e-4 mag.
        Branch(0.0, float(np.nextafter(0.2, 0.0)), (0.06164, 0.6270), (0.7527, -0.9612)),
        Branch(0.2, 1.0, (0.02162, 0.5572), (0.9529, -0.6125)),
    ),
    "HG12star": (Branch(0.0, 1.0, (0.0, 0.53513350), (0.84293649, -0.53513350)),),
}
"""G1 and G2 out of G12: Muinonen et al. 2010, Icarus 209, 542; HG12star: Penttilä et al. 2016, P&SS 123, 117."""


def _spline(degrees: list[float], values: ArrayLike, ends: tuple[ArrayLike, ArrayLike]) -> CubicSpline:
    """A cubic spline with given slopes at its ends (per radian), straight lines beyond them to 0 and 180 degrees."""
    at, values = np.radians(degrees), np.asarray(values)
    spline = CubicSpline(at, values, bc_type=((1, ends[0]), (1, ends[1])))
    flat = np.zeros_like(values[0])
    spline.extend(np.array([[flat, flat, ends[1], values[-1]]]).transpose(1, 0, 2), np.array([np.pi]))
    if at[0] > 0:
        spline.extend(
            np.array([[flat, flat, ends[0], values[0] - at[0] * np.asarray(ends[0])]]).transpose(1, 0, 2), [0.0]
        )
    return spline


_BROAD = _spline(
    [7.5, 30.0, 60.0, 90.0, 120.0, 150.0],
    np.transpose(
        [
            [0.75, 0.33486016, 0.13410560, 0.051104756, 0.021465687, 0.0036396989],
            [0.925, 0.62884169, 0.31755495, 0.12716367, 0.022373903, 0.00016505689],
        ]
    ),
    ([-1.9098593, -0.57295780], [-0.091328612, -8.6573138e-8]),
)
_OPPOSITION = _spline(
    [0.0, 0.3, 1.0, 2.0, 4.0, 8.0, 12.0, 20.0, 30.0],
    [[1.0], [0.83381185], [0.57735424], [0.42144772], [0.23174230], [0.10348178], [0.061733473], [0.016107006], [0.0]],
    ([-1.0630097], [0.0]),
)


def basis_functions(phase_angle_deg: Array) -> tuple[Array, Array, Array]:
    """The three functions that a phase curve is the sum of (Muinonen et al. 2010), not negative, 1 at 0 degrees.

    The slope of the third at 0 degrees is taken per radian, as sbpy and Rubin do: of the paper's table one might think
    so or otherwise, and it matters below 0.3 degrees only.
    """
    radians = np.radians(phase_angle_deg)
    broad = np.maximum(_BROAD(radians), 0.0)
    return broad[..., 0].copy(), broad[..., 1].copy(), np.maximum(_OPPOSITION(radians)[..., 0], 0.0)


def both_slopes(model: str, G12: ArrayLike) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """G1 and G2 of a slope G12, and their derivatives by it."""
    G12 = np.asarray(G12, float)
    branches = BRANCHES[model]
    which = np.searchsorted([branch.low for branch in branches[1:]], G12, side="right")
    intercepts, slopes = (
        np.transpose([getattr(branch, name) for branch in branches]) for name in ("intercepts", "slopes")
    )
    (G1, G2), (dG1, dG2) = ((first[which], second[which]) for first, second in (intercepts, slopes))
    return (G1 + dG1 * G12, G2 + dG2 * G12), (dG1, dG2)


def magnitudes(model: str, phase_angle_deg: ArrayLike, *slopes: ArrayLike) -> Array:
    """How many magnitudes fainter than H an object is, at 1 au from Sun and observer.

    Parameters
    ----------
    model : str
        HG (Bowell et al. 1989), HG12, HG1G2 (Muinonen et al. 2010) or HG12star (Penttilä et al. 2016).
    phase_angle_deg : array_like
        Phase angles, degrees. Beyond 150 degrees all but HG are an extrapolation, which may be infinite.
    *slopes : array_like
        Of :data:`MODELS`: G, G12, or G1 and G2; any shapes that can be broadcast with the phase angles.
    """
    phase_angle = np.asarray(phase_angle_deg, float)
    if model == "HG":
        return -dimming(phase_angle, np.asarray(slopes[0], float))
    G1, G2 = both_slopes(model, slopes[0])[0] if len(slopes) == 1 else (np.asarray(slope, float) for slope in slopes)
    first, second, third = basis_functions(phase_angle)
    with np.errstate(divide="ignore", invalid="ignore"):
        return -2.5 * np.log10(G1 * first + G2 * second + (1.0 - G1 - G2) * third)
