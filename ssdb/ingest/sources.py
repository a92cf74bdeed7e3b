"""Detections into DiaSource."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, shown
from ssdb.ingest.checks import (
    Problems,
    check_not_null,
    check_positions,
    check_times,
    check_unique,
    named_rows,
    normalised_ra,
    valid_rows,
)
from ssdb.ingest.conform import conform
from ssdb.ingest.covered import refuse_others
from ssdb.ingest.door import (
    IngestReport,
    Source,
    doubts_about_units,
    fill_midpoints,
    ids,
    read_conformed,
    refuse_unknown_visits,
    with_column,
)
from ssdb.ingest.new_visits import create_missing_visits
from ssdb.schema.dia import dia_source
from ssdb.schema.survey import visit_detector
from ssdb.store.database import Database
from ssdb.store.staging import staged
from ssdb.store.visits import clear_results, lock_source_ids, lock_visits, mark_pending
from ssdb.store.write import Progress, write_rows

_FILLED = ("detector", "midpointMjdTai")
_IGNORED = ("ssObjectId", "ssObjectReassocTimeMjdTai")


def ingest_sources(
    database: Database,
    source: Source,
    *,
    columns: Any = None,
    replace: bool = False,
    skip_invalid: bool = False,
    create_visits: bool = False,
    covers: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the sources of exposures, and sets the visits and detectors concerned back to pending.

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
    name, conformed = read_conformed(source, dia_source, columns, filled=_FILLED, ignored=_IGNORED)
    rows, numbers = _checked(name, conformed.table, skip_invalid)
    invalid = conformed.table.num_rows - rows.num_rows
    pairs = _detectors(name, rows, covers)
    visits = np.unique(ids(pairs, "visit"))
    with database.writing() as connection:
        if create_visits:
            create_missing_visits(connection, name, rows, "sources that have midpointMjdTai")
        known = lock_visits(connection, visits)
        advice = "ingest them first, or say --create-visits"
        refuse_unknown_visits(name, visits, known["visit"], advice)
        rows = fill_midpoints(rows, name, known, numbers)
        with staged(connection, visit_detector, pairs) as detectors:
            if replace:
                _remove(connection, detectors)
            _refuse_stored(connection, name, rows, numbers)
            write_rows(connection, dia_source, rows, progress)
            _add_detectors(connection, detectors)
            mark_pending(connection, sa.select(detectors.c.visit), sa.select(detectors))
            lock_source_ids(connection)
            _refuse_stored(connection, name, rows, numbers, sa.select(detectors.c.visit))
    return IngestReport(
        name,
        "sources",
        rows.num_rows,
        len(visits),
        invalid,
        conformed.left_out,
        conformed.without_unit,
        doubts_about_units(rows, conformed.without_unit, "ra", "dec"),
    )


def usable_sources(name: str, table: pa.Table, *, skip_invalid: bool = False) -> tuple[pa.Table, np.ndarray]:
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
    rows : pyarrow.Table
        Columns of DiaSource.
    numbers : ndarray of int
        Numbers of the rows in the table, from 1.

    Raises
    ------
    InputError
        If the table is not usable.
    """
    given = table.drop_columns([column for column in _IGNORED if column in table.column_names])
    return _checked(name, conform(given, dia_source, name, filled=_FILLED).table, skip_invalid)


def _checked(name: str, rows: pa.Table, skip_invalid: bool) -> tuple[pa.Table, np.ndarray]:
    """The usable rows, and their numbers in the file."""
    if "detector" not in rows.column_names:
        rows = with_column(rows, "detector", np.zeros(rows.num_rows), pa.int16())
    problems = Problems(name, rows.num_rows)
    check_not_null(problems, rows, ["diaSourceId", "visit", "detector"])
    check_positions(problems, rows)
    if "midpointMjdTai" in rows.column_names:
        check_times(problems, rows)
    check_unique(problems, rows, ["diaSourceId"], "diaSourceId is there twice")
    rows, _ = valid_rows(rows, problems, skip_invalid)
    rows = with_column(rows, "ra", normalised_ra(rows.column("ra").to_numpy()), pa.float64())
    return rows, problems.numbers[~problems.bad]


def _detectors(name: str, rows: pa.Table, covers: tuple[int, int] | None) -> pa.Table:
    """The (visit, detector) pairs that sources cover, each once."""
    if covers is not None:
        refuse_others(name, rows, ("visit", "detector"), covers)
        return pa.table({"visit": pa.array(covers[:1], pa.int64()), "detector": pa.array(covers[1:], pa.int16())})
    return rows.select(["visit", "detector"]).group_by(["visit", "detector"]).aggregate([])


def _remove(connection: sa.Connection, detectors: sa.Table) -> None:
    """Removes the sources of detectors, and what was derived for their visits."""
    clear_results(connection, sa.select(detectors.c.visit))
    key = sa.tuple_(dia_source.c.visit, dia_source.c.detector)
    concerned = dia_source.c.visit.in_(sa.select(detectors.c.visit)) & key.in_(sa.select(detectors))
    connection.execute(sa.delete(dia_source).where(concerned))


def _refuse_stored(
    connection: sa.Connection, name: str, rows: pa.Table, numbers: np.ndarray, but_of: sa.Select | None = None
) -> None:
    """Raises InputError if a diaSourceId is in the database already, but for sources of some visits."""
    given = ids(rows, "diaSourceId")
    if not len(given):
        return
    # Identifiers grow with time, so that a new night mostly overlaps with nothing: one look at the index.
    between: sa.ColumnElement[bool] = dia_source.c.diaSourceId.between(int(given.min()), int(given.max()))
    others: sa.ColumnElement[bool] = sa.true() if but_of is None else dia_source.c.visit.not_in(but_of)
    if not connection.execute(sa.select(sa.exists().where(between, others))).scalar_one():
        return
    with staged(connection, dia_source, rows.select(["diaSourceId"])) as new:
        columns = (dia_source.c.diaSourceId, dia_source.c.visit, dia_source.c.detector)
        again = sa.select(*columns).where(new.c.diaSourceId == dia_source.c.diaSourceId, others).order_by(*columns)
        stored = connection.execute(again).all()
    if stored:
        stored_ids = [row.diaSourceId for row in stored]
        where = named_rows(numbers[np.isin(given, stored_ids)])
        places = shown(dict.fromkeys(f"{row.visit}, {row.detector}" for row in stored), most=3)
        raise InputError(
            f"{name}: {len(stored):,} sources are stored already (diaSourceId {shown(stored_ids)}; {where}) under "
            f"visit, detector {places}: leave them out, or replace them with --replace, which concerns the visits and "
            "detectors that the file names"
        )


def _add_detectors(connection: sa.Connection, detectors: sa.Table) -> None:
    """Adds the VisitDetector rows that are not there yet."""
    same = (visit_detector.c.visit == detectors.c.visit) & (visit_detector.c.detector == detectors.c.detector)
    missing = sa.select(detectors.c.visit, detectors.c.detector).where(~sa.exists().where(same))
    connection.execute(sa.insert(visit_detector).from_select(["visit", "detector"], missing))
