"""Several runs at once, which share the visits; what they leave when they are interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from ingesting import wait_for_lock_waits
from small_surveys import Survey, beside, change, differences, exported, rows

import ssdb.association.associate as associate_module
import ssdb.association.batches as turns_module
from ssdb.association.associate import associate
from ssdb.errors import NotFoundError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

CLI = [sys.executable, "-c", "from ssdb.cli import main; main()"]
STATES = 'SELECT visit, status FROM "Visit" ORDER BY visit'


def many(n_visits: int) -> Survey:
    """Exposures with three objects and their sources."""
    survey = Survey()
    for visit in range(1, n_visits + 1):
        survey.add_visit(visit)
        for number in range(3):
            survey.add_prediction(number, 10.0 + 0.01 * number, 20.0, visit)
            survey.add_source(10 * visit + number, *beside(10.0 + 0.01 * number, 20.0, 0.1 * number, 0.2), visit)
    return survey


@pytest.fixture
def thirty(postgresql_url: str) -> Iterator[Database]:
    with closing(connect(postgresql_url)) as database:
        many(30).load(database)
        yield database


@contextmanager
def locked(url: str, visit: int) -> Iterator[sa.Connection]:
    """A connection of somebody else, in a transaction that has locked a visit."""
    with closing(connect(url)) as other, other.writing() as connection:
        connection.execute(sa.text('SELECT visit FROM "Visit" WHERE visit = :v FOR UPDATE'), {"v": visit})
        yield connection


def in_group(group: int) -> list[str]:
    """The processes of a group."""
    listed = subprocess.run(["ps", "-eo", "pgid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(group) and line.split()[1][0] != "Z"]


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it should have happened by now"
        time.sleep(0.02)


def test_batches_at_the_same_time_are_one_run(thirty: Database) -> None:
    """One AssociationRun, whose counts and stages are sums; progress counts every visit once."""
    steps: list[tuple[int, int]] = []
    report = associate(thirty, progress=lambda done, of_all: steps.append((done, of_all)))
    assert [outcome.visit for outcome in report.visits] == list(range(1, 31))
    assert sum(done for done, _ in steps) == 30
    assert {of_all for _, of_all in steps} == {30}
    [run] = rows(thirty, 'SELECT "runId", "nVisits", "nFailed", "nSources", timings FROM "AssociationRun"')
    assert run[:4] == (report.run_id, 30, 0, 90)
    timings = json.loads(run[4])
    # Three predictions, and one detector, of each.
    assert timings["read"]["rows"] == 30 * 4
    assert timings["claim"]["rows"] == 30
    assert set(rows(thirty, 'SELECT status, "runId" FROM "Visit"')) == {("done", report.run_id)}


def test_an_exposure_that_fails_costs_only_itself(thirty: Database) -> None:
    change(thirty, 'UPDATE "DiaSource" SET "midpointMjdTai" = "midpointMjdTai" + 0.021 WHERE visit = 7')
    report = associate(thirty)
    assert [outcome.visit for outcome in report.visits] == [number for number in range(1, 31) if number != 7]
    assert list(report.failed) == [7]
    assert "0.021" in report.failed[7]


def test_commands_at_once_do_every_exposure_once(postgresql_url: str, thirty: Database, tmp_path: Path) -> None:
    """As on two machines."""
    command = [*CLI, "--db", postgresql_url, "associate", "--json"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    reports = [json.loads(one.communicate(timeout=120)[0]) for one in running]
    assert [one.returncode for one in running] == [0, 0, 0]
    assert sorted(v["visit"] for report in reports for v in report["visits"]) == list(range(1, 31))
    together = exported(thirty, tmp_path)
    associate(thirty, everything=True)
    assert differences(together, exported(thirty, tmp_path)) == []


def test_what_another_process_gives_back_is_done_at_the_end(thirty: Database, postgresql_url: str) -> None:
    """Another one has visit 1 at first, and fails; it is not left for the next run."""
    with locked(postgresql_url, 1) as holder:
        report = associate(thirty, progress=lambda _done, _of_all: holder.rollback())
    assert len(report.visits) == 30
    assert report.n_taken == 0
    change(thirty, "UPDATE \"Visit\" SET status = 'pending' WHERE visit = 2")
    steps: list[int] = []
    with locked(postgresql_url, 2):
        report = associate(thirty, progress=lambda done, _of_all: steps.append(done))
    assert (report.visits, report.failed, report.n_taken, sum(steps)) == ([], {}, 1, 1)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups that can be interrupted")
def test_an_interruption_ends_both_batches(thirty: Database, postgresql_url: str) -> None:
    """Ctrl-C ends both batches; one line is said, nothing is half done, and no lock is left."""
    numbers = [f"--visit={number}" for number in range(1, 31)]
    command = [*CLI, "--db", postgresql_url, "associate", *numbers]
    with locked(postgresql_url, 1):
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        wait_for_lock_waits(thirty, 1)
        os.killpg(running.pid, signal.SIGINT)
        _, stderr = running.communicate(timeout=60)
        assert running.returncode == 1
        assert stderr.strip() == "Aborted!"
        wait_until(lambda: not in_group(running.pid))
        # Nobody waits for visit 1 any more.
        waiting = """SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'"""
        wait_until(lambda: rows(thirty, waiting) == [(0,)])
    assert dict(rows(thirty, STATES))[1] == "pending"
    # What was done is done, and all the rest waits, and can be had.
    pending = rows(thirty, "SELECT visit FROM \"Visit\" WHERE status = 'pending' ORDER BY visit")
    report = associate(thirty)
    assert [(outcome.visit,) for outcome in report.visits] == pending
    assert report.n_taken == 0


# What is asked for


def test_more_exposures_may_be_named_than_a_statement_takes_parameters(database: Database) -> None:
    """PostgreSQL takes 65,535, SQLite 32,766."""
    many(3).load(database)
    with pytest.raises(NotFoundError, match="visit 4, 5, 6, 7, 8 and 69,991 more is not in the database"):
        associate(database, range(1, 70_000))
    assert [outcome.visit for outcome in associate(database, [3, 2, 3]).visits] == [2, 3]


# Turns on SQLite


_match = associate_module.match


def slow(*arguments: Any) -> Any:
    time.sleep(0.2)
    return _match(*arguments)


def test_others_can_write_to_sqlite_while_a_night_is_associated(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without turns the lock is free for a millisecond at a time, and who waits looks for it every 100.

    How many transactions came before is counted, and not the seconds, since the machine may be busy.
    """
    monkeypatch.setattr(associate_module, "_VISITS_PER_BATCH", 1)
    monkeypatch.setattr(associate_module, "match", slow)
    monkeypatch.setattr(turns_module, "_TURN_SECONDS", 0.3)
    with closing(connect(sqlite_url)) as database, closing(connect(sqlite_url)) as other:
        many(30).load(database)

        def n_done() -> int:
            return len(rows(other, "SELECT visit FROM \"Visit\" WHERE status = 'done'"))

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(associate, database)
            wait_until(lambda: n_done() > 1)
            waited = []
            for number in range(3):
                before = n_done()
                with other.writing() as connection:
                    connection.execute(sa.text('UPDATE "Visit" SET band = :b WHERE visit = 1'), {"b": str(number)})
                waited.append(n_done() - before)
            assert len(running.result(timeout=60).visits) == 30
    assert max(waited) <= 6
