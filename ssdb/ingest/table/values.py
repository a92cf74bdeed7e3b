"""Converts the values of one column to the type that the data model has for it, with NULL for unknown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError, quoted, shown
from ssdb.io.table_notes import FROM, SCALE, about, unit_of
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.sentinels import is_unknown, is_unknown_magnitude, known_texts
from ssdb.units import TT_LESS_TAI_DAYS

_NO_COUNTS = [-1, -999, -9999]
"""What stands for "unknown" in numbers of pixels and the like."""

_NEVER_ZERO = frozenset({"ephVmag"})
"""Magnitudes that are 0 only where nobody filled them in, as in tables of Rubin's."""

POSITIONS = frozenset({"ra", "dec", "ephRa", "ephDec"})
"""Positions: where required, they keep what makes them unusable, so that checks can name the rows."""

NEEDED = (
    POSITIONS
    | {"midpointMjdTai", "band", "detector", "instrument", "observatoryCode"}
    | {
        *("ssObjectId", "designation", "diaObjectId", "exposureTime"),
        *("raErr", "decErr", "ra_dec_Cov", "psfFlux", "psfFluxErr", "ephErrMajor", "ephErrMinor", "ephErrPa"),
        *("ephRateRa", "ephRateDec", "ephVmag", "radius", "width", "height", "pixelScale"),
        *("q", "e", "i", "node", "argperi", "peri_time", "epoch_mjd"),
    }
)
"""Columns on which association, prediction or the identification of rows rest: a unit that cannot be converted is an
error of theirs, where other columns are left out."""

_ZERO_IS_UNKNOWN = frozenset({"ssObjectId", "diaObjectId", "parentDiaSourceId"})
"""Identifiers that files set to 0, some below it, where there is none."""

_TRUE_AND_FALSE = (["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"])
"""What true and false are called in text: PostgreSQL's CSV has t and f."""

_CODE_LENGTH = 3
"""Characters of a code of the Minor Planet Center."""

_EXACT_IN_FLOAT64 = 2.0**53
_DATE_AND_TIME = "a date and time of UTC in ISO 8601"


class UnusableError(InputError):
    """A column as a whole, and not some of its values, cannot be converted."""


@dataclass(frozen=True, slots=True)
class Target:
    """A column to be made: its field and SQL column, and the names that messages need."""

    field: pa.Field
    column: sa.Column
    label: str
    file_column: str
    of_file: pa.Field
    mappable: bool

    @property
    def name(self) -> str:
        return self.field.name

    @property
    def unit(self) -> str:
        return str(self.column.info["unit"])

    def error(self, text: str) -> InputError:
        return InputError(f"{self.label}: column {self.file_column} {text}")

    def unusable(self, text: str) -> UnusableError:
        return UnusableError(f"{self.label}: column {self.file_column} {text}")

    def refuse(self, bad: np.ndarray, values: pa.Array, text: str) -> None:
        """Raises InputError that names the first bad rows with their values, if there are any."""
        rows = np.flatnonzero(bad)
        if len(rows):
            named = shown(f"row {row + 1}: {quoted(values[int(row)].as_py())}" for row in rows)
            raise self.error(f"{text} ({named}){self.cure(values[int(rows[0])].as_py())}")

    def cure(self, value: object = None) -> str:
        """The line of a column map that would help with a value of a needed column, to end a message with."""
        if not self.mappable or not is_needed(self):
            return ""
        column = about(self.of_file, FROM) or self.file_column
        if is_date(self):
            how = f"convert: time, format: {_time_format(self.of_file)}, scale: utc"
            return f"; a column map can convert it: `{self.name}: {{column: {column}, {how}}}`"
        if not self.unit:
            return f"; a column map can name another column: `{self.name}: COLUMN`"
        sexagesimal = isinstance(value, str) and len(value.replace(":", " ").split()) > 1
        if "Flux" in self.name and unit_of(self.of_file).lower().startswith("mag"):
            more = "convert: ABmag_error, magnitude: COLUMN" if self.name.endswith("Err") else "convert: ABmag"
            return f"; a column map can convert it: `{self.name}: {{column: {column}, {more}}}`"
        unit = "hourangle" if sexagesimal and "ra" in self.name.lower() else self.unit
        return f"; a column map can say what it is: `{self.name}: {{column: {column}, unit: {unit}}}`"


