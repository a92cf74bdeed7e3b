"""Outlines of detectors into VisitDetector."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, UsageError, option, shown
from ssdb.ingest.corners import corners, footprint_columns, rows_of_corners
from ssdb.ingest.table.new_visits import create_missing_visits
from ssdb.ingest.table.parts import open_parts
from ssdb.ingest.table.report import IngestReport, Source, ids, refuse_unknown_visits
from ssdb.ingest.table.same_visit import Said, other_visits, refuse_other_places, refuse_others
from ssdb.io.image.detector_image import Exposure, can_keep_wcs, distinct, read_exposures
from ssdb.io.image.fits_headers import holds_images
from ssdb.io.image.keywords import HeaderKeywords
from ssdb.io.input_file import input_of
from ssdb.io.tables import label
from ssdb.schema.ranges import MJD, out_of_range
from ssdb.schema.survey import visit as visit_table
from ssdb.schema.survey import visit_detector
from ssdb.sky.footprint import join_outlines
from ssdb.store.database import Database
from ssdb.store.tables.detectors import merge_detectors, visits_with_new_places
from ssdb.store.tables.results import clear_results
from ssdb.store.tables.visits import lock_visits
from ssdb.store.transfer.staging import count_stored, fill_unknown, staged
from ssdb.store.transfer.write import Progress

_HEADER_VALUES = {
    visit_table: {"exposureTime": "exposure_time"},
    visit_detector: {"photoCalibMean": "photo_calib_mean"},
}
"""Columns that the headers of images give, and what they are called there."""

_KEY = ("visit", "detector")


def ingest_detectors(
    database: Database,
    source: Source,
    *,
    columns: Any = None,
    visit: int | None = None,
    detector: int | None = None,
    keywords: HeaderKeywords | None = None,
    shape: tuple[int, int] | None = None,
    keep_wcs: bool = False,
    create_visits: bool = False,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the outlines of detectors.

    An outline that is stored already, the same, changes nothing. A new or another one sets the whole visit back to
    pending and removes what was derived for it, since objects may now belong to other detectors.

    Parameters
    ----------
    database : Database
    source : path, table, Exposure or sequence of Exposure
        Images: a FITS file whose images have a celestial WCS, a text file of headers (.hdr, .head, .header), or what
        :func:`ssdb.read_exposures` makes of them. Or a table, one row a corner: visit, detector, corner (its place
        along the outline: 0, 1, ...), ra, dec (ICRS); where known width, height (pixels) and pixelScale (arcsec), the
        same for all corners of a detector. Corners are joined by great circles.
    columns : ColumnMap, mapping or path, optional
        Of a table: how its columns become these.
    visit, detector, keywords, shape : optional
        Of a file of images: as :func:`ssdb.read_exposures` takes them.
    keep_wcs : bool
        Of images: store the WCS as header text.
    create_visits : bool
        Of images: make visits that are not stored from the headers' time, exposure time, band, instrument and
        observatory code.
    table, type : optional
        Of corners: which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Returns
    -------
    IngestReport

    Raises
    ------
    UsageError
        If an option is given that does not concern the kind of source.
    InputError
        If the source is not usable, or is of another visit or field than the stored one of that number. Nothing is
        stored then.
    """
    of_images = {
        option("--visit", "visit=..."): visit,
        option("--detector", "detector=..."): detector,
        option(_options_of(keywords), "keywords=..."): keywords,
        option("--size", "shape=..."): shape,
    }
    of_tables = {option("--columns", "columns=..."): columns}
    exposures = _given_exposures(source)
    if exposures is not None:
        _refuse_options(source, "images in memory", of_tables | of_images)
    elif (
        table is None
        and (type or "fits").lower() == "fits"
        and isinstance(source, str | os.PathLike)
        and holds_images(Path(source))
    ):
        _refuse_options(source, "images", of_tables)
        exposures = read_exposures(source, visit=visit, detector=detector, keywords=keywords, shape=shape)
    if exposures is not None:
        name = label(source) if isinstance(source, str | os.PathLike) else "exposures"
        return _ingest_exposures(database, name, exposures, keep_wcs, create_visits, progress)
    of_images[option("--keep-wcs", "keep_wcs=True")] = keep_wcs or None
    of_images[option("--create-visits", "create_visits=True")] = create_visits or None
    _refuse_options(source, "a table of corners", of_images)
    parts = open_parts(input_of(source, table, type), corners, columns)
    name, outlines = parts.name, rows_of_corners(parts)
    visits = np.unique(ids(outlines, "visit"))
    with database.writing() as connection:
        known = lock_visits(connection, visits)
        refuse_unknown_visits(name, visits, known["visit"])
        counts = _store(connection, name, outlines, progress)
    n = outlines.num_rows
    return IngestReport(
        name, "detectors", n, len(visits), 0, parts.left_out, parts.without_unit, parts.doubts, **counts
    )


