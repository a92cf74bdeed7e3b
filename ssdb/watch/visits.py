"""Predicts and associates the visits that are complete."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ssdb.association.associate import associate
from ssdb.dia.associate import associate_dia
from ssdb.errors import DatabaseError, SsdbError
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.tables.visits import complete_visits
from ssdb.watch.events import Event, Following, Told, Waiting

_VISITS_AT_ONCE = 50
_FIRST_RETRY_SECONDS, _LONGEST_RETRY_SECONDS = 0.1, 3600.0
_TOLD_AT = 2
"""The failure in a row with which that of a visit is told: what is over by then, such as a lost connection, is not."""


@dataclass(slots=True)
class _Complete:
    """A visit that can be associated."""

    n_sources: int
    due: float
    failures: int = 0


class Visits:
    """The visits that can be associated, and those that cannot be predicted."""

    def __init__(self, database: Database, how: Following, told: Told, ended: Callable[[], bool]) -> None:
        self.database, self.how, self.told, self.ended = database, how, told, ended
        self.unpredicted: dict[int, Waiting] = {}
        self.complete: dict[int, _Complete] = {}
        self.begins = True
        """Whether it is not known what there is to do for DiaObjects."""

    @property
    def more_to_come(self) -> bool:
        """Whether visits will be associated, or it will be told that they cannot be, soon."""
        return any(one.failures < _TOLD_AT for one in self.complete.values())

    @property
    def are_due(self) -> bool:
        """Whether one is to be associated now."""
        return any(one.due <= time.monotonic() for one in self.complete.values())

    def predict(self) -> Iterator[Event]:
        try:
            report = predict_visits(self.database)
        except DatabaseError:
            raise
        except SsdbError as error:
            yield from self.told.once(f"nothing is predicted: {error}", failure=True)
            return
        now = time.monotonic()
        failed = {number: f"visit {number} is not predicted: {why}" for number, why in report.failed.items()}
        # Before its sources come, a visit may have no field.
        self.unpredicted = {number: self.unpredicted.get(number, Waiting(why, now)) for number, why in failed.items()}
        for name, why in report.lost.items():
            yield from self.told.once(f"{name} cannot be followed: {why}")

    def associate(self) -> Iterator[Event]:
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
                yield from self.told.once(line, failure=True)

    def _associate_some(self, visits: Sequence[int]) -> Iterator[Event]:
        failed: dict[int, str] = {}
        with _as_note("association") as notes:
            report = associate(self.database, visits, pending=True, config=self.how.association)
            failed = report.failed
            yield report
            for outcome in report.visits:
                self.complete.pop(outcome.visit, None)
        for line in notes:
            yield from self.told.once(line, failure=True)
        now = time.monotonic()
        for number in visits:
            if (one := self.complete.get(number)) is None:
                continue  # done
            # It has failed, or another process has it.
            one.failures += 1
            one.due = now + min(_FIRST_RETRY_SECONDS * 2**one.failures, _LONGEST_RETRY_SECONDS)
            if number in failed and one.failures >= _TOLD_AT:
                yield from self.told.once(f"visit {number} is not associated: {failed[number]}", failure=True)


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
