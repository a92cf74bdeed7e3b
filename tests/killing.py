"""Ends a command, or its connection, at the n-th of its steps; and tells all rows of a database, without ssdb.

A step is the begin of a transaction (on PostgreSQL), a statement, a commit, or a part of rows that are sent. To end
within the process means that an exception which nobody catches is raised there, and that whatever is tried afterwards
is refused but to take the transaction back: what the database does by itself when a process is gone. As a program this
module ends its own process by SIGKILL:

    python tests/killing.py STEP ARGUMENTS-OF-SSDB...
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from threading import Lock
from typing import Any

import psycopg
import sqlalchemy as sa

from ssdb.store.transfer import write

CLOCK = (
    *("predictionsAt", "runId", "associatedAt", "madeAt", "startedAt", "finishedAt", "timings", "diaRunId"),
    *("diaAssociatedAt", "validityStartMjdTai", "validityEndMjdTai", "timeWithdrawnMjdTai", "mergedAt"),
    *("ssObjectReassocTimeMjdTai", "submittedAt"),
)
"""Columns in which two runs differ."""

State = dict[str, Counter[tuple]]


class Killed(BaseException):
    """The command has ended here."""


Fault = Callable[[Any], None]
"""What happens at the step, given the connection of the driver."""


class Steps:
    """Counts the steps of a command; at one of them something happens.

    Parameters
    ----------
    at : int, optional
        The step, from 1; without it nothing happens.
    fault : callable, optional
        What; without it the command is killed.
    """

    def __init__(self, at: int | None = None, fault: Fault | None = None) -> None:
        self.n = 0
        self.commits: list[int] = []
        self._at = at
        self._fault = fault or self._kill
        self._killed = False
        self._lock = Lock()

    @property
    def reached(self) -> bool:
        """Whether the step came."""
        return self._at is not None and self.n >= self._at

    def _kill(self, _connection: Any) -> None:
        self._killed = True
        raise Killed

    def _step(self, connection: Any, *, commit: bool = False) -> None:
        with self._lock:
            if self._killed:
                raise Killed
            self.n += 1
            if commit:
                self.commits.append(self.n)
            if self.n == self._at:
                self._fault(connection)

    def _begin(self, connection: sa.Connection) -> None:
        # What ssdb sends then goes past SQLAlchemy on PostgreSQL, and is no statement to it.
        if connection.dialect.name == "postgresql":
            self._step(connection.connection.driver_connection)

    def _statement(self, connection: sa.Connection, *_: Any) -> None:
        self._step(connection.connection.driver_connection)

    def _commit(self, connection: sa.Connection) -> None:
        self._step(connection.connection.driver_connection, commit=True)

    @contextmanager
    def counted(self) -> Iterator[Steps]:
        """Within, every step of this process is counted."""
        copy, inserted = psycopg.Copy.write, write._python_rows

        def copy_part(this: psycopg.Copy, rows: Any) -> None:
            self._step(this.connection)
            copy(this, rows)

        def insert_parts(*arguments: Any) -> Iterator[Any]:
            for rows in inserted(*arguments):
                self._step(None)
                yield rows

        psycopg.Copy.write, write._python_rows = copy_part, insert_parts  # type: ignore[method-assign]
        listeners = (("begin", self._begin), ("before_cursor_execute", self._statement), ("commit", self._commit))
        for name, listener in listeners:
            sa.event.listen(sa.Engine, name, listener)
        try:
            yield self
        finally:
            for name, listener in listeners:
                sa.event.remove(sa.Engine, name, listener)
            psycopg.Copy.write, write._python_rows = copy, inserted  # type: ignore[method-assign]


def sampled(steps: Steps, how_many: int) -> list[int]:
    """Steps to end a command at: the first and the last, commits, and others evenly between; all for 0."""
    every = range(1, steps.n + 1)
    if not how_many or steps.n <= how_many:
        return list(every)
    commits = [every[0], every[-1], *steps.commits][:how_many]
    left = how_many - len(set(commits))
    return sorted({*commits, *(1 + (2 * k + 1) * steps.n // (2 * left) for k in range(left))})


def terminate(connection: psycopg.Connection) -> None:
    """Ends a connection of PostgreSQL from outside, as its administrator does, and waits for that."""
    about = connection.info
    with psycopg.connect(about.dsn, password=about.password or None, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(CAST(%s AS integer), 10000)", (about.backend_pid,))


@contextmanager
def _plain(url: sa.URL) -> Iterator[Any]:
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection:
            yield connection
    else:
        with psycopg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
            yield connection


_NAMES = {
    "sqlite": "SELECT type, name FROM sqlite_master",
    "postgresql": """
        SELECT CASE WHEN relkind IN ('r', 'p') AND NOT relispartition THEN 'table' ELSE CAST(relkind AS text) END,
               relname FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace)
        UNION ALL SELECT 'function', proname FROM pg_proc WHERE pronamespace = CAST('public' AS regnamespace)""",
}


def state_of(url: str, without: tuple[str, ...] = (), moments: tuple[str, ...] = CLOCK) -> State:
    """Every row of every table, and under "" whatever else has a name; without what tells of the time."""
    parsed = sa.make_url(url)
    dialect = parsed.get_backend_name()
    state: State = {}
    with _plain(parsed) as connection:
        named = [(kind, name) for kind, name in connection.execute(_NAMES[dialect]).fetchall()]
        state[""] = Counter(named)
        for kind, name in named:
            if kind == "table" and name not in without:
                rows = connection.execute(f'SELECT * FROM "{name}"')
                kept = [index for index, column in enumerate(rows.description) if column[0] not in moments]
                state[name] = Counter(tuple(row[index] for index in kept) for row in rows.fetchall())
    return state


def lost(before: State, after: State, now: State) -> int:
    """How many rows are not there that were there before, and that the command does not remove."""
    return sum(
        ((before[table] & after[table]) - now.get(table, Counter())).total() for table in before if table in after
    )


def main() -> None:
    """Runs a command of ssdb that ends itself."""
    from ssdb.cli import main as ssdb

    def kill(_connection: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with Steps(int(sys.argv[1]), kill).counted():
        ssdb(sys.argv[2:])


if __name__ == "__main__":
    main()
