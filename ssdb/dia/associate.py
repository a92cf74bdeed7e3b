"""Gives sources that are no known object to DiaObjects, in the database: visit by visit, in time."""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ssdb.association.stages import Stage, Stages
from ssdb.config import DiaConfig
from ssdb.dia.confirm import BusyError
from ssdb.dia.match import flag_columns
from ssdb.dia.order import Fields, Order, done_before, in_the_way, margin_of, read_order
from ssdb.dia.sources import read_sources
from ssdb.dia.visit import Counts, associate_sources, undo
from ssdb.errors import SsdbError
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import DONE
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import make_partitions
from ssdb.store.locks import lock_cells
from ssdb.store.notify import notify_objects
from ssdb.store.tables.dia_changes import MARGIN_DEG, cells_of_sources
from ssdb.store.tables.dia_objects import join_versions
from ssdb.store.tables.runs import DIA, begin_run, finish_run
from ssdb.store.tables.visits import claim_for_objects, require_visits, set_objects_done
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG

logger = logging.getLogger(__name__)

_TAKEN, _LATE, _WAITS, _SETTLED = "taken", "late", "waits", "settled"
"""Why a visit was not done: another process has it, or a neighbour of it; it is older than one that is done; an earlier
one is pending; nothing is left to do."""


@dataclass(frozen=True, slots=True)
class DiaOutcome:
    """What became of one visit."""

    visit: int
    n_sources: int
    """Sources that took part: no known object, with a position, not withdrawn, without bad flags."""
    n_updated: int
    """DiaObjects that got one of them."""
    n_new: int
    """Sources that made a DiaObject."""
    n_marginal: int
    """Those that are too doubtful to make one."""
    seconds: float


@dataclass(slots=True)
class DiaReport:
    """What one call of :func:`associate_dia` did; also stored as a row of AssociationRun."""

    run_id: str
    config: DiaConfig
    visits: list[DiaOutcome] = field(default_factory=list)
    """Those that were associated, ascending."""
    failed: dict[int, str] = field(default_factory=dict)
    """Visits that could not be associated, with the reason. They stay as they were."""
    late: list[int] = field(default_factory=list)
    """Pending visits that were refused: they have never been done, and a later one of their field is."""
    unready: list[int] = field(default_factory=list)
    """Pending visits whose known objects have not been found yet."""
    waiting: dict[int, int] = field(default_factory=dict)
    """Pending visits that wait for an earlier one of their field, and for which."""
    n_without_predictions: int = 0
    """Of the ``unready``, and of those that others wait for: visits whose predictions have not been loaded."""
    kept: dict[int, int] = field(default_factory=dict)
    """Visits that were done again, and how many later ones of their fields, done before, keep what they have."""
    seconds: float = 0.0
    """From beginning to end."""
    stages: Stages = field(default_factory=Stages)
    """Seconds of every stage, and rows that went through it."""

    @property
    def totals(self) -> dict[str, int]:
        """nUpdatedDiaObjects, nNewDiaObjects and nMarginalDiaSources over the visits."""
        return {
            "nUpdatedDiaObjects": sum(outcome.n_updated for outcome in self.visits),
            "nNewDiaObjects": sum(outcome.n_new for outcome in self.visits),
            "nMarginalDiaSources": sum(outcome.n_marginal for outcome in self.visits),
        }


