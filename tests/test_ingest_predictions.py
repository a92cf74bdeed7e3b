"""Predicted objects through ingest into the database, on both databases."""

from __future__ import annotations

import csv
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy import units as u
from astropy.time import Time
from conftest import shared_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ingesting import (
    DERIVED,
    EROS,
    MQ204,
    at_once,
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
    wait_for_lock_waits,
    with_value,
    without_clock,
)

from ssdb.association.associate import associate
from ssdb.errors import ConfigError, DesignationError, InputError
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.writers import to_astropy, write_columns
from ssdb.schema.apdb_solar_system import numbered_identifications
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_prediction, visit
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect

AU_KM = 149597870.7
EROS_PRIMARY = int.from_bytes(b"I98P00A", "big")
"""ssObjectId of A898 PA, the primary provisional designation of 433."""

ONE = {"visit": [10], "designation": ["2015 MQ204"], "ephRa": [50.0], "ephDec": [-5.0]}


def named(*names: str | None, visit: int = 10) -> dict[str, list[Any]]:
    """One prediction for each name, all for one visit."""
    n = len(names)
    return {"visit": [visit] * n, "designation": list(names), "ephRa": [50.0] * n, "ephDec": [-5.0] * n}


def objects(database: Database) -> list[tuple[int, str]]:
    return [(row["ssObjectId"], row["designation"]) for row in rows(database, "SsPrediction")]


def predictions_at(database: Database) -> dict[int, datetime | None]:
    return {row["visit"]: row["predictionsAt"] for row in rows(database, "Visit")}


def number(database: Database, **primaries: str) -> None:
    """Loads numbers with their primary provisional designations; the packed ones are not looked at."""
    with database.writing() as connection:
        for index, (key, primary) in enumerate(primaries.items()):
            connection.execute(
                sa.insert(numbered_identifications).values(
                    id=index,
                    permid=key.removeprefix("n"),
                    unpacked_primary_provisional_designation=primary,
                    packed_primary_provisional_designation=f"packed{index}",
                )
            )


def every_column() -> pa.Table:
    """Two predictions: in the first every column has a value of its own, in the second what may be NULL is."""
    columns: dict[str, list[Any]] = {}
    for index, field in enumerate(arrow_schema(ss_prediction)):
        columns[field.name] = [index + (0.1 if str(field.type) == "float" else 1 / 3), None]
    columns |= {"visit": [10, 20], "ssObjectId": [MQ204, EROS], "designation": ["2015 MQ204", "433"]}
    columns |= {"midpointMjdTai": [60000.1 + 1 / 3e3, None], "provider": ["by hand", None]}
    columns |= {"ephRa": [1 / 3, 359.99999999999994], "ephDec": [-1 / 3, 90.0]}
    schema = arrow_schema(ss_prediction)
    return pa.table(
        [pa.array(columns[field.name], field.type) for field in schema],
        schema=pa.schema([f.with_metadata({"unit": (f.metadata or {}).get(b"unit", b"")}) for f in schema]),
    )


# ---- what is stored --------------------------------------------------------------------------------------------------


def test_every_column_comes_back(database: Database) -> None:
    ingest_visits(database, visits())
    table = every_column()
    report = ingest_predictions(database, table)
    assert (report.rows, report.visits, report.left_out, report.without_unit) == (2, 2, (), ())
    expected = table.to_pylist()
    expected[1]["midpointMjdTai"] = 60000.2
    assert rows(database, "SsPrediction") == expected


def test_every_format_gives_the_same_rows(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    table = every_column()
    ingest_predictions(database, table)
    expected = rows(database, "SsPrediction")
    in_memory = [to_astropy(table), table.to_pandas(types_mapper=pd.ArrowDtype), table.to_pydict()]
    files = [tmp_path / f"predictions.{ending}" for ending in ("parquet", "fits", "ecsv", "csv", "vot")]
    for file in files:
        write_columns(table, file)
    for source in [*in_memory, *files]:
        ingest_predictions(database, {**ONE, "visit": [20]}, replace=True)
        assert rows(database, "SsPrediction") != expected
        ingest_predictions(database, source, replace=True)
        assert rows(database, "SsPrediction") == expected, source


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(4)))
def test_the_order_of_rows_does_not_matter(database: Database, order: list[int]) -> None:
    ingest_visits(database, visits())
    ingest_predictions(database, dict(reversed(rows_of(predictions(), order).items())), replace=True)
    one = connect()
    ingest_visits(one, visits())
    ingest_predictions(one, predictions())
    assert without_clock(dump(database)) == without_clock(dump(one))
    one.close()


