"""Loads observations that were reported to the Minor Planet Center, by anybody, as sources of visits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.places import COLUMNS as PLACE
from ssdb.ephemeris.places import POSITION
from ssdb.errors import InputError, UsageError, option, quoted, shown
from ssdb.ingest.formats.reports import Reports, read_reports, reported_name
from ssdb.ingest.submissions import note_answers
from ssdb.ingest.table.checks import Problems, check_positions, check_ranges, valid_rows
from ssdb.ingest.table.input import Input
from ssdb.ingest.table.places import checked_places
from ssdb.ingest.table.report import IngestReport
from ssdb.io.ades.standard import BANDS, STATION
from ssdb.io.times import mjd_tai_of_observed
from ssdb.made_ids import made_ids
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_rows, ids, stored_rows
from ssdb.schema.ranges import MJD
from ssdb.schema.reported import ss_reported_source
from ssdb.schema.survey import visit
from ssdb.sky.sphere import separations
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import analyze_partitions
from ssdb.store.query_plans import named
from ssdb.store.tables import sources as table_of_sources
from ssdb.store.tables.reported import note_reported, submitted_before
from ssdb.store.tables.sources import read_listed
from ssdb.store.tables.visits import create_visits, lock_creation, lock_visits
from ssdb.store.transfer.array_parameters import array_rows
from ssdb.store.transfer.write import Progress
from ssdb.units import AB_ZERO_POINT_NJY, ARCSEC_PER_DEG, MAG, SECONDS_PER_DAY, Array, Integers, Mask

FIRST_VISIT = 9_000_000_000_000
"""Visits that are made of reports have numbers from here on: larger than Rubin's, and growing with time."""

VISITS_PER_NIGHT = 10_000
"""So that a partition of the usual width has ten nights; a night with more takes numbers of the next."""

_BANDS = {"Vj": "V", "Rc": "R", "Ic": "I", "Bj": "B", "Uj": "U"}
"""Those whose last letter is not that of the band (the last letter counts: docs/matching.md)."""

_OF_STATIONS = {station: {code: band for band, code in codes.items()} for station, codes in BANDS.items()}
"""Of surveys that have codes of their own: their bands are called as they call them."""

