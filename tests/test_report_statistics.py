"""The numbers of a report: medians, robust widths, binomial errors."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import mad_std
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.report.statistics import fractions, median_and_width, medians_and_widths

VALUES = st.lists(st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6) | st.just(float("nan"))), max_size=40)


@settings(max_examples=60)
@given(VALUES)
def test_groups_have_the_medians_and_widths_that_each_has_alone(rows: list[tuple[int, float]]) -> None:
    groups = np.array([group for group, _ in rows], np.int64)
    values = np.array([value for _, value in rows], float)
    medians, widths = medians_and_widths(groups, values, 5)
    for group in range(5):
        alone = values[(groups == group) & np.isfinite(values)]
        if len(alone):
            assert medians[group] == pytest.approx(np.median(alone), rel=1e-12, abs=1e-12)
            assert widths[group] == pytest.approx(mad_std(alone), rel=1e-12, abs=1e-9)
        else:
            assert np.isnan([medians[group], widths[group]]).all()


def test_the_width_of_normal_values_is_their_sigma_whatever_a_few_outliers_do() -> None:
    values = np.random.default_rng(1).normal(3.0, 0.2, 20_000)
    values[:200] = 1e6
    median, width = median_and_width(values)
    assert median == pytest.approx(3.0, abs=0.01)
    assert width == pytest.approx(0.2, rel=0.03)


def test_what_is_in_no_group_counts_nowhere() -> None:
    medians, _ = medians_and_widths(np.array([-1, 0, 7]), [5.0, 1.0, 9.0], 2)
    np.testing.assert_array_equal(medians, [1.0, np.nan])


def test_the_interval_of_a_share_stays_within_0_and_1_and_is_not_empty_at_its_ends() -> None:
    """Of 0 in n the interval of Wilson for one sigma is 0 to 1 / (n + 1); of n in n its mirror image."""
    share, low, high = fractions([0, 10, 5, 0], [10, 10, 10, 0])
    np.testing.assert_allclose(share[:3], [0.0, 1.0, 0.5])
    np.testing.assert_allclose(low[:2], [0.0, 10 / 11], atol=1e-4)
    np.testing.assert_allclose(high[:2], [1 / 11, 1.0], atol=1e-4)
    assert 0.5 - low[2] == pytest.approx(high[2] - 0.5)
    assert np.isnan([share[3], low[3], high[3]]).all()
    assert [len(part) for part in fractions([], [])] == [0, 0, 0]
