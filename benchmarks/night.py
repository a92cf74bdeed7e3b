"""Ingest and association of a simulated night, on SQLite and PostgreSQL, beside the least that they could take.

    python -m benchmarks.night [--quick] [--visits 100] [--sources 10000] [--objects 5000] [--detectors 189]
                              [--postgresql-url URL] [--json FILE]

Everything is measured in one run, on databases that are made for it: a time means something only beside another one
of the same machine on the same day. It ends with an error if ssdb does not find the very pairs that the comparison
finds. What the figures mean is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median
from typing import Any

import sqlalchemy as sa

from benchmarks.command import add_output, add_size, new_parser, print_figures
from benchmarks.goals import goals
from benchmarks.growth import growth
from benchmarks.measure import GOAL_SHARE, Figures, load_and_associate, measure
from benchmarks.servers import (
    describe_database,
    describe_machine,
    servers,
    temporary_database,
)
from benchmarks.simulated import LATER, BenchmarkNight, Size, make_night
from benchmarks.tables import text_of
from benchmarks.workers import speeds
from ssdb.store.ddl.migrate import initialize

DIALECTS = ("postgresql", "sqlite")
_FAR_SHARE = 0.08
"""Of the objects predicted on the ecliptic so many are far from it: 400 of 5,000."""
_FRESH_VISITS = 12
_MOST_VISITS_OF_THE_GOAL = 100
_TINY = Size(visits=4, sources=20, on_ecliptic=10, far_from_it=10, columns=47, detectors=4)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.visits, options.sources, options.objects, options.repeat = 6, 300, 100, 1
        options.detectors = min(options.detectors, 4)
    return print_figures("night", options, run, text_of)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("night", __doc__)
    on_ecliptic = "known objects predicted for a visit on the ecliptic, about; 8 %% of them far from it"
    add_size(parser, "the night", objects=on_ecliptic, n_objects=5000)
    parser.add_argument("--repeat", type=int, default=1, help="runs of which the medians are printed (1)")
    parser.add_argument("--databases", type=_databases, default=list(DIALECTS), help="postgresql,sqlite")
    add_output(parser)
    return parser


def _databases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in DIALECTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(DIALECTS)}")
    return [name for name in DIALECTS if name in names]


def run(options: argparse.Namespace) -> Figures:
    """All figures: ``machine``, ``night``, ``databases`` with those of each, ``goals``."""
    figures: Figures = {"machine": describe_machine(), "repeat": options.repeat, "databases": {}}
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-night-") as directory,
        servers(options.databases, options.postgresql_url) as places,
    ):
        _say("making the night")
        nights = {visits: _night(options, visits, Path(directory)) for visits in _sizes(options.visits)}
        fresh = _night(options, _FRESH_VISITS, Path(directory), LATER)
        tiny = make_night(_TINY, Path(directory)).files
        of_goal = _night_of_the_goal(options, Path(directory))
        figures["night"] = {
            "visits": options.visits,
            "columns": options.columns,
            "predictions of a visit": sorted(nights[options.visits].predicted().tolist()),
        }
        for name in options.databases:
            place, words = places[name]
            runs = []
            for number in range(options.repeat):
                _say(f"{name}: run {number + 1} of {options.repeat}")
                runs.append(_run_one(place, nights, fresh, of_goal, tiny))
            figures["databases"][name] = {"server": words, **medians(runs)}
    figures["goals"] = goals(figures)
    return figures


def _sizes(visits: int) -> list[int]:
    """A hundredth and a tenth of the visits, as far as a simulated night can be so short, and all of them."""
    return sorted({max(4, visits // 100), max(4, visits // 10), visits})


def _night(options: argparse.Namespace, visits: int, directory: Path, later: int = 0) -> BenchmarkNight:
    here = directory / f"{visits}-{later}"
    here.mkdir()
    far = round(_FAR_SHARE * options.objects)
    size = Size(visits, options.sources, options.objects, far, options.columns, options.detectors)
    return make_night(size, here, later)


def _night_of_the_goal(options: argparse.Namespace, directory: Path) -> BenchmarkNight:
    """A night in which all visits have as many predictions as the first goal says."""
    here = directory / "goal"
    here.mkdir()
    visits, objects = min(options.visits, _MOST_VISITS_OF_THE_GOAL), round(GOAL_SHARE * options.objects)
    return make_night(Size(visits, options.sources, objects, objects, options.columns, options.detectors), here)


def _run_one(
    place: sa.URL | Path,
    nights: dict[int, BenchmarkNight],
    fresh: BenchmarkNight,
    of_goal: BenchmarkNight,
    tiny: dict[str, Path],
) -> Figures:
    """The figures of one database system: those of the whole night, beside those of shorter ones."""
    *shorter, whole = nights
    with ExitStack() as stack:
        databases = {}
        for visits in nights:
            url = stack.enter_context(temporary_database(place))
            databases[visits] = stack.enter_context(closing(initialize(url)))
        peaks = {
            str(visits): load_and_associate(databases[visits], nights[visits], tiny)["peak_mb"] for visits in shorter
        }
        with temporary_database(place) as url, closing(initialize(url)) as database:
            night_of_goal = load_and_associate(database, of_goal, tiny)
        figures = measure(databases[whole], place, nights[whole], tiny)
        figures["peak_mb"] = peaks | {str(whole): figures["peak_mb"]}
        figures["of_goal"] = night_of_goal
        figures["growth"] = growth(databases, fresh)
        if isinstance(place, sa.URL):  # SQLite lets one write at a time
            figures["workers"] = {"visits": whole, **speeds(databases[whole], [1, 2], 1)}
        figures["database"] = describe_database(databases[whole])
    return figures


def medians(runs: Sequence[Any]) -> Any:
    """Of runs, dictionaries of dictionaries of figures, the same with the median of each figure."""
    if isinstance(runs[0], dict):
        return {key: medians([one[key] for one in runs if key in one]) for key in runs[0]}
    if isinstance(runs[0], float):
        return median(runs)
    return runs[0]


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
