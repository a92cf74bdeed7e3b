"""Loads sources (detections on exposures) into DiaSource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, InputError, option, shown
from ssdb.ingest.table.checks import (
    Distinct,
    Problems,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    named_rows,
    repeated,
    usable_rows,
    valid_rows,
)
from ssdb.ingest.table.comparison import Comparison, compare, keys_of
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.doubts import Gathered
from ssdb.ingest.table.input import Input, OpenInput, UsableRows
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.table.visits_of_rows import (
    TAKEN,
    FirstLook,
    create_missing_visits,
    fill_midpoints,
    lock_visits_of,
    refuse_far,
    refuse_not_covered,
)
from ssdb.io.input_file import input_of
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import ids, with_column
from ssdb.schema.ranges import ranged
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions, giving_back_locks, statistics_outgrown
from ssdb.store.query_plans import Visits, named
from ssdb.store.tables import sources as table_of_sources
from ssdb.store.tables.dia_changes import objects_change
from ssdb.store.tables.identifiers import places_of
from ssdb.store.tables.results import clear_results
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress

_DETECTOR = ["visit", "detector"]
_FILLED = ("detector", "midpointMjdTai")
_IGNORED = ("ssObjectId", "ssObjectReassocTimeMjdTai")
_LOOKED_AT = ("diaSourceId", *_DETECTOR, *TAKEN, *ranged(dia_source))
_TWICE = "diaSourceId is there twice"


def ingest_sources(
    database: Database,
    source: Input,
    *,
    columns: Any = None,
    replace: bool = False,
    skip_invalid: bool = False,
    create_visits: bool = False,
    covers: tuple[int, int] | None = None,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the sources of visits, and sets the visits and detectors concerned back to pending.

    InputError if the input is not usable. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of DiaSource: at least diaSourceId,
        visit, ra and dec (ICRS). Without detector it is 0, without midpointMjdTai (MJD TAI) the visit's.
        ssObjectId is left out: association finds it.
    columns : ColumnMap, mapping or path, optional
        How the input's columns become those of DiaSource.
    replace : bool
        First remove all sources of the (visit, detector) pairs that the input has, and what was derived for those
        visits.
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the input.
    create_visits : bool
        Make visits that are not stored, at the middle of their sources' times, and their band and exposure time.
    covers : (int, int), optional
        The visit and detector of which the input has all sources, even if it has no rows: ``replace`` concerns
        these. Rows of another one are an error.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    opened = OpenInput(input_of(source, table, type), dia_source, columns, filled=_FILLED, ignored=_IGNORED)
    if replace:
        opened.refuse_incomplete("replace")
    found = _looked_through(opened, skip_invalid)
    detectors = found.detectors
    if covers is not None:
        refuse_not_covered(opened.name, detectors, covers)
        detectors = pa.table({"visit": pa.array(covers[:1], pa.int64()), "detector": pa.array(covers[1:], pa.int16())})
    visits = np.unique(ids(detectors, "visit"))
    with database.writing() as connection:
        if create_visits:
            create_missing_visits(connection, opened.name, found.times, "sources that have midpointMjdTai")
        known = lock_visits_of(connection, opened.name, visits, creatable=True)
        refuse_far(opened, found.times, known)
        compared = _compared(connection, opened, found, known)
        if not replace and compared.differ.any():
            _refuse_stored(connection, opened, found.extremes, compared=compared)
        told = found.doubts(opened.without_unit, found.n_rows)
        if replace or not found.n_rows or not compared.same.all():
            told += _store(
                connection, opened, found.extremes, detectors, known, None if replace else compared, progress
            )
        grown = statistics_outgrown(connection, dia_source, visits, found.n_rows)
    if grown:
        analyze_partitions(database, dia_source, visits, found.n_rows)
    return opened.report("sources", found.n_rows, len(visits), told, **compared.counts())


def usable_sources(name: str, table: pa.Table, *, skip_invalid: bool = False) -> UsableRows:
    """The sources of a table as they would be stored, but for unknown times.

    ``name`` is where they are from, for messages; the columns are as for :func:`ingest_sources`. With ``skip_invalid``
    rows that are not usable are left out, otherwise they are an InputError.
    """
    given = table.drop_columns([column for column in _IGNORED if column in table.schema.names])
    conformed = conform(given, dia_source, name, filled=_FILLED)
    rows = _with_detector(conformed.table)
    problems = Problems(name, rows.num_rows)
    _check(problems, rows)
    check_unique(problems, rows, ["diaSourceId"], _TWICE)
    rows, _ = valid_rows(rows, problems, skip_invalid)
    return UsableRows(rows, problems.usable(), conformed.doubts)


def _with_detector(rows: pa.Table) -> pa.Table:
    if "detector" in rows.schema.names:
        return rows
    return with_column(rows, "detector", np.zeros(rows.num_rows), pa.int16())


def _check(problems: Problems, rows: pa.Table) -> None:
    """Notes what is wrong with rows by themselves."""
    check_not_null(problems, rows, ["diaSourceId", *_DETECTOR])
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_source)


# ---- looking through the input, before anything is written ---------------------------------------------------------


class _FirstLook(FirstLook):
    """What is kept of the usable rows: also how many there are, their detectors and the range of their identifiers."""

    def __init__(self) -> None:
        super().__init__("ra", "dec")
        self.n_rows = 0
        self._ends: list[int] = []
        self._detectors: list[pa.Table] = []

    def add(self, rows: pa.Table) -> None:
        super().add(rows)
        self._detectors.append(_distinct_detectors(rows))
        self.n_rows += rows.num_rows
        if rows.num_rows:
            given = ids(rows, "diaSourceId")
            self._ends += [int(given.min()), int(given.max())]

    @property
    def extremes(self) -> tuple[int, int]:
        """The smallest and the largest diaSourceId; 0 without any."""
        return min(self._ends, default=0), max(self._ends, default=0)

    @property
    def detectors(self) -> pa.Table:
        """The (visit, detector) pairs, each once."""
        return _distinct_detectors(pa.concat_tables(self._detectors))


def _looked_through(opened: OpenInput, skip_invalid: bool) -> _FirstLook:
    """Checks all rows by themselves and among each other."""
    distinct, found = Distinct(), _FirstLook()
    for problems, rows in opened.parts(_LOOKED_AT):
        rows = _with_detector(rows)
        _check(problems, rows)
        distinct.add(rows.column("diaSourceId").drop_null().to_numpy())
        found.add(usable_rows(rows, problems.bad))
    twice = np.zeros(opened.n_rows, bool) if distinct.certain else _twice(opened)
    opened.problems.add(twice, _TWICE)
    if not skip_invalid:
        opened.problems.raise_if_any()
    if twice.any():  # known only now: what was found with these rows does not hold
        found = _FirstLook()
        for _, rows in opened.usable(_LOOKED_AT):
            found.add(_with_detector(rows))
    return found


def _twice(opened: OpenInput) -> np.ndarray:
    """Which rows have a diaSourceId that a row before them has: for this all of them are in memory."""
    columns = [rows.column("diaSourceId") for _, rows in opened.parts(("diaSourceId",))]
    known = np.concatenate([column.is_valid().to_numpy() for column in columns])
    return repeated([np.concatenate([column.fill_null(0).to_numpy() for column in columns])], known)


def _distinct_detectors(rows: pa.Table) -> pa.Table:
    return rows.select(_DETECTOR).group_by(_DETECTOR).aggregate([])


# ---- writing -------------------------------------------------------------------------------------------------------


def _rows(opened: OpenInput, known: Mapping[str, np.ndarray], gathered: Gathered | None = None) -> Iterator[pa.Table]:
    """The rows as they are to be stored, a part at a time."""
    for numbers, usable in opened.usable():
        rows = _with_detector(usable)
        yield fill_midpoints(rows, opened.name, known, numbers)
        if gathered is not None:
            gathered.add(rows)


def _store(
    connection: sa.Connection,
    opened: OpenInput,
    extremes: tuple[int, int],
    detectors: pa.Table,
    known: Mapping[str, np.ndarray],
    compared: Comparison | None,
    progress: Progress | None,
) -> tuple[str, ...]:
    """Writes the rows but for those that are stored as they are; without ``compared`` replaces those of the detectors.

    Returns what is doubtful about them.
    """
    changed = np.ones(detectors.num_rows, bool) if compared is None else _with_new_rows(opened, detectors, compared)
    pairs = {"visit": ids(detectors, "visit"), "detector": ids(detectors, "detector").astype(np.int16)}
    numbers = np.unique(pairs["visit"])
    visits = named(numbers)
    concerned = named(np.unique(pairs["visit"][changed]))
    with array_rows(connection, "given_detector", pairs | {"changed": changed.astype(np.int16)}) as given:
        gathered = Gathered(connection, visits, known, ("ra", "dec"))
        rows, n_rows = _rows(opened, known, gathered), int(np.count_nonzero(~opened.problems.bad))
        if compared is None:
            clear_results(connection, visits)
            wanted = sa.select(given.c.visit, given.c.detector)
            removed = sa.tuple_(dia_source.c.visit, dia_source.c.detector).in_(wanted)
            with objects_change(connection, visits, removed, removed=True):
                table_of_sources.remove_sources(connection, given, visits)
            _refuse_stored(connection, opened, extremes)
        else:
            rows, n_rows = compared.but_same(rows), int(np.count_nonzero(~compared.same))
        table_of_sources.append(connection, given, numbers, concerned, rows, n_rows, progress)
        _refuse_stored(connection, opened, extremes, visits)
    return gathered.doubts("sources")


def _with_new_rows(opened: OpenInput, detectors: pa.Table, compared: Comparison) -> np.ndarray:
    """Which of the detectors have rows that are not stored, or are there without any."""
    if not compared.same.any():
        return np.ones(detectors.num_rows, bool)
    given = (_with_detector(rows).select(_DETECTOR) for _, rows in opened.usable(_DETECTOR))
    new = _distinct_detectors(pa.concat_tables(compared.but_same(given)))
    every, changed = (keys_of([ids(pairs, name) for name in _DETECTOR]) for pairs in (detectors, new))
    return np.isin(every, changed)


# ---- what is stored already ------------------------------------------------------------------------------------------


def _compared(
    connection: sa.Connection, opened: OpenInput, found: _FirstLook, known: Mapping[str, np.ndarray]
) -> Comparison:
    """Which rows are stored already, wherever, and which of them as they are in the input."""
    given, stored = _stored(connection, opened, found.extremes)
    there = np.isin(given, stored["diaSourceId"]) if stored else np.zeros(found.n_rows, bool)
    return compare(connection, dia_source, ("diaSourceId", "visit"), there, _rows(opened, known))


def _stored(
    connection: sa.Connection, opened: OpenInput, extremes: tuple[int, int], but_of: Visits | None = None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The diaSourceId of the usable rows, in order; and diaSourceId, visit and detector of those that are stored.

    Both are empty where none is stored. ``extremes`` are the smallest and the largest diaSourceId of the usable rows;
    sources of the visits ``but_of`` do not count. The connection has locked the visits.
    """
    nothing: tuple[np.ndarray, dict[str, np.ndarray]] = np.empty(0, np.int64), {}
    if opened.problems.bad.all():
        return nothing
    # Identifiers grow with time, so that a new night mostly overlaps with nothing: one look at the ranges, and none at
    # the input, of which no identifiers are in memory any more.
    places = places_of(connection, *extremes, but_of)
    if not places:
        return nothing
    given = np.concatenate([ids(rows, "diaSourceId") for _, rows in opened.usable(("diaSourceId",))])
    stored = _found(connection, given, places)
    return (given, stored) if len(stored["visit"]) else nothing


