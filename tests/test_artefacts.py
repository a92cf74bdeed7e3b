"""What reliabilities and flags say of sources: nothing where all sources have the same, or none has any."""

from __future__ import annotations

import numpy as np
import pytest

from ssdb.association.artefacts import Reliabilities, artefact_odds, reliabilities
from ssdb.association.photometry import real_shares


def of_visits(n: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources by reliability, those of objects among them, and the share of known objects, of n visits."""
    rng = np.random.default_rng(seed)
    rated = rng.integers(0, 50, (n, 10))
    return rated, rated * rng.uniform(0, 0.3, (n, 10)), rng.uniform(0, 0.9, n)


@pytest.mark.parametrize("n", [2, 3, 8, 33])
def test_of_a_visit_they_say_the_same_beside_any_others(n: int) -> None:
    """To the bit: how many visits are in a batch is nobody's business."""
    given = of_visits(n)
    together = reliabilities(*given)
    for visit in range(n):
        alone = reliabilities(*(values[visit : visit + 1] for values in given))
        for values, of_one in zip(together, alone, strict=True):
            np.testing.assert_array_equal(values[visit : visit + 1], of_one)


def shares(known: Reliabilities, unrelated: np.ndarray, scores: np.ndarray, rated: float) -> np.ndarray:
    """Of real sources among unrelated ones of every magnitude, of one detector without objects."""
    middles = 14.25 + 0.5 * np.arange(28)
    of_visit = known.share, known.score, known.score_of_artefacts
    known_here, row = np.zeros((1, 28)), np.zeros(28, np.intp)
    return real_shares(unrelated, known_here, scores, np.array([rated]), *of_visit, middles, row)


def test_where_objects_are_all_there_is_the_share_is_not_that_of_artefacts() -> None:
    """As many as are expected, or somewhat fewer: the difference of two sums says nothing of what is left."""
    known = Reliabilities(np.array([0.9]), np.full((1, 10), 0.5), np.array([0.8]), np.array([0.2]))
    middles, row = 14.25 + 0.5 * np.arange(28), np.zeros(28, np.intp)
    counted = np.full((1, 28), 100.0)
    of_visit = known.share, known.score, known.score_of_artefacts
    for expected in (80.0, 100.0, 110.0, 200.0):
        of_detector = counted, np.full((1, 28), expected), 0.8 * counted, np.ones(1)
        assert real_shares(*of_detector, *of_visit, middles, row).min() > 0.9 - 1e-9


@pytest.mark.parametrize("n_sources", [1, 100, 100_000])
def test_without_reliabilities_all_magnitudes_have_the_same_share(n_sources: int) -> None:
    nothing = np.zeros((1, 10))
    known = reliabilities(nothing.astype(np.int64), nothing, np.array([0.1]))
    counted = np.full((1, 28), float(n_sources))
    np.testing.assert_allclose(shares(known, counted, 0.5 * counted, 0.0), known.share[0], rtol=1e-12)


@pytest.mark.parametrize("rated", [0.1, 0.5, 1.0])
def test_the_share_is_that_of_the_sources_that_have_one(rated: float) -> None:
    """Bright sources are real, faint ones artefacts; how many have no reliability is no matter."""
    known = Reliabilities(np.array([0.5]), np.full((1, 10), 0.5), np.array([0.9]), np.array([0.2]))
    counted = np.full((1, 28), 1e6)
    scores = counted * (0.5 * (1.0 - rated) + rated * np.where(np.arange(28) < 14, 0.9, 0.2))
    found = shares(known, counted, scores, rated)
    np.testing.assert_allclose(found[:13], 1.0, atol=1e-3)
    np.testing.assert_allclose(found[15:], 0.0, atol=1e-3)


@pytest.mark.parametrize("mean", [0.005, 0.5, 0.995])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_flag_that_all_sources_have_or_none_says_nothing(mean: float, share: float) -> None:
    n = 10_000
    flagged, of_all = np.array([share > 0.5]), np.array([(share * n + 0.5) / (n + 1)])
    means, crowd = np.array([mean]), np.array([3.0])
    assert abs(artefact_odds(flagged, means, means, means, crowd, of_all)[0]) < 1e-3


@pytest.mark.parametrize("mean", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.6, 0.9])
def test_as_many_have_flags_as_there_are(mean: float, share: float) -> None:
    """Real ones and artefacts together."""
    one, means = np.ones(1), np.array([mean])

    def of_artefacts_over_all(flagged: bool) -> float:
        """Times more real ones among those that have flags, or have none."""
        odds = artefact_odds(np.array([flagged]), means, means, means, one, np.array([share]))
        return float(np.exp(odds[0]))

    real = share * of_artefacts_over_all(True) + (1 - share) * of_artefacts_over_all(False)
    assert real == pytest.approx(1.0, abs=0.01)
    assert of_artefacts_over_all(True) <= 1.0 + 1e-9