def associate_dia(
    database: Database,
    visits: Sequence[int] | None = None,
    *,
    config: DiaConfig | None = None,
    solar_system: bool = True,
    late: bool = False,
    progress: Progress | None = None,
) -> DiaReport:
    """Gives the sources of visits to DiaObjects, a transaction for each visit, in time.

    A visit waits until its known objects are found and every earlier visit of its field is done, so that the same
    visits lead to the same objects whoever does them. Any number of processes may do this at once: those that have
    visits of one field take turns.

    Parameters
    ----------
    database : Database
    visits : sequence of int, optional
        These, whether they are pending or done; what a done one has given to objects is taken back before. Without it:
        all that are pending.
    config : DiaConfig, optional
    solar_system : bool
        Whether the Solar System half must be done for a visit before.
    late : bool
        Also visits that have never been done and are older than one of their field that is. Their sources are given
        to the objects as these are now.
    progress : callable, optional
        Called with the numbers of visits finished now, and of all.

    Raises
    ------
    ConfigError
        If the configuration names flags that DiaSource does not have.
    NotFoundError
        If a visit is not in the database. (Of a visit that fails later only the report tells.)
    """
    started = time.perf_counter()
    run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    report = DiaReport(run_id, config or DiaConfig())
    flag_columns(report.config)  # here, or each visit would fail
    run = _Run(database, report, solar_system, late, None if visits is None else {int(number) for number in visits})
    run.begin()
    run.work(progress)
    report.visits.sort(key=lambda outcome: outcome.visit)
    report.seconds = time.perf_counter() - started
    run.finish()
    return report


