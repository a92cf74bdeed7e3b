"""Follows folders: files that come are ingested, and the visits that they complete are predicted and associated.

A file is one transaction (one of alerts: some), and is moved away after its commit: if the process ends between, the
file is read again, and all its rows are there already. What is complete is asked of the database, so that nothing
depends on what this process remembers.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence

from ssdb.errors import DatabaseError, SchemaError
from ssdb.io.inbox import Inbox
from ssdb.store.database import Database
from ssdb.store.tables.visits import count_without_predictions
from ssdb.watch.events import Event, Following, Note, Told, of_trouble
from ssdb.watch.files import Files, in_groups
from ssdb.watch.visits import Visits

_TURN_SECONDS = 2.0
"""After so long of ingesting, what is complete is associated, and the folders are looked at again."""
_PAUSE_TO_LOOK = 10.0
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 5.0


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
        told = Told()
        self.database, self.how, self.ended = database, how, ended
        self.files = Files(database, inboxes, how, told)
        self.visits = Visits(database, how, told, ended)

    def run(self) -> Iterator[Event]:
        trouble, pause = "", 0.0
        while not self.ended():
            try:
                busy = yield from self._turn()
                ends = self.how.once and not (busy or self.files.more_to_come or self.visits.more_to_come)
                if ends:
                    yield from self._tell_the_rest()
            except SchemaError:
                raise
            except (DatabaseError, OSError) as error:
                self.files.changed = self.visits.begins = True  # what had been committed is not known
                said = of_trouble(error)
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
                time.sleep(max(self.how.interval_seconds, _PAUSE_TO_LOOK * self.files.look_seconds))

    def _tell_the_rest(self) -> Iterator[Event]:
        """What is left when there is nothing to do any more."""
        with self.database.reading() as connection:
            n = count_without_predictions(connection)
        for one in (*self.files.waiting.values(), *self.visits.unpredicted.values()):
            yield from one.tell()
        if n:
            yield Note(f"{n:,} visit{'s' if n > 1 else ''} without predictions: not associated yet")

    def _turn(self) -> Generator[Event, None, bool]:
        """Takes what is there, but not for long; whether a file is gone, or was not looked at any more."""
        busy = False
        files = yield from self.files.look()
        until = time.monotonic() + _TURN_SECONDS
        for group in in_groups(files):
            if time.monotonic() > until or self.ended():
                busy = True
                break
            busy |= yield from self.files.take(group)
        busy |= yield from self.files.move_late()
        if self.files.changed or self.visits.are_due:
            if self.files.changed and self.how.predict:
                yield from self.visits.predict()
            yield from self.visits.associate()
            self.files.changed = self.visits.begins = False
        now = time.monotonic()
        for one in (*self.files.waiting.values(), *self.visits.unpredicted.values()):
            if now - one.since > self.how.patience_seconds:
                yield from one.tell()
        return busy
