"""What Citus demands of distributed tables holds on plain PostgreSQL, for the schema and for the statements sent.

So that what runs there goes on to run without a cluster to try it on: see test_citus.py for that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from conftest import _postgresql_database
from killed_commands import CASES
from killing import state_of
from test_cli import failed
from test_kills import service  # noqa: F401 (a fixture)

from ssdb.cli import main
from ssdb.store.database import Database
from ssdb.store.ddl.distribute import BY, TABLES, distribute
from ssdb.store.ddl.migrate import connect
from ssdb.store.query_plans import DISTRIBUTED, between_visits, index_loops, is_distributed

DISTRIBUTED_NAMES = [f'"{table.name}"' for table in TABLES]
SENT_BY = ("sources", "predictions", "associate", "associate-detector", "associate-dia", "merge-objects", "withdraw")
SENT_BY += ("relink", "precover-orbit", "delete-objects", "summarize-again", "predict-object", "attach")
"""Commands that together send most statements."""


def forms(sql: str) -> Iterator[str]:
    """What a statement does that Citus refuses of distributed tables."""
    text = " ".join(re.sub(r"--[^\n]*", "", sql).split())
    named = [name for name in DISTRIBUTED_NAMES if name in text]
    if named and re.search(r"\bFOR (NO KEY )?(UPDATE|SHARE)\b", text, re.IGNORECASE):
        yield f"locks rows of {named[0]}"
    for name in named:
        written = re.search(rf"\b(UPDATE|DELETE FROM) {name}(.*)", text, re.IGNORECASE)
        if written and re.search(
            r"\b(FROM|USING) (\w+ \w+, |\"?\w+\"?, )*\"?staged_(?!rows)", written[2].split(" WHERE ")[0]
        ):
            yield f"joins a temporary table to {name}, to change it"
        if written and re.search(r"\bEXISTS \(SELECT [^()]* FROM \"?staged_", written[2]):
            yield f"asks a temporary table about each row of {name}, to change it"
        inserted = re.search(rf"\bINSERT INTO {name}.*ON CONFLICT \(([^)]*)\)", text, re.IGNORECASE)
        if inserted and BY not in re.split(r"[\s,\"]+", inserted[1]):
            yield f"has a conflict of {name} without {BY}"
        asked = re.search(rf"\bEXISTS \(SELECT [^()]* FROM {name} WHERE ([^()]*)", text, re.IGNORECASE)
        if asked and re.search(r"= \"?(staged_\w+|Visit|VisitDetector|mpc_orbits|SSObject)\"?\.", asked[1]):
            yield f"asks {name} about each row of a table of the coordinator"


@contextmanager
def sent() -> Iterator[list[str]]:
    """Every statement that goes to PostgreSQL from this process."""
    statements: list[str] = []
    execute, copy = psycopg.Cursor.execute, psycopg.Cursor.copy

    def noted(how: Any) -> Any:
        def call(cursor: psycopg.Cursor, query: Any, *arguments: Any, **options: Any) -> Any:
            statements.append(query if isinstance(query, str) else str(query))
            return how(cursor, query, *arguments, **options)

        return call

    psycopg.Cursor.execute, psycopg.Cursor.copy = noted(execute), noted(copy)  # type: ignore[method-assign]
    try:
        yield statements
    finally:
        psycopg.Cursor.execute, psycopg.Cursor.copy = execute, copy  # type: ignore[method-assign]


@pytest.mark.parametrize("name", SENT_BY)
def test_no_statement_is_of_a_form_that_citus_refuses(
    name: str,
    postgresql_url: str,
    tmp_path: Path,
    service: str,  # noqa: F811
) -> None:
    case = CASES[name]
    with sent() as statements:
        with closing(connect(postgresql_url)) as database:
            case.load(database)
        done = CliRunner().invoke(main, ["--db", postgresql_url, *case.arguments(tmp_path, service)])
    assert done.exit_code == 0, done.output
    assert any(name in statement for statement in statements for name in DISTRIBUTED_NAMES)
    assert {form: sql for sql in statements for form in forms(sql)} == {}


@pytest.mark.parametrize(
    "sql",
    [
        'SELECT visit FROM "DiaSource" WHERE visit IN (1, 2) FOR UPDATE SKIP LOCKED',
        'UPDATE "DiaSource" SET dec=m.dec FROM staged_moves_1 m WHERE "DiaSource".visit = m.visit',
        'DELETE FROM "SSSource" USING staged_moves_1 WHERE "SSSource".visit = staged_moves_1.visit',
        'DELETE FROM "SSSource" WHERE EXISTS (SELECT * FROM staged_k WHERE staged_k.visit = "SSSource".visit)',
        'INSERT INTO "SsPrediction" (visit) VALUES (1) ON CONFLICT ("ssObjectId") DO NOTHING',
        'SELECT visit FROM "Visit" WHERE EXISTS (SELECT * FROM "SSSource" WHERE "SSSource".visit = "Visit".visit)',
    ],
)
def test_each_such_form_is_found(sql: str) -> None:
    assert list(forms(sql))


def test_every_key_holds_the_column_by_which_rows_are_distributed(postgresql_url: str) -> None:
    unique = sa.text(
        """SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_index
           WHERE indisunique AND indrelid = ANY (SELECT to_regclass(name) FROM unnest(CAST(:names AS text[])) name)
             AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = indrelid AND a.attnum = ANY (indkey)
                             AND a.attname = :by)"""
    )
    with closing(connect(postgresql_url)) as database, database.reading() as connection:
        assert connection.execute(unique, {"names": DISTRIBUTED_NAMES, "by": BY}).all() == []
        by = sa.text("SELECT count(*) FROM pg_index WHERE indisunique AND indrelid = CAST(:name AS regclass)")
        assert all(connection.scalar(by, {"name": name}) for name in DISTRIBUTED_NAMES)


def test_what_cannot_be_distributed_says_why_and_stays_as_it_is(database: Database, database_url: str) -> None:
    why = "no extension citus: run CREATE EXTENSION" if database.dialect == "postgresql" else "SQLite is one file"
    assert why in failed(database_url, "distribute", "8")
    assert why in failed(database_url, "init", "--distribute", "8")
    assert "from 1 to 1,000" in failed(database_url, "distribute", "0")
    with database.reading() as connection:
        assert not is_distributed(connection)


def test_init_makes_no_tables_that_it_cannot_distribute(empty_database_url: str) -> None:
    failed(empty_database_url, "init", "--distribute", "8")
    assert failed(empty_database_url, "status").endswith("run `ssdb init`")


def test_statements_of_a_few_visits_name_them_where_tables_are_distributed(postgresql_url: str) -> None:
    table = TABLES[0]
    with closing(connect(postgresql_url)) as database:
        with database.reading() as connection:
            assert " IN " not in str(between_visits(connection, table, [1, 3]))
        database.engine.update_execution_options(**{DISTRIBUTED: True})
        with database.reading() as connection, sent() as statements:
            assert " IN " in str(between_visits(connection, table, [1, 3]))
            assert " IN " not in str(between_visits(connection, table, list(range(1000))))
            with index_loops(connection):
                pass
    # The first is what has the others reach the workers, and the last what ends that.
    first, last = (statement.split("; ") for statement in statements)
    assert first[0] == "SET LOCAL citus.propagate_set_commands = 'local'"
    assert last[-1] == "SET LOCAL citus.propagate_set_commands TO DEFAULT"
    assert len(first) == len(last) > 2


@pytest.mark.parametrize("name", ["associate-all", "associate-dia-again", "merge-objects"])
def test_the_statements_for_distributed_tables_do_the_same_on_plain_ones(
    name: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = []
    for distributed in (False, True):
        noted = {DISTRIBUTED: distributed}
        monkeypatch.setattr(
            "ssdb.store.ddl.migrate.note_where",
            lambda database, _, noted=noted: database.engine.update_execution_options(**noted),
        )
        url = _postgresql_database(request, request.getfixturevalue("_postgresql_template"))
        with closing(connect(url)) as database:
            CASES[name].load(database)
        with sent() as statements:
            done = CliRunner().invoke(main, ["--db", url, *CASES[name].arguments(tmp_path, "")])
        assert done.exit_code == 0, done.output
        assert any("citus.propagate" in statement for statement in statements) == distributed
        found.append({table: rows for table, rows in state_of(url, ("AssociationRun",)).items() if table})
    assert found[0] == found[1]


def test_sqlite_cannot_be_distributed_from_python(sqlite_url: str) -> None:
    from ssdb.errors import ConfigError

    with closing(connect(sqlite_url)) as database, pytest.raises(ConfigError, match="only on PostgreSQL"):
        distribute(database, 8)
