"""Sums of objects of which no source is known, by their columns in tables of others. Arrays only.

They are those of :mod:`ssdb.moments`, so that further sources are added to them.
"""

from __future__ import annotations

import numpy as np

from ssdb.config import DiaConfig
from ssdb.moments import Folded, add_places, grouped, in_rounds, no_moments, no_objects, no_places
from ssdb.units import ARCSEC_PER_DEG, Array, Columns

FORCED = ("fpFluxMean", "fpFluxMeanErr")
"""Columns of the forced fluxes of a band, without its letter."""


def given_moments(columns: Columns) -> Columns:
    """The moments of objects in a band, by what :func:`ssdb.moments.flux_columns` gives of it, shape (n,).

    Of a mean without an error the errors of single fluxes tell it, else their scatter; a mean without any of these
    has no weight. The weighted mean stands for the plain one. Unknown is the latest flux, and the scatter of several
    fluxes where it is not given.
    """
    number, mean, sigma, typical = (
        np.asarray(columns[name], float) for name in ("psfFluxNdata", "psfFluxMean", "psfFluxSigma", "psfFluxErrMean")
    )
    known = np.isfinite(mean)
    count = np.where(known, number, 0).astype(np.int32)
    root = np.sqrt(np.fmax(count, 1))
    error = _first_above_0(columns["psfFluxMeanErr"], typical / root, sigma / root)
    weight, weighted_mean = _weighted(mean, error)
    science_weight, science_mean = _weighted(columns["scienceFluxMean"], columns["scienceFluxMeanErr"])
    forced_weight, forced_mean = _weighted(*(columns[name] for name in FORCED))
    return no_moments(len(mean)) | {
        "nWeighted": np.where(weight > 0, count, 0),
        "weight": weight,
        "weightedMean": weighted_mean,
        "nValues": count,
        "mean": np.where(known, mean, np.nan),
        "squares": np.where(count > 1, sigma**2 * (count - 1), 0.0),
        "lowest": np.asarray(columns["psfFluxMin"], float),
        "highest": np.asarray(columns["psfFluxMax"], float),
        "steepest": np.asarray(columns["psfFluxMaxSlope"], float),
        "nErrors": np.where(np.isfinite(typical), np.fmax(count, 1), 0).astype(np.int32),
        "errorMean": typical,
        "scienceWeight": science_weight,
        "scienceMean": science_mean,
        "forcedWeight": forced_weight,
        "forcedMean": forced_mean,
    }


def merge_moments(one: Columns, other: Columns) -> Columns:
    """The moments of objects in a band by two sets of sources, of which none is in both, shape (n,)."""
    merged: Columns = {name: one[name] + other[name] for name in ("nWeighted", "nValues", "nErrors")}
    for weight, mean in (
        ("weight", "weightedMean"),
        ("scienceWeight", "scienceMean"),
        ("forcedWeight", "forcedMean"),
        ("nValues", "mean"),
        ("nErrors", "errorMean"),
    ):
        merged[weight], merged[mean] = _mean_of_two(one[weight], one[mean], other[weight], other[mean])
    both = (one["nValues"] > 0) & (other["nValues"] > 0)
    apart = np.where(both, other["mean"] - one["mean"], 0.0)
    between = apart**2 * (one["nValues"] * (other["nValues"] / np.fmax(merged["nValues"], 1)))
    merged["squares"] = one["squares"] + other["squares"] + between
    merged["lowest"] = np.fmin(one["lowest"], other["lowest"])
    merged["highest"] = np.fmax(one["highest"], other["highest"])
    merged["steepest"] = np.fmax(one["steepest"], other["steepest"])
    later = np.fmax(one["lastMjdTai"], other["lastMjdTai"]) == other["lastMjdTai"]
    for name in ("lastMjdTai", "lastFlux"):
        merged[name] = np.where(later, other[name], one[name])
    return merged


