"""Writes what association found: SSSource, SsCandidate, SsExpected, DiaSource.ssObjectId, and the state.

All in the transaction of the connection; what was there for the same exposures, or detectors of them, is replaced.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.association.match import NO_DETECTOR, Matches
from ssdb.association.visit_batch import Columns, Exposures
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.survey import DONE, PENDING, outside_padding, ss_candidate, ss_expected, visit, visit_detector
from ssdb.store.tables.sources import set_objects
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import write_rows

COUNTS = ("nSources", "nTotalSsObjects", "nAssociatedSsObjects")

_UNKNOWN = -1
"""Stands for an unknown count in what is sent: arrays have no NULL."""


def write_matches(
    connection: sa.Connection, visits: Sequence[int], matches: Matches, detectors: Collection[int] | None
) -> int:
    """Replaces the results of exposures.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    visits : sequence of int
        The exposures.
    matches : Matches
        Their results.
    detectors : collection of int, optional
        The results are of these detectors only; those of others stay.

    Returns
    -------
    int
        Rows written.
    """
    had_object = _remove(connection, visits, matches, detectors)
    n_rows = write_rows(connection, ss_expected, _rows(ss_expected, matches.expected, matches.expected))
    n_rows += write_rows(connection, ss_candidate, _rows(ss_candidate, matches.candidates))
    n_rows += write_rows(connection, ss_source, rows_of_matches(matches))
    _set_objects(connection, visits, matches.ss_source, had_object)
    return n_rows


def _remove(
    connection: sa.Connection, visits: Sequence[int], matches: Matches, detectors: Collection[int] | None
) -> Columns:
    """Removes the results that are there; returns visit and diaSourceId of the sources that had an object."""
    if detectors is None:
        return _delete(connection, *(table.c.visit.in_(visits) for table in (ss_source, ss_candidate, ss_expected)))
    sources = sa.select(dia_source.c.diaSourceId).where(
        dia_source.c.visit.in_(visits), dia_source.c.detector.in_(detectors)
    )
    on_detectors = (
        (ss_source, ss_source.c.detector.in_(detectors)),
        (ss_candidate, ss_candidate.c.diaSourceId.in_(sources)),
        (ss_expected, ss_expected.c.detector.in_(detectors)),
    )
    keys = {name: matches.expected[name] for name in ("visit", "ssObjectId")}
    with staged(connection, ss_expected, _rows(ss_expected, keys)) as here:
        # An object that another footprint had the last time, with another configuration, is here now.
        objects = sa.select(here)
        of_objects = (
            table.c.visit.in_(visits) & (on | sa.tuple_(table.c.visit, table.c.ssObjectId).in_(objects))
            for table, on in on_detectors
        )
        return _delete(connection, *of_objects)


def _delete(connection: sa.Connection, matched: Any, candidates: Any, expected: Any) -> Columns:
    """Deletes the rows of SSSource, SsCandidate and SsExpected for which the conditions hold.

    Returns visit and diaSourceId of the former.
    """
    found = sa.select(ss_source.c.visit, ss_source.c.diaSourceId).where(matched)
    had_object = read_arrays(connection, found, bounded=True)
    if len(had_object["visit"]):
        connection.execute(sa.delete(ss_source).where(matched))
    connection.execute(sa.delete(ss_candidate).where(candidates))
    connection.execute(sa.delete(ss_expected).where(expected))
    return had_object


def _set_objects(connection: sa.Connection, visits: Sequence[int], matched: Columns, had_object: Columns) -> None:
    """Sets DiaSource.ssObjectId of the sources that are matched now, and unsets it where they were before alone."""
    lost = ~np.isin(had_object["diaSourceId"], matched["diaSourceId"])
    sources = np.append(matched["diaSourceId"], had_object["diaSourceId"][lost])
    # 0 stands for no object only in what is sent: no identifier is 0.
    objects = np.append(matched["ssObjectId"], np.zeros(np.count_nonzero(lost), np.int64))
    set_objects(connection, visits, sources, objects, all_change=not len(had_object["diaSourceId"]))


def rows_of_matches(matches: Matches) -> pa.Table:
    """The rows of SSSource, in the order of the matches."""
    return _rows(ss_source, matches.ss_source)


def _rows(table: sa.Table, columns: Columns, known: Columns | None = None) -> pa.Table:
    """Columns as rows of a table: single precision where the table has it, NaN to NULL."""
    masks = {"detector": "placed", "diaSourceId": "seen"} if known is not None else {}
    types = {name: type_ for name, type_ in arrow_types(table).items() if name in columns}
    arrays = []
    for name, type_ in types.items():
        values: Any = columns[name]
        if values.dtype.kind == "S":
            values = np.char.decode(values, "ascii").astype(object)
        else:
            values = values.astype(numpy_type(type_), copy=False)
        mask = ~known[masks[name]] if known is not None and name in masks else None
        arrays.append(pa.array(values, type_, mask=mask, from_pandas=True))
    return pa.Table.from_arrays(arrays, names=list(types))


def count(exposures: Exposures, expected: Columns) -> tuple[Columns, Columns]:
    """Counts the sources and objects of a batch.

    An object in the padding around a detector counts only if it got a source.

    Parameters
    ----------
    exposures : Exposures
    expected : dict of columns
        Of :class:`ssdb.association.match.Matches`.

    Returns
    -------
    of_visits, of_detectors : dict of columns
        nSources, nTotalSsObjects, nAssociatedSsObjects.
    """
    seen = expected["seen"]
    counted = seen | ~(expected["edgeDistance"] < 0)
    visit_index, row = exposures.visit_index(expected["visit"]), expected["detectorRow"]
    n_visits, n_detectors = len(exposures.visits), len(exposures.outlines)
    sources = exposures.detectors["nSources"]
    of_visit = exposures.visit_index(exposures.detectors["visit"])
    placed = row != NO_DETECTOR
    of_visits = (
        np.bincount(of_visit, weights=sources, minlength=n_visits),
        np.bincount(visit_index[counted], minlength=n_visits),
        np.bincount(visit_index[seen], minlength=n_visits),
    )
    of_detectors = (
        sources,
        np.bincount(row[counted & placed], minlength=n_detectors),
        np.bincount(row[seen & placed], minlength=n_detectors),
    )
    return (
        {name: values.astype(np.int64) for name, values in zip(COUNTS, of_visits, strict=True)},
        {name: values.astype(np.int64) for name, values in zip(COUNTS, of_detectors, strict=True)},
    )


def write_state(
    connection: sa.Connection,
    exposures: Exposures,
    expected: Columns,
    detectors: Collection[int] | None,
    run_id: str,
    now: datetime,
) -> Columns:
    """Notes that exposures, or detectors of them, are done.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    exposures : Exposures
    expected : dict of columns
        Of :class:`ssdb.association.match.Matches`.
    detectors : collection of int, optional
        Only these detectors are done; a visit is done once all of its detectors are.
    run_id : str
        Of the AssociationRun.
    now : datetime
        UTC.

    Returns
    -------
    dict of columns, shape (v,)
        The counts of the exposures as far as they were associated now.
    """
    of_visits, of_detectors = count(exposures, expected)
    wanted = np.ones(len(exposures.outlines), bool)
    if detectors is not None:
        wanted = np.isin(exposures.detectors["detector"], list(detectors))
        index = exposures.visit_index(exposures.detectors["visit"][wanted])
        sources = np.bincount(index, weights=of_detectors["nSources"][wanted], minlength=len(exposures.visits))
        of_visits["nSources"] = sources.astype(np.int64)
    done = {"status": DONE, "runId": run_id, "associatedAt": now}
    counts: Columns = {name: of_detectors[name][wanted].astype(np.int32) for name in COUNTS}
    for name in COUNTS[1:]:
        counts[name][~exposures.has_footprint[wanted]] = _UNKNOWN
    keys: Columns = {name: exposures.detectors[name][wanted] for name in ("visit", "detector")}
    _update(connection, visit_detector, keys, counts, done)
    if detectors is None:
        counts = {name: of_visits[name].astype(np.int32) for name in COUNTS}
        _update(connection, visit, {"visit": exposures.visits}, counts, done)
    else:
        _finish_visits(connection, exposures.visits.tolist(), done)
    return of_visits


def _update(
    connection: sa.Connection,
    table: sa.Table,
    keys: Columns,
    counts: Columns,
    done: dict[str, Any],
) -> None:
    """Sets the state and the counts of the rows of a table that have the keys."""
    with array_rows(connection, f"new_{table.name}", keys | counts) as new:
        same = sa.and_(*(table.c[name] == new.c[name] for name in keys))
        values = {name: sa.func.nullif(new.c[name], _UNKNOWN) for name in counts}
        connection.execute(sa.update(table).where(same).values(done | values))


def _finish_visits(connection: sa.Connection, visits: Sequence[int], done: dict[str, Any]) -> None:
    """Sets those visits to done whose detectors are all done, with their counts."""
    of_detectors, of_objects = visit_detector.c.visit == visit.c.visit, ss_expected.c.visit == visit.c.visit
    unfinished = sa.exists().where(of_detectors, visit_detector.c.status == PENDING)
    seen = ss_expected.c.diaSourceId.is_not(None)
    # Not the sums over the detectors: objects may be on none, where one of them has no footprint.
    counted = seen | outside_padding()
    counts = {
        "nSources": sa.select(sa.cast(sa.func.sum(visit_detector.c.nSources), sa.Integer)).where(of_detectors),
        "nTotalSsObjects": sa.select(sa.func.count()).select_from(ss_expected).where(of_objects, counted),
        "nAssociatedSsObjects": sa.select(sa.func.count()).select_from(ss_expected).where(of_objects, seen),
    }
    values = done | {name: wanted.scalar_subquery() for name, wanted in counts.items()}
    connection.execute(sa.update(visit).where(visit.c.visit.in_(visits), ~unfinished).values(values))
