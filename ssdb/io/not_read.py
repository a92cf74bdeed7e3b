"""Refuses files that are missing, archives, Avro or JSON, and says what is in them."""

from __future__ import annotations

import json
import re
import tarfile
import zipfile
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from ssdb.errors import InputError, shown

_MOST_MEMBERS = 1000


def require_file(path: Path) -> None:
    """Raises InputError where there is no file, or an empty one."""
    if not path.exists():
        raise InputError(f"{path}: there is no such file")
    if not path.is_file():
        raise InputError(f"{path}: is not a file")
    if path.stat().st_size == 0:
        raise InputError(f"{path}: the file is empty")


def refuse_archive(path: Path, beginning: bytes) -> None:
    """Raises InputError if a file that begins so is a tar or zip archive, with what is in it."""
    if beginning.startswith(b"PK\x03\x04"):
        kind = "zip"
    elif beginning[257:262] == b"ustar":
        kind = "tar"
    else:
        return
    names = _members(path, kind)
    if names or kind == "tar":
        inside = f" with {shown(names, 10)}" if names else ", of which nothing can be read"
        raise InputError(f"{path}: is a {kind} archive{inside}: unpack it, and give the files that are meant")


def _members(path: Path, kind: str) -> list[str]:
    """Names of the first members of an archive, as far as they can be read."""
    names: list[str] = []
    with suppress(Exception):  # whatever it stumbles over in a damaged one
        if kind == "zip":
            with zipfile.ZipFile(path) as archive:
                names += [one.filename for one in archive.infolist()[:_MOST_MEMBERS] if not one.is_dir()]
        else:
            with tarfile.open(path) as archive:
                names.extend(one.name for one in islice(archive, _MOST_MEMBERS) if one.isfile())
    return names


def refuse_nested(path: Path, beginning: bytes) -> None:
    """Raises InputError if a file is an archive, or has records within records, as alerts of brokers do."""
    refuse_archive(path, beginning)
    advice = (
        "records within records are not read: write the values that are meant as columns of a table, one row a "
        "source, as Parquet or CSV"
    )
    if beginning.startswith(b"Obj\x01"):
        inside = _inside(_avro_schema(path))
        raise InputError(
            f"{path}: is Avro, as alerts are published in{inside}; `ssdb ingest alerts` reads Rubin's and ZTF's; "
            f"of others {advice}"
        )
    if re.match(rb"(\xef\xbb\xbf)?\s*[\[{]\s*[\[{\"]", beginning):
        raise InputError(f"{path}: is JSON{_inside(_first_of_json(path))}; {advice}")


def _inside(names: list[str]) -> str:
    return f", with {shown(names, 30)}" if names else ""


def nested_names(name: str, fields: list[str]) -> str:
    """A record within a record, for messages."""
    return f"{name} ({shown(fields, 8)})" if fields else name


def _avro_schema(path: Path) -> list[str]:
    """The fields of the records of an Avro file; none if they cannot be read."""
    with path.open("rb") as file:
        content = file.read(1_000_000)
    at = content.find(b"avro.schema")
    if at < 0:
        return []
    at += len(b"avro.schema")
    length = shift = 0
    for byte in content[at : at + 5]:  # a number with seven bits a byte
        at += 1
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    try:
        schema = json.loads(content[at : at + length // 2])
        return [nested_names(field["name"], _fields_of_avro(field["type"])) for field in schema["fields"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []


def _fields_of_avro(type_: Any) -> list[str]:
    """The fields of a type that is a record, or of the first record among several types."""
    if isinstance(type_, list):
        return next((fields for one in type_ if (fields := _fields_of_avro(one))), [])
    if not isinstance(type_, dict):
        return []
    if "items" in type_:
        return _fields_of_avro(type_["items"])
    return [str(field["name"]) for field in type_.get("fields", ())]


def _first_of_json(path: Path) -> list[str]:
    """The keys of the first record of a JSON file, or of its first line; none if they cannot be read."""
    with path.open("rb") as file:
        text = file.read(1_000_000).decode("utf-8-sig", "replace")
    try:
        first, _ = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return []
    while isinstance(first, list):
        first = first[0] if first else {}
    if not isinstance(first, dict):
        return []
    return [nested_names(name, list(value) if isinstance(value, dict) else []) for name, value in first.items()]
