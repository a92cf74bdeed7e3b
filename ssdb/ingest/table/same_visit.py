"""Tells a correction of a stored visit from another visit that has the same number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.errors import InputError, shown
from ssdb.schema.ranges import DEC, MJD, RA, Range
from ssdb.schema.survey import ss_prediction, visit, visit_detector
from ssdb.sky.sphere import separations
from ssdb.store.transfer.read import read_arrays
from ssdb.units import ARCSEC_PER_DEG

UNKNOWN_RADIUS_DEG = 5.0
"""How far a field of unknown size, or a detector beyond its own size, may move and still be the same."""

_ROUGHLY_DEG = 1.0
"""How far outside of its visit's circle an outline may be: a radius is often that of most of the field."""

_ADVICE = (
    "two visits cannot have one number: surveys in one database need numbers of their own, or a database each "
    "(docs/data-model.md, Two surveys); one that is stored wrongly is removed by ssdb delete visit"
)
_SAID = ("midpointMjdTai", "instrument", "observatoryCode", "ra", "dec", "radius")


class Said(NamedTuple):
    """What is said of a visit, None where nothing is: MJD TAI, camera, code, boresight and radius (deg)."""

    mjd_tai: float | None = None
    instrument: str | None = None
    observatory_code: str | None = None
    ra: float | None = None
    dec: float | None = None
    radius: float | None = None


class Other(NamedTuple):
    """A visit that has the number of a stored one and is another."""

    visit: int
    stored: Said
    given: Said


def is_other(stored: Said, given: Said) -> bool:
    """Whether what is given is no correction of what is stored, but another visit.

    What one of them does not say decides nothing, nor does a stored value that makes no sense.
    """
    if _at_other_times(stored, given):
        return True
    if _differ(stored.instrument, given.instrument) or _differ(stored.observatory_code, given.observatory_code):
        return True
    if None in (given.ra, given.dec) or not (_usable(stored.ra, RA) and _usable(stored.dec, DEC)):
        return False
    known: Any = (stored.ra, stored.dec, given.ra, given.dec)
    allowed = max((radius for radius in (stored.radius, given.radius) if radius is not None), default=None)
    apart = float(separations(*known)) / ARCSEC_PER_DEG
    return apart > (UNKNOWN_RADIUS_DEG if allowed is None else allowed)


def _at_other_times(stored: Said, given: Said) -> bool:
    if stored.mjd_tai is None or given.mjd_tai is None or not _usable(stored.mjd_tai, MJD):
        return False
    return abs(given.mjd_tai - stored.mjd_tai) > MAX_TIME_DIFFERENCE_DAYS


def _usable(value: float | None, within: Range) -> bool:
    return value is not None and within.low <= value <= within.high


def _differ(stored: str | None, given: str | None) -> bool:
    """Whether two known names are not one in another spelling."""
    if stored is None or given is None:
        return False
    return stored.strip().casefold() != given.strip().casefold()


def refuse_others(name: str, found: Sequence[Other]) -> None:
    """Raises InputError that names visits as they are stored and as an input of this name has them, if there are any.

    A visit may be there more than once.
    """
    if not found:
        return
    numbers = list(dict.fromkeys(other.visit for other in found))
    first = found[0]
    many = f"{len(numbers):,} visits are stored already as others ({shown(numbers)}): " if len(numbers) > 1 else ""
    apart = f", more than {MAX_TIME_DIFFERENCE_DAYS} d apart" if _at_other_times(*first[1:]) else ""
    raise InputError(
        f"{name}: {many}visit {first.visit} is stored with {_described(first.stored, first.given)}, and is given with "
        f"{_described(first.given, first.stored)}{apart}: {_ADVICE}"
    )


def _described(said: Said, other: Said) -> str:
    """Time and camera, and whatever else may tell two visits apart."""
    parts = [] if said.mjd_tai is None else [f"mid-exposure {_shortest(said.mjd_tai)} (MJD TAI)"]
    parts += [] if said.instrument is None else [f"instrument {said.instrument}"]
    if said.observatory_code is not None and _differ(said.observatory_code, other.observatory_code):
        parts.append(f"observatory {said.observatory_code}")
    if None not in (said.ra, said.dec, other.ra, other.dec) and (said.ra, said.dec) != (other.ra, other.dec):
        parts.append(f"field at ({said.ra:g}, {said.dec:g}) deg")
    return ", ".join(parts) or "nothing else"


def _shortest(mjd_tai: float) -> str:
    return f"{mjd_tai:.6f}".rstrip("0").rstrip(".")


