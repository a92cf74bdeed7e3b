"""Reads in bulk: into numpy arrays for association, into Arrow tables for people.

On PostgreSQL both go through COPY, so that no Python object is made per value. SQLite's driver only knows Python
objects; there they live for one chunk.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.csv
import sqlalchemy as sa
from psycopg.adapt import Dumper

from ssdb.equal_rows import ascends
from ssdb.errors import DatabaseError
from ssdb.schema.arrow import arrow_type
from ssdb.store.driver import driver_connection
from ssdb.store.transfer.collection import no_collection

_ROWS_PER_CHUNK = 10_000
_COPY_HEADER_BYTES = 19
_COPY_TRAILER_BYTES = 2
_DTYPES = {pa.float64(): "f8", pa.float32(): "f4", pa.int64(): "i8", pa.int32(): "i4", pa.int16(): "i2"}


def read_arrays(
    connection: sa.Connection,
    statement: sa.Select | sa.TextualSelect,
    parameters: dict[str, Any] | None = None,
    *,
    bounded: bool = False,
) -> dict[str, np.ndarray]:
    """The result of a statement, whose columns are typed, as one numpy array a column, in their order.

    Floats may be NULL and become NaN, integers must not be; text of at most n characters (``String(n)``) must be ASCII
    and becomes bytes without trailing blanks, NULL becomes empty; at most n bytes (``LargeBinary(n)``, not NULL) become
    void of that length, zero behind their end. DatabaseError where it is otherwise.

    The rows come in the order of the statement's own ORDER BY (columns, ascending; text by its bytes, NaN last), which
    is seen to here: SQL promises no order of what is taken from an ordered subquery. Those of a statement that is text,
    or has no ORDER BY, come in any order.

    ``bounded``: the result is of a batch of visits, so that it has less than the gigabyte that PostgreSQL can send as
    one row. It then sends one value a column: a row costs it and its driver two or three microseconds, whatever is in
    the row.
    """
    if isinstance(statement, sa.Select) and statement._order_by_clauses:
        return _read_in_order(connection, statement, parameters, bounded)
    return _read(connection, statement, parameters, bounded)


def _read_in_order(
    connection: sa.Connection, statement: sa.Select, parameters: dict[str, Any] | None, bounded: bool
) -> dict[str, np.ndarray]:
    """The columns, rows in the order of the statement; what it is ordered by is selected as well."""
    selected, names = list(statement.selected_columns), list[str]()
    for by in statement._order_by_clauses:
        if isinstance(by, sa.UnaryExpression):
            raise TypeError(f"rows are ordered by columns, ascending, and not by {by}")
        same = (one.name for one in selected if by is one or by is getattr(one, "element", None))
        if (name := next(same, None)) is None:
            name = f"order {len(names)}"
            statement = statement.add_columns(by.label(name))
        names.append(name)
    found = _read(connection, statement, parameters, bounded)
    keys = [found[name] for name in names]
    found = {column.name: found[column.name] for column in selected}
    if ascends(*keys):
        return found
    order = np.lexsort(keys[::-1])
    return {name: values[order] for name, values in found.items()}


def _read(
    connection: sa.Connection,
    statement: sa.Select | sa.TextualSelect,
    parameters: dict[str, Any] | None,
    bounded: bool,
) -> dict[str, np.ndarray]:
    """The columns, rows in any order, but for SQLite's."""
    query = _query(connection, statement)
    if connection.dialect.name == "postgresql":
        return (_aggregate if bounded else _copy_out)(connection, query, query.values | (parameters or {}))
    dtype, columns = query.dtype, query.dtype.names or ()
    chunks: list[list[np.ndarray]] = [[np.empty(0, dtype[name])] for name in columns]
    result = connection.execute(statement, parameters or {})
    # The driver's tuples: SQLAlchemy's rows take longer than all the rest.
    with no_collection():
        while rows := result.cursor.fetchmany(_ROWS_PER_CHUNK):
            for parts, name, values in zip(chunks, columns, zip(*rows, strict=True), strict=True):
                parts.append(_native_array(name, values, dtype[name]))
    result.close()
    return {name: np.concatenate(parts) for name, parts in zip(columns, chunks, strict=True)}


