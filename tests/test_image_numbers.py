"""Numbers of a WCS as FITS allows them, and what is none: wcslib takes another number for both, and says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from images import IDENTITY, header
from ingesting import refused, rows, visits

from ssdb.errors import InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect


def written(path: Path, **values: str) -> Path:
    """A header as text, some of whose values are written so."""
    text = header(width=200, height=100, LONPOLE=180.0, **IDENTITY).tostring(sep="\n", padding=False)
    lines = text.splitlines()
    for keyword, value in values.items():
        (place,) = (i for i, line in enumerate(lines) if line.startswith(f"{keyword:8}="))
        lines[place] = f"{keyword:8}= {value}"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize(
    "values",
    [
        {"CRVAL1": "5.0D1"},
        {"CRVAL1": f"{'5.00000D+01':>20} / [deg]"},
        {"CRVAL2": "-5.D0", "CRPIX1": "30.D+01", "CRPIX2": "5d2"},
        {"LONPOLE": "1.8D2"},
    ],
)
def test_exponents_of_double_precision(database: Database, tmp_path: Path, values: dict[str, str]) -> None:
    """Of 5.0D1 wcslib reads 5.0."""
    ingest_visits(database, visits())
    stored = []
    for path in (written(tmp_path / "plain.hdr"), written(tmp_path / "double.hdr", **values)):
        ingest_detectors(database, path, keep_wcs=True)
        stored += rows(database, "VisitDetector")
    assert stored[1]["footprint"] == stored[0]["footprint"]
    # The text that is kept says the same to whoever reads it.
    (tmp_path / "kept.hdr").write_text(f"{stored[1]['wcs']}\nVISIT   = 10\nDETECTOR= 1\n")
    ingest_detectors(database, tmp_path / "kept.hdr")
    assert rows(database, "VisitDetector")[0]["footprint"] == stored[0]["footprint"]


@pytest.mark.parametrize("keyword", ["CRVAL1", "CRVAL2", "CRPIX1", "CD1_1", "LONPOLE"])
@pytest.mark.parametrize("value", ["NaN", "INF", "'10.0'", "T", "10.0.0", "10,5", "1E400", ""])
def test_what_is_no_number(sqlite_url: str, tmp_path: Path, keyword: str, value: str) -> None:
    """wcslib leaves out most of these, and takes 0."""
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    path = written(tmp_path / "a.hdr", **{keyword: value})
    refused(database, ingest_detectors, path, "a.hdr", keyword, "is not a number", error=InputError)
