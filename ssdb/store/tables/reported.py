"""SsReportedSource: sources that were reported to the Minor Planet Center, by us or by others."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.reported import ss_reported_source
from ssdb.store.query_plans import Visits
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.staging import count_stored, fill_unknown, of_key, staged
from ssdb.units import Integers

_KEY = ("diaSourceId",)


def note_reported(connection: sa.Connection, rows: pa.Table) -> dict[str, int]:
    """Writes rows, each source once, in the place of those that are stored; what they do not know stays.

    Returns how many are new, changed and unchanged.
    """
    with staged(connection, ss_reported_source, rows) as given:
        fill_unknown(connection, ss_reported_source, _KEY, given)
        counts = count_stored(connection, ss_reported_source, _KEY, given)
        same = of_key(ss_reported_source, _KEY, given)
        values = {column.name: column for column in given.columns if column.name not in _KEY}
        connection.execute(sa.update(ss_reported_source).where(same).values(values))
        missing = sa.select(given).where(~sa.exists().where(same)).order_by(given.c.diaSourceId)
        connection.execute(sa.insert(ss_reported_source).from_select(rows.column_names, missing))
    return counts


def count_reported(connection: sa.Connection, visits: Integers) -> int:
    """How many sources of some visits were reported."""
    column = ss_reported_source.c
    with listed(connection, "reported_visit", visits) as among:
        statement = sa.select(sa.func.count()).select_from(ss_reported_source).where(among(column.visit))
        return int(connection.scalar(statement) or 0)


def replace_reported(connection: sa.Connection, rows: pa.Table) -> int:
    """Writes rows, each source once, in the place of those that are stored, of which nothing stays.

    Returns of how many sources the Minor Planet Center's identifiers are forgotten.
    """
    stored = ss_reported_source.c
    with staged(connection, ss_reported_source, rows) as given:
        there = sa.exists().where(of_key(ss_reported_source, _KEY, given))
        answered = sa.or_(stored.obsID.is_not(None), stored.trkID.is_not(None), stored.submissionId.is_not(None))
        forgotten = connection.scalar(sa.select(sa.func.count()).select_from(ss_reported_source).where(there, answered))
        connection.execute(sa.delete(ss_reported_source).where(there))
        all_rows = sa.select(given).order_by(given.c.diaSourceId)
        connection.execute(sa.insert(ss_reported_source).from_select(rows.column_names, all_rows))
    return int(forgotten or 0)


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes what others reported of visits that are deleted; how many rows there were.

    What was submitted stays: it would be submitted again, once its visit is loaded again.
    """
    others = ss_reported_source.c.submittedAt.is_(None) & ss_reported_source.c.visit.in_(visits)
    return {ss_reported_source.name: connection.execute(sa.delete(ss_reported_source).where(others)).rowcount}


def files_of(connection: sa.Connection, sources: Integers) -> dict[int, str]:
    """The files that some sources were written to for the Minor Planet Center; of others there is none."""
    column = ss_reported_source.c
    with listed(connection, "perhaps_written", sources) as among:
        wanted = sa.select(column.diaSourceId, column.file).where(among(column.diaSourceId))
        found = connection.execute(wanted.where(column.submittedAt.is_not(None), column.file.is_not(None)))
        return {row.diaSourceId: row.file for row in found}


def reported_before(connection: sa.Connection, sources: Integers) -> dict[int, tuple[str | None, bool]]:
    """Those of some sources that were reported: the observatory code, and whether this database reported them."""
    column = ss_reported_source.c
    with listed(connection, "perhaps_reported", sources) as among:
        wanted = sa.select(column.diaSourceId, column.stn, column.submittedAt)
        found = connection.execute(wanted.where(among(column.diaSourceId)))
        return {row.diaSourceId: (row.stn, row.submittedAt is not None) for row in found}
