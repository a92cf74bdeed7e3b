"""Files, and tables in memory, as Arrow tables. The way back is in ``writers.py``.

Between a file and the database everything is a :class:`pyarrow.Table`: NULL is a real Arrow null, and the unit of a
column is in the metadata of its field (``{b"unit": b"deg"}``), as is its description.
"""

from __future__ import annotations

import io
import os
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError, shown
from ssdb.fits_files import opened_fits, serialized_columns
from ssdb.limits import (
    LONGEST_LINE,
    is_absurd_unit,
    refuse_columns,
    refuse_line,
    refuse_memory,
    refuse_yaml,
    whole,
)
from ssdb.parquet_files import NOT_UTF8, is_plain, opened_parquet, refuse_long_texts
from ssdb.votable import refuse_votable

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.units import UnitBase

_TIMES_OF_FITS = 3
"""How often the bytes of a FITS table are in memory while it is read."""

_TIMES_OF_ECSV = 20
"""How many times its bytes an ECSV file takes: astropy has each value as a text of Python's."""

ENDINGS = {
    "Parquet": (".parquet", ".pq"),
    "FITS": (".fits", ".fit", ".fits.gz"),
    "ECSV": (".ecsv",),
    "CSV": (".csv", ".csv.gz"),
    "VOTable": (".vot", ".xml", ".votable"),
}
"""What the ending of a file's name says about its format."""


def label(source: object) -> str:
    """The name of a source of columns in messages: the path as given, the ``label`` in a pyarrow table's metadata, or
    ``"table"``.
    """
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, pa.Table):
        return (source.schema.metadata or {}).get(b"label", b"table").decode(errors="replace")
    return "table"


def read_columns(source: Any, strings: Sequence[str] = ()) -> pa.Table:
    """The columns of a file, or of a table in memory.

    Only plain columns are taken: those with arrays, lists or structures in their rows are left out, as are
    astropy's compound columns (SkyCoord, Time) and the unnamed index of a pandas DataFrame. Masked values and empty
    strings become null; so does NaN where the format has no other null (FITS, VOTable, CSV, pandas), and stays NaN
    elsewhere. Integers are exact over the whole range of 64 bits.

    Parameters
    ----------
    source : path, or table in memory
        A path whose ending says what it is (see :data:`ENDINGS`); or an astropy Table, a pyarrow Table, a pandas
        DataFrame, or a mapping of names to arrays (numpy, masked, Quantity, Arrow, list).
    strings : sequence of str
        Columns of a CSV file to read as text whatever they look like, so that ``00433`` keeps its zeros. The other
        formats know which columns are text.

    Returns
    -------
    pyarrow.Table
        With ``unit`` and ``description`` in the metadata of the fields where the source has them.

    Raises
    ------
    InputError
        If the file is not there, empty, truncated, of an unknown kind, or has no columns. The message names it.
    """
    name = label(source)
    if isinstance(source, str | os.PathLike):
        table = _read_file(Path(name), strings)
    else:
        try:
            table = _from_memory(source)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise InputError(f"{name}: {error}") from error
    return plain(table, name)


@cache
def parsed_unit(text: str) -> UnitBase:
    """The unit that a text names, an UnrecognizedUnit if it names none.

    astropy takes 0.1 ms to read "deg/d", and a table may have a hundred columns.
    """
    from astropy import units as u

    if is_absurd_unit(text):
        return u.UnrecognizedUnit(text[:100])
    try:
        return u.Unit(text, parse_strict="silent")
    except Exception:  # of 10**400 m, (((..., and whatever else its parser stumbles over
        return u.UnrecognizedUnit(text)


def unit_of(field: pa.Field) -> str:
    """The unit of a column as its file has it; empty where it has none."""
    return about(field, b"unit") or ""


def about(field: pa.Field, key: bytes) -> str | None:
    """What the metadata of a field say: its ``b"unit"`` or ``b"description"``; None where they do not."""
    text = (field.metadata or {}).get(key)
    return text.decode(errors="replace") if text else None


def _field(name: str, type_: pa.DataType, unit: object, description: object) -> pa.Field:
    about = {"unit": str(unit or ""), "description": str(description or "")}
    return pa.field(name, type_, metadata={key: text for key, text in about.items() if text})


