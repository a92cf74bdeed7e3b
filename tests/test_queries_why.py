"""``ssdb query --name why``: what is told of an object in a visit, in the same words on both databases."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from small_surveys import Row, Survey, beside, change, designation
from test_cli import done

import ssdb
from ssdb.association.evidence import PARTS
from ssdb.store.database import Database

FIELD = (10.0, 20.0)
CROWD = 400
SEEN, BESIDE, FAINT, MISSED, OUTSIDE, UNKNOWN, STREAK = range(7)
"""Objects: two that claim the same source, one that is too faint, one without a source, one outside of the detector,
one without an ellipse and magnitude, and a fast one."""


def flux(magnitude: float) -> float:
    return 10.0 ** ((31.4 - magnitude) / 2.5)


def crowded(visits: int = 2) -> Survey:
    """Visits of one detector, full of faint unrelated sources."""
    survey, rng = Survey(), np.random.default_rng(1)
    measured = {"psfFluxErr": flux(24.0) / 5.0}
    known = {"ephErrMajor": 3.0, "ephErrMinor": 2.0, "ephErrPa": 20.0, "ephRateRa": 0.1, "ephRateDec": 0.1}
    sharp = known | {"ephErrMajor": 0.1, "ephErrMinor": 0.1}
    for visit in range(1, visits + 1):
        survey.add_visit(visit, band="r", exposureTime=30.0)
        survey.add_square(0, *FIELD, 250.0, visit)
        first = 1000 * visit
        for number in range(CROWD):
            row = {"psfFlux": flux(rng.uniform(22.5, 24.5)), "reliability": 0.6} | measured
            survey.add_source(first + number, *beside(*FIELD, *rng.uniform(-200, 200, 2)), visit, **row)
        for number, (east, north, magnitude, about) in enumerate(
            [
                (1.0, 0.5, 22.1, {"reliability": 0.95}),
                (-4.0, 3.5, 18.1, {"reliability": 0.05, "isDipole": True}),
                (150.1, -150.0, 22.0, {}),
                (-150.0, 150.0, 20.0, {"trailLength": 53.0, "trailAngle": 45.0}),
                (-149.0, 150.0, 20.0, {"trailLength": 53.0, "trailAngle": 135.0}),
                (5.5, 2.0, 22.9, {"reliability": 0.7}),
            ]
        ):
            row = {"psfFlux": flux(magnitude)} | measured | about
            survey.add_source(first + 500 + number, *beside(*FIELD, east, north), visit, **row)
        survey.add_prediction(SEEN, *FIELD, visit, ephVmag=22.2, **known)
        survey.add_prediction(BESIDE, *beside(*FIELD, 3.0, 1.0), visit, ephVmag=22.7, **known)
        survey.add_prediction(FAINT, *beside(*FIELD, 50.0, 100.0), visit, ephVmag=26.7, **known)
        survey.add_prediction(MISSED, *beside(*FIELD, 50.0, 240.0), visit, ephVmag=17.0, **sharp)
        survey.add_prediction(OUTSIDE, *beside(*FIELD, 50.0, 2400.0), visit, ephVmag=17.0, **known)
        survey.add_prediction(UNKNOWN, *beside(*FIELD, 150.0, -150.0), visit)
        fast = known | {"ephRateRa": 30.0, "ephRateDec": 30.0}
        survey.add_prediction(STREAK, *beside(*FIELD, -150.0, 150.0), visit, ephVmag=20.2, **fast)
    survey.add_visit(visits + 1)
    return survey


@pytest.fixture(scope="module", params=["uncertainty", "fixed"])
def mode(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def loaded(module_database_url: str) -> Iterator[Database]:
    with ssdb.connect(module_database_url) as database:
        crowded().load(database)
        yield database


@pytest.fixture(scope="module")
def asked(loaded: Database, mode: str) -> Database:
    """Visit 1 is associated, visit 2 pending; in visit 3 nothing is predicted."""
    radius = {"radius_arcsec": 8.0} if mode == "fixed" else {}
    ssdb.associate(loaded, [1], config=ssdb.AssociationConfig(mode=mode, **radius))
    return loaded


def why(database: Database, number: int | str, visit: int | None = 1) -> list[Row]:
    name = designation(number) if isinstance(number, int) else number
    answer = ssdb.named_query(database, "why", {"object": name, "visit": visit})
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


def chance(row: Row) -> str:
    """The words for pDetected, which depends on how many objects of the visit are found."""
    return f"seen with probability {row['pDetected']:.2f}"


def words(database: Database, number: int, visit: int | None = 1) -> list[str]:
    return [row["why"] for row in why(database, number, visit)]


def test_every_candidate_is_there_the_best_first(asked: Database, mode: str) -> None:
    columns = ("diaSourceId", "chosen", "probability", "logOdds", *PARTS, "separation", "chi2", "rank", "density")
    columns += ("pDetected", "ephMag", "magnitude", "trail")
    for number in (SEEN, BESIDE, FAINT, UNKNOWN, STREAK):
        found = why(asked, number)
        sql = f"""SELECT {", ".join(f'c."{name}"' for name in columns)} FROM "SsCandidate" c
                  JOIN "SsPrediction" p ON p.visit = c.visit AND p."ssObjectId" = c."ssObjectId"
                  WHERE p.designation = :name AND c.visit = 1"""
        stored = ssdb.query(asked, sql, {"name": designation(number)}).rows
        key = (lambda row: -row["logOdds"]) if mode == "uncertainty" else (lambda row: row["separation"])
        assert found == sorted(found, key=key)
        assert {tuple(row[name] for name in columns[:13]) for row in found} == {row[:13] for row in stored}
        singles = [[row[name] for row in found] for name in columns[13:]]
        by_id = {row[0]: row for row in stored}
        of_stored = [[by_id[row["diaSourceId"]][13 + place] for row in found] for place in range(len(singles))]
        assert np.array(singles, float) == pytest.approx(np.array(of_stored, float), rel=1e-6, nan_ok=True)
        assert all(row["designation"] == designation(number) and row["visit"] == 1 for row in found)
        if mode == "uncertainty":
            assert {row["depth"] for row in found} == {24.0}
            for row in found:
                assert sum(row[part] for part in PARTS) == pytest.approx(row["logOdds"], abs=1e-9)


def test_the_words_of_a_match(asked: Database, mode: str) -> None:
    match, *others = why(asked, SEEN)
    assert (match["diaSourceId"], match["chosen"]) == (1500, True)
    told = "1.12 arcsec{} from the prediction{}; no better rival"
    if mode == "uncertainty":
        sigma = f" ({math.sqrt(match['chi2']):.1f} sigma)"
        # ephVmag 22.2, V - r 0.22
        told = told.format(sigma, f", 0.1 mag fainter than expected, {chance(match)}")
    else:
        told = told.format("", "")
    assert match["why"] == f"chosen: {told}"
    assert all(not row["chosen"] and row["why"].startswith("not chosen: ") for row in others)
    assert others


def test_the_words_of_what_is_not_chosen(asked: Database, mode: str) -> None:
    of_seen = {row["diaSourceId"]: row["why"] for row in why(asked, SEEN)}
    of_beside = {row["diaSourceId"]: row["why"] for row in why(asked, BESIDE)}
    [taken] = [source for source, text in of_beside.items() if text.startswith("chosen: ")]
    assert taken == 1505
    assert of_beside[1500].startswith(f"not chosen: another object has it ({designation(SEEN)}); 2.06 arcsec")
    assert of_seen[taken].startswith(f"not chosen: another object has it ({designation(BESIDE)}); ")
    assert of_beside[taken].endswith("a rival has better odds" if mode == "uncertainty" else "a rival is nearer")
    if mode == "fixed":
        assert all(re.fullmatch(r"not chosen: [^;]*; \d\.\d\d arcsec from the prediction", of_seen[s]) for s in (1501,))
        assert of_seen[1501].startswith("not chosen: the object has another source (1500); ")
        return
    assert of_seen[1501].startswith("not chosen: looks like an artefact; ")
    assert ", 3.9 mag brighter than expected, " in of_seen[1501]
    for row in why(asked, FAINT):
        assert row["why"].startswith("not chosen: the object is too faint; ")
        assert row["pDetected"] < 0.1
    streak = {row["diaSourceId"]: row["why"] for row in why(asked, STREAK)}
    assert streak[1503].startswith("chosen: 0.00 arcsec (0.0 sigma) from the prediction, as bright as expected, ")
    assert ", the trail speaks for it, seen with" in streak[1503]
    assert ", like an artefact, seen with" in of_seen[1501]
    assert {streak[1504].partition(";")[0]} <= {
        "not chosen: not the trail of the object",
        "not chosen: the object has another source (1503, whose trail fits better)",
    }


def test_each_part_has_its_words(database_url: str) -> None:
    """The lowest part is the reason, where what remains is not above 0."""
    with ssdb.connect(database_url) as database:
        crowded(1).load(database)
        ssdb.associate(database, [1], config=ssdb.AssociationConfig(mode="uncertainty"))
        change(database, 'UPDATE "SsExpected" SET "diaSourceId" = NULL')
        change(database, 'UPDATE "SsCandidate" SET chosen = false')
        reasons = {
            "oddsPosition": "more likely near by chance",
            "oddsDetection": "the object is too faint",
            "oddsMagnitude": "too faint for the object",
            "oddsTrail": "not the trail of the object",
            "oddsArtefact": "looks like an artefact",
        }
        for part, reason in reasons.items():
            values = ", ".join(f'"{name}" = {-5 if name == part else 1}' for name in PARTS)
            change(database, f'UPDATE "SsCandidate" SET {values}, "logOdds" = -1, magnitude = "ephMag" + 1')
            assert words(database, SEEN)[0].startswith(f"not chosen: {reason}; "), part
            assert ", 1.0 mag fainter than expected, " in words(database, SEEN)[0]
            assert (", the trail speaks against it, seen with" in words(database, SEEN)[0]) == (part == "oddsTrail")
        assert ", like an artefact, seen with" in words(database, SEEN)[0]
        change(database, 'UPDATE "SsCandidate" SET magnitude = "ephMag" - 2, "oddsMagnitude" = -9')
        assert words(database, SEEN)[0].startswith("not chosen: too bright for the object; ")
        unknown = ", ".join(f'"{name}" = NULL' for name in PARTS)
        change(database, f'UPDATE "SsCandidate" SET {unknown}')
        assert words(database, SEEN)[0].startswith("not chosen: more likely near by chance; ")


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("oddsPosition", "whose place fits better"),
        ("oddsMagnitude", "whose magnitude fits better"),
        ("oddsTrail", "whose trail fits better"),
        ("oddsArtefact", "which is less like an artefact"),
    ],
)
def test_what_the_other_source_has_better(database_url: str, part: str, reason: str) -> None:
    with ssdb.connect(database_url) as database:
        crowded(1).load(database)
        ssdb.associate(database, [1], config=ssdb.AssociationConfig(mode="uncertainty"))
        equal = ", ".join(f'"{name}" = 1' for name in PARTS)
        change(database, f'UPDATE "SsCandidate" SET {equal}, "logOdds" = 5 - CASE WHEN chosen THEN 0 ELSE 2 END')
        assert {text.partition(";")[0] for text in words(database, SEEN)[1:]} >= {
            "not chosen: the object has another source (1500)"
        }
        change(database, f'UPDATE "SsCandidate" SET "{part}" = -1 WHERE NOT chosen')
        told = {text.partition(";")[0] for text in words(database, SEEN)[1:]}
        assert f"not chosen: the object has another source (1500, {reason})" in told


def test_what_has_no_candidate_is_told_too(asked: Database, mode: str) -> None:
    [missed] = why(asked, MISSED)
    if mode == "uncertainty":
        assert missed["why"] == f"not seen: expected at 16.8 mag on detector 0, {chance(missed)}; no source near"
        assert 0.9 < missed["pDetected"] < 0.99
        assert missed["ephMag"] == pytest.approx(16.78)
    else:
        assert missed["why"] == "not seen: expected on detector 0; no source near"
    assert (missed["diaSourceId"], missed["chosen"], missed["probability"]) == (None, None, None)
    assert missed["edgeDistance"] == pytest.approx(10.0, abs=0.01)
    assert words(asked, OUTSIDE) == ["not expected: predicted outside of all detectors"]
    assert words(asked, 20) == ["not predicted in this visit"]
    assert words(asked, SEEN, 2) == ["predicted; the visit is not associated yet"]
    assert words(asked, SEEN, 3) == ["not predicted in this visit"]
    [nowhere] = why(asked, SEEN, 99)
    assert nowhere["why"] == "this visit is not in the database"
    assert (nowhere["visit"], nowhere["midpointMjdTai"], nowhere["designation"]) == (99, None, None)


def test_an_object_beside_a_detector_and_faint_ones(database_url: str) -> None:
    with ssdb.connect(database_url) as database:
        survey = crowded(1)
        ellipse = {"ephErrMajor": 1.0, "ephErrMinor": 1.0, "ephErrPa": 0.0}
        survey.add_prediction(7, *beside(*FIELD, 252.0, 0.0), ephVmag=20.0, **ellipse)
        survey.add_prediction(8, *beside(*FIELD, 240.0, 0.0), ephVmag=25.5, **ellipse)
        survey.load(database)
        assert words(database, 7) == ["predicted; the visit is not associated yet"]
        ssdb.associate(database, [1], config=ssdb.AssociationConfig(mode="uncertainty"))
        assert words(database, 7) == ["just outside: predicted at 19.8 mag outside of detector 0; no source near"]
        [faint] = why(database, 8)
        assert faint["why"] == f"too faint: expected at 25.3 mag on detector 0, {chance(faint)}; no source near"
        change(database, 'UPDATE "Visit" SET "predictionsAt" = NULL')
        assert words(database, 20) == ["not predicted: the visit has no predictions yet"]


def test_a_visit_without_outlines(database_url: str) -> None:
    """Every prediction is expected, on no detector; one that association left out was of no use."""
    with ssdb.connect(database_url) as database:
        survey = crowded(1)
        survey.corners.clear()
        survey.load(database)
        change(database, f"""UPDATE "SsPrediction" SET "ephDec" = 99 WHERE designation = '{designation(MISSED)}'""")
        ssdb.associate(database, [1], config=ssdb.AssociationConfig(mode="uncertainty"))
        assert words(database, MISSED) == ["not used: the stored prediction makes no sense"]
        [outside] = why(database, OUTSIDE)
        assert outside["why"] == f"not seen: expected at 16.8 mag, {chance(outside)}; no source near"
        assert words(database, SEEN)[0].startswith("chosen: 1.12 arcsec")
        assert {row["depth"] for row in why(database, SEEN)} == {24.0}


def test_all_visits_of_an_object(asked: Database) -> None:
    """Without a visit: those in which it is predicted, in the order of time."""
    assert [row["visit"] for row in why(asked, MISSED, None)] == [1, 2]
    assert why(asked, SEEN, None) == why(asked, SEEN, 1) + why(asked, SEEN, 2)


def test_what_is_less_probable_than_asked_for_is_left_unmatched(database_url: str) -> None:
    with ssdb.connect(database_url) as database:
        crowded(1).load(database)
        plain = ssdb.associate(database, [1], config=ssdb.AssociationConfig(mode="uncertainty"))
        before = {row["diaSourceId"]: row for row in why(database, BESIDE)}
        doubtful = before[1505]
        least = (1.0 + doubtful["probability"]) / 2.0
        config = ssdb.AssociationConfig(mode="uncertainty", min_probability=least)
        report = ssdb.associate(database, [1], config=config)
        after = {row["diaSourceId"]: row for row in why(database, BESIDE)}
        assert after.keys() == before.keys()
        assert (doubtful["chosen"], after[1505]["chosen"]) == (True, False)
        same = ("probability", "logOdds", "separation", "rank", *PARTS)
        assert [after[1505][name] for name in same] == [doubtful[name] for name in same]
        assert after[1505]["why"].startswith("not chosen: less probable than was asked for (")
        chosen = ssdb.query(database, 'SELECT probability FROM "SsCandidate" WHERE chosen').rows
        assert min(chosen)[0] >= least
        assert len(chosen) == report.totals["nAssociatedSsObjects"] < plain.totals["nAssociatedSsObjects"]
        assert sorted(ssdb.query(database, "SELECT probability FROM SsObservation").rows) == sorted(chosen)


def test_the_commands_options(database_url: str) -> None:
    """What is said on the command line is what is stored with the run, and done."""
    with ssdb.connect(database_url) as database:
        crowded(1).load(database)
    associate = ("associate", "--visit", 1, "--mode", "uncertainty", "--json")
    plain = json.loads(done(database_url, *associate))
    options = ("--min-probability", 0.999999, "--completeness", 0.9, "--prior-detected", 0.4, "--n-sigma", 5)
    told = json.loads(done(database_url, *associate, *options, "--max-radius", 60))
    wanted = {"min_probability": 0.999999, "completeness": 0.9, "prior_detected": 0.4, "n_sigma": 5.0}
    assert told["configuration"] == plain["configuration"] | wanted | {"max_radius_arcsec": 60.0}
    assert told["nAssociatedSsObjects"] < plain["nAssociatedSsObjects"]
    with ssdb.connect(database_url) as database:
        assert 0.8 < why(database, MISSED)[0]["pDetected"] < 0.9
        # As likely as the others of the visit are, 20 of whom say as much as the option.
        known = [
            detected
            for eph_mag, detected in ssdb.query(database, 'SELECT "ephMag", "pDetected" FROM "SsExpected"').rows
            if eph_mag is not None
        ]
        told = (sum(known) + 20 * 0.4) / (len(known) + 20)
        assert why(database, UNKNOWN)[0]["pDetected"] == pytest.approx(told)
    text = done(None, "associate", "--help")
    for option, default in (("--min-probability", "0.0"), ("--completeness", "0.98"), ("--max-radius", "120.0")):
        assert re.search(rf"{option} FLOAT\s+Uncertainty mode: [^\[]*\[default:\s+{default}\]", text), option


def test_the_command(asked: Database, module_database_url: str, mode: str) -> None:
    arguments = ("query", "--name", "why", "--param", f"object={designation(SEEN)}", "--param", "visit=1", "--json")
    rows: list[dict[str, Any]] = json.loads(done(module_database_url, *arguments))
    assert [row["why"] for row in rows] == words(asked, SEEN)
