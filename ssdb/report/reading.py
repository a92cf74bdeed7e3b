"""Reads columns of the database as arrays, for a report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from ssdb.schema.arrow import arrow_type
from ssdb.store.transfer.read import read_table
from ssdb.units import Columns


def read_columns(connection: sa.Connection, statement: sa.Select) -> Columns:
    """The result of a statement as arrays: text as objects, equal texts being one object; NULL as None or NaN."""
    schema = pa.schema([(column.name, arrow_type(column.type)) for column in statement.selected_columns])
    table = read_table(connection, statement, schema)
    return {name: _array(table.column(name)) for name in schema.names}


def _array(column: pa.ChunkedArray) -> NDArray[Any]:
    if not pa.types.is_string(column.type):
        return column.to_numpy()
    coded = column.combine_chunks().dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), None], dtype=object)
    return words[coded.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)]
