"""``ssdb associate``, which finds the matches, and ``ssdb listen``, which prints visits as they are associated."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import Field, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ssdb.cli.common import (
    Command,
    by_reason,
    config_option,
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
from ssdb.config import AssociationConfig, DiaConfig, option_of
from ssdb.errors import shown

if TYPE_CHECKING:
    from ssdb.association.associate import AssociationReport
    from ssdb.dia.associate import DiaReport
    from ssdb.store.database import Database
    from ssdb.store.transfer.write import Progress

Config = TypeVar("Config", AssociationConfig, DiaConfig)
SOLAR_SYSTEM, DIA = "solar-system", "dia"


def _parameter(config: type, item: Field[Any]) -> str:
    """The parameter of a command that an option is: both configurations have fields of the same name."""
    return item.name if config is AssociationConfig else f"dia_{item.name}"


def config_options(config: type[Config]) -> Callable[[Command], Command]:
    """An option for every field of a configuration."""

    def added(command: Command) -> Command:
        for item in reversed(fields(config)):
            command = config_option(item, _parameter(config, item))(command)
        return command

    return added


def config_of(ctx: click.Context, config: type[Config], options: dict[str, Any]) -> Config:
    """Takes what :func:`config_options` added out of the options; one of the other mode is wrong usage."""
    chosen = {item.name: options.pop(_parameter(config, item)) for item in fields(config)}
    for item in fields(config):
        if isinstance(item.default, tuple):
            chosen[item.name] = tuple(name.strip() for name in chosen[item.name].split(",") if name.strip())
        if is_given(ctx, _parameter(config, item)) and item.metadata["mode"] not in ("", chosen["mode"]):
            mode = next(option_of(other) for other in fields(config) if other.name == "mode")
            raise click.UsageError(
                f"{option_of(item)} belongs to the {item.metadata['mode']} mode, and {mode} is {chosen['mode']}: leave "
                f"it out, or say {mode} {item.metadata['mode']}"
            )
    with wrong_usage():
        return config(**chosen)


@main.command()
@several("--visit", "visits", "This visit, pending or done; repeat for more.")
@several("--detector", "detectors", "Of the --visit, this detector alone; it needs an outline. Known objects only.")
@click.option("--all", "everything", is_flag=True, help="Known objects of every visit, also of those that are done.")
@click.option("--pending", is_flag=True, help="Every visit that is pending and has predictions (the default).")
@click.option("--only", type=click.Choice([SOLAR_SYSTEM, DIA]), help="One half: known objects, or DiaObjects.")
@config_options(AssociationConfig)
@click.option("--late", is_flag=True, help="DiaObjects also of visits older than others of their field that are done.")
@click.option(
    "--without-solar-system", is_flag=True, help="DiaObjects also of visits whose known objects were not looked for."
)
@config_options(DiaConfig)
@json_option
@click.pass_context
def associate(
    ctx: click.Context,
    visits: tuple[int, ...],
    detectors: tuple[int, ...],
    everything: bool,
    pending: bool,
    only: str | None,
    late: bool,
    without_solar_system: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Find which sources are which known objects, and give the others to DiaObjects.

    Running it again gives the same rows. The exit code is 1 if a visit could not be associated; the others are stored.
    A stored prediction that makes no sense is reported, and not used.
    """
    if sum([bool(visits), everything, pending]) > 1:
        raise click.UsageError("--visit, --all and --pending exclude each other")
    if detectors and not visits:
        raise click.UsageError("--detector needs --visit")
    refuse_other_half(ctx, only)
    of_known, of_dia = config_of(ctx, AssociationConfig, options), config_of(ctx, DiaConfig, options)
    if of_dia != DiaConfig():
        from ssdb.dia.match import flag_columns

        with wrong_usage():
            flag_columns(of_dia)
    database = open_database(ctx)
    known: AssociationReport | None = None
    dia: DiaReport | None = None
    with progress_bars(
        *([] if only == DIA else ["associate"]), *([] if only == SOLAR_SYSTEM else ["DiaObjects"])
    ) as bars:
        if only != DIA:
            known = _find_known(database, visits, detectors, everything, of_known, bars[0])
        if only != SOLAR_SYSTEM:
            dia = _give_to_objects(database, visits, of_dia, not without_solar_system, late, bars[-1])
    if as_json:
        print_json(({} if known is None else _as_dict(known)) | {"dia": dia and _dia_as_dict(dia)})
    else:
        _print(known, dia)
    if known is not None:
        _tell_of_known(known, visits)
    if dia is not None:
        _tell_of_dia(dia, alone=known is None)
    failed = [(f"visit {visit} is not associated", reason) for visit, reason in (known.failed if known else {}).items()]
    if dia is not None:
        failed += [(f"sources of visit {visit} have no DiaObjects", reason) for visit, reason in dia.failed.items()]
    tell_failures(f"{what}: {reason}" for what, reason in failed)


def refuse_other_half(ctx: click.Context, only: str | None) -> None:
    """Refuses options that mean nothing for the half that is asked for."""
    of_dia = {"--late": "late", "--without-solar-system": "without_solar_system"}
    of_dia |= {option_of(item): _parameter(DiaConfig, item) for item in fields(DiaConfig)}
    of_known = {"--detector": "detectors", "--all": "everything"}
    of_known |= {option_of(item): _parameter(AssociationConfig, item) for item in fields(AssociationConfig)}
    for option, parameter in {SOLAR_SYSTEM: of_dia, DIA: of_known, None: {}}[only].items():
        if is_given(ctx, parameter):
            raise click.UsageError(f"{option} belongs to the other half than --only {only}: leave one of them out")


