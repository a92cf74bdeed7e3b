"""Reads sources for DiaObjects."""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.config import DiaConfig
from ssdb.dia.match import flag_columns, takes_part
from ssdb.moments import ERRORS, FLUXES
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.dia_objects import as_bands, band_column, bands_of
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Columns

_SOURCE = ("diaSourceId", "visit", "detector", "midpointMjdTai", "ra", "dec", *ERRORS, *FLUXES)
_WEIGHED = ("apFlux", "apFluxErr", "reliability")


def read_sources(connection: sa.Connection, which: sa.ColumnElement[bool], config: DiaConfig) -> Columns:
    """Sources that meet a condition, by diaSourceId: what matching needs, flags as bool, and ``partakes``."""
    flags = flag_columns(config)
    source = dia_source.c
    marks = {
        **{name: source[name].is_(sa.true()) for name in flags},
        "withdrawn": source.timeWithdrawnMjdTai.is_not(None),
        "known": source.ssObjectId.is_not(None),
    }
    columns = (
        *(source[name] for name in (*_SOURCE, *_WEIGHED)),
        sa.func.coalesce(source.diaObjectId, 0).label("diaObjectId"),
        band_column(connection, source.band),
        *(sa.cast(sa.case((mark, 1), else_=0), sa.SmallInteger).label(name) for name, mark in marks.items()),
    )
    statement = sa.select(*columns).where(which).order_by(source.diaSourceId)
    with index_loops(connection):
        rows = read_arrays(connection, statement, bounded=True)
    rows |= {name: rows[name] > 0 for name in marks}
    rows["band"] = bands_of(as_bands(rows["band"]))
    rows["partakes"] = takes_part(rows, config) & ~rows["withdrawn"] & ~rows["known"]
    return rows
