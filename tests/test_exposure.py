"""What headers and files of images say of a detector: outline, identifiers, time, calibration."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, FK5, Galactic, SkyCoord
from astropy.io import fits
from astropy.time import Time
from astropy.wcs import WCS, DistortionLookupTable
from conftest import shared_data
from images import IDENTITY, SIP, TPV, edge_points, hdu, header, image, pixel_offsets, write

import ssdb
from ssdb import Exposure, HeaderKeywords, InputError, read_exposures

# ---- outlines --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cards",
    [
        header(),
        header("TAN-SIP", **SIP),
        header("TPV", **TPV),
        header("ZPN", PV2_1=1.0, PV2_3=40.0),
        header("SIN"),
        header("TAN-SIP", ra=359.99, **SIP),
        header("TAN-SIP", dec=89.99, **SIP),
        header("TPV", dec=-89.95, **TPV),
        header("TAN-SIP", RADESYS="FK5", EQUINOX=2000.0, **SIP),
    ],
    ids=lambda cards: f"{cards['CTYPE1']} {cards['CRVAL1']} {cards['CRVAL2']} {cards['RADESYS']}",
)
def test_outlines_follow_the_pixels_edges_as_astropy_has_them(cards: fits.Header) -> None:
    """True to 0.05 pixel everywhere on the border, and the corners exactly."""
    exposure = Exposure.from_header(cards, **_ids())
    wcs = WCS(cards)
    assert pixel_offsets(wcs, exposure.outline, 1000, 800).max() < 0.05
    corners = wcs.pixel_to_world([-0.5, 999.5, 999.5, -0.5], [-0.5, -0.5, 799.5, 799.5]).icrs
    vertices = SkyCoord(*exposure.outline.T, unit="deg")
    assert all(vertices.separation(corner).min() < 1e-6 * u.arcsec for corner in corners)
    assert exposure.pixel_scale == pytest.approx(0.2, rel=0.03)


def test_a_real_detector() -> None:
    """Hyper Suprime-Cam, TAN-SIP in FK5: the cut-out as it is, and the whole detector by its LTV keywords."""
    path = shared_data("wcs/HSC-0908120-056-small.fits")
    small = Exposure.from_fits(path, visit=908120, detector=56)
    assert (small.width, small.height) == (200, 200)
    assert small.pixel_scale == pytest.approx(0.168, abs=0.003)
    # What its primary header holds stands for unknown: FILTER, EXPTIME 0, FLUXMAG0 0.
    assert (small.band, small.exposure_time, small.photo_calib_mean) == (None, None, None)
    cards = fits.getheader(path, 1)
    for axis, size in ((1, 2048), (2, 4176)):
        cards[f"CRPIX{axis}"] -= cards[f"LTV{axis}"]
        cards[f"NAXIS{axis}"] = size
    whole = Exposure.from_header(cards, visit=908120, detector=56)
    assert pixel_offsets(WCS(cards), whole.outline, 2048, 4176).max() < 0.05
    assert len(whole.outline) < 60


@pytest.mark.parametrize(
    ("frame", "cards"),
    [
        (FK5(equinox="J2000"), {"RADESYS": "FK5", "EQUINOX": 2000.0}),
        (FK5(equinox="J2000"), {"RADESYS": None, "EQUINOX": 2000.0}),
        (FK5(equinox="J2015.5"), {"RADESYS": "FK5", "EQUINOX": 2015.5}),
        (FK4(equinox="B1950"), {"RADESYS": "FK4", "EQUINOX": 1950.0}),
        (Galactic(), {"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}),
    ],
    ids=["FK5", "FK5 by its equinox", "FK5 of date", "FK4", "galactic"],
)
def test_every_frame_becomes_icrs(frame: Any, cards: dict[str, Any]) -> None:
    """The pixel of the reference point is there where astropy's frames say."""
    made = header(**cards)
    if made["RADESYS"] is None:
        del made["RADESYS"]
    ra, dec = Exposure.from_header(made, **_ids()).pixel_to_sky(np.array([299.0]), np.array([499.0]))
    expected = SkyCoord(50.0, -5.0, unit="deg", frame=frame).icrs
    found = SkyCoord(ra, dec, unit="deg")
    assert found.separation(expected).max() < 1e-5 * u.arcsec
    assert found.separation(SkyCoord(50.0, -5.0, unit="deg")).min() > 5e-3 * u.arcsec


