"""Checks the cards of a WCS before astropy reads them: names what is missing, mends what is clear.

By the FITS standard a card that is missing has a default (CRVAL and CRPIX 0, CDELT 1), and wcslib takes that also for a
card that is there and is no number. An image would be stored at (0, 0), then.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ssdb.errors import InputError, quoted, shown
from ssdb.io.image.wcs import silence
from ssdb.io.units import SPELLINGS
from ssdb.units import ARCSEC_PER_DEG

if TYPE_CHECKING:
    from astropy.io.fits import Header

_CELESTIAL = re.compile(r"(RA|DEC)-|[A-Z]L(ON|AT)-|[A-Z]{2}L[NT]-", re.IGNORECASE)
"""How the type of a celestial axis with a projection begins."""

_NUMBERS = re.compile(
    r"(CRPIX|CRVAL|CDELT|CROTA)[12]|(CD|PC)0*[12]_?0*[12]|PV[12]_\d+|LONPOLE|LATPOLE|EQUINOX"
    r"|(A|B)_(ORDER|\d+_\d+)"
)
"""Cards that place pixels on the sky, and hold numbers."""

_TEXTS = ("CTYPE1", "CTYPE2", "CUNIT1", "CUNIT2", "RADESYS")

_EQUINOX = re.compile(r"[JB]?(\d{4}(\.\d*)?)", re.IGNORECASE)

_DEGREES = {"deg": 1.0, "": 1.0, "arcmin": 1 / 60, "arcsec": 1 / ARCSEC_PER_DEG, "rad": math.degrees(1.0)}
"""Degrees in the units of CUNIT."""

_MOST_SKEWED = math.cos(math.radians(80.0))
"""Cosine of the angle between the axes of pixels; those of cameras are square."""

_LONGITUDES = 720.0  # degrees: no longitude is written further from 0


Cards = dict[str, Any]
"""Cards of a WCS: numbers, and texts."""


class WcsCards(NamedTuple):
    """A header whose WCS is whole."""

    header: Header
    doubts: tuple[str, ...]
    """What was mended or left out."""


def is_celestial(header: Header) -> bool:
    """Whether a header has a celestial WCS, or means to."""
    return any(_CELESTIAL.match(_text(header, f"CTYPE{axis}")) for axis in (1, 2))


def whole_wcs(header: Header, name: str) -> WcsCards | None:
    """The header, or a mended copy, with a WCS of which nothing is missing; None where its axes are not celestial.

    InputError if a card is missing or holds no number, or one is there twice with different values.
    """
    if not is_celestial(header):
        return None
    ctypes = [_text(header, f"CTYPE{axis}") for axis in (1, 2)]
    for axis, ctype in enumerate(ctypes, 1):
        if not ctype:
            raise _missing(name, f"CTYPE{axis}", f"beside CTYPE{3 - axis} = {quoted(ctypes[2 - axis])}")
    doubts: list[str] = []
    with silence():
        given = _cards(header, name)
        cards = _numbers(given, name, doubts)
        cards |= {f"CTYPE{axis}": ctype.upper() for axis, ctype in enumerate(ctypes, 1)}
        _refuse_incomplete(cards, name)
        _spell_units(cards)
        _refuse_places(cards, name)
        _choose_distortion(cards, doubts)
        return WcsCards(_with_changes(header, given, cards), tuple(doubts))


def _with_changes(header: Header, given: Cards, cards: Cards) -> Header:
    """A header with other WCS cards: a copy, unless they are the same."""
    removed = given.keys() - cards.keys()
    changed = {keyword: value for keyword, value in cards.items() if given.get(keyword) != value}
    if not removed and not changed:
        return header
    mended = header.copy()
    for keyword in removed:
        mended.remove(keyword, ignore_missing=True, remove_all=True)
    mended.update(changed)
    return mended


def _text(header: Header, keyword: str) -> str:
    """The text of a card; empty where it has none, or cannot be read."""
    from astropy.io.fits import VerifyError

    try:
        value = header.get(keyword)
    except (VerifyError, ValueError):
        return ""
    return value.strip() if isinstance(value, str) else ""


def _missing(name: str, keyword: str, reason: str) -> InputError:
    return InputError(f"{name}: the WCS has no {keyword}, {reason}: add the card")


def _cards(header: Header, name: str) -> Cards:
    """The cards of a WCS: finite numbers as such, all others as text, which is empty where there is no value.

    InputError if a card is there twice with different values.
    """
    found: Cards = {}
    for keyword in header:
        if not _NUMBERS.fullmatch(keyword) and keyword not in _TEXTS:
            continue
        if keyword not in found:
            found[keyword] = _value(header, keyword)
        elif any(_value(header, (keyword, n)) != found[keyword] for n in range(1, header.count(keyword))):
            values = shown(_value(header, (keyword, n)) for n in range(header.count(keyword)))
            raise InputError(f"{name}: the WCS cannot be used: {keyword} is there more than once: {values}")
    return found


def _numbers(given: Cards, name: str, doubts: list[str]) -> Cards:
    """The cards, with numbers where there must be numbers."""
    cards = {}
    for keyword, value in given.items():
        if not isinstance(value, str):
            cards[keyword] = value
        elif keyword in _TEXTS:
            if value:
                cards[keyword] = value
        elif keyword != "EQUINOX":
            raise InputError(
                f"{name}: the WCS cannot be used: {keyword} is not a number, but {quoted(value)}: mend the card"
            )
        elif match := _EQUINOX.fullmatch(value):
            cards[keyword] = float(match[1])
            doubts.append(f"EQUINOX = {quoted(value)} is text, and was taken for the number {cards[keyword]}")
        elif value and str(given.get("RADESYS")).upper() != "ICRS":  # which has no equinox
            raise InputError(f"{name}: the WCS cannot be used: EQUINOX is not a number, but {quoted(value)}")
    return cards


def _value(header: Header, keyword: str | tuple[str, int]) -> float | str:
    from astropy.io.fits import VerifyError
    from astropy.io.fits.card import Undefined

    try:
        value = header[keyword]
    except (VerifyError, ValueError):
        try:
            return header.cards[keyword].image[10:].partition("/")[0].strip(" '") or "?"
        except (VerifyError, ValueError):
            return "?"
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return "" if isinstance(value, Undefined) or value is None else str(value).strip()


def _refuse_incomplete(cards: Cards, name: str) -> None:
    """Raises InputError if a card is missing without which nobody knows where pixels are."""
    default = "which the FITS standard takes for {}, and the image would be at a wrong place"
    for keyword in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2"):
        if keyword not in cards:
            raise _missing(name, keyword, default.format(0))
    cd, pc = _matrix(cards, "CD"), _matrix(cards, "PC")
    steps = np.array([cards.get(f"CDELT{axis}", np.nan) for axis in (1, 2)], dtype=float)
    if np.isnan(cd).all():
        for axis, step in enumerate(steps, 1):
            if np.isnan(step):
                raise _missing(name, f"CDELT{axis}", f"and no CD{axis}_{axis}: the size of a pixel is unknown")
    filled_cd = np.where(np.isnan(cd), 0.0, cd)
    filled_pc = np.where(np.isnan(steps), 1.0, steps)[:, None] * np.where(np.isnan(pc), np.eye(2), pc)
    for kind, given, filled in (("CD", cd, filled_cd), ("PC", pc, filled_pc)):
        lacking = np.isnan(given)
        # What is missing is 0 by the standard, or 1 on the diagonal of PC. Where that is meant, pixels stay squares.
        if lacking.any() and not lacking.all() and not _has_square_pixels(filled):
            names = [f"{kind}{i + 1}_{j + 1}" for i, j in np.argwhere(lacking)]
            raise _missing(name, shown(names), "without which pixels are no squares")
    if not np.isnan(cd).all() and not np.isnan(pc).all() and not np.allclose(filled_cd, filled_pc, 1e-6, 0.0):
        raise InputError(f"{name}: the WCS cannot be used: it has CD and PC cards that differ: remove those not meant")
    for letter in ("A", "B"):
        if f"{letter}_ORDER" not in cards and any(re.fullmatch(rf"{letter}_\d+_\d+", keyword) for keyword in cards):
            raise _missing(name, f"{letter}_ORDER", f"without which the SIP coefficients {letter}_... have no effect")


def _has_square_pixels(matrix: np.ndarray) -> bool:
    """Whether the axes of pixels have a length and are nearly at right angles."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not lengths.all() or not matrix.any(axis=1).all():
        return False
    return abs(matrix[:, 0] @ matrix[:, 1]) / lengths.prod() <= _MOST_SKEWED


