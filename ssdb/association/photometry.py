"""How bright a source should be if it is an object, and whether the object can be seen at all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from ssdb.schema.source_counts import BIN_MAG, BRIGHTEST_MAG, N_BINS, UNRATED, magnitude_bins
from ssdb.units import MAG, Array, Columns, Index, Integers, ab_magnitudes

_COLOURS = {
    "u": -1.85,
    "g": -0.35,
    "r": 0.22,
    "i": 0.38,
    "z": 0.40,
    "y": 0.40,
    "w": 0.12,
    "o": 0.30,
    "c": -0.07,
    "v": 0.0,
}
"""V - band, half-way between the C and S classes: colours of Ivezic et al. 2001 (AJ 122, 2749), V = g - 0.59 (g - r)
- 0.01 (Jester et al. 2005, AJ 130, 873); w of Pan-STARRS, o and c of ATLAS are between these."""

_COLOUR_OF_OTHERS, _SCATTER_OF_OTHERS = 0.2, 0.4
"""Of a band that is none of these."""

_SCATTER_MAG = 0.27
"""One sigma: of H 0.2, of rotation 0.15, of the phase curve 0.1, of the class's colour 0.05."""
_WIDE_SCATTER_MAG = 1.2
"""Of those that are another: in outburst, elongated, or with a poor H."""
_WIDE = 0.05
"""The share of these."""
_SHOWN_MAG = 1.0
"""Objects so much brighter than the depth show how predicted magnitudes scatter: all of their sources are found."""
_SCATTERED = 20.0
"""So many of them have to be found to say as much about it as the constants above."""

_LIMIT_WIDTH_MAG = 0.1
"""Of the depth over a detector, one sigma."""
_NOISE_MAG = 0.2
"""Of a source at 5 sigma."""
_DEPTH_WIDTH_MAG = float(np.hypot(_LIMIT_WIDTH_MAG, _NOISE_MAG))
"""From half of the objects found to all but 16 %: the noise decides, too. Of measured magnitudes it is in them."""

_MIDDLES = BRIGHTEST_MAG + BIN_MAG * (np.arange(N_BINS) + 0.5)

_SLOPE = 0.3
"""Of log10 of the number of sources with magnitude, where few are known."""
_PSEUDO_SOURCES = 5.0
"""The weight of that slope, in sources."""


class Brightness(NamedTuple):
    """What is expected of objects in their exposures, shape (n,); NaN where nothing is known."""

    magnitude: Array
    """AB, in the band."""
    scatter: Array
    """One sigma of most objects around it."""
    depth: Array
    """AB magnitude at which half of the objects are found."""
    loss: Array
    """Magnitudes that the light of a trail is spread thinner than a point's."""

    def at(self, index: Index) -> Brightness:
        return Brightness(*(values[index] for values in self))


def expected_magnitudes(v_magnitude: Array, band: Array) -> tuple[Array, Array]:
    """AB magnitudes in bands of objects of a V magnitude, and their scatter; shape (n,), bands as bytes.

    The band is known by its last letter in small letters, so that r, lsst_r and zr are one.
    """
    names, which = np.unique(band, return_inverse=True)
    letters = [name.tobytes().rstrip(b"\0").decode(errors="replace").strip().lower()[-1:] for name in names]
    colours = np.array([_COLOURS.get(letter, _COLOUR_OF_OTHERS) for letter in letters])
    scatters = np.array([_SCATTER_MAG if letter in _COLOURS else _SCATTER_OF_OTHERS for letter in letters])
    if not len(names):
        return v_magnitude, np.empty(0)
    return v_magnitude.astype(float) - colours[which], scatters[which]


def trailing_loss(trail: Array) -> Array:
    """Magnitudes that a trail (arcsec) is harder to detect than a point: 1.25 log10(1 + 0.42 x^2), x in seeing discs.

    Jones et al. 2018, Icarus 303, 181, for a seeing of 1 arcsec.
    """
    return 1.25 * np.log10(1.0 + 0.42 * trail**2)


