"""The locks of ssdb: who waits is told for whom, and who may only read stops nobody."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import ingesting
import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from small_surveys import change, rows
from test_roles import Login, login  # noqa: F401 (a fixture)

import ssdb
from ssdb.errors import SchemaError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.locks import lock
from ssdb.store.tables.segments import making_segments
from ssdb.store.tables.visits import claim_visits, lock_visits

ADVISORY = ["ssdb names", "ssdb visits", "ssdb sources", "ssdb partitions", "ssdb segments", "ssdb schema"]
"""What ssdb once locked so, and anybody can."""

LOCKS = ("names", "orbits", "visits", "partitions", "sources", "segments")
SHARED = ("names", "orbits")


@pytest.fixture
def server(postgresql_url: str) -> Iterator[Database]:
    with closing(connect(postgresql_url)) as opened:
        yield opened


class Heard(logging.Handler):
    """Keeps what is logged, and tells when there is something."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.some = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())
        self.some.set()


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> Iterator[Heard]:
    """What ssdb warns of, soon."""
    monkeypatch.setattr("ssdb.store.waits.SECONDS", 0.2)
    heard = Heard()
    logging.getLogger("ssdb").addHandler(heard)
    yield heard
    logging.getLogger("ssdb").removeHandler(heard)


def fails_at_once(database: Database, name: str, shared: bool = False) -> bool:
    """Whether somebody else cannot take a lock now."""
    try:
        with database.writing() as connection:
            connection.exec_driver_sql("SET LOCAL lock_timeout = '200ms'")
            lock(connection, name, shared=shared)
    except ssdb.DatabaseError:
        return True
    return False


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_of_one_at_a_time_until_the_end_of_the_transaction(name: str, server: Database) -> None:
    with server.writing() as connection:
        lock(connection, name)
        lock(connection, name)
        for other in LOCKS:
            assert fails_at_once(server, other) == (other == name)
    assert not fails_at_once(server, name)


@pytest.mark.parametrize("name", SHARED)
def test_a_lock_that_is_shared_keeps_off_who_wants_it_alone(name: str, server: Database) -> None:
    with server.writing() as connection:
        lock(connection, name, shared=True)
        assert not fails_at_once(server, name, shared=True)
        assert fails_at_once(server, name)


def test_segments_are_made_by_one_at_a_time_without_keeping_vacuum_from_its_work(server: Database) -> None:
    """Held for an hour, it must not keep a transaction number from which on nothing can be cleaned up."""
    with making_segments(server):
        assert fails_at_once(server, "segments")
        mine = """SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'
                  AND datname = current_database() AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)"""
        assert rows(server, mine) == [(0,)]
    assert not fails_at_once(server, "segments")


def test_a_lock_whose_row_is_gone_says_what_to_do(server: Database, postgresql_url: str) -> None:
    change(server, 'DELETE FROM "SsLock"')
    with pytest.raises(SchemaError, match="lost its row visits: run `ssdb init`"):
        ssdb.ingest_visits(server, ingesting.visits())
    ssdb.initialize(postgresql_url).close()
    ingesting.load_night(server)


# Whom one waits for


@pytest.mark.parametrize("wanted", [*LOCKS, "rows of visits", "visits to associate"])
def test_who_waits_is_told_for_whom(wanted: str, server: Database, postgresql_url: str, warned: Heard) -> None:
    ssdb.ingest_visits(server, ingesting.visits())
    takes: dict[str, Callable[[sa.Connection], Any]] = {
        name: lambda connection, name=name: lock(connection, name) for name in LOCKS
    }
    takes["rows of visits"] = lambda connection: lock_visits(connection, np.array([10, 20]))
    takes["visits to associate"] = lambda connection: claim_visits(connection, [10, 20], only_pending=False)
    change(server, 'UPDATE "Visit" SET "predictionsAt" = now()')

    def take() -> None:
        with server.writing() as connection:
            takes[wanted](connection)

    holder_url = sa.make_url(postgresql_url).update_query_dict({"application_name": "a nightly job"})
    with closing(connect(holder_url)) as holder, ThreadPoolExecutor(1) as pool:
        with holder.writing() as connection:
            takes[wanted](connection)
            pid, user = connection.execute(sa.text("SELECT pg_backend_pid(), current_user")).one()
            waiting = pool.submit(take)
            assert warned.some.wait(60)
        waiting.result(60)
    what = f"the lock on {wanted}" if wanted in LOCKS else "visits"
    assert warned.messages == [f"waiting for {what}, held by pid {pid} (user {user}, application 'a nightly job')"]


