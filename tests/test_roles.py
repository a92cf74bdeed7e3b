"""``sql/roles.sql``: what a reader, a writer and an owner can do, by connecting as them."""

from __future__ import annotations

import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import ingesting
import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

import ssdb
from ssdb.cli import main
from ssdb.schema import metadata
from ssdb.store.database import open_database
from ssdb.store.ddl.migrate import downgrade
from ssdb.store.ddl.views import view_definitions
from ssdb.store.sql_files import sql_text

ROLES = ("ssdb_reader", "ssdb_writer", "ssdb_owner")
RELATIONS = [*metadata.tables, *view_definitions(), "alembic_version"]
CHANGES = [
    "INSERT INTO \"SsAlias\" VALUES ('Nobody', 5, 'name')",
    'UPDATE "Visit" SET "band" = \'g\'',
    "UPDATE visit SET band = 'g'",
    'DELETE FROM "SSSource"',
    "CREATE TEMPORARY TABLE more (a integer)",
]
DEFINITIONS = [
    'DROP TABLE "SSSource"',
    'DROP VIEW "UnassociatedSsObject"',
    "DROP VIEW sssource",
    'TRUNCATE "SSSource"',
    'ALTER TABLE "Visit" ADD COLUMN more integer',
    'CREATE INDEX fast ON "Visit" (band)',
    "CREATE TABLE more (a integer)",
    "CREATE VIEW more AS SELECT 1 AS a",
    "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA more",
    "UPDATE alembic_version SET version_num = 'x'",
    "DELETE FROM alembic_version",
    "CREATE ROLE more",
    "INSERT INTO metadata VALUES ('ssdb:visitsPerPartition', '1')",
    "UPDATE metadata SET value = '1'",
    'DELETE FROM "SsLock"',
    "UPDATE \"SsLock\" SET name = 'more'",
    "SELECT lo_create(0)",
    "SELECT lo_creat(-1)",
    "SELECT lo_from_bytea(0, '')",
]

Login = Callable[[str], str]


def _administer(url: str, *statements: str) -> None:
    """Runs statements as the user who made the database."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        for sql in statements:
            connection.execute(sql)


@pytest.fixture
def login(postgresql_url: str) -> Iterator[Login]:
    """Makes a user who is a member of a role, in a database with the roles; gives the URL for being that user."""
    if "SSDB_TEST_CITUS_URL" in os.environ:
        pytest.skip("what roles own cannot be taken back on a Citus cluster")
    with psycopg.connect(postgresql_url.replace("+psycopg", "")) as connection:
        if not connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()[0]:
            pytest.skip("the user of the test server is no superuser: roles cannot be made")
        existing = {name for (name,) in connection.execute("SELECT rolname FROM pg_roles")}
    _administer(postgresql_url, sql_text("roles.sql"))
    made: list[str] = []

    def member_of(role: str) -> str:
        name, password = f"ssdb_test_{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
        _administer(postgresql_url, f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE {role}")
        made.append(name)
        if role == "ssdb_owner":
            _administer(postgresql_url, f"ALTER ROLE {name} SET role = ssdb_owner")
        url = sa.make_url(postgresql_url).set(username=name, password=password)
        return url.render_as_string(hide_password=False)

    yield member_of
    for name in (*made, *(role for role in ROLES if role not in existing)):
        _administer(
            postgresql_url, f"REASSIGN OWNED BY {name} TO CURRENT_USER", f"DROP OWNED BY {name}", f"DROP ROLE {name}"
        )


def _load_night(url: str) -> None:
    with closing(ssdb.connect(url)) as database:
        ingesting.load_night(database, footprints=True)


def _ssdb(url: str, *arguments: str) -> str:
    result = CliRunner().invoke(main, ["--db", url, *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def _denied(url: str, statements: list[str]) -> list[str]:
    """The statements that fail for want of privileges; the others are undone."""
    denied = []
    for sql in statements:
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            try:
                connection.execute(sql)
            except psycopg.errors.InsufficientPrivilege:
                denied.append(sql)
            connection.rollback()
    return denied


def _assert_everything_is_read(url: str) -> None:
    with closing(open_database(url)) as database, database.reading() as connection:
        for name in RELATIONS:
            connection.execute(sa.text(f"SELECT count(*) FROM {name}"))
            connection.execute(sa.text(f'SELECT count(*) FROM "{name}"'))
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version"))


def test_the_script_names_every_table_and_view() -> None:
    """It hands over what it names, and nothing that is the users' own."""
    named = re.search(r"IN \((\s*'alembic_version'.*?)\)", sql_text("roles.sql"), re.DOTALL)
    assert named is not None
    assert re.findall(r"'(\w+)'", named[1]) == sorted(name.lower() for name in RELATIONS)


