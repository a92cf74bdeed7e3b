"""Views: names with capitals need no quotes anywhere, what users build on views survives, and what the views show."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from small_surveys import change, rows, store_rows
from test_migrations import catalogue

from ssdb.errors import DatabaseError
from ssdb.schema import metadata
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_expected, ss_prediction
from ssdb.store.database import Database, open_database
from ssdb.store.ddl import views
from ssdb.store.ddl.migrate import connect, initialize, upgrade
from ssdb.store.ddl.views import view_definitions

CAPITALS = [table for table in metadata.sorted_tables if table.name != table.name.lower()]


def insert(database: Database, table: sa.Table, *given: dict[str, Any]) -> None:
    """Writes rows, with something in each column that is not given."""
    complete = [_row(table) | row for row in given]
    with database.writing() as connection:
        store_rows(connection, table, pa.Table.from_pylist(complete, schema=arrow_schema(table)))


def _row(table: sa.Table) -> dict[str, Any]:
    """A row whose values all differ, where their type has so many."""
    row: dict[str, Any] = {}
    for i, field in enumerate(arrow_schema(table)):
        if pa.types.is_boolean(field.type):
            row[field.name] = i % 2 == 0
        elif pa.types.is_timestamp(field.type):
            row[field.name] = datetime(2026, 1, 1) + timedelta(days=i)
        elif pa.types.is_string(field.type):
            row[field.name] = f"t{i}"
        elif pa.types.is_binary(field.type):
            row[field.name] = b"b%d" % i
        else:
            row[field.name] = i
    return row


# Folded names


def test_folded_names_are_distinct() -> None:
    names = [*metadata.tables, *view_definitions()]
    assert max(Counter(name.lower() for name in names).values()) == 1
    for table in metadata.sorted_tables:
        assert max(Counter(column.name.lower() for column in table.columns).values()) == 1, table.name


def test_a_column_has_one_spelling_in_all_tables() -> None:
    """Or ssdb query could not give a folded name its capitals back."""
    spellings: dict[str, set[str]] = {}
    for table in metadata.sorted_tables:
        for column in table.columns:
            spellings.setdefault(column.name.lower(), set()).add(column.name)
    assert {name: found for name, found in spellings.items() if len(found) > 1} == {}


def test_only_tables_with_capitals_have_columns_with_capitals() -> None:
    """The others have no folded view to find such a column by."""
    for table in metadata.sorted_tables:
        if table not in CAPITALS:
            assert all(column.name == column.name.lower() for column in table.columns), table.name


def test_every_table_answers_camel_case_without_quotes(database: Database) -> None:
    for table in metadata.sorted_tables:
        insert(database, table, {})
        plain = sa.text(f"SELECT {', '.join(column.name for column in table.columns)} FROM {table.name}")
        with database.reading() as connection:
            quoted = connection.execute(sa.select(table)).one()
            found = connection.execute(plain.columns(*(sa.column(c.name, c.type) for c in table.columns))).one()
        assert tuple(found) == tuple(quoted), table.name


def test_a_folded_view_has_the_columns_of_its_table_in_their_order(postgresql_url: str) -> None:
    with closing(connect(postgresql_url)) as database, database.reading() as connection:
        inspector = sa.inspect(connection)
        for table in CAPITALS:
            folded = [column["name"] for column in inspector.get_columns(table.name.lower())]
            assert folded == [column.name.lower() for column in table.columns]


def test_joins_and_conditions_need_no_quotes(database: Database) -> None:
    insert(database, ss_source, {"ssObjectId": 5, "diaSourceId": 7, "visit": 1})
    insert(database, ss_prediction, {"ssObjectId": 5, "visit": 1, "designation": "433"})
    asked = """SELECT s.diaSourceId, p.designation FROM SSSource s
               JOIN SsPrediction p ON p.visit = s.visit AND p.ssObjectId = s.ssObjectId
               WHERE s.ssObjectId = 5 ORDER BY s.ephRa"""
    assert rows(database, asked) == [(7, "433")]


# What users build


@pytest.fixture
def used(postgresql_url: str) -> Any:
    """A PostgreSQL database whose folded views have a user's view on top, and a grant."""
    with closing(connect(postgresql_url)) as database:
        insert(database, ss_source, {"ssObjectId": 5, "diaSourceId": 7})
        change(database, "CREATE VIEW my_objects AS SELECT ssObjectId, diaSourceId FROM SSSource")
        change(database, "GRANT SELECT ON SSSource, UnassociatedSsObject TO PUBLIC")
        yield database


def granted(database: Database) -> list[tuple]:
    return rows(
        database,
        """SELECT table_name FROM information_schema.role_table_grants
           WHERE grantee = 'PUBLIC' AND table_schema = 'public' ORDER BY table_name""",
    )


def test_views_and_grants_of_users_survive_init(used: Database) -> None:
    before = catalogue(used)
    upgrade(used)
    assert catalogue(used) == before
    assert rows(used, "SELECT * FROM my_objects") == [(5, 7)]
    assert granted(used) == [("sssource",), ("unassociatedssobject",)]


