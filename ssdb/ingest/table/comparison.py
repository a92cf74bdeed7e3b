"""Compares rows of an input with the stored ones: which are new, which the same, which have other values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.arrow import ids
from ssdb.store.tables.visits import named
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import equal, of_key, staged


@dataclass(slots=True)
class Comparison:
    """Which of the usable rows of an input are stored already under their keys, and which with the input's values.

    Both are of bool, shape (n,); ``example`` says what differs in the first of the others.
    """

    stored: np.ndarray
    same: np.ndarray = field(init=False)
    example: str = ""

    def __post_init__(self) -> None:
        self.same = np.zeros(len(self.stored), bool)

    @property
    def differ(self) -> np.ndarray:
        """Those that are stored with other values."""
        return self.stored & ~self.same

    def counts(self) -> dict[str, Any]:
        """How many rows are new, changed and unchanged, as of :class:`ssdb.ingest.table.report.IngestReport`."""
        stored, same = int(np.count_nonzero(self.stored)), int(np.count_nonzero(self.same))
        return {"new": len(self.stored) - stored, "changed": stored - same, "unchanged": same}

    def but_same(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """The rows of all parts of the input, without those that are stored as they are."""
        start = 0
        for rows in tables:
            same = self.same[start : start + rows.num_rows]
            start += rows.num_rows
            yield rows.filter(pa.array(~same)) if same.any() else rows


def compare(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], stored: np.ndarray, tables: Iterable[pa.Table]
) -> Comparison:
    """Compares rows of an input with those that are stored under their keys, in the columns that the input has.

    ``key`` names the integer columns that make the key, ``stored`` says which of the usable rows have one that is
    stored. ``tables`` are all usable rows, a part at a time; they are looked at only if any is stored. The connection
    has locked the visits.
    """
    compared = Comparison(stored)
    if not stored.any():
        return compared
    start = 0
    for rows in tables:
        chosen = start + np.flatnonzero(stored[start : start + rows.num_rows])
        if len(chosen):
            looked_at = rows.take(pa.array(chosen - start))
            with staged(connection, table, looked_at) as given:
                found = of_key(table, key, given)
                if "visit" in key:
                    visits = np.unique(ids(looked_at, "visit"))
                    found &= table.c.visit.in_(named(connection, visits, sa.select(given.c.visit)))
                compared.same[chosen] = _same(connection, table, key, given, found, looked_at)
                if not compared.example and not compared.same[chosen].all():
                    compared.example = _example(connection, table, key, given, found)
        start += rows.num_rows
    return compared


def _same(
    connection: sa.Connection,
    table: sa.Table,
    key: Sequence[str],
    given: sa.Table,
    found: sa.ColumnElement[bool],
    rows: pa.Table,
) -> np.ndarray:
    columns = [given.c[name] for name in key]
    same = sa.select(*columns).where(found, equal(table, given)).order_by(*columns)
    return np.isin(keys_of([rows.column(name) for name in key]), keys_of(list(read_arrays(connection, same).values())))


def keys_of(columns: Sequence[np.ndarray | pa.ChunkedArray]) -> np.ndarray:
    """Integer columns as one array of keys, to be looked up in another such array."""
    arrays = [np.asarray(column, np.int64) for column in columns]
    if len(arrays) == 1:
        return arrays[0]
    return np.ascontiguousarray(np.column_stack(arrays)).view(f"V{8 * len(arrays)}").ravel()


def _example(
    connection: sa.Connection, table: sa.Table, key: Sequence[str], given: sa.Table, found: sa.ColumnElement[bool]
) -> str:
    """The values of the first row that differs, in the first column in which it does."""
    first = [given.c[name] for name in key]
    pairs = [column for new in given.columns for column in (new.label(f"new_{new.name}"), table.c[new.name])]
    statement = sa.select(*pairs).where(found, ~equal(table, given)).order_by(*first).limit(1)
    row = connection.execute(statement).one_or_none()
    if row is None:
        return ""
    for column, (new, old) in zip(given.columns, zip(row[::2], row[1::2], strict=True), strict=True):
        if new != old:
            return f"{column.name} is {_shown(old)} and is given as {_shown(new)}"
    return ""


def _shown(value: object) -> str:
    return "unknown" if value is None else str(value)
