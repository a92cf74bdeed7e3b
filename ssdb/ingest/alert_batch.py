"""Stores the rows of some packets of alerts in one transaction, and counts them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError
from ssdb.ingest.forced import ingest_forced, stored_fluxes
from ssdb.ingest.formats.alerts import AlertRows, Survey, orbits_of, predictions_of
from ssdb.ingest.orbits import add_orbits
from ssdb.ingest.predictions import add_predictions
from ssdb.ingest.sources import ingest_sources, stored_sources
from ssdb.ingest.table.conform import conform
from ssdb.ingest.table.visits_of_rows import (
    create_missing_visits,
    refuse_unknown_visits,
    rows_of_extremes,
    rows_of_visits,
)
from ssdb.schema.apdb_dia import dia_forced_source, dia_source
from ssdb.schema.arrow import ids, with_column
from ssdb.sky.cells import cells_near
from ssdb.sky.sphere import separations
from ssdb.store.database import Database
from ssdb.store.locks import lock_cells
from ssdb.store.tables.aliases import lock_names
from ssdb.store.tables.dia_changes import MARGIN_DEG, cells_of_sources, give_to_objects
from ssdb.store.tables.forced import KEYS
from ssdb.store.tables.visits import lock_visits
from ssdb.store.transfer.nested import Nested
from ssdb.units import ARCSEC_PER_DEG, Integers, Mask

_FARTHEST_DEG = 1.0
"""No survey takes sources so far from each other for one object."""

_OBJECT = "diaObjectId"
_OF_VISIT = ("visit", "midpointMjdTai", "band", "exposureTime")

_NAMELESS = (
    "{n:,} earlier sources left out: their identifiers are floating-point numbers, which have lost digits, or not "
    "from 1 to 2^63 - 1"
)


@dataclass(slots=True)
class AlertReport:
    """What became of the packets of a file or folder: how many rows each kind got."""

    source: str
    packets: int = 0
    known: int = 0
    """Packets whose source was stored already, or came before in another packet."""
    sources: int = 0
    """Sources of packets that are new."""
    history: int = 0
    """New sources of before, in the same places."""
    forced: int = 0
    objects: int = 0
    """DiaObjects that got one of these sources."""
    predictions: int = 0
    orbits: int = 0
    visits: int = 0
    """Visits that were made."""
    withoutVisit: int = 0
    """Sources of before, and forced fluxes, whose visits are not stored: they were left out."""
    doubts: tuple[str, ...] = ()
    """What looks wrong and may be right."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)

    def add(self, other: AlertReport) -> None:
        """Adds what became of some more packets."""
        for one in fields(self)[1:-1]:
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))
        self.doubts = tuple(dict.fromkeys((*self.doubts, *other.doubts)))


