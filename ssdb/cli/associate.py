"""``ssdb associate``, which finds the matches, and ``ssdb listen``, which prints visits as they are associated."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import (
    Command,
    by_reason,
    is_given,
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
from ssdb.config import AssociationConfig, option_of
from ssdb.errors import shown

if TYPE_CHECKING:
    from ssdb.association.associate import AssociationReport


def config_options(command: Command) -> Command:
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
    """Takes what :func:`config_options` added out of the options; one of the other mode is wrong usage."""
    chosen = {item.name: options.pop(item.name) for item in fields(AssociationConfig)}
    for item in fields(AssociationConfig):
        if is_given(ctx, item.name) and item.metadata["mode"] not in ("", chosen["mode"]):
            raise click.UsageError(
                f"{option_of(item)} belongs to the {item.metadata['mode']} mode, and --mode is {chosen['mode']}: leave "
                f"it out, or say --mode {item.metadata['mode']}"
            )
    with wrong_usage():
        return AssociationConfig(**chosen)


@main.command()
@several("--visit", "visits", "This visit, pending or done; repeat for more.")
@several("--detector", "detectors", "Of the --visit, this detector alone; it needs an outline.")
@click.option("--all", "everything", is_flag=True, help="Every visit that has predictions, those that are done too.")
@click.option("--pending", is_flag=True, help="Every visit that is pending and has predictions (the default).")
@config_options
@json_option
@click.pass_context
def associate(
    ctx: click.Context,
    visits: tuple[int, ...],
    detectors: tuple[int, ...],
    everything: bool,
    pending: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find which sources are which known objects, and store the result.

    Running it again gives the same rows. The exit code is 1 if a visit could not be associated; the others are stored.
    A stored prediction that makes no sense is reported, and not used.
    """
    from ssdb.association.associate import associate as run

    if sum([bool(visits), everything, pending]) > 1:
        raise click.UsageError("--visit, --all and --pending exclude each other")
    if detectors and not visits:
        raise click.UsageError("--detector needs --visit")
    how: dict[str, Any] = {"config": association_config(ctx, options), "everything": everything}
    database = open_database(ctx)
    with progress_bars("associate") as (progress,):
        report = run(database, visits or None, detectors=detectors or None, progress=progress, **how)
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
    tell_left_out(report)
    tell_failures(f"visit {visit} is not associated: {reason}" for visit, reason in report.failed.items())


def tell_left_out(report: AssociationReport) -> None:
    """Says on stderr which predictions were not used."""
    predictions = ((f"visit {row.visit}: {row.designation}", row.reason) for row in report.left_out)
    for reason, which in by_reason(predictions).items():
        click.echo(f"ssdb: stored predictions that make no sense ({shown(which)}): {reason}", err=True)


def _as_dict(report: AssociationReport) -> dict[str, Any]:
    return {
        "runId": report.run_id,
        "configuration": asdict(report.config),
        "nVisits": len(report.visits),
        **report.totals,
        "nWithoutPredictions": report.n_without_predictions,
        "nTaken": report.n_taken,
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
            ("sources", sources),
            ("known objects expected", expected),
            ("known objects found", f"{found:,}{share}"),
            ("sources that are no known object", sources - found),
            ("seconds", f"{report.seconds:.2f}"),
            *((f"  {name}", f"{stage.seconds:.2f}") for name, stage in report.stages.items()),
        ]
    )


@main.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after S quiet seconds.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N visits.")
@click.pass_context
def listen(ctx: click.Context, timeout: float | None, count: int | None) -> None:
    """Print each visit as soon as any process has associated it, as a line of JSON (PostgreSQL).

    Ends with Ctrl-C.
    """
    from ssdb.store.notify import listen as hear

    with suppress(KeyboardInterrupt), closing(hear(open_database(ctx), timeout=timeout)) as heard:
        for number, outcome in enumerate(heard, start=1):
            print_json(outcome)
            if number == count:
                break
