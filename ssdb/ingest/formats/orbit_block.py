"""What the readers of orbits share: the part of a file they hand on, numbers from text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.schema.ranges import EPOCHS
from ssdb.schema.sentinels import UNKNOWN_TEXTS, known_texts

PACKED = "packed_primary_provisional_designation"
UNPACKED = "unpacked_primary_provisional_designation"
IN_SOURCE = "designation_in_source"

ROWS_PER_BLOCK = 50_000
"""Rows that a reader hands on at once: what a file of any length needs in memory."""

Part = tuple[pa.Table, np.ndarray, list[tuple[str, np.ndarray]]]
"""Rows of a file, their numbers, and what is wrong with rows that are not among them, with the numbers of those."""

_DOUBLE = pa.float64()
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(slots=True)
class OrbitBlock:
    """Some rows of a file of orbits.

    Attributes
    ----------
    rows : pyarrow.Table
        Columns of mpc_orbits, of the types of its Arrow schema, at least ``packed_primary_provisional_designation``.
    numbers : ndarray of int, shape (n,)
        Which lines of the file (text of fixed columns) or rows of the table (from 1) they are.
    ids : ndarray of int64, shape (n,)
        ``ssObjectId``.
    left_out : list of (str, ndarray)
        What is wrong with rows that are not among these, and their numbers.
    counted : {"row", "line"}
        What the numbers count.
    unknown : list of (str, ndarray)
        What was wrong with a value that became unknown, and the numbers of the rows, which may be among these.
    not_plain : tuple of str
        Columns of the source that are left out, because their values are lists, structures or the like.
    incomplete : str or None
        Why the source is not whole, by its own word.
    names : pyarrow.Array of string, shape (n,), or None
        Names of the objects as the source has them; NULL where it has none.
    doubts : tuple of str
        What looks wrong with columns and may be right.
    """

    rows: pa.Table
    numbers: np.ndarray
    ids: np.ndarray
    left_out: list[tuple[str, np.ndarray]] = field(default_factory=list)
    counted: str = "row"
    unknown: list[tuple[str, np.ndarray]] = field(default_factory=list)
    not_plain: tuple[str, ...] = ()
    incomplete: str | None = None
    names: pa.Array | None = None
    doubts: tuple[str, ...] = ()

    def without(self, problems: Mapping[str, np.ndarray]) -> OrbitBlock:
        """The block without the rows that have a problem, each noted as left out for its first one.

        The problems are masks of shape (n,) by what is wrong.
        """
        bad = np.zeros(len(self.numbers), bool)
        left_out = list(self.left_out)
        for text, rows in problems.items():
            if (new := rows & ~bad).any():
                left_out.append((text, self.numbers[new]))
                bad |= new
        if not bad.any():
            return self
        rows, numbers, ids = self.rows.filter(pa.array(~bad)), self.numbers[~bad], self.ids[~bad]
        names = None if self.names is None else self.names.filter(pa.array(~bad))
        return replace(self, rows=rows, numbers=numbers, ids=ids, left_out=left_out, names=names)


def numbers_of(texts: pa.Array, type_: pa.DataType = _DOUBLE) -> tuple[np.ndarray, np.ndarray]:
    """Numbers written as text, as float64, and which texts are no number, each of shape (n,).

    Blanks around a number do not matter; NULL, blank text, ``nan``, ``null`` and the like are unknown: NaN. Where they
    are to become integers (``type_``), only whole numbers within its limits are good.
    """
    trimmed = known_texts(texts)
    unknown = pc.is_in(pc.ascii_lower(trimmed), pc.ascii_lower(UNKNOWN_TEXTS))
    trimmed = pc.if_else(unknown, pa.scalar(None, pa.string()), trimmed)
    bad = np.zeros(len(texts), bool)
    try:
        values = trimmed.cast(pa.float64())
    except pa.ArrowInvalid:  # rare, and the check of every text takes longer than the conversion
        bad = pc.fill_null(pc.invert(pc.match_substring_regex(trimmed, _NUMBER)), False).to_numpy(zero_copy_only=False)
        values = pc.if_else(pa.array(bad), pa.scalar(None, pa.string()), trimmed).cast(pa.float64())
    numbers = values.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(type_):
        limits = np.iinfo(type_.to_pandas_dtype())
        whole = (numbers == np.floor(numbers)) & (numbers >= limits.min) & (numbers <= limits.max)
        bad = bad | (~whole & ~np.isnan(numbers))
        numbers = np.where(bad, np.nan, numbers)
    return numbers, bad


def parts_of(table: pa.Table) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """A table in parts of :data:`ROWS_PER_BLOCK` rows, with the numbers of these, from 1; at least one part."""
    for first in range(0, max(table.num_rows, 1), ROWS_PER_BLOCK):
        part = table.slice(first, ROWS_PER_BLOCK)
        yield part, first + 1 + np.arange(part.num_rows)


def usable_epochs(epochs_mjd: np.ndarray) -> np.ndarray:
    """Where epochs (MJD) are known and within :data:`ssdb.schema.ranges.EPOCHS`."""
    return (epochs_mjd >= EPOCHS.low) & (epochs_mjd <= EPOCHS.high)
