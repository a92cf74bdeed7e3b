"""Decisions that know the densities of the crowded night: what could be reached at best."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.spatial import cKDTree
from scipy.special import ndtr

from benchmarks.crowded import densities as of
from benchmarks.crowded.pairs import Pairs
from benchmarks.crowded.sky import CrowdedVisit, ellipse_offsets
from benchmarks.crowded.unrelated import unrelated_density
from ssdb.sky.sphere import moved, tangent_offsets
from ssdb.units import ARCSEC_PER_DEG, Array, Index

_SIGMAS = 6.0
_BINS = 200
_DRAWS = 50


def positions_only(visit: CrowdedVisit) -> Pairs:
    """Knows ellipses and errors, the mean density of sources, and which share of the objects is seen."""
    near = _Near(visit)
    share = len(visit.seen) / len(near.length)
    density = len(visit.truth) / of.FIELD_ARCSEC**2
    with np.errstate(divide="ignore"):
        log_odds = np.log(near.place_density(0.0, np.zeros(1)) / density * share / (1.0 - share))
    return Pairs(near.prediction, near.source, log_odds)


def all_known(visit: CrowdedVisit) -> Pairs:
    """Knows every density that the night is drawn from, and where clusters and streaks are.

    It does not know what was seen in the other visit of the pair, and takes the pieces of a trail for independent.
    """
    near = _Near(visit)
    prediction, source = near.prediction, near.source
    light = _Light(visit)
    missed, of_object = np.zeros(len(near.length)), np.zeros(len(prediction))
    for pieces, share_of_long in of.PIECES.items():
        share = np.where(near.length > of.BREAK_ARCSEC, share_of_long, float(pieces == 1))
        missed += share * light.missed(pieces)
        piece = near.length[prediction] / pieces
        density = share[prediction] * light.density(prediction, source, pieces) * near.trail_density(piece)
        for number in range(pieces):
            place = (number - 0.5 * (pieces - 1)) * piece
            of_object += density * near.place_density(place, piece)
    sources = {name: values[source] for name, values in visit.sources.items()}
    of_object *= of.kind_density(of.KNOWN, sources["reliability"], sources["flag"])
    places = visit.simulated.camera, visit.depth, visit.places
    # Nothing unrelated has the longest trails.
    unrelated = np.maximum(unrelated_density(*places, visit.sources, len(visit.seen))[source], 1e-30)
    not_seen = 1.0 - _share_on_detectors(visit) * (1.0 - missed)
    with np.errstate(divide="ignore"):
        log_odds = np.log(of_object) - np.log(unrelated * not_seen[prediction])
    return Pairs(prediction, source, log_odds)


DECISIONS: dict[str, Callable[[CrowdedVisit], Pairs]] = {
    "Bayes, positions": positions_only,
    "Bayes, all known": all_known,
}


class _Near:
    """Pairs that may belong together, and the densities of where the source is, and of its trail."""

    def __init__(self, visit: CrowdedVisit) -> None:
        predictions, sources, camera = visit.predictions, visit.sources, visit.simulated.camera
        self.length = of.trail_lengths(np.hypot(predictions["ephRateRa"], predictions["ephRateDec"]))
        """Of the predicted trails, arcsec, shape (p,)."""
        radius = _SIGMAS * np.hypot(predictions["major"], 0.2) + 2.0 * self.length
        tree = cKDTree(np.column_stack(camera.to_plane(sources["ra"], sources["dec"])))
        found = tree.query_ball_point(
            np.column_stack(camera.to_plane(predictions["ephRa"], predictions["ephDec"])), radius, return_sorted=True
        )
        self.prediction = np.repeat(np.arange(len(found)), [len(each) for each in found])
        self.source = np.concatenate([np.asarray(each, int) for each in found])
        self._of = {name: values[self.prediction] for name, values in predictions.items() if name != "designation"}
        self._source = {name: values[self.source] for name, values in sources.items()}
        self._east, self._north = tangent_offsets(
            self._of["ephRa"], self._of["ephDec"], self._source["ra"], self._source["dec"]
        )
        self._track = np.arctan2(self._of["ephRateRa"], self._of["ephRateDec"])
        self._is_trail = self.length[self.prediction] > of.TRAIL_ARCSEC
        self._measured = np.isfinite(self._source["trailLength"])

    def place_density(self, along: Array | float, piece: Array) -> Array:
        """Density (arcsec^-2) of the source's place, if it is a piece (of a length, 0: a point) so far along."""
        pa, track = np.radians(self._of["pa"]), self._track
        error = np.where(self._measured, of.ALONG_ERROR, self._is_trail / math.sqrt(12.0)) * piece
        east, north = self._east - along * np.sin(track), self._north - along * np.cos(track)
        # In the axes of the ellipse, where no rounding can spoil a long thin one.
        d1, d2 = east * np.sin(pa) + north * np.cos(pa), east * np.cos(pa) - north * np.sin(pa)
        t1, t2 = np.cos(track - pa) * error, np.sin(track - pa) * error
        own = (self._source["raErr"] * ARCSEC_PER_DEG) ** 2
        c11, c22, c12 = self._of["major"] ** 2 + own + t1**2, self._of["minor"] ** 2 + own + t2**2, t1 * t2
        determinant = c11 * c22 - c12**2
        chi2 = (c22 * d1**2 - 2.0 * c12 * d1 * d2 + c11 * d2**2) / determinant
        return np.exp(-0.5 * chi2) / (2.0 * math.pi * np.sqrt(determinant))

    def trail_density(self, piece: Array) -> Array:
        """Density (arcsec^-1 deg^-1) of length and angle as measured, or the probability that they are not."""
        measured = np.where(self._measured, self._source["trailLength"], 0.0)
        angle = of.turned(np.where(self._measured, self._source["trailAngle"], 0.0), np.degrees(self._track))
        density = of.normal(measured - piece, of.LENGTH_ERROR * piece)
        density *= of.normal(angle, np.degrees(of.ANGLE_ERROR_ARCSEC / piece))
        share = of.MEASURED * self._is_trail
        return np.where(self._measured, share * density, 1.0 - share)


