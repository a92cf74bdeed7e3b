"""``ssdb partition``: the partitions of the big tables (PostgreSQL), and how old ones are detached or dropped."""

from __future__ import annotations

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_table, wrong_usage

_visits = click.argument("visits", type=int, nargs=-1, required=True, metavar="VISIT...")


@main.group()
def partition() -> None:
    """List, detach, attach or drop old nights (PostgreSQL).

    The big tables are kept in partitions of a range of visits each, by default a night of Rubin's numbering. Any visit
    of a partition names it. Only the owner of the tables can change them.
    """


@partition.command("list")
@json_option
@click.pass_context
def list_command(ctx: click.Context, as_json: bool) -> None:
    """The partitions, how many visits are in each, and how large it is on the disk."""
    from ssdb.store.ddl.detached import list_partitions

    found = list_partitions(open_database(ctx))
    if as_json:
        print_json([report.as_dict() for report in found])
        return
    rows = [
        (
            report.first,
            "" if report.past is None else report.past - 1,
            "detached" if report.detached else "",
            report.visits,
            report.pending,
            *("" if mjd is None else f"{mjd:.3f}" for mjd in (report.firstMjdTai, report.lastMjdTai)),
            f"{report.bytes / 1e6:,.1f}",
        )
        for report in found
    ]
    print_table(["first visit", "last visit", "", "visits", "pending", "from MJD TAI", "to MJD TAI", "MB"], rows)


@partition.command()
@_visits
@click.pass_context
def detach(ctx: click.Context, visits: tuple[int, ...]) -> None:
    """Detach the partitions with these visits, as tables of their own: out of every query and every index.

    They can be dumped with pg_dump, attached again with `ssdb partition attach`, or dropped.
    """
    from ssdb.store.ddl.detached import detach as detach_partition

    database = open_database(ctx)
    for visit in visits:
        names = detach_partition(database, visit)
        click.echo(f"the partition with visit {visit} is detached, in {', '.join(names)}")


@partition.command()
@_visits
@click.pass_context
def attach(ctx: click.Context, visits: tuple[int, ...]) -> None:
    """Attach the detached partitions with these visits again."""
    from ssdb.store.ddl.detached import attach as attach_partition

    database = open_database(ctx)
    for visit in visits:
        n_visits = attach_partition(database, visit)
        click.echo(f"the partition with visit {visit} is back, with {n_visits:,} visits")


@partition.command()
@_visits
@click.option("--detached", "detached", is_flag=True, help="Only detached partitions.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def drop(ctx: click.Context, visits: tuple[int, ...], detached: bool, yes: bool) -> None:
    """Drop the partitions with these visits for good: visits, sources, predictions and all results."""
    from ssdb.store.ddl.detached import drop as drop_partition
    from ssdb.store.ddl.detached import partition_with

    database = open_database(ctx)
    for visit in visits:
        found = partition_with(database, visit, detached=detached)
        which = "detached partition" if found.detached else "partition"
        what = f"the {which} from visit {found.first}, with {found.visits:,} visits and {found.bytes / 1e6:,.1f} MB"
        if not yes:
            click.confirm(f"Drop {what}?", abort=True, err=True)
        drop_partition(database, visit, only=found)
        click.echo(f"dropped {what}")


@partition.command()
@click.argument("n_visits", type=int, required=False, metavar="[N]")
@click.pass_context
def width(ctx: click.Context, n_visits: int | None) -> None:
    """Show or set how many visits a partition has that is made from now on (100,000: YYYYMMDDnnnnn by night)."""
    from ssdb.store.ddl.detached import partition_width

    with wrong_usage():
        click.echo(f"{partition_width(open_database(ctx), n_visits):,}")
