"""Messages that show the column map that would help, and maps of positions and times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import yaml
from astropy.table import Table
from astropy.time import Time
from ingesting import refused, rows, sources, visits

from ssdb import ingest_predictions, ingest_sources, ingest_visits
from ssdb.errors import ConfigError, InputError
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.store.database import Database

Columns = dict[str, Any]
TIME = {"convert": "time", "format": "isot", "scale": "utc"}


@pytest.fixture
def database(memory: Database) -> Database:
    """Nothing of a map depends on the database."""
    return memory


def advised(message: str) -> Columns:
    """The column map in a message."""
    found: Columns = yaml.safe_load(message.split("`")[1])
    return found if "columns" in found else {"columns": found}


def without(columns: Columns, *names: str) -> Columns:
    return {name: values for name, values in columns.items() if name not in names}


# ---- messages --------------------------------------------------------------------------------------------------------


def test_missing_columns_show_a_map_that_helps(database: Database) -> None:
    """What it says loads the file."""
    ingest_visits(database, visits())
    given = without(sources(), "ra", "dec") | {"RAJ2000": sources()["ra"], "DEC_J2000": sources()["dec"]}
    message = refused(database, ingest_sources, given, "column ra, dec is missing", "columns=...")
    assert advised(message) == {"columns": {"ra": "RAJ2000", "dec": "DEC_J2000"}}
    ingest_sources(database, given, columns=advised(message))
    assert len(rows(database, "DiaSource")) == 8


def test_positions_of_predictions_are_like_right_ascension_and_declination(database: Database) -> None:
    """And not like what has more letters of them."""
    given = {"designation": ["433"], "RA": [1.0], "DEC": [1.0], "alpha": [1.0], "phased": [1.0]}
    message = refused(database, ingest_predictions, given, error=InputError)
    assert advised(message)["columns"] == {"visit": "COLUMN", "ephRa": "RA", "ephDec": "DEC"}


def test_a_missing_column_that_nothing_is_like(database: Database) -> None:
    ingest_visits(database, visits())
    given = without(sources(), "diaSourceId") | {"name": list("abcdefgh")}
    message = refused(database, ingest_sources, given, "diaSourceId")
    assert advised(message) == {"columns": {"diaSourceId": "COLUMN"}}


def test_formats_of_others_and_orbits_have_no_map_to_advise(database: Database) -> None:
    from ssdb import ingest_orbits

    with pytest.raises(InputError) as caught:
        ingest_orbits(database, {"q": [1.0]}, format="mpc_orbits")
    assert "column map" not in str(caught.value)


@pytest.mark.parametrize("unit", ["pix", "nonsense", "mag"])
def test_a_needed_column_with_another_unit_shows_a_map_that_helps(database: Database, unit: str) -> None:
    ingest_visits(database, visits())
    given = pa.table(sources())
    field = pa.field("ra", pa.float64(), metadata={"unit": unit})
    given = given.set_column(given.column_names.index("ra"), field, given.column("ra"))
    message = refused(database, ingest_sources, given, "column ra", unit)
    assert advised(message) == {"columns": {"ra": {"column": "ra", "unit": "deg"}}}
    ingest_sources(database, given, columns=advised(message))
    assert [row["ra"] for row in rows(database, "DiaSource")] == sources()["ra"]


def test_times_of_day_that_are_right_ascensions_show_a_map(database: Database, tmp_path: Path) -> None:
    """The reader of CSV takes them for times of day, where all of them can be."""
    ingest_visits(database, visits())
    (tmp_path / "s.csv").write_text("diaSourceId,visit,ra,dec\n1,10,10:20:30,1.5\n")
    message = refused(database, ingest_sources, tmp_path / "s.csv")
    assert advised(message) == {"columns": {"ra": {"column": "ra", "unit": "hourangle"}}}
    ingest_sources(database, tmp_path / "s.csv", columns=advised(message))
    assert [row["ra"] for row in rows(database, "DiaSource")] == [155.125]


def test_the_map_names_the_column_of_the_file(database: Database) -> None:
    """Also where a map has renamed it already."""
    ingest_visits(database, visits())
    given = without(sources(), "ra") | {"alpha": ["03:20:00"] * 8}
    message = refused(database, ingest_sources, given, columns={"columns": {"ra": "alpha"}})
    assert advised(message) == {"columns": {"ra": {"column": "alpha", "unit": "hourangle"}}}


@pytest.mark.parametrize("written", ["texts", "dates"])
def test_iso_times_without_a_map_show_it(database: Database, written: str) -> None:
    texts = ["2023-02-25T02:24:00", "2023-02-25T04:48:00"]
    times: Any = texts if written == "texts" else pa.array(np.array(texts, "datetime64[us]"))
    given = visits() | {"midpointMjdTai": times}
    message = refused(database, ingest_visits, given, "midpointMjdTai")
    assert advised(message) == {"columns": {"midpointMjdTai": {"column": "midpointMjdTai", **TIME}}}
    ingest_visits(database, given, columns=advised(message))
    expected = Time(texts, scale="utc").tai.mjd
    assert [row["midpointMjdTai"] for row in rows(database, "Visit")] == pytest.approx(expected, abs=1e-10)


def test_julian_dates_without_a_map_name_the_conversion(database: Database) -> None:
    given = visits() | {"midpointMjdTai": [2460000.6, 2460000.7]}
    refused(database, ingest_visits, given, "looks like JD; MJD = JD - 2400000.5", "convert: time, format: jd")


# ---- what a map names that is not there ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "like"),
    [("psfFlx", "psfFlux"), ("midpointMjd", "midpointMjdTai"), ("RAs", "ra"), ("diasourceid_", "diaSourceId")],
)
def test_an_unknown_target_is_an_error_with_the_nearest_name(database: Database, target: str, like: str) -> None:
    ingest_visits(database, visits())
    made = {"columns": {target: "ra"}}
    words = (f"makes {target}, which DiaSource does not have", f"did you mean {like}?")
    refused(database, ingest_sources, sources(), *words, error=ConfigError, columns=made)


def test_an_unknown_target_that_nothing_is_like(database: Database) -> None:
    refused(
        database, ingest_visits, visits(), "makes xyzzy", "it has: visit", error=ConfigError,
        columns={"columns": {"xyzzy": "band"}},
    )  # fmt: skip


def test_targets_of_each_kind_of_table(database: Database) -> None:
    """A source's flux is no column of visits, nor of predictions."""
    made = {"columns": {"psfFlux": "flux"}}
    for ingest in (ingest_visits, ingest_predictions):
        refused(database, ingest, visits(), "psfFlux", error=ConfigError, columns=made)


