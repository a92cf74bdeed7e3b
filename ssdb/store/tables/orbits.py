"""mpc_orbits: one orbit an object, under its primary designation."""

from __future__ import annotations

import hashlib
import marshal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ssdb.schema.apdb_solar_system import current_identifications, mpc_orbits, numbered_identifications
from ssdb.schema.ranges import MIN_PACKED_LENGTH
from ssdb.store.locks import lock
from ssdb.store.tables.moves import remove_doubles
from ssdb.store.tables.segments import forget_nights
from ssdb.store.tables.ss_objects import note_orbits, note_removed_orbits
from ssdb.store.transfer.collection import no_collection
from ssdb.store.transfer.read import read_arrays
from ssdb.store.transfer.staging import staged

_KEY = "packed_primary_provisional_designation"

NAME_IN_SOURCE = sa.func.coalesce(mpc_orbits.c.designation_in_source, mpc_orbits.c[_KEY])
"""The packed designation that a row of mpc_orbits came under."""


@dataclass(frozen=True, slots=True)
class OrbitRank:
    """What decides which orbit of an object is kept, in this order; arrays of shape (n,)."""

    own: np.ndarray
    epoch: np.ndarray
    fit: np.ndarray
    name: np.ndarray

    def take(self, rows: np.ndarray) -> OrbitRank:
        """Those of some orbits."""
        return OrbitRank(self.own[rows], self.epoch[rows], self.fit[rows], self.name[rows])

    def put(self, places: np.ndarray, others: OrbitRank) -> None:
        """Puts others in the place of some."""
        self.own[places], self.epoch[places] = others.own, others.epoch
        self.fit[places], self.name[places] = others.fit, others.name


