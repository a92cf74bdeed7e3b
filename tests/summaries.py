"""Small surveys of known objects, written straight into the tables: for tests of what is summarized of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.identity.designation import pack, ss_object_id
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.apdb_solar_system import mpc_orbits, ss_object, ss_source
from ssdb.schema.arrow import arrow_types, numpy_type
from ssdb.schema.summary import ss_object_fit
from ssdb.schema.survey import visit
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import PARTITIONED, make_partitions
from ssdb.store.tables.ss_objects import note_visits
from ssdb.store.transfer.write import write_rows

Row = dict[str, Any]
BEGIN = 60_000.1


def id_of(designation: str) -> int:
    return ss_object_id(pack(designation)[0])


def flux_of(magnitude: float) -> float:
    """nJy, of an AB magnitude."""
    return float(10.0 ** (0.4 * (31.4 - magnitude)))


def observation(number: int, designation: str, magnitude: float | None = 20.0, **more: Any) -> Row:
    """A source that is a known object, in a visit of its own number, at 1 au from Sun and observer.

    ``more`` are columns of DiaSource and SSSource, and ``error``, in magnitudes.
    """
    flux = None if magnitude is None else flux_of(magnitude)
    error = more.pop("error", 0.02)
    row = {
        "diaSourceId": number,
        "visit": number,
        "detector": 1,
        "midpointMjdTai": BEGIN + number,
        "ra": 50.0,
        "dec": -5.0,
        "band": "r",
        "psfFlux": flux,
        "psfFluxErr": None if flux is None else flux * error / 1.0857362047581296,
        "ssObjectId": id_of(designation),
        "designation": designation,
        "phaseAngle": 10.0,
        "helioRange": 1.0,
        "topoRange": 1.0,
    }
    row |= dict.fromkeys(("eclLambda", "eclBeta", "galLon", "galLat"), 0.0)
    return row | more


def orbit(designation: str, **elements: Any) -> Row:
    """A row of mpc_orbits: 433 Eros, but for some elements."""
    eros = {"q": 1.1335, "e": 0.2227, "i": 10.828, "node": 304.27, "argperi": 178.92, "epoch_mjd": 61_000.0}
    eros |= {"peri_time": 61_200.0, "h": 10.4}
    packed = pack(designation)[0]
    names = dict.fromkeys(("designation", "unpacked_primary_provisional_designation"), designation)
    number = id_of(designation) % 2_000_000_000
    return {"id": number, "packed_primary_provisional_designation": packed} | names | eros | elements


def load(database: Database, observations: Sequence[Row], orbits: Sequence[Row] = ()) -> None:
    """Stores observations, with their visits, as association would, and orbits."""
    numbers = np.unique(np.array([row["visit"] for row in observations], np.int64))
    times = {row["visit"]: row["midpointMjdTai"] for row in observations}
    with database.writing() as connection:
        known = set(connection.scalars(sa.select(visit.c.visit)))
        new = [{"visit": int(n), "midpointMjdTai": times[n], "status": "done"} for n in numbers if n not in known]
        make_partitions(connection, numbers, PARTITIONED)
        for table, rows in ((visit, new), (dia_source, observations), (ss_source, observations), (mpc_orbits, orbits)):
            if rows:
                write_rows(connection, table, table_of(table, rows))
        note_visits(connection, numbers)


def table_of(table: sa.Table, rows: Sequence[Row]) -> pa.Table:
    """Those values of rows that a table has columns for; NaN stays."""
    types = arrow_types(table)
    names = [name for name in types if any(name in row for row in rows)]
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        if pa.types.is_floating(types[name]):
            known = np.array([np.nan if value is None else value for value in values], numpy_type(types[name]))
            columns[name] = pa.array(known, types[name], mask=np.array([value is None for value in values]))
        else:
            columns[name] = pa.array(values, types[name])
    return pa.table(columns)


def rows_of(database: Database, table: sa.Table) -> list[Mapping[str, Any]]:
    """The rows of a table, by its key, floats of single precision as such."""
    singles = {column.name for column in table.columns if isinstance(column.type, sa.REAL)}
    with database.reading() as connection:
        found = connection.execute(sa.select(table).order_by(*table.primary_key)).mappings().all()
    return [
        {name: float(np.float32(v)) if name in singles and v is not None else v for name, v in row.items()}
        for row in found
    ]


def objects(database: Database) -> dict[str, Mapping[str, Any]]:
    """The rows of SSObject, by designation."""
    return {str(row["designation"]): row for row in rows_of(database, ss_object)}


def fits(database: Database) -> dict[tuple[int, str, str], Mapping[str, Any]]:
    """The rows of SsObjectFit, by object, band and model."""
    return {(row["ssObjectId"], row["band"], row["model"]): row for row in rows_of(database, ss_object_fit)}


def due(database: Database) -> tuple[set[int], set[int]]:
    """Objects and visits that are noted."""
    with database.reading() as connection:
        noted = connection.execute(sa.text('SELECT visit, "ssObjectId" FROM "SsObjectChange"')).all()
    return {row[1] for row in noted if row[1] is not None}, {row[0] for row in noted if row[0] is not None}
