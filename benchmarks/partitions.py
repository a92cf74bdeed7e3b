"""Nights in partitions of their own against all of them in one, as they come in; and the removal of the oldest.

    python -m benchmarks.partitions [--quick] [--nights 10] [--visits 100] [--sources 10000] [--objects 3000]

Both databases are made by the same ssdb, whose partitions are a night wide in one and hold everything in the other:
what differs is what the width decides. They take turns, night by night, so that what else the machine does is the same
for both. Beside them the same sources are written into bare tables, one a night, of a third database: what they take
later is not what ssdb takes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import sqlalchemy as sa

from benchmarks.baselines import raw_write
from benchmarks.children import INGEST
from benchmarks.command import add_output, add_size, new_parser, print_figures
from benchmarks.measure import WrongResult
from benchmarks.servers import describe_machine, servers, settle, temporary_database
from benchmarks.simulated import Size, make_night, stored_rows
from ssdb.association.associate import associate
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import visit, visit_detector
from ssdb.store.database import Database, open_database
from ssdb.store.ddl.archive import drop, list_parts, partition_width
from ssdb.store.ddl.migrate import initialize
from ssdb.store.ddl.partitions import DEFAULT_WIDTH, PARTITIONED

_WIDTHS = {"a partition a night": DEFAULT_WIDTH, "one for all": 10**15}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.nights, options.visits, options.sources, options.objects, options.detectors = 2, 4, 100, 30, 4
    return print_figures("partitions", options, run, text_of)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("partitions", __doc__)
    parser.add_argument("--nights", type=int, default=10, help="nights, at least 2 (10)")
    add_size(parser, "a night", objects="known objects predicted for a visit, about", n_objects=3000)
    add_output(parser)
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: ``machine``; ``raw`` (seconds); by database its ``nights`` (seconds), ``bytes``, ``removed``."""
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-partitions-") as directory,
        servers(["postgresql"], options.postgresql_url) as places,
        ExitStack() as stack,
    ):
        objects = (options.objects, options.objects)
        size = Size(options.visits, options.sources, *objects, options.columns, options.detectors)
        made = make_night(size, Path(directory))
        tables = {kind: pyarrow.parquet.read_table(file) for kind, file in made.files.items()}
        databases = {}
        for name, width in _WIDTHS.items():
            databases[name] = initialize(stack.enter_context(temporary_database(places["postgresql"][0])))
            stack.callback(databases[name].close)
            partition_width(databases[name], width)
        bare = open_database(stack.enter_context(temporary_database(places["postgresql"][0])))
        stack.callback(bare.close)
        nights: dict[str, list[dict[str, float]]] = {name: [] for name in databases}
        raw = []
        for number in range(options.nights):
            files = _later(tables, number, Path(directory))
            settle(bare)
            raw.append(raw_write(bare, dia_source, stored_rows(made, "sources"), f"_{number}")[0])
            for name, database in databases.items():
                nights[name].append(_add(database, files))
        first = pc.min(tables["visits"].column("visit")).as_py()
        figures: dict[str, Any] = {
            "machine": describe_machine(),
            "sources": tables["sources"].num_rows,
            "raw": raw,
            "databases": {},
        }
        for name, database in databases.items():
            before = sum(part.bytes for part in list_parts(database))
            seconds = _remove(database, first)
            left = sum(part.bytes for part in list_parts(database))
            figures["databases"][name] = {
                "nights": nights[name],
                "bytes": before,
                "removed": {"seconds": seconds, "bytes": before - left},
            }
        figures["visits"] = options.visits
    return figures


def _later(tables: dict[str, pa.Table], nights: int, directory: Path) -> dict[str, Path]:
    """The same night so many nights later, as files."""
    ids = tables["sources"].column("diaSourceId")
    shifts = {"visit": nights * DEFAULT_WIDTH, "diaSourceId": nights * (pc.max(ids).as_py() - pc.min(ids).as_py() + 1)}
    files = {}
    for kind, table in tables.items():
        for name, shift in shifts.items():
            index = table.schema.get_field_index(name)
            if index >= 0:
                table = table.set_column(index, table.schema.field(index), pc.add(table.column(index), shift))
        files[kind] = directory / f"later_{kind}.parquet"
        pyarrow.parquet.write_table(table, files[kind])
    return files


def _add(database: Database, files: dict[str, Path]) -> dict[str, float]:
    """Seconds to load a night, and to associate it."""
    settle(database)
    start = time.perf_counter()
    for kind, load in INGEST.items():
        if kind in files:
            load(database, files[kind])
    loaded = time.perf_counter() - start
    settle(database)
    report = associate(database)
    if report.failed or not report.totals["nAssociatedSsObjects"]:
        raise WrongResult(f"nothing was associated, or visits failed: {report.failed}")
    return {"ingest": loaded, "associate": report.seconds}


def _remove(database: Database, first: int) -> float:
    """Seconds to remove the night whose first visit is this one."""
    before = _count(database)
    settle(database)
    start = time.perf_counter()
    if len(list_parts(database)) > 1:
        drop(database, first)
    else:
        with database.writing() as connection:
            for table in (*PARTITIONED, visit_detector, visit):
                of_night = table.c.visit.between(first, first // DEFAULT_WIDTH * DEFAULT_WIDTH + DEFAULT_WIDTH - 1)
                connection.execute(sa.delete(table).where(of_night))
    seconds = time.perf_counter() - start
    if not 0 < _count(database) < before:
        raise WrongResult("not one night was removed")
    return seconds


def _count(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(visit)).scalar_one()


def text_of(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    machine, databases, visits = figures["machine"], figures["databases"], figures["visits"]
    n_nights = len(next(iter(databases.values()))["nights"])
    lines = [
        f"{n_nights} nights of {visits} visits and {figures['sources']:,} sources; "
        f"{machine['cores']} cores, {machine['cpu']}",
        "",
        f"{'milliseconds a visit':20}{'bare':>14}" + "".join(f"{name:>30}" for name in databases),
        f"{'night':20}{'raw COPY':>14}" + f"{'ingest':>18}{'associate':>12}" * len(databases),
    ]
    for number in range(n_nights):
        cells = [
            f"{1e3 * one['nights'][number]['ingest'] / visits:18.1f}"
            f"{1e3 * one['nights'][number]['associate'] / visits:12.1f}"
            for one in databases.values()
        ]
        raw = 1e3 * figures["raw"][number] / visits
        lines.append(f"{number + 1:<20}{raw:14.1f}" + "".join(cells))
    lines += [
        f"{'bytes a source':34}"
        + "".join(f"{one['bytes'] / (n_nights * figures['sources']):30.0f}" for one in databases.values()),
        f"{'night removed, s':34}" + "".join(f"{one['removed']['seconds']:30.2f}" for one in databases.values()),
        f"{'disk freed, MB':34}" + "".join(f"{one['removed']['bytes'] / 1e6:30.0f}" for one in databases.values()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
