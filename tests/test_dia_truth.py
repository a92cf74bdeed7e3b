"""The simulation of DiaObjects: its judge counts rightly, its rule of Rubin is Rubin's, and ssdb is ahead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dia_cases import of_rubin, rows

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    # The benchmarks are beside the package, not in it.
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT))
        from benchmarks import dia_truth

        yield dia_truth


def test_the_sky_is_what_it_is_said_to_be(bench: Any) -> None:
    truth, visits = bench.simulated(5, 6, seed=3)
    assert len(visits) == 6
    steady = 5 * (bench.STARS + bench.GALAXIES // 2)
    assert (truth.transient.sum(), (~truth.transient).sum()) == (5 * bench.TRANSIENTS, steady)
    assert truth.dec.min() < -74.8
    assert truth.dec.max() > 79.8
    ids = np.concatenate([visit.sources["diaSourceId"] for visit in visits])
    assert len(np.unique(ids)) == len(ids)
    for number, visit in enumerate(visits):
        known = visit.truth < len(truth.ra)
        assert (~known).sum() == 5 * (bench.MOVERS + bench.ARTEFACTS)
        what = visit.truth[known]
        assert len(np.unique(visit.truth)) == len(visit.truth)
        assert (truth.first[what] <= number).all()
        assert (truth.last[what] >= number).all()
        apart = bench.separations(truth.ra[what], truth.dec[what], *(visit.sources[n][known] for n in ("ra", "dec")))
        # In units of the error, the distance of a third is above 1.5 (Rayleigh).
        sigma = np.hypot(visit.sources["raErr"][known] * 3600, bench.SYSTEMATIC)
        assert 0.2 < np.mean(apart / sigma > 1.5) < 0.45


def test_sources_in_their_main_objects_are_counted(bench: Any) -> None:
    """Two stars of four sources, the second with two objects; a transient lost in the first; an artefact."""
    truth = bench.Truth(*[np.zeros(3)] * 6, np.array([False, False, True]))
    what = [np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([0, 1]), np.array([0, 1, 9])]
    given = [np.array([0, 1, 0]), np.array([0, 1, 0]), np.array([0, 2]), np.array([0, 2, 1])]
    score = bench.judge(truth, [bench.Visit({}, np.array([]), each) for each in what], given)
    assert score == bench.Score(
        completeness=(4 + 2 + 2) / 10, purity=(4 + 2 + 2) / 11, right=(4 + 2) / 10, doubled=1, lost=1, transients=1
    )


def test_the_rule_of_rubin_is_that_of_all_full_matchings(bench: Any) -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        at = (0.0, rng.choice([-75.0, 0.0, 60.0]))
        n = rng.integers(1, 5, 2)
        sources, objects = (
            rows(key, *rng.uniform(-0.6, 0.6, (size, 2)), at=at, sigma=rng.uniform(0.02, 0.2, size))
            for key, size in zip(("diaSourceId", "diaObjectId"), n, strict=True)
        )
        visit = bench.Visit(sources, np.zeros(n[0], int), np.arange(n[0]))
        if not len(bench._near(visit, objects)[0]):
            continue
        found = bench.rubin(visit, objects | {"firstRaErr": objects["raErr"], "firstDecErr": objects["decErr"]})
        assert dict(zip(*(index.tolist() for index in found), strict=True)) == of_rubin(sources, objects)


def test_ssdb_is_ahead(bench: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--visits", "12", "--detectors", "12", "--seed", "5"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in printed] == ["completeness", "ssdb", "nearest", "AssociationTask"]
    found = bench.scores(12, 12, 5)
    ours = found.pop("ssdb")
    assert ours.transients > 300
    for other in found.values():
        assert ours.completeness > other.completeness
        assert ours.purity > other.purity
        assert ours.right > other.right
        assert ours.doubled <= other.doubled
        assert ours.lost < other.lost
