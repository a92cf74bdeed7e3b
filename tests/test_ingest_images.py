"""Images of detectors through ingest into the database, on both databases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from click.testing import CliRunner
from images import IDENTITY, SIP, hdu, header, image, write
from ingesting import DERIVED, corners, dump, load_night, refused, rows, single, visits

from ssdb import Exposure, HeaderKeywords, read_exposures
from ssdb.association.associate import associate
from ssdb.cli import main
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

TIMES = {"MJD-OBS": 60000.1, "EXPTIME": 30.0, "TIMESYS": "TAI"}
MIDDLE = 60000.1 + 15.0 / 86400.0


def small(**cards: Any) -> fits.Header:
    """A header of visit 10, detector 1, 200 x 100 pixels."""
    return header("TAN-SIP", width=200, height=100, **{**IDENTITY, **SIP, **cards})


def test_what_an_image_leaves_in_the_database(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    path = image(tmp_path / "a.fits", small(FLUXMAG0=3.631e12, FLUXMAG0ERR=3.631e10, **TIMES))
    report = ingest_detectors(database, path)
    assert (report.kind, report.rows, report.visits, report.source) == ("detectors", 1, 1, str(path))
    (row,) = rows(database, "VisitDetector")
    assert (row["visit"], row["detector"], row["width"], row["height"]) == (10, 1, 200, 100)
    assert (row["status"], row["wcs"]) == ("pending", None)
    assert row["pixelScale"] == pytest.approx(0.2, rel=1e-3)
    assert (row["photoCalibMean"], row["photoCalibErr"]) == pytest.approx((1.0, 0.01), rel=2e-4)
    vertices = SkyCoord(np.frombuffer(row["footprint"], "<f8").reshape(-1, 2), unit="deg")
    corner = WCS(small()).pixel_to_world([-0.5, 199.5, 199.5, -0.5], [-0.5, -0.5, 99.5, 99.5])
    assert max(vertices.separation(each).arcsec.min() for each in corner) < 1e-6
    cap = SkyCoord(row["capRa"], row["capDec"], unit="deg")
    assert cap.separation(vertices).deg.max() == pytest.approx(row["capRadius"], abs=1e-9)


def test_a_visit_is_made_from_the_header(database: Database, tmp_path: Path) -> None:
    """Only one that is not there; the other keeps what it had."""
    ingest_visits(database, visits())
    chips = [small(VISIT=30, DETECTOR=n, BAND="i", INSTRUME="HSC", OBSCODE=568, **TIMES) for n in (1, 2)]
    path = write(tmp_path / "night.fits", *(hdu(chip) for chip in chips), hdu(small(**TIMES)))
    report = ingest_detectors(database, path, create_visits=True)
    assert (report.rows, report.visits) == (3, 2)
    stored = {row["visit"]: row for row in rows(database, "Visit")}
    assert stored[30]["midpointMjdTai"] == pytest.approx(MIDDLE, abs=1e-9)
    names = ("band", "exposureTime", "instrument", "observatoryCode", "predictionsAt", "status")
    assert [stored[30][name] for name in names] == ["i", 30.0, "HSC", "568", None, "pending"]
    assert (stored[10]["midpointMjdTai"], stored[10]["band"], stored[10]["instrument"]) == (60000.1, "r", None)


def test_an_image_without_a_time_takes_that_of_its_visit(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    path = image(tmp_path / "a.fits", small())
    ingest_detectors(database, path, create_visits=True)
    assert [row["midpointMjdTai"] for row in rows(database, "Visit")] == [60000.1, 60000.2]
    refused(database, ingest_detectors, path, "a.fits", "EXPTIME", visit=11, create_visits=True, error=InputError)


def test_sources_and_objects_find_their_detector(database: Database, tmp_path: Path) -> None:
    """The road from the image to the association: one object on it, one off it."""
    ingest_detectors(database, image(tmp_path / "a.fits", small(**TIMES)), create_visits=True)
    on, off = (WCS(small()).pixel_to_world(x, 50.0) for x in (30.0, 230.0))
    where = {"ra": [on.ra.deg, off.ra.deg], "dec": [on.dec.deg, off.dec.deg]}
    ingest_sources(database, {"diaSourceId": [1, 2], "visit": [10] * 2, "detector": [1] * 2, **where})
    objects = {"designation": ["433", "434"], "ephRa": where["ra"], "ephDec": where["dec"]}
    ingest_predictions(database, {"visit": [10] * 2, **objects})
    associate(database)
    found = {row["designation"]: row["diaSourceId"] for row in rows(database, "SSSource")}
    assert found == {"433": 1}
    (expected,) = rows(database, "SsExpected")
    # The nearest edge is 30.5 pixels away, in x.
    assert (expected["detector"], expected["edgeDistance"]) == (1, pytest.approx(30.5 * 0.2, rel=0.01))


def test_images_and_corners_of_the_same_detector_replace_each_other(database: Database, tmp_path: Path) -> None:
    """With other edges the visit is cleared, with the same nothing happens; a WCS or calibration moves no edge."""
    load_night(database, footprints=True)
    before = dump(database)
    path = image(tmp_path / "a.fits", small(**TIMES))
    ingest_detectors(database, path)
    cleared = dump(database)
    assert not [row for name in DERIVED for row in cleared[name] if row["visit"] == 10]
    assert cleared["SSSource"] == [row for row in before["SSSource"] if row["visit"] == 20]
    associate(database, visits=[10])
    done = dump(database)
    ingest_detectors(database, path)
    assert dump(database) == done
    with fits.open(path, mode="update") as hdus:
        hdus[0].header["BUNIT"] = "nJy"
    ingest_detectors(database, path, keep_wcs=True)
    again = dump(database)
    (row,) = (row for row in again["VisitDetector"] if (row["visit"], row["detector"]) == (10, 1))
    assert (row["photoCalibMean"], row["photoCalibErr"], row["status"]) == (1.0, None, "done")
    assert again["SsExpected"] == done["SsExpected"]
    ingest_detectors(database, corners(10, 1))
    assert {row["status"] for row in rows(database, "VisitDetector") if row["visit"] == 10} == {"pending"}


def test_the_wcs_that_is_kept_gives_the_outline_again(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    ingest_detectors(database, image(tmp_path / "a.fits", small(RADESYS="FK5")), keep_wcs=True)
    (row,) = rows(database, "VisitDetector")
    again = Exposure.from_header(row["wcs"], visit=10, detector=1).outline
    np.testing.assert_array_equal(np.frombuffer(row["footprint"], "<f8").reshape(-1, 2), again)


def test_exposures_in_memory(database: Database, tmp_path: Path) -> None:
    """One, or several; a mapping of one's own does as well as a header, and the file gives the same rows."""
    ingest_visits(database, visits())
    path = image(tmp_path / "a.fits", small(**TIMES))
    ingest_detectors(database, path)
    before = dump(database)
    assert ingest_detectors(database, Exposure.from_fits(path)).rows == 1
    assert ingest_detectors(database, read_exposures(path) * 2).rows == 1
    assert ingest_detectors(database, []).rows == 0
    assert dump(database) == before
    own = Exposure(10, 5, 100, 100, lambda x, y: (50.0 + x / 36000.0, y / 36000.0), midpoint_mjd_tai=60000.1)
    ingest_detectors(database, [own])
    (row,) = (row for row in rows(database, "VisitDetector") if row["detector"] == 5)
    assert row["pixelScale"] == pytest.approx(0.1, rel=1e-6)


