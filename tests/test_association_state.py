"""What association notes about visits and detectors, what it leaves for later, and what a failure costs."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from small_surveys import MJD, Survey, beside, change, designation, differences, exported, random_survey, rows

import ssdb
import ssdb.association.associate as associate_module
from ssdb.ask.status import run_status, status, visit_status
from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError, ConfigError, NotFoundError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

COUNTS = '"nSources", "nTotalSsObjects", "nAssociatedSsObjects"'
CENTRE = (10.0, 20.0)


def at(east: float, north: float) -> tuple[float, float]:
    """A position so many arcseconds from the centre of the field."""
    return beside(*CENTRE, east, north)


def two_detectors() -> Survey:
    """Two squares of 100 arcsec, 4 apart, with pixels of an arcsecond; the radius is 5 arcsec in these tests.

    Object 0 is on detector 0 and seen, 1 there and not seen; 2 and 3 are 3 arcsec below it, seen and not seen; 4 is 20
    below it; 5 is between the two, 1.5 from detector 1 and 2.5 from 0, and seen on 1, though a source on 0 is nearer;
    6 is on detector 1 and not seen.
    """
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *at(-52, 0), 50, pixelScale=1.0)
    survey.add_square(1, *at(52, 0), 50, pixelScale=1.0)
    places = [(-60, 10), (-60, -20), (-60, -53), (-80, -53), (-30, -70), (0.5, 30), (60, 10)]
    for number, place in enumerate(places):
        survey.add_prediction(number, *at(*place))
    survey.add_source(100, *at(-60.5, 10), detector=0)
    survey.add_source(102, *at(-60, -50), detector=0)
    survey.add_source(105, *at(-0.5, 30), detector=0)
    survey.add_source(205, *at(2.5, 30), detector=1)
    survey.add_source(300, *at(90, 40), detector=1)
    return survey


CLOSE = AssociationConfig(radius_arcsec=5.0)


def test_objects_in_the_padding_count_only_with_a_source(database: Database) -> None:
    """By hand: object 3 is in the padding and unseen, 4 too far out, 5 of the detector that it is nearer to."""
    two_detectors().load(database)
    associate(database, config=CLOSE)
    assert rows(database, f'SELECT detector, status, {COUNTS} FROM "VisitDetector" ORDER BY 1') == [
        (0, "done", 3, 3, 2),
        (1, "done", 2, 2, 1),
    ]
    assert rows(database, f'SELECT visit, status, {COUNTS} FROM "Visit"') == [(1, "done", 5, 5, 3)]
    sql = """SELECT p.designation, e.detector, e."edgeDistance", e."diaSourceId", e."nCandidates"
             FROM "SsExpected" e JOIN "SsPrediction" p ON p."ssObjectId" = e."ssObjectId" ORDER BY 1"""
    expected = rows(database, sql)
    assert [(row[0], row[1], round(row[2], 1), *row[3:]) for row in expected] == [
        (designation(0), 0, 40.0, 100, 1),
        (designation(1), 0, 30.0, None, 0),
        (designation(2), 0, -3.0, 102, 1),
        (designation(3), 0, -3.0, None, 0),
        (designation(5), 1, -1.5, 205, 1),
        (designation(6), 1, 40.0, None, 0),
    ]
    unseen = rows(database, 'SELECT designation, detector FROM "UnassociatedSsObject" ORDER BY 1')
    assert unseen == [(designation(1), 0), (designation(6), 1)]


@pytest.mark.parametrize(("margin", "last"), [(100, 4), (3, 3), (2, 2), (0, 2)])
def test_the_padding_is_the_radius_but_at_most_the_margin(database: Database, margin: int, last: int) -> None:
    """Objects 1.5, 2.5 and 4.5 arcsec below a detector with pixels of an arcsecond, and a radius of 4.8."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *CENTRE, 50, pixelScale=1.0)
    for number, below in enumerate((-10.0, 1.5, 2.5, 4.5), 1):
        survey.add_prediction(number, *at(5 * number, -50 - below))
    survey.load(database)
    associate(database, config=AssociationConfig(radius_arcsec=4.8, max_pixel_margin=margin))
    expected = [(designation(number),) for number in range(1, {0: 1}.get(margin, last) + 1)]
    sql = 'SELECT designation FROM "SsPrediction" WHERE "ssObjectId" IN (SELECT "ssObjectId" FROM "SsExpected")'
    assert rows(database, f"{sql} ORDER BY 1") == expected


