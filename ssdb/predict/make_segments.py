"""Makes the segments of nights: those that are missing, and those whose orbit has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.bodies import earth
from ssdb.ephemeris.propagate import BATCH, trajectories
from ssdb.predict.catalogue import Catalogue, catalogue_parts
from ssdb.predict.segments import (
    MARGIN_DAYS,
    WHOLE_DAYS,
    NightSegments,
    night_interval,
    packed_series,
    segments_of_night,
)
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_ephemeris, ss_ephemeris_end
from ssdb.sky.boxes import boxes_of_caps, zones_of_caps
from ssdb.store.database import Database
from ssdb.store.tables.segments import (
    Making,
    begin_nights,
    complete_nights,
    finish_night,
    making_segments,
    replace_segments,
)
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import Progress
from ssdb.units import Integers, Mask

NO_SEGMENT = "in the night it is out of reach, or turns too sharply for a segment"

_ENDED = arrow_schema(ss_ephemeris_end)

_NIGHTS_AT_ONCE = 8
"""Orbits are followed from their epochs once for so many nights, whose segments of a part of them are in memory."""


@dataclass(slots=True)
class NightReport:
    """What was done for a night."""

    made: int = 0
    """Segments that were missing, or of another orbit than is stored now."""
    lost: int = 0
    """Orbits that cannot be followed to the night."""
    reasons: dict[str, str] = field(default_factory=dict)
    """Why not, or not through all of the night, by designation."""


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What was made for a night."""

    segments: pa.Table
    """Rows of SsEphemeris."""
    ended: pa.Table
    """Rows of SsEphemerisEnd."""
    reasons: dict[str, str]
    """What these say, by designation."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stored:
    """The segments that a night has: of which objects (ascending) and orbits, and whether these still exist.

    Those of a part of the night are made again, for what there is to be told of their ends.
    """

    ids: Integers
    hashes: Integers
    whole: Mask
    found: Mask

    def note(self, catalogue: Catalogue) -> tuple[Mask, Mask]:
        """Which objects have a segment, and which one of the orbit as it is."""
        if not len(self.ids):
            none = np.zeros(len(catalogue.ids), bool)
            return none, none
        index = np.minimum(np.searchsorted(self.ids, catalogue.ids), len(self.ids) - 1)
        there = self.ids[index] == catalogue.ids
        self.found[index[there]] = True
        return there, there & (self.hashes[index] == catalogue.hashes) & self.whole[index]


def make_segments(
    database: Database, nights: Iterable[int], *, progress: Progress | None = None
) -> dict[int, NightReport]:
    """Makes the segments of all orbits that nights do not have, or that are not of the orbits as they are now.

    They are stored in parts; where the work is broken off, the next call goes on from there. EphemerisError if a night
    is outside the planetary ephemeris, or a package of the extra ``ephemeris`` is missing.

    Parameters
    ----------
    nights : iterable of int
        Integer parts of MJD TAI. Those that were not complete have a report.
    progress : callable, optional
        Called with the numbers of orbits looked at now, and of all.
    """
    wanted = sorted(set(nights))
    for night in wanted[:1] + wanted[-1:]:
        earth(night_interval(night))  # an error now, and not on the way there
    reports: dict[int, NightReport] = {}
    if not _incomplete(database, wanted):
        return reports
    with making_segments(database) as making:
        for start in range(0, len(wanted), _NIGHTS_AT_ONCE):
            some = wanted[start : start + _NIGHTS_AT_ONCE]
            # Once more only where orbits were changed while their segments were made.
            while missing := _incomplete(database, some):
                _make(database, making, missing, reports, progress)
    return reports


def _incomplete(database: Database, nights: Collection[int]) -> list[int]:
    with database.reading() as connection:
        complete = complete_nights(connection, nights)
    return [night for night in nights if night not in complete]


def _make(
    database: Database,
    making: Making,
    nights: list[int],
    reports: dict[int, NightReport],
    progress: Progress | None,
) -> None:
    with making.beginning() as connection:
        begin_nights(connection, nights)
    with database.reading() as connection:
        stored = {night: _stored(connection, night) for night in nights}
        n_orbits = connection.execute(sa.select(sa.func.count()).select_from(mpc_orbits)).scalar_one()
    lost: dict[int, dict[str, str]] = {night: {} for night in nights}
    ended: dict[int, list[pa.Table]] = {night: [_ENDED.empty_table()] for night in nights}
    told: dict[int, dict[str, str]] = {night: {} for night in nights}
    for catalogue in catalogue_parts(database):
        needed, stale = {}, {}
        for night, segments in stored.items():
            there, fresh = segments.note(catalogue)
            needed[night], stale[night] = ~fresh, catalogue.ids[there & ~fresh]
            lost[night] |= catalogue.unusable
        made = _segment_rows(catalogue, needed)
        with making.writing() as connection:
            for night, of_night in made.items():
                replace_segments(connection, night, stale[night], of_night.segments)
        for night, of_night in made.items():
            reports.setdefault(night, NightReport()).made += of_night.segments.num_rows
            ended[night].append(of_night.ended)
            told[night] |= of_night.reasons
            missing = needed[night] & ~np.isin(catalogue.ids, of_night.segments.column("ssObjectId").to_numpy())
            names = catalogue.designations.filter(pa.array(missing)).to_pylist()
            lost[night] |= {name: of_night.reasons.get(name, NO_SEGMENT) for name in names}
        if progress:
            progress(len(catalogue.ids), n_orbits)
    with making.writing() as connection:
        for night, segments in stored.items():
            replace_segments(connection, night, segments.ids[~segments.found])
            finish_night(connection, night, len(lost[night]), pa.concat_tables(ended[night]))
            report = reports.setdefault(night, NightReport())
            report.lost, report.reasons = len(lost[night]), told[night] | lost[night]


def _stored(connection: sa.Connection, night: int) -> _Stored:
    whole = sa.case((ss_ephemeris.c.tmax - ss_ephemeris.c.tmin >= WHOLE_DAYS, 1), else_=0).label("whole")
    columns = (ss_ephemeris.c.ssObjectId, ss_ephemeris.c.orbitHash, whole)
    ids, hashes, is_whole = read_arrays(
        connection, sa.select(*columns).where(ss_ephemeris.c.night == night).order_by(ss_ephemeris.c.ssObjectId)
    ).values()
    return _Stored(ids, hashes, is_whole == 1, np.zeros(len(ids), bool))


def _segment_rows(catalogue: Catalogue, needed: dict[int, Mask]) -> dict[int, _Made]:
    """Segments by night, those of objects near each other on the sky side by side."""
    nights = [night for night, mask in needed.items() if mask.any()]
    if not nights:
        return {}
    of_any = np.flatnonzero(np.any([needed[night] for night in nights], axis=0))
    wanted = catalogue.take(of_any)
    start, end = night_interval(min(nights))[0], night_interval(max(nights))[1]
    parts: dict[int, list[pa.Table]] = {night: [] for night in nights}
    ended: dict[int, list[tuple[Any, ...]]] = {night: [] for night in nights}
    reasons: dict[int, dict[str, str]] = {night: {} for night in nights}
    for rows, orbits in wanted.orbits.batches(BATCH):
        paths = trajectories(orbits, start, end + MARGIN_DAYS)
        for night in nights:
            which = np.flatnonzero(needed[night][of_any[rows]])
            made = segments_of_night(paths.take(which), night)
            parts[night].append(_rows(wanted.take(rows.start + which[made.rows]), night, made))
            partly = np.setdiff1d(which, which[made.rows[~made.segments.is_part]])
            for row in partly[paths.ends.some[partly]].tolist():
                number = rows.start + row
                name = wanted.designations[number].as_py()
                for one in paths.ends.within(row, night_interval(night - 1)[0], night_interval(night)[1])[-1:]:
                    ended[night].append((night, int(wanted.ids[number]), name, one.mjd_tdb, one.by))
                    reasons[night][name] = one.reason
    # What is near a field is then in few places of the table: it is read several times as fast.
    order = [(name, "ascending") for name in ("zone", "raMin", "ssObjectId")]
    return {
        night: _Made(
            pa.concat_tables(tables).sort_by(order),
            pa.Table.from_pylist([dict(zip(_ENDED.names, row, strict=True)) for row in ended[night]], _ENDED),
            reasons[night],
        )
        for night, tables in parts.items()
    }


def _rows(catalogue: Catalogue, night: int, made: NightSegments) -> pa.Table:
    """Rows of SsEphemeris."""
    boxes = boxes_of_caps(made.ra, made.dec, made.radius)
    columns = {
        "night": np.full(len(made.rows), night),
        "zone": zones_of_caps(made.dec, made.radius),
        "hasJson": catalogue.has_json,
        "ssObjectId": catalogue.ids,
        "orbitHash": catalogue.hashes,
        "tmin": made.segments.tmin,
        "tmax": made.segments.tmax,
        "raMin": boxes.ra_min,
        "raMax": boxes.ra_max,
        "decMin": boxes.dec_min,
        "decMax": boxes.dec_max,
        "h": catalogue.orbits.H,
        "g": catalogue.orbits.G,
        "designation": catalogue.designations,
        "coefficients": packed_series(made.segments, made.degrees),
    }
    schema = arrow_schema(ss_ephemeris)
    arrays = [pa.array(columns[field.name], from_pandas=True).cast(field.type) for field in schema]
    return pa.table(arrays, names=schema.names)
