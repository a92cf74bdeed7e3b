"""Stores the inputs of the task for one detector in a database, and associates them there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.io.image.detector_image import Exposure
from ssdb.store.ddl.migrate import connect

if TYPE_CHECKING:
    import pyarrow as pa


def record(
    url: str,
    exposure: Exposure,
    sources: pa.Table,
    predictions: pa.Table,
    config: AssociationConfig,
    *,
    skip_invalid: bool = False,
) -> None:
    """Loads a detector's outline, sources and predictions into a database with ssdb's tables, and associates its visit.

    ``sources`` and ``predictions`` are all of the detector, in columns of DiaSource and SsPrediction, units in the
    metadata. What was loaded for the same detector is replaced, so that doing it again gives the same rows. SsdbError
    if the database cannot be used, or refuses the rows.
    """
    options: Any = {"replace": True, "skip_invalid": skip_invalid}
    covers = (exposure.visit, exposure.detector)
    with closing(connect(url)) as database:
        ingest_detectors(database, exposure, create_visits=True)
        ingest_sources(database, sources, covers=covers, **options)
        ingest_predictions(database, predictions, format="ssdb", covers=covers, **options)
        # The whole visit: with this outline, objects may belong to another detector than they did.
        report = associate(database, [exposure.visit], config=config)
    for visit, reason in report.failed.items():
        raise AssociationError(f"visit {visit} could not be associated in the database: {reason}")
