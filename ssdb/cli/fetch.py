"""``ssdb fetch``: services into the database."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_pairs, with_progress, wrong_usage

if TYPE_CHECKING:
    from ssdb.services.predictions import FetchReport
    from ssdb.store.transfer.write import Progress


@main.group()
def fetch() -> None:
    """Ask services, and load what they answer."""


@fetch.command("predictions")
@click.option("--service", type=click.Choice(["mpsky"]), default="mpsky", show_default=True, help="What is asked.")
@click.option("--url", required=True, metavar="URL", help="Where the service is: http://HOST[:PORT][/PATH].")
@click.option("--visit", "visits", type=int, multiple=True, metavar="N", help="This visit; repeat for more.")
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
    ctx: click.Context,
    service: str,
    url: str,
    visits: tuple[int, ...],
    radius: float | None,
    replace: bool,
    timeout: float,
    as_json: bool,
) -> None:
    """Known objects in the visits, from a service.

    Without --visit, of all that are pending and have no predictions. Exit code 1 if those of a visit could not be
    fetched; it stays pending, and the others are stored.
    """
    from ssdb.services.predictions import fetch_predictions

    if replace and not visits:
        raise click.UsageError("--replace needs --visit: other visits have nothing to be replaced")
    database = open_database(ctx)

    def work(progress: Progress) -> FetchReport:
        with wrong_usage():
            return fetch_predictions(
                database,
                url,
                service=service,
                visits=visits or None,
                radius=radius,
                replace=replace,
                timeout=timeout,
                progress=progress,
            )

    report: FetchReport = with_progress("fetch predictions", work)
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
    for visit, reason in report.failed.items():
        click.echo(f"ssdb: predictions of visit {visit} are not there: {reason}", err=True)
    if report.failed:
        ctx.exit(1)
