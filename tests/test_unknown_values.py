"""What a file does not know takes the place of nothing that is known: in every table whose rows are corrected."""

from __future__ import annotations

from typing import Any

import pytest
from ingesting import corners, dump, rows, visits
from orbit_files import columns, mpc_row, stored
from task_inputs import exposure

from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database

Columns = dict[str, Any]

KNOWN: Columns = {
    "instrument": "DECam",
    "observatoryCode": "807",
    "exposureTime": 90.0,
    "ra": 50.0,
    "dec": -5.0,
    "radius": 1.1,
}


def with_values(**values: Any) -> Columns:
    return visits() | {name: [value, value] for name, value in values.items()}


def test_of_visits(database: Database) -> None:
    """The next camera's files say it by a NULL in each row; what is known beside it is a correction."""
    ingest_visits(database, with_values(**KNOWN))
    before = dump(database)
    unknown = visits() | {name: [None, None] for name in KNOWN} | {"band": ["", None]}
    report = ingest_visits(database, unknown)
    assert (report.changed, report.unchanged) == (0, 2)
    assert dump(database) == before
    report = ingest_visits(database, unknown | {"instrument": [None, "decam"], "exposureTime": [30.0, None]})
    assert (report.changed, report.unchanged) == (2, 0)
    told = [(row["instrument"], row["exposureTime"], row["radius"]) for row in rows(database, "Visit")]
    assert told == [("DECam", 30.0, 1.1), ("decam", 90.0, 1.1)]


def test_of_detectors(database: Database) -> None:
    ingest_visits(database, visits())
    sizes = {"width": 4096, "height": 4004, "pixelScale": 0.2}
    known = corners() | {name: [value] * 4 for name, value in sizes.items()}
    ingest_detectors(database, known)
    before = dump(database)
    report = ingest_detectors(database, known | {name: [None] * 4 for name in sizes})
    assert (report.changed, report.unchanged) == (0, 1)
    assert dump(database) == before


@pytest.mark.parametrize(("mean", "error"), [(3.0, 0.1), (4.0, None)])
def test_the_error_of_another_value_is_not_kept(database: Database, mean: float, error: float | None) -> None:
    """That of the same value is."""
    ingest_detectors(database, exposure(photo_calib_mean=3.0, photo_calib_err=0.1), create_visits=True)
    ingest_detectors(database, exposure(photo_calib_mean=mean))
    (row,) = rows(database, "VisitDetector")
    assert (row["photoCalibMean"], row["photoCalibErr"]) == (mean, error)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"h": None, "g": None}, (18.5, 0.25)),
        ({"h": None, "g": 0.15}, (18.5, 0.15)),
        ({"h": 19.0, "g": None}, (19.0, None)),
    ],
)
def test_of_orbits_h_and_its_slope(database: Database, given: Columns, kept: tuple[float, float | None]) -> None:
    """They are of the object, not of the orbit; everything else is replaced as a whole. A slope belongs to its H."""
    known = {"h": 18.5, "g": 0.25, "nobs_total": 12, "earth_moid": 0.1}
    ingest_orbits(database, columns(mpc_row(**known)))
    newer = {"epoch_mjd": 57300.0, "nobs_total": None, "earth_moid": None}
    ingest_orbits(database, columns(mpc_row(**newer, **given)))
    row = stored(database)["2015 MQ204"]
    assert (row["h"], row["g"]) == kept
    assert (row["epoch_mjd"], row["nobs_total"], row["earth_moid"]) == (57300.0, None, None)
    report = ingest_orbits(database, columns(mpc_row(**newer, **given)))
    assert report.unchanged == 1
