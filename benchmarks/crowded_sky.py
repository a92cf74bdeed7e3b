"""The crowded night: visits at the density of a deep survey, and of every source what it is.

What a survey has, and where an association can go wrong: orbits known to 20 arcsec, objects too faint to be seen,
trails, artefacts in clusters round bright stars, streaks of satellites, asteroids that nobody knows. Every number is a
draw from a density that is written here, so that a decision can be made that knows them all
(:mod:`benchmarks.crowded_bayes`). Trails lose no light to the point-source fit, and predictions hold for mid-exposure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ssdb.simulate.camera import Camera, plane_radius
from ssdb.simulate.focal_plane import mosaic
from ssdb.simulate.objects import ecliptic_place, random_designations
from ssdb.simulate.visit import EXPOSURE_SECONDS, SimulatedVisit
from ssdb.sky.sphere import moved
from ssdb.units import AB_ZERO_POINT_NJY, ARCSEC_PER_DEG, Array, Columns, Index

FIELD_ARCSEC = 3.5 * ARCSEC_PER_DEG
N_DETECTORS = 36
MARGIN_ARCSEC = 120.0
"""Objects are predicted so far outside the field, too."""
N_SOURCES = 10_000
N_OBJECTS = 830
"""Predicted for a visit, those in the margin included."""

KNOWN, UNKNOWN, VARIABLE, ARTEFACT, STREAK = range(5)
"""Kinds of sources: asteroids that are predicted and that are not, stars and transients, artefacts, satellites."""
N_UNKNOWN = 0.1 * 590
N_ARTEFACTS = 0.4 * N_SOURCES
N_STREAKS = 1.0
CLUSTER_RADII = 5.0, 20.0
CLUSTER_SIZES = 5, 30
STREAK_SIZES = 10, 40
STREAK_WIDTH = 0.3
STREAK_ANGLE_ERROR = 1.0

# V - band of the classes C and S: Veres & Chesley (2017), table 4.
COLOURS = {"r": (0.172, 0.255), "i": (0.291, 0.455)}
BRIGHTEST, FAINTEST = 17.0, 25.5
_COUNTS_SLOPE, _KNOWN_TO, _KNOWN_WIDTH = 0.4, 24.5, 0.25
"""V magnitudes: counts grow as 10^(0.4 V) as far as objects are known, half of them at V = _KNOWN_TO."""
_DEPTH, _DEPTH_SCATTER = 24.3, 0.1
POISSON_MAG = 21.0
"""A source of this magnitude has as much noise of its own as there is of the sky."""
THRESHOLD, EFFICIENCY = 5.0, 0.98
"""Of the sources above this signal-to-noise ratio so many are detected."""
NO_FLUX = 0.02

TRAIL_ARCSEC, BREAK_ARCSEC = 2.0, 5.0
MEASURED, BROKEN = 0.7, 0.2
"""Shares of the trails that are measured as such (of those longer than TRAIL_ARCSEC), or fall into 2 or 3 pieces."""
LENGTH_ERROR, ALONG_ERROR, ANGLE_ERROR_ARCSEC = 0.1, 0.1, 0.5
CIRCLE_ARCSEC = 0.3
"""The true error of a prediction without an ellipse."""
FAST_SHARE, FAST, SLOW = 0.1, (0.5, 10.0), (0.1, 0.4)

RELIABILITY = np.array([[6.0, 1.5], [6.0, 1.5], [6.0, 1.5], [1.3, 4.0], [1.3, 4.0]])
"""The two parameters of the Beta distribution of each kind."""
FLAGS = ("", "pixelFlags_saturated", "isDipole", "pixelFlags_cr", "pixelFlags_streak")
FLAG_SHARES = np.array([[0.965, 0.01, 0.01, 0.01, 0.005]] * 3 + [[0.5, 0.25, 0.15, 0.1, 0.0], [0.4, 0, 0, 0, 0.6]])
"""Shares of each kind's sources that have one of the flags; no source has two."""
VARIABLE_BRIGHTEST, ARTEFACT_SCALE = 19.0, 1.0
UNRELATED_TRAILS, UNRELATED_LENGTHS, STREAK_LENGTHS = (0.01, 0.08), (2.0, 15.0), (10.0, 60.0)
"""Shares of the variables and of the artefacts that are measured as trails of any angle, and how long these are."""


