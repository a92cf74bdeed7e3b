"""``--since`` and ``--until``: what was observed in a time, by dates in UTC or MJD TAI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from astropy.time import Time
from queried_survey import FIRST_MJD, IDS, QueriedSurvey, queried_survey
from test_cli import done, failed, misused

import ssdb
from ssdb.io.times import mjd_tai_of, utc_texts

SECOND_NIGHT = ("2023-02-26T12:00:00", "2023-02-27 12:00Z")
"""MJD 60001.5 to 60002.5, in UTC; the survey has visits from 60001.7 to 60002.1."""


@pytest.fixture(scope="module")
def survey() -> QueriedSurvey:
    return queried_survey()


@pytest.fixture(scope="module")
def loaded(module_database_url: str, survey: QueriedSurvey) -> Iterator[str]:
    database = ssdb.connect(module_database_url)
    survey.load(database)
    database.close()
    return module_database_url


def _visits(url: str, *arguments: str) -> set[int]:
    return {row["visit"] for row in json.loads(done(url, "query", *arguments, "--json"))}


def test_a_ready_made_question_is_asked_of_a_time(loaded: str) -> None:
    since, until = SECOND_NIGHT
    wanted = {6, 7, 8, 9, 10}
    assert _visits(loaded, "--name", "visit-quality", "--since", since, "--until", until) == wanted
    assert _visits(loaded, "--name", "visit-quality", "--since", "60001.5", "--until", "60002.5") == wanted
    assert _visits(loaded, "--name", "visit-quality", "--param", f"since={since}", "--until", until) == wanted
    curve = ("--name", "light-curve", "--param", "object=9", "--since", since, "--until", until)
    assert _visits(loaded, *curve) < _visits(loaded, *curve[:4])
    assert _visits(loaded, *curve) <= wanted


def test_sql_has_the_times_as_parameters(loaded: str) -> None:
    sql = "SELECT visit FROM Visit WHERE midpointMjdTai >= :since AND midpointMjdTai < :until"
    assert _visits(loaded, sql, "--since", SECOND_NIGHT[0], "--until", SECOND_NIGHT[1]) == {6, 7, 8, 9, 10}
    assert "the query has no :since" in misused(loaded, "query", "SELECT 1", "--since", "2026-06-01")
    assert "no value for :until" in failed(loaded, "query", sql, "--since", "2026-06-01")


def test_from_python_times_are_of_any_kind(loaded: str) -> None:
    database = ssdb.connect(loaded)
    begin = datetime(2023, 2, 26, 12)
    answers = [
        ssdb.named_query(database, "visit-quality", {"since": since, "until": date(2023, 2, 27)}).rows
        for since in (begin, begin.replace(tzinfo=UTC), Time(begin, scale="utc").tdb, "2023-02-26T12:00")
    ]
    assert [row[0] for row in answers[0]] == [6, 7, 8, 9]
    assert all(rows == answers[0] for rows in answers)
    database.close()


def test_a_leap_second_counts(loaded: str) -> None:
    """The survey's first visit is at MJD TAI 60000.7: 37 s earlier on clocks."""
    first = "2023-02-25T16:47:23.000"
    assert utc_texts([FIRST_MJD]) == [first]
    assert 1 in _visits(loaded, "--name", "visit-quality", "--since", first)
    assert 1 not in _visits(loaded, "--name", "visit-quality", "--since", "2023-02-25T16:47:23.001")


def test_curves_have_both_times(loaded: str, survey: QueriedSurvey) -> None:
    for name in ("light-curve", "phase-curve"):
        rows = json.loads(done(loaded, "query", "--name", name, "--param", "object=10", "--json"))
        assert rows
        for row in rows:
            assert [row["midpointUtc"]] == utc_texts([row["midpointMjdTai"]])
            (match,) = (m for m in survey.matches if m["diaSourceId"] == row["diaSourceId"])
            assert match["ssObjectId"] == IDS[10]
            light_time = match["topoRange"] * 499.004784 / 86400
            assert row["midpointMjdTai"] - row["emittedMjdTai"] == pytest.approx(light_time, abs=1e-9)


def test_observations_that_are_listed_have_their_utc(loaded: str) -> None:
    for name in ("fast-movers", "residual-outliers"):
        rows = json.loads(done(loaded, "query", "--name", name, "--json"))
        assert [row["midpointUtc"] for row in rows] == utc_texts([row["midpointMjdTai"] for row in rows])
        assert rows


