"""``ssdb init``, ``distribute``, ``backup`` and ``delete``: the database as a whole, and removing visits from it."""

from __future__ import annotations

import click

from ssdb.cli.common import main, open_database, progress_bars


@main.command()
@click.option(
    "--distribute", "shards", type=int, metavar="SHARDS", help="Also distribute the big tables: see `ssdb distribute`."
)
@click.pass_context
def init(ctx: click.Context, shards: int | None) -> None:
    """Create the tables, or upgrade them to this version of ssdb."""
    from ssdb.store.database import open_database as open_any
    from ssdb.store.ddl.distribute import distribute, require_citus
    from ssdb.store.ddl.migrate import REVISION, initialize
    from ssdb.store.urls import masked

    if shards is not None:
        with open_any(ctx.obj, create=True) as empty:
            require_citus(empty, shards)
    database = initialize(ctx.obj)
    ctx.call_on_close(database.close)
    click.echo(f"{masked(database.engine.url)} is ready (schema {REVISION})")
    if shards is not None:
        click.echo(distribute(database, shards).told())


@main.command("distribute")
@click.argument("shards", type=int, metavar="SHARDS")
@click.pass_context
def distribute_command(ctx: click.Context, shards: int) -> None:
    """Distribute the big tables over the servers of a Citus cluster (PostgreSQL), with the rows that they have.

    Each is split into SHARDS tables; a visit is in one of them, on one server. Choose a few times as many as there will
    ever be servers. Nobody else may use the tables meanwhile.
    """
    from ssdb.store.ddl.distribute import distribute

    click.echo(distribute(open_database(ctx), shards).told())


@main.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.pass_context
def backup(ctx: click.Context, file: str, force: bool) -> None:
    """Copy an SQLite database, whole and checked, while others use it.

    For PostgreSQL: print the commands to run instead, with exit code 1.
    """
    from ssdb.store.backup import backup as copy
    from ssdb.store.database import open_database as open_any

    database = open_any(ctx.obj)  # of an older version, too: before an upgrade is the time
    ctx.call_on_close(database.close)
    with progress_bars("backup") as (progress,):
        size = copy(database, file, overwrite=force, progress=progress)
    click.echo(f"{file}: {size / 1e6:,.1f} MB", err=True)


@main.group()
def delete() -> None:
    """Remove what was stored by mistake."""


@delete.command()
@click.argument("visits", type=int, nargs=-1, required=True, metavar="VISIT...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def visit(ctx: click.Context, visits: tuple[int, ...], yes: bool) -> None:
    """Remove visits with their detectors, sources, predictions and results, all or none of them."""
    from ssdb.store.tables.delete import delete_visits, rows_of_visits

    database = open_database(ctx)
    if not yes:
        click.confirm(f"Remove {_told(rows_of_visits(database, visits))}?", abort=True, err=True)
    click.echo(f"removed {_told(delete_visits(database, visits))}")


def _told(rows: dict[str, int]) -> str:
    named = {
        "Visit": "visits",
        "VisitDetector": "detectors",
        "DiaSource": "sources",
        "SsPrediction": "predictions",
        "SSSource": "matches",
    }
    return ", ".join(f"{rows[table]:,} {name}" for table, name in named.items())
