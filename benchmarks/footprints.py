"""Which detector each predicted object falls on, beside inverting the WCS of every detector with astropy.

    python -m benchmarks.footprints [--quick] [--visits 20] [--objects 3000] [--repeat 9] [--json FILE]

A focal plane like Rubin's, 189 detectors, each with a TAN-SIP WCS whose edges are curved. It ends with an error if the
two do not put the same objects on the same detectors.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.command import new_parser, print_figures
from benchmarks.servers import WrongResult, describe_machine
from ssdb.association.match import Placement, place
from ssdb.association.visit_batch import Exposures
from ssdb.config import AssociationConfig
from ssdb.simulate.focal_plane import PIXEL_ARCSEC, RUBIN_RADIUS_DEG, rubin_like
from ssdb.sky.footprint import Outlines, bounding_caps, join_outlines, outline_problems, pack_outlines, unpack_outlines
from ssdb.sky.outline import trace_outline
from ssdb.sky.sphere import Array, moved, separations

if TYPE_CHECKING:
    from astropy.wcs import WCS

BORESIGHT = (0.3, -12.0)
_MJD = 61000.0
_CLEAR_PIXELS = 0.1
"""Nearer to an edge than this, outline (true to 0.05 pixel) and WCS may differ."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    options = _parser().parse_args(arguments)
    if options.quick:
        options.visits, options.objects, options.repeat = 2, 50, 1
    return print_figures("footprints", options, run, text_of)


