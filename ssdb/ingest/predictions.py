"""Predicted objects into SsPrediction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.designation import identify, packed_from_id
from ssdb.errors import ConfigError, DesignationError, InputError, shown
from ssdb.files import label
from ssdb.ingest.checks import (
    Problems,
    check_not_null,
    check_positions,
    check_times,
    check_unique,
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
    with_column,
)
from ssdb.ingest.sorcha import is_sorcha, read_sorcha
from ssdb.schema.solar_system import numbered_identifications
from ssdb.schema.survey import ss_prediction, visit
from ssdb.store.database import Database
from ssdb.store.read import read_arrays
from ssdb.store.staging import staged
from ssdb.store.visits import clear_results, lock_creation, lock_visits, mark_pending
from ssdb.store.write import Progress, write_rows

FORMATS = ("auto", "ssdb", "sorcha")
"""Formats of predictions; ``auto`` looks at the columns."""

_FASTEST_DEG_PER_DAY = 1000.0
"""No natural object has been seen as fast; one at the distance of low satellites would be."""

_FILLED = ("ssObjectId", "designation", "midpointMjdTai")

_given = ss_prediction.to_metadata(sa.MetaData())
_given.c.designation.type = sa.Text()  # "C/2017 K2 (PANSTARRS)" is longer than what is stored of it


def ingest_predictions(
    database: Database,
    source: Source,
    *,
    format: str = "auto",
    columns: Any = None,
    replace: bool = False,
    complete: bool = False,
    simulated_names: bool = False,
    skip_invalid: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores the objects predicted for exposures, and sets those visits back to pending.

    Parameters
    ----------
    database : Database
        Where to.
    source : path or table
        In ssdb's own columns (Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of
        SsPrediction: at least visit, ephRa, ephDec, and designation or ssObjectId), or as Sorcha writes it.
    format : {"auto", "ssdb", "sorcha"}
        What the source is.
    columns : ColumnMap, mapping or path, optional
        How the source's columns become those of SsPrediction (not for Sorcha's files).
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
    read = _reader(source, format, columns, simulated_names)
    name, conformed = read_conformed(source, _given, columns, filled=_FILLED, strings=("designation",), read=read)
    rows, numbers = _checked(name, conformed.table, simulated_names, skip_invalid)
    invalid = conformed.table.num_rows - rows.num_rows
    visits = np.unique(ids(rows, "visit"))
    with database.writing() as connection:
        known = lock_visits(connection, _covered(connection, visits, replace) if complete else visits)
        refuse_unknown_visits(name, ids(rows, "visit"), known["visit"], "ingest them first")
        rows = _with_primary_designations(connection, name, rows, numbers)
        rows = fill_midpoints(rows, name, known, numbers)
        with staged(connection, ss_prediction, rows.select(["visit", "ssObjectId"])) as new:
            touched = sa.select(new.c.visit).distinct()
            if replace:
                replaced = sa.select(visit.c.visit) if complete else touched
                clear_results(connection, replaced)
                connection.execute(sa.delete(ss_prediction).where(ss_prediction.c.visit.in_(replaced)))
            _refuse_stored(connection, name, new)
            write_rows(connection, ss_prediction, rows, progress)
            mark_pending(connection, touched)
            _set_loaded(connection, touched, complete)
    return IngestReport(
        name,
        "predictions",
        rows.num_rows,
        len(visits),
        invalid,
        conformed.left_out,
        conformed.without_unit,
        doubts_about_units(rows, conformed.without_unit, "ephRa", "ephDec"),
    )


def _reader(source: Source, format: str, columns: Any, simulated_names: bool) -> Callable[[Any], pa.Table] | None:
    if format not in FORMATS:
        raise ConfigError(f"format must be one of {', '.join(FORMATS)}, not {format!r}")
    if format == "ssdb" or (format == "auto" and not is_sorcha(source)):
        return None
    if columns is not None:
        raise ConfigError(f"{label(source)}: a column map is for files in other columns than Sorcha's")
    return partial(read_sorcha, simulated_names=simulated_names)


def _checked(name: str, rows: pa.Table, simulated_names: bool, skip_invalid: bool) -> tuple[pa.Table, np.ndarray]:
    """The usable rows, and their numbers in the file."""
    rows = _identified(name, rows, simulated_names)
    problems = Problems(name, rows.num_rows)
    check_not_null(problems, rows, ["visit"])
    check_positions(problems, rows, "ephRa", "ephDec")
    if "midpointMjdTai" in rows.column_names:
        check_times(problems, rows)
    for rate in [column for column in ("ephRateRa", "ephRateDec") if column in rows.column_names]:
        fast = np.abs(rows.column(rate).to_numpy()) > _FASTEST_DEG_PER_DAY
        problems.add(fast, f"{rate} is beyond {_FASTEST_DEG_PER_DAY:g} deg/d: is it in deg/d?")
    check_unique(problems, rows, ["visit", "ssObjectId"], "the object is there twice for one visit")
    rows, _ = valid_rows(rows, problems, skip_invalid)
    rows = with_column(rows, "ephRa", normalised_ra(rows.column("ephRa").to_numpy()), pa.float64())
    return rows, problems.numbers[~problems.bad]


def _identified(name: str, rows: pa.Table, simulated_names: bool) -> pa.Table:
    """Rows with both ssObjectId and designation; one makes the other, and where both are given they must agree."""
    has_id, has_name = ("ssObjectId" in rows.column_names), ("designation" in rows.column_names)
    if not has_id and not has_name:
        raise InputError(
            f"{name}: there is neither a column designation nor ssObjectId; it has {shown(rows.column_names, 30)}"
        )
    n = rows.num_rows
    given = rows.column("ssObjectId").fill_null(0).to_numpy() if has_id else np.zeros(n, np.int64)
    names = rows.column("designation") if has_name else pa.chunked_array([pa.nulls(n, pa.string())])
    if names.null_count:
        names = _named_by_id(name, names, given)
    object_ids, designations = identify(names, name, simulated_names)
    problems = Problems(name, n)
    problems.add((given != object_ids) & (given != 0), "ssObjectId is not that of the designation")
    problems.raise_if_any()
    rows = with_column(rows, "ssObjectId", object_ids, pa.int64())
    return with_column(rows, "designation", pa.array(designations.tolist(), pa.string()), pa.string())


def _named_by_id(name: str, names: pa.ChunkedArray, given: np.ndarray) -> pa.Array:
    """Names of objects; where they are NULL, the packed designations of which ssObjectId was made."""
    unnamed = names.is_null().to_numpy()
    unique, inverse = np.unique(given[unnamed], return_inverse=True)
    packed = np.full(len(names), None, object)
    packed[unnamed] = np.array([_packed(object_id) for object_id in unique.tolist()], object)[inverse]
    unusable = unnamed & np.array([made is None for made in packed], bool)
    problems = Problems(name, len(names))
    problems.add(unusable & (given == 0), "there is neither a designation nor an ssObjectId")
    problems.add(unusable & (given != 0), "ssObjectId is not made from a packed designation")
    problems.raise_if_any()
    return pa.array([known or made for known, made in zip(names.to_pylist(), packed, strict=True)], pa.string())


def _packed(object_id: int) -> str | None:
    try:
        return packed_from_id(object_id)
    except DesignationError:
        return None


def _with_primary_designations(connection: sa.Connection, name: str, rows: pa.Table, numbers: np.ndarray) -> pa.Table:
    """Numbered objects under their primary provisional designations, where the database knows these."""
    numbered = sa.select(
        numbered_identifications.c.permid, numbered_identifications.c.unpacked_primary_provisional_designation
    )
    given = rows.column("designation").to_pylist()
    wanted = {value for value in set(given) if value.isdigit() or value[:-1].isdigit()}
    if not wanted or not connection.execute(sa.select(sa.exists(numbered))).scalar_one():
        return rows
    primary = {permid: main for permid, main in connection.execute(numbered) if permid in wanted}
    changed = np.array([value in primary for value in given], bool)
    if not changed.any():
        return rows
    object_ids, designations = ids(rows, "ssObjectId").copy(), np.array(given, object)
    main_names = [primary[value] for value in designations[changed]]
    object_ids[changed], designations[changed] = identify(main_names, "numbered_identifications")
    rows = with_column(rows, "ssObjectId", object_ids, pa.int64())
    rows = with_column(rows, "designation", pa.array(designations.tolist(), pa.string()), pa.string())
    problems = Problems(name, rows.num_rows, numbers)
    check_unique(problems, rows, ["visit", "ssObjectId"], "the object is there twice for one visit, under two names")
    problems.raise_if_any()
    return rows


def _covered(connection: sa.Connection, visits: np.ndarray, replace: bool) -> np.ndarray:
    """The visits of a complete file, and the stored ones about which it says something by having no rows of them.

    Those are all that were never asked for or, where predictions are replaced, all. No other visit can come before
    the transaction ends.
    """
    lock_creation(connection)
    others = sa.select(visit.c.visit)
    if not replace:
        others = others.where(visit.c.predictionsAt.is_(None))
    return np.union1d(visits, read_arrays(connection, others)["visit"])


def _refuse_stored(connection: sa.Connection, name: str, new: sa.Table) -> None:
    """Raises InputError if an object is predicted for a visit already."""
    same = (new.c.visit == ss_prediction.c.visit) & (new.c.ssObjectId == ss_prediction.c.ssObjectId)
    again = sa.select(new.c.visit, new.c.ssObjectId).where(same).order_by(new.c.visit, new.c.ssObjectId)
    stored = connection.execute(again).all()
    if stored:
        raise InputError(
            f"{name}: {len(stored):,} predictions are stored already "
            f"((visit, ssObjectId) {shown(tuple(row) for row in stored)}): replace those of the visits with --replace"
        )


def _set_loaded(connection: sa.Connection, visits: sa.Select, complete: bool) -> None:
    """Notes that predictions were loaded for visits and, if they were complete, for all that had none yet."""
    now = datetime.now(UTC).replace(tzinfo=None)
    concerned: sa.ColumnElement[bool] = visit.c.visit.in_(visits)
    if complete:
        concerned |= visit.c.predictionsAt.is_(None)
    connection.execute(sa.update(visit).where(concerned).values(predictionsAt=now))
