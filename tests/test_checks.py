"""Checks of rows: every bad row is found, named by its number in the file, and nothing else is."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.ingest.table.checks import (
    Distinct,
    Problems,
    check_not_null,
    check_positions,
    check_times,
    check_unique,
    normalised_ra,
    valid_rows,
)

INT64 = st.integers(-(2**63), 2**63 - 1)


def test_no_problem_raises_nothing() -> None:
    problems = Problems("sources.parquet", 3)
    problems.add(np.zeros(3, bool), "ra is odd")
    problems.raise_if_any()
    assert not problems.bad.any()


def test_message_names_file_problems_and_first_rows() -> None:
    """Rows count from 1, as data rows; many rows are counted instead of listed."""
    problems = Problems("sources.parquet", 300)
    problems.add(np.arange(300) == 16, "ra is odd")
    problems.add(np.arange(300) >= 290, "dec is even")
    with pytest.raises(InputError) as caught:
        problems.raise_if_any()
    assert str(caught.value) == (
        "sources.parquet: ra is odd (row 17); dec is even (rows 291, 292, 293, 294, 295 and 5 more)"
    )
    assert np.flatnonzero(problems.bad).tolist() == [16, *range(290, 300)]


def test_invalid_rows_are_left_out_only_on_request() -> None:
    table = pa.table({"a": [1, 2, 3]})
    problems = Problems("t", 3)
    problems.add(np.array([False, True, False]), "wrong")
    with pytest.raises(InputError, match="row 2"):
        valid_rows(table, problems, skip_invalid=False)
    rest, n_left_out = valid_rows(table, problems, skip_invalid=True)
    assert rest.column("a").to_pylist() == [1, 3]
    assert n_left_out == 1


@pytest.mark.parametrize("skip_invalid", [True, False])
def test_valid_rows_of_a_faultless_or_empty_table_are_all_of_them(skip_invalid: bool) -> None:
    for values in ([1, 2], []):
        table = pa.table({"a": pa.array(values, pa.int64())})
        rest, n_left_out = valid_rows(table, Problems("t", len(values)), skip_invalid)
        assert rest.equals(table)
        assert n_left_out == 0


def test_positions_off_the_sky_are_found() -> None:
    """Limits belong to the sky; NaN, infinities, nulls and anything outside do not."""
    ra = [0.0, 360.0, -180.0, 360.1, -180.1, np.nan, np.inf, None, 10.0, 10.0, 10.0]
    dec = [0.0, 90.0, -90.0, 0.0, 0.0, 0.0, 0.0, 0.0, 90.001, np.nan, None]
    table = pa.table({"ra": pa.array(ra), "dec": pa.array(dec)})
    problems = Problems("t", table.num_rows)
    check_positions(problems, table)
    assert problems.bad.tolist() == [False] * 3 + [True] * 8


def test_an_unknown_position_may_be_allowed_but_never_nan() -> None:
    table = pa.table({"ra": pa.array([None, np.nan, 5.0]), "dec": pa.array([None, 1.0, None])})
    problems = Problems("t", 3)
    check_positions(problems, table, nulls_allowed=True)
    assert problems.bad.tolist() == [False, True, False]


def test_positions_of_other_columns() -> None:
    table = pa.table({"ephRa": [400.0], "ephDec": [0.0]})
    problems = Problems("t", 1)
    check_positions(problems, table, "ephRa", "ephDec")
    with pytest.raises(InputError, match="ephRa"):
        problems.raise_if_any()


@given(st.floats(-180, 360))
def test_normalised_ra_is_the_same_direction_within_0_to_360(ra: float) -> None:
    (turned,) = normalised_ra(np.array([ra]))
    assert 0 <= turned < 360
    assert np.hypot(
        np.cos(np.radians(turned)) - np.cos(np.radians(ra)), np.sin(np.radians(turned)) - np.sin(np.radians(ra))
    ) == pytest.approx(0, abs=1e-14)


@given(st.floats(0, 360, exclude_max=True))
def test_normalised_ra_leaves_what_is_within_the_range_bit_for_bit(ra: float) -> None:
    assert normalised_ra(np.array([ra]))[0] == ra


def test_normalised_ra_at_the_seam() -> None:
    """A remainder that rounds up to 360 is 0; there is no negative zero; NaN stays."""
    turned = normalised_ra(np.array([-1e-20, 360.0, -0.0, -5e-324, -10.0, np.nan]))
    np.testing.assert_array_equal(turned, [0.0, 0.0, 0.0, 0.0, 350.0, np.nan])
    assert not np.signbit(turned[:5]).any()


@pytest.mark.parametrize(
    ("time", "what"),
    [
        (2458976.5, "JD"),  # 2020-05-07
        (1588809600.0, "unix time"),  # 2020-05-07
        (58976.0 * 86400, "MJD in seconds"),
        (1588809600e3, "milliseconds"),
        (1588809600e9, "nanoseconds"),
        (2020.35, "year"),
    ],
)
def test_a_time_that_is_no_mjd_is_said_to_look_like_what_it_is(time: float, what: str) -> None:
    table = pa.table({"midpointMjdTai": [58976.0, time]})
    problems = Problems("t", 2)
    check_times(problems, table)
    with pytest.raises(InputError, match=rf"looks like .*{what}.* \(row 2\)"):
        problems.raise_if_any()


def test_times_of_1900_to_2100_are_good_and_others_are_not() -> None:
    """A null is no wrong time; NaN is."""
    table = pa.table({"t": pa.array([15020.0, 88070.0, None, 15019.9, 88070.1, -5.0, np.nan, np.inf])})
    problems = Problems("f", 8)
    check_times(problems, table, "t")
    assert problems.bad.tolist() == [False] * 3 + [True] * 5


def test_nulls_are_found_by_column() -> None:
    table = pa.table({"visit": pa.array([1, None]), "detector": pa.array([None, 0])})
    problems = Problems("t", 2)
    check_not_null(problems, table, ["visit", "detector"])
    with pytest.raises(InputError, match=r"visit is missing \(row 2\); detector is missing \(row 1\)"):
        problems.raise_if_any()


@given(st.lists(st.tuples(INT64 | st.integers(-1, 1) | st.none(), st.integers(-2, 2)), max_size=60))
def test_every_row_after_the_first_of_its_key_is_found(rows: list[tuple[int | None, int]]) -> None:
    """As a dictionary finds them, exactly over the whole range of 64 bits; a key with a null is never repeated."""
    seen: Counter[tuple[int | None, int]] = Counter()
    expected = []
    for row in rows:
        expected.append(row[0] is not None and seen[row] > 0)
        seen[row] += 1
    table = pa.table({"a": pa.array([a for a, _ in rows], pa.int64()), "b": pa.array([b for _, b in rows], pa.int16())})
    problems = Problems("t", len(rows))
    check_unique(problems, table, ["a", "b"], "is there twice")
    assert problems.bad.tolist() == expected


def test_neighbouring_64_bit_keys_are_different() -> None:
    """They would be equal as floating-point numbers, even where a null stands in the same column."""
    table = pa.table({"a": pa.array([2**63 - 1, None, 2**63 - 2])})
    problems = Problems("t", 3)
    check_unique(problems, table, ["a"], "is there twice")
    assert not problems.bad.any()


@given(st.lists(st.lists(INT64 | st.integers(-4, 4), max_size=6), max_size=6))
def test_identifiers_in_parts_are_only_said_to_be_distinct_where_they_are(parts: list[list[int]]) -> None:
    distinct = Distinct()
    for part in parts:
        distinct.add(np.array(part, np.int64))
    every = [identifier for part in parts for identifier in part]
    assert not distinct.certain or len(set(every)) == len(every)


@given(st.lists(INT64, unique=True, max_size=30), st.randoms(use_true_random=False))
def test_parts_with_ranges_of_their_own_are_distinct_in_any_order(identifiers: list[int], random: Random) -> None:
    """The order of the parts, and that within a part, mean nothing; a part of another's range does."""
    identifiers.sort()
    parts = [identifiers[start : start + 4] for start in range(0, len(identifiers), 4)]
    for part in (*parts, parts):
        random.shuffle(part)
    distinct = Distinct()
    for part in parts:
        distinct.add(np.array(part, np.int64))
    assert distinct.certain
    if identifiers:
        distinct.add(np.array(identifiers[:1], np.int64))
        assert not distinct.certain
