"""Writes Arrow tables as files, and makes tables of astropy of them."""

from __future__ import annotations

import base64
import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ssdb.errors import InputError
from ssdb.io.input_file import written_format
from ssdb.io.output import output_file
from ssdb.io.table_notes import about
from ssdb.io.tables import label
from ssdb.io.units import parsed_unit
from ssdb.schema.arrow import numpy_type

if TYPE_CHECKING:
    from astropy.table import Table

_ROWS_PER_GROUP = 65_536  # of a Parquet file, at least but for the last


_MOST_MASKED = 10_000_000  # rows of which a byte each is put beside a table, for astropy


def write_columns(table: pa.Table, path: str | os.PathLike[str]) -> None:
    """Writes a table as Parquet, FITS, ECSV, CSV or VOTable, by the path's ending, whole or not at all.

    Units are kept by all but CSV. Formats without bytes or times have bytes as hexadecimal text and times as ISO 8601
    text. InputError if the ending is unknown or the file cannot be written.
    """
    write_parts(table.schema, [table], path)


def write_parts(schema: pa.Schema, tables: Iterable[pa.Table], path: str | os.PathLike[str]) -> int:
    """Writes tables of one schema as one, as :func:`write_columns` does; how many rows they have.

    Parquet and CSV take one after the other; of the other formats all are in memory.
    """
    format_ = written_format(Path(path))
    n_rows = 0

    def counted() -> Iterator[pa.Table]:
        nonlocal n_rows
        for table in tables:
            n_rows += table.num_rows
            yield table

    with output_file(path) as part:
        try:
            if format_ in _IN_PARTS:
                _IN_PARTS[format_](schema, counted(), part)
            else:
                _WHOLE[format_](pa.concat_tables([schema.empty_table(), *counted()]), part)
        except UnicodeEncodeError as error:
            letter = error.object[error.start]
            raise InputError(
                f"{label(path)}: cannot be written: {format_} has no letter {letter!r}; ECSV and Parquet do"
            ) from error
        except (ValueError, TypeError) as error:
            raise InputError(f"{label(path)}: cannot be written: {error}") from error
    return n_rows


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
        return np.full(n_null, fill, numpy_type(column.type)), mask
    return np.array(column.fill_null(pa.scalar(fill).cast(column.type)).to_numpy()), mask


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        texts = [None if value is None else value.hex() for value in column.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
    return column.cast(pa.string())


def _write_parquet(schema: pa.Schema, tables: Iterable[pa.Table], path: Path) -> None:
    from pyarrow import parquet

    told = _ForAstropy(schema)
    with parquet.ParquetWriter(path, schema) as writer:
        for table in _gathered(tables):
            told.see(table)
            writer.write_table(table)
        known = told.metadata()
        # Readers take what is in Arrow's own form of the schema, which the writer made before the rows came.
        whole = schema.with_metadata({**(schema.metadata or {}), **known})
        writer.add_key_value_metadata({"ARROW:schema": base64.b64encode(whole.serialize()).decode(), **known})


class _ForAstropy:
    """What astropy looks for in a Parquet file: units, descriptions, lengths of texts, and which of these are null.

    Without it ``Table.read`` fails where a text is null. The masks are in the file's metadata, so that other readers
    see no more columns than there are.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._n_rows = 0
        texts = [one.name for one in schema if pa.types.is_string(one.type) or pa.types.is_binary(one.type)]
        self._longest = dict.fromkeys(texts, 0)
        self._masks: dict[str, list[np.ndarray]] = {name: [] for name in texts}

    def see(self, table: pa.Table) -> None:
        """Takes the rows that come next into account."""
        self._n_rows += table.num_rows
        if self._n_rows > _MOST_MASKED:
            self._masks.clear()
        for name, longest in self._longest.items():
            column = table.column(name)
            self._longest[name] = max(longest, pc.max(pc.binary_length(column)).as_py() or 0)
            if name in self._masks:
                self._masks[name].append(np.array(column.is_null().to_numpy()))

    def metadata(self) -> dict[str, str]:
        """Of all rows seen."""
        from astropy.table.serialize import SerializedColumn

        masked: dict[str, Any] = {}
        for name, parts in self._masks.items():
            mask = np.concatenate([np.zeros(0, bool), *parts])
            if mask.any():
                data = SerializedColumn({"name": name})
                masked[name] = {"__class__": "astropy.table.column.MaskedColumn", "data": data, "mask": mask}
        text = _columns_told(self._schema.serialize().to_pybytes())
        if masked:
            text += _yaml({"meta": {"__serialized_columns__": masked}})
        lengths = {f"table::len::{name}": str(longest or 1) for name, longest in self._longest.items()}
        return lengths | {"table_meta_yaml": text.rstrip()}


@functools.lru_cache(maxsize=64)
def _columns_told(schema: bytes) -> str:
    """The columns of a serialized schema as astropy's YAML: kept, since it takes longer than the rows of small tables.

    Two schemas count as equal to pyarrow whatever their units are, so the bytes are what is compared.
    """
    header: list[dict[str, Any]] = []
    for field in pa.ipc.read_schema(pa.py_buffer(schema)):
        said = {"unit": parsed_unit(unit) if (unit := about(field, b"unit")) else None}
        said["description"] = about(field, b"description")
        known = {key: text for key, text in said.items() if text}
        header.append({"name": field.name, "datatype": "string"} | known)
    return _yaml({"datatype": header})


def _yaml(content: dict[str, Any]) -> str:
    """As ``astropy.io.misc.yaml`` writes it, by libyaml where there is one: large masks take Python alone too long."""
    import yaml
    from astropy.io.misc.yaml import AstropyDumper

    known = {name: getattr(AstropyDumper, name) for name in ("yaml_representers", "yaml_multi_representers")}
    dumper = type("_Dumper", (getattr(yaml, "CSafeDumper", yaml.SafeDumper),), known)
    return str(yaml.dump(content, Dumper=dumper, default_flow_style=None))


def _gathered(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables that are worth a row group each."""
    some: list[pa.Table] = []
    for table in tables:
        some.append(table)
        if sum(one.num_rows for one in some) >= _ROWS_PER_GROUP:
            yield pa.concat_tables(some)
            some = []
    if some:
        yield pa.concat_tables(some)


def _write_csv(schema: pa.Schema, tables: Iterable[pa.Table], path: Path) -> None:
    from pyarrow import csv

    binary = [place for place, field in enumerate(schema) if pa.types.is_binary(field.type)]
    for place in binary:
        schema = schema.set(place, pa.field(schema.field(place).name, pa.string()))
    with pa.output_stream(str(path), compression="detect") as stream, csv.CSVWriter(stream, schema) as writer:
        for table in tables:
            columns = table.columns
            for place in binary:
                columns[place] = _as_text(columns[place])
            writer.write_table(pa.table(columns, schema=schema))


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


_IN_PARTS = {"Parquet": _write_parquet, "CSV": _write_csv}
_WHOLE = {
    "FITS": _write_fits,
    "ECSV": lambda table, path: to_astropy(table).write(path, format="ascii.ecsv"),
    "VOTable": _write_votable,
}
