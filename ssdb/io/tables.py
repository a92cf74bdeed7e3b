"""Reads files and tables in memory as Arrow tables; ``writers.py`` writes them.

Between a file and the database everything is a :class:`pyarrow.Table`: NULL is a real Arrow null, and the unit of a
column is in the metadata of its field (``{b"unit": b"deg"}``), as is its description.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError, UsageError, option, shown
from ssdb.io.formats.fits import read_fits
from ssdb.io.formats.hdf5 import read_hdf5
from ssdb.io.formats.parquet import NOT_UTF8, is_plain, opened_parquet, parquet_parts, refuse_long_texts
from ssdb.io.formats.text import read_text
from ssdb.io.formats.votable import read_votable
from ssdb.io.in_memory import from_astropy, from_memory
from ssdb.io.input_file import InputFile, input_of
from ssdb.io.limits import refuse_repeated, refuse_yaml, whole
from ssdb.io.table_notes import (
    SINGLE,
    UNREADABLE,
    incomplete,
    nested_name,
    not_plain,
    noted,
    records_and_lists,
    with_astropy_units,
)

_TIMES_OF_ECSV = 20  # how many times its bytes an ECSV file takes: astropy has each value as a text of Python's

_NUMBERS_OF_ECSV = re.compile(r"(?m)^(#\s*-\s*\{\s*name:\s*([^,{}]+?)\s*,[^\n]*?\bdatatype:\s*)(?:u?int|float)\d+\b")

_NOT_UTF8 = "is not UTF-8 text (convert the file, of Latin-1: iconv -f latin1 -t utf-8)"


def label(given: object) -> str:
    """The name of an input of columns in messages: the path as given, the ``label`` in a pyarrow table's metadata, or
    ``"table"``.
    """
    if isinstance(given, str | os.PathLike):
        return os.fsdecode(given)
    if isinstance(given, pa.Table):
        return (given.schema.metadata or {}).get(b"label", b"table").decode(errors="replace")
    return "table"


def read_columns(given: Any, strings: Sequence[str] = (), *, lenient: bool = False) -> pa.Table:
    """The columns of a file, or of a table in memory, with ``unit`` and ``description`` in the metadata of their
    fields.

    Only plain columns are taken: those with arrays, lists or structures in their rows are left out, as are astropy's
    SkyCoord columns, all of which :func:`ssdb.io.table_notes.not_plain` names, and the unnamed index of a pandas
    DataFrame. astropy's Time columns become MJD TAI. Masked values and empty strings become null; so does NaN where the
    format has no other null (FITS, VOTable, CSV, pandas), and stays NaN elsewhere. Integers are exact over the whole
    range of 64 bits. InputError if the file is not there, empty, truncated, of an unknown kind, or has no columns. The
    message names it.

    Parameters
    ----------
    given : path, or table in memory
        A path whose ending or content says what it is; or an astropy Table, a pyarrow Table, a pandas DataFrame, or a
        mapping of names to arrays (numpy, masked, Quantity, Arrow, list).
    strings : sequence of str
        Columns of a CSV or ECSV file to read as text whatever they look like, so that ``00433`` keeps its zeros; in
        small or capital letters. The other formats have numbers or texts.
    lenient : bool
        Let columns of text that is not UTF-8 have no values, and say so (:data:`ssdb.io.table_notes.UNREADABLE`),
        instead of an error.
    """
    name, given = label(given), input_of(given)
    if isinstance(given, InputFile):
        table = _read_file(given, strings)
    else:
        try:
            table = from_memory(given)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise InputError(f"{name}: {error}") from error
    return plain(table, name, lenient=lenient)


def _read_file(given: InputFile, strings: Sequence[str]) -> pa.Table:
    path = Path(given)
    if not path.is_dir():
        given.require()
    format_ = given.format
    if given.table is not None and format_ not in _OF_SEVERAL_TABLES:
        raise UsageError(
            f"{path}: is {format_}, which has one table: {option('--table', 'table=...')} is for "
            f"{', '.join(_OF_SEVERAL_TABLES)}"
        )
    try:
        return _READERS[format_](given, strings)
    except (InputError, UsageError):
        raise
    except Exception as error:  # readers raise whatever they stumble over in a corrupt file
        raise unreadable(path, format_, error) from error


def unreadable(path: Path, format_: str, error: Exception) -> InputError:
    """The error to raise where a reader raised one."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"{path}: cannot be read as {format_}, is it complete? ({reason})")


