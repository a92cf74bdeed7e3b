"""Turns a query's rows into Arrow tables part by part.

They are kept on disk, since the types are known only after the last row.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

Rows = Sequence[tuple[Any, ...]]

_EXACT = 2**53
"""Integers up to here are floats as well."""


class ColumnTypes:
    """The types of columns, as the values are that they are shown.

    A column of integers and floats is one of floats as far as that is exact; one of other values that have no type in
    common, or of none, is text.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._types = [pa.null()] * len(names)
        self._large = [False] * len(names)

    def see(self, rows: Rows) -> None:
        """Takes the values of some rows into account."""
        for place, values in enumerate(zip(*rows, strict=True)):
            found = _type_of(values)
            self._types[place] = _common(self._types[place], found)
            if found == pa.int64() and not self._large[place]:
                self._large[place] = any(value is not None and abs(value) > _EXACT for value in values)

    def schema(self) -> pa.Schema:
        """Of all rows seen."""
        unknown = (pa.types.is_null(type_) for type_ in self._types)
        inexact = (pa.types.is_floating(type_) and large for type_, large in zip(self._types, self._large, strict=True))
        types = [
            pa.string() if no or lossy else type_
            for type_, no, lossy in zip(self._types, unknown, inexact, strict=True)
        ]
        return pa.schema(list(zip(self._names, types, strict=True)))


def as_table(rows: Rows, schema: pa.Schema) -> pa.Table:
    """Rows as a table of a schema: values of columns of text as text, whatever they are."""
    if not rows:
        return schema.empty_table()
    columns = zip(*rows, strict=True)
    return pa.table([_array(values, field.type) for values, field in zip(columns, schema, strict=True)], schema)


@contextmanager
def spooled(
    names: Sequence[str], chunks: Iterable[Rows], directory: Path
) -> Iterator[tuple[pa.Schema, Iterator[pa.Table]]]:
    """The schema of all rows, and a table for each chunk; the rows wait in a nameless file of the directory."""
    types = ColumnTypes(names)
    with tempfile.TemporaryFile(dir=directory) as file:
        for rows in chunks:
            types.see(rows)
            pickle.dump(rows, file, pickle.HIGHEST_PROTOCOL)
        schema, end = types.schema(), file.tell()
        file.seek(0)

        def tables() -> Iterator[pa.Table]:
            while file.tell() < end:
                yield as_table(pickle.load(file), schema)

        yield schema, tables()


def _array(values: Iterable[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_string(type_):
        values = [None if value is None else str(value) for value in values]
    return pa.array(values, type_)


def _type_of(values: Iterable[Any]) -> pa.DataType:
    try:
        return pa.array(values).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        # SQLite's columns may hold anything.
        return pa.string()


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """The type that holds the values of both; text if there is none."""
    if one == other or pa.types.is_null(one) or pa.types.is_null(other):
        return other if pa.types.is_null(one) else one
    if pa.types.is_string(one) or pa.types.is_string(other):
        return pa.string()
    try:
        pair = [pa.schema([("column", type_)]) for type_ in (one, other)]
        return pa.unify_schemas(pair, promote_options="permissive").field(0).type
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.string()