def test_without_footprints_every_prediction_is_expected(database: Database) -> None:
    """On no detector; the visit has totals, its detectors have only their sources."""
    survey = replace(two_detectors(), corners=[])
    survey.load(database)
    associate(database, config=CLOSE)
    assert rows(database, f'SELECT {COUNTS} FROM "Visit"') == [(5, 7, 3)]
    assert rows(database, f'SELECT {COUNTS} FROM "VisitDetector" ORDER BY detector') == [
        (3, None, None),
        (2, None, None),
    ]
    where = rows(database, 'SELECT count(*), count(detector), count("edgeDistance") FROM "SsExpected"')
    assert where == [(7, 0, 0)]


def test_exposures_without_sources_or_objects_are_done_all_the_same(database: Database) -> None:
    """Processed and empty is not unknown: zeros, not NULL."""
    survey = Survey()
    for visit in (1, 2, 3, 4):
        survey.add_visit(visit)
    survey.add_source(1, *CENTRE, 1)
    survey.add_prediction(0, *CENTRE, 2)
    survey.add_square(0, *CENTRE, 50, 4)
    survey.load(database)
    report = associate(database)
    assert rows(database, f'SELECT visit, status, {COUNTS} FROM "Visit" ORDER BY 1') == [
        (1, "done", 1, 0, 0),
        (2, "done", 0, 1, 0),
        (3, "done", 0, 0, 0),
        (4, "done", 0, 0, 0),
    ]
    assert rows(database, f'SELECT visit, status, {COUNTS} FROM "VisitDetector" ORDER BY 1') == [
        (1, "done", 1, None, None),
        (4, "done", 0, 0, 0),
    ]
    assert report.totals == {"nSources": 1, "nTotalSsObjects": 1, "nAssociatedSsObjects": 0}


def test_exposures_whose_predictions_were_never_loaded_wait(database: Database) -> None:
    """They are counted and stay pending; asked for by name they are an error that says what to do."""
    ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    ingest_sources(database, {"diaSourceId": [1, 2, 3], "visit": [1, 2, 3], "ra": [10.0] * 3, "dec": [20.0] * 3})
    ingest_predictions(database, {"visit": [2], "designation": ["433"], "ephRa": [10.0], "ephDec": [20.0]})
    for everything in (False, True):
        report = associate(database, everything=everything)
        assert [outcome.visit for outcome in report.visits] == [2]
        assert report.n_without_predictions == 2
    assert rows(database, 'SELECT visit, status FROM "Visit" ORDER BY 1') == [
        (1, "pending"),
        (2, "done"),
        (3, "pending"),
    ]
    assert status(database)["without_predictions"] == 2
    with pytest.raises(NotFoundError, match=r"visit 3: .*complete=True"):
        associate(database, [2, 3])
    assert rows(database, 'SELECT "ssObjectId" FROM "DiaSource" WHERE visit <> 2') == [(None,), (None,)]


def test_what_is_not_there_cannot_be_associated(database: Database) -> None:
    """Unknown visits, and detectors of no visit."""
    with pytest.raises(NotFoundError, match="visit 7 is not in the database"):
        associate(database, [7])
    with pytest.raises(ConfigError, match="detectors= needs visits="):
        associate(database, detectors=[1])
    assert associate(database).visits == []


@pytest.mark.parametrize("seed", [0, 1, 9])
@pytest.mark.parametrize("mode", ["fixed", "uncertainty"])
def test_detectors_one_by_one_are_the_whole_exposure(database: Database, tmp_path: Path, seed: int, mode: str) -> None:
    """With all footprints there each detector alone gives its part of the rows; the last makes the visit done."""
    config = AssociationConfig(mode=mode, radius_arcsec=3.0)
    survey = random_survey(seed, 1, "corners")
    survey.load(database)
    for detector in (1, 0):
        assert set(rows(database, 'SELECT status FROM "Visit"')) == {("pending",)}
        assert not associate(database, survey.ids, detectors=[detector], config=config).failed
    alone = exported(database, tmp_path)
    assert set(alone["Visit"]["status"].to_pylist()) == {"done"}
    change(database, "UPDATE \"Visit\" SET status = 'pending'")
    associate(database, config=config)
    assert differences(exported(database, tmp_path), alone) == []
    assert alone["SsExpected"].num_rows > 0


