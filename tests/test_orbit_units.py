"""Times and units of orbits that are others than they are to be: told, and never taken for what they are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units as u
from astropy.table import QTable, Table
from ingesting import refused
from orbit_files import columns, mpc_row, stored
from test_ingest_orbits_sorcha import cometary, text

import ssdb
from ssdb.identity.designation import pack
from ssdb.ingest.orbits import ingest_orbits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

JD = "looks like JD; MJD = JD - 2400000.5"
GOOD = mpc_row(packed_primary_provisional_designation="K10A00B", unpacked_primary_provisional_designation="2010 AB")


@pytest.fixture
def database(memory: Database) -> Database:
    """How orbits are read does not depend on the database."""
    return memory


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"peri_time": 2457161.0}, f"peri_time is no MJD but {JD}"),
        ({"peri_time": 2457161.0, "e": 1.0001}, f"peri_time is no MJD but {JD}"),
        ({"peri_time": 2457161.0, "q": 76.0, "e": 0.85}, f"peri_time is no MJD but {JD}"),
        ({"peri_time": 20150519.25}, "peri_time is no MJD but looks like a calendar date (YYYYMMDD)"),
        ({"peri_time": 2015.4}, "peri_time is no MJD but looks like a year"),
        ({"epoch_mjd": 2457200.5}, f"epoch_mjd is not an MJD of the years 1550 to 2650 but {JD}"),
        ({"epoch_mjd": 2457200.5, "peri_time": 2457161.0}, f"peri_time is no MJD but {JD}"),
        ({"q": 0.5, "e": 1000.0}, "it would pass the Sun with more than 500 km/s: are the units au, and au/d?"),
    ],
)
def test_another_way_to_count_is_told(database: Database, values: dict[str, float], words: str) -> None:
    report = ingest_orbits(database, columns(GOOD, mpc_row(**values)))
    assert (report.rows, report.invalid) == (1, 1)
    assert report.doubts[0].startswith(words)
    assert report.doubts[0].endswith("(row 2)")


@pytest.mark.parametrize(
    "values",
    [
        {"peri_time": 1600.0, "q": 38.0, "e": 0.45},  # in 1863, half a revolution ago
        {"peri_time": 57160.5 + 20_000.0},
        {"peri_time": -40_000.0, "q": 80.0, "e": 0.9},
        {"peri_time": 78_500.0, "q": 76.3, "e": 0.85},
        {"peri_time": 2e9, "q": 40_000.0, "e": 0.5},
        {"q": 0.25, "e": 1.2, "peri_time": 58_005.5, "epoch_mjd": 58_080.0},
        {"q": 1.36, "e": 6.14},
    ],
)
def test_what_is_far_and_right_is_stored(database: Database, values: dict[str, float]) -> None:
    report = ingest_orbits(database, columns(mpc_row(**values)))
    assert (report.rows, report.doubts) == (1, ())


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (cometary("K15MK5Q", t_p_MJD_TDB=2454700.5), f"t_p_MJD_TDB is no MJD but {JD}"),
        (cometary("K15MK5Q", format="BCOM", t_p_MJD_TDB=2454700.5), f"t_p_MJD_TDB is no MJD but {JD}"),
        (cometary("K15MK5Q", t_p_MJD_TDB=2008.5), "t_p_MJD_TDB is no MJD but looks like a year"),
    ],
)
def test_so_it_is_in_files_of_sorcha(database: Database, tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    report = ingest_orbits(database, text(tmp_path / "o.csv", [cometary(), wrong]))
    assert (report.rows, report.invalid, report.doubts) == (1, 1, (f"{words} (line 3)",))


def test_a_velocity_in_km_s_is_none_in_au_d(database: Database) -> None:
    row = {"ObjID": "K15MK4Q", "FORMAT": "CART", "x": 2.5, "y": 0.1, "z": 0.1}
    row |= {"xdot": 0.5, "ydot": 18.0, "zdot": 0.5, "epochMJD_TDB": 60000.0}
    refused(database, ingest_orbits, columns(row), "there is no usable orbit")
    row |= {"xdot": 0.5 / 1731.456837, "ydot": 18.0 / 1731.456837, "zdot": 0.5 / 1731.456837}
    assert ingest_orbits(database, columns(row)).rows == 1


# ---- units -----------------------------------------------------------------------------------------------------------

UNITS = {"q": u.au, "i": u.deg, "node": u.deg, "argperi": u.deg, "peri_time": u.d, "epoch_mjd": u.d}
OTHERS = {"q": u.km, "i": u.rad, "node": u.arcmin, "argperi": u.rad}


def test_units_of_the_table_are_converted(database: Database) -> None:
    table = QTable(columns(mpc_row()))
    for name, unit in UNITS.items():
        table[name] = table[name] * unit
    for name, unit in OTHERS.items():
        table[name] = table[name].to(unit)
    ingest_orbits(database, table)
    row = stored(database)["2015 MQ204"]
    assert [row[name] for name in UNITS] == pytest.approx([mpc_row()[name] for name in UNITS], rel=1e-14)


COMET = {"a1": 10.7, "a2": -0.37, "a3": 2.5}
"""1e-10 au/d^2."""
AS_RUBIN_HAS_THEM = u.m**2 / u.t


@pytest.mark.parametrize(
    ("unit", "factor"),
    [(u.au / u.d**2, 1e-10), (u.m / u.s**2, 1.495978707e11 / 86400.0**2 * 1e-10), (AS_RUBIN_HAS_THEM, 1)],
)
def test_units_of_a_comets_forces(database: Database, tmp_path: Path, unit: u.UnitBase, factor: float) -> None:
    """The MPC's are 1e-10 au/d^2; Rubin's schema has the unit of another column there, and the same numbers."""
    table = QTable(columns(mpc_row()))
    for name, value in COMET.items():
        table[name] = [value * factor] * unit
    report = ingest_orbits(database, table)
    assert report.doubts == ()
    row = stored(database)["2015 MQ204"]
    assert [row[name] for name in COMET] == pytest.approx(list(COMET.values()), rel=1e-9)
    ssdb.export(database, "mpc_orbits", tmp_path / "orbits.ecsv")
    exported = Table.read(tmp_path / "orbits.ecsv")
    assert exported["a1"].quantity[0].to_value(u.au / u.d**2) == pytest.approx(10.7e-10)
    assert ingest_orbits(database, tmp_path / "orbits.ecsv").unchanged == 1


@pytest.mark.parametrize(("size", "doubted"), [(1e-10, True), (1.0, False), (0.0, False)])
def test_forces_that_look_like_another_unit_are_doubted(database: Database, size: float, doubted: bool) -> None:
    """JPL's files have au/d^2."""
    report = ingest_orbits(database, columns(mpc_row(**{name: value * size for name, value in COMET.items()})))
    told = "a1, a2, a3 look like au/d^2, and were taken for 1e-10 au/d^2 (row 1)"
    assert report.doubts == ((told,) if doubted else ())


