"""A visit's DiaObjects by ssdb, beside the same rows read and stored by lsst-dax-apdb, on one PostgreSQL.

    python -m benchmarks.dia [--history 30] [--sources 10000] [--visits 3] [--dax-python PYTHON] [--dax-index baseline]
                             [--postgresql-url URL] [--json FILE]

One field, seen once a day, with a history that is loaded in bulk on both sides. Then some visits more: ssdb ingests the
sources, gives them to DiaObjects and stores everything; ApdbSql reads the objects of the field and their sources of the
last 12 months, and stores the same sources and objects (association and statistics, which upstream does in between, are
not counted). In turns, with ssdb a second time in a database with a history of 10 visits: its time is not to grow.
What the figures mean is in docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from benchmarks.children import Child, child_process, peak_memory_mb
from benchmarks.goals import Goal
from benchmarks.servers import (
    WrongResult,
    describe_database,
    describe_machine,
    server_seconds,
    servers,
    settle,
    temporary_database,
)
from ssdb.config import DiaConfig
from ssdb.dia.associate import associate_dia
from ssdb.errors import SsdbError
from ssdb.ingest.sources import ingest_sources
from ssdb.ingest.visits import ingest_visits
from ssdb.moments import ERRORS, FLUXES, folded
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.schema.arrow import arrow_schema, numpy_type
from ssdb.schema.columns import long
from ssdb.schema.dia import dia_match
from ssdb.sky.sphere import moved
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database, open_database
from ssdb.store.ddl.migrate import connect, initialize
from ssdb.store.ddl.partitions import make_partitions
from ssdb.store.tables.dia_objects import BAND_BYTES, make_objects
from ssdb.store.transfer.read import read_table
from ssdb.store.transfer.write import write_rows
from ssdb.units import Columns

SHORT = 10
"""Visits of the history with which a longer one is compared."""
_FIELD = (150.0, -30.0, 1.75)
"""Centre and radius, deg."""
_RECURRING = 0.9
"""Share of the sources of a visit that are of objects seen before: so often each of the variable stars is seen."""
_ERROR_ARCSEC = 0.1
_FIRST_MJD = 61_000.0
_FOLDED = ["diaObjectId", "diaSourceId", "midpointMjdTai", "band", "ra", "dec", *ERRORS, *FLUXES]
"""Columns of DiaSource that objects are made of."""
_UNKNOWN = {"ssObjectId", "parentDiaSourceId", "ssObjectReassocTimeMjdTai", "timeWithdrawnMjdTai"}
"""Columns of DiaSource that are NULL; all others have values."""

Figures = dict[str, Any]


class Sky:
    """Variable stars in a field, nine tenths of which are seen in each visit, and as many sources of other things."""

    def __init__(self, n_sources: int) -> None:
        self.n_sources = n_sources
        rng = np.random.default_rng(1)
        self.ra, self.dec = _spread(rng, n_sources)
        self.mean = rng.uniform(500.0, 5000.0, n_sources)
        self.object_id = np.zeros(n_sources, np.int64)
        """By the truth: the first source of each, once it is seen."""
        self.n_known = 0
        """Of the last visit that was made: sources of stars that had been seen before."""

    def visit(self, k: int) -> int:
        """The number of the kth visit."""
        return (20_250_000 + k) * 100_000 + 1

    def visits(self, ks: Sequence[int]) -> pa.Table:
        """Rows of Visit."""
        ra, dec, radius = _FIELD
        each = {"ra": ra, "dec": dec, "radius": radius, "exposureTime": 30.0}
        columns: dict[str, Any] = {name: np.full(len(ks), value) for name, value in each.items()}
        columns |= {"visit": [self.visit(k) for k in ks], "midpointMjdTai": [_FIRST_MJD + k for k in ks]}
        return pa.table(columns | {"band": [_band(k) for k in ks]})

    def sources(self, k: int, *, with_objects: bool) -> pa.Table:
        """Sources of the kth visit, every column filled; visits must be asked for in order.

        ``with_objects``: with the diaObjectId that they are to have.
        """
        rng = np.random.default_rng([2, k])
        seen = np.flatnonzero(rng.random(len(self.ra)) < _RECURRING)
        others = _spread(rng, self.n_sources - len(seen))
        n = self.n_sources
        error = rng.uniform(0.5, 1.5, n) * _ERROR_ARCSEC / 3600.0
        ra, dec = np.append(self.ra[seen], others[0]), np.append(self.dec[seen], others[1])
        ra, dec = _away(ra, dec, rng, error * np.sqrt(rng.chisquare(2, n)))
        ids = self.visit(k) * 100_000 + np.arange(n)
        self.n_known = int((self.object_id[seen] > 0).sum())
        self.object_id[seen] = np.where(self.object_id[seen], self.object_id[seen], ids[: len(seen)])
        values: dict[str, Any] = {
            "diaSourceId": ids,
            "visit": np.full(n, self.visit(k)),
            "detector": rng.integers(0, 189, n),
            "midpointMjdTai": np.full(n, _FIRST_MJD + k),
            "timeProcessedMjdTai": np.full(n, _FIRST_MJD + k),
            "ra": ra,
            "dec": dec,
            "raErr": error,
            "decErr": error,
            "ra_dec_Cov": 0.1 * error**2,
            "psfFlux": np.append(self.mean[seen], rng.uniform(500.0, 5000.0, n - len(seen))) * rng.normal(1.0, 0.2, n),
            "psfFluxErr": rng.uniform(20.0, 60.0, n),
            "reliability": rng.uniform(0.5, 1.0, n),
        }
        if with_objects:
            values["diaObjectId"] = np.append(self.object_id[seen], ids[len(seen) :])
        return _filled(values, _band(k), rng, set() if with_objects else {"diaObjectId"})


def _band(k: int) -> str:
    return "griz"[k % 4]


def _spread(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    ra, dec, radius = _FIELD
    return _away(np.full(n, ra), np.full(n, dec), rng, radius * np.sqrt(rng.random(n)))


def _away(ra: np.ndarray, dec: np.ndarray, rng: np.random.Generator, distance: np.ndarray) -> Any:
    """Places at distances (deg) from others, in any direction."""
    angle = rng.uniform(0.0, 2.0 * np.pi, len(ra))
    return moved(ra, dec, distance * np.sin(angle), distance * np.cos(angle), 1.0)


def _filled(values: dict[str, Any], band: str, rng: np.random.Generator, left_out: set[str]) -> pa.Table:
    """Rows of DiaSource with random numbers in the other columns, no flag set."""
    arrays: dict[str, Any] = {}
    n = len(values["ra"])
    for field in arrow_schema(dia_source):
        if field.name in values:
            numbers = values[field.name].astype(numpy_type(field.type))
        elif field.name in _UNKNOWN | left_out:
            continue
        elif pa.types.is_string(field.type):
            arrays[field.name] = pa.array([band if field.name == "band" else "v1"] * n, field.type)
            continue
        elif pa.types.is_boolean(field.type):
            numbers = np.zeros(n, bool)
        else:
            numbers = rng.uniform(1.0, 80.0, n).astype(numpy_type(field.type))
            numbers = np.minimum(numbers, 1) if field.name == "extendedness" else numbers
        arrays[field.name] = pa.array(numbers, field.type)
    return pa.table(arrays)


# ---- ssdb ------------------------------------------------------------------------------------------------------------


def load_history(database: Database, sky: Sky, n: int) -> None:
    """Stores n visits as if they had been associated: sources with their objects, and what the objects are by them."""
    ingest_visits(database, sky.visits(range(n)))
    parts = []
    for k in range(n):
        rows = sky.sources(k, with_objects=True)
        ingest_sources(database, rows)
        parts.append(rows.select(_FOLDED))
    sources = {name: column.to_numpy() for name, column in zip(_FOLDED, pa.concat_tables(parts).columns, strict=True)}
    sources["band"] = sources["band"].astype(f"S{BAND_BYTES}")
    config = DiaConfig()
    with database.writing() as connection:
        make_partitions(connection, np.array([sky.visit(k) for k in range(n)]))
        make_objects(connection, *folded(sources.pop("diaObjectId"), sources, config), config, mjd_tai_now())
        source = dia_source.c
        names = ("visit", "diaSourceId", "diaObjectId", "separation", "chi2", "logOdds", "isNew")
        made = source.diaSourceId == source.diaObjectId
        found = map(sa.literal, (0.1, 1.0, 9.0))
        rows = sa.select(source.visit, source.diaSourceId, source.diaObjectId, *found, made)
        connection.execute(sa.insert(dia_match).from_select(names, rows))
        connection.execute(sa.text("""UPDATE "Visit" SET "diaStatus" = 'done', "diaRunId" = 'history'"""))


def ingest_one(url: str, visits: pa.Table, sources: pa.Table) -> Figures:
    """Loads a visit, in the process that is measured."""
    return _measured(url, lambda database: (ingest_visits(database, visits), ingest_sources(database, sources)))[0]


def associate_one(url: str) -> Figures:
    """Gives the sources of what is pending to DiaObjects, and stores it."""
    figures, report = _measured(url, lambda database: associate_dia(database, solar_system=False))
    (outcome,) = report.visits
    counts = {"updated": outcome.n_updated, "new": outcome.n_new, "marginal": outcome.n_marginal}
    stages = {name: stage.seconds for name, stage in report.stages.items()}
    return figures | {"rows": counts, "stages": stages}


def _measured(url: str, call: Callable[[Database], Any]) -> tuple[Figures, Any]:
    with closing(connect(url)) as database:
        start, cpu = time.perf_counter(), time.process_time()
        result = call(database)
        seconds, client = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds, "client": client, "peak_mb": peak_memory_mb()}, result


class Side:
    """ssdb with a history of some length."""

    def __init__(self, place: sa.URL, child: Child, database: Database, sky: Sky, history: int) -> None:
        self.child, self.database, self.history = child, database, history
        self.url = database.engine.url.render_as_string(hide_password=False)
        load_history(database, sky, history)
        vacuum(database)

    def visit(self, sky: Sky, k: int) -> tuple[Figures, Figures]:
        """Figures of ingest and of association of a visit."""
        sources = sky.sources(k, with_objects=False)
        ingest = timed(self.database, lambda: self.child(ingest_one, self.url, sky.visits([k]), sources))
        vacuum(self.database, f'"DiaSource_{self.partition(sky.visit(k))}"')  # what autovacuum would do in a minute
        before = self.counted()
        associated = timed(self.database, lambda: self.child(associate_one, self.url))
        after = self.counted()
        rows = associated["rows"]
        # Three in a hundred may lie too far from their star for three sigma, or near another one.
        off = abs(rows["updated"] - sky.n_known)
        if rows["updated"] + rows["new"] != sky.n_sources or off > 0.03 * sky.n_sources + 3:
            counts = f"{rows['updated']:,} objects of {sky.n_sources:,} sources were known, {rows['new']:,} new"
            raise WrongResult(f"{counts}; of {sky.n_known:,} the star had been seen before")
        grown = {name: {what: after[name][what] - n for what, n in one.items()} for name, one in before.items()}
        associated["tables"] = _by_table(grown, self.partition(sky.visit(k)))
        return ingest, associated

    @staticmethod
    def partition(visit: int) -> int:
        """The first visit of the partition that has a visit."""
        return visit // 100_000 * 100_000

    def counted(self) -> dict[str, dict[str, int]]:
        """What the server has counted of the tables of DiaObjects since it began; sessions have told when they end."""
        self.database.engine.dispose()
        with self.database.session() as connection:
            return {name: dict(zip(_COUNTS, counts, strict=True)) for name, *counts in connection.execute(_COUNTED)}


_COUNTS = ("rows", "buffers", "updated", "hot")
_COUNTED = sa.text(
    """SELECT t.relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0),
              heap_blks_read + heap_blks_hit, n_tup_upd, n_tup_hot_upd
       FROM pg_stat_user_tables t JOIN pg_statio_user_tables USING (relid) WHERE t.relname LIKE 'Dia%'"""
)


def _by_table(grown: dict[str, Any], partition: int) -> dict[str, Any]:
    """What was counted, with the partitions of earlier nights in one."""
    found: dict[str, dict[str, int]] = {}
    for name, one in grown.items():
        whole, _, first = name.partition("_")
        if first:
            whole = whole if first == str(partition) else f"earlier {whole}"
        into = found.setdefault(whole, dict.fromkeys(_COUNTS, 0))
        for what in into:
            into[what] += one[what]
    return found


def timed(database: Database, call: Callable[[], Figures]) -> Figures:
    """What a call gives, with the processor time of the server, after all that is due has been written."""
    settle(database)
    before = server_seconds(database)
    figures = call()
    time.sleep(0.2)  # until the server has taken leave of the process that did it, whose time it counts then
    after = server_seconds(database)
    return figures | {"server": None if before is None or after is None else after - before}


def vacuum(database: Database, table: str = "") -> None:
    """Has the server know its tables, as it does some time after they were loaded."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"VACUUM ANALYZE {table}")


