"""Other ways to call: ``python -m ssdb``, options of ssdb after the command, completion, ``with ssdb.connect()``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import ssdb
from ssdb.ask.named_queries import named_queries
from ssdb.cli import main
from ssdb.errors import DatabaseError


def run(*words: str, **environment: str) -> Result:
    return CliRunner().invoke(main, words, env={"SSDB_URL": None, **environment})


def test_the_package_is_a_program() -> None:
    done = subprocess.run([sys.executable, "-m", "ssdb", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"ssdb {ssdb.__version__}\n"


@pytest.mark.parametrize("command", [("status",), ("partition", "list"), ("query", "SELECT 1 AS one"), ("check",)])
def test_the_database_may_be_named_after_the_command(database_url: str, command: tuple[str, ...]) -> None:
    before, after = run("--db", database_url, *command), run(*command, "--db", database_url)
    assert (after.exit_code, after.output) == (before.exit_code, before.output)
    assert run(*command[:1], "--db", database_url, *command[1:]).output == before.output
    assert run("--db", "sqlite:////nowhere/at/all.db", *command, "--db", database_url).output == before.output


def test_more_is_said_wherever_it_is_asked_for(tmp_path: Path) -> None:
    """The traceback of an error."""
    url = f"sqlite:///{tmp_path}/none.db"
    texts = []
    for words in (["-v", "--db", url, "status"], ["--db", url, "status", "-v"], ["--db", url, "status", "--verbose"]):
        done = subprocess.run([sys.executable, "-m", "ssdb", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        texts.append(done.stderr)
    assert all("Traceback" in text for text in texts)


def test_the_bound_of_memory_may_be_said_after_the_command(sqlite_url: str) -> None:
    assert run("status", "--db", sqlite_url, "--max-memory", "4GB").exit_code == 0
    wrong = run("status", "--db", sqlite_url, "--max-memory", "much")
    assert wrong.exit_code == 2
    assert "not a size of memory: 'much'" in wrong.stderr


def test_the_shell_completes_commands_and_names_of_questions() -> None:
    def completed(*words: str) -> set[str]:
        environment = {"_SSDB_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(["ssdb", *words])}
        environment["COMP_CWORD"] = str(len(words))
        code = "from ssdb.cli import main; main(prog_name='ssdb')"
        done = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | environment, capture_output=True, text=True, check=False
        )
        return {line.split(",", 1)[1] for line in done.stdout.splitlines()}

    assert completed("as") == {"associate"}
    assert completed("query", "--name", "match") == {"match-objects", "match-sources"}
    assert completed("query", "--name", "") == set(named_queries())


def test_a_database_is_closed_at_the_end_of_a_with_statement(database_url: str) -> None:
    with ssdb.connect(database_url) as database:
        assert ssdb.status(database)["visits"] == 0
        kept = database.engine.pool
    assert database.engine.pool is not kept
    with pytest.raises(DatabaseError), ssdb.connect(database_url) as database:
        raise DatabaseError("whatever")


def test_an_answer_as_a_data_frame(database_url: str) -> None:
    pandas = pytest.importorskip("pandas")
    with ssdb.connect(database_url) as database:
        frame = ssdb.query(database, "SELECT 1 AS a, 0.5 AS b, 'x' AS c, NULL AS d").to_pandas()
    assert isinstance(frame, pandas.DataFrame)
    assert frame.drop(columns="d").to_dict("list") == {"a": [1], "b": [0.5], "c": ["x"]}
    assert frame["d"].isna().all()


def test_without_pandas_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ssdb.MissingPackageError, match="pip install pandas"):
        ssdb.QueryResult(["a"], [(1,)]).to_pandas()
