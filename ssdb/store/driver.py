"""What is beneath SQLAlchemy: the driver's own connection, and what the errors of the driver say."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.pq import TransactionStatus

from ssdb.errors import DatabaseError
from ssdb.store.urls import hidden


def driver_connection(connection: sa.Connection) -> Any:
    """The driver's own connection (psycopg's or sqlite3's) beneath one of SQLAlchemy's."""
    return connection.connection.driver_connection


def can_be_told(connection: sa.Connection) -> bool:
    """Whether a connection takes statements: it is there, and none is running on it."""
    beneath = driver_connection(connection)
    return not isinstance(beneath, psycopg.Connection) or beneath.pgconn.transaction_status in _TAKES_STATEMENTS


_TAKES_STATEMENTS = (TransactionStatus.IDLE, TransactionStatus.INTRANS, TransactionStatus.INERROR)


def driver_message(error: BaseException, url: sa.URL) -> str:
    """What a driver says, on one line and without the password of the URL."""
    original = getattr(error, "orig", None) or error
    message = hidden(re.sub(r"\s*\n\s*", "; ", str(original).strip()), url)
    return message or type(original).__name__


def is_lost(error: BaseException) -> bool:
    """Whether an error says that a connection, once made, has ended."""
    if isinstance(error, sa.exc.DBAPIError):
        # With a statement it had been there.
        return error.connection_invalidated or (error.statement is not None and _is_lost_to_driver(error.orig))
    if isinstance(error, sa.exc.PendingRollbackError):
        return "reconnect" in str(error)
    return _is_lost_to_driver(error)


def _is_lost_to_driver(error: BaseException | None) -> bool:
    """Whether an error of the driver's has no code, or one of the classes that end a connection."""
    return isinstance(error, psycopg.OperationalError) and (
        error.sqlstate is None or error.sqlstate.startswith(("08", "57P", "25P"))
    )


def refuses_values(error: DatabaseError) -> bool:
    """Whether the database refused the values of rows, whatever state it is in itself."""
    original = getattr(error.__cause__, "orig", None) or error.__cause__
    of_values = (psycopg.DataError, psycopg.IntegrityError, sqlite3.DataError, sqlite3.IntegrityError)
    return isinstance(original, of_values)
