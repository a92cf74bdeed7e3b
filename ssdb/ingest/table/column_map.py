"""Column maps, in which users say what the columns of an input are in the data model: see docs/column-maps.md.

A column map is a YAML file, or the same as a dictionary::

    columns:
      ra: {column: coord_ra, unit: rad}
      midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}
      diaSourceId: {make_from: [visit, detector, NUMBER], below: [1000, 1000000]}
      detector: {constant: 0}

On the left is the column of the data model, on the right the column of the input and what to do with it. Nothing in it
is evaluated as an expression.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import yaml

from ssdb.errors import ConfigError, InputError, option, quoted, shown
from ssdb.ingest.table import conversions
from ssdb.io.table_notes import FROM, SINGLE, unit_of
from ssdb.io.units import parsed_unit
from ssdb.io.yaml_file import MAPPING, read_yaml, unique_mapping

_MOST_COLUMNS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What the columns of an input are in the data model."""

    columns: Mapping[str, MappedColumn]
    """A :class:`MappedColumn` for each column of the data model that the map makes."""
    keep: bool = True
    """Whether the input's other columns are kept under their own names."""

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ColumnMap:
        """The column map in a YAML file. If it is none, the message of the ConfigError names the file and the key."""
        content = read_yaml(path, "column map", _Loader)
        try:
            return cls.from_dict(content)
        except ConfigError as error:
            raise ConfigError(f"{os.fspath(path)}: {error}") from None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ColumnMap:
        """The column map that a dictionary describes. If it is none, the message of the ConfigError names the key."""
        if not isinstance(content, Mapping) or not isinstance(content.get("columns"), Mapping):
            raise ConfigError("a column map needs the key 'columns', with a column of the data model on each line")
        _refuse_unknown_keys(content, ("columns", "keep"), "the column map")
        keep = content.get("keep", True)
        if not isinstance(keep, bool):
            raise ConfigError(f"keep must be true or false, not {quoted(keep)}")
        return cls({name: MappedColumn.of(name, entry) for name, entry in content["columns"].items()}, keep)

    def only(self, names: Iterable[str]) -> ColumnMap:
        """The map of some of the columns that it makes, and of those that these are made from."""
        wanted = {name: self.columns[name] for name in names if name in self.columns}
        parts = (part for mapped in wanted.values() for part in mapped.make_from)
        return ColumnMap({**wanted, **{name: self.columns[name] for name in parts if name in self.columns}}, self.keep)

    @property
    def used(self) -> list[str]:
        """Columns of the input that it takes."""
        taken = [column for mapped in self.columns.values() for column in mapped.used]
        parts = [part for mapped in self.columns.values() for part in mapped.make_from if part not in self.columns]
        return list(dict.fromkeys((*taken, *parts)))

    def refuse_unknown(self, names: Collection[str], label: str, table: str) -> None:
        """Raises ConfigError if it makes columns that a table does not have, and says which are meant perhaps."""
        folded = {name.lower() for name in names}
        for name in self.columns:
            if name.lower() not in folded:
                like = nearest(name, names)
                meant = f"did you mean {like}?" if like else f"it has: {shown(names, most=_MOST_COLUMNS_SHOWN)}"
                raise ConfigError(f"{label}: the column map makes {name}, which {table} does not have; {meant}")

    def apply(self, table: pa.Table, label: str, texts: Collection[str] = ()) -> pa.Table:
        """The columns that the map makes from an input's, followed by those that it keeps.

        ``label`` is the input's name in messages; ``texts`` are the data model's columns of text, in small letters, for
        which the map's values stay as written. The metadata of the fields have the units: nJy and d of what was
        converted, else the map's or the input's. Raises InputError if a column that the map uses is not there, or has
        values that cannot be converted.
        """
        made: dict[str, tuple[pa.Field, pa.Array | pa.ChunkedArray]] = {}
        for name, mapped in self.columns.items():
            _refuse_missing(table, label, name, mapped.used)
            if not mapped.make_from:
                made[name] = _made(table, name, mapped, label, name.lower() in texts)
        for name, mapped in self.columns.items():
            if mapped.make_from:
                _refuse_missing(table, label, name, [part for part in mapped.make_from if part not in made])
                parts = {part: made[part][1] if part in made else table.column(part) for part in mapped.make_from}
                made[name] = pa.field(name, pa.int64()), conversions.identifiers(parts, mapped.below, label)
        used = {column for mapped in self.columns.values() for column in mapped.used}
        kept = [name for name in table.column_names if self.keep and name not in used and name not in self.columns]
        schema = pa.schema([made[name][0] for name in self.columns] + [table.schema.field(name) for name in kept])
        return pa.table([made[name][1] for name in self.columns] + [table.column(name) for name in kept], schema=schema)


