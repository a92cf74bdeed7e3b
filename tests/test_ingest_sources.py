"""Detections through ingest into the database, on both databases."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy import units as u
from astropy.table import Table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingesting import (
    DERIVED,
    at_once,
    corners,
    dump,
    load_night,
    predictions,
    refused,
    rows,
    rows_of,
    single,
    sources,
    statuses,
    truncated,
    visits,
    with_value,
    without_clock,
)

from ssdb.association.associate import associate
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.writers import to_astropy, write_columns
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

INT64 = (-(2**63), 2**63 - 1)
FOR_ASSOCIATION = ("ssObjectId", "ssObjectReassocTimeMjdTai")
ONE = rows_of(sources(), [0])


def every_column(letter: str = "ä") -> pa.Table:
    """Three sources: in the first every column has a value of its own, in the others what may be NULL is."""
    columns = {}
    for index, field in enumerate(arrow_schema(dia_source)):
        value: Any
        match str(field.type):
            case "bool":
                value = bool(index % 2)
            case "string":
                value = f"{letter}{index}"
            case "double":
                value = index + 1 / 3
            case "float":
                value = index + 0.1
            case _:
                value = index + 1000
        columns[field.name] = [value, None, None]
    columns["diaSourceId"] = [*INT64, 0]
    columns["visit"] = [10, 10, 20]
    columns["detector"] = [-(2**15), 2**15 - 1, 0]
    columns["diaObjectId"] = [2**63 - 1, 1, None]
    columns["ra"], columns["dec"] = [1 / 3, 0.0, 359.99999999999994], [-1 / 3, -90.0, 90.0]
    columns["midpointMjdTai"] = [60000.1 + 1 / 3e3, None, None]
    columns["timeProcessedMjdTai"], columns["timeWithdrawnMjdTai"] = (
        [day + 1 / 3, None, None] for day in (60001, 60002)
    )
    columns["extendedness"], columns["reliability"] = ([share, None, None] for share in (0.1, 0.9))
    for name in FOR_ASSOCIATION:
        del columns[name]
    schema = arrow_schema(dia_source)
    fields = [schema.field(name) for name in columns]
    return pa.table(
        [pa.array(values, field.type) for field, values in zip(fields, columns.values(), strict=True)],
        schema=pa.schema([field.with_metadata({"unit": field.metadata.get(b"unit", b"")}) for field in fields]),
    )


# ---- what is stored --------------------------------------------------------------------------------------------------


def test_every_column_comes_back(database: Database) -> None:
    ingest_visits(database, visits())
    table = every_column()
    report = ingest_sources(database, table)
    assert (report.rows, report.visits, report.left_out, report.without_unit) == (3, 2, (), ())
    stored = {row["diaSourceId"]: row for row in rows(database, "DiaSource")}
    expected = table.to_pylist()
    expected[1]["midpointMjdTai"], expected[2]["midpointMjdTai"] = 60000.1, 60000.2
    for row in expected:
        assert stored[row["diaSourceId"]] == row | {
            **dict.fromkeys(FOR_ASSOCIATION),
            **{"zone": math.floor((row["dec"] + 90) * 60)},
        }


def test_the_types_in_sqlite_are_the_columns_own(sqlite_url: str) -> None:
    """No numpy scalar becomes a blob, no number a text."""
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    ingest_sources(database, every_column())
    of_type = {"int64": "integer", "int32": "integer", "int16": "integer", "bool": "integer", "string": "text"}
    with database.reading() as connection:
        for field in every_column().schema:
            kinds = connection.execute(sa.text(f'SELECT DISTINCT typeof("{field.name}") FROM "DiaSource"'))
            assert set(kinds.scalars()) <= {of_type.get(str(field.type), "real"), "null"}, field.name
    database.close()


def test_every_format_gives_the_same_rows(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    for ending in ("parquet", "fits", "ecsv", "csv", "csv.gz", "vot", "astropy", "pandas", "dict"):
        table = every_column("a" if ending == "fits" else "ä")  # FITS has ASCII only
        source: Any = tmp_path / f"sources.{ending}"
        in_memory: dict[str, Callable[[], Any]] = {
            "astropy": lambda table=table: to_astropy(table),
            "pandas": lambda table=table: table.to_pandas(types_mapper=pd.ArrowDtype),
            "dict": table.to_pydict,
        }
        if ending in in_memory:
            source = in_memory[ending]()
        else:
            write_columns(table, source)
        ingest_sources(database, table, replace=True)
        expected = rows(database, "DiaSource")
        ingest_sources(database, {**ONE, "diaSourceId": [0], "visit": [20], "detector": [0]}, replace=True)
        assert rows(database, "DiaSource") != expected
        ingest_sources(database, source, replace=True)
        assert rows(database, "DiaSource") == expected, ending


TIMED = {
    **sources(),
    "midpointMjdTai": [60000.1, 60000.101, 60000.1, 60000.1013, 60000.2, 60000.2017, 60000.2, 60000.2],
    "band": ["r"] * 4 + ["g"] * 4,
}


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(8)))
def test_the_order_of_rows_does_not_matter(database: Database, order: list[int]) -> None:
    """Nor does the order of the file's columns, with and without the visits' being made from it."""
    shuffled = dict(reversed(rows_of(TIMED, order).items()))
    one = connect()
    ingest_sources(one, shuffled, create_visits=True)
    ingest_sources(database, TIMED, create_visits=True, replace=True)
    assert dump(one) == dump(database)
    one.close()


def test_detector_is_0_and_time_the_visits_where_unknown(database: Database) -> None:
    ingest_visits(database, visits())
    table = {name: values for name, values in sources().items() if name != "detector"}
    ingest_sources(database, rows_of(table, [0, 4]))
    nan = float("nan")
    ingest_sources(database, {**rows_of(table, [1, 5, 2, 3]), "midpointMjdTai": [60000.11, None, nan, -999.0]})
    stored = {row["diaSourceId"]: row for row in rows(database, "DiaSource")}
    assert {row["detector"] for row in stored.values()} == {0}
    times = {id_: row["midpointMjdTai"] for id_, row in stored.items()}
    assert times == {101: 60000.1, 201: 60000.2, 102: 60000.11, 202: 60000.2, 103: 60000.1, 104: 60000.1}
    assert statuses(database) == {(10,): "pending", (10, 0): "pending", (20,): "pending", (20, 0): "pending"}


def test_ra_is_stored_from_0_to_below_360(database: Database) -> None:
    ingest_visits(database, visits())
    given_ra = [360.0, -0.0, -1e-20, -180.0, 359.99999999999994, 0.0, -0.5, 12.5]
    ingest_sources(database, {**sources(), "ra": given_ra})
    stored = [row["ra"] for row in rows(database, "DiaSource")]
    assert [math.copysign(1, ra) for ra in stored] == [1.0] * 8
    assert stored == [0.0, 0.0, 0.0, 180.0, 359.99999999999994, 0.0, 359.5, 12.5]


def test_unknown_in_every_disguise_is_null(database: Database) -> None:
    """NULL, NaN, infinities and -999 where numbers may be unknown; zero where an error or another object's id is."""
    nan, inf = float("nan"), float("inf")
    ingest_visits(database, visits())
    table = rows_of(sources(), range(5)) | {
        "psfFlux": [None, nan, -999.0, inf, 0.0],
        "raErr": [None, nan, -999.0, 0.0, -1e-5],
        "decErr": [0.0, -9999.0, inf, nan, None],
        "snr": [-inf, -9999.0, nan, None, -0.5],
        "diaObjectId": [0, 0, None, 0, 1],
        "parentDiaSourceId": [0, None, 0, 0, 0],
        "band": ["", " ", None, "\t", "r"],
        "apFlux_flag": [None, None, False, None, None],
    }
    ingest_sources(database, table)
    stored = rows(database, "DiaSource")
    assert [row["psfFlux"] for row in stored] == [None] * 4 + [0.0]
    assert {row[name] for row in stored for name in ("raErr", "decErr", "parentDiaSourceId")} == {None}
    assert [row["snr"] for row in stored] == [None] * 4 + [-0.5]
    assert [row["diaObjectId"] for row in stored] == [None] * 4 + [1]
    assert [row["band"] for row in stored] == [None] * 4 + ["r"]
    assert [row["apFlux_flag"] for row in stored] == [None, None, False, None, None]


