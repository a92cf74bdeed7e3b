"""mpc_orb_jsonb: text whatever readers made of it, and what it knows better than the columns beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.table import Table
from orbit_files import columns, mpc_row, stored

from ssdb.ephemeris.covariance import covariance_of
from ssdb.ingest.orbits import ingest_orbits
from ssdb.store.database import Database

NAMES = ("q", "e", "i", "node", "argperi", "peri_time")
COVARIANCE = {f"cov{i}{j}": 1e-16 * (i + 1) if i == j else 0.0 for i in range(6) for j in range(i, 6)}
ORBIT = {
    "COM": {
        "coefficient_names": list(NAMES),
        "coefficient_values": [2.2, 0.1, 5.0, 30.0, 20.0, 57160.5],
        "covariance": COVARIANCE | {"cov06": None},
    },
    "epoch_data": {"epoch": 57200.0},
    "magnitude_data": {"H": 18.125, "G": 0.15},
    "moid_data": {"Earth": 0.375, "Mars": None},
    "categorization": {"orbit_type_int": 11, "orbit_type_str": "MB"},
    "orbit_fit_statistics": {
        "U_param": 2.0,
        "nopp": 4,
        "nobs_total": 212,
        "nobs_total_sel": 210,
        "arc_length_total": "20 days",
        "arc_length_sel": "1955-2019",
        "normalized_RMS": 0.5,
        "not_normalized_RMS": None,
    },
}
KNOWN = {
    **{"h": 18.125, "g": 0.15, "earth_moid": 0.375, "orbit_type_int": 11, "u_param": 2, "nopp": 4},
    **{"nobs_total": 212, "nobs_total_sel": 210, "arc_length_total": 20.0, "arc_length_sel": None},
    **{"normalized_rms": 0.5, "not_normalized_rms": None},
}
OTHER = mpc_row(
    packed_primary_provisional_designation="K10A00B",
    unpacked_primary_provisional_designation="2010 AB",
    mpc_orb_jsonb={"orbit_fit_statistics": {"arc_length_total": 5, "nopp": 1}, "note": ["a", 1]},
)
ROWS = [mpc_row(mpc_orb_jsonb=ORBIT), OTHER]

_MAP = pa.map_(pa.string(), pa.map_(pa.string(), pa.float64()))


def as_struct(path: Path) -> Any:
    pyarrow.parquet.write_table(pa.Table.from_pylist([ROWS[0]]), path)
    return path


def as_map(path: Path) -> Any:
    table = pa.Table.from_pylist([mpc_row()])
    orbit = {"magnitude_data": ORBIT["magnitude_data"]}
    pyarrow.parquet.write_table(table.append_column("mpc_orb_jsonb", pa.array([orbit], _MAP)), path)
    return path


def as_bytes(path: Path) -> Any:
    pyarrow.parquet.write_table(pa.Table.from_pylist([mpc_row(mpc_orb_jsonb=json.dumps(ORBIT).encode())]), path)
    return path


MADE = {
    "dicts": lambda path: columns(*ROWS),
    "pandas": lambda path: pd.DataFrame(ROWS),
    "astropy": lambda path: Table(
        columns(*ROWS), dtype=[object if name == "mpc_orb_jsonb" else None for name in OTHER]
    ),
    "struct": as_struct,
    "struct in memory": lambda path: pa.Table.from_pylist([ROWS[0]]),
    "pandas of a struct": lambda path: pd.read_parquet(as_struct(path)),
    "bytes": as_bytes,
}


@pytest.mark.parametrize("made", MADE.values(), ids=MADE)
def test_the_covariance_is_there_whatever_the_column_was(
    database: Database, tmp_path: Path, made: Callable[[Path], Any]
) -> None:
    report = ingest_orbits(database, made(tmp_path / "orbits.parquet"))
    assert (report.invalid, report.doubts, report.left_out) == (0, (), ())
    row = stored(database)["2015 MQ204"]
    assert json.loads(row["mpc_orb_jsonb"]) == ORBIT
    found = covariance_of(row["mpc_orb_jsonb"], 57200.0, "2015 MQ204")
    assert found is not None
    assert found.shape == (6, 6)
    assert {name: row[name] for name in KNOWN} == KNOWN


def test_a_map_is_text_too(database: Database, tmp_path: Path) -> None:
    ingest_orbits(database, as_map(tmp_path / "orbits.parquet"))
    row = stored(database)["2015 MQ204"]
    assert json.loads(row["mpc_orb_jsonb"]) == {"magnitude_data": ORBIT["magnitude_data"]}
    assert (row["h"], row["g"]) == (18.125, 0.15)


def test_text_stays_to_the_letter(database: Database) -> None:
    text = json.dumps(ORBIT, indent=3)
    ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb=text)))
    assert stored(database)["2015 MQ204"]["mpc_orb_jsonb"] == text


def test_what_the_columns_know_stays(database: Database) -> None:
    own = {"h": 18.5, "nobs_total": 3, "earth_moid": 0.0, "orbit_type_int": -1, "not_normalized_rms": 0.0}
    ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb=json.dumps(ORBIT), **own)))
    row = stored(database)["2015 MQ204"]
    assert {name: row[name] for name in KNOWN} == KNOWN | {"h": 18.5, "nobs_total": 3}


NOT_JSON = "mpc_orb_jsonb is not JSON (a dict as Python prints it, say), so that its covariance is not used"


@pytest.mark.parametrize("text", [str(ORBIT), "{broken", "{'a': 1}"])
def test_a_text_that_is_no_json_is_told(database: Database, text: str) -> None:
    report = ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb=text), OTHER))
    assert (report.rows, report.doubts) == (2, (f"{NOT_JSON} (row 1)",))


@pytest.mark.parametrize(
    "text",
    ["no JSON", "[1, 2]", '{"magnitude_data": 5}', '{"magnitude_data": {"H": "bright", "G": [1]}}', "null", "[" * 2000]
    + [json.dumps({"magnitude_data": {"H": value}, "moid_data": {"Earth": 0.0}}) for value in (99.99, -9.99, 0, True)]
    + ['{"orbit_fit_statistics": {"nopp": 1e400, "nobs_total": 1.5, "nobs_total_sel": 99999999999}}'],
)
def test_a_text_that_knows_nothing_costs_nothing(database: Database, text: str) -> None:
    report = ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb=text, h=None)))
    told = () if text.endswith("}") or text == "null" else (f"{NOT_JSON} (row 1)",)
    assert (report.rows, report.doubts) == (1, told)
    row = stored(database)["2015 MQ204"]
    assert {name: row[name] for name in KNOWN} == dict.fromkeys(KNOWN)
    assert row["mpc_orb_jsonb"] == (None if text == "null" else text)  # as other texts that stand for NULL


def test_a_number_that_is_not_finite_makes_no_json_that_others_cannot_read(database: Database) -> None:
    ingest_orbits(database, columns(mpc_row(mpc_orb_jsonb={"a": np.nan, "b": np.float32(0.5), "c": np.array([1, 2])})))
    assert stored(database)["2015 MQ204"]["mpc_orb_jsonb"] == '{"a": null, "b": 0.5, "c": [1, 2]}'


# ---- when a row was written ------------------------------------------------------------------------------------------

MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789000)
_SECONDS = MOMENT.replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([0, 0], None),
        ([0.0, 0.0], None),
        (["0", "0.0"], None),
        ([round(_SECONDS * 1e3)] * 2, MOMENT),
        ([round(_SECONDS * 1e6)] * 2, MOMENT),
        ([round(_SECONDS * 1e3) * 1_000_000] * 2, MOMENT),
        ([round(_SECONDS * 1e6) / 1.0] * 2, MOMENT),
        (pa.array([MOMENT, MOMENT], pa.timestamp("ns", "UTC")), MOMENT),
        ([MOMENT.date()] * 2, datetime(2026, 2, 3)),
        (["2026-02-03T04:05:06.789Z", "2026-02-03 04:05:06.789+00:00"], MOMENT),
    ],
)
def test_dates_in_any_form(database: Database, given: Any, expected: datetime | None) -> None:
    dates = dict.fromkeys(("created_at", "updated_at", "fitting_datetime"), given)
    report = ingest_orbits(database, columns(mpc_row(), OTHER) | dates | {"mpc_orb_jsonb": [None, None]})
    assert report.doubts == ()
    assert [[row[name] for name in dates] for row in stored(database).values()] == [[expected] * 3] * 2


@pytest.mark.parametrize(
    "given",
    [["yesterday"] * 2, [12345, 12345], [-1.5, -1.5], ["2026-04-31"] * 2, [True, True], [b"x", b"y"], [{"a": 1}] * 2],
)
def test_a_date_that_cannot_be_read_never_costs_the_orbit(database: Database, given: Any) -> None:
    report = ingest_orbits(database, columns(mpc_row(), OTHER) | {"created_at": given, "mpc_orb_jsonb": [None, None]})
    assert (report.rows, report.invalid) == (2, 0)
    assert {row["created_at"] for row in stored(database).values()} == {None}
    told = (*report.doubts, *report.left_out)
    assert told in [("created_at is not a date and time of UTC: taken for unknown (rows 1, 2)",), ("created_at",)]
