"""The main job: which sources are which known objects, for whole exposures, in the database."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.association.exposures import read_candidate_pairs, read_exposures, source_densities
from ssdb.association.match import match, place
from ssdb.association.stages import Stage, Stages
from ssdb.association.write import write_matches, write_state
from ssdb.config import AssociationConfig
from ssdb.errors import ConfigError, NotFoundError, SsdbError, shown
from ssdb.schema.survey import association_run, visit
from ssdb.store.database import Database
from ssdb.store.notify import notify_associated
from ssdb.store.plans import index_loops
from ssdb.store.visits import claim_visits, count_without_predictions, pending_visits
from ssdb.store.write import Progress

logger = logging.getLogger(__name__)

_VISITS_PER_BATCH = 20
"""Enough that round trips do not count, few enough that memory stays small and others do not wait long."""


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """What became of one exposure.

    Attributes
    ----------
    visit : int
    n_sources, n_total_ss_objects, n_associated_ss_objects : int
        Sources matched, known objects expected, known objects that got a source.
    seconds : float
        Its share of the time of its batch.
    """

    visit: int
    n_sources: int
    n_total_ss_objects: int
    n_associated_ss_objects: int
    seconds: float


@dataclass(slots=True)
class AssociationReport:
    """What one call of :func:`associate` did; also stored as a row of AssociationRun.

    Attributes
    ----------
    run_id : str
    config : AssociationConfig
    visits : list of VisitOutcome
        The exposures that were associated, ascending.
    failed : dict of int to str
        Exposures that could not be associated, with the reason. They stay as they were.
    n_without_predictions : int
        Pending exposures that were left so because their predictions have not been loaded.
    n_taken : int
        Pending exposures that were left to another process, which was just loading or associating them.
    seconds : float
        From beginning to end.
    stages : Stages
        Seconds and rows of every stage: predictions and detectors for ``read``, predictions for ``footprints``, pairs
        for ``join`` and ``refine``, candidates for ``assign``, matches for ``derive``, rows of all three tables for
        ``write``. What was done again because a batch failed counts again.
    """

    run_id: str
    config: AssociationConfig
    visits: list[VisitOutcome] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    n_without_predictions: int = 0
    n_taken: int = 0
    seconds: float = 0.0
    stages: Stages = field(default_factory=Stages)

    @property
    def totals(self) -> dict[str, int]:
        """nSources, nTotalSsObjects and nAssociatedSsObjects over the exposures."""
        return {
            "nSources": sum(outcome.n_sources for outcome in self.visits),
            "nTotalSsObjects": sum(outcome.n_total_ss_objects for outcome in self.visits),
            "nAssociatedSsObjects": sum(outcome.n_associated_ss_objects for outcome in self.visits),
        }


def associate(
    database: Database,
    visits: Sequence[int] | None = None,
    *,
    detectors: Collection[int] | None = None,
    everything: bool = False,
    config: AssociationConfig | None = None,
    progress: Progress | None = None,
) -> AssociationReport:
    """Associates exposures and stores the results.

    Parameters
    ----------
    database : Database
    visits : sequence of int, optional
        Associate these, whether they are pending or done. Without it: all that are pending and have predictions.
    detectors : collection of int, optional
        Of ``visits``, only these detectors; they must have footprints.
    everything : bool
        Without ``visits``: all that have predictions, those that are done too.
    config : AssociationConfig, optional
    progress : callable, optional
        Called with the numbers of exposures finished now, and of all.

    Returns
    -------
    AssociationReport
        Also of the exposures that failed: one that does costs only itself.

    Raises
    ------
    NotFoundError
        If a visit is not in the database, or its predictions have not been loaded.
    ConfigError
        If detectors are asked for without visits.
    DatabaseError
        If the database fails.
    """
    if detectors is not None and visits is None:
        raise ConfigError("a detector is of a visit: say which")
    started = time.perf_counter()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    report = AssociationReport(run_id, config or AssociationConfig())
    only_pending = visits is None and not everything
    wanted, report.n_without_predictions = _visits_to_do(database, visits, everything)
    _start_run(database, report)
    for start in range(0, len(wanted), _VISITS_PER_BATCH):
        batch = wanted[start : start + _VISITS_PER_BATCH]
        try:
            _associate_batch(database, batch, detectors, only_pending, report)
        except Exception as error:
            logger.info("a batch of %d visits failed (%s); one by one", len(batch), error)
            for visit_id in batch:
                _associate_alone(database, visit_id, detectors, only_pending, report)
        if progress:
            progress(len(batch), len(wanted))
    report.seconds = time.perf_counter() - started
    _finish_run(database, report)
    return report


def _visits_to_do(database: Database, visits: Sequence[int] | None, everything: bool) -> tuple[list[int], int]:
    """The exposures to associate, and how many wait for their predictions."""
    with database.reading() as connection:
        waiting = count_without_predictions(connection)
        if visits is None:
            if not everything:
                return pending_visits(connection), waiting
            ready = sa.select(visit.c.visit).where(visit.c.predictionsAt.is_not(None)).order_by(visit.c.visit)
            return list(connection.scalars(ready)), waiting
        wanted = sorted({int(visit_id) for visit_id in visits})
        loaded = sa.select(visit.c.visit, visit.c.predictionsAt).where(visit.c.visit.in_(wanted))
        found = {row.visit: row.predictionsAt for row in connection.execute(loaded)}
    if missing := [visit_id for visit_id in wanted if visit_id not in found]:
        raise NotFoundError(f"visit {shown(missing)} is not in the database")
    if unknown := [visit_id for visit_id in wanted if found[visit_id] is None]:
        raise NotFoundError(
            f"visit {shown(unknown)}: its predictions have not been loaded; if it has no known object, "
            "load the night's predictions with --complete"
        )
    return wanted, waiting


def _associate_alone(
    database: Database,
    visit_id: int,
    detectors: Collection[int] | None,
    only_pending: bool,
    report: AssociationReport,
) -> None:
    try:
        _associate_batch(database, [visit_id], detectors, only_pending, report)
    except SsdbError as error:
        report.failed[visit_id] = str(error)
    except Exception as error:
        # Whatever it is, a lack of memory say, it is to cost this visit alone.
        logger.exception("visit %d", visit_id)
        report.failed[visit_id] = f"{type(error).__name__}: {error}"


def _associate_batch(
    database: Database,
    batch: Sequence[int],
    detectors: Collection[int] | None,
    only_pending: bool,
    report: AssociationReport,
) -> None:
    """Associates exposures in one transaction."""
    started = time.perf_counter()
    config, timed = report.config, report.stages.timed
    with database.writing() as connection:
        with timed("claim") as stage:
            visits = claim_visits(connection, batch, only_pending=only_pending)
            stage.rows += len(visits)
        if not visits:
            report.n_taken += len(batch)
            return
        with timed("read") as stage, index_loops(connection):
            exposures = read_exposures(connection, visits, config)
            stage.rows += len(exposures.predictions["visit"]) + len(exposures.detectors["visit"])
        with timed("footprints") as stage:
            placement = place(exposures, config, detectors)
            stage.rows += len(placement.row)
        with timed("join") as stage:
            pairs = read_candidate_pairs(connection, exposures, config)
            stage.rows += len(pairs["prediction"])
        density = None
        if config.mode == "uncertainty":
            with timed("densities") as stage:
                density = source_densities(connection, exposures, config)
                stage.rows += len(density)
        matches = match(exposures, placement, pairs, density, config, timed)
        with timed("write") as stage, index_loops(connection):
            stage.rows += write_matches(connection, visits, matches, detectors)
            now = datetime.now(UTC).replace(tzinfo=None)
            counts = write_state(connection, exposures, matches.expected, detectors, report.run_id, now)
            notify_associated(connection, visits)
        commit = time.perf_counter()
    report.stages.setdefault("commit", Stage()).seconds += time.perf_counter() - commit
    report.n_taken += len(batch) - len(visits)
    seconds = (time.perf_counter() - started) / len(visits)
    rows = np.stack([counts[name] for name in ("nSources", "nTotalSsObjects", "nAssociatedSsObjects")], axis=-1)
    report.visits += [
        VisitOutcome(visit_id, sources, expected, found, seconds)
        for visit_id, (sources, expected, found) in zip(visits, rows.tolist(), strict=True)
    ]


@cache
def _version() -> str:
    # Half a millisecond each time, since it reads the installed package's metadata.
    return version("ssdb")


def _start_run(database: Database, report: AssociationReport) -> None:
    row = {
        "runId": report.run_id,
        "configuration": report.config.to_json(),
        "ssdbVersion": _version(),
        "startedAt": datetime.now(UTC).replace(tzinfo=None),
    }
    with database.writing() as connection:
        connection.execute(sa.insert(association_run).values(row))


def _finish_run(database: Database, report: AssociationReport) -> None:
    values: dict[str, Any] = {
        "finishedAt": datetime.now(UTC).replace(tzinfo=None),
        "nVisits": len(report.visits),
        "nFailed": len(report.failed),
        "timings": json.dumps({"total": {"seconds": round(report.seconds, 6)}} | report.stages.as_dict()),
        **report.totals,
    }
    with database.writing() as connection:
        this = association_run.c.runId == report.run_id
        connection.execute(sa.update(association_run).where(this).values(values))
