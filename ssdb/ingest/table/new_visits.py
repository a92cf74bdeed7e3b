"""Visits made from what their sources, or the images of their detectors, say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError
from ssdb.ingest.table.report import ids, rows_of_visits
from ssdb.schema.survey import visit
from ssdb.store.tables.visits import create_visits, lock_creation
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged

TAKEN = ("band", "exposureTime", "instrument", "observatoryCode")
"""Columns of the rows that visits take."""


def create_missing_visits(connection: sa.Connection, name: str, rows: pa.Table, needed: str) -> None:
    """Makes the visits that are not stored, at the middle of the times of their rows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked no visit yet.
    name : str
        The source's name for messages.
    rows : pyarrow.Table
        ``visit`` and ``midpointMjdTai``, and any of band, exposureTime, instrument, observatoryCode, which the visits
        take.
    needed : str
        From what visits can be created, for the message.

    Raises
    ------
    InputError
        If a row of such a visit has no time.
    """
    # Nothing may be locked before the creation is, and most files have nothing to create.
    if not _without_visit(connection, rows).num_rows:
        return
    lock_creation(connection)
    new = _without_visit(connection, rows)
    if not new.num_rows:
        return
    if "midpointMjdTai" not in rows.column_names or new.column("midpointMjdTai").null_count:
        raise InputError(f"{name}: visits can only be created from {needed}")
    # The middle of the times, not their mean, whose last bits would depend on the order of the rows.
    wanted = [("midpointMjdTai", "min"), ("midpointMjdTai", "max")]
    wanted += [(column, "max") for column in TAKEN if column in new.column_names]
    made = new.group_by("visit").aggregate(wanted)
    first, last = (made.column(f"midpointMjdTai_{end}").to_numpy() for end in ("min", "max"))
    columns = {"visit": made.column("visit"), "midpointMjdTai": pa.array((first + last) / 2)}
    columns |= {column: made.column(f"{column}_{how}") for column, how in wanted if column != "midpointMjdTai"}
    create_visits(connection, pa.table(columns))


def rows_of_extremes(rows: pa.Table) -> pa.Table:
    """A few rows for each visit, from which the same visits are created as from all.

    Parameters
    ----------
    rows : pyarrow.Table
        As of :func:`create_missing_visits`.

    Returns
    -------
    pyarrow.Table
        ``visit`` and, if the rows have one, ``midpointMjdTai``: the least, the largest and, if it is among them, NULL.
        Of the other columns the largest values.
    """
    times = [("midpointMjdTai", how) for how in ("min", "max")] if "midpointMjdTai" in rows.column_names else []
    taken = [(name, "max") for name in TAKEN if name in rows.column_names]
    wanted = [*times, *taken, *((name, "count") for name, _ in times[:1])]
    counted: Any = [*wanted, ("visit", "count")]
    grouped = rows.group_by("visit").aggregate(counted)
    of_visit = {"visit": grouped.column("visit")} | {name: grouped.column(f"{name}_max") for name, _ in taken}
    if not times:
        return pa.table(of_visit)
    ends = [pa.table(of_visit | {"midpointMjdTai": grouped.column(f"midpointMjdTai_{end}")}) for _, end in times]
    timeless = pc.less(grouped.column("midpointMjdTai_count"), grouped.column("visit_count"))
    unknown = pa.nulls(grouped.num_rows, pa.float64())
    return pa.concat_tables([*ends, pa.table(of_visit | {"midpointMjdTai": unknown}).filter(timeless)])


def _without_visit(connection: sa.Connection, rows: pa.Table) -> pa.Table:
    """The rows whose visits are not stored."""
    of_rows = ids(rows, "visit")
    with staged(connection, visit, pa.table({"visit": pa.array(np.unique(of_rows))})) as wanted:
        stored = sa.select(visit.c.visit).where(visit.c.visit.in_(sa.select(wanted.c.visit))).order_by(visit.c.visit)
        known = read_arrays(connection, stored)["visit"]
    return rows.filter(pa.array(~rows_of_visits(of_rows, known)[1]))
