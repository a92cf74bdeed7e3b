"""Decisions that know the densities of the crowded night: what could be reached at best."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.special import ndtr
from scipy.stats import beta

from benchmarks import crowded_sky as sky
from benchmarks.crowded_sky import CrowdedVisit
from ssdb.sky.sphere import moved, tangent_offsets
from ssdb.units import ARCSEC_PER_DEG, Array, Index, Mask

_SIGMAS = 6.0
_MAGNITUDES = math.log(10.0) / 2.5
"""d flux / flux of one magnitude."""
_BROKEN = ((1, 1.0 - sky.BROKEN), (2, 0.5 * sky.BROKEN), (3, 0.5 * sky.BROKEN))
"""Pieces of a long trail, and how often it falls into so many."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of a prediction and a source of a visit, by their places in it, with the log of their odds."""

    prediction: Index
    source: Index
    log_odds: Array

    def chosen(self) -> Mask:
        """The assignment whose sum of log odds is the largest; only pairs with odds above 1 can be in it."""
        possible = np.flatnonzero(self.log_odds > 0.0)
        chosen = np.zeros(len(self.log_odds), bool)
        objects, row = np.unique(self.prediction[possible], return_inverse=True)
        sources, column = np.unique(self.source[possible], return_inverse=True)
        weights = np.zeros((len(objects), len(sources)))
        pair = np.full(weights.shape, -1)
        weights[row, column], pair[row, column] = self.log_odds[possible], possible
        solution = pair[linear_sum_assignment(weights, maximize=True)]
        chosen[solution[solution >= 0]] = True
        return chosen


def positions_only(visit: CrowdedVisit) -> Pairs:
    """Knows ellipses and errors, the mean density of sources, and which share of the objects is seen."""
    prediction, source, east, north = _near(visit)
    area = sky.FIELD_ARCSEC**2 * _on_detectors(visit).mean()
    share = len(np.unique(visit.truth[visit.truth >= 0])) / len(visit.predictions["ephRa"])
    density = _density(visit, prediction, source, east, north, 0.0)
    with np.errstate(divide="ignore"):
        return Pairs(prediction, source, np.log(density * area / len(visit.truth) * share / (1.0 - share)))


def all_known(visit: CrowdedVisit) -> Pairs:
    """Knows every density that the night is drawn from, and where clusters and streaks are.

    It does not know that pieces are of the same trail, nor what was seen in the other visit of the pair.
    """
    prediction, source, east, north = _near(visit)
    sources = {name: values[source] for name, values in visit.sources.items()}
    band, depth = visit.simulated.band, visit.depth[sources["detector"]]
    rate = np.hypot(visit.predictions["ephRateRa"], visit.predictions["ephRateDec"])
    length = sky.trail_lengths(rate)
    light = _Light(visit.predictions["ephVmag"], band)

    # As if each object were on a detector of the middle depth, where it is not known on which it is.
    unseen = np.zeros(len(length))
    of_object = np.zeros(len(prediction))
    for pieces, share in _BROKEN:
        share = np.where(length > sky.BREAK_ARCSEC, share, float(pieces == 1))
        unseen += share * light.unseen(pieces, float(np.median(visit.depth)))
        with_trail = _trail_density(visit, prediction, source, length[prediction] / pieces)
        of_light = light.density(prediction, sources["psfFlux"], depth, pieces)
        for piece in range(pieces):
            place = ((piece + 0.5) / pieces - 0.5) * length[prediction]
            offset = _density(visit, prediction, source, east, north, place, length[prediction] / pieces)
            of_object += share[prediction] * of_light * with_trail * offset
    of_object *= _kind_density(sky.KNOWN, sources["reliability"], sources["flag"])
    on_detector = np.mean([_on_detectors(visit, seed) for seed in range(50)], axis=0)
    missed = 1.0 - on_detector * (1.0 - unseen)
    with np.errstate(divide="ignore"):
        return Pairs(prediction, source, np.log(of_object / (_unrelated(visit)[source] * missed[prediction])))


