"""What ADES allows: its elements, their order, and what each may be.

ADES version 2022, ADES_Description of 2 May 2024 and submit.xsd of https://github.com/IAU-ADES/ADES-Master. The Minor
Planet Center lists modes, catalogues and bands at https://www.minorplanetcenter.net/iau/info/ADESFieldValues.html.
"""

from __future__ import annotations

import re

VERSION = "2022"

CONTEXT = {
    "observatory": ("mpcCode", "name"),
    "submitter": ("name", "institution"),
    "observers": ("name",),
    "measurers": ("name",),
    "telescope": ("name", "design", "aperture", "detector", "fRatio", "filter", "arraySize", "pixelScale"),
    "software": ("astrometry", "fitOrder", "photometry", "objectDetection"),
    "coinvestigators": ("name",),
    "collaborators": ("name",),
    "fundingSource": (),
    "comment": ("line",),
}
"""The elements of obsContext and what is in them."""

LISTS = ("observers", "measurers", "coinvestigators", "collaborators", "comment")
"""Those whose part is there once or more."""

OBLIGATORY = {
    "observatory": ("mpcCode",),
    "submitter": ("name",),
    "measurers": ("name",),
    "telescope": ("design", "aperture", "detector"),
}

_CHARACTER = r"[^|\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]"
"""Of a text: a line break would end a line of PSV, and XML has no other control characters than blanks."""

_TEXT_25 = re.compile(rf"(?=.*\S){_CHARACTER}{{1,25}}")
_TEXT_100 = re.compile(rf"(?=.*\S){_CHARACTER}{{1,100}}")
_SMALL_NUMBER = re.compile(r"(?=.*[1-9])(?=.{1,6}$)(0|[1-9]\d*)(\.\d*)?")
STATION = re.compile(r"[A-Za-z0-9]{3,4}")

_SHORT = ("aperture", "fRatio", "pixelScale")
_MIDDLE = ("design", "detector", "filter", "arraySize", "fitOrder")


def context_pattern(name: str) -> tuple[re.Pattern[str], str]:
    """What a value in obsContext must be, as a pattern and in words."""
    if name == "mpcCode":
        return STATION, "an observatory code of three or four letters and digits"
    if name in _SHORT:
        return _SMALL_NUMBER, "a number above 0 of at most 6 characters"
    pattern, most = (_TEXT_25, 25) if name in _MIDDLE else (_TEXT_100, 100)
    return pattern, f"a line of 1 to {most} characters without |"


OPTICAL = (
    *("permID", "provID", "trkSub", "obsSubID", "mode", "stn"),
    *("sys", "ctr", "pos1", "pos2", "pos3", "vel1", "vel2", "vel3"),
    *("obsTime", "rmsTime", "ra", "dec", "rmsRA", "rmsDec", "rmsCorr", "astCat"),
    *("mag", "rmsMag", "band", "photCat", "logSNR", "exp", "uncTime", "notes", "remarks"),
)
"""The elements of an optical observation that are written, in their order."""

PERM_ID = re.compile(r"[1-9]\d*([IPD](-[A-Z]{1,2})?)?")
PROV_ID = re.compile(r"\d{4} [A-HJ-Y][A-HJ-Z]\d*|\d{4} (P-L|T-[123])|[ADCPX]/\d{4} [A-Z]{1,2}\d*(-[A-Z])?")
"""permID and provID of minor planets and comets."""

TRK_SUB = re.compile(r"[-A-Za-z0-9_]{1,8}")

MODES = ("CCD", "CMO", "VID", "PHO", "ENC", "PMT", "MIC", "MER", "TDI", "OCC", "UNK")
"""Instruments; anything else costs a whole submission."""

BANDS = {
    "X05": {letter: f"L{letter}" for letter in "ugrizy"},
    **{code: {letter: f"P{letter}" for letter in "grizyw"} for code in ("F51", "F52")},
    **{code: {"c": "Ac", "o": "Ao"} for code in ("T05", "T08", "M22", "W68", "R17")},
}
"""The codes of bands, by observatory code: of Rubin, Pan-STARRS and ATLAS."""

ONE_FOR_ALL = {
    "mode": (re.compile("|".join(MODES)), f"one of {', '.join(MODES)}"),
    "astCat": (re.compile(r"[.A-Za-z0-9_]{1,8}"), "the code of a star catalogue, such as Gaia3E"),
    "photCat": (re.compile(r"[.A-Za-z0-9_]{1,8}"), "the code of a star catalogue, such as Gaia3E"),
    "rmsTime": (re.compile(r"(?=.*[1-9])(?=.{1,8}$)(0|[1-9]\d*)(\.\d*)?"), "seconds above 0, of at most 8 characters"),
    "uncTime": (re.compile(r"(?=.*[1-9])(?=.{1,8}$)(0|[1-9]\d*)(\.\d*)?"), "seconds above 0, of at most 8 characters"),
    "notes": (re.compile(r"[A-Za-z0-9]{1,6}"), "at most 6 letters and digits"),
    "remarks": (re.compile(rf"(?=.*\S){_CHARACTER}{{1,300}}"), "a line of 1 to 300 characters without |"),
}
"""Elements that a user gives for all observations: a pattern, and what it is in words."""

BAND = re.compile(r"[A-Za-z0-9_]{1,3}")
