"""The result of an association in memory, with the parts that Rubin's single-frame association task returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import NotFoundError
from ssdb.files import to_astropy
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.dia import dia_source
from ssdb.schema.solar_system import ss_source
from ssdb.schema.survey import DONE, ss_expected, ss_prediction, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.read import read_table

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True, slots=True)
class AssociationResult:
    """What is known of one exposure, or of one detector of it.

    The tables are astropy Tables with units. Empty ones have the same columns and types as full ones.

    Attributes
    ----------
    ssoAssocDiaSources : Table
        Sources that are known objects, columns of DiaSource.
    unAssocDiaSources : Table
        The other sources; their ssObjectId is 0.
    nTotalSsObjects, nAssociatedSsObjects : int
        Known objects expected, and those that got a source.
    ssSourceData : Table
        A row for each source of ssoAssocDiaSources, in the same order, columns of SSSource.
    unassociatedSsObjects : Table
        The predictions of objects that were expected and not seen, columns of SsPrediction.
    """

    ssoAssocDiaSources: Table
    unAssocDiaSources: Table
    nTotalSsObjects: int
    nAssociatedSsObjects: int
    ssSourceData: Table
    unassociatedSsObjects: Table


def load_result(database: Database, visit: int, detector: int | None = None) -> AssociationResult:
    """The stored result of an exposure, or of one detector of it.

    Parameters
    ----------
    database : Database
    visit : int
    detector : int, optional

    Returns
    -------
    AssociationResult

    Raises
    ------
    NotFoundError
        If the visit or the detector is not in the database, or has not been associated.
    """
    with database.reading() as connection:
        n_total, n_associated = _counts(connection, visit, detector)
        of_sources = dia_source.c.visit == visit
        of_matches = ss_source.c.visit == visit
        of_objects = (ss_expected.c.visit == visit) & ss_expected.c.diaSourceId.is_(None)
        of_objects &= ss_expected.c.edgeDistance.is_(None) | (ss_expected.c.edgeDistance >= 0)
        if detector is not None:
            of_sources &= dia_source.c.detector == detector
            of_matches &= ss_source.c.detector == detector
            of_objects &= ss_expected.c.detector == detector
        predicted = (ss_expected.c.visit == ss_prediction.c.visit) & (
            ss_expected.c.ssObjectId == ss_prediction.c.ssObjectId
        )
        sources = _read(connection, dia_source, of_sources)
        matches = _read(connection, ss_source, of_matches)
        unseen = _read(connection, ss_prediction, sa.exists().where(predicted, of_objects))
    associated = sources.column("ssObjectId").is_valid()
    return AssociationResult(
        ssoAssocDiaSources=to_astropy(sources.filter(associated)),
        unAssocDiaSources=to_astropy(_zero_for_null(sources.filter(pa.compute.invert(associated)))),
        nTotalSsObjects=n_total,
        nAssociatedSsObjects=n_associated,
        ssSourceData=to_astropy(matches),
        unassociatedSsObjects=to_astropy(unseen),
    )


def _counts(connection: sa.Connection, visit_id: int, detector: int | None) -> tuple[int, int]:
    table: sa.Table = visit if detector is None else visit_detector
    columns = (table.c.status, table.c.nTotalSsObjects, table.c.nAssociatedSsObjects)
    wanted = sa.select(*columns).where(table.c.visit == visit_id)
    if detector is not None:
        wanted = wanted.where(visit_detector.c.detector == detector)
    row: Any = connection.execute(wanted).one_or_none()
    name = f"visit {visit_id}" if detector is None else f"visit {visit_id}, detector {detector}"
    if row is None:
        raise NotFoundError(f"{name} is not in the database")
    if row.status != DONE:
        raise NotFoundError(f"{name} has not been associated, or not since something was added: run `ssdb associate`")
    if row.nTotalSsObjects is None:
        raise NotFoundError(
            f"{name} has no footprint, so that no objects can be counted for it: ask for the whole visit"
        )
    return row.nTotalSsObjects, row.nAssociatedSsObjects


def _read(connection: sa.Connection, table: sa.Table, condition: Any) -> pa.Table:
    schema = arrow_schema(table)
    statement = sa.select(*(table.c[name] for name in schema.names)).where(condition)
    return read_table(connection, statement.order_by(*table.primary_key.columns), schema)


def _zero_for_null(sources: pa.Table) -> pa.Table:
    # The task's convention for "no object"; the database has NULL.
    index = sources.schema.get_field_index("ssObjectId")
    zeros = pa.array(np.zeros(sources.num_rows, np.int64))
    return sources.set_column(index, sources.schema.field(index), zeros)
