"""Folders that ssdb fills: it replaces and removes what it wrote there itself, and nothing else."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ssdb.cli import main
from ssdb.demo import run_demo
from ssdb.errors import InputError
from ssdb.io.output_folder import WRITTEN, output_folder
from ssdb.simulate import SimulationConfig

SMALL = SimulationConfig(n_visits=4, n_sources=20, n_objects=10, n_detectors=1)
OPTIONS = ["--visits", "4", "--sources", "20", "--objects", "10"]
NIGHT = [
    "detectors.parquet",
    "predictions.parquet",
    "simulation.json",
    "sources.parquet",
    "truth.csv",
    "visits.parquet",
]


def _simulate(folder: Path, *, detectors: int = 1) -> Result:
    return CliRunner().invoke(main, ["simulate", str(folder), *OPTIONS, "--detectors", str(detectors)])


def _demo(folder: Path, *, seed: int = 1) -> Result:
    words = ["demo", str(folder), *OPTIONS, "--detectors", "1", "--seed", str(seed), "--json"]
    return CliRunner().invoke(main, words)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def a_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that is only looked at and copied."""
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder, SMALL)
    return folder


@pytest.fixture
def demo_folder(a_demo: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    for name, content in _content(a_demo).items():
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("name", NIGHT)
def test_simulate_refuses_a_users_file_by_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"mine")
    result = _simulate(tmp_path)
    assert result.exit_code == 1
    assert f"{tmp_path} has files that ssdb did not write, or that have changed since ({name})" in result.stderr
    assert _content(tmp_path) == {name: b"mine"}


def test_a_users_file_that_the_new_night_has_not_stays(tmp_path: Path) -> None:
    (tmp_path / "detectors.parquet").write_bytes(b"mine")
    assert _simulate(tmp_path, detectors=0).exit_code == 0
    assert (tmp_path / "detectors.parquet").read_bytes() == b"mine"


def test_a_night_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"mine")
    assert _simulate(tmp_path).exit_code == 0
    (tmp_path / "truth.csv").chmod(0o600)
    assert _simulate(tmp_path, detectors=0).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == sorted([WRITTEN, "notes.txt", *(n for n in NIGHT if "detectors" not in n)])
    assert (tmp_path / "truth.csv").stat().st_mode & 0o777 == 0o600
    assert _simulate(tmp_path).exit_code == 0
    assert sorted(os.listdir(tmp_path)) == sorted([WRITTEN, "notes.txt", *NIGHT])


