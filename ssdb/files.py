"""Files, and tables in memory, as Arrow tables. The way back is in ``writers.py``.

Between a file and the database everything is a :class:`pyarrow.Table`: NULL is a real Arrow null, and the unit of a
column is in the metadata of its field (``{b"unit": b"deg"}``), as is its description.
"""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.ecsv import with_texts
from ssdb.errors import InputError, UsageError, option, shown
from ssdb.fits_files import read_fits
from ssdb.hdf5_files import read_hdf5
from ssdb.input_file import format_of, nested_names, refuse_archive, wanted_table
from ssdb.limits import refuse_yaml, whole
from ssdb.parquet_files import NOT_UTF8, is_plain, opened_parquet, parquet_parts, refuse_long_texts
from ssdb.text_files import read_text
from ssdb.votable import read_votable

if TYPE_CHECKING:
    from astropy.table import Table
    from astropy.time import Time

SCALE = b"scale"
"""In the metadata of the field of what was read as times: they are MJD in this scale."""

_TIMES_OF_ECSV = 20
"""How many times its bytes an ECSV file takes: astropy has each value as a text of Python's."""

INCOMPLETE = b"incomplete"
"""In the metadata of a table's schema: why it is not whole, by the file's own word."""

NESTED = b"nested"
"""In the same place: columns of records and lists, which are left out."""

UNREADABLE = b"unreadable"
"""In the metadata of a field: why its values are none."""


_NOT_UTF8 = "is not UTF-8 text (convert the file, of Latin-1: iconv -f latin1 -t utf-8)"


_NOT_PLAIN = b"not plain"
"""Where the metadata of a table say which columns it does not have for that."""


def not_plain(schema: pa.Schema) -> tuple[str, ...]:
    """The columns that :func:`read_columns` left out: their values are arrays, lists, structures or compound ones."""
    return tuple(json.loads((schema.metadata or {}).get(_NOT_PLAIN, b"[]")))


def _noted(schema: pa.Schema, left_out: Collection[str]) -> pa.Schema:
    """A schema that also says which columns were left out."""
    said = {**(schema.metadata or {}), _NOT_PLAIN: json.dumps(list(left_out))}
    return schema.with_metadata(said) if left_out else schema


def label(source: object) -> str:
    """The name of a source of columns in messages: the path as given, the ``label`` in a pyarrow table's metadata, or
    ``"table"``.
    """
    if isinstance(source, str | os.PathLike):
        return os.fsdecode(source)
    if isinstance(source, pa.Table):
        return (source.schema.metadata or {}).get(b"label", b"table").decode(errors="replace")
    return "table"


