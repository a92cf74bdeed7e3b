"""VisitDetector: footprints and state of detectors, and totals of each detector's sources.

The totals are count, first and last time, largest variance, range of identifiers. Association needs those of every
detector, and would have to look at all sources of a visit to find them; ingest finds identifiers by their ranges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.equal_rows import begins
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_field
from ssdb.schema.source_counts import COUNTED, N_BYTES, SourceCounts, source_counts
from ssdb.schema.survey import DONE, PENDING, visit_detector
from ssdb.store.query_plans import Selected, among_visits, one_of
from ssdb.store.transfer.array_parameters import same_rows
from ssdb.store.transfer.read import read_arrays, read_batches
from ssdb.units import ARCSEC_PER_DEG, Columns

_ARCSEC2_PER_DEG2 = ARCSEC_PER_DEG**2

_HOW = {
    "nDiaSources": np.add,
    "firstSourceMjdTai": np.minimum,
    "lastSourceMjdTai": np.maximum,
    "maxSourceVariance": np.maximum,
    "sourceCounts": np.add,
    "firstDiaSourceId": np.minimum,
    "lastDiaSourceId": np.maximum,
}
"""How the totals of parts are those of the whole."""

_EXTREMES = ("firstSourceMjdTai", "lastSourceMjdTai", "maxSourceVariance")
_RANGE = ("firstDiaSourceId", "lastDiaSourceId")
_NONE = {"nDiaSources": 0} | dict.fromkeys((*_EXTREMES, "sourceCounts", "depth", *_RANGE))

NO_RESULT = {
    "status": PENDING,
    "runId": None,
    "associatedAt": None,
    "nSources": None,
    "nTotalSsObjects": None,
    "nAssociatedSsObjects": None,
}
"""The state of a visit or detector that is not associated."""

DONE_BY = {"status": DONE, "runId": sa.bindparam("run"), "associatedAt": sa.bindparam("now")}
"""The state of one that is, but for its counts."""

_COUNTED_BY = ("visit", "detector", "midpointMjdTai", "diaSourceId")
_ERRORS = ("raErr", "decErr")

_NAN = sa.literal(float("nan"), sa.Double)
"""Stands for an unknown number in what is sent; for SQLite's driver it is NULL."""

FEW_VISITS = 500
"""So many are named in a statement, which then reads no others; of more a table is joined with, a temporary one say."""

_UNKNOWN = -1
"""Stands for an unknown count in what is sent: arrays have no NULL."""

_PLACE = ("footprint", "capRa", "capDec", "capRadius", "width", "height", "pixelScale")
"""What decides which objects are on a detector."""


def merge_detectors(connection: sa.Connection, new: sa.Table) -> None:
    """Adds the detectors of a staged table that are not stored, and brings stored ones to its values."""
    same = _same(new)
    values = {column.name: column for column in new.columns if column.name not in ("visit", "detector")}
    connection.execute(sa.update(visit_detector).where(same).values(values))
    add_missing_detectors(connection, new, [column.name for column in new.columns])


def add_missing_detectors(
    connection: sa.Connection, new: sa.FromClause, columns: Sequence[str] = ("visit", "detector")
) -> None:
    """Adds those detectors of some rows that are not stored."""
    missing = sa.select(*(new.c[name] for name in columns)).where(~sa.exists().where(_same(new)))
    connection.execute(sa.insert(visit_detector).from_select([*columns], missing))


def visits_with_new_places(connection: sa.Connection, new: sa.Table) -> list[int]:
    """The visits with staged detectors that are not stored, or with another outline."""
    place = [column for column in new.columns if column.name in _PLACE]
    unmoved = (visit_detector.c[column.name].is_not_distinct_from(column) for column in place)
    known = sa.exists().where(_same(new), *unmoved)
    return list(connection.scalars(sa.select(new.c.visit).where(~known).distinct()))


