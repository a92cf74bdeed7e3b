"""The state of visits, and the locks that keep two from working on one."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from ingesting import at_once, wait_for_lock_waits
from small_surveys import change, rows
from test_views import insert

from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import DONE, PENDING, ss_candidate, ss_expected, ss_prediction, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.results import clear_results
from ssdb.store.tables.visits import (
    claim_visits,
    count_without_predictions,
    lock_visits,
    mark_pending,
    pending_visits,
)
from ssdb.store.transfer.write import write_rows

LOADED = datetime(2026, 11, 22)


def add_visits(database: Database, visits: list[int], status: str = PENDING, loaded: datetime | None = LOADED) -> None:
    n = len(visits)
    with database.writing() as connection:
        columns = {
            "visit": pa.array(visits, pa.int64()),
            "midpointMjdTai": pa.array([60000.0 + v for v in visits]),
            "status": pa.array([status] * n),
            "predictionsAt": pa.array([loaded] * n, pa.timestamp("us")),
        }
        write_rows(connection, visit, pa.table(columns))


def finish(connection: sa.Connection, visits: list[int]) -> None:
    connection.execute(sa.update(visit).where(visit.c.visit.in_(visits)).values(status=DONE))


def fail_rather_than_wait(connection: sa.Connection) -> None:
    connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")


# Which visits wait


def test_visits_wait_for_association_or_for_their_predictions(database: Database) -> None:
    add_visits(database, [5, 3, -4])
    add_visits(database, [1, 7], status=DONE)
    add_visits(database, [2, 6], loaded=None)
    add_visits(database, [8], status=DONE, loaded=None)
    with database.reading() as connection:
        assert pending_visits(connection) == [-4, 3, 5]
        assert count_without_predictions(connection) == 2


# Claims


def test_a_claim_takes_what_is_pending_and_loaded(database: Database) -> None:
    add_visits(database, [5, 3])
    add_visits(database, [1], status=DONE)
    add_visits(database, [2], loaded=None)
    with database.writing() as connection:
        assert claim_visits(connection, [1, 2, 3, 4, 5], only_pending=True) == [3, 5]
        assert claim_visits(connection, [5], only_pending=True) == [5]
        assert claim_visits(connection, [1, 2, 3, 4, 5], only_pending=False) == [1, 3, 5]
        assert claim_visits(connection, [], only_pending=True) == []


def test_a_claim_skips_what_another_has(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database:
        add_visits(database, [1, 2, 3])
        with database.writing() as one, database.writing() as other:
            fail_rather_than_wait(other)
            assert claim_visits(one, [2], only_pending=True) == [2]
            assert claim_visits(other, [1, 2, 3], only_pending=True) == [1, 3]
        with database.writing() as connection:
            assert claim_visits(connection, [1, 2, 3], only_pending=True) == [1, 2, 3]


def test_a_claim_skips_what_ingest_is_writing(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database:
        add_visits(database, [1, 2, 3])
        with database.writing() as ingest, database.writing() as worker:
            fail_rather_than_wait(worker)
            lock_visits(ingest, np.array([3, 1]))
            assert claim_visits(worker, [1, 2, 3], only_pending=True) == [2]


def test_a_claim_of_named_visits_waits_for_them(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database, ThreadPoolExecutor(1) as pool:
        add_visits(database, [1, 2])

        def claim() -> tuple[list[int], str | None]:
            with database.writing() as connection:
                claimed = claim_visits(connection, [1, 2], only_pending=False)
                return claimed, connection.scalar(sa.select(visit.c.status).where(visit.c.visit == 1))

        with database.writing() as connection:
            assert claim_visits(connection, [1], only_pending=True) == [1]
            waiting = pool.submit(claim)
            wait_for_lock_waits(database, 1)
            finish(connection, [1])
        assert waiting.result(30) == ([1, 2], DONE)


def test_what_was_finished_since_it_was_listed_is_not_claimed(database: Database) -> None:
    add_visits(database, [1, 2])
    with database.reading() as connection:
        listed = pending_visits(connection)
    with database.writing() as connection:
        finish(connection, [1])
    with database.writing() as connection:
        assert claim_visits(connection, listed, only_pending=True) == [2]


def test_workers_never_get_the_same_visit_and_none_is_left(database: Database, database_url: str) -> None:
    everything = list(range(40))
    add_visits(database, everything)

    def work() -> list[int]:
        taken: list[int] = []
        with closing(connect(database_url)) as own:
            while True:
                with own.reading() as connection:
                    listed = pending_visits(connection)
                if not listed:
                    return taken
                with own.writing() as connection:
                    claimed = claim_visits(connection, listed[:5], only_pending=True)
                    taken += claimed
                    finish(connection, claimed)

    claims = Counter(number for taken in at_once([work] * 4) for number in taken)
    assert claims == Counter(everything)


def test_a_worker_that_dies_gives_its_visits_back(database: Database) -> None:
    add_visits(database, [1, 2])
    with pytest.raises(ZeroDivisionError), database.writing() as connection:  # noqa: PT012
        finish(connection, claim_visits(connection, [1, 2], only_pending=True))
        raise ZeroDivisionError
    with database.writing() as connection:
        assert claim_visits(connection, [1, 2], only_pending=True) == [1, 2]


# Locks of ingest


def test_locked_visits_are_those_that_exist(database: Database) -> None:
    add_visits(database, [5, 3, 2**62])
    with database.writing() as connection:
        found = lock_visits(connection, np.array([2**62, 4, 5]))
        assert found["visit"].tolist() == [5, 2**62]
        assert found["midpointMjdTai"].tolist() == [60005.0, 60000.0 + 2**62]
        # Again in the same transaction, as one file may be several steps.
        assert lock_visits(connection, np.array([3]))["visit"].tolist() == [3]
        assert lock_visits(connection, np.empty(0, np.int64))["visit"].tolist() == []


def test_locked_visits_wait_for_each_other_and_see_what_was_committed(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database, ThreadPoolExecutor(1) as pool:
        add_visits(database, [1, 2, 3])

        def lock() -> list[float]:
            with database.writing() as connection:
                return lock_visits(connection, np.array([2, 3]))["midpointMjdTai"].tolist()

        with database.writing() as connection:
            lock_visits(connection, np.array([1, 2]))
            waiting = pool.submit(lock)
            wait_for_lock_waits(database, 1)
            connection.execute(sa.update(visit).where(visit.c.visit == 2).values(midpointMjdTai=61000.0))
        assert waiting.result(30) == [61000.0, 60003.0]


def test_locks_in_any_order_never_stop_each_other_for_good(postgresql_url: str) -> None:
    """Locked in the order given, two of these would wait for each other."""
    with closing(connect(postgresql_url)) as database:
        add_visits(database, list(range(200)))
        orders = [np.arange(200), np.arange(200)[::-1].copy()] * 2

        def lock(order: np.ndarray) -> int:
            for _ in range(5):
                with database.writing() as connection:
                    n = len(lock_visits(connection, order)["visit"])
            return n

        assert at_once([lambda order=order: lock(order) for order in orders]) == [200] * 4  # type: ignore[misc]


def test_one_writer_at_a_time_claims_on_sqlite(sqlite_url: str) -> None:
    """There a claim waits for the other's end, and then finds what is left."""
    started, claimed = threading.Event(), []

    def second() -> None:
        with closing(connect(sqlite_url)) as own:
            started.set()
            with own.writing() as connection:
                claimed.extend(claim_visits(connection, [1, 2], only_pending=True))

    with closing(connect(sqlite_url)) as database:
        add_visits(database, [1, 2])
        thread = threading.Thread(target=second)
        with database.writing() as connection:
            thread.start()
            assert started.wait(30)
            thread.join(0.2)
            assert claimed == []
            finish(connection, claim_visits(connection, [1], only_pending=True))
        thread.join(30)
    assert claimed == [2]


