"""Converts columns as a column map says: magnitudes to fluxes, times to MJD TAI, sexagesimal angles to degrees, ...

Each takes whole columns, and raises InputError that begins with ``where``: the file and the column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError, quoted, shown
from ssdb.io.table_notes import SCALE
from ssdb.io.units import parsed_unit
from ssdb.schema.sentinels import is_unknown, is_unknown_magnitude

_LARGEST = 2**63 - 1
_POSITIVE = ("t", "true", "1", "1.0", "+", "+1")
_NEGATIVE = ("f", "false", "0", "0.0", "-", "-1", "-1.0")
_SEXAGESIMAL = (
    r"^\s*(?P<sign>[-+−]?)\s*(?P<whole>\d{1,3})\s*[:hd°\s]\s*(?P<minutes>[0-5]?\d)"
    r"(?:\s*[:m'′\s]\s*(?P<seconds>[0-5]?\d(?:\.\d*)?)\s*(?:s|\"|″|'')?|\s*[m'′])?\s*$"
)
"""Hours or degrees, minutes and perhaps seconds, apart by colons, blanks or their units."""


def fluxes(magnitudes: pa.ChunkedArray, sign: pa.ChunkedArray | None, where: str, where_sign: str) -> pa.Array:
    """Flux densities (nJy) of AB magnitudes, with the sign that another column says."""
    values = _flux(_magnitudes(magnitudes, where))
    return _as_nulls(values if sign is None else values * signs(sign, where_sign))


def flux_errors(errors: pa.ChunkedArray, magnitudes: pa.ChunkedArray, where: str, where_magnitude: str) -> pa.Array:
    """Errors of flux densities (nJy) of those of AB magnitudes, to first order."""
    values = _flux(_magnitudes(magnitudes, where_magnitude)) * np.log(10.0) / 2.5 * _magnitudes(errors, where)
    return _as_nulls(values)


def signed(column: pa.ChunkedArray, sign: pa.ChunkedArray, where: str, where_sign: str) -> pa.Array:
    """Absolute values with the sign that another column says; NULL where one of the two is unknown."""
    return _as_nulls(np.abs(_floats(column, where)) * signs(sign, where_sign))


def signs(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """1.0 where a column says yes (t, true, 1, +), -1.0 where it says no (f, false, 0, -, -1), NaN where unknown."""
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(column.cast(pa.string())))
    positive, negative = (np.asarray(pc.is_in(texts, pa.array(words))) for words in (_POSITIVE, _NEGATIVE))
    unknown = pc.fill_null(pc.is_in(texts, pa.array(["", "nan"])), True).to_numpy() | texts.is_null().to_numpy()
    wrong = np.flatnonzero(~(positive | negative | unknown))
    if len(wrong):
        named = shown(f"row {row + 1}: {quoted(column[row].as_py())}" for row in wrong.tolist())
        raise InputError(f"{where} must say the sign by t, true, 1, + or f, false, 0, -, -1 ({named})")
    return np.where(positive, 1.0, np.where(negative, -1.0, np.nan))


def is_negative(column: pa.ChunkedArray, where: str) -> pa.Array:
    """Whether a column that says the sign (see :func:`signs`) says that it is negative; null where unknown."""
    found = signs(column, where)
    return pa.array(found < 0, mask=np.isnan(found))


def _floats(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Numbers as float64, NaN where unknown."""
    try:
        values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{where} must hold numbers to be converted: {error}") from None
    return np.where(is_unknown(values), np.nan, values)


def _magnitudes(column: pa.ChunkedArray, where: str) -> np.ndarray:
    values = _floats(column, where)
    return np.where(is_unknown_magnitude(values), np.nan, values)