def _read_parquet(given: InputFile, _: Sequence[str]) -> pa.Table:
    parts = parquet_parts(Path(given))
    return joined([_read_part(part) for part in parts], given)


def _read_part(path: Path) -> pa.Table:
    with opened_parquet(path) as (file, _):  # read_table would add columns from a directory named visit=42
        table = file.read([field.name for field in file.schema_arrow if is_plain(field.type)])
        others = {field.name: nested_name(field) for field in file.schema_arrow if not is_plain(field.type)}
    return pa.table(table.columns, schema=noted(with_astropy_units(table.schema), not_plain=others))


def _read_csv(given: InputFile, strings: Sequence[str]) -> pa.Table:
    table, why = read_text(Path(given), strings)
    return _told_incomplete(table, why)


def _read_fits(given: InputFile, _: Sequence[str]) -> pa.Table:
    return joined([from_astropy(table) for table in read_fits(Path(given), given.table)], given)


def joined(tables: list[pa.Table], given: Any) -> pa.Table:
    """The tables of an input, with the same columns in any order, as one."""
    if len(tables) == 1:
        return tables[0]
    names = tables[0].schema.names
    try:
        # A metadata text of one of them is enough: units are the same.
        table = pa.concat_tables([table.select(names) for table in tables], promote_options="permissive")
    except pa.ArrowException as error:  # also where whole numbers would lose digits
        raise InputError(
            f"{label(given)}: its tables have columns of one name and of different types ({error}): read one of them "
            f"with {option('--table NAME|NUMBER', 'table=...')}"
        ) from None
    for index, field in enumerate(table.schema):
        if any(pa.types.is_float32(part.schema.field(field.name).type) for part in tables):
            told = field.with_metadata({**(field.metadata or {}), SINGLE: b"yes"})
            table = table.set_column(index, told, table.column(index))
    return table


def _read_ecsv(given: InputFile, strings: Sequence[str]) -> pa.Table:
    from astropy.table import Table

    path = Path(given)
    with whole(path, lambda piece: _TIMES_OF_ECSV * len(piece)) as file:
        lines = list(takewhile(lambda line: line.startswith("#"), (line.decode() for line in file)))
        header = [line.removeprefix("#").removeprefix(" ") for line in lines]
        refuse_yaml(path, "".join(line for line in header if not line.startswith("%ECSV")))
        file.seek(0)
        as_text = _with_texts("".join(lines), strings)
        if as_text == "".join(lines):
            return from_astropy(Table.read(file, format="ascii.ecsv"))
        file.seek(len("".join(lines).encode()))
        return from_astropy(Table.read(io.BytesIO(as_text.encode() + file.read()), format="ascii.ecsv"))


def _with_texts(header: str, strings: Sequence[str]) -> str:
    """The header of an ECSV file in which some columns are text, whatever it said."""
    folded = {name.lower() for name in strings}

    def text(column: re.Match[str]) -> str:
        return f"{column[1]}string" if column[2].strip("'\"").lower() in folded else column[0]

    return _NUMBERS_OF_ECSV.sub(text, header) if folded else header


def _read_votable(given: InputFile, _: Sequence[str]) -> pa.Table:
    tables, why = read_votable(Path(given), given.table)
    return _told_incomplete(joined([from_astropy(table) for table in tables], given), why)


def _told_incomplete(table: pa.Table, why: str | None) -> pa.Table:
    """A table whose metadata say why it is not whole, if it is not."""
    return table.cast(noted(table.schema, not_plain=not_plain(table.schema), incomplete=why)) if why else table


