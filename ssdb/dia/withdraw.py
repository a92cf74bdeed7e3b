"""Takes sources back that were found to be none: they stay stored, and count in nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from ssdb.errors import InputError, NotFoundError, UsageError, option, shown
from ssdb.ingest.table.checks import check_not_null
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.io.input_file import input_of
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import ids
from ssdb.schema.columns import long
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.tables import sources as table_of_sources
from ssdb.store.tables.dia_changes import release_sources
from ssdb.store.tables.results import remove_results_of_sources
from ssdb.store.tables.visits import lock_visits, require_visits
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Columns, Integers

_withdrawn = sa.Table("sources", sa.MetaData(), long("diaSourceId", "", "meta.id", "Source", primary_key=True))


@dataclass(frozen=True, slots=True)
class WithdrawReport:
    """What :func:`withdraw` did."""

    n_withdrawn: int
    """Sources that were taken back now."""
    n_before: int
    """Those that had been taken back before; they keep their time."""
    n_matches: int
    """Of the sources taken back now, those that were known objects. Their visits are pending again."""
    n_of_objects: int
    """Those that belonged to DiaObjects, which have been computed anew or closed."""


def withdraw(
    database: Database,
    source: Input | None = None,
    *,
    visit: int | None = None,
    detector: int | None = None,
    table: str | int | None = None,
    type: str | None = None,
) -> WithdrawReport:
    """Takes sources back: those of a table with their diaSourceId, or all of a visit or of a detector of it.

    They stay in DiaSource, with the time (timeWithdrawnMjdTai), and are neither known objects nor of DiaObjects any
    more; DiaObjects without other sources are closed. Nothing is stored if a source is not in the database.

    Raises
    ------
    UsageError
        Unless either a table or a visit is given.
    InputError
        If the table is not usable, or has sources that are not stored.
    NotFoundError
        If the visit is not in the database, or has no source there.
    """
    if (source is None) == (visit is None) or (detector is not None and visit is None):
        raise UsageError(f"say either which sources, or {option('--visit', 'visit=')} and perhaps a detector of it")
    wanted = None if source is None else _given(input_of(source, table, type))
    with database.writing() as connection:
        found = _found(connection, wanted, visit, detector)
        visits = np.unique(found["visit"])
        lock_visits(connection, visits)
        found = _found(connection, wanted, visit, detector)
        now = mjd_tai_now()
        fresh = found["diaSourceId"][np.isnan(found["timeWithdrawnMjdTai"])]
        n_matches = n_of_objects = 0
        if len(fresh):
            numbers = visits.tolist()
            table_of_sources.withdraw(connection, numbers, fresh, now)
            n_matches = remove_results_of_sources(connection, numbers, fresh)
            with listed(connection, "withdrawn_source", fresh) as among:
                n_of_objects = release_sources(connection, numbers, among(dia_source.c.diaSourceId))
    return WithdrawReport(len(fresh), len(found["visit"]) - len(fresh), n_matches, n_of_objects)


def _given(source: Input) -> Integers:
    opened = OpenInput(source, _withdrawn, at_once=True, mappable=False)
    rows = opened.whole()
    check_not_null(opened.problems, rows, ["diaSourceId"])
    opened.problems.raise_if_any()
    return np.unique(ids(rows, "diaSourceId"))


def _found(connection: sa.Connection, wanted: Integers | None, visit: int | None, detector: int | None) -> Columns:
    """diaSourceId, visit and timeWithdrawnMjdTai of the sources, which must all be there."""
    columns = [dia_source.c[name] for name in ("diaSourceId", "visit", "timeWithdrawnMjdTai")]
    if wanted is not None:
        found = table_of_sources.read_listed(connection, dia_source.c.diaSourceId, wanted, columns)
        missing = np.setdiff1d(wanted, found["diaSourceId"])
        if len(missing):
            which = shown(missing[:3].tolist(), n=len(missing))
            raise InputError(f"{len(missing):,} sources are not in the database (diaSourceId {which})")
        return found
    statement = sa.select(*columns).where(dia_source.c.visit == visit)
    if detector is not None:
        statement = statement.where(dia_source.c.detector == detector)
    require_visits(connection, [int(visit or 0)])
    found = read_arrays(connection, statement, bounded=True)
    if not len(found["visit"]):
        which = f"visit {visit}" if detector is None else f"visit {visit}, detector {detector}"
        raise NotFoundError(f"{which} has no source in the database")
    return found
