"""Arrays become rows of a statement, exactly, on both databases."""

from __future__ import annotations

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_surveys import change, rows

from ssdb.store.database import Database
from ssdb.store.transfer.array_parameters import array_rows

LARGEST = 2**63 - 1


@pytest.mark.parametrize("n", [0, 1, 3])
def test_arrays_of_every_type_come_back(database: Database, n: int) -> None:
    given_columns = {
        "a_short": np.array([-(2**15), 0, 2**15 - 1], np.int16)[:n],
        "an_integer": np.array([2**31 - 1, -(2**31), 7], np.int32)[:n],
        "a_long": np.array([LARGEST, -LARGEST - 1, 0], np.int64)[:n],
        "a_double": np.array([0.1, -1e300, 5e-324])[:n],
    }
    with database.writing() as connection, array_rows(connection, f"given_{n}", given_columns) as given_rows:
        found = connection.execute(sa.select(given_rows)).all()
    assert found == list(zip(*(values.tolist() for values in given_columns.values()), strict=True))


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.lists(st.integers(-LARGEST - 1, LARGEST), max_size=50))
def test_one_statement_after_the_other_has_its_own_rows(database: Database, values: list[int]) -> None:
    for part in (values, values[::-1], values[:1]):
        with (
            database.writing() as connection,
            array_rows(connection, "numbers", {"number": np.array(part, np.int64)}) as numbers,
        ):
            assert list(connection.scalars(sa.select(numbers.c.number))) == part


def test_a_slice_of_another_array_is_sent_as_it_is(database: Database) -> None:
    every_other = np.arange(10)[::2]
    with database.writing() as connection, array_rows(connection, "steps", {"step": every_other}) as steps:
        assert list(connection.scalars(sa.select(steps.c.step))) == [0, 2, 4, 6, 8]


def test_rows_can_be_joined_with_and_updated_from(database: Database) -> None:
    change(database, 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (1, 60000), (2, 60000), (3, 60000)')
    visit = sa.table("Visit", sa.column("visit"), sa.column("radius"))
    columns = {"number": np.array([2, 3, 4]), "radius": np.array([0.5, 1.5, 2.5])}
    with database.writing() as connection, array_rows(connection, "wanted", columns) as wanted:
        same = visit.c.visit == wanted.c.number
        joined = sa.select(visit.c.visit).join_from(wanted, visit, same).order_by(visit.c.visit)
        assert list(connection.scalars(joined)) == [2, 3]
        connection.execute(sa.update(visit).where(same).values(radius=wanted.c.radius))
    assert rows(database, 'SELECT visit, radius FROM "Visit" ORDER BY visit') == [(1, None), (2, 0.5), (3, 1.5)]


def test_nothing_of_them_stays(database: Database) -> None:
    """Whoever uses the connection next finds no rows, and PostgreSQL's catalogs are as they were."""
    with database.writing() as connection:
        with array_rows(connection, "passing", {"number": np.arange(3)}):
            pass
        if database.dialect == "postgresql":
            assert not connection.execute(sa.text("SELECT to_regclass('passing')")).scalar_one()
        else:
            assert connection.execute(sa.text("SELECT count(*) FROM passing")).scalar_one() == 0
