"""What the sources of a detector are together, kept by every change, is what a look at all of them finds."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pytest
from brute_evidence import FLAGS, counts, measured_depth
from small_surveys import MJD, change, designation, rows

import ssdb
from ssdb.association.pairs import read_candidate_pairs
from ssdb.association.visit_batch import read_batch
from ssdb.schema.source_counts import ARTEFACT_FLAGS, SourceCounts, is_flagged
from ssdb.store.database import Database
from ssdb.store.tables.delete import delete_visits
from ssdb.store.tables.detectors import count_anew, joined_totals, totals_of

COLUMNS = '"nDiaSources", "firstSourceMjdTai", "lastSourceMjdTai", "maxSourceVariance"'
LIGHT = ("psfFlux", "psfFluxErr", "trailLength", "reliability")
TOTALS = f'SELECT visit, detector, {COLUMNS} FROM "VisitDetector" ORDER BY 1, 2'


def sources(rng: np.random.Generator, first: int, n: int) -> pa.Table:
    """Sources of three visits and detectors -1 to 1, some of whose errors are unknown or tiny; some have light."""
    flux = 10.0 ** rng.uniform(1.5, 8, n) * rng.choice([-1.0, 0.0, 1.0, 1.0, 1.0], n)
    light = [flux, 10.0 ** rng.uniform(1.5, 3, n), rng.uniform(0, 5, n), rng.uniform(0, 1, n)]
    light = [np.where(rng.random(n) < 0.3, np.nan, values) for values in light]
    flags = {name: rng.choice([None, False, False, False, True], n).tolist() for name in FLAGS}
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
                for name, v in zip(("raErr", "decErr", *LIGHT), (*errors, *light), strict=True)
            },
            **{name: pa.array(values, pa.bool_()) for name, values in flags.items() if rng.random() < 0.8},
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


def assert_counted(database: Database) -> None:
    """sourceCounts and depth are as by a loop; NULL where there is no source."""
    columns = ("visit", "detector", *LIGHT, *FLAGS)
    found: dict[tuple[int, int], list[dict]] = {}
    selected = ", ".join(f'"{name}"' for name in columns)
    for row in rows(database, f'SELECT {selected} FROM "DiaSource"'):
        source = dict(zip(columns, row, strict=True))
        found.setdefault((source["visit"], source["detector"]), []).append(source)
    sql = 'SELECT visit, detector, "sourceCounts", depth FROM "VisitDetector"'
    for visit_id, detector, packed, depth in rows(database, sql):
        of_detector = found.get((visit_id, detector))
        if of_detector is None:
            assert packed is depth is None
            continue
        assert list(struct.unpack("<86q", packed)) == counts(of_detector)
        wanted = measured_depth(of_detector)
        assert depth == (None if wanted is None else pytest.approx(wanted, abs=1e-5))


def assert_right(database: Database) -> None:
    assert_counted(database)
    kept = rows(database, TOTALS)
    for (*one, variance), (*other, expected) in zip(kept, brute_force(database), strict=True):
        assert one == other
        assert variance == (None if expected is None else pytest.approx(expected * 3600.0**2, rel=1e-12))
    assert not any(result.n_violations for result in ssdb.check(database) if result.name.endswith("s_agree"))


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


@pytest.mark.parametrize("n_parts", [1, 2, 7])
def test_any_division_into_files_gives_the_same(database: Database, n_parts: int) -> None:
    """To the last bit, in any order of the files and of the rows in them."""
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    rng = np.random.default_rng(11)
    whole = sources(np.random.default_rng(12), 0, 200)
    whole = whole.take(pa.array(rng.permutation(200)))
    for index in np.array_split(np.arange(200), n_parts):
        ssdb.ingest_sources(database, whole.take(pa.array(index)))
    wanted = totals_of(whole)
    found = rows(database, 'SELECT visit, detector, "sourceCounts" FROM "VisitDetector" ORDER BY 1, 2')
    packed = SourceCounts(wanted["sourceCounts"]).pack()
    assert found == list(zip(wanted["visit"].tolist(), wanted["detector"].tolist(), packed, strict=True))
    assert_right(database)


def test_deleted_sources_are_not_counted(database: Database) -> None:
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    ssdb.ingest_sources(database, sources(np.random.default_rng(13), 0, 90))
    delete_visits(database, [2])
    assert_right(database)
    assert {visit for visit, *_ in rows(database, TOTALS)} == {1, 3}


def test_counts_are_packed_and_unpacked() -> None:
    numbers = np.random.default_rng(1).integers(-(2**62), 2**62, (5, 86))
    packed = SourceCounts(numbers).pack()
    assert [len(row) for row in packed] == [688] * 5
    assert packed[0] == struct.pack("<86q", *numbers[0].tolist())
    np.testing.assert_array_equal(SourceCounts.unpack(np.array(packed, "S688")).numbers, numbers)
    assert SourceCounts.unpack(np.array([b"", b""], "S688")).numbers.tolist() == [[0] * 86] * 2
    unknown = SourceCounts.unpack(np.array([b""], "S688"))
    assert np.isnan(unknown.depth).all()


@pytest.mark.parametrize("damaged", ["NULL", "''", "'short'", "too long"])
def test_counts_that_are_none_are_made_anew(database: Database, damaged: str) -> None:
    """Lost or damaged by SQL, or of an older ssdb, they are counted anew: by association, and with further sources."""
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3})
    table = sources(np.random.default_rng(14), 0, 60)
    ssdb.ingest_sources(database, table)
    ra, dec = (table.column(name)[0].as_py() for name in ("ra", "dec"))
    prediction = {"visit": [table.column("visit")[0].as_py()], "designation": ["433"], "ephRa": [ra], "ephDec": [dec]}
    ssdb.ingest_predictions(database, prediction | {"ephVmag": [20.0]}, complete=True)
    config = ssdb.AssociationConfig(mode="uncertainty")
    results = []
    value = {"too long": b"x" * 401, "NULL": None, "''": b"", "'short'": b"short"}[damaged]
    for _ in range(2):
        assert not ssdb.associate(database, everything=True, config=config).failed
        results.append([rows(database, f'SELECT * FROM "{name}"') for name in ("SsExpected", "SsCandidate")])
        change(database, 'UPDATE "VisitDetector" SET "sourceCounts" = :value, depth = NULL', value=value)
    assert results[0] == results[1]
    assert rows(database, 'SELECT "diaSourceId" FROM "SsExpected" WHERE "pDetected" <> 0.5') == [(0,)]
    ssdb.ingest_sources(database, sources(np.random.default_rng(15), 100, 60))
    assert_right(database)


def test_absurd_counts_are_no_reason_to_fail(database: Database) -> None:
    """Written by SQL: negative, and more than there are sources."""
    table = sources(np.random.default_rng(14), 0, 60)
    ra, dec, visit = (table.column(name).to_pylist() for name in ("ra", "dec", "visit"))
    ssdb.ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [MJD] * 3, "exposureTime": [300.0] * 3})
    ssdb.ingest_sources(database, table)
    names = [designation(number) for number in range(60)]
    predictions = {"visit": visit, "designation": names, "ephRa": ra, "ephDec": dec, "ephVmag": [20.0] * 60}
    rates = {"ephRateRa": [1.0] * 60, "ephRateDec": [1.0] * 60}
    ssdb.ingest_predictions(database, predictions | rates, complete=True)
    for number in (-1, -(2**63), 2**63 - 1, 10**12):
        value = struct.pack("<86q", *[number] * 86)
        change(database, 'UPDATE "VisitDetector" SET "sourceCounts" = :value', value=value)
        report = ssdb.associate(database, everything=True, config=ssdb.AssociationConfig(mode="uncertainty"))
        assert not report.failed
        weighed = rows(database, 'SELECT "logOdds", probability FROM "SsCandidate"')
        assert len(weighed) > 20
        assert all(None not in row for row in weighed)


@pytest.mark.parametrize("flag", [None, *FLAGS])
def test_both_databases_and_arrays_know_the_same_flags(database: Database, flag: str | None) -> None:
    """Each on its own, false, and unknown."""
    ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [MJD]})
    table = {"diaSourceId": [1, 2, 3], "visit": [1] * 3, "ra": [10.0] * 3, "dec": [10.0] * 3}
    table |= {} if flag is None else {flag: [True, False, None]}
    ssdb.ingest_sources(database, table)
    ssdb.ingest_predictions(
        database, {"visit": [1], "designation": ["433"], "ephRa": [10.0], "ephDec": [10.0]}, complete=True
    )
    config = ssdb.AssociationConfig(mode="uncertainty")
    with database.writing() as connection:
        batch = read_batch(connection, [1], config)
        found = read_candidate_pairs(connection, batch, np.ones(1, bool), config)
    assert found["flagged"].tolist() == [int(flag is not None), 0, 0]
    given = pa.table({flag: table[flag]} if flag else {"diaSourceId": [1, 2, 3]})
    assert is_flagged(given).tolist() == [flag is not None, False, False]
    assert batch.counts.n_flagged.tolist() == [int(flag is not None)]


def test_the_flags_are_those_of_the_counts() -> None:
    assert sorted(FLAGS) == sorted(ARTEFACT_FLAGS)