def test_the_time_is_the_visits_where_unknown(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_predictions(database, named("1", "2"))
    ingest_predictions(database, {**named("3", "4", "5"), "midpointMjdTai": [None, 60000.11, -999.0]})
    stored = {row["designation"]: row["midpointMjdTai"] for row in rows(database, "SsPrediction")}
    assert stored == {"1": 60000.1, "2": 60000.1, "3": 60000.1, "4": 60000.11, "5": 60000.1}


def test_ra_is_stored_from_0_to_below_360(database: Database) -> None:
    ingest_visits(database, visits())
    table = {**named("1", "2", "3", "4"), "ephRa": [360.0, -0.0, -0.5, 359.99999999999994]}
    ingest_predictions(database, table)
    stored = {row["designation"]: str(row["ephRa"]) for row in rows(database, "SsPrediction")}
    assert stored == {"1": "0.0", "2": "0.0", "3": "359.5", "4": "359.99999999999994"}


def test_unknown_in_every_disguise_is_null(database: Database) -> None:
    """A rate of zero is a rate; an axis of an ellipse that is zero is none; its position angle may be zero."""
    ingest_visits(database, visits())
    nan = float("nan")
    table = {
        **named("1", "2", "3", "4"),
        "ephRateRa": [0.0, nan, -999.0, None],
        "ephVmag": [20.5, nan, -999.0, float("inf")],
        "ephErrMajor": [0.0, nan, -1.0, None],
        "ephErrMinor": [0.0, -999.0, nan, None],
        "ephErrPa": [0.0, nan, -9999.0, None],
        "helio_x": [0.0, nan, -999.0, None],
        "provider": ["x", "", " ", None],
    }
    ingest_predictions(database, table)
    stored = rows(database, "SsPrediction")
    assert [row["ephRateRa"] for row in stored] == [0.0, None, None, None]
    assert [row["ephVmag"] for row in stored] == [20.5, None, None, None]
    assert {row[name] for row in stored for name in ("ephErrMajor", "ephErrMinor")} == {None}
    assert [row["ephErrPa"] for row in stored] == [0.0, None, None, None]
    assert [row["helio_x"] for row in stored] == [0.0, None, None, None]
    assert [row["provider"] for row in stored] == ["x", None, None, None]


def test_units_are_converted(database: Database) -> None:
    ingest_visits(database, visits())
    table = {
        **named("433"),
        "ephRateRa": [3600.0] * u.arcsec / u.hour,
        "helio_x": [AU_KM] * u.km,
        "topo_vx": [1000.0] * u.m / u.s,
        "ephErrMajor": [2.0] * u.mas,
    }
    report = ingest_predictions(database, table)
    (stored,) = rows(database, "SsPrediction")
    assert [stored["ephRateRa"], stored["helio_x"], stored["topo_vx"]] == pytest.approx([24.0, 1.0, 1.0], rel=1e-12)
    assert stored["ephErrMajor"] == pytest.approx(0.002, rel=1e-6)
    assert set(report.without_unit) == {"ephRa", "ephDec"}


def test_a_column_map(database: Database, tmp_path: Path) -> None:
    """The column that holds the names is read as text whatever it is called in the file."""
    path = tmp_path / "table.csv"
    path.write_text("exp,number,alpha,delta\n10,00433,3.0,-0.1\n10,00001,3.1,-0.1\n")
    columns = {
        "visit": "exp",
        "designation": "number",
        "ephRa": {"column": "alpha", "unit": "rad"},
        "ephDec": {"column": "delta", "unit": "rad"},
        "provider": {"constant": "table"},
    }
    ingest_visits(database, visits())
    ingest_predictions(database, path, columns={"columns": columns})
    first, second = rows(database, "SsPrediction")
    assert (first["ssObjectId"], first["designation"]) == (int.from_bytes(b"00001", "big"), "1")
    assert (second["ssObjectId"], second["designation"], second["provider"]) == (EROS, "433", "table")
    assert second["ephRa"] == pytest.approx(np.degrees(3.0), abs=1e-12)


def test_no_rows_are_no_error(database: Database, tmp_path: Path) -> None:
    load_night(database)
    before = dump(database)
    path = tmp_path / "none.csv"
    path.write_text("visit,designation,ephRa,ephDec\n")
    for options in ({}, {"replace": True}, {"simulated_names": True}, {"skip_invalid": True}):
        assert ingest_predictions(database, path, **options).rows == 0
    assert dump(database) == before
    ingest_visits(database, {"visit": [30], "midpointMjdTai": [60000.3]})
    ingest_predictions(database, path, complete=True)
    assert None not in predictions_at(database).values()


def test_a_hundred_thousand_rows(database: Database) -> None:
    """Far above what it takes: it must not grow with the square of the rows."""
    n_visits, n_objects = 50, 2000
    n = n_visits * n_objects
    rng = np.random.default_rng(2)
    order = rng.permutation(n)
    table = {
        "visit": (np.arange(n) // n_objects)[order],
        "designation": np.array([str(i % n_objects + 1) for i in range(n)])[order],
        "ephRa": np.arange(n)[order] / n * 360,
        "ephDec": np.full(n, 1.5),
        "ephVmag": np.full(n, 20.5),
    }
    ingest_visits(database, {"visit": range(n_visits), "midpointMjdTai": [60000.0] * n_visits})
    start = time.perf_counter()
    ingest_predictions(database, table)
    assert time.perf_counter() - start < 60
    with database.reading() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(ss_prediction)) == n
        for row in rng.integers(0, n, 20):
            wanted = (ss_prediction.c.visit == int(table["visit"][row])) & (
                ss_prediction.c.designation == str(table["designation"][row])
            )
            stored = connection.execute(sa.select(ss_prediction.c.ephRa).where(wanted)).scalar_one()
            assert stored == table["ephRa"][row]


# ---- which object it is ----------------------------------------------------------------------------------------------


def test_designation_and_ssobjectid_make_each_other(database: Database) -> None:
    """Either alone, both, and one of them in each row."""
    both = [(EROS, "433"), (MQ204, "2015 MQ204")]
    position = {"ephRa": [50.0] * 2, "ephDec": [-5.0] * 2, "visit": [10] * 2}
    for given_columns in (
        {"designation": ["433", "2015 MQ204"]},
        {"ssObjectId": [EROS, MQ204]},
        {"designation": ["433", "2015 MQ204"], "ssObjectId": [EROS, MQ204]},
        {"designation": ["433", None], "ssObjectId": [None, MQ204]},
        {"designation": ["433", ""], "ssObjectId": [0, MQ204]},
        {"designation": ["433", "K15MK4Q"], "ssObjectId": [EROS, 0]},
        {"designation": [None, None], "ssObjectId": [EROS, MQ204]},
    ):
        ingest_visits(database, visits())
        ingest_predictions(database, {**position, **given_columns}, replace=True)
        assert objects(database) == both, given_columns


@pytest.mark.parametrize(
    ("name", "packed", "designation"),
    [
        ("(433)", b"00433", "433"),
        ("433 Eros", b"00433", "433"),
        ("00433", b"00433", "433"),
        ("2015_MQ204", b"K15MK4Q", "2015 MQ204"),
        ("1P/Halley", b"0001P", "1P"),
        ("C/2017 K2 (PANSTARRS)", b"CK17K020", "C/2017 K2"),
        ("73P/Schwassmann-Wachmann 3-BB", b"0073Pbb", "73P-BB"),
        ("433 Äneas", b"00433", "433"),
    ],
)
def test_names_in_any_form(sqlite_url: str, name: str, packed: bytes, designation: str) -> None:
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    ingest_predictions(database, named(name))
    assert objects(database) == [(int.from_bytes(packed, "big"), designation)]
    database.close()


def test_a_number_is_its_primary_provisional_where_that_is_known(database: Database) -> None:
    """By its name or by its identifier; what is not in the table, or not a number, stays what it is."""
    ingest_visits(database, visits())
    number(database, n433="A898 PA", n1P="P/1682 Q1", n5="A845 XA")
    ingest_predictions(database, named("433", "4", "2015 MQ204", "1P"))
    halley = int.from_bytes(b"PI82Q010", "big")
    by_packing = {b"00004": "4", b"K15MK4Q": "2015 MQ204"}
    expected = {(int.from_bytes(packed, "big"), text) for packed, text in by_packing.items()}
    expected |= {(EROS_PRIMARY, "A898 PA")}
    found = set(objects(database))
    assert expected < found
    ((halleys_id, halleys_name),) = found - expected
    assert (halleys_id, halleys_name) == (int.from_bytes(b"PG82Q010", "big"), "P/1682 Q1") != (halley, "1P")
    by_id = {"visit": [20], "ssObjectId": [EROS], "ephRa": [50.0], "ephDec": [-5.0]}
    ingest_predictions(database, by_id)
    assert [row["ssObjectId"] for row in rows(database, "SsPrediction") if row["visit"] == 20] == [EROS_PRIMARY]


def test_two_names_of_one_object_in_one_visit(database: Database) -> None:
    """In the file, or one of them stored before; in two visits it is no error."""
    ingest_visits(database, visits())
    for names in (("433", "(433)"), ("2015 MQ204", "K15MK4Q"), ("1P", "1P/Halley")):
        refused(database, ingest_predictions, named("7", *names), "twice", "row 3", error=InputError)
    number(database, n433="A898 PA")
    refused(database, ingest_predictions, named("7", "A898 PA", "433"), "two names", "row 3", error=InputError)
    with_bad = with_value(named("7", "A898 PA", "433"), "ephDec", 0, 95.0)
    refused(database, ingest_predictions, with_bad, "two names", "row 3", error=InputError, skip_invalid=True)
    ingest_predictions(database, {**named("A898 PA", "433"), "visit": [10, 20]})
    assert objects(database) == [(EROS_PRIMARY, "A898 PA")] * 2
    assert ingest_predictions(database, named("A898 PA")).unchanged == 1
    moved = with_value(named("433"), "ephDec", 0, -6.0)
    refused(database, ingest_predictions, moved, "stored already", str(EROS_PRIMARY), error=InputError)


def test_simulated_names_only_on_request(database: Database) -> None:
    """Their identifiers are negative, the same every time, and different for different names."""
    ingest_visits(database, visits())
    table = {**named("S100cuQfa", "S100cuQfb", "433"), "visit": [10, 10, 10]}
    refused(
        database, ingest_predictions, table, "S100cuQfa", "rows 1, 2", "simulated_names=True", error=DesignationError
    )
    ingest_predictions(database, table, simulated_names=True)
    ingest_predictions(database, named("S100cuQfa", visit=20), simulated_names=True)
    stored = rows(database, "SsPrediction")
    ids = {(row["visit"], row["designation"]): row["ssObjectId"] for row in stored}
    assert ids[10, "433"] == EROS
    assert ids[10, "S100cuQfa"] == ids[20, "S100cuQfa"] < 0
    assert ids[10, "S100cuQfb"] < 0
    assert ids[10, "S100cuQfb"] != ids[10, "S100cuQfa"]


def test_a_simulated_object_is_associated_like_any_other(database: Database) -> None:
    ingest_visits(database, visits())
    ingest_sources(database, sources())
    ingest_predictions(database, named("S100cuQfa"), simulated_names=True)
    report = associate(database)
    assert report.failed == {}
    assert [(row["diaSourceId"], row["designation"]) for row in rows(database, "SSSource")] == [(101, "S100cuQfa")]


@pytest.mark.parametrize("name", ["Čapek", "S100cuQfä", "小行星", "４３３", "a\tb"])
def test_names_beyond_ascii_are_refused_at_the_door(sqlite_url: str, name: str) -> None:
    """Even as simulated ones: association reads designations as ASCII, and the visit would fail for ever."""
    database = connect(sqlite_url)
    ingest_visits(database, visits())
    for simulated in (False, True):
        words = (ascii(name)[1:-1] if name == "a\tb" else name,)
        refused(database, ingest_predictions, named(name), *words, error=DesignationError, simulated_names=simulated)
    database.close()


# ---- what is refused -------------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], list[str]]] = [
    *(
        ({other: values for other, values in ONE.items() if other != name}, [f"column {name} is missing", "has:"])
        for name in ("visit", "ephRa", "ephDec")
    ),
    ({name: ONE[name] for name in ("visit", "ephRa", "ephDec")}, ["neither", "designation", "ssObjectId", "ephRa"]),
    (named("1", None, "2"), ["neither a designation nor an ssObjectId", "row 2"]),
    ({**named("1", None), "ssObjectId": [None, None]}, ["neither a designation nor an ssObjectId", "row 2"]),
    ({**named("1", None), "ssObjectId": [None, 77]}, ["ssObjectId is not made from", "row 2"]),
    ({**named("1", None), "ssObjectId": [None, -77]}, ["ssObjectId is not made from", "row 2"]),
    ({**ONE, "ssObjectId": [EROS]}, ["ssObjectId is not that of the designation", "row 1"]),
    (named("1", "no such thing", "2"), ["no such thing", "rows 2"]),
    (named("1", "2015 MQ204 or so, but longer"), ["2015 MQ204 or so, but longer", "rows 2"]),
    (with_value(named("1", "2"), "visit", 1, None), ["visit is missing (row 2)"]),
    *(
        (with_value(named("1", "2"), "ephRa", 1, value), ["ephRa is not a number", "row 2"])
        for value in (None, float("nan"), -999.0, 360.1)
    ),
    *(
        (with_value(named("1", "2"), "ephDec", 0, value), ["ephDec is not a number", "row 1"])
        for value in (None, float("inf"), -90.1)
    ),
    ({**ONE, "ephRa": ["x"]}, ["column ephRa is not a number", "row 1"]),
    ({**ONE, "ephRa": [50.0] * u.mag}, ["column ephRa", "cannot be converted to deg"]),
    ({**ONE, "ephRateRa": [50.0] * u.deg}, ["column ephRateRa", "cannot be converted to deg / d"]),
    ({**ONE, "midpointMjdTai": [2460000.6]}, ["midpointMjdTai", "JD", "row 1"]),
    ({**ONE, "midpointMjdTai": [60000.1201]}, ["midpointMjdTai is more than 0.02 d", "row 1"]),
    (named("1", "2", "1"), ["twice", "row 3"]),
    (with_value(named("1", "2"), "visit", 1, 99), ["1 visits are not in the database (99)", "ingest them first"]),
    ({**ONE, "provider": ["x" * 33]}, ["column provider is longer than 32", "row 1"]),
]


