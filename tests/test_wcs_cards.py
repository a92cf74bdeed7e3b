"""Cards of a WCS that are missing, are no numbers, or mean something else than they say: named, mended or refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import FK4, SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner
from images import IDENTITY, SCALE, SIP, TPV, hdu, header, image, write
from ingesting import dump, refused, rows, visits

from ssdb import Exposure, InputError, read_exposures
from ssdb.cli import main
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

MATRIX = ("CD1_1", "CD1_2", "CD2_1", "CD2_2")
CENTRE = (np.array([299.0]), np.array([499.0]))
"""The pixel of CRPIX, counted from 0."""
CORNERS = (np.array([-0.5, 999.5, 999.5, -0.5]), np.array([-0.5, -0.5, 799.5, 799.5]))


def without(*keywords: str, **cards: Any) -> fits.Header:
    """The usual header, with cards left out and others put in."""
    made = header(**IDENTITY)
    for keyword in keywords:
        del made[keyword]
    made.update(cards)
    return made


def spelled(matrix: str) -> dict[str, float]:
    """The matrix of the usual header in another spelling."""
    if matrix == "CD001001":
        cd = header()
        return {f"CD00{i}00{j}": cd[f"CD{i}_{j}"] for i in (1, 2) for j in (1, 2)}
    steps = {"CDELT1": -SCALE, "CDELT2": SCALE}
    turned = np.diag([-1 / SCALE, 1 / SCALE]) @ np.array([[header()[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)])
    if matrix == "CROTA2":
        return {**steps, "CROTA2": -30.0}
    form = "PC{}_{}" if matrix == "PC1_1" else "PC00{}00{}"
    return {**steps, **{form.format(i, j): float(turned[i - 1, j - 1]) for i in (1, 2) for j in (1, 2)}}


def with_text(keyword: str, text: str) -> bytes:
    """The bytes of a FITS header whose card has a text, unquoted, for its value."""
    card = f"{keyword:8}= {text:>20}".ljust(80)
    whole = header(width=200, height=100, **IDENTITY)
    whole.insert(0, ("SIMPLE", True))
    whole.insert(1, ("BITPIX", 16))
    lines = re.findall(".{80}", whole.tostring(endcard=True, padding=False))
    return "".join(card if line.startswith(f"{keyword:8}=") else line for line in lines).encode()


def places(cards: fits.Header, pixels: tuple[np.ndarray, np.ndarray] = CORNERS) -> SkyCoord:
    return SkyCoord(*Exposure.from_header(cards, visit=1, detector=2).pixel_to_sky(*pixels), unit="deg")


# ---- missing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD2_1"])
@pytest.mark.parametrize("how", ["not there", "without a value", "empty text"])
def test_a_card_that_is_missing_is_named(keyword: str, how: str) -> None:
    cards = without(keyword)
    words = rf"the WCS has no {keyword}\b.*: add the card"
    if how != "not there":
        cards[keyword] = fits.card.Undefined() if how == "without a value" else " "
        words = words if keyword.startswith("CTYPE") else f"{keyword} is not a number, but '': mend the card"
    with pytest.raises(InputError, match=rf"^night\.hdr: .*{words}$"):
        Exposure.from_header(cards, name="night.hdr")


@pytest.mark.parametrize(
    ("left_out", "cards", "named"),
    [
        (MATRIX, {}, "CDELT1"),
        (MATRIX, {"CDELT1": -SCALE}, "CDELT2"),
        (MATRIX, {"CDELT2": SCALE, "CROTA2": 30.0}, "CDELT1"),
        (MATRIX, {"PC1_1": 0.8, "PC1_2": 0.6, "PC2_1": -0.6, "PC2_2": 0.8}, "CDELT1"),
        (MATRIX, {"CDELT1": -SCALE, "CDELT2": SCALE, "PC1_1": 0.8, "PC2_1": -0.6, "PC2_2": 0.8}, "PC1_2"),
        (MATRIX[1:], {}, "CD1_2, CD2_1, CD2_2"),
        (MATRIX[2:], {}, "CD2_1, CD2_2"),
        ((), {"A_2_0": 1e-6, "B_ORDER": 2}, "A_ORDER"),
        ((), {"A_2_0": 1e-6, "A_ORDER": 2, "B_0_2": 1e-6}, "B_ORDER"),
    ],
)
def test_so_is_one_of_the_matrix_or_of_the_distortion(
    left_out: tuple[str, ...], cards: dict[str, Any], named: str
) -> None:
    with pytest.raises(InputError, match=f"the WCS has no {named},"):
        Exposure.from_header(without(*left_out, **cards))


def test_what_is_0_and_may_be_left_out(tmp_path: Path) -> None:
    """Elements of a matrix off its diagonal, or on it where the image stands on its side; CUNIT; and what a primary
    header without an image has of a WCS, which concerns nobody."""
    straight = without(*MATRIX, "CUNIT1", "CUNIT2", CD1_1=-SCALE, CD2_2=SCALE)
    steps = without(*MATRIX, CDELT1=-SCALE, CDELT2=SCALE)
    assert places(straight).separation(places(steps)).max() < 1e-9 * u.arcsec
    on_its_side = without(*MATRIX, CD1_2=SCALE, CD2_1=SCALE)
    turned = without(*MATRIX, CDELT1=-SCALE, CDELT2=SCALE, PC1_1=0.0, PC1_2=-1.0, PC2_1=1.0, PC2_2=0.0)
    assert places(on_its_side).separation(places(turned)).max() < 1e-9 * u.arcsec
    primary = fits.PrimaryHDU()
    primary.header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 50.0})
    path = write(tmp_path / "mef.fits", primary, hdu(header(width=200, height=100, **IDENTITY)))
    assert len(read_exposures(path)) == 1


# ---- unusable --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keyword", ["CRVAL1", "CRVAL2", "CRPIX2", "CD1_1"])
@pytest.mark.parametrize("text", ["1x0.0", "NaN", "1,5", "T", "(1.0, 2.0)", "'03:20:00'", "'50.0'"])
def test_what_is_no_number_is_named(tmp_path: Path, keyword: str, text: str) -> None:
    """In FITS and in a header as text."""
    content = with_text(keyword, text)
    (tmp_path / "a.hdr").write_bytes(content)
    (tmp_path / "b.fits").write_bytes(content.ljust(2880) + bytes(-(-200 * 100 * 2 // 2880) * 2880))
    for name in ("a.hdr", "b.fits"):
        with pytest.raises(InputError, match=rf"{name}: the WCS cannot be used: {keyword} is not a number") as caught:
            read_exposures(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("cards", "words"),
    [
        ({"CRVAL2": 95.0}, "CRVAL2 = 95.0 is no angle within 90 deg"),
        ({"CRVAL1": -9999.0}, "CRVAL1 = -9999.0 is no angle within 720 deg"),
        ({"CUNIT2": "rad"}, "CRVAL2 = -5.0 is no angle within 90 deg"),
        ({"A_ORDER": "2", "B_ORDER": 2}, "A_ORDER is not a number, but '2'"),
        ({"LONPOLE": "north"}, "LONPOLE is not a number, but 'north'"),
        ({"RADESYS": "FK5", "EQUINOX": "of date"}, "EQUINOX is not a number, but 'of date'"),
        ({"PC1_1": 1.0, "PC2_2": 1.0}, "it has CD and PC cards that differ"),
        ({"CTYPE1": "RA--TAN", "CTYPE2": "DEC-TAN"}, "RA--TAN, DEC-TAN is no projection"),
    ],
)
def test_what_else_cannot_be_meant(cards: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Exposure.from_header(without(**cards))


def test_a_card_that_is_there_twice() -> None:
    """astropy's headers give the first of them, wcslib takes the last."""
    cards = without()
    cards.append(("CRVAL1", 50.0), bottom=True)
    assert places(cards, CENTRE).ra.deg == pytest.approx(50.0)
    cards.append(("CRVAL1", 51.0), bottom=True)
    with pytest.raises(InputError, match=r"CRVAL1 is there more than once: 50\.0, 50\.0, 51\.0"):
        Exposure.from_header(cards)


