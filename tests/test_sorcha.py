"""Sorcha's files: predictions become SsPrediction, and what is not a prediction is refused with the reason."""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from astropy import units as u
from astropy.coordinates import CartesianRepresentation, SkyCoord
from conftest import shared_data

from ssdb.errors import DesignationError, InputError
from ssdb.ingest.formats import sorcha
from ssdb.ingest.formats.sorcha import is_sorcha, looks_like_sorcha
from ssdb.ingest.table.identify_rows import identified

GOLDEN = "sorcha/tests__data__goldens__sorcha_ephemeris.csv"
DEMO = "sorcha/demo__example_ephem_output.txt"
ZTF = "ztf_2020-05/predictions_sorcha.csv"

OBJECT = dict(
    zip(
        [f"Obj_Sun_{axis}_LTC_km" for axis in "xyz"] + [f"Obj_Sun_v{axis}_LTC_km_s" for axis in "xyz"],
        [149597870.7 * 3, 149597870.7 * 2, 149597870.7, 3.0, 2.0, 1.0],
        strict=True,
    )
)
OBSERVER = dict(
    zip(
        [f"Obs_Sun_{axis}_km" for axis in "xyz"] + [f"Obs_Sun_v{axis}_km_s" for axis in "xyz"],
        [149597870.7, 0.0, 149597870.7, 1.0, 0.0, 1.0],
        strict=True,
    )
)
MINIMUM = {"ObjID": "2011_OB60", "FieldID": 2**62, "fieldMJD_TAI": 60225.25, "RA_deg": 359.5, "Dec_deg": -12.0}
SCALARS = {"Range_LTC_km": 149597870.7 * 2.5, "RangeRate_LTC_km_s": -8.5, "phase_deg": 12.5}
EPHEMERIS = {
    **MINIMUM,
    "RARateCosDec_deg_day": -0.5,
    "DecRate_deg_day": 0.25,
    "fieldJD_TDB": 2460225.75,
    **SCALARS,
    **OBJECT,
    **OBSERVER,
}
SURVEY = {
    **EPHEMERIS,
    "RA_deg": 100.0,
    "Dec_deg": 50.0,
    "RATrue_deg": 359.5,
    "DecTrue_deg": -12.0,
    "astrometricSigma_deg": 1e-5,
    "trailedSourceMag": 21.0,
    "trailedSourceMagTrue": 21.1,
    "optFilter": "r",
    "FORMAT": "COM",
    "H_r": 17.0,
    "GS": 0.15,
}

Row = Mapping[str, Any]


def read_sorcha(path: Path, *, simulated_names: bool = False) -> pa.Table:
    """The predictions of a file, with the identifiers of their objects."""
    rows = sorcha.read_sorcha(path)
    found, _ = identified(None, str(path), rows, simulated_names)
    designations = found["designation"].cast(pa.string())
    found = found.set_column(found.schema.get_field_index("designation"), "designation", designations)
    return found.select(["visit", "ssObjectId", *rows.column_names[1:]])


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_whitespace(path: Path, rows: Sequence[Row]) -> None:
    lines = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    path.write_text("".join("  " + " \t ".join(line) + " \r\n" for line in lines))


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist([dict(row) for row in rows]), path)


def write_sqlite(path: Path, rows: Sequence[Row], table: str = "sorcha_results") -> None:
    names = ", ".join(f'"{name}"' for name in rows[0])
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text)")
        connection.execute(f'CREATE TABLE "{table}" ({names})')
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f'INSERT INTO "{table}" VALUES ({marks})', [tuple(row.values()) for row in rows])


def write_hdf5(path: Path, rows: Sequence[Row]) -> None:
    pytest.importorskip("tables", reason="PyTables is not installed (extra hdf5)")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed (extra hdf5)")
    for i, row in enumerate(rows):
        pandas.DataFrame([row], index=[i]).to_hdf(path, key=f"chunk{i}", mode="a", format="table", append=True)


