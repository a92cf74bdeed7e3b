"""SsPrediction, and which visits have predictions (Visit.predictionsAt, predictedBy).

Whoever writes predictions has locked the names of objects (shared), then the visits. Everything is done in one order:
what was derived is removed, then the old predictions; the new ones are written, and the visits wait for association.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.equal_rows import ascends
from ssdb.schema.survey import ss_prediction, visit
from ssdb.store.query_plans import Visits
from ssdb.store.tables.moves import doubles, move_objects
from ssdb.store.tables.results import clear_results
from ssdb.store.tables.visits import mark_pending, note_predictions
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import Progress, write_rows, write_tables


def append(
    connection: sa.Connection,
    visits: Visits,
    parts: Iterable[pa.Table],
    n_rows: int,
    *,
    by: str | None = None,
    complete: bool = False,
    progress: Progress | None = None,
) -> None:
    """Adds predictions to those that visits have, which the connection has locked.

    ``visits`` are those that have been predicted, also those without any of the rows. The rows of SsPrediction are as
    :func:`ssdb.store.transfer.write.write_tables` takes them. ``by`` are the versions of ssdb and its data that made
    them (None: somebody else did). ``complete``: every stored visit has been predicted; those that never were before
    have no known object.
    """
    write_tables(connection, ss_prediction, map(_by_key, parts), n_rows, progress)
    mark_pending(connection, visits)
    note_predictions(connection, visits, by, complete=complete)


def replace_visits(
    connection: sa.Connection,
    visits: Visits,
    parts: Iterable[pa.Table],
    n_rows: int,
    *,
    by: str | None = None,
    complete: bool = False,
    progress: Progress | None = None,
) -> None:
    """Replaces all predictions of visits (with ``complete`` of all visits), and removes what was derived from them.

    Parameters as of :func:`append`.
    """
    replaced = sa.select(visit.c.visit) if complete else visits
    clear_results(connection, replaced)
    connection.execute(sa.delete(ss_prediction).where(ss_prediction.c.visit.in_(replaced)))
    append(connection, visits, parts, n_rows, by=by, complete=complete, progress=progress)


def replace_objects(
    connection: sa.Connection,
    visits: Visits,
    objects: sa.ColumnElement[bool],
    parts: Iterable[pa.Table],
    n_rows: int,
    *,
    by: str | None = None,
    mixed: bool = False,
    progress: Progress | None = None,
) -> None:
    """Replaces the predictions of some objects in visits, and removes all that was derived for the visits.

    ``objects`` is the condition on the columns of SsPrediction that says which. With ``mixed`` the other predictions of
    the visits may be somebody else's, and ``by`` is noted only where some were ours. The others are as of
    :func:`append`.
    """
    clear_results(connection, visits)
    _remove_objects(connection, visits, objects)
    write_tables(connection, ss_prediction, map(_by_key, parts), n_rows, progress)
    note_predictions(connection, visits, by, mixed=mixed)


def exchange_objects(
    connection: sa.Connection, visits: Visits, objects: sa.ColumnElement[bool], rows: pa.Table
) -> None:
    """Replaces predictions as :func:`replace_objects`, but what was derived stays until association renews it.

    For visits that are associated next, in the same transaction. When they were predicted is not noted anew.
    """
    _remove_objects(connection, visits, objects)
    write_rows(connection, ss_prediction, _by_key(rows))
    mark_pending(connection, visits)


def _by_key(rows: pa.Table) -> pa.Table:
    """Rows in the order of their key, whose index then grows at its end, and by which association reads them."""
    key = [rows.column(name).to_numpy() for name in ("visit", "ssObjectId")]
    return rows if ascends(*key) else rows.take(pa.array(np.lexsort(key[::-1])))


def _remove_objects(connection: sa.Connection, visits: Visits, objects: sa.ColumnElement[bool]) -> None:
    connection.execute(sa.delete(ss_prediction).where(ss_prediction.c.visit.in_(visits), objects))


def delete_visits(connection: sa.Connection, visits: Visits) -> dict[str, int]:
    """Removes the predictions of visits that are deleted; how many there were."""
    statement = sa.delete(ss_prediction).where(ss_prediction.c.visit.in_(visits))
    return {ss_prediction.name: connection.execute(statement).rowcount}


def predicted_twice(connection: sa.Connection, moves: sa.Table) -> dict[str, np.ndarray]:
    """visit and ssObjectId of the predictions that have to go where an object is predicted under two designations."""
    statement = doubles(ss_prediction.c.ssObjectId, moves.c.ssObjectId, moves, (ss_prediction.c.visit,))
    return read_arrays(connection, statement)


def remove_predictions(connection: sa.Connection, removed: sa.Table) -> dict[str, int]:
    """Removes the predictions whose visit and ssObjectId are in a staged table; how many there were."""
    key = sa.tuple_(ss_prediction.c.visit, ss_prediction.c.ssObjectId)
    statement = sa.delete(ss_prediction).where(key.in_(sa.select(removed.c.visit, removed.c.ssObjectId)))
    return {ss_prediction.name: connection.execute(statement).rowcount}


def move_predictions(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves predictions to the primary designations of their objects; how many were moved."""
    return {ss_prediction.name: move_objects(connection, ss_prediction, moves)}
