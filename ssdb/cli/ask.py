"""``ssdb status``, ``ssdb query``, ``ssdb export`` and ``ssdb check``."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ssdb.cli.common import (
    as_text,
    input_path,
    json_option,
    main,
    open_database,
    print_json,
    print_json_list,
    print_pairs,
    print_table,
    table_options,
)

if TYPE_CHECKING:
    from ssdb.ask.query import Answer


@main.command()
@click.option(
    "--visit", "visits", type=int, multiple=True, metavar="N", help="Tell of this exposure and its detectors."
)
@click.option("--run", "run_id", metavar="ID", help="Tell of this call of associate; last: of the latest.")
@json_option
@click.pass_context
def status(ctx: click.Context, visits: tuple[int, ...], run_id: str | None, as_json: bool) -> None:
    """What is loaded, what is associated, what is pending."""
    from ssdb.ask.status import run_status, visit_status
    from ssdb.ask.status import status as counts

    if visits and run_id is not None:
        raise click.UsageError("--visit and --run exclude each other")
    database = open_database(ctx)
    answer: Any
    if run_id is not None:
        answer = run_status(database, run_id)
    else:
        answer = visit_status(database, visits) if visits else counts(database)
    if as_json:
        print_json(answer)
    elif run_id is not None:
        _print_run(answer)
    elif visits:
        for number, row in enumerate(answer):
            if number:
                click.echo()
            detectors = row.pop("detectors")
            print_pairs([(name, as_text(value)) for name, value in row.items()])
            if detectors:
                click.echo()
                print_table(list(detectors[0]), [list(detector.values()) for detector in detectors])
    else:
        print_pairs(
            [
                ("visits", answer["visits"]),
                ("  done", answer["done"]),
                ("  pending", answer["pending"]),
                ("    of these without predictions", answer["without_predictions"]),
                ("first mid-exposure (MJD TAI)", answer["firstMjdTai"]),
                ("last mid-exposure (MJD TAI)", answer["lastMjdTai"]),
                ("detectors", answer["detectors"]),
                ("sources", answer["sources"]),
                ("predictions", answer["predictions"]),
                ("rows of SsExpected", answer["expected"]),
                ("rows of SsCandidate", answer["candidates"]),
                ("matches (rows of SSSource)", answer["matches"]),
                ("sources without an object", answer["unassociated"]),
                ("sources of pending visits", answer["pendingSources"]),
            ]
        )


def _print_run(run: dict[str, Any]) -> None:
    configuration, timings = run.pop("configuration"), run.pop("timings") or {}
    print_pairs(run.items())
    click.echo()
    print_pairs(configuration.items())
    if timings:
        click.echo()
        stages = [[name, stage["seconds"], stage.get("rows")] for name, stage in timings.items()]
        print_table(["stage", "seconds", "rows"], stages)


def _parameters(_ctx: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for item in values:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{item!r} is not NAME=VALUE")
        parameters[name] = value
    return parameters


def _typed(text: str) -> int | float | str:
    # Narrower than Python: 00433 is a designation, nan may be a word, and 1_000 is no number to anybody else.
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)", text):
        return int(text)
    if re.fullmatch(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d+)?", text):
        return float(text)
    return text


def _complete_names(_ctx: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    from ssdb.ask.queries import named_queries

    return [name for name in named_queries() if name.startswith(begun)]


@main.command()
@click.argument("sql", required=False)
@click.option("--name", metavar="QUERY", shell_complete=_complete_names, help="Ask this ready-made question instead.")
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="The value of a parameter, :NAME in the SQL; repeat for more.",
)
@click.option(
    "--upload",
    type=click.Path(allow_dash=True),
    metavar="FILE",
    help="Positions and times that the ready-made question is about; - is standard input.",
)
@table_options
@click.option("--list", "listed", is_flag=True, help="List the ready-made questions; with --name, all about that one.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["table", "csv", "ecsv", "parquet", "json"]),
    help="Default: by the ending of -o, else table. parquet needs -o.",
)
@json_option
@click.option("-o", "--output", type=click.Path(dir_okay=False), help="Write to this file.")
@click.pass_context
def query(
    ctx: click.Context,
    sql: str | None,
    name: str | None,
    parameters: dict[str, str],
    upload: str | None,
    table: str | None,
    type: str | None,
    listed: bool,
    format_: str | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Ask one question in SQL, or a ready-made one by its name; nothing can be changed.

    Names need no quotes: SELECT ssObjectId, ephOffset FROM SSSource works on both databases.
    """
    if as_json and format_ not in (None, "json"):
        raise click.UsageError(f"--json and --format {format_} exclude each other")
    format_ = "json" if as_json else format_
    if listed:
        others = (sql, upload, output, table, type)
        if any(one is not None for one in others) or parameters or format_ not in (None, "json"):
            raise click.UsageError("--list goes with --name and --json only")
        _list_queries(name, as_json=format_ == "json")
        return
    if (sql is None) == (name is None):
        raise click.UsageError("give one SELECT statement, or --name QUERY (--list shows which there are)")
    if sql is not None and upload is not None:
        raise click.UsageError("--upload goes with --name")
    if upload is None and (table is not None or type is not None):
        raise click.UsageError("--table and --type go with --upload")
    if output is not None:
        from ssdb.output import require_replaceable

        require_replaceable(output)
    _check_output(format_, output)
    if name is not None:
        from ssdb.ask.queries import asking_named

        opened = nullcontext((None, None)) if upload is None else input_path(upload, type)
        with opened as (path, type_):
            given = {} if path is None else {"upload": path, "table": table, "type": type_}
            with asking_named(open_database(ctx), name, parameters, **given) as answer:
                _print_answer(answer, format_, output)
    else:
        from ssdb.ask.query import asking

        typed = {parameter: _typed(value) for parameter, value in parameters.items()}
        with asking(open_database(ctx), str(sql), typed) as answer:
            _print_answer(answer, format_, output)


