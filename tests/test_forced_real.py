"""Fluxes on real difference images: the cutouts of 25 alerts of Rubin's, beside those that are in the alerts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from conftest import shared_data

from ssdb.errors import InputError
from ssdb.io.image.pixels import read_pixels
from ssdb.photometry import measure, read_psf
from ssdb.sky.inverse import sky_to_pixels


@pytest.mark.parametrize(("cutout", "column"), [("cutoutDifference", "psfFlux"), ("cutoutScience", "scienceFlux")])
def test_fluxes_of_cutouts_are_those_of_the_alerts(cutout: str, column: str, tmp_path: Path) -> None:
    """Their noise is a variance by its UTYPE, their PSF the image after it; of their WCS CTYPE is missing."""
    alerts = pq.read_table(shared_data("rubin_dec2025/rubin_sample_data_10_0.parquet"), columns=["diaSource", cutout])
    path = tmp_path / "cutout.fits"
    compared = []
    for alert in alerts.to_pylist():
        source = alert["diaSource"]
        path.write_bytes(alert[cutout])
        with pytest.raises(InputError, match="no image with a celestial WCS"):
            list(read_pixels(path, visit=source["visit"], detector=source["detector"]))
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update(CTYPE1="RA---TAN", CTYPE2="DEC--TAN")
        (pixels,) = read_pixels(path, visit=source["visit"], detector=source["detector"])
        place = pixels.exposure.pixel_to_sky, pixels.exposure.width, pixels.exposure.height
        x, y = sky_to_pixels(*place, np.array([source["ra"]]), np.array([source["dec"]]))
        found = measure(pixels.values, pixels.bad, pixels.variance, x, y, psf=read_psf(path), background="none")
        error = source[f"{column}Err"]
        compared.append([(found.flux[0] - source[column]) / error, found.error[0] / error, source[column]])
    pull, ratio, flux = np.array(compared).T
    assert len(pull) == 25
    faint = np.abs(flux) < 6000.0  # nJy; of bright ones a hundredth of the flux is more than its error
    assert faint.sum() >= 14
    assert abs(np.median(pull[faint])) < 0.1
    assert np.std(pull[faint]) < 0.25
    assert np.abs(ratio - 1).max() < 0.05
