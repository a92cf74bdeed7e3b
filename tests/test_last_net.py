"""What the command line makes of errors that ssdb does not know, of full devices and of terminals without letters."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import ssdb
from ssdb.cli import main
from ssdb.cli.common import UNEXPECTED

Faulty = Callable[[BaseException], list[str]]


@pytest.fixture
def faulty() -> Iterator[Faulty]:
    """Makes a command that raises an error, and gives the words that call it."""

    def make(error: BaseException) -> list[str]:
        @main.command("faulty")
        def command() -> None:
            raise error

        return ["faulty"]

    yield make
    main.commands.pop("faulty")


def test_an_unknown_error_is_one_line_that_asks_for_a_report(faulty: Faulty) -> None:
    result = CliRunner().invoke(main, faulty(KeyError("no such\nkey")))
    assert result.exit_code == UNEXPECTED
    (line,) = result.stderr.splitlines()
    assert line.startswith("ssdb: this should not happen, please report it (KeyError: ")
    assert ssdb.__version__ in line
    assert "ssdb -v" in line


FAULTY = """
import ssdb
from ssdb.cli import main
@main.command("faulty")
def command():
    raise ValueError("cannot read https://me:S3" "cret@host/?token=S3" "cret")
main()
"""


def test_its_traceback_is_shown_when_asked_for_and_without_passwords() -> None:
    done = subprocess.run([sys.executable, "-c", FAULTY, "-v", "faulty"], text=True, capture_output=True, check=False)
    assert done.returncode == UNEXPECTED
    assert "Traceback (most recent call last)" in done.stderr
    assert "in command" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("ssdb: this should not happen")
    assert "S3cret" not in done.stderr
    assert "ValueError: cannot read https://***@host/?token=***" in done.stderr


def test_a_long_error_is_cut(faulty: Faulty) -> None:
    assert len(CliRunner().invoke(main, faulty(ValueError("x y " * 10**6))).stderr) < 2200


def test_too_little_memory_is_told(faulty: Faulty) -> None:
    result = CliRunner().invoke(main, faulty(MemoryError()))
    assert (result.exit_code, result.stderr) == (1, "ssdb: there is not enough memory\n")


def test_errors_of_the_system_are_told_with_their_file(faulty: Faulty) -> None:
    result = CliRunner().invoke(main, faulty(PermissionError(13, "Permission denied", "night.csv")))
    assert (result.exit_code, result.stderr) == (1, "ssdb: night.csv: Permission denied\n")


@pytest.mark.parametrize("error", [click.UsageError("so not"), click.Abort(), SystemExit(3)])
def test_what_click_ends_with_stays_as_it_is(faulty: Faulty, error: BaseException) -> None:
    result = CliRunner().invoke(main, faulty(error))
    assert result.exit_code == {click.UsageError: 2, click.Abort: 1, SystemExit: 3}[type(error)]
    assert "report" not in result.stderr


# ---- devices and terminals -------------------------------------------------------------------------------------------


def run(*words: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from ssdb.cli import main; main()", *words]
    return subprocess.run(command, text=True, check=False, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("--help",), ("query", "--list"), ("--version",)])
def test_a_full_device_is_one_line(sqlite_url: str, words: tuple[str, ...]) -> None:
    with open("/dev/full", "w") as full:
        done = run("--db", sqlite_url, *words, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr == "ssdb: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "utf-8:strict"])
def test_a_terminal_that_lacks_a_letter_shows_an_escape(sqlite_url: str, tmp_path: Path, encoding: str) -> None:
    table = tmp_path / "visits.csv"
    table.write_text("visit,midpointMjdTai,instrument\n10,60000.1,Ćamera☄\n", encoding="utf-8")
    environment = os.environ | {
        "PYTHONIOENCODING": encoding,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "SSDB_URL": sqlite_url,
    }
    # Where Python takes a terminal for one of ASCII, click writes UTF-8.
    options = {"env": environment, "capture_output": True, "encoding": encoding if encoding == "latin-1" else "utf-8"}
    both = [["ingest", "visits", str(table)], ["query", 'SELECT "instrument" FROM "Visit"']]
    code = f"from ssdb.cli import main\nfor words in {both!r}: main(words, standalone_mode=False)"
    done = subprocess.run([sys.executable, "-c", code], check=False, **options)
    assert done.returncode == 0, done.stderr
    assert "1 visits" in done.stdout
    assert (r"\u0106amera\u2604" if encoding == "latin-1" else "Ćamera☄") in done.stdout


def test_names_of_files_that_are_no_text_are_shown_escaped(sqlite_url: str, tmp_path: Path) -> None:
    table = os.path.join(os.fsencode(tmp_path), b"n\xe9.csv")
    try:
        Path(os.fsdecode(table)).write_text("visit,midpointMjdTai\n10,60000.1\n")
    except OSError:
        pytest.skip("the file system knows no such names")
    for words in (("ingest", "visits"), ("ingest", "sources")):
        done = run("--db", sqlite_url, *words, os.fsdecode(table), capture_output=True)
        assert "Traceback" not in done.stderr
        assert r"n\udce9.csv" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", [["resolve", "433 \udcff"], ["precover", "\udcff"], ["predict", "--redo", "--object", "\udce9"]]
)
def test_an_argument_that_is_no_text_is_said_to_be_none(sqlite_url: str, words: list[str]) -> None:
    """As Python has the bytes of an argument in Latin-1."""
    result = CliRunner().invoke(main, ["--db", sqlite_url, *words])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"ssdb: {ascii(words[-1])[1:-1]}: this is no text in UTF-8"
