"""How far points are from the edges of outlines, and on which outline they lie."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ssdb.sky.footprint import Outlines, next_vertices, ranges
from ssdb.sky.sphere import cross, unit_vectors
from ssdb.units import ARCSEC, ARCSEC_PER_DEG, Array, Index

_BLOCK = 2**13
"""(Point, edge) pairs that are looked at in one go: the arrays of a block stay in the processor's cache."""


class _Edges(NamedTuple):
    """The n edges of d outlines, each named by its first vertex. NaN in ``frame`` marks one of no length."""

    frame: Array
    """(9, n): unit vectors, x, y, z of the start; of the direction in which the edge leaves it; of the pole of its
    great circle, on its left."""
    length: Array
    """(2, n): sine and cosine."""
    y: Array
    """(2, n): of start and end, in the plane that touches the sky at the outline's centre, along ``north``."""
    north: Array
    """(d, 3): an axis in that plane."""


def points_in_caps(caps: Array, ra: ArrayLike, dec: ArrayLike, margin_arcsec: ArrayLike) -> tuple[Index, Index]:
    """Pairs (cap, point) of a cap and a point that lies in it, or in the margin around it; by cap ascending.

    Caps (d, 3) are capRa, capDec, capRadius, degrees; points are degrees, and nowhere if one is NaN.
    """
    centers, points = unit_vectors(caps[:, 0], caps[:, 1]), np.atleast_2d(unit_vectors(ra, dec))
    reach = np.radians(np.minimum(caps[:, 2] + np.asarray(margin_arcsec) / ARCSEC_PER_DEG, 180.0))
    # A few units in the last place: no point that belongs to an outline may be lost.
    chord, cosine = 2.0 * np.sin(0.5 * reach) + 1e-15, np.cos(reach) - 1e-15
    # Along two axes of space, only the points in the band of a cap are looked at.
    axis, other = np.argsort(-np.ptp(points, axis=0))[:2] if len(points) else (0, 1)
    order = np.argsort(points[:, axis])
    points = points[order]
    first = np.searchsorted(points[:, axis], centers[:, axis] - chord)
    counts = np.searchsorted(points[:, axis], centers[:, axis] + chord, side="right") - first
    point = ranges(first, counts)
    apart = np.abs(points[:, other][point] - np.repeat(centers[:, other], counts))
    near = np.flatnonzero(apart <= np.repeat(chord, counts))
    cap, point = np.repeat(np.arange(len(caps)), counts)[near], point[near]
    near = np.flatnonzero(np.einsum("ij,ij->i", points[point], centers[cap]) >= cosine[cap])
    return cap[near], order[point[near]]


