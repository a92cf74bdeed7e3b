"""``ssdb predict``: predicts where known objects are in the visits, from their orbits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import (
    by_reason,
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    progress_bars,
    several,
    tell_failures,
)
from ssdb.errors import shown

if TYPE_CHECKING:
    from ssdb.predict.visits import PredictionReport


@main.command()
@click.option("--pending", is_flag=True, help="Every visit that has no predictions (the default).")
@several("--visit", "visits", "This visit; repeat for more.")
@several(
    "--night", "nights", "The visits of this night (integer part of MJD TAI), and its segments even without visits."
)
@several("--object", "objects", "With --redo: this object alone.", type=str, metavar="NAME")
@click.option(
    "--redo",
    is_flag=True,
    help="Replace predictions that are there, and remove what was derived from them.",
)
@click.option("--observatory", metavar="CODE", help="MPC code for visits that do not say their observatory.")
@json_option
@click.pass_context
def predict(
    ctx: click.Context,
    pending: bool,
    visits: tuple[int, ...],
    nights: tuple[int, ...],
    objects: tuple[str, ...],
    redo: bool,
    observatory: str | None,
    as_json: bool,
) -> None:
    """Find which known objects are in the visits, from their orbits.

    The exit code is 1 if a visit could not be predicted; the others are stored. An object that cannot be followed is
    reported, and left out.
    """
    if pending and (visits or nights or redo):
        raise click.UsageError("--pending goes without --visit, --night and --redo")
    if redo and not (visits or nights or objects):
        raise click.UsageError("--redo needs --visit, --night or --object: what is to be predicted again")
    if objects and not redo:
        raise click.UsageError("--object needs --redo: other visits are predicted with all objects")
    database = open_database(ctx)
    which: dict[str, Any] = {"visits": visits or None, "nights": nights, "observatory": observatory}
    with progress_bars("segments", "predict") as (of_orbits, progress):
        if objects:
            from ssdb.predict.one_object import predict_objects

            report = predict_objects(database, objects, progress=progress, **which)
        else:
            from ssdb.predict.visits import predict_visits

            report = predict_visits(database, redo=redo, orbits_progress=of_orbits, progress=progress, **which)
    if as_json:
        print_json(asdict(report))
    else:
        _print(report, bool(objects))
    if report.n_of_sources:
        click.echo(
            f"{report.n_of_sources:,} visits have neither ra, dec and radius nor detectors: their fields were taken to "
            "be the circles that hold their sources",
            err=True,
        )
    for reason, lost in by_reason(report.lost.items()).items():
        click.echo(f"ssdb: {shown(lost)} cannot be followed: {reason}", err=True)
    failed = by_reason(report.failed.items())
    tell_failures(f"visit {shown(numbers)} is not predicted: {reason}" for reason, numbers in failed.items())


def _print(report: PredictionReport, of_objects: bool) -> None:
    for night, made in report.nights.items():
        lost = f", {made.lost:,} orbits cannot be followed" if made.lost else ""
        click.echo(f"night {night}: {made.made:,} segments made{lost}")
    done, left = (
        ("visits changed", "visits as they were") if of_objects else ("visits predicted", "visits left as they were")
    )
    print_pairs(
        [
            (done, len(report.predictions)),
            ("  of these without known objects", sum(not n for n in report.predictions.values())),
            (left, report.n_left),
            ("visits failed", len(report.failed)),
            ("predictions", sum(report.predictions.values())),
            ("seconds", f"{report.seconds:.2f}"),
            ("  for segments", f"{report.seconds_segments:.2f}"),
        ]
    )
