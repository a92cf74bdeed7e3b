"""Writes what is stored as packets of alerts, of the newest schema of Rubin's that lsst-alert-packet has."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import sqlalchemy as sa

from ssdb.errors import ConfigError, InputError, MissingPackageError, option, shown
from ssdb.io.formats.avro import fastavro, lsst_schemas
from ssdb.io.output import output_file, require_replaceable
from ssdb.schema.apdb_dia import dia_forced_source, dia_object, dia_source
from ssdb.schema.apdb_solar_system import mpc_orbits, ss_source
from ssdb.schema.arrow import arrow_field
from ssdb.schema.survey import visit as visit_table
from ssdb.store.database import Database
from ssdb.store.query_plans import named
from ssdb.store.tables.visits import among, require_visits
from ssdb.store.transfer.read import read_arrays, read_batches

HISTORY_DAYS = 365.0
"""As long as Rubin's packets look back."""

_PACKETS_AT_ONCE = 2_000
_UNKNOWN = {"float": float("nan"), "double": float("nan"), "int": -1, "long": -1}
"""What is written for what the schema wants and nobody knows; `ssdb ingest alerts` takes it for that."""

_Row = dict[str, Any]


def export_alerts(
    database: Database,
    path: str | os.PathLike[str],
    *,
    visits: Sequence[int] | None = None,
    history: float = HISTORY_DAYS,
    fill_unknown: bool = False,
) -> int:
    """Writes a packet for every source to an Avro file, by visit and diaSourceId; returns how many.

    A packet has the source; where it is of a DiaObject also that, its earlier sources and its forced fluxes; where it
    is a known object its ``ssSource`` and orbit. The file is there whole or not at all, and not at all if there are no
    sources. NotFoundError if there is no such visit; InputError if the file cannot be written, or if values are unknown
    that the schema wants; MissingPackageError without the extra ``alerts``.

    Parameters
    ----------
    path : path
        The file: an Avro container.
    visits : sequence of int, optional
        Packets of these visits alone; the history is of all.
    history : float
        So far packets look back, days.
    fill_unknown : bool
        Write NaN, and -1 for whole numbers, where the schema wants a value that is unknown.
    """
    if not history >= 0:
        raise ConfigError(f"{option('--history', 'history')} must be days, 0 or more, not {history}")
    if Path(path).suffix.lower() != ".avro":
        raise InputError(f"{os.fspath(path)}: packets of alerts are written as Avro: give a name that ends with .avro")
    require_replaceable(path)  # before anything is read
    writer = _Writer(fill_unknown)
    with database.reading() as connection:
        if visits is not None:
            require_visits(connection, visits)
        packets = _packets(connection, writer, visits, history)
        if (first := next(packets, None)) is None:
            return 0
        with output_file(path) as part, part.open("wb") as file:
            return writer.write(file, chain((first,), packets))


class _Writer:
    """Makes packets of rows, and writes them."""

    def __init__(self, fill_unknown: bool) -> None:
        folder = lsst_schemas()
        if folder is None:
            raise MissingPackageError(
                "Rubin's schemas need the package lsst-alert-packet: pip install 'ssdb-asteroids[alerts]'"
            )
        version = (folder / "latest.txt").read_text(encoding="ascii").strip()
        major, minor = version.split(".")
        file = folder / major / minor / f"lsst.v{major}_{minor}.alert.avsc"
        self.schema = fastavro().schema.load_schema(file)
        self._fill = fill_unknown
        kinds = {field["name"]: _kind_of(field["type"]) for field in self.schema["fields"]}
        # Sources of the history are of a type that is there before, and is called by its name.
        self._fields = kinds | {"prvDiaSources": kinds["diaSource"]}

    def write(self, file: BinaryIO, packets: Iterable[_Row]) -> int:
        """Writes packets; returns how many."""
        n = 0

        def counted() -> Iterator[_Row]:
            nonlocal n
            for packet in packets:
                n += 1
                yield packet

        fastavro().writer(file, self.schema, counted())
        return n

    def record(self, name: str, rows: Iterable[_Row], what: str) -> list[_Row]:
        """Rows with the fields of a record of the packet; InputError names those that have to be known and are not."""
        fields = self._fields[name]
        made = [{field: row.get(field) for field in fields} for row in rows]
        wanted = [field for field, (_, nullable) in fields.items() if not nullable]
        lacking = [field for field in wanted if any(row[field] is None for row in made)]
        if lacking and not self._fill:
            raise InputError(
                f"{what}: {shown(lacking, len(lacking))} of {name} are unknown, and the schema of alerts wants them: "
                f"{option('--fill-unknown', 'fill_unknown=True')} writes NaN and -1"
            )
        for field in lacking:
            unknown = _UNKNOWN.get(fields[field][0], "")
            for row in made:
                if row[field] is None:
                    row[field] = unknown
        return made


