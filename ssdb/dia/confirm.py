"""Makes objects of sources that several visits have seen in one place, none of which made an object alone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import sqlalchemy as sa

from ssdb.association.pairs import in_index_order, sources_in_boxes
from ssdb.config import DiaConfig
from ssdb.dia.match import makes_object
from ssdb.dia.sources import read_sources
from ssdb.schema.apdb_dia import dia_object_last, dia_source
from ssdb.schema.dia import dia_match
from ssdb.sky.boxes import zone_boxes
from ssdb.sky.sphere import separations
from ssdb.store.query_plans import between_visits, index_loops
from ssdb.store.tables.visits import lock_if_free
from ssdb.store.transfer.array_parameters import array_rows, listed
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Columns, Index, Integers

_BOXES_PER_STATEMENT = 200_000


class BusyError(Exception):
    """Another transaction has a visit whose source would get an object."""


class Confirmed(NamedTuple):
    """Sources of one place."""

    new: Index
    """Those of the visit, as indices of its sources, shape (c,)."""
    of_new: Integers
    """The object of each: the identifier of the earliest source there."""
    earlier: Columns
    """visit and diaSourceId of the earlier ones, and diaObjectId: their object; shape (e,), by (visit, diaSourceId)."""


def confirmed(
    connection: sa.Connection, sources: Columns, new: Index, visits: Integers, config: DiaConfig
) -> Confirmed:
    """Those of the ``new`` sources that are the confirm-th in their place, with the earlier ones.

    ``visits``, ascending, are the earlier visits that are done there. The nearest sources belong together, one of each
    visit. The earlier visits are locked; BusyError if another transaction has one of them.
    """
    found = _earlier(connection, {name: sources[name][new] for name in ("ra", "dec")}, visits, config)
    groups: dict[int, list[int]] = {}
    taken: set[int] = set()
    place, row = _pairs(sources, new, found, config)
    for which, earlier in zip(place.tolist(), row.tolist(), strict=True):
        group = groups.setdefault(which, [])
        if earlier not in taken and found["visit"][earlier] not in found["visit"][group]:
            group.append(earlier)
            taken.add(earlier)
    kept = {which: rows for which, rows in groups.items() if len(rows) >= config.confirm - 1}
    first = {}
    for which, rows in kept.items():
        earliest = min(rows, key=lambda at: (found["midpointMjdTai"][at], found["diaSourceId"][at]))
        first[which] = int(found["diaSourceId"][earliest])
    members = np.array([at for which in kept for at in kept[which]], np.intp)
    objects = np.array([first[which] for which in kept for _ in kept[which]], np.int64)
    earlier = {name: found[name][members] for name in ("visit", "diaSourceId")} | {"diaObjectId": objects}
    if not lock_if_free(connection, np.unique(earlier["visit"])):
        raise BusyError
    order = np.lexsort((earlier["diaSourceId"], earlier["visit"]))
    return Confirmed(
        new[np.array(list(kept), np.intp)],
        np.array(list(first.values()), np.int64),
        {name: values[order] for name, values in earlier.items()},
    )


def confirming(connection: sa.Connection, visit: int, sources: Columns, visits: Integers) -> Columns:
    """The sources of earlier visits whose objects were made when the visit was done, and have no later source.

    Columns visit and diaSourceId, by these. ``sources`` are those of the visit; ``visits``, ascending, are the earlier
    visits that are done there. They are locked; BusyError if another transaction has one of them.
    """
    last = dia_object_last.c
    with listed(connection, "given_source", sources["diaSourceId"]) as among, index_loops(connection):
        wanted = (dia_match.c.visit == visit, among(dia_match.c.diaSourceId), dia_match.c.isNew.is_(sa.false()))
        made = sa.select(last.diaObjectId).join_from(
            dia_match, dia_object_last, dia_match.c.diaObjectId == last.diaObjectId
        )
        made = made.where(*wanted, dia_match.c.separation.is_(None))
        latest = last.lastDiaSourceMjdTai <= float(sources["midpointMjdTai"].max(initial=-np.inf))
        objects = read_arrays(connection, made.where(latest), bounded=True)["diaObjectId"]
    if not (len(objects) and len(visits)):
        return {"visit": objects[:0], "diaSourceId": objects[:0]}
    with listed(connection, "made_object", objects) as among, index_loops(connection):
        earlier = (
            among(dia_source.c.diaObjectId),
            between_visits(connection, dia_source, visits),
            dia_source.c.visit != visit,
        )
        columns = sa.select(dia_source.c.visit, dia_source.c.diaSourceId).where(*earlier)
        found = read_arrays(connection, columns.order_by(*columns.selected_columns), bounded=True)
    if not lock_if_free(connection, np.unique(found["visit"])):
        raise BusyError
    return found


def _pairs(sources: Columns, new: Index, found: Columns, config: DiaConfig) -> tuple[Index, Index]:
    """Places of new and rows of earlier sources within the radius, nearest first."""
    place, row = found["place"], found["row"]
    one, other = {name: sources[name][new][place] for name in ("ra", "dec")}, {n: found[n][row] for n in ("ra", "dec")}
    apart = separations(one["ra"], one["dec"], other["ra"], other["dec"])
    near = np.flatnonzero(apart <= config.radius_arcsec)
    near = near[np.lexsort((found["diaSourceId"][row[near]], place[near], apart[near]))]
    return place[near], row[near]


def _earlier(connection: sa.Connection, sources: Columns, visits: Integers, config: DiaConfig) -> Columns:
    """Earlier sources near to these that could make an object; and of pairs place (of the new one) and row."""
    boxes = zone_boxes(
        sources["ra"], sources["dec"], np.full(len(sources["ra"]), config.radius_arcsec / ARCSEC_PER_DEG)
    )
    n = len(boxes.point)
    place, ids = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    step = max(1, _BOXES_PER_STATEMENT // max(n, 1))
    for start in range(0, len(visits) if n else 0, step):
        some = visits[start : start + step]
        columns: Columns = {
            "place": np.tile(boxes.point, len(some)).astype(np.int32),
            "visit": np.repeat(some, n),
            "zone": np.tile(boxes.zone, len(some)),
            "ra0": np.tile(boxes.ra0, len(some)),
            "ra1": np.tile(boxes.ra1, len(some)),
        }
        with array_rows(connection, "box", in_index_order(columns)) as box, index_loops(connection):
            near = sources_in_boxes(connection, box, some).c
            wanted = sa.select(near.place, near.diaSourceId).where(near.ssObjectId.is_(None))
            pairs = read_arrays(connection, wanted, bounded=True)
        place.append(pairs["place"].astype(np.int64))
        ids.append(pairs["diaSourceId"])
    at, numbers = np.concatenate(place), np.concatenate(ids)
    with listed(connection, "earlier_source", np.unique(numbers)) as among:
        inside = between_visits(connection, dia_source, visits) if len(visits) else sa.false()
        rows = read_sources(connection, among(dia_source.c.diaSourceId) & inside, config)
    good = np.flatnonzero(rows["partakes"] & (rows["diaObjectId"] == 0) & makes_object(rows, config))
    rows = {name: values[good] for name, values in rows.items()}
    known = np.isin(numbers, rows["diaSourceId"])
    return rows | {"place": at[known], "row": np.searchsorted(rows["diaSourceId"], numbers[known])}
