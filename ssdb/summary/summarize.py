"""The road from observations to SSObject: which objects are due, reading, fits and MOID, and writing, by chunks."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.association.stages import Stages
from ssdb.config import SummaryConfig
from ssdb.errors import SsdbError, UsageError, option
from ssdb.identity.aliases import designation_of
from ssdb.identity.resolve import find_object
from ssdb.schema.apdb_solar_system import mpc_orbits, ss_object, ss_source
from ssdb.store.database import Database
from ssdb.store.ddl.partitions import read_in_turns
from ssdb.store.query_plans import index_loops
from ssdb.store.tables.ss_objects import (
    due_objects,
    forget_notes,
    lock_summaries,
    note_objects_of_visits,
    replace_summaries,
    summarized_objects,
)
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged
from ssdb.store.transfer.write import Progress
from ssdb.summary.moid import ELEMENTS, earth_moid, tisserand
from ssdb.summary.observations import read_observations
from ssdb.summary.rows import summarize_observations
from ssdb.units import Columns, Integers

_OBSERVATIONS_PER_CHUNK = 400_000
_MANY = 20_000
"""Of more objects than these the observations of all are counted, in one go."""


@dataclass(slots=True)
class SummaryReport:
    """What one call of :func:`summarize` did."""

    config: SummaryConfig
    n_objects: int = 0
    """Objects that were summarized: rows of SSObject that were written."""
    n_removed: int = 0
    """Objects without observations by now: they have no row any more."""
    n_observations: int = 0
    n_fits: int = 0
    """Phase curves: rows of SsObjectFit."""
    seconds: float = 0.0
    stages: Stages = field(default_factory=Stages)
    """Seconds of every stage."""

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        plain = {
            name: getattr(self, name) for name in ("n_objects", "n_removed", "n_observations", "n_fits", "seconds")
        }
        return {"config": asdict(self.config)} | plain | {"stages": self.stages.as_dict()}


def summarize(
    database: Database,
    objects: Sequence[str] | None = None,
    *,
    all: bool = False,
    config: SummaryConfig | None = None,
    progress: Progress | None = None,
) -> SummaryReport:
    """Fills SSObject and SsObjectFit: what all observations of an object say together. See docs/ssobject.md.

    Some hundred thousand observations a transaction; killed, it may be called again, and does the rest. Others may
    write meanwhile: what they change of objects that are done is noted, and due the next time. Two calls at once take
    turns.

    Parameters
    ----------
    database : Database
    objects : sequence of str, optional
        Only these, by any of their names, whether they are due or not. Without it: all that are due, because their
        observations, their names or their orbits have changed.
    all : bool
        All objects that were ever observed.
    config : SummaryConfig, optional
    progress : callable, optional
        Called with the numbers of observations done now, and of all.

    Raises
    ------
    NotFoundError, DesignationError
        If a name is not that of one object. Nothing is changed then.
    """
    if all and objects is not None:
        raise UsageError(f"{option('--all', 'all=True')} and {option('--object', 'objects=')} exclude each other")
    started = time.perf_counter()
    report = SummaryReport(config or SummaryConfig())
    for chunk in _chunks(database, objects, all, report.stages):
        _summarize_chunk(database, chunk, report)
        if progress:
            progress(int(chunk["n"].sum()), int(chunk["total"]))
    report.seconds = time.perf_counter() - started
    return report


def _chunks(database: Database, names: Sequence[str] | None, all: bool, stages: Stages) -> Iterator[dict[str, Any]]:
    """Objects (ascending) with the numbers of their observations, by chunks, and how many observations there are."""
    with database.writing() as connection, stages.timed("due"):
        if names is not None:
            found = np.unique(np.array([find_object(connection, name).ssObjectId for name in names], np.int64))
        else:
            lock_summaries(connection)
            note_objects_of_visits(connection)
            found = due_objects(connection)
        n = _count(connection, found, all)
        if all:
            every = [found, summarized_objects(connection), n["ssObjectId"]]
            found = np.unique(np.concatenate(every))
    count = np.zeros(len(found), np.int64)
    count[np.searchsorted(found, n["ssObjectId"])] = n["n"]
    part = np.cumsum(count) // _OBSERVATIONS_PER_CHUNK
    for chunk in np.split(np.arange(len(found)), np.flatnonzero(np.diff(part)) + 1):
        if len(chunk):
            yield {"objects": found[chunk], "n": count[chunk], "total": count.sum()}


def _count(connection: sa.Connection, objects: Integers, all: bool) -> Columns:
    """How many observations there are of objects (or of all): ssObjectId and n, of those that have any."""
    number = sa.cast(sa.func.count(), sa.BigInteger).label("n")
    counted = sa.select(ss_source.c.ssObjectId, number).group_by(ss_source.c.ssObjectId)
    if all or len(objects) > _MANY:
        if connection.dialect.name == "postgresql":
            # Many similar identifiers have the same hash.
            connection.exec_driver_sql("SET LOCAL enable_hashagg = off")
        found = _joined(read_in_turns(connection, counted, ss_source))
        if all:
            return found
        wanted = np.isin(found["ssObjectId"], objects)
        return {name: values[wanted] for name, values in found.items()}
    with listed(connection, "counted_object", objects) as among, index_loops(connection):
        some = counted.where(among(ss_source.c.ssObjectId))
        return _joined(read_in_turns(connection, some, ss_source, bounded=True))


def _joined(counts: Columns) -> Columns:
    """Counts of objects, of which some may be there several times, by object, ascending."""
    objects, place = np.unique(counts["ssObjectId"], return_inverse=True)
    n = np.zeros(len(objects), np.int64)
    np.add.at(n, place, counts["n"])
    return {"ssObjectId": objects, "n": n}


def _summarize_chunk(database: Database, chunk: dict[str, Any], report: SummaryReport) -> None:
    objects, timed = chunk["objects"], report.stages.timed
    with database.writing() as connection:
        with timed("claim"):
            lock_summaries(connection)
            forget_notes(connection, objects)
        with timed("read") as stage:
            observations = read_observations(connection, objects, report.config)
            stage.rows += len(observations["ssObjectId"])
            seen, first = np.unique(observations["ssObjectId"], return_index=True)
            names = _designations(seen, observations.pop("designation")[first])
            orbits = _read_orbits(connection, seen, names)
        with timed("moid"):
            of_orbits = _from_orbits(orbits)
        with timed("fit"):
            rows, fits = summarize_observations(observations, of_orbits | {"designation": names}, report.config)
        with timed("write") as stage:
            replace_summaries(connection, objects, rows, fits)
            stage.rows += rows.num_rows + fits.num_rows
    report.n_objects += len(seen)
    report.n_removed += len(objects) - len(seen)
    report.n_observations += len(observations["ssObjectId"])
    report.n_fits += fits.num_rows


def _designations(objects: Integers, stored: np.ndarray) -> np.ndarray:
    """The designations of objects, text: as they are stored, else as their identifiers say."""
    names = np.char.decode(stored, "ascii").astype(object)
    for place in np.flatnonzero(names == ""):
        try:
            names[place] = designation_of(int(objects[place]))
        except SsdbError:
            names[place] = None
    # SSObject has each once; it stays that of the last, as between chunks.
    known = np.flatnonzero(names.astype(bool))
    _, last = np.unique(names[known][::-1].astype(str), return_index=True)
    names[np.setdiff1d(known, known[::-1][last])] = None
    return names


def _read_orbits(connection: sa.Connection, objects: Integers, designations: np.ndarray) -> Columns:
    """The elements of the orbits of objects, ascending; NaN where there are none."""
    empty = {name: np.full(len(objects), np.nan) for name in ELEMENTS}
    if not len(objects):
        return empty
    rows = pa.table({"ssObjectId": objects, "designation": pa.array(designations, pa.string())})
    with staged(connection, ss_object, rows) as wanted:
        statement = sa.select(wanted.c.ssObjectId, *(mpc_orbits.c[name] for name in ELEMENTS))
        same = mpc_orbits.c.unpacked_primary_provisional_designation == wanted.c.designation
        found = read_arrays(connection, statement.join_from(wanted, mpc_orbits, same))
    place = np.searchsorted(objects, found.pop("ssObjectId"))
    for name, values in found.items():
        empty[name][place] = values
    return empty


def _from_orbits(orbits: Columns) -> Columns:
    """The columns of SSObject that follow from orbits."""
    columns = {"tisserand_J": tisserand(*(orbits[name] for name in ELEMENTS[:3]))}
    return columns | earth_moid(*(orbits[name] for name in ELEMENTS))
