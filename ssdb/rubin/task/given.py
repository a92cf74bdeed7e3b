"""Wraps a table of any kind that was given to the task.

Gives its columns under the data model's names without changing it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ssdb.errors import InputError, shown
from ssdb.io.tables import label, read_columns
from ssdb.rubin.task.names import Named
from ssdb.units import Array

_MOST_COLUMNS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Given:
    """A table of the caller's, what messages call it, its columns and how many rows it has.

    The source is a table of pyarrow, astropy or pandas, or a mapping of columns.
    """

    label: str
    source: Any
    names: tuple[str, ...]
    n_rows: int

    @classmethod
    def of(cls, source: Any, name: str) -> Given:
        """A table of any kind, a catalog of afw's, or the path of a file; InputError if it cannot be read."""
        if isinstance(source, str | os.PathLike):
            source, name = read_columns(source), label(source)
        if hasattr(source, "asAstropy"):  # a catalog of afw's
            source = source.asAstropy()
        names: Sequence[str]
        if isinstance(source, pa.Table):
            names, n_rows = source.column_names, source.num_rows
        elif isinstance(source, Mapping):
            names, n_rows = list(source), max((len(values) for values in source.values()), default=0)
        elif hasattr(source, "colnames"):
            names, n_rows = source.colnames, len(source)
        elif hasattr(source, "columns"):
            names, n_rows = [column for column in source.columns if isinstance(column, str)], len(source)
        else:
            raise InputError(
                f"{name}: must be an astropy Table, a pyarrow Table, a pandas DataFrame, a mapping of names to arrays, "
                f"an afw catalog or a path, not {type(source).__name__}"
            )
        return cls(name, source, tuple(names), n_rows)

    def read(self, names: Sequence[str]) -> pa.Table:
        """Some columns, as :func:`ssdb.io.tables.read_columns` reads them; without those with arrays in their rows."""
        if isinstance(self.source, pa.Table):
            chosen = self.source.select(names)
        elif hasattr(self.source, "to_dict"):
            chosen = self.source[list(names)]
        else:
            # Not a part of an astropy Table, which would be a copy.
            chosen = {name: self.source[name] for name in names}
        try:
            return read_columns(chosen)
        except InputError as error:
            raise InputError(f"{self.label}: {str(error).removeprefix('table: ')}") from error

    def arrays(self, name: str) -> Array:
        """A column with an array in each row, shape (n, k); NaN where there is none, 0 after the end of a shorter one.

        InputError if its rows are not arrays of numbers.
        """
        column = self.source[name]
        rows = column.to_pylist() if isinstance(column, pa.Array | pa.ChunkedArray) else list(column)
        try:
            parts = [
                np.full(1, np.nan)
                if row is None or row is np.ma.masked
                else np.ma.filled(np.ma.asarray(row, float), np.nan)
                for row in rows
            ]
            values = np.zeros((len(parts), max((len(part) for part in parts), default=0)))
            for filled, part in zip(values, parts, strict=True):
                filled[: len(part)] = part
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.label}: column {name} does not hold an array of numbers in each row") from error
        return values

    def renamed(self, names: Mapping[str, Sequence[Named]]) -> pa.Table:
        """Its columns under the data model's names, each with its unit: the table's own, or else that of the name.

        ``names`` are columns of the data model, and the names that they may have.
        """
        there, folded = set(self.names), {name.lower(): name for name in reversed(self.names)}
        found = {}
        for column, possible in names.items():
            for name in possible:
                if name.column in there:
                    found[column] = name
                    break
            else:
                if column.lower() in folded:
                    found[column] = Named(folded[column.lower()])
        table = self.read([*dict.fromkeys(name.column for name in found.values())]) if found else pa.table({})
        read = {field.name: (field, values) for field, values in zip(table.schema, table.columns, strict=True)}
        fields, columns = [], []
        for column, name in found.items():
            if name.column not in read:
                continue
            field, values = read[name.column]
            about = field.metadata or {}
            if name.unit and not about.get(b"unit"):
                about[b"unit"] = name.unit.encode()
            fields.append(pa.field(column, values.type, metadata=about or None))
            columns.append(values)
        return pa.Table.from_arrays(columns, schema=pa.schema(fields))

    def refuse_missing(self, table: pa.Table, needed: Mapping[str, str]) -> None:
        """Raises InputError if a table made of this one lacks columns; their usual names are said."""
        missing = [text for column, text in needed.items() if column not in table.schema.names]
        if missing:
            there = shown(self.names, most=_MOST_COLUMNS_SHOWN)
            raise InputError(f"{self.label}: there is no column {' and none '.join(missing)}; it has: {there}")

    def refuse_without_position(self, rows: pa.Table, ra: str, dec: str, name: str) -> None:
        """Raises InputError that names (by the column ``name``) the rows whose position is unknown."""
        unknown = np.zeros(rows.num_rows, bool)
        for column in (ra, dec):
            values = rows.column(column)
            if pa.types.is_floating(values.type):
                unknown |= ~np.isfinite(values.to_numpy().astype(np.float64))
            else:
                unknown |= values.is_null().to_numpy()
        if unknown.any():
            which = np.flatnonzero(unknown)
            named = (f"{name} {rows.column(name)[row].as_py()} in row {row + 1}" for row in which.tolist())
            raise InputError(
                f"{self.label}: {len(which):,} rows have no position ({shown(named)}): leave them out, or have them "
                "left out and counted by skip_invalid=True"
            )


def labelled(table: pa.Table, label: str) -> pa.Table:
    """A table that messages call by its name."""
    return table.replace_schema_metadata({"label": label})


def with_values(table: pa.Table, column: str, values: Array, unit: str) -> pa.Table:
    """A table with one more column of doubles, NaN as NULL, and its unit."""
    field = pa.field(column, pa.float64(), metadata={"unit": unit})
    return table.append_column(field, pa.array(values, pa.float64(), from_pandas=True))


def filled(table: pa.Table, column: str, value: Any, type_: pa.DataType) -> pa.Table:
    """A table in which a column that is not there, or NULL, has a value."""
    index = table.schema.get_field_index(column)
    if value is None or (index >= 0 and not table.column(index).null_count):
        return table
    if index < 0 or pa.types.is_null(table.column(index).type):
        table = table if index < 0 else table.remove_column(index)
        return table.append_column(pa.field(column, type_), pa.repeat(pa.scalar(value, type_), table.num_rows))
    values = table.column(index)
    return table.set_column(index, table.schema.field(index), values.fill_null(pa.scalar(value).cast(values.type)))
