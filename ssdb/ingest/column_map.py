"""Column maps: what the columns of a foreign file are in the data model.

A column map is a YAML file, or the same as a dictionary::

    columns:
      diaSourceId: candid                                   # another name
      ra: {column: coord_ra, unit: rad}                     # the unit, where the file does not say or says it wrong
      psfFlux: {column: magpsf, convert: ABmag}             # AB magnitude to nJy
      psfFluxErr: {column: sigmapsf, convert: ABmag_error, magnitude: magpsf}   # error of an AB magnitude to nJy
      psfFlux: {column: magpsf, convert: ABmag, sign: isdiffpos}                # ... with the sign of another column
      isNegative: {column: isdiffpos, convert: is_negative} # what says the sign, as true or false
      midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}       # any time to MJD TAI
      ra: {column: RA, unit: hourangle}                     # 10:20:30.5, of text
      band: {column: fid, values: {1: g, 2: r, 3: i}}       # other values
      detector: {constant: 0}                               # the same value in every row
      diaSourceId: {make_from: [visit, detector, NUMBER], below: [1000, 1000000]}   # an identifier of several numbers
    keep: true                                              # the default

On the left is the column of the data model, on the right the column of the file and what to do with it.

- ``format`` and ``scale`` are those of :class:`astropy.time.Time`. Dates that the file's reader has already
  recognised as such need a scale only; their format is whatever the map says.
- ``values`` must have every value that occurs; ``null`` on its right side means unknown.
- ``sign`` is a column that says t, true, 1 or + where the value is positive, f, false, 0, - or -1 where it is negative.
- ``make_from`` takes columns that the map makes and, of the other names, the file's. Each after the first has the
  number in ``below`` that its values are below: no two rows with other numbers get the same identifier.
- Text of the data model is what the file or the map has, letter by letter, but for blanks around it: 095 is no number.
- With ``keep: true`` the columns of the file that the map does not use are kept under their own names; with ``keep:
  false`` only what the map makes is taken. A column that was used under another name is not kept under its own.

Nothing in a column map is evaluated as an expression.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from ssdb.errors import ConfigError, InputError, quoted, shown
from ssdb.ingest import conversions
from ssdb.ingest.advice import nearest
from ssdb.ingest.conform import FROM, SINGLE
from ssdb.limits import refuse_yaml
from ssdb.table_notes import unit_of
from ssdb.units import parsed_unit

_LARGEST = 1_000_000
"""Characters of a column map."""

_MOST_COLUMNS_SHOWN = 40


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


@dataclass(frozen=True, slots=True)
class ColumnMap:
    """What the columns of a file are in the data model.

    Attributes
    ----------
    columns : mapping
        A :class:`MappedColumn` for each column of the data model that the map makes.
    keep : bool
        Whether the file's other columns are kept under their own names.
    """

    columns: Mapping[str, MappedColumn]
    keep: bool = True

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> ColumnMap:
        """The column map in a YAML file.

        Raises
        ------
        ConfigError
            If the file cannot be read or is not a column map. The message names the file and the key.
        """
        try:
            with Path(path).open(encoding="utf-8") as file:
                text = file.read(_LARGEST + 1)
            if len(text) > _LARGEST:
                raise InputError(f"{os.fspath(path)}: not a column map: it has more than {_LARGEST // 10**6} MB")
            refuse_yaml(os.fspath(path), text)
            content = yaml.load(text, _Loader)
        except InputError as error:
            raise ConfigError(str(error)) from None
        except Exception as error:  # of dates, tags and nesting PyYAML raises whatever it stumbles over
            raise ConfigError(f"{os.fspath(path)}: the column map cannot be read: {error}") from error
        try:
            return cls.from_dict(content)
        except ConfigError as error:
            raise ConfigError(f"{os.fspath(path)}: {error}") from None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> ColumnMap:
        """The column map that a dictionary describes.

        Raises
        ------
        ConfigError
            If it is not a column map. The message names the key.
        """
        if not isinstance(content, Mapping) or not isinstance(content.get("columns"), Mapping):
            raise ConfigError("a column map needs the key 'columns', with a column of the data model on each line")
        _refuse_unknown(content, ("columns", "keep"), "the column map")
        keep = content.get("keep", True)
        if not isinstance(keep, bool):
            raise ConfigError(f"keep must be true or false, not {quoted(keep)}")
        return cls({name: _mapped_column(name, entry) for name, entry in content["columns"].items()}, keep)

    def only(self, names: Iterable[str]) -> ColumnMap:
        """The map of some of the columns that it makes, and of those that these are made from."""
        wanted = {name: self.columns[name] for name in names if name in self.columns}
        parts = (part for mapped in wanted.values() for part in mapped.make_from)
        return ColumnMap({**wanted, **{name: self.columns[name] for name in parts if name in self.columns}}, self.keep)

    @property
    def used(self) -> list[str]:
        """Columns of the file that it takes."""
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
        """The columns that the map makes from a file's, followed by those that it keeps.

        Parameters
        ----------
        table : pyarrow.Table
            Columns of the file.
        label : str
            The file's name in messages.
        texts : collection of str
            Columns of the data model that are text, in small letters: what the map has for them stays as written.

        Returns
        -------
        pyarrow.Table
            With units in the metadata of the fields: nJy and d for what was converted, otherwise the map's or the
            file's.

        Raises
        ------
        InputError
            If a column that the map uses is not in the file, or has values that cannot be converted.
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
                chunked = {
                    part: pa.chunked_array([values]) if isinstance(values, pa.Array) else values
                    for part, values in parts.items()
                }
                made[name] = pa.field(name, pa.int64()), conversions.identifiers(chunked, mapped.below, label)
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


