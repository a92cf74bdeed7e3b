"""Detections into DiaSource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.stored_sources import refuse_stored, stored_sources
from ssdb.ingest.table.again import Again, compare, keys_of
from ssdb.ingest.table.checks import (
    Distinct,
    Problems,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    normalised_ra,
    repeated,
    valid_rows,
)
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.covered import refuse_others
from ssdb.ingest.table.doubts import Gathered
from ssdb.ingest.table.new_visits import TAKEN, create_missing_visits, rows_of_extremes
from ssdb.ingest.table.parts import Parts, open_parts
from ssdb.ingest.table.report import (
    IngestReport,
    Source,
    doubts_about_units,
    fill_midpoints,
    ids,
    largest_of,
    refuse_unknown_visits,
    with_column,
)
from ssdb.ingest.table.usable import Usable, numbered, refuse_far, usable, without
from ssdb.io.input_file import input_of
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.ranges import ranged
from ssdb.schema.survey import DONE, PENDING, visit_detector
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions
from ssdb.store.tables import sources as stored
from ssdb.store.tables.results import clear_results
from ssdb.store.tables.visits import lock_visits
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress

_FILLED = ("detector", "midpointMjdTai")
_IGNORED = ("ssObjectId", "ssObjectReassocTimeMjdTai")
_LOOKED_AT = ("diaSourceId", "visit", "detector", *TAKEN, *ranged(dia_source))
_TWICE = "diaSourceId is there twice"


def ingest_sources(
    database: Database,
    source: Source,
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

    Parameters
    ----------
    database : Database
        Where to.
    source : path or table
        Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of DiaSource: at least diaSourceId,
        visit, ra and dec (ICRS). Without detector it is 0, without midpointMjdTai (MJD TAI) the visit's.
        ssObjectId is left out: association finds it.
    columns : ColumnMap, mapping or path, optional
        How the source's columns become those of DiaSource.
    replace : bool
        First remove all sources of the (visit, detector) pairs that the source has, and what was derived for those
        visits.
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the source.
    create_visits : bool
        Make visits that are not stored, at the middle of their sources' times, and their band and exposure time.
    covers : (int, int), optional
        The visit and detector of which the source has all sources, even if it has no rows: ``replace`` concerns
        these. Rows of another one are an error.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Returns
    -------
    IngestReport

    Raises
    ------
    InputError
        If the source is not usable. Nothing is stored then.
    """
    parts = open_parts(input_of(source, table, type), dia_source, columns, filled=_FILLED, ignored=_IGNORED)
    if replace:
        parts.refuse_incomplete("replace")
    name, found = parts.name, _looked_through(parts, skip_invalid, covers)
    visits = np.unique(ids(found.detectors, "visit"))
    n_rows = found.n_rows
    with database.writing() as connection:
        if create_visits:
            create_missing_visits(connection, name, found.times, "sources that have midpointMjdTai")
        known = lock_visits(connection, visits)
        refuse_unknown_visits(name, visits, known["visit"], creatable=True)
        refuse_far(parts, found.problems, found.times, known)
        again = _compared(connection, parts, found, known)
        if not replace and again.differ.any():
            refuse_stored(connection, parts, found.problems, found.extremes, again=again)
        told = doubts_about_units(parts.without_unit, ("ra", "dec"), found.largest, n_rows)
        if replace or not n_rows or not again.same.all():
            told += _store(connection, parts, found, known, again, replace, progress)
    analyze_partitions(database, dia_source, visits, n_rows)
    return IngestReport(
        name,
        "sources",
        n_rows,
        len(visits),
        parts.n_rows - n_rows,
        parts.left_out,
        parts.without_unit,
        (*parts.doubts, *told),
        **again.counts(),
    )


def usable_sources(name: str, table: pa.Table, *, skip_invalid: bool = False) -> Usable:
    """The sources of a table as they would be stored, but for unknown times.

    Parameters
    ----------
    name : str
        Where they are from, for messages.
    table : pyarrow.Table
        As for :func:`ingest_sources`.
    skip_invalid : bool
        Leave out rows that are not usable.

    Returns
    -------
    Usable
        With columns of DiaSource.

    Raises
    ------
    InputError
        If the table is not usable.
    """
    given = table.drop_columns([column for column in _IGNORED if column in table.schema.names])
    conformed = conform(given, dia_source, name, filled=_FILLED)
    return Usable(*_checked(name, conformed.table, skip_invalid), conformed.doubts)


