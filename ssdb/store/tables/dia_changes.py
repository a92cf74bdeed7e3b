"""What becomes of DiaObjects when their sources change, go, or turn out to be known objects.

All in the transaction of a connection that has locked the visits. Where no source of a visit was ever given to
DiaObjects, one question of the table Visit is all that this takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import sqlalchemy as sa

from ssdb.config import DiaConfig
from ssdb.schema.apdb_dia import dia_forced_source, dia_object_last, dia_source
from ssdb.schema.survey import visit
from ssdb.sky.cells import cells_near
from ssdb.store.clock import mjd_tai_now
from ssdb.store.locks import lock_cells
from ssdb.store.query_plans import Visits, between_visits, index_loops
from ssdb.store.tables.dia_matches import remove_matches
from ssdb.store.tables.dia_objects import recompute_objects
from ssdb.store.tables.runs import last_configuration
from ssdb.store.tables.sources import set_dia_objects
from ssdb.store.tables.visits import mark_objects_pending
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Columns, Integers

MARGIN_DEG = 0.01
"""So near to their sources objects are, wherever these have drawn them; but for merged ones."""


def stored_config(connection: sa.Connection) -> DiaConfig:
    """The configuration by which DiaObjects were made the last time."""
    text = last_configuration(connection)
    return DiaConfig() if text is None else DiaConfig.from_json(text)


def known_objects_found(connection: sa.Connection, visits: Sequence[int], found: Integers, lost: Integers) -> None:
    """Notes that sources turned out to be known objects, or not to be those that they were taken for.

    The ones leave their DiaObjects; the visits of the others are pending, so that they are given to some. ``visits``,
    ascending, are those of the sources.
    """
    if not _have_objects(connection, visits):
        return
    with listed(connection, "found_source", found) as among:
        release_sources(connection, visits, among(dia_source.c.diaSourceId), reassociated=True)
    if len(lost):
        with listed(connection, "lost_source", lost) as among, index_loops(connection):
            here = (among(dia_source.c.diaSourceId), between_visits(connection, dia_source, visits))
            mark_objects_pending(connection, list(connection.scalars(sa.select(dia_source.c.visit).where(*here))))


def release_sources(
    connection: sa.Connection, visits: Sequence[int], which: sa.ColumnElement[bool], *, reassociated: bool = False
) -> int:
    """Takes sources from their objects, which are computed anew or closed; how many sources that were."""
    which = which & between_visits(connection, dia_source, visits)
    given = _given(connection, which)
    n = len(given["diaSourceId"])
    if n:
        now = mjd_tai_now()
        nothing = np.zeros(n, np.int64)
        set_dia_objects(connection, visits, given["diaSourceId"], nothing, now if reassociated else None)
        remove_matches(connection, visits, given["diaSourceId"])
        recompute_objects(connection, given["diaObjectId"], stored_config(connection), now)
    return n


def release_lost_sources(connection: sa.Connection, here: sa.ColumnElement[bool]) -> None:
    """Takes sources from DiaObjects that there are no more: closed or merged while their partition was detached.

    ``here`` are the sources of the partition, which nobody else uses. The visits of those that are taken are pending.
    """
    object_id, last = dia_source.c.diaObjectId, dia_object_last.c.diaObjectId
    given = np.unique(read_arrays(connection, sa.select(object_id).where(here, object_id.is_not(None)))["diaObjectId"])
    with listed(connection, "object_of_source", given) as among:
        there = read_arrays(connection, sa.select(last).where(among(last)), bounded=True)["diaObjectId"]
    if len(there) == len(given):
        return
    with listed(connection, "lost_object", np.setdiff1d(given, there)) as among:
        wanted = sa.select(dia_source.c.visit, dia_source.c.diaSourceId).where(here, among(object_id))
        lost = read_arrays(connection, wanted, bounded=True)
    visits = np.unique(lost["visit"]).tolist()
    set_dia_objects(connection, visits, lost["diaSourceId"], np.zeros_like(lost["diaSourceId"]))
    remove_matches(connection, visits, lost["diaSourceId"])
    mark_objects_pending(connection, visits)


@contextmanager
def objects_change(
    connection: sa.Connection, visits: Visits, which: sa.ColumnElement[bool], *, removed: bool = False
) -> Iterator[None]:
    """Around a change of sources that meet a condition: afterwards their DiaObjects are computed anew or closed.

    ``visits`` are theirs; ``removed``: the sources are there no more. The visits are pending afterwards.
    """
    if not _have_objects(connection, visits):
        yield
        return
    given = _given(connection, which & dia_source.c.visit.in_(visits))
    if removed and len(given["diaSourceId"]):
        remove_matches(connection, np.unique(given["visit"]).tolist(), given["diaSourceId"])
    yield
    if len(given["diaSourceId"]):
        recompute_objects(connection, given["diaObjectId"], stored_config(connection), mjd_tai_now())
    mark_objects_pending(connection, visits)


def lock_objects_of(connection: sa.Connection, visits: Sequence[int]) -> None:
    """Locks the cells of all DiaObjects that sources and forced fluxes of visits belong to.

    All at once: whoever takes more later may wait for somebody who waits for the first.
    """
    if connection.dialect.name == "postgresql":
        source, forced, last = dia_source.c, dia_forced_source.c, dia_object_last.c
        of_sources = sa.select(source.ra, source.dec, source.diaObjectId).where(
            source.visit.in_(visits), source.diaObjectId.is_not(None)
        )
        of_fluxes = (
            sa.select(last.ra, last.dec)
            .join_from(dia_forced_source, dia_object_last, last.diaObjectId == forced.diaObjectId)
            .where(forced.visit.in_(visits))
        )
        given, fluxes = (read_arrays(connection, wanted, bounded=True) for wanted in (of_sources, of_fluxes))
        cells = cells_of_sources(connection, given, MARGIN_DEG)
        lock_cells(connection, np.union1d(cells, cells_near(fluxes["ra"], fluxes["dec"], MARGIN_DEG)))


def cells_of_sources(connection: sa.Connection, sources: Columns, margin_deg: float) -> Integers:
    """The cells around sources (ra, dec, diaObjectId: 0 where there is none) and around their present objects."""
    ra, dec, given = sources["ra"], sources["dec"], sources["diaObjectId"]
    if given.any():
        last = dia_object_last.c
        with listed(connection, "object_of_source", np.unique(given)) as among, index_loops(connection):
            wanted = sa.select(last.ra, last.dec).where(among(last.diaObjectId))
            objects = read_arrays(connection, wanted, bounded=True)
        ra, dec = np.append(ra, objects["ra"]), np.append(dec, objects["dec"])
    placed = np.isfinite(ra) & np.isfinite(dec)
    return cells_near(ra[placed], dec[placed], margin_deg)


def _have_objects(connection: sa.Connection, visits: Visits) -> bool:
    """Whether sources of visits were ever given to DiaObjects."""
    given = sa.select(visit.c.visit).where(visit.c.visit.in_(visits), visit.c.diaRunId.is_not(None))
    return connection.scalar(given.limit(1)) is not None


def _given(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Columns:
    """diaSourceId, visit and diaObjectId of sources that have objects, whose cells are locked now."""
    columns = [dia_source.c[name] for name in ("diaSourceId", "visit", "diaObjectId", "ra", "dec")]
    statement = sa.select(*columns).where(which, dia_source.c.diaObjectId.is_not(None))
    with index_loops(connection):
        given = read_arrays(connection, statement, bounded=True)
        if len(given["visit"]) and connection.dialect.name == "postgresql":
            lock_cells(connection, cells_of_sources(connection, given, MARGIN_DEG))
            # Who had the cells may have given the sources to others.
            given = read_arrays(connection, statement, bounded=True)
    return given