def test_what_is_wrong_is_named_and_nothing_is_stored(database: Database, tmp_path: Path) -> None:
    """From memory, and, where Parquet can hold it, from a file that is then named."""
    ingest_visits(database, visits())
    ingest_predictions(database, named("8"))
    for source, words in WRONG:
        words = [word.replace("deg / d", "deg/d") for word in words]
        refused(database, ingest_predictions, source, *words)
        if not any(isinstance(values, u.Quantity) for values in source.values()):
            path = tmp_path / "night.parquet"
            write_columns(pa.table(source), path)
            refused(database, ingest_predictions, path, str(path), *words, replace=True, complete=True)


def test_a_stored_prediction_is_refused(database: Database) -> None:
    load_night(database)
    words = ("1 predictions are stored already", "10", str(EROS), "replace=True")
    refused(database, ingest_predictions, named("4", "433"), *words, error=InputError)


def test_a_truncated_or_missing_file_stores_nothing(database: Database, tmp_path: Path) -> None:
    ingest_visits(database, visits())
    n = 3000
    table = pa.table(named(*(str(i + 1) for i in range(n))))
    for ending in ("parquet", "fits", "vot", "csv.gz"):
        path = tmp_path / f"predictions.{ending}"
        write_columns(table, path)
        refused(database, ingest_predictions, truncated(path), str(path), error=InputError)
    refused(database, ingest_predictions, tmp_path / "none.csv", "none.csv", "no such file", error=InputError)


