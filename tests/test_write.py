"""Bulk writing keeps every value of every type, and staging is bulk writing for a while."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from every_type import VALUES, as_arrow, every_type, hard_rows, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_surveys import rows, store_rows

from ssdb.errors import DatabaseError
from ssdb.schema import metadata
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.transfer import write
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import write_rows


def read_back(connection: sa.Connection, table: sa.Table) -> list[dict[str, Any]]:
    """All rows by SQLAlchemy's own means, singles as the doubles that they are."""
    singles = [sa.cast(c, sa.Double).label(c.name) if isinstance(c.type, sa.REAL) else c for c in table.columns]
    return [dict(row) for row in connection.execute(sa.select(*singles).order_by(table.c.id)).mappings()]


def all_rows(database: Database, table: sa.Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return read_back(connection, table)


def test_every_type_of_the_schema_is_tried() -> None:
    """What the tests below show for their own table holds for the schema's columns."""
    tried = {type(column.type) for column in every_type().columns}
    assert {type(column.type) for table in metadata.sorted_tables for column in table.columns} <= tried


def test_values_of_every_type_come_back(database: Database) -> None:
    table = stored(database, hard_rows())
    assert all_rows(database, table) == hard_rows()


def test_null_is_neither_zero_nor_empty(database: Database) -> None:
    empty = dict.fromkeys(VALUES)
    zeros = {"aLong": 0, "aDouble": 0.0, "aReal": 0.0, "aBoolean": False, "aString": "", "aText": "", "aBlob": b""}
    stored(database, [{"id": 0} | empty, {"id": 1} | empty | zeros])
    for name in zeros:
        assert rows(database, f'SELECT id FROM "Every Type" WHERE "{name}" IS NULL') == [(0,)]


_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=24)
_ROW = st.fixed_dictionaries(
    {
        "aLong": st.none() | st.integers(-(2**63), 2**63 - 1),
        "anInteger": st.none() | st.integers(-(2**31), 2**31 - 1),
        "aShort": st.none() | st.integers(-(2**15), 2**15 - 1),
        "aDouble": st.none() | st.floats(allow_nan=False),
        "aReal": st.none() | st.floats(allow_nan=False, width=32),
        "aBoolean": st.none() | st.booleans(),
        "aString": st.none() | _TEXT,
        "aText": st.none() | _TEXT,
        "aTimestamp": st.none() | st.datetimes(min_value=datetime(1000, 1, 1)),
        "aBlob": st.none() | st.binary(max_size=20),
    }
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.lists(_ROW, min_size=1, max_size=8))
def test_any_values_come_back(database: Database, drawn: list[dict[str, Any]]) -> None:
    given_rows = [{"id": i, **row} for i, row in enumerate(drawn)]
    table = every_type()
    with database.writing() as connection, staged(connection, table, as_arrow(table, given_rows)) as temporary:
        assert read_back(connection, temporary) == given_rows


def test_real_columns_hold_single_precision_on_both_databases(database: Database) -> None:
    """0.1 becomes the nearest single, 13421773 / 2**27, and is that number in SQL too."""
    table = every_type()
    with database.writing() as connection:
        table.create(connection)
        write_rows(connection, table, pa.table({"id": [1], "aReal": pa.array([0.1], pa.float32())}))
    assert rows(database, 'SELECT CAST("aReal" AS DOUBLE PRECISION) FROM "Every Type"') == [(13421773 / 2**27,)]