# ---- what is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cards", "options", "words"),
    [
        ({"VISIT": 11}, {}, ["11", "ingest them first", "create_visits=True"]),
        ({"MJD-AVG": 60000.15}, {}, ["more than 0.02 d", "visit 10", "60000.15", "60000.1"]),
        ({"MJD-AVG": 60000.15}, {"create_visits": True}, ["more than 0.02 d"]),
        ({"MJD-AVG": 2460000.6}, {}, ["2460000.6", "is not an MJD"]),
        ({"VISIT": "ten"}, {}, ["VISIT = 'ten'"]),
        ({"CD1_1": 0.0, "CD1_2": 0.0}, {}, ["the WCS is not usable"]),
        ({"A_2_0": 2.5e-3}, {}, ["folds over"]),
        ({"DATE-AVG": "once"}, {}, ["DATE-AVG = 'once'"]),
    ],
)
def test_an_image_that_is_not_usable_leaves_nothing(
    database: Database, tmp_path: Path, cards: dict[str, Any], options: dict[str, Any], words: list[str]
) -> None:
    """Nor does a good one in the same file."""
    ingest_visits(database, visits())
    path = write(tmp_path / "a.fits", hdu(small(DETECTOR=2)), hdu(small(**cards)))
    refused(database, ingest_detectors, path, "a.fits", *words, error=InputError, **options)


def test_an_image_without_a_celestial_wcs(database: Database, tmp_path: Path) -> None:
    """Also where a table follows: a file with an image is no table of corners."""
    ingest_visits(database, visits())
    bare = fits.ImageHDU(np.zeros((10, 10)))
    table = fits.BinTableHDU.from_columns([fits.Column("visit", "J", array=[10])])
    path = write(tmp_path / "a.fits", bare, table)
    refused(database, ingest_detectors, path, "a.fits", "no image with a celestial WCS", error=InputError)


