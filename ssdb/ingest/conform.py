"""Columns of any file as the columns of a table of the data model: names, units, types, and NULL for unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError, quoted, shown
from ssdb.ingest.advice import map_of
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.sentinels import is_unknown, is_unknown_magnitude
from ssdb.table_notes import SCALE, UNREADABLE, about, unit_of
from ssdb.units import parsed_unit

_NO_TEXT = pa.array(["", "nan", "NaN", "NAN"])

_NEVER_ZERO = frozenset({"ephVmag"})
"""Magnitudes that are 0 only where nobody filled them in, as in tables of Rubin's."""

FROM, SINGLE = b"from", b"single"
"""In the metadata of what a map made: the name of the file's column; whether that has single precision."""

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
"""Columns that association, prediction or the sorting of rows rest on where they are there: none is left out for
being in a unit that cannot be converted."""

ZERO_IS_UNKNOWN = frozenset({"ssObjectId", "diaObjectId", "parentDiaSourceId"})
"""Identifiers that files set to 0 where there is none."""

_WORDS = (["true", "t", "yes", "y", "1"], ["false", "f", "no", "n", "0"])
"""What true and false are called in text: PostgreSQL's CSV has t and f."""
_TT_MINUS_TAI = 32.184 / 86400
"""Days, by definition; TDB is never 2 ms from TT."""

_EXACT_IN_FLOAT64 = 2.0**53
_DATE_AND_TIME = "a date and time of UTC in ISO 8601"
_MOST_COLUMNS_SHOWN = 40
_MOST_SHAPES = 256
"""So many lists of columns are remembered: files of one kind, and the detectors of a night, have the same."""


@dataclass(frozen=True, slots=True)
class Conformed:
    """A file's columns as those of a table.

    Attributes
    ----------
    table : pyarrow.Table
        The columns that both have, in the table's order, with the types and metadata of its Arrow schema.
    left_out : tuple of str
        Columns of the file that the data model does not have, or makes itself.
    without_unit : tuple of str
        Columns that have a unit in the data model and none in the file: taken to be in the data model's. Dates (MJD)
        are not among them.
    doubts : tuple of str
        Columns that are among those left out because they cannot be converted, and nothing needs them: what is wrong.
        What looks wrong with others and may be right.
    """

    table: pa.Table
    left_out: tuple[str, ...]
    without_unit: tuple[str, ...]
    doubts: tuple[str, ...] = ()


class _UnusableError(InputError):
    """A column as a whole, and not some of its values, cannot be converted."""


@dataclass(frozen=True, slots=True)
class _Target:
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

    def unusable(self, text: str) -> _UnusableError:
        return _UnusableError(f"{self.label}: column {self.file_column} {text}")

    def refuse(self, bad: np.ndarray, values: pa.Array, text: str) -> None:
        """Raises InputError that names the first bad rows with their values, if there are any."""
        rows = np.flatnonzero(bad)
        if len(rows):
            named = shown(f"row {row + 1}: {quoted(values[int(row)].as_py())}" for row in rows)
            raise self.error(f"{text} ({named}){self.cure(values[int(rows[0])].as_py())}")

    def cure(self, value: object = None) -> str:
        """The line of a column map that would help, to end a message with: of columns that are needed.

        Parameters
        ----------
        value : object
            One of the file's that cannot be taken.
        """
        if not self.mappable or self.column.nullable:
            return ""
        column = about(self.of_file, FROM) or self.file_column
        if _is_date(self):
            how = "convert: time, format: isot, scale: utc"
            return f"; a column map can convert it: `{self.name}: {{column: {column}, {how}}}`"
        if not self.unit:
            return f"; a column map can name another column: `{self.name}: COLUMN`"
        sexagesimal = isinstance(value, str) and len(value.replace(":", " ").split()) > 1
        unit = "hourangle" if sexagesimal and "ra" in self.name.lower() else self.unit
        return f"; a column map can say what it is: `{self.name}: {{column: {column}, unit: {unit}}}`"


