"""Numbers as text, rounded for people; JSON, CSV and files have all digits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

_DECIMALS = {
    "d": 6,
    "deg": 5,
    "arcsec": 3,
    "mag": 3,
    "nJy": 2,
    "AU": 6,
    "au": 6,
    "deg/d": 5,
    "arcsec/h": 3,
    "km/s": 4,
    "s": 3,
    "pix": 2,
    "h": 3,
}
"""Decimals by the unit of a column: 0.09 s, 0.04 arcsec, ..."""

_OF_COMMANDS: dict[str, int | None] = {"seconds": 3, "psfMag": 3}
"""Decimals of columns that are in no table, but in what commands tell."""

_OF_POSITIONS = 7
"""Decimals of degrees of a position: 0.4 milliarcseconds."""

_WITHOUT_DECIMALS = ".6g"
"""Of other units, and of numbers without one."""

_UNKNOWN = ".12g"
"""Of columns that nobody knows, which may be anything: 10 ms of an MJD, 4 microarcseconds of an angle."""
_UNKNOWN_LARGE = ".15g"
"""Of those that may be Julian dates."""

_FEWEST = 2
"""A column whose largest value would have fewer digits is shown by significant ones."""


def as_text(value: Any) -> str:
    """A value of a row as text, with all its digits: NULL as nothing, bytes as hexadecimal."""
    if value is None:
        return ""
    return value.hex() if isinstance(value, bytes) else str(value)


def texts(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    """Rows as texts: numbers to the digits of their columns' units, NULL and what is no number as nothing.

    Columns of the data model are known by their names; others get twelve significant digits.
    """
    if not rows:
        return []
    made = [_column(name, values) for name, values in zip(columns, zip(*rows, strict=True), strict=True)]
    return [list(row) for row in zip(*made, strict=True)]


def _column(name: str, values: Sequence[Any]) -> list[str]:
    finite = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value)]
    shape = _shape(name, max(finite, default=0.0))
    return [_one(value, shape) for value in values]


def _one(value: Any, shape: str) -> str:
    if isinstance(value, float):
        if math.isnan(value):
            return ""
        # An identifier, perhaps, that went through a function of SQL.
        if shape == _UNKNOWN and value.is_integer() and abs(value) < 2**53:
            return str(int(value)) + ".0"
        return format(value, _UNKNOWN_LARGE if shape == _UNKNOWN and abs(value) >= 1e6 else shape)
    return value.isoformat(" ", "seconds") if isinstance(value, datetime) else as_text(value)


def _shape(name: str, largest: float) -> str:
    """How the numbers of a column are written."""
    known = _decimals_of_columns()
    if name not in known:
        return _UNKNOWN
    decimals = known[name]
    if decimals is None:
        return _WITHOUT_DECIMALS
    return ".4g" if 0 < largest < 10.0 ** (_FEWEST - 1 - decimals) else f".{decimals}f"


@cache
def _decimals_of_columns() -> dict[str, int | None]:
    """Decimals of the columns of all tables, views and ready-made questions, by name."""
    from ssdb.ask.named_queries import named_queries
    from ssdb.store.ddl.views import known_columns

    of_queries = {name: column for query in named_queries().values() for name, column in query.columns.items()}
    of_columns = {name: _decimals(**column.info) for name, column in (of_queries | known_columns()).items()}
    return of_columns | _OF_COMMANDS


def _decimals(unit: str, ucd: str, **_: Any) -> int | None:
    return _OF_POSITIONS if unit == "deg" and ucd.startswith("pos.eq") else _DECIMALS.get(unit)