def test_nothing_is_stored_of_it(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    sound, broken = (header(width=200, height=100, VISIT=10, DETECTOR=n) for n in (1, 2))
    del broken["CRVAL2"]
    path = write(tmp_path / "a.fits", hdu(sound), hdu(broken))
    refused(database, ingest_detectors, path, "a.fits, HDU 2", "has no CRVAL2", "add the card", error=InputError)


# ---- mended and told -------------------------------------------------------------------------------------------------

TEXT = "is text, and was taken for the number"


@pytest.mark.parametrize(
    ("cards", "same", "doubt"),
    [
        (
            {"RADESYS": "FK5", "EQUINOX": "J2000.0"},
            {"RADESYS": "FK5", "EQUINOX": 2000.0},
            f"EQUINOX = 'J2000.0' {TEXT}",
        ),
        (SIP, {**SIP, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"}, "SIP coefficients are applied, although"),
        ({**SIP, **TPV}, {**TPV, "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV"}, "SIP coefficients are left out"),
        (
            {**SIP, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP", "A_7_1": 1e-20},
            {**SIP, "CTYPE1": "RA---TAN-SIP", "CTYPE2": "DEC--TAN-SIP"},
            "higher order than A_ORDER or B_ORDER: A_7_1",
        ),
        ({"PV2_1": 1.0, "PV2_3": 42.0}, {}, "PV2_1, PV2_3 are left out: TAN has no such parameters"),
    ],
)
def test_what_is_mended_is_told(cards: dict[str, Any], same: dict[str, Any], doubt: str) -> None:
    """The pixels are where they are with a header that is right."""
    exposure = Exposure.from_header(without(**cards))
    (told,) = exposure.doubts
    assert doubt in told
    right = WCS(without(**same)).pixel_to_world(*CORNERS).icrs
    assert places(without(**cards)).separation(right).max() < 1e-6 * u.arcsec
    # What is kept needs no mending any more.
    assert exposure.wcs_header is not None
    again = Exposure.from_header(exposure.wcs_header, visit=1, detector=2)
    assert again.doubts == ()
    np.testing.assert_array_equal(again.outline, exposure.outline)


def test_what_wcslib_cannot_read_is_told_in_words() -> None:
    cards = without(CTYPE1="RA---TNX", CTYPE2="DEC--TNX", WAT1_001='wtype=tnx axtype=ra lngcor = "3. 4. 4. 2. 0."')
    with pytest.raises(InputError, match="wcslib cannot read the cards of RA---TNX: is one cut short"):
        Exposure.from_header(cards)


def test_an_equinox_as_text_is_no_other_frame() -> None:
    """Without RADESYS it says which frame it is: B1950 is half a degree from J2000."""
    found = places(without("RADESYS", EQUINOX="B1950"), CENTRE)
    assert found.separation(SkyCoord(50.0, -5.0, unit="deg", frame=FK4(equinox="B1950")).icrs).max() < 1e-5 * u.arcsec
    assert places(without(EQUINOX="of date"), CENTRE).separation(SkyCoord(50, -5, unit="deg")).max() < 1e-6 * u.arcsec


@pytest.mark.parametrize("spelling", ["degree", "DEG", "degrees", "Degree", "[deg]", "deg.", ""])
def test_spellings_of_units(spelling: str) -> None:
    cards = without(CUNIT1=spelling, CUNIT2=spelling)
    assert places(cards).separation(places(without())).max() < 1e-6 * u.arcsec
    assert Exposure.from_header(cards).doubts == ()


@pytest.mark.parametrize(("spelling", "unit"), [("RADIANS", "rad"), ("arcseconds", "arcsec"), ("Arcmin", "arcmin")])
def test_spellings_of_other_units(spelling: str, unit: str) -> None:
    factor = u.deg.to(unit)
    numbers = {k: v * factor for k, v in header().items() if k in (*MATRIX, "CRVAL1", "CRVAL2")}
    assert (
        places(without(CUNIT1=spelling, CUNIT2=spelling, **numbers)).separation(places(without())).max()
        < 1e-6 * u.arcsec
    )


# ---- PV cards --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "terms",
    [
        {"PV1_0": 0.0, "PV1_1": 1.0, "PV1_2": 0.0, "PV2_0": 0.0, "PV2_1": 1.0, "PV2_2": 0.0},
        {"PV1_1": 1.0, "PV1_2": 0.0, "PV2_1": 1.0, "PV2_2": 0.0},
        {"PV1_1": 1.0, "PV2_1": 1.0},
        {"PV1_1": 1.0},
    ],
)
@pytest.mark.parametrize("projection", ["TAN", "TPV"])
def test_a_distortion_of_first_order(terms: dict[str, float], projection: str) -> None:
    """With TAN the FITS standard has another meaning for PV1_1 and PV1_2, which moves the image by 90 degrees."""
    cards = header(projection, ra=150.0, dec=2.0, **terms)
    exposure = Exposure.from_header(cards, visit=1, detector=2)
    assert places(cards, CENTRE).separation(SkyCoord(150.0, 2.0, unit="deg")).max() < 1e-6 * u.arcsec
    assert places(cards).separation(places(header(ra=150.0, dec=2.0))).max() < 1e-6 * u.arcsec
    assert [("read as TPV" in doubt) for doubt in exposure.doubts] == ([True] if projection == "TAN" else [])


def test_terms_of_first_order_turn_and_stretch() -> None:
    """As the convention of TPV has it: xi' = PV1_0 + PV1_1 xi + PV1_2 eta, eta' likewise with eta first."""
    cards = header("TAN", PV1_0=0.001, PV1_1=1.01, PV1_2=0.02, PV2_0=-0.002, PV2_1=0.99, PV2_2=0.01)
    x, y = (pixel - reference for pixel, reference in zip(CORNERS, (299.0, 499.0), strict=True))
    xi, eta = (cards[f"CD{i}_1"] * x + cards[f"CD{i}_2"] * y for i in (1, 2))
    plane = WCS(naxis=2)
    plane.wcs.ctype, plane.wcs.crval, plane.wcs.cdelt = ["RA---TAN", "DEC--TAN"], [50.0, -5.0], [1.0, 1.0]
    plane.wcs.crpix = [1.0, 1.0]
    expected = plane.pixel_to_world(0.001 + 1.01 * xi + 0.02 * eta, -0.002 + 0.99 * eta + 0.01 * xi)
    assert places(cards).separation(expected).max() < 1e-6 * u.arcsec


def test_tpv_without_cards_has_no_distortion() -> None:
    """wcslib puts all its pixels at one place."""
    assert places(header("TPV")).separation(places(header())).max() < 1e-6 * u.arcsec
    assert (
        places(header("TPV", PV1_0=1e-4)).separation(places(header("TPV", PV1_0=1e-4, PV1_1=1.0, PV2_1=1.0))).max() == 0
    )


def test_sip_and_pv_beside_each_other() -> None:
    """The suffix says which holds, as with astropy."""
    both = header("TAN-SIP", **{**SIP, **TPV})
    assert places(both).separation(places(header("TAN-SIP", **SIP))).max() < 1e-6 * u.arcsec
    first_order = header("TAN-SIP", PV1_0=0.0, PV1_1=1.0, PV1_2=0.0, **SIP)
    assert places(first_order).separation(places(header("TAN-SIP", **SIP))).max() < 1e-6 * u.arcsec
    (doubt,) = Exposure.from_header(first_order, visit=1, detector=2).doubts
    assert "PV cards are left out" in doubt


@pytest.mark.parametrize(
    "cards",
    [
        header("TAN", PV1_2=45.0, **IDENTITY),
        header("TAN", PV1_1=0.0, PV1_2=0.0, **IDENTITY),
        header("STG", PV1_1=0.0, PV1_2=30.0, **IDENTITY),
        header("ZPN", PV2_0=0.1, PV2_1=1.0, **IDENTITY),
        header("TPV", PV1_0=5.0, PV1_1=1.0, PV2_1=1.0, **IDENTITY),
    ],
    ids=lambda cards: cards["CTYPE1"],
)
def test_a_reference_pixel_that_is_elsewhere(cards: fits.Header) -> None:
    with pytest.raises(InputError, match=r"the pixel of CRPIX is .* deg from CRVAL.*PV") as caught:
        Exposure.from_header(cards)
    assert "\n" not in str(caught.value)


def test_constant_terms_of_tpv_are_good() -> None:
    """Arcminutes, as of detectors far from the middle of a camera."""
    cards = header("TPV", **{**TPV, "PV1_0": 0.05, "PV2_0": -0.1})
    right = WCS(cards).pixel_to_world(*CORNERS)
    assert places(cards).separation(right).max() < 1e-6 * u.arcsec


# ---- keeping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("spelling", ["CD001001", "PC001001", "PC1_1", "CROTA2"])
def test_a_matrix_of_any_spelling_is_kept(database: Database, tmp_path: Path, spelling: str) -> None:
    cards = header(width=200, height=100, **IDENTITY)
    for keyword in MATRIX:
        del cards[keyword]
    cards.update(spelled(spelling))
    usual = header(width=200, height=100, **IDENTITY)
    ingest_visits(database, visits())
    ingest_detectors(database, image(tmp_path / "a.fits", cards), keep_wcs=True)
    (row,) = rows(database, "VisitDetector")
    again = Exposure.from_header(row["wcs"], visit=10, detector=1)
    np.testing.assert_array_equal(np.frombuffer(row["footprint"], "<f8").reshape(-1, 2), again.outline)
    assert places(fits.Header.fromstring(row["wcs"], sep="\n")).separation(places(usual)).max() < 1e-6 * u.arcsec


def test_a_text_that_gives_other_pixels_is_not_kept(database: Database) -> None:
    """Of whatever reason: better refused than found out later."""
    ingest_visits(database, visits())
    right = Exposure.from_header(header(width=200, height=100, **IDENTITY))
    text = str(right.wcs_header).replace("300.0", "301.0")
    for wrong in (text, "no header at all"):
        given = Exposure(10, 1, 200, 100, right.pixel_to_sky, wcs_header=wrong, name="my chip")
        refused(
            database, ingest_detectors, given, "my chip", "leave keep_wcs=True out", keep_wcs=True, error=InputError
        )
    before = dump(database)["VisitDetector"]
    assert before == []
    ingest_detectors(database, right, keep_wcs=True)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_what_was_mended_is_told_once_for_a_file(sqlite_url: str, tmp_path: Path) -> None:
    chips = [header(width=200, height=100, VISIT=10, DETECTOR=n, RADESYS="FK5", EQUINOX="J2000", **SIP) for n in (1, 2)]
    chips[0]["MJD-AVG"] = chips[1]["MJD-AVG"] = 60000.1
    path = write(tmp_path / "night.fits", *(hdu(chip) for chip in chips))
    result = CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "detectors", str(path), "--create-visits"])
    assert result.exit_code == 0, result.output
    told = [line for line in result.stderr.splitlines() if "HDU 1" in line]
    assert len(told) == 2
    assert "EQUINOX = 'J2000' is text" in told[0]
    assert all(line.endswith(f"(2 images, the first is {path}, HDU 1)") for line in told)
    assert "SIP" not in result.stdout
