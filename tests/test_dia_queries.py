"""The ready-made questions about DiaObjects, on both databases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dia_surveys import ARCSEC, BEGIN, field, load, load_visits, rows_of, sources
from scipy.stats import median_abs_deviation, skew
from test_dia_associate import done, moved

from ssdb.ask.named_queries import named_query
from ssdb.dia.merge import merge_objects
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
