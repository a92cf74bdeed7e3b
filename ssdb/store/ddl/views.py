"""Makes the views: those of ``sql/views`` for people, and on PostgreSQL one in small letters of every table.

On PostgreSQL a name with capitals needs double quotes. Every such table and view also gets a view whose name and
columns are folded to lower case, so that ``SELECT ssObjectId FROM SSSource`` works without quotes there too.

Views are no migrations: after every upgrade or downgrade they are made again from the schema.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import sqlalchemy as sa

from ssdb.schema import metadata
from ssdb.store.sql_files import expanded, read_header, sql_texts


def view_definitions() -> dict[str, str]:
    """The views for people: name to ``SELECT`` text, from ``sql/views/NAME.sql``; what stands for
    longer texts (:func:`ssdb.store.sql_files.expanded`) is as it is there.
    """
    return sql_texts("views")


def own_columns(view: str) -> dict[str, sa.Column]:
    """The columns of a view that no table has, and those that mean more there than in their table, by name."""
    return read_header(view_definitions()[view]).columns_with_ucds()


@cache
def known_columns() -> dict[str, sa.Column]:
    """The columns of all tables and views by name; in all of them one name is one quantity."""
    of_views = map(own_columns, view_definitions())
    of_tables = ({column.name: column for column in table.columns} for table in metadata.sorted_tables)
    return {name: column for columns in (*of_views, *of_tables) for name, column in columns.items()}


@cache
def canonical_names() -> dict[str, str]:
    """Folded column name to the name as the schema writes it: ``ssobjectid`` to ``ssObjectId``."""
    return {name.lower(): name for name in known_columns()}


def make_views(connection: sa.Connection, *, older: bool = False) -> None:
    """Makes every view that is not there, or not as it should be; in an older schema, those that it can have.

    Where columns were only appended a view is replaced in place, so that grants and users' own views survive. Where
    PostgreSQL cannot do that the view is dropped and made again, which it refuses (nothing is changed then) as long as
    a user's own view depends on it.
    """
    quote = connection.dialect.identifier_preparer.quote
    if not _relations(connection, [table.name for table in metadata.sorted_tables]):
        return
    for name, select in view_definitions().items():
        if not older:
            _make_view(connection, name, expanded(select))
            continue
        with suppress(sa.exc.ProgrammingError, sa.exc.OperationalError), connection.begin_nested():
            _make_view(connection, name, expanded(select))
            _execute(connection, f"SELECT * FROM {quote(name)} LIMIT 0")  # SQLite looks at the columns only now
    if connection.dialect.name != "postgresql":
        return
    for name, columns in _folded_relations(connection).items():
        selected = ", ".join(f"{quote(column)} AS {column.lower()}" for column in columns)
        _make_view(connection, name.lower(), f"SELECT {selected} FROM {quote(name)}")


def drop_views(connection: sa.Connection) -> None:
    """Drops every view of ssdb, as must be done before columns beneath them are changed or dropped."""
    quote = connection.dialect.identifier_preparer.quote
    if connection.dialect.name == "postgresql":
        for name in _folded_relations(connection):
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name.lower()}")
    for name in view_definitions():
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {quote(name)}")


def _folded_relations(connection: sa.Connection) -> dict[str, list[str]]:
    """Tables and views whose names have capitals, with their columns as they are in the database."""
    names = [table.name for table in metadata.sorted_tables] + list(view_definitions())
    return _relations(connection, [name for name in names if name != name.lower()])


def _relations(connection: sa.Connection, names: list[str]) -> dict[str, list[str]]:
    """Those of the named tables and views that exist, with their columns."""
    inspector = sa.inspect(connection)
    existing = {*inspector.get_table_names(), *inspector.get_view_names()}
    return {name: [column["name"] for column in inspector.get_columns(name)] for name in names if name in existing}


def _make_view(connection: sa.Connection, name: str, select: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(name)
    if connection.dialect.name == "sqlite":
        _execute(connection, f"DROP VIEW IF EXISTS {quoted}")
        _execute(connection, f"CREATE VIEW {quoted} AS {select}")
        return
    try:
        with connection.begin_nested():
            _execute(connection, f"CREATE OR REPLACE VIEW {quoted} AS {select}")
    except sa.exc.ProgrammingError:
        # PostgreSQL replaces a view only where columns were appended. The folded view on it is made again later.
        if name != name.lower():
            _execute(connection, f"DROP VIEW IF EXISTS {name.lower()}")
        _execute(connection, f"DROP VIEW IF EXISTS {quoted}")
        _execute(connection, f"CREATE VIEW {quoted} AS {select}")


def _execute(connection: sa.Connection, statement: str) -> None:
    # As it is: with parameters, even none, psycopg would look for their marks after every %.
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
