"""Opens SQLite databases that others made, for reading alone.

A database brings views and triggers of its own. They are not trusted: they may read, and nothing else, and they have
to come to an end.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ssdb.errors import InputError
from ssdb.io.limits import refuse_memory

_READING_ACTIONS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}

_SETTINGS = ("trusted_schema=OFF", "cell_size_check=ON", "mmap_size=0", "query_only=ON")

_CONFIGURATION = {"DEFENSIVE": True, "ENABLE_TRIGGER": False}

_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}

_ROWS = 1_000  # rows that are read at a time
_LONGEST_VALUE = 10_000  # bytes of a value or a row that is read
_STEPS = 100_000
_MOST_STEPS = 100_000_000
_MOST_SECONDS = 20.0  # what it may take until rows come: instructions of SQLite, and time
_STEPS_PER_ROW = 10_000
_SECONDS_PER_ROW = 0.002
"""What each row of a table adds to that, which takes some hundred instructions. One of a view adds nothing, since its
rows may have no end."""

_TIMES_ON_DISK = 20
"""How many times its size an honest table may take: a small integer has one byte on the disk."""


class ForeignDatabase:
    """An SQLite database of somebody else's, and the names of columns by table or view; :func:`reading` opens it."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._steps = 0
        self._rows = 0
        self._begun = time.monotonic()
        connection.set_progress_handler(self._is_too_much, _STEPS)
        # Tables without a place in the file are made by extensions of SQLite.
        tables = connection.execute(
            "SELECT name, type FROM sqlite_master WHERE type = 'view' OR (type = 'table' AND rootpage > 0)"
        ).fetchall()
        self._views = {name for name, kind in tables if kind == "view"}
        self.columns: Mapping[str, list[str]] = {
            name: [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(name)})")] for name, _ in tables
        }

    def read(self, table: str, terms: Mapping[str, str]) -> pa.Table:
        """Columns of a table, of which ``terms`` has the SQL by the name that each is given.

        InputError if they take more memory than is allowed, or never end.
        """
        self._connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
        cursor = self._connection.execute(f"SELECT {', '.join(terms.values())} FROM {quoted(table)}")
        parts = [pa.table({name: pa.array([], pa.null()) for name in terms})]
        size, on_disk = 0, _TIMES_ON_DISK * self._path.stat().st_size
        while rows := cursor.fetchmany(_ROWS):
            self._rows += 0 if table in self._views else len(rows)
            columns = zip(terms, zip(*rows, strict=True), strict=True)
            parts.append(pa.table({name: _array(values, name) for name, values in columns}))
            size += parts[-1].nbytes
            refuse_memory(self._path, size, on_disk)
        return pa.concat_tables(parts, promote_options="permissive")

    def _is_too_much(self) -> bool:
        self._steps += _STEPS
        seconds = time.monotonic() - self._begun
        return (
            self._steps > _MOST_STEPS + _STEPS_PER_ROW * self._rows
            or seconds > _MOST_SECONDS + _SECONDS_PER_ROW * self._rows
        )


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[ForeignDatabase]:
    """An SQLite database opened for reading alone.

    InputError if it is not there, not an SQLite database, or if reading it, also within the context, takes too long.
    """
    name = os.fsdecode(path)
    if not Path(name).is_file():
        raise InputError(f"{name}: there is no such file")
    database = None
    try:
        # as_uri quotes what a URI would take for its own: "?", "#", "%"
        with closing(sqlite3.connect(f"{Path(name).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            _distrust(connection)
            database = ForeignDatabase(connection, Path(name))
            yield database
    except sqlite3.Error as error:
        if database is not None and "interrupted" in str(error):
            raise InputError(f"{name}: a view in it does not come to an end: keep the tables alone") from error
        raise InputError(f"{name}: cannot be read as an SQLite database: {error}") from error


def quoted(identifier: str) -> str:
    """The name of a table or column of a foreign SQLite database, quoted for use in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def _distrust(connection: sqlite3.Connection) -> None:
    for limit, value in _LIMITS.items():
        connection.setlimit(limit, value)
    for setting in _SETTINGS:
        connection.execute(f"PRAGMA {setting}")
    if hasattr(connection, "setconfig"):  # Python 3.12
        for name, value in _CONFIGURATION.items():
            connection.setconfig(getattr(sqlite3, f"SQLITE_DBCONFIG_{name}"), value)
    connection.set_authorizer(_authorize)


def _authorize(action: int, argument: str | None, *_: object) -> int:
    allowed = action in _READING_ACTIONS or (action == sqlite3.SQLITE_PRAGMA and argument == "table_info")
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _array(values: tuple[Any, ...], name: str) -> pa.Array:
    try:
        return pa.array(values)
    except pa.ArrowException as error:
        raise pa.ArrowInvalid(f"column {name}: {error}") from None
