"""Opens an input (a file, or a table in memory) and gives its rows, with the data model's columns, in parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import InputError, option
from ssdb.ingest.table.checks import Problems, usable_rows
from ssdb.ingest.table.column_map import ColumnMap
from ssdb.ingest.table.conform import conform, matched_names
from ssdb.ingest.table.report import IngestReport
from ssdb.io.row_source import open_rows
from ssdb.io.table_notes import incomplete, not_plain, records_and_lists
from ssdb.io.tables import label
from ssdb.schema.arrow import arrow_schema

Input = Any
"""A path, or a table in memory: astropy, pyarrow, pandas, or a mapping of columns."""

Columns = ColumnMap | Mapping[str, Any] | str | os.PathLike[str] | None
"""How an input's columns become those of a table: a column map, what it is made from, or a path."""


class UsableRows(NamedTuple):
    """The usable rows of a table in memory, their numbers in it (from 1), and what looks wrong and may be right."""

    rows: pa.Table
    numbers: np.ndarray
    doubts: tuple[str, ...]


class _Projection(NamedTuple):
    """Some columns of a table: the input's columns that they are made from, the map of these, and what it gives."""

    columns: list[str]
    column_map: ColumnMap
    mapped: list[str]


class OpenInput:
    """A file, or a table in memory, whose columns become those of a table of the data model.

    InputError if the input cannot be read, lacks a column, or has a unit or type that does not fit; ConfigError if the
    column map makes no sense, or makes columns that the table does not have.

    Parameters
    ----------
    given : path or table
        What to read. A Parquet file is read as its parts are asked for, any other one as a whole.
    target : sqlalchemy.Table
        Whose columns it becomes.
    columns : ColumnMap, mapping, path or None
        How the input's columns become the table's, where they do not by themselves.
    filled : collection of str
        Columns that must not be NULL and that the caller fills in.
    ignored : collection of str
        Columns of the table that are not for the input to give.
    read : callable, optional
        Reader of a foreign format, instead of :func:`ssdb.io.tables.read_columns`.
    at_once : bool
        Make one part of all rows.
    mappable : bool
        Whether users can give a column map, which messages may then advise.

    Attributes
    ----------
    name : str
        The input's, for messages.
    n_rows : int
        Rows of the input.
    problems : Problems
        What is wrong with its rows, as far as it has been noted.
    columns : tuple of str
        The columns of the data model's table that it has.
    left_out, without_unit : tuple of str
        As of :class:`ssdb.ingest.table.conform.Conformed`; columns that are ignored, or have no plain values, are left
        out as well.
    units : mapping of str to str
        As of :class:`ssdb.ingest.table.conform.Conformed`.
    doubts : tuple of str
        What else there is to tell: columns that could not be converted or look wrong, what the input says of itself.
    incomplete : str or None
        Why the input is not whole, by its own word.
    """

    def __init__(
        self,
        given: Input,
        target: sa.Table,
        columns: Columns = None,
        *,
        filled: Collection[str] = (),
        ignored: Collection[str] = (),
        read: Callable[[Any], pa.Table] | None = None,
        at_once: bool = False,
        mappable: bool = True,
    ) -> None:
        self._target, self._texts = target, text_columns(target)
        self._map = column_map = _column_map(columns)
        self._mappable = mappable and read is None
        # The input's own names of the columns that are text.
        of_map = {name.lower(): mapped.column for name, mapped in column_map.columns.items()}
        text = [of_map.get(name, name) for name in self._texts]
        self._rows = rows = open_rows(given, [name for name in text if name is not None], read, at_once=at_once)
        self.name, self.n_rows = label(given), rows.n_rows
        self.problems = Problems(self.name, self.n_rows)
        column_map.refuse_unknown((*arrow_schema(target).names, *ignored), self.name, target.name)
        # Even without rows it is seen which columns are missing, and which have units or types that do not fit.
        mapped = column_map.apply(
            rows.schema.empty_table() if rows.whole is None else rows.whole, self.name, self._texts
        )
        folded = {column.lower() for column in ignored}
        dropped = [column for column in mapped.schema.names if column.lower() in folded]
        mapped = mapped.drop_columns(dropped)
        others = not_plain(rows.schema)
        try:
            conformed = conform(mapped, target, self.name, filled=filled, mappable=self._mappable)
        except InputError as error:
            if not (nested := records_and_lists(others)):
                raise
            raise InputError(f"{error}; records and lists within it are not read: {nested}") from None
        self.incomplete = incomplete(rows.schema)
        told = [f"is not complete: {self.incomplete}"] if self.incomplete else []
        self.doubts = (*told, *conformed.doubts)
        self._whole = None if rows.whole is None else conformed.table
        self.columns = tuple(conformed.table.schema.names)
        found = matched_names(tuple(mapped.schema.names), target)
        self._given_as = {name: found[name] for name in self.columns}
        unused = (column for column in conformed.left_out if column not in column_map.used)
        self.left_out = (*unused, *dropped, *others)
        self.without_unit, self.units = conformed.without_unit, conformed.units

    def refuse_incomplete(self, name: str) -> None:
        """Raises InputError if the input says that it is not whole, which an option of this name takes it for."""
        if self.incomplete:
            said = option(f"--{name}", f"{name}=True")
            raise InputError(
                f"{self.name}: is not complete: {self.incomplete}; {said} is for files that are: ask for all rows "
                f"(MAXREC), or leave out {said}"
            )

    def parts(self, only: Collection[str] | None = None) -> Iterator[tuple[Problems, pa.Table]]:
        """The rows in order, at least one part, perhaps empty, each with what is wrong with its rows.

        Of the columns in ``only`` those come that the input has, and perhaps others. Raises InputError if a value does
        not fit its column; the message names all rows of the input that do not.
        """
        start = 0
        for rows in self._tables(only):
            yield self.problems.part(start, rows.num_rows), rows
            start += rows.num_rows

    def usable(self, only: Collection[str] | None = None) -> Iterator[tuple[np.ndarray, pa.Table]]:
        """The rows without a problem as of :func:`usable_rows`, a part at a time, and their numbers in the input."""
        for problems, rows in self.parts(only):
            yield problems.usable(), usable_rows(rows, problems.bad)

    def whole(self) -> pa.Table:
        """All rows, usable or not."""
        return pa.concat_tables(self._tables(None))

    def report(self, kind: str, rows: int, visits: int, told: Collection[str] = (), **counts: Any) -> IngestReport:
        """What was done with the input: how many rows of a kind and of how many visits are stored now."""
        invalid = int(np.count_nonzero(self.problems.bad))
        doubts = (*self.doubts, *told)
        return IngestReport(self.name, kind, rows, visits, invalid, self.left_out, self.without_unit, doubts, **counts)

    def _tables(self, only: Collection[str] | None) -> Iterator[pa.Table]:
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
        mapped = [self._given_as[name] for name in names]
        column_map = self._map.only(mapped)
        own = [name for name in mapped if name not in self._map.columns]
        needed = dict.fromkeys([*column_map.used, *own])
        # A constant is made from no column, but has as many rows as they.
        return _Projection(list(needed) or self._rows.schema.names[:1], column_map, mapped)

    def _conformed(self, table: pa.Table, projection: _Projection) -> pa.Table:
        mapped = projection.column_map.apply(table, self.name, self._texts).select(projection.mapped)
        filled = self._target.columns.keys()
        conformed = conform(mapped, self._target, self.name, filled=filled, mappable=self._mappable)
        found = conformed.table
        lacking = {name for name, given in self._given_as.items() if given in conformed.left_out}
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


@cache
def text_columns(target: sa.Table) -> frozenset[str]:
    """The columns of a table that are text, in small letters."""
    return frozenset(field.name.lower() for field in arrow_schema(target) if pa.types.is_string(field.type))


def _column_map(columns: Columns) -> ColumnMap:
    if columns is None:
        return ColumnMap({})
    if isinstance(columns, ColumnMap):
        return columns
    return ColumnMap.from_dict(columns) if isinstance(columns, Mapping) else ColumnMap.read(columns)
