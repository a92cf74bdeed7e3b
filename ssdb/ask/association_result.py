"""The result of an association in memory, with the parts that Rubin's single-frame association task returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from ssdb.errors import NotFoundError
from ssdb.io.writers import to_astropy
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import DONE, outside_padding, ss_expected, ss_prediction, visit, visit_detector
from ssdb.store.database import Database
from ssdb.store.transfer.read import read_table

if TYPE_CHECKING:
    from astropy.table import Table


@dataclass(frozen=True, eq=False)
class AssociationResult:
    """What is known of one visit, or of one detector of it.

    The tables are astropy Tables with units, each made when it is first looked at. Empty ones have the same columns
    and types as full ones.
    """

    nTotalSsObjects: int
    """Known objects expected."""
    nAssociatedSsObjects: int
    """Those of them that got a source."""
    _sources: pa.Table = field(repr=False)
    _matches: pa.Table = field(repr=False)
    _unseen: pa.Table = field(repr=False)

    @cached_property
    def ssoAssocDiaSources(self) -> Table:
        """Sources that are known objects, columns of DiaSource."""
        return to_astropy(self._sources.filter(self._is_object))

    @cached_property
    def unAssocDiaSources(self) -> Table:
        """The other sources; their ssObjectId is 0."""
        return to_astropy(_zero_for_null(self._sources.filter(pc.invert(self._is_object))))

    @cached_property
    def ssSourceData(self) -> Table:
        """A row for each source of ssoAssocDiaSources, in the same order, columns of SSSource."""
        return to_astropy(self._matches)

    @cached_property
    def unassociatedSsObjects(self) -> Table:
        """The predictions of objects that were expected and not seen, columns of SsPrediction."""
        return to_astropy(self._unseen)

    @property
    def _is_object(self) -> pa.ChunkedArray:
        return self._sources.column("ssObjectId").is_valid()


def load_result(database: Database, visit: int, detector: int | None = None) -> AssociationResult:
    """The stored result of a visit, or of one detector of it.

    NotFoundError if the visit or the detector is not in the database, or has not been associated.
    """
    with database.reading() as connection:
        n_total, n_associated = _counts(connection, visit, detector)
        sources, matches, unseen = (
            read_table(connection, statement, schema) for statement, schema in _statements(visit, detector)
        )
    return AssociationResult(n_total, n_associated, sources, matches, unseen)


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


def _statements(visit_id: int, detector: int | None) -> list[tuple[sa.Select, pa.Schema]]:
    """What selects sources, matches and objects not seen, and the columns of each."""
    of_sources = dia_source.c.visit == visit_id
    of_matches = ss_source.c.visit == visit_id
    of_objects = (ss_expected.c.visit == visit_id) & ss_expected.c.diaSourceId.is_(None)
    of_objects &= outside_padding()
    if detector is not None:
        of_sources &= dia_source.c.detector == detector
        of_matches &= ss_source.c.detector == detector
        of_objects &= ss_expected.c.detector == detector
    predicted = (ss_expected.c.visit == ss_prediction.c.visit) & (
        ss_expected.c.ssObjectId == ss_prediction.c.ssObjectId
    )
    conditions = (
        (dia_source, of_sources),
        (ss_source, of_matches),
        (ss_prediction, sa.exists().where(predicted, of_objects)),
    )
    statements = []
    for table, condition in conditions:
        schema = arrow_schema(table)
        columns = [table.c[name] for name in schema.names]
        statements.append((sa.select(*columns).where(condition).order_by(*table.primary_key.columns), schema))
    return statements


def _zero_for_null(sources: pa.Table) -> pa.Table:
    # The task's convention for "no object"; the database has NULL.
    index = sources.schema.get_field_index("ssObjectId")
    zeros = pa.array(np.zeros(sources.num_rows, np.int64))
    return sources.set_column(index, sources.schema.field(index), zeros)