def is_needed(target: Target) -> bool:
    """Whether a column must not be left out, because rows would mean something else without it."""
    return not target.column.nullable or target.name in NEEDED


def is_date(target: Target) -> bool:
    """Whether it is a time, MJD."""
    return ("mjd" in target.name.lower() or target.name == "peri_time") and target.unit == "d"


def _time_format(of_file: pa.Field) -> str:
    """What a map would most likely call the times of a column: dates as text, or numbers."""
    if not (pa.types.is_floating(of_file.type) or pa.types.is_integer(of_file.type)):
        return "isot"
    said = f"{of_file.name} {unit_of(of_file)}".lower()
    return "jd" if "jd" in said.replace("mjd", "") else "mjd"


def are_numbered_codes(target: Target) -> bool:
    """Whether observatory codes have lost their zeros, being numbers."""
    given = target.of_file.type
    return target.name == "observatoryCode" and (pa.types.is_integer(given) or pa.types.is_floating(given))


class _Meaning(NamedTuple):
    """What a column of floating-point numbers is."""

    required_position: bool
    magnitude: bool
    """How bright something looks; absolute magnitudes have ranges, and what is out of them is told."""
    error: bool
    """It is above 0 where it is known."""
    single: bool


@cache
def _meaning(column: sa.Column) -> _Meaning:
    name = column.name
    return _Meaning(
        required_position=name in POSITIONS and not column.nullable,
        magnitude=str(column.info["ucd"]).startswith("phot.mag"),
        error=name.endswith("Err") or (name.startswith("ephErr") and name != "ephErrPa"),
        single=pa.types.is_float32(arrow_types(column.table)[name]),
    )


def converted(values: pa.Array, factor: float, target: Target) -> pa.Array:
    """The values of a column as those of its target; ``factor`` is what to multiply numbers with, for their unit.

    Raises UnusableError if they are of a kind that cannot be converted, and InputError that names rows if a value
    cannot.
    """
    type_ = target.field.type
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), type_)
    if pa.types.is_floating(type_):
        return _to_float(values, factor, target)
    if pa.types.is_integer(type_):
        return _to_integer(values, factor, target)
    if pa.types.is_boolean(type_):
        return _to_boolean(values, target)
    if pa.types.is_string(type_):
        return _to_text(values, target)
    if pa.types.is_timestamp(type_):
        return _to_timestamp(values, target)
    return _cast(values, type_, str(type_), target)


def _cast(values: pa.Array, type_: pa.DataType, what: str, target: Target) -> pa.Array:
    """Values as another type, without loss; what cannot become it is refused by row."""
    if values.type == type_:
        return values
    try:
        return values.cast(type_)
    except pa.ArrowNotImplementedError:
        raise target.unusable(f"holds {values.type}, not {what}{target.cure()}") from None
    except pa.ArrowInvalid:
        wrong = [value.as_py() for value in values.unique().drop_null() if not _can_be_cast(value, type_)]
        target.refuse(_mask(pc.is_in(values, pa.array(wrong, values.type))), values, f"is not {what}")
        raise


def _can_be_cast(value: pa.Scalar, type_: pa.DataType) -> bool:
    try:
        value.cast(type_)
    except pa.ArrowInvalid:
        return False
    return True


def _is_text(values: pa.Array) -> bool:
    return pa.types.is_string(values.type) or pa.types.is_large_string(values.type)


def _parsed(values: pa.Array, type_: pa.DataType, what: str, target: Target) -> pa.Array:
    """Text as values of another type; blank text is null."""
    return _cast(known_texts(values), type_, what, target)


def _mask(values: pa.Array) -> np.ndarray:
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False)


def _numbers(values: pa.Array, type_: pa.DataType, what: str, target: Target) -> pa.Array:
    """Values of a kind that can hold numbers: integers and floating-point as they are, others as ``type_``."""
    if _is_text(values):
        return _parsed(values, type_, what, target)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return values
    if pa.types.is_boolean(values.type) or pa.types.is_decimal(values.type):
        return _cast(values, type_, what, target)
    example = "00:00:00" if pa.types.is_time(values.type) else None
    raise target.unusable(f"holds {values.type}, not {what}{target.cure(example)}")


