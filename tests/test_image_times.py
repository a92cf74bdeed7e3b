"""When an image was taken, by the keywords that cameras write."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from astropy.time import Time
from click.testing import CliRunner
from images import IDENTITY, header, image
from ingesting import rows

from ssdb import Exposure, HeaderKeywords, InputError
from ssdb.cli import main
from ssdb.store.ddl.migrate import connect

Y2020 = 58849.0
"""MJD of 2020-01-01, when TAI - UTC was 37 s."""
NOON = 43200.0
EXPOSED = {"EXPTIME": 30.0}
SECONDS = 37.0 + 15.0
"""From the beginning of the exposure in UTC to its middle in TAI."""


def seconds(exposure: Exposure, since: float = Y2020) -> float:
    assert exposure.midpoint_mjd_tai is not None
    return (exposure.midpoint_mjd_tai - since) * 86400.0


@pytest.mark.parametrize(
    "cards",
    [
        {"DATE-OBS": "2020-01-01", "TIME-OBS": "12:00:00"},
        {"DATE-OBS": "2020-01-01", "TIME-OBS": "12:00:00.000 UT", "TIMESYS": "TAI"},
        {"DATE-OBS": "2020/01/01", "UT": "12:00:00.0"},
        {"DATE-OBS": "2020-01-01", "UTC-OBS": "12:00:00"},
        {"DATE_OBS": "2020-01-01T12:00:00"},
        {"DATE_OBS": "2020-01-01", "TIME_OBS": "12:00:00"},
        {"DATE-BEG": "2020-01-01", "TIME-BEG": "12:00"},
        {"DATE-OBS": "2020-01-01 12:00:00"},
        {"DATE-OBS": "2020-01-01T12:00:00+00:00", "TIMESYS": "TAI"},
        {"DATE-OBS": "2020-01-01T12:00"},
        {"MJD_OBS": Y2020 + 0.5},
        {"MJD-OBS": str(Y2020 + 0.5)},
        {"MJD-OBS": str(Y2020 + 0.5), "EXPTIME": "3.0D1"},
        {"EXPSTART": Y2020 + 0.5},
        {"OBSMJD": Y2020 + 0.5},
        {"MJD-OBS": Y2020 + 0.5, "TIMESYS": "UTC approximate"},
        {"MJD-OBS": Y2020 + 0.5, "TIMESYS": "utc (GPS clock)"},
        # The one that says both is better than a date and a time of day that need not be of the same moment.
        {"DATE-OBS": "2020-01-01", "UT": "13:00:00", "MJD-OBS": Y2020 + 0.5},
    ],
)
def test_the_begin_as_cameras_write_it(cards: dict[str, Any]) -> None:
    exposure = Exposure.from_header(header(**{**IDENTITY, **EXPOSED, **cards}))
    assert seconds(exposure) == pytest.approx(NOON + SECONDS, abs=2e-6)
    assert exposure.doubts == ()


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"DATE-OBS": "31/12/99", "TIME-OBS": "12:00:00"}, Time("1999-12-31T12:00:15", scale="utc")),
        ({"EXPSTART": Y2020, "EXPEND": Y2020 + 0.01}, Time(Y2020 + 0.005, format="mjd", scale="utc")),
        (
            {"DATE-BEG": "2020-01-01", "TIME-BEG": "12:00:00", "DATE-END": "2020-01-01", "TIME-END": "12:02:00"},
            Time("2020-01-01T12:01:00", scale="utc"),
        ),
        ({"DATE-AVG": "2020-01-01", "TIME-AVG": "12:00:00"}, Time("2020-01-01T12:00:00", scale="utc")),
        ({"DATE-BEG": "2016-12-31", "TIME-BEG": "23:59:60.5"}, Time("2016-12-31T23:59:60.5", scale="utc") + 15 / 86400),
    ],
)
def test_other_times(cards: dict[str, Any], expected: Time) -> None:
    exposure = Exposure.from_header(header(**IDENTITY, **EXPOSED, **cards))
    assert exposure.midpoint_mjd_tai == pytest.approx(expected.tai.mjd, abs=1e-10)


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        ({"DATE-AVG": "yesterday"}, "DATE-AVG = 'yesterday' is not a time"),
        ({"DATE-AVG": "0000-00-00T00:00:00"}, "DATE-AVG = '0000-00-00T00:00:00' is not a time"),
        ({"DATE-BEG": "2020-13-01T00:00:00"}, "DATE-BEG = '2020-13-01T00:00:00' is not a time"),
        ({"DATE-BEG": "2020-01-01T25:00:00"}, "DATE-BEG = '2020-01-01T25:00:00' is not a time"),
        ({"DATE-BEG": "2020-01-01T12:00:00+02:00"}, "is not a time"),
        ({"MJD-AVG": 2458849.5}, "MJD-AVG = 2458849.5 is not an MJD"),
        ({"DATE-AVG": "1858-11-17T00:00:00"}, "is not an MJD within"),
        ({"DATE-END": "later"}, "DATE-END = 'later' is not a time"),
    ],
)
def test_an_unusable_keyword_hides_no_good_one(cards: dict[str, Any], told: str) -> None:
    good = {"MJD-OBS": Y2020 + 0.5}
    exposure = Exposure.from_header(header(**IDENTITY, **EXPOSED, **good, **cards))
    assert seconds(exposure) == pytest.approx(NOON + SECONDS, abs=2e-6)
    (doubt,) = exposure.doubts
    assert told in doubt
    assert doubt.endswith("the time is from MJD-OBS")
    # Alone it is an error, not a time that is unknown.
    if not any(keyword.endswith("END") for keyword in cards):
        with pytest.raises(InputError, match=r"^a\.hdr: .* is (not a time|not an MJD)"):
            Exposure.from_header(header(**IDENTITY, **cards), name="a.hdr")


@pytest.mark.parametrize(
    ("cards", "told"),
    [
        ({"DATE-OBS": "2020-01-01T12:00:00", "MJD-OBS": Y2020 + 366.5}, ["MJD-OBS is +366 d from DATE-OBS"]),
        ({"DATE-OBS": "2020-01-01T12:00:00", "MJD-OBS": Y2020 + 0.501}, []),
        ({"DATE-OBS": "2020-01-01T12:00:00", "MJD-OBS": "unknown", "EXPSTART": "later"}, []),
    ],
)
def test_two_keywords_that_do_not_agree_are_told(cards: dict[str, Any], told: list[str]) -> None:
    exposure = Exposure.from_header(header(**IDENTITY, **EXPOSED, **cards))
    assert seconds(exposure) == pytest.approx(NOON + SECONDS, abs=2e-6)
    assert list(exposure.doubts) == [f"{text}: the time is from DATE-OBS" for text in told]


@pytest.mark.parametrize("value", ["unknown", "N/A", "", 0.0, -999.0, "2020-01-01"])
def test_what_stands_for_unknown_is_not_told(value: Any) -> None:
    exposure = Exposure.from_header(header(**IDENTITY, **EXPOSED, **{"DATE-AVG": value, "MJD-OBS": Y2020}))
    assert seconds(exposure) == pytest.approx(SECONDS, abs=2e-6)
    assert exposure.doubts == ()


def test_a_julian_date_by_its_keyword() -> None:
    cards = header(**IDENTITY, **EXPOSED, OBSJD=Y2020 + 2400001.0)
    exposure = Exposure.from_header(cards, keywords=HeaderKeywords(begin=("OBSJD",)))
    assert seconds(exposure) == pytest.approx(NOON + SECONDS, abs=1e-4)
    with pytest.raises(InputError, match=r"HJD = 2458850\.0 is not an MJD"):
        Exposure.from_header(
            header(**IDENTITY, **EXPOSED, HJD=Y2020 + 2400001.0), keywords=HeaderKeywords(begin=("HJD",))
        )


@pytest.mark.parametrize(
    ("cards", "band"),
    [
        ({"FILTER": "r DECam SDSS c0002 6415.0 1480.0"}, "r"),
        ({"FILTER": "VR DECam c0007 6300.0 2600.0"}, "VR"),
        ({"BAND": "unknown", "FILTER": "Y DECam c0005 10095.0 1130.0"}, "Y"),
        ({"FILTER": "solid plate 0.0 0.0"}, None),
        ({"FILTER": "SDSS r' (long name)"}, None),
    ],
)
def test_the_band_of_decam(cards: dict[str, Any], band: str | None) -> None:
    """Its filters' names are long; their first word is the band. Of others nobody knows which word is."""
    assert Exposure.from_header(header(**IDENTITY, **cards)).band == band


