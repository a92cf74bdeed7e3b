"""Loads predictions (where objects are to be seen in visits) into SsPrediction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, ConfigError, InputError, option, shown
from ssdb.ingest.formats.detect import format_of, reader_of, refuse_unfit_options
from ssdb.ingest.table.checks import (
    Problems,
    check_motion,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    named_rows,
    usable_rows,
    valid_rows,
)
from ssdb.ingest.table.comparison import Comparison, compare, keys_of
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.doubts import Gathered
from ssdb.ingest.table.identify_rows import (
    Names,
    identified,
    refuse_anonymous,
    under_primary_designations,
    with_designations,
)
from ssdb.ingest.table.input import Input, OpenInput, UsableRows
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.table.visits_of_rows import FirstLook, fill_midpoints, lock_visits_of, refuse_far, refuse_not_covered
from ssdb.io.input_file import input_of
from ssdb.schema.arrow import ids, with_column
from ssdb.schema.ranges import ranged
from ssdb.schema.survey import ss_prediction, visit_detector
from ssdb.schema.survey import visit as visit_table
from ssdb.sky.edges import edge_distances
from ssdb.sky.footprint import bounding_caps, unpack_outlines
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions, statistics_outgrown
from ssdb.store.query_plans import Visits, named
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.predictions import append, replace_objects, replace_visits
from ssdb.store.tables.visits import lock_creation
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress

_POSITION = ("ephRa", "ephDec")
_KEY = ["visit", "ssObjectId"]
_BEYOND_DEG = 1.0
"""Services give objects around the field, too."""

_LOOKED_AT = (*_KEY, "designation", *ranged(ss_prediction))
_TWICE = "the object is there twice for one visit"
_FILLED = ("ssObjectId", "designation", "midpointMjdTai")

_given = ss_prediction.to_metadata(sa.MetaData())
_given.c.designation.type = sa.Text()  # "C/2017 K2 (PANSTARRS)" is longer than what is stored of it


def ingest_predictions(
    database: Database,
    source: Input,
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

    InputError or DesignationError if the input is not usable. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        In ssdb's own columns (Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of
        SsPrediction: at least visit, ephRa, ephDec, and designation or ssObjectId), as Sorcha writes it, an answer of
        mpSky's or a text of SkyBoT's.
    format : {"auto", "ssdb", "sorcha", "mpsky", "skybot"}
        What the input is.
    columns : ColumnMap, mapping or path, optional
        How the input's columns become those of SsPrediction (not for the formats of others).
    visit : int, optional
        The visit that the input is for, where it does not say so itself (mpSky, SkyBoT). An input without rows
        then says that there is no known object in it.
    replace : bool
        First remove all predictions of the visits that the input has (with ``complete``: of all visits), and what
        was derived from them.
    complete : bool
        The input covers every stored visit: one without rows has no known object. Otherwise such a visit counts as
        never asked for and stays pending.
    simulated_names : bool
        Give objects whose names have no packed form identifiers made from a hash (negative).
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the input.
    covers : (int, int), optional
        The visit and detector for which the input has all predictions, even if it has no rows: ``replace`` concerns
        the objects of the input and those that are stored as predicted to be on that detector, which must have a
        footprint. Rows of another visit are an error.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    given = input_of(source, table, type)
    kind = format_of(given, format)
    refuse_unfit_options(given, kind, columns, visit, complete)
    doubts: list[str] = []
    read = reader_of(database, kind, visit, doubts)
    opened = OpenInput(given, _given, columns, filled=_FILLED, read=read)
    if complete or replace:
        opened.refuse_incomplete("complete" if complete else "replace")
    return _ingest(
        database,
        opened,
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

    The table has columns of SsPrediction, units in the metadata; without rows there is no known object in the visit.
    ``name`` says where it is from, for messages; ``doubts`` are passed on to the report. With ``replace`` the visit's
    predictions, and what was derived from them, are removed first. InputError or DesignationError if the predictions
    are not usable. Nothing is stored then.
    """
    opened = OpenInput(table.replace_schema_metadata({"label": name}), _given, filled=_FILLED)
    return _ingest(database, opened, only=visit, replace=replace, doubts=doubts)


def add_predictions(database: Database, table: pa.Table) -> IngestReport:
    """Stores predictions of objects that are not predicted for their visits yet; those that are stay as they are.

    The table has columns of SsPrediction, and its name in the metadata as ``label``. Rows that are not usable are left
    out and counted: in particular those with a name that nothing is known by.
    """
    return _ingest(
        database, OpenInput(table, _given, filled=_FILLED), only=None, replace=False, keep=True, skip_invalid=True
    )


