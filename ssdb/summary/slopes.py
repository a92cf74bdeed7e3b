"""The slopes of the lowest chi-square of many groups of observations at once. Arrays only.

Groups lie beside each other, points along the first axis (k), groups along the second (g), filled up with points of
weight 0. H is what is left on average, so that chi-square is a function of the slopes alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ssdb.summary.phase_curves import BRANCHES, Branch
from ssdb.units import MAG, Array, Index, Integers

_GRID = 5
_STEPS = 7
_STEPS_OF_BOTH = 12


@dataclass(frozen=True, slots=True)
class Points:
    """Observations of groups, shape (k, g); at least two groups, as numpy adds up a single column otherwise."""

    weight: Array
    magnitude: Array
    """Less :attr:`centre`."""
    third: Array
    """The basis function of the opposition effect."""
    first: Array
    second: Array
    """The two others, less the third."""
    centre: Array
    """(g,)"""

    def of(self, groups: Index) -> Points:
        """Those of some groups."""
        arrays = (self.weight, self.magnitude, self.third, self.first, self.second)
        weight, magnitude, third, first, second = (array[:, groups] for array in arrays)
        return Points(weight, magnitude, third, first, second, self.centre[groups])

    @property
    def n(self) -> Integers:
        """How many there are in each group, (g,)."""
        return np.count_nonzero(self.weight, axis=0)


def total(values: Array) -> Array:
    """Sums over the points, in their order."""
    return np.add.reduce(values, axis=0)


def best_G12(points: Points, model: str) -> Array:
    """G12 from 0 to 1 of the lowest chi-square of HG12 or HG12star, (g,)."""
    best, lowest = np.full(len(points.centre), np.nan), np.full(len(points.centre), np.inf)
    for branch in BRANCHES[model]:
        G12, chi2 = _best_of_branch(points, branch)
        better = chi2 < lowest
        best, lowest = np.where(better, G12, best), np.where(better, chi2, lowest)
    return best


def _best_of_branch(points: Points, branch: Branch) -> tuple[Array, Array]:
    """The lowest chi-square of a branch, and where: on a grid, then by Newton's steps, halving where they leave it."""
    weight, weights = points.weight, total(points.weight)
    base = points.third + branch.intercepts[0] * points.first + branch.intercepts[1] * points.second
    slope = branch.slopes[0] * points.first + branch.slopes[1] * points.second
    light, left, weighted = (np.empty_like(base) for _ in range(3))

    def subtract_curve(G12: ArrayLike) -> None:
        np.multiply(slope, G12, out=light)
        np.add(light, base, out=light)
        np.log(light, out=left)
        np.multiply(left, MAG, out=left)
        np.add(left, points.magnitude, out=left)

    def chi_square() -> Array:
        mean = total(np.multiply(weight, left, out=weighted)) / weights
        return total(np.multiply(weighted, left, out=weighted)) - mean**2 * weights

    grid = np.linspace(branch.low, branch.high, _GRID)
    best, lowest = np.zeros(len(weights), np.intp), np.full(len(weights), np.inf)
    for place, at in enumerate(grid):
        subtract_curve(at)
        chi2 = chi_square()
        better = chi2 < lowest
        best, lowest = np.where(better, place, best), np.where(better, chi2, lowest)
    low, G12, high = (grid[np.clip(best + side, 0, _GRID - 1)] for side in (-1, 0, 1))
    for _ in range(_STEPS):
        subtract_curve(G12)
        np.subtract(left, total(np.multiply(weight, left, out=weighted)) / weights, out=left)
        change = np.divide(slope, light, out=light)
        change *= -MAG
        np.multiply(weight, change, out=weighted)
        mean = total(weighted) / weights
        change *= weighted
        squares = total(change)
        # The second derivative of a logarithm is the square of its first.
        change *= left
        weighted *= left
        gradient, hessian = -total(weighted), squares - mean**2 * weights - total(change) / MAG
        rising = gradient > 0
        low, high = np.where(rising, low, G12), np.where(rising, G12, high)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = G12 - gradient / hessian
        G12 = np.where((hessian > 0) & (step >= low) & (step <= high), step, 0.5 * (low + high))
    subtract_curve(G12)
    chi2 = chi_square()
    return np.where(chi2 <= lowest, G12, grid[best]), np.minimum(chi2, lowest)


