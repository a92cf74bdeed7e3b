"""The process that reads an HDF5 file for ``hdf5.py``: ``python -m ssdb.io.formats.hdf5_child ARGUMENTS``.

It unpickles nothing, and opens nothing but the file: once that is open, the process may not open any other.
"""

from __future__ import annotations

import codecs
import json
import math
import os
import pickletools
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.compute  # casts need it, and it could not be loaded later
from h5py import h5d, h5o

from ssdb.errors import InputError, option, speaking_of_options
from ssdb.io.containers import TableInFile, chosen
from ssdb.io.formats.hdf5 import OUT_OF_MEMORY, PATIENCE, REFUSED
from ssdb.io.limits import MOST_COLUMNS

ROWS = 50_000
"""Rows that are read at a time."""

_MOST_OBJECTS = 100_000
_LONGEST_PICKLE = 1_000_000

_FILTERS = range(1, 7)
"""Those of the HDF5 library itself: deflate, shuffle, fletcher32, szip, nbit, scaleoffset."""

_LIST_OF_TEXTS = {
    *("PROTO", "FRAME", "MARK", "LIST", "EMPTY_LIST", "APPEND", "APPENDS", "STOP"),
    *("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "STRING", "BINSTRING", "SHORT_BINSTRING"),
}
"""Operations of a pickle that make a list of texts, and nothing else."""

_OUTSIDE = "nothing outside the file itself is ever opened"
_INSTEAD = "write it with pandas' format='table', or as CSV or Parquet"


@dataclass
class _Table:
    """A table of the file: each of its columns is a field of the records, or an element of one that is an array."""

    key: str
    group: h5py.Group
    dataset: h5py.Dataset
    columns: dict[str, tuple[str, int | None]]

    def field(self, name: str) -> np.dtype:
        return self.dataset.dtype[self.columns[name][0]].base

    def is_plain(self, name: str) -> bool:
        """Whether its values are numbers, texts or categories."""
        stored, _ = self.columns[name]
        return self.field(name).kind in "biufS" and (
            self.dataset.dtype[stored].shape == () or stored.startswith("values_block_")
        )

    def categories(self, name: str) -> pa.Array | None:
        """The categories of a column whose values are their numbers; None where it is none of these."""
        stored, _ = self.columns[name]
        if _text(self.dataset.attrs.get(f"{stored}_meta")) != "category":
            return None
        place: Any = self.group
        for step in ("meta", stored, "meta", "table"):
            place = _inside(place, step) if isinstance(place, h5py.Group) else None
        if not isinstance(place, h5py.Dataset) or "values" not in (place.dtype.names or ()):
            raise InputError(f"column {name} of {self.key} has no list of its categories; {_INSTEAD}")
        return _plain(place["values"], name, self.key)

    def bytes_per_row(self, names: list[str]) -> int:
        categories = [self.categories(name) for name in names]
        widths = [
            self.field(name).itemsize if known is None else 8 + max(map(len, map(str, known.to_pylist())), default=0)
            for name, known in zip(names, categories, strict=True)
        ]
        return sum(widths)

    def batches(self, names: list[str], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        known = {name: self.categories(name) for name in names}
        fields = list(dict.fromkeys(self.columns[name][0] for name in names))
        for start in range(0, self.dataset.shape[0], ROWS):
            rows = self.dataset.fields(fields)[start : start + ROWS]
            columns = [_taken(rows, *self.columns[name], known[name], name, self.key) for name in names]
            yield pa.record_batch(
                [column.cast(field.type) for column, field in zip(columns, schema, strict=True)], schema
            )


def main(arguments: dict[str, Any], out: IO[bytes]) -> None:
    """Writes the rows as an Arrow stream, the names of columns in the metadata of its schema."""
    memory = arguments["memory"]
    _bound(memory)
    with h5py.File(arguments["path"], "r") as file:
        _open_no_other()
        tables = list(_tables(file, memory))
        having = [table for table in tables if set(arguments["having"]) <= table.columns.keys()]
        _refuse_claims(having, arguments["columns"], memory)
        read = _chosen(having, arguments["columns"], arguments["wanted"])
        names = list(dict.fromkeys(name for table in read[:1] or tables for name in table.columns))
        asked = names if arguments["columns"] is None else arguments["columns"]
        wanted = [name for name in asked if read and name in names]
        if arguments["columns"] is None:
            if not read:
                raise InputError("there is no table in it")
            wanted = [name for name in wanted if all(table.is_plain(name) for table in read)]
        needed = sum(table.dataset.shape[0] * table.bytes_per_row(wanted) for table in read)
        if needed > memory:
            raise MemoryError
        schema = pa.unify_schemas(
            [pa.schema([(name, _type(table, name)) for name in wanted]) for table in read] or [pa.schema([])],
            promote_options="permissive",
        )
        metadata = {"names": json.dumps(names)} | _units(read)
        with pa.ipc.new_stream(out, schema.with_metadata(metadata)) as stream:
            for table in read:
                for batch in table.batches(wanted, schema):
                    stream.write_batch(batch)
                    _be_patient()


def _refuse_claims(tables: list[_Table], columns: list[str] | None, memory: int) -> None:
    """Raises MemoryError if what is asked for of one table takes more memory than is allowed."""
    for table in tables:
        common = [name for name in table.columns if (columns is None or name in columns) and table.is_plain(name)]
        if table.dataset.shape[0] * table.bytes_per_row(common) > memory:
            raise MemoryError


def _chosen(having: list[_Table], columns: list[str] | None, wanted: str | int | None) -> list[_Table]:
    """The tables that are read as one; InputError if they have different columns of those that are asked for."""
    if not having:
        return []
    there = []
    for number, table in enumerate(having, 1):
        common = [name for name in table.columns if columns is None or name in columns]
        # pandas calls a table by the group in which it is.
        keys = (table.key.removesuffix("/table"), table.key)
        there.append(TableInFile(number, keys, tuple((name, "") for name in common), table.dataset.shape[0]))
    if wanted is None and columns is not None:
        for table, here in zip(having, there, strict=True):
            missing = [name for name, _ in there[0].columns if (name, "") not in here.columns]
            if missing:
                raise InputError(
                    f"{table.key} has no column {missing[0]}, and {having[0].key} has one: say which is meant with "
                    f"{option('--table KEY', 'table=...')}"
                )
    return [having[table.number - 1] for table in chosen(there, wanted, "")]


def _units(tables: list[_Table]) -> dict[str, str]:
    """What astropy writes beside a table that is to be read."""
    if not tables:
        return {}
    name = f"{tables[0].dataset.name.rpartition('/')[2]}.__table_column_meta__"
    beside = _inside(tables[0].group, name) if name in tables[0].group else None
    if not isinstance(beside, h5py.Dataset) or beside.dtype.kind != "S" or beside.ndim != 1:
        return {}
    if beside.size * beside.dtype.itemsize > _LONGEST_PICKLE:
        return {}
    return {"table_meta_yaml": "\n".join(_text(line) for line in beside[()])}


# ---- what is in the file ---------------------------------------------------------------------------------------------


def _tables(file: h5py.File, memory: int) -> Iterator[_Table]:
    """The tables of records of a file."""
    groups: list[tuple[str, h5py.Group]] = [("/", file["/"])]
    seen = {h5o.get_info(file.id).addr}
    while groups:
        key, group = groups.pop(0)
        _refuse_fixed_frame(key, group)
        for name in group:
            # Indexes of PyTables, and categories of pandas, which are found by the names of their columns.
            if name == "_i_table" or (name == "meta" and "pandas_type" in group.attrs):
                continue
            item = _inside(group, name)
            if item is None:
                continue
            address = h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > _MOST_OBJECTS:
                raise InputError(f"has more than {_MOST_OBJECTS:,} tables and groups")
            below = f"{key.rstrip('/')}/{name}"
            if isinstance(item, h5py.Group):
                groups.append((below, item))
            elif item.dtype.names and item.ndim == 1:
                _refuse_chunks(item, below, memory)
                yield _Table(below, group, item, _columns(item, below))


def _inside(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset | None:
    """What a group has under a name; None where that is neither a group nor a dataset of the group's own.

    InputError if it is in another file, or needs more than the HDF5 library itself.
    """
    link = group.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise InputError(f"{name} is a link to another file; {_OUTSIDE}: copy it (h5copy, or h5repack) into one file")
    if not isinstance(link, h5py.HardLink):
        return None
    item = group[name]
    if isinstance(item, h5py.Dataset):
        created = item.id.get_create_plist()
        if created.get_layout() == h5d.VIRTUAL or created.get_external_count():
            raise InputError(f"the values of {name} are in another file; {_OUTSIDE}: h5repack makes one file of them")
        unknown = [created.get_filter(i)[0] for i in range(created.get_nfilters())]
        unknown = [number for number in unknown if number not in _FILTERS]
        if unknown:
            raise InputError(
                f"{name} is compressed by a filter (number {unknown[0]}) that HDF5 itself does not have; "
                "rewrite it by zlib (PyTables' ptrepack does)"
            )
    return item if isinstance(item, h5py.Group | h5py.Dataset) else None


def _refuse_chunks(dataset: h5py.Dataset, key: str, memory: int) -> None:
    """Raises MemoryError if a piece that is read as a whole is larger than is allowed."""
    if len(dataset.dtype.names) > MOST_COLUMNS:
        raise InputError(f"{key} has {len(dataset.dtype.names):,} columns; a table has at most {MOST_COLUMNS:,}")
    rows = max(*(dataset.chunks or (0,)), min(ROWS, dataset.shape[0]))
    if rows * dataset.dtype.itemsize > memory:
        raise MemoryError


def _columns(dataset: h5py.Dataset, key: str) -> dict[str, tuple[str, int | None]]:
    """Where the columns of a table are, by name."""
    columns: dict[str, tuple[str, int | None]] = {}
    for stored in dataset.dtype.names:
        if stored == "index" and "index_kind" in dataset.attrs:  # numbers of rows
            continue
        n_elements = math.prod(dataset.dtype[stored].shape)
        if not stored.startswith("values_block_"):
            columns[stored] = (stored, None)
            continue
        # pandas keeps columns of one type as one array a row, and their names beside it.
        names = _texts(dataset.attrs.get(f"{stored}_kind"), key)
        if len(names) != n_elements:
            raise InputError(f"{key} is damaged: {stored} has {n_elements} columns, and {len(names)} names")
        columns.update({name: (stored, element) for element, name in enumerate(names)})
    return columns


def _refuse_fixed_frame(key: str, group: h5py.Group) -> None:
    """Raises InputError for a frame of pandas in its format ``fixed``, whose texts are pickled objects."""
    if _text(group.attrs.get("pandas_type")) != "frame":
        return
    pickled = []
    for name in group:
        item = _inside(group, name)
        if name.endswith("_values") and item is not None and _text(item.attrs.get("PSEUDOATOM")) == "object":
            items = _inside(group, name.replace("_values", "_items"))
            if isinstance(items, h5py.Dataset) and items.dtype.kind == "S" and items.size <= MOST_COLUMNS:
                pickled += [_text(value) for value in items[()]]
    what = f"column {', '.join(pickled[:5])} is" if pickled else "it may have columns that are"
    raise InputError(f"{key} is a pandas frame in format 'fixed': {what} pickled objects, never read; {_INSTEAD}")


def _texts(pickle: Any, key: str) -> list[str]:
    """The texts of a pickled list, which is looked at and never run."""
    content = pickle.tobytes() if isinstance(pickle, np.void) else pickle if isinstance(pickle, bytes) else b""
    texts = []
    try:
        if len(content) > _LONGEST_PICKLE:
            raise ValueError("too long")
        for operation, argument, _ in pickletools.genops(content):
            if operation.name not in _LIST_OF_TEXTS:
                raise ValueError(operation.name)
            if "UNICODE" in operation.name or "STRING" in operation.name:
                texts.append(str(argument))
    except Exception:
        raise InputError(f"the names of columns of {key} are no list of texts; {_INSTEAD}") from None
    return texts


# ---- values ----------------------------------------------------------------------------------------------------------


def _type(table: _Table, name: str) -> pa.DataType:
    known = table.categories(name)
    return _plain(np.empty(0, table.field(name)), name, table.key).type if known is None else known.type


def _taken(rows: np.ndarray, stored: str, element: int | None, known: pa.Array | None, name: str, key: str) -> pa.Array:
    """A column of some rows."""
    values = rows[stored]
    if element is not None:
        values = values.reshape(len(rows), -1)[:, element]
    if known is None:
        return _plain(values, name, key)
    numbers = values.astype(np.int64)
    if len(numbers) and numbers.max() >= len(known):
        raise InputError(f"column {name} of {key} is damaged: it has categories that are not there")
    return known.take(pa.array(numbers, mask=numbers < 0))


def _plain(values: np.ndarray, name: str, key: str) -> pa.Array:
    if values.dtype.kind not in "biufS" or values.ndim != 1:
        raise InputError(f"column {name} of {key} has no plain numbers or texts ({values.dtype}); {_INSTEAD}")
    array = pa.array(values.astype(values.dtype.newbyteorder("="), order="C"))
    return array.cast(pa.string()) if values.dtype.kind == "S" else array


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


# ---- bounds ----------------------------------------------------------------------------------------------------------


def _set_limit(name: str, value: int) -> None:
    with suppress(ImportError, AttributeError, ValueError, OSError):  # Windows has none, others not all
        import resource

        number = getattr(resource, name)
        most = resource.getrlimit(number)[1]
        resource.setrlimit(number, (value if most == resource.RLIM_INFINITY else min(value, most), most))


def _bound(memory: int) -> None:
    """Lets the process take so much memory more than it has, and write no files."""
    with suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
        _set_limit("RLIMIT_AS", pages * os.sysconf("SC_PAGESIZE") + memory)
    _set_limit("RLIMIT_CORE", 0)
    _set_limit("RLIMIT_FSIZE", 1_000_000)
    _be_patient()


def _be_patient() -> None:
    """Lets the process run for a while: it ends, too, when nobody is left to end it."""
    _set_limit("RLIMIT_CPU", int(sum(os.times()[:2]) + PATIENCE))


class _NoPandas:
    """Finds no pandas, which pyarrow would load for its first array."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ImportError(name)


def _open_no_other() -> None:
    """Lets the process open no more files; what it would load later, it loads now."""
    sys.meta_path.insert(0, _NoPandas())
    for encoding in ("ascii", "latin-1", "raw-unicode-escape", "unicode-escape", "utf-8"):
        codecs.lookup(encoding)
    pa.table({"text": _plain(np.zeros(1, "S1"), "", ""), "number": pa.array(np.zeros(1), mask=np.ones(1, bool))})
    _set_limit("RLIMIT_NOFILE", 0)


if __name__ == "__main__":
    own_out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is not part of the answer
    try:
        asked = json.loads(sys.argv[1])
        with speaking_of_options(asked["options"]):
            main(asked, own_out)
        own_out.flush()
        os._exit(0)
    except MemoryError:
        os._exit(OUT_OF_MEMORY)
    except InputError as error:
        print(str(error).removeprefix(": "), file=sys.stderr, flush=True)
        os._exit(REFUSED)
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        print(f"cannot be read as HDF5, is it damaged? ({reason[:300]})", file=sys.stderr, flush=True)
        os._exit(REFUSED)
