"""Stores names of objects from the Minor Planet Center's tables minor_planet_names and comet_names."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.identity.aliases import MAX_ALIAS_LENGTH
from ssdb.identity.designation import pack, packed_from_id
from ssdb.identity.identify import identify_in_two_forms
from ssdb.identity.packed_arrays import pack_numbers, unpack
from ssdb.identity.primary import primary_ids
from ssdb.ingest.table.checks import named_rows
from ssdb.schema.sentinels import known_texts
from ssdb.schema.survey import ss_alias
from ssdb.store.tables.aliases import NAME, write_aliases
from ssdb.store.transfer.staging import count_stored, staged

NUMBER_COLUMN = "mp_number"
_NAME = "name"
_PACKED = "packed_primary_provisional_designation"
_UNPACKED = "unpacked_primary_provisional_designation"


_COLUMNS = (_NAME, NUMBER_COLUMN, _PACKED, _UNPACKED)


def is_name_column(column: str) -> bool:
    """Whether a column of the tables says what an object is called, or which object that is."""
    return column in _COLUMNS


def is_of_names(columns: Collection[str]) -> bool:
    """Whether columns are those of one of the two tables."""
    return _NAME in columns and not {NUMBER_COLUMN, _PACKED, _UNPACKED}.isdisjoint(columns)


def names_of_objects(names: pa.Array, ids: np.ndarray) -> pa.Table:
    """Rows of SsAlias, each name once, of names (NULL where there is none) and ``ssObjectId``, both of shape (n,)."""
    lengths = pc.utf8_length(names)
    used = pc.fill_null(pc.and_(pc.greater(lengths, 0), pc.less_equal(lengths, MAX_ALIAS_LENGTH)), False)
    table = pa.table({"alias": names, "ssObjectId": pa.array(ids)}).filter(used)
    first = table.group_by("alias", use_threads=False).aggregate([("ssObjectId", "first")])
    first = first.rename_columns(["alias", "ssObjectId"])
    return first.append_column("kind", pa.array([NAME] * first.num_rows, pa.string()))


def store_names(connection: sa.Connection, rows: pa.Table) -> tuple[dict[str, Any], int, tuple[str, ...]]:
    """Stores the names of a table in SsAlias; those of comets, which many share, with the designation.

    The rows have text columns: ``name``, and ``mp_number`` or a primary provisional designation, packed or not. The
    connection, for writing, has locked the names. Returned are how many names are ``new``, ``changed`` (of another
    object) and ``unchanged``; how many rows are of objects that no identifier can be made of; and which these are.
    """
    names = known_texts(rows.column(_NAME).combine_chunks())
    named = names.is_valid().to_numpy(zero_copy_only=False)
    if NUMBER_COLUMN in rows.column_names:
        ids = unpack(pack_numbers(known_texts(rows.column(NUMBER_COLUMN).combine_chunks())))[1]
    else:
        designations, ids = _designated(rows)
        names = pc.binary_join_element_wise(designations, pc.binary_join_element_wise("(", names, ")", ""), " ")
    unknown = np.flatnonzero((ids == 0) & named)
    known = ids != 0
    moved = primary_ids(connection, {one: pack(packed_from_id(one))[1] for one in np.unique(ids[known]).tolist()})
    ids = np.array([moved.get(one, (one,))[0] for one in ids[known].tolist()], np.int64)
    aliases = names_of_objects(names.filter(pa.array(known)), ids)
    with staged(connection, ss_alias, aliases) as given:
        counts = count_stored(connection, ss_alias, ("alias",), given)
    write_aliases(connection, aliases, overwrite=True)
    if not len(unknown):
        return counts, 0, ()
    return counts, len(unknown), (f"the designation has no packed form ({named_rows(unknown + 1)})",)


def _designated(rows: pa.Table) -> tuple[pa.Array, np.ndarray]:
    """Primary designations, unpacked, and identifiers; NULL and 0 where there is no packed form."""
    empty = pa.nulls(rows.num_rows, pa.string())
    packed, unpacked = (
        known_texts(rows.column(name).combine_chunks()) if name in rows.column_names else empty
        for name in (_PACKED, _UNPACKED)
    )
    readable = pa.array(unpack(packed)[1] != 0)
    _, designations, ids, _ = identify_in_two_forms(pc.if_else(readable, packed, empty), unpacked)
    return designations, ids
