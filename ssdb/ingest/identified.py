"""Which objects the rows of a file are of, by designation, number, name or identifier."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.designation import identify, packed_from_id
from ssdb.errors import DesignationError, InputError, shown
from ssdb.ingest.checks import Problems, check_unique
from ssdb.ingest.door import ids, with_column
from ssdb.names.aliases import add_names, designations_of
from ssdb.names.primary import primary_ids
from ssdb.store.database import Database


def refuse_anonymous(name: str, columns: Collection[str]) -> None:
    """Raises InputError if none of the columns of a source says which objects its rows are."""
    if "ssObjectId" not in columns and "designation" not in columns:
        raise InputError(f"{name}: there is neither a column designation nor ssObjectId; it has {shown(columns, 30)}")


def identified(database: Database, name: str, rows: pa.Table, simulated_names: bool) -> tuple[pa.Table, dict[str, int]]:
    """Rows with both ssObjectId and designation; one makes the other, and where both are given they must agree.

    Parameters
    ----------
    database : Database
        Where names (Eros) are looked up.
    name : str
        The source's name for messages.
    rows : pyarrow.Table
        With ``designation`` or ``ssObjectId``.
    simulated_names : bool
        Whether what has no packed form is a simulated object.

    Returns
    -------
    rows : pyarrow.Table
        With ``ssObjectId`` and the unpacked ``designation``.
    names : dict of str to int
        Names that were given and are not just designations as they are stored, with ``ssObjectId``.

    Raises
    ------
    InputError, DesignationError
        If rows cannot be identified.
    """
    refuse_anonymous(name, rows.schema.names)
    has_id, has_name = ("ssObjectId" in rows.schema.names), ("designation" in rows.schema.names)
    n = rows.num_rows
    given = rows.column("ssObjectId").fill_null(0).to_numpy() if has_id else np.zeros(n, np.int64)
    names = rows.column("designation") if has_name else pa.chunked_array([pa.nulls(n, pa.string())])
    named = _named_by_id(name, names, given) if names.null_count else names
    known = None if simulated_names else partial(designations_of, database)
    object_ids, designations = identify(named, name, simulated_names, known)
    problems = Problems(name, n)
    problems.add((given != object_ids) & (given != 0), "ssObjectId is not that of the designation")
    problems.raise_if_any()
    stored = pa.array(designations.tolist(), pa.string())
    other = np.flatnonzero(pc.fill_null(pc.not_equal(names, stored), False).to_numpy())
    texts = names.take(pa.array(other)).to_pylist()
    rows = with_column(rows, "ssObjectId", object_ids, pa.int64())
    return with_column(rows, "designation", stored, pa.string()), dict(
        zip(texts, object_ids[other].tolist(), strict=True)
    )


def _named_by_id(name: str, names: pa.ChunkedArray, given: np.ndarray) -> pa.Array:
    """Names of objects; where they are NULL, the packed designations of which ssObjectId was made."""
    unnamed = names.is_null().to_numpy()
    unique, inverse = np.unique(given[unnamed], return_inverse=True)
    packed = np.full(len(names), None, object)
    packed[unnamed] = np.array([_packed(object_id) for object_id in unique.tolist()], object)[inverse]
    unusable = unnamed & np.array([made is None for made in packed], bool)
    problems = Problems(name, len(names))
    problems.add(unusable & (given == 0), "there is neither a designation nor an ssObjectId")
    problems.add(unusable & (given != 0), "ssObjectId is not made from a packed designation")
    problems.raise_if_any()
    return pa.array([known or made for known, made in zip(names.to_pylist(), packed, strict=True)], pa.string())


def _packed(object_id: int) -> str | None:
    try:
        return packed_from_id(object_id)
    except DesignationError:
        return None


def under_primary_designations(
    connection: sa.Connection, name: str, rows: pa.Table, numbers: np.ndarray, names: dict[str, int]
) -> pa.Table:
    """Rows under the primary designations of their objects, where the database knows these; names are kept in SsAlias.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the names (:func:`ssdb.store.names.lock_names`).
    name : str
        The source's name for messages.
    rows : pyarrow.Table
        With ``visit``, ``ssObjectId`` and ``designation``.
    numbers : ndarray of int
        Numbers of the rows in the file.
    names : dict of str to int
        As :func:`identified` returns it.

    Raises
    ------
    InputError
        If an object is there twice for a visit, under two names.
    """
    object_ids = ids(rows, "ssObjectId")
    unique, first, inverse = np.unique(object_ids, return_index=True, return_inverse=True)
    given = dict(zip(unique.tolist(), rows.column("designation").take(pa.array(first)).to_pylist(), strict=True))
    moved = primary_ids(connection, given)
    if moved:
        there = [moved.get(object_id, (object_id, designation)) for object_id, designation in given.items()]
        new_ids = np.array([object_id for object_id, _ in there], np.int64)
        designations = pa.array([designation for _, designation in there], pa.string()).take(pa.array(inverse))
        rows = with_column(rows, "ssObjectId", new_ids[inverse], pa.int64())
        rows = with_column(rows, "designation", designations, pa.string())
        problems = Problems(name, rows.num_rows, numbers)
        text = "the object is there twice for one visit, under two names"
        check_unique(problems, rows, ["visit", "ssObjectId"], text)
        problems.raise_if_any()
    stored = {text: object_id for text, object_id in names.items() if object_id in given}
    add_names(connection, stored | {given[object_id]: object_id for object_id in moved}, moved)
    return rows
