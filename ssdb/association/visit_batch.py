"""Reads the predictions and detectors of a batch of visits into arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa
from numpy.typing import ArrayLike, NDArray

from ssdb.association.refine import largest_days
from ssdb.association.trails import trail_lengths
from ssdb.config import MAX_TIME_DIFFERENCE_DAYS, AssociationConfig
from ssdb.equal_rows import require_ascending
from ssdb.errors import AssociationError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.ranges import absurd_unknown, out_of_range, reasons_of
from ssdb.schema.source_counts import SourceCounts
from ssdb.schema.survey import ss_prediction, visit, visit_detector
from ssdb.sky.footprint import VERTEX_BYTES, Outlines, outline_areas, unpack_outlines
from ssdb.sky.hull import field_area
from ssdb.sky.sphere import cap_area
from ssdb.store.query_plans import index_loops, look_up
from ssdb.store.tables.detectors import stored_counts
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

KEY = ("visit", "ssObjectId")
"""Columns that tell predictions apart."""

_MATCHED_BY = (*KEY, "midpointMjdTai", "ephRa", "ephDec", "ephRateRa", "ephRateDec")
_REQUIRED = ("midpointMjdTai", "ephRa", "ephDec")
_AXES = ("ephErrMajor", "ephErrMinor")
_ERROR_ELLIPSE = (*_AXES, "ephErrPa")
"""Columns of SsPrediction that say where an object may be; the ellipse is for uncertainty mode."""

EPHEMERIS = tuple(
    column for column in ss_prediction.columns if column.name not in (*_MATCHED_BY, *_ERROR_ELLIPSE, "provider")
)
"""What is needed of the predictions of matched objects alone."""

DETECTOR_COLUMNS = {
    "visit": "visit",
    "detector": "detector",
    "capRa": "capRa",
    "capDec": "capDec",
    "capRadius": "capRadius",
    "pixelScale": "pixelScale",
    "nDiaSources": "nSources",
    "maxSourceVariance": "variance",
    "firstSourceMjdTai": "earliest",
    "lastSourceMjdTai": "latest",
}
"""Columns of VisitDetector, and what they are called here."""


class LeftOut(NamedTuple):
    """A stored prediction that is not used, or a value of it, and why."""

    visit: int
    ssObjectId: int
    designation: str
    reason: str


@dataclass(frozen=True, slots=True)
class VisitBatch:
    """A batch of visits. Every column is a numpy array; NaN is unknown.

    AssociationError if the times of sources and predictions of a visit are too far apart; DatabaseError if the rows of
    a table are not in the order told below, as all else relies on it.
    """

    visits: Integers
    """Ascending, shape (v,)."""
    predictions: Columns
    """visit, ssObjectId, midpointMjdTai, ephRa, ephDec, ephRateRa, ephRateDec of SsPrediction, in uncertainty mode also
    ephErrMajor, ephErrMinor, ephErrPa, ephVmag and trail, the length (arcsec) of the object's trail in the exposure; by
    (visit, ssObjectId) ascending, shape (p,).
    """
    detectors: Columns
    """visit, detector, nSources, capRa, capDec, capRadius (deg), pixelScale (arcsec), variance: the largest variance of
    a source's position (arcsec^2); earliest, latest: times of the first and last source (MJD TAI), NaN without sources;
    by (visit, detector) ascending, shape (d,).
    """
    outlines: Outlines
    """Of the d detectors; without vertices where there is no footprint."""
    exposures: Columns = field(default_factory=dict)
    """band (bytes), exposureTime (s), depth (AB mag, where the survey gives it) of the visits, shape (v,); for
    uncertainty mode."""
    counts: SourceCounts = field(default_factory=lambda: SourceCounts(np.empty((0, 0), np.int64)))
    """Of the sources of the d detectors; for uncertainty mode."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Stored predictions that are not among these, and values of others that are taken for unknown."""

    def __post_init__(self) -> None:
        require_ascending("visits", self.visits)
        require_ascending("predictions", *(self.predictions[name] for name in KEY))
        require_ascending("detectors", self.detectors["visit"], self.detectors["detector"])
        index = self.visit_index(self.predictions["visit"])
        if self.exposures:
            self.predictions["trail"] = trail_lengths(self.predictions, self.exposures["exposureTime"][index])
        difference = largest_days(self.earliest[index], self.latest[index], self.predictions["midpointMjdTai"])
        wrong = np.flatnonzero(difference > MAX_TIME_DIFFERENCE_DAYS)
        if len(wrong):
            raise AssociationError(
                f"visit {self.predictions['visit'][wrong[0]]}: times of sources and of predictions differ by up to "
                f"{difference.max():.4g} d; at most {MAX_TIME_DIFFERENCE_DAYS} d are possible: are both MJD in "
                "TAI, and of this visit?"
            )

    def visit_index(self, visit: Integers) -> Index:
        """Where visits stand in the batch."""
        return np.searchsorted(self.visits, visit)

    def detector_index(self, visit: Integers, detector: NDArray[Any]) -> Index:
        """Where the rows of detectors (of the batch) stand."""
        key = _detector_keys(self.visits, self.detectors["visit"], self.detectors["detector"])
        return np.searchsorted(key, _detector_keys(self.visits, visit, detector))

    @property
    def maybe_uncounted(self) -> bool:
        """Whether there are sources of which nothing is counted, or nothing is there to count; in uncertainty mode."""
        return bool(self.exposures) and bool((~self.counts.known & (self.detectors["nSources"] > 0)).any())

    @property
    def largest_variances(self) -> Array:
        """The largest variance of a source's position in each visit, arcsec^2, shape (v,); 0 without sources."""
        return self._extremes(np.fmax, "variance", 0.0)

    @property
    def earliest(self) -> Array:
        """Time of the first source of each visit, MJD TAI, shape (v,); NaN without sources."""
        return self._extremes(np.fmin, "earliest", np.nan)

    @property
    def latest(self) -> Array:
        """Time of the last source of each visit, MJD TAI, shape (v,); NaN without sources."""
        return self._extremes(np.fmax, "latest", np.nan)

    def _extremes(self, which: np.ufunc, column: str, without: float) -> Array:
        """The extreme value of a column of detectors in each visit."""
        values = np.full(len(self.visits), without)
        which.at(values, self.visit_index(self.detectors["visit"]), self.detectors[column])
        return values

    @property
    def has_footprint(self) -> Mask:
        """Which detectors have a footprint, shape (d,)."""
        return self.outlines.counts > 0