def test_a_wrong_format_is_refused(database: Database) -> None:
    ingest_visits(database, visits())
    refused(database, ingest_predictions, ONE, "sorcha", "skyfield", format="skyfield", error=ConfigError)


def test_skip_invalid_stores_the_rest_and_counts(database: Database) -> None:
    """A visit of which no row is left counts as never asked for."""
    ingest_visits(database, visits())
    table = {**named("1", "2", "3", "3", "5", "6"), "visit": [10, 10, 10, 10, 20, None]}
    table = with_value(with_value(table, "ephRa", 0, None), "ephDec", 4, 99.0)
    report = ingest_predictions(database, table, skip_invalid=True)
    assert (report.rows, report.invalid, report.visits) == (2, 4, 1)
    assert {designation for _, designation in objects(database)} == {"2", "3"}
    assert predictions_at(database)[20] is None
    far = {**with_value(named("7", "8", "9"), "ephRa", 0, None), "midpointMjdTai": [60000.1, 60000.1, 60000.2]}
    refused(database, ingest_predictions, far, "0.02 d", "(row 3)", skip_invalid=True)


# ---- state -----------------------------------------------------------------------------------------------------------


def test_new_predictions_set_all_detectors_of_the_visit_back_to_pending(database: Database) -> None:
    """The other visit stays done; what was derived stays until it is renewed."""
    load_night(database)
    before = dump(database)
    ingest_predictions(database, named("4"))
    assert statuses(database) == {
        (10,): "pending",
        (10, 1): "pending",
        (10, 2): "pending",
        (20,): "done",
        (20, 1): "done",
        (20, 2): "done",
    }
    after = dump(database)
    assert [after[table] for table in (*DERIVED, "DiaSource")] == [before[table] for table in (*DERIVED, "DiaSource")]
    assert predictions_at(database)[10] > before["Visit"][0]["predictionsAt"]
    assert after["Visit"][1] == before["Visit"][1]


