"""Loads forced photometry that somebody else measured into DiaForcedSource or SsForcedSource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import InputError, shown
from ssdb.ingest.table.checks import (
    Problems,
    check_not_null,
    check_positions,
    check_ranges,
    check_unique,
    valid_rows,
)
from ssdb.ingest.table.comparison import compare, keys_of
from ssdb.ingest.table.identify_rows import identified, under_primary_designations
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.ingest.table.report import IngestReport
from ssdb.ingest.table.visits_of_rows import FirstLook, fill_midpoints, lock_visits_of, refuse_far, rows_of_visits
from ssdb.io.input_file import input_of
from ssdb.made_ids import made_ids
from ssdb.schema.apdb_dia import dia_forced_source, dia_object_last
from ssdb.schema.arrow import arrow_schema, ids, with_column
from ssdb.schema.columns import long, text
from ssdb.schema.dia import ss_forced_source
from ssdb.schema.survey import visit
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.forced import KEYS, merge
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import of_key, staged
from ssdb.store.transfer.write import Progress

_FLUXES = ("psfFlux", "scienceFlux")
_TWICE = "the object is there twice for one visit and detector"

_given = dia_forced_source.to_metadata(sa.MetaData(), name="forced_fluxes")
for _name in ("ssForcedSourceId", "ssObjectId"):
    _given.append_column(long(_name, "", "meta.id;src", ss_forced_source.c[_name].info["comment"]))
_given.append_column(text("designation", "", "meta.id;src", "Any designation or name of the object"))
_FILLED = tuple(column.name for column in _given.columns if column.name not in ("visit", "ra", "dec"))


def ingest_forced(
    database: Database,
    source: Input,
    *,
    columns: Any = None,
    skip_invalid: bool = False,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores fluxes at the places of objects; those that are stored for the same object and detector are replaced.

    InputError or DesignationError if the input is not usable. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of DiaForcedSource or SsForcedSource:
        visit, ra, dec (where it was measured, ICRS), diaObjectId, or ssObjectId or designation, and psfFlux,
        scienceFlux (nJy) or both. Without detector it is 0, without midpointMjdTai (MJD TAI) or band the visit's;
        identifiers of the measurements are made where there are none.
    columns : ColumnMap, mapping or path, optional
        How the input's columns become these.
    skip_invalid : bool
        Store the usable rows and count the others, instead of refusing the input.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    opened = OpenInput(input_of(source, table, type), _given, columns, filled=_FILLED)
    target = _target(opened)
    of_known = target is ss_forced_source
    given = opened.whole()
    names: dict[str, int] = {}
    if of_known:
        problems = opened.problems if skip_invalid else None
        given, names = identified(database, opened.name, given, False, problems)
    if "detector" not in given.schema.names:
        given = with_column(given, "detector", np.zeros(given.num_rows), pa.int16())
    found = FirstLook("ra", "dec")
    _check(opened.problems, given, target)
    rows, _ = valid_rows(given, opened.problems, skip_invalid)
    numbers = opened.problems.usable()
    found.add(rows)
    visits = np.unique(ids(rows, "visit"))
    with database.writing() as connection:
        if of_known:
            lock_names(connection, shared=True)
        known = lock_visits_of(connection, opened.name, visits)
        refuse_far(opened, found.times, known)
        if of_known:
            # Instead of the visit a number for each row: an object may be on several detectors of one.
            keys = with_column(rows, "visit", np.arange(rows.num_rows), pa.int64())
            primary = under_primary_designations(connection, opened.name, keys, numbers, names)
            rows = with_column(rows, "ssObjectId", primary.column("ssObjectId"), pa.int64())
            again = Problems(opened.name, rows.num_rows, numbers)
            check_unique(again, rows, KEYS[target], _TWICE)
            again.raise_if_any()
        rows = fill_midpoints(rows, opened.name, known, numbers)
        rows = _with_bands(connection, rows, known["visit"])
        kept = [field for field in arrow_schema(target) if field.name in rows.schema.names]
        rows = rows.select([field.name for field in kept]).cast(pa.schema(kept))
        compared = compare(connection, target, KEYS[target], stored_fluxes(connection, target, rows), [rows])
        told = found.doubts(opened.without_unit, rows.num_rows)
        if target is dia_forced_source:
            told += _without_object(connection, rows)
        (new,) = compared.but_same([rows])
        new = _completed(new, target)
        with staged(connection, target, new.select(KEYS[target])) as keys_of_new:
            merge(connection, target, keys_of_new, new, progress)
    if of_known:
        analyze_partitions(database, target, visits, rows.num_rows)
    return opened.report("forced fluxes", rows.num_rows, len(visits), told, **compared.counts())


def _target(opened: OpenInput) -> sa.Table:
    """The table that an input is for; InputError if it does not say whose fluxes it has, or has none."""
    of_known = [name for name in ("ssObjectId", "designation") if name in opened.columns]
    of_dia = ["diaObjectId"] if "diaObjectId" in opened.columns else []
    if bool(of_known) == bool(of_dia):
        several = (
            f"both {shown([*of_dia, *of_known])}" if of_dia else "neither diaObjectId nor ssObjectId or designation"
        )
        raise InputError(f"{opened.name}: has {several}: fluxes are of DiaObjects, or of known objects")
    if not any(name in opened.columns for name in _FLUXES):
        raise InputError(
            f"{opened.name}: has no fluxes: neither {' nor '.join(_FLUXES)} is there; it has "
            f"{shown(opened.columns, 30)}"
        )
    return ss_forced_source if of_known else dia_forced_source


def _check(problems: Problems, rows: pa.Table, target: sa.Table) -> None:
    """Notes what is wrong with rows."""
    key = KEYS[target]
    check_not_null(problems, rows, key)
    check_positions(problems, rows)
    check_ranges(problems, rows, _given)
    check_unique(problems, rows, key, _TWICE)


def _with_bands(connection: sa.Connection, rows: pa.Table, visits: np.ndarray) -> pa.Table:
    """Rows whose band is that of their visit where it is unknown; or their fluxes would count in no mean."""
    with staged(connection, visit, pa.table({"visit": visits})) as given:
        wanted = sa.select(visit.c.visit, visit.c.band).join(given, given.c.visit == visit.c.visit)
        stored = connection.execute(wanted.order_by(visit.c.visit)).all()
    known = np.array([row.visit for row in stored], np.int64)
    bands = pa.array([row.band for row in stored], pa.string())
    of_visit = bands.take(pa.array(rows_of_visits(ids(rows, "visit"), known)[0]))
    if "band" in rows.schema.names:
        of_visit = pc.coalesce(rows.column("band").combine_chunks().cast(pa.string()), of_visit)
    return with_column(rows, "band", of_visit, pa.string())


def stored_fluxes(connection: sa.Connection, target: sa.Table, rows: pa.Table) -> np.ndarray:
    """Which rows have a key that is stored in a table of forced fluxes."""
    key: Sequence[str] = KEYS[target]
    with staged(connection, target, rows.select(key)) as given:
        columns = [given.c[name] for name in key]
        found = read_arrays(connection, sa.select(*columns).where(of_key(target, key, given)).order_by(*columns))
    if not len(found["visit"]):
        return np.zeros(rows.num_rows, bool)
    return np.isin(keys_of([ids(rows, name) for name in key]), keys_of([*found.values()]))


def _without_object(connection: sa.Connection, rows: pa.Table) -> tuple[str, ...]:
    """How many rows are of DiaObjects that are not stored."""
    objects = np.unique(ids(rows, "diaObjectId"))
    with staged(connection, dia_object_last, pa.table({"diaObjectId": objects})) as given:
        same = dia_object_last.c.diaObjectId == given.c.diaObjectId
        known = read_arrays(connection, sa.select(given.c.diaObjectId).where(same))["diaObjectId"]
    others = objects[~np.isin(objects, known)]
    return (f"{len(others):,} of its DiaObjects are not stored (diaObjectId {shown(others)})",) if len(others) else ()


def _completed(rows: pa.Table, target: sa.Table) -> pa.Table:
    """Rows with an identifier, and the time at which they came, where these are unknown."""
    made = made_ids(*(ids(rows, name) for name in KEYS[target]))
    now = np.full(len(made), mjd_tai_now())
    for name, values in ((target.columns[0].name, made), ("timeProcessedMjdTai", now)):
        new = pa.array(values)
        if name in rows.schema.names:
            new = pc.coalesce(rows.column(name).combine_chunks(), new)
        rows = with_column(rows, name, new, new.type)
    schema = pa.schema([field for field in arrow_schema(target) if field.name in rows.schema.names])
    return rows.select(schema.names).cast(schema)
