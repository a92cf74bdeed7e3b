"""Small made-up surveys for tests: their rows, how they are loaded, and what is stored about them afterwards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import sqlalchemy as sa

from ssdb.ask.export import export
from ssdb.ingest.detectors import ingest_detectors
from ssdb.ingest.predictions import ingest_predictions
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema import metadata
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import PARTITIONED, make_partitions
from ssdb.store.transfer.write import write_rows

Row = dict[str, Any]
MJD = 60000.25
LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
CENTRES = [(0.0, 0.0), (359.9999, -40.0), (0.0001, 60.0), (123.0, 90.0), (77.0, -90.0), (200.0, 89.999), (180.0, 20.0)]
"""Fields across 0h, at and beside both poles, and one that is nothing special."""


def designation(number: int) -> str:
    """A designation for each number from 0: 2020 AA, 2020 AB, ..., 2020 AZ, 2020 AA1, ..."""
    return f"2020 A{LETTERS[number % 25]}{number // 25 or ''}"


def unit(ra: float, dec: float) -> np.ndarray:
    """The unit vector of a position in degrees."""
    lon, lat = math.radians(ra), math.radians(dec)
    return np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])


def beside(ra: float, dec: float, east: float, north: float) -> tuple[float, float]:
    """The position so many arcseconds east and north of another, in the plane that touches the sky there."""
    lon, lat = math.radians(ra), math.radians(dec)
    to_east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    to_north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    x, y, z = unit(ra, dec) + math.radians(east / 3600) * to_east + math.radians(north / 3600) * to_north
    return math.degrees(math.atan2(y, x)) % 360.0 % 360.0, math.degrees(math.atan2(z, math.hypot(x, y)))


@dataclass
class Survey:
    """The rows of a survey; what a row lacks is unknown."""

    visits: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)
    predictions: list[Row] = field(default_factory=list)
    corners: list[Row] = field(default_factory=list)

    @property
    def ids(self) -> list[int]:
        """The visits, ascending."""
        return sorted(row["visit"] for row in self.visits)

    def add_visit(self, visit: int = 1, **columns: Any) -> int:
        """Adds a visit at MJD."""
        self.visits.append({"visit": visit, "midpointMjdTai": MJD} | columns)
        return visit

    def add_source(self, source: int, ra: float, dec: float, visit: int = 1, **columns: Any) -> int:
        """Adds a source on detector 0."""
        self.sources.append({"diaSourceId": source, "visit": visit, "detector": 0, "ra": ra, "dec": dec} | columns)
        return source

    def add_prediction(self, number: int, ra: float, dec: float, visit: int = 1, **columns: Any) -> str:
        """Adds a prediction of an object, named by its number, at MJD."""
        row = {"visit": visit, "designation": designation(number), "ephRa": ra, "ephDec": dec, "midpointMjdTai": MJD}
        self.predictions.append(row | columns)
        return designation(number)

    def add_square(
        self, detector: int, ra: float, dec: float, half: float, visit: int = 1, **columns: Any
    ) -> list[tuple[float, float]]:
        """Adds a square footprint of the given half-width (arcsec) around a centre, sides to the compass points."""
        outline = [beside(ra, dec, x * half, y * half) for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
        self.add_outline(detector, outline, visit, **columns)
        return outline

    def add_outline(self, detector: int, outline: Sequence[tuple[float, float]], visit: int, **columns: Any) -> None:
        """Adds a footprint with the given vertices."""
        for corner, (ra, dec) in enumerate(outline):
            row = {"visit": visit, "detector": detector, "corner": corner, "ra": ra, "dec": dec}
            self.corners.append(row | columns)

    def load(self, database: Database, rng: np.random.Generator | None = None) -> None:
        """Ingests everything, predictions as complete; with a generator, the rows in a random order."""

        def shuffled(rows: list[Row]) -> pa.Table:
            return table_of(rows if rng is None else [rows[index] for index in rng.permutation(len(rows))])

        ingest_visits(database, shuffled(self.visits))
        if self.corners:
            ingest_detectors(database, shuffled(self.corners))
        if self.sources:
            ingest_sources(database, shuffled(self.sources))
        nothing = {"visit": pa.array([], pa.int64()), "designation": pa.array([], pa.string())}
        nothing |= {name: pa.array([], pa.float64()) for name in ("ephRa", "ephDec")}
        ingest_predictions(
            database, shuffled(self.predictions) if self.predictions else pa.table(nothing), complete=True
        )


def table_of(rows: Sequence[Row]) -> pa.Table:
    """Rows as a table; what a row lacks is NULL."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: [row.get(name) for row in rows] for name in names})


