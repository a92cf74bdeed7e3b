"""The densities that the crowded night is drawn from, which a decision may know: shares, sizes, errors, magnitudes.

Angles are in degrees, offsets and lengths in arcsec, fluxes in nJy, magnitudes AB.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import beta

from ssdb.simulate.visit import EXPOSURE_SECONDS
from ssdb.units import AB_ZERO_POINT_NJY, ARCSEC_PER_DEG, SECONDS_PER_DAY, Array, Index

FIELD_ARCSEC = 3.5 * ARCSEC_PER_DEG
N_DETECTORS = 36
MARGIN_ARCSEC = 120.0
"""Objects are predicted so far outside the field, too."""
N_SOURCES = 10_000
N_OBJECTS = 915
"""Predicted for a visit, those in the margin included."""

KNOWN, UNKNOWN, VARIABLE, ARTEFACT, STREAK = range(5)
"""Kinds of sources: asteroids that are predicted and that are not, stars and transients, artefacts, satellites."""
N_UNKNOWN, N_ARTEFACTS, N_STREAKS = 59.0, 4000.0, 1.0
"""Of a visit: unknown asteroids and streaks on average, artefacts about."""

COLOURS = {"r": (0.172, 0.255), "i": (0.291, 0.455)}
"""V - band of the classes C and S, each half of the objects: Veres & Chesley (2017), table 4."""
BRIGHTEST, FAINTEST = 17.0, 25.5
COUNTS_SLOPE, KNOWN_TO, KNOWN_WIDTH = 0.4, 24.3, 0.6
"""V magnitudes: counts grow as 10^(0.4 V) as far as objects are known, half of them at V = KNOWN_TO."""
NO_MAGNITUDE = 0.03

MAJOR, LOWEST_RATIO, MINOR, NO_ELLIPSE, CIRCLE = (0.05, 20.0), 0.5, 0.05, 0.1, 0.3
"""Major axes are even in their logarithms, minor ones in their ratio to these, from LOWEST_RATIO to 1, and at least
MINOR. Some predictions have no ellipse; their true error is the circle."""
FAST_SHARE, FAST, SLOW = 0.1, (0.5, 10.0), (0.1, 0.4)
"""Rates, deg/d: the fast ones are even in their logarithms."""

DEPTH, DEPTH_SCATTER = 24.3, 0.1
"""Magnitude of signal-to-noise ratio 5, and how much it differs between detectors."""
POISSON_MAG = 21.0
"""A source of this magnitude has as much noise of its own as there is of the sky."""
THRESHOLD, EFFICIENCY = 5.0, 0.98
"""Of the objects above this signal-to-noise ratio so many are detected."""
NO_FLUX = 0.02

TRAIL_ARCSEC, BREAK_ARCSEC, MEASURED = 2.0, 5.0, 0.7
"""From which length a motion is a trail, from which it may break, and which share of trails is measured as such."""
PIECES = {1: 0.8, 2: 0.1, 3: 0.1}
"""Into how many pieces, each a source, the longer trails break: shares."""
LENGTH_ERROR, ALONG_ERROR, ANGLE_ERROR_ARCSEC = 0.1, 0.1, 0.5
"""Of a measured trail: errors of length and of the place along it, in lengths; of the angle, what its ends are off."""

RELIABILITY = np.array([[6.0, 1.5], [6.0, 1.5], [6.0, 1.5], [1.3, 4.0], [1.3, 4.0]])
"""The two parameters of the Beta distribution of each kind."""
FLAGS = ("", "pixelFlags_saturated", "isDipole", "pixelFlags_cr", "pixelFlags_streak")
FLAG_SHARES = np.array([[0.965, 0.01, 0.01, 0.01, 0.005]] * 3 + [[0.5, 0.25, 0.15, 0.1, 0.0], [0.4, 0, 0, 0, 0.6]])
"""Shares of each kind's sources that have one of the flags; no source has two."""


def flux(magnitude: ArrayLike) -> Array:
    """Fluxes of magnitudes."""
    return 10.0 ** ((AB_ZERO_POINT_NJY - np.asarray(magnitude)) / 2.5)


def flux_error(true_flux: Array, depth: ArrayLike) -> Array:
    """1-sigma error of a true flux where the depth is so much: of the sky, of the source, half a per cent."""
    return np.sqrt((flux(depth) / 5.0) ** 2 * (1.0 + true_flux / flux(POISSON_MAG)) + (0.005 * true_flux) ** 2)


def position_error(snr: Array) -> Array:
    """1-sigma error of each coordinate of a source: 0.03 to 0.15 arcsec."""
    return np.hypot(0.03, 0.73 / snr)


def trail_lengths(rates: ArrayLike) -> Array:
    """Lengths of the trails of rates in deg/d."""
    return np.asarray(rates) * ARCSEC_PER_DEG * EXPOSURE_SECONDS / SECONDS_PER_DAY


def rates(n: int, rng: np.random.Generator) -> Array:
    """Rates of asteroids, deg/d: most are in the main belt."""
    return np.where(rng.random(n) < FAST_SHARE, np.exp(rng.uniform(*np.log(FAST), n)), rng.uniform(*SLOW, n))


def known_magnitudes(n: int, rng: np.random.Generator) -> Array:
    """V magnitudes of known objects."""
    magnitude = FAINTEST + np.log10(rng.random(40 * n + 1000)) / COUNTS_SLOPE
    known = rng.random(len(magnitude)) < 1.0 / (1.0 + np.exp((magnitude - KNOWN_TO) / KNOWN_WIDTH))
    return magnitude[known & (magnitude > BRIGHTEST)][:n]


def light_offsets(band: str, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """How much fainter objects are in the band than predicted in V, but for their rotation, and its amplitude.

    Two classes of colours, the error of H, one in a hundred in outburst. The amplitude is from peak to peak.
    """
    colour = np.array(COLOURS[band])[rng.integers(2, size=n)]
    outburst = rng.uniform(1.0, 3.0, n) * (rng.random(n) < 0.01)
    return rng.normal(0.0, 0.2, n) - colour - outburst, 0.2 * np.exp(rng.normal(0.0, 0.6, n))


def kind_density(kind: int, reliability: Array, flag: Index) -> Array:
    """Density of what says real or bogus."""
    return beta.pdf(reliability, *RELIABILITY[kind]) * FLAG_SHARES[kind][flag]


def normal(deviation: ArrayLike, sigma: ArrayLike) -> Array:
    """Density of a deviation."""
    return np.exp(-0.5 * np.divide(deviation, sigma) ** 2) / (math.sqrt(2.0 * math.pi) * np.asarray(sigma))


def turned(angle: Array, of: ArrayLike) -> Array:
    """By how much an axis is turned against another one, -90 to 90 deg."""
    return (angle - np.asarray(of) + 90.0) % 180.0 - 90.0
