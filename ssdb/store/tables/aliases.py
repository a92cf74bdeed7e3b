"""SsAlias: names of objects, and the lock on names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ssdb.schema.survey import ss_alias
from ssdb.store.locks import lock
from ssdb.store.transfer.staging import staged

NUMBER, NAME, PACKED, PROVISIONAL, SECONDARY = "number", "name", "packed", "provisional", "secondary"
"""Kinds of names: 433; Eros; 00433 or I98P00A; the primary designation; a designation given to the object besides."""


def lock_names(connection: sa.Connection, *, shared: bool = False) -> None:
    """Keeps the names of objects as they are until the end of the transaction; to be taken before any other lock.

    ``shared``: to store rows under the names that hold now. Any number may do so at once, while nobody moves rows from
    one name to another.
    """
    lock(connection, "names", shared=shared)


def alias_table(aliases: Mapping[str, tuple[int, str]]) -> pa.Table:
    """Rows of SsAlias of names, given as alias to (ssObjectId, kind)."""
    ids, kinds = zip(*aliases.values(), strict=True) if aliases else ((), ())
    return pa.table(
        {
            "alias": pa.array(aliases.keys(), pa.string()),
            "ssObjectId": pa.array(ids, pa.int64()),
            "kind": pa.array(kinds, pa.string()),
        }
    )


def write_aliases(connection: sa.Connection, aliases: pa.Table, *, overwrite: bool) -> None:
    """Stores names: rows of SsAlias, each alias once.

    With ``overwrite`` a name that is stored already becomes that of the new object; otherwise it stays as it is.
    """
    if not aliases.num_rows:
        return
    insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    with staged(connection, ss_alias, aliases) as new:
        same = ss_alias.c.alias == new.c.alias
        stored = same & (ss_alias.c.ssObjectId == new.c.ssObjectId) & (ss_alias.c.kind == new.c.kind)
        # In one order, so that two transactions that store the same names never wait for each other in a circle.
        wanted = sa.select(new).where(~sa.exists().where(stored if overwrite else same)).order_by(new.c.alias)
        statement = insert(ss_alias).from_select(aliases.column_names, wanted)
        if overwrite:
            changed = {name: statement.excluded[name] for name in ("ssObjectId", "kind")}
            statement = statement.on_conflict_do_update(index_elements=["alias"], set_=changed)
        else:
            statement = statement.on_conflict_do_nothing(index_elements=["alias"])
        connection.execute(statement)


def move_aliases(connection: sa.Connection, moves: sa.Table) -> None:
    """Makes the names of objects those of their primary designations (:data:`ssdb.store.tables.moves.object_moves`)."""
    kind = sa.case((ss_alias.c.kind == PROVISIONAL, SECONDARY), else_=ss_alias.c.kind)
    other = (ss_alias.c.ssObjectId == moves.c.ssObjectId) & (moves.c.ssObjectId != moves.c.newId)
    connection.execute(sa.update(ss_alias).where(other).values(ssObjectId=moves.c.newId, kind=kind))
