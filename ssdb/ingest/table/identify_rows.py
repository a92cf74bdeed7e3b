"""Finds the objects of the rows of an input, by designation, number, name or identifier."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from itertools import compress

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import DesignationError, InputError, shown
from ssdb.identity.aliases import add_names, designations_of
from ssdb.identity.designation import packed_from_id
from ssdb.identity.identify import identify_encoded
from ssdb.identity.primary import primary_ids
from ssdb.ingest.table.checks import Problems, check_unique
from ssdb.schema.arrow import ids, with_column
from ssdb.store.database import Database


def refuse_anonymous(name: str, columns: Collection[str]) -> None:
    """Raises InputError if none of the columns of a source says which objects its rows are."""
    if "ssObjectId" not in columns and "designation" not in columns:
        raise InputError(f"{name}: there is neither a column designation nor ssObjectId; it has {shown(columns, 30)}")


def identified(
    database: Database | None, name: str, rows: pa.Table, simulated_names: bool, problems: Problems | None = None
) -> tuple[pa.Table, dict[str, int]]:
    """Rows with both ssObjectId and designation; one makes the other, and where both are given they must agree.

    Names (Eros) are looked up in the database, if there is one. With ``simulated_names`` what has no packed form is a
    simulated object. Rows that cannot be identified are noted in ``problems``; without it they raise InputError or
    DesignationError, in which the input is called ``name``.

    Returns
    -------
    rows : pyarrow.Table
        With ``ssObjectId`` (0 where the row cannot be identified) and the unpacked ``designation``, dictionary-encoded.
    names : dict of str to int
        Names that were given and are not just designations as they are stored, with ``ssObjectId``.
    """
    refuse_anonymous(name, rows.schema.names)
    has_id, has_name = ("ssObjectId" in rows.schema.names), ("designation" in rows.schema.names)
    n = rows.num_rows
    given = rows.column("ssObjectId").fill_null(0).to_numpy() if has_id else np.zeros(n, np.int64)
    names = _encoded(rows.column("designation")) if has_name else pa.nulls(n, pa.string()).dictionary_encode()
    strict = problems is None
    noted = Problems(name, n) if problems is None else problems
    named = _encoded(_named_by_id(names.cast(pa.string()), given, noted)) if names.null_count else names
    if strict:
        noted.raise_if_any()
    known = None if simulated_names or database is None else partial(designations_of, database)
    unique_ids, unique_designations = identify_encoded(named, name, simulated_names, known, strict)
    codes = named.indices.to_numpy()
    object_ids = unique_ids[codes]
    noted.add(object_ids == 0, "the object cannot be identified")
    noted.add((given != object_ids) & (given != 0) & (object_ids != 0), "ssObjectId is not that of the designation")
    if strict:
        noted.raise_if_any()
    designations = pa.DictionaryArray.from_arrays(
        pa.array(codes, pa.int32()), pa.array(unique_designations.tolist(), pa.string())
    )
    rows = with_column(rows, "ssObjectId", object_ids, pa.int64())
    own = set(names.dictionary.to_pylist())
    texts = zip(named.dictionary.to_pylist(), unique_designations.tolist(), unique_ids.tolist(), strict=True)
    others = {text: one for text, designation, one in texts if text != designation and text in own and one}
    return with_designations(rows, designations), others


def with_designations(rows: pa.Table, designations: pa.Array) -> pa.Table:
    """Rows with the column ``designation``, in whatever encoding it is given."""
    index = rows.schema.get_field_index("designation")
    field = pa.field("designation", designations.type)
    return rows.append_column(field, designations) if index < 0 else rows.set_column(index, field, designations)


class Names:
    """The names of a file, part after part: each name once, and for each row a number."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._codes: list[np.ndarray] = []

    def add(self, names: pa.ChunkedArray) -> None:
        """Takes the names of some more rows; they may be NULL."""
        encoded = _encoded(names)
        numbers = self._numbers
        of_part = [numbers.setdefault(name, len(numbers)) for name in encoded.dictionary.to_pylist()]
        self._codes.append(np.array([*of_part, -1], np.int32)[encoded.indices.fill_null(-1).to_numpy()])

    def all(self) -> pa.DictionaryArray:
        """Those of all rows."""
        codes = np.concatenate(self._codes) if self._codes else np.empty(0, np.int32)
        return pa.DictionaryArray.from_arrays(
            pa.array(codes, pa.int32(), mask=codes < 0), pa.array(list(self._numbers), pa.string())
        )


def _encoded(names: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    array = names.combine_chunks() if isinstance(names, pa.ChunkedArray) else names
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def _named_by_id(names: pa.Array, given: np.ndarray, problems: Problems) -> pa.Array:
    """Names of objects; where they are NULL, the packed designations of which ssObjectId was made, or nothing."""
    unnamed = names.is_null().to_numpy(zero_copy_only=False)
    unique, inverse = np.unique(given[unnamed], return_inverse=True)
    packed = np.full(len(names), None, object)
    packed[unnamed] = np.array([_packed(object_id) for object_id in unique.tolist()], object)[inverse]
    unusable = unnamed & np.array([made is None for made in packed], bool)
    problems.add(unusable & (given == 0), "there is neither a designation nor an ssObjectId")
    problems.add(unusable & (given != 0), "ssObjectId is not made from a packed designation")
    return pa.array([known or made or "" for known, made in zip(names.to_pylist(), packed, strict=True)], pa.string())


def _packed(object_id: int) -> str | None:
    try:
        return packed_from_id(object_id)
    except DesignationError:
        return None


def under_primary_designations(
    connection: sa.Connection, name: str, rows: pa.Table, numbers: np.ndarray, names: dict[str, int]
) -> pa.Table:
    """Rows under the primary designations of their objects, where the database knows these; names are kept in SsAlias.

    Rows have ``visit``, ``ssObjectId`` and ``designation``, and ``numbers`` in the file; ``names`` are those of
    :func:`identified`. The connection has locked the names (:func:`ssdb.store.tables.aliases.lock_names`). InputError
    if an object is there twice for a visit, under two names.
    """
    designations = _encoded(rows.column("designation"))
    codes, texts = designations.indices.to_numpy(), designations.dictionary.to_pylist()
    # One row of each name, and so perhaps several of an object; names of rows that are left out have none.
    first = np.full(len(texts), -1)
    first[codes] = np.arange(len(codes))
    used = first >= 0
    named_ids = np.zeros(len(texts), np.int64)
    named_ids[used] = ids(rows, "ssObjectId")[first[used]]
    given = dict(zip(named_ids[used].tolist(), compress(texts, used.tolist()), strict=True))
    moved = primary_ids(connection, given)
    if moved:
        there = [
            moved.get(object_id, (object_id, text)) for object_id, text in zip(named_ids.tolist(), texts, strict=True)
        ]
        new_ids = np.array([object_id for object_id, _ in there], np.int64)
        rows = with_column(rows, "ssObjectId", new_ids[codes], pa.int64())
        new_texts = pa.array([text for _, text in there], pa.string())
        rows = with_designations(rows, pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), new_texts))
        problems = Problems(name, rows.num_rows, numbers)
        text = "the object is there twice for one visit, under two names"
        check_unique(problems, rows, ["visit", "ssObjectId"], text)
        problems.raise_if_any()
    stored = {text: object_id for text, object_id in names.items() if object_id in given}
    add_names(connection, stored | {given[object_id]: object_id for object_id in moved}, moved)
    return rows
