"""Opens Parquet files, if they do not take more memory than is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from ssdb.errors import InputError, shown
from ssdb.io.limits import refuse_columns, refuse_memory

if TYPE_CHECKING:
    from pyarrow.parquet import FileMetaData, ParquetFile

_TIMES_ON_DISK = 20  # how many times its size an honest file may take: repeated values are stored once

NOT_UTF8 = "the names of the columns are not UTF-8 text: convert the file (of Latin-1: iconv -f latin1 -t utf-8)"

_VARIABLE = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)


@contextmanager
def opened_parquet(path: Path, *, in_parts: bool = False, **options: Any) -> Iterator[tuple[ParquetFile, BinaryIO]]:
    """A Parquet file, kept as a whole or read ``in_parts``, and what it is read from.

    Texts are read as dictionaries: a text that is stored once and stands in a million rows takes its place once.
    pyarrow by itself would take ``s3://...`` for an address. InputError if it has more columns or rows than is allowed.
    """
    from pyarrow import parquet

    with path.open("rb") as opened:
        with parquet.ParquetFile(opened) as file:
            schema, metadata = file.schema_arrow, file.metadata
        refuse_columns(path, len(schema))
        width = 8 if in_parts else sum(map(_bytes, (field.type for field in schema if is_plain(field.type))))
        texts = [field.name for field in schema if _is_variable(field.type)]
        sizes = _text_bytes(metadata, texts)
        needed = max(metadata.num_rows * width, max(sizes, default=0) if in_parts else sum(sizes))
        refuse_memory(path, needed, _TIMES_ON_DISK * path.stat().st_size)
        opened.seek(0)
        with parquet.ParquetFile(opened, metadata=metadata, read_dictionary=texts, **options) as file:
            yield file, opened


def has_few_rows(path: Path, most: int) -> bool:
    """Whether a file has at most so many rows; false where it cannot be read."""
    from pyarrow import parquet

    try:
        with path.open("rb") as opened, parquet.ParquetFile(opened) as file:
            return bool(file.metadata.num_rows <= most)
    except Exception:  # whatever it stumbles over, who reads the file tells
        return False


def _text_bytes(metadata: FileMetaData, texts: list[str]) -> list[int]:
    """Bytes of the columns of texts in each row group, decompressed."""
    columns = [i for i in range(metadata.num_columns) if texts and metadata.schema.column(i).path in texts]
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return [sum(group.column(i).total_uncompressed_size for i in columns) for group in groups]


def is_plain(type_: pa.DataType) -> bool:
    """Whether values are single ones: no lists, no structures, nothing of a type that only an extension knows."""
    return not (pa.types.is_nested(type_) or isinstance(type_, pa.BaseExtensionType))


def refuse_long_texts(column: pa.ChunkedArray, name: str) -> None:
    """Raises InputError if the values of a dictionary take more memory than is allowed where each has its place."""
    if not _is_variable(column.type.value_type):
        return
    import pyarrow.compute as pc

    needed = 0
    for chunk in column.chunks:
        lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
        needed += pc.sum(lengths.take(chunk.indices)).as_py() or 0
    refuse_memory(name, needed)


def _is_variable(type_: pa.DataType) -> bool:
    return any(is_of(type_) for is_of in _VARIABLE)


def _bytes(type_: pa.DataType) -> int:
    """Bytes of a value, of a text those of its place in a dictionary."""
    try:
        return max(type_.bit_width // 8, 1)
    except ValueError:
        return 4


def parquet_parts(path: Path) -> list[Path]:
    """The files that are read as one: of a folder all its Parquet files, by name; otherwise the file itself.

    InputError if a folder has none, or anything else as well, or its files have different columns.
    """
    if not path.is_dir():
        return [path]
    # What Spark and others write beside the parts begins so.
    inside = sorted(one for one in path.iterdir() if not one.name.startswith((".", "_")))
    parts = [one for one in inside if one.name.lower().endswith((".parquet", ".pq"))]
    others = [one.name for one in inside if one not in parts]
    if not parts:
        what = f"; it has {shown(others)}" if others else ""
        raise InputError(f"{path}: is not a file, nor a folder of Parquet files that are parts of one table{what}")
    if others or not all(part.is_file() for part in parts):
        others = others or [part.name for part in parts if not part.is_file()]
        raise InputError(
            f"{path}: the folder has other things than Parquet files in it ({shown(others)}): "
            "move them, or give the files that are meant"
        )
    first = set(_names_of(parts[0]))
    for part in parts[1:]:
        if different := first ^ set(_names_of(part)):
            raise InputError(
                f"{path}: {part.name} has other columns than {parts[0].name} ({shown(sorted(different))} is in one of "
                "them alone): these are not parts of one table; give the files that are meant"
            )
    return parts


def names_of(path: Path) -> list[str]:
    """The names of the columns of a file, or of a folder of parts; InputError if it is not there, or not readable."""
    return _names_of(parquet_parts(path)[0])


def _names_of(path: Path) -> list[str]:
    try:
        with opened_parquet(path, in_parts=True) as (file, _):
            return list(file.schema_arrow.names)
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: {NOT_UTF8}") from None
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as Parquet, is it complete? ({error})") from error
