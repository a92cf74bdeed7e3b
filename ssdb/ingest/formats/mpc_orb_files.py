"""Reads orbits as the Minor Planet Center has them one by one: its JSON mpc_orb, and answers of its service get-orb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ssdb.errors import InputError
from ssdb.ingest.formats.mpc_orb_json import JSON
from ssdb.ingest.formats.mpc_orbits import Dialect, Translated, blocks_of
from ssdb.ingest.formats.orbit_block import PACKED, UNPACKED, OrbitBlock
from ssdb.ingest.formats.translating import parts_of_records, texts
from ssdb.io.input_file import InputFile
from ssdb.io.json_items import json_items

_NAMES = ("q", "e", "i", "node", "argperi", "peri_time")
_NUMBERS = (*_NAMES, *(f"{name}_unc" for name in _NAMES), "epoch_mjd")
_CALLED = "name"
_TEXTS = (PACKED, UNPACKED, "fitting_datetime", JSON, _CALLED)


def _with_names(table: pa.Table) -> Translated:
    names = texts(table, _CALLED)
    return Translated(table.drop_columns([_CALLED] if _CALLED in table.column_names else []), names=names)


_MPC_ORB = Dialect("mpc_orb", frozenset(), dict(zip(_NUMBERS, _NUMBERS, strict=True)), _TEXTS, _with_names)


def is_mpc_orb(item: Any) -> bool:
    """Whether a value of JSON is an orbit, or has orbits, as the Minor Planet Center gives them."""
    return isinstance(item, dict) and not {"COM", "CAR", "mpc_orb"}.isdisjoint(item)


def read_mpc_orb(given: InputFile) -> Iterator[OrbitBlock]:
    """Orbits of a file of JSON: an mpc_orb, a list of these, or answers of get-orb; in blocks of orbits from 1.

    The text of each is kept, with its covariances. InputError if the file is not there, not readable, truncated, or has
    no orbit.
    """
    return blocks_of(parts_of_records(_rows(given), (*_NUMBERS, *_TEXTS)), _MPC_ORB, given.path, "orbit")


def _rows(given: InputFile) -> Iterator[dict[str, Any]]:
    document: dict[str, Any] = {}
    found = False
    for key, value in json_items(given):
        if key is not None:
            document[key] = value
            continue
        for orbit in _orbits(value):
            found = True
            yield _row(orbit)
    for orbit in _orbits(document):
        found = True
        yield _row(orbit)
    if not found:
        raise InputError(f"{given.path}: there is no orbit in it")


def _orbits(item: Any) -> Iterator[dict[str, Any]]:
    """The orbits within a value; others, such as the status that ends an answer of get-orb, have none."""
    if isinstance(item, list):
        for one in item:
            yield from _orbits(one)
    elif isinstance(item, dict) and "mpc_orb" in item:
        yield from _orbits(item["mpc_orb"])
    elif is_mpc_orb(item):
        yield item


def _row(orbit: dict[str, Any]) -> dict[str, Any]:
    """A row of mpc_orbits; what the text does not have is missing, and looked at as in every other table."""
    designations, elements, epoch, software = (
        part if isinstance(part := orbit.get(name), dict) else {}
        for name in ("designation_data", "COM", "epoch_data", "software_data")
    )
    row = {name: designations.get(name) for name in (PACKED, UNPACKED, _CALLED)}
    if not row[PACKED] and not row[UNPACKED]:
        row[PACKED] = designations.get("packed_permid")
    names, values, errors = (
        found if isinstance(found := elements.get(f"coefficient_{name}"), list) else []
        for name in ("names", "values", "uncertainties")
    )
    row |= {name: value for name, value in zip(names, values, strict=False) if name in _NAMES}
    row |= {f"{name}_unc": value for name, value in zip(names, errors, strict=False) if name in _NAMES}
    fitted = software.get("fitting_datetime")
    # mpc_orb 0.4 has 2022/09/01_17:34:16.
    fitted = fitted.replace("/", "-").replace("_", " ") if isinstance(fitted, str) else None
    return row | {"epoch_mjd": epoch.get("epoch"), "fitting_datetime": fitted, JSON: json.dumps(orbit)}
