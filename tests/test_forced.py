"""Forced photometry on images, into the database, on both databases."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from astropy.io import fits
from click.testing import CliRunner
from dia_surveys import BEGIN, load, load_visits, rows_of, sources
from forced_survey import (
    DETECTOR,
    EAST,
    FWHM_ARCSEC,
    HEIGHT,
    KNOWN,
    NORTH,
    PROFILE,
    WIDTH,
    beside,
    drawn,
    image_file,
    survey,
)
from ingesting import at_once

from ssdb import HeaderKeywords, named_query
from ssdb.cli import main
from ssdb.dia.associate import associate_dia
from ssdb.errors import InputError, SsdbError, UsageError
from ssdb.photometry import PhotometryConfig, forced_photometry
from ssdb.schema.apdb_dia import dia_forced_source, dia_object, dia_object_last
from ssdb.schema.dia import dia_object_moment, ss_forced_source
from ssdb.schema.survey import ss_expected
from ssdb.simulate.images import SimulatedImage
from ssdb.store.database import Database
from ssdb.store.tables.delete import delete_visits, rows_of_visits

GAUSSIAN = PhotometryConfig(fwhm=FWHM_ARCSEC)
FLUX = np.array([2000.0, -800.0, 350.0, 5000.0])
KNOWN_FLUX = np.array([400.0, 0.0])
ON_IMAGE = list(KNOWN)[:2]


def difference(seed: int = 1, scale: float = 1.0, **options: Any) -> SimulatedImage:
    """The image of visit 2: the four DiaObjects and two known objects, one of them invisible."""
    known = np.array([KNOWN[name] for name in ON_IMAGE]).T
    places = np.append(EAST, known[0]), np.append(NORTH, known[1])
    return drawn(*places, np.append(FLUX, KNOWN_FLUX) / scale, seed, noise=5.0 / scale, **options)


def pulls(rows: list[Any], flux: np.ndarray, name: str = "psfFlux") -> np.ndarray:
    return np.array([(row[name] - true) / row[f"{name}Err"] for row, true in zip(rows, flux, strict=True)])


def test_objects_have_their_fluxes(database: Database, tmp_path: Path) -> None:
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    report = forced_photometry(database, [path], GAUSSIAN)
    (image,) = report.images
    assert (image.visit, image.detector, image.nDiaObjects, image.nSsObjects) == (2, DETECTOR, 4, 2)
    assert (image.nNotMeasured, image.hasDirect, report.notAssociated) == (0, False, ())
    rows = rows_of(database, dia_forced_source)
    assert [row["diaObjectId"] for row in rows] == [1000, 1001, 1002, 1003]
    assert np.abs(pulls(rows, FLUX)).max() < 4
    assert {(row["visit"], row["detector"], row["band"]) for row in rows} == {(2, DETECTOR, "r")}
    assert all(row["midpointMjdTai"] == pytest.approx(BEGIN + 2, abs=1e-8) for row in rows)
    ra, dec = beside(EAST, NORTH)
    np.testing.assert_allclose([row["ra"] for row in rows], ra, atol=1e-9)
    np.testing.assert_allclose([row["dec"] for row in rows], dec, atol=1e-9)
    assert all(row["scienceFlux"] is None for row in rows)
    assert len({row["diaForcedSourceId"] for row in rows}) == 4
    known = rows_of(database, ss_forced_source)
    assert np.abs(pulls(known, KNOWN_FLUX)).max() < 4
    places = beside(*np.array([KNOWN[name] for name in ON_IMAGE]).T)  # moved from the time of the prediction
    np.testing.assert_allclose([[row["ra"], row["dec"]] for row in known], np.transpose(places), atol=3e-8)


def test_means_of_forced_fluxes_are_those_of_the_rows(database: Database, tmp_path: Path) -> None:
    survey(database, visits=3)
    images = [image_file(tmp_path / f"{visit}.fits", difference(visit), visit) for visit in (2, 3)]
    forced_photometry(database, images, GAUSSIAN)
    measured = rows_of(database, dia_forced_source)
    current = {row["diaObjectId"]: row for row in rows_of(database, dia_object)}
    moments = {(row["diaObjectId"], row["band"]): row for row in rows_of(database, dia_object_moment)}
    for identifier in range(1000, 1004):
        own = [row for row in measured if row["diaObjectId"] == identifier]
        assert len(own) == 2
        weight = np.array([row["psfFluxErr"] for row in own]) ** -2.0
        mean = (weight * [row["psfFlux"] for row in own]).sum() / weight.sum()
        row, moment = current[identifier], moments[identifier, "r"]
        assert moment["forcedWeight"] == pytest.approx(weight.sum(), rel=1e-6)
        assert moment["forcedMean"] == pytest.approx(mean, rel=1e-6)
        assert row["r_fpFluxMean"] == pytest.approx(mean, rel=1e-6)
        assert row["r_fpFluxMeanErr"] == pytest.approx(weight.sum() ** -0.5, rel=1e-6)
        assert row["g_fpFluxMean"] is None
        assert row["nDiaSources"] == moment["nValues"] == 1  # what sources give stays
    assert current[1004]["r_fpFluxMean"] is None
    # Of one visit deleted only the other is left.
    assert rows_of_visits(database, [3])["DiaForcedSource"] == 4
    removed = delete_visits(database, [3])
    assert (removed["DiaForcedSource"], removed["SsForcedSource"]) == (4, 2)
    (left, *_) = [row for row in rows_of(database, dia_object) if row["diaObjectId"] == 1000]
    (first, *_) = [row for row in measured if row["diaObjectId"] == 1000]
    assert left["r_fpFluxMean"] == pytest.approx(first["psfFlux"], rel=1e-6)


def test_a_band_without_sources_has_a_mean_too(database: Database, tmp_path: Path) -> None:
    survey(database)
    with database.writing() as connection:
        connection.execute(sa.text("""UPDATE "Visit" SET band = 'lsst_g' WHERE visit = 2"""))
    path = image_file(tmp_path / "a.fits", difference())
    forced_photometry(database, [path], GAUSSIAN)
    row = rows_of(database, dia_object)[0]
    assert row["g_fpFluxMean"] == pytest.approx(FLUX[0], rel=0.1)
    assert row["g_psfFluxNdata"] == 0
    assert row["r_fpFluxMean"] is None
    # Measured again on pixels that are all masked but for one corner: nothing is left of it.
    image = difference()
    image.masked[:] = True
    image.masked[:9, :9] = False
    forced_photometry(database, [image_file(tmp_path / "b.fits", image)], GAUSSIAN)
    assert rows_of(database, dia_forced_source) == []
    assert rows_of(database, dia_object)[0]["g_fpFluxMean"] is None
    moments = [row for row in rows_of(database, dia_object_moment) if row["band"] == "g"]
    assert {(row["forcedWeight"], row["forcedMean"]) for row in moments} == {(0.0, None)}


def test_again_replaces_what_was_there(database: Database, tmp_path: Path) -> None:
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())

    def measured() -> list[Any]:
        forced_photometry(database, [path], GAUSSIAN)
        rows = [*rows_of(database, dia_forced_source), *rows_of(database, ss_forced_source)]
        return [{name: value for name, value in row.items() if name != "timeProcessedMjdTai"} for row in rows]

    first = measured()
    assert measured() == first
    forced_photometry(database, [path], GAUSSIAN, objects="dia", min_sources=2)
    assert rows_of(database, dia_forced_source) == []  # each has one source
    assert len(rows_of(database, ss_forced_source)) == 2  # those of the others stay
    forced_photometry(database, [path], GAUSSIAN, objects="solar-system")
    assert rows_of(database, dia_forced_source) == []


def test_the_direct_image_gives_the_science_flux(database: Database, tmp_path: Path) -> None:
    """It may be of other pixels, in another unit and have another mask."""
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    science = drawn(EAST, NORTH, (FLUX + 10_000.0) / 4.0, 9, noise=5.0, background=(300.0, 0.1, 0.0))
    science.masked[:, :100] = True
    direct = image_file(tmp_path / "direct.fits", science, BUNIT="adu", MAGZP=31.4 - 2.5 * np.log10(4.0))
    report = forced_photometry(
        database, [path], GAUSSIAN, direct=[direct], keywords=HeaderKeywords(zero_point=("MAGZP",))
    )
    assert report.images[0].hasDirect
    rows = rows_of(database, dia_forced_source)
    there = [row["scienceFlux"] is not None for row in rows]
    assert 0 < sum(there) < 4
    found = [row for row in rows if row["scienceFlux"] is not None]
    assert np.abs(pulls(found, FLUX[there] + 10_000.0, "scienceFlux")).max() < 4
    assert np.abs(pulls(rows, FLUX)).max() < 4


CALIBRATIONS: dict[str, tuple[float, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "uJy": (1000.0, {"BUNIT": "uJy"}, {}, {}),
    "FLUXMAG0": (3.7, {"BUNIT": "adu", "FLUXMAG0": 10**12.56 / 3.7}, {}, {}),
    "a keyword": (
        2.5,
        {"BUNIT": "adu", "ZP": 31.4 - 2.5 * np.log10(2.5)},
        {"keywords": HeaderKeywords(zero_point=("ZP",))},
        {},
    ),
    "a zero point": (2.5, {"BUNIT": None}, {}, {"zero_point": 31.4 - 2.5 * np.log10(2.5)}),
    "Rubin's PhotoCalib": (0.7, {"BUNIT": "adu"}, {}, {}),
}


@pytest.mark.parametrize("what", CALIBRATIONS)
def test_calibrations(what: str, sqlite_url: str, tmp_path: Path) -> None:
    import ssdb

    scale, cards, options, how = CALIBRATIONS[what]
    database = ssdb.connect(sqlite_url)
    survey(database)
    path = image_file(tmp_path / "a.fits", difference(scale=scale), **cards)
    if what == "Rubin's PhotoCalib":
        column = fits.Column("calibrationMean", "D", array=[scale])
        with fits.open(path, mode="append") as hdus:
            hdus.append(fits.BinTableHDU.from_columns([column]))
            hdus[-1].header.update(EXTTYPE="ARCHIVE_DATA", AR_NAME="PhotoCalib")
    forced_photometry(database, [path], PhotometryConfig(fwhm=FWHM_ARCSEC, **how), **options)
    assert np.abs(pulls(rows_of(database, dia_forced_source), FLUX)).max() < 4
    database.close()


def test_a_stamp_an_aperture_and_a_keyword_see_the_same(sqlite_url: str, tmp_path: Path) -> None:
    import ssdb

    database = ssdb.connect(sqlite_url)
    survey(database)
    path = image_file(tmp_path / "a.fits", difference(), FWHM=FWHM_ARCSEC / 0.2)
    stamp = tmp_path / "psf.fits"
    fits.PrimaryHDU(PROFILE.stamp()).writeto(stamp)
    ways = (
        {"psf": stamp},
        {"aperture": 1.8},
        {"fwhm_keyword": "FWHM", "fwhm_in_pixels": True},
        {"fwhm": FWHM_ARCSEC, "background": "none"},
    )
    for how in ways:
        forced_photometry(database, [path], PhotometryConfig(**how))
        assert np.abs(pulls(rows_of(database, dia_forced_source), FLUX)).max() < 4.5, how
    database.close()


# ---- what is refused -------------------------------------------------------------------------------------------------


def refused(database: Database, message: str, images: list[Path], config: Any = GAUSSIAN, **options: Any) -> None:
    """Nothing is stored, and the message is one line that has the text."""
    with pytest.raises(SsdbError) as refusal:
        forced_photometry(database, images, config, **options)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not rows_of(database, dia_forced_source)
    assert not rows_of(database, ss_forced_source)


def test_bad_images_store_nothing(database: Database, tmp_path: Path) -> None:
    survey(database)
    good = difference()
    plain = image_file(tmp_path / "plain.fits", good, BUNIT="adu", MAGZP=27.5)
    refused(database, "plain.fits, HDU 1: no calibration: neither FLUXMAG0", [plain])
    refused(database, "the header has MAGZP = 27.5: if that is the AB magnitude of one count, name it", [plain])
    other = image_file(tmp_path / "other.fits", good, visit=99)
    refused(database, "1 visits are not in the database (99)", [other])
    late = image_file(tmp_path / "late.fits", good, **{"MJD-AVG": BEGIN + 5})
    refused(database, "is it the image of another visit", [late])
    nameless = image_file(tmp_path / "nameless.fits", good, VISIT=None)
    refused(database, "no visit", [nameless])
    blind = image_file(tmp_path / "blind.fits", good, CTYPE1="LINEAR", CTYPE2="LINEAR")
    refused(database, "no image with a celestial WCS", [blind])
    dark = SimulatedImage(good.values, good.variance, np.ones_like(good.masked))
    refused(database, "no pixel of it is usable", [image_file(tmp_path / "dark.fits", dark)])
    empty = SimulatedImage(np.full_like(good.values, np.nan), good.variance, good.masked)
    refused(database, "no pixel of it is usable", [image_file(tmp_path / "nan.fits", empty)])
    small = SimulatedImage(good.values, good.variance, good.masked[:-1])
    refused(database, f"its mask has {WIDTH} x {HEIGHT - 1} pixels", [image_file(tmp_path / "small.fits", small)])
    noisy = SimulatedImage(good.values, good.variance[:, :-2], good.masked)
    refused(database, f"its variance has {WIDTH - 2} x {HEIGHT} pixels", [image_file(tmp_path / "noisy.fits", noisy)])
    (tmp_path / "text.fits").write_text("no image\n" * 400)
    refused(database, "text.fits", [tmp_path / "text.fits"])


def test_bad_psfs_store_nothing(database: Database, tmp_path: Path) -> None:
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    for name, data, message in (
        ("cube", np.ones((2, 9, 9)), "a PSF is a stamp"),
        ("negative", -PROFILE.stamp(), "must be above 0"),
        ("nan", np.full((9, 9), np.nan), "not finite"),
    ):
        fits.PrimaryHDU(data).writeto(tmp_path / f"{name}.fits")
        refused(database, message, [path], PhotometryConfig(psf=tmp_path / f"{name}.fits"))
    refused(database, "the header has no FWHM in SEEING", [path], PhotometryConfig(fwhm_keyword="SEEING"))


def test_a_source_larger_than_the_image_or_smaller_than_a_pixel(database: Database, tmp_path: Path) -> None:
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    message = "pixels, on an image of 500 x 400 with 0.2 arcsec a pixel"
    for size in ({"fwhm": 1000.0}, {"fwhm": 30.0}, {"fwhm": 0.01}, {"aperture": 3000.0}):
        refused(database, message, [path], PhotometryConfig(**size))


def test_a_file_after_a_good_one_does_not_take_that_away(database: Database, tmp_path: Path) -> None:
    """One file is one transaction."""
    survey(database, visits=3)
    good = image_file(tmp_path / "a.fits", difference())
    bad = image_file(tmp_path / "b.fits", difference(), 3, BUNIT="adu")
    with pytest.raises(InputError, match="no calibration"):
        forced_photometry(database, [good, bad], GAUSSIAN)
    assert {row["visit"] for row in rows_of(database, dia_forced_source)} == {2}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({}, "none is given"),
        ({"fwhm": 1.0, "aperture": 1.0}, "not fwhm, aperture together"),
        ({"aperture": 1.0, "fwhm_in_pixels": True}, "is of use with a FWHM alone"),
        ({"fwhm": -1.0}, "must be above 0"),
        ({"fwhm": 1.0, "background": "sky"}, "background must be one of"),
        ({"fwhm": 1.0, "zero_point": 1e6}, "must be an AB magnitude"),
    ],
)
def test_wrong_ways_of_measuring(how: dict[str, Any], message: str) -> None:
    with pytest.raises(SsdbError, match=message):
        PhotometryConfig(**how)


def test_a_direct_image_of_another_detector_is_wrong_usage(database: Database, tmp_path: Path) -> None:
    survey(database, visits=3)
    path = image_file(tmp_path / "a.fits", difference())
    other = image_file(tmp_path / "other.fits", difference(), 3)
    with pytest.raises(UsageError, match=r"other\.fits: is of visit 3, detector 7, of which there is no"):
        forced_photometry(database, [path], GAUSSIAN, direct=[other])
    assert rows_of(database, dia_forced_source) == []


def test_without_photutils_the_extra_is_named() -> None:
    code = "import sys; sys.modules['photutils'] = None; import ssdb.cli, ssdb.photometry"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("forced photometry needs the package photutils: pip install 'ssdb-asteroids[photometry]'")


def test_fluxes_and_sources_come_at_once(database: Database, tmp_path: Path) -> None:
    """What one adds to an object, the other does not undo."""
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    forced_photometry(database, [path], GAUSSIAN)
    for visit in range(3, 8):
        load_visits(database, [visit])
        load(database, [sources(visit, *beside(EAST, NORTH))])
        at_once(
            [
                lambda: forced_photometry(database, [path], GAUSSIAN, objects="dia"),
                lambda: associate_dia(database, solar_system=False),
            ]
        )
        measured = {row["diaObjectId"]: row for row in rows_of(database, dia_forced_source)}
        moments = [row for row in rows_of(database, dia_object_moment) if row["diaObjectId"] in measured]
        assert [row["nValues"] for row in moments] == [visit - 1] * 4
        for row in rows_of(database, dia_object)[:4]:
            assert row["nDiaSources"] == visit - 1
            assert row["r_fpFluxMean"] == pytest.approx(measured[row["diaObjectId"]]["psfFlux"], rel=1e-6)


# ---- the command, and the questions ----------------------------------------------------------------------------------


def test_the_command(database_url: str, tmp_path: Path) -> None:
    import ssdb

    database = ssdb.connect(database_url)
    survey(database)
    path = image_file(tmp_path / "a.fits", difference())
    run = CliRunner().invoke(main, ["--db", database_url, "forced", str(path), "--fwhm", str(FWHM_ARCSEC), "--json"])
    assert run.exit_code == 0, run.output
    told = json.loads(run.stdout)
    assert told["images"][0] | {"source": ""} == {
        "source": "", "visit": 2, "detector": DETECTOR, "nDiaObjects": 4, "nSsObjects": 2, "nNotMeasured": 0,
        "hasDirect": False,
    }  # fmt: skip
    run = CliRunner().invoke(main, ["--db", database_url, "forced", str(path), "--aperture", "1.5"])
    assert run.exit_code == 0
    assert "nDiaObjects" in run.stdout
    run = CliRunner().invoke(main, ["--db", database_url, "forced", str(path)])
    assert run.exit_code == 2
    assert "--psf, --fwhm, --fwhm-keyword, --aperture" in run.stderr
    bad = image_file(tmp_path / "b.fits", difference(), BUNIT="adu")
    run = CliRunner().invoke(main, ["--db", database_url, "forced", str(bad), "--fwhm", "0.8"])
    assert run.exit_code == 1
    assert run.stderr.startswith("ssdb: ")
    assert run.stderr.count("\n") == 1
    assert "--zero-point MAG or --zero-point-keyword KEYWORD" in run.stderr
    database.close()


def test_a_visit_that_is_not_associated_is_told(database_url: str, tmp_path: Path) -> None:
    import ssdb
    from ssdb.store.tables.results import clear_results

    database = ssdb.connect(database_url)
    survey(database)
    with database.writing() as connection:
        clear_results(connection, [2])
    database.close()
    path = image_file(tmp_path / "a.fits", difference())
    run = CliRunner().invoke(main, ["--db", database_url, "forced", str(path), "--fwhm", "0.8"])
    assert run.exit_code == 0
    assert "1 visits are not associated yet" in run.stderr
    assert "run `ssdb associate`" in run.stderr


def test_upper_limits(database: Database, tmp_path: Path) -> None:
    survey(database)
    forced_photometry(database, [image_file(tmp_path / "a.fits", difference())], GAUSSIAN)
    answer = named_query(database, "upper-limits", {"sigma": 3})
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert [row["designation"] for row in rows] == ON_IMAGE
    for row in rows:
        limit = 31.4 - 2.5 * np.log10(3 * row["psfFluxErr"])
        assert row["limitMag"] == pytest.approx(limit, abs=1e-5)
        assert row["fluxSnr"] == pytest.approx(row["psfFlux"] / row["psfFluxErr"], rel=1e-5)
    assert rows[0]["fluxSnr"] > 5  # fainter than what was detected, and there all the same
    assert len(named_query(database, "upper-limits", {"object": "2020 AB", "visit": 2}).rows) == 1
    assert named_query(database, "upper-limits", {"visit": 1}).rows == []
    # One that gets a source in the end has no limit any more.
    with database.writing() as connection:
        seen = sa.update(ss_expected).where(ss_expected.c.ssObjectId == rows[0]["ssObjectId"])
        connection.execute(seen.values(diaSourceId=1))
    assert len(named_query(database, "upper-limits").rows) == 1


def test_forced_targets(database: Database) -> None:
    survey(database)
    answer = named_query(database, "forced-targets", {"visit": 2})
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    assert [row["diaObjectId"] for row in rows] == [1000, 1001, 1002, 1003]
    assert {row["detector"] for row in rows} == {DETECTOR}
    places = {row["diaObjectId"]: row for row in rows_of(database, dia_object_last)}
    for row, east, north in zip(rows, EAST, NORTH, strict=True):
        assert (row["ra"], row["dec"]) == (places[row["diaObjectId"]]["ra"], places[row["diaObjectId"]]["dec"])
        assert row["fromCentre"] * 3600 == pytest.approx(np.hypot(east, north), rel=1e-3)
    assert named_query(database, "forced-targets", {"visit": 2, "min_sources": 2}).rows == []
    assert named_query(database, "forced-targets", {"visit": 99}).rows == []
