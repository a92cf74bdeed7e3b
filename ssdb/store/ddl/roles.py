"""Who owns the tables on PostgreSQL, and what the roles of ``sql/roles.sql`` get of what an upgrade makes."""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.errors import DatabaseError
from ssdb.schema import metadata
from ssdb.store.ddl.views import view_definitions

_OWNER = sa.text(
    """SELECT relowner::regrole::text, current_user, pg_has_role(current_user, relowner, 'USAGE')
       FROM pg_class WHERE oid = to_regclass('"Visit"')"""
)


def refuse_others(connection: sa.Connection, what: str) -> None:
    """Refuses to do something if there are tables of ssdb whose owner the user is not.

    Raises
    ------
    DatabaseError
        With what it is.
    """
    if connection.dialect.name == "postgresql" and (found := connection.execute(_OWNER).first()):
        owner, user, owns = found
        if not owns:
            raise DatabaseError(f"only the owner of the tables, {owner}, can {what}, not {user}")


def grant_to_writers(connection: sa.Connection) -> None:
    """Lets the role ssdb_writer change rows of all tables and views but those that only their owner is to change.

    Nothing is done for another owner than the role ssdb_owner; who may read has been settled by ``sql/roles.sql``.
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
