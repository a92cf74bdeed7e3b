"""The figures of a night as tables for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.goals import whole_seconds

_RAW = {"postgresql": "raw COPY", "sqlite": "executemany"}


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
        f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}",
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
    share, of_goal = one["visit_seconds"]["share of a batch"], one["of_goal"]
    yield f"{'its share of a batch':34}{1000 * share['median']:11.2f} {1000 * share['99 %']:9.2f}"
    for what, spent in one["visit_seconds"]["alone"].items():
        label = f"alone, {one['goal_predictions']:,.0f} predictions" if what == "all" else f"  {what}"
        yield f"{label:34}{1000 * spent:11.2f}"
    label = f"{of_goal['visits']} of {of_goal['predictions']:,.0f} predictions, each"
    yield f"{label:34}{1000 * of_goal['seconds']:11.2f}"


def _comparison_lines(one: dict[str, Any]) -> Iterator[str]:
    seconds, visits = one["seconds"], one["rows"]["visits"]
    yield f"{'pairs within the radius':34}{'ms/visit':>11} {'to the join':>12}"
    for label, key in (("box join", "join"), ("scipy cKDTree, in memory", "trees")):
        yield f"{label:34}{1000 * seconds[key] / visits:11.2f} {seconds[key] / seconds['join']:12.2f}"


def _memory_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"{'peak memory of the client, MB':34}{'ingest':>11} {'associate':>9}"
    for size, peak in one["peak_mb"].items():
        yield f"{f'{size} visits':34}{peak['ingest']:11.0f} {peak['associate']:9.0f}"


def _disk_lines(one: dict[str, Any]) -> Iterator[str]:
    whole, visits = one["disk_bytes"], one["rows"]["visits"]
    yield f"on the disk: {whole / 1e6:,.1f} MB, {whole / 1e3 / visits:,.0f} kB a visit"


def _goal_lines(goals: list[dict[str, Any]]) -> Iterator[str]:
    yield f"{'goal':70}{'to reach':>22} {'this run':>14}  reached"
    words = {True: "yes", False: "no", None: "-"}
    for goal in goals:
        yield f"{goal['what']:70}{goal['limit']:>22} {goal['figure']:>14}  {words[goal['reached']]}"
