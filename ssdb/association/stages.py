"""Times the stages of an association, and counts the rows that go through them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Stage:
    """What a stage took over all batches, and how many rows went through it; of what, depends on the stage."""

    seconds: float = 0.0
    rows: int = 0


class Stages(dict[str, Stage]):
    """Stages by name, in the order in which they were first entered."""

    @contextmanager
    def timed(self, name: str) -> Iterator[Stage]:
        """Adds the time within to a stage; the caller adds the rows."""
        stage = self.setdefault(name, Stage())
        start = time.perf_counter()
        try:
            yield stage
        finally:
            stage.seconds += time.perf_counter() - start

    def add(self, others: Stages) -> None:
        """Adds the seconds and rows of other stages."""
        for name, other in others.items():
            stage = self.setdefault(name, Stage())
            stage.seconds += other.seconds
            stage.rows += other.rows

    def as_dict(self) -> dict[str, dict[str, float | int]]:
        """Plain values, for JSON; seconds to the microsecond."""
        return {name: {"seconds": round(stage.seconds, 6), "rows": stage.rows} for name, stage in self.items()}
