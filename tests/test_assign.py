"""One-to-one assignment."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.association.assign import assign

KEYS = [-(2**63), -7, 0, 21164728253101137, 2**63 - 1]

EDGES = st.dictionaries(
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    st.tuples(st.integers(0, 4), st.integers(-2, 5)),
    max_size=11,
)
"""(object, source) -> (separation, weight): small integers, so that there are ties, contention and weights <= 0."""


def _arrays(edges):
    """The arguments of assign: keys with the extremes of int64 among them."""
    objects = np.array([KEYS[o] for o, _ in edges], dtype=np.int64)
    sources = np.array([KEYS[s] for _, s in edges], dtype=np.int64)
    values = np.array(list(edges.values()), dtype=float).reshape(-1, 2)
    return objects, sources, values[:, 0], values[:, 1]


def _is_one_to_one(pairs):
    """Whether no object and no source occurs twice."""
    return len({o for o, _ in pairs}) == len(pairs) == len({s for _, s in pairs})


def _largest_sum(edges):
    """The largest sum of weights of all one-to-one subsets, by trying every one."""
    positive = [(pair, weight) for pair, (_, weight) in edges.items() if weight > 0]
    subsets = (subset for size in range(6) for subset in combinations(positive, size))
    return max(sum(weight for _, weight in s) for s in subsets if _is_one_to_one([pair for pair, _ in s]))


def _one_by_one(edges):
    """Greedy as it is told: sort all pairs, take each that is still possible."""
    taken = []
    for pair, (_, weight) in sorted(edges.items(), key=lambda item: (item[1][0], item[0])):
        if weight > 0 and _is_one_to_one([*taken, pair]):
            taken.append(pair)
    return set(taken)


@settings(max_examples=400)
@given(EDGES)
def test_optimal_is_the_best_of_all_assignments(edges):
    """One to one, nothing of weight 0 or below, and no assignment has a larger sum."""
    chosen = assign(*_arrays(edges), "optimal")
    pairs = [pair for pair, is_chosen in zip(edges, chosen, strict=True) if is_chosen]
    assert _is_one_to_one(pairs)
    assert all(edges[pair][1] > 0 for pair in pairs)
    assert sum(edges[pair][1] for pair in pairs) == _largest_sum(edges)


@settings(max_examples=400)
@given(EDGES)
def test_greedy_is_closest_first(edges):
    """The rounds give what going through the sorted pairs one by one gives; ties by object, then by source."""
    chosen = assign(*_arrays(edges), "greedy")
    assert {pair for pair, is_chosen in zip(edges, chosen, strict=True) if is_chosen} == _one_by_one(edges)


@given(EDGES, st.randoms(), st.sampled_from(["optimal", "greedy"]))
def test_the_order_of_the_pairs_changes_nothing(edges, random, method):
    """The same pairs are chosen from a shuffled list, ties or not."""
    arrays = _arrays(edges)
    order = list(range(len(edges)))
    random.shuffle(order)
    shuffled = assign(*(values[order] for values in arrays), method)
    np.testing.assert_array_equal(shuffled, assign(*arrays, method)[order])


def test_optimal_gives_the_second_source_to_an_object_whose_nearest_is_taken():
    """Object 1 is nearest to source 10, and so is object 2, which alone can also have source 20: both get one."""
    objects, sources = np.array([1, 2, 2]), np.array([10, 10, 20])
    separation = np.array([0.3, 0.2, 0.5])
    weight = 1 - separation**2
    assert assign(objects, sources, separation, weight, "optimal").tolist() == [True, False, True]
    assert assign(objects, sources, separation, weight, "greedy").tolist() == [False, True, False]


@pytest.mark.parametrize("method", ["optimal", "greedy"])
def test_groups_do_not_disturb_each_other(method):
    """Many groups at once are each solved as they are alone."""
    rng = np.random.default_rng(4)
    rows = []
    for group in range(200):
        n_objects, n_sources = rng.integers(1, 5, 2)
        for o in range(n_objects):
            for s in range(n_sources):
                if rng.random() < 0.7:
                    rows.append((group, 10 * group + o, 10 * group + s, rng.random(), rng.uniform(-0.2, 1)))
    group, objects, sources, separation, weight = np.array(rows).T
    keys = objects.astype(np.int64), sources.astype(np.int64)
    together = assign(*keys, separation, weight, method)
    for g in range(200):
        alone = group == g
        values = (*(key[alone] for key in keys), separation[alone], weight[alone])
        np.testing.assert_array_equal(assign(*values, method), together[alone])


def test_a_long_chain_of_contention():
    """300 objects that all prefer their second source, of which the last has none: all move on to their first."""
    objects = np.repeat(np.arange(300), 2)
    sources = (np.arange(300)[:, None] + [0, 1]).ravel()
    weight = np.tile([0.5, 0.501], 300)  # 300 x 0.5 is more than 299 x 0.501
    weight[-1] = -1.0
    assert assign(objects, sources, 1 - weight, weight, "optimal").tolist() == [True, False] * 300


@pytest.mark.parametrize("method", ["optimal", "greedy"])
def test_nothing_to_choose_from(method):
    """No pairs; only weights that are not above 0, or not known."""
    empty = np.empty(0)
    assert assign(empty.astype(np.int64), empty.astype(np.int64), empty, empty, method).shape == (0,)
    weight = np.array([0.0, -1.0, np.nan])
    keys = np.arange(3)
    assert not assign(keys, keys, np.zeros(3), weight, method).any()


@pytest.mark.parametrize("seed", range(20))
def test_a_group_too_large_for_a_matrix_is_solved_the_same(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """The sparse solver reaches the sum of the dense one, one to one; weights at 0 and below stay out."""
    random = np.random.default_rng(seed)
    objects, sources = (places.ravel() for places in np.meshgrid(np.arange(12), np.arange(9)))
    some = random.random(len(objects)) < 0.4
    objects, sources = objects[some], sources[some]
    weight = random.uniform(-0.2, 1.0, len(objects))
    dense = assign(objects, sources, weight, weight, "optimal")
    monkeypatch.setattr("ssdb.association.assign._LARGEST_MATRIX", 0)
    sparse = assign(objects, sources, weight, weight, "optimal")
    assert weight[sparse].sum() == pytest.approx(weight[dense].sum(), rel=1e-12)
    assert weight[sparse].min() > 0
    assert len(set(objects[sparse])) == len(set(sources[sparse])) == sparse.sum()


def test_a_chain_of_many_thousands_is_solved_in_little_memory() -> None:
    """Object i is near sources i and i + 1, and nearer to i: as a matrix it would be 1.1 GB."""
    n = 12_000
    objects = np.repeat(np.arange(n), 2)
    sources = (np.arange(n)[:, None] + [0, 1]).ravel()
    weight = np.tile([0.6, 0.5], n)
    chosen = assign(objects, sources, 1 - weight, weight, "optimal")
    assert np.array_equal(chosen, np.tile([True, False], n))
