"""One visit, and the rows it adds to the tables of the night."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction, visit, visit_detector
from ssdb.simulate.camera import Camera, in_circle
from ssdb.simulate.config import SOURCES_PER_VISIT, SimulationConfig
from ssdb.simulate.focal_plane import FocalPlane
from ssdb.simulate.objects import EARTH_AU, EARTH_KM_S, KnownObjects
from ssdb.simulate.variables import VariableStars
from ssdb.sky.sphere import moved, positions
from ssdb.units import AB_ZERO_POINT_NJY, ARCSEC_PER_DEG, AU_PER_DAY_KM_S, SECONDS_PER_DAY, Array

EXPOSURE_SECONDS = 30.0

_FIELDS = {
    item.name: item.with_metadata({key: value for key, value in item.metadata.items() if key == b"unit"})
    for table in (visit, visit_detector, dia_source, ss_prediction)
    for item in arrow_schema(table)
} | {"corner": pa.field("corner", pa.int16())}
"""Type and unit of a column by its name, which stands for one quantity in all tables."""


@dataclass(frozen=True, slots=True)
class SimulatedVisit:
    """A visit of the whole camera."""

    visit: int
    mjd_tai: float
    """Mid-exposure, MJD TAI."""
    band: str
    camera: Camera
    """As it was pointed."""

    def shutter_times(self, ra: Array, dec: Array, *, crossing_seconds: float) -> Array:
        """When the shutter passes directions (deg), MJD TAI, shape (n,): it crosses the field along x."""
        x, _ = self.camera.to_plane(ra, dec)
        return self.mjd_tai + crossing_seconds / SECONDS_PER_DAY * x / (2.0 * self.camera.plane_radius)


def visit_rows(simulated: SimulatedVisit) -> pa.Table:
    """The one row of the visit itself."""
    return _rows(
        1,
        visit=simulated.visit,
        midpointMjdTai=simulated.mjd_tai,
        exposureTime=EXPOSURE_SECONDS,
        band=simulated.band,
        observatoryCode="X05",
        instrument="simulated",
        ra=simulated.camera.ra,
        dec=simulated.camera.dec,
        radius=simulated.camera.radius_deg,
    )


def detector_rows(simulated: SimulatedVisit, focal_plane: FocalPlane) -> pa.Table:
    """The corners of its detectors: as many rows a detector as its outline has points."""
    outlines = focal_plane.outlines
    ra, dec = simulated.camera.to_sky(*outlines.vertices.T)
    return _rows(
        len(ra),
        visit=simulated.visit,
        detector=outlines.owners,
        corner=np.arange(len(ra)) - outlines.starts[outlines.owners],
        ra=ra,
        dec=dec,
        width=focal_plane.width,
        height=focal_plane.height,
        pixelScale=focal_plane.pixel_scales[outlines.owners],
    )


def prediction_rows(simulated: SimulatedVisit, objects: KnownObjects, config: SimulationConfig) -> pa.Table:
    """Its predictions: the objects in the field and, as services give them, a little round it."""
    topo = objects.topo_at(simulated.mjd_tai)
    ra, dec = positions(topo)
    rate_ra, rate_dec = objects.rates(topo)
    helio = topo + EARTH_AU + EARTH_KM_S / AU_PER_DAY_KM_S * (simulated.mjd_tai - config.night_mjd_tai)
    vectors = {"helio_": helio, "helio_v": objects.velocity + EARTH_KM_S, "topo_": topo, "topo_v": objects.velocity}
    rows = _rows(
        len(ra),
        visit=simulated.visit,
        designation=objects.designations,
        midpointMjdTai=simulated.mjd_tai,
        ephRa=ra,
        ephDec=dec,
        ephRateRa=rate_ra,
        ephRateDec=rate_dec,
        ephVmag=objects.v_magnitude,
        ephErrMajor=objects.major,
        ephErrMinor=objects.minor,
        ephErrPa=np.degrees(objects.ellipse_angles(topo)) % 180.0,
        **{name + axis: vector[:, i] for name, vector in vectors.items() for i, axis in enumerate("xyz")},
        provider="simulation",
    )
    return rows.filter(np.hypot(*simulated.camera.to_plane(ra, dec)) <= 1.01 * simulated.camera.plane_radius)


def source_rows(
    simulated: SimulatedVisit,
    objects: KnownObjects,
    config: SimulationConfig,
    n_unrelated: int,
    stars: VariableStars,
    rng: np.random.Generator,
) -> tuple[pa.Table, pa.Table]:
    """Its sources in random order, n_unrelated of them nothing, others stars, and the truth about the known objects."""
    # What could become a source, in every array: first the objects, then what is unrelated, then the stars.
    n_objects = len(objects.designations)
    predicted = np.stack(positions(objects.topo_at(simulated.mjd_tai)))
    unrelated = _unrelated_positions(simulated.camera, predicted, n_unrelated, rng)
    n_stars = len(stars.ra)
    unrelated = np.hstack([unrelated, [stars.ra, stars.dec]])
    time = simulated.shutter_times(*np.hstack([predicted, unrelated]), crossing_seconds=config.shutter_seconds)

    error = config.astrometric_error_arcsec / ARCSEC_PER_DEG
    correlation = rng.uniform(-0.3, 0.3, n_objects + n_unrelated + n_stars)
    known = _scattered(*objects.true_positions(time[:n_objects]), error, correlation[:n_objects], rng)
    seen = _scattered(stars.ra, stars.dec, error, correlation[n_objects + n_unrelated :], rng)
    ra, dec = np.hstack([known, unrelated[:, :n_unrelated], seen])
    detector = simulated.camera.detectors_at(ra, dec)

    magnitude = objects.v_magnitude + rng.normal(0.0, 0.1, n_objects)
    probability = config.detection_efficiency / (1.0 + np.exp((magnitude - config.depth_mag) / 0.2))
    detected = (rng.random(n_objects) < probability) & (detector[:n_objects] >= 0)
    unrelated_magnitude = config.depth_mag + 0.5 - rng.exponential(1.5, n_unrelated)
    true_flux = _flux(np.concatenate([magnitude, unrelated_magnitude, stars.magnitude]))
    true_flux[n_objects + n_unrelated :] *= stars.relative_flux(time[n_objects + n_unrelated :])
    # At the depth the signal-to-noise ratio is 5; bright sources keep an error of half a per cent.
    flux_error = np.hypot(0.2 * _flux(config.depth_mag), 0.005 * true_flux)
    flux = true_flux + flux_error * rng.normal(size=true_flux.shape)

    on_detector = np.flatnonzero(detector >= 0)
    on_detector = on_detector[on_detector >= n_objects + n_unrelated]
    others = np.arange(n_objects, n_objects + n_unrelated)
    kept = rng.permutation(np.concatenate([np.flatnonzero(detected), others, on_detector]))
    dia_source_id = simulated.visit * SOURCES_PER_VISIT + np.arange(len(kept))
    sources = _rows(
        len(kept),
        diaSourceId=dia_source_id,
        visit=simulated.visit,
        detector=detector[kept],
        midpointMjdTai=time[kept],
        exposureTime=EXPOSURE_SECONDS,
        ra=ra[kept],
        dec=dec[kept],
        raErr=error,
        decErr=error,
        ra_dec_Cov=correlation[kept] * error**2,
        band=simulated.band,
        psfFlux=flux[kept],
        psfFluxErr=flux_error[kept],
        snr=(flux / flux_error)[kept],
    )
    is_object = kept < n_objects
    names = objects.designations[kept[is_object]]
    truth = _rows(len(names), diaSourceId=dia_source_id[is_object], visit=simulated.visit, designation=names)
    return sources, truth


def _unrelated_positions(camera: Camera, predicted: Array, n: int, rng: np.random.Generator) -> Array:
    """Directions of n unrelated sources, some within an arcsecond of a prediction; ra, dec (deg) in two rows."""
    n_objects = predicted.shape[1]
    beside = rng.permutation(n_objects)[: min(n_objects // 25, n)]
    east, north = np.stack(in_circle(len(beside), 1.0, rng)) / ARCSEC_PER_DEG
    near_ra, near_dec = predicted[:, beside]
    near = np.stack(moved(near_ra, near_dec, east, north, 1.0))
    near = near[:, camera.detectors_at(*near) >= 0]
    return np.hstack([near, camera.random_positions(n - near.shape[1], rng)])


def _scattered(
    ra: Array, dec: Array, error: float, correlation: Array, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Directions (ra, dec; deg, shape (n,)) as measured, with an error (deg) per coordinate and its correlation."""
    to_east, independent = rng.normal(0.0, error, (2, len(ra)))
    return moved(ra, dec, to_east, correlation * to_east + np.sqrt(1.0 - correlation**2) * independent, 1.0)


def _flux(magnitude: ArrayLike) -> Array:
    """Flux (nJy) of AB magnitudes."""
    return 10.0 ** ((AB_ZERO_POINT_NJY - np.asarray(magnitude)) / 2.5)


def _rows(n: int, **columns: ArrayLike) -> pa.Table:
    """A table of n rows with the data model's types and units; a scalar holds for every row."""
    schema = pa.schema([_FIELDS[name] for name in columns])
    arrays = [pa.array(np.full(n, values), item.type) for item, values in zip(schema, columns.values(), strict=True)]
    return pa.table(arrays, schema=schema)