def _checked(name: str, rows: pa.Table, skip_invalid: bool) -> tuple[pa.Table, np.ndarray]:
    """The usable rows, and their numbers in the file."""
    rows = _with_detector(rows)
    problems = Problems(name, rows.num_rows)
    _check(problems, rows)
    check_unique(problems, rows, ["diaSourceId"], _TWICE)
    rows, _ = valid_rows(rows, problems, skip_invalid)
    return _normalised(rows), problems.usable()


def _with_detector(rows: pa.Table) -> pa.Table:
    if "detector" in rows.schema.names:
        return rows
    return with_column(rows, "detector", np.zeros(rows.num_rows), pa.int16())


def _check(problems: Problems, rows: pa.Table) -> None:
    """Notes what is wrong with rows by themselves."""
    check_not_null(problems, rows, ["diaSourceId", "visit", "detector"])
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_source)


def _normalised(rows: pa.Table) -> pa.Table:
    return with_column(rows, "ra", normalised_ra(rows.column("ra").to_numpy()), pa.float64())


# ---- looking through the file, before anything is written ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """What the checks, and all that is not about single rows, need of a whole file.

    Attributes
    ----------
    problems : Problems
        Which rows are not usable.
    n_rows : int
        Usable rows.
    extremes : (int, int)
        The smallest and the largest diaSourceId of these; 0 without any.
    detectors : pyarrow.Table
        The (visit, detector) pairs that the file covers, each once.
    times : pyarrow.Table
        As of :func:`ssdb.ingest.table.new_visits.rows_of_extremes`.
    largest : (float, float)
        The largest absolute values of ra and dec (deg).
    """

    problems: Problems
    n_rows: int
    extremes: tuple[int, int]
    detectors: pa.Table
    times: pa.Table
    largest: tuple[float, float]


def _looked_through(parts: Parts, skip_invalid: bool, covers: tuple[int, int] | None) -> _Found:
    """Checks all rows by themselves and among each other."""
    problems = Problems(parts.name, parts.n_rows)
    distinct = Distinct()

    def looked_at(start: int, rows: pa.Table) -> _Summary:
        of_part, rows = problems.part(start, rows.num_rows), _with_detector(rows)
        _check(of_part, rows)
        distinct.add(rows.column("diaSourceId").drop_null().to_numpy())
        return _summary(rows, of_part.bad)

    summaries = [looked_at(start, rows) for start, rows in numbered(parts, _LOOKED_AT)]
    twice = np.zeros(parts.n_rows, bool) if distinct.certain else _twice(parts)
    problems.add(twice, _TWICE)
    if not skip_invalid:
        problems.raise_if_any()
    if twice.any():  # known only now: what was found with these rows does not hold
        bad = problems.bad
        summaries = [_summary(rows, bad[start : start + rows.num_rows]) for start, rows in numbered(parts, _LOOKED_AT)]
    pairs = pa.concat_tables([summary.detectors for summary in summaries])
    largest = np.max([summary.largest for summary in summaries], axis=0)
    return _Found(
        problems,
        parts.n_rows - int(np.count_nonzero(problems.bad)),
        _extremes([summary.extremes for summary in summaries if summary.extremes]),
        _detectors(parts.name, pairs, covers),
        rows_of_extremes(pa.concat_tables([summary.times for summary in summaries])),
        (float(largest[0]), float(largest[1])),
    )


def _twice(parts: Parts) -> np.ndarray:
    """Which rows have a diaSourceId that a row before them has: for this all of them are in memory."""
    columns = [rows.column("diaSourceId") for _, rows in numbered(parts, ("diaSourceId",))]
    known = np.concatenate([column.is_valid().to_numpy() for column in columns])
    return repeated([np.concatenate([column.fill_null(0).to_numpy() for column in columns])], known)


def _extremes(pairs: list[tuple[int, int]]) -> tuple[int, int]:
    return (min(first for first, _ in pairs), max(last for _, last in pairs)) if pairs else (0, 0)


class _Summary(NamedTuple):
    """Of a part what :class:`_Found` has of the file; no extremes without a usable row."""

    extremes: tuple[int, int] | None
    detectors: pa.Table
    times: pa.Table
    largest: tuple[float, float]


def _summary(rows: pa.Table, bad: np.ndarray) -> _Summary:
    rows = without(_with_detector(rows), bad)
    given = ids(rows, "diaSourceId")
    extremes = (int(given.min()), int(given.max())) if len(given) else None
    return _Summary(extremes, _pairs(rows), rows_of_extremes(rows), largest_of(_normalised(rows), ("ra", "dec")))


def _pairs(rows: pa.Table) -> pa.Table:
    return rows.select(["visit", "detector"]).group_by(["visit", "detector"]).aggregate([])


def _detectors(name: str, pairs: pa.Table, covers: tuple[int, int] | None) -> pa.Table:
    """The (visit, detector) pairs that sources cover, each once."""
    if covers is not None:
        refuse_others(name, pairs, ("visit", "detector"), covers)
        return pa.table({"visit": pa.array(covers[:1], pa.int64()), "detector": pa.array(covers[1:], pa.int16())})
    return _pairs(pairs)


# ---- writing ---------------------------------------------------------------------------------------------------------


def _rows(
    parts: Parts, problems: Problems, known: Mapping[str, np.ndarray], gathered: Gathered | None = None
) -> Iterator[pa.Table]:
    """The rows as they are to be stored, a part at a time."""
    for numbers, rows in usable(parts, problems):
        rows = _normalised(_with_detector(rows))
        if gathered is not None:
            gathered.add(rows)
        yield fill_midpoints(rows, parts.name, known, numbers)


def _store(
    connection: sa.Connection,
    parts: Parts,
    found: _Found,
    known: Mapping[str, np.ndarray],
    again: Again,
    replace: bool,
    progress: Progress | None,
) -> tuple[str, ...]:
    """Writes the rows, without replacing but for those that are stored as they are, and sets detectors to pending.

    Returns what is doubtful about them.
    """
    n_rows = found.n_rows - (0 if replace else int(np.count_nonzero(again.same)))
    changed = np.ones(found.detectors.num_rows, bool) if replace else _with_new_rows(parts, found, again)
    status = pa.array(np.where(changed, PENDING, DONE).tolist(), pa.string())
    with staged(connection, visit_detector, found.detectors.append_column("status", status)) as detectors:
        gathered = Gathered(connection, sa.select(detectors.c.visit), known, ("ra", "dec"))
        rows = _rows(parts, found.problems, known, gathered)
        if replace:
            clear_results(connection, sa.select(detectors.c.visit))
            stored.remove_sources(connection, detectors)
            refuse_stored(connection, parts, found.problems, found.extremes)
        visits = np.unique(ids(found.detectors, "visit"))
        stored.append(connection, detectors, visits, rows if replace else again.but_same(rows), n_rows, progress)
        refuse_stored(connection, parts, found.problems, found.extremes, sa.select(detectors.c.visit))
    return gathered.doubts("sources")


def _with_new_rows(parts: Parts, found: _Found, again: Again) -> np.ndarray:
    """Which of the detectors have rows that are not stored, or are there without any."""
    if not again.same.any():
        return np.ones(found.detectors.num_rows, bool)
    given = (_with_detector(rows) for _, rows in usable(parts, found.problems, ("visit", "detector")))
    new = _pairs(pa.concat_tables(again.but_same(rows.select(["visit", "detector"]) for rows in given)))
    every, changed = (keys_of([ids(pairs, "visit"), ids(pairs, "detector")]) for pairs in (found.detectors, new))
    return np.isin(every, changed)


def _compared(connection: sa.Connection, parts: Parts, found: _Found, known: Mapping[str, np.ndarray]) -> Again:
    """Which rows are stored already, wherever, and which of them as they are in the file."""
    given, there = stored_sources(connection, parts, found.problems, found.extremes)
    again = np.isin(given, there["diaSourceId"]) if there else np.zeros(found.n_rows, bool)
    return compare(connection, dia_source, ("diaSourceId", "visit"), again, _rows(parts, found.problems, known))