def test_ssobjectid_in_the_file_is_left_out(database: Database) -> None:
    ingest_visits(database, visits())
    table = {
        **sources(),
        "ssObjectId": [7] * 8,
        "SSOBJECTREASSOCTIMEMJDTAI": [60000.0] * 8,
        "zone": [1] * 8,
        "my": [1] * 8,
    }
    report = ingest_sources(database, table)
    assert set(report.left_out) == {"ssObjectId", "SSOBJECTREASSOCTIMEMJDTAI", "zone", "my"}
    stored = rows(database, "DiaSource")
    assert {row[name] for row in stored for name in FOR_ASSOCIATION} == {None}
    assert {row["zone"] for row in stored} == {5100, 5099}


def test_int64_extremes_as_visit(database: Database) -> None:
    low, high = INT64
    ingest_visits(database, {"visit": [low, high], "midpointMjdTai": [60000.1, 60000.2]})
    ingest_sources(database, {"diaSourceId": [high, low], "visit": [low, high], "ra": [1.0, 2.0], "dec": [0.0, 0.0]})
    stored = [(row["diaSourceId"], row["visit"], row["midpointMjdTai"]) for row in rows(database, "DiaSource")]
    assert stored == [(low, high, 60000.2), (high, low, 60000.1)]
    again = {"diaSourceId": [low], "visit": [low], "ra": [1.0], "dec": [0.0]}
    refused(database, ingest_sources, again, "stored already", str(low))


