"""MPCORB.DAT and the Minor Planet Center's table mpc_orbits: every value is read as what it is."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy.time import Time
from conftest import shared_data
from ingesting import refused
from orbit_files import (
    CERES,
    HYPERBOLA,
    ONE_OPPOSITION,
    PALLAS,
    changed,
    columns,
    kepler_state,
    mpc_row,
    mpcorb,
    stored,
)

from ssdb.errors import InputError
from ssdb.ingest.formats import orbit_block as reader
from ssdb.ingest.formats.mpcorb import read_mpcorb
from ssdb.ingest.orbits import ingest_orbits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

GM = 0.01720209895**2
"""Gauss's constant, with which the Minor Planet Center goes from a to n."""


def read(path: Path) -> list[dict[str, Any]]:
    return [row for block in read_mpcorb(path) for row in block.rows.to_pylist()]


# ---- MPCORB.DAT ------------------------------------------------------------------------------------------------------


def test_every_value_of_a_line(tmp_path: Path) -> None:
    first, *_, single = read(mpcorb(tmp_path / "a.dat", CERES, PALLAS, ONE_OPPOSITION))
    assert {name: first[name] for name in ("h", "g", "e", "i", "node", "argperi", "mean_anomaly")} == {
        "h": 3.35,
        "g": 0.15,
        "e": 0.0795763,
        "i": 10.58789,
        "node": 80.24963,
        "argperi": 73.29974,
        "mean_anomaly": 231.53975,
    }
    assert [first[name] for name in ("u_param", "nobs_total", "nopp", "not_normalized_rms")] == [0, 7369, 126, 0.69]
    assert first["arc_length_total"] is None, "of 1801-2025 the days are not known"
    assert [single[name] for name in ("u_param", "nobs_total", "nopp", "arc_length_total")] == [None, 12, 1, 33.0]
    # Half a unit of the last digit of a, and what the perihelion's distance has of it.
    assert first["a"] == pytest.approx(2.7656157, abs=1e-7)
    assert first["q"] == pytest.approx(2.7656157 * (1 - 0.0795763), abs=1e-7)
    assert first["period"] == pytest.approx(360 / 0.21429712, rel=1e-7)
    # M is 231.5 deg: 128.5 deg before the next perihelion.
    assert first["peri_time"] == pytest.approx(61000 + (360 - 231.53975) / 0.21429712, abs=1e-3)


@pytest.mark.parametrize(
    ("packed", "date"),
    [
        ("J9611", "1996-01-01"),
        ("J961A", "1996-01-10"),
        ("J969U", "1996-09-30"),
        ("J96A1", "1996-10-01"),
        ("K01AM", "2001-10-22"),
        ("K242T", "2024-02-29"),
        ("I8611", "1886-01-01"),
    ],
)
def test_packed_epochs(tmp_path: Path, packed: str, date: str) -> None:
    """The examples of https://www.minorplanetcenter.net/iau/info/PackedDates.html, and a few more."""
    (row,) = read(mpcorb(tmp_path / "a.dat", changed(CERES, 21, packed)))
    assert row["epoch_mjd"] == Time(date, scale="tt").mjd


def test_a_hyperbola_has_perihelion_alone(tmp_path: Path) -> None:
    (row,) = read(mpcorb(tmp_path / "a.dat", HYPERBOLA))
    a = (GM / np.radians(0.688) ** 2) ** (1 / 3)
    assert row["q"] == pytest.approx(a * 0.19926, rel=1e-7)
    assert row["peri_time"] == pytest.approx(58030 - 100 / 0.688, abs=1e-4)
    assert [row[name] for name in ("a", "mean_anomaly", "mean_motion", "period")] == [None] * 4


