"""Bulk reading gives what was stored, NULLs included, whatever the size of the chunks, the same on both databases."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from every_type import as_arrow, every_type, hard_rows, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_surveys import change

from ssdb.errors import DatabaseError
from ssdb.schema.arrow import arrow_schema
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.query_plans import as_text
from ssdb.store.transfer import read
from ssdb.store.transfer.read import read_arrays, read_batches, read_table
from ssdb.store.transfer.staging import staged

NUMBERS = ("aLong", "anInteger", "aShort", "aDouble", "aReal")


def arrays(database: Database, statement: Any, parameters: dict[str, Any] | None = None) -> dict[str, np.ndarray]:
    """The result, which is the same as one value a column."""
    with database.reading() as connection:
        found = read_arrays(connection, statement, parameters)
        whole = read_arrays(connection, statement, parameters, bounded=True)
    assert list(whole) == list(found)
    for name, values in found.items():
        assert whole[name].dtype == values.dtype
        assert whole[name].flags.writeable
        # Not equal alone: -0.0 and NaN are to be what they were.
        assert whole[name].tobytes() == values.tobytes(), name
    return found


def table_of(database: Database, *columns: str) -> pa.Table:
    """Some columns of the table of every type, in the order of the rows."""
    table = every_type()
    wanted = [table.c[name] for name in columns]
    schema = pa.schema([arrow_schema(table).field(name) for name in columns])
    with database.reading() as connection:
        return read_table(connection, sa.select(*wanted).order_by(table.c.id), schema)


# Arrays


def test_numbers_of_every_type_become_arrays(database: Database) -> None:
    given_rows = hard_rows()[:5]
    table = stored(database, given_rows)
    found = arrays(database, sa.select(*(table.c[name] for name in NUMBERS)).order_by(table.c.id))
    assert list(found) == list(NUMBERS)
    assert [array.dtype for array in found.values()] == ["i8", "i4", "i2", "f8", "f4"]
    for name in NUMBERS:
        assert found[name].tolist() == [row[name] for row in given_rows], name
        assert found[name].flags.writeable


def test_a_float_that_is_null_becomes_nan_alone(database: Database) -> None:
    values = [1.5, None, -0.0, None]
    table = stored(database, [{"id": i, "aDouble": x, "aReal": x} for i, x in enumerate(values)])
    found = arrays(database, sa.select(table.c.aDouble, table.c.aReal).order_by(table.c.id))
    for array in found.values():
        np.testing.assert_array_equal(array, [1.5, np.nan, 0.0, np.nan])


@pytest.mark.parametrize("rows", [[None], [1, None], [None, 1], [None, None]])
@pytest.mark.parametrize("name", ["aLong", "anInteger", "aShort"])
def test_an_integer_that_is_null_is_an_error_that_names_it_on_sqlite(
    rows: list[int | None], name: str, sqlite_url: str
) -> None:
    with closing(connect(sqlite_url)) as database:
        _check_null_integer(database, rows, name)


def test_an_integer_that_is_null_is_an_error_that_names_it_on_postgresql(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database:
        for rows in ([None], [1, None], [None, 1], [None, None]):
            for name in ("aLong", "anInteger", "aShort"):
                _check_null_integer(database, rows, name)


def _check_null_integer(database: Database, rows: list[int | None], name: str) -> None:
    table = stored(database, [{"id": i, name: value} for i, value in enumerate(rows)])
    with pytest.raises(DatabaseError, match=name):
        arrays(database, sa.select(table.c.id, table.c[name], table.c.aDouble))


def test_nothing_slips_through_where_the_bytes_of_the_rows_add_up(postgresql_url: str) -> None:
    """13 rows without their 8 bytes are as long as 9 rows of 26 (2 + 4 + 8 + 4 + 8); 42 of 43 bytes as 43 of 42."""
    with closing(connect(postgresql_url)) as database:
        table = stored(database, [{"id": i, "aString": "é"} for i in range(42)])
        with pytest.raises(DatabaseError, match="aLong"):
            arrays(database, sa.select(table.c.id, table.c.aLong).where(table.c.id < 13))
        with pytest.raises(DatabaseError, match="aString"):
            arrays(database, sa.select(table.c.id, table.c.aString))


def test_text_becomes_bytes_and_null_becomes_empty(database: Database) -> None:
    texts = ["2015 MQ204", "", None, "433", "x" * 24, "'%s' \\", "trailing  "]
    table = stored(database, [{"id": i, "aString": text} for i, text in enumerate(texts)])
    found = arrays(database, sa.select(table.c.aString).order_by(table.c.id))["aString"]
    assert found.dtype == "S24"
    assert found.tolist() == [b"2015 MQ204", b"", b"", b"433", b"x" * 24, b"'%s' \\", b"trailing"]


def test_bytes_become_void_of_one_length(database: Database) -> None:
    """Zeros follow, and what looks like a blank at the end stays."""
    given = [b"ab ", b"", b"\0\xff", b"12345678"]
    table = stored(database, [{"id": i, "aBlob": value} for i, value in enumerate(given)])
    statement = sa.select(sa.type_coerce(table.c.aBlob, sa.LargeBinary(8)).label("aBlob")).order_by(table.c.id)
    found = arrays(database, statement)["aBlob"]
    assert found.dtype == "V8"
    assert found.tobytes() == b"".join(value.ljust(8, b"\0") for value in given)
    short = sa.select(sa.type_coerce(table.c.aBlob, sa.LargeBinary(7)).label("aBlob"))
    with pytest.raises(DatabaseError, match=r"aBlob.*too many bytes"):
        arrays(database, short)


@pytest.mark.parametrize("texts", [["é"], ["plain", "ʻOumuamua"], ["é" * 24], ["☄", "plain"]])
def test_text_that_is_not_ascii_is_an_error_that_names_the_column(texts: list[str], database: Database) -> None:
    table = stored(database, [{"id": i, "aString": text} for i, text in enumerate(texts)])
    with pytest.raises(DatabaseError, match=r"aString.*ASCII"):
        arrays(database, sa.select(table.c.id, table.c.aString))


def test_nothing_becomes_empty_arrays_of_the_right_types(database: Database) -> None:
    table = stored(database, [])
    found = arrays(database, sa.select(table.c.aLong, table.c.aReal, table.c.aString))
    assert {name: (array.dtype.str[1:], array.shape) for name, array in found.items()} == {
        "aLong": ("i8", (0,)),
        "aReal": ("f4", (0,)),
        "aString": ("S24", (0,)),
    }


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 7])
def test_arrays_read_in_chunks_are_whole(n: int, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_ROWS_PER_CHUNK", 3)
    with closing(connect(sqlite_url)) as database:
        table = stored(database, [{"id": i, "aDouble": i / 2} for i in range(n)])
        found = arrays(database, sa.select(table.c.id, table.c.aDouble).order_by(table.c.id))
    assert found["id"].tolist() == list(range(n))
    assert found["aDouble"].tolist() == [i / 2 for i in range(n)]


def test_parameters_are_values_never_sql(database: Database) -> None:
    names = ["O'Brien", "50%", "%(id)s", ":x", '"', "\\", "?"]
    table = stored(database, [{"id": i, "aString": name} for i, name in enumerate(names)])
    for i, name in enumerate(names):
        assert arrays(database, sa.select(table.c.id).where(table.c.aString == name))["id"].tolist() == [i]
        text = sa.text('SELECT id FROM "Every Type" WHERE "aString" = :name').columns(id=sa.BigInteger)
        assert arrays(database, text, {"name": name})["id"].tolist() == [i]
    some = sa.select(table.c.id).where(table.c.aString.in_(names[2:5])).order_by(table.c.id)
    assert arrays(database, some)["id"].tolist() == [2, 3, 4]
    none = sa.select(table.c.id).where(table.c.aString.in_([]))
    assert arrays(database, none)["id"].tolist() == []


def test_a_list_in_the_text_of_a_statement_stands_beside_parameters(database: Database) -> None:
    table = stored(database, [{"id": i, "aLong": i % 3} for i in range(9)])
    parameter = table.c.aLong == sa.bindparam("given", type_=sa.BigInteger())
    some = sa.select(table.c.id).where(parameter, table.c.id.in_(as_text(range(6)))).order_by(table.c.id)
    for given_ in (1, 2):
        assert arrays(database, some, {"given": given_})["id"].tolist() == [given_, given_ + 3]


@pytest.mark.parametrize("number", [-(2**63), -1, 0, 2**63 - 1])
def test_a_parameter_is_any_number_of_64_bits(number: int, database: Database) -> None:
    same = sa.select(sa.bindparam("given", type_=sa.BigInteger()).label("number"))
    assert arrays(database, same, {"given": number})["number"].tolist() == [number]


def test_a_percent_sign_in_a_statement_is_one_with_and_without_parameters(database: Database) -> None:
    stored(database, [{"id": i, "aString": text} for i, text in enumerate(["a%", "ab", "b"])])
    ends = "\"aString\" LIKE '%b' AND id % 2 = 1"
    plain = sa.text(f'SELECT id FROM "Every Type" WHERE {ends}').columns(id=sa.BigInteger)
    assert arrays(database, plain)["id"].tolist() == [1]
    bound = sa.text(f'SELECT id FROM "Every Type" WHERE {ends} AND id < :most').columns(id=sa.BigInteger)
    assert arrays(database, bound, {"most": 2})["id"].tolist() == [1]
    with database.reading() as connection:
        modulo = sa.select(sa.literal_column("7 % 4", sa.BigInteger).label("three"))
        schema = pa.schema([("three", pa.int64())])
        assert read_table(connection, modulo, schema).to_pylist() == [{"three": 3}]


# Arrow tables


def test_tables_hold_every_value_and_every_null(database: Database) -> None:
    table = stored(database, hard_rows())
    found = table_of(database, *table.columns.keys())
    assert found.to_pylist() == hard_rows()
    assert found.schema.equals(arrow_schema(table), check_metadata=True)


@pytest.mark.parametrize("empties", [False, True], ids=["NULL", "empty"])
def test_a_single_column_of_nothing_has_all_its_rows(empties: bool, database: Database) -> None:
    """One column of NULLs is lines without anything in PostgreSQL's CSV."""
    value = "" if empties else None
    texts = [value, "x", value, value, "\n", value]
    stored(database, [{"id": i, "aText": text} for i, text in enumerate(texts)])
    assert table_of(database, "aText").column("aText").to_pylist() == texts


