"""``ssdb forced``: measures fluxes at known places of difference images."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from ssdb.cli.common import json_option, main, open_database, print_json, print_table, progress_bars, wrong_usage

_file = click.Path()


@main.command()
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", type=_file)
@click.option(
    "--direct", multiple=True, type=_file, metavar="IMAGE", help="The image before subtraction; repeat for more."
)
@click.option(
    "--psf", type=_file, metavar="FILE", help="The PSF: a stamp, a model of PSFEx's or a grid (STDPSF); FITS."
)
@click.option("--fwhm", type=float, metavar="ARCSEC", help="The PSF is a Gaussian of this FWHM.")
@click.option("--fwhm-keyword", metavar="KEYWORD", help="The PSF is a Gaussian, its FWHM in this keyword.")
@click.option("--fwhm-pixels", "fwhm_in_pixels", is_flag=True, help="That FWHM is in pixels.")
@click.option("--aperture", type=float, metavar="ARCSEC", help="Instead of a PSF: sum within this radius.")
@click.option(
    "--background",
    type=click.Choice(["plane", "constant", "none"]),
    default="plane",
    show_default=True,
    help="What is fitted around each place and subtracted.",
)
@click.option(
    "--objects",
    type=click.Choice(["all", "dia", "solar-system"]),
    default="all",
    show_default=True,
    help="dia: DiaObjects; solar-system: known objects that were expected and not seen.",
)
@click.option("--min-sources", type=click.IntRange(1), default=1, show_default=True, help="Of DiaObjects with so many.")
@click.option("--visit", type=int, metavar="N", help="The visit, instead of what the header says.")
@click.option("--detector", type=int, metavar="N", help="The detector, instead of what the header says.")
@click.option("--visit-keyword", multiple=True, metavar="KEYWORD", help="Where the header has the visit.")
@click.option("--detector-keyword", multiple=True, metavar="KEYWORD", help="Where the header has the detector.")
@click.option("--zero-point", type=float, metavar="MAG", help="AB magnitude of one count.")
@click.option("--zero-point-keyword", multiple=True, metavar="KEYWORD", help="Where the header has that.")
@click.option("--mask", type=_file, metavar="FILE", help="The mask, where it is in a file of its own.")
@click.option("--bad-bits", type=int, metavar="N", help="Bits of the mask that make a pixel unusable.  [default: all]")
@click.option("--variance", type=_file, metavar="FILE", help="The variance, where it is in a file of its own.")
@click.option("--weight", type=_file, metavar="FILE", help="Its inverse, where that is in a file of its own.")
@json_option
@click.pass_context
def forced(ctx: click.Context, images: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure fluxes on difference IMAGEs (FITS) at the places of DiaObjects, and of known objects that were expected
    and not seen: their upper limits.

    Results are in DiaForcedSource and SsForcedSource; what was there of a detector is replaced.
    """
    from ssdb.io.image.keywords import HeaderKeywords
    from ssdb.photometry import PhotometryConfig, forced_photometry

    roles = ("visit", "detector", "zero_point")
    given = {role: words for role in roles if (words := options.pop(f"{role}_keyword"))}
    measuring = ("psf", "fwhm", "fwhm_keyword", "fwhm_in_pixels", "aperture", "background", "zero_point")
    with wrong_usage():
        config = PhotometryConfig(**{name: options.pop(name) for name in measuring})
    keywords = HeaderKeywords(**given) if given else None
    with progress_bars("forced") as (progress,):
        report = forced_photometry(open_database(ctx), images, config, keywords=keywords, progress=progress, **options)
    if as_json:
        print_json(asdict(report))
    else:
        rows = [asdict(image) for image in report.images]
        print_table(list(rows[0]), [list(row.values()) for row in rows])
    if report.notAssociated:
        click.echo(
            f"{len(report.notAssociated):,} visits are not associated yet, so that it is not known which known objects "
            "were not seen: run `ssdb associate`, then this again",
            err=True,
        )
