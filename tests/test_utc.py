"""UTC and the time at which the light left the object, in the views for people."""

from __future__ import annotations

from typing import Any

import erfa
import numpy as np
import pytest
from astropy.time import Time
from astropy.utils import iers
from test_views import insert

import ssdb
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.sql_files import LEAP_SECONDS

_FIRST = 41317.0
_MS = 86_400_000


def utc_of(mjd_tai: np.ndarray) -> list[str]:
    """As astropy has it."""
    with iers.conf.set_temp("auto_download", False):
        return Time(mjd_tai, format="mjd", scale="tai", precision=3).utc.isot.tolist()


def observed(database: Database, mjd_tai: list[float]) -> None:
    """Stores an observation of an object at each of the times, its distance 2.5 au."""
    key = {"visit": 1, "ssObjectId": 5}
    numbers = range(1, len(mjd_tai) + 1)
    sources = [{**key, "diaSourceId": n, "midpointMjdTai": t} for n, t in zip(numbers, mjd_tai, strict=True)]
    insert(database, metadata.tables["DiaSource"], *sources)
    insert(database, metadata.tables["SSSource"], *({**key, "diaSourceId": n, "topoRange": 2.5} for n in numbers))


def told(database: Database, column: str) -> list[Any]:
    return [row[0] for row in ssdb.query(database, f"SELECT {column} FROM SsObservation ORDER BY diaSourceId").rows]


def test_the_leap_seconds_are_those_of_the_iers() -> None:
    """Where this fails a leap second was announced: it belongs into LEAP_SECONDS."""
    table = [f"{row['year']}-{row['month']:02}-01" for row in erfa.leap_seconds.get() if row["year"] >= 1972]
    assert list(LEAP_SECONDS) == table[1:]


@pytest.mark.filterwarnings("ignore:.*dubious year")
def test_the_views_have_the_utc_that_astropy_has(database: Database) -> None:
    """All years from 1972 to 2099 to the millisecond, every leap second with what is before and after it, ends of
    months, and noon of every day round a leap day.
    """
    rng = np.random.default_rng(1)
    anywhere = rng.integers(10_000, (Time("2099-12-31").mjd - _FIRST) * _MS, 300)
    begins = [(Time(day).mjd - _FIRST) * _MS + 1000 * (10 + n) for n, day in enumerate(LEAP_SECONDS)]
    steps = np.array([-1500, -1, 0, 1, 500, 999, 1000, 1001, 86_400_000])
    firsts = [f"{year}-{month:02}-01" for year in (1972, 2000, 2026) for month in range(1, 13)]
    months = [(Time(day).mjd - _FIRST) * _MS for day in firsts]
    february = (Time("2028-02-27T12:00:00").mjd - _FIRST) * _MS + np.arange(5) * _MS
    round_them = [np.add.outer(begins, steps).ravel(), np.add.outer(months, [36_999, 37_000]).ravel()]
    ms = np.unique(np.concatenate([anywhere, *round_them, february, [10_000]]))
    ms = ms[ms >= 10_000]
    times = _FIRST + ms / _MS
    observed(database, times.tolist())
    found = told(database, "midpointUtc")
    assert found == utc_of(times)
    assert {"2016-12-31T23:59:60.000", "2016-12-31T23:59:60.999", "2017-01-01T00:00:00.000"} <= set(found)
    assert "1972-01-01T00:00:00.000" in found


def test_before_1972_there_is_no_such_utc(database: Database) -> None:
    observed(database, [_FIRST + 9.999 / 86400, 33282.5])
    assert told(database, "midpointUtc") == [None, None]


def test_light_takes_its_time(database: Database) -> None:
    """499.004784 s an au; a double has an MJD to a microsecond."""
    observed(database, [60000.25])
    (emitted,) = told(database, "emittedMjdTai")
    assert (60000.25 - emitted) * 86400 == pytest.approx(2.5 * 499.004784, abs=2e-6)


def test_observations_are_chosen_by_the_date_as_text(database: Database) -> None:
    """MJD 61192 is 2026-06-01, whose first 37 s of TAI are of the day before in UTC."""
    observed(database, [61192 + 36.9 / 86400, 61192 + 37 / 86400, 61193.0])
    answer = ssdb.query(database, "SELECT diaSourceId FROM SsObservation WHERE midpointUtc >= '2026-06-01' ORDER BY 1")
    assert answer.rows == [(2,), (3,)]


def test_what_was_not_seen_has_its_utc(database: Database) -> None:
    key = {"visit": 1, "ssObjectId": 5}
    insert(database, metadata.tables["SsExpected"], key | {"diaSourceId": None})
    insert(database, metadata.tables["SsPrediction"], key | {"midpointMjdTai": 61192.5 + 37 / 86400})
    answer = ssdb.query(database, "SELECT midpointUtc FROM UnassociatedSsObject")
    assert answer.rows == [("2026-06-01T12:00:00.000",)]
