"""Tells whoever listens that visits are associated, and listens for it: PostgreSQL's NOTIFY and LISTEN.

Any role can tell anything on any channel. What is heard is only a reason to look: what is passed on is what the tables
say.
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Collection, Generator, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from ssdb.errors import DatabaseError
from ssdb.schema.survey import DONE, visit
from ssdb.store.database import Database
from ssdb.store.driver import driver_connection
from ssdb.store.query_plans import visit_parameters, visit_values

_log = logging.getLogger("ssdb")

CHANNEL = "ssdb_associated"
"""What to LISTEN to."""

OBJECTS_CHANNEL = "ssdb_objects"
"""The same, of DiaObjects."""

_SECONDS_TO_HEAR = 5.0
"""So long it takes at most until what is told on another connection is heard."""

_KEPT = 10_000
"""So many of the visits that were passed on are remembered, so as not to pass them on once more."""

_TOLD = ("visit", "runId", "nSources", "nTotalSsObjects", "nAssociatedSsObjects")


def notify_associated(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Tells whoever listens that visits are done, once the transaction that associated them is committed.

    Each visit is one notification, a JSON object with visit, runId, nSources, nTotalSsObjects and nAssociatedSsObjects:
    far below the 8,000 bytes that PostgreSQL allows. Visits some of whose detectors are not done are left out. On
    SQLite nobody can listen.
    """
    if connection.dialect.name != "postgresql":
        return
    connection.execute(_told(len(visits)), visit_values(visits))


@lru_cache
def _told(n_visits: int) -> sa.Select:
    pairs: Iterable[tuple[Any, Any]] = ((sa.literal_column(f"'{name}'"), visit.c[name]) for name in _TOLD)
    payload = sa.cast(sa.func.json_build_object(*chain.from_iterable(pairs)), sa.Text)
    done = visit.c.visit.in_(visit_parameters(n_visits)) & (visit.c.status == DONE)
    # The rows are read first: a function in a list of columns may be called before they are ordered.
    told = sa.select(visit.c.visit, payload.label("payload")).where(done).order_by(visit.c.visit).subquery()
    return sa.select(sa.func.count(sa.func.pg_notify(CHANNEL, told.c.payload)))


def notify_objects(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Tells whoever listens on :data:`OBJECTS_CHANNEL` that the sources of visits have been given to DiaObjects.

    As :func:`notify_associated`, with visit, runId, nUpdatedDiaObjects, nNewDiaObjects and nMarginalDiaSources.
    """
    if connection.dialect.name != "postgresql":
        return
    counts = ("nUpdatedDiaObjects", "nNewDiaObjects", "nMarginalDiaSources")
    pairs: list[tuple[Any, Any]] = [(sa.literal_column("'visit'"), visit.c.visit)]
    pairs += [(sa.literal_column("'runId'"), visit.c.diaRunId)]
    pairs += [(sa.literal_column(f"'{name}'"), visit.c[name]) for name in counts]
    payload = sa.cast(sa.func.json_build_object(*chain.from_iterable(pairs)), sa.Text)
    told = sa.select(payload.label("payload")).where(visit.c.visit.in_(visits)).order_by(visit.c.visit).subquery()
    connection.execute(sa.select(sa.func.count(sa.func.pg_notify(OBJECTS_CHANNEL, told.c.payload))))


def listen(database: Database, *, timeout: float | None = None) -> Generator[dict[str, Any], None, None]:
    """Waits for visits to be associated, by whomever, and tells each of them, once for every run.

    Yields dictionaries with visit, runId, nSources, nTotalSsObjects, nAssociatedSsObjects; ends after ``timeout``
    seconds without anything new, or never. What is told and not borne out by the table Visit is ignored.

    A connection is used for this alone until the iterator is closed; it must be one of a session: behind a pool that
    hands out connections for single transactions nothing is heard. DatabaseError if the database is SQLite, cannot be
    reached, or is behind such a pool.
    """
    require_postgresql(database)
    with database.session() as connection:
        _require_hearing(database, connection)
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        passed_on: dict[tuple[int, str], None] = {}
        n_ignored = 0
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while end is None or time.monotonic() < end:
                heard = _heard(connection, None if end is None else end - time.monotonic())
                stored = _stored(database, {told[0] for told in heard if told})
                for told in heard:
                    if told is None or told not in stored:
                        n_ignored += 1
                        if n_ignored == 1:
                            _log.warning("a notification on %s that the tables do not bear out is ignored", CHANNEL)
                    elif told not in passed_on:
                        passed_on[told] = None
                        if len(passed_on) > _KEPT:
                            del passed_on[next(iter(passed_on))]
                        yield stored[told]
                        end = None if timeout is None else time.monotonic() + timeout
        finally:
            if n_ignored > 1:
                _log.warning("%d notifications on %s that the tables do not bear out were ignored", n_ignored, CHANNEL)


def require_postgresql(database: Database) -> None:
    """DatabaseError if nothing can be heard of a database."""
    if database.dialect != "postgresql":
        raise DatabaseError(
            "only PostgreSQL tells what happens in it; on SQLite ask for what is new: "
            "SELECT visit FROM Visit WHERE associatedAt > ..."
        )


def _require_hearing(database: Database, connection: sa.Connection) -> None:
    """Raises DatabaseError if what is told on another connection is not heard on this one.

    To ask which channels are listened to does not show it: a pool of transactions that is idle gives the same session
    again, and passes on nothing that comes when it is given to nobody.
    """
    channel = f"ssdb_{uuid.uuid4().hex}"
    connection.exec_driver_sql(f"LISTEN {channel}")
    with database.session() as other:
        other.exec_driver_sql(f"NOTIFY {channel}")
    heard = list(driver_connection(connection).notifies(timeout=_SECONDS_TO_HEAR, stop_after=1))
    connection.exec_driver_sql(f"UNLISTEN {channel}")
    if not heard:
        raise DatabaseError(
            "the database is behind a pool that hands out connections for single transactions (PgBouncer's pool_mode "
            "transaction), so that nothing can be heard: connect to PostgreSQL itself, or to a pool of sessions"
        )


def _heard(connection: sa.Connection, timeout: float | None) -> list[tuple[int, str] | None]:
    """The visit and run of each notification of the next ones; None of one that is not ssdb's."""
    heard: list[tuple[int, str] | None] = []
    try:
        notifications = driver_connection(connection).notifies(timeout=timeout, stop_after=1)
        heard += [_visit_and_run(told.payload) for told in notifications]
    except UnicodeDecodeError:
        heard.append(None)
    return heard


def _visit_and_run(payload: str) -> tuple[int, str] | None:
    try:
        told = json.loads(payload)
        visit_id, run = told["visit"], told["runId"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    fits = type(visit_id) is int and -(2**63) <= visit_id < 2**63
    return (visit_id, run) if fits and isinstance(run, str) else None


def _stored(database: Database, visits: Collection[int]) -> dict[tuple[int, str], dict[str, Any]]:
    """What the tables say of those visits that are done, by visit and run."""
    if not visits:
        return {}
    wanted = sa.bindparam("visits", list(visits), ARRAY(sa.BigInteger))
    done = (visit.c.visit == sa.func.any(wanted)) & (visit.c.status == DONE)
    with database.reading() as connection:
        rows = connection.execute(sa.select(*(visit.c[name] for name in _TOLD)).where(done)).mappings()
        return {(row["visit"], row["runId"]): dict(row) for row in rows}
