"""The crowded night: visits at the density of a deep survey, and of every source what it is.

It has what makes an association go wrong: orbits known to 20 arcsec, objects too faint to be seen, trails that are
measured as points or in pieces, artefacts in clusters round bright stars, streaks of satellites, asteroids that nobody
knows. Every number is a draw from a density of :mod:`benchmarks.crowded.densities`. Trails lose no light, predictions
hold for mid-exposure, and the light of nothing is below zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.crowded import densities as of
from benchmarks.crowded.unrelated import Places, draw_places, draw_unrelated
from ssdb.simulate.camera import Camera, plane_radius
from ssdb.simulate.focal_plane import mosaic
from ssdb.simulate.objects import ecliptic_place, random_designations
from ssdb.simulate.visit import SimulatedVisit
from ssdb.sky.sphere import moved
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index

FIRST_VISIT = 1001
_PAIR_DAYS = 1.0 / 48.0


@dataclass(frozen=True)
class CrowdedVisit:
    """A visit, what is predicted for it, and what was detected."""

    simulated: SimulatedVisit
    depth: Array
    """Magnitude of signal-to-noise ratio 5, of each detector."""
    predictions: Columns
    """Columns of SsPrediction, NaN for NULL; major, minor, pa: the true ellipse also where that is NULL."""
    sources: Columns
    """Columns of DiaSource, NaN for NULL; also kind, and flag: the place in FLAGS."""
    truth: Index
    """The prediction that each source is; -1: none."""
    places: Places

    @property
    def seen(self) -> Index:
        """The predictions that have a source, or several."""
        return np.unique(self.truth[self.truth >= 0])


def crowded_night(n_visits: int, seed: int) -> Iterator[CrowdedVisit]:
    """Visits in pairs, half an hour apart, each pair of a field and of the same objects."""
    rng = np.random.default_rng(seed)
    n_fields = (n_visits + 1) // 2
    names = random_designations(n_fields * of.N_OBJECTS, rng).reshape(n_fields, -1)
    radius = math.degrees(math.atan(math.radians(of.FIELD_ARCSEC / ARCSEC_PER_DEG) / math.sqrt(2.0)))
    focal_plane = mosaic(of.N_DETECTORS, plane_radius(radius))
    for number in range(n_visits):
        field, second = divmod(number, 2)
        if not second:
            # From a field across 0h on along the ecliptic.
            place = ecliptic_place(0.5 + 9.0 * field, 2.0 * (field % 3) - 2.0)
            camera = Camera(*place, radius, focal_plane, rng.uniform(0.0, 2.0 * math.pi))
            band = "ri"[field % 2]
            objects = _objects(camera, band, names[field], rng)
        days = (second - 0.5) * _PAIR_DAYS
        mjd_tai = 61376.1 + 0.001 * field + days
        yield _visit(SimulatedVisit(FIRST_VISIT + number, mjd_tai, band, camera), objects, days, rng)


def _objects(camera: Camera, band: str, names: ArrayLike, rng: np.random.Generator) -> Columns:
    """What is known and what is true of the objects of a field, in the middle of its pair of visits."""
    n, half = of.N_OBJECTS, 0.5 * of.FIELD_ARCSEC + of.MARGIN_ARCSEC
    ra, dec = camera.to_sky(*rng.uniform(-half, half, (2, n)))
    rate, angle = of.rates(n, rng), rng.uniform(0.0, 2.0 * math.pi, n)
    no_ellipse = rng.random(n) < of.NO_ELLIPSE
    major = np.where(no_ellipse, of.CIRCLE, np.exp(rng.uniform(*np.log(of.MAJOR), n)))
    minor = np.where(no_ellipse, of.CIRCLE, np.maximum(of.MINOR, major * rng.uniform(of.LOWEST_RATIO, 1.0, n)))
    pa = rng.uniform(0.0, 180.0, n)
    east, north = ellipse_offsets(major, minor, pa, rng)
    v = of.known_magnitudes(n, rng)
    offset, amplitude = of.light_offsets(band, n, rng)
    return {
        "designation": np.asarray(names),
        "ephRa": ra,
        "ephDec": dec,
        "ephRateRa": rate * np.sin(angle),
        "ephRateDec": rate * np.cos(angle),
        "ephVmag": np.where(rng.random(n) < of.NO_MAGNITUDE, np.nan, v),
        **{
            f"ephErr{name.capitalize()}": np.where(no_ellipse, np.nan, value)
            for name, value in (("major", major), ("minor", minor), ("pa", pa))
        },
        "major": major,
        "minor": minor,
        "pa": pa,
        "east": east,
        "north": north,
        "magnitude": v + offset,
        "amplitude": amplitude,
        # Two maxima a turn, of 2 to 20 hours.
        "phase": rng.random(n),
        "cycles": 48.0 / rng.uniform(2.0, 20.0, n),
    }


def ellipse_offsets(major: Array, minor: Array, pa: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Draws from ellipses: offsets east and north."""
    d_major, d_minor = rng.normal(size=(2, len(pa))) * (major, minor)
    sin, cos = np.sin(np.radians(pa)), np.cos(np.radians(pa))
    return d_major * sin + d_minor * cos, d_major * cos - d_minor * sin