def read_columns(source: Any, strings: Sequence[str] = (), *, lenient: bool = False) -> pa.Table:
    """The columns of a file, or of a table in memory.

    Only plain columns are taken: those with arrays, lists or structures in their rows are left out, as are
    astropy's SkyCoord columns, all of which :func:`not_plain` names, and the unnamed index of a pandas DataFrame.
    astropy's Time columns become MJD TAI. Masked values and empty strings become null; so does NaN where the format has
    no other null (FITS, VOTable, CSV, pandas), and stays NaN elsewhere. Integers are exact over the whole range of 64
    bits.

    Parameters
    ----------
    source : path, or table in memory
        A path whose ending says what it is (see :data:`ENDINGS`); or an astropy Table, a pyarrow Table, a pandas
        DataFrame, or a mapping of names to arrays (numpy, masked, Quantity, Arrow, list).
    strings : sequence of str
        Columns of a CSV or ECSV file to read as text whatever they look like, and whatever an ECSV file says of them,
        so that ``00433`` keeps its zeros; in small or capital letters. The other formats have numbers or texts.

    lenient : bool
        Let columns of text that is not UTF-8 have no values, and say so (:data:`UNREADABLE`), instead of an error.

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
        table = _read_file(source, strings)
    else:
        try:
            table = _from_memory(source)
        except (pa.ArrowException, ValueError, TypeError) as error:
            raise InputError(f"{name}: {error}") from error
    return plain(table, name, lenient=lenient)


def unit_of(field: pa.Field) -> str:
    """The unit of a column as its file has it; empty where it has none."""
    return about(field, b"unit") or ""


def about(field: pa.Field, key: bytes) -> str | None:
    """What the metadata of a field say: its ``b"unit"`` or ``b"description"``; None where they do not."""
    text = (field.metadata or {}).get(key)
    return text.decode(errors="replace") if text else None


def _field(name: str, type_: pa.DataType, unit: object, description: object, scale: str = "") -> pa.Field:
    about = {"unit": str(unit or ""), "description": str(description or ""), SCALE.decode(): scale}
    return pa.field(name, type_, metadata={key: text for key, text in about.items() if text})


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


def _read_file(source: str | os.PathLike[str], strings: Sequence[str]) -> pa.Table:
    path = Path(source)
    if not path.is_dir():
        require_file(path)
        refuse_archive(path)
    format_ = format_of(source)
    if wanted_table(source) is not None and format_ not in _OF_SEVERAL_TABLES:
        raise UsageError(
            f"{path}: is {format_}, which has one table: {option('--table', 'table=...')} is for "
            f"{', '.join(_OF_SEVERAL_TABLES)}"
        )
    try:
        return _READERS[format_](source, strings)
    except InputError:
        raise
    except Exception as error:  # readers raise whatever they stumble over in a corrupt file
        raise unreadable(path, format_, error) from error


def unreadable(path: Path, format_: str, error: Exception) -> InputError:
    """The error to raise where a reader raised one."""
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return InputError(f"{path}: cannot be read as {format_}, is it complete? ({reason})")


def _read_parquet(source: Any, _: Sequence[str]) -> pa.Table:
    parts = parquet_parts(Path(source))
    return joined([_read_part(part) for part in parts])


def _read_part(path: Path) -> pa.Table:
    with opened_parquet(path) as (file, _):  # read_table would add columns from a directory named visit=42
        table = file.read([field.name for field in file.schema_arrow if is_plain(field.type)])
        nested = nested_columns(file.schema_arrow)
        others = [field.name for field in file.schema_arrow if not is_plain(field.type)]
    schema = with_astropy_units(table.schema).with_metadata({NESTED: nested} if nested else None)
    return pa.table(table.columns, schema=_noted(schema, others))


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


def _read_csv(source: Any, strings: Sequence[str]) -> pa.Table:
    return read_text(Path(source), strings)


def _read_fits(source: Any, _: Sequence[str]) -> pa.Table:
    return joined([_from_astropy(table) for table in read_fits(Path(source), wanted_table(source))])


def joined(tables: list[pa.Table]) -> pa.Table:
    """Tables with the same columns, in any order, as one."""
    if len(tables) == 1:
        return tables[0]
    names = tables[0].schema.names
    # A metadata text of one of them is enough: units are the same.
    return pa.concat_tables([table.select(names) for table in tables], promote_options="permissive")


def _read_ecsv(source: Any, strings: Sequence[str]) -> pa.Table:
    from astropy.table import Table

    path = Path(source)
    with whole(path, lambda piece: _TIMES_OF_ECSV * len(piece)) as file:
        lines = list(takewhile(lambda line: line.startswith("#"), (line.decode() for line in file)))
        header = [line.removeprefix("#").removeprefix(" ") for line in lines]
        refuse_yaml(path, "".join(line for line in header if not line.startswith("%ECSV")))
        file.seek(0)
        as_text = with_texts("".join(lines), strings)
        if as_text == "".join(lines):
            return _from_astropy(Table.read(file, format="ascii.ecsv"))
        file.seek(len("".join(lines).encode()))
        return _from_astropy(Table.read(io.BytesIO(as_text.encode() + file.read()), format="ascii.ecsv"))


def _read_votable(source: Any, _: Sequence[str]) -> pa.Table:
    tables, incomplete = read_votable(Path(source), wanted_table(source))
    table = joined([_from_astropy(table) for table in tables])
    return table.replace_schema_metadata({INCOMPLETE: incomplete}) if incomplete else table


def _read_hdf5(source: Any, _: Sequence[str]) -> pa.Table:
    table = read_hdf5(Path(source), having=(), columns=None, wanted=wanted_table(source))[1]
    return pa.table(table.columns, schema=with_astropy_units(table.schema))


_READERS: dict[str, Callable[[Any, Sequence[str]], pa.Table]] = {
    "Parquet": _read_parquet,
    "FITS": _read_fits,
    "ECSV": _read_ecsv,
    "VOTable": _read_votable,
    "HDF5": _read_hdf5,
    "CSV": _read_csv,
}

_OF_SEVERAL_TABLES = ("FITS", "VOTable", "HDF5")


def _from_memory(source: Any) -> pa.Table:
    if isinstance(source, pa.Table):
        return source
    if isinstance(source, Mapping):
        return _from_mapping(source)
    if hasattr(source, "to_dict") and hasattr(source, "columns"):
        swapped = {n: t.newbyteorder("=") for n, t in source.dtypes.items() if getattr(t, "byteorder", "=") in "<>"}
        # By itself Arrow leaves out an index that pandas keeps as a range, whether it has a name or not.
        named = any(name is not None for name in source.index.names)
        return pa.Table.from_pandas(source.astype(swapped) if swapped else source, preserve_index=named)
    from astropy.table import Table

    if isinstance(source, np.ndarray) and source.dtype.names:  # among them FITS_rec
        source = _of_records(source)

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
    from astropy.time import Time
    from astropy.units import Quantity

    columns = {name: table[name] for name in table.colnames}
    return _table({k: _column(v) if isinstance(v, Column | Quantity | Time) else _COMPOUND for k, v in columns.items()})


_COMPOUND = (None, None, None)


def _of_records(source: np.ndarray) -> Table:
    """A numpy array of records; of astropy's FITS_rec the values that its columns stand for, and their units."""
    from astropy.io.fits import BinTableHDU, FITS_rec
    from astropy.table import Table

    return Table.read(BinTableHDU(source), format="fits") if isinstance(source, FITS_rec) else Table(source)


