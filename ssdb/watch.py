"""Follows folders: files that come are ingested, and the visits that they complete are predicted and associated.

A file is one transaction (one of alerts: some), and is moved away after its commit: if the process ends between, the
file is read again, and all its rows are there already. What is complete is asked of the database, so that nothing
depends on what this process remembers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ssdb.association.associate import AssociationReport, associate
from ssdb.config import AssociationConfig, DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.errors import DatabaseError, InputError, SchemaError, SsdbError, UnknownVisitsError
from ssdb.ingest.alerts import AlertReport, ingest_alerts
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.observations import ingest_observations
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.visits import ingest_visits
from ssdb.io.inbox import Inbox, NewFile
from ssdb.predict.visits import predict_visits
from ssdb.store.database import RUN_AGAIN, Database
from ssdb.store.driver import refuses_values
from ssdb.store.tables.visits import complete_visits, count_without_predictions, have_predictions

logger = logging.getLogger(__name__)

INGEST: dict[str, Callable[..., IngestReport | AlertReport]] = {
    "visits": ingest_visits,
    "detectors": ingest_detectors,
    "orbits": ingest_orbits,
    "sources": ingest_sources,
    "predictions": ingest_predictions,
    "alerts": ingest_alerts,
    "observations": ingest_observations,
}
_TURN = {"visits": 0, "detectors": 1, "orbits": 2}
"""What comes first. The others are taken by age, so that of many visits the first are complete early."""

_TURN_SECONDS = 2.0
"""After so long of ingesting, what is complete is associated, and the folders are looked at again."""
_VISITS_AT_ONCE = 50
_WHOLE_SECONDS = 2.0
"""A file that cannot be read is looked at once more when it has not changed for so long: somebody may be writing it.
One that the system did not read is looked at once more after so long.
"""
_MOVE_SECONDS = 5.0
"""So often it is tried to move what could not be moved."""
_LOOK_SECONDS = 1.0
"""So often the database is asked whether visits that files wait for are there."""
_PAUSE_TO_LOOK = 10.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS, _LONGEST_RETRY_SECONDS = 0.1, 5.0, 3600.0
_TOLD_AT = 2
"""The failure in a row with which that of a visit is told: what is over by then, such as a lost connection, is not."""


@dataclass(frozen=True, slots=True)
class Note:
    """A line for people; a failure if something was not stored that should be."""

    line: str
    failure: bool = False


Event = Note | IngestReport | AlertReport | AssociationReport


@dataclass(frozen=True)
class Following:
    """What :func:`watch` does with what comes.

    Attributes
    ----------
    ingest : mapping
        Options of the functions of :data:`INGEST`, by kind.
    association : AssociationConfig
    dia : DiaConfig, optional
        Without it no DiaObjects are made.
    predict : bool
        Visits without predictions are predicted from the stored orbits.
    after_seconds : float
        A visit is associated when no sources have come for it for so long.
    patience_seconds : float
        What still waits after so long is told.
    interval_seconds : float
        So often the folders are looked at.
    once : bool
        Ends when there is nothing left to do.
    """

    ingest: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    association: AssociationConfig = field(default_factory=AssociationConfig)
    dia: DiaConfig | None = field(default_factory=DiaConfig)
    predict: bool = False
    after_seconds: float = 0.0
    patience_seconds: float = 60.0
    interval_seconds: float = 0.05
    once: bool = False


@dataclass(slots=True)
class _Waiting:
    """A file whose visits are not there yet, or a visit that cannot be predicted yet."""

    reason: str
    since: float
    told: bool = False
    file: NewFile | None = None
    visits: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class _Doubtful:
    """A file that could not be read, and is looked at once more."""

    file: NewFile
    due: float


@dataclass(frozen=True, slots=True)
class _Unmoved:
    """A file that was read, and could not be moved; the reason if it is not usable."""

    inbox: Inbox
    file: NewFile
    reason: str
    due: float


@dataclass(slots=True)
class _Complete:
    """A visit that can be associated."""

    n_sources: int
    due: float
    failures: int = 0


def watch(
    database: Database, inboxes: Sequence[Inbox], how: Following, ended: Callable[[], bool] = lambda: False
) -> Generator[Event, None, None]:
    """Ingests the files that come into folders, and associates the visits that are complete then.

    Yields what is stored and associated, and what there is to tell. Without ``once`` it never ends; closing it ends it
    between two transactions, and any exception undoes the one that is open. A file that is not usable is moved to the
    folder ``failed``. While the database cannot do its work, a server that is not there say, it is tried again and
    again. ``ended`` is asked before each file and each look at the folders; where it says so, that is the end.

    InputError if, with ``once``, another process has a folder, or if nothing can be written there. SchemaError if the
    tables are not whole.
    """
    try:
        yield from _Watch(database, inboxes, how, ended).run()
    finally:
        for inbox in inboxes:
            inbox.close()


class _Watch:
    def __init__(self, database: Database, inboxes: Sequence[Inbox], how: Following, ended: Callable[[], bool]) -> None:
        self.database, self.inboxes, self.how, self.ended = database, inboxes, how, ended
        self.waiting: dict[Path, _Waiting] = {}
        self.doubtful: dict[Path, _Doubtful] = {}
        self.unmoved: dict[Path, _Unmoved] = {}
        self.unpredicted: dict[int, _Waiting] = {}
        self.complete: dict[int, _Complete] = {}
        self.changed = True
        """Whether visits may be complete that are not known to be."""
        self.begins = True
        """Whether it is not known what there is to do for DiaObjects."""
        self.look_for_visits_at = 0.0
        self.told: set[str] = set()
        self.look_seconds = 0.0

    def run(self) -> Iterator[Event]:
        trouble, pause = "", 0.0
        while not self.ended():
            try:
                busy = yield from self._turn()
                ends = self.how.once and not busy and not self._more_to_come()
                if ends:
                    yield from self._tell_the_rest()
            except SchemaError:
                raise
            except (DatabaseError, OSError) as error:
                self.changed = self.begins = True  # what had been committed is not known
                said = _of_trouble(error)
                if said != trouble:
                    yield Note(f"{said}: waiting")
                trouble, pause = said, min(max(2 * pause, _PAUSE_SECONDS), _LONGEST_PAUSE_SECONDS)
                time.sleep(pause)
                continue
            if trouble:
                yield Note("going on")
                trouble, pause = "", 0.0
            if ends:
                return
            if not busy:
                # To look at thousands of files that wait is not to take all the time there is.
                time.sleep(max(self.how.interval_seconds, _PAUSE_TO_LOOK * self.look_seconds))

    def _tell_the_rest(self) -> Iterator[Event]:
        """What is left when there is nothing to do any more."""
        with self.database.reading() as connection:
            n = count_without_predictions(connection)
        for one in (*self.waiting.values(), *self.unpredicted.values()):
            yield from self._tell_waiting(one)
        if n:
            yield Note(f"{n:,} visit{'s' if n > 1 else ''} without predictions: not associated yet")

    def _more_to_come(self) -> bool:
        unsettled = any(inbox.unsettled for inbox in self.inboxes)
        return bool(unsettled or self.doubtful or any(one.failures < _TOLD_AT for one in self.complete.values()))

    def _turn(self) -> Generator[Event, None, bool]:
        """Takes what is there, but not for long; whether a file is gone, or was not looked at any more."""
        busy = False
        files = yield from self._files()
        until = time.monotonic() + _TURN_SECONDS
        for inbox, file in files:
            if time.monotonic() > until or self.ended():
                busy = True
                break
            busy |= yield from self._take(inbox, file)
        for one in [one for one in self.unmoved.values() if one.due <= time.monotonic()]:
            gone, notes = self._move(one.inbox, one.file, one.reason)
            busy |= gone
            yield from notes
        if self.changed or any(one.due <= time.monotonic() for one in self.complete.values()):
            if self.changed and self.how.predict:
                yield from self._predict()
            yield from self._associate()
            self.changed = self.begins = False
        now = time.monotonic()
        for late in (*self.waiting.values(), *self.unpredicted.values()):
            if now - late.since > self.how.patience_seconds:
                yield from self._tell_waiting(late)
        return busy

    def _tell_waiting(self, one: _Waiting) -> Iterator[Event]:
        if not one.told:
            one.told = True
            yield Note(f"{one.reason} (waiting for {time.monotonic() - one.since:.0f} s)", failure=True)

    def _tell_once(self, line: str, *, failure: bool = False) -> Iterator[Event]:
        if line not in self.told:
            self.told.add(line)
            yield Note(line, failure)

    # ---- files -------------------------------------------------------------------------------------------------------

    def _files(self) -> Generator[Event, None, list[tuple[Inbox, NewFile]]]:
        """The files that can be taken now, in order."""
        there: list[tuple[Inbox, NewFile]] = []
        began = time.monotonic()
        for inbox in self.inboxes:
            if not inbox.claim():
                busy = f"{inbox.folder} is watched already, by {inbox.holder()}"
                if self.how.once:
                    raise InputError(busy)
                yield from self._tell_once(f"{busy}: waiting until that ends")
                continue
            there += ((inbox, file) for file in inbox.look())
            for path in inbox.strangers:
                kinds = ", ".join(INGEST)
                yield Note(f"{path}: left where it is: neither folder nor name say that it is of {kinds}")
            for error in inbox.lost:
                yield from self._tell_once(f"{_of_trouble(error)}: left where it is", failure=True)
        self.look_seconds = time.monotonic() - began
        identities = {file.path: file.identity for _, file in there}
        # Others may have taken or replaced them.
        self.waiting = {
            p: one for p, one in self.waiting.items() if one.file and identities.get(p) == one.file.identity
        }
        self.doubtful = {p: one for p, one in self.doubtful.items() if identities.get(p) == one.file.identity}
        self.unmoved = {p: one for p, one in self.unmoved.items() if identities.get(p) == one.file.identity}
        self._find_visits()
        left = self.waiting.keys() | self.unmoved.keys()
        left |= {path for path, one in self.doubtful.items() if one.due > time.monotonic()}
        free = [(inbox, file) for inbox, file in there if file.path not in left]
        return sorted(free, key=lambda one: (_TURN.get(one[1].kind, len(_TURN)), one[1].written, one[1].path))

    def _find_visits(self) -> None:
        """Lets files go on whose visits are there now."""
        if not self.waiting or time.monotonic() < self.look_for_visits_at:
            return
        self.look_for_visits_at = time.monotonic() + _LOOK_SECONDS
        wanted = {number for one in self.waiting.values() for number in one.visits}
        with self.database.reading() as connection:
            known = have_predictions(connection, sorted(wanted)).keys()
        self.waiting = {path: one for path, one in self.waiting.items() if not known >= set(one.visits)}

    def _take(self, inbox: Inbox, file: NewFile) -> Generator[Event, None, bool]:
        """Ingests a file and moves it away; whether it is gone, or to be looked at again."""
        first_time = self.doubtful.pop(file.path, None) is None
        try:
            report = INGEST[file.kind](self.database, file.path, **self.how.ingest.get(file.kind, {}))
        except UnknownVisitsError as error:
            self.waiting[file.path] = _Waiting(str(error), time.monotonic(), file=file, visits=error.visits)
            return False
        except SsdbError as error:
            if isinstance(error, DatabaseError) and not refuses_values(error):
                raise
            reason = str(error)
            of_system = _is_of_system(error)
        except Exception as error:
            # Whatever it is, a lack of memory say, it is to cost this file alone.
            reason = f"{file.path}: {type(error).__name__}: {error}"
            of_system = _is_of_system(error)
            if not of_system:
                logger.exception("%s", file.path)
        else:
            self.changed = True
            if file.kind in ("visits", "alerts"):
                self.look_for_visits_at = 0.0
            gone, notes = self._move(inbox, file)
            yield report
            yield from notes
            return gone
        # Some packets of a file may be stored before one that is not usable.
        self.changed |= file.kind == "alerts"
        if file.quiet_seconds < _WHOLE_SECONDS or (of_system and first_time):
            self.doubtful[file.path] = _Doubtful(file, time.monotonic() + _WHOLE_SECONDS)
            return False
        gone, notes = self._move(inbox, file, reason)
        yield from notes
        return gone

    def _move(self, inbox: Inbox, file: NewFile, reason: str = "") -> tuple[bool, list[Note]]:
        """Moves a file that was read, or is not usable for a reason.

        Returns whether it is gone, or to be looked at again, and what there is to tell. One that cannot be moved is not
        read again.
        """
        before = self.unmoved.pop(file.path, None)
        try:
            moved = inbox.failed(file, reason) if reason else inbox.done(file)
        except OSError as error:
            self.unmoved[file.path] = _Unmoved(inbox, file, reason, time.monotonic() + _MOVE_SECONDS)
            why = _of_trouble(error)
            known = False
            if reason:
                line = f"{reason} (cannot be moved, and stays there: {why})"
            else:
                line = f"{file.path} is stored, and stays there: it cannot be moved ({why})"
                # The same will be said of all files of the folder.
                told = f"{file.path.parent}: {error.strerror}"
                known = told in self.told
                self.told.add(told)
            return False, [] if before or known else [Note(line, failure=True)]
        return True, [Note(f"{reason} (moved to {moved})", failure=before is None)] if reason and moved else []

    # ---- visits ------------------------------------------------------------------------------------------------------

    def _predict(self) -> Iterator[Event]:
        try:
            report = predict_visits(self.database)
        except DatabaseError:
            raise
        except SsdbError as error:
            yield from self._tell_once(f"nothing is predicted: {error}", failure=True)
            return
        now = time.monotonic()
        failed = {number: f"visit {number} is not predicted: {why}" for number, why in report.failed.items()}
        # Before its sources come, a visit may have no field.
        self.unpredicted = {number: self.unpredicted.get(number, _Waiting(why, now)) for number, why in failed.items()}
        for name, why in report.lost.items():
            yield from self._tell_once(f"{name} cannot be followed: {why}")

    def _associate(self) -> Iterator[Event]:
        """Associates the visits that are complete and due."""
        now = time.monotonic()
        with self.database.reading() as connection:
            there = complete_visits(connection)
        known, self.complete = self.complete, {}
        for number, n_sources in there.items():
            one = known.get(number)
            if one is None or one.n_sources != n_sources:
                one = _Complete(n_sources, now + self.how.after_seconds)
            self.complete[number] = one
        due = [number for number, one in self.complete.items() if one.due <= now]
        for start in range(0, len(due), _VISITS_AT_ONCE):
            if self.ended():
                return
            yield from self._associate_some(due[start : start + _VISITS_AT_ONCE])
        if self.how.dia is not None and (due or self.begins):
            with _as_note("DiaObjects") as notes:
                report = associate_dia(self.database, config=self.how.dia)
                notes += [
                    f"sources of visit {number} have no DiaObjects: {why}" for number, why in report.failed.items()
                ]
            for line in notes:
                yield from self._tell_once(line, failure=True)

    def _associate_some(self, visits: Sequence[int]) -> Iterator[Event]:
        failed: dict[int, str] = {}
        with _as_note("association") as notes:
            report = associate(self.database, visits, pending=True, config=self.how.association)
            failed = report.failed
            yield report
            for outcome in report.visits:
                self.complete.pop(outcome.visit, None)
        for line in notes:
            yield from self._tell_once(line, failure=True)
        now = time.monotonic()
        for number in visits:
            if (one := self.complete.get(number)) is None:
                continue  # done
            # It has failed, or another process has it.
            one.failures += 1
            one.due = now + min(_PAUSE_SECONDS * 2**one.failures, _LONGEST_RETRY_SECONDS)
            if number in failed and one.failures >= _TOLD_AT:
                yield from self._tell_once(f"visit {number} is not associated: {failed[number]}", failure=True)


@contextmanager
def _as_note(what: str) -> Iterator[list[str]]:
    """Within the block an error that is not the database's becomes a line of the list."""
    lines: list[str] = []
    try:
        yield lines
    except DatabaseError:
        raise
    except SsdbError as error:
        lines.append(f"{what}: {error}")


def _is_of_system(error: BaseException | None) -> bool:
    """Whether it began with an answer of the operating system."""
    return error is not None and (isinstance(error, OSError) or _is_of_system(error.__cause__))


def _of_trouble(error: DatabaseError | OSError) -> str:
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error)
    return str(error).removesuffix(RUN_AGAIN)
