"""Traces a column of a query's answer to the table column it comes from, for its unit and description."""

from __future__ import annotations

import re

import sqlalchemy as sa

from ssdb.schema import metadata
from ssdb.store.ddl.views import known_columns, own_columns, view_definitions
from ssdb.store.sql_files import read_header

_RELATION = re.compile(r'\b(?:FROM|JOIN) "(\w+)"(?: (?!ON\b)(\w+))?', re.IGNORECASE)
_COMMENT = re.compile("--[^\n]*")


def column_meant(sql: str, name: str) -> sa.Column:
    """The column, of a table or described by a view, that is meant by a column of the answer to one of ssdb's SELECTs.

    It is a column of the table that the last SELECT takes it from, or else of the first that the statement reads.
    """
    text = _COMMENT.sub("", sql)
    relations = [(match[1], match[2]) for match in _RELATION.finditer(text)]
    last = text[text.rindex("SELECT") :] if "SELECT" in text else text
    aliases = re.findall(rf'(\w+)\."{name}"(?=[,\s])', last)
    # Those of the last SELECT, which are behind the others.
    chosen = [relation for relation, alias in reversed(relations) if alias in aliases[:1]]
    for relation in (*chosen[:1], *(relation for relation, _ in relations)):
        if (column := _column(relation, name)) is not None:
            return column
    return known_columns()[name]


def column_of(relation: str, name: str) -> sa.Column:
    """A column of a table or view, as far as it is known there; else the one of that name elsewhere."""
    found = _column(relation, name)
    return known_columns()[name] if found is None else found


def _column(relation: str, name: str) -> sa.Column | None:
    """The column of a table or view."""
    if relation in metadata.tables:
        return metadata.tables[relation].columns.get(name)
    body = read_header(view_definitions()[relation]).body
    described = own_columns(relation).get(name)
    return column_meant(body, name) if described is None and f'"{name}"' in body else described
