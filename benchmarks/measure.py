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

from benchmarks.baselines import Indices, pairs_by_astropy, pairs_by_trees, raw_write
from benchmarks.children import associate_all, child_process, ingest_file
from benchmarks.disk import disk_bytes
from benchmarks.rivals import rivals
from benchmarks.servers import WrongResult, settle, temporary_database
from benchmarks.simulated import BenchmarkNight, stored_rows
from ssdb.association.associate import associate
from ssdb.association.match import place as place_on_detectors
from ssdb.association.visit_batch import Exposures, read_candidate_pairs, read_exposures
from ssdb.config import AssociationConfig
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_candidate, ss_prediction, visit, visit_detector
from ssdb.sky.sphere import separations
from ssdb.store.database import Database, open_database
from ssdb.store.tables.visits import clear_results
from ssdb.store.transfer.read import read_arrays, read_table

CONFIG = AssociationConfig()
GOAL_SHARE = 0.6
"""Visits of so many predictions, compared with those on the ecliptic, are those of the goal: 3,000 of 5,000."""

_VISITS_ALONE = 50
_VISITS_OF_THE_GOAL = 5
_VISITS_COMPARED = 20
_VISITS_PER_JOIN = 20
"""About as many as associate takes at once of full visits."""
_TABLES = {"visits": visit, "detectors": visit_detector, "sources": dia_source, "predictions": ss_prediction}

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
        Server or directory of the database, for others that what it is compared with needs.
    night : BenchmarkNight
    tiny : dict of str to Path
        Files of another night, with which processes begin.

    Returns
    -------
    dict
        ``seconds`` of each thing, by group; ``rows`` of what was stored and found; ``visit_seconds``; ``disk``;
        ``peak_mb``; ``compared``: seconds of the join and of others for the same visits.

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
    _compare("the join", _within(pairs, CONFIG.radius_arcsec), expected)
    compared = _comparison(database, place, night, found)

    settle(database)
    with child_process(tiny) as child:
        associated = child(associate_all, _url(database), CONFIG)
    _check_associated(database, associated["failed"], expected)
    settle(database)
    disk = disk_bytes(database)
    alone = _spread(len(night.visits), _VISITS_ALONE)
    singles = [_associate_alone(database, night.visits[i])["all"] for i in alone]
    of_goal = np.argsort(np.abs(night.predicted() - GOAL_SHARE * night.predicted().max()))[:_VISITS_OF_THE_GOAL]
    ones = [_associate_alone(database, night.visits[i]) for i in of_goal]
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
            "share of a batch": _spread_of(associated["visits"]),
            "alone": _spread_of(singles),
            "of the goal": {what: float(np.median([one[what] for one in ones])) for what in ones[0]},
        },
        "rows": loaded["rows"] | {"pairs": len(expected), "associated": associated["associated"]},
        "goal_predictions": float(np.mean(night.predicted()[of_goal])),
        "peak_mb": {"ingest": loaded["peak_mb"], "associate": associated["peak_mb"]},
        "disk": disk,
        "compared": compared,
    }


def load_and_associate(database: Database, night: BenchmarkNight, tiny: Files) -> Figures:
    """Loads a night into a new database, and associates it.

    ``peak_mb``, by what is done: the peak memory of the processes that did it; ``visits``; ``sources``, ``predictions``
    and ``seconds`` (to associate) of a visit.
    """
    loaded = load(database, night, tiny)
    settle(database)
    with child_process(tiny) as child:
        associated = child(associate_all, _url(database), CONFIG)
    if associated["failed"]:
        raise WrongResult(f"visits failed: {associated['failed']}")
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