# Back to pending


def _associated(database: Database) -> None:
    """Two visits with two detectors each, all done, with all that association makes."""
    add_visits(database, [1, 2], status=DONE)
    for number in (1, 2):
        insert(database, ss_prediction, {"visit": number, "ssObjectId": 5})
        for detector in (0, 1):
            insert(database, visit_detector, {"visit": number, "detector": detector, "status": DONE, "runId": "r"})
            ids = {"visit": number, "diaSourceId": 10 * number + detector, "ssObjectId": 5}
            insert(database, dia_source, ids | {"detector": detector, "ra": 1.0, "dec": 1.0, "midpointMjdTai": 6e4})
        source = {"visit": number, "diaSourceId": 10 * number, "ssObjectId": 5}
        insert(database, ss_source, source)
        insert(database, ss_candidate, source)
        insert(database, ss_expected, source)
    change(database, 'UPDATE "Visit" SET "runId" = \'r\', "nSources" = 2, "nTotalSsObjects" = 1')


def _states(database: Database) -> dict[tuple[int, int | None], str]:
    states = {(number, None): status for number, status in rows(database, 'SELECT visit, status FROM "Visit"')}
    detectors = rows(database, 'SELECT visit, detector, status FROM "VisitDetector"')
    return states | {(number, detector): status for number, detector, status in detectors}


def test_visits_go_back_to_pending_with_all_or_some_detectors(database: Database) -> None:
    _associated(database)
    second = sa.select(visit.c.visit).where(visit.c.visit == 2)
    first = sa.select(visit.c.visit).where(visit.c.visit == 1)
    one = sa.select(visit_detector.c.visit, visit_detector.c.detector).where(
        visit_detector.c.visit == 1, visit_detector.c.detector == 1
    )
    with database.writing() as connection:
        mark_pending(connection, second)
        mark_pending(connection, first, one)
    assert _states(database) == {
        (1, None): PENDING,
        (1, 0): DONE,
        (1, 1): PENDING,
        (2, None): PENDING,
        (2, 0): PENDING,
        (2, 1): PENDING,
    }


@pytest.mark.parametrize("selected", [True, False], ids=["select", "list"])
def test_clearing_removes_all_that_was_derived_and_nothing_that_was_loaded(selected: bool, database: Database) -> None:
    _associated(database)
    second = sa.select(visit.c.visit).where(visit.c.visit == 2)
    with database.writing() as connection:
        clear_results(connection, second if selected else [2])
    for table in ("SSSource", "SsCandidate", "SsExpected"):
        assert rows(database, f'SELECT visit FROM "{table}"') == [(1,)]
    sources = 'SELECT "diaSourceId", "ssObjectId" FROM "DiaSource" ORDER BY "diaSourceId"'
    assert rows(database, sources) == [(10, 5), (11, 5), (20, None), (21, None)]
    assert rows(database, 'SELECT count(*) FROM "SsPrediction"') == [(2,)]
    assert [status for (number, _), status in _states(database).items() if number == 2] == [PENDING] * 3
    assert [status for (number, _), status in _states(database).items() if number == 1] == [DONE] * 3
    state = 'SELECT "runId", "nSources", "nTotalSsObjects" FROM "Visit" ORDER BY visit'
    assert rows(database, state) == [("r", 2, 1), (None, None, None)]
    assert len(rows(database, 'SELECT visit FROM "Visit" WHERE "predictionsAt" IS NOT NULL')) == 2
