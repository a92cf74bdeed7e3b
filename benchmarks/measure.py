"""What is measured of a night in one database: loading it, the join, association, memory, size."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import NDArray

from benchmarks.baselines import Indices, pairs_by_trees, raw_write
from benchmarks.children import associate_all, child_process, ingest_file
from benchmarks.servers import WrongResult, settle, temporary_database
from benchmarks.simulated import BenchmarkNight, stored_rows
from ssdb.association.associate import associate
from ssdb.association.match import place as place_on_detectors
from ssdb.association.pairs import read_candidate_pairs
from ssdb.association.visit_batch import VisitBatch, read_batch
from ssdb.config import AssociationConfig
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_candidate, ss_prediction, visit, visit_detector
from ssdb.sky.sphere import separations
from ssdb.store.database import Database, open_database
from ssdb.store.tables.results import clear_results
from ssdb.store.transfer.read import read_arrays, read_table

CONFIG = AssociationConfig()
GOAL_SHARE = 0.6
"""Visits of so many predictions, compared with those on the ecliptic, are those of the goal: 3,000 of 5,000."""

_VISITS_ALONE = 5
_VISITS_PER_JOIN = 20
"""About as many as associate takes at once of full visits."""
_TABLES = {"visits": visit, "detectors": visit_detector, "sources": dia_source, "predictions": ss_prediction}

_PAIR = ("visit", "ssObjectId", "diaSourceId")
Pairs = NDArray[np.int64]
"""visit, ssObjectId, diaSourceId of pairs, shape (n, 3), ascending."""
Figures = dict[str, Any]
Files = dict[str, Path]
"""By kind."""


def measure(database: Database, place: sa.URL | Path, night: BenchmarkNight, tiny: Files) -> Figures:
    """Puts a night through a new database once.

    Parameters
    ----------
    database : Database
        With the tables of ssdb, empty.
    place : sqlalchemy.URL or Path
        Server or directory of the database, for another one that has the same rows raw.
    night : BenchmarkNight
    tiny : dict of str to Path
        Files of another night, with which processes begin.

    Returns
    -------
    dict
        ``seconds`` of each thing, by group; ``rows`` of what was stored and found; ``visit_seconds``;
        ``disk_bytes``; ``peak_mb``.

    Raises
    ------
    WrongResult
        If ssdb does not store all rows, or does not find exactly the pairs that the match in memory finds.
    """
    with temporary_database(place) as url, closing(open_database(url, create=True)) as bare:
        loaded = load(database, night, tiny, bare)
    trees, found = _timed(partial(pairs_by_trees, night.fields, CONFIG.radius_arcsec))
    expected = _pairs_with_identifiers(night, found)
    joined, pairs = _join(database, night.visits)
    _compare("the join", pairs, expected)
    associated = _associate(database, tiny)
    with database.reading() as connection:
        stored = read_arrays(connection, sa.select(*(ss_candidate.c[name] for name in _PAIR)))
    _compare("associate", stored, expected)
    settle(database)
    disk = _disk_bytes(database)
    of_goal = np.argsort(np.abs(night.predicted() - GOAL_SHARE * night.predicted().max()))[:_VISITS_ALONE]
    alone = [_associate_alone(database, night.visits[i]) for i in of_goal]
    shares = associated["visits"]
    return {
        "seconds": {
            "ingest": loaded["seconds"],
            "raw": loaded["raw"],
            "associate": associated["seconds"],
            "stages": associated["stages"],
            "join": joined,
            "trees": trees,
        },
        "visit_seconds": {
            "share of a batch": {"median": float(np.median(shares)), "99 %": float(np.percentile(shares, 99.0))},
            "alone": {what: float(np.median([one[what] for one in alone])) for what in alone[0]},
        },
        "rows": loaded["rows"] | {"pairs": len(expected), "associated": associated["associated"]},
        "goal_predictions": float(np.mean(night.predicted()[of_goal])),
        "peak_mb": {"ingest": loaded["peak_mb"], "associate": associated["peak_mb"]},
        "disk_bytes": disk,
    }


def load_and_associate(database: Database, night: BenchmarkNight, tiny: Files) -> Figures:
    """Loads a night into a new database, and associates it.

    ``peak_mb``, by what is done: the peak memory of the processes that did it; ``visits``; ``sources``, ``predictions``
    and ``seconds`` (to associate) of a visit.
    """
    loaded = load(database, night, tiny)
    associated = _associate(database, tiny)
    visits = night.rows["visits"]
    of_visit = {kind: loaded["rows"][kind] / visits for kind in ("sources", "predictions")}
    peaks = {"ingest": loaded["peak_mb"], "associate": associated["peak_mb"]}
    return {"visits": visits, **of_visit, "seconds": associated["seconds"] / visits, "peak_mb": peaks}


def load(database: Database, night: BenchmarkNight, tiny: Files, bare: Database | None = None) -> Figures:
    """Ingests the files in a process of their own; also writes the same rows into tables without an index of ``bare``.

    One right after the other: what else the machine does is then the same for both, as far as it can be.
    """
    figures: Figures = {"seconds": {}, "raw": {}, "rows": {}}
    with child_process(tiny) as child:
        for kind, path in night.files.items():
            settle(database)
            report = child(ingest_file, _url(database), kind, path)
            figures["seconds"][kind] = report["seconds"]
            figures["peak_mb"] = report["peak_mb"]
            n_rows = figures["rows"][kind] = report["rows"]
            if kind != "detectors" and n_rows != night.rows[kind]:
                raise WrongResult(f"{n_rows:,} of {night.rows[kind]:,} {kind} were stored")
            if bare is not None:
                settle(database)
                parts = _stored_detectors(database) if kind == "detectors" else stored_rows(night, kind)
                figures["raw"][kind], n_raw = raw_write(bare, _TABLES[kind], parts)
                if n_raw != n_rows:
                    raise WrongResult(f"{n_raw:,} of {n_rows:,} {kind} were written raw")
    return figures


def _associate(database: Database, tiny: Files) -> Figures:
    """Associates what is pending, in a process of its own."""
    settle(database)
    with child_process(tiny) as child:
        associated: Figures = child(associate_all, _url(database), CONFIG)
    if associated["failed"]:
        raise WrongResult(f"visits failed: {associated['failed']}")
    return associated


def _disk_bytes(database: Database) -> int:
    """What a database takes on the disk."""
    of_sqlite = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    of_postgresql = "SELECT pg_database_size(current_database())"
    with database.reading() as connection:
        whole = of_postgresql if database.dialect == "postgresql" else of_sqlite
        return int(connection.exec_driver_sql(whole).scalar_one())


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _stored_detectors(database: Database) -> Iterator[pa.Table]:
    """Rows of VisitDetector: the outlines of detectors are made at ingest."""
    names = ("visit", "detector", "footprint", "capRa", "capDec", "capRadius", "width", "height", "pixelScale")
    schema = pa.schema([arrow_schema(visit_detector).field(name) for name in names])
    with database.reading() as connection:
        yield read_table(connection, sa.select(*(visit_detector.c[name] for name in names)), schema)


def _join(database: Database, visits: list[int]) -> tuple[float, dict[str, NDArray[Any]]]:
    """Seconds of the box join alone, in batches as associate makes them, and its pairs within the radius."""
    seconds, parts = 0.0, []
    with database.writing() as connection:
        for start in range(0, len(visits), _VISITS_PER_JOIN):
            batch = read_batch(connection, visits[start : start + _VISITS_PER_JOIN], CONFIG)
            considered = place_on_detectors(batch, CONFIG).considered
            spent, pairs = _timed(partial(read_candidate_pairs, connection, batch, considered, CONFIG))
            seconds += spent
            parts.append(_within(CONFIG.radius_arcsec, pairs, batch))
    return seconds, {name: np.concatenate([part[name] for part in parts]) for name in _PAIR}


def _within(radius_arcsec: float, pairs: dict[str, NDArray[Any]], batch: VisitBatch) -> dict[str, NDArray[Any]]:
    ra, dec = (batch.predictions[name][pairs["prediction"]] for name in ("ephRa", "ephDec"))
    near = separations(ra, dec, pairs["ra"], pairs["dec"]) <= radius_arcsec
    return {name: pairs[name][near] for name in _PAIR}


def _associate_alone(database: Database, visit_id: int) -> dict[str, float]:
    """Seconds to associate one visit, set back to pending, in the database of the whole night.

    ``all`` of them, those that this process worked, and the others, in which it waited for the database.
    """
    with database.writing() as connection:
        clear_results(connection, [visit_id])
    settle(database)
    before = time.process_time()
    report = associate(database, [visit_id], config=CONFIG)
    worked = time.process_time() - before
    if len(report.visits) != 1:
        raise WrongResult(f"visit {visit_id} was not associated: {report.failed}")
    return {"all": report.seconds, "the process at work": worked, "waiting for the database": report.seconds - worked}


def _pairs_with_identifiers(night: BenchmarkNight, found: list[Indices]) -> Pairs:
    parts = [
        np.stack([np.full(len(i), visit_id), objects[i], sources[j]], axis=-1)
        for visit_id, (objects, sources), (i, j) in zip(night.visits, night.identifiers, found, strict=True)
    ]
    return _ascending(np.concatenate(parts))


def _ascending(pairs: Pairs) -> Pairs:
    return pairs[np.lexsort(pairs.T[::-1])]


def _compare(what: str, columns: dict[str, NDArray[Any]], expected: Pairs) -> None:
    pairs = _ascending(np.stack([columns[name] for name in _PAIR], axis=-1))
    if not np.array_equal(pairs, expected):
        raise WrongResult(f"{what} found {len(pairs):,} pairs, the match in memory {len(expected):,}, or others")
