"""Changing rows of DiaSource in place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_source
from ssdb.store.query_plans import between_visits
from ssdb.store.sql_files import sql_text
from ssdb.store.transfer.array_parameters import array_rows, send_arrays
from ssdb.units import Integers


def source_update(connection: sa.Connection) -> sa.Update:
    """An UPDATE of DiaSource that does not change its positions, to be told what it does change.

    PostgreSQL reads the expression of the generated column ``zone`` anew for every row if the statement does not set
    what it is made of, which takes longer than to write the row. Set to what it is, ``dec`` changes no index.
    """
    statement = sa.update(dia_source)
    return statement.values(dec=dia_source.c.dec) if connection.dialect.name == "postgresql" else statement


def set_objects(
    connection: sa.Connection,
    visits: Sequence[int],
    sources: Integers,
    objects: Integers,
    *,
    all_change: bool,
) -> None:
    """Sets DiaSource.ssObjectId. Only what changes is written: a row of DiaSource is wide.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    visits : sequence of int
        Ascending; those of the sources are between them.
    sources : ndarray of int64, shape (n,)
        diaSourceId; each once, in any order.
    objects : ndarray of int64, shape (n,)
        ssObjectId; 0: none.
    all_change : bool
        None of the sources has its new object already, so that the database need not compare.
    """
    if not len(sources):
        return
    order = np.argsort(sources)
    rows = {"diaSourceId": sources[order], "ssObjectId": objects[order]}
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        values = {"sources": rows["diaSourceId"], "objects": rows["ssObjectId"], "all_change": all_change}
        values |= {"first": int(visits[0]), "last": int(visits[-1])}
        connection.execute(sa.text(sql_text("set_objects.postgresql.sql")), values)
        return
    with array_rows(connection, "matched_source", rows) as new:
        object_id = sa.func.nullif(new.c.ssObjectId, 0)
        found = (dia_source.c.diaSourceId == new.c.diaSourceId) & between_visits(dia_source, visits)
        changed = dia_source.c.ssObjectId.is_distinct_from(object_id)
        connection.execute(sa.update(dia_source).where(found, changed).values(ssObjectId=object_id))
