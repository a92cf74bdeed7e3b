"""In which batches visits are dealt to those who associate them."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.association.batches import Batches


def sizes(n_visits: int, rows_per_visit: int, *, in_hand: int = 1, most: int = 200) -> list[int]:
    """The sizes of the batches of a night whose visits all have so many rows."""
    batches = Batches(range(n_visits), in_hand, most)
    found = []
    while batch := batches.take():
        found.append(len(batch))
        batches.learn(len(batch), rows_per_visit * len(batch))
    return found


def test_batches_of_tiny_exposures_grow_and_those_of_huge_ones_do_not() -> None:
    """A full visit of Rubin's has about 7,000 rows; three million pairs are some hundred megabytes by themselves."""
    tiny = sizes(5000, 3)
    assert tiny[:4] == [2, 4, 8, 16]
    assert max(tiny) == 200
    full = sizes(500, 7000)
    assert 5 <= max(full) <= 12
    assert sizes(20, 3_000_000) == [2, *[1] * 18]
    assert sizes(5, 0) == [2, 3]


def test_a_crowded_field_after_empty_ones_makes_the_next_batch_small() -> None:
    batches = Batches(range(1000), 1, 100)
    for _ in range(10):
        batches.learn(len(batches.take()), 0)
    assert len(batches.take()) == 100
    batches.learn(100, 1_000_000)
    assert len(batches.take()) == 6
    # What was passed over tells nothing about what the others hold.
    batches.learn(0, 0)
    assert len(batches.take()) == 6


def test_the_last_batches_are_shared() -> None:
    """Of two at a time neither is left with all of a small number, nor with a long batch at the end."""
    assert sizes(2, 10, in_hand=2) == [1, 1]
    assert sizes(100, 10, in_hand=2)[-3:] == [2, 1, 1]


@settings(max_examples=50)
@given(
    n=st.integers(0, 60),
    in_hand=st.integers(1, 5),
    most=st.integers(1, 20),
    rows=st.lists(st.integers(0, 10**7), min_size=80, max_size=80),
)
def test_every_exposure_is_dealt_once(n: int, in_hand: int, most: int, rows: list[int]) -> None:
    batches, dealt = Batches(range(n), in_hand, most), Counter[int]()
    for number in rows:
        batch = batches.take()
        assert len(batch) <= most
        dealt.update(batch)
        batches.learn(len(batch), number)
    assert dealt == Counter(range(n))
    assert not batches


def test_what_is_put_back_comes_again_once() -> None:
    """After all others, where another process had it."""
    batches = Batches([1, 2, 3, 4], 1, 2)
    assert batches.again_later(batches.take()) == []
    assert [batches.take() for _ in range(2)] == [[3, 4], [1, 2]]
    assert batches.again_later([1, 2]) == [1, 2]
    assert batches.take() == []
    assert not batches
