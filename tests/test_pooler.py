"""PostgreSQL behind a pooler that gives every transaction another session (PgBouncer's mode ``transaction``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from ingesting import load_night
from pooler import pooled
from small_surveys import rows

import ssdb
from ssdb.cli import main
from ssdb.store.database import driver_connection


@pytest.fixture
def pooled_url(postgresql_url: str) -> Iterator[str]:
    with pooled(postgresql_url) as url:
        yield url


def test_the_pooler_changes_the_session_with_every_transaction(pooled_url: str) -> None:
    with closing(ssdb.connect(pooled_url)) as database:
        processes = [rows(database, "SELECT pg_backend_pid()")[0][0] for _ in range(4)]
    assert len(set(processes)) > 1


def test_any_number_of_commands_work_behind_it(pooled_url: str) -> None:
    """A statement that the driver prepares in one session is not there in the next, or is another's of that name."""
    with closing(ssdb.connect(pooled_url)) as database:
        load_night(database)
        counts = [ssdb.status(database) for _ in range(15)]
        assert ssdb.associate(database, everything=True).failed == {}
        assert all(not rule.n_violations for rule in ssdb.check(database))
    assert all(count == counts[0] for count in counts)
    for command in (["status"], ["associate", "--all"], ["query", 'SELECT visit FROM "Visit"'], ["check"]):
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
