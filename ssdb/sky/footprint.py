"""Footprints of detectors: closed outlines on the sky, whose points are joined by great circles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.config import ARCSEC
from ssdb.errors import InputError, shown
from ssdb.sky.sphere import Array, positions, separations, smallest_cap, tangent_offsets, unit_vectors

MAX_OUTLINE_RADIUS_DEG = 60.0
"""An outline with points farther than this from the centre of its cap is not a detector's."""

_TOUCHING_ARCSEC = 1e-6
"""Parts of an outline nearer to each other than this touch: positions in degrees are rounded at 1e-10 arcsec."""

_BLOCK = 2**14
"""(Point, edge) pairs that are looked at in one go: the arrays of a block stay in the processor's cache."""


class _Edges(NamedTuple):
    """Edges of d outlines of k vertices each. NaN in ``normal`` and ``along`` marks an edge of no length."""

    center: Array
    """(d, 3): where the tangent plane touches."""
    north: Array
    """(d, 3): an axis in that plane."""
    start: Array
    """(3, d, k): the vertex at which the edge starts."""
    normal: Array
    """(3, d, k): the pole of the edge's great circle, on its left."""
    along: Array
    """(3, d, k): the direction in which the edge leaves its start."""
    sin_length: Array
    """(d, k)"""
    cos_length: Array
    """(d, k)"""
    y: Array
    """(d, k): the start in the tangent plane, along ``north``."""


def pack_outline(ra: ArrayLike, dec: ArrayLike) -> bytes:
    """An outline as bytes: pairs of little-endian doubles, ra and dec in degrees.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Vertices, degrees. A last one that repeats the first is left out.
    """
    return np.column_stack(_open(ra, dec)).astype("<f8").tobytes()


def unpack_outline(packed: bytes) -> Array:
    """The vertices, shape (n, 2): ra and dec in degrees, that :func:`pack_outline` packed."""
    return np.frombuffer(packed, dtype="<f8").reshape(-1, 2).astype(np.float64)


def validate_outline(ra: ArrayLike, dec: ArrayLike) -> None:
    """Refuse an outline that is not the simple polygon of a detector.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Vertices, degrees; the last may repeat the first.

    Raises
    ------
    InputError
        If a vertex is not finite or not on the sky, fewer than three are distinct, the outline is wider than
        60 degrees from the centre of its cap, crosses or touches itself, or encloses nothing.
    """
    lon, lat = _open(ra, dec)
    wrong = np.flatnonzero(~(np.isfinite(lon) & (np.abs(lat) <= 90.0)))
    if wrong.size:
        raise InputError(f"outline: vertices {shown(wrong)} (from 0) are not positions in degrees")
    if len(lon) < 3:
        raise InputError(f"outline: {len(lon)} vertices, at least 3 are needed")
    cap_ra, cap_dec, radius = bounding_cap(lon, lat)
    if radius > MAX_OUTLINE_RADIUS_DEG:
        raise InputError(
            f"outline: reaches {radius:.1f} deg from its centre, at most {MAX_OUTLINE_RADIUS_DEG:.0f} are possible; "
            "is ra, dec in degrees?"
        )
    vertices = np.stack(tangent_offsets(cap_ra, cap_dec, lon, lat), axis=-1)
    # A vertex that repeats the one before it is harmless, but no edge.
    vertices = vertices[np.abs(vertices - np.roll(vertices, 1, axis=0)).max(axis=1) > _TOUCHING_ARCSEC]
    if len(vertices) < 3:
        raise InputError("outline: fewer than 3 distinct vertices")
    _validate_polygon(vertices)


def bounding_cap(ra: ArrayLike, dec: ArrayLike) -> tuple[float, float, float]:
    """The smallest cap round an outline.

    A cap smaller than a hemisphere is convex: with its vertices it holds the great circles that join them.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Vertices, degrees.

    Returns
    -------
    capRa, capDec, capRadius : float
        Centre and angular radius, degrees. Radius 180 where no cap smaller than a hemisphere holds the vertices.
    """
    center, radius = smallest_cap(ra, dec)
    cap_ra, cap_dec = (float(angle) for angle in positions(center))
    if radius < 180.0:
        # From the centre as it is stored, so that its rounding leaves no vertex outside.
        radius = float(separations(cap_ra, cap_dec, ra, dec).max()) / 3600.0
    return cap_ra, cap_dec, radius


def edge_distances(outline: Array, ra: ArrayLike, dec: ArrayLike) -> Array:
    """Angular distance of points to the nearest edge of an outline, positive inside.

    Parameters
    ----------
    outline : ndarray, shape (n, 2)
        Vertices, ra and dec in degrees, in either orientation.
    ra, dec : array_like, shape (m,)
        Points, degrees.

    Returns
    -------
    ndarray, shape (m,)
        Arcseconds, to the great-circle arcs. Inside is by the even-odd rule in the plane tangent at the centre of
        the outline's cap; the hemisphere opposite to that centre is outside.
    """
    cap_ra, cap_dec, _ = bounding_cap(outline[:, 0], outline[:, 1])
    points = np.atleast_2d(unit_vectors(ra, dec))
    edges = _edges(outline[None], unit_vectors([cap_ra], [cap_dec]))
    return _distances(edges, np.zeros(len(points), dtype=np.intp), points)


