"""Several processes that share the visits of one run, and several runs at once."""

from __future__ import annotations

import json
import logging
import multiprocessing
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
from small_surveys import Survey, beside, change, differences, exported, random_survey, rows

import ssdb.association.associate as associate_module
import ssdb.association.batches as turns_module
from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.errors import ConfigError, NotFoundError, SsdbError
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


def workers_alive() -> list[Any]:
    return [process for process in multiprocessing.active_children() if process.name == "ssdb worker"]


def in_group(group: int) -> list[str]:
    """The processes of a group."""
    listed = subprocess.run(["ps", "-eo", "pgid,stat,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split()[0] == str(group) and line.split()[1][0] != "Z"]


def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it should have happened by now"
        time.sleep(0.02)


# The same rows, one run


def test_workers_give_the_rows_of_one_process(postgresql_url: str, tmp_path: Path) -> None:
    """Crowded fields at 0h and the poles, with and without outlines."""
    config = AssociationConfig(mode="uncertainty", n_sigma=5.0)
    with closing(connect(postgresql_url)) as database:
        for seed, footprints in enumerate(("none", "corners", "mixed", "none", "corners", "mixed")):
            random_survey(seed, 1 + 10 * seed, footprints).load(database)
        report = associate(database, config=config, workers=3)
        assert report.failed == {}
        together = exported(database, tmp_path)
        associate(database, everything=True, config=config)
        assert differences(together, exported(database, tmp_path)) == []
        assert together["SSSource"].num_rows > 10


def test_a_run_of_several_workers_is_one_run(thirty: Database) -> None:
    """One AssociationRun, whose counts and stages are sums; progress counts every visit once."""
    steps: list[tuple[int, int]] = []
    report = associate(thirty, workers=2, progress=lambda done, of_all: steps.append((done, of_all)))
    assert report.n_workers == 2
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
    assert not workers_alive()


def test_an_exposure_that_fails_costs_only_itself(thirty: Database) -> None:
    change(thirty, 'UPDATE "DiaSource" SET "midpointMjdTai" = "midpointMjdTai" + 0.021 WHERE visit = 7')
    report = associate(thirty, workers=2)
    assert [outcome.visit for outcome in report.visits] == [number for number in range(1, 31) if number != 7]
    assert list(report.failed) == [7]
    assert "0.021" in report.failed[7]


def test_no_more_processes_than_exposures(thirty: Database) -> None:
    report = associate(thirty, [5], workers=64)
    assert report.n_workers == 1
    assert associate(thirty, [], workers=3).visits == []


def test_two_commands_at_once_do_every_exposure_once(postgresql_url: str, thirty: Database, tmp_path: Path) -> None:
    """As on two machines."""
    command = [*CLI, "--db", postgresql_url, "associate", "--json"]
    both = (command, [*command, "--workers", "2"])
    running = [subprocess.Popen(one, stdout=subprocess.PIPE, text=True) for one in both]
    reports = [json.loads(one.communicate(timeout=120)[0]) for one in running]
    assert [one.returncode for one in running] == [0, 0]
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


# Death


def test_exposures_of_killed_workers_are_done_by_others(
    thirty: Database, postgresql_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All workers are killed while one waits within its transaction; their visits are done, and it is told."""
    with ThreadPoolExecutor(1) as pool:
        with locked(postgresql_url, 1):
            running = pool.submit(associate, thirty, list(range(1, 31)), workers=2)
            wait_for_lock_waits(thirty, 1)
            for process in workers_alive():
                os.kill(process.pid, signal.SIGKILL)
        report = running.result(timeout=100)
    assert [outcome.visit for outcome in report.visits] == list(range(1, 31))
    assert report.failed == {}
    assert "signal 9" in caplog.text
    assert "done again" in caplog.text
    together = exported(thirty, tmp_path)
    associate(thirty, everything=True)
    assert differences(together, exported(thirty, tmp_path)) == []
    assert not workers_alive()


_associate_visits = associate_module._associate_visits


def deadly(database: Database, visits: list[int], **options: Any) -> Any:
    """What a worker does, if visit 7 were too large for the memory."""
    if 7 in visits:
        os.kill(os.getpid(), signal.SIGKILL)
    return _associate_visits(database, visits, **options)


def test_an_exposure_that_kills_its_workers_is_reported_and_costs_only_itself(
    thirty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(associate_module, "_associate_visits", deadly)
    report = associate(thirty, workers=2)
    assert [outcome.visit for outcome in report.visits] == [number for number in range(1, 31) if number != 7]
    assert list(report.failed) == [7]
    assert "signal 9" in report.failed[7]
    assert dict(rows(thirty, STATES)) == {number: "pending" if number == 7 else "done" for number in range(1, 31)}


def test_workers_that_cannot_start_are_an_error(thirty: Database, tmp_path: Path) -> None:
    """A script without the guard that every user of processes forgets once."""
    script = tmp_path / "script.py"
    url = thirty.engine.url.render_as_string(hide_password=False)
    script.write_text(f"import ssdb\nssdb.associate(ssdb.connect({url!r}), workers=2)\n", encoding="utf-8")
    ended = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1
    assert "SsdbError: a worker process could not be started" in ended.stderr
    assert '`if __name__ == "__main__":`' in ended.stderr
    assert set(rows(thirty, 'SELECT status FROM "Visit"')) == {("pending",)}


def test_workers_that_cannot_connect_say_why(thirty: Database) -> None:
    from ssdb.association.batches import Batches
    from ssdb.association.workers import share

    url = thirty.engine.url.set(database="ssdb_not_there").render_as_string(hide_password=False)
    with pytest.raises(SsdbError, match='database "ssdb_not_there" does not exist'):
        list(share(url, 2, print, Batches([1, 2], 2, 1)))
    assert not workers_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no process groups that can be interrupted")
@pytest.mark.parametrize(
    ("workers", "early"),
    [("2", True), ("2", False), ("1", False)],
    ids=["while they start", "while they work", "while one process works"],
)
def test_an_interruption_ends_all_workers(thirty: Database, postgresql_url: str, workers: str, early: bool) -> None:
    """Ctrl-C reaches all processes of a terminal; one line is said, nothing is half done, and no lock is left."""
    numbers = [f"--visit={number}" for number in range(1, 31)]
    command = [*CLI, "--db", postgresql_url, "associate", "--workers", workers, *numbers]
    with locked(postgresql_url, 1):
        running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        if early:
            wait_until(lambda: rows(thirty, 'SELECT count(*) FROM "AssociationRun"') == [(1,)])
        else:
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


def test_sqlite_has_one_worker_and_says_so(sqlite_url: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(connect(sqlite_url)) as database, caplog.at_level(logging.WARNING):
        many(3).load(database)
        report = associate(database, workers=4)
    assert (len(report.visits), report.n_workers) == (3, 1)
    assert "SQLite lets one write at a time: one worker does all, not 4" in caplog.text


def test_a_number_of_workers_that_is_none(database: Database) -> None:
    for workers in (0, -1):
        with pytest.raises(ConfigError, match=f"workers must be above 0, not {workers}"):
            associate(database, workers=workers)


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
