"""``ssdb simulate`` and ``ssdb demo``: a simulated night of which the truth is known."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.common import Command, json_option, main, print_json, print_pairs, wrong_usage

_NUMBERS = {
    "n_visits": (20, "Number of visits."),
    "n_sources": (2000, "Sources in a visit that are no known object."),
    "n_objects": (300, "Known objects in a field."),
    "n_variables": (0, "Variable stars in a field."),
    "n_detectors": (9, "Detectors in a visit, a square number; 189: a camera like Rubin's; 0: no outlines."),
    "seed": (1, "Another seed makes another night."),
}
"""Settings of SimulationConfig with the default here, and what they are."""


def _simulation_options(command: Command) -> Command:
    """An option for each of these settings."""
    for name, (default, text) in reversed(_NUMBERS.items()):
        option = click.option(
            f"--{name.removeprefix('n_')}", name, type=int, default=default, show_default=True, help=text
        )
        command = option(command)
    return command


@main.command()
@click.argument("directory", type=click.Path(file_okay=False))
@_simulation_options
@json_option
def simulate(directory: str, as_json: bool, **options: Any) -> None:
    """Write a simulated night as files that `ssdb ingest` reads, with its truth."""
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
@_simulation_options
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
    # As it was called, so that the lines work without ssdb on the PATH, too.
    program = f"{'ssdb' if shutil.which('ssdb') else sys.argv[0]} --db sqlite:///{result.database}"
    folder = result.database.parent / "report"
    try:
        from ssdb.report import make_report
    except MissingPackageError:
        click.echo(f"\nFor a report with figures: pip install 'ssdb-asteroids[report]', then {program} report {folder}")
    else:
        with closing(connect(sa.URL.create("sqlite", database=str(result.database)))) as database:
            click.echo(f"\nSee it: {make_report(database, folder).page}")
    click.echo(f'\nAsk it: {program} query "SELECT * FROM SSSource LIMIT 5"')