def test_a_reader_reads_everything_and_changes_nothing(login: Login, postgresql_url: str, tmp_path: Path) -> None:
    _load_night(postgresql_url)
    url = login("ssdb_reader")
    assert json.loads(_ssdb(url, "status", "--json"))["matches"] == 4
    assert json.loads(_ssdb(url, "query", "SELECT count(*) AS n FROM SSSource", "--json")) == [{"n": 4}]
    assert len(json.loads(_ssdb(url, "query", "--name", "light-curve", "--param", "object=433", "--json"))) == 2
    _ssdb(url, "export", "SsObservation", "-o", str(tmp_path / "observed.parquet"))
    _ssdb(url, "check")
    _ssdb(url, "resolve", "433")
    _assert_everything_is_read(url)
    assert _denied(url, CHANGES + DEFINITIONS) == CHANGES + DEFINITIONS


def test_a_writer_loads_and_associates_and_defines_nothing(login: Login) -> None:
    url = login("ssdb_writer")
    _load_night(url)
    with closing(ssdb.connect(url)) as database:
        ssdb.ingest_sources(database, ingesting.sources(), replace=True)
        elements = {"q": [1.13], "e": [0.22], "i": [10.8], "node": [304.0], "argperi": [178.0], "peri_time": [60000.0]}
        names = {"unpacked_primary_provisional_designation": ["1898 DQ"], "epoch_mjd": [60000.0]}
        ssdb.ingest_orbits(database, elements | names, format="mpc_orbits")
        numbered = {"packed_primary_provisional_designation": ["I98D00Q"], "permid": ["433"], "iau_name": ["Eros"]}
        ssdb.ingest_identifications(database, numbered | {"unpacked_primary_provisional_designation": ["1898 DQ"]})
        ssdb.relink(database)
        assert ssdb.associate(database).totals["nAssociatedSsObjects"] == 4
        assert ssdb.associate_dia(database).totals["nNewDiaObjects"] == 4
        assert ssdb.associate_dia(database, [10]).failed == {}
        assert ssdb.withdraw(database, visit=20, detector=1).n_of_objects == 1
        assert ssdb.merge_objects(database).merged == {}
        assert ssdb.resolve(database, "Eros").designation == "A898 DQ"
    _assert_everything_is_read(url)
    assert _denied(url, CHANGES + DEFINITIONS) == DEFINITIONS


def test_a_writer_cannot_make_the_schema(login: Login) -> None:
    result = CliRunner().invoke(main, ["--db", login("ssdb_writer"), "init"])
    assert result.exit_code == 1
    assert "owner" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_owner_makes_the_schema_and_the_others_go_on(login: Login) -> None:
    url = login("ssdb_owner")
    with closing(open_database(url)) as database:
        downgrade(database, "base")
    _ssdb(url, "init")
    _ssdb(url, "init")
    _load_night(login("ssdb_writer"))
    _assert_everything_is_read(login("ssdb_reader"))


def test_a_stranger_does_not_come_in(login: Login, postgresql_url: str) -> None:
    stranger = login("pg_monitor")
    with pytest.raises(ssdb.DatabaseError, match="permission denied"):
        ssdb.connect(stranger)


def test_running_it_again_changes_nothing_and_a_users_table_stays_hers(login: Login, postgresql_url: str) -> None:
    name = sa.make_url(login("ssdb_reader")).username
    _administer(postgresql_url, "CREATE TABLE mine (a integer)", f"ALTER TABLE mine OWNER TO {name}")
    state = (
        "SELECT relname, relowner, relacl::text FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    with closing(open_database(postgresql_url)) as database:
        before = _rows(database.engine, state)
        _administer(postgresql_url, sql_text("roles.sql"))
        assert _rows(database.engine, state) == before
        assert _rows(database.engine, "SELECT tableowner FROM pg_tables WHERE tablename = 'mine'") == [(name,)]


def _rows(engine: sa.Engine, sql: str) -> list[tuple]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(sql)]


def test_who_may_make_no_tables_is_told_so(login: Login, postgresql_url: str) -> None:
    """In a database that has none of ssdb."""
    url = login("ssdb_writer")
    with closing(open_database(postgresql_url)) as database:
        downgrade(database, "base")
    _administer(postgresql_url, "DROP TABLE alembic_version")
    result = CliRunner().invoke(main, ["--db", url, "init"])
    assert result.exit_code == 1
    assert "permission denied for schema public" in result.stderr
