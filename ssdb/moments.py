"""Sums that the columns of DiaObjects are made of, so that sources are added without a look at earlier ones.

Arrays only. Means are kept beside their weights, and changed by what a source differs from them: sums of squares would
lose in the subtraction what large fluxes differ by (Chan, Golub & LeVeque 1983, The American Statistician 37, 242).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ssdb.config import DiaConfig
from ssdb.equal_rows import begins
from ssdb.sky.sphere import joined, tangent_offsets, turns, unit_vectors
from ssdb.sky.sphere import positions as directions
from ssdb.units import ARCSEC, ARCSEC_PER_DEG, Array, Columns, Index, Integers

MOMENTS: Mapping[str, float] = {
    "nWeighted": 0,
    "weight": 0.0,
    "weightedMean": np.nan,
    "nValues": 0,
    "mean": np.nan,
    "squares": 0.0,
    "lowest": np.nan,
    "highest": np.nan,
    "steepest": np.nan,
    "lastMjdTai": np.nan,
    "lastFlux": np.nan,
    "nErrors": 0,
    "errorMean": np.nan,
    "scienceWeight": 0.0,
    "scienceMean": np.nan,
    "forcedWeight": 0.0,
    "forcedMean": np.nan,
}
"""Columns of DiaObjectMoment, and what they are before there is a source."""

PLACES: Mapping[str, float] = {
    "refRa": np.nan,
    "refDec": np.nan,
    "weightEast": 0.0,
    "weightNorth": 0.0,
    "weightEastNorth": 0.0,
    "sumEast": 0.0,
    "sumNorth": 0.0,
}
"""Columns of DiaObjectLast that an object's place is made of, and what they are before there is a source."""

FLUXES = ("psfFlux", "psfFluxErr", "scienceFlux", "scienceFluxErr")
"""Columns of DiaSource that moments are made of."""

ERRORS = ("raErr", "decErr", "ra_dec_Cov")
"""Errors of a place: of right ascension with cos(dec), of declination (deg), and their covariance (deg2)."""


Covariance: TypeAlias = tuple[Array, Array, Array]
"""Of offsets: east-east, north-north, east-north (arcsec2)."""


class Folded(NamedTuple):
    """What objects are by all of their sources."""

    objects: Columns
    """diaObjectId (ascending), nDiaSources, firstDiaSourceMjdTai, lastDiaSourceMjdTai, and those of :data:`PLACES`."""
    moments: Columns
    """diaObjectId, band (ascending), and those of :data:`MOMENTS`; nothing forced."""


def no_moments(n: int) -> Columns:
    """Moments of n objects in a band, without sources."""
    return _nothing(MOMENTS, n)


def no_places(n: int) -> Columns:
    """Places of n objects without sources."""
    return _nothing(PLACES, n)


def no_objects() -> Folded:
    """Sums of no object."""
    ids, times = np.empty(0, np.int64), np.empty(0)
    span: Columns = {"nDiaSources": ids, "firstDiaSourceMjdTai": times, "lastDiaSourceMjdTai": times}
    keys: Columns = {"diaObjectId": ids, "band": np.empty(0, "S1")}
    return Folded({"diaObjectId": ids} | span | no_places(0), keys | no_moments(0))


