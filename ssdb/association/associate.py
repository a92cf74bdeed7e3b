"""Associates visits in the database: finds which of their sources are which known objects, and stores it."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Collection, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import sqlalchemy as sa

from ssdb.association.batches import Batches, Turns
from ssdb.association.match import Rows, match
from ssdb.association.overlap import IN_HAND, Work, overlapped
from ssdb.association.pairs import read_candidate_pairs
from ssdb.association.placement import check_detectors
from ssdb.association.results import rows_of, write_state
from ssdb.association.stages import Stage, Stages
from ssdb.association.visit_batch import LeftOut, read_batch, read_ephemerides, source_densities
from ssdb.config import AssociationConfig
from ssdb.errors import NotFoundError, SsdbError, UsageError, option, shown
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import make_partitions
from ssdb.store.notify import notify_associated
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.detectors import associated_with, count_lost
from ssdb.store.tables.results import replace_results
from ssdb.store.tables.runs import begin_run, finish_run
from ssdb.store.tables.visits import claim_visits, count_without_predictions, have_predictions, pending_visits
from ssdb.store.transfer.write import Progress

logger = logging.getLogger(__name__)

_VISITS_PER_BATCH = 200
"""At most: of more, even tiny ones, a transaction gains nothing. Of full visits a batch has far fewer."""


@dataclass(frozen=True, slots=True)
class VisitOutcome:
    """What became of one visit: sources matched, known objects expected, known objects that got a source."""

    visit: int
    n_sources: int
    n_total_ss_objects: int
    n_associated_ss_objects: int
    seconds: float
    """Its share of the time of its batch. Batches overlap on PostgreSQL: these are more than from beginning to end."""


@dataclass(slots=True)
class AssociationReport:
    """What one call of :func:`associate` did; also stored as a row of AssociationRun."""

    run_id: str
    config: AssociationConfig
    visits: list[VisitOutcome] = field(default_factory=list)
    """Those that were associated, ascending."""
    failed: dict[int, str] = field(default_factory=dict)
    """Visits that could not be associated, with the reason. They stay as they were."""
    left_out: list[LeftOut] = field(default_factory=list)
    """Stored predictions that make no sense. Their visits are associated without them."""
    n_without_predictions: int = 0
    """Pending visits that were left so because their predictions have not been loaded."""
    n_taken: int = 0
    """Pending visits that were left to another process, which was just loading or associating them."""
    seconds: float = 0.0
    """From beginning to end."""
    stages: Stages = field(default_factory=Stages)
    """Seconds and rows of every stage: predictions and detectors for ``read``, predictions for ``footprints``, pairs
    for ``join`` and ``refine``, candidates for ``assign``, matches for ``derive``, rows of all three tables for
    ``write``. What was done again because a batch failed counts again, and what is done at the same time adds up: these
    seconds are more than those from beginning to end."""

    @property
    def totals(self) -> dict[str, int]:
        """nSources, nTotalSsObjects and nAssociatedSsObjects over the visits."""
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
    pending: bool = False,
    config: AssociationConfig | None = None,
    progress: Progress | None = None,
) -> AssociationReport:
    """Associates visits and stores the results.

    Any number of processes, on any number of machines, may do this at once: pending visits that another one has are
    passed over, and looked at once more at the end.

    Parameters
    ----------
    database : Database
    visits : sequence of int, optional
        Associate these, whether they are pending or done. Without it: all that are pending and have predictions.
    detectors : collection of int, optional
        Of ``visits``, only these detectors; they must have footprints. In uncertainty mode those that are done are
        associated anew with them, since an ellipse may reach over the edge.
    everything : bool
        Without ``visits``: all that have predictions, those that are done too.
    pending : bool
        Of ``visits``, only those that are pending, and that no other process has.
    config : AssociationConfig, optional
    progress : callable, optional
        Called with the numbers of visits finished now, and of all.

    Raises
    ------
    NotFoundError
        If a visit is not in the database, or its predictions have not been loaded. (Of a visit that fails later only
        the report tells; it costs only itself.)
    UsageError
        If detectors are asked for without visits.
    """
    if detectors is not None and visits is None:
        raise UsageError("detectors= needs visits=: a detector is of a visit")
    if everything and visits is not None:
        raise UsageError("visits= and everything=True exclude each other")
    started = time.perf_counter()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    report = AssociationReport(run_id, config or AssociationConfig())
    only_pending = pending or (visits is None and not everything)
    with database.writing() as connection:
        wanted, report.n_without_predictions = _visits_to_do(connection, visits, everything)
        begin_run(connection, run_id, report.config.to_json())
    work = partial(
        _associate_visits, run_id=run_id, config=report.config, detectors=detectors, only_pending=only_pending
    )
    in_hand = IN_HAND if database.concurrent and len(wanted) > 1 else 1
    # Which detectors are concerned is a matter of each visit.
    batches = Batches(wanted, in_hand, _VISITS_PER_BATCH if detectors is None else 1)
    with closing((overlapped if in_hand > 1 else _one_by_one)(database, work, batches)) as parts:
        for batch, part in parts:
            n_left = _add(report, batches, batch, part)
            if progress:
                progress(len(batch) - n_left, len(wanted))
    report.visits.sort(key=lambda outcome: outcome.visit)
    report.left_out.sort()
    report.seconds = time.perf_counter() - started
    _finish_run(database, report)
    return report


def _one_by_one(
    database: Database, work: Work[AssociationReport], batches: Batches
) -> Generator[tuple[list[int], AssociationReport], None, None]:
    turns = Turns(database)
    while batch := batches.take():
        yield batch, work(database, batch)
        turns.offer()


def _add(report: AssociationReport, batches: Batches, batch: Sequence[int], part: AssociationReport) -> int:
    """Adds the results of a batch to the report; returns how many visits were put back, to be done later."""
    report.visits += part.visits
    report.failed |= part.failed
    report.left_out += part.left_out
    report.stages.add(part.stages)
    batches.learn(len(part.visits), sum(part.stages[name].rows for name in ("read", "join") if name in part.stages))
    settled = {outcome.visit for outcome in part.visits} | part.failed.keys()
    passed_over = [visit_id for visit_id in batch if visit_id not in settled]
    # Whoever has them may fail, or die; at the end it will have finished most.
    taken = batches.again_later(passed_over)
    report.n_taken += len(taken)
    return len(passed_over) - len(taken)


def _visits_to_do(connection: sa.Connection, visits: Sequence[int] | None, everything: bool) -> tuple[list[int], int]:
    """The visits to associate, and how many wait for their predictions."""
    waiting = count_without_predictions(connection)
    if visits is None:
        return pending_visits(connection, done=everything), waiting
    wanted = sorted({int(visit_id) for visit_id in visits})
    found = have_predictions(connection, wanted)
    if missing := [visit_id for visit_id in wanted if visit_id not in found]:
        raise NotFoundError(f"visit {shown(missing)} is not in the database")
    if unknown := [visit_id for visit_id in wanted if not found[visit_id]]:
        raise NotFoundError(
            f"visit {shown(unknown)}: its predictions have not been loaded; if it has no known object, "
            f"load the night's predictions with {option('--complete', 'complete=True')}"
        )
    return wanted, waiting


def _associate_visits(
    database: Database,
    visits: Sequence[int],
    *,
    run_id: str,
    config: AssociationConfig,
    detectors: Collection[int] | None,
    only_pending: bool,
) -> AssociationReport:
    """Associates visits in one transaction or, if that fails, each in its own."""
    part = AssociationReport(run_id, config)
    try:
        _associate_batch(database, visits, detectors, only_pending, part)
    except Exception as error:
        logger.info("a batch of %d visits failed (%s); one by one", len(visits), error)
        # Mostly all are there since the visits were stored: to look before takes a thirtieth of a visit's time. In a
        # transaction of their own, since others wait until they are committed. What fails here fails again below.
        with suppress(SsdbError), database.writing() as connection:
            make_partitions(connection, np.array(visits, np.int64))
        for visit_id in visits:
            try:
                _associate_batch(database, [visit_id], detectors, only_pending, part)
            except SsdbError as reason:
                part.failed[visit_id] = str(reason)
            except Exception as reason:
                # Whatever it is, a lack of memory say, it is to cost this visit alone.
                logger.exception("visit %d", visit_id)
                part.failed[visit_id] = f"{type(reason).__name__}: {reason}"
    return part


def _associate_batch(
    database: Database,
    wanted: Sequence[int],
    detectors: Collection[int] | None,
    only_pending: bool,
    report: AssociationReport,
) -> None:
    """Associates visits in one transaction."""
    started = time.perf_counter()
    config, timed = report.config, report.stages.timed
    with database.writing() as connection, index_loops(connection):
        with timed("claim") as stage:
            visits = claim_visits(connection, wanted, only_pending=only_pending)
            stage.rows += len(visits)
        if not visits:
            return
        with timed("read") as stage:
            batch = read_batch(connection, visits, config)
            if batch.maybe_uncounted and count_lost(connection, visits):
                batch = read_batch(connection, visits, config)
            stage.rows += len(batch.predictions["visit"]) + len(batch.detectors["visit"])
        if detectors is not None:
            check_detectors(batch, detectors)
            if config.mode == "uncertainty":
                # Ellipses reach over the edge: what has changed here may be a matter of the others.
                detectors = {*detectors, *associated_with(connection, visits)}
        rows = Rows(
            pairs=partial(read_candidate_pairs, connection),
            densities=partial(source_densities, connection),
            ephemerides=partial(read_ephemerides, connection),
        )
        matches = match(batch, rows, config, detectors, timed)
        with timed("write") as stage:
            stage.rows += replace_results(connection, visits, *rows_of(matches), detectors)
            now = datetime.now(UTC).replace(tzinfo=None)
            counts = write_state(connection, batch, matches.expected, detectors, report.run_id, now)
            notify_associated(connection, visits)
        commit = time.perf_counter()
    report.left_out += batch.left_out
    report.stages.setdefault("commit", Stage()).seconds += time.perf_counter() - commit
    seconds = (time.perf_counter() - started) / len(visits)
    counted = np.stack([counts[name] for name in ("nSources", "nTotalSsObjects", "nAssociatedSsObjects")], axis=-1)
    report.visits += [
        VisitOutcome(visit_id, sources, expected, found, seconds)
        for visit_id, (sources, expected, found) in zip(visits, counted.tolist(), strict=True)
    ]


def _finish_run(database: Database, report: AssociationReport) -> None:
    values: dict[str, Any] = {
        "nVisits": len(report.visits),
        "nFailed": len(report.failed),
        "timings": json.dumps({"total": {"seconds": round(report.seconds, 6)}} | report.stages.as_dict()),
        **report.totals,
    }
    with database.writing() as connection:
        finish_run(connection, report.run_id, values)
