"""The ready-made questions answer what numpy, astropy or a plain loop makes of the same rows, on both databases."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.stats import binom_conf_interval
from queried_survey import BANDS, FIRST_MJD, IDS, ORBITS, QueriedSurvey, Row, add_orbits, queried_survey
from scipy.stats import median_abs_deviation

import ssdb
from ssdb.ask.named_queries import named_queries, named_query
from ssdb.store.database import Database

OBJECT = 9
EVERY = sorted(named_queries())


@pytest.fixture(scope="module")
def survey() -> QueriedSurvey:
    made = queried_survey()
    add_orbits(made)
    return made


@pytest.fixture(scope="module")
def database(module_database_url: str, survey: QueriedSurvey) -> Iterator[Database]:
    opened = ssdb.connect(module_database_url)
    survey.load(opened)
    yield opened
    opened.close()


def ask(database: Database, name: str, **parameters: Any) -> list[Row]:
    """The answer as dicts."""
    answer = named_query(database, name, parameters)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def _with_defaults(name: str) -> dict[str, Any]:
    """What must be given, so that the rest has its default."""
    required = [one for one in named_queries()[name].parameters if one.default is None]
    assert {one.kind for one in required} <= {"object", "diaobject", "integer"}
    return {one.name: "3" if one.kind == "integer" else str(OBJECT) for one in required}


def _upload(name: str) -> Any:
    if named_queries()[name].upload is None:
        return None
    return {"ra": [10.0, 200.0], "dec": [-5.0, 3.0], "midpointMjdTai": [FIRST_MJD, FIRST_MJD]}


def _magnitude(flux: float | None) -> float | None:
    return (flux * u.nJy).to_value(u.ABmag) if flux is not None and flux > 0 else None


def _reduced(match: Row) -> float | None:
    """The magnitude at 1 au from Sun and observer, from the flux there: it goes with the squares of the distances."""
    if match["helioRange"] is None or match["psfFlux"] is None:
        return None
    return _magnitude(match["psfFlux"] * match["helioRange"] ** 2 * match["topoRange"] ** 2)


def _night(mjd: float, begins: float = 0.0) -> int:
    return math.floor(mjd - begins)


def real(value: Any) -> Any:
    """A value to single precision, which is written with other digits than a double."""
    return pytest.approx(value, rel=1e-7) if isinstance(value, float) else value


def approx(value: float | None) -> Any:
    return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)


# All of them


@pytest.mark.parametrize("name", EVERY)
def test_the_columns_are_those_described_and_typed_even_without_rows(name: str, database: Database) -> None:
    """A column that neither the header nor a table describes would have no unit, and fail."""
    of_nothing = {parameter.name for parameter in named_queries()[name].parameters} & {"since"}
    nothing = _with_defaults(name) | dict.fromkeys(of_nothing, 1e6)
    for parameters in (_with_defaults(name), nothing):
        answer = named_query(database, name, parameters, upload=_upload(name))
        table = answer.to_arrow()
        assert table.column_names == answer.columns
        assert named_queries()[name].columns.keys() <= set(answer.columns)
        assert table.schema == answer.schema
    assert len(set(answer.columns)) == len(answer.columns)
    assert not of_nothing or not answer.rows


@pytest.mark.parametrize("name", EVERY)
def test_a_header_says_what_there_is_to_know(name: str) -> None:
    asked = named_queries()[name]
    assert asked.purpose.endswith(".")
    assert all(parameter.meaning for parameter in asked.parameters)
    assert asked.sql.startswith("WITH " if asked.upload else ("SELECT ", "WITH "))
    assert set(re.findall(r"(?<![:\w]):(\w+)", asked.sql)) == {parameter.name for parameter in asked.parameters}
    for option, value in re.findall(r"--(\S+) (\S+)", asked.example.partition(f"--name {name} ")[2]):
        assert option in ("param", "upload")
        assert option == "upload" or value.partition("=")[0] in {parameter.name for parameter in asked.parameters}


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_database_is_no_error(name: str, sqlite_url: str) -> None:
    database = ssdb.connect(sqlite_url)
    answer = named_query(database, name, _with_defaults(name), upload=_upload(name))
    assert len(answer.rows) == (2 if named_queries()[name].upload else 0)
    database.close()


# One by one


@pytest.mark.parametrize("band", [None, "g"])
def test_light_curve(database: Database, survey: QueriedSurvey, band: str | None) -> None:
    """All bands or one, in the order of time; a flux that is not above 0 has no magnitude, and is there."""
    wanted = [m for m in survey.matches if m["ssObjectId"] == IDS[OBJECT] and band in (None, m["band"])]
    wanted.sort(key=lambda match: match["midpointMjdTai"])
    assert any(match["psfFlux"] <= 0 for match in wanted) or band
    found = ask(database, "light-curve", object=OBJECT, **({"band": band} if band else {}))
    assert [row["diaSourceId"] for row in found] == [match["diaSourceId"] for match in wanted]
    for row, match in zip(found, wanted, strict=True):
        assert row["mag"] == approx(_magnitude(match["psfFlux"]))
        assert row["reducedMag"] == approx(_reduced(match))
        same = ("midpointMjdTai", "band", "psfFlux", "psfFluxErr", "psfFlux_flag", "phaseAngle", "visit", "detector")
        assert {name: row[name] for name in same} == {name: real(match[name]) for name in same}
        if row["mag"] is None:
            assert row["magErr"] is None
        else:  # to first order, the change of the magnitude with the flux
            step = 1e-6 * match["psfFlux"]
            slope = (_magnitude(match["psfFlux"] + step) - _magnitude(match["psfFlux"] - step)) / (2 * step)
            assert row["magErr"] == pytest.approx(-slope * match["psfFluxErr"], rel=1e-6)


def test_what_is_unknown_has_no_magnitude(database: Database, survey: QueriedSurvey) -> None:
    """Of objects without a flux, a flux error and a distance from the Sun."""
    for number, unknown, known in ((38, "mag", "midpointMjdTai"), (37, "magErr", "band"), (35, "reducedMag", "mag")):
        rows = ask(database, "light-curve", object=number)
        assert rows
        assert {row[unknown] for row in rows} == {None}
        assert any(row[known] is not None for row in rows)


def test_phase_curve(database: Database, survey: QueriedSurvey) -> None:
    for number in (OBJECT, OBJECT + 1, 36):  # flagged fluxes, others, and unknown phase angles
        wanted = [
            (m["band"], m["diaSourceId"])
            for m in survey.matches
            if m["ssObjectId"] == IDS[number] and not m["psfFlux_flag"] and m["phaseAngle"] is not None
            if _reduced(m) is not None
        ]
        found = ask(database, "phase-curve", object=number)
        assert Counter((row["band"], row["diaSourceId"]) for row in found) == Counter(wanted)
        by_id = {match["diaSourceId"]: match for match in survey.matches}
        assert [row["reducedMag"] for row in found] == [approx(_reduced(by_id[r["diaSourceId"]])) for r in found]
        assert [row["phaseAngle"] for row in found] == [real(by_id[r["diaSourceId"]]["phaseAngle"]) for r in found]
        for band in {row["band"] for row in found}:
            angles = [row["phaseAngle"] for row in found if row["band"] == band]
            assert angles == sorted(angles)
    assert ask(database, "phase-curve", object=OBJECT) == []
    assert ask(database, "phase-curve", object=OBJECT + 1) != []


@pytest.mark.parametrize("begins", [0.5, 0.0])
def test_colours(database: Database, survey: QueriedSurvey, begins: float) -> None:
    """At noon no night is torn; at midnight the pairs are others."""
    nights: dict[tuple, list[Row]] = defaultdict(list)
    for match in survey.matches:
        if _magnitude(match["psfFlux"]) is not None and not match["psfFlux_flag"] and match["band"]:
            nights[match["ssObjectId"], _night(match["midpointMjdTai"], begins)].append(match)
    wanted = {}
    for (number, night), matches in nights.items():
        for first, second in combinations([band for band in BANDS if band], 2):
            parts = [[m for m in matches if m["band"] == band] for band in (first, second)]
            if all(parts):
                mags = [[_magnitude(m["psfFlux"]) for m in part] for part in parts]
                wanted[number, night, f"{first}-{second}"] = np.mean(mags[0]) - np.mean(mags[1]), *map(len, parts)
    found = ask(database, "colours", night_begins=begins)
    assert {(r["ssObjectId"], r["night"], r["colour"]): (r["colourMag"], r["nFirst"], r["nSecond"]) for r in found} == {
        key: (approx(colour), *counts) for key, (colour, *counts) in wanted.items()
    }
    assert wanted
    of_one = ask(database, "colours", object=13, night_begins=begins)
    assert of_one == [row for row in found if row["ssObjectId"] == IDS[13]]


def test_the_error_of_a_colour(sqlite_url: str) -> None:
    """Two measurements of 3 % and 4 % in g, one of 12 % in r: errors of means add in quadrature."""
    database = ssdb.connect(sqlite_url)
    survey = QueriedSurvey()
    for source, (band, error) in enumerate([("g", 3.0), ("g", 4.0), ("r", 12.0)]):
        key = {"diaSourceId": source, "visit": source, "detector": 0}
        flux = {"psfFlux": 100.0, "psfFluxErr": error, "band": band}
        survey.add("DiaSource", **key, **flux, ra=0.0, dec=0.0, midpointMjdTai=60000.6 + source / 24)
        ecliptic = dict.fromkeys(("eclLambda", "eclBeta", "galLon", "galLat"), 0.0)
        survey.add("SSSource", **key, ssObjectId=IDS[5], designation="5", **ecliptic)
    survey.load(database)
    (row,) = ask(database, "colours")
    assert row["colourErr"] == pytest.approx(2.5 / math.log(10) * math.hypot(0.025, 0.12), rel=1e-6)
    assert (row["hoursApart"], row["night"]) == (pytest.approx(1.5, abs=1e-6), 60000)
    database.close()


GROUPS = {
    "band": ("band", lambda m: m["band"]),
    "magnitude": ("ephVmag", lambda m: None if m["ephVmag"] is None else math.floor(m["ephVmag"] / 0.5) * 0.5),
    "rate": ("ephRate", lambda m: None if m["ephRate"] is None else math.floor(m["ephRate"] / 0.25) * 0.25),
    "night": ("night", lambda m: _night(m["midpointMjdTai"])),
    "detector": ("detector", lambda m: m["detector"]),
    "all": ("band", lambda m: None),
}
COMPONENTS = {
    "ra": "ephOffsetRa",
    "dec": "ephOffsetDec",
    "along": "ephOffsetAlongTrack",
    "cross": "ephOffsetCrossTrack",
}


@pytest.mark.parametrize("by", GROUPS)
def test_residuals(database: Database, survey: QueriedSurvey, by: str) -> None:
    column, group = GROUPS[by]
    wanted = {}
    for component, name in COMPONENTS.items():
        grouped = defaultdict(list)
        for match in survey.matches:
            if match[name] is not None:
                grouped[group(match)].append(match[name])
        for key, offsets in grouped.items():
            median, sigma = np.median(offsets), median_abs_deviation(offsets, scale="normal")
            n_outliers = int(np.sum(np.abs(np.array(offsets) - median) > 4 * sigma))
            wanted[key, component] = (len(offsets), approx(median), pytest.approx(sigma, rel=1e-6), n_outliers)
    found = ask(database, "residuals", by=by, magnitude_bin=0.5, rate_bin=0.25, outliers=4)
    statistics = ("n", "median", "robustSigma", "nOutliers")
    assert {(r[column], r["component"]): tuple(r[name] for name in statistics) for r in found} == wanted
    assert len(found) == len(wanted)
    others = {"band", "ephVmag", "ephRate", "night", "detector"} - {column}
    assert all(row[name] is None for row in found for name in others)
    assert sum(row["nOutliers"] for row in found) > 0


def test_residual_outliers(database: Database, survey: QueriedSurvey) -> None:
    wanted = {}
    for component in ("ra", "dec"):
        for band in BANDS:
            matches = [match for match in survey.matches if match["band"] == band]
            offsets = np.array([match[COMPONENTS[component]] for match in matches])
            sigma = median_abs_deviation(offsets, scale="normal")
            for match, deviation in zip(matches, np.abs(offsets - np.median(offsets)) / sigma, strict=True):
                if deviation > 4:
                    wanted[match["diaSourceId"], component] = pytest.approx(deviation, rel=1e-6)
    found = ask(database, "residual-outliers", sigmas=4)
    assert {(row["diaSourceId"], row["component"]): row["deviation"] for row in found} == wanted
    by_id = {match["diaSourceId"]: match for match in survey.matches}
    assert all(row["offset"] == by_id[row["diaSourceId"]][COMPONENTS[row["component"]]] for row in found)
    assert wanted


def _expected(survey: QueriedSurvey, edge: float = 0.0) -> list[Row]:
    """What was expected in the visits that are done, with its prediction and visit."""
    visits = {row["visit"]: row for row in survey.rows["Visit"]}
    predictions = {(row["visit"], row["ssObjectId"]): row for row in survey.rows["SsPrediction"]}
    rows = [
        {**visits[row["visit"]], **predictions[row["visit"], row["ssObjectId"]], **row}
        for row in survey.rows["SsExpected"]
    ]
    return [row for row in rows if row["status"] == "done"]


def test_completeness(database: Database, survey: QueriedSurvey) -> None:
    groups: dict[tuple, list[bool]] = defaultdict(list)
    for row in _expected(survey):
        if row["edgeDistance"] >= 0 or row["diaSourceId"] is not None:
            start = None if row["ephVmag"] is None else math.floor(row["ephVmag"] / 2) * 2.0
            groups[row["band"], start].append(row["diaSourceId"] is not None)
    found = ask(database, "completeness", bin=2)
    assert {(row["band"], row["ephVmag"]): (row["nFound"], row["nExpected"]) for row in found} == {
        key: (sum(values), len(values)) for key, values in groups.items()
    }
    for row in found:
        assert row["completeness"] == row["nFound"] / row["nExpected"]
        interval = binom_conf_interval(row["nFound"], row["nExpected"], interval="wilson")
        assert [row["completenessLow"], row["completenessHigh"]] == pytest.approx(list(interval), abs=1e-5)
        assert row["ephVmagEnd"] == (None if row["ephVmag"] is None else row["ephVmag"] + 2)
    assert [row["ephVmag"] for row in ask(database, "completeness", band="r", bin=2)] == [
        row["ephVmag"] for row in found if row["band"] == "r"
    ]


def _ambiguous(survey: QueriedSurvey) -> set[int]:
    """Sources of matches that had an alternative."""
    of_source = Counter((row["visit"], row["diaSourceId"]) for row in survey.rows["SsCandidate"])
    of_object = Counter((row["visit"], row["ssObjectId"]) for row in survey.rows["SsCandidate"])
    return {
        match["diaSourceId"]
        for match in survey.matches
        if of_source[match["visit"], match["diaSourceId"]] > 1 or of_object[match["visit"], match["ssObjectId"]] > 1
    }


def _median(values: list[float]) -> Any:
    return pytest.approx(float(np.median(values)), rel=1e-6) if values else None


def test_visit_quality(database: Database, survey: QueriedSurvey) -> None:
    ambiguous = _ambiguous(survey)
    predicted = Counter(row["visit"] for row in survey.rows["SsPrediction"])
    found = ask(database, "visit-quality")
    assert [row["visit"] for row in found] == list(range(1, 16))
    for row, visit in zip(found, survey.rows["Visit"], strict=True):
        matches = [match for match in survey.matches if match["visit"] == row["visit"]]
        detectors = [d for d in survey.rows["VisitDetector"] if d["visit"] == row["visit"]]
        assert row["nPredicted"] == (None if row["visit"] == 14 else predicted[row["visit"]])
        assert row["nUnmatched"] == visit["nTotalSsObjects"] - visit["nAssociatedSsObjects"]
        assert row["nAmbiguous"] == len([m for m in matches if m["diaSourceId"] in ambiguous])
        assert row["medianOffset"] == _median([match["ephOffset"] for match in matches])
        assert row["nDetectors"] == 3
        assert row["nEmptyDetectors"] == len([d for d in detectors if d["status"] == "done" and d["nSources"] == 0])
        assert (row["status"], row["band"], row["nSources"]) == (visit["status"], visit["band"], visit["nSources"])
    assert {row["nEmptyDetectors"] for row in found} == {0, 1, 3}
    assert ask(database, "visit-quality", visit=7) == [row for row in found if row["visit"] == 7]


def test_detector_quality(database: Database, survey: QueriedSurvey) -> None:
    ambiguous = _ambiguous(survey)
    found = ask(database, "detector-quality")
    assert len(found) == len(survey.rows["VisitDetector"])
    for row, detector in zip(found, survey.rows["VisitDetector"], strict=True):
        assert (row["visit"], row["detector"]) == (detector["visit"], detector["detector"])
        matches = [m for m in survey.matches if (m["visit"], m["detector"]) == (row["visit"], row["detector"])]
        total = detector["nTotalSsObjects"]
        assert row["nUnmatched"] == (None if total is None else total - detector["nAssociatedSsObjects"])
        assert row["nMatched"] == len(matches)
        assert row["nAmbiguous"] == len([m for m in matches if m["diaSourceId"] in ambiguous])
        assert row["medianOffset"] == _median([match["ephOffset"] for match in matches])
        assert row["isEmpty"] is (detector["nSources"] == 0 if detector["status"] == "done" else None)
    assert {row["isEmpty"] for row in found} == {True, False, None}
    assert ask(database, "detector-quality", visit=7, detector=2) == [
        row for row in found if (row["visit"], row["detector"]) == (7, 2)
    ]


@pytest.mark.parametrize("edge", [0.0, 50.0])
def test_expected_not_seen(database: Database, survey: QueriedSurvey, edge: float) -> None:
    objects: dict[int, list[Row]] = defaultdict(list)
    for row in _expected(survey):
        if row["edgeDistance"] >= edge and row["ephVmag"] is not None and row["ephVmag"] < 21:
            objects[row["ssObjectId"]].append(row)
    wanted = {}
    for number, rows in objects.items():
        missed = [row for row in rows if row["diaSourceId"] is None]
        if len(missed) >= 3:
            times = [row["midpointMjdTai"] for row in missed]
            errors = max(row["ephErrMajor"] for row in missed)
            brightest = min(row["ephVmag"] for row in missed)
            wanted[number] = (len(rows), len(missed), real(brightest), real(errors), min(times), max(times))
    found = ask(database, "expected-not-seen", brighter_than=21, times=3, edge=edge)
    names = ("nExpected", "nMissed", "ephVmag", "largestErr", "firstMissedMjdTai", "lastMissedMjdTai")
    assert {row["ssObjectId"]: tuple(row[name] for name in names) for row in found} == wanted
    assert wanted
    assert all(row["nFound"] + row["nMissed"] == row["nExpected"] for row in found)
    assert [row["nMissed"] for row in found] == sorted((row["nMissed"] for row in found), reverse=True)


def test_contested(database: Database, survey: QueriedSurvey) -> None:
    claims: dict[tuple, list[Row]] = defaultdict(list)
    for row in survey.rows["SsCandidate"]:
        claims[row["visit"], row["diaSourceId"]].append(row)
    wanted = {
        (*key, row["ssObjectId"]): (len(rows), row["separation"], row["chosen"], row.get("probability"))
        for key, rows in claims.items()
        for row in rows
        if len(rows) > 1
    }
    found = ask(database, "contested")
    told = ("nObjects", "separation", "chosen", "probability")
    assert {(r["visit"], r["diaSourceId"], r["ssObjectId"]): tuple(r[name] for name in told) for r in found} == wanted
    assert wanted
    assert all(row["designation"] == str(int(row["ssObjectId"].to_bytes(5, "big"))) for row in found)


def test_fast_movers(database: Database, survey: QueriedSurvey) -> None:
    wanted = {m["diaSourceId"]: m for m in survey.matches if m["ephRate"] is not None and m["ephRate"] >= 0.6}
    found = ask(database, "fast-movers", rate=0.6)
    assert {row["diaSourceId"] for row in found} == wanted.keys()
    assert found
    for row in found:
        match = wanted[row["diaSourceId"]]
        angle = (90 * u.deg - np.arctan2(match["ephRateDec"], match["ephRateRa"]) * u.rad).to_value(u.deg) % 360
        assert row["motionAngle"] == pytest.approx(angle, abs=1e-4)
        trail = (match["ephRate"] * u.deg / u.day * match["exposureTime"] * u.s).to_value(u.arcsec)
        assert row["expectedTrail"] == pytest.approx(trail, rel=1e-6)
    assert [row["ephRate"] for row in found] == sorted((row["ephRate"] for row in found), reverse=True)


# Orbits


def test_orbits_have_their_classes(database: Database) -> None:
    sql = "SELECT designation, orbitClass, isNearEarth, isHazardous FROM SsOrbit"
    truth = {None: None, 0: False, 1: True}
    found = {row[0]: (row[1], truth[row[2]], truth[row[3]]) for row in ssdb.query(database, sql).rows}
    assert found == {orbit[0]: orbit[7:] for orbit in ORBITS}


def test_axes_are_there_for_ellipses_alone(database: Database) -> None:
    rows = ssdb.query(database, "SELECT designation, a, aphelion, tisserand_J FROM SsOrbit").rows
    found = {row[0]: row[1:] for row in rows}
    assert {name for name, (a, aphelion, _) in found.items() if a is None or aphelion is None} == {
        "12", "13", "A/2017 U7", "C/2017 K2", "C/1900 A1", "1I",
    }  # fmt: skip
    assert found["1"][:2] == (pytest.approx(2.768, abs=1e-3), pytest.approx(2.987, abs=1e-3))  # Ceres
    # Published: 67P 2.746, 2P 3.03, Ceres 3.31, Halley -0.605 (JPL's Small-Body Database).
    for name, value in (("67P", 2.746), ("2P", 3.03), ("1", 3.31), ("1P", -0.605)):
        assert found[name][2] == pytest.approx(value, abs=0.02)


def _observed(survey: QueriedSurvey) -> dict[str, list[float]]:
    times = defaultdict(list)
    for match in survey.matches:
        times[match["designation"]].append(match["midpointMjdTai"])
    return times


def test_near_earth(database: Database, survey: QueriedSurvey) -> None:
    times = _observed(survey)
    small = {orbit[0]: orbit for orbit in ORBITS if orbit[2] is not None and orbit[2] < 1.3}
    found = {row["designation"]: row for row in ask(database, "near-earth")}
    assert found.keys() == small.keys() & times.keys()
    assert len(found) > 3
    for name, row in found.items():
        assert (row["nObs"], row["ssObjectId"]) == (len(times[name]), IDS[int(name)])
        assert (row["firstObservationMjdTai"], row["lastObservationMjdTai"]) == (min(times[name]), max(times[name]))
        assert row["nNights"] == len({_night(mjd) for mjd in times[name]})
    everything = ask(database, "near-earth", times=0)
    assert {row["designation"] for row in everything} == small.keys()
    assert {row["nObs"] for row in everything if row["designation"] not in times} == {0}
    assert [row["q"] for row in everything] == sorted(row["q"] for row in everything)
    hazardous = ask(database, "near-earth", times=0, moid=0.05, h=22)
    assert {row["designation"] for row in hazardous} == {orbit[0] for orbit in ORBITS if orbit[9]}


def test_class_counts(database: Database, survey: QueriedSurvey) -> None:
    times, classes = _observed(survey), {orbit[0]: orbit[7] for orbit in ORBITS}
    wanted = Counter(classes.get(name) for name in times)
    observations = Counter(dict.fromkeys(wanted, 0))
    for name, of_object in times.items():
        observations[classes.get(name)] += len(of_object)
    found = ask(database, "class-counts")
    assert {row["orbitClass"]: (row["nObjects"], row["nObs"]) for row in found} == {
        name: (n, observations[name]) for name, n in wanted.items()
    }
    assert wanted["Apollo"] >= 1
    assert [row["nObjects"] for row in found] == sorted(wanted.values(), reverse=True)


def test_a_time_restricts_every_question_that_takes_one(database: Database, survey: QueriedSurvey) -> None:
    """Of three nights only the second."""
    night = {"since": FIRST_MJD + 0.9, "until": FIRST_MJD + 1.9}
    matches = [match for match in survey.matches if night["since"] <= match["midpointMjdTai"] < night["until"]]
    assert {row["visit"] for row in ask(database, "visit-quality", **night)} == {6, 7, 8, 9, 10}
    assert {row["visit"] for row in ask(database, "detector-quality", **night)} == {6, 7, 8, 9, 10}
    assert {row["visit"] for row in ask(database, "contested", **night)} <= {6, 7, 8, 9, 10}
    assert sum(row["nObs"] for row in ask(database, "class-counts", **night)) == len(matches)
    assert {row["night"] for row in ask(database, "colours", night_begins=0.5, **night)} == {60001}
    assert sum(r["n"] for r in ask(database, "residuals", **night) if r["component"] == "ra") == len(matches)
    for name in ("light-curve", "phase-curve"):
        every = {row["visit"] for row in ask(database, name, object=10)}
        assert {row["visit"] for row in ask(database, name, object=10, **night)} == every & {6, 7, 8, 9, 10} < every
    for name in ("residual-outliers", "fast-movers"):
        assert {_night(row["midpointMjdTai"], 0.5) for row in ask(database, name, **night)} == {60001}
    missed = ask(database, "expected-not-seen", **night)
    assert {_night(row[name], 0.5) for row in missed for name in ("firstMissedMjdTai", "lastMissedMjdTai")} == {60001}
    expected = [e for e in _expected(survey) if 6 <= e["visit"] <= 10]
    expected = [e for e in expected if e["edgeDistance"] >= 0 or e["diaSourceId"] is not None]
    assert sum(row["nExpected"] for row in ask(database, "completeness", **night)) == len(expected)


# Asking


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        (
            "lightcurve",
            {},
            r"there is no query 'lightcurve'; is it light-curve\? There are: activity, class-counts, .*visit-qual",
        ),
        ("nothing-like-it", {}, "there is no query 'nothing-like-it'. There are: activity, class-counts"),
        ("light-curve", {}, r"light-curve needs a value of object \(Any name of the object\)"),
        ("light-curve", {"object": None}, "light-curve needs a value of object"),
        ("light-curve", {"obj": 1}, r"no parameter obj; its parameters are: object \(required\), band"),
        ("residuals", {"by": "colour"}, "by is one of band, magnitude, rate, night, detector, all, not 'colour'"),
        ("residuals", {"magnitude_bin": 0}, r"magnitude_bin is a number above 0 \(mag\), not '0'"),
        ("completeness", {"bin": "wide"}, r"bin is a number above 0 \(mag\), not 'wide'"),
        (
            "completeness",
            {"since": "nan"},
            r"since: 'nan' is not a time: give a date such as 2026-06-01 or .* an MJD \(TAI\)",
        ),
        ("visit-quality", {"visit": 1.5}, "visit is an integer, not '1.5'"),
        ("visit-quality", {"visit": 9 * 10**18 + 10**400}, "visit is an integer, not '1000"),
        ("object-history", {"object": "9" * 20}, "object is an integer, not '9999"),
    ],
)
def test_what_cannot_be_asked_is_told(database: Database, name: str, parameters: dict, message: str) -> None:
    with pytest.raises(ssdb.QueryError, match=message):
        named_query(database, name, parameters)


def test_an_object_goes_by_any_of_its_names(database: Database) -> None:
    wanted = ask(database, "light-curve", object=OBJECT)
    assert wanted
    for name in ("9", "(9)", "00009", IDS[OBJECT], str(IDS[OBJECT])):
        assert ask(database, "light-curve", object=name) == wanted
    with pytest.raises(ssdb.NotFoundError, match="Nobody"):
        ask(database, "light-curve", object="Nobody")


def test_all_is_what_is_not_restricted(database: Database) -> None:
    assert ask(database, "light-curve", object=OBJECT, band="all") == ask(database, "light-curve", object=OBJECT)
    assert ask(database, "visit-quality", since="all", visit="7") == ask(database, "visit-quality", visit=7)


def test_values_are_values_and_never_sql(database: Database) -> None:
    assert ask(database, "light-curve", object=OBJECT, band="r' OR 'a' = 'a") == []


def test_the_page_describes_every_question_as_its_header_does() -> None:
    text = (Path(__file__).resolve().parents[1] / "docs" / "queries.md").read_text(encoding="utf-8")
    for name, asked in named_queries().items():
        part = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        assert part is not None, name
        words = " ".join(part[1].split())
        assert all(paragraph in words for paragraph in (asked.purpose, *asked.notes)), name
        assert asked.example in words
        for p in asked.parameters:
            default = "required" if p.default is None else p.default
            row = f"| {p.name} | {p.kind.replace('|', ', ')} | {p.unit} | {default} | {p.meaning} |"
            assert " ".join(row.split()) in words, row
        for column in asked.columns.values():
            row = f"| {column.name} | {column.info['unit']} | {column.info['comment']} |"
            assert " ".join(row.split()) in words, row
