"""``ssdb.query``: what it answers, and that nothing can be changed with it."""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ssdb
from ssdb.store.database import Database
from ssdb.store.driver import driver_connection

BIG = 2**63 - 1


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[Database]:
    """Two visits, and a table of the user's own with one row."""
    opened = ssdb.connect(module_database_url)
    ssdb.ingest_visits(
        opened,
        {"visit": [1, BIG], "midpointMjdTai": [60000.1, 60000.2], "band": ["r", "Kx"], "instrument": [None, "Cam"]},
    )
    with opened.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (a integer)")
        connection.exec_driver_sql("INSERT INTO mine VALUES (7)")
    yield opened
    opened.close()


@pytest.fixture
def guarded(database: Database) -> Iterator[Database]:
    """The same; afterwards the tables and their rows must be what they were, and writing must work again."""
    before = _everything(database)
    yield database
    assert _everything(database) == before
    with database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO mine VALUES (8)")
        connection.exec_driver_sql("DELETE FROM mine WHERE a = 8")


def _everything(database: Database) -> dict[str, Any]:
    with database.reading() as connection:
        names = sorted(sa.inspect(connection).get_table_names())
        small = ("mine", "Visit", "alembic_version")
        rows = {name: connection.exec_driver_sql(f'SELECT * FROM "{name}"').all() for name in small}
    return {"tables": names, **rows}


def _refused(database: Database, sql: str, parameters: dict[str, Any] | None = None) -> str:
    with pytest.raises(ssdb.QueryError) as caught:
        ssdb.query(database, sql, parameters)
    message = str(caught.value)
    assert "\n" not in message
    assert "CURSOR FOR" not in message or "CURSOR FOR" in sql
    return message


ONLY_READS = "only reads: give one SELECT"
WRITING = [
    "UPDATE mine SET a = 0",
    "INSERT INTO mine VALUES (1)",
    "DELETE FROM mine",
    "DROP TABLE mine",
    'DROP VIEW "UnassociatedSsObject"',
    "CREATE TABLE more (a integer)",
    "CREATE TEMP TABLE more (a integer)",
    "CREATE INDEX fast ON mine (a)",
    "ALTER TABLE mine RENAME TO yours",
    "/* harmless */ DELETE FROM mine",
    "-- harmless\nDELETE FROM mine",
    "SELECT 1; DELETE FROM mine",
    "SELECT 1; COMMIT; DROP TABLE mine",
    "SELECT 1; SELECT 2",
    "WITH gone AS (DELETE FROM mine RETURNING a) SELECT * FROM gone",
    "WITH one AS (SELECT 1 AS a) INSERT INTO mine SELECT a FROM one",
    "SELECT 1 AS a INTO more",
    "SELECT * FROM mine FOR UPDATE",
    "EXPLAIN ANALYZE UPDATE mine SET a = 0",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT here",
    "ANALYZE",
    "REINDEX",
    "COPY mine TO STDOUT",
    "SET TRANSACTION READ WRITE",
    "",
    ";",
    "-- nothing",
]


@pytest.mark.parametrize("sql", WRITING)
def test_what_does_not_only_read_is_refused(guarded: Database, sql: str) -> None:
    assert ONLY_READS in _refused(guarded, sql)


@pytest.mark.parametrize("sql", ["DELETE FROM mine WHERE a = :a", "SELECT :a; DELETE FROM mine"])
def test_a_parameter_opens_no_door(guarded: Database, sql: str) -> None:
    assert ONLY_READS in _refused(guarded, sql, {"a": 7})


def test_a_parameter_is_a_value_and_never_sql(guarded: Database) -> None:
    evil = "'; DELETE FROM mine; --"
    assert ssdb.query(guarded, "SELECT :a AS a", {"a": evil}).rows == [(evil,)]


