"""Parts and roles: a writer has those made that its visits need and no others; only the owner changes parts."""

from __future__ import annotations

from contextlib import closing

import ingesting
import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from small_surveys import rows
from test_roles import Login, _administer, _denied, _load_night, _ssdb, login  # noqa: F401 (a fixture)

import ssdb
from ssdb.cli import main
from ssdb.schema import metadata
from ssdb.store.database import open_database
from ssdb.store.ddl.detached import attach, detach, drop, list_partitions, partition_width
from ssdb.store.ddl.migrate import connect, downgrade
from ssdb.store.ddl.partitions import PARTITIONED
from ssdb.store.sql_files import sql_texts

MADE = "SELECT relname FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) ORDER BY 1"

NEW = "SELECT ssdb_new_partition('{0}', {1})"
ATTACHED = "SELECT ssdb_attach_partition('{0}', {1}, {2})"


def _refused(url: str, *statements: str) -> str:
    """What the server says to one transaction, at its end at the latest."""
    connection = psycopg.connect(url.replace("+psycopg", ""))
    with closing(connection), pytest.raises(psycopg.Error) as caught:  # noqa: PT012
        for sql in statements:
            connection.execute(sql)
        connection.commit()
    return str(caught.value)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        ([NEW.format("SsExpected", 700000)], "was made to become a partition, and is none"),
        ([NEW.format("SsExpected", 700000), "SET CONSTRAINTS ALL IMMEDIATE"], "was made to become a partition"),
        (["SET CONSTRAINTS ALL IMMEDIATE", NEW.format("SsExpected", 700000)], "was made to become a partition"),
        # Of the visits that are stored there is a part already, or the bounds are not those of one.
        ([NEW.format("SsExpected", 0), ATTACHED.format("SsExpected", 0, 100000)], "already exists"),
        ([NEW.format("SsExpected", 5), ATTACHED.format("SsExpected", 5, 7)], "overlap"),
        ([NEW.format("DiaSource", 5), ATTACHED.format("DiaSource", 5, 25)], "overlap"),
        ([NEW.format("SsExpected", 700005), ATTACHED.format("SsExpected", 700005, 800000)], "from 700005 to below"),
        ([NEW.format("SsExpected", 700000), ATTACHED.format("SsExpected", 700000, 700007)], "below 700007"),
        ([NEW.format("SsExpected", 700000), ATTACHED.format("SsExpected", 700000, 900000)], "below 900000"),
        ([NEW.format("SsExpected", 700000), ATTACHED.format("SsExpected", 700000, "NULL")], "cannot be of the visits"),
        # Two that are wrong in the same way are none the better for it.
        (
            [text.format(name, 700000, 700007) for name in ("SsExpected", "SsCandidate") for text in (NEW, ATTACHED)],
            "below 700007",
        ),
        ([NEW.format("SsExpected", 900000), ATTACHED.format("SsExpected", 900000, 1000000)], "no visit that is stored"),
        ([NEW.format("Visit", 900000)], "not partitioned"),
        ([ATTACHED.format("SsExpected", 700000, 800000)], "does not exist"),
    ],
)
def test_a_writer_has_no_other_parts_made_than_visits_need(
    statements: list[str],
    said: str,
    login: Login,  # noqa: F811
    postgresql_url: str,
) -> None:
    """Neither tables that are none, nor bounds of its own, nor parts of visits that are not there; nothing stays."""
    _load_night(postgresql_url)
    _administer(postgresql_url, 'INSERT INTO "Visit" (visit, "midpointMjdTai") VALUES (700123, 60000)')
    with closing(connect(postgresql_url)) as database:
        before = rows(database, MADE)
        assert said in _refused(login("ssdb_writer"), *statements)
        assert rows(database, MADE) == before


def test_a_writer_has_parts_made_as_ssdb_does(login: Login, postgresql_url: str) -> None:  # noqa: F811
    """The control: what is due is made, beside other widths too."""
    _administer(postgresql_url, "INSERT INTO metadata VALUES ('ssdb:visitsPerPartition', '1000')")
    url = login("ssdb_writer")
    with closing(connect(url)) as database:
        ssdb.ingest_visits(database, {"visit": [-(2**63), 1, 5001, 2**63 - 1], "midpointMjdTai": [60000.0] * 4})
    _administer(postgresql_url, "UPDATE metadata SET value = '100000' WHERE name = 'ssdb:visitsPerPartition'")
    with closing(connect(url)) as database:
        ssdb.ingest_visits(database, {"visit": [2001, 7001, 700001], "midpointMjdTai": [60000.0] * 3})
        parts = [(part.first, part.past) for part in list_partitions(database)]
        assert parts[1:-1] == [(0, 1000), (1000, 5000), (5000, 6000), (6000, 100000), (700000, 800000)]
        ingesting.load_night(database, associated=False)
        assert ssdb.associate(database).failed == {}