def test_several_files_add_up(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    for part in range(4):
        path = tmp_path / f"sources{part}.csv"
        write_columns(pa.table(rows_of(sources(), [part, part + 4])), path)
        report = ingest_sources(database, path)
        assert (report.source, report.rows, report.visits) == (str(path), 2, 2)
    one = connect()
    ingest_visits(one, visits())
    ingest_sources(one, sources())
    assert dump(database) == dump(one)
    one.close()


def test_no_rows_are_no_error(database: Database, tmp_path: Path) -> None:
    load_night(database)
    before = dump(database)
    path = tmp_path / "sources.csv"
    path.write_text("diaSourceId,visit,ra,dec\n")
    for options in ({}, {"replace": True}, {"create_visits": True}, {"skip_invalid": True}):
        assert ingest_sources(database, path, **options).rows == 0
    assert dump(database) == before


def test_a_hundred_thousand_rows(database: Database) -> None:
    """Far above what it takes: it must not grow with the square of the rows."""
    n, n_visits = 100_000, 100
    rng = np.random.default_rng(1)
    ids = rng.permutation(n) + 2**60
    visit = np.arange(n) % n_visits
    table = {
        "diaSourceId": ids,
        "visit": visit,
        "detector": rng.integers(0, 189, n),
        "ra": rng.uniform(0, 360, n),
        "dec": rng.uniform(-90, 90, n),
        "psfFlux": rng.uniform(0, 1e5, n).astype(np.float32),
    }
    ingest_visits(database, {"visit": range(n_visits), "midpointMjdTai": [60000.0] * n_visits})
    start = time.perf_counter()
    ingest_sources(database, table)
    assert time.perf_counter() - start < 60
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(dia_source)) == n
        for row in rng.integers(0, n, 50):
            one = sa.select(dia_source).where(dia_source.c.diaSourceId == int(ids[row]))
            stored = connection.execute(one).one()
            expected = [table[name][row].item() for name in table]
            assert [*(getattr(stored, name) for name in list(table)[:5]), single(stored.psfFlux)] == expected


# ---- what is refused -------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    *(
        ({other: values for other, values in ONE.items() if other != name}, [f"column {name} is missing", "has:"])
        for name in ("diaSourceId", "visit", "ra", "dec")
    ),
    (with_value(sources(), "diaSourceId", 2, None), ["diaSourceId is missing (row 3)"]),
    (with_value(sources(), "visit", 2, None), ["visit is missing (row 3)"]),
    (with_value(sources(), "detector", 2, None), ["detector is missing (row 3)"]),
    *(
        (with_value(sources(), "ra", 1, value), ["ra is not a number", "row 2"])
        for value in (None, float("nan"), float("inf"), -999.0, 360.1, -180.1)
    ),
    *(
        (with_value(sources(), "dec", 7, value), ["dec is not a number", "row 8"])
        for value in (None, float("nan"), float("-inf"), -999.0, 90.01, -90.01)
    ),
    (with_value(with_value(sources(), "ra", 0, 999.0), "dec", 1, 99.0), ["ra is", "row 1", "dec is", "row 2"]),
    ({**sources(), "ra": ["50d", *["50"] * 7]}, ["column ra is not a number", "row 1", "50d"]),
    ({**sources(), "psfFlux": ["1"] * 7 + ["bright"]}, ["column psfFlux is not a number", "row 8", "bright"]),
    ({**sources(), "isNegative": [2] * 8}, ["column isNegative is not true or false", "row 1"]),
    ({**sources(), "ra": [3.0] * 8 * u.m}, ["column ra", "'m'", "cannot be converted to deg"]),
    ({**sources(), "psfFlux": [3.0] * 8 * u.ct}, ["column psfFlux", "'ct'", "cannot be converted to nJy"]),
    ({**sources(), "psfFlux": [1e39] * 8}, ["column psfFlux", "too large for single precision", "row 1"]),
    ({**sources(), "detector": [2**15] * 8}, ["column detector is not within -32768 to 32767", "row 1"]),
    ({**sources(), "detector": [1.5] * 8}, ["column detector is not a whole number", "row 1"]),
    ({**sources(), "diaSourceId": [1e18 + i for i in range(8)]}, ["column diaSourceId", "too large to be exact"]),
    ({**sources(), "diaSourceId": np.full(8, 2**64 - 1, np.uint64)}, ["column diaSourceId is not within", "row 1"]),
    ({**sources(), "band": ["r"] * 7 + ["ninechars"]}, ["column band is longer than 8", "row 8"]),
    ({**sources(), "band": ["r"] * 7 + ["r\0"]}, ["column band has a NUL", "row 8"]),
    ({**sources(), "midpointMjdTai": [2460000.6] * 8}, ["midpointMjdTai", "JD", "row", "2400000.5"]),
    ({**sources(), "midpointMjdTai": [1.6776e9] * 8}, ["midpointMjdTai", "unix", "row"]),
    (
        {**sources(), "midpointMjdTai": [60000.1] * 7 + [60000.2]},
        ["midpointMjdTai is more than 0.02 d", "rows 5, 6, 7"],
    ),
    ({**sources(), "midpointMjdTai": [60000.12001] + [None] * 7}, ["midpointMjdTai is more than 0.02 d", "row 1"]),
    (with_value(sources(), "diaSourceId", 3, 101), ["diaSourceId is there twice (row 4)"]),
    (with_value(sources(), "diaSourceId", 6, 101), ["diaSourceId is there twice (row 7)"]),
    (with_value(sources(), "visit", 6, 30), ["visits are not in the database (30)", "create_visits=True", "ingest"]),
    ({**with_value(sources(), "visit", 6, -1), "visit": [-1] * 7 + [10]}, ["visits are not in the database (-1)"]),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    """From memory, and, where Parquet can hold it, from a file that is then named; with --replace as well."""
    load_night(database)
    fresh = {**sources(), "diaSourceId": [id_ + 1000 for id_ in sources()["diaSourceId"]]}
    for wrong, words in WRONG:
        # Nothing but what is meant is wrong: the identifiers that are as in the night are others.
        same = list(wrong.get("diaSourceId", [])) == sources()["diaSourceId"]
        source = {**wrong, "diaSourceId": fresh["diaSourceId"]} if same else wrong
        refused(database, ingest_sources, source, *words, error=InputError)
        if not any(isinstance(values, u.Quantity) for values in source.values()):
            path = tmp_path / "night.parquet"
            write_columns(pa.table(source), path)
            refused(database, ingest_sources, path, str(path), *words, error=InputError, replace=True)


