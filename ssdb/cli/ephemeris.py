"""``ssdb ephemeris``: positions of objects at many times, from their stored orbits."""

from __future__ import annotations

from typing import Any

import click

from ssdb.cli.answers import answer_options, print_answer, wanted_format
from ssdb.cli.common import main, open_database, wrong_usage
from ssdb.errors import quoted


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--code", "--observatory", "observatory", metavar="CODE", help="MPC code of the observatory.")
@click.option(
    "--place",
    metavar="LON,LAT,ALT",
    help="In place of a code: east longitude (deg), latitude (deg), altitude (m); WGS84.",
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
    ctx: click.Context,
    observatory: str | None,
    place: str | None,
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

    if (observatory is None) == (place is None):
        raise click.UsageError("say from where: --code CODE, or else --place LON,LAT,ALT")
    where = observatory or _place(place or "")
    format_ = wanted_format(format_, as_json, output)
    database = open_database(ctx)
    with wrong_usage():
        table = ephemeris_table(database, observatory=where, **options)
    print_answer(Answer(table.columns, iter([table.rows]), table.schema), format_, output)


def _place(text: str) -> tuple[float, float, float]:
    try:
        longitude, latitude, altitude = map(float, text.split(","))
    except ValueError:
        raise click.UsageError(
            f"--place is three numbers such as -70.749,-30.241,2663 (deg, deg, m), not {quoted(text)}"
        ) from None
    return longitude, latitude, altitude
