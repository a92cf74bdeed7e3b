"""SsEphemeris, SsEphemerisNight, SsEphemerisEnd: segments, which nights have those of all orbits, which objects end.

A night is noted when its segments are begun and again when they are complete. Whoever changes orbits removes the notes
in the same transaction, so that a complete night has the segments of the orbits as they are.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import DatabaseError
from ssdb.schema.survey import ss_ephemeris, ss_ephemeris_end, ss_ephemeris_night
from ssdb.store.database import Database
from ssdb.store.locks import lock, lock_at_once
from ssdb.store.postgresql import behind_a_pooler
from ssdb.store.tables.moves import move_objects, remove_doubles
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import write_rows

_night = ss_ephemeris_night.c

_NO_TIMEOUTS = sa.text(
    """SELECT set_config(name, '0', true) FROM pg_settings
       WHERE name IN ('idle_in_transaction_session_timeout', 'transaction_timeout')"""
)

_SECONDS_BETWEEN_TRIALS = 0.2


class Making:
    """Transactions in which segments are made, while the connection ``lock`` keeps others from it (None on SQLite)."""

    def __init__(self, database: Database, lock: sa.Connection | None) -> None:
        self._database = database
        self._lock = lock

    @contextmanager
    def beginning(self) -> Iterator[sa.Connection]:
        """As :meth:`writing`, to begin nights; what was made before can be read after it."""
        with self._database.writing() as connection:
            # In this order: whoever moves objects has locked the orbits before the segments.
            lock(connection, "orbits", shared=True)
            lock(connection, "rows of segments")
            self._check()
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction in which segments are written.

        DatabaseError if the connection with the lock was lost, so that somebody else may be making segments.
        """
        with self._database.writing() as connection:
            # Whoever begins nights next waits for the end of this transaction: what the lock was lost after is whole.
            lock(connection, "rows of segments", shared=True)
            self._check()
            yield connection

    def _check(self) -> None:
        if self._lock is None:
            return
        try:
            self._lock.execute(sa.text("SELECT 1"))
        except sa.exc.SQLAlchemyError as error:
            raise DatabaseError(
                "the connection to the server was lost that kept others from making segments: what is made so far is "
                "stored; run the command again"
            ) from error


@contextmanager
def making_segments(database: Database) -> Iterator[Making]:
    """Waits until nobody else makes segments, and keeps others from it.

    On SQLite it does nothing: the second to write a segment gets an error.
    """
    if database.dialect != "postgresql":
        yield Making(database, None)
        return
    while True:
        with database.writing() as connection:
            # Nothing is done in this transaction, for as long as it takes.
            connection.execute(_NO_TIMEOUTS)
            # Whoever has the lock needs another session; of those of a pooler all may be with others who wait.
            if not behind_a_pooler(connection):
                lock(connection, "segments")
            if not behind_a_pooler(connection) or lock_at_once(connection, "segments"):
                yield Making(database, connection)
                return
        time.sleep(_SECONDS_BETWEEN_TRIALS)


def complete_nights(connection: sa.Connection, nights: Collection[int]) -> set[int]:
    """Those nights that have the segments of all orbits."""
    noted = sa.select(_night.night, _night.nObjects).where(_night.night.in_(nights), _night.nObjects.is_not(None))
    n_noted = {row.night: row.nObjects for row in connection.execute(noted)}
    counted = sa.select(ss_ephemeris.c.night, sa.func.count().label("n")).group_by(ss_ephemeris.c.night)
    n_stored = {row.night: row.n for row in connection.execute(counted.where(ss_ephemeris.c.night.in_(n_noted)))}
    return {night for night, n in n_noted.items() if n_stored.get(night, 0) == n}


def begin_nights(connection: sa.Connection, nights: Collection[int]) -> None:
    """Notes nights as begun, in :meth:`Making.beginning`: orbits that change from now on make them incomplete.

    Whoever was changing orbits has removed the notes, and has been waited for.
    """
    connection.execute(sa.delete(ss_ephemeris_night).where(_night.night.in_(nights)))
    connection.execute(sa.insert(ss_ephemeris_night), [{"night": night} for night in nights])


def finish_night(connection: sa.Connection, night: int, n_lost: int, ended: pa.Table) -> bool:
    """Notes a night as complete, with rows of SsEphemerisEnd; False if orbits were changed since it was begun."""
    n_objects = sa.select(sa.func.count()).where(ss_ephemeris.c.night == night).scalar_subquery()
    now = datetime.now(UTC).replace(tzinfo=None)
    begun = sa.update(ss_ephemeris_night).where(_night.night == night, _night.nObjects.is_(None))
    if not connection.execute(begun.values(nObjects=n_objects, nLost=n_lost, madeAt=now)).rowcount:
        return False
    connection.execute(sa.delete(ss_ephemeris_end).where(ss_ephemeris_end.c.night == night))
    write_rows(connection, ss_ephemeris_end, ended)
    return True


def forget_nights(connection: sa.Connection) -> None:
    """Notes that no night is complete, because orbits have changed."""
    connection.execute(sa.delete(ss_ephemeris_night))
    connection.execute(sa.delete(ss_ephemeris_end))


def replace_segments(connection: sa.Connection, night: int, outdated: np.ndarray, rows: pa.Table | None = None) -> None:
    """Removes the segments of some objects in a night, and adds new rows of SsEphemeris."""
    if len(outdated):
        with staged(connection, ss_ephemeris, pa.table({"ssObjectId": outdated})) as old:
            these = (ss_ephemeris.c.night == night) & ss_ephemeris.c.ssObjectId.in_(sa.select(old.c.ssObjectId))
            connection.execute(sa.delete(ss_ephemeris).where(these))
    if rows is not None:
        write_rows(connection, ss_ephemeris, rows)


def remove_double_segments(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Removes segments under other designations where the primary one has its own; how many there were."""
    return {
        table.name: remove_doubles(connection, table.c.ssObjectId, moves.c.ssObjectId, moves, (table.c.night,))
        for table in (ss_ephemeris, ss_ephemeris_end)
    }


def move_segments(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves segments to the primary designations of their objects; how many were moved."""
    return {table.name: move_objects(connection, table, moves) for table in (ss_ephemeris, ss_ephemeris_end)}
