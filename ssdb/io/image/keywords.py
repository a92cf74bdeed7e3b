"""Reads identifiers, band, exposure time and calibration from the header of an image."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ssdb.errors import ConfigError, InputError, option, quoted, shown
from ssdb.io.units import parsed_unit
from ssdb.schema.sentinels import UNKNOWN_TEXTS, is_unknown
from ssdb.units import AB_ZERO_POINT_NJY

Cards = Mapping[str, Any]
"""Keywords and their values: an astropy header, or several in a chain."""


UNKNOWN_TEXT = {"unknown", "_unknown_", *(str(text).lower() for text in UNKNOWN_TEXTS)}
"""Texts, in small letters, that stand for no value."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([ED][+-]?\d+)?", re.IGNORECASE)
"""A number that a card has as text."""

_DECAM_FILTER = re.compile(r"(\S+) DECam\b")  # FILTER of DECam: "r DECam SDSS c0002 6415.0 1480.0"


@dataclass(frozen=True, slots=True)
class HeaderKeywords:
    """Which keywords of a header say what: of each tuple the first that has a usable value.

    ConfigError if a value is not a tuple of texts.

    Attributes
    ----------
    visit, detector : tuple of str
        Integers.
    middle, begin, end : tuple of str
        Times of the exposure: ISO 8601 text or an MJD (of a keyword with JD in its name, but not MJD: a JD), in the
        time scale of TIMESYS (UTC where there is none).
    time_of_day : tuple of str
        Time of day of a begin that is a date alone; always also TIME-OBS for DATE-OBS, and so on.
    exposure_time : tuple of str
        Seconds.
    band, instrument, observatory_code : tuple of str
        Texts; the code is one of the Minor Planet Center's.
    zero_point, zero_point_error : tuple of str
        AB magnitude of one count of the image, and its error. None is read unless named here, since the keywords in
        use (MAGZERO, MAGZPT, MAGZP, ...) mean other systems, or a count per second, with some cameras.
    """

    visit: tuple[str, ...] = ("VISIT", "LSST BUTLER DATAID VISIT", "EXPID", "EXPNUM")
    detector: tuple[str, ...] = ("DETECTOR", "LSST BUTLER DATAID DETECTOR", "DET-ID", "CCDNUM", "RCID")
    middle: tuple[str, ...] = ("DATE-AVG", "MJD-AVG")
    begin: tuple[str, ...] = (
        *("DATE-BEG", "MJD-BEG", "DATE-OBS", "MJD-OBS", "DATE_OBS", "MJD_OBS"),
        *("EXPSTART", "OBSMJD"),  # of HST, of ZTF
    )
    end: tuple[str, ...] = ("DATE-END", "MJD-END", "DATE_END", "MJD_END", "EXPEND")
    time_of_day: tuple[str, ...] = ("TIME-OBS", "TIME_OBS", "UTC-OBS", "UTSTART", "UT")
    exposure_time: tuple[str, ...] = ("EXPTIME", "XPOSURE", "TELAPSE")
    band: tuple[str, ...] = ("BAND", "FILTBAND", "FILTER")
    instrument: tuple[str, ...] = ("INSTRUME", "INSTRUMENT")
    observatory_code: tuple[str, ...] = ("OBSCODE", "MPCCODE")
    zero_point: tuple[str, ...] = ()
    zero_point_error: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if not isinstance(value, tuple) or not all(isinstance(keyword, str) for keyword in value):
                raise ConfigError(f"{item.name} must be a tuple of keywords, not {quoted(value)}")


def read_identifier(header: Cards, keywords: tuple[str, ...], what: str, name: str) -> int:
    """An integer, the visit or detector (``what``), from the first keyword that has one; InputError if none has."""
    others = []
    for keyword in keywords:
        value = card_value(header, keyword)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and re.fullmatch(r"[+-]?\d+", value):
            return int(value)
        if value is not None:
            others.append(f"{keyword} = {quoted(value)}")
    problem = f"{shown(others)} is not an integer" if others else f"the header has none of {shown(keywords, most=9)}"
    cure = option(
        f"give it by --{what}, or name its keyword by --{what}-keyword",
        f"give it by {what}=..., or name its keyword by keywords=HeaderKeywords({what}=...)",
    )
    raise InputError(f"{name}: no {what}: {problem}; {cure}")


