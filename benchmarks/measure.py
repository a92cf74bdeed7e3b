"""The night that is measured with, and what is measured of it in one database."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import sqlalchemy as sa
from numpy.typing import NDArray

from benchmarks.baselines import Field, pairs_in_memory, raw_write
from benchmarks.servers import describe_database, settle, temporary_database
from ssdb.association.associate import associate
from ssdb.association.exposures import Exposures, read_candidate_pairs, read_exposures
from ssdb.association.match import place
from ssdb.config import AssociationConfig
from ssdb.designation import identify
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.door import IngestReport
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.dia import dia_source
from ssdb.schema.survey import ss_candidate, ss_prediction, visit, visit_detector
from ssdb.simulate import SimulationConfig, simulate_night
from ssdb.sky.sphere import separations
from ssdb.store.database import Database, open_database
from ssdb.store.migrate import initialize
from ssdb.store.read import read_arrays, read_table
from ssdb.store.visits import clear_results

_DETECTED_SHARE = 0.7
"""Share of the objects predicted for a simulated visit that are among its sources."""
_VISITS_ALONE = 5
_VISITS_PER_JOIN = 20
"""About as many as associate takes at once of full visits."""
_TABLES = {"visits": visit, "detectors": visit_detector, "sources": dia_source, "predictions": ss_prediction}
CONFIG = AssociationConfig()

Pairs = NDArray[np.int64]
"""visit, ssObjectId, diaSourceId of pairs, shape (n, 3), ascending."""


class WrongResult(Exception):
    """What was measured is not what it should be: the times mean nothing."""


@dataclass(frozen=True, slots=True)
class BenchmarkNight:
    """A simulated night as ingest reads it, as it is stored, and as a match in memory takes it.

    Attributes
    ----------
    files : dict of str to Path
        Parquet files of the visits, detectors (if there are any), sources and predictions.
    stored : dict of str to pyarrow.Table
        The same, but for detectors, as rows of Visit, DiaSource and SsPrediction.
    visits : list of int
        Ascending; those with sources.
    fields : list of (predictions, sources)
        Positions of each of these visits, ICRS, deg.
    identifiers : list of (ssObjectId, diaSourceId)
        Of the same.
    """

    files: dict[str, Path]
    stored: dict[str, pa.Table]
    visits: list[int]
    fields: list[tuple[Field, Field]]
    identifiers: list[tuple[NDArray[np.int64], NDArray[np.int64]]]


def make_night(
    n_visits: int, n_sources: int, n_objects: int, n_columns: int, directory: Path, n_detectors: int = 0
) -> BenchmarkNight:
    """A simulated night.

    Parameters
    ----------
    n_visits : int
        The simulation leaves the last without known objects and the one before it without sources.
    n_sources, n_objects : int
        Of a visit, about.
    n_columns : int
        Columns of a source. The simulation makes 14; the others are random numbers in more columns of DiaSource.
    directory : Path
        Where the files go.
    n_detectors : int
        Of a visit: a square number, or 189 for a camera like Rubin's with its distortion; 0: without footprints.
    """
    unrelated = max(0, n_sources - round(_DETECTED_SHARE * n_objects))
    night = simulate_night(
        SimulationConfig(n_visits=n_visits, n_sources=unrelated, n_objects=n_objects, n_detectors=n_detectors)
    )
    tables = {
        "visits": night.visits,
        "sources": _widened(night.sources, n_columns),
        "predictions": night.predictions,
    }
    files = {}
    for kind, table in tables.items():
        files[kind] = directory / f"{kind}.parquet"
        pa.parquet.write_table(table, files[kind])
    if night.detectors is not None:
        files["detectors"] = directory / "detectors.parquet"
        pa.parquet.write_table(night.detectors, files["detectors"])
    object_ids, _ = identify(night.predictions.column("designation"))
    stored = tables | {"predictions": night.predictions.append_column("ssObjectId", pa.array(object_ids, pa.int64()))}

    source_visits, source_ids, ra, dec = (
        night.sources.column(name).to_numpy() for name in ("visit", "diaSourceId", "ra", "dec")
    )
    prediction_visits, eph_ra, eph_dec = (
        night.predictions.column(name).to_numpy() for name in ("visit", "ephRa", "ephDec")
    )
    visits, fields, identifiers = np.unique(source_visits).tolist(), [], []
    for visit_id in visits:
        p = slice(*np.searchsorted(prediction_visits, [visit_id, visit_id + 1]))
        s = slice(*np.searchsorted(source_visits, [visit_id, visit_id + 1]))
        fields.append(((eph_ra[p], eph_dec[p]), (ra[s], dec[s])))
        identifiers.append((object_ids[p], source_ids[s]))
    return BenchmarkNight(files, stored, visits, fields, identifiers)


def _widened(sources: pa.Table, n_columns: int) -> pa.Table:
    """Sources with random numbers in so many more columns of single precision that they have n_columns."""
    rng = np.random.default_rng(1)
    more = [
        field
        for field in arrow_schema(dia_source)
        if field.type == pa.float32() and field.name not in sources.schema.names
    ]
    for field in more[: max(0, n_columns - sources.num_columns)]:
        values = rng.uniform(0.1, 1000.0, sources.num_rows).astype(np.float32)
        sources = sources.append_column(field.remove_metadata(), pa.array(values))
    return sources


def measure(place: sa.URL | Path, night: BenchmarkNight) -> dict[str, Any]:
    """Puts a night through a new database once.

    Parameters
    ----------
    place : sqlalchemy.URL or Path
        Server or directory for the database.
    night : BenchmarkNight

    Returns
    -------
    dict
        ``database``: version and settings; ``rows``: numbers of what was stored and found; ``seconds``: of each
        thing, by group.

    Raises
    ------
    WrongResult
        If ssdb does not store all rows, or does not find exactly the pairs that the match in memory finds.
    """
    with temporary_database(place) as url, closing(initialize(url)) as database:
        with temporary_database(place) as bare_url, closing(open_database(bare_url, create=True)) as bare:
            ingest, raw, rows = _load(database, bare, night)
        return _measure(database, night, {"ingest": ingest, "raw": raw}, rows)


def _measure(
    database: Database, night: BenchmarkNight, seconds: dict[str, dict[str, float]], rows: dict[str, int]
) -> dict[str, Any]:
    """Adds the seconds of all but the loading, and checks what is found."""
    alone = np.linspace(0, len(night.visits) - 1, min(_VISITS_ALONE, len(night.visits)), dtype=int)

    in_memory, found = _timed(partial(pairs_in_memory, night.fields, CONFIG.radius_arcsec))
    singles = [_timed(partial(pairs_in_memory, [night.fields[i]], CONFIG.radius_arcsec))[0] for i in alone]
    seconds["memory"] = {"all": in_memory, "one": float(np.median(singles))}
    expected = _pairs_with_identifiers(night, found)

    joined, pairs = _join(database, night.visits)
    seconds["join"] = {
        "all": joined,
        "one": float(np.median([_join(database, [night.visits[i]])[0] for i in alone])),
    }
    _compare("the join", _within(pairs, CONFIG.radius_arcsec), expected)

    settle(database)
    report = associate(database, config=CONFIG)
    if report.failed:
        raise WrongResult(f"visits failed: {report.failed}")
    seconds["stages"] = {name: stage.seconds for name, stage in report.stages.items()}
    with database.reading() as connection:
        candidates = read_arrays(
            connection, sa.select(ss_candidate.c.visit, ss_candidate.c.ssObjectId, ss_candidate.c.diaSourceId)
        )
    _compare("associate", candidates, expected)
    seconds["associate"] = {
        "all": report.seconds,
        "one": float(np.median([_associate_alone(database, night.visits[i]) for i in alone])),
    }
    rows = rows | {"pairs": len(expected), "pairs_of_the_join": len(pairs["visit"])}
    rows["associated"] = report.totals["nAssociatedSsObjects"]
    return {"database": describe_database(database), "rows": rows, "seconds": seconds}


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _load(
    database: Database, bare: Database, night: BenchmarkNight
) -> tuple[dict[str, float], dict[str, float], dict[str, int]]:
    """Seconds to ingest each file, reading it included, and to write the same rows into tables without an index; rows.

    One right after the other: what else the machine does is then the same for both, as far as it can be.
    """
    calls: dict[str, Callable[..., IngestReport]] = {
        "visits": ingest_visits,
        "detectors": ingest_detectors,
        "sources": ingest_sources,
        "predictions": partial(ingest_predictions, complete=True),
    }
    ingest, raw, counts = {}, {}, {}
    for kind, call in calls.items():
        if kind not in night.files:
            continue
        settle(database)
        ingest[kind], report = _timed(partial(call, database, night.files[kind]))
        rows = _stored_detectors(database) if kind == "detectors" else night.stored[kind]
        if report.rows != rows.num_rows:
            raise WrongResult(f"{report.rows:,} of {rows.num_rows:,} {kind} were stored")
        settle(database)
        raw[kind] = raw_write(bare, _TABLES[kind], rows)
        counts[kind] = rows.num_rows
    return ingest, raw, counts


def _stored_detectors(database: Database) -> pa.Table:
    """Rows of VisitDetector: the outlines of detectors are made at ingest."""
    names = ("visit", "detector", "footprint", "capRa", "capDec", "capRadius", "width", "height", "pixelScale")
    schema = pa.schema([arrow_schema(visit_detector).field(name) for name in names])
    with database.reading() as connection:
        return read_table(connection, sa.select(*(visit_detector.c[name] for name in names)), schema)


def _join(database: Database, visits: list[int]) -> tuple[float, dict[str, NDArray[Any]]]:
    """Seconds of the box join alone, in batches as associate makes them, and its pairs."""
    seconds, parts = 0.0, []
    with database.writing() as connection:
        for start in range(0, len(visits), _VISITS_PER_JOIN):
            exposures = read_exposures(connection, visits[start : start + _VISITS_PER_JOIN], CONFIG)
            considered = place(exposures, CONFIG).considered
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


def _associate_alone(database: Database, visit_id: int) -> float:
    """Seconds to associate one visit that is pending, in the database of the whole night."""
    with database.writing() as connection:
        clear_results(connection, [visit_id])
    settle(database)
    report = associate(database, [visit_id], config=CONFIG)
    if len(report.visits) != 1:
        raise WrongResult(f"visit {visit_id} was not associated: {report.failed}")
    return report.seconds


def _pairs_with_identifiers(night: BenchmarkNight, found: list[tuple[NDArray[np.intp], NDArray[np.intp]]]) -> Pairs:
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