def test_predictions_at_is_when_they_were_loaded(database: Database) -> None:
    """In UTC; NULL is "never asked for", which is not "none exist"."""
    ingest_visits(database, visits())
    assert predictions_at(database) == {10: None, 20: None}
    ingest_predictions(database, ONE)
    at = predictions_at(database)
    assert at[20] is None
    assert abs(datetime.now(UTC).replace(tzinfo=None) - at[10]) < timedelta(minutes=2)


def test_complete_means_that_visits_without_rows_have_no_object(database: Database) -> None:
    """A visit that was asked for before keeps its time and its state."""
    load_night(database)
    before = dump(database)
    ingest_visits(database, {"visit": [30, 40], "midpointMjdTai": [60000.3, 60000.4]})
    assert associate(database).n_without_predictions == 2
    ingest_predictions(database, named("4", visit=30), complete=True)
    at = predictions_at(database)
    assert at[30] == at[40] is not None
    assert dump(database)["Visit"][:2] == before["Visit"]
    report = associate(database)
    assert [(outcome.visit, outcome.n_total_ss_objects) for outcome in report.visits] == [(30, 1), (40, 0)]
    assert report.n_without_predictions == 0


def test_replace_with_a_complete_file_leaves_nothing_of_the_old_one(database: Database) -> None:
    """The night has objects in visits 10 and 20; in the file that covers every visit, 20 has none."""
    load_night(database)
    ingest_predictions(database, named("4", visit=10), replace=True, complete=True)
    after = dump(database)
    assert [(row["visit"], row["designation"]) for row in after["SsPrediction"]] == [(10, "4")]
    assert not [row for table in DERIVED for row in after[table]]
    report = associate(database)
    assert [(outcome.visit, outcome.n_total_ss_objects) for outcome in report.visits] == [(10, 1), (20, 0)]


