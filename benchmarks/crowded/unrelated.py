"""The sources of a crowded night that are no known object: how they are drawn, and with which density."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.crowded.densities import (
    ARTEFACT,
    COUNTS_SLOPE,
    DEPTH,
    FAST,
    FAST_SHARE,
    FIELD_ARCSEC,
    MEASURED,
    N_ARTEFACTS,
    N_STREAKS,
    N_UNKNOWN,
    NO_FLUX,
    STREAK,
    TRAIL_ARCSEC,
    UNKNOWN,
    VARIABLE,
    flux,
    flux_error,
    kind_density,
    normal,
    rates,
    trail_lengths,
    turned,
)
from ssdb.simulate.camera import Camera
from ssdb.units import AB_ZERO_POINT_NJY, Array, Columns

_CLUSTER_RADII, _CLUSTER_SIZES = (5.0, 20.0), (5, 30)
"""Artefacts round a bright star: from here to there, so many, n of them n^-2 as often."""
_STREAK_SIZES, _STREAK_LENGTHS, _STREAK_WIDTH, _STREAK_ANGLE_ERROR = (10, 40), (10.0, 60.0), 0.3, 1.0
"""Pieces of a satellite's streak, their lengths, and how they scatter: arcsec across, deg."""
_BRIGHTER = {VARIABLE: DEPTH - 19.0, STREAK: 5.0}
"""By how many magnitudes these are brighter than the depth, evenly, at most."""
_ARTEFACT_SCALE = 1.0
"""The same of artefacts: the mean of an exponential distribution."""
_RANDOM_TRAILS, _RANDOM_LENGTHS = {VARIABLE: 0.01, ARTEFACT: 0.08}, (2.0, 15.0)
"""Shares that are measured as trails, of any angle, and how long these are."""


@dataclass(frozen=True)
class Places:
    """Where sources that are not spread evenly are, in the plane of the camera: truth that an observer cannot have."""

    clusters: Array
    """x, y, and number of artefacts, of each cluster, shape (k, 3)."""
    streaks: Array
    """x, y of the middle, angle (rad, from y to x), length and number of pieces of each streak, shape (k, 5)."""


def draw_places(rng: np.random.Generator) -> Places:
    """Clusters and streaks of a visit."""
    sizes = np.arange(_CLUSTER_SIZES[0], _CLUSTER_SIZES[1] + 1)
    shares = sizes**-2.0 / np.sum(sizes**-2.0)
    n = round(N_ARTEFACTS / np.sum(shares * sizes))
    x, y = rng.uniform(-0.5 * FIELD_ARCSEC, 0.5 * FIELD_ARCSEC, (2, n))
    clusters = np.column_stack([x, y, rng.choice(sizes, n, p=shares)])
    n = rng.poisson(N_STREAKS)
    x, y = rng.uniform(-0.25 * FIELD_ARCSEC, 0.25 * FIELD_ARCSEC, (2, n))
    sizes = rng.integers(_STREAK_SIZES[0], _STREAK_SIZES[1] + 1, n)
    streaks = np.column_stack([x, y, rng.uniform(0.0, math.pi, n), np.full(n, FIELD_ARCSEC), sizes])
    return Places(clusters, streaks)


def draw_unrelated(camera: Camera, depth: Array, places: Places, n: int, rng: np.random.Generator) -> Iterator[Columns]:
    """Sources of each kind, n together; those in gaps are on detector -1, and are not counted."""
    line = np.repeat(places.streaks, places.streaks[:, 4].astype(int), axis=0)
    along, across = rng.uniform(-0.5, 0.5, len(line)) * line[:, 3], rng.normal(0.0, _STREAK_WIDTH, len(line))
    sin, cos = np.sin(line[:, 2]), np.cos(line[:, 2])
    points = np.stack([line[:, 0] + along * sin + across * cos, line[:, 1] + along * cos - across * sin])
    angle = np.degrees(line[:, 2] + camera.rotation) + rng.normal(0.0, _STREAK_ANGLE_ERROR, len(line))
    length = rng.uniform(*_STREAK_LENGTHS, len(line))
    yield _rows(camera, depth, STREAK, points, _evenly_brighter(STREAK, len(line), rng), length, angle)

    centre = np.repeat(places.clusters, places.clusters[:, 2].astype(int), axis=0)
    distance = np.sqrt(rng.uniform(*np.square(_CLUSTER_RADII), len(centre)))
    around = rng.uniform(0.0, 2.0 * math.pi, len(centre))
    points = centre[:, :2].T + distance * np.stack([np.sin(around), np.cos(around)])
    brighter = rng.exponential(_ARTEFACT_SCALE, len(centre))
    artefacts = _rows(camera, depth, ARTEFACT, points, brighter, *_random_trails(ARTEFACT, len(centre), rng))
    yield artefacts

    n_unknown = rng.poisson(N_UNKNOWN)
    points = camera.focal_plane.random_points(n_unknown, rng)
    length = trail_lengths(rates(n_unknown, rng))
    length[(length <= TRAIL_ARCSEC) | (rng.random(n_unknown) >= MEASURED)] = np.nan
    angle = np.where(np.isnan(length), np.nan, rng.uniform(0.0, 180.0, n_unknown))
    brighter = -np.log10(rng.random(n_unknown)) / COUNTS_SLOPE
    yield _rows(camera, depth, UNKNOWN, points, brighter, length, angle)

    n_variable = n - n_unknown - np.sum(artefacts["detector"] >= 0) - len(line)
    points = camera.focal_plane.random_points(n_variable, rng)
    brighter = _evenly_brighter(VARIABLE, n_variable, rng)
    yield _rows(camera, depth, VARIABLE, points, brighter, *_random_trails(VARIABLE, n_variable, rng))


