"""Predicted objects into SsPrediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.formats.detect import format_of, reader_of, refuse_unfit_options
from ssdb.ingest.stored_predictions import KEY, changed_error, stored_predictions
from ssdb.ingest.table.again import compare
from ssdb.ingest.table.checks import (
    Problems,
    check_motion,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    normalised_ra,
    valid_rows,
)
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.covered import predictions_on_detector, refuse_others
from ssdb.ingest.table.doubts import Gathered
from ssdb.ingest.table.identify_rows import (
    Names,
    identified,
    refuse_anonymous,
    under_primary_designations,
    with_designations,
)
from ssdb.ingest.table.new_visits import rows_of_extremes
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
from ssdb.schema.ranges import ranged
from ssdb.schema.survey import ss_prediction
from ssdb.schema.survey import visit as visit_table
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.predictions import append, replace_objects, replace_visits
from ssdb.store.tables.visits import lock_creation, lock_visits
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress

_POSITION = ("ephRa", "ephDec")
_BEYOND_DEG = 1.0
"""Services give objects around the field, too."""

_LOOKED_AT = ("visit", "ssObjectId", "designation", *ranged(ss_prediction))
_TWICE = "the object is there twice for one visit"
_FILLED = ("ssObjectId", "designation", "midpointMjdTai")

_given = ss_prediction.to_metadata(sa.MetaData())
_given.c.designation.type = sa.Text()  # "C/2017 K2 (PANSTARRS)" is longer than what is stored of it


def ingest_predictions(
    database: Database,
    source: Source,
    *,
    format: str = "auto",
    columns: Any = None,
    visit: int | None = None,
    replace: bool = False,
    complete: bool = False,
    simulated_names: bool = False,
    skip_invalid: bool = False,
    covers: tuple[int, int] | None = None,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the objects predicted for visits, and sets those visits back to pending.

    Parameters
    ----------
    database : Database
        Where to.
    source : path or table
        In ssdb's own columns (Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of
        SsPrediction: at least visit, ephRa, ephDec, and designation or ssObjectId), as Sorcha writes it, an answer of
        mpSky's or a text of SkyBoT's.
    format : {"auto", "ssdb", "sorcha", "mpsky", "skybot"}
        What the source is.
    columns : ColumnMap, mapping or path, optional
        How the source's columns become those of SsPrediction (not for the formats of others).
    visit : int, optional
        The visit that the source is for, where it does not say so itself (mpSky, SkyBoT). A source without rows
        then says that there is no known object in it.
    replace : bool
        First remove all predictions of the visits that the source has (with ``complete``: of all visits), and what
        was derived from them.
    complete : bool
        The source covers every stored visit: one without rows has no known object. Otherwise such a visit counts as
        never asked for and stays pending.
    simulated_names : bool
        Give objects whose names have no packed form identifiers made from a hash (negative).
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the source.
    covers : (int, int), optional
        The visit and detector for which the source has all predictions, even if it has no rows: ``replace`` concerns
        the objects of the source and those that are stored as predicted to be on that detector, which must have a
        footprint. Rows of another visit are an error.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.

    Returns
    -------
    IngestReport

    Raises
    ------
    InputError, DesignationError
        If the source is not usable. Nothing is stored then.
    """
    source = input_of(source, table, type)
    kind = format_of(source, format)
    refuse_unfit_options(source, kind, columns, visit, complete)
    doubts: list[str] = []
    read = reader_of(database, kind, visit, doubts)
    parts = open_parts(source, _given, columns, filled=_FILLED, read=read)
    if complete or replace:
        parts.refuse_incomplete("complete" if complete else "replace")
    return _store(
        database,
        parts,
        only=visit,
        covers=covers,
        replace=replace,
        complete=complete,
        simulated_names=simulated_names,
        skip_invalid=skip_invalid,
        doubts=doubts,
        progress=progress,
    )


def store_predictions(
    database: Database, name: str, table: pa.Table, *, visit: int, replace: bool = False, doubts: Sequence[str] = ()
) -> IngestReport:
    """Stores what a service predicted for one visit, as :func:`ingest_predictions` does with a file.

    Parameters
    ----------
    database : Database
        Where to.
    name : str
        Where the predictions are from, for messages.
    table : pyarrow.Table
        Columns of SsPrediction, units in the metadata. No rows: there is no known object in the visit.
    visit : int
        The visit.
    replace : bool
        First remove its predictions, and what was derived from them.
    doubts : sequence of str
        To be reported.

    Returns
    -------
    IngestReport

    Raises
    ------
    InputError, DesignationError
        If the predictions are not usable. Nothing is stored then.
    """
    parts = open_parts(table.replace_schema_metadata({"label": name}), _given, None, filled=_FILLED)
    return _store(database, parts, only=visit, replace=replace, doubts=doubts)


