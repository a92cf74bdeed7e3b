"""The owner's commands on parts beside readers, writers and one another: nobody is hurt, all is whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from ingesting import at_once, dump, without_clock
from killing import Steps
from small_surveys import MJD, Survey, change, rows
from test_partitions import NIGHTS, three_nights

import ssdb
from ssdb.errors import DatabaseError, NotFoundError
from ssdb.store.database import Database
from ssdb.store.ddl.detached import PartitionReport, attach, detach, drop, list_partitions, partition_with
from ssdb.store.ddl.migrate import connect
from ssdb.store.ddl.partitions import PARTITIONED

ORPHANS = 'SELECT count(*) FROM "DiaSource" d LEFT JOIN "Visit" v USING (visit) WHERE v.visit IS NULL'
HALF = """SELECT count(*) FROM "Visit" v WHERE visit < 2031092400000
          AND NOT EXISTS (SELECT FROM "DiaSource" d WHERE d.visit = v.visit)"""


@pytest.fixture
def associated(postgresql_url: str) -> Iterator[Database]:
    """Three nights, associated."""
    with closing(connect(postgresql_url)) as opened:
        three_nights().load(opened)
        ssdb.associate(opened)
        yield opened


@pytest.fixture
def foreign(postgresql_url: str) -> Iterator[Callable[[], psycopg.Connection]]:
    """Opens connections without ssdb."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(psycopg.connect(postgresql_url.replace("+psycopg", "")))


def stored(database: Database) -> dict:
    return without_clock(dump(database))


def impatient(monkeypatch: pytest.MonkeyPatch, seconds: float = 0.3) -> None:
    monkeypatch.setattr("ssdb.store.locks._SECONDS", seconds)


# Partitions that are missing


def drop_partitions_of_results(database: Database) -> None:
    for night in NIGHTS:
        for table in ("SsExpected", "SsCandidate", "SSSource", "DiaMatch", "SsForcedSource"):
            change(database, f'DROP TABLE "{table}_{night}"')


