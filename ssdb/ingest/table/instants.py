"""Reads when rows were written (created_at, updated_at), as text, dates or counts since 1970."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_TYPE = pa.timestamp("us")
_DATE_AND_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?)?$"
_OF_UTC = r"(Z|[+]00(:?00)?)$"
"""What PostgreSQL and others write behind a time of UTC."""

_UNKNOWN = pa.array(["", "0", "0.0", "nan", "nat", "null", "none", r"\n"])

_FROM, _TO = 315_532_800, 4_102_444_800
"""Of the years 1980 to 2099, s since 1970: a count within them says of itself in which unit it is."""

_PER_SECOND = (1, 1_000, 1_000_000, 1_000_000_000)


def instants_of(column: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """Instants as timestamps of UTC, and which of them cannot be read; NULL there and where there is none.

    The column has text (ISO 8601, UTC), dates, timestamps, or numbers: s, ms, us or ns since 1970, as alerts and JSON
    have them. 0 is unknown.
    """
    type_ = column.type
    if pa.types.is_string(type_):
        return _of_text(column)
    if pa.types.is_timestamp(type_) or pa.types.is_date(type_):
        return pc.cast(column, _TYPE, safe=False), np.zeros(len(column), bool)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return _of_counts(pc.cast(column, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    return pa.nulls(len(column), _TYPE), column.is_valid().to_numpy(zero_copy_only=False)


def _of_text(texts: pa.Array) -> tuple[pa.Array, np.ndarray]:
    texts = pc.replace_substring_regex(pc.ascii_trim_whitespace(texts), _OF_UTC, "")
    texts = pc.if_else(pc.is_in(pc.ascii_lower(texts), _UNKNOWN), pa.scalar(None, pa.string()), texts)
    bad = pc.invert(pc.match_substring_regex(texts, _DATE_AND_TIME))
    bad = pc.fill_null(bad, False)
    texts = pc.if_else(bad, pa.scalar(None, pa.string()), texts)
    try:
        return texts.cast(_TYPE), bad.to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:  # the 31st of April: each by itself, which is rare
        values = [_one(text) for text in texts.to_pylist()]
        wrong = [text is not None and value is None for text, value in zip(texts.to_pylist(), values, strict=True)]
        return pa.array(values, _TYPE), bad.to_numpy(zero_copy_only=False) | np.array(wrong, bool)


def _one(text: str | None) -> object:
    try:
        return pa.scalar(text, pa.string()).cast(_TYPE).as_py()
    except pa.ArrowInvalid:
        return None


def _of_counts(counts: np.ndarray) -> tuple[pa.Array, np.ndarray]:
    microseconds = np.full(len(counts), np.nan)
    for per_second in _PER_SECOND:
        here = (counts >= _FROM * per_second) & (counts < _TO * per_second)
        microseconds = np.where(here, np.round(counts * (1_000_000 / per_second)), microseconds)
    readable = np.isfinite(microseconds)
    instants = pa.array(np.where(readable, microseconds, 0.0).astype(np.int64), pa.int64(), mask=~readable)
    return instants.cast(_TYPE), ~readable & np.isfinite(counts) & (counts != 0)
