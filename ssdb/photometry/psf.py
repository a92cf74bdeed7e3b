"""Point-spread functions of images: a Gaussian, a stamp, a grid of stamps, or a model of PSFEx's.

The profiles and their interpolation are photutils'. It reads no file of PSFEx's (nor a plain stamp); what these are is
read here.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from photutils.psf import CircularGaussianPRF, GriddedPSFModel, ImagePSF

from ssdb.errors import ConfigError, InputError
from ssdb.io.image.fits_headers import opened_images, readable
from ssdb.io.image.keywords import read_number
from ssdb.units import Array

if TYPE_CHECKING:
    from astropy.io.fits import HDUList, Header

_SMALLEST, _LARGEST = 5, 1001
"""Sides of a stamp, pixels."""
_STAMPS = ("PSF", "PSFIMAGE")
"""EXTNAME of a stamp in a file that has other images, too."""
_OFF_CENTRE = 0.2
"""Farther from the middle, in sides of the stamp, no peak may be."""
_OFF_CENTRE_PIXELS, _OFF_CENTRE_FWHM = 0.5, 0.1
"""Nor the light of a stamp, in pixels of the image or FWHM: half a pixel costs 2 % of the flux where the FWHM is 4."""
_MOST_BACKGROUND = 0.25
"""So much of the light of a stamp may be that of its rim, if this were everywhere."""
_GAUSSIAN_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


class Psf(Protocol):
    """What a point source of flux 1 looks like on an image."""

    fwhm: float
    """Pixels; of another profile than a Gaussian that of the Gaussian which has the same noise."""

    def stamps(self, x: Array, y: Array, half: int) -> Array:
        """The shares of the flux that pixels have, shape (n, 2 half + 1, 2 half + 1).

        Of sources at zero-based pixel coordinates x, y, shape (n,), on the pixels (row, column) that are at most
        ``half`` from the source's own, which is the middle one. The sum over all pixels is 1.
        """
        ...


class GaussianPsf:
    """A round Gaussian, integrated over each pixel; ConfigError if its FWHM (pixels) is not above 0."""

    def __init__(self, fwhm: float) -> None:
        if not (np.isfinite(fwhm) and fwhm > 0):
            raise ConfigError(f"the FWHM of the PSF must be a number above 0, not {fwhm}")
        self.fwhm = float(fwhm)
        self._model = CircularGaussianPRF()

    def stamps(self, x: Array, y: Array, half: int) -> Array:
        """See :class:`Psf`."""
        columns, rows = _pixels(x, half)[:, None, :], _pixels(y, half)[:, :, None]
        return self._model.evaluate(columns, rows, 1.0, x[:, None, None], y[:, None, None], self.fwhm)


class StampPsf:
    """An image of the PSF, its middle at the source, interpolated by cubic splines.

    Where the number of pixels is even, the source may also be on one of the two pixels in the middle, whichever is
    nearest to the centre of the light. The sum of the stamp is taken to be all of the flux. InputError if it is no
    stamp: not of two dimensions, not finite, of a negative sum, with a background, or not centred; ``name`` is for
    messages.

    Parameters
    ----------
    stamp : ndarray, shape (rows, columns)
        As sampled by pixels; in any unit.
    oversampling : int
        Its pixels in one of the image, along each axis.
    """

    def __init__(self, stamp: NDArray[Any], oversampling: int = 1, name: str = "PSF") -> None:
        data = _checked(np.asarray(stamp, float), name)
        data /= data.sum()
        fwhm = _noise_fwhm(data)
        _refuse_background(data, name)
        origin = _origin(data, max(_OFF_CENTRE_PIXELS * oversampling, _OFF_CENTRE_FWHM * fwhm), name)
        self._model = ImagePSF(data * oversampling**2, oversampling=oversampling, origin=origin)
        self.fwhm = fwhm / oversampling

    def stamps(self, x: Array, y: Array, half: int) -> Array:
        """See :class:`Psf`."""
        columns, rows = np.broadcast_arrays(_pixels(x, half)[:, None, :], _pixels(y, half)[:, :, None])
        return self._model.evaluate(columns, rows, 1.0, x[:, None, None], y[:, None, None])


class GriddedPsf:
    """Stamps on a grid over the image, between which photutils interpolates linearly."""

    def __init__(self, model: GriddedPSFModel, name: str = "PSF") -> None:
        share = np.prod(model.oversampling)
        for stamp in model.data:
            _checked(stamp, name)
        self._model = model
        self.fwhm = _noise_fwhm(model.data.mean(axis=0) / share) / float(np.sqrt(share))

    def stamps(self, x: Array, y: Array, half: int) -> Array:
        """See :class:`Psf`."""
        made = np.empty((len(x), 2 * half + 1, 2 * half + 1))
        for place, (source_x, source_y, columns, rows) in enumerate(
            zip(x, y, _pixels(x, half), _pixels(y, half), strict=True)
        ):
            made[place] = self._model.evaluate(*np.meshgrid(columns, rows), 1.0, source_x, source_y)
        return made


class PsfexPsf:
    """A model of PSFEx's: stamps that are multiplied with the powers of the position on the image, and added.

    Bertin 2011, ASP Conf. Ser. 442, 435; the format is in the manual of PSFEx, "the PSF model". InputError if the
    header of the model is not one of those.

    Parameters
    ----------
    basis : ndarray, shape (k, rows, columns)
        Of 1, x, ..., x^d, y, y x, ..., y^d: x and y as FITS counts pixels, from 1, less POLZERO, over POLSCAL.
    header : Header
        With PSF_SAMP (pixels of the image in one of a stamp), POLDEG1, POLZERO1, POLSCAL1, POLZERO2, POLSCAL2.
    """

    def __init__(self, basis: NDArray[Any], header: Header, name: str = "PSF") -> None:
        def number(keyword: str, default: float | None = None) -> float:
            value = read_number(header, (keyword,))
            if value is None and default is None:
                raise InputError(f"{name}: is no model of PSFEx's: {keyword} is missing")
            return float(default if value is None else value)  # type: ignore[arg-type]

        basis = np.asarray(basis, float)
        degree = int(number("POLDEG1", 0))
        names = [str(header.get(f"POLNAME{axis}", expected)) for axis, expected in ((1, "X_IMAGE"), (2, "Y_IMAGE"))]
        self._powers = [(i, j) for j in range(degree + 1) for i in range(degree + 1 - j)]
        if basis.ndim != 3 or len(basis) != len(self._powers) or (degree and names != ["X_IMAGE", "Y_IMAGE"]):
            raise InputError(
                f"{name}: only models of PSFEx's that are polynomials of X_IMAGE and Y_IMAGE can be read; this one has "
                f"{basis.shape} values, degree {degree}, and depends on {', '.join(names)}"
            )
        self._zero, self._scale = (
            np.array([number(f"{word}1", default), number(f"{word}2", default)])
            for word, default in (("POLZERO", 0.0), ("POLSCAL", 1.0))
        )
        self._samp = number("PSF_SAMP")
        if not (self._samp > 0 and (self._scale != 0).all()):
            raise InputError(f"{name}: is no model of PSFEx's: PSF_SAMP or POLSCAL is 0")
        _checked(basis[0], name)
        if not np.isfinite(basis).all():
            raise InputError(f"{name}: the PSF has values that are not finite")
        self._models = [ImagePSF(each) for each in basis]
        self._sums = basis.sum(axis=(1, 2))
        self.fwhm = _noise_fwhm(basis[0] / basis[0].sum()) * self._samp

    def stamps(self, x: Array, y: Array, half: int) -> Array:
        """See :class:`Psf`."""
        u, v = ((np.column_stack([x, y]) + 1.0 - self._zero) / self._scale).T
        terms = np.stack([u**i * v**j for i, j in self._powers])
        columns, rows = np.broadcast_arrays(
            ((_pixels(x, half) - x[:, None]) / self._samp)[:, None, :],
            ((_pixels(y, half) - y[:, None]) / self._samp)[:, :, None],
        )
        made = np.zeros(columns.shape)
        for term, model in zip(terms, self._models, strict=True):
            made += term[:, None, None] * model.evaluate(columns, rows, 1.0, 0.0, 0.0)
        return made / (self._samp**2 * (terms.T @ self._sums))[:, None, None]


def read_psf(path: str | os.PathLike[str]) -> Psf:
    """The PSF of a FITS file: a model of PSFEx's, a grid that photutils reads (STDPSF), or a stamp.

    A stamp is the image called PSF or PSFIMAGE, or else the first one; OVERSAMP in its header says how many of its
    pixels make one of the image.
    InputError if there is none, or it is not usable.
    """
    path = Path(os.fspath(path))
    with opened_images(path) as hdus, readable(path):
        for hdu in hdus:
            columns = getattr(hdu, "columns", None)
            if columns is not None and "PSF_MASK" in columns.names and len(hdu.data):
                return PsfexPsf(np.asarray(hdu.data["PSF_MASK"][0]), hdu.header, str(path))
        if any(hdu.is_image and len(getattr(hdu, "shape", ())) == 3 and "NXPSFS" in hdu.header for hdu in hdus):
            return _gridded(path)
        return _stamp(hdus, str(path))


def _gridded(path: Path) -> Psf:
    try:
        model = GriddedPSFModel.read(str(path), format="stdpsf")
    except Exception as error:  # photutils raises whatever it stumbles over
        raise InputError(f"{path}: photutils cannot read this grid of PSFs: {error}") from error
    return GriddedPsf(model, str(path))


def _stamp(hdus: HDUList, name: str) -> Psf:
    # Of a cutout the PSF comes after the image of which it is.
    for hdu in sorted(hdus, key=lambda hdu: hdu.name not in _STAMPS):
        if hdu.is_image and getattr(hdu, "shape", ()):
            factor = read_number(hdu.header, ("OVERSAMP",))
            if factor is not None and (factor < 1 or factor != int(factor)):
                raise InputError(f"{name}: OVERSAMP must be a whole number above 0, not {factor}")
            if max(hdu.shape) > _LARGEST:
                raise InputError(f"{name}: is no stamp of a PSF: it has {' x '.join(map(str, hdu.shape[::-1]))} pixels")
            return StampPsf(hdu.data, int(factor or 1), name)
    raise InputError(f"{name}: there is no PSF in it: a stamp (an image), a model of PSFEx's, or a grid (STDPSF)")


def _checked(stamp: Array, name: str) -> Array:
    sizes = " x ".join(map(str, stamp.shape[::-1]))
    if stamp.ndim != 2 or not all(_SMALLEST <= side <= _LARGEST for side in stamp.shape):
        raise InputError(f"{name}: a PSF is a stamp of {_SMALLEST} to {_LARGEST} pixels a side, not of {sizes}")
    if not np.isfinite(stamp).all():
        raise InputError(f"{name}: the PSF has values that are not finite")
    if not stamp.sum() > 0:
        raise InputError(f"{name}: the sum of the PSF is {stamp.sum():.4g}; it must be above 0")
    peak = np.array(np.unravel_index(stamp.argmax(), stamp.shape))
    if (np.abs(peak - (np.array(stamp.shape) - 1) / 2) > np.maximum(1.0, _OFF_CENTRE * np.array(stamp.shape))).any():
        raise InputError(
            f"{name}: the peak of the PSF is in column {peak[1]}, row {peak[0]} of {sizes} pixels, and should be in "
            "the middle"
        )
    return stamp


def _origin(shares: Array, most_off: float, name: str) -> tuple[float, float]:
    """Column and row of a stamp where the source is; InputError if its light is too far from there."""
    core = np.where(shares >= 0.5 * shares.max(), shares, 0.0)
    origin = []
    for axis in (1, 0):
        n = shares.shape[axis]
        light = float((core.sum(axis=1 - axis) * np.arange(n)).sum() / core.sum())
        middle = (n - 1) / 2
        choices = [middle] if n % 2 else [middle, n // 2 - 1.0, n // 2]
        origin.append(min(choices, key=lambda choice, light=light: abs(choice - light)))  # type: ignore[misc]
        if abs(origin[-1] - light) > most_off:
            word = "column" if axis else "row"
            raise InputError(
                f"{name}: the light of the PSF is around {word} {light:.2f} (counted from 0) of {n}, and should be in "
                f"the middle, {middle:g}: cut the stamp so that it is, or fluxes are too low"
            )
    return origin[0], origin[1]


def _refuse_background(shares: Array, name: str) -> None:
    rim = np.concatenate([shares[0], shares[-1], shares[1:-1, 0], shares[1:-1, -1]])
    background = float(np.median(rim)) * shares.size
    if background > _MOST_BACKGROUND:
        raise InputError(
            f"{name}: the PSF is not 0 at its rim: {100 * background:.0f} % of its sum is a background, if it is as "
            "large everywhere; subtract that, or cut a larger stamp"
        )


def _noise_fwhm(shares: Array) -> float:
    return float(_GAUSSIAN_FWHM / np.sqrt(4.0 * np.pi * (shares**2).sum()))


def _pixels(place: Array, half: int) -> Array:
    """The pixels that are at most ``half`` from that of each place, shape (n, 2 half + 1)."""
    return np.rint(place)[:, None] + np.arange(-half, half + 1)
