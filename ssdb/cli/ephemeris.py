"""``ssdb ephemeris``: positions of objects at many times, from their stored orbits."""

from __future__ import annotations

from typing import Any

import click

from ssdb.cli.answers import answer_options, print_answer, wanted_format
from ssdb.cli.common import main, open_database, wrong_usage
from ssdb.errors import ConfigError


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option(
    "--code", "--observatory", "observatory", required=True, metavar="CODE", help="MPC code of the observatory."
)
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
    ctx: click.Context, start: str, end: str, format_: str | None, as_json: bool, output: str | None, **options: Any
) -> None:
    """Print where objects with a stored orbit are: positions (ICRS), motion, magnitude, geometry, error ellipse.

    NAME is any name of an object.
    """
    from ssdb.ask.sql import Answer
    from ssdb.predict.ephemeris_table import ephemeris_table

    format_ = wanted_format(format_, as_json, output)
    scale = options["scale"]
    if _mjd_tai("--to", end, scale) < _mjd_tai("--from", start, scale):
        raise click.UsageError(f"--to {end} is before --from {start}")
    database = open_database(ctx)
    with wrong_usage():
        table = ephemeris_table(database, start=start, end=end, **options)
    print_answer(Answer(table.columns, iter([table.rows]), table.schema), format_, output)


def _mjd_tai(option: str, given: str, scale: str | None) -> float:
    from ssdb.io.times import mjd_tai_of

    try:
        return mjd_tai_of(given, scale)
    except ConfigError as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from None