def _detector_keys(visits: Integers, visit: Integers, detector: ArrayLike) -> Integers:
    """One number for each detector of a batch of visits, ascending as (visit, detector) is."""
    # Detectors are 16-bit numbers, positive or not.
    return np.searchsorted(visits, visit) * 65536 + np.asarray(detector, np.int64)


def prediction_columns(config: AssociationConfig) -> tuple[str, ...]:
    """The columns of SsPrediction that matching needs."""
    return (*_MATCHED_BY, *_ERROR_ELLIPSE, "ephVmag") if config.mode == "uncertainty" else _MATCHED_BY


def read_batch(connection: sa.Connection, visits: Sequence[int], config: AssociationConfig) -> VisitBatch:
    """Reads what is known of visits (ascending), which the connection has locked.

    Errors as of :class:`VisitBatch`.
    """
    predictions = read_arrays(
        connection,
        sa.select(*(ss_prediction.c[name] for name in prediction_columns(config)))
        .where(ss_prediction.c.visit.in_(visits))
        .order_by(ss_prediction.c.visit, ss_prediction.c.ssObjectId),
        bounded=True,
    )
    predictions, left_out = _usable(connection, predictions, visits)
    numbers = np.array(visits, np.int64)
    if config.mode == "fixed":
        return VisitBatch(numbers, predictions, *read_detectors(connection, visits), left_out=left_out)
    detectors, outlines = read_detectors(connection, visits, stored_counts())
    weighed = _read_exposures(connection, visits), SourceCounts.unpack(detectors.pop("sourceCounts"))
    return VisitBatch(numbers, predictions, detectors, outlines, *weighed, left_out)


def _usable(connection: sa.Connection, predictions: Columns, visits: Sequence[int]) -> tuple[Columns, list[LeftOut]]:
    """The predictions that make sense, and what is wrong with the others, which came past ssdb by SQL."""
    problems = {f"{name} is unknown": np.isnan(predictions[name]) for name in _REQUIRED}
    # An axis below 0 says as little as one of 0: the error is unknown, and the default holds.
    axes = {name: np.maximum(predictions[name], 0) for name in _AXES if name in predictions}
    magnitude = {name: predictions[name] for name in ("ephVmag",) if name in predictions}
    predictions |= absurd_unknown(ss_prediction, magnitude)[0]
    problems |= out_of_range(ss_prediction, predictions | axes)
    reasons = reasons_of(problems)
    if not reasons:
        return predictions, []
    rows = np.array(sorted(reasons))
    names = _of_predictions(connection, predictions, rows, (ss_prediction.c.designation,), visits)["designation"]
    key = (predictions[name][rows].tolist() for name in KEY)
    whose = zip(*key, names.astype(str).tolist(), rows.tolist(), strict=True)
    told = [LeftOut(visit, ss_object_id, name, reasons[row]) for visit, ss_object_id, name, row in whose]
    return {name: np.delete(values, rows) for name, values in predictions.items()}, told


