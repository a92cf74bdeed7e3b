"""Times as people write them, dates in UTC or MJD, as MJD TAI."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ssdb.errors import ConfigError, UsageError, option, quoted
from ssdb.schema.ranges import MJD
from ssdb.units import JD_OF_MJD_0, SECONDS_PER_DAY, TT_LESS_TAI_DAYS, Array, Integers

SCALES = ("utc", "tai", "tt", "tdb")
"""Time scales that people may write times in."""

_DATE = re.compile(
    r"(?P<year>\d{4})-\d\d-\d\d(?P<clock>[T ]\d\d:\d\d(:\d\d(\.\d*)?)?)?(?P<utc> ?(Z|UTC)|[+-]00:?00)?", re.IGNORECASE
)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_JULIAN_DATES = 1_500_000.0  # from here on a number is a Julian date, or a date without hyphens
_UTC_YEAR = 1960  # the first of UTC; it has leap seconds since 1972
_UTC_WITH_LEAP_SECONDS = 41317.0 + 10.0 / SECONDS_PER_DAY  # MJD TAI
_UTC_BEGAN = 36934.0  # 1960-01-01
_OBSERVED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d*)?)?")


def mjd_tai_of(given: Any, scale: str | None = None) -> float:
    """The MJD TAI of an ISO date, ``2026-06-01``, with or without a time of day, of an MJD, or of a date object.

    Dates are of UTC, and MJD of TAI, unless ``scale`` says ("utc", "tai", "tt", "tdb"). ConfigError if it is no time,
    or not one that the scale has.
    """
    if hasattr(given, "tai"):
        return float(given.tai.mjd)
    if isinstance(given, datetime):
        given = f"{given.astimezone(UTC).replace(tzinfo=None).isoformat()}Z" if given.tzinfo else given.isoformat()
    text = given.isoformat() if isinstance(given, date) else str(given).strip()
    if (match := _DATE.fullmatch(text)) is not None:
        return _of_date(text, match, scale or "utc")
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not math.isfinite(number):
        of_dates, of_numbers = (scale or "utc").upper(), (scale or "tai").upper()
        raise ConfigError(
            f"{quoted(text)} is not a time: give a date such as 2026-06-01 or 2026-06-01T12:30:00 ({of_dates}), "
            f"or an MJD ({of_numbers})"
        )
    if not MJD.low <= number < _JULIAN_DATES:
        mjd = number - JD_OF_MJD_0
        meant = f"; is it a Julian date, and MJD {mjd:.10g} meant?" if MJD.low <= mjd <= MJD.high else ""
        raise ConfigError(f"{quoted(text)} is no MJD of our time{meant or ': dates are written as 2026-06-01'}")
    return _in_tai(number, "mjd", scale or "tai")


def span_of(since: Any, until: Any) -> tuple[float | None, float | None]:
    """MJD TAI of the times that something is from and before, None for those that are None.

    ConfigError if one is no time, UsageError if nothing can be from the one on and before the other.
    """
    first, last = (None if given is None else mjd_tai_of(given) for given in (since, until))
    if first is not None and last is not None and last <= first:
        names = option("--since", "since"), option("--until", "until")
        raise UsageError(f"nothing is from {names[0]} on and before {names[1]}: MJD TAI {first:.6f} and {last:.6f}")
    return first, last


def utc_texts(mjd_tai: ArrayLike) -> list[str | None]:
    """Times, MJD TAI of shape (m,), in UTC as text, ISO 8601 to the millisecond.

    None before 1972, when UTC had other steps than seconds: as midpointUtc in the database.
    """
    from astropy.time import Time

    times: Array = np.asarray(mjd_tai, dtype=float)
    known = np.flatnonzero(times >= _UTC_WITH_LEAP_SECONDS - 1e-9)
    texts: list[str | None] = [None] * len(times)
    with _far_from_now():
        found = Time(times[known], format="mjd", scale="tai", precision=3).utc.isot
    for place, text in zip(known.tolist(), found.tolist(), strict=True):
        texts[place] = text
    return texts


def mjd_tai_of_observed(texts: Sequence[str]) -> Array:
    """MJD TAI, shape (n,), of times of observations: UTC, ISO 8601, perhaps with a Z; NaN of what is none.

    Before 1960, when UTC began, observers gave universal time: it is UT1 then.
    """
    from astropy.time import Time

    plain = [text.strip().removesuffix("Z") for text in texts]
    found: Array = np.full(len(plain), np.nan)
    readable = np.array([bool(_OBSERVED.fullmatch(text)) for text in plain], bool)
    years = np.array([int(text[:4]) if good else 0 for text, good in zip(plain, readable, strict=True)], int)
    for old in (True, False):
        rows = np.flatnonzero(readable & ((years < _UTC_YEAR) == old))
        scale = "tai" if old else "utc"
        with _far_from_now():
            try:
                found[rows] = Time([plain[row] for row in rows], format="isot", scale=scale).tai.mjd if len(rows) else 0
            except (ValueError, Warning):
                for row in rows:
                    try:
                        found[row] = Time(plain[row], format="isot", scale=scale).tai.mjd
                    except (ValueError, Warning):
                        continue
        if old:
            found[rows] += _tai_less_ut1_days(found[rows])
    return found


def observed_texts(mjd_tai: ArrayLike, digits: Integers) -> list[str]:
    """The same the other way: times, MJD TAI of shape (n,), with so many digits of the seconds each, and a Z."""
    from astropy.time import Time

    times: Array = np.asarray(mjd_tai, dtype=float)
    ut1 = times - _tai_less_ut1_days(times)
    texts = [""] * len(times)
    for old in (True, False):
        for precision in np.unique(digits).tolist():
            rows = np.flatnonzero(((ut1 < _UTC_BEGAN) == old) & (digits == precision))
            if not len(rows):
                continue
            with _far_from_now():
                given = Time(ut1[rows] if old else times[rows], format="mjd", scale="tai", precision=precision)
                found = given.isot if old else given.utc.isot
            for row, text in zip(rows.tolist(), found.tolist(), strict=True):
                texts[row] = f"{text}Z"
    return texts


def _tai_less_ut1_days(mjd: Array) -> Array:
    """TAI - UT1 (d) from 1900 to 1961, within a second: polynomials of Espenak & Meeus 2006, NASA/TP-2006-214141."""
    year = 1900.0 + (mjd - 15020.0) / 365.25
    delta_t = np.select(
        [year < 1920.0, year < 1941.0],
        [
            np.polyval([-0.000197, 0.0061966, -0.0598939, 1.494119, -2.79], year - 1900.0),
            np.polyval([0.0020936, -0.076100, 0.84493, 21.20], year - 1920.0),
        ],
        np.polyval([1.0 / 2547.0, -1.0 / 233.0, 0.407, 29.07], year - 1950.0),
    )
    return np.asarray(delta_t / SECONDS_PER_DAY - TT_LESS_TAI_DAYS)


def _of_date(text: str, match: re.Match[str], scale: str) -> float:
    if match["utc"]:
        if scale != "utc":
            raise ConfigError(f"{quoted(text)} says that it is UTC, and not {scale.upper()}")
        text = text[: match.start("utc")]
    if scale == "utc" and int(match["year"]) < _UTC_YEAR:
        of_tables = option("--scale tt", 'scale="tt"')
        raise ConfigError(
            f"{quoted(text)} is before {_UTC_YEAR}, when UTC began: give an MJD (TAI), or of an ephemeris {of_tables}"
        )
    return _in_tai(text.upper().replace(" ", "T"), "isot" if match["clock"] else "iso", scale)


def _in_tai(value: str | float, format: str, scale: str) -> float:
    from astropy.time import Time

    with _far_from_now():
        try:
            return float(Time(value, format=format, scale=scale).tai.mjd)
        except (ValueError, Warning):
            raise ConfigError(
                f"there is no {quoted(str(value))} in {scale.upper()}: no such day or time of day"
            ) from None


@contextmanager
def _far_from_now() -> Iterator[None]:
    """What astropy only doubts is an error, but for years whose leap seconds are not known yet."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="ERFA function")
        warnings.filterwarnings("ignore", message='ERFA function .*"dubious year')
        yield