def detection_probabilities(seen: Brightness, complete: float | Array, unknown: float | Array) -> Array:
    """The probability that each object is among the sources, shape (n,).

    ``complete`` is that of a bright one, for all or for each; ``unknown`` that of one whose magnitude, or the depth, is
    unknown.
    """
    above = seen.depth - seen.magnitude - seen.loss
    probability = complete * sum(
        share * ndtr(above / np.hypot(scatter, _DEPTH_WIDTH_MAG)) for share, scatter in _components(seen.scatter)
    )
    return np.where(np.isnan(above), unknown, np.clip(probability, 1e-6, 1.0 - 1e-6))


def magnitude_odds(seen: Brightness, magnitude: Array, error: Array, by_magnitude: Array, row: Index) -> Array:
    """Log of how much likelier the magnitude of each source is for its object than for an unrelated source, (n,).

    Both are distributions of what was detected. Of a trail, whose loss is a guess, only the product with the detection
    probability is right: that an object has such a magnitude, and a source of it is found. 0 where a magnitude is
    unknown, or nothing was counted.

    Parameters
    ----------
    seen : Brightness
    magnitude, error : ndarray, shape (n,)
        AB magnitude of the source and its error.
    by_magnitude : ndarray, shape (d, 28)
        Unrelated sources of detectors by magnitude.
    row : ndarray of int, shape (n,)
        The detector of each source.
    """
    noise = np.minimum(np.nan_to_num(error, nan=0.0), 1.0)
    # The trail's light is spread, and how much of it psfFlux has is a guess.
    difference, spread = magnitude - seen.magnitude, np.hypot(noise, 0.5 * seen.loss)
    density = np.zeros(len(difference))
    normal = np.zeros(len(difference))
    above = seen.depth - seen.magnitude - seen.loss
    for share, scatter in _components(seen.scatter):
        sigma = np.hypot(scatter, spread)
        density += share * np.exp(-0.5 * (difference / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma)
        normal += share * ndtr(above / np.hypot(scatter, _DEPTH_WIDTH_MAG))
    # Where the depth is unknown, all is detected. A source that is there was, however faint it is measured to be.
    density /= np.where(np.isnan(seen.depth), 1.0, np.maximum(normal, 1e-6))
    odds = np.log(np.maximum(density, 1e-6)) - np.log(_density_of_sources(magnitude, seen.depth, by_magnitude, row))
    return np.where(np.isnan(odds), 0.0, odds)


def scattered(
    seen: Brightness, magnitude: Array, error: Array, probability: Array, visit: Index, n_visits: int
) -> Array:
    """What to multiply the scatter of magnitudes round the predicted ones with in each visit, shape (v,).

    The candidates, shape (n,), have their probabilities to be the objects; only those of bright objects without trails
    count.
    """
    difference = magnitude - seen.magnitude
    bright = (seen.depth - seen.magnitude > _SHOWN_MAG) & (seen.loss <= 0.1)
    shown = np.flatnonzero(bright & ~np.isnan(difference) & ~np.isnan(error))
    at, difference, noise = visit[shown], difference[shown], np.minimum(error[shown], 1.0)
    densities = []
    for share, scatter in _components(seen.scatter[shown]):
        sigma = np.hypot(scatter, noise)
        densities.append(share * np.exp(-0.5 * (difference / sigma) ** 2) / sigma)
    near = probability[shown] * densities[0] / np.maximum(densities[0] + densities[1], 1e-300)
    squares = near * (difference**2 - noise**2) / seen.scatter[shown] ** 2
    n, square = (np.bincount(at, weight, n_visits) for weight in (near, squares))
    return np.sqrt(np.maximum(square + _SCATTERED, 0.1 * (n + _SCATTERED)) / (n + _SCATTERED))


def _components(scatter: Array) -> tuple[tuple[float, Array], tuple[float, Array]]:
    return (1.0 - _WIDE, scatter), (_WIDE, np.full(len(scatter), _WIDE_SCATTER_MAG))


def _density_of_sources(magnitude: Array, depth: Array, by_magnitude: Array, row: Index) -> Array:
    """Of the sources of a detector the share per magnitude, at the magnitude of each pair, (n,); NaN without any."""
    rows, which = np.unique(row, return_inverse=True)
    limit = np.full(len(rows), np.nan)
    limit[which] = depth
    limit = np.where(np.isnan(limit), BRIGHTEST_MAG + BIN_MAG * N_BINS, limit)
    limit = np.maximum(limit, 0.0)  # of a depth that is none
    guess = 10.0 ** (_SLOPE * (_MIDDLES - limit[:, None])) * ndtr(
        (limit[:, None] - _MIDDLES) / (2.0 * _DEPTH_WIDTH_MAG)
    )
    guess /= guess.sum(axis=1, keepdims=True)
    smooth = _smooth(by_magnitude[rows])
    total = smooth.sum(axis=1, keepdims=True)
    share = (smooth + _PSEUDO_SOURCES * guess) / ((total + _PSEUDO_SOURCES) * BIN_MAG)
    # A floor: something unrelated can have any magnitude.
    share = np.where(total > 0, np.maximum(share, 0.2 / (total + _PSEUDO_SOURCES)), np.nan)
    return share[which, np.maximum(magnitude_bins(magnitude), 0)]


def known_by_magnitude(n_detectors: int, seen: Brightness, p_detected: Array, row: Index) -> Array:
    """The sources of known objects that are expected on detectors, by magnitude, (d, 28); of objects, shape (n,)."""
    centre = seen.magnitude[:, None] - _MIDDLES
    sigma = np.hypot(seen.scatter, _NOISE_MAG)[:, None]
    detected = ndtr((seen.depth[:, None] - _MIDDLES) / _DEPTH_WIDTH_MAG)
    share = np.exp(-0.5 * (centre / sigma) ** 2) * np.where(np.isnan(detected), 1.0, detected)
    share *= (p_detected / np.maximum(share.sum(axis=1), 1e-12))[:, None]
    expected = np.zeros((n_detectors, N_BINS))
    known = np.flatnonzero(~np.isnan(seen.magnitude))
    np.add.at(expected, row[known], share[known])
    return expected


def unrelated(by_magnitude: Array | Integers, known: Array) -> Array:
    """The other sources, (d, 28). A tenth is left of every bin: objects may be fainter than they are predicted."""
    return np.maximum(by_magnitude - known, 0.1 * by_magnitude)


def real_shares(
    by_magnitude: Array | Integers,
    known: Array,
    scores: Array,
    rated: Array,
    mean: Array,
    score: Array,
    of_artefacts: Array,
    magnitude: Array,
    row: Index,
) -> Array:
    """The share of real sources among the unrelated ones of the magnitude of each pair, shape (n,).

    Where it is unknown it is the mean, as which five sources count.

    Parameters
    ----------
    by_magnitude, known, scores : ndarray, shape (d, 28)
        Sources by magnitude, those of known objects that are expected, and the sums of reliabilities of all.
    rated : ndarray, shape (d,)
        The share of sources with a reliability, as if it were that of every magnitude. The others count as 0.5.
    mean, score, of_artefacts : ndarray, shape (d,)
        The share at any magnitude; mean reliabilities of real sources and of artefacts.
    magnitude, row : ndarray, shape (n,)
        Of the source; its detector.
    """
    part = rated[:, None]
    of_rated = np.clip(scores - UNRATED * (1.0 - part) * by_magnitude, 0.0, part * by_magnitude)
    n = _smooth(part * unrelated(by_magnitude, known))
    # What is left is as all are, where objects may be fainter than they are predicted.
    left = _smooth(unrelated(of_rated, part * known * score[:, None]))
    real = (left - of_artefacts[:, None] * n) / (score - of_artefacts)[:, None]
    share = (np.clip(real, 0.0, n) + _PSEUDO_SOURCES * mean[:, None]) / (n + _PSEUDO_SOURCES)
    return np.where(np.isnan(magnitude), mean[row], share[row, np.maximum(magnitude_bins(magnitude), 0)])


def _smooth(counted: Array) -> Array:
    """Neighbouring bins lend to each other: 0.5 mag is finer than what a few dozen sources tell."""
    padded = np.pad(counted.astype(float), ((0, 0), (1, 1)), mode="edge")
    return 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]


def source_magnitudes(sources: Columns) -> tuple[Array, Array]:
    """AB magnitudes of sources and their errors, shape (n,), of psfFlux; NaN where it is not above 0."""
    flux, error = (sources[name].astype(float) for name in ("psfFlux", "psfFluxErr"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return ab_magnitudes(flux), MAG * np.abs(error / flux)
