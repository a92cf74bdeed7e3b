"""Telling and hearing that exposures are associated: PostgreSQL's NOTIFY and LISTEN."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa

from ssdb.errors import DatabaseError
from ssdb.schema.survey import DONE, visit
from ssdb.store.database import Database, driver_connection

CHANNEL = "ssdb_associated"
"""What to LISTEN to."""

_TOLD = ("visit", "runId", "nSources", "nTotalSsObjects", "nAssociatedSsObjects")


def notify_associated(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Tells whoever listens that exposures are done, once the transaction is committed; on SQLite nobody can listen.

    Each exposure is one notification, a JSON object with visit, runId, nSources, nTotalSsObjects and
    nAssociatedSsObjects: far below the 8,000 bytes that PostgreSQL allows.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing, with which the exposures were associated.
    visits : sequence of int
        Of these, those are told that are done: not those of which some detectors are not.
    """
    if connection.dialect.name != "postgresql":
        return
    pairs: Iterable[tuple[Any, Any]] = ((sa.literal_column(f"'{name}'"), visit.c[name]) for name in _TOLD)
    payload = sa.cast(sa.func.json_build_object(*chain.from_iterable(pairs)), sa.Text)
    done = visit.c.visit.in_(visits) & (visit.c.status == DONE)
    # The rows are read first: a function in a list of columns may be called before they are ordered.
    told = sa.select(visit.c.visit, payload.label("payload")).where(done).order_by(visit.c.visit).subquery()
    connection.execute(sa.select(sa.func.count(sa.func.pg_notify(CHANNEL, told.c.payload))))


def listen(database: Database, *, timeout: float | None = None) -> Generator[dict[str, Any], None, None]:
    """Waits for exposures to be associated, by whomever, and tells each of them.

    Parameters
    ----------
    database : Database
        On PostgreSQL. The connection is used for this alone until the iterator is closed; it must be one of a session:
        behind a pool that hands out connections for single transactions nothing is heard.
    timeout : float, optional
        End after so many seconds without anything new; without it, never.

    Yields
    ------
    dict
        visit, runId, nSources, nTotalSsObjects, nAssociatedSsObjects.

    Raises
    ------
    DatabaseError
        If the database is SQLite, cannot be reached, or is behind such a pool.
    """
    if database.dialect != "postgresql":
        raise DatabaseError(
            "only PostgreSQL tells what happens in it; on SQLite ask for what is new: "
            "SELECT visit FROM Visit WHERE associatedAt > ..."
        )
    with database.session() as connection:
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        if CHANNEL not in connection.scalars(sa.text("SELECT pg_listening_channels()")).all():
            raise DatabaseError(
                "the database is behind a pool that hands out connections for single transactions, so that nothing "
                "can be heard: connect to PostgreSQL itself, or to a pool of sessions"
            )
        while True:
            heard = list(driver_connection(connection).notifies(timeout=timeout, stop_after=1))
            if not heard:
                return
            for notified in heard:
                yield json.loads(notified.payload)
