"""Short forms for the columns of the schema: a type, a unit, a UCD and a comment each, and the range of its values.

Types follow the APDB: its ``float`` is single precision (REAL), its ``double`` double precision. ``char(n)`` is
VARCHAR(n): CHAR pads with blanks on PostgreSQL and not on SQLite.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ssdb.schema.ranges import range_of_kind

naming_convention = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
}
metadata = sa.MetaData(naming_convention=naming_convention)

BY_VISIT: dict[str, Any] = {"postgresql_partition_by": "RANGE (visit)"}
"""Of tables that are partitioned by ranges of visits on PostgreSQL: see :mod:`ssdb.store.ddl.partitions`."""


def _column(name: str, sql_type: Any, unit: str, ucd: str, comment: str, args: tuple[Any, ...], kw: Any) -> sa.Column:
    """A column whose database comment ends with its unit.

    Its ``info`` holds ``unit``, ``ucd``, ``comment`` and ``range``: the :class:`ssdb.schema.ranges.Range` given as
    ``within``, else that of its kind, None for what has none.
    """
    text = f"{comment} [{unit}]" if unit else comment
    within = kw.pop("within", None) or range_of_kind(sql_type, unit, ucd)
    info = {"unit": unit, "ucd": ucd, "comment": comment, "range": within}
    kw.setdefault("autoincrement", False)
    return sa.Column(name, sql_type, *args, comment=text, info=info, **kw)


def double(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Double precision."""
    return _column(name, sa.Double(), unit, ucd, comment, args, kw)


def real(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Single precision (the APDB's ``float``)."""
    return _column(name, sa.REAL(), unit, ucd, comment, args, kw)


def long(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """64-bit integer."""
    return _column(name, sa.BigInteger(), unit, ucd, comment, args, kw)


def integer(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """32-bit integer."""
    return _column(name, sa.Integer(), unit, ucd, comment, args, kw)


def short(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """16-bit integer."""
    return _column(name, sa.SmallInteger(), unit, ucd, comment, args, kw)


def boolean(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """True or false."""
    return _column(name, sa.Boolean(), unit, ucd, comment, args, kw)


def string(name: str, length: int, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Text of at most ``length`` characters (the APDB's ``char``)."""
    return _column(name, sa.String(length), "", ucd, comment, args, kw)


def text(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Text of any length."""
    return _column(name, sa.Text(), unit, ucd, comment, args, kw)


def timestamp(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Date and time, UTC, without a time zone."""
    return _column(name, sa.TIMESTAMP(), unit, ucd, comment, args, kw)


def blob(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Bytes."""
    return _column(name, sa.LargeBinary(), unit, ucd, comment, args, kw)
