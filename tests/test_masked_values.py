"""What astropy wrote as masked is NULL, however its formats have the masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import MaskedColumn, Table

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
