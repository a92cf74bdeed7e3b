"""Connections and transactions on PostgreSQL and SQLite.

A :class:`Database` hands out connections for reading (one snapshot, nothing can be written) and for writing (one
transaction: all or nothing). Errors of the drivers leave it as :class:`ssdb.errors.DatabaseError`, without passwords.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from ssdb.errors import DatabaseError, SchemaError, quoted
from ssdb.io.output import permitted
from ssdb.store.out_of_locks import is_out_of_locks, what_to_set
from ssdb.store.sqlite_files import reading_only
from ssdb.store.waits import told_when_late

_log = logging.getLogger("ssdb")

MEMORY_URL = "sqlite://"
_BUSY_TIMEOUT_SECONDS = 60.0
_READING = "ssdb_reading"
_LOGGED_PAGES = 8_000
"""After so many (32 MB) SQLite puts the pages of its log in their places."""
_POOLED = "ssdb_pooled"

_SAME_EVERYWHERE = {
    "extra_float_digits": "1",  # floats as text come back as they were
    "datestyle": "ISO",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "bytea_output": "hex",
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
}
"""Settings of PostgreSQL that change what values look like, and may differ by server, database and role."""
_PLANS = {"plan_cache_mode": "force_custom_plan"}
"""The server would also plan a statement that it has prepared for any visit, for which it opens all partitions."""
PREPARE_THRESHOLD = "prepare_threshold"
RUN_AGAIN = "; run the command again"
"""What ends the message of a connection that was lost."""
_SECRET = re.compile("pass|pwd|secret|key|token|options", re.IGNORECASE)
"""Options of URLs whose values are never shown. Those of psycopg's options may set anything, passwords too."""
_SQLITE_OPTIONS = frozenset({"uri", "mode", "cache", "immutable", "nolock", "vfs", "timeout", "check_same_thread"})


class Database:
    """A database of ssdb, made by :func:`ssdb.connect`; the dialect of its engine is ``postgresql`` or ``sqlite``."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.has_tables = False
        """Whether it is known to have the tables of ssdb; set where they are seen or made."""

    @property
    def dialect(self) -> str:
        """``postgresql`` or ``sqlite``."""
        return self.engine.dialect.name

    @property
    def concurrent(self) -> bool:
        """Whether it can have several writing transactions at a time."""
        return self.dialect == "postgresql"

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with this object."""
        return self.dialect == "sqlite" and not self.engine.url.database

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ssdb.Database {masked(self.engine.url)}>"

    def close(self) -> None:
        """Closes the connections. An in-memory database is gone with them."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection that sees one snapshot, in it each partition whole or not at all, and cannot write."""
        with self._translated(), self.engine.connect() as connection:
            if self.dialect == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            else:
                connection.execution_options(**{_READING: True})
            with connection.begin():
                if self.has_tables and self.dialect == "postgresql":
                    # Before the snapshot is taken: a partition that is being detached is waited for, or has to wait.
                    connection.exec_driver_sql('LOCK TABLE "Visit" IN ACCESS SHARE MODE')
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A connection in one transaction: committed at the end, rolled back if anything is raised."""
        with self._translated(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def session(self) -> Iterator[sa.Connection]:
        """A connection on which every statement is a transaction of its own, and which nobody uses afterwards."""
        with self._translated(), self.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                connection.invalidate()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, psycopg.Error, sqlite3.Error) as error:
            _forget_passwords(error, self.engine.url)
            told = driver_message(error, self.engine.url)
            if _is_lost(error):
                # Of a statement after the one that failed, SQLAlchemy says what its caller should have done.
                why = "" if isinstance(error, sa.exc.PendingRollbackError) else f" ({told})"
                told = f"the connection to the server was lost{why}: what was not committed is not stored{RUN_AGAIN}"
            elif is_out_of_locks(error):
                told = what_to_set(self.engine)
            raise DatabaseError(f"{masked(self.engine.url)}: {told}") from error


def _is_lost(error: BaseException) -> bool:
    """Whether an error says that a connection, once made, has ended."""
    if isinstance(error, sa.exc.DBAPIError):
        # With a statement it had been there.
        return error.connection_invalidated or (error.statement is not None and _is_lost_to_driver(error.orig))
    if isinstance(error, sa.exc.PendingRollbackError):
        return "reconnect" in str(error)
    return _is_lost_to_driver(error)


def refuses_values(error: DatabaseError) -> bool:
    """Whether the database refused the values of rows, whatever state it is in itself."""
    original = getattr(error.__cause__, "orig", None) or error.__cause__
    of_values = (psycopg.DataError, psycopg.IntegrityError, sqlite3.DataError, sqlite3.IntegrityError)
    return isinstance(original, of_values)


def _is_lost_to_driver(error: BaseException | None) -> bool:
    """Whether an error of the driver's has no code, or one of the classes that end a connection."""
    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate.startswith(("08", "57P", "25P"))
    )