def format_of(path: Path) -> str:
    for format_, endings in ENDINGS.items():
        if path.name.lower().endswith(endings):
            return format_
    possible = ", ".join(f"{format_} ({' '.join(endings)})" for format_, endings in ENDINGS.items())
    raise InputError(f"{path}: the ending does not say what kind of file it is; possible are {possible}")


def require_file(path: Path) -> None:
    """Refuse a path where there is no file, or an empty one.

    Raises
    ------
    InputError
        That says which of them it is.
    """
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if not path.is_file():
        raise InputError(f"{path}: is not a file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")


def _read_file(path: Path, strings: Sequence[str]) -> pa.Table:
    require_file(path)
    format_ = format_of(path)
    try:
        return _read_csv(path, strings) if format_ == "CSV" else _READERS[format_](path)
    except InputError:
        raise
    except Exception as error:  # readers raise whatever they stumble over in a corrupt file
        raise unreadable(path, format_, error) from error


def unreadable(path: Path, format_: str, error: Exception) -> InputError:
    """The error to raise where a reader raised one."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"{path}: cannot be read as {format_}, is it complete? ({reason})")


def _read_parquet(path: Path) -> pa.Table:
    with opened_parquet(path) as (file, _):  # read_table would add columns from a directory named visit=42
        table = file.read([field.name for field in file.schema_arrow if is_plain(field.type)])
    return pa.table(table.columns, schema=with_astropy_units(table.schema))


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
        fields.append(_field(field.name, field.type, unit, description))
    return pa.schema(fields)


def _read_csv(path: Path, strings: Sequence[str]) -> pa.Table:
    from pyarrow import csv

    with whole(path, _cost_of_csv) as file:
        line = file.readline(LONGEST_LINE + 1)
        refuse_line(path, line)
        refuse_columns(path, line.count(b",") + 1)
        file.seek(0)
        table = csv.read_csv(
            pa.OSFile(str(path)) if isinstance(file, io.BufferedReader) else file,
            parse_options=csv.ParseOptions(newlines_in_values=True),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(strings, pa.string())),
        )
    unreadable = [field.name for field in table.schema if pa.types.is_binary(field.type)]
    if unreadable:
        raise ValueError(f"not UTF-8 text in column {shown(unreadable)}")
    return table


def _cost_of_csv(piece: bytes) -> int:
    """Its text, and a number for each value, however short."""
    return len(piece) + 8 * sum(piece.count(end) for end in (b",", b"\n", b"\r"))


def _read_fits(path: Path) -> pa.Table:
    """The first table of a FITS file."""
    from astropy.io import fits
    from astropy.table import MaskedColumn, Table

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="File may have been truncated")
        warnings.filterwarnings("ignore", message="Column .* contains NULL")  # dealt with below
        with opened_fits(path, _TIMES_OF_FITS) as hdus:
            hdu = next((hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)), None)
            if hdu is None:
                raise ValueError("no table in it")
            raw = hdu.data.view(np.ndarray)
            # Rows of variable length may all say that the whole heap is theirs.
            variable = [column.name for column in hdu.columns if re.match(r"[01]?[PQ]", column.format)]
            elements = sum(int(raw[name][..., 0].astype(np.float64).clip(0).sum()) for name in variable)
            # And values without bytes become objects.
            elements += len(raw) * sum(column.format.startswith("0") for column in hdu.columns)
            refuse_memory(path, 8 * elements, path.stat().st_size)
            refuse_yaml(path, serialized_columns(hdu.header))
            table = Table.read(hdu, format="fits")
            # astropy makes FALSE of an undefined logical value, which is a zero byte (FITS 4.0, 7.3.3.1).
            for column in hdu.columns:
                if column.format in ("L", "1L") and not raw[column.name].all():
                    table[column.name] = MaskedColumn(table[column.name], mask=raw[column.name] == 0)
    return _from_astropy(table)


def _read_ecsv(path: Path) -> pa.Table:
    from astropy.table import Table

    with whole(path, lambda piece: _TIMES_OF_ECSV * len(piece)) as file:
        lines = takewhile(lambda line: line.startswith("#"), (line.decode() for line in file))
        header = [line.removeprefix("#").removeprefix(" ") for line in lines]
        refuse_yaml(path, "".join(line for line in header if not line.startswith("%ECSV")))
        file.seek(0)
        return _from_astropy(Table.read(file, format="ascii.ecsv"))


def _read_votable(path: Path) -> pa.Table:
    from astropy.table import Table

    with whole(path) as file:
        refuse_votable(file, path)
        file.seek(0)
        return _from_astropy(Table.read(file, format="votable", use_names_over_ids=True))


_READERS = {"Parquet": _read_parquet, "FITS": _read_fits, "ECSV": _read_ecsv, "VOTable": _read_votable}


def _from_memory(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        # By itself Arrow leaves out an index that pandas keeps as a range, whether it has a name or not.
        return pa.Table.from_pandas(source, preserve_index=any(name is not None for name in source.index.names))
    from astropy.table import Table

    if isinstance(source, Table):
        return _from_astropy(source)
    raise TypeError(
        "columns are read from a path, an astropy Table, a pyarrow Table, a pandas DataFrame, "
        f"or a mapping of names to arrays, not from {type(source).__name__}"
    )


def _from_mapping(source: Mapping[str, Any]) -> pa.Table:
    return _table({str(name): _column(values) for name, values in source.items()})


def _from_astropy(table: Table) -> pa.Table:
    from astropy.table import Column
    from astropy.units import Quantity

    columns = {name: table[name] for name in table.colnames}
    return _table({k: _column(v) for k, v in columns.items() if isinstance(v, Column | Quantity)})


def _table(columns: Mapping[str, tuple[Any, object, object]]) -> pa.Table:
    """A table of (values, unit, description) by name, without those that have no values."""
    plain = {name: column for name, column in columns.items() if column[0] is not None}
    fields = [_field(name, values.type, *about) for name, (values, *about) in plain.items()]
    return pa.Table.from_arrays([values for values, *_ in plain.values()], schema=pa.schema(fields))


def _column(values: Any) -> tuple[pa.Array | None, object, object]:
    """The values of a column (None if they are not plain), its unit and its description."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values, None, None
    if isinstance(values, list | tuple):
        return pa.array(values), None, None
    from astropy.utils.masked import get_data_and_mask

    data, mask = get_data_and_mask(values)
    description = getattr(getattr(values, "info", None), "description", None)
    return _to_arrow(np.asarray(data), mask), getattr(values, "unit", None), description


