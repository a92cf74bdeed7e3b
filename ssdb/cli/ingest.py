"""``ssdb ingest``: files into the database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import json_option, main, open_database, print_json, with_progress

if TYPE_CHECKING:
    from ssdb.ingest.door import IngestReport
    from ssdb.store.write import Progress

_files = click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
_columns = click.option(
    "--columns", metavar="MAP.yaml", type=click.Path(), help="How the file's columns become those of the data model."
)
_skip_invalid = click.option("--skip-invalid", is_flag=True, help="Store the usable rows and count the others.")


@main.group()
def ingest() -> None:
    """Load files: Parquet, FITS, ECSV, CSV, VOTable. One file is one transaction."""


@ingest.command()
@_files
@_columns
@_skip_invalid
@json_option
@click.pass_context
def visits(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Exposures: visit, midpointMjdTai and what else is known; or an OpSim schedule (SQLite)."""
    from ssdb.ingest.visits import ingest_visits

    _ingest(ctx, files, as_json, ingest_visits, options)


@ingest.command()
@_files
@_columns
@json_option
@click.pass_context
def detectors(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Outlines of detectors: a table of corners with visit, detector, corner (0, 1, ...), ra, dec."""
    from ssdb.ingest.detectors import ingest_detectors

    _ingest(ctx, files, as_json, ingest_detectors, options)


@ingest.command()
@_files
@_columns
@click.option(
    "--replace",
    is_flag=True,
    help="First remove the sources of the file's (visit, detector) pairs, and what was derived from them.",
)
@_skip_invalid
@click.option("--create-visits", is_flag=True, help="Make visits that are not there from the sources' time and band.")
@json_option
@click.pass_context
def sources(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Detections: diaSourceId, visit, ra, dec and whatever else DiaSource has."""
    from ssdb.ingest.sources import ingest_sources

    _ingest(ctx, files, as_json, ingest_sources, options)


@ingest.command()
@_files
@click.option(
    "--format",
    type=click.Choice(["auto", "ssdb", "sorcha"]),
    default="auto",
    show_default=True,
    help="ssdb: the columns of SsPrediction; sorcha: as Sorcha writes them; auto: look.",
)
@_columns
@click.option(
    "--replace", is_flag=True, help="First remove the predictions of the file's visits, and what was derived from them."
)
@click.option(
    "--complete", is_flag=True, help="The file covers every stored visit: one without rows has no known object."
)
@click.option("--simulated-names", is_flag=True, help="Take names that are no designations; their ids are negative.")
@_skip_invalid
@json_option
@click.pass_context
def predictions(ctx: click.Context, files: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Objects predicted to be in the exposures."""
    from ssdb.ingest.predictions import ingest_predictions

    _ingest(ctx, files, as_json, ingest_predictions, options)


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

            def work(progress: Progress, file: str = file) -> IngestReport:
                return ingest_file(database, file, progress=progress, **options)

            reports.append(with_progress(f"ingest {Path(file).name}", work))
    finally:
        # What was stored before a file failed is stored, and is told.
        for report in reports:
            _tell(report, as_json)
        if as_json:
            print_json([report.as_dict() for report in reports])


def _tell(report: IngestReport, as_json: bool) -> None:
    if report.left_out:
        click.echo(f"{report.source}: columns left out: {', '.join(report.left_out)}", err=True)
    if report.without_unit:
        columns = ", ".join(report.without_unit)
        click.echo(f"{report.source}: no units, taken to be the data model's: {columns}", err=True)
    for doubt in report.doubts:
        click.echo(f"{report.source}: {doubt}", err=True)
    if report.invalid:
        click.echo(f"{report.source}: {report.invalid:,} rows left out because they are not usable", err=True)
    if not as_json:
        visits = "" if report.kind == "visits" else f" of {report.visits:,} visits"
        click.echo(f"{report.source}: {report.rows:,} {report.kind}{visits}")
