"""An SQLite database where nothing can be written: on a read-only mount, in a directory or file of somebody else's."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from permissions import without_privileges
from small_surveys import change

import ssdb
from ssdb.cli import main
from ssdb.demo import run_demo
from ssdb.errors import DatabaseError
from ssdb.simulate import SimulationConfig

INSERT = 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (:visit, 60000)'
READING = [
    ["status"],
    ["status", "--run", "last"],
    ["query", "SELECT count(*) AS n FROM SSSource"],
    ["query", "--name", "completeness"],
    ["query", "--name", "match-objects", "--upload", "positions.csv"],
    ["export", "SSSource", "-o", "rows.parquet"],
    ["export", "UnassociatedSsObject", "-o", "rows.csv"],
    ["check"],
    ["resolve", "433"],
    ["backup", "copy.db"],
    ["report", "report"],
]
PLACES = [(0o444, 0o555), (0o666, 0o555), (0o444, 0o777)]
"""Modes of the file and of its directory."""
WRITING = [["associate"], ["relink"], ["ingest", "visits", "visits.csv"], ["init"]]
VISITS = "visit,midpointMjdTai\n99,60000.5\n"
POSITIONS = "id,ra,dec,midpointMjdTai\n1,10.0,10.0,60000.5\n"


@pytest.fixture(scope="module")
def a_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    path = run_demo(folder, SimulationConfig(n_visits=4, n_sources=50, n_objects=30, n_detectors=1)).database
    # All modules are imported before rights are dropped: a Python may lie where only its owner reads.
    for words in (["report", "report"], ["backup", "copy.db"], ["associate"], ["relink"]):
        words[1:] = [str(folder / name) for name in words[1:]]
        assert CliRunner().invoke(main, ["--db", f"sqlite:///{path}", *words]).exit_code == 0
    return path


@pytest.fixture
def folders(a_database: Path) -> Iterator[tuple[Path, Path]]:
    """A directory with the database, and one of the user's own; everybody can reach both."""
    with tempfile.TemporaryDirectory() as archive, tempfile.TemporaryDirectory() as own:
        shutil.copy(a_database, Path(archive, "survey.db"))
        Path(own).chmod(0o777)
        Path(own, "visits.csv").write_text(VISITS)
        Path(own, "positions.csv").write_text(POSITIONS)
        yield Path(archive), Path(own)
        Path(archive).chmod(0o700)


