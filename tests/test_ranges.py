"""Every numeric column has its range, and every way into the database looks at it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
import task_inputs
from images import header, image
from ingesting import Columns, corners, dump, predictions, refused, rows, sources, visits, with_value
from orbit_files import columns, mpc_row, stored

import ssdb
from ssdb.errors import InputError
from ssdb.ingest.corners import corners as corner_table
from ssdb.ingest.predictions import store_predictions
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.ranges import Range
from ssdb.schema.survey import ss_prediction, visit, visit_detector
from ssdb.store.database import Database

INGESTED = (visit, visit_detector, dia_source, ss_prediction, mpc_orbits, corner_table)
SINGLE_MAX = float(np.finfo(np.float32).max)

VISITS = [
    ("radius", [0.0, -1.75, 90.5, 400.0, 500.0], [1e-6, 1.75, 90.0]),
    ("exposureTime", [-1.0, 86401.0, 1e300], [0.0, 30.0, 86400.0]),
    ("ra", [-181.0, 361.0, 1e300], [-180.0, 0.0, 360.0]),
    ("dec", [-90.1, 91.0], [-90.0, 90.0]),
    ("midpointMjdTai", [0.0, 15019.0, 1e5, 1e300], [15020.0, 88070.0]),
]
SOURCES = [
    ("exposureTime", [-1.0, 1e6], [0.0, 30.0]),
    ("raErr", [180.1, 1e30], [1e-12, 180.0]),
    ("decErr", [200.0], [1e-6]),
    ("trailRa", [-180.5, 1e300], [359.0]),
    ("trailDec", [-91.0], [-90.0]),
    ("trailLength", [-1.0, 1e7], [0.0, 5.0]),
    ("trailAngle", [-361.0, 1e30], [-180.0, 359.0]),
    ("reliability", [-1.0, 1.5, 100.0], [0.0, 0.5, 1.0]),
    ("extendedness", [-0.5, 2.0], [0.0, 1.0]),
    ("timeProcessedMjdTai", [0.0, 2460000.5], [60001.0]),
    ("psfFlux", [], [-1e30, SINGLE_MAX]),
    ("snr", [], [-7.0, 1e9]),
]
PREDICTIONS = [
    ("ephRateRa", [-100001.0, 1e308], [-100000.0, 0.0]),
    ("ephRateDec", [1e6], [1000.0]),
    ("ephVmag", [-51.0, 101.0], [-26.7, 99.0]),
    ("ephErrMajor", [1e10], [1e6]),
    ("ephErrPa", [1000.0], [-90.0, 180.0]),
    ("helio_x", [1e7, 1e308], [-1e6, 39.5]),
    ("helio_vx", [3e5, 1e308], [-617.0]),
    ("topo_vz", [-3e5], [0.0]),
    ("topoRange", [0.0, -1.0, 1e-9, 1e300], [1e-6, 1e3]),
    ("helioRange", [2.3e-8, 0.0, 1e7], [0.005, 1e5]),
    ("helioRangeRate", [-3e5], [100.0]),
    ("phaseAngle", [-0.1, 180.5], [0.0, 180.0]),
    ("elongation", [181.0], [90.0]),
]
CORNERS = [
    ("width", [0, -1, 10**8], [1, 4096]),
    ("height", [-5], [4096]),
    ("pixelScale", [0.0, -0.2, 1e300], [0.2, 3600.0]),
]


@pytest.fixture
def memory() -> Iterator[Database]:
    """An empty database, quick to make: what is refused here is refused before any database is asked."""
    database = ssdb.connect("sqlite://")
    yield database
    database.close()


def given(table: Columns, name: str, value: Any) -> Columns:
    """A table whose second row has a value that the others have not."""
    n = len(table["visit"])
    return with_value({name: [None] * n} | table if name not in table else table, name, 1, value)


def cases(*kinds: tuple[str, list[tuple[str, list[Any], list[Any]]]]) -> list[Any]:
    """Kind, column, values that are refused and values that are taken."""
    return [pytest.param(kind, *case, id=f"{kind}-{case[0]}") for kind, found in kinds for case in found]


def ingest(database: Database, kind: str, name: str, value: Any, **kw: Any) -> ssdb.IngestReport:
    """Ingests the small night's rows of a kind, one of them with that value."""
    table = given({"visits": visits, "sources": sources, "predictions": predictions}[kind](), name, value)
    return getattr(ssdb, f"ingest_{kind}")(database, table, **kw)