def test_the_better_of_the_two_sizes_is_taken(tmp_path: Path) -> None:
    """Near 1 au n has more digits than a, far out a."""
    near = changed(changed(CERES, 81, " 0.98560767"), 93, "  1.0000000")
    far = changed(changed(CERES, 81, " 0.00389589"), 93, " 40.0004004")
    first, second = read(mpcorb(tmp_path / "a.dat", near, changed(far, 1, "00002")))
    assert first["mean_motion"] == pytest.approx(0.98560767, rel=1e-12)
    assert second["a"] == pytest.approx(40.0004004, rel=1e-12)


@pytest.mark.parametrize("header", ["", "-" * 80 + "\n", "one\ntwo\n\n" + "x\n" * 500 + "-" * 160 + "\n"])
def test_the_header_may_have_any_length(tmp_path: Path, header: str) -> None:
    (block,) = read_mpcorb(mpcorb(tmp_path / "a.dat", "", CERES, "", "", PALLAS, header=header))
    n = header.count("\n")
    assert block.numbers.tolist() == [n + 2, n + 5]
    assert block.left_out == []


def test_lines_before_the_first_orbit_that_no_header_has_are_told(tmp_path: Path) -> None:
    (block,) = read_mpcorb(mpcorb(tmp_path / "a.dat", CERES[2:], CERES, header=""))
    assert [(text, numbers.tolist()) for text, numbers in block.left_out] == [
        ("not readable in the columns of MPCORB.DAT", [1])
    ]


