"""Keeps Python from looking for garbage while rows of SQLite pass by as tuples."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Within, no cycles of objects are looked for, which happens after every 700 tuples and finds none.

    Tuples of numbers and text are in no cycle, and gone when nobody has them any more. Of a night's ingest it takes a
    tenth.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
