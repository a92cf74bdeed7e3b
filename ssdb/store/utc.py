"""UTC in SQL: what times in TAI are on clocks, in the views for people.

Neither database knows leap seconds. Those until now are here, since a view must not depend on what is installed beside
the database: when a new one is announced it is added, and ``ssdb init`` makes the views again.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from ssdb.store.sql_files import sql_text

LEAP_SECONDS = (
    *("1972-07-01", "1973-01-01", "1974-01-01", "1975-01-01", "1976-01-01", "1977-01-01", "1978-01-01", "1979-01-01"),
    *("1980-01-01", "1981-07-01", "1982-07-01", "1983-07-01", "1985-07-01", "1988-01-01", "1990-01-01", "1991-01-01"),
    *("1992-07-01", "1993-07-01", "1994-07-01", "1996-01-01", "1997-07-01", "1999-01-01", "2006-01-01", "2009-01-01"),
    *("2012-07-01", "2015-07-01", "2017-01-01"),
)
"""Days before which a leap second was inserted (IERS, Bulletin C)."""

_FIRST_DAY = date(1972, 1, 1)
_FIRST_SECONDS = 10
"""TAI - UTC from that day on."""

_CALL = re.compile(r"\butc_text\(([^()]*)\)")


def with_utc(sql: str) -> str:
    """A statement with what ``utc_text(COLUMN)`` stands for in it: the UTC of an MJD TAI as text, ISO 8601."""
    return _CALL.sub(lambda call: _expression().replace(":mjd_tai", call[1]), sql)


@cache
def _expression() -> str:
    lines = sql_text("utc.sql").splitlines()
    return "\n".join(line for line in lines if not line.startswith("--")).replace(":era", _era())


def _era() -> str:
    """When the last leap second before ``tai`` began, both in ms of TAI since 1972; the newest are asked first."""
    begins = [_FIRST_SECONDS - 1]  # as if one had led to the first day
    for n, day in enumerate(LEAP_SECONDS):
        begins.append((date.fromisoformat(day) - _FIRST_DAY).days * 86400 + _FIRST_SECONDS + n)
    whens = " ".join(f"WHEN tai >= {1000 * begin} THEN {1000 * begin}" for begin in reversed(begins))
    return f"CASE {whens} END"
