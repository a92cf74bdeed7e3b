"""Until when sources are in partitions that are detached or dropped: DiaObjects count them, and no table has them.

Kept in the table ``metadata`` under :data:`KEY`, for ``ssdb check``: by the first visit of each detached partition, and
once for all that were dropped.
"""

from __future__ import annotations

import sqlalchemy as sa

from ssdb.schema.apdb_solar_system import apdb_metadata
from ssdb.schema.dia import dia_match
from ssdb.schema.survey import visit_detector
from ssdb.store.ddl.partitions import Partition

KEY = "ssdb:goneUntilMjdTai:"
"""How the names begin; sql/checks has it, too."""
_DROPPED = f"{KEY}dropped"


def note_detached(connection: sa.Connection, partition: Partition) -> None:
    """Notes the time of the latest source of a partition, before it is detached, if any is of a DiaObject."""
    _note(connection, _of(partition), _until(connection, partition))


def note_dropped(connection: sa.Connection, partition: Partition, *, detached: bool) -> None:
    """Notes it before a partition is dropped: of one that is detached what was noted then."""
    until = _noted(connection, _of(partition)) if detached else _until(connection, partition)
    before = _noted(connection, _DROPPED)
    _note(connection, _DROPPED, max((one for one in (until, before) if one is not None), default=None))
    if detached:
        forget_detached(connection, partition)


def forget_detached(connection: sa.Connection, partition: Partition) -> None:
    """Removes the note of a partition that is attached again."""
    connection.execute(sa.delete(apdb_metadata).where(apdb_metadata.c.name == _of(partition)))


def _of(partition: Partition) -> str:
    return f"{KEY}{partition.first}"


def _until(connection: sa.Connection, partition: Partition) -> float | None:
    """MJD TAI; None: no source is of a DiaObject."""
    if connection.scalar(sa.select(dia_match.c.visit).where(partition.rows_of(dia_match)).limit(1)) is None:
        return None
    latest = sa.select(sa.func.max(visit_detector.c.lastSourceMjdTai))
    return connection.scalar(latest.where(partition.rows_of(visit_detector)))


def _noted(connection: sa.Connection, name: str) -> float | None:
    value = connection.scalar(sa.select(apdb_metadata.c.value).where(apdb_metadata.c.name == name))
    return None if value is None else float(value)


def _note(connection: sa.Connection, name: str, until: float | None) -> None:
    if until is not None:
        connection.execute(sa.delete(apdb_metadata).where(apdb_metadata.c.name == name))
        connection.execute(sa.insert(apdb_metadata).values(name=name, value=repr(until)))
