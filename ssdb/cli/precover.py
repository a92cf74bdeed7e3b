"""``ssdb precover``: looks for an object among the sources of all visits."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.associate import config_of, config_options
from ssdb.cli.common import (
    chosen_format,
    is_given,
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    print_table,
    progress_bars,
    tell_failures,
)
from ssdb.config import AssociationConfig
from ssdb.ingest.formats import ORBIT_FORMATS

if TYPE_CHECKING:
    from ssdb.predict.precover import PrecoveryReport


@main.command()
@click.argument("name", required=False)
@click.option(
    "--orbit",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="A file with the orbit, instead of that in mpc_orbits.",
)
@chosen_format(ORBIT_FORMATS, help="What the FILE is, as for ssdb ingest orbits.")
@click.option("--observatory", metavar="CODE", help="MPC code for visits that do not say their observatory.")
@click.option(
    "--commit", is_flag=True, help="Store the predictions (and the orbit of a FILE), and associate these visits."
)
@click.option(
    "--replace-orbit",
    is_flag=True,
    help="With --commit: store the orbit of the FILE even if that in mpc_orbits is better.",
)
@config_options(AssociationConfig)
@json_option
@click.pass_context
def precover(
    ctx: click.Context, name: str | None, orbit: str | None, commit: bool, as_json: bool, **options: Any
) -> None:
    """Look for an object in all visits, among the sources that have no object yet.

    NAME is any name of the object, whose orbit is in mpc_orbits or in a FILE. The options of associate say which
    sources are near enough. Nothing is changed without --commit.
    """
    from ssdb.predict.precover import precover as run

    if name is None and orbit is None:
        raise click.UsageError("say which object: a NAME, or --orbit FILE")
    if orbit is None and is_given(ctx, "format"):
        raise click.UsageError("--format needs --orbit: it says what that FILE is")
    for one in ("method", "max_pixel_margin"):
        if not commit and is_given(ctx, one):
            raise click.UsageError(f"--{one.replace('_', '-')} needs --commit: it says how these visits are associated")
    config = config_of(ctx, AssociationConfig, options)
    database = open_database(ctx)
    with progress_bars("precover") as (progress,):
        report = run(database, name, orbit=orbit, config=config, commit=commit, progress=progress, **options)
    if as_json:
        print_json(_as_dict(report))
    else:
        _tell(report)
    if report.n_without_predictions:
        click.echo(
            f"{report.n_without_predictions:,} visits are left as they are, because no predictions were loaded for "
            "them: run `ssdb predict` first",
            err=True,
        )
    if report.ends:
        click.echo(f"ssdb: {report.designation} is in no visit beyond its end: {report.ends}", err=True)
    failed = report.failed | (report.association.failed if report.association else {})
    tell_failures(f"visit {visit}: {reason}" for visit, reason in failed.items())


def _as_dict(report: PrecoveryReport) -> dict[str, Any]:
    association = report.association
    return {
        "ssObjectId": report.ssObjectId,
        "designation": report.designation,
        "epochMjdTdb": report.epoch_mjd,
        "nVisits": report.n_visits,
        "nInField": report.n_in_field,
        "nOwn": report.n_own,
        "found": report.found,
        "failed": {str(visit): reason for visit, reason in report.failed.items()},
        "ends": report.ends,
        "nStored": report.n_stored,
        "nWithoutPredictions": report.n_without_predictions,
        "association": association
        and {
            "runId": association.run_id,
            "visits": [asdict(outcome) for outcome in association.visits],
            "failed": {str(visit): reason for visit, reason in association.failed.items()},
        },
    }


def _tell(report: PrecoveryReport) -> None:
    pairs: list[tuple[str, object]] = [
        ("object", report.designation),
        ("epoch of the orbit (MJD TDB)", str(report.epoch_mjd)),
        ("visits", report.n_visits),
        ("  with the object in their field", report.n_in_field),
        ("sources that are the object's already", report.n_own),
        ("sources without an object near it", len(report.found)),
    ]
    if report.association:
        pairs += [("predictions stored", report.n_stored), ("visits associated", len(report.association.visits))]
    print_pairs(pairs)
    if report.found:
        click.echo()
        print_table(list(report.found[0]), [list(row.values()) for row in report.found])
