"""Column maps: a map that makes no sense is refused with its key, a good one does what it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from astropy.time import Time

from ssdb.errors import ConfigError, InputError
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.io.tables import read_columns

YAML = """
columns:
  diaSourceId: candid
  ra: {column: coord_ra, unit: rad}
  psfFlux: {column: magpsf, convert: ABmag}
  psfFluxErr: {column: sigmapsf, convert: ABmag_error, magnitude: magpsf}
  midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}
  band: {column: fid, values: {1: g, 2: r, 3: i}}
  detector: {constant: 0}
"""


def mapped(columns: dict[str, Any], table: dict[str, Any] | pa.Table, keep: bool = False) -> pa.Table:
    content = {"columns": columns, "keep": keep}
    return ColumnMap.from_dict(content).apply(table if isinstance(table, pa.Table) else pa.table(table), "f.csv")


def unit_of(table: pa.Table, name: str) -> str | None:
    text = (table.schema.field(name).metadata or {}).get(b"unit")
    return text.decode() if text else None


def test_a_whole_map_from_a_file(tmp_path: Path) -> None:
    """Every kind of entry, with the file's other columns kept and the used ones gone."""
    (tmp_path / "map.yaml").write_text(YAML)
    table = pa.table(
        {
            "candid": [2**63 - 1],
            "coord_ra": [1.0],
            "magpsf": [20.0],
            "sigmapsf": [0.1],
            "jd": [2451545.0],
            "fid": [2],
            "dec": [5.0],
        }
    )
    result = ColumnMap.read(tmp_path / "map.yaml").apply(table, "f.csv")
    expected = ["diaSourceId", "ra", "psfFlux", "psfFluxErr", "midpointMjdTai", "band", "detector", "dec"]
    assert result.column_names == expected
    row = result.to_pylist()[0]
    assert row["diaSourceId"] == 2**63 - 1
    assert row["band"] == "r"
    assert row["detector"] == 0
    assert row["dec"] == 5.0
    assert [unit_of(result, name) for name in ("ra", "psfFlux", "psfFluxErr", "midpointMjdTai")] == [
        "rad",
        "nJy",
        "nJy",
        "d",
    ]


def test_renaming_keeps_the_files_unit_unless_the_map_says_another() -> None:
    field = pa.field("x", pa.float64(), metadata={"unit": "arcmin"})
    table = pa.table([pa.array([1.0])], schema=pa.schema([field]))
    assert unit_of(mapped({"ra": "x"}, table), "ra") == "arcmin"
    assert unit_of(mapped({"ra": {"column": "x", "unit": "rad"}}, table), "ra") == "rad"


def test_keep_is_on_unless_switched_off() -> None:
    table = pa.table({"a": [1], "b": [2], "ra": [3]})
    columns = {"ra": "a"}
    assert ColumnMap.from_dict({"columns": columns}).apply(table, "f").to_pylist() == [{"ra": 1, "b": 2}]
    assert mapped(columns, table, keep=False).column_names == ["ra"]


def test_two_columns_can_change_places() -> None:
    table = mapped({"x": "y", "y": "x"}, {"x": [1], "y": [2]}, keep=True)
    assert table.to_pylist() == [{"x": 2, "y": 1}]


def test_ab_magnitudes_become_flux() -> None:
    """23.9 mag is 1 microjansky (within the 0.02 % between 3631 Jy and the definition); 5 mag is a factor of 100."""
    flux = mapped({"f": {"column": "m", "convert": "ABmag"}}, {"m": [23.9, 18.9]}).column("f").to_numpy()
    assert flux[0] == pytest.approx(1000.0, rel=1e-3)
    assert flux[1] / flux[0] == pytest.approx(100.0, rel=1e-12)
    assert flux[0] == pytest.approx(10 ** ((31.4 - 23.9) / 2.5), rel=1e-12)


def test_magnitude_errors_become_flux_errors() -> None:
    """To first order: what a small step in magnitude does to the flux, found by a finite difference."""
    step = 1e-6
    table = {"m": [20.0, 20.0 - step, 20.0 + step], "s": [0.1, 0.1, 0.1]}
    columns = {
        "f": {"column": "m", "convert": "ABmag"},
        "e": {"column": "s", "convert": "ABmag_error", "magnitude": "m"},
    }
    result = mapped(columns, table)
    flux = result.column("f").to_numpy()
    slope = (flux[1] - flux[2]) / (2 * step)
    assert result.column("e")[0].as_py() == pytest.approx(0.1 * slope, rel=1e-6)


@pytest.mark.parametrize("unknown", [99.999, 98.999, -99.999])  # too faint; no sky; saturated
def test_a_magnitude_that_daophot_could_not_measure_is_an_unknown_flux(unknown: float) -> None:
    columns = {
        "f": {"column": "m", "convert": "ABmag"},
        "e": {"column": "s", "convert": "ABmag_error", "magnitude": "m"},
    }
    for m in (pa.array([unknown]), pa.array([unknown], pa.float32())):
        result = mapped(columns, {"m": m, "s": [9.9999]})
        assert result.to_pydict() == {"f": [None], "e": [None]}


