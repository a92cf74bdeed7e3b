"""Loads observations that were reported to the Minor Planet Center, by anybody, as sources of visits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, UsageError, option, quoted, shown
from ssdb.ingest.formats.reports import Reports, read_reports, reported_name
from ssdb.ingest.observation_numbers import MEASURED, first_of_each, numbered
from ssdb.ingest.observation_rows import rows_of_reports
from ssdb.ingest.observation_visits import as_rows_of, visits_of
from ssdb.ingest.submissions import note_answers
from ssdb.ingest.table.checks import valid_rows
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.report import IngestReport
from ssdb.io.ades.standard import STATION
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import ids, stored_rows
from ssdb.schema.reported import ss_reported_source
from ssdb.schema.survey import visit
from ssdb.sky.sphere import separations
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions
from ssdb.store.locks import lock
from ssdb.store.query_plans import named
from ssdb.store.tables import sources as table_of_sources
from ssdb.store.tables.reported import note_reported, reported_before
from ssdb.store.tables.sources import read_listed
from ssdb.store.tables.visits import among, lock_creation, lock_visits
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.write import Progress
from ssdb.units import ARCSEC_PER_DEG, SECONDS_PER_DAY, Integers, Mask

_TEXTS = ("stn", "trkSub", "obsSubID", "obsID", "trkID", "submissionId", "mode", "astCat", "band")


def ingest_observations(
    database: Database,
    source: Input,
    *,
    station: str | None = None,
    skip_invalid: bool = False,
    table: str | int | None = None,
    type: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Stores reported observations as sources: those of a station, time and field are of one visit, which is made.

    What is stored already stays as it is. Sources of this database, which are known by their obsSubID, are left out.
    InputError if the input is not usable. Nothing is stored then.

    Parameters
    ----------
    source : path or table
        ADES as PSV, XML, or a table with the names of its elements (CSV, Parquet, in memory, ...), or observations of
        80 columns. Times are UTC, UT1 before 1960.
    station : str, optional
        Only observations of this observatory code; those without a code are taken to be its.
    skip_invalid : bool
        Store the usable observations and count the others, instead of refusing the input.
    table, type : optional
        Which table of a file is meant, and its format: see :func:`ssdb.io.input_file.input_of`.
    progress : callable, optional
        Called with the numbers of rows written now, and of all.
    """
    require_station(station)
    reports = read_reports(source, table, type)
    told = [f"{n:,} {kind} observations left out" for kind, n in sorted(reports.others.items())]
    if reports.unreadable and not skip_invalid:
        lines = shown(reports.unreadable[:5], n=len(reports.unreadable))
        raise InputError(f"{reports.name}: {len(reports.unreadable):,} lines are no observations (line {lines})")
    _of_station(reports, station, told)
    rows, problems = rows_of_reports(reports, told)
    rows, invalid = valid_rows(rows, problems, skip_invalid)
    kept = np.flatnonzero(~problems.bad)
    first = first_of_each(rows)
    if len(first) < rows.num_rows:
        told.append(f"{rows.num_rows - len(first):,} observations are there twice")
    rows, kept = rows.take(pa.array(first)), kept[first]
    invalid += len(reports.unreadable)
    with database.writing() as connection:
        lock(connection, "reported")
        lock_creation(connection)
        rows, kept = _but_own(connection, reports, rows, kept, told)
        rows, known = numbered(connection, rows)
        visits = visits_of(connection, rows, known)
        rows = rows.append_column("visit", pa.array(visits))
        _store(connection, rows, known == 0, progress)
        note_reported(connection, _reported(reports, rows, kept, told))
    stored = int(np.count_nonzero(known))
    n_new = rows.num_rows - stored
    if n_new:
        analyze_partitions(database, dia_source, np.unique(visits), n_new)
    counts = {"new": n_new, "unchanged": stored}
    n_visits = len(np.unique(visits))
    return IngestReport(reports.name, "observations", rows.num_rows, n_visits, invalid, doubts=tuple(told), **counts)


def require_station(station: str | None) -> None:
    """Raises UsageError if what is given is no observatory code."""
    if station is not None and not STATION.fullmatch(station):
        raise UsageError(f"{option('--stn', 'station=')} is no observatory code: {quoted(station)}")


def _of_station(reports: Reports, station: str | None, told: list[str]) -> None:
    """Leaves out what is of other stations; what has no code is taken to be the station's."""
    if station is None:
        return
    chosen = [row.setdefault("stn", station) == station for row in reports.rows]
    if not all(chosen):
        told.append(f"{len(chosen) - sum(chosen):,} observations of other stations left out")
    reports.rows = [row for row, one in zip(reports.rows, chosen, strict=True) if one]
    reports.numbers = [number for number, one in zip(reports.numbers, chosen, strict=True) if one]


