"""Ties the rows of an input to their visits: visits that are not stored, times, and visits made from rows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.equal_rows import require_ascending
from ssdb.errors import InputError, UnknownVisitsError, UsageError, option, shown
from ssdb.ingest.table.checks import Problems
from ssdb.ingest.table.input import OpenInput
from ssdb.schema.arrow import ids, with_column
from ssdb.schema.survey import visit
from ssdb.store.tables.visits import create_visits, lock_creation, lock_visits
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged

TAKEN = ("band", "exposureTime", "instrument", "observatoryCode")
"""Columns of the rows that visits take."""

_FEW_ROWS = 20
"""From fewer rows than this nothing is concluded about their unit."""


class FirstLook:
    """What is kept of the usable rows of an input that is gone through for the first time.

    ``ra`` and ``dec`` are their columns of position (deg).
    """

    def __init__(self, ra: str, dec: str) -> None:
        self._position = (ra, dec)
        self._largest = np.zeros(2)
        self._times: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        """Takes some more rows."""
        self._times.append(rows_of_extremes(rows))
        largest = [np.abs(rows.column(name).to_numpy()).max(initial=0.0) for name in self._position]
        self._largest = np.maximum(self._largest, largest)

    @property
    def times(self) -> pa.Table:
        """The times of each visit as of :func:`rows_of_extremes`."""
        return rows_of_extremes(pa.concat_tables(self._times))

    def doubts(self, without_unit: Collection[str], n_rows: int) -> tuple[str, ...]:
        """Whether positions without a unit look like radians, which the degrees of a small field near 0h could be."""
        ra, dec = self._position
        if ra not in without_unit or dec not in without_unit or n_rows < _FEW_ROWS:
            return ()
        if (self._largest > (2 * np.pi, np.pi / 2)).any():
            return ()
        return (f"{ra} and {dec} look like radians, and were taken for degrees: a column map can state `unit: rad`",)


def lock_visits_of(
    connection: sa.Connection, name: str, visits: np.ndarray, *, creatable: bool = False
) -> dict[str, np.ndarray]:
    """Locks the visits of an input's rows; ``visit`` (ascending) and ``midpointMjdTai`` (MJD TAI) of these.

    Raises UnknownVisitsError if one is not in the database; ``creatable`` says whether the user can have them made.
    """
    known = lock_visits(connection, visits)
    refuse_unknown_visits(name, visits, known["visit"], creatable=creatable)
    return known


def refuse_unknown_visits(name: str, visits: np.ndarray, known: np.ndarray, *, creatable: bool = False) -> None:
    """Raises UnknownVisitsError if rows belong to visits that are not among the known ones (ascending)."""
    unknown = np.unique(visits[~rows_of_visits(visits, known)[1]])
    if len(unknown):
        create = f", or say {option('--create-visits', 'create_visits=True')}" if creatable else ""
        raise UnknownVisitsError(
            f"{name}: {len(unknown):,} visits are not in the database ({shown(unknown)}): ingest them first{create}",
            unknown.tolist(),
        )


def refuse_not_covered(name: str, rows: pa.Table, covers: tuple[int, int]) -> None:
    """Raises InputError if rows are not of the visit and detector that their input is said to cover.

    Rows of predictions are of no detector. UsageError if ``covers`` is no pair.
    """
    if len(covers) != 2:
        raise UsageError(f"covers= must be (visit, detector), not {covers!r}")
    for column, covered in zip(("visit", "detector"), covers, strict=True):
        values = ids(rows, column) if column in rows.schema.names else np.empty(0, np.int64)
        others = values[values != covered]
        if len(others):
            which = shown(np.unique(others))
            raise InputError(f"{name}: there are rows of {column} {which}, and only {covered} is to be loaded")


def rows_of_visits(rows: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the visit of each row stands among the known ones, and whether it is one of them.

    The known ones ascend; DatabaseError where they do not.
    """
    require_ascending("visits", known)
    if not len(known):
        return np.zeros(len(rows), int), np.zeros(len(rows), bool)
    index = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return index, known[index] == rows


# ---- times ---------------------------------------------------------------------------------------------------------


def fill_midpoints(table: pa.Table, name: str, known: Mapping[str, np.ndarray], numbers: np.ndarray) -> pa.Table:
    """Fills in unknown ``midpointMjdTai`` (MJD TAI) of rows from their visits.

    ``known`` has ``visit`` (ascending) and ``midpointMjdTai`` of the visits of all rows, ``numbers`` those of the rows
    in the input of this name. Raises InputError if a time is further from its visit's than a prediction may be moved.
    """
    problems = Problems(name, table.num_rows, numbers)
    _check_near_visits(problems, table, known)
    problems.raise_if_any()
    of_visit = _midpoints(table, known)
    if "midpointMjdTai" in table.schema.names:
        given = table.column("midpointMjdTai").to_numpy()
        of_visit = np.where(np.isnan(given), of_visit, given)
    return with_column(table, "midpointMjdTai", of_visit, pa.float64())


