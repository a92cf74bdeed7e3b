"""Visit: the rows, their state, and the locks on them.

The row of a visit is the lock on everything that belongs to the visit. Whoever writes its sources, predictions or
footprints locks the visits in ascending order first; association claims pending visits, and skips those
that another process has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import NotFoundError, shown
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import DONE, PENDING, outside_padding, ss_expected, visit, visit_detector
from ssdb.store.ddl.partitions import Partition, make_partitions
from ssdb.store.locks import lock, waiting
from ssdb.store.query_plans import Listed, Visits, among_visits, as_text, named, one_of, visit_parameters, visit_values
from ssdb.store.tables import detectors as of_detectors
from ssdb.store.transfer.array_parameters import array_rows, same_rows
from ssdb.store.transfer.write import write_rows

_WITHOUT_PREDICTIONS = (
    sa.select(sa.func.count()).select_from(visit).where(visit.c.status == PENDING, visit.c.predictionsAt.is_(None))
)


def lock_creation(connection: sa.Connection) -> None:
    """Keeps others from creating visits until the end of the transaction; to be taken before any visit is locked.

    A visit that another transaction is creating can be neither seen nor locked, and creating it too would fail.
    """
    lock(connection, "visits")


def lock_visits(connection: sa.Connection, visits: np.ndarray) -> dict[str, np.ndarray]:
    """Locks visits (each once), in ascending order, until the end of the transaction, and makes their partitions.

    Visits that do not exist (yet) get partitions, too. Returns ``visit`` and ``midpointMjdTai`` (MJD TAI) of those that
    exist, ascending.
    """
    # SQLite has no row locks and needs none: its writing transaction is alone.
    with waiting(connection, "visits"):
        among, values = among_visits(named(visits))
        locked = connection.execute(_lock(among), values).all()
    make_partitions(connection, visits)
    return {
        "visit": np.array([row.visit for row in locked], np.int64),
        "midpointMjdTai": np.array([row.midpointMjdTai for row in locked], np.float64),
    }


@lru_cache
def _lock(among: Listed) -> sa.Select:
    columns = sa.select(visit.c.visit, visit.c.midpointMjdTai).where(one_of(visit.c.visit, among))
    return columns.order_by(visit.c.visit).with_for_update()


def among(number: sa.ColumnElement[Any], numbers: Iterable[int]) -> sa.ColumnElement[bool]:
    """Whether a number is one of any number of others."""
    return number.in_(as_text(numbers))


def in_nights(nights: Iterable[int]) -> sa.ColumnElement[bool]:
    """Whether a visit of Visit is in one of any number of nights (integer parts of MJD TAI)."""
    return among(sa.func.floor(visit.c.midpointMjdTai), nights)


def pending_visits(connection: sa.Connection, *, done: bool = False) -> list[int]:
    """The visits that wait for association (or are ``done``) and have predictions, ascending; nothing is locked."""
    wanted = sa.true() if done else visit.c.status == PENDING
    ready = sa.select(visit.c.visit).where(wanted, visit.c.predictionsAt.is_not(None))
    return list(connection.scalars(ready.order_by(visit.c.visit)))


def complete_visits(connection: sa.Connection) -> dict[int, int]:
    """The visits that wait for association and have predictions and sources, ascending, and how many sources."""
    waiting = np.array(pending_visits(connection), np.int64)
    column = visit_detector.c
    counted = sa.select(column.visit, sa.func.sum(column.nDiaSources)).where(column.visit.in_(named(waiting)))
    counted = counted.where(column.nDiaSources > 0).group_by(column.visit).order_by(column.visit)
    return {number: int(n) for number, n in connection.execute(counted)} if len(waiting) else {}


def have_predictions(connection: sa.Connection, visits: Sequence[int]) -> dict[int, bool]:
    """Which of any number of visits exist, and whether their predictions have been loaded."""
    loaded = sa.select(visit.c.visit, visit.c.predictionsAt.is_not(None)).where(among(visit.c.visit, visits))
    return {visit_id: bool(known) for visit_id, known in connection.execute(loaded)}


def count_without_predictions(connection: sa.Connection) -> int:
    """How many pending visits wait for their predictions to be loaded."""
    return connection.execute(_WITHOUT_PREDICTIONS).scalar_one()


def claim_visits(connection: sa.Connection, visits: Sequence[int], *, only_pending: bool) -> list[int]:
    """Locks those of some visits that are to be associated, and returns them, ascending.

    With ``only_pending`` visits are left out that are done by now, or locked by another transaction; otherwise that one
    is waited for.
    """
    with waiting(connection, "visits"):
        return list(connection.scalars(_claim(len(visits), only_pending), visit_values(visits)))


@lru_cache
def _claim(n_visits: int, only_pending: bool) -> sa.Select:
    of_visits = visit.c.visit.in_(visit_parameters(n_visits))
    statement = sa.select(visit.c.visit).where(of_visits, visit.c.predictionsAt.is_not(None))
    if only_pending:
        statement = statement.where(visit.c.status == PENDING)
    return statement.order_by(visit.c.visit).with_for_update(skip_locked=only_pending)


def merge_visits(connection: sa.Connection, new: sa.Table) -> None:
    """Adds the visits of a staged table that are not stored, and brings stored ones to its values.

    What a new time means for their sources and state has to be done before.
    """
    same = visit.c.visit == new.c.visit
    values = {column.name: column for column in new.columns if column.name != "visit"}
    connection.execute(sa.update(visit).where(same).values(values))
    missing = sa.select(new).where(~sa.exists().where(same))
    connection.execute(sa.insert(visit).from_select([column.name for column in new.columns], missing))


def create_visits(connection: sa.Connection, rows: pa.Table) -> None:
    """Adds visits that are not stored; the connection holds the lock of :func:`lock_creation`."""
    write_rows(connection, visit, rows)


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes visits of which nothing else is left; how many there were."""
    return {visit.name: connection.execute(sa.delete(visit).where(visit.c.visit.in_(visits))).rowcount}