def test_a_column_that_the_file_does_not_have_is_named_with_the_nearest() -> None:
    with pytest.raises(
        InputError, match=r"takes ra from ALPHA_J200, but the file has: ALPHA_J2000, .* mean ALPHA_J2000\?"
    ):
        ColumnMap.from_dict({"columns": {"ra": "ALPHA_J200"}}).apply(pa.table({"ALPHA_J2000": [1.0], "b": [1]}), "f")


# ---- positions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ra", "expected"),
    [
        ("10:20:30.5", 155.127083333333333),
        ("10 20 30.5", 155.127083333333333),
        ("10h20m30.5s", 155.127083333333333),
        (" 00:00:00 ", 0.0),
        ("23:59:59.999", 359.9999958333333),
        ("10:20", 155.0),
    ],
)
def test_right_ascensions_in_hours(tmp_path: Path, database: Database, ra: str, expected: float) -> None:
    ingest_visits(database, visits())
    (tmp_path / "s.csv").write_text(f"diaSourceId,visit,RA,DEC\n1,10,{ra},-00:30:18\n")
    made = {"columns": {"ra": {"column": "RA", "unit": "hourangle"}, "dec": {"column": "DEC", "unit": "deg"}}}
    ingest_sources(database, tmp_path / "s.csv", columns=made)
    (row,) = rows(database, "DiaSource")
    assert (row["ra"], row["dec"]) == (pytest.approx(expected, abs=1e-12), pytest.approx(-0.505, abs=1e-12))