def test_what_astropy_doubts_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Results of commands go to stdout, where astropy's log goes too: of SIP without -SIP in CTYPE, say."""
    exposure = Exposure.from_header(header("TAN", **SIP), **_ids())
    np.testing.assert_array_equal(exposure.outline, Exposure.from_header(header("TAN-SIP", **SIP), **_ids()).outline)
    assert capsys.readouterr().out == ""


def test_axes_in_the_other_order() -> None:
    """Declination as the first axis."""
    plain = header()
    swapped = header(CTYPE1="DEC--TAN", CTYPE2="RA---TAN", CRVAL1=-5.0, CRVAL2=50.0)
    for one, other in (("CD1_1", "CD2_1"), ("CD1_2", "CD2_2")):
        swapped[one], swapped[other] = plain[other], plain[one]
    pixels = edge_points(1000, 800)
    places = [Exposure.from_header(cards, **_ids()).pixel_to_sky(*pixels) for cards in (plain, swapped)]
    np.testing.assert_allclose(places[1], places[0], rtol=0, atol=1e-10)


def test_a_cube_with_an_axis_of_one_plane() -> None:
    cards = header(NAXIS=3, NAXIS3=1, CTYPE3="FREQ", CRVAL3=1e14, CDELT3=1e12, CRPIX3=1.0, CUNIT3="Hz")
    np.testing.assert_allclose(
        Exposure.from_header(cards, **_ids()).outline, Exposure.from_header(header(), **_ids()).outline, atol=1e-12
    )


def test_a_distortion_in_tables_of_the_file(tmp_path: Path) -> None:
    """Not in the header alone: the header text is then no whole WCS, and says None."""
    cards = header(width=200, height=100)
    wcs = WCS(cards)
    shifts = np.array([[0.0, 3.0, 0.0], [0.0, 5.0, 0.0]], np.float32)
    wcs.cpdis1 = wcs.cpdis2 = DistortionLookupTable(shifts, (1.0, 1.0), (1.0, 1.0), (99.5, 99.0))
    made = wcs.to_fits()
    primary = fits.PrimaryHDU(np.zeros((100, 200), np.int16), made[0].header)
    primary.header.update(IDENTITY)
    path = write(tmp_path / "tables.fits", primary, *made[1:])
    exposure = Exposure.from_fits(path)
    places = wcs.pixel_to_world(*edge_points(200, 100)).icrs
    found = SkyCoord(*exposure.pixel_to_sky(*edge_points(200, 100)), unit="deg")
    assert found.separation(places).max() < 1e-6 * u.arcsec
    assert pixel_offsets(wcs, exposure.outline, 200, 100).max() < 0.05
    undistorted = WCS(cards).pixel_to_world(*edge_points(200, 100))
    assert undistorted.separation(places).max() > 0.5 * u.arcsec
    assert exposure.wcs_header is None


@pytest.mark.parametrize("cards", [header("TAN-SIP", **SIP), header("TPV", RADESYS="FK5", **TPV)])
def test_the_header_text_gives_the_same_pixels_again(cards: fits.Header) -> None:
    cards.update({"OBJECT": "not of the WCS", "CTYPE1A": "LINEAR", "EXPTIME": 30.0})
    exposure = Exposure.from_header(cards, **_ids())
    text = exposure.wcs_header
    assert text is not None
    assert not [word for word in ("OBJECT", "CTYPE1A", "EXPTIME") if word in text]
    again = Exposure.from_header(text, visit=1, detector=2)
    assert (again.width, again.height) == (1000, 800)
    np.testing.assert_array_equal(again.outline, exposure.outline)