def visits_of(rows: sa.FromClause, visits: np.ndarray) -> sa.Select | list[int]:
    """The visits in some rows, which are ``visits``, for ``in_``."""
    numbers = np.unique(visits)
    return numbers.tolist() if len(numbers) <= FEW_VISITS else sa.select(rows.c.visit)


def _same(new: sa.FromClause) -> sa.ColumnElement[bool]:
    return (visit_detector.c.visit == new.c.visit) & (visit_detector.c.detector == new.c.detector)


def delete_visits(connection: sa.Connection, visits: sa.Select | sa.BindParameter | Sequence[int]) -> dict[str, int]:
    """Removes the detectors of visits that are deleted; how many there were."""
    statement = sa.delete(visit_detector).where(visit_detector.c.visit.in_(visits))
    return {visit_detector.name: connection.execute(statement).rowcount}


# ---- state; only for the module of Visit, but that which is of detectors alone ---------------------------------------


def mark_pending(
    connection: sa.Connection, visits: sa.Select | sa.BindParameter | Sequence[int], detectors: sa.Select | None = None
) -> None:
    """As :func:`ssdb.store.tables.visits.mark_pending`, of the detectors alone."""
    key = sa.tuple_(visit_detector.c.visit, visit_detector.c.detector)
    concerned = [visit_detector.c.visit.in_(visits), *([] if detectors is None else [key.in_(detectors)])]
    done = visit_detector.c.status != PENDING
    connection.execute(sa.update(visit_detector).where(done, *concerned).values(status=PENDING))


def forget_results(connection: sa.Connection, visits: sa.Select | sa.BindParameter | Sequence[int]) -> None:
    """As :func:`ssdb.store.tables.visits.forget_results`, of the detectors alone."""
    connection.execute(sa.update(visit_detector).where(visit_detector.c.visit.in_(visits)).values(NO_RESULT))


def associated_with(connection: sa.Connection, visits: Sequence[int]) -> Sequence[int]:
    """The detectors of visits that are associated and have a footprint."""
    here = (
        visit_detector.c.visit.in_(visits),
        visit_detector.c.status == DONE,
        visit_detector.c.footprint.is_not(None),
    )
    return connection.scalars(sa.select(visit_detector.c.detector).where(*here)).all()


def set_done(
    connection: sa.Connection,
    visits: np.ndarray,
    detectors: np.ndarray,
    counts: Mapping[str, np.ndarray],
    run_id: str,
    now: datetime,
) -> None:
    """Notes that detectors, shape (d,), of locked visits are associated, with their counts, NaN where unknown.

    The counts are nSources, nTotalSsObjects and nAssociatedSsObjects; ``now`` is UTC.
    """
    sent = {name: np.nan_to_num(values, nan=_UNKNOWN).astype(np.int32) for name, values in counts.items()}
    with same_rows(connection, "new_VisitDetector", {"visit": visits, "detector": detectors, **sent}) as (new, values):
        statement = _set_done(new, tuple(counts))
        connection.execute(statement, {"run": run_id, "now": now, **values})


@lru_cache
def _set_done(new: sa.FromClause, counts: tuple[str, ...]) -> sa.Update:
    counted = {name: sa.func.nullif(new.c[name], _UNKNOWN) for name in counts}
    return sa.update(visit_detector).where(_same(new)).values(DONE_BY | counted)


# ---- totals ----------------------------------------------------------------------------------------------------------


