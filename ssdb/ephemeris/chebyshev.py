"""Chebyshev series of many objects, fitted and evaluated at once."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import ArrayLike

from ssdb.units import Array


def evaluate(coefficients: ArrayLike, x: ArrayLike) -> tuple[Array, Array]:
    """Values of Chebyshev series, and their derivatives.

    The argument is taken as it is: a series that was fitted over another range than -1 to 1 is either one in its own
    variable (mpSky's are in days) or to be given the scaled variable, and its derivative is then to be scaled back.

    Parameters
    ----------
    coefficients : array_like, shape (degree + 1, ..., n)
        Of T_0, T_1, ...; the last axis counts the objects.
    x : array_like, shape (n,) or scalar
        The argument of each object's series.

    Returns
    -------
    value, derivative : ndarray, shape (..., n)
        The derivative is that with respect to ``x``.
    """
    series = np.asarray(coefficients, dtype=float)
    argument = np.asarray(x, dtype=float)
    value = chebyshev.chebval(argument, series, tensor=False)
    return value, chebyshev.chebval(argument, chebyshev.chebder(series), tensor=False)


def nodes(n: int) -> Array:
    """The n Chebyshev nodes in (-1, 1), descending: where :func:`fit` wants the values of a function."""
    return np.cos(np.pi * (np.arange(n) + 0.5) / n)


def fit(values: ArrayLike) -> Array:
    """The Chebyshev series (k, ...) that go through the values (k, ...) of functions at the k :func:`nodes`.

    The discrete cosine transform of the values; the series is the best polynomial of its degree to within a small
    factor (Trefethen 2013, "Approximation Theory and Approximation Practice", chapter 16).
    """
    given = np.asarray(values, dtype=float)
    transform = 2.0 / len(given) * chebyshev.chebvander(nodes(len(given)), len(given) - 1).T
    transform[0] *= 0.5
    return np.tensordot(transform, given, axes=1)
