"""The state of visits, and the locks on them.

The Visit row is the lock of everything that belongs to the visit. Whoever writes sources, predictions or footprints
locks the visits in ascending order first; a worker claims pending visits and skips those that another one has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import NotFoundError, shown
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.survey import PENDING, ss_candidate, ss_expected, visit, visit_detector
from ssdb.store.ddl.partitions import make_partitions
from ssdb.store.locks import lock, waiting
from ssdb.store.tables.sources import source_update
from ssdb.store.transfer.staging import staged

_FEW_VISITS = 100
"""So many are named in a statement; of more a temporary table is made, which takes a millisecond."""

_RESULT_TABLES = (ss_source, ss_candidate, ss_expected)
_NO_RESULT = {
    "status": PENDING,
    "runId": None,
    "associatedAt": None,
    "nSources": None,
    "nTotalSsObjects": None,
    "nAssociatedSsObjects": None,
}


def lock_creation(connection: sa.Connection) -> None:
    """Keeps others from creating visits until the end of the transaction; to be taken before any visit is locked.

    A visit that another transaction is creating can be neither seen nor locked, and creating it too would fail.
    """
    lock(connection, "visits")


def lock_source_ids(connection: sa.Connection) -> None:
    """Keeps others from committing sources until the end of the transaction; to be taken when all are written.

    Two transactions that write the same diaSourceId for different visits do not see each other; the second to come
    here sees what the first has committed.
    """
    lock(connection, "sources")


def lock_visits(connection: sa.Connection, visits: np.ndarray) -> dict[str, np.ndarray]:
    """Locks visits, in ascending order, until the end of the transaction, and makes the partitions that they need.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    visits : ndarray of int64, shape (n,)
        Which ones; each once. Those that do not exist (yet) get partitions, too.

    Returns
    -------
    dict of str to ndarray
        ``visit`` and ``midpointMjdTai`` (MJD TAI) of those that exist, ascending.
    """
    # SQLite has no row locks and needs none: its writing transaction is alone.
    columns = sa.select(visit.c.visit, visit.c.midpointMjdTai).order_by(visit.c.visit).with_for_update()
    with waiting(connection, "visits"):
        if len(visits) <= _FEW_VISITS:
            locked = connection.execute(columns.where(visit.c.visit.in_(visits.tolist()))).all()
        else:
            with staged(connection, visit, pa.table({"visit": pa.array(visits, pa.int64())})) as touched:
                locked = connection.execute(columns.where(visit.c.visit.in_(sa.select(touched.c.visit)))).all()
    make_partitions(connection, visits)
    return {
        "visit": np.array([row.visit for row in locked], np.int64),
        "midpointMjdTai": np.array([row.midpointMjdTai for row in locked], np.float64),
    }


def among(number: sa.ColumnElement[Any], numbers: Iterable[int]) -> sa.ColumnElement[bool]:
    """Whether a number is one of any number of them: they are text of the statement, since drivers bind only 32,000."""
    listed = sa.bindparam(
        None, [int(one) for one in numbers], sa.BigInteger(), unique=True, expanding=True, literal_execute=True
    )
    return number.in_(listed)


def in_nights(nights: Iterable[int]) -> sa.ColumnElement[bool]:
    """Whether the middle of a visit of Visit is in one of any number of nights (integer parts of MJD TAI)."""
    return among(sa.func.floor(visit.c.midpointMjdTai), nights)


def pending_visits(connection: sa.Connection) -> list[int]:
    """The visits that wait for association and whose predictions have been loaded, ascending; nothing is locked."""
    ready = (visit.c.status == PENDING) & visit.c.predictionsAt.is_not(None)
    return list(connection.scalars(sa.select(visit.c.visit).where(ready).order_by(visit.c.visit)))


def ready_visits(connection: sa.Connection) -> list[int]:
    """The visits whose predictions have been loaded, ascending; nothing is locked."""
    ready = visit.c.predictionsAt.is_not(None)
    return list(connection.scalars(sa.select(visit.c.visit).where(ready).order_by(visit.c.visit)))


def have_predictions(connection: sa.Connection, visits: Sequence[int]) -> dict[int, bool]:
    """Which of any number of visits exist, and whether their predictions have been loaded."""
    loaded = sa.select(visit.c.visit, visit.c.predictionsAt.is_not(None)).where(among(visit.c.visit, visits))
    return {visit_id: bool(known) for visit_id, known in connection.execute(loaded)}


def count_without_predictions(connection: sa.Connection) -> int:
    """How many pending visits wait for their predictions to be loaded."""
    waiting = (visit.c.status == PENDING) & visit.c.predictionsAt.is_(None)
    return connection.execute(sa.select(sa.func.count()).select_from(visit).where(waiting)).scalar_one()


def claim_visits(connection: sa.Connection, visits: Sequence[int], *, only_pending: bool) -> list[int]:
    """Locks those of some visits that are to be associated.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing.
    visits : sequence of int
        The candidates.
    only_pending : bool
        Leave out visits that are done by now, and those that another transaction has locked; otherwise wait for them.

    Returns
    -------
    list of int
        The visits that are now locked, ascending.
    """
    statement = sa.select(visit.c.visit).where(visit.c.visit.in_(visits), visit.c.predictionsAt.is_not(None))
    if only_pending:
        statement = statement.where(visit.c.status == PENDING)
    statement = statement.order_by(visit.c.visit).with_for_update(skip_locked=only_pending)
    with waiting(connection, "visits"):
        return list(connection.scalars(statement))


def mark_pending(connection: sa.Connection, visits: sa.Select, detectors: sa.Select | None = None) -> None:
    """Sets visits, and all or some of their detectors, back to pending. What was derived stays until it is renewed.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        A connection for writing that has locked the visits.
    visits : sqlalchemy.Select
        Selects the visits.
    detectors : sqlalchemy.Select, optional
        Selects (visit, detector) pairs; without it all detectors of the visits are meant.
    """
    state = {"status": PENDING}
    done = visit.c.status != PENDING
    connection.execute(sa.update(visit).where(done, visit.c.visit.in_(visits)).values(state))
    key = sa.tuple_(visit_detector.c.visit, visit_detector.c.detector)
    concerned = visit_detector.c.visit.in_(visits) if detectors is None else key.in_(detectors)
    done = visit_detector.c.status != PENDING
    connection.execute(sa.update(visit_detector).where(done, concerned).values(state))


def clear_results(connection: sa.Connection, visits: sa.Select | Sequence[int]) -> None:
    """Removes everything that association derived for visits, and sets them and their detectors back to pending."""
    for table in _RESULT_TABLES:
        connection.execute(sa.delete(table).where(table.c.visit.in_(visits)))
    matched = dia_source.c.visit.in_(visits) & dia_source.c.ssObjectId.is_not(None)
    connection.execute(source_update(connection).where(matched).values(ssObjectId=None))
    for table in (visit, visit_detector):
        connection.execute(sa.update(table).where(table.c.visit.in_(visits)).values(_NO_RESULT))


def require_visits(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Raises NotFoundError if visits are not in the database."""
    known = set(connection.scalars(sa.select(visit.c.visit).where(among(visit.c.visit, visits))))
    if missing := sorted(set(visits) - known):
        raise NotFoundError(f"visit {shown(missing)} is not in the database")