@pytest.mark.parametrize(
    ("kind", "name", "bad", "good"), cases(("visits", VISITS), ("sources", SOURCES), ("predictions", PREDICTIONS))
)
def test_a_value_is_within_the_range_of_its_column(
    memory: Database, kind: str, name: str, bad: list[Any], good: list[Any]
) -> None:
    if kind != "visits":
        ssdb.ingest_visits(memory, visits())
    before = dump(memory)
    for value in bad:
        with pytest.raises(InputError, match=rf"{name} is .*row 2\b|column {name} .*row 2\b"):
            ingest(memory, kind, name, value)
        assert dump(memory) == before
    for value in good:
        if kind == "visits":
            with closing(ssdb.connect()) as fresh:  # a stored visit is not moved by centuries
                assert ingest(fresh, kind, name, value).invalid == 0
        else:
            assert ingest(memory, kind, name, value, replace=True).invalid == 0


@pytest.mark.parametrize(("name", "bad", "good"), CORNERS)
def test_sizes_of_detectors_are_within_their_ranges(
    memory: Database, name: str, bad: list[Any], good: list[Any]
) -> None:
    ssdb.ingest_visits(memory, visits())
    for value in bad:
        refused(memory, ssdb.ingest_detectors, corners() | {name: [value] * 4}, name, "rows 1, 2, 3, 4")
    for value in good:
        ssdb.ingest_detectors(memory, corners() | {name: [value] * 4})


def test_skipped_rows_are_counted(database: Database) -> None:
    assert ingest(database, "visits", "radius", 400.0, skip_invalid=True).invalid == 1
    assert [row["visit"] for row in rows(database, "Visit")] == [10]
    ssdb.ingest_visits(database, visits())
    assert ingest(database, "sources", "reliability", 2.0, skip_invalid=True).invalid == 1
    assert ingest(database, "predictions", "helio_vx", 1e300, skip_invalid=True).invalid == 1
    assert (len(rows(database, "DiaSource")), len(rows(database, "SsPrediction"))) == (7, 3)


def test_a_value_beyond_single_precision_is_an_error(memory: Database) -> None:
    """It is not stored as infinity, or as nothing."""
    ssdb.ingest_visits(memory, visits())
    for name in ("psfFlux", "x", "psfChi2", "reliability"):
        message = refused(memory, ssdb.ingest_sources, given(sources(), name, 1e300), name, "row 2")
        assert "is too large for single precision" in message


def test_degrees_that_were_no_radians_are_refused(memory: Database) -> None:
    """Conversion of a unit makes infinity of 1e308: no value becomes unknown by it."""
    ssdb.ingest_visits(memory, visits())
    table = pa.table(given(sources(), "trailRa", 1e308))
    field = table.schema.field("trailRa").with_metadata({"unit": "rad"})
    table = table.set_column(table.schema.get_field_index("trailRa"), field, table.column("trailRa"))
    refused(memory, ssdb.ingest_sources, table, "trailRa is not within -180 to 360 (deg)", "row 2")


def test_answers_of_services_are_looked_at(memory: Database) -> None:
    ssdb.ingest_visits(memory, visits())
    answer = pa.table({name: values[:2] for name, values in predictions().items()} | {"topo_vx": [0.0, 1e300]})
    with pytest.raises(InputError, match=r"service: topo_vx is not within .* \(km/s\) \(row 2\)"):
        store_predictions(memory, "service", answer, visit=10)


def test_headers_of_images_are_looked_at(memory: Database, tmp_path: Path) -> None:
    path = image(tmp_path / "image.fits", header(EXPTIME=1e6, MJD_OBS=60000.1))
    with pytest.raises(InputError, match=r"image.fits.*: exposureTime is not within 0 to 86400 \(s\)"):
        ssdb.ingest_detectors(memory, path, visit=10, detector=1, create_visits=True)


@pytest.mark.parametrize(
    ("exposure", "source", "prediction", "words"),
    [
        ({"exposure_time": -1.0}, {}, {}, "exposureTime is not within 0 to 86400 (s)"),
        ({"photo_calib_mean": 0.0}, {}, {}, "photoCalibMean is not above 0"),
        ({}, {"reliability": [0.5, 7.0]}, {}, "sourceTable: reliability is not within 0 to 1 (row 2)"),
        (
            {},
            {},
            {"ephRateRa": [0.1, 1e9]},
            "solarSystemObjectTable: ephRateRa is not within -100000 to 100000 (deg/d) (row 2)",
        ),
    ],
)
def test_the_task_in_memory_looks_at_them(exposure: Columns, source: Columns, prediction: Columns, words: str) -> None:
    x, y = [100.0, 200.0], [100.0, 200.0]
    task = ssdb.SsSingleFrameAssociation()
    with pytest.raises(InputError, match=re.escape(words)):
        task.run(
            task_inputs.exposure(**exposure),
            task_inputs.sources(x, y) | source,
            "r",
            task_inputs.predictions(x, y) | prediction,
        )


