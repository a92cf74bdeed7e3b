"""Threads that work for the main one, which an interruption may end at any step."""

from __future__ import annotations

from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import Generic, NoReturn, TypeVar

_SECONDS_BETWEEN_INTERRUPTIONS = 0.1

Given = TypeVar("Given")
Made = TypeVar("Made")


class Workers(Generic[Given, Made]):
    """Threads, each of which takes what is given, one after the other, and makes something of it.

    They exchange it by queues, and are started, in C. A lock that is made in Python, as futures and threading.Thread
    have, stays locked where Ctrl-C or SIGTERM comes between two of its steps in the main thread, and the other threads
    wait for it for ever.
    """

    def __init__(self, work: Callable[[Given], Made], n: int) -> None:
        self.in_hand = 0
        """How much was given and not taken back; one too many where that was interrupted."""
        self._given: SimpleQueue[tuple[Given] | None] = SimpleQueue()
        self._made: SimpleQueue[tuple[Given, Callable[[], Made]] | None] = SimpleQueue()
        self._work, self._n = work, n
        try:
            for _ in range(n):
                start_new_thread(self._run, ())
        except BaseException:
            self._let_go()
            raise

    def give(self, item: Given) -> None:
        """Gives something to the next thread that has nothing to do."""
        self.in_hand += 1
        self._given.put((item,))

    def take(self) -> tuple[Given, Made]:
        """Waits for what is made first; that of which it is made, and the result. What the work raised is raised."""
        ended = self._made.get()
        assert ended is not None  # before the end
        self.in_hand -= 1
        given, made = ended
        return given, made()

    def end(self, interrupt: Callable[[], None] = lambda: None) -> None:
        """Takes back what no thread has begun, and waits for the end of all; asks them to end their work, again and
        again: between two steps there may be nothing to interrupt.
        """
        with suppress(Empty):
            while True:
                self._given.get_nowait()
        self._let_go()
        left = self._n
        while left:
            if self.in_hand:
                interrupt()
            with suppress(Empty):
                while left:
                    left -= self._made.get(timeout=_SECONDS_BETWEEN_INTERRUPTIONS) is None

    def _let_go(self) -> None:
        for _ in range(self._n):
            self._given.put(None)

    def _run(self) -> None:
        while (given := self._given.get()) is not None:
            (item,) = given
            try:
                made = self._work(item)
            except BaseException as error:  # for whoever takes it
                self._made.put((item, partial(_raise, error)))
            else:
                self._made.put((item, partial(_same, made)))
        self._made.put(None)


_T = TypeVar("_T")


def _same(value: _T) -> _T:
    return value


def _raise(error: BaseException) -> NoReturn:
    raise error
