"""The image of one detector in one visit, without its pixels: what association needs to know of it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ssdb.errors import InputError, quoted, shown
from ssdb.io.image.fits_headers import ImageHeader, image_headers, read_image_headers
from ssdb.io.image.keywords import (
    HeaderKeywords,
    read_band,
    read_calibration,
    read_exposure_time,
    read_identifier,
    read_observatory_code,
    read_text,
)
from ssdb.io.image.times import read_midpoint
from ssdb.io.image.wcs import sky_mapping
from ssdb.io.limits import MOST_PIXELS
from ssdb.sky.outline import PixelToSky, pixel_scale, trace_with_cap
from ssdb.sky.sphere import separations
from ssdb.units import Array

if TYPE_CHECKING:
    from astropy.io.fits import Header

_LONGEST_BAND = 8
_LONGEST_INSTRUMENT = 32


@dataclass(frozen=True)
class Exposure:
    """The image of one detector in one exposure, without its pixels.

    InputError if a value is not of its type or out of its range.

    Attributes
    ----------
    visit, detector : int
        Which exposure, and which detector of the camera.
    width, height : int
        Pixels.
    pixel_to_sky : callable
        Zero-based pixel coordinates x, y (the centre of the first pixel is 0, 0), each of shape (n,), to ICRS ra, dec
        in degrees, each of shape (n,).
    midpoint_mjd_tai : float or None
        Mid-exposure, MJD TAI.
    exposure_time : float or None
        Seconds.
    band, instrument : str or None
        Filter (at most 8 characters) and camera (at most 32).
    observatory_code : str or None
        Code of the Minor Planet Center.
    photo_calib_mean, photo_calib_err : float or None
        nJy per count, and its error.
    wcs_header : str or None
        The WCS as FITS header text.
    name : str
        What messages call it.
    doubts : tuple of str
        What of its header was mended or passed over.
    """

    visit: int
    detector: int
    width: int
    height: int
    pixel_to_sky: PixelToSky
    midpoint_mjd_tai: float | None = None
    exposure_time: float | None = None
    band: str | None = None
    instrument: str | None = None
    observatory_code: str | None = None
    photo_calib_mean: float | None = None
    photo_calib_err: float | None = None
    wcs_header: str | None = field(default=None, repr=False)
    name: str = field(default="exposure", repr=False)
    doubts: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        for what, least, most in (
            ("visit", -(2**63), 2**63 - 1),
            ("detector", -(2**15), 2**15 - 1),
            ("width", 1, MOST_PIXELS),
            ("height", 1, MOST_PIXELS),
        ):
            value = getattr(self, what)
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
                raise InputError(f"{self.name}: {what} must be an integer from {least} to {most}, not {quoted(value)}")
        for what in ("midpoint_mjd_tai", "exposure_time", "photo_calib_mean", "photo_calib_err"):
            value = getattr(self, what)
            if value is not None and not math.isfinite(value):
                raise InputError(f"{self.name}: {what} must be a finite number, or None where it is unknown")

    @property
    def outline(self) -> Array:
        """The border of the pixels on the sky, shape (n, 2): ICRS ra, dec in degrees, true to 0.05 pixel.

        InputError if pixels have no position on the sky, or the outline is not a simple polygon.
        """
        return self._traced[0]

    @property
    def cap(self) -> Array:
        """The smallest cap round the outline, shape (3,): ra, dec, radius in degrees."""
        return self._traced[1]

    @cached_property
    def _traced(self) -> tuple[Array, Array]:
        try:
            return trace_with_cap(self.pixel_to_sky, self.width, self.height)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from None

    @cached_property
    def pixel_scale(self) -> float:
        """Size of the pixel in the middle, arcsec; InputError if that pixel has no position on the sky."""
        try:
            return pixel_scale(self.pixel_to_sky, self.width, self.height)
        except InputError as error:
            raise InputError(f"{self.name}: {error}") from None

    @classmethod
    def from_header(
        cls,
        header: Header | str,
        *,
        visit: int | None = None,
        detector: int | None = None,
        keywords: HeaderKeywords | None = None,
        shape: tuple[int, int] | None = None,
        name: str = "header",
    ) -> Exposure:
        """The image that a header describes.

        InputError if the header does not say which visit and detector it is, how large the image is, or has no
        celestial WCS that can be used. A time that it does not tell stays None.

        Parameters
        ----------
        header : astropy.io.fits.Header or str
            With a celestial WCS: TAN, TAN-SIP, TPV and whatever else astropy.wcs reads. Text: one card a line.
        visit, detector, keywords, shape
            As of :func:`read_exposures`.
        name : str
            The header's name for messages.
        """
        from astropy.io import fits

        if isinstance(header, str):
            header = fits.Header.fromstring(header, sep="\n")
        (image,) = image_headers(name, [header], None, shape)
        return cls.from_image(image, visit, detector, keywords)

    @classmethod
    def from_fits(
        cls,
        path: str | os.PathLike[str],
        *,
        visit: int | None = None,
        detector: int | None = None,
        keywords: HeaderKeywords | None = None,
        shape: tuple[int, int] | None = None,
    ) -> Exposure:
        """The image of a file that has one: as :func:`read_exposures`; several detectors are an InputError, too."""
        exposures = read_exposures(path, visit=visit, detector=detector, keywords=keywords, shape=shape)
        if len(exposures) > 1:
            several = shown(f"{each.visit}, {each.detector}" for each in exposures)
            raise InputError(
                f"{os.fspath(path)}: has {len(exposures)} detectors (visit, detector {several}); "
                "ssdb.read_exposures reads them all"
            )
        return exposures[0]

    @classmethod
    def from_image(
        cls, image: ImageHeader, visit: int | None, detector: int | None, keywords: HeaderKeywords | None
    ) -> Exposure:
        """The image that :func:`ssdb.io.image.fits_headers.image_headers` gave; parameters as of `from_header`."""
        from astropy.io.fits import VerifyError

        keys = keywords or HeaderKeywords()
        cards, name = image.cards, image.name
        try:
            mean, err = read_calibration(cards, keys)
            doubts = list(image.doubts)
            midpoint = read_midpoint(cards, keys, name, doubts)
            return cls(
                visit=read_identifier(cards, keys.visit, "visit", name) if visit is None else visit,
                detector=read_identifier(cards, keys.detector, "detector", name) if detector is None else detector,
                width=image.width,
                height=image.height,
                pixel_to_sky=sky_mapping(image.wcs, name),
                midpoint_mjd_tai=midpoint,
                exposure_time=read_exposure_time(cards, keys),
                band=read_band(cards, keys.band, _LONGEST_BAND),
                instrument=read_text(cards, keys.instrument, _LONGEST_INSTRUMENT),
                observatory_code=read_observatory_code(cards, keys.observatory_code),
                photo_calib_mean=mean,
                photo_calib_err=err,
                wcs_header=image.wcs_text,
                name=name,
                doubts=tuple(doubts),
            )
        except VerifyError as error:  # a card that cannot be parsed
            raise InputError(f"{name}: {' '.join(str(error).split())}") from None


def read_exposures(
    path: str | os.PathLike[str],
    *,
    visit: int | None = None,
    detector: int | None = None,
    keywords: HeaderKeywords | None = None,
    shape: tuple[int, int] | None = None,
) -> list[Exposure]:
    """The detectors of a file: each image with a celestial WCS is one.

    Images of the same detector with the same WCS (its image, mask and variance) count once. InputError if the file
    cannot be read, has no image with a celestial WCS, an image does not say which visit and detector it is or how
    large, or two with different WCS are the same detector.

    Parameters
    ----------
    path : path
        A FITS file, perhaps compressed (gzip, fpack), with one or several images; or headers as text (.hdr, .head,
        .header: a WCS as text, SCAMP's, fitsheader's).
    visit, detector : int, optional
        Which they are, instead of what the headers say.
    keywords : HeaderKeywords, optional
        Which keywords say what.
    shape : (int, int), optional
        Height and width in pixels (as numpy's shape), instead of NAXIS2 and NAXIS1.
    """
    images = read_image_headers(Path(os.fspath(path)), shape)
    return distinct(Exposure.from_image(image, visit, detector, keywords) for image in images)


def distinct(exposures: Iterable[Exposure]) -> list[Exposure]:
    """Exposures without those that repeat one before them.

    InputError if two are the same detector of the same visit, and their pixels are not at the same places.
    """
    kept: dict[tuple[int, int], Exposure] = {}
    for exposure in exposures:
        first = kept.setdefault((exposure.visit, exposure.detector), exposure)
        if first is not exposure and not _same_pixels(first, exposure):
            raise InputError(
                f"{exposure.name}: is visit {exposure.visit}, detector {exposure.detector}, as {first.name}, and its "
                "pixels are elsewhere: is the number of the detector in another keyword?"
            )
    return list(kept.values())


def _same_pixels(one: Exposure, other: Exposure) -> bool:
    """Whether two images have the same size, and a grid of their pixels the same places."""
    if (one.width, one.height) != (other.width, other.height):
        return False
    return np.array_equal(_on_grid(one), _on_grid(other), equal_nan=True)


def can_keep_wcs(exposure: Exposure) -> bool:
    """Whether the header text of an exposure's WCS gives its pixels again, to 0.05 pixel."""
    if exposure.wcs_header is None:
        return False
    try:
        again = Exposure.from_header(exposure.wcs_header, visit=exposure.visit, detector=exposure.detector)
    except InputError:
        return False
    if (again.width, again.height) != (exposure.width, exposure.height):
        return False
    return bool((separations(*_on_grid(exposure), *_on_grid(again)) <= 0.05 * exposure.pixel_scale).all())


def _on_grid(exposure: Exposure) -> Array:
    """Places of sixteen pixels all over an image, shape (2, 16): ICRS ra, dec in degrees."""
    x, y = np.meshgrid(np.linspace(0, exposure.width - 1, 4), np.linspace(0, exposure.height - 1, 4))
    return np.array(exposure.pixel_to_sky(x.ravel(), y.ravel()))
