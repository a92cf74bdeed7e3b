"""The box join: pairs of a prediction and a source that may belong together, found in the database or on arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.association.refine import largest_days, search_radii
from ssdb.association.visit_batch import KEY, VisitBatch
from ssdb.config import AssociationConfig
from ssdb.schema.apdb_dia import dia_source
from ssdb.sky.boxes import N_ZONES, ZoneBoxes, zone_boxes, zones
from ssdb.sky.footprint import ranges
from ssdb.store.query_plans import index_loops
from ssdb.store.sql_files import sql_text
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

_SOURCE_COLUMNS = ("diaSourceId", "detector", "midpointMjdTai", "ra", "dec")
_SOURCE_ERRORS = ("raErr", "decErr", "ra_dec_Cov")
_PAIR_SOURCES = tuple(dia_source.c[name] for name in (*_SOURCE_COLUMNS, *_SOURCE_ERRORS))
"""What the statement of the candidates selects of sources, in its order; the errors are for uncertainty mode."""


def source_columns(config: AssociationConfig) -> tuple[str, ...]:
    """The columns of DiaSource that matching needs."""
    return (*_SOURCE_COLUMNS, *_SOURCE_ERRORS) if config.mode == "uncertainty" else _SOURCE_COLUMNS


def read_candidate_pairs(
    connection: sa.Connection, batch: VisitBatch, considered: Mask, config: AssociationConfig
) -> Columns:
    """The join in the database: pairs of a prediction and a source that may belong together, never too few.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        The connection that read the visits, in the same transaction, for writing.
    batch : VisitBatch
    considered : ndarray of bool, shape (p,)
        The predictions of which pairs are wanted.
    config : AssociationConfig

    Returns
    -------
    dict of columns, shape (n,)
        prediction: the index into the predictions; visit, ssObjectId; diaSourceId, detector, midpointMjdTai, ra, dec of
        the source, in uncertainty mode also raErr, decErr, ra_dec_Cov. By (visit, ssObjectId, diaSourceId) ascending.
    """
    rows, radii, boxes = _boxes(batch, considered, config)
    columns = {
        "place": boxes.point.astype(np.int32),
        "visit": batch.predictions["visit"][rows[boxes.point]],
        "zone": boxes.zone,
        "ra0": boxes.ra0,
        "ra1": boxes.ra1,
    }
    # As they are in the index, so that one search ends near where the next begins.
    order = np.lexsort((columns["ra0"], columns["zone"], columns["visit"]))
    rows_of_boxes = {name: values[order] for name, values in columns.items()}
    with array_rows(connection, "box", rows_of_boxes) as box, index_loops(connection):
        statement = _candidates(connection, box, source_columns(config), batch.visits)
        found = read_arrays(connection, statement, bounded=True)
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
    """The pairs, in order, of the predictions in some places among the rows with the sources in zones round them."""
    prediction = rows[place]
    # The whole zone was searched.
    inside = np.flatnonzero(np.abs(sources["dec"] - batch.predictions["ephDec"][prediction]) <= radii[place])
    kept = inside[np.lexsort((sources["diaSourceId"][inside], place[inside]))]
    of_object = {name: batch.predictions[name][prediction[kept]] for name in KEY}
    return {"prediction": prediction[kept], **of_object, **{name: values[kept] for name, values in sources.items()}}


def _candidates(connection: sa.Connection, box: sa.FromClause, names: Sequence[str], visits: Integers) -> sa.Select:
    """The statement of candidates.*.sql, for boxes of visits, with some of its columns."""
    columns = (sa.column("place", sa.Integer), *(sa.column(c.name, c.type) for c in _PAIR_SOURCES))
    text = sa.text(sql_text(f"candidates.{connection.dialect.name}.sql"))
    pairs = text.bindparams(first=int(visits[0]), last=int(visits[-1])).columns(*columns)
    if isinstance(box, sa.CTE):
        pairs = pairs.add_cte(box)
    found = pairs.subquery("pairs")
    return sa.select(found.c.place, *(found.c[name] for name in names))