def test_a_stored_source_is_refused_with_its_row(database: Database) -> None:
    """In the same visit, or in another one; also where others are being replaced."""
    load_night(database)
    twice = {
        "diaSourceId": [7, 203, 101],
        "visit": [20, 20, 20],
        "detector": [1, 1, 1],
        "ra": [1.0] * 3,
        "dec": [0.0] * 3,
    }
    refused(database, ingest_sources, twice, "2 sources are stored already", "101, 203", "rows 2, 3", "replace=True")
    # Detector 1 of visit 20 is replaced; 203 is on detector 2, 101 in visit 10.
    refused(database, ingest_sources, twice, "2 sources are stored already", "101, 203", "rows 2, 3", replace=True)
    # Between stored identifiers is not the same as stored.
    ingest_sources(database, rows_of({**twice, "diaSourceId": [150, 160, 170]}, [0, 1, 2]))


def test_a_truncated_or_missing_file_stores_nothing(database: Database, tmp_path: Path) -> None:
    load_night(database)
    n = 3000
    columns = {
        "diaSourceId": np.arange(n) + 1000,
        "visit": np.full(n, 10),
        "ra": np.full(n, 1.5),
        "dec": np.full(n, 1.5),
    }
    for ending in ("parquet", "fits", "vot", "csv.gz"):
        path = tmp_path / f"sources.{ending}"
        write_columns(pa.table(columns), path)
        refused(database, ingest_sources, truncated(path), str(path), error=InputError)
    path = tmp_path / "sources.csv"
    path.write_text("diaSourceId,visit,ra,dec\n1000,10,1.5,1.5\n1001,10,1.")
    refused(database, ingest_sources, path, str(path), "complete", error=InputError)
    refused(database, ingest_sources, tmp_path / "none.csv", "none.csv", "no such file", error=InputError)


def test_a_column_map_that_does_not_fit_stores_nothing(database: Database, tmp_path: Path) -> None:
    load_night(database)
    fresh = {**ONE, "diaSourceId": [1000]}
    refused(database, ingest_sources, fresh, "coord_ra", "the file has", columns={"columns": {"ra": "coord_ra"}})
    refused(
        database, ingest_sources, fresh, "furlong", columns={"columns": {"ra": {"column": "ra", "unit": "furlong"}}}
    )
    path = tmp_path / "map.yaml"
    path.write_text("columns: [1, 2]")
    refused(database, ingest_sources, fresh, str(path), columns=path, error=ConfigError)


# ---- --skip-invalid --------------------------------------------------------------------------------------------------


def test_skip_invalid_stores_the_rest_and_counts(database: Database) -> None:
    ingest_visits(database, visits())
    table = with_value(sources(), "ra", 0, float("nan"))
    table = with_value(table, "dec", 1, 91.0)
    table = with_value(table, "diaSourceId", 2, None)
    table = with_value(table, "diaSourceId", 5, 201)  # the first of two stays
    report = ingest_sources(database, {**table, "midpointMjdTai": [None] * 6 + [2460000.7, None]}, skip_invalid=True)
    assert (report.rows, report.invalid, report.visits) == (3, 5, 2)
    assert [row["diaSourceId"] for row in rows(database, "DiaSource")] == [104, 201, 204]
    assert set(statuses(database)) == {(10,), (20,), (10, 2), (20, 1), (20, 2)}