_HASH_BITS = 30
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
    """Stores reported observations as sources: those of a station at one time are of one visit, which is made.

    What is stored already stays as it is. Sources that this database reported itself are left out. InputError if the
    input is not usable. Nothing is stored then.

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
    rows, problems = _rows(reports, told)
    rows, invalid = valid_rows(rows, problems, skip_invalid)
    kept = np.flatnonzero(~problems.bad)
    first = _first_of_each(rows)
    if len(first) < rows.num_rows:
        told.append(f"{rows.num_rows - len(first):,} observations are there twice")
    rows, kept = rows.take(pa.array(first)), kept[first]
    invalid += len(reports.unreadable)
    with database.writing() as connection:
        lock_creation(connection)
        rows, kept = _but_own(connection, reports, rows, kept, told)
        rows, there = _numbered(connection, rows)
        visits = _visits_of(connection, rows)
        rows = rows.append_column("visit", pa.array(visits))
        _store(connection, rows, ~there, progress)
        note_reported(connection, _reported(reports, rows, kept))
    stored = int(np.count_nonzero(there))
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


def _rows(reports: Reports, told: list[str]) -> tuple[pa.Table, Problems]:
    """Columns of DiaSource and of Visit of the observations, and what is wrong with them."""
    times = mjd_tai_of_observed(reports.column("obsTime"))
    old = times < MJD.low
    if old.any():
        told.append(f"{int(old.sum()):,} observations of before 1900 left out")
        reports.rows = [row for row, one in zip(reports.rows, old.tolist(), strict=True) if not one]
        reports.numbers = [number for number, one in zip(reports.numbers, old.tolist(), strict=True) if not one]
        times = times[~old]
    problems = Problems(reports.name, len(times), np.array(reports.numbers, np.int64))
    values = {name: reports.numbers_of(name) for name in ("ra", "dec", *_ERRORS, "mag", "rmsMag", "logSNR", "exp")}
    for name, numbers in values.items():
        problems.add(np.isinf(numbers), f"{name} is no number")
        numbers[np.isinf(numbers)] = np.nan
    problems.add(np.isnan(times), "obsTime is no time of UTC, such as 2026-06-01T04:05:06.789Z")
    stations = reports.column("stn")
    problems.add(np.array([STATION.fullmatch(code) is None for code in stations], bool), "stn is no observatory code")
    times = np.where(np.isnan(times), MJD.low, times)
    columns = {
        "diaSourceId": _identifiers(stations, times, values["ra"], values["dec"]),
        "midpointMjdTai": times,
        "detector": np.zeros(len(times), np.int16),
        **_measured(values),
        "band": pa.array(map(_band, reports.column("band"), stations), pa.string()),
    }
    rows = arrow_rows(dia_source, columns)
    check_positions(problems, rows)
    check_ranges(problems, rows, dia_source)
    places: dict[str, Any] = {name: reports.numbers_of(name) for name in PLACE[2:]}
    for name, numbers in places.items():
        problems.add(np.isinf(numbers), f"{name} is no number")
    places = {name: np.where(np.isinf(numbers), np.nan, numbers) for name, numbers in places.items()}
    places["ctr"] = pa.array([int(text) if text.isdigit() else None for text in reports.column("ctr")], pa.int32())
    places["sys"] = pa.array([text[:8] or None for text in reports.column("sys")], pa.string())
    places["observatoryCode"] = pa.array([code[:4] for code in stations], pa.string())
    of_visits = checked_places(problems, arrow_rows(visit, places), {})
    for name in of_visits.column_names:
        rows = rows.append_column(of_visits.schema.field(name), of_visits.column(name))
    return rows, problems


_ERRORS = ("rmsRA", "rmsDec", "rmsCorr")


def _measured(values: dict[str, Array]) -> dict[str, Array]:
    """Columns of DiaSource of what was measured; NaN where unknown."""
    ra_err, dec_err = (np.where(values[name] > 0, values[name], np.nan) / ARCSEC_PER_DEG for name in _ERRORS[:2])
    flux = 10.0 ** ((AB_ZERO_POINT_NJY - values["mag"]) / 2.5)
    return {
        "ra": values["ra"],
        "dec": values["dec"],
        "raErr": ra_err,
        "decErr": dec_err,
        "ra_dec_Cov": np.clip(values["rmsCorr"], -1.0, 1.0) * ra_err * dec_err,
        "psfFlux": flux,
        "psfFluxErr": np.where(values["rmsMag"] > 0, values["rmsMag"], np.nan) * flux / MAG,
        "snr": 10.0 ** values["logSNR"],
        "exposureTime": values["exp"],
    }


def _band(code: str, station: str) -> str | None:
    return (_BANDS | _OF_STATIONS.get(station, {})).get(code, code)[:8] or None


def _identifiers(stations: Sequence[str], times: Array, ra: Array, dec: Array) -> Integers:
    """diaSourceId of observations: always the same for the same station, time and position, and growing with time.

    Seconds since 1900, and 30 bits of a hash. Observations of one second may share one: see :func:`_numbered`.
    """
    codes, ticks, *places = _identity(stations, times, ra, dec)
    hashes = made_ids(codes, ticks, *places) & ((1 << _HASH_BITS) - 1)
    return np.asarray((ticks // 10**6 << _HASH_BITS) | hashes)


def _identity(stations: Sequence[str], times: Array, ra: Array, dec: Array) -> list[Integers]:
    """What makes observations one and the same: station, time (microseconds), ra and dec (1e-9 deg), shape (n,)."""
    codes = np.array([int.from_bytes(code.encode()[:4], "big") for code in stations], np.int64)
    ticks = np.round((times - MJD.low) * SECONDS_PER_DAY * 1e6).astype(np.int64)
    return [codes, ticks, *(np.round(np.nan_to_num(angle) % 360.0 * 1e9).astype(np.int64) for angle in (ra, dec))]


def _identity_of(rows: pa.Table) -> list[Integers]:
    stations = rows.column("observatoryCode").to_pylist()
    return _identity(stations, *(rows.column(name).to_numpy() for name in _MEASURED))


_MEASURED = ("midpointMjdTai", "ra", "dec")


def _first_of_each(rows: pa.Table) -> Integers:
    """The first row of each observation, ascending."""
    identity = np.array(_identity_of(rows))
    order = np.lexsort(identity)
    begins = np.ones(len(order), bool)
    begins[1:] = (np.diff(identity[:, order]) != 0).any(axis=0)
    return np.sort(order[begins])


def _numbered(connection: sa.Connection, rows: pa.Table) -> tuple[pa.Table, Mask]:
    """Gives observations whose diaSourceId is another's the next free one; and which are stored, shape (n,).

    Which of them keeps it depends neither on their order nor, once they are stored, on what comes with them.
    """
    given, identity = ids(rows, "diaSourceId"), np.array(_identity_of(rows))
    numbers, stored = given.copy(), np.zeros(len(given), bool)
    taken: set[int] = set()
    step, looked = 0, np.arange(len(given))
    while len(looked):
        wanted = given[looked] + step
        columns = [dia_source.c[name] for name in ("diaSourceId", *_MEASURED)]
        found = read_listed(connection, columns[0], np.unique(wanted), columns)
        order = np.argsort(found["diaSourceId"])
        there = found["diaSourceId"][order]
        taken.update(there.tolist())
        of_stored = np.array(_identity([""] * len(there), *(found[name][order] for name in _MEASURED)))
        is_there = np.isin(wanted, there)
        at = np.searchsorted(there, wanted[is_there])
        same = is_there.copy()
        same[is_there] = (of_stored[1:, at] == identity[1:, looked[is_there]]).all(axis=0)
        numbers[looked[same]], stored[looked[same]] = wanted[same], True
        # One that had to take the next number keeps it when the other is deleted: that one is always looked at.
        looked = looked[~same & (is_there | (step == 0))]
        step += 1
    fresh = np.flatnonzero(~stored)
    for row in fresh[np.lexsort((*identity[:, fresh], given[fresh]))].tolist():
        number = int(given[row])
        while number in taken:
            number += 1
        taken.add(number)
        numbers[row] = number
    column = rows.column_names.index("diaSourceId")
    return rows.set_column(column, rows.schema.field(column), pa.array(numbers)), stored


def _but_own(
    connection: sa.Connection, reports: Reports, rows: pa.Table, kept: Integers, told: list[str]
) -> tuple[pa.Table, Integers]:
    """Leaves out what this database reported itself, and takes what the Minor Planet Center calls it.

    Others number their observations, too: what has a number of ours is ours if it was seen there and then.
    """
    names = reports.column("obsSubID")
    numbers = np.array([_number_of_ours(names[row]) for row in kept.tolist()], np.int64)
    stations = submitted_before(connection, np.unique(numbers[numbers >= 0]))
    if not stations:
        return rows, kept
    columns = [dia_source.c[name] for name in ("diaSourceId", *_MEASURED, "raErr", "decErr")]
    found = read_listed(connection, columns[0], np.array(sorted(stations), np.int64), columns)
    ours = {source: place for source, *place in zip(*(found[column.name].tolist() for column in columns), strict=True)}
    nowhere = [np.nan] * (len(columns) - 1)
    time, ra, dec, *errors = np.array([ours.get(number, nowhere) for number in numbers.tolist()]).T
    given = [rows.column(name).to_numpy() for name in _MEASURED]
    codes = rows.column("observatoryCode").to_pylist()
    mine = np.array([stations.get(n) == code for n, code in zip(numbers.tolist(), codes, strict=True)], bool)
    mine &= np.abs(given[0] - time) <= _SAME_SECONDS / SECONDS_PER_DAY
    mine &= separations(given[1], given[2], ra, dec) <= np.fmax(_SAME_ARCSEC, np.fmax(*errors) * ARCSEC_PER_DEG)
    if not mine.any():
        return rows, kept
    answers = zip(numbers[mine].tolist(), kept[mine].tolist(), strict=True)
    note_answers(connection, reports, {number: reports.rows[row] for number, row in answers})
    told.append(f"{int(mine.sum()):,} observations left out that this database reported")
    return rows.filter(pa.array(~mine)), kept[~mine]


_SAME_SECONDS = 1.0
_SAME_ARCSEC = 1.0
"""How far what comes back may be from what was reported: that is rounded, the more the larger its error."""


def _number_of_ours(name: str) -> int:
    """The diaSourceId that an obsSubID may be; -1 where it is none."""
    number = int(name) if name.isascii() and name.isdigit() and len(name) <= 19 else -1
    return number if number < 2**63 else -1


# ---- visits ----------------------------------------------------------------------------------------------------------


def _visits_of(connection: sa.Connection, rows: pa.Table) -> Integers:
    """The visit of each row, those of one station, time and place being of one; those that are not stored are made."""
    keys = list(zip(*(rows.column(name).to_pylist() for name in _KEY), strict=True))
    numbers = _stored_visits(connection, rows)
    # Also those of other times: a night with very many took numbers of the next.
    taken = set(connection.scalars(sa.select(visit.c.visit).where(visit.c.visit >= FIRST_VISIT)))
    made: dict[tuple[Any, ...], int] = {}
    free = 0
    for key in sorted(set(keys) - numbers.keys(), key=lambda key: (key[1], key[0], str(key[2:]))):
        free = max(free, FIRST_VISIT + int(key[1]) * VISITS_PER_NIGHT) + 1
        while free in taken:
            free += 1
        made[key] = free
    if made:
        first = {key: row for row, key in reversed(list(enumerate(keys)))}
        chosen = rows.take(pa.array([first[key] for key in made]))
        chosen = chosen.append_column("visit", pa.array(list(made.values()), pa.int64()))
        create_visits(connection, _as_rows_of(visit, chosen))
    return np.array([(numbers | made)[key] for key in keys], np.int64)


def _as_rows_of(table: sa.Table, rows: pa.Table) -> pa.Table:
    """Those columns that a table has, as it has them."""
    return stored_rows(table, dict(zip(rows.column_names, rows.columns, strict=True)))


_KEY = ("observatoryCode", "midpointMjdTai", "sys", *POSITION)


def _stored_visits(connection: sa.Connection, rows: pa.Table) -> dict[tuple[Any, ...], int]:
    """The visits that were made of reports before, at the times of rows."""
    if not rows.num_rows:
        return {}
    times = rows.column("midpointMjdTai").to_numpy()
    near = (visit.c.visit >= FIRST_VISIT, visit.c.midpointMjdTai.between(float(times.min()), float(times.max())))
    wanted = sa.select(visit.c.visit, *(visit.c[name] for name in _KEY)).where(*near)
    return {tuple(row[1:]): row[0] for row in connection.execute(wanted)}


def _store(connection: sa.Connection, rows: pa.Table, fresh: Mask, progress: Progress | None) -> None:
    """Adds the sources that are not stored."""
    if not rows.num_rows:
        return
    visits = ids(rows, "visit")
    lock_visits(connection, np.unique(visits))
    if fresh.any():
        new = _as_rows_of(dia_source, rows.filter(pa.array(fresh)))
        concerned = np.unique(visits[fresh])
        ones = np.ones(len(concerned), np.int16)
        detectors = {"visit": concerned, "detector": 0 * ones, "changed": ones}
        with array_rows(connection, "given_detector", detectors) as pairs:
            table_of_sources.append(connection, pairs, concerned, named(concerned), [new], new.num_rows, progress)


def _reported(reports: Reports, rows: pa.Table, kept: Integers) -> pa.Table:
    """The rows of SsReportedSource."""
    chosen = [reports.rows[row] for row in kept.tolist()]
    names = [reported_name(row) for row in chosen]
    magnitudes = [row.get("mag") for row in chosen]
    columns: dict[str, Any] = {name: [row.get(name) for row in chosen] for name in _TEXTS}
    columns |= {
        "diaSourceId": rows.column("diaSourceId"),
        "visit": rows.column("visit"),
        "designation": [name or None for name, _ in names],
        "trkSub": [track or None for _, track in names],
        "mag": pa.array([None if mag is None else float(mag) for mag in magnitudes], pa.float32()),
        "file": [reports.name] * len(chosen),
    }
    for name, values in columns.items():
        length = getattr(ss_reported_source.c[name].type, "length", None)
        if length and isinstance(values, list):
            columns[name] = pa.array([None if value is None else value[:length] for value in values], pa.string())
    return stored_rows(ss_reported_source, columns)