def _matrix(cards: Cards, kind: str) -> np.ndarray:
    """The elements that a matrix has, shape (2, 2), in today's spelling or the old one (CD001001); NaN without."""
    spellings = ("{}{}_{}", "{}{:03}{:03}")
    found = np.full((2, 2), np.nan)
    for i, j in np.ndindex(2, 2):
        for spelling in spellings:
            value = cards.get(spelling.format(kind, i + 1, j + 1))
            if value is not None:
                found[i, j] = value
    return found


def _spell_units(cards: Cards) -> None:
    for keyword in ("CUNIT1", "CUNIT2"):
        unit = SPELLINGS.get(str(cards.get(keyword, "")).strip("[]. ").lower())
        if unit in _DEGREES:
            cards[keyword] = unit


def _refuse_places(cards: Cards, name: str) -> None:
    """Raises InputError if the reference point is no place on the sphere."""
    for axis in (1, 2):
        factor = _DEGREES.get(cards.get(f"CUNIT{axis}", ""))
        if factor is None:
            continue  # wcslib says what it thinks of the unit
        keyword, value = f"CRVAL{axis}", cards[f"CRVAL{axis}"]
        most = 90.0 if re.match(r"DEC|[A-Z]LAT|[A-Z]{2}LT", cards[f"CTYPE{axis}"]) else _LONGITUDES
        if abs(value * factor) > most * (1 + 1e-9):
            raise InputError(
                f"{name}: the WCS cannot be used: {keyword} = {value} is no angle within {most:g} deg of 0"
            )


