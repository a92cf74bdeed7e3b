"""Removes visits with everything that belongs to them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sqlalchemy as sa

from ssdb.schema.apdb_dia import dia_forced_source, dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.dia import ss_forced_source
from ssdb.schema.survey import ss_candidate, ss_expected, ss_prediction, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.tables import detectors, forced, predictions, results, sources
from ssdb.store.tables import visits as of_visits
from ssdb.store.tables.dia_changes import lock_objects_of, objects_change
from ssdb.store.tables.visits import lock_visits, require_visits

_TABLES = (
    *(ss_candidate, ss_expected, ss_source, dia_forced_source, ss_forced_source),
    *(ss_prediction, dia_source, visit_detector, visit),
)
"""With rows of visits: results before what they are made of."""


def rows_of_visits(database: Database, visits: Sequence[int]) -> dict[str, int]:
    """How many rows belong to visits, by table. NotFoundError if a visit is not in the database."""
    with database.reading() as connection:
        require_visits(connection, visits)
        of_tables = {
            table.name: sa.select(sa.func.count()).select_from(table).where(table.c.visit.in_(visits))
            for table in _TABLES
        }
        return {name: connection.execute(statement).scalar_one() for name, statement in of_tables.items()}


def delete_visits(database: Database, visits: Sequence[int]) -> dict[str, int]:
    """Removes visits, their detectors, sources, predictions and results, in one transaction; how many rows, by table.

    For some hundreds of visits at most; of a whole old night the partition is dropped. NotFoundError if one is not in
    the database: nothing is removed then.
    """
    with database.writing() as connection:
        require_visits(connection, visits)
        lock_visits(connection, np.unique(np.array(visits, np.int64)))
        lock_objects_of(connection, visits)
        removed: dict[str, int] = {}
        with objects_change(connection, visits, sa.true(), removed=True):
            for module in (results, forced, predictions, sources, detectors):
                removed |= module.delete_visits(connection, visits)
        return removed | of_visits.delete_visits(connection, visits)
