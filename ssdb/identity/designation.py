"""Designations of the Minor Planet Center and the identifiers that are made from them.

``ssObjectId`` is the packed designation as big-endian bytes, the way the APDB has it: K15MK4Q (2015 MQ204) is
21164728253101137. The packed forms are those of https://www.minorplanetcenter.net/iau/info/PackedDes.html; packing
and unpacking are the library mpc-designation's, whose every result is converted back and compared, because it takes
things that it does not know for something else without a word (1995 XA0 for 1995 XA, B908 CJ for A908 CJ).
"""

from __future__ import annotations

import re

import mpc_designation as library

from ssdb.errors import DesignationError, quoted
from ssdb.schema.ranges import MAX_PACKED_LENGTH, MIN_PACKED_LENGTH

MAX_DESIGNATION_LENGTH = 16
"""Length of the column ``designation``."""

_LONGEST_TEXT = 200
"""Characters of a designation with its names, generously; Python refuses to read thousands of digits."""

_ORDER = r"[A-HJ-Y](?:[1-9]\d*|[A-HJ-Z]\d*)"
"""What follows the year: K2, of a comet; MQ204, of an asteroid (or of a comet that was found as one)."""

_PROVISIONAL = re.compile(r"(\d{4}|A[89]\d\d) ?([A-HJ-Y][A-HJ-Z]\d*)")
_SURVEY = re.compile(r"(\d+) (P-L|T-[123])")  # without the blank, 73P-L is a fragment of a comet
_BEFORE_1925 = re.compile(r"A(8\d\d|9[01]\d|92[0-4]) .+")
_NUMBERED = re.compile(r"(?:\((?P<bracketed>\d+)\)|(?P<plain>\d+))(?: (?P<name>[^()]+?))?(?: \((?P<other>[^()]+)\))?")
_NAME = re.compile(r"(?!.*-[A-Z]$)(?=(?:\W*[^\W\d_]){3})['`‘’ʻʼ=!]?[^\W\d_][^\d()/]*")
_SHORT_NAME = re.compile(r"['`‘’ʻʼ]?[A-Z]['`‘’ʻʼ]?[a-z]")
_YEAR = re.compile(r"(?:1[89]|2[01])\d\d")
# C_QD000N is C/2026 DY620: comets that were found as asteroids, after the 15,500th of a half-month.
_EXTENDED = re.compile(r"([PCDXAI])(_[A-Z][A-HJ-Y][0-9A-Za-z]{4})")
_INTERSTELLAR = re.compile(r"\d+I(?:-[A-Z]{1,2}|[a-z]{1,2})?")

_TWELVE_COLUMNS = re.compile(
    r"(?P<number>\d{4}[PDI])(?: +(?P<fragment>[a-z]{1,2})|[A-Z]\d\d[A-HJ-Y][0-9A-Za-z]\d(?:0|(?P<letter>[a-z])))"
)
"""Number and provisional designation, or fragment, of a comet as in the Minor Planet Center's files of observations."""

_FRAGMENT = r"(?:-(?P<fragment>[A-Z]{1,2}))?"
_NAMES = r"(?:/(?P<name>[^()]+?))?(?: \((?P<other>[^()]+)\))?"
_COMETS = (
    re.compile(rf"(?P<body>\d+[PDI]){_FRAGMENT}{_NAMES}"),
    re.compile(rf"(?P<body>[PCDXAI]/(?:-?\d+ |\d{{4}} ?){_ORDER}){_FRAGMENT}{_NAMES}"),
)
_OTHER_DESIGNATION = re.compile(rf"[PCDXAI]/\d{{4}} {_ORDER}")
_PLAIN_PROVISIONAL = re.compile(r"(19[3-9]\d|20\d\d) [A-HJ-Y][A-HJ-Z]([1-9]\d{0,2})?")
_COMET_NAME = re.compile(rf"(?:-?\d+ {_ORDER}|[^\d()]*(?:[^\W\d_]{{3}}|[A-Z][a-z])(?: \d+)?){_FRAGMENT}")
"""The end is strict: what looks like a fragment in another spelling ("3-b", "3 C", "9-Q1") must not get lost."""


