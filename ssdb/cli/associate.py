"""``ssdb associate``: the main job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import (
    by_reason,
    is_given,
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    with_progress,
    wrong_usage,
)
from ssdb.config import AssociationConfig, option_of
from ssdb.errors import shown

if TYPE_CHECKING:
    from ssdb.association.associate import AssociationReport
    from ssdb.store.transfer.write import Progress


def config_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for every field of AssociationConfig."""
    for item in reversed(fields(AssociationConfig)):
        choices = item.metadata["choices"]
        command = click.option(
            option_of(item),
            item.name,
            type=click.Choice(choices) if choices else type(item.default),
            default=item.default,
            show_default=True,
            help=f"{item.metadata['help'][0].upper()}{item.metadata['help'][1:]}.",
        )(command)
    return command


def association_config(ctx: click.Context, options: dict[str, Any]) -> AssociationConfig:
    """What the options of :func:`config_options` say; those of the other mode are wrong usage."""
    for item in fields(AssociationConfig):
        if is_given(ctx, item.name) and item.metadata["mode"] not in ("", options["mode"]):
            raise click.UsageError(
                f"{option_of(item)} is of the {item.metadata['mode']} mode, and --mode is {options['mode']}: leave it "
                f"out, or say --mode {item.metadata['mode']}"
            )
    with wrong_usage():
        return AssociationConfig(**options)


@main.command()
@click.option(
    "--visit", "visits", type=int, multiple=True, metavar="N", help="This visit, pending or done; repeat for more."
)
@click.option(
    "--detector",
    "detectors",
    type=int,
    multiple=True,
    metavar="N",
    help="Of the --visit, this detector alone; it needs a footprint.",
)
@click.option("--all", "everything", is_flag=True, help="Every visit that has predictions, those that are done too.")
@click.option("--pending", is_flag=True, help="Every visit that is pending and has predictions (the default).")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Processes that share the visits (PostgreSQL).",
)
@config_options
@json_option
@click.pass_context
def associate(
    ctx: click.Context,
    visits: tuple[int, ...],
    detectors: tuple[int, ...],
    everything: bool,
    pending: bool,
    workers: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Find which sources are which known objects, and store the result.

    A second run gives the same rows. Exit code 1 if a visit could not be associated; the others are. A stored
    prediction that makes no sense is told, and left out.
    """
    from ssdb.association.associate import associate as run

    if sum([bool(visits), everything, pending]) > 1:
        raise click.UsageError("--visit, --all and --pending exclude each other")
    if detectors and not visits:
        raise click.UsageError("--detector needs --visit")
    config = association_config(ctx, options)
    database = open_database(ctx)

    def work(progress: Progress) -> AssociationReport:
        return run(
            database,
            visits or None,
            detectors=detectors or None,
            everything=everything,
            config=config,
            workers=workers,
            progress=progress,
        )

    report: AssociationReport = with_progress("associate", work)
    if as_json:
        print_json(_as_dict(report))
    else:
        _print(report)
    if report.n_without_predictions and not visits:
        click.echo(
            f"{report.n_without_predictions:,} visits stay pending because no predictions were loaded for them "
            "(SELECT visit FROM Visit WHERE predictionsAt IS NULL); if they have no known object, load the night's "
            "predictions with --complete",
            err=True,
        )
    predictions = ((f"visit {row.visit}: {row.designation}", row.reason) for row in report.left_out)
    for reason, which in by_reason(predictions).items():
        click.echo(f"ssdb: stored predictions that make no sense ({shown(which)}): {reason}", err=True)
    for visit, reason in report.failed.items():
        click.echo(f"ssdb: visit {visit} is not associated: {reason}", err=True)
    if report.failed:
        ctx.exit(1)


def _as_dict(report: AssociationReport) -> dict[str, Any]:
    return {
        "runId": report.run_id,
        "configuration": asdict(report.config),
        "nVisits": len(report.visits),
        **report.totals,
        "nWithoutPredictions": report.n_without_predictions,
        "nTaken": report.n_taken,
        "nWorkers": report.n_workers,
        "seconds": report.seconds,
        "timings": report.stages.as_dict(),
        "visits": [asdict(outcome) for outcome in report.visits],
        "leftOut": [row._asdict() for row in report.left_out],
        "failed": {str(visit): reason for visit, reason in report.failed.items()},
    }


def _print(report: AssociationReport) -> None:
    totals = report.totals
    sources, expected, found = (totals[name] for name in ("nSources", "nTotalSsObjects", "nAssociatedSsObjects"))
    share = f" ({100 * found / expected:.1f} %)" if expected else ""
    print_pairs(
        [
            ("visits associated", len(report.visits)),
            ("visits failed", len(report.failed)),
            ("visits without predictions, left pending", report.n_without_predictions),
            ("visits left to another process", report.n_taken),
            ("worker processes", report.n_workers),
            ("sources", sources),
            ("known objects expected", expected),
            ("known objects found", f"{found:,}{share}"),
            ("sources that are no known object", sources - found),
            ("seconds", f"{report.seconds:.2f}"),
            *((f"  {name}", f"{stage.seconds:.2f}") for name, stage in report.stages.items()),
        ]
    )
