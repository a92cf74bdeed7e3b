"""Reads the time of an image from its header."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeGuard

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.errors import InputError, quoted, shown
from ssdb.io.image.keywords import NUMBER, UNKNOWN_TEXT, Cards, HeaderKeywords, card_value, read_exposure_time
from ssdb.schema.ranges import MJD
from ssdb.units import JD_OF_MJD_0, SECONDS_PER_DAY

_SCALES = {
    **dict.fromkeys(("UTC", "UT", "GMT"), ("utc", 0.0)),
    **dict.fromkeys(("TAI", "IAT"), ("tai", 0.0)),
    **dict.fromkeys(("TT", "TDT", "ET"), ("tt", 0.0)),
    **{scale.upper(): (scale, 0.0) for scale in ("tdb", "tcg", "tcb")},
    "GPS": ("tai", 19.0),
}
"""Values of TIMESYS (FITS 4.0, table 30): astropy's scale, and the seconds to add."""

_DATE = re.compile(r"(?P<year>\d{4})[-/](?P<month>\d{2})[-/](?P<day>\d{2})|(\d{2})/(\d{2})/(\d{2})")
"""In the notations of today and before 2000 (day, month, year of the 20th century)."""
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d*)?))?")
_UTC = re.compile(r"\s*(Z|UTC?|[+-]00(:?00)?)$")  # what says behind a time that it is UTC
_JD = re.compile(r"(?<![MBH])JD")
"""In keywords of Julian dates; barycentric and heliocentric ones are not of the observer."""


class _Told(NamedTuple):
    """An instant, MJD TAI, and the keyword that it is from."""

    mjd_tai: float
    keyword: str


def read_midpoint(header: Cards, keywords: HeaderKeywords, name: str, doubts: list[str] | None = None) -> float | None:
    """The middle of the exposure, MJD TAI, by its own keyword, or from begin and end, or begin and exposure time.

    None where the header does not tell. What was passed over because it is no time, and what is another one, goes into
    ``doubts``. InputError if values are no times and no other keyword has one, TIMESYS is not a time scale that leads
    to TAI, the end is before the begin, or keywords were named and none has a time.
    """
    unusable: list[str] = []
    found = _midpoint(header, keywords, name, unusable)
    if found is None and unusable:
        raise InputError(f"{name}: {unusable[0]}")
    if found is None:
        _refuse_named(keywords, name)
        return None
    if unusable and doubts is not None:
        doubts.append(f"{shown(unusable)}: the time is from {found.keyword}")
    return found.mjd_tai


def _midpoint(header: Cards, keywords: HeaderKeywords, name: str, unusable: list[str]) -> _Told | None:
    middle = _instant(header, keywords.middle, (), name, unusable)
    if middle is not None:
        return middle
    begin = _instant(header, keywords.begin, keywords.time_of_day, name, unusable)
    if begin is None:
        return None
    end = _instant(header, keywords.end, (), name, unusable)
    if end is not None:
        if end.mjd_tai < begin.mjd_tai:
            raise InputError(
                f"{name}: the exposure ends before it begins (MJD TAI {end.mjd_tai} by {end.keyword} and "
                f"{begin.mjd_tai} by {begin.keyword})"
            )
        half = (end.mjd_tai - begin.mjd_tai) / 2.0
        return _Told(begin.mjd_tai + half, f"{begin.keyword} and {end.keyword}")
    exposure_time = read_exposure_time(header, keywords)
    if exposure_time is None:
        return None
    return _Told(begin.mjd_tai + exposure_time / 2.0 / SECONDS_PER_DAY, begin.keyword)


def _refuse_named(keywords: HeaderKeywords, name: str) -> None:
    """Raises InputError if somebody has said where the time is, since it is not there."""
    usual = HeaderKeywords()
    roles = ("middle", "begin", "end")
    if any(getattr(keywords, role) != getattr(usual, role) for role in roles):
        named = [keyword for role in roles for keyword in getattr(keywords, role)]
        raise InputError(
            f"{name}: no time of the middle of the exposure, nor of its begin with its end or exposure time, is in "
            f"{shown(named, most=12)}"
        )


