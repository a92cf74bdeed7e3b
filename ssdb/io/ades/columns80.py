"""Reads observations of 80 columns, the Minor Planet Center's format of 1992, as the elements of ADES.

https://www.minorplanetcenter.net/iau/info/OpticalObs.html, SatelliteObs.html and RovingObs.html there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

from ssdb.io.ades.read import Row, text_lines

_DATE = re.compile(r"(\d{4}) (\d\d) ([ \d]\d)(?:\.(\d*))? *")
_OF_SATELLITE = re.compile(r"\d{4}[a-z]\d\d [ \d]\d")
"""The date of an observation of a satellite of an asteroid."""

_HEADER = re.compile(r"(ACK|COD|CON|OBS|MEA|TEL|NET|BND|COM|NUM|AC2) ")
_SEXAGESIMAL = re.compile(r"([-+]?)(\d{1,3})(?: ([0-5]?\d(?:\.\d*)?))?(?: ([0-5]?\d(?:\.\d*)?))?")

_NUMBER = re.compile(r"[0-9A-Za-z]\d{4}|~[0-9A-Za-z]{4}")
"""A packed number of a minor planet."""

_MODES = {
    **{" ": "PHO", "P": "PHO", "A": "PHO", "N": "PHO", "C": "CCD", "c": "CCD", "D": "CCD", "S": "CCD", "V": "CCD"},
    **{"B": "CMO", "T": "MER", "M": "MIC", "e": "ENC", "E": "OCC", "n": "VID", "H": "UNK"},
}
"""Kinds of instruments by column 15."""

_NOT_OPTICAL = {"R": "radar", "r": "", "X": "deleted", "x": "", "O": "offset", "s": "", "v": ""}
"""Lines that are not observations of a position, by column 15; "" where they belong to another line."""

_MICROSECONDS = 86_400 * 10**6


def is_columns80(beginning: bytes) -> bool:
    """Whether a text begins with observations of 80 columns, perhaps below their header."""
    lines = [line.rstrip("\r") for line in beginning.decode("utf-8", "replace").split("\n")[:200]]
    rows = [line for line in lines if line.strip() and not _HEADER.match(line)]
    return bool(rows) and len(rows[0].rstrip()) in range(77, 161) and bool(_DATE.fullmatch(rows[0][15:32]))


def read_columns80(stream: io.BufferedIOBase, name: str) -> Iterator[Row]:
    """The observations of a text.

    Kinds are those of ADES, ``deleted``, ``satellite`` (of an asteroid), ``placeless`` of those from space, or of a
    roving observer, whose second line is not there, and ``unreadable`` of lines that are no observations.
    """
    waiting: tuple[int, str] | None = None
    for number, line in enumerate(text_lines(stream, name), 1):
        if waiting is not None:
            first, waiting = waiting, None
            if line[14:15] == first[1][14].lower() and line[15:32] == first[1][15:32]:
                row, place = _optical(first[1]), _place(line)
                yield first[0], *(("optical", row | place) if row and place else ("unreadable", {}))
                continue
            yield first[0], "placeless", {}
        if not line.strip() or _HEADER.match(line):
            continue
        code = line[14:15]
        if len(line.rstrip()) < 77 or not _DATE.fullmatch(line[15:32]):
            yield number, "satellite" if _OF_SATELLITE.match(line[15:32]) else "unreadable", {}
        elif code in "SV":
            waiting = number, line
        elif code not in _NOT_OPTICAL:
            row = _optical(line)
            yield number, "optical" if row else "unreadable", row
        elif kind := _NOT_OPTICAL[code]:
            yield number, kind, {}
    if waiting is not None:
        yield waiting[0], "placeless", {}


def _optical(line: str) -> dict[str, str]:
    """Its elements; none where there is no position."""
    ra, dec = _degrees(line[32:44], 15.0), _degrees(line[44:56], 1.0)
    if not ra or not dec:
        return {}
    row = {
        **_name(line[:5], line[5:12]),
        "mode": _MODES.get(line[14], "UNK"),
        "obsTime": _iso(line[15:32]),
        "ra": ra,
        "dec": dec,
        "mag": line[65:70].strip(),
        "band": line[70].strip(),
        "stn": line[77:80].strip(),
    }
    return {key: value for key, value in row.items() if value}


def _name(number: str, other: str) -> dict[str, str]:
    """What columns 1 to 5 and 6 to 12 call an object.

    In the latter may be a name that its observer gave it, which may look like a number. Packed provisional designations
    fill all seven, and are not of digits alone.
    """
    own = other.strip() if len(other.strip()) < 7 or other.isdigit() else ""
    if _NUMBER.fullmatch(number):  # also where a provisional designation follows
        return {"packed": number, "trkSub": own}
    return {"trkSub": own} if own and not number.strip() else {"packed": (number + other).strip()}


def _iso(date: str) -> str:
    match = _DATE.fullmatch(date)
    assert match
    year, month, day, fraction = match.groups(default="")
    seconds, micro = divmod(round(int(fraction or 0) * _MICROSECONDS / 10 ** len(fraction)), 10**6)
    if seconds == 86_400:  # rounded up
        seconds, micro = seconds - 1, 999_999
    minutes, second = divmod(seconds, 60)
    return f"{year}-{month}-{int(day):02}T{minutes // 60:02}:{minutes % 60:02}:{second:02}.{micro:06}Z"


def _degrees(text: str, factor: float) -> str:
    """An angle in degrees; "" of what is none."""
    match = _SEXAGESIMAL.fullmatch(text.strip())
    if not match:
        return ""
    sign, whole, minutes, seconds = match.groups()
    value = factor * (int(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600)
    return repr(-value if sign == "-" else value)


def _place(line: str) -> dict[str, str]:
    """Where the observer was, of the second line; nothing where it does not say so."""
    if line[14] == "v":
        fields, sys = (line[34:44], line[45:55], line[56:61]), "WGS84"
    else:
        # A sign in the first column of a field, and blanks before the number.
        fields, sys = (line[34:45], line[46:57], line[58:69]), {"1": "ICRF_KM", "2": "ICRF_AU"}.get(line[32], "")
    texts = [field.replace(" ", "") for field in fields]
    if not sys or not all(re.fullmatch(r"[-+]?\d*\.?\d+|[-+]?\d+\.?", text) for text in texts):
        return {}
    return {"sys": sys, "ctr": "399", **dict(zip(("pos1", "pos2", "pos3"), texts, strict=True))}