# ---- lsst-dax-apdb ---------------------------------------------------------------------------------------------------


@contextmanager
def dax_process(python: str) -> Iterator[Callable[..., Any]]:
    """A process of another interpreter that has lsst-dax-apdb; what is yielded asks it."""
    script = Path(__file__).with_name("dax.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    process = subprocess.Popen([python, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdin
    assert process.stdout

    def ask(name: str, *arguments: Any) -> Any:
        try:
            pickle.dump((name, arguments), process.stdin)
            process.stdin.flush()
            return pickle.load(process.stdout)
        except (EOFError, BrokenPipeError) as error:
            raise WrongResult(f"{python} {script.name} ended in {name}") from error

    try:
        yield ask
    finally:
        process.stdin.close()
        process.wait()


class Dax:
    """lsst-dax-apdb with a database of its own that has the history of ssdb's."""

    def __init__(self, ask: Callable[..., Any], url: str, index: str, history: Side) -> None:
        self.ask = ask
        self.version = ask(
            "create", sa.make_url(url).set(drivername="postgresql+psycopg2").render_as_string(False), index
        )
        self.database = open_database(url)
        self.tables = [dia_object, *([dia_object_last] if index == "last_object_table" else [])]
        with history.database.reading() as source, self.database.writing() as target:
            for table in self.tables:
                self._copy(source, target, table, sa.true())
            for visit in source.scalars(sa.text('SELECT visit FROM "Visit" ORDER BY visit')).all():
                self._copy(source, target, dia_source, dia_source.c.visit == visit)
        vacuum(self.database)
        ask("rehearse", *_FIELD[:2], _FIRST_MJD)

    def _copy(self, source: sa.Connection, target: sa.Connection, table: sa.Table, which: Any) -> None:
        there = {column["name"] for column in sa.inspect(target).get_columns(table.name)}
        names = [name for name in arrow_schema(table).names if name in there]
        schema = pa.schema([arrow_schema(table).field(name) for name in names])
        rows = read_table(source, sa.select(*(table.c[name] for name in names)).where(which), schema)
        pixels = self.ask("pixels", rows["ra"].to_numpy(), rows["dec"].to_numpy())
        columns = [sa.Column(name, table.c[name].type, info=table.c[name].info) for name in names]
        wide = sa.Table(table.name, sa.MetaData(), *columns, long("pixelId", "", "", ""))
        write_rows(target, wide, rows.append_column("pixelId", pa.array(pixels, pa.int64())))

    def visit(self, sky: Sky, k: int, side: Side) -> Figures:
        """Figures of the visit that ssdb has done."""
        objects, sources = rows_of_visit(side.database, sky.visit(k))
        figures = timed(self.database, lambda: self.ask("visit", _FIELD, _FIRST_MJD + k, objects, sources))
        expected = side.history * sky.n_sources
        if side.history < 350 and figures["rows"]["history"] < expected:
            raise WrongResult(f"lsst-dax-apdb read {figures['rows']['history']:,} of {expected:,} sources")
        return figures


def rows_of_visit(database: Database, visit: int) -> tuple[Columns, Columns]:
    """Rows of DiaObject and DiaSource that a visit left in the database of ssdb; columns without values left out."""
    with database.reading() as connection:
        of_visit = sa.select(dia_match.c.diaObjectId).where(dia_match.c.visit == visit)
        conditions = (dia_object.c.diaObjectId.in_(of_visit), dia_source.c.visit == visit)
        found = []
        for table, which in zip((dia_object, dia_source), conditions, strict=True):
            schema = arrow_schema(table)
            rows = read_table(connection, sa.select(*(table.c[name] for name in schema.names)).where(which), schema)
            known = {name: rows[name] for name in rows.column_names if rows[name].null_count < rows.num_rows}
            found.append({name: column.to_numpy() for name, column in known.items()})
    return found[0], found[1]


# ---- the run ---------------------------------------------------------------------------------------------------------


def run(options: argparse.Namespace) -> Figures:
    """All figures."""
    figures: Figures = {"machine": describe_machine(), "history": options.history, "sources": options.sources}
    lengths = sorted({min(SHORT, options.history), options.history})
    with servers(["postgresql"], options.postgresql_url) as places, child_process({}) as child:
        place, figures["server"] = places["postgresql"]
        with databases(place, len(lengths)) as made:
            skies = [Sky(options.sources) for _ in lengths]
            sides = [Side(place, child, *one) for one in zip(made, skies, lengths, strict=True)]
            figures["database"] = describe_database(made[0])
            with dax(options, place, sides[-1]) as peer:
                figures["dax"] = None if peer is None else peer.version
                # The first visit is not counted: what is made once is made then.
                each = [
                    _turn(skies, sides, peer if 0 < n <= options.dax_visits else None, n)
                    for n in range(options.visits + 1)
                ][1:]
    figures["visits"] = each
    figures["goals"] = [goal._asdict() for goal in goals(figures)]
    return figures


def _turn(skies: list[Sky], sides: list[Side], peer: Dax | None, n: int) -> Figures:
    turn: Figures = {"ssdb": {}}
    for sky, side in zip(skies, sides, strict=True):
        ingest, associated = side.visit(sky, side.history + n)
        turn["ssdb"][str(side.history)] = {"ingest": ingest, "associate": associated}
    if peer:
        turn["dax"] = peer.visit(skies[-1], sides[-1].history + n, sides[-1])
    return turn


@contextmanager
def databases(place: Any, n: int) -> Iterator[list[Database]]:
    """New databases of ssdb."""
    if not n:
        yield []
        return
    with temporary_database(place) as url, closing(initialize(url)) as database, databases(place, n - 1) as others:
        yield [database, *others]


@contextmanager
def dax(options: argparse.Namespace, place: Any, side: Side) -> Iterator[Dax | None]:
    """lsst-dax-apdb, where an interpreter that has it is given."""
    if not options.dax_python:
        yield None
        return
    with temporary_database(place) as url, dax_process(options.dax_python) as ask:
        peer = Dax(ask, url, options.dax_index, side)
        with closing(peer.database):
            yield peer


def goals(figures: Figures) -> Iterator[Goal]:
    """What is to be reached."""
    history = figures["history"]
    whole = [summed(figures, str(history)), *([summed(figures, str(SHORT))] if history > SHORT else [])]
    full = figures["sources"] >= 9000
    if figures["dax"]:
        limit = 0.1 if history >= 300 else 0.5
        of_dax = least(turn["dax"]["seconds"] for turn in figures["visits"] if "dax" in turn)
        ratio = whole[0]["seconds"] / of_dax
        yield Goal("ssdb to lsst-dax-apdb", f"at most {limit:g}", f"{ratio:.3f}", ratio <= limit if full else None)
    if len(whole) == 2:
        ratio = whole[0]["associate"] / whole[1]["associate"]
        what = f"associate with {history} visits of history to {SHORT}"
        yield Goal(what, "at most 1.2", f"{ratio:.2f}", ratio <= 1.2 if full else None)
    read = max(_earlier(turn["ssdb"][str(history)]["associate"]["tables"]) for turn in figures["visits"])
    yield Goal("rows of history that associate reads", "0", f"{read:,}", read == 0)
    peak = max(one[step]["peak_mb"] for turn in figures["visits"] for one in turn["ssdb"].values() for step in one)
    yield Goal("memory of the client", "500 MB", f"{peak:.0f} MB", peak <= 500.0)


def _earlier(tables: dict[str, Any]) -> int:
    return sum(one["rows"] for name, one in tables.items() if name.startswith("earlier"))


def least(values: Iterator[float]) -> float:
    """The least of the visits: others use the machine, and can only make a visit slower."""
    return min(values)


def summed(figures: Figures, history: str) -> Figures:
    """Ingest and association of the visits with a history of some length: the least times of each."""
    ours = [turn["ssdb"][history] for turn in figures["visits"]]
    steps = {step: least(one[step]["seconds"] for one in ours) for step in ("ingest", "associate")}
    return steps | {"seconds": sum(steps.values())}


def text_of(figures: Figures) -> str:
    """The figures for people."""
    machine = figures["machine"]
    lines = [
        f"{figures['sources']:,} sources a visit, {figures['history']} visits before; {len(figures['visits'])} more",
        f"{machine['cores']} cores, {machine['cpu']}, {machine['system']}; load before {machine['load']:.1f}",
        f"python {machine['python']}, PostgreSQL {figures['database']['version']}: {figures['server']}; "
        f"lsst-dax-apdb {figures['dax'] or 'not measured: no --dax-python'}",
        "",
        f"{'seconds a visit, the least':46}{'wall':>8}{'client':>9}{'server':>9}{'MB':>7}",
    ]
    for history in figures["visits"][0]["ssdb"]:
        for step in ("ingest", "associate"):
            each = [turn["ssdb"][history][step] for turn in figures["visits"]]
            lines.append(_line(f"ssdb {step}, history {history}", each))
    if figures["dax"]:
        each = [turn["dax"] for turn in figures["visits"] if "dax" in turn]
        lines.append(_line(f"lsst-dax-apdb, history {figures['history']}", each))
        lines += [f"  {name:44}{least(one['stages'][name] for one in each):8.3f}" for name in each[0]["stages"]]
        rows = each[-1]["rows"]
        lines.append(f"  read: {rows['objects']:,} objects, {rows['history']:,} sources")
    last = figures["visits"][-1]["ssdb"][str(figures["history"])]["associate"]
    lines += ["", f"{'associate, stages of the last visit':46}{'wall':>8}"]
    lines += [f"  {name:44}{spent:8.3f}" for name, spent in sorted(last["stages"].items(), key=lambda item: -item[1])]
    lines += ["", f"{'associate, tables of the last visit':46}{'rows read':>10}{'buffers':>9}{'updated':>9}{'HOT':>8}"]
    for name, one in last["tables"].items():
        lines.append(f"  {name:44}{one['rows']:10,}{one['buffers']:9,}{one['updated']:9,}{one['hot']:8,}")
    lines += ["", f"{'goal':46}{'to reach':>14}{'this run':>12}  reached"]
    said = {True: "yes", False: "no", None: "too few sources to say"}
    lines += [f"{g['what']:46}{g['limit']:>14}{g['figure']:>12}  {said[g['reached']]}" for g in figures["goals"]]
    return "\n".join(lines)


def _line(what: str, each: list[Figures]) -> str:
    one = min(each, key=lambda figures: figures["seconds"])
    server = f"{'?':>9}" if one["server"] is None else f"{one['server']:9.3f}"
    return f"{what:46}{one['seconds']:8.3f}{one['client']:9.3f}{server}{max(e['peak_mb'] for e in each):7.0f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """The command: prints the figures, and writes them as JSON if that is asked for; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        figures = run(options)
    except (SsdbError, WrongResult) as error:
        print(f"benchmarks.dia: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(text_of(figures))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dia", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--history", type=int, default=30, help="visits that the field has been seen before (30)")
    parser.add_argument("--sources", type=int, default=10_000, help="sources a visit (10000)")
    parser.add_argument("--visits", type=int, default=3, help="visits that are measured, after one that is not (3)")
    of_peer = "of these, how many lsst-dax-apdb does (all)"
    parser.add_argument("--dax-visits", type=int, default=sys.maxsize, help=of_peer)
    peer = "an interpreter that has lsst-dax-apdb and psycopg2; without it, ssdb is measured alone"
    parser.add_argument("--dax-python", default=os.environ.get("SSDB_DAX_PYTHON"), help=peer)
    index = "how lsst-dax-apdb finds the newest version of objects (baseline, its default)"
    parser.add_argument(
        "--dax-index", choices=("baseline", "pix_id_iov", "last_object_table"), default="baseline", help=index
    )
    parser.add_argument("--postgresql-url", help="a server whose user may create databases; else as benchmarks.night")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
