"""Visits of reported observations: those of one station and time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.places import POSITION
from ssdb.schema.arrow import stored_rows
from ssdb.schema.survey import visit
from ssdb.store.tables.visits import create_visits
from ssdb.units import Integers

FIRST_VISIT = 9_000_000_000_000
"""Visits that are made of reports have numbers from here on: larger than Rubin's, and growing with time."""

VISITS_PER_NIGHT = 10_000
"""So that a partition of the usual width has ten nights; a night with more takes numbers of the next."""


def visits_of(connection: sa.Connection, rows: pa.Table) -> Integers:
    """The visit of each row, those of one station, time and place being of one; those that are not stored are made."""
    keys = list(zip(*(rows.column(name).to_pylist() for name in _KEY), strict=True))
    numbers = _stored_visits(connection, rows)
    # Also those of other times: a night with very many took numbers of the next.
    taken = set(connection.scalars(sa.select(visit.c.visit).where(visit.c.visit >= FIRST_VISIT)))
    made: dict[tuple[Any, ...], int] = {}
    free = 0
    for key in sorted(set(keys) - numbers.keys(), key=lambda key: (key[1], key[0], str(key[2:]))):
        free = max(free, FIRST_VISIT + int(key[1]) * VISITS_PER_NIGHT) + 1
        while free in taken:
            free += 1
        made[key] = free
    if made:
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        chosen = rows.take(pa.array([first[key] for key in made]))
        chosen = chosen.append_column("visit", pa.array(list(made.values()), pa.int64()))
        create_visits(connection, as_rows_of(visit, chosen))
    return np.array([(numbers | made)[key] for key in keys], np.int64)


def as_rows_of(table: sa.Table, rows: pa.Table) -> pa.Table:
    """Those columns that a table has, as it has them."""
    return stored_rows(table, dict(zip(rows.column_names, rows.columns, strict=True)))


_KEY = ("observatoryCode", "midpointMjdTai", "sys", *POSITION)


def _stored_visits(connection: sa.Connection, rows: pa.Table) -> dict[tuple[Any, ...], int]:
    """The visits that were made of reports before, at the times of rows."""
    if not rows.num_rows:
        return {}
    times = rows.column("midpointMjdTai").to_numpy()
    near = (visit.c.visit >= FIRST_VISIT, visit.c.midpointMjdTai.between(float(times.min()), float(times.max())))
    wanted = sa.select(visit.c.visit, *(visit.c[name] for name in _KEY)).where(*near)
    return {tuple(row[1:]): row[0] for row in connection.execute(wanted)}