# ---- the command -----------------------------------------------------------------------------------------------------


def run(url: str, path: Path, *words: str) -> Any:
    return CliRunner().invoke(main, ["--db", url, "ingest", "detectors", str(path), "--create-visits", *words])


@pytest.mark.parametrize(
    ("cards", "options"),
    [
        ({"T_MID": Y2020 + 0.5}, ["--middle-keyword", "T_MID"]),
        ({"T_BEG": Y2020 + 0.5, "LENGTH": 0.0}, ["--begin-keyword", "NOTHERE", "--begin-keyword", "T_BEG"]),
        (
            {"T_BEG": Y2020 + 0.499, "T_END": Y2020 + 0.501, "MJD-AVG": Y2020},
            ["--begin-keyword", "T_BEG", "--end-keyword", "T_END"],
        ),
        (
            {"T_BEG": Y2020 + 0.5 - 50 / 86400, "LENGTH": 100.0},
            ["--begin-keyword", "T_BEG", "--exposure-time-keyword", "LENGTH"],
        ),
        ({"DAY": "2020-01-01", "HOUR": "12:00:00"}, ["--begin-keyword", "DAY", "--time-of-day-keyword", "HOUR"]),
    ],
)
def test_keywords_of_times_can_be_named(
    sqlite_url: str, tmp_path: Path, cards: dict[str, Any], options: list[str]
) -> None:
    """What is named holds, also where a usual keyword would be found before it."""
    made = header(width=200, height=100, **IDENTITY, **{"DATE-AVG": "2019-01-01T00:00:00", "TIMESYS": "TAI"}, **cards)
    if "LENGTH" not in cards or not cards["LENGTH"]:
        made["EXPTIME"] = 0.002
    result = run(sqlite_url, image(tmp_path / "a.fits", made), *options)
    assert result.exit_code == 0, result.output
    database = connect(sqlite_url)
    (visit,) = rows(database, "Visit")
    database.close()
    assert visit["midpointMjdTai"] == pytest.approx(Y2020 + 0.5, abs=2e-8)


def test_named_keywords_that_are_not_there(sqlite_url: str, tmp_path: Path) -> None:
    """The time must not come from somewhere else, or from the visit, without a word."""
    made = header(width=200, height=100, **IDENTITY, **{"DATE-AVG": "2019-01-01T00:00:00"})
    result = run(sqlite_url, image(tmp_path / "a.fits", made), "--middle-keyword", "T_MID")
    assert result.exit_code == 1
    (line,) = result.stderr.strip().splitlines()
    assert "T_MID" in line
    assert "a.fits" in line


def test_what_was_passed_over_is_told(sqlite_url: str, tmp_path: Path) -> None:
    made = header(width=200, height=100, **IDENTITY, **EXPOSED, **{"DATE-AVG": "once", "MJD-OBS": Y2020})
    path = image(tmp_path / "a.fits", made)
    result = run(sqlite_url, path, "--json")
    assert result.exit_code == 0, result.output
    assert "DATE-AVG = 'once' is not a time: the time is from MJD-OBS" in result.stderr
    (report,) = json.loads(result.stdout)
    assert len(report["doubts"]) == 1
