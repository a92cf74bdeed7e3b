"""Association through the database gives what loops over all pairs and all assignments give."""

from __future__ import annotations

from itertools import count
from typing import Any

import brute_force
import numpy as np
import pytest
from brute_evidence import PARTS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_surveys import CENTRES, MJD, Survey, beside, change, designation, random_survey, rows

from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.store.database import Database

FIRST_VISIT = count(1, 100)
"""Examples share a database: each has visits of its own."""

CONFIGS = st.one_of(
    st.builds(
        AssociationConfig,
        radius_arcsec=st.sampled_from([0.5, 1.0, 4.0]),
        method=st.sampled_from(["optimal", "greedy"]),
        max_pixel_margin=st.sampled_from([0, 3, 100]),
    ),
    st.builds(
        AssociationConfig,
        mode=st.just("uncertainty"),
        n_sigma=st.sampled_from([1.0, 3.0, 4.0]),
        max_radius_arcsec=st.sampled_from([2.0, 30.0]),
        prior_detected=st.sampled_from([0.5, 0.99]),
        completeness=st.sampled_from([0.98, 0.6]),
        min_probability=st.sampled_from([0.0, 0.5]),
        method=st.sampled_from(["optimal", "greedy"]),
        max_pixel_margin=st.sampled_from([0, 3, 100]),
    ),
)

STORED_CANDIDATES = """
    SELECT c.visit, p.designation, c."diaSourceId", c.separation, c.chi2, c."logOdds", c.rank, c.chosen
    FROM "SsCandidate" c JOIN "SsPrediction" p ON p.visit = c.visit AND p."ssObjectId" = c."ssObjectId"
    WHERE c.visit BETWEEN :first AND :last"""
STORED_EXPECTED = """
    SELECT e.visit, p.designation, e.detector, e."edgeDistance", e."diaSourceId", e."nCandidates"
    FROM "SsExpected" e JOIN "SsPrediction" p ON p.visit = e.visit AND p."ssObjectId" = e."ssObjectId"
    WHERE e.visit BETWEEN :first AND :last"""


def stored(database: Database, survey: Survey) -> tuple[dict[tuple, tuple], dict[tuple, tuple]]:
    """SsExpected and SsCandidate of a survey as the reference has them."""
    between = {"first": survey.ids[0], "last": survey.ids[-1]}
    expected = {row[:2]: row[2:] for row in rows(database, STORED_EXPECTED, **between)}
    candidates = {row[:3]: row[3:] for row in rows(database, STORED_CANDIDATES, **between)}
    return expected, candidates


def close(value: float | None, wanted: float | None, tolerance: float) -> bool:
    """Whether two values are the same but for rounding, or both unknown."""
    return value is wanted is None or (None not in (value, wanted) and abs(value - wanted) <= tolerance)  # type: ignore


def assert_evidence(database: Database, survey: Survey, reference: brute_force.Reference) -> None:
    """What the odds are made of is as by brute force; nothing in fixed mode."""
    columns = ("probability", "density", "pDetected", "ephMag", "magnitude", "trail", *PARTS)
    selected = ", ".join(f'c."{name}"' for name in columns)
    sql = STORED_CANDIDATES.replace('c.separation, c.chi2, c."logOdds", c.rank, c.chosen', selected)
    between = {"first": survey.ids[0], "last": survey.ids[-1]}
    tolerances = {"ephMag": 1e-5, "magnitude": 1e-5, "trail": 1e-4, "pDetected": 1e-6}
    for row in rows(database, sql, **between):
        wanted = reference.evidence.get(row[:3], dict.fromkeys(columns))
        for name, value in zip(columns, row[3:], strict=True):
            tolerance = tolerances.get(name, 1e-4) * (wanted[name] or 0 if name == "density" else 1)
            assert close(value, wanted[name], tolerance), (name, value, wanted[name])
    sql = STORED_EXPECTED.replace(
        'e.detector, e."edgeDistance", e."diaSourceId", e."nCandidates"', 'e."ephMag", e."pDetected"'
    )
    for *key, eph_mag, detected in rows(database, sql, **between):
        wanted_mag, wanted_detected = reference.visibility.get(tuple(key), (None, None))
        assert close(eph_mag, wanted_mag, 1e-5)
        assert close(detected, wanted_detected, 1e-6)


