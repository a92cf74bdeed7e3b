"""In which order visits are given to DiaObjects: what is stored is that of going through them in time.

A visit waits for the earlier pending ones whose fields meet its own. One that is older than a visit of its field that
is done holds up nobody; if it has never been done itself, it comes too late.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from ssdb.schema.survey import DONE, PENDING, visit
from ssdb.sky.sphere import unit_vectors
from ssdb.store.tables.visit_fields import visit_fields
from ssdb.store.tables.visits import among
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG, Array, Columns, Index, Integers, Mask

_EVERYWHERE = (1.0, 0.0, 0.0, 360.0)
"""A unit vector and a radius (deg)."""

_PAIRS_AT_ONCE = 2_000_000


class Fields:
    """Where visits looked, kept once it is known. A visit without a known field looked everywhere."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, ...]] = {}

    def of(self, connection: sa.Connection, visits: Integers) -> tuple[Array, Array]:
        """Unit vectors of the centres, shape (v, 3), and radii (deg), shape (v,)."""
        numbers = visits.tolist()
        missing = [number for number in numbers if number not in self._known]
        if missing:
            found = visit_fields(connection, among(visit.c.visit, missing))
            for number, field in found.items():
                where = _EVERYWHERE
                if not isinstance(field, str):
                    where = (*unit_vectors(field.ra, field.dec), field.radius)
                self._known[number] = tuple(float(value) for value in where)
        fields = np.array([self._known.get(number, _EVERYWHERE) for number in numbers])
        fields = fields.reshape(-1, 4)
        return fields[:, :3], fields[:, 3]


@dataclass(slots=True)
class Order:
    """Visits that wait for their DiaObjects, and those that are done and later than one of these, in time."""

    visits: Integers
    """By (time, number), shape (v,)."""
    times: Array
    pending: Mask
    """Whether they still wait; changed as they are done."""
    ready: Mask
    """Whether the Solar System half is done."""
    predicted: Mask
    """Whether they have predictions."""
    vectors: Array
    radii: Array
    margin_deg: float
    late: Mask
    """Which of the pending ones are older than one of their field that is done: they hold up nobody."""
    new: Mask
    """Which have never been done; others had their place in the order before something of them changed."""

    def meets(self, place: int, among: Index) -> Mask:
        """Whether the field of a visit meets those of others."""
        return _meet(self.vectors[place], self.radii[place], self.vectors[among], self.radii[among], self.margin_deg)

    def holding(self, place: int, *, late: bool) -> Integers:
        """The visits for which one has to wait, ascending in time; those that come too late hold up only each other."""
        earlier = np.flatnonzero(self.pending[:place] & (late | ~self.late[:place]))
        return self.visits[earlier[self.meets(place, earlier)]]


def read_order(connection: sa.Connection, fields: Fields, wanted: Collection[int], margin_deg: float) -> Order:
    """What there is to do, with the visits that are wanted although they are done."""
    is_wanted = visit.c.diaStatus == PENDING
    if wanted:
        is_wanted |= among(visit.c.visit, wanted)
    oldest = connection.scalar(sa.select(sa.func.min(visit.c.midpointMjdTai)).where(is_wanted))
    later = (visit.c.diaStatus == DONE) & (visit.c.midpointMjdTai >= (np.inf if oldest is None else oldest))
    rows = _read(connection, is_wanted | later)
    vectors, radii = fields.of(connection, rows["visit"])
    pending = rows["diaPending"] > 0
    return Order(
        rows["visit"],
        rows["midpointMjdTai"],
        pending,
        rows["ready"] > 0,
        rows["predicted"] > 0,
        vectors,
        radii,
        margin_deg,
        _late(pending, vectors, radii, margin_deg),
        rows["new"] > 0,
    )


def count_late(connection: sa.Connection, margin_deg: float) -> int:
    """How many visits come too late: mostly none is older than the newest that is done, which is soon told."""
    newest = sa.select(sa.func.max(visit.c.midpointMjdTai)).where(visit.c.diaStatus == DONE).scalar_subquery()
    older = (visit.c.diaStatus == PENDING) & visit.c.diaRunId.is_(None) & (visit.c.midpointMjdTai <= newest)
    if not connection.scalar(sa.select(sa.exists().where(older))):
        return 0
    order = read_order(connection, Fields(), (), margin_deg)
    return int((order.pending & order.late & order.new).sum())


