"""A simulated night from its files to the matches, against the truth and against loops over the files."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path

import brute_force
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from small_surveys import rows

from ssdb.association.associate import associate
from ssdb.config import AssociationConfig
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.simulate import Night, SimulationConfig, score, simulate_night, write_night
from ssdb.store.database import Database

ARCSEC = math.radians(1 / 3600)
UNCERTAINTY = AssociationConfig(mode="uncertainty")


def _night(n_detectors: int) -> Night:
    sizes = {"n_visits": 8, "n_sources": 300, "n_objects": 100, "field_radius_deg": 0.5, "shutter_seconds": 10.0}
    return simulate_night(SimulationConfig(seed=21, n_detectors=n_detectors, **sizes))


@pytest.fixture(scope="module", params=[0, 9], ids=["no detectors", "9 detectors"])
def night(request: pytest.FixtureRequest) -> Night:
    """Eight visits of half a degree: 0h, the pole, the ecliptic; unrelated sources are a nuisance, not a crowd."""
    return _night(request.param)


@pytest.fixture
def loaded(database: Database, night: Night, tmp_path: Path) -> Database:
    """The night's files, ingested."""
    return _ingested(database, night, tmp_path)


def _ingested(database: Database, night: Night, directory: Path) -> Database:
    files = write_night(night, directory / "night")
    ingest_visits(database, files["visits"])
    if "detectors" in files:
        ingest_detectors(database, files["detectors"])
    ingest_sources(database, files["sources"])
    ingest_predictions(database, files["predictions"], complete=True)
    return database


def _matches(database: Database) -> dict[int, str]:
    return dict(rows(database, 'SELECT "diaSourceId", designation FROM "SSSource"'))


@pytest.mark.parametrize(
    ("config", "completeness", "purity"),
    [(AssociationConfig(), 0.93, 0.96), (UNCERTAINTY, 0.95, 0.95)],
    ids=["fixed", "uncertainty"],
)
def test_most_of_the_truth_is_found_and_little_else(
    loaded: Database, night: Night, config: AssociationConfig, completeness: float, purity: float
) -> None:
    """A fixed radius loses the objects whose predictions are far off; the error ellipses find them as well."""
    report = associate(loaded, config=config)
    assert not report.failed
    assert len(report.visits) == 8
    matches = _matches(loaded)
    found = score(list(matches), list(matches.values()), night.truth)
    assert found.n_truth > 200
    assert completeness < found.completeness <= 1
    assert purity < found.purity <= 1


def test_the_matches_are_those_of_the_files(loaded: Database, night: Night) -> None:
    """Per visit: all pairs within the radius of each other, and of these the best assignment, all tried."""
    config = AssociationConfig(radius_arcsec=2.0)
    associate(loaded, config=config)
    names = ("visit", "detector", "designation", "edgeDistance")
    sql = """SELECT e.visit, e.detector, p.designation, e."edgeDistance"
             FROM "SsExpected" e JOIN "SsPrediction" p ON p.visit = e.visit AND p."ssObjectId" = e."ssObjectId" """
    expected = [dict(zip(names, row, strict=True)) for row in rows(loaded, sql)]
    on = {(row["visit"], row["designation"]): row["detector"] for row in expected}
    sources, predictions = (_by_visit(table) for table in (night.sources, night.predictions))
    wanted = {}
    for visit, objects in predictions.items():
        weights = {}
        place = np.array([brute_force.unit(row["ra"], row["dec"]) for row in sources[visit]]).reshape(-1, 3)
        for row in objects:
            # Only those near the prediction at mid-exposure are worth the exact look.
            start = brute_force.unit(row["ephRa"], row["ephDec"])
            for index in np.flatnonzero(place @ start > math.cos(30 * ARCSEC)):
                source = sources[visit][index]
                distance = brute_force.separation(brute_force.moved(row, source["midpointMjdTai"]), place[index])
                same = night.detectors is None or on.get((visit, row["designation"])) == source["detector"]
                if distance <= config.radius_arcsec and same:
                    weights[row["designation"], source["diaSourceId"]] = 1 - (distance / config.radius_arcsec) ** 2
        for group in _groups(weights):
            wanted |= {source: name for name, source in brute_force.best(group)}
    assert len(wanted) > 200
    assert _matches(loaded) == wanted


def _by_visit(table: pa.Table) -> dict[int, list[dict]]:
    found = defaultdict(list)
    for row in table.to_pylist():
        found[row["visit"]].append(row)
    return found


def _groups(weights: dict[tuple[str, int], float]) -> list[dict[tuple[str, int], float]]:
    """The pairs parted into those that have to do with each other."""
    groups: list[dict[tuple[str, int], float]] = []
    for pair, weight in weights.items():
        touching = [g for g in groups if any(pair[0] == name or pair[1] == source for name, source in g)]
        groups = [g for g in groups if g not in touching]
        groups.append({pair: weight} | {key: value for g in touching for key, value in g.items()})
    return groups


def test_all_detectors_have_their_objects(database: Database, tmp_path: Path) -> None:
    """What a detector expects are the predictions between its corners, found by loops; gaps belong to nobody."""
    night = _night(4)
    assert night.detectors is not None
    loaded = _ingested(database, night, tmp_path)
    associate(loaded)
    predictions = night.predictions.to_pylist()
    outlines: dict[tuple[int, int], list[np.ndarray]] = defaultdict(list)
    for row in sorted(night.detectors.to_pylist(), key=lambda row: row["corner"]):
        outlines[row["visit"], row["detector"]].append(brute_force.unit(row["ra"], row["dec"]))
    inside = set()
    places = [(row["visit"], row["designation"], brute_force.unit(row["ephRa"], row["ephDec"])) for row in predictions]
    for (visit, detector), outline in outlines.items():
        centre = np.sum(outline, axis=0) / np.linalg.norm(np.sum(outline, axis=0))
        farthest = min(centre @ vertex for vertex in outline)
        for predicted_visit, name, where in places:
            # What is farther from the middle than the corners are is outside.
            near = predicted_visit == visit and centre @ where >= farthest - 1e-12
            if near and brute_force.edge_distance(outline, where) >= 0:
                inside.add((visit, detector, name))
    sql = """SELECT e.visit, e.detector, p.designation FROM "SsExpected" e
             JOIN "SsPrediction" p ON p.visit = e.visit AND p."ssObjectId" = e."ssObjectId"
             WHERE e."edgeDistance" >= 0"""
    assert set(rows(loaded, sql)) == inside
    assert len(inside) > 200