def pack(text: str) -> tuple[str, str]:
    """The packed form of a designation, of 5 to 8 characters, and the canonical unpacked form.

    The text is unpacked or packed: numbers (433, "(433)", "433 Eros"), provisional designations ("2015 MQ204",
    2015_MQ204, 2015MQ204), survey designations ("2040 P-L"), comets (1P/Halley, 73P-BB, "C/2017 K2 (PANSTARRS)") and
    interstellar objects (2I/Borisov). The unpacked form is without names: "433", "2015 MQ204", "73P-BB", "C/2017 K2";
    years before 1925 are written the way the Minor Planet Center does ("A904 OA" for 1904 OA). DesignationError if the
    text is no designation, or has no packed form of up to 8 characters that leads back to it.
    """
    if packed := _packed_provisional(text):
        return packed, text
    if len(text) > _LONGEST_TEXT:
        raise DesignationError(f"{quoted(text)} is longer than any designation")
    given = _with_full_year(_without_name(_normalised(text)))
    try:
        from_packed, there = _convert(given)
        _, back = _convert(_with_full_year(there))
    except library.MPCDesignationError as error:
        raise DesignationError(f"{quoted(text)} is not a designation with a packed form: {error}") from None
    if _with_full_year(back) != given:
        raise DesignationError(
            f"{quoted(text)} is not a designation with a packed form: {there} would be that of {back}"
        )
    packed, designation = (given, there) if from_packed else (there, back)
    if len(packed) > MAX_PACKED_LENGTH:
        raise DesignationError(
            f"{quoted(text)}: its packed form {packed} is longer than {MAX_PACKED_LENGTH} characters"
        )
    return packed, designation


def name_in(text: str) -> str | None:
    """The name that stands beside a designation: Eros in "433 Eros", PANSTARRS in "C/2017 K2 (PANSTARRS)".

    The text is of any form that :func:`pack` takes. The name comes without the fragment of a comet; None where there is
    nothing but designations.
    """
    text = _normalised(text)
    if _PROVISIONAL.fullmatch(text) or _SURVEY.fullmatch(text):
        return None
    for pattern in _COMETS:
        if match := pattern.fullmatch(text):
            names = [re.sub(r"-[A-Z]{1,2}$", "", name) for name in (match["name"], match["other"]) if name]
            return next((name for name in names if not _designates(name)), None)
    match = _NUMBERED.fullmatch(text)
    return match["name"] if match and match["name"] and not _designates(match["name"]) else None


def _designates(name: str) -> bool:
    """Whether what stands in the place of a name is another designation, as in 1I/2017 U1 and 433 A898 PA."""
    return re.match(r"-?\d+ |\d{4}|[PCDXAI]/|A[89]\d\d ?[A-HJ-Y][A-HJ-Z]", name) is not None


def ss_object_id(packed: str) -> int:
    """The identifier of an object, as in the APDB: its packed designation read as a big-endian number.

    It is positive in 64 bits, and different for different packed designations, whatever their lengths. DesignationError
    if the text does not have 5 to 8 characters of ASCII.
    """
    if not (MIN_PACKED_LENGTH <= len(packed) <= MAX_PACKED_LENGTH and packed.isascii()):
        raise DesignationError(f"{quoted(packed)} is not a packed designation")
    return int.from_bytes(packed.encode("ascii"), "big")


def packed_from_id(object_id: int) -> str:
    """The packed designation of which :func:`ss_object_id` made an identifier.

    DesignationError if the number does not come from one: those of simulated names, which are negative, do not.
    """
    object_id = int(object_id)
    try:
        text = object_id.to_bytes(MAX_PACKED_LENGTH, "big").lstrip(b"\0").decode("ascii")
        packed, _ = pack(text)
    except (OverflowError, UnicodeDecodeError, DesignationError):
        packed = text = ""
    if not packed or packed != text:
        raise DesignationError(f"{object_id} is not an ssObjectId made from a packed designation")
    return packed


