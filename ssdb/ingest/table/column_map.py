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
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from ssdb.errors import ConfigError, InputError, quoted, shown
from ssdb.ingest.table import conversions
from ssdb.ingest.table.advice import nearest
from ssdb.ingest.table.mapped_column import Loader, MappedColumn, mapped_column, plain, refuse_unknown
from ssdb.io.limits import refuse_yaml
from ssdb.io.table_notes import FROM, SINGLE, unit_of

_LARGEST = 1_000_000
"""Characters of a column map."""

_MOST_COLUMNS_SHOWN = 40


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
            content = yaml.load(text, Loader)
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
        refuse_unknown(content, ("columns", "keep"), "the column map")
        keep = content.get("keep", True)
        if not isinstance(keep, bool):
            raise ConfigError(f"keep must be true or false, not {quoted(keep)}")
        return cls({name: mapped_column(name, entry) for name, entry in content["columns"].items()}, keep)

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


def _made(
    table: pa.Table, name: str, mapped: MappedColumn, label: str, is_text: bool
) -> tuple[pa.Field, pa.Array | pa.ChunkedArray]:
    """A mapped column, its unit and the file's name of it in the metadata of its field."""
    if mapped.column is None:
        if is_text and isinstance(mapped.constant, bool):
            raise _truth_for_text(name)
        constant = conversions.written(mapped.constant) if is_text else plain(mapped.constant)
        value = pa.scalar(constant)
        return pa.field(name, value.type), pa.repeat(value, table.num_rows)
    field, column = table.schema.field(mapped.column), table.column(mapped.column)
    values, unit = _values(table, name, field, column, mapped, label, is_text)
    about = {**(field.metadata or {}), b"unit": unit.encode(), FROM: mapped.column.encode()}
    if mapped.convert == "time" and pa.types.is_float32(column.type):
        about[SINGLE] = b"yes"
    return pa.field(name, values.type, metadata={key: text for key, text in about.items() if text}), values


def _values(
    table: pa.Table,
    name: str,
    field: pa.Field,
    column: pa.ChunkedArray,
    mapped: MappedColumn,
    label: str,
    is_text: bool,
) -> tuple[pa.Array | pa.ChunkedArray, str]:
    """Values of a column that is made from one of the file's, and their unit."""
    where = f"{label}: column {mapped.column}"
    sign = None if mapped.sign is None else table.column(mapped.sign)
    where_sign = f"{label}: column {mapped.sign}"
    unit = mapped.unit or unit_of(field)
    if mapped.values is not None:
        if is_text and any(isinstance(value, bool) for value in mapped.values.values()):
            raise _truth_for_text(name)
        as_said = conversions.written if is_text else plain
        values = {key: None if value is None else as_said(value) for key, value in mapped.values.items()}
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


def _truth_for_text(name: str) -> ConfigError:
    return ConfigError(f"{name}: YAML takes yes, no, on and off for true and false: put the text in quotes")
