"""Predictions out of stored orbits: all objects of a field and no other, where the engine itself puts them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from predicting import (
    BELT,
    NIGHT,
    ORBITS,
    VISITS,
    at,
    brute_force,
    check_positions,
    load_orbits,
    load_survey,
    load_visits,
    orbits_of,
    predicted,
    same_rows,
)
from small_surveys import change, differences, exported, rows

import ssdb
from ssdb.cli import main
from ssdb.errors import EphemerisError, NotFoundError
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


@pytest.fixture
def survey(database: Database) -> Database:
    """Orbits and visits."""
    return load_survey(database)


# What is predicted


def test_every_object_of_a_field_is_predicted_and_no_other(survey: Database) -> None:
    """Fields across 0h, at the pole, without any object, in two nights, of two observatories, beside the engine itself.

    Those within the margin of the field may be there or not.
    """
    report = predict_visits(survey)
    found, sure, possible = predicted(survey), brute_force(ORBITS, VISITS), brute_force(ORBITS, VISITS, margin=0.6)
    assert sure.keys() <= found.keys() <= possible.keys()
    check_positions(found, {key: possible[key] for key in found})
    assert {(1, "2002 AA"), (1, "2002 AC"), (2, "2002 AB")} <= found.keys()
    assert report.predictions == {visit: sum(key[0] == visit for key in found) for visit in range(1, 6)}
    assert report.predictions[4] == 0
    assert (report.failed, report.n_left) == ({}, 0)
    assert {night: made.made for night, made in report.nights.items()} == {NIGHT: 123, NIGHT + 1: 123}


def test_the_columns_are_those_that_the_engine_gives(survey: Database) -> None:
    from ssdb.ephemeris.apparent import ephemeris

    predict_visits(survey, [3])
    columns = ("ephRateRa", "ephRateDec", "helio_x", "helio_vz", "topo_y", "topo_vx", "ephVmag")
    quoted = ", ".join(f'"{name}"' for name in columns)
    stored = {name: values for name, *values in rows(survey, f'SELECT designation, {quoted} FROM "SsPrediction"')}
    direct = ephemeris(orbits_of(ORBITS), [VISITS[2]["midpointMjdTai"]], "I41")
    assert stored
    for index, row in enumerate(ORBITS):
        if row["designation"] in stored:
            expected = [direct[name][index, 0] for name in columns]
            np.testing.assert_allclose(stored[row["designation"]], expected, rtol=1e-5, atol=1e-4)
    others = rows(survey, 'SELECT DISTINCT provider, "midpointMjdTai", "topoRange", "ephErrMajor" FROM "SsPrediction"')
    assert others == [("ssdb", VISITS[2]["midpointMjdTai"], None, None)]


def test_an_unknown_magnitude_stays_unknown(memory: Database) -> None:
    load_orbits(memory, [at("2002 AA", 1.0, (10.0, 10.0)) | {"h": None, "g": None}])
    load_visits(memory, [{"visit": 1, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0}])
    predict_visits(memory)
    assert rows(memory, "SELECT designation, ephVmag FROM SsPrediction") == [("2002 AA", None)]


def test_an_empty_answer_is_an_answer(survey: Database) -> None:
    predict_visits(survey, [4])
    state = rows(survey, 'SELECT visit, "predictionsAt" IS NULL, status FROM "Visit" ORDER BY visit')
    assert state[3] == (4, False, "pending")
    assert all(without for visit, without, _ in state if visit != 4)
    assert [outcome.visit for outcome in ssdb.associate(survey).visits] == [4]


def test_both_databases_have_the_same_rows(tmp_path: Path, sqlite_url: str, postgresql_url: str) -> None:
    tables = {}
    for url in (sqlite_url, postgresql_url):
        database = connect(url)
        load_orbits(database, ORBITS)
        load_visits(database, VISITS)
        predict_visits(database)
        change(database, 'UPDATE "SsEphemerisNight" SET "madeAt" = NULL')
        directory = tmp_path / database.dialect
        directory.mkdir()
        tables[database.dialect] = exported(database, directory)
        database.close()
    assert tables["sqlite"]["SsPrediction"].num_rows > 20
    assert tables["sqlite"]["SsEphemeris"].num_rows == 246
    assert differences(tables["sqlite"], tables["postgresql"]) == []


# Which visits


def test_again_leaves_everything_as_it_is(survey: Database, tmp_path: Path) -> None:
    predict_visits(survey)
    before = exported(survey, tmp_path)
    again = predict_visits(survey)
    assert (again.predictions, again.nights) == ({}, {})
    assert predict_visits(survey, [1, 2]).n_left == 2
    assert same_rows(survey, tmp_path / "again", before)


def test_redo_gives_the_same_rows_and_replaces_those_of_others(survey: Database, tmp_path: Path) -> None:
    """What was derived from the old ones goes; other visits stay."""
    predict_visits(survey)
    before = exported(survey, tmp_path)
    change(survey, 'DELETE FROM "SsPrediction" WHERE visit = 1')
    other = """INSERT INTO "SsPrediction" (visit, "ssObjectId", designation, "midpointMjdTai", "ephRa", "ephDec")
               VALUES (1, 5, 'X', 61010.1, 1.0, 1.0)"""
    change(survey, other)
    change(survey, 'INSERT INTO "SsExpected" (visit, "ssObjectId", "nCandidates") VALUES (1, 5, 0)')
    change(survey, """UPDATE "Visit" SET status = 'done' WHERE visit IN (1, 3)""")
    report = predict_visits(survey, [1], redo=True)
    assert list(report.predictions) == [1]
    assert rows(survey, 'SELECT visit, status FROM "Visit" WHERE visit IN (1, 3) ORDER BY visit') == [
        (1, "pending"),
        (3, "done"),
    ]
    change(survey, """UPDATE "Visit" SET status = 'pending'""")
    assert same_rows(survey, tmp_path / "again", before)


def test_a_night_is_made_without_exposures_and_predicted_with_them(survey: Database) -> None:
    report = predict_visits(survey, nights=[NIGHT + 1, NIGHT + 5])
    assert list(report.predictions) == [5]
    assert sorted(report.nights) == [NIGHT + 1, NIGHT + 5]
    assert rows(survey, 'SELECT night, "nObjects", "nLost" FROM "SsEphemerisNight" ORDER BY night') == [
        (NIGHT + 1, 123, 0),
        (NIGHT + 5, 123, 0),
    ]


def test_a_visit_without_observatory_or_place_costs_only_itself(memory: Database) -> None:
    load_orbits(memory, BELT[:5])
    load_visits(
        memory,
        [
            {"visit": 1, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0},
            {"visit": 2, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0, "observatoryCode": None},
            {"visit": 3, "midpointMjdTai": NIGHT + 0.5, "ra": None, "dec": None, "radius": None},
            {"visit": 4, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0, "observatoryCode": "C51"},
            {"visit": 5, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0, "observatoryCode": "?!"},
            {"visit": 6, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0, "radius": None},
        ],
    )
    report = predict_visits(memory)
    assert list(report.predictions) == [1]
    wrong = {2: "observatory=", 3: "its field is not known", 4: "C51", 5: "no observatory", 6: "how large"}
    assert report.failed.keys() == wrong.keys()
    assert all(words in report.failed[visit] for visit, words in wrong.items())
    assert rows(memory, "SELECT visit FROM Visit WHERE predictionsAt IS NULL ORDER BY visit") == [
        (n,) for n in range(2, 7)
    ]
    assert list(predict_visits(memory, [2], observatory="X05").predictions) == [2]


def test_the_field_of_a_visit_may_be_that_of_its_detectors_or_of_its_sources(memory: Database) -> None:
    """An object in the middle of each; another two degrees away in none of them."""
    load_orbits(memory, [at("2002 AA", 1.0, (10.0, 10.0)), at("2002 AB", 1.0, (12.0, 10.0))])
    unknown = {"midpointMjdTai": NIGHT + 0.5, "ra": None, "dec": None, "radius": None}
    load_visits(memory, [{"visit": visit} | unknown for visit in (1, 2)])
    corners = [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
    ssdb.ingest_detectors(
        memory,
        {
            "visit": [1] * 4,
            "detector": [0] * 4,
            "corner": [0, 1, 2, 3],
            "ra": [10 + x for x, _ in corners],
            "dec": [10 + y for _, y in corners],
        },
    )
    ssdb.ingest_sources(
        memory, {"diaSourceId": [1, 2], "visit": [2, 2], "detector": [0, 0], "ra": [9.8, 10.2], "dec": [9.9, 10.1]}
    )
    report = predict_visits(memory)
    assert report.n_of_sources == 1
    assert predicted(memory).keys() == {(1, "2002 AA"), (2, "2002 AA")}


def test_what_is_not_there_is_said(memory: Database) -> None:
    load_visits(memory, VISITS[:1])
    with pytest.raises(NotFoundError, match="ssdb ingest orbits"):
        predict_visits(memory)
    load_orbits(memory, BELT[:1])
    with pytest.raises(NotFoundError, match="visit 77 is not"):
        predict_visits(memory, [1, 77])
    with pytest.raises(EphemerisError, match="outside the planetary ephemeris"):
        predict_visits(memory, nights=[700_000])
    assert rows(memory, "SELECT * FROM SsPrediction") == []


def test_without_anything_to_do_nothing_is_needed(memory: Database) -> None:
    assert predict_visits(memory).predictions == {}


def test_a_simulated_object_keeps_its_name(memory: Database) -> None:
    """Its identifier is that which predictions of it get, too."""
    row = at("2002 AA", 1.0, (10.0, 10.0))
    sorcha = {"ObjID": ["S100cuQfa"], "FORMAT": ["COM"], "q": [row["q"]], "e": [row["e"]], "inc": [row["i"]]}
    sorcha |= {"node": [row["node"]], "argPeri": [row["argperi"]], "t_p_MJD_TDB": [row["peri_time"]]}
    ssdb.ingest_orbits(memory, sorcha | {"epochMJD_TDB": [row["epoch_mjd"]]}, simulated_names=True)
    load_visits(memory, [{"visit": 1, "midpointMjdTai": NIGHT + 0.5, "ra": 10.0, "dec": 10.0}])
    predict_visits(memory)
    ((name, object_id),) = rows(memory, "SELECT designation, ssObjectId FROM SsPrediction")
    assert name == "S100cuQfa"
    assert object_id < 0


# The command


def run(url: str, *arguments: object) -> Result:
    return CliRunner().invoke(main, ["--db", url, "predict", *map(str, arguments)])


def test_the_command_predicts_what_has_no_predictions(survey: Database, database_url: str) -> None:
    result = run(database_url)
    assert result.exit_code == 0, result.output
    assert f"night {NIGHT}: 123 segments made" in result.stdout
    n_predictions = len(predicted(survey))
    assert f"predictions                       {n_predictions}\n" in result.stdout
    again = run(database_url, "--visit", 1, "--redo", "--json")
    assert f'"predictions": {{"1": {sum(visit == 1 for visit, _ in predicted(survey))}}}' in again.stdout
    assert "visits changed" in run(database_url, "--object", "2002 AC", "--redo").stdout
    assert run(database_url, "--night", NIGHT + 3).exit_code == 0


def test_the_command_says_what_could_not_be_predicted(sqlite_url: str) -> None:
    database = connect(sqlite_url)
    load_orbits(database, BELT[:2])
    load_visits(database, [row | {"observatoryCode": None} for row in VISITS[:2]])
    result = run(sqlite_url)
    assert result.exit_code == 1
    assert "visit 1, 2 is not predicted: its observatory is not known" in result.stderr
    assert run(sqlite_url, "--observatory", "X05").exit_code == 0
    database.close()


@pytest.mark.parametrize(
    "arguments",
    [("--redo",), ("--object", "433"), ("--pending", "--visit", "1"), ("--pending", "--redo"), ("--visit", "x")],
)
def test_wrong_usage(sqlite_url: str, arguments: tuple[str, ...]) -> None:
    assert run(sqlite_url, *arguments).exit_code == 2
