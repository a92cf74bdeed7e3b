"""``ssdb ingest``: loads files into the database."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import (
    Command,
    chosen_format,
    input_path,
    json_option,
    main,
    open_database,
    print_json,
    progress_bars,
    table_options,
)
from ssdb.ingest.formats import FORMATS, ORBIT_FORMATS
from ssdb.io.arriving import STANDARD_INPUT

if TYPE_CHECKING:
    from ssdb.ingest.alert_batch import AlertReport
    from ssdb.ingest.table.report import IngestReport

_files = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True))
_columns = click.option(
    "--columns",
    metavar="MAP.yaml",
    type=click.Path(),
    help="A column map: what the file's columns are in the data model.",
)
_skip_invalid = click.option("--skip-invalid", is_flag=True, help="Store the usable rows and count the others.")

_KEYWORDS = {
    "visit": "where the header has the visit",
    "detector": "where the header has the detector",
    "middle": "where the header has the mid-exposure time",
    "begin": "where the header has the start of the exposure",
    "end": "where the header has its end",
    "time_of_day": "where the header has the time of day, if its begin is a date",
    "exposure_time": "where the header has the exposure time (s)",
    "zero_point": "where the header has the AB magnitude of one count",
}
"""What a header says, and under which keywords can be given by an option."""


def _keyword_options(command: Command) -> Command:
    """Adds an option for the keywords of each of these."""
    for role, where in reversed(_KEYWORDS.items()):
        name = f"--{role.replace('_', '-')}-keyword"
        command = click.option(name, multiple=True, metavar="KEYWORD", help=f"Images: {where}.")(command)
    return command


@main.group()
def ingest() -> None:
    """Load files: Parquet (or a folder of its parts), FITS, ECSV, CSV and other text, VOTable, HDF5; - is standard
    input. One file is one transaction.
    """


@ingest.command()
@_files
@table_options
@_columns
@_skip_invalid
@json_option
@click.pass_context
def visits(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Visits: visit, midpointMjdTai and what else is known; or an OpSim schedule (SQLite)."""
    from ssdb.ingest.visits import ingest_visits

    _ingest(ctx, files, as_json, ingest_visits, options)


@ingest.command()
@_files
@table_options
@_columns
@click.option("--visit", type=int, metavar="N", help="Images: the visit, instead of what the header says.")
@click.option("--detector", type=int, metavar="N", help="Images: the detector, instead of what the header says.")
@_keyword_options
@click.option("--size", type=int, nargs=2, metavar="WIDTH HEIGHT", help="The size in pixels, where a header lacks it.")
@click.option("--keep-wcs", is_flag=True, help="Images: store the WCS as header text.")
@click.option("--create-visits", is_flag=True, help="Images: make visits that are missing, from the header.")
@json_option
@click.pass_context
def detectors(
    ctx: click.Context, files: tuple[str, ...], as_json: bool, size: tuple[int, int] | None, **options: Any
) -> None:
    """Outlines of detectors: images (FITS), headers, or a table of corners: visit, detector, corner, ra, dec."""
    from ssdb.ingest.detectors import ingest_detectors
    from ssdb.io.image.keywords import HeaderKeywords

    given = {role: keywords for role in _KEYWORDS if (keywords := options.pop(f"{role}_keyword"))}
    for role in ("visit", "detector"):
        if role in given and options[role] is not None:
            raise click.UsageError(f"--{role} and --{role}-keyword exclude each other: a number holds for all images")
    # Keywords that are given replace the usual ones, even those that would be found first.
    if "middle" in given:
        given = {"begin": (), "end": (), **given}
    elif "begin" in given or "end" in given:
        given["middle"] = ()
    options["keywords"] = HeaderKeywords(**given) if given else None
    options["shape"] = None if size is None else (size[1], size[0])
    _ingest(ctx, files, as_json, ingest_detectors, options)


