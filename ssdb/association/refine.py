"""Tests pairs exactly: how far the source is from the predicted position, in arcseconds and in sigmas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.association.trails import along_variances, largest_variances
from ssdb.config import MAX_TIME_DIFFERENCE_DAYS, AssociationConfig
from ssdb.equal_rows import begins
from ssdb.errors import AssociationError, shown
from ssdb.sky.sphere import moved, separations, tangent_offsets
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers

_RATES = ("ephRateRa", "ephRateDec")
_ROUNDING_ARCSEC = 1e-6
"""Added to every search radius, so that rounding loses no pair."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The (prediction, source) pairs that may belong together, n arrays in step."""

    pair: Index
    """Index into the pairs that were tested, ascending."""
    separation: Array
    """Great-circle separation of source and prediction at the source's time, arcsec."""
    chi2: Array
    """Squared distance in units of the combined error; NaN in fixed mode."""
    log_odds: Array
    """Log of the odds that the source is the object rather than an unrelated one; NaN in fixed mode."""
    weight: Array
    """What the assignment maximises: pairs at 0 or below are never chosen."""


def refine(
    predictions: Columns, pairs: Columns, config: AssociationConfig, density: ArrayLike | None = None
) -> Candidates:
    """Pairs that pass the exact test, of a superset that a box join found.

    In fixed mode those with separation <= radius, of weight 1 - (separation / radius)^2. In uncertainty mode those with
    chi2 <= the limit of n_sigma and separation <= max_radius, of weight = log_odds = - chi2 / 2 - ln(det C) / 2
    - ln(2 pi density) (Budavari & Szalay 2008, ApJ 679, 301), C in arcsec^2; that needs the density.
    AssociationError if a source's time is more than 0.02 d from that of the prediction.

    Parameters
    ----------
    predictions : mapping of str to ndarray, shape (p,)
        Columns of SsPrediction (of any number of visits): visit, midpointMjdTai (MJD TAI), ephRa, ephDec (ICRS, deg),
        ephRateRa (with cos dec), ephRateDec (deg/d), ephErrMajor, ephErrMinor (arcsec), ephErrPa (deg east of
        north). NaN where unknown.
    pairs : mapping of str to ndarray, shape (n,)
        prediction (index into predictions), diaSourceId, midpointMjdTai (MJD TAI), ra, dec (ICRS, deg), raErr
        (with cos dec), decErr (deg), ra_dec_Cov (deg^2). NaN where unknown. If there is a trail (arcsec, of the object
        in the exposure) and trailLength (of the source), errors along the motion grow with it.
    density : array_like, shape (n,) or scalar
        Sources per square arcsecond around each pair.
    """
    index = pairs["prediction"]
    days = pairs["midpointMjdTai"] - predictions["midpointMjdTai"][index]
    _check_times(days, predictions["visit"][index], pairs["diaSourceId"])
    ra, dec, rate_ra, rate_dec = (predictions[name][index] for name in ("ephRa", "ephDec", "ephRateRa", "ephRateDec"))
    eph_ra, eph_dec = moved(ra, dec, rate_ra, rate_dec, days)
    separation = separations(eph_ra, eph_dec, pairs["ra"], pairs["dec"])
    if config.mode == "fixed":
        kept = np.flatnonzero(separation <= config.radius_arcsec)
        separation = separation[kept]
        unknown = np.full(len(kept), np.nan)
        return Candidates(kept, separation, unknown, unknown, 1.0 - (separation / config.radius_arcsec) ** 2)

    if density is None:
        raise ValueError("uncertainty mode needs the density of sources")
    east, north = tangent_offsets(eph_ra, eph_dec, pairs["ra"], pairs["dec"])
    chi2, determinant = chi_squares(predictions, pairs, config, east, north)
    kept = np.flatnonzero((chi2 <= config.chi2_limit) & (separation <= config.max_radius_arcsec))
    unrelated = np.log(2.0 * np.pi * np.broadcast_to(density, chi2.shape)[kept])
    log_odds = -0.5 * chi2[kept] - 0.5 * np.log(determinant[kept]) - unrelated
    return Candidates(kept, separation[kept], chi2[kept], log_odds, log_odds)


def search_radii(
    predictions: Columns, config: AssociationConfig, largest_source_variance: ArrayLike, largest_dt_days: ArrayLike
) -> Array:
    """Radii (arcsec, shape (p,)) round predictions, each at its own time, outside of which no candidate can be.

    ``predictions`` are as in :func:`refine`, with trail (arcsec) where it counts. ``largest_source_variance``
    (arcsec^2) is a bound on the variance of a source's position in any direction, over the sources of the visit: the
    larger eigenvalue of the source's covariance, or raErr^2 + decErr^2, which it never exceeds. ``largest_dt_days`` is
    the largest difference in time between a source of the visit and the prediction. Both are of shape (p,) or scalars.
    """
    motion = np.hypot(predictions["ephRateRa"], predictions["ephRateDec"]) * np.abs(largest_dt_days) * ARCSEC_PER_DEG
    motion = np.where(np.isnan(motion), 0.0, motion)
    if config.mode == "fixed":
        return config.radius_arcsec + motion + _ROUNDING_ARCSEC
    major2, minor2, _ = _ellipses(predictions, config)
    variance = np.maximum(major2, minor2) + config.floor_arcsec**2 + np.asarray(largest_source_variance)
    if "trail" in predictions:
        variance = variance + largest_variances(predictions["trail"])
    return np.minimum(config.max_radius_arcsec, np.sqrt(config.chi2_limit * variance)) + motion + _ROUNDING_ARCSEC