def read_text(header: Cards, keywords: tuple[str, ...], longest: int) -> str | None:
    """The first text of at most ``longest`` characters, None where there is none."""
    return next(_texts(header, keywords, longest), None)


def _texts(header: Cards, keywords: tuple[str, ...], longest: int) -> Iterator[str]:
    for keyword in keywords:
        value = card_value(header, keyword)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value is None or (is_number and is_unknown(np.array([value], float))[0]):
            continue
        if str(value).lower() not in UNKNOWN_TEXT and len(str(value)) <= longest:
            yield str(value)


def read_band(header: Cards, keywords: tuple[str, ...], longest: int) -> str | None:
    """The first name of a filter of at most ``longest`` characters; of DECam's long ones the first word is the band."""
    shortened = {}
    for keyword in keywords:
        value = card_value(header, keyword)
        match = _DECAM_FILTER.match(value) if isinstance(value, str) else None
        shortened[keyword] = match[1] if match else value
    return read_text(shortened, keywords, longest)


def read_observatory_code(header: Cards, keywords: tuple[str, ...]) -> str | None:
    """The first code of the Minor Planet Center (three characters, or four), None where there is none."""
    # Written as a number it has lost its zeros.
    codes = (text.zfill(3) for text in _texts(header, keywords, 4))
    return next((code for code in codes if re.fullmatch(r"[0-9A-Z][0-9]{2}|[0-9A-Za-z]{4}", code)), None)


def read_exposure_time(header: Cards, keywords: HeaderKeywords) -> float | None:
    """Seconds, None where it is unknown."""
    return _positive(header, keywords.exposure_time)


def read_calibration(header: Cards, keywords: HeaderKeywords) -> tuple[float | None, float | None]:
    """Flux of one count of the image and its error, nJy; None where unknown.

    From FLUXMAG0 and FLUXMAG0ERR (counts of AB magnitude 0); else from BUNIT, where that is a unit of flux density;
    else from the zero point, where its keyword is named.
    """
    counts = _positive(header, ("FLUXMAG0",))
    if counts is not None:
        mean = 10.0 ** (AB_ZERO_POINT_NJY / 2.5) / counts
        error = _positive(header, ("FLUXMAG0ERR",))
        return mean, None if error is None else mean * error / counts
    unit = card_value(header, "BUNIT")
    if isinstance(unit, str):
        parsed, njy = parsed_unit(unit), parsed_unit("nJy")
        if parsed.is_equivalent(njy):
            return float(parsed.to(njy)), None
    zero_point = read_number(header, keywords.zero_point)
    if zero_point is None:
        return None, None
    mean = 10.0 ** ((AB_ZERO_POINT_NJY - zero_point) / 2.5)
    error = _positive(header, keywords.zero_point_error)
    return mean, None if error is None else mean * error * math.log(10.0) / 2.5


def card_value(header: Cards, keyword: str) -> bool | int | float | str | None:
    """The value of a keyword, text without blanks around it; None where it is not there, undefined or empty."""
    value = header.get(keyword)
    if isinstance(value, str):
        return value.strip() or None
    return value if isinstance(value, bool | int | float) else None


def read_number(header: Cards, keywords: tuple[str, ...]) -> float | None:
    """The first number of some keywords, None where there is none."""
    for keyword in keywords:
        value = card_value(header, keyword)
        if isinstance(value, str) and NUMBER.fullmatch(value):
            return float(value.upper().replace("D", "E"))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _positive(header: Cards, keywords: tuple[str, ...]) -> float | None:
    """The first number above 0: 0 and -999 mean unknown."""
    values = (read_number(header, (keyword,)) for keyword in keywords)
    return next((value for value in values if value is not None and value > 0), None)
