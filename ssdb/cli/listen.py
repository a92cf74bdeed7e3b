"""``ssdb listen``: what is being associated, as it happens."""

from __future__ import annotations

from contextlib import closing, suppress

import click

from ssdb.cli.common import main, open_database, print_json


@main.command()
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="S", help="End after S quiet seconds.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N visits.")
@click.pass_context
def listen(ctx: click.Context, timeout: float | None, count: int | None) -> None:
    """Print each visit when it has been associated, by whomever: one line of JSON (PostgreSQL).

    Ends with Ctrl-C.
    """
    from ssdb.store.notify import listen as hear

    with suppress(KeyboardInterrupt), closing(hear(open_database(ctx), timeout=timeout)) as heard:
        for number, outcome in enumerate(heard, start=1):
            print_json(outcome)
            if number == count:
                break
