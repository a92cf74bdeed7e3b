"""Outlines of detectors through ingest into the database, on both databases."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from conftest import shared_data
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
    sources,
    statuses,
    truncated,
    visits,
    with_value,
    without_clock,
)

from ssdb.association.associate import associate
from ssdb.errors import InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.writers import write_columns
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

NO_RESULT = ("runId", "associatedAt", "nSources", "nTotalSsObjects", "nAssociatedSsObjects")


def joined(*tables: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: [value for table in tables for value in table[name]] for name in tables[0]}


def vertices(row: dict[str, Any]) -> list[tuple[float, float]]:
    """The corners that a stored footprint holds: pairs of little-endian doubles."""
    values = np.frombuffer(row["footprint"], "<f8").tolist()
    return list(zip(values[::2], values[1::2], strict=True))


def test_outlines_are_stored(database: Database) -> None:
    """Corners in their order, and a cap that just holds them, by astropy's separations."""
    ingest_visits(database, visits())
    sizes = {"width": [4096] * 4, "height": [4004] * 4, "pixelScale": [0.2] * 4}
    report = ingest_detectors(database, {**corners(ra=0.0), **sizes})
    (row,) = rows(database, "VisitDetector")
    assert (row["visit"], row["detector"], row["status"]) == (10, 1, "pending")
    assert {row[name] for name in (*NO_RESULT, "wcs", "photoCalibMean", "photoCalibErr")} == {None}
    assert vertices(row) == [(359.9, -5.1), (0.1, -5.1), (0.1, -4.9), (359.9, -4.9)]
    assert (row["width"], row["height"], row["pixelScale"]) == (4096, 4004, 0.2)
    center = SkyCoord(row["capRa"], row["capDec"], unit="deg")
    reach = [center.separation(SkyCoord(*vertex, unit="deg")).deg for vertex in vertices(row)]
    assert max(reach) == pytest.approx(row["capRadius"], abs=1e-10)
    assert row["capRadius"] == pytest.approx(math.hypot(0.1, 0.1), rel=0.01)
    assert (report.kind, report.rows, report.visits) == ("detectors", 1, 1)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(12)))
def test_the_order_of_rows_does_not_matter(database: Database, order: list[int]) -> None:
    """The column corner says which corner follows which."""
    table = joined(corners(10, 1), corners(10, 2, 50.5), corners(20, 1, 50.1))
    one = connect()
    for each, given_table in ((one, table), (database, rows_of(table, order))):
        ingest_visits(each, visits())
        assert ingest_detectors(each, given_table).rows == 3
    assert dump(database) == dump(one)
    one.close()


def test_more_corners_than_four_and_any_numbers_for_them(database: Database) -> None:
    ingest_visits(database, visits())
    table = {
        "visit": [10] * 5,
        "detector": [-1] * 5,
        "corner": [100, -5, 7, 8, 9],
        "ra": [0.0, 0.0, 0.2, 0.3, 0.2],
        "dec": [0.2, 0.0, 0.0, 0.1, 0.2],
    }
    ingest_detectors(database, table)
    (row,) = rows(database, "VisitDetector")
    assert (row["detector"], row["width"]) == (-1, None)
    assert vertices(row) == [(0.0, 0.0), (0.2, 0.0), (0.3, 0.1), (0.2, 0.2), (0.0, 0.2)]


@pytest.mark.parametrize("ending", ["parquet", "fits", "ecsv", "csv", "vot"])
def test_every_format_gives_the_same_rows(sqlite_url: str, tmp_path: Path, ending: str) -> None:
    table = {**joined(corners(10, 1), corners(20, 1, 359.95)), "width": [4096] * 4 + [None] * 4}
    path = tmp_path / f"corners.{ending}"
    write_columns(pa.table(table), path)
    one, database = connect(), connect(sqlite_url)
    for each, source in ((one, table), (database, path)):
        ingest_visits(each, visits())
        ingest_detectors(each, source)
    assert dump(database) == dump(one)
    one.close()
    database.close()


