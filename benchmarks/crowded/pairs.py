"""Pairs of predictions and sources with their odds: the best assignment, and the probability of each pair."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssdb.units import Array, Index, Mask

_LEAST = -8.0
"""Pairs of lower log odds cannot matter to what others are probable."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a prediction and a source of a visit, by their places in it, shape (n,)."""

    prediction: Index
    source: Index
    log_odds: Array
    """Log of the odds that the source is the object rather than unrelated, and the object not seen."""


def best(pairs: Pairs) -> Mask:
    """The one-to-one assignment of the largest sum of log odds; no pair of odds below 1 is in it."""
    possible = np.flatnonzero(pairs.log_odds > 0.0)
    objects, row = np.unique(pairs.prediction[possible], return_inverse=True)
    sources, column = np.unique(pairs.source[possible], return_inverse=True)
    weights, pair = np.zeros((len(objects), len(sources))), np.full((len(objects), len(sources)), -1)
    weights[row, column], pair[row, column] = pairs.log_odds[possible], possible
    solution = pair[linear_sum_assignment(weights, maximize=True)]
    chosen = np.zeros(len(pairs.log_odds), bool)
    chosen[solution[solution >= 0]] = True
    return chosen


def probabilities(pairs: Pairs) -> Array:
    """The probability of each pair, if an assignment has the product of its odds as weight: over all assignments."""
    possible = np.flatnonzero(pairs.log_odds > _LEAST)
    result = np.zeros(len(pairs.log_odds))
    if not len(possible):
        return result
    rows, columns = pairs.prediction[possible], pairs.prediction.max() + 1 + pairs.source[possible]
    size = columns.max() + 1
    graph = coo_array((np.ones(len(possible)), (rows, columns)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][rows]
    order = np.lexsort((rows, group))
    for members in np.split(possible[order], np.flatnonzero(np.diff(group[order])) + 1):
        result[members] = _of_group(pairs.prediction[members], pairs.source[members], pairs.log_odds[members])
    return result


def _of_group(objects: Index, sources: Index, log_odds: Array) -> Array:
    """The same for a group; its pairs are by object.

    From the first object to the last, the sources that are taken are a set, of the weight of all ways to take them;
    the same from the last to the first.
    """
    bit = np.unique(sources, return_inverse=True)[1].tolist()
    starts = [*np.flatnonzero(np.diff(objects, prepend=-1)).tolist(), len(objects)]
    odds = np.exp(np.minimum(log_odds, 30.0)).tolist()
    steps = [range(first, last) for first, last in pairwise(starts)]
    before: list[dict[int, float]] = [{0: 1.0}]
    for step in steps:
        weights: dict[int, float] = defaultdict(float)
        for taken, weight in before[-1].items():
            weights[taken] += weight
            for pair in step:
                if not taken >> bit[pair] & 1:
                    weights[taken | 1 << bit[pair]] += weight * odds[pair]
        before.append(weights)
    # The weight of all ways to go on, of each set that is taken before a step.
    after = dict.fromkeys(before[-1], 1.0)
    result = np.zeros(len(objects))
    whole = sum(before[-1].values())
    for step, weights in zip(reversed(steps), reversed(before[:-1]), strict=True):
        here = {}
        for taken, weight in weights.items():
            here[taken] = after[taken]
            for pair in step:
                if not taken >> bit[pair] & 1:
                    ways = odds[pair] * after[taken | 1 << bit[pair]]
                    here[taken] += ways
                    result[pair] += weight * ways / whole
        after = here
    return result
