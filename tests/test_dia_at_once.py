"""Several workers on one field: the objects are those that one worker makes, and never two of one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from dia_surveys import ARCSEC, field, load, load_visits, rows_of, sources, stored
from test_dia_associate import done, holds

from ssdb.config import DiaConfig
from ssdb.dia.associate import DiaReport, associate_dia
from ssdb.dia.merge import merge_objects
from ssdb.dia.withdraw import withdraw
from ssdb.ingest.forced import ingest_forced
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.schema.dia import dia_match, dia_object_alias, dia_object_moment
from ssdb.schema.survey import visit
from ssdb.sky.cells import CELLS, cells_near
from ssdb.store.database import Database
from ssdb.store.ddl.migrate import connect
from ssdb.store.locks import lock_cells
from ssdb.store.tables.delete import delete_visits

RUNS = 50
"""Of each kind."""


def forget_all(database: Database) -> None:
    """As before the first association."""
    with database.writing() as connection:
        for table in (dia_match, dia_object, dia_object_last, dia_object_moment, dia_object_alias):
            connection.execute(sa.delete(table))
        connection.execute(sa.update(dia_source).values(diaObjectId=None))
        connection.execute(sa.update(visit).values(diaStatus="pending", diaRunId=None))


@contextmanager
def two_workers(url: str) -> Iterator[Callable[[], list[DiaReport]]]:
    """Begin together whenever they are called, each with connections of its own; none is a visit ahead of the other."""
    start = threading.Barrier(2)

    def work(database: Database, turn: threading.Barrier) -> DiaReport:
        def meet(*_: int) -> None:
            with suppress(threading.BrokenBarrierError):
                turn.wait()

        start.wait()
        try:
            return associate_dia(database, solar_system=False, progress=meet)
        finally:
            turn.abort()

    with connect(url) as one, connect(url) as other, ThreadPoolExecutor(2) as pool:
        yield lambda: list(pool.map(work, (one, other), [threading.Barrier(2)] * 2))


def test_workers_make_the_objects_that_one_makes(postgresql_url: str) -> None:
    """C9.7: overlapping visits, some without a field of their own, by two workers; a hundred times in all."""
    with connect(postgresql_url) as database, two_workers(postgresql_url) as at_once:
        load_visits(database, [1, 2])
        load_visits(database, [3, 4], radius=None)
        load(database, field(range(1, 5), n=12))
        done(database)
        alone = stored(database)
        for _ in range(RUNS):
            forget_all(database)
            reports = at_once()
            assert [report.failed for report in reports] == [{}, {}]
            assert all(report.visits for report in reports)
            assert sorted(one.visit for report in reports for one in report.visits) == [1, 2, 3, 4]
            assert stored(database) == alone
        holds(database)


def test_sources_outside_of_their_fields_are_no_doubled_objects(postgresql_url: str) -> None:
    """Fields that do not meet, whose sources do: nobody has to wait for the other, but both see the same cells."""
    with connect(postgresql_url) as database, two_workers(postgresql_url) as at_once:
        load_visits(database, [1], ra=5.0, radius=0.1)
        load_visits(database, [2], ra=25.0, radius=0.1)
        load(database, [sources(1, 10.0, -30.0), sources(2, 10.0 + 0.05 * ARCSEC, -30.0)], skip_invalid=False)
        for _ in range(RUNS):
            forget_all(database)
            reports = at_once()
            assert [report.failed for report in reports] == [{}, {}]
            assert [row["nDiaSources"] for row in rows_of(database, dia_object_last)] == [2]


def test_a_worker_passes_over_what_another_has(postgresql_url: str) -> None:
    """A visit whose cells are taken is left for now; another field is done meanwhile."""
    with connect(postgresql_url) as database, connect(postgresql_url) as other:
        load_visits(database, [1])
        load_visits(database, [2], ra=200.0)
        load(database, [sources(1, 10.0, -30.0), sources(2, 200.0, -30.0)])
        with ThreadPoolExecutor(1) as pool, other.writing() as connection:
            lock_cells(connection, cells_near([10.0], [-30.0], 0.01))
            work = pool.submit(associate_dia, database, solar_system=False)
            while True:
                with database.reading() as reader:
                    status = {
                        row.visit: row.diaStatus for row in reader.execute(sa.select(visit.c.visit, visit.c.diaStatus))
                    }
                if status[2] == "done":
                    break
            assert status[1] == "pending"
            connection.rollback()
            assert [one.visit for one in work.result().visits] == [1, 2]


def test_cells_hold_their_surroundings() -> None:
    assert len(CELLS) == len(set(CELLS)) == 242
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 360, 2000), np.degrees(np.arcsin(rng.uniform(-1, 1, 2000)))
    ra, dec = np.append(ra, [0.0, 359.999, 15.0, 1.0, 1.0]), np.append(dec, [0.0, 0.0, 75.0, 90.0, -90.0])
    assert set(cells_near(ra, dec, 0.01).tolist()) <= set(CELLS)
    for one_ra, one_dec in zip(ra.tolist(), dec.tolist(), strict=True):
        own = cells_near([one_ra], [one_dec], 1e-9)
        around = cells_near([one_ra], [one_dec], 0.01)
        assert set(own) <= set(around)
        near = (np.array([one_ra + 0.005 / max(np.cos(np.radians(one_dec)), 1e-3)]) % 360, np.array([one_dec]))
        if abs(one_dec) < 89:
            assert set(cells_near(*near, 1e-9)) <= set(around)
    assert len(cells_near([14.999999], [74.999999], 0.01)) == 3
    assert len(cells_near([], [], 0.01)) == 0
    assert DiaConfig().radius_arcsec == 1.0


def test_cells_are_locked_at_once(postgresql_url: str) -> None:
    """Whoever took some and then more would wait for those who wait for the first. All commands, where cells meet."""
    taken: list[set[str]] = []

    def begin(_connection: sa.Connection) -> None:
        taken.clear()

    def note(connection: sa.Connection, _cursor: object, text: str, given: Any, *_: object) -> None:
        if "SsLock" in text and "names" in (given or {}):
            names = set(given["names"])
            assert not taken or names <= taken[0], text
            taken.append(names)

    with connect(postgresql_url) as database:
        sa.event.listen(database.engine, "begin", begin)
        sa.event.listen(database.engine, "before_cursor_execute", note)
        load_visits(database, [1, 2, 3], ra=15.0)
        # 3003 is of visit 3 alone, and in another cell; fluxes of it are of visit 1.
        step = 50 * ARCSEC
        load(database, [sources(n, [15.0 - step, 15.0 + 0.02 * n], -29.0) for n in (1, 2)])
        load(database, [sources(3, [15.0 - step, 15.0, 15.1, 31.0], -29.0)])
        done(database)
        fluxes = {"diaObjectId": [1000, 3003], "visit": [2, 1], "psfFlux": [1.0] * 2, "psfFluxErr": [1.0] * 2}
        fluxes |= {"ra": [15.0 - step, 31.0], "dec": [-29.0] * 2}
        ingest_forced(database, fluxes)
        merge_objects(database, 60.0)
        withdraw(database, pa.table({"diaSourceId": [3001, 3002]}))
        done(database, [2])
        load(database, [sources(2, [15.0 - step, 15.0 + step], -29.0)], replace=True)
        done(database)
        merge_objects(database, 60.0)
        ingest_forced(database, fluxes | {"psfFlux": [2.0] * 2})
        delete_visits(database, [1])
        assert len(taken) > 1
        holds(database)
