"""Fits phase curves to many groups of observations at once; statistics of offsets. Arrays only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ssdb.config import SummaryConfig
from ssdb.summary.phase_curves import LARGEST_PHASE_ANGLE, MODELS, basis_functions, both_slopes
from ssdb.summary.slopes import Points, best_both, best_G12, total
from ssdb.units import MAG, Array, Columns, Index, Integers, Mask

_POINTS_AT_ONCE = 32_768
"""Points of a block: its arrays stay in the processor's cache."""
_PRIOR_POINTS = 4.0
"""The scatter that is assumed counts as much as that of so many points."""


def fit_phase_curves(
    starts: Integers, phase_angle: Array, magnitude: Array, error: Array, config: SummaryConfig, model: str = "HG12"
) -> Columns:
    """Phase curves of groups of observations: of an object in a band each.

    Points that cannot be used are left out: NaN, infinite, an error that is not above 0, a phase angle outside 0 to
    150 degrees. What comes out of a group does not depend on the others, to the bit, but does on the order of its
    points in the last digits.

    Parameters
    ----------
    starts : ndarray of int, shape (g + 1,)
        Where each group begins in the arrays of points, and where the last ends.
    phase_angle, magnitude, error : ndarray, shape (n,)
        Phase angles (deg), magnitudes at 1 au from Sun and observer, their formal 1-sigma errors (mag). The floor is
        added here.
    config : SummaryConfig
        Its model is not looked at.
    model : str
        HG12, HG12star or HG1G2.

    Returns
    -------
    mapping of str to ndarray, shape (g,)
        H, HErr (mag); G12, G12Err, H_G12_Cov, or of HG1G2: G1, G1Err, H_G1_Cov, G2, G2Err, H_G2_Cov, G1_G2_Cov (errors
        and covariances of slopes NaN where these could not be fitted); Chi2, rms (mag) of the points fitted, nObsUsed,
        slope_fit_failed (bool). Without points NaN, 0 and False. And ``used``, shape (n,): which points were fitted.

    Notes
    -----
    Slopes are those of the lowest chi-square, within their bounds: G12 from 0 to 1; G1, G2, 1 - G1 - G2 not below 0.
    They are fitted to three points or more (HG1G2: four) that tell them to better than ``max_slope_error``. Otherwise
    they are what the fiducial G12 makes them, with ``fiducial_scatter`` in the error of H.

    Errors have a scatter beyond the formal errors in them, the same for all points of a group: rotation. It is what
    chi-square has too much, and counts together with ``few_points_scatter``, which weighs as much as four points.
    Pulls of H of objects that turn with 0.15 mag then have a standard deviation of 0.9 to 1.15 from 1 to 100 points.

    Points are left out if they are more than ``clip`` sigma from the median of the residuals of a fit in which those
    far off count little; sigma holds their errors and the scatter, here by the median. It takes four points.
    """
    is_used = np.isfinite(magnitude) & np.isfinite(error) & (error > 0)
    is_used &= (phase_angle >= 0) & (phase_angle <= LARGEST_PHASE_ANGLE)
    usable = np.flatnonzero(is_used)
    first = np.concatenate([[0], np.cumsum(is_used)])[starts]
    count = np.diff(first)
    found: Columns = {name: np.full(len(count), np.nan) for name in _columns(model)}
    found |= {"nObsUsed": np.zeros(len(count), np.int64), "slope_fit_failed": np.zeros(len(count), bool)}
    for rows, width in _blocks(count):
        inside = np.arange(width)[:, None] < count[rows]
        at = usable[first[rows] + np.where(inside, np.arange(width)[:, None], 0)]
        some, used = _fit(inside, phase_angle[at], magnitude[at], error[at], config, model)
        for name, values in found.items():
            values[rows] = some[name]
        is_used[at[inside]] = used[inside]
    return found | {"used": is_used}


def _columns(model: str) -> list[str]:
    """The columns of a model that are NaN without points."""
    slopes = MODELS[model]
    of_slopes = [
        f"{before}{name}{after}" for name in slopes for before, after in (("", ""), ("", "Err"), ("H_", "_Cov"))
    ]
    return ["H", "HErr", *of_slopes, *(["G1_G2_Cov"] if len(slopes) > 1 else []), "Chi2", "rms"]


