"""current_identifications and numbered_identifications, the Minor Planet Center's tables of designations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.schema.apdb_solar_system import current_identifications, numbered_identifications
from ssdb.store.transfer.read import read_table
from ssdb.store.transfer.staging import count_stored, staged
from ssdb.store.transfer.write import Progress

UNIQUE = {
    current_identifications: ("packed_secondary_provisional_designation",),
    numbered_identifications: (
        "permid",
        "packed_primary_provisional_designation",
        "unpacked_primary_provisional_designation",
        "iau_name",
    ),
}
"""Columns in which a value occurs once; a stored row that has one in common with a new row makes way for it."""


def replace_identifications(
    connection: sa.Connection, table: sa.Table, rows: pa.Table, progress: Progress | None = None
) -> dict[str, Any]:
    """Puts rows in the place of those that have a unique value in common with them; the names are locked.

    The rows are without ``id``: it stays that of the row with the same value in the first unique column, or is new.
    Returns how many are new, changed and unchanged.
    """
    key = UNIQUE[table][0]
    columns = (table.c["id"], table.c[key])
    stored = read_table(connection, sa.select(*columns), pa.schema([("id", pa.int32()), (key, pa.string())]))
    found = pc.index_in(rows.column(key), value_set=stored.column(key).combine_chunks())
    row_ids = stored.column("id").combine_chunks().take(found.combine_chunks()).to_numpy(zero_copy_only=False)
    new = np.isnan(row_ids) if row_ids.dtype.kind == "f" else np.zeros(len(row_ids), bool)
    free = 1 + (pc.max(stored.column("id")).as_py() or 0)
    row_ids = np.where(new, free + np.cumsum(new) - 1, row_ids)
    rows = rows.append_column("id", pa.array(row_ids.astype(np.int32)))
    with staged(connection, table, rows, progress) as given:
        counts = count_stored(connection, table, ("id",), given)
        for name in [name for name in UNIQUE[table] if name in rows.column_names]:
            connection.execute(sa.delete(table).where(table.c[name].in_(sa.select(given.c[name]))))
        connection.execute(sa.insert(table).from_select(rows.column_names, sa.select(given)))
    return counts


def stored_alike(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> np.ndarray:
    """Of which rows, shape (n,), the number or secondary designation is stored with the same primary designation."""
    key, primary = UNIQUE[table][0], "packed_primary_provisional_designation"
    schema = pa.schema([(key, pa.string()), (primary, pa.string())])
    stored = read_table(connection, sa.select(table.c[key], table.c[primary]), schema)
    found = pc.index_in(rows.column(key), value_set=stored.column(key).combine_chunks()).combine_chunks()
    same = pc.equal(stored.column(primary).combine_chunks().take(found), rows.column(primary).combine_chunks())
    return np.asarray(pc.fill_null(same, False).to_numpy(zero_copy_only=False), dtype=bool)
