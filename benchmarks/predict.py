"""From orbits to predictions: the segments of a night, and its exposures, in both databases.

    python -m benchmarks.predict [--orbits 25000,100000] [--visits 200] [--databases postgresql] [--json FILE]

Orbits are made up like those of the main belt, with some near-Earth objects; the night is 200 days from their epoch,
and the exposures, of 1.75 deg, lie along the ecliptic around opposition, where most objects are. Prints the seconds of
the segments, the size of their table with its indices, what 1.5 million orbits would take, and the time of an exposure
(with its predictions written). It ends with an error if an object is not where the engine itself puts it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from benchmarks.command import new_parser, print_figures
from benchmarks.servers import WrongResult, describe_machine, servers, temporary_database
from ssdb.ephemeris.bodies import earth, sun
from ssdb.ephemeris.predict import ephemeris
from ssdb.identity.designation import pack, packed_from_id
from ssdb.ingest.visits import ingest_visits
from ssdb.predict.catalogue import orbits_of
from ssdb.predict.make_segments import make_segments
from ssdb.predict.visits import predict_visits
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.survey import ss_ephemeris, ss_prediction
from ssdb.sky.sphere import positions, separations
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import initialize
from ssdb.store.transfer.write import write_rows

CATALOGUE = 1_500_000
EPOCH, NIGHT = 61000.0, 61200
RADIUS_DEG = 1.75
_NEAR_EARTH_SHARE = 0.025
_CHECKED = 200
_LETTERS = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
_OBLIQUITY = np.radians(84381.448 / 3600.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for."""
    parser = new_parser("predict", __doc__)
    numbers = {"type": lambda text: [int(part) for part in text.split(",")], "default": [25_000, 100_000]}
    parser.add_argument("--orbits", help="how many, one run each (25000,100000)", **numbers)
    parser.add_argument("--visits", type=int, default=200, help="exposures of the night (200)")
    parser.add_argument("--databases", type=lambda text: text.split(","), default=["postgresql"])
    parser.add_argument("--postgresql-url", help="as for benchmarks.night")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return print_figures("predict", parser.parse_args(arguments), run, text_of)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """All figures: ``machine`` and, by database, those of :func:`measure` for every number of orbits."""
    figures: dict[str, Any] = {"machine": describe_machine(), "databases": {}}
    with servers(options.databases, options.postgresql_url) as places:
        for dialect, (place, _) in places.items():
            of_database = figures["databases"][dialect] = []
            for n_orbits in options.orbits:
                with temporary_database(place) as url, closing(initialize(url)) as database:
                    of_database.append(measure(database, n_orbits, options.visits))
    return figures