def add_fluxes(moments: Columns, sources: Columns) -> Columns:
    """Moments with one more source each; none is changed in place.

    Parameters
    ----------
    moments : mapping of str to ndarray, shape (n,)
        Columns of :data:`MOMENTS`.
    sources : mapping of str to ndarray, shape (n,)
        midpointMjdTai, psfFlux, psfFluxErr, scienceFlux, scienceFluxErr (MJD TAI, nJy; NaN unknown), each source later
        in time than those that are in the moments, or of the same time: then it has no slope.
    """
    old = moments
    time = np.asarray(sources["midpointMjdTai"], float)
    flux, error, science, science_error = (np.asarray(sources[name], float) for name in FLUXES)
    is_flux, is_error = np.isfinite(flux), np.isfinite(error)
    n_values, n_errors = old["nValues"] + is_flux, old["nErrors"] + is_error
    weight, weighted_mean, is_weighted = _weighted(old["weight"], old["weightedMean"], flux, error)
    science_weight, science_mean, _ = _weighted(old["scienceWeight"], old["scienceMean"], science, science_error)
    known_flux = np.where(is_flux, flux, np.nan)
    later = time > old["lastMjdTai"]
    days = np.where(later, time - old["lastMjdTai"], np.nan)
    first = old["nValues"] == 0
    apart = np.where(first, 0.0, flux - old["mean"])
    return {
        "nWeighted": old["nWeighted"] + is_weighted,
        "weight": weight,
        "weightedMean": weighted_mean,
        "nValues": n_values,
        "mean": _mean(old["mean"], flux, n_values, is_flux),
        "squares": np.where(
            is_flux, old["squares"] + apart**2 * (old["nValues"] / np.fmax(n_values, 1)), old["squares"]
        ),
        "lowest": np.fmin(old["lowest"], known_flux),
        "highest": np.fmax(old["highest"], known_flux),
        "steepest": np.fmax(old["steepest"], (known_flux - old["lastFlux"]) / days),
        "lastMjdTai": np.where(is_flux, time, old["lastMjdTai"]),
        "lastFlux": np.where(is_flux, flux, old["lastFlux"]),
        "nErrors": n_errors,
        "errorMean": _mean(old["errorMean"], error, n_errors, is_error),
        "scienceWeight": science_weight,
        "scienceMean": science_mean,
        "forcedWeight": old["forcedWeight"],
        "forcedMean": old["forcedMean"],
    }


def flux_columns(moments: Columns) -> Columns:
    """The columns of DiaObject of one band, without the band's letter: psfFluxMean and so on; NaN is unknown.

    psfFluxMaxSlope is the steepest rise from a source to the next (nJy/d), below 0 where the flux never rose.
    """
    spread = moments["nValues"] > 1
    return {
        "psfFluxMean": moments["weightedMean"],
        "psfFluxMeanErr": _mean_error(moments["weight"]),
        "psfFluxSigma": np.sqrt(
            np.where(spread, moments["squares"], np.nan) / np.where(spread, moments["nValues"] - 1, 1)
        ),
        "psfFluxNdata": moments["nWeighted"],
        "fpFluxMean": moments["forcedMean"],
        "fpFluxMeanErr": _mean_error(moments["forcedWeight"]),
        "scienceFluxMean": moments["scienceMean"],
        "scienceFluxMeanErr": _mean_error(moments["scienceWeight"]),
        "psfFluxMin": moments["lowest"],
        "psfFluxMax": moments["highest"],
        "psfFluxMaxSlope": moments["steepest"],
        "psfFluxErrMean": moments["errorMean"],
    }


def covariances(places: Columns, config: DiaConfig, turn: Array | float = 0.0) -> Covariance:
    """Covariances of places, by their raErr, decErr and ra_dec_Cov, in axes against which theirs are turned.

    A missing error, or one that is not above 0, counts as the fallback, and the covariance then as 0; so does one that
    is not positive definite, by the precision of single numbers.
    """
    ra_err, dec_err, covariance = (np.asarray(places[name], float) for name in ERRORS)
    known = [(err > 0) & (err < np.inf) for err in (ra_err, dec_err)]
    east2, north2 = (
        np.where(is_known, err * ARCSEC_PER_DEG, config.fallback_sigma_arcsec) ** 2
        for is_known, err in zip(known, (ra_err, dec_err), strict=True)
    )
    mixed = covariance * ARCSEC_PER_DEG**2
    possible = known[0] & known[1] & (mixed**2 < (1.0 - 1e-6) * east2 * north2)
    return _turned((east2, north2, np.where(possible, mixed, 0.0)), turn)