def _given_exposures(source: Source) -> list[Exposure] | None:
    """The exposures in memory that a source is, None if it is something else.

    Raises
    ------
    InputError
        If two are the same detector with another outline.
    """
    if isinstance(source, Exposure):
        return [source]
    if isinstance(source, list | tuple) and all(isinstance(each, Exposure) for each in source):
        return distinct(source)
    return None


def _refuse_options(source: Source, kind: str, options: Mapping[str, Any]) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"{label(source)}: is read as {kind}, which has no use for {shown(given)}: leave that out")


def _options_of(keywords: HeaderKeywords | None) -> str:
    """The options with which a user has named keywords."""
    usual = HeaderKeywords()
    values = {item.name: getattr(keywords or usual, item.name) for item in fields(HeaderKeywords)}
    named = [name for name, value in values.items() if value and value != getattr(usual, name)]
    return ", ".join(f"--{name.replace('_', '-')}-keyword" for name in named)


def _ingest_exposures(
    database: Database,
    name: str,
    exposures: Sequence[Exposure],
    keep_wcs: bool,
    create_visits: bool,
    progress: Progress | None,
) -> IngestReport:
    refuse_implausible(exposures)
    # Before the transaction begins: tracing takes time, and locks are for others to wait for.
    outlines = rows_of_exposures(exposures, keep_wcs)
    visits = np.unique(ids(outlines, "visit"))
    with database.writing() as connection:
        if create_visits:
            needed = (
                "images whose header tells the middle of the exposure, or its begin (DATE-OBS) and EXPTIME; "
                + option(
                    "--middle-keyword, --begin-keyword, --time-of-day-keyword and --exposure-time-keyword name others",
                    "keywords=HeaderKeywords(...) names others",
                )
            )
            create_missing_visits(connection, name, visits_of_exposures(exposures), needed)
        known = lock_visits(connection, visits)
        refuse_unknown_visits(name, visits, known["visit"], creatable=True)
        _refuse_other_visits(connection, exposures)
        counts = _store(connection, name, outlines, progress)
    return IngestReport(
        name, "detectors", outlines.num_rows, len(visits), doubts=_doubts_of_headers(exposures), **counts
    )


def _doubts_of_headers(exposures: Sequence[Exposure]) -> tuple[str, ...]:
    """What the exposures' headers leave in doubt, each thing once."""
    images: dict[str, list[str]] = {}
    for exposure in exposures:
        for doubt in exposure.doubts:
            images.setdefault(doubt, []).append(exposure.name)
    return tuple(
        f"{doubt} ({of[0]})" if len(of) == 1 else f"{doubt} ({len(of):,} images, the first is {of[0]})"
        for doubt, of in images.items()
    )


def refuse_implausible(exposures: Sequence[Exposure]) -> None:
    """Raises InputError if the time, exposure time or calibration of an image is out of its range."""
    for exposure in exposures:
        time = exposure.midpoint_mjd_tai
        if time is not None and not MJD.low <= time <= MJD.high:
            raise InputError(f"{exposure.name}: the mid-exposure {time} is not an MJD within {MJD}")
        for table, of_table in _HEADER_VALUES.items():
            known = {name: getattr(exposure, attribute) for name, attribute in of_table.items()}
            columns = {name: np.array([value]) for name, value in known.items() if value is not None}
            for text in out_of_range(table, columns):
                raise InputError(f"{exposure.name}: {text}")