def test_replace_removes_the_predictions_of_the_visits_and_what_was_derived(database: Database) -> None:
    load_night(database)
    before = dump(database)
    ingest_predictions(database, named("4"), replace=True)
    after = dump(database)
    assert [row["designation"] for row in after["SsPrediction"] if row["visit"] == 10] == ["4"]
    for table in (*DERIVED, "Visit", "VisitDetector", "DiaSource", "SsPrediction"):
        of_20 = [row for row in after[table] if row["visit"] == 20]
        assert of_20 == [row for row in before[table] if row["visit"] == 20]
    assert not [row for table in DERIVED for row in after[table] if row["visit"] == 10]
    assert {row["ssObjectId"] for row in after["DiaSource"] if row["visit"] == 10} == {None}
    no_result = ("runId", "associatedAt", "nSources", "nTotalSsObjects", "nAssociatedSsObjects")
    assert {after["Visit"][0][name] for name in no_result} == {None}
    assert {status for key, status in statuses(database).items() if key[0] == 10} == {"pending"}


def test_after_replace_and_associate_all_is_as_if_never_otherwise(database: Database) -> None:
    load_night(database)
    moved = with_value(predictions(), "ephRa", 1, 50.51)
    moved = with_value(moved, "ephDec", 1, -5.01)
    ingest_predictions(database, rows_of(moved, [1, 0]), replace=True)
    associate(database)
    fresh = connect()
    ingest_visits(fresh, visits())
    ingest_sources(fresh, sources())
    ingest_predictions(fresh, moved)
    associate(fresh)
    assert without_clock(dump(database)) == without_clock(dump(fresh))
    assert {row["diaSourceId"] for row in rows(database, "SSSource")} == {101, 104, 201, 203}
    fresh.close()