# ---- identifiers -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"VISIT": 908120, "DET-ID": 56}, (908120, 56)),
        ({"EXPNUM": 229350, "DETECTOR": "S3-40_124750-19-1", "CCDNUM": 4}, (229350, 4)),
        ({"LSST BUTLER DATAID VISIT": 2025120500123, "LSST BUTLER DATAID DETECTOR": 94}, (2025120500123, 94)),
        ({"EXPID": "0123", "RCID": 0}, (123, 0)),
        ({"VISIT": 12.0, "DETECTOR": "7"}, (12, 7)),
    ],
)
def test_visit_and_detector_of_cameras(cards: dict[str, Any], expected: tuple[int, int]) -> None:
    """The first keyword that has an integer; DECam's DETECTOR is a serial number."""
    exposure = Exposure.from_header(header(**cards))
    assert (exposure.visit, exposure.detector) == expected


def test_keywords_can_be_named_and_values_given() -> None:
    cards = header(VISIT=1, DETECTOR=2, FRAME=33, CHIP=44)
    keywords = HeaderKeywords(visit=("NOTHERE", "FRAME"), detector=("CHIP",))
    named = Exposure.from_header(cards, keywords=keywords)
    assert (named.visit, named.detector) == (33, 44)
    given = Exposure.from_header(cards, keywords=keywords, visit=5, detector=-6)
    assert (given.visit, given.detector) == (5, -6)


def test_a_keyword_is_not_taken_for_many() -> None:
    """A text is a sequence of letters."""
    with pytest.raises(ssdb.ConfigError, match="visit must be a tuple"):
        HeaderKeywords(visit="FRAME")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"DETECTOR": 1}, ["no visit", "EXPNUM", "visit=..."]),
        ({"VISIT": 1}, ["no detector", "CCDNUM", "HeaderKeywords(detector="]),
        ({"VISIT": "MC_O_20251205_000123", "DETECTOR": 1}, ["VISIT = 'MC_O_20251205_000123'", "not an integer"]),
        ({"VISIT": 1.5, "DETECTOR": 1}, ["VISIT = 1.5"]),
        ({"VISIT": True, "DETECTOR": 1}, ["VISIT = True"]),
        ({"VISIT": 1, "DETECTOR": ""}, ["no detector"]),
        ({"VISIT": 1, "DETECTOR": 40000}, ["detector", "32767", "40000"]),
    ],
)
def test_headers_that_do_not_identify_a_detector(cards: dict[str, Any], words: list[str]) -> None:
    _refused(lambda: Exposure.from_header(header(**cards), name="night.hdr"), "night.hdr", *words)


# ---- time ------------------------------------------------------------------------------------------------------------

Y2020 = 58849.0
"""MJD of 2020-01-01, when TAI - UTC was 37 s."""


