"""The result for one detector, made from its matches, as :func:`ssdb.load_result` reads it from a database."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ask.association_result import AssociationResult
from ssdb.association.match import Matches
from ssdb.association.results import count
from ssdb.association.visit_batch import VisitBatch
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import ss_source
from ssdb.schema.arrow import arrow_schema, arrow_types, ids, with_column
from ssdb.schema.survey import ss_prediction


def result_of(
    sources: pa.Table, predictions: pa.Table, matched: pa.Table, batch: VisitBatch, matches: Matches
) -> AssociationResult:
    """The result for the only detector of the only visit of a batch; the detector has a footprint.

    ``sources``, ``predictions`` and ``matched`` are rows of DiaSource without ssObjectId, of SsPrediction and of
    SSSource.
    """
    expected = matches.expected
    _, of_detector = count(batch, expected)
    # One in the padding round the detector is expected only if it is seen.
    unseen = expected["placed"] & ~expected["seen"] & ~(expected["edgeDistance"] < 0)
    is_unseen = np.isin(ids(predictions, "ssObjectId"), expected["ssObjectId"][unseen])
    return AssociationResult(
        int(of_detector["nTotalSsObjects"][0]),
        int(of_detector["nAssociatedSsObjects"][0]),
        all_columns(_with_objects(sources, matched), dia_source, "diaSourceId"),
        all_columns(matched, ss_source, "diaSourceId"),
        all_columns(predictions.filter(pa.array(is_unseen)), ss_prediction, "ssObjectId"),
    )


def _with_objects(sources: pa.Table, matched: pa.Table) -> pa.Table:
    """Sources with the ssObjectId of their matches."""
    source_ids, matched_ids = ids(sources, "diaSourceId"), ids(matched, "diaSourceId")
    order = np.argsort(source_ids)
    row = order[np.searchsorted(source_ids, matched_ids, sorter=order)]
    objects, unknown = np.zeros(len(source_ids), np.int64), np.ones(len(source_ids), bool)
    objects[row], unknown[row] = ids(matched, "ssObjectId"), False
    return with_column(sources, "ssObjectId", pa.array(objects, mask=unknown), pa.int64())


def all_columns(rows: pa.Table, table: sa.Table, key: str) -> pa.Table:
    """Rows by their key, with all columns of their table."""
    values = ids(rows, key)
    if (values[1:] < values[:-1]).any():
        rows = rows.take(pa.array(np.argsort(values)))
    known = dict(zip(rows.schema.names, rows.columns, strict=True))
    types, columns = _types(table)
    nulls = [pa.nulls(rows.num_rows, type_) for type_ in types]
    return pa.Table.from_arrays(
        [known[name] if name in known else nulls[type_] for name, type_ in columns.items()], schema=arrow_schema(table)
    )


@cache
def _types(table: sa.Table) -> tuple[list[pa.DataType], dict[str, int]]:
    """The types that a table has, each once, and which of them each of its columns has: Arrow compares them slowly."""
    types = list(dict.fromkeys(arrow_types(table).values()))
    return types, {name: types.index(type_) for name, type_ in arrow_types(table).items()}