def of_primary(name: sa.ColumnElement[str], primary: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether an orbit that came under a packed designation is of the primary one, or of the number."""
    return (name == primary) | (sa.func.length(name) == MIN_PACKED_LENGTH)


def newer(one: OrbitRank, other: OrbitRank) -> np.ndarray:
    """Where an orbit is to be kept and the other is not; where neither is newer, one corrects the other."""
    by_fit = (one.fit > other.fit) | ((one.fit == other.fit) & (one.name < other.name))
    by_epoch = (one.epoch > other.epoch) | ((one.epoch == other.epoch) & by_fit)
    return (one.own & ~other.own) | ((one.own == other.own) & by_epoch)


def fitted(connection: sa.Connection) -> sa.ColumnElement[float]:
    """When a row of mpc_orbits was fitted, in whole seconds since 1970."""
    at: sa.ColumnElement[Any] = mpc_orbits.c.fitting_datetime
    if connection.dialect.name == "postgresql":
        at = sa.func.date_trunc("second", at)
    return sa.cast(sa.extract("epoch", at), sa.Double)


def stored_ranks(connection: sa.Connection, keys: pa.Table, *, identified: bool) -> tuple[np.ndarray, OrbitRank]:
    """The ranks of the stored orbits of objects, and the packed primary designation of each, as bytes.

    ``keys`` has the packed primary designations of the objects, the key of mpc_orbits; an object may have several
    orbits. The connection holds the lock of :func:`lock_orbits`; ``identified`` is as of :func:`replace_orbits`.
    """
    with staged(connection, mpc_orbits, keys) as new:
        numbered, current = numbered_identifications.c, current_identifications.c
        joins = [sa.join(mpc_orbits, new, mpc_orbits.c[_KEY] == new.c[_KEY])]
        if identified:
            by_number = sa.join(numbered_identifications, new, numbered[_KEY] == new.c[_KEY]).join(
                mpc_orbits, mpc_orbits.c.unpacked_primary_provisional_designation == numbered.permid
            )
            secondary = current.packed_secondary_provisional_designation
            others = sa.join(
                current_identifications, new, (current[_KEY] == new.c[_KEY]) & (secondary != current[_KEY])
            ).join(mpc_orbits, mpc_orbits.c[_KEY] == secondary)
            joins += [by_number, others]
        selected = [
            sa.select(
                new.c[_KEY].label("packed"),
                sa.case((of_primary(NAME_IN_SOURCE, new.c[_KEY]), 1), else_=0).label("own"),
                mpc_orbits.c.epoch_mjd.label("epoch"),
                fitted(connection).label("fit"),
                NAME_IN_SOURCE.label("name"),
            ).select_from(joined)
            for joined in joins
        ]
        found = read_arrays(connection, sa.union_all(*selected).subquery().select())
    epoch, fit = (np.where(np.isnan(found[name]), -np.inf, found[name]) for name in ("epoch", "fit"))
    return found["packed"], OrbitRank(found["own"] == 1, epoch, fit, found["name"])


def state_of_orbits(connection: sa.Connection, columns: Sequence[str]) -> str | None:
    """A text that is another one whenever one of the orbits is, in these columns of numbers; None if there are none.

    All rows are read, but on PostgreSQL none is sent.
    """
    has_json = sa.cast(mpc_orbits.c.mpc_orb_jsonb.is_not(None), sa.Integer)
    numbers = [mpc_orbits.c[name] for name in columns]
    if connection.dialect.name == "postgresql":
        code: sa.ColumnElement[int] = sa.func.hashtextextended(mpc_orbits.c[_KEY], 0, type_=sa.BigInteger)
        code = sa.func.hashint4extended(has_json, code, type_=sa.BigInteger)
        for number in numbers:
            code = sa.func.hashfloat8extended(sa.func.coalesce(number, float("nan")), code, type_=sa.BigInteger)
        codes = sa.select(code.label("code")).subquery().c.code
        half = 0xFFFFFFFF
        sums = sa.func.sum(codes.op("&")(half)), sa.func.sum(codes.op(">>")(sa.cast(32, sa.Integer)).op("&")(half))
        n, *of_it = connection.execute(sa.select(sa.func.count(), *sums)).one()
        return f"{n} {' '.join(map(str, of_it))}" if n else None
    digest, n = hashlib.sha256(), 0
    result = connection.execute(sa.select(mpc_orbits.c[_KEY], has_json, *numbers).order_by(mpc_orbits.c.id))
    with no_collection():
        while rows := result.cursor.fetchmany(10_000):
            n += len(rows)
            digest.update(marshal.dumps(list(rows), 2))  # this version by value alone
    result.close()
    return f"{n} {digest.hexdigest()}" if n else None


def lock_orbits(connection: sa.Connection) -> int:
    """Keeps others from writing orbits until the end of the transaction, and says which ``id`` is free next."""
    lock(connection, "orbits")
    return 1 + (connection.execute(sa.select(sa.func.max(mpc_orbits.c.id))).scalar_one() or 0)


def replace_orbits(connection: sa.Connection, rows: pa.Table, *, identified: bool) -> dict[str, Any]:
    """Stores orbits, each object once; that of an object which has one is replaced whole, but for its ``id``.

    So no old value stays beside new ones. Only H and G stay where the new orbit has no H: many files of orbits have
    none. The connection holds the lock of :func:`lock_orbits`. ``identified``: rows of these objects may be stored
    under their numbers or other designations, because the tables of identifications have rows. Returns how many orbits
    are ``new``, ``changed`` and ``unchanged``.
    """
    with staged(connection, mpc_orbits, rows) as new:
        if identified:
            _remove_others(connection, new)
        note_orbits(connection, new)
        same_object = sa.select(sa.func.count()).where(new.c[_KEY] == mpc_orbits.c[_KEY])
        n_stored = connection.execute(same_object).scalar_one()
        insert: Any = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
        # SQLite cannot tell ON CONFLICT from a join's ON without a WHERE.
        statement = insert(mpc_orbits).from_select(rows.column_names, sa.select(new).where(sa.true()))
        values = {column.name: statement.excluded[column.name] for column in mpc_orbits.c if column.name != "id"}
        # These are the object's, and of no part of the orbit.
        h, g = values["h"], values["g"]
        values["h"] = sa.func.coalesce(h, mpc_orbits.c.h)
        values["g"] = sa.case((h.is_(None), sa.func.coalesce(g, mpc_orbits.c.g)), else_=g)
        changed = sa.or_(*(mpc_orbits.c[name].is_distinct_from(value) for name, value in values.items()))
        stored = statement.on_conflict_do_update(index_elements=[_KEY], set_=values, where=changed)
        n_written = connection.execute(stored.execution_options(preserve_rowcount=True)).rowcount
        if n_written > 0:
            forget_nights(connection)
    n_new = rows.num_rows - n_stored
    return {"new": n_new, "changed": n_written - n_new, "unchanged": rows.num_rows - n_written}


def _remove_others(connection: sa.Connection, new: sa.Table) -> None:
    """Removes rows under numbers and secondary designations of objects that now come under their primary ones."""
    numbered, current = numbered_identifications.c, current_identifications.c
    numbers = sa.select(numbered.permid).join(new, numbered[_KEY] == new.c[_KEY])
    secondary = current.packed_secondary_provisional_designation
    others = sa.select(secondary).join(new, current[_KEY] == new.c[_KEY]).where(secondary != current[_KEY])
    for column, names in (
        (mpc_orbits.c.unpacked_primary_provisional_designation, numbers),
        (mpc_orbits.c[_KEY], others),
    ):
        removed = column.in_(names.scalar_subquery())
        note_removed_orbits(connection, removed)
        connection.execute(sa.delete(mpc_orbits).where(removed))


def remove_double_orbits(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Removes all orbits of an object but the best one, by the rule of OrbitRank; how many there were."""
    is_other = sa.case((of_primary(NAME_IN_SOURCE, moves.c.newPacked), 0), else_=1)
    by_newest = [sa.func.coalesce(value, -1e300).desc() for value in (mpc_orbits.c.epoch_mjd, fitted(connection))]
    is_moved = sa.case((moves.c.ssObjectId == moves.c.newId, 0), else_=1)
    # Both by bytes, whatever the database is sorted by.
    by_name = sa.collate(NAME_IN_SOURCE, "C" if connection.dialect.name == "postgresql" else "BINARY")
    better = [is_other, *by_newest, by_name, is_moved]
    return {mpc_orbits.name: remove_doubles(connection, mpc_orbits.c[_KEY], moves.c.packed, moves, better=better)}


def move_orbits(connection: sa.Connection, moves: sa.Table) -> dict[str, int]:
    """Moves orbits to the primary designations of their objects; how many were moved."""
    values = {
        "designation_in_source": NAME_IN_SOURCE,
        "designation": moves.c.newDesignation,
        _KEY: moves.c.newPacked,
        "unpacked_primary_provisional_designation": moves.c.newDesignation,
    }
    other = (mpc_orbits.c[_KEY] == moves.c.packed) & (moves.c.packed != moves.c.newPacked)
    return {mpc_orbits.name: connection.execute(sa.update(mpc_orbits).where(other).values(values)).rowcount}