def _of_predictions(
    connection: sa.Connection,
    predictions: Columns,
    index: Index,
    columns: Sequence[sa.Column],
    visits: Sequence[int] | Integers,
) -> Columns:
    """Further columns of some predictions, by their indices, in that order."""
    keys: Columns = {"place": np.arange(len(index), dtype=np.int32)}
    keys |= {name: predictions[name][index] for name in KEY}
    with array_rows(connection, "matched_prediction", keys) as wanted, index_loops(connection):
        statement = look_up(connection, wanted, KEY, ss_prediction, columns, visits)
        found = read_arrays(connection, statement, bounded=True)
    order = np.argsort(found.pop("place"))
    return {name: values[order] for name, values in found.items()}


def read_detectors(
    connection: sa.Connection, visits: Sequence[int], *more: sa.ColumnElement[Any]
) -> tuple[Columns, Outlines]:
    """Detectors of visits, with more columns, and their outlines: see :class:`VisitBatch`."""
    of_visits = visit_detector.c.visit.in_(visits)
    order = (visit_detector.c.visit, visit_detector.c.detector)
    statement = sa.select(*(visit_detector.c[name].label(ours) for name, ours in DETECTOR_COLUMNS.items()), *more)
    columns = read_arrays(connection, statement.where(of_visits).order_by(*order), bounded=True)
    packed = connection.scalars(sa.select(visit_detector.c.footprint).where(of_visits).order_by(*order)).all()
    if damaged := [row for row, outline in enumerate(packed) if outline and len(outline) % VERTEX_BYTES]:
        which = ", detector ".join(str(columns[name][damaged[0]]) for name in ("visit", "detector"))
        raise AssociationError(
            f"visit {which}: its footprint is no outline: load the detector again (ssdb ingest detectors)"
        )
    return columns, unpack_outlines(packed)


def _read_exposures(connection: sa.Connection, visits: Sequence[int]) -> Columns:
    columns = (visit.c.band, visit.c.exposureTime, visit.c.depth)
    # Not as arrays: bands may be of any letters, and visits are few.
    rows = connection.execute(sa.select(*columns).where(visit.c.visit.in_(visits)).order_by(visit.c.visit)).all()
    band, exposure_time, depth = zip(*rows, strict=True)
    numbers = {"exposureTime": np.array(exposure_time, float), "depth": np.array(depth, float)}
    return {"band": np.array([(name or "").encode() for name in band], np.bytes_)} | absurd_unknown(visit, numbers)[0]


def read_ephemerides(connection: sa.Connection, batch: VisitBatch, index: Index) -> Columns:
    """What SSSource needs of some predictions beside what matching does: designation, magnitude, vectors, angles.

    Read by the connection that read the batch, in the same transaction. ``designation`` comes as ASCII bytes. What is
    out of its range is NaN, and noted in the batch.
    """
    found = _of_predictions(connection, batch.predictions, index, EPHEMERIS, batch.visits)
    columns, problems = absurd_unknown(ss_prediction, found)
    for text, wrong in problems.items():
        names = columns["designation"][wrong].astype(str).tolist()
        visits, ids = (batch.predictions[name][index[wrong]].tolist() for name in KEY)
        whose = zip(visits, ids, names, strict=True)
        batch.left_out.extend(LeftOut(*row, text) for row in whose)
    return columns


def footprint_densities(batch: VisitBatch) -> Array:
    """Sources per square arcsecond on the footprint of each detector, shape (d,); NaN without one."""
    density = np.full(len(batch.outlines), np.nan)
    known = np.flatnonzero(batch.has_footprint)
    density[known] = batch.detectors["nSources"][known] / outline_areas(batch.outlines.take(known))
    return density


def source_densities(connection: sa.Connection, batch: VisitBatch, config: AssociationConfig) -> Array:
    """Sources per square arcsecond around each detector, shape (d,); NaN where there are none.

    On a detector with a footprint, those on it over its area. Without one, those of all such detectors of the visit
    over the field in which they lie: their convex hull or, where they have none, the smallest cap that holds them. It
    is taken to be no smaller than the largest search radius: a single source says little about how many there are.
    """
    detectors, has_footprint = batch.detectors, batch.has_footprint
    density = footprint_densities(batch)
    for visit_id in np.unique(detectors["visit"][~has_footprint & (detectors["nSources"] > 0)]):
        rows = np.flatnonzero((detectors["visit"] == visit_id) & ~has_footprint)
        source = dia_source.c
        inside = (source.visit == int(visit_id)) & source.detector.in_(detectors["detector"][rows].tolist())
        sources = read_arrays(connection, sa.select(source.ra, source.dec).where(inside).order_by(source.diaSourceId))
        density[rows] = field_density(sources["ra"], sources["dec"], config)
    return density


def field_density(ra: Array, dec: Array, config: AssociationConfig) -> float:
    """Sources (deg, shape (s,), at least one) per square arcsecond of the field in which they lie."""
    least = float(cap_area(config.max_radius_arcsec / ARCSEC_PER_DEG))
    return len(ra) / max(field_area(ra, dec), least)
