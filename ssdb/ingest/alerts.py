"""Loads packets of alerts: their sources with history, forced fluxes, DiaObjects, and known objects with orbits."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from ssdb.errors import InputError, UnknownVisitsError, UsageError, option, quoted
from ssdb.ingest.alert_batch import AlertReport, Batch
from ssdb.ingest.formats.alerts import RUBIN, AlertRows, Survey, refuse_packet
from ssdb.ingest.formats.ztf_alerts import ZTF
from ssdb.io.ades.standard import STATION
from ssdb.io.alert_packets import Packet, packets_of
from ssdb.io.arriving import STANDARD_INPUT, Arriving
from ssdb.io.formats.avro import Schemas
from ssdb.io.tables import label
from ssdb.store.database import Database
from ssdb.store.transfer.write import Progress

SURVEYS = (RUBIN, ZTF)

_MOST_PACKETS, _MOST_ROWS = 5_000, 20_000
"""Of a batch: one transaction, and what is in memory."""

_LONGEST_WAIT_S = 5.0
"""So long packets of a stream wait for others."""

_LACKING = (
    "{n:,} visits were made from packets, which do not say where these looked (ra, dec, radius), how deep, and how the "
    "detectors lie: `ssdb ingest visits` and `ssdb ingest detectors` add that"
)


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
        batch = Batch(survey, rows, of_batch, self._create_visits, self._run_id)
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
            why = str(error) if isinstance(error, ValueError) else repr(error)
            if isinstance(error, KeyError):
                why = f"it has no {error.args[0]}"
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