def _refuse_missing(table: pa.Table, label: str, name: str, needed: Iterable[str]) -> None:
    for column in needed:
        if column not in table.column_names:
            there = shown(table.column_names, most=_MOST_COLUMNS_SHOWN)
            like = nearest(column, table.column_names)
            meant = f"; did you mean {like}?" if like else ""
            raise InputError(f"{label}: the column map takes {name} from {column}, but the file has: {there}{meant}")


def _made(
    table: pa.Table, name: str, mapped: MappedColumn, label: str, is_text: bool
) -> tuple[pa.Field, pa.Array | pa.ChunkedArray]:
    """A mapped column, its unit and the input's name of it in the metadata of its field."""
    as_said = conversions.written if is_text else _plain
    if is_text and any(isinstance(value, bool) for value in (mapped.constant, *(mapped.values or {}).values())):
        raise ConfigError(f"{name}: YAML takes yes, no, on and off for true and false: put the text in quotes")
    if mapped.column is None:
        constant = pa.scalar(as_said(mapped.constant))
        return pa.field(name, constant.type), pa.repeat(constant, table.num_rows)
    field, column = table.schema.field(mapped.column), table.column(mapped.column)
    if mapped.values is None:
        values, unit = _converted(table, field, column, mapped, label)
    else:
        becomes = {key: None if value is None else as_said(value) for key, value in mapped.values.items()}
        values, unit = conversions.replaced(column, becomes, f"{label}: column {mapped.column}"), ""
    about = {**(field.metadata or {}), b"unit": unit.encode(), FROM: mapped.column.encode()}
    if mapped.convert == "time" and pa.types.is_float32(column.type):
        about[SINGLE] = b"yes"
    return pa.field(name, values.type, metadata={key: text for key, text in about.items() if text}), values


def _converted(
    table: pa.Table, field: pa.Field, column: pa.ChunkedArray, mapped: MappedColumn, label: str
) -> tuple[pa.Array | pa.ChunkedArray, str]:
    """Values of a column of the input in the way that the map says, and their unit."""
    where, where_sign = f"{label}: column {mapped.column}", f"{label}: column {mapped.sign}"
    sign = None if mapped.sign is None else table.column(mapped.sign)
    unit = mapped.unit or unit_of(field)
    if mapped.convert == "ABmag":
        return conversions.fluxes(column, sign, where, where_sign), "nJy"
    if mapped.convert == "ABmag_error":
        magnitudes = table.column(mapped.magnitude)
        return conversions.flux_errors(column, magnitudes, where, f"{label}: column {mapped.magnitude}"), "nJy"
    if mapped.convert == "is_negative":
        return conversions.is_negative(column, where), ""
    if mapped.convert == "time":
        return conversions.mjd_tai(column, field, str(mapped.format), str(mapped.scale), where), "d"
    if sign is not None:
        return conversions.signed(column, sign, where, where_sign), unit
    angles = conversions.degrees(column, unit, where) if unit else column
    return angles, unit if angles is column else "deg"


# ---- the grammar of one column -------------------------------------------------------------------------------------

