"""A simulated night from files to matches: simulate, ingest, associate, and compare with the truth."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ssdb.ask.sql import query
from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.io.output_folder import output_folder, refuse_foreign
from ssdb.simulate import Score, SimulationConfig, score, simulate_night, write_night
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.sqlite_files import require_free

DATABASE_NAME = "demo.db"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What the demo did: rows loaded, the matches against the truth, and the seconds of simulate, ingest and associate.

    ``database`` is the SQLite file, for questions.
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

    The directory is made if it is missing; files of an earlier demo are replaced, if they are as it left them. The
    default is 20 visits of 9 detectors each. InputError if the directory cannot be written to, or has other files of
    these names.
    """
    start = time.perf_counter()
    target = Path(directory)
    database_path = target / DATABASE_NAME
    refuse_foreign(target, [DATABASE_NAME])
    require_free(database_path)
    night = simulate_night(simulation or SimulationConfig(n_detectors=9))
    with output_folder(target, "demo", [DATABASE_NAME]) as place:
        files = write_night(night, target)
        simulated = time.perf_counter()
        with closing(initialize(sa.URL.create("sqlite", database=str(place / DATABASE_NAME)))) as database:
            visits = ingest_visits(database, files["visits"])
            if "detectors" in files:
                ingest_detectors(database, files["detectors"])
            sources = ingest_sources(database, files["sources"])
            predictions = ingest_predictions(database, files["predictions"], complete=True)
            ingested = time.perf_counter()
            associate(database, config=config)
            associated = time.perf_counter()
            found = _score(database, night.truth)
    return DemoResult(
        visits=visits.rows,
        sources=sources.rows,
        predictions=predictions.rows,
        score=found,
        seconds={
            "simulate": simulated - start,
            "ingest": ingested - simulated,
            "associate": associated - ingested,
        },
        database=database_path,
    )


def _score(database: Database, truth: object) -> Score:
    matches = query(database, "SELECT diaSourceId, designation FROM SSSource").rows
    return score([row[0] for row in matches], [row[1] for row in matches], truth)
