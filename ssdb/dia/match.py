"""Finds which source belongs to which DiaObject, and which sources make new ones. Arrays only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ssdb.association.assign import assign
from ssdb.config import DiaConfig
from ssdb.errors import ConfigError, option
from ssdb.moments import covariances
from ssdb.schema.apdb_dia import dia_source
from ssdb.sky.boxes import zone_boxes, zones
from ssdb.sky.footprint import ranges
from ssdb.sky.sphere import tangent_offsets, turns
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Mask

_ROUNDING_ARCSEC = 1e-6
"""Added to the search radius, so that rounding loses no pair."""


class DiaMatches(NamedTuple):
    """Sources and their objects, by source ascending, shape (m,)."""

    source: Index
    object: Index
    separation: Array
    """Of the source from the object's place, arcsec."""
    chi2: Array
    """Squared separation over its covariance; NaN in mode nearest."""
    log_odds: Array
    """Log of the odds that the source is of the object rather than an unrelated one; NaN in mode nearest."""


def match_pairs(
    sources: Columns, objects: Columns, source: Index, object_: Index, density: Array, config: DiaConfig
) -> DiaMatches:
    """The best one-to-one choice among pairs of a source and an object that may belong together.

    In mode uncertainty a pair is possible if its offset d in the plane that touches the sphere at the object (arcsec,
    east and north) is within radius_arcsec, and d' C^-1 d within the chi-square of n_sigma, where C is the sum of both
    covariances and floor_arcsec^2. Its weight is the log of its odds,
    ln(P / (1 - P)) - d' C^-1 d / 2 - ln(det C) / 2 - ln(2 pi density), P the prior (Budavari & Szalay 2008, ApJ 679,
    301). In mode nearest the weight is 1 - (|d| / radius)^2. The choice is that of the largest sum of weights; none of
    0 or below is chosen. What is chosen depends on the pairs that are connected with each other alone.

    Parameters
    ----------
    sources : mapping of str to ndarray, shape (s,)
        diaSourceId, ra, dec (ICRS, deg), raErr (with cos dec), decErr (deg), ra_dec_Cov (deg2); NaN: unknown.
    objects : mapping of str to ndarray, shape (o,)
        diaObjectId, and the same of their present places.
    source, object_ : ndarray of int, shape (n,)
        Pairs, each once, as indices into both: a superset of those that are within the radius.
    density : ndarray, shape (s,)
        Unrelated sources per square arcsecond around each source, above 0.
    """
    of_source = {name: values[source] for name, values in sources.items()}
    of_object = {name: values[object_] for name, values in objects.items()}
    east, north = tangent_offsets(of_object["ra"], of_object["dec"], of_source["ra"], of_source["dec"])
    separation = np.hypot(east, north)
    possible = separation <= config.radius_arcsec
    if config.mode == "nearest":
        chi2 = log_odds = np.full(len(separation), np.nan)
        weight = 1.0 - (separation / config.radius_arcsec) ** 2
    else:
        turn = turns(of_object["ra"], of_object["dec"], of_source["ra"], of_source["dec"])
        c_source, c_object = covariances(of_source, config, turn), covariances(of_object, config)
        east2, north2, mixed = (a + b for a, b in zip(c_source, c_object, strict=True))
        east2, north2 = east2 + config.floor_arcsec**2, north2 + config.floor_arcsec**2
        determinant = east2 * north2 - mixed**2
        chi2 = (north2 * east**2 - 2.0 * mixed * east * north + east2 * north**2) / determinant
        prior = np.log(config.prior / (1.0 - config.prior))
        unrelated = np.log(2.0 * np.pi * density[source])
        weight = log_odds = prior - 0.5 * chi2 - 0.5 * np.log(determinant) - unrelated
        possible &= chi2 <= config.chi2_limit
    kept = np.flatnonzero(possible)
    keys = of_object["diaObjectId"][kept], of_source["diaSourceId"][kept]
    chosen = kept[assign(*keys, separation[kept], weight[kept], "optimal")]
    chosen = chosen[np.argsort(source[chosen])]
    return DiaMatches(source[chosen], object_[chosen], separation[chosen], chi2[chosen], log_odds[chosen])


def candidate_pairs(sources: Columns, objects: Columns, radius_arcsec: float) -> tuple[Index, Index]:
    """Pairs (indices of sources and of objects) that are within the radius, and some that are not.

    Both have ra, dec (deg, finite, ra in [0, 360)), shape (s,) and (o,).
    """
    by_ra = np.argsort(objects["ra"], kind="stable")
    ra, n = objects["ra"][by_ra], len(by_ra)
    # The place of an object in the order of ra is a whole number: with its zone it makes one that compares as both do.
    key = n * zones(objects["dec"][by_ra]).astype(np.int64) + np.arange(n)
    order = np.argsort(key)
    radius = np.full(len(sources["ra"]), (radius_arcsec + _ROUNDING_ARCSEC) / ARCSEC_PER_DEG)
    boxes = zone_boxes(sources["ra"], sources["dec"], radius)
    strip = n * boxes.zone.astype(np.int64)
    begin = np.searchsorted(key, strip + np.searchsorted(ra, boxes.ra0), sorter=order)
    end = np.searchsorted(key, strip + np.searchsorted(ra, boxes.ra1, "right"), sorter=order)
    object_ = by_ra[order[ranges(begin, end - begin)]]
    source = np.repeat(boxes.point, end - begin)
    near = np.abs(sources["dec"][source] - objects["dec"][object_]) <= radius[source]
    return source[near], object_[near]


def flag_columns(config: DiaConfig) -> tuple[str, ...]:
    """The flags of DiaSource that the configuration names, each once; ConfigError where there is no such flag."""
    names = tuple(dict.fromkeys((*config.bad_flags, *config.new_object_bad_flags)))
    for name in names:
        if name not in dia_source.c or dia_source.c[name].type.python_type is not bool:
            of_all = name in config.bad_flags
            of = (
                option("--bad-flags", "bad_flags")
                if of_all
                else option("--new-object-bad-flags", "new_object_bad_flags")
            )
            raise ConfigError(f"{of}: DiaSource has no flag {name!r}")
    return names


def takes_part(sources: Columns, config: DiaConfig) -> Mask:
    """Which sources DiaObjects are looked for: with a position, and without bad flags; shape (s,).

    ``sources`` have ra, dec and the flags as bool.
    """
    placed = np.isfinite(sources["ra"]) & np.isfinite(sources["dec"])
    return placed & ~_flagged(sources, config.bad_flags)


def makes_object(sources: Columns, config: DiaConfig) -> Mask:
    """Which sources make a new DiaObject where they belong to none; shape (s,).

    ``sources`` have the flags of new_object_bad_flags as bool, reliability, apFlux, apFluxErr (NaN: unknown, which
    refuses nothing). The rule and its options are those of Rubin's DiaPipelineTask.
    """
    error = sources["apFluxErr"]
    snr = np.abs(np.divide(sources["apFlux"], error, out=np.full(len(error), np.nan), where=error != 0))
    reliability = sources["reliability"]
    refused = _flagged(sources, config.new_object_bad_flags)
    refused |= snr < config.new_object_snr_threshold
    refused |= reliability < config.new_object_reliability_threshold
    low_snr, low = config.new_object_low_reliability_snr_threshold, config.new_object_low_snr_reliability_threshold
    refused |= (snr < low_snr) & (reliability < low)
    return ~refused


def _flagged(sources: Columns, names: tuple[str, ...]) -> Mask:
    flagged = np.zeros(len(next(iter(sources.values()))), bool)
    for name in names:
        flagged |= sources[name]
    return flagged
