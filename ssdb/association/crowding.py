"""How much denser than on the whole detector unrelated sources are where a candidate is."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from ssdb.sky.sphere import unit_vectors
from ssdb.units import ARCSEC, Array, Columns, Index

_RADIUS_ARCSEC = 20.0
"""Artefacts come in groups of this size: round bright stars, on streaks."""
_SHAPE = 0.05
"""Of the gamma distribution of the density from place to place: the smaller, the more a neighbour says."""


class Neighbours:
    """The other candidates of the same object, within 20 arcsec of each candidate: none else has been read.

    Parameters
    ----------
    prediction : ndarray of int, shape (n,)
        The object of each candidate.
    sources : mapping of str to ndarray, shape (n,)
        ra and dec of the candidates (deg).
    area : ndarray, shape (n,)
        In which candidates of the object were looked for, square arcseconds.
    """

    def __init__(self, prediction: Index, sources: Columns, area: Array) -> None:
        several = np.flatnonzero(np.bincount(prediction)[prediction] > 1)
        self._pairs = np.empty((2, 0), np.intp)
        if len(several):
            vectors = unit_vectors(sources["ra"][several], sources["dec"][several])
            # Those of different objects are far from each other in a fourth dimension.
            places = np.column_stack([vectors, 10.0 * prediction[several]])
            radius = 2.0 * np.sin(0.5 * _RADIUS_ARCSEC * ARCSEC)
            pairs = np.sort(cKDTree(places).query_pairs(radius, output_type="ndarray"), axis=1)
            self._pairs = several[pairs[np.lexsort(pairs.T)].T]
        self._area = np.minimum(area, np.pi * _RADIUS_ARCSEC**2)

    def crowding(self, artefact: Array, density: Array) -> Array:
        """What to multiply the density of artefacts with where each candidate is, shape (n,).

        If the density differs from place to place as a gamma distribution of the shape s round its mean, then where k
        are found on an area on which m are expected it is (s + k) / (s + m) times the mean. ``artefact`` is the
        probability that each candidate is one, ``density`` the mean of artefacts per square arcsecond.
        """
        one, other = self._pairs
        n = len(artefact)
        neighbours = np.bincount(one, artefact[other], n) + np.bincount(other, artefact[one], n)
        return (_SHAPE + neighbours) / (_SHAPE + density * self._area)