def _to_float(values: pa.Array, factor: float, target: Target) -> pa.Array:
    numbers = _numbers(values, pa.float64(), "a number", target)
    array = numbers.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)  # null becomes NaN
    meaning = _meaning(target.column)
    if meaning.required_position:
        null = numbers.is_null().to_numpy(zero_copy_only=False)
    else:
        null = is_unknown_magnitude(array) if meaning.magnitude else is_unknown(array)
    if target.name in _NEVER_ZERO:
        null |= array == 0
    if about(target.of_file, SCALE) and not target.name.endswith("Tai"):
        array = array + TT_LESS_TAI_DAYS
    with np.errstate(over="ignore"):  # infinity is in no range, and is refused with its row
        if factor != 1.0:
            array = array * factor
        if meaning.single:
            array = array.astype(np.float32)
    if meaning.single:
        target.refuse(np.isinf(array) & ~null, values, "is too large for single precision")
    if meaning.error:
        null |= array <= 0
    return pa.array(array, target.field.type, mask=null if null.any() else None)


def _to_integer(values: pa.Array, factor: float, target: Target) -> pa.Array:
    numbers = _numbers(values, pa.int64(), "a whole number", target)
    if factor != 1.0:
        numbers = pc.multiply(pc.cast(numbers, pa.float64()), factor)
    if pa.types.is_floating(numbers.type):
        array = pc.cast(numbers, pa.float64()).to_numpy(zero_copy_only=False)
        null = ~np.isfinite(array)
        target.refuse((array != np.floor(array)) & ~null, values, "is not a whole number")
        inexact = (np.abs(array) > _EXACT_IN_FLOAT64) & ~null
        target.refuse(inexact, values, "holds floating-point numbers too large to be exact; write it as integers")
        numbers = pa.array(np.where(null, 0.0, array).astype(np.int64), mask=null)
    type_ = target.field.type
    try:
        numbers = numbers if numbers.type == type_ else numbers.cast(type_)
    except pa.ArrowInvalid:
        limits = np.iinfo(numpy_type(type_))
        outside = [number is not None and not limits.min <= number <= limits.max for number in numbers.to_pylist()]
        target.refuse(np.array(outside), values, f"is not within {limits.min} to {limits.max}")
        raise
    if target.name in _ZERO_IS_UNKNOWN:
        # Those of simulated objects are below 0.
        unknown = pc.equal(numbers, 0) if target.name == "ssObjectId" else pc.less_equal(numbers, 0)
        numbers = pc.if_else(unknown, pa.scalar(None, type_), numbers)
    if str(target.column.info["ucd"]).startswith("meta.number"):
        numbers = pc.if_else(pc.is_in(numbers, pa.array(_NO_COUNTS, type_)), pa.scalar(None, type_), numbers)
    return numbers


def _to_boolean(values: pa.Array, target: Target) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    if _is_text(values):
        folded = pc.utf8_lower(known_texts(values))
        true, false = (pc.is_in(folded, pa.array(words), skip_nulls=True) for words in _TRUE_AND_FALSE)
        true, false = (pc.if_else(folded.is_valid(), found, None) for found in (true, false))
        target.refuse(_mask(pc.invert(pc.or_(true, false))), values, "is not true or false")
        return true
    numbers = _numbers(values, pa.int64(), "true or false", target)
    array = pc.cast(numbers, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    null = ~np.isfinite(array)
    target.refuse(~np.isin(array, (0, 1)) & ~null, values, "is not true or false (1 or 0)")
    return pa.array(array == 1, mask=null)


def _to_text(values: pa.Array, target: Target) -> pa.Array:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    texts = known_texts(_cast(values, pa.string(), "text", target))
    if are_numbered_codes(target):
        texts = pc.utf8_lpad(texts, _CODE_LENGTH, "0")
    target.refuse(_mask(pc.match_substring(texts, "\0")), texts, "has a NUL character, which databases refuse")
    length = target.column.type.length  # type: ignore[attr-defined]
    if length is not None:
        target.refuse(_mask(pc.greater(pc.utf8_length(texts), length)), texts, f"is longer than {length} characters")
    return texts


def _to_timestamp(values: pa.Array, target: Target) -> pa.Array:
    type_ = target.field.type
    if _is_text(values):
        texts = pc.replace_substring_regex(values, r"(Z|[+]00:?00)\s*$", "")
        return _parsed(texts, type_, _DATE_AND_TIME, target)
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values, unit="microsecond")
    elif not pa.types.is_date(values.type):
        raise target.unusable(f"holds {values.type}, not {_DATE_AND_TIME}")
    return _cast(values, type_, _DATE_AND_TIME, target)