def test_units_of_sorchas_columns_are_converted(database: Database) -> None:
    table = QTable(columns(cometary()))
    table["q"] = (2.1 * u.au).to(u.km).reshape(1)
    table["inc"], table["node"] = [10.0] * u.deg, np.radians([20.0]) * u.rad
    ingest_orbits(database, table)
    row = stored(database)["2015 MQ204"]
    assert [row[name] for name in ("q", "i", "node")] == pytest.approx([2.1, 10.0, 20.0], rel=1e-14)


@pytest.mark.parametrize(("column", "unit"), [("q", u.deg), ("inc", u.m), ("t_p_MJD_TDB", u.km)])
def test_units_of_another_kind_are_refused(database: Database, column: str, unit: u.UnitBase) -> None:
    table = QTable(columns(cometary()))
    table[column] = table[column] * unit
    refused(database, ingest_orbits, table, f"column {column} has the unit '{unit}', which cannot be converted to")


def test_elements_in_single_precision_are_told(database: Database) -> None:
    given = columns(mpc_row()) | {"q": np.array([2.2], np.float32), "peri_time": np.array([57160.5], np.float32)}
    assert ingest_orbits(database, given).doubts == (
        "q is in single precision, which moves predictions: write it in double precision",
        "peri_time is in single precision, which is wrong by minutes: write it in double precision",
    )


def many(factor: float, n: int = 25) -> dict[str, list[Any]]:
    names = [f"2010 A{letter}" for letter in "ABCDEFGHJKLMNOPQRSTUVWXYZ"[:n]]
    rng = np.random.default_rng(5)
    rows = [
        mpc_row(packed_primary_provisional_designation=pack(name)[0], unpacked_primary_provisional_designation=name)
        | dict(zip(("i", "node", "argperi"), (rng.uniform(0, (30, 360, 360)) * factor).tolist(), strict=True))
        for name in names
    ]
    return columns(*rows)


@pytest.mark.parametrize(("factor", "n", "doubted"), [(np.pi / 180, 25, True), (1.0, 25, False), (0.01, 10, False)])
def test_angles_that_look_like_radians_are_doubted(sqlite_url: str, factor: float, n: int, doubted: bool) -> None:
    database = connect(sqlite_url)
    report = ingest_orbits(database, many(factor, n))
    told = ("i, node and argperi look like radians, and were taken for degrees",)
    assert report.doubts == (told if doubted else ())
    database.close()