def other_visits(connection: sa.Connection, given: sa.Table) -> list[Other]:
    """Staged rows (``visit``, other columns of Visit) of other visits than those stored under their numbers."""
    new, old = given.c, visit.c
    names = [column for column in _SAID if column in new]
    # Most rows are as they are stored, or are new; Python looks at the others alone.
    differ = [new[column] != old[column] for column in names if column not in ("midpointMjdTai", "radius")]
    if "midpointMjdTai" in names:
        differ.append(sa.func.abs(new.midpointMjdTai - old.midpointMjdTai) > MAX_TIME_DIFFERENCE_DAYS)
    if not differ:
        return []
    of_given = [new[column] if column in new else sa.null() for column in _SAID]
    columns = [column.label(f"c{i}") for i, column in enumerate([*(old[column] for column in _SAID), *of_given])]
    pairs = sa.select(old.visit, *columns).where(old.visit == new.visit, sa.or_(*differ)).order_by(old.visit)
    rows = ((row[0], Said(*row[1:7]), Said(*row[7:])) for row in connection.execute(pairs))
    return [Other(number, stored, said) for number, stored, said in rows if is_other(stored, said)]


def refuse_times_of_rows(connection: sa.Connection, name: str, given: sa.Table) -> None:
    """Raises InputError if times of visits are corrected away from those of their sources or predictions.

    ``given`` has staged rows with ``visit`` and ``midpointMjdTai``; sources at their visit's time have the new one.
    """
    new, detector, prediction = given.c, visit_detector.c, ss_prediction.c
    moved = (visit.c.visit == new.visit) & (visit.c.midpointMjdTai != new.midpointMjdTai)
    for what, rows, times in (
        ("sources", detector.visit, (detector.firstSourceMjdTai, detector.lastSourceMjdTai)),
        ("predictions", prediction.visit, (prediction.midpointMjdTai,)),
    ):
        far = sa.or_(*(sa.func.abs(time - new.midpointMjdTai) > MAX_TIME_DIFFERENCE_DAYS for time in times))
        columns = (new.visit, new.midpointMjdTai, sa.func.min(times[0]), sa.func.max(times[-1]))
        statement = sa.select(*columns).where(moved, rows == new.visit, far).group_by(*columns[:2]).order_by(new.visit)
        found = connection.execute(statement).first()
        if found is not None:
            number, given_mjd, first, last = found
            farthest = first if abs(first - given_mjd) > abs(last - given_mjd) else last
            raise InputError(
                f"{name}: visit {number} is given with mid-exposure {_shortest(given_mjd)} (MJD TAI), more than "
                f"{MAX_TIME_DIFFERENCE_DAYS} d from that of its {what}, {_shortest(farthest)}: which of them is right?"
            )


def refuse_other_places(connection: sa.Connection, name: str, given: sa.Table) -> None:
    """Raises InputError if staged rows of VisitDetector have outlines that are not of the fields of their visits.

    An outline must be in or near the circle of its visit, where that is known; one that is stored already must not
    have moved across the sky.
    """
    new = given.c
    cap = (new.visit, new.detector, new.capRa, new.capDec, new.capRadius)
    field = sa.select(*cap, visit.c.ra, visit.c.dec, visit.c.radius).where(
        visit.c.visit == new.visit, *(visit.c[column].is_not(None) for column in ("ra", "dec", "radius"))
    )
    _refuse_apart(connection, name, field, "the field of the visit", _ROUGHLY_DEG)
    old = visit_detector.c
    before = sa.select(*cap, old.capRa.label("ra"), old.capDec.label("dec"), old.capRadius.label("radius")).where(
        old.visit == new.visit, old.detector == new.detector, old.capRa.is_not(None), old.capRa != new.capRa
    )
    _refuse_apart(connection, name, before, "the outline that is stored", UNKNOWN_RADIUS_DEG)


def _refuse_apart(connection: sa.Connection, name: str, statement: sa.Select, what: str, margin: float) -> None:
    order = statement.selected_columns
    rows = read_arrays(connection, statement.order_by(order["visit"], order["detector"]))
    sane = np.logical_and.reduce(
        [(rows[column] >= within.low) & (rows[column] <= within.high) for column, within in (("ra", RA), ("dec", DEC))]
    )
    apart = separations(rows["capRa"], rows["capDec"], rows["ra"], rows["dec"]) / ARCSEC_PER_DEG
    wrong = np.flatnonzero(sane & (apart > rows["capRadius"] + rows["radius"] + margin))
    if len(wrong):
        first = {column: values[wrong[0]] for column, values in rows.items()}
        many = f"{len(wrong):,} outlines are elsewhere than their visits: " if len(wrong) > 1 else ""
        raise InputError(
            f"{name}: {many}visit {first['visit']}, detector {first['detector']} is at ({first['capRa']:g}, "
            f"{first['capDec']:g}) deg, and {what} at ({first['ra']:g}, {first['dec']:g}) deg with radius "
            f"{first['radius']:g}: {_ADVICE}"
        )
