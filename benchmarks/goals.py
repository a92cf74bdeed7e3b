"""What is to be reached, and what a run reached of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from benchmarks.rivals import fastest
from benchmarks.workers import ONE_BATCH

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
    seconds, compared = one["seconds"], one["compared"]
    of_goal = one["of_goal"]
    yield _of_visit(
        "associate, in a night of visits of", of_goal["sources"], of_goal["predictions"], of_goal["seconds"]
    )
    n_sources, n_predictions = one["rows"]["sources"] / one["rows"]["visits"], one["goal_predictions"]
    alone = one["visit_seconds"]["of the goal"]["all"]
    yield _of_visit("one alone in a call, of", n_sources, n_predictions, alone)
    yield _at_most("ingest + associate to raw COPY", 2.0, whole_seconds(one) / sum(seconds["raw"].values()))
    yield _at_most("join to cKDTree", 1.3, seconds["join"] / seconds["trees"])
    for name, plans in compared["extensions"].items():
        best = fastest(plans)
        ratio = best[1] / compared["join"] if best else None
        yield _at_least(f"{name}, best plan, to join", 4.0, ratio)
    sizes = list(one["growth"])
    first, last = (one["growth"][size]["associate"] for size in (sizes[0], sizes[-1]))
    yield _at_most(f"associate a fresh visit, {sizes[-1]} visits in the tables to {sizes[0]}", 1.2, last / first)
    by_workers = one["workers"]["seconds"]
    yield _at_least("two batches at a time to one", 1.7, by_workers[ONE_BATCH] / by_workers["1"])
    yield _at_least("two processes to one that has two batches at a time", 1.7, by_workers["1"] / by_workers["2"])


def _of_visit(what: str, n_sources: float, n_predictions: float, seconds: float) -> Goal:
    is_full = n_sources >= _FULL_VISIT[0] and n_predictions >= _FULL_VISIT[1]
    return Goal(
        f"{what} {n_sources:,.0f} sources, {n_predictions:,.0f} predictions",
        "66 ms" if is_full else "66 ms of 10,000, 3,000",
        f"{1000 * seconds:.1f} ms",
        seconds <= 0.066 if is_full else None,
    )


def _of_memory(name: str, one: dict[str, Any]) -> Iterator[Goal]:
    sizes, peaks = list(one["peak_mb"]), list(one["peak_mb"].values())
    largest = max(peaks[-1].values())
    yield Goal(f"memory of the client, {name}", "500 MB", f"{largest:.0f} MB", largest <= 500.0)
    if len(peaks) > 1:
        ratio = max(peaks[-1][what] / peaks[-2][what] for what in peaks[-1])
        yield _at_most(f"the same, {sizes[-1]} visits to {sizes[-2]}, {name}", 1.1, ratio)


def _at_most(what: str, limit: float, ratio: float) -> Goal:
    return Goal(what, f"at most {limit:g}", f"{ratio:.2f}", ratio <= limit)


def _at_least(what: str, limit: float, ratio: float | None) -> Goal:
    known = ratio is not None
    return Goal(
        what, f"at least {limit:g}", f"{ratio:.2f}" if known else "not there", ratio >= limit if known else None
    )
