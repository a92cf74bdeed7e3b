"""Reads observations of 80 columns, the Minor Planet Center's format of 1992, as the elements of ADES.

https://www.minorplanetcenter.net/iau/info/OpticalObs.html, SatelliteObs.html and RovingObs.html there.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import date

from ssdb.io.ades.read import Row, text_lines

_DATE = re.compile(r"(\d{4}) (\d\d) ([ \d]\d)(?:\.(\d*))? *")
_OF_SATELLITE = re.compile(r"\d{4}[a-z]\d\d [ \d]\d")
"""The date of an observation of a satellite of an asteroid."""

_HEADER = re.compile(r"(ACK|COD|CON|OBS|MEA|TEL|NET|BND|COM|NUM|AC2) |#")
_SIXTIETHS = r"[0-5]?\d(?:\.\d*)?|60(?:\.0*)?"  # programs round up
_SEXAGESIMAL = re.compile(rf"([-+]?)(\d{{1,3}})(?: ({_SIXTIETHS}))?(?: ({_SIXTIETHS}))?")

_NUMBER = re.compile(r"[0-9A-Za-z]\d{4}|~[0-9A-Za-z]{4}|\d{4}[PDI]|[JSUN]\d{3}S")
"""A packed number of a minor planet, of a comet, or of a satellite of a planet."""

_TYPE = re.compile(r" {4}[CPDXAIS]")
"""What kind of comet, or a satellite of a planet; a provisional designation follows."""

_FRAGMENT = re.compile(r"\d{4}[PDI] {5,6}[a-z]{1,2}")

_WIDTH = 80

_STAR_CATALOGUES = {
    **{"a": "USNOA1", "b": "USNOSA1", "c": "USNOA2", "d": "USNOSA2", "o": "USNOB1", "s": "USNOB2", "v": "NOMAD"},
    **{"e": "UCAC1", "r": "UCAC2", "u": "UCAC3", "q": "UCAC4", "Y": "UCAC5", "S": "URAT1", "T": "URAT2", "5": "UBSC"},
    **{
        "h": "GSC1.0",
        "i": "GSC1.1",
        "j": "GSC1.2",
        "k": "GSC2.2",
        "M": "GSC2.3",
        "z": "GSC",
        "l": "ACT",
        "m": "GSCACT",
    },
    **{"y": "Hip1", "x": "Hip2", "f": "Tyc1", "g": "Tyc2", "N": "SDSS7", "n": "SDSS8", "w": "CMC14", "Q": "CMC15"},
    **{"U": "Gaia1", "V": "Gaia2", "W": "Gaia3", "X": "Gaia3E", "3": "Gaia_Int", "6": "Gaia2016", "Z": "ATLAS2"},
    **{"1": "PS1_DR1", "2": "PS1_DR2", "t": "PPMXL", "p": "PPM", "L": "2MASS", "O": "SSTRC1", "R": "SSTRC4"},
    **{"P": "MPOSC3", "A": "AC", "B": "SAO1984", "C": "SAO", "D": "AGK3", "E": "FK4", "F": "ACRS", "G": "LickGas"},
    **{"H": "Ida93", "I": "Perth70", "J": "COSMOS", "K": "Yale", "0": "IHW", "4": "GZ"},
}
"""astCat of ADES by column 72: CatalogueCodes.html and ADESFieldValues.html there."""

_MODES = {
    **{" ": "PHO", "P": "PHO", "A": "PHO", "N": "PHO", "C": "CCD", "c": "CCD", "D": "CCD", "S": "CCD", "V": "CCD"},
    **{"B": "CMO", "T": "MER", "M": "MIC", "e": "ENC", "E": "OCC", "n": "VID", "H": "UNK"},
}
"""Kinds of instruments by column 15."""

_NOT_OPTICAL = {"R": "radar", "r": "", "X": "deleted", "x": "", "O": "offset", "s": "", "v": ""}
"""Lines that are not observations of a position, by column 15; "" where they belong to another line."""

_MICROSECONDS = 86_400 * 10**6


def is_columns80(beginning: bytes) -> bool:
    """Whether there are observations of 80 columns at the beginning of a text."""
    return any(map(_is_observation, beginning.decode("utf-8", "replace").split("\n")[:200]))


def _is_observation(line: str) -> bool:
    # Of radar, and of others that have no position, by their length; of those whose station is blank by the position.
    whole = len(line.rstrip()) in range(77, 161) or bool(_optical(line))
    return whole and bool(_DATE.fullmatch(line[15:32])) and not _HEADER.match(line)


def read_columns80(stream: io.BufferedIOBase, name: str) -> Iterator[Row]:
    """The observations of a text.

    Kinds are those of ADES, ``deleted``, ``satellite`` (of an asteroid), ``placeless`` of those from space, or of a
    roving observer, whose second line is not there, and ``unreadable`` of lines that are no observations.
    """
    waiting: tuple[int, str] | None = None
    for number, with_end in enumerate(text_lines(stream, name), 1):
        line = with_end.rstrip("\r\n")
        # Blanks at the end may be left out, but a line without an end was cut, perhaps within a number.
        cut = line == with_end and len(line) < _WIDTH
        if waiting is not None:
            first, waiting = waiting, None
            if cut or (line[14:15] == first[1][14].lower() and line[15:32] == first[1][15:32]):
                row, place = _optical(first[1]), {} if cut else _place(line)
                yield first[0], *(("optical", row | place) if row and place else ("unreadable", {}))
                continue
            yield first[0], "placeless", {}
        if not line.strip() or _HEADER.match(line):
            continue
        code = line[14:15]
        if cut or not _DATE.fullmatch(line[15:32]):
            yield number, "satellite" if not cut and _OF_SATELLITE.match(line[15:32]) else "unreadable", {}
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
    """Its elements; none where there is no time or position."""
    ra, dec = _degrees(line[32:44], 15.0), _degrees(line[44:56], 1.0)
    time = _iso(line[15:32])
    if not ra or not dec or not time:
        return {}
    row = {
        **_name(line[:5], line[5:12]),
        "mode": _MODES.get(line[14], "UNK"),
        "obsTime": time,
        "ra": ra,
        "dec": dec,
        "mag": line[65:70].strip(),
        "band": line[70:71].strip(),
        "astCat": _STAR_CATALOGUES.get(line[71:72], ""),
        "stn": line[77:80].strip(),
    }
    return {key: value for key, value in row.items() if value}


def _name(number: str, other: str) -> dict[str, str]:
    """What columns 1 to 5 and 6 to 12 call an object.

    In the latter may be a name that its observer gave it, which may look like a number. Packed provisional designations
    fill all seven, and are not of digits alone. Such names may also begin before column 6.
    """
    own = other.strip()
    if number.strip() and not _NUMBER.fullmatch(number) and not _TYPE.fullmatch(number):
        return {"trkSub": (number + other).strip()}
    if not own or (len(own) == 7 and not own.isdigit()) or _FRAGMENT.fullmatch(number + other):
        return {"packed": (number + other).rstrip()}
    return {"trkSub": own, "packed": number if _NUMBER.fullmatch(number) else ""}


def _iso(text: str) -> str:
    """A time in UTC; "" of what is none."""
    match = _DATE.fullmatch(text)
    if not match:
        return ""
    year, month, day, fraction = match.groups(default="")
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return ""
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
        columns, sys = ((34, 44), (45, 55), (56, 61)), "WGS84"
    else:
        columns, sys = ((34, 45), (46, 57), (58, 69)), {"1": "ICRF_KM", "2": "ICRF_AU"}.get(line[32:33], "")
    # A sign in the first column of a field may have blanks before its number. In other columns, all is another number.
    texts = [re.sub(r"^([-+]) +", r"\1", line[start:end].strip()) for start, end in columns]
    between = "".join(line[start - 1 : start] for start, _ in columns[1:])
    if not sys or between.strip() or not all(re.fullmatch(r"[-+]?\d*\.?\d+|[-+]?\d+\.?", text) for text in texts):
        return {}
    return {"sys": sys, "ctr": "399", **dict(zip(("pos1", "pos2", "pos3"), texts, strict=True))}
