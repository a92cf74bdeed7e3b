"""Gives the packets of alerts in files one after the other: Avro, tar archives of it, brokers' Parquet, folders."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self, cast

import pyarrow as pa

from ssdb.errors import InputError, quoted
from ssdb.io.arriving import Arriving, Unpacked
from ssdb.io.formats.avro import MAGIC, MESSAGE, Readable, Schemas, records_of
from ssdb.io.formats.parquet import opened_parquet
from ssdb.io.not_read import require_file

Packet = dict[str, Any]
"""Records within a record, as dictionaries; lists of them; no images."""

_GZIP = b"\x1f\x8b"
_PARQUET = b"PAR1"
_TAR = slice(257, 262)
_BEGINNING = 512
_PACKETS_AT_ONCE = 500


def packets_of(source: Path | Arriving, name: str, schemas: Schemas) -> Iterator[Packet]:
    """The packets of a stream, a file or all files of a folder (by name; those that begin with . or _ aside).

    ``name`` is what messages call it. InputError if it is nothing of this kind, or is cut or damaged; the packets
    before come first. Those of a stream come as soon as they are there (Parquet: when it has ended).
    """
    if isinstance(source, Path) and source.is_dir():
        parts = sorted(part for part in source.rglob("*") if part.is_file() and not part.name.startswith((".", "_")))
        if not parts:
            raise InputError(f"{name}: there is no file in it")
        for part in parts:
            yield from packets_of(part, str(part), schemas)
        return
    if isinstance(source, Path):
        require_file(source)
        packets = _of_file(source, name, schemas)
    else:
        packets = _of_arriving(source, name, schemas)
    for packet in packets:
        for key in [key for key in packet if key.startswith("cutout")]:
            del packet[key]
        yield packet


def _of_file(path: Path, name: str, schemas: Schemas) -> Iterator[Packet]:
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING)
        file.seek(0)
        if beginning.startswith(_GZIP):
            with gzip.open(file) as unpacked:
                yield from _of_stream(unpacked, _beginning(unpacked, name), name, schemas)
        elif beginning.startswith(_PARQUET):
            yield from _of_parquet(path, name)
        else:
            yield from _of_stream(file, beginning, name, schemas)


def _of_arriving(stream: Arriving, name: str, schemas: Schemas) -> Iterator[Packet]:
    first = stream.peek(len(_PARQUET))
    if not first:
        raise InputError(f"{name}: there is nothing in it")
    if first.startswith(_GZIP):
        unpacked = Arriving(Unpacked(stream))
        yield from _of_stream(unpacked, _beginning(unpacked, name), name, schemas)
    elif first == _PARQUET:
        with tempfile.NamedTemporaryFile(prefix="ssdb-") as copy:
            shutil.copyfileobj(cast(Any, stream), copy)
            copy.flush()
            yield from _of_parquet(Path(copy.name), name)
    else:
        yield from _of_stream(stream, _beginning(stream, name), name, schemas)


def _beginning(unpacked: gzip.GzipFile | Arriving, name: str) -> bytes:
    try:
        if isinstance(unpacked, Arriving):
            # No more is waited for than has to be: messages may be short.
            first = unpacked.peek(len(MAGIC))
            return first if first.startswith((MAGIC, MESSAGE)) else unpacked.peek(_BEGINNING)
        beginning = unpacked.read(_BEGINNING)
        unpacked.seek(0)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name}: cannot be unpacked: {error}") from error
    return beginning


def _of_stream(stream: Readable, beginning: bytes, name: str, schemas: Schemas) -> Iterator[Packet]:
    if beginning.startswith((MAGIC, MESSAGE)):
        yield from records_of(stream, name, schemas)
    elif beginning[_TAR] == b"ustar":
        yield from _of_tar(stream, name, schemas)
    else:
        raise InputError(
            f"{name}: is no file of alerts (Avro, a tar archive of it, or Parquet with records within records): it "
            f"begins with {quoted(beginning[:16].decode('ascii', 'replace'))}"
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


def _of_tar(stream: Readable, name: str, schemas: Schemas) -> Iterator[Packet]:
    try:
        with tarfile.open(fileobj=cast(Any, stream), mode="r|", tarinfo=_Member) as archive:
            for member in archive:
                if member.isfile() and (content := archive.extractfile(member)) is not None:
                    yield from records_of(cast(Readable, content), f"{name}: {member.name}", schemas)
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
