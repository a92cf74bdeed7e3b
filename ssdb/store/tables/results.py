"""SSSource, SsCandidate and SsExpected: what association found, with DiaSource.ssObjectId.

All in the transaction of a connection that has locked the visits.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import ss_candidate, ss_expected, visit
from ssdb.store.query_plans import between_visits
from ssdb.store.tables.dia_changes import known_objects_found
from ssdb.store.tables.moves import move_objects
from ssdb.store.tables.sources import forget_objects, set_objects
from ssdb.store.tables.ss_objects import note_objects, note_visits
from ssdb.store.tables.visits import Visits, forget_results, mark_objects_pending, mark_pending
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import write_rows
from ssdb.units import Columns, Integers

_TABLES = (ss_source, ss_candidate, ss_expected)


def clear_results(connection: sa.Connection, visits: Visits) -> None:
    """Removes everything that association derived for visits, and sets them and their detectors back to pending."""
    # Sources that were known objects may be given to DiaObjects again.
    with_objects = sa.select(visit.c.visit).where(visit.c.visit.in_(visits), visit.c.nAssociatedSsObjects > 0)
    mark_objects_pending(connection, with_objects)
    note_objects(connection, [ss_source.c.visit.in_(visits)])
    for table in _TABLES:
        connection.execute(sa.delete(table).where(table.c.visit.in_(visits)))
    forget_objects(connection, dia_source.c.visit.in_(visits) & dia_source.c.ssObjectId.is_not(None))
    forget_results(connection, visits)


def replace_results(
    connection: sa.Connection,
    visits: Sequence[int],
    expected: pa.Table,
    candidates: pa.Table,
    matched: pa.Table,
    detectors: Collection[int] | None,
) -> int:
    """Replaces the results of visits (ascending), or of detectors of them alone, by rows of the three tables.

    Returns how many rows were written.
    """
    removed = _remove(connection, visits, expected, detectors)
    n_rows = write_rows(connection, ss_expected, expected)
    n_rows += write_rows(connection, ss_candidate, candidates)
    n_rows += write_rows(connection, ss_source, matched)
    of_visits, sources, objects = (matched.column(name).to_numpy() for name in ("visit", "diaSourceId", "ssObjectId"))
    note_visits(connection, np.unique(of_visits))
    note_objects(connection, np.setdiff1d(removed["ssObjectId"], objects))
    had_object = removed["diaSourceId"]
    lost = had_object[~np.isin(had_object, sources)]
    # 0 stands for no object only in what is sent: no identifier is 0.
    objects = np.append(objects, np.zeros(len(lost), np.int64))
    set_objects(connection, visits, np.append(sources, lost), objects, all_change=not len(had_object))
    known_objects_found(connection, visits, sources, lost)
    return n_rows


def _remove(
    connection: sa.Connection, visits: Sequence[int], expected: pa.Table, detectors: Collection[int] | None
) -> Columns:
    """Removes the results that are there; returns diaSourceId and ssObjectId of the sources that had an object."""
    of_visits = [table.c.visit.in_(visits) for table in _TABLES]
    if detectors is None:
        return _delete(connection, of_visits)
    keys = (dia_source.c.visit, dia_source.c.diaSourceId)
    sources = sa.select(*keys).where(dia_source.c.visit.in_(visits), dia_source.c.detector.in_(detectors))
    on_detectors = (
        ss_source.c.detector.in_(detectors),
        sa.tuple_(ss_candidate.c.visit, ss_candidate.c.diaSourceId).in_(sources),
        ss_expected.c.detector.in_(detectors),
    )
    removed = [_delete(connection, [of & on for of, on in zip(of_visits, on_detectors, strict=True)])]
    with staged(connection, ss_expected, expected.select(["visit", "ssObjectId"])) as here:
        # An object that another footprint had the last time, with another configuration, is here now.
        objects = sa.select(here)
        of_objects = [
            of & sa.tuple_(table.c.visit, table.c.ssObjectId).in_(objects)
            for table, of in zip(_TABLES, of_visits, strict=True)
        ]
        removed.append(_delete(connection, of_objects))
    return {name: np.concatenate([rows[name] for rows in removed]) for name in removed[0]}


def _delete(connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]]) -> Columns:
    """Deletes rows of the three tables that meet their conditions; diaSourceId and ssObjectId of those of SSSource."""
    matched, candidates, expected = conditions
    found = sa.select(ss_source.c.diaSourceId, ss_source.c.ssObjectId).where(matched)
    had_object = read_arrays(connection, found, bounded=True)
    if len(had_object["diaSourceId"]):
        connection.execute(sa.delete(ss_source).where(matched))
    connection.execute(sa.delete(ss_candidate).where(candidates))
    connection.execute(sa.delete(ss_expected).where(expected))
    return had_object


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes the results of visits that are deleted; how many there were, by table."""
    note_objects(connection, [ss_source.c.visit.in_(visits)])
    return {
        table.name: connection.execute(sa.delete(table).where(table.c.visit.in_(visits))).rowcount for table in _TABLES
    }


def remove_results(connection: sa.Connection, removed: sa.Table) -> dict[str, int]:
    """Removes what was derived from the predictions whose visit and ssObjectId are in a staged table.

    Returns how many rows there were, by table. The visits keep their state.
    """
    keys = sa.select(removed.c.visit, removed.c.ssObjectId)
    mark_objects_pending(connection, sa.select(removed.c.visit))
    note_objects(connection, [sa.tuple_(ss_source.c.visit, ss_source.c.ssObjectId).in_(keys)])
    source = sa.tuple_(dia_source.c.visit, dia_source.c.diaSourceId)
    matched = sa.select(ss_source.c.visit, ss_source.c.diaSourceId).where(
        sa.tuple_(ss_source.c.visit, ss_source.c.ssObjectId).in_(keys)
    )
    forget_objects(connection, source.in_(matched))
    return {
        table.name: connection.execute(
            sa.delete(table).where(sa.tuple_(table.c.visit, table.c.ssObjectId).in_(keys))
        ).rowcount
        for table in _TABLES
    }


def remove_results_of_sources(connection: sa.Connection, visits: Sequence[int], sources: Integers) -> int:
    """Removes what was derived of sources; how many were known objects, whose visits are pending again.

    ``visits``, locked, have those of the sources between them.
    """
    with listed(connection, "removed_source", sources) as among:
        matched = (among(ss_source.c.diaSourceId), between_visits(connection, ss_source, visits))
        of_visits = list(connection.scalars(sa.select(ss_source.c.visit).where(*matched)))
        note_objects(connection, matched, bounded=True)
        connection.execute(sa.delete(ss_source).where(*matched))
        candidates = (among(ss_candidate.c.diaSourceId), between_visits(connection, ss_candidate, visits))
        connection.execute(sa.delete(ss_candidate).where(*candidates))
        seen = (among(ss_expected.c.diaSourceId), between_visits(connection, ss_expected, visits))
        connection.execute(sa.update(ss_expected).where(*seen).values(diaSourceId=None))
        forget_objects(
            connection,
            among(dia_source.c.diaSourceId)
            & between_visits(connection, dia_source, visits)
            & dia_source.c.ssObjectId.is_not(None),
        )
    mark_pending(connection, sorted(set(of_visits)))
    return len(of_visits)


def move_results(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves results to the primary designations of their objects; how many, by table."""
    return {table.name: move_objects(connection, table, moves) for table in (ss_expected, ss_candidate, ss_source)}
