"""The header of reports, which observers keep as a YAML file: obsContext of ADES, and what holds for all observations.

The keys are the names of ADES, and ``optical``::

    observatory: {mpcCode: X05}
    submitter: {name: A. Observer, institution: An Observatory}
    measurers: [A. Observer, B. Measurer]
    telescope: {design: reflector, aperture: 8.4, detector: CCD}
    optical: {mode: CCD, astCat: Gaia3E, bands: {g: Lg}}
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from ssdb.errors import ConfigError, option, quoted, shown
from ssdb.io.ades.standard import BAND, BANDS, CONTEXT, LISTS, OBLIGATORY, ONE_FOR_ALL, context_pattern
from ssdb.io.yaml_file import read_yaml_texts

_NEEDED_OF_OPTICAL = ("mode", "astCat")


@dataclass(frozen=True, slots=True)
class Header:
    """What a report begins with, and what holds for all of its observations."""

    context: Mapping[str, Any]
    """obsContext: by element a text, the texts of a list, or texts by name; in the order of ADES."""
    optical: Mapping[str, str]
    """Elements that all observations have: mode, astCat, ..."""
    bands: Mapping[str, str]
    """Codes of bands, by what the database calls them."""

    @property
    def station(self) -> str:
        """The observatory code."""
        return str(self.context["observatory"]["mpcCode"])


def header_of(given: Mapping[str, Any] | str | os.PathLike[str], station: str | None = None) -> Header:
    """The header in a YAML file, or of a dictionary; ``station`` is the observatory code where it has none.

    ConfigError that names the file and the key if it lacks something obligatory, has something that ADES does not, or
    something that is not what ADES allows; or if it is of another station.
    """
    if isinstance(given, Mapping):
        return _header(_texts(given), station)
    content = read_yaml_texts(given, "header")
    try:
        return _header(content, station)
    except ConfigError as error:
        raise ConfigError(f"{os.fspath(given)}: {error}") from None


def _texts(value: Any) -> Any:
    """What a dictionary says, as text."""
    if isinstance(value, Mapping):
        return {str(name): _texts(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(one) for one in value]
    return "" if value is None else str(value)


def _header(content: Any, station: str | None) -> Header:
    if not isinstance(content, Mapping):
        raise ConfigError("a header has the elements of ADES, one a line, such as `observatory: {mpcCode: X05}`")
    _refuse_unknown("the header", content, (*CONTEXT, "optical"))
    observatory = content.get("observatory") or {}
    if station is not None and isinstance(observatory, Mapping):
        given = observatory.get("mpcCode") or station
        if given != station:
            stn = option("--stn", "station=...")
            raise ConfigError(f"observatory: mpcCode is {quoted(given)}, and {stn} says {quoted(station)}")
        content = {**content, "observatory": {**observatory, "mpcCode": station}}
    for name, parts in OBLIGATORY.items():
        if not content.get(name):
            raise ConfigError(f"{name} is missing: {_example(name, parts)}")
    context = {name: _element(name, content[name]) for name in CONTEXT if name in content}
    optical, bands = _optical(content.get("optical") or {})
    return Header(context, optical, BANDS.get(context["observatory"]["mpcCode"], {}) | bands)


def _example(name: str, parts: tuple[str, ...]) -> str:
    inside = "[A. Observer]" if name in LISTS else f"{{{', '.join(f'{part}: ...' for part in parts)}}}"
    return f"it needs `{name}: {inside}`"


def _element(name: str, value: Any) -> Any:
    parts = CONTEXT[name]
    if not parts:
        return _checked(name, name, value)
    if name in LISTS:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not texts:
            raise ConfigError(f"{name} must be a list of texts, not {quoted(value)}")
        return [_checked(name, name, text) for text in texts]
    if not isinstance(value, Mapping):
        raise ConfigError(f"{name} must have {shown(parts, 10)}, and is {quoted(value)}")
    _refuse_unknown(name, value, parts)
    for part in OBLIGATORY.get(name, ()):
        if not value.get(part):
            raise ConfigError(f"{name} lacks {part}, which ADES wants")
    return {part: _checked(f"{name}: {part}", part, value[part]) for part in parts if value.get(part)}


def _checked(where: str, name: str, value: Any) -> str:
    pattern, meaning = context_pattern(name)
    if not isinstance(value, str) or not pattern.fullmatch(value.strip()):
        raise ConfigError(f"{where} must be {meaning}, not {quoted(value)}")
    return value.strip()


def _optical(value: Any) -> tuple[dict[str, str], dict[str, str]]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"optical must have {shown(ONE_FOR_ALL, 10)} or bands, and is {quoted(value)}")
    _refuse_unknown("optical", value, (*ONE_FOR_ALL, "bands"))
    for name in _NEEDED_OF_OPTICAL:
        if not value.get(name):
            raise ConfigError(f"optical lacks {name}: {ONE_FOR_ALL[name][1]}")
    optical = {}
    for name, (pattern, meaning) in ONE_FOR_ALL.items():
        if given := value.get(name):
            if not isinstance(given, str) or not pattern.fullmatch(given.strip()):
                raise ConfigError(f"optical: {name} must be {meaning}, not {quoted(given)}")
            optical[name] = given.strip()
    bands = value.get("bands") or {}
    if not isinstance(bands, Mapping):
        raise ConfigError(f"optical: bands must say what each band is in ADES, such as {{g: Lg}}, not {quoted(bands)}")
    for band, code in bands.items():
        if not isinstance(code, str) or not BAND.fullmatch(code):
            raise ConfigError(f"optical: bands: {band} must be a code of 1 to 3 letters and digits, not {quoted(code)}")
    return optical, dict(bands)


def _refuse_unknown(where: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            like = get_close_matches(name, known, n=1)
            meant = f"did you mean {like[0]}?" if like else f"possible are {shown(known, 20)}"
            raise ConfigError(f"{where} has {quoted(name)}, which is no element of ADES there; {meant}")