def _packed_provisional(text: str) -> str | None:
    """The packed form of a provisional designation as it should be; None where anything needs a closer look.

    Nearly all names are of this kind, and the library's way for any kind takes three times as long.
    """
    if not _PLAIN_PROVISIONAL.fullmatch(text):
        return None
    try:
        packed = library.pack_provisional(text)
        return packed if library.unpack_provisional(packed) == text else None
    except library.MPCDesignationError:
        return None


def _convert(text: str) -> tuple[bool, str]:
    """Whether a designation is packed, and its other form (packed or unpacked), by the library."""
    if _INTERSTELLAR.fullmatch(text):
        # The library does not know interstellar objects; they are packed as numbered comets are.
        result = library.convert(text.replace("I", "P", 1))
        return result["info"]["format"] == "packed", result["output"].replace("P", "I", 1)
    if match := _EXTENDED.fullmatch(text):  # the library makes these, and does not read them
        return True, f"{match[1]}/{library.convert(match[2])['output']}"
    result = library.convert(text)
    return result["info"]["format"] == "packed", result["output"]


def _with_full_year(designation: str) -> str:
    """1904 OA for A904 OA; anything else as it is."""
    return f"1{designation[1:]}" if _BEFORE_1925.fullmatch(designation) else designation


def _normalised(text: str) -> str:
    """A designation with single blanks for blanks and underscores, without parentheses around the whole."""
    text = " ".join(text.split())
    if not _EXTENDED.fullmatch(text):
        text = re.sub(r"(?<=[^_ ])_(?=[^_ ])", " ", text)  # the first character of _QC0000 belongs to it
    return text[1:-1] if re.fullmatch(r"\([^()]+\)", text) else text


def _without_name(text: str) -> str:
    """The designation in a text that may hold a name as well; the text as it is where that is not certain."""
    if match := _PROVISIONAL.fullmatch(text):
        return f"{match[1]} {match[2]}"
    if _SURVEY.fullmatch(text):
        return text
    if match := _TWELVE_COLUMNS.fullmatch(text):
        return match["number"] + (match["fragment"] or match["letter"] or "")
    for pattern in _COMETS:
        if match := pattern.fullmatch(text):
            return _comet(match) or text
    if match := _NUMBERED.fullmatch(text):
        return _number(match) or text
    return text


def _comet(match: re.Match[str]) -> str | None:
    """A comet's designation; its fragment may stand behind the designation, behind the name, or behind both."""
    fragments = {match["fragment"]}
    for name in filter(None, (match["name"], match["other"])):
        if _OTHER_DESIGNATION.fullmatch(name):  # 3I/ATLAS (C/2025 N1)
            continue
        named = _COMET_NAME.fullmatch(name)
        if not named:
            return None
        fragments.add(named["fragment"])
    fragments.discard(None)
    if len(fragments) > 1:
        return None
    body = re.sub(r"(/\d{4})(?=[A-Z])", r"\1 ", match["body"])
    return "-".join([body, *fragments])


def _number(match: re.Match[str]) -> str | None:
    """The number of an asteroid, where what follows it is a name or another designation of it."""
    name, other, plain = match["name"], match["other"], match["plain"]
    if other and not (_PROVISIONAL.fullmatch(other) or _SURVEY.fullmatch(other)):
        return None
    if name and not (_NAME.fullmatch(name) or _PROVISIONAL.fullmatch(name)):
        short = _SHORT_NAME.fullmatch(name)
        # Two letters are a name (85 Io), but "2015 Mq" and "204 0 P-L" are mistyped designations.
        if plain and (not short or _YEAR.fullmatch(plain)):
            return None
        if not short and not _SURVEY.fullmatch(name):
            return None
    return plain or match["bracketed"]
