"""The detectors of a visit loaded one by one, with ``covers``: each replaces its own rows and no other's."""

from __future__ import annotations

import pyarrow as pa
import pytest
from small_surveys import Survey, designation, rows

import ssdb
from ssdb.store.database import Database

VISIT = 1
MIDDLE = {0: 10.0, 1: 10.1}
"""Right ascension of the middle of two detectors at declination 0, side by side, 0.1 deg wide."""


@pytest.fixture
def exposed(database: Database) -> Database:
    """A visit with the outlines of two detectors, and another visit."""
    survey = Survey()
    survey.add_visit(VISIT)
    survey.add_visit(2)
    for detector, ra in MIDDLE.items():
        survey.add_square(detector, ra, 0.0, 180.0, VISIT, pixelScale=0.2)
    ssdb.ingest_visits(database, pa.Table.from_pylist(survey.visits))
    ssdb.ingest_detectors(database, pa.Table.from_pylist(survey.corners))
    return database


def sources(detector: int, places: dict[int, float], visit: int = VISIT) -> pa.Table:
    """Sources at declination 0: right ascension by diaSourceId."""
    n = len(places)
    columns = {
        "diaSourceId": pa.array(places.keys(), pa.int64()),
        "visit": pa.array([visit] * n, pa.int64()),
        "detector": pa.array([detector] * n, pa.int16()),
        "ra": pa.array(places.values(), pa.float64()),
        "dec": pa.array([0.0] * n, pa.float64()),
    }
    return pa.table(columns)


def predictions(places: dict[int, float], visit: int = VISIT) -> pa.Table:
    """Predictions at declination 0: right ascension by the number of the object."""
    n = len(places)
    columns = {
        "designation": pa.array([designation(number) for number in places], pa.string()),
        "visit": pa.array([visit] * n, pa.int64()),
        "ephRa": pa.array(places.values(), pa.float64()),
        "ephDec": pa.array([0.0] * n, pa.float64()),
    }
    return pa.table(columns)


def predict(database: Database, detector: int, places: dict[int, float]) -> None:
    ssdb.ingest_predictions(database, predictions(places), replace=True, covers=(VISIT, detector))


def predicted(database: Database) -> dict[str, float]:
    return dict(rows(database, 'SELECT designation, "ephRa" FROM "SsPrediction" ORDER BY "ephRa"'))


def test_the_predictions_of_neighbours_stay_and_what_both_have_is_one_row(exposed: Database) -> None:
    """Every detector's table has what is a little beyond its edges."""
    predict(exposed, 0, {1: 9.97, 2: 10.04, 3: 10.051})
    predict(exposed, 1, {2: 10.04, 3: 10.051, 4: 10.12})
    everything = {designation(1): 9.97, designation(2): 10.04, designation(3): 10.051, designation(4): 10.12}
    assert predicted(exposed) == everything
    predict(exposed, 0, {1: 9.97, 2: 10.04, 3: 10.051})
    assert predicted(exposed) == everything


def test_what_lies_on_the_detector_and_is_predicted_no_longer_is_gone(exposed: Database) -> None:
    """And what is predicted elsewhere now is there."""
    predict(exposed, 0, {1: 9.97, 2: 10.04})
    predict(exposed, 1, {4: 10.12})
    predict(exposed, 0, {1: 9.98})
    assert predicted(exposed) == {designation(1): 9.98, designation(4): 10.12}
    predict(exposed, 0, {})
    assert predicted(exposed) == {designation(4): 10.12}


def test_no_rows_are_an_answer(exposed: Database) -> None:
    """The visit has been asked for, and the detector been looked at: both can be associated."""
    ssdb.ingest_sources(exposed, sources(1, {}), replace=True, covers=(VISIT, 1))
    predict(exposed, 1, {})
    report = ssdb.associate(exposed, [VISIT])
    assert report.failed == {}
    result = ssdb.load_result(exposed, VISIT, 1)
    assert (result.nTotalSsObjects, len(result.unAssocDiaSources)) == (0, 0)
    assert rows(exposed, 'SELECT "predictionsAt" IS NULL FROM "Visit" ORDER BY visit') == [(False,), (True,)]


def test_sources_replace_those_of_their_detector_even_if_there_is_none_left(exposed: Database) -> None:
    ssdb.ingest_sources(exposed, sources(0, {10: 9.97, 11: 10.0}), replace=True, covers=(VISIT, 0))
    ssdb.ingest_sources(exposed, sources(1, {20: 10.1}), replace=True, covers=(VISIT, 1))
    ssdb.ingest_sources(exposed, sources(0, {11: 10.0}), replace=True, covers=(VISIT, 0))
    assert rows(exposed, 'SELECT "diaSourceId" FROM "DiaSource" ORDER BY 1') == [(11,), (20,)]
    ssdb.ingest_sources(exposed, sources(0, {}), replace=True, covers=(VISIT, 0))
    assert rows(exposed, 'SELECT "diaSourceId" FROM "DiaSource" ORDER BY 1') == [(20,)]


def test_nothing_derived_outlives_the_predictions_of_which_it_was_derived(exposed: Database) -> None:
    ssdb.ingest_sources(exposed, sources(0, {10: 9.97}), covers=(VISIT, 0))
    predict(exposed, 0, {1: 9.97})
    assert ssdb.associate(exposed, [VISIT]).totals["nAssociatedSsObjects"] == 1
    predict(exposed, 0, {})
    assert rows(exposed, 'SELECT count(*) FROM "SSSource"') == [(0,)]
    assert rows(exposed, 'SELECT "ssObjectId" FROM "DiaSource"') == [(None,)]


def test_rows_of_others_are_refused_and_nothing_is_stored(exposed: Database) -> None:
    with pytest.raises(ssdb.InputError, match="rows of detector 0, and only 1"):
        ssdb.ingest_sources(exposed, sources(0, {10: 9.97}), covers=(VISIT, 1))
    with pytest.raises(ssdb.InputError, match="rows of visit 2, and only 1"):
        ssdb.ingest_sources(exposed, sources(0, {10: 9.97}, visit=2), covers=(VISIT, 0))
    with pytest.raises(ssdb.InputError, match="rows of visit 2, and only 1"):
        ssdb.ingest_predictions(exposed, predictions({1: 9.97}, visit=2), covers=(VISIT, 0))
    with pytest.raises(ssdb.InputError, match=r"visits are not in the database \(9\)"):
        ssdb.ingest_sources(exposed, sources(0, {}), covers=(9, 0))
    with pytest.raises(ssdb.UsageError, match=r"covers= must be \(visit, detector\), not \(1,\)"):
        ssdb.ingest_sources(exposed, sources(0, {}), covers=(1,))  # type: ignore[arg-type]
    with pytest.raises(ssdb.UsageError, match=r"covers= must be"):
        ssdb.ingest_predictions(exposed, predictions({1: 9.97}), covers=(VISIT, 0, 1))  # type: ignore[arg-type]
    assert rows(exposed, 'SELECT count(*) FROM "DiaSource"') == [(0,)]
    assert predicted(exposed) == {}


def test_predictions_can_only_be_replaced_on_a_detector_with_a_footprint(exposed: Database) -> None:
    """Without one nobody knows which stored ones were those of the detector."""
    with pytest.raises(ssdb.ConfigError, match="visit 1, detector 5 has no footprint"):
        ssdb.ingest_predictions(exposed, predictions({1: 9.97}), replace=True, covers=(VISIT, 5))
    assert predicted(exposed) == {}
