"""Visits of reported observations: those of one station, time and field."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.places import POSITION
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import stored_rows
from ssdb.schema.survey import visit
from ssdb.sky.sphere import unit_vectors
from ssdb.store.query_plans import as_text
from ssdb.store.tables.visits import create_visits
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Array, Integers

FIRST_VISIT = 9_000_000_000_000
"""Visits that are made of reports have numbers from here on: larger than Rubin's, and growing with time."""

VISITS_PER_NIGHT = 10_000
"""So that a partition of the usual width has ten nights; a night with more takes numbers of the next."""


_FIELD_DEG = 10.0
"""How far from the first of a visit, and from all that are stored, the others may be: more than any
survey's field has from edge to edge."""

_SAME_FIELD = np.cos(np.radians(_FIELD_DEG))


def visits_of(connection: sa.Connection, rows: pa.Table, known: Integers) -> Integers:
    """The visit of each row: the one that is known, unless it is 0; those that are not stored are made.

    Rows of one station, time and place are of one visit if they are near each other. Of those that are not, times were
    rounded, or the station has several telescopes: a field round all of them would hold much of the sky.
    """
    visits, fresh = known.copy(), np.flatnonzero(known == 0)
    new = rows.take(pa.array(fresh))
    keys = list(zip(*(new.column(name).to_pylist() for name in _KEY), strict=True))
    ra, dec = (new.column(name).to_numpy() for name in ("ra", "dec"))
    towards = unit_vectors(ra, dec)
    fields = _stored_fields(connection, set(keys))
    # Also those of other times: a night with very many took numbers of the next.
    taken = set(connection.scalars(sa.select(visit.c.visit).where(visit.c.visit >= FIRST_VISIT)))
    made: dict[int, int] = {}
    free = 0
    in_order = sorted(
        range(len(keys)), key=lambda row: (keys[row][1], keys[row][0], str(keys[row][2:]), dec[row], ra[row])
    )
    for row in in_order:
        of_key = fields.setdefault(keys[row], {})
        near = (number for number, seen in of_key.items() if (seen @ towards[row]).min() >= _SAME_FIELD)
        number = next(near, 0)
        if not number:
            free = max(free, FIRST_VISIT + int(keys[row][1]) * VISITS_PER_NIGHT) + 1
            while free in taken:
                free += 1
            number = free
            made[number], of_key[number] = row, towards[row : row + 1]
        visits[fresh[row]] = number
    if made:
        chosen = new.take(pa.array(list(made.values())))
        create_visits(connection, as_rows_of(visit, chosen.append_column("visit", pa.array(list(made), pa.int64()))))
    return visits


def as_rows_of(table: sa.Table, rows: pa.Table) -> pa.Table:
    """Those columns that a table has, as it has them."""
    return stored_rows(table, dict(zip(rows.column_names, rows.columns, strict=True)))


_KEY = ("observatoryCode", "midpointMjdTai", "sys", *POSITION)


def _stored_fields(connection: sa.Connection, keys: Set[tuple[Any, ...]]) -> dict[tuple[Any, ...], dict[int, Array]]:
    """The visits that were made of reports before, by their keys: whereto the sources of each were seen."""
    if not keys:
        return {}
    times = [key[1] for key in keys]
    near = (visit.c.visit >= FIRST_VISIT, visit.c.midpointMjdTai.between(min(times), max(times)))
    wanted = sa.select(visit.c.visit, *(visit.c[name] for name in _KEY)).where(*near)
    found = {row[0]: tuple(row[1:]) for row in connection.execute(wanted) if tuple(row[1:]) in keys}
    if not found:
        return {}
    source = dia_source.c
    columns = sa.select(source.visit, source.ra, source.dec).where(source.visit.in_(as_text(found)))
    sources = read_arrays(connection, columns.order_by(source.visit, source.diaSourceId))
    numbers, first = np.unique(sources["visit"], return_index=True)
    fields: dict[tuple[Any, ...], dict[int, Array]] = {}
    towards = np.split(unit_vectors(sources["ra"], sources["dec"]), first[1:])
    for number, seen in zip(numbers.tolist(), towards, strict=True):
        fields.setdefault(found[number], {})[number] = seen
    return fields