class Batch:
    """The rows of some packets, on their way into the database."""

    def __init__(self, survey: Survey, rows: AlertRows, name: str, create_visits: bool, run_id: str) -> None:
        self.name, self.survey, self.create_visits, self.run_id = name, survey, create_visits, run_id
        self.report = AlertReport(name, packets=rows.n_packets)
        self.triggers = np.array(list(rows.triggers), np.int64)
        self.seen = np.array(rows.seen, np.int64)
        self.sources = self._table(survey.sources, [*rows.triggers.values(), *rows.history.values()], dia_source)
        # 0 of a source that belongs to none.
        given = self.sources.column(_OBJECT) if _OBJECT in self.sources.column_names else None
        self.objects = np.zeros(self.sources.num_rows, np.int64) if given is None else given.fill_null(0).to_numpy()
        self.fluxes = self._table(survey.fluxes, list(rows.forced.values()), dia_forced_source)
        if rows.n_nameless:
            self.report.doubts += (_NAMELESS.format(n=rows.n_nameless),)
        self.predictions, told = predictions_of(rows.predictions.values(), f"{name}, ssSource")
        self.report.doubts += told
        self.orbits = orbits_of(rows.orbits.values(), f"{name}, mpc_orbits")

    def _table(self, make: Callable[[list[Any], str], pa.Table], rows: list[Any], target: sa.Table) -> pa.Table:
        """Rows with the columns of a table, as it has them; none, without columns, if there are none."""
        if not rows:
            return pa.table({"visit": pa.array([], pa.int64())})
        name = f"{self.name}, {target.name}"
        try:
            made = make(rows, name)
        except KeyError as error:
            raise InputError(f"{name}: {error.args[0]}") from error
        filled = ("detector", "midpointMjdTai", "diaForcedSourceId", "timeProcessedMjdTai")
        conformed = conform(made, target, name, filled=filled)
        self.report.doubts += conformed.doubts
        table = conformed.table
        for needed in ("visit", "diaSourceId" if target is dia_source else _OBJECT):
            if needed not in table.column_names or table.column(needed).null_count:
                raise InputError(f"{name}: a packet has no {needed}")
        return table

    def store(self, database: Database) -> AlertReport:
        """Stores what is not stored yet, in one transaction."""
        with database.writing() as connection:
            nested = Nested(connection)
            # In the order of the locks.
            if self.predictions.num_rows or self.orbits.num_rows:
                lock_names(connection, shared=True)
            if self.orbits.num_rows:
                orbits = add_orbits(nested, self._labelled(self.orbits, "mpc_orbits"))
                self.report.orbits += orbits.new + orbits.changed
            self._lock_visits(connection)
            self._leave_out_stored(connection)
            self._lock_cells(connection)
            self._store_sources(connection, nested)
            self._store_fluxes(nested)
            if self.predictions.num_rows:
                told = add_predictions(nested, self._labelled(self.predictions, "ssSource"))
                self.report.predictions += told.new
                if told.invalid:
                    self.report.doubts += (f"{told.invalid:,} known objects left out because they are not usable",)
        return self.report

    def _labelled(self, table: pa.Table, what: str) -> pa.Table:
        return table.replace_schema_metadata({"label": f"{self.name}, {what}"})

    # ---- visits and locks --------------------------------------------------------------------------------------------

    def _lock_visits(self, connection: sa.Connection) -> None:
        """Makes visits that are missing, locks all, and leaves out the history of those that are not stored."""
        # What was seen makes no visit, wherever it is said to be now.
        self._keep(~stored_sources(connection, ids(self.sources, "diaSourceId")))
        tables = [table for table in (self.sources, self.fluxes) if table.num_rows]
        if not tables:
            return
        every = np.unique(np.concatenate([ids(table, "visit") for table in tables]))
        if self.create_visits:
            times = [rows_of_extremes(self._of_visits(table)) for table in tables]
            joined = pa.concat_tables(times, promote_options="default")
            made = create_missing_visits(connection, self.name, joined, "packets with times")
            self.report.visits += made
        of_packets = np.isin(ids(self.sources, "diaSourceId"), np.concatenate([self.triggers, self.seen]))
        known = _locked_visits(connection, self.name, every, ids(self.sources, "visit")[of_packets])
        n_before = self.sources.num_rows + self.fluxes.num_rows
        of_sources, of_fluxes = (rows_of_visits(ids(table, "visit"), known)[1] for table in (self.sources, self.fluxes))
        self._keep(of_sources)
        self.fluxes = self.fluxes.filter(pa.array(of_fluxes))
        self.report.withoutVisit += n_before - self.sources.num_rows - self.fluxes.num_rows

    def _of_visits(self, table: pa.Table) -> pa.Table:
        """The columns of rows that visits take."""
        taken = table.select([column for column in _OF_VISIT if column in table.column_names])
        taken = taken.replace_schema_metadata(None)
        for column, value in self.survey.visits.items():
            taken = with_column(taken, column, pa.repeat(value, taken.num_rows), pa.string())
        return taken

    def _keep(self, rows: np.ndarray) -> None:
        self.sources, self.objects = self.sources.filter(pa.array(rows)), self.objects[rows]

    def _leave_out_stored(self, connection: sa.Connection) -> None:
        """Leaves out the sources and fluxes that are stored already, whatever their values."""
        given = ids(self.sources, "diaSourceId")
        new = ~stored_sources(connection, given)
        is_trigger = np.isin(given, self.triggers)
        self.report.sources += int(np.count_nonzero(is_trigger & new))
        self.report.known += self.report.packets - self.report.sources
        self.report.history += int(np.count_nonzero(~is_trigger & new))
        self._keep(new)
        if self.fluxes.num_rows:
            keys = self.fluxes.select(list(KEYS[dia_forced_source]))
            self.fluxes = self.fluxes.filter(pa.array(~stored_fluxes(connection, dia_forced_source, keys)))

    def _lock_cells(self, connection: sa.Connection) -> None:
        places = {name: self.sources.column(name).to_numpy() for name in ("ra", "dec")} | {_OBJECT: self.objects}
        cells = cells_of_sources(connection, places, MARGIN_DEG)
        if self.fluxes.num_rows:
            ra, dec = (self.fluxes.column(name).to_numpy() for name in ("ra", "dec"))
            placed = np.isfinite(ra) & np.isfinite(dec)
            cells = np.union1d(cells, cells_near(ra[placed], dec[placed], MARGIN_DEG))
        lock_cells(connection, cells)

    # ---- rows --------------------------------------------------------------------------------------------------------

    def _store_sources(self, connection: sa.Connection, nested: Nested) -> None:
        if not self.sources.num_rows:
            return
        given = [column for column in (_OBJECT, "ssObjectId") if column in self.sources.column_names]
        told = ingest_sources(nested, self._labelled(self.sources.drop_columns(given), dia_source.name))
        self.report.doubts += told.doubts
        withdrawn = np.zeros(self.sources.num_rows, bool)
        if "timeWithdrawnMjdTai" in self.sources.column_names:
            withdrawn = self.sources.column("timeWithdrawnMjdTai").is_valid().to_numpy()
        members = (self.objects > 0) & ~withdrawn
        of_sources = {name: ids(self.sources, name)[members] for name in ("visit", "diaSourceId")}
        of_sources[_OBJECT] = self.objects[members]
        self._require_near(of_sources["diaSourceId"], members)
        self.report.objects += give_to_objects(connection, of_sources, self.run_id)

    def _require_near(self, sources: Integers, members: Mask) -> None:
        """Raises InputError where sources of an object are far apart: one of them has a wrong position, or object."""
        ra, dec = (self.sources.column(name).to_numpy()[members] for name in ("ra", "dec"))
        _, first, of_object = np.unique(self.objects[members], return_index=True, return_inverse=True)
        first = first[of_object]
        apart = separations(ra, dec, ra[first], dec[first]) / ARCSEC_PER_DEG
        if len(far := np.flatnonzero(apart > _FARTHEST_DEG)):
            one = int(far[0])
            raise InputError(
                f"{self.name}: sources {sources[first[one]]} and {sources[one]} are of diaObjectId "
                f"{self.objects[members][one]} and {apart[one]:.3g} deg apart"
            )

    def _store_fluxes(self, nested: Nested) -> None:
        if self.fluxes.num_rows:
            told = ingest_forced(nested, self._labelled(self.fluxes, dia_forced_source.name))
            self.report.forced += told.new
            self.report.doubts += told.doubts


def _locked_visits(connection: sa.Connection, name: str, visits: np.ndarray, of_packets: np.ndarray) -> np.ndarray:
    """Locks visits, ascending, and tells which are stored; InputError if one of a packet's own source is not."""
    known = lock_visits(connection, visits)["visit"]
    refuse_unknown_visits(name, of_packets, known, creatable=True)
    return known