def _refuse_other_visits(connection: sa.Connection, exposures: Sequence[Exposure]) -> None:
    """Raises InputError if images are of other visits than those that are stored under their numbers."""
    with staged(connection, visit_table, visits_of_exposures(exposures)) as said:
        found = other_visits(connection, said)
    others = {(other.visit, other.given): other for other in found}
    # In the order of the images, whose first is named.
    named = [(each.name, others[key]) for each in exposures if (key := _said(each)) in others]
    if named:
        refuse_others(named[0][0], [other for _, other in named])


def _said(exposure: Exposure) -> tuple[int, Said]:
    return exposure.visit, Said(exposure.midpoint_mjd_tai, exposure.instrument, exposure.observatory_code)


def visits_of_exposures(exposures: Sequence[Exposure]) -> pa.Table:
    """What images say of their visits, one row a visit."""

    def column(name: str, type_: pa.DataType) -> pa.Array:
        return pa.array([getattr(exposure, name) for exposure in exposures], type_)

    return pa.table(
        {
            "visit": column("visit", pa.int64()),
            "midpointMjdTai": column("midpoint_mjd_tai", pa.float64()),
            "exposureTime": column("exposure_time", pa.float32()),
            "band": column("band", pa.string()),
            "instrument": column("instrument", pa.string()),
            "observatoryCode": column("observatory_code", pa.string()),
        }
    )


def rows_of_exposures(exposures: Sequence[Exposure], keep_wcs: bool) -> pa.Table:
    """The VisitDetector rows of images. A calibration that no image has is left out, so that a stored one stays."""
    outlines = join_outlines([exposure.outline for exposure in exposures])
    columns = {
        "visit": pa.array([exposure.visit for exposure in exposures], pa.int64()),
        "detector": pa.array([exposure.detector for exposure in exposures], pa.int16()),
        **footprint_columns(outlines),
        "width": pa.array([exposure.width for exposure in exposures], pa.int32()),
        "height": pa.array([exposure.height for exposure in exposures], pa.int32()),
        "pixelScale": pa.array([exposure.pixel_scale for exposure in exposures], pa.float64()),
    }
    if any(exposure.photo_calib_mean is not None for exposure in exposures):
        columns["photoCalibMean"] = pa.array([exposure.photo_calib_mean for exposure in exposures], pa.float64())
        columns["photoCalibErr"] = pa.array([exposure.photo_calib_err for exposure in exposures], pa.float64())
    if keep_wcs:
        without = [exposure.name for exposure in exposures if not can_keep_wcs(exposure)]
        if without:
            raise InputError(
                f"{shown(without)}: the WCS is more than header text, and cannot be kept: leave "
                f"{option('--keep-wcs', 'keep_wcs=True')} out"
            )
        columns["wcs"] = pa.array([exposure.wcs_header for exposure in exposures], pa.string())
    return pa.table(columns)


def _store(connection: sa.Connection, name: str, rows: pa.Table, progress: Progress | None) -> dict[str, Any]:
    """Writes VisitDetector rows of visits that are locked, and clears visits in which a detector has moved.

    Returns how many are new, changed and unchanged.
    """
    with staged(connection, visit_detector, rows, progress) as new:
        refuse_other_places(connection, name, new)
        fill_unknown(connection, visit_detector, _KEY, new, {"photoCalibErr": "photoCalibMean"})
        counts = count_stored(connection, visit_detector, _KEY, new)
        # Selected now: once the outlines are stored, none of them is new.
        changed = visits_with_new_places(connection, new)
        for start in range(0, len(changed), 1000):
            clear_results(connection, changed[start : start + 1000])
        merge_detectors(connection, new)
    return counts
