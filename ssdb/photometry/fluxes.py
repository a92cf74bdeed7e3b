"""Fluxes at given places of an image: closed form, arrays only.

The flux of a PSF at a known place is a linear least-squares fit of one number, a sum over pixels. photutils' PSF
photometry finds the same number and the same error by an iteration for each source, in 15 to 30 ms; here some thousand
are measured in a second. Pixels count alike, as in Rubin's base_PsfFlux: weights made of a variance that is itself
measured on the image would make bright pixels count less, and fluxes too low.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from photutils.geometry import circular_overlap_grid

from ssdb.photometry.psf import Psf
from ssdb.units import Array, Mask

BACKGROUNDS = ("plane", "constant", "none")

_LEAST_SHARE = 0.5
"""So much of a PSF's squares must be on usable pixels: of a source of which less is left little is known."""
_LEAST_RING = 30
"""Pixels of which a background can be made."""
_CLIP_SIGMA = 3.5
_TO_SIGMA = 1.4826  # of a normal distribution: the median deviation is sigma over this
_PIXELS_AT_ONCE = 2_000_000


class Fluxes(NamedTuple):
    """Fluxes and their errors, in the unit of the image, shape (n,); NaN where nothing could be measured."""

    flux: Array
    error: Array


class _Ring(NamedTuple):
    """Backgrounds of n places: coefficients (n, k), their covariance (n, k, k), and the variance of one pixel (n,)."""

    coefficients: Array
    covariance: Array
    variance: Array