def assert_agree(database: Database, survey: Survey) -> None:
    """Everything that tells which source is which object says the same."""
    between = {"first": survey.ids[0], "last": survey.ids[-1]}
    where = "WHERE visit BETWEEN :first AND :last"
    ss_source = f'SELECT visit, "ssObjectId", "diaSourceId" FROM "SSSource" {where}'
    matches = set(rows(database, ss_source, **between))
    others = {
        "DiaSource": f'SELECT visit, "ssObjectId", "diaSourceId" FROM "DiaSource" {where} AND "ssObjectId" IS NOT NULL',
        "SsExpected": f'SELECT visit, "ssObjectId", "diaSourceId" FROM "SsExpected" {where} '
        'AND "diaSourceId" IS NOT NULL',
        "SsCandidate": f'SELECT visit, "ssObjectId", "diaSourceId" FROM "SsCandidate" {where} AND chosen',
    }
    for table, sql in others.items():
        assert set(rows(database, sql, **between)) == matches, table
    assert len({row[::2] for row in matches}) == len({row[:2] for row in matches}) == len(matches)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**32),
    footprints=st.sampled_from(["none", "none", "corners", "mixed"]),
    config=CONFIGS,
)
def test_everything_is_as_by_brute_force(
    database: Database, seed: int, footprints: str, config: AssociationConfig
) -> None:
    """Candidates, their numbers, ranks and choice, expected objects and all counts, of several visits at once."""
    survey = random_survey(seed, next(FIRST_VISIT), footprints)
    survey.load(database, np.random.default_rng(seed))
    reference = brute_force.associate(survey, config)
    report = associate(database, config=config)
    assert not report.failed
    assert [outcome.visit for outcome in report.visits] == survey.ids
    expected, candidates = stored(database, survey)

    assert candidates.keys() == reference.candidates.keys()
    for key, (separation, chi2, log_odds, rank, chosen) in reference.candidates.items():
        assert close(candidates[key][0], separation, 2e-6)  # MJD is rounded at 1e-11 d, 4e-8 arcsec at 1 deg/d
        assert close(candidates[key][1], chi2, 1e-4)
        assert close(candidates[key][2], log_odds, 1e-4)
        assert candidates[key][3:] == (rank, chosen)
    assert_evidence(database, survey, reference)

    assert expected.keys() == reference.expected.keys()
    for key, (detector, edge_distance, source, n) in reference.expected.items():
        assert (expected[key][0], *expected[key][2:]) == (detector, source, n)
        assert close(expected[key][1], edge_distance, 1e-6)

    assert_agree(database, survey)
    between = {"first": survey.ids[0], "last": survey.ids[-1]}
    counts = '"nSources", "nTotalSsObjects", "nAssociatedSsObjects" FROM'
    of_visits = rows(database, f'SELECT visit, {counts} "Visit" WHERE visit BETWEEN :first AND :last', **between)
    assert {row[0]: row[1:] for row in of_visits} == reference.counts
    of_detectors = rows(
        database, f'SELECT visit, detector, {counts} "VisitDetector" WHERE visit BETWEEN :first AND :last', **between
    )
    assert {row[:2]: row[2:] for row in of_detectors} == reference.detector_counts
    told = [(v.n_sources, v.n_total_ss_objects, v.n_associated_ss_objects) for v in report.visits]
    assert told == [reference.counts[visit] for visit in survey.ids]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    objects=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=5, unique=True),
    sources=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=5, unique=True),
    centre=st.sampled_from(CENTRES),
)
def test_ties_are_settled_one_to_one_with_the_largest_sum(
    database: Database, objects: list[Any], sources: list[Any], centre: tuple[float, float]
) -> None:
    """On a grid of an arcsecond many pairs are equally near: no assignment has a larger sum than the one stored."""
    survey, config = Survey(), AssociationConfig(radius_arcsec=1.6)
    visit = survey.add_visit(next(FIRST_VISIT))
    for number, (x, y) in enumerate(objects):
        survey.add_prediction(number, *beside(*centre, x, y), visit)
    for number, (x, y) in enumerate(sources):
        survey.add_source(visit * 1000 + number, *beside(*centre, x, y), visit)
    survey.load(database)
    associate(database, config=config)
    weights = {key[1:]: weight for key, weight in brute_force.associate(survey, config).weights.items()}
    chosen = {key[1:] for key, values in stored(database, survey)[1].items() if values[-1]}
    assert sum(weights[pair] for pair in chosen) == pytest.approx(
        sum(weights[pair] for pair in brute_force.best(weights)), abs=1e-6
    )
    assert_agree(database, survey)


