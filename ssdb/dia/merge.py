"""Merges DiaObjects that are one: those that came with doubled objects from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import sqlalchemy as sa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ssdb.dia.match import candidate_pairs
from ssdb.equal_rows import begins
from ssdb.errors import ConfigError, DatabaseError, NotFoundError, option, quoted
from ssdb.schema.apdb_dia import dia_object, dia_object_last, dia_source
from ssdb.schema.dia import dia_object_alias
from ssdb.sky.cells import cells_near
from ssdb.sky.sphere import separations
from ssdb.store.clock import mjd_tai_now
from ssdb.store.database import Database
from ssdb.store.locks import lock_cells
from ssdb.store.tables.dia_aliases import add_aliases
from ssdb.store.tables.dia_bases import move_bases
from ssdb.store.tables.dia_changes import MARGIN_DEG, stored_config
from ssdb.store.tables.dia_matches import move_matches
from ssdb.store.tables.dia_objects import recompute_objects
from ssdb.store.tables.forced import move_dia_objects
from ssdb.store.tables.sources import read_listed, set_dia_objects
from ssdb.store.tables.visits import lock_visits
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Columns, Index, Integers

DEFAULT_RADIUS_ARCSEC = 1.5
_TRIES = 10
_AT_ONCE = 1_000_000


@dataclass(slots=True)
class MergeReport:
    """What :func:`merge_objects` did."""

    merged: dict[int, int] = field(default_factory=dict)
    """Objects that are others now, and which."""
    n_sources: int = 0
    """Sources that belonged to them."""


def merge_objects(database: Database, radius_arcsec: float = DEFAULT_RADIUS_ARCSEC) -> MergeReport:
    """Merges DiaObjects that are within a radius of each other, directly or by way of others, in one transaction.

    The one with the oldest source stays (of equals that with the smallest identifier) and gets the sources of the
    others, with their forced fluxes; :func:`resolve_dia_object` knows their identifiers from then on.

    Raises
    ------
    ConfigError
        If the radius is not between 0 and 60 arcsec.
    """
    if not 0 < radius_arcsec <= 60:
        name = option("--radius", "radius_arcsec")
        raise ConfigError(f"{name} must be above 0, at most 60 (arcsec), not {quoted(radius_arcsec)}")
    for _ in range(_TRIES):
        with database.writing() as connection:
            lost, stays = _doubles(connection, radius_arcsec)
            objects, into = lost["diaObjectId"], stays["diaObjectId"]
            if not len(into):
                return MergeReport()
            # The visits come before the cells, and what the cells keep still is looked at anew.
            visits = np.unique(_sources_of(connection, objects)["visit"])
            lock_visits(connection, visits)
            ra, dec = (np.append(lost[name], stays[name]) for name in ("ra", "dec"))
            lock_cells(connection, cells_near(ra, dec, MARGIN_DEG))
            now = [rows["diaObjectId"] for rows in _doubles(connection, radius_arcsec)]
            sources = _sources_of(connection, objects)
            same = np.array_equal(now, [objects, into]) and np.isin(sources["visit"], visits).all()
            if same:
                return _merge(connection, sources, objects, into)
    raise DatabaseError("others keep changing DiaObjects: try again when they have finished")


def _doubles(connection: sa.Connection, radius_arcsec: float) -> tuple[Columns, Columns]:
    """Objects that are to be merged into others, and these: diaObjectId, ra, dec."""
    names = ("diaObjectId", "ra", "dec", "firstDiaSourceMjdTai")
    statement = sa.select(*(dia_object_last.c[name] for name in names)).order_by(dia_object_last.c.diaObjectId)
    rows = read_arrays(connection, statement)
    n = len(rows["ra"])
    pairs: list[tuple[Index, Index]] = []
    for start in range(0, n, _AT_ONCE):
        some = {name: values[start : start + _AT_ONCE] for name, values in rows.items()}
        one, other = candidate_pairs(some, rows, radius_arcsec)
        one = one + start
        apart = separations(rows["ra"][one], rows["dec"][one], rows["ra"][other], rows["dec"][other])
        near = (one < other) & (apart <= radius_arcsec)
        pairs.append((one[near], other[near]))
    one, other = (np.concatenate([pair[side] for pair in pairs] or [np.empty(0, np.intp)]) for side in (0, 1))
    if not len(one):
        nothing = {name: values[:0] for name, values in rows.items()}
        return nothing, nothing
    group = connected_components(coo_array((np.ones(len(one)), (one, other)), shape=(n, n)), directed=False)[1]
    order = np.lexsort((rows["diaObjectId"], rows["firstDiaSourceMjdTai"], group))
    first = begins(group[order])
    stays = order[first][np.cumsum(first) - 1]
    lost, kept = ({name: values[at] for name, values in rows.items()} for at in (order[~first], stays[~first]))
    return lost, kept


def _sources_of(connection: sa.Connection, objects: Integers) -> Columns:
    columns = (dia_source.c.diaSourceId, dia_source.c.visit, dia_source.c.diaObjectId)
    return read_listed(connection, dia_source.c.diaObjectId, objects, columns)


def _merge(connection: sa.Connection, sources: Columns, objects: Integers, into: Integers) -> MergeReport:
    order = np.argsort(objects)
    to = into[order[np.searchsorted(objects, sources["diaObjectId"], sorter=order)]]
    if len(to):
        between = np.unique(sources["visit"]).tolist()
        set_dia_objects(connection, between, sources["diaSourceId"], to)
        move_matches(connection, between, sources["diaSourceId"], to)
    move_bases(connection, objects, into)
    move_dia_objects(connection, objects, into)
    recompute_objects(connection, np.append(objects, into), stored_config(connection), mjd_tai_now())
    add_aliases(connection, objects, into, datetime.now(UTC).replace(tzinfo=None))
    return MergeReport(dict(zip(objects.tolist(), into.tolist(), strict=True)), len(to))


def resolve_dia_object(database: Database, number: int) -> tuple[int, bool]:
    """The identifier that a DiaObject has now, after merges, and whether it still has sources.

    NotFoundError if there is no such object.
    """
    if not abs(number) < 2**63:
        raise NotFoundError(f"DiaObject {number} is not in the database")
    with database.reading() as connection:
        alias = sa.select(dia_object_alias.c.newId).where(dia_object_alias.c.diaObjectId == sa.bindparam("number"))
        while (new := connection.scalar(alias, {"number": number})) is not None:
            number = new
        known = connection.scalar(sa.select(sa.exists().where(dia_object.c.diaObjectId == number)))
        current = connection.scalar(sa.select(sa.exists().where(dia_object_last.c.diaObjectId == number)))
    if not known:
        raise NotFoundError(f"DiaObject {number} is not in the database")
    return number, bool(current)