def _near(visit: CrowdedVisit) -> tuple[Index, Index, Array, Array]:
    """Pairs that may belong together, and the offsets (arcsec) of their sources from the predictions."""
    predictions, sources, camera = visit.predictions, visit.sources, visit.simulated.camera
    length = sky.trail_lengths(np.hypot(predictions["ephRateRa"], predictions["ephRateDec"]))
    radius = _SIGMAS * np.hypot(predictions["Major"], 0.2) + 2.0 * length
    tree = cKDTree(np.column_stack(camera.to_plane(sources["ra"], sources["dec"])))
    points = np.column_stack(camera.to_plane(predictions["ephRa"], predictions["ephDec"]))
    found = tree.query_ball_point(points, radius)
    prediction = np.repeat(np.arange(len(found)), [len(each) for each in found])
    source = np.concatenate([np.sort(each) for each in found]).astype(int)
    places = predictions["ephRa"][prediction], predictions["ephDec"][prediction]
    return prediction, source, *tangent_offsets(*places, sources["ra"][source], sources["dec"][source])


def _density(
    visit: CrowdedVisit,
    prediction: Index,
    source: Index,
    east: Array,
    north: Array,
    place: Array | float,
    length: Array | None = None,
) -> Array:
    """Density (arcsec^-2) of the source's place, of a (piece of a) trail whose middle is ``place`` along the motion."""
    of = {name: values[prediction] for name, values in visit.predictions.items() if values.dtype == float}
    rate = np.hypot(of["ephRateRa"], of["ephRateDec"])
    along_east, along_north = of["ephRateRa"] / rate, of["ephRateDec"] / rate
    angle, error2 = np.radians(of["Pa"]), (visit.sources["raErr"][source] * ARCSEC_PER_DEG) ** 2
    sin, cos = np.sin(angle), np.cos(angle)
    along2 = np.zeros(len(source))
    if length is not None:
        measured = np.isfinite(visit.sources["trailLength"][source])
        is_trail = sky.trail_lengths(rate) > sky.TRAIL_ARCSEC
        along2 = np.where(measured, (sky.ALONG_ERROR * length) ** 2, is_trail * length**2 / 12.0)
    east, north = east - place * along_east, north - place * along_north
    # In the axes of the ellipse, where no rounding can spoil a long thin one.
    d1, d2 = east * sin + north * cos, east * cos - north * sin
    t1, t2 = along_east * sin + along_north * cos, along_east * cos - along_north * sin
    c11 = of["Major"] ** 2 + error2 + along2 * t1**2
    c22 = of["Minor"] ** 2 + error2 + along2 * t2**2
    c12 = along2 * t1 * t2
    determinant = c11 * c22 - c12**2
    chi2 = (c22 * d1**2 - 2.0 * c12 * d1 * d2 + c11 * d2**2) / determinant
    return np.exp(-0.5 * chi2) / (2.0 * math.pi * np.sqrt(determinant))


def _trail_density(visit: CrowdedVisit, prediction: Index, source: Index, length: Array) -> Array:
    """Density of the measured length and angle (arcsec^-1 deg^-1), or probability that there are none."""
    predictions, sources = visit.predictions, visit.sources
    rate_ra, rate_dec = predictions["ephRateRa"][prediction], predictions["ephRateDec"][prediction]
    measured, angle = sources["trailLength"][source], sources["trailAngle"][source]
    is_trail = sky.trail_lengths(np.hypot(rate_ra, rate_dec)) > sky.TRAIL_ARCSEC
    turned = (angle - np.degrees(np.arctan2(rate_ra, rate_dec)) + 90.0) % 180.0 - 90.0
    of_length = _normal(measured - length, sky.LENGTH_ERROR * length)
    of_angle = _normal(turned, np.degrees(sky.ANGLE_ERROR_ARCSEC / length))
    share = np.where(is_trail, sky.MEASURED, 0.0)
    return np.where(np.isnan(measured), 1.0 - share, share * of_length * of_angle)


