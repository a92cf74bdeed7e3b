"""``ssdb resolve`` and ``ssdb relink``: names of objects, and rows under their primary designations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_pairs, tell_failures
from ssdb.errors import DesignationError, NotFoundError

if TYPE_CHECKING:
    from ssdb.identity.relink import RelinkReport
    from ssdb.identity.resolve import ResolvedName
    from ssdb.store.database import Database

_MOST_SHOWN = 20


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
@click.pass_context
def resolve(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Find objects by any of their names: number, name, designation, packed or not.

    An identifier of a DiaObject, also of one that was merged, gives the one that it is now.
    """
    from ssdb.identity.resolve import resolve as find

    database = open_database(ctx)
    found: list[ResolvedName] = []
    problems: list[str] = []
    dia_objects: list[dict[str, object]] = []
    for name in names:
        try:
            found.append(find(database, name))
        except (DesignationError, NotFoundError) as error:
            if re.fullmatch(r"[0-9]{1,19}", name) and (object_ := _dia_object(database, int(name))):
                dia_objects.append(object_)
                continue
            problems.append(str(error))
    if as_json:
        print_json([*(answer.as_dict() for answer in found), *dia_objects])
    for number, answer in enumerate([] if as_json else found):
        if number:
            click.echo()
        _tell(answer)
    for row in [] if as_json else dia_objects:
        print_pairs((name, str(value)) for name, value in row.items())
    tell_failures(problems)


def _dia_object(database: Database, number: int) -> dict[str, object] | None:
    """The DiaObject that a number was or is; None if it is none."""
    from ssdb.dia.merge import resolve_dia_object

    try:
        now, current = resolve_dia_object(database, number)
    except NotFoundError:
        return None
    return {"name": str(number), "diaObjectId": now, "current": current}


def _tell(answer: ResolvedName) -> None:
    others = [f"{name} ({kind})" for name, kind in answer.names.items()]
    print_pairs(
        [
            ("name", f"{answer.name} ({answer.kind})"),
            ("ssObjectId", str(answer.ssObjectId)),
            ("designation", answer.designation),
            ("names", ", ".join(others)),
            ("in the database", "yes" if answer.in_database else "not in the database"),
        ]
    )
    if answer.stored_under:
        click.echo(f"rows are stored under {', '.join(answer.stored_under)}: `ssdb relink` moves them", err=True)


@main.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and change nothing.")
@json_option
@click.pass_context
def relink(ctx: click.Context, names: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Move what is stored under other designations of objects to their primary ones.

    Without a NAME: for all objects, as current_identifications and numbered_identifications are now.
    """
    from ssdb.identity.relink import relink as move

    report = move(open_database(ctx), names, dry_run=dry_run)
    if as_json:
        print_json(report.as_dict())
    else:
        _tell_moved(report)


def _tell_moved(report: RelinkReport) -> None:
    pairs = list(report.objects.items())
    for old, primary in pairs[:_MOST_SHOWN]:
        click.echo(f"{old} -> {primary}")
    if len(pairs) > _MOST_SHOWN:
        click.echo(f"... and {len(pairs) - _MOST_SHOWN:,} more")
    would = "would be " if report.dry_run else ""
    click.echo(f"{len(pairs):,} designations {would}moved to the primary ones")
    for table, n in report.moved.items():
        click.echo(f"{table}: {n:,} rows {would}moved")
    for table, n in report.removed.items():
        click.echo(f"{table}: {n:,} rows {would}removed, because the primary designation has its own")
    if report.pending:
        state = "would be pending again" if report.dry_run else "are pending again: run `ssdb associate`"
        click.echo(f"{len(report.pending):,} visits had an object under two names and {state}")
