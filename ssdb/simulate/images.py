"""Images of point sources with known fluxes: what photometry is checked with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ssdb.units import ARCSEC_PER_DEG, Array, Mask

if TYPE_CHECKING:
    from astropy.io.fits import Header

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(4)
"""Of Gauss and Legendre's rule, by which a pixel is integrated along each axis: from -1 to 1, of weight 2."""


@dataclass(frozen=True, slots=True)
class GaussianProfile:
    """An elliptical Gaussian: sigmas (pixels) along its axes, and the angle (deg) of the first from x to y."""

    major: float = 1.7
    minor: float = 1.7
    angle: float = 0.0

    def stamp(self, x: float = 0.0, y: float = 0.0, half: int = 15) -> Array:
        """The shares of the flux that pixels have, shape (2 half + 1, 2 half + 1), of a source x, y off the middle."""
        edge = (np.arange(-half, half + 1)[:, None] + _NODES / 2).ravel()
        dx, dy = np.meshgrid(edge - x, edge - y)
        cos, sin = np.cos(np.radians(self.angle)), np.sin(np.radians(self.angle))
        radius2 = ((dx * cos + dy * sin) / self.major) ** 2 + ((dy * cos - dx * sin) / self.minor) ** 2
        density = np.exp(-0.5 * radius2) / (2 * np.pi * self.major * self.minor)
        side = 2 * half + 1
        nodes = density.reshape(side, len(_NODES), side, len(_NODES))
        return np.einsum("iajb,a,b->ij", nodes, _WEIGHTS / 2, _WEIGHTS / 2)


@dataclass(frozen=True, slots=True)
class SimulatedImage:
    """An image and what it is made of; arrays of shape (height, width)."""

    values: Array
    variance: Array
    masked: Mask
    """Pixels that are ruined, by a large value."""


def simulate_image(
    width: int,
    height: int,
    x: ArrayLike,
    y: ArrayLike,
    flux: ArrayLike,
    rng: np.random.Generator,
    *,
    profile: GaussianProfile | None = None,
    noise: float = 10.0,
    gain: float | None = None,
    background: tuple[float, float, float] = (0.0, 0.0, 0.0),
    masked_share: float = 0.0,
) -> SimulatedImage:
    """Point sources with normal noise on a background that is a plane.

    Parameters
    ----------
    width, height : int
        Pixels.
    x, y, flux : array_like, shape (n,)
        Zero-based pixel coordinates of the sources, and their fluxes, negative ones too.
    rng : numpy.random.Generator
    profile : GaussianProfile, optional
        Of the sources.
    noise : float
        One sigma of each pixel.
    gain : float, optional
        Photons in one count: sources have noise of their own, too.
    background : (float, float, float)
        In the middle, and its slopes along x and y, a pixel.
    masked_share : float
        Of the pixels, how many are ruined.
    """
    profile = profile or GaussianProfile()
    half = int(np.ceil(6 * max(profile.major, profile.minor)))
    padded = np.zeros((height + 2 * half, width + 2 * half))
    for source_x, source_y, source_flux in zip(np.atleast_1d(x), np.atleast_1d(y), np.atleast_1d(flux), strict=True):
        column, row = round(float(source_x)), round(float(source_y))
        there = (slice(row, row + 2 * half + 1), slice(column, column + 2 * half + 1))
        padded[there] += source_flux * profile.stamp(source_x - column, source_y - row, half)
    sources = padded[half : half + height, half : half + width]
    variance = np.full(sources.shape, noise**2) + (0.0 if gain is None else np.abs(sources) / gain)
    rows, columns = np.mgrid[:height, :width]
    level, slope_x, slope_y = background
    values = sources + level + slope_x * (columns - (width - 1) / 2) + slope_y * (rows - (height - 1) / 2)
    values += rng.normal(size=values.shape) * np.sqrt(variance)
    masked = rng.random(values.shape) < masked_share
    values[masked] += 1000.0 * noise
    return SimulatedImage(values, variance, masked)


def image_header(
    width: int,
    height: int,
    ra: float,
    dec: float,
    *,
    scale_arcsec: float = 0.2,
    angle: float = 20.0,
    **cards: Any,
) -> Header:
    """A header with a gnomonic WCS: ra, dec (deg) in the middle, turned by an angle (deg); and further cards."""
    from astropy.io.fits import Header

    scale = scale_arcsec / ARCSEC_PER_DEG
    cos, sin = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    wcs = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CUNIT1": "deg", "CUNIT2": "deg"}
    wcs |= {"CRPIX1": (width + 1) / 2, "CRPIX2": (height + 1) / 2, "RADESYS": "ICRS"}
    wcs |= {"CD1_1": -cos, "CD1_2": sin, "CD2_1": sin, "CD2_2": cos}
    made = Header()
    made.update(wcs | cards)
    return made


def write_image(
    path: str | os.PathLike[str], image: SimulatedImage, header: Header, *, mask: bool = True, variance: bool = True
) -> None:
    """Writes an image as a FITS file, with extensions MASK and VARIANCE unless these are not wanted."""
    from astropy.io import fits

    hdus = [fits.PrimaryHDU(), fits.ImageHDU(image.values.astype(np.float32), header, name="IMAGE")]
    if mask:
        hdus.append(fits.ImageHDU(image.masked.astype(np.int32), name="MASK"))
        hdus[-1].header["MP_BAD"] = 0
    if variance:
        hdus.append(fits.ImageHDU(image.variance.astype(np.float32), name="VARIANCE"))
    fits.HDUList(hdus).writeto(path)