class _Light:
    """What the magnitudes in V say of fluxes in a band."""

    def __init__(self, v_magnitude: Array, band: str) -> None:
        offsets, offset_shares = _offsets(band)
        any_magnitude, shares = _any_magnitude(band)
        known = np.isfinite(v_magnitude)[:, None]
        v = np.where(known, v_magnitude[:, None], 0.0)
        self.magnitudes = np.where(known, v + offsets, any_magnitude)
        self.shares = np.where(known, offset_shares, shares)

    def unseen(self, pieces: int, depth: float) -> Array:
        """Probability that none of the pieces of each object is detected."""
        true_flux = sky.flux(self.magnitudes) / pieces
        detected = sky.EFFICIENCY * ndtr(true_flux / sky.flux_error(true_flux, depth) - sky.THRESHOLD)
        return (self.shares * (1.0 - detected) ** pieces).sum(axis=1)

    def density(self, prediction: Index, measured: Array, depth: Array, pieces: int) -> Array:
        """Density (a magnitude) of the flux of a detected piece; where it is unknown, that it is detected."""
        true_flux = sky.flux(self.magnitudes[prediction]) / pieces
        error = sky.flux_error(true_flux, depth[:, None])
        above = measured[:, None] > sky.THRESHOLD * error
        density = above * _normal(measured[:, None] - true_flux, error) * _MAGNITUDES * measured[:, None]
        of_any = ndtr(true_flux / error - sky.THRESHOLD)
        density = (1.0 - sky.NO_FLUX) * density
        unknown = np.isnan(measured)[:, None]
        return sky.EFFICIENCY * (self.shares[prediction] * np.where(unknown, sky.NO_FLUX * of_any, density)).sum(axis=1)


_N_BINS = 200


@cache
def _offsets(band: str) -> tuple[Array, Array]:
    """Magnitude in the band less that in V: middles of bins, and the share of each."""
    rng = np.random.default_rng(0)
    offset, amplitude, phase, _ = sky.light_offsets(band, 400_000, rng)
    return _binned(offset + 0.5 * amplitude * np.sin(2.0 * math.pi * phase))


@cache
def _any_magnitude(band: str) -> tuple[Array, Array]:
    """The same for magnitudes in the band of objects of which V is not known."""
    rng = np.random.default_rng(0)
    v = sky.known_magnitudes(100_000, rng)
    offset, amplitude, phase, _ = sky.light_offsets(band, len(v), rng)
    return _binned(v + offset + 0.5 * amplitude * np.sin(2.0 * math.pi * phase))


def _binned(values: Array) -> tuple[Array, Array]:
    counts, edges = np.histogram(values, _N_BINS)
    return 0.5 * (edges[1:] + edges[:-1]), counts / len(values)


