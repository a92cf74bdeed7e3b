"""What a report reads: counted in SQL as one would count by hand, the same on both databases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from small_surveys import MJD, Survey

import ssdb
from ssdb.errors import NotFoundError
from ssdb.report.data import read_report
from ssdb.store.database import Database

NIGHT = int(MJD)


def _two_nights() -> Survey:
    """Night one: an object with two candidates, one seen, two unseen, one beyond the edge. Night two: one seen."""
    survey = Survey()
    survey.add_visit(1, band="r", instrument="cam", ra=10.0, dec=0.0, radius=0.1)
    survey.add_visit(2, midpointMjdTai=MJD + 1, band="g", instrument="cam")
    survey.add_square(0, 10.0, 0.0, 180.0, 1)
    survey.add_square(3, 10.2, 0.0, 180.0, 1)
    survey.add_square(0, 20.0, 0.0, 180.0, 2)
    for number, (ra, magnitude) in enumerate(
        [(9.99, 20.1), (10.0, 20.2), (10.01, 19.0), (10.02, 21.0), (10.0505, 15.0)]
    ):
        survey.add_prediction(number, ra, 0.0, 1, ephVmag=magnitude)
    survey.add_prediction(0, 20.0, 0.0, 2, midpointMjdTai=MJD + 1)
    survey.add_source(1, 9.99, 0.1 / 3600, 1, psfFlux=1000.0, band="r")
    survey.add_source(2, 9.99, 0.5 / 3600, 1)
    survey.add_source(3, 10.0 + 0.2 / 3600, 0.0, 1)
    survey.add_source(4, 20.0, -0.3 / 3600, 2, psfFlux=-5.0, midpointMjdTai=MJD + 1, band="g")
    return survey


@pytest.fixture(scope="module")
def associated(module_database_url: str) -> Iterator[Database]:
    """Two nights, associated; the second one twice."""
    with closing(ssdb.connect(module_database_url)) as database:
        _two_nights().load(database)
        ssdb.associate(database)
        ssdb.associate(database, visits=[2])
        yield database


def test_expected_objects_are_counted_by_magnitude_candidates_and_detector(associated: Database) -> None:
    """The object in the padding outside of the detector is not expected."""
    expected = read_report(associated).expected
    rows = {
        (detector, str(low), candidates): (n, seen)
        for detector, low, candidates, n, seen in zip(
            *(expected[name].tolist() for name in ("detector", "magnitudeBin", "nCandidates", "n", "seen")), strict=True
        )
    }
    assert rows == {
        (0, "20.0", 2): (1, 1),
        (0, "20.0", 1): (1, 1),
        (0, "19.0", 0): (1, 0),
        (0, "21.0", 0): (1, 0),
        (0, "nan", 1): (1, 1),
    }
    assert set(expected["instrument"].tolist()) == {"cam"}


def test_a_night_is_what_has_its_integer_part_of_the_time(associated: Database) -> None:
    first, second = (read_report(associated, [NIGHT + i]) for i in (0, 1))
    assert first.visits["visit"].tolist() == [1]
    assert second.visits["visit"].tolist() == [2]
    assert sorted(first.matches["visit"].tolist()) == [1, 1]
    assert (int(first.expected["n"].sum()), int(second.expected["n"].sum())) == (4, 1)
    both = read_report(associated, [NIGHT + 1, NIGHT])
    assert both.nights == (NIGHT, NIGHT + 1)
    assert both.visits["visit"].tolist() == read_report(associated).visits["visit"].tolist() == [1, 2]


def test_a_night_without_visits_is_an_error_that_names_those_with(associated: Database) -> None:
    with pytest.raises(NotFoundError, match=f"night 50000 .*{NIGHT}, {NIGHT + 1}"):
        read_report(associated, [NIGHT, 50000])


def test_visits_come_with_their_detectors_and_what_was_ambiguous(associated: Database) -> None:
    visits = read_report(associated).visits
    np.testing.assert_array_equal(visits["nDetectors"], [2, 1])
    np.testing.assert_array_equal(visits["nEmptyDetectors"], [1, 0])
    np.testing.assert_array_equal(visits["nAmbiguous"], [1, np.nan])
    assert visits["band"].tolist() == ["r", "g"]
    np.testing.assert_array_equal(visits["ra"], [10.0, np.nan])


def test_what_was_not_seen_comes_brightest_first(associated: Database) -> None:
    unseen = read_report(associated).unseen
    assert unseen["designation"].tolist() == ["2020 AC", "2020 AD"]
    np.testing.assert_allclose(unseen["ephVmag"], [19.0, 21.0])


def test_residuals_are_those_of_the_matches(associated: Database) -> None:
    matches = read_report(associated).matches
    offsets = sorted(
        zip(matches["ephOffsetRa"].round(6).tolist(), matches["ephOffsetDec"].round(6).tolist(), strict=True)
    )
    assert offsets == [(0.0, -0.3), (0.0, 0.1), (0.2, 0.0)]
    assert matches["detector"].tolist() == [0, 0, 0]


def test_the_focal_plane_is_that_of_the_most_complete_exposure(associated: Database) -> None:
    plane = read_report(associated).camera
    assert plane is not None
    assert (plane.visit, plane.instrument, plane.detectors.tolist()) == (1, "cam", [0, 3])
    assert plane.outlines.counts.tolist() == [4, 4]


def test_an_object_is_found_by_any_name_and_shown_with_all_nights(associated: Database) -> None:
    """Of a negative flux there is no magnitude, and it is still an observation. Each object is shown once."""
    data = read_report(associated, [NIGHT + 1], ["2020AA", "K20A00A", "2020 AY"])
    assert [one.designation for one in data.objects] == ["2020 AA", "2020 AY"]
    observed, never = (one.observations for one in data.objects)
    assert observed["visit"].tolist() == [1, 2]
    assert observed["band"].tolist() == ["r", "g"]
    assert observed["mag"][0] == pytest.approx(31.4 - 7.5, abs=2e-3)
    assert math.isnan(observed["mag"][1])
    assert len(never["visit"]) == 0
    with pytest.raises(NotFoundError, match="Nemo"):
        read_report(associated, objects=["Nemo"])


def test_runs_come_with_their_timings(associated: Database) -> None:
    data = read_report(associated)
    assert data.n_runs == 2
    assert [run["nVisits"] for run in data.runs] == [1, 2]
    assert data.runs[0]["timings"]["total"]["seconds"] > 0
    assert [run["nVisits"] for run in read_report(associated, [NIGHT]).runs] == [2]


def test_an_empty_database_has_nothing(database: Database) -> None:
    data = read_report(database)
    assert [len(part["visit"]) for part in (data.visits, data.matches, data.unseen)] == [0, 0, 0]
    assert (data.camera, data.runs, data.n_runs, data.objects) == (None, [], 0, [])
    with pytest.raises(NotFoundError, match="there are no visits at all"):
        read_report(database, [NIGHT])
