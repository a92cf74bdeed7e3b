"""Column maps: what the columns of a foreign file are in the data model.

A column map is a YAML file, or the same as a dictionary::

    columns:
      diaSourceId: candid                                   # another name
      ra: {column: coord_ra, unit: rad}                     # the unit, where the file does not say or says it wrong
      psfFlux: {column: magpsf, convert: ABmag}             # AB magnitude to nJy
      psfFluxErr: {column: sigmapsf, convert: ABmag_error, magnitude: magpsf}   # error of an AB magnitude to nJy
      midpointMjdTai: {column: jd, convert: time, format: jd, scale: utc}       # any time to MJD TAI
      band: {column: fid, values: {1: g, 2: r, 3: i}}       # other values
      detector: {constant: 0}                               # the same value in every row
    keep: true                                              # the default

On the left is the column of the data model, on the right the column of the file and what to do with it.

- ``format`` and ``scale`` are those of :class:`astropy.time.Time`. Dates that the file's reader has already
  recognised as such need a scale only; their format is whatever the map says.
- ``values`` must have every value that occurs; ``null`` on its right side means unknown.
- With ``keep: true`` the columns of the file that the map does not use are kept under their own names; with ``keep:
  false`` only what the map makes is taken. A column that was used under another name is not kept under its own.

Nothing in a column map is evaluated as an expression.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import yaml

from ssdb.errors import ConfigError, InputError, quoted, shown
from ssdb.files import unit_of
from ssdb.ingest.conform import is_unknown
from ssdb.limits import refuse_yaml
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
    format: str | None = None
    scale: str | None = None
    values: Mapping[Any, Any] | None = None
    constant: str | int | float | bool | None = None

    @property
    def used(self) -> tuple[str, ...]:
        """Columns of the file that it is made from."""
        return tuple(name for name in (self.column, self.magnitude) if name is not None)


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
            content = yaml.safe_load(text)
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

    def apply(self, table: pa.Table, label: str) -> pa.Table:
        """The columns that the map makes from a file's, followed by those that it keeps.

        Parameters
        ----------
        table : pyarrow.Table
            Columns of the file.
        label : str
            The file's name in messages.

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
        made_fields, made_columns = [], []
        used: set[str] = set()
        for name, mapped in self.columns.items():
            for column in mapped.used:
                if column not in table.column_names:
                    there = shown(table.column_names, most=_MOST_COLUMNS_SHOWN)
                    raise InputError(f"{label}: the column map takes {name} from {column}, but the file has: {there}")
            used.update(mapped.used)
            values, unit = _made(table, mapped, label)
            made_fields.append(pa.field(name, values.type, metadata={"unit": unit} if unit else None))
            made_columns.append(values)
        kept = [name for name in table.column_names if self.keep and name not in used and name not in self.columns]
        schema = pa.schema(made_fields + [table.schema.field(name) for name in kept])
        return pa.table(made_columns + [table.column(name) for name in kept], schema=schema)


# ---- reading the map -------------------------------------------------------------------------------------------------


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
    mapped = MappedColumn(**entry)
    _validate(name, mapped, tuple(entry))
    return mapped


def _validate(name: str, mapped: MappedColumn, keys: tuple[str, ...]) -> None:
    """Raises ConfigError if the keys do not belong together or a value of one makes no sense."""
    allowed = _allowed_keys(name, mapped, keys)
    needless = [key for key in keys if key not in allowed]
    if needless:
        raise ConfigError(f"{name}: {shown(needless)} does not go with {allowed[-1]}")
    lacking = [key for key in allowed if key not in keys]
    if lacking:
        raise ConfigError(f"{name}: {allowed[-1]} needs {shown(lacking)} too")
    for key in ("column", "unit", "magnitude", "format", "scale"):
        if key in keys and not isinstance(getattr(mapped, key), str):
            raise ConfigError(f"{name}: {key} must be text, not {quoted(getattr(mapped, key))}")
    if mapped.unit is not None:
        _validate_unit(name, mapped.unit)
    if mapped.convert == "time":
        _validate_time(name, mapped)
    if "values" in keys:
        _validate_values(name, mapped.values)
    if "constant" in keys and not isinstance(mapped.constant, str | int | float):
        raise ConfigError(f"{name}: constant must be a number, text, true or false, not {quoted(mapped.constant)}")
    _refuse_large(name, mapped.constant)


def _allowed_keys(name: str, mapped: MappedColumn, keys: tuple[str, ...]) -> tuple[str, ...]:
    """The keys that an entry of this kind has, what makes it that kind last."""
    if "constant" in keys:
        return ("constant",)
    if "convert" in keys:
        if not isinstance(mapped.convert, str) or mapped.convert not in _CONVERSIONS:
            raise ConfigError(f"{name}: convert must be one of {', '.join(_CONVERSIONS)}, not {quoted(mapped.convert)}")
        return (*_CONVERSIONS[mapped.convert], "convert")
    kind = next((key for key in ("values", "unit") if key in keys), None)
    return ("column",) if kind is None else ("column", kind)


