"""An orbit, or a segment, that is none costs only its object, which is named: SQL may have brought it past the door."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from predicting import NEAR, NIGHT, ORBITS, VISITS, Row, load_orbits, load_visits
from small_surveys import change, rows

import ssdb
from ssdb.cli import main
from ssdb.errors import EphemerisError
from ssdb.predict.one_object import predict_objects
from ssdb.predict.visits import predict_visits
from ssdb.store.database import Database

SEEN = NEAR[2]
"""In a field of the first visit."""

INFINITE, UNKNOWN = float("inf"), float("nan")
ABSURD: dict[str, Row] = {
    "2004 AA": {"q": 0.0},
    "2004 AB": {"q": 5e-324},
    "2004 AC": {"q": 1e300},
    "2004 AD": {"q": INFINITE},
    "2004 AE": {"q": -1.0},
    "2004 AF": {"e": 1e300},
    "2004 AG": {"e": UNKNOWN},
    "2004 AH": {"e": -0.5},
    "2004 AJ": {"i": 1e300},
    "2004 AK": {"node": INFINITE},
    "2004 AL": {"argperi": -1e17},
    "2004 AM": {"peri_time": 1e300},
    "2004 AN": {"peri_time": -INFINITE},
    "2004 AO": {"epoch_mjd": 288_975.0},
    "2004 AP": {"epoch_mjd": 1e9},
    "2004 AQ": {"epoch_mjd": -1e300},
    "2004 AR": {"e": 1e6, "q": 1e-5},
    "2004 AS": {"e": 900.0, "q": 0.01, "peri_time": -9e9},
    "2004 AT": {"e": 0.0, "q": 1e-4},
    "2004 AU": {"e": 0.0, "q": 1e-6},
}
"""What orbits are changed to; none is one that leads anywhere."""
FAR = {"2004 AV": {"e": 1e6, "q": 0.1, "epoch_mjd": -112_800.0, "peri_time": -112_700.0}}
"""It leaves at a third of the speed of light, and is beyond all bounds in the night."""
STRANGE = {
    "2004 AW": {"h": 1e300},
    "2004 AX": {"h": INFINITE, "g": -INFINITE},
    "2004 AY": {"g": 1e300},
    "2004 AZ": {"h": 99.99},
}
"""These can be followed; how bright they are is not known."""
PREDICTED = "SELECT * FROM \"SsPrediction\" WHERE designation NOT LIKE '2004%' ORDER BY visit, designation"
NAMES_OF = 'SELECT DISTINCT designation, "ephVmag" FROM "SsPrediction" WHERE designation LIKE \'2004%\''


def with_changed(database: Database, changes: dict[str, Row]) -> None:
    """The good orbits, and others that were good when they were loaded."""
    load_orbits(database, [*ORBITS, *({**SEEN, "designation": name} for name in changes)])
    for name, values in changes.items():
        assignments = ", ".join(f"{column} = :{column}" for column in values)
        change(database, f"UPDATE mpc_orbits SET {assignments} WHERE designation = :name", name=name, **values)
    load_visits(database, VISITS)


@pytest.fixture
def usual(database: Database) -> list[tuple]:
    """The predictions of the good orbits, while they were alone in the database, which is empty again."""
    load_orbits(database, ORBITS)
    load_visits(database, VISITS)
    predict_visits(database)
    found = rows(database, PREDICTED)
    for table in ("SsPrediction", "SsEphemeris", "SsEphemerisNight", "Visit", "mpc_orbits"):
        change(database, f'DELETE FROM "{table}"')
    return found


def test_orbits_that_are_none_are_named_and_harm_no_other(database: Database, usual: list[tuple]) -> None:
    with_changed(database, ABSURD | FAR)
    report = predict_visits(database)
    assert set(report.lost) == set(ABSURD) | set(FAR)
    assert report.failed == {}
    assert {night.lost for night in report.nights.values()} == {len(ABSURD) + len(FAR)}
    assert rows(database, PREDICTED) == usual
    assert rows(database, NAMES_OF) == []
    reasons = {name: text for name, text in report.lost.items() if name in ("2004 AB", "2004 AO", "2004 AT", "2004 AV")}
    assert reasons == {
        "2004 AB": "q is not within 1e-09 to 100000 (AU)",
        "2004 AO": "epoch_mjd is not within -112800 to 288970 (d)",
        "2004 AT": "its whole orbit is within 0.05 au of the Sun",
        "2004 AV": "in the night it is out of reach, or turns too sharply for a segment",
    }


def test_what_is_no_magnitude_is_unknown(
    database: Database, usual: list[tuple], caplog: pytest.LogCaptureFixture
) -> None:
    with_changed(database, STRANGE)
    report = predict_visits(database)
    assert report.lost == {}
    assert rows(database, PREDICTED) == usual
    brightness = dict(rows(database, NAMES_OF))
    assert set(brightness) <= set(STRANGE)
    assert {name for name, magnitude in brightness.items() if magnitude is None} >= {"2004 AW", "2004 AX", "2004 AZ"}
    assert 20 < brightness["2004 AY"] < 30
    assert "h is not within -30 to 60 (mag): taken for unknown, of 2004 AW, 2004 AX, 2004 AZ" in caplog.text


@pytest.mark.parametrize(
    "spoilt",
    [
        "UPDATE SsEphemeris SET tmin = tmax",
        "UPDATE SsEphemeris SET tmin = 1e300, tmax = 1e300",
        "UPDATE SsEphemeris SET tmax = 'Infinity'",
        "UPDATE SsEphemeris SET coefficients = :huge",
        "UPDATE SsEphemeris SET coefficients = :unknown",
        "UPDATE SsEphemeris SET coefficients = :fast",
    ],
)
def test_a_segment_that_is_none_costs_only_its_object(database: Database, usual: list[tuple], spoilt: str) -> None:
    load_orbits(database, ORBITS)
    load_visits(database, VISITS)
    ssdb.make_segments(database, [NIGHT, NIGHT + 1])
    seen = {name for (name,) in rows(database, "SELECT designation FROM SsEphemeris")}
    name = sorted({row[2] for row in usual} & seen)[0]
    series = {
        "huge": np.full((2, 3), 1e200),
        "unknown": np.full((2, 3), np.nan),
        "fast": np.array([[1.0, 0.0, 0.0], [0.5, 1e5, 0.0]]),
    }
    if "Infinity" in spoilt and database.dialect == "sqlite":
        spoilt = spoilt.replace("'Infinity'", "9e999")
    if database.dialect == "postgresql":
        spoilt = spoilt.replace("SsEphemeris", '"SsEphemeris"')
    needed = {key: value.astype("<f8").tobytes() for key, value in series.items() if f":{key}" in spoilt}
    change(database, f"{spoilt} WHERE designation = :name", name=name, **needed)
    report = predict_visits(database)
    assert report.lost == {
        name: "its segment in SsEphemeris is no path of an object: remove the row, and it is made again"
    }
    assert rows(database, PREDICTED) == [row for row in usual if row[2] != name]


def test_an_object_that_was_asked_for_is_refused_or_passed_over(database: Database) -> None:
    with_changed(database, {name: ABSURD[name] for name in ("2004 AB", "2004 AP")})
    predict_visits(database)
    with pytest.raises(EphemerisError, match=r"2004 AB \(2004 AB\) cannot be followed: q is not within .*load another"):
        ssdb.precover(database, "2004 AB")
    report = predict_objects(database, ["2004 AB", SEEN["designation"], "2004 AP"])
    assert set(report.lost) == {"2004 AB", "2004 AP"}
    assert report.n_left == len(VISITS)


ABSURD_VISITS: dict[int, Row] = {
    11: {"radius": 0.0},
    12: {"radius": -1.75},
    13: {"radius": 400.0},
    14: {"midpointMjdTai": 1e300},
    15: {"midpointMjdTai": 400_000.0},
    16: {"ra": INFINITE},
    17: {"dec": 1e300},
}


def test_a_visit_that_looked_nowhere_costs_only_itself(database: Database, usual: list[tuple]) -> None:
    load_orbits(database, ORBITS)
    load_visits(database, [*VISITS, *({**VISITS[0], "visit": number} for number in ABSURD_VISITS)])
    for number, values in ABSURD_VISITS.items():
        (column,) = values
        change(database, f'UPDATE "Visit" SET "{column}" = :{column} WHERE visit = :number', number=number, **values)
    report = predict_visits(database)
    assert set(report.failed) == set(ABSURD_VISITS)
    assert report.failed[12] == "radius is not above 0: give the visit another one (ssdb ingest visits)"
    assert rows(database, PREDICTED) == usual


COVARIANCES: dict[str, Callable[[], Any]] = {
    "2004 AA": lambda: 1e300,
    "2004 AB": lambda: 10**400,
    "2004 AC": lambda: INFINITE,
    "2004 AD": lambda: UNKNOWN,
    "2004 AE": lambda: -1.0,
    "2004 AF": lambda: 1e-320,
    "2004 AG": lambda: "1e-8",
}


def test_a_covariance_that_is_none_costs_only_itself(database: Database, usual: list[tuple]) -> None:
    names = ("x", "y", "z", "vx", "vy", "vz")
    load_orbits(database, [*ORBITS, *({**SEEN, "designation": name} for name in [*COVARIANCES, "2004 AH", "2004 AJ"])])
    for name, value in COVARIANCES.items():
        upper = {f"cov{row}{column}": value() if row == column else 0.0 for row in range(6) for column in range(row, 6)}
        part = {"coefficient_names": names, "coefficient_values": [1.0] * 6, "covariance": upper}
        text = json.dumps({"CAR": part})
        change(database, "UPDATE mpc_orbits SET mpc_orb_jsonb = :text WHERE designation = :name", name=name, text=text)
    for name, text in (("2004 AH", "[" * 100_000), ("2004 AJ", '{"CAR": {"covariance": 1}}')):
        change(database, "UPDATE mpc_orbits SET mpc_orb_jsonb = :text WHERE designation = :name", name=name, text=text)
    load_visits(database, VISITS)
    report = predict_visits(database)
    assert (report.lost, report.failed) == ({}, {})
    assert rows(database, PREDICTED) == usual
    errors = 'SELECT "ephErrMajor", "ephErrMinor", "ephErrPa" FROM "SsPrediction" WHERE designation LIKE \'2004%\''
    told = rows(database, errors)
    assert len({name for name, _ in rows(database, NAMES_OF)}) == len(COVARIANCES) + 2
    assert all(value is None or np.isfinite(value) for row in told for value in row)


def test_the_command_names_them(database: Database, database_url: str) -> None:
    with_changed(database, {name: ABSURD[name] for name in ("2004 AB", "2004 AP")})
    answer = CliRunner().invoke(main, ["--db", database_url, "predict", "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    assert set(told["lost"]) == {"2004 AB", "2004 AP"}
    assert "ssdb: 2004 AB cannot be followed: q is not within 1e-09 to 100000 (AU)" in answer.stderr
