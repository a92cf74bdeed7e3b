"""Where fluxes are to be measured on an image: DiaObjects, and known objects that were expected and not seen."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_object_last
from ssdb.schema.survey import outside_padding, ss_expected, ss_prediction
from ssdb.sky.boxes import zone_boxes
from ssdb.sky.sphere import moved
from ssdb.store.query_plans import index_loops
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns

_MARGIN_DEG = 1.0 / ARCSEC_PER_DEG
"""The place that an object is found by may be that far from where it is now."""


def dia_targets(connection: sa.Connection, cap: Array, min_sources: int) -> Columns:
    """diaObjectId, ra, dec (deg) of the current DiaObjects in a cap (ra, dec, radius: deg) and a little around it.

    Those with at least so many sources, by diaObjectId.
    """
    ra, dec, radius = (np.array([value]) for value in cap)
    boxes = zone_boxes(ra % 360.0, dec, radius + _MARGIN_DEG)
    searched: Columns = {"zone": boxes.zone, "ra0": boxes.ra0, "ra1": boxes.ra1}
    with array_rows(connection, "zone_box", searched) as box, index_loops(connection):
        last = dia_object_last.c
        within = (last.zone == box.c.zone) & last.searchRa.between(box.c.ra0, box.c.ra1)
        found = sa.select(last.diaObjectId, last.ra, last.dec).join_from(box, dia_object_last, within)
        wanted = found.where(last.nDiaSources >= min_sources)
        columns = read_arrays(connection, wanted, bounded=True)
    order = np.argsort(columns["diaObjectId"])
    return {name: values[order] for name, values in columns.items()}


def known_targets(connection: sa.Connection, visit: int, mjd_tai: float) -> Columns:
    """ssObjectId, ra, dec (deg) of the known objects that were expected in a visit and not seen, at a time (MJD TAI).

    By ssObjectId. None before the visit has been associated.
    """
    predicted = ss_prediction.c
    same = (predicted.visit == ss_expected.c.visit) & (predicted.ssObjectId == ss_expected.c.ssObjectId)
    names = ("ephRa", "ephDec", "ephRateRa", "ephRateDec", "midpointMjdTai")
    found = read_arrays(
        connection,
        sa.select(predicted.ssObjectId, *(predicted[name] for name in names))
        .join_from(ss_expected, ss_prediction, same)
        .where(ss_expected.c.visit == visit, ss_expected.c.diaSourceId.is_(None), outside_padding())
        .order_by(predicted.ssObjectId),
    )
    rates = (found["ephRateRa"], found["ephRateDec"])
    ra, dec = moved(found["ephRa"], found["ephDec"], *rates, mjd_tai - found["midpointMjdTai"])
    return {"ssObjectId": found["ssObjectId"], "ra": ra, "dec": dec}