def test_a_statement_that_ssdb_itself_has_just_run_is_refused_all_the_same(guarded: Database) -> None:
    """The driver keeps prepared statements; those of writing connections are not to be had for a query."""
    delete = "DELETE FROM mine WHERE a = 99"
    with guarded.writing() as connection:
        connection.exec_driver_sql(delete)
    assert ONLY_READS in _refused(guarded, delete)


def test_ways_round_it_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    database = ssdb.connect(sqlite_url)
    other = tmp_path / "other.db"
    ways = [
        "PRAGMA query_only = 0",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version = 5",
        "PRAGMA journal_mode = DELETE",
        f"ATTACH '{other}' AS other",
        "SELECT load_extension('evil')",
        "SELECT * FROM pragma_table_info('Visit')",
        "CREATE VIRTUAL TABLE v USING fts5(x)",
    ]
    for way in ways:
        assert ONLY_READS in _refused(database, way), way
    _refused(database, f"VACUUM INTO '{other}'")
    assert not other.exists()
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 0
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    database.close()


def test_ways_round_it_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    database = ssdb.connect(postgresql_url)
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE mine (a integer)")
        connection.exec_driver_sql("CREATE SEQUENCE counter")
        for name, first in (("writes", ""), ("opens", "SET TRANSACTION READ WRITE;")):
            connection.exec_driver_sql(
                f"CREATE FUNCTION {name}() RETURNS integer LANGUAGE plpgsql VOLATILE AS "
                f"$$ BEGIN {first} INSERT INTO mine VALUES (1); RETURN 1; END $$"
            )
    ways = [
        "SELECT writes()",
        "SELECT opens()",
        "SELECT set_config('transaction_read_only', 'off', true), writes()",
        "SELECT set_config('transaction_read_only', 'off', false), writes()",
        "WITH off AS MATERIALIZED (SELECT set_config('transaction_read_only', 'off', true)) SELECT writes() FROM off",
        "SELECT nextval('counter')",
        "SELECT setval('counter', 100)",
        "SELECT lo_create(0)",
        f"COPY mine TO '{tmp_path / 'file'}'",
        f"COPY (SELECT 1) TO PROGRAM 'touch {tmp_path / 'file'}'",
        "DO $$ BEGIN INSERT INTO mine VALUES (1); END $$",
        "CALL writes()",
        "LOCK TABLE mine",
        "NOTIFY somebody",
        "DECLARE c CURSOR FOR SELECT 1",
        "PREPARE p AS DELETE FROM mine",
        "EXPLAIN ANALYZE SELECT writes()",
        "VACUUM",
    ]
    for way in ways:
        assert ONLY_READS in _refused(database, way), way
    assert list(tmp_path.iterdir()) == []
    assert ssdb.query(database, "SELECT count(*) AS n FROM mine").rows == [(0,)]
    assert ssdb.query(database, "SELECT last_value, is_called FROM counter").rows == [(1, False)]
    database.close()


def test_a_setting_of_the_session_does_not_outlive_the_query(postgresql_url: str) -> None:
    """The connection goes back to the pool: a search_path that a query left there would hide the tables."""
    database = ssdb.connect(postgresql_url)
    assert ssdb.query(database, "SELECT set_config('search_path', 'nowhere', false) AS s").rows == [("nowhere",)]
    assert ssdb.query(database, "SELECT count(*) AS n FROM Visit").rows == [(0,)]
    database.close()