def _blocks(count: Integers) -> Iterator[tuple[Index, int]]:
    """Groups that are laid beside each other, and how long the largest may be: by a quarter of a power of 2 at most."""
    step = 1 << np.maximum(np.frexp(np.maximum(count, 1) - 1)[1] - 3, 0)
    widths = -(-count // step) * step
    order = np.argsort(widths, kind="stable")
    for width in np.unique(widths[widths > 0]).tolist():
        rows = order[slice(*np.searchsorted(widths[order], [width, width + 1]))]
        at_once = max(2, _POINTS_AT_ONCE // width)
        for k in range(0, len(rows), at_once):
            yield _not_alone(rows[k : k + at_once]), width


def _not_alone(groups: Index) -> Index:
    return np.repeat(groups, 2) if len(groups) == 1 else groups


def _fit(
    inside: Mask, phase_angle: Array, magnitude: Array, error: Array, config: SummaryConfig, model: str
) -> tuple[Columns, Mask]:
    """The columns of the groups of a block, and which of its points, (k, g), were fitted."""
    first, second, third = basis_functions(phase_angle)
    weight = np.where(inside, 1.0 / (error**2 + config.floor_mag**2), 0.0)
    centre = total(weight * magnitude) / total(weight)
    points = Points(weight, magnitude - centre, third, first - third, second - third, centre)
    found = _solve(points, config, model)
    if config.clip:
        off = np.any(weight * found["residual"] ** 2 > config.clip**2, axis=0)
        doubtful = np.flatnonzero(off & (points.n > 3))
        if len(doubtful):
            doubtful = _not_alone(doubtful)
            some = points.of(doubtful)
            kept = _not_far_off(some, found["residual"][:, doubtful], config, model)
            again = _solve(replace(some, weight=np.where(kept, some.weight, 0.0)), config, model)
            for name, values in found.items():
                values[..., doubtful] = again[name]
            inside = inside.copy()
            inside[:, doubtful] = kept
    return found, inside


def _not_far_off(points: Points, residual: Array, config: SummaryConfig, model: str) -> Mask:
    """Points that are within ``clip`` sigma, scatter included, of a fit in which those far off count little."""
    inside = points.weight > 0
    variance = 1.0 / np.where(inside, points.weight, 1.0)
    for _ in range(4):
        off = _distance(residual, variance, inside, config)
        robust = replace(points, weight=points.weight / (1.0 + off / 4.0))
        residual = _solve(robust, config, model)["residual"]
    return inside & (_distance(residual, variance, inside, config) <= config.clip**2)


def _distance(residual: Array, variance: Array, inside: Mask, config: SummaryConfig) -> Array:
    """How many sigma residuals are from their median, squared; sigma by the errors and the median distance."""
    n = np.count_nonzero(inside, axis=0)
    distance = residual - _median(residual, inside, n)
    scatter = 1.4826 * _median(np.abs(distance), inside, n)
    return distance**2 / (variance + _with_prior(scatter**2, n, config))


def _median(values: Array, inside: Mask, n: Integers) -> Array:
    ordered = np.sort(np.where(inside, values, np.inf), axis=0)
    columns = np.arange(len(n))
    return 0.5 * (ordered[(n - 1) // 2, columns] + ordered[n // 2, columns])


def _with_prior(scatter2: Array, n: Integers, config: SummaryConfig) -> Array:
    """The square of a scatter that n points show (mag2), where few points show little."""
    assumed = _PRIOR_POINTS * config.few_points_scatter**2
    return np.maximum(assumed + n * scatter2, 0.0) / (_PRIOR_POINTS + n)


def _solve(points: Points, config: SummaryConfig, model: str) -> Columns:
    """The columns of groups, and ``residual``, (k, g)."""
    names, n = MODELS[model], points.n
    fiducial, by_G12 = both_slopes(model if len(names) == 1 else "HG12", np.full(len(n), config.fiducial))
    slopes = np.full((1, len(n)), config.fiducial) if len(names) == 1 else np.array(fiducial)
    found = _described(points, fiducial, (by_G12,), config)
    found |= {name: np.full(len(n), np.nan) for name in _columns(model) if name not in found}
    carried = n >= len(names) + 2
    if carried.any():
        if len(names) == 1:
            best = best_G12(points, model)[None]
            both, by_G12 = both_slopes(model, best[0])
            fitted = _described(points, both, (by_G12,), config, names)
        else:
            best = best_both(points)
            unit = np.ones(len(n)), np.zeros(len(n))
            fitted = _described(points, (best[0], best[1]), (unit, unit[::-1]), config, names)
        for name in names:
            carried &= fitted[f"{name}Err"] < config.max_slope_error
        carried &= fitted["HErr"] > 0
        found = {
            name: np.where(carried, fitted[name], values) if name in fitted else values
            for name, values in found.items()
        }
        slopes = np.where(carried, best, slopes)
    return found | dict(zip(names, slopes, strict=True)) | {"nObsUsed": n, "slope_fit_failed": ~carried}


def _described(
    points: Points,
    slopes: tuple[Array, Array],
    by: tuple[tuple[Array, Array], ...],
    config: SummaryConfig,
    fitted: tuple[str, ...] = (),
) -> Columns:
    """H, errors and quality of groups with given G1 and G2, of which ``by`` has the derivatives by the slopes.

    What chi-square has too much is put down to a scatter, the same for all points: rotation. The errors are those of
    least squares whose weights do not know of it. Slopes that are not ``fitted`` have the fiducial scatter.
    """
    weight, n = points.weight, points.n
    weights = total(weight)
    light = points.third + slopes[0] * points.first + slopes[1] * points.second
    residual = points.magnitude + MAG * np.log(light)
    H = total(weight * residual) / weights
    residual -= H
    chi2 = total(weight * residual**2)
    changes = [-MAG * (one * points.first + two * points.second) / light for one, two in by]
    means = [total(weight * change) / weights for change in changes]
    # Columns of the design: 1, and of each slope what is left of it without its mean, so that slopes do not know of H.
    design = [np.ones_like(weight)] + [change - mean for change, mean in zip(changes, means, strict=True) if fitted]
    inverse, to_H = np.zeros((2, len(design), len(design), len(n)))
    inverse[0, 0] = 1.0 / weights
    if fitted:
        inverse[1:, 1:] = _inverse([[total(weight * x * y) for y in design[1:]] for x in design[1:]])
    squares = np.array([[total(weight * x * weight * y) for y in design] for x in design])
    free = np.maximum(n - len(design), 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = weights - sum(_product(inverse, squares)[i, i] for i in range(len(design)))
        scatter2 = _with_prior(np.where(free > 0, (chi2 - free) / spread, 0.0), free, config)
        covariance = inverse + scatter2 * _product(_product(inverse, squares), inverse)
        to_H[range(len(design)), range(len(design))] = 1.0
        to_H[0, 1:] = np.negative(means) if fitted else 0.0
        covariance = _product(_product(to_H, covariance), to_H.transpose(1, 0, 2))
        if not fitted:
            covariance[0, 0] += (means[0] * config.fiducial_scatter) ** 2
        errors = np.sqrt(covariance[range(len(design)), range(len(design))])
    rms = np.sqrt(total(np.where(weight > 0, residual, 0.0) ** 2) / n)
    found = {"H": points.centre + H, "HErr": errors[0], "Chi2": chi2, "rms": rms, "residual": residual}
    for k, name in enumerate(fitted, start=1):
        found |= {f"{name}Err": errors[k], f"H_{name}_Cov": covariance[0, k]}
    return found | ({"G1_G2_Cov": covariance[1, 2]} if len(fitted) > 1 else {})


def _product(one: Array, other: Array) -> Array:
    """Products of matrices, which are the first two axes."""
    return np.add.reduce(one[:, :, None] * other[None], axis=1)


def _inverse(matrix: list[list[Array]]) -> list[list[Array]]:
    """Of matrices up to 2 x 2; infinite or NaN where there is none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if len(matrix) < 2:
            return [[1.0 / value for value in row] for row in matrix]
        (a, b), (_, d) = matrix
        determinant = a * d - b**2
        return [[d / determinant, -b / determinant], [-b / determinant, a / determinant]]


def offset_statistics(starts: Integers, offset_ra: Array, offset_dec: Array) -> Columns:
    """Mean, standard deviation, skewness and excess kurtosis of the offsets of groups, those of the population.

    Parameters
    ----------
    starts : ndarray of int, shape (g + 1,)
        Where each group begins, and where the last ends.
    offset_ra, offset_dec : ndarray, shape (n,)
        Observed less predicted place, in any unit; NaN is left out.

    Returns
    -------
    mapping of str to ndarray, shape (g,)
        raMean, raSd, raSkew, raKurtosis, decMean, decSd, decSkew, decKurtosis: as numpy's mean and std, scipy's skew
        and kurtosis have them (biased); NaN without offsets, skewness and kurtosis also without a spread.
    """
    found: Columns = {}
    n_groups = len(starts) - 1
    group = np.repeat(np.arange(n_groups), np.diff(starts))
    for name, offset in (("ra", offset_ra), ("dec", offset_dec)):
        of, values = group[np.isfinite(offset)], offset[np.isfinite(offset)]
        with np.errstate(divide="ignore", invalid="ignore"):
            n = np.bincount(of, minlength=n_groups)
            mean = np.bincount(of, values, n_groups) / n
            values = values - mean[of]
            second, third, fourth = (np.bincount(of, values**power, n_groups) / n for power in (2, 3, 4))
            found |= {f"{name}Mean": mean, f"{name}Sd": np.sqrt(second)}
            # Equal offsets differ from their mean by rounding.
            second = np.where(second > (4.0 * np.finfo(float).eps * mean) ** 2, second, np.nan)
            found |= {f"{name}Skew": third / second**1.5, f"{name}Kurtosis": fourth / second**2 - 3.0}
    return found