def test_radians_by_a_column_map(database: Database) -> None:
    ingest_visits(database, visits())
    table = corners(ra=0.0)
    for name in ("ra", "dec"):
        table[f"{name}_rad"] = [math.radians(value) for value in table.pop(name)]
    columns = {name: {"column": f"{name}_rad", "unit": "rad"} for name in ("ra", "dec")}
    ingest_detectors(database, table, columns={"columns": columns})
    (row,) = rows(database, "VisitDetector")
    expected = [(359.9, -5.1), (0.1, -5.1), (0.1, -4.9), (359.9, -4.9)]
    assert [value for vertex in vertices(row) for value in vertex] == pytest.approx(
        [value for vertex in expected for value in vertex], abs=1e-12
    )


# ---- state -----------------------------------------------------------------------------------------------------------


def test_the_same_outlines_again_change_nothing(database: Database) -> None:
    load_night(database, footprints=True)
    before = dump(database)
    ingest_detectors(database, corners(10, 1))
    ingest_detectors(database, rows_of(corners(20, 2, 50.6), [3, 1, 0, 2]))
    assert dump(database) == before


def test_a_new_or_another_outline_clears_the_whole_visit(database: Database) -> None:
    """Objects may now belong to other detectors. Nothing of the other visit changes, and no input is lost."""
    load_night(database, footprints=True)
    another, new, sized = corners(10, 1, half=0.11), corners(10, 3, ra=51.0), {**corners(10, 1), "width": [4096] * 4}
    for table in (another, new, sized):
        associate(database)
        before = dump(database)
        assert {row["visit"] for row in before["SSSource"]} == {10, 20}
        ingest_detectors(database, table)
        after = dump(database)
        assert not [row for name in DERIVED for row in after[name] if row["visit"] == 10]
        assert {row["ssObjectId"] for row in after["DiaSource"] if row["visit"] == 10} == {None}
        of_10 = [row for name in ("Visit", "VisitDetector") for row in after[name] if row["visit"] == 10]
        assert {row["status"] for row in of_10} == {"pending"}
        assert {row[name] for row in of_10 for name in NO_RESULT} == {None}
        for name in (*DERIVED, "Visit", "VisitDetector", "DiaSource"):
            of_20 = [row for row in after[name] if row["visit"] == 20]
            assert of_20 == [row for row in before[name] if row["visit"] == 20]
        assert after["SsPrediction"] == before["SsPrediction"]
        assert [row["diaSourceId"] for row in after["DiaSource"]] == [row["diaSourceId"] for row in before["DiaSource"]]


def test_footprints_after_the_association_are_as_good_as_before(database: Database) -> None:
    """A visit that was matched as a whole is matched by detectors then."""
    load_night(database)
    for visit, shift in ((10, 0.0), (20, 0.1)):
        ingest_detectors(database, joined(corners(visit, 2, 50.5 + shift), corners(visit, 1, 50.0 + shift)))
    assert set(statuses(database).values()) == {"pending"}
    associate(database)
    fresh = connect()
    load_night(fresh, footprints=True)
    assert without_clock(dump(database)) == without_clock(dump(fresh))
    fresh.close()


def test_sources_and_outlines_come_in_either_order(database: Database) -> None:
    """Outlines keep what is known of detectors that the sources made."""
    one = connect()
    for each in (one, database):
        ingest_visits(each, visits())
        ingest_predictions(each, predictions())
    ingest_sources(one, sources())
    ingest_detectors(one, corners())
    ingest_detectors(database, corners())
    ingest_sources(database, sources())
    assert without_clock(dump(database)) == without_clock(dump(one))
    one.close()


