"""Short forms for the columns of the schema: a type, a unit, a UCD and a comment each, and the range of its values.

Types follow the APDB: its ``float`` is single precision (REAL), its ``double`` double precision. ``char(n)`` is
VARCHAR(n): CHAR pads with blanks on PostgreSQL and not on SQLite.
"""

from __future__ import annotations

from typing import Any, Protocol

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


class _Kind(Protocol):
    def __call__(self, name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column: ...


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


def _kind(sql_type: type[Any]) -> _Kind:
    def column(name: str, unit: str, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
        return _column(name, sql_type(), unit, ucd, comment, args, kw)

    return column


double = _kind(sa.Double)
real = _kind(sa.REAL)
"""Single precision (the APDB's ``float``)."""
long = _kind(sa.BigInteger)
integer = _kind(sa.Integer)
short = _kind(sa.SmallInteger)
"""16 bits."""
boolean = _kind(sa.Boolean)
text = _kind(sa.Text)
blob = _kind(sa.LargeBinary)
timestamp = _kind(sa.TIMESTAMP)
"""Date and time, UTC, without a time zone."""


def string(name: str, length: int, ucd: str, comment: str, *args: Any, **kw: Any) -> sa.Column:
    """Text of at most ``length`` characters (the APDB's ``char``)."""
    return _column(name, sa.String(length), "", ucd, comment, args, kw)
