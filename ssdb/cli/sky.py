"""``ssdb sky``: the known objects at a place of the sky at a time, from their stored orbits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.answers import answer_options, place_option, print_answer, wanted_format
from ssdb.cli.common import input_path, main, open_database, progress_bars, table_options, wrong_usage

if TYPE_CHECKING:
    from ssdb.ask.sql import QueryResult
    from ssdb.predict.sky_now import Sky


@main.command()
@click.option(
    "--ra",
    metavar="DEG|HH:MM:SS",
    help="Right ascension of the centre, ICRS: degrees, unless written as hours: 12:30:15, '12 30 15', 12h30m15s.",
)
@click.option(
    "--dec",
    metavar="DEG|DD:MM:SS",
    help="Declination of the centre, ICRS, degrees: -5.175, -05:10:30, '-05 10 30', -05d10m30s.",
)
@click.option("--radius", type=float, metavar="DEG", help="Of the circle, degrees, up to 10.")
@click.option(
    "--time",
    metavar="DATE",
    help="2026-06-01, 2026-06-01T12:30:00 (UTC), or MJD TAI. Default: now, or that of an image.",
)
@click.option(
    "--code",
    "--observatory",
    "observatory",
    metavar="CODE",
    help="MPC code of the observatory. Default: 500, the Earth's centre.",
)
@place_option
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="The objects on the images of a FITS file, or of a text of headers, by WCS and time.",
)
@click.option(
    "--upload", metavar="FILE", help="Many positions: ra, dec (deg), midpointMjdTai (d); id. - is standard input."
)
@table_options
@click.option(
    "--cache",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="What is computed for a night is kept here. Default: the user's cache.",
)
@click.option("--no-cache", is_flag=True, help="Keep nothing for the next time.")
@answer_options
@click.pass_context
def sky(
    ctx: click.Context,
    image: str | None,
    upload: str | None,
    cache: str | None,
    no_cache: bool,
    format_: str | None,
    as_json: bool,
    output: str | None,
    **options: Any,
) -> None:
    """Print the known objects at a place of the sky at a time, from the stored orbits.

    Position (ICRS), distance from the centre, motion, magnitude, geometry, error ellipse. No visit is needed, and
    nothing is stored in the database.
    """
    from ssdb.ask.sql import Answer
    from ssdb.predict.sky_now import sky_of

    _refuse(image, upload, options)
    if cache is not None and no_cache:
        raise click.UsageError("--cache and --no-cache exclude each other")
    format_ = wanted_format(format_, as_json, output)
    database = open_database(ctx)
    with (
        progress_bars("orbits") as (progress,),
        sky_of(database, cache=cache or not no_cache, progress=progress) as now,
    ):
        table = _asked(now, image, upload, options)
    if not table.rows:
        click.echo(f"there is no known object: none of {now.n_orbits:,} orbits", err=True)
    print_answer(Answer(table.columns, iter([table.rows]), table.schema), format_, output)


def _refuse(image: str | None, upload: str | None, options: dict[str, Any]) -> None:
    """Raises a UsageError where options do not go together."""
    where = [name for name in ("ra", "dec") if options[name] is not None]
    said = [f"--{name}" for name in where[:1]]
    said += [name for name, file in (("--image", image), ("--upload", upload)) if file is not None]
    if not said:
        raise click.UsageError("say where: --ra and --dec, or --image FILE, or --upload FILE")
    if len(said) > 1:
        raise click.UsageError(f"{' and '.join(said)} exclude each other: say where in one way")
    if where and len(where) < 2:
        raise click.UsageError("--ra and --dec go together")
    if image is None and options["radius"] is None:
        raise click.UsageError("say how far from the centre: --radius DEG")
    if image is not None and options["radius"] is not None:
        raise click.UsageError("--radius goes without --image: the field is that of the image")
    if upload is not None and options["time"] is not None:
        raise click.UsageError("--time goes without --upload: each position has its own")
    if upload is None and (options["table"] is not None or options["type"] is not None):
        raise click.UsageError("--table and --type go with --upload")
    if options["observatory"] is not None and options["place"] is not None:
        raise click.UsageError("--code and --place exclude each other")


def _asked(now: Sky, image: str | None, upload: str | None, options: dict[str, Any]) -> QueryResult:
    from ssdb.ephemeris.observer import GEOCENTRE

    observatory, radius = options["place"] or options["observatory"], options["radius"]
    with wrong_usage():
        if image is not None:
            return now.images(image, observatory, options["time"])
        if upload is not None:
            with input_path(upload, options["type"]) as (path, type_):
                return now.positions(path, radius, observatory or GEOCENTRE, table=options["table"], type=type_)
        return now(options["ra"], options["dec"], radius, options["time"] or _now(), observatory or GEOCENTRE)


def _now() -> Any:
    from datetime import UTC, datetime

    return datetime.now(UTC)
