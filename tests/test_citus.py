"""Distributed over a Citus cluster, the tables have the rows that they have on plain PostgreSQL, after every command.

The plain database is on the coordinator, without the extension. See citus.py for which cluster.
"""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import sqlalchemy as sa
from citus import SHARDS, Cluster
from click.testing import CliRunner
from conftest import docker_runs
from killed_commands import CASES, measured, with_dia_objects
from killing import CLOCK, State, Steps, sampled, state_of, terminate
from queried_survey import add_orbits, queried_survey
from test_cli import failed
from test_kills import service  # noqa: F401 (a fixture)

from ssdb.ask.check import check
from ssdb.ask.export import export
from ssdb.ask.named_queries import named_queries, named_query
from ssdb.ask.sql import query
from ssdb.cli import main
from ssdb.errors import ConfigError
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.detached import list_partitions
from ssdb.store.ddl.distribute import TABLES, distribute
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.tables.ss_objects import note_visits
from ssdb.summary.summarize import summarize

if "SSDB_TEST_CITUS_URL" not in os.environ and not docker_runs():
    pytest.skip("there is no Citus: no SSDB_TEST_CITUS_URL, and no Docker engine", allow_module_level=True)

MOMENTS = (*CLOCK, "timeProcessedMjdTai", "file")
"""Columns in which two runs differ."""

BY_BATCH = ("AssociationRun", "SsObjectChange")
"""Tables whose rows differ with the batches, which go by how quickly rows come."""

DUE = """SELECT "ssObjectId" FROM "SsObjectChange" WHERE "ssObjectId" IS NOT NULL
         UNION SELECT "ssObjectId" FROM "SSSource" WHERE visit IN (SELECT visit FROM "SsObjectChange") ORDER BY 1"""
"""What the notes of SsObjectChange amount to, whatever the batches."""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    if url := os.environ.get("SSDB_TEST_CITUS_URL"):
        yield Cluster(sa.make_url(url))
        return
    from testcontainers.postgres import PostgresContainer

    with PostgresContainer("citusdata/citus:13.2", driver="psycopg") as container:
        url = sa.make_url(container.get_connection_url())
        with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as connection:
            connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS citus")
            connection.exec_driver_sql("SELECT citus_set_coordinator_host('localhost', 5432)")
        yield Cluster(url)


@pytest.fixture(scope="module")
def templates(cluster: Cluster) -> Iterator[dict[str, str]]:
    """A database without rows, plain and distributed."""
    names = {kind: f"ssdb_template_{uuid.uuid4().hex[:8]}" for kind in ("plain", "distributed")}
    cluster.create(names["plain"], plain=True)
    initialize(cluster.url(names["plain"])).close()
    cluster.create(names["distributed"])
    with initialize(cluster.url(names["distributed"])) as database:
        distribute(database, SHARDS)
    yield names
    for name in names.values():
        cluster.drop(name)


@pytest.fixture
def both(cluster: Cluster, templates: dict[str, str]) -> Iterator[dict[str, str]]:
    """The URLs of a plain and a distributed database."""
    copies = {kind: cluster.copy(name) for kind, name in templates.items()}
    yield {kind: cluster.url(name) for kind, name in copies.items()}
    for name in copies.values():
        cluster.drop(name)


def rows(url: str) -> State:
    """All rows, without what tells of the time, and the objects whose summaries are due."""
    with connect(url) as database:
        due = Counter(query(database, DUE).rows)
    return {name: found for name, found in state_of(url, BY_BATCH, MOMENTS).items() if name} | {"due": due}


