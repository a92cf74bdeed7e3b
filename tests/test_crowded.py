"""The crowded night: its truth is true, its judge counts rightly, and ssdb is about as right as can be on it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

import ssdb
from ssdb.sky.sphere import moved, separations

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module", autouse=True)
def _importable() -> Iterator[None]:
    # The benchmarks are beside the package, not in it.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        yield


@pytest.fixture(scope="module")
def night(_importable: None) -> list[Any]:
    from benchmarks.crowded.sky import crowded_night

    return list(crowded_night(2, seed=5))


def test_a_night_is_the_same_again_and_another_with_another_seed(night: list[Any]) -> None:
    from benchmarks.crowded.sky import crowded_night

    again, other = next(crowded_night(2, seed=5)), next(crowded_night(2, seed=6))
    for name, values in night[0].sources.items():
        np.testing.assert_array_equal(values, again.sources[name])
    assert len(other.sources["ra"]) != len(again.sources["ra"]) or (other.sources["ra"] != again.sources["ra"]).any()


def test_every_source_that_is_an_object_lies_where_its_ellipse_and_trail_allow(night: list[Any]) -> None:
    from benchmarks.crowded.densities import KNOWN, trail_lengths

    for visit in night:
        sources, predictions = visit.sources, visit.predictions
        np.testing.assert_array_equal(visit.truth >= 0, sources["kind"] == KNOWN)
        assert len(np.unique(sources["diaSourceId"])) == len(visit.truth)
        of = visit.truth[visit.truth >= 0]
        places = [sources[name][visit.truth >= 0] for name in ("ra", "dec")]
        distance = separations(predictions["ephRa"][of], predictions["ephDec"][of], *places)
        length = trail_lengths(np.hypot(predictions["ephRateRa"], predictions["ephRateDec"]))[of]
        assert (distance < 5.0 * predictions["major"][of] + 1.5 * length + 0.8).all()
        # Slow objects with wide ellipses: the error in units of the axis is that of a normal distribution.
        wide = (length < 1.0) & (predictions["major"][of] > 3.0)
        assert np.mean((distance / predictions["major"][of])[wide] ** 2) == pytest.approx(1.6, abs=0.3)


def test_both_visits_of_a_pair_have_the_same_objects_moved(night: list[Any]) -> None:
    first, second = (visit.predictions for visit in night)
    np.testing.assert_array_equal(first["designation"], second["designation"])
    days = night[1].simulated.mjd_tai - night[0].simulated.mjd_tai
    ra, dec = moved(first["ephRa"], first["ephDec"], first["ephRateRa"], first["ephRateDec"], days)
    # The motion is given in the directions of another place: at 10 deg/d they turn a little.
    assert np.abs(second["ephDec"] - dec).max() < 1e-3
    assert np.abs((second["ephRa"] - ra + 180.0) % 360.0 - 180.0).max() < 1e-3


def test_numbers_of_a_visit(night: list[Any]) -> None:
    from benchmarks.crowded.densities import ARTEFACT, N_SOURCES

    for visit in night:
        assert len(visit.truth) == pytest.approx(N_SOURCES, rel=0.02)
        assert len(visit.seen) == pytest.approx(590, rel=0.1)
        assert len(visit.seen) < np.sum(visit.truth >= 0)  # some are seen in pieces
        assert np.mean(visit.sources["kind"] == ARTEFACT) == pytest.approx(0.4, abs=0.05)
        assert np.mean(np.isnan(visit.sources["psfFlux"])) == pytest.approx(0.02, abs=0.01)
        assert np.mean(np.isnan(visit.predictions["ephErrMajor"])) == pytest.approx(0.1, abs=0.04)
        detector = visit.simulated.camera.detectors_at(visit.sources["ra"], visit.sources["dec"])
        np.testing.assert_array_equal(detector, visit.sources["detector"])


def test_the_judge_counts_a_match_of_an_unseen_object_as_wrong_and_any_piece_as_right(night: list[Any]) -> None:
    from benchmarks.crowded.judge import Decided, Score, judge
    from benchmarks.crowded.pairs import Pairs

    visit = night[0]
    of_object = np.bincount(visit.truth[visit.truth >= 0], minlength=len(visit.predictions["ephRa"]))
    broken, whole, unseen = (np.flatnonzero(of_object == n)[0] for n in (2, 1, 0))
    second_piece = np.flatnonzero(visit.truth == broken)[1]
    unrelated = np.flatnonzero(visit.truth < 0)
    pairs = Pairs(
        np.array([broken, whole, unseen]), np.array([second_piece, *unrelated[:2]]), np.array([5.0, 1.5, 1.5])
    )
    judged = judge([visit], [Decided(pairs, np.array([True, True, True]), np.array([0.99, 0.8, 0.8]))])
    seen = len(visit.seen)
    assert judged.scores["all"] == Score(seen, right=1, wrong=2, wrong_unseen=1, missed=seen - 2)
    # The broken one is not in the calibration.
    (only,) = judged.matches
    assert (only.low, only.high, only.pairs, only.claimed, only.right) == (1.0, 2.0, 2, pytest.approx(0.8), 0.0)


def test_best_assignment_and_probabilities_are_those_of_all_assignments() -> None:
    from benchmarks.crowded.pairs import Pairs, best, probabilities

    rng = np.random.default_rng(1)
    for _ in range(50):
        n_objects, n_sources = rng.integers(1, 5, 2)
        cells = np.array(list(product(range(n_objects), range(n_sources))))
        cells = cells[rng.random(len(cells)) < 0.7]
        if not len(cells):
            continue
        pairs = Pairs(cells[:, 0], cells[:, 1], rng.normal(0.5, 2.0, len(cells)))
        ways = [np.array(way, bool) for way in product((False, True), repeat=len(cells))]
        ways = [way for way in ways if all(len(np.unique(side)) == way.sum() for side in cells[way].T)]
        weights = np.array([np.exp(pairs.log_odds[way].sum()) for way in ways])
        np.testing.assert_array_equal(best(pairs), ways[np.argmax(weights)])
        np.testing.assert_allclose(probabilities(pairs), weights @ np.array(ways) / weights.sum(), rtol=1e-9)


def test_ssdb_is_nearly_as_right_as_a_decision_that_knows_all(night: list[Any], tmp_path: Path) -> None:
    from benchmarks.crowded.__main__ import associated, decided, store
    from benchmarks.crowded.bayes import all_known, positions_only
    from benchmarks.crowded.judge import judge

    with closing(ssdb.initialize(f"sqlite:///{tmp_path}/crowded.db")) as database:
        store(database, night)
        ours = associated(database, night, ssdb.AssociationConfig(mode="uncertainty"))
        chosen = {(one.pairs.source[i], number) for number, one in enumerate(ours) for i in np.flatnonzero(one.chosen)}
        with database.reading() as connection:
            matched = connection.execute(sa.text('SELECT "diaSourceId", visit FROM "SSSource"')).all()
    # What is judged is what ssdb stored.
    ids = {(night[number].sources["diaSourceId"][source], night[number].simulated.visit) for source, number in chosen}
    assert ids == {tuple(row) for row in matched}
    scores = [judge(night, each).scores for each in (ours, decided(night, positions_only), decided(night, all_known))]
    mine, of_positions, of_all = (each["all"] for each in scores)
    assert of_all.right >= of_positions.right
    assert of_all.wrong <= of_positions.wrong
    assert of_all.right > 0.99 * of_all.seen
    assert mine.wrong <= of_positions.wrong
    assert mine.right >= of_positions.right
    assert mine.right > 0.985 * mine.seen
    assert scores[0]["0.5 to 10 deg/d"].right >= 0.95 * scores[0]["0.5 to 10 deg/d"].seen


def test_a_decision_that_knows_all_is_calibrated(night: list[Any]) -> None:
    from benchmarks.crowded.__main__ import decided
    from benchmarks.crowded.bayes import all_known
    from benchmarks.crowded.judge import judge

    for one in judge(night, decided(night, all_known)).candidates:
        assert abs(one.claimed - one.right) < 4.0 * one.error


def test_the_command_prints_all_and_draws_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from benchmarks.crowded.__main__ import main

    picture = tmp_path / "calibration.svg"
    assert main(["--visits", "1", "--without-outlines", "--picture", str(picture)]) == 0
    printed = capsys.readouterr().out
    for words in ("ssdb, uncertainty", "Bayes, positions", "Bayes, all known", "0.5 to 10 deg/d", "claimed"):
        assert words in printed
    drawn = ET.parse(picture).getroot()
    # A point for each bin of two decisions, and two for the legend.
    tips = drawn.findall(".//{http://www.w3.org/2000/svg}circle/{http://www.w3.org/2000/svg}title")
    assert len(drawn.findall(".//{http://www.w3.org/2000/svg}circle")) == len(tips) + 2
    assert 10 <= len(tips) <= 20


def test_fixed_mode_claims_no_probability(night: list[Any], tmp_path: Path) -> None:
    from benchmarks.crowded.__main__ import associated, store, text_of
    from benchmarks.crowded.judge import judge

    one = night[:1]
    with closing(ssdb.initialize(f"sqlite:///{tmp_path}/fixed.db")) as database:
        store(database, one)
        judged = judge(one, associated(database, one, ssdb.AssociationConfig()))
    assert judged.matches == judged.candidates == []
    assert judged.scores["all"].right > 200
    assert "candidates" in text_of({"ssdb, fixed": judged})