def random_survey(seed: int, first_visit: int, footprints: str = "none") -> Survey:
    """One to four visits of a crowded field of 30 arcsec: sources beside predictions, contention, motion.

    Parameters
    ----------
    seed, first_visit : int
    footprints : {"none", "corners", "mixed"}
        Two detectors side by side that do not cover the field: without, with outlines, or only one with an outline.
    """
    rng = np.random.default_rng(seed)
    centre = CENTRES[rng.integers(len(CENTRES))]
    survey = Survey()
    moving, errors, light = rng.random() < 0.5, rng.random() < 0.7, rng.random() < 0.7
    for visit in range(first_visit, first_visit + int(rng.integers(1, 5))):
        survey.add_visit(visit)
        turn, scale = rng.uniform(0, 2 * math.pi), [None, 0.4, 1.3][rng.integers(3)]

        def place(x: float, y: float, turn: float = turn) -> tuple[float, float]:
            return beside(*centre, x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn))

        for detector, sign in enumerate((-1, 1)):
            if footprints == "corners" or (footprints == "mixed" and detector == 0):
                near = (0.9, 0.5)[detector]  # unlike, or the middle of the field is as near to both
                outline = [place(sign * x, y) for x, y in ((near, -10), (10, -10), (10, 10), (near, 10))]
                columns = {} if scale is None else {"pixelScale": scale}
                survey.add_outline(detector, outline, visit, **columns)
        n_objects, n_sources = rng.integers(0, [8, 10])
        numbers = rng.permutation(40)[:n_objects].tolist()
        where = [(0.0, 0.0) if index == 0 else tuple(rng.uniform(-13, 13, 2)) for index in range(n_objects)]
        rates = rng.normal(0, 1.0, (n_objects, 2)) if moving else np.zeros((n_objects, 2))
        for number, (x, y), (rate_ra, rate_dec) in zip(numbers, where, rates, strict=True):
            columns: Row = {"midpointMjdTai": MJD + (rng.uniform(-3e-4, 3e-4) if moving else 0.0)}
            if moving and rng.random() < 0.8:
                columns |= {"ephRateRa": rate_ra, "ephRateDec": rate_dec}
            if errors and rng.random() < 0.8:
                major = float(np.float32(10 ** rng.uniform(-1, 0.7)))
                columns |= {"ephErrMajor": major}
                if rng.random() < 0.8:
                    columns |= {"ephErrMinor": float(np.float32(major * rng.uniform(0.1, 1)))}
                    columns |= {"ephErrPa": float(np.float32(rng.uniform(0, 180)))}
            survey.add_prediction(number, *(centre if (x, y) == (0.0, 0.0) else place(x, y)), visit, **columns)
        for index in range(n_sources):
            x, y = rng.uniform(-13, 13, 2)
            if n_objects and rng.random() < 0.8:
                x, y = np.array(where[rng.integers(n_objects)]) + rng.normal(0, 0.7, 2)
            columns = {"midpointMjdTai": MJD + (rng.uniform(-5e-5, 5e-5) if moving else 0.0)}
            if errors:
                # In degrees, and to single precision, as they are stored.
                columns |= {name: float(np.float32(rng.uniform(0.05, 0.5) / 3600)) for name in ("raErr", "decErr")}
                covariance = rng.uniform(-0.8, 0.8) * columns["raErr"] * columns["decErr"]
                columns |= {"ra_dec_Cov": float(np.float32(covariance))}
            survey.add_source(visit * 1000 + index, *place(x, y), visit, detector=int(x > 0), **columns)
    if light:
        _add_light(survey, rng)
    return survey