class _Query(NamedTuple):
    """A statement as it is sent, which takes SQLAlchemy some milliseconds to make."""

    text: str
    """Empty on SQLite, where SQLAlchemy sends it."""
    values: dict[str, Any]
    """Of its parameters, as far as the statement has them."""
    fields: dict[str, str]
    """Expressions for the columns of a subquery q of this text, each of a fixed width."""
    dtype: np.dtype


_QUERIES: WeakKeyDictionary[Any, _Query] = WeakKeyDictionary()
"""Of statements, which are there again where their module keeps them. A process has one kind of database, mostly."""


def _query(connection: sa.Connection, statement: Any) -> _Query:
    query = _QUERIES.get(statement)
    on_server = connection.dialect.name == "postgresql"
    if query is None or bool(query.text) != on_server:
        columns = {column.name: column.type for column in statement.selected_columns}
        dtype = np.dtype([(name, _dtype(sql_type)) for name, sql_type in columns.items()])
        text, values = _compiled(connection, statement) if on_server else ("", {})
        query = _Query(text, values, _fields(connection, columns, dtype) if on_server else {}, dtype)
        _QUERIES[statement] = query
    return query


def _dtype(sql_type: Any) -> str:
    if isinstance(sql_type, sa.String):
        return f"S{sql_type.length}"
    if isinstance(sql_type, sa.LargeBinary):
        return f"V{sql_type.length}"
    return _DTYPES[arrow_type(sql_type)]


def _native_array(name: str, values: Sequence[Any], dtype: np.dtype) -> np.ndarray:
    if dtype.kind == "S":
        try:
            return np.char.rstrip(np.array([value or "" for value in values]).astype(dtype), b" ")
        except UnicodeEncodeError as error:
            raise DatabaseError(f"column {name} holds text that is not ASCII") from error
    if dtype.kind == "V":
        if max(map(len, values)) > dtype.itemsize:
            raise _unfit(f"column {name}")
        return np.array(values, dtype=dtype)
    try:
        with np.errstate(over="ignore"):  # too large for single precision is infinite, and told where it matters
            return np.array(values, dtype=dtype)
    except TypeError as error:
        raise DatabaseError(f"column {name} holds NULL where a number is needed") from error


