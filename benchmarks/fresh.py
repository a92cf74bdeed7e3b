"""From file to answer, beside another version of ssdb: fresh visits one by one, and a night at once.

    python -m benchmarks.fresh --before TREE [--visits 12] [--night 200] [--sources 10000] [--predictions 3000]
                               [--databases postgresql,sqlite] [--postgresql-url URL]

TREE is a checkout of the other version (git worktree). Each version works in a process of its own on a database of its
own on the same server, and they take turns: the same visit by the one and the other, then the next visit. A fresh visit
is loaded and associated alone, with those before it in the database; the first two are not counted. With ``--night``
so many visits are loaded from one file of each kind and associated together, in an empty database, three times. What is
to be compared is the ratios: of wall time where nothing else runs, of processor time elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import fmean, median
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.servers import WrongResult, server_seconds, servers, settle, temporary_database

KINDS = ("visits", "detectors", "sources", "predictions")
COMMANDS = (*KINDS, "associate")
_WARM_UP = 2
_NIGHTS = 3
_MEASURES = ("wall", "client", "server")
_ROOT = Path(__file__).resolve().parents[1]

Times = dict[str, dict[str, float]]
"""Milliseconds of each command: wall, and processor time of client and server."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures of each database; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fresh", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--before", type=Path, required=True, help="a checkout of the version to compare with")
    parser.add_argument("--visits", type=int, default=12, help="fresh visits; the first two are not counted (12)")
    parser.add_argument("--night", type=int, default=0, help="visits of a night at once, besides; 0: none (0)")
    parser.add_argument("--sources", type=int, default=10_000, help="sources of a visit, about (10000)")
    parser.add_argument("--predictions", type=int, default=3000, help="predictions of a visit, about (3000)")
    parser.add_argument("--databases", default="postgresql,sqlite", help="postgresql,sqlite")
    parser.add_argument("--postgresql-url", help="a server as for benchmarks.night")
    options = parser.parse_args(arguments)
    trees = {"before": options.before.resolve(), "now": _ROOT}
    databases = options.databases.split(",")
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-fresh-") as name,
        servers(databases, options.postgresql_url) as places,
    ):
        # The simulation leaves the last visit without known objects and the one before it without sources.
        write_files(Path(name) / "fresh", options.visits + 2, options.sources, options.predictions, one_by_one=True)
        if options.night:
            write_files(Path(name) / "night", options.night, options.sources, options.predictions)
        for database in databases:
            place = places[database][0]
            folders = [Path(name) / "fresh" / str(n) for n in range(options.visits)]
            print(_table(f"{database}, a fresh visit", _in_turns(trees, place, folders, _WARM_UP)))
            if options.night:
                nights = [Path(name) / "night"] * _NIGHTS
                title = f"{database}, a night of {options.night} visits"
                print(_table(title, _in_turns(trees, place, nights, 0, new_database=True)))
    return 0


def write_files(folder: Path, visits: int, sources: int, predictions: int, *, one_by_one: bool = False) -> None:
    """Files of a night, or ``one_by_one`` of each of its visits, in folders by number."""
    from benchmarks.simulated import Size, make_night

    night = make_night(Size(visits, sources, predictions, predictions, 47, 189), folder)
    if not one_by_one:
        return
    tables = {kind: pq.read_table(path) for kind, path in night.files.items()}
    for number, visit in enumerate(tables["visits"].column("visit").to_pylist()):
        (folder / str(number)).mkdir()
        for kind, table in tables.items():
            pq.write_table(
                table.filter(pc.equal(table.column("visit"), visit)), folder / str(number) / f"{kind}.parquet"
            )


def _in_turns(
    trees: dict[str, Path], place: Any, folders: Sequence[Path], warm_up: int, *, new_database: bool = False
) -> dict[str, list[Times]]:
    """What each tree takes for each folder of files but the first ones, all in one database or each in a new one."""
    taken: dict[str, list[Times]] = {name: [] for name in trees}
    with ExitStack() as stack:
        workers = {name: stack.enter_context(_worker(tree)) for name, tree in trees.items()}
        urls = {name: stack.enter_context(temporary_database(place)) for name in trees}
        for turn, folder in enumerate(folders):
            found = {}
            for name in (list(trees), list(reversed(trees)))[turn % 2]:
                with ExitStack() as once:
                    url = once.enter_context(temporary_database(place)) if new_database else urls[name]
                    found[name], times = _ask(workers[name], url, folder)
                taken[name].append(times)
            if len(set(found.values())) > 1:
                raise WrongResult(f"{folder.name}: {found} objects associated")
    return {name: times[warm_up:] for name, times in taken.items()}


