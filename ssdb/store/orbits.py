"""Writing orbits: a row an object, whatever it was called when it was stored before."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ssdb.schema.solar_system import current_identifications, mpc_orbits, numbered_identifications
from ssdb.store.locks import lock
from ssdb.store.nights import forget_nights
from ssdb.store.staging import staged

_KEY = "packed_primary_provisional_designation"


def lock_orbits(connection: sa.Connection) -> int:
    """Keeps others from writing orbits until the end of the transaction, and says which ``id`` is free next."""
    lock(connection, "orbits")
    return 1 + (connection.execute(sa.select(sa.func.max(mpc_orbits.c.id))).scalar_one() or 0)


def replace_orbits(connection: sa.Connection, rows: pa.Table, *, identified: bool) -> None:
    """Stores orbits; that of an object which has one is replaced whole, so that no old value stays beside new ones.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that holds the lock of :func:`lock_orbits`.
    rows : pyarrow.Table
        Of the types of mpc_orbits, each object once; columns that are not there become NULL. A stored row keeps its
        ``id``.
    identified : bool
        Whether rows of these objects may be stored under their numbers or other designations, because the tables of
        identifications have rows.
    """
    with staged(connection, mpc_orbits, rows) as new:
        if identified:
            _remove_others(connection, new)
        insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        # SQLite cannot tell ON CONFLICT from a join's ON without a WHERE.
        statement = insert(mpc_orbits).from_select(rows.column_names, sa.select(new).where(sa.true()))
        values = {column.name: statement.excluded[column.name] for column in mpc_orbits.c if column.name != "id"}
        changed = sa.or_(*(mpc_orbits.c[name].is_distinct_from(value) for name, value in values.items()))
        stored = statement.on_conflict_do_update(index_elements=[_KEY], set_=values, where=changed)
        if connection.execute(stored.execution_options(preserve_rowcount=True)).rowcount > 0:
            forget_nights(connection)


def _remove_others(connection: sa.Connection, new: sa.Table) -> None:
    """Removes rows under numbers and secondary designations of objects that now come under their primary ones."""
    numbered, current = numbered_identifications.c, current_identifications.c
    numbers = sa.select(numbered.permid).join(new, numbered[_KEY] == new.c[_KEY])
    secondary = current.packed_secondary_provisional_designation
    others = sa.select(secondary).join(new, current[_KEY] == new.c[_KEY]).where(secondary != current[_KEY])
    for column, names in (
        (mpc_orbits.c.unpacked_primary_provisional_designation, numbers),
        (mpc_orbits.c[_KEY], others),
    ):
        connection.execute(sa.delete(mpc_orbits).where(column.in_(names.scalar_subquery())))