def _store(
    database: Database,
    parts: Parts,
    *,
    only: int | None,
    covers: tuple[int, int] | None = None,
    replace: bool,
    complete: bool = False,
    simulated_names: bool = False,
    skip_invalid: bool = False,
    doubts: Sequence[str] = (),
    progress: Progress | None = None,
) -> IngestReport:
    """Stores conformed predictions, of the visits of their rows or of one visit alone."""
    name, found = parts.name, _looked_through(database, parts, simulated_names, skip_invalid)
    keys, problems = found.keys, found.problems
    if covers is not None:
        refuse_others(name, keys, ("visit",), covers)
        only = covers[0]
    visits = np.unique(ids(keys, "visit")) if only is None else np.array([only], np.int64)
    with database.writing() as connection:
        lock_names(connection, shared=True)
        known = lock_visits(connection, _covered(connection, visits, replace) if complete else visits)
        refuse_unknown_visits(name, visits, known["visit"])
        keys = under_primary_designations(connection, name, keys, problems.usable(), found.names)
        refuse_far(parts, problems, found.times, known)

        def write(new: sa.Table, n_rows: int) -> tuple[str, ...]:
            touched = sa.select(new.c.visit).distinct()
            gathered = Gathered(connection, touched, known, _POSITION, _BEYOND_DEG)
            rows = _rows(parts, problems, known, keys, gathered)
            rows = rows if replace else again.but_same(rows)
            if only is not None and n_rows == keys.num_rows:
                touched = sa.select(visit_table.c.visit).where(visit_table.c.visit == only)
            if replace and covers is not None:
                replaced = _covered_objects(connection, new, covers)
                replace_objects(connection, covers[:1], replaced, rows, n_rows, progress=progress)
            else:
                store = replace_visits if replace else append
                store(connection, touched, rows, n_rows, complete=complete, progress=progress)
            return gathered.doubts("predictions")

        told = doubts_about_units(parts.without_unit, _POSITION, found.largest, keys.num_rows)
        with staged(connection, ss_prediction, keys.select([*KEY])) as given:
            again = compare(
                connection,
                ss_prediction,
                KEY,
                stored_predictions(connection, keys, given),
                _rows(parts, problems, known, keys),
            )
            if not replace and again.differ.any():
                raise changed_error(name, keys, problems, again)
            if replace or not again.same.any():
                told += write(given, keys.num_rows)
        if again.same.any() and not replace:
            # Visits of which all rows are stored as they are stay as they are, and are not associated again.
            others = keys.filter(pa.array(~again.same))
            with staged(connection, ss_prediction, others.select([*KEY])) as new:
                told += write(new, others.num_rows)
    analyze_partitions(database, ss_prediction, visits, keys.num_rows)
    return IngestReport(
        name,
        "predictions",
        keys.num_rows,
        len(visits),
        parts.n_rows - keys.num_rows,
        parts.left_out,
        parts.without_unit,
        (*doubts, *parts.doubts, *told),
        **again.counts(),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """What the checks, and all that is not about single rows, need of a whole file.

    Attributes
    ----------
    problems : Problems
        Which rows are not usable.
    keys : pyarrow.Table
        ``visit``, ``ssObjectId`` and ``designation`` of the usable rows.
    names : dict of str to int
        As :func:`ssdb.ingest.table.identify_rows.identified` returns it.
    times : pyarrow.Table
        As of :func:`ssdb.ingest.table.new_visits.rows_of_extremes`, of the rows that are usable by themselves.
    largest : (float, float)
        The largest absolute values of ephRa and ephDec of these rows (deg).
    """

    problems: Problems
    keys: pa.Table
    names: dict[str, int]
    times: pa.Table
    largest: tuple[float, float]


def _looked_through(database: Database, parts: Parts, simulated_names: bool, skip_invalid: bool) -> _Found:
    """Checks all rows by themselves and among each other; of each only visit and object are kept."""
    refuse_anonymous(parts.name, parts.columns)
    problems = Problems(parts.name, parts.n_rows)
    keys, names, times, largest = [], Names(), [], []
    for start, rows in numbered(parts, _LOOKED_AT):
        of_part = problems.part(start, rows.num_rows)
        _check(of_part, rows)
        keys.append(rows.select([name for name in ("visit", "ssObjectId") if name in rows.schema.names]))
        if "designation" in rows.schema.names:
            names.add(rows.column("designation"))
        well = without(rows, of_part.bad)
        times.append(rows_of_extremes(well))
        largest.append(largest_of(_normalised(well), _POSITION))
    joined = pa.concat_tables(keys)
    if "designation" in parts.columns:
        joined = with_designations(joined, names.all())
    noted = problems if skip_invalid else None
    identified_keys, others = identified(database, parts.name, joined, simulated_names, noted)
    check_unique(problems, identified_keys, ["visit", "ssObjectId"], _TWICE)
    usable_keys, _ = valid_rows(identified_keys, problems, skip_invalid)
    ra, dec = np.max(largest, axis=0).tolist()
    return _Found(problems, usable_keys, others, rows_of_extremes(pa.concat_tables(times)), (ra, dec))


def _rows(
    parts: Parts,
    problems: Problems,
    known: Mapping[str, np.ndarray],
    keys: pa.Table,
    gathered: Gathered | None = None,
) -> Iterator[pa.Table]:
    """The rows to be stored, a part at a time."""
    start = 0
    for numbers, rows in usable(parts, problems):
        of_rows = keys.slice(start, rows.num_rows)
        rows = with_column(rows, "ssObjectId", of_rows.column("ssObjectId"), pa.int64())
        rows = with_designations(rows, of_rows.column("designation").cast(pa.string()))
        rows = _normalised(rows)
        if gathered is not None:
            gathered.add(rows)
        yield fill_midpoints(rows, parts.name, known, numbers)
        start += rows.num_rows


def usable_predictions(name: str, table: pa.Table, *, skip_invalid: bool = False) -> Usable:
    """The predictions of a table as they would be stored, but for unknown times and primary designations.

    Parameters and errors as of :func:`ssdb.ingest.sources.usable_sources`; also a DesignationError.
    """
    conformed = conform(table, _given, name, filled=_FILLED)
    given, _ = identified(None, name, conformed.table, simulated_names=False)
    given = with_designations(given, given.column("designation").cast(pa.string()))
    return Usable(*_checked(name, given, skip_invalid), conformed.doubts)


def _checked(name: str, rows: pa.Table, skip_invalid: bool) -> tuple[pa.Table, np.ndarray]:
    """The usable rows, and their numbers in the file."""
    problems = Problems(name, rows.num_rows)
    _check(problems, rows)
    check_unique(problems, rows, ["visit", "ssObjectId"], _TWICE)
    rows, _ = valid_rows(rows, problems, skip_invalid)
    return _normalised(rows), problems.usable()


def _check(problems: Problems, rows: pa.Table) -> None:
    """Notes what is wrong with rows by themselves."""
    check_not_null(problems, rows, ["visit"])
    check_positions(problems, rows, *_POSITION)
    check_ranges(problems, rows, ss_prediction)
    check_motion(problems, rows)


def _normalised(rows: pa.Table) -> pa.Table:
    return with_column(rows, "ephRa", normalised_ra(rows.column("ephRa").to_numpy()), pa.float64())


def _covered(connection: sa.Connection, visits: np.ndarray, replace: bool) -> np.ndarray:
    """The visits of a complete file, and the stored ones about which it says something by having no rows of them.

    Those are all that were never asked for or, where predictions are replaced, all. No other visit can come before
    the transaction ends.
    """
    lock_creation(connection)
    others = sa.select(visit_table.c.visit)
    if not replace:
        others = others.where(visit_table.c.predictionsAt.is_(None))
    return np.union1d(visits, read_arrays(connection, others)["visit"])


def _covered_objects(connection: sa.Connection, new: sa.Table, covers: tuple[int, int]) -> sa.ColumnElement[bool]:
    """Which predictions of a visit the new ones of a detector replace."""
    ids_of = ss_prediction.c.ssObjectId
    on_detector = predictions_on_detector(connection, covers).tolist()
    return ids_of.in_(sa.select(new.c.ssObjectId)) | ids_of.in_(on_detector)