def test_after_a_refusal_and_after_an_answer_the_authorizer_is_gone(sqlite_url: str) -> None:
    database = ssdb.connect(sqlite_url)
    _refused(database, "DROP TABLE Visit")
    ssdb.query(database, "SELECT 1 AS a")
    with database.writing() as connection:
        assert isinstance(driver_connection(connection), sqlite3.Connection)
        connection.exec_driver_sql("CREATE TABLE mine (a integer)")
        connection.exec_driver_sql("PRAGMA table_info(mine)")
    database.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 AS a",
        "select 1 as a;",
        "  \n SELECT 1 AS a ; -- done",
        "SELECT 1 AS a /* done */",
        "/* first\n */ -- and\n SELECT 1 AS a",
        "WITH one AS (SELECT 1 AS a) SELECT a FROM one",
        "SELECT a FROM (VALUES (1)) AS one (a)",
        "WITH RECURSIVE n(a) AS (SELECT 5 UNION ALL SELECT a - 1 FROM n WHERE a > 1) SELECT a FROM n WHERE a = 1",
        "SELECT 1 AS a WHERE 'INSERT; DELETE' <> 'UPDATE'",
    ],
)
def test_one_statement_that_reads_is_answered_however_it_is_dressed(database: Database, sql: str) -> None:
    if database.dialect == "sqlite" and "(a)" in sql and "RECURSIVE" not in sql:
        sql = "SELECT a FROM (SELECT column1 AS a FROM (VALUES (1)))"  # SQLite names no columns there
    answer = ssdb.query(database, sql)
    assert (answer.columns, answer.rows) == (["a"], [(1,)])


def test_postgresql_takes_parentheses_first(postgresql_url: str) -> None:
    """SQLite's grammar does not have them there."""
    database = ssdb.connect(postgresql_url)
    assert ssdb.query(database, "((SELECT 1 AS a)) ORDER BY a").rows == [(1,)]
    database.close()


def test_names_need_no_quotes_and_come_back_as_the_schema_writes_them(database: Database) -> None:
    answer = ssdb.query(
        database, "SELECT VISIT, MIDPOINTMJDTAI, predictionsat, band AS Filter FROM visit WHERE visit = 1"
    )
    assert answer.columns[:3] == ["visit", "midpointMjdTai", "predictionsAt"]
    assert answer.columns[3].lower() == "filter"
    assert answer.rows == [(1, 60000.1, None, "r")]


def test_quoted_names_work_too(database: Database) -> None:
    answer = ssdb.query(database, 'SELECT "midpointMjdTai" FROM "Visit" WHERE "visit" = 1')
    assert (answer.columns, answer.rows) == (["midpointMjdTai"], [(60000.1,)])


def test_all_columns_of_a_table_have_their_own_names(database: Database) -> None:
    from ssdb.schema import metadata

    for table in metadata.sorted_tables:
        answer = ssdb.query(database, f"SELECT * FROM {table.name}")
        assert answer.columns == [column.name for column in table.columns], table.name


def test_null_is_none(database: Database) -> None:
    answer = ssdb.query(database, "SELECT instrument, NULL AS unknown FROM Visit ORDER BY visit")
    assert answer.rows == [(None, None), ("Cam", None)]


def test_a_column_asked_for_twice_is_there_twice_and_has_two_names_in_a_file(database: Database) -> None:
    answer = ssdb.query(database, "SELECT visit, band, visit, 1 AS visit_2 FROM Visit WHERE visit = 1")
    assert answer.columns == ["visit", "band", "visit", "visit_2"]
    assert answer.rows == [(1, "r", 1, 1)]
    names = answer.to_arrow().column_names
    assert names[0] == "visit"
    assert len(set(names)) == 4


def test_percent_signs_and_colons_are_nothing_special_without_parameters(database: Database) -> None:
    sql = "SELECT visit FROM Visit WHERE band LIKE 'K%' AND '10:30 :no %s %(no)s ?' <> '' AND 7 % 4 = 3"
    assert ssdb.query(database, sql).rows == [(BIG,)]


def test_nor_with_parameters(database: Database) -> None:
    """Only ``:name`` outside of texts, quoted names and comments is a parameter."""
    sql = """
        SELECT visit, '10:30 it''s :band %s %(band)s ?' AS ":band"  -- isn't :band
        FROM Visit /* nor 'is :band */ WHERE band LIKE 'K%' AND 7 % 4 = 3 AND band = :band AND :band <> 'x:band'
    """
    answer = ssdb.query(database, sql, {"band": "Kx"})
    assert answer.columns == ["visit", ":band"]
    assert answer.rows == [(BIG, "10:30 it's :band %s %(band)s ?")]


