"""What the sources of a detector are together, kept by every change, is what a look at all of them finds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from small_surveys import MJD, change, rows

import ssdb
from ssdb.store.database import Database
from ssdb.store.tables.detectors import count_anew, joined_totals, totals_of

COLUMNS = '"nDiaSources", "firstSourceMjdTai", "lastSourceMjdTai", "maxSourceVariance"'
TOTALS = f'SELECT visit, detector, {COLUMNS} FROM "VisitDetector" ORDER BY 1, 2'


def sources(rng: np.random.Generator, first: int, n: int) -> pa.Table:
    """Sources of three visits and detectors -1 to 1, some of whose errors are unknown or tiny."""
    errors = [np.where(rng.random(n) < 0.3, np.nan, 10.0 ** rng.uniform(-30, -4, n)) for _ in range(2)]
    return pa.table(
        {
            "diaSourceId": np.arange(first, first + n),
            "visit": rng.integers(1, 4, n),
            "detector": rng.integers(-1, 2, n).astype(np.int16),
            "midpointMjdTai": MJD + rng.uniform(-0.01, 0.01, n),
            "ra": rng.uniform(0, 360, n),
            "dec": rng.uniform(-90, 90, n),
            **{
                name: pa.array(v, pa.float32(), from_pandas=True)
                for name, v in zip(("raErr", "decErr"), errors, strict=True)
            },
        }
    )


def brute_force(database: Database) -> list[tuple]:
    """The same, by a loop over all sources; 0 and nothing for a detector without any."""
    found: dict[tuple[int, int], list] = {
        (v, d): [] for v, d in rows(database, 'SELECT visit, detector FROM "VisitDetector"')
    }
    columns = '"midpointMjdTai", "raErr", "decErr"'
    for visit_id, detector, *source in rows(database, f'SELECT visit, detector, {columns} FROM "DiaSource"'):
        found[visit_id, detector].append(source)
    return [
        (
            *key,
            len(of_detector),
            min((time for time, _, _ in of_detector), default=None),
            max((time for time, _, _ in of_detector), default=None),
            max((sum(float(np.float32(e or 0)) ** 2 for e in errors) for _, *errors in of_detector), default=None),
        )
        for key, of_detector in sorted(found.items())
    ]


def assert_right(database: Database) -> None:
    kept = rows(database, TOTALS)
    for (*one, variance), (*other, expected) in zip(kept, brute_force(database), strict=True):
        assert one == other
        assert variance == (None if expected is None else pytest.approx(expected * 3600.0**2, rel=1e-12))
    assert not any(result.n_violations for result in ssdb.check(database) if result.name == "totals_agree")


def test_every_change_of_sources_keeps_them(database: Database) -> None:
    rng = np.random.default_rng(8)
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    for first in (0, 100, 200):
        ssdb.ingest_sources(database, sources(rng, first, 60))
        assert_right(database)
    ssdb.ingest_sources(database, sources(rng, 300, 10), replace=True)
    assert_right(database)
    nothing = sources(rng, 0, 0)
    ssdb.ingest_sources(database, nothing, replace=True, covers=(1, 0))
    assert_right(database)
    assert {(v, d): n for v, d, n, *_ in rows(database, TOTALS)}[1, 0] == 0
    # Sources that have the visit's time take its new one.
    ssdb.ingest_sources(database, sources(rng, 400, 30).drop_columns(["midpointMjdTai"]))
    ssdb.ingest_visits(database, {"visit": [1, 2], "midpointMjdTai": [MJD + 1e-3, MJD]})
    assert_right(database)


def test_they_are_counted_anew_where_they_were_lost(database: Database) -> None:
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    ssdb.ingest_sources(database, sources(np.random.default_rng(9), 0, 100))
    before = rows(database, TOTALS)
    change(database, 'UPDATE "VisitDetector" SET "nDiaSources" = 7, "maxSourceVariance" = NULL')
    with database.writing() as connection:
        count_anew(connection, [1, 2, 3])
    assert rows(database, TOTALS) == before


def test_parts_of_a_file_are_together_what_the_whole_is() -> None:
    whole = sources(np.random.default_rng(10), 0, 500)
    parts = [totals_of(whole.slice(start, 77)) for start in range(0, 500, 77)]
    for name, values in joined_totals(parts).items():
        np.testing.assert_array_equal(values, totals_of(whole)[name])
