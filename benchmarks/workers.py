"""One against two and more worker processes, on the same simulated night in PostgreSQL.

    python -m benchmarks.workers [--quick] [--workers 1,2,4] [--visits 100] [--sources 10000] [--objects 3000]

The server has its own processes, one for each worker (two for a single one): where it shares the cores with them, these
set the limit. How many were busy, with whatever, is printed too. It ends with an error if the rows are not the same
whatever the number of workers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from benchmarks.children import INGEST
from benchmarks.command import add_output, add_size, new_parser, print_figures
from benchmarks.servers import (
    WrongResult,
    describe_machine,
    processor_seconds,
    servers,
    settle,
    temporary_database,
)
from benchmarks.simulated import Size, make_night
from ssdb.association.associate import associate
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.migrate import initialize
from ssdb.store.visits import clear_results


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.visits, options.sources, options.objects, options.detectors, options.repeat = 8, 200, 60, 4, 1
    return print_figures("workers", options, run, text_of)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("workers", __doc__)
    parser.add_argument("--workers", type=_numbers, default=[1, 2], help="numbers of workers (1,2)")
    add_size(parser, "the night", objects="known objects predicted for a visit, about", n_objects=3000)
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the medians are printed (3)")
    add_output(parser)
    return parser


def _numbers(text: str) -> list[int]:
    numbers = [int(item) for item in text.split(",")]
    if min(numbers) < 1:
        raise argparse.ArgumentTypeError(f"{text}: numbers above 0")
    return numbers


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: ``machine``, ``visits``, and those of :func:`speeds`."""
    size = Size(options.visits, options.sources, options.objects, options.objects, options.columns, options.detectors)
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-workers-") as directory,
        servers(["postgresql"], options.postgresql_url) as places,
        temporary_database(places["postgresql"][0]) as url,
        closing(initialize(url)) as database,
    ):
        for kind, path in make_night(size, Path(directory)).files.items():
            INGEST[kind](database, path)
        measured = speeds(database, options.workers, options.repeat)
    return {
        "machine": describe_machine(),
        "repeat": options.repeat,
        "visits": options.visits,
        **measured,
    }


def speeds(database: Database, workers: Sequence[int], repeat: int) -> dict[str, dict[str, float]]:
    """Associates all that is in a database, with several numbers of workers in turns.

    Returns
    -------
    dict
        ``seconds`` from beginning to end and, where it can be known, ``cores`` that were busy meanwhile: medians, by
        the number of workers.

    Raises
    ------
    WrongResult
        If the numbers of what is found are not always the same.
    """
    runs: dict[str, dict[int, list[float]]] = {
        what: {number: [] for number in workers} for what in ("seconds", "cores")
    }
    totals = set()
    # In turns, so that what else the machine does is the same for all.
    for _ in range(repeat):
        for number in workers:
            seconds, cores, found = _associate(database, number)
            runs["seconds"][number].append(seconds)
            if cores is not None:
                runs["cores"][number].append(cores)
            totals.add(found)
    if len(totals) != 1:
        raise WrongResult(f"the numbers of sources, expected and found objects are not always the same: {totals}")
    return {
        what: {str(number): median(values) for number, values in of_workers.items() if values}
        for what, of_workers in runs.items()
    }


def _associate(database: Database, n_workers: int) -> tuple[float, float | None, tuple[int, ...]]:
    """Seconds to associate the whole night, none of which is associated, the cores that were busy, and its counts."""
    with database.writing() as connection:
        clear_results(connection, sa.select(visit.c.visit))
    with database.session() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    settle(database)
    before = processor_seconds()
    report = associate(database, workers=n_workers)
    after = processor_seconds()
    if report.failed or report.n_taken:
        raise WrongResult(f"{report.n_taken} visits were not associated, {len(report.failed)} failed")
    cores = None if before is None or after is None else (after - before) / report.seconds
    return report.seconds, cores, (len(report.visits), *report.totals.values())


def text_of(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    machine, visits = figures["machine"], figures["visits"]
    lines = [
        f"{visits:,} visits; medians of {figures['repeat']} runs; {machine['cores']} cores, {machine['cpu']}",
        *([f"load of the machine after: {machine['load']:.1f}"] if machine["load"] is not None else []),
        *worker_lines(figures),
    ]
    return "\n".join(lines)


def worker_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Figures of :func:`speeds`, and ``visits``, as lines."""
    visits, seconds = figures["visits"], figures["seconds"]
    first = next(iter(seconds))
    yield f"{f'workers, {visits} visits':34}{'seconds':>11} {'ms/visit':>9} {'times as fast':>14} {'busy cores':>11}"
    for number, spent in seconds.items():
        cores = f"{figures['cores'][number]:11.2f}" if number in figures["cores"] else ""
        yield f"{number:34}{spent:11.2f} {1000 * spent / visits:9.1f} {seconds[first] / spent:14.2f} {cores}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