def test_line_ends_of_other_systems_and_a_last_line_without_one(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(f"{CERES}\r\n{PALLAS[:103]}".encode())
    first, second = read(path)
    assert first["nobs_total"] == 7369
    assert (second["packed_primary_provisional_designation"], second["nobs_total"]) == ("00002", None)


def test_the_real_file_line_by_line() -> None:
    """Every 50th line, by slices of its text; the perihelion leads back to the mean anomaly."""
    path = shared_data("mpcorb/mpcorb.dat.gz")
    rows = read(path)
    with gzip.open(path, "rt") as file:
        lines = [line for line in file if line[20:25] == "K25BL"]
    assert len(rows) == len(lines)
    for line, row in list(zip(lines, rows, strict=True))[::50]:
        assert row["packed_primary_provisional_designation"] == line[:7].strip()
        h = line[8:13].strip()
        assert row["h"] == (float(h) if h else None)
        taken = [row[name] for name in ("mean_anomaly", "argperi", "node", "i", "e")]
        assert taken == [float(line[i:j]) for i, j in ((26, 35), (37, 46), (48, 57), (59, 68), (70, 79))]
        assert row["mean_motion"] == pytest.approx(float(line[80:91]), abs=2e-8)
        assert row["a"] == pytest.approx(float(line[92:103]), abs=2e-7)
        a = row["q"] / (1 - row["e"])
        anomaly = np.degrees(np.sqrt(GM / a**3)) * (61000.0 - row["peri_time"])
        assert (anomaly - float(line[26:35]) + 180) % 360 - 180 == pytest.approx(0, abs=1e-7)
        assert abs(anomaly) <= 180.0000001, "the nearest perihelion"


def test_elements_lead_to_the_position_that_they_mean(tmp_path: Path) -> None:
    """The state by q and peri_time is that by a and M, which the test's own two-body solution has."""
    (row,) = read(mpcorb(tmp_path / "a.dat", CERES))
    orientation = [row[name] for name in ("i", "node", "argperi")]
    by_peri = kepler_state(row["q"], row["e"], *orientation, row["epoch_mjd"] - row["peri_time"], GM)
    since = 231.53975 / 0.21429712
    by_anomaly = kepler_state(2.7656157 * (1 - 0.0795763), 0.0795763, *orientation, since, GM)
    assert by_peri[:3] == pytest.approx(by_anomaly[:3], abs=3e-7)


# ---- the table mpc_orbits --------------------------------------------------------------------------------------------

JSON = '{"COM": {"covariance": {"cov00": 1.5e-10}},\n "note": "a, \\"b\\""}'
FULL = mpc_row(
    mpc_orb_jsonb=JSON,
    created_at="2023-05-01 12:34:56.789+00",
    updated_at="2024-05-01T00:00:00",
    orbit_type_int=11,
    u_param=3,
    nopp=7,
    arc_length_total=5000.5,
    a=2.4444,
    q_unc=1e-9,
    a1=None,
    yarkovsky=-1.25,
    h=18.1,
    g=0.15,
)


def as_csv(path: Path, *rows: dict[str, Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: "" if value is None else value for name, value in row.items()} for row in rows)
    return path


def as_parquet(path: Path, *rows: dict[str, Any]) -> Path:
    pyarrow.parquet.write_table(pa.table(columns(*rows)), path)
    return path


@pytest.mark.parametrize(("write", "name"), [(as_csv, "o.csv"), (as_parquet, "o.parquet")])
def test_the_table_comes_back_and_its_json_to_the_letter(
    database: Database, tmp_path: Path, write: Callable[..., Path], name: str
) -> None:
    other = FULL | mpc_row(
        packed_primary_provisional_designation="K15MK5Q",
        unpacked_primary_provisional_designation="2015 MQ205",
        mpc_orb_jsonb="{}",
    )
    report = ingest_orbits(
        database, write(tmp_path / name, FULL | {"id": 77, "permid": "5"}, other | {"id": 7, "permid": ""})
    )
    assert (report.rows, report.invalid) == (2, 0)
    rows = stored(database)
    row = rows["2015 MQ204"]
    times = ("created_at", "updated_at")
    assert {name: row[name] for name in FULL if name not in times} == {
        name: value for name, value in FULL.items() if name not in times
    }
    assert [str(row[name]) for name in times] == ["2023-05-01 12:34:56.789000", "2024-05-01 00:00:00"]
    assert (row["id"], rows["2015 MQ205"]["id"]) == (1, 2)


def test_parts_of_a_csv_file_have_the_numbers_of_their_rows(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_CSV_BLOCK_BYTES", 700)
    many = [
        mpc_row(
            packed_primary_provisional_designation=f"K15M{n:02d}Q",
            unpacked_primary_provisional_designation=f"2015 MQ{n}",
        )
        for n in range(10, 60)
    ]
    many[30]["q"] = -1.0
    path = as_csv(tmp_path / "o.csv", *many)
    lines = path.read_text().splitlines()
    lines.insert(11, "too,short")
    lines.insert(43, "too,short")
    path.write_text("\n".join(lines) + "\n")
    database = connect(sqlite_url)
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (49, 3)
    assert set(report.doubts) == {"there are not 9 values (rows 11, 43)", "q is not above 0 (row 32)"}
    database.close()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"q": "abc"}, "q is not a number"),
        ({"q": "0"}, "q is not above 0"),
        ({"e": -0.1}, "e is below 0"),
        ({"e": "NaN"}, "e is unknown"),
        ({"node": -999.0}, "node is unknown"),
        ({"epoch_mjd": 2457200.5}, "epoch_mjd is not an MJD of the years 1550 to 2650"),
        ({"nopp": 1.5}, "nopp is not a whole number"),
        ({"unpacked_primary_provisional_designation": "2015 MQ999"}, "the packed and the unpacked designation are of"),
        (
            {
                "packed_primary_provisional_designation": "nonsense and more of it",
                "unpacked_primary_provisional_designation": None,
            },
            "there is no designation that has a packed form",
        ),
        ({}, "the object is there twice"),
    ],
)
def test_a_row_without_a_usable_orbit_is_left_out_and_told(
    sqlite_url: str, tmp_path: Path, wrong: dict[str, Any], words: str
) -> None:
    database = connect(sqlite_url)
    others = {"nopp": 3, "created_at": "2024-01-01 00:00:00"}
    report = ingest_orbits(database, as_csv(tmp_path / "o.csv", mpc_row(**others), mpc_row(**others) | wrong))
    assert (report.rows, report.invalid) == (1, 1)
    (doubt,) = report.doubts
    assert doubt.startswith(words)
    assert doubt.endswith("(row 2)")
    database.close()


