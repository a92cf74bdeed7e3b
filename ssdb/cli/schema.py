"""``ssdb init``."""

from __future__ import annotations

import click

from ssdb.cli.common import main


@main.command()
@click.pass_context
def init(ctx: click.Context) -> None:
    """Create the tables, or upgrade them to this version of ssdb."""
    from ssdb.store.database import masked
    from ssdb.store.ddl.migrate import REVISION, initialize

    database = initialize(ctx.obj)
    ctx.call_on_close(database.close)
    click.echo(f"{masked(database.engine.url)} is ready (schema {REVISION})")
