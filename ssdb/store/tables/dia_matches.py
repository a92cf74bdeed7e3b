"""DiaMatch: which source was given to which DiaObject, and how sure that is. The visits are locked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from ssdb.schema.dia import dia_match
from ssdb.store.query_plans import between_visits, ends_of
from ssdb.store.tables.dia_objects import rows_of_columns
from ssdb.store.transfer.array_parameters import array_rows, listed, send_arrays
from ssdb.store.transfer.write import write_rows
from ssdb.units import Columns, Integers


def replace_matches(connection: sa.Connection, visit: int, matches: Columns, run_id: str) -> None:
    """Replaces the rows of a visit: diaSourceId, diaObjectId, separation, chi2, logOdds (NaN: NULL), isNew."""
    connection.execute(sa.delete(dia_match).where(dia_match.c.visit == visit))
    add_matches(connection, matches | {"visit": np.full(len(matches["diaSourceId"]), visit)}, run_id)


def add_matches(connection: sa.Connection, matches: Columns, run_id: str) -> None:
    """Adds rows: also visit."""
    run = np.full(len(matches["diaSourceId"]), run_id.encode())
    write_rows(connection, dia_match, rows_of_columns(dia_match, matches | {"runId": run}))


def remove_matches(connection: sa.Connection, visits: Sequence[int] | Integers, sources: Integers) -> None:
    """Removes the rows of sources; ``visits`` have those of the sources between them."""
    with listed(connection, "unmatched_source", sources) as among:
        concerned = (among(dia_match.c.diaSourceId), between_visits(connection, dia_match, visits))
        connection.execute(sa.delete(dia_match).where(*concerned))


def move_matches(connection: sa.Connection, visits: Sequence[int], sources: Integers, objects: Integers) -> None:
    """Gives the rows of sources, each once, other objects; ``visits`` as for :func:`remove_matches`."""
    order = np.argsort(sources)
    if connection.dialect.name == "postgresql":
        send_arrays(connection)
        first, last = ends_of(visits)
        values = {"sources": sources[order], "objects": objects[order], "first": first, "last": last}
        place = 'width_bucket("diaSourceId", :sources)'
        where = '"diaSourceId" = ANY (:sources) AND visit BETWEEN :first AND :last'
        new_object = f"nullif((:objects)[{place}], 0)"
        connection.execute(sa.text(f'UPDATE "DiaMatch" SET "diaObjectId" = {new_object} WHERE {where}'), values)
        return
    rows = {"diaSourceId": sources[order], "diaObjectId": objects[order]}
    with array_rows(connection, "moved_match", rows) as new:
        same = (dia_match.c.diaSourceId == new.c.diaSourceId) & between_visits(connection, dia_match, visits)
        connection.execute(sa.update(dia_match).where(same).values(diaObjectId=new.c.diaObjectId))