def conform(
    table: pa.Table, target: sa.Table, label: str, *, filled: Collection[str] = (), mappable: bool = False
) -> Conformed:
    """Makes the columns of a file fit a table of the data model.

    - Names match exactly or, where only one column of the file fits, without regard to case.
    - Units are converted. A column without a unit, or with a dimensionless one, is taken to be in the data model's.
      Where the data model has none, the file's unit is not looked at.
    - Types are converted where nothing is lost but the precision of REAL columns.
    - What stands for "unknown" becomes null: NaN, infinities, -999 and -9999 (where the data model has floating-point
      numbers), 99, -99, 99.99 and the like in magnitudes, a predicted magnitude of 0, blank text, an error or an axis
      of an error ellipse that is not above zero, and 0 in the identifiers of other objects. Required positions keep
      such values, for the checks to name the rows.
    - Texts lose the blanks around them.

    Parameters
    ----------
    table : pyarrow.Table
        Columns of the file, units in the metadata of the fields.
    target : sqlalchemy.Table
        The table of the data model.
    label : str
        The file's name in messages.
    filled : collection of str
        Columns that must not be NULL and may be missing, because the caller fills them in.
    mappable : bool
        Whether messages may advise a column map.

    Returns
    -------
    Conformed

    Raises
    ------
    InputError
        If a required column is missing, a unit cannot be converted, or a value does not fit the type of its column.
    """
    # Asked for once: Arrow looks for a column by its name anew each time.
    given = {field.name: (field, column) for field, column in zip(table.schema, table.columns, strict=True)}
    sources = matched_names(tuple(given), target)
    missing = [column for column in _required(target) if column not in sources and column not in filled]
    if missing:
        there = shown(given, most=_MOST_COLUMNS_SHOWN)
        cure = map_of(missing, [name for name in given if name not in sources.values()]) if mappable else ""
        raise InputError(f"{label}: column {shown(missing, len(missing))} is missing; the file has: {there}{cure}")

    conformed = _schema(target, tuple(sources))
    columns, without_unit, doubts = {}, [], []
    for field in conformed:
        name, source = field.name, sources[field.name]
        of_file, values = given[source]
        to_make = _Target(field, target.columns[name], label, source, of_file, mappable)
        try:
            if reason := about(of_file, UNREADABLE):
                raise to_make.unusable(reason)
            factor = _unit_factor(unit_of(of_file), to_make) if to_make.unit else 1.0
            columns[name] = _converted(_one_array(values), factor or 1.0, to_make)
        except _UnusableError as error:
            if _is_needed(to_make):
                raise InputError(str(error)) from None
            doubts.append(f"{str(error).removeprefix(f'{label}: ')}: it is left out")
            continue
        if factor is None and not _is_date(to_make):
            without_unit.append(name)
        doubts += _single_precision(to_make)
    used = {sources[name] for name in columns}
    return Conformed(
        table=pa.Table.from_arrays(list(columns.values()), schema=_schema(target, tuple(columns))),
        left_out=tuple(name for name in given if name not in used),
        without_unit=tuple(without_unit),
        doubts=tuple(doubts),
    )


def _is_needed(target: _Target) -> bool:
    """Whether a column that cannot be converted is no small loss: without it rows would mean something else."""
    return not target.column.nullable or target.name in NEEDED


def _single_precision(target: _Target) -> list[str]:
    """What to tell of times and positions that have lost digits before they came here."""
    if not (pa.types.is_float32(target.of_file.type) or about(target.of_file, SINGLE)):
        return []
    if _is_date(target):
        return [f"{target.name} is in single precision, which is wrong by minutes: write it in double precision"]
    if target.name in POSITIONS and pa.types.is_float64(target.field.type):
        return [
            f"{target.name} is in single precision, which is wrong by up to 0.05 arcsec: write it in double precision"
        ]
    return []


