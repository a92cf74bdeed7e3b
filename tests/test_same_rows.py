"""The same input gives the same rows: again, in another order, in other batches, on the other database."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from small_surveys import CENTRES, Survey, beside, designation, differences, exported, load_night, random_survey, rows

import ssdb.association.associate as associate_module
from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.simulate import Night, SimulationConfig, simulate_night
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

UNCERTAINTY = AssociationConfig(mode="uncertainty")


@pytest.fixture(scope="module")
def night() -> Night:
    """A small night: 0h, a pole, contention, motion during the exposure."""
    sizes = {"n_visits": 7, "n_sources": 150, "n_objects": 60, "field_radius_deg": 0.3, "shutter_seconds": 20.0}
    return simulate_night(SimulationConfig(seed=5, n_detectors=4, **sizes))


@pytest.fixture
def associated(database: Database, night: Night, tmp_path: Path) -> dict[str, pa.Table]:
    """The tables after the night was loaded and associated."""
    load_night(database, night)
    associate(database)
    found = exported(database, tmp_path)
    assert found["SSSource"].num_rows > 100
    return found


def test_again_and_in_other_batches(
    database: Database, associated: dict[str, pa.Table], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run changes nothing, and how many visits share a transaction is nobody's business."""
    assert associate(database, everything=True).failed == {}
    assert differences(associated, exported(database, tmp_path)) == []
    associate(database, associated["Visit"]["visit"].to_pylist()[1::2])
    assert differences(associated, exported(database, tmp_path)) == []
    for size in (1, 3):
        monkeypatch.setattr(associate_module, "_VISITS_PER_BATCH", size)
        associate(database, everything=True)
        assert differences(associated, exported(database, tmp_path)) == []


def test_from_shuffled_files(associated: dict[str, pa.Table], night: Night, tmp_path: Path) -> None:
    """The order of the rows in the files leaves no trace; an in-memory database gives the same, too."""
    other = connect()
    load_night(other, night, np.random.default_rng(1))
    associate(other)
    assert differences(associated, exported(other, tmp_path)) == []
    other.close()


@pytest.mark.parametrize(
    "config", [AssociationConfig(radius_arcsec=20.0), UNCERTAINTY, replace(UNCERTAINTY, method="greedy")]
)
def test_on_both_databases(
    sqlite_url: str, postgresql_url: str, night: Night, tmp_path: Path, config: AssociationConfig
) -> None:
    """Exports sorted by key are equal, to the last bit."""
    found = []
    for url in (sqlite_url, postgresql_url):
        database = connect(url)
        load_night(database, night)
        associate(database, config=config)
        found.append(exported(database, tmp_path))
        database.close()
    assert differences(*found) == []
    assert found[0]["SSSource"].num_rows > 100
    assert found[0]["SsCandidate"].num_rows > found[0]["SSSource"].num_rows


@pytest.mark.parametrize("footprints", ["none", "corners", "mixed"])
def test_small_surveys_on_both_databases(sqlite_url: str, postgresql_url: str, tmp_path: Path, footprints: str) -> None:
    """Crowded fields at all places, with and without outlines."""
    found = []
    for url in (sqlite_url, postgresql_url):
        database = connect(url)
        for seed in range(4):
            random_survey(seed, 1 + 10 * seed, footprints).load(database)
        associate(database, config=replace(UNCERTAINTY, n_sigma=5.0))
        found.append(exported(database, tmp_path))
        database.close()
    assert differences(*found) == []
    assert found[0]["SsCandidate"].num_rows > found[0]["SSSource"].num_rows > 5


def test_a_changed_configuration_changes_what_it_should_and_going_back_restores(
    database: Database, associated: dict[str, pa.Table], tmp_path: Path
) -> None:
    """The other ecliptic changes two columns, an option of the other mode nothing, radius and mode the results."""

    def changed(**options: Any) -> set[str]:
        associate(database, everything=True, config=AssociationConfig(**options))
        return set(differences(associated, exported(database, tmp_path)))

    assert changed(ecliptic="true") == {"SSSource.eclLambda", "SSSource.eclBeta"}
    assert changed(n_sigma=5.0, max_radius_arcsec=60.0) == set()
    for options in ({"radius_arcsec": 0.2}, {"radius_arcsec": 30.0}, {"mode": "uncertainty"}):
        tables = {name.partition(".")[0] for name in changed(**options)}
        assert {"SsCandidate", "SSSource", "DiaSource"} <= tables
        assert tables <= {"SsCandidate", "SSSource", "SsExpected", "Visit", "VisitDetector", "DiaSource"}
        inputs = [name for name in changed(**options) if name.startswith("DiaSource")]
        assert inputs == ["DiaSource.ssObjectId"]
    assert changed() == set()


def test_the_method_changes_the_choice_and_not_the_candidates(database: Database, tmp_path: Path) -> None:
    """Greedy and optimal choose from the same pairs, and differ where objects contend."""
    survey = Survey()
    survey.add_visit()
    for field, centre in enumerate(CENTRES):
        survey.add_prediction(2 * field, *centre)
        survey.add_prediction(2 * field + 1, *beside(*centre, -0.5, 0.0))
        survey.add_source(2 * field, *beside(*centre, -0.2, 0.0))
        survey.add_source(2 * field + 1, *beside(*centre, 0.6, 0.0))
    survey.load(database)
    associate(database)
    optimal = exported(database, tmp_path)
    associate(database, everything=True, config=AssociationConfig(method="greedy"))
    greedy = exported(database, tmp_path)
    assert (optimal["SSSource"].num_rows, greedy["SSSource"].num_rows) == (14, 7)
    candidates = optimal["SsCandidate"].column_names
    candidates.remove("chosen")
    assert optimal["SsCandidate"].select(candidates) == greedy["SsCandidate"].select(candidates)
    associate(database, everything=True)
    assert differences(optimal, exported(database, tmp_path)) == []


def test_other_identifiers_give_the_same_matches(database: Database) -> None:
    """Sources numbered, and objects named, in the opposite order: the same places belong together."""
    survey, n = random_survey(14, 1), 40
    names = {designation(number): designation(n - number) for number in range(n + 1)}
    visit, source = max(survey.ids), max(row["diaSourceId"] for row in survey.sources)
    other = replace(
        survey,
        visits=[row | {"visit": 2 * visit + 1 - row["visit"]} for row in survey.visits],
        predictions=[
            row | {"visit": 2 * visit + 1 - row["visit"], "designation": names[row["designation"]]}
            for row in survey.predictions
        ],
        sources=[
            row | {"visit": 2 * visit + 1 - row["visit"], "diaSourceId": 2 * source + 1 - row["diaSourceId"]}
            for row in survey.sources
        ],
    )
    survey.load(database)
    other.load(database)
    associate(database, config=AssociationConfig(radius_arcsec=3.0))
    matches = {row[:2]: row[2:] for row in rows(database, 'SELECT visit, "diaSourceId", designation FROM "SSSource"')}
    first = {key: name for key, (name,) in matches.items() if key[0] <= visit}
    second = {key: name for key, (name,) in matches.items() if key[0] > visit}
    assert len(first) > 5
    assert second == {
        (2 * visit + 1 - v, 2 * source + 1 - identifier): names[name] for (v, identifier), name in first.items()
    }
