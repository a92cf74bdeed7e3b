"""How fluxes are measured: the options of forced photometry."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

from ssdb.errors import ConfigError, InputError, UsageError, option, quoted, shown
from ssdb.io.image.keywords import read_number
from ssdb.io.image.pixels import DetectorPixels, calibration_of
from ssdb.photometry.fluxes import BACKGROUNDS
from ssdb.photometry.psf import GaussianPsf, Psf, read_psf
from ssdb.units import AB_ZERO_POINT_NJY

_LIKE_A_FWHM = ("SEEING", "FWHM", "PSF_FWHM", "PSFFWHM", "IQ", "L1FWHM")
"""Keywords that are named to the user where no PSF is given: in some cameras they are arcseconds, in others pixels."""


@dataclass(frozen=True, slots=True)
class PhotometryConfig:
    """How fluxes are measured; one of ``psf``, ``fwhm``, ``fwhm_keyword`` and ``aperture`` is needed.

    UsageError if none or several of these are given, ConfigError if a value makes no sense.

    Attributes
    ----------
    psf : path or Psf
        The PSF of all images: a file as of :func:`ssdb.photometry.read_psf`, or one in memory.
    fwhm : float
        Of a round Gaussian, arcsec; pixels with ``fwhm_in_pixels``.
    fwhm_keyword : str
        The keyword with the FWHM in the header of each image.
    fwhm_in_pixels : bool
        Both are pixels.
    aperture : float
        Radius of an aperture, arcsec, instead of a PSF. Light outside it is not accounted for.
    background : {"plane", "constant", "none"}
        What is fitted to a ring around each place, and subtracted.
    zero_point : float
        AB magnitude of one count, instead of what the headers say.
    """

    psf: Any = None
    fwhm: float | None = None
    fwhm_keyword: str | None = None
    fwhm_in_pixels: bool = False
    aperture: float | None = None
    background: str = "plane"
    zero_point: float | None = None

    def __post_init__(self) -> None:
        named = {
            name: option(f"--{name.replace('_', '-')}", name) for name in ("psf", "fwhm", "fwhm_keyword", "aperture")
        }
        given = [called for name, called in named.items() if getattr(self, name) is not None]
        if len(given) != 1:
            every = list(named.values())
            has = f"not {shown(given)} together" if given else "none is given"
            raise UsageError(f"say what a source looks like: one of {shown(every)}, {has}")
        if self.fwhm_in_pixels and self.fwhm is None and self.fwhm_keyword is None:
            raise UsageError(f"{option('--fwhm-pixels', 'fwhm_in_pixels')} is of use with a FWHM alone")
        for name in ("fwhm", "aperture"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{option(named[name], name)} must be above 0, not {value}")
        if self.zero_point is not None and not -50 < self.zero_point < 100:
            raise ConfigError(f"{option('--zero-point', 'zero_point')} must be an AB magnitude, not {self.zero_point}")
        if self.background not in BACKGROUNDS:
            raise ConfigError(f"background must be one of {shown(BACKGROUNDS)}, not {quoted(self.background)}")

    def njy(self, pixels: DetectorPixels) -> float:
        """nJy of one count of an image; InputError if nothing says it."""
        if self.zero_point is not None:
            return float(10.0 ** ((AB_ZERO_POINT_NJY - self.zero_point) / 2.5))
        return calibration_of(pixels)

    def loaded(self) -> Psf | None:
        """The PSF of all images, read if it is a file; None where there is none."""
        return read_psf(self.psf) if isinstance(self.psf, str | os.PathLike) else self.psf

    def psf_of(self, pixels: DetectorPixels) -> Psf:
        """The Gaussian of an image; InputError if its header has no FWHM."""
        fwhm, scale = self.fwhm, 1.0 if self.fwhm_in_pixels else pixels.exposure.pixel_scale
        if fwhm is None:
            assert self.fwhm_keyword is not None
            fwhm = read_number(pixels.cards, (self.fwhm_keyword,))
            if fwhm is None or not fwhm > 0:
                has = [f"{word} = {value}" for word in _LIKE_A_FWHM if (value := read_number(pixels.cards, (word,)))]
                hint = f"; it has {shown(has)}" if has else ""
                raise InputError(f"{pixels.exposure.name}: the header has no FWHM in {self.fwhm_keyword}{hint}")
        return GaussianPsf(fwhm / scale)
