"""Arrow tables as files, and as tables of astropy."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError
from ssdb.files import about, label
from ssdb.input_file import written_format
from ssdb.output import output_file
from ssdb.units import parsed_unit

if TYPE_CHECKING:
    from astropy.table import Table


_MOST_MASKED = 10_000_000
"""Rows of which a byte each is put beside a table, for astropy."""


def write_columns(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Writes a table as Parquet, FITS, ECSV, CSV or VOTable, by the path's ending.

    The file is put in its place when it is complete, see :func:`ssdb.output.output_file`. Units are kept by all but
    CSV. Formats without bytes or times have bytes as hexadecimal text and times as ISO 8601 text.

    Raises
    ------
    InputError
        If the ending is unknown or the file cannot be written. What stood at ``path`` is then untouched.
    """
    write = _WRITERS[written_format(Path(path))]
    with output_file(path) as part:
        try:
            write(table, part)
        except (ValueError, TypeError) as error:
            raise InputError(f"{label(path)}: cannot be written: {error}") from error


def to_astropy(table: pa.Table) -> Table:
    """An astropy Table with the units and descriptions of an Arrow table; columns with nulls are masked.

    Times become ISO 8601 text and bytes hexadecimal text, which every format of astropy's can hold.
    """
    from astropy.table import Column, MaskedColumn, Table

    result = Table()
    for field, column in zip(table.schema, table.columns, strict=True):
        values, mask = _to_numpy(column)
        # Views, and not by add_column: of a hundred columns most may be masked, and to make each of those twice, as
        # the constructors do, takes 0.15 ms.
        made = values.view(Column if mask is None else MaskedColumn)
        if mask is not None:
            made.mask = mask
        made.name = field.name
        if unit := about(field, b"unit"):
            made.unit = parsed_unit(unit)
        made.description = about(field, b"description")
        made.parent_table = result
        result.columns[field.name] = made
    return result


def _to_numpy(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray | None]:
    """A column as a writable numpy array that astropy's formats can hold, and where it is null, if anywhere."""
    n_null, type_ = column.null_count, column.type
    mask = np.array(column.is_null().to_numpy()) if n_null else None
    if pa.types.is_null(type_) or pa.types.is_decimal(type_):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)):
        return np.array(_as_text(column).fill_null("").to_pylist(), dtype=str), mask
    if not n_null:
        return np.array(column.to_numpy()), None
    fill = np.nan if pa.types.is_floating(column.type) else 0
    if n_null == len(column):
        return np.full(n_null, fill, column.type.to_pandas_dtype()), mask
    return np.array(column.fill_null(pa.scalar(fill).cast(column.type)).to_numpy()), mask


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        texts = [None if value is None else value.hex() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def _write_parquet(table: pa.Table, path: Path) -> None:
    from pyarrow import parquet

    parquet.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **_for_astropy(table)}), path)


def _for_astropy(table: pa.Table) -> dict[str, str]:
    """What astropy looks for in a Parquet file: units, descriptions, lengths of texts, and which of these are null.

    Without it ``Table.read`` fails where a text is null. The masks are in the file's metadata, so that other readers
    see no more columns than there are.
    """
    from astropy.table.serialize import SerializedColumn

    header: list[dict[str, Any]] = []
    lengths: dict[str, str] = {}
    masked: dict[str, Any] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        said = {"unit": parsed_unit(unit) if (unit := about(field, b"unit")) else None}
        said["description"] = about(field, b"description")
        header.append({"name": field.name, "datatype": "string"} | {key: text for key, text in said.items() if text})
        if not (pa.types.is_string(field.type) or pa.types.is_binary(field.type)):
            continue
        longest = pc.max(pc.binary_length(column)).as_py()
        lengths[f"table::len::{field.name}"] = str(longest or 1)
        if column.null_count and table.num_rows <= _MOST_MASKED:
            mask = np.array(column.is_null().to_numpy())
            data = SerializedColumn({"name": field.name})
            masked[field.name] = {"__class__": "astropy.table.column.MaskedColumn", "data": data, "mask": mask}
    content: dict[str, Any] = {"datatype": header}
    if masked:
        content["meta"] = {"__serialized_columns__": masked}
    return lengths | {"table_meta_yaml": "\n".join(_yaml(content))}


def _yaml(content: dict[str, Any]) -> list[str]:
    from astropy.io.misc import yaml

    return yaml.dump(content).splitlines()


def _write_csv(table: pa.Table, path: Path) -> None:
    from pyarrow import csv

    for index, field in enumerate(table.schema):
        if pa.types.is_binary(field.type):
            table = table.set_column(index, field.name, _as_text(table.column(index)))
    with pa.output_stream(str(path), compression="detect") as stream:
        csv.write_csv(table, stream)


def _write_ecsv(table: pa.Table, path: Path) -> None:
    to_astropy(table).write(path, format="ascii.ecsv")


def _write_votable(table: pa.Table, path: Path) -> None:
    columns = to_astropy(table)
    for field in table.schema:
        if ucd := about(field, b"ucd"):
            columns[field.name].meta["ucd"] = ucd
    columns.write(path, format="votable")


def _write_fits(table: pa.Table, path: Path) -> None:
    from astropy.io import fits

    columns = to_astropy(table)
    undefined = {}
    for column in columns.itercols():
        if not hasattr(column, "mask"):
            continue
        if column.dtype.kind == "b":
            undefined[column.name] = column.mask
        elif column.dtype.kind == "i":
            column.fill_value = _free_value(column.compressed())
        elif column.dtype.kind == "U":
            column.fill_value = ""
    fits.table_to_hdu(columns).writeto(path)
    if undefined:
        # astropy has no way to write an undefined logical value, a zero byte (FITS 4.0, 7.3.3.1).
        with fits.open(path, mode="update", memmap=False) as hdus:
            raw = hdus[1].data.view(np.ndarray)
            for name, mask in undefined.items():
                raw[name][mask] = 0


def _free_value(values: np.ndarray) -> int:
    """The smallest integer of the type that is not among the values, to stand for NULL (TNULL)."""
    limits = np.iinfo(values.dtype)
    taken = set(values.tolist())
    return next(value for value in range(limits.min, limits.max + 1) if value not in taken)


_WRITERS = {
    "Parquet": _write_parquet,
    "FITS": _write_fits,
    "ECSV": _write_ecsv,
    "CSV": _write_csv,
    "VOTable": _write_votable,
}
