"""Counts of what is loaded, associated and pending, and the state of visits and runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ssdb.config import DiaConfig
from ssdb.dia.order import count_late, margin_of
from ssdb.errors import NotFoundError
from ssdb.schema.apdb_dia import dia_object_last, dia_source
from ssdb.schema.apdb_solar_system import ss_object, ss_source
from ssdb.schema.summary import ss_object_change
from ssdb.schema.survey import DONE, association_run, ss_candidate, ss_expected, ss_prediction, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import PARTITIONED, giving_back_locks, in_turns
from ssdb.store.tables.runs import DIA
from ssdb.store.tables.visits import among, require_visits

_COUNTED = {
    "sources": dia_source,
    "predictions": ss_prediction,
    "detectors": visit_detector,
    "expected": ss_expected,
    "candidates": ss_candidate,
    "matches": ss_source,
    "diaObjects": dia_object_last,
    "summarized": ss_object,
}


def status(database: Database) -> dict[str, Any]:
    """Counts of what is in the database.

    ``visits``: how many; of these ``done``, ``pending`` and ``without_predictions`` (pending, and not to be associated
    before their predictions are loaded); ``sources``, ``predictions``, ``detectors``, ``expected``, ``candidates``,
    ``matches``: rows; ``unassociated``: sources without an object; ``pendingSources``: sources of pending visits;
    ``firstMjdTai``, ``lastMjdTai``: the first and last mid-exposure. ``diaObjects``: DiaObjects; ``diaDone``,
    ``diaPending``: visits whose sources have been given to them or not; of the latter ``diaWaiting`` wait for their
    known objects, and ``diaLate`` come too late; ``nUpdatedDiaObjects``,
    ``nNewDiaObjects``, ``nMarginalDiaSources``: sums over the visits. ``summarized``: objects that have a row in
    SSObject; ``objectsDue``: objects that changed since, and ``visitsDue``: visits whose objects did.
    """
    done = visit.c.status == DONE
    waiting = ~done & visit.c.predictionsAt.is_(None)
    with database.reading() as connection:
        row = connection.execute(
            sa.select(
                sa.func.count().label("visits"),
                sa.func.count(sa.case((done, 1))).label("done"),
                sa.func.count(sa.case((~done, 1))).label("pending"),
                sa.func.count(sa.case((waiting, 1))).label("without_predictions"),
                sa.func.coalesce(sa.func.sum(sa.case((done, visit.c.nSources))), 0).label("doneSources"),
                sa.func.min(visit.c.midpointMjdTai).label("firstMjdTai"),
                sa.func.max(visit.c.midpointMjdTai).label("lastMjdTai"),
                sa.func.count(sa.case((visit.c.diaStatus == DONE, 1))).label("diaDone"),
                sa.func.count(sa.case(((visit.c.diaStatus != DONE) & ~done, 1))).label("diaWaiting"),
                *(
                    sa.cast(sa.func.coalesce(sa.func.sum(visit.c[name]), 0), sa.BigInteger).label(name)
                    for name in ("nUpdatedDiaObjects", "nNewDiaObjects", "nMarginalDiaSources")
                ),
            )
        ).one()
        n_late = count_late(connection, margin_of(DiaConfig().radius_arcsec)) if row.diaDone else 0
        counts = {name: _count(connection, table) for name, table in _COUNTED.items()}
        due = [sa.func.count(ss_object_change.c[name].distinct()) for name in ("ssObjectId", "visit")]
        counts |= zip(("objectsDue", "visitsDue"), connection.execute(sa.select(*due)).one(), strict=True)
    answer = dict(row._mapping) | counts
    answer["diaPending"] = answer["visits"] - answer["diaDone"]
    answer["diaLate"] = n_late
    answer["unassociated"] = counts["sources"] - counts["matches"]
    answer["pendingSources"] = counts["sources"] - int(answer.pop("doneSources"))
    return answer


def _count(connection: sa.Connection, table: sa.Table) -> int:
    """How many rows a table has, without keeping locks of all its partitions."""
    n = 0
    counted = sa.select(sa.func.count()).select_from(table)
    if table not in PARTITIONED:
        return connection.execute(counted).scalar_one()
    for turn in in_turns(connection, table):
        with giving_back_locks(connection):
            n += connection.execute(counted.where(turn(table))).scalar_one()
    return n


def visit_status(database: Database, visits: Sequence[int]) -> list[dict[str, Any]]:
    """The rows of Visit of some visits, each with its ``detectors``: its rows of VisitDetector but what programs read.

    NotFoundError if one is not in the database.
    """
    plain = [c for c in visit_detector.columns if c.name not in ("visit", "footprint", "sourceCounts", "wcs")]
    with database.reading() as connection:
        wanted = sa.select(visit).where(among(visit.c.visit, visits)).order_by(visit.c.visit)
        require_visits(connection, visits)
        rows = [dict(row._mapping) for row in connection.execute(wanted)]
        of_visit: dict[int, list[dict[str, Any]]] = {row["visit"]: [] for row in rows}
        columns = (visit_detector.c.visit, *plain, visit_detector.c.footprint.is_not(None).label("hasFootprint"))
        detectors = sa.select(*columns).where(among(visit_detector.c.visit, visits)).order_by(visit_detector.c.detector)
        for detector in connection.execute(detectors).mappings():
            told = dict(detector)
            of_visit[told.pop("visit")].append(told)
    for row in rows:
        row["detectors"] = of_visit[row["visit"]]
    return rows


def run_status(database: Database, run_id: str) -> dict[str, Any]:
    """The row of AssociationRun of a call of associate; ``last`` is the one that started last.

    A run is of one half; ``last-dia`` is the last one of DiaObjects. ``configuration`` and ``timings`` are dicts: of
    every stage ``seconds`` and ``rows``. The counts of known objects have the names that Rubin's task gives them in its
    metadata, ``nExpectedSsObjects`` and ``nAssociatedSsObjects``. What a run that has not ended has not told is None.
    NotFoundError if there is no such run.
    """
    wanted = sa.select(association_run)
    if run_id in ("last", "last-dia"):
        of_dia = association_run.c.half == DIA
        wanted = wanted.where(of_dia if run_id == "last-dia" else sa.func.coalesce(association_run.c.half, "") != DIA)
        wanted = wanted.order_by(association_run.c.startedAt.desc(), association_run.c.runId.desc()).limit(1)
    else:
        wanted = wanted.where(association_run.c.runId == run_id)
    with database.reading() as connection:
        row = connection.execute(wanted).one_or_none()
    if row is None:
        raise NotFoundError(
            "nothing has been associated yet"
            if run_id in ("last", "last-dia")
            else f"run {run_id} is not in the database"
        )
    answer = {
        "nExpectedSsObjects" if name == "nTotalSsObjects" else name: value for name, value in row._mapping.items()
    }
    for name in ("configuration", "timings"):
        answer[name] = None if answer[name] is None else json.loads(answer[name])
    return answer
