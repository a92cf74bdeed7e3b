"""``ssdb partition``: the parts in which PostgreSQL keeps the big tables."""

from __future__ import annotations

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_table, wrong_usage

_visits = click.argument("visits", type=int, nargs=-1, required=True, metavar="VISIT...")


@main.group()
def partition() -> None:
    """List, set aside, bring back or drop old nights (PostgreSQL).

    The big tables are kept in parts of a range of visits each, by default a night of Rubin's numbering. A part is named
    by any visit of it. Only the owner of the tables can change them.
    """


@partition.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """The parts, how many visits are in each, and how large it is on the disk."""
    from ssdb.store.ddl.archive import list_parts

    parts = list_parts(open_database(ctx))
    if as_json:
        print_json([part.as_dict() for part in parts])
        return
    rows = [
        (
            part.first,
            "" if part.past is None else part.past - 1,
            "set aside" if part.detached else "",
            part.visits,
            part.pending,
            *("" if mjd is None else f"{mjd:.3f}" for mjd in (part.firstMjdTai, part.lastMjdTai)),
            f"{part.bytes / 1e6:,.1f}",
        )
        for part in parts
    ]
    print_table(["first visit", "last visit", "", "visits", "pending", "from MJD TAI", "to MJD TAI", "MB"], rows)


@partition.command()
@_visits
@click.pass_context
def detach(ctx: click.Context, visits: tuple[int, ...]) -> None:
    """Set the parts with these visits aside, as tables of their own: out of every query and every index.

    They can be dumped with pg_dump, brought back with `ssdb partition attach`, or dropped.
    """
    from ssdb.store.ddl.archive import detach as detach_part

    database = open_database(ctx)
    for visit in visits:
        names = detach_part(database, visit)
        click.echo(f"the part with visit {visit} is set aside, in {', '.join(names)}")


@partition.command()
@_visits
@click.pass_context
def attach(ctx: click.Context, visits: tuple[int, ...]) -> None:
    """Bring the parts with these visits back that were set aside."""
    from ssdb.store.ddl.archive import attach as attach_part

    database = open_database(ctx)
    for visit in visits:
        n_visits = attach_part(database, visit)
        click.echo(f"the part with visit {visit} is back, with {n_visits:,} visits")


@partition.command()
@_visits
@click.option("--set-aside", is_flag=True, help="Only parts that are set aside.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, visits: tuple[int, ...], set_aside: bool, yes: bool) -> None:
    """Drop the parts with these visits for good: visits, sources, predictions and all results."""
    from ssdb.store.ddl.archive import drop as drop_part
    from ssdb.store.ddl.archive import part_with

    database = open_database(ctx)
    for visit in visits:
        part = part_with(database, visit, set_aside=set_aside)
        which = "part that is set aside" if part.detached else "part"
        what = f"the {which} from visit {part.first}, with {part.visits:,} visits and {part.bytes / 1e6:,.1f} MB"
        if not yes:
            click.confirm(f"Drop {what}?", abort=True, err=True)
        drop_part(database, visit, only=part)
        click.echo(f"dropped {what}")


@partition.command()
@click.argument("n_visits", type=int, required=False, metavar="[N]")
@click.pass_context
def width(ctx: click.Context, n_visits: int | None) -> None:
    """Show or set how many visits a part has that is made from now on (100,000: YYYYMMDDnnnnn by night)."""
    from ssdb.store.ddl.archive import partition_width

    with wrong_usage():
        click.echo(f"{partition_width(open_database(ctx), n_visits):,}")