Writer = Callable[[Path, Sequence[Row]], None]
FORMATS: dict[str, Writer] = {
    "a.csv": write_csv,
    "b.txt": write_csv,
    "c.dat": write_whitespace,
    "d.parquet": write_parquet,
    "e ?%3f#.db": write_sqlite,
    "f.h5": write_hdf5,
    "g": write_sqlite,
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Writes rows as CSV and gives the path."""

    def write(*rows: Row, name: str = "night.csv") -> Path:
        write_csv(tmp_path / name, rows)
        return tmp_path / name

    return write


@pytest.mark.parametrize("kind", [EPHEMERIS, SURVEY], ids=["ephemeris", "survey"])
@pytest.mark.parametrize(("name", "write"), FORMATS.items(), ids=FORMATS)
def test_every_format_gives_the_same(tmp_path: Path, name: str, write: Writer, kind: Row) -> None:
    """Whatever the format, the ending and the output, the prediction is the same; measurements are unused."""
    path = tmp_path / name
    write(path, [kind, {**kind, "ObjID": "7290", "FieldID": 5}])
    assert is_sorcha(path)
    first, second = read_sorcha(path).to_pylist()
    assert first == {
        "visit": 2**62,
        "ssObjectId": int.from_bytes(b"K11O60B", "big"),
        "designation": "2011 OB60",
        "midpointMjdTai": 60225.25,
        "ephRa": 359.5,
        "ephDec": -12.0,
        "ephRateRa": -0.5,
        "ephRateDec": 0.25,
        **dict(zip(["helio_x", "helio_y", "helio_z"], map(pytest.approx, [3.0, 2.0, 1.0]), strict=True)),
        **dict(zip(["helio_vx", "helio_vy", "helio_vz"], [3.0, 2.0, 1.0], strict=True)),
        **dict(zip(["topo_x", "topo_y", "topo_z"], map(pytest.approx, [2.0, 2.0, 0.0]), strict=True)),
        **dict(zip(["topo_vx", "topo_vy", "topo_vz"], [2.0, 2.0, 0.0], strict=True)),
        "provider": "sorcha",
    }
    assert (second["visit"], second["designation"]) == (5, "7290")
    assert second["ssObjectId"] == int.from_bytes(b"07290", "big")


def test_columns_have_the_units_and_types_of_the_data_model(written: Callable[..., Path]) -> None:
    """Every quantity is in double precision and says its unit."""
    schema = read_sorcha(written(EPHEMERIS)).schema
    units = {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in schema}
    assert {schema.field(name).type for name, unit in units.items() if unit} == {pa.float64()}
    assert schema.field("visit").type == schema.field("ssObjectId").type == pa.int64()
    expected = {
        "midpointMjdTai": u.day,
        "ephRa": u.deg,
        "ephRateDec": u.deg / u.day,
        "helio_x": u.au,
        "topo_vz": u.km / u.s,
    }
    assert {name: u.Unit(units[name]) for name in expected} == expected


def test_integers_for_names_stay_names(tmp_path: Path) -> None:
    """ObjID that a program stored as an integer is still the asteroid's number."""
    row = {**EPHEMERIS, "ObjID": 7290}
    write_parquet(tmp_path / "a.parquet", [row])
    write_sqlite(tmp_path / "a.db", [row])
    for name in ("a.parquet", "a.db"):
        assert read_sorcha(tmp_path / name)["designation"].to_pylist() == ["7290"]


def test_the_least_that_is_needed(written: Callable[..., Path]) -> None:
    """Columns that the file lacks are not there, instead of being full of NULLs or zeros."""
    assert read_sorcha(written(MINIMUM)).column_names == [
        "visit",
        "ssObjectId",
        "designation",
        "midpointMjdTai",
        "ephRa",
        "ephDec",
        "provider",
    ]


@pytest.mark.parametrize("left_out", ["Obs_Sun_y_km", "Obs_Sun_vy_km_s", "Obj_Sun_y_LTC_km"])
def test_distances_stand_in_for_vectors(written: Callable[..., Path], left_out: str) -> None:
    """Where a vector is incomplete, Sorcha's own range, range rate and phase angle are taken."""
    row = {name: value for name, value in EPHEMERIS.items() if name != left_out}
    (prediction,) = read_sorcha(written(row)).to_pylist()
    assert prediction["topoRange"] == pytest.approx(2.5)
    assert (prediction["topoRangeRate"], prediction["phaseAngle"]) == (-8.5, 12.5)
    component = "vy" if "_v" in left_out else "y"
    assert f"topo_{component}" not in prediction
    assert (f"helio_{component}" in prediction) == left_out.startswith("Obs")


@pytest.mark.parametrize("write", [write_csv, write_parquet, write_sqlite], ids=["csv", "parquet", "sqlite"])
def test_unknown_is_null(tmp_path: Path, write: Writer) -> None:
    """An empty field and NaN are NULL in every format."""
    nothing = "" if write is write_csv else None
    rows = [{**EPHEMERIS, "DecRate_deg_day": nothing}, {**EPHEMERIS, "DecRate_deg_day": float("nan")}]
    write(tmp_path / "a", rows)
    assert read_sorcha(tmp_path / "a")["ephRateDec"].to_pylist() == [None, None]


def test_no_rows(written: Callable[..., Path], tmp_path: Path) -> None:
    """A file with a header alone has no predictions, in the same columns."""
    full = written(EPHEMERIS)
    empty = tmp_path / "empty.csv"
    empty.write_text(full.read_text().splitlines()[0] + "\n")
    table = read_sorcha(empty)
    assert table.num_rows == 0
    assert table.schema.equals(read_sorcha(full).schema, check_metadata=True)


def test_measurements_are_refused(written: Callable[..., Path]) -> None:
    """The noisy position of the survey output is never taken for a prediction."""
    basic = {name: value for name, value in SURVEY.items() if name not in ("RATrue_deg", "DecTrue_deg", "FieldID")}
    with pytest.raises(InputError, match=r"night\.csv: .*simulated measurements.*output_columns = all"):
        read_sorcha(written(basic))


@pytest.mark.parametrize("column", ["ObjID", "FieldID", "fieldMJD_TAI", "RA_deg", "Dec_deg"])
def test_missing_columns_are_named(written: Callable[..., Path], column: str) -> None:
    """The message has the file, the column, and the columns that are there."""
    row = {name: value for name, value in MINIMUM.items() if name != column}
    with pytest.raises(InputError, match=rf"night\.csv: .*column {column} is missing; it has: {next(iter(row))}, "):
        read_sorcha(written(row))


def test_half_a_true_position_is_not_completed(written: Callable[..., Path]) -> None:
    """RATrue_deg is never combined with a measured Dec_deg."""
    row = {name: value for name, value in SURVEY.items() if name != "DecTrue_deg"}
    with pytest.raises(InputError, match="column DecTrue_deg is missing"):
        read_sorcha(written(row))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"ObjID": "S1", "FORMAT": "CART", "x": 1.0}, "orbital elements, not predictions"),
        ({"ObjID": "S1", "H_r": 17.0, "GS": 0.15}, "physical parameters"),
        ({"detector": 0, "x": 0.1, "y": 0.2}, "radians.*not positions on the sky"),
    ],
    ids=["orbits", "physical", "corners"],
)
def test_other_files_of_sorcha_are_refused(written: Callable[..., Path], row: Row, reason: str) -> None:
    """The message says what the file is."""
    with pytest.raises(InputError, match=rf"night\.csv: .*{reason}"):
        read_sorcha(written(row))


