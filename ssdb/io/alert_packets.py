"""Gives the packets of alerts in files one after the other: Avro, tar archives of it, brokers' Parquet, folders."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa

from ssdb.errors import InputError, quoted
from ssdb.io.formats.avro import MAGIC, MESSAGE, Schemas, records_of
from ssdb.io.formats.parquet import opened_parquet
from ssdb.io.not_read import require_file

Packet = dict[str, Any]
"""Records within a record, as dictionaries; lists of them; no images."""

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_TAR = slice(257, 262)
_PACKETS_AT_ONCE = 500


def packets_of(path: Path, name: str, schemas: Schemas) -> Iterator[Packet]:
    """The packets of a file or of all files of a folder (by name; those that begin with . or _ aside).

    ``name`` is what messages call it. InputError if it is nothing of this kind, or is cut or damaged; the packets
    before come first.
    """
    if path.is_dir():
        parts = sorted(part for part in path.rglob("*") if part.is_file() and not part.name.startswith((".", "_")))
        if not parts:
            raise InputError(f"{name}: there is no file in it")
        for part in parts:
            yield from packets_of(part, str(part), schemas)
        return
    require_file(path)
    for packet in _of_file(path, name, schemas):
        for key in [key for key in packet if key.startswith("cutout")]:
            del packet[key]
        yield packet


def _of_file(path: Path, name: str, schemas: Schemas) -> Iterator[Packet]:
    with path.open("rb") as file:
        beginning = file.read(512)
        file.seek(0)
        if beginning.startswith(_GZIP):
            with gzip.open(file) as unpacked:
                yield from _of_stream(unpacked, _beginning(unpacked, name), name, schemas)
        elif beginning.startswith(_PARQUET):
            yield from _of_parquet(path, name)
        else:
            yield from _of_stream(file, beginning, name, schemas)


def _beginning(unpacked: gzip.GzipFile, name: str) -> bytes:
    try:
        beginning = unpacked.read(512)
        unpacked.seek(0)
    except (OSError, EOFError) as error:
        raise InputError(f"{name}: cannot be unpacked: {error}") from error
    return beginning


def _of_stream(stream: Any, beginning: bytes, name: str, schemas: Schemas) -> Iterator[Packet]:
    if beginning.startswith((MAGIC, MESSAGE)):
        yield from records_of(stream, name, schemas)
    elif beginning[_TAR] == b"ustar":
        yield from _of_tar(stream, name, schemas)
    else:
        raise InputError(
            f"{name}: are no alerts: Avro, a tar archive of it, or Parquet with records within records; it begins with "
            f"{quoted(beginning[:16])}"
        )


class _Member(tarfile.TarInfo):
    """What stands at the place of a header and is none is an error: tarfile takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.HeaderError as error:
            # The end is of this kind, too: a block of zeros.
            if type(error).__name__ == "EOFHeaderError":
                raise
            raise tarfile.ReadError(str(error)) from error


def _of_tar(stream: BinaryIO, name: str, schemas: Schemas) -> Iterator[Packet]:
    try:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                if member.isfile() and (content := archive.extractfile(member)) is not None:
                    yield from records_of(cast(BinaryIO, content), f"{name}: {member.name}", schemas)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise InputError(f"{name}: cannot be read as a tar archive, is it complete? ({error})") from error


def _of_parquet(path: Path, name: str) -> Iterator[Packet]:
    try:
        with opened_parquet(path, in_parts=True) as (file, _):
            wanted = [field.name for field in file.schema_arrow if "cutout" not in field.name.lower()]
            if not any(pa.types.is_struct(file.schema_arrow.field(one).type) for one in wanted):
                raise InputError(
                    f"{name}: is a table, without records in it: its sources come by `ssdb ingest sources`"
                )
            for batch in file.iter_batches(_PACKETS_AT_ONCE, columns=wanted):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{name}: cannot be read as Parquet, is it complete? ({error})") from error
