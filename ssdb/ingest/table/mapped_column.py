"""What a column map says of one column: the keys that go together, and what their values may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import yaml

from ssdb.errors import ConfigError, quoted, shown
from ssdb.io.units import parsed_unit


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """Where one column of the data model comes from; the attributes are the keys of the column map."""

    column: str | None = None
    unit: str | None = None
    convert: str | None = None
    magnitude: str | None = None
    sign: str | None = None
    format: str | None = None
    scale: str | None = None
    values: Mapping[Any, Any] | None = None
    constant: str | int | float | bool | None = None
    make_from: Sequence[str] = ()
    below: Sequence[int] = ()

    @property
    def used(self) -> tuple[str, ...]:
        """Columns of the file that it is made from; of an identifier, see :attr:`make_from`."""
        return tuple(name for name in (self.column, self.magnitude, self.sign) if name is not None)


class _Int(int):
    """A whole number, and how it is written."""

    written: str


class _Float(float):
    """A number, and how it is written."""

    written: str


class Loader(yaml.SafeLoader):
    """Reads plain YAML, and keeps how numbers are written: 007 may be the code of an observatory."""


def _number(loader: Loader, node: yaml.ScalarNode) -> _Int | _Float:
    whole = node.tag.endswith(":int")
    number = _Int(loader.construct_yaml_int(node)) if whole else _Float(loader.construct_yaml_float(node))
    number.written = node.value
    return number


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [key.value for key, _ in node.value]
    again = [key for key in keys if isinstance(key, str) and keys.count(key) > 1]
    if again:
        raise ConfigError(f"{shown(dict.fromkeys(again))} is there twice")
    return loader.construct_mapping(node, deep=True)


Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
Loader.add_constructor("tag:yaml.org,2002:int", _number)
Loader.add_constructor("tag:yaml.org,2002:float", _number)


def refuse_unknown(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise ConfigError(f"{where} has the unknown key {shown(unknown)}; possible are {', '.join(known)}")


def mapped_column(name: object, entry: object) -> MappedColumn:
    if not isinstance(name, str):
        raise ConfigError(f"the name of a column must be text, not {quoted(name)} (put it in quotes)")
    if isinstance(entry, str):
        return MappedColumn(column=entry)
    if not isinstance(entry, Mapping):
        raise ConfigError(
            f"{name} must be the name of a column, or {{column: ...}} or {{constant: ...}}, not {quoted(entry)}"
        )
    refuse_unknown(entry, tuple(field.name for field in fields(MappedColumn)), name)
    mapped = MappedColumn(**{key: _texts_if_any(value) if key == "values" else value for key, value in entry.items()})
    _validate(name, mapped, tuple(entry))
    return mapped


def _validate(name: str, mapped: MappedColumn, keys: tuple[str, ...]) -> None:
    """Raises ConfigError if the keys do not belong together or a value of one makes no sense."""
    allowed = _allowed_keys(name, mapped, keys)
    needless = [key for key in keys if key not in allowed and not (key == "sign" and mapped.convert in _SIGNED)]
    if needless:
        raise ConfigError(f"{name}: {shown(needless)} does not go with {allowed[-1]}")
    lacking = [key for key in allowed if key not in keys]
    if lacking:
        raise ConfigError(f"{name}: {allowed[-1]} needs {shown(lacking)} too")
    for key in ("column", "unit", "magnitude", "sign", "format", "scale"):
        if key in keys and not isinstance(getattr(mapped, key), str):
            raise ConfigError(f"{name}: {key} must be text, not {quoted(getattr(mapped, key))}")
    if mapped.unit is not None:
        _validate_unit(name, mapped.unit)
    if mapped.convert == "time":
        _validate_time(name, mapped)
    if "values" in keys:
        _validate_values(name, mapped.values)
    if "make_from" in keys:
        _validate_identifiers(name, mapped)
    if "constant" in keys and not isinstance(mapped.constant, str | int | float):
        raise ConfigError(f"{name}: constant must be a number, text, true or false, not {quoted(mapped.constant)}")
    _refuse_large(name, mapped.constant)


def _allowed_keys(name: str, mapped: MappedColumn, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that an entry of this kind has, what makes it that kind last."""
    if "constant" in keys:
        return ("constant",)
    if "make_from" in keys:
        return ("below", "make_from")
    if "convert" in keys:
        if not isinstance(mapped.convert, str) or mapped.convert not in _CONVERSIONS:
            raise ConfigError(f"{name}: convert must be one of {', '.join(_CONVERSIONS)}, not {quoted(mapped.convert)}")
        return (*_CONVERSIONS[mapped.convert], "convert")
    if "sign" in keys:
        return ("column", *(key for key in ("unit",) if key in keys), "sign")
    kind = next((key for key in ("values", "unit") if key in keys), None)
    return ("column",) if kind is None else ("column", kind)


