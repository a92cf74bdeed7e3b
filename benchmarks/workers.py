"""One against two batches at a time, and two and more worker processes, on the same simulated night in PostgreSQL.

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
from contextlib import closing, nullcontext
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

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
from ssdb.association.batches import Batches
from ssdb.association.workers import Work
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.tables.visits import clear_results

ONE_BATCH = "1, and one batch at a time"
"""Beside the numbers of workers: what a second batch at a time is measured against."""


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
        the number of workers, before them ONE_BATCH.

    Raises
    ------
    WrongResult
        If the numbers of what is found are not always the same.
    """
    ways = [ONE_BATCH, *map(str, workers)]
    runs: dict[str, dict[str, list[float]]] = {what: {way: [] for way in ways} for what in ("seconds", "cores")}
    totals = set()
    # In turns, so that what else the machine does is the same for all.
    for _ in range(repeat):
        for way in ways:
            seconds, cores, found = _associate(database, way)
            runs["seconds"][way].append(seconds)
            if cores is not None:
                runs["cores"][way].append(cores)
            totals.add(found)
    if len(totals) != 1:
        raise WrongResult(f"the numbers of sources, expected and found objects are not always the same: {totals}")
    return {what: {way: median(values) for way, values in of_ways.items() if values} for what, of_ways in runs.items()}


def _associate(database: Database, way: str) -> tuple[float, float | None, tuple[int, ...]]:
    """Seconds to associate the whole night, none of which is associated, the cores that were busy, and its counts."""
    with database.writing() as connection:
        clear_results(connection, sa.select(visit.c.visit))
    with database.session() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    settle(database)
    alone = way == ONE_BATCH
    before = processor_seconds()
    with patch("ssdb.association.associate.overlapped", _in_turn) if alone else nullcontext():
        report = associate(database, workers=1 if alone else int(way))
    after = processor_seconds()
    if report.failed or report.n_taken:
        raise WrongResult(f"{report.n_taken} visits were not associated, {len(report.failed)} failed")
    cores = None if before is None or after is None else (after - before) / report.seconds
    return report.seconds, cores, (len(report.visits), *report.totals.values())


def _in_turn(database: Database, work: Work[Any], batches: Batches) -> Iterator[tuple[list[int], Any]]:
    """In place of :func:`ssdb.association.overlap.overlapped`: a batch is begun when the one before has ended."""
    while batch := batches.take():
        yield batch, work(database, batch)


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
    yield f"{f'workers, {visits} visits':34}{'seconds':>11} {'ms/visit':>9} {'times as fast':>14} {'busy cores':>11}"
    for number, spent in seconds.items():
        cores = f"{figures['cores'][number]:11.2f}" if number in figures["cores"] else ""
        faster = seconds[ONE_BATCH] / spent
        yield f"{number:34}{spent:11.2f} {1000 * spent / visits:9.1f} {faster:14.2f} {cores}".rstrip()


if __name__ == "__main__":
    sys.exit(main())