@pytest.mark.parametrize("missing", [0, 1])
def test_one_form_of_the_designation_is_enough(sqlite_url: str, missing: int) -> None:
    names = ("packed_primary_provisional_designation", "unpacked_primary_provisional_designation")
    row = mpc_row()
    del row[names[missing]]
    database = connect(sqlite_url)
    ingest_orbits(database, columns(row))
    assert [stored(database)["2015 MQ204"][name] for name in names] == ["K15MK4Q", "2015 MQ204"]
    database.close()


def test_other_spellings_of_a_designation_are_of_the_same_object(sqlite_url: str) -> None:
    database = connect(sqlite_url)
    eros = mpc_row(packed_primary_provisional_designation="I98D00Q", unpacked_primary_provisional_designation="1898 DQ")
    comet = mpc_row(
        packed_primary_provisional_designation="CK17K020", unpacked_primary_provisional_designation="C/2017 K2", e=1.0
    )
    ingest_orbits(database, columns(eros, comet))
    assert set(stored(database)) == {"A898 DQ", "C/2017 K2"}
    database.close()


def test_zeros_that_stand_for_nothing_are_unknown(sqlite_url: str) -> None:
    database = connect(sqlite_url)
    ingest_orbits(database, columns(mpc_row(a=0.0, mean_motion=0.0, period=0.0, q_unc=0.0, node=0.0)))
    row = stored(database)["2015 MQ204"]
    assert [row[name] for name in ("a", "mean_motion", "period", "q_unc", "node")] == [None, None, None, None, 0.0]
    database.close()


def test_a_missing_column_is_named(database: Database) -> None:
    row = mpc_row()
    del row["peri_time"]
    refused(database, ingest_orbits, columns(row), "table: column peri_time is missing")
    row = {name: value for name, value in mpc_row().items() if not name.endswith("designation")}
    refused(database, ingest_orbits, columns(row), "packed_primary_provisional_designation", format="mpc_orbits")


def test_the_orbits_in_real_alerts_are_refused_for_what_they_lack(database: Database) -> None:
    """They came without inclination and epoch."""
    alerts = pyarrow.parquet.read_table(shared_data("rubin_dec2025/rubin_sample_data_10_0.parquet"))
    orbits = pa.Table.from_pylist([row for row in alerts["mpc_orbits"].to_pylist() if row])
    refused(
        database, ingest_orbits, orbits, "there is no usable orbit", "i is unknown (rows 1, 2, 3)", error=InputError
    )


@pytest.mark.parametrize(("first", "count"), [(118, " 12.5"), (118, "9e+99"), (124, "1.5")])
def test_a_count_that_is_no_whole_number_costs_its_line(
    database: Database, tmp_path: Path, first: int, count: str
) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", CERES, changed(PALLAS, first, count), ONE_OPPOSITION)
    report = ingest_orbits(database, path)
    assert (report.rows, report.invalid) == (2, 1)
    assert report.doubts == ("not readable in the columns of MPCORB.DAT (line 7)",)


def test_line_ends_of_an_old_macintosh(tmp_path: Path, database: Database) -> None:
    path = mpcorb(tmp_path / "MPCORB.DAT", CERES, PALLAS)
    expected = read(path)
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert read(path) == expected
    (tmp_path / "packed.DAT").write_bytes(gzip.compress(path.read_bytes()))
    assert read(tmp_path / "packed.DAT") == expected
    assert ingest_orbits(database, path).rows == 2
    table = as_csv(tmp_path / "mpc_orbits.csv", mpc_row(), mpc_row(packed_primary_provisional_designation="K15MK4R"))
    table.write_bytes(table.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r"))
    assert ingest_orbits(database, table).invalid == 1