def measure(database: Database, n_orbits: int, n_visits: int) -> dict[str, float]:
    """Seconds and processor seconds (of this process) of the segments, bytes a segment, milliseconds a visit."""
    rows = made_up_orbits(n_orbits)
    with database.writing() as connection:
        write_rows(connection, mpc_orbits, rows)
    ingest_visits(database, exposures(n_visits))
    earth(NIGHT)  # the ephemeris is read
    start, cpu = time.perf_counter(), time.process_time()
    made = make_segments(database, [NIGHT])[NIGHT].made
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    if made != n_orbits:
        raise WrongResult(f"{made:,} of {n_orbits:,} orbits have a segment")
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql('VACUUM ANALYZE "SsEphemeris"')
    report = predict_visits(database)
    _check(database)
    return {
        "orbits": n_orbits,
        "segment_seconds": seconds,
        "segment_cpu_seconds": cpu,
        "segment_bytes": _table_bytes(database) / n_orbits,
        "predictions_per_visit": sum(report.predictions.values()) / n_visits,
        "visit_ms": 1e3 * (report.seconds - report.seconds_segments) / n_visits,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def made_up_orbits(n: int) -> pa.Table:
    """Rows of mpc_orbits; the first letters of their designations are in the order of the rows."""
    rng = np.random.default_rng(1)
    near = rng.random(n) < _NEAR_EARTH_SHARE
    a = np.where(near, rng.uniform(1.0, 3.0, n), rng.uniform(2.1, 3.3, n))
    e = np.where(near, 1.0 - rng.uniform(0.6, 1.3, n) / a, np.minimum(rng.rayleigh(0.1, n), 0.35))
    e = np.clip(e, 0.01, 0.95)
    anomaly = rng.uniform(-180.0, 180.0, n)
    names = [_designation(i) for i in range(n)]
    columns: dict[str, Any] = {
        "id": np.arange(1, n + 1),
        "designation": names,
        "packed_primary_provisional_designation": [pack(name)[0] for name in names],
        "unpacked_primary_provisional_designation": names,
        "q": a * (1.0 - e),
        "e": e,
        "i": np.minimum(rng.rayleigh(np.where(near, 12.0, 7.0)), 90.0),
        "node": rng.uniform(0.0, 360.0, n),
        "argperi": rng.uniform(0.0, 360.0, n),
        "peri_time": EPOCH - anomaly / (0.9856076686 * a**-1.5),
        "epoch_mjd": np.full(n, EPOCH),
        "h": rng.normal(17.5, 1.2, n),
        "g": np.full(n, 0.15),
    }
    schema = arrow_schema(mpc_orbits)
    return pa.table({name: pa.array(values, schema.field(name).type) for name, values in columns.items()})


def _designation(i: int) -> str:
    rest, order = divmod(i, 25)
    rest, half_month = divmod(rest, 24)
    cycle, year = divmod(rest, 26)
    return f"{2000 + year} {_LETTERS[half_month]}{_LETTERS[order]}{cycle or ''}"


def exposures(n: int) -> pa.Table:
    """Rows of Visit: a night along the ecliptic, up to 45 deg from opposition."""
    rng = np.random.default_rng(2)
    away = (earth(NIGHT + 0.25) - sun(NIGHT + 0.25))[0, :3]
    x, y = away[0], away[1] * np.cos(_OBLIQUITY) + away[2] * np.sin(_OBLIQUITY)
    longitude = np.arctan2(y, x) + np.radians(rng.uniform(-45.0, 45.0, n))
    latitude = np.radians(rng.uniform(-10.0, 10.0, n))
    east, north, up = (
        np.cos(latitude) * np.cos(longitude),
        np.cos(latitude) * np.sin(longitude),
        np.sin(latitude),
    )
    cos, sin = np.cos(_OBLIQUITY), np.sin(_OBLIQUITY)
    ra, dec = positions(np.column_stack([east, cos * north - sin * up, sin * north + cos * up]))
    return pa.table(
        {
            "visit": np.arange(1, n + 1),
            "midpointMjdTai": NIGHT + 0.05 + 0.4 * np.arange(n) / n,
            "ra": ra,
            "dec": dec,
            "radius": np.full(n, RADIUS_DEG),
            "observatoryCode": pa.array(["X05"] * n),
        }
    )


def _table_bytes(database: Database) -> int:
    name = ss_ephemeris.name
    with database.reading() as connection:
        if database.dialect == "postgresql":
            size = sa.text("SELECT pg_total_relation_size(:name)")
            return connection.execute(size, {"name": f'"{name}"'}).scalar_one()
        pages = sa.text("SELECT sum(pgsize) FROM dbstat WHERE name LIKE :name")
        try:
            return connection.execute(pages, {"name": f"%{name}%"}).scalar_one()
        except sa.exc.OperationalError:
            return 0  # this SQLite was built without the table dbstat


def _check(database: Database) -> None:
    """Raises WrongResult if predictions are not those of the engine itself."""
    columns = (ss_prediction.c[name] for name in ("ssObjectId", "midpointMjdTai", "ephRa", "ephDec"))
    with database.reading() as connection:
        rows = connection.execute(sa.select(*columns).order_by(ss_prediction.c.visit).limit(_CHECKED)).all()
        if not rows:
            raise WrongResult("nothing was predicted")
        of_object = {row.ssObjectId: row for row in rows}
        catalogue = orbits_of(connection, [packed_from_id(object_id) for object_id in of_object])
    of_rows = [of_object[object_id] for object_id in catalogue.ids.tolist()]
    times, place = np.unique([row.midpointMjdTai for row in of_rows], return_inverse=True)
    seen = ephemeris(catalogue.orbits, times, "X05")
    ra, dec = (seen[name][np.arange(len(of_rows)), place] for name in ("ephRa", "ephDec"))
    apart = separations([row.ephRa for row in of_rows], [row.ephDec for row in of_rows], ra, dec).max()
    if apart > 1e-4:
        raise WrongResult(f"a prediction is {apart * 1e3:.3f} mas from where the engine puts the object")


def text_of(figures: dict[str, Any]) -> str:
    """The figures as lines for people."""
    return "\n".join(_line(dialect, values) for dialect, runs in figures["databases"].items() for values in runs)


def _line(dialect: str, values: dict[str, float]) -> str:
    n = values["orbits"]
    return (
        f"{dialect:10}  {n:9,} orbits  segments {values['segment_seconds']:7.1f} s "
        f"(processor {values['segment_cpu_seconds']:.1f} s; for {CATALOGUE:,}: "
        f"{values['segment_cpu_seconds'] * CATALOGUE / n:.0f} s), {values['segment_bytes']:.0f} bytes each "
        f"({values['segment_bytes'] * CATALOGUE / 1e6:.0f} MB)  "
        f"{values['visit_ms']:6.1f} ms a visit of {values['predictions_per_visit']:.0f} predictions  "
        f"memory {values['memory_mb']:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