def outline_area(ra: ArrayLike, dec: ArrayLike) -> float:
    """Area that an outline encloses.

    Sum of the signed spherical excesses of the triangles of the first vertex and each edge, from
    tan(E/2) = a . (b x c) / (1 + a . b + b . c + c . a) (van Oosterom & Strackee 1983, IEEE Trans. Biomed. Eng. 30,
    125), the triple product taken of differences, which stays exact in tiny outlines.

    Parameters
    ----------
    ra, dec : array_like, shape (n,)
        Vertices, degrees, in either orientation.

    Returns
    -------
    float
        Square arcseconds.
    """
    vertices = unit_vectors(*_open(ra, dec))
    a, b, c = vertices[0], vertices[1:-1], vertices[2:]
    triple = np.cross(b - a, c - a) @ a
    excess = 2.0 * np.arctan2(triple, 1.0 + b @ a + c @ a + np.einsum("ij,ij->i", b, c))
    return float(np.abs(excess.sum()) / ARCSEC**2)


def locate(
    outlines: Sequence[Array], caps: Array, ra: ArrayLike, dec: ArrayLike, padding_arcsec: ArrayLike
) -> tuple[NDArray[np.intp], Array]:
    """The footprint on which each point lies, its padding included.

    Parameters
    ----------
    outlines : sequence of d ndarrays, shape (n, 2)
        Vertices, ra and dec in degrees.
    caps : ndarray, shape (d, 3)
        capRa, capDec, capRadius of each outline, degrees.
    ra, dec : array_like, shape (m,)
        Points, degrees.
    padding_arcsec : array_like, broadcastable to (d, m)
        How far outside an outline a point still belongs to it, arcseconds.

    Returns
    -------
    index : ndarray of int, shape (m,)
        Index of the footprint for which edge_distance >= -padding; of several the one that the point is deepest in,
        of equals the first. -1 where there is none.
    edge_distance : ndarray, shape (m,)
        Arcseconds, positive inside the outline; NaN where there is none.
    """
    points = np.atleast_2d(unit_vectors(ra, dec))
    index = np.full(len(points), -1, dtype=np.intp)
    edge_distance = np.full(len(points), np.nan)
    if not len(outlines) or not len(points):
        return index, edge_distance
    caps = np.asarray(caps, dtype=float)
    padding = np.broadcast_to(np.asarray(padding_arcsec, dtype=float), (len(outlines), len(points)))
    centers = unit_vectors(caps[:, 0], caps[:, 1])
    reach = np.radians(np.minimum(caps[:, 2] + padding.max(axis=1) / 3600.0, 180.0))
    # A few units in the last place: the caps only have to keep every point that the outlines may hold.
    near = centers @ points.T >= np.cos(reach)[:, None] - 1e-15
    detector, point = np.nonzero(near)
    distance = np.empty(len(point))
    sizes = np.array([len(outline) for outline in outlines])
    for size in np.unique(sizes[detector]):
        alike = np.flatnonzero(sizes[detector] == size)
        members, slot = np.unique(detector[alike], return_inverse=True)
        edges = _edges(np.stack([outlines[i] for i in members]), centers[members])
        distance[alike] = _distances(edges, slot, points[point[alike]])
    kept = np.flatnonzero(distance >= -padding[detector, point])
    kept = kept[np.lexsort((detector[kept], -distance[kept], point[kept]))]
    found, first = np.unique(point[kept], return_index=True)
    index[found] = detector[kept[first]]
    edge_distance[found] = distance[kept[first]]
    return index, edge_distance


