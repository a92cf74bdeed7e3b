"""Hearing that visits are associated: on PostgreSQL, across connections and processes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from operator import itemgetter
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from small_surveys import Survey, beside

import ssdb.association.associate as associate_module
from ssdb.association.associate import AssociationReport, associate
from ssdb.errors import DatabaseError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.notify import CHANNEL, listen


@pytest.fixture
def three(postgresql_url: str) -> Iterator[Database]:
    """Three visits with one source, which is an object; the third has a second detector, too."""
    survey = Survey()
    for number in (1, 2, 3):
        survey.add_visit(number)
        survey.add_source(number, 10.0, 20.0, visit=number)
        survey.add_prediction(number, 10.0, 20.0, visit=number)
    survey.add_square(0, 10.0, 20.0, 50.0, visit=3)
    survey.add_square(1, *beside(10.0, 20.0, 104.0, 0.0), 50.0, visit=3)
    with closing(connect(postgresql_url)) as database:
        survey.load(database)
        yield database


class Listener(Thread):
    """Hears what is told from now until nothing comes for a while."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.heard: list[dict[str, Any]] = []
        self.start()
        wait_until_listening(url)

    def run(self) -> None:
        with closing(connect(self.url)) as database:
            self.heard = list(listen(database, timeout=2.0))

    def all(self) -> list[dict[str, Any]]:
        self.join(30)
        assert not self.is_alive()
        return self.heard


def wait_until_listening(url: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    listening = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query = 'LISTEN ssdb_associated' AND state = 'idle' AND datname = current_database()"
    )
    end = time.monotonic() + 20
    with engine.connect() as connection:
        while not connection.scalar(listening):
            assert time.monotonic() < end, "nobody listens"
            time.sleep(0.05)
    engine.dispose()


def told(report: AssociationReport) -> list[dict[str, Any]]:
    """What must be heard of a run."""
    return [
        {
            "visit": outcome.visit,
            "runId": report.run_id,
            "nSources": outcome.n_sources,
            "nTotalSsObjects": outcome.n_total_ss_objects,
            "nAssociatedSsObjects": outcome.n_associated_ss_objects,
        }
        for outcome in report.visits
    ]


def test_each_visit_is_told_once_to_another_connection(three: Database, postgresql_url: str) -> None:
    listener = Listener(postgresql_url)
    report = associate(three)
    assert [outcome.n_associated_ss_objects for outcome in report.visits] == [1, 1, 1]
    # In the order of the transactions, of which there are two at a time.
    assert sorted(listener.all(), key=itemgetter("visit")) == told(report)


def test_what_is_rolled_back_is_not_told(three: Database, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The visits fail after they were told of, within the transaction."""
    listener = Listener(postgresql_url)
    notify = associate_module.notify_associated

    def fail_afterwards(connection: sa.Connection, visits: list[int]) -> None:
        notify(connection, visits)
        if 2 in visits:
            raise RuntimeError("no")

    monkeypatch.setattr(associate_module, "notify_associated", fail_afterwards)
    report = associate(three)
    assert list(report.failed) == [2]
    assert sorted(outcome["visit"] for outcome in listener.all()) == [1, 3]


def test_a_visit_is_told_when_its_last_detector_is_done(three: Database, postgresql_url: str) -> None:
    listener = Listener(postgresql_url)
    associate(three, [3], detectors=[0])
    last = associate(three, [3], detectors=[1])
    [heard] = listener.all()
    assert (heard["visit"], heard["runId"]) == (3, last.run_id)
    assert (heard["nSources"], heard["nTotalSsObjects"], heard["nAssociatedSsObjects"]) == (1, 1, 1)


def test_a_payload_is_far_below_what_postgresql_allows(postgresql_url: str) -> None:
    """8,000 bytes; with the largest numbers that the columns hold."""
    with closing(connect(postgresql_url)) as database:
        survey = Survey()
        survey.add_visit(2**63 - 1)
        survey.load(database)
        listener = Listener(postgresql_url)
        associate(database)
    [heard] = listener.all()
    assert heard["visit"] == 2**63 - 1
    assert len(json.dumps(heard | dict.fromkeys(list(heard)[2:], 2**31 - 1))) < 300


def test_the_command_prints_lines_of_json(three: Database, postgresql_url: str) -> None:
    script = "from ssdb.cli import main; main()"
    options = ["--db", postgresql_url, "listen", "--count", "2", "--timeout", "20"]
    with subprocess.Popen([sys.executable, "-c", script, *options], stdout=subprocess.PIPE, text=True) as process:
        wait_until_listening(postgresql_url)
        report = associate(three)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    heard = [json.loads(line) for line in output.splitlines()]
    assert len(heard) == 2
    assert all(line in told(report) for line in heard)


def test_anybody_may_listen_on_the_channel(three: Database, postgresql_url: str) -> None:
    """As docs/commands.md says: LISTEN ssdb_associated, from any client."""
    assert CHANNEL == "ssdb_associated"
    url = sa.make_url(postgresql_url).set(drivername="postgresql").render_as_string(hide_password=False)
    import psycopg

    with psycopg.connect(url, autocommit=True) as client:
        client.execute("LISTEN ssdb_associated")
        report = associate(three)
        heard = [json.loads(item.payload) for item in client.notifies(timeout=5, stop_after=3)]
    assert sorted(heard, key=itemgetter("visit")) == told(report)


def test_sqlite_cannot_tell(sqlite_url: str) -> None:
    with closing(connect(sqlite_url)) as database, pytest.raises(DatabaseError, match="only PostgreSQL"):
        next(listen(database))


def test_what_others_tell_is_ignored_unless_the_tables_bear_it_out(
    three: Database, postgresql_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Junk of any kind, lies about visits and repetitions: the numbers heard are those of the table, once a visit."""
    report = associate(three, [1])
    lies = [
        "",
        "{",
        "[" * 5000,
        "7",
        "[1]",
        '"visit"',
        "{}",
        '{"visit": 1}',
        '{"visit": 1, "runId": 5}',
        '{"visit": 1, "runId": "another"}',
        '{"visit": 1, "runId": "\\u0000"}',
        '{"visit": true, "runId": "a"}',
        '{"visit": 99, "runId": "a"}',
        '{"visit": ' + "9" * 5000 + ', "runId": "a"}',
        '{"visit": 9223372036854775808, "runId": "a"}',
        '{"visit": 2, "runId": null}',
    ]
    truth = json.dumps({"visit": 1, "runId": report.run_id, "nSources": 12345, "more": "x" * 100})
    listener = Listener(postgresql_url)
    with three.session() as connection:
        for payload in [*lies, truth, *lies, truth, truth]:
            connection.execute(
                sa.text("SELECT pg_notify(:channel, :payload)"), {"channel": CHANNEL, "payload": payload}
            )
    second = associate(three, [2])
    assert listener.all() == told(report) + told(second)
    assert [record.message for record in caplog.records if CHANNEL in record.message] == [
        f"a notification on {CHANNEL} that the tables do not bear out is ignored",
        f"{2 * len(lies)} notifications on {CHANNEL} that the tables do not bear out were ignored",
    ]


def test_junk_is_no_news_that_keeps_listening_from_its_end(three: Database, postgresql_url: str) -> None:
    """Told without a pause, for longer than the time that listening is to last."""
    listener = Listener(postgresql_url)
    with three.session() as connection:
        for _ in range(300):
            connection.exec_driver_sql(f"NOTIFY {CHANNEL}, 'junk'")
            listener.join(0.1)
            if not listener.is_alive():
                break
    assert not listener.is_alive()
    assert listener.heard == []
