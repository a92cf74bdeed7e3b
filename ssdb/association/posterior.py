"""The probability of each pair, all others considered."""

from __future__ import annotations

import numpy as np

from ssdb.equal_rows import begins
from ssdb.units import Array, Integers

_MOST_STEPS = 60
_LARGEST_LOG_ODDS = 300.0


def probabilities(prediction: Integers, source: Integers, log_odds: Array) -> Array:
    """The probability that each pair is one, shape (n,), if each object and each source is in one pair at most.

    These are the marginals of the distribution in which a set of pairs weighs the product of its odds, by the
    sum-product algorithm on the graph of objects and sources (Chertkov et al. 2010, PNAS 107, 7663): exact where the
    graph has no cycle, which is nearly everywhere, and close to it elsewhere. ``prediction`` and ``source`` tell the
    objects and the sources apart. A pair's probability depends on those it is connected with alone, to the bit.
    """
    odds = np.exp(np.clip(log_odds, -_LARGEST_LOG_ODDS, _LARGEST_LOG_ODDS))
    probability = odds / (1.0 + odds)
    contested = np.flatnonzero(_is_repeated(prediction) | _is_repeated(source))
    if len(contested):
        odds = odds[contested]
        of_object, of_source = _Groups(prediction[contested]), _Groups(source[contested])
        claim, free = odds, np.ones(len(odds))
        for _ in range(_MOST_STEPS):
            before = claim
            # What the object says of the source, as far as its other sources are free; then the other way round.
            claim = odds / (1.0 + of_object.others(odds * free))
            free = 1.0 / (1.0 + of_source.others(claim))
            if np.array_equal(claim, before):
                break
        probability[contested] = claim * free / (1.0 + claim * free)
    return probability


def _is_repeated(key: Integers) -> np.ndarray:
    _, which, count = np.unique(key, return_inverse=True, return_counts=True)
    return count[which] > 1


class _Groups:
    """Pairs with the same key."""

    def __init__(self, key: Integers) -> None:
        self._order = np.argsort(key, kind="stable")
        self._first = np.flatnonzero(begins(key[self._order]))
        self._counts = np.diff(self._first, append=len(key))

    def others(self, values: Array) -> Array:
        """The sum of the values of each pair's group without its own (at least 0), shape (n,)."""
        ordered = values[self._order]
        largest = self._spread(np.maximum.reduceat(ordered, self._first))
        # Without the largest: the rest would be lost in the rounding of its sum.
        small = np.where(ordered == largest, 0.0, ordered)
        rest = self._spread(np.add.reduceat(small, self._first))
        alike = self._spread(np.add.reduceat((ordered == largest).astype(float), self._first))
        sums = np.where(
            ordered == largest, rest + (alike - 1.0) * largest, np.maximum(rest - ordered, 0.0) + alike * largest
        )
        others = np.empty(len(values))
        others[self._order] = sums
        return others

    def _spread(self, of_groups: Array) -> Array:
        return np.repeat(of_groups, self._counts)
