"""Forced photometry on difference images, into DiaForcedSource and SsForcedSource."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.errors import ConfigError, InputError, UsageError, option, quoted, shown
from ssdb.ingest.table.visits_of_rows import lock_visits_of, refuse_unknown_visits
from ssdb.io.image.detector_image import read_exposures
from ssdb.io.image.keywords import HeaderKeywords
from ssdb.io.image.pixels import DetectorPixels, read_pixels
from ssdb.made_ids import made_ids
from ssdb.photometry.config import PhotometryConfig
from ssdb.photometry.fluxes import Fluxes, measure
from ssdb.photometry.psf import Psf
from ssdb.photometry.targets import dia_targets, known_targets
from ssdb.schema.apdb_dia import dia_forced_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.dia import ss_forced_source
from ssdb.schema.survey import DONE
from ssdb.schema.survey import visit as visit_table
from ssdb.sky.inverse import sky_to_pixels
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.tables.forced import Measured, replace_detectors
from ssdb.store.transfer.write import Progress
from ssdb.units import Columns, Mask

_LEAST_FWHM = 0.5
"""Of a PSF, pixels."""
_CORE_FWHM = 5.0
"""So many FWHM wide is what is measured of a source."""

OBJECTS = ("all", "dia", "solar-system")
"""Which objects are measured."""

Path = str | os.PathLike[str]
_DetectorKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ForcedImage:
    """What was measured on the image of one detector."""

    source: str
    """File, and HDU where it has several."""
    visit: int
    detector: int
    nDiaObjects: int
    """Rows of DiaForcedSource that it has now."""
    nSsObjects: int
    """Rows of SsForcedSource that it has now."""
    nNotMeasured: int
    """Objects on it whose pixels are masked, or beyond its edge."""
    hasDirect: bool
    """Whether the direct image was there too."""


@dataclass(frozen=True, slots=True)
class ForcedReport:
    """What :func:`forced_photometry` did."""

    images: tuple[ForcedImage, ...]
    notAssociated: tuple[int, ...]
    """Visits of which it is not known yet which known objects were expected and not seen."""


class _Visit(NamedTuple):
    mjd_tai: float
    band: str | None
    done: bool


def forced_photometry(
    database: Database,
    images: Sequence[Path],
    config: PhotometryConfig,
    *,
    direct: Sequence[Path] = (),
    objects: str = "all",
    min_sources: int = 1,
    visit: int | None = None,
    detector: int | None = None,
    keywords: HeaderKeywords | None = None,
    mask: Path | None = None,
    variance: Path | None = None,
    weight: Path | None = None,
    bad_bits: int | None = None,
    progress: Progress | None = None,
) -> ForcedReport:
    """Measures the fluxes of objects on difference images, and stores them.

    Of DiaObjects, and of known objects that were expected in the visit and not seen, at the places where they were
    predicted. What was stored for a detector is replaced. One file is one transaction: those before one that is an
    error stay. InputError if a file is not usable: it has no calibration, WCS, visit or detector, is of a visit that is
    not stored or of another time than that, its mask has another size, no pixel of it is usable; or the PSF is none.

    Parameters
    ----------
    images : sequence of path
        FITS files of difference images, each of one or more detectors: see :func:`ssdb.io.image.pixels.read_pixels`.
    config : PhotometryConfig
        What sources look like, and the rest of how they are measured.
    direct : sequence of path
        The images before subtraction, of the same detectors: they give scienceFlux. Pixels need not lie alike.
    objects : {"all", "dia", "solar-system"}
        Which objects are measured; rows of the others stay as they are.
    min_sources : int
        Of DiaObjects only those with so many sources; Rubin's pipeline measures from 2 on.
    visit, detector, keywords, mask, variance, weight, bad_bits
        As of :func:`ssdb.io.image.pixels.read_pixels`; ``mask`` and the like are of the only difference image.
    progress : callable, optional
        Called with the numbers of files done now, and of all.
    """
    if objects not in OBJECTS:
        raise ConfigError(f"objects must be one of {shown(OBJECTS)}, not {quoted(objects)}")
    planes = {"mask": mask, "variance": variance, "weight": weight}
    if len(images) > 1 and (visit is not None or any(planes.values())):
        needless = [
            option(f"--{name}", name) for name, value in {"visit": visit, **planes}.items() if value is not None
        ]
        raise UsageError(f"{shown(needless)} is for one image, and there are {len(images)}")
    psf = config.loaded()
    read = {"visit": visit, "detector": detector, "keywords": keywords, "bad_bits": bad_bits}
    files_of_direct = _direct_files(images, direct, visit, detector, keywords)
    done: list[ForcedImage] = []
    waiting: set[int] = set()
    for path in images:
        rows: list[tuple[ForcedImage, dict[sa.Table, pa.Table]]] = []
        for pixels in read_pixels(path, **read, **planes):  # type: ignore[arg-type]
            known = _visit_of(database, pixels)
            if not known.done and objects != "dia":
                waiting.add(pixels.exposure.visit)
            targets = _targets(database, pixels, known, objects, min_sources)
            file = files_of_direct.get((pixels.exposure.visit, pixels.exposure.detector))
            science = None if file is None else _one_of(file, pixels, read)
            rows.append(_measured(pixels, science, targets, known, config, psf))
        with database.writing() as connection:
            visits = np.unique([image.visit for image, _ in rows])
            lock_visits_of(connection, str(path), visits)
            measured = [Measured(image.visit, image.detector, tables) for image, tables in rows]
            replace_detectors(connection, measured)
        done += [image for image, _ in rows]
        if progress:
            progress(1, len(images))
    return ForcedReport(tuple(done), tuple(sorted(waiting)))


def _direct_files(
    images: Sequence[Path],
    direct: Sequence[Path],
    visit: int | None,
    detector: int | None,
    keywords: HeaderKeywords | None,
) -> dict[_DetectorKey, Path]:
    """Which file has the direct image of each detector.

    InputError if two have it, UsageError if a file has none of the detectors of the difference images.
    """
    files: dict[_DetectorKey, Path] = {}
    if not direct:
        return files

    def detectors(path: Path) -> list[_DetectorKey]:
        found = read_exposures(path, visit=visit, detector=detector, keywords=keywords)
        return [(exposure.visit, exposure.detector) for exposure in found]

    wanted = {key for path in images for key in detectors(path)}
    for path in direct:
        there = detectors(path)
        if not wanted & set(there):
            which = shown(f"visit {of_visit}, detector {number}" for of_visit, number in there)
            raise UsageError(f"{path}: is of {which}, of which there is no difference image")
        for key in there:
            if files.setdefault(key, path) != path:
                raise InputError(f"{path}: is of visit {key[0]}, detector {key[1]}, as {files[key]} is")
    return files


def _one_of(path: Path, difference: DetectorPixels, read: Mapping[str, Any]) -> DetectorPixels:
    key = (difference.exposure.visit, difference.exposure.detector)
    return next(
        pixels for pixels in read_pixels(path, **read) if (pixels.exposure.visit, pixels.exposure.detector) == key
    )


def _visit_of(database: Database, pixels: DetectorPixels) -> _Visit:
    """What is stored of the visit of an image; InputError if there is none, or it is of another time."""
    exposure = pixels.exposure
    with database.reading() as connection:
        wanted = sa.select(visit_table.c.midpointMjdTai, visit_table.c.band, visit_table.c.status)
        rows = connection.execute(wanted.where(visit_table.c.visit == exposure.visit)).all()
    number = np.array([exposure.visit])
    refuse_unknown_visits(exposure.name, number, number[: len(rows)])
    (stored,) = rows
    time = stored.midpointMjdTai if exposure.midpoint_mjd_tai is None else exposure.midpoint_mjd_tai
    if abs(time - stored.midpointMjdTai) > MAX_TIME_DIFFERENCE_DAYS:
        raise InputError(
            f"{exposure.name}: its mid-exposure is MJD {time:.6f} (TAI), and visit {exposure.visit} is stored with "
            f"{stored.midpointMjdTai:.6f}: is it the image of another visit, or its time in another keyword?"
        )
    return _Visit(time, stored.band or exposure.band, stored.status == DONE)


def _targets(
    database: Database, pixels: DetectorPixels, known: _Visit, objects: str, min_sources: int
) -> dict[sa.Table, Columns]:
    """Objects whose places are on an image, by the table of their fluxes: identifier, ra, dec, x, y."""
    exposure = pixels.exposure
    found: dict[sa.Table, Columns] = {}
    with database.reading() as connection:
        if objects != "solar-system":
            found[dia_forced_source] = dia_targets(connection, exposure.cap, min_sources)
        if objects != "dia":
            found[ss_forced_source] = known_targets(connection, exposure.visit, known.mjd_tai)
    for table, columns in found.items():
        size = (exposure.width, exposure.height)
        x, y = sky_to_pixels(exposure.pixel_to_sky, *size, columns["ra"], columns["dec"])
        here = np.isfinite(x)
        found[table] = {name: values[here] for name, values in {**columns, "x": x, "y": y}.items()}
    return found


def _measured(
    pixels: DetectorPixels,
    science: DetectorPixels | None,
    targets: Mapping[sa.Table, Columns],
    known: _Visit,
    config: PhotometryConfig,
    psf: Psf | None,
) -> tuple[ForcedImage, dict[sa.Table, pa.Table]]:
    """The rows of one detector, by table."""
    exposure = pixels.exposure
    now = mjd_tai_now()
    config.njy(pixels)  # or it would be missed where there is no object
    rows: dict[sa.Table, pa.Table] = {}
    n_lost = 0
    for table, objects in targets.items():
        fluxes = {"psfFlux": _fluxes(pixels, objects["x"], objects["y"], config, psf)}
        if science is not None:
            of_science = science.exposure
            size = (of_science.width, of_science.height)
            x, y = sky_to_pixels(of_science.pixel_to_sky, *size, objects["ra"], objects["dec"])
            fluxes["scienceFlux"] = _fluxes(science, x, y, config, psf)
        kept = np.logical_or.reduce([np.isfinite(one.flux) for one in fluxes.values()])
        n_lost += int(np.count_nonzero(~kept))
        rows[table] = _rows(table, objects, fluxes, kept, exposure, known, now)
    n_dia, n_known = (rows[table].num_rows if table in rows else 0 for table in (dia_forced_source, ss_forced_source))
    made = ForcedImage(exposure.name, exposure.visit, exposure.detector, n_dia, n_known, n_lost, science is not None)
    return made, rows


def _fluxes(pixels: DetectorPixels, x: Any, y: Any, config: PhotometryConfig, psf: Psf | None) -> Fluxes:
    """Fluxes in nJy at places of an image, NaN where x is."""
    njy = config.njy(pixels)
    here = np.isfinite(x)
    aperture = None if config.aperture is None else config.aperture / pixels.exposure.pixel_scale
    if aperture is None and psf is None:
        psf = config.psf_of(pixels)
    _refuse_size(pixels, psf, aperture)
    found = measure(
        *(pixels.values, pixels.bad, pixels.variance, x[here], y[here]),
        psf=psf,
        aperture=aperture,
        background=config.background,
    )
    flux, error = np.full((2, len(x)), np.nan)
    flux[here], error[here] = found.flux * njy, found.error * njy
    return Fluxes(flux, error)


def _refuse_size(pixels: DetectorPixels, psf: Psf | None, aperture: float | None) -> None:
    """Raises InputError if a source would be larger than the image, or much smaller than a pixel."""
    exposure = pixels.exposure
    what, size, least = ("aperture", 2 * aperture, 0.0) if aperture else ("FWHM", psf.fwhm if psf else 1.0, _LEAST_FWHM)
    if not least <= size <= max(exposure.width, exposure.height) / (1 if aperture else _CORE_FWHM):
        unit = option("--fwhm-pixels", "fwhm_in_pixels=True")
        raise InputError(
            f"{exposure.name}: the {what} is {size:.4g} pixels, on an image of {exposure.width} x {exposure.height} "
            f"with {exposure.pixel_scale:.4g} arcsec a pixel"
            + ("" if aperture else f": FWHM are arcsec, and pixels with {unit}")
        )


def _rows(
    table: sa.Table,
    objects: Columns,
    fluxes: Mapping[str, Fluxes],
    kept: Mask,
    exposure: Any,
    known: _Visit,
    now: float,
) -> pa.Table:
    name = "diaObjectId" if table is dia_forced_source else "ssObjectId"
    n = int(np.count_nonzero(kept))
    identifiers = objects[name][kept]
    columns: dict[str, Any] = {
        f"{name[:-8]}ForcedSourceId": made_ids(identifiers, exposure.visit, exposure.detector),
        name: identifiers,
        "ra": objects["ra"][kept],
        "dec": objects["dec"][kept],
        "visit": np.full(n, exposure.visit),
        "detector": np.full(n, exposure.detector),
        "midpointMjdTai": np.full(n, known.mjd_tai),
        "band": [known.band] * n,
        "timeProcessedMjdTai": np.full(n, now),
    }
    for column, measured in fluxes.items():
        columns |= {column: measured.flux[kept], f"{column}Err": measured.error[kept]}
    schema = pa.schema([field for field in arrow_schema(table) if field.name in columns])
    # A flux of 1e39 nJy is none: single precision has it as infinite, which is unknown.
    return pa.table([_array(columns[field.name], field.type) for field in schema], schema=schema)


def _array(values: Collection[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_float32(type_):
        with np.errstate(over="ignore"):
            values = np.asarray(values).astype(np.float32)
        values = np.where(np.isfinite(values), values, np.nan)
    return pa.array(values, type_, from_pandas=True)
