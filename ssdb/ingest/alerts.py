"""Loads packets of alerts: their sources with history, forced fluxes, DiaObjects, and known objects with orbits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import chain
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, UnknownVisitsError, UsageError, option, quoted
from ssdb.ingest.forced import ingest_forced, stored_fluxes
from ssdb.ingest.formats.alerts import RUBIN, AlertRows, Survey, orbits_of, predictions_of, refuse_packet
from ssdb.ingest.formats.ztf_alerts import ZTF
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
from ssdb.io.ades.standard import STATION
from ssdb.io.alert_packets import Packet, packets_of
from ssdb.io.arriving import STANDARD_INPUT, Arriving
from ssdb.io.formats.avro import Schemas
from ssdb.io.tables import label
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
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG, Integers, Mask

SURVEYS = (RUBIN, ZTF)

_MOST_PACKETS, _MOST_ROWS = 5_000, 20_000
"""Of a batch: one transaction, and what is in memory."""

_LONGEST_WAIT_S = 5.0
"""So long packets of a stream wait for others."""

_FARTHEST_DEG = 1.0
"""No survey takes sources so far from each other for one object."""

_OBJECT = "diaObjectId"
_OF_VISIT = ("visit", "midpointMjdTai", "band", "exposureTime")
_LACKING = (
    "{n:,} visits were made from packets, which do not say where these looked (ra, dec, radius), how deep, and how the "
    "detectors lie: `ssdb ingest visits` and `ssdb ingest detectors` add that"
)

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


def ingest_alerts(
    database: Database,
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | IO[bytes],
    *,
    with_ss: bool = False,
    create_visits: bool = False,
    observatory: str | None = None,
    schema: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> AlertReport:
    """Stores what is in packets of Rubin's or ZTF's alerts and is not stored yet. Packets that were seen add nothing.

    Their sources, and those of their history, are given to the DiaObjects of which the packets say that they are; these
    are what their sources here make of them. Visits are pending afterwards.

    InputError if the input is not usable, UnknownVisitsError if it needs visits that are not stored. Packets are stored
    some thousand at a time, each time in one transaction: the message says how many are stored.

    Parameters
    ----------
    source : path, several of them, or binary file
        Avro (container files, also several one after the other, or messages with the number of their schema), a tar
        archive of these, gzip of both, Parquet with records within records, as brokers write it, or a folder of these.
        A binary file is a stream, such as ``sys.stdin.buffer`` or the end of a pipe, and need not end: its packets are
        stored 5 s after they came, or before. Where it is cut, or Ctrl-C ends it, those that came whole are stored.
    with_ss : bool
        Also store the known objects that the packets name as predictions of a provider, and their orbits.
    create_visits : bool
        Make visits that are not stored, at the middle of their sources' times. Without it a packet of such a visit is
        an error; earlier sources and forced fluxes of such visits are left out, and counted.
    observatory : str, optional
        The observatory code of the visits that are made. Packets do not say it: without it it is that of the survey.
    schema : path, optional
        The schema of messages, an avsc file. Without it it is that of the package lsst-alert-packet.
    progress : callable, optional
        Called with the numbers of packets stored now, and of all so far.
    """
    if observatory is not None:
        if not STATION.fullmatch(observatory):
            raise UsageError(f"{option('--observatory', 'observatory=')} is no observatory code: {quoted(observatory)}")
        if not create_visits:
            raise UsageError(
                f"{option('--observatory', 'observatory=')} goes with {option('--create-visits', 'create_visits=True')}"
            )
    stream, paths = _opened(source)
    name = "stream" if not paths else label(paths[0])
    if stream is sys.stdin.buffer:
        name = STANDARD_INPUT
    elif len(paths) > 1:
        name = f"{name} and {len(paths) - 1:,} more"
    store = _Store(database, AlertReport(name), create_visits, observatory, progress)
    report = store.report
    try:
        schemas = Schemas(None if schema is None else Path(schema))
        waiting = _Waiting(store, with_ss, None if stream is None else _LONGEST_WAIT_S)
        for path in paths:
            if not path.exists():
                raise InputError(f"{label(path)}: there is no such file")
        if stream is None:
            packets: Iterator[Packet] = chain.from_iterable(packets_of(path, label(path), schemas) for path in paths)
        else:
            packets = packets_of(Arriving(stream, waiting.store_in_time), name, schemas)
        try:
            for packet in packets:
                waiting.add(packet)
        except (InputError, KeyboardInterrupt) as ended:
            if stream is not None:  # it does not come again
                waiting.store()
            if stream is None or isinstance(ended, InputError):
                raise
        else:
            waiting.store()
            if not report.packets:
                raise InputError(f"{name}: there are no packets in it")
    except InputError as error:
        stored = f"the first {report.packets:,} packets are stored" if report.packets else "nothing is stored"
        if isinstance(error, UnknownVisitsError):
            raise UnknownVisitsError(f"{error}; {stored}", error.visits) from error
        raise InputError(f"{error}; {stored}") from error
    if report.visits:
        report.doubts = (*report.doubts, _LACKING.format(n=report.visits))
    return report


def _opened(source: Any) -> tuple[IO[bytes] | None, list[Path]]:
    """A stream, or paths, of which there is one at least."""
    if hasattr(source, "read"):
        return source, []
    paths = [Path(source)] if isinstance(source, str | os.PathLike) else [Path(path) for path in source]
    if not paths:
        raise InputError("no files of alerts are given")
    return None, paths


class _Store:
    """Stores rows of packets, and counts."""

    def __init__(
        self,
        database: Database,
        report: AlertReport,
        create_visits: bool,
        observatory: str | None,
        progress: Progress | None,
    ) -> None:
        self._of_visits = {} if observatory is None else {"observatoryCode": observatory}
        self._database, self._create_visits, self._progress = database, create_visits, progress
        self._run_id = f"alerts-{uuid4().hex[:24]}"
        self.report = report

    def __call__(self, survey: Survey, rows: AlertRows) -> None:
        report = self.report
        of_batch = f"{report.source} (packets {report.packets + 1:,} to {report.packets + rows.n_packets:,})"
        survey = replace(survey, visits={**survey.visits, **self._of_visits})
        batch = _Batch(survey, rows, of_batch, self._create_visits, self._run_id)
        report.add(batch.store(self._database))
        if self._progress:
            self._progress(rows.n_packets, report.packets)


class _Waiting:
    """Rows of packets of one survey, some thousand at most, that wait to be stored; in a stream not for long."""

    def __init__(self, store: _Store, with_ss: bool, longest: float | None) -> None:
        self._store, self._with_ss, self._longest = store, with_ss, longest
        self._survey, self._rows, self._since = SURVEYS[0], AlertRows(), 0.0

    def add(self, packet: Packet) -> None:
        """Takes the rows of a packet; InputError if it is none of a survey that is known."""
        name, number = self._store.report.source, self._store.report.packets + self._rows.n_packets + 1
        if not self._survey.is_packet(packet):
            self.store()
            self._survey = next((one for one in SURVEYS if one.is_packet(packet)), self._survey)
            if not self._survey.is_packet(packet):
                raise refuse_packet(name, packet, number)
        try:
            self._survey.add(self._rows, packet, self._with_ss)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._rows = AlertRows()  # which may have a part of it
            why = error if isinstance(error, ValueError) else repr(error)
            why = f"it has no {error.args[0]}" if isinstance(error, KeyError) else why
            raise InputError(f"{name}: packet {number:,} is none of {self._survey.name}'s: {why}") from error
        if not self._rows.n_packets:
            self._since = time.monotonic()
        self._rows.n_packets += 1
        if self._rows.n_packets >= _MOST_PACKETS or self._rows.n_rows >= _MOST_ROWS:
            self.store()
        elif self._longest is not None:
            self.store_in_time()

    def store(self) -> None:
        """Stores what waits. What was interrupted waits on."""
        if self._rows.n_packets:
            try:
                self._store(self._survey, self._rows)
            except Exception:
                self._rows = AlertRows()
                raise
            self._rows = AlertRows()

    def store_in_time(self) -> float | None:
        """Stores what has waited long enough; says in how many seconds the next will have."""
        if not self._rows.n_packets or self._longest is None:
            return None
        left = self._since + self._longest - time.monotonic()
        if left > 0:
            return left
        self.store()
        return None


class _Batch:
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
        tables = [table for table in (self.sources, self.fluxes) if table.num_rows]
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
                f"sources {sources[first[one]]} and {sources[one]} are of diaObjectId {self.objects[members][one]} and "
                f"{apart[one]:.3g} deg apart"
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