def _check_output(format_: str | None, output: str | None) -> None:
    if output is None and format_ in ("ecsv", "parquet"):
        raise click.UsageError(f"{format_} is written to a file: say -o FILE")
    if output is not None and format_ in ("table", "json"):
        raise click.UsageError(f"{format_} is for the terminal: leave out -o, or redirect")
    if output is not None and format_ is not None and not Path(output).name.lower().endswith(f".{format_}"):
        raise click.UsageError(f"a file of format {format_} ends in .{format_}")


def _print_answer(answer: Answer, format_: str | None, output: str | None) -> None:
    rows = chain.from_iterable(answer.chunks)
    if output is not None:
        from ssdb.output import cannot_be_written
        from ssdb.writers import write_parts

        path = Path(output)
        with cannot_be_written(path), answer.tables(path.absolute().parent) as (schema, tables):
            n = write_parts(schema, tables, output)
        click.echo(f"{output}: {n:,} rows", err=True)
    elif format_ == "json":
        from ssdb.ask.query import distinct

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


def _list_queries(name: str | None, as_json: bool) -> None:
    from ssdb.ask.queries import find_query, named_queries

    queries = list(named_queries().values()) if name is None else [find_query(name)]
    if as_json:
        print_json([one.as_dict() for one in queries])
        return
    for number, one in enumerate(queries):
        click.echo(f"{'' if number == 0 else chr(10)}{one.name}: {one.purpose}")
        if name is not None:
            for note in one.notes:
                click.echo(f"\n{note}")
        rows = [
            (f"--param {p.name}", "required" if p.default is None else p.default, p.unit, p.kind, p.meaning)
            for p in one.parameters
        ]
        if one.upload:
            rows.insert(0, ("--upload FILE", "required", "", "table", "ra, dec (deg), midpointMjdTai (d); id"))
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=False))
            click.echo(f"    {'  '.join(cells)}  {row[4]}")
        if name is not None:
            click.echo(f"\n{one.example}")


@main.command()
@click.argument("table")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Parquet, ECSV, CSV, FITS or VOTable, by the ending.",
)
@click.option("--visit", "visits", type=int, multiple=True, metavar="N", help="Only this exposure; repeat for more.")
@click.pass_context
def export(ctx: click.Context, table: str, output: str, visits: tuple[int, ...]) -> None:
    """Write a table or view to a file, units kept."""
    from ssdb.ask.export import export as write

    n = write(open_database(ctx), table, output, visits=visits or None)
    click.echo(f"{output}: {n:,} rows of {table}", err=True)


@main.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Verify the relations between the tables. Exit code 1 if one does not hold."""
    from ssdb.ask.check import check as run

    results = run(open_database(ctx))
    broken = [result for result in results if result.n_violations]
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        for result in results:
            click.echo(f"{'NO ' if result.n_violations else 'yes'}  {result.rule}")
    for result in broken:
        click.echo(f"ssdb: {result.n_violations:,} rows against {result.name}, such as {result.examples[0]}", err=True)
    if broken:
        ctx.exit(1)
