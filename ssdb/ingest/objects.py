"""Loads DiaObjects of others into DiaObject, DiaObjectLast and DiaObjectMoment, so that sources are added to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, InputError, shown
from ssdb.ingest.table.checks import Problems, check_not_null, check_positions, check_ranges, repeated
from ssdb.ingest.table.comparison import Comparison, compare
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.ingest.table.report import IngestReport
from ssdb.io.input_file import input_of
from ssdb.schema.apdb_dia import BANDS, dia_object, dia_source
from ssdb.schema.arrow import with_column
from ssdb.schema.dia import dia_object_base
from ssdb.sky.cells import cells_near
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.locks import lock_cells
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.dia_bases import replace_bases
from ssdb.store.tables.dia_changes import MARGIN_DEG, stored_config
from ssdb.store.tables.dia_objects import store_given
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import Progress
from ssdb.units import Array, Index, Integers

_NUMBERS = tuple(f"{letter}_psfFluxNdata" for letter in BANDS)
_START, _END = "validityStartMjdTai", "validityEndMjdTai"
_NOT_BELOW_0 = ("nDiaSources", *_NUMBERS, *(f"{letter}_psfFluxSigma" for letter in BANDS))
_FILLED = (_START, *_NUMBERS)


def ingest_objects(
    database: Database,
    source: Input,
    *,
    columns: Any = None,
    position: str | None = None,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores DiaObjects of others, as if their sources had been given to them here.

    Sources of later visits are added to their places and fluxes. The sources that an object counts already must not
    come again. Of several versions of an object (validityStartMjdTai) the newest counts, unless it has ended.

    An object that is stored already from such a table is replaced, unless it has got sources or was merged here.
    InputError if the input is not usable, or an object cannot be replaced. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        Parquet, FITS, ECSV, CSV, VOTable, or a table in memory, with the columns of DiaObject: at least diaObjectId,
        ra, dec (ICRS) and nDiaSources. Without the number of fluxes of a band (psfFluxNdata) a mean counts as one flux.
    columns : ColumnMap, mapping or path, optional
        How the input's columns become those of DiaObject.
    position : {"weighted", "mean"}, optional
        How the places of sources will count, as of :class:`ssdb.DiaConfig`. Otherwise as in the last association.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    opened = OpenInput(input_of(source, table, type), dia_object, columns, filled=_FILLED)
    found = _looked_through(opened)
    with database.writing() as connection:
        before = _stored(connection, found.ids)
        cells = [cells_near(ra, dec, MARGIN_DEG) for ra, dec in ((found.ra, found.dec), before[1:])]
        lock_cells(connection, np.unique(np.concatenate(cells)))
        there = np.isin(found.ids, _stored(connection, found.ids)[0])
        _refuse_others(connection, opened.name, found, there)
        compared = compare(connection, dia_object_base, ("diaObjectId",), there, _rows(opened, found))
        _refuse_used(connection, opened.name, found, compared)
        config, now = stored_config(connection), mjd_tai_now()
        config = replace(config, position=position or config.position)
        for rows in compared.but_same(_rows(opened, found)):
            if rows.num_rows:
                store_given(connection, replace_bases(connection, rows), config, now)
            if progress:
                progress(rows.num_rows, len(found.ids))
    return opened.report("DiaObjects", len(found.ids), 0, found.told, **compared.counts())


class _Found(NamedTuple):
    """The newest versions of objects, in the order of the input: their rows (from 0), identifiers and places."""

    row: Index
    ids: Integers
    ra: Array
    dec: Array
    told: tuple[str, ...]


def _looked_through(opened: OpenInput) -> _Found:
    """Raises InputError for all rows that are not usable."""
    parts: list[tuple[np.ndarray, ...]] = []
    for problems, rows in opened.parts():
        _check(problems, rows)
        # NULL becomes NaN; of identifiers it is told.
        ids = pc.fill_null(rows.column("diaObjectId"), 0).to_numpy().astype(np.int64)
        times = [_times(rows, name) for name in (_START, _END)]
        parts.append((ids, *(rows.column(name).to_numpy() for name in ("ra", "dec")), *times))
    ids, ra, dec, start, end = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    version = np.where(np.isnan(start), -np.inf, start)
    of_version = f" for one {_START}" if _START in opened.columns else ""
    opened.problems.add(
        repeated([ids, version.view(np.int64)], ~opened.problems.bad), f"diaObjectId is there twice{of_version}"
    )
    opened.problems.raise_if_any()
    order = np.lexsort((version, ids))
    newest = np.ones(len(ids), bool)
    newest[order[:-1]] = ids[order[1:]] != ids[order[:-1]]
    ended = newest & ~np.isnan(end)
    told = []
    if not newest.all():
        told.append(f"{np.count_nonzero(~newest):,} earlier versions of objects left out")
    if ended.any():
        told.append(f"{np.count_nonzero(ended):,} objects left out that have ended ({_END})")
    row = np.flatnonzero(newest & ~ended)
    return _Found(row, ids[row], ra[row] % 360.0, dec[row], tuple(told))


def _check(problems: Problems, rows: pa.Table) -> None:
    check_not_null(problems, rows, ["diaObjectId", "nDiaSources"])
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_object)
    for name in _NOT_BELOW_0:
        if name in rows.schema.names:
            problems.add(rows.column(name).to_numpy() < 0, f"{name} is below 0")
    first, last = (_times(rows, name) for name in ("firstDiaSourceMjdTai", "lastDiaSourceMjdTai"))
    problems.add(first > last, "firstDiaSourceMjdTai is after lastDiaSourceMjdTai")


def _times(rows: pa.Table, name: str) -> Array:
    """A column of times, NaN where they are unknown."""
    return rows.column(name).to_numpy() if name in rows.schema.names else np.full(rows.num_rows, np.nan)


def _rows(opened: OpenInput, found: _Found) -> Iterator[pa.Table]:
    """The rows of the newest versions as those of DiaObjectBase."""
    for numbers, rows in opened.usable():
        chosen = rows.filter(pa.array(np.isin(numbers - 1, found.row)))
        for letter, name in zip(BANDS, _NUMBERS, strict=True):
            mean = f"{letter}_psfFluxMean"
            known = chosen.column(mean).is_valid() if mean in chosen.schema.names else pa.repeat(False, chosen.num_rows)
            number = pc.cast(known, pa.int32())
            if name in chosen.schema.names:
                number = pc.coalesce(chosen.column(name), number)
            chosen = with_column(chosen, name, number, pa.int32())
        yield chosen.drop_columns([_END]) if _END in chosen.schema.names else chosen


# ---- what is stored already ------------------------------------------------------------------------------------------


def _stored(connection: sa.Connection, ids: Integers) -> tuple[Integers, Array, Array]:
    """Those of the objects that are stored from such tables: diaObjectId, ra and dec."""
    base = dia_object_base.c
    with listed(connection, "given_object", ids) as among, index_loops(connection):
        wanted = sa.select(base.diaObjectId, base.ra, base.dec).where(among(base.diaObjectId))
        found = read_arrays(connection, wanted, bounded=True)
    return found["diaObjectId"], found["ra"], found["dec"]


def _refuse_others(connection: sa.Connection, name: str, found: _Found, there: np.ndarray) -> None:
    """Raises InputError if an identifier is that of an object which was made here."""
    others = found.ids[~there]
    with listed(connection, "given_object", others) as among, index_loops(connection):
        wanted = sa.select(dia_object.c.diaObjectId).where(among(dia_object.c.diaObjectId))
        own = np.unique(read_arrays(connection, wanted, bounded=True)["diaObjectId"])
    if len(own):
        raise InputError(
            f"{name}: {len(own):,} objects are stored already, made of sources that are here (diaObjectId "
            f"{shown(own[:MOST_SHOWN].tolist(), n=len(own))}): leave them out"
        )


def _refuse_used(connection: sa.Connection, name: str, found: _Found, compared: Comparison) -> None:
    """Raises InputError if an object that has other values now has got sources, or was merged."""
    differ = found.ids[compared.differ]
    base, source = dia_object_base.c, dia_source.c
    with listed(connection, "given_object", differ) as among, index_loops(connection):
        of_sources = sa.select(source.diaObjectId).where(among(source.diaObjectId))
        having = read_in_turns(connection, of_sources, dia_source, bounded=True)["diaObjectId"]
        merged = sa.select(base.diaObjectId, base.currentId).where(
            among(base.diaObjectId) | among(base.currentId), base.currentId != base.diaObjectId
        )
        used = read_arrays(connection, merged, bounded=True)
    numbers = np.intersect1d(differ, np.concatenate([having, *used.values()]))
    if len(numbers):
        example = f": {compared.example}" if compared.example else ""
        raise InputError(
            f"{name}: {len(numbers):,} objects are stored already with other values, and have got sources since, or "
            f"were merged (diaObjectId {shown(numbers[:MOST_SHOWN].tolist(), n=len(numbers))}){example}: leave them out"
        )
