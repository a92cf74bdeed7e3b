"""`ssdb sky` on a million and a half orbits: the first question ever, of a month, of a night, and the next ones.

    python -m benchmarks.sky [--objects 1500000] [--mpcorb MPCORB.DAT[.gz]] [--databases sqlite postgresql]
                             [--postgresql-url URL] [--days 60] [--json FILE]

Orbits are those of MPCORB where such a file is given, each many times with other angles; else they are drawn. A
question is about a circle of 0.5 deg, places are drawn along the ecliptic. What is found is compared with the positions
of a sample of all orbits by the integrator alone: nothing may be missing. The figures are in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.servers import WrongResult, describe_machine, servers, temporary_database
from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.observer import tdb_of_tai
from ssdb.ephemeris.orbits import ELEMENTS, Orbits
from ssdb.identity.identify import identify
from ssdb.ingest.formats.mpcorb import read_mpcorb
from ssdb.io.kept_arrays import KeptArrays
from ssdb.predict.sky_now import Sky, sky_of
from ssdb.predict.sky_orbits import state_of
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.arrow import arrow_schema
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.sky.sphere import positions, separations, unit_vectors
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.transfer.write import write_rows
from ssdb.units import Columns

Figures = dict[str, Any]
"""Numbers, or seconds of the wall clock and of the processor."""

EPOCH = 61_000.0
_RADIUS_DEG = 0.5
_QUESTIONS = 200
_SAMPLE = 4_000


def elements(n: int, path: Path | None) -> Columns:
    """Elements, H and G of n orbits: those of MPCORB with other nodes, perihelia and places on the orbit, or drawn."""
    rng = np.random.default_rng(1)
    if path is not None:
        blocks = [block.rows for block in read_mpcorb(path)]
        names = (*ELEMENTS, "h", "g")
        known = {name: np.concatenate([rows.column(name).to_numpy() for rows in blocks]) for name in names}
        which = np.arange(n) % len(known["q"])
        found = {name: values[which] for name, values in known.items()}
    else:
        near = rng.random(n) < 0.03
        q = np.where(near, rng.uniform(0.3, 1.3, n), rng.uniform(1.7, 2.8, n))
        e = np.where(near, rng.uniform(0.1, 0.7, n), rng.beta(2.0, 12.0, n))
        found = {"q": q, "e": e, "i": np.degrees(np.abs(rng.normal(0.0, 0.12, n))), "epoch_mjd": np.full(n, EPOCH)}
        found |= {"h": rng.uniform(14.0, 20.0, n), "g": np.full(n, 0.15)}
    period = 365.25 * (found["q"] / (1.0 - found["e"])) ** 1.5
    again = np.arange(n) >= (0 if path is None else len(known["q"]))
    changes = {"node": rng.uniform(0.0, 360.0, n), "argperi": rng.uniform(0.0, 360.0, n)}
    changes["peri_time"] = found["epoch_mjd"] + rng.uniform(-0.5, 0.5, n) * period
    return found | {name: np.where(again, values, found.get(name, values)) for name, values in changes.items()}


def load(database: Database, columns: Columns) -> None:
    """Stores orbits in bulk."""
    n = len(columns["q"])
    halves, letters = "ABCDEFGHJKLMNOPQRSTUVWXY", "ABCDEFGHJKLMNOPQRSTUVWXYZ"
    first = [f"{year} {a}{b}" for year in range(1980, 2026) for a in halves for b in letters]
    names = [f"{first[k % len(first)]}{k // len(first) or ''}" for k in range(n)]
    ids, designations = identify(pa.array(names, pa.string()))
    packed = [one.to_bytes(8, "big").lstrip(b"\0").decode() for one in ids.tolist()]
    texts = designations.astype(str)
    of_names = {"id": np.arange(1, n + 1), "designation": texts, "packed_primary_provisional_designation": packed}
    of_names["unpacked_primary_provisional_designation"] = texts
    types = arrow_schema(mpc_orbits)
    rows = pa.table(
        {name: pa.array(values).cast(types.field(name).type) for name, values in (of_names | columns).items()}
    )
    with database.writing() as connection:
        write_rows(connection, mpc_orbits, rows)


def measure(database: Database, cache: Path, days: float) -> Figures:
    """Seconds of all steps and of questions, of the wall clock and of the processor (all threads, not of a server)."""
    night = int(EPOCH + days)
    rng = np.random.default_rng(3)
    ecliptic = unit_vectors(rng.uniform(0.0, 360.0, _QUESTIONS), rng.normal(0.0, 5.0, _QUESTIONS))
    ra, dec = positions(ecliptic @ mean_ecliptic_rotation())
    times = night + rng.uniform(0.1, 0.9, _QUESTIONS)
    with closing(one_orbit()) as small:  # astropy's tables, and modules that are imported once
        sky_of(small, cache=False)(10.0, 10.0, 1.0, EPOCH, "X05")
    figures: Figures = {}

    def timed(what: str, call: Callable[[], Any]) -> Any:
        wall, processor = time.perf_counter(), time.process_time()
        result = call()
        figures[what] = [time.perf_counter() - wall, time.process_time() - processor]
        return result

    kept = KeptArrays(None)
    sky = timed("orbits are read, once", lambda: sky_of(database, cache=cache))
    timed("have orbits changed", lambda: state_of(database, kept))
    timed("first of 32 nights", lambda: sky(ra[0], dec[0], _RADIUS_DEG, times[0], "X05"))
    timed("first of a night", lambda: sky(ra[0], dec[0], _RADIUS_DEG, times[0] + 1.0, "X05"))
    sky(ra[0], dec[0], _RADIUS_DEG, times[0], "X05")
    each, n_found = [], []
    for where in zip(ra.tolist(), dec.tolist(), times.tolist(), strict=True):
        answer = timed("one", lambda where=where: sky(where[0], where[1], _RADIUS_DEG, where[2], "X05"))
        each.append(figures.pop("one"))
        n_found.append(len(answer.rows))
    figures["next ones, median"] = np.median(each, axis=0).tolist()
    figures["next ones, slowest of 20"] = np.quantile(each, 0.95, axis=0).tolist()
    table = pa.table({"ra": ra, "dec": dec, "midpointMjdTai": times})
    answer = timed("of a file", lambda: sky.positions(table, _RADIUS_DEG, "X05"))
    figures["of a file"] = [seconds / _QUESTIONS for seconds in figures["of a file"]]
    if len(answer.rows) != sum(n_found):
        raise WrongResult(f"{len(answer.rows):,} objects at once, one by one {sum(n_found):,}")
    again = timed("opened again", lambda: sky_of(database, cache=cache))
    timed("first question then", lambda: again(ra[0], dec[0], _RADIUS_DEG, times[0], "X05"))
    figures["objects in a circle"] = float(np.mean(n_found))
    figures["followed once"] = len(sky._night(night)[0].moved)
    figures["compared"] = _compare(sky, night)
    figures["MB kept"] = sum(file.stat().st_size for file in cache.rglob("*.npy")) / 1e6
    return figures


def one_orbit() -> Database:
    """A database in memory with one orbit."""
    database = connect()
    load(database, {name: values[:1] for name, values in elements(1, None).items()})
    return database


def _compare(sky: Sky, night: int) -> int:
    """Positions of a sample by the integrator alone, of which none may be missing; how many are in fields."""
    orbits, _ = sky._night(night)
    rows = np.sort(np.random.default_rng(4).choice(len(orbits), min(_SAMPLE, len(orbits)), replace=False))
    arrays = orbits.arrays
    plain = Orbits(
        arrays["packed"][rows], arrays["epochs"][rows], arrays["states"][rows], arrays["h"][rows], arrays["g"][rows]
    )
    n = 0
    for time_ in (night + 0.02, night + 0.61):
        seen = ephemeris(plain, [time_], "X05")
        for ra in range(0, 360, 45):
            ecliptic = positions(unit_vectors(float(ra), 0.0) @ mean_ecliptic_rotation())
            apart = separations(*ecliptic, seen["ephRa"][:, 0], seen["ephDec"][:, 0])
            inside = np.flatnonzero(apart < 7.0 * 3600.0)
            near = sky._night(night)[1].near(*map(float, ecliptic), 7.0, float(tdb_of_tai([time_])[0]))
            if len(missing := np.setdiff1d(rows[inside], near)):
                raise WrongResult(f"objects {missing[:10]} are within 7 deg, and not found")
            n += len(inside)
    return n


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--objects", type=int, default=1_500_000)
    parser.add_argument("--mpcorb", type=Path)
    parser.add_argument("--databases", nargs="+", default=["sqlite"], choices=["sqlite", "postgresql"])
    parser.add_argument("--postgresql-url")
    parser.add_argument("--days", type=float, default=60.0, help="from the epoch of the orbits to the night")
    parser.add_argument("--keep", type=Path, help="an SQLite database that is made where there is none, and kept")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    found: dict[str, Any] = {"machine": describe_machine(), "objects": options.objects, "days": options.days}
    columns = elements(options.objects, options.mpcorb)
    with servers(options.databases, options.postgresql_url) as places:
        for name in options.databases:
            place = places[name][0]
            if options.keep:
                if not options.keep.exists():
                    with closing(initialize(f"sqlite:///{options.keep}")) as database:
                        load(database, columns)
                found[name] = _measured(f"sqlite:///{options.keep}", options.days)
            else:
                with temporary_database(place) as url:
                    with closing(initialize(url)) as database:
                        load(database, columns)
                    found[name] = _measured(url, options.days)
            for what, value in found[name].items():
                values = value if isinstance(value, list) else [value]
                print(f"{name:12} {what:26}", *(f"{number:12,.4g}" for number in values))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))
    return 0


def _measured(url: str, days: float) -> Figures:
    with tempfile.TemporaryDirectory(prefix="ssdb-bench-") as cache, closing(connect(url)) as database:
        return measure(database, Path(cache), days)


if __name__ == "__main__":
    sys.exit(main())
