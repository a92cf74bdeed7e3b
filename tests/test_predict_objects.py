"""Single objects predicted again: exactly the visits that a changed orbit touches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from predicting import (
    BELT,
    NEAR,
    NIGHT,
    VISITS,
    at,
    brute_force,
    check_positions,
    load_orbits,
    load_survey,
    load_visits,
    predicted,
    same_rows,
)
from small_surveys import change, exported, rows

from ssdb.errors import NotFoundError
from ssdb.predict.one_object import predict_objects
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


@pytest.fixture
def memory() -> Iterator[Database]:
    """An empty database in memory, for what is the same on both."""
    opened = connect()
    yield opened
    opened.close()


@pytest.fixture
def survey(database: Database) -> Database:
    """Orbits and visits."""
    return load_survey(database)


def test_an_object_with_a_new_orbit_changes_exactly_the_exposures_that_it_leaves_or_enters(survey: Database) -> None:
    """It was in the field of 1 and is now in that of 3; the predictions of all others stay."""
    predict_visits(survey)
    before = predicted(survey)
    change(survey, """UPDATE "Visit" SET status = 'done'""")
    moved = at("2002 AC", 1.2, (180.0, 1.0), 0.005)
    load_orbits(survey, [moved])
    report = predict_objects(survey, ["2002 AC"])
    left = {visit for visit, name in before if name == "2002 AC"}
    entered = {visit for visit, _ in brute_force([moved], VISITS)}
    assert left == {1, 5}
    assert entered == {3}
    assert report.predictions == {1: 0, 3: 1, 5: 0}
    assert report.n_left == 2
    assert rows(survey, """SELECT visit FROM "Visit" WHERE status = 'pending' ORDER BY visit""") == [(1,), (3,), (5,)]
    after = predicted(survey)
    assert {key for key in after if key[1] == "2002 AC"} == {(3, "2002 AC")}
    check_positions({(3, "2002 AC"): after[3, "2002 AC"]}, brute_force([moved], VISITS))
    assert {k: v for k, v in after.items() if k[1] != "2002 AC"} == {
        k: v for k, v in before.items() if k[1] != "2002 AC"
    }


def test_an_object_whose_orbit_is_the_same_changes_nothing(survey: Database, tmp_path: Path) -> None:
    """Whatever way its predictions came: from segments, or straight from the orbit."""
    predict_visits(survey)
    before = exported(survey, tmp_path)
    report = predict_objects(survey, ["2002 AA", "2002 AC", BELT[0]["designation"]])
    assert (report.predictions, report.n_left) == ({}, 5)
    assert same_rows(survey, tmp_path / "again", before)


def test_a_brighter_object_changes_its_exposures(memory: Database) -> None:
    load_orbits(memory, NEAR)
    load_visits(memory, VISITS)
    predict_visits(memory)
    load_orbits(memory, [NEAR[2] | {"h": 19.0}])
    assert predict_objects(memory, ["2002 AC"]).predictions.keys() == {1, 5}
    assert predict_objects(memory, ["2002 AC"]).predictions == {}


def test_one_object_in_some_exposures_only(memory: Database) -> None:
    """Neither others nor those that have no predictions yet."""
    load_orbits(memory, NEAR[:2])
    load_visits(memory, VISITS)
    predict_visits(memory, [1, 2, 3])
    load_orbits(memory, NEAR[2:])
    assert predict_objects(memory, ["2002 AC"], [2, 3]).predictions == {}
    assert predict_objects(memory, ["2002 AC"]).predictions == {1: 1}
    assert predict_objects(memory, ["2002 AC"], nights=[NIGHT + 1]).predictions == {}


def test_an_object_without_an_orbit_is_an_error(memory: Database) -> None:
    load_orbits(memory, BELT[:1])
    with pytest.raises(NotFoundError, match=r"2015 MQ204.*has no orbit in mpc_orbits"):
        predict_objects(memory, ["2015 MQ204"])
    with pytest.raises(NotFoundError, match="Nobody"):
        predict_objects(memory, ["Nobody at all"])