@cache
def _required(target: sa.Table) -> list[str]:
    return [column.name for column in target.columns if not (column.nullable or column.computed)]


@lru_cache(_MOST_SHAPES)
def matched_names(names: tuple[str, ...], target: sa.Table) -> Mapping[str, str]:
    """Columns of the file by the name of the column of the data model that they are, in the data model's order."""
    wanted = arrow_schema(target).names
    matched = {name: name for name in wanted if name in names}
    rest = [name for name in names if name not in matched]
    of_file = Counter(name.lower() for name in rest)
    of_model = Counter(name.lower() for name in wanted)
    folded = {name.lower(): name for name in rest if of_file[name.lower()] == 1}
    for name in wanted:
        if name not in matched and of_model[name.lower()] == 1 and name.lower() in folded:
            matched[name] = folded[name.lower()]
    return MappingProxyType({name: matched[name] for name in wanted if name in matched})


@lru_cache(_MOST_SHAPES)
def _schema(target: sa.Table, names: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of some columns of a table."""
    model = arrow_schema(target)
    return pa.schema([model.field(name) for name in names])


def _is_date(target: _Target) -> bool:
    return "mjd" in target.name.lower() and target.unit == "d"


def _is_magnitude(target: _Target) -> bool:
    """Whether it is how bright something looks; absolute magnitudes have ranges, and what is out of them is told."""
    return str(target.column.info["ucd"]).startswith("phot.mag")


def _unit_factor(unit: str, target: _Target) -> float | None:
    """What to multiply with to come from a file's unit to the data model's; None if the file has no unit."""
    try:
        return _factor(unit, target.unit)
    except ValueError as error:
        raise target.unusable(f"has the unit {quoted(unit)}, which {error}{target.cure()}") from None


def unit_factor(unit: str, needed: str) -> float:
    """What to multiply with to come from a unit to the one that is needed; 1 where either is none.

    Raises
    ------
    ValueError
        With the rest of a sentence about the unit, if it is not known or of another kind.
    """
    return (_factor(unit, needed) or 1.0) if needed else 1.0


@cache
def _factor(unit: str, needed: str) -> float | None:
    from astropy import units as u

    if not unit:
        return None
    of_file = parsed_unit(unit)
    if isinstance(of_file, u.UnrecognizedUnit):
        raise ValueError(f"is not known; needed is {needed}")
    if of_file == u.dimensionless_unscaled:
        return None
    # A magnitude such as mag(AB) converts to a flux by no factor: that is for a column map (convert: ABmag).
    if isinstance(of_file, u.UnitBase) and of_file.is_equivalent(parsed_unit(needed)):
        return of_file.to(parsed_unit(needed))
    raise ValueError(f"cannot be converted to {needed}")


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _converted(values: pa.Array, factor: float, target: _Target) -> pa.Array:
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


def _cast(values: pa.Array, type_: pa.DataType, what: str, target: _Target) -> pa.Array:
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


def _stripped(values: pa.Array) -> pa.Array:
    """Text without the blanks around it, null where nothing is left, or NaN, which CSV files have for no text."""
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.is_in(trimmed, _NO_TEXT), pa.scalar(None, values.type), trimmed)


def _parsed(values: pa.Array, type_: pa.DataType, what: str, target: _Target) -> pa.Array:
    """Text as values of another type; blank text is null."""
    return _cast(_stripped(values), type_, what, target)


def _mask(values: pa.Array) -> np.ndarray:
    return pc.fill_null(values, False).to_numpy(zero_copy_only=False)


def _numbers(values: pa.Array, type_: pa.DataType, what: str, target: _Target) -> pa.Array:
    """Values of a kind that can hold numbers: integers and floating-point as they are, others as ``type_``."""
    if _is_text(values):
        return _parsed(values, type_, what, target)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return values
    if pa.types.is_boolean(values.type) or pa.types.is_decimal(values.type):
        return _cast(values, type_, what, target)
    example = "00:00:00" if pa.types.is_time(values.type) else None
    raise target.unusable(f"holds {values.type}, not {what}{target.cure(example)}")


def _to_float(values: pa.Array, factor: float, target: _Target) -> pa.Array:
    numbers = _numbers(values, pa.float64(), "a number", target)
    null = numbers.is_null().to_numpy(zero_copy_only=False) if numbers.null_count else np.zeros(len(numbers), bool)
    doubles = numbers if pa.types.is_float64(numbers.type) else pc.cast(numbers, pa.float64(), safe=False)
    array = doubles.to_numpy(zero_copy_only=False)  # null becomes NaN
    if not (target.name in POSITIONS and not target.column.nullable):
        null = null | (is_unknown_magnitude(array) if _is_magnitude(target) else is_unknown(array))
        if target.name in _NEVER_ZERO:
            null = null | (array == 0)
    if about(target.of_file, SCALE) and not target.name.endswith("Tai"):
        array = array + _TT_MINUS_TAI
    if factor != 1.0:
        with np.errstate(over="ignore"):  # infinity is in no range, and is refused with its row
            array = array * factor
    if pa.types.is_float32(target.field.type):
        with np.errstate(over="ignore"):
            rounded = array.astype(np.float32)
        target.refuse(np.isinf(rounded) & ~null, values, "is too large for single precision")
        array = rounded
    if target.name.endswith("Err") or (target.name.startswith("ephErr") and target.name != "ephErrPa"):
        null = null | (array <= 0)
    return pa.array(array, target.field.type, mask=null if null.any() else None)


def _to_integer(values: pa.Array, factor: float, target: _Target) -> pa.Array:
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
        limits = np.iinfo(type_.to_pandas_dtype())
        outside = [number is not None and not limits.min <= number <= limits.max for number in numbers.to_pylist()]
        target.refuse(np.array(outside), values, f"is not within {limits.min} to {limits.max}")
        raise
    if target.name in ZERO_IS_UNKNOWN:
        numbers = pc.if_else(pc.equal(numbers, 0), pa.scalar(None, type_), numbers)
    return numbers


def _to_boolean(values: pa.Array, target: _Target) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values
    if _is_text(values):
        folded = pc.utf8_lower(_stripped(values))
        true, false = (pc.is_in(folded, pa.array(words), skip_nulls=True) for words in _WORDS)
        true, false = (pc.if_else(folded.is_valid(), found, None) for found in (true, false))
        target.refuse(_mask(pc.invert(pc.or_(true, false))), values, "is not true or false")
        return true
    numbers = _numbers(values, pa.int64(), "true or false", target)
    array = pc.cast(numbers, pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    null = ~np.isfinite(array)
    target.refuse(~np.isin(array, (0, 1)) & ~null, values, "is not true or false (1 or 0)")
    return pa.array(array == 1, mask=null)


def _to_text(values: pa.Array, target: _Target) -> pa.Array:
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_finite(values), values, pa.scalar(None, values.type))
    texts = _stripped(_cast(values, pa.string(), "text", target))
    target.refuse(_mask(pc.match_substring(texts, "\0")), texts, "has a NUL character, which databases refuse")
    length = target.column.type.length  # type: ignore[attr-defined]
    if length is not None:
        target.refuse(_mask(pc.greater(pc.utf8_length(texts), length)), texts, f"is longer than {length} characters")
    return texts


def _to_timestamp(values: pa.Array, target: _Target) -> pa.Array:
    type_ = target.field.type
    if _is_text(values):
        texts = pc.replace_substring_regex(values, r"(Z|[+]00:?00)\s*$", "")
        return _parsed(texts, type_, _DATE_AND_TIME, target)
    if pa.types.is_timestamp(values.type):
        values = pc.floor_temporal(values, unit="microsecond")
    elif not pa.types.is_date(values.type):
        raise target.unusable(f"holds {values.type}, not {_DATE_AND_TIME}")
    return _cast(values, type_, _DATE_AND_TIME, target)