def test_rows_are_those_of_the_file_where_others_are_left_out(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_sources(database, rows_of(with_value(sources(), "ra", 7, 50.62), [7]))
    table = with_value(sources(), "ra", 0, float("nan"))
    refused(database, ingest_sources, table, "row 8)", "204", skip_invalid=True)
    times = [60000.1] * 4 + [60000.2, 60000.3, 60000.2, 60000.2]
    refused(database, ingest_sources, {**table, "midpointMjdTai": times}, "0.02 d", "(row 6)", skip_invalid=True)


# ---- --create-visits -------------------------------------------------------------------------------------------------


def test_create_visits_from_the_sources(database: Database) -> None:
    """Those that are stored stay as they are."""
    ingest_visits(database, rows_of(visits(), [0]))
    before = rows(database, "Visit")[0]
    times = [60000.1] * 4 + [60000.2, 60000.2, 60000.21, 60000.22]
    table = {**sources(), "midpointMjdTai": times, "band": ["z"] * 5 + [None] * 3, "exposureTime": [30.5] * 8}
    report = ingest_sources(database, table, create_visits=True)
    assert (report.rows, report.visits) == (8, 2)
    old, new = rows(database, "Visit")
    assert old == before | {"firstDiaSourceId": 101, "lastDiaSourceId": 104}
    assert (new["visit"], new["band"], new["exposureTime"], new["status"]) == (20, "z", 30.5, "pending")
    assert new["midpointMjdTai"] == pytest.approx(60000.21, abs=1e-9)
    assert {new[name] for name in ("predictionsAt", "ra", "dec", "runId", "nSources")} == {None}
    assert [row["midpointMjdTai"] for row in rows(database, "DiaSource")] == times


def test_more_visits_in_a_file_than_a_statement_has_parameters(database: Database) -> None:
    """From 501 on they are text of the statement."""
    n = 501
    row = {"ra": [150.0] * n, "dec": [2.0] * n, "band": ["r"] * n, "observatoryCode": ["X05"] * n}
    visits = {"visit": list(range(1, n + 1)), "midpointMjdTai": [61041.0 + i for i in range(n)]}
    for first in (1, 1001):  # the second adds to what the detectors have
        report = ingest_sources(
            database, row | visits | {"diaSourceId": list(range(first, first + n))}, create_visits=True
        )
        assert report.new == n
    assert {row["nDiaSources"] for row in rows(database, "VisitDetector")} == {2}


def test_visits_cannot_be_made_without_a_time(database: Database) -> None:
    refused(database, ingest_sources, sources(), "midpointMjdTai", create_visits=True, error=InputError)
    some = {**sources(), "midpointMjdTai": [None] + [60000.1] * 3 + [60000.2] * 4}
    refused(database, ingest_sources, some, "midpointMjdTai", create_visits=True, error=InputError)


def test_times_far_apart_make_no_visit(database: Database) -> None:
    table = {**rows_of(sources(), range(4)), "midpointMjdTai": [60000.1, 60000.1, 60000.1, 60000.2]}
    refused(database, ingest_sources, table, "0.02 d", create_visits=True, error=InputError)


def test_create_visits_asks_for_no_time_where_all_visits_are_stored(database: Database) -> None:
    ingest_visits(database, visits())
    assert ingest_sources(database, sources(), create_visits=True).rows == 8


# ---- state -----------------------------------------------------------------------------------------------------------


def matched(database: Database) -> dict[int, int]:
    """The sources that are known objects, in DiaSource."""
    return {
        row["diaSourceId"]: row["ssObjectId"] for row in rows(database, "DiaSource") if row["ssObjectId"] is not None
    }


@pytest.mark.parametrize("footprints", [False, True])
def test_new_sources_set_visit_and_detectors_back_to_pending(database: Database, footprints: bool) -> None:
    """The other detectors and visits stay done, and what was derived stays until it is renewed."""
    load_night(database, footprints=footprints)
    before, found = dump(database), matched(database)
    new = {"diaSourceId": [301, 302], "visit": [10, 10], "detector": [1, 3], "ra": [50.02, 51.0], "dec": [-5.0, -5.0]}
    ingest_sources(database, new)
    assert statuses(database) == {
        (10,): "pending",
        (10, 1): "pending",
        (10, 2): "done",
        (10, 3): "pending",
        (20,): "done",
        (20, 1): "done",
        (20, 2): "done",
    }
    after = dump(database)
    assert [after[table] for table in DERIVED] == [before[table] for table in DERIVED]
    assert matched(database) == found
    associate(database)
    assert set(statuses(database).values()) == {"done"}
    assert matched(database) == found


def test_replace_removes_the_rows_of_the_detectors_and_what_was_derived(database: Database) -> None:
    """Other visits stay as they are; the sources of other detectors stay; no derived row is without its source."""
    load_night(database)
    before = dump(database)
    new = {"diaSourceId": [101, 301], "visit": [10, 10], "detector": [1, 1], "ra": [50.3, 50.0001], "dec": [-5.3, -5.0]}
    report = ingest_sources(database, new, replace=True)
    assert report.rows == 2
    after = dump(database)
    kept = [row["diaSourceId"] for row in after["DiaSource"]]
    assert kept == [101, 103, 104, 201, 202, 203, 204, 301]
    assert after["DiaSource"][0]["ra"] == 50.3
    for table in (*DERIVED, "Visit", "VisitDetector", "DiaSource", "SsPrediction"):
        of_20 = [row for row in after[table] if row["visit"] == 20]
        assert of_20 == [row for row in before[table] if row["visit"] == 20]
    assert statuses(database)[(10,)] == statuses(database)[(10, 1)] == "pending"
    gone = {101, 102}
    assert not [row for table in DERIVED for row in after[table] if row["visit"] == 10 and row["diaSourceId"] in gone]
    assert matched(database) == {row["diaSourceId"]: row["ssObjectId"] for row in after["SSSource"]}


def test_after_replace_and_associate_all_is_as_if_never_otherwise(database: Database) -> None:
    load_night(database)
    moved = with_value(sources(), "ra", 0, 50.3)
    ingest_sources(database, rows_of(moved, [1, 0]), replace=True)
    associate(database)
    fresh = connect()
    ingest_visits(fresh, visits())
    ingest_sources(fresh, moved)
    ingest_predictions(fresh, predictions())
    associate(fresh)
    assert without_clock(dump(database)) == without_clock(dump(fresh))
    assert 101 not in matched(database)
    fresh.close()


def test_replace_where_nothing_is_stored_is_an_ordinary_ingest(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_sources(database, sources(), replace=True)
    one = connect()
    ingest_visits(one, visits())
    ingest_sources(one, sources())
    assert dump(database) == dump(one)
    one.close()


def test_replacing_with_the_same_rows_gives_the_same_rows(database: Database) -> None:
    load_night(database)
    before = without_clock(dump(database))
    ingest_sources(database, sources(), replace=True)
    assert [dump(database)[table] for table in DERIVED] == [[], [], []]
    associate(database)
    assert without_clock(dump(database)) == before


def test_a_footprint_stays_when_sources_come(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_detectors(database, corners())
    (before,) = rows(database, "VisitDetector")
    ingest_sources(database, rows_of(sources(), [0, 1]))
    (after,) = rows(database, "VisitDetector")
    others = ("nDiaSources", "maxSourceVariance", "sourceCounts")
    totals = {name for name in after if name.endswith(("SourceMjdTai", "DiaSourceId")) or name in others}
    assert len(totals) == 7
    assert {name for name in after if after[name] != before[name]} == totals


# ---- foreign catalogues ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("with_unit", [True, False])
def test_rubins_coordinates_in_radians(database: Database, tmp_path: Path, with_unit: bool) -> None:
    ra, dec = [3.0, 6.2, 0.1], [-1.5, 0.0, 1.25]
    field = {"metadata": {"unit": "rad"} if with_unit else None}
    schema = pa.schema(
        [
            pa.field("id", pa.int64()),
            pa.field("coord_ra", pa.float64(), **field),
            pa.field("coord_dec", pa.float64(), **field),
            pa.field("coord_raErr", pa.float32(), **field),
            pa.field("visit", pa.int64()),
            pa.field("detector", pa.uint8()),
        ]
    )
    path = tmp_path / "dia.parquet"
    columns = [[1, 2, 3], ra, dec, [1e-6, None, 0.0], [10, 10, 10], [188, 188, 0]]
    write_columns(pa.table([pa.array(v, f.type) for v, f in zip(columns, schema, strict=True)], schema=schema), path)
    made = tmp_path / "rubin.yaml"
    made.write_text(
        "columns:\n  diaSourceId: id\n"
        + "".join(
            f"  {name}: {{column: coord_{name}, unit: rad}}\n" if not with_unit else f"  {name}: coord_{name}\n"
            for name in ("ra", "dec", "raErr")
        )
    )
    ingest_visits(database, visits())
    report = ingest_sources(database, path, columns=made)
    stored = rows(database, "DiaSource")
    assert [row["ra"] for row in stored] == pytest.approx([math.degrees(angle) for angle in ra], abs=1e-13)
    assert [row["dec"] for row in stored] == pytest.approx([math.degrees(angle) for angle in dec], abs=1e-13)
    assert stored[0]["raErr"] == pytest.approx(math.degrees(1e-6), rel=1e-6)
    assert [row["raErr"] for row in stored[1:]] == [None, None]
    assert [row["detector"] for row in stored] == [188, 188, 0]
    assert report.left_out == ()
    assert report.without_unit == ()


def test_sextractors_catalogue(database: Database, tmp_path: Path) -> None:
    """FITS with ALPHA_J2000 in degrees; the visit is nowhere in it."""
    table = Table({"NUMBER": np.arange(1, 4, dtype=np.int32), "FLAGS": np.array([0, 4, 16], np.int16)})
    table["ALPHA_J2000"] = [10.5, 359.9999, 0.25] * u.deg
    table["DELTA_J2000"] = [-5.0, 0.0, 5.0] * u.deg
    table["ERRA_WORLD"] = [0.36, 0.72, 0.0] * u.arcsec
    table["X_IMAGE"] = np.array([1.5, 2.5, 3.5], np.float32) * u.pix
    table["MAG_AUTO"] = np.array([18.9, 99.0, 21.4]) * u.mag
    path = tmp_path / "image.cat.fits"
    table.write(path)
    columns = {
        "columns": {
            "diaSourceId": "NUMBER",
            "visit": {"constant": 10},
            "ra": "ALPHA_J2000",
            "dec": "DELTA_J2000",
            "raErr": "ERRA_WORLD",
            "x": "X_IMAGE",
            "psfFlux": {"column": "MAG_AUTO", "convert": "ABmag"},
            "band": {"constant": "r"},
        }
    }
    ingest_visits(database, visits())
    report = ingest_sources(database, path, columns=columns)
    assert report.left_out == ("FLAGS",)
    stored = rows(database, "DiaSource")
    assert [(row["diaSourceId"], row["visit"], row["detector"], row["band"]) for row in stored] == [
        (1, 10, 0, "r"),
        (2, 10, 0, "r"),
        (3, 10, 0, "r"),
    ]
    assert [row["ra"] for row in stored] == [10.5, 359.9999, 0.25]
    assert [row["raErr"] for row in stored[:2]] == pytest.approx([1e-4, 2e-4], rel=1e-6)
    assert stored[2]["raErr"] is None
    assert [row["x"] for row in stored] == [1.5, 2.5, 3.5]
    # 18.9 mag and 21.4 mag are 1e5 and 1e4 nJy: 31.4 mag is 1 nJy.
    assert [stored[0]["psfFlux"], stored[2]["psfFlux"]] == pytest.approx([1e5, 1e4], rel=1e-5)


def test_ztfs_alerts(database: Database, tmp_path: Path) -> None:
    """CSV with Julian dates in UTC, magnitudes and filter numbers; the visits are made from them."""
    path = tmp_path / "ztf.csv"
    path.write_text(
        "candid,pid,rcid,jd,fid,magpsf,sigmapsf,ra,dec,isdiffpos,ssnamenr\n"
        "1222345678915015000,1222345678915,50,2458976.75,1,18.9,0.1,215.5,-10.25,t,1234\n"
        "1222345678915015001,1222345678915,50,2458976.75,1,21.4,,215.6,-10.35,f,null\n"
        "1222345690015015002,1222345690015,51,2458977.25,2,18.9,0.2,-0.5,10,t,\n"
    )
    made = tmp_path / "ztf.yaml"
    made.write_text(
        "columns:\n"
        "  diaSourceId: candid\n"
        "  visit: pid\n"
        "  detector: rcid\n"
        "  midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}\n"
        "  psfFlux: {column: magpsf, convert: ABmag}\n"
        "  psfFluxErr: {column: sigmapsf, convert: ABmag_error, magnitude: magpsf}\n"
        "  band: {column: fid, values: {1: g, 2: r, 3: i}}\n"
        "  isNegative: {column: isdiffpos, values: {t: false, f: true}}\n"
        "keep: true\n"
    )
    report = ingest_sources(database, path, columns=made, create_visits=True)
    assert set(report.left_out) == {"ssnamenr"}
    stored = rows(database, "DiaSource")
    assert [row["diaSourceId"] for row in stored] == [1222345678915015000, 1222345678915015001, 1222345690015015002]
    assert [(row["visit"], row["detector"], row["band"]) for row in stored] == [
        (1222345678915, 50, "g"),
        (1222345678915, 50, "g"),
        (1222345690015, 51, "r"),
    ]
    # TAI is 37 s ahead of UTC in 2020.
    times = [58976.25 + 37 / 86400] * 2 + [58976.75 + 37 / 86400]
    assert [row["midpointMjdTai"] for row in stored] == pytest.approx(times, abs=1e-9)
    assert [row["psfFlux"] for row in stored] == pytest.approx([1e5, 1e4, 1e5], rel=1e-5)
    # A tenth of a magnitude is 9.2 per cent.
    assert [stored[0]["psfFluxErr"], stored[2]["psfFluxErr"]] == pytest.approx([9210.34, 18420.68], rel=1e-5)
    assert stored[1]["psfFluxErr"] is None
    assert [row["ra"] for row in stored] == [215.5, 215.6, 359.5]
    assert [row["isNegative"] for row in stored] == [False, True, False]
    assert [(row["visit"], row["band"]) for row in rows(database, "Visit")] == [
        (1222345678915, "g"),
        (1222345690015, "r"),
    ]


# ---- at the same time ------------------------------------------------------------------------------------------------


def detector_files(n_visits: int, n_detectors: int) -> list[dict[str, list[Any]]]:
    """One table a detector, over all visits, each in another order."""
    tables = []
    for detector in range(n_detectors):
        order = list(range(n_visits))
        random.Random(detector).shuffle(order)
        tables.append(
            {
                "diaSourceId": [1000 * detector + visit for visit in order],
                "visit": order,
                "detector": [detector] * n_visits,
                "ra": [10.0 * detector + 0.1 * visit for visit in order],
                "dec": [-1.0] * n_visits,
                "midpointMjdTai": [60000.0 + visit / 1000 for visit in order],
            }
        )
    return tables


def all_detectors(tables: list[dict[str, list[Any]]]) -> dict[str, list[Any]]:
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}


@pytest.mark.parametrize("replace", [False, True])
def test_the_detectors_of_the_same_visits_at_once(database: Database, replace: bool) -> None:
    """No deadlock, nothing lost; the visits are new, and each writer makes what is not there yet."""
    tables = detector_files(60, 6)
    results = at_once(
        [lambda t=table: ingest_sources(database, t, create_visits=True, replace=replace) for table in tables]
    )
    assert [result.rows for result in results] == [60] * 6
    one = connect()
    ingest_sources(one, all_detectors(tables), create_visits=True)
    assert dump(database) == dump(one)
    one.close()


def test_the_same_file_twice_at_once_is_stored_once(database: Database) -> None:
    ingest_visits(database, visits())
    results = at_once([lambda: ingest_sources(database, sources())] * 2)
    assert sorted((result.new, result.changed, result.unchanged) for result in results) == [(0, 0, 8), (8, 0, 0)]
    assert len(rows(database, "DiaSource")) == 8


def test_everything_at_once(database: Database) -> None:
    """Sources, predictions, visits and two associations at the same time; a last one leaves what is always left."""
    tables = detector_files(40, 3)
    night = {"visit": list(range(40)), "midpointMjdTai": [60000.0 + visit / 1000 for visit in range(40)]}
    found = {
        "visit": tables[1]["visit"],
        "designation": ["433"] * 40,
        "ephRa": tables[1]["ra"],
        "ephDec": tables[1]["dec"],
    }
    ingest_visits(database, night)
    works: list[Callable[[], Any]] = [
        *(lambda t=table: ingest_sources(database, t) for table in tables),
        lambda: ingest_predictions(database, found, complete=True),
        lambda: ingest_visits(database, night),
        lambda: associate(database),
        lambda: associate(database),
    ]
    results = at_once(works)
    assert [result for result in results if isinstance(result, Exception)] == []
    associate(database)
    one = connect()
    ingest_visits(one, night)
    ingest_sources(one, all_detectors(tables))
    ingest_predictions(one, found)
    associate(one)
    assert without_clock(dump(database)) == without_clock(dump(one))
    assert len(matched(database)) == 40
    one.close()


@pytest.mark.parametrize(("unit", "doubted"), [("", True), ("rad", False), ("deg", False)])
def test_radians_without_a_unit_are_doubted(database: Database, unit: str, doubted: bool) -> None:
    """Positions that could be radians are taken for degrees, as the rule is, but not in silence."""
    ingest_visits(database, visits())
    table = Table({"diaSourceId": range(30), "visit": [10] * 30, "ra": np.linspace(0.1, 6.2, 30), "dec": [-0.1] * 30})
    for name in ("ra", "dec"):
        table[name].unit = unit or None
    doubts = ingest_sources(database, table).doubts
    assert [("ra and dec look like radians" in doubt) for doubt in doubts] == [True] * doubted


def test_degrees_without_a_unit_are_not_doubted(database: Database) -> None:
    ingest_visits(database, visits())
    columns = {"diaSourceId": range(30), "visit": [10] * 30, "ra": np.linspace(0.1, 6.4, 30), "dec": [-0.1] * 30}
    assert ingest_sources(database, columns).doubts == ()


def test_sources_stored_under_another_detector_are_named_with_it(database: Database) -> None:
    """--replace concerns the detectors of the file; those that the sources are stored under are told."""
    load_night(database)
    moved = rows_of(sources(), [0, 1]) | {"detector": [7, 7]}
    refused(
        database, ingest_sources, moved, "2 sources are stored already", "under visit, detector 10, 1", replace=True
    )


def test_the_same_source_loaded_twice_at_once_for_two_visits(postgresql_url: str) -> None:
    """Neither the key nor the locks of the visits tell them apart: one of the two files is refused."""
    database = connect(postgresql_url)
    ingest_visits(database, visits())
    files = [
        {"diaSourceId": range(500), "visit": [visit] * 500, "ra": [1.0] * 500, "dec": [0.0] * 500} for visit in (10, 20)
    ]
    results = at_once([lambda f=file: ingest_sources(database, f) for file in files])
    refusals = [result for result in results if isinstance(result, Exception)]
    assert len(refusals) == 1
    assert "500 sources are stored already" in str(refusals[0])
    assert len(dump(database)["DiaSource"]) == 500
    database.close()
