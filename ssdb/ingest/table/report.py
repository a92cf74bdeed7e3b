"""What every ingest does at the door: read, map, conform, and report what it did."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.errors import InputError, option, shown
from ssdb.ingest.table.checks import Problems
from ssdb.ingest.table.conform import Conformed
from ssdb.ingest.table.parts import Columns, open_parts

_FEW_ROWS = 20
"""From fewer rows than this nothing is concluded about their unit."""

Source = Any
"""A path, or a table in memory: astropy, pyarrow, pandas, or a mapping of columns."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did. ``new``, ``changed`` and ``unchanged`` are ``rows`` together.

    Attributes
    ----------
    source : str
        The file.
    kind : str
        visits, detectors, sources, predictions, orbits or identifications.
    rows : int
        Rows that are stored now.
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
    new : int
        Rows whose key (visit, detector, source, object) was not stored.
    changed : int
        Rows that were stored with other values.
    unchanged : int
        Rows that were stored as they are.
    older : int
        Of the rows left out, the orbits of objects of which a newer or better one is stored.
    """

    source: str
    kind: str
    rows: int
    visits: int
    invalid: int = 0
    left_out: tuple[str, ...] = ()
    without_unit: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)


def read_conformed(
    source: Source,
    target: sa.Table,
    columns: Columns,
    *,
    filled: Collection[str] = (),
    ignored: Collection[str] = (),
    read: Callable[[Any], pa.Table] | None = None,
    mappable: bool = True,
) -> tuple[str, Conformed]:
    """Reads a file as a whole and makes its columns those of a table.

    The parameters are those of :func:`ssdb.ingest.table.parts.open_parts`.

    Returns
    -------
    (str, Conformed)
        The source's name for messages, and its columns; ``doubts`` has all that there is to tell.
    """
    parts = open_parts(
        source, target, columns, filled=filled, ignored=ignored, read=read, at_once=True, mappable=mappable
    )
    (table,) = parts.tables()
    return parts.name, Conformed(table, parts.left_out, parts.without_unit, doubts=parts.doubts)


def with_column(table: pa.Table, name: str, values: Any, type_: pa.DataType) -> pa.Table:
    """A table with a column replaced or added; NaN becomes NULL."""
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type_, from_pandas=True)
    index = table.schema.get_field_index(name)
    if index < 0:
        return table.append_column(pa.field(name, type_), array)
    return table.set_column(index, table.schema.field(index), array)


def doubts_about_units(
    without_unit: Collection[str], names: tuple[str, str], largest: tuple[float, float], n_rows: int
) -> tuple[str, ...]:
    """Whether positions without a unit look like radians, which the degrees of a small field near 0h could be too.

    Parameters
    ----------
    without_unit : collection of str
        Columns that have no unit.
    names : (str, str)
        Those of right ascension and declination.
    largest : (float, float)
        Their largest absolute values, of all rows.
    n_rows : int
        How many rows there are.
    """
    ra, dec = names
    if ra not in without_unit or dec not in without_unit or n_rows < _FEW_ROWS:
        return ()
    if largest[0] > 2 * np.pi or largest[1] > np.pi / 2:
        return ()
    return (f"{ra} and {dec} look like radians, and were taken for degrees: a column map can state `unit: rad`",)


def largest_of(table: pa.Table, names: tuple[str, str]) -> tuple[float, float]:
    """The largest absolute values of two columns without NULLs; 0 if there are no rows."""
    ra, dec = (float(np.abs(table.column(name).to_numpy()).max(initial=0.0)) for name in names)
    return ra, dec


def ids(table: pa.Table, name: str) -> np.ndarray:
    """A column of integers without NULLs as int64."""
    return table.column(name).to_numpy().astype(np.int64)


def rows_of_visits(rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the visit of each row stands among the known ones (ascending), and whether it is one of them."""
    if not len(known):
        return np.zeros(len(rows), int), np.zeros(len(rows), bool)
    index = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return index, known[index] == rows


def refuse_unknown_visits(name: str, visits: np.ndarray, known: np.ndarray, *, creatable: bool = False) -> None:
    """Raises InputError if rows belong to visits that are not in the database.

    Parameters
    ----------
    creatable : bool
        Whether the user can have them made.
    """
    unknown = np.unique(visits[~rows_of_visits(visits, known)[1]])
    if len(unknown):
        create = f", or say {option('--create-visits', 'create_visits=True')}" if creatable else ""
        raise InputError(
            f"{name}: {len(unknown):,} visits are not in the database ({shown(unknown)}): ingest them first{create}"
        )


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
    problems = Problems(name, table.num_rows, numbers)
    check_near_visits(problems, table, known)
    problems.raise_if_any()
    of_visit = _midpoints(table, known)
    if "midpointMjdTai" in table.schema.names:
        given = table.column("midpointMjdTai").to_numpy()
        of_visit = np.where(np.isnan(given), of_visit, given)
    return with_column(table, "midpointMjdTai", of_visit, pa.float64())


def check_near_visits(
    problems: Problems, table: pa.Table, known: Mapping[str, np.ndarray], text: str | None = None
) -> str | None:
    """Notes rows whose time, if they have one, is not that of their visit; see :func:`fill_midpoints`.

    Returns
    -------
    str or None
        What was noted, if anything: ``text``, or what names the first such row's visit.
    """
    if "midpointMjdTai" not in table.schema.names:
        return None
    given, of_visit = table.column("midpointMjdTai").to_numpy(), _midpoints(table, known)
    far = np.abs(given - of_visit) > MAX_TIME_DIFFERENCE_DAYS
    if not far.any():
        return None
    if text is None:
        row = int(far.argmax())
        text = (
            f"midpointMjdTai is more than {MAX_TIME_DIFFERENCE_DAYS} d from the visit's mid-exposure: visit "
            f"{table.column('visit')[row]} is stored with {of_visit[row]:.6f} (MJD TAI), and is given with "
            f"{given[row]:.6f}"
        )
    problems.add(far, text)
    return text


def _midpoints(table: pa.Table, known: Mapping[str, np.ndarray]) -> np.ndarray:
    return known["midpointMjdTai"][rows_of_visits(ids(table, "visit"), known["visit"])[0]]
