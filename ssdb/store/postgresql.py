"""Connections to PostgreSQL, also by way of a pooler that gives each transaction another session."""

from __future__ import annotations

import re

import psycopg
import sqlalchemy as sa

from ssdb.errors import DatabaseError, quoted
from ssdb.store.driver import driver_connection
from ssdb.store.urls import refuse_options

PREPARE_THRESHOLD = "prepare_threshold"
"""The option of URLs that is psycopg's, not libpq's."""
_POOLED = "ssdb_pooled"
"""Of a connection: whether it is to a pooler."""

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


def postgresql_engine(url: sa.URL) -> sa.Engine:
    """An engine for a URL. DatabaseError if that cannot be used; nothing is connected yet."""
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
    refuse_options(
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