def _kind_of(type_: Any) -> Any:
    """The fields of a record, or of a list of records: the kind of each, and whether it may be unknown."""
    if isinstance(type_, list):
        type_ = next(one for one in type_ if one != "null")
    if isinstance(type_, dict) and type_["type"] == "array":
        type_ = type_["items"]
    if not isinstance(type_, dict) or "fields" not in type_:
        return type_ if isinstance(type_, str) else str(type_)
    return {field["name"]: (str(_kind_of(field["type"])), isinstance(field["type"], list)) for field in type_["fields"]}


def _packets(
    connection: sa.Connection, writer: _Writer, visits: Sequence[int] | None, history: float
) -> Iterator[_Row]:
    wanted = sa.select(visit_table.c.visit, visit_table.c.midpointMjdTai).order_by(visit_table.c.visit)
    if visits is not None:
        wanted = wanted.where(among(visit_table.c.visit, visits))
    for number, time in connection.execute(wanted).all():
        sources = _read(connection, dia_source, dia_source.c.visit == number)
        known = {row["diaSourceId"]: row for row in _read(connection, ss_source, ss_source.c.visit == number)}
        for first in range(0, len(sources), _PACKETS_AT_ONCE):
            some = sources[first : first + _PACKETS_AT_ONCE]
            yield from _of_sources(connection, writer, number, time, some, known, history)


def _of_sources(
    connection: sa.Connection,
    writer: _Writer,
    number: int,
    time: float,
    sources: list[_Row],
    known: Mapping[int, _Row],
    history: float,
) -> Iterator[_Row]:
    """The packets of some sources of a visit."""
    what = f"visit {number}"
    sources = writer.record("diaSource", sources, what)
    within = visit_table.c.midpointMjdTai.between(time - history, time)
    before = named(read_arrays(connection, sa.select(visit_table.c.visit).where(within))["visit"])
    ids = sorted({row["diaObjectId"] for row in sources if row["diaObjectId"] is not None})
    tables = {"prvDiaSources": dia_source, "prvDiaForcedSources": dia_forced_source}
    earlier: dict[str, dict[int, list[_Row]]] = {name: defaultdict(list) for name in tables}
    objects: dict[int, _Row] = {}
    if ids:
        for name, table in tables.items():
            of_objects = (among(table.c.diaObjectId, ids), table.c.visit.in_(before))
            rows = sorted(_read(connection, table, *of_objects), key=lambda row: (row["midpointMjdTai"], row["visit"]))
            made = writer.record(name, rows, what)
            for row in made:
                earlier[name][row["diaObjectId"]].append(row)
        current = (among(dia_object.c.diaObjectId, ids), dia_object.c.validityEndMjdTai.is_(None))
        made = writer.record("diaObject", _read(connection, dia_object, *current), what)
        objects = {row["diaObjectId"]: row for row in made}
    seen = [known[row["diaSourceId"]] for row in sources if row["diaSourceId"] in known]
    designations = sorted({row["designation"] for row in seen if row["designation"]})
    orbits: dict[str, _Row] = {}
    if designations:
        rows = _read(connection, mpc_orbits, mpc_orbits.c.designation.in_(designations))
        orbits = {row["designation"]: row for row in writer.record("mpc_orbits", rows, what)}
    found = {row["diaSourceId"]: row for row in writer.record("ssSource", seen, what)}
    for row in sources:
        object_, source = row["diaObjectId"], row["diaSourceId"]
        of_known = found.get(source)
        yield {
            "diaSourceId": source,
            "diaSource": row,
            "prvDiaSources": [
                one
                for one in earlier["prvDiaSources"][object_]
                if one["midpointMjdTai"] < row["midpointMjdTai"] and one["diaSourceId"] != source
            ]
            or None,
            "prvDiaForcedSources": earlier["prvDiaForcedSources"][object_] or None,
            "diaObject": objects.get(object_),
            "ssSource": of_known,
            "mpc_orbits": orbits.get(of_known["designation"]) if of_known else None,
        }


def _read(connection: sa.Connection, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[_Row]:
    """Rows of a table, by primary key, dates as microseconds since 1970."""
    columns = [column for column in table.columns if column.computed is None]
    schema = pa.schema([arrow_field(column) for column in columns])
    statement = sa.select(*columns).where(*where).order_by(*table.primary_key.columns)
    rows: list[_Row] = []
    for part in read_batches(connection, statement, schema):
        for index, field in enumerate(schema):
            if pa.types.is_timestamp(field.type):
                part = part.set_column(index, field.name, part.column(index).cast(pa.int64()))
        rows += part.to_pylist()
    return rows