def test_casts_and_dollar_quotes_of_postgresql_are_no_parameters(postgresql_url: str) -> None:
    database = ssdb.connect(postgresql_url)
    sql = "SELECT '3'::float8 + :x AS a, $t$ :x $t$ AS b, E'\\':x' AS c, (ARRAY[4, 5, 6])[2:3] AS d"
    assert ssdb.query(database, "SELECT '3'::float8 AS a").rows == [(3.0,)]
    assert ssdb.query(database, sql, {"x": 1.5}).rows == [(4.5, " :x ", "':x", [5, 6])]
    database.close()


@pytest.mark.parametrize("value", [0, -1, BIG, -BIG - 1, 1.5, -1e-300, "text", "it's", "", "Ünï 'c' \\ :x %", None])
def test_a_parameter_comes_back_as_it_was_given(database: Database, value: Any) -> None:
    rows = ssdb.query(database, "SELECT :value AS a, :value AS b", {"value": value}).rows
    assert rows == [(value, value)]
    assert type(rows[0][0]) is type(value)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), number=st.integers(-BIG, BIG))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_any_text_and_number_can_be_a_parameter(database: Database, text: str, number: int) -> None:
    answer = ssdb.query(database, "SELECT :text AS a, ':text' AS b, :number AS c", {"text": text, "number": number})
    assert answer.rows == [(text, ":text", number)]


@pytest.mark.parametrize("value", [np.int64(1), np.int32(1), np.float64(1.0), 1, 1.0])
def test_numbers_of_numpy_compare_like_numbers(database: Database, value: Any) -> None:
    assert ssdb.query(database, "SELECT band FROM Visit WHERE visit = :v", {"v": value}).rows == [("r",)]


def test_a_parameter_may_be_a_limit_and_be_used_twice(database: Database) -> None:
    sql = "SELECT visit FROM Visit WHERE visit >= :n OR visit < :n ORDER BY visit LIMIT :n"
    assert ssdb.query(database, sql, {"n": 1}).rows == [(1,)]


@pytest.mark.parametrize(
    ("sql", "parameters", "message"),
    [
        ("SELECT :a AS x, :b AS y", {"a": 1}, "no value for :b"),
        ("SELECT 1 AS x", {"a": 1}, "the query has no :a"),
        ("SELECT :A AS x", {"a": 1}, "no value for :A; the query has no :a"),
        ("SELECT visit FROM Visit WHERE visit = :v", None, "no value for :v"),
        ("SELECT visit FROM Visit WHERE visit = :v", {}, "no value for :v"),
    ],
)
def test_a_missing_and_a_superfluous_parameter_are_named(
    database: Database, sql: str, parameters: dict[str, Any] | None, message: str
) -> None:
    assert _refused(database, sql, parameters) == message


def test_a_number_that_no_column_can_hold_is_an_error_or_finds_nothing(database: Database) -> None:
    try:
        assert ssdb.query(database, "SELECT visit FROM Visit WHERE visit = :v", {"v": 2**63}).rows == []
    except ssdb.QueryError as error:
        assert "too large" in str(error)  # noqa: PT017 - SQLite's driver refuses what PostgreSQL compares


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("SELECT nothere FROM Visit", "nothere"),
        ("SELECT * FROM nothere", "nothere"),
        ("SELECT visit FROM Visit WHERE visit = 2)", ")"),
        ("SELEKT 1", "SELEKT"),
        ("SELECT nosuch(1) AS a", "nosuch"),
        ("SELECT 'abc", "'abc"),
        ("SELECT visit\nFROM\nVisit WHERRE visit = 1\n", "visit"),
    ],
)
def test_wrong_sql_is_named_on_one_line(database: Database, sql: str, named: str) -> None:
    message = _refused(database, sql)
    assert named in message
    assert len(message) < 200


