"""How much denser than on the whole detector unrelated sources are where a candidate is."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ssdb.sky.sphere import unit_vectors
from ssdb.units import ARCSEC, Array, Columns, Index

_RADIUS_ARCSEC = 20.0
"""Artefacts come in groups of this size: round bright stars, on streaks."""
_SHAPE = 0.3
"""Of the gamma distribution of the density from place to place: the smaller, the more a neighbour says."""


def crowding(prediction: Index, sources: Columns, density: Array, area: Array) -> Array:
    """What to multiply the density of unrelated sources with, shape (n,), by the neighbours that a candidate has.

    If the density differs from place to place as a gamma distribution of the shape s round its mean, then where k are
    found on an area on which m are expected it is (s + k) / (s + m) times the mean. Neighbours are the other
    candidates of the same object, within 20 arcsec: none else has been read.

    Parameters
    ----------
    prediction : ndarray of int, shape (n,)
        The object of each candidate.
    sources : mapping of str to ndarray, shape (n,)
        ra and dec of the candidates (deg).
    density : ndarray, shape (n,)
        Mean, sources per square arcsecond.
    area : ndarray, shape (n,)
        In which candidates of the object were looked for, square arcseconds.
    """
    neighbours = np.zeros(len(prediction))
    if len(several := np.flatnonzero(np.bincount(prediction)[prediction] > 1)):
        vectors = unit_vectors(sources["ra"][several], sources["dec"][several])
        # Those of different objects are far from each other in a fourth dimension.
        places = np.column_stack([vectors, 10.0 * prediction[several]])
        radius = 2.0 * np.sin(0.5 * _RADIUS_ARCSEC * ARCSEC)
        neighbours[several] = cKDTree(places).query_ball_point(places, radius, return_length=True) - 1
    expected = density * np.minimum(area, np.pi * _RADIUS_ARCSEC**2)
    return (_SHAPE + neighbours) / (_SHAPE + expected)