def usable_predictions(name: str, table: pa.Table, *, skip_invalid: bool = False) -> UsableRows:
    """The predictions of a table as they would be stored, but for unknown times and primary designations.

    Parameters and errors as of :func:`ssdb.ingest.sources.usable_sources`; also a DesignationError.
    """
    conformed = conform(table, _given, name, filled=_FILLED)
    rows, _ = identified(None, name, conformed.table, simulated_names=False)
    rows = with_designations(rows, rows.column("designation").cast(pa.string()))
    problems = Problems(name, rows.num_rows)
    _check(problems, rows)
    check_unique(problems, rows, _KEY, _TWICE)
    rows, _ = valid_rows(rows, problems, skip_invalid)
    return UsableRows(rows, problems.usable(), conformed.doubts)


def _check(problems: Problems, rows: pa.Table) -> None:
    """Notes what is wrong with rows by themselves."""
    check_not_null(problems, rows, ["visit"])
    check_positions(problems, rows, *_POSITION)
    check_ranges(problems, rows, ss_prediction)
    check_motion(problems, rows)


# ---- looking through the input, before anything is written ---------------------------------------------------------


def _looked_through(
    database: Database, opened: OpenInput, simulated_names: bool, skip_invalid: bool
) -> tuple[FirstLook, pa.Table, dict[str, int]]:
    """Checks all rows by themselves and among each other.

    Returns what was found, ``visit``, ``ssObjectId`` and ``designation`` of the usable rows, and names as of
    :func:`ssdb.ingest.table.identify_rows.identified`.
    """
    refuse_anonymous(opened.name, opened.columns)
    found, keys, names = FirstLook(*_POSITION), [], Names()
    for problems, rows in opened.parts(_LOOKED_AT):
        _check(problems, rows)
        keys.append(rows.select([name for name in _KEY if name in rows.schema.names]))
        if "designation" in rows.schema.names:
            names.add(rows.column("designation"))
        found.add(usable_rows(rows, problems.bad))
    joined = pa.concat_tables(keys)
    if "designation" in opened.columns:
        joined = with_designations(joined, names.all())
    noted = opened.problems if skip_invalid else None
    identified_keys, others = identified(database, opened.name, joined, simulated_names, noted)
    check_unique(opened.problems, identified_keys, _KEY, _TWICE)
    usable_keys, _ = valid_rows(identified_keys, opened.problems, skip_invalid)
    return found, usable_keys, others


# ---- writing -------------------------------------------------------------------------------------------------------