def test_numpy_values_reach_sqlite_as_numbers_and_text_never_as_blobs(sqlite_url: str) -> None:
    kinds = {
        "id": (np.arange(2), "integer"),
        "aLong": (np.array([2**62, -5]), "integer"),
        "anInteger": (np.array([7, -5], np.int32), "integer"),
        "aShort": (np.array([7, -5], np.int16), "integer"),
        "aDouble": (np.array([1.0, 0.1]), "real"),
        "aReal": (np.array([1.0, 0.1], np.float32), "real"),
        "aBoolean": (np.array([True, False]), "integer"),
        "aString": (np.array(["a", "1"]), "text"),
        "aText": (np.array(["b", "2"], object), "text"),
        "aTimestamp": (np.array(["2026-11-22", "1999-01-01"], "datetime64[us]"), "text"),
    }
    table = every_type()
    with closing(connect(sqlite_url)) as database, database.writing() as connection:
        table.create(connection)
        values = {name: pa.array(array) for name, (array, _) in kinds.items()}
        write_rows(connection, table, pa.table(values))
        missing = [pa.nulls(1, array.type) for array in values.values()]
        missing[0] = pa.array([9])
        write_rows(connection, table, pa.table(missing, names=list(values)))
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        for name, (_, kind) in kinds.items():
            found = connection.execute(f'SELECT typeof("{name}") FROM "Every Type" ORDER BY id').fetchall()
            assert found == [(kind,), (kind,), ("integer" if name == "id" else "null",)], name


def test_times_on_sqlite_are_text_of_one_width_as_sqlalchemy_writes_it(sqlite_url: str) -> None:
    """Or they would not sort, nor be found by what SQLAlchemy compares them with."""
    times = [datetime(2026, 11, 22, 16, 4), datetime(2026, 11, 22, 16, 4, 0, 5)]
    with closing(connect(sqlite_url)) as database:
        table = stored(database, [{"id": i, "aTimestamp": time} for i, time in enumerate(times)])
        found = rows(database, 'SELECT "aTimestamp" FROM "Every Type" ORDER BY "aTimestamp"')
        assert found == [("2026-11-22 16:04:00.000000",), ("2026-11-22 16:04:00.000005",)]
        with database.reading() as connection:
            assert connection.scalars(sa.select(table.c.id).where(table.c.aTimestamp == times[0])).all() == [0]


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 6, 7])
def test_rows_in_chunks_are_the_same_rows(n: int, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(write._ROWS_PER_CHUNK, "sqlite", 3)
    with closing(connect(sqlite_url)) as database:
        _check_written_in_parts(database, n)


def test_rows_in_chunks_are_the_same_rows_on_postgresql(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(write._ROWS_PER_CHUNK, "postgresql", 3)
    with closing(connect(postgresql_url)) as database:
        for n in (0, 1, 2, 3, 4, 6, 7):
            _check_written_in_parts(database, n)


def _check_written_in_parts(database: Database, n: int) -> None:
    """Writes n rows that are a slice of two chunks."""
    table = every_type()
    whole = as_arrow(table, hard_rows())
    part = pa.concat_tables([whole.slice(0, 5), whole.slice(5)]).slice(2, n)
    with database.writing() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
        assert write_rows(connection, table, part) == n
    assert all_rows(database, table) == hard_rows()[2 : 2 + n]


def test_what_is_not_given_becomes_the_default_or_null(database: Database) -> None:
    with database.writing() as connection:
        write_rows(connection, visit, pa.table({"midpointMjdTai": [60000.5], "visit": [1]}))
    assert rows(database, 'SELECT visit, "midpointMjdTai", status, band FROM "Visit"') == [
        (1, 60000.5, "pending", None)
    ]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("magnitude", pa.array([1.0])),
        ("band", pa.array([1])),
        ("exposureTime", pa.array([30.0])),
        ("midpointMjdTai", pa.array([60000], pa.int64())),
        ("predictionsAt", pa.array([0], pa.timestamp("ns"))),
        ("instrument", pa.array(["x"]).dictionary_encode()),
    ],
)
def test_an_unknown_column_or_another_type_is_an_error_in_the_program(name: str, values: pa.Array) -> None:
    with (
        closing(connect()) as database,
        pytest.raises(TypeError, match=f"Visit.{name}"),
        database.writing() as connection,
    ):
        write_rows(connection, visit, pa.table({"visit": pa.array([1], pa.int64()), name: values}))