@pytest.mark.parametrize(
    ("cards", "seconds"),
    [
        ({"DATE-AVG": "2020-01-01T00:00:00"}, 37.0),
        ({"DATE-AVG": "2020-01-01T00:00:00.250", "TIMESYS": "TAI"}, 0.25),
        ({"MJD-AVG": Y2020, "TIMESYS": "UTC(NIST)"}, 37.0),
        ({"MJD-AVG": Y2020, "TIMESYS": "tt"}, -32.184),
        ({"MJD-AVG": Y2020, "TIMESYS": "GPS"}, 19.0),
        ({"DATE-AVG": "2020-01-01T00:00:00Z", "TIMESYS": "TAI"}, 37.0),
        ({"MJD-OBS": Y2020, "EXPTIME": 30.0}, 52.0),
        ({"DATE-OBS": "2020-01-01T00:01:00", "EXPTIME": 30.0, "TIMESYS": "TAI"}, 75.0),
        ({"DATE-OBS": "2020-01-01", "MJD-OBS": Y2020 + 0.5, "XPOSURE": 30.0}, 43252.0),
        ({"DATE-OBS": "01/01/20", "MJD-OBS": Y2020 + 0.5, "TELAPSE": 30.0}, 43252.0),
        ({"DATE-BEG": "2020-01-01T00:00:00", "DATE-END": "2020-01-01T00:01:00", "EXPTIME": 30.0}, 67.0),
        ({"MJD-BEG": Y2020, "MJD-END": Y2020 + 60 / 86400, "TIMESYS": "TAI"}, 30.0),
        ({"DATE-AVG": "2020-01-01T00:00:00", "DATE-OBS": "2020-01-01T01:00:00", "EXPTIME": 30.0}, 37.0),
        ({"MJD-AVG": 0.0, "MJD-OBS": Y2020, "EXPTIME": 30.0}, 52.0),
    ],
)
def test_the_middle_of_the_exposure_in_tai(cards: dict[str, Any], seconds: float) -> None:
    exposure = Exposure.from_header(header(**IDENTITY, **cards))
    assert exposure.midpoint_mjd_tai is not None
    assert (exposure.midpoint_mjd_tai - Y2020) * 86400.0 == pytest.approx(seconds, abs=2e-6)


def test_times_against_astropy() -> None:
    """Barycentric time, and an exposure that begins in a leap second."""
    barycentric = Exposure.from_header(header(**IDENTITY, **{"MJD-AVG": 60123.4, "TIMESYS": "TDB"}))
    assert barycentric.midpoint_mjd_tai == pytest.approx(Time(60123.4, format="mjd", scale="tdb").tai.mjd, abs=1e-11)
    cards = {"DATE-BEG": "2016-12-31T23:59:60.000", "EXPTIME": 4.0}
    leap = Exposure.from_header(header(**IDENTITY, **cards))
    assert leap.midpoint_mjd_tai == pytest.approx(Time("2017-01-01T00:00:38", scale="tai").mjd, abs=1e-10)


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"DATE-OBS": "2020-01-01", "EXPTIME": 30.0},
        {"DATE-OBS": "2020-01-01T00:00:00"},
        {"MJD-OBS": Y2020, "EXPTIME": 0.0},
        {"MJD-OBS": -999.0, "EXPTIME": 30.0},
        {"DATE-AVG": ""},
    ],
)
def test_a_time_that_is_not_told_is_unknown(cards: dict[str, Any]) -> None:
    """A begin without a length is no middle, and a day is no time."""
    assert Exposure.from_header(header(**IDENTITY, **cards)).midpoint_mjd_tai is None


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"DATE-AVG": "yesterday"}, ["DATE-AVG = 'yesterday'"]),
        ({"DATE-AVG": "2020-13-01T00:00:00"}, ["DATE-AVG", "2020-13-01"]),
        ({"MJD-AVG": Y2020, "TIMESYS": "LOCAL"}, ["TIMESYS = 'LOCAL'", "MJD-AVG", "TAI"]),
        ({"MJD-AVG": Y2020, "TIMESYS": "UT1"}, ["TIMESYS = 'UT1'"]),
        ({"MJD-BEG": Y2020, "MJD-END": Y2020 - 1}, ["ends before it begins"]),
    ],
)
def test_times_that_are_none(cards: dict[str, Any], words: list[str]) -> None:
    _refused(lambda: Exposure.from_header(header(**IDENTITY, **cards), name="a.hdr"), "a.hdr", *words)