def bytes_beside_shards(database: Database) -> int:
    """What the coordinator keeps of rows that are in shards."""
    kept = """SELECT coalesce(sum(pg_relation_size(oid)), 0) FROM pg_class JOIN pg_dist_partition ON logicalrelid = oid
              WHERE relkind = 'r'"""
    with database.reading() as connection:
        return int(connection.execute(sa.text(kept)).scalar_one())


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "postgresql" in case.dialects])
def test_every_command_that_writes_does_the_same(
    name: str,
    both: dict[str, str],
    tmp_path: Path,
    service: str,  # noqa: F811
) -> None:
    case, found = CASES[name], {}
    for kind, url in both.items():
        with connect(url) as database:
            case.load(database)
        directory = tmp_path / kind
        directory.mkdir()
        done = CliRunner().invoke(main, ["--db", url, *case.arguments(directory, service)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        found[kind] = rows(url)
    assert found["distributed"] == found["plain"]
    with connect(both["distributed"]) as database:
        assert not [result for result in check(database) if result.n_violations]
        assert bytes_beside_shards(database) == 0


SCENARIO = (
    "associate --all --mode uncertainty",
    "summarize",
    "associate --only dia",
    "withdraw --visit 20 --detector 1",
    "associate",
    "relink",
    "delete visit --yes 30",
    "partition detach 10",
    "partition attach 10",
    "status",
    "check",
)


def test_after_a_whole_scenario_every_table_is_exported_with_the_same_rows(
    both: dict[str, str], tmp_path: Path
) -> None:
    exported = {}
    for kind, url in both.items():
        with connect(url) as database:
            CASES["associate-dia-again"].load(database)
        for command in SCENARIO:
            done = CliRunner().invoke(main, ["--db", url, *command.split()], catch_exceptions=False)
            assert done.exit_code == 0, (kind, command, done.output)
        with connect(url) as database:
            for table in metadata.sorted_tables:
                if table.name in BY_BATCH:
                    continue
                file = tmp_path / f"{kind}_{table.name}.parquet"
                export(database, table.name, file)
                columns = pa.parquet.read_table(file)
                exported[kind, table.name] = columns.drop_columns([c for c in columns.column_names if c in MOMENTS])
    assert {name for _, name in exported} >= {table.name for table in TABLES}
    for _, name in exported:
        assert exported["distributed", name].equals(exported["plain", name]), name
    assert exported["plain", "SSSource"].num_rows
    assert exported["plain", "DiaMatch"].num_rows


def test_a_database_with_rows_is_distributed_with_them(cluster: Cluster) -> None:
    name = f"ssdb_test_{uuid.uuid4().hex[:12]}"
    cluster.create(name)
    url = cluster.url(name)
    try:
        with initialize(url) as database:
            with_dia_objects(database)
            before = rows(url)
            assert distribute(database, SHARDS).tables == [table.name for table in TABLES]
            assert rows(url) == before
            assert bytes_beside_shards(database) == 0
            assert all(one.bytes for one in list_partitions(database))
            assert distribute(database, SHARDS).tables == []
            with pytest.raises(ConfigError, match=f"have {SHARDS} shards already"):
                distribute(database, SHARDS + 1)
        told = failed(url, "init", "--distribute", str(SHARDS + 1))
        assert told.startswith(f"ssdb: the tables have {SHARDS} shards already")
    finally:
        cluster.drop(name)


def test_a_distribution_that_is_ended_leaves_all_as_it_was(cluster: Cluster) -> None:
    names = [f"ssdb_test_{uuid.uuid4().hex[:12]}"]
    cluster.create(names[0])
    try:
        with initialize(cluster.url(names[0])) as database:
            with_dia_objects(database)
        names.append(cluster.copy(names[0]))
        url, other = map(cluster.url, names)
        before = rows(url)
        begun = Steps()
        with connect(other) as database, begun.counted():
            distribute(database, SHARDS)
        # The first are of reading what there is; the last ones end it while all have been copied.
        for step in sampled(begun, 5)[1:]:
            with Steps(step, terminate).counted() as steps:
                done = CliRunner().invoke(main, ["--db", url, "distribute", str(SHARDS)])
            assert steps.reached
            assert done.exit_code == 1, done.output
            assert rows(url) == before
            for server in cluster.servers:
                left = "SELECT count(*) FROM pg_dist_partition"
                with sa.create_engine(server.set(drivername="postgresql+psycopg", database=names[0])).connect() as one:
                    assert one.exec_driver_sql(left).scalar() == 0
        with connect(url) as database:
            assert len(distribute(database, SHARDS).tables) == len(TABLES)
        assert rows(url) == before
    finally:
        for name in names:
            cluster.drop(name)


def test_a_server_that_is_no_coordinator_says_so(cluster: Cluster, both: dict[str, str]) -> None:
    name = f"ssdb_test_{uuid.uuid4().hex[:12]}"
    cluster.create(name, nodes=False)
    try:
        assert "has no worker yet" in failed(cluster.url(name), "init", "--distribute", "4")
        if len(cluster.servers) == 1:
            return
        worker = cluster.servers[0].set(drivername="postgresql", database=sa.make_url(both["distributed"]).database)
        url = worker.render_as_string(hide_password=False)
        for command in ("status", "init", "init --distribute 4", "distribute 4", "partition list", "summarize"):
            told = failed(url, *command.split())
            assert told == "ssdb: this server is a worker of Citus: connect to its coordinator", command
    finally:
        cluster.drop(name)


def known_objects(database: Database) -> None:
    """Objects that were seen, with their orbits and summaries."""
    survey = queried_survey()
    add_orbits(survey)
    survey.load(database)
    with database.writing() as connection:
        note_visits(connection, np.arange(1, 16))
    summarize(database)


QUESTIONS = {
    known_objects: {"object": "9", "integer": 3},
    measured: {"object": "2020 AA", "integer": 2, "diaobject": 1000},
}
"""What is loaded, and what is asked about where something of a kind must be given."""


@pytest.mark.parametrize("load", QUESTIONS)
def test_ready_made_questions_have_the_same_answers(load: Callable[[Database], None], both: dict[str, str]) -> None:
    answers: dict[str, dict[str, list[tuple]]] = {}
    for kind, url in both.items():
        with connect(url) as database:
            load(database)
            places = query(database, 'SELECT ra, "dec", "midpointMjdTai" FROM "DiaSource" ORDER BY "diaSourceId"')
            positions = dict(zip(places.columns, zip(*places.rows, strict=True), strict=True))
            answers[kind] = {}
            for name, asked in named_queries().items():
                required = {one.name: one.kind for one in asked.parameters if one.default is None}
                if QUESTIONS[load].keys() >= set(required.values()):
                    given = {parameter: QUESTIONS[load][of_kind] for parameter, of_kind in required.items()}
                    upload = positions if asked.upload else None
                    answers[kind][name] = named_query(database, name, given, upload=upload).rows
    assert sum(map(bool, answers["plain"].values())) > 8
    wanted = {name: [tuple(map(_rounded, row)) for row in answer] for name, answer in answers["plain"].items()}
    assert answers["distributed"] == wanted


def _rounded(value: Any) -> Any:
    """Sums have other last digits where the rows come in another order."""
    return pytest.approx(value, rel=1e-12) if isinstance(value, float) else value


def test_a_statement_of_one_visit_goes_to_its_shard_alone(both: dict[str, str]) -> None:
    from ssdb.schema.apdb_dia import dia_source
    from ssdb.store.query_plans import between_visits

    with connect(both["distributed"]) as database:
        with_dia_objects(database)
        with database.reading() as connection:
            wanted = sa.select(dia_source.c.diaSourceId).where(between_visits(connection, dia_source, [10]))
            text = wanted.compile(connection, compile_kwargs={"literal_binds": True})
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {text}").scalars())
    assert "Task Count: 1" in plan
