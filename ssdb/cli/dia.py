"""``ssdb withdraw`` and ``ssdb merge-objects``: sources that are none, and DiaObjects that are one."""

from __future__ import annotations

from dataclasses import asdict

import click

from ssdb.cli.common import input_path, json_option, main, open_database, print_json, print_pairs, table_options


@main.command()
@click.argument("file", required=False)
@table_options
@click.option("--visit", type=int, metavar="N", help="All sources of this visit, instead of those of a FILE.")
@click.option("--detector", type=int, metavar="N", help="Of the --visit, those of this detector.")
@json_option
@click.pass_context
def withdraw(
    ctx: click.Context,
    file: str | None,
    visit: int | None,
    detector: int | None,
    table: str | None,
    type: str | None,
    as_json: bool,
) -> None:
    """Take back sources that were found to be none: FILE has their diaSourceId.

    They stay in DiaSource with the time (timeWithdrawnMjdTai), and count in nothing.
    """
    from ssdb.dia.withdraw import withdraw as run

    if (file is None) == (visit is None):
        raise click.UsageError("say which sources: a FILE, or --visit")
    if detector is not None and visit is None:
        raise click.UsageError("--detector needs --visit")
    database = open_database(ctx)
    if file is None:
        report = run(database, visit=visit, detector=detector)
    else:
        with input_path(file, type) as (path, type_):
            report = run(database, path, table=table, type=type_)
    if as_json:
        print_json(asdict(report))
        return
    print_pairs(
        [
            ("sources taken back", report.n_withdrawn),
            ("sources taken back before", report.n_before),
            ("known objects that lose one", report.n_matches),
            ("sources that belonged to DiaObjects", report.n_of_objects),
        ]
    )
    if report.n_matches:
        click.echo("their visits are pending again: run `ssdb associate`", err=True)


@main.command("merge-objects")
@click.option("--radius", type=float, default=1.5, show_default=True, help="Objects that are so near are one (arcsec).")
@json_option
@click.pass_context
def merge_objects(ctx: click.Context, radius: float, as_json: bool) -> None:
    """Merge DiaObjects that are one: the one with the oldest source gets the sources of the others."""
    from ssdb.dia.merge import merge_objects as run

    report = run(open_database(ctx), radius)
    if as_json:
        print_json({"merged": {str(old): new for old, new in report.merged.items()}, "nSources": report.n_sources})
        return
    print_pairs([("DiaObjects merged into others", len(report.merged)), ("sources moved", report.n_sources)])