def _read_hdf5(given: InputFile, _: Sequence[str]) -> pa.Table:
    names, table = read_hdf5(Path(given), having=(), columns=None, wanted=given.table)
    others = dict.fromkeys((name for name in names if name not in table.schema.names), "")
    return pa.table(table.columns, schema=noted(with_astropy_units(table.schema), not_plain=others))


_READERS: dict[str, Callable[[InputFile, Sequence[str]], pa.Table]] = {
    "Parquet": _read_parquet,
    "FITS": _read_fits,
    "ECSV": _read_ecsv,
    "VOTable": _read_votable,
    "HDF5": _read_hdf5,
    "CSV": _read_csv,
}

_NUMBERS = frozenset({pa.int64(), pa.int32(), pa.float32(), pa.float64()})
"""Types of which :func:`plain` has nothing to change."""

_OF_SEVERAL_TABLES = ("FITS", "VOTable", "HDF5")


def plain(table: pa.Table, name: str, *, lenient: bool = False) -> pa.Table:
    """A table with plain columns only, text as ``string``, and null instead of empty strings.

    A text that is not UTF-8 is an error or, where ``lenient`` is set, has no values, as the metadata of its field say.
    The metadata of the schema say what :mod:`ssdb.io.table_notes` tells.
    """
    try:
        refuse_repeated(table.schema.names, name)
    except UnicodeDecodeError:
        raise InputError(f"{name}: {NOT_UTF8}") from None
    table = _without_masked(table)
    fields, columns, others = [], [], not_plain(table.schema)
    for field, column in zip(table.schema, table.columns, strict=True):
        if column.type in _NUMBERS and field.nullable:
            fields.append(field)
            columns.append(column)
            continue
        if pa.types.is_dictionary(column.type):
            refuse_long_texts(column, name)
            column = column.cast(column.type.value_type)
        if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
            column = column.cast(pa.string())
        if pa.types.is_float16(column.type):
            column = column.cast(pa.float32())  # with which Arrow can compute
        if pa.types.is_string(column.type):
            try:
                column.validate(full=True)  # Parquet's need not be UTF-8
                column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            except pa.ArrowInvalid:
                if not lenient:
                    raise InputError(f"{name}: column {shown([field.name])} {_NOT_UTF8}") from None
                field, column = _without_values(field, len(column))
        if not is_plain(column.type):
            others[field.name] = nested_name(field)
        elif not field.name.startswith("__index_level_"):
            fields.append(field.with_type(column.type).with_nullable(True))
            columns.append(column)
    if not columns:
        nested = records_and_lists(others)
        what = f"; there are records and lists in it, which are not read: {nested}" if nested else ""
        raise InputError(f"{name}: there are no columns of plain values in it{what}")
    schema = noted(pa.schema(fields), not_plain=others, incomplete=incomplete(table.schema))
    return pa.table(columns, schema=schema)


def mask_name(column: str) -> str:
    """The column, of logical values, in which astropy's Parquet and HDF5 have whether values of another are masked."""
    return f"{column}.mask"


def _without_masked(table: pa.Table) -> pa.Table:
    """A table with null for what such columns mask, and without them."""
    masks = {mask_name(field.name) for field in table.schema if is_plain(field.type)} & {
        field.name for field in table.schema if pa.types.is_boolean(field.type)
    }
    if not masks:
        return table
    columns = []
    for field in table.schema:
        column, mask = table.column(field.name), mask_name(field.name)
        if mask in masks:
            null = pa.scalar(None, column.type)
            column = pa.chunked_array([pc.if_else(table.column(mask).combine_chunks(), null, column.combine_chunks())])
        columns.append(column)
    return pa.table(columns, schema=table.schema).drop_columns(sorted(masks))


def _without_values(field: pa.Field, n: int) -> tuple[pa.Field, pa.ChunkedArray]:
    metadata = {**(field.metadata or {}), UNREADABLE: _NOT_UTF8.encode()}
    return pa.field(field.name, pa.string(), metadata=metadata), pa.chunked_array([pa.nulls(n, pa.string())])
