"""Finds rows that cannot be stored: without a position, with an impossible time, duplicated, ...

All bad rows are said in one message, numbered as the data rows of the input, from 1. Unknown values are null; only in
required positions may NaN still stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, InputError, shown
from ssdb.ingest.table.values import POSITIONS
from ssdb.schema.arrow import with_column
from ssdb.schema.ranges import DEC, MJD, RA, SUN_RADIUS_AU, ranged
from ssdb.units import AU_KM, JD_OF_MJD_0, SECONDS_PER_DAY

_LOOKS_LIKE = (
    (
        MJD.low + JD_OF_MJD_0,
        MJD.high + JD_OF_MJD_0,
        "JD; MJD = JD - 2400000.5, or a column map's `convert: time, format: jd`",
    ),
    (1.0e8, 4.2e9, "seconds since 1970 (unix time); MJD = 40587 + seconds / 86400"),
    (4.2e9, MJD.high * SECONDS_PER_DAY, "MJD in seconds; MJD = seconds / 86400"),
    (1.0e11, 4.2e12, "milliseconds since 1970 (unix time)"),
    (1.0e17, 4.2e18, "nanoseconds since 1970 (unix time)"),
    (1900.0, 2101.0, "a year"),
)
"""Ranges (from, below) of other ways to count time. Those of unix time begin in 1973, and overlap with nothing."""

_CIRCULAR_KM_S = 29.785
"""The speed of a circular orbit round the Sun of 1 au."""

_NEAREST_AU = 1e-4
"""Orbits that come nearer to the Sun's centre fall into it, whatever the errors of their velocities."""

_FASTEST_KM_S = 1000.0
"""Nothing comes faster from another star, before the Sun accelerates it: the Galaxy itself could not hold it."""


class Problems:
    """Collects what is wrong with the rows of an input.

    ``label`` is the input's name in the message, ``n_rows`` how many rows are checked. Without ``numbers``, of shape
    (n_rows,), they are all of the input's. ``bad``, of shape (n_rows,), are the rows with at least one problem.
    """

    def __init__(self, label: str, n_rows: int, numbers: np.ndarray | None = None) -> None:
        self.label = label
        self.numbers = numbers
        self.bad = np.zeros(n_rows, dtype=bool)
        # By text, in the order of the checks and not of the rows: also what no row has, so far.
        self._found: dict[str, _Found] = {}

    def part(self, start: int, n_rows: int) -> Problems:
        """Some rows, from ``start`` (of all, from 0): what is wrong with them counts here."""
        numbers = np.arange(start + 1, start + n_rows + 1) if self.numbers is None else self.numbers[start:][:n_rows]
        part = Problems(self.label, 0, numbers)
        part.bad = self.bad[start : start + n_rows]
        part._found = self._found
        return part

    def add(self, bad: np.ndarray, text: str) -> None:
        """Notes the rows that have a problem (bool, shape (n_rows,)), such as "ra is not within -180 to 360 (deg)"."""
        found = self._found.setdefault(text, _Found())
        if bad.any():
            self.bad |= bad
            found.add(np.flatnonzero(bad) + 1 if self.numbers is None else self.numbers[bad])

    def raise_if_any(self) -> None:
        """Raises InputError that names the input, each problem, and the first rows that have it."""
        texts = [f"{text} ({named_rows(found.first, found.n)})" for text, found in self._found.items() if found.n]
        if texts:
            raise InputError(f"{self.label}: {'; '.join(texts)}")

    def usable(self) -> np.ndarray:
        """Numbers in the input of the rows without a problem."""
        return np.flatnonzero(~self.bad) + 1 if self.numbers is None else self.numbers[~self.bad]


class _Found:
    """The rows that have a problem: the first, and how many there are."""

    def __init__(self) -> None:
        self.first: list[int] = []
        self.n = 0

    def add(self, rows: np.ndarray) -> None:
        self.first += rows[: MOST_SHOWN - len(self.first)].tolist()
        self.n += len(rows)


