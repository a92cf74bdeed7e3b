"""Notes in the metadata of Arrow tables: units, columns that were left out, and whether the table is incomplete."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from ssdb.errors import shown
from ssdb.io.limits import refuse_yaml
from ssdb.io.not_read import nested_names

SCALE = b"scale"
"""In the metadata of the field of what was read as times: they are MJD in this scale."""

UNREADABLE = b"unreadable"
"""In the metadata of a field: why its values are none."""

FROM = b"from"
"""In the metadata of what a map made: the name of the file's column."""

SINGLE = b"single"
"""In the metadata of a field of double precision: some of its values have been in single precision."""

_INCOMPLETE = b"incomplete"
_NOT_PLAIN = b"not plain"  # in the metadata of a table's schema


def noted(schema: pa.Schema, *, not_plain: Mapping[str, str], incomplete: str | None = None) -> pa.Schema:
    """A schema without other metadata that says what :func:`not_plain` and :func:`incomplete` tell."""
    said = {_NOT_PLAIN: json.dumps(dict(not_plain)) if not_plain else "", _INCOMPLETE: incomplete or ""}
    return schema.with_metadata({key: text for key, text in said.items() if text} or None)


def not_plain(schema: pa.Schema) -> dict[str, str]:
    """The columns that were left out, since their values are arrays, lists, structures or compound ones.

    By name: what of records and lists messages call them, which is nothing for the others.
    """
    left_out: dict[str, str] = json.loads((schema.metadata or {}).get(_NOT_PLAIN, b"{}"))
    return left_out


def incomplete(schema: pa.Schema) -> str | None:
    """Why a table is not whole, by its file's own word; None where that does not say so."""
    text = (schema.metadata or {}).get(_INCOMPLETE)
    return text.decode(errors="replace") if text else None


def records_and_lists(left_out: Mapping[str, str]) -> str:
    """Of columns that :func:`not_plain` tells those that have values within, for messages; empty without any."""
    return shown(filter(None, left_out.values()), 20)


def nested_name(field: pa.Field) -> str:
    """A column of records or lists, for messages; empty where it is none."""
    type_ = field.type
    while pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
        type_ = type_.value_type
    if pa.types.is_struct(type_):
        return nested_names(field.name, [inside.name for inside in type_])
    return field.name if pa.types.is_nested(field.type) else ""


def unit_of(field: pa.Field) -> str:
    """The unit of a column as its file has it; empty where it has none."""
    return about(field, b"unit") or ""


def about(field: pa.Field, key: bytes) -> str | None:
    """What the metadata of a field say: its ``b"unit"`` or ``b"description"``; None where they do not."""
    text = (field.metadata or {}).get(key)
    return text.decode(errors="replace") if text else None


def described(name: str, type_: pa.DataType, unit: object, description: object, scale: str = "") -> pa.Field:
    """A field whose metadata have its unit, its description, and the scale of times."""
    about = {"unit": str(unit or ""), "description": str(description or ""), SCALE.decode(): scale}
    return pa.field(name, type_, metadata={key: text for key, text in about.items() if text})


def with_astropy_units(schema: pa.Schema) -> pa.Schema:
    """Units and descriptions from where astropy puts them, unless the fields have them already."""
    header = (schema.metadata or {}).get(b"table_meta_yaml")
    if not header:
        return schema
    from astropy.table.meta import get_header_from_yaml

    text = header.decode()
    refuse_yaml("table_meta_yaml", text)
    written = {column["name"]: column for column in get_header_from_yaml(text.split("\n"))["datatype"]}
    fields = []
    for field in schema:
        column = written.get(field.name, {})
        unit = about(field, b"unit") or column.get("unit")
        description = about(field, b"description") or column.get("description")
        fields.append(described(field.name, field.type, unit, description))
    return pa.schema(fields)