# ---- what is refused -------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    *(
        (
            {other: values for other, values in corners().items() if other != name},
            [f"column {name} is missing", "the file has:"],
        )
        for name in corners()
    ),
    *(
        (with_value(corners(), name, 2, None), [f"{name} is missing (row 3)"])
        for name in ("visit", "detector", "corner")
    ),
    *(
        (with_value(corners(), "ra", 1, value), ["ra is not a number", "row 2"])
        for value in (None, float("nan"), -999.0, 361.0)
    ),
    *((with_value(corners(), "dec", 3, value), ["dec is not a number", "row 4"]) for value in (float("inf"), 90.1)),
    (with_value(corners(), "corner", 3, 0), ["the corner is there twice (row 4)"]),
    (corners(visit=99), ["visits are not in the database (99)", "ingest them first"]),
    (rows_of(corners(), [0, 1]), ["visit 10, detector 1", "2 vertices", "3 are needed"]),
    (rows_of(corners(), [0, 2, 1, 3]) | {"corner": [0, 1, 2, 3]}, ["visit 10, detector 1", "cross"]),
    (with_value({**corners(), "ra": [50.0] * 4}, "visit", 0, 10), ["visit 10, detector 1", "outline"]),
    ({**corners(), "ra": [0.0, 120.0, 240.0, 300.0], "dec": [0.0] * 4}, ["visit 10, detector 1", "outline"]),
    ({**corners(), "detector": [40000] * 4}, ["column detector is not within"]),
    ({**corners(), "ra": [50.0] * 4 * u.s}, ["column ra", "cannot be converted to deg"]),
    ({**corners(), "width": ["wide"] * 4}, ["column width is not a whole number", "wide"]),
    (joined(corners(10, 2, 50.5), rows_of(corners(10, 7), [0, 1])), ["visit 10, detector 7", "2 vertices"]),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    """From memory, and, where Parquet can hold it, from a file that is then named."""
    load_night(database)
    for source, words in WRONG:
        refused(database, ingest_detectors, source, *words, error=InputError)
        if not any(isinstance(values, u.Quantity) for values in source.values()):
            path = tmp_path / "corners.parquet"
            write_columns(pa.table(source), path)
            refused(database, ingest_detectors, path, str(path), *words, error=InputError)


def test_a_truncated_file_stores_nothing(database: Database, tmp_path: Path) -> None:
    load_night(database)
    table = pa.table(joined(*(corners(10, detector) for detector in range(500))))
    for ending in ("parquet", "fits", "vot", "csv.gz"):
        path = tmp_path / f"corners.{ending}"
        write_columns(table, path)
        refused(database, ingest_detectors, truncated(path), str(path), error=InputError)


def test_corners_in_the_focal_plane_are_no_corners_on_the_sky(database: Database) -> None:
    load_night(database)
    path = shared_data("sorcha/src__sorcha__modules__data__LSST_detector_corners_100123.csv")
    words = ("visit, corner, ra, dec is missing", "the file has: detector, x, y")
    refused(database, ingest_detectors, path, str(path), *words, error=InputError)


def test_no_rows_are_no_error(database: Database, tmp_path: Path) -> None:
    load_night(database)
    before = dump(database)
    path = tmp_path / "corners.csv"
    path.write_text("visit,detector,corner,ra,dec\n")
    assert ingest_detectors(database, path).rows == 0
    assert dump(database) == before


def test_the_detectors_of_the_same_visits_at_once(database: Database) -> None:
    """Outlines and sources by several writers, visits in different order: nothing is lost, no deadlock."""
    n = 30
    night = {"visit": list(range(n)), "midpointMjdTai": [60000.0] * n}
    outlines, sources_of = [], []
    for detector in range(3):
        order = np.random.default_rng(detector).permutation(n).tolist()
        outlines.append(joined(*(corners(visit, detector, 10.0 * detector) for visit in order)))
        sources_of.append(
            {
                "diaSourceId": [1000 * detector + visit for visit in order],
                "visit": order,
                "detector": [detector] * n,
                "ra": [10.0 * detector] * n,
                "dec": [-5.0] * n,
            }
        )
    ingest_visits(database, night)
    results = at_once(
        [lambda t=table: ingest_detectors(database, t) for table in outlines]
        + [lambda t=table: ingest_sources(database, t) for table in sources_of]
    )
    assert [result.rows for result in results] == [n] * 6
    one = connect()
    ingest_visits(one, night)
    ingest_detectors(one, joined(*outlines))
    ingest_sources(one, joined(*sources_of))
    assert dump(database) == dump(one)
    one.close()


@pytest.mark.parametrize("value", [0.0, -0.2])
def test_the_size_of_a_pixel_is_above_zero(database: Database, value: float) -> None:
    ingest_visits(database, visits())
    refused(database, ingest_detectors, corners() | {"pixelScale": [value] * 4}, "pixelScale is not above 0")