def test_a_detector_again_leaves_the_others_of_all_exposures(database: Database, tmp_path: Path) -> None:
    """An object that is on detector 0 in one visit and on detector 1 in the next keeps both of its rows."""
    survey = Survey()
    for visit, east in ((1, -60), (2, 60)):
        survey.add_visit(visit)
        survey.add_square(0, *at(-52, 0), 50, visit, pixelScale=1.0)
        survey.add_square(1, *at(52, 0), 50, visit, pixelScale=1.0)
        survey.add_prediction(0, *at(east, 0), visit)
        survey.add_source(visit, *at(east, 0.5), visit, detector=visit - 1)
    survey.load(database)
    associate(database)
    before = exported(database, tmp_path)
    assert before["SsExpected"]["detector"].to_pylist() == [0, 1]
    associate(database, [1, 2], detectors=[0])
    assert differences(before, exported(database, tmp_path)) == []


def test_a_detector_again_keeps_the_objects_that_are_on_none(database: Database, tmp_path: Path) -> None:
    """Where one detector has no footprint, objects may be on it: the visit's totals have them before and after."""
    survey = two_detectors()
    survey.corners = [row for row in survey.corners if row["detector"] == 0]
    survey.load(database)
    associate(database, config=CLOSE)
    before = exported(database, tmp_path)
    # On detector 0: objects 0, 1, 2 and, in its padding, 5 with the source there. On none: 4 and 6.
    assert rows(database, f'SELECT {COUNTS} FROM "Visit"') == [(5, 6, 3)]
    report = associate(database, [1], detectors=[0], config=CLOSE)
    assert [(v.n_sources, v.n_total_ss_objects, v.n_associated_ss_objects) for v in report.visits] == [(3, 4, 3)]
    assert differences(before, exported(database, tmp_path)) == []


def test_an_object_that_moves_to_another_footprint_is_in_one_place(database: Database) -> None:
    """With a wider margin an object between two detectors is on the other one: it never has two rows."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *at(-61, 0), 50, pixelScale=0.1)
    survey.add_square(1, *at(65, 0), 50, pixelScale=1.0)
    survey.add_prediction(0, *at(0, 0))
    survey.add_source(1, *at(-4, 0), detector=0)
    survey.add_source(2, *at(4, 0), detector=1)
    survey.load(database)
    config = AssociationConfig(radius_arcsec=20.0)
    associate(database, config=config)
    assert rows(database, 'SELECT "diaSourceId" FROM "SSSource"') == [(2,)]  # 100 pixels of detector 0 are 10
    associate(database, [1], detectors=[0], config=replace(config, max_pixel_margin=1000))
    assert rows(database, 'SELECT detector, "diaSourceId" FROM "SsExpected"') == [(0, 1)]
    for table in ("SSSource", "SsCandidate"):
        assert rows(database, f'SELECT "diaSourceId" FROM "{table}"') == [(1,)]
    assert rows(database, 'SELECT "diaSourceId" FROM "DiaSource" WHERE "ssObjectId" IS NOT NULL') == [(1,)]


@pytest.mark.parametrize(("detector", "message"), [(1, "no footprint"), (9, "no such detector")])
def test_a_detector_without_footprint_cannot_be_associated_alone(
    database: Database, detector: int, message: str
) -> None:
    """That is told for the visit concerned; another one, where the detector has one, is done."""
    survey = Survey()
    for visit in (1, 2):
        survey.add_visit(visit)
        survey.add_square(0, *at(-52, 0), 50, visit)
        survey.add_prediction(0, *at(-60, 0), visit)
        survey.add_source(visit, *at(60, 0), visit, detector=1)
    survey.add_square(detector, *at(52, 0), 50, 2)
    survey.load(database)
    report = associate(database, [1, 2], detectors=[detector])
    assert list(report.failed) == [1]
    assert message in report.failed[1]
    assert [outcome.visit for outcome in report.visits] == [2]
    states = rows(database, 'SELECT status FROM "VisitDetector" WHERE visit = 1')
    assert set(states) == {("pending",)}


@pytest.mark.parametrize("mode", ["fixed", "uncertainty"])
def test_a_detector_that_is_not_there_is_told_when_the_others_are_done(database: Database, mode: str) -> None:
    """Also beside one that is there; in uncertainty mode the done ones are associated with those that are asked for."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *at(-52, 0), 50)
    survey.add_prediction(0, *at(-60, 0))
    survey.add_source(1, *at(-60, 0))
    survey.load(database)
    config = AssociationConfig(mode=mode)
    assert not associate(database, config=config).failed
    for detectors in ([9], [0, 9]):
        assert associate(database, [1], detectors=detectors, config=config).failed == {
            1: "visit 1 has no such detector: 9"
        }
    assert not associate(database, [1], detectors=[0, 0], config=config).failed


