"""Surveys for tests of DiaObjects: visits of one field with a few sources each, and what is stored of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.schema.dia import dia_match, dia_object_moment
from ssdb.store.database import Database

ARCSEC = 1.0 / 3600.0
BEGIN = 60000.0
"""MJD TAI of the first visit."""

TABLES = (dia_match, dia_object, dia_object_last, dia_object_moment)


def load_visits(
    database: Database,
    visits: Sequence[int],
    *,
    ra: float = 10.0,
    dec: float = -30.0,
    radius: float | None = 1.0,
    step_days: float = 1.0,
    **more: Any,
) -> None:
    """Visits of one field, each ``step_days`` after the one before, by their numbers from 1."""
    numbers = np.array(visits, np.int64)
    columns: dict[str, Any] = {
        "visit": numbers,
        "midpointMjdTai": BEGIN + step_days * numbers,
        "ra": np.full(len(numbers), ra),
        "dec": np.full(len(numbers), dec),
        "band": ["r"] * len(numbers),
    } | more
    if radius is not None:
        columns["radius"] = np.full(len(numbers), radius)
    ingest_visits(database, pa.table(columns))


def sources(visit: int, ra: Any, dec: Any, **more: Any) -> pa.Table:
    """Sources of a visit, with errors of 0.05 arcsec; identifiers are 1000 times the visit and a number."""
    ra, dec = np.broadcast_arrays(np.atleast_1d(np.asarray(ra, float)), np.asarray(dec, float))
    n = len(ra)
    columns: dict[str, Any] = {
        "diaSourceId": 1000 * visit + np.arange(n),
        "visit": np.full(n, visit, np.int64),
        "detector": np.zeros(n, np.int16),
        "ra": ra % 360.0,
        "dec": dec,
        "raErr": np.full(n, 0.05 * ARCSEC),
        "decErr": np.full(n, 0.05 * ARCSEC),
        "psfFlux": 1000.0 + 10.0 * (visit % 7) + np.arange(n),
        "psfFluxErr": np.full(n, 5.0),
        "scienceFlux": 2000.0 + np.arange(n),
        "scienceFluxErr": np.full(n, 7.0),
        "band": ["r"] * n,
    }
    return pa.table(columns | more)


def load(database: Database, tables: Sequence[pa.Table], **options: Any) -> None:
    """Stores sources."""
    ingest_sources(database, pa.concat_tables(tables), **options)


def field(
    visits: Sequence[int], n: int = 30, *, seed: int = 1, ra: float = 10.0, dec: float = -30.0, sigma: float = 0.05
) -> list[pa.Table]:
    """Sources of visits: the same places but for their errors (arcsec), half of them in g; some are not seen."""
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(-0.3, 0.3, (2, n))
    tables = []
    for visit in visits:
        here = np.random.default_rng([seed, visit])
        seen = here.random(n) < 0.8
        d_east, d_north = here.normal(0.0, sigma * ARCSEC, (2, n))
        place_dec = dec + north + d_north
        place_ra = ra + (east + d_east) / np.cos(np.radians(place_dec))
        flux = here.normal(1000.0, 100.0, n).astype(np.float32).astype(float)
        k = int(seen.sum())
        band = ["g" if visit % 2 else "r"] * k
        error = here.uniform(5.0, 20.0, k)
        error[here.random(k) < 0.05] = np.nan
        flux[here.random(n) < 0.05] = np.nan
        tables.append(sources(visit, place_ra[seen], place_dec[seen], psfFlux=flux[seen], psfFluxErr=error, band=band))
    return tables


def stored(database: Database, *, times: bool = False) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of DiaObjects and the objects of sources, ordered; without ``times`` not when and by whom."""
    left_out = set() if times else {"validityStartMjdTai", "runId", "searchRa"}
    rows = {}
    with database.reading() as connection:
        for table in TABLES:
            columns = [column for column in table.columns if column.name not in left_out]
            found = connection.execute(sa.select(*columns).order_by(*table.primary_key.columns))
            single = {place for place, column in enumerate(columns) if isinstance(column.type, sa.REAL)}
            rows[table.name] = [
                tuple(np.float32(v) if i in single and v is not None else v for i, v in enumerate(row)) for row in found
            ]
        source = dia_source.c
        columns = [source.visit, source.diaSourceId, source.diaObjectId, source.ssObjectId]
        rows["DiaSource"] = [tuple(r) for r in connection.execute(sa.select(*columns).order_by(*columns[:2]))]
    return rows


def objects_of(database: Database) -> dict[int, int | None]:
    """The DiaObject of each source."""
    with database.reading() as connection:
        columns = sa.select(dia_source.c.diaSourceId, dia_source.c.diaObjectId)
        return {row.diaSourceId: row.diaObjectId for row in connection.execute(columns)}


def rows_of(database: Database, table: sa.Table) -> list[Mapping[str, Any]]:
    """The rows of a table, by its key."""
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key)).mappings()]