def named_rows(rows: Sequence[int] | np.ndarray, n: int | None = None) -> str:
    """Row numbers for a message, all or the first of ``n``: ``"row 3"``, ``"rows 3, 17 and 240 more"``."""
    n = len(rows) if n is None else n
    return f"row{'s' if n > 1 else ''} {shown(rows, n=n)}"


def valid_rows(table: pa.Table, problems: Problems, skip_invalid: bool) -> tuple[pa.Table, int]:
    """The rows without a problem as of :func:`usable_rows`, and how many were left out.

    Raises InputError if there are problems and ``skip_invalid`` is not set.
    """
    if not skip_invalid:
        problems.raise_if_any()
    return usable_rows(table, problems.bad), int(problems.bad.sum())


def usable_rows(table: pa.Table, bad: np.ndarray) -> pa.Table:
    """Rows but for the bad ones, with their right ascension (ra, ephRa), if they have one, brought into [0, 360)."""
    rows = table.filter(pa.array(~bad)) if bad.any() else table
    for name in ("ra", "ephRa"):
        if name in rows.schema.names:
            rows = with_column(rows, name, normalised_ra(rows.column(name).to_numpy()), pa.float64())
    return rows


def check_not_null(problems: Problems, table: pa.Table, columns: Sequence[str]) -> None:
    """Notes rows without a value in columns that must have one."""
    for name in columns:
        problems.add(table.column(name).is_null().to_numpy(), f"{name} is missing")


def check_unique(problems: Problems, table: pa.Table, columns: Sequence[str], text: str) -> None:
    """Notes every row whose key, made of integer columns, a row before it has; one with a null in it repeats none."""
    columns_of_key = [table.column(name) for name in columns]
    known = np.logical_and.reduce([column.is_valid().to_numpy() for column in columns_of_key])
    keys = [pc.fill_null(column, 0).to_numpy().astype(np.int64, copy=False) for column in columns_of_key]
    problems.add(repeated(keys, known), text)


def repeated(keys: Sequence[np.ndarray], known: np.ndarray) -> np.ndarray:
    """Which rows have a key that a row before them has.

    ``keys`` are the columns of the key, ``known`` the rows that have one: int64 and bool, shape (n,).
    """
    bad = np.zeros(len(known), dtype=bool)
    rows = np.flatnonzero(_may_repeat(keys) & known)
    if len(rows):
        given = [key[rows] for key in keys]
        order = np.lexsort(given)  # stable: among equals the first row of the file stays first
        same = np.logical_and.reduce([key[order[1:]] == key[order[:-1]] for key in given])
        bad[rows[order[1:][same]]] = True
    return bad


class Distinct:
    """Whether identifiers that come in parts are all different, told from the smallest and largest of each part.

    Identifiers grow with time: parts of a file mostly have ranges of their own, and no identifier need be kept.
    """

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._repeats = False

    def add(self, identifiers: np.ndarray) -> None:
        """Takes the identifiers of a part: int64, shape (n,)."""
        if len(identifiers):
            self._repeats = self._repeats or bool(_may_repeat([identifiers]).any())
            self._ranges.append((int(identifiers.min()), int(identifiers.max())))

    @property
    def certain(self) -> bool:
        """Whether no identifier is there twice, for certain; if not, they have to be compared."""
        ranges = sorted(self._ranges)
        apart = all(last < first for (_, last), (first, _) in pairwise(ranges))
        return apart and not self._repeats


def _may_repeat(keys: Sequence[np.ndarray]) -> np.ndarray:
    """Rows that can have the key of another one: quick, and without the arrays that the order of all rows takes."""
    # Equal keys have equal sums (modulo 2^64), whatever the factor; this one is odd, and its bits look like any.
    key = keys[0]
    for further in keys[1:]:
        key = key * np.int64(-7046029254386353131) + further
    if (key[1:] > key[:-1]).all():  # most files have their identifiers in order: no copy of them is needed
        return np.zeros(len(key), bool)
    ordered = np.sort(key)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(key, twice) if len(twice) else np.zeros(len(key), bool)