def _copy_out(connection: sa.Connection, query: _Query, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """COPY in binary form, every field of a fixed width, so that the rows are one structured array."""
    fields, dtype = query.fields, query.dtype
    packed = np.dtype(
        [("fields", ">i2")]
        + [item for name in fields for item in ((f"{name} bytes", ">i4"), (name, dtype[name].newbyteorder(">")))]
    )
    text = f"SELECT {', '.join(fields.values())} FROM ({query.text}) q"
    buffer = b"".join(_copy_blocks(connection, text, values, "BINARY"))
    body = memoryview(buffer)[_COPY_HEADER_BYTES : len(buffer) - _COPY_TRAILER_BYTES]
    rows = np.frombuffer(body, dtype=packed, count=len(body) // packed.itemsize)
    # All that follows a field of another width is shifted: the first one is at fault.
    shifted = {name: rows[f"{name} bytes"] != dtype[name].itemsize for name in fields}
    first = {name: np.argmax(wrong) for name, wrong in shifted.items() if wrong.any()}
    if first or len(body) % packed.itemsize:
        which = f"column {min(first, key=first.__getitem__)}" if first else f"a column of {', '.join(fields)}"
        raise _unfit(which)
    return {name: _in_native_order(rows[name], dtype[name]) for name in fields}


def _aggregate(connection: sa.Connection, query: _Query, values: dict[str, Any]) -> dict[str, np.ndarray]:
    """One row, in which each column is the binary forms of all its values, one after the other.

    All aggregates take the same rows in the same order. PostgreSQL alone keeps that of an ordered subquery; a database
    on several servers does not. To order the values of each one (``string_agg(... ORDER BY ...)``) sorts once a column
    before PostgreSQL 16.
    """
    fields, dtype = query.fields, query.dtype
    joined = [f"string_agg({_sent(field, dtype[name])}, '')" for name, field in fields.items()]
    text = f"SELECT count(*), {', '.join(joined)} FROM ({query.text}) q"
    with driver_connection(connection).cursor(binary=True) as cursor:
        # Never prepared: a plan for arrays of any length is not the plan for these.
        n, *parts = cursor.execute(text, values, prepare=False).fetchone()
    arrays = {}
    for name, part in zip(fields, parts, strict=True):
        sent = part or b""  # NULL, where there is no row
        if len(sent) != n * dtype[name].itemsize:
            raise _unfit(f"column {name}")
        arrays[name] = _in_native_order(np.frombuffer(sent, dtype[name].newbyteorder(">")), dtype[name])
    return arrays


def _sent(field: str, dtype: np.dtype) -> str:
    """The expression that makes the binary form of a value."""
    send = {"i": f"int{dtype.itemsize}send", "f": f"float{dtype.itemsize}send", "S": "textsend", "V": ""}
    return f"{send[dtype.kind]}({field})"


def _fields(connection: sa.Connection, columns: dict[str, Any], dtype: np.dtype) -> dict[str, str]:
    """Expressions for the columns of a subquery q, each of a fixed width, NULL in integers alone."""
    quote = connection.dialect.identifier_preparer.quote
    fields = {}
    for name, sql_type in columns.items():
        if isinstance(sql_type, sa.String):
            fields[name] = f"rpad(coalesce(q.{quote(name)}, ''), {sql_type.length})"
        elif isinstance(sql_type, sa.LargeBinary):
            zeros = f"decode(repeat('00', {sql_type.length}), 'hex')"
            fields[name] = f"overlay({zeros} placing coalesce(q.{quote(name)}, '') from 1)"
        elif dtype[name].kind == "f":
            fields[name] = f"coalesce(q.{quote(name)}, 'NaN')"
        else:
            fields[name] = f"q.{quote(name)}"
    return fields


def _in_native_order(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    array = values.astype(dtype)
    return np.char.rstrip(array, b" ") if dtype.kind == "S" else array


def _unfit(what: str) -> DatabaseError:
    return DatabaseError(f"{what} holds NULL where a number is needed, text that is not ASCII, or too many bytes")


def _compiled(connection: sa.Connection, statement: Any) -> tuple[str, dict[str, Any]]:
    """The text of a statement, and the values of its parameters as far as it has them."""
    compiled = statement.compile(dialect=connection.dialect)
    # Lists that are text of the statement become it here. SQLAlchemy wants values of the others with them.
    later = {name: None for name, parameter in compiled.binds.items() if parameter.required}
    expanded = compiled.construct_expanded_state(later)
    return expanded.statement, dict(expanded.parameters)


def _copy_blocks(connection: sa.Connection, query: str, values: dict[str, Any], form: str) -> Iterator[bytes]:
    # COPY takes no parameters on the server: psycopg quotes and merges them here, and with them turns every %% of the
    # compiled text into %. It leaves a text without parameters as it is.
    query = query if values else query % ()
    with driver_connection(connection).cursor() as cursor:
        cursor.adapters.register_dumper(int, _BracketedDumper)
        with cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT {form})", values) as copy:
            for block in copy:
                yield bytes(block)


class _BracketedDumper(Dumper):
    """Integers in a statement's text: -9223372036854775808::bigint is no number, as what is cast has no sign yet."""

    def dump(self, obj: int) -> bytes:
        return b"%d" % obj

    def quote(self, obj: int) -> bytes:
        return b"(%d)" % obj


def read_batches(connection: sa.Connection, statement: sa.Select, schema: pa.Schema) -> Iterator[pa.Table]:
    """The result of a statement as Arrow tables of a bounded size, at least one; the schema has its columns."""
    if connection.dialect.name == "postgresql":
        yield schema.empty_table()
        yield from _csv_batches(connection, statement, schema)
        return
    result = connection.execute(statement)
    some = False
    # The driver's tuples: SQLAlchemy's rows take longer than all the rest.
    while rows := result.cursor.fetchmany(_ROWS_PER_CHUNK):
        columns = zip(*rows, strict=True)
        arrays = [_arrow_array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        yield pa.Table.from_arrays(arrays, schema=schema)
        some = True
    result.close()
    if not some:
        yield schema.empty_table()


def _arrow_array(values: tuple[Any, ...], type_: pa.DataType) -> pa.Array:
    """Values as SQLite has them: true and false as 1 and 0, times as ISO 8601 text."""
    if values.count(None) == len(values):
        return pa.nulls(len(values), type_)
    if pa.types.is_boolean(type_):
        return pa.array(values, pa.int8()).cast(type_)
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.string()).cast(type_)
    return pa.array(values, type_)


def read_table(connection: sa.Connection, statement: sa.Select, schema: pa.Schema) -> pa.Table:
    """The whole result of a statement as one Arrow table: see :func:`read_batches`."""
    return pa.concat_tables(read_batches(connection, statement, schema))


def in_order(connection: sa.Connection, columns: Iterable[sa.Column]) -> list[sa.ColumnElement[Any]]:
    """What to order by so that rows come in the same order from every database: text by its characters, NULL first.

    PostgreSQL has its own order for the language that the server was set up for, and NULL last.
    """
    if connection.dialect.name != "postgresql":
        return list(columns)
    order: list[sa.ColumnElement[Any]] = []
    for column in columns:
        by = sa.collate(column, "C") if isinstance(column.type, sa.String) else column
        order.append(by.nulls_first() if column.nullable else by)
    return order


def _csv_batches(connection: sa.Connection, statement: sa.Select, schema: pa.Schema) -> Iterator[pa.Table]:
    # As CSV, PostgreSQL tells NULL (nothing) from an empty text (""), writes floats so that they come back the same,
    # and Arrow parses it without a Python object per value.
    text, values = _compiled(connection, statement)
    binary = [field.name for field in schema if pa.types.is_binary(field.type)]
    read_types = {field.name: pa.string() if field.name in binary else field.type for field in schema}
    # An empty line is a row: the NULL of a single column.
    parse = pa.csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False)
    convert = pa.csv.ConvertOptions(
        column_types=read_types,
        null_values=[""],
        true_values=["t"],
        false_values=["f"],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
    )
    for block in _csv_blocks(_copy_blocks(connection, text, values, "CSV")):
        options = pa.csv.ReadOptions(column_names=schema.names, block_size=max(len(block), 1 << 20))
        table = pa.csv.read_csv(io.BytesIO(block), options, parse, convert)
        for name in binary:
            raw = [None if value is None else bytes.fromhex(value[2:]) for value in table.column(name).to_pylist()]
            table = table.set_column(table.schema.get_field_index(name), name, pa.array(raw, pa.binary()))
        yield pa.table(table.columns, schema=schema)


def _csv_blocks(rows: Iterator[bytes], size: int = 8 << 20) -> Iterator[bytes]:
    """Rows (PostgreSQL sends one a message) joined to blocks."""
    parts: list[bytes] = []
    total = 0
    for row in rows:
        parts.append(row)
        total += len(row)
        if total >= size:
            yield b"".join(parts)
            parts, total = [], 0
    if parts:
        yield b"".join(parts)