@contextmanager
def _worker(tree: Path) -> Iterator[subprocess.Popen[str]]:
    environment = os.environ | {"PYTHONPATH": str(tree)}
    # By its path: the other version has no such module.
    command = [sys.executable, "-P", __file__, "--worker"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as worker:
        yield worker
        assert worker.stdin is not None
        worker.stdin.close()


def _ask(worker: subprocess.Popen[str], url: str, folder: Path) -> tuple[int, Times]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    print(json.dumps([url, str(folder)]), file=worker.stdin, flush=True)
    if not (answer := worker.stdout.readline()):
        raise WrongResult(f"{folder}: see above")
    found, times = json.loads(answer)
    return found, times


def work() -> None:
    """Loads and associates the files of each folder that is asked for, with the ssdb that this process imports."""
    from benchmarks.children import peak_memory_mb
    from ssdb.association.associate import associate
    from ssdb.ingest.detectors import ingest_detectors
    from ssdb.ingest.predictions import ingest_predictions
    from ssdb.ingest.sources import ingest_sources
    from ssdb.ingest.visits import ingest_visits
    from ssdb.store.ddl.migrate import initialize

    ingest = dict(zip(KINDS, (ingest_visits, ingest_detectors, ingest_sources, ingest_predictions), strict=True))
    databases: dict[str, Any] = {}
    for line in sys.stdin:
        url, folder = json.loads(line)
        if url not in databases:
            for database in databases.values():
                database.close()
            databases = {url: initialize(url)}
        database = databases[url]
        visits = pq.read_table(Path(folder) / "visits.parquet").column("visit").to_pylist()
        settle(database)
        times: Times = {}
        for command in COMMANDS:
            before = _clocks(database)
            if command == "associate":
                found = associate(database, visits).totals["nAssociatedSsObjects"]
            else:
                options = {"complete": True} if command == "predictions" and len(visits) > 1 else {}
                ingest[command](database, Path(folder) / f"{command}.parquet", **options)
            after = _clocks(database)
            times[command] = {name: 1000 * (after[name] - before[name]) for name in before}
        times["memory"] = {"peak_mb": peak_memory_mb()}
        print(json.dumps([found, times]), flush=True)


def _clocks(database: Any) -> dict[str, float]:
    server = server_seconds(database) if database.dialect == "postgresql" else 0.0
    return {"server": server or 0.0, "client": time.process_time(), "wall": time.perf_counter()}


def _table(title: str, taken: dict[str, list[Times]]) -> str:
    before, now = taken.values()
    lines = [f"{title}: ms, of wall the median of {len(now)}, of processor time the mean; their ratio (of the least)"]
    lines.append(f"  {'':12}" + "".join(f"{name:>34}" for name in _MEASURES))
    for row in (*COMMANDS, "all"):
        commands = COMMANDS if row == "all" else (row,)
        cells = []
        for measure in _MEASURES:
            a, b = ([sum(one[command][measure] for command in commands) for one in some] for some in (before, now))
            # The processor time of servers comes in steps of 10 ms.
            middle = median if measure == "wall" else fmean
            ratio = f"{middle(b) / middle(a):.2f} ({min(b) / min(a):.2f})" if min(a) > 0 else "-"
            cells.append(f"{middle(a):9.0f} -> {middle(b):5.0f} {ratio:>14}")
        lines.append(f"  {row:12}" + "".join(f"{cell:>34}" for cell in cells))
    peaks = (max(one["memory"]["peak_mb"] for one in some) for some in (before, now))
    lines.append("  memory of the client at most, MB: {:.0f} -> {:.0f}".format(*peaks))
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--worker"]:
        work()
    else:
        sys.exit(main())