def test_a_file_that_has_changed_since_is_the_users(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Also where it is in the list of what ssdb wrote."""
    _simulate(tmp_path)
    with (tmp_path / "detectors.parquet").open("ab") as file:
        file.write(b"!")
    before = _content(tmp_path)
    assert "detectors.parquet" in _simulate(tmp_path).stderr
    assert _content(tmp_path) == before
    assert _simulate(tmp_path, detectors=0).exit_code == 0
    assert (tmp_path / "detectors.parquet").read_bytes() == before["detectors.parquet"]
    assert "detectors.parquet has changed since ssdb wrote it, and stays" in caplog.text


def test_a_link_in_the_place_of_a_file_is_the_users(tmp_path: Path) -> None:
    """Even to a file of the very content."""
    _simulate(tmp_path / "night")
    os.rename(tmp_path / "night" / "truth.csv", tmp_path / "kept.csv")
    (tmp_path / "night" / "truth.csv").symlink_to("../kept.csv")
    kept = (tmp_path / "kept.csv").read_bytes()
    assert "have changed since (truth.csv)" in _simulate(tmp_path / "night").stderr
    assert (tmp_path / "kept.csv").read_bytes() == kept


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}', '{"truth.csv": {"by": "night"}}', "null"])
def test_a_list_that_is_none_of_ssdbs_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / WRITTEN).write_text(text)
    assert f"{WRITTEN} is not a list of ssdb's" in _simulate(tmp_path).stderr
    assert (tmp_path / WRITTEN).read_text() == text


def test_a_list_that_names_files_elsewhere_is_not_followed(tmp_path: Path) -> None:
    _simulate(tmp_path / "night")
    (tmp_path / "mine.csv").write_bytes((tmp_path / "night" / "truth.csv").read_bytes())
    listed = json.loads((tmp_path / "night" / WRITTEN).read_text())
    for name in ("../mine.csv", str(tmp_path / "mine.csv")):
        listed[name] = listed["truth.csv"]
    (tmp_path / "night" / WRITTEN).write_text(json.dumps(listed))
    assert _simulate(tmp_path / "night").exit_code == 0
    assert (tmp_path / "mine.csv").exists()


def test_what_another_command_wrote_there_stays(demo_folder: Path) -> None:
    database = (demo_folder / "demo.db").read_bytes()
    assert _simulate(demo_folder, detectors=0).exit_code == 0
    assert (demo_folder / "demo.db").read_bytes() == database
    assert _demo(demo_folder).exit_code == 0


def test_demo_refuses_a_users_database(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection:
        connection.execute("CREATE TABLE birds (name)")
    before = _content(tmp_path)
    result = _demo(tmp_path)
    assert result.exit_code == 1
    assert "that ssdb did not write, or that have changed since (demo.db)" in result.stderr
    assert _content(tmp_path) == before


def test_demo_refuses_the_database_to_which_a_user_added_rows(demo_folder: Path) -> None:
    url = f"sqlite:///{demo_folder / 'demo.db'}"
    (demo_folder / "more.csv").write_text("visit,midpointMjdTai\n1,60000.5\n")
    assert CliRunner().invoke(main, ["--db", url, "query", "SELECT * FROM SSSource"]).exit_code == 0
    assert _demo(demo_folder).exit_code == 0  # asking changed nothing
    assert CliRunner().invoke(main, ["--db", url, "ingest", "visits", str(demo_folder / "more.csv")]).exit_code == 0
    before = _content(demo_folder)
    assert "demo.db" in _demo(demo_folder).stderr
    assert _content(demo_folder) == before


def test_demo_refuses_its_database_while_it_is_in_use(demo_folder: Path) -> None:
    with closing(sqlite3.connect(demo_folder / "demo.db")) as connection:
        connection.execute("SELECT count(*) FROM Visit").fetchall()
        assert "demo.db is in use" in _demo(demo_folder).stderr
        assert connection.execute("SELECT count(*) FROM Visit").fetchone() == (4,)
    assert _demo(demo_folder).exit_code == 0


def test_demo_refuses_the_log_of_another_database(tmp_path: Path) -> None:
    """The new database would take it for its own."""
    (tmp_path / "demo.db-wal").write_bytes(b"mine")
    assert "demo.db is in use, since there is demo.db-wal" in _demo(tmp_path).stderr
    assert _content(tmp_path) == {"demo.db-wal": b"mine"}


@pytest.mark.parametrize("written", [False, True], ids=["reader", "writer"])
def test_demo_goes_on_after_a_kill_of_who_used_its_database(written: bool, demo_folder: Path) -> None:
    """What a reader left is removed; what a writer left is rows of the user's."""
    code = (
        "import os, sqlite3, sys\nconnection = sqlite3.connect(sys.argv[1])\n"
        "connection.execute('SELECT count(*) FROM Visit').fetchall()\n"
        "if sys.argv[2] == 'True':\n    connection.execute('DELETE FROM SSSource'); connection.commit()\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(demo_folder / "demo.db"), str(written)], check=False)
    assert (demo_folder / "demo.db-wal").exists()
    result = _demo(demo_folder)
    assert result.exit_code == written
    assert ("that ssdb did not write, or that have changed since (demo.db)" in result.stderr) == written


def test_a_demo_that_was_killed_can_be_made_again(demo_folder: Path) -> None:
    """In its midst: the database that was there stays until the new one is complete."""
    code = (
        "import os, sys, ssdb.demo\nssdb.demo.associate = lambda *_, **__: os.kill(os.getpid(), 9)\n"
        "from ssdb.cli import main\nmain()"
    )
    database = (demo_folder / "demo.db").read_bytes()
    words = [sys.executable, "-c", code, "demo", str(demo_folder), *OPTIONS, "--detectors", "1", "--seed", "7"]
    assert subprocess.run(words, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert (demo_folder / "demo.db").read_bytes() == database
    assert [name for name in os.listdir(demo_folder) if name.startswith(".ssdb-writing-")]
    assert _demo(demo_folder).exit_code == 0
    assert sorted(os.listdir(demo_folder)) == sorted([WRITTEN, "demo.db", *NIGHT])


KILLED_AT_A_MOVE = """
import os, sys
from pathlib import Path
from ssdb.io.output_folder import output_folder
left, move = int(sys.argv[2]), os.replace
def replace(part, target):
    global left
    if left == 0:
        os.kill(os.getpid(), 9)
    left -= 1
    move(part, target)
os.replace = replace
with output_folder(sys.argv[1], "test", ["a", "b", "c"]) as place:
    for name in ("a", "b", "c"):
        (place / name).write_text(f"second {name}")
"""


@pytest.mark.parametrize("moves", range(6))
def test_a_kill_between_two_files_leaves_none_that_is_taken_for_the_users(moves: int, tmp_path: Path) -> None:
    """Two lists and three files are moved; the run that moves them all ends by itself."""

    def write(names: str, text: str) -> None:
        with output_folder(tmp_path, "test", names) as place:
            for name in names:
                (place / name).write_text(f"{text} {name}")

    write("abd", "first")
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_A_MOVE, str(tmp_path), str(moves)], check=False)
    assert killed.returncode == (-signal.SIGKILL if moves < 5 else 0)
    present = {path.name: path.read_text() for path in tmp_path.iterdir() if len(path.name) == 1}
    assert set(present.values()) <= {f"{text} {name}" for text in ("first", "second") for name in "abcd"}
    assert {"a", "b"} <= present.keys()
    write("ab", "third")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", WRITTEN}
    assert ((tmp_path / "a").read_text(), (tmp_path / "b").read_text()) == ("third a", "third b")


def test_nothing_is_put_there_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), output_folder(tmp_path, "test", ["a"]) as place:
        (place / "a").write_text(str(1 // 0))
    assert os.listdir(tmp_path) == []


def test_a_users_file_that_comes_during_the_work_stays(tmp_path: Path) -> None:
    writing = output_folder(tmp_path, "test", ["a"])
    (writing.__enter__() / "a").write_text("ssdb's")
    (tmp_path / "a").write_text("mine")
    with pytest.raises(InputError, match=r"have changed since \(a\)"):
        writing.__exit__(None, None, None)
    assert _content(tmp_path) == {"a": b"mine"}


def test_two_at_once_leave_one_of_both(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom ssdb.io.output_folder import output_folder\n"
        "for n in range(60):\n    with output_folder(sys.argv[1], 'test', 'ab') as place:\n"
        "        for name in 'ab':\n            (place / name).write_text(f'{sys.argv[2]} {n}')\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    processes = [subprocess.Popen([*words, str(number)], stderr=subprocess.PIPE, text=True) for number in range(4)]
    assert [process.communicate()[1] for process in processes] == [""] * 4
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()
    assert sorted(os.listdir(tmp_path)) == [WRITTEN, "a", "b"]


@pytest.mark.usefixtures("undrawn")
def test_a_report_neither_replaces_nor_removes_a_foreign_picture_that_is_listed(demo_folder: Path) -> None:
    """In the page, or in the list: what has another content is the user's."""
    words = ["--db", f"sqlite:///{demo_folder / 'demo.db'}", "report", str(demo_folder / "report")]
    assert CliRunner().invoke(main, words).exit_code == 0
    report = demo_folder / "report"
    listed = json.loads((report / WRITTEN).read_text())
    listed["holiday.png"] = listed["sky.png"]
    (report / WRITTEN).write_text(json.dumps(listed))
    (report / "holiday.png").write_bytes(b"mine")
    assert CliRunner().invoke(main, words).exit_code == 0
    assert (report / "holiday.png").read_bytes() == b"mine"
    (report / "sky.png").write_bytes(b"mine")
    before = _content(report)
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    assert re.search(r"report has files .* have changed since \(sky\.png\)", result.stderr)
    assert _content(report) == before
