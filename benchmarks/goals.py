"""What is to be reached, and what a run reached of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

_FULL_VISIT = (9000, 2500)
"""Sources and predictions without which a visit is not of the size that the goal is about."""


class Goal(NamedTuple):
    """One goal: in words, with its limit, the figure of the run, and whether it is reached (None: cannot be said)."""

    what: str
    limit: str
    figure: str
    reached: bool | None


def goals(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The goals that the databases of a run have figures for."""
    found: list[Goal] = []
    databases = figures["databases"]
    if "postgresql" in databases:
        found += _of_postgresql(databases["postgresql"])
    found += [goal for name, one in databases.items() for goal in _of_memory(name, one)]
    if len(databases) == 2:
        ratio = whole_seconds(databases["sqlite"]) / whole_seconds(databases["postgresql"])
        found.append(_at_most("ingest + associate, SQLite to PostgreSQL", 2.0, ratio))
    return [goal._asdict() for goal in found]


def whole_seconds(one: dict[str, Any]) -> float:
    """Seconds of ingest and association together, of one database."""
    return sum(one["seconds"]["ingest"].values()) + one["seconds"]["associate"]


def _of_postgresql(one: dict[str, Any]) -> Iterator[Goal]:
    seconds, of_goal = one["seconds"], one["of_goal"]
    yield _of_visit(
        "associate, in a night of visits of", of_goal["sources"], of_goal["predictions"], of_goal["seconds"]
    )
    n_sources = one["rows"]["sources"] / one["rows"]["visits"]
    yield _of_visit("one alone in a call, of", n_sources, one["goal_predictions"], one["visit_seconds"]["alone"]["all"])
    yield _at_most("ingest + associate to raw COPY", 2.0, whole_seconds(one) / sum(seconds["raw"].values()))
    yield _at_most("join to cKDTree", 1.3, seconds["join"] / seconds["trees"])


def _of_visit(what: str, n_sources: float, n_predictions: float, seconds: float) -> Goal:
    is_full = n_sources >= _FULL_VISIT[0] and n_predictions >= _FULL_VISIT[1]
    return Goal(
        f"{what} {n_sources:,.0f} sources, {n_predictions:,.0f} predictions",
        "66 ms" if is_full else "66 ms of 10,000, 3,000",
        f"{1000 * seconds:.1f} ms",
        seconds <= 0.066 if is_full else None,
    )


def _of_memory(name: str, one: dict[str, Any]) -> Iterator[Goal]:
    *shorter, (whole, most) = one["peak_mb"].items()
    largest = max(most.values())
    yield Goal(f"memory of the client, {name}", "500 MB", f"{largest:.0f} MB", largest <= 500.0)
    for visits, fewer in shorter:
        ratio = max(most[what] / fewer[what] for what in most)
        yield _at_most(f"the same, {whole} visits to {visits}, {name}", 1.1, ratio)


def _at_most(what: str, limit: float, ratio: float) -> Goal:
    return Goal(what, f"at most {limit:g}", f"{ratio:.2f}", ratio <= limit)
