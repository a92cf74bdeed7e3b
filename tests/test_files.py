"""Files and tables in memory become Arrow tables without loss, and come back from files as they were written."""

from __future__ import annotations

import gzip
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, QTable, Table
from astropy.utils.masked import Masked
from conftest import shared_data
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from ssdb.errors import InputError
from ssdb.io.input_file import ENDINGS
from ssdb.io.tables import label, read_columns
from ssdb.io.writers import to_astropy, write_columns

ZTF = "ztf_2020-05/dia_sources.parquet"

ALL_ENDINGS = [ending for endings in ENDINGS.values() for ending in endings]
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


def field(name: str, type_: pa.DataType, unit: str = "", description: str = "") -> pa.Field:
    about = {"unit": unit, "description": description}
    return pa.field(name, type_, metadata={k: v for k, v in about.items() if v})


EVERYTHING = pa.table(
    [
        pa.array([INT64_MIN, None, INT64_MAX, 0]),
        pa.array([-32768, 32767, None, 1], pa.int16()),
        pa.array([1, 2, 3, None], pa.int32()),
        pa.array([0.1, None, -1e300, 5e-324]),
        pa.array([0.1, 1.5, None, -3e38], pa.float32()),
        pa.array([True, None, False, True]),
        pa.array(["00433", None, "2015 MQ204", 'a,"b"']),
        pa.array([None, None, None, None], pa.int64()),
    ],
    schema=pa.schema(
        [
            field("id", pa.int64(), description="an identifier"),
            field("detector", pa.int16()),
            field("n", pa.int32()),
            field("ra", pa.float64(), "deg", "right ascension"),
            field("flux", pa.float32(), "nJy"),
            field("flag", pa.bool_()),
            field("designation", pa.string()),
            field("nothing", pa.int64()),
        ]
    ),
)


def unit_of(table: pa.Table, name: str) -> u.UnitBase | None:
    text = (table.schema.field(name).metadata or {}).get(b"unit")
    return u.Unit(text.decode()) if text else None


def written_and_read(table: pa.Table, path: Path, **kw: Any) -> pa.Table:
    write_columns(table, path)
    return read_columns(path, **kw)


# ---- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_every_value_comes_back(tmp_path: Path, ending: str) -> None:
    """Extremes of 64 bits, NULLs in every type, text that looks like a number: exactly as they were."""
    result = written_and_read(EVERYTHING, tmp_path / f"t{ending}", strings=["designation"])
    assert result.column_names == EVERYTHING.column_names
    for name in set(EVERYTHING.column_names) - {"flux"}:
        assert result.column(name).to_pylist() == EVERYTHING.column(name).to_pylist(), name
    # CSV has decimal digits, which are read in double precision.
    flux = result.column("flux").cast(pa.float32(), safe=False)
    assert flux.equals(EVERYTHING.column("flux"))


@pytest.mark.parametrize("ending", [e for e in ALL_ENDINGS if not e.startswith(".csv")])
def test_types_and_units_come_back(tmp_path: Path, ending: str) -> None:
    result = written_and_read(EVERYTHING, tmp_path / f"t{ending}")
    assert result.schema.types == EVERYTHING.schema.types
    assert unit_of(result, "ra") == u.deg
    assert unit_of(result, "flux") == u.nJy
    assert unit_of(result, "id") is None


@pytest.mark.parametrize("ending", [".parquet", ".ecsv", ".vot"])
def test_descriptions_come_back(tmp_path: Path, ending: str) -> None:
    result = written_and_read(EVERYTHING, tmp_path / f"t{ending}")
    assert result.schema.field("ra").metadata[b"description"] == b"right ascension"


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_an_empty_table_keeps_its_columns(tmp_path: Path, ending: str) -> None:
    result = written_and_read(EVERYTHING.slice(0, 0), tmp_path / f"t{ending}")
    assert result.num_rows == 0
    assert result.column_names == EVERYTHING.column_names
    if not ending.startswith(".csv"):
        assert result.schema.types == EVERYTHING.schema.types


integers = st.lists(st.sampled_from([INT64_MIN, INT64_MIN + 1, INT64_MAX, 0]) | st.integers(-5, 5) | st.none())


