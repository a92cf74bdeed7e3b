"""Which identifiers become which: the moves of objects to their primary designations, and SsAlias after them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import sqlalchemy as sa

from ssdb.identity.aliases import PROVISIONAL, SECONDARY
from ssdb.identity.designation import packed_from_id
from ssdb.schema.columns import long, string
from ssdb.schema.survey import ss_alias

object_moves = sa.Table(
    "object_moves",
    sa.MetaData(),
    long("ssObjectId", "", "meta.id;src", "Identifier that rows have now"),
    long("newId", "", "meta.id;src", "That of the primary designation; for the primary itself the same"),
    string("newDesignation", 16, "meta.id;src", "Primary designation, unpacked"),
    string("packed", 16, "meta.id;src", "Designation that rows have now, packed"),
    string("newPacked", 16, "meta.id;src", "Primary designation, packed"),
)
"""To be staged; nothing is stored in it."""


def move_rows(moved: Mapping[int, tuple[int, str]]) -> pa.Table:
    """Rows of :data:`object_moves`; the primary designations are among them, as moved to themselves.

    Parameters
    ----------
    moved : mapping
        As :func:`ssdb.identity.primary.primary_ids` returns it.
    """
    whole = dict(moved) | {new: (new, designation) for new, designation in moved.values()}
    news, designations = zip(*whole.values(), strict=True)
    return pa.table(
        {
            "ssObjectId": pa.array(whole.keys(), pa.int64()),
            "newId": pa.array(news, pa.int64()),
            "newDesignation": pa.array(designations, pa.string()),
            "packed": pa.array(map(packed_from_id, whole), pa.string()),
            "newPacked": pa.array(map(packed_from_id, news), pa.string()),
        }
    )


def move_aliases(connection: sa.Connection, moves: sa.Table) -> None:
    """Makes the names of objects those of their primary designations."""
    kind = sa.case((ss_alias.c.kind == PROVISIONAL, SECONDARY), else_=ss_alias.c.kind)
    other = (ss_alias.c.ssObjectId == moves.c.ssObjectId) & (moves.c.ssObjectId != moves.c.newId)
    connection.execute(sa.update(ss_alias).where(other).values(ssObjectId=moves.c.newId, kind=kind))