@pytest.mark.parametrize("dec", ["-05:30:00", "-5 30 0", "-05d30m00s", "−05:30:00", "-05°30′00″"])
def test_declinations_in_degrees(dec: str) -> None:
    made = ColumnMap.from_dict({"columns": {"dec": {"column": "d", "unit": "deg"}}})
    assert made.apply(pa.table({"d": [dec]}), "f").column("dec").to_pylist() == [-5.5]


def test_numbers_in_hours_and_unknown_positions() -> None:
    made = ColumnMap.from_dict({"columns": {"ra": {"column": "r", "unit": "hourangle"}}})
    assert made.apply(pa.table({"r": ["10:00:00", None, ""]}), "f").column("ra").to_pylist() == [150.0, None, None]
    table = made.apply(pa.table({"r": [10.5]}), "f")
    assert table.schema.field("ra").metadata[b"unit"] == b"hourangle"


@pytest.mark.parametrize("wrong", ["10:60:00", "10:20:61", "10:20:30:40", "ten", "10:-20:30"])
def test_an_angle_that_is_none_is_named(wrong: str) -> None:
    made = ColumnMap.from_dict({"columns": {"ra": {"column": "r", "unit": "hourangle"}}})
    with pytest.raises(InputError, match=r"f\.csv: column r is not an angle .* hourangle \(row 2: "):
        made.apply(pa.table({"r": ["10:00:00", wrong]}), "f.csv")


# ---- times -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["isot", "iso", "fits"])
@pytest.mark.parametrize(
    "text",
    ["2020-05-07T04:05:06.789", "2020-05-07 04:05:06.789", "2020-05-07T04:05:06.789Z", " 2020-05-07T04:05:06.789 "],
)
def test_iso_times_however_they_are_written(format_: str, text: str) -> None:
    made = ColumnMap.from_dict(
        {"columns": {"t": {"column": "x", "convert": "time", "format": format_, "scale": "utc"}}}
    )
    (found,) = made.apply(pa.table({"x": [text]}), "f").column("t").to_pylist()
    assert found == pytest.approx(Time("2020-05-07T04:05:06.789", scale="utc").tai.mjd, abs=1e-11)


def test_times_that_are_numbers_in_text() -> None:
    """As a column of CSV is text where one of its values is."""
    made = ColumnMap.from_dict({"columns": {"t": {"column": "x", "convert": "time", "format": "jd", "scale": "tai"}}})
    assert made.apply(pa.table({"x": ["2460000.5", ""]}), "f").column("t").to_pylist() == [60000.0, None]


@pytest.mark.parametrize("scale", ["utc", "tai", "tdb"])
@pytest.mark.parametrize("name", ["midpointMjdTai", "obstime"])
@pytest.mark.parametrize("kind", ["astropy", "mapping", "ecsv"])
def test_time_columns_of_astropy(database: Database, tmp_path: Path, scale: str, name: str, kind: str) -> None:
    times = Time([60000.1, 60000.2], format="mjd", scale=scale)
    given: Any = {"visit": [10, 20], name: times}
    if kind != "mapping":
        given = Table(given)
    if kind == "ecsv":
        given.write(tmp_path / "v.ecsv")
        given = tmp_path / "v.ecsv"
    columns = None if name == "midpointMjdTai" else {"columns": {"midpointMjdTai": name}}
    report = ingest_visits(database, given, columns=columns)
    assert report.doubts == ()
    stored = [row["midpointMjdTai"] for row in rows(database, "Visit")]
    assert stored == pytest.approx(times.tai.mjd, abs=1e-10)


def test_time_columns_know_their_scale_whatever_a_map_says(database: Database) -> None:
    times = Time([60000.1, 60000.2], format="mjd", scale="tai")
    made = {"columns": {"midpointMjdTai": {"column": "t", **TIME}}}
    ingest_visits(database, Table({"visit": [10, 20], "t": times}), columns=made)
    assert [row["midpointMjdTai"] for row in rows(database, "Visit")] == pytest.approx([60000.1, 60000.2])


