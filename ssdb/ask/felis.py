"""The schema as YAML of Felis, in which Rubin Observatory describes databases, and of which it makes TAP_SCHEMA."""

from __future__ import annotations

import os
from typing import Any

import sqlalchemy as sa
import yaml

from ssdb.ask.published import PublishedColumn, PublishedTable, published_epn_core, published_tables
from ssdb.io.output import output_file
from ssdb.store.ddl.migrate import REVISION

_NAME = "ssdb"


def write_felis(path: str | os.PathLike[str]) -> int:
    """Writes the schema to a file, for lsst-felis from 29 on; returns how many tables and views are in it.

    Units are VOUnits in ``ivoa:unit``, joins are constraints of the type ForeignKey. InputError if the file cannot be
    written.
    """
    tables = [*published_tables(), published_epn_core()]
    schema = {
        "name": _NAME,
        "@id": f"#{_NAME}",
        "description": "Detections of a sky survey and the known Solar System objects that they are (ssdb)",
        "version": REVISION,
        "tables": [_table(table, index) for index, table in enumerate(tables, 1)],
    }
    with output_file(path) as part:
        part.write_text(yaml.safe_dump(schema, sort_keys=False, allow_unicode=True, width=120), encoding="utf-8")
    return len(tables)


def _table(table: PublishedTable, index: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": table.name,
        "@id": f"#{table.name}",
        "description": table.description,
        "tap:table_index": index,
    }
    if table.key:
        described["primaryKey"] = [_id(table.name, name) for name in table.key]
    described["columns"] = [_column(table, column, place) for place, column in enumerate(table.columns, 1)]
    if table.joins:
        described["constraints"] = [
            {
                "name": (name := f"{table.name}_{'_'.join(join.columns)}"),
                "@id": f"#{name}",
                "@type": "ForeignKey",
                "description": f"Its row of {join.table}",
                "columns": [_id(table.name, column) for column in join.columns],
                "referencedColumns": [_id(join.table, column) for column in join.columns],
            }
            for join in table.joins
        ]
    return described


def _column(table: PublishedTable, column: PublishedColumn, place: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": column.name,
        "@id": _id(table.name, column.name),
        "datatype": _datatype(column.type),
        "description": column.description,
        "nullable": column.nullable,
        "ivoa:ucd": column.ucd,
        "ivoa:unit": column.unit,
        "tap:column_index": place,
        "tap:principal": int(table.is_view or not column.nullable),
    }
    if isinstance(column.type, sa.String) and column.type.length:
        described["length"] = column.type.length
    return {key: value for key, value in described.items() if value != ""}


def _datatype(sql_type: Any) -> str:
    """Felis's name of a type."""
    match sql_type:
        case sa.Double():
            return "double"
        case sa.REAL():
            return "float"
        case sa.SmallInteger():
            return "short"
        case sa.BigInteger():
            return "long"
        case sa.Integer():
            return "int"
        case sa.Boolean():
            return "boolean"
        case sa.TIMESTAMP():
            return "timestamp"
        case sa.Text():
            return "text"
        case sa.String():
            return "string"
    raise TypeError(f"no datatype of Felis for {sql_type!r}")


def _id(table: str, column: str) -> str:
    return f"#{table}.{column}"
