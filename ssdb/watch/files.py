"""Ingests the files that come into folders, each once, and moves them away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ssdb.errors import DatabaseError, InputError, SsdbError, UnknownVisitsError
from ssdb.ingest.alert_batch import AlertReport
from ssdb.ingest.alerts import ingest_alerts
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.observations import ingest_observations
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.visits import ingest_visits
from ssdb.io.inbox import Inbox, NewFile
from ssdb.store.database import Database
from ssdb.store.driver import refuses_values
from ssdb.store.tables.visits import have_predictions
from ssdb.watch.events import Event, Following, Note, Told, Waiting, of_trouble

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
_WHOLE_SECONDS = 2.0
"""A file that cannot be read is looked at once more when it has not changed for so long: somebody may be writing it.
One that the system did not read is looked at once more after so long.
"""
_MOVE_SECONDS = 5.0
"""So often it is tried to move what could not be moved."""
_ALERTS_AT_ONCE = 100
"""Files of alerts that are ingested together: brokers make one of each packet, and a transaction takes longer."""
_LOOK_SECONDS = 1.0
"""So often the database is asked whether visits that files wait for are there."""


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


class Files:
    """The files of folders, and what is known of those that cannot be taken yet."""

    def __init__(self, database: Database, inboxes: Sequence[Inbox], how: Following, told: Told) -> None:
        self.database, self.inboxes, self.how, self.told = database, inboxes, how, told
        self.waiting: dict[Path, Waiting] = {}
        self.doubtful: dict[Path, _Doubtful] = {}
        self.unmoved: dict[Path, _Unmoved] = {}
        self.look_for_visits_at = 0.0
        self.look_seconds = 0.0
        """How long the last look took."""
        self.changed = True
        """Whether something may have been stored; for others to reset."""

    @property
    def more_to_come(self) -> bool:
        """Whether files are there that will be taken, or refused, soon."""
        return bool(self.doubtful or any(inbox.unsettled for inbox in self.inboxes))

    def look(self) -> Generator[Event, None, list[tuple[Inbox, NewFile]]]:
        """The files that can be taken now, in order."""
        there: list[tuple[Inbox, NewFile]] = []
        began = time.monotonic()
        for inbox in self.inboxes:
            if not inbox.claim():
                busy = f"{inbox.folder} is watched already, by {inbox.holder()}"
                if self.how.once:
                    raise InputError(busy)
                yield from self.told.once(f"{busy}: waiting until that ends")
                continue
            there += ((inbox, file) for file in inbox.look())
            for path in inbox.strangers:
                kinds = ", ".join(INGEST)
                yield Note(f"{path}: left where it is: neither folder nor name say that it is of {kinds}")
            for error in inbox.lost:
                yield from self.told.once(f"{of_trouble(error)}: left where it is", failure=True)
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

    def take(self, group: Sequence[tuple[Inbox, NewFile]]) -> Generator[Event, None, bool]:
        """Ingests files and moves them away; whether one is gone, or to be looked at again."""
        if len(group) > 1 and (report := self._of_alerts(group)) is not None:
            notes = [self._move(inbox, file) for inbox, file in group]
            yield report
            for _, of_file in notes:
                yield from of_file
            return any(gone for gone, _ in notes)
        some = False
        for inbox, file in group:
            some |= yield from self._take(inbox, file)
        return some

    def _of_alerts(self, group: Sequence[tuple[Inbox, NewFile]]) -> AlertReport | None:
        """Ingests files of alerts together; None if one of them is not usable, or waits."""
        paths = [file.path for _, file in group]
        try:
            report = ingest_alerts(self.database, paths, **self.how.ingest.get("alerts", {}))
        except Exception as error:
            if isinstance(error, DatabaseError) and not refuses_values(error):
                raise
            return None
        self.changed, self.look_for_visits_at = True, 0.0
        for path in paths:
            self.doubtful.pop(path, None)
        return report

    def _take(self, inbox: Inbox, file: NewFile) -> Generator[Event, None, bool]:
        """Ingests a file and moves it away; whether it is gone, or to be looked at again."""
        first_time = self.doubtful.pop(file.path, None) is None
        try:
            report = INGEST[file.kind](self.database, file.path, **self.how.ingest.get(file.kind, {}))
        except UnknownVisitsError as error:
            self.waiting[file.path] = Waiting(str(error), time.monotonic(), file=file, visits=error.visits)
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

    def move_late(self) -> Generator[Event, None, bool]:
        """Tries again to move what could not be moved; whether a file is gone."""
        some = False
        for one in [one for one in self.unmoved.values() if one.due <= time.monotonic()]:
            gone, notes = self._move(one.inbox, one.file, one.reason)
            some |= gone
            yield from notes
        return some

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
            why = of_trouble(error)
            if before is not None:
                return False, []
            if reason:
                return False, [Note(f"{reason} (cannot be moved, and stays there: {why})", failure=True)]
            line = f"{file.path} is stored, and stays there: it cannot be moved ({why})"
            # The same will be said of all files of the folder.
            return False, [*self.told.once(line, failure=True, of=f"{file.path.parent}: {error.strerror}")]
        return True, [Note(f"{reason} (moved to {moved})", failure=before is None)] if reason and moved else []


def in_groups(files: Sequence[tuple[Inbox, NewFile]]) -> Iterator[list[tuple[Inbox, NewFile]]]:
    """Files as they are ingested, in order: each alone, those of alerts that follow each other together."""
    for are_alerts, some in groupby(files, key=lambda one: one[1].kind == "alerts"):
        members, n = list(some), _ALERTS_AT_ONCE if are_alerts else 1
        yield from (members[start : start + n] for start in range(0, len(members), n))


def _is_of_system(error: BaseException | None) -> bool:
    """Whether it began with an answer of the operating system."""
    return error is not None and (isinstance(error, OSError) or _is_of_system(error.__cause__))
