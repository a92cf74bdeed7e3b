"""``ssdb summarize``: what all observations of objects say together."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import click

from ssdb.cli.common import (
    Command,
    config_option,
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    progress_bars,
    several,
    wrong_usage,
)
from ssdb.config import SummaryConfig

_OPTIONS = ("model", "fiducial", "floor_mag", "clip")
"""Of the configuration, what is on the command line; the others can be set in Python."""


def _config_options(command: Command) -> Command:
    for item in reversed([item for item in fields(SummaryConfig) if item.name in _OPTIONS]):
        command = config_option(item, item.name)(command)
    return command


@main.command()
@several("--object", "objects", "Only this object, due or not; repeat for more.", type=str, metavar="NAME")
@click.option("--all", "everything", is_flag=True, help="Every object that was ever observed.")
@_config_options
@json_option
@click.pass_context
def summarize(ctx: click.Context, objects: tuple[str, ...], everything: bool, as_json: bool, **options: Any) -> None:
    """Fill SSObject: absolute magnitudes and slopes, counts, MOID, of objects that changed since the last time.

    It may be killed, and run again: it does the rest. What was observed of an object since then makes it due again.
    """
    from ssdb.summary.summarize import summarize as run

    if objects and everything:
        raise click.UsageError("--object and --all exclude each other")
    with wrong_usage():
        config = SummaryConfig(**options)
    database = open_database(ctx)
    with progress_bars("observations") as (progress,):
        report = run(database, objects or None, all=everything, config=config, progress=progress)
    if as_json:
        print_json(report.as_dict())
        return
    print_pairs(
        [
            ("objects summarized", report.n_objects),
            ("objects without observations, removed", report.n_removed),
            ("observations", report.n_observations),
            ("phase curves", report.n_fits),
            ("seconds", f"{report.seconds:.2f}"),
        ]
    )
