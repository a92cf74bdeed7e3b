"""Directions as people write them, in degrees: a number, or hours or degrees with minutes and seconds."""

from __future__ import annotations

import re
import warnings
from typing import Any

from ssdb.errors import ConfigError, option, quoted

_SEXAGESIMAL = re.compile(r"[+−-]?[\d.]+(?: *(?P<unit>h|hr|hours?|d|deg|degrees?|°)[\dms.'\"′″ ]*|[: ][\d.: ]*)")
"""Of what astropy takes for an angle, that which everybody does: no lone minutes, no unit that
astropy would take for that of all numbers before it."""


def ra_of(given: Any) -> float:
    """A right ascension in degrees: ``150.03``, ``10:00:08.2``, ``10 00 08.2``, ``10h00m08.2s``, ``150d02m03s``.

    Numbers are degrees, a number with minutes behind it is hours unless it says d. A Quantity of astropy says its unit.
    ConfigError if it is none.
    """
    return _degrees(given, "ra", "hourangle", "hours as 12:30:15.5")


def dec_of(given: Any) -> float:
    """A declination in degrees: ``-5.39``, ``-05:23:28``, ``-05 23 28``, ``-05d23m28s``; else as :func:`ra_of`."""
    return _degrees(given, "dec", "deg", "degrees, minutes and seconds as -05:10:30.5")


def _degrees(given: Any, name: str, unit: str, example: str) -> float:
    text = given.strip().lower() if isinstance(given, str) else ""
    match = _SEXAGESIMAL.fullmatch(text)
    try:
        if match is None:
            return float(given.to_value("deg") if hasattr(given, "to_value") else given)
        if name == "ra" or not (match["unit"] or "").startswith("h"):
            from astropy.coordinates import Angle

            with warnings.catch_warnings():
                warnings.simplefilter("error")  # of 60 minutes, and 60 seconds
                return float(Angle(text, unit).deg)
    except (TypeError, ValueError, Warning):
        pass
    wrong = option(f"Invalid value for '--{name}'", name)
    raise ConfigError(f"{wrong}: {quoted(str(given))} is neither degrees nor {example}")
