"""Loads the outlines of detectors, from images, headers or tables of corners, into VisitDetector."""

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
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.table.same_visit import Other, Said, other_visits, refuse_other_places, refuse_others
from ssdb.ingest.table.visits_of_rows import create_missing_visits, lock_visits_of
from ssdb.io.image.detector_image import Exposure, can_keep_wcs, distinct, read_exposures
from ssdb.io.image.fits_headers import holds_images
from ssdb.io.image.keywords import HeaderKeywords
from ssdb.io.input_file import input_of
from ssdb.io.tables import label
from ssdb.schema.arrow import arrow_types, ids
from ssdb.schema.ranges import MJD, out_of_range
from ssdb.schema.survey import visit as visit_table
from ssdb.schema.survey import visit_detector
from ssdb.sky.footprint import bounding_caps, join_outlines
from ssdb.store.database import Database
from ssdb.store.tables.detectors import merge_detectors, visits_with_new_places
from ssdb.store.tables.results import clear_results
from ssdb.store.transfer.staging import count_stored, fill_unknown, staged
from ssdb.store.transfer.write import Progress

_SAID_OF_VISIT = {
    "visit": "visit",
    "midpointMjdTai": "midpoint_mjd_tai",
    "exposureTime": "exposure_time",
    "band": "band",
    "instrument": "instrument",
    "observatoryCode": "observatory_code",
}
"""Columns of Visit that images give, and what these call them."""

_RANGED = {visit_table: {"exposureTime": "exposure_time"}, visit_detector: {"photoCalibMean": "photo_calib_mean"}}
"""Columns that the headers of images give, and that must be within a range."""

_KEY = ("visit", "detector")


def ingest_detectors(
    database: Database,
    source: Input,
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

    UsageError if an option is given that does not concern the kind of input. InputError if the input is not usable, or
    is of another visit or field than the stored one of that number. Nothing is stored then.

    Parameters
    ----------
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
    opened = OpenInput(input_of(source, table, type), corners, columns)
    outlines = rows_of_corners(opened)
    visits = np.unique(ids(outlines, "visit"))
    with database.writing() as connection:
        lock_visits_of(connection, opened.name, visits)
        counts = _store(connection, opened.name, outlines, progress)
    return opened.report("detectors", outlines.num_rows, len(visits), **counts)


def _given_exposures(source: Input) -> list[Exposure] | None:
    """The exposures in memory that an input is, None if it is something else.

    Raises InputError if two are the same detector with another outline.
    """
    if isinstance(source, Exposure):
        return [source]
    if isinstance(source, list | tuple) and all(isinstance(each, Exposure) for each in source):
        return distinct(source)
    return None


def _refuse_options(source: Input, kind: str, options: Mapping[str, Any]) -> None:
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
    outlines = _rows(exposures, keep_wcs)
    visits = np.unique(ids(outlines, "visit"))
    said = pa.table(_columns(exposures, visit_table, _SAID_OF_VISIT))
    with database.writing() as connection:
        if create_visits:
            needed = (
                "images whose header tells the middle of the exposure, or its begin (DATE-OBS) and EXPTIME; "
                + option(
                    "--middle-keyword, --begin-keyword, --time-of-day-keyword and --exposure-time-keyword name others",
                    "keywords=HeaderKeywords(...) names others",
                )
            )
            create_missing_visits(connection, name, said, needed)
        lock_visits_of(connection, name, visits, creatable=True)
        with staged(connection, visit_table, said) as given:
            _refuse_other_visits(exposures, other_visits(connection, given))
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
        for table, of_table in _RANGED.items():
            known = {name: getattr(exposure, attribute) for name, attribute in of_table.items()}
            columns = {name: np.array([value]) for name, value in known.items() if value is not None}
            for text in out_of_range(table, columns):
                raise InputError(f"{exposure.name}: {text}")


def _refuse_other_visits(exposures: Sequence[Exposure], found: Sequence[Other]) -> None:
    """Raises InputError if images are of other visits than those that are stored under their numbers."""
    others = {(other.visit, other.given): other for other in found}
    # In the order of the images, whose first is named.
    said = ((each, Said(each.midpoint_mjd_tai, each.instrument, each.observatory_code)) for each in exposures)
    named = [(each.name, others[each.visit, given]) for each, given in said if (each.visit, given) in others]
    if named:
        refuse_others(named[0][0], [other for _, other in named])


def _columns(exposures: Sequence[Exposure], table: sa.Table, attributes: Mapping[str, str]) -> dict[str, pa.Array]:
    """Columns of a table out of attributes of exposures."""
    types = arrow_types(table)
    return {
        name: pa.array([getattr(exposure, attribute) for exposure in exposures], types[name])
        for name, attribute in attributes.items()
    }


def _rows(exposures: Sequence[Exposure], keep_wcs: bool) -> pa.Table:
    """The VisitDetector rows of images. A calibration that no image has is left out, so that a stored one stays."""
    outlines = join_outlines([exposure.outline for exposure in exposures])
    columns = _columns(exposures, visit_detector, {"visit": "visit", "detector": "detector"})
    columns |= footprint_columns(outlines, bounding_caps(outlines))
    others = {"width": "width", "height": "height", "pixelScale": "pixel_scale"}
    if any(exposure.photo_calib_mean is not None for exposure in exposures):
        others |= {"photoCalibMean": "photo_calib_mean", "photoCalibErr": "photo_calib_err"}
    if keep_wcs:
        without = [exposure.name for exposure in exposures if not can_keep_wcs(exposure)]
        if without:
            raise InputError(
                f"{shown(without)}: the WCS is more than header text, and cannot be kept: leave "
                f"{option('--keep-wcs', 'keep_wcs=True')} out"
            )
        others["wcs"] = "wcs_header"
    return pa.table(columns | _columns(exposures, visit_detector, others))


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
