"""``ssdb backup``."""

from __future__ import annotations

import click

from ssdb.cli.common import main, with_progress


@main.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@click.pass_context
def backup(ctx: click.Context, file: str, force: bool) -> None:
    """Copy an SQLite database, whole and checked, while others use it.

    Of PostgreSQL: the commands to run instead, and exit code 1.
    """
    from ssdb.store.backup import backup as copy
    from ssdb.store.database import open_database

    database = open_database(ctx.obj)  # of an older version, too: before an upgrade is the time
    ctx.call_on_close(database.close)
    size = with_progress("backup", lambda progress: copy(database, file, overwrite=force, progress=progress))
    click.echo(f"{file}: {size / 1e6:,.1f} MB", err=True)