@ingest.command()
@_files
@table_options
@_columns
@click.option(
    "--replace",
    is_flag=True,
    help="First remove the sources of the file's (visit, detector) pairs, and what was derived from them.",
)
@_skip_invalid
@click.option("--create-visits", is_flag=True, help="Make visits that are missing, from the sources' time and band.")
@json_option
@click.pass_context
def sources(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Detections: diaSourceId, visit, ra, dec and whatever else DiaSource has."""
    from ssdb.ingest.sources import ingest_sources

    _ingest(ctx, files, as_json, ingest_sources, options)


@ingest.command()
@_files
@table_options
@_columns
@_skip_invalid
@json_option
@click.pass_context
def forced(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Forced photometry: visit, ra, dec, psfFlux, and diaObjectId, or ssObjectId or designation."""
    from ssdb.ingest.forced import ingest_forced

    _ingest(ctx, files, as_json, ingest_forced, options)


@ingest.command()
@_files
@table_options
@chosen_format(
    FORMATS,
    help="ssdb: the columns of SsPrediction; sorcha: Sorcha's output; mpsky, skybot: answers of these services; "
    "auto: look into the file.",
)
@_columns
@click.option("--visit", type=int, metavar="N", help="The visit of a file (one) that does not say it: mpsky, skybot.")
@click.option(
    "--replace", is_flag=True, help="First remove the predictions of the file's visits, and what was derived from them."
)
@click.option(
    "--complete", is_flag=True, help="The file covers every stored visit: one without rows has no known object."
)
@click.option("--simulated-names", is_flag=True, help="Accept names that are no designations; their ids are negative.")
@_skip_invalid
@json_option
@click.pass_context
def predictions(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Objects predicted to be in the visits."""
    from ssdb.ingest.predictions import ingest_predictions

    if len(files) > 1 and options["visit"] is not None:
        raise click.UsageError("--visit is for one file: each has another visit")
    if len(files) > 1 and options["replace"] and options["complete"]:
        raise click.UsageError("--replace with --complete is for one file: it would remove those of the file before")
    _ingest(ctx, files, as_json, ingest_predictions, options)


@ingest.command()
@_files
@table_options
@_columns
@click.option(
    "--position",
    type=click.Choice(["weighted", "mean"]),
    help="As of `ssdb associate`, which does the same if nothing was associated yet; otherwise as the last time.",
)
@json_option
@click.pass_context
def objects(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """DiaObjects of others, to which sources are added: diaObjectId, ra, dec, nDiaSources and what else is known."""
    from ssdb.ingest.objects import ingest_objects

    _ingest(ctx, files, as_json, ingest_objects, options)


@ingest.command()
@_files
@table_options
@chosen_format(
    ORBIT_FORMATS,
    help="mpc_orbits: the Minor Planet Center's table; mpcorb: MPCORB.DAT; mpcorb_extended: the same as JSON; "
    "cometels: CometEls.txt; mpc_orb: answers of get-orb; sbdb: JPL's; dp1: Rubin's MPCORB; sorcha: Sorcha's input, "
    "layup's fits; kete: its tables; horizons: elements of astroquery's; auto: look into the file.",
)
@click.option("--simulated-names", is_flag=True, help="Accept names of Sorcha's objects that are no designations.")
@json_option
@click.pass_context
def orbits(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Orbits of known objects; rows that are no usable orbit are left out and reported."""
    from ssdb.ingest.orbits import ingest_orbits

    _ingest(ctx, files, as_json, ingest_orbits, options)


@ingest.command()
@_files
@click.option(
    "--with-ss", is_flag=True, help="Also the known objects of the packets, as predictions, and their orbits."
)
@click.option(
    "--create-visits", is_flag=True, help="Make visits that are missing, from the time and band of packets' sources."
)
@click.option(
    "--observatory", metavar="CODE", help="With --create-visits: their MPC code, where it is not the survey's."
)
@click.option("--schema", type=click.Path(), metavar="FILE.avsc", help="The schema of messages that come without one.")
@json_option
@click.pass_context
def alerts(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Packets of Rubin's or ZTF's alerts: Avro, tar of it, brokers' Parquet, folders of these.

    Some thousand packets are one transaction. Those of standard input (-) are stored 5 s after they came, or before;
    it ends where its writer ends, or with Ctrl-C or SIGTERM.
    """
    from ssdb.ingest.alerts import ingest_alerts

    database = open_database(ctx)
    reports: list[AlertReport] = []
    try:
        for file in files:
            with progress_bars(f"ingest {Path(file).name}") as (progress,):
                if file == "-":
                    with _interrupted_by_sigterm():
                        report = ingest_alerts(database, sys.stdin.buffer, progress=progress, **options)
                else:
                    report = ingest_alerts(database, file, progress=progress, **options)
            reports.append(report)
    finally:
        for report in reports:
            for doubt in report.doubts:
                click.echo(f"{report.source}: {doubt}", err=True)
            if not as_json:
                click.echo(f"{report.source}: {_packets(report)}")
        if as_json:
            print_json([report.as_dict() for report in reports])


@contextmanager
def _interrupted_by_sigterm() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _packets(report: AlertReport) -> str:
    kinds = {
        "visits made": report.visits,
        "new sources": report.sources,
        "of their history": report.history,
        "forced fluxes": report.forced,
        "DiaObjects": report.objects,
        "predictions": report.predictions,
        "orbits": report.orbits,
        "earlier sources and forced fluxes left out, of visits that are not stored": report.withoutVisit,
    }
    told = ", ".join(f"{n:,} {kind}" for kind, n in kinds.items() if n or kind == "new sources")
    return f"{report.packets:,} packets, {report.known:,} known: {told}"


@ingest.command()
@_files
@table_options
@_skip_invalid
@json_option
@click.pass_context
def identifications(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """The Minor Planet Center's tables of identifications and names, mpcorb_extended.json, or NumberedMPs.txt."""
    from ssdb.ingest.identifications import ingest_identifications

    _ingest(ctx, files, as_json, ingest_identifications, options)
    click.echo("what is stored under other designations stays there until `ssdb relink`", err=True)


@ingest.command()
@_files
@table_options
@click.option("--stn", "station", metavar="CODE", help="Only observations of this observatory code.")
@_skip_invalid
@json_option
@click.pass_context
def observations(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Observations reported to the Minor Planet Center: ADES (PSV, XML, a table), or of 80 columns."""
    from ssdb.ingest.observations import ingest_observations

    _ingest(ctx, files, as_json, ingest_observations, options)


@ingest.command()
@_files
@table_options
@click.option("--submission-id", metavar="ID", help="What the Minor Planet Center calls the submission.")
@json_option
@click.pass_context
def submissions(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """What the Minor Planet Center calls what was submitted: obsSubID, and obsID, trkID or submissionId."""
    from ssdb.ingest.submissions import ingest_submissions

    _ingest(ctx, files, as_json, ingest_submissions, options)


def _ingest(
    ctx: click.Context,
    files: tuple[str, ...],
    as_json: bool,
    ingest_file: Callable[..., IngestReport],
    options: dict[str, Any],
) -> None:
    database = open_database(ctx)
    reports: list[IngestReport] = []
    try:
        for file in files:
            with (
                input_path(file, options["type"]) as (path, type_),
                progress_bars(f"ingest {Path(file).name}") as (progress,),
            ):
                report = ingest_file(database, path, progress=progress, **options | {"type": type_})
            reports.append(report if file != "-" else replace(report, source=STANDARD_INPUT))
    finally:
        # Files before one that fails are stored, and reported.
        _tell(reports, as_json)


def _tell(reports: list[IngestReport], as_json: bool) -> None:
    notes: dict[str, list[str]] = {}
    for report in reports:
        for note in notes_of(report):
            notes.setdefault(note, []).append(report.source)
    for note, sources in notes.items():
        # Hundreds of files of one kind lack the same units.
        more = f" and {len(sources) - 1:,} more files" if len(sources) > 1 else ""
        click.echo(f"{sources[0]}{more}: {note}", err=True)
    if as_json:
        print_json([report.as_dict() for report in reports])
        return
    for report in reports:
        visits = (
            f" of {report.visits:,} visits"
            if report.kind in ("detectors", "sources", "predictions", "forced fluxes", "observations")
            else ""
        )
        click.echo(f"{report.source}: {report.rows:,} {report.kind}{visits}: {_changes([report])}")
    if len(reports) > 1:
        rows = sum(report.rows for report in reports)
        click.echo(f"{len(reports):,} files: {rows:,} {reports[0].kind}: {_changes(reports)}")


def notes_of(report: IngestReport) -> list[str]:
    """What to tell beside the numbers."""
    notes = [f"columns left out: {', '.join(report.left_out)}"] if report.left_out else []
    if report.without_unit:
        notes.append(f"no units, taken to be the data model's: {', '.join(report.without_unit)}")
    notes += report.doubts
    if report.invalid > report.older:
        notes.append(f"{report.invalid - report.older:,} rows left out because they are not usable")
    return notes


def _changes(reports: list[IngestReport]) -> str:
    names = ("new", "changed", "unchanged", "older")
    counted = {name: sum(getattr(report, name) for report in reports) for name in names}
    told = [f"{counted[name]:,} {name}" for name in names[:3]]
    if counted["older"]:
        told.append(f"{counted['older']:,} older than what is stored")
    return ", ".join(told)