class _Run:
    def __init__(
        self, database: Database, report: DiaReport, solar_system: bool, late: bool, wanted: set[int] | None
    ) -> None:
        self.database = database
        self.report = report
        self.solar_system = solar_system
        self.late = late
        self.wanted = wanted
        self.left: set[int] | None = None if wanted is None else set(wanted)
        """Of the wanted ones, those that are not settled."""
        self.fields = Fields()
        self.margin_deg = margin_of(report.config.radius_arcsec)
        self.no_hindrance = np.empty(0, np.int64)

    def begin(self) -> None:
        with self.database.writing() as connection:
            if self.wanted:
                require_visits(connection, sorted(self.wanted))
            begin_run(connection, self.report.run_id, self.report.config.to_json(), DIA)

    def finish(self) -> None:
        values: dict[str, Any] = {
            "nVisits": len(self.report.visits),
            "nFailed": len(self.report.failed),
            "nSources": sum(outcome.n_sources for outcome in self.report.visits),
            "timings": json.dumps({"total": {"seconds": round(self.report.seconds, 6)}} | self.report.stages.as_dict()),
            **self.report.totals,
        }
        with self.database.writing() as connection:
            finish_run(connection, self.report.run_id, values)

    def work(self, progress: Progress | None) -> None:
        """Goes through the visits until none is left that can be done."""
        while True:
            order = self._order()
            # What comes too late holds up nobody.
            self.no_hindrance = order.visits[order.pending & order.late & (not self.late)]
            places = [int(place) for place in self._to_do(order)]
            n_done, taken = 0, []
            n_all = len(self.report.visits) + len(places)
            self._make_partitions(order.visits[places])
            for place in places:
                number = int(order.visits[place])
                if not self._may(order, place):
                    continue
                outcome = self._try(number, wait=False)
                if outcome == _TAKEN:
                    taken.append(number)
                elif outcome == _SETTLED:
                    order.pending[place] = False
                    n_done += 1
                    if progress:
                        progress(1, n_all)
            if taken and not n_done:
                # All that is left is in the hands of others: the first of them to finish is waited for.
                n_done = self._try(taken[0], wait=True) != _WAITS
            if not n_done:
                break
        self._tell(order, places)

    def _order(self) -> Order:
        with self.database.reading() as connection:
            return read_order(connection, self.fields, self.left or (), self.margin_deg)

    def _to_do(self, order: Order) -> np.ndarray:
        settled = np.isin(order.visits, list(self.report.failed))
        if self.left is None:
            return np.flatnonzero(order.pending & ~settled)
        return np.flatnonzero(np.isin(order.visits, list(self.left)) & ~settled)

    def _make_partitions(self, visits: np.ndarray) -> None:
        # Mostly all are there since the visits were stored. Made here, since others wait until this is committed.
        with self.database.writing() as connection:
            make_partitions(connection, visits)

    def _may(self, order: Order, place: int) -> bool:
        if self.solar_system and not order.ready[place]:
            return False
        if self._refused(order, place):
            return False
        return not len(order.holding(place, late=self.late))

    def _refused(self, order: Order, place: int) -> bool:
        """Whether a visit comes too late."""
        return bool(not self.late and order.pending[place] and order.late[place] and order.new[place])

    def _try(self, number: int, *, wait: bool) -> str:
        """Does a visit, if it is its turn; says what became of it."""
        started = time.perf_counter()
        try:
            result = self._associate(number, wait=wait)
        except BusyError:
            result = _TAKEN
        except SsdbError as error:
            result = self._failed(number, str(error))
        except Exception as error:
            # Whatever it is, a lack of memory say, it is to cost this visit alone.
            logger.exception("visit %d", number)
            result = self._failed(number, f"{type(error).__name__}: {error}")
        if isinstance(result, str):
            if result == _SETTLED and self.left:
                self.left.discard(number)
            return result
        seconds = time.perf_counter() - started
        self.report.visits.append(
            DiaOutcome(number, result.n_sources, result.n_updated, result.n_new, result.n_marginal, seconds)
        )
        if self.left:
            self.left.discard(number)
        return _SETTLED

    def _failed(self, number: int, reason: str) -> str:
        self.report.failed[number] = reason
        return _WAITS

    def _associate(self, number: int, *, wait: bool) -> Counts | str:
        """Does a visit in one transaction, or says why not."""
        report, timed = self.report, self.report.stages.timed
        explicit = self.wanted is not None
        config = report.config
        with self.database.writing() as connection:
            with timed("claim"):
                row = claim_for_objects(connection, number, wait=wait or explicit)
            if row is None:
                return _TAKEN
            again = row.diaStatus == DONE
            if (again and not explicit) or (self.solar_system and row.status != DONE):
                return _SETTLED if again else _WAITS
            with timed("read") as stage:
                sources = read_sources(connection, dia_source.c.visit == number, config)
                stage.rows += len(sources["ra"])
            with timed("order"):
                margin = MARGIN_DEG + config.radius_arcsec / ARCSEC_PER_DEG
                cells = cells_of_sources(connection, sources, margin)
                if not lock_cells(connection, cells, wait=wait or explicit):
                    return _TAKEN
                # As of now: what others did before they gave the cells back is to be seen.
                before, after = in_the_way(connection, self.fields, number, row.midpointMjdTai, self.margin_deg)
                if row.diaRunId is None and len(after) and not self.late:
                    return _LATE
                earlier = np.empty(0, np.int64)
                if config.confirm > 1:
                    earlier = done_before(connection, self.fields, number, row.midpointMjdTai, self.margin_deg)
                if len(np.setdiff1d(before, self.no_hindrance)):
                    return _WAITS
            now = mjd_tai_now()
            with timed("undo"):
                undo(connection, number, sources, earlier, config, now)
            counts = associate_sources(connection, number, sources, earlier, config, report.run_id, now, report.stages)
            if config.versions:
                join_versions(connection, np.unique(sources["diaObjectId"]), now)
            with timed("state"):
                at = datetime.now(UTC).replace(tzinfo=None)
                set_objects_done(connection, number, counts.as_columns(), report.run_id, at)
                notify_objects(connection, [number])
            commit = time.perf_counter()
        report.stages.setdefault("commit", Stage()).seconds += time.perf_counter() - commit
        if row.diaRunId is not None and len(after):
            report.kept[number] = len(after)
        return counts

    def _tell(self, order: Order, places: list[int]) -> None:
        """Notes why visits were left."""
        report = self.report
        held: set[int] = set()
        for place in places:
            number = int(order.visits[place])
            if number in report.failed or not order.pending[place]:
                continue
            if self.solar_system and not order.ready[place]:
                report.unready.append(number)
                held.add(place)
            elif self._refused(order, place):
                report.late.append(number)
            elif len(holding := order.holding(place, late=self.late)):
                report.waiting[number] = int(holding[0])
                held.update(np.flatnonzero(np.isin(order.visits, holding)).tolist())
        report.n_without_predictions = sum(
            not (order.ready[place] or order.predicted[place]) for place in held if self.solar_system
        )