# ---- at the same time ------------------------------------------------------------------------------------------------


def test_files_for_the_same_visits_at_once(database: Database) -> None:
    """Different objects in each, visits in different order: nothing is lost, no deadlock."""
    n = 60
    night = {"visit": list(range(n)), "midpointMjdTai": [60000.0] * n}
    ingest_visits(database, night)
    tables = []
    for index in range(4):
        order = np.random.default_rng(index).permutation(n).tolist()
        name = [str(index + 1)] * n
        tables.append({"visit": order, "designation": name, "ephRa": [float(v) for v in order], "ephDec": [0.0] * n})
    results = at_once([lambda t=table: ingest_predictions(database, t, complete=True) for table in tables])
    assert [result.rows for result in results] == [n] * 4
    stored = {(row["visit"], row["designation"], row["ephRa"]) for row in rows(database, "SsPrediction")}
    assert stored == {(v, str(index + 1), float(v)) for index in range(4) for v in range(n)}


def test_complete_locks_visits_in_order(postgresql_url: str) -> None:
    """A file that covers every visit must wait for another ingest with nothing in its hands that that one needs."""
    database = connect(postgresql_url)
    ingest_visits(database, {"visit": [1, 2, 3], "midpointMjdTai": [60000.0] * 3})
    table = {"diaSourceId": [1, 2, 3], "visit": [1, 2, 3], "ra": [1.0] * 3, "dec": [0.0] * 3}
    with ThreadPoolExecutor(2) as pool:
        with database.writing() as connection:
            connection.execute(sa.select(visit.c.visit).where(visit.c.visit == 2).with_for_update())
            # It locks visit 1 and waits for 2; the complete one has rows of 3 alone, but concerns them all.
            first = pool.submit(ingest_sources, database, table)
            wait_for_lock_waits(database, 1)
            second = pool.submit(ingest_predictions, database, named("433", visit=3), complete=True)
            wait_for_lock_waits(database, 2)
        assert (first.result(60).rows, second.result(60).rows) == (3, 1)
    assert None not in predictions_at(database).values()
    database.close()


# ---- Sorcha ----------------------------------------------------------------------------------------------------------


