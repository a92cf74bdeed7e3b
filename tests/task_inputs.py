"""One small detector for the task in memory: its WCS, sources on it, and objects predicted for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from astropy.table import Table
from astropy.wcs import WCS
from small_surveys import MJD, designation

from ssdb.io.image.detector_image import Exposure

WIDTH, HEIGHT = 400, 300
SCALE = 0.2
"""arcsec per pixel."""

Columns = dict[str, Any]


def tangent_wcs(ra: float = 150.0, dec: float = 2.0) -> WCS:
    """A WCS with the position (deg) in the middle of the detector, east to the left."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [(WIDTH + 1) / 2, (HEIGHT + 1) / 2]
    wcs.wcs.cdelt = [-SCALE / 3600, SCALE / 3600]
    wcs.wcs.set()
    return wcs


def exposure(wcs: WCS | None = None, **columns: Any) -> Exposure:
    """The detector 7 of visit 42, at MJD."""
    of_sky = tangent_wcs() if wcs is None else wcs
    values: Columns = {"visit": 42, "detector": 7, "width": WIDTH, "height": HEIGHT, "midpoint_mjd_tai": MJD} | columns
    return Exposure(pixel_to_sky=lambda x, y: of_sky.all_pix2world(x, y, 0), **values)


def sky(x: Any, y: Any, wcs: WCS | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Positions (deg) of pixels."""
    ra, dec = (tangent_wcs() if wcs is None else wcs).all_pix2world(x, y, 0)
    return np.asarray(ra), np.asarray(dec)


def sources(x: Any, y: Any, wcs: WCS | None = None) -> Columns:
    """Sources 100, 101, ... at pixels."""
    ra, dec = sky(x, y, wcs)
    return {"diaSourceId": np.arange(100, 100 + len(ra)), "ra": ra, "dec": dec}


def predictions(x: Any, y: Any, wcs: WCS | None = None) -> Columns:
    """Objects 2020 AA, 2020 AB, ... predicted at pixels, for MJD."""
    ra, dec = sky(x, y, wcs)
    return {"designation": [designation(number) for number in range(len(ra))], "ephRa": ra, "ephDec": dec}


def random_inputs(wcs: WCS, seed: int) -> tuple[Columns, Columns]:
    """53 sources and 20 objects: most near a source, some with no source, some in the padding or off the detector."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(-0.5, WIDTH - 0.5, 53), rng.uniform(-0.5, HEIGHT - 0.5, 53)
    near = sources(x, y, wcs) | {"psfFlux": rng.uniform(1e3, 1e5, 53).astype(np.float32)}
    at_x, at_y = x[:20] + rng.normal(0, 2.0, 20), y[:20] + rng.normal(0, 2.0, 20)
    at_x[:2], at_x[2:4] = WIDTH + 2.0, -300.0
    at_x[4:8], at_y[4:8] = rng.uniform(0, WIDTH - 1, 4), rng.uniform(0, HEIGHT - 1, 4)
    expected = predictions(at_x, at_y, wcs) | {
        "ephRateRa": rng.normal(0, 0.2, 20),
        "ephRateDec": rng.normal(0, 0.2, 20),
    }
    for origin in ("helio", "topo"):
        for component in ("x", "y", "z", "vx", "vy", "vz"):
            expected[f"{origin}_{component}"] = rng.normal(0, 2.0, 20)
    return near, expected


def same_table(one: Table, other: Table) -> bool:
    """Whether two tables have the same columns, units, types, values and masks."""
    return one.colnames == other.colnames and all(
        one[name].unit == other[name].unit
        and one[name].dtype == other[name].dtype
        and np.array_equal(np.ma.getmaskarray(one[name]), np.ma.getmaskarray(other[name]))
        and np.ma.filled(one[name] == other[name], True).all()
        for name in one.colnames
    )
