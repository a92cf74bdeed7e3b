"""The rows of a source as those of a table of the data model, a part at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, option
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.ingest.table.conform import conform, matched_names
from ssdb.io.row_source import Rows, open_rows
from ssdb.io.table_notes import incomplete, not_plain, records_and_lists
from ssdb.io.tables import label
from ssdb.schema.arrow import arrow_schema

Columns = ColumnMap | Mapping[str, Any] | str | os.PathLike[str] | None
"""How a source's columns become those of a table: a column map, what it is made from, or a path."""


class _Projection(NamedTuple):
    """Some columns of a table: the source's columns that they are made from, the map of these, and what it gives."""

    columns: list[str]
    column_map: ColumnMap
    mapped: list[str]


class Parts:
    """The rows of a source, conformed; :func:`open_parts` makes it.

    Attributes
    ----------
    name : str
        The source's, for messages.
    n_rows : int
        Rows of the source.
    columns : tuple of str
        The columns of the data model's table that it has.
    left_out, without_unit : tuple of str
        As of :class:`ssdb.ingest.table.conform.Conformed`; columns that are ignored, or have no plain values, are left
        out as well.
    doubts : tuple of str
        What else there is to tell: columns that could not be converted or look wrong, and what the file says of itself.
    incomplete : str or None
        Why the source is not whole, by its own word.
    """

    def __init__(
        self,
        name: str,
        rows: Rows,
        target: sa.Table,
        column_map: ColumnMap,
        filled: Collection[str],
        ignored: Collection[str],
        mappable: bool,
    ) -> None:
        self.name = name
        self.n_rows = rows.n_rows
        self._rows = rows
        self._target = target
        self._map = column_map
        self._mappable = mappable
        self._texts = text_columns(target)
        column_map.refuse_unknown((*arrow_schema(target).names, *ignored), name, target.name)
        # Even without rows it is seen which columns are missing, and which have units or types that do not fit.
        given = rows.schema.empty_table() if rows.whole is None else rows.whole
        mapped = column_map.apply(given, name, self._texts)
        folded = {column.lower() for column in ignored}
        dropped = [column for column in mapped.schema.names if column.lower() in folded]
        mapped = mapped.drop_columns(dropped)
        others = not_plain(rows.schema)
        try:
            conformed = conform(mapped, target, name, filled=filled, mappable=mappable)
        except InputError as error:
            if not (nested := records_and_lists(others)):
                raise
            raise InputError(f"{error}; records and lists within it are not read: {nested}") from None
        self.incomplete = incomplete(rows.schema)
        told = [f"is not complete: {self.incomplete}"] if self.incomplete else []
        self.doubts = (*told, *conformed.doubts)
        self._whole = None if rows.whole is None else conformed.table
        found = matched_names(tuple(mapped.schema.names), target)
        self._sources = {name: found[name] for name in conformed.table.schema.names}
        self.columns = tuple(conformed.table.schema.names)
        used = column_map.used
        unused = (column for column in conformed.left_out if column not in used)
        self.left_out = (*unused, *dropped, *others)
        self.without_unit = conformed.without_unit

    def refuse_incomplete(self, name: str) -> None:
        """Raises InputError if the source says that it is not whole, which an option of this name takes it for."""
        if self.incomplete:
            said = option(f"--{name}", f"{name}=True")
            raise InputError(
                f"{self.name}: is not complete: {self.incomplete}; {said} is for files that are: ask for all rows "
                f"(MAXREC), or leave out {said}"
            )

    def tables(self, only: Collection[str] | None = None) -> Iterator[pa.Table]:
        """The rows in order; at least one table, perhaps an empty one.

        Parameters
        ----------
        only : collection of str, optional
            The columns that are needed. There may be more, and those that the source does not have are not there.

        Raises
        ------
        InputError
            If a value does not fit its column; the message names the rows of the whole source that do not.
        """
        if self._whole is not None:
            yield self._whole
            return
        wanted = [name for name in self.columns if only is None or name in only]
        projection = self._projection(wanted)
        for table in self._rows.tables(projection.columns):
            try:
                part = self._conformed(table, projection)
            except InputError:
                self._refuse(wanted)
                raise
            yield part

    def _projection(self, names: Collection[str]) -> _Projection:
        sources = [self._sources[name] for name in names]
        column_map = self._map.only(sources)
        own = [name for name in sources if name not in self._map.columns]
        needed = dict.fromkeys([*column_map.used, *own])
        # A constant is made from no column, but has as many rows as they.
        return _Projection(list(needed) or self._rows.schema.names[:1], column_map, sources)

    def _conformed(self, table: pa.Table, projection: _Projection) -> pa.Table:
        mapped = projection.column_map.apply(table, self.name, self._texts).select(projection.mapped)
        filled = self._target.columns.keys()
        conformed = conform(mapped, self._target, self.name, filled=filled, mappable=self._mappable)
        found = conformed.table
        lacking = {name for name, source in self._sources.items() if source in conformed.left_out}
        if lacking:  # that their text cannot be used is seen only now
            self.doubts = tuple(dict.fromkeys((*self.doubts, *conformed.doubts)))
            for field in arrow_schema(self._target):
                if field.name in lacking:
                    found = found.append_column(field, pa.nulls(found.num_rows, field.type))
            found = found.select([name for name in self.columns if name in found.schema.names])
        return found

    def _refuse(self, names: Collection[str]) -> None:
        """Raises InputError for the first of some columns that does not fit, about all rows at once."""
        for name in names:
            projection = self._projection([name])
            self._conformed(pa.concat_tables(self._rows.tables(projection.columns)), projection)


