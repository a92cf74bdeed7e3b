"""Creates, upgrades and recognises the schema of a database, by Alembic.

Alembic's configuration is built here, so that it works from a checkout and from an installed wheel alike.
"""

from __future__ import annotations

import re
from threading import Lock
from typing import TYPE_CHECKING

import psycopg
import sqlalchemy as sa

from ssdb.errors import SchemaError
from ssdb.schema import metadata
from ssdb.store.database import Database, open_database
from ssdb.store.ddl.distribute import note_where
from ssdb.store.ddl.roles import drop_functions, grant_to_writers, make_functions, refuse_others
from ssdb.store.ddl.views import drop_views, make_views
from ssdb.store.locks import make_locks, waiting
from ssdb.store.sql_files import resource_directory
from ssdb.store.sqlite import MEMORY_URL

if TYPE_CHECKING:
    from alembic.config import Config

REVISION = "20261207"
"""The newest revision in ``migrations/versions``; a test ties the two together."""

KNOWN_REVISIONS = ("20261201", "20261202", "20261203", "20261204", "20261205", "20261206", REVISION)
"""Every revision that this ssdb knows, oldest first."""

_DATED = re.compile(r"\d{8}[a-z]?$")
_VERSION_TABLE = "alembic_version"
_ALEMBIC = Lock()
"""Alembic keeps what it is working on in globals: one thread at a time."""


def connect(url: str | sa.URL | None = None) -> Database:
    """Opens a database of ssdb: ``postgresql://...`` or ``sqlite:///FILE``; without a URL a new one in memory.

    The one in memory is SQLite, with its tables made. DatabaseError if it cannot be reached; SchemaError if it has no
    tables of ssdb, or those of another version.
    """
    database = open_database(MEMORY_URL if url is None else url)
    if database.in_memory:
        _create(database)
    else:
        check_revision(database)
    return database


def _create(database: Database) -> None:
    """Makes the newest schema in a database that is empty, without the migrations that lead to it (and Alembic)."""
    with database.writing() as connection:
        metadata.create_all(connection, checkfirst=False)
        connection.exec_driver_sql(f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        connection.exec_driver_sql(f"INSERT INTO {_VERSION_TABLE} VALUES ('{REVISION}')")
        make_views(connection)


def initialize(url: str | sa.URL) -> Database:
    """Creates the tables of ssdb in a database, or upgrades them, and opens it. An SQLite file is made if missing."""
    database = open_database(url, create=True)
    upgrade(database)
    return database


def revision_of(database: Database) -> str | None:
    """The revision of a database's schema; None where there is none."""
    with database.reading() as connection:
        return _revision(connection)


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.scalar(sa.text(f"SELECT version_num FROM {_VERSION_TABLE}"))


def check_revision(database: Database) -> None:
    """Raises SchemaError, with what to do, if a database's schema is not this ssdb's; else notes what tables it has."""
    with database.reading() as connection:
        revision = _revision(connection)
        note_where(database, connection)
    if revision is None:
        raise SchemaError("the database has no ssdb tables yet: run `ssdb init`")
    if revision != REVISION:
        _refuse_unknown(revision)
        raise SchemaError(f"the database has the older schema {revision}, this ssdb needs {REVISION}: run `ssdb init`")
    database.has_tables = True


def _refuse_unknown(revision: str | None) -> None:
    if revision is None or revision in KNOWN_REVISIONS:
        return
    if _DATED.match(revision) and revision < KNOWN_REVISIONS[0]:
        raise SchemaError(
            f"the database has schema {revision}, from before the first release, which is not upgraded: "
            "make a new database with `ssdb init` and load your files into it"
        )
    raise SchemaError(f"the database has schema {revision}, which this ssdb does not know: this ssdb is too old")


def upgrade(database: Database) -> None:
    """Creates or upgrades the schema to the newest revision, and the views; all or nothing.

    SchemaError if the database is newer than this ssdb, or older than its first revision.
    """
    from alembic import command

    _refuse_unknown(revision_of(database))
    with database.writing() as connection:
        _lock_schema(connection)
        with _ALEMBIC:
            command.upgrade(alembic_config(connection), "head")
        make_views(connection)
        make_functions(connection)
        make_locks(connection)
        grant_to_writers(connection)
        note_where(database, connection)
    database.has_tables = True


def downgrade(database: Database, revision: str) -> None:
    """Takes the schema back to an older revision (``base``: no tables), and remakes the views; all or nothing."""
    from alembic import command

    with database.writing() as connection:
        database.has_tables = False
        _lock_schema(connection)
        drop_views(connection)
        drop_functions(connection)
        with _ALEMBIC:
            command.downgrade(alembic_config(connection), revision)
        make_views(connection, older=True)


def _lock_schema(connection: sa.Connection) -> None:
    # Two `ssdb init` at once: the second waits, then finds nothing to do. (SQLite: the transaction is the lock.)
    refuse_others(connection, "make or upgrade them")
    if connection.dialect.name != "postgresql":
        return
    with waiting(connection, "the tables"):
        try:
            with connection.begin_nested():
                # As Alembic would make it. If another makes it at the same time, this waits, and then it is there.
                connection.exec_driver_sql(
                    f"CREATE TABLE {_VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
                    f"CONSTRAINT {_VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
                )
        except sa.exc.DBAPIError as error:
            if not isinstance(error.orig, psycopg.errors.DuplicateTable | psycopg.errors.UniqueViolation):
                raise
        connection.exec_driver_sql(f"LOCK TABLE {_VERSION_TABLE} IN SHARE ROW EXCLUSIVE MODE")


def alembic_config(connection: sa.Connection) -> Config:
    """Alembic's configuration, working on a connection within its transaction."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(resource_directory("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    config.attributes["connection"] = connection
    return config