def totals_of(rows: pa.Table) -> Columns:
    """What sources are together, by detector.

    Takes columns of DiaSource: diaSourceId, visit, detector, midpointMjdTai (MJD TAI), and what there is of raErr,
    decErr (deg) and the columns of :mod:`ssdb.schema.source_counts`. Gives, by (visit, detector) ascending: visit,
    detector, nDiaSources, firstSourceMjdTai, lastSourceMjdTai (MJD TAI), maxSourceVariance (arcsec^2),
    firstDiaSourceId, lastDiaSourceId, shape (d,), and sourceCounts, the numbers of
    :class:`ssdb.schema.source_counts.SourceCounts`.
    """
    # In numpy: for the sources of one detector Arrow takes two milliseconds to begin with.
    visit, detector, time, source = (rows.column(name).to_numpy() for name in _COUNTED_BY)
    variance = _ARCSEC2_PER_DEG2 * (_squares(rows, "raErr") + _squares(rows, "decErr"))
    order = np.lexsort((detector, visit))
    begin = begins(visit[order], detector[order])
    group = np.empty(len(order), np.intp)
    group[order] = np.cumsum(begin) - 1
    first = np.flatnonzero(begin)
    of_detectors: Columns = {"visit": visit[order[first]], "detector": detector[order[first]]}
    of_detectors["nDiaSources"] = np.bincount(group, minlength=len(first)).astype(np.int32)
    for values, names in ((time, _EXTREMES[:2]), (variance, _EXTREMES[2:]), (source, _RANGE)):
        for name in names:
            of_detectors[name] = _HOW[name].reduceat(values[order], first)
    return of_detectors | {"sourceCounts": source_counts(rows, group, len(first)).numbers}


def joined_totals(parts: Sequence[Columns]) -> Columns:
    """The totals of a whole input, by (visit, detector) ascending, from those of its parts, at least one."""
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort((columns["detector"], columns["visit"]))
    columns = {name: values[order] for name, values in columns.items()}
    first = np.flatnonzero(begins(columns["visit"], columns["detector"]))
    totals = {name: columns[name][first] for name in ("visit", "detector")}
    return totals | {n: how.reduceat(columns[n], first).astype(columns[n].dtype) for n, how in _HOW.items()}


def add_totals(connection: sa.Connection, totals: Columns) -> None:
    """Adds the totals of new sources, as of :func:`totals_of`, to those of their detectors; all are stored.

    Visits whose counts were lost, or are older than these columns, are counted anew.
    """
    if not len(totals["visit"]):
        return
    keys = {name: totals[name] for name in ("visit", "detector")}
    with same_rows(connection, "changed_detector", keys) as (changed, values):
        among, of_visits = among_visits(visits_of(changed, totals["visit"]))
        before = read_arrays(connection, _select_totals(changed, among), values | of_visits, bounded=True)
    before["sourceCounts"] = SourceCounts.unpack(before["sourceCounts"]).numbers
    incomplete = np.unique(before["visit"][before.pop("lost") > 0])
    _set_totals(connection, joined_totals([totals, before]))
    count_anew(connection, incomplete.tolist())


@lru_cache
def _select_totals(changed: sa.FromClause, among: Selected | int) -> sa.Select:
    columns = (visit_detector.c[name] for name in ("visit", "detector", "nDiaSources", *_EXTREMES))
    ids = (sa.func.coalesce(visit_detector.c[name], 0).label(name) for name in _RANGE)  # of those that are lost
    has_some = visit_detector.c.nDiaSources > 0
    lost = sa.case((_has_counts() & has_range(), 0), else_=1).label("lost")
    here = one_of(visit_detector.c.visit, among)
    return sa.select(*columns, *ids, stored_counts(), lost).where(_same(changed), has_some, here)


@cache
def stored_counts() -> sa.Label:
    """VisitDetector.sourceCounts for :meth:`SourceCounts.unpack`; no bytes where it is unknown, or damaged by SQL."""
    column = visit_detector.c.sourceCounts
    whole = sa.case((_has_counts(), column), else_=sa.literal(b"", sa.LargeBinary))
    return sa.type_coerce(whole, sa.LargeBinary(N_BYTES)).label(column.name)


def has_range() -> sa.ColumnElement[bool]:
    """Whether a detector's range of identifiers is known, if it has sources: an older ssdb did not keep it."""
    return visit_detector.c.firstDiaSourceId.is_not(None)


def _has_counts() -> sa.ColumnElement[bool]:
    return sa.func.length(visit_detector.c.sourceCounts) == N_BYTES


