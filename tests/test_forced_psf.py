"""PSFs out of files: stamps, models of PSFEx's, grids that photutils reads; and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from ssdb.errors import ConfigError, InputError
from ssdb.photometry import GaussianPsf, GriddedPsf, PsfexPsf, StampPsf, read_psf
from ssdb.simulate.images import GaussianProfile

ELLIPSE = GaussianProfile(2.2, 1.5, 30.0)
X, Y = np.array([100.0, 51.3, 7.49, 150.5]), np.array([80.0, 60.7, 20.51, 3.2])


def written(path: Path, *hdus: Any) -> Path:
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def stamp(path: Path, data: Any, **cards: Any) -> Path:
    made = fits.PrimaryHDU(np.asarray(data))
    made.header.update(cards)
    made.writeto(path)
    return path


def expected(profile: GaussianProfile = ELLIPSE, half: int = 12) -> np.ndarray:
    return np.array([profile.stamp(x - np.rint(x), y - np.rint(y), half) for x, y in zip(X, Y, strict=True)])


def test_a_gaussian_is_integrated_over_pixels() -> None:
    profile = GaussianProfile(1.3, 1.3)
    found = GaussianPsf(1.3 * 2.3548200450309493).stamps(X, Y, 12)
    np.testing.assert_allclose(found, expected(profile), atol=2e-6)


@pytest.mark.parametrize("scale", [1.0, 3.7e5])
def test_a_stamp_is_shifted_by_fractions_of_a_pixel(scale: float, tmp_path: Path) -> None:
    psf = read_psf(stamp(tmp_path / "psf.fits", scale * ELLIPSE.stamp()))
    assert isinstance(psf, StampPsf)
    np.testing.assert_allclose(psf.stamps(X, Y, 12), expected(), atol=1e-4)
    assert psf.fwhm == pytest.approx(2.3548 * np.sqrt(2.2 * 1.5), rel=0.03)


@pytest.mark.parametrize("rows", [slice(1, None), slice(-1)])
@pytest.mark.parametrize("columns", [slice(1, None), slice(-1), slice(None)])
def test_a_stamp_of_an_even_number_of_pixels_is_where_its_light_is(rows: slice, columns: slice, tmp_path: Path) -> None:
    """Beside the middle, at the column and row before or behind it."""
    psf = read_psf(stamp(tmp_path / "psf.fits", ELLIPSE.stamp()[rows, columns]))
    np.testing.assert_allclose(psf.stamps(X, Y, 12), expected(), atol=1e-4)


def test_an_oversampled_stamp(tmp_path: Path) -> None:
    fine = GaussianProfile(4 * 2.2, 4 * 1.5, 30.0).stamp(half=60)
    psf = read_psf(stamp(tmp_path / "psf.fits", fine, OVERSAMP=4))
    # Its pixels are a quarter as wide: what it lacks of the integration over the image's is small.
    np.testing.assert_allclose(psf.stamps(X, Y, 12), expected(), atol=1.5e-3)


def psfex(*stamps: np.ndarray, **cards: Any) -> fits.BinTableHDU:
    """A model of PSFEx's as it is written: the table PSF_DATA."""
    cube = np.array(stamps, np.float32)
    column = fits.Column(
        "PSF_MASK", f"{cube.size}E", dim=f"({cube.shape[2]},{cube.shape[1]},{len(cube)})", array=[cube]
    )
    made = fits.BinTableHDU.from_columns([column], name="PSF_DATA")
    usual = {"POLNAXIS": 2, "POLGRP1": 1, "POLNAME1": "X_IMAGE", "POLZERO1": 101.0, "POLSCAL1": 200.0, "POLGRP2": 1}
    usual |= {
        "POLNAME2": "Y_IMAGE",
        "POLZERO2": 81.0,
        "POLSCAL2": 160.0,
        "POLNGRP": 1,
        "PSF_FWHM": 4.3,
        "PSF_SAMP": 0.5,
    }
    degree = {1: 0, 3: 1, 6: 2}.get(len(cube), 7)
    made.header.update(usual | {"POLDEG1": degree} | cards)
    return made


def test_a_model_of_psfex_changes_over_the_image(tmp_path: Path) -> None:
    """Of degree 1, and sampled twice a pixel: at its zero point the first stamp, elsewhere more of the others."""
    fine = GaussianProfile(2 * 2.2, 2 * 1.5, 30.0).stamp(half=30)
    wider = GaussianProfile(2 * 2.6, 2 * 1.5, 30.0).stamp(half=30)
    psf = read_psf(written(tmp_path / "a.psf.fits", psfex(fine, wider - fine, 0 * fine)))
    assert isinstance(psf, PsfexPsf)
    found = psf.stamps(X, Y, 12)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 1.0, atol=2e-3)
    np.testing.assert_allclose(found[0], expected()[0], atol=1.5e-3)  # x = 101 - 1: its zero point
    shares = (X + 1 - 101.0) / 200.0
    both = expected(), expected(GaussianProfile(2.6, 1.5, 30.0))
    wanted = both[0] + shares[:, None, None] * (both[1] - both[0])
    np.testing.assert_allclose(found, wanted, atol=1.5e-3)


