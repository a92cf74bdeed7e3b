"""The schema's tables as Arrow schemas: what bulk writes expect, what exports return."""

from __future__ import annotations

from functools import cache

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


@cache
def arrow_types(table: sa.Table) -> dict[str, pa.DataType]:
    """The types of the columns of :func:`arrow_schema` by name: Arrow takes its time to tell them."""
    return {field.name: field.type for field in arrow_schema(table)}