# ---- band, instrument, calibration -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"FILTER": "HSC-R2", "INSTRUME": "HSC", "OBSCODE": 568}, ("HSC-R2", "HSC", "568")),
        ({"BAND": "r", "FILTER": "r DECam SDSS c0002 6415.0 1480.0", "OBSCODE": "W84"}, ("r", None, "W84")),
        ({"FILTER": "r DECam SDSS c0002 6415.0 1480.0", "OBSCODE": 26}, ("r", None, "026")),
        ({"FILTER": "_unknown_", "INSTRUME": " ", "OBSCODE": "T"}, (None, None, None)),
        ({"BAND": "--", "FILTER": "i", "INSTRUME": "NULL", "OBSCODE": "NULL"}, ("i", None, None)),
        ({"BAND": -999, "FILTER": "<NA>", "OBSCODE": "T", "MPCCODE": "X05"}, (None, None, "X05")),
    ],
)
def test_band_instrument_and_observatory(cards: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    exposure = Exposure.from_header(header(**IDENTITY, **cards))
    assert (exposure.band, exposure.instrument, exposure.observatory_code) == expected


@pytest.mark.parametrize(
    ("cards", "mean", "err"),
    [
        ({}, None, None),
        # The AB magnitude is 0 at 3631 Jy (to 1e-4).
        ({"FLUXMAG0": 3.631e12, "FLUXMAG0ERR": 3.631e10}, 1.0, 0.01),
        ({"FLUXMAG0": 0.0, "FLUXMAG0ERR": 0.0}, None, None),
        ({"BUNIT": "nJy"}, 1.0, None),
        ({"BUNIT": "uJy"}, 1000.0, None),
        ({"BUNIT": "adu"}, None, None),
        ({"MAGZERO": 31.4}, None, None),
        # 22.5 is the zero point of nanomaggies, which are 3.631 uJy.
        ({"ZP": 22.5, "ZPERR": 0.01}, 3631.0, 33.44),
    ],
)
def test_calibration(cards: dict[str, Any], mean: float | None, err: float | None) -> None:
    """nJy per count; a zero point only of a keyword that was named."""
    keywords = HeaderKeywords(zero_point=("ZP",), zero_point_error=("ZPERR",))
    exposure = Exposure.from_header(header(**IDENTITY, **cards), keywords=keywords)
    assert exposure.photo_calib_mean == (None if mean is None else pytest.approx(mean, rel=2e-4))
    assert exposure.photo_calib_err == (None if err is None else pytest.approx(err, rel=2e-4))


# ---- files -----------------------------------------------------------------------------------------------------------


def test_compressed_files_are_like_plain_ones(tmp_path: Path) -> None:
    cards = header("TAN-SIP", width=200, height=100, **IDENTITY, **SIP, **{"MJD-AVG": 60000.0})
    plain = Exposure.from_fits(image(tmp_path / "a.fits", cards))
    (tmp_path / "b.fits.gz").write_bytes(gzip.compress((tmp_path / "a.fits").read_bytes()))
    packed = fits.CompImageHDU(np.zeros((100, 200), np.int16), header=cards, compression_type="RICE_1")
    write(tmp_path / "c.fits.fz", packed)
    for name in ("b.fits.gz", "c.fits.fz"):
        exposure = Exposure.from_fits(tmp_path / name)
        np.testing.assert_array_equal(exposure.outline, plain.outline)
        for field in ("visit", "detector", "width", "height", "midpoint_mjd_tai"):
            assert getattr(exposure, field) == getattr(plain, field)


def test_one_detector_per_image_of_a_file(tmp_path: Path) -> None:
    """The primary header's cards hold for all, unless they have their own, or do not want them; also the frame."""
    primary = fits.PrimaryHDU()
    primary.header.update({"EXPNUM": 7, "MJD-AVG": 60000.0, "TIMESYS": "TAI", "BAND": "g", "RADESYS": "FK5"})
    chips = [header(ra=50.0 + n, width=200, height=100, CCDNUM=n) for n in (1, 2, 3)]
    del chips[0]["RADESYS"]
    table = fits.BinTableHDU.from_columns([fits.Column("x", "J", array=[1, 2])])
    bare = fits.ImageHDU(np.zeros((10, 10)), name="WEIGHT")
    alone = {"INHERIT": False, "EXPNUM": 7}
    path = write(
        tmp_path / "night.fits",
        primary,
        table,
        hdu(chips[0]),
        bare,
        hdu(chips[1], BAND="r"),
        hdu(chips[2], **alone),
    )
    exposures = read_exposures(path)
    assert [(each.visit, each.detector, each.band) for each in exposures] == [(7, 1, "g"), (7, 2, "r"), (7, 3, None)]
    assert [each.midpoint_mjd_tai for each in exposures] == [60000.0, 60000.0, None]
    shifts = []
    for exposure, chip in zip(exposures, chips, strict=True):
        places = WCS(chip).all_pix2world([[0.0, 0.0]], 0)
        found = SkyCoord(*exposure.pixel_to_sky(np.zeros(1), np.zeros(1)), unit="deg")
        shifts.append(found.separation(SkyCoord(places, unit="deg")).mas.max())
    assert shifts == pytest.approx([23.0, 0.0, 0.0], abs=10.0)
    assert shifts[0] > 5.0
    _refused(lambda: Exposure.from_fits(path), "3 detectors", "7, 1", "read_exposures")


def test_image_mask_and_variance_are_one_detector(tmp_path: Path) -> None:
    cards = header(width=200, height=100, **IDENTITY)
    path = write(tmp_path / "calexp.fits", *(hdu(cards, EXTNAME=name) for name in ("IMAGE", "MASK", "VARIANCE")))
    assert len(read_exposures(path)) == 1


def test_two_images_of_one_detector_at_different_places(tmp_path: Path) -> None:
    """Otherwise one would hide the other."""
    first, second = (header(ra=ra, width=200, height=100, **IDENTITY) for ra in (50.0, 51.0))
    path = write(tmp_path / "night.fits", hdu(first), hdu(second))
    _refused(lambda: read_exposures(path), "HDU 2", "HDU 1", "visit 10, detector 1")


def test_headers_as_text(tmp_path: Path) -> None:
    """As astropy's WCS, SCAMP, fitsheader and fits.Header write them."""
    cards = header("TPV", **TPV, **IDENTITY)
    expected = Exposure.from_header(cards).outline
    texts = {
        "one.hdr": WCS(cards).to_header_string(relax=True),
        "lines.hdr": cards.tostring(sep="\n", padding=False),
        "scamp.head": "COMMENT   (c) Émilie\n"
        + "\n".join(str(card) for card in cards.cards if not card.keyword.startswith("NAXIS"))
        + "\nEND     \n",
        "fitsheader.header": "# HDU 0 in a.fits:\nSIMPLE  =                    T\nNAXIS   =                    0\n"
        f"VISIT   =                   10\n\n# HDU 1 in a.fits:\n{cards.tostring(sep=chr(10), padding=False)}\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="latin-1")
        exposure = Exposure.from_fits(path, detector=1, visit=10, shape=(800, 1000))
        assert (exposure.width, exposure.height) == (1000, 800)
        np.testing.assert_allclose(exposure.outline, expected, rtol=0, atol=1e-9, err_msg=name)
    (whole,) = read_exposures(tmp_path / "fitsheader.header")
    assert (whole.visit, whole.detector, whole.width) == (10, 1, 1000)
    _refused(lambda: read_exposures(tmp_path / "scamp.head"), "scamp.head", "NAXIS1", "shape=")


def test_several_headers_in_a_text(tmp_path: Path) -> None:
    """SCAMP writes one behind the other, each up to END."""
    texts = (header(ra=50.0 + n, DETECTOR=n).tostring(sep="\n", endcard=False, padding=False) for n in (1, 2))
    (tmp_path / "night.head").write_text("".join(f"{text}\nEND     \n" for text in texts))
    exposures = read_exposures(tmp_path / "night.head", visit=3)
    assert [(each.visit, each.detector) for each in exposures] == [(3, 1), (3, 2)]
    assert exposures[1].outline[0, 0] - exposures[0].outline[0, 0] == pytest.approx(1.0)


def test_the_header_of_a_compressed_image() -> None:
    """Its NAXIS are those of the table that holds the pixels."""
    cards = header(NAXIS1=8, NAXIS2=800, ZIMAGE=True, ZNAXIS1=1000, ZNAXIS2=700, XTENSION="BINTABLE", **IDENTITY)
    exposure = Exposure.from_header(cards)
    assert (exposure.width, exposure.height) == (1000, 700)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (header(CTYPE1="LINEAR", CTYPE2="LINEAR"), ["no image with a celestial WCS"]),
        (header(CD1_1=0.0, CD1_2=0.0), ["the WCS is not usable", "ingular"]),
        (header("XYZ"), ["the WCS is not usable"]),
        (header(CTYPE1="ELON-TAN", CTYPE2="ELAT-TAN"), ["the frame", "ELON-TAN"]),
        (header(RADESYS="GAPPT"), ["the frame", "GAPPT"]),
        (header(CPDIS1="LOOKUP", DP1="NAXES: 2"), ["the WCS is not usable"]),
    ],
)
def test_a_wcs_that_cannot_be_used(cards: fits.Header, words: list[str]) -> None:
    _refused(lambda: Exposure.from_header(cards, **_ids(), name="a.fits, HDU 2"), "a.fits, HDU 2", *words)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        (header("SIN", CD1_1=-0.2, CD1_2=0.0, CD2_1=0.0, CD2_2=0.2), ["no position"]),
        (header("TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=-2e-3, B_0_2=0.0), ["folds over"]),
    ],
    ids=["off the sphere", "folded"],
)
def test_pixels_that_are_not_on_the_sky(cards: fits.Header, words: list[str]) -> None:
    exposure = Exposure.from_header(cards, **_ids(), name="a.fits, HDU 2")
    _refused(lambda: exposure.outline, "a.fits, HDU 2", *words)