def _visit(simulated: SimulatedVisit, objects: Columns, days: float, rng: np.random.Generator) -> CrowdedVisit:
    depth = of.DEPTH + rng.normal(0.0, of.DEPTH_SCATTER, of.N_DETECTORS)
    ra, dec = moved(*(objects[name] for name in ("ephRa", "ephDec", "ephRateRa", "ephRateDec")), days)
    predictions = objects | {"ephRa": ra, "ephDec": dec}
    known = _known_sources(simulated.camera, predictions, depth, days, rng)
    places = draw_places(rng)
    parts = [known, *draw_unrelated(simulated.camera, depth, places, of.N_SOURCES - len(known["ra"]), rng)]
    sources = {name: np.concatenate([part[name] for part in parts]) for name in known}
    kept = rng.permutation(np.flatnonzero(sources["detector"] >= 0))
    sources = {name: values[kept] for name, values in sources.items()}
    n, snr, no_flux = len(kept), sources["psfFlux"] / sources["psfFluxErr"], rng.random(len(kept)) < of.NO_FLUX
    error = of.position_error(snr) / ARCSEC_PER_DEG
    shares = np.cumsum(of.FLAG_SHARES[:, :-1], axis=1)[sources["kind"]]
    sources |= {
        "diaSourceId": simulated.visit * 100_000 + np.arange(n),
        "raErr": error,
        "decErr": error,
        "snr": snr,
        "psfFlux": np.where(no_flux, np.nan, sources["psfFlux"]),
        "psfFluxErr": np.where(no_flux, np.nan, sources["psfFluxErr"]),
        "reliability": rng.beta(*of.RELIABILITY[sources["kind"]].T),
        "flag": (rng.random(n)[:, None] >= shares).sum(axis=1),
    }
    return CrowdedVisit(simulated, depth, predictions, sources, sources.pop("object"), places)


def _known_sources(camera: Camera, objects: Columns, depth: Array, days: float, rng: np.random.Generator) -> Columns:
    """The sources of the objects that are detected: one each, or the pieces of a trail."""
    rate = np.hypot(objects["ephRateRa"], objects["ephRateDec"])
    length = of.trail_lengths(rate)
    pieces = np.where(length > of.BREAK_ARCSEC, rng.choice(list(of.PIECES), len(rate), p=list(of.PIECES.values())), 1)
    row = np.repeat(np.arange(len(rate)), pieces)
    n = len(row)
    place = (np.arange(n) - np.repeat(np.cumsum(pieces) - pieces, pieces) + 0.5) / pieces[row] - 0.5
    ra, dec = moved(objects["ephRa"], objects["ephDec"], objects["east"], objects["north"], 1.0 / ARCSEC_PER_DEG)
    unit = np.stack([objects["ephRateRa"], objects["ephRateDec"]])[:, row] / rate[row]
    ra, dec = moved(ra[row], dec[row], *unit * length[row] * place / ARCSEC_PER_DEG, 1.0)
    detector = camera.detectors_at(ra, dec)

    turn = 2.0 * math.pi * (objects["phase"] + objects["cycles"] * days)
    magnitude = objects["magnitude"] + 0.5 * objects["amplitude"] * np.sin(turn)
    true_flux = of.flux(magnitude[row]) / pieces[row]
    error = of.flux_error(true_flux, depth[detector])
    measured_flux = true_flux + error * rng.normal(size=n)
    detected = (measured_flux > of.THRESHOLD * error) & (rng.random(n) < of.EFFICIENCY) & (detector >= 0)

    piece, is_trail = length[row] / pieces[row], length[row] > of.TRAIL_ARCSEC
    measured = is_trail & (rng.random(n) < of.MEASURED)
    along = np.where(measured, of.ALONG_ERROR, is_trail / math.sqrt(12.0)) * piece * rng.normal(size=n)
    around = of.position_error(measured_flux / error) * rng.normal(size=(2, n))
    ra, dec = moved(ra, dec, *(unit * along + around) / ARCSEC_PER_DEG, 1.0)
    angle = np.degrees(np.arctan2(*unit) + of.ANGLE_ERROR_ARCSEC / piece * rng.normal(size=n)) % 180.0
    columns = {
        "object": row,
        "kind": np.full(n, of.KNOWN),
        "ra": ra,
        "dec": dec,
        "detector": camera.detectors_at(ra, dec),
        "psfFlux": measured_flux,
        "psfFluxErr": error,
        "trailLength": np.where(measured, piece * np.maximum(1.0 + of.LENGTH_ERROR * rng.normal(size=n), 0.1), np.nan),
        "trailAngle": np.where(measured, angle, np.nan),
    }
    return {name: values[detected & (columns["detector"] >= 0)] for name, values in columns.items()}
