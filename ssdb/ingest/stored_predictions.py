"""Predictions of objects that are predicted for their visits already."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import MOST_SHOWN, InputError, option, shown
from ssdb.ingest.table.again import Again, keys_of
from ssdb.ingest.table.checks import Problems, named_rows
from ssdb.ingest.table.report import ids
from ssdb.schema.survey import ss_prediction
from ssdb.store.transfer.read import read_arrays

KEY = ("visit", "ssObjectId")


def stored_predictions(connection: sa.Connection, keys: pa.Table, given: sa.Table) -> np.ndarray:
    """Which rows are of an object that is predicted for their visit already."""
    columns = [given.c[name] for name in KEY]
    same = [ss_prediction.c[column.name] == column for column in columns]
    found = read_arrays(connection, sa.select(*columns).where(*same).order_by(*columns))
    if not len(found["visit"]):
        return np.zeros(keys.num_rows, bool)
    return np.isin(keys_of([ids(keys, name) for name in KEY]), keys_of([*found.values()]))


def changed_error(name: str, keys: pa.Table, problems: Problems, again: Again) -> InputError:
    """What names the rows that are stored already with other values."""
    rows = np.flatnonzero(again.differ)
    pairs = zip(*(ids(keys, column)[rows[:MOST_SHOWN]].tolist() for column in KEY), strict=True)
    return InputError(
        f"{name}: {len(rows):,} predictions are stored already with other values ((visit, ssObjectId) "
        f"{shown(pairs, n=len(rows))}; {named_rows(problems.usable()[rows])}): {again.example}: replace those of the "
        f"visits with {option('--replace', 'replace=True')}"
    )
