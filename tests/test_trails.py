"""Trails: how far a source may be along one, and what a measured one says of an object that moves so."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdb.association.trails import (
    along_variances,
    fragment_densities,
    largest_variances,
    trail_lengths,
    trail_odds,
)

LENGTHS = st.floats(0.0, 400.0)
MEASURED = st.one_of(st.just(np.nan), st.floats(0.0, 600.0))


def odds(trail: Any, motion: Any, measured: Any, angle: Any, share: float = 0.1) -> np.ndarray:
    values = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, float)) for v in (trail, motion, measured, angle, share))
    )
    with np.errstate(all="raise", under="ignore"):
        return trail_odds(*values)


def test_a_trail_is_as_long_as_the_exposure_lasts() -> None:
    """1 deg/d in 30 s is 1.25 arcsec; without rate or time there is none."""
    nan = np.nan
    rates = {"ephRateRa": np.array([0.6, nan, 0.6, 0.6]), "ephRateDec": np.array([-0.8, 0.8, nan, -0.8])}
    found = trail_lengths(rates, np.array([30.0, 30.0, 30.0, nan]))
    assert found.tolist() == pytest.approx([1.25, 0.0, 0.0, 0.0])


@given(trail=LENGTHS, measured=MEASURED)
def test_no_variance_is_above_the_bound(trail: float, measured: float) -> None:
    """The search radius has the bound."""
    [variance] = along_variances(np.array([trail]), np.array([measured]))
    assert 0 <= variance <= largest_variances(np.array([trail]))[0] <= trail**2 / 12


def test_a_source_may_be_anywhere_on_a_long_trail() -> None:
    """Unless it was measured as most of it, whose middle is known to a tenth."""
    found = along_variances(np.full(4, 60.0), np.array([np.nan, 0.0, 29.0, 31.0]))
    assert found == pytest.approx([299.667, 299.667, 299.667, 9.61], abs=1e-3)


def test_the_variance_grows_from_nothing_where_trails_begin() -> None:
    """Below 2 arcsec a trail is a point; nothing jumps there."""
    trail = np.array([0.0, 1.0, 2.0, 2.0001, 2.1])
    for measured in (np.nan, 0.0, 2.0):
        found = along_variances(trail, np.full(5, measured))
        assert found[:3].tolist() == [0.0] * 3
        assert 0 < found[3] < 1e-4
        assert found[3] < found[4] < 0.04


@pytest.mark.parametrize("measured", [0.5, 2.5, 3.0, 30.0])
def test_the_odds_do_not_jump_where_trails_begin(measured: float) -> None:
    """But for the angle, which says nothing below; there the odds of one as long as the object's hardly change."""
    below, above = odds([2.0 - 1e-9, 2.0 + 1e-9], 0.0, measured, np.nan)
    assert above == pytest.approx(below, abs=1e-6)


@given(trail=LENGTHS, motion=st.floats(-180.0, 180.0), angle=st.one_of(st.just(np.nan), st.floats(-400.0, 400.0)))
def test_without_a_length_nothing_is_said(trail: float, motion: float, angle: float) -> None:
    assert odds(trail, motion, np.nan, angle).tolist() == [0.0]
    assert odds(trail, motion, 5.0, angle, np.nan).tolist() == [0.0]


@given(
    trail=LENGTHS,
    motion=st.one_of(st.just(np.nan), st.floats(-180.0, 180.0)),
    measured=st.floats(0.0, 1e6),
    angle=st.one_of(st.just(np.nan), st.floats(-400.0, 400.0)),
    share=st.floats(0.001, 0.999),
)
def test_the_odds_are_never_without_bounds(
    trail: float, motion: float, measured: float, angle: float, share: float
) -> None:
    """Whatever was measured, it neither proves nor excludes anything."""
    [found] = odds(trail, motion, measured, angle, share)
    assert np.log(0.03 * 0.05 * 0.05) < found < 25.0


def test_a_trail_along_the_motion_beats_one_across() -> None:
    for trail in (3.0, 10.0, 100.0):
        along, oblique, across, unknown = odds(trail, 30.0, trail, [30.0, 50.0, 120.0, np.nan])
        assert along > oblique > across - 1e-9
        assert along > unknown > across
    # Of an object that hardly moves the direction says nothing.
    assert len(set(odds(0.5, 30.0, 5.0, [30.0, 120.0, np.nan]).tolist())) == 1


@given(trail=LENGTHS, motion=st.floats(-180.0, 180.0), turn=st.floats(-90.0, 90.0), measured=st.floats(0.0, 300.0))
def test_a_trail_has_no_head(trail: float, motion: float, turn: float, measured: float) -> None:
    """Angles are the same modulo 180, whichever way round they are counted, and to either side."""
    first, *others = odds(trail, motion, measured, motion + turn + np.array([0.0, 180.0, -180.0, 360.0, 540.0]))
    assert others == pytest.approx([first] * 4, abs=1e-6)
    assert odds(trail, motion + 180.0, measured, motion + turn)[0] == pytest.approx(first, abs=1e-6)
    assert odds(trail, motion, measured, motion - turn)[0] == pytest.approx(first, abs=1e-6)


def test_the_length_is_that_of_the_motion() -> None:
    """Too long is worse than in parts, and both are worse than whole; a point is unlikely for a fast object."""
    whole, part, double, point = odds(50.0, 0.0, [50.0, 20.0, 120.0, 0.0], np.nan)
    assert whole > part > double
    assert whole > 0 > point
    # And a point is what a slow one should be.
    assert odds(0.5, 0.0, 0.0, np.nan)[0] > 0 > odds(0.5, 0.0, 50.0, np.nan)[0]


def test_lengths_of_an_object_that_is_measured_as_a_trail_are_a_distribution() -> None:
    """The density that the odds are of is 1 in sum, and that of points and trails together as well."""
    for trail, tolerance in ((10.0, 0.05), (50.0, 0.03), (200.0, 0.05)):
        measured = np.arange(2.0, 500.0, 0.01) + 0.005
        unrelated = 0.1 / (measured * np.log(250.0))
        as_trail = (np.exp(odds(trail, 0.0, measured, np.nan)) * unrelated).sum() * 0.01
        as_point = np.exp(odds(trail, 0.0, 0.0, np.nan)[0]) * 0.9
        assert as_point == pytest.approx(0.2)
        assert as_trail + as_point == pytest.approx(1.0, abs=tolerance)


def test_fragments_are_of_other_objects() -> None:
    """What a source's own object leaves there is not against it; the sum of what the others leave is."""
    found = fragment_densities(np.array([0, 1, 0, 2, 0]), np.array([0.1, 0.2, 0.3, 0.0, 0.0]))
    assert found == pytest.approx([0.3, 0.0, 0.1, 0.0, 0.4])
