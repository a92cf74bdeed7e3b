"""Reads the columns of a file or of a table in memory, some of the rows at a time.

Of a Parquet file only as many rows are in memory as a part has; other files are read as a whole, once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import pyarrow as pa

from ssdb.errors import InputError
from ssdb.io.formats.parquet import has_few_rows, opened_parquet, parquet_parts
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.not_read import require_file
from ssdb.io.table_notes import noted, with_astropy_units
from ssdb.io.tables import mask_name, plain, read_columns, unreadable

ROWS_PER_PART = 20_000
"""Rows that are worked on at a time: enough that their number is what costs, and some 10 MB of a wide table."""

_BUFFER_BYTES = 65_536
"""Of a column that is being read. Without it pyarrow reads a row group, of a million rows perhaps, as a whole."""


def open_rows(
    given: Any, strings: Sequence[str] = (), read: Callable[[Any], pa.Table] | None = None, *, at_once: bool = False
) -> Rows:
    """The rows of a file or of a table in memory, as :func:`ssdb.io.tables.read_columns` takes them.

    ``read`` is the reader of a foreign format, which is read as a whole; ``at_once`` makes one part of all rows,
    however many. InputError if the input is not usable; what is wrong inside a Parquet file is found when it is gone
    through.
    """
    if read is not None:
        return RowsInMemory(read(given), at_once)
    given = input_of(given)
    if isinstance(given, InputFile) and not at_once:
        path = Path(given)
        if not path.is_dir():
            require_file(path)
        if (
            given.format == "Parquet"
            and given.table is None
            and (path.is_dir() or not has_few_rows(path, ROWS_PER_PART))
        ):
            rows = ParquetRows(path)
            if rows.n_rows > ROWS_PER_PART:
                return rows
    return RowsInMemory(read_columns(given, strings, lenient=True), at_once)


class RowsInMemory:
    """Rows of a table; ``whole`` is all of it, where that is one part."""

    def __init__(self, table: pa.Table, at_once: bool) -> None:
        self._table = table
        self.whole = table if at_once or table.num_rows <= ROWS_PER_PART else None
        self.n_rows = table.num_rows
        self.schema = table.schema

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows in order, all or some of their columns, ROWS_PER_PART at a time."""
        table = self._table if columns is None else self._table.select(list(columns))
        for start in range(0, max(self.n_rows, 1), ROWS_PER_PART):
            yield table.slice(start, ROWS_PER_PART)


class ParquetRows:
    """Rows of a Parquet file, or of a folder of such files; more than are one part."""

    whole: pa.Table | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._versions: dict[Path, tuple[int, int, int]] = {}
        self.n_rows = 0
        schemas = []
        for part in parquet_parts(path):
            try:
                with opened_parquet(part, in_parts=True) as (file, opened):
                    self._versions[part] = _version(opened)
                    self.n_rows += file.metadata.num_rows
                    schemas.append(noted(with_astropy_units(file.schema_arrow), not_plain={}))
            except InputError:
                raise
            except Exception as error:  # as in files.py: whatever it stumbles over
                raise unreadable(part, "Parquet", error) from error
        try:
            given = pa.unify_schemas(schemas, promote_options="permissive") if len(schemas) > 1 else schemas[0]
        except pa.ArrowException as error:
            raise InputError(f"{path}: its files are not parts of one table: {error}") from None
        self._fields = {field.name: field for field in given}
        self.schema = plain(given.empty_table(), str(path)).schema

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """The rows in order, all or some of their columns, ROWS_PER_PART or a little more at a time."""
        named = self.schema.names if columns is None else list(columns)
        wanted = [*named, *(mask for mask in map(mask_name, named) if mask in self._fields)]
        some: list[pa.RecordBatch] = []
        n_rows = 0
        for batch in self._batches(wanted):
            some.append(batch)
            n_rows += batch.num_rows
            if n_rows >= ROWS_PER_PART:
                yield self._table(some)
                some, n_rows = [], 0
        if some:
            yield self._table(some)

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        options = {"buffer_size": _BUFFER_BYTES, "pre_buffer": False}
        for path in self._versions:
            try:
                with opened_parquet(path, in_parts=True, **options) as (file, opened):
                    self._refuse_changed(path, opened)
                    for batch in file.iter_batches(ROWS_PER_PART, columns=columns):
                        yield batch if len(self._versions) == 1 else self._of_all(batch, columns)
                    self._refuse_changed(path, opened)
            except InputError:
                raise
            except Exception as error:
                raise unreadable(path, "Parquet", error) from error

    def _of_all(self, batch: pa.RecordBatch, columns: list[str]) -> pa.RecordBatch:
        """A batch of one file with the order and the types of columns that all files have."""
        schema = pa.schema([pa.field(name, self._fields[name].type) for name in columns])
        arrays = [batch.column(batch.schema.get_field_index(field.name)).cast(field.type) for field in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _refuse_changed(self, path: Path, opened: BinaryIO) -> None:
        """Raises InputError if it is not the file that was checked, or has been written to since."""
        if _version(opened) != self._versions[path]:
            raise InputError(f"{path}: the file changed while it was being read")

    def _table(self, batches: list[pa.RecordBatch]) -> pa.Table:
        table = pa.Table.from_batches(batches)
        fields = [self._fields[field.name].with_type(field.type) for field in table.schema]
        return plain(pa.table(table.columns, schema=pa.schema(fields)), str(self._path), lenient=True)


def _version(opened: BinaryIO) -> tuple[int, int, int]:
    """What is another for another file, and for the same one after it was written to."""
    found = os.fstat(opened.fileno())
    return found.st_ino, found.st_size, found.st_mtime_ns


Rows: TypeAlias = RowsInMemory | ParquetRows
"""Columns as :func:`ssdb.io.tables.read_columns` makes them, which can be gone through more than once."""