def _unrelated(visit: CrowdedVisit) -> Array:
    """Density (arcsec^-2 mag^-1, and of what else is measured) of sources that are no known object at each source."""
    sources, camera = visit.sources, visit.simulated.camera
    x, y = camera.to_plane(sources["ra"], sources["dec"])
    reliability, flag = sources["reliability"], sources["flag"]
    measured, angle = sources["trailLength"], sources["trailAngle"]
    area = sky.FIELD_ARCSEC**2 * 0.968
    has_flux = np.isfinite(sources["psfFlux"])
    magnitude = np.where(has_flux, -2.5 * np.log10(np.where(has_flux, sources["psfFlux"], 1.0)) + 31.4, np.nan)
    brighter = visit.depth[sources["detector"]] - magnitude

    def term(kind: int, density: Array | float, of_light: Array, of_trail: Array) -> Array:
        light = np.where(has_flux, (1.0 - sky.NO_FLUX) * of_light, sky.NO_FLUX)
        return density * light * of_trail * _kind_density(kind, reliability, flag)

    def random_trail(share: float) -> Array:
        span = sky.UNRELATED_LENGTHS[1] - sky.UNRELATED_LENGTHS[0]
        inside = (measured >= sky.UNRELATED_LENGTHS[0]) & (measured <= sky.UNRELATED_LENGTHS[1])
        return np.where(np.isnan(measured), 1.0 - share, share * inside / (span * 180.0))

    # Variables: as many as are left of all.
    n_others = visit.clusters[:, 2].sum() + visit.streaks[:, 4].sum() + sky.N_UNKNOWN
    n_variable = sky.N_SOURCES - n_others - np.sum(visit.truth >= 0)
    span = sky._DEPTH - sky.VARIABLE_BRIGHTEST
    total = term(
        sky.VARIABLE,
        n_variable / area,
        (brighter >= 0) * (brighter <= span) / span,
        random_trail(sky.UNRELATED_TRAILS[0]),
    )
    slope = sky._COUNTS_SLOPE * math.log(10.0)
    longest, shortest = math.log(sky.FAST[1]), math.log(sky.FAST[0])
    inside = (measured > sky.TRAIL_ARCSEC) & (measured < sky.trail_lengths(sky.FAST[1]))
    per_length = sky.FAST_SHARE * sky.MEASURED / (longest - shortest) / np.where(inside, measured, 1.0) / 180.0
    trailed = sky.FAST_SHARE * sky.MEASURED * 0.61
    unknown_trail = np.where(np.isnan(measured), 1.0 - trailed, inside * per_length)
    total += term(sky.UNKNOWN, sky.N_UNKNOWN / area, slope * np.exp(-slope * brighter) * (brighter >= 0), unknown_trail)

    points = np.column_stack([x, y])
    clusters = np.zeros(len(points))
    ring = math.pi * (sky.CLUSTER_RADII[1] ** 2 - sky.CLUSTER_RADII[0] ** 2)
    for centre, near in zip(
        visit.clusters, cKDTree(points).query_ball_point(visit.clusters[:, :2], sky.CLUSTER_RADII[1]), strict=True
    ):
        distance = np.hypot(*(points[near] - centre[:2]).T)
        clusters[near] += centre[2] / ring * (distance >= sky.CLUSTER_RADII[0])
    of_light = np.exp(-brighter / sky.ARTEFACT_SCALE) / sky.ARTEFACT_SCALE * (brighter >= 0)
    total += term(sky.ARTEFACT, clusters, of_light, random_trail(sky.UNRELATED_TRAILS[1]))

    for x0, y0, direction, length, n in visit.streaks:
        sin, cos = math.sin(direction), math.cos(direction)
        along, across = (x - x0) * sin + (y - y0) * cos, (x - x0) * cos - (y - y0) * sin
        density = n / length * (np.abs(along) <= 0.5 * length) * _normal(across, np.full(len(x), sky.STREAK_WIDTH))
        turned = (angle - math.degrees(direction + camera.rotation) + 90.0) % 180.0 - 90.0
        span = sky.STREAK_LENGTHS[1] - sky.STREAK_LENGTHS[0]
        inside = (measured >= sky.STREAK_LENGTHS[0]) & (measured <= sky.STREAK_LENGTHS[1])
        of_trail = inside / span * np.nan_to_num(_normal(turned, np.full(len(x), sky.STREAK_ANGLE_ERROR)))
        total += term(sky.STREAK, density, (brighter >= 0) * (brighter <= 5.0) / 5.0, of_trail)
    # A little for what falls between the densities: a known asteroid a millimagnitude below the depth.
    return total + 1e-15


def _kind_density(kind: int, reliability: Array, flag: Index) -> Array:
    return beta.pdf(reliability, *sky.RELIABILITY[kind]) * sky.FLAG_SHARES[kind][flag]


def _on_detectors(visit: CrowdedVisit, seed: int = 0) -> Mask:
    """Whether a draw from each object's ellipse is on a detector."""
    rng, of = np.random.default_rng(seed), visit.predictions
    d1, d2 = rng.normal(size=(2, len(of["Major"]))) * np.stack([of["Major"], of["Minor"]]) / ARCSEC_PER_DEG
    sin, cos = np.sin(np.radians(of["Pa"])), np.cos(np.radians(of["Pa"]))
    return (
        visit.simulated.camera.detectors_at(
            *moved(of["ephRa"], of["ephDec"], d1 * sin + d2 * cos, d1 * cos - d2 * sin, 1.0)
        )
        >= 0
    )


def _normal(deviation: Array, sigma: Array) -> Array:
    return np.exp(-0.5 * (deviation / sigma) ** 2) / (math.sqrt(2.0 * math.pi) * sigma)


DECISIONS: dict[str, Callable[[CrowdedVisit], Pairs]] = {
    "Bayes, positions only": positions_only,
    "Bayes, all known": all_known,
}
