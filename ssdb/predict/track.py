"""Predicts one object in all visits of a survey: which fields it falls in, and where in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.apparent import retarded
from ssdb.ephemeris.bodies import earth
from ssdb.ephemeris.observer import tdb_of_tai
from ssdb.ephemeris.places import POSITION
from ssdb.ephemeris.propagate import span, trajectories
from ssdb.ephemeris.trajectory import Trajectories
from ssdb.ephemeris.uncertainty import Variants, variants
from ssdb.errors import EphemerisError, shown
from ssdb.predict.covariances import with_ellipses
from ssdb.predict.segments import AROUND_EARTH_AU, parallax
from ssdb.predict.target import Target
from ssdb.predict.viewing import Views, away_from, in_field, no_observatory, prediction_rows, views_of
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.ranges import MJD
from ssdb.schema.survey import ss_prediction, visit
from ssdb.sky.sphere import unit_vectors
from ssdb.store.tables.visit_fields import Field, padding, visit_fields
from ssdb.store.transfer.read import read_arrays
from ssdb.units import AU_KM, TT_LESS_TAI_DAYS, Array, Integers, Mask

_VISITS_PER_CHUNK = 100_000
_FIELDS_PER_CHUNK = 500


def predicted_in_fields(
    connection: sa.Connection,
    target: Target,
    chosen: sa.ColumnElement[bool] | None = None,
    *,
    margin_deg: float,
    observatory: str | None,
) -> tuple[pa.Table, dict[int, str], str]:
    """Predictions of an object for every visit (of those that are chosen) that it is in, or near within a margin.

    They are rows of SsPrediction, by visit; with the error ellipse where the orbit has a covariance; none of visits for
    which nothing says where they looked, and that have no sources. Beside them, the visits whose observer's place is
    not known, and what is wrong with it; and where the object's path ends among the visits, if it does. EphemerisError
    if the observatory of a visit with the object in its field is not known, or a visit's time is outside the planetary
    ephemeris.
    """
    there_is_an_ephemeris = visit.c.midpointMjdTai.between(MJD.low, MJD.high)
    chosen = there_is_an_ephemeris if chosen is None else chosen & there_is_an_ephemeris
    bounds = sa.select(sa.func.min(visit.c.midpointMjdTai), sa.func.max(visit.c.midpointMjdTai)).where(chosen)
    first, last = connection.execute(bounds).one()
    tables: list[pa.Table] = []
    failed: dict[int, str] = {}
    ends = ""
    if first is not None:
        interval = span(tdb_of_tai([first, last]))
        paths = trajectories(target.orbit, *interval)
        ends = " and ".join(end.reason for end in paths.ends.within(0, *interval))
        varied = None
        if target.covariance is not None:
            varied = variants(target.orbit, target.covariance[None], *interval)
        for fields in _near_fields(connection, chosen, paths, margin_deg):
            nowhere = [
                number for number, field in fields.items() if not (field.place or field.observatory_code or observatory)
            ]
            if nowhere:
                raise EphemerisError(f"visit {shown(nowhere)}: the {no_observatory()}")
            views, unknown = views_of(fields, observatory)
            failed |= unknown
            tables.append(_rows(target, paths, varied, views, margin_deg))
    return pa.concat_tables(tables) if tables else arrow_schema(ss_prediction).empty_table(), failed, ends


def _near_fields(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], paths: Trajectories, margin_deg: float
) -> Iterator[dict[int, Field]]:
    """Fields that the object is near as seen from the Earth's centre, in parts."""
    for near, distances in _near_visits(connection, chosen, paths, margin_deg):
        for start in range(0, len(near), _FIELDS_PER_CHUNK):
            part = near[start : start + _FIELDS_PER_CHUNK]
            known = visit_fields(connection, visit.c.visit.in_(part.tolist()), from_sources=True)
            fields = {number: field for number, field in known.items() if isinstance(field, Field)}
            if not fields:
                continue
            looked = np.array([field[:4] for field in fields.values()]).T
            observer = distances[start:][np.searchsorted(part, list(fields))]
            inside = _is_near(paths, looked, observer, margin_deg)
            if inside.any():
                yield {number: field for (number, field), is_in in zip(fields.items(), inside, strict=True) if is_in}


def _near_visits(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], paths: Trajectories, margin_deg: float
) -> Iterator[tuple[Integers, Array]]:
    """Visits that the object is near as seen from the Earth's centre, and those whose circle is not known, in parts.

    Beside them, how far their observers in space are from the Earth's centre, at most, au; 0 of others. Most of a
    survey's visits are elsewhere: they cost no more than this look at arrays.
    """
    after: sa.ColumnElement[bool] = sa.true()
    unit = sa.case((visit.c.sys == "ICRF_KM", 1.0 / AU_KM), (visit.c.sys == "ICRF_AU", 1.0), else_=0.0)
    distance = sa.func.coalesce(unit * sum(sa.func.abs(visit.c[name]) for name in POSITION), 0.0).label("distance")
    columns = (visit.c.visit, visit.c.midpointMjdTai, visit.c.ra, visit.c.dec, visit.c.radius, distance)
    while True:
        part = sa.select(*columns).where(chosen, after).order_by(visit.c.visit).limit(_VISITS_PER_CHUNK)
        number, *looked, observer = read_arrays(connection, part).values()
        if not len(number):
            return
        after = visit.c.visit > int(number[-1])
        near = np.isnan(sum(looked)) | _is_near(paths, np.array(looked), observer, margin_deg)
        yield number[near], observer[near]


def _is_near(paths: Trajectories, looked: Array, observer: Array, margin_deg: float) -> Mask:
    """Whether the object may be seen within a field, shape (m,); False where one is unknown.

    ``looked`` (4, m) are time (MJD TAI), right ascension, declination and radius (deg). Observers are anywhere on
    Earth, or so far from its centre (m,), au.
    """
    mjd_tai, ra, dec, radius = looked
    mjd_tdb = mjd_tai + TT_LESS_TAI_DAYS
    here = earth(mjd_tdb)
    apart, distance, motion = away_from(retarded(paths, mjd_tdb, here)[0][0], here, unit_vectors(ra, dec))
    reach = np.degrees(parallax(distance, np.maximum(observer / AROUND_EARTH_AU, 1.0)))
    # Light time and the Earth's rotation add to these what is a small part of them.
    return np.asarray(apart <= radius + margin_deg + reach + 1.1 * padding(motion))


def _rows(target: Target, paths: Trajectories, varied: Variants | None, views: Views, margin_deg: float) -> pa.Table:
    """Predictions for those visits that the object is in."""
    states = retarded(paths, views.mjd_tdb, views.observers)[0][0]
    inside = np.flatnonzero(in_field(states, views, margin_deg))
    views, n = views.take(inside), len(inside)
    H, G = np.repeat(target.orbit.H, n), np.repeat(target.orbit.G, n)
    rows = prediction_rows(states[inside], views, H, G, np.full(n, target.object_id), pa.repeat(target.designation, n))
    if varied is None:
        return rows
    return with_ellipses(rows, varied.covariances(views.mjd_tdb, views.observers)[0])
