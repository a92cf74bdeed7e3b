"""What the modules of several tables share for moving rows to an object's primary designation (relink)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ssdb.schema.columns import long, string

object_moves = sa.Table(
    "object_moves",
    sa.MetaData(),
    long("ssObjectId", "", "meta.id;src", "Identifier that rows have now"),
    long("newId", "", "meta.id;src", "That of the primary designation; for the primary itself the same"),
    string("newDesignation", 16, "meta.id;src", "Primary designation, unpacked"),
    string("packed", 16, "meta.id;src", "Designation that rows have now, packed"),
    string("newPacked", 16, "meta.id;src", "Primary designation, packed"),
)
"""To be staged (its rows: :func:`ssdb.identity.primary.rows_of_moves`); nothing is stored in it."""


def move_objects(connection: sa.Connection, table: sa.Table, moves: sa.Table) -> int:
    """Gives the rows of objects the identifier and, where the table has one, the designation of the primary.

    Only for the module that writes the table. Returns how many rows were moved.
    """
    moved = as_rows(connection, moves)
    values = {"ssObjectId": moved.c.newId}
    if "designation" in table.c:
        values["designation"] = moved.c.newDesignation
    other = (table.c.ssObjectId == moved.c.ssObjectId) & (moved.c.ssObjectId != moved.c.newId)
    return connection.execute(sa.update(table).where(other).values(values)).rowcount


def as_rows(connection: sa.Connection, staged: sa.Table) -> sa.FromClause:
    """A temporary table as rows of a statement, so that an UPDATE of a distributed table does not join it itself.

    SQLite's driver does not count the rows that such a statement changes.
    """
    return sa.select(staged).cte("staged_rows") if connection.dialect.name == "postgresql" else staged


def doubles(
    key: sa.Column, own: sa.Column, moves: sa.Table, within: Sequence[sa.Column], better: Sequence[Any] | None = None
) -> sa.Select:
    """Selects ``within`` and the key of the rows of an object that has another row, which stays.

    That is the first by ``better`` or, without it, the primary's, if there. ``own`` is the column of ``moves`` that the
    key is compared with.
    """
    is_other = sa.case((moves.c.ssObjectId == moves.c.newId, 0), else_=1)
    order = [*([is_other] if better is None else better), moves.c.ssObjectId]
    rank = sa.func.row_number().over(partition_by=[*within, moves.c.newId], order_by=order)
    ranked = sa.select(*within, key, rank.label("rank")).where(key == own).subquery()
    return sa.select(*(ranked.c[column.name] for column in (*within, key))).where(ranked.c.rank > 1)


def remove_doubles(
    connection: sa.Connection,
    key: sa.Column,
    own: sa.Column,
    moves: sa.Table,
    within: Sequence[sa.Column] = (),
    better: Sequence[Any] | None = None,
) -> int:
    """Removes the rows that :func:`doubles` selects, and says how many. Only for the module that writes the table."""
    row = sa.tuple_(*within, key) if within else key
    statement = sa.delete(key.table).where(row.in_(doubles(key, own, moves, within, better)))
    return connection.execute(statement).rowcount
