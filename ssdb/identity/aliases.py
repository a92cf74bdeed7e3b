"""Finds objects by their names other than designations, and keeps the names that come with files.

A spelling that :func:`ssdb.identity.designation.pack` understands by itself ("(433)", "2015_MQ204") is no name of its
own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

import sqlalchemy as sa

from ssdb.errors import DesignationError, quoted, shown
from ssdb.identity.designation import name_in, pack, packed_from_id, ss_object_id
from ssdb.identity.primary import in_chunks, primary_ids
from ssdb.schema.apdb_solar_system import numbered_identifications
from ssdb.schema.ranges import MIN_PACKED_LENGTH
from ssdb.schema.survey import ss_alias
from ssdb.store.database import Database
from ssdb.store.tables.aliases import NAME, NUMBER, PACKED, PROVISIONAL, SECONDARY, alias_table, write_aliases
from ssdb.store.transfer.read import in_order

MAX_ALIAS_LENGTH = ss_alias.c.alias.type.length  # type: ignore[attr-defined]


def kind_of_designation(packed: str, *, primary: bool) -> str:
    """The kind of an unpacked designation: a number, or the primary or another one."""
    if len(packed) == MIN_PACKED_LENGTH:
        return NUMBER
    return PROVISIONAL if primary else SECONDARY


def add_names(connection: sa.Connection, given: Mapping[str, int], moved: Mapping[int, tuple[int, str]]) -> None:
    """Keeps the names under which objects came, given with the identifiers of the designations in them.

    Only what is not just a designation is kept. With a name the designation of the object is kept, too, so that SsAlias
    alone tells what a name stands for. A name that is stored already stays that of the object it is. ``moved`` is as
    :func:`ssdb.identity.primary.primary_ids` returns it, for those identifiers.
    """
    aliases: dict[str, tuple[int, str]] = {}
    for text, object_id in given.items():
        if object_id < 0:  # a simulated object has no name but that of which its identifier was made
            continue
        packed = packed_from_id(object_id)
        _, designation = pack(packed)
        of_object = {designation: kind_of_designation(packed, primary=False)} if object_id in moved else {}
        if text == packed:
            of_object[text] = PACKED
        elif name := name_in(text):
            of_object[" ".join(text.split())] = NAME
            if designation.isdigit():
                of_object[name] = NAME  # that of a minor planet is nobody else's; comets share theirs
        if of_object:
            primary_id, primary = moved.get(object_id, (object_id, designation))
            of_object[primary] = kind_of_designation(packed_from_id(primary_id), primary=True)
            aliases |= {alias: (primary_id, kind) for alias, kind in of_object.items()}
    # What is longer than the column is the name of nothing that anybody would look for.
    aliases = {alias: row for alias, row in aliases.items() if len(alias) <= MAX_ALIAS_LENGTH}
    write_aliases(connection, alias_table(aliases), overwrite=False)


def find_names(connection: sa.Connection, names: Collection[str]) -> dict[str, dict[int, str]]:
    """For each name that is found, ``ssObjectId`` and kind of every object that has it; designations aside.

    Where a name is not found as it stands, the case of letters does not matter.
    """
    found = _matching(connection, names, folded=False)
    found |= _matching(connection, [name for name in names if name not in found], folded=True)
    objects = {object_id: designation_of(object_id) for of_name in found.values() for object_id in of_name}
    moved = primary_ids(connection, objects)
    return {
        name: {moved.get(object_id, (object_id,))[0]: kind for object_id, kind in of_name.items()}
        for name, of_name in found.items()
    }


def _matching(connection: sa.Connection, names: Collection[str], *, folded: bool) -> dict[str, dict[int, str]]:
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault(name.lower() if folded else name, []).append(name)
    found: dict[str, dict[int, str]] = {}
    for part in in_chunks([spelling for name in alike for spelling in (_spellings(name) if folded else [name])]):
        for text, object_id, kind in [*_in_aliases(connection, part, folded), *_in_numbered(connection, part, folded)]:
            for name in alike[text.lower() if folded else text]:
                found.setdefault(name, {}).setdefault(object_id, kind)
    return found


def _spellings(name: str) -> list[str]:
    # SQLite folds the case of ASCII letters alone: these spellings serve Čapek and ČAPEK there.
    return sorted({name, name.upper(), name.title(), name.capitalize()})


def _condition(column: sa.Column, names: list[str], folded: bool) -> sa.ColumnElement[bool]:
    if not folded:
        return column.in_(names)
    return sa.func.lower(column).in_([sa.func.lower(name) for name in names])


def _in_aliases(connection: sa.Connection, names: list[str], folded: bool) -> list[tuple[str, int, str]]:
    columns = (ss_alias.c.alias, ss_alias.c.ssObjectId, ss_alias.c.kind)
    wanted = _condition(ss_alias.c.alias, names, folded)
    if folded:
        wanted &= ss_alias.c.kind != PACKED  # small letters are other digits in these
    # Of two spellings of one name the first says what kind it is.
    ordered = sa.select(*columns).where(wanted).order_by(*in_order(connection, [ss_alias.c.alias]))
    return [(alias, object_id, kind) for alias, object_id, kind in connection.execute(ordered)]


def _in_numbered(connection: sa.Connection, names: list[str], folded: bool) -> list[tuple[str, int, str]]:
    numbered = numbered_identifications.c
    columns = (numbered.iau_name, numbered.unpacked_primary_provisional_designation)
    wanted = sa.select(*columns).where(_condition(numbered.iau_name, names, folded))
    rows = connection.execute(wanted.order_by(*in_order(connection, columns)))
    found = []
    for name, primary in rows:
        with suppress(DesignationError):  # one that no identifier can be made from is told by primary_ids
            found.append((name, ss_object_id(pack(primary)[0]), NAME))
    return found


def designations_of(database: Database, names: Collection[str]) -> dict[str, str]:
    """Unpacked designations of objects that are called by a name, as Eros; only of names that are known.

    DesignationError if a name is that of several objects.
    """
    with database.reading() as connection:
        found = find_names(connection, names)
    for name, objects in found.items():
        if len(objects) > 1:
            raise DesignationError(
                f"{quoted(name)} is the name of several objects: {shown(map(designation_of, sorted(objects)))}"
            )
    return {name: designation_of(object_id) for name, objects in found.items() for object_id in objects}


def designation_of(object_id: int) -> str:
    """The unpacked designation of which an ``ssObjectId`` was made."""
    return pack(packed_from_id(object_id))[1]