def add_places(places: Columns, sources: Columns, config: DiaConfig, number: Array | float = 1.0) -> Columns:
    """Places with one more source each; none is changed in place.

    The first source is where offsets are counted from. They are weighted with the inverse covariances of the sources,
    or where the configuration says "mean" with how many each stands for (``number``), which is one if it is a source.

    Parameters
    ----------
    places : mapping of str to ndarray, shape (n,)
        Columns of :data:`PLACES`.
    sources : mapping of str to ndarray, shape (n,)
        ra, dec (ICRS, deg), raErr, decErr, ra_dec_Cov.
    """
    ra, dec = (np.asarray(sources[name], float) for name in ("ra", "dec"))
    first = np.isnan(places["refRa"])
    ref_ra, ref_dec = np.where(first, ra, places["refRa"]), np.where(first, dec, places["refDec"])
    east, north = tangent_offsets(ref_ra, ref_dec, ra, dec)
    if config.position == "mean":
        w_east, w_north, w_mixed = np.full(len(ra), number), np.full(len(ra), number), np.zeros(len(ra))
    else:
        turn = turns(ref_ra, ref_dec, ra, dec)
        w_east, w_north, w_mixed = _inverse(*covariances(sources, config, turn))
    return {
        "refRa": ref_ra,
        "refDec": ref_dec,
        "weightEast": places["weightEast"] + w_east,
        "weightNorth": places["weightNorth"] + w_north,
        "weightEastNorth": places["weightEastNorth"] + w_mixed,
        "sumEast": places["sumEast"] + (w_east * east + w_mixed * north),
        "sumNorth": places["sumNorth"] + (w_mixed * east + w_north * north),
    }


def positions(places: Columns, config: DiaConfig) -> Columns:
    """ra, dec (ICRS, deg), raErr, decErr (deg), ra_dec_Cov (deg2) of objects of one source or more, shape (n,).

    The mean in the plane that touches the sphere at the first source; for sources within an arcsecond of each other the
    direction of the mean of their unit vectors is the same within 1e-9 arcsec. Where the sources are weighted equally,
    each is taken to have the fallback's error.
    """
    east2, north2, mixed = _inverse(*(places[name] for name in ("weightEast", "weightNorth", "weightEastNorth")))
    east = east2 * places["sumEast"] + mixed * places["sumNorth"]
    north = mixed * places["sumEast"] + north2 * places["sumNorth"]
    lon, lat = np.radians(places["refRa"]), np.radians(places["refDec"])
    to_east = joined(-np.sin(lon), np.cos(lon), np.zeros_like(lon))
    to_north = joined(-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat))
    offset = ARCSEC * (east[:, None] * to_east + north[:, None] * to_north)
    ra, dec = directions(unit_vectors(places["refRa"], places["refDec"]) + offset)
    stays = (east == 0) & (north == 0)  # to the bit
    ra, dec = np.where(stays, places["refRa"], ra), np.where(stays, places["refDec"], dec)
    east2, north2, mixed = _turned((east2, north2, mixed), -turns(places["refRa"], places["refDec"], ra, dec))
    unit = (config.fallback_sigma_arcsec**2 if config.position == "mean" else 1.0) / ARCSEC_PER_DEG**2
    errors = {"raErr": np.sqrt(unit * east2), "decErr": np.sqrt(unit * north2), "ra_dec_Cov": unit * mixed}
    return {"ra": ra, "dec": dec, **errors}


def folded(object_id: Integers, sources: Columns, config: DiaConfig, start: Folded | None = None) -> Folded:
    """What objects are by all of their sources, as if these had been added one by one.

    The k-th source (in time, then by diaSourceId) of every object is added in round k: the same operations in the same
    order as visit by visit, so that the results are the same to the bit.

    Parameters
    ----------
    object_id : ndarray of int, shape (s,)
        The object of each source, in any order.
    sources : mapping of str to ndarray, shape (s,)
        diaSourceId, midpointMjdTai, band (bytes) and what :func:`add_fluxes` and :func:`add_places` need.
    start : Folded, optional
        What objects are before these are added, with sources or without.
    """
    order = np.lexsort((sources["diaSourceId"], sources["midpointMjdTai"], object_id))
    object_id, sources = object_id[order], {name: values[order] for name, values in sources.items()}
    start = start or no_objects()
    s, time = len(object_id), sources["midpointMjdTai"]
    (keys,), group = grouped(np.append(object_id, start.objects["diaObjectId"]))
    new, has = begins(group[:s]), group[s:]
    first, last = np.flatnonzero(new), np.flatnonzero(np.append(new[1:], True)[:s])
    with_sources = group[first]
    count = np.bincount(group[:s], minlength=len(keys))
    count[has] += start.objects["nDiaSources"]
    begin, end = np.full(len(keys), np.inf), np.full(len(keys), np.nan)
    begin[with_sources], end[with_sources] = time[first], time[last]
    begin[has] = np.minimum(begin[has], start.objects["firstDiaSourceMjdTai"])  # unknown stays so
    end[has] = np.fmax(end[has], start.objects["lastDiaSourceMjdTai"])
    objects: Columns = {
        "diaObjectId": keys,
        "nDiaSources": count,
        "firstDiaSourceMjdTai": begin,
        "lastDiaSourceMjdTai": end,
    }
    places = no_places(len(keys))
    for name, values in places.items():
        values[has] = start.objects[name]
    objects |= in_rounds(group[:s], sources, places, lambda old, more: add_places(old, more, config))
    by_band = np.lexsort((sources["band"], object_id))  # stable: in time within a band
    sources = {name: values[by_band] for name, values in sources.items()}
    named = (
        np.append(object_id[by_band], start.moments["diaObjectId"]),
        np.append(sources["band"], start.moments["band"]),
    )
    (keys, bands), group = grouped(*named)
    moments = no_moments(len(keys))
    for name, values in moments.items():
        values[group[s:]] = start.moments[name]
    return Folded(objects, {"diaObjectId": keys, "band": bands} | in_rounds(group[:s], sources, moments, add_fluxes))


