"""Connections to SQLite: files, of which some can only be read, and databases in memory."""

from __future__ import annotations

import logging
import math
import os
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from ssdb.errors import DatabaseError, SchemaError, quoted
from ssdb.io.output import permitted
from ssdb.store.sqlite_files import reading_only
from ssdb.store.urls import refuse_options
from ssdb.store.waits import told_when_late

_log = logging.getLogger("ssdb")

MEMORY_URL = "sqlite://"
"""The database in memory."""
READING = "ssdb_reading"
"""The option of a connection that only reads."""
_BUSY_TIMEOUT_SECONDS = 60.0
_LOGGED_PAGES = 8_000
"""After so many (32 MB) SQLite puts the pages of its log in their places."""
_OPTIONS = frozenset({"uri", "mode", "cache", "immutable", "nolock", "vfs", "timeout", "check_same_thread"})


def sqlite_engine(url: sa.URL, *, create: bool) -> sa.Engine:
    """An engine for a URL. A missing file is made if ``create`` says so, else a SchemaError; else as for PostgreSQL."""
    if url.get_driver_name() != "pysqlite":
        raise DatabaseError(
            f"SQLite is reached through Python's sqlite3, not {quoted(url.get_driver_name())}: sqlite:///FILE"
        )
    if url.username or url.password or re.search(":[^/]*@", url.database or ""):
        raise DatabaseError("an SQLite file has no user and no password: sqlite:///FILE")
    refuse_options(url, _OPTIONS, ", ".join(sorted(_OPTIONS)))
    if url.host:
        raise DatabaseError("an SQLite file comes after three slashes, an absolute path after four: sqlite:///FILE")
    if url.database in (None, "", ":memory:"):
        # One connection for all, or every one of the pool would be a database of its own.
        engine = sa.create_engine(MEMORY_URL, poolclass=StaticPool, connect_args={"check_same_thread": False})
    else:
        path = Path(str(url.database))
        if sa.util.asbool(url.query.get("uri", False)):
            if not create and "mode" not in url.query:
                url = url.update_query_dict({"mode": "rw"})
        elif path.is_dir():
            raise DatabaseError(f"{path} is a directory, not a database")
        elif not path.exists():
            if not create:
                raise SchemaError(f"there is no database at {path}: run `ssdb init`")
            if not path.parent.is_dir():
                raise DatabaseError(f"cannot make {path}: there is no directory {path.parent}")
            if not permitted(path.parent, os.W_OK):
                raise DatabaseError(f"cannot make {path}: there is no permission to write to {path.parent}")
        engine = sa.create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_SECONDS})
        if not sa.util.asbool(url.query.get("uri", False)):
            _only_read_where_it_must(engine, path, create)
        if create:
            sa.event.listen(engine, "connect", _log_ahead)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _only_read_where_it_must(engine: sa.Engine, path: Path, create: bool) -> None:
    """Opens a file that cannot be written for reading; what would write ends with the reason."""
    how = reading_only(path)
    if how is None:
        return
    refusal = f"{path} is readonly here, {how.reason}: to change it, copy it to a directory of your own"
    if create:
        raise DatabaseError(refusal)

    def connect(_dialect: sa.Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> None:
        arguments[0] = how.uri
        options["uri"] = True

    def begin(connection: sa.Connection) -> None:
        if not connection.get_execution_options().get(READING, False):
            raise DatabaseError(refusal)
        how.require_unchanged()

    sa.event.listen(engine, "do_connect", connect)
    sa.event.listen(engine, "begin", begin)
    sa.event.listen(engine, "commit", lambda _connection: how.require_unchanged())


def _log_ahead(connection: sqlite3.Connection, _record: object) -> None:
    # The file remembers it. Only `ssdb init` asks for it: to open a file that may be another program's changes nothing.
    until = time.monotonic() + _BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            # For this SQLite does not wait by itself.
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transactions are off: it commits before DDL and would take the write lock too late.
    connection.isolation_level = None
    # In place of SQLAlchemy's floor, which fails at NULL and gives integers, which divide otherwise.
    connection.create_function("floor", 1, _floor, deterministic=True)
    cursor = connection.cursor()
    # A commit waits for the disk once, for the end of the log. Pages are put in their places, with two waits more, only
    # after some visits, most of which change the same pages again.
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute(f"PRAGMA wal_autocheckpoint = {_LOGGED_PAGES}")
    # In files as far as they do not fit their cache: the keys of a night's predictions are 50 MB.
    cursor.execute("PRAGMA temp_store = FILE")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _floor(value: Any) -> Any:
    return float(math.floor(value)) if isinstance(value, float) and math.isfinite(value) else value


def only_reads(connection: sa.Connection) -> bool:
    """Whether a connection to SQLite is one of :meth:`Database.reading`."""
    return bool(connection.get_execution_options().get(READING))


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(READING, False)
    if connection.info.get(READING, False) != reading:
        # Not without need: it makes SQLite prepare all its statements anew.
        connection.exec_driver_sql(f"PRAGMA query_only = {reading:d}")
        connection.info[READING] = reading
    path = connection.engine.url.database
    if reading or not path:
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
        return
    with told_when_late(lambda: _log.warning("waiting for another process that is writing to %s", path)):
        connection.exec_driver_sql("BEGIN IMMEDIATE")
