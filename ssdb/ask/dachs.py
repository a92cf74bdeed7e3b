"""Resource descriptors of DaCHS, GAVO's server of TAP and other services of the Virtual Observatory.

They describe views, which DaCHS makes in its own database, of tables that are found in a schema there. How those come
to be there docs/tap.md tells: as foreign tables, so that neither database can harm the other.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET

import sqlalchemy as sa

from ssdb.ask.published import EPN_CORE, PublishedColumn, PublishedTable, published_epn_core, published_tables
from ssdb.io.output import output_file

SCHEMA = "ssdb"
"""Of the tables and views in the service."""
EPN_SCHEMA = "ssdb_epn"
"""Of the view epn_core there: EPN-TAP wants it alone in its schema."""
SOURCE = "ssdb_source"
"""The schema in DaCHS's database in which it finds the tables and views of ssdb, by their names in small letters."""

_SUBJECTS = ("solar-system-astronomy", "asteroids", "comets", "sky-surveys")
"""Of the Unified Astronomy Thesaurus."""
_TO_EDIT = """ Say here what the data are and whose: title, description, creator, and where one can read about them.
What is missing is taken from /var/gavo/etc/defaultmeta.txt. """
_PRINCIPAL, _OTHER = "1", "20"
"""DaCHS's verbLevel of columns: what it shows by default has up to 20."""

_TYPES = {
    sa.Double: ("double precision", ""),
    sa.REAL: ("real", ""),
    sa.SmallInteger: ("smallint", str(-(2**15))),
    sa.BigInteger: ("bigint", str(-(2**63))),
    sa.Integer: ("integer", str(-(2**31))),
    sa.Boolean: ("boolean", ""),
    sa.TIMESTAMP: ("timestamp", ""),
    sa.String: ("text", ""),
    sa.Text: ("text", ""),
}
"""DaCHS's names of types, and the number that stands for NULL in a VOTable, whose integers have none."""

_OPTIONAL = (
    *("ra", "dec", "alt_target_name", "filter", "flux"),
    *("earth_distance_min", "earth_distance_max", "sun_distance_min", "sun_distance_max"),
)
"""Columns of epn_core that are not in the mixin unless it is asked for them."""


def write_dachs(path: str | os.PathLike[str]) -> int:
    """Writes the descriptor of all tables and views but epn_core; returns how many these are.

    InputError if the file cannot be written.
    """
    tables = published_tables()
    resource = _resource(
        SCHEMA,
        "Known Solar System objects in a sky survey",
        "Detections of a sky survey, and which known asteroid or comet each of them is",
    )
    for table in tables:
        resource.append(_table(table))
    resource.append(_made([table.name for table in tables]))
    _write(resource, path)
    return len(tables)


def write_dachs_epn(path: str | os.PathLike[str]) -> None:
    """Writes the descriptor of the view epn_core, whose columns are those of DaCHS's own definition of EPN-TAP 2.0.

    InputError if the file cannot be written.
    """
    view = published_epn_core()
    resource = _resource(EPN_SCHEMA, "Observations of known Solar System objects", view.description)
    mixed_in = {"id": EPN_CORE, "onDisk": "True", "adql": "True"}
    table = ET.SubElement(resource, "table", mixed_in)
    about = {"spatial_frame_type": "celestial", "optional_columns": " ".join(_OPTIONAL)}
    mixin = ET.SubElement(table, "mixin", about)
    mixin.text = "//epntap2#table-2_0"
    # The schema of the service is its title, and only DaCHS's database has its type of regions.
    given = {"service_title": r"'\schema'::text AS service_title", "s_region": "NULL::spoly AS s_region"}
    columns = ", ".join(given.get(column.name, column.name) for column in view.columns)
    _view(table, rf"SELECT \colNames FROM (SELECT {columns} FROM {SOURCE}.{EPN_CORE}) AS e")
    resource.append(_made([EPN_CORE]))
    _write(resource, path)


def _resource(schema: str, title: str, description: str) -> ET.Element:
    resource = ET.Element("resource", {"schema": schema})
    resource.append(ET.Comment(_TO_EDIT))
    now = datetime.now(UTC).strftime("%Y-%m-%dT00:00:00Z")
    for name, text in (("title", title), ("creationDate", now), ("description", description)):
        ET.SubElement(resource, "meta", {"name": name}).text = text
    for subject in _SUBJECTS:
        ET.SubElement(resource, "meta", {"name": "subject"}).text = subject
    return resource


def _table(table: PublishedTable) -> ET.Element:
    # With its capitals: DaCHS takes `visit` for the column of that name where a key refers to the table.
    described = ET.Element("table", {"id": table.name, "onDisk": "True", "adql": "True"})
    if table.key:
        described.set("primary", ", ".join(table.key))
    ET.SubElement(described, "meta", {"name": "description"}).text = table.description
    for column in table.columns:
        described.append(_column(column, principal=table.is_view or not column.nullable))
    for join in table.joins:
        columns = ", ".join(join.columns)
        about = {"source": columns, "inTable": join.table, "dest": columns, "metaOnly": "True"}
        ET.SubElement(described, "foreignKey", about)
    _view(described, rf"SELECT \colNames FROM {SOURCE}.{table.name.lower()}")
    return described


def _column(column: PublishedColumn, principal: bool) -> ET.Element:
    sql_type, null = _TYPES[type(column.type)]
    about = {
        "name": column.name,
        "type": sql_type,
        "unit": column.unit,
        "ucd": column.ucd,
        "description": column.description,
        "verbLevel": _PRINCIPAL if principal else _OTHER,
        "required": "" if column.nullable else "True",
    }
    described = ET.Element("column", {name: text for name, text in about.items() if text})
    if null and column.nullable:
        ET.SubElement(described, "values", {"nullLiteral": null})
    return described


def _view(table: ET.Element, select: str) -> None:
    ET.SubElement(table, "viewStatement").text = rf"CREATE VIEW \qName AS ({select})"


def _made(tables: list[str]) -> ET.Element:
    data = ET.Element("data", {"id": "import"})
    for table in tables:
        ET.SubElement(data, "make", {"table": table})
    return data


def _write(resource: Any, path: str | os.PathLike[str]) -> None:
    ET.indent(resource)
    with output_file(path) as part:
        ET.ElementTree(resource).write(part, encoding="utf-8", xml_declaration=True)
        with part.open("a", encoding="utf-8") as stream:
            stream.write("\n")