@pytest.mark.parametrize("ending", [".fits", ".fits.gz", ".hdr"])
def test_files_that_cannot_be_read(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a{ending}"
    _refused(lambda: read_exposures(path), path.name, "there is no such file")
    path.write_bytes(b"")
    _refused(lambda: read_exposures(path), path.name, "empty")
    path.write_bytes(b"\x1f\x8b\x08 certainly not" if ending.endswith("gz") else b"certainly not\n")
    _refused(lambda: read_exposures(path), path.name)


def test_a_truncated_image(tmp_path: Path) -> None:
    path = image(tmp_path / "a.fits", header(width=500, height=500, **IDENTITY))
    path.write_bytes(path.read_bytes()[:200000])
    _refused(lambda: read_exposures(path), "a.fits", "truncated")


def test_a_card_that_cannot_be_parsed(tmp_path: Path) -> None:
    path = image(tmp_path / "a.fits")
    content = path.read_bytes()
    card = b"VISIT   =                   10"
    assert card in content
    path.write_bytes(content.replace(card, b"VISIT   = 'no end".ljust(len(card))))
    _refused(lambda: read_exposures(path), "a.fits")


@pytest.mark.parametrize(
    "wrong", [{"visit": 1.5}, {"detector": 2**15}, {"width": 0}, {"height": True}, {"midpoint_mjd_tai": np.nan}]
)
def test_exposures_made_by_hand_are_checked(wrong: dict[str, Any]) -> None:
    right = {"visit": 1, "detector": 2, "width": 10, "height": 10, "pixel_to_sky": lambda x, y: (x, y)}
    assert ssdb.Exposure(**right).midpoint_mjd_tai is None
    _refused(lambda: ssdb.Exposure(**{**right, **wrong}), next(iter(wrong)))


def _ids() -> dict[str, int]:
    return {"visit": 1, "detector": 2}


def _refused(read: Any, *words: str) -> None:
    """It must raise an InputError of one line that has all the words."""
    with pytest.raises(InputError) as caught:
        read()
    message = str(caught.value)
    assert not [word for word in words if word not in message], message
    assert "\n" not in message
