"""Transactions: all or nothing when writing, one snapshot and no change when reading, one writer on SQLite."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest
import sqlalchemy as sa
from small_surveys import change, rows

from ssdb.errors import DatabaseError
from ssdb.store import sqlite
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.driver import driver_connection

COUNT = 'SELECT count(*) FROM "Visit"'
INSERT = 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (:visit, 60000)'


def test_what_was_written_is_there_afterwards(database: Database, database_url: str) -> None:
    with database.writing() as connection:
        connection.execute(sa.text(INSERT), {"visit": 1})
    with closing(connect(database_url)) as other:
        assert rows(other, 'SELECT visit FROM "Visit"') == [(1,)]


def test_nothing_stays_of_a_transaction_that_fails_not_even_tables(database: Database) -> None:
    before = sorted(_tables(database))
    with pytest.raises(ZeroDivisionError), database.writing() as connection:  # noqa: PT012
        connection.execute(sa.text(INSERT), {"visit": 1})
        connection.exec_driver_sql("CREATE TABLE mine (x INTEGER)")
        connection.exec_driver_sql("DROP TABLE metadata")
        connection.exec_driver_sql('ALTER TABLE "SsAlias" ADD COLUMN remark TEXT')
        connection.execute(sa.text(INSERT), {"visit": 2})
        raise ZeroDivisionError
    assert rows(database, COUNT) == [(0,)]
    assert sorted(_tables(database)) == before
    with database.reading() as connection:
        assert len(sa.inspect(connection).get_columns("SsAlias")) == 3


def test_an_error_of_the_database_is_one_of_ssdb_and_leaves_nothing(database: Database) -> None:
    with pytest.raises(DatabaseError) as caught, database.writing() as connection:  # noqa: PT012
        connection.execute(sa.text(INSERT), {"visit": 1})
        connection.execute(sa.text(INSERT), {"visit": 1})
    assert "\n" not in str(caught.value)
    assert rows(database, COUNT) == [(0,)]


def _tables(database: Database) -> list[str]:
    with database.reading() as connection:
        return sa.inspect(connection).get_table_names()


def test_reading_cannot_write(database: Database) -> None:
    change(database, INSERT, visit=1)
    before = sorted(_tables(database))
    for statement in (
        'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (2, 60000)',
        "UPDATE \"Visit\" SET band = 'r'",
        'DELETE FROM "Visit"',
        "CREATE TABLE mine (x INTEGER)",
        "DROP TABLE metadata",
    ):
        with pytest.raises(DatabaseError, match=r"(?i)read-?only"), database.reading() as connection:
            connection.exec_driver_sql(statement)
        with pytest.raises(DatabaseError, match=r"(?i)read-?only"), database.reading() as connection:
            driver_connection(connection).execute(statement)
    assert sorted(_tables(database)) == before
    assert rows(database, 'SELECT visit, band FROM "Visit"') == [(1, None)]
    change(database, INSERT, visit=3)
    assert rows(database, COUNT) == [(2,)]


def test_reading_sees_one_snapshot(database: Database) -> None:
    change(database, INSERT, visit=1)
    with database.reading() as connection:
        assert connection.exec_driver_sql(COUNT).scalar() == 1
        change(database, INSERT, visit=2)
        assert connection.exec_driver_sql(COUNT).scalar() == 1
    assert rows(database, COUNT) == [(2,)]


def test_readers_do_not_wait_for_a_writer_nor_see_what_it_has_not_committed(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.text(INSERT), {"visit": 1})
        assert rows(database, COUNT) == [(0,)]
    assert rows(database, COUNT) == [(1,)]


def test_the_second_writer_on_sqlite_waits_for_the_first(sqlite_url: str) -> None:
    seen: list[int] = []
    begun = threading.Event()

    def second() -> None:
        with closing(connect(sqlite_url)) as database:
            begun.set()
            with database.writing() as connection:
                seen.append(connection.exec_driver_sql(COUNT).scalar_one())
                connection.execute(sa.text(INSERT), {"visit": 2})

    thread = threading.Thread(target=second)
    with closing(connect(sqlite_url)) as database:
        with database.writing() as connection:
            thread.start()
            assert begun.wait(30)
            thread.join(0.3)
            assert not seen
            connection.execute(sa.text(INSERT), {"visit": 1})
        thread.join(30)
        assert seen == [1]
        assert rows(database, COUNT) == [(2,)]


def test_a_writer_that_waits_in_vain_says_so(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_SECONDS", 0.1)
    with (
        closing(connect(sqlite_url)) as one,
        closing(connect(sqlite_url)) as other,
        one.writing(),
        pytest.raises(DatabaseError, match="locked"),
    ):
        change(other, INSERT, visit=1)
