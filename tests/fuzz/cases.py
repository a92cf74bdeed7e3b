"""Cases of damage: what each does to a database that has a night in it."""

from __future__ import annotations

import logging
import re
import sqlite3
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random

import ingesting

from fuzz.corpus import Kind
from ssdb.errors import SsdbError
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.driver import driver_connection

SEED = 20261129
MOST_CHARACTERS = 2500
"""No message is longer."""

_REPEATED = re.compile(r"(.)\1{400}", re.DOTALL)
"""What the longest oddities look like where a message repeats them."""


@dataclass
class Figures:
    """What came of the cases."""

    tried: int = 0
    stored: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")

    @property
    def counts(self) -> dict[str, int]:
        """How many there are of each, by name."""
        half = sum("half-stored" in fault for fault in self.faults)
        return {
            "files tried": self.tried,
            "stored": self.stored,
            "refused": self.refused,
            "half-stored": half,
            "tracebacks and other faults": len(self.faults) - half,
        }

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {n:,}" for name, n in self.counts.items())
        return f"{counts}; slowest {self.slowest[0]:.1f} s ({self.slowest[1]})"

    def add(self, other: Figures) -> None:
        self.tried += other.tried
        self.stored += other.stored
        self.refused += other.refused
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)


def try_cases(kind: Kind, numbers: range, directory: Path) -> Figures:
    """Runs some of the cases of a kind in memory; each is the same whatever ran before it.

    A replay is ``python -m fuzz --kind FILE --case NUMBER``, in the folder of the tests.
    """
    figures = Figures()
    for number in numbers:
        database = night_again()
        _try(database, kind, number, directory, figures, _driver(database).serialize)
    return figures


def try_on(database: Database, kind: Kind, numbers: range, directory: Path, figures: Figures) -> None:
    """Runs some of the cases of a kind on a database as it is; what is stored stays."""
    for number in numbers:
        _try(database, kind, number, directory, figures, partial(ingesting.dump, database))


def _try(
    database: Database, kind: Kind, number: int, directory: Path, figures: Figures, state: Callable[[], object]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("astropy").setLevel(logging.CRITICAL)
        started = time.perf_counter()
        fault = _fault(kind, case_content(kind, number), directory, database, figures, state)
        figures.slowest = max(figures.slowest, (time.perf_counter() - started, f"{kind.file} {number}"))
    figures.tried += 1
    if fault:
        figures.faults.append(f"--kind {kind.file} --case {number}: {fault}")


def case_content(kind: Kind, number: int) -> bytes:
    """The damaged file of a case."""
    return kind.damaged(Random(f"{SEED} {kind.file} {number}"))


def night_again() -> Database:
    """The database in memory of this process, as it is with the small night and nothing else."""
    database, night = _night()
    night.backup(_driver(database))
    return database


@cache
def _night() -> tuple[Database, sqlite3.Connection]:
    """A database in memory with the small night, and another with a copy of all its bytes.

    One for all kinds of files: to make it, and to compile all statements anew, takes longer than to read one.
    """
    database, night = connect(), sqlite3.connect(":memory:")
    ingesting.load_night(database)
    _driver(database).backup(night)
    return database, night


def _driver(database: Database) -> sqlite3.Connection:
    with database.engine.connect() as connection:
        driver: sqlite3.Connection = driver_connection(connection)
        return driver


def _fault(
    kind: Kind, content: bytes, directory: Path, database: Database, figures: Figures, state: Callable[[], object]
) -> str:
    """What is wrong with how a file was taken; empty where it was stored, or refused as it should be."""
    before = state()
    path = directory / kind.file
    path.write_bytes(content)
    try:
        kind.read(database, path)
    except SsdbError as error:
        figures.refused += 1
        if state() != before:
            return f"half-stored, with {error!r}"
        return _wrong_message(str(error))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # Rust's panics are no Exceptions
        where = traceback.extract_tb(error.__traceback__)
        ours = next((frame for frame in reversed(where) if "/ssdb/" in frame.filename), where[-1])
        name = "/".join(Path(ours.filename).parts[-2:])
        return f"{type(error).__name__} in {name}:{ours.lineno}: {str(error)[:200]!r}"
    figures.stored += 1
    return ""


def _wrong_message(message: str) -> str:
    if not message.strip():
        return "a message without words"
    if not message.isprintable():
        return f"a message of more than a line, or with control characters: {message[:300]!r}"
    if len(message) > MOST_CHARACTERS or _REPEATED.search(message):
        return f"a message of {len(message):,} characters repeats the file: {message[:300]!r}"
    return ""
