"""``ssdb check`` finds every relation that does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from summaries import orbit, table_of

import ssdb
from ssdb.ask.check import check_as_seen
from ssdb.cli import main
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.sql_files import sql_texts
from ssdb.store.transfer.write import write_rows

# For each check, a statement after which its relation does not hold.
BREAKS = {
    "fit_has_object": """INSERT INTO "SsObjectFit" ("ssObjectId", band, model, "nObs", "nNights", "nObsUsed")
                         VALUES (1, 'r', 'HG12', 1, 1, 1)""",
    "moid_is_possible": 'UPDATE "SSObject" SET "MOIDEarth" = 0.1',
    "object_is_summarized": 'DELETE FROM "SSObject"',
    "summary_counts": 'UPDATE "SSObject" SET "nObs" = 7',
    "candidate_has_source": 'DELETE FROM "SsExpected" WHERE "diaSourceId" IS NULL',
    "counts_agree": 'UPDATE "Visit" SET "nSources" = 99',
    "detector_has_visit": """INSERT INTO "VisitDetector" (visit, detector) VALUES (77, 1)""",
    "dia_last_is_current": 'UPDATE "DiaObject" SET "validityEndMjdTai" = 1',
    "dia_match_has_source": 'DELETE FROM "DiaMatch"',
    "dia_moments_agree": 'UPDATE "DiaObjectMoment" SET "nValues" = 7',
    "dia_object_counts": 'UPDATE "DiaObjectLast" SET "nDiaSources" = 77',
    "dia_source_has_object": 'UPDATE "DiaSource" SET "diaObjectId" = 5 WHERE "diaObjectId" IS NOT NULL',
    "done_is_done": """UPDATE "VisitDetector" SET status = 'pending'""",
    "expected_has_match": 'DELETE FROM "SSSource"',
    "expected_has_prediction": 'DELETE FROM "SsPrediction"',
    "match_has_source": 'UPDATE "DiaSource" SET "ssObjectId" = 5 WHERE "ssObjectId" IS NOT NULL',
    "match_is_chosen": 'UPDATE "SsCandidate" SET chosen = false',
    "match_is_expected": 'UPDATE "SsExpected" SET "diaSourceId" = NULL',
    "prediction_has_visit": 'UPDATE "Visit" SET "predictionsAt" = NULL',
    "source_has_detector": 'DELETE FROM "VisitDetector"',
    "source_counts_agree": 'UPDATE "VisitDetector" SET depth = 20.0',
    "source_has_match": 'DELETE FROM "SSSource"',
    "time_is_of_visit": 'UPDATE "Visit" SET "midpointMjdTai" = 57000.1 WHERE visit = 1',
    "totals_agree": 'UPDATE "VisitDetector" SET "nDiaSources" = 3',
    "identifiers_in_range": 'UPDATE "Visit" SET "lastDiaSourceId" = 10 WHERE visit = 1',
    "source_is_unique": """INSERT INTO "DiaSource" ("diaSourceId", visit, detector, "midpointMjdTai", ra, dec)
                           VALUES (10, 2, 0, 60800.2, 10.0, 1.0)""",
}


@pytest.fixture(scope="module")
def associated(module_database_url: str) -> Iterator[Database]:
    """One visit with a match, and an object that has a candidate but lost it to the other. It stays as it is."""
    database = connect(module_database_url)
    ssdb.ingest_visits(database, {"visit": [1, 2], "midpointMjdTai": [60800.1, 60800.2]})
    ssdb.ingest_sources(database, {"diaSourceId": [10, 11], "visit": [1, 1], "ra": [10.0, 10.1], "dec": [0.0, 0.0]})
    predictions = {
        "visit": [1, 1],
        "designation": ["2015 MQ204", "433"],
        "ephRa": [10.0, 10.0],
        "ephDec": [0.0, 0.0002],
    }
    ssdb.ingest_predictions(database, predictions, complete=True)
    ssdb.associate(database)
    ssdb.associate_dia(database)
    with database.writing() as connection:
        write_rows(connection, mpc_orbits, table_of(mpc_orbits, [orbit("2015 MQ204", q=1.5), orbit("433")]))
    ssdb.summarize(database)
    yield database
    database.close()


@contextmanager
def changed(database: Database, statement: str, **values: object) -> Iterator[sa.Connection]:
    """A transaction that sees a change, which is taken back at the end."""
    with database.writing() as connection:
        connection.execute(sa.text(statement), values)
        yield connection
        connection.rollback()


def test_every_check_is_broken_here_once(associated: Database) -> None:
    names = [result.name for result in ssdb.check(associated)]
    assert sorted(BREAKS) == names
    assert {*names} - {*sql_texts("checks")} == {"source_counts_agree"}


def test_all_relations_hold_after_an_association(associated: Database) -> None:
    assert [result.name for result in ssdb.check(associated) if result.n_violations] == []


@pytest.mark.parametrize("name", sorted(BREAKS))
def test_a_broken_relation_is_found(associated: Database, name: str) -> None:
    with changed(associated, BREAKS[name]) as connection:
        found = {result.name: result for result in check_as_seen(connection)}
    assert found[name].n_violations > 0
    assert len(found[name].examples) > 0


@pytest.mark.parametrize(
    ("change", "n_wrong"),
    [
        ('UPDATE "DiaSource" SET "psfFlux" = 700.0 WHERE "diaSourceId" = 11', 1),
        ('UPDATE "DiaSource" SET reliability = 0.5', 1),
        ('UPDATE "VisitDetector" SET "sourceCounts" = NULL', 1),  # the depth is left
        ('UPDATE "VisitDetector" SET "sourceCounts" = NULL, depth = NULL', 0),  # as of older versions
        ('DELETE FROM "DiaSource"', 1),
    ],
)
def test_counts_of_sources_are_those_of_the_sources(database: Database, change: str, n_wrong: int) -> None:
    ssdb.ingest_visits(database, {"visit": [1, 2], "midpointMjdTai": [60800.1, 60800.2]})
    sources = {"diaSourceId": [10, 11], "visit": [1, 1], "detector": [2, 2], "ra": [10.0, 10.1], "dec": [0.0, 0.0]}
    light = {"psfFlux": [1234.5, None], "psfFluxErr": [250.3, 190.7], "isDipole": [True, None]}
    ssdb.ingest_sources(database, sources | light)
    assert all(not result.n_violations for result in ssdb.check(database))
    with database.writing() as connection:
        connection.exec_driver_sql(change)
    (result,) = (result for result in ssdb.check(database) if result.name == "source_counts_agree")
    assert result.n_violations == n_wrong
    assert [(row["visit"], row["detector"]) for row in result.examples] == [(1, 2)] * n_wrong


@pytest.mark.parametrize(
    ("q", "moid", "of_others", "n_wrong"),
    [
        (1.5, 0.6, 0.6019, 0),  # they have another orbit of the Earth
        (1.5, 0.6, 0.612, 1),
        (1.5, 0.6, None, 0),
        (0.7, 0.0115, 0.0042, 1),  # of a local minimum that is not the lowest
        (0.7, 0.0042, 0.0023, 0),
        (1.5, 0.48, None, 1),  # the Earth does not come so near
        (1.5, 1.8, None, 0),
        (1.5, 1.9, None, 1),  # some point of the Earth's orbit is within 90 degrees of perihelion
        (0.2, 1.1, None, 1),
        (0.2, 1.02, None, 0),
    ],
)
def test_a_moid_is_possible_for_the_orbit_and_near_that_of_others(
    associated: Database, q: float, moid: float, of_others: float | None, n_wrong: int
) -> None:
    with changed(associated, 'UPDATE "SSObject" SET "MOIDEarth" = :moid', moid=moid) as connection:
        of_orbit = sa.text("UPDATE mpc_orbits SET q = :q, earth_moid = :earth_moid")
        connection.execute(of_orbit, {"q": q, "earth_moid": of_others})
        (result,) = (result for result in check_as_seen(connection) if result.name == "moid_is_possible")
    assert result.n_violations == n_wrong


def test_the_command_tells_what_does_not_hold(database: Database, database_url: str) -> None:
    ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [60800.1]})
    ssdb.ingest_predictions(database, {"visit": [], "designation": [], "ephRa": [], "ephDec": []}, complete=True)
    ssdb.associate(database)
    assert CliRunner().invoke(main, ["--db", database_url, "check"]).exit_code == 0
    with database.writing() as connection:
        connection.exec_driver_sql(BREAKS["counts_agree"])
    result = CliRunner().invoke(main, ["--db", database_url, "check"])
    assert result.exit_code == 1
    assert "against counts_agree" in result.stderr
    assert "NO   The numbers of sources" in result.stdout