class _Light:
    """What the magnitudes in V say of fluxes in the band: for each object magnitudes in bins, and their shares."""

    def __init__(self, visit: CrowdedVisit) -> None:
        v, band = visit.predictions["ephVmag"], visit.simulated.band
        known = np.isfinite(v)[:, None]
        (offsets, of_offsets), (magnitudes, of_magnitudes) = (_magnitudes(band, known=each) for each in (True, False))
        self._flux = of.flux(np.where(known, np.where(known, v[:, None], 0.0) + offsets, magnitudes))
        self._shares = np.where(known, of_offsets, of_magnitudes)
        self._measured, self._depth = visit.sources["psfFlux"], visit.depth
        self._source_detector = visit.sources["detector"]
        self._detector = visit.simulated.camera.detectors_at(visit.predictions["ephRa"], visit.predictions["ephDec"])

    def missed(self, pieces: int) -> Array:
        """Probability that none of the pieces of an object on a detector is detected, shape (p,)."""
        # Beside the detectors it is not known on which the object is.
        depth = np.append(self._depth, np.median(self._depth))[self._detector]
        return (self._shares * (1.0 - self._detected(self._flux / pieces, depth[:, None])) ** pieces).sum(axis=1)

    def density(self, prediction: Index, source: Index, pieces: int) -> Array:
        """Density (mag^-1) of the flux of a detected piece, or the probability that it is detected without one."""
        true, measured = self._flux[prediction] / pieces, self._measured[source][:, None]
        depth = self._depth[self._source_detector[source]][:, None]
        error = of.flux_error(true, depth)
        density = of.normal(measured - true, error) * (measured > of.THRESHOLD * error)
        density *= of.EFFICIENCY * (1.0 - of.NO_FLUX) * measured * math.log(10.0) / 2.5
        without = of.NO_FLUX * self._detected(true, depth)
        return (self._shares[prediction] * np.where(np.isnan(measured), without, density)).sum(axis=1)

    @staticmethod
    def _detected(true: Array, depth: Array) -> Array:
        return of.EFFICIENCY * ndtr(true / of.flux_error(true, depth) - of.THRESHOLD)


@cache
def _magnitudes(band: str, *, known: bool) -> tuple[Array, Array]:
    """Magnitudes of objects less V where that is known: middles of bins, and the share of each."""
    rng = np.random.default_rng(0)
    v = of.known_magnitudes(200_000, rng)
    offset, amplitude = of.light_offsets(band, len(v), rng)
    values = offset + 0.5 * amplitude * np.sin(rng.uniform(0.0, 2.0 * math.pi, len(v))) + np.where(known, 0.0, v)
    counts, edges = np.histogram(values, _BINS)
    return 0.5 * (edges[1:] + edges[:-1]), counts / len(values)


def _share_on_detectors(visit: CrowdedVisit) -> Array:
    """How much of each object's ellipse is on detectors."""
    predictions, rng, total = visit.predictions, np.random.default_rng(0), np.zeros(len(visit.predictions["ephRa"]))
    for _ in range(_DRAWS):
        offsets = ellipse_offsets(predictions["major"], predictions["minor"], predictions["pa"], rng)
        place = moved(predictions["ephRa"], predictions["ephDec"], *offsets, 1.0 / ARCSEC_PER_DEG)
        total += visit.simulated.camera.detectors_at(*place) >= 0
    return total / _DRAWS