def open_database(url: str | sa.URL, *, create: bool = False) -> Database:
    """The database at a URL, whatever its schema.

    ``postgresql://...`` (libpq's environment variables, service and password files fill in what the URL leaves out) or
    ``sqlite:///FILE``; ``sqlite://`` is in memory. A missing SQLite file is made if ``create`` says so, else a
    SchemaError. DatabaseError if the URL cannot be used or the database cannot be reached.
    """
    try:
        made = sa.make_url(url)
        backend = made.get_backend_name()
        if backend == "postgresql" or made.drivername == "postgres":
            return Database(_postgresql_engine(made))
        if backend == "sqlite":
            return Database(_sqlite_engine(made, create))
    except (sa.exc.ArgumentError, ValueError):
        # Not repeated here: what could not be parsed may hold a password.
        raise DatabaseError(
            "the database URL cannot be read; examples: sqlite:///ssdb.db, postgresql://host/db"
        ) from None
    raise DatabaseError(f"ssdb works on PostgreSQL and SQLite, not on {quoted(backend)}")


def _postgresql_engine(url: sa.URL) -> sa.Engine:
    if "+" in url.drivername and url.get_driver_name() != "psycopg":
        raise DatabaseError(
            f"PostgreSQL is reached through psycopg, not {quoted(url.get_driver_name())}: postgresql://..."
        )
    if "@" in f"{url.host}{url.database}":
        # Not repeated here: it is the end of a password that was split at its own @ or at the / of a user's name.
        raise DatabaseError("the database URL cannot be read: write @ as %40 and / as %2F in user name and password")
    if "=" in f"{url.host}{url.database}":
        raise DatabaseError("the database URL cannot be read: options of libpq come behind a ?, as in ?sslmode=require")
    if ":" in (url.username or ""):
        raise DatabaseError("the database URL cannot be read: user and password are divided by :, not by %3A")
    known = frozenset(option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults())
    _refuse_options(
        url, known | {PREPARE_THRESHOLD}, f"libpq's (user, password, sslmode, ...) and not {PREPARE_THRESHOLD}"
    )
    if isinstance(password := url.query.get("password"), str):
        # Where SQLAlchemy hides it by itself.
        url = url.difference_update_query(["password"]).set(password=password)
    engine = sa.create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query([PREPARE_THRESHOLD]),
        pool_pre_ping=True,
        # In UTF-8 from the first word on: what a server of encoding SQL_ASCII says comes as bytes otherwise.
        connect_args={"fallback_application_name": "ssdb", "client_encoding": "utf8"} | _threshold(url),
        # Stated, because a database may have another one as its default: "serializable" makes writers fail.
        isolation_level="READ COMMITTED",
    )
    sa.event.listen(engine, "connect", _prepare_postgresql)
    sa.event.listen(engine, "connect", _know_a_pooler)
    if PREPARE_THRESHOLD not in url.query:
        sa.event.listen(engine, "connect", _prepare_no_statements_behind_a_pooler)
    sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


def _prepare_postgresql(connection: psycopg.Connection, _record: object) -> None:
    # Stated as well, or it would hold only for connections that have been used for reading and given back.
    connection.read_only = False


def _know_a_pooler(connection: psycopg.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
    # By the server process, for which it tells a number of its own.
    connection.autocommit = True
    (process,) = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone() or (None,)
    connection.autocommit = False
    record.info[_POOLED] = process != connection.info.backend_pid


def _prepare_no_statements_behind_a_pooler(connection: psycopg.Connection, record: sa.pool.ConnectionPoolEntry) -> None:
    # What was prepared in one session is not there in the next one that PgBouncer gives, or is another's of that name.
    if record.info[_POOLED]:
        connection.prepare_threshold = None


def behind_a_pooler(connection: sa.Connection) -> bool:
    """Whether a connection is to a pooler that has a few of PostgreSQL's sessions for many."""
    return bool(connection.info.get(_POOLED))


def server_process(connection: sa.Connection) -> int:
    """The process of PostgreSQL's server that a transaction has; behind a pooler it has to be asked for each."""
    driver = driver_connection(connection)
    if not behind_a_pooler(connection):
        return int(driver.info.backend_pid)
    return int(driver.execute("SELECT pg_backend_pid()", prepare=False).fetchone()[0])


def _begin_postgresql(connection: sa.Connection) -> None:
    # In every transaction, since a pooler between gives each another session; and for it alone, since others have the
    # session next. By SET, which in contrast to a SELECT takes no snapshot: Visit is to be locked before.
    settings = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in (_SAME_EVERYWHERE | _PLANS).items())
    driver = driver_connection(connection)
    try:
        # Several statements at once cannot be prepared, as the driver does with one that it has seen a few times.
        driver.execute(settings, prepare=False)
    except psycopg.Error as error:
        # Past SQLAlchemy, which would roll back on what has ended, and log that that fails.
        if driver.closed:
            connection.invalidate(error)
        raise