# ---- reading the map -------------------------------------------------------------------------------------------------


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


_Loader.add_constructor("tag:yaml.org,2002:int", _number)
_Loader.add_constructor("tag:yaml.org,2002:float", _number)


def _refuse_unknown(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    unknown = [key for key in entry if key not in known]
    if unknown:
        raise ConfigError(f"{where} has the unknown key {shown(unknown)}; possible are {', '.join(known)}")


def _mapped_column(name: object, entry: object) -> MappedColumn:
    if not isinstance(name, str):
        raise ConfigError(f"the name of a column must be text, not {quoted(name)} (put it in quotes)")
    if isinstance(entry, str):
        return MappedColumn(column=entry)
    if not isinstance(entry, Mapping):
        raise ConfigError(
            f"{name} must be the name of a column, or {{column: ...}} or {{constant: ...}}, not {quoted(entry)}"
        )
    _refuse_unknown(entry, tuple(field.name for field in fields(MappedColumn)), name)
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


# ---- applying it -----------------------------------------------------------------------------------------------------


def _made(
    table: pa.Table, name: str, mapped: MappedColumn, label: str, is_text: bool
) -> tuple[pa.Field, pa.Array | pa.ChunkedArray]:
    """A mapped column, its unit and the file's name of it in the metadata of its field."""
    if mapped.column is None:
        constant = conversions.written(mapped.constant) if is_text else _plain(mapped.constant)
        value = pa.scalar(constant)
        return pa.field(name, value.type), pa.repeat(value, table.num_rows)
    field, column = table.schema.field(mapped.column), table.column(mapped.column)
    values, unit = _values(table, field, column, mapped, label, is_text)
    about = {**(field.metadata or {}), b"unit": unit.encode(), FROM: mapped.column.encode()}
    if mapped.convert == "time" and pa.types.is_float32(column.type):
        about[SINGLE] = b"yes"
    return pa.field(name, values.type, metadata={key: text for key, text in about.items() if text}), values


def _values(
    table: pa.Table, field: pa.Field, column: pa.ChunkedArray, mapped: MappedColumn, label: str, is_text: bool
) -> tuple[pa.Array | pa.ChunkedArray, str]:
    """Values of a column that is made from one of the file's, and their unit."""
    where = f"{label}: column {mapped.column}"
    sign = None if mapped.sign is None else table.column(mapped.sign)
    where_sign = f"{label}: column {mapped.sign}"
    unit = mapped.unit or unit_of(field)
    if mapped.values is not None:
        plain = conversions.written if is_text else _plain
        values = {key: None if value is None else plain(value) for key, value in mapped.values.items()}
        return conversions.replaced(column, values, where), ""
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


def _plain(value: Any) -> Any:
    """A number without how it is written."""
    return float(value) if isinstance(value, _Float) else int(value) if isinstance(value, _Int) else value
