"""Rows of one detector alone, where the detectors of a visit are loaded one by one and perhaps again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import ConfigError, InputError, shown
from ssdb.ingest.table.report import ids
from ssdb.schema.survey import ss_prediction, visit_detector
from ssdb.sky.edges import edge_distances
from ssdb.sky.footprint import bounding_caps, unpack_outlines
from ssdb.store.transfer.read import read_arrays


def refuse_others(name: str, rows: pa.Table, columns: tuple[str, ...], covers: tuple[int, int]) -> None:
    """Raises InputError if rows are of another visit or detector than the one that their source is said to cover.

    Parameters
    ----------
    name : str
        The source's name for messages.
    rows : pyarrow.Table
        With ``columns``.
    columns : tuple of str
        ``visit``, and ``detector`` where the rows have one.
    covers : (int, int)
        Visit and detector.
    """
    for column, covered in zip(columns, covers, strict=False):
        others = np.unique(ids(rows, column))
        others = others[others != covered]
        if len(others):
            raise InputError(f"{name}: there are rows of {column} {shown(others)}, and only {covered} is to be loaded")


def predictions_on_detector(connection: sa.Connection, covers: tuple[int, int]) -> np.ndarray:
    """The objects that are predicted to be on a detector, as stored.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    covers : (int, int)
        Visit and detector.

    Returns
    -------
    ndarray of int64
        Their ssObjectId.

    Raises
    ------
    ConfigError
        If the detector has no footprint.
    """
    visit, detector = covers
    this = (visit_detector.c.visit == visit) & (visit_detector.c.detector == detector)
    footprint = connection.execute(sa.select(visit_detector.c.footprint).where(this)).scalar_one_or_none()
    if footprint is None:
        raise ConfigError(f"visit {visit}, detector {detector} has no footprint: ingest its outline first")
    columns = (ss_prediction.c.ssObjectId, ss_prediction.c.ephRa, ss_prediction.c.ephDec)
    stored = read_arrays(connection, sa.select(*columns).where(ss_prediction.c.visit == visit))
    outline, ra, dec = unpack_outlines([footprint]), stored["ephRa"], stored["ephDec"]
    distances = edge_distances(outline, bounding_caps(outline), np.zeros(len(ra), np.intp), ra, dec)
    return stored["ssObjectId"][distances >= 0]