@dataclass(frozen=True)
class CrowdedVisit:
    """A visit, what is predicted for it, and what was seen; angles in degrees, offsets and lengths in arcsec."""

    simulated: SimulatedVisit
    depth: Array
    """Magnitude of signal-to-noise ratio 5, of each detector."""
    predictions: Columns
    """Columns of SsPrediction; NaN is NULL. Those with a capital: Major, Minor, V, the truth where NULL is stored."""
    sources: Columns
    """Columns of DiaSource, NaN is NULL; also kind, and flag: the place in FLAGS."""
    truth: Index
    """The prediction that each source is; -1: none of them."""
    clusters: Array
    """x, y in the plane of the camera, and number of artefacts, of each cluster, shape (k, 3)."""
    streaks: Array
    """x, y of a point, angle (rad, from y to x), length and number of sources of each streak, shape (k, 5)."""


def crowded_night(n_visits: int, seed: int) -> Iterator[CrowdedVisit]:
    """Visits in pairs, half an hour apart, to a field each; the same objects are predicted for both of a pair."""
    rng = np.random.default_rng(seed)
    n_fields = (n_visits + 1) // 2
    names = random_designations(n_fields * N_OBJECTS, rng).reshape(n_fields, -1)
    # From a field across 0h on along the ecliptic.
    places = [ecliptic_place(0.5 + 9.0 * number, 2.0 * (number % 3) - 2.0) for number in range(n_fields)]
    radius = math.degrees(math.atan(math.radians(FIELD_ARCSEC / ARCSEC_PER_DEG) / math.sqrt(2.0)))
    focal_plane = mosaic(N_DETECTORS, plane_radius(radius))
    objects: Columns = {}
    for number in range(n_visits):
        field, second = divmod(number, 2)
        if not second:
            camera = Camera(*places[field], radius, focal_plane, rng.uniform(0.0, 2.0 * math.pi))
            band = "ri"[field % 2]
            objects = _objects(camera, band, names[field], rng)
        mjd_tai = 61376.1 + 0.001 * field + (second - 0.5) / 48.0
        simulated = SimulatedVisit(1001 + number, mjd_tai, band, camera)
        yield _visit(simulated, objects, (second - 0.5) / 48.0, rng)


def flux(magnitude: ArrayLike) -> Array:
    """Flux (nJy) of AB magnitudes."""
    return 10.0 ** ((AB_ZERO_POINT_NJY - np.asarray(magnitude)) / 2.5)


def flux_error(true_flux: Array, depth: ArrayLike) -> Array:
    """1-sigma error (nJy) of a true flux where the depth is so much: of the sky, of the source, half a per cent."""
    return np.sqrt((flux(depth) / 5.0) ** 2 * (1.0 + true_flux / flux(POISSON_MAG)) + (0.005 * true_flux) ** 2)


def position_error(snr: Array) -> Array:
    """1-sigma error (arcsec) of each coordinate of a source."""
    return np.hypot(0.03, 0.73 / snr)


def known_magnitudes(n: int, rng: np.random.Generator) -> Array:
    """V magnitudes of n known objects."""
    magnitude = FAINTEST + np.log10(rng.random(40 * n + 1000)) / _COUNTS_SLOPE
    known = rng.random(len(magnitude)) < 1.0 / (1.0 + np.exp((magnitude - _KNOWN_TO) / _KNOWN_WIDTH))
    return magnitude[known & (magnitude > BRIGHTEST)][:n]


def light_offsets(band: str, n: int, rng: np.random.Generator) -> tuple[Array, Array, Array, Array]:
    """By how much objects are fainter in a band than predicted in V, but for rotation; amplitude, phase, turns a day.

    Two classes of colours, the error of H, and one in a hundred in outburst.
    """
    colour = np.array(COLOURS[band])[rng.integers(2, size=n)]
    outburst = rng.uniform(1.0, 3.0, n) * (rng.random(n) < 0.01)
    amplitude = 0.2 * np.exp(rng.normal(0.0, 0.6, n))
    # Two maxima a turn of 2 to 20 hours.
    return rng.normal(0.0, 0.2, n) - colour - outburst, amplitude, rng.random(n), 48.0 / rng.uniform(2.0, 20.0, n)


