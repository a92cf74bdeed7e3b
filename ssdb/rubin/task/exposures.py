"""The exposure given to the task: ssdb's own, Rubin's image, a FITS header, or an object with an astropy WCS."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ssdb.errors import InputError
from ssdb.io.image.detector_image import Exposure
from ssdb.io.image.keywords import HeaderKeywords, read_calibration, read_exposure_time, read_identifier
from ssdb.io.image.times import read_midpoint
from ssdb.io.image.wcs import sky_mapping
from ssdb.units import Array

LABEL = "exposure"
"""What messages call it: the argument of Rubin's task."""


def as_exposure(exposure: Any, band: str | None = None) -> Exposure:
    """An exposure of any kind, with a mid-exposure time; ``band`` replaces its own.

    Rubin's images (``lsst.afw.image.ExposureF``) are known by ``getWcs`` and ``getBBox``. Any other object needs
    ``wcs`` (astropy's), ``shape`` (height, width), and visit, detector and time, each as an attribute (``visit``,
    ``detector``, ``midpoint_mjd_tai``) or in its FITS header (``header`` or ``meta``): astropy's CCDData, for example.
    InputError if it is none of these, or does not say where, when, or which it is.
    """
    from astropy.io.fits import Header

    if isinstance(exposure, Exposure):
        known = exposure
    elif isinstance(exposure, Header):
        known = Exposure.from_header(exposure, name=LABEL)
    elif hasattr(exposure, "getWcs") and hasattr(exposure, "getBBox"):
        known = _of_rubin(exposure)
    elif getattr(exposure, "wcs", None) is not None and hasattr(exposure, "shape"):
        known = _of_image(exposure)
    else:
        raise InputError(
            f"{LABEL}: must be an ssdb.Exposure, an image of Rubin's, a FITS header, or an object with wcs and shape, "
            f"not {type(exposure).__name__}"
        )
    if known.midpoint_mjd_tai is None:
        raise InputError(f"{known.name}: it does not say when it was taken (the middle of the exposure, MJD TAI)")
    return known if band is None or band == known.band else replace(known, band=band)


def _of_rubin(image: Any) -> Exposure:
    """Rubin's image, by the methods of ``lsst.afw.image.ExposureF``; its package is not needed."""
    wcs, box, info = image.getWcs(), image.getBBox(), image.getInfo()
    visit_info, detector, photo_calib = info.getVisitInfo(), info.getDetector(), image.getPhotoCalib()
    lacking = {"WCS": wcs, "VisitInfo": visit_info, "Detector": detector}
    for what, value in lacking.items():
        if value is None:
            raise InputError(f"{LABEL}: it has no {what}")
    # Pixels are counted from the corner of the box, which in the camera need not be 0, 0.
    x0, y0 = box.getMinX(), box.getMinY()

    def pixel_to_sky(x: Array, y: Array) -> tuple[Array, Array]:
        ra, dec = wcs.pixelToSkyArray(x + x0, y + y0, degrees=True)
        return ra, dec

    date = visit_info.date
    filter_label = info.getFilter()
    # The identifier of the info is that of detector and visit together, where the one of the visit is known (not 0).
    return Exposure(
        visit=int(visit_info.id or info.getId()),
        detector=int(detector.getId()),
        width=int(box.getWidth()),
        height=int(box.getHeight()),
        pixel_to_sky=pixel_to_sky,
        midpoint_mjd_tai=float(date.toAstropy().tai.mjd) if date.isValid() else None,
        exposure_time=_known(visit_info.exposureTime),
        band=filter_label.bandLabel or None if filter_label is not None else None,
        instrument=visit_info.instrumentLabel or None,
        photo_calib_mean=None if photo_calib is None else _known(photo_calib.getCalibrationMean()),
        photo_calib_err=None if photo_calib is None else _known(photo_calib.getCalibrationErr()),
        name=LABEL,
    )


def _of_image(image: Any) -> Exposure:
    """An object with an astropy WCS and a shape, and perhaps a header."""
    cards = next(
        (c for c in (getattr(image, "header", None), getattr(image, "meta", None)) if isinstance(c, Mapping)), {}
    )
    keys = HeaderKeywords()
    visit, detector, midpoint = (getattr(image, name, None) for name in ("visit", "detector", "midpoint_mjd_tai"))
    visit = read_identifier(cards, keys.visit, "visit", LABEL) if visit is None else visit
    detector = read_identifier(cards, keys.detector, "detector", LABEL) if detector is None else detector
    midpoint = read_midpoint(cards, keys, LABEL) if midpoint is None else midpoint
    height, width = image.shape
    mean, error = read_calibration(cards, keys)
    return Exposure(
        visit=visit,
        detector=detector,
        midpoint_mjd_tai=midpoint,
        width=int(width),
        height=int(height),
        pixel_to_sky=sky_mapping(image.wcs, LABEL),
        exposure_time=read_exposure_time(cards, keys),
        photo_calib_mean=mean,
        photo_calib_err=error,
        name=LABEL,
    )


def _known(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