def largest_days(earliest: ArrayLike, latest: ArrayLike, time: ArrayLike) -> Array:
    """Largest difference (d, shape (p,)) between predictions' times and those of the first and last source.

    All times are MJD TAI; those of sources are NaN where there are none, and the difference is then 0.
    """
    return np.fmax(0.0, np.fmax(np.abs(np.subtract(earliest, time)), np.abs(np.subtract(latest, time))))


def ranks(object_key: Integers, separation: Array) -> Integers:
    """Rank of each candidate among those of its object: 1 + the number that are strictly nearer, shape (n,).

    ``object_key`` tells the objects apart; separations are of any unit, and equal ones share a rank.
    """
    order = np.lexsort((separation, object_key))
    key, distance = object_key[order], separation[order]
    place = np.arange(len(order))
    rank = np.empty(len(order), dtype=np.int64)
    first_of_object = np.maximum.accumulate(np.where(begins(key), place, 0))
    first_of_equals = np.maximum.accumulate(np.where(begins(key, distance), place, 0))
    rank[order] = 1 + first_of_equals - first_of_object
    return rank


def _check_times(days: Array, visit: NDArray[Any], source: NDArray[Any]) -> None:
    """Raises AssociationError, with sources and visits, where sources are too far in time from the predictions."""
    wrong = np.abs(days) > MAX_TIME_DIFFERENCE_DAYS
    if wrong.any():
        raise AssociationError(
            f"source {shown(np.unique(source[wrong]))} of visit {shown(np.unique(visit[wrong]))}: midpointMjdTai is "
            f"up to {np.abs(days[wrong]).max():.4g} d from the time of the predictions, at most "
            f"{MAX_TIME_DIFFERENCE_DAYS} d are possible; are both MJD in TAI, and of the same visit?"
        )


def _ellipses(predictions: Columns, config: AssociationConfig) -> tuple[Array, Array, Array]:
    """Error ellipses of predictions: variances along both axes (arcsec^2), position angle of the first (radians).

    Without a minor axis, or without the angle that would give it a direction, the ellipse is the circle of its major
    axis: never smaller than the error. Without a major axis it is the circle of the default.
    """
    major, minor, angle = (
        np.asarray(predictions[name], dtype=float) for name in ("ephErrMajor", "ephErrMinor", "ephErrPa")
    )
    known = major > 0
    elongated = known & (minor > 0) & np.isfinite(angle)
    major = np.where(known, major, config.default_sigma_arcsec)
    return major**2, np.where(elongated, minor, major) ** 2, np.radians(np.where(elongated, angle, 0.0))


def _source_covariances(pairs: Columns) -> tuple[Array, Array, Array]:
    """Covariances of source positions, EE, NN, EN in arcsec^2; zero where unknown."""
    ra_err, dec_err, covariance = (
        np.nan_to_num(np.asarray(pairs[name], dtype=float), nan=0.0) for name in ("raErr", "decErr", "ra_dec_Cov")
    )
    # |cov| > raErr decErr is no covariance: the matrix would have a negative variance in some direction, and chi2
    # could be negative. The three are stored in single precision, so that rounding alone can do this to a very
    # elongated error; the largest possible covariance is what was meant.
    largest = ra_err * dec_err
    covariance = np.clip(covariance, -largest, largest)
    return ra_err**2 * ARCSEC_PER_DEG**2, dec_err**2 * ARCSEC_PER_DEG**2, covariance * ARCSEC_PER_DEG**2


def chi_squares(
    predictions: Columns, pairs: Columns, config: AssociationConfig, east: Array, north: Array
) -> tuple[Array, Array]:
    """chi2 = d^T C^-1 d of the offsets (arcsec), and det C (arcsec^4), C of prediction, source and floor.

    Both are the same in any axes, and are computed in those of the prediction's ellipse, where a long thin ellipse
    is diagonal: in (east, north) the determinant of one of 1000 x 0.05 arcsec would be lost in rounding.
    """
    major2, minor2, angle = (values[pairs["prediction"]] for values in _ellipses(predictions, config))
    east2, north2, east_north = _source_covariances(pairs)
    if "trail" in pairs:
        along = along_variances(pairs["trail"], np.asarray(pairs["trailLength"], dtype=float))
        motion = np.arctan2(*(np.nan_to_num(predictions[name][pairs["prediction"]]) for name in _RATES))
        east2, north2 = east2 + along * np.sin(motion) ** 2, north2 + along * np.cos(motion) ** 2
        east_north = east_north + along * np.sin(motion) * np.cos(motion)
    sin, cos = np.sin(angle), np.cos(angle)
    d_major, d_minor = east * sin + north * cos, east * cos - north * sin
    cross = 2.0 * sin * cos * east_north
    c11 = major2 + east2 * sin**2 + north2 * cos**2 + cross + config.floor_arcsec**2
    c22 = minor2 + east2 * cos**2 + north2 * sin**2 - cross + config.floor_arcsec**2
    c12 = (east2 - north2) * sin * cos + east_north * (cos**2 - sin**2)
    determinant = c11 * c22 - c12**2
    chi2 = (c22 * d_major**2 - 2.0 * c12 * d_major * d_minor + c11 * d_minor**2) / determinant
    return chi2, determinant
