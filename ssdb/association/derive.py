"""Computes the columns of SSSource from matched predictions and sources."""

from __future__ import annotations

import numpy as np

from ssdb.config import AssociationConfig
from ssdb.sky.frames import ecliptic, galactic
from ssdb.sky.sphere import angles, moved, norms, range_rates, separations, tangent_offsets
from ssdb.units import AU_KM, SECONDS_PER_DAY, Array, Columns, Index


def derive(predictions: Columns, index: Index, sources: Columns, config: AssociationConfig) -> Columns:
    """The rows of SSSource for n sources that were matched with predictions.

    ``predictions`` has columns of SsPrediction, shape (p,): positions ICRS astrometric in degrees, rates in deg/d
    (ephRateRa with cos dec), helio and topo positions in au and velocities in km/s, times MJD TAI; NaN where unknown.
    ``index``, shape (n,), is the row of the prediction of each source. ``sources``, shape (n,), has diaSourceId, visit,
    detector, midpointMjdTai (MJD TAI), ra, dec (ICRS, deg), diaDistanceRank.

    Gives all columns of SSSource but ``designation``: identifiers as they came, everything else in double precision and
    the units of the APDB. The prediction is taken to the source's time. NaN is what cannot be known.
    """

    def predicted(name: str) -> Array:
        return np.asarray(predictions[name][index], dtype=float)

    def vectors(prefix: str) -> Array:
        return np.stack([predicted(prefix + axis) for axis in "xyz"], axis=-1)

    ra, dec = sources["ra"], sources["dec"]
    days = sources["midpointMjdTai"] - predicted("midpointMjdTai")
    rate_ra, rate_dec = predicted("ephRateRa"), predicted("ephRateDec")
    eph_ra, eph_dec = moved(predicted("ephRa"), predicted("ephDec"), rate_ra, rate_dec, days)
    east, north = tangent_offsets(eph_ra, eph_dec, ra, dec)
    rate = np.hypot(rate_ra, rate_dec)
    moving = np.where(rate > 0, rate, np.nan)
    helio_v, topo_v = vectors("helio_v"), vectors("topo_v")
    helio, topo = _moved_vectors(vectors("helio_"), helio_v, days), _moved_vectors(vectors("topo_"), topo_v, days)
    ecl_lambda, ecl_beta = ecliptic(ra, dec, config.ecliptic)
    gal_lon, gal_lat = galactic(ra, dec)
    return {
        "diaSourceId": sources["diaSourceId"],
        "ssObjectId": predictions["ssObjectId"][index],
        "visit": sources["visit"],
        "detector": sources["detector"],
        "eclLambda": ecl_lambda,
        "eclBeta": ecl_beta,
        "galLon": gal_lon,
        "galLat": gal_lat,
        # The Sun is at topo - helio, seen from the observer.
        "elongation": _first_known(angles(topo - helio, topo), predicted("elongation")),
        "phaseAngle": _first_known(angles(helio, topo), predicted("phaseAngle")),
        "topoRange": _first_known(norms(topo), predicted("topoRange")),
        "topoRangeRate": _first_known(range_rates(topo, topo_v), predicted("topoRangeRate")),
        "helioRange": _first_known(norms(helio), predicted("helioRange")),
        "helioRangeRate": _first_known(range_rates(helio, helio_v), predicted("helioRangeRate")),
        "ephRa": eph_ra,
        "ephDec": eph_dec,
        "ephVmag": predicted("ephVmag"),
        "ephRate": rate,
        "ephRateRa": rate_ra,
        "ephRateDec": rate_dec,
        "ephOffset": separations(eph_ra, eph_dec, ra, dec),
        "ephOffsetRa": east,
        "ephOffsetDec": north,
        "ephOffsetAlongTrack": (east * rate_ra + north * rate_dec) / moving,
        "ephOffsetCrossTrack": (north * rate_ra - east * rate_dec) / moving,
        **_components("helio_", helio),
        **_components("helio_v", helio_v),
        "helio_vtot": norms(helio_v),
        **_components("topo_", topo),
        **_components("topo_v", topo_v),
        "topo_vtot": norms(topo_v),
        "diaDistanceRank": sources["diaDistanceRank"],
    }


def _components(prefix: str, vectors: Array) -> dict[str, Array]:
    """The three components of vectors (n, 3) under their column names."""
    return {prefix + axis: vectors[:, i] for i, axis in enumerate("xyz")}


def _moved_vectors(position: Array, velocity: Array, days: Array) -> Array:
    """Positions (au) after a time (d) at their velocities (km/s); not moved where velocity or time is unknown."""
    step = velocity * (days[:, None] * SECONDS_PER_DAY / AU_KM)
    return position + np.where(np.isnan(step), 0.0, step)


def _first_known(computed: Array, provided: Array) -> Array:
    """The computed values; where they cannot be known, the provider's own."""
    return np.where(np.isnan(computed), provided, computed)