def grouped(*keys: NDArray[Any]) -> tuple[list[NDArray[Any]], Index]:
    """The different keys, made of one column or several of shape (n,), ascending, and which of them each row has."""
    order = np.lexsort(keys[::-1])
    new = begins(*(key[order] for key in keys))
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(new) - 1
    return [key[order][new] for key in keys], group


def in_rounds(group: Index, rows: Columns, start: Columns, add: Callable[[Columns, Columns], Columns]) -> Columns:
    """Sums of groups of rows, in which ``start`` is changed: first the first of each, then the second, ...

    ``group``, shape (n,), ascending, is the place of each row's sum.
    """
    place = np.arange(len(group))
    number = place - np.maximum.accumulate(np.where(begins(group), place, 0)) if len(group) else place
    order = np.argsort(number, kind="stable")
    for now in np.split(order, np.flatnonzero(np.diff(number[order])) + 1) if len(order) else []:
        to = group[now]
        for name, values in add(_at(start, to), _at(rows, now)).items():
            start[name][to] = values
    return start


def _at(columns: Columns, rows: Index) -> Columns:
    return {name: values[rows] for name, values in columns.items()}


def _nothing(values: Mapping[str, float], n: int) -> Columns:
    return {name: np.full(n, value) for name, value in values.items()}


def _weighted(weight: Array, mean: Array, value: Array, error: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Sum of weights and weighted mean with one more value each, and which values counted."""
    counts = np.isfinite(value) & (error > 0) & (error < np.inf)
    more = np.where(counts, 1.0 / np.where(counts, error, 1.0) ** 2, 0.0)
    total = weight + more
    step = np.where(weight > 0, value - mean, 0.0) * (more / np.where(counts, total, 1.0))
    return total, np.where(counts, np.where(weight > 0, mean, value) + step, mean), counts


def _mean(mean: Array, value: Array, count: NDArray[Any], counts: NDArray[np.bool_]) -> Array:
    """Plain mean with one more value each, of a count with it; unchanged where it does not count."""
    step = np.where(count > 1, value - mean, 0.0) / np.fmax(count, 1)
    return np.where(counts, np.where(count > 1, mean, value) + step, mean)


def _mean_error(weight: Array) -> Array:
    """The error of a mean of the given weight; NaN where there is none."""
    return 1.0 / np.sqrt(np.where(weight > 0, weight, np.nan))


def _turned(covariance: Covariance, angle: Array | float) -> Covariance:
    """Covariances in axes against which theirs are turned by angles (radians), from the first to the second."""
    a, b, c = covariance
    sin, cos = np.sin(angle), np.cos(angle)
    cross = 2.0 * sin * cos * c
    return (
        a * cos**2 + b * sin**2 - cross,
        a * sin**2 + b * cos**2 + cross,
        (a - b) * sin * cos + c * (cos**2 - sin**2),
    )


def _inverse(a: Array, b: Array, c: Array) -> Covariance:
    """The inverse of the matrices [[a, c], [c, b]] in the same form."""
    determinant = a * b - c**2
    return b / determinant, a / determinant, -c / determinant
