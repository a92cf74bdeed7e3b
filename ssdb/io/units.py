"""Units in all the spellings that files have."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from ssdb.io.limits import is_absurd_unit

if TYPE_CHECKING:
    from astropy.units import UnitBase

SPELLINGS = {
    **dict.fromkeys(("deg", "degs", "degree", "degrees"), "deg"),
    **dict.fromkeys(("rad", "rads", "radian", "radians"), "rad"),
    **dict.fromkeys(("arcsec", "arcsecs", "arcsecond", "arcseconds", "arc sec", "asec", '"'), "arcsec"),
    **dict.fromkeys(("arcmin", "arcmins", "arcminute", "arcminutes", "arc min", "amin", "'"), "arcmin"),
    **dict.fromkeys(("mas", "milliarcsec", "milliarcsecs", "milliarcsecond", "milliarcseconds"), "mas"),
    **dict.fromkeys(("hourangle", "hourangles"), "hourangle"),
    **dict.fromkeys(("d", "day", "days", "mjd"), "d"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("au", "astronomical unit", "astronomical units"), "au"),
    **dict.fromkeys(("km", "kms", "kilometer", "kilometers", "kilometre", "kilometres"), "km"),
    **dict.fromkeys(("mag", "mags", "magnitude", "magnitudes"), "mag"),
    **dict.fromkeys(("pix", "pixel", "pixels"), "pix"),
    **dict.fromkeys(("njy", "nanojansky", "nanojanskys"), "nJy"),
    **dict.fromkeys(("ujy", "microjy", "microjansky", "microjanskys"), "uJy"),
    **dict.fromkeys(("jy", "jansky", "janskys"), "Jy"),
    **dict.fromkeys(("nmgy", "nanomaggy", "nanomaggies"), "nmgy"),
}
"""Words for units in any spelling, in small letters, by what astropy calls them."""

_WORD = re.compile(r"[A-Za-z][A-Za-z ]*[A-Za-z]|[A-Za-z]|['\"]")
_AROUND = re.compile(r"""\s*(?:\[(.+)\]|\((.+)\)|'(.+)'|"(.+)")\s*""")


@cache
def parsed_unit(text: str) -> UnitBase:
    """The unit that a text names, an UnrecognizedUnit if it names none.

    What astropy knows is what astropy says. Else words are taken in other spellings, too: DEGREES, [deg], days, MJD
    (a day), nanomaggies (of the zero point of AB magnitudes).
    """
    from astropy import units as u

    # astropy takes 0.1 ms to read "deg/d", and a table may have a hundred columns.
    if is_absurd_unit(text):
        return u.UnrecognizedUnit(text[:100])
    unit = _parsed(text)
    if not isinstance(unit, u.UnrecognizedUnit):
        return unit
    bare = " ".join(text.split())
    inside = _AROUND.fullmatch(bare)
    respelled = _WORD.sub(_respelled, inside[inside.lastindex or 0].strip() if inside else bare)
    return unit if respelled == text else _parsed(respelled, otherwise=unit)


def _respelled(word: re.Match[str]) -> str:
    return SPELLINGS.get(word[0].lower(), word[0])


def _parsed(text: str, otherwise: UnitBase | None = None) -> UnitBase:
    from astropy import units as u

    if text == "nmgy":
        return u.def_unit("nmgy", 1e-9 * u.AB)
    try:
        unit = u.Unit(text, parse_strict="silent")
        if unit.is_equivalent(u.mgy):  # astropy leaves open what a maggy is
            return u.def_unit(text.strip(), unit.to(u.mgy) * u.AB)
    except Exception:  # of 10**400 m, (((..., and whatever else its parser stumbles over
        unit = u.UnrecognizedUnit(text)
    return otherwise if otherwise is not None and isinstance(unit, u.UnrecognizedUnit) else unit