def _but_own(
    connection: sa.Connection, reports: Reports, rows: pa.Table, kept: Integers, told: list[str]
) -> tuple[pa.Table, Integers]:
    """Leaves out what are sources of this database by their obsSubID, and keeps what the reports say of them.

    Of those that this database reported itself, what the Minor Planet Center calls them; the others count as reported
    from now on. Others number their observations, too: what has a number of ours is ours if it was seen there and then.
    """
    names = reports.column("obsSubID")
    numbers = np.array([_number_of_ours(names[row]) for row in kept.tolist()], np.int64)
    columns = [dia_source.c[name] for name in ("diaSourceId", "visit", *MEASURED, "raErr", "decErr")]
    found = read_listed(connection, columns[0], np.unique(numbers[numbers >= 0]), columns)
    order = np.argsort(found["diaSourceId"])
    found = {name: values[order] for name, values in found.items()}
    there = found["diaSourceId"]
    at = np.minimum(np.searchsorted(there, numbers), len(there) - 1)
    mine = there[at] == numbers if len(there) else np.zeros(len(numbers), bool)
    if not mine.any():
        return rows, kept
    reported = reported_before(connection, there)
    codes = _codes(connection, np.unique(found["visit"]))
    # A visit without a code may be of any station.
    stations = [
        reported.get(source, ("", False))[0] or codes[number] or None
        for source, number in zip(there.tolist(), found["visit"].tolist(), strict=True)
    ]
    time, ra, dec, *errors = (found[column.name][at] for column in columns[2:])
    given = [rows.column(name).to_numpy() for name in MEASURED]
    seen_from = rows.column("observatoryCode").to_pylist()
    mine &= np.array([stations[one] in (None, code) for one, code in zip(at.tolist(), seen_from, strict=True)], bool)
    mine &= np.abs(given[0] - time) <= _SAME_SECONDS / SECONDS_PER_DAY
    mine &= separations(given[1], given[2], ra, dec) <= np.fmax(_SAME_ARCSEC, np.fmax(*errors) * ARCSEC_PER_DEG)
    submitted = np.array([reported.get(source, ("", False))[1] for source in there.tolist()], bool)[at]
    if (ours := mine & submitted).any():
        answers = zip(numbers[ours].tolist(), kept[ours].tolist(), strict=True)
        note_answers(connection, reports, {number: reports.rows[row] for number, row in answers})
        told.append(f"{int(ours.sum()):,} observations left out that this database reported")
    if len(others := np.flatnonzero(mine & ~submitted)):
        others = others[np.unique(numbers[others], return_index=True)[1]]
        sources = pa.table({"diaSourceId": numbers[others], "visit": found["visit"][at[others]]})
        note_reported(connection, _reported(reports, sources, kept[others], told))
        told.append(f"{len(others):,} observations left out that are sources of this database already (obsSubID)")
    return rows.filter(pa.array(~mine)), kept[~mine]


def _codes(connection: sa.Connection, visits: Integers) -> dict[int, str]:
    """The observatory codes of visits, "" where unknown."""
    found = connection.execute(sa.select(visit.c.visit, visit.c.observatoryCode).where(among(visit.c.visit, visits)))
    return {number: (code or "").strip() for number, code in found}


_SAME_SECONDS = 1.0
_SAME_ARCSEC = 1.0
"""How far what comes back may be from what was reported: that is rounded, the more the larger its error."""


def _number_of_ours(name: str) -> int:
    """The diaSourceId that an obsSubID may be; -1 where it is none."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 19 else -1
    return number if number < 2**63 else -1


def _store(connection: sa.Connection, rows: pa.Table, fresh: Mask, progress: Progress | None) -> None:
    """Adds the sources that are not stored."""
    if not rows.num_rows:
        return
    visits = ids(rows, "visit")
    lock_visits(connection, np.unique(visits))
    if fresh.any():
        new = as_rows_of(dia_source, rows.filter(pa.array(fresh)))
        concerned = np.unique(visits[fresh])
        ones = np.ones(len(concerned), np.int16)
        detectors = {"visit": concerned, "detector": 0 * ones, "changed": ones}
        with array_rows(connection, "given_detector", detectors) as pairs:
            table_of_sources.append(connection, pairs, concerned, named(concerned), [new], new.num_rows, progress)


def _reported(reports: Reports, rows: pa.Table, kept: Integers, told: list[str]) -> pa.Table:
    """The rows of SsReportedSource."""
    chosen = [reports.rows[row] for row in kept.tolist()]
    names = [reported_name(row) for row in chosen]
    texts = {name: [row.get(name) for row in chosen] for name in _TEXTS}
    texts |= {"designation": [name for name, _ in names], "trkSub": [track for _, track in names]}
    magnitudes = [row.get("mag") for row in chosen]
    columns: dict[str, Any] = {
        "diaSourceId": rows.column("diaSourceId"),
        "visit": rows.column("visit"),
        "mag": pa.array([None if mag is None else float(mag) for mag in magnitudes], pa.float32()),
        "file": [reports.name] * len(chosen),
    }
    for name, values in texts.items():
        longest: int = ss_reported_source.c[name].type.length  # type: ignore[attr-defined]
        # A part of a name would be another's.
        if n := sum(len(value or "") > longest for value in values):
            told.append(f"{n:,} {name} left out that are longer than {longest} characters")
        fitting = [value if value and len(value) <= longest else None for value in values]
        columns[name] = pa.array(fitting, pa.string())
    return stored_rows(ss_reported_source, columns)
