"""``ssdb watch``, which ingests the files that come into folders, and associates the visits that they complete."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn

import click

from ssdb.cli.associate import SOLAR_SYSTEM, config_of, config_options, refuse_other_half, tell_left_out
from ssdb.cli.common import json_option, main, open_database, print_json, wrong_usage
from ssdb.cli.ingest import notes_of
from ssdb.config import AssociationConfig, DiaConfig
from ssdb.io.inbox import KINDS

if TYPE_CHECKING:
    from ssdb.association.associate import AssociationReport
    from ssdb.ingest.alert_batch import AlertReport
    from ssdb.ingest.table.report import IngestReport

_TAKE = {
    "create_visits": ("detectors", "sources", "alerts"),
    "skip_invalid": ("visits", "sources", "predictions", "observations"),
    "replace": ("sources", "predictions"),
    "simulated_names": ("orbits", "predictions"),
    "with_ss": ("alerts",),
    "station": ("observations",),
}
"""Options of ingest, and which kinds of files they are for."""


def _maps(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    maps: dict[str, str] = {}
    for value in values:
        kind, _, path = value.partition("=")
        if kind not in ("visits", "detectors", "sources", "predictions") or not path:
            raise click.BadParameter(f"{value!r} is not KIND=MAP.yaml, for visits, detectors, sources or predictions")
        maps[kind] = path
    return maps


def _seconds(option: str, parameter: str, default: float, help: str, *, least: float = 0.0) -> Any:
    return click.option(
        option, parameter, type=click.FloatRange(min=least), default=default, show_default=True, metavar="S", help=help
    )


@main.command()
@click.argument("folders", nargs=-1, required=True, metavar="DIR...", type=click.Path())
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    help="All files right in each DIR are these. Otherwise the folder says it, or what a name begins with.",
)
@click.option("--marker", metavar="ENDING", default="", help="FILE is complete when FILE with this ending is there.")
@_seconds("--settle", "settle_seconds", 0.0, "A file is complete when it has not changed for S seconds.")
@_seconds("--interval", "interval_seconds", 0.05, "Look every S seconds.", least=0.001)
@_seconds("--after", "after_seconds", 0.0, "Associate a visit when no sources have come for it for S seconds.")
@_seconds("--patience", "patience_seconds", 60.0, "Tell what waits for its visit for longer than S seconds.")
@click.option("--predict", is_flag=True, help="Predict visits from the stored orbits, as `ssdb predict` does.")
@click.option("--once", is_flag=True, help="Take what is there, and end. The exit code is 1 if something is left.")
@click.option(
    "--columns", "maps", multiple=True, metavar="KIND=MAP.yaml", callback=_maps, help="A column map for such files."
)
@click.option("--create-visits", is_flag=True, help="As of `ssdb ingest detectors`, `sources` and `alerts`.")
@click.option("--replace", is_flag=True, help="As of `ssdb ingest sources` and `predictions`.")
@click.option(
    "--skip-invalid", is_flag=True, help="As of `ssdb ingest visits`, `sources`, `predictions` and `observations`."
)
@click.option("--simulated-names", is_flag=True, help="As of `ssdb ingest orbits` and `predictions`.")
@click.option("--with-ss", is_flag=True, help="As of `ssdb ingest alerts`.")
@click.option("--stn", "station", metavar="CODE", help="As of `ssdb ingest observations`.")
@click.option("--only", type=click.Choice([SOLAR_SYSTEM]), help="Known objects alone, no DiaObjects.")
@config_options(AssociationConfig)
@config_options(DiaConfig)
@json_option
@click.pass_context
def watch(
    ctx: click.Context,
    folders: tuple[str, ...],
    kind: str | None,
    marker: str,
    settle_seconds: float,
    maps: dict[str, str],
    only: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Ingest the files that come into folders, and associate each visit as soon as it is complete.

    Files that were stored are moved to DIR/done, those that are not usable to DIR/failed, each with its reason.
    Ends with Ctrl-C or SIGTERM, between two transactions.
    """
    refuse_other_half(ctx, only)
    of_known, of_dia = config_of(ctx, AssociationConfig, options), config_of(ctx, DiaConfig, options)
    station = options["station"]
    ingest: dict[str, dict[str, Any]] = {of_kind: {} for of_kind in KINDS}
    for name, kinds in _TAKE.items():
        if value := options.pop(name):
            for of_kind in kinds:
                ingest[of_kind][name] = value
    database = open_database(ctx)
    from ssdb.association.associate import AssociationReport
    from ssdb.dia.match import flag_columns
    from ssdb.ingest.observations import require_station
    from ssdb.ingest.table.column_map import ColumnMap
    from ssdb.io.inbox import Inbox
    from ssdb.watch.events import Following, Note
    from ssdb.watch.follow import watch as follow

    with wrong_usage():
        flag_columns(of_dia)
        require_station(station)
    for of_kind, path in maps.items():
        ingest[of_kind]["columns"] = ColumnMap.read(path)
    inboxes = [
        Inbox(folder, kind=kind, marker=marker, settle_seconds=settle_seconds) for folder in dict.fromkeys(folders)
    ]
    how = Following(ingest, of_known, of_dia if only is None else None, **options)
    n_failures = 0
    told: set[tuple[str, str]] = set()
    with _ended_by_a_signal() as ended, closing(follow(database, inboxes, how, ended)) as events:
        for event in events:
            if isinstance(event, Note):
                n_failures += event.failure
                click.echo(f"ssdb: {event.line}", err=True)
            elif isinstance(event, AssociationReport):
                _print(event, as_json)
            else:
                _tell_notes(event, told)
    if n_failures and how.once:
        ctx.exit(1)


@contextmanager
def _ended_by_a_signal() -> Iterator[Callable[[], bool]]:
    """Within the block SIGTERM does what Ctrl-C does: what is being done is undone, and the command ends well.

    What is yielded says whether it came: Python passes over what is raised while it removes an object, say.
    """
    came = False

    def end(_signal: int, _frame: object) -> NoReturn:
        nonlocal came
        came = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: what is undone now is not to be disturbed
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        with suppress(KeyboardInterrupt):
            yield lambda: came
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(report: AssociationReport, as_json: bool) -> None:
    """A line for each visit, as `ssdb listen` has it."""
    for one in report.visits:
        if as_json:
            counts = {"nSources": one.n_sources, "nTotalSsObjects": one.n_total_ss_objects}
            counts["nAssociatedSsObjects"] = one.n_associated_ss_objects
            print_json({"visit": one.visit, "runId": report.run_id, **counts})
        else:
            click.echo(
                f"visit {one.visit}: {one.n_sources:,} sources, {one.n_total_ss_objects:,} known objects expected, "
                f"{one.n_associated_ss_objects:,} found"
            )
    tell_left_out(report)


def _tell_notes(report: IngestReport | AlertReport, told: set[tuple[str, str]]) -> None:
    """What there is to tell of a file, once for each kind: all files of a pipeline lack the same units."""
    from ssdb.ingest.alert_batch import AlertReport

    kind, notes = ("alerts", report.doubts) if isinstance(report, AlertReport) else (report.kind, notes_of(report))
    for note in notes:
        if (kind, note) not in told:
            told.add((kind, note))
            click.echo(f"{report.source}: {note}", err=True)