def test_masked_times_are_unknown(database: Database) -> None:
    ingest_visits(database, visits())
    times = Time([60000.1] * 8, format="mjd", scale="tai")
    times[3] = np.ma.masked
    ingest_sources(database, Table({**sources(), "visit": [10] * 8, "midpointMjdTai": times}))
    assert {row["midpointMjdTai"] for row in rows(database, "DiaSource")} == {60000.1}


def test_local_times_are_refused(database: Database) -> None:
    times = Time([60000.1, 60000.2], format="mjd", scale="local")
    refused(
        database, ingest_visits, Table({"visit": [10, 20], "midpointMjdTai": times}), "scale local", error=InputError
    )


# ---- single precision ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mapped", [False, True])
def test_times_in_single_precision_are_told(database: Database, mapped: bool) -> None:
    """At MJD 60000 they are multiples of 337 seconds."""
    name = "t" if mapped else "midpointMjdTai"
    given = {"visit": [10, 20], name: np.array([60000.1, 60000.2], np.float32)}
    report = ingest_visits(database, given, columns={"columns": {"midpointMjdTai": "t"}} if mapped else None)
    assert len(report.doubts) == 1
    assert report.doubts[0].startswith("midpointMjdTai is in single precision")


def test_julian_dates_in_single_precision_are_told(database: Database) -> None:
    given = {"visit": [10], "t": np.array([2460000.5], np.float32)}
    made = {"columns": {"midpointMjdTai": {"column": "t", "convert": "time", "format": "jd", "scale": "tai"}}}
    assert "single precision" in " ".join(ingest_visits(database, given, columns=made).doubts)


def test_sources_and_predictions_in_single_precision_are_told(database: Database) -> None:
    from ingesting import predictions

    ingest_visits(database, visits())
    times = np.array([60000.1] * 4 + [60000.2] * 4, np.float32)
    near = sources() | {"ra": np.array(sources()["ra"], np.float32), "midpointMjdTai": times}
    told = " ".join(ingest_sources(database, near).doubts)
    assert "midpointMjdTai is in single precision" in told
    assert "ra is in single precision" in told
    times = np.array([60000.1, 60000.1, 60000.2, 60000.2], np.float32)
    told = " ".join(ingest_predictions(database, predictions() | {"midpointMjdTai": times}).doubts)
    assert "midpointMjdTai is in single precision" in told


# ---- magnitudes that are none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [99.0, -99.0, 99.99, 99.999, 999.0, -999.0, np.float32(99.99), np.float32(99.999)])
def test_magnitudes_that_stand_for_unknown(value: float) -> None:
    columns = {
        "f": {"column": "m", "convert": "ABmag"},
        "e": {"column": "s", "convert": "ABmag_error", "magnitude": "m"},
    }
    made = ColumnMap.from_dict({"columns": columns})
    type_ = np.asarray(value).dtype
    table = made.apply(pa.table({"m": np.array([value, 20, 20], type_), "s": np.array([0.5, value, 0.5], type_)}), "f")
    assert table.column("f").is_null().to_pylist() == [True, False, False]
    assert table.column("e").is_null().to_pylist() == [True, True, False]


@pytest.mark.parametrize("value", [99.0, -99.0, 99.99, 0.0, -999.0])
def test_predicted_magnitudes_that_stand_for_unknown(database: Database, value: float) -> None:
    """Faint and bright ones are taken."""
    from ingesting import predictions

    ingest_visits(database, visits())
    ingest_predictions(database, predictions() | {"ephVmag": [value, 25.5, -1.25, 5.1]})
    stored = sorted((row["ephVmag"] for row in rows(database, "SsPrediction")), key=str)
    assert stored == [pytest.approx(-1.25), pytest.approx(25.5), pytest.approx(5.1), None]
