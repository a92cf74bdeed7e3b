"""``ssdb status``, ``ssdb query``, ``ssdb export`` and ``ssdb check``."""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.answers import answer_options, print_answer, time_options, wanted_format
from ssdb.cli.common import (
    input_path,
    json_option,
    main,
    open_database,
    print_json,
    print_pairs,
    print_table,
    several,
    table_options,
    tell_failures,
)
from ssdb.cli.digits import as_text


@main.command()
@several("--visit", "visits", "Show this visit and its detectors; repeat for more.")
@click.option(
    "--run", "run_id", metavar="ID", help="Show this run of associate; last, last-dia: the latest of each half."
)
@json_option
@click.pass_context
def status(ctx: click.Context, visits: tuple[int, ...], run_id: str | None, as_json: bool) -> None:
    """Show what is loaded, associated and pending."""
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
            print_pairs([(name, as_text(value) if isinstance(value, int) else value) for name, value in row.items()])
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
                ("first mid-exposure (MJD TAI)", _mjd(answer["firstMjdTai"])),
                ("last mid-exposure (MJD TAI)", _mjd(answer["lastMjdTai"])),
                ("detectors", answer["detectors"]),
                ("sources", answer["sources"]),
                ("predictions", answer["predictions"]),
                ("rows of SsExpected", answer["expected"]),
                ("rows of SsCandidate", answer["candidates"]),
                ("matches (rows of SSSource)", answer["matches"]),
                ("sources without an object", answer["unassociated"]),
                ("sources of pending visits", answer["pendingSources"]),
                ("DiaObjects", answer["diaObjects"]),
                ("  updated, times", answer["nUpdatedDiaObjects"]),
                ("  new", answer["nNewDiaObjects"]),
                ("sources too doubtful to make one", answer["nMarginalDiaSources"]),
                ("visits with DiaObjects", answer["diaDone"]),
                ("visits pending for DiaObjects", answer["diaPending"]),
                ("  that wait for their known objects", answer["diaWaiting"]),
                ("  that come too late", answer["diaLate"]),
                ("objects summarized (rows of SSObject)", answer["summarized"]),
                ("  objects that changed since", answer["objectsDue"]),
                ("  visits whose objects changed since", answer["visitsDue"]),
            ]
        )


def _mjd(time: float | None) -> str:
    return "" if time is None else f"{time:.6f}"


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
    from ssdb.ask.named_queries import named_queries

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
@time_options("what was observed")
@answer_options
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
    since: float | None,
    until: float | None,
    format_: str | None,
    as_json: bool,
    output: str | None,
) -> None:
    """Ask one question in SQL, or a ready-made one by its name; nothing can be changed.

    Names need no quotes: SELECT ssObjectId, ephOffset FROM SSSource works on both databases.
    """
    times = {parameter: mjd for parameter, mjd in (("since", since), ("until", until)) if mjd is not None}
    if twice := sorted(times.keys() & parameters.keys()):
        raise click.UsageError(f"--{twice[0]} and --param {twice[0]}=... are the same: give one")
    format_ = wanted_format(format_, as_json, output)
    if listed:
        others = (sql, upload, output, table, type)
        if any(one is not None for one in others) or parameters or times or format_ not in (None, "json"):
            raise click.UsageError("--list goes with --name and --json only")
        _list_queries(name, as_json=format_ == "json")
        return
    if (sql is None) == (name is None):
        raise click.UsageError("give one SELECT statement, or --name QUERY (--list shows which there are)")
    if sql is not None and upload is not None:
        raise click.UsageError("--upload goes with --name")
    if upload is None and (table is not None or type is not None):
        raise click.UsageError("--table and --type go with --upload")
    if name is not None:
        from ssdb.ask.named_queries import asking_named

        opened = nullcontext((None, None)) if upload is None else input_path(upload, type)
        with opened as (path, type_):
            given = {} if path is None else {"upload": path, "table": table, "type": type_}
            with asking_named(open_database(ctx), name, parameters | times, **given) as answer:
                print_answer(answer, format_, output)
    else:
        from ssdb.ask.sql import asking

        typed = {parameter: _typed(value) for parameter, value in parameters.items()}
        with asking(open_database(ctx), str(sql), typed | times) as answer:
            print_answer(answer, format_, output)


