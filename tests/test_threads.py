"""Threads that work for another one, which may be interrupted at any step."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from ssdb.threads import Workers


def test_what_is_given_is_made_and_what_is_raised_comes_back() -> None:
    workers = Workers(lambda n: 12 // n, 2)
    try:
        for number in (1, 2, 3):
            workers.give(number)
        assert sorted(workers.take() for _ in range(3)) == [(1, 12), (2, 6), (3, 4)]
        workers.give(0)
        with pytest.raises(ZeroDivisionError):
            workers.take()
        assert workers.in_hand == 0
    finally:
        workers.end()


def test_the_end_asks_again_and_again_and_takes_back_what_is_not_begun() -> None:
    asked = threading.Semaphore(0)
    begun: list[int] = []

    def wait(number: int) -> None:
        begun.append(number)
        for _ in range(2):
            asked.acquire(timeout=30)

    workers = Workers(wait, 1)
    for number in range(5):
        workers.give(number)
    while not begun:
        pass
    workers.end(asked.release)
    assert begun == [0]


def test_an_interruption_at_any_step_is_the_end() -> None:
    """Raises KeyboardInterrupt after each step of the thread that gives and takes, also within Python's own modules."""

    def give_and_take() -> None:
        workers = Workers(lambda n: n, 2)
        try:
            workers.give(1)
            workers.give(2)
            workers.take()
            workers.take()
        finally:
            workers.end()

    n = 0
    while _interrupted(give_and_take, n):
        n += 1
    assert n > 20


def _interrupted(work: Callable[[], None], step: int) -> bool:
    """Whether the work has so many steps; it is to end in any case."""
    left, raised = step, False

    def profile(frame: FrameType, event: str, value: Any) -> None:
        nonlocal left, raised
        # Where Python looks for signals.
        left -= event in ("call", "c_return")
        if left < 0 and not raised:
            raised = True
            raise KeyboardInterrupt

    def traced() -> None:
        sys.setprofile(profile)
        try:
            work()
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)

    thread = threading.Thread(target=traced, daemon=True)
    thread.start()
    thread.join(30.0)
    assert not thread.is_alive(), f"it waits for ever after an interruption at step {step}"
    return raised
