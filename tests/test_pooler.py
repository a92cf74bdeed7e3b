"""PostgreSQL behind a pooler that gives every transaction another session (PgBouncer's mode ``transaction``)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from ingesting import load_night
from pooler import pgbouncer, pooled
from small_surveys import rows

import ssdb
from ssdb.cli import main
from ssdb.errors import DatabaseError
from ssdb.store import waits
from ssdb.store.driver import driver_connection
from ssdb.store.locks import lock
from ssdb.store.tables.segments import making_segments

NO_PGBOUNCER = "there is no pgbouncer on the PATH"


@pytest.fixture
def pooled_url(postgresql_url: str) -> Iterator[str]:
    """Through the small pooler; nothing may be left in a session."""
    left: set[str] = set()
    with pooled(postgresql_url, left) as url:
        yield url
    assert left == set()


@pytest.fixture(params=["small", 0, 200], ids=["small", "PgBouncer", "PgBouncer that follows statements"])
def any_pooled_url(request: pytest.FixtureRequest, postgresql_url: str, tmp_path: Path) -> Iterator[str]:
    """Through the small pooler, and through PgBouncer."""
    if request.param == "small":
        with pooled(postgresql_url) as url:
            yield url
    elif shutil.which("pgbouncer"):
        with pgbouncer(postgresql_url, tmp_path, request.param) as url:
            yield url
    else:
        pytest.skip(NO_PGBOUNCER)


def test_the_pooler_changes_the_session_with_every_transaction(pooled_url: str) -> None:
    with closing(ssdb.connect(pooled_url)) as database:
        processes = [rows(database, "SELECT pg_backend_pid()")[0][0] for _ in range(4)]
    assert len(set(processes)) > 1


def test_it_tells_what_is_left_in_a_session(postgresql_url: str) -> None:
    """Or that nothing is left would show nothing."""
    left: set[str] = set()
    with pooled(postgresql_url, left) as url, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as driver:
        driver.execute("CREATE TEMPORARY TABLE mine (n int); PREPARE one AS SELECT 1; SET work_mem = '5MB'")
        driver.execute("LISTEN news; SELECT pg_advisory_lock(7)")
        driver.execute("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT 1; COMMIT")
        driver.execute("BEGIN; CREATE TEMPORARY TABLE other (n int) ON COMMIT DROP; SET LOCAL jit = off; COMMIT")
    assert {what.partition(";")[0] for what in left} == {
        *("temporary mine", "prepared CREATE TEMPORARY TABLE mine (n int)", "setting work_mem", "cursor c"),
        *("channel news", "advisory lock"),
    }


def test_any_number_of_commands_work_behind_it(any_pooled_url: str, tmp_path: Path) -> None:
    """A statement that the driver prepares in one session is not there in the next, or is another's of that name."""
    pooled_url = any_pooled_url
    with closing(ssdb.connect(pooled_url)) as database:
        load_night(database)
        counts = [ssdb.status(database) for _ in range(15)]
        assert ssdb.associate(database, everything=True).failed == {}
        assert all(not rule.n_violations for rule in ssdb.check(database))
    assert all(count == counts[0] for count in counts)
    export = ["export", "SSSource", "-o", str(tmp_path / "matches.parquet")]
    reports = (["report", str(tmp_path / "report")], ["resolve", "433"], ["partition", "list"], export)
    for command in (["status"], ["associate", "--all"], ["query", 'SELECT visit FROM "Visit"'], ["check"], *reports):
        for _ in range(2):
            assert CliRunner().invoke(main, ["--db", pooled_url, *command]).exit_code == 0


@pytest.mark.parametrize(
    ("asked", "threshold"), [("", None), ("&prepare_threshold=7", 7), ("&prepare_threshold=none", None)]
)
def test_behind_it_nothing_is_prepared_unless_the_url_says_so(pooled_url: str, asked: str, threshold: Any) -> None:
    with closing(ssdb.connect(pooled_url + asked)) as database, database.reading() as connection:
        assert driver_connection(connection).prepare_threshold == threshold


def test_without_it_statements_are_prepared_as_the_driver_does(postgresql_url: str) -> None:
    with closing(ssdb.connect(postgresql_url)) as database, database.reading() as connection:
        driver = driver_connection(connection)
        assert driver.prepare_threshold == 5
        assert driver.autocommit is False
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1


def test_nothing_is_heard_behind_it_which_is_said(any_pooled_url: str) -> None:
    """An idle PgBouncer gives the same session again, which says that it listens; but what it hears goes nowhere."""
    with (
        closing(ssdb.connect(any_pooled_url)) as database,
        pytest.raises(DatabaseError, match="behind a pool that hands out connections for single transactions"),
    ):
        next(ssdb.listen(database, timeout=60))


def test_who_holds_a_lock_is_told_behind_it(
    pooled_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pooler tells of a process of the server that is none."""
    monkeypatch.setattr(waits, "SECONDS", 0.2)
    with (
        closing(ssdb.connect(pooled_url)) as database,
        ThreadPoolExecutor() as pool,
        database.writing() as waiting,
        database.writing() as holding,
    ):
        lock(holding, "orbits")
        (holder,) = holding.execute(sa.text("SELECT pg_backend_pid()")).one()
        waits_for_it = pool.submit(lock, waiting, "orbits")
        while "waiting for the lock on orbits" not in caplog.text:
            time.sleep(0.02)
        holding.rollback()
        waits_for_it.result()
    assert f"held by pid {holder} " in caplog.text


def test_who_waits_to_make_segments_has_no_session_meanwhile(pooled_url: str) -> None:
    """Or a few who wait have all that there are, and who makes segments gets no other."""
    began = Event()
    with closing(ssdb.connect(pooled_url)) as database, ThreadPoolExecutor() as pool:

        def make() -> None:
            began.set()
            with making_segments(database):
                pass

        with making_segments(database):
            other = pool.submit(make)
            began.wait()
            for _ in range(20):
                assert rows(database, "SELECT count(*) FROM pg_locks WHERE NOT granted") == [(0,)]
                time.sleep(0.02)
            assert not other.done()
        other.result()


def test_many_make_segments_through_few_sessions(postgresql_url: str, tmp_path: Path) -> None:
    if not shutil.which("pgbouncer"):
        pytest.skip(NO_PGBOUNCER)

    def make(url: str) -> list[tuple]:
        with closing(ssdb.connect(url)) as database, making_segments(database) as making:
            with making.writing() as connection:
                connection.execute(sa.text("SELECT 1"))
            return rows(database, "SELECT 1")

    with pgbouncer(postgresql_url, tmp_path, 0) as url, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(make, [url] * 4)) == [[(1,)]] * 4
