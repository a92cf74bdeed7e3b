"""From file to NOTIFY: `ssdb watch` beside the separate commands, on one server of PostgreSQL.

    python -m benchmarks.watch [--visits 8] [--sources 10000] [--predictions 3000] [--postgresql-url URL]

The four files of a visit are there at once. Three ways to the moment at which a listener hears of the visit take turns,
each on a database of its own: five commands one after the other; the same five functions in one process that has been
through visits before; and `ssdb watch`. The first two visits are not counted. DiaObjects come after that moment and are
left out. At the end: what a process that watches and has nothing to do takes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from statistics import median

import psycopg
import pyarrow.parquet as pq
import sqlalchemy as sa

from benchmarks.children import INGEST
from benchmarks.fresh import KINDS, write_files
from benchmarks.servers import WrongResult, describe_machine, servers, settle, temporary_database
from ssdb.association.associate import associate
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.notify import CHANNEL

_WARM_UP = 2
_IDLE_SECONDS = 5.0
_LONGEST_SECONDS = 300.0
_SSDB = [sys.executable, "-m", "ssdb", "--db"]

Way = Callable[[Path], object]
"""What is done with the folder of a visit's files."""


def commands(url: str) -> Way:
    """The commands, each a process."""

    def run(folder: Path) -> None:
        for kind in KINDS:
            subprocess.run([*_SSDB, url, "ingest", kind, folder / f"{kind}.parquet"], check=True, capture_output=True)
        subprocess.run([*_SSDB, url, "associate", "--only", "solar-system"], check=True, capture_output=True)

    return run


def functions(database: Database) -> Way:
    """What the commands call, in this process."""

    def run(folder: Path) -> None:
        for kind in KINDS:
            options = {"complete": False} if kind == "predictions" else {}
            INGEST[kind](database, folder / f"{kind}.parquet", **options)
        associate(database)

    return run


def dropped(inbox: Path) -> Way:
    """The files are renamed into the folder that is watched; the copies beside it are made before."""

    def run(folder: Path) -> None:
        for kind in KINDS:
            (folder / f"{kind}.parquet").rename(inbox / kind / f"{folder.name}.parquet")

    return run


@contextmanager
def watching(url: str, inbox: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of `ssdb watch`."""
    for kind in KINDS:
        (inbox / kind).mkdir(parents=True)
    command = [*_SSDB, url, "watch", "--only", "solar-system", str(inbox)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while not (inbox / ".ssdb-watch").exists():
            if process.poll() is not None:
                raise WrongResult("ssdb watch has ended: see above")
            time.sleep(0.1)
        yield process
        process.terminate()
        if process.wait(60):
            raise WrongResult(f"ssdb watch ended with {process.returncode}")


def seconds_to_notify(url: str, way: Way, folder: Path) -> float:
    """Seconds until a listener hears of the visit."""
    visit = pq.read_table(folder / "visits.parquet").column("visit")[0].as_py()
    plain = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as listener:
        listener.execute(f"LISTEN {CHANNEL}")
        begin = time.perf_counter()
        way(folder)
        for told in listener.notifies(timeout=_LONGEST_SECONDS, stop_after=1):
            seconds = time.perf_counter() - begin
            if f'"visit" : {visit},' not in told.payload:
                raise WrongResult(f"{told.payload} in place of visit {visit}")
            return seconds
    raise WrongResult(f"visit {visit} is not associated")


def processor_seconds(process: subprocess.Popen[bytes]) -> float:
    """What a process has taken of processors so far."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--visits", type=int, default=8, help="visits; the first two are not counted (8)")
    parser.add_argument("--sources", type=int, default=10_000, help="sources of a visit, about (10000)")
    parser.add_argument("--predictions", type=int, default=3000, help="predictions of a visit, about (3000)")
    parser.add_argument("--postgresql-url", help="a server as for benchmarks.night")
    options = parser.parse_args(arguments)
    machine = describe_machine()
    print(f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; load before {machine['load']:.1f}")
    with tempfile.TemporaryDirectory(prefix="ssdb-watch-") as name, ExitStack() as stack:
        files, inbox = Path(name) / "files", Path(name) / "inbox"
        write_files(files, options.visits + 2, options.sources, options.predictions, one_by_one=True)
        place, words = stack.enter_context(servers(["postgresql"], options.postgresql_url))["postgresql"]
        print(f"PostgreSQL: {words}")
        urls = {way: stack.enter_context(temporary_database(place)) for way in ("commands", "functions", "watch")}
        databases = {way: initialize(url) for way, url in urls.items()}
        for database in databases.values():
            stack.callback(database.close)
        process = stack.enter_context(watching(urls["watch"], inbox))
        ways = {
            "commands": commands(urls["commands"]),
            "functions": functions(databases["functions"]),
            "watch": dropped(inbox),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for number in range(options.visits):
            for way, run in ways.items():
                folder = Path(name) / way / str(number)
                shutil.copytree(files / str(number), folder)
                settle(databases[way])
                taken[way].append(seconds_to_notify(urls[way], run, folder))
        before = processor_seconds(process)
        time.sleep(_IDLE_SECONDS)
        idle = (processor_seconds(process) - before) / _IDLE_SECONDS
    print(f"from file to NOTIFY, ms, of {options.visits - _WARM_UP} visits:     median   least  ratio (of the least)")
    first = taken["commands"][_WARM_UP:]
    for way, seconds in taken.items():
        counted = seconds[_WARM_UP:]
        ratio = f"{median(counted) / median(first):.2f} ({min(counted) / min(first):.2f})"
        print(f"  {way:36}{1000 * median(counted):8.0f}{1000 * min(counted):8.0f}  {ratio}")
    print(f"watching, nothing to do: {100 * idle:.1f} % of a processor")
    return 0


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(main())
