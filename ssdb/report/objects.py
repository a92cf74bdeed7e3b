"""Objects of a report: all that were seen, and the observations of those that were asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.identity.designation import name_in
from ssdb.identity.resolve import find_object
from ssdb.report.reading import read_columns
from ssdb.report.statistics import medians_and_widths
from ssdb.schema.apdb_dia import BANDS
from ssdb.schema.apdb_solar_system import numbered_identifications, ss_source
from ssdb.schema.summary import ss_object_fit
from ssdb.schema.survey import ss_alias, visit
from ssdb.store.tables.aliases import NAME, NUMBER
from ssdb.units import Columns

OBJECTS_NAME = "objects.csv"

_LONGEST_FILE_NAME = 80

_OBSERVED_COLUMNS: dict[str, Any] = {
    "visit": sa.BigInteger(),
    "midpointMjdTai": sa.Double(),
    "band": sa.String(),
    "mag": sa.Double(),
    "magErr": sa.Double(),
    "reducedMag": sa.Double(),
    "phaseAngle": sa.Double(),
}
_observation = sa.table(
    "SsObservation", sa.column("ssObjectId"), *(sa.column(name, kind) for name, kind in _OBSERVED_COLUMNS.items())
)


@dataclass(frozen=True, slots=True, eq=False)
class ObservedObject:
    """What was observed of an object, of all nights."""

    name: str
    """As it was asked for."""
    designation: str
    """The primary one."""
    title: str
    """Number, name and designation, as far as they are known: ``433 Eros (1898 DQ)``."""
    file_name: str
    """The same as part of a file's name: ``433-Eros-1898-DQ``."""
    ssObjectId: int
    names: list[str]
    """Its other names."""
    fits: list[dict[str, Any]]
    """Its phase curves, one a band: band, model, fitH, G12, and so on, as in SsObjectFit."""
    observations: Columns
    """visit, midpointMjdTai (MJD TAI), band, mag, magErr, reducedMag (AB), phaseAngle (deg), by time, shape (n,)."""


def read_objects(connection: sa.Connection, names: Sequence[str]) -> list[ObservedObject]:
    """The objects of these names, each once."""
    observed: dict[int, ObservedObject] = {}
    for name in names:
        found = find_object(connection, name)
        if found.ssObjectId in observed:
            continue
        statement = (
            sa.select(*(_observation.c[column] for column in _OBSERVED_COLUMNS))
            .where(_observation.c.ssObjectId == found.ssObjectId)
            .order_by(_observation.c.midpointMjdTai, _observation.c.visit)
        )
        title = full_name(found.designation, *_number_and_name(found.designation, found.names))
        taken = {one.file_name.casefold() for one in observed.values()}
        observed[found.ssObjectId] = ObservedObject(
            name,
            found.designation,
            title,
            _file_name(title, found.ssObjectId, taken),
            found.ssObjectId,
            [other for other in found.names if other != found.designation],
            _fits(connection, found.ssObjectId),
            read_columns(connection, statement),
        )
    return list(observed.values())


def _fits(connection: sa.Connection, object_id: int) -> list[dict[str, Any]]:
    """The phase curves of an object that have a slope G12, in the order of bands."""
    fit = ss_object_fit.c
    wanted = sa.select(ss_object_fit).where(fit.ssObjectId == object_id, fit.G12.is_not(None), fit.fitHErr.is_not(None))
    rows = [dict(row) for row in connection.execute(wanted).mappings()]
    return sorted(rows, key=lambda row: BANDS.index(row["band"]))


def full_name(designation: str, number: str | None, name: str | None) -> str:
    """What is known of number, name and designation, as usual: ``433 Eros (1898 DQ)``, ``1P/Halley``."""
    between = " " if (number or "").isdigit() else "/"
    first = between.join(part for part in (number, name) if part) if number else designation
    second = designation if number else name
    return f"{first} ({second})" if second and second != number else first


