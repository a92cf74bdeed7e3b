"""Columns whose values are lists, structures or arrays have no place in a table, and are named, whatever the file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from identifications import current
from ingesting import predictions, sources, visits
from orbit_files import columns, mpc_row

from ssdb.ingest.identifications import ingest_identifications
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.row_source import ROWS_PER_PART
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


def arrow(table: dict[str, Any]) -> pa.Table:
    n = len(next(iter(table.values())))
    return pa.table(table | {"apFlux": [[1.0, 2.0]] * n, "flags": [{"bad": True}] * n})


def parquet(path: Path, table: dict[str, Any]) -> Path:
    pyarrow.parquet.write_table(arrow(table), path / "a.parquet")
    return path / "a.parquet"


def fits_table(path: Path, table: dict[str, Any]) -> Path:
    n = len(table["visit"])
    rows = Table(table)
    rows["apFlux"] = np.ones((n, 2))
    rows.write(path / "a.fits")
    with fits.open(path / "a.fits") as hdus:
        lists = np.array([np.arange(1 + i % 2, dtype=float) for i in range(n)], object)
        more = fits.ColDefs([fits.Column("flags", "PD()", array=lists)])
        fits.BinTableHDU.from_columns(hdus[1].columns + more).writeto(path / "b.fits")
    return path / "b.fits"


def votable(path: Path, table: dict[str, Any]) -> Path:
    rows = Table(table)
    rows["apFlux"] = np.ones((len(rows), 2))
    rows["flags"] = np.ones((len(rows), 3), np.int32)
    rows.write(path / "a.vot", format="votable")
    return path / "a.vot"


def astropy(path: Path, table: dict[str, Any]) -> Table:
    rows = Table(table)
    rows["apFlux"] = np.ones((len(rows), 2))
    rows["flags"] = SkyCoord([1.0] * len(rows) * u.deg, 2.0 * u.deg)
    return rows


MAKERS: dict[str, Callable[[Path, dict[str, Any]], Any]] = {
    "arrow": lambda path, table: arrow(table),
    "pandas": lambda path, table: arrow(table).to_pandas(),
    "mapping": lambda path, table: (
        table | {"apFlux": np.ones((len(table["visit"]), 2)), "flags": [[1]] * len(table["visit"])}
    ),
    "astropy": astropy,
    "parquet": parquet,
    "fits": fits_table,
    "votable": votable,
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_they_are_named(sqlite_url: str, tmp_path: Path, make: Callable[[Path, dict[str, Any]], Any]) -> None:
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    report = ingest_sources(database, make(tmp_path, sources()))
    assert (report.rows, set(report.left_out)) == (8, {"apFlux", "flags"})
    database.close()


def test_so_they_are_at_the_other_doors(sqlite_url: str) -> None:
    database = connect(sqlite_url)
    assert set(ingest_visits(database, arrow(visits())).left_out) == {"apFlux", "flags"}
    assert set(ingest_predictions(database, arrow(predictions())).left_out) == {"apFlux", "flags"}
    identified = arrow(current(("2010 AB", "2015 MQ204")))
    assert set(ingest_identifications(database, identified).left_out) >= {"apFlux", "flags"}
    database.close()


def test_in_a_file_that_is_read_in_parts(sqlite_url: str, tmp_path: Path) -> None:
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    n = ROWS_PER_PART + 5
    table = {"diaSourceId": range(n), "visit": [10] * n, "detector": [1] * n, "ra": [50.0] * n, "dec": [-5.0] * n}
    report = ingest_sources(database, parquet(tmp_path, {name: list(values) for name, values in table.items()}))
    assert (report.rows, set(report.left_out)) == (n, {"apFlux", "flags"})
    database.close()


@pytest.mark.parametrize("parted", [False, True])
def test_of_orbits(database: Database, tmp_path: Path, parted: bool) -> None:
    """One of the table itself, which nothing can be made of, among them."""
    table = arrow(columns(mpc_row()) | {"h": [[18.0, 19.0]]})
    if parted:
        pyarrow.parquet.write_table(table, tmp_path / "o.parquet")
    report = ingest_orbits(database, tmp_path / "o.parquet" if parted else table)
    assert (report.rows, set(report.left_out)) == (1, {"apFlux", "flags", "h"})


def test_an_index_without_a_name_is_no_column(database: Database) -> None:
    frame = pd.DataFrame(visits(), index=[7, 8])
    assert ingest_visits(database, frame).left_out == ()