def edge_distances(outlines: Outlines, caps: Array, outline: Index, ra: ArrayLike, dec: ArrayLike) -> Array:
    """Angular distance (m,) of points (deg) to the nearest edge of an outline each, arcseconds, positive inside.

    To the great-circle arcs. Inside is by the even-odd rule in the plane tangent at the centre of the outline's cap;
    the hemisphere opposite to that centre is outside. Outlines are of either orientation, with caps (d, 3) as of
    :func:`points_in_caps`; ``outline`` (m,) says which a point is compared with, one whose vertices are known.
    """
    centers, points = unit_vectors(caps[:, 0], caps[:, 1]), np.atleast_2d(unit_vectors(ra, dec))
    edges, counts = _edges(outlines, centers), outlines.counts[outline]
    height = np.einsum("ij,ij->i", points, centers[outline])
    y = np.einsum("ij,ij->i", points, edges.north[outline]) / height
    result = np.empty(len(points))
    ends = np.cumsum(counts)
    blocks = np.flatnonzero(np.diff(ends // _BLOCK, prepend=-1))
    for first, last in pairwise([*blocks.tolist(), len(points)]):
        part = slice(first, last)
        edge = ranges(outlines.starts[outline[part]], counts[part])
        result[part] = _block_distances(edges, edge, counts[part], points[part], y[part])
    # The far hemisphere projects into the plane, too.
    return np.where(height > 0, result, -np.abs(result))


def deepest(
    outline: Index, point: Index, edge_distance: Array, padding_arcsec: Array, n_points: int
) -> tuple[Index, Array]:
    """The outline to which each point belongs: the one that it is deepest in, if it is in its padding at least.

    Which one it is depends on no padding, so that what is known of one detector never changes the objects of another.

    Parameters
    ----------
    outline, point : ndarray of int, shape (n,)
        Pairs: for each point that is in the padding of an outline, all possible outlines that are as near or nearer.
    edge_distance, padding_arcsec : ndarray, shape (n,)
        Of each pair, arcseconds: positive inside; how far outside the outline the point still belongs to it.

    Returns
    -------
    index, edge_distance : ndarray, shape (n_points,)
        Outline of each point, the first of those that it is equally deep in; -1 and NaN where there is none.
    """
    order = np.lexsort((outline, -edge_distance, point))
    found, first = np.unique(point[order], return_index=True)
    best = order[first]
    inside = edge_distance[best] >= -padding_arcsec[best]
    index, distance = np.full(n_points, -1, np.intp), np.full(n_points, np.nan)
    index[found[inside]] = outline[best[inside]]
    distance[found[inside]] = edge_distance[best[inside]]
    return index, distance


def _edges(outlines: Outlines, centers: Array) -> _Edges:
    """Edges of outlines, seen from their centres, unit vectors of shape (d, 3)."""
    start = unit_vectors(outlines.vertices[:, 0], outlines.vertices[:, 1])
    following, owners = next_vertices(outlines), outlines.owners
    step = start[following] - start
    normal = cross(start, step)  # the same as with the end, but a short edge keeps its direction
    sin_length = np.sqrt(np.einsum("ij,ij->i", normal, normal))
    normal /= np.where(sin_length > 0, sin_length, np.nan)[:, None]
    # Any axes that are neither parallel nor mirrored will do for inside and outside: north, made from the
    # coordinate axis that is farthest from the centre.
    axis = np.eye(3)[np.argmin(np.abs(centers), axis=1)]
    north = axis - np.einsum("ij,ij->i", axis, centers)[:, None] * centers
    y = np.einsum("ij,ij->i", start, north[owners]) / np.einsum("ij,ij->i", start, centers[owners])
    return _Edges(
        frame=np.concatenate([start.T, cross(normal, start).T, normal.T]),
        length=np.stack([sin_length, 1.0 - 0.5 * np.einsum("ij,ij->i", step, step)]),
        y=np.stack([y, y[following]]),
        north=north,
    )


def _block_distances(edges: _Edges, edge: Index, counts: Index, points: Array, y: Array) -> Array:
    """Signed distances (arcsec) of points (m, 3), the edges of each, ``counts`` many, one behind the other.

    In the frame of an edge (its start, its direction, its pole) a point has the coordinates w, u, s. Its distance
    to the edge is asin |s| where the foot of the perpendicular lies on the edge; elsewhere a vertex is nearest, and
    the start of each edge, at sin^2 = s^2 + u^2 and cos = w, stands for all vertices.
    """
    first = np.cumsum(counts) - counts
    px, py, pz = np.repeat(points.T, counts, axis=1)
    frame = edges.frame.take(edge, axis=1)
    w, u, s = (frame[i] * px + frame[i + 1] * py + frame[i + 2] * pz for i in (0, 3, 6))
    sin_length, cos_length = edges.length.take(edge, axis=1)
    foot = (u > 0) & (u * cos_length <= w * sin_length)
    s2 = s * s
    sin2 = s2 + np.where(foot, 0.0, u * u)
    cos = np.where(foot, np.sqrt(np.maximum(1.0 - s2, 0.0)), w)
    with np.errstate(divide="ignore", invalid="ignore"):  # antipodes
        tan2_half = sin2 / (1.0 + cos) ** 2
    # fmin passes over edges of no length, which are NaN.
    distance = 2.0 * np.arctan(np.sqrt(np.fmin.reduceat(tan2_half, first))) / ARCSEC

    starts_below, ends_below = edges.y.take(edge, axis=1) <= np.repeat(y, counts)
    left = s > 0
    crossed = np.where(starts_below, ~ends_below & left, ends_below & ~left)
    inside = np.logical_xor.reduceat(crossed, first)
    return np.where(inside, distance, -distance)
