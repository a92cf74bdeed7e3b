"""Numbers of orbit files that stand for "unknown" are NULL, whatever the format, and what is real stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ingesting import rows
from orbit_files import CERES, ONE_OPPOSITION, changed, columns, mpc_row, mpcorb, stored

from ssdb.ingest.orbits import ingest_orbits
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.sentinels import ORBITS, SENTINELS
from ssdb.store.database import Database

FORMATS_PAGE = Path(__file__).parents[1] / "docs" / "formats.md"


@pytest.mark.parametrize("h", [99.99, 99.0, 99.9, 0.0, -9.99, -9.9, -99.0, -99.99, -999.0])
def test_a_magnitude_that_stands_for_none_is_unknown(database: Database, h: float) -> None:
    report = ingest_orbits(database, columns(mpc_row(h=h, g=0.15)))
    assert report.doubts == ()
    assert (stored(database)["2015 MQ204"]["h"], stored(database)["2015 MQ204"]["g"]) == (None, 0.15)


def test_so_it_is_in_single_precision(database: Database) -> None:
    single = {"h": np.array([-9.99], np.float32), "g": np.array([9.99], np.float32)}
    report = ingest_orbits(database, columns(mpc_row()) | single)
    row = stored(database)["2015 MQ204"]
    assert (row["h"], row["g"], report.doubts) == (None, None, ())


@pytest.mark.parametrize("h", [-1.25, -0.45, 0.2, 33.9])
def test_real_magnitudes_stay(database: Database, h: float) -> None:
    """Eris, Pluto, Haumea, and the smallest."""
    ingest_orbits(database, columns(mpc_row(h=h)))
    assert stored(database)["2015 MQ204"]["h"] == h


@pytest.mark.parametrize(
    ("text", "h"), [("99.99", None), (" 0.00", None), ("-9.99", None), ("99.9 ", None), ("-1.25", -1.25)]
)
def test_so_it_is_in_mpcorb(database: Database, tmp_path: Path, text: str, h: float | None) -> None:
    report = ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", changed(CERES, 9, text), ONE_OPPOSITION))
    assert (report.rows, report.doubts) == (2, ())
    assert (stored(database)["1"]["h"], stored(database)["2015 MQ204"]["h"]) == (h, 18.1)


@pytest.mark.parametrize(
    ("name", "text"),
    [("nobs_total", "    0"), ("nopp", "  0"), ("arc_length_total", "   0"), ("not_normalized_rms", "0.00")],
)
def test_counts_and_arcs_of_nothing_in_mpcorb(database: Database, tmp_path: Path, name: str, text: str) -> None:
    first = {"nobs_total": 118, "nopp": 124, "arc_length_total": 128, "not_normalized_rms": 138}[name]
    ingest_orbits(database, mpcorb(tmp_path / "MPCORB.DAT", changed(ONE_OPPOSITION, first, text)))
    row = stored(database)["2015 MQ204"]
    others = {"nobs_total": 12, "nopp": 1, "arc_length_total": 33.0, "not_normalized_rms": 0.45} | {name: None}
    assert {other: row[other] for other in others} == others


OF_ALERTS = {
    **{"a": 0.0, "period": 0.0, "mean_motion": 0.0, "earth_moid": 0.0, "arc_length_total": 0.0, "arc_length_sel": 0.0},
    **{"nobs_total": 0, "nobs_total_sel": 0, "nopp": 0, "not_normalized_rms": 0.0, "normalized_rms": 0.0},
    **{"orbit_type_int": -1, "u_param": -1, "srp": 0.0, "yarkovsky": 0.0, "a1": 0.0, "a2": 0.0, "a3": 0.0, "dt": 0.0},
    **{"q_unc": 0.0, "e_unc": 0.0, "a1_unc": 0.0},
}


def test_zeros_of_alerts_are_unknown(database: Database) -> None:
    report = ingest_orbits(database, columns(mpc_row(**OF_ALERTS)))
    assert report.doubts == ()
    row = stored(database)["2015 MQ204"]
    assert {name: row[name] for name in OF_ALERTS} == dict.fromkeys(OF_ALERTS)


def test_what_is_small_and_real_stays(database: Database) -> None:
    real = {"earth_moid": 1e-7, "u_param": 0, "orbit_type_int": 0, "not_normalized_rms": 0.01, "a2": -1e-4}
    real |= {"nobs_total": 3, "nopp": 1, "arc_length_total": 0.02, "g": 0.0, "node": 0.0, "mean_anomaly": 0.0}
    ingest_orbits(database, columns(mpc_row(**real)))
    row = stored(database)["2015 MQ204"]
    assert {name: row[name] for name in real} == real


def test_nothing_is_hazardous_for_an_unknown_distance(database: Database) -> None:
    near = mpc_row(q=0.9, h=19.0, earth_moid=0.0)
    other = mpc_row(
        packed_primary_provisional_designation="K10A00B",
        unpacked_primary_provisional_designation="2010 AB",
        q=0.9,
        h=19.0,
        earth_moid=0.01,
    )
    ingest_orbits(database, columns(near, other))
    with database.reading() as connection:
        found = connection.exec_driver_sql('SELECT designation, "isHazardous" FROM "SsOrbit"').all()
    assert {name: value if value is None else bool(value) for name, value in found} == {
        "2015 MQ204": None,
        "2010 AB": True,
    }


def test_the_table_names_columns_that_there_are() -> None:
    for sentinel in SENTINELS:
        assert (sentinel.up_to is None) == bool(sentinel.values)
        if sentinel.format == ORBITS:
            assert set(sentinel.columns) <= set(mpc_orbits.c.keys())


@pytest.mark.parametrize("sentinel", SENTINELS, ids=lambda sentinel: "-".join(sentinel.columns) or sentinel.format)
def test_the_documentation_shows_the_table(sentinel: Any) -> None:
    names = ", ".join(sentinel.columns) or "floating-point numbers"
    line = f"| {sentinel.format} | {names} | {sentinel.means()} | {sentinel.source} |"
    assert line in FORMATS_PAGE.read_text(encoding="utf-8").splitlines()


def test_nothing_else_changed(database: Database) -> None:
    """A row without any of these is stored as it is."""
    ingest_orbits(database, columns(mpc_row(h=18.1, g=0.15)))
    (row,) = rows(database, "mpc_orbits")
    assert {name: row[name] for name in mpc_row(h=18.1, g=0.15)} == mpc_row(h=18.1, g=0.15)
