"""A user's own table within a query, without a place in the database: it goes to the server as one parameter.

A temporary table could not be made in a transaction that only reads, nor on a replica of a server.
"""

from __future__ import annotations

import json

import pyarrow as pa
import sqlalchemy as sa


def upload_expression(dialect: sa.Dialect, table: sa.Table) -> str:
    """The common table expression ``NAME AS (...)`` that makes rows of the parameter ``:NAME``.

    Parameters
    ----------
    dialect : sqlalchemy.Dialect
        Of the database.
    table : sqlalchemy.Table
        Name and columns.
    """
    if dialect.name == "postgresql":
        values = [f"CAST(value ->> {i} AS {column.type.compile(dialect)})" for i, column in enumerate(table.columns)]
        elements = f"json_array_elements(CAST(:{table.name} AS json))"
    else:
        values = [f"json_extract(value, '$[{i}]')" for i in range(len(table.columns))]
        elements = f"json_each(:{table.name})"
    named = [f'{value} AS "{column.name}"' for value, column in zip(values, table.columns, strict=True)]
    return f"{table.name} AS MATERIALIZED (SELECT {', '.join(named)} FROM {elements})"


def upload_value(table: sa.Table, rows: pa.Table) -> str:
    """The value of the parameter: the rows as JSON, each an array of its values in the order of the table's columns."""
    columns = [rows.column(column.name).to_pylist() for column in table.columns]
    return json.dumps(list(zip(*columns, strict=True)))