def test_a_night_whose_tables_of_results_somebody_dropped_is_associated(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database:
        three_nights().load(database)
        drop_partitions_of_results(database)
        report = ssdb.associate(database)
        assert report.failed == {}
        assert report.totals["nAssociatedSsObjects"] == 6
        assert not any(result.n_violations for result in ssdb.check(database))


def test_a_part_that_lacked_tables_is_associated_when_it_is_back(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database:
        three_nights().load(database)
        drop_partitions_of_results(database)
        assert len(detach(database, NIGHTS[0])) == 4  # Visit, VisitDetector, DiaSource, SsPrediction
        assert attach(database, NIGHTS[0]) == 2
        report = ssdb.associate(database)
        assert report.failed == {}
        assert report.totals["nAssociatedSsObjects"] == 6


# Whole or not at all


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
@pytest.mark.parametrize("action", [detach, attach, drop])
def test_who_has_begun_to_read_sees_the_same_to_the_end(
    action: Callable[[Database, int], Any],
    isolation: str,
    associated: Database,
    foreign: Callable[[], psycopg.Connection],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever has looked at visits keeps the owner off until the transaction ends."""
    if action is attach:
        detach(associated, NIGHTS[0])
    before, n_visits = stored(associated), 4 if action is attach else 6
    impatient(monkeypatch)
    reader = foreign()
    reader.execute(f"SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL {isolation}")
    reader.commit()
    assert reader.execute('SELECT count(*) FROM "Visit"').fetchone() == (n_visits,)
    with pytest.raises(DatabaseError, match=r"in use, by pid \d+ \(user .*\): try again"):
        action(associated, NIGHTS[0])
    for table, each in (("DiaSource", 2), ("SSSource", 1)):
        assert reader.execute(f'SELECT count(*) FROM "{table}"').fetchone() == (each * n_visits,)
    reader.rollback()
    assert stored(associated) == before
    action(associated, NIGHTS[0])
    assert reader.execute(ORPHANS).fetchone() == (0,)


def test_a_snapshot_of_ssdb_is_taken_when_no_part_is_being_changed(associated: Database, postgresql_url: str) -> None:
    """A look that begins while a partition is detached waits, and sees the end of it."""
    with ThreadPoolExecutor(1) as pool, closing(connect(postgresql_url)) as other:
        with associated.writing() as owner:
            owner.exec_driver_sql('LOCK TABLE "Visit" IN ACCESS EXCLUSIVE MODE')
            looking = pool.submit(rows, other, 'SELECT count(*) FROM "Visit"')
            wait_for_lock_waits_of(associated, "Visit")
            owner.execute(sa.text('DELETE FROM "Visit" WHERE visit < :second'), {"second": NIGHTS[1]})
        assert looking.result(30) == [(4,)]


def wait_for_lock_waits_of(database: Database, table: str) -> None:
    """Waits until somebody waits for a table; asked past ssdb's readers, which would wait as well."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(:name AS regclass)")
    with database.session() as connection:
        for _ in range(100_000):
            if connection.scalar(waiting, {"name": f'"{table}"'}):
                return
    raise AssertionError(f"nobody waits for {table}")


# In nobody's way


def test_an_autovacuum_is_waited_for_with_nothing_in_hand(
    associated: Database, foreign: Callable[[], psycopg.Connection]
) -> None:
    """PostgreSQL ends it for someone who waits. Who holds what an autovacuum holds takes its place here."""
    vacuum, other = foreign(), foreign()
    child = f'"SSSource_{NIGHTS[0]}"'
    vacuum.execute(f"LOCK TABLE {child} IN SHARE UPDATE EXCLUSIVE MODE")
    (vacuum_pid,) = vacuum.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    held = """SELECT coalesce(string_agg(mode || ' ' || granted, ', '), '') FROM pg_locks
              WHERE locktype = 'relation' AND pid NOT IN (%s, pg_backend_pid()) AND relation > 16383
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with ThreadPoolExecutor(1) as pool:
        detaching = pool.submit(detach, associated, NIGHTS[0])
        seen = set()
        for _ in range(100_000):
            seen |= {other.execute(held, (vacuum_pid,)).fetchone()}
            other.rollback()
            if ("ShareUpdateExclusiveLock false",) in seen:
                break
        # Readers and writers of that very table go on meanwhile.
        other.execute("SET lock_timeout = '5s'")
        other.execute(f"SELECT count(*) FROM {child}")
        other.execute(f"UPDATE {child} SET designation = designation")
        other.rollback()
        vacuum.rollback()
        detaching.result(60)
    assert ("ShareUpdateExclusiveLock false",) in seen
    assert [part.first for part in list_partitions(associated) if part.detached] == [NIGHTS[0]]


def test_beside_readers_and_writers(associated: Database, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ingests, associations, queries and checks go on, while a night is detached and attached again and again.

    None of them fails, and every look is of whole nights. The owner's commands succeed, or say that the tables are in
    use and change nothing. There is no deadlock.
    """
    impatient(monkeypatch, 2.0)
    before = stored(associated)
    outcomes: list[str] = []
    looks: list[tuple[int, int]] = []

    def keep() -> None:
        with closing(connect(postgresql_url)) as own:
            for _ in range(5):
                outcomes.append(_tried(lambda: detach(own, NIGHTS[0])))
                outcomes.append(_tried(lambda: attach(own, NIGHTS[0])))

    def load(number: int) -> None:
        with closing(connect(postgresql_url)) as own:
            for turn in range(5):
                visit = NIGHTS[1 + number] + 100 + turn
                survey = Survey()
                survey.add_visit(visit, midpointMjdTai=MJD)
                survey.add_source(visit, 10.0, 5.0, visit)
                survey.add_prediction(number, 10.0, 5.0, visit)
                survey.load(own)
                report = ssdb.associate(own, everything=True)
                assert report.failed == {}

    def look() -> None:
        with psycopg.connect(postgresql_url.replace("+psycopg", ""), autocommit=True) as reader:
            for _ in range(60):
                orphans, half = (reader.execute(query).fetchone() for query in (ORPHANS, HALF))
                looks.append((orphans[0], half[0]))  # type: ignore[index]

    def check() -> None:
        with closing(connect(postgresql_url)) as own:
            for _ in range(5):
                assert not any(result.n_violations for result in ssdb.check(own))
                assert rows(own, ORPHANS) == rows(own, HALF) == [(0,)]

    works = [keep, lambda: load(0), lambda: load(1), look, check]
    assert at_once(works) == [None] * len(works)
    assert set(looks) == {(0, 0)}
    assert set(outcomes) <= {"done", "in use", "not there"}
    # How often the owner finds a gap depends on the machine. With nobody there every command succeeds.
    if not any(part.detached for part in list_partitions(associated)):
        detach(associated, NIGHTS[0])
    attach(associated, NIGHTS[0])
    after = stored(associated)
    for table in ("Visit", "DiaSource", "SSSource", "SsPrediction"):
        assert [row for row in after[table] if row["visit"] < NIGHTS[1]] == [
            row for row in before[table] if row["visit"] < NIGHTS[1]
        ]
    assert rows(associated, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == [(0,)]


def _tried(command: Callable[[], Any]) -> str:
    try:
        command()
    except NotFoundError:
        return "not there"
    except DatabaseError as error:
        return "in use" if "the tables are in use" in str(error) else str(error)
    return "done"


def test_a_part_is_found_without_a_look_into_the_others(associated: Database) -> None:
    """Of a thousand nights that takes a minute."""
    counted = []
    for _ in range(2):
        with Steps().counted() as steps:
            assert partition_with(associated, NIGHTS[0] + 1).first == NIGHTS[0]
        counted.append(steps.n)
        if len(counted) == 1:
            drop(associated, NIGHTS[2])
    assert counted[0] == counted[1]


# Beside one another


def _at_once(*commands: Callable[[], Any]) -> tuple[list[Any], list[str]]:
    """What those that succeeded gave, and what the others said."""
    results = at_once(commands)
    failed = [str(result) for result in results if isinstance(result, Exception)]
    return [result for result in results if not isinstance(result, Exception)], failed


def test_of_two_who_drop_a_part_one_is_told_that_it_is_gone(associated: Database) -> None:
    dropped, said = _at_once(*[lambda: drop(associated, NIGHTS[0] + 1)] * 2)
    assert [part.first for part in dropped] == [NIGHTS[0]]
    assert len(said) == 1
    assert f"(any more) that visit {NIGHTS[0] + 1} belongs to" in said[0]


def test_of_two_who_set_a_part_aside_or_bring_it_back_one_is_told(associated: Database) -> None:
    before = stored(associated)
    names, said = _at_once(*[lambda: detach(associated, NIGHTS[0])] * 2)
    assert len(names) == len(said) == 1
    assert "(any more)" in said[0]
    n_visits, said = _at_once(*[lambda: attach(associated, NIGHTS[0])] * 2)
    assert n_visits == [2]
    assert len(said) == 1
    assert "is detached (any more)" in said[0]
    assert stored(associated) == before


def test_no_other_part_is_dropped_than_the_one_that_was_shown(associated: Database) -> None:
    """Brought back since it was shown, it is in use."""
    detach(associated, NIGHTS[0])
    shown: PartitionReport = partition_with(associated, NIGHTS[0])
    assert shown.detached
    attach(associated, NIGHTS[0])
    with pytest.raises(NotFoundError, match="any more"):
        drop(associated, NIGHTS[0], only=shown)
    assert len(list_partitions(associated)) == 3


def test_a_part_stays_aside_where_another_one_has_come(associated: Database) -> None:
    detach(associated, NIGHTS[0])
    survey = Survey()
    for number in range(5, 10):
        survey.add_visit(NIGHTS[0] + number)
    survey.load(associated)
    before = stored(associated)
    wanted = ", ".join(str(NIGHTS[0] + number) for number in (5, 6, 7))
    with pytest.raises(DatabaseError, match=rf"stored meanwhile: {wanted}, \.\.\.; the partition stays detached"):
        attach(associated, NIGHTS[0])
    with pytest.raises(DatabaseError, match="detached already"):
        detach(associated, NIGHTS[0])
    assert stored(associated) == before


def test_empty_tables_are_in_nobodys_way(associated: Database) -> None:
    """Those of a visit that was loaded and removed again."""
    before = stored(associated)
    detach(associated, NIGHTS[0])
    ssdb.ingest_visits(associated, {"visit": [NIGHTS[0] + 9], "midpointMjdTai": [MJD]})
    change(associated, 'DELETE FROM "Visit" WHERE visit = :visit', visit=NIGHTS[0] + 9)
    assert attach(associated, NIGHTS[0]) == 2
    assert stored(associated) == before


def test_a_part_of_another_version_stays_aside(associated: Database) -> None:
    detach(associated, NIGHTS[0])
    change(associated, 'ALTER TABLE "SSSource" ADD COLUMN more integer NOT NULL DEFAULT 1')
    with pytest.raises(DatabaseError, match="another version"):
        attach(associated, NIGHTS[0])
    assert [part.visits for part in list_partitions(associated) if part.detached] == [2]


def test_bringing_back_beside_an_ingest_of_the_same_night(associated: Database, postgresql_url: str) -> None:
    """Whoever comes second is told; in no case there are two of one visit."""
    detach(associated, NIGHTS[0])
    with closing(connect(postgresql_url)) as other:
        new = {"visit": [NIGHTS[0] + 1], "midpointMjdTai": [MJD]}
        _, said = _at_once(lambda: attach(associated, NIGHTS[0]), lambda: ssdb.ingest_visits(other, new))
    assert all("stored meanwhile" in one or "in use" in one for one in said)
    n_stored = rows(associated, f'SELECT count(*) FROM "Visit" WHERE visit < {NIGHTS[1]}')[0][0]
    assert n_stored == (1 if said else 2)


def test_nothing_is_read_again_to_bring_a_part_back(associated: Database, postgresql_url: str) -> None:
    """PostgreSQL knows from a constraint which visits its tables hold, and no lock is held for long."""
    detach(associated, NIGHTS[0])
    with closing(connect(postgresql_url)) as own:

        @sa.event.listens_for(own.engine, "connect")
        def tell(connection: psycopg.Connection, _: object) -> None:
            connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
            connection.execute("SET client_min_messages = debug1")
            connection.commit()

        said: list[str] = []
        own.engine.dispose()
        attach(own, NIGHTS[0])
    assert sum("is implied by existing constraints" in message for message in said) == len(PARTITIONED)
    constraints = "SELECT count(*) FROM pg_constraint WHERE conname = 'ssdb_visits'"
    assert rows(associated, constraints) == [(0,)]