_CONVERSIONS = {
    "ABmag": ("column",),
    "ABmag_error": ("column", "magnitude"),
    "is_negative": ("column",),
    "time": ("column", "format", "scale"),
}
"""What each conversion needs."""

_SIGNED = ("ABmag",)
"""Conversions that may have a sign."""


def _validate_unit(name: str, unit: str) -> None:
    from astropy import units as u

    if isinstance(parsed_unit(unit), u.UnrecognizedUnit):
        raise ConfigError(f"{name}: unit {quoted(unit)} is not known")


def _validate_time(name: str, mapped: MappedColumn) -> None:
    from astropy.time import Time

    scales = [scale for scale in Time.SCALES if scale != "local"]  # a local scale has no way to TAI
    for key, choices in (("format", list(Time.FORMATS)), ("scale", scales)):
        if getattr(mapped, key) not in choices:
            raise ConfigError(f"{name}: {key} must be one of {', '.join(choices)}, not {quoted(getattr(mapped, key))}")


def _validate_values(name: str, values: object) -> None:
    if not isinstance(values, Mapping) or not values:
        raise ConfigError(f"{name}: values must say what each value of the file becomes, such as {{1: g, 2: r}}")
    types = {_plain_type(value) for value in values.values() if value is not None}
    if len(types) > 1 or not types <= {str, int, float, bool}:
        raise ConfigError(f"{name}: values must all become text, or all numbers of one kind, or all true or false")
    for value in (*values, *values.values()):
        _refuse_large(name, value)


def _texts_if_any(values: Any) -> Any:
    """Of values that some become text, and others numbers as YAML has them: 1.10 beside 1.2b."""
    if not isinstance(values, Mapping) or not any(isinstance(value, str) for value in values.values()):
        return values
    return {key: getattr(value, "written", value) for key, value in values.items()}


def _plain_type(value: object) -> type:
    return next((kind for kind in (bool, int, float) if isinstance(value, kind)), type(value))


def _validate_identifiers(name: str, mapped: MappedColumn) -> None:
    parts, below = mapped.make_from, mapped.below
    if not isinstance(parts, list | tuple) or len(parts) < 2 or not all(isinstance(part, str) for part in parts):
        raise ConfigError(f"{name}: make_from must be the names of two columns or more, not {quoted(parts)}")
    if name in parts or len(set(parts)) < len(parts):
        raise ConfigError(f"{name}: make_from has {quoted(list(parts))}: each column once, and never itself")
    if not isinstance(below, list | tuple) or len(below) != len(parts) - 1:
        raise ConfigError(
            f"{name}: below must have a number for each column of make_from but the first, such as "
            f"{[1000] * (len(parts) - 2) + [1_000_000]}, not {quoted(below)}"
        )
    for limit in below:
        if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
            raise ConfigError(f"{name}: below must be whole numbers above 0, not {quoted(limit)}")
        _refuse_large(name, limit)


def _refuse_large(name: str, value: object) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{name}: {quoted(value)} is beyond 64 bits")


def plain(value: Any) -> Any:
    """A number without how it is written."""
    return float(value) if isinstance(value, _Float) else int(value) if isinstance(value, _Int) else value
