"""DiaSource: writing and changing sources, with the detectors and totals that go with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import visit
from ssdb.store.ddl.partitions import for_sources, read_in_turns
from ssdb.store.locks import lock
from ssdb.store.query_plans import Visits, between_visits, index_loops, named, text_between_visits
from ssdb.store.tables.detectors import (
    add_missing_detectors,
    add_totals,
    clear_totals,
    count_anew,
    joined_totals,
    totals_of,
)
from ssdb.store.tables.moves import as_rows
from ssdb.store.tables.ss_objects import note_visits
from ssdb.store.tables.visits import mark_pending, set_ranges
from ssdb.store.transfer.array_parameters import array_rows, listed, send_arrays
from ssdb.store.transfer.write import Progress, write_tables
from ssdb.units import Columns, Integers


def read_listed(
    connection: sa.Connection, key: sa.ColumnElement[int], values: Integers, columns: Iterable[sa.ColumnElement[Any]]
) -> Columns:
    """Columns of the sources whose key (diaSourceId, diaObjectId) is one of some values, by an index."""
    with listed(connection, "wanted_source", values) as among, index_loops(connection):
        return read_in_turns(connection, sa.select(*columns).where(among(key)), dia_source, bounded=True)


def append(
    connection: sa.Connection,
    detectors: sa.FromClause,
    visits: np.ndarray,
    changed: Visits,
    parts: Iterable[pa.Table],
    n_rows: int,
    progress: Progress | None = None,
) -> None:
    """Adds sources to locked visits, and their detectors where these are not stored yet.

    At the end others are kept from committing sources: two transactions that write the same diaSourceId for different
    visits do not see each other; the second to come here sees what the first has committed.

    ``detectors`` are rows with visit and detector of all that the rows are of; those in which "changed" is not 0 are
    set back to pending. ``visits``, shape (v,), are theirs, and ``changed`` those of them with a changed detector. The
    rows of DiaSource, at least one part, are as :func:`ssdb.store.transfer.write.write_tables` takes them.
    """
    totals: list[Columns] = []

    def counted() -> Iterator[pa.Table]:
        for part in parts:
            yield part
            totals.append(totals_of(part))  # while the server takes the rows

    with for_sources(connection, visits) as target:
        write_tables(connection, dia_source, counted(), n_rows, progress, into=target)
    add_missing_detectors(connection, detectors)
    add_totals(connection, joined_totals(totals))
    set_ranges(connection, named(visits))
    pairs = sa.select(detectors.c.visit, detectors.c.detector).where(detectors.c.changed != 0)
    mark_pending(connection, changed, pairs, objects=True)
    lock(connection, "sources")


def remove_sources(connection: sa.Connection, detectors: sa.FromClause, visits: Visits) -> None:
    """Removes the sources of the detectors in some rows, of these visits. Their results have to be cleared before."""
    pairs = sa.select(detectors.c.visit, detectors.c.detector)
    key = sa.tuple_(dia_source.c.visit, dia_source.c.detector)
    concerned = dia_source.c.visit.in_(visits) & key.in_(pairs)
    connection.execute(sa.delete(dia_source).where(concerned))
    clear_totals(connection, pairs)
    set_ranges(connection, visits)


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes the sources of visits that are deleted; how many there were."""
    statement = sa.delete(dia_source).where(dia_source.c.visit.in_(visits))
    return {dia_source.name: connection.execute(statement).rowcount}


def _update(connection: sa.Connection) -> sa.Update:
    """The beginning of an UPDATE of DiaSource that leaves positions as they are.

    PostgreSQL reads the expression of the generated column ``zone`` anew for every row if the statement does not set
    what it is made of, which takes longer than to write the row. Set to what it is, ``dec`` changes no index.
    """
    statement = sa.update(dia_source)
    return statement.values(dec=dia_source.c.dec) if connection.dialect.name == "postgresql" else statement


