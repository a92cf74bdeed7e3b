"""Forced photometry: fluxes at known places of difference images, whether anything was detected there or not.

It needs the extra ``photometry`` (``pip install 'ssdb-asteroids[photometry]'``).
"""

from __future__ import annotations

from ssdb.errors import MissingPackageError

try:
    from ssdb.photometry.config import PhotometryConfig
    from ssdb.photometry.fluxes import Fluxes, measure
    from ssdb.photometry.forced import ForcedImage, ForcedReport, forced_photometry
    from ssdb.photometry.psf import GaussianPsf, GriddedPsf, Psf, PsfexPsf, StampPsf, read_psf
except ModuleNotFoundError as error:
    if (error.name or "").partition(".")[0] != "photutils":
        raise
    raise MissingPackageError(
        "forced photometry needs the package photutils: pip install 'ssdb-asteroids[photometry]'"
    ) from error

__all__ = [
    "Fluxes",
    "ForcedImage",
    "ForcedReport",
    "GaussianPsf",
    "GriddedPsf",
    "PhotometryConfig",
    "Psf",
    "PsfexPsf",
    "StampPsf",
    "forced_photometry",
    "measure",
    "read_psf",
]