def open_parts(
    source: Any,
    target: sa.Table,
    columns: Columns,
    *,
    filled: Collection[str] = (),
    ignored: Collection[str] = (),
    read: Callable[[Any], pa.Table] | None = None,
    at_once: bool = False,
    mappable: bool = True,
) -> Parts:
    """Opens a file, or a table in memory, whose columns become those of a table of the data model.

    Parameters
    ----------
    source : path or table
        What to read. A Parquet file is read as its parts are asked for, any other one as a whole.
    target : sqlalchemy.Table
        Whose columns it becomes.
    columns : ColumnMap, mapping, path or None
        How the file's columns become the table's, where they do not by themselves.
    filled : collection of str
        Columns that must not be NULL and that the caller fills in.
    ignored : collection of str
        Columns of the table that are not for the file to give.
    read : callable, optional
        Reader of a foreign format, instead of :func:`ssdb.io.tables.read_columns`.
    at_once : bool
        Make one part of all rows.
    mappable : bool
        Whether users can give a column map, which messages may then advise.

    Raises
    ------
    InputError
        If the source cannot be read, lacks a column, or has a unit or type that does not fit.
    ConfigError
        If the column map makes no sense, or makes columns that the table does not have.
    """
    column_map = _column_map(columns)
    # The file's own names of the columns that are text.
    of_map = {name.lower(): mapped.column for name, mapped in column_map.columns.items()}
    text = [of_map.get(name, name) for name in text_columns(target)]
    rows = open_rows(source, [name for name in text if name is not None], read, at_once=at_once)
    return Parts(label(source), rows, target, column_map, filled, ignored, mappable and read is None)


@cache
def text_columns(target: sa.Table) -> frozenset[str]:
    """The columns of a table that are text, in small letters."""
    return frozenset(field.name.lower() for field in arrow_schema(target) if pa.types.is_string(field.type))


def _column_map(columns: Columns) -> ColumnMap:
    if columns is None:
        return ColumnMap({})
    if isinstance(columns, ColumnMap):
        return columns
    if isinstance(columns, Mapping):
        return ColumnMap.from_dict(dict(columns))
    return ColumnMap.read(columns)
