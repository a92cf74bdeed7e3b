"""Looks after SQLite's files: the database, and what lies beside it while it is in use or after a kill."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from ssdb.errors import DatabaseError, InputError
from ssdb.io.output import permitted

_SIDE_FILES = ("-wal", "-shm", "-journal")
_BEGIN = b"SQLite format 3\0"


def require_free(path: Path) -> None:
    """Raises InputError where a database is in use, or where a log lies that a new database would take for its own.

    What a process that was killed left beside its database is taken into it first, and removed.
    """
    if side_files(path) and _is_database(path):
        # The last connection that closes takes the side files away: if others have it open, they stay.
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master").close()
    if left := side_files(path):
        raise InputError(
            f"{path} is in use, since there is {left[0].name}: choose another place, or remove that file if no program "
            "has the database open"
        )


def side_files(path: Path) -> list[Path]:
    """The files that SQLite has beside a database: its log, the log's index, its journal."""
    beside = [path.with_name(path.name + ending) for ending in _SIDE_FILES]
    return [each for each in beside if os.path.lexists(each)]


@dataclass(frozen=True, slots=True)
class ReadingOnly:
    """How to open a database that can only be read where it is."""

    uri: str
    """For :func:`sqlite3.connect`."""
    reason: str
    """Why nothing can be written."""
    require_unchanged: Callable[[], None]
    """Raises a DatabaseError if the file is another than it was."""


def reading_only(path: Path) -> ReadingOnly | None:
    """How to open a database where its file, or the directory that is to hold the log, cannot be written.

    A database that writes ahead cannot be opened without its log and the log's index, even by one who only reads. Where
    there are none it is therefore opened as a file that nobody changes, and looked at afterwards whether that held.
    None where it can be written, and where it cannot be read at all: SQLite says what is wrong. DatabaseError if the
    changes in its log would be overlooked.
    """
    if not path.is_file():
        # Looked at first: another process may be making it.
        return None
    beside = {each.name.removeprefix(path.name): each for each in side_files(path)}
    shared = {"-wal", "-shm"} <= beside.keys()
    if not permitted(path, os.W_OK):
        reason = f"there is no permission to write to {path}"
    elif not permitted(path.absolute().parent, os.W_OK) and not shared:
        reason = f"there is no permission to write to the directory {path.absolute().parent}"
    else:
        return None
    if not permitted(path, os.R_OK):
        return None
    if not shared and "-wal" in beside and beside["-wal"].stat().st_size:
        raise DatabaseError(
            f"{path} cannot be read here: {beside['-wal'].name} has changes that are not in it yet, and {reason}; copy "
            "both files to a directory of your own, and use them there"
        )
    uri = f"{path.absolute().as_uri()}?mode=ro"
    if shared or not _writes_ahead(path):
        return ReadingOnly(uri, reason, lambda: None)
    return ReadingOnly(f"{uri}&immutable=1", reason, _unchanged(path))


def _unchanged(path: Path) -> Callable[[], None]:
    """A function that raises if a database is another than it is now, or has a log."""
    log = path.with_name(f"{path.name}-wal")

    def state() -> tuple[int, ...]:
        about = path.stat()
        return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, log.stat().st_size if log.exists() else 0

    before = state()

    def require_unchanged() -> None:
        if state() != before:
            raise DatabaseError(f"{path} has been changed while it was read: try again")

    return require_unchanged


def _is_database(path: Path) -> bool:
    return _header(path).startswith(_BEGIN)


def _writes_ahead(path: Path) -> bool:
    """Whether a file is a database in WAL mode: the version for reading, in its header, is 2."""
    return _is_database(path) and _header(path)[19:20] == b"\2"


def _header(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(20)