def best_both(points: Points) -> Array:
    """G1 and G2 of the lowest chi-square of HG1G2 with G1, G2, 1 - G1 - G2 >= 0, shape (2, g).

    The light is a sum of the basis functions in amounts that are not negative. Newton's approximation of chi-square is
    a linear problem of least squares in the amounts: solved exactly, bounds included, in each step. A step that makes
    chi-square larger is halved.
    """
    weight = points.weight
    basis = (points.first + points.third, points.second + points.third, points.third)
    light, left = 10.0 ** (-0.4 * points.magnitude), np.zeros_like(weight)
    best, lowest = np.full((3, len(points.centre)), np.nan), np.full(len(points.centre), np.inf)
    amounts, better = best, np.ones(len(lowest), bool)
    for step in range(_STEPS_OF_BOTH + 1):
        # An amount of 0 of all that is seen at a phase angle is no light at all.
        with np.errstate(divide="ignore", invalid="ignore"):
            if step:
                light = amounts[0] * basis[0] + amounts[1] * basis[1] + amounts[2] * basis[2]
                left = points.magnitude + MAG * np.log(light)
                chi2 = total(np.where(weight > 0, weight * left**2, 0.0))
                better = chi2 <= lowest
                best, lowest = np.where(better, amounts, best), np.where(better, chi2, lowest)
            shares = [values / light for values in basis]
            scale = np.maximum(MAG - left, 0.1 * MAG) * weight
            scaled = [scale * share for share in shares]
            sums = {(i, j): total(scaled[i] * shares[j]) for i in range(3) for j in range(i, 3)}
            normal = [[sums[min(i, j), max(i, j)] for j in range(3)] for i in range(3)]
            aim = [total((scale - weight * left) * share) for share in shares]
            amounts = np.where(better, _not_negative(normal, aim), 0.5 * (amounts + best))
    return best[:2] / total(best)


def _not_negative(N: list[list[Array]], aim: list[Array]) -> Array:
    """The amounts >= 0 of the lowest ``a N a / 2 - aim a``, (3, g): the best of all sets of amounts above 0."""
    minors = [[_minor(N, i, j) for j in range(3)] for i in range(3)]
    determinant = N[0][0] * minors[0][0] + N[0][1] * minors[0][1] + N[0][2] * minors[0][2]
    none = np.zeros_like(determinant)
    sets = [[(row[0] * aim[0] + row[1] * aim[1] + row[2] * aim[2]) / determinant for row in minors]]
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        two, one = [none, none, none], [none, none, none]
        two[j] = (aim[j] * N[k][k] - aim[k] * N[j][k]) / minors[i][i]
        two[k] = (aim[k] * N[j][j] - aim[j] * N[j][k]) / minors[i][i]
        one[i] = aim[i] / N[i][i]
        sets += [two, one]
    best, most = np.full((3, len(none)), np.nan), np.full(len(none), -np.inf)
    for values in sets:
        gain = values[0] * aim[0] + values[1] * aim[1] + values[2] * aim[2]
        better = (values[0] >= 0) & (values[1] >= 0) & (values[2] >= 0) & (gain > most)
        best, most = np.where(better, values, best), np.where(better, gain, most)
    return best


def _minor(N: list[list[Array]], i: int, j: int) -> Array:
    """What is left of a symmetric matrix, without a row and a column, as its determinant, with its sign."""
    i, k, j, m = (i + 1) % 3, (i + 2) % 3, (j + 1) % 3, (j + 2) % 3
    return N[i][j] * N[k][m] - N[i][m] * N[k][j]