def _as_nulls(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _flux(magnitudes: np.ndarray) -> np.ndarray:
    """Flux densities (nJy) of AB magnitudes: -2.5 lg(erg s-1 cm-2 Hz-1) - 48.6 (Oke & Gunn 1983), 3630.78 Jy at 0."""
    from astropy import units as u

    return u.ABmag.to(u.nJy, magnitudes)


def replaced(column: pa.ChunkedArray, values: Mapping[Any, Any], where: str) -> pa.Array:
    """The values that a map has for those of a column; null and blank text stay null."""
    found = pc.unique(column).to_pylist()
    by_text: dict[str, Any] = {}
    for spell in (written, _plainest):
        for key, value in values.items():
            by_text.setdefault(spell(key), value)
    becomes: dict[Any, Any] = {None: None}
    for value in found:
        known = next((text for text in _spellings(value) if text in by_text), None)
        if known is not None:
            becomes[value] = by_text[known]
        elif value != value or written(value) == "":
            becomes[value] = None
    unknown = [value for value in found if value == value and value not in becomes]
    if unknown:
        raise InputError(
            f"{where} has the value {shown(map(quoted, unknown))}, which is not among "
            f"{shown(dict.fromkeys(map(written, values)), 40)}"
        )
    codes = pc.index_in(column, pc.unique(column)).combine_chunks()
    return pa.array([None if value is None else becomes.get(value) for value in found]).take(codes)


def written(value: object) -> str:
    """A value as it is written: in the YAML that it is from, else by Python; without blanks around it."""
    return str(getattr(value, "written", value)).strip()


def _plainest(value: object) -> str:
    """The same text for 1, 1.0, "1" and "01", and for yes and no however they are written."""
    text = written(value)
    if text.lower() in ("true", "false"):
        return text.lower()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else text


def _spellings(value: object) -> tuple[str, ...]:
    """How a map may write a value of a file: a file may have 1 where the map has 1.0, or true where it has t or 1."""
    if isinstance(value, bool):
        return ("true", "t", "1") if value else ("false", "f", "0")
    return written(value), _plainest(value)


def mjd_tai(column: pa.ChunkedArray, field: pa.Field, format_: str, scale: str, where: str) -> pa.Array:
    """Times as MJD TAI (days); null where unknown.

    ``format_`` and ``scale`` are those of :class:`astropy.time.Time`. What the reader of the input has recognised as
    times is MJD TAI already, dates need no format, and texts may have a blank or a T before the time and, in UTC, a Z
    behind it.
    """
    from astropy.time import Time
    from astropy.utils import iers

    if (field.metadata or {}).get(SCALE):
        return column
    named, values, known = format_, np.array([]), np.array([], bool)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        named, values = "datetime64", column.to_numpy()
        known = ~np.isnat(values)
    elif pa.types.is_string(column.type):
        texts = pc.utf8_trim_whitespace(column)
        known = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy()
        if format_ in _SEPARATORS:
            texts = pc.replace_substring_regex(texts, r"^(\S{8,})[T ]+(\d)", rf"\1{_SEPARATORS[format_]}\2")
            texts = pc.replace_substring_regex(texts, r"Z$", "") if scale == "utc" else texts
        values = np.array(texts.fill_null("").to_pylist(), dtype=str)
        if format_ in _NUMBERS:
            values = _floats(
                pc.if_else(pa.chunked_array([pa.array(known)]), texts, pa.scalar(None, pa.string())), where
            )
            known = np.isfinite(values)
    else:
        values = _floats(column, where)
        known = np.isfinite(values)
    mjd = np.full(len(values), np.nan)
    if not known.any():
        return _as_nulls(mjd)
    try:
        with iers.conf.set_temp("auto_download", False):  # UT1 needs the Earth's rotation: as astropy came with it
            mjd[known] = Time(values[known], format=named, scale=scale).tai.mjd
    except Exception as error:  # astropy raises whatever the parser of a format stumbles over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{where} is not a time of format {format_}, scale {scale}: {reason}") from None
    return _as_nulls(mjd)


_SEPARATORS = {"isot": "T", "fits": "T", "iso": " "}
_NUMBERS = ("jd", "mjd", "unix", "unix_tai", "gps", "jyear", "decimalyear", "byear", "cxcsec")
"""Formats of astropy that are numbers: text in them is read as such."""


def degrees(column: pa.ChunkedArray, unit: str, where: str) -> pa.ChunkedArray | pa.Array:
    """Sexagesimal text (10:20:30.5, -05 12 00, 10h20m30.5s) in hours or degrees as degrees.

    Text of plain numbers, and what is neither text nor the times of day that a reader of CSV made of it, is returned as
    it is.
    """
    from astropy import units as u

    if pa.types.is_time(column.type):
        column = column.cast(pa.string())
    if not pa.types.is_string(column.type) or not parsed_unit(unit).is_equivalent(u.deg):
        return column
    texts = pc.utf8_trim_whitespace(column)
    parts = pc.extract_regex(texts, _SEXAGESIMAL)
    plain = pc.fill_null(pc.match_substring_regex(texts, r"^[-+]?[\d.]+([eE][-+]?\d+)?$|^$"), True)
    if pc.all(plain, min_count=0).as_py():
        return column
    wrong = np.flatnonzero((parts.is_null() if isinstance(parts, pa.Array) else pc.is_null(parts)).to_numpy())
    known = pc.fill_null(pc.not_equal(texts, ""), False).to_numpy()
    wrong = wrong[known[wrong]]
    if len(wrong):
        named = shown(f"row {row + 1}: {quoted(column[row].as_py())}" for row in wrong.tolist())
        raise InputError(f"{where} is not an angle such as 10:20:30.5 in {unit} ({named})")
    one = parts.combine_chunks() if isinstance(parts, pa.ChunkedArray) else parts
    fields = {name: pc.struct_field(one, name) for name in ("sign", "whole", "minutes", "seconds")}
    numbers = [
        pc.cast(pc.if_else(pc.equal(fields[name], ""), "0", fields[name]), pa.float64()).to_numpy(zero_copy_only=False)
        for name in ("whole", "minutes", "seconds")
    ]
    negative = np.asarray(pc.fill_null(pc.is_in(fields["sign"], pa.array(["-", "−"])), False))
    values = numbers[0] + numbers[1] / 60 + numbers[2] / 3600
    in_degrees = float(f"{parsed_unit(unit).to(u.deg):.12g}")  # astropy's 15 is not exact
    return _as_nulls(np.where(negative, -values, values) * in_degrees)


def identifiers(columns: Mapping[str, pa.Array | pa.ChunkedArray], below: Sequence[int], label: str) -> pa.Array:
    """Identifiers (int64) that whole numbers make together, none the same for two different rows of numbers.

    Each number but the first is ``below`` one: (first * below[0] + second) * below[1] + third and so on; null where one
    of the numbers is.
    """
    made: np.ndarray | None = None
    known = np.array([], bool)
    for (name, values_of), limit in zip(columns.items(), (None, *below), strict=True):
        column = pa.chunked_array([values_of]) if isinstance(values_of, pa.Array) else values_of
        try:
            numbers = (pc.utf8_trim_whitespace(column) if pa.types.is_string(column.type) else column).cast(pa.int64())
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise InputError(f"{label}: column {name} must hold whole numbers to make identifiers: {error}") from None
        valid = numbers.is_valid().to_numpy()
        values = numbers.fill_null(0).to_numpy()
        if made is None:
            made, known = np.zeros(len(values), np.int64), valid
        known = known & valid
        _refuse_rows(values < 0, values, f"{label}: column {name} is below 0, and cannot make identifiers")
        if limit is not None:
            text = f"{label}: column {name} is not below {limit}, so that identifiers would be the same for other rows"
            _refuse_rows(values >= limit, values, text)
            text = f"{label}: the identifier is beyond 64 bits with {name}: make the numbers of below smaller"
            _refuse_rows(made > (_LARGEST - values) // limit, made, text)
        made = values if limit is None else made * limit + values
    assert made is not None
    return pa.array(made, mask=~known)


def _refuse_rows(wrong: np.ndarray, values: np.ndarray, text: str) -> None:
    if wrong.any():
        named = shown(f"row {row + 1}: {values[row]}" for row in np.flatnonzero(wrong).tolist())
        raise InputError(f"{text} ({named})")
