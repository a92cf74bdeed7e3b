"""Lengths of vectors, angles between them, and how fast their lengths change."""

from __future__ import annotations

import numpy as np

from ssdb.units import Array


def norms(vectors: Array) -> Array:
    """Lengths of vectors (..., 3)."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def cross(a: Array, b: Array) -> Array:
    """Cross products of vectors (..., 3); for few of them numpy's own takes longer to arrange the axes."""
    (ax, ay, az), (bx, by, bz) = (tuple(vectors[..., axis] for axis in range(3)) for vectors in (a, b))
    return joined(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def joined(x: Array, y: Array, z: Array) -> Array:
    """Vectors (..., 3) of their components, all of one shape; for few of them np.stack takes three times as long."""
    vectors = np.empty((*x.shape, 3))
    vectors[..., 0], vectors[..., 1], vectors[..., 2] = x, y, z
    return vectors


def range_rates(position: Array, velocity: Array) -> Array:
    """Rates of change of the lengths of positions (..., 3), in the velocities' unit: (r . v) / |r|."""
    distance = norms(position)
    return np.einsum("...i,...i->...", position, velocity) / np.where(distance > 0, distance, np.nan)


def angles(a: Array, b: Array) -> Array:
    """Angles between vectors (..., 3), degrees: atan2 of cross and dot product, exact near 0 and 180 too."""
    return np.degrees(np.arctan2(norms(np.cross(a, b)), np.einsum("...i,...i->...", a, b)))
