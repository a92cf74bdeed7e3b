"""What time it is, as the APDB tells times of processing."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ssdb.store.sql_files import FIRST_SECONDS, LEAP_SECONDS
from ssdb.units import SECONDS_PER_DAY

_MJD_OF_UNIX_EPOCH = 40587.0


def mjd_tai_now() -> float:
    """The present, MJD TAI, to about a microsecond; without leap seconds that are not known here."""
    now = datetime.now(UTC)
    leaps = FIRST_SECONDS + sum(date.fromisoformat(day) <= now.date() for day in LEAP_SECONDS)
    return _MJD_OF_UNIX_EPOCH + (now.timestamp() + leaps) / SECONDS_PER_DAY