def test_views_and_grants_of_users_survive_where_columns_are_appended(used: Database) -> None:
    change(used, 'ALTER TABLE "SSSource" ADD COLUMN "newColumn" DOUBLE PRECISION DEFAULT 2.5')
    upgrade(used)
    assert rows(used, "SELECT newColumn FROM SSSource") == [(2.5,)]
    assert rows(used, "SELECT * FROM my_objects") == [(5, 7)]
    assert granted(used) == [("sssource",), ("unassociatedssobject",)]


def test_a_view_that_must_be_made_anew_is_refused_while_a_users_view_depends_on_it(
    used: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "view_definitions", dict)  # those for people read the column by its name
    change(used, 'ALTER TABLE "SSSource" RENAME COLUMN "ephRa" TO "ephemerisRa"')
    before = catalogue(used)
    with pytest.raises(DatabaseError, match="my_objects"):
        upgrade(used)
    assert catalogue(used) == before
    assert rows(used, "SELECT * FROM my_objects") == [(5, 7)]
    change(used, "DROP VIEW my_objects")
    upgrade(used)
    assert len(rows(used, "SELECT ephemerisRa FROM SSSource")) == 1
    with pytest.raises(DatabaseError, match="ephra"):
        rows(used, "SELECT ephRa FROM SSSource")


def test_a_users_table_with_the_name_of_a_view_is_not_touched(postgresql_url: str) -> None:
    with closing(open_database(postgresql_url)) as database:
        change(database, "DROP VIEW sssource")
        change(database, "CREATE TABLE sssource (x INTEGER)")
        before = catalogue(database)
        with pytest.raises(DatabaseError, match="sssource"):
            upgrade(database)
        assert catalogue(database) == before


# Views for people


def _defined(monkeypatch: pytest.MonkeyPatch, select: str) -> None:
    monkeypatch.setattr(views, "view_definitions", lambda: {"UnassociatedSsObject": select})


@pytest.mark.parametrize(
    ("select", "row"),
    [
        (view_definitions()["UnassociatedSsObject"].replace("\nFROM", ', 1 AS "newColumn"\nFROM'), (5, "433")),
        ('SELECT "ssObjectId", "designation" FROM "SsPrediction"', (5, "433")),
        ('SELECT "designation", 5 AS "ssObjectId" FROM "SsPrediction" WHERE "designation" LIKE \'4%\'', (5, "433")),
    ],
    ids=["appended", "fewer columns", "other columns"],
)
def test_a_view_of_another_version_is_replaced(
    select: str, row: tuple, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert(database, ss_prediction, {"visit": 1, "ssObjectId": 5, "designation": "433"})
    insert(database, ss_expected, {"visit": 1, "ssObjectId": 5, "diaSourceId": None})
    original = catalogue(database).keys()
    with monkeypatch.context() as patch:
        _defined(patch, select)
        upgrade(database)
        assert rows(database, "SELECT ssObjectId, designation FROM UnassociatedSsObject") == [row]
        assert rows(database, 'SELECT "ssObjectId", designation FROM "UnassociatedSsObject"') == [row]
    upgrade(database)
    assert rows(database, "SELECT ssObjectId, edgeDistance FROM UnassociatedSsObject") == [(5, 3.0)]
    assert catalogue(database).keys() == original


def test_a_view_for_people_that_a_users_view_needs_is_not_dropped(
    used: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(used, "CREATE VIEW my_missing AS SELECT ssObjectId FROM UnassociatedSsObject")
    before = catalogue(used)
    _defined(monkeypatch, 'SELECT "designation" FROM "SsPrediction"')
    with pytest.raises(DatabaseError, match="my_missing"):
        upgrade(used)
    assert catalogue(used) == before


def test_expected_and_not_seen_is_unassociated(database: Database) -> None:
    """Inside a detector or, without footprints, in the visit; with the prediction for that visit."""
    expected = [
        # visit, object, edge distance, source
        (1, 11, 5.0, None),
        (1, 12, 0.0, None),
        (1, 13, None, None),
        (1, 14, -0.001, None),
        (1, 15, 5.0, 700),
        (1, 16, None, 701),
        (1, 17, -1.0, 702),
        (2, 11, 7.0, 703),
        (2, 15, 7.0, None),
    ]
    for visit, number, edge, source in expected:
        row = {"visit": visit, "ssObjectId": number, "edgeDistance": edge, "diaSourceId": source, "detector": 4}
        insert(database, ss_expected, row | {"nCandidates": number})
        name = f"{visit}/{number}"
        insert(database, ss_prediction, {"visit": visit, "ssObjectId": number, "designation": name, "ephRa": visit})
    insert(database, ss_prediction, {"visit": 1, "ssObjectId": 99})
    found = rows(
        database,
        """SELECT visit, ssObjectId, detector, edgeDistance, nCandidates, designation, ephRa
           FROM UnassociatedSsObject ORDER BY visit, ssObjectId""",
    )
    assert found == [
        (1, 11, 4, 5.0, 11, "1/11", 1.0),
        (1, 12, 4, 0.0, 12, "1/12", 1.0),
        (1, 13, 4, None, 13, "1/13", 1.0),
        (2, 15, 4, 7.0, 15, "2/15", 2.0),
    ]


def test_views_are_there_after_init_alone(empty_database_url: str) -> None:
    with closing(initialize(empty_database_url)) as database:
        assert rows(database, "SELECT ssObjectId FROM UnassociatedSsObject") == []
