"""PostgreSQL databases of other encodings than UTF-8."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from small_surveys import rows
from test_server_settings import same, survey, told

import ssdb
from ssdb.cli import main
from ssdb.errors import SsdbError


@pytest.fixture(params=["SQL_ASCII", "LATIN1"])
def encoded_url(request: pytest.FixtureRequest, _administration: sa.Engine, postgresql_server: sa.URL) -> Iterator[str]:
    """A database of some encoding, without tables."""
    name = f"ssdb_test_{request.param.lower()}"
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} ENCODING '{request.param}' LOCALE 'C' TEMPLATE template0")
    yield postgresql_server.set(database=name).render_as_string(hide_password=False)
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_the_encoding_of_a_database_changes_nothing(encoded_url: str, sqlite_url: str, tmp_path: Path) -> None:
    """Text comes back as it was, also what is no ASCII."""
    with closing(ssdb.initialize(encoded_url)) as database, closing(ssdb.connect(sqlite_url)) as other:
        for one in (database, other):
            survey(one)
        assert all(not rule.n_violations for rule in ssdb.check(database))
        assert rows(database, 'SELECT instrument FROM "Visit" WHERE visit = 900') == [("Größe",)]
        first, second = (told(one, tmp_path / one.dialect) for one in (database, other))
        same({"files": first["files"]}, {"files": second["files"]})


@pytest.mark.parametrize("encoded_url", ["SQL_ASCII"], indirect=True)
def test_what_is_not_utf_8_in_a_database_that_takes_any_bytes_is_told(encoded_url: str, tmp_path: Path) -> None:
    """As programs that write Latin-1 leave it there."""
    with closing(ssdb.initialize(encoded_url)) as database:
        ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.0]})
        with database.engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL client_encoding = 'SQL_ASCII'")
            latin = r"""convert_from('\x4772f6df65'::bytea, 'SQL_ASCII')"""
            connection.exec_driver_sql(f'UPDATE "Visit" SET instrument = {latin}')
        for read in (
            lambda: ssdb.visit_status(database, [1]),
            lambda: ssdb.export(database, "Visit", tmp_path / "visits.parquet"),
            lambda: ssdb.query(database, 'SELECT instrument FROM "Visit"'),
        ):
            with pytest.raises(SsdbError, match='invalid byte sequence for encoding "UTF8"'):
                read()
    done = CliRunner().invoke(main, ["--db", encoded_url, "status", "--visit", "1"])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
