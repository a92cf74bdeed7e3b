"""Between which diaSourceId the sources of a visit are, so that these are searched for in its partition alone.

No index of a partitioned table is of all partitions. Identifiers mostly grow with time, and new ones are then in no
visit's range: two numbers of Visit tell that, which one index finds. Those of its detectors, of which they are made,
tell it more exactly for the few visits that remain. An index of all detectors would have 200 times as many entries.
"""

from __future__ import annotations

from functools import lru_cache

import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import visit, visit_detector
from ssdb.store.ddl.partitions import in_turns
from ssdb.store.query_plans import Selected, among_visits, one_of
from ssdb.store.tables.detectors import has_range
from ssdb.store.tables.visits import Visits


def places_of(
    connection: sa.Connection, first: int, last: int, but: Visits | None = None
) -> list[sa.ColumnElement[bool]]:
    """Conditions on DiaSource that together hold of all sources from one diaSourceId to another; none: no source.

    Each opens a bounded number of partitions. Sources of the visits ``but`` do not count.
    """
    others: sa.ColumnElement[bool] = sa.true() if but is None else dia_source.c.visit.not_in(but)
    if connection.dialect.name != "postgresql":
        # One table, and one search of its key. Nobody else writes: what is not of these visits was looked at before.
        between = sa.exists().where(dia_source.c.diaSourceId.between(first, last))
        return [others] if but is None and connection.execute(sa.select(between)).scalar_one() else []
    visits = _visits_between(connection, first, last, but)
    return [turn(dia_source) & others for turn in in_turns(connection, dia_source, visits)]


def _visits_between(connection: sa.Connection, first: int, last: int, but: Visits | None) -> list[int]:
    """The visits that may have sources from one diaSourceId to another, ascending."""
    among, values = (None, {}) if but is None else among_visits(but)
    return list(connection.scalars(_select_between(among), {"first": first, "last": last, **values}))


@lru_cache
def _select_between(but: Selected | int | None) -> sa.Select:
    column = visit_detector.c
    first, last = (sa.bindparam(name, type_=sa.BigInteger()) for name in ("first", "last"))
    overlaps = (column.firstDiaSourceId <= last) & (column.lastDiaSourceId >= first)
    unknown = (column.nDiaSources > 0) & ~has_range()
    has_some = sa.exists().where(column.visit == visit.c.visit, overlaps | unknown)
    # As the index has it; without the condition that the range is known, it would not be used.
    ranges = ((visit.c.firstDiaSourceId, visit.c.lastDiaSourceId), (first, last))
    of_visit, wanted = (sa.func.numrange(*ends, sa.text("'[]'")) for ends in ranges)
    near = visit.c.firstDiaSourceId.is_not(None) & of_visit.op("&&")(wanted)
    others = sa.true() if but is None else ~one_of(visit.c.visit, but)
    return sa.select(visit.c.visit).where(near, others, has_some).order_by(visit.c.visit)