def test_simulated_names(written: Callable[..., Path]) -> None:
    """Names without a packed form are an error that names the rows, unless asked for."""
    path = written(EPHEMERIS, {**EPHEMERIS, "ObjID": "S100cuQfa"})
    with pytest.raises(DesignationError, match=r"night\.csv: .*S100cuQfa.* rows 2: .*simulated_names=True"):
        read_sorcha(path)
    table = read_sorcha(path, simulated_names=True)
    assert table["designation"].to_pylist() == ["2011 OB60", "S100cuQfa"]
    assert table["ssObjectId"][1].as_py() < 0 < table["ssObjectId"][0].as_py()


@pytest.mark.parametrize("column", ["FieldID", "RA_deg", "Obs_Sun_vx_km_s"])
@pytest.mark.parametrize("write", [write_csv, write_parquet, write_sqlite], ids=["csv", "parquet", "sqlite"])
def test_text_among_numbers(tmp_path: Path, write: Writer, column: str) -> None:
    """A value that is not a number is an error of the file, not a NULL."""
    write(tmp_path / "bad", [{**EPHEMERIS, column: "12h"}])
    with pytest.raises(InputError, match=r"bad: .*12h") as caught:
        read_sorcha(tmp_path / "bad")
    assert f"column {column}" in str(caught.value)


def test_visits_are_whole_numbers(written: Callable[..., Path]) -> None:
    """A FieldID with a fraction is refused, not rounded."""
    with pytest.raises(InputError, match=r"night\.csv: .*1\.5"):
        read_sorcha(written({**EPHEMERIS, "FieldID": 1.5}))


def test_blanks_in_names_need_csv(tmp_path: Path) -> None:
    """In text separated by whitespace, a name with a blank shifts the columns: an error that says what to do."""
    path = tmp_path / "blank.dat"
    write_whitespace(path, [EPHEMERIS, {**EPHEMERIS, "ObjID": "2011 OB60"}])
    with pytest.raises(InputError, match=r"blank\.dat: .*2015_MQ204"):
        read_sorcha(path)


def test_two_tables_of_predictions_are_refused(tmp_path: Path) -> None:
    """Which of two tables is meant is for the user to say."""
    path = tmp_path / "two.db"
    write_sqlite(path, [EPHEMERIS], "one")
    write_sqlite(path, [EPHEMERIS], "other")
    with pytest.raises(InputError, match=r"two\.db: .*one, other"):
        read_sorcha(path)