def check_positions(
    problems: Problems, table: pa.Table, ra: str = "ra", dec: str = "dec", *, nulls_allowed: bool = False
) -> None:
    """Notes rows whose position (deg) is not on the sky: ra within -180 to 360, dec within -90 to 90.

    With ``nulls_allowed`` a position, or one of its two columns, may be unknown: null or not there, but never NaN.
    """
    for name, within in ((ra, RA), (dec, DEC)):
        if nulls_allowed and name not in table.schema.names:
            continue
        column = table.column(name)
        values = column.to_numpy()  # null becomes NaN, which is in no range
        bad = ~((values >= within.low) & (values <= within.high))
        if nulls_allowed:
            bad &= column.is_valid().to_numpy()
        problems.add(bad, f"{name} is not a number within {within} (deg)")


def check_ranges(problems: Problems, rows: pa.Table, table: sa.Table) -> None:
    """Notes rows with values that are out of the range that a table has for their column (``info["range"]``).

    Unknown values never are; positions are left to :func:`check_positions`.
    """
    looked_at = ranged(table)
    for index, name in enumerate(rows.schema.names):
        if name in POSITIONS or name not in looked_at:
            continue
        within, unit = looked_at[name]
        if within is MJD:
            check_times(problems, rows, name)
            continue
        for text, wrong in within.problems(name, unit, rows.column(index).to_numpy()):
            problems.add(wrong, text)


def check_motion(problems: Problems, rows: pa.Table) -> None:
    """Notes rows of predictions whose heliocentric vectors are those of nothing in the Solar System.

    Such are vectors in other units than au (helio_x, helio_y, helio_z, or helioRange in their place) and km/s
    (helio_vx, helio_vy, helio_vz): lengths that were divided by the kilometres of an au, velocities in au/d.
    """
    names = [f"helio_{axis}" for axis in ("x", "y", "z", "vx", "vy", "vz")]
    # Values out of their ranges are told as such, and have finite squares.
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        distance = _length(rows, names[:3])
        inside = distance < SUN_RADIUS_AU
        problems.add(inside, "helio_x, helio_y, helio_z lie inside the Sun: they must be in au")
        if not set(names[3:]) <= set(rows.schema.names):
            return
        distance = np.where(np.isnan(distance), _length(rows, ["helioRange"]), distance)
        speed = _length(rows, names[3:])
        slowest = _CIRCULAR_KM_S * np.sqrt(2 * _NEAREST_AU / (distance * (distance + _NEAREST_AU)))
        escape = np.sqrt(2 / distance) * _CIRCULAR_KM_S
        in_au_per_day = (speed < slowest) & (speed * AU_KM / SECONDS_PER_DAY < 2 * escape)
        too_fast = speed > np.hypot(escape, _FASTEST_KM_S)
    what = "helio_vx, helio_vy, helio_vz are {} than any orbit at that distance from the Sun: they must be in km/s"
    problems.add(in_au_per_day & ~inside, f"{what.format('slower')}, not in au/d")
    problems.add(too_fast & ~inside, what.format("faster"))


def _length(rows: pa.Table, names: Sequence[str]) -> np.ndarray:
    """The length of a vector whose components are in columns, NaN where one is unknown or not there."""
    if not set(names) <= set(rows.schema.names):
        return np.full(rows.num_rows, np.nan)
    return np.sqrt(sum(rows.column(name).to_numpy() ** 2 for name in names))


def normalised_ra(ra: np.ndarray) -> np.ndarray:
    """Right ascension (deg) brought into [0, 360): what is within comes back exactly as it is, NaN as NaN."""
    turned = np.mod(ra, 360.0)
    return np.where(turned == 360.0, 0.0, turned)  # the remainder of -1e-20 rounds to 360


def check_times(problems: Problems, table: pa.Table, column: str = "midpointMjdTai") -> None:
    """Notes rows whose time (MJD TAI) is not within 1900 to 2100, and says what it looks like. A null is no problem."""
    times = table.column(column)
    values = times.to_numpy()
    bad = ~((values >= MJD.low) & (values <= MJD.high)) & times.is_valid().to_numpy()
    text = f"{column} is not an MJD within {MJD}"
    for start, end, what in _LOOKS_LIKE:
        alike = bad & (values >= start) & (values < end)
        problems.add(alike, f"{text} but looks like {what}")
        bad &= ~alike
    problems.add(bad, text)