def _open(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
    """Vertices without a last one that repeats the first."""
    lon, lat = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
    closed = len(lon) > 1 and lon[0] == lon[-1] and lat[0] == lat[-1]
    return (lon[:-1], lat[:-1]) if closed else (lon, lat)


def _validate_polygon(vertices: Array) -> None:
    """Refuse a polygon, vertices (n, 2) in a plane in arcseconds, that is not simple or has no area.

    Raises
    ------
    InputError
        If edges cross, the area is zero, or a vertex lies on an edge that is not its own.
    """
    n = len(vertices)
    edges = np.roll(vertices, -1, axis=0) - vertices
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    from_start = vertices[None] - vertices[:, None]  # [i, j]: vertex j seen from the start of edge i
    side = edges[:, None, 0] * from_start[..., 1] - edges[:, None, 1] * from_start[..., 0]
    splits = side * np.roll(side, -1, axis=1) < 0  # [i, j]: the line of edge i has the ends of edge j on two sides
    crossing = np.argwhere(np.triu(splits & splits.T))
    if crossing.size:
        pairs = (f"{i}-{(i + 1) % n} and {j}-{(j + 1) % n}" for i, j in crossing)
        raise InputError(f"outline: crosses itself (edges {shown(pairs)}); are the vertices in order along the border?")
    fan = vertices - vertices[0]
    area = 0.5 * abs((fan[:-1, 0] * fan[1:, 1] - fan[:-1, 1] * fan[1:, 0]).sum())
    if area <= _TOUCHING_ARCSEC * lengths.sum():
        raise InputError("outline: encloses no area")
    fraction = np.clip(np.einsum("ik,ijk->ij", edges, from_start) / lengths[:, None] ** 2, 0.0, 1.0)
    gap = from_start - fraction[..., None] * edges[:, None]
    touching = np.hypot(gap[..., 0], gap[..., 1]) <= _TOUCHING_ARCSEC
    own = np.eye(n, dtype=bool)
    touching &= ~(own | np.roll(own, 1, axis=1))
    if touching.any():
        raise InputError(f"outline: touches itself (at vertices {shown(np.unique(np.nonzero(touching)[1]))})")


def _edges(outlines: Array, centers: Array) -> _Edges:
    """Edges of outlines, shape (d, k, 2) in degrees, seen from their centres, unit vectors of shape (d, 3)."""
    start = unit_vectors(outlines[..., 0], outlines[..., 1])
    step = np.roll(start, -1, axis=1) - start
    normal = np.cross(start, step)  # the same as with the end, but a short edge keeps its direction
    sin_length = np.sqrt(np.einsum("...i,...i->...", normal, normal))
    normal /= np.where(sin_length > 0, sin_length, np.nan)[..., None]
    # Any axes that are neither parallel nor mirrored will do for inside and outside: north, made from the
    # coordinate axis that is farthest from the centre.
    axis = np.eye(3)[np.argmin(np.abs(centers), axis=1)]
    north = axis - np.einsum("ij,ij->i", axis, centers)[:, None] * centers
    return _Edges(
        center=centers,
        north=north,
        start=np.moveaxis(start, -1, 0).copy(),
        normal=np.moveaxis(normal, -1, 0).copy(),
        along=np.moveaxis(np.cross(normal, start), -1, 0).copy(),
        sin_length=sin_length,
        cos_length=1.0 - 0.5 * np.einsum("...i,...i->...", step, step),
        y=np.einsum("dki,di->dk", start, north) / np.einsum("dki,di->dk", start, centers),
    )


def _distances(edges: _Edges, outline: NDArray[np.intp], points: Array) -> Array:
    """Signed distances (arcsec) of points, unit vectors (m, 3), to the outlines (m,) that are named by index."""
    result = np.empty(len(points))
    block = max(1, _BLOCK // edges.y.shape[1])
    for first in range(0, len(points), block):
        part = slice(first, first + block)
        result[part] = _block_distances(edges, outline[part], points[part])
    return result


def _block_distances(edges: _Edges, outline: NDArray[np.intp], points: Array) -> Array:
    """Signed distances (arcsec) of points (m, 3) to outlines (m,): all (point, edge) pairs at once.

    In the frame of an edge (its start, its direction, its pole) a point has the coordinates w, u, s. Its distance
    to the edge is asin |s| where the foot of the perpendicular lies on the edge; elsewhere a vertex is nearest, and
    the start of each edge, at sin^2 = s^2 + u^2 and cos = w, stands for all vertices.
    """
    x, y, z = points.T[:, :, None]

    def component(axes: Array) -> Array:
        return x * axes[0].take(outline, 0) + y * axes[1].take(outline, 0) + z * axes[2].take(outline, 0)

    w, u, s = component(edges.start), component(edges.along), component(edges.normal)
    foot = (u > 0) & (u * edges.cos_length.take(outline, 0) <= w * edges.sin_length.take(outline, 0))
    s2 = s * s
    sin2 = s2 + np.where(foot, 0.0, u * u)
    cos = np.where(foot, np.sqrt(np.maximum(1.0 - s2, 0.0)), w)
    with np.errstate(divide="ignore", invalid="ignore"):  # antipodes
        tan2_half = sin2 / (1.0 + cos) ** 2
    # fmin passes over edges of no length, which are NaN.
    distance = 2.0 * np.arctan(np.sqrt(np.fmin.reduce(tan2_half, axis=1))) / ARCSEC

    height = np.einsum("ij,ij->i", points, edges.center.take(outline, 0))
    y_point = np.einsum("ij,ij->i", points, edges.north.take(outline, 0)) / height
    below = edges.y.take(outline, 0) <= y_point[:, None]
    upward = below & ~np.roll(below, -1, axis=1)
    downward = ~below & np.roll(below, -1, axis=1)
    left = s > 0
    inside = np.logical_xor.reduce((upward & left) | (downward & ~left), axis=1) & (height > 0)
    return np.where(inside, distance, -distance)