def stored_sources(connection: sa.Connection, given: np.ndarray) -> np.ndarray:
    """Which of some diaSourceId, shape (n,), are stored, in whatever visit; the connection has locked theirs."""
    if not len(given) or not (places := places_of(connection, int(given.min()), int(given.max()))):
        return np.zeros(len(given), bool)
    return np.isin(given, _found(connection, given, places)["diaSourceId"])


def _found(
    connection: sa.Connection, given: np.ndarray, places: Sequence[sa.ColumnElement[bool]]
) -> dict[str, np.ndarray]:
    """diaSourceId, visit and detector of those that are stored in some places, in this order."""
    found = []
    with staged(connection, dia_source, pa.table({"diaSourceId": given})) as new:
        columns = (dia_source.c.diaSourceId, dia_source.c.visit, dia_source.c.detector)
        for place in places:
            same = sa.select(*columns).where(new.c.diaSourceId == dia_source.c.diaSourceId, place)
            with giving_back_locks(connection):
                found.append(read_arrays(connection, same))
    stored = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    order = np.lexsort(list(stored.values())[::-1])
    return {name: values[order] for name, values in stored.items()}


def _refuse_stored(
    connection: sa.Connection,
    opened: OpenInput,
    extremes: tuple[int, int],
    but_of: Visits | None = None,
    compared: Comparison | None = None,
) -> None:
    """Raises InputError if a diaSourceId is in the database already; with ``compared``, if with other values.

    Parameters as of :func:`_stored`.
    """
    given, stored = _stored(connection, opened, extremes, but_of)
    if compared is not None and stored:
        other = np.isin(stored["diaSourceId"], given[compared.differ])
        stored = {name: values[other] for name, values in stored.items()}
    if not stored:
        return
    n, where = len(stored["visit"]), named_rows(opened.problems.usable()[np.isin(given, stored["diaSourceId"])])
    _, first = np.unique(keys_of([stored["visit"], stored["detector"]]), return_index=True)
    places = (f"{stored['visit'][row]}, {stored['detector'][row]}" for row in np.sort(first)[:3])
    example = f": {compared.example}" if compared is not None and compared.example else ""
    raise InputError(
        f"{opened.name}: {n:,} sources are stored already with other values (diaSourceId "
        f"{shown(stored['diaSourceId'][:MOST_SHOWN].tolist(), n=n)}; {where}) under visit, detector "
        f"{shown(places, 3, n=len(first))}{example}: leave them out, or replace them with "
        f"{option('--replace', 'replace=True')}, which concerns the visits and detectors that the file names"
    )
