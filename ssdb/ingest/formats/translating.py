"""What the translations of other tables of orbits into rows of mpc_orbits share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.identity.identify import identify
from ssdb.identity.packed_arrays import packed_of
from ssdb.ingest.formats.orbit_block import PACKED, ROWS_PER_BLOCK, UNPACKED, Part, usable_epochs
from ssdb.schema.sentinels import known_texts
from ssdb.units import Array, Mask

JD = 2_400_000.5
_MJD_OF_1970 = 40587
_GREGORIAN_FROM = np.datetime64("1582-10-15")


def numbers(table: pa.Table, name: str) -> Array:
    """A column of numbers, shape (n,); NaN where there is none."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table.column(name).cast(pa.float64(), safe=False).to_numpy(), dtype=float)


def texts(table: pa.Table, name: str) -> pa.Array:
    """A column as text without blanks around it; NULL where there is none."""
    if name not in table.column_names:
        return pa.nulls(table.num_rows, pa.string())
    return known_texts(table.column(name).cast(pa.string()).combine_chunks())


def designated(given: pa.Array) -> dict[str, pa.Array]:
    """The columns of designations in mpc_orbits, of texts that :func:`ssdb.identity.designation.pack` takes."""
    ids, unpacked = identify(given.fill_null(""), strict=False)
    return {PACKED: packed_of(ids), UNPACKED: pa.array(unpacked, pa.string(), mask=ids == 0)}


def rows_of(columns: Mapping[str, Any]) -> pa.Table:
    """A table of Arrow arrays and of arrays of numbers, in which NaN becomes NULL."""
    return pa.table(
        {
            name: values if isinstance(values, pa.Array) else pa.array(values, from_pandas=True)
            for name, values in columns.items()
        }
    )


def mjd_of(times: Array) -> Array:
    """MJD of times that are JD, as far as they are; the others as they are."""
    return np.where(usable_epochs(times - JD), times - JD, times)


def mjd_of_dates(year: Array, month: Array, day: Array) -> Array:
    """MJD of dates, each of shape (n,), with fractions of days; NaN where there is no such date.

    Until 4 October 1582 they are of the Julian calendar, from the day after on, which is the 15th, of the Gregorian.
    """
    whole = (month == np.floor(month)) & (year == np.floor(year)) & (np.abs(year) < 10_000)
    good = whole & (month >= 1) & (month <= 12) & (day >= 1) & (day < 32)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0).astype("datetime64[M]")
    first = months.astype("datetime64[D]")
    dates = first + np.where(good, np.floor(day) - 1, 0).astype("timedelta64[D]")
    days = first.astype(float) + np.where(good, day, np.nan) - 1 + _MJD_OF_1970
    since = np.where(month > 2, year, year - 1)
    shift = np.floor(since / 100) - np.floor(since / 400) - 2
    in_month = dates.astype("datetime64[M]") == months
    return np.where(good & in_month, np.where(dates < _GREGORIAN_FROM, days + shift, days), np.nan)


def parts_of_records(records: Iterable[Mapping[str, Any]], names: Sequence[str]) -> Iterator[Part]:
    """Records, such as JSON has them, as parts of a table: some of their values, as numbers or text."""
    before, kept = 0, list[list[Any]]()
    for record in records:
        kept.append([record.get(name) for name in names])
        if len(kept) == ROWS_PER_BLOCK:
            yield part_of_values(kept, names, before)
            before, kept = before + len(kept), []
    if kept or not before:
        yield part_of_values(kept, names, before)


def part_of_values(rows: list[list[Any]], names: Sequence[str], before: int) -> Part:
    """Rows of values as a part of a table, behind ``before`` others; without columns that have no value."""
    columns = zip(names, zip(*rows, strict=True), strict=True) if rows else ()
    there = {name: _column(values) for name, values in columns if any(value is not None for value in values)}
    table = pa.table(there or {names[0]: pa.nulls(len(rows), pa.string())})
    return table, before + 1 + np.arange(len(rows)), []


def _column(values: Sequence[Any]) -> pa.Array:
    """Numbers, or texts where one of the values is none."""
    try:
        return pa.array(values, pa.float64())
    except (pa.ArrowException, TypeError, ValueError):
        return pa.array([v if v is None or isinstance(v, str) else str(v) for v in values], pa.string())


def as_mask(values: pa.Array) -> Mask:
    """Logical values as an array, False where there is none."""
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)