def named(designation: str) -> dict[str, Any]:
    """A good orbit of an object."""
    return mpc_row(packed_primary_provisional_designation=None, unpacked_primary_provisional_designation=designation)


ABSURD = [
    ({"q": 5e-324}, "q is not within 1e-09 to 100000 (AU)"),
    ({"q": 1e300}, "q is not within 1e-09 to 100000 (AU)"),
    ({"e": 1e300}, "e is not within 0 to 1e+06"),
    ({"node": 1e300}, "node is not within -360 to 720 (deg)"),
    ({"argperi": -400.0}, "argperi is not within -360 to 720 (deg)"),
    ({"peri_time": 1e300}, "peri_time is not within -1e+10 to 1e+10 (d)"),
    ({"epoch_mjd": 288_975.0}, "epoch_mjd is not an MJD of the years 1550 to 2650"),
    ({"e": 0.0, "q": 1e-4}, "its whole orbit is within 0.05 au of the Sun"),
    ({"e": 900.0, "q": 0.01, "peri_time": -9e9}, "at its epoch it is beyond 1e+06 au, or faster than light"),
]


@pytest.mark.parametrize(("values", "words"), ABSURD)
def test_an_orbit_that_leads_nowhere_is_left_out_and_told(
    memory: Database, values: dict[str, float], words: str
) -> None:
    report = ssdb.ingest_orbits(memory, columns(named("2001 AA"), named("2001 AB") | values))
    assert (report.rows, report.invalid, report.doubts) == (1, 1, (f"{words} (row 2)",))
    assert list(stored(memory)) == ["2001 AA"]


GOOD_ORBITS = [
    {"q": 0.0048, "e": 0.99999},  # of Kreutz's group
    {"q": 0.0008, "e": 1.0},
    {"q": 1.36, "e": 6.14},  # 3I/ATLAS
    {"q": 76.3, "e": 0.85, "peri_time": 78_500.0},  # Sedna
    {"q": 0.075, "e": 0.97},
    {"q": 40_000.0, "e": 0.5, "peri_time": 1e9},
    {"q": 300.0, "e": 1500.0},
    {"i": 180.0, "node": 360.0, "argperi": -90.0},
]


@pytest.mark.parametrize("values", GOOD_ORBITS)
def test_an_orbit_that_is_one_is_stored(memory: Database, values: dict[str, float]) -> None:
    report = ssdb.ingest_orbits(memory, columns(named("2001 AA") | values))
    assert (report.rows, report.doubts) == (1, ())


def test_an_orbit_of_which_something_else_makes_no_sense_is_stored_without_that(database: Database) -> None:
    names = ["2001 AA", "2001 AB", "2001 AC", "2001 AD"]
    others: list[dict[str, Any]] = [{"h": 99.98}, {"g": 1e300}, {"h": -1.25, "earth_moid": 1e200}, {"h": 1e300}]
    given = [
        named(name) | {"g": 0.15, "earth_moid": 0.1, "h": 20.0} | values
        for name, values in zip(names, others, strict=True)
    ]
    report = ssdb.ingest_orbits(database, columns(*given))
    assert (report.rows, report.invalid) == (4, 0)
    assert set(report.doubts) == {
        "h is not within -30 to 60 (mag): taken for unknown (rows 1, 4)",
        "g is not within -10 to 10: taken for unknown (row 2)",
        "earth_moid is not within -1e+100 to 1e+100 (AU): taken for unknown (row 3)",
    }
    there = stored(database)
    assert [there[name]["h"] for name in names] == [None, 20.0, -1.25, None]
    assert [there[name]["g"] for name in names] == [0.15, None, 0.15, 0.15]
    assert there["2001 AC"]["earth_moid"] is None


def test_every_column_of_floating_point_numbers_has_a_range() -> None:
    for table in INGESTED:
        for column in table.columns:
            if isinstance(column.type, sa.Float):
                assert isinstance(column.info["range"], Range), column


def test_the_page_has_the_ranges_of_the_schema() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "data-model.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"\| columns \| unit \| range \|\n\|.*\n((?:\|.*\n)+)", page)
    assert table.splitlines() == documented()


def documented() -> list[str]:
    """The lines of the table: columns of one range together, without those that may hold any number."""
    found: dict[tuple[str, Range], list[str]] = {}
    for table in (visit, visit_detector, dia_source, ss_prediction, mpc_orbits):
        for column in table.columns:
            within = column.info["range"]
            if within is not None and within.high < 1e35:
                found.setdefault((column.info["unit"], within), []).append(f"{table.name}.{column.name}")
    return [f"| {', '.join(columns)} | {unit} | {within} |" for (unit, within), columns in found.items()]