@pytest.mark.parametrize("ending", [".parquet", ".fits", ".ecsv", ".csv", ".vot"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=integers)
def test_null_is_never_taken_for_a_number(tmp_path: Path, ending: str, values: list[int | None]) -> None:
    """Nor a number for null, whatever stands for null in the file."""
    table = pa.table({"id": pa.array(values, pa.int64()), "row": pa.array(range(len(values)), pa.int64())})
    assert written_and_read(table, tmp_path / f"t{ending}").to_pydict() == table.to_pydict()


@pytest.mark.parametrize("ending", [".fits", ".ecsv", ".csv", ".vot"])
def test_times_and_bytes_are_text_where_a_format_has_neither(tmp_path: Path, ending: str) -> None:
    when = datetime(2020, 5, 7, 4, 5, 6, 123456)
    table = pa.table({"at": pa.array([when, None], pa.timestamp("us")), "raw": pa.array([b"\x00\xff", None])})
    result = written_and_read(table, tmp_path / f"t{ending}", strings=["at", "raw"])
    assert result.to_pydict() == {"at": ["2020-05-07 04:05:06.123456", None], "raw": ["00ff", None]}


def test_parquet_keeps_times_and_bytes(tmp_path: Path) -> None:
    table = pa.table({"at": pa.array([0, None], pa.timestamp("us")), "raw": pa.array([b"\x00\xff", None])})
    assert written_and_read(table, tmp_path / "t.parquet").equals(table)


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_a_file_that_is_not_what_it_says_is_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"bad{ending}"
    path.write_bytes(b"\x00\xffnot a table at all" * 200)
    with pytest.raises(InputError, match=f"bad{ending}"):
        read_columns(path)


@pytest.mark.parametrize("ending", [".parquet", ".fits", ".fits.gz", ".csv.gz", ".vot"])
@pytest.mark.parametrize("part", [0.3, 0.7, 0.999])
def test_a_truncated_file_is_named(tmp_path: Path, ending: str, part: float) -> None:
    path = tmp_path / f"cut{ending}"
    rng = np.random.default_rng(1)
    write_columns(pa.table({"a": rng.integers(0, 2**62, 5000), "b": rng.random(5000)}), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(InputError, match=f"cut{ending}"):
        read_columns(path)


@pytest.mark.parametrize("ending", ALL_ENDINGS)
def test_an_empty_or_missing_file_or_a_directory_is_named(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"x{ending}"
    with pytest.raises(InputError, match=f"x{ending}: there is no such file"):
        read_columns(path)
    path.touch()
    with pytest.raises(InputError, match=f"x{ending}: the file is empty"):
        read_columns(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(InputError, match=f"x{ending}: is not a file"):
        read_columns(path)


def test_an_unknown_ending_is_named_with_the_possible_ones(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_text("x")
    for action in (lambda: read_columns(tmp_path / "t.xlsx"), lambda: write_columns(EVERYTHING, tmp_path / "t.xlsx")):
        with pytest.raises(InputError, match=r"t\.xlsx.*\.parquet.*\.fits\.gz.*\.ecsv.*\.csv.*\.votable"):
            action()


def test_endings_are_read_without_regard_to_case(tmp_path: Path) -> None:
    (tmp_path / "T.CSV").write_text("a\n1\n")
    assert read_columns(str(tmp_path / "T.CSV")).to_pydict() == {"a": [1]}


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    """FITS has ASCII text only. No half-written file stays beside it, either."""
    path = tmp_path / "t.fits"
    write_columns(pa.table({"a": [1]}), path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=r"t\.fits: cannot be written: FITS has no letter .*ECSV"):
        write_columns(pa.table({"a": ["é"]}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for value in (1, 2):
        write_columns(pa.table({"a": [value]}), path)
        assert read_columns(path).to_pydict() == {"a": [value]}
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"t\.csv: cannot be written"):
        write_columns(pa.table({"a": [1]}), tmp_path / "nowhere" / "t.csv")


def test_gz_is_compressed(tmp_path: Path) -> None:
    write_columns(pa.table({"a": [1]}), tmp_path / "t.csv.gz")
    assert gzip.decompress((tmp_path / "t.csv.gz").read_bytes()).decode().split() == ['"a"', "1"]


@pytest.mark.filterwarnings("ignore:Column .flag. contains NULL")
def test_astropy_reads_nulls_of_fits_as_masked(tmp_path: Path) -> None:
    write_columns(EVERYTHING, tmp_path / "t.fits")
    table = Table.read(tmp_path / "t.fits")
    for name in ("id", "detector", "n", "ra", "flux", "designation", "nothing"):
        assert table[name].mask.tolist() == [value is None for value in EVERYTHING.column(name).to_pylist()], name
    assert table["ra"].unit == u.deg


def test_to_astropy_masks_nulls_and_keeps_nan() -> None:
    table = to_astropy(pa.table({"x": pa.array([1.0, None, np.nan]), "n": pa.array([1, 2, 3])}))
    assert table["x"].mask.tolist() == [False, True, False]
    assert np.isnan(table["x"].data.data[2])
    assert not isinstance(table["n"], MaskedColumn)


def test_to_astropy_has_units_and_descriptions() -> None:
    table = to_astropy(EVERYTHING)
    assert table["ra"].unit == u.deg
    assert table["ra"].description == "right ascension"
    assert table["id"].unit is None
    assert read_columns(table).equals(EVERYTHING, check_metadata=True)


def test_to_astropy_can_be_changed_without_changing_its_source() -> None:
    source = pa.table({"x": [1.0, 2.0]})
    to_astropy(source)["x"][0] = 9.0
    assert source.column("x").to_pylist() == [1.0, 2.0]


# ---- Parquet ---------------------------------------------------------------------------------------------------------


def test_units_that_astropy_wrote_into_parquet(tmp_path: Path) -> None:
    table = QTable({"ra": [1.0] * u.rad, "n": [1]})
    table["ra"].info.description = "right ascension"
    table.write(tmp_path / "t.parquet")
    result = read_columns(tmp_path / "t.parquet")
    assert unit_of(result, "ra") == u.rad
    assert unit_of(result, "n") is None
    assert result.schema.field("ra").metadata[b"description"] == b"right ascension"


def test_a_directory_name_adds_no_column(tmp_path: Path) -> None:
    """pyarrow would make a column of ``visit=42``."""
    (tmp_path / "visit=42").mkdir()
    assert written_and_read(pa.table({"a": [1]}), tmp_path / "visit=42" / "t.parquet").column_names == ["a"]


def test_kinds_of_text_and_nested_columns(tmp_path: Path) -> None:
    """Text is plain text however it is stored; columns of lists and structures are left out."""
    table = pa.table(
        {
            "a": pa.array(["x", None, ""], pa.large_string()),
            "b": pa.array(["x", "x", None]).dictionary_encode(),
            "c": [[1], [2, 3], []],
            "d": [{"e": 1}] * 3,
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    result = read_columns(tmp_path / "t.parquet")
    assert result.schema.types == [pa.string(), pa.string()]
    assert result.to_pydict() == {"a": ["x", None, None], "b": ["x", "x", None]}


def test_real_detections() -> None:
    result = read_columns(shared_data(ZTF))
    assert result.num_rows == 2240
    assert result.schema.field("band").type == pa.string()
    assert len(set(result.column("diaSourceId").to_pylist())) == 2240


# ---- CSV -------------------------------------------------------------------------------------------------------------


def csv(tmp_path: Path, text: str | bytes, **kw: Any) -> pa.Table:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_columns(path, **kw)


def test_leading_zeros_stay_where_text_is_wanted(tmp_path: Path) -> None:
    text = "d,n\n00433,007\n,1\n"
    assert csv(tmp_path, text, strings=["d", "absent"]).to_pydict() == {"d": ["00433", None], "n": [7, 1]}


def test_one_word_late_in_a_column_makes_it_text(tmp_path: Path) -> None:
    """Numbers before it do not decide, however many there are."""
    result = csv(tmp_path, "d\n" + "433\n" * 400_000 + "2015 MQ204\n")
    assert result.column("d")[0].as_py() == "433"
    assert result.column("d")[-1].as_py() == "2015 MQ204"


def test_nan_in_a_column_of_identifiers_does_not_round_them(tmp_path: Path) -> None:
    """As pandas may write it."""
    assert csv(tmp_path, f"id,x\n{INT64_MAX},1.5\nNaN,NaN\n").to_pydict() == {"id": [INT64_MAX, None], "x": [1.5, None]}


def test_a_value_may_have_line_breaks(tmp_path: Path) -> None:
    table = pa.table({"wcs": ["CRPIX1\nCRPIX2"], "n": [1]})
    assert written_and_read(table, tmp_path / "t.csv").equals(table)


@pytest.mark.parametrize(
    ("text", "named"),
    [("a,b\n1\n", "2 columns"), ("a,a\n1,2\n", "more than one column is named a"), (b"a\n\xe9t\xe9\n", "UTF-8.*a")],
)
def test_what_is_wrong_with_a_csv_file_is_named(tmp_path: Path, text: str | bytes, named: str) -> None:
    with pytest.raises(InputError, match=rf"t\.csv: .*{named}"):
        csv(tmp_path, text)


# ---- FITS, ECSV, VOTable ---------------------------------------------------------------------------------------------


def test_fits_is_big_endian_outside_and_native_inside(tmp_path: Path) -> None:
    columns = [
        fits.Column("ID", "K", array=np.array([INT64_MIN, INT64_MAX])),
        fits.Column("FLUX", "E", array=np.array([1.5, np.nan]), unit="uJy"),
        fits.Column("BAND", "3A", array=np.array(["g", ""])),
        fits.Column("U", "J", bzero=2**31, array=np.array([0, 2**32 - 1], np.uint32)),
        fits.Column("CORNERS", "4D", array=np.zeros((2, 4))),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(tmp_path / "t.fits")
    result = read_columns(tmp_path / "t.fits")
    assert result.to_pydict() == {
        "ID": [INT64_MIN, INT64_MAX],
        "FLUX": [1.5, None],
        "BAND": ["g", None],
        "U": [0, 2**32 - 1],
    }
    assert unit_of(result, "FLUX") == u.uJy


@pytest.mark.parametrize(
    ("cards", "values"),
    [
        ({}, [1, None, 3]),
        ({"TZERO1": 2**63}, [2**63 + 1, None, 2**63 + 3]),
        ({"TZERO1": 10}, [11.0, None, 13.0]),
        ({"TZERO1": -100}, [-99.0, None, -97.0]),
        ({"TSCAL1": 0.5}, [0.5, None, 1.5]),
        ({"TSCAL1": 0.5, "TZERO1": 1.0}, [1.5, None, 2.5]),
    ],
)
def test_tnull_of_fits_is_of_the_stored_number(tmp_path: Path, cards: dict[str, float], values: list[float]) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "K", array=np.array([1, -99, 3])), fits.Column("b", "J")])
    table.header.update(cards, TNULL1=-99)
    table.writeto(tmp_path / "t.fits")
    assert read_columns(tmp_path / "t.fits").column("a").to_pylist() == values


def test_integers_of_64_bits_keep_all_digits_and_their_unit(tmp_path: Path) -> None:
    exact = np.array([2**62 + 1, -99])
    columns = [fits.Column(name, "K", array=exact, unit="d") for name in ("none", "shifted")]
    table = fits.BinTableHDU.from_columns(columns)
    table.header.update(TSCAL1=1.0, TZERO1=0.0, TNULL1=-99, TZERO2=10)
    table.writeto(tmp_path / "t.fits")
    result = read_columns(tmp_path / "t.fits")
    assert result.column("none").to_pylist() == [2**62 + 1, None]
    assert result.column("shifted").to_pylist() == [float(2**62), -89.0]
    assert unit_of(result, "none") == unit_of(result, "shifted") == u.d


def test_tnull_of_bytes_with_a_sign(tmp_path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("a", "B", array=np.array([1, 128, 3], np.uint8))])
    table.header.update(TZERO1=-128, TNULL1=128)
    table.writeto(tmp_path / "t.fits")
    assert read_columns(tmp_path / "t.fits").column("a").to_pylist() == [-127, None, -125]


def test_a_fits_image_has_no_columns(tmp_path: Path) -> None:
    fits.PrimaryHDU(np.zeros((2, 2))).writeto(tmp_path / "image.fits")
    with pytest.raises(InputError, match=r"image\.fits.*no table"):
        read_columns(tmp_path / "image.fits")


def test_a_votable_column_is_called_by_its_name_not_its_id(tmp_path: Path) -> None:
    path = tmp_path / "t.vot"
    Table({"ra": [1.0]}).write(path, format="votable")
    path.write_text(path.read_text().replace('ID="ra"', 'ID="col_0"'))
    assert read_columns(path).column_names == ["ra"]


def test_ecsv_keeps_nan_apart_from_null(tmp_path: Path) -> None:
    result = written_and_read(pa.table({"x": pa.array([np.nan, None, 1.0])}), tmp_path / "t.ecsv")
    assert result.column("x").is_null().to_pylist() == [False, True, False]


# ---- in memory -------------------------------------------------------------------------------------------------------


def test_an_astropy_table_with_every_kind_of_column() -> None:
    table = QTable(
        {
            "a": np.array([1, 2], ">i8"),
            "b": [1.0, 2.0] * u.rad,
            "c": MaskedColumn([1, 2], mask=[True, False]),
            "d": Masked([1.0, 2.0] * u.nJy, mask=[False, True]),
            "e": [b"x", b"y"],
            "f": np.array([1.0, np.nan], np.float16),
            "g": np.zeros((2, 3)),
            "h": SkyCoord([1, 2], [3, 4], unit="deg"),
            "i": np.array([1j, 2j]),
            "j": np.array(["p", None], object),
        }
    )
    result = read_columns(table)
    assert result.drop_columns(["f"]).to_pydict() == {
        "a": [1, 2],
        "b": [1.0, 2.0],
        "c": [None, 2],
        "d": [1.0, None],
        "e": ["x", "y"],
        "j": ["p", None],
    }
    assert np.isnan(result.column("f")[1].as_py())
    assert [unit_of(result, name) for name in "abd"] == [None, u.rad, u.nJy]


def test_reading_from_memory_leaves_the_source_alone() -> None:
    table = Table({"a": np.array(["", "x"]), "n": np.array([1, 2], ">i4")})
    before = table.copy()
    read_columns(table)
    assert (table == before).all()
    assert table["n"].dtype == before["n"].dtype


def test_a_mapping_of_arrays() -> None:
    source = {
        "a": np.array([1, INT64_MAX]),
        "b": [None, "x"],
        "c": np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        "d": [1.0, 2.0] * u.deg,
        "e": pa.array([None, True]),
    }
    result = read_columns(source)
    assert result.to_pydict() == {
        "a": [1, INT64_MAX],
        "b": [None, "x"],
        "c": [None, 2.0],
        "d": [1.0, 2.0],
        "e": [None, True],
    }
    assert unit_of(result, "d") == u.deg


def test_a_pandas_data_frame() -> None:
    """NaN is null there; a named index is a column, an unnamed one is not."""
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"id": [1, 2, 3], "x": [1.0, np.nan, 3.0]})
    assert read_columns(frame[frame.id > 1]).to_pydict() == {"id": [2, 3], "x": [None, 3.0]}
    assert set(read_columns(frame.set_index("id")).column_names) == {"id", "x"}


@pytest.mark.parametrize(
    "source", [{}, {"a": 5}, {"a": [1], "b": [1, 2]}, {"a": [1, "x"]}, pa.table({}), pa.table({"a": [[1]]}), Table(), 5]
)
def test_what_is_no_table_of_columns_is_refused(source: Any) -> None:
    with pytest.raises(InputError, match=r"^table: "):
        read_columns(source)


def test_sources_are_called_by_their_path(tmp_path: Path) -> None:
    assert label("a/visits.parquet") == "a/visits.parquet"
    assert label(tmp_path / "v.fits") == str(tmp_path / "v.fits")
    assert label(pa.table({"a": [1]})) == label({"a": [1]}) == "table"


@pytest.mark.parametrize("ending", [".fits", ".vot"])
def test_real_detections_come_back(tmp_path: Path, ending: str) -> None:
    shutil.copy(shared_data(ZTF), tmp_path / "t.parquet")
    table = read_columns(tmp_path / "t.parquet")
    assert written_and_read(table, tmp_path / f"t{ending}").to_pydict() == table.to_pydict()
