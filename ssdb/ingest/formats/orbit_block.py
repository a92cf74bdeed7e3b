"""What readers of orbits share: the rows that they hand on, numbers from text, text in parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError
from ssdb.io.input_file import InputFile
from ssdb.schema.arrow import numpy_type
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
_CSV_BLOCK_BYTES = 32 * 2**20  # a row has to fit: the JSON text of an orbit has some ten thousand characters
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(slots=True)
class OrbitBlock:
    """Some rows of a file of orbits."""

    rows: pa.Table
    """Columns of mpc_orbits, of its types, at least ``packed_primary_provisional_designation``."""
    numbers: np.ndarray
    """Which lines of the file or rows of the table (from 1) they are; ``counted`` says which of both."""
    ids: np.ndarray
    """``ssObjectId``."""
    left_out: list[tuple[str, np.ndarray]] = field(default_factory=list)
    """What is wrong with rows that are not among these, and their numbers."""
    counted: str = "row"
    unknown: list[tuple[str, np.ndarray]] = field(default_factory=list)
    """What was wrong with a value that became unknown, and the numbers of the rows, which may be among these."""
    not_plain: tuple[str, ...] = ()
    """Columns of the input that are left out, because their values are lists, structures or the like."""
    incomplete: str | None = None
    """Why the input is not whole, by its own word."""
    names: pa.Array | None = None
    """Names of the objects as the input has them; NULL where it has none."""
    doubts: tuple[str, ...] = ()
    """What looks wrong with columns and may be right."""

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
        limits = np.iinfo(numpy_type(type_))
        whole = (numbers == np.floor(numbers)) & (numbers >= limits.min) & (numbers <= limits.max)
        bad = bad | (~whole & ~np.isnan(numbers))
        numbers = np.where(bad, np.nan, numbers)
    return numbers, bad


def parts_of(table: pa.Table) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """A table in parts of :data:`ROWS_PER_BLOCK` rows, with the numbers of these, from 1; at least one part."""
    for first in range(0, max(table.num_rows, 1), ROWS_PER_BLOCK):
        part = table.slice(first, ROWS_PER_BLOCK)
        yield part, first + 1 + np.arange(part.num_rows)


def csv_parts(given: InputFile, wanted: Sequence[str]) -> Iterator[Part]:
    """Columns of text between commas, all as text; rows with another number of values than names are left out."""
    from pyarrow import csv

    bad: list[int] = []  # told in advance of the rows round them, and never twice

    def note(row: csv.InvalidRow) -> str:
        bad.append(row.number)
        return "skip"

    names = given.names
    with given.opened(below_header=True) as stream:
        try:
            with csv.open_csv(
                stream,
                csv.ReadOptions(column_names=names, block_size=_CSV_BLOCK_BYTES, use_threads=False),
                csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
                # A number that cannot be read costs its row, not the file.
                csv.ConvertOptions(include_columns=wanted, column_types=dict.fromkeys(wanted, pa.string())),
            ) as reader:
                before, told = 0, 0
                for batch in reader:
                    numbers = np.arange(before + 1, before + 1 + batch.num_rows + len(bad))
                    numbers = numbers[~np.isin(numbers, bad)][: batch.num_rows]
                    before = int(numbers[-1]) if len(numbers) else before
                    left_out = [(f"there are not {len(names)} values", np.array(bad[told:]))] if bad[told:] else []
                    told = len(bad)
                    for table, part in parts_of(pa.Table.from_batches([batch])):
                        yield table, numbers[part - 1], left_out
                        left_out = []
        except pa.ArrowInvalid as error:
            if "Empty CSV" not in str(error):
                raise InputError(f"{given.path}: cannot be read as CSV, is it complete? ({error})") from error


def usable_epochs(epochs_mjd: np.ndarray) -> np.ndarray:
    """Where epochs (MJD) are known and within :data:`ssdb.schema.ranges.EPOCHS`."""
    return (epochs_mjd >= EPOCHS.low) & (epochs_mjd <= EPOCHS.high)
