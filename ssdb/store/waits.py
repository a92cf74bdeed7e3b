"""Logs a message when something takes more than two seconds to wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

SECONDS = 2.0
"""After so long."""


@contextmanager
def told_when_late(tell: Callable[[], None]) -> Iterator[None]:
    """Calls a function, in another thread, if what is within takes long; otherwise costs a tenth of a millisecond."""
    timer = Timer(SECONDS, tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