def test_an_object_gets_its_second_source_where_another_needs_the_first(database: Database) -> None:
    """Two objects are nearest to the same source; the one that has a second within reach takes that."""
    survey = Survey()
    survey.add_visit()
    survey.add_prediction(0, 0.0, 0.0)
    survey.add_prediction(1, *beside(0.0, 0.0, -0.5, 0.0))
    survey.add_source(10, *beside(0.0, 0.0, -0.2, 0.0))
    survey.add_source(20, *beside(0.0, 0.0, 0.6, 0.0))
    survey.load(database)
    ranked = 'SELECT designation, "diaSourceId", "diaDistanceRank" FROM "SSSource" ORDER BY "diaSourceId"'
    associate(database)
    assert rows(database, ranked) == [(designation(1), 10, 1), (designation(0), 20, 2)]
    associate(database, [1], config=AssociationConfig(method="greedy"))
    assert rows(database, ranked) == [(designation(0), 10, 1)]


def test_the_radius_is_within_and_what_lies_on_it_is_not_chosen(database: Database) -> None:
    """A source 0.9 arcsec away is the object, one of 1.1 is no candidate; on the radius the weight is nothing."""
    survey = Survey()
    for visit, distance in enumerate((0.9, 1.1, 1.0), 1):
        survey.add_visit(visit)
        survey.add_prediction(0, 50.0, 0.0, visit)
        survey.add_source(visit, 50.0, distance / 3600, visit)
    survey.load(database)
    associate(database, config=AssociationConfig(radius_arcsec=1.0))
    assert rows(database, 'SELECT visit FROM "SSSource"') == [(1,)]
    assert (2,) not in rows(database, 'SELECT visit FROM "SsCandidate"')


def test_a_source_is_compared_with_the_prediction_at_its_own_time(database: Database) -> None:
    """An object at 4.8 deg/d moves by 144 arcsec in 0.0083 d; SSSource has its place at the source's time."""
    survey = Survey()
    survey.add_visit()
    later = 720 / 86400
    survey.add_prediction(0, 359.99, 30.0, ephRateRa=-4.8, ephRateDec=0.0)
    survey.add_source(1, *beside(359.99, 30.0, -4.8 * later * 3600, 0.0), midpointMjdTai=MJD + later)
    survey.add_source(2, *beside(359.99, 30.0, 0.0, 0.8))
    survey.load(database)
    associate(database)
    columns = '"diaSourceId", "ephRa", "ephDec", "ephOffset"'
    [(source, ra, dec, offset)] = rows(database, f'SELECT {columns} FROM "SSSource"')
    assert source == 1
    assert (ra, dec) == pytest.approx(beside(359.99, 30.0, -144.0, 0.0), abs=1e-7)
    assert offset < 1e-3
    # Source 2, at mid-exposure, is near as well.
    assert rows(database, 'SELECT "diaSourceId", rank FROM "SsCandidate" ORDER BY 1') == [(1, 1), (2, 2)]


@pytest.fixture
def contended(database: Database) -> Database:
    """A source 6.3 arcsec from an object known to 20 arcsec and 0.2 arcsec from one known to 0.1 arcsec."""
    survey = Survey()
    survey.add_visit()
    survey.add_prediction(0, 10.0, 20.0, ephErrMajor=20.0, ephErrMinor=20.0, ephErrPa=0.0)
    survey.add_prediction(1, *beside(10.0, 20.0, 6.5, 0.0), ephErrMajor=0.1, ephErrMinor=0.1, ephErrPa=0.0)
    survey.add_source(1, *beside(10.0, 20.0, 6.3, 0.0))
    survey.add_source(2, *beside(10.0, 20.0, 3000.0, 0.0))
    survey.load(database)
    return database


def test_a_well_known_object_beats_one_with_a_smaller_chi_square(contended: Database) -> None:
    """chi2 prefers the object that may be anywhere; the odds prefer the one that has to be just there."""
    associate(contended, config=AssociationConfig(mode="uncertainty"))
    sql = """SELECT p.designation, c.chi2, c."logOdds", c.chosen FROM "SsCandidate" c
             JOIN "SsPrediction" p ON p.visit = c.visit AND p."ssObjectId" = c."ssObjectId"
             WHERE c."diaSourceId" = 1 ORDER BY p.designation"""
    (vague, vague_chi2, vague_odds, vague_chosen), (known, known_chi2, known_odds, known_chosen) = rows(contended, sql)
    assert (vague, known) == (designation(0), designation(1))
    assert vague_chi2 == pytest.approx(6.3**2 / (20**2 + 0.05**2), rel=1e-4)
    assert known_chi2 == pytest.approx(0.2**2 / (0.1**2 + 0.05**2), rel=1e-4)
    assert vague_chi2 < known_chi2
    assert vague_odds < known_odds
    assert (vague_chosen, known_chosen) == (False, True)


