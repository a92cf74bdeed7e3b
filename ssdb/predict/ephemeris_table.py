"""An ephemeris for people: where objects are for an observatory, at equal steps of time."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.ask.sql import QueryResult
from ssdb.ask.uploads import POSITIONS
from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.observer import Observatory, tdb_of_tai
from ssdb.ephemeris.propagate import span, trajectories
from ssdb.ephemeris.uncertainty import error_ellipses, sky_covariances
from ssdb.errors import ConfigError, option, quoted
from ssdb.io.times import SCALES, mjd_tai_of, utc_texts
from ssdb.predict.target import Target, find_target
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_field
from ssdb.schema.survey import ss_prediction
from ssdb.store.database import Database
from ssdb.store.ddl.views import known_columns
from ssdb.units import SECONDS_PER_DAY, Array, Mask

logger = logging.getLogger(__name__)

MOST_ROWS = 100_000
"""Of one table."""

_COLUMNS = (
    *("designation", "midpointUtc", "midpointMjdTai", "ephRa", "ephDec", "ephRate", "ephRateRa", "ephRateDec"),
    *("ephVmag", "helioRange", "topoRange", "phaseAngle", "elongation", "ephErrMajor", "ephErrMinor", "ephErrPa"),
)
_STEP = re.compile(r"(\d+\.?\d*|\.\d+) ?(d|h|min|s)")
_DAYS = {"d": 1.0, "h": 1.0 / 24.0, "min": 1.0 / 1440.0, "s": 1.0 / SECONDS_PER_DAY}

_ROUNDING = 1e-6
"""Of a step: so near to the last time a time is that one."""


def ephemeris_table(
    database: Database,
    names: str | Iterable[str],
    observatory: Observatory,
    start: Any,
    end: Any,
    step: str = "1d",
    *,
    scale: str | None = None,
) -> QueryResult:
    """Positions, motion, brightness and geometry of objects, from their orbits in mpc_orbits.

    It is computed as the predictions of :func:`ssdb.predict_objects` are.

    ConfigError if a time or the step makes no sense, or the table would have more than 100,000 rows. NotFoundError or
    DesignationError if a name is not known, or is that of several objects; if an object has no orbit. EphemerisError if
    the code is none of a place on Earth, an object cannot be followed, a time is outside the planetary ephemeris, or a
    package of the extra ``ephemeris`` is missing.

    Parameters
    ----------
    names : str, or iterable of str
        Any names of objects, as :func:`ssdb.resolve` takes them.
    observatory : str or tuple of float
        MPC code, where ``500`` is the Earth's centre; or east longitude (deg), latitude (deg) and altitude (m) by
        WGS84.
    start, end : str, number, datetime, date or astropy.time.Time
        First time, and last time if the steps lead to it: dates of UTC (``2026-06-01``, ``2026-06-01T12:30:00``), or
        MJD TAI.
    step : str
        Of TAI: ``1d``, ``6h``, ``10min``, ``30s``.
    scale : {"utc", "tai", "tt", "tdb"}, optional
        Of ``start`` and ``end``, dates and MJD alike.

    Returns
    -------
    QueryResult
        A row for each object and time, with units: designation, midpointUtc (text), midpointMjdTai; ephRa, ephDec (deg,
        ICRS, astrometric), ephRate, ephRateRa (with cos dec), ephRateDec (deg/d), ephVmag, helioRange, topoRange (au),
        phaseAngle, elongation (deg), ephErrMajor, ephErrMinor (arcsec, 1 sigma), ephErrPa (deg, north to east). The
        ellipse is None for an orbit without a covariance, V without H, midpointUtc before 1972; all but
        the times of an object that has met the surface of the Sun, a planet or the Moon, which is told as a warning.
    """
    wanted = [names] if isinstance(names, str) else list(names)
    times = _times(start, end, step, scale, len(wanted))
    with database.reading() as connection:
        targets = [find_target(connection, name) for name in wanted]
    moments = (utc_texts(times), times.tolist())
    rows = [row for target in targets for row in _rows(target, times, moments, observatory)]
    return QueryResult(list(_COLUMNS), rows, schema_of(_COLUMNS))


def _times(start: Any, end: Any, step: str, scale: str | None, n_objects: int) -> Array:
    """MJD TAI, shape (m,)."""
    if scale is not None and scale not in SCALES:
        raise ConfigError(f"scale is one of {', '.join(SCALES)}, not {quoted(scale)}")
    first = _time(option("Invalid value for '--from'", "start"), start, scale)
    last = _time(option("Invalid value for '--to'", "end"), end, scale)
    if last < first:
        raise ConfigError(
            option(f"--to {end} is before --from {start}", f"the end, {end}, is before the start, {start}")
        )
    match = _STEP.fullmatch(str(step).strip())
    days = float(match[1]) * _DAYS[match[2]] if match else 0.0
    if days <= 0:
        raise ConfigError(f"{quoted(str(step))} is no step of time: give one such as 1d, 6h, 10min or 30s")
    n_steps = (last - first) / days + _ROUNDING
    if (n_steps + 1) * n_objects > MOST_ROWS:
        raise ConfigError(
            f"{(int(n_steps) + 1) * n_objects:,} rows are more than {MOST_ROWS:,}: "
            "ask for longer steps, or for less time at once"
        )
    return np.asarray(first + np.arange(int(n_steps) + 1) * days)


def _time(wrong: str, given: Any, scale: str | None) -> float:
    try:
        return mjd_tai_of(given, scale)
    except ConfigError as error:
        raise ConfigError(f"{wrong}: {error}") from None


def _rows(
    target: Target, times: Array, moments: tuple[list[Any], ...], observatory: Observatory
) -> Iterator[tuple[Any, ...]]:
    """Rows of one object."""
    seen = {name: values[0] for name, values in ephemeris(target.orbit, times, observatory).items()}
    seen["ephRate"] = np.hypot(seen["ephRateRa"], seen["ephRateDec"])
    on_sky = np.full((len(times), 2, 2), np.nan)
    if target.covariance is not None:
        on_sky = sky_covariances(target.orbit, target.covariance[None], times, observatory)[0]
    seen |= error_ellipses(on_sky)
    if np.isnan(seen["ephRa"]).any():
        _tell_lost(target, np.isnan(seen["ephRa"]), times)
    known = ([None if value != value else value for value in seen[name].tolist()] for name in _COLUMNS[3:])
    return zip([target.designation] * len(times), *moments, *known, strict=True)


def _tell_lost(target: Target, lost: Mask, times: Array) -> None:
    first, last = times[lost][[0, -1]]
    # Light that comes at the first time left an object within bounds a day before, or later.
    interval = span(tdb_of_tai(times))
    ends = trajectories(target.orbit, *interval).ends.within(0, interval[0] - 1.0, interval[1])
    logger.warning(
        "%s cannot be followed from its epoch to %s of the %s times, MJD TAI %.5f to %.5f: %s",
        *(target.designation, f"{lost.sum():,}", f"{len(lost):,}", first, last),
        " and ".join(end.reason for end in ends),
    )


@cache
def schema_of(names: tuple[str, ...]) -> pa.Schema:
    """Columns of these names as tables describe them, but numbers in double precision."""
    described = known_columns() | {column.name: column for column in (*POSITIONS.c, *ss_prediction.c, *ss_source.c)}
    fields = (arrow_field(described[name]) for name in names)
    return pa.schema([field.with_type(pa.float64()) if field.type == pa.float32() else field for field in fields])
