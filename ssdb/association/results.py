"""Makes the rows of SSSource, SsCandidate and SsExpected of what was matched, and counts them by visit and detector.

Their state is noted in the transaction of the connection, which has locked the visits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.association.match import NO_DETECTOR, Matches
from ssdb.association.visit_batch import VisitBatch
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.survey import ss_candidate, ss_expected
from ssdb.store.tables.detectors import set_done as set_detectors_done
from ssdb.store.tables.visits import set_done, set_done_with_detectors
from ssdb.units import Columns

COUNTS = ("nSources", "nTotalSsObjects", "nAssociatedSsObjects")


def rows_of(matches: Matches) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The rows of SsExpected, SsCandidate and SSSource, in the order of the matches."""
    expected = _rows(ss_expected, matches.expected, {"detector": "placed", "diaSourceId": "seen"})
    return expected, _rows(ss_candidate, matches.candidates), rows_of_matches(matches)


def rows_of_matches(matches: Matches) -> pa.Table:
    """The rows of SSSource, in the order of the matches."""
    return _rows(ss_source, matches.ss_source)


def _rows(table: sa.Table, columns: Columns, known: Mapping[str, str] = MappingProxyType({})) -> pa.Table:
    """Columns as rows of a table: single precision where the table has it, NaN to NULL.

    ``known`` are columns that mask others.
    """
    types = {name: type_ for name, type_ in arrow_types(table).items() if name in columns}
    arrays = []
    for name, type_ in types.items():
        values: Any = columns[name]
        if values.dtype.kind == "S":
            arrays.append(pa.array(values).cast(type_))
            continue
        mask = ~columns[known[name]] if name in known else None
        arrays.append(pa.array(values.astype(numpy_type(type_), copy=False), type_, mask=mask, from_pandas=True))
    return pa.Table.from_arrays(arrays, names=list(types))


def count(batch: VisitBatch, expected: Columns) -> tuple[Columns, Columns]:
    """Counts nSources, nTotalSsObjects and nAssociatedSsObjects of the visits and of the detectors of a batch.

    ``expected`` is that of :class:`ssdb.association.match.Matches`. An object in the padding around a detector counts
    only if it got a source.
    """
    seen = expected["seen"]
    counted = seen | ~(expected["edgeDistance"] < 0)
    visit_index, row = batch.visit_index(expected["visit"]), expected["detectorRow"]
    n_visits, n_detectors = len(batch.visits), len(batch.outlines)
    sources = batch.detectors["nSources"]
    of_visit = batch.visit_index(batch.detectors["visit"])
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
    batch: VisitBatch,
    expected: Columns,
    detectors: Collection[int] | None,
    run_id: str,
    now: datetime,
) -> Columns:
    """Notes that locked visits, or some of their detectors, are done, with their counts.

    A visit is done once all of its detectors are. ``expected`` is that of :class:`ssdb.association.match.Matches`,
    ``now`` is UTC. Returns the counts of the visits, shape (v,), as far as they were associated now.
    """
    of_visits, of_detectors = count(batch, expected)
    wanted = np.ones(len(batch.outlines), bool)
    if detectors is not None:
        wanted = np.isin(batch.detectors["detector"], list(detectors))
        index = batch.visit_index(batch.detectors["visit"][wanted])
        sources = np.bincount(index, weights=of_detectors["nSources"][wanted], minlength=len(batch.visits))
        of_visits["nSources"] = sources.astype(np.int64)
    visits_of_rows, detectors_of_rows = (batch.detectors[name][wanted] for name in ("visit", "detector"))
    counts: Columns = {name: of_detectors[name][wanted].astype(float) for name in COUNTS}
    for name in COUNTS[1:]:
        counts[name][~batch.has_footprint[wanted]] = np.nan
    set_detectors_done(connection, visits_of_rows, detectors_of_rows, counts, run_id, now)
    if detectors is None:
        whole = {name: of_visits[name].astype(np.int32) for name in COUNTS}
        set_done(connection, batch.visits, whole, run_id, now)
    else:
        set_done_with_detectors(connection, batch.visits.tolist(), run_id, now)
    return of_visits