def _parser() -> argparse.ArgumentParser:
    parser = new_parser("footprints", __doc__)
    parser.add_argument("--visits", type=int, default=20, help="visits of a batch (20)")
    parser.add_argument("--objects", type=int, default=3000, help="known objects predicted for a visit (3000)")
    parser.add_argument("--repeat", type=int, default=9, help="runs of which the medians are printed (9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument("--quick", action="store_true", help="few objects, once: only to see that everything works")
    return parser


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measures, and compares the results.

    Raises
    ------
    WrongResult
        If an object that is clear of the edges is on another detector than astropy says.
    """
    n_visits, n_objects, repeat = options.visits, options.objects, options.repeat
    plane, cameras = rubin_like(), wcs_of_detectors()
    size = (plane.width, plane.height)
    outlines = join_outlines([trace_outline(_pixel_to_sky(wcs), *size) for wcs in cameras])
    packed = pack_outlines(outlines)
    one, batch = (_exposures(n, outlines, n_objects) for n in (1, n_visits))
    seconds = {
        "trace": _median(lambda: trace_outline(_pixel_to_sky(cameras[0]), *size), repeat),
        "validate": _median(lambda: (outline_problems(outlines), bounding_caps(outlines)), repeat) / len(outlines),
        "place": _median(lambda: _place(one, packed), repeat),
        "placeInBatch": _median(lambda: _place(batch, packed * n_visits), repeat) / n_visits,
    }
    started = time.perf_counter()
    pixels = _inverted(cameras, one)
    seconds["astropy"] = time.perf_counter() - started
    return {
        "machine": describe_machine(),
        "detectors": len(outlines),
        "objects": n_objects,
        "visits": n_visits,
        "points": {"fewest": int(outlines.counts.min()), "most": int(outlines.counts.max())},
        "onDetectors": _compare(_place(one, packed), pixels, _far(cameras, one, pixels), size),
        "seconds": seconds,
    }


def wcs_of_detectors() -> list[WCS]:
    """The WCS of every detector of a camera like Rubin's: TAN-SIP, one distortion round the boresight."""
    from astropy.wcs import WCS

    plane = rubin_like()
    cubic = plane.cubic * PIXEL_ARCSEC**2
    found = []
    for center, angle in zip(plane.centers, plane.rotations, strict=True):
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        boresight = 0.5 * np.array([plane.width - 1, plane.height - 1]) - turn.T @ center / PIXEL_ARCSEC
        cards: dict[str, Any] = {"CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_ORDER": 3, "B_ORDER": 3}
        cards |= {"A_3_0": cubic, "A_1_2": cubic, "B_0_3": cubic, "B_2_1": cubic}
        for axis in (0, 1):
            cards |= {f"CRVAL{axis + 1}": BORESIGHT[axis], f"CRPIX{axis + 1}": boresight[axis] + 1.0}
            cards |= {f"CD{axis + 1}_{other + 1}": turn[axis, other] * PIXEL_ARCSEC / 3600.0 for other in (0, 1)}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there is no RADESYS
            found.append(WCS(cards))
    return found


def text_of(figures: dict[str, Any]) -> str:
    """The figures as lines for people."""
    machine, points = figures["machine"], figures["points"]
    ms = {name: 1000.0 * value for name, value in figures["seconds"].items()}
    n = figures["detectors"]
    return "\n".join(
        [
            f"{n} detectors of {points['fewest']} to {points['most']} points, {figures['objects']:,} objects a visit, "
            f"{figures['onDetectors']:,} of them on a detector; {machine['cores']} cores, {machine['cpu']}",
            f"trace the outline of a detector        {ms['trace']:10.2f} ms",
            f"check an outline, and bound it         {ms['validate']:10.3f} ms",
            f"place the objects of a visit           {ms['place']:10.2f} ms",
            f"the same in a batch of {figures['visits']:4} visits    {ms['placeInBatch']:10.2f} ms",
            f"astropy, every WCS inverted            {ms['astropy']:10.0f} ms ({ms['astropy'] / ms['place']:.0f}x)",
        ]
    )


def _pixel_to_sky(wcs: WCS) -> Callable[[Array, Array], tuple[Array, Array]]:
    return lambda x, y: tuple(wcs.all_pix2world(x, y, 0))


def _exposures(n_visits: int, outlines: Outlines, n_objects: int) -> Exposures:
    """Visits to one place, their objects spread over the field, as they are read from a database."""
    rng = np.random.default_rng(1)
    n_detectors, n = len(outlines), n_visits * n_objects
    distance, angle = RUBIN_RADIUS_DEG * np.sqrt(rng.random(n)), rng.uniform(0.0, 2.0 * np.pi, n)
    ra, dec = moved(*BORESIGHT, distance * np.sin(angle), distance * np.cos(angle), 1.0)
    unknown = np.full(n, np.nan)
    predictions = {
        "visit": np.repeat(np.arange(n_visits), n_objects),
        "ssObjectId": np.tile(np.arange(n_objects), n_visits),
        "midpointMjdTai": np.full(n, _MJD),
        "ephRa": ra,
        "ephDec": dec,
        "ephRateRa": rng.normal(0.0, 0.2, n),
        "ephRateDec": rng.normal(0.0, 0.2, n),
        "ephErrMajor": unknown,
        "ephErrMinor": unknown,
        "ephErrPa": unknown,
    }
    each = np.ones(n_detectors * n_visits)
    caps = np.tile(bounding_caps(outlines), (n_visits, 1))
    detectors = {
        "visit": np.repeat(np.arange(n_visits), n_detectors),
        "detector": np.tile(np.arange(n_detectors), n_visits),
        "nSources": each.astype(np.int64),
        "capRa": caps[:, 0],
        "capDec": caps[:, 1],
        "capRadius": caps[:, 2],
        "pixelScale": PIXEL_ARCSEC * each,
        "variance": 0.0 * each,
        "earliest": _MJD * each,
        "latest": (_MJD + 1e-5) * each,
    }
    return Exposures(np.arange(n_visits), predictions, detectors, outlines)


def _place(exposures: Exposures, packed: list[bytes]) -> Placement:
    """All that it takes from the outlines as they are stored."""
    return place(replace(exposures, outlines=unpack_outlines(packed)), AssociationConfig())


def _median(call: Callable[[], object], repeat: int) -> float:
    """Seconds that a call takes."""
    seconds = []
    for _ in range(repeat):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return median(seconds)


def _inverted(cameras: list[WCS], one: Exposures) -> Array:
    """Pixels of every object on every detector, shape (d, n, 2), wherever that converges to."""
    ra, dec = one.predictions["ephRa"], one.predictions["ephDec"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what diverges, far from the detector
        return np.stack([np.column_stack(wcs.all_world2pix(ra, dec, 0, quiet=True)) for wcs in cameras])


def _far(cameras: list[WCS], one: Exposures, pixels: Array) -> NDArray[np.bool_]:
    """Which of these pixels are not where the object is, shape (d, n)."""
    ra, dec = one.predictions["ephRa"], one.predictions["ephDec"]
    back = [wcs.all_pix2world(*of_one.T, 0) for wcs, of_one in zip(cameras, pixels, strict=True)]
    return ~(np.array([separations(ra, dec, *sky) for sky in back]) < 1e-3)


def _compare(placement: Placement, pixels: Array, far: NDArray[np.bool_], size: tuple[int, int]) -> int:
    """How many objects are on detectors.

    Raises
    ------
    WrongResult
        If an object that is clear of the edges is on another detector, or on none.
    """
    to_edge = np.minimum(pixels + 0.5, np.array(size) - 0.5 - pixels).min(axis=2)
    true_depth = np.where(far | ~np.isfinite(to_edge), -np.inf, to_edge)
    deepest = true_depth.max(axis=0)
    wanted = np.where(deepest >= 0.0, true_depth.argmax(axis=0), -1)
    found = np.where(placement.edge_distance >= 0.0, placement.row, -1)
    wrong = np.flatnonzero((wanted != found) & (np.abs(deepest) > _CLEAR_PIXELS))
    if wrong.size:
        raise WrongResult(f"{wrong.size} objects are on other detectors than astropy says, the first {wrong[0]}")
    return int((wanted >= 0).sum())


if __name__ == "__main__":
    sys.exit(main())