def test_a_single_source_does_not_make_the_sky_empty(database: Database) -> None:
    """The cap of one source has no area: the density is then one in a circle of the largest search radius."""
    survey = Survey()
    survey.add_visit()
    survey.add_prediction(0, 10.0, 20.0, ephErrMajor=1.0, ephErrMinor=1.0, ephErrPa=0.0)
    survey.add_source(1, 10.0, 20.0)
    survey.load(database)
    config = AssociationConfig(mode="uncertainty", floor_arcsec=0.0)
    associate(database, config=config)
    [(log_odds,)] = rows(database, 'SELECT "oddsPosition" FROM "SsCandidate"')
    # C = 1 arcsec^2 and chi2 = 0: what is left is -ln(2 pi density) = -ln(2 / 120^2), and that there is no neighbour:
    # half of the sources, which have no reliability, are artefacts, and these come in groups.
    alone = 0.5 + 0.5 * 0.05 / (0.05 + 0.5 * config.chi2_limit / 120.0**2)
    assert log_odds == pytest.approx(np.log(7200.0 / alone), rel=1e-6)


def test_unlikely_candidates_stay_on_record_and_are_not_chosen(database: Database) -> None:
    """In a crowd of unrelated sources an object known to 20 arcsec only is none of them for sure."""
    survey = Survey()
    survey.add_visit()
    survey.add_prediction(0, 10.0, 20.0, ephErrMajor=20.0, ephErrMinor=20.0, ephErrPa=0.0)
    rng = np.random.default_rng(5)
    for number in range(200):
        survey.add_source(number, *beside(10.0, 20.0, *rng.uniform(-60, 60, 2)))
    survey.load(database)
    associate(database, config=AssociationConfig(mode="uncertainty"))
    [(n, largest)] = rows(database, 'SELECT count(*), max("logOdds") FROM "SsCandidate"')
    assert n > 20
    assert largest < 0
    assert rows(database, 'SELECT "diaSourceId", "nCandidates" FROM "SsExpected"') == [(None, n)]
    assert rows(database, 'SELECT "diaSourceId" FROM "SSSource"') == []


def test_the_error_of_a_source_widens_the_search(database: Database) -> None:
    """Two arcseconds are too many for a prediction good to 0.3 with a perfect source, not with one good to 1."""
    survey = Survey()
    for visit, error in ((1, 0.0), (2, 1.0)):
        survey.add_visit(visit)
        survey.add_prediction(0, 10.0, 20.0, visit)
        survey.add_source(visit, *beside(10.0, 20.0, 2.0, 0.0), visit, raErr=error / 3600, decErr=0.01 / 3600)
    survey.load(database)
    associate(database, config=AssociationConfig(mode="uncertainty"))
    assert rows(database, 'SELECT visit FROM "SSSource"') == [(2,)]


def test_what_association_does_not_own_it_leaves_alone(database: Database) -> None:
    """Sources, predictions and visits are the same afterwards, but for ssObjectId and the state."""
    survey = random_survey(11, 1, "corners")
    survey.load(database)
    source_columns = '"diaSourceId", visit, detector, ra, dec, "raErr", "midpointMjdTai", zone'
    questions = [
        f'SELECT {source_columns} FROM "DiaSource" ORDER BY 1',
        'SELECT * FROM "SsPrediction" ORDER BY 1, 2',
        'SELECT visit, "midpointMjdTai", "predictionsAt" FROM "Visit" ORDER BY 1',
        'SELECT visit, detector, footprint, "capRa", "pixelScale" FROM "VisitDetector" ORDER BY 1, 2',
    ]
    before = [rows(database, sql) for sql in questions]
    associate(database)
    assert [rows(database, sql) for sql in questions] == before


def test_results_of_other_visits_are_left_alone(database: Database) -> None:
    """Associating one visit again, with another radius, changes nothing of the others."""
    survey = Survey()
    for visit in (1, 2, 3):
        survey.add_visit(visit)
        survey.add_prediction(0, 10.0, 20.0, visit)
        survey.add_source(visit, *beside(10.0, 20.0, 0.5, 0.0), visit)
    survey.load(database)
    associate(database)
    report = associate(database, [2], config=AssociationConfig(radius_arcsec=0.1))
    assert [outcome.visit for outcome in report.visits] == [2]
    for table in ("SSSource", "SsCandidate"):
        assert rows(database, f'SELECT visit FROM "{table}" ORDER BY visit') == [(1,), (3,)]
    assert rows(database, 'SELECT visit FROM "DiaSource" WHERE "ssObjectId" IS NULL') == [(2,)]
    change(database, "UPDATE \"Visit\" SET status = 'pending' WHERE visit = 2")
    associate(database)
    assert rows(database, 'SELECT visit FROM "SSSource" ORDER BY visit') == [(1,), (2,), (3,)]