def _find_known(
    database: Database,
    visits: tuple[int, ...],
    detectors: tuple[int, ...],
    everything: bool,
    config: AssociationConfig,
    progress: Progress,
) -> AssociationReport:
    from ssdb.association.associate import associate as run

    how: dict[str, Any] = {"config": config, "everything": everything, "progress": progress}
    return run(database, visits or None, detectors=detectors or None, **how)


def _give_to_objects(
    database: Database, visits: tuple[int, ...], config: DiaConfig, solar_system: bool, late: bool, progress: Progress
) -> DiaReport:
    from ssdb.dia.associate import associate_dia as run

    how: dict[str, Any] = {"config": config, "solar_system": solar_system, "late": late, "progress": progress}
    return run(database, visits or None, **how)


def _tell_of_known(report: AssociationReport, visits: tuple[int, ...]) -> None:
    """Says on stderr what was left, and why."""
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


def _tell_of_dia(report: DiaReport, *, alone: bool) -> None:
    """The same of DiaObjects; what the other half has told is not told twice."""
    lines = []
    if report.unready and alone:
        lines.append(
            f"{len(report.unready):,} visits ({shown(report.unready)}) wait for their known objects: load their "
            "predictions and run `ssdb associate`, or say --without-solar-system"
        )
    if report.waiting:
        first = sorted(set(report.waiting.values()))
        lines.append(
            f"{len(report.waiting):,} visits wait until earlier ones of their fields have DiaObjects (visit "
            f"{shown(first)}): see what these lack (`ssdb status --visit {first[0]}`), or say --without-solar-system"
        )
    if report.late:
        lines.append(
            f"{len(report.late):,} visits ({shown(report.late)}) are older than others of their fields that are done: "
            "--late gives their sources to DiaObjects as these are now"
        )
    if report.kept:
        lines.append(
            f"{len(report.kept):,} visits ({shown(list(report.kept))}) were done again; later visits of their fields "
            "keep what they have"
        )
    for line in lines:
        click.echo(line, err=True)


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


def _dia_as_dict(report: DiaReport) -> dict[str, Any]:
    return {
        "runId": report.run_id,
        "configuration": asdict(report.config),
        "nVisits": len(report.visits),
        **report.totals,
        "seconds": report.seconds,
        "timings": report.stages.as_dict(),
        "visits": [asdict(outcome) for outcome in report.visits],
        "unready": report.unready,
        "waiting": {str(visit): earlier for visit, earlier in report.waiting.items()},
        "late": report.late,
        "kept": {str(visit): n for visit, n in report.kept.items()},
        "failed": {str(visit): reason for visit, reason in report.failed.items()},
    }


def _print(known: AssociationReport | None, dia: DiaReport | None) -> None:
    pairs: list[tuple[str, object]] = []
    if known is not None:
        totals = known.totals
        sources, expected, found = (totals[name] for name in ("nSources", "nTotalSsObjects", "nAssociatedSsObjects"))
        share = f" ({100 * found / expected:.1f} %)" if expected else ""
        pairs += [
            ("visits associated", len(known.visits)),
            ("visits failed", len(known.failed)),
            ("visits without predictions, left pending", known.n_without_predictions),
            ("visits left to another process", known.n_taken),
            ("sources", sources),
            ("known objects expected", expected),
            ("known objects found", f"{found:,}{share}"),
            ("sources that are no known object", sources - found),
            ("seconds", f"{known.seconds:.2f}"),
            *((f"  {name}", f"{stage.seconds:.2f}") for name, stage in known.stages.items()),
        ]
        print_pairs(pairs)
    if dia is not None:
        if known is not None:
            click.echo()
        totals = dia.totals
        pairs = [
            ("visits given to DiaObjects", len(dia.visits)),
            ("visits failed", len(dia.failed)),
            ("visits that wait for known objects", len(dia.unready)),
            ("visits that wait for earlier ones", len(dia.waiting)),
            ("visits that come too late", len(dia.late)),
            ("DiaObjects updated", totals["nUpdatedDiaObjects"]),
            ("DiaObjects made", totals["nNewDiaObjects"]),
            ("sources too doubtful to make one", totals["nMarginalDiaSources"]),
            ("seconds", f"{dia.seconds:.2f}"),
            *((f"  {name}", f"{stage.seconds:.2f}") for name, stage in dia.stages.items()),
        ]
        print_pairs(pairs)


@main.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after S quiet seconds.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N visits.")
@click.option(
    "--alerts",
    "folder",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Write the packets of each visit to DIR/VISIT.avro before it is printed, as `ssdb export alerts` does. "
    "DIR is made where it is not there.",
)
@click.option("--fill-unknown", is_flag=True, help="With --alerts: as of `ssdb export`.")
@click.pass_context
def listen(
    ctx: click.Context, timeout: float | None, count: int | None, folder: str | None, fill_unknown: bool
) -> None:
    """Print each visit as soon as any process has associated it, as a line of JSON (PostgreSQL).

    Ends with Ctrl-C.
    """
    from ssdb.io.output import made_folder
    from ssdb.store.notify import listen as hear
    from ssdb.store.notify import require_postgresql

    if fill_unknown and folder is None:
        raise click.UsageError("--fill-unknown goes with --alerts")
    database = open_database(ctx)
    if folder is not None:
        require_postgresql(database)
        if made_folder(Path(folder)):
            click.echo(f"{folder}: this folder was made", err=True)
    with suppress(KeyboardInterrupt), closing(hear(database, timeout=timeout)) as heard:
        for number, outcome in enumerate(heard, start=1):
            if folder is not None:
                from ssdb.ask.alerts import export_alerts

                path = Path(folder) / f"{outcome['visit']}.avro"
                export_alerts(database, path, visits=[outcome["visit"]], fill_unknown=fill_unknown)
            print_json(outcome)
            if number == count:
                break
