"""A visit among the partitions of ten years, beside the same visit among few, on one server of PostgreSQL.

    python -m benchmarks.nights [--nights 10 3660] [--new 3] [--postgresql-url URL]

Each database gets so many empty nightly partitions. Then ``--new`` nights come, of two visits each: the first makes the
partitions of its night. The databases take turns; of several visits the least counts. What is to be compared is the
ratios: of processor time, of client and server together, where other things run. To make 3,660 nights takes minutes.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.children import INGEST, rehearse
from benchmarks.fresh import KINDS, write_files
from benchmarks.servers import describe_machine, server_seconds, servers, settle, temporary_database
from ssdb.ask.sql import query
from ssdb.ask.status import status
from ssdb.association.associate import associate
from ssdb.dia.associate import associate_dia
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.ddl.partitions import DEFAULT_WIDTH, PARTITIONED

_COUNT = 'SELECT count(*) FROM "DiaSource" WHERE visit BETWEEN :first AND :past'
_PARTITIONS = f"""DO $$ DECLARE first bigint; part text; BEGIN
    FOR first IN SELECT to_char(date '2031-09-22' - night, 'YYYYMMDD')::bigint * {DEFAULT_WIDTH}
                 FROM generate_series(0, {{nights}} - 1) night LOOP
        FOREACH part IN ARRAY ARRAY[{", ".join(f"'{table.name}'" for table in PARTITIONED)}] LOOP
            PERFORM ssdb_new_partition(part, first), ssdb_attach_partition(part, first, first + {DEFAULT_WIDTH});
        END LOOP;
        COMMIT;
    END LOOP; END $$"""

Times = dict[str, tuple[float, float]]
"""Processor time and wall time of each thing, ms."""


def make_nights(database: Database, nights: int) -> None:
    """The empty partitions of so many nights before that of the simulated visits, each in a transaction."""
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(_PARTITIONS.format(nights=nights))


def take(database: Database, folder: Path) -> Times:
    """What a visit takes whose files are in a folder, and questions after it."""
    visit = pq.read_table(folder / "visits.parquet").column("visit")[0].as_py()
    first = visit // DEFAULT_WIDTH * DEFAULT_WIDTH
    work: dict[str, Callable[[], object]] = {
        **{f"ingest {kind}": partial(INGEST[kind], database, folder / f"{kind}.parquet") for kind in KINDS},
        "associate": lambda: associate(database, [visit]),
        "associate --only dia": lambda: associate_dia(database, [visit]),
        "status": lambda: status(database),
        "count of the night": lambda: query(database, _COUNT, {"first": first, "past": first + DEFAULT_WIDTH - 1}),
    }
    settle(database)
    times: Times = {}
    for name, call in work.items():
        before = (server_seconds(database) or 0.0) + time.process_time(), time.perf_counter()
        call()
        after = (server_seconds(database) or 0.0) + time.process_time(), time.perf_counter()
        times[name] = (1000 * (after[0] - before[0]), 1000 * (after[1] - before[1]))
    return times | {"all": (sum(cpu for cpu, _ in times.values()), sum(wall for _, wall in times.values()))}


def write_nights(folder: Path, nights: int) -> list[Path]:
    """Files of visits, two of each of so many nights: folders in order."""
    write_files(folder, 2 * nights + 2, 10_000, 3_000, one_by_one=True)
    folders = [folder / str(number) for number in range(2 * nights)]
    for number, one in enumerate(folders):
        for path in one.glob("*.parquet"):
            table = pq.read_table(path)
            visits = pc.add(table.column("visit"), pa.scalar(number // 2 * DEFAULT_WIDTH, pa.int64()))
            pq.write_table(table.set_column(table.schema.get_field_index("visit"), "visit", visits), path)
    return folders


def compare(databases: dict[int, Database], folders: Sequence[Path]) -> None:
    """Takes the visits in turns, and prints the least of each thing and its ratio."""
    rehearse({kind: folders[0] / f"{kind}.parquet" for kind in KINDS})
    taken: dict[int, list[Times]] = {nights: [] for nights in databases}
    for folder in folders:
        for nights, database in databases.items():
            taken[nights].append(take(database, folder))
    few, many = databases
    for title, begin in (("the first visit of a night", 0), ("another one", 1)):
        print(f"{title}: ms with {few:,} and with {many:,} nights, and the ratio")
        print(f"  {'':24}{'processor':>28}{'wall':>28}")
        for name in taken[few][0]:
            line = f"  {name:24}"
            for measure in (0, 1):
                a, b = (min(times[name][measure] for times in taken[nights][begin::2]) for nights in (few, many))
                line += f"{a:10.0f} {b:8.0f} {b / a if a else 0:8.2f}"
            print(line)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nights", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--nights", type=int, nargs=2, default=[10, 3660], help="empty partitions before (10 3660)")
    parser.add_argument("--new", type=int, default=3, help="nights that come, of two visits each (3)")
    parser.add_argument("--postgresql-url", help="a server as for benchmarks.night")
    options = parser.parse_args(arguments)
    machine = describe_machine()
    print(f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; load before {machine['load']:.1f}")
    with tempfile.TemporaryDirectory(prefix="ssdb-nights-") as name, ExitStack() as stack:
        folders = write_nights(Path(name), options.new)
        place, words = stack.enter_context(servers(["postgresql"], options.postgresql_url))["postgresql"]
        print(f"PostgreSQL: {words}")
        databases = {}
        for nights in options.nights:
            url = stack.enter_context(temporary_database(place))
            databases[nights] = stack.enter_context(closing(initialize(url)))
            make_nights(databases[nights], nights)
        compare(databases, folders)
    return 0


if __name__ == "__main__":
    sys.exit(main())
