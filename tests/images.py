"""Made-up headers and files of images for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

SCALE = 0.2 / 3600.0
"""Degrees a pixel."""

SIP = {
    "A_ORDER": 3,
    "B_ORDER": 3,
    "A_2_0": 2e-6,
    "A_0_2": -1e-6,
    "A_3_0": 3e-10,
    "B_1_1": 2e-6,
    "B_2_0": 1e-6,
    "B_0_3": -4e-10,
}
TPV = {
    "PV1_0": 1e-4,
    "PV1_1": 1.0,
    "PV1_2": 1e-4,
    "PV1_4": 1e-3,
    "PV1_7": 0.02,
    "PV2_0": -1e-4,
    "PV2_1": 1.0,
    "PV2_5": 2e-3,
    "PV2_7": -0.03,
}
IDENTITY = {"VISIT": 10, "DETECTOR": 1}


def header(
    projection: str = "TAN",
    ra: float = 50.0,
    dec: float = -5.0,
    width: int = 1000,
    height: int = 800,
    **cards: Any,
) -> fits.Header:
    """An image rotated by 30 degrees, its reference point off its middle; further cards replace these."""
    cos, sin = np.cos(np.radians(30.0)), np.sin(np.radians(30.0))
    made = fits.Header()
    made.update(
        {
            "NAXIS": 2,
            "NAXIS1": width,
            "NAXIS2": height,
            "CTYPE1": f"RA---{projection}",
            "CTYPE2": f"DEC--{projection}",
            "CRVAL1": ra,
            "CRVAL2": dec,
            "CRPIX1": 300.0,
            "CRPIX2": 500.0,
            "CD1_1": -SCALE * cos,
            "CD1_2": SCALE * sin,
            "CD2_1": SCALE * sin,
            "CD2_2": SCALE * cos,
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "RADESYS": "ICRS",
        }
    )
    made.update(cards)
    return made


def hdu(cards: fits.Header, kind: type = fits.ImageHDU, **more: Any) -> Any:
    """An image of the size that its header says."""
    made = kind(np.zeros((cards["NAXIS2"], cards["NAXIS1"]), np.int16))
    made.header.extend(card for card in cards.cards if not card.keyword.startswith("NAXIS"))
    made.header.update(more)
    return made


def write(path: Path, *hdus: Any) -> Path:
    """A FITS file; where the first HDU is no primary one, an empty one is put before it."""
    primary = [] if isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU()]
    fits.HDUList([*primary, *hdus]).writeto(path)
    return path


def image(path: Path, cards: fits.Header | None = None, **more: Any) -> Path:
    """A file with one image, its WCS in the primary header."""
    made = header(width=200, height=100, **IDENTITY) if cards is None else cards
    return write(path, hdu(made, fits.PrimaryHDU, **more))


def edge_points(width: int, height: int, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Zero-based pixels along the border of an image, at -0.5 and N - 0.5."""
    t = np.linspace(0.0, 1.0, n)
    x, y = t * width - 0.5, t * height - 0.5
    left, right = np.full(n, -0.5), np.full(n, width - 0.5)
    bottom, top = np.full(n, -0.5), np.full(n, height - 0.5)
    return np.concatenate([x, right, x, left]), np.concatenate([bottom, y, top, y])


def pixel_offsets(wcs: WCS, outline: np.ndarray, width: int, height: int) -> np.ndarray:
    """How far, in pixels, astropy's places of the border are from the arcs of an outline.

    In a gnomonic projection (another WCS of astropy's) great circles are straight lines.
    """
    places = wcs.pixel_to_world(*edge_points(width, height)).icrs
    plane = WCS(naxis=2)
    plane.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    plane.wcs.crval = outline[0]
    plane.wcs.cdelt = [1.0, 1.0]
    points = plane.wcs_world2pix(np.column_stack([places.ra.deg, places.dec.deg]), 0)
    starts = plane.wcs_world2pix(outline, 0)
    steps = np.roll(starts, -1, axis=0) - starts
    from_start = points[:, None] - starts
    along = np.clip((from_start * steps).sum(axis=-1) / (steps**2).sum(axis=-1), 0.0, 1.0)
    distance = np.linalg.norm(from_start - along[..., None] * steps, axis=-1).min(axis=1)
    return distance / wcs.proj_plane_pixel_scales()[0].to_value("deg")
