"""Finds where visits looked: a circle on the sky each."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import sqlalchemy as sa
from numpy.typing import ArrayLike

from ssdb.config import MAX_TIME_DIFFERENCE_DAYS
from ssdb.ephemeris.places import POSITION, VELOCITY
from ssdb.schema.apdb_dia import dia_source
from ssdb.schema.arrow import arrow_field
from ssdb.schema.ranges import out_of_range, reasons_of
from ssdb.schema.survey import visit, visit_detector
from ssdb.sky.sphere import positions, separations, smallest_cap
from ssdb.store.transfer.read import read_arrays, read_table
from ssdb.units import ARCSEC_PER_DEG, Array

MARGIN_DEG = 0.03
"""Around a field: the largest search radius, and the padding of detectors at its edge."""


class Place(NamedTuple):
    """Where the observer of a visit is, as Visit has it."""

    sys: str
    position: tuple[float, float, float]
    velocity: tuple[float, float, float]
    """NaN where unknown."""


class Field(NamedTuple):
    """A visit's time (MJD TAI) and place: a circle on the sky, degrees."""

    mjd_tai: float
    ra: float
    dec: float
    radius: float
    observatory_code: str
    place: Place | None = None
    """Where the observer is, if the visit says that itself."""
    of_sources: bool = False
    """Whether it is only the circle round the visit's sources, because nothing else is known of its place."""


def padding(deg_per_day: ArrayLike) -> Array:
    """How far outside of a field an object may be at mid-exposure and still be looked for in it, degrees."""
    return MARGIN_DEG + np.asarray(deg_per_day, dtype=float) * MAX_TIME_DIFFERENCE_DAYS


def visit_fields(
    connection: sa.Connection,
    chosen: sa.ColumnElement[bool],
    radius: float | None = None,
    *,
    from_sources: bool = False,
    or_else: str = "",
) -> dict[int, Field | str]:
    """Time and place of the chosen visits, ascending; where the place is not known, or makes no sense, why.

    The circle of a visit is its own or, as far as that is not known, one round its detectors; with a ``radius`` (deg),
    of that size. With ``from_sources`` the smallest circle that holds the visit's sources is taken where there is no
    other. ``or_else`` is for the message: what else could be done where a radius is not known. ``observatory_code`` is
    empty where unknown.
    """
    known = visit.c.radius.is_not(None) if radius is None else sa.true()
    whole = visit.c.ra.is_not(None) & visit.c.dec.is_not(None) & known
    names = ("visit", "midpointMjdTai", "ra", "dec", "radius", "observatoryCode", "sys", *POSITION, *VELOCITY)
    columns = [visit.c[name] for name in names]
    # As a table: a code may be any text, also one that is not ASCII.
    schema = pa.schema([arrow_field(column) for column in columns])
    table = read_table(connection, sa.select(*columns).where(chosen).order_by(visit.c.visit), schema)
    rows = {name: table.column(name).to_numpy() for name in schema.names}
    cap = visit_detector.c
    of_chosen = cap.visit.in_(sa.select(visit.c.visit).where(chosen, ~whole)) & cap.capRadius.is_not(None)
    caps = read_arrays(
        connection,
        sa.select(cap.visit, cap.capRa, cap.capDec, cap.capRadius).where(of_chosen).order_by(cap.visit, cap.detector),
    )
    first, last = (np.searchsorted(caps["visit"], rows["visit"], side) for side in ("left", "right"))
    cap_columns = (caps["capRa"], caps["capDec"], caps["capRadius"])
    looked = {
        name: rows[name] for name in ("midpointMjdTai", "ra", "dec", "radius") if name != "radius" or radius is None
    }
    absurd = {int(rows["visit"][row]): text for row, text in reasons_of(out_of_range(visit, looked)).items()}
    fields: dict[int, Field | str] = {}
    observers: dict[int, Field] = {}
    values = (rows[name].tolist() for name in names)
    for (number, mjd_tai, ra, dec, its_own, code, system, *numbers), a, b in zip(
        zip(*values, strict=True), first.tolist(), last.tolist(), strict=True
    ):
        circle = _circle(ra, dec, its_own if radius is None else radius, [cap[a:b] for cap in cap_columns], or_else)
        place = Place(system.strip(), tuple(numbers[:3]), tuple(numbers[3:])) if system else None
        known_circle = (math.nan, math.nan, math.nan) if isinstance(circle, str) else circle
        observers[number] = Field(mjd_tai, *known_circle, (code or "").strip(), place)
        fields[number] = circle if isinstance(circle, str) else observers[number]
    if from_sources and (unknown := [number for number, where in fields.items() if isinstance(where, str)]):
        for number, (ra, dec, its_own) in _circles_round_sources(connection, chosen, unknown).items():
            fields[number] = observers[number]._replace(ra=ra, dec=dec, radius=its_own, of_sources=True)
    # What came into the database past the door, or before it looked.
    return fields | {
        number: f"{text}: give the visit another one (ssdb ingest visits)" for number, text in absurd.items()
    }


def _circles_round_sources(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], unknown: list[int]
) -> dict[int, tuple[float, float, float]]:
    """Centres and radii of the smallest circles that hold the sources of visits, of those that have some."""
    source = dia_source.c
    columns = sa.select(source.visit, source.ra, source.dec).where(
        source.visit.in_(sa.select(visit.c.visit).where(chosen))
    )
    rows = read_arrays(connection, columns.order_by(source.visit, source.diaSourceId))
    circles = {}
    for number in unknown:
        of_visit = slice(*np.searchsorted(rows["visit"], [number, number + 1]))
        if of_visit.start < of_visit.stop:
            center, radius = smallest_cap(rows["ra"][of_visit], rows["dec"][of_visit])
            ra, dec = positions(center)
            circles[number] = (float(ra), float(dec), radius)
    return circles


def _circle(ra: float, dec: float, radius: float, caps: list[Array], or_else: str) -> tuple[float, float, float] | str:
    """Centre and radius of a field; what is NaN from the caps of its detectors."""
    cap_ra, cap_dec, cap_radius = caps
    if math.isnan(ra) or math.isnan(dec):
        if not len(cap_ra):
            return (
                "its field is not known: give the visit ra, dec and radius (ssdb ingest visits), "
                "or its detectors (ssdb ingest detectors)"
            )
        ra, dec = (float(angle) for angle in positions(smallest_cap(cap_ra, cap_dec)[0]))
    if math.isnan(radius):
        if not len(cap_ra):
            return (
                "how large its field is is not known: give the visit a radius (ssdb ingest visits) or its detectors "
                f"(ssdb ingest detectors){or_else}"
            )
        radius = float((separations(ra, dec, cap_ra, cap_dec) / ARCSEC_PER_DEG + cap_radius).max())
    return ra, dec, radius
