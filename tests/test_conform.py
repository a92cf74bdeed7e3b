"""A file's columns become the data model's: by name, unit and type, unknown as NULL, and nothing altered in silence."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import sqlalchemy as sa
from astropy.coordinates import Angle
from astropy.units import Unit
from hypothesis import given
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.ingest.table.conform import Conformed, conform
from ssdb.schema import metadata as schema
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.columns import boolean, double, integer, long, real, short, string, text, timestamp

model = sa.MetaData()
sources = sa.Table(
    "sources",
    model,
    long("diaSourceId", "", "", "", nullable=False),
    double("ra", "deg", "", "", nullable=False),
    double("dec", "deg", "", "", nullable=False),
    long("ssObjectId", "", "", ""),
    double("midpointMjdTai", "d", "", ""),
    real("psfFlux", "nJy", "", ""),
    real("psfFluxErr", "nJy", "", ""),
    real("ephErrPa", "deg", "", ""),
    double("ephErrMinor", "arcsec", "", ""),
    short("detector", "", "", ""),
    integer("width", "pix", "", ""),
    boolean("flag", "", "", ""),
    string("band", 2, "", ""),
    text("note", "", "", ""),
    timestamp("seenAt", "", "", ""),
    double("snr", "", "", ""),
    integer("zone", "", "", "", sa.Computed("0"), nullable=False),
)
REQUIRED = {"diaSourceId": [1], "ra": [10.0], "dec": [20.0]}


def conformed(columns: Mapping[str, Any], units: Mapping[str, str] | None = None, **kw: Any) -> Conformed:
    """The required columns, repeated as often as needed, with others."""
    n = len(next(iter(columns.values()))) if columns else 1
    arrays = {name: pa.array(values * n) for name, values in REQUIRED.items() if name not in columns}
    arrays |= {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}
    fields = [pa.field(name, a.type, metadata={"unit": (units or {}).get(name, "")}) for name, a in arrays.items()]
    return conform(pa.table(list(arrays.values()), schema=pa.schema(fields)), sources, "f.csv", **kw)


def values_of(name: str, values: Any, unit: str = "") -> list[Any]:
    return conformed({name: values}, {name: unit}).table.column(name).to_pylist()


def refused(name: str, values: Any, unit: str = "") -> str:
    with pytest.raises(InputError) as caught:
        conformed({name: values}, {name: unit})
    assert str(caught.value).startswith(f"f.csv: column {name} ")
    return str(caught.value)


# ---- names -----------------------------------------------------------------------------------------------------------


def test_the_result_has_the_tables_order_types_and_metadata() -> None:
    result = conformed({"snr": [1], "band": ["g"], "ra": [1.0]})
    full = arrow_schema(sources)
    expected = pa.schema([full.field(name) for name in ("diaSourceId", "ra", "dec", "band", "snr")])
    assert result.table.schema.equals(expected, check_metadata=True)


def test_columns_that_the_model_does_not_have_are_named() -> None:
    """So is what the database makes itself."""
    result = conformed({"rb": [0.5], "zone": [6600], "distnr": [1.0]})
    assert result.left_out == ("rb", "zone", "distnr")
    assert "zone" not in result.table.column_names


def test_names_match_without_regard_to_case_where_only_one_fits() -> None:
    result = conform(pa.table({"DIASOURCEID": [1], "RA": [2.0], "Dec": [3.0]}), sources, "f.fits")
    assert result.table.to_pylist() == [{"diaSourceId": 1, "ra": 2.0, "dec": 3.0}]
    assert result.left_out == ()


def test_an_exact_name_wins_over_one_in_another_case() -> None:
    result = conformed({"RA": [99.0], "ra": [1.0]})
    assert result.table.column("ra").to_pylist() == [1.0]
    assert result.left_out == ("RA",)


def test_an_ambiguous_name_matches_nothing() -> None:
    result = conformed({"SNR": [1.0], "Snr": [2.0]})
    assert "snr" not in result.table.column_names
    assert result.left_out == ("SNR", "Snr")


def test_missing_required_columns_are_named_with_what_is_there() -> None:
    with pytest.raises(InputError, match=r"f\.csv: column diaSourceId, dec is missing; the file has: ra, x"):
        conform(pa.table({"ra": [1.0], "x": [1]}), sources, "f.csv")


def test_required_columns_that_the_caller_fills_may_be_missing() -> None:
    result = conform(pa.table({"ra": [1.0], "dec": [1.0]}), sources, "f.csv", filled=["diaSourceId"])
    assert result.table.column_names == ["ra", "dec"]


# ---- units -----------------------------------------------------------------------------------------------------------


def test_units_of_the_file_are_converted() -> None:
    assert values_of("ra", [1.0], "rad") == [pytest.approx(57.29577951308232, rel=1e-15)]
    assert values_of("ra", [1.0], "hourangle") == [pytest.approx(Angle("1h").deg)]
    assert values_of("psfFlux", [2.0], "uJy") == [pytest.approx(2000.0)]
    assert values_of("ephErrMinor", [1.0], "deg") == [pytest.approx(3600.0)]
    assert values_of("midpointMjdTai", [58976 * 86400.0], "s") == [pytest.approx(58976.0)]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_same_unit_leaves_every_bit(value: float) -> None:
    assert values_of("ra", [value], "deg") == [value]


def test_columns_without_a_unit_are_named_but_no_dates_and_ids() -> None:
    columns = {"ra": [1.0], "psfFlux": [1.0], "midpointMjdTai": [5e4], "snr": [1.0], "ephErrMinor": [1.0], "dec": [1.0]}
    result = conformed(columns, {"dec": "deg", "ephErrMinor": "percent / percent"})
    assert result.without_unit == ("ra", "psfFlux", "ephErrMinor")


def test_a_unit_where_the_model_has_none_is_not_looked_at() -> None:
    assert values_of("snr", [5.0], "m") == [5.0]


@pytest.mark.parametrize("unit", ["m", "counts of sheep", "mag(AB)", "percent"])
def test_a_unit_that_cannot_be_converted_is_named_with_the_column(unit: str) -> None:
    message = refused("psfFlux", [1.0], unit)
    assert unit.split()[0] in message
    assert "nJy" in message


def test_every_unit_of_the_schema_is_known() -> None:
    """Otherwise a file that has the right unit would be refused."""
    units = {column.info["unit"] for table in schema.tables.values() for column in table.columns}
    for unit in units - {""}:
        assert Unit(unit).is_equivalent(unit)


# ---- unknown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("type_", [pa.float32(), pa.float64()])
def test_what_stands_for_unknown_becomes_null(type_: pa.DataType) -> None:
    values = pa.array([np.nan, np.inf, -np.inf, -999.0, -9999.0, None, -999.5, 0.0, -1.0], type_)
    assert values_of("psfFlux", values) == [None] * 6 + [-999.5, 0.0, -1.0]


def test_unknown_is_recognised_before_the_unit_is_converted() -> None:
    assert values_of("psfFlux", [-999.0, 1.0], "uJy") == [None, 1000.0]


@pytest.mark.parametrize("name", ["psfFluxErr", "ephErrMinor"])
def test_an_error_that_is_not_above_zero_is_unknown(name: str) -> None:
    assert values_of(name, [0.0, -0.0, -3.0, 1.5]) == [None, None, None, 1.5]


def test_an_error_too_small_for_single_precision_is_unknown() -> None:
    """It would be stored as 0, which means a perfect measurement."""
    assert values_of("psfFluxErr", [1e-60]) == [None]


def test_a_position_angle_of_zero_is_one() -> None:
    assert values_of("ephErrPa", [0.0, -10.0]) == [0.0, -10.0]


def test_required_positions_keep_what_makes_them_unusable() -> None:
    values = values_of("ra", pa.array([np.nan, -999.0, np.inf, None]))
    assert np.isnan(values[0])
    assert values[1:] == [-999.0, np.inf, None]


def test_a_position_that_may_be_unknown_becomes_null() -> None:
    visits = sa.Table("visits", sa.MetaData(), double("ra", "deg", "", ""))
    result = conform(pa.table({"ra": [np.nan, -999.0, 1.0]}), visits, "f")
    assert result.table.column("ra").to_pylist() == [None, None, 1.0]


def test_identifiers_of_other_objects_are_unknown_where_0() -> None:
    assert values_of("ssObjectId", [0, -5, 2**63 - 1, -(2**63)]) == [None, -5, 2**63 - 1, -(2**63)]
    assert values_of("diaSourceId", [0]) == [0]
    assert values_of("ssObjectId", pa.array([0.0, np.nan, 5.0])) == [None, None, 5]


@pytest.mark.parametrize(("name", "n_unknown"), [("parentDiaSourceId", 3), ("diaObjectId", 3), ("psfNdata", 2)])
def test_what_stands_for_no_identifier_and_no_count_is_unknown(name: str, n_unknown: int) -> None:
    given = pa.table(
        {"diaSourceId": [1] * 4, "visit": [2] * 4, "ra": [0.0] * 4, "dec": [0.0] * 4, name: [-1, -999, 0, 5]}
    )
    conformed = conform(given, schema.tables["DiaSource"], "f", filled=("detector", "midpointMjdTai"))
    assert conformed.table.column(name).null_count == n_unknown


def test_blank_text_is_unknown() -> None:
    for name in ("band", "note", "snr", "detector", "flag", "seenAt"):
        assert values_of(name, ["", "   ", None]) == [None] * 3


@pytest.mark.parametrize("name", [c.name for c in sources.columns if c.computed is None])
def test_a_column_without_any_value_is_null_in_every_type(name: str) -> None:
    assert values_of(name, pa.nulls(2)) == [None, None]


# ---- numbers ---------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_64_bit_integers_are_exact(values: list[int | None]) -> None:
    assert values_of("diaSourceId", pa.array(values, pa.int64())) == values


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_64_bit_integers_in_text_are_exact(values: list[int]) -> None:
    assert values_of("diaSourceId", [f" {value} " for value in values]) == values


def test_other_kinds_of_whole_numbers() -> None:
    assert values_of("diaSourceId", pa.array([1.0, None, np.nan, -(2.0**53)])) == [1, None, None, -(2**53)]
    assert values_of("diaSourceId", pa.array([2**63 - 1], pa.uint64())) == [2**63 - 1]
    assert values_of("diaSourceId", pa.array([Decimal(2**63 - 1)], pa.decimal128(20, 0))) == [2**63 - 1]
    assert values_of("detector", [True, False]) == [1, 0]
    assert values_of("width", [2048], "pixel") == [2048]


def test_rows_and_values_that_do_not_fit_an_integer_are_named() -> None:
    assert "row 2: 1.5" in refused("diaSourceId", [1.0, 1.5])
    assert "row 1: 32768, row 3: -32769" in refused("detector", [32768, 5, -32769])
    assert str(2**63) in refused("diaSourceId", pa.array([2**63], pa.uint64()))
    assert "row 2: 'no 7', row 3: '1.5'" in refused("detector", ["7", "no 7", "1.5"])
    assert str(2**63) in refused("diaSourceId", [str(2**63)])
    assert "1.5" in refused("diaSourceId", pa.array([Decimal("1.5")]))


def test_identifiers_that_went_through_floating_point_are_refused() -> None:
    """Beyond 2^53 a floating-point number is no longer the identifier it was."""
    assert "exact" in refused("diaSourceId", [21164728253101137.0])


def test_many_rows_are_counted() -> None:
    assert "and 95 more" in refused("detector", [10**6] * 100)


def test_numbers_for_floating_point_columns() -> None:
    assert values_of("snr", ["1.5", " 2e3 ", "nan"]) == [1.5, 2000.0, None]
    assert values_of("snr", [1, 2**62]) == [1.0, 2.0**62]
    assert values_of("snr", pa.array([Decimal("1.25")])) == [1.25]


def test_text_and_times_are_no_numbers() -> None:
    assert "row 2: 'bright'" in refused("snr", ["1", "bright"])
    assert "timestamp" in refused("psfFlux", pa.array([0], pa.timestamp("s")))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_single_precision_is_exact_in_real_columns(value: float) -> None:
    assert values_of("psfFlux", [value]) == [None if value in (-999, -9999) else value]


def test_real_columns_are_rounded_to_single_precision() -> None:
    assert values_of("psfFlux", [0.1]) == [float(np.float32(0.1))]


def test_a_number_beyond_single_precision_is_named() -> None:
    assert "row 2: 1e+39" in refused("psfFlux", [1.0, 1e39])


# ---- true and false, text, times -------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[True, False, None], [1, 0, None], [1.0, 0.0, np.nan], ["true", " FALSE", ""]])
def test_true_and_false(values: list[Any]) -> None:
    assert values_of("flag", values) == [True, False, None]


@pytest.mark.parametrize(("values", "named"), [([0, 2], "row 2: 2"), ([0.5], "row 1: 0.5"), (["maybe"], "'maybe'")])
def test_what_is_neither_true_nor_false_is_named(values: list[Any], named: str) -> None:
    assert named in refused("flag", values)


def test_numbers_are_text_where_text_is_wanted() -> None:
    assert values_of("note", [433, None]) == ["433", None]
    assert values_of("note", [433.0, np.nan, 1.5]) == ["433", None, "1.5"]


def test_text_is_left_as_it_is() -> None:
    """But for blanks around it, which no reader of a file would see."""
    assert values_of("note", ["00433", " 2015 MQ204", "é"]) == ["00433", "2015 MQ204", "é"]


def test_text_that_is_too_long_is_named() -> None:
    """Length counts characters, not bytes."""
    assert values_of("band", ["éé"]) == ["éé"]
    message = refused("band", ["g", "VRX"])
    assert "row 2: 'VRX'" in message
    assert "2 characters" in message


def test_text_with_a_nul_character_is_named() -> None:
    """PostgreSQL would refuse it in the middle of a write."""
    assert "row 2" in refused("note", ["a", "b\0c"])


@pytest.mark.parametrize(
    "values",
    [
        ["2020-05-07T04:05:06.123456"],
        ["2020-05-07 04:05:06.123456Z"],
        pa.array([1588824306123456], pa.timestamp("us")),
        pa.array([1588824306123456], pa.timestamp("us", "Europe/Zurich")),
        pa.array([1588824306123456789], pa.timestamp("ns")),
    ],
)
def test_dates_and_times_are_utc_without_a_zone(values: Any) -> None:
    assert values_of("seenAt", values) == [datetime(2020, 5, 7, 4, 5, 6, 123456)]


def test_what_is_no_time_is_named() -> None:
    assert "row 1: 'yesterday'" in refused("seenAt", ["yesterday"])
    result = conformed({"seenAt": [58976.5]})
    assert "seenAt" not in result.table.column_names
    assert "double" in result.doubts[0]


# ---- whole tables ----------------------------------------------------------------------------------------------------


def test_an_empty_file_gives_an_empty_table_of_the_right_types() -> None:
    table = pa.table({name: pa.array([], pa.null()) for name in ("diaSourceId", "ra", "dec", "band")})
    result = conform(table, sources, "f").table
    assert result.num_rows == 0
    assert result.schema.types == [pa.int64(), pa.float64(), pa.float64(), pa.string()]


def test_what_conforms_once_conforms_again_unchanged() -> None:
    first = conformed({"band": ["g", None], "psfFlux": [0.1, np.nan], "flag": [1, 0], "ssObjectId": [0, 7]})
    second = conform(first.table, sources, "f.csv")
    assert second.table.equals(first.table, check_metadata=True)
    assert second.left_out == second.without_unit == ()


def test_chunked_columns_are_numbered_through() -> None:
    table = pa.table({"diaSourceId": pa.chunked_array([[1], [2]]), "ra": [1.0, 2.0], "dec": [1.0, 2.0]})
    table = table.append_column("detector", pa.chunked_array([[1], [99999]]))
    with pytest.raises(InputError, match="row 2: 99999"):
        conform(table, sources, "f.csv")