def trail_lengths(rates: ArrayLike) -> Array:
    """Lengths (arcsec) of the trails of objects of rates in deg/d."""
    return np.asarray(rates) * ARCSEC_PER_DEG * EXPOSURE_SECONDS / 86400.0


def fast_rates(n: int, rng: np.random.Generator) -> Array:
    """Rates of asteroids, deg/d: some are near."""
    return np.where(rng.random(n) < FAST_SHARE, np.exp(rng.uniform(*np.log(FAST), n)), rng.uniform(*SLOW, n))


def _objects(camera: Camera, band: str, names: ArrayLike, rng: np.random.Generator) -> Columns:
    """What is known, and what is true, of the objects of a field, at the time in the middle of its pair of visits."""
    n = N_OBJECTS
    half = 0.5 * FIELD_ARCSEC + MARGIN_ARCSEC
    ra, dec = camera.to_sky(*rng.uniform(-half, half, (2, n)))
    rate, angle = fast_rates(n, rng), rng.uniform(0.0, 2.0 * math.pi, n)
    major = np.exp(rng.uniform(math.log(0.05), math.log(20.0), n))
    minor = np.exp(rng.uniform(math.log(0.05), np.log(major)))
    no_ellipse = rng.random(n) < 0.1
    major, minor = np.where(no_ellipse, CIRCLE_ARCSEC, major), np.where(no_ellipse, CIRCLE_ARCSEC, minor)
    pa = rng.uniform(0.0, 180.0, n)
    d_major, d_minor = major * rng.normal(size=n), minor * rng.normal(size=n)
    sin, cos = np.sin(np.radians(pa)), np.cos(np.radians(pa))
    magnitude = known_magnitudes(n, rng)
    offset, amplitude, phase, turns = light_offsets(band, n, rng)
    return {
        "designation": np.asarray(names),
        "ephRa": ra,
        "ephDec": dec,
        "ephRateRa": rate * np.sin(angle),
        "ephRateDec": rate * np.cos(angle),
        "ephVmag": np.where(rng.random(n) < 0.03, np.nan, magnitude),
        "ephErrMajor": np.where(no_ellipse, np.nan, major),
        "ephErrMinor": np.where(no_ellipse, np.nan, minor),
        "ephErrPa": np.where(no_ellipse, np.nan, pa),
        "Major": major,
        "Minor": minor,
        "Pa": pa,
        "V": magnitude,
        "east": d_major * sin + d_minor * cos,
        "north": d_major * cos - d_minor * sin,
        "offset": offset,
        "amplitude": amplitude,
        "phase": phase,
        "turns": turns,
    }


def _visit(simulated: SimulatedVisit, objects: Columns, days: float, rng: np.random.Generator) -> CrowdedVisit:
    depth = _DEPTH + rng.normal(0.0, _DEPTH_SCATTER, N_DETECTORS)
    predictions = dict(objects)
    rates = objects["ephRateRa"], objects["ephRateDec"]
    predictions["ephRa"], predictions["ephDec"] = moved(objects["ephRa"], objects["ephDec"], *rates, days)
    known = _known_sources(simulated, predictions, depth, days, rng)
    clusters, streaks = _clusters(rng), _streaks(rng)
    parts = [known, *_unrelated(simulated.camera, depth, clusters, streaks, N_SOURCES - len(known["ra"]), rng)]
    sources = {name: np.concatenate([part[name] for part in parts]) for name in known}
    kept = rng.permutation(np.flatnonzero(sources["detector"] >= 0))
    sources = {name: values[kept] for name, values in sources.items()}
    n = len(kept)
    snr = sources["psfFlux"] / sources["psfFluxErr"]
    first, second = RELIABILITY[sources["kind"]].T
    shares = np.cumsum(FLAG_SHARES, axis=1)[sources["kind"]]
    no_flux = rng.random(n) < NO_FLUX
    sources |= {
        "diaSourceId": simulated.visit * 100_000 + np.arange(n),
        "raErr": position_error(snr) / ARCSEC_PER_DEG,
        "decErr": position_error(snr) / ARCSEC_PER_DEG,
        "snr": snr,
        "reliability": rng.beta(first, second),
        "flag": np.argmax(rng.random(n)[:, None] < shares, axis=1),
        "psfFlux": np.where(no_flux, np.nan, sources["psfFlux"]),
        "psfFluxErr": np.where(no_flux, np.nan, sources["psfFluxErr"]),
    }
    return CrowdedVisit(simulated, depth, predictions, sources, sources.pop("object"), clusters, streaks)


