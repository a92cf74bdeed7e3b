"""Finds the sources in a box round each prediction, in the database or on arrays: pairs that may belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.association.refine import largest_days, search_radii
from ssdb.association.visit_batch import KEY, VisitBatch
from ssdb.config import AssociationConfig
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.ranges import absurd_unknown
from ssdb.sky.boxes import N_ZONES, ZoneBoxes, zone_boxes, zones
from ssdb.sky.footprint import ranges
from ssdb.store.query_plans import index_loops, is_distributed, text_between_visits
from ssdb.store.transfer.array_parameters import array_rows, with_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

_SOURCE_COLUMNS = ("diaSourceId", "detector", "midpointMjdTai", "ra", "dec")
_SOURCE_ERRORS = ("raErr", "decErr", "ra_dec_Cov")
_MEASURED = ("psfFlux", "psfFluxErr", "trailLength", "trailAngle", "reliability")
_SELECTED = (
    sa.column("place", sa.Integer),
    *(dia_source.c[name] for name in (*_SOURCE_COLUMNS, *_SOURCE_ERRORS, "ssObjectId", *_MEASURED)),
    sa.column("band", sa.LargeBinary(32)),
    sa.column("flagged", sa.SmallInteger),
)
"""What candidates.*.sql selects, in its order. Bands, 8 letters of any kind, are UTF-8; ``flagged`` is 1 where one of
:data:`ssdb.schema.source_counts.ARTEFACT_FLAGS` is set."""


def source_columns(config: AssociationConfig) -> tuple[str, ...]:
    """The columns of DiaSource that matching needs."""
    if config.mode == "fixed":
        return _SOURCE_COLUMNS
    return (*_SOURCE_COLUMNS, *_SOURCE_ERRORS, *_MEASURED, "band", "flagged")


def read_candidate_pairs(
    connection: sa.Connection, batch: VisitBatch, considered: Mask, config: AssociationConfig
) -> Columns:
    """The join in the database: pairs of a prediction and a source that may belong together, never too few.

    The connection is that which read the visits, in the same transaction, for writing; ``considered``, shape (p,),
    marks the predictions of which pairs are wanted. Gives columns of shape (n,), by (visit, ssObjectId, diaSourceId)
    ascending: prediction, the index into the predictions; visit, ssObjectId; diaSourceId, detector, midpointMjdTai, ra,
    dec of the source, in uncertainty mode also its errors and what :mod:`ssdb.association.evidence` weighs.
    """
    rows, radii, boxes = _boxes(batch, considered, config)
    columns = {
        "place": boxes.point.astype(np.int32),
        "visit": batch.predictions["visit"][rows[boxes.point]],
        "zone": boxes.zone,
        "ra0": boxes.ra0,
        "ra1": boxes.ra1,
    }
    with array_rows(connection, "box", in_index_order(columns)) as box, index_loops(connection):
        found_sources = sources_in_boxes(connection, box, batch.visits)
        statement = sa.select(found_sources.c.place, *(found_sources.c[name] for name in source_columns(config)))
        found = read_arrays(connection, statement, bounded=True)
    if "band" in found:
        found["band"] = found["band"].view("S32")
    return _pairs(batch, rows, radii, found.pop("place"), found)


def candidate_pairs(sources: Columns, batch: VisitBatch, considered: Mask, config: AssociationConfig) -> Columns:
    """The join on arrays: the pairs that :func:`read_candidate_pairs` finds where the sources are in a database.

    ``sources`` has visit and the columns of :func:`source_columns`, shape (s,), of the sources of the visits, in any
    order.
    """
    rows, radii, boxes = _boxes(batch, considered, config)
    # The place of a source in the order of ra is a whole number: with those of visit and zone it makes one, which
    # compares as the three do, to the bit. The n places of a visit and zone are followed by those of the next.
    by_ra = np.argsort(sources["ra"], kind="stable")
    ra, n = sources["ra"][by_ra], len(by_ra)
    key = n * _strips(batch, sources["visit"][by_ra], zones(sources["dec"][by_ra])) + np.arange(n)
    order = np.argsort(key)
    strip = n * _strips(batch, batch.predictions["visit"][rows[boxes.point]], boxes.zone)
    begin = np.searchsorted(key, strip + np.searchsorted(ra, boxes.ra0), sorter=order)
    end = np.searchsorted(key, strip + np.searchsorted(ra, boxes.ra1, "right"), sorter=order)
    found = by_ra[order[ranges(begin, end - begin)]]
    of_source = {name: sources[name][found] for name in source_columns(config)}
    return _pairs(batch, rows, radii, np.repeat(boxes.point, end - begin), of_source)


def _strips(batch: VisitBatch, visit: Integers, zone: NDArray[np.int32]) -> Integers:
    """One number for each zone of declination of each visit."""
    return batch.visit_index(visit) * N_ZONES + zone


def _boxes(batch: VisitBatch, considered: Mask, config: AssociationConfig) -> tuple[Index, Array, ZoneBoxes]:
    """Predictions with sources in their visits, their search radii (deg), and the boxes round them."""
    of_visit = batch.visit_index(batch.predictions["visit"])
    rows = np.flatnonzero(considered & np.isfinite(batch.earliest[of_visit]))
    wanted, of_visit = {name: values[rows] for name, values in batch.predictions.items()}, of_visit[rows]
    days = largest_days(batch.earliest[of_visit], batch.latest[of_visit], wanted["midpointMjdTai"])
    radii = search_radii(wanted, config, batch.largest_variances[of_visit], days) / ARCSEC_PER_DEG
    return rows, radii, zone_boxes(wanted["ephRa"], wanted["ephDec"], radii)


def _pairs(batch: VisitBatch, rows: Index, radii: Array, place: NDArray[Any], sources: Columns) -> Columns:
    """The pairs, in order, of predictions (by their places among the rows) with the sources in the zones round them."""
    prediction = rows[place]
    # What came past the door says nothing.
    sources |= absurd_unknown(dia_source, {name: sources[name] for name in _MEASURED if name in sources})[0]
    # The whole zone was searched.
    inside = np.flatnonzero(np.abs(sources["dec"] - batch.predictions["ephDec"][prediction]) <= radii[place])
    kept = inside[np.lexsort((sources["diaSourceId"][inside], place[inside]))]
    of_object = {name: batch.predictions[name][prediction[kept]] for name in KEY}
    return {"prediction": prediction[kept], **of_object, **{name: values[kept] for name, values in sources.items()}}


def in_index_order(boxes: Columns) -> Columns:
    """Boxes (visit, zone, ra0, ...) as they are in the index, so that one search ends near where the next begins."""
    order = np.lexsort((boxes["ra0"], boxes["zone"], boxes["visit"]))
    return {name: values[order] for name, values in boxes.items()}


def sources_in_boxes(connection: sa.Connection, box: sa.FromClause, visits: Integers) -> sa.Subquery:
    """What candidates.*.sql finds: the place of a box, and columns of the sources in it.

    The rows, called "box", have place, visit, zone, ra0, ra1; their visits are between the ends of those given.
    """
    form = "citus" if is_distributed(connection) else connection.dialect.name
    text, limits = text_between_visits(connection, f"candidates.{form}.sql", visits)
    statement = (
        sa.text(text).bindparams(**limits).columns(*(sa.column(column.name, column.type) for column in _SELECTED))
    )
    return with_rows(statement, box).subquery("pairs")
