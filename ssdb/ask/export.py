"""Writes tables to files, with units."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from ssdb.ask.meanings import column_of
from ssdb.errors import ConfigError, UsageError, option, quoted
from ssdb.io.input_file import written_format
from ssdb.io.output import require_replaceable
from ssdb.io.times import span_of
from ssdb.io.writers import write_parts
from ssdb.schema import metadata
from ssdb.schema.arrow import arrow_field
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.ddl.views import view_definitions
from ssdb.store.tables.visits import among, require_visits
from ssdb.store.transfer.read import in_order, read_batches

_KEYS_OF_VIEWS = ("visit", "ssObjectId", "diaSourceId", "alias", "designation", "granule_uid")
"""What the rows of a view are ordered by, as far as it has them: views have no key of their own."""


def export(
    database: Database,
    table: str,
    path: str | os.PathLike[str],
    *,
    visits: Sequence[int] | None = None,
    since: Any = None,
    until: Any = None,
) -> int:
    """Writes a table, or a view for people, to a file, by primary key ascending; returns how many rows.

    ConfigError if there is no such table, it has no visits to choose from, or a time is none; NotFoundError if there is
    no such visit; InputError if the file cannot be written.

    Parameters
    ----------
    table : str
        Its name, in capitals or not.
    path : path
        Parquet, FITS, ECSV, CSV or VOTable, by its ending. It is there whole or not at all. The file that it replaces
        leaves its permissions to it; a link, a directory or a device is not replaced.
    visits : sequence of int, optional
        Only rows of these visits.
    since, until : optional
        Only rows of visits whose middle is from this time on, and before this one: as of
        :func:`ssdb.io.times.mjd_tai_of`.
    """
    require_replaceable(path)  # before anything is read
    written_format(Path(path))
    first, last = span_of(since, until)
    with database.reading() as connection:
        relation = _relation(connection, table)
        columns = [column for column in relation.columns if column.computed is None]
        of_view = [relation.c[name] for name in _KEYS_OF_VIEWS if name in relation.c]
        key = list(relation.primary_key.columns) or of_view
        statement = sa.select(*columns).order_by(*in_order(connection, key))
        chosen = {
            option("--visit", "visits=..."): visits,
            option("--since", "since=..."): since,
            option("--until", "until=..."): until,
        }
        needless = [name for name, one in chosen.items() if one is not None]
        if needless and "visit" not in relation.c:
            raise UsageError(f"{relation.name} has no visits to choose from: leave out {', '.join(needless)}")
        if visits is not None:
            require_visits(connection, visits)
            statement = statement.where(among(relation.c.visit, visits))
        if first is not None or last is not None:
            statement = statement.where(relation.c.visit.in_(_exposed(first, last)))
        schema = pa.schema([arrow_field(column) for column in columns])
        return write_parts(schema, read_batches(connection, statement, schema), path)


def _exposed(first: float | None, last: float | None) -> sa.Select[tuple[int]]:
    """The visits of a time, MJD TAI."""
    chosen = sa.select(visit.c.visit)
    if first is not None:
        chosen = chosen.where(visit.c.midpointMjdTai >= first)
    return chosen if last is None else chosen.where(visit.c.midpointMjdTai < last)


def _relation(connection: sa.Connection, name: str) -> sa.Table:
    """The table or view of a name."""
    tables = {table.name.lower(): table for table in metadata.sorted_tables}
    views = {view.lower(): view for view in view_definitions()}
    if name.lower() in tables:
        return tables[name.lower()]
    if name.lower() in views:
        return _view(connection, views[name.lower()])
    known = sorted([*(table.name for table in tables.values()), *views.values()], key=str.lower)
    raise ConfigError(f"there is no table {quoted(name)}; there are {', '.join(known)}")


def _view(connection: sa.Connection, name: str) -> sa.Table:
    """A view as a table."""
    known = [column_of(name, column["name"]) for column in sa.inspect(connection).get_columns(name)]
    columns = [sa.Column(column.name, column.type, info=column.info, nullable=column.nullable) for column in known]
    return sa.Table(name, sa.MetaData(), *columns)
