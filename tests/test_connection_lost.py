"""A connection that ends under a command that reads, or listens, is told in a line. (Those that write: test_kills.)"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from ingesting import load_night
from killing import Steps, sampled, terminate
from small_surveys import rows

import ssdb
from ssdb.cli import main
from ssdb.errors import DatabaseError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.driver import driver_connection

STEPS = 4 * int(os.environ.get("SSDB_KILLS", "3")) // 3
"""At which the connection of each command ends; 0 is all."""
LOST = "the connection to the server was lost"
LISTENING = """
    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query = 'LISTEN ssdb_associated'
    AND state = 'idle' AND pid <> pg_backend_pid()
"""


@pytest.fixture
def night(postgresql_url: str) -> Iterator[Database]:
    """The small night, associated."""
    with closing(connect(postgresql_url)) as database:
        load_night(database)
        yield database


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("check",),
        ("resolve", "433"),
        ("partition", "list"),
        ("query", 'SELECT * FROM "Visit"'),
        ("query", "--name", "light-curve", "--param", "object=433"),
        ("export", "SSSource", "-o"),
    ],
    ids=lambda arguments: "-".join(arguments[:2]),
)
def test_a_command_that_reads_says_so(
    night: Database,
    postgresql_url: str,
    tmp_path: Path,
    arguments: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """At begins of transactions and at statements; nothing is logged with a traceback either."""
    command = ["--db", postgresql_url, *arguments]
    if arguments[-1] == "-o":
        command.append(str(tmp_path / "rows.parquet"))
    steps = Steps()
    with steps.counted():
        assert CliRunner().invoke(main, command, catch_exceptions=False).exit_code == 0
    for step in sampled(steps, STEPS):
        with Steps(step, terminate).counted():
            done = CliRunner().invoke(main, command, catch_exceptions=False)
        assert done.exit_code == 1
        (line,) = done.stderr.splitlines()
        assert LOST in line
        assert "sqlalche" not in line
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


def test_who_listens_is_told(night: Database, postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as other, ThreadPoolExecutor(1) as pool:
        heard = pool.submit(lambda: list(ssdb.listen(other, timeout=60)))
        while not (found := rows(night, LISTENING)):
            assert not heard.done()
            time.sleep(0.01)
        rows(night, "SELECT pg_terminate_backend(:pid)", pid=found[0][0])
        with pytest.raises(DatabaseError, match=LOST) as caught:
            heard.result(60)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("state", ["busy", "closed"])
def test_an_interruption_is_not_lost_where_nothing_can_be_undone(
    postgresql_url: str, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the start of a COPY is interrupted, psycopg leaves the connection busy, and refuses to roll back."""

    def interrupt(opened: Callable[[], AbstractContextManager[sa.Connection]]) -> None:
        with opened() as connection:
            driver = driver_connection(connection)
            if state == "busy":
                driver.pgconn.send_query(b"SELECT pg_sleep(60)")
            else:
                driver.close()
            raise KeyboardInterrupt

    with connect(postgresql_url) as database:
        for opened in (database.writing, database.reading):
            with pytest.raises(KeyboardInterrupt):
                interrupt(opened)
            with opened() as connection:
                assert connection.scalar(sa.text("SELECT 1")) == 1
    assert caplog.text == ""