def test_there_is_an_end_to_the_number_of_parts(login: Login, postgresql_url: str) -> None:  # noqa: F811
    """10,000 of each table; here fewer, which takes less long."""
    text = sql_texts("functions")["ssdb_new_partition"].replace(":schema", "public")
    assert "most CONSTANT integer := 10000;" in text
    _administer(postgresql_url, text.replace("10000", "3"))
    with closing(connect(login("ssdb_writer"))) as database:
        for night in range(3):
            ssdb.ingest_visits(database, {"visit": [night * 100_000], "midpointMjdTai": [60000.0]})
        with pytest.raises(ssdb.DatabaseError, match=r"has 3 partitions already.*`ssdb partition width`"):
            ssdb.ingest_visits(database, {"visit": [300_000], "midpointMjdTai": [60000.0]})
        assert len(list_partitions(database)) == 3


@pytest.mark.parametrize("role", ["ssdb_reader", "ssdb_writer"])
def test_only_the_owner_changes_parts(role: str, login: Login, postgresql_url: str) -> None:  # noqa: F811
    _load_night(postgresql_url)
    with closing(connect(login(role))) as database:
        before = ingesting.dump(database)
        for action in (
            lambda: detach(database, 10),
            lambda: attach(database, 10),
            lambda: drop(database, 10),
            lambda: partition_width(database, 5),
        ):
            with pytest.raises(ssdb.DatabaseError, match=r"only the owner of the tables, ssdb_owner, can change"):
                action()
        assert partition_width(database) == 100_000
        assert [part.visits for part in list_partitions(database)] == [2]
        assert ingesting.dump(database) == before
    result = CliRunner().invoke(main, ["--db", login(role), "partition", "width", "5"])
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "ssdb: only the owner of the tables, ssdb_owner, can change how they are partitioned"
    )


def test_an_owner_changes_parts_and_nobody_writes_what_is_aside(login: Login) -> None:  # noqa: F811
    owner, writer = login("ssdb_owner"), login("ssdb_writer")
    _load_night(writer)
    aside = [f'"{name}"' for name in _names(_ssdb(owner, "partition", "detach", "10"))]
    assert len(aside) == 9
    changes = [f"{verb} {name}" for name in aside for verb in ("DELETE FROM", "TRUNCATE")]
    assert _denied(writer, changes) == changes
    assert "detached" in _ssdb(login("ssdb_reader"), "partition", "list")
    _ssdb(owner, "partition", "attach", "10")
    parts = [f'"{table.name}_0"' for table in PARTITIONED]
    changes = [f"{verb} {name}" for name in parts for verb in ("DELETE FROM", "TRUNCATE")]
    assert _denied(writer, changes) == changes
    assert _ssdb(owner, "partition", "width", "1000") == "1,000\n"
    _ssdb(owner, "partition", "drop", "--yes", "10")
    _load_night(writer)


def _names(output: str) -> list[str]:
    return output.strip().partition(", in ")[2].split(", ")


def test_what_an_owner_makes_anew_has_the_same_rights(login: Login, postgresql_url: str) -> None:  # noqa: F811
    """Without the script run again: versions and widths stay the owner's, all else is the writers'."""
    owner, writer = login("ssdb_owner"), login("ssdb_writer")
    with closing(open_database(owner)) as database:
        downgrade(database, "base")
    # As the script of an older ssdb had it.
    given = "IN SCHEMA public GRANT INSERT, UPDATE, DELETE ON TABLES TO ssdb_writer"
    _administer(postgresql_url, f"ALTER DEFAULT PRIVILEGES FOR ROLE ssdb_owner {given}")
    _ssdb(owner, "init")
    kept = ["DELETE FROM metadata", "DELETE FROM alembic_version", 'DELETE FROM "SsLock"']
    changed = [f'DELETE FROM "{name}"' for name in metadata.tables if name != "metadata"]
    assert _denied(writer, [*kept, *changed]) == kept
    _load_night(writer)
    with closing(connect(login("ssdb_reader"))) as database, database.reading() as connection:
        for name in metadata.tables:
            connection.execute(sa.text(f'SELECT count(*) FROM "{name}"'))
