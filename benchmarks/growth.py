"""What grows with a survey, on PostgreSQL: the same work in databases of two sizes, and what ten years would be.

    python -m benchmarks.growth [--nights 10 100] [--matches 10000] [--postgresql-url URL] [--json FILE]

Each database has five visits a night, every one with so many matches, loaded in bulk as if they had been associated.
Then a night's first visits of 10,000 sources and 3,000 predictions come, and questions are asked. What ten years of
Rubin take (1.1e9 matches in 3,660 nights) is a straight line through the two sizes: extrapolated, not measured.
What the figures mean is in docs/scale.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import sqlalchemy as sa

from benchmarks.children import INGEST
from benchmarks.dia import vacuum
from benchmarks.servers import describe_machine, servers, settle, temporary_database
from benchmarks.simulated import Size, make_night
from benchmarks.ssobject import Sky, load
from ssdb.ask.sql import query
from ssdb.ask.status import status
from ssdb.association.associate import associate
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.summary.summarize import summarize

TEN_YEARS = {"rows": 1.1e9, "nights": 3660.0}
"""Of Rubin: rows of SSSource, and nights."""
_VISITS_A_NIGHT = 5
_OBJECTS = 100_000
_ASKED = 20
"""Objects whose observations are asked for, one by one."""
_VISITS = 4
_SCATTER = 0.25
"""What changes by less does not grow, as far as can be seen."""
_LIGHT_CURVE = 'SELECT * FROM "SsObservation" WHERE "ssObjectId" = :object'
_ALL = 'SELECT count(*), avg("phaseAngle") FROM "SSSource"'

Figures = dict[str, float]


def measure(database: Database, nights: int, matches: int, files: dict[str, Path]) -> Figures:
    """Seconds of each thing, and bytes a row, in a database of so many nights."""
    sky = Sky(_OBJECTS, nights * _VISITS_A_NIGHT)
    sky.seen_share = matches / _OBJECTS
    figures: Figures = {"nights": nights}
    start = time.perf_counter()
    figures["rows"] = load(database, sky)
    figures["loading, s"] = time.perf_counter() - start
    vacuum(database)
    for table in (dia_source, ss_source):
        figures[f"{table.name}, bytes a row"] = _disk_bytes(database, table) / figures["rows"]
    visits = pq.read_table(files["visits"], columns=["visit"]).column("visit").to_pylist()
    settle(database)
    names = ", ".join(files)
    figures[f"ingest {names} of {_VISITS} visits, s"] = _seconds(lambda: [INGEST[k](database, files[k]) for k in files])
    settle(database)
    figures[f"associate {_VISITS} visits, s"] = _seconds(lambda: associate(database, visits))
    settle(database)
    figures["status, s"] = _seconds(lambda: status(database))
    asked = np.random.default_rng(5).choice(sky.ids, _ASKED + 1).tolist()
    first, *times = (_seconds(lambda o=o: query(database, _LIGHT_CURVE, {"object": o})) for o in asked)
    figures["observations of an object: the first, s"] = first
    figures["observations of an object: the others, median, s"] = float(np.median(times))
    figures["count and mean over all SSSource, s"] = _seconds(lambda: query(database, _ALL))
    figures["summarize all, s"] = _seconds(lambda: summarize(database, all=True))
    with database.writing() as connection:
        connection.execute(sa.text('DELETE FROM "SsObjectChange"'))
    with database.writing() as connection:
        connection.execute(sa.text('INSERT INTO "SsObjectChange" (visit) VALUES (:visit)'), {"visit": sky.number(0)})
    figures["summarize the objects of a visit, s"] = _seconds(lambda: summarize(database))
    return figures


def _disk_bytes(database: Database, table: sa.Table) -> int:
    """With indexes, of all partitions."""
    size = sa.text("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree(CAST(:name AS regclass))")
    with database.reading() as connection:
        quoted = connection.dialect.identifier_preparer.format_table(table)
        return int(connection.execute(size, {"name": quoted}).scalar_one())


def _seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    figures: dict[str, Any] = {"machine": describe_machine(), "sizes": []}
    with tempfile.TemporaryDirectory(prefix="ssdb-bench-growth-") as name:
        files = make_night(Size(_VISITS, 10_000, 3_000, 3_000, 47, 189), Path(name) / "night").files
        with servers(["postgresql"], options.postgresql_url) as places:
            place, figures["server"] = places["postgresql"]
            for nights in options.nights:
                with temporary_database(place) as url, closing(initialize(url)) as database:
                    figures["sizes"].append(measure(database, nights, options.matches, files))
    return figures


def text_of(figures: dict[str, Any]) -> Iterator[str]:
    """The figures for people."""
    machine = figures["machine"]
    yield f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; load before {machine['load']:.1f}"
    yield f"PostgreSQL: {figures['server']}"
    few, many = figures["sizes"][0], figures["sizes"][-1]
    yield ""
    yield f"{'':52}{'small':>14}{'large':>14}{'ratio':>8}{'ten years':>16}"
    for name in few:
        a, b = few[name], many[name]
        told = f"{name:52}{a:14,.3f}{b:14,.3f}{b / a:8.2f}"
        if name in TEN_YEARS:
            yield f"{told}{TEN_YEARS[name]:16,.0f}"
        elif "bytes" in name:
            yield f"{told}{b * TEN_YEARS['rows'] / 1e9:13,.0f} GB"
        elif abs(b / a - 1) < _SCATTER:
            yield f"{told}{'as now':>16}"
        else:
            share = (TEN_YEARS["nights"] - few["nights"]) / (many["nights"] - few["nights"])
            # A night of ten years has more matches than one here: what reads all rows goes with these.
            of_rows = (TEN_YEARS["rows"] - few["rows"]) / (many["rows"] - few["rows"])
            by_rows = name.startswith(("loading", "count", "summarize all"))
            yield f"{told}{a + (b - a) * (of_rows if by_rows else share):14,.1f} s"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--nights", type=int, nargs=2, default=[10, 100], help="of the two databases (10 100)")
    parser.add_argument("--matches", type=int, default=10_000, help="of a visit, about (10000)")
    parser.add_argument("--postgresql-url", help="a server whose user may create databases; else as benchmarks.night")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args(arguments)
    figures = run(options)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print("\n".join(text_of(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
