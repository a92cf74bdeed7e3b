"""Compares matches of the crowded night with its truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.crowded import densities as of
from benchmarks.crowded.pairs import Pairs
from benchmarks.crowded.sky import CrowdedVisit
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

    @property
    def error(self) -> float:
        """1-sigma error of the share, as if two more pairs, one of them right: of no bin it is 0."""
        share = (self.pairs * self.right + 1.0) / (self.pairs + 2.0)
        return math.sqrt(share * (1.0 - share) / self.pairs)


@dataclass(frozen=True)
class Judged:
    """A night."""

    scores: dict[str, Score]
    matches: list[Bin]
    candidates: list[Bin]
    """Of all pairs, matches or not. Both are empty where no probability is claimed.

    Objects that are seen in pieces are left out: one of these is the match, so that each claims a part of what is
    certain of all together.
    """


def judge(night: Sequence[CrowdedVisit], decided: Sequence[Decided]) -> Judged:
    """What was decided of each visit against the truth."""
    outcomes, claims = [], []
    for visit, one in zip(night, decided, strict=True):
        prediction = one.pairs.prediction
        right = visit.truth[one.pairs.source] == prediction
        outcomes.append(_outcomes(visit, one, right))
        pieces = np.bincount(visit.truth[visit.truth >= 0], minlength=len(visit.predictions["ephRa"]))
        claims.append(np.stack([one.probability, right, one.chosen])[:, pieces[prediction] <= 1])
    scores = {name: _score(np.concatenate([each[name] for each in outcomes])) for name in CLASSES}
    probability, right, chosen = np.concatenate(claims, axis=1)
    matches = chosen > 0
    return Judged(scores, _bins(probability[matches], right[matches]), _bins(probability, right))


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


def _bins(probability: Array, right: Array) -> list[Bin]:
    with np.errstate(divide="ignore"):
        log_odds = np.log(probability) - np.log1p(-probability)
    found = []
    for low, high in zip(BINS[:-1].tolist(), BINS[1:].tolist(), strict=True):
        inside = (log_odds >= low) & ((log_odds < high) | (high == np.inf))
        if n := np.count_nonzero(inside):
            found.append(Bin(low, high, float(probability[inside].mean()), float(right[inside].mean()), n))
    return found
