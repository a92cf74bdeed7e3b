"""``ssdb export ades``: what the Minor Planet Center gets."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.answers import time_options
from ssdb.cli.common import input_path, json_option, main, open_database, print_json, several


@main.command("export ades")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="PSV or XML, by the ending: .psv, .xml.",
)
@click.option(
    "--header", required=True, metavar="HEADER.yaml", help="Observatory, submitter, measurers, telescope, ..."
)
@click.option("--stn", "station", metavar="CODE", help="The observatory code, where the header has none.")
@several("--visit", "visits", "Only this visit; repeat for more.")
@time_options("sources of visits")
@click.option(
    "--tracklets",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Sources to report with a trkSub, known objects or not: diaSourceId, trkSub.",
)
@click.option("--again", is_flag=True, help="Also what was reported before.")
@click.option("--outliers", is_flag=True, help="Also what is far from its orbit or not certain.")
@click.option(
    "--n-sigma",
    type=click.FloatRange(0, 10, min_open=True),
    default=3.0,
    show_default=True,
    help="Sources farther from their orbits are outliers, in units of the errors.",
)
@click.option(
    "--min-probability",
    type=click.FloatRange(0, 1),
    default=0.9,
    show_default=True,
    help="Sources that are less probably their objects are left out.",
)
@json_option
@click.pass_context
def export_ades(
    ctx: click.Context, output: str, tracklets: str | None, visits: tuple[int, ...], as_json: bool, **options: Any
) -> None:
    """Write what was observed of known objects for the Minor Planet Center, as ADES.

    Only what was not reported before: the database remembers it.
    """
    from ssdb.exchange.ades import export_ades as write

    opened = nullcontext((None, None)) if tracklets is None else input_path(tracklets, None)
    with opened as (path, _):
        report = write(open_database(ctx), output, visits=visits or None, tracklets=path, **options)
    for reason, n in report.left_out.items():
        click.echo(f"{n:,} sources left out that {reason}", err=True)
    if report.forgotten:
        click.echo(f"{report.forgotten:,} sources had answers to an earlier file: these are forgotten", err=True)
    if as_json:
        print_json(asdict(report))
    elif report.file is None:
        click.echo(f"there is nothing new to report in {report.visits:,} visits, and no file was written")
    else:
        click.echo(
            f"{report.file}: {report.observations:,} observations of {report.objects:,} known objects, in "
            f"{report.tracklets:,} tracklets"
        )