def refuse_far(opened: OpenInput, times: pa.Table, known: Mapping[str, np.ndarray]) -> None:
    """Raises InputError that names the usable rows whose time is not that of their visit, as :func:`fill_midpoints`.

    ``times`` are as of :func:`rows_of_extremes`, perhaps also of rows that are not usable.
    """
    text = _check_near_visits(Problems(opened.name, times.num_rows), times, known)
    if text is None:
        return
    numbers = opened.problems.usable()
    far = Problems(opened.name, len(numbers), numbers)
    start = 0
    for _, rows in opened.usable(("visit", "midpointMjdTai")):
        _check_near_visits(far.part(start, rows.num_rows), rows, known, text)
        start += rows.num_rows
    far.raise_if_any()


def _check_near_visits(
    problems: Problems, table: pa.Table, known: Mapping[str, np.ndarray], text: str | None = None
) -> str | None:
    """Notes rows whose time, if they have one, is not that of their visit.

    Returns what was noted, if anything: ``text``, or what names the first such row's visit.
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
            f"{table.column('visit')[row]} is at {of_visit[row]:.6f} (MJD TAI), and is given with "
            f"{given[row]:.6f}"
        )
    problems.add(far, text)
    return text


def _midpoints(table: pa.Table, known: Mapping[str, np.ndarray]) -> np.ndarray:
    return known["midpointMjdTai"][rows_of_visits(ids(table, "visit"), known["visit"])[0]]


def rows_of_extremes(rows: pa.Table) -> pa.Table:
    """A few rows for each visit, from which the same visits are created as from all.

    They have ``visit`` and, if the rows have it, ``midpointMjdTai``: the least, the largest and, if it is among them,
    NULL; of the columns that visits take the largest values.
    """
    times = [("midpointMjdTai", how) for how in ("min", "max")] if "midpointMjdTai" in rows.column_names else []
    taken = [(name, "max") for name in TAKEN if name in rows.column_names]
    counted: Any = [*times, *taken, *((name, "count") for name, _ in times[:1]), ("visit", "count")]
    grouped = rows.group_by("visit").aggregate(counted)
    of_visit = {"visit": grouped.column("visit")} | {name: grouped.column(f"{name}_max") for name, _ in taken}
    if not times:
        return pa.table(of_visit)
    ends = [pa.table(of_visit | {"midpointMjdTai": grouped.column(f"midpointMjdTai_{end}")}) for _, end in times]
    timeless = pc.less(grouped.column("midpointMjdTai_count"), grouped.column("visit_count"))
    unknown = pa.nulls(grouped.num_rows, pa.float64())
    return pa.concat_tables([*ends, pa.table(of_visit | {"midpointMjdTai": unknown}).filter(timeless)])


# ---- new visits ----------------------------------------------------------------------------------------------------


def create_missing_visits(connection: sa.Connection, name: str, rows: pa.Table, needed: str) -> int:
    """Makes the visits that are not stored, at the middle of the times of their rows; returns how many.

    Rows have ``visit``, ``midpointMjdTai`` (MJD TAI) and any of the columns that visits take. The connection has locked
    no visit yet. InputError if a row of such a visit has no time; it tells what is ``needed`` to create visits.
    """
    # Nothing may be locked before the creation is, and most files have nothing to create.
    if not _without_visit(connection, rows).num_rows:
        return 0
    lock_creation(connection)
    new = _without_visit(connection, rows)
    if not new.num_rows:
        return 0
    if "midpointMjdTai" not in rows.column_names or new.column("midpointMjdTai").null_count:
        raise InputError(f"{name}: visits can only be created from {needed}")
    # The middle of the times, not their mean, whose last bits would depend on the order of the rows.
    wanted = [("midpointMjdTai", "min"), ("midpointMjdTai", "max")]
    wanted += [(column, "max") for column in TAKEN if column in new.column_names]
    made = new.group_by("visit").aggregate(wanted)
    first, last = (made.column(f"midpointMjdTai_{end}").to_numpy() for end in ("min", "max"))
    columns = {"visit": made.column("visit"), "midpointMjdTai": pa.array((first + last) / 2)}
    columns |= {column: made.column(f"{column}_{how}") for column, how in wanted if column != "midpointMjdTai"}
    create_visits(connection, pa.table(columns))
    return made.num_rows


def _without_visit(connection: sa.Connection, rows: pa.Table) -> pa.Table:
    """The rows whose visits are not stored."""
    of_rows = ids(rows, "visit")
    with staged(connection, visit, pa.table({"visit": pa.array(np.unique(of_rows))})) as wanted:
        stored = sa.select(visit.c.visit).where(visit.c.visit.in_(sa.select(wanted.c.visit))).order_by(visit.c.visit)
        known = read_arrays(connection, stored)["visit"]
    return rows.filter(pa.array(~rows_of_visits(of_rows, known)[1]))