def test_a_failing_write_stores_nothing(database: Database) -> None:
    """The last row has the key of the first."""
    twice = pa.table({"visit": [*range(1000), 0], "midpointMjdTai": [60000.0] * 1001})
    with pytest.raises(DatabaseError), database.writing() as connection:
        write_rows(connection, visit, twice)
    missing = pa.table({"visit": [1, 2], "midpointMjdTai": [60000.0, None]})
    with pytest.raises(DatabaseError, match="midpointMjdTai"), database.writing() as connection:
        write_rows(connection, visit, missing)
    assert rows(database, 'SELECT count(*) FROM "Visit"') == [(0,)]


def test_the_zone_of_a_source_is_made_by_the_database(database: Database) -> None:
    """Zones of one arcminute from the south pole, the lower edge included."""
    zones = {-90.0: 0, -89.99: 0, -0.5: 89 * 60 + 30, -0.001: 5399, 0.0: 5400, 0.016: 5400, 0.017: 5401, 90.0: 10800}
    n = len(zones)
    sources = {
        "diaSourceId": pa.array(range(n), pa.int64()),
        "visit": pa.array([1] * n, pa.int64()),
        "detector": pa.array([0] * n, pa.int16()),
        "midpointMjdTai": pa.array([60000.0] * n),
        "ra": pa.array([0.0] * n),
        "dec": pa.array(list(zones)),
    }
    with database.writing() as connection:
        store_rows(connection, dia_source, pa.table(sources))
    found = rows(database, 'SELECT zone FROM "DiaSource" ORDER BY "diaSourceId"')
    assert [zone for (zone,) in found] == list(zones.values())
    with pytest.raises(TypeError, match="zone"), database.writing() as connection:
        write_rows(connection, dia_source, pa.table(sources | {"zone": pa.array([0] * n, pa.int32())}))


# Staging


def test_staged_rows_are_compared_with_a_table_and_gone_afterwards(database: Database) -> None:
    new = pa.table({"visit": [2, 3], "band": ["g", None]})
    with database.writing() as connection:
        write_rows(connection, visit, pa.table({"visit": [1, 2], "midpointMjdTai": [60000.0, 60000.0]}))
        with staged(connection, visit, new) as temporary:
            assert [column.name for column in temporary.columns] == ["visit", "band"]
            joined = sa.select(visit.c.visit, temporary.c.band).join(temporary, temporary.c.visit == visit.c.visit)
            assert connection.execute(joined).all() == [(2, "g")]
            assert connection.execute(sa.select(temporary).order_by(temporary.c.visit)).all() == [(2, "g"), (3, None)]
        # Again in the same transaction: nothing is left of the first.
        with staged(connection, visit, new.slice(1)) as temporary:
            assert connection.execute(sa.select(temporary.c.visit)).all() == [(3,)]
    assert rows(database, 'SELECT visit FROM "Visit" ORDER BY visit') == [(1,), (2,)]


def test_staged_rows_of_every_type_come_back(database: Database) -> None:
    table = every_type()
    with database.writing() as connection, staged(connection, table, as_arrow(table, hard_rows())) as temporary:
        assert read_back(connection, temporary) == hard_rows()


def test_nothing_is_left_of_staged_rows_after_an_error(database: Database) -> None:
    """The next transaction, on the same connection of the pool, can stage again."""
    for _ in range(2):
        with (
            pytest.raises(ZeroDivisionError),
            database.writing() as connection,
            staged(connection, visit, pa.table({"visit": [1]})),
        ):
            raise ZeroDivisionError
    with database.writing() as connection, staged(connection, visit, pa.table({"visit": [1]})) as temporary:
        assert connection.execute(sa.select(temporary)).all() == [(1,)]
    with database.reading() as connection:
        assert not {name for name in sa.inspect(connection).get_table_names() if name.startswith("staged")}


def test_staged_rows_are_seen_by_their_connection_alone(postgresql_url: str) -> None:
    one = pa.table({"visit": [1]})
    with (
        closing(connect(postgresql_url)) as database,
        database.writing() as connection,
        database.writing() as other,
        staged(connection, visit, one) as mine,
        staged(other, visit, pa.table({"visit": [2]})) as theirs,
    ):
        assert connection.execute(sa.select(mine)).all() == [(1,)]
        assert other.execute(sa.select(theirs)).all() == [(2,)]
