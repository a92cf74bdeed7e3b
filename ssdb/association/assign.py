"""Chooses among candidates, so that each source is at most one object and each object at most one source."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Not in the functions: what the first import takes would be told as the time to assign.
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from ssdb.units import Array, Index, Integers, Mask

_LARGEST_MATRIX = 4_000_000
"""Cells (32 MB) up to which a group of objects and sources is solved as a dense matrix."""


def assign(object_key: Integers, source_key: Integers, separation: Array, weight: Array, method: str) -> Mask:
    """Choose pairs so that each object and each source occurs at most once: a mask, shape (n,).

    ``"optimal"``: the sum of the weights of the chosen pairs is the largest possible. ``"greedy"``: the closest pair of
    all, then the closest of those that are still possible, and so on. Pairs with a weight of 0 or below are never
    chosen.

    The keys tell the objects (of all visits) and the sources apart; a pair occurs once. Their ascending order decides
    between equals, so that the order of the pairs changes nothing. Separations are of any unit.
    """
    chosen = np.zeros(len(weight), dtype=bool)
    possible = np.flatnonzero(weight > 0)
    if not len(possible):
        return chosen
    objects = np.unique(object_key[possible], return_inverse=True)[1]
    sources = np.unique(source_key[possible], return_inverse=True)[1]
    if objects.max() + 1 == sources.max() + 1 == len(possible):  # nothing is contested
        chosen[possible] = True
    elif method == "greedy":
        chosen[possible] = _greedy(objects, sources, separation[possible])
    else:
        chosen[possible] = _optimal(objects, sources, weight[possible])
    return chosen


def _greedy(objects: Index, sources: Index, separation: Array) -> Mask:
    """Closest first; equal separations by object, then by source.

    In each round the pairs that come first both for their object and for their source are chosen: going through the
    pairs one by one would choose them all, since nothing before them can take either away.
    """
    chosen = np.zeros(len(objects), dtype=bool)
    left = np.lexsort((sources, objects, separation))
    while len(left):
        place = np.arange(len(left))
        first_of_object, first_of_source = _first_places(objects[left]), _first_places(sources[left])
        best = left[(first_of_object[objects[left]] == place) & (first_of_source[sources[left]] == place)]
        chosen[best] = True
        taken = np.isin(objects[left], objects[best]) | np.isin(sources[left], sources[best])
        left = left[~taken]
    return chosen


def _first_places(values: Index) -> Index:
    """For each value, the place where it occurs first."""
    first = np.full(values.max() + 1, len(values), dtype=np.intp)
    np.minimum.at(first, values, np.arange(len(values)))
    return first


def _optimal(objects: Index, sources: Index, weight: Array) -> Mask:
    """The largest sum of (positive) weights, group by group of the connected pairs."""
    n_objects, n_sources = objects.max() + 1, sources.max() + 1
    group = _groups(objects, sources, n_objects, n_sources)
    group_of_object, group_of_source = np.empty(n_objects, dtype=np.intp), np.empty(n_sources, dtype=np.intp)
    group_of_object[objects], group_of_source[sources] = group, group
    narrow = np.minimum(np.bincount(group_of_object), np.bincount(group_of_source)) == 1

    chosen = np.zeros(len(weight), dtype=bool)
    # Round a single object, or a single source, only one pair can be chosen: the best.
    order = np.lexsort((sources, objects, -weight, group))
    best_of_group = order[np.unique(group[order], return_index=True)[1]]
    chosen[best_of_group] = narrow[group[best_of_group]]

    ambiguous = order[~narrow[group[order]]]
    borders = np.flatnonzero(np.diff(group[ambiguous])) + 1
    for members in np.split(ambiguous, borders) if len(ambiguous) else []:
        chosen[members] = _solved(objects[members], sources[members], weight[members])
    return chosen


def _groups(objects: Index, sources: Index, n_objects: Any, n_sources: Any) -> NDArray[np.int32]:
    """Number of the connected component of each pair in the graph of objects and sources."""
    nodes = n_objects + n_sources
    graph = coo_array((np.ones(len(objects), dtype=np.int8), (objects, n_objects + sources)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][objects]


def _solved(objects: Index, sources: Index, weight: Array) -> Mask:
    """The largest sum of weights in one group.

    Rows are the objects and columns the sources, ascending: the solver sees the same matrix whatever the order of
    the pairs. It fills every row or column it can; what it fills with 0, for want of a pair, is not chosen.
    """
    rows, row = np.unique(objects, return_inverse=True)
    columns, column = np.unique(sources, return_inverse=True)
    if len(rows) * len(columns) > _LARGEST_MATRIX:
        return _solved_sparse(row, column, weight, len(rows), len(columns))
    matrix = np.zeros((len(rows), len(columns)))
    matrix[row, column] = weight
    solution = np.full(len(rows), -1)
    solved_rows, solved_columns = linear_sum_assignment(matrix, maximize=True)
    solution[solved_rows] = solved_columns
    return solution[row] == column


def _solved_sparse(row: Index, column: Index, weight: Array, n_rows: int, n_columns: int) -> Mask:
    """The same for a group too large for a matrix, as a sparse graph.

    That solver matches every row, and knows costs above 0 alone: each row may also have a column of its own, of the
    cost of no pair.
    """
    nothing = 1.0 + weight.max()
    spare = np.arange(n_rows)
    cost = np.append(nothing - weight, np.full(n_rows, nothing))
    # The indices in 32 bits: until scipy 1.15.3 the solver refuses others.
    place = np.append(row, spare).astype(np.int32), np.append(column, n_columns + spare).astype(np.int32)
    graph = coo_array((cost, place), shape=(n_rows, n_columns + n_rows)).tocsr()
    solution = np.full(n_rows, -1)
    matched_rows, matched_columns = min_weight_full_bipartite_matching(graph)
    solution[matched_rows] = matched_columns
    return solution[row] == column