@pytest.mark.parametrize("unknown", [None, float("nan"), -999.0, float("inf")])
def test_an_unknown_magnitude_is_an_unknown_flux(unknown: float | None) -> None:
    columns = {
        "f": {"column": "m", "convert": "ABmag"},
        "e": {"column": "s", "convert": "ABmag_error", "magnitude": "m"},
        "t": {"column": "m", "convert": "time", "format": "mjd", "scale": "tai"},
    }
    result = mapped(columns, {"m": pa.array([unknown, 20.0]), "s": pa.array([0.1, unknown])})
    assert result.column("f").is_null().to_pylist() == [True, False]
    assert result.column("e").is_null().to_pylist() == [True, True]
    assert result.column("t").is_null().to_pylist() == [True, False]


@pytest.mark.parametrize(
    ("values", "format_", "scale"),
    [
        ([2451545.0], "jd", "utc"),
        ([51544.5], "mjd", "utc"),
        (["2000-01-01T12:00:00"], "isot", "utc"),
        ([946728000], "unix", "utc"),
        (pa.array([946728000], pa.timestamp("s")), "isot", "utc"),
        (pa.array([946728000], pa.timestamp("s", "UTC")), "isot", "utc"),
    ],
)
def test_every_kind_of_time_becomes_mjd_tai(values: Any, format_: str, scale: str) -> None:
    """Noon of 2000-01-01 UTC, when TAI was 32 s ahead."""
    columns = {"t": {"column": "x", "convert": "time", "format": format_, "scale": scale}}
    result = mapped(columns, {"x": values})
    assert result.column("t")[0].as_py() == pytest.approx(51544.5 + 32 / 86400, abs=1e-10)


def test_tdb_is_not_utc() -> None:
    """TDB was 64.184 s ahead of UTC, so the same number in TDB is 32.184 s before TAI."""
    columns = {"t": {"column": "x", "convert": "time", "format": "jd", "scale": "tdb"}}
    difference = mapped(columns, {"x": [2451545.0]}).column("t")[0].as_py() - 51544.5
    assert difference * 86400 == pytest.approx(-32.184, abs=2e-3)


def test_dates_in_csv_become_mjd_tai_with_gaps_as_null(tmp_path: Path) -> None:
    """The CSV reader recognises ISO dates by itself."""
    path = tmp_path / "t.csv"
    path.write_text("n,obstime\n1,2020-05-07T04:05:06.789\n2,\n")
    columns = {"t": {"column": "obstime", "convert": "time", "format": "isot", "scale": "utc"}}
    times = mapped(columns, read_columns(path)).column("t").to_pylist()
    assert times[0] == pytest.approx(Time("2020-05-07T04:05:06.789", scale="utc").tai.mjd, abs=1e-11)
    assert times[1] is None


def test_a_time_that_is_none_is_refused() -> None:
    columns = {"t": {"column": "x", "convert": "time", "format": "isot", "scale": "utc"}}
    with pytest.raises(InputError, match=r"f\.csv: column x is not a time of format isot"):
        mapped(columns, {"x": ["yesterday"]})


@pytest.mark.parametrize("keys", [[1, 2], ["1", "2"], [1.0, 2.0]])
@pytest.mark.parametrize("values", [[1, 2, None], [1.0, 2.0, float("nan")], ["1", "2", None]])
def test_values_are_replaced_however_the_file_writes_them(keys: list[Any], values: list[Any]) -> None:
    entry = {"column": "fid", "values": dict(zip(keys, ["g", "r"], strict=True))}
    assert mapped({"band": entry}, {"fid": values}).column("band").to_pylist() == ["g", "r", None]


def test_a_value_may_mean_unknown() -> None:
    entry = {"column": "fid", "values": {1: "g", 0: None}}
    assert mapped({"band": entry}, {"fid": [0, 1]}).column("band").to_pylist() == [None, "g"]


def test_a_value_not_in_the_map_is_named() -> None:
    with pytest.raises(InputError, match=r"f\.csv: column fid has the value 7, 8, .* among 1, 2"):
        mapped({"band": {"column": "fid", "values": {1: "g", 2: "r"}}}, {"fid": [1, 7, 8]})


@pytest.mark.parametrize("type_", [pa.int64(), pa.string(), pa.float64(), pa.null()])
def test_an_empty_file_has_the_same_columns(type_: pa.DataType) -> None:
    columns = {
        "a": {"column": "x", "values": {1: "g"}},
        "b": {"constant": 5},
        "c": {"column": "x", "convert": "ABmag"},
        "d": {"column": "x", "convert": "time", "format": "jd", "scale": "utc"},
    }
    result = mapped(columns, {"x": pa.array([], type_)})
    assert result.column_names == ["a", "b", "c", "d"]
    assert result.num_rows == 0


