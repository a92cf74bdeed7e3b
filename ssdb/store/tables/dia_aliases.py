"""DiaObjectAlias: DiaObjects that were merged into others, by their old identifiers."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.dia import dia_object_alias
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import write_rows
from ssdb.units import Integers


def add_aliases(connection: sa.Connection, objects: Integers, into: Integers, now: datetime) -> None:
    """Notes that objects, shape (n,), are others now; what was merged into them before follows by way of them."""
    remove_aliases(connection, objects)
    at = pa.array(np.full(len(objects), np.datetime64(now, "us")), pa.timestamp("us"))
    write_rows(connection, dia_object_alias, pa.table({"diaObjectId": objects, "newId": into, "mergedAt": at}))


def remove_aliases(connection: sa.Connection, objects: Integers) -> None:
    """Forgets what objects were merged into: they are there again."""
    with listed(connection, "merged_object", objects) as among:
        connection.execute(sa.delete(dia_object_alias).where(among(dia_object_alias.c.diaObjectId)))


def present_objects(connection: sa.Connection, objects: Integers) -> Integers:
    """The objects, shape (n,), that some have been merged into; the others themselves."""
    with listed(connection, "merged_object", np.unique(objects)) as among:
        alias = dia_object_alias.c
        moved = sa.select(alias.diaObjectId, alias.newId).where(among(alias.diaObjectId))
        found = read_arrays(connection, moved, bounded=True)
    order = np.argsort(found["diaObjectId"])
    old, new = found["diaObjectId"][order], found["newId"][order]
    place = np.minimum(np.searchsorted(old, objects), max(len(old) - 1, 0))
    return np.where(old[place] == objects, new[place], objects) if len(old) else objects
