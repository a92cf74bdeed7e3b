"""What flags, reliability and neighbours say of a candidate: sources of objects are real, others may not be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssdb.schema.source_counts import N_RELIABILITIES, UNRATED, reliability_bins
from ssdb.units import Array, Index, Integers, Mask

_FLAGGED = 0.03
"""The share of real sources that have a flag of artefacts, at most, unless more sources have one than artefacts can be:
they cross a bad column now and then."""
_ALL_FLAGGED = 0.9
"""That of artefacts, at most."""

_LEAST = 0.005
"""A probability to be real, or an artefact, is no less."""
_KNOWN = 10.0
"""Sources of objects that say as much about their reliabilities as the scores themselves."""
_RATED = 20.0
"""Unrelated sources that say as much about the share of artefacts as a half."""
_APART = 0.1
"""Mean reliabilities of real sources and artefacts that differ by less tell nothing."""

_SCORES = (np.arange(N_RELIABILITIES) + 0.5) / N_RELIABILITIES


class Reliabilities(NamedTuple):
    """What the reliabilities of the sources of visits say, shape (v, ...)."""

    share: Array
    """Of the unrelated sources those that are real, (v,)."""
    real: Array
    """The probability that an unrelated source is real, by its reliability, (v, 10)."""
    score: Array
    """Mean reliability of real sources, (v,)."""
    score_of_artefacts: Array
    """That of artefacts, (v,)."""


def reliabilities(rated: Integers, found: Array, known: Array) -> Reliabilities:
    """Tells real sources from artefacts by how reliabilities are distributed over the sources of visits.

    A reliability is a score: whether of ten sources with 0.8 eight are real is up to who trained it. But real sources
    have reliabilities as the sources of objects have. Half of the real ones are above the median of these, and hardly
    any artefact: so twice as many are real as there are unrelated sources above.

    Parameters
    ----------
    rated : ndarray of int, shape (v, 10)
        Sources of each visit by reliability.
    found : ndarray, shape (v, 10)
        Those of known objects among the candidates: sums of their probabilities. With few of them the score counts as
        the probability that a source is real.
    known : ndarray, shape (v,)
        The share of known objects among all sources.
    """
    guess = (rated + 0.1) * _SCORES
    of_objects = found + _KNOWN * guess / guess.sum(axis=1, keepdims=True)
    of_objects /= of_objects.sum(axis=1, keepdims=True)
    # Of each bin the part that is in the upper half.
    above = np.cumsum(of_objects[:, ::-1], axis=1)[:, ::-1] - of_objects
    upper = np.clip((0.5 - above) / of_objects, 0.0, 1.0)
    n_rated = rated.sum(axis=1)
    unrelated = np.maximum(rated - (known * n_rated)[:, None] * of_objects, 0.1 * rated)
    total = unrelated.sum(axis=1)
    share = (2.0 * (unrelated * upper).sum(axis=1) + UNRATED * _RATED) / (total + _RATED)
    share = np.clip(share, _LEAST, 1.0 - _LEAST)
    real = share[:, None] * of_objects * (total + 5.0)[:, None] / (unrelated + 0.5)
    # The larger the score the more of them.
    real = np.clip(np.maximum.accumulate(real, axis=1), _LEAST, 1.0 - _LEAST)
    # Not @, whose sums are others with other visits beside.
    score = (of_objects * _SCORES).sum(axis=1)
    of_unrelated = ((unrelated * _SCORES).sum(axis=1) + _RATED * 0.5 * score) / (total + _RATED)
    score_of_artefacts = np.clip((of_unrelated - share * score) / (1.0 - share), 0.0, score - _APART)
    return Reliabilities(share, real, score, score_of_artefacts)


def found_by_reliability(reliability: Array, visit: Index, probability: Array, n_visits: int) -> Array:
    """Candidates that are known objects, by their probabilities, in bins of reliability, shape (v, 10)."""
    rated = np.flatnonzero(~np.isnan(reliability))
    place = visit[rated] * N_RELIABILITIES + reliability_bins(reliability[rated])
    counted = np.bincount(place, probability[rated], n_visits * N_RELIABILITIES)
    return counted.reshape(n_visits, N_RELIABILITIES).astype(np.float64)


def probabilities_real(reliability: Array, known: Reliabilities, visit: Index) -> Array:
    """The probability that each candidate, if it is unrelated, is real, (n,): as all are without a reliability."""
    place = reliability_bins(np.nan_to_num(reliability))
    return np.where(np.isnan(reliability), known.share[visit], known.real[visit, place])


def artefact_odds(
    flagged: Mask, real: Array, mean: Array, share_real: Array, crowd: Array, share_flagged: Array
) -> Array:
    """Log of how much likelier flags and reliability are for an object than for an unrelated source, shape (n,).

    Parameters
    ----------
    flagged : ndarray of bool, shape (n,)
        The source has one of the flags of artefacts.
    real, mean : ndarray, shape (n,)
        The probability that it is real by its reliability, and the share of real sources in its visit.
    share_real : ndarray, shape (n,)
        The same of sources of its magnitude on its detector.
    crowd : ndarray, shape (n,)
        How many times more artefacts there are here than elsewhere.
    share_flagged : ndarray, shape (n,)
        Of the sources of the detector.
    """
    of_real = np.minimum(_FLAGGED, share_flagged)
    of_artefacts = np.clip((share_flagged - mean * of_real) / (1.0 - mean), of_real, _ALL_FLAGGED)
    # What artefacts do not explain real ones have.
    of_real = np.clip((share_flagged - (1.0 - mean) * of_artefacts) / mean, of_real, of_artefacts)
    as_real = real / mean * np.where(flagged, of_real, 1.0 - of_real)
    as_artefact = (1.0 - real) / (1.0 - mean) * np.where(flagged, of_artefacts, 1.0 - of_artefacts)
    here = np.stack([share_real, (1.0 - share_real) * crowd])
    return np.log(as_real) - np.log((here[0] * as_real + here[1] * as_artefact) / here.sum(axis=0))
