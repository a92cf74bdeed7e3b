"""What a server, a database or a role is set to changes no value: floats, times, bytes and texts stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from predicting import load_survey
from small_surveys import MJD, Survey, differences, exported

import ssdb
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database, open_database

SETTINGS = {
    "extra_float_digits": "-15",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kolkata",
    "bytea_output": "escape",
    "client_encoding": "latin1",
    "default_transaction_isolation": "serializable",
}


def set_up(url: str, settings: dict[str, str]) -> None:
    """Gives a database other defaults, as its owner may."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        for setting, value in settings.items():
            connection.exec_driver_sql(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    engine.dispose()


def survey(database: Database) -> None:
    """A night with predictions, sources with odd last digits, a match, a footprint and a name that is not ASCII."""
    load_survey(database)
    predict_visits(database)
    made = Survey()
    made.add_visit(900, instrument="Größe", midpointMjdTai=MJD + 1 / 3, ra=10.1, dec=1 / 7)
    made.add_source(1, 10.123456789012345, 0.1 + 0.2, visit=900, raErr=1e-6 / 3, psfFlux=1 / 3)
    made.add_prediction(0, 10.123456789012347, 0.3, visit=900, midpointMjdTai=MJD + 1 / 3, ephVmag=20.1)
    made.add_square(0, 10.1, 0.3, 600.0, visit=900)
    made.load(database)
    ssdb.associate(database)


def told(database: Database, directory: Path) -> dict[str, Any]:
    """What is read on every road: files, questions in SQL, ready-made questions, the state of a visit."""
    directory.mkdir()
    sql = 'SELECT visit, "midpointMjdTai", ra, "dec", instrument, CAST(ra AS TEXT) FROM "Visit" ORDER BY visit'
    columns = 'SELECT "ephRa", "topo_x", "ephVmag" FROM "SsPrediction" ORDER BY visit, "ssObjectId"'
    positions = {"ra": [10.123456789012347], "dec": [0.3], "midpointMjdTai": [MJD + 1 / 3]}
    return {
        "files": exported(database, directory),
        "query": ssdb.query(database, sql).rows,
        "columns": ssdb.query(database, columns).rows,
        "bound": ssdb.query(database, 'SELECT visit FROM "Visit" WHERE ra = :ra', {"ra": 10.1}).rows,
        "matched": ssdb.named_query(database, "match-objects", upload=positions).rows,
        "visit": {
            name: value
            for name, value in ssdb.visit_status(database, [900])[0].items()
            if name not in ("runId", "associatedAt", "predictionsAt", "detectors")
        },
    }


@pytest.fixture
def other_url(_administration: sa.Engine, postgresql_url: str) -> Iterator[str]:
    """A second database, without tables."""
    url = sa.make_url(postgresql_url)
    name = f"{url.database}_other"
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with _administration.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def usual(postgresql_url: str, tmp_path: Path) -> dict[str, Any]:
    """What a database with PostgreSQL's own settings tells of the survey."""
    database = ssdb.connect(postgresql_url)
    survey(database)
    answers = told(database, tmp_path / "usual")
    database.close()
    return answers


def same(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert set(differences(first["files"], second["files"])) <= {"SsEphemerisNight.madeAt"}
    assert {**first, "files": None} == {**second, "files": None}


def test_settings_of_a_database_change_nothing_that_is_read(
    usual: dict[str, Any], postgresql_url: str, tmp_path: Path
) -> None:
    set_up(postgresql_url, SETTINGS)
    database = ssdb.connect(postgresql_url)
    same(usual, told(database, tmp_path / "set"))
    database.close()


def test_what_is_stored_under_other_settings_is_the_same(usual: dict[str, Any], other_url: str, tmp_path: Path) -> None:
    set_up(other_url, SETTINGS)
    database = ssdb.initialize(other_url)
    survey(database)
    same(usual, told(database, tmp_path / "set"))
    database.close()


def test_every_connection_writes_where_reading_is_the_default(postgresql_url: str) -> None:
    """Or one that was used for reading before writes, and a second one beside it does not."""
    set_up(postgresql_url, {"default_transaction_read_only": "on"})
    database = ssdb.connect(postgresql_url)
    with database.writing() as one, database.writing() as two:
        shown = [connection.exec_driver_sql("SHOW transaction_read_only").scalar() for connection in (one, two)]
    assert shown == ["off", "off"]
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on"
    database.close()


def test_a_pooler_that_gives_a_transaction_another_session_changes_nothing(postgresql_url: str) -> None:
    """PgBouncer gives the next transaction a session that was never set up: each sets what it needs."""
    database = open_database(postgresql_url)
    for transaction in (database.reading, database.writing):
        with database.engine.connect() as connection:
            connection.exec_driver_sql("SET extra_float_digits = -15")
            connection.commit()
        with transaction() as connection:
            assert connection.exec_driver_sql("SELECT 0.1::float8 + 0.2::float8").scalar_one() == 0.1 + 0.2
    database.close()
