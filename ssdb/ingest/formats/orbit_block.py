"""What the readers of orbits share: the part of a file they hand on, numbers from text, blocks of lines."""

from __future__ import annotations

import io
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError
from ssdb.ingest.formats.header_line import header_line, with_newlines
from ssdb.io.input_file import READ_ENDINGS, TYPES, InputFile, refuse_archive, sniffed
from ssdb.io.limits import refuse_line, unfolded
from ssdb.io.tables import require_file
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
_BYTES_PER_BLOCK = 8 * 2**20
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
        """The block without the rows that have a problem; each is noted as left out for its first one.

        Parameters
        ----------
        problems : mapping of str to ndarray of bool, shape (n,)
            What is wrong, and with which rows.
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
    """Numbers written as text.

    Parameters
    ----------
    texts : pyarrow.Array of string, shape (n,)
        Blanks around a number do not matter; NULL, blank text, ``nan``, ``null`` and the like are unknown.
    type_ : pyarrow.DataType
        What they are to become: of integers only whole numbers within its limits are good.

    Returns
    -------
    values : ndarray of float64, shape (n,)
        NaN where the number is unknown or the text is none.
    bad : ndarray of bool, shape (n,)
        Texts that are no number.
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


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedIOBase]:
    """A file opened for reading bytes, decompressed where its first bytes say that it is gzip.

    Raises
    ------
    InputError
        If the file is not there or, here or when it is read within the context, not readable or truncated.
    """
    require_file(path)
    refuse_archive(path)
    try:
        with unfolded(path) as stream:
            yield with_newlines(stream)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read, is it complete? ({error})") from error


def lines_of(stream: io.BufferedIOBase, name: object) -> Iterator[np.ndarray]:
    """The bytes of a file in blocks of whole lines, each as an array of uint8 that ends with a newline.

    Raises
    ------
    InputError
        If a line is longer than any real one.
    """
    rest = b""
    while chunk := stream.read(_BYTES_PER_BLOCK):
        head, newline, tail = (rest + chunk).rpartition(b"\n")
        rest = tail
        refuse_line(name, rest)
        if newline:
            yield np.frombuffer(head + newline, np.uint8)
    if rest:
        yield np.frombuffer(rest + b"\n", np.uint8)


def parts_of(table: pa.Table) -> Iterator[tuple[pa.Table, np.ndarray]]:
    """A table in parts of :data:`ROWS_PER_BLOCK` rows, with the numbers of these, from 1; at least one part."""
    for first in range(0, max(table.num_rows, 1), ROWS_PER_BLOCK):
        part = table.slice(first, ROWS_PER_BLOCK)
        yield part, first + 1 + np.arange(part.num_rows)


def usable_epochs(epochs_mjd: np.ndarray) -> np.ndarray:
    """Where epochs (MJD) are known and within :data:`ssdb.schema.ranges.EPOCHS`."""
    return (epochs_mjd >= EPOCHS.low) & (epochs_mjd <= EPOCHS.high)


def first_line(path: str | os.PathLike[str]) -> bytes:
    """The first line of a file but for blank ones and comments, decompressed where it is gzip; of a binary file, what
    looks like one.
    """
    with opened(Path(path)) as stream:
        return header_line(stream)[0]


def is_text(source: Any) -> bool:
    """Whether a source is the path of text: of a file whose type, ending and content are those of no other format."""
    if not isinstance(source, str | os.PathLike) or Path(source).is_dir():
        return False
    if isinstance(source, InputFile) and source.type is not None:
        return TYPES[source.type] == "CSV"
    others = [ending for format_, endings in READ_ENDINGS.items() if format_ != "CSV" for ending in endings]
    return not os.fsdecode(source).lower().endswith(tuple(others)) and sniffed(Path(source)) == "csv"


def is_simple_text(source: Any) -> bool:
    """Whether a source is text whose first line names its columns, between commas or blanks: it is read in blocks."""
    if not is_text(source):
        return False
    line = first_line(source)
    return not line.lstrip().startswith(b"#") and (b"," in line or not re.search(rb"[;|]", line))
