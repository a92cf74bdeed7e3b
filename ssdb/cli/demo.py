"""``ssdb simulate`` and ``ssdb demo``: a night with known truth."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.common import json_option, main, print_json, print_pairs, wrong_usage

_visits = click.option("--visits", "n_visits", type=int, default=20, show_default=True, help="Exposures.")
_sources = click.option(
    "--sources", "n_sources", type=int, default=2000, show_default=True, help="Unrelated sources a visit."
)
_objects = click.option(
    "--objects", "n_objects", type=int, default=300, show_default=True, help="Known objects a field."
)
_detectors = click.option(
    "--detectors",
    "n_detectors",
    type=int,
    default=9,
    show_default=True,
    help="Detectors a visit, a square number; 189: a camera like Rubin's; 0: no footprints.",
)
_seed = click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another night.")


@main.command()
@click.argument("directory", type=click.Path(file_okay=False))
@_visits
@_sources
@_objects
@_detectors
@_seed
@json_option
def simulate(directory: str, as_json: bool, **options: Any) -> None:
    """Write a made-up night as files that `ssdb ingest` reads, with its truth."""
    from ssdb.simulate import SimulationConfig, simulate_night, write_night

    with wrong_usage():
        config = SimulationConfig(**options)
    files = write_night(simulate_night(config), directory)
    if as_json:
        print_json({kind: str(path) for kind, path in files.items()})
    else:
        print_pairs((kind, str(path)) for kind, path in files.items())


@main.command()
@click.argument("directory", type=click.Path(file_okay=False), default="demo")
@_visits
@_sources
@_objects
@_detectors
@_seed
@json_option
def demo(directory: str, as_json: bool, **options: Any) -> None:
    """Simulate a night, load and associate it in an SQLite file, and compare with the truth.

    Everything is written into DIRECTORY (default: demo).
    """
    import sqlalchemy as sa

    from ssdb.demo import run_demo
    from ssdb.errors import MissingPackageError
    from ssdb.simulate import SimulationConfig
    from ssdb.store.ddl.migrate import connect

    with wrong_usage():
        config = SimulationConfig(**options)
    result = run_demo(directory, config)
    if as_json:
        print_json(asdict(result))
        return
    found = result.score
    print_pairs(
        [
            ("visits", result.visits),
            ("sources", result.sources),
            ("predictions", result.predictions),
            ("objects among the sources", found.n_truth),
            ("matches", found.n_matched),
            ("  of these right", found.n_correct),
            ("completeness", f"{found.completeness:.4f}"),
            ("purity", f"{found.purity:.4f}"),
            *((f"seconds to {stage}", f"{seconds:.2f}") for stage, seconds in result.seconds.items()),
        ]
    )
    try:
        from ssdb.report import make_report
    except MissingPackageError:
        click.echo("\nFor a report with figures: pip install 'ssdb-asteroids[report]', then ssdb report DIR")
    else:
        with closing(connect(sa.URL.create("sqlite", database=str(result.database)))) as database:
            click.echo(f"\nSee it: {make_report(database, result.database.parent / 'report').page}")
    # As it was called, so that the line works without ssdb on the PATH, too.
    program = "ssdb" if shutil.which("ssdb") else sys.argv[0]
    click.echo(f'\nAsk it: {program} --db sqlite:///{result.database} query "SELECT * FROM SSSource LIMIT 5"')