def _run(database: Path, words: list[str], own: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    monkeypatch.chdir(own)
    with without_privileges():
        return CliRunner().invoke(main, ["--db", f"sqlite:///{database}", *words])


@pytest.mark.parametrize(
    ("words", "file", "directory"),
    # The figures of a report take as long as all else, and it opens the database as the others do.
    [
        pytest.param(words, *modes, id=" ".join(words))
        for words in READING
        for modes in PLACES[: 1 if "report" in words else 3]
    ],
)
def test_every_command_that_reads_does(
    words: list[str], file: int, directory: int, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, own = folders
    (archive / "survey.db").chmod(file)
    archive.chmod(directory)
    result = _run(archive / "survey.db", words, own, monkeypatch)
    assert result.exit_code == 0, result.output
    assert os.listdir(archive) == ["survey.db"]  # and leaves nothing there, in the way of the owner


@pytest.mark.parametrize(("file", "directory"), PLACES)
@pytest.mark.parametrize("words", WRITING, ids=" ".join)
def test_every_command_that_writes_says_in_a_line_that_it_cannot(
    words: list[str], file: int, directory: int, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, own = folders
    (archive / "survey.db").chmod(file)
    archive.chmod(directory)
    before = (archive / "survey.db").read_bytes()
    result = _run(archive / "survey.db", words, own, monkeypatch)
    assert result.exit_code == 1, result.output
    assert f"survey.db is readonly here, there is no permission to write to {'' if file == 0o444 else 'the dir'}" in (
        result.stderr
    )
    assert "copy it to a directory of your own" in result.stderr
    assert result.stderr.count("\n") == 1
    assert (archive / "survey.db").read_bytes() == before
    assert os.listdir(archive) == ["survey.db"]


def test_a_new_database_where_nothing_can_be_made_is_told(folders: tuple[Path, Path]) -> None:
    archive, own = folders
    archive.chmod(0o555)
    with pytest.MonkeyPatch.context() as monkeypatch:
        result = _run(archive / "new.db", ["init"], own, monkeypatch)
    assert result.exit_code == 1
    assert f"cannot make {archive / 'new.db'}: there is no permission to write to {archive}" in result.stderr


def _can_mount() -> bool:
    words = ["unshare", "-m", "true"]
    return (
        shutil.which("unshare") is not None and not subprocess.run(words, capture_output=True, check=False).returncode
    )


COMMANDS = [
    ["query", "--format", "csv", "SELECT count(*) FROM Visit"],
    ["check"],
    ["export", "SSSource", "-o", "rows.csv"],
    ["backup", "copy.db"],
    ["ingest", "visits", "visits.csv"],
]


@pytest.mark.skipif(not _can_mount(), reason="no mounts of its own for a process here")
def test_on_a_read_only_mount_root_reads_too(folders: tuple[Path, Path]) -> None:
    archive, own = folders
    # One process for all commands: to begin one takes longer than any of them.
    program = (
        "import sys\nfrom ssdb.cli import main\n"
        f"for words in {COMMANDS}:\n    try:\n        main(['--db', sys.argv[1], *words])\n"
        "    except SystemExit as ended:\n        print('exit', ended.code, file=sys.stderr)\n"
    )
    (own / "program.py").write_text(program)
    script = (
        f"mount --bind {archive} {archive} && mount -o remount,ro,bind {archive} && cd {own} || exit 9\n"
        f"{sys.executable} program.py sqlite:///{archive}/survey.db; echo files; ls -A {archive}"
    )
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], capture_output=True, text=True, check=False)
    answers, _, files = done.stdout.partition("files\n")
    assert answers.split()[:2] == ["count(*)", "4"], done.stderr
    assert files.split() == ["survey.db"]
    assert [line for line in done.stderr.splitlines() if line.startswith("exit ")] == ["exit 0"] * 4 + ["exit 1"]
    assert "survey.db is readonly here" in done.stderr.splitlines()[-2]
    with closing(ssdb.connect(f"sqlite:///{own / 'copy.db'}")) as copy:
        assert ssdb.query(copy, "SELECT count(*) FROM Visit").rows == [(4,)]


def _visit_in_the_log(archive: Path) -> ExitStack:
    """Leaves visit 99 in the log of the database as a process does that is killed; open as long as it is not."""
    code = (
        "import os, sqlite3, sys\nconnection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('PRAGMA wal_autocheckpoint = 0')\n"
        'connection.execute(\'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (99, 60000.5)\')\n'
        "connection.commit(); print(flush=True); sys.stdin.read()"
    )
    stack = ExitStack()
    words = [sys.executable, "-c", code, str(archive / "survey.db")]
    process = stack.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
    stack.callback(process.kill)
    assert process.stdout
    process.stdout.readline()
    return stack


N_VISITS = ["query", "--format", "csv", "SELECT count(*) AS n FROM Visit"]


def test_a_log_that_cannot_be_opened_is_not_overlooked(
    folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    archive, own = folders
    _visit_in_the_log(archive).close()
    (archive / "survey.db-shm").unlink()
    archive.chmod(0o555)
    result = _run(archive / "survey.db", N_VISITS, own, monkeypatch)
    assert result.exit_code == 1
    assert "survey.db-wal has changes that are not in it yet" in result.stderr
    for name in ("survey.db", "survey.db-wal"):  # what the message says
        shutil.copy(archive / name, own)
        (own / name).chmod(0o666)
    assert _run(own / "survey.db", N_VISITS, own, monkeypatch).stdout == "n\n5\n"


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("directory", [0o555, 0o777])
def test_what_is_in_the_log_of_a_writer_is_seen(
    directory: int, running: bool, folders: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one that runs, and of one that was killed."""
    archive, own = folders
    with _visit_in_the_log(archive) as writer:
        if not running:
            writer.close()
        archive.chmod(directory)
        assert _run(archive / "survey.db", N_VISITS, own, monkeypatch).stdout == "n\n5\n"


def test_a_database_that_changes_while_it_is_taken_for_unchanged_is_told(folders: tuple[Path, Path]) -> None:
    """Answers of half one and half the other state are no answers."""
    archive, _ = folders
    url = f"sqlite:///{archive / 'survey.db'}"
    (archive / "survey.db").chmod(0o444)
    archive.chmod(0o555)
    with without_privileges():
        database = ssdb.connect(url)
    (archive / "survey.db").chmod(0o644)
    archive.chmod(0o755)
    with closing(database), closing(ssdb.connect(url)) as owner:
        before = ssdb.query(database, "SELECT count(*) FROM Visit").rows

        def look() -> None:
            with database.reading() as connection:
                assert connection.exec_driver_sql("SELECT count(*) FROM Visit").all() == before == [(4,)]
                change(owner, INSERT, visit=1000)

        with pytest.raises(DatabaseError, match=r"survey\.db has been changed while it was read: try again"):
            look()
        with pytest.raises(DatabaseError, match="try again"):
            ssdb.query(database, "SELECT count(*) FROM Visit")


def test_the_log_of_a_killed_writer_is_taken_in_by_the_next_command(tmp_path: Path, a_database: Path) -> None:
    """Where it can be written: the files beside the database are gone after any command."""
    shutil.copy(a_database, tmp_path / "survey.db")
    _visit_in_the_log(tmp_path).close()
    assert sorted(os.listdir(tmp_path)) == ["survey.db", "survey.db-shm", "survey.db-wal"]
    assert CliRunner().invoke(main, ["--db", f"sqlite:///{tmp_path / 'survey.db'}", *N_VISITS]).stdout == "n\n5\n"
    assert os.listdir(tmp_path) == ["survey.db"]
    with closing(sqlite3.connect(tmp_path / "survey.db")) as connection:
        assert connection.execute("SELECT count(*) FROM Visit").fetchone() == (5,)
