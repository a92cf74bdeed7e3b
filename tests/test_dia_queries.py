"""The ready-made questions about DiaObjects, on both databases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dia_surveys import ARCSEC, BEGIN, field, load, load_visits, rows_of, sources
from scipy.stats import median_abs_deviation, skew
from test_dia_associate import done, moved

from ssdb.ask.light_curve import light_curve_statistics, stetson_j
from ssdb.ask.named_queries import named_query
from ssdb.dia.merge import merge_objects
from ssdb.errors import NotFoundError
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.database import Database

VISITS = range(1, 13)


def ask(database: Database, name: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = named_query(database, name, parameters)
    return [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]


@pytest.fixture
def survey(database: Database) -> Database:
    load_visits(database, VISITS)
    load(database, field(VISITS, n=10))
    done(database)
    return database


def test_history_and_statistics_of_an_object(survey: Database) -> None:
    found = [row for row in rows_of(survey, dia_source) if row["diaObjectId"] == 1000]
    history = ask(survey, "object-history", object=1000)
    assert [row["diaSourceId"] for row in history] == [row["diaSourceId"] for row in found]
    assert [row["isNew"] for row in history] == [True] + [False] * (len(found) - 1)
    assert [row["band"] for row in ask(survey, "object-history", object=1000, band="g")] == [
        row["band"] for row in found if row["band"] == "g"
    ]
    told = {row["band"]: row for row in ask(survey, "object-lightcurve-stats", object=1000)}
    for band in ("g", "r"):
        of_band = [row for row in found if row["band"] == band and row["psfFlux"] is not None]
        t, f, e = (
            np.array([row[name] for row in of_band], float) for name in ("midpointMjdTai", "psfFlux", "psfFluxErr")
        )
        f, e = np.float32(f).astype(float), np.float32(e).astype(float)
        answer, known = told[band], np.isfinite(e)
        assert answer["n"] == len(f) > 2
        names = {5: "p5", 25: "p25", 50: "median", 75: "p75", 95: "p95"}
        assert [answer[name] for name in names.values()] == pytest.approx(np.percentile(f, list(names)).tolist())
        assert answer["mad"] == pytest.approx(median_abs_deviation(f))
        assert answer["skewness"] == pytest.approx(skew(f, bias=False), rel=1e-6)
        mean = np.average(f[known], weights=e[known] ** -2)
        assert answer["chi2"] == pytest.approx((((f - mean) / e)[known] ** 2).sum())
        slope, intercept = np.polyfit(t[known] - t[0], f[known], 1, w=1 / e[known])
        assert (answer["slope"], answer["intercept"]) == pytest.approx((slope, intercept))


def test_new_and_neighbouring_objects(database: Database) -> None:
    load_visits(database, [1, 2])
    ra, dec = zip(*[moved(0.0001, -60.0, east * ARCSEC, 0.0) for east in (0, -3, 8, 30)], strict=True)
    load(database, [sources(1, ra[:3], dec[:3]), sources(2, ra[2:], dec[2:])])
    done(database)
    new = ask(database, "new-objects", since=BEGIN + 1.5)
    assert [row["diaObjectId"] for row in new] == [2001]
    assert [row["diaObjectId"] for row in ask(database, "new-objects", min_sources=2)] == [1002]
    near = ask(database, "neighbours", object=1000)
    assert [(row["diaObjectId"], row["separation"]) for row in near] == [
        (1001, pytest.approx(3.0, abs=1e-6)),
        (1002, pytest.approx(8.0, abs=1e-6)),
    ]
    assert len(ask(database, "neighbours", object=1000, radius=60)) == 3
    merge_objects(database, 3.5)
    assert ask(database, "object-history", object=1001) == ask(database, "object-history", object=1000)


def test_marginal_sources_are_found(database: Database) -> None:
    load_visits(database, [1, 2])
    load(database, [sources(n, [10.0, 10.1], -30.0, reliability=[0.9, 0.05]) for n in (1, 2)])
    assert ask(database, "marginal") == []
    done(database)
    assert [row["diaSourceId"] for row in ask(database, "marginal")] == [1001, 2001]
    assert [row["diaSourceId"] for row in ask(database, "marginal", visit=2)] == [2001]


def test_statistics_that_take_more_than_sql(database: Database) -> None:
    """A variable with a known period, beside a constant star."""
    rng = np.random.default_rng(4)
    times = BEGIN + np.cumsum(rng.uniform(0.1, 1.5, 40))
    load_visits(database, range(1, 41), midpointMjdTai=times)
    tables = []
    for n, time in enumerate(times.tolist(), 1):
        flux = np.array([1000.0 + 300.0 * np.sin(2 * np.pi * time / 2.9), 1000.0]) + rng.normal(0, 10.0, 2)
        tables.append(sources(n, [10.0, 10.1], -30.0, psfFlux=flux, psfFluxErr=np.full(2, 10.0)))
    load(database, tables)
    done(database)
    (variable,) = light_curve_statistics(database, 1000, period=True)
    (constant,) = light_curve_statistics(database, 1001)
    assert variable["period"] == pytest.approx(2.9, rel=0.02)
    assert variable["power"] > 0.9
    assert variable["stetsonJ"] > 10
    assert abs(constant["stetsonJ"]) < 0.5
    assert "period" not in constant
    with pytest.raises(NotFoundError):
        light_curve_statistics(database, 77)


def test_stetson_j_by_hand() -> None:
    """Two points 2 d apart: the mean is between them, and each is sqrt(2) d from it."""
    d = 3.0
    assert stetson_j(np.array([-d, d]), np.ones(2)) == pytest.approx(np.sqrt(2 * d**2 - 1))
    assert np.isnan(stetson_j(np.ones(1), np.ones(1)))