_CONVERSIONS = {
    "ABmag": ("column",),
    "ABmag_error": ("column", "magnitude"),
    "is_negative": ("column",),
    "time": ("column", "format", "scale"),
}
"""What each conversion needs. That of magnitudes may have a sign."""


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

    @classmethod
    def of(cls, name: object, entry: object) -> MappedColumn:
        """What a column map has for a column; raises ConfigError that names it if that makes no sense."""
        if not isinstance(name, str):
            raise ConfigError(f"the name of a column must be text, not {quoted(name)} (put it in quotes)")
        if isinstance(entry, str):
            return cls(column=entry)
        if not isinstance(entry, Mapping):
            raise ConfigError(
                f"{name} must be the name of a column, or {{column: ...}} or {{constant: ...}}, not {quoted(entry)}"
            )
        _refuse_unknown_keys(entry, tuple(field.name for field in fields(cls)), name)
        mapped = cls(**{key: _texts_if_any(value) if key == "values" else value for key, value in entry.items()})
        try:
            mapped._refuse_senseless(name, tuple(entry))
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
        return mapped

    @property
    def used(self) -> tuple[str, ...]:
        """Columns of the input that it is made from; of an identifier, see :attr:`make_from`."""
        return tuple(name for name in (self.column, self.magnitude, self.sign) if name is not None)

    def _refuse_senseless(self, name: str, keys: tuple[str, ...]) -> None:
        """Raises ConfigError if the keys do not belong together or a value of one makes no sense."""
        allowed = self._allowed_keys(keys)
        needless = [key for key in keys if key not in allowed and not (key == "sign" and self.convert == "ABmag")]
        if needless:
            raise ConfigError(f"{shown(needless)} does not go with {allowed[-1]}")
        lacking = [key for key in allowed if key not in keys]
        if lacking:
            raise ConfigError(f"{allowed[-1]} needs {shown(lacking)} too")
        for key in ("column", "unit", "magnitude", "sign", "format", "scale"):
            if key in keys and not isinstance(getattr(self, key), str):
                raise ConfigError(f"{key} must be text, not {quoted(getattr(self, key))}")
        if self.unit is not None:
            _refuse_unknown_unit(self.unit)
        if self.convert == "time":
            self._refuse_unknown_time()
        if "values" in keys:
            _refuse_mixed(self.values)
        if "make_from" in keys:
            self._refuse_ambiguous(name)
        if "constant" in keys and not isinstance(self.constant, str | int | float):
            raise ConfigError(f"constant must be a number, text, true or false, not {quoted(self.constant)}")
        _refuse_large(self.constant)

    def _allowed_keys(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """The keys that an entry of this kind has, what makes it that kind last."""
        if "constant" in keys:
            return ("constant",)
        if "make_from" in keys:
            return ("below", "make_from")
        if "convert" in keys:
            if not isinstance(self.convert, str) or self.convert not in _CONVERSIONS:
                raise ConfigError(f"convert must be one of {', '.join(_CONVERSIONS)}, not {quoted(self.convert)}")
            return (*_CONVERSIONS[self.convert], "convert")
        if "sign" in keys:
            return ("column", *(key for key in ("unit",) if key in keys), "sign")
        kind = next((key for key in ("values", "unit") if key in keys), None)
        return ("column",) if kind is None else ("column", kind)

    def _refuse_unknown_time(self) -> None:
        from astropy.time import Time

        scales = [scale for scale in Time.SCALES if scale != "local"]  # a local scale has no way to TAI
        for key, choices in (("format", list(Time.FORMATS)), ("scale", scales)):
            if getattr(self, key) not in choices:
                raise ConfigError(f"{key} must be one of {', '.join(choices)}, not {quoted(getattr(self, key))}")

    def _refuse_ambiguous(self, name: str) -> None:
        """Raises ConfigError if rows of other numbers could get the same identifier."""
        parts, below = self.make_from, self.below
        if not isinstance(parts, list | tuple) or len(parts) < 2 or not all(isinstance(part, str) for part in parts):
            raise ConfigError(f"make_from must be the names of two columns or more, not {quoted(parts)}")
        if name in parts or len(set(parts)) < len(parts):
            raise ConfigError(f"make_from has {quoted(list(parts))}: each column once, and never itself")
        if not isinstance(below, list | tuple) or len(below) != len(parts) - 1:
            raise ConfigError(
                "below must have a number for each column of make_from but the first, such as "
                f"{[1000] * (len(parts) - 2) + [1_000_000]}, not {quoted(below)}"
            )
        for limit in below:
            if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
                raise ConfigError(f"below must be whole numbers above 0, not {quoted(limit)}")
            _refuse_large(limit)


def _refuse_unknown_keys(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise ConfigError(f"{where} has the unknown key {shown(unknown)}; possible are {', '.join(known)}")


def _refuse_unknown_unit(unit: str) -> None:
    from astropy import units as u

    if isinstance(parsed_unit(unit), u.UnrecognizedUnit):
        raise ConfigError(f"unit {quoted(unit)} is not known")


def _refuse_mixed(values: object) -> None:
    """Raises ConfigError if the values of a map are not all of one kind."""
    if not isinstance(values, Mapping) or not values:
        raise ConfigError("values must say what each value of the file becomes, such as {1: g, 2: r}")
    kinds = (str, bool, int, float)  # of true and false, which are whole numbers for Python, bool comes first
    types = {
        next((kind for kind in kinds if isinstance(value, kind)), None)
        for value in values.values()
        if value is not None
    }
    if len(types) > 1 or None in types:
        raise ConfigError("values must all become text, or all numbers of one kind, or all true or false")
    for value in (*values, *values.values()):
        _refuse_large(value)


def _refuse_large(value: object) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{quoted(value)} is beyond 64 bits")


class _Int(int):
    """A whole number, and how it is written."""

    written: str


class _Float(float):
    """A number, and how it is written."""

    written: str


class _Loader(yaml.SafeLoader):
    """Reads plain YAML, and keeps how numbers are written: 007 may be the code of an observatory."""


def _number(loader: _Loader, node: yaml.ScalarNode) -> _Int | _Float:
    whole = node.tag.endswith(":int")
    number = _Int(loader.construct_yaml_int(node)) if whole else _Float(loader.construct_yaml_float(node))
    number.written = node.value
    return number


_Loader.add_constructor(MAPPING, unique_mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def _plain(value: Any) -> Any:
    """A number without how it is written."""
    return float(value) if isinstance(value, _Float) else int(value) if isinstance(value, _Int) else value


def _texts_if_any(values: Any) -> Any:
    """The values of a map as they are written, if one of them is text: 1.10 may stand beside 1.2b."""
    if not isinstance(values, Mapping) or not any(isinstance(value, str) for value in values.values()):
        return values
    return {key: getattr(value, "written", value) for key, value in values.items()}


# ---- what messages say that a column map could be -----------------------------------------------------------------


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of some names that is most like another, None if none is."""
    folded = {other.lower(): other for other in names}
    if (bare := name.lower().removeprefix("eph")) in folded:
        return folded[bare]
    like = get_close_matches(name.lower(), folded, n=1, cutoff=0.6)
    if like:
        return folded[like[0]]
    within = [other for small, other in folded.items() if len(name) > 1 and name.lower() in small.split("_")]
    begins = [other for small, other in folded.items() if len(name) > 1 and small.startswith(name.lower())]
    return next(iter((*within, *begins)), None)


def map_of(missing: Iterable[str], given: Collection[str]) -> str:
    """The column map that would name missing columns, to end a message with."""
    lines = ", ".join(f"{name}: {nearest(name, given) or 'COLUMN'}" for name in missing)
    return f"; a column map ({option('--columns MAP.yaml', 'columns=...')}) can say which it is: `columns: {{{lines}}}`"