def _number_and_name(designation: str | None, kinds: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Of the names of an object with their kinds; of Eros and ``433 Eros`` the first is its name."""
    numbers = sorted(name for name, kind in kinds.items() if kind == NUMBER)
    if not numbers and designation and designation.isdigit():
        numbers = [designation]  # it is known by that alone
    names = sorted(
        (name_in(name) or name for name, kind in kinds.items() if kind == NAME), key=lambda one: (len(one), one)
    )
    return next(iter(numbers), None), next(iter(names), None)


def _file_name(title: str, object_id: int, taken: set[str]) -> str:
    """A part of a file's name that any system takes and no other object has, in capitals or not."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = "-".join(re.findall(r"[A-Za-z0-9]+", ascii_only))[:_LONGEST_FILE_NAME]
    return f"{words}-{object_id}".lstrip("-") if not words or words.casefold() in taken else words


def seen_objects(connection: sa.Connection, chosen: sa.ColumnElement[bool], matches: Columns) -> Columns:
    """The objects of matches of the chosen visits, those with the most sources first, as columns of shape (o,).

    ssObjectId, designation, number, name (None: unknown), nSources, firstMjdTai, lastMjdTai, medianResidual (arcsec; of
    the lengths of the residuals). ``chosen`` is a condition on Visit.
    """
    ids, first, group, counts = np.unique(
        matches["ssObjectId"], return_index=True, return_inverse=True, return_counts=True
    )
    times, n = matches["midpointMjdTai"], len(ids)
    begin, end = np.full(n, np.inf), np.full(n, -np.inf)
    np.minimum.at(begin, group, times)
    np.maximum.at(end, group, times)
    length = np.hypot(matches["ephOffsetRa"], matches["ephOffsetDec"])
    designations = matches["designation"][first]
    names = _names(connection, chosen, dict(zip(designations.tolist(), ids.tolist(), strict=True)))
    of_objects = zip(designations.tolist(), ids.tolist(), strict=True)
    known = [_number_and_name(designation, names.get(object_id, {})) for designation, object_id in of_objects]
    columns: Columns = {
        "ssObjectId": ids,
        "designation": designations,
        "number": np.array([number for number, _ in known], dtype=object),
        "name": np.array([name for _, name in known], dtype=object),
        "nSources": counts,
        "firstMjdTai": begin,
        "lastMjdTai": end,
        "medianResidual": medians_and_widths(group, length, n)[0],
    }
    order = np.lexsort((ids, -counts))
    return {name: values[order] for name, values in columns.items()}


def objects_table(seen: Columns) -> pa.Table:
    """The objects seen as a table, what is unknown as NULL."""
    types = {name: pa.string() for name in ("designation", "number", "name")}
    return pa.table({name: pa.array(values, types.get(name), from_pandas=True) for name, values in seen.items()})


def _names(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], ids: Mapping[str, int]
) -> dict[int, dict[str, str]]:
    """Numbers and names of the objects seen on the chosen visits, with their kinds, by ssObjectId."""
    seen = sa.select(ss_source.c.ssObjectId).join(visit, visit.c.visit == ss_source.c.visit).where(chosen)
    designated = seen.with_only_columns(ss_source.c.designation)
    aliases = sa.select(ss_alias.c.ssObjectId, ss_alias.c.alias, ss_alias.c.kind).where(
        ss_alias.c.kind.in_((NUMBER, NAME)), ss_alias.c.ssObjectId.in_(seen)
    )
    numbered = numbered_identifications.c
    primary = numbered.unpacked_primary_provisional_designation
    named = sa.select(primary, numbered.permid, numbered.iau_name).where(primary.in_(designated))
    found: dict[int, dict[str, str]] = {}
    for designation, number, name in connection.execute(named):
        if designation in ids:
            found[ids[designation]] = {text: kind for text, kind in ((number, NUMBER), (name, NAME)) if text}
    for object_id, alias, kind in connection.execute(aliases):
        found.setdefault(object_id, {})[alias] = kind
    return found
