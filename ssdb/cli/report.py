"""``ssdb report``: an HTML page with figures."""

from __future__ import annotations

from dataclasses import asdict

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_pairs, several


@main.command()
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False))
@several("--night", "nights", "Only this night, from MJD N to N + 1 (TAI); repeat for more.")
@several("--object", "objects", "Show light curve and phase curve of this object, too.", type=str, metavar="NAME")
@json_option
@click.pass_context
def report(
    ctx: click.Context, directory: str, nights: tuple[int, ...], objects: tuple[str, ...], as_json: bool
) -> None:
    """Write an HTML page with figures into DIR: residuals, completeness, maps, every visit."""
    from ssdb.report import make_report

    made = make_report(open_database(ctx), directory, nights=nights, objects=objects)
    if as_json:
        print_json(asdict(made))
        return
    print_pairs(
        [
            ("page", str(made.page)),
            ("  size, MB", f"{made.bytes / 1e6:.2f}"),
            ("objects seen", "none" if made.objects is None else str(made.objects)),
            ("figures", len(made.figures)),
            ("visits", made.visits),
            ("matches", made.matches),
            *((f"seconds to {stage}", f"{seconds:.2f}") for stage, seconds in made.seconds.items()),
        ]
    )