def _threshold(url: sa.URL) -> dict[str, int | None]:
    """How often a statement is asked before it is prepared, for psycopg; behind some poolers it must be none."""
    given = url.query.get(PREPARE_THRESHOLD)
    if given is None:
        return {}
    if not isinstance(given, str) or not re.fullmatch(r"none|\d{1,9}", given, re.IGNORECASE):
        raise DatabaseError(f"the database URL cannot be read: {PREPARE_THRESHOLD} is a whole number, or none")
    return {PREPARE_THRESHOLD: None if given.lower() == "none" else int(given)}


def _refuse_options(url: sa.URL, known: frozenset[str], which: str) -> None:
    if not url.query.keys() <= known:
        # Not repeated here: behind a ? may be the end of a password.
        raise DatabaseError(f"the database URL cannot be read: an option behind the ? is not one of {which}")


def _sqlite_engine(url: sa.URL, create: bool) -> sa.Engine:
    if url.get_driver_name() != "pysqlite":
        raise DatabaseError(
            f"SQLite is reached through Python's sqlite3, not {quoted(url.get_driver_name())}: sqlite:///FILE"
        )
    if url.username or url.password or re.search(":[^/]*@", url.database or ""):
        raise DatabaseError("an SQLite file has no user and no password: sqlite:///FILE")
    _refuse_options(url, _SQLITE_OPTIONS, ", ".join(sorted(_SQLITE_OPTIONS)))
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
        if not connection.get_execution_options().get(_READING, False):
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
    return bool(connection.get_execution_options().get(_READING))


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get(_READING, False)
    if connection.info.get(_READING, False) != reading:
        # Not without need: it makes SQLite prepare all its statements anew.
        connection.exec_driver_sql(f"PRAGMA query_only = {reading:d}")
        connection.info[_READING] = reading
    path = connection.engine.url.database
    if reading or not path:
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
        return
    with told_when_late(lambda: _log.warning("waiting for another process that is writing to %s", path)):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def masked(url: sa.URL) -> str:
    """A URL as text without its password, wherever in the URL that stands."""
    hidden = {key: "***" if _SECRET.search(key) else value for key, value in url.query.items()}
    return url.set(drivername=url.get_backend_name(), query=hidden).render_as_string(hide_password=True)


def driver_message(error: BaseException, url: sa.URL) -> str:
    """What a driver says, on one line and without the password of the URL."""
    original = getattr(error, "orig", None) or error
    message = _hidden(re.sub(r"\s*\n\s*", "; ", str(original).strip()), url)
    return message or type(original).__name__


def _forget_passwords(error: BaseException | None, url: sa.URL) -> None:
    """Takes the passwords of a URL out of an error and of all that it came from: a traceback shows those as well."""
    while error is not None:
        for each in (error, getattr(error, "orig", None)):
            if each is not None:
                each.args = tuple(_hidden(part, url) if isinstance(part, str) else part for part in each.args)
        error = error.__cause__ or error.__context__


def _hidden(text: str, url: sa.URL) -> str:
    for secret in passwords(url):
        text = text.replace(secret, "***")
    return text


def is_secret(option: str) -> bool:
    """Whether the value of an option of a URL may be a password; those of two are the paths of files."""
    return bool(_SECRET.search(option)) and option not in ("passfile", "sslkey")


def passwords(url: sa.URL) -> list[str]:
    """The passwords that a URL shows, wherever in it they stand."""
    given = [url.password]
    for key, value in url.query.items():
        if is_secret(key):
            given += [value] if isinstance(value, str) else value
    return [secret for secret in given if secret]


def driver_connection(connection: sa.Connection) -> Any:
    """The driver's own connection (psycopg's or sqlite3's) beneath one of SQLAlchemy's."""
    return connection.connection.driver_connection
