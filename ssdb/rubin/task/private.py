"""Private databases in memory, each of one detector at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Lock
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.detectors import refuse_implausible, rows_of_exposures, visits_of_exposures
from ssdb.ingest.predictions import usable_predictions
from ssdb.ingest.sources import usable_sources
from ssdb.ingest.table.covered import refuse_others
from ssdb.ingest.table.report import fill_midpoints, with_column
from ssdb.io.image.detector_image import Exposure
from ssdb.io.tables import label
from ssdb.schema import metadata
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.survey import ss_prediction, visit, visit_detector
from ssdb.store.database import Database, driver_connection
from ssdb.store.ddl.migrate import connect
from ssdb.store.tables.totals import totals_of
from ssdb.store.transfer.write import write_rows


class Loaded(NamedTuple):
    """Rows of DiaSource and SsPrediction that were loaded, how many were left out because they are not usable, and
    what looks wrong and may be right.
    """

    sources: pa.Table
    predictions: pa.Table
    invalid_sources: int
    invalid_predictions: int
    doubts: tuple[str, ...]


def load(
    database: Database, exposure: Exposure, sources: pa.Table, predictions: pa.Table, *, skip_invalid: bool
) -> Loaded:
    """Loads one detector into an empty database; the rows are checked as the ingests check them.

    Parameters
    ----------
    database : Database
    exposure : Exposure
        With its time.
    sources, predictions : pyarrow.Table
        As the ingests take them.
    skip_invalid : bool
        Leave out rows that are not usable.

    Raises
    ------
    InputError, DesignationError
        If a table is not usable, or has rows of another visit or detector.
    """
    refuse_implausible([exposure])
    covers = (exposure.visit, exposure.detector)
    time = {"visit": np.array([exposure.visit]), "midpointMjdTai": np.array([exposure.midpoint_mjd_tai])}

    name = label(sources)
    source_rows, numbers, source_doubts = usable_sources(name, sources, skip_invalid=skip_invalid)
    refuse_others(name, source_rows, ("visit", "detector"), covers)
    source_rows = fill_midpoints(source_rows, name, time, numbers)

    name = label(predictions)
    prediction_rows, numbers, doubts = usable_predictions(database, name, predictions, skip_invalid=skip_invalid)
    refuse_others(name, prediction_rows, ("visit",), covers)
    prediction_rows = fill_midpoints(prediction_rows, name, time, numbers)

    asked = pa.array([datetime.now(UTC).replace(tzinfo=None)], pa.timestamp("us"))
    visits = with_column(visits_of_exposures([exposure]), "predictionsAt", asked, asked.type)
    with database.writing() as connection:
        # There is nothing with which the rows would have to be merged, as the ingests merge them.
        write_rows(connection, visit, visits)
        write_rows(connection, visit_detector, _detector(exposure, source_rows))
        write_rows(connection, dia_source, source_rows)
        write_rows(connection, ss_prediction, prediction_rows)
    return Loaded(
        source_rows,
        prediction_rows,
        sources.num_rows - source_rows.num_rows,
        predictions.num_rows - prediction_rows.num_rows,
        (*(f"{label(sources)}: {doubt}" for doubt in source_doubts), *(f"{name}: {doubt}" for doubt in doubts)),
    )


def _detector(exposure: Exposure, sources: pa.Table) -> pa.Table:
    """The row of VisitDetector of an exposure that has these sources."""
    row = rows_of_exposures([exposure], keep_wcs=False)
    if sources.num_rows:
        totals = totals_of(sources).drop_columns(["visit", "detector"])
        for field, column in zip(totals.schema, totals.columns, strict=True):
            row = row.append_column(field, column)
    return row


class PrivateDatabase(Database):
    """A database in memory to which nobody else's statements come.

    What reads needs no guard against writing, which SQLite would pay with preparing all statements anew each time.
    What is done within a transaction is part of it: a failure costs all of it, as there is nothing else to keep.
    """

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._open: sa.Connection | None = None
        quote = engine.dialect.identifier_preparer.quote
        self._deletions = [f"DELETE FROM {quote(table.name)}" for table in reversed(metadata.sorted_tables)]

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        if self._open is not None:
            with self._translated():
                yield self._open
            return
        with super().writing() as connection:
            self._open = connection
            try:
                yield connection
            finally:
                self._open = None

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self.writing() as connection:
            yield connection

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """Within, one transaction; whatever happens, nothing of it stays."""
        with self.writing() as connection:
            yield
            for deletion in self._deletions:
                driver_connection(connection).execute(deletion)


class PrivateDatabases:
    """Databases that are empty, to be used by one thread each.

    They are kept, since to make one takes longer than to associate a detector in it.
    """

    def __init__(self) -> None:
        self._idle: list[PrivateDatabase] = []
        self._lock = Lock()

    @contextmanager
    def one(self) -> Iterator[PrivateDatabase]:
        """An empty database, within a transaction. It is emptied at the end, whatever happens."""
        with self._lock:
            database = self._idle.pop() if self._idle else None
        if database is None:
            database = PrivateDatabase(connect().engine)
        try:
            with database.emptied():
                yield database
        finally:
            with self._lock:
                self._idle.append(database)
