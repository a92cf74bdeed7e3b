"""Reaching a database: URLs, libpq's settings, SQLite files; what errors tell and what they hide."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import struct
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import sqlalchemy as sa
from permissions import without_privileges
from small_surveys import change, rows

import ssdb
from ssdb.errors import DatabaseError, SchemaError, SsdbError
from ssdb.store.database import Database, open_database
from ssdb.store.ddl.migrate import connect, initialize

SECRET = "S3cret"
COUNT = 'SELECT count(*) FROM "Visit"'
INSERT = 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (:visit, 60000)'


def told(error: BaseException) -> str:
    """Everything that can be read from an error: it, its causes, their attributes."""
    texts = traceback.format_exception(error)
    cause: BaseException | None = error
    while cause is not None:
        texts += [repr(cause), repr(cause.args)]
        cause = cause.__cause__
    return "".join(texts)


def refusal(action: Callable[[], object]) -> SsdbError:
    with pytest.raises(SsdbError) as caught:
        action()
    return caught.value


# Passwords


@pytest.fixture
def echoing_server() -> Iterator[int]:
    """The port of a PostgreSQL server that refuses every password, and says which one it was given."""

    def serve(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(b"R" + struct.pack("!ii", 8, 3))
                    password = connection.recv(4096)[5:].rstrip(b"\0")
                    fields = b"SFATAL\0C28P01\0M" + b"password " + password + b" is\nwrong\0\0"
                    connection.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize(
    "authority",
    [
        "postgresql://user:{secret}@127.0.0.1:{port}/db?",
        "postgresql://127.0.0.1:{port}/db?user=user&password={secret}&",
        "postgresql://user@127.0.0.1:{port}/db?password={secret}&",
        "postgresql+psycopg://user:{secret}@/db?host=127.0.0.1&port={port}&",
    ],
)
@pytest.mark.parametrize("secret", [SECRET, "S3cret%40%2F%3A%25", "S3cret%20%27x"])
def test_a_wrong_password_is_not_repeated_even_where_the_server_does(
    authority: str, secret: str, echoing_server: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    url = authority.format(secret=secret, port=echoing_server) + "sslmode=disable&gssencmode=disable"
    error = refusal(lambda: connect(url))
    assert isinstance(error, DatabaseError)
    assert "password *** is; wrong" in str(error)
    assert SECRET not in str(error) + repr(error) + caplog.text
    assert SECRET not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:{}@127.0.0.1:1/db",
        "postgresql://user:{}%40%2F@127.0.0.1:1/db",
        "postgresql://127.0.0.1:1/db?user=user&password={}",
        "postgresql://127.0.0.1:1/db?user=user&sslpassword={}",
        "postgresql://user:{}@127.0.0.1:99999/db",
        "postgresql://user:{}@127.0.0.1/db?no_such_option=1",
        "postgresql://user:{}@127.0.0.1/db?port=five",
        "postgresql://user:{}@127.0.0.1:five/db",
        "postgresql://user:some@{}@127.0.0.1:1/db",
        "postgresql://us/er:{}@127.0.0.1:1/db",
        "postgresql://user:so/me?{}@127.0.0.1:1/db",
        "postgresql//user:{}@127.0.0.1/db",
        "user:{}@127.0.0.1/db",
        "mysql://user:{}@127.0.0.1/db",
        "postgresql+asyncpg://user:{}@127.0.0.1/db",
        "sqlite://user:{}@127.0.0.1/db",
    ],
)
def test_a_password_in_a_url_that_cannot_be_used_is_not_repeated(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    for action in (connect, initialize):
        error = refusal(lambda action=action: action(url.format(SECRET)))  # type: ignore[misc]
        assert isinstance(error, DatabaseError)
        assert SECRET not in told(error) + caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:{}@host/db",
        "postgresql://host/db?user=user&password={}",
        "postgresql://host/db?user=user&password={0}&password={0}",
        "postgresql://host/db?sslpassword={}",
    ],
)
def test_a_database_shown_hides_its_password(url: str) -> None:
    shown = repr(open_database(url.format(SECRET)))
    assert SECRET not in shown
    assert "host/db" in shown


def test_an_engine_shown_hides_its_password_wherever_the_url_had_it() -> None:
    for url in (f"postgresql://user:{SECRET}@host/db", f"postgresql://host/db?user=user&password={SECRET}"):
        assert SECRET not in repr(open_database(url).engine)


# URLs


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql://host/db", "PostgreSQL and SQLite, not on 'mysql'"),
        ("oracle+cx_oracle://host/db", "not on 'oracle'"),
        ("nonsense://host", "not on 'nonsense'"),
        ("postgresql+psycopg2://host/db", "through psycopg, not 'psycopg2'"),
        ("postgresql+asyncpg://host/db", "through psycopg, not 'asyncpg'"),
        ("sqlite+aiosqlite:///file.db", "Python's sqlite3, not 'aiosqlite'"),
        ("sqlite+pysqlcipher:///file.db", "Python's sqlite3, not 'pysqlcipher'"),
        ("", "examples: sqlite:///ssdb.db, postgresql://"),
        ("ssdb.db", "examples: sqlite:///ssdb.db, postgresql://"),
        ("postgresql://127.0.0.1:1/db", "127.0.0.1"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_reason(
    url: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for action in (connect, initialize):
        error = refusal(lambda action=action: action(url))  # type: ignore[misc]
        assert type(error) is DatabaseError
        assert why in str(error)
        assert "\n" not in str(error)
    assert not list(tmp_path.iterdir())


def test_an_option_that_cannot_be_read_is_an_error_of_ssdb(sqlite_url: str) -> None:
    assert "URL cannot be read" in str(refusal(lambda: connect(f"{sqlite_url}?timeout=long")))


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_reached_by_each_of_its_names(postgresql_url: str, scheme: str) -> None:
    with closing(connect(scheme + postgresql_url[postgresql_url.index(":") :])) as database:
        assert database.dialect == "postgresql"
        assert rows(database, COUNT) == [(0,)]


def test_a_url_object_is_a_url(database_url: str) -> None:
    with closing(connect(sa.make_url(database_url))) as database:
        assert rows(database, COUNT) == [(0,)]


# libpq's own settings


@pytest.fixture
def libpq(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """How libpq names what the URL of a database with one visit says; its environment is empty."""
    with closing(connect(postgresql_url)) as database:
        change(database, INSERT, visit=77)
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    url = sa.make_url(postgresql_url)
    named = {"host": url.host, "port": url.port, "user": url.username, "password": url.password, "dbname": url.database}
    return {name: str(value) for name, value in (named | dict(url.query)).items() if value}


def test_the_environment_of_libpq_says_what_the_url_leaves_out(
    libpq: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in libpq.items():
        monkeypatch.setenv("PGDATABASE" if name == "dbname" else f"PG{name.upper()}", value)
    with closing(connect("postgresql://")) as database:
        assert rows(database, 'SELECT visit FROM "Visit"') == [(77,)]
    monkeypatch.setenv("PGDATABASE", "no_such_database")
    assert "no_such_database" in str(refusal(lambda: connect("postgresql://")))
    with closing(connect(f"postgresql:///{libpq['dbname']}")) as database:
        assert rows(database, 'SELECT visit FROM "Visit"') == [(77,)]


@pytest.mark.parametrize("url", ["postgresql://?service=survey", "postgresql:///?service=survey"])
def test_a_service_file_of_libpq_is_read(
    url: str, libpq: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "services.conf"
    path.write_text("[survey]\n" + "".join(f"{name}={value}\n" for name, value in libpq.items()))
    monkeypatch.setenv("PGSERVICEFILE", str(path))
    with closing(connect(url)) as database:
        assert rows(database, 'SELECT visit FROM "Visit"') == [(77,)]


# SQLite files


@pytest.mark.parametrize(
    "url", ["sqlite:///{}", "sqlite:///{}?uri=false", "sqlite:///{}?timeout=5", "sqlite+pysqlite:///{}"]
)
def test_a_missing_sqlite_file_is_not_made_by_connecting(url: str, tmp_path: Path) -> None:
    error = refusal(lambda: connect(url.format(tmp_path / "missing.db")))
    assert isinstance(error, SchemaError)
    assert "missing.db: run `ssdb init`" in str(error)
    assert not list(tmp_path.iterdir())


def test_a_missing_sqlite_file_is_not_made_by_connecting_with_a_uri(tmp_path: Path) -> None:
    error = refusal(lambda: connect(f"sqlite:///file:{tmp_path}/missing.db?uri=true"))
    assert "missing.db" in str(error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("url", ["sqlite:///{}", "sqlite:///file:{}?uri=true"])
def test_init_makes_a_missing_sqlite_file(url: str, tmp_path: Path) -> None:
    initialize(url.format(tmp_path / "new.db")).close()
    with closing(connect(url.format(tmp_path / "new.db"))) as database:
        assert rows(database, COUNT) == [(0,)]


def test_a_missing_directory_is_named_and_not_made(tmp_path: Path) -> None:
    error = refusal(lambda: initialize(f"sqlite:///{tmp_path}/survey/night.db"))
    assert type(error) is DatabaseError
    assert f"there is no directory {tmp_path}/survey" in str(error)
    assert not list(tmp_path.iterdir())


def test_a_directory_is_no_database(tmp_path: Path) -> None:
    assert str(tmp_path) in str(refusal(lambda: connect(f"sqlite:///{tmp_path}")))


@pytest.mark.parametrize("action", [connect, initialize])
def test_a_file_that_is_no_database_is_refused_and_stays_as_it_is(
    action: Callable[[str], Database], tmp_path: Path
) -> None:
    path = tmp_path / "visits.parquet"
    content = b"PAR1 is not what an SQLite file begins with" * 100
    path.write_bytes(content)
    error = refusal(lambda: action(f"sqlite:///{path}"))
    assert type(error) is DatabaseError
    assert "visits.parquet" in str(error)
    assert "not a database" in str(error)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("foreign", [True, False], ids=["another program's", "empty"])
def test_connecting_to_a_file_without_tables_of_ssdb_changes_nothing_in_it(foreign: bool, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    path.touch()
    if foreign:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE birds (name)")
            connection.commit()
    content = path.read_bytes()
    error = refusal(lambda: connect(f"sqlite:///{path}"))
    assert isinstance(error, SchemaError)
    assert "run `ssdb init`" in str(error)
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_postgresql_without_tables_of_ssdb_asks_for_init(empty_database_url: str) -> None:
    error = refusal(lambda: connect(empty_database_url))
    assert isinstance(error, SchemaError)
    assert "run `ssdb init`" in str(error)


@pytest.fixture
def readable_file(sqlite_url: str) -> Iterator[Path]:
    """A database with one visit, in a directory that everybody can reach."""
    with closing(connect(sqlite_url)) as database:
        change(database, INSERT, visit=77)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "archive.db")
        shutil.copy(sqlite_url.removeprefix("sqlite:///"), path)
        yield path
        os.chmod(directory, 0o700)


def _permissions(path: Path, file: int, directory: int) -> None:
    os.chmod(path, file)
    os.chmod(path.parent, directory)


@pytest.mark.parametrize(
    ("journal_mode", "directory", "url"),
    [
        ("wal", 0o777, "sqlite:///{}"),
        ("delete", 0o777, "sqlite:///{}"),
        ("delete", 0o555, "sqlite:///{}"),
        ("wal", 0o555, "sqlite:///file:{}?immutable=1&uri=true"),
        ("wal", 0o777, "sqlite:///file:{}?mode=ro&uri=true"),
    ],
)
def test_a_file_that_may_only_be_read_is_read(journal_mode: str, directory: int, url: str, readable_file: Path) -> None:
    with closing(sqlite3.connect(readable_file)) as connection:
        connection.execute(f"PRAGMA journal_mode = {journal_mode}")
    _permissions(readable_file, 0o444, directory)
    with without_privileges(), closing(connect(url.format(readable_file))) as database:
        assert ssdb.query(database, "SELECT visit FROM Visit").rows == [(77,)]
        error = refusal(lambda: change(database, INSERT, visit=78))
        assert "readonly" in str(error)


def test_a_file_without_permission_is_named(readable_file: Path) -> None:
    _permissions(readable_file, 0o000, 0o755)
    with without_privileges():
        error = refusal(lambda: connect(f"sqlite:///{readable_file}"))
    assert type(error) is DatabaseError
    assert "archive.db" in str(error)


def test_sqlite_writes_ahead_and_waits_for_a_lock(sqlite_url: str) -> None:
    """Readers and a writer do not wait for each other, and a file written by ssdb init stays that way."""
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    assert path.read_bytes()[18:20] == b"\2\2"  # the file format's versions for writing and reading: 2 is WAL
    with closing(connect(sqlite_url)) as database, database.reading() as connection:
        names = ("journal_mode", "synchronous", "wal_autocheckpoint", "temp_store", "cache_size", "busy_timeout")
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}
    assert pragmas == {
        "journal_mode": "wal",
        "synchronous": 2,
        "wal_autocheckpoint": 8_000,
        "temp_store": 1,
        "cache_size": -65536,
        "busy_timeout": 60_000,
    }


def test_an_in_memory_database_has_its_tables_and_is_nobody_elses() -> None:
    with closing(ssdb.connect()) as one, closing(ssdb.connect("sqlite://")) as other:
        assert one.in_memory
        change(one, INSERT, visit=1)
        assert rows(one, COUNT) == [(1,)]
        assert rows(other, COUNT) == [(0,)]
