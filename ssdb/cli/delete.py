"""``ssdb delete``: what was stored wrongly."""

from __future__ import annotations

import click

from ssdb.cli.common import main, open_database


@main.group()
def delete() -> None:
    """Remove what was stored wrongly."""


@delete.command()
@click.argument("visits", type=int, nargs=-1, required=True, metavar="VISIT...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def visit(ctx: click.Context, visits: tuple[int, ...], yes: bool) -> None:
    """Remove visits with their detectors, sources, predictions and results, all or none of them."""
    from ssdb.store.tables.delete import delete_visits, rows_of_visits

    database = open_database(ctx)
    if not yes:
        rows = rows_of_visits(database, visits)
        click.confirm(f"Remove {_told(rows)}?", abort=True, err=True)
    click.echo(f"removed {_told(delete_visits(database, visits))}")


def _told(rows: dict[str, int]) -> str:
    named = {
        "Visit": "visits",
        "VisitDetector": "detectors",
        "DiaSource": "sources",
        "SsPrediction": "predictions",
        "SSSource": "sources that were known objects",
    }
    return ", ".join(f"{rows[table]:,} {name}" for table, name in named.items())
