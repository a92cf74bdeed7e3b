"""VisitDetector: footprints and state of detectors, and totals of each detector's sources.

The totals are count, first and last time, largest variance. Association needs those of every detector, and would have
to look at all sources of a visit to find them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.equal_rows import begins
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import DONE, PENDING, visit_detector
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG

_ARCSEC2_PER_DEG2 = ARCSEC_PER_DEG**2

_EXTREMES = ("firstSourceMjdTai", "lastSourceMjdTai", "maxSourceVariance")
_NONE = {"nDiaSources": 0} | dict.fromkeys(_EXTREMES)

NO_RESULT = {
    "status": PENDING,
    "runId": None,
    "associatedAt": None,
    "nSources": None,
    "nTotalSsObjects": None,
    "nAssociatedSsObjects": None,
}
"""The state of a visit or detector that is not associated."""

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
    connection: sa.Connection, new: sa.Table, columns: Sequence[str] = ("visit", "detector")
) -> None:
    """Adds those detectors of a staged table that are not stored."""
    missing = sa.select(*(new.c[name] for name in columns)).where(~sa.exists().where(_same(new)))
    connection.execute(sa.insert(visit_detector).from_select([*columns], missing))


def visits_with_new_places(connection: sa.Connection, new: sa.Table) -> list[int]:
    """The visits with staged detectors that are not stored, or with another outline."""
    place = [column for column in new.columns if column.name in _PLACE]
    unmoved = (visit_detector.c[column.name].is_not_distinct_from(column) for column in place)
    known = sa.exists().where(_same(new), *unmoved)
    return list(connection.scalars(sa.select(new.c.visit).where(~known).distinct()))


def _same(new: sa.FromClause) -> sa.ColumnElement[bool]:
    return (visit_detector.c.visit == new.c.visit) & (visit_detector.c.detector == new.c.detector)


def delete_visits(connection: sa.Connection, visits: sa.Select | Sequence[int]) -> dict[str, int]:
    """Removes the detectors of visits that are deleted; how many there were."""
    statement = sa.delete(visit_detector).where(visit_detector.c.visit.in_(visits))
    return {visit_detector.name: connection.execute(statement).rowcount}


# ---- state; only for the module of Visit, but that which is of detectors alone ---------------------------------------


def mark_pending(
    connection: sa.Connection, visits: sa.Select | Sequence[int], detectors: sa.Select | None = None
) -> None:
    """As :func:`ssdb.store.tables.visits.mark_pending`, of the detectors alone."""
    key = sa.tuple_(visit_detector.c.visit, visit_detector.c.detector)
    concerned = visit_detector.c.visit.in_(visits) if detectors is None else key.in_(detectors)
    done = visit_detector.c.status != PENDING
    connection.execute(sa.update(visit_detector).where(done, concerned).values(status=PENDING))


def forget_results(connection: sa.Connection, visits: sa.Select | Sequence[int]) -> None:
    """As :func:`ssdb.store.tables.visits.forget_results`, of the detectors alone."""
    connection.execute(sa.update(visit_detector).where(visit_detector.c.visit.in_(visits)).values(NO_RESULT))


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
    with array_rows(connection, "new_VisitDetector", {"visit": visits, "detector": detectors, **sent}) as new:
        values = {"status": DONE, "runId": run_id, "associatedAt": now}
        values |= {name: sa.func.nullif(new.c[name], _UNKNOWN) for name in counts}
        connection.execute(sa.update(visit_detector).where(_same(new)).values(values))


# ---- totals ----------------------------------------------------------------------------------------------------------


def totals_of(rows: pa.Table) -> pa.Table:
    """What sources are together, by detector, in no order.

    Takes columns of DiaSource: diaSourceId, visit, detector, midpointMjdTai (MJD TAI), and raErr, decErr (deg) if they
    are there. Gives visit, detector, nDiaSources, firstSourceMjdTai, lastSourceMjdTai (MJD TAI), maxSourceVariance
    (arcsec^2).
    """
    # In numpy: for the sources of one detector Arrow takes two milliseconds to begin with.
    visit, detector, time = (rows.column(name).to_numpy() for name in ("visit", "detector", "midpointMjdTai"))
    order = np.lexsort((detector, visit))
    visit, detector, time = visit[order], detector[order], time[order]
    first = np.flatnonzero(begins(visit, detector))
    variance = _ARCSEC2_PER_DEG2 * (_squares(rows, "raErr") + _squares(rows, "decErr"))
    return pa.table(
        {
            "visit": visit[first],
            "detector": detector[first],
            "nDiaSources": np.diff(first, append=len(order)).astype(np.int32),
            "firstSourceMjdTai": np.minimum.reduceat(time, first),
            "lastSourceMjdTai": np.maximum.reduceat(time, first),
            "maxSourceVariance": np.maximum.reduceat(variance[order], first),
        }
    )


def joined_totals(parts: list[pa.Table]) -> pa.Table:
    """The totals of a whole input, from those of its parts, at least one."""
    how = {"nDiaSources": "sum", "firstSourceMjdTai": "min", "lastSourceMjdTai": "max", "maxSourceVariance": "max"}
    grouped = pa.concat_tables(parts).group_by(["visit", "detector"]).aggregate([*how.items()])
    joined = grouped.rename_columns(["visit", "detector", *how])
    return joined.set_column(2, "nDiaSources", joined.column("nDiaSources").cast(pa.int32()))


def add_totals(connection: sa.Connection, totals: pa.Table) -> None:
    """Adds the totals of new sources, as of :func:`totals_of`, to those of their detectors, which are stored."""
    if not totals.num_rows:
        return
    columns = {name: totals.column(name).to_numpy() for name in totals.schema.names}
    with array_rows(connection, "new_total", columns) as new:
        old = visit_detector.c
        values: dict[str, Any] = {"nDiaSources": old.nDiaSources + new.c.nDiaSources}
        for name, sooner in (("firstSourceMjdTai", True), ("lastSourceMjdTai", False), ("maxSourceVariance", False)):
            further = new.c[name] < old[name] if sooner else new.c[name] > old[name]
            values[name] = sa.case((old[name].is_(None) | further, new.c[name]), else_=old[name])
        connection.execute(sa.update(visit_detector).where(_same(new)).values(values))


def clear_totals(connection: sa.Connection, detectors: sa.Select) -> None:
    """Notes that the (visit, detector) that a statement selects have no sources any more."""
    key = sa.tuple_(visit_detector.c.visit, visit_detector.c.detector)
    connection.execute(sa.update(visit_detector).where(key.in_(detectors)).values(_NONE))


def count_anew(connection: sa.Connection, visits: sa.Select) -> None:
    """Computes the totals of the visits that a statement selects, each once, from all their sources."""
    source = dia_source.c
    # Multiplied as doubles: in single precision the square of a tiny error is an underflow, which PostgreSQL refuses.
    errors = [sa.func.coalesce(sa.cast(error, sa.Double), 0.0) for error in (source.raErr, source.decErr)]
    variance = sa.func.max(errors[0] * errors[0] + errors[1] * errors[1], type_=sa.Double) * _ARCSEC2_PER_DEG2
    found = (
        sa.select(
            source.visit,
            source.detector,
            sa.cast(sa.func.count(), sa.Integer).label("nDiaSources"),
            sa.func.min(source.midpointMjdTai).label("firstSourceMjdTai"),
            sa.func.max(source.midpointMjdTai).label("lastSourceMjdTai"),
            variance.label("maxSourceVariance"),
        )
        .where(source.visit.in_(visits))
        .group_by(source.visit, source.detector)
    )
    totals = pa.table(read_arrays(connection, found))
    connection.execute(sa.update(visit_detector).where(visit_detector.c.visit.in_(visits)).values(_NONE))
    add_totals(connection, totals)


def _squares(rows: pa.Table, name: str) -> np.ndarray:
    if name not in rows.schema.names:
        return np.zeros(rows.num_rows)
    return np.fmax(rows.column(name).to_numpy().astype(np.float64), 0.0) ** 2