def _url(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


def _spread(n: int, most: int) -> NDArray[np.int64]:
    """At most so many indices of n, spread evenly."""
    return np.linspace(0, n - 1, min(most, n)).astype(np.int64)


def _spread_of(seconds: list[float]) -> dict[str, float]:
    return {"median": float(np.median(seconds)), "99 %": float(np.percentile(seconds, 99.0))}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _comparison(
    database: Database, place: sa.URL | Path, night: BenchmarkNight, expected: list[Indices]
) -> dict[str, Any]:
    """Seconds of several ways to find the pairs of some visits: ``visits`` says of how many."""
    some = _spread(len(night.visits), _VISITS_COMPARED)
    fields = [night.fields[i] for i in some]
    figures: dict[str, Any] = {
        "visits": len(some),
        "join": _join(database, [night.visits[i] for i in some])[0],
        "cKDTree": _timed(partial(pairs_by_trees, fields, CONFIG.radius_arcsec))[0],
    }
    pairs_by_astropy(fields[:1], CONFIG.radius_arcsec)  # modules are imported
    figures["search_around_sky"], pairs = _timed(partial(pairs_by_astropy, fields, CONFIG.radius_arcsec))
    of_some = [expected[i] for i in some]
    if [len(one[0]) for one in pairs] != [len(one[0]) for one in of_some]:
        raise WrongResult("search_around_sky finds other pairs than cKDTree")
    if isinstance(place, sa.URL):
        figures["extensions"] = rivals(place, fields, CONFIG.radius_arcsec, of_some)
    return figures


def _stored_detectors(database: Database) -> Iterator[pa.Table]:
    """Rows of VisitDetector: the outlines of detectors are made at ingest."""
    names = ("visit", "detector", "footprint", "capRa", "capDec", "capRadius", "width", "height", "pixelScale")
    schema = pa.schema([arrow_schema(visit_detector).field(name) for name in names])
    with database.reading() as connection:
        yield read_table(connection, sa.select(*(visit_detector.c[name] for name in names)), schema)


def _join(database: Database, visits: list[int]) -> tuple[float, dict[str, NDArray[Any]]]:
    """Seconds of the box join alone, in batches as associate makes them, and its pairs."""
    seconds, parts = 0.0, []
    with database.writing() as connection:
        for start in range(0, len(visits), _VISITS_PER_JOIN):
            exposures = read_exposures(connection, visits[start : start + _VISITS_PER_JOIN], CONFIG)
            considered = place_on_detectors(exposures, CONFIG).considered
            spent, pairs = _timed(partial(read_candidate_pairs, connection, exposures, considered, CONFIG))
            seconds += spent
            parts.append(_with_positions(pairs, exposures))
    return seconds, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _with_positions(pairs: dict[str, NDArray[Any]], exposures: Exposures) -> dict[str, NDArray[Any]]:
    predicted = {name: exposures.predictions[name][pairs["prediction"]] for name in ("ephRa", "ephDec")}
    return {name: pairs[name] for name in ("visit", "ssObjectId", "diaSourceId", "ra", "dec")} | predicted


def _within(pairs: dict[str, NDArray[Any]], radius_arcsec: float) -> dict[str, NDArray[Any]]:
    near = separations(pairs["ephRa"], pairs["ephDec"], pairs["ra"], pairs["dec"]) <= radius_arcsec
    return {name: values[near] for name, values in pairs.items()}


def _associate_alone(database: Database, visit_id: int) -> dict[str, float]:
    """Seconds to associate one visit, set back to pending, in the database of the whole night.

    ``all`` of them, those that this process worked, and the others, in which it waited for the database.
    """
    with database.writing() as connection:
        clear_results(connection, [visit_id])
    settle(database)
    before = time.process_time()
    seconds = associate_one(database, visit_id)
    worked = time.process_time() - before
    return {"all": seconds, "the process at work": worked, "waiting for the database": seconds - worked}


def associate_one(database: Database, visit_id: int) -> float:
    """Seconds to associate one visit.

    Raises
    ------
    WrongResult
        If it fails.
    """
    report = associate(database, [visit_id], config=CONFIG)
    if len(report.visits) != 1:
        raise WrongResult(f"visit {visit_id} was not associated: {report.failed}")
    return report.seconds


def _check_associated(database: Database, failed: dict[int, str], expected: Pairs) -> None:
    if failed:
        raise WrongResult(f"visits failed: {failed}")
    columns = (ss_candidate.c.visit, ss_candidate.c.ssObjectId, ss_candidate.c.diaSourceId)
    with database.reading() as connection:
        _compare("associate", read_arrays(connection, sa.select(*columns)), expected)


def _pairs_with_identifiers(night: BenchmarkNight, found: list[Indices]) -> Pairs:
    parts = [
        np.stack([np.full(len(i), visit_id), objects[i], sources[j]], axis=-1)
        for visit_id, (objects, sources), (i, j) in zip(night.visits, night.identifiers, found, strict=True)
    ]
    return _ascending(np.concatenate(parts))


def _ascending(pairs: Pairs) -> Pairs:
    return pairs[np.lexsort(pairs.T[::-1])]


def _compare(what: str, columns: dict[str, NDArray[Any]], expected: Pairs) -> None:
    pairs = _ascending(np.stack([columns[name] for name in ("visit", "ssObjectId", "diaSourceId")], axis=-1))
    if not np.array_equal(pairs, expected):
        raise WrongResult(f"{what} found {len(pairs):,} pairs, the match in memory {len(expected):,}, or others")
