"""More visits and nights in one call than a driver binds parameters (65,535), or SQLite nests conditions (1,000)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from predicting import load_survey

import ssdb
from ssdb.errors import NotFoundError
from ssdb.predict.one_object import predict_objects
from ssdb.predict.visits import predict_visits
from ssdb.report.data import read_report
from ssdb.services.predictions import fetch_predictions
from ssdb.store.database import Database

N = 66_000
FIRST = 10**12
NIGHTS = range(40000, 42001, 2)


@pytest.fixture(scope="module")
def database(module_database_url: str) -> Iterator[Database]:
    """A survey of few visits with orbits, and many that looked nowhere, some in every other night."""
    with closing(ssdb.connect(module_database_url)) as opened:
        load_survey(opened)
        visits = np.arange(FIRST, FIRST + N)
        times = NIGHTS.start + 2.0 * (np.arange(N) % len(NIGHTS)) + 0.25
        ssdb.ingest_visits(opened, pa.table({"visit": visits, "midpointMjdTai": times}))
        yield opened


def all_of_them() -> list[int]:
    return list(range(FIRST, FIRST + N))


def test_the_status_of_each(database: Database) -> None:
    told = ssdb.visit_status(database, all_of_them())
    assert [row["visit"] for row in told] == all_of_them()
    assert all(row["detectors"] == [] for row in told)


def test_predictions_for_each(database: Database) -> None:
    asked = predict_visits(database, [1, *all_of_them()])
    assert sorted(asked.predictions) == [1]
    assert sorted(asked.failed) == all_of_them()
    again = predict_visits(database, all_of_them(), redo=True)
    assert sorted(again.failed) == all_of_them()
    with pytest.raises(NotFoundError, match=f"visit {FIRST + N} "):
        predict_visits(database, [*all_of_them(), FIRST + N])


def test_an_object_in_each(database: Database) -> None:
    report = predict_objects(database, ["2001 AA"], visits=[1, *all_of_them()])
    assert set(report.predictions) <= {1}
    assert predict_objects(database, ["2001 AA"], nights=NIGHTS).predictions == {}


def test_what_is_fetched_for_each(database: Database) -> None:
    report = fetch_predictions(database, "http://127.0.0.1:9", visits=all_of_them())
    assert len(report.failed) == N


def test_rows_of_each(database: Database, tmp_path: Path) -> None:
    assert ssdb.export(database, "Visit", tmp_path / "visits.parquet", visits=all_of_them()) == N
    with pytest.raises(NotFoundError, match="predictions"):
        ssdb.associate(database, all_of_them())


def test_a_report_of_many_nights(database: Database) -> None:
    data = read_report(database, list(NIGHTS))
    assert len(data.visits["visit"]) == N
    assert data.nights == tuple(NIGHTS)
