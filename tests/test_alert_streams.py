"""Packets of alerts through a pipe that does not end: when they are stored, and what is stored where it breaks."""

from __future__ import annotations

import array
import fcntl
import gzip
import json
import os
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import BinaryIO

import pytest
from alert_files import Packet, container, messages, rubin_packets, rubin_schema
from test_ingest_alerts import FILES, assert_consistent, rows

import ssdb
from ssdb.errors import InputError
from ssdb.ingest.alert_batch import AlertReport
from ssdb.store.database import Database

STORED = "SELECT diaSourceId FROM DiaSource ORDER BY 1"
KINDS: dict[str, Callable[[list[Packet]], bytes]] = {
    "containers": lambda packets: b"".join(container(rubin_schema("11.1"), [one]) for one in packets),
    "messages": lambda packets: messages("11.1", packets),
    "gzip": lambda packets: gzip.compress(messages("11.1", packets)),
}


@contextmanager
def reading(
    database_url: str, monkeypatch: pytest.MonkeyPatch, wait: float
) -> Iterator[tuple[BinaryIO, Future[AlertReport]]]:
    """A pipe whose packets come into a database: where to write, and the report."""
    monkeypatch.setattr("ssdb.ingest.alerts._LONGEST_WAIT_S", wait)
    read_end, write_end = os.pipe()

    def ingest() -> AlertReport:
        with os.fdopen(read_end, "rb") as pipe, ssdb.connect(database_url) as database:
            return ssdb.ingest_alerts(database, pipe, create_visits=True)

    with ThreadPoolExecutor(1) as pool, os.fdopen(write_end, "wb", buffering=0) as pipe:
        yield pipe, pool.submit(ingest)
        pipe.close()


def wait_for(database: Database, expected: list[int], report: Future[AlertReport]) -> None:
    """Returns when these sources are stored."""
    until = time.monotonic() + 20
    while [number for (number,) in rows(database, STORED)] != expected:
        assert time.monotonic() < until
        assert not report.done(), report.exception()
        time.sleep(0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_packets_are_stored_while_the_pipe_is_open(kind: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made, packets = KINDS[kind], rubin_packets()
    with ssdb.connect(sqlite_url) as database, reading(sqlite_url, monkeypatch, 0.1) as (pipe, report):
        pipe.write(made(packets[:1]))
        wait_for(database, [11], report)
        second = made(packets[1:3])
        pipe.write(second[:-7])
        pipe.write(second[-7:] + made(packets[3:]))
        wait_for(database, [11, 12, 21, 22], report)
        pipe.close()
        assert (report.result(20).packets, report.result().sources) == (4, 4)


def test_on_both_databases_what_came_whole_is_stored_where_it_breaks(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer ends in the middle of a packet: those before are stored, which did not wait long enough."""
    content = messages("11.1", rubin_packets())
    with reading(database_url, monkeypatch, 100.0) as (pipe, report):
        pipe.write(content[:-9])
        pipe.close()
        with pytest.raises(InputError, match=r"^stream: .*ends within a message; the first 3 packets are stored$"):
            report.result(20)
    assert rows(database, STORED) == [(11,), (12,), (21,)]
    assert_consistent(database)


@pytest.mark.parametrize("kind", FILES)
def test_a_pipe_takes_what_files_have(kind: str, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with reading(sqlite_url, monkeypatch, 100.0) as (pipe, report):
        content = FILES[kind](rubin_packets())
        for first in range(0, len(content), 999):
            pipe.write(content[first : first + 999])
        pipe.close()
        assert (report.result(20).packets, report.result().sources, report.result().forced) == (4, 4, 2)


def test_a_packet_that_is_not_usable_ends_it_and_is_not_stored_in_parts(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is what waits with it; the message says from where on to take them again."""
    monkeypatch.setattr("ssdb.ingest.alerts._MOST_PACKETS", 2)
    packets = rubin_packets()
    packets[3]["prvDiaSources"] = [{**packets[0]["diaSource"], "diaSourceId": 5, "ra": 720.0}]
    with reading(sqlite_url, monkeypatch, 100.0) as (pipe, report):
        pipe.write(messages("11.1", packets))
        with pytest.raises(InputError, match=r"ra is not .*; the first 2 packets are stored$"):
            report.result(20)
    with ssdb.connect(sqlite_url) as database:
        assert rows(database, STORED) == [(11,), (12,)]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_what_came_is_stored(how: signal.Signals, sqlite_url: str) -> None:
    command = [sys.executable, "-m", "ssdb", "--db", sqlite_url, "ingest", "alerts", "-", "--create-visits", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdin is not None
        running.stdin.write(messages("11.1", rubin_packets()))
        running.stdin.flush()
        left, until = array.array("i", [1]), time.monotonic() + 20
        while left[0]:
            assert time.monotonic() < until
            time.sleep(0.05)
            fcntl.ioctl(running.stdin, termios.FIONREAD, left)
        time.sleep(0.5)  # what was taken is decoded, and waits for more
        running.send_signal(how)
        told, errors = running.communicate(timeout=20)
    assert running.returncode == 0, errors
    assert json.loads(told)[0]["sources"] == 4
    with ssdb.connect(sqlite_url) as database:
        assert rows(database, STORED) == [(11,), (12,), (21,), (22,)]
