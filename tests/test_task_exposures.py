"""What the task takes for an exposure. Rubin's images need its full software: classes here stand in for them, with the
methods of ``lsst.afw.image.ExposureF`` that are used, and their signatures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.time import Time
from astropy.wcs import WCS
from small_surveys import MJD
from task_inputs import HEIGHT, WIDTH, exposure, predictions, sky, sources, tangent_wcs

import ssdb
from ssdb.rubin.task import SsSingleFrameAssociation
from ssdb.rubin.task.exposures import as_exposure

X0, Y0 = 1000, 2000
"""Where the pixels of the stand-in begin, as those of a cutout do."""


class SkyWcs:
    """``lsst.afw.geom.SkyWcs``: pixels of the whole detector, radians unless degrees are asked for."""

    def __init__(self, wcs: WCS) -> None:
        self._wcs = wcs

    def pixelToSkyArray(self, x: Any, y: Any, degrees: bool = False) -> tuple[np.ndarray, np.ndarray]:
        ra, dec = self._wcs.all_pix2world(np.asarray(x) - X0, np.asarray(y) - Y0, 0)
        return (ra, dec) if degrees else (np.radians(ra), np.radians(dec))


class DateTime:
    """``lsst.daf.base.DateTime``."""

    def __init__(self, mjd_tai: float | None) -> None:
        self._mjd_tai = mjd_tai

    def isValid(self) -> bool:
        return self._mjd_tai is not None

    def toAstropy(self) -> Time:
        return Time(self._mjd_tai, format="mjd", scale="tai")


class PhotoCalib:
    """``lsst.afw.image.PhotoCalib``."""

    def getCalibrationMean(self) -> float:
        return 2.0

    def getCalibrationErr(self) -> float:
        return 0.1


def visit_info(**values: Any) -> SimpleNamespace:
    """``lsst.afw.image.VisitInfo``: unknown numbers are NaN, an unknown identifier is 0."""
    known = {"date": DateTime(MJD), "exposureTime": 30.0, "id": 42, "instrumentLabel": "LSSTCam"}
    return SimpleNamespace(**known | values)


@dataclass
class ExposureF:
    """``lsst.afw.image.ExposureF``."""

    wcs: Any = field(default_factory=lambda: SkyWcs(tangent_wcs()))
    visitInfo: Any = field(default_factory=visit_info)
    detector: Any = field(default_factory=lambda: SimpleNamespace(getId=lambda: 7))
    photoCalib: Any = field(default_factory=PhotoCalib)
    filter: Any = field(default_factory=lambda: SimpleNamespace(bandLabel="r", physicalLabel="r_57"))

    def getWcs(self) -> Any:
        return self.wcs

    def getBBox(self) -> Any:
        return SimpleNamespace(getMinX=lambda: X0, getMinY=lambda: Y0, getWidth=lambda: WIDTH, getHeight=lambda: HEIGHT)

    def getPhotoCalib(self) -> Any:
        return self.photoCalib

    def getInfo(self) -> Any:
        return SimpleNamespace(
            getVisitInfo=lambda: self.visitInfo,
            getDetector=lambda: self.detector,
            getFilter=lambda: self.filter,
            getId=lambda: 42007,
        )


def test_an_image_of_rubins_is_what_it_says() -> None:
    known = as_exposure(ExposureF())
    assert (known.visit, known.detector, known.width, known.height) == (42, 7, WIDTH, HEIGHT)
    assert known.midpoint_mjd_tai == pytest.approx(MJD, abs=1e-9)
    assert (known.exposure_time, known.band, known.instrument) == (30.0, "r", "LSSTCam")
    assert (known.photo_calib_mean, known.photo_calib_err) == (2.0, 0.1)
    assert np.allclose(known.outline, exposure().outline, atol=1e-12)


def test_an_image_of_rubins_gives_the_result_of_its_wcs() -> None:
    near = sources([100.0, 250.0], [100.0, 200.0])
    expected = predictions([101.0, 50.0, WIDTH + 2.0], [100.0, 50.0, 100.0])
    task = SsSingleFrameAssociation()
    result = task.run(ExposureF(), near, "r", expected)
    assert (result.nTotalSsObjects, result.nAssociatedSsObjects) == (2, 1)
    assert result.ssSourceData["diaSourceId"].tolist() == [100]
    assert result.ssSourceData["visit"].tolist() == [42]


def test_what_an_image_of_rubins_does_not_know_is_unknown() -> None:
    """NaN and None; without the visit's identifier that of the image serves."""
    info = visit_info(exposureTime=float("nan"), id=0, instrumentLabel="")
    known = as_exposure(ExposureF(visitInfo=info, photoCalib=None, filter=None))
    assert (known.visit, known.exposure_time, known.instrument) == (42007, None, None)
    assert (known.band, known.photo_calib_mean, known.photo_calib_err) == (None, None, None)


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ({"wcs": None}, "no WCS"),
        ({"visitInfo": None}, "no VisitInfo"),
        ({"detector": None}, "no Detector"),
        ({"visitInfo": visit_info(date=DateTime(None))}, "when it was taken"),
    ],
)
def test_an_image_of_rubins_that_lacks_what_is_needed_is_refused(lacking: dict[str, Any], said: str) -> None:
    with pytest.raises(ssdb.InputError, match=rf"^exposure: .*{said}"):
        as_exposure(ExposureF(**lacking))