def _set_totals(connection: sa.Connection, totals: Columns) -> None:
    counts = SourceCounts(totals["sourceCounts"])
    packed = np.array(counts.pack(), f"V{N_BYTES}")
    rows = totals | {"sourceCounts": packed, "depth": counts.depth.astype(np.float32).astype(np.float64)}
    with same_rows(connection, "totals_of_detector", rows) as (new, values):
        among, of_visits = among_visits(visits_of(new, totals["visit"]))
        connection.execute(_update_totals(new, among), values | of_visits)


@lru_cache
def _update_totals(new: sa.FromClause, among: Selected | int) -> sa.Update:
    values: dict[str, sa.ColumnElement[Any]] = {name: new.c[name] for name in _NONE}
    values["depth"] = sa.func.nullif(new.c.depth, _NAN)
    return sa.update(visit_detector).where(_same(new), one_of(visit_detector.c.visit, among)).values(values)


def clear_totals(connection: sa.Connection, detectors: sa.Select) -> None:
    """Notes that the (visit, detector) that a statement selects have no sources any more."""
    key = sa.tuple_(visit_detector.c.visit, visit_detector.c.detector)
    connection.execute(sa.update(visit_detector).where(key.in_(detectors)).values(_NONE))


def count_anew(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Computes the totals of visits from all their sources."""
    for visit in visits:
        totals = _counted(connection, visit)
        key = visit_detector.c.visit == visit
        connection.execute(sa.update(visit_detector).where(key).values(_NONE))
        add_totals(connection, totals)


def count_lost(connection: sa.Connection, visits: Sequence[int]) -> bool:
    """Counts the sources of those visits anew whose counts were lost or are of an older ssdb; whether there are any."""
    column = visit_detector.c
    lost = (column.visit.in_(visits), column.nDiaSources > 0, sa.case((_has_counts(), 0), else_=1) > 0)
    found = connection.scalars(sa.select(column.visit).where(*lost).distinct().order_by(column.visit)).all()
    count_anew(connection, found)
    return bool(found)


def miscounted(connection: sa.Connection) -> Iterator[dict[str, object]]:
    """The detectors whose sourceCounts or depth are not those of their sources, by (visit, detector).

    Where sourceCounts is NULL nothing was counted yet: of the sources of older versions of ssdb.
    """
    column = visit_detector.c
    of_all = sa.select(column.visit).where(column.sourceCounts.is_not(None) | column.depth.is_not(None)).distinct()
    for visit in connection.scalars(of_all.order_by(column.visit)).all():
        totals = _counted(connection, visit)
        counts = SourceCounts(totals["sourceCounts"])
        wanted = dict(zip(totals["detector"].tolist(), zip(counts.pack(), _depths(counts), strict=True), strict=True))
        stored = sa.select(column.detector, column.sourceCounts, column.depth).where(column.visit == visit)
        for detector, packed, depth in connection.execute(stored.order_by(column.detector)).all():
            right = (None, None) if packed is None else wanted.get(detector, (None, None))
            # PostgreSQL's driver gives the shortest decimal of a number of single precision.
            known = None if depth is None else float(np.float32(depth))
            if (packed, known) != right:
                yield {"visit": visit, "detector": detector, "depth": depth, "depthOfSources": right[1]}


def _counted(connection: sa.Connection, visit: int) -> Columns:
    """The totals of a visit from all its sources."""
    source = dia_source.c
    columns = [source[name] for name in (*_COUNTED_BY, *_ERRORS, *COUNTED)]
    schema = pa.schema([arrow_field(column) for column in columns])
    found = sa.select(*columns).where(source.visit == visit)
    return joined_totals([totals_of(rows) for rows in read_batches(connection, found, schema)])


def _depths(counts: SourceCounts) -> list[float | None]:
    """VisitDetector.depth, of single precision."""
    return pa.array(counts.depth.astype(np.float32), from_pandas=True).to_pylist()


def _squares(rows: pa.Table, name: str) -> np.ndarray:
    if name not in rows.schema.names:
        return np.zeros(rows.num_rows)
    return np.fmax(rows.column(name).to_numpy().astype(np.float64), 0.0) ** 2