def test_new_rows_make_their_exposure_pending_and_it_is_done_again(database: Database) -> None:
    """Sources, predictions and another outline after the first run are all in the result of the second."""
    survey = Survey()
    for visit in (1, 2, 3, 4):
        survey.add_visit(visit)
        survey.add_prediction(visit, *at(0, 0), visit)
    survey.add_square(0, *CENTRE, 50, 3)
    survey.load(database)
    associate(database)
    ingest_sources(database, {"diaSourceId": [1], "visit": [1], "ra": [CENTRE[0]], "dec": [CENTRE[1]]})
    ingest_predictions(database, {"visit": [2], "designation": ["433"], "ephRa": [10.0], "ephDec": [20.0]})
    other = Survey()
    other.add_square(0, *at(200, 0), 50, 3)
    ingest_detectors(database, {name: [row[name] for row in other.corners] for name in other.corners[0]})
    assert rows(database, "SELECT visit FROM \"Visit\" WHERE status = 'pending' ORDER BY 1") == [(1,), (2,), (3,)]
    report = associate(database)
    assert [outcome.visit for outcome in report.visits] == [1, 2, 3]
    assert rows(database, f'SELECT {COUNTS} FROM "Visit" ORDER BY visit') == [
        (1, 1, 1),
        (0, 2, 0),
        (0, 0, 0),
        (0, 1, 0),
    ]


@pytest.fixture
def five(database: Database) -> Database:
    """Five visits with one object and its source each."""
    survey = Survey()
    for visit in range(1, 6):
        survey.add_visit(visit)
        survey.add_prediction(0, *CENTRE, visit)
        survey.add_source(visit, *at(0.5, 0), visit)
    survey.load(database)
    return database


def test_an_exposure_that_fails_costs_only_itself(five: Database) -> None:
    """A source half an hour off is told with its visit, which stays as it was; the others are done."""
    change(five, 'UPDATE "DiaSource" SET "midpointMjdTai" = "midpointMjdTai" + 0.021 WHERE visit = 3')
    change(five, 'UPDATE "VisitDetector" SET "lastSourceMjdTai" = "lastSourceMjdTai" + 0.021 WHERE visit = 3')
    report = associate(five)
    assert [outcome.visit for outcome in report.visits] == [1, 2, 4, 5]
    assert list(report.failed) == [3]
    assert "visit 3" in report.failed[3]
    assert "0.021" in report.failed[3]
    assert rows(five, 'SELECT visit FROM "SSSource" ORDER BY 1') == [(1,), (2,), (4,), (5,)]
    assert rows(five, f'SELECT status, "runId", {COUNTS} FROM "Visit" WHERE visit = 3') == [("pending", *[None] * 4)]
    assert rows(five, 'SELECT "nVisits", "nFailed", "nSources" FROM "AssociationRun"') == [(4, 1, 4)]


def test_an_exposure_that_was_done_and_fails_keeps_its_result(five: Database, tmp_path: Path) -> None:
    """All of a failed attempt is undone."""
    associate(five)
    change(five, 'UPDATE "DiaSource" SET "midpointMjdTai" = "midpointMjdTai" + 0.021 WHERE visit = 3')
    change(five, 'UPDATE "VisitDetector" SET "lastSourceMjdTai" = "lastSourceMjdTai" + 0.021 WHERE visit = 3')
    before = exported(five, tmp_path)
    report = associate(five, everything=True, config=AssociationConfig(radius_arcsec=0.1))
    assert list(report.failed) == [3]
    after = exported(five, tmp_path)
    for name in ("SSSource", "SsCandidate"):
        assert after[name].to_pylist() == [row for row in before[name].to_pylist() if row["visit"] == 3]