def _to_arrow(values: np.ndarray, mask: np.ndarray | None) -> pa.Array | None:
    """A numpy array as an Arrow array, null where ``mask`` is set; None if it has no place in a table of values."""
    if values.ndim == 0:
        raise ValueError("a column is an array, not a single value")
    if values.ndim > 1 or values.dtype.kind in "cV":
        return None
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8")
    if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
        values = values.astype(np.float64)
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    return pa.array(values, mask=None if mask is None else np.broadcast_to(mask, values.shape).copy())


def refuse_repeated(names: Sequence[str], name: str) -> None:
    """Raises InputError if columns have the same name."""
    repeated = [column for column, times in Counter(names).items() if times > 1]
    if repeated:
        raise InputError(f"{name}: more than one column is named {shown(repeated)}")


def plain(table: pa.Table, name: str) -> pa.Table:
    """A table with plain columns only, text as ``string``, and null instead of empty strings."""
    try:
        refuse_repeated(table.schema.names, name)
    except UnicodeDecodeError:
        raise InputError(f"{name}: {NOT_UTF8}") from None
    fields, columns = [], []
    for field, column in zip(table.schema, table.columns, strict=True):
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
            except pa.ArrowInvalid:
                raise InputError(f"{name}: column {shown([field.name])} is not UTF-8 text") from None
            column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
        if is_plain(column.type) and not field.name.startswith("__index_level_"):
            fields.append(field.with_type(column.type).with_nullable(True))
            columns.append(column)
    if not columns:
        raise InputError(f"{name}: there are no columns of plain values in it")
    return pa.table(columns, schema=pa.schema(fields))
