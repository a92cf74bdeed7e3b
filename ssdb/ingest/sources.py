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
from ssdb.ingest.door import (
    IngestReport,
    Source,
    doubts_about_units,
    fill_midpoints,
    ids,
    read_conformed,
    refuse_unknown_visits,
    rows_of_visits,
    with_column,
)
from ssdb.schema.dia import dia_source
from ssdb.schema.survey import visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.read import read_arrays
from ssdb.store.staging import staged
from ssdb.store.visits import clear_results, lock_creation, lock_source_ids, lock_visits, mark_pending
from ssdb.store.write import Progress, write_rows

_IGNORED = ("ssObjectId", "ssObjectReassocTimeMjdTai")


def ingest_sources(
    database: Database,
    source: Source,
    *,
    columns: Any = None,
    replace: bool = False,
    skip_invalid: bool = False,
    create_visits: bool = False,
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
    name, conformed = read_conformed(
        source, dia_source, columns, filled=("detector", "midpointMjdTai"), ignored=_IGNORED
    )
    rows, numbers = _checked(name, conformed.table, skip_invalid)
    invalid = conformed.table.num_rows - rows.num_rows
    visits = np.unique(ids(rows, "visit"))
    with database.writing() as connection:
        if create_visits:
            _create_visits(connection, name, rows)
        known = lock_visits(connection, visits)
        advice = "ingest them first, or say --create-visits"
        refuse_unknown_visits(name, ids(rows, "visit"), known["visit"], advice)
        rows = fill_midpoints(rows, name, known, numbers)
        with staged(connection, visit_detector, _detectors(rows)) as detectors:
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


def _detectors(rows: pa.Table) -> pa.Table:
    """The (visit, detector) pairs of sources, each once."""
    return rows.select(["visit", "detector"]).group_by(["visit", "detector"]).aggregate([])


def _create_visits(connection: sa.Connection, name: str, rows: pa.Table) -> None:
    """Makes the visits that are not stored from what their sources say."""
    # Nothing may be locked before the creation is, and most files have nothing to create.
    if not _without_visit(connection, rows).num_rows:
        return
    lock_creation(connection)
    new = _without_visit(connection, rows)
    if not new.num_rows:
        return
    if "midpointMjdTai" not in rows.column_names or new.column("midpointMjdTai").null_count:
        raise InputError(f"{name}: visits can only be created from sources that have midpointMjdTai")
    # The middle of the times, not their mean, whose last bits would depend on the order of the rows.
    wanted = [("midpointMjdTai", "min"), ("midpointMjdTai", "max")]
    wanted += [(column, "max") for column in ("band", "exposureTime") if column in new.column_names]
    made = new.group_by("visit").aggregate(wanted)
    first, last = (made.column(f"midpointMjdTai_{end}").to_numpy() for end in ("min", "max"))
    columns = {"visit": made.column("visit"), "midpointMjdTai": pa.array((first + last) / 2)}
    columns |= {column: made.column(f"{column}_{how}") for column, how in wanted if column != "midpointMjdTai"}
    write_rows(connection, visit, pa.table(columns))


def _without_visit(connection: sa.Connection, rows: pa.Table) -> pa.Table:
    """The sources whose visits are not stored."""
    of_rows = ids(rows, "visit")
    with staged(connection, visit, pa.table({"visit": pa.array(np.unique(of_rows))})) as wanted:
        stored = sa.select(visit.c.visit).where(visit.c.visit.in_(sa.select(wanted.c.visit))).order_by(visit.c.visit)
        known = read_arrays(connection, stored)["visit"]
    return rows.filter(pa.array(~rows_of_visits(of_rows, known)[1]))


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