def _add_light(survey: Survey, rng: np.random.Generator) -> None:
    """Adds magnitudes, exposures, trails, flags and reliabilities, to single precision; some are unknown."""

    def some(share: float, **columns: Any) -> Row:
        return {
            name: float(np.float32(value)) if isinstance(value, float) else value
            for name, value in columns.items()
            if rng.random() < share
        }

    depth = rng.uniform(18, 22)
    for row in survey.visits:
        band = str(rng.choice(["r", "lsst_g", "ZR", "V", "white", "é"]))
        row |= some(0.7, exposureTime=rng.choice([30.0, 300.0]), band=band)
        row |= some(0.2, depth=depth + rng.normal(0, 0.3))
    for row in survey.predictions:
        row |= some(0.8, ephVmag=depth - rng.uniform(-2, 3))
    for row in survey.sources:
        error = 10 ** ((31.4 - depth) / 2.5) / 5 * rng.uniform(0.8, 1.2)
        row |= some(0.8, psfFlux=error * rng.choice([-3.0, 0.0, 4.0, 5.0, 8.0, 50.0, 1e4]) * rng.uniform(0.8, 1.0))
        row |= some(0.9, psfFluxErr=error)
        if rng.random() < 0.7:
            row |= some(0.8, trailLength=rng.uniform(0, 20), trailAngle=rng.uniform(-180, 360))
        row |= some(0.6, reliability=rng.uniform(0, 1), band=str(rng.choice(["i", "r", "é"])))
        row |= some(0.2, isDipole=bool(rng.random() < 0.5), pixelFlags_cr=bool(rng.random() < 0.5))


def store_rows(connection: sa.Connection, table: sa.Table, rows: pa.Table) -> None:
    """Writes rows past ingest; the partitions that they need are made."""
    if table in PARTITIONED:
        make_partitions(connection, np.unique(rows.column("visit").to_numpy()), [table])
    write_rows(connection, table, rows)


def load_night(database: Database, night: Any, rng: np.random.Generator | None = None) -> None:
    """Ingests a simulated night; with a generator, the rows in a random order."""

    def shuffled(table: pa.Table) -> pa.Table:
        return table if rng is None else table.take(pa.array(rng.permutation(table.num_rows)))

    ingest_visits(database, shuffled(night.visits))
    if night.detectors is not None:
        ingest_detectors(database, shuffled(night.detectors))
    ingest_sources(database, shuffled(night.sources))
    ingest_predictions(database, shuffled(night.predictions), complete=True)


CHANGING = ("runId", "associatedAt", "predictionsAt")
"""What is another for the same rows."""


def exported(database: Database, directory: Path) -> dict[str, pa.Table]:
    """All tables but runs and notes of changes, as they are exported, without what may differ between equal ones.

    Most have no row in a small survey: these are not exported, only known to be empty.
    """
    tables = {}
    wanted = [table for table in metadata.sorted_tables if table.name not in ("AssociationRun", "SsObjectChange")]
    filled = "SELECT " + ", ".join(f'EXISTS (SELECT 1 FROM "{table.name}")' for table in wanted)
    for table, has_rows in zip(wanted, rows(database, filled)[0], strict=True):
        if not has_rows:
            tables[table.name] = pa.table({})
            continue
        path = directory / f"{table.name}.parquet"
        export(database, table.name, path)
        read = pa.parquet.read_table(path)
        tables[table.name] = read.drop_columns([name for name in CHANGING if name in read.column_names])
    return tables


def differences(first: dict[str, pa.Table], second: dict[str, pa.Table]) -> list[str]:
    """What differs between exports: ``TABLE`` where the rows are others, else ``TABLE.COLUMN``."""
    found = []
    for name, rows in first.items():
        if rows.num_rows != second[name].num_rows:
            found.append(name)
        else:
            found += [f"{name}.{column}" for column in rows.column_names if rows[column] != second[name][column]]
    return found


def rows(database: Database, sql: str, **parameters: Any) -> list[tuple]:
    """The rows of a statement in plain SQL."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql), parameters)]


def change(database: Database, sql: str, **parameters: Any) -> None:
    """Changes something behind the back of ssdb."""
    with database.writing() as connection:
        connection.execute(sa.text(sql), parameters)
