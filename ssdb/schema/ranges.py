"""The range of each numeric column: what no right value is outside of, by definition or physics.

Each column of floating-point numbers has its range in ``info["range"]``: the one it is given, or that of its kind here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.units import SECONDS_PER_DAY, Columns, Mask

MIN_PACKED_LENGTH = 5
"""Characters of the packed number of a minor planet; no other packed designation is so short."""
MAX_PACKED_LENGTH = 8
"""Packed designations of at most this many characters fit in 64 bits."""


@dataclass(frozen=True, slots=True)
class Range:
    """From ``low`` to ``high``, both of them in it; ``above`` leaves ``low`` itself out."""

    low: float
    high: float
    above: bool = False

    def __str__(self) -> str:
        return f"{'above ' if self.above else ''}{_shown(self.low)} to {_shown(self.high)}"

    def problems(self, name: str, unit: str, values: NDArray[Any]) -> Iterator[tuple[str, Mask]]:
        """What may be wrong with values, shape (n,), and which values have it; NaN is unknown, and never wrong."""
        texts = _texts(self, name, unit)
        if self.above:
            yield texts[0], values <= self.low
            yield texts[1], values > self.high
        else:
            yield texts[0], (values < self.low) | (values > self.high)


@cache
def _texts(within: Range, name: str, unit: str) -> tuple[str, ...]:
    of_unit = f" ({unit})" if unit else ""
    if within.above:
        return f"{name} is not above {_shown(within.low)}", f"{name} is above {_shown(within.high)}{of_unit}"
    return (f"{name} is not within {within}{of_unit}",)


def _shown(number: float) -> str:
    """A number in few digits, if they are all that it has."""
    return short if float(short := f"{number:g}") == number else f"{number:.15g}"


RA = Range(-180.0, 360.0)
DEC = Range(-90.0, 90.0)
ANGLE = Range(-360.0, 720.0)
"""Of angles that some count from -180 and others on from 360."""

MJD = Range(15020.0, 88070.0)
"""Modified Julian dates of the years 1900 to 2100."""

EPOCHS = Range(-112_800.0, 288_970.0)
"""Modified Julian dates of the years 1550 to 2650, which DE440 covers: beyond them no orbit can be used."""

EXPOSURE_TIME = Range(0.0, SECONDS_PER_DAY)
"""Seconds: up to a day, in which the Earth turns once."""

LARGEST_AU = 1e6
"""Some five parsecs: the next stars are nearer."""

LIGHT_KM_S = 299_792.458

SUN_RADIUS_AU = 0.0046
"""A little less than it is."""

_SINGLE = float(np.finfo(np.float32).max)
_DOUBLE = 1e100
"""Its square, and that of a sum of three, is finite."""

_BY_KIND = {
    ("pos.eq.ra", "deg"): RA,
    ("pos.eq.dec", "deg"): DEC,
    ("pos.posAng", "deg"): ANGLE,
    ("time.epoch", "d"): MJD,
    ("time.processing", "d"): MJD,
    # What is about to hit the Earth moves by 10,000 deg/d a minute before, and by this at 400 km and 12 km/s.
    ("pos.pm", "deg/d"): Range(-1e5, 1e5),
    ("pos.cartesian", "AU"): Range(-LARGEST_AU, LARGEST_AU),
    ("phys.veloc", "km/s"): Range(-LIGHT_KM_S, LIGHT_KM_S),
    ("phot.mag", "mag"): Range(-50.0, 100.0),
    ("phys.magAbs", "mag"): Range(-30.0, 60.0),
    ("stat.fit.chi2", ""): Range(0.0, 1e30),
    ("meta.number;instr.pixel", ""): Range(0.0, 2.0**31 - 1),
    ("phys.angSize;instr.pixel", "pix"): Range(0.0, 2.0**31 - 1),
}
"""By the beginning of the UCD, and the unit."""


def range_of_kind(sql_type: Any, unit: str, ucd: str) -> Range | None:
    """The range of a kind of column; for other floating-point numbers, those that can be computed with."""
    for (begin, of_unit), its_range in _BY_KIND.items():
        if unit == of_unit and ucd.startswith(begin):
            return its_range
    if isinstance(sql_type, sa.REAL | sa.Double):
        largest = _SINGLE if isinstance(sql_type, sa.REAL) else _DOUBLE
        return Range(-largest, largest)
    return None


@cache
def ranges_of(table: sa.Table) -> dict[str, tuple[Range, str]]:
    """The columns of a table that have a range, with that and their unit."""
    return {c.name: (c.info["range"], c.info["unit"]) for c in table.columns if c.info["range"] is not None}


@cache
def ranged(table: sa.Table) -> dict[str, tuple[Range, str]]:
    """As :func:`ranges_of`, without the columns whose type cannot hold what is out of their range."""
    return {name: its for name, its in ranges_of(table).items() if its[0] != Range(-_SINGLE, _SINGLE)}


def out_of_range(table: sa.Table, columns: Columns) -> dict[str, Mask]:
    """Which values of columns of a table, shape (n,), are out of their ranges, by what is wrong with them.

    What is wrong begins with the name of the column; a problem that no value has is left out.
    """
    known = ranges_of(table)
    found: dict[str, Mask] = {}
    for name, values in columns.items():
        if name in known:
            within, unit = known[name]
            found |= {text: wrong for text, wrong in within.problems(name, unit, values) if wrong.any()}
    return found


def absurd_unknown(table: sa.Table, columns: Columns) -> tuple[Columns, dict[str, Mask]]:
    """Columns with NaN in place of values that are out of range, and which these were, by what is wrong with them."""
    problems = out_of_range(table, columns)
    cleaned = dict(columns)
    for text, wrong in problems.items():
        name = text.split(" ", 1)[0]
        cleaned[name] = np.where(wrong, np.nan, cleaned[name]).astype(cleaned[name].dtype)
    return cleaned, {f"{text}: taken for unknown": wrong for text, wrong in problems.items()}


def reasons_of(problems: Mapping[str, Mask]) -> dict[int, str]:
    """The first problem of each row that has one."""
    reasons: dict[int, str] = {}
    for text, rows in problems.items():
        for row in np.flatnonzero(rows).tolist():
            reasons.setdefault(row, text)
    return reasons