def test_the_band_of_the_call_comes_first() -> None:
    assert as_exposure(ExposureF(), "z").band == "z"
    assert as_exposure(exposure(band="g")).band == "g"


def header() -> fits.Header:
    cards = tangent_wcs().to_header()
    cards["NAXIS1"], cards["NAXIS2"], cards["VISIT"], cards["DETECTOR"] = WIDTH, HEIGHT, 42, 7
    cards["MJD-AVG"], cards["TIMESYS"] = MJD, "TAI"
    return cards


def test_a_header() -> None:
    known = as_exposure(header())
    assert (known.visit, known.detector) == (42, 7)
    assert np.allclose(known.outline, exposure().outline, atol=1e-9)


def test_a_header_without_time_is_refused() -> None:
    cards = header()
    del cards["MJD-AVG"]
    with pytest.raises(ssdb.InputError, match=r"^exposure: .*when it was taken"):
        as_exposure(cards)


def test_an_image_with_an_astropy_wcs_and_a_header() -> None:
    image = CCDData(np.zeros((HEIGHT, WIDTH)), unit="adu", wcs=tangent_wcs(), meta=dict(header()))
    known = as_exposure(image)
    assert (known.visit, known.detector, known.width, known.height) == (42, 7, WIDTH, HEIGHT)
    assert known.midpoint_mjd_tai == pytest.approx(MJD, abs=1e-9)
    assert np.allclose(known.outline, exposure().outline, atol=1e-9)


def test_an_object_with_a_wcs_a_shape_and_a_time() -> None:
    image = SimpleNamespace(wcs=tangent_wcs(), shape=(HEIGHT, WIDTH), visit=1, detector=2, midpoint_mjd_tai=MJD)
    assert np.allclose(as_exposure(image).outline, exposure().outline, atol=1e-9)
    result = SsSingleFrameAssociation().run(image, sources([9.0], [9.0]), "r", predictions([9.0], [9.0]))
    assert result.ssSourceData["detector"].tolist() == [2]


def test_an_object_that_does_not_say_which_it_is_is_refused() -> None:
    with pytest.raises(ssdb.InputError, match=r"^exposure: no visit"):
        as_exposure(SimpleNamespace(wcs=tangent_wcs(), shape=(HEIGHT, WIDTH)))


@pytest.mark.parametrize("what", [None, 3, np.zeros((3, 3)), SimpleNamespace(wcs=None, shape=(2, 2))])
def test_what_is_no_exposure_is_said(what: Any) -> None:
    with pytest.raises(ssdb.InputError, match=r"^exposure: must be an ssdb\.Exposure"):
        as_exposure(what)


def test_an_exposure_whose_pixels_are_nowhere_is_refused() -> None:
    def nowhere(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ra, dec = sky(x, y)
        return np.where(x > 100, np.nan, ra), dec

    image = ssdb.Exposure(42, 7, WIDTH, HEIGHT, nowhere, MJD)
    with pytest.raises(ssdb.InputError, match=r"^exposure: "):
        SsSingleFrameAssociation().run(image, sources([9.0], [9.0]), "r", predictions([9.0], [9.0]))
