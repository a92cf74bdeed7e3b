"""Finds the object that any name stands for: a number, a name, or a designation in any spelling."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from ssdb.errors import DesignationError, NotFoundError, quoted, shown
from ssdb.identity.aliases import designation_of, find_names, kind_of_designation
from ssdb.identity.designation import name_in, pack, packed_from_id, ss_object_id
from ssdb.identity.identify import identify
from ssdb.identity.primary import primary_ids
from ssdb.schema.apdb_solar_system import (
    current_identifications,
    mpc_orbits,
    numbered_identifications,
    ss_object,
    ss_source,
)
from ssdb.schema.survey import ss_alias, ss_prediction, visit
from ssdb.store.database import Database
from ssdb.store.tables.aliases import NAME, NUMBER, PACKED, PROVISIONAL, SECONDARY
from ssdb.store.transfer.read import in_order


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """The object that a name stands for."""

    name: str
    """As it was asked for."""
    kind: str
    """What kind of name that is: number, name, packed, provisional (the primary designation) or secondary (a
    designation that the object was given besides)."""
    ssObjectId: int
    designation: str
    """Its primary designation, unpacked; of an object that is known by its number alone the number."""
    names: dict[str, str]
    """All names of it that are known, with their kinds."""
    in_database: bool
    """Whether an orbit, a prediction or a source of it is stored."""
    stored_under: tuple[str, ...]
    """Its other designations under which rows are stored still: :func:`ssdb.relink` moves them."""

    def as_dict(self) -> dict[str, Any]:
        """The answer as plain values, for JSON."""
        return asdict(self)


def resolve(database: Database, name: str) -> ResolvedName:
    """The object that a name stands for.

    The name is a number ("433", "(433)"), a name ("Eros", in capitals or not), a designation, packed or not, with a
    blank, an underscore or nothing between its parts, or any of these together ("433 Eros"). A valid designation is
    resolved also where the database has nothing of the object. NotFoundError if it is no designation, and a name of no
    object that is known; DesignationError if it is the name of several objects.
    """
    with database.reading() as connection:
        return find_object(connection, name)


def find_object(connection: sa.Connection, name: str) -> ResolvedName:
    """As :func:`resolve`, within a transaction."""
    text = " ".join(name.split())
    found = (
        _designated(text)
        or _the_one(text, find_names(connection, [text]).get(text, {}))
        or _simulated(connection, text)
        or _designated_in_capitals(text)
        or _comet_named(connection, text)
    )
    if found is None:
        raise NotFoundError(
            f"{quoted(name)} is not known: it is not a valid designation, not a name in SsAlias or in "
            "numbered_identifications (`ssdb ingest orbits MPCORB.DAT` and `ssdb ingest identifications` load names), "
            "and no stored simulated object"
        )
    object_id, kind = found
    if object_id < 0:
        return ResolvedName(name, kind, object_id, text, {text: kind}, True, ())
    moved = primary_ids(connection, {object_id: designation_of(object_id)})
    primary_id, designation = moved.get(object_id, (object_id, designation_of(object_id)))
    if kind == PROVISIONAL and object_id in moved:
        kind = SECONDARY
    names, ids = _names_of(connection, {primary_id, object_id}, primary_id)
    stored = [one for one in sorted(ids) if _is_stored(connection, one)]
    elsewhere = tuple(designation_of(one) for one in stored if one != primary_id)
    return ResolvedName(name, kind, primary_id, designation, names, bool(stored), elsewhere)


def _designated(text: str) -> tuple[int, str] | None:
    """The object of a designation; nothing if the text is none."""
    try:
        packed, _ = pack(text)
    except DesignationError:
        return None
    kind = NAME if name_in(text) else kind_of_designation(packed, primary=True)
    return ss_object_id(packed), PACKED if text == packed else kind


def _designated_in_capitals(text: str) -> tuple[int, str] | None:
    """The object of a designation in small letters; in packed ones these are other digits: k12Tb3c is not K12TB3C."""
    found = _designated(text.upper())
    return None if found is None or found[1] == PACKED else found


def _comet_named(connection: sa.Connection, text: str) -> tuple[int, str] | None:
    """The comet of a name; many share theirs, so that it is stored with the designation alone."""
    folded = sa.func.lower(ss_alias.c.alias)
    ends = sa.or_(*(folded.endswith(end, autoescape=True) for end in (f"/{text.lower()}", f"({text.lower()})")))
    ids = connection.scalars(sa.select(ss_alias.c.ssObjectId).where(ss_alias.c.kind == NAME, ends))
    return _the_one(text, dict.fromkeys(ids, NAME))


def _the_one(text: str, objects: dict[int, str]) -> tuple[int, str] | None:
    if len(objects) > 1:
        named = shown((f"{designation_of(one)} ({one})" for one in sorted(objects)), most=20)
        raise DesignationError(f"{quoted(text)} is the name of {len(objects)} objects: {named}")
    return next(iter(objects.items()), None)


def _simulated(connection: sa.Connection, text: str) -> tuple[int, str] | None:
    """The simulated object of a name, where it is stored."""
    try:
        object_id = int(identify([text], simulated_names=True)[0][0])
    except DesignationError:
        return None
    return (object_id, NAME) if object_id < 0 and _is_stored(connection, object_id) else None


def _names_of(connection: sa.Connection, known: set[int], primary_id: int) -> tuple[dict[str, str], set[int]]:
    """All names of an object, and the identifiers that its designations make."""
    names: dict[str, str] = {}
    ids: set[int] = set()
    waiting = {primary_id} | known
    while waiting:
        object_id = max(waiting, key=lambda one: one == primary_id)
        waiting.discard(object_id)
        ids.add(object_id)
        packed, designation = pack(packed_from_id(object_id))
        names.setdefault(designation, kind_of_designation(packed, primary=object_id == primary_id))
        names.setdefault(packed, PACKED)
        for text, kind in _names_beside(connection, object_id, packed, designation):
            names.setdefault(text, kind)
            other = None if kind == NAME else _designated(text)
            waiting |= {other[0]} - ids if other else set()
    return names, ids


def _names_beside(connection: sa.Connection, object_id: int, packed: str, designation: str) -> list[tuple[str, str]]:
    """What the tables have beside a designation, as pairs of name and kind."""
    current, numbered = current_identifications.c, numbered_identifications.c
    of_object = numbered.unpacked_primary_provisional_designation == designation
    found: list[tuple[str, str]] = []
    names = (
        sa.select(numbered.permid, numbered.iau_name)
        .where(of_object)
        .order_by(*in_order(connection, [numbered.permid]))
    )
    for number, name in connection.execute(names):
        found += [(number, NUMBER)] + ([(name, NAME)] if name else [])
    of_object = current.packed_primary_provisional_designation == packed
    columns = (current.packed_secondary_provisional_designation, current.unpacked_secondary_provisional_designation)
    for packed_secondary, secondary in connection.execute(sa.select(*columns).where(of_object).order_by(*columns)):
        if packed_secondary != packed:
            found += [(secondary, SECONDARY), (packed_secondary, PACKED)]
    of_object = ss_alias.c.ssObjectId == object_id
    aliases = sa.select(ss_alias.c.alias, ss_alias.c.kind).where(of_object).order_by(ss_alias.c.alias)
    return found + [(alias, kind) for alias, kind in connection.execute(aliases)]


def _is_stored(connection: sa.Connection, object_id: int) -> bool:
    """Whether there is a source, an orbit or a prediction of an object."""
    # Predictions have no index by object: visit by visit, the key is one.
    wanted = [
        sa.select(ss_source.c.ssObjectId).where(ss_source.c.ssObjectId == object_id),
        sa.select(ss_object.c.ssObjectId).where(ss_object.c.ssObjectId == object_id),
        sa.select(visit.c.visit)
        .join(ss_prediction, ss_prediction.c.visit == visit.c.visit)
        .where(ss_prediction.c.ssObjectId == object_id),
    ]
    if object_id > 0:
        key = mpc_orbits.c.packed_primary_provisional_designation
        wanted.insert(0, sa.select(key).where(key == packed_from_id(object_id)))
    return any(connection.execute(statement.limit(1)).first() for statement in wanted)
