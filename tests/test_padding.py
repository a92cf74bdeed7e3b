"""What is loaded for one detector changes nothing on the others: padding is of a detector's own sources."""

from __future__ import annotations

from itertools import count
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_surveys import MJD, Survey, beside, random_survey, rows

from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.ingest.sources import ingest_sources
from ssdb.store.database import Database

FIRST_VISIT = count(1, 100)
EXPECTED = 'SELECT detector, "diaSourceId" FROM "SsExpected"'


RESULTS = [
    'SELECT * FROM "SSSource" ORDER BY visit, "diaSourceId"',
    'SELECT * FROM "SsCandidate" ORDER BY visit, "ssObjectId", "diaSourceId"',
    'SELECT * FROM "SsExpected" ORDER BY visit, "ssObjectId"',
    'SELECT visit, "diaSourceId", "ssObjectId" FROM "DiaSource" ORDER BY visit, "diaSourceId"',
    'SELECT visit, status, "nSources", "nTotalSsObjects", "nAssociatedSsObjects" FROM "Visit" ORDER BY visit',
    'SELECT visit, detector, status, "nSources", "nTotalSsObjects", "nAssociatedSsObjects" FROM "VisitDetector" '
    "ORDER BY visit, detector",
]


def results(database: Database) -> list[list[tuple]]:
    """Everything that association writes."""
    return [rows(database, sql) for sql in RESULTS]


def at(east: float, north: float) -> tuple[float, float]:
    """A position so many arcseconds from the centre of the field."""
    return beside(10.0, 20.0, east, north)


def two_squares(**columns: Any) -> Survey:
    """Squares of 100 arcsec, 4 apart; an object that moves by 7.2 arcsec in 1e-3 d, 3 arcsec below detector 0."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *at(-52, 0), 50, **columns)
    survey.add_square(1, *at(52, 0), 50, **columns)
    survey.add_prediction(0, *at(-60, -53), ephRateRa=0.0, ephRateDec=2.0)
    survey.add_source(100, *at(-10, 10), detector=0)
    return survey


def table(survey_rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as a table, with NULL for what a row does not have."""
    names = dict.fromkeys(name for row in survey_rows for name in row)
    return pa.table({name: [row.get(name) for row in survey_rows] for name in names})


@pytest.mark.parametrize("columns", [{}, {"pixelScale": 0.2}])
@pytest.mark.parametrize("mode", ["fixed", "uncertainty"])
def test_sources_of_another_detector_widen_no_padding(database: Database, mode: str, columns: dict[str, float]) -> None:
    """A late and uncertain source on detector 1 does not bring an object into the padding of detector 0."""
    config = AssociationConfig(mode=mode)
    two_squares(**columns).load(database)
    associate(database, config=config)
    assert rows(database, EXPECTED) == []
    late = Survey()
    errors = {"raErr": 2.0 / 3600, "decErr": 2.0 / 3600}
    late.add_source(200, *at(60, 0), detector=1, midpointMjdTai=MJD + 1e-3, **errors)
    ingest_sources(database, table(late.sources))
    associate(database, [1], detectors=[1], config=config)
    alone = results(database)
    assert rows(database, 'SELECT status FROM "Visit"') == [("done",)]
    associate(database, [1], config=config)
    assert results(database) == alone
    assert rows(database, EXPECTED) == []


def test_own_sources_widen_the_padding(database: Database) -> None:
    """The same source on detector 0 does: the object moves into it until then, and is found there."""
    survey = two_squares(pixelScale=0.2)
    survey.add_source(101, *at(-60, -53 + 7.2), detector=0, midpointMjdTai=MJD + 1e-3)
    survey.load(database)
    associate(database)
    assert rows(database, EXPECTED) == [(0, 101)]


def test_an_object_keeps_its_detector_when_another_gets_sources(database: Database) -> None:
    """It is nearer to detector 1, which does not reach it yet, and not taken from detector 0 once that does."""
    survey = Survey()
    survey.add_visit()
    survey.add_square(0, *at(-52, 0), 50, pixelScale=0.2)
    survey.add_square(1, *at(52, 0), 50, pixelScale=0.2)
    survey.add_prediction(0, *at(0.3, 10), ephRateRa=2.0, ephRateDec=0.0)
    survey.add_source(100, *at(0.3 - 7.2, 10), detector=0, midpointMjdTai=MJD - 1e-3)
    survey.load(database)
    associate(database)
    late = Survey()
    late.add_source(200, *at(0.3 + 7.2, 10), detector=1, midpointMjdTai=MJD + 1e-3)
    ingest_sources(database, table(late.sources))
    associate(database, [1], detectors=[1])
    alone = results(database)
    assert rows(database, EXPECTED) == [(1, 200)]
    associate(database, [1])
    assert results(database) == alone


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    later=st.sampled_from([0, 1]),
    mode=st.sampled_from(["fixed", "uncertainty"]),
    margin=st.sampled_from([3, 100]),
)
def test_one_detector_after_new_sources_is_the_whole_exposure(
    database: Database, seed: int, later: int, mode: str, margin: int
) -> None:
    """A crowded field: what one detector gets later, at other times, never shows on the other one."""
    config = AssociationConfig(mode=mode, radius_arcsec=3.0, max_pixel_margin=margin)
    survey = random_survey(seed, next(FIRST_VISIT), "corners")
    new = [row | {"midpointMjdTai": MJD + 1e-3} for row in survey.sources if row["detector"] == later]
    survey.sources = [row for row in survey.sources if row["detector"] != later]
    survey.load(database)
    assert not associate(database, survey.ids, config=config).failed
    if new:
        ingest_sources(database, table(new))
    associate(database, survey.ids, detectors=[later], config=config)
    alone = results(database)
    associate(database, survey.ids, config=config)
    assert results(database) == alone
