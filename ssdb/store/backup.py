"""Copies an SQLite database while it is in use."""

from __future__ import annotations

import os
import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from ssdb.errors import ConfigError, DatabaseError, InputError, SchemaError, option
from ssdb.io.output import output_file, require_replaceable
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import revision_of
from ssdb.store.driver import driver_connection
from ssdb.store.postgresql import PREPARE_THRESHOLD
from ssdb.store.sqlite_files import require_free
from ssdb.store.transfer.write import Progress
from ssdb.store.urls import is_secret

_PAGES = 4096
"""Copied at a time: 16 MB, after which Ctrl-C is heard and the bar moves."""


def backup(
    database: Database,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Writes all that an SQLite database holds at one moment to a new file, which is a database of ssdb like it.

    Others may go on reading and writing meanwhile. The file is checked, and there whole or not at all. Returns its size
    in bytes. ``progress`` is called with pages copied and pages of all.

    Raises
    ------
    ConfigError
        If it is a PostgreSQL database: with the commands that back it up.
    InputError
        If the file is there already, unless ``overwrite`` replaces it, or cannot be written.
    SchemaError
        If there are no tables of ssdb in it. They may be those of an older version.
    DatabaseError
        If the copy is damaged, as the database then is.
    """
    target = Path(path)
    if database.dialect == "postgresql":
        raise ConfigError(_for_postgresql(database.engine.url, target))
    if revision_of(database) is None:
        raise SchemaError("the database has no ssdb tables: is this the right one?")
    found = require_replaceable(target)
    source = _file_of(database)
    if found is not None:
        if source is not None and os.path.samestat(found, source.stat()):
            raise InputError(f"{target} is the database itself")
        if not overwrite:
            raise InputError(
                f"{target} is there already: choose another name; {option('--force', 'overwrite=True')} replaces it"
            )
    require_free(target)

    def tell(_status: int, left: int, n_pages: int) -> None:
        if progress is not None:
            progress(n_pages - left, n_pages)

    with output_file(target, like=source) as part:
        with closing(sqlite3.connect(part)) as copy:
            with database.reading() as connection:
                # From here on this connection sees one snapshot: a writer does not make the copying begin anew.
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").close()
                try:
                    driver_connection(connection).backup(copy, pages=_PAGES, progress=tell)
                except sqlite3.OperationalError as error:
                    raise InputError(f"{target}: cannot be written: {error}") from error
            if (problem := _problem(copy)) != "ok":
                raise DatabaseError(f"the database is damaged, and was not backed up: {problem}")
        size = part.stat().st_size
    return size


def _problem(copy: sqlite3.Connection) -> str:
    """The first thing that is wrong in a database; "ok" if nothing is."""
    # Not integrity_check, which looks at every entry of every index too: that of 230 MB takes minutes, not seconds.
    try:
        return str(copy.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)


def _file_of(database: Database) -> Path | None:
    """The file that SQLite has open, whatever the URL calls it; None in memory."""
    with database.reading() as connection:
        name = connection.exec_driver_sql("PRAGMA database_list").all()[0][2]
    return Path(name) if name else None


def _for_postgresql(url: sa.URL, path: Path) -> str:
    """What to run instead, without any password."""
    name = url.database or "ssdb"
    dump, new, other = (_libpq_uri(url, database) for database in (url.database, f"{name}_restored", "postgres"))
    file = shlex.quote(str(path))
    return (
        f"nothing was written, PostgreSQL has programs for this. Back up: pg_dump -Fc -d {dump} -f {file}. Restore: "
        f"createdb --maintenance-db {other} {shlex.quote(f'{name}_restored')}; pg_restore -d {new} {file}"
    )


def _libpq_uri(url: sa.URL, database: str | None) -> str:
    """A URL for PostgreSQL's programs, in quotes for a shell, without what could be a password."""
    options = {name: value for name, value in url.query.items() if not is_secret(name) and name != PREPARE_THRESHOLD}
    made = sa.URL.create("postgresql", url.username, None, url.host, url.port, database, options)
    where, mark, query = made.render_as_string().partition("?")
    return shlex.quote(f"{where}{mark}{query.replace('+', '%20')}")  # libpq takes + for itself
