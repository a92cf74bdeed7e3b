"""Options of commands that answer with a table: its format, its file, and times that restrict it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import as_text, json_option, print_json_list, print_table

if TYPE_CHECKING:
    from ssdb.ask.sql import Answer


def answer_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options for the format and the file of an answer: format_, as_json, output."""
    for option in (
        click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file."),
        json_option,
        click.option(
            "--format",
            "format_",
            type=click.Choice(["table", "csv", "ecsv", "parquet", "json"]),
            help="Default: by the ending of -o, else table. parquet needs -o.",
        ),
    ):
        command = option(command)
    return command


def time_options(what: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Adds the options since and until (MJD TAI) that restrict ``what`` a command is about."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, meaning in (("until", "before this time"), ("since", "from this time on")):
            command = click.option(
                f"--{name}",
                metavar="DATE",
                callback=mjd_tai,
                help=f"Only {what} {meaning}: 2026-06-01, 2026-06-01T12:30:00 (UTC), or MJD TAI.",
            )(command)
        return command

    return add


def mjd_tai(_ctx: click.Context, _option: click.Parameter, value: str | None) -> float | None:
    """The MJD TAI of an option's value."""
    from ssdb.errors import ConfigError
    from ssdb.io.times import mjd_tai_of

    try:
        return None if value is None else mjd_tai_of(value)
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None


def _place(_ctx: click.Context, _option: click.Parameter, text: str | None) -> tuple[float, float, float] | None:
    from ssdb.errors import quoted

    if text is None:
        return None
    try:
        longitude, latitude, altitude = map(float, text.split(","))
    except ValueError:
        raise click.UsageError(
            f"--place is three numbers such as -70.749,-30.241,2663 (deg, deg, m), not {quoted(text)}"
        ) from None
    return longitude, latitude, altitude


place_option = click.option(
    "--place",
    metavar="LON,LAT,ALT",
    callback=_place,
    help="In place of a code: east longitude (deg), latitude (deg), altitude (m); WGS84.",
)


def wanted_format(format_: str | None, as_json: bool, output: str | None) -> str | None:
    """The format that the options ask for; None: that of the file, or a table. Contradictions are wrong usage."""
    if as_json and format_ not in (None, "json"):
        raise click.UsageError(f"--json and --format {format_} exclude each other")
    format_ = "json" if as_json else format_
    if output is not None:
        from ssdb.io.output import require_replaceable

        require_replaceable(output)
    if output is None and format_ in ("ecsv", "parquet"):
        raise click.UsageError(f"{format_} is written to a file: say -o FILE")
    if output is not None and format_ in ("table", "json"):
        raise click.UsageError(f"{format_} is for the terminal: leave out -o, or redirect")
    if output is not None and format_ is not None and not Path(output).name.lower().endswith(f".{format_}"):
        raise click.UsageError(f"a file of format {format_} ends in .{format_}")
    return format_


def print_answer(answer: Answer, format_: str | None, output: str | None) -> None:
    """Prints an answer, or writes it to a file; the format is one of :func:`wanted_format`."""
    rows = chain.from_iterable(answer.chunks)
    if output is not None:
        from ssdb.io.output import cannot_be_written
        from ssdb.io.writers import write_parts

        path = Path(output)
        with cannot_be_written(path), answer.tables(path.absolute().parent) as (schema, tables):
            n = write_parts(schema, tables, output)
        click.echo(f"{output}: {n:,} rows", err=True)
    elif format_ == "json":
        from ssdb.ask.sql import distinct

        names = distinct(answer.columns)
        print_json_list(dict(zip(names, row, strict=True)) for row in rows)
    elif format_ == "csv":
        import csv
        import sys

        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.columns)
        writer.writerows([as_text(value) for value in row] for row in rows)
    else:
        print_table(answer.columns, rows)