def mark_pending(
    connection: sa.Connection, visits: Visits, detectors: sa.Select | None = None, *, objects: bool = False
) -> None:
    """Sets locked visits, and all or some of their (visit, detector) pairs, back to pending.

    With ``objects`` also as to their DiaObjects. What was derived stays until it is renewed.
    """
    among, values = among_visits(visits)
    connection.execute(_update_to_pending(among, objects), values)
    of_detectors.mark_pending(connection, visits, detectors)


@lru_cache
def _update_to_pending(among: Listed, objects: bool) -> sa.Update:
    states = [visit.c.status, visit.c.diaStatus] if objects else [visit.c.status]
    done = sa.or_(*(state != PENDING for state in states))
    return sa.update(visit).where(done, one_of(visit.c.visit, among)).values({state.name: PENDING for state in states})


def forget_results(connection: sa.Connection, visits: Visits) -> None:
    """Sets visits and their detectors back to pending, without run and counts: what was derived has been removed."""
    connection.execute(sa.update(visit).where(visit.c.visit.in_(visits)).values(of_detectors.NO_RESULT))
    of_detectors.forget_results(connection, visits)


def note_predictions(
    connection: sa.Connection, visits: Visits, by: str | None, *, complete: bool = False, mixed: bool = False
) -> None:
    """Notes that locked visits have predictions now. Only for the module that writes these.

    ``by`` are the versions of ssdb and its data that made them (None: somebody else did), with ``mixed`` noted only
    where it was ssdb already. With ``complete`` all visits that had none so far have theirs now, too.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    concerned: sa.ColumnElement[bool] = visit.c.visit.in_(visits)
    if complete:
        concerned |= visit.c.predictionsAt.is_(None)
    made_by = sa.case((visit.c.predictedBy.is_not(None), by)) if mixed else by
    connection.execute(sa.update(visit).where(concerned).values(predictionsAt=now, predictedBy=made_by))


def set_done(
    connection: sa.Connection, visits: np.ndarray, counts: Mapping[str, np.ndarray], run_id: str, now: datetime
) -> None:
    """As :func:`ssdb.store.tables.detectors.set_done`, of visits, shape (v,)."""
    with same_rows(connection, "new_Visit", {"visit": visits, **counts}) as (new, values):
        statement = _set_done(new, tuple(counts))
        connection.execute(statement, {"run": run_id, "now": now, **values})


@lru_cache
def _set_done(new: sa.FromClause, counts: tuple[str, ...]) -> sa.Update:
    counted = {name: new.c[name] for name in counts}
    return sa.update(visit).where(visit.c.visit == new.c.visit).values(of_detectors.DONE_BY | counted)


def set_done_with_detectors(connection: sa.Connection, visits: Sequence[int], run_id: str, now: datetime) -> None:
    """Notes that those visits are associated whose detectors all are, with the counts of what is stored."""
    its_detectors = visit_detector.c.visit == visit.c.visit
    unfinished = sa.exists().where(its_detectors, visit_detector.c.status == PENDING)
    n_sources = sa.select(sa.cast(sa.func.sum(visit_detector.c.nSources), sa.Integer)).where(its_detectors)
    seen = ss_expected.c.diaSourceId.is_not(None)
    # Not the sums over the detectors: objects may be on none, where one of them has no footprint.
    counts = {
        "nTotalSsObjects": sa.func.count().filter(seen | outside_padding()),
        "nAssociatedSsObjects": sa.func.count().filter(seen),
    }
    of_visits = sa.select(ss_expected.c.visit, *counts.values()).where(ss_expected.c.visit.in_(visits))
    found = {row[0]: row[1:] for row in connection.execute(of_visits.group_by(ss_expected.c.visit))}
    numbers = np.array([found.get(one, (0, 0)) for one in visits], np.int32).reshape(-1, 2)
    rows = {"visit": np.array(visits, np.int64)} | dict(zip(counts, numbers.T, strict=True))
    with array_rows(connection, "finished_Visit", rows) as new:
        values = {"status": DONE, "runId": run_id, "associatedAt": now, "nSources": n_sources.scalar_subquery()}
        values |= {name: new.c[name] for name in counts}
        these = (visit.c.visit == new.c.visit, ~unfinished)
        connection.execute(sa.update(visit).where(*these).values(values))


# ---- ranges of identifiers -------------------------------------------------------------------------------------------


def set_ranges(connection: sa.Connection, visits: Visits) -> None:
    """Brings the ranges of locked visits to those of their detectors."""
    among, values = among_visits(visits)
    connection.execute(_update_ranges(among), values)


@lru_cache
def _update_ranges(among: Listed) -> sa.Update:
    column = visit_detector.c
    found = (
        sa.select(
            visit.c.visit,
            sa.func.min(column.firstDiaSourceId).label("first"),
            sa.func.max(column.lastDiaSourceId).label("last"),
            # Of these the range of the visit, which an upgrade has set, is all that is known.
            sa.func.count(sa.case(((column.nDiaSources > 0) & ~of_detectors.has_range(), 1))).label("unknown"),
        )
        .join_from(visit, visit_detector, column.visit == visit.c.visit)
        .where(one_of(visit.c.visit, among))
        .group_by(visit.c.visit)
        .subquery()
    )
    first, last = visit.c.firstDiaSourceId, visit.c.lastDiaSourceId
    known = found.c.unknown == 0
    ends = {
        first.name: sa.case((known | (found.c.first < first), found.c.first), else_=first),
        last.name: sa.case((known | (found.c.last > last), found.c.last), else_=last),
    }
    changed = first.is_distinct_from(ends[first.name]) | last.is_distinct_from(ends[last.name])
    return sa.update(visit).where(visit.c.visit == found.c.visit, changed).values(ends)


def set_unknown_ranges(connection: sa.Connection, partition: Partition) -> None:
    """Gives those visits of a partition whose range is unknown that of the whole partition."""
    source = dia_source.c.diaSourceId
    first, last = (sa.select(end(source)).where(partition.rows_of(dia_source)) for end in (sa.func.min, sa.func.max))
    has_some = sa.exists().where(visit_detector.c.visit == visit.c.visit, visit_detector.c.nDiaSources > 0)
    unknown = (partition.rows_of(visit), visit.c.firstDiaSourceId.is_(None), has_some)
    ends = {"firstDiaSourceId": first.scalar_subquery(), "lastDiaSourceId": last.scalar_subquery()}
    connection.execute(sa.update(visit).where(*unknown).values(ends))


# ---- state of DiaObjects -------------------------------------------------------------------------------------------


def claim_for_objects(connection: sa.Connection, visit_id: int, *, wait: bool) -> sa.Row | None:
    """Locks a visit whose sources are to be given to DiaObjects; None if it is gone or, without ``wait``, another's.

    Gives midpointMjdTai, status, diaStatus and diaRunId.
    """
    columns = (visit.c.midpointMjdTai, visit.c.status, visit.c.diaStatus, visit.c.diaRunId)
    statement = sa.select(*columns).where(visit.c.visit == visit_id).with_for_update(skip_locked=not wait)
    with waiting(connection, f"visit {visit_id}"):
        return connection.execute(statement).one_or_none()


def lock_if_free(connection: sa.Connection, visits: np.ndarray) -> bool:
    """Locks visits, or says that another transaction has one of them. For who has locked what comes after visits."""
    free = sa.select(visit.c.visit).where(among(visit.c.visit, visits.tolist())).with_for_update(skip_locked=True)
    return len(connection.scalars(free).all()) == len(visits)


def set_objects_done(
    connection: sa.Connection, visit_id: int, counts: Mapping[str, int], run_id: str, now: datetime
) -> None:
    """Notes that the sources of a locked visit have been given to DiaObjects."""
    values = {"diaStatus": DONE, "diaRunId": run_id, "diaAssociatedAt": now, **counts}
    connection.execute(sa.update(visit).where(visit.c.visit == visit_id).values(values))


def note_objects_given(connection: sa.Connection, visits: Visits, run_id: str) -> None:
    """Notes that sources of locked visits, of which none had a DiaObject, have some now by somebody else's word."""
    never = visit.c.diaRunId.is_(None)
    connection.execute(sa.update(visit).where(never, visit.c.visit.in_(visits)).values(diaRunId=run_id))


def mark_objects_pending(connection: sa.Connection, visits: Visits) -> None:
    """Sets locked visits back to pending as to their DiaObjects; what was derived stays until it is renewed."""
    done = visit.c.diaStatus != PENDING
    connection.execute(sa.update(visit).where(done, visit.c.visit.in_(visits)).values(diaStatus=PENDING))


def require_visits(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Raises NotFoundError if visits are not in the database."""
    known = set(connection.scalars(sa.select(visit.c.visit).where(among(visit.c.visit, visits))))
    if missing := sorted(set(visits) - known):
        raise NotFoundError(f"visit {shown(missing)} is not in the database")