def _known_sources(
    simulated: SimulatedVisit, objects: Columns, depth: Array, days: float, rng: np.random.Generator
) -> Columns:
    """Sources of the objects that are detected: one, or the pieces of a trail."""
    rate = np.hypot(objects["ephRateRa"], objects["ephRateDec"])
    length = trail_lengths(rate)
    broken = (length > BREAK_ARCSEC) & (rng.random(N_OBJECTS) < BROKEN)
    pieces = np.where(broken, rng.integers(2, 4, N_OBJECTS), 1)
    of = np.repeat(np.arange(N_OBJECTS), pieces)
    n = len(of)
    place = (np.arange(n) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[of] - 0.5
    ra, dec = moved(objects["ephRa"], objects["ephDec"], objects["east"], objects["north"], 1.0 / ARCSEC_PER_DEG)
    unit = np.stack([objects["ephRateRa"], objects["ephRateDec"]])[:, of] / rate[of]
    ra, dec = moved(ra[of], dec[of], *unit * length[of] * place / ARCSEC_PER_DEG, 1.0)
    detector = simulated.camera.detectors_at(ra, dec)

    turn = 2.0 * math.pi * (objects["phase"] + objects["turns"] * days)
    magnitude = objects["V"] + objects["offset"] + 0.5 * objects["amplitude"] * np.sin(turn)
    true_flux = flux(magnitude[of]) / pieces[of]
    error = flux_error(true_flux, depth[detector])
    measured_flux = true_flux + error * rng.normal(size=n)
    detected = (measured_flux > THRESHOLD * error) & (rng.random(n) < EFFICIENCY) & (detector >= 0)

    piece, is_trail = length[of] / pieces[of], length[of] > TRAIL_ARCSEC
    measured = is_trail & (rng.random(n) < MEASURED)
    along = np.where(measured, ALONG_ERROR, is_trail / math.sqrt(12.0)) * piece * rng.normal(size=n)
    around = position_error(measured_flux / error) * rng.normal(size=(2, n))
    ra, dec = moved(ra, dec, *(unit * along + around) / ARCSEC_PER_DEG, 1.0)
    angle = np.degrees(np.arctan2(*unit) + ANGLE_ERROR_ARCSEC / piece * rng.normal(size=n)) % 180.0
    columns = {
        "object": of,
        "kind": np.full(n, KNOWN),
        "ra": ra,
        "dec": dec,
        "detector": simulated.camera.detectors_at(ra, dec),
        "psfFlux": measured_flux,
        "psfFluxErr": error,
        "trailLength": np.where(measured, piece * np.maximum(1.0 + LENGTH_ERROR * rng.normal(size=n), 0.1), np.nan),
        "trailAngle": np.where(measured, angle, np.nan),
    }
    return {name: values[detected] for name, values in columns.items()}


def _clusters(rng: np.random.Generator) -> Array:
    n = round(N_ARTEFACTS / (0.5 * sum(CLUSTER_SIZES)))
    x, y = rng.uniform(-0.5 * FIELD_ARCSEC, 0.5 * FIELD_ARCSEC, (2, n))
    return np.column_stack([x, y, rng.integers(CLUSTER_SIZES[0], CLUSTER_SIZES[1] + 1, n)])


def _streaks(rng: np.random.Generator) -> Array:
    n = rng.poisson(N_STREAKS)
    x, y = rng.uniform(-0.25 * FIELD_ARCSEC, 0.25 * FIELD_ARCSEC, (2, n))
    sizes = rng.integers(STREAK_SIZES[0], STREAK_SIZES[1] + 1, n)
    return np.column_stack([x, y, rng.uniform(0.0, math.pi, n), np.full(n, FIELD_ARCSEC), sizes])


def _unrelated(
    camera: Camera, depth: Array, clusters: Array, streaks: Array, n: int, rng: np.random.Generator
) -> Iterator[Columns]:
    """Artefacts, streaks, unknown asteroids, variables: n together but for those that fall into gaps."""
    centre = np.repeat(clusters, clusters[:, 2].astype(int), axis=0)
    n_artefacts = len(centre)
    distance = np.sqrt(rng.uniform(CLUSTER_RADII[0] ** 2, CLUSTER_RADII[1] ** 2, n_artefacts))
    around = rng.uniform(0.0, 2.0 * math.pi, n_artefacts)
    artefacts = np.stack([centre[:, 0] + distance * np.sin(around), centre[:, 1] + distance * np.cos(around)])

    line = np.repeat(streaks, streaks[:, 4].astype(int), axis=0)
    n_streaks = len(line)
    along, across = rng.uniform(-0.5, 0.5, n_streaks) * line[:, 3], rng.normal(0.0, STREAK_WIDTH, n_streaks)
    sin, cos = np.sin(line[:, 2]), np.cos(line[:, 2])
    pieces = np.stack([line[:, 0] + along * sin + across * cos, line[:, 1] + along * cos - across * sin])
    line_angle = np.degrees(line[:, 2] + camera.rotation) + rng.normal(0.0, STREAK_ANGLE_ERROR, n_streaks)

    n_unknown = rng.poisson(N_UNKNOWN)
    n_variable = n - n_artefacts - n_streaks - n_unknown
    even = camera.focal_plane.random_points(n_unknown + n_variable, rng)
    length = trail_lengths(fast_rates(n_unknown, rng))
    length = np.where((length > TRAIL_ARCSEC) & (rng.random(n_unknown) < MEASURED), length, np.nan)
    # kind, place, how much brighter than the depth, trail
    yield _rows(
        camera,
        depth,
        ARTEFACT,
        artefacts,
        rng.exponential(ARTEFACT_SCALE, n_artefacts),
        *_random_trails(UNRELATED_TRAILS[1], n_artefacts, rng),
        rng,
    )
    yield _rows(
        camera,
        depth,
        STREAK,
        pieces,
        rng.uniform(0.0, 5.0, n_streaks),
        rng.uniform(*STREAK_LENGTHS, n_streaks),
        line_angle % 180.0,
        rng,
    )
    unknown_brighter = -np.log10(rng.random(n_unknown)) / _COUNTS_SLOPE
    angle = np.where(np.isnan(length), np.nan, rng.uniform(0.0, 180.0, n_unknown))
    yield _rows(camera, depth, UNKNOWN, even[:, :n_unknown], unknown_brighter, length, angle, rng)
    brighter = rng.uniform(0.0, _DEPTH - VARIABLE_BRIGHTEST, n_variable)
    trails = _random_trails(UNRELATED_TRAILS[0], n_variable, rng)
    yield _rows(camera, depth, VARIABLE, even[:, n_unknown:], brighter, *trails, rng)


def _random_trails(share: float, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
    is_trail = rng.random(n) < share
    length, angle = rng.uniform(*UNRELATED_LENGTHS, n), rng.uniform(0.0, 180.0, n)
    return np.where(is_trail, length, np.nan), np.where(is_trail, angle, np.nan)


def _rows(
    camera: Camera,
    depth: Array,
    kind: int,
    points: Array,
    brighter: Array,
    length: Array,
    angle: Array,
    rng: np.random.Generator,
) -> Columns:
    """Unrelated sources at points (2, n) of the plane, as many magnitudes above the depth."""
    n = points.shape[1]
    ra, dec = camera.to_sky(*points)
    detector = camera.detectors_at(ra, dec)
    measured_flux = flux(depth[detector] - brighter)
    return {
        "object": np.full(n, -1),
        "kind": np.full(n, kind),
        "ra": ra,
        "dec": dec,
        "detector": detector,
        "psfFlux": measured_flux,
        "psfFluxErr": flux_error(measured_flux, depth[detector]),
        "trailLength": length,
        "trailAngle": angle,
    }
