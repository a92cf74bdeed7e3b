"""What every ingest does at the door: read, map, conform, and report what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.errors import InputError, shown
from ssdb.files import label, read_columns
from ssdb.ingest.checks import Problems
from ssdb.ingest.column_map import ColumnMap
from ssdb.ingest.conform import Conformed, conform

_FEW_ROWS = 20
"""From fewer rows than this nothing is concluded about their unit."""

Source = Any
"""A path, or a table in memory: astropy, pyarrow, pandas, or a mapping of columns."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest stored.

    Attributes
    ----------
    source : str
        The file.
    kind : str
        visits, detectors, sources or predictions.
    rows : int
        Rows stored.
    visits : int
        Exposures that the rows belong to.
    invalid : int
        Rows left out because they are not usable (only on request; otherwise they are an error).
    left_out : tuple of str
        Columns of the file that the data model does not have.
    without_unit : tuple of str
        Columns without a unit in the file, taken to be in the data model's.
    doubts : tuple of str
        What looks wrong and may be right.
    """

    source: str
    kind: str
    rows: int
    visits: int
    invalid: int = 0
    left_out: tuple[str, ...] = ()
    without_unit: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)


def read_conformed(
    source: Source,
    target: sa.Table,
    columns: ColumnMap | Mapping[str, Any] | str | os.PathLike[str] | None,
    *,
    filled: Collection[str] = (),
    ignored: Collection[str] = (),
    strings: Collection[str] = (),
    read: Callable[[Any], pa.Table] | None = None,
) -> tuple[str, Conformed]:
    """Reads a file and makes its columns those of a table.

    Parameters
    ----------
    source : path or table
        What to read.
    target : sqlalchemy.Table
        Whose columns it becomes.
    columns : ColumnMap, mapping, path or None
        How the file's columns become the table's, where they do not by themselves.
    filled : collection of str
        Columns that must not be NULL and that the caller fills in.
    ignored : collection of str
        Columns of the table that are not for the file to give.
    strings : collection of str
        Columns to be read as text whatever they look like.
    read : callable, optional
        Reader of a foreign format, instead of :func:`ssdb.files.read_columns`.

    Returns
    -------
    (str, Conformed)
        The source's name for messages, and its columns.
    """
    name = label(source)
    column_map = None if columns is None else _column_map(columns)
    if read is not None:
        table = read(source)
    else:
        mapped = {} if column_map is None else column_map.columns
        # The file's own names of the columns that are text.
        text = [mapped[column].column if column in mapped else column for column in strings]
        table = read_columns(source, strings=[column for column in text if column is not None])
    if column_map is not None:
        table = column_map.apply(table, name)
    folded = {column.lower() for column in ignored}
    dropped = [column for column in table.column_names if column.lower() in folded]
    conformed = conform(table.drop_columns(dropped), target, name, filled=filled)
    left_out = (*conformed.left_out, *dropped)
    return name, Conformed(table=conformed.table, left_out=left_out, without_unit=conformed.without_unit)


def _column_map(columns: ColumnMap | Mapping[str, Any] | str | os.PathLike[str]) -> ColumnMap:
    if isinstance(columns, ColumnMap):
        return columns
    if isinstance(columns, Mapping):
        return ColumnMap.from_dict(dict(columns))
    return ColumnMap.read(columns)


def with_column(table: pa.Table, name: str, values: Any, type_: pa.DataType) -> pa.Table:
    """A table with a column replaced or added; NaN becomes NULL."""
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type_, from_pandas=True)
    index = table.schema.get_field_index(name)
    if index < 0:
        return table.append_column(pa.field(name, type_), array)
    return table.set_column(index, table.schema.field(index), array)


def doubts_about_units(table: pa.Table, without_unit: Collection[str], ra: str, dec: str) -> tuple[str, ...]:
    """Whether positions without a unit look like radians, which the degrees of a small field near 0h could be too."""
    if ra not in without_unit or dec not in without_unit or table.num_rows < _FEW_ROWS:
        return ()
    largest_ra, largest_dec = (np.abs(table.column(name).to_numpy()).max() for name in (ra, dec))
    if largest_ra > 2 * np.pi or largest_dec > np.pi / 2:
        return ()
    return (f"{ra} and {dec} look like radians, and were taken for degrees: a column map can state `unit: rad`",)


def ids(table: pa.Table, name: str) -> np.ndarray:
    """A column of integers without NULLs as int64."""
    return table.column(name).to_numpy().astype(np.int64)


def rows_of_visits(rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the visit of each row stands among the known ones (ascending), and whether it is one of them."""
    if not len(known):
        return np.zeros(len(rows), int), np.zeros(len(rows), bool)
    index = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return index, known[index] == rows


def refuse_unknown_visits(name: str, visits: np.ndarray, known: np.ndarray, advice: str) -> None:
    """Raises InputError if rows belong to visits that are not in the database."""
    unknown = np.unique(visits[~rows_of_visits(visits, known)[1]])
    if len(unknown):
        raise InputError(f"{name}: {len(unknown):,} visits are not in the database ({shown(unknown)}): {advice}")


def fill_midpoints(table: pa.Table, name: str, known: Mapping[str, np.ndarray], numbers: np.ndarray) -> pa.Table:
    """Fills in unknown ``midpointMjdTai`` from the visits, and refuses times that are not of their visits.

    Parameters
    ----------
    table : pyarrow.Table
        With ``visit`` and, perhaps with NULLs or not at all, ``midpointMjdTai`` (MJD TAI).
    name : str
        The source's name for messages.
    known : mapping
        ``visit`` (ascending) and ``midpointMjdTai`` of the visits; all those of the table.
    numbers : ndarray of int
        Numbers of the rows in the file.

    Raises
    ------
    InputError
        If a time is further from its visit's than a prediction may be moved.
    """
    index, _ = rows_of_visits(ids(table, "visit"), known["visit"])
    of_visit = known["midpointMjdTai"][index]
    if "midpointMjdTai" not in table.column_names:
        return with_column(table, "midpointMjdTai", of_visit, pa.float64())
    given = table.column("midpointMjdTai").to_numpy()
    problems = Problems(name, len(given), numbers)
    far = np.abs(given - of_visit) > MAX_TIME_DIFFERENCE_DAYS
    problems.add(far, f"midpointMjdTai is more than {MAX_TIME_DIFFERENCE_DAYS} d from the visit's mid-exposure")
    problems.raise_if_any()
    return with_column(table, "midpointMjdTai", np.where(np.isnan(given), of_visit, given), pa.float64())