def _instant(
    header: Cards, keywords: tuple[str, ...], times_of_day: tuple[str, ...], name: str, unusable: list[str]
) -> _Told | None:
    """The first keyword that has a date with a time of day, or an MJD; else the first date with one elsewhere.

    What is no time before it goes into ``unusable``, with the reason, and what is another time after it.
    """
    from astropy.io.fits import VerifyError

    found: _Told | None = None
    dates = []
    for keyword in keywords:
        try:
            value = card_value(header, keyword)
        except VerifyError:
            if found is None:
                unusable.append(f"{keyword} cannot be read")
            continue
        if isinstance(value, str) and NUMBER.fullmatch(value):
            value = float(value.upper().replace("D", "E"))
        if value is None or isinstance(value, bool) or (isinstance(value, str) and value.lower() in UNKNOWN_TEXT):
            continue
        if isinstance(value, str):
            date, clock, is_utc = _parsed(value)
            if date and not clock:
                dates.append((keyword, value, date))
                continue
            instant = _mjd_tai(header, keyword, f"{date}T{clock}", is_utc, name) if date else None
        elif value <= 0:  # 0 and -999 mean unknown
            continue
        else:
            mjd = value - JD_OF_MJD_0 if _JD.search(keyword.upper()) else float(value)
            instant = _mjd_tai(header, keyword, mjd, False, name)
        if not _is_usable(instant, keyword, value, unusable if found is None else []):
            continue
        if found is None:
            found = _Told(instant, keyword)
        elif abs(instant - found.mjd_tai) > MAX_TIME_DIFFERENCE_DAYS:
            unusable.append(f"{keyword} is {instant - found.mjd_tai:+.6g} d from {found.keyword}")
    if found is not None:
        return found
    for keyword, value, date in dates:
        clock, is_utc = _time_of_day(header, (keyword.upper().replace("DATE", "TIME"), *times_of_day))
        if clock:
            instant = _mjd_tai(header, keyword, f"{date}T{clock}", is_utc, name)
            if _is_usable(instant, keyword, f"{value} {clock}", unusable):
                return _Told(instant, keyword)
    return None


def _is_usable(instant: float | None, keyword: str, value: object, unusable: list[str]) -> TypeGuard[float]:
    if instant is None:
        unusable.append(f"{keyword} = {quoted(value)} is not a time")
    elif not MJD.low <= instant <= MJD.high:
        unusable.append(f"{keyword} = {quoted(value)} is not an MJD within {MJD}")
    else:
        return True
    return False


def _parsed(text: str) -> tuple[str, str, bool]:
    """Date (YYYY-MM-DD) and time of day (HH:MM:SS), empty where they are not; whether that says that it is UTC."""
    bare = _UTC.sub("", text)
    date = _DATE.match(bare)
    if date is None:
        return "", "", False
    day = f"{date['year']}-{date['month']}-{date['day']}" if date["year"] else f"19{date[6]}-{date[5]}-{date[4]}"
    rest = bare[date.end() :]
    if not rest:
        return day, "", False
    clock = _clock(rest.lstrip("T ")) if rest[0] in "T " else ""
    return (day, clock, bare != text) if clock else ("", "", False)


def _clock(text: str) -> str:
    match = _CLOCK.fullmatch(text.strip())
    return f"{int(match[1]):02}:{match[2]}:{match[3] or '00'}" if match else ""


def _time_of_day(header: Cards, keywords: tuple[str, ...]) -> tuple[str, bool]:
    """The first time of day (HH:MM:SS), empty where there is none, and whether it says that it is UTC."""
    for keyword in keywords:
        value = card_value(header, keyword)
        if isinstance(value, str):
            bare = _UTC.sub("", value)
            clock = _clock(bare)
            if clock:
                return clock, bare != value
    return "", False


def _mjd_tai(header: Cards, keyword: str, value: str | float, is_utc: bool, name: str) -> float | None:
    """MJD TAI of an ISO 8601 date or an MJD in UTC, or else the scale of TIMESYS; None if it is none."""
    import warnings

    from astropy.time import Time

    said = str(card_value(header, "TIMESYS") or "UTC")
    # TIMESYS may name the realization too, or say more: UTC(NIST), UTC approximate.
    system = "UTC" if is_utc else re.split(r"[^A-Z0-9]", said.upper(), maxsplit=1)[0]
    if system not in _SCALES:
        raise InputError(
            f"{name}: TIMESYS = {quoted(said)} of {keyword} is none of {shown(_SCALES, most=len(_SCALES))}"
        )
    scale, seconds = _SCALES[system]
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*dubious year")
            time = Time(value, format="fits" if isinstance(value, str) else "mjd", scale=scale)
            return float(time.tai.mjd) + seconds / SECONDS_PER_DAY
    except ValueError:
        return None
