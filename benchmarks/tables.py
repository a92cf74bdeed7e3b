"""The figures of a night as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.goals import whole_seconds
from benchmarks.workers import worker_lines

_RAW = {"postgresql": "raw COPY", "sqlite": "executemany"}
_SMALLEST_TABLE = 0.005
"""Share of the disk below which a table is not printed."""


def text_of(figures: dict[str, Any]) -> str:
    """All figures."""
    night, machine = figures["night"], figures["machine"]
    predictions = night["predictions of a visit"]
    rows = next(iter(figures["databases"].values()))["rows"]
    lines = [
        f"{rows['visits']:,} visits, {rows['sources']:,} sources of {night['columns']} columns, "
        f"{rows['predictions']:,} predictions, {rows.get('detectors', 0):,} detectors; "
        f"{rows['pairs']:,} pairs, {rows['associated']:,} objects associated",
        f"predictions of a visit: {predictions[1]:,} to {predictions[-1]:,}, mean "
        f"{sum(predictions) / len(predictions):,.0f}, but for one without any",
        f"medians of {figures['repeat']} runs; {machine['cores']} cores, {machine['cpu']}, {machine['system']}",
        *([f"load of the machine before: {machine['load']:.1f}"] if machine["load"] is not None else []),
        ", ".join(f"{name} {machine[name]}" for name in ("python", "psycopg", "numpy", "scipy", "pyarrow")),
    ]
    for name, one in figures["databases"].items():
        lines += ["", *_database_lines(name, one)]
    return "\n".join([*lines, "", *_goal_lines(figures["goals"])])


def _database_lines(name: str, one: dict[str, Any]) -> Iterator[str]:
    about = one["database"]
    yield f"{name} {about['version']}: {one['server']}"
    yield "  " + ", ".join(f"{key} {value}" for key, value in about.items() if key != "version")
    tables = (
        _load_lines(name, one),
        _associate_lines(one),
        _visit_lines(one),
        _comparison_lines(one),
        _growth_lines(one),
        worker_lines(one["workers"]) if "workers" in one else (),
        _memory_lines(one),
        _disk_lines(one),
    )
    for lines in tables:
        for number, line in enumerate(lines):
            if not number:
                yield ""
            yield "  " + line


def _load_lines(name: str, one: dict[str, Any]) -> Iterator[str]:
    seconds, rows = one["seconds"], one["rows"]
    yield f"{'ingest':34}{'rows':>11} {'seconds':>9} {'rows/s':>10} {_RAW[name]:>12} {'ratio':>7}"
    for kind, spent in seconds["ingest"].items():
        raw = seconds["raw"][kind]
        yield f"{kind:34}{rows[kind]:11,} {spent:9.3f} {rows[kind] / spent:10,.0f} {raw:12.3f} {spent / raw:7.2f}"
    raw = sum(seconds["raw"].values())
    for what, spent in (("all", sum(seconds["ingest"].values())), ("all and associate", whole_seconds(one))):
        yield f"{what:34}{'':11} {spent:9.3f} {'':10} {raw:12.3f} {spent / raw:7.2f}"


def _associate_lines(one: dict[str, Any]) -> Iterator[str]:
    seconds, visits = one["seconds"], one["rows"]["visits"]
    yield f"{'associate':34}{'seconds':>11} {'ms/visit':>9} {'sources/s':>11}"
    whole = seconds["associate"]
    yield f"{'all':34}{whole:11.2f} {1000 * whole / visits:9.2f} {one['rows']['sources'] / whole:11,.0f}"
    for stage, spent in sorted(seconds["stages"].items(), key=lambda item: -item[1]):
        yield f"{'  ' + stage:34}{spent:11.2f} {1000 * spent / visits:9.2f}"


def _visit_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"{'associate, milliseconds a visit':34}{'median':>11} {'99 %':>9}"
    labels = {"share of a batch": "its share of a batch's time", "alone": "alone, in the tables of the night"}
    for what, label in labels.items():
        spread = one["visit_seconds"][what]
        yield f"{label:34}{1000 * spread['median']:11.2f} {1000 * spread['99 %']:9.2f}"
    of_goal = one["of_goal"]
    for what, spent in one["visit_seconds"]["of the goal"].items():
        label = f"alone, {one['goal_predictions']:,.0f} predictions" if what == "all" else f"  {what}"
        yield f"{label:34}{1000 * spent:11.2f}"
    label = f"{of_goal['visits']} of {of_goal['predictions']:,.0f} predictions, each"
    yield f"{label:34}{1000 * of_goal['seconds']:11.2f}"


def _comparison_lines(one: dict[str, Any]) -> Iterator[str]:
    compared, seconds, visits = one["compared"], one["seconds"], one["rows"]["visits"]
    n_some = compared["visits"]
    yield f"{'pairs within the radius':52}{'ms/visit':>9} {'to the join':>12}"

    def line(label: str, spent: float, join: float, of: int) -> str:
        return f"{label:52}{1000 * spent / of:9.2f} {spent / join:12.2f}"

    for label, key in (("box join", "join"), ("scipy cKDTree, in memory", "trees")):
        yield line(f"{visits} visits: {label}", seconds[key], seconds["join"], visits)
    for label, key in (
        ("box join", "join"),
        ("scipy cKDTree, in memory", "cKDTree"),
        ("astropy search_around_sky", "search_around_sky"),
    ):
        yield line(f"{n_some} visits: {label}", compared[key], compared["join"], n_some)
    for name, plans in compared.get("extensions", {}).items():
        for plan, spent in plans.items():
            label = f"{n_some} visits: {name}, {plan}".rstrip(", ")
            yield line(label, spent, compared["join"], n_some) if isinstance(spent, float) else f"{label}: {spent}"


def _growth_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"{'a fresh visit, milliseconds':34}{'ingest':>11} {'associate':>9}"
    for size, spent in one["growth"].items():
        yield f"{f'{size} visits in the tables':34}{spent['ingest']:11.2f} {spent['associate']:9.2f}"


def _memory_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"{'peak memory of the client, MB':34}{'ingest':>11} {'associate':>9}"
    for size, peak in one["peak_mb"].items():
        yield f"{f'{size} visits':34}{peak['ingest']:11.0f} {peak['associate']:9.0f}"


def _disk_lines(one: dict[str, Any]) -> Iterator[str]:
    whole, tables = one["disk"]["all"], one["disk"]["tables"]
    yield f"{'on the disk, MB':34}{'rows':>11} {'indexes':>9} {'kB/visit':>9}"
    for name, sizes in tables.items():
        if sum(sizes.values()) >= _SMALLEST_TABLE * whole:
            yield _disk_line(name, sizes, one)
    yield f"{'all':34}{whole / 1e6:11.1f} {'':9} {whole / 1e3 / one['rows']['visits']:9.0f}"


def _disk_line(name: str, sizes: Mapping[str, int], one: dict[str, Any]) -> str:
    per_visit = sum(sizes.values()) / 1e3 / one["rows"]["visits"]
    return f"{name:34}{sizes['rows'] / 1e6:11.1f} {sizes['indexes'] / 1e6:9.1f} {per_visit:9.0f}"


def _goal_lines(goals: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{'goal':70}{'to reach':>22} {'this run':>14}  reached"
    words = {True: "yes", False: "no", None: "-"}
    for goal in goals:
        yield f"{goal['what']:70}{goal['limit']:>22} {goal['figure']:>14}  {words[goal['reached']]}"