def test_no_rows_are_a_table_with_the_schema(database: Database) -> None:
    table = stored(database, [])
    found = table_of(database, *table.columns.keys())
    assert found.num_rows == 0
    assert found.schema.equals(arrow_schema(table), check_metadata=True)


_LINES = st.lists(st.none() | st.text(alphabet='ab\n\r",\\ ', max_size=12), max_size=12)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=_LINES, chunk=st.integers(1, 5))
def test_tables_read_in_chunks_are_whole(database: Database, texts: list[str | None], chunk: int) -> None:
    """Also where a line break within a text meets the edge of a chunk."""
    schema = pa.schema([("id", pa.int64()), ("aText", pa.string())])
    lines = pa.table([range(len(texts)), texts], schema=schema)
    with (
        pytest.MonkeyPatch.context() as patch,
        database.writing() as connection,
        staged(connection, every_type(), lines) as table,
    ):
        patch.setattr(read, "_ROWS_PER_CHUNK", chunk)
        patch.setattr(read, "_csv_blocks", partial(read._csv_blocks, size=5 * chunk))
        statement = sa.select(table.c.id, table.c.aText).order_by(table.c.id)
        batches = list(read_batches(connection, statement, schema))
    assert batches[0].schema.equals(schema)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert rows == [{"id": i, "aText": text} for i, text in enumerate(texts)]


