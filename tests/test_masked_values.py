"""What astropy wrote as masked is NULL, however its formats have the masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table
from orbit_files import mpc_row

import ssdb
from ssdb.io.row_source import ROWS_PER_PART

WRITTEN: dict[str, dict[str, Any]] = {
    "s.parquet": {},
    "s.h5": {"path": "sources", "serialize_meta": True},
    "s.ecsv": {"serialize_method": "data_mask"},
    "s.vot": {"format": "votable"},
}


def masked(n: int) -> Table:
    mask = np.arange(n) % 3 == 1
    return Table(
        {
            "diaSourceId": np.arange(1, n + 1),
            "visit": np.ones(n, int),
            "ra": np.full(n, 10.0),
            "dec": np.full(n, 20.0),
            "band": MaskedColumn(["r"] * n, mask=mask),
            "psfFlux": MaskedColumn(np.full(n, 2.0), mask=mask, unit="nJy"),
            "trailNdata": MaskedColumn(np.full(n, 9, np.int32), mask=mask),
            "isDipole": MaskedColumn(np.ones(n, bool), mask=mask),
        }
    )


@pytest.mark.parametrize(
    ("name", "n"), [*((name, 3) for name in WRITTEN), ("s.parquet", ROWS_PER_PART + 2)], ids=lambda value: str(value)
)
def test_masked_values_are_null(tmp_path: Path, name: str, n: int) -> None:
    masked(n).write(tmp_path / name, **WRITTEN[name])
    with ssdb.connect() as database:
        ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.5]})
        report = ssdb.ingest_sources(database, tmp_path / name)
        stored = ssdb.query(
            database, "SELECT band, psfFlux, trailNdata, isDipole FROM DiaSource ORDER BY diaSourceId"
        ).rows
    assert report.left_out == ()
    assert stored == [(None,) * 4 if row % 3 == 1 else ("r", 2.0, 9, 1) for row in range(n)]


def test_orbits_and_predictions_read_by_their_own_readers(tmp_path: Path) -> None:
    orbits = Table([mpc_row(h=18.0, u_param=3)], masked=True)
    orbits["h"].mask = orbits["u_param"].mask = True
    orbits.write(tmp_path / "o.parquet")
    vectors = [f"Ob{whose}_Sun_{axis}" for whose in "js" for axis in ("x", "y", "z", "vx", "vy", "vz")]
    units = {"Obj": ("_LTC_km", "_LTC_km_s"), "Obs": ("_km", "_km_s")}
    columns = {name + units[name[:3]]["v" in name[8:]]: 1e8 for name in vectors}
    row = {"ObjID": "2015 MQ204", "FieldID": 1, "fieldMJD_TAI": 60000.5, "fieldJD_TDB": 2460001.000372}
    sky = {"RATrue_deg": 10.0, "RARateCosDec_deg_day": 0.1, "DecTrue_deg": 20.0, "DecRate_deg_day": 0.1}
    more = {"Range_LTC_km": 1e8, "RangeRate_LTC_km_s": 1.0, "phase_deg": 10.0}
    predictions = Table([row | sky | more | columns], masked=True)
    predictions["RATrue_deg"].mask = True
    predictions.write(tmp_path / "p.parquet")
    with ssdb.connect() as database:
        ssdb.ingest_orbits(database, tmp_path / "o.parquet")
        assert ssdb.query(database, "SELECT q, h, u_param FROM mpc_orbits").rows == [(2.2, None, None)]
        ssdb.ingest_visits(database, {"visit": [1], "midpointMjdTai": [60000.5]})
        with pytest.raises(ssdb.InputError, match=r"RATrue_deg|ephRa"):
            ssdb.ingest_predictions(database, tmp_path / "p.parquet")