def _table(columns: Mapping[str, tuple[Any, ...]]) -> pa.Table:
    """A table of (values, unit, description, and of times the scale) by name, without those that have no values."""
    plain = {name: column for name, column in columns.items() if column[0] is not None}
    fields = [_field(name, values.type, *about) for name, (values, *about) in plain.items()]
    others = [name for name in columns if name not in plain]
    return pa.Table.from_arrays([values for values, *_ in plain.values()], schema=_noted(pa.schema(fields), others))


def _column(values: Any) -> tuple[Any, ...]:
    """The values of a column (None if they are not plain), its unit and its description; of times the scale, too."""
    if hasattr(values, "jd1"):
        return _times(values)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values, None, None
    if isinstance(values, list | tuple):
        return pa.array(values), None, None
    from astropy.utils.masked import get_data_and_mask

    data, mask = get_data_and_mask(values)
    description = getattr(getattr(values, "info", None), "description", None)
    return _to_arrow(np.asarray(data), mask), getattr(values, "unit", None), description


def _times(times: Time) -> tuple[pa.Array | None, str, object, str]:
    """Times of astropy's as MJD TAI."""
    try:
        tai = times.tai
    except Exception as error:  # a local scale has no way to TAI
        raise ValueError(f"times of the scale {times.scale} cannot be converted to TAI") from error
    mask = np.asarray(np.ma.getmaskarray(times.mask) | times.mask)
    return _to_arrow(np.ma.getdata(np.ma.filled(tai.mjd, np.nan)), mask), "d", times.info.description, "tai"


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


def plain(table: pa.Table, name: str, *, lenient: bool = False) -> pa.Table:
    """A table with plain columns only, text as ``string``, and null instead of empty strings.

    A text that is not UTF-8 is an error or, on request, has no values, as the metadata of its field say
    (:data:`UNREADABLE`). The metadata of the schema have what the file says of itself, and columns that are left out
    for being nested.
    """
    try:
        refuse_repeated(table.schema.names, name)
    except UnicodeDecodeError:
        raise InputError(f"{name}: {NOT_UTF8}") from None
    fields, columns, others = [], [], [*not_plain(table.schema)]
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
                column = pc.if_else(pc.equal(column, ""), pa.scalar(None, pa.string()), column)
            except pa.ArrowInvalid:
                if not lenient:
                    raise InputError(f"{name}: column {shown([field.name])} {_NOT_UTF8}") from None
                field, column = _without_values(field, len(column))
        if not is_plain(column.type):
            others.append(field.name)
        elif not field.name.startswith("__index_level_"):
            fields.append(field.with_type(column.type).with_nullable(True))
            columns.append(column)
    said = dict(table.schema.metadata or {})
    nested = said.get(NESTED) or nested_columns(table.schema)
    if not columns:
        what = f"; there are records and lists in it, which are not read: {_text(nested)}" if nested else ""
        raise InputError(f"{name}: there are no columns of plain values in it{what}")
    kept = {NESTED: nested, INCOMPLETE: said.get(INCOMPLETE)}
    metadata = {key: text for key, text in kept.items() if text} or None
    return pa.table(columns, schema=_noted(pa.schema(fields, metadata=metadata), others))


def nested_columns(schema: pa.Schema) -> bytes | None:
    """The columns of records and lists, for messages; None without any."""
    found = []
    for field in schema:
        type_ = field.type
        while pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_):
            type_ = type_.value_type
        if pa.types.is_struct(type_):
            found.append(nested_names(field.name, [inside.name for inside in type_]))
        elif pa.types.is_nested(field.type):
            found.append(field.name)
    return shown(found, 20).encode() if found else None


def about_table(table: pa.Schema, key: bytes) -> str | None:
    """What the metadata of a schema say: :data:`INCOMPLETE` or :data:`NESTED`; None where they do not."""
    text = (table.metadata or {}).get(key)
    return _text(text) if text else None


def _text(content: bytes | None) -> str:
    return (content or b"").decode(errors="replace")


def _without_values(field: pa.Field, n: int) -> tuple[pa.Field, pa.ChunkedArray]:
    metadata = {**(field.metadata or {}), UNREADABLE: _NOT_UTF8.encode()}
    return pa.field(field.name, pa.string(), metadata=metadata), pa.chunked_array([pa.nulls(n, pa.string())])
