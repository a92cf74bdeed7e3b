"""What flags, reliability and neighbours say of a candidate: sources of objects are real, others may not be."""

from __future__ import annotations

import numpy as np

from ssdb.schema.source_counts import SourceCounts
from ssdb.units import Array, Index, Integers, Mask

_FLAGGED = 0.03
"""The share of real sources that have a flag of artefacts, at most: they cross a bad column now and then."""
_ALL_FLAGGED = 0.9
"""That of artefacts, at most."""

_LEAST = 0.01
"""A probability to be real, or an artefact, is no less."""
_UNRATED = 0.5
"""The share of real sources where none has a reliability."""

N_BINS = 10
"""Of reliability."""
_KNOWN = 1.0
"""Objects' sources in a bin of reliability, expected or found, that change as much as nothing known does."""


def mean_reliabilities(counts: SourceCounts, known: Array) -> Array:
    """The share of the unrelated sources of each detector that is real, shape (d,).

    ``known`` is the share of known objects among all its sources: these are real.
    """
    mean = (counts.reliability - known) / (1.0 - known)
    return np.clip(np.nan_to_num(mean, nan=_UNRATED), _LEAST, 1.0 - _LEAST)


def probabilities_real(reliability: Array, mean: Array, corrections: Array, visit: Index) -> Array:
    """The probability that each candidate is real, shape (n,): the mean of the detector without a reliability.

    ``corrections`` are those of :func:`corrections`, ``visit`` is the index of each candidate's.
    """
    rated = reliability * corrections[visit, _bins(reliability)]
    return np.clip(np.where(np.isnan(reliability), mean, rated), _LEAST, 1.0 - _LEAST)


def corrections(reliability: Array, visit: Index, probability: Array, n_visits: int) -> Array:
    """What reliabilities are to be multiplied with, so that they are probabilities; by visit and bin, shape (v, 10).

    A reliability is a score: whether of ten sources with 0.8 eight are real is up to who trained it. If it were so, the
    sources of objects would be distributed over it as the unrelated ones, times it. They are distributed as the
    candidates are, each with its ``probability`` to be one; a few candidates correct little.
    """
    rated = np.flatnonzero(~np.isnan(reliability))
    place = visit[rated] * N_BINS + _bins(reliability[rated])

    def summed(weight: Array) -> Array:
        counted = np.bincount(place, weight[rated], n_visits * N_BINS).reshape(n_visits, N_BINS)
        return counted.astype(np.float64)

    found = summed(probability)
    expected = (summed(1.0 - probability) + 1.0) * (np.arange(N_BINS) + 0.5)
    expected *= (found.sum(axis=1) / expected.sum(axis=1))[:, None]
    return (found + _KNOWN) / (expected + _KNOWN)


def artefact_odds(flagged: Mask, real: Array, mean: Array, crowd: Array, share_flagged: Array) -> Array:
    """Log of how much likelier flags and reliability are for an object than for an unrelated source, shape (n,).

    Parameters
    ----------
    flagged : ndarray of bool, shape (n,)
        The source has one of the flags of artefacts.
    real, mean : ndarray, shape (n,)
        The probability that it is real, and the share of real sources on its detector.
    crowd : ndarray, shape (n,)
        How many times more artefacts there are here than elsewhere.
    share_flagged : ndarray, shape (n,)
        Of the sources of the detector.
    """
    of_real = np.minimum(_FLAGGED, share_flagged)
    of_artefacts = np.minimum((share_flagged - mean * of_real) / (1.0 - mean), _ALL_FLAGGED)
    as_real = real * np.where(flagged, of_real, 1.0 - of_real)
    as_artefact = (1.0 - real) * crowd * np.where(flagged, of_artefacts, 1.0 - of_artefacts)
    return np.log(as_real / mean) - np.log((as_real + as_artefact) / (mean + (1.0 - mean) * crowd))


def _bins(reliability: Array) -> Integers:
    return np.clip(np.nan_to_num(reliability) * N_BINS, 0, N_BINS - 1).astype(np.int64)
