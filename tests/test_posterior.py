"""The probability of a pair: its share of all one-to-one sets of pairs, each weighed by the product of its odds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.association.posterior import probabilities

Edge = tuple[int, int]
LOG_ODDS = st.floats(-12.0, 12.0)
HUGE = st.sampled_from([-math.inf, -1e5, -400.0, -40.0, 0.0, 40.0, 400.0, 1e5, math.inf])


def sets(edges: list[Edge], log_odds: list[float]) -> Iterator[tuple[float, tuple[int, ...]]]:
    """All one-to-one sets of edges, with the sum of their log odds."""
    if not edges:
        yield 0.0, ()
        return
    *rest, (left, right) = edges
    yield from sets(rest, log_odds)
    free = [index for index, edge in enumerate(rest) if edge[0] != left and edge[1] != right]
    for weight, chosen in sets([rest[index] for index in free], [log_odds[index] for index in free]):
        yield weight + log_odds[len(rest)], (*(free[index] for index in chosen), len(rest))


def exact(edges: list[Edge], log_odds: list[float]) -> np.ndarray:
    """The share of each pair in all sets."""
    found = list(sets(edges, log_odds))
    largest = max(weight for weight, _ in found)
    total, shares = 0.0, np.zeros(len(edges))
    for weight, chosen in found:
        total += math.exp(weight - largest)
        shares[list(chosen)] += math.exp(weight - largest)
    return shares / total


def of(edges: list[Edge], log_odds: list[float]) -> np.ndarray:
    left, right = np.array(edges, np.int64).reshape(-1, 2).T
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return probabilities(left, right, np.array(log_odds, float))


@st.composite
def trees(draw: Any) -> list[Edge]:
    """Some trees of objects and sources: each further node hangs on one before it of the other kind, or on none."""
    objects, sources, edges = [0], [0], []
    for _ in range(draw(st.integers(0, 9))):
        if draw(st.booleans()):
            objects.append(len(objects))
            if draw(st.integers(0, 4)):
                edges.append((objects[-1], draw(st.sampled_from(sources))))
        else:
            sources.append(len(sources))
            if draw(st.integers(0, 4)):
                edges.append((draw(st.sampled_from(objects)), sources[-1]))
    return draw(st.permutations(edges))


GRAPHS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True, max_size=12)


@settings(max_examples=300)
@given(edges=trees(), data=st.data())
def test_without_cycles_they_are_exact(edges: list[Edge], data: Any) -> None:
    log_odds = data.draw(st.lists(LOG_ODDS, min_size=len(edges), max_size=len(edges)))
    np.testing.assert_allclose(of(edges, log_odds), exact(edges, log_odds), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize(("largest", "nine_of_ten"), [(3.0, 0.03), (6.0, 0.03), (12.0, 0.003)])
def test_with_cycles_they_are_close(largest: float, nine_of_ten: float) -> None:
    """Up to four objects that nearly all may be each of four sources: much closer than it is on any night."""
    rng, errors = np.random.default_rng(1), []
    for _ in range(300):
        shape = rng.integers(2, 5, 2)
        edges = [(int(left), int(right)) for left, right in np.argwhere(rng.random(shape) < 0.7)]
        log_odds = rng.uniform(-largest, largest, len(edges)).tolist()
        errors.append(np.abs(of(edges, log_odds) - exact(edges, log_odds)).max(initial=0.0))
    assert np.percentile(errors, 90) < nine_of_ten
    assert np.percentile(errors, 98) < 0.2
    assert max(errors) < 0.4


@settings(max_examples=300)
@given(edges=GRAPHS, data=st.data())
def test_none_is_in_more_than_one_pair(edges: list[Edge], data: Any) -> None:
    """Whatever the odds, and without any warning."""
    log_odds = data.draw(st.lists(st.one_of(LOG_ODDS, HUGE), min_size=len(edges), max_size=len(edges)))
    found = of(edges, log_odds)
    assert np.all((found >= 0) & (found <= 1))
    for side in (0, 1):
        sums = np.bincount([edge[side] for edge in edges], found) if edges else np.zeros(1)
        assert sums.max() <= 1 + 1e-9


def test_the_size_of_odds_is_no_matter() -> None:
    """A pair on its own has its odds; of two that are certain each has a half."""
    np.testing.assert_allclose(of([(0, 0)], [2.0]), 1 / (1 + math.exp(-2.0)))
    np.testing.assert_array_equal(of([(0, 0)], [1e6]), 1.0)
    assert of([(0, 0)], [-1e6])[0] < 1e-100
    np.testing.assert_allclose(of([(0, 0), (0, 1)], [1e6, 1e6]), 0.5)
    np.testing.assert_allclose(of([(0, 0), (1, 0)], [200.0, -200.0]), [1.0, 0.0], atol=1e-80)
    assert of([], []).shape == (0,)


@settings(max_examples=100)
@given(groups=st.lists(GRAPHS, min_size=2, max_size=4), data=st.data())
def test_groups_know_nothing_of_each_other(groups: list[list[Edge]], data: Any) -> None:
    """To the bit: beside other groups, in any order among them, with any numbers."""
    odds = [data.draw(st.lists(LOG_ODDS, min_size=len(edges), max_size=len(edges))) for edges in groups]
    alone = [of(edges, log_odds) for edges, log_odds in zip(groups, odds, strict=True)]
    number = data.draw(st.permutations(range(len(groups))))
    together = [
        (number[group] * 10 + left, number[group] * 10 + right)
        for group, edges in enumerate(groups)
        for left, right in edges
    ]
    log_odds = [value for values in odds for value in values]
    np.testing.assert_array_equal(of(together, log_odds), np.concatenate(alone))
    # Mixed with each other, each in its order.
    whose = np.repeat(np.arange(len(groups)), [len(edges) for edges in groups])
    mixed = np.array(data.draw(st.permutations(range(len(together)))), np.intp)
    for group in range(len(groups)):
        mixed[whose[mixed] == group] = np.flatnonzero(whose == group)
    found = of([together[index] for index in mixed], [log_odds[index] for index in mixed])
    np.testing.assert_array_equal(found, np.concatenate(alone)[mixed])


@pytest.mark.parametrize("n", [2, 8, 30])
def test_a_crowd_settles(n: int) -> None:
    """Objects and sources that all may be each other, all alike: each pair is as probable as the next."""
    edges = [(left, right) for left in range(n) for right in range(n)]
    found = of(edges, [6.0] * len(edges))
    np.testing.assert_allclose(found, found[0], rtol=1e-9)
    assert 0.9 / n < found[0] < 1 / n
