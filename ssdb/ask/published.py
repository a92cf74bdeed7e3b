"""What a TAP service tells of the schema: its tables and views for people, their columns with VOUnits, and what joins.

:mod:`ssdb.ask.felis` and :mod:`ssdb.ask.dachs` write it down for the programs that need it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa

from ssdb.ask.meanings import column_of
from ssdb.schema import metadata
from ssdb.store.ddl.migrate import connect
from ssdb.store.ddl.views import view_definitions
from ssdb.store.sql_files import read_header

EPN_CORE = "epn_core"
"""The view in the columns of EPN-TAP, which wants a schema for itself."""

NOT_PUBLISHED = {
    "AssociationRun": "how ssdb was run",
    "DiaObjectBase": "what DiaObject is made of",
    "DiaObjectMoment": "what DiaObject is made of",
    "SsEphemeris": "segments that ssdb reads",
    "SsEphemerisEnd": "segments that ssdb reads",
    "SsEphemerisNight": "segments that ssdb reads",
    "SsObjectChange": "what ssdb has yet to do",
    "metadata": "what ssdb notes of the database",
}
"""Tables that answer no question of an astronomer, and why."""

RESERVED_COLUMNS = {"zone": "for the joins of ssdb alone"}
"""Columns whose names ADQL reserves, which cannot be asked for without quotes, and why nobody needs them.

``dec`` is such a name by the letter of the standard, too, and by that of no service.
"""

_POWER = re.compile(r"\b([A-Za-z]+)(-?[0-9]+)\b")

_JOINS: dict[str, dict[str, str]] = {
    "VisitDetector": {"visit": "Visit"},
    "DiaSource": {"visit detector": "VisitDetector", "diaObjectId": "DiaObjectLast", "ssObjectId": "SSObject"},
    "DiaForcedSource": {"visit detector": "VisitDetector", "diaObjectId": "DiaObjectLast"},
    "DiaMatch": {"diaSourceId visit": "DiaSource", "diaObjectId": "DiaObjectLast"},
    "SSSource": {"diaSourceId visit": "DiaSource", "ssObjectId": "SSObject", "designation": "mpc_orbits"},
    "SSObject": {"designation": "mpc_orbits"},
    "SsPrediction": {"visit": "Visit", "ssObjectId": "SSObject", "designation": "mpc_orbits"},
    "SsExpected": {"visit ssObjectId": "SsPrediction", "diaSourceId visit": "DiaSource"},
    "SsCandidate": {"visit ssObjectId": "SsPrediction", "diaSourceId visit": "DiaSource"},
    "SsForcedSource": {"visit detector": "VisitDetector", "ssObjectId": "SSObject"},
    "SsObjectFit": {"ssObjectId": "SSObject"},
    "SsAlias": {"ssObjectId": "SSObject"},
    "SsObservation": {"diaSourceId visit": "DiaSource", "ssObjectId": "SSObject", "designation": "mpc_orbits"},
    "SsObjectSummary": {"ssObjectId": "SSObject", "designation": "mpc_orbits"},
    "SsOrbit": {"designation": "mpc_orbits"},
    "UnassociatedSsObject": {"visit ssObjectId": "SsPrediction"},
    "ObjectName": {"ssObjectId": "SSObject"},
}
"""By table, the columns by which a row finds the one row of another table: that has columns of the same names as a key.

Not all have it: an object is in SSObject when `ssdb summarize` has put it there. The database has no foreign keys.
"""


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """A column of a table or view."""

    name: str
    type: Any
    """Its SQL type, of SQLAlchemy."""
    unit: str
    """A VOUnit; empty where it has none."""
    ucd: str
    description: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class Join:
    """By which columns a row finds the one row of another table that has the same in columns of the same names."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table or view."""

    name: str
    description: str
    columns: tuple[PublishedColumn, ...]
    key: tuple[str, ...]
    """Empty for a view."""
    joins: tuple[Join, ...]

    @property
    def is_view(self) -> bool:
        return self.name in view_definitions()


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """The tables and views for people, each after those that it joins with; without the view ``epn_core``."""
    named = {table.name: table for table in (*_tables(), *_views()) if table.name != EPN_CORE}
    ordered: dict[str, PublishedTable] = {}

    def place(name: str) -> None:
        for join in named[name].joins:
            if join.table not in ordered:
                place(join.table)
        ordered.setdefault(name, named[name])

    for name in named:
        place(name)
    return tuple(ordered.values())


@cache
def published_epn_core() -> PublishedTable:
    """The view ``epn_core``."""
    return next(view for view in _views() if view.name == EPN_CORE)


def vounit(unit: str) -> str:
    """A unit of the schema as a VOUnit (IVOA Recommendation of 2014): powers as ``deg**2``, no blanks, no tonne."""
    return _POWER.sub(r"\1**\2", unit.replace(" ", "").replace("/t", "/Mg"))


def _tables() -> Iterator[PublishedTable]:
    for table in metadata.tables.values():
        if table.name not in NOT_PUBLISHED:
            columns = tuple(_published(column, bool(column.nullable)) for column in _told(table.columns))
            key = tuple(str(column.name) for column in table.primary_key)
            yield PublishedTable(str(table.name), str(table.comment), columns, key, _joins(table.name))


def _views() -> Iterator[PublishedTable]:
    with connect() as database, database.reading() as connection:
        inspector = sa.inspect(connection)
        names = {view: [column["name"] for column in inspector.get_columns(view)] for view in view_definitions()}
    for view, select in view_definitions().items():
        columns = tuple(_published(column, True) for column in _told(column_of(view, name) for name in names[view]))
        yield PublishedTable(view, read_header(select).purpose, columns, (), _joins(view))


def _told(columns: Iterable[sa.Column]) -> Iterator[sa.Column]:
    """Those of which a service tells: without reserved names, and without bytes that only ssdb can read."""
    for column in columns:
        if column.name not in RESERVED_COLUMNS and not isinstance(column.type, sa.LargeBinary):
            yield column


def _published(column: sa.Column, nullable: bool) -> PublishedColumn:
    about = column.info
    return PublishedColumn(
        str(column.name), column.type, vounit(about["unit"]), about["ucd"], about["comment"], nullable
    )


def _joins(name: str) -> tuple[Join, ...]:
    return tuple(Join(tuple(columns.split()), table) for columns, table in _JOINS.get(name, {}).items())