def measure(
    values: NDArray[Any],
    bad: Mask,
    variance: NDArray[Any] | None,
    x: Array,
    y: Array,
    *,
    psf: Psf | None = None,
    aperture: float | None = None,
    background: str = "plane",
) -> Fluxes:
    """Fluxes at places of an image, by its PSF or in an aperture.

    With a PSF: sum(P d) / sum(P^2) over the usable pixels within 2.5 FWHM, d the values less the background; NaN where
    less than half of sum(P^2) is on usable pixels. In an aperture: the sum of the pixels, those on its edge as far as
    they are inside; NaN where one of them is not usable. The errors hold for noise that is independent from pixel to
    pixel, and include that of the background. Each place is measured alone: of neighbours nothing is known.

    Parameters
    ----------
    values, bad : ndarray, shape (rows, columns)
        The image, and which of its pixels are not usable.
    variance : ndarray, shape (rows, columns), or None
        Of the values. Without it the noise is measured around each place; that of a bright source itself is not known.
    x, y : ndarray, shape (n,)
        Zero-based pixel coordinates, on the image.
    psf : Psf
        Of the image.
    aperture : float
        Instead of a PSF: the radius of the aperture, pixels.
    background : {"plane", "constant", "none"}
        What is fitted to the pixels of a ring around each place, without those that stand out, and subtracted.
    """
    if aperture is None:
        assert psf is not None
        core, width = max(2.5 * psf.fwhm, 4.0), max(1.5 * psf.fwhm, 6.0)
        half = math.ceil(core)
    else:
        core, width = 1.5 * aperture + 4.0, 8.0
        half = math.ceil(aperture + 1.0)
    outer = math.ceil(core + width)
    rows, columns = np.mgrid[-outer : outer + 1, -outer : outer + 1]
    ring = (np.hypot(rows, columns) >= core) & (np.hypot(rows, columns) <= core + width)
    ring_y, ring_x = rows[ring], columns[ring]
    core_y, core_x = (grid.ravel() for grid in np.mgrid[-half : half + 1, -half : half + 1])
    in_core = np.hypot(core_y, core_x) <= core if aperture is None else np.ones(len(core_y), bool)
    core_y, core_x = core_y[in_core], core_x[in_core]
    at_once = max(1, _PIXELS_AT_ONCE // (len(ring_y) + len(in_core)))
    parts = []
    for start in range(0, len(x), at_once):
        part_x, part_y = x[start : start + at_once], y[start : start + at_once]
        centre = np.rint(part_y).astype(int)[:, None], np.rint(part_x).astype(int)[:, None]

        def cut(offset_y: NDArray[Any], offset_x: NDArray[Any], centre: Any = centre) -> tuple[Array, Mask, Array]:
            return _pixels(values, bad, variance, centre[0] + offset_y, centre[1] + offset_x)

        found = _background(*cut(ring_y, ring_x), _basis(ring_y, ring_x, outer, background))
        data, usable, noise = cut(core_y, core_x)
        basis = _basis(core_y, core_x, outer, background)
        if found.coefficients.shape[1]:
            data = data - found.coefficients @ basis.T
        if variance is None:
            noise = np.broadcast_to(found.variance[:, None], data.shape)
        if aperture is None:
            weights = psf.stamps(part_x, part_y, half).reshape(len(part_x), -1)[:, in_core]  # type: ignore[union-attr]
            whole = (weights**2).sum(axis=1)
            weights = np.where(usable, weights, 0.0)
            squares = (weights**2).sum(axis=1)
            measurable = squares >= _LEAST_SHARE * whole
        else:
            weights = _overlaps(part_x, part_y, half, aperture)
            squares = np.ones(len(part_x))
            measurable = ~((weights > 0) & ~usable).any(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            flux = np.where(usable, weights * data, 0.0).sum(axis=1) / squares
            squared = np.where(usable, weights**2 * noise, 0.0).sum(axis=1) / squares**2
            of_background = (weights @ basis) / squares[:, None]
            squared += np.einsum("ni,nij,nj->n", of_background, found.covariance, of_background)
        measurable &= np.isfinite(flux) & (squared > 0) & np.isfinite(squared)
        parts.append((np.where(measurable, flux, np.nan), np.sqrt(np.where(measurable, squared, np.nan))))
    if not parts:
        return Fluxes(np.empty(0), np.empty(0))
    flux, error = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Fluxes(flux, error)


def _pixels(
    values: NDArray[Any], bad: Mask, variance: NDArray[Any] | None, rows: NDArray[Any], columns: NDArray[Any]
) -> tuple[Array, Mask, Array]:
    """Values of pixels (0 where not usable), which are usable, and their variances (NaN where unknown)."""
    height, width = values.shape
    inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
    rows, columns = np.where(inside, rows, 0), np.where(inside, columns, 0)
    usable = inside & ~bad[rows, columns]
    data = np.where(usable, values[rows, columns], 0.0).astype(float)
    noise = np.full(data.shape, np.nan) if variance is None else np.where(usable, variance[rows, columns], 0.0)
    return data, usable, noise.astype(float)


def _basis(rows: NDArray[Any], columns: NDArray[Any], scale: float, background: str) -> Array:
    """What the background is made of, on pixels (from the middle one), shape (m, k)."""
    ones = np.ones(len(rows))
    return np.column_stack([ones, columns / scale, rows / scale])[
        :, : {"plane": 3, "constant": 1, "none": 0}[background]
    ]


def _background(data: Array, usable: Mask, noise: Array, basis: Array) -> _Ring:
    """Least squares on the pixels of rings, shape (n, m), without those that stand out; NaN where there are too few."""
    n, k = len(data), basis.shape[1]
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(basis), k * k)
    with np.errstate(invalid="ignore"):
        # The median first: a bright neighbour would tilt a plane that is fitted with it.
        keep = usable & _near(data - _medians(data, usable)[:, None], usable)
        coefficients, normal = np.empty((n, 0)), np.empty((n, 0, 0))
        rest = data
        for _ in range(3 if k else 1):
            if k:
                normal = (keep.astype(float) @ products).reshape(n, k, k)
                normal[keep.sum(axis=1) < _LEAST_RING] = np.nan
                coefficients = _solved(normal, np.where(keep, data, 0.0) @ basis)
                rest = data - coefficients @ basis.T
            last, keep = keep, usable & _near(rest, usable & keep)
    n_kept = last.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        measured = np.where(last, rest**2, 0.0).sum(axis=1) / (n_kept - k)
        of_pixel = np.where(last, noise, 0.0).sum(axis=1) / n_kept
    of_pixel = np.where(np.isnan(of_pixel), measured, of_pixel)
    of_pixel[n_kept < _LEAST_RING] = np.nan
    inverse = _solved(normal, np.broadcast_to(np.eye(k), (n, k, k))) if k else normal
    return _Ring(coefficients, inverse * of_pixel[:, None, None], of_pixel)


def _solved(normal: Array, right: Array) -> Array:
    """Solutions of n systems of equations; NaN where one has none."""
    one = np.eye(normal.shape[1])
    unusable: Any = ~np.isfinite(normal).all(axis=(1, 2))
    # Pixels in a line say nothing across it.
    unusable |= ~(np.linalg.cond(np.where(unusable[:, None, None], one, normal)) < 1e8)
    solvable = np.where(unusable[:, None, None], one, normal)
    found: Any = np.linalg.solve(solvable, right[..., None] if right.ndim == 2 else right)
    found[unusable] = np.nan
    return found[..., 0] if right.ndim == 2 else found


def _medians(data: Array, usable: Mask) -> Array:
    """Medians of the usable values of each row; NaN without any."""
    in_order = np.sort(np.where(usable, data, np.inf), axis=1)
    count = usable.sum(axis=1)
    rows = np.arange(len(data))
    middle: Array = 0.5 * (in_order[rows, np.maximum(count - 1, 0) // 2] + in_order[rows, np.maximum(count, 1) // 2])
    return np.where(count > 0, middle, np.nan)


def _near(rest: Array, usable: Mask) -> Mask:
    """Which values are not farther from 0 than noise is."""
    return np.abs(rest) <= _CLIP_SIGMA * _TO_SIGMA * _medians(np.abs(rest), usable)[:, None]


def _overlaps(x: Array, y: Array, half: int, radius: float) -> Array:
    """How much of each pixel is inside a circle, shape (n, m): of the pixels at most ``half`` from the middle one."""
    side = 2 * half + 1
    made = np.empty((len(x), side * side))
    for place, (dx, dy) in enumerate(zip(x - np.rint(x), y - np.rint(y), strict=True)):
        edges = (-half - 0.5 - dx, half + 0.5 - dx, -half - 0.5 - dy, half + 0.5 - dy)
        made[place] = circular_overlap_grid(*edges, side, side, radius, 1, 1).ravel()
    return made
