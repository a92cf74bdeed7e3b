"""Compares matches of the crowded night with its truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import crowded_densities as of
from benchmarks.crowded_pairs import Pairs
from benchmarks.crowded_sky import CrowdedVisit
from ssdb.units import Array, Mask

EDGE_ARCSEC = 30.0
CLASSES = ("all", "0.5 to 10 deg/d", "ellipse 3 to 20 arcsec", "within 30 arcsec of an edge")
BINS = np.array([-np.inf, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 5.0, 8.0, np.inf])
"""Of the log odds that a probability is."""


@dataclass(frozen=True)
class Decided:
    """The pairs of a visit, which of them are matches, and the probability that is claimed for each."""

    pairs: Pairs
    chosen: Mask
    probability: Array


@dataclass(frozen=True)
class Score:
    """Of the objects of a class."""

    seen: int
    """They have a source."""
    right: int
    """They are matched with it, or with a piece of it."""
    wrong: int
    """They are matched with a source of something else."""
    wrong_unseen: int
    """Those of these that have no source at all."""
    missed: int
    """They have a source and are not matched."""


@dataclass(frozen=True)
class Bin:
    """Pairs whose log odds are between two limits."""

    low: float
    high: float
    claimed: float
    """Mean probability."""
    right: float
    """Share that is right."""
    pairs: int


@dataclass(frozen=True)
class Judged:
    """A night."""

    scores: dict[str, Score]
    matches: list[Bin]
    candidates: list[Bin]
    """Of all pairs, matches or not. Both are empty where no probability is claimed."""


def judge(night: Sequence[CrowdedVisit], decided: Sequence[Decided]) -> Judged:
    """What was decided of each visit against the truth."""
    right = [visit.truth[one.pairs.source] == one.pairs.prediction for visit, one in zip(night, decided, strict=True)]
    outcomes = [_outcomes(*each) for each in zip(night, decided, right, strict=True)]
    scores = {name: _score(np.concatenate([each[name] for each in outcomes])) for name in CLASSES}
    probability, is_right = np.concatenate([one.probability for one in decided]), np.concatenate(right)
    chosen = np.concatenate([one.chosen for one in decided])
    return Judged(scores, _bins(probability[chosen], is_right[chosen]), _bins(probability, is_right))


def _outcomes(visit: CrowdedVisit, decided: Decided, right: Mask) -> dict[str, Mask]:
    """Of the objects of each class: seen, matched, matched rightly; each of shape (n, 3)."""
    predictions, camera = visit.predictions, visit.simulated.camera
    rate = np.hypot(predictions["ephRateRa"], predictions["ephRateDec"])
    outcome = np.zeros((len(rate), 3), bool)
    outcome[visit.seen, 0] = True
    outcome[decided.pairs.prediction[decided.chosen], 1] = True
    outcome[decided.pairs.prediction[decided.chosen & right], 2] = True
    plane = camera.focal_plane
    x_y = np.stack(camera.to_plane(predictions["ephRa"], predictions["ephDec"]))
    depth_inside = plane.half_sizes[:, None, None] - np.abs(x_y[:, None, :] - plane.centers.T[:, :, None])
    classes = (
        np.ones(len(rate), bool),
        (rate >= of.FAST[0]) & (rate <= of.FAST[1]),
        predictions["ephErrMajor"] >= 3.0,
        np.abs(depth_inside.min(axis=0).max(axis=0)) <= EDGE_ARCSEC,
    )
    return {name: outcome[which] for name, which in zip(CLASSES, classes, strict=True)}


def _score(outcome: Mask) -> Score:
    seen, matched, right = outcome.T
    wrong = matched & ~right
    counts = (np.count_nonzero(which) for which in (seen, right, wrong, wrong & ~seen, seen & ~matched))
    return Score(*counts)


def _bins(probability: Array, right: Mask) -> list[Bin]:
    with np.errstate(divide="ignore"):
        log_odds = np.log(probability) - np.log1p(-probability)
    found = []
    for low, high in zip(BINS[:-1].tolist(), BINS[1:].tolist(), strict=True):
        inside = (log_odds >= low) & ((log_odds < high) | (high == np.inf))
        if n := np.count_nonzero(inside):
            found.append(Bin(low, high, float(probability[inside].mean()), float(right[inside].mean()), n))
    return found
