"""One against two and more worker processes, on the same simulated night in PostgreSQL.

    python -m benchmarks.workers [--quick] [--workers 1,2,4] [--visits 100] [--sources 10000] [--objects 3000]

The server has its own processes, one for each worker: where it shares the cores with them, two workers need four cores
to be twice as fast. It ends with an error if the rows are not the same whatever the number of workers.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from benchmarks.children import INGEST
from benchmarks.command import add_output, add_size, new_parser, print_figures
from benchmarks.servers import WrongResult, describe_machine, servers, settle, temporary_database
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
    """All figures: ``machine``, ``visits``, ``seconds`` by number of workers, from beginning to end."""
    size = Size(options.visits, options.sources, options.objects, options.objects, options.columns, options.detectors)
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-workers-") as directory,
        servers(["postgresql"], options.postgresql_url) as places,
        temporary_database(places["postgresql"][0]) as url,
        closing(initialize(url)) as database,
    ):
        for kind, path in make_night(size, Path(directory)).files.items():
            INGEST[kind](database, path)
        seconds = speeds(database, options.workers, options.repeat)
    return {
        "machine": describe_machine(),
        "repeat": options.repeat,
        "visits": options.visits,
        "seconds": seconds,
    }


def speeds(database: Database, workers: Sequence[int], repeat: int) -> dict[str, float]:
    """Seconds, medians, to associate all that is in a database, by the number of workers.

    Raises
    ------
    WrongResult
        If the numbers of what is found are not always the same.
    """
    runs: dict[int, list[float]] = {number: [] for number in workers}
    totals = set()
    # In turns, so that what else the machine does is the same for all.
    for _ in range(repeat):
        for number in workers:
            seconds, found = _associate(database, number)
            runs[number].append(seconds)
            totals.add(found)
    if len(totals) != 1:
        raise WrongResult(f"the numbers of sources, expected and found objects are not always the same: {totals}")
    return {str(number): median(values) for number, values in runs.items()}


def _associate(database: Database, n_workers: int) -> tuple[float, tuple[int, ...]]:
    """Seconds to associate the whole night, none of which is associated, and its counts."""
    with database.writing() as connection:
        clear_results(connection, sa.select(visit.c.visit))
    with database.session() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    settle(database)
    report = associate(database, workers=n_workers)
    if report.failed or report.n_taken:
        raise WrongResult(f"{report.n_taken} visits were not associated, {len(report.failed)} failed")
    return report.seconds, (len(report.visits), *report.totals.values())


def text_of(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    machine, visits, seconds = figures["machine"], figures["visits"], figures["seconds"]
    first = next(iter(seconds))
    lines = [
        f"{visits:,} visits; medians of {figures['repeat']} runs; {machine['cores']} cores, {machine['cpu']}",
        *([f"load of the machine after: {machine['load']:.1f}"] if machine["load"] is not None else []),
        f"{'workers':>8} {'seconds':>9} {'ms/visit':>9} {'times as fast':>14}",
    ]
    for number, spent in seconds.items():
        lines.append(f"{number:>8} {spent:9.2f} {1000 * spent / visits:9.1f} {seconds[first] / spent:14.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
