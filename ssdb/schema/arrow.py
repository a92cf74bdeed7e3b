"""The schema's tables as Arrow schemas: what bulk writes expect, what exports return."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa


def arrow_type(sql_type: object) -> pa.DataType:
    """The Arrow type that holds a column of the given SQL type without loss."""
    match sql_type:
        case sa.Double():
            return pa.float64()
        case sa.REAL():
            return pa.float32()
        case sa.SmallInteger():
            return pa.int16()
        case sa.BigInteger():
            return pa.int64()
        case sa.Integer():
            return pa.int32()
        case sa.Boolean():
            return pa.bool_()
        case sa.TIMESTAMP():
            return pa.timestamp("us")
        case sa.LargeBinary():
            return pa.binary()
        case sa.String():
            return pa.string()
    raise TypeError(f"no Arrow type for {sql_type!r}")


@cache
def numpy_type(type_: pa.DataType) -> np.dtype:
    """The numpy type of an Arrow type of numbers: ``to_pandas_dtype`` wants pandas in older versions of pyarrow."""
    return pa.array([], type_).to_numpy(zero_copy_only=False).dtype


def arrow_field(column: sa.Column) -> pa.Field:
    """The Arrow field of a column, with its ``unit``, ``ucd`` and ``description`` as field metadata."""
    about = {"unit": column.info["unit"], "ucd": column.info["ucd"], "description": column.info["comment"]}
    return pa.field(column.name, arrow_type(column.type), metadata={k: v for k, v in about.items() if v})


@cache
def arrow_schema(table: sa.Table) -> pa.Schema:
    """The Arrow schema of a table: its columns, in order, without generated ones."""
    return pa.schema([arrow_field(column) for column in table.columns if column.computed is None])


def arrow_rows(table: sa.Table, values: Mapping[str, Any]) -> pa.Table:
    """Those columns of a table that have values, arrays of one length by name, in its order and with its units.

    NaN becomes NULL. Floating-point numbers keep double precision, for checks to look at.
    """
    fields, columns = [], []
    for field in arrow_schema(table):
        if field.name in values:
            given = values[field.name]
            column = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given, from_pandas=True)
            fields.append(field.with_type(pa.float64()) if pa.types.is_floating(field.type) else field)
            columns.append(column.cast(fields[-1].type))
    return pa.table(columns, schema=pa.schema(fields))


def stored_rows(table: sa.Table, values: Mapping[str, Any]) -> pa.Table:
    """Those columns of a table that have values, sequences of one length by name, in its order and with its types."""
    fields = [field for field in arrow_schema(table) if field.name in values]
    columns = [
        given.cast(field.type) if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given, field.type)
        for field in fields
        for given in [values[field.name]]
    ]
    return pa.table(columns, schema=pa.schema(fields))


@cache
def arrow_types(table: sa.Table) -> dict[str, pa.DataType]:
    """The types of the columns of :func:`arrow_schema` by name: Arrow takes its time to tell them."""
    return {field.name: field.type for field in arrow_schema(table)}


def with_column(table: pa.Table, name: str, values: Any, type_: pa.DataType) -> pa.Table:
    """A table with a column replaced or added; NaN becomes NULL."""
    array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, type_, from_pandas=True)
    index = table.schema.get_field_index(name)
    if index < 0:
        return table.append_column(pa.field(name, type_), array)
    return table.set_column(index, table.schema.field(index), array)


def ids(table: pa.Table, name: str) -> np.ndarray:
    """A column of integers without NULLs as int64."""
    return table.column(name).to_numpy().astype(np.int64)
