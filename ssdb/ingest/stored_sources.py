"""Sources whose identifiers are stored already."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, InputError, option, shown
from ssdb.ingest.table.again import Again, keys_of
from ssdb.ingest.table.checks import Problems, named_rows
from ssdb.ingest.table.parts import Parts
from ssdb.ingest.table.report import ids
from ssdb.ingest.table.usable import usable
from ssdb.schema.apdb_dia import dia_source
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged


def stored_sources(
    connection: sa.Connection,
    parts: Parts,
    problems: Problems,
    extremes: tuple[int, int],
    but_of: sa.Select | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The diaSourceId of the usable rows; and diaSourceId, visit and detector of those that are stored already.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    parts : Parts
        The source.
    problems : Problems
        Which of its rows are not usable.
    extremes : (int, int)
        The smallest and the largest diaSourceId of the usable ones.
    but_of : sqlalchemy.Select, optional
        Selects visits whose stored sources do not count.

    Returns
    -------
    (ndarray of int64, dict of str to ndarray)
        In the order of the file, and by diaSourceId. Both are empty where none is stored.
    """
    nothing: tuple[np.ndarray, dict[str, np.ndarray]] = np.empty(0, np.int64), {}
    if problems.bad.all():
        return nothing
    # Identifiers grow with time, so that a new night mostly overlaps with nothing: one look at the index, and none at
    # the file, of which no identifiers are in memory any more.
    between: sa.ColumnElement[bool] = dia_source.c.diaSourceId.between(*extremes)
    others: sa.ColumnElement[bool] = sa.true() if but_of is None else dia_source.c.visit.not_in(but_of)
    if not connection.execute(sa.select(sa.exists().where(between, others))).scalar_one():
        return nothing
    given = np.concatenate([ids(rows, "diaSourceId") for _, rows in usable(parts, problems, ("diaSourceId",))])
    with staged(connection, dia_source, pa.table({"diaSourceId": given})) as new:
        columns = (dia_source.c.diaSourceId, dia_source.c.visit, dia_source.c.detector)
        again = sa.select(*columns).where(new.c.diaSourceId == dia_source.c.diaSourceId, others).order_by(*columns)
        stored = read_arrays(connection, again)
    return (given, stored) if len(stored["visit"]) else nothing


def refuse_stored(
    connection: sa.Connection,
    parts: Parts,
    problems: Problems,
    extremes: tuple[int, int],
    but_of: sa.Select | None = None,
    again: Again | None = None,
) -> None:
    """Raises InputError if a diaSourceId is in the database already, but for sources of some visits.

    With ``again``, those are no error that are stored as they are.
    """
    given, stored = stored_sources(connection, parts, problems, extremes, but_of)
    if again is not None and stored:
        other = np.isin(stored["diaSourceId"], given[again.differ])
        stored = {name: values[other] for name, values in stored.items()}
    if not stored:
        return
    n, where = len(stored["visit"]), named_rows(problems.usable()[np.isin(given, stored["diaSourceId"])])
    _, first = np.unique(keys_of([stored["visit"], stored["detector"]]), return_index=True)
    places = (f"{stored['visit'][row]}, {stored['detector'][row]}" for row in np.sort(first)[:3])
    example = f": {again.example}" if again is not None and again.example else ""
    raise InputError(
        f"{parts.name}: {n:,} sources are stored already with other values (diaSourceId "
        f"{shown(stored['diaSourceId'][:MOST_SHOWN].tolist(), n=n)}; {where}) under visit, detector "
        f"{shown(places, 3, n=len(first))}{example}: leave them out, or replace them with "
        f"{option('--replace', 'replace=True')}, which concerns the visits and detectors that the file names"
    )
