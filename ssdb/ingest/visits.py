"""Loads visits (pointings of the camera) into Visit."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ssdb.ephemeris.places import POSITION, VELOCITY
from ssdb.errors import InputError
from ssdb.ingest.formats.opsim import looks_like_opsim, read_opsim
from ssdb.ingest.table.checks import check_not_null, check_positions, check_ranges, check_unique, valid_rows
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.ingest.table.places import checked_places
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.table.same_visit import other_visits, refuse_others, refuse_times_of_rows
from ssdb.io.input_file import input_of
from ssdb.schema.arrow import ids
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.dia_changes import objects_change
from ssdb.store.tables.sources import move_times
from ssdb.store.tables.visits import lock_creation, lock_visits, mark_pending, merge_visits
from ssdb.store.transfer.staging import count_stored, fill_unknown, staged
from ssdb.store.transfer.write import Progress

_STATE = (
    *("predictionsAt", "predictedBy", "status", "runId", "associatedAt"),
    *("nSources", "nTotalSsObjects", "nAssociatedSsObjects", "diaStatus", "diaRunId", "diaAssociatedAt"),
    *("nUpdatedDiaObjects", "nNewDiaObjects", "nMarginalDiaSources", "firstDiaSourceId", "lastDiaSourceId"),
)

_WEIGHED = ("band", "exposureTime", "depth")

_MOVES_WITH = dict(zip(VELOCITY, POSITION, strict=True))
"""A stored velocity is not that at another place."""


def ingest_visits(
    database: Database,
    source: Input,
    *,
    columns: Any = None,
    skip_invalid: bool = False,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores visits. One that is stored already takes the new values.

    What the input does not know stays as it is. Where the time, band, exposure time or depth of a visit changes, it is
    to be associated again; sources that have its time take the new one. A time that differs by more than 0.02 d, from
    the stored one or from that of the sources and predictions, another camera, observatory or field is no correction
    but another visit. Where an observer is that no observatory code says comes as in the MPC's ADES: sys, ctr, pos1 to
    pos3, vel1 to vel3. InputError if the input is not usable, or has another visit under the number of a stored one.
    Nothing is stored then.

    Parameters
    ----------
    source : path or table
        Parquet, FITS, ECSV, CSV, VOTable, an OpSim schedule (SQLite), or a table in memory, with the columns of
        Visit: at least visit and midpointMjdTai (MJD TAI).
    columns : ColumnMap, mapping or path, optional
        How the input's columns become those of Visit.
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the input.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    given, read = input_of(source, table, type), None
    if looks_like_opsim(given):
        given.refuse_said("a schedule of OpSim's", None)
        read = read_opsim
    opened = OpenInput(given, visit, columns, filled=("status", "diaStatus"), ignored=_STATE, read=read, at_once=True)
    if "diaSourceId" in opened.left_out:
        raise InputError(f"{opened.name}: it has diaSourceId: is it a table of sources? They are loaded as such")
    rows, problems = opened.whole(), opened.problems
    check_not_null(problems, rows, ["visit", "midpointMjdTai"])
    check_ranges(problems, rows, visit)
    check_unique(problems, rows, ["visit"], "visit is there twice")
    check_positions(problems, rows, nulls_allowed=True)
    rows = checked_places(problems, rows, opened.units)
    rows, _ = valid_rows(rows, problems, skip_invalid)
    with database.writing() as connection:
        lock_creation(connection)
        lock_visits(connection, ids(rows, "visit"))
        with staged(connection, visit, rows, progress) as new:
            refuse_others(opened.name, other_visits(connection, new))
            fill_unknown(connection, visit, ("visit",), new, _MOVES_WITH if "sys" in new.c else {})
            counts = count_stored(connection, visit, ("visit",), new)
            _move(connection, opened.name, new)
            _weigh_anew(connection, new)
            merge_visits(connection, new)
    return opened.report("visits", rows.num_rows, rows.num_rows, **counts)


def _weigh_anew(connection: sa.Connection, new: sa.Table) -> None:
    """Sets back to pending the visits of which something changes that association weighs."""
    changed = [visit.c[name].is_distinct_from(new.c[name]) for name in _WEIGHED if name in new.columns]
    if changed:
        mark_pending(connection, sa.select(new.c.visit).where(visit.c.visit == new.c.visit, sa.or_(*changed)))


def _move(connection: sa.Connection, name: str, new: sa.Table) -> None:
    """Where staged visits correct the time of stored ones, gives their sources the new one."""
    corrected = (visit.c.visit == new.c.visit) & (visit.c.midpointMjdTai != new.c.midpointMjdTai)
    moved = sa.select(new.c.visit).where(corrected)
    # Mostly there are none: without that question PostgreSQL may look at all the sources that there are for them.
    if connection.scalar(sa.select(moved.exists())):
        with index_loops(connection):
            # What was associated with another time has to be done again; that must be known before it is replaced.
            mark_pending(connection, moved)
            with objects_change(connection, list(connection.scalars(moved)), sa.true()):
                move_times(connection, new)
            refuse_times_of_rows(connection, name, new)