def test_unreadable_files_are_named(tmp_path: Path, written: Callable[..., Path]) -> None:
    """Files that are not there, empty, truncated or something else are errors with their names."""
    whole = tmp_path / "whole.parquet"
    write_parquet(whole, [EPHEMERIS])
    (tmp_path / "truncated.parquet").write_bytes(whole.read_bytes()[:-100])
    text = written(EPHEMERIS, EPHEMERIS).read_text()
    (tmp_path / "truncated.csv").write_text(text[: -len(text) // 4])
    write_sqlite(tmp_path / "whole.db", [EPHEMERIS])
    (tmp_path / "truncated.db").write_bytes((tmp_path / "whole.db").read_bytes()[:5000])
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "folder").mkdir()
    for name in ("nothing", "truncated.parquet", "truncated.csv", "truncated.db", "empty.csv", "binary", "folder"):
        with pytest.raises(InputError, match=name):
            read_sorcha(tmp_path / name)


def test_hdf5_without_its_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "h5py", None)
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n")
    with pytest.raises(InputError, match=r'a\.h5: .*pip install "ssdb-asteroids\[hdf5\]"'):
        read_sorcha(path)


def test_what_looks_like_sorcha() -> None:
    """Its outputs and inputs by their columns; not our own columns, and nothing that is no file."""
    assert looks_like_sorcha(list(EPHEMERIS))
    assert looks_like_sorcha(list(SURVEY))
    assert looks_like_sorcha(["ObjID", "FORMAT", "q"])
    assert not looks_like_sorcha(["visit", "designation", "ephRa", "ephDec"])
    assert not is_sorcha(pa.table({"visit": [1]}))
    assert not is_sorcha("nothing.csv")


@pytest.mark.parametrize(
    ("name", "rows", "objects", "visits"), [(GOLDEN, 489, 8, None), (DEMO, 1198, None, None), (ZTF, 14_508, None, 165)]
)
def test_real_predictions(name: str, rows: int, objects: int | None, visits: int | None) -> None:
    """Positions, ranges and phase angles follow from the vectors, as Sorcha itself gives them."""
    table = read_sorcha(path := shared_data(name))
    assert table.num_rows == rows
    assert objects in (None, len(table["designation"].unique()))
    assert visits in (None, len(table["visit"].unique()))
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    topo, helio = (
        CartesianRepresentation([table[f"{origin}_{axis}"].to_numpy() for axis in "xyz"], unit=u.au)
        for origin in ("topo", "helio")
    )
    given_range = np.array([float(line["Range_LTC_km"]) for line in lines]) * u.km
    given_phase = np.array([float(line["phase_deg"]) for line in lines])
    assert abs(topo.norm() - given_range).max() < 1 * u.km
    positions = SkyCoord(table["ephRa"].to_numpy(), table["ephDec"].to_numpy(), unit="deg")
    assert SkyCoord(topo, frame="icrs").separation(positions).max() < 1e-3 * u.arcsec
    phase = SkyCoord(topo, frame="icrs").separation(SkyCoord(helio, frame="icrs")).deg
    assert phase == pytest.approx(given_phase, abs=1e-6)
    names = [line["ObjID"].replace("_", " ") for line in lines]
    assert table["designation"].to_pylist() == names


def test_rates_agree_with_positions_of_one_night() -> None:
    """Two predictions of an object within the hour differ by its rates, Sorcha's RA rate including cos dec."""
    table = read_sorcha(shared_data(ZTF))
    order = np.lexsort((table["midpointMjdTai"].to_numpy(), table["ssObjectId"].to_numpy()))
    column = {
        name: table[name].to_numpy()[order] for name in table.column_names if name not in ("designation", "provider")
    }
    dt = np.diff(column["midpointMjdTai"])
    pairs = np.flatnonzero((np.diff(column["ssObjectId"]) == 0) & (dt > 0.005) & (dt < 1 / 24))
    assert len(pairs) > 1000
    points = SkyCoord(column["ephRa"], column["ephDec"], unit="deg")
    east, north = points[pairs].spherical_offsets_to(points[pairs + 1])
    mean = {name: (column[name][pairs] + column[name][pairs + 1]) / 2 for name in ("ephRateRa", "ephRateDec")}
    assert east.deg == pytest.approx(mean["ephRateRa"] * dt[pairs], abs=0.5 / 3600)
    assert north.deg == pytest.approx(mean["ephRateDec"] * dt[pairs], abs=0.5 / 3600)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("demo__mba_sample_1000_orbit.csv", "orbital elements"),
        ("demo__mba_sample_1000_physical.csv", "physical parameters"),
        ("src__sorcha__modules__data__LSST_detector_corners_100123.csv", "corners of detectors"),
        ("tests__data__baseline_10klines_2.0.db", "schedule of visits .*ssdb ingest visits"),
    ],
)
def test_real_files_that_are_no_predictions(name: str, reason: str) -> None:
    """Every other file of Sorcha's is refused with what it is."""
    with pytest.raises(InputError, match=reason):
        read_sorcha(shared_data(f"sorcha/{name}"))