def test_a_question_without_a_time_says_which_have_one(loaded: str) -> None:
    for name in ("near-earth", "match-objects"):
        message = misused(loaded, "query", "--name", name, "--since", "2026-06-01")
        assert f"{name} has no times to choose from (since); these have: activity, class-counts, colours" in message
        assert "near-earth," not in message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("yesterday", "'yesterday' is not a time: give a date such as 2026-06-01"),
        ("2026-6-1", "'2026-6-1' is not a time"),
        ("2026-02-30", "there is no '2026-02-30' in UTC"),
        ("2026-06-01T23:59:60", "there is no '2026-06-01T23:59:60' in UTC"),
        ("2026", "'2026' is no MJD of our time: dates are written as 2026-06-01"),
        ("20260601", "'20260601' is no MJD of our time: dates are written as 2026-06-01"),
        ("2461192.5", "is it a Julian date, and MJD 61192 meant?"),
        ("nan", "'nan' is not a time"),
        ("1850-01-01", "before 1960, when UTC began: give an MJD (TAI), or of an ephemeris --scale tt"),
    ],
)
def test_what_is_no_time_is_told(given: str, message: str) -> None:
    """Before the database is looked for."""
    assert message in misused("sqlite:///nowhere.db", "query", "--name", "class-counts", "--since", given)
    with pytest.raises(ssdb.ConfigError):
        mjd_tai_of(given)


def test_a_time_is_given_once() -> None:
    twice = ("--name", "class-counts", "--since", "60000", "--param", "since=60000")
    assert "--since and --param since=... are the same" in misused("sqlite:///nowhere.db", "query", *twice)
    assert "--list goes with" in misused(None, "query", "--list", "--until", "60000")


def test_times_and_their_scales() -> None:
    """TT is TAI + 32.184 s; TDB the same within 2 ms; UTC was TAI - 37 s in 2026."""
    at: dict[Any, float] = {scale: mjd_tai_of("2026-06-01T12:00:00", scale) for scale in ("utc", "tai", "tt", "tdb")}
    seconds = {scale: (mjd - 61192.5) * 86400 for scale, mjd in at.items()}
    assert seconds["utc"] == pytest.approx(37, abs=1e-5)
    assert seconds["tai"] == pytest.approx(0, abs=1e-5)
    assert seconds["tt"] == pytest.approx(-32.184, abs=1e-5)
    assert seconds["tdb"] == pytest.approx(-32.184, abs=2e-3)
    assert mjd_tai_of("61192.5", "utc") == at["utc"]
    assert mjd_tai_of(61192.5) == mjd_tai_of("61192.5") == at["tai"]
    assert mjd_tai_of("2016-12-31T23:59:60.5") == pytest.approx(57754 + 36.5 / 86400, abs=1e-11)
    with pytest.raises(ssdb.ConfigError, match="says that it is UTC, and not TDB"):
        mjd_tai_of("2026-06-01T12:00:00Z", "tdb")
    with pytest.raises(ssdb.ConfigError, match="says that it is UTC, and not TT"):
        mjd_tai_of(datetime(2026, 6, 1, 12, tzinfo=UTC), "tt")
    assert mjd_tai_of(datetime(2026, 6, 1, 12), "tt") == at["tt"]


def test_an_export_takes_the_exposures_of_a_time(loaded: str, survey: QueriedSurvey, tmp_path: Path) -> None:
    """Of a table, of a view, and together with visits by number."""
    times = ("--since", SECOND_NIGHT[0], "--until", SECOND_NIGHT[1])
    night = {6, 7, 8, 9, 10}
    for name, more, wanted in (
        ("SSSource", times, night),
        ("SsObservation", times, night),
        ("Visit", times, night),
        ("Visit", (*times, "--visit", 6, "--visit", 1), {6}),
        ("Visit", times[:2], set(range(6, 16))),
        ("Visit", times[2:], set(range(1, 11))),
    ):
        done(loaded, "export", name, "-o", tmp_path / "rows.parquet", *more)
        found = pyarrow.parquet.read_table(tmp_path / "rows.parquet").column("visit").to_pylist()
        assert set(found) == wanted, (name, more)
        if name == "SSSource":
            assert len(found) == len([match for match in survey.matches if match["visit"] in night])
    nowhere = ("-o", tmp_path / "nothing.parquet", *times)
    assert "SsObjectSummary has no visits to choose from" in misused(loaded, "export", "SsObjectSummary", *nowhere)
    assert "'soon' is not a time" in misused(loaded, "export", "Visit", "-o", tmp_path / "x.csv", "--until", "soon")
    assert not (tmp_path / "nothing.parquet").exists()