def _ingest(
    database: Database,
    opened: OpenInput,
    *,
    only: int | None,
    covers: tuple[int, int] | None = None,
    replace: bool,
    complete: bool = False,
    simulated_names: bool = False,
    skip_invalid: bool = False,
    keep: bool = False,
    doubts: Sequence[str] = (),
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the predictions of an input, of the visits of their rows or of one visit alone.

    With ``keep`` what is stored already stays as it is.
    """
    opened.doubts = (*doubts, *opened.doubts)
    found, keys, names = _looked_through(database, opened, simulated_names, skip_invalid)
    if covers is not None:
        refuse_not_covered(opened.name, keys, covers)
        only = covers[0]
    visits = np.unique(ids(keys, "visit")) if only is None else np.array([only], np.int64)
    with database.writing() as connection:
        lock_names(connection, shared=True)
        locked = _also_covered(connection, visits, replace) if complete else visits
        known = lock_visits_of(connection, opened.name, locked)
        keys = under_primary_designations(connection, opened.name, keys, opened.problems.usable(), names)
        refuse_far(opened, found.times, known)

        def store(new: pa.Table) -> tuple[str, ...]:
            n_rows, touched = new.num_rows, named(np.unique(ids(new, "visit")))
            gathered = Gathered(connection, touched, known, _POSITION, _BEYOND_DEG)
            rows = _rows(opened, known, keys, gathered)
            rows = rows if replace else compared.but_same(rows)
            if only is not None and n_rows == keys.num_rows:
                touched = [only]
            if replace and covers is not None:
                with staged(connection, ss_prediction, new.select(_KEY)) as given:
                    replaced = _of_covered(connection, given, covers)
                    replace_objects(connection, covers[:1], replaced, rows, n_rows, progress=progress)
            else:
                write = replace_visits if replace else append
                write(connection, touched, rows, n_rows, complete=complete, progress=progress)
            return gathered.doubts("predictions")

        told = found.doubts(opened.without_unit, keys.num_rows)
        stored = _stored(connection, keys, named(visits))
        compared = compare(connection, ss_prediction, _KEY, stored, _rows(opened, known, keys))
        if keep:
            compared.same |= compared.stored
        if not replace and compared.differ.any():
            raise _changed_error(opened, keys, compared)
        if replace or not compared.same.any():
            told += store(keys)
        elif compared.same.any():
            # Visits of which all rows are stored as they are stay as they are, and are not associated again.
            told += store(keys.filter(pa.array(~compared.same)))
        grown = statistics_outgrown(connection, ss_prediction, visits, keys.num_rows)
    if grown:
        analyze_partitions(database, ss_prediction, visits, keys.num_rows)
    return opened.report("predictions", keys.num_rows, len(visits), told, **compared.counts())


def _rows(
    opened: OpenInput, known: Mapping[str, np.ndarray], keys: pa.Table, gathered: Gathered | None = None
) -> Iterator[pa.Table]:
    """The rows to be stored, a part at a time."""
    start = 0
    for numbers, rows in opened.usable():
        of_rows = keys.slice(start, rows.num_rows)
        rows = with_column(rows, "ssObjectId", of_rows.column("ssObjectId"), pa.int64())
        rows = with_designations(rows, of_rows.column("designation").cast(pa.string()))
        yield fill_midpoints(rows, opened.name, known, numbers)
        if gathered is not None:
            gathered.add(rows)
        start += rows.num_rows


def _stored(connection: sa.Connection, keys: pa.Table, visits: Visits) -> np.ndarray:
    """Which rows are of an object that is predicted for their visit already; ``visits`` are theirs."""
    # Mostly it is the first that is heard of these visits.
    none_yet = ~sa.exists().where(ss_prediction.c.visit.in_(visits))
    if connection.execute(sa.select(none_yet)).scalar_one():
        return np.zeros(keys.num_rows, bool)
    with staged(connection, ss_prediction, keys.select(_KEY)) as given:
        columns = [given.c[name] for name in _KEY]
        same = [ss_prediction.c[column.name] == column for column in columns]
        of_visits = ss_prediction.c.visit.in_(visits)
        found = read_arrays(connection, sa.select(*columns).where(*same, of_visits).order_by(*columns))
    return np.isin(keys_of([ids(keys, name) for name in _KEY]), keys_of([*found.values()]))


def _changed_error(opened: OpenInput, keys: pa.Table, compared: Comparison) -> InputError:
    """What names the rows that are stored already with other values."""
    rows = np.flatnonzero(compared.differ)
    pairs = zip(*(ids(keys, column)[rows[:MOST_SHOWN]].tolist() for column in _KEY), strict=True)
    return InputError(
        f"{opened.name}: {len(rows):,} predictions are stored already with other values ((visit, ssObjectId) "
        f"{shown(pairs, n=len(rows))}; {named_rows(opened.problems.usable()[rows])}): {compared.example}: replace "
        f"those of the visits with {option('--replace', 'replace=True')}"
    )


def _also_covered(connection: sa.Connection, visits: np.ndarray, replace: bool) -> np.ndarray:
    """The visits of a complete input, and the stored ones about which it says something by having no rows of them.

    Those are all that were never asked for or, where predictions are replaced, all. No other visit can come before
    the transaction ends.
    """
    lock_creation(connection)
    others = sa.select(visit_table.c.visit)
    if not replace:
        others = others.where(visit_table.c.predictionsAt.is_(None))
    return np.union1d(visits, read_arrays(connection, others)["visit"])


def _of_covered(connection: sa.Connection, new: sa.Table, covers: tuple[int, int]) -> sa.ColumnElement[bool]:
    """Which predictions of a visit make way for the new ones of a detector: of their objects, and those on it.

    Raises ConfigError if the detector has no footprint.
    """
    visit, detector = covers
    this = (visit_detector.c.visit == visit) & (visit_detector.c.detector == detector)
    footprint = connection.execute(sa.select(visit_detector.c.footprint).where(this)).scalar_one_or_none()
    if footprint is None:
        raise ConfigError(f"visit {visit}, detector {detector} has no footprint: ingest its outline first")
    object_id = ss_prediction.c.ssObjectId
    columns = sa.select(object_id, ss_prediction.c.ephRa, ss_prediction.c.ephDec)
    stored = read_arrays(connection, columns.where(ss_prediction.c.visit == visit))
    outline, ra, dec = unpack_outlines([footprint]), stored["ephRa"], stored["ephDec"]
    distances = edge_distances(outline, bounding_caps(outline), np.zeros(len(ra), np.intp), ra, dec)
    on_detector = stored["ssObjectId"][distances >= 0].tolist()
    return object_id.in_(sa.select(new.c.ssObjectId)) | object_id.in_(on_detector)