def test_who_need_not_wait_is_told_nothing(server: Database, warned: Heard) -> None:
    with server.writing() as connection:
        for name in LOCKS:
            lock(connection, name)
    assert not warned.some.wait(0.5)


def test_ssdb_can_be_told_apart_from_others(server: Database) -> None:
    shown = "SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()"
    assert rows(server, shown) == [("ssdb",)]


def test_who_waits_for_a_file_is_told_that_another_is_writing(sqlite_url: str, warned: Heard) -> None:
    path = str(sa.make_url(sqlite_url).database)
    other = sqlite3.connect(path, isolation_level=None)
    with closing(connect(sqlite_url)) as database, closing(other), ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        waiting = pool.submit(ssdb.ingest_visits, database, ingesting.visits())
        assert warned.some.wait(60)
        other.execute("ROLLBACK")
        assert waiting.result(60).rows == 2
    assert warned.messages == [f"waiting for another process that is writing to {path}"]


# Who may only read


def test_a_reader_stops_nobody(login: Login, postgresql_url: str) -> None:  # noqa: F811
    """With all that it can hold in hand: advisory locks, and every table in the only mode that SELECT gives."""
    with psycopg.connect(login("ssdb_reader").replace("+psycopg", "")) as reader:
        for name in ADVISORY:
            reader.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        tables = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'"
        for (table,) in reader.execute(tables).fetchall():
            reader.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        writer = sa.make_url(login("ssdb_writer")).update_query_dict({"options": "-c lock_timeout=5s"})
        with closing(connect(writer)) as database:
            ingesting.load_night(database, footprints=True)
            elements = {"q": [1.13], "e": [0.22], "i": [10.8], "node": [304.0], "argperi": [178.0]}
            elements |= {"peri_time": [60000.0], "epoch_mjd": [60000.0]}
            names = {"unpacked_primary_provisional_designation": ["1898 DQ"]}
            ssdb.ingest_orbits(database, elements | names, format="mpc_orbits")
            numbered = {"packed_primary_provisional_designation": ["I98D00Q"], "permid": ["433"]}
            ssdb.ingest_identifications(database, numbered | names)
            ssdb.relink(database)
            with making_segments(database):
                pass
        owner = sa.make_url(login("ssdb_owner")).update_query_dict({"options": "-c lock_timeout=5s"})
        ssdb.initialize(owner).close()


LOCKING = [
    'SELECT name FROM "SsLock" FOR UPDATE',
    'SELECT name FROM "SsLock" FOR KEY SHARE',
    'SELECT visit FROM "Visit" FOR SHARE',
    'LOCK TABLE "SsAlias" IN ROW EXCLUSIVE MODE',
    "LOCK TABLE mpc_orbits IN SHARE MODE",
    'LOCK TABLE "SsEphemerisNight" IN SHARE UPDATE EXCLUSIVE MODE',
    'LOCK TABLE "Visit" IN ROW SHARE MODE',
    "LOCK TABLE alembic_version IN SHARE ROW EXCLUSIVE MODE",
]


def test_a_reader_cannot_take_the_locks_of_writers(login: Login) -> None:  # noqa: F811
    with psycopg.connect(login("ssdb_reader").replace("+psycopg", "")) as reader:
        allowed = []
        for statement in LOCKING:
            try:
                reader.execute(statement)
                allowed.append(statement)
            except psycopg.errors.InsufficientPrivilege:
                pass
            reader.rollback()
    assert allowed == []