def test_a_grid_is_read_by_photutils(tmp_path: Path) -> None:
    """STDPSF: PSFs at four places of the image, sampled four times a pixel."""
    fine = [GaussianProfile(4 * major, 4 * 1.5, 30.0).stamp(half=50) * 16 for major in (2.0, 2.4, 2.0, 2.4)]
    cube = fits.PrimaryHDU(np.array(fine))
    places = {"IPSFX01": 1, "IPSFX02": 201, "JPSFY01": 1, "JPSFY02": 161}
    cube.header.update({"NXPSFS": 2, "NYPSFS": 2} | places)
    cube.writeto(tmp_path / "STDPSF_ACSWFC_F814W.fits")
    psf = read_psf(tmp_path / "STDPSF_ACSWFC_F814W.fits")
    assert isinstance(psf, GriddedPsf)
    np.testing.assert_allclose(psf.stamps(X, Y, 12).sum(axis=(1, 2)), 1.0, atol=5e-3)
    assert psf.stamps(X, Y, 12).shape == (4, 25, 25)


@pytest.mark.parametrize("name", ["PSFIMAGE", "PSF"])
def test_a_stamp_that_is_called_so_goes_before_other_images(name: str, tmp_path: Path) -> None:
    """Cutouts of Rubin's alerts, and astropy's CCDData, have the PSF after the image of which it is."""
    image = fits.ImageHDU(np.pad(ELLIPSE.stamp(half=5), 20))
    path = written(tmp_path / "cutout.fits", image, fits.ImageHDU(ELLIPSE.stamp(), name=name))
    np.testing.assert_allclose(read_psf(path).stamps(X, Y, 12), expected(), atol=1e-4)


BAD = {
    "a cube": (np.ones((3, 9, 9)), "not of 9 x 9 x 3"),
    "a line": (np.ones(9), "not of 9"),
    "too small": (np.ones((3, 3)), "not of 3 x 3"),
    "too large": (np.ones((1003, 5)), "5 x 1003 pixels"),
    "NaN": (np.where(np.eye(9) > 0, np.nan, 1.0), "not finite"),
    "a negative sum": (-ELLIPSE.stamp(), "the sum of the PSF is -1; it must be above 0"),
    "a peak in the corner": (np.pad(ELLIPSE.stamp(half=8), ((0, 30), (0, 30))), "should be in the middle"),
    "light beside the middle": (ELLIPSE.stamp(1.0, 0.0), r"around column \d+\.0\d .*, and should be in the middle"),
    "a background": (ELLIPSE.stamp() + 5e-4, "of its sum is a background"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_psf_is_refused(what: str, tmp_path: Path) -> None:
    data, message = BAD[what]
    with pytest.raises(InputError, match=message) as refusal:
        read_psf(stamp(tmp_path / "psf.fits", data))
    assert str(tmp_path / "psf.fits") in str(refusal.value)


@pytest.mark.parametrize(
    ("cards", "message"),
    [
        ({"POLDEG1": 2}, "degree 2"),
        ({"POLNAME1": "MAG_AUTO"}, "depends on MAG_AUTO"),
        ({"PSF_SAMP": 0.0}, "PSF_SAMP or POLSCAL is 0"),
    ],
)
def test_models_of_psfex_that_cannot_be_used(cards: dict[str, Any], message: str, tmp_path: Path) -> None:
    fine = ELLIPSE.stamp()
    with pytest.raises(InputError, match=message):
        read_psf(written(tmp_path / "a.fits", psfex(fine, 0 * fine, 0 * fine, **cards)))


def test_a_file_without_a_psf(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no PSF in it"):
        read_psf(written(tmp_path / "a.fits"))
    with pytest.raises(InputError, match="OVERSAMP must be a whole number"):
        read_psf(stamp(tmp_path / "b.fits", ELLIPSE.stamp(), OVERSAMP=1.5))
    (tmp_path / "c.fits").write_bytes(b"no FITS at all")
    with pytest.raises(InputError, match=r"c\.fits"):
        read_psf(tmp_path / "c.fits")
    for fwhm in (0.0, -1.0, np.nan):
        with pytest.raises(ConfigError, match="FWHM"):
            GaussianPsf(fwhm)