@pytest.mark.parametrize("constant", [0, 1.5, "g", True])
def test_a_constant_fills_every_row(constant: object) -> None:
    assert mapped({"c": {"constant": constant}}, {"x": [1, 2]}).column("c").to_pylist() == [constant] * 2


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    with pytest.raises(InputError, match=r"f\.csv: .* diaSourceId from candid, but the file has: id, ra"):
        mapped({"diaSourceId": "candid"}, {"id": [1], "ra": [2.0]})
    with pytest.raises(InputError, match="magpsf"):
        mapped({"e": {"column": "s", "convert": "ABmag_error", "magnitude": "magpsf"}}, {"s": [1.0]})


def test_text_cannot_be_a_magnitude() -> None:
    columns = {"e": {"column": "s", "convert": "ABmag_error", "magnitude": "m"}}
    with pytest.raises(InputError, match=r"f\.csv: column m must hold numbers"):
        mapped(columns, {"s": [0.1], "m": ["faint"]})


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "columns"),
        ([], "columns"),
        ({}, "columns"),
        ({"columns": None}, "columns"),
        ({"columns": ["ra"]}, "columns"),
        ({"columns": {}, "kep": True}, "kep"),
        ({"columns": {}, "keep": "yes please"}, "keep"),
        ({"columns": {1: "a"}}, "1"),
        ({"columns": {"ra": 5}}, "ra"),
        ({"columns": {"ra": {}}}, "column"),
        ({"columns": {"ra": {"column": 5}}}, "ra: column"),
        ({"columns": {"ra": {"colum": "x"}}}, "colum"),
        ({"columns": {"ra": {"unit": "rad"}}}, "column"),
        ({"columns": {"ra": {"column": "x", "unit": "furlongs!"}}}, "furlongs"),
        ({"columns": {"ra": {"column": "x", "unit": "rad", "convert": "ABmag"}}}, "unit"),
        ({"columns": {"ra": {"column": "x", "convert": "exec"}}}, "exec"),
        ({"columns": {"ra": {"column": "x", "convert": ["ABmag"]}}}, "convert"),
        ({"columns": {"ra": {"column": "x", "convert": "ABmag_error"}}}, "magnitude"),
        ({"columns": {"ra": {"column": "x", "convert": "ABmag", "magnitude": "m"}}}, "magnitude"),
        ({"columns": {"ra": {"column": "x", "convert": "time", "format": "jd"}}}, "scale"),
        ({"columns": {"ra": {"column": "x", "convert": "time", "format": "jdd", "scale": "utc"}}}, "jdd"),
        ({"columns": {"ra": {"column": "x", "convert": "time", "format": "jd", "scale": "local"}}}, "local"),
        ({"columns": {"ra": {"column": "x", "format": "jd"}}}, "format"),
        ({"columns": {"ra": {"column": "x", "values": {}}}}, "values"),
        ({"columns": {"ra": {"column": "x", "values": {1: "g", 2: 3}}}}, "values"),
        ({"columns": {"ra": {"column": "x", "values": {1: ["g"]}}}}, "values"),
        ({"columns": {"ra": {"constant": 1, "column": "x"}}}, "column"),
        ({"columns": {"ra": {"constant": [1]}}}, "constant"),
        ({"columns": {"ra": {"constant": None}}}, "constant"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused_with_its_key(content: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        ColumnMap.from_dict(content)


@pytest.mark.parametrize("text", ["columns: [", "columns: {ra: {colum: x}}", "!!python/object/apply:os.getcwd []"])
def test_an_unusable_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"map\.yaml"):
        ColumnMap.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml"):
        ColumnMap.read(tmp_path / "nowhere.yaml")


def test_what_the_map_does_not_touch_is_untouched() -> None:
    table = pa.table({"id": pa.array([-(2**63), None], pa.int64()), "x": [1.0, 0.1]})
    kept = mapped({"c": {"constant": 1}}, table, keep=True)
    assert kept.select(["id", "x"]).equals(table)


@pytest.mark.parametrize(
    "text", [r'columns: {band: {constant: "\ud800"}}', r'columns: {"\udfff": band}', r'columns: {band: "\ud800"}']
)
def test_half_a_character_is_refused(tmp_path: Path, text: str) -> None:
    """No database and no file takes it."""
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"map.yaml: .*half a character"):
        ColumnMap.read(tmp_path / "map.yaml")


def test_a_map_without_end_is_refused() -> None:
    """Such as a file that is no map at all; this one filled the memory."""
    with pytest.raises(ConfigError, match="/dev/zero: not a column map: it has more than 1 MB"):
        ColumnMap.read("/dev/zero")