def test_sorchas_ephemerides_for_sorchas_schedule(database: Database) -> None:
    """The real demo output reaches beyond the schedule: refused until all visits are there, then every row loads."""
    ingest_visits(database, shared_data("sorcha/tests__data__baseline_10klines_2.0.db"))
    path = shared_data("sorcha/demo__example_ephem_output.txt")
    with path.open() as file:
        lines = list(csv.DictReader(file))
    times = {int(line["FieldID"]): float(line["fieldMJD_TAI"]) for line in lines}
    of_schedule = {row["visit"]: row["midpointMjdTai"] for row in rows(database, "Visit")}
    both = times.keys() & of_schedule.keys()
    assert len(both) == 22
    assert max(abs(times[visit] - of_schedule[visit]) for visit in both) < 1e-9
    refused(database, ingest_predictions, path, path.name, "1,171 visits", "ingest them first", error=InputError)
    others = [visit for visit in times if visit not in of_schedule]
    ingest_visits(database, {"visit": others, "midpointMjdTai": [times[visit] for visit in others]})
    report = ingest_predictions(database, path)
    stored = {(row["visit"], row["designation"]): row for row in rows(database, "SsPrediction")}
    assert report.rows == len(lines) == len(stored)
    assert set(stored) == {(int(line["FieldID"]), line["ObjID"].replace("_", " ")) for line in lines}
    line = lines[0]
    row = stored[5733, "2011 OB60"]
    assert (row["ephRa"], row["ephDec"]) == (float(line["RA_deg"]), float(line["Dec_deg"]))
    assert (row["ephRateRa"], row["ephRateDec"]) == (-0.0191044821690265, -0.0081342233832118)
    assert row["helio_x"] * AU_KM == pytest.approx(5407508563.223875, rel=1e-14)
    assert row["topo_z"] * AU_KM == pytest.approx(-1094496739.3655145 - 14755265.621108454, rel=1e-14)
    assert row["topo_vy"] == pytest.approx(6.195354508632129 - 26.71219251349756, rel=1e-14)
    # fieldJD_TDB, 21 ms from fieldMJD_TAI, is the time that the position holds for.
    expected = Time(float(line["fieldJD_TDB"]), format="jd", scale="tdb").tai.mjd
    assert row["midpointMjdTai"] == pytest.approx(expected, abs=1e-12)
    assert (expected - times[5733]) * 86400 == pytest.approx(0.0215, abs=1e-4)
    assert (row["ephVmag"], row["provider"]) == (None, "sorcha")
    again = ingest_predictions(database, path)
    assert (again.new, again.changed, again.unchanged) == (0, 0, len(lines))


def test_sorchas_other_files_are_refused_with_the_reason(database: Database) -> None:
    cases = {
        "tests__data__goldens__sorcha_ephemeris.csv": ["visits are not in the database", "48293", "ingest them first"],
        "demo__mba_sample_1000_orbit.csv": ["orbit", "not predictions"],
        "demo__mba_sample_1000_physical.csv": ["physical parameters", "not predictions"],
        "src__sorcha__modules__data__LSST_detector_corners_100123.csv": ["visit"],
        "tests__data__baseline_10klines_2.0.db": ["schedule", "ingest visits"],
    }
    ingest_visits(database, visits())
    for file, words in cases.items():
        path = shared_data("sorcha") / file
        refused(database, ingest_predictions, path, file, *words, error=InputError)


def test_sorchas_golden_ephemerides_load_once_their_visits_are_there(database: Database) -> None:
    path = shared_data("sorcha/tests__data__goldens__sorcha_ephemeris.csv")
    with path.open() as file:
        lines = list(csv.DictReader(file))
    times = {int(line["FieldID"]): float(line["fieldMJD_TAI"]) for line in lines}
    ingest_visits(database, {"visit": list(times), "midpointMjdTai": list(times.values())})
    assert ingest_predictions(database, path).rows == len(lines) == len(rows(database, "SsPrediction"))
    columns = {"columns": {"ephRa": "RA_deg"}}
    refused(database, ingest_predictions, path, "Sorcha", columns=columns, error=ConfigError)


def test_a_rate_of_no_natural_object_is_refused(database: Database) -> None:
    """Arcseconds an hour taken for degrees a day would also make the search boxes cover the sky."""
    ingest_visits(database, visits())
    rates = {"ephRateRa": [1e6], "ephRateDec": [0.0]}
    refused(database, ingest_predictions, named("433") | rates, "ephRateRa", "100000 (deg/d)", "row 1")
