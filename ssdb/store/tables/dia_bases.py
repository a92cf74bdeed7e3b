"""DiaObjectBase: DiaObjects as they came from elsewhere, to which sources are added.

All in the transaction of a connection that has locked the cells of the sky in which the objects are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.given_objects import FORCED
from ssdb.schema.apdb_dia import BANDS
from ssdb.schema.dia import dia_object_base
from ssdb.store.query_plans import index_loops
from ssdb.store.transfer.array_parameters import array_rows, listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import write_rows
from ssdb.units import Columns, Integers

_BANDS = tuple(f"{letter}_" for letter in BANDS)
_FORCED = tuple(f"{letter}_{name}" for letter in BANDS for name in FORCED)


def read_bases(connection: sa.Connection, among: Callable[[sa.ColumnElement[Any]], sa.ColumnElement[bool]]) -> Columns:
    """The rows that count for some DiaObjects, of which one that was merged has several; NaN is unknown."""
    wanted = sa.select(dia_object_base).where(among(dia_object_base.c.currentId))
    return read_arrays(connection, wanted, bounded=True)


def replace_bases(connection: sa.Connection, rows: pa.Table) -> Columns:
    """Writes rows in the place of those that are stored under their diaObjectId, and gives them as :func:`read_bases`.

    ``rows`` have columns of DiaObjectBase, but for currentId.
    """
    ids = rows.column("diaObjectId")
    with listed(connection, "given_object", ids.to_numpy()) as among:
        connection.execute(sa.delete(dia_object_base).where(among(dia_object_base.c.diaObjectId)))
        write_rows(connection, dia_object_base, rows.append_column("currentId", ids))
        with index_loops(connection):
            return read_bases(connection, among)


def move_bases(connection: sa.Connection, objects: Integers, into: Integers) -> None:
    """Lets what counted for DiaObjects, shape (n,), count for those that they were merged into."""
    with array_rows(connection, "moved_base", {"oldId": objects, "newId": into}) as moves:
        same = dia_object_base.c.currentId == moves.c.oldId
        connection.execute(sa.update(dia_object_base).where(same).values(currentId=moves.c.newId))


def as_given(rows: Columns, given: Columns) -> Columns:
    """Columns of DiaObject with what came from elsewhere, to the bit, where an object has no further source.

    Where it has, fluxes are as they came if they cannot be computed from sums. Of objects that were merged the sums
    hold alone. ``rows``, shape (n,), have diaObjectId and nDiaSources; ``given`` are those of :func:`read_bases`.
    """
    objects = rows["diaObjectId"]
    _, first, count = np.unique(given["currentId"], return_index=True, return_counts=True)
    alone = first[(count == 1) & np.isin(given["currentId"][first], objects)]
    order = np.argsort(objects)
    to = order[np.searchsorted(objects, given["currentId"][alone], sorter=order)]
    untouched = rows["nDiaSources"][to] == given["nDiaSources"][alone]
    changed: Columns = {}
    for name, values in given.items():
        is_flux = name.startswith(_BANDS)
        if name in ("diaObjectId", "currentId", "validityStartMjdTai"):
            continue
        column = rows[name].copy() if name in rows else np.full(len(objects), np.nan)
        holds = untouched if name not in _FORCED else np.zeros(len(to), bool)
        if is_flux and column.dtype.kind == "f":
            holds = holds | np.isnan(column[to])
        column[to[holds]] = values[alone[holds]]
        changed[name] = column
    return changed
