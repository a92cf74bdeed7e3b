"""Answers and tables larger than one would hold in memory go to files and pipes in parts."""

from __future__ import annotations

import csv
import io
import json
import os
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from small_surveys import change

import ssdb
import ssdb.ask.sql as query_module
import ssdb.store.transfer.read as read_module
from ssdb.ask.spool import ColumnTypes, as_table, spooled
from ssdb.cli import main
from ssdb.io import writers
from ssdb.io.tables import read_columns
from ssdb.store.database import Database

N = 25_000
ROWS_PER_CHUNK = 400
NUMBERS = f"WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < {N})"
ANSWER = f"{NUMBERS} SELECT a, a * 0.5 AS half, 'a text of some length, the number ' || a AS told FROM n"
MOST_BYTES = 2 * 2**20
"""Four hundred rows and what else there is take less than this; the whole answer takes three times as much."""


@contextmanager
def at_most(n_bytes: int) -> Iterator[None]:
    """Counts what Python's objects and Arrow's arrays take, however long it is held."""
    before = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(before)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] + pool.max_memory() < n_bytes
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(before)


def run(url: str, *arguments: str) -> None:
    """A command whose output nobody keeps."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
        main.main(["--db", url, *arguments], standalone_mode=False)


@pytest.mark.parametrize("ending", ["csv", "json", "rows.parquet", "rows.csv", "rows.csv.gz"])
def test_an_answer_is_never_all_in_memory(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(query_module, "_ROWS_PER_CHUNK", ROWS_PER_CHUNK)
    monkeypatch.setattr(writers, "_ROWS_PER_GROUP", 5 * ROWS_PER_CHUNK)
    to = ["-o", str(tmp_path / ending)] if "." in ending else ["--format", ending]
    run(database_url, "query", "SELECT 1 AS a", *to)  # what is imported is no part of it
    with at_most(MOST_BYTES):
        run(database_url, "query", ANSWER, *to)
    if "." in ending:
        table = read_columns(tmp_path / ending)
        assert table.num_rows == N
        assert table.column("half")[-1].as_py() == N / 2


def test_the_whole_answer_would_take_more(sqlite_url: str) -> None:
    """Or the bound would be none."""
    database = ssdb.connect(sqlite_url)
    with pytest.raises(AssertionError, match="max_memory"), at_most(2 * MOST_BYTES):
        assert len(ssdb.query(database, ANSWER).rows) == N
    database.close()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_table_is_exported_in_parts(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(read_module, "_ROWS_PER_CHUNK", ROWS_PER_CHUNK)
    monkeypatch.setattr(read_module, "_csv_blocks", partial(read_module._csv_blocks, size=2**17))
    monkeypatch.setattr(writers, "_ROWS_PER_GROUP", 5 * ROWS_PER_CHUNK)
    columns = 'visit, "midpointMjdTai", ra, "dec", instrument'
    made = f"{NUMBERS} SELECT a, 60000, 0.5, 0.25, 'a camera ' || a FROM n"
    change(database, f'INSERT INTO "Visit" ({columns}) {made}')
    ssdb.export(database, "Visit", tmp_path / f"visits.{ending}", visits=[1])
    with at_most(int(2.2 * MOST_BYTES)):  # Visit has many columns
        assert ssdb.export(database, "Visit", tmp_path / f"visits.{ending}") == N
    table = read_columns(tmp_path / f"visits.{ending}")
    assert table.column("visit").to_pylist() == list(range(1, N + 1))
    assert table.column("instrument")[-1].as_py() == f"a camera {N}"
    if ending == "parquet":
        assert table.nbytes > 1.5 * MOST_BYTES


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([None, None, 1, None], pa.int64()),
        ([1, 2, 2.5, None], pa.float64()),
        ([2**60, 1, 0.5], pa.string()),
        ([None, "x", 3], pa.string()),
        ([2**70, 1], pa.string()),
        ([None, None], pa.string()),
        ([True, None, False], pa.bool_()),
        ([b"x", None], pa.binary()),
        ([[], [1], None], pa.list_(pa.int64())),
    ],
)
@pytest.mark.parametrize("n_at_a_time", [1, 2, 100])
def test_the_types_of_an_answer_do_not_depend_on_its_parts(
    tmp_path: Path, values: list[Any], type_: pa.DataType, n_at_a_time: int
) -> None:
    rows = [(value,) for value in values]
    chunks = [rows[start : start + n_at_a_time] for start in range(0, len(rows), n_at_a_time)]
    with spooled(["a"], chunks, tmp_path) as (schema, tables):
        found = pa.concat_tables(tables)
    types = ColumnTypes(["a"])
    types.see(rows)
    assert schema == types.schema() == pa.schema([("a", type_)])
    assert found.equals(as_table(rows, schema))
    plain = [None if value is None else str(value) for value in values] if type_ == pa.string() else values
    assert found.column("a").to_pylist() == plain


@pytest.mark.parametrize("rows_per_chunk", [1, 7, 10_000])
def test_what_comes_in_parts_is_what_came_whole(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows_per_chunk: int
) -> None:
    monkeypatch.setattr(query_module, "_ROWS_PER_CHUNK", rows_per_chunk)
    rows = ("1 AS a, 2 AS b, 'ü,\"' AS t, NULL AS n", "2, 3, NULL, NULL", "3, 4, '', NULL")
    sql = f"SELECT a, b AS a, t, n FROM ({' UNION ALL '.join(f'SELECT {row}' for row in rows)}) q ORDER BY 1"
    database = ssdb.connect(database_url)
    answer = ssdb.query(database, sql)
    printed = {}
    for kind in ("csv", "json"):
        with redirect_stdout(io.StringIO()) as stdout:
            main.main(["--db", database_url, "query", sql, "--format", kind], standalone_mode=False)
        printed[kind] = stdout.getvalue()
    names = answer.distinct_columns
    assert json.loads(printed["json"]) == [dict(zip(names, row, strict=True)) for row in answer.rows]
    texts = [["" if value is None else str(value) for value in row] for row in answer.rows]
    assert list(csv.reader(printed["csv"].splitlines())) == [answer.columns, *texts]
    run(database_url, "query", sql, "-o", str(tmp_path / "a.parquet"))
    assert parquet.read_table(tmp_path / "a.parquet").equals(answer.to_arrow())
    database.close()


def test_no_rows_are_an_empty_list(database_url: str, tmp_path: Path) -> None:
    sql = "SELECT visit, ra FROM Visit"
    with redirect_stdout(io.StringIO()) as stdout:
        main.main(["--db", database_url, "query", sql, "--json"], standalone_mode=False)
    assert stdout.getvalue() == "[]\n"
    run(database_url, "query", sql, "-o", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").read_text().splitlines() == ['"visit","ra"']


def test_a_failure_in_the_middle_leaves_no_file(database_url: str, tmp_path: Path) -> None:
    """Division by zero at the last row (SQLite: a text that no JSON is)."""
    failing = "1 / (a - 25000)" if database_url.startswith("postgresql") else "json(substr('1x', 1, 1 + a / 25000))"
    sql = f"WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 25000) SELECT a, {failing} FROM n"
    for name in ("a.parquet", "a.csv"):
        with pytest.raises(ssdb.QueryError):
            ask_to_file(database_url, sql, tmp_path / name)
    assert list(tmp_path.glob("a.*")) == []


def ask_to_file(url: str, sql: str, path: Path) -> None:
    from ssdb.ask.sql import asking
    from ssdb.io.writers import write_parts

    database = ssdb.connect(url)
    with asking(database, sql) as answer, answer.tables(path.parent) as (schema, tables):
        write_parts(schema, tables, path)
    database.close()