def merge_sums(one: Columns, other: Columns) -> Columns:
    """The moments of objects and bands by two sets of sources: diaObjectId and band beside the moments, ascending."""
    names = ("diaObjectId", "band")
    both = {name: np.concatenate([one[name], other[name]]) for name in one}
    keys, group = grouped(*(both[name] for name in names))
    order = np.argsort(group, kind="stable")
    rows = {name: values[order] for name, values in both.items() if name not in names}
    merged = in_rounds(group[order], rows, no_moments(len(keys[0])), merge_moments)
    return dict(zip(names, keys, strict=True)) | merged


def given_sums(given: Columns, bands: str, config: DiaConfig) -> Folded:
    """What objects are by rows of tables of others, of which an object may have several (it was merged).

    Parameters
    ----------
    given : mapping of str to ndarray, shape (n,)
        The columns of DiaObjectBase; NaN is unknown.
    bands : str
        The letters of the bands.
    """
    order = np.lexsort((given["diaObjectId"], given["currentId"]))
    rows = {name: values[order] for name, values in given.items()}
    (objects,), group = grouped(rows["currentId"])
    n = len(objects)
    first, last, count = np.full(n, np.inf), np.full(n, -np.inf), np.zeros(n, np.int64)
    with np.errstate(invalid="ignore"):  # unknown if one is
        np.minimum.at(first, group, rows["firstDiaSourceMjdTai"])
    np.fmax.at(last, group, rows["lastDiaSourceMjdTai"])
    np.add.at(count, group, rows["nDiaSources"])
    of_objects: Columns = {
        "diaObjectId": objects,
        "nDiaSources": count,
        "firstDiaSourceMjdTai": first,
        "lastDiaSourceMjdTai": np.where(np.isinf(last), np.nan, last),
    }
    number = np.fmax(rows["nDiaSources"], 1)
    places = {name: rows[name] for name in ("ra", "dec", "ra_dec_Cov")} | {"number": number.astype(float)}
    for name in ("raErr", "decErr"):
        # Of the mean of so many sources.
        usual = config.fallback_sigma_arcsec / ARCSEC_PER_DEG / np.sqrt(number)
        places[name] = _first_above_0(rows[name], usual)
    of_objects |= in_rounds(
        group, places, no_places(n), lambda old, more: add_places(old, more, config, more["number"])
    )
    moments = no_objects().moments
    for letter in bands:
        of_band = {name[2:]: values for name, values in rows.items() if name.startswith(f"{letter}_")}
        has = np.logical_or.reduce([np.isfinite(v) for name, v in of_band.items() if name != "psfFluxNdata"])
        in_band = given_moments({name: values[has] for name, values in of_band.items()})
        keys = {"diaObjectId": rows["currentId"][has], "band": np.full(has.sum(), letter.encode())}
        moments = merge_sums(moments, in_band | keys)
    return Folded(of_objects, moments)


def _first_above_0(*choices: Array) -> Array:
    """Of each row the first value that is above 0 and finite, else NaN."""
    found = np.full(len(choices[0]), np.nan)
    for values in reversed(choices):
        values = np.asarray(values, float)
        found = np.where((values > 0) & (values < np.inf), values, found)
    return found


def _weighted(mean: Array, error: Array) -> tuple[Array, Array]:
    """Weights and means, of those with an error above 0; 0 and NaN of the others."""
    mean, error = np.asarray(mean, float), _first_above_0(error)
    known = np.isfinite(mean) & np.isfinite(error)
    return np.where(known, 1.0 / np.where(known, error, 1.0) ** 2, 0.0), np.where(known, mean, np.nan)


def _mean_of_two(weight: Array, mean: Array, more: Array, of_more: Array) -> tuple[Array, Array]:
    total = weight + more
    both = (weight > 0) & (more > 0)
    step = np.where(both, of_more - mean, 0.0) * (more / np.where(both, total, 1.0))
    return total, np.where(weight > 0, np.where(both, mean + step, mean), of_more)
