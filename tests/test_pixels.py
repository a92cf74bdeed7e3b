"""Pixels of images with their masks and variances, and where places of the sky lie on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from conftest import shared_data
from images import SIP, TPV, header

from ssdb import Exposure
from ssdb.errors import InputError
from ssdb.io.image.pixels import DetectorPixels, calibration_of, read_pixels
from ssdb.sky.inverse import sky_to_pixels

SHAPE = (30, 40)
VALUES = np.arange(1200.0).reshape(SHAPE)


def cards(**more: Any) -> fits.Header:
    made = header(width=SHAPE[1], height=SHAPE[0], VISIT=10, DETECTOR=1, BUNIT="nJy")
    made.update(more)
    return made


def file(path: Path, *hdus: Any, primary: bool = False) -> Path:
    fits.HDUList(list(hdus) if primary else [fits.PrimaryHDU(), *hdus]).writeto(path)
    return path


def plane(name: str, data: Any, **more: Any) -> fits.ImageHDU:
    made = fits.ImageHDU(np.asarray(data), name=name)
    made.header.update(more)
    return made


def single(path: Path, **options: Any) -> DetectorPixels:
    (found,) = read_pixels(path, **options)
    return found


IMAGE = fits.ImageHDU(VALUES, cards())


def test_planes_of_a_mask_that_are_named(tmp_path: Path) -> None:
    bits = np.zeros(SHAPE, np.int32)
    bits[0, :4] = [1, 2, 4, 2 | 4]
    names = {"MP_BAD": 0, "MP_DETECTED": 1, "MP_SAT": 2}
    path = file(tmp_path / "a.fits", IMAGE, plane("MASK", bits, **names), plane("VARIANCE", np.full(SHAPE, 4.0)))
    found = single(path)
    assert found.bad[0, :5].tolist() == [True, False, True, True, False]
    assert found.bad.sum() == 3
    assert (found.variance == 4.0).all()
    assert (found.values == VALUES).all()
    assert found.njy == 1.0
    assert single(path, bad_planes=["DETECTED"]).bad.sum() == 2
    assert single(path, bad_bits=1).bad.sum() == 1


def test_a_mask_without_names_counts_wherever_it_is_not_0(tmp_path: Path) -> None:
    bits = np.zeros(SHAPE, np.uint16)
    bits[1, :3] = [2, 4096, 6141]
    path = file(tmp_path / "a.fits", IMAGE, plane("DQ", bits))
    assert single(path).bad.sum() == 3
    assert single(path, bad_bits=6141).bad.sum() == 2  # of ZTF: 2 is where a source is
    assert single(path).variance is None


@pytest.mark.parametrize(("name", "value"), [("WEIGHT", 0.25), ("ERR", 2.0), ("VAR", 4.0), ("IVAR", 0.25)])
def test_noise_has_many_forms(name: str, value: float, tmp_path: Path) -> None:
    noise = np.full(SHAPE, value, np.float32)
    noise[2, 2:5] = [0.0, -1.0, np.nan]
    found = single(file(tmp_path / "a.fits", IMAGE, plane(name, noise)))
    assert found.variance is not None
    assert found.variance[0, 0] == 4.0
    assert found.bad[2, 2:5].tolist() == [True, name != "ERR", True]


@pytest.mark.parametrize(
    ("name", "cards", "value"),
    [
        ("UNCERT", {"UTYPE": "VarianceUncertainty"}, 4.0),  # astropy's CCDData, cutouts of Rubin's alerts
        ("UNCERT", {"UTYPE": "StdDevUncertainty"}, 2.0),
        ("UNCERT", {"UTYPE": "InverseVariance"}, 0.25),
        ("UNCERT", {}, 2.0),
        ("STAT", {"HDUCLAS2": "ERROR", "HDUCLAS3": "MSE"}, 4.0),  # ESO's
        ("ERR", {"HDUCLAS2": "ERROR", "HDUCLAS3": "INVMSE"}, 0.25),
        ("ERR", {"HDUCLAS2": "ERROR", "HDUCLAS3": "RMSE"}, 2.0),
    ],
)
def test_what_noise_is_may_be_told_by_another_keyword(
    name: str, cards: dict[str, str], value: float, tmp_path: Path
) -> None:
    found = single(file(tmp_path / "a.fits", IMAGE, plane(name, np.full(SHAPE, value), **cards)))
    assert found.variance is not None
    assert (found.variance == 4.0).all()


def test_planes_in_files_of_their_own(tmp_path: Path) -> None:
    bits, weight = np.zeros(SHAPE, np.int32), np.full(SHAPE, 0.25)
    bits[3, 3], weight[4, 4] = 1, 0.0
    path = file(tmp_path / "a.fits", fits.PrimaryHDU(VALUES, cards()), primary=True)
    mask = file(tmp_path / "mask.fits", fits.PrimaryHDU(bits), primary=True)
    weights = file(tmp_path / "weight.fits", fits.CompImageHDU(weight, compression_type="GZIP_1", quantize_level=0))
    found = single(path, mask=mask, weight=weights)
    assert np.argwhere(found.bad).tolist() == [[3, 3], [4, 4]]
    with pytest.raises(InputError, match=r"mask\.fits"):
        single(path, mask=file(tmp_path / "mask.fits.2.fits", fits.ImageHDU(bits), fits.ImageHDU(bits)))


def test_several_detectors_in_one_file(tmp_path: Path) -> None:
    """Each with what follows it."""
    other = fits.ImageHDU(VALUES + 1.0, cards(DETECTOR=2))
    hdus = [IMAGE, plane("VARIANCE", np.full(SHAPE, 1.0)), other, plane("VARIANCE", np.full(SHAPE, 2.0))]
    found = list(read_pixels(file(tmp_path / "a.fits", *hdus)))
    assert [
        (one.exposure.detector, one.values[0, 0], float(one.variance[0, 0]))
        for one in found
        if one.variance is not None
    ] == [
        (1, 0.0, 1.0),
        (2, 1.0, 2.0),
    ]
    with pytest.raises(InputError, match="is visit 10, detector 1, as"):
        list(read_pixels(file(tmp_path / "b.fits", IMAGE, fits.ImageHDU(VALUES, cards()))))


def test_what_is_wrong_is_told(tmp_path: Path) -> None:
    path = file(tmp_path / "a.fits", IMAGE, plane("MASK", np.full(SHAPE, 0.5)))
    with pytest.raises(InputError, match="values that are no integers"):
        single(path)
    path = file(tmp_path / "b.fits", IMAGE, plane("MASK", np.zeros((30, 41), np.int16)))
    with pytest.raises(InputError, match="its mask has 41 x 30 pixels, and the image 40 x 30"):
        single(path)
    path = file(tmp_path / "c.fits", fits.ImageHDU(np.full(SHAPE, np.nan), cards()))
    with pytest.raises(InputError, match="no pixel of it is usable"):
        single(path)
    path = file(tmp_path / "d.fits", fits.ImageHDU(VALUES, cards(BUNIT="adu")))
    assert single(path).njy is None
    with pytest.raises(InputError, match=r"d\.fits, HDU 1: no calibration.*\(BUNIT is adu\)"):
        calibration_of(single(path))


def test_an_image_of_rubins_pipelines() -> None:
    """Of HSC, written by afw: names in EXTTYPE, a mask with named planes, no calibration."""
    found = single(shared_data("wcs/HSC-0908120-056-small.fits"), visit=908120, detector=56)
    assert found.values.shape == found.bad.shape == (200, 200)
    assert found.variance is not None
    assert np.nanmedian(found.variance) > 0
    assert not found.bad.any()  # of the planes only those of sources are used
    of_sources = single(found.exposure.name.partition(",")[0], visit=1, detector=2, bad_planes=["DETECTED"])
    assert 0 < of_sources.bad.mean() < 0.5
    assert found.njy is None


PROJECTIONS = {
    "TAN": cards(),
    "SIP": header("TAN-SIP", **SIP),
    "TPV": header("TPV", **TPV),
    "0h": header(ra=0.001),
    "the pole": header(dec=89.999),
    "galactic": header(CTYPE1="GLON-TAN", CTYPE2="GLAT-TAN"),
}


@pytest.mark.parametrize("which", PROJECTIONS)
def test_places_of_the_sky_on_the_image(which: str) -> None:
    exposure = Exposure.from_header(PROJECTIONS[which], visit=1, detector=1)
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-0.49, exposure.width - 0.51, 200), rng.uniform(-0.49, exposure.height - 0.51, 200)
    ra, dec = exposure.pixel_to_sky(x, y)
    back = sky_to_pixels(exposure.pixel_to_sky, exposure.width, exposure.height, ra, dec)
    np.testing.assert_allclose(back, [x, y], atol=1e-3)


def test_what_is_off_the_image_has_no_pixel() -> None:
    exposure = Exposure.from_header(header("TAN-SIP", **SIP), visit=1, detector=1)
    x = np.array([-0.6, exposure.width - 0.4, 5000.0, 10.0])
    ra, dec = exposure.pixel_to_sky(x, np.full(4, 10.0))
    ra, dec = np.append(ra, [230.0, np.nan]), np.append(dec, [5.0, 0.0])
    found, _ = sky_to_pixels(exposure.pixel_to_sky, exposure.width, exposure.height, ra, dec)
    assert np.isfinite(found).tolist() == [False, False, False, True, False, False]
