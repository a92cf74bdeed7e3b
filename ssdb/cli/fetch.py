"""``ssdb fetch``: predictions from a web service into the database."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.common import (
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    progress_bars,
    several,
    tell_failures,
    wrong_usage,
)


@main.group()
def fetch() -> None:
    """Ask services for predictions, and store their answers."""


@fetch.command("predictions")
@click.option(
    "--service", type=click.Choice(["mpsky"]), default="mpsky", show_default=True, help="What kind of service it is."
)
@click.option("--url", required=True, metavar="URL", help="Where the service is: http://HOST[:PORT][/PATH].")
@several("--visit", "visits", "This visit; repeat for more.")
@click.option("--radius", type=float, metavar="DEG", help="Radius of the fields, instead of what is known of them.")
@click.option(
    "--replace", is_flag=True, help="First remove the predictions of the --visit, and what was derived from them."
)
@click.option(
    "--timeout", type=float, default=30.0, show_default=True, metavar="SECONDS", help="For one try; there are four."
)
@json_option
@click.pass_context
def predictions(
    ctx: click.Context, url: str, visits: tuple[int, ...], replace: bool, as_json: bool, **options: Any
) -> None:
    """Load the known objects in the visits from a service.

    Without --visit: for all visits that are pending and have no predictions. The exit code is 1 if the predictions of
    a visit could not be fetched; it stays pending, and those of the others are stored.
    """
    from ssdb.services.predictions import fetch_predictions

    if replace and not visits:
        raise click.UsageError("--replace needs --visit: other visits have nothing to be replaced")
    database = open_database(ctx)
    with wrong_usage(), progress_bars("fetch predictions") as (progress,):
        report = fetch_predictions(database, url, visits=visits or None, replace=replace, progress=progress, **options)
    if as_json:
        print_json(asdict(report))
    else:
        print_pairs(
            [
                ("visits fetched", len(report.predictions)),
                ("  of these without known objects", sum(not n for n in report.predictions.values())),
                ("visits failed", len(report.failed)),
                ("predictions", sum(report.predictions.values())),
                ("seconds", f"{report.seconds:.2f}"),
            ]
        )
    for visit, doubts in report.doubts.items():
        for doubt in doubts:
            click.echo(f"visit {visit}: {doubt}", err=True)
    tell_failures(
        f"predictions of visit {visit} could not be fetched: {reason}" for visit, reason in report.failed.items()
    )
