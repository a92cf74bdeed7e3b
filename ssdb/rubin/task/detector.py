"""One detector with its sources and predictions: checks their tables, makes arrays of them, and matches these."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.association.match import Matches, Rows, match
from ssdb.association.pairs import candidate_pairs, source_columns
from ssdb.association.stages import Stage
from ssdb.association.visit_batch import (
    DETECTOR_COLUMNS,
    EPHEMERIS,
    VisitBatch,
    footprint_densities,
    prediction_columns,
)
from ssdb.config import AssociationConfig
from ssdb.ingest.detectors import refuse_implausible
from ssdb.ingest.predictions import usable_predictions
from ssdb.ingest.sources import usable_sources
from ssdb.ingest.table.input import UsableRows
from ssdb.ingest.table.visits_of_rows import fill_midpoints, refuse_not_covered
from ssdb.io.image.detector_image import Exposure
from ssdb.io.tables import label
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.source_counts import N_NUMBERS, SourceCounts, is_flagged
from ssdb.schema.survey import ss_prediction
from ssdb.sky.footprint import Outlines, join_outlines
from ssdb.store.tables.detectors import totals_of
from ssdb.units import Columns


class Loaded(NamedTuple):
    """A detector with its usable rows of DiaSource and SsPrediction, and how many rows were left out."""

    exposure: Exposure
    detector: Columns
    """As :class:`VisitBatch` has them."""
    counts: SourceCounts
    outline: Outlines
    sources: pa.Table
    predictions: pa.Table
    invalid_sources: int
    invalid_predictions: int
    doubts: tuple[str, ...]
    """What looks wrong but may be right."""


def load(exposure: Exposure, sources: pa.Table, predictions: pa.Table, *, skip_invalid: bool) -> Loaded:
    """The rows of one detector, checked as the ingests check them; the exposure has a time.

    ``skip_invalid`` leaves out rows that are not usable. InputError or DesignationError if a table is not usable, or
    has rows of another visit or detector.
    """
    refuse_implausible([exposure])
    covers = (exposure.visit, exposure.detector)
    time = {"visit": np.array([exposure.visit]), "midpointMjdTai": np.array([exposure.midpoint_mjd_tai])}

    def checked(table: pa.Table, given: UsableRows) -> tuple[pa.Table, int, list[str]]:
        name = label(table)
        refuse_not_covered(name, given.rows, covers)
        rows = fill_midpoints(given.rows, name, time, given.numbers)
        return rows, table.num_rows - rows.num_rows, [f"{name}: {doubt}" for doubt in given.doubts]

    usable = usable_sources(label(sources), sources, skip_invalid=skip_invalid)
    sources, invalid_sources, doubts = checked(sources, usable)
    usable = usable_predictions(label(predictions), predictions, skip_invalid=skip_invalid)
    predictions, invalid_predictions, more = checked(predictions, usable)
    outline = join_outlines([exposure.outline])
    return Loaded(
        exposure,
        *_detector(exposure, sources),
        outline,
        sources,
        predictions,
        invalid_sources,
        invalid_predictions,
        (*doubts, *more),
    )


def find_matches(
    loaded: Loaded, config: AssociationConfig, timed: Callable[[str], AbstractContextManager[Stage]]
) -> tuple[VisitBatch, Matches]:
    """Matches the sources and predictions of a detector, as :func:`ssdb.associate` does in a database.

    Returns what was matched, and what was found. Errors as of :func:`ssdb.association.match.match`.
    """
    with timed("read") as stage:
        order = np.argsort(loaded.predictions.column("ssObjectId").to_numpy())
        wanted = (*prediction_columns(config), *(column.name for column in EPHEMERIS))
        columns = _arrays(ss_prediction, loaded.predictions, wanted)
        predictions = {name: columns.pop(name)[order] for name in prediction_columns(config)}
        of_detector = loaded.detector["visit"], predictions, loaded.detector, loaded.outline
        if config.mode == "fixed":
            batch = VisitBatch(*of_detector)
        else:
            batch = VisitBatch(*of_detector, _exposure(loaded.exposure), loaded.counts)
        sources = _arrays(dia_source, loaded.sources, ("visit", *source_columns(config)))
        stage.rows += loaded.predictions.num_rows + 1

    def ephemerides(_: VisitBatch, index: np.ndarray) -> Columns:
        rows = order[index]
        return {name: values[rows] for name, values in columns.items()}

    rows = Rows(partial(candidate_pairs, sources), lambda of, _: footprint_densities(of), ephemerides)
    return batch, match(batch, rows, config, None, timed)


def _exposure(exposure: Exposure) -> Columns:
    """The exposure as :class:`VisitBatch` has it."""
    return {
        "band": np.array([(exposure.band or "").encode()]),
        "exposureTime": np.array([exposure.exposure_time], float),
        "depth": np.array([np.nan]),
    }


def _arrays(table: sa.Table, rows: pa.Table, names: Iterable[str]) -> Columns:
    """Columns of a table as arrays: NaN where unknown, texts as bytes; ``flagged``: has a flag of artefacts."""
    there, types = dict(zip(rows.schema.names, rows.columns, strict=True)), arrow_types(table)
    unknown = {type_: np.full(rows.num_rows, np.nan, numpy_type(type_)) for type_ in (pa.float32(), pa.float64())}
    unknown[pa.string()] = np.full(rows.num_rows, b"")
    arrays: Columns = {}
    for name in names:
        if name == "flagged":
            arrays[name] = is_flagged(rows)
        elif name not in there:
            arrays[name] = unknown[types[name]]
        elif pa.types.is_string(types[name]):
            arrays[name] = np.array([(text or "").encode() for text in there[name].to_pylist()], np.bytes_)
        else:
            arrays[name] = there[name].to_numpy()
    return arrays


def _detector(exposure: Exposure, sources: pa.Table) -> tuple[Columns, SourceCounts]:
    """The detector as :class:`VisitBatch` has it, and what its sources are like."""
    cap, unknown = exposure.cap[:, None], np.array([np.nan])
    columns: Columns = {
        "visit": np.array([exposure.visit], np.int64),
        "detector": np.array([exposure.detector], np.int16),
        **dict(zip(("capRa", "capDec", "capRadius"), cap, strict=True)),
        "pixelScale": np.array([exposure.pixel_scale]),
        "nSources": np.array([0]),
        "variance": unknown,
        "earliest": unknown,
        "latest": unknown,
    }
    counts = np.zeros((1, N_NUMBERS), np.int64)
    if sources.num_rows:
        totals = totals_of(sources)
        counts = totals["sourceCounts"]
        columns |= {ours: totals[name] for name, ours in DETECTOR_COLUMNS.items() if name in totals}
    return columns, SourceCounts(counts)
