"""The tables of parts: which a part has, by the ranges of its visits, in use or set aside."""

from __future__ import annotations

import re

import sqlalchemy as sa

from ssdb.schema.survey import visit, visit_detector
from ssdb.store.ddl.partitions import PARTITIONED, Partition, Range, partitions

WHOLE = (visit, visit_detector)
"""Tables that have no partitions, and whose rows go with those of the others."""

DETACHED = "_detached"
"""How the name of a table ends that was set aside."""

_ABOUT = re.compile(r"Visits from (-?\d+)(?: to below (-?\d+))?, set aside")


def about(wanted: Range) -> str:
    """The comment on a table Visit that is set aside, by which its range is known."""
    end = "" if wanted.past is None else f" to below {wanted.past}"
    return f"Visits from {wanted.first}{end}, set aside"


def ranges_aside(connection: sa.Connection) -> list[Range]:
    """The ranges of the parts that are set aside, ascending."""
    comments = sa.text(
        """SELECT obj_description(oid, 'pg_class') FROM pg_class
           WHERE relkind = 'r' AND relname LIKE 'Visit\\_%\\_detached' AND pg_table_is_visible(oid)"""
    )
    matched = (_ABOUT.fullmatch(comment or "") for comment in connection.scalars(comments))
    return sorted(Range(int(m[1]), int(m[2]) if m[2] else None) for m in matched if m)


def name_aside(table: sa.Table, wanted: Range) -> str:
    """What the rows of a table are kept in that are set aside."""
    return f"{table.name}_{wanted.first}{DETACHED}"


def table_aside(table: sa.Table, wanted: Range) -> sa.Table:
    """The table of that name, with the columns of the other."""
    return table.to_metadata(sa.MetaData(), name=name_aside(table, wanted))


def names_aside(connection: sa.Connection, wanted: Range) -> list[str]:
    """The tables of a part that is set aside."""
    names = [name_aside(table, wanted) for table in (*WHOLE, *PARTITIONED)]
    return [name for name in names if exists(connection, name)]


def partitions_of(connection: sa.Connection, wanted: Range) -> list[Partition]:
    """The partitions that have a visit of a range."""
    return [part for part in partitions(connection) if wanted.holds(part.range.first) or part.range.holds(wanted.first)]


def within(table: sa.FromClause, wanted: Range) -> sa.ColumnElement[bool]:
    """That the visit of a row is of a range."""
    inside: sa.ColumnElement[bool] = table.c.visit >= wanted.first
    return inside if wanted.past is None else inside & (table.c.visit < wanted.past)


def exists(connection: sa.Connection, name: str) -> bool:
    """Whether there is a table of this name."""
    return connection.scalar(sa.text("SELECT to_regclass(:name)"), {"name": quoted(connection, name)}) is not None


def size(connection: sa.Connection, name: str) -> int:
    """Bytes of a table with its indexes; 0 if there is none of this name."""
    found = sa.text("SELECT coalesce(pg_total_relation_size(to_regclass(:name)), 0)")
    return int(connection.execute(found, {"name": quoted(connection, name)}).scalar_one())


def quoted(connection: sa.Connection, name: str) -> str:
    """A name as it is written in statements."""
    return connection.dialect.identifier_preparer.quote_identifier(name)
