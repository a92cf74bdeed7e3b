"""A table with a column of every type of the schema, and values that are hard to keep."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.schema.arrow import arrow_schema
from ssdb.schema.columns import blob, boolean, double, integer, long, real, short, string, text, timestamp
from ssdb.store.database import Database
from ssdb.store.transfer.write import write_rows

_FLOAT32 = np.finfo(np.float32)

VALUES: dict[str, list[Any]] = {
    "aLong": [-(2**63), 2**63 - 1, 0, 2**53 + 1, -1],
    "anInteger": [-(2**31), 2**31 - 1, 0, 1, -1],
    "aShort": [-(2**15), 2**15 - 1, 0, 1, -1],
    "aDouble": [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, 0.1, float("inf")],
    "aReal": [float(_FLOAT32.max), float(_FLOAT32.min), 2.0**-149, float(np.float32(0.1)), float("-inf")],
    "aBoolean": [True, False, True, False, True],
    "aString": ["", "2015 MQ204", "NULL", "'; DROP TABLE x; --", "ʻOumuamua ☄"],
    "aText": ['"quoted", \\N', "two\nlines\r\nand\ta tab", "\\.", "back\\slash\\", " blanks \n"],
    "aTimestamp": [
        datetime(2026, 11, 22, 16, 4, 0, 123456),
        datetime(2026, 11, 22, 16, 4),
        datetime(1858, 11, 17, 0, 0, 0, 100000),
        datetime(1970, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59, 999999),
    ],
    "aBlob": [b"", bytes(range(256)), b"\0", b"\\x00", b'\n,"'],
}
"""Five values of every type; with NULLs beside them they are the rows of :func:`hard_rows`."""


def every_type() -> sa.Table:
    """The table, in a metadata of its own; its name and columns need quotes."""
    return sa.Table(
        "Every Type",
        sa.MetaData(),
        long("id", "", "", "Number of the row", primary_key=True),
        long("aLong", "", "", ""),
        integer("anInteger", "", "", ""),
        short("aShort", "", "", ""),
        double("aDouble", "", "", ""),
        real("aReal", "", "", ""),
        boolean("aBoolean", "", "", ""),
        string("aString", 24, "", ""),
        text("aText", "", "", ""),
        timestamp("aTimestamp", "", "", ""),
        blob("aBlob", "", "", ""),
    )


def hard_rows() -> list[dict[str, Any]]:
    """Rows of hard values, one of them all NULL, and one NULL in each column in turn."""
    rows = [{name: values[i] for name, values in VALUES.items()} for i in range(5)]
    rows.append(dict.fromkeys(VALUES))
    rows += [rows[0] | {name: None} for name in VALUES]
    return [{"id": i, **row} for i, row in enumerate(rows)]


def as_arrow(table: sa.Table, rows: list[dict[str, Any]]) -> pa.Table:
    """Rows as the bulk writer takes them, all columns."""
    return pa.Table.from_pylist(rows, schema=arrow_schema(table))


def stored(database: Database, rows: list[dict[str, Any]]) -> sa.Table:
    """The table, made anew in a database and filled by the bulk writer."""
    table = every_type()
    with database.writing() as connection:
        table.drop(connection, checkfirst=True)
        table.create(connection)
        write_rows(connection, table, as_arrow(table, rows))
    return table