def unrelated_density(camera: Camera, depth: Array, places: Places, sources: Columns, n_known: int) -> Array:
    """Density of the unrelated sources (arcsec^-2, mag^-1, and of what else is measured) at each source, shape (n,).

    ``n_known`` of the sources are known objects.
    """
    points = np.column_stack(camera.to_plane(sources["ra"], sources["dec"]))
    length, angle, flux_known = sources["trailLength"], sources["trailAngle"], np.isfinite(sources["psfFlux"])
    magnitude = AB_ZERO_POINT_NJY - 2.5 * np.log10(np.where(flux_known, sources["psfFlux"], 1.0))
    brighter = depth[sources["detector"]] - magnitude
    above = brighter >= 0.0

    def of_kind(kind: int, density: Array | float, of_light: Array, of_trail: Array) -> Array:
        light = np.where(flux_known, (1.0 - NO_FLUX) * of_light, NO_FLUX)
        return density * light * of_trail * kind_density(kind, sources["reliability"], sources["flag"])

    def random_trail(kind: int) -> Array:
        share, (shortest, longest) = _RANDOM_TRAILS[kind], _RANDOM_LENGTHS
        inside = (length >= shortest) & (length <= longest)
        return np.where(np.isnan(length), 1.0 - share, share * inside / ((longest - shortest) * 180.0))

    def evenly(kind: int) -> Array:
        return above * (brighter <= _BRIGHTER[kind]) / _BRIGHTER[kind]

    # As many variables as are left of all.
    area = len(camera.focal_plane.centers) * np.prod(2.0 * camera.focal_plane.half_sizes)
    in_clusters = places.clusters[:, 2].sum() * area / FIELD_ARCSEC**2
    n_variable = len(points) - n_known - N_UNKNOWN - in_clusters - places.streaks[:, 4].sum()
    total = of_kind(VARIABLE, n_variable / area, evenly(VARIABLE), random_trail(VARIABLE))

    slope = COUNTS_SLOPE * math.log(10.0)
    longest = trail_lengths(FAST[1])
    per_log_length = FAST_SHARE * MEASURED / math.log(FAST[1] / FAST[0])
    inside = (length > TRAIL_ARCSEC / 2.0) & (length <= longest)
    none = 1.0 - per_log_length * math.log(longest / TRAIL_ARCSEC)
    of_trail = np.where(np.isnan(length), none, inside * per_log_length / (np.where(inside, length, 1.0) * 180.0))
    total += of_kind(UNKNOWN, N_UNKNOWN / area, slope * np.exp(-slope * brighter) * above, of_trail)

    inner, outer = _CLUSTER_RADII
    of_light = np.exp(-brighter / _ARTEFACT_SCALE) / _ARTEFACT_SCALE * above
    density = np.zeros(len(points))
    for *centre, n in places.clusters:
        distance = np.hypot(*(points - centre).T)
        density += n / (math.pi * (outer**2 - inner**2)) * ((distance >= inner) & (distance <= outer))
    total += of_kind(ARTEFACT, density, of_light, random_trail(ARTEFACT))

    for x, y, direction, whole, n in places.streaks:
        sin, cos = math.sin(direction), math.cos(direction)
        (east, north), (shortest, longest) = (points - (x, y)).T, _STREAK_LENGTHS
        on_line = np.abs(east * sin + north * cos) <= 0.5 * whole
        density = n / whole * on_line * normal(east * cos - north * sin, _STREAK_WIDTH)
        deviation = turned(np.nan_to_num(angle), math.degrees(direction + camera.rotation))
        inside = (length >= shortest) & (length <= longest)
        of_trail = inside / (longest - shortest) * normal(deviation, _STREAK_ANGLE_ERROR)
        total += of_kind(STREAK, density, evenly(STREAK), of_trail)
    return total


def _evenly_brighter(kind: int, n: int, rng: np.random.Generator) -> Array:
    return rng.uniform(0.0, _BRIGHTER[kind], n)


def _random_trails(kind: int, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    is_trail = rng.random(n) < _RANDOM_TRAILS[kind]
    length, angle = rng.uniform(*_RANDOM_LENGTHS, n), rng.uniform(0.0, 180.0, n)
    return np.where(is_trail, length, np.nan), np.where(is_trail, angle, np.nan)


def _rows(
    camera: Camera, depth: Array, kind: int, points: Array, brighter: Array, length: Array, angle: Array
) -> Columns:
    """Sources at points (2, n) of the plane, so many magnitudes brighter than the depth."""
    ra, dec = camera.to_sky(*points)
    detector = camera.detectors_at(ra, dec)
    measured = flux(depth[detector] - brighter)
    return {
        "object": np.full(len(ra), -1),
        "kind": np.full(len(ra), kind),
        "ra": ra,
        "dec": dec,
        "detector": detector,
        "psfFlux": measured,
        "psfFluxErr": flux_error(measured, depth[detector]),
        "trailLength": length,
        "trailAngle": angle % 180.0,
    }
