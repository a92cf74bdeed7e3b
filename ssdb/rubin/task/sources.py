"""Sources of one detector, from any of Rubin's tables, as rows of DiaSource."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import DuplicateSourceError, shown
from ssdb.io.image.detector_image import Exposure
from ssdb.rubin.task.given import Given, filled, labelled, with_values
from ssdb.rubin.task.local_wcs import with_local
from ssdb.rubin.task.names import COUNTS, SOURCE_NAMES
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema

LABEL = "sourceTable"
"""What messages call the table: the argument of Rubin's task."""

_NEEDED = {"diaSourceId": "diaSourceId (sourceId, id)", "ra": "ra (coord_ra)", "dec": "dec (coord_dec)"}


def source_rows(source_table: Any, exposure: Exposure, *, skip_invalid: bool = False) -> pa.Table:
    """The sources of one detector as :func:`ssdb.ingest_sources` takes them, units in the metadata.

    The table has the columns of DiaSource, or other names of :mod:`ssdb.rubin.task.names`; it is not changed. The
    exposure gives visit, detector, band and exposure time where the table does not, and the calibration: fluxes in
    counts are multiplied by its mean, whose error is added in quadrature; without a calibration they are left out.
    DuplicateSourceError if an identifier is there twice; InputError if a column is missing, or a source has no position
    (unless ``skip_invalid`` leaves it to the ingest).
    """
    given = Given.of(source_table, LABEL)
    if not given.n_rows:
        return labelled(arrow_schema(dia_source).empty_table(), given.label)
    rows = given.renamed(SOURCE_NAMES)
    given.refuse_missing(rows, _NEEDED)
    _refuse_duplicates(given.label, rows.column("diaSourceId"))
    if not skip_invalid:
        given.refuse_without_position(rows, "ra", "dec", "diaSourceId")
    rows = with_local(given, _calibrated(given, rows, exposure))
    for column, value, type_ in (
        ("visit", exposure.visit, pa.int64()),
        ("detector", exposure.detector, pa.int16()),
        ("band", exposure.band, pa.string()),
        ("exposureTime", exposure.exposure_time, pa.float64()),
    ):
        rows = filled(rows, column, value, type_)
    return labelled(rows, given.label)


def _refuse_duplicates(label: str, identifiers: pa.ChunkedArray) -> None:
    known = identifiers.drop_null()
    if pc.count_distinct(known).as_py() == len(known):
        return
    counted = pc.value_counts(known)
    twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))
    named = shown(twice.to_pylist())
    raise DuplicateSourceError(f"{label}: {len(twice):,} diaSourceId are there more than once ({named})")


def _calibrated(given: Given, rows: pa.Table, exposure: Exposure) -> pa.Table:
    """Rows with the fluxes that the table has only in counts."""
    mean, mean_error = exposure.photo_calib_mean, exposure.photo_calib_err or 0.0
    for column, choices in COUNTS.items():
        counts = next((choice for choice in choices if choice.flux in given.names), None)
        if mean is None or counts is None or column in rows.schema.names:
            continue
        there = given.read([name for name in (counts.flux, counts.error) if name in given.names])
        flux, error = (
            there.column(name).cast(pa.float64()).to_numpy() if name in there.schema.names else None
            for name in (counts.flux, counts.error)
        )
        if flux is None:
            continue
        rows = with_values(rows, column, mean * flux, "nJy")
        if error is not None and f"{column}Err" not in rows.schema.names:
            rows = with_values(rows, f"{column}Err", np.hypot(mean * error, flux * mean_error), "nJy")
    return rows
