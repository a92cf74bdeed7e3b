"""Positions and times of the user's own against predictions and sources: as a plain loop over all pairs finds them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import QTable, Table
from brute_force import moved, separation, unit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from queried_survey import IDS, QueriedSurvey, Row
from small_surveys import CENTRES, beside

import ssdb
from ssdb.ask.named_queries import named_query
from ssdb.store.database import Database

MJD = 60000.0
RADIUS = 5.0
RATES = st.just(0.0) | st.floats(1e-9, 9) | st.floats(-9, -1e-9)
"""Those that are smaller the plain loop takes for zero."""


def _survey(place: int) -> QueriedSurvey:
    """Five visits within an hour of a day of its own, each with moving objects and sources around a centre."""
    rng = np.random.default_rng(place)
    survey, centre = QueriedSurvey(), CENTRES[place]
    for visit in range(10 * place + 1, 10 * place + 6):
        mjd = MJD + place + 0.01 * (visit % 10)
        field = {"ra": centre[0], "dec": centre[1], "radius": 0.1} if place % 2 and visit % 10 != 3 else {}
        survey.add("Visit", visit=visit, midpointMjdTai=mjd, status="done", **field)
        for number in rng.permutation(20)[:12] + 1:
            ra, dec = beside(*centre, *rng.uniform(-20, 20, 2))
            rates = rng.normal(0, 0.02, 2) if rng.random() < 0.8 else (None, None)
            prediction = {"ephRa": ra, "ephDec": dec, "ephRateRa": rates[0], "ephRateDec": rates[1]}
            key = {"visit": visit, "ssObjectId": IDS[number]}
            survey.add("SsPrediction", **key, designation=str(number), midpointMjdTai=mjd, **prediction)
        for index in range(20):
            ra, dec = beside(*centre, *rng.uniform(-20, 20, 2))
            key = {"diaSourceId": 100 * visit + index, "visit": visit, "detector": 0}
            survey.add("DiaSource", **key, midpointMjdTai=mjd + rng.uniform(-5e-4, 5e-4), ra=ra, dec=dec)
    return survey


def _positions(place: int) -> list[Row]:
    rng = np.random.default_rng(100 + place)
    return [
        {"id": f"p{index}", "ra": ra, "dec": dec, "midpointMjdTai": MJD + place + rng.uniform(-0.02, 0.08)}
        for index in range(12)
        for ra, dec in [beside(*CENTRES[place], *rng.uniform(-20, 20, 2))]
    ]


@pytest.fixture(scope="module")
def skies(module_database_url: str) -> Iterator[Database]:
    """All of them; the fields of every other place are known."""
    database = ssdb.connect(module_database_url)
    for place in range(len(CENTRES)):
        _survey(place).load(database)
    yield database
    database.close()


def _objects(survey: QueriedSurvey, positions: list[Row], days: float) -> dict[tuple, Any]:
    """(position, object) to (visit, separation): of the visits within the radius the one nearest in time."""
    found: dict[tuple, Any] = {}
    for position in positions:
        at, mjd = unit(position["ra"], position["dec"]), position["midpointMjdTai"]
        for row in sorted(survey.rows["SsPrediction"], key=lambda row: abs(row["midpointMjdTai"] - mjd)):
            apart = separation(at, moved(row, mjd))
            if abs(mjd - row["midpointMjdTai"]) <= days and apart <= RADIUS:
                found.setdefault((position["id"], row["ssObjectId"]), (row["visit"], pytest.approx(apart, abs=1e-6)))
    return found


def _sources(survey: QueriedSurvey, positions: list[Row], days: float) -> dict[tuple, Any]:
    return {
        (position["id"], row["diaSourceId"]): (row["visit"], pytest.approx(apart, abs=1e-6))
        for position in positions
        for row in survey.rows["DiaSource"]
        for apart in [separation(unit(position["ra"], position["dec"]), unit(row["ra"], row["dec"]))]
        if apart <= RADIUS and abs(position["midpointMjdTai"] - row["midpointMjdTai"]) <= days
    }


def _answers(database: Database, name: str, positions: list[Row], days: float) -> dict[tuple, tuple]:
    """(position, object or source) to (visit, separation), as answered; each position without any has one empty row."""
    answer = named_query(database, name, {"radius": RADIUS, "days": days}, upload=pa.Table.from_pylist(positions))
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert list(dict.fromkeys(row["id"] for row in rows)) == [position["id"] for position in positions]
    key = "ssObjectId" if name == "match-objects" else "diaSourceId"
    for row in rows:
        if row[key] is None:
            assert len([other for other in rows if other["id"] == row["id"]]) == 1
            assert {row[column] for column in ("visit", "separation", "daysApart")} == {None}
    return {(row["id"], row[key]): (row["visit"], row["separation"]) for row in rows if row[key] is not None}


@pytest.mark.parametrize("place", range(len(CENTRES)))
def test_objects_and_sources_are_those_of_a_plain_loop(skies: Database, place: int) -> None:
    """At 0h and at the poles too, with and without known fields."""
    survey, positions = _survey(place), _positions(place)
    for days, at_least in ((0.02, 5), (0.001, 0)):
        objects, sources = _objects(survey, positions, days), _sources(survey, positions, days)
        assert _answers(skies, "match-objects", positions, days) == objects
        assert _answers(skies, "match-sources", positions, days) == sources
        assert min(len(objects), len(sources)) >= at_least


@given(
    ra=st.floats(0, 360, exclude_max=True),
    dec=st.floats(-90, 90),
    east=st.floats(-6, 6),
    north=st.floats(-6, 6),
    rates=st.tuples(RATES, RATES),
    dt=st.floats(-0.02, 0.02),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_separation_is_exact_anywhere(
    sqlite_memory: Database,
    ra: float,
    dec: float,
    east: float,
    north: float,
    rates: tuple[float, float],
    dt: float,
) -> None:
    prediction = {"ephRa": ra, "ephDec": dec, "ephRateRa": rates[0], "ephRateDec": rates[1], "midpointMjdTai": MJD}
    x, y, z = moved(prediction, MJD + dt)
    place = beside(np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arctan2(z, np.hypot(x, y))), east, north)
    apart = separation(unit(*place), moved(prediction, MJD + dt))
    with sqlite_memory.writing() as connection:
        connection.exec_driver_sql('DELETE FROM "SsPrediction"')
    survey = QueriedSurvey()
    survey.add("SsPrediction", visit=1, ssObjectId=5, designation="5", **prediction)
    survey.load(sqlite_memory)
    upload = {"ra": [place[0]], "dec": [place[1]], "midpointMjdTai": [MJD + dt]}
    answer = named_query(sqlite_memory, "match-objects", {"radius": 10, "days": 0.03}, upload=upload)
    (row,) = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert row["separation"] == pytest.approx(apart, abs=1e-6)
    assert row["daysApart"] == pytest.approx(dt, abs=1e-9)


@pytest.fixture
def sqlite_memory() -> Any:
    database = ssdb.connect()
    survey = QueriedSurvey()
    survey.add("Visit", visit=1, midpointMjdTai=MJD, status="done")
    survey.load(database)
    yield database
    database.close()


def test_an_exposure_whose_field_is_elsewhere_is_not_looked_at(sqlite_memory: Database) -> None:
    """One degree is left for objects that come in: it is said on the page."""
    survey = QueriedSurvey()
    for visit, ra in ((2, 10.0), (3, 12.0)):
        survey.add("Visit", visit=visit, midpointMjdTai=MJD, status="done", ra=ra, dec=0.0, radius=0.5)
        survey.add(
            "SsPrediction", visit=visit, ssObjectId=visit, designation="5", midpointMjdTai=MJD, ephRa=10.4, ephDec=0.0
        )
    survey.load(sqlite_memory)
    upload = {"ra": [10.4], "dec": [0.0], "midpointMjdTai": [MJD]}
    answer = named_query(sqlite_memory, "match-objects", upload=upload)
    assert [row[answer.columns.index("visit")] for row in answer.rows] == [2]


def test_what_ssdb_made_of_it_is_told(sqlite_memory: Database) -> None:
    """The source of an object that was matched, and the object of a source."""
    survey = QueriedSurvey()
    key, place = {"visit": 1, "ssObjectId": IDS[5]}, {"ra": 10.0, "dec": 0.0}
    survey.add("SsPrediction", **key, designation="5", midpointMjdTai=MJD, ephRa=10.0, ephDec=0.0)
    survey.add("SsExpected", **key, diaSourceId=77, nCandidates=1)
    source = {"diaSourceId": 77, "visit": 1, "detector": 0}
    survey.add("DiaSource", **source, **place, midpointMjdTai=MJD, ssObjectId=IDS[5], band="r")
    galactic = dict.fromkeys(("eclLambda", "eclBeta", "galLon", "galLat"), 0.0)
    survey.add("SSSource", **source, ssObjectId=IDS[5], designation="5", **galactic)
    survey.add("SsCandidate", **key, diaSourceId=77, separation=0.1, rank=1, chosen=True, probability=0.75)
    survey.load(sqlite_memory)
    for name in ("match-objects", "match-sources"):
        answer = named_query(sqlite_memory, name, upload={"ra": [10.0], "dec": [0.0], "midpointMjdTai": [MJD]})
        (row,) = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
        assert (row["diaSourceId"], row["ssObjectId"], row["designation"]) == (77, IDS[5], "5")
        assert (row["id"], row["separation"], row["daysApart"]) == ("1", 0.0, 0.0)
        assert row.get("probability", 0.75) == 0.75
    assert "probability" in row


def test_any_file_with_units_and_names_can_be_uploaded(skies: Database, tmp_path: Path) -> None:
    positions = _positions(6)
    wanted = _objects(_survey(6), positions, 0.02)
    table = QTable(rows=positions)
    for name in ("ra", "dec"):
        table[name] = np.radians(table[name]) * 1.0
        table[name].unit = "rad"
    table.write(tmp_path / "mine.ecsv")
    Table(rows=positions).write(tmp_path / "mine.csv")
    for ending in ("ecsv", "csv"):
        answer = named_query(skies, "match-objects", {"radius": RADIUS}, upload=tmp_path / f"mine.{ending}")
        places = [answer.columns.index(name) for name in ("id", "ssObjectId")]
        found = {tuple(row[place] for place in places) for row in answer.rows}
        assert {pair for pair in found if pair[1] is not None} == wanted.keys()


def test_an_id_may_be_a_number_and_keeps_its_zeros(sqlite_memory: Database, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("id,ra,dec,midpointMjdTai\n007,1,1,60000\n")
    assert named_query(sqlite_memory, "match-sources", upload=tmp_path / "mine.csv").rows[0][0] == "007"
    upload = {"id": [7], "ra": [1.0], "dec": [1.0], "midpointMjdTai": [MJD]}
    assert named_query(sqlite_memory, "match-sources", upload=upload).rows[0][0] == "7"


@pytest.mark.parametrize(
    ("upload", "message"),
    [
        ({"ra": [1.0], "dec": [1.0]}, "column midpointMjdTai is missing"),
        ({"ra": [1.0, 400.0], "dec": [1.0, 1.0], "midpointMjdTai": [MJD, MJD]}, r"ra is not a number .*row 2"),
        ({"ra": [1.0], "dec": [1.0], "midpointMjdTai": [2460000.5]}, "looks like JD"),
        ({"ra": [1.0], "dec": [1.0], "midpointMjdTai": [None]}, "midpointMjdTai is missing"),
        ("nowhere.csv", "nowhere.csv: there is no such file"),
    ],
)
def test_an_upload_that_cannot_be_used_is_told(sqlite_memory: Database, upload: Any, message: str) -> None:
    with pytest.raises(ssdb.InputError, match=message):
        named_query(sqlite_memory, "match-objects", upload=upload)


def test_an_upload_goes_with_the_questions_that_need_one(sqlite_memory: Database) -> None:
    with pytest.raises(ssdb.QueryError, match="match-objects needs a table of your own: upload="):
        named_query(sqlite_memory, "match-objects")
    with pytest.raises(ssdb.QueryError, match="class-counts takes no table of your own"):
        named_query(sqlite_memory, "class-counts", upload={"ra": [1.0], "dec": [1.0], "midpointMjdTai": [MJD]})


def test_an_upload_without_rows_has_no_answer(skies: Database) -> None:
    nothing = {name: pa.array([], pa.float64()) for name in ("ra", "dec", "midpointMjdTai")}
    for name in ("match-objects", "match-sources"):
        assert named_query(skies, name, upload=nothing).rows == []