def _list_queries(name: str | None, as_json: bool) -> None:
    from ssdb.ask.named_queries import find_query, named_queries

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


_A_FILE: dict[str, Any] = {"type": click.Path(dir_okay=False), "metavar": "FILE"}


@main.command()
@click.argument("table", required=False)
@click.option("-o", "--output", **_A_FILE, help="Parquet, ECSV, CSV, FITS or VOTable, by the ending.")
@several("--visit", "visits", "Only this visit; repeat for more.")
@time_options("rows of visits")
@click.option("--felis", **_A_FILE, help="Describe all tables and views in this file, as YAML of Felis.")
@click.option("--dachs", **_A_FILE, help="Describe them in this file for a TAP service by DaCHS.")
@click.option("--dachs-epn", **_A_FILE, help="Describe the view epn_core in this file for EPN-TAP by DaCHS.")
@click.pass_context
def export(
    ctx: click.Context,
    table: str | None,
    output: str | None,
    visits: tuple[int, ...],
    since: float | None,
    until: float | None,
    felis: str | None,
    dachs: str | None,
    dachs_epn: str | None,
) -> None:
    """Write a table or view to a file, units kept; or describe all of them for a TAP service."""
    if felis or dachs or dachs_epn:
        if table or output or visits or since is not None or until is not None:
            raise click.UsageError("--felis, --dachs and --dachs-epn go without TABLE and other options")
        _describe(felis, dachs, dachs_epn)
        return
    if table is None:
        raise click.UsageError("a TABLE is to be named, or --felis, --dachs or --dachs-epn")
    if output is None:
        raise click.MissingParameter(ctx=ctx, param=ctx.command.params[1])
    from ssdb.ask.export import export as write

    n = write(open_database(ctx), table, output, visits=visits or None, since=since, until=until)
    click.echo(f"{output}: {n:,} rows of {table}", err=True)


def _describe(felis: str | None, dachs: str | None, dachs_epn: str | None) -> None:
    from ssdb.ask.dachs import write_dachs, write_dachs_epn
    from ssdb.ask.felis import write_felis
    from ssdb.io.output import require_replaceable

    for path in (felis, dachs, dachs_epn):
        if path is not None:
            require_replaceable(path)  # before any is written
    if felis is not None:
        click.echo(f"{felis}: {write_felis(felis)} tables and views", err=True)
    if dachs is not None:
        click.echo(f"{dachs}: {write_dachs(dachs)} tables and views", err=True)
    if dachs_epn is not None:
        write_dachs_epn(dachs_epn)
        click.echo(f"{dachs_epn}: the view epn_core", err=True)


@main.command("export alerts")
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), metavar="FILE", help="Avro: .avro.")
@several("--visit", "visits", "Only this visit; repeat for more.")
@click.option(
    "--history", type=float, metavar="DAYS", default=365.0, show_default=True, help="How far packets look back."
)
@click.option("--fill-unknown", is_flag=True, help="Write NaN and -1 for what the schema wants and is unknown.")
@click.pass_context
def export_alerts(ctx: click.Context, output: str, visits: tuple[int, ...], **options: Any) -> None:
    """Write a packet for every source, in the newest schema of Rubin's alerts."""
    from ssdb.ask.alerts import export_alerts as write

    if n := write(open_database(ctx), output, visits=visits or None, **options):
        click.echo(f"{output}: {n:,} packets", err=True)
    else:
        click.echo("there are no sources to make packets of, and no file was written", err=True)


@main.command()
@json_option
@click.pass_context
def check(ctx: click.Context, as_json: bool) -> None:
    """Verify the relations between the tables. The exit code is 1 if one does not hold."""
    from ssdb.ask.check import check as run

    results = run(open_database(ctx))
    broken = [result for result in results if result.n_violations]
    if as_json:
        print_json([asdict(result) for result in results])
    else:
        for result in results:
            click.echo(f"{'NO ' if result.n_violations else 'yes'}  {result.rule}")
    tell_failures(f"{one.n_violations:,} rows against {one.name}, such as {one.examples[0]}" for one in broken)