def test_a_syntax_error_in_a_query_is_not_taken_for_writing(database: Database) -> None:
    for sql in ("SELECT 1 FROM WHERE", "/* c */ SELECT 1 FROM WHERE", "-- c\n(SELECT 1 FROM WHERE)"):
        assert "only reads" not in _refused(database, sql)


def test_sums_and_means_of_integers_are_plain_numbers(database: Database) -> None:
    """PostgreSQL's are decimal numbers of any length, SQLite's mean is a float."""
    sql = "SELECT sum(visit) AS s, avg(a) AS m, count(*) AS n FROM Visit, mine WHERE visit < 5"
    (row,) = ssdb.query(database, sql).rows
    assert row == (1, 7.0, 1)
    assert [type(value) for value in row] == [int, float, int]


def test_tables_made_of_json_can_be_read(sqlite_url: str) -> None:
    """The configuration and timings of runs are JSON."""
    database = ssdb.connect(sqlite_url)
    ssdb.associate(database)
    sql = "SELECT j.key AS k, j.value AS v FROM AssociationRun, json_each(configuration) AS j WHERE j.key = 'mode'"
    assert ssdb.query(database, sql).rows == [("mode", "fixed")]
    database.close()


def test_a_big_answer_is_whole_and_in_order(database: Database) -> None:
    sql = "WITH RECURSIVE n(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM n WHERE a < 25001) SELECT a FROM n ORDER BY a"
    assert ssdb.query(database, sql).rows == [(a,) for a in range(1, 25_002)]


def test_the_answer_as_arrow_has_the_types_of_its_values(database: Database) -> None:
    sql = "SELECT visit, midpointMjdTai, band, instrument, NULL AS unknown FROM Visit ORDER BY visit"
    table = ssdb.query(database, sql).to_arrow()
    assert table.to_pydict() == {
        "visit": [1, BIG],
        "midpointMjdTai": [60000.1, 60000.2],
        "band": ["r", "Kx"],
        "instrument": [None, "Cam"],
        "unknown": [None, None],
    }
    assert table.schema.types == [pa.int64(), pa.float64(), pa.string(), pa.string(), pa.string()]


def test_no_rows_still_have_columns(database: Database) -> None:
    answer = ssdb.query(database, "SELECT ssObjectId, ephRa FROM SSSource")
    assert (answer.columns, answer.rows) == (["ssObjectId", "ephRa"], [])
    table = answer.to_arrow()
    assert (table.column_names, table.num_rows) == (["ssObjectId", "ephRa"], 0)


def test_columns_of_mixed_values_become_text() -> None:
    answer = ssdb.QueryResult(["a", "b"], [(1, 2**70), ("x", None), (None, 1)])
    assert answer.to_arrow().to_pydict() == {"a": ["1", "x", None], "b": [str(2**70), None, "1"]}


def test_times_are_answered(database: Database) -> None:
    ssdb.ingest_predictions(database, {"visit": [BIG], "designation": ["2003 YF26"], "ephRa": [1.0], "ephDec": [1.0]})
    (row,) = ssdb.query(database, "SELECT predictionsAt FROM Visit WHERE visit = :v", {"v": BIG}).rows
    told = datetime.datetime.fromisoformat(str(row[0]))
    now = datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
    assert abs((now - told).total_seconds()) < 60


def test_a_view_of_people_is_answered(database: Database) -> None:
    assert "edgeDistance" in ssdb.query(database, "SELECT * FROM UnassociatedSsObject").columns


def test_a_table_whose_name_is_mistyped_is_answered_with_its_name(database: Database) -> None:
    with pytest.raises(ssdb.QueryError, match=r"(?i)sssorce.*is it SSSource\?"):
        ssdb.query(database, "SELECT * FROM SSSorce")