def _choose_distortion(cards: Cards, doubts: list[str]) -> None:
    """Makes of TAN with coefficients in the header what it is meant to be: TAN-SIP, or TPV as SCAMP means PV cards.

    The standard has no PV cards of latitude with TAN, and takes those of longitude (PVi_1, PVi_2) for the native
    coordinates of the reference point. wcslib knows SCAMP's by a term of second order or above; of first order only,
    it would move the image by 90 degrees.
    """
    ctypes = [cards["CTYPE1"], cards["CTYPE2"]]
    if all(ctype.endswith("-TPV") for ctype in ctypes):
        _complete_tpv(cards)
    if not all(re.fullmatch(r".{4}-TAN(-SIP)?", ctype) for ctype in ctypes):
        return
    with_suffix = any(ctype.endswith("-SIP") for ctype in ctypes)
    longitude = 1 if re.match(r"RA|[A-Z]LON|[A-Z]{2}LN", ctypes[0]) else 2
    terms = {axis: _terms(cards, axis) for axis in (1, 2)}
    sip = [keyword for keyword in cards if re.fullmatch(r"(A|B)_(ORDER|\d+_\d+)", keyword)]
    of_scamp = max((*terms[1], *terms[2]), default=0) > 4 or 0.5 < terms[longitude].get(1, 0.0) < 2.0
    if sip and with_suffix and of_scamp:
        _remove(cards, (f"PV{axis}_{term}" for axis in (1, 2) for term in terms[axis]))
        doubts.append("PV cards are left out, since CTYPE says that the distortion is in the SIP coefficients")
    elif of_scamp:
        for axis, ctype in enumerate(ctypes, 1):
            cards[f"CTYPE{axis}"] = f"{ctype[:4]}-TPV"
        _complete_tpv(cards)
        _remove(cards, sip)
        without = ", and the SIP coefficients are left out" if sip else ""
        doubts.append(f"CTYPE is TAN and there are PV cards, which were read as TPV, as SCAMP means them{without}")
    elif terms[3 - longitude]:
        left_out = [f"PV{3 - longitude}_{term}" for term in terms[3 - longitude]]
        _remove(cards, left_out)
        if terms[3 - longitude] != {1: 1.0}:
            doubts.append(f"{shown(left_out)} are left out: TAN has no such parameters")
    if sip and not of_scamp and not all(ctype.endswith("-SIP") for ctype in ctypes):
        for axis, ctype in enumerate(ctypes, 1):
            cards[f"CTYPE{axis}"] = f"{ctype[:8]}-SIP"
        doubts.append("the SIP coefficients are applied, although CTYPE does not end in -SIP")
    if with_suffix or not of_scamp:
        _leave_out_unused(cards, sip, doubts)


def _leave_out_unused(cards: Cards, sip: Iterable[str], doubts: list[str]) -> None:
    """Removes SIP coefficients of a higher order than A_ORDER or B_ORDER, which no reader applies."""
    unused = []
    for keyword in sip:
        letter, *powers = keyword.split("_")
        if len(powers) == 2 and sum(map(int, powers)) > cards.get(f"{letter}_ORDER", 0) and cards[keyword]:
            unused.append(keyword)
    if unused:
        _remove(cards, unused)
        doubts.append(f"left out, being of a higher order than A_ORDER or B_ORDER: {shown(unused)}")


def _complete_tpv(cards: Cards) -> None:
    """Writes the terms of first order that are 1 by default; wcslib takes them for 0 where an axis has no others."""
    for axis in (1, 2):
        if f"PV{axis}_1" not in cards:
            cards[f"PV{axis}_1"] = 1.0


def _terms(cards: Cards, axis: int) -> dict[int, float]:
    """The PV cards of an axis, by their numbers."""
    found = {}
    for keyword in cards:
        match = re.fullmatch(rf"PV{axis}_(\d+)", keyword)
        if match:
            found[int(match[1])] = float(cards[keyword])
    return found


def _remove(cards: Cards, keywords: Iterable[str]) -> None:
    for keyword in keywords:
        del cards[keyword]
