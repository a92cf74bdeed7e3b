"""``ssdb ephemeris``: positions of objects at many times, from their stored orbits."""

from __future__ import annotations

from typing import Any

import click

from ssdb.cli.answers import answer_options, place_option, print_answer, wanted_format
from ssdb.cli.common import main, open_database, wrong_usage


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--code", "--observatory", "observatory", metavar="CODE", help="MPC code of the observatory.")
@place_option
@click.option(
    "--from", "start", required=True, metavar="DATE", help="2026-06-01, 2026-06-01T12:30:00 (UTC), or MJD TAI."
)
@click.option("--to", "end", required=True, metavar="DATE", help="The last time, if the steps lead to it.")
@click.option("--step", default="1d", show_default=True, metavar="STEP", help="Between two times: 1d, 6h, 10min, 30s.")
@click.option(
    "--scale",
    type=click.Choice(["utc", "tai", "tt", "tdb"], case_sensitive=False),
    help="Time scale of --from and --to. Default: UTC for dates, TAI for MJD.",
)
@answer_options
@click.pass_context
def ephemeris(
    ctx: click.Context,
    observatory: str | None,
    place: tuple[float, float, float] | None,
    format_: str | None,
    as_json: bool,
    output: str | None,
    **options: Any,
) -> None:
    """Print where objects with a stored orbit are: positions (ICRS), motion, magnitude, geometry, error ellipse.

    NAME is any name of an object.
    """
    from ssdb.ask.sql import Answer
    from ssdb.predict.ephemeris_table import ephemeris_table

    where = observatory or place
    if where is None or (observatory is not None and place is not None):
        raise click.UsageError("say from where: --code CODE, or else --place LON,LAT,ALT")
    format_ = wanted_format(format_, as_json, output)
    database = open_database(ctx)
    with wrong_usage():
        table = ephemeris_table(database, observatory=where, **options)
    print_answer(Answer(table.columns, iter([table.rows]), table.schema), format_, output)
