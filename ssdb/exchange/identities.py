"""What objects and tracklets are called in ADES: permID, provID and trkSub."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import sqlalchemy as sa

from ssdb.errors import InputError
from ssdb.ingest.table.checks import check_not_null, check_unique
from ssdb.ingest.table.input import Input, OpenInput
from ssdb.io.ades.standard import PERM_ID, PROV_ID, TRK_SUB
from ssdb.io.input_file import input_of
from ssdb.made_ids import made_ids
from ssdb.schema.arrow import ids
from ssdb.schema.columns import long, text
from ssdb.schema.survey import ss_alias
from ssdb.store.tables.aliases import NUMBER
from ssdb.store.transfer.array_parameters import listed
from ssdb.store.transfer.read import read_arrays
from ssdb.units import Array, Integers

_OLD = re.compile(r"A([89]\d\d .+)")
_GAP_DAYS = 0.5
"""Sources of an object that are farther apart in time are of two nights."""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 8

_tracklets = sa.Table(
    "tracklets",
    sa.MetaData(),
    long("diaSourceId", "", "meta.id;src", "Source", primary_key=True),
    text("trkSub", "", "meta.id", "The tracklet that it is of", nullable=False),
)


def read_tracklets(source: Input | None) -> dict[int, str]:
    """The tracklets of sources: trkSub by diaSourceId, of a file or table with these columns; none without one.

    InputError if it is not usable, a source is there twice, or a trkSub is not 1 to 8 letters, digits, - or _.
    """
    if source is None:
        return {}
    opened = OpenInput(input_of(source), _tracklets, at_once=True, mappable=False)
    rows = opened.whole()
    check_not_null(opened.problems, rows, ["diaSourceId", "trkSub"])
    check_unique(opened.problems, rows, ["diaSourceId"], "diaSourceId is there twice")
    names = [name or "" for name in rows.column("trkSub").to_pylist()]
    wrong = np.array([bool(name) and TRK_SUB.fullmatch(name) is None for name in names], bool)
    opened.problems.add(wrong, "trkSub is not 1 to 8 letters, digits, - or _")
    opened.problems.raise_if_any()
    return dict(zip(ids(rows, "diaSourceId").tolist(), names, strict=True))


def mpc_names(
    connection: sa.Connection, objects: Integers, designations: Mapping[int, str]
) -> dict[int, tuple[str, str]]:
    """permID and provID of objects by ssObjectId, one of them ""; objects that ADES has no name for are left out.

    ``designations`` are those in the database. A number goes before a designation.
    """
    with listed(connection, "named_object", objects) as among:
        wanted = sa.select(ss_alias.c.ssObjectId, ss_alias.c.alias).where(ss_alias.c.kind == NUMBER)
        found = read_arrays(connection, wanted.where(among(ss_alias.c.ssObjectId)), bounded=True)
    numbers: dict[int, str] = {}
    for object_id, alias in sorted(zip(found["ssObjectId"].tolist(), found["alias"].tolist(), strict=True)):
        numbers.setdefault(object_id, alias.decode())
    names = {}
    for object_id in objects.tolist():
        if name := ades_name(numbers.get(object_id, "")) or ades_name(designations[object_id]):
            names[object_id] = name
    return names


def ades_name(designation: str) -> tuple[str, str] | None:
    """permID and provID of a designation as ssdb writes it, one of them ""; None where ADES has no form for it."""
    if PERM_ID.fullmatch(designation):
        return designation, ""
    match = _OLD.fullmatch(designation)  # A904 OA is 1904 OA there
    provisional = f"1{match[1]}" if match else designation
    return ("", provisional) if PROV_ID.fullmatch(provisional) else None


def tracklets_of(objects: Integers, times: Array, sources: Integers) -> list[str]:
    """A trkSub for each source of a known object (times in d): those of an object in a night share one.

    It is made of the object and the first source of the night, so that it is always the same.
    """
    order = np.lexsort((sources, times, objects))
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(objects[order]) != 0) | (np.diff(times[order]) > _GAP_DAYS)
    names = [_in_base_62(one) for one in made_ids(objects[order][first], sources[order][first]).tolist()]
    if len(set(names)) < len(names):
        raise InputError("two tracklets would have one trkSub: write fewer visits into a file")
    of_tracklet = np.cumsum(first) - 1
    made = [""] * len(order)
    for place, tracklet in zip(order.tolist(), of_tracklet.tolist(), strict=True):
        made[place] = names[tracklet]
    return made


def _in_base_62(number: int) -> str:
    letters = ""
    for _ in range(_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        letters += _DIGITS[digit]
    return letters