_CONVERSIONS = {
    "ABmag": ("column",),
    "ABmag_error": ("column", "magnitude"),
    "time": ("column", "format", "scale"),
}
"""What each conversion needs."""


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
    types = {type(value) for value in values.values() if value is not None}
    if len(types) > 1 or not types <= {str, int, float, bool}:
        raise ConfigError(f"{name}: values must all become text, or all numbers of one kind, or all true or false")
    for value in (*values, *values.values()):
        _refuse_large(name, value)


def _refuse_large(name: str, value: object) -> None:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(f"{name}: {quoted(value)} is beyond 64 bits")


# ---- applying it -----------------------------------------------------------------------------------------------------


def _made(table: pa.Table, mapped: MappedColumn, label: str) -> tuple[pa.Array | pa.ChunkedArray, str]:
    """Values of a mapped column, and their unit."""
    if mapped.column is None:
        return pa.repeat(pa.scalar(mapped.constant), table.num_rows), ""
    column = table.column(mapped.column)
    where = f"{label}: column {mapped.column}"
    if mapped.values is not None:
        return _replaced(column, mapped.values, where), ""
    if mapped.convert == "ABmag":
        return _as_nulls(_flux(_floats(column, where))), "nJy"
    if mapped.convert == "ABmag_error":
        magnitudes = _floats(table.column(mapped.magnitude), f"{label}: column {mapped.magnitude}")
        return _as_nulls(_flux(magnitudes) * np.log(10.0) / 2.5 * _floats(column, where)), "nJy"
    if mapped.convert == "time":
        return _mjd_tai(column, mapped, where), "d"
    unit = mapped.unit or unit_of(table.schema.field(mapped.column))
    return column, unit


def _floats(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Numbers as float64, NaN where unknown."""
    try:
        values = pc.cast(column, pa.float64(), safe=False).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{where} must hold numbers to be converted: {error}") from None
    return np.where(is_unknown(values), np.nan, values)


def _as_nulls(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))


def _flux(magnitudes: np.ndarray) -> np.ndarray:
    """Flux densities (nJy) of AB magnitudes: -2.5 lg(erg s-1 cm-2 Hz-1) - 48.6 (Oke & Gunn 1983), 3630.78 Jy at 0."""
    from astropy import units as u

    return u.ABmag.to(u.nJy, magnitudes)


def _replaced(column: pa.ChunkedArray, values: Mapping[Any, Any], where: str) -> pa.Array:
    """The values that a map has for those of a column; null stays null."""
    found = pc.unique(column).to_pylist()
    by_text = {_as_text(key): value for key, value in values.items()}
    becomes: dict[Any, Any] = {None: None}
    for value in found:
        if value != value:
            becomes[value] = None
        elif _as_text(value) in by_text:
            becomes[value] = by_text[_as_text(value)]
    unknown = [value for value in found if value not in becomes]
    if unknown:
        raise InputError(
            f"{where} has the value {shown(map(quoted, unknown))}, which is not among {shown(by_text, 40)}"
        )
    codes = pc.index_in(column, pc.unique(column)).combine_chunks()
    return pa.array([becomes[value] for value in found]).take(codes)


def _as_text(value: object) -> str:
    """The same text for 1, 1.0 and "1": a file may have one of them where the map has another."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _mjd_tai(column: pa.ChunkedArray, mapped: MappedColumn, where: str) -> pa.Array:
    """Times as MJD TAI (days); null where unknown."""
    from astropy.time import Time
    from astropy.utils import iers

    format_ = mapped.format
    values: np.ndarray
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        format_, values = "datetime64", column.to_numpy()
        known = ~np.isnat(values)
    elif pa.types.is_string(column.type):
        known = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(column), ""), False).to_numpy()
        values = np.array(column.fill_null("").to_pylist(), dtype=str)
    else:
        values = _floats(column, where)
        known = np.isfinite(values)
    mjd = np.full(len(values), np.nan)
    if not known.any():
        return _as_nulls(mjd)
    try:
        with iers.conf.set_temp("auto_download", False):  # UT1 needs the Earth's rotation: as astropy came with it
            mjd[known] = Time(values[known], format=format_, scale=mapped.scale).tai.mjd
    except Exception as error:  # astropy raises whatever the parser of a format stumbles over
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"{where} is not a time of format {mapped.format}, scale {mapped.scale}: {reason}") from None
    return _as_nulls(mjd)
