"""The rows of a source that are usable, a part at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ssdb.ingest.table.checks import Problems
from ssdb.ingest.table.parts import Parts
from ssdb.ingest.table.report import check_near_visits


class Usable(NamedTuple):
    """The usable rows of a table in memory.

    Attributes
    ----------
    rows : pyarrow.Table
    numbers : ndarray of int, shape (n,)
        Numbers of the rows in the table, from 1.
    doubts : tuple of str
        What looks wrong and may be right.
    """

    rows: pa.Table
    numbers: np.ndarray
    doubts: tuple[str, ...]


def numbered(parts: Parts, only: Collection[str] | None = None) -> Iterator[tuple[int, pa.Table]]:
    """The parts of a source, each with the number of rows before it; ``only`` as for :meth:`Parts.tables`."""
    start = 0
    for part in parts.tables(only):
        yield start, part
        start += part.num_rows


def usable(
    parts: Parts, problems: Problems, only: Collection[str] | None = None
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """The rows without a problem, a part at a time, and their numbers in the source."""
    for start, rows in numbered(parts, only):
        of_part = problems.part(start, rows.num_rows)
        yield of_part.usable(), without(rows, of_part.bad)


def without(rows: pa.Table, bad: np.ndarray) -> pa.Table:
    """Rows but for some."""
    return rows.filter(pa.array(~bad)) if bad.any() else rows


def refuse_far(parts: Parts, problems: Problems, times: pa.Table, known: Mapping[str, np.ndarray]) -> None:
    """Raises InputError that names the usable rows whose time is not that of their visit, if there are any.

    Parameters
    ----------
    parts : Parts
        The source.
    problems : Problems
        Which of its rows are not usable.
    times : pyarrow.Table
        The extremes of the times of each visit, as of :func:`ssdb.ingest.table.new_visits.rows_of_extremes`; perhaps
        also of rows that are not usable.
    known : mapping
        ``visit`` (ascending) and ``midpointMjdTai`` of the visits.
    """
    of_extremes = Problems(parts.name, times.num_rows)
    text = check_near_visits(of_extremes, times, known)
    if text is None:
        return
    numbers = problems.usable()
    far = Problems(parts.name, len(numbers), numbers)
    start = 0
    for _, rows in usable(parts, problems, ("visit", "midpointMjdTai")):
        check_near_visits(far.part(start, rows.num_rows), rows, known, text)
        start += rows.num_rows
    far.raise_if_any()
