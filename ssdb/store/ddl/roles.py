"""Who may do what on PostgreSQL: the owner, the roles of ``sql/roles.sql``, and functions with the owner's rights."""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.errors import DatabaseError
from ssdb.schema import metadata
from ssdb.store.ddl.views import view_definitions
from ssdb.store.sql_files import sql_texts

_OWNER = sa.text(
    """SELECT relowner::regrole::text, current_user, pg_has_role(current_user, relowner, 'USAGE')
       FROM pg_class WHERE oid = to_regclass('"Visit"')"""
)


_SIGNATURES = {
    "ssdb_check_partition": "",
    "ssdb_new_partition": "text, bigint",
    "ssdb_partitions_beside": "numeric, numeric",
    "ssdb_attach_partition": "text, bigint, bigint",
    "ssdb_analyze_partition": "text, regclass",
}
"""The functions of ``sql/functions``."""


def refuse_others(connection: sa.Connection, what: str) -> None:
    """Raises DatabaseError, with what is to be done, if there are tables of ssdb whose owner the user is not."""
    if connection.dialect.name == "postgresql" and (found := connection.execute(_OWNER).first()):
        owner, user, owns = found
        if not owns:
            raise DatabaseError(f"only the owner of the tables, {owner}, can {what}, not {user}")


def grant_to_writers(connection: sa.Connection) -> None:
    """Lets the role ssdb_writer change rows of all tables and views but those that only their owner is to change.

    Only the role ssdb_owner does so; ``sql/roles.sql`` has settled who may read.
    """
    both = sa.text("SELECT 1 FROM pg_roles WHERE rolname = 'ssdb_writer' AND current_user = 'ssdb_owner'")
    if connection.dialect.name != "postgresql" or not connection.scalar(both):
        return
    names = {*metadata.tables, *view_definitions()} - {"metadata"}
    quote = connection.dialect.identifier_preparer.quote_identifier
    written = ", ".join(quote(name) for name in sorted(names | {name.lower() for name in names}))
    # An older roles.sql gave them all that the owner would make.
    everything = "INSERT, UPDATE, DELETE"
    schema = quote(connection.exec_driver_sql("SELECT current_schema()").scalar_one())
    connection.exec_driver_sql(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} REVOKE {everything} ON TABLES FROM ssdb_writer"
    )
    connection.exec_driver_sql(f'REVOKE {everything} ON metadata, alembic_version, "SsLock" FROM ssdb_writer')
    connection.exec_driver_sql(f"GRANT {everything} ON {written} TO ssdb_writer")
    connection.exec_driver_sql('GRANT UPDATE (made) ON "SsLock" TO ssdb_writer')


def make_functions(connection: sa.Connection) -> None:
    """Makes the functions of ``sql/functions`` in the schema of the tables, or brings them to their newest texts.

    Like views they are no migrations: after every upgrade they are made again. They run as their owner, with a search
    path of their own, and nobody else may call them before that is granted. SQLite has none.
    """
    if connection.dialect.name != "postgresql":
        return
    schema = connection.dialect.identifier_preparer.quote(
        connection.exec_driver_sql("SELECT current_schema()").scalar_one()
    )
    for name, text in sql_texts("functions").items():
        connection.exec_driver_sql(text.replace(":schema", schema), execution_options={"no_parameters": True})
        connection.exec_driver_sql(f"REVOKE ALL ON FUNCTION {name}({_SIGNATURES[name]}) FROM PUBLIC")


def drop_functions(connection: sa.Connection) -> None:
    """Drops every function of ssdb."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql('DROP TRIGGER IF EXISTS ssdb_check_partition ON "SsLock"')
        for name, signature in _SIGNATURES.items():
            connection.exec_driver_sql(f"DROP FUNCTION IF EXISTS {name}({signature})")