def _read(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Columns:
    flags = {
        "diaPending": visit.c.diaStatus == PENDING,
        "ready": visit.c.status == DONE,
        "new": visit.c.diaRunId.is_(None),
        "predicted": visit.c.predictionsAt.is_not(None),
    }
    columns = [sa.cast(sa.case((flag, 1), else_=0), sa.SmallInteger).label(name) for name, flag in flags.items()]
    statement = sa.select(visit.c.visit, visit.c.midpointMjdTai, *columns).where(which)
    return read_arrays(connection, statement.order_by(visit.c.midpointMjdTai, visit.c.visit))


def in_the_way(
    connection: sa.Connection, fields: Fields, number: int, time: float, margin_deg: float
) -> tuple[Integers, Integers]:
    """The earlier pending visits, and the later ones that are done, whose fields meet that of a visit, as of now."""
    later = (visit.c.midpointMjdTai > time) | ((visit.c.midpointMjdTai == time) & (visit.c.visit > number))
    # By the index (diaStatus, midpointMjdTai).
    later_done = (visit.c.diaStatus == DONE) & (visit.c.midpointMjdTai >= time) & later
    before = _meeting(connection, fields, number, (visit.c.diaStatus == PENDING) & _earlier(time, number), margin_deg)
    return before, _meeting(connection, fields, number, later_done, margin_deg)


def done_before(connection: sa.Connection, fields: Fields, number: int, time: float, margin_deg: float) -> Integers:
    """The earlier visits that are done and whose fields meet that of a visit, ascending by number."""
    which = (visit.c.diaStatus == DONE) & _earlier(time, number)
    return np.sort(_meeting(connection, fields, number, which, margin_deg))


def _earlier(time: float, number: int) -> sa.ColumnElement[bool]:
    """Whether a visit comes before that of a number and a time (MJD TAI)."""
    same_time = (visit.c.midpointMjdTai == time) & (visit.c.visit < number)
    return (visit.c.midpointMjdTai <= time) & ((visit.c.midpointMjdTai < time) | same_time)


def _meeting(
    connection: sa.Connection, fields: Fields, number: int, which: sa.ColumnElement[bool], margin_deg: float
) -> Integers:
    """Those of some visits whose fields meet that of a visit, in time."""
    statement = sa.select(visit.c.visit).where(which).order_by(visit.c.midpointMjdTai, visit.c.visit)
    visits = read_arrays(connection, statement)["visit"]
    if not len(visits):
        return visits
    vectors, radii = fields.of(connection, np.append(visits, number))
    return visits[_meet(vectors[-1], radii[-1], vectors[:-1], radii[:-1], margin_deg)]


def _late(pending: Mask, vectors: Array, radii: Array, margin_deg: float) -> Mask:
    """Which of visits in time are pending, and earlier than one that is not and whose field meets theirs."""
    late = np.zeros(len(pending), bool)
    done = np.flatnonzero(~pending)
    some = np.flatnonzero(pending[: done[-1]]) if len(done) else done
    reach = np.radians(radii + margin_deg / 2.0)
    # Fields meet where the cosine of their separation is at least cos(a + b) = cos(a) cos(b) - sin(a) sin(b): a product
    # of matrices, as it has to be told of every pair.
    ours = np.column_stack([vectors, -np.cos(reach), np.sin(reach)])
    theirs = np.column_stack([vectors, np.cos(reach), np.sin(reach)])
    at_once = max(1, _PAIRS_AT_ONCE // max(len(done), 1))
    for here in (some[start : start + at_once] for start in range(0, len(some), at_once)):
        after = done[np.searchsorted(done, here[0]) :]
        meet = (ours[here] @ theirs[after].T >= 0) | (reach[here, None] + reach[after] >= np.pi)
        late[here] = (meet & (after > here[:, None])).any(axis=1)
    return late


def _meet(vector: Array, radius: float, vectors: Array, radii: Array, margin_deg: float) -> Mask:
    chord = np.linalg.norm(vectors - vector, axis=1)
    separation = 2.0 * np.degrees(np.arcsin(np.clip(0.5 * chord, 0.0, 1.0)))
    return separation <= radius + radii + margin_deg


def margin_of(radius_arcsec: float) -> float:
    """How far apart fields may be that have sources of one object: two search radii, degrees."""
    return 2.0 * radius_arcsec / ARCSEC_PER_DEG
