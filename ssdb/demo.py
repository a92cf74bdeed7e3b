"""The whole road on a simulated night: simulate, ingest, associate, and compare with the truth."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ssdb.ask.query import query
from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.errors import InputError
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.simulate import Score, SimulationConfig, score, simulate_night, write_night
from ssdb.store.database import Database
from ssdb.store.migrate import initialize

DATABASE_NAME = "demo.db"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did.

    Attributes
    ----------
    visits, sources, predictions : int
        What was loaded.
    score : Score
        The matches against the truth.
    seconds : dict of str to float
        Of simulate, ingest, associate.
    database : Path
        The SQLite file, for questions.
    """

    visits: int
    sources: int
    predictions: int
    score: Score
    seconds: dict[str, float]
    database: Path


def run_demo(
    directory: str | os.PathLike[str],
    simulation: SimulationConfig | None = None,
    config: AssociationConfig | None = None,
) -> DemoResult:
    """Simulates a night into a directory, and puts it through a new SQLite database there.

    Parameters
    ----------
    directory : path
        Made if it is missing. Files of an earlier demo are replaced.
    simulation : SimulationConfig, optional
        Default: 20 visits of 9 detectors each.
    config : AssociationConfig, optional

    Raises
    ------
    InputError
        If the directory cannot be written to.
    """
    start = time.perf_counter()
    night = simulate_night(simulation or SimulationConfig(n_detectors=9))
    target = Path(directory)
    database_path = target / DATABASE_NAME
    try:
        files = write_night(night, target)
        for name in (DATABASE_NAME, f"{DATABASE_NAME}-wal", f"{DATABASE_NAME}-shm"):
            (target / name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error}") from error
    simulated = time.perf_counter()
    database = initialize(sa.URL.create("sqlite", database=str(database_path)))
    visits = ingest_visits(database, files["visits"])
    if "detectors" in files:
        ingest_detectors(database, files["detectors"])
    sources = ingest_sources(database, files["sources"])
    predictions = ingest_predictions(database, files["predictions"], complete=True)
    ingested = time.perf_counter()
    associate(database, config=config)
    associated = time.perf_counter()
    result = DemoResult(
        visits=visits.rows,
        sources=sources.rows,
        predictions=predictions.rows,
        score=_score(database, night.truth),
        seconds={
            "simulate": simulated - start,
            "ingest": ingested - simulated,
            "associate": associated - ingested,
        },
        database=database_path,
    )
    database.close()
    return result


def _score(database: Database, truth: object) -> Score:
    matches = query(database, "SELECT diaSourceId, designation FROM SSSource").rows
    return score([row[0] for row in matches], [row[1] for row in matches], truth)
