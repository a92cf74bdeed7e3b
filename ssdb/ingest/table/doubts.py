"""Finds what looks wrong in an input but may be right: all positions outside of a field, times in another scale.

It is reported, not refused: a field may be given roughly, and a survey may have its reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, shown
from ssdb.ingest.table.same_visit import UNKNOWN_RADIUS_DEG
from ssdb.ingest.table.visits_of_rows import rows_of_visits
from ssdb.schema.arrow import ids
from ssdb.schema.survey import visit, visit_detector
from ssdb.sky.sphere import separations
from ssdb.store.query_plans import Selected, among_visits, one_of
from ssdb.store.tables.visit_fields import MARGIN_DEG
from ssdb.store.tables.visits import Visits
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, SECONDS_PER_DAY

_TT_SECONDS = 32.184
"""TT - TAI; TDB is the same within 2 ms."""

_TOLERANCE_SECONDS = 1.0
_LEAST_SECONDS = 5.0
"""No two of the scales are nearer to each other, since 1972."""

_HOURS = 24.0
_DETECTORS = 65536


@dataclass(slots=True)
class _Circles:
    """Circles on the sky (deg) with ascending keys, and what has been seen of the rows that belong to each."""

    keys: np.ndarray
    ra: np.ndarray
    dec: np.ndarray
    radius: np.ndarray
    n: np.ndarray = field(init=False)
    n_inside: np.ndarray = field(init=False)
    n_inside_as_hours: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.n, self.n_inside, self.n_inside_as_hours = (np.zeros(len(self.keys), np.int64) for _ in range(3))

    def add(self, keys: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> None:
        row, known = rows_of_visits(keys, self.keys)
        row, ra, dec = row[known], ra[known], dec[known]
        inside = self._within(row, ra, dec)
        self.n += np.bincount(row, minlength=len(self.keys))
        self.n_inside += np.bincount(row[inside], minlength=len(self.keys))
        hours = ~inside & (ra <= _HOURS)
        if hours.any():
            row, ra, dec = row[hours], ra[hours], dec[hours]
            inside = self._within(row, 15.0 * ra, dec)
            self.n_inside_as_hours += np.bincount(row[inside], minlength=len(self.keys))

    def _within(self, row: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        apart = separations(self.ra[row], self.dec[row], ra, dec) / ARCSEC_PER_DEG
        return apart <= self.radius[row]

    def outside(self) -> np.ndarray:
        """Keys of the circles in which none of their rows is."""
        return self.keys[(self.n > 0) & (self.n_inside == 0)]

    def hours(self) -> bool:
        """Whether rows that are outside would be inside if their right ascension were in hours."""
        wrong = (self.n > 0) & (self.n_inside == 0)
        return bool(wrong.any() and (self.n_inside_as_hours[wrong] == self.n[wrong]).all())


class Gathered:
    """Takes the rows of visits, a part at a time, and then tells what is doubtful about them all.

    Fields and outlines are those stored of the ``visits``; ``known`` has ``visit`` (ascending) and
    ``midpointMjdTai`` of at least these. ``position`` are the columns of right ascension and declination (deg); what is
    not further than ``margin`` (deg) outside of a field or an outline is inside.
    """

    def __init__(
        self,
        connection: sa.Connection,
        visits: Visits,
        known: Mapping[str, np.ndarray],
        position: Sequence[str],
        margin: float = MARGIN_DEG,
    ) -> None:
        self._known = known
        self._ra, self._dec = position
        self._fields = _fields(connection, visits, margin)
        self._outlines = _outlines(connection, visits, known["visit"], margin)
        n = len(known["visit"])
        self._first, self._last = np.full(n, np.inf), np.full(n, -np.inf)

    def add(self, rows: pa.Table) -> None:
        """Takes rows as they are in the input: visit, position and, where they are there, detector and time."""
        of_visit = ids(rows, "visit")
        ra, dec = (rows.column(name).to_numpy() for name in (self._ra, self._dec))
        if len(self._fields.keys):
            self._fields.add(of_visit, ra, dec)
        index = rows_of_visits(of_visit, self._known["visit"])[0]
        if len(self._outlines.keys) and "detector" in rows.schema.names:
            self._outlines.add(_detector_keys(index, ids(rows, "detector")), ra, dec)
        if "midpointMjdTai" in rows.schema.names:
            seconds = SECONDS_PER_DAY * (
                rows.column("midpointMjdTai").to_numpy() - self._known["midpointMjdTai"][index]
            )
            timed = ~np.isnan(seconds)
            np.minimum.at(self._first, index[timed], seconds[timed])
            np.maximum.at(self._last, index[timed], seconds[timed])

    def doubts(self, kind: str) -> tuple[str, ...]:
        """What is doubtful; ``kind`` is what the rows are called."""
        texts = []
        hours = (
            ": right ascension looks like hours, and was taken for degrees: a column map can state `unit: hourangle`"
        )
        outside = self._fields.outside()
        if len(outside):
            told = hours if self._fields.hours() else ": are they degrees, ICRS, and of these visits?"
            texts.append(f"all {kind} of {_named(outside)} are outside of the visit's field{told}")
        elsewhere = self._outlines.outside()
        numbers = np.unique(self._known["visit"][elsewhere // _DETECTORS])
        if len(elsewhere) and not np.isin(numbers, outside).all():
            told = hours if self._outlines.hours() else ": are they degrees, ICRS, and of these detectors?"
            texts.append(
                f"all {kind} of {len(elsewhere):,} detectors of {_named(numbers)} are outside of the outline{told}"
            )
        return (*texts, *self._of_time(kind))

    def _of_time(self, kind: str) -> list[str]:
        if not (np.isfinite(self._first) & (np.abs(self._first) > _LEAST_SECONDS)).any():
            return []
        utc = _tai_minus_utc(self._known["midpointMjdTai"])
        texts = []
        for seconds, reason in (
            (utc, "as if one of the two were in UTC"),
            (np.full(len(utc), _TT_SECONDS), "as if one of the two were in TT or TDB"),
            (utc + _TT_SECONDS, "as if one were in UTC and the other in TT or TDB"),
        ):
            for sign, where in ((-1.0, "before"), (1.0, "after")):
                ends = (self._first, self._last)
                alike = np.logical_and.reduce([np.abs(end - sign * seconds) < _TOLERANCE_SECONDS for end in ends])
                if alike.any():
                    texts.append(
                        f"all {kind} of {_named(self._known['visit'][alike])} are {seconds[alike][0]:g} s {where} the "
                        f"visit's mid-exposure, {reason}; both are to be TAI"
                    )
        return texts


def _named(numbers: np.ndarray) -> str:
    n = len(numbers)
    return f"{n:,} visit{'s' if n > 1 else ''} ({shown(numbers[:MOST_SHOWN].tolist(), n=n)})"


def _fields(connection: sa.Connection, visits: Visits, margin: float) -> _Circles:
    """The fields of those visits that have one."""
    among, values = among_visits(visits)
    found = read_arrays(connection, _select_fields(among), values, bounded=isinstance(among, int))
    radius = np.where(np.isnan(found["radius"]), UNKNOWN_RADIUS_DEG, found["radius"])
    return _Circles(found["visit"], found["ra"], found["dec"], radius + margin)


def _outlines(connection: sa.Connection, visits: Visits, known: np.ndarray, margin: float) -> _Circles:
    """The circles round the outlines of detectors, where these are known."""
    among, values = among_visits(visits)
    found = read_arrays(connection, _select_outlines(among), values, bounded=isinstance(among, int))
    keys = _detector_keys(rows_of_visits(found["visit"], known)[0], found["detector"])
    return _Circles(keys, found["capRa"], found["capDec"], found["capRadius"] + margin)


@lru_cache
def _select_fields(among: Selected | int) -> sa.Select:
    columns = (visit.c.visit, visit.c.ra, visit.c.dec, visit.c.radius)
    whole = visit.c.ra.is_not(None) & visit.c.dec.is_not(None)
    return sa.select(*columns).where(one_of(visit.c.visit, among), whole).order_by(visit.c.visit)


@lru_cache
def _select_outlines(among: Selected | int) -> sa.Select:
    cap = visit_detector.c
    columns = (cap.visit, cap.detector, cap.capRa, cap.capDec, cap.capRadius)
    statement = sa.select(*columns).where(one_of(cap.visit, among), cap.capRadius.is_not(None))
    return statement.order_by(cap.visit, cap.detector)


def _detector_keys(index: np.ndarray, detector: np.ndarray) -> np.ndarray:
    """One number for a visit, by its place among the known ones, and a detector, which is an int16."""
    return index * _DETECTORS + (detector.astype(np.int64) + _DETECTORS // 2)


def _tai_minus_utc(mjd_tai: np.ndarray) -> np.ndarray:
    """Leap seconds at times (MJD TAI), each a whole second."""
    from astropy.time import Time

    times = Time(mjd_tai, format="mjd", scale="tai")
    return np.round(SECONDS_PER_DAY * (mjd_tai - times.utc.mjd))
