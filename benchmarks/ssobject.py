"""`ssdb summarize` of simulated objects, and its fits and MOIDs beside those of others.

    python -m benchmarks.ssobject [--quick] [--objects 100000] [--databases postgresql sqlite] [--postgresql-url URL]
                                  [--json FILE]

Objects like those of MPCORB, seen 50 times each in six bands, with rotation, are loaded in bulk; then all are
summarized, reading and writing included. On a sample of the same observations the fit is timed beside scipy's
least_squares, called as Rubin's task calls it, and beside sbpy's; the MOID beside distlink-python, which is Python
alone. sbpy and distlink-python are measured where they are installed. What the figures mean is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from benchmarks.children import Child, child_process, peak_memory_mb
from benchmarks.dia import timed, vacuum
from benchmarks.goals import Goal
from benchmarks.servers import (
    WrongResult,
    describe_database,
    describe_machine,
    servers,
    temporary_database,
)
from ssdb.config import SummaryConfig
from ssdb.errors import SsdbError
from ssdb.identity.identify import identify
from ssdb.ingest.orbits import ingest_orbits
from ssdb.ingest.visits import ingest_visits
from ssdb.schema.apdb_dia import BANDS, dia_source
from ssdb.schema.apdb_solar_system import ss_object, ss_source
from ssdb.schema.arrow import arrow_schema, numpy_type
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.ddl.partitions import make_partitions
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.write import write_tables
from ssdb.summary.fit import fit_phase_curves
from ssdb.summary.moid import earth_moid
from ssdb.summary.phase_curves import magnitudes
from ssdb.summary.summarize import summarize
from ssdb.units import AB_ZERO_POINT_NJY, Array, Columns, Index

OBSERVATIONS = 50
"""Of each object, in the mean."""
_FULL = 50_000
"""Objects without which a run is not of the size that the goals of the whole command are about."""
_AMPLITUDE = 0.15
"""Of rotation, mag."""
_COLOURS = np.array([1.6, 0.5, 0.0, -0.15, -0.2, -0.2])
"""H in ugrizy less that in r."""
_FIRST_MJD = 61_000.0
_VISITS_PER_PART = 10
_CONFIG = SummaryConfig()
_ELEMENTS = ("q", "e", "i", "node", "argperi", "epoch_mjd")

Figures = dict[str, Any]


class Sky:
    """Objects with phase curves, rotation and orbits, and the visits that see them."""

    def __init__(self, n_objects: int, n_visits: int) -> None:
        rng = np.random.default_rng(1)
        self.n_objects, self.visits = n_objects, np.arange(n_visits)
        self.seen_share = OBSERVATIONS / n_visits
        """Of the objects, in each visit."""
        names = _designations(n_objects)
        self.ids, self.designations = identify(pa.array(names, pa.string()))
        self.H = rng.uniform(15.0, 21.0, n_objects)
        self.G12 = rng.uniform(0.2, 0.8, n_objects)
        near, far = rng.random(n_objects) < 0.03, rng.random(n_objects) < 0.02
        q = np.where(near, rng.uniform(0.1, 1.3, n_objects), rng.uniform(1.7, 2.8, n_objects))
        q = np.where(far, rng.uniform(4.0, 40.0, n_objects), q)
        e = np.where(near, rng.uniform(0.0, 0.95, n_objects), rng.beta(2.0, 12.0, n_objects))
        i = np.degrees(np.abs(rng.normal(0.0, 0.15, n_objects)))
        node, argperi = rng.uniform(0.0, 360.0, (2, n_objects))
        self.orbits: Columns = {"q": q, "e": e, "i": i, "node": node, "argperi": argperi}
        self.orbits |= {"epoch_mjd": np.full(n_objects, _FIRST_MJD)}
        self.phase, self.largest = rng.uniform(0.0, 1.0, n_objects), np.degrees(np.arcsin(1.0 / np.maximum(q, 1.2)))

    def numbers(self) -> list[int]:
        """Of all visits: some a night, so that their sources have partitions."""
        return [self.number(k) for k in self.visits.tolist()]

    def number(self, k: int) -> int:
        return (20_250_000 + k // 5) * 100_000 + k % 5 + 1

    def time(self, k: int) -> float:
        return _FIRST_MJD + 7.0 * (k // 5) + 0.01 * (k % 5)

    def rows_of_visits(self) -> pa.Table:
        """Rows of Visit."""
        ks = self.visits.tolist()
        each = {"ra": 150.0, "dec": -5.0, "radius": 1.75, "exposureTime": 30.0}
        columns: dict[str, Any] = {name: np.full(len(ks), value) for name, value in each.items()}
        columns |= {"visit": self.numbers(), "midpointMjdTai": [self.time(k) for k in ks]}
        return pa.table(columns | {"band": [BANDS[k % 6] for k in ks]})

    def rows_of_orbits(self) -> pa.Table:
        """Rows of mpc_orbits."""
        name = {"unpacked_primary_provisional_designation": self.designations.astype(str)}
        return pa.table(name | self.orbits | {"peri_time": np.full(self.n_objects, _FIRST_MJD)})

    def seen(self, k: int) -> tuple[Index, Array, Array, Array, Array]:
        """Of the kth visit: objects, phase angles (deg), distance from the Sun (au), magnitudes, their errors."""
        rng = np.random.default_rng([2, k])
        which = np.flatnonzero(rng.random(self.n_objects) < self.seen_share)
        angle = self.largest[which] * np.abs(np.sin(np.pi * (self.time(k) / 450.0 + self.phase[which])))
        range_ = self.orbits["q"][which] + 0.2
        error = rng.uniform(0.01, 0.08, len(which))
        magnitude = self.H[which] + _COLOURS[k % 6] + magnitudes("HG12", angle, self.G12[which])
        magnitude += _AMPLITUDE * np.sin(rng.uniform(0.0, 2.0 * np.pi, len(which)))
        return which, angle, range_, magnitude + error * rng.standard_normal(len(which)), error

    def rows(self, k: int) -> tuple[pa.Table, pa.Table]:
        """Rows of DiaSource and SSSource of the kth visit, every column filled, no flag set."""
        which, angle, range_, magnitude, error = self.seen(k)
        n, rng = len(which), np.random.default_rng([3, k])
        flux = 10.0 ** (0.4 * (AB_ZERO_POINT_NJY - magnitude - 5.0 * np.log10(range_**2)))
        ids = {"diaSourceId": self.number(k) * 1_000_000 + np.arange(n), "ssObjectId": self.ids[which]}
        visit = {"visit": np.full(n, self.number(k)), "detector": rng.integers(0, 189, n)}
        sources = ids | visit | {"midpointMjdTai": np.full(n, self.time(k)), "extendedness": rng.random(n)}
        sources |= {"psfFlux": flux, "psfFluxErr": flux * error / 1.0857362, "trailLength": np.zeros(n)}
        matches = ids | visit | {"phaseAngle": angle, "helioRange": range_, "topoRange": range_}
        band = {"band": BANDS[k % 6]}
        names = {"designation": self.designations[which].astype(str)}
        return _filled(dia_source, n, rng, sources, band), _filled(ss_source, n, rng, matches | names, {})


def _designations(n: int) -> list[str]:
    """Provisional designations, twelve thousand in twenty years with each cycle."""
    halves, letters = "ABCDEFGHJKLMNOPQRSTUVWXY", "ABCDEFGHJKLMNOPQRSTUVWXYZ"
    one = [f"{year} {a}{b}" for year in range(2000, 2020) for a in halves for b in letters]
    return [f"{one[k % len(one)]}{k // len(one) or ''}" for k in range(n)]


_UNKNOWN = {"diaObjectId", "parentDiaSourceId", "ssObjectReassocTimeMjdTai", "timeWithdrawnMjdTai"}
"""Columns of DiaSource that are NULL."""


def _filled(table: sa.Table, n: int, rng: np.random.Generator, values: dict[str, Any], texts: dict[str, str]) -> Any:
    """Rows of a table: random numbers in the columns that are not given."""
    arrays: dict[str, Any] = {}
    for field in arrow_schema(table):
        if field.name in values:
            given = values[field.name]
            numeric = not pa.types.is_string(field.type)
            arrays[field.name] = pa.array(given.astype(numpy_type(field.type)) if numeric else given, field.type)
        elif field.name in _UNKNOWN:
            continue
        elif pa.types.is_string(field.type):
            arrays[field.name] = pa.array([texts.get(field.name, "v1")] * n, field.type)
        elif pa.types.is_boolean(field.type):
            arrays[field.name] = pa.array(np.zeros(n, bool), field.type)
        else:
            arrays[field.name] = pa.array(rng.uniform(1.0, 80.0, n).astype(numpy_type(field.type)), field.type)
    return pa.table(arrays)


# ---- the command -----------------------------------------------------------------------------------------------------


def load(database: Database, sky: Sky) -> int:
    """Stores what the objects were seen at, as if it had been associated; how many observations there are."""
    ingest_visits(database, sky.rows_of_visits())
    ingest_orbits(database, sky.rows_of_orbits())
    n = 0
    with database.writing() as connection:
        make_partitions(connection, np.array(sky.numbers()), (ss_source, dia_source))
    for some in np.array_split(sky.visits, max(1, len(sky.visits) // _VISITS_PER_PART)):
        parts = [sky.rows(k) for k in some.tolist()]
        with database.writing() as connection:
            for table, rows in zip((dia_source, ss_source), zip(*parts, strict=True), strict=True):
                write_tables(connection, table, rows, sum(part.num_rows for part in rows))
        n += sum(matches.num_rows for _, matches in parts)
    return n


def summarize_all(url: str) -> Figures:
    """Summarizes every object, in the process that is measured."""
    with closing(connect(url)) as database:
        start, cpu = time.perf_counter(), time.process_time()
        report = summarize(database, all=True)
        seconds, client = time.perf_counter() - start, time.process_time() - cpu
    stages = {name: stage.seconds for name, stage in report.stages.items()}
    return {"seconds": seconds, "client": client, "peak_mb": peak_memory_mb(), "stages": stages}


def measure(place: Any, child: Child, sky: Sky) -> Figures:
    """Figures of one database."""
    with temporary_database(place) as url, closing(initialize(url)) as database:
        start = time.perf_counter()
        n = load(database, sky)
        figures: Figures = {"database": describe_database(database), "observations": n}
        figures["load"] = time.perf_counter() - start
        if database.dialect == "postgresql":
            vacuum(database)
        figures["summarize"] = timed_on(database, lambda: child(summarize_all, url))
        return figures | {"truth": _compared(database, sky, n)}


def timed_on(database: Database, call: Callable[[], Figures]) -> Figures:
    """With the processor time of the server, where there is one."""
    return timed(database, call) if database.dialect == "postgresql" else call() | {"server": 0.0}


def _compared(database: Database, sky: Sky, n: int) -> Figures:
    """What was stored beside the truth: standard deviations of (stored - true) / error, of fitted slopes."""
    columns = [ss_object.c[name] for name in ("ssObjectId", "nObs", "MOIDEarth")]
    of_bands = [ss_object.c[f"{band}_{name}"] for band in BANDS for name in ("H", "HErr", "G12", "nObsUsed")]
    with database.reading() as connection:
        rows = read_arrays(connection, sa.select(*columns, *of_bands).order_by(ss_object.c.ssObjectId))
    order = np.argsort(sky.ids)
    seen = np.isin(sky.ids[order], rows["ssObjectId"])
    if len(rows["ssObjectId"]) != seen.sum() or rows["nObs"].sum() != n:
        raise WrongResult(f"{rows['nObs'].sum():,} of {n:,} observations are in {len(seen):,} rows of SSObject")
    if not (np.isfinite(rows["MOIDEarth"])).all():
        raise WrongResult("objects with an orbit are without MOID")
    true_H = sky.H[order][seen]
    pulls = [(rows[f"{b}_H"] - true_H - _COLOURS[k]) / rows[f"{b}_HErr"] for k, b in enumerate(BANDS)]
    slopes = np.concatenate([rows[f"{band}_G12"] for band in BANDS]).astype(float)
    used = sum(int(rows[f"{band}_nObsUsed"].sum()) for band in BANDS)
    pull = np.concatenate(pulls).astype(float)
    if np.nanmin(slopes) < 0 or np.nanmax(slopes) > 1:
        raise WrongResult(f"G12 is from {np.nanmin(slopes)} to {np.nanmax(slopes)}")
    return {"objects": int(seen.sum()), "pull": float(np.nanstd(pull)), "used": used}


# ---- side by side ----------------------------------------------------------------------------------------------------


def fits(sky: Sky, n_of_scipy: int, n_of_sbpy: int) -> Figures:
    """Seconds of the processor for one object in one band: ssdb of a large share of all, others of some of them."""
    parts = []
    for k in sky.visits.tolist():
        which, angle, _, magnitude, error = sky.seen(k)
        few = which < 20_000
        parts.append((6 * which[few] + k % 6, angle[few], magnitude[few], error[few]))
    group, angle, magnitude, error = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.argsort(group, kind="stable")
    group, angle, magnitude, error = (x[order] for x in (group, angle, magnitude, error))
    starts = np.flatnonzero(np.append(True, np.diff(group) > 0))
    starts = np.append(starts, len(group))
    seconds, found = _processor(lambda: fit_phase_curves(starts, angle, magnitude, error, _CONFIG, "HG12"))
    enough = np.flatnonzero((np.diff(starts) >= 4) & ~found["slope_fit_failed"])
    sample = [slice(starts[k], starts[k + 1]) for k in enough[:n_of_scipy]]
    figures: Figures = {"groups": len(starts) - 1, "ssdb": seconds / (len(starts) - 1)}
    peers: dict[str, tuple[int, Callable[[slice], Any]]] = {}
    from scipy.optimize import least_squares

    def by_scipy(rows: slice) -> Any:
        m, a, s = magnitude[rows], angle[rows], error[rows]
        return least_squares(lambda x: (m - x[0] - magnitudes("HG12", a, x[1])) / s, [m[0], 0.1])

    peers["scipy least_squares"] = n_of_scipy, by_scipy
    if (sbpy := _sbpy_fit(angle, magnitude)) is not None:
        peers["sbpy"] = n_of_sbpy, sbpy
    for name, (n, one) in peers.items():
        some = sample[:n]
        one(some[0])
        figures[name] = _processor(lambda one=one, some=some: [one(rows) for rows in some])[0] / len(some)
    return figures


def _sbpy_fit(angle: Array, magnitude: Array) -> Callable[[slice], Any] | None:
    """sbpy's fit of one group, with the quicker of astropy's fitters that take bounds."""
    try:
        import astropy.units as u
        from astropy.modeling.fitting import LevMarLSQFitter
        from sbpy.photometry import HG12
    except ImportError:
        return None

    def fit(rows: slice) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return HG12.from_obs(
                {"alpha": angle[rows] * u.deg, "mag": magnitude[rows] * u.mag}, LevMarLSQFitter(), "mag"
            )

    return fit


def moids(sky: Sky, n_of_distlink: int) -> Figures:
    """Seconds of the processor for one orbit, and the largest difference, au."""
    elements = np.stack([sky.orbits[name] for name in _ELEMENTS])
    seconds, found = _processor(lambda: earth_moid(*elements)["MOIDEarth"])
    figures: Figures = {"orbits": sky.n_objects, "ssdb": seconds / sky.n_objects}
    try:
        import distlink
    except ImportError:
        return figures
    t = (_FIRST_MJD - 51544.5) / 36525.0
    largest, smallest, _ = distlink.detect_suitable_options()
    inclination, perihelion = np.radians([-0.00001531 - 0.01294668 * t, 102.93768193 + 0.32327364 * t])
    earth = distlink.COrbitData(1.00000261 + 0.00000562 * t, 0.01671123 - 0.00004392 * t, inclination, perihelion, 0.0)

    def one(q: float, e: float, i: float, node: float, argperi: float, _: float) -> float:
        other = distlink.COrbitData(q / (1.0 - e), e, *np.radians([i, argperi, node]))
        return float(distlink.MOID_fast(earth, other, largest, smallest).distance)

    sample = elements[:, :n_of_distlink].T
    seconds, distances = _processor(lambda: [one(*orbit) for orbit in sample.tolist()])
    difference = np.abs(found[: len(sample)] - distances).max()
    if difference > 1e-9:
        raise WrongResult(f"a MOID differs from distlink-python's by {difference:g} au")
    return figures | {"distlink-python": seconds / len(sample), "difference": float(difference)}


def _processor(call: Callable[[], Any]) -> tuple[float, Any]:
    before = time.process_time()
    result = call()
    return time.process_time() - before, result


# ---- the run ---------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> Figures:
    """All figures."""
    n_objects, n_visits = (500, 100) if options.quick else (options.objects, 500)
    sky = Sky(n_objects, n_visits)
    figures: Figures = {"machine": describe_machine(), "objects": n_objects, "databases": {}}
    samples = (20, 5, 50) if options.quick else (500, 100, 3000)
    figures["fit"], figures["moid"] = fits(sky, *samples[:2]), moids(sky, samples[2])
    with servers(options.databases, options.postgresql_url) as places:
        for name in options.databases:
            with child_process({}) as child:
                place, figures["server"] = places[name]
                figures["databases"][name] = measure(place, child, sky)
    figures["goals"] = [goal._asdict() for goal in goals(figures)]
    return figures


def goals(figures: Figures) -> Iterator[Goal]:
    """What is to be reached."""
    fit, moid, full = figures["fit"], figures["moid"], figures["objects"] >= _FULL
    for what, peer, one, least in (
        ("fits", "scipy least_squares", fit, 10),
        ("fits", "sbpy", fit, 100),
        ("MOIDs", "distlink-python", moid, 2),
    ):
        if peer in one:
            ratio = one[peer] / one["ssdb"]
            reached = ratio >= least if full else None
            yield Goal(f"{what} in the time of one by {peer}", f"at least {least}", f"{ratio:.1f}", reached)
    for name, one in figures["databases"].items():
        whole, pull = one["summarize"], one["truth"]["pull"]
        if name == "postgresql" and whole["server"] is not None:
            seconds = whole["client"] + whole["server"]
            reached = seconds <= 90.0 if full else None
            yield Goal("processor of the whole command, PostgreSQL", "90 s", f"{seconds:.1f} s", reached)
        peak = whole["peak_mb"]
        yield Goal(f"memory of the client, {name}", "500 MB", f"{peak:.0f} MB", peak <= 500.0)
        yield Goal(f"pull of H, {name}", "0.9 to 1.15", f"{pull:.3f}", 0.9 <= pull <= 1.15 if full else None)


def text_of(figures: Figures) -> str:
    """The figures for people."""
    machine, fit, moid = figures["machine"], figures["fit"], figures["moid"]
    lines = [
        f"{figures['objects']:,} objects, {OBSERVATIONS} observations each in {len(BANDS)} bands",
        f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; load before {machine['load']:.1f}",
        f"python {machine['python']}, numpy {machine['numpy']}, scipy {machine['scipy']}",
        "",
        f"{'seconds':34}{'wall':>8}{'client':>9}{'server':>9}{'MB':>7}{'loading':>10}",
    ]
    for name, one in figures["databases"].items():
        whole = one["summarize"]
        server = f"{'?':>9}" if whole["server"] is None else f"{whole['server']:9.2f}"
        times = f"{whole['seconds']:8.2f}{whole['client']:9.2f}{server}{whole['peak_mb']:7.0f}{one['load']:10.1f}"
        lines.append(f"{f'summarize all, {name}':34}{times}")
        lines += [f"  {stage:32}{spent:8.2f}" for stage, spent in whole["stages"].items()]
    lines += ["", f"{'microseconds of processor':34}{'one':>10}"]
    for what, one, peers in (
        ("fit", fit, ("ssdb", "scipy least_squares", "sbpy")),
        ("MOID", moid, ("ssdb", "distlink-python")),
    ):
        for peer in peers:
            told = f"{1e6 * one[peer]:10.1f}" if peer in one else f"{'not installed':>14}"
            lines.append(f"{f'{what}, {peer}':34}{told}")
    lines += ["", f"{'goal':50}{'to reach':>14}{'this run':>12}  reached"]
    said = {True: "yes", False: "no", None: "too few objects to say"}
    lines += [f"{g['what']:50}{g['limit']:>14}{g['figure']:>12}  {said[g['reached']]}" for g in figures["goals"]]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        figures = run(options)
    except (SsdbError, WrongResult) as error:
        print(f"benchmarks.ssobject: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(text_of(figures))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ssobject", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few objects: whether it runs, not how fast")
    parser.add_argument("--objects", type=int, default=100_000, help="how many are simulated (100000)")
    databases = ("postgresql", "sqlite")
    parser.add_argument("--databases", nargs="+", choices=databases, default=["postgresql"], help="which (postgresql)")
    parser.add_argument("--postgresql-url", help="a server whose user may create databases; else as benchmarks.night")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