def test_a_result_is_read_in_batches_of_a_bounded_size(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "_ROWS_PER_CHUNK", 10)
    monkeypatch.setattr(read, "_csv_blocks", partial(read._csv_blocks, size=30))
    table = stored(database, [{"id": 10 + i} for i in range(50)])
    with database.reading() as connection:
        batches = list(read_batches(connection, sa.select(table.c.id), pa.schema([("id", pa.int64())])))
    assert [batch.num_rows for batch in batches if batch.num_rows] == [10] * 5


def test_nan_and_infinity_in_the_database_come_back_from_postgresql(postgresql_url: str) -> None:
    """Not written by ssdb, but anybody may."""
    with closing(connect(postgresql_url)) as database:
        stored(database, [{"id": 1, "aDouble": 1.0, "aReal": 1.0}])
        change(database, 'UPDATE "Every Type" SET "aDouble" = \'NaN\', "aReal" = \'-Infinity\'')
        found = table_of(database, "aDouble", "aReal")
    assert np.isnan(found.column("aDouble").to_numpy()).tolist() == [True]
    assert found.column("aReal").to_pylist() == [-np.inf]


# Both databases


def test_both_databases_give_equal_arrays_and_tables(sqlite_url: str, postgresql_url: str) -> None:
    results = []
    for url in (sqlite_url, postgresql_url):
        with closing(connect(url)) as database:
            table = stored(database, hard_rows())
            numbers = sa.select(*(table.c[name] for name in NUMBERS)).where(table.c.id < 5).order_by(table.c.id)
            results.append((arrays(database, numbers), table_of(database, *table.columns.keys())))
    (first, first_table), (second, second_table) = results
    assert first_table.equals(second_table, check_metadata=True)
    assert first_table.equals(as_arrow(every_type(), hard_rows()))
    for name, array in first.items():
        assert array.tobytes() == second[name].tobytes()
        assert array.dtype == second[name].dtype
