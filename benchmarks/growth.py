"""What a fresh visit takes, as the tables grow."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from benchmarks.measure import associate_one
from benchmarks.servers import settle
from benchmarks.simulated import BenchmarkNight
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.store.database import Database


def growth(databases: Mapping[int, Database], fresh: BenchmarkNight) -> dict[str, dict[str, float]]:
    """Milliseconds, median, to ingest the sources and predictions of a fresh visit, and to associate it.

    Parameters
    ----------
    databases : mapping of int to Database
        By the number of visits that they have, loaded and associated.
    fresh : BenchmarkNight
        The visits that are added, the same to all, in turns: what else the machine does is then the same for all.

    Returns
    -------
    dict
        By the number of visits, as text: ``ingest`` and ``associate``.
    """
    tables = {kind: pyarrow.parquet.read_table(path) for kind, path in fresh.files.items()}
    for database in databases.values():
        ingest_visits(database, tables["visits"])
        if "detectors" in tables:
            ingest_detectors(database, tables["detectors"])
        settle(database)
    seconds: dict[int, dict[str, list[float]]] = {size: {"ingest": [], "associate": []} for size in databases}
    for visit_id, n_predictions in zip(fresh.visits, fresh.predicted(), strict=True):
        if not n_predictions:
            continue
        of_visit = {kind: _of(tables[kind], visit_id) for kind in ("sources", "predictions")}
        for size, database in databases.items():
            start = time.perf_counter()
            ingest_sources(database, of_visit["sources"])
            ingest_predictions(database, of_visit["predictions"])
            seconds[size]["ingest"].append(time.perf_counter() - start)
            seconds[size]["associate"].append(associate_one(database, visit_id))
    return {
        str(size): {what: 1000.0 * float(np.median(values)) for what, values in both.items()}
        for size, both in seconds.items()
    }


def _of(table: pa.Table, visit_id: int) -> pa.Table:
    return table.filter(pc.equal(table["visit"], visit_id))