def set_objects(
    connection: sa.Connection,
    visits: Sequence[int],
    sources: Integers,
    objects: Integers,
    *,
    all_change: bool,
) -> None:
    """Sets DiaSource.ssObjectId (0: none) of sources, each once, where it changes: a row of DiaSource is wide.

    ``visits``, locked, have those of the sources between them. With ``all_change`` none of the sources
    has its new object already, so that the database need not compare.
    """
    if not len(sources):
        return
    order = np.argsort(sources)
    rows = {"diaSourceId": sources[order], "ssObjectId": objects[order]}
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        text, values = text_between_visits(connection, "set_objects.postgresql.sql", visits)
        values |= {"sources": rows["diaSourceId"], "objects": rows["ssObjectId"], "all_change": all_change}
        connection.execute(sa.text(text), values)
        return
    with array_rows(connection, "matched_source", rows) as new:
        object_id = sa.func.nullif(new.c.ssObjectId, 0)
        found = (dia_source.c.diaSourceId == new.c.diaSourceId) & between_visits(connection, dia_source, visits)
        changed = dia_source.c.ssObjectId.is_distinct_from(object_id)
        connection.execute(sa.update(dia_source).where(found, changed).values(ssObjectId=object_id))


def set_dia_objects(
    connection: sa.Connection,
    visits: Sequence[int] | Integers,
    sources: Integers,
    objects: Integers,
    reassociated: float | None = None,
) -> None:
    """Sets DiaSource.diaObjectId (0: none) of sources, each once; ``visits`` as for :func:`set_objects`.

    Only for the modules of DiaObjects. ``reassociated`` is when they left these for known objects (MJD TAI).
    """
    if not len(sources):
        return
    order = np.argsort(sources)
    rows = {"diaSourceId": sources[order], "diaObjectId": objects[order]}
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        text, values = text_between_visits(connection, "set_dia_objects.postgresql.sql", visits)
        values |= {"sources": rows["diaSourceId"], "objects": rows["diaObjectId"], "reassociated": reassociated}
        connection.execute(sa.text(text), values)
        return
    with array_rows(connection, "dia_source_of_object", rows) as new:
        found = (dia_source.c.diaSourceId == new.c.diaSourceId) & between_visits(connection, dia_source, visits)
        object_id = sa.func.nullif(new.c.diaObjectId, 0)
        left = {} if reassociated is None else {"ssObjectReassocTimeMjdTai": reassociated}
        connection.execute(sa.update(dia_source).where(found).values(diaObjectId=object_id, **left))


def withdraw(connection: sa.Connection, visits: Sequence[int], sources: Integers, now: float) -> None:
    """Notes that sources were taken back (MJD TAI), where that was not noted before; ``visits`` as before."""
    with listed(connection, "withdrawn_source", sources) as among:
        fresh = dia_source.c.timeWithdrawnMjdTai.is_(None) & between_visits(connection, dia_source, visits)
        statement = _update(connection).where(among(dia_source.c.diaSourceId), fresh)
        connection.execute(statement.values(timeWithdrawnMjdTai=now))


def forget_objects(connection: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Unsets DiaSource.ssObjectId where a condition on its columns holds."""
    connection.execute(_update(connection).where(which).values(ssObjectId=None))


def move_objects_of_sources(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves sources to the primary designations of their objects, before SSSource is moved; how many were moved."""
    of_source = (dia_source.c.visit == ss_source.c.visit) & (dia_source.c.diaSourceId == ss_source.c.diaSourceId)
    moved = as_rows(connection, moves)
    other = (ss_source.c.ssObjectId == moved.c.ssObjectId) & (moved.c.ssObjectId != moved.c.newId)
    statement = _update(connection).where(of_source & other).values(ssObjectId=moved.c.newId)
    return {dia_source.name: connection.execute(statement).rowcount}


def move_times(connection: sa.Connection, new: sa.Table) -> None:
    """Moves sources that have the time of their visit to its new one, of a staged table of visits, before Visit has it.

    Predictions keep the time that they were made for.
    """
    times = sa.select(visit.c.visit, visit.c.midpointMjdTai.label("before"), new.c.midpointMjdTai.label("after")).where(
        visit.c.visit == new.c.visit, visit.c.midpointMjdTai != new.c.midpointMjdTai
    )
    changed = times.subquery()
    of_visit = (dia_source.c.visit == changed.c.visit) & (dia_source.c.midpointMjdTai == changed.c.before)
    connection.execute(_update(connection).where(of_visit).values(midpointMjdTai=changed.c.after))
    note_visits(connection, sa.select(changed.c.visit))
    count_anew(connection, connection.scalars(sa.select(changed.c.visit)).all())