def test_detectors_of_one_visit_at_different_times(database: Database, tmp_path: Path) -> None:
    """They are of two exposures, whose numbers are wrong."""
    chips = [small(DETECTOR=n, **{"MJD-AVG": time}) for n, time in ((1, 60000.1), (2, 60000.2))]
    path = write(tmp_path / "a.fits", *(hdu(chip) for chip in chips))
    refused(database, ingest_detectors, path, "HDU 1", "0.02 d", create_visits=True, error=InputError)


def test_a_missing_or_broken_image(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    refused(database, ingest_detectors, tmp_path / "none.fits.fz", "there is no such file", error=InputError)
    path = image(tmp_path / "a.fits", header(width=500, height=500, **IDENTITY))
    path.write_bytes(path.read_bytes()[:100000])
    refused(database, ingest_detectors, path, "a.fits", "cannot be read as FITS", error=InputError)


def test_options_that_mean_nothing_are_refused(database: Database, tmp_path: Path) -> None:
    """Otherwise a column map for an image, or a keyword for a table, would be passed over in silence."""
    ingest_visits(database, visits())
    path = image(tmp_path / "a.fits")
    refused(database, ingest_detectors, path, "columns", columns={"columns": {}}, error=ConfigError)
    for name, value in (("visit", 1), ("keywords", HeaderKeywords()), ("keep_wcs", True), ("create_visits", True)):
        refused(database, ingest_detectors, corners(), "corners", name, error=ConfigError, **{name: value})
    refused(database, ingest_detectors, read_exposures(path), "visit", visit=1, error=ConfigError)
    refused(database, ingest_detectors, path, "has images and no table: leave out table=", table=0, error=ConfigError)
    refused(database, ingest_sources, path, "there is no table in it, but images")
    assert ingest_detectors(database, path, type="fits").new == 1


def test_two_exposures_of_one_detector(database: Database) -> None:
    ingest_visits(database, visits())
    both = [Exposure.from_header(header(ra=ra, **IDENTITY), name=f"at {ra}") for ra in (50.0, 51.0)]
    refused(database, ingest_detectors, both, "at 51.0", "at 50.0", "visit 10, detector 1", error=InputError)


# ---- the command -----------------------------------------------------------------------------------------------------


def test_the_command(sqlite_url: str, tmp_path: Path) -> None:
    """Images, packed images, headers and corners; every option of images."""

    def run(*words: str) -> Any:
        return CliRunner().invoke(main, ["--db", sqlite_url, "ingest", "detectors", *words, "--json"])

    cards = header(width=200, height=100, FRAME=10, CHIP=1, ZP=31.4, **TIMES)
    plain = str(image(tmp_path / "a.fits", cards))
    cards["CHIP"] = 2
    packed = str(write(tmp_path / "b.fits.fz", fits.CompImageHDU(np.zeros((100, 200), np.int16), header=cards)))
    named = ["--visit-keyword", "EXPOSED", "--visit-keyword", "FRAME", "--detector-keyword", "CHIP"]
    named += ["--zero-point-keyword", "ZP"]
    result = run(plain, packed, *named, "--keep-wcs", "--create-visits")
    assert result.exit_code == 0, result.output
    assert [report["rows"] for report in json.loads(result.stdout)] == [1, 1]

    for keyword in ("NAXIS1", "NAXIS2"):
        del cards[keyword]
    (tmp_path / "c.hdr").write_text(cards.tostring(sep="\n", padding=False))
    text = str(tmp_path / "c.hdr")
    missing = run(text, "--visit", "10", "--detector", "3")
    assert missing.exit_code == 1
    assert "--size" in missing.stderr
    assert len(missing.stderr.strip().splitlines()) == 1
    assert run(text, "--visit", "10", "--detector", "3", "--size", "200", "100").exit_code == 0

    from ssdb.store.ddl.migrate import connect

    database = connect(sqlite_url)
    stored = rows(database, "VisitDetector")
    database.close()
    assert [(row["visit"], row["detector"], row["width"], row["height"]) for row in stored] == [
        (10, n, 200, 100) for n in (1, 2, 3)
    ]
    assert [row["photoCalibMean"] for row in stored] == [pytest.approx(1.0), pytest.approx(1.0), None]
    assert [row["wcs"] is not None for row in stored] == [True, True, False]
    assert len({row["footprint"] for row in stored}) == 1
    assert single(stored[0]["pixelScale"]) == pytest.approx(0.2, rel=1e-6)