def test_a_source_whose_object_stays_the_same_is_not_written_again(postgresql_url: str) -> None:
    """ctid is where a row is stored: a row that is written again is elsewhere."""
    database = connect(postgresql_url)
    random_survey(5, 1).load(database)
    places = 'SELECT "diaSourceId", ctid::text, "ssObjectId" FROM "DiaSource" ORDER BY 1'
    associate(database)
    before = rows(database, places)
    assert any(object_id for _, _, object_id in before)
    associate(database, everything=True)
    assert rows(database, places) == before
    associate(database, everything=True, config=AssociationConfig(radius_arcsec=1e-3))
    after = rows(database, places)
    for (_, place, object_id), (_, new_place, new_object_id) in zip(before, after, strict=True):
        assert (place == new_place) == (object_id == new_object_id)
    matched = rows(database, 'SELECT "diaSourceId", "ssObjectId" FROM "SSSource" ORDER BY 1')
    assert [(source, object_id) for source, _, object_id in after if object_id] == matched
    database.close()


@pytest.mark.parametrize("step", ["replace_results", "write_state"])
def test_all_is_written_or_nothing(five: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """A failure after rows were written leaves no row, no ssObjectId and no state behind."""
    associate(five, [1, 2])
    before = exported(five, tmp_path)
    real = getattr(associate_module, step)

    def failing(*arguments: object) -> object:
        real(*arguments)
        raise AssociationError("on purpose")

    monkeypatch.setattr(associate_module, step, failing)
    report = associate(five, everything=True, config=AssociationConfig(radius_arcsec=0.1))
    assert report.failed == dict.fromkeys(range(1, 6), "on purpose")
    assert differences(before, exported(five, tmp_path)) == []


def test_a_run_is_on_record(five: Database) -> None:
    """With its configuration, its counts, its stages and the visits that it did."""
    config = AssociationConfig(radius_arcsec=0.7, method="greedy")
    begun = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=1)
    steps: list[tuple[int, int]] = []
    report = associate(five, config=config, progress=lambda done, of_all: steps.append((done, of_all)))
    assert sum(done for done, _ in steps) == 5
    assert {of_all for _, of_all in steps} == {5}
    [run] = rows(five, 'SELECT "runId", configuration, "nVisits", "nFailed", timings FROM "AssociationRun"')
    assert run[0] == report.run_id
    assert AssociationConfig.from_json(run[1]) == config
    assert run[2:4] == (5, 0)
    timings = json.loads(run[4])
    total = timings.pop("total")["seconds"]
    stages = ["claim", "read", "footprints", "join", "refine", "assign", "derive", "write", "commit"]
    assert list(timings) == stages
    assert all(stage["seconds"] >= 0 for stage in timings.values())
    assert total == pytest.approx(report.seconds, abs=1e-6)
    # PostgreSQL has two batches at a time.
    at_a_time = 2 if five.dialect == "postgresql" else 1
    assert sum(stage["seconds"] for stage in timings.values()) <= total * at_a_time
    # One source and one prediction a visit, on one detector: rows of SsExpected, SsCandidate and SSSource are written.
    counted = {"claim": 5, "read": 10, "footprints": 5, "join": 5, "refine": 5, "assign": 5, "derive": 5, "write": 15}
    assert {name: timings[name]["rows"] for name in counted} == counted
    totals = rows(five, 'SELECT "nSources", "nTotalSsObjects", "nAssociatedSsObjects" FROM "AssociationRun"')
    assert totals == [(5, 5, 5)]
    for table in ("Visit", "VisitDetector"):
        assert set(rows(five, f'SELECT status, "runId" FROM "{table}"')) == {("done", report.run_id)}
    state = visit_status(five, [1])[0]
    assert "sourceCounts" not in state["detectors"][0]
    assert begun <= state["associatedAt"] <= datetime.now(UTC).replace(tzinfo=None)
    assert associate(five).visits == []
    assert rows(five, 'SELECT count(*) FROM "AssociationRun"') == [(2,)]


def _many(n_visits: int) -> Survey:
    survey = Survey()
    for visit in range(1, n_visits + 1):
        survey.add_visit(visit)
        for number in range(4):
            survey.add_prediction(number, *at(10 * number, 0), visit)
            survey.add_source(10 * visit + number, *at(10 * number + 0.1 * (visit % 7), 0.2), visit)
    return survey


