"""Reads the pixels of detectors from FITS files: image, mask and variance, with what their headers say."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ssdb.errors import InputError, UsageError, option, shown
from ssdb.io.image.detector_image import Exposure
from ssdb.io.image.fits_headers import image_headers, is_plane, opened_images, readable
from ssdb.io.image.keywords import Cards, HeaderKeywords, card_value, read_number
from ssdb.io.limits import refuse_memory
from ssdb.units import Mask

if TYPE_CHECKING:
    from astropy.io.fits import HDUList

_MASK, _VARIANCE, _WEIGHT, _ERROR = "mask", "variance", "weight", "error"
_PLANES = {
    _MASK: ("MASK", "MSK", "DQ", "BPM", "FLAGS", "BADPIX"),
    _VARIANCE: ("VARIANCE", "VAR"),
    _WEIGHT: ("WEIGHT", "WGT", "WHT", "WT", "IVAR", "INVVAR"),
    _ERROR: ("ERR", "ERROR", "SIGMA", "UNCERT", "RMS", "STDDEV", "NOISE"),
}
"""EXTNAME or EXTTYPE of what belongs to the image before it."""

_NOISE_KINDS = {
    "VARIANCEUNCERTAINTY": _VARIANCE,
    "STDDEVUNCERTAINTY": _ERROR,
    "INVERSEVARIANCE": _WEIGHT,
    "MSE": _VARIANCE,
    "RMSE": _ERROR,
    "INVMSE": _WEIGHT,
}
"""UTYPE of astropy's CCDData and HDUCLAS3 of ESO's files: which noise it is, whatever its name."""

BAD_PLANES = ("BAD", "CR", "EDGE", "INTRP", "NO_DATA", "SAT", "UNMASKEDNAN")
"""Planes of a mask whose header names its planes (MP_BAD = 0, as Rubin's) that make a pixel unusable."""

ZERO_POINTS = ("MAGZERO", "MAGZPT", "MAGZP", "ZP", "ZEROPT", "PHOTZP", "ZPMAG", "MAGZEROPOINT")
"""Keywords that are named to the user where an image has no calibration: what they mean differs between cameras."""


@dataclass(frozen=True, slots=True)
class DetectorPixels:
    """The image of a detector with its pixels; arrays have the shape (height, width)."""

    exposure: Exposure
    cards: Cards
    """Its header."""
    values: NDArray[Any]
    """Counts (or nJy); of any type."""
    bad: Mask
    """Pixels that are not to be used: masked, not finite, or without a usable variance."""
    variance: NDArray[Any] | None
    """Of the values, in their unit squared; None where the file has none."""
    njy: float | None
    """Flux of one count, nJy; None where nothing in the file says it."""


def read_pixels(
    path: str | os.PathLike[str],
    *,
    visit: int | None = None,
    detector: int | None = None,
    keywords: HeaderKeywords | None = None,
    mask: str | os.PathLike[str] | None = None,
    variance: str | os.PathLike[str] | None = None,
    weight: str | os.PathLike[str] | None = None,
    bad_planes: Collection[str] = BAD_PLANES,
    bad_bits: int | None = None,
) -> Iterator[DetectorPixels]:
    """The detectors of a FITS file, one after the other, each with its pixels.

    An image with a celestial WCS is a detector. Images after it that are called MASK, VARIANCE and the like (EXTNAME or
    EXTTYPE: MASK, MSK, DQ, BPM; VARIANCE, VAR; WEIGHT, WHT, IVAR; ERR, RMS) are its mask and its noise. InputError if
    the file cannot be read, has no image with a celestial WCS, does not say which visit and detector it is, has two
    images of one detector, or a mask or variance of another size; or if no pixel of an image is usable.

    Parameters
    ----------
    path : path
        The file, perhaps compressed (gzip, fpack).
    visit, detector, keywords
        As of :func:`ssdb.read_exposures`.
    mask, variance, weight : path, optional
        Files that have these, instead of extensions: in the HDU of the same number, or in their only image. A weight is
        the inverse of a variance; where it is 0 the pixel is not used.
    bad_planes : collection of str
        Of a mask whose header names its planes: those that make a pixel unusable.
    bad_bits : int, optional
        The bits of a mask that make a pixel unusable, instead of ``bad_planes``. A mask without names and without this
        is unusable wherever it is not 0.
    """
    name, path = str(path), Path(os.fspath(path))
    seen: dict[tuple[int, int], str] = {}
    with opened_images(path) as hdus, readable(path):
        headers = {image.number: image for image in image_headers(name, [hdu.header for hdu in hdus], hdus, None)}
        planes: dict[int, dict[str, int]] = {}
        for number, hdu in enumerate(hdus):
            kind = _kind(hdu) if is_plane(hdu) else None
            if kind is None and number in headers:
                planes[number] = {}
            elif kind is not None and planes:
                planes[max(planes)].setdefault(kind, number)
        if not planes:
            raise InputError(f"{name}: what has a celestial WCS in it is a mask or a variance, and no image")
        others = [(kind, file) for kind, file in ((_MASK, mask), (_VARIANCE, variance), (_WEIGHT, weight)) if file]
        for number, of_image in planes.items():
            image = headers[number]
            exposure = Exposure.from_image(image, visit, detector, keywords)
            key = (exposure.visit, exposure.detector)
            if key in seen:
                raise InputError(f"{exposure.name}: is visit {key[0]}, detector {key[1]}, as {seen[key]} is")
            seen[key] = exposure.name
            cost = 8 * (2 + len(of_image) + len(others)) * image.width * image.height
            refuse_memory(exposure.name, cost, path.stat().st_size)
            read = {kind: (hdus[where].header, _data(hdus, where, name)) for kind, where in of_image.items()}
            for kind, file in others:
                read[kind] = _other_file(Path(os.fspath(file)), number)
            yield _pixels(exposure, image.cards, _data(hdus, number, name), read, bad_planes, bad_bits, hdus)


def _kind(hdu: Any) -> str | None:
    """Which plane an HDU is, by its keywords and its name; None of an image."""
    noise = (_NOISE_KINDS.get(str(hdu.header.get(keyword, "")).strip().upper()) for keyword in ("UTYPE", "HDUCLAS3"))
    if kind := next(filter(None, noise), None):
        return kind
    names = {str(hdu.header.get(keyword, "")).strip().upper() for keyword in ("EXTTYPE", "EXTNAME")}
    return next((kind for kind, words in _PLANES.items() if names & set(words)), None)


def _data(hdus: HDUList, number: int, name: str) -> NDArray[Any]:
    try:
        data = hdus[number].data
    except Exception as error:  # astropy and the decompressors raise whatever they stumble over
        raise InputError(f"{name}, HDU {number}: its pixels cannot be read: {error}") from error
    if data is None or data.ndim != 2:
        raise InputError(f"{name}, HDU {number}: there are no pixels in it")
    # C code of others takes this machine's byte order alone.
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def _other_file(path: Path, number: int) -> tuple[Cards, NDArray[Any]]:
    """Header and pixels of a plane in a file of its own: of the HDU of that number, or of its only image."""
    with opened_images(path) as hdus, readable(path):
        images = [where for where, hdu in enumerate(hdus) if is_plane(hdu)]
        if number not in images and len(images) != 1:
            raise InputError(
                f"{path}: has {len(images)} images, and none in HDU {number}, where the image is in its file"
            )
        where = number if number in images else images[0]
        refuse_memory(path, 16 * int(np.prod(hdus[where].shape)), path.stat().st_size)
        return hdus[where].header, _data(hdus, where, str(path))


def _pixels(
    exposure: Exposure,
    cards: Cards,
    values: NDArray[Any],
    planes: dict[str, tuple[Cards, NDArray[Any]]],
    bad_planes: Collection[str],
    bad_bits: int | None,
    hdus: HDUList,
) -> DetectorPixels:
    for kind, (_, data) in planes.items():
        if data.shape != values.shape:
            sizes = " x ".join(map(str, data.shape[::-1])), " x ".join(map(str, values.shape[::-1]))
            raise InputError(f"{exposure.name}: its {kind} has {sizes[0]} pixels, and the image {sizes[1]}")
    bad = ~np.isfinite(values)
    if _MASK in planes:
        header, data = planes[_MASK]
        bad |= _unusable(header, data, bad_planes, bad_bits, exposure.name)
    variance = _variance({kind: data for kind, (_, data) in planes.items()})
    if variance is not None:
        bad |= ~((variance > 0) & np.isfinite(variance))
    if bad.all():
        raise InputError(f"{exposure.name}: no pixel of it is usable: all are masked, not finite, or without weight")
    njy = exposure.photo_calib_mean
    return DetectorPixels(exposure, cards, values, bad, variance, _of_archive(hdus) if njy is None else njy)


def _unusable(header: Cards, data: NDArray[Any], bad_planes: Collection[str], bad_bits: int | None, name: str) -> Mask:
    if data.dtype.kind == "f":
        if not np.equal(data, np.floor(data)).all():
            raise InputError(f"{name}: its mask has values that are no integers")
        data = data.astype(np.int64)
    if bad_bits is None:
        planes = {keyword[3:]: value for keyword, value in header.items() if keyword.startswith("MP_")}
        if not planes:
            return data != 0
        bad_bits = sum(1 << int(planes[plane]) for plane in set(bad_planes) & planes.keys())
    elif bad_bits < 0:
        raise UsageError(f"{option('--bad-bits', 'bad_bits=...')} must be 0 or more, not {bad_bits}")
    return (data.astype(np.int64) & bad_bits) != 0


def _variance(planes: dict[str, NDArray[Any]]) -> NDArray[Any] | None:
    if _VARIANCE in planes:
        return planes[_VARIANCE]
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if _ERROR in planes:
            return planes[_ERROR].astype(float) ** 2
        if _WEIGHT in planes:
            return 1.0 / np.maximum(planes[_WEIGHT].astype(float), 0.0)
    return None


def _of_archive(hdus: HDUList) -> float | None:
    """The mean calibration (nJy per count) of the PhotoCalib that Rubin's files have in a table; None without one."""
    for hdu in hdus:
        columns = getattr(hdu, "columns", None)
        if columns is not None and "calibrationMean" in columns.names and len(hdu.data) == 1:
            mean = float(hdu.data["calibrationMean"][0])
            return mean if np.isfinite(mean) and mean > 0 else None
    return None


def calibration_of(pixels: DetectorPixels) -> float:
    """nJy of one count; InputError that says what to do if the file has no calibration."""
    if pixels.njy is not None:
        return pixels.njy
    there = [f"{keyword} = {value}" for keyword in ZERO_POINTS if (value := read_number(pixels.cards, (keyword,)))]
    unit = card_value(pixels.cards, "BUNIT")
    has = f" (BUNIT is {unit})" if unit else ""
    hint = f"; the header has {shown(there)}: if that is the AB magnitude of one count, name it" if there else ""
    give = option("--zero-point MAG or --zero-point-keyword KEYWORD", "zero_point=... or keywords=...")
    raise InputError(
        f"{pixels.exposure.name}: no calibration: neither FLUXMAG0, nor a flux density in BUNIT{has}, nor Rubin's "
        f"PhotoCalib; give {give}{hint}"
    )
