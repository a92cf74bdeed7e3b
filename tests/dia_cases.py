"""Sources and DiaObjects beside each other, and what belongs together by trying every one-to-one choice."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np

from ssdb.config import DiaConfig

Columns = dict[str, np.ndarray]
NAN = float("nan")
ARCSEC = np.pi / 648_000.0


def rows(key: str, *offsets: tuple[float, float], at: tuple[float, float] = (150.0, 2.0), **columns: Any) -> Columns:
    """Sources or objects 1, 2, ... at offsets (arcsec east and north, in the tangent plane) from a place (deg).

    ``sigma`` (arcsec) is the error in both directions; other columns are as given, errors else unknown.
    """
    east, north = np.array(offsets, float).reshape(-1, 2).T
    ra, dec = beside(*at, east, north)
    sigma = columns.pop("sigma", NAN)
    made = {key: np.arange(1, len(ra) + 1), "ra": ra, "dec": dec, "ra_dec_Cov": NAN}
    made |= {"raErr": sigma / 3600.0, "decErr": sigma / 3600.0} | columns
    return {name: np.broadcast_to(value, len(ra)).copy() for name, value in made.items()}


def frame(ra: Any, dec: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit vectors, shape (..., 3), of a direction (deg) and to its east and north."""
    lon, lat = np.radians(ra), np.radians(dec)
    up = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], -1)
    east = np.stack([-np.sin(lon), np.cos(lon), 0 * lat], -1)
    return up, east, np.cross(up, east)


def beside(ra: float, dec: float, east: Any, north: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points (deg) at offsets (arcsec) in the plane that touches the sphere at a place."""
    up, to_east, to_north = frame(ra, dec)
    vectors = up + ARCSEC * (np.multiply.outer(east, to_east) + np.multiply.outer(north, to_north))
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)) % 360.0, np.degrees(np.arctan2(z, np.hypot(x, y)))


def offset(ra0: float, dec0: float, ra: float, dec: float) -> np.ndarray:
    """Offset (arcsec east and north) of a point in the plane that touches the sphere at a place."""
    up, to_east, to_north = frame(ra0, dec0)
    point = frame(ra, dec)[0]
    # Of the difference: the products of vectors of length 1 are only known to 2e-11 arcsec.
    apart = point - up
    return np.array([apart @ to_east, apart @ to_north]) / (1.0 + apart @ up) / ARCSEC


def covariance(row: dict[str, float], config: DiaConfig) -> np.ndarray:
    """The covariance (arcsec^2) of a place."""
    known = {name: bool(np.isfinite(row[name]) and row[name] > 0) for name in ("raErr", "decErr")}
    east, north = (row[name] * 3600.0 if known[name] else config.fallback_sigma_arcsec for name in known)
    mixed = row["ra_dec_Cov"] * 3600.0**2
    if not all(known.values()) or not mixed**2 < (1 - 1e-6) * (east * north) ** 2:
        mixed = 0.0
    return np.array([[east**2, mixed], [mixed, north**2]])


def turned(matrix: np.ndarray, at: Any, center: Any) -> np.ndarray:
    """A covariance by east and north of a place as one by those of a centre nearby, both as (ra, dec)."""
    (_, east, north), (_, east0, north0) = frame(*at), frame(*center)
    axes = np.array([[east @ east0, north @ east0], [east @ north0, north @ north0]])
    return axes @ matrix @ axes.T


def row_of(columns: Columns, index: int) -> dict[str, float]:
    return {name: values[index] for name, values in columns.items()}


def weights(sources: Columns, objects: Columns, density: float, config: DiaConfig) -> dict[tuple[int, int], float]:
    """The weight of every pair that is possible."""
    found = {}
    for s in range(len(sources["ra"])):
        for o in range(len(objects["ra"])):
            source, object_ = row_of(sources, s), row_of(objects, o)
            d = offset(object_["ra"], object_["dec"], source["ra"], source["dec"])
            if not np.hypot(*d) <= config.radius_arcsec:
                continue
            if config.mode == "nearest":
                found[s, o] = 1.0 - (d @ d) / config.radius_arcsec**2
                continue
            places = [(row["ra"], row["dec"]) for row in (source, object_)]
            c = turned(covariance(source, config), *places) + covariance(object_, config)
            c += config.floor_arcsec**2 * np.eye(2)
            chi2 = d @ np.linalg.inv(c) @ d
            if chi2 <= config.chi2_limit:
                normal = np.exp(-chi2 / 2.0) / (2.0 * np.pi * np.sqrt(np.linalg.det(c)))
                found[s, o] = np.log(config.prior / (1.0 - config.prior) * normal / density)
    return found


def choices(n_sources: int, n_objects: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Every one-to-one choice of pairs, also of none."""
    for size in range(min(n_sources, n_objects) + 1):
        for chosen in combinations(range(n_sources), size):
            for objects in permutations(range(n_objects), size):
                yield tuple(zip(chosen, objects, strict=True))


def best(weight: dict[tuple[int, int], float], n_sources: int, n_objects: int) -> tuple[float, set[tuple[int, int]]]:
    """The largest sum of weights of all choices, and the pairs."""
    possible = (each for each in choices(n_sources, n_objects) if all(pair in weight for pair in each))
    return max(((sum(weight[pair] for pair in each), set(each)) for each in possible), key=lambda one: one[0])


def of_rubin(sources: Columns, objects: Columns) -> dict[int, int]:
    """What Rubin's AssociationTask (ap_association, June 2026) gives: object by source, both by index.

    Of every full matching, in which a source without an object costs 1 more than the worst pair of all, the cheapest.
    """
    costs = {}
    n_sources, n_objects = len(sources["ra"]), len(objects["ra"])
    for s in range(n_sources):
        for o in range(n_objects):
            source, object_ = row_of(sources, s), row_of(objects, o)
            if np.hypot(*offset(object_["ra"], object_["dec"], source["ra"], source["dec"])) > 1.0:
                continue
            d_ra = (source["ra"] - object_["ra"] + 180.0) % 360.0 - 180.0
            d = np.array([d_ra, source["dec"] - object_["dec"]]) * 3600.0
            errors = [(source[name] * 3600.0, object_[name] * 3600.0) for name in ("raErr", "decErr")]
            variances = np.array([max(a**2 + b**2, 0.05**2) for a, b in errors])
            costs[s, o] = 0.5 * np.sum(d**2 / variances) + 0.5 * np.log(np.prod(variances))
    no_match = max(costs.values()) + 1.0
    possible = (each for each in choices(n_sources, n_objects) if all(pair in costs for pair in each))
    # Sources without any pair are not in its graph; the number of others is the same in all matchings.
    return dict(min(possible, key=lambda each: sum(costs[pair] - no_match for pair in each)))