def test_two_workers_share_the_exposures(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each visit is done exactly once, by the one or the other, and the rows are those of a single worker."""
    monkeypatch.setattr(associate_module, "_VISITS_PER_BATCH", 3)
    database = connect(database_url)
    _many(40).load(database)
    start = threading.Barrier(2)

    def work() -> list[int]:
        worker = connect(database_url)
        start.wait()
        report = associate(worker)
        worker.close()
        assert not report.failed
        return [outcome.visit for outcome in report.visits]

    with ThreadPoolExecutor(2) as pool:
        done = [future.result() for future in [pool.submit(work), pool.submit(work)]]
    # One that finds everything claimed at the end leaves; what it left is in the hands of the other.
    assert sorted(done[0] + done[1]) == list(range(1, 41))
    together = exported(database, tmp_path)
    associate(database, everything=True)
    assert differences(together, exported(database, tmp_path)) == []
    database.close()


def test_a_worker_passes_over_what_another_has_claimed(postgresql_url: str) -> None:
    """A visit that is locked is left to whoever has it; asked for by name it is waited for."""
    database, other = connect(postgresql_url), connect(postgresql_url)
    _many(3).load(database)
    with other.writing() as connection:
        connection.execute(sa.text('SELECT visit FROM "Visit" WHERE visit = 2 FOR UPDATE'))
        assert [outcome.visit for outcome in associate(database).visits] == [1, 3]
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(associate, database, [2])
            time.sleep(0.3)
            assert not waiting.done()
            connection.rollback()
            assert [outcome.visit for outcome in waiting.result(timeout=30).visits] == [2]
    database.close()
    other.close()


def test_ingest_and_associate_at_once_lose_nothing(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sources that arrive while their visits are associated are in the result in the end."""
    monkeypatch.setattr(associate_module, "_VISITS_PER_BATCH", 2)
    database = connect(database_url)
    survey = _many(15)
    late = [row for row in survey.sources if row["diaSourceId"] % 10 >= 2]
    replace(survey, sources=[row for row in survey.sources if row["diaSourceId"] % 10 < 2]).load(database)
    finished = threading.Event()

    def ingest() -> None:
        writer = connect(database_url)
        for start in range(0, len(late), 3):
            part = late[start : start + 3]
            ingest_sources(writer, {name: [row[name] for row in part] for name in part[0]})
        writer.close()
        finished.set()

    def work() -> int:
        worker, n = connect(database_url), 0
        while not finished.is_set():
            report = associate(worker)
            assert not report.failed
            n += len(report.visits)
        worker.close()
        return n

    with ThreadPoolExecutor(2) as pool:
        writing, working = pool.submit(ingest), pool.submit(work)
        writing.result()
        assert working.result() >= 15
    associate(database)
    assert rows(database, 'SELECT sum("nSources") FROM "Visit" WHERE status = \'done\'') == [(60,)]
    found = exported(database, tmp_path)
    associate(database, everything=True)
    assert differences(found, exported(database, tmp_path)) == []
    database.close()


def test_whatever_goes_wrong_costs_its_visit_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is no error of ssdb's, such as a lack of memory."""
    ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [60000.1] * 3})
    ingest_sources(database, {"diaSourceId": [1, 2, 3], "visit": [1, 2, 3], "ra": [10.0] * 3, "dec": [0.0] * 3})
    predictions = {"visit": [1, 2, 3], "designation": ["433"] * 3, "ephRa": [10.0] * 3, "ephDec": [0.0] * 3}
    ingest_predictions(database, predictions)
    real = associate_module.match

    def failing(exposures: Any, *rest: Any) -> Any:
        if 2 in exposures.visits:
            raise MemoryError("too large")
        return real(exposures, *rest)

    monkeypatch.setattr(associate_module, "match", failing)
    report = associate(database)
    assert [outcome.visit for outcome in report.visits] == [1, 3]
    assert report.failed == {2: "MemoryError: too large"}
    assert status(database)["pending"] == 1


def test_the_metadata_of_a_run_can_be_asked_for(five: Database) -> None:
    """By its identifier or as the last; the counts have the names of Rubin's metadata."""
    with pytest.raises(NotFoundError, match="nothing has been associated yet"):
        run_status(five, "last")
    first = associate(five, [1], config=AssociationConfig(radius_arcsec=0.7))
    second = associate(five)
    asked = run_status(five, first.run_id)
    assert asked["runId"] == first.run_id
    assert asked["configuration"]["radius_arcsec"] == 0.7
    assert (asked["nVisits"], asked["nExpectedSsObjects"], asked["nAssociatedSsObjects"]) == (1, 1, 1)
    assert asked["timings"]["join"]["rows"] == 1
    assert asked["ssdbVersion"] == ssdb.__version__
    assert run_status(five, "last") == run_status(five, second.run_id)
    assert run_status(five, "last")["nVisits"] == 4
    with pytest.raises(NotFoundError, match="run 17 is not in the database"):
        run_status(five, "17")
