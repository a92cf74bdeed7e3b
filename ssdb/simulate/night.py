"""Simulates a night: visits to fields in turn, as tables and as files."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ssdb.io.output_folder import output_folder
from ssdb.simulate.camera import Camera, plane_radius
from ssdb.simulate.config import SimulationConfig
from ssdb.simulate.focal_plane import RUBIN_DETECTORS, FocalPlane, mosaic, rubin_like
from ssdb.simulate.objects import ecliptic_place, known_objects, random_designations
from ssdb.simulate.variables import variable_stars
from ssdb.simulate.visit import SimulatedVisit, detector_rows, prediction_rows, source_rows, visit_rows
from ssdb.units import SECONDS_PER_DAY

CADENCE_SECONDS = 40.0
BANDS = ("g", "r", "i", "z", "y")


@dataclass(frozen=True, slots=True)
class SimulatedField:
    """Where visits go: centre (ICRS, deg), known objects, and unrelated sources of a visit."""

    ra: float
    dec: float
    n_objects: int
    n_sources: int


@dataclass(frozen=True, slots=True)
class Night:
    """The tables of a simulated night; their columns have the data model's names, types and units."""

    config: SimulationConfig
    visits: pa.Table
    detectors: pa.Table | None
    """One row a corner of a detector of a visit (0, 1, ... round the pixel rectangle; four without distortion)."""
    sources: pa.Table
    """Without ssObjectId. raErr includes cos(dec)."""
    predictions: pa.Table
    """One row an object and visit, for mid-exposure, ICRS, with designation and without ssObjectId."""
    truth: pa.Table
    """diaSourceId, visit and designation of every source that is an object; every other source is unrelated."""


def simulate_night(config: SimulationConfig) -> Night:
    """A night of visits, 40 s apart, to fields in turn.

    The first field lies across 0h, the second round the south celestial pole, others along the ecliptic near
    opposition. The last visit goes to a field without known objects; the one before it has no sources. A prediction
    is off by one draw from its error ellipse for the whole night; where that is more than a fixed search radius, the
    source cannot be found with it, and still is in the truth.

    The same configuration, seed included, gives the same tables. Predictions cover every visit: ingest them as
    complete.
    """
    parts = list(simulate_visits(config))
    tables = {
        name: None if getattr(parts[0], name) is None else pa.concat_tables(getattr(part, name) for part in parts)
        for name in ("visits", "detectors", "sources", "predictions", "truth")
    }
    return Night(config=config, **tables)


def simulate_visits(config: SimulationConfig, fields: Sequence[SimulatedField] | None = None) -> Iterator[Night]:
    """The same night as :func:`simulate_night` makes, a visit at a time, so that a long one need not be in memory.

    ``fields`` are other ones, of other numbers of objects and sources, than the configuration has; the last is that of
    the last visit.
    """
    fields = _fields(config) if fields is None else fields
    rng = np.random.default_rng(config.seed)
    times = (config.night_mjd_tai + np.arange(config.n_visits) * CADENCE_SECONDS / SECONDS_PER_DAY).tolist()
    focal_plane = _focal_plane(config)
    n_objects = [field.n_objects for field in fields]
    parts = np.split(random_designations(sum(n_objects), rng), np.cumsum(n_objects)[:-1])
    # An object is placed for the first visit of its field, so that there pairs are as close as intended.
    objects = [
        known_objects(Camera(field.ra, field.dec, config.camera_radius_deg), mjd_tai, names, rng)
        for field, mjd_tai, names in zip(fields, times[: len(fields)], parts, strict=True)
    ]
    # Of other random numbers, so that a night without them is what it was.
    rng_of_stars = np.random.default_rng([config.seed, 1])
    stars = [
        variable_stars(
            Camera(field.ra, field.dec, config.camera_radius_deg, focal_plane), config.n_variables, rng_of_stars
        )
        for field in fields
    ]
    n_visited = len(fields) - 1
    for number, mjd_tai in enumerate(times):
        index = number % n_visited if number < config.n_visits - 1 else n_visited
        field, rotation = fields[index], rng.uniform(0.0, 2.0 * math.pi)
        camera = Camera(field.ra, field.dec, config.camera_radius_deg, focal_plane, rotation)
        simulated = SimulatedVisit(
            config.first_visit + number, mjd_tai, BANDS[number // n_visited % len(BANDS)], camera
        )
        if number != config.n_visits - 2:
            sources, truth = source_rows(simulated, objects[index], config, field.n_sources, stars[index], rng)
        else:
            sources, truth = sources[:0], truth[:0]
        yield Night(
            config=config,
            visits=visit_rows(simulated),
            detectors=detector_rows(simulated, focal_plane) if focal_plane else None,
            sources=sources,
            predictions=prediction_rows(simulated, objects[index], config),
            truth=truth,
        )


def write_night(night: Night, directory: str | Path) -> dict[str, Path]:
    """Write a night as files: Parquet, the truth as CSV, and the configuration as JSON.

    The directory is made if it is not there. Files of an earlier night in it are replaced, if they are as they were
    written. The paths are by ``visits``, ``detectors`` (if there are any), ``sources``, ``predictions``, ``truth``,
    ``simulation``. InputError if a file cannot be written, or one of these names is there that ssdb did not write.
    """
    tables = {name: getattr(night, name) for name in ("visits", "detectors", "sources", "predictions")}
    files = {name: f"{name}.parquet" for name, table in tables.items() if table is not None}
    files |= {"truth": "truth.csv", "simulation": "simulation.json"}
    with output_folder(directory, "night", files.values()) as folder:
        for name in tables.keys() & files.keys():
            pa.parquet.write_table(tables[name], folder / files[name])
        pa.csv.write_csv(night.truth, folder / files["truth"])
        text = json.dumps(asdict(night.config), indent=2) + "\n"
        (folder / files["simulation"]).write_text(text, encoding="utf-8")
    return {name: Path(directory, file) for name, file in files.items()}


def _focal_plane(config: SimulationConfig) -> FocalPlane | None:
    if config.n_detectors == RUBIN_DETECTORS:
        return rubin_like()
    return mosaic(config.n_detectors, plane_radius(config.camera_radius_deg)) if config.n_detectors else None


def _fields(config: SimulationConfig) -> list[SimulatedField]:
    """Across 0h, round a pole, along the ecliptic; at last the field without known objects."""
    radius = config.camera_radius_deg
    n_others = config.n_fields - 2
    longitude = np.linspace(8.0, 60.0, n_others) * np.where(np.arange(n_others) % 2, -1.0, 1.0)
    # The southern pole: X05 does not see the other one.
    centres = [(360.0 - 0.25 * radius, 0.0), (40.0, min(0.5, 0.5 * radius) - 90.0)]
    centres += [ecliptic_place(each, 0.0) for each in longitude.tolist()]
    return [
        *(SimulatedField(*centre, config.n_objects, config.n_sources) for centre in centres),
        SimulatedField(310.0, -60.0, 0, config.n_sources),
    ]
