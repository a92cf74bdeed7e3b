"""The outline of a detector on the sky, traced along the edges of its pixels by any mapping from pixels to the sky.

Only the direction from pixels to the sky is asked for. The other one of a distorted WCS is an iteration, which may
not converge, and which leads positions far from the detector back into it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ssdb.errors import InputError
from ssdb.sky.footprint import validate_outline
from ssdb.sky.sphere import cross, norms, positions, unit_vectors
from ssdb.units import ARCSEC, Array, Index

PixelToSky = Callable[[Array, Array], tuple[Array, Array]]
"""Zero-based pixel coordinates x, y (the centre of the first pixel is 0, 0), each of shape (n,), to ICRS ra, dec in
degrees, each of shape (n,)."""

_STEP_PIXELS = 16.0
"""Distance of the first samples along an edge; half-way between them the outline is checked."""
_FEWEST_STEPS = 8
_FINEST_STEP_PIXELS = 0.25

_INWARD = np.array([[0.0, 1.0], [-1.0, 0.0], [0.0, -1.0], [1.0, 0.0]])
"""x, y into the detector from its bottom, right, top and left edge."""


def trace_outline(pixel_to_sky: PixelToSky, width: int, height: int, tolerance_pixels: float = 0.05) -> Array:
    """The outline that :func:`trace_with_cap` traces."""
    return trace_with_cap(pixel_to_sky, width, height, tolerance_pixels)[0]


def trace_with_cap(
    pixel_to_sky: PixelToSky, width: int, height: int, tolerance_pixels: float = 0.05
) -> tuple[Array, Array]:
    """The outline of a detector, and its cap.

    The outline has few points on the edges of its pixels, joined by great circles.

    The edges, at -0.5 and N - 0.5, are sampled. An arc between two points that misses a sample by more than the
    tolerance is divided at the sample that it misses most (Douglas & Peucker 1973, Cartographica 10, 112), until none
    is missed. The samples are doubled until those that are new are not missed either: what is narrower than
    8 pixels, and far from all samples, may stay unseen.

    Parameters
    ----------
    pixel_to_sky : PixelToSky
        It is never inverted.
    width, height : int
        Pixels.
    tolerance_pixels : float
        How far the edges may be from the arcs, in pixels across the edge where they are.

    Returns
    -------
    outline : ndarray, shape (n, 2)
        ra, dec in degrees, ICRS, from the corner at (-0.5, -0.5) along x; the first is not repeated.
    cap : ndarray, shape (3,)
        As of :func:`ssdb.sky.footprint.bounding_caps`.

    Raises
    ------
    InputError
        If there are no pixels, a point of the edges has no position on the sky, or the outline is none: pixels of no
        size, a mapping that folds over, edges that cross, a detector wider than 60 degrees from its centre.
    """
    if width < 1 or height < 1:
        raise InputError(f"a detector of {width} x {height} pixels has no outline")
    sizes = np.array([width, height, width, height])
    steps = np.maximum(_FEWEST_STEPS, np.ceil(sizes / _STEP_PIXELS)).astype(int)
    border = np.concatenate([edge + np.arange(n) / n for edge, n in enumerate(steps)])
    points = _sky(pixel_to_sky, *_pixels(border, width, height))
    scale = _scales_across(pixel_to_sky, border, points, width, height)
    step = float((sizes / steps).max())
    while True:
        vertices = _few_points(points, scale, np.searchsorted(border, np.arange(4.0)), tolerance_pixels)
        # Corners are at 0, 1, 2, 3, and the first again at 4.
        between = 0.5 * (border + np.append(border[1:], 4.0))
        # In turns, the samples and what is between them; a scale holds for its sample and what follows.
        points = _in_turns(points, _sky(pixel_to_sky, *_pixels(between, width, height)))
        border, scale, step = _in_turns(border, between), np.repeat(scale, 2), 0.5 * step
        if (_misses(points, scale, 2 * vertices) <= tolerance_pixels).all() or step < _FINEST_STEP_PIXELS:
            break
    ra, dec = positions(points[2 * vertices])
    return np.column_stack([ra, dec]), validate_outline(ra, dec)


def pixel_scale(pixel_to_sky: PixelToSky, width: int, height: int) -> float:
    """The side (arcsec) of a square as large as the pixel in the middle of a detector of so many pixels.

    Raises InputError if the middle has no position on the sky, or its pixel no size.
    """
    x, y = 0.5 * (width - 1), 0.5 * (height - 1)
    left, right, below, above = _sky(
        pixel_to_sky, x + np.array([-0.5, 0.5, 0.0, 0.0]), y + np.array([0.0, 0.0, -0.5, 0.5])
    )
    area = float(np.linalg.norm(cross(right - left, above - below)))
    if not area > 0:
        raise InputError(f"the pixel at x {x:g}, y {y:g} has no size on the sky")
    return float(np.sqrt(area) / ARCSEC)


def _pixels(border: Array, width: int, height: int) -> tuple[Array, Array]:
    """Pixel coordinates of places on the border: 0 to 1 the bottom edge, 1 to 2 the right one, then top and left."""
    x = np.interp(border, np.arange(5), np.array([0, 1, 1, 0, 0]) * width - 0.5)
    y = np.interp(border, np.arange(5), np.array([0, 0, 1, 1, 0]) * height - 0.5)
    return x, y


def _sky(pixel_to_sky: PixelToSky, x: Array, y: Array) -> Array:
    """Unit vectors, shape (n, 3), of pixels; InputError if one has no position."""
    ra, dec = (np.asarray(angle, dtype=float) for angle in pixel_to_sky(x, y))
    wrong = np.flatnonzero(~(np.isfinite(ra) & (np.abs(dec) <= 90.0)))
    if wrong.size:
        raise InputError(
            f"{wrong.size:,} of {len(x):,} points on the detector have no position on the sky, "
            f"the first at x {x[wrong[0]]:g}, y {y[wrong[0]]:g}"
        )
    return unit_vectors(ra, dec)


def _scales_across(pixel_to_sky: PixelToSky, border: Array, points: Array, width: int, height: int) -> Array:
    """Radians a pixel across the edge, shape (n,), at samples of the border; InputError if pixels are turned over."""
    x, y = _pixels(border, width, height)
    step_x, step_y = _INWARD[border.astype(int)].T
    inward = _sky(pixel_to_sky, x + step_x, y + step_y) - points
    # The sample after the last of an edge is the corner at which the edge ends.
    along = np.roll(points, -1, axis=0) - points
    lengths = norms(along)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.einsum("ij,ij->i", cross(along, inward), points) / lengths
    wrong = np.flatnonzero(~(scale * np.sign(np.nansum(scale)) > 0))
    if wrong.size:
        raise InputError(
            f"at x {x[wrong[0]]:g}, y {y[wrong[0]]:g} (and {wrong.size - 1:,} more points of its edges) the detector "
            "folds over itself on the sky, or its pixels have no size: is the distortion right, and the size?"
        )
    return np.abs(scale)


def _few_points(points: Array, scale: Array, corners: Index, tolerance: float) -> Index:
    """Indices of the points, the corners among them, whose arcs miss no other point by more than the tolerance."""
    vertices = corners
    while True:
        misses = _misses(points, scale, vertices)
        # The first vertex is the first point: each point is of the arc that begins at the last vertex up to it.
        worst = np.maximum.reduceat(misses, vertices).repeat(_points_of_arcs(vertices, len(points)))
        candidates = np.flatnonzero((misses > tolerance) & (misses == worst))
        if not candidates.size:
            return vertices
        # One an arc: of equals the first.
        _, first = np.unique(np.searchsorted(vertices, candidates), return_index=True)
        vertices = np.sort(np.concatenate([vertices, candidates[first]]))


def _points_of_arcs(vertices: Index, n: int) -> Index:
    """How many of n points each arc has that begins at a vertex."""
    return np.concatenate([vertices[1:], [n]]) - vertices


def _misses(points: Array, scale: Array, vertices: Index) -> Array:
    """How far (pixels) each point (n, 3) is from the arc between the vertices, ascending indices, around it."""
    counts = _points_of_arcs(vertices, len(points))
    start = points[vertices]
    chord = np.concatenate([start[1:], start[:1]]) - start
    length = norms(chord)
    # From differences: exact in short arcs. No length (a mapping that comes back): only the distance to the start.
    direction = np.divide(chord, length[:, None], where=length[:, None] > 0, out=np.zeros_like(chord))
    pole = cross(start, direction)
    pole /= np.maximum(norms(pole), np.finfo(float).tiny)[:, None]
    offset = points - np.repeat(start, counts, axis=0)
    across = np.einsum("ij,ij->i", offset, np.repeat(pole, counts, axis=0))
    along = np.einsum("ij,ij->i", offset, np.repeat(direction, counts, axis=0))
    beyond = np.maximum(0.0, np.maximum(-along, along - np.repeat(length, counts)))
    return np.hypot(across, beyond) / scale


def _in_turns(first: Array, second: Array) -> Array:
    """The elements of two arrays of one shape, in turns."""
    return np.stack([first, second], axis=1).reshape(-1, *first.shape[1:])
