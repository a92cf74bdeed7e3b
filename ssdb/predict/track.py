"""One object over all visits of a survey: in which fields it is, and where in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from ssdb.ephemeris.bodies import earth
from ssdb.ephemeris.constants import EARTH_RADIUS_KM
from ssdb.ephemeris.observer import tdb_of_tai
from ssdb.ephemeris.predict import retarded
from ssdb.ephemeris.propagate import span, trajectories
from ssdb.ephemeris.trajectory import Trajectories
from ssdb.ephemeris.uncertainty import Variants, error_ellipses, variants
from ssdb.errors import EphemerisError, option, shown
from ssdb.predict.target import Target
from ssdb.predict.views import Views, in_field, prediction_rows, views_of
from ssdb.schema.ranges import MJD
from ssdb.schema.survey import visit
from ssdb.sky.sphere import unit_vectors
from ssdb.sky.vectors import norms, range_rates
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
) -> tuple[pa.Table, dict[int, str]]:
    """Predictions of an object for every visit that it is in.

    Parameters
    ----------
    connection : sqlalchemy.Connection
    target : Target
    chosen : condition on the columns of Visit, optional
        Which visits; without it all.
    margin_deg : float
        How far outside of a field the object may be.
    observatory : str, optional
        MPC code of the observatory of visits that do not say theirs.

    Returns
    -------
    rows : pyarrow.Table
        Of SsPrediction, by visit; with the error ellipse where the orbit has a covariance. None of visits for which
        nothing says where they looked, and that have no sources.
    failed : dict of int to str
        Exposures whose observatory has no place on Earth, and what is wrong with it.

    Raises
    ------
    EphemerisError
        If the observatory of a visit with the object in its field is not known, or a visit's time is outside
        the planetary ephemeris.
    """
    there_is_an_ephemeris = visit.c.midpointMjdTai.between(MJD.low, MJD.high)
    chosen = there_is_an_ephemeris if chosen is None else chosen & there_is_an_ephemeris
    bounds = sa.select(sa.func.min(visit.c.midpointMjdTai), sa.func.max(visit.c.midpointMjdTai)).where(chosen)
    first, last = connection.execute(bounds).one()
    tables: list[pa.Table] = []
    failed: dict[int, str] = {}
    if first is not None:
        interval = span(tdb_of_tai([first, last]))
        paths = trajectories(target.orbit, *interval)
        varied = None
        if target.covariance is not None:
            varied = variants(target.orbit, target.covariance[None], *interval)
        for fields in _near_fields(connection, chosen, paths, margin_deg):
            views, unknown = views_of(_with_observatories(fields, observatory))
            failed |= unknown
            tables.append(_rows(target, paths, varied, views, margin_deg))
    return pa.concat_tables([_no_rows(target), *tables]), failed


def _near_fields(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], paths: Trajectories, margin_deg: float
) -> Iterator[dict[int, Field]]:
    """Fields that the object is near as seen from the Earth's centre, in parts."""
    for near in _near_visits(connection, chosen, paths, margin_deg):
        for start in range(0, len(near), _FIELDS_PER_CHUNK):
            some = visit.c.visit.in_(near[start : start + _FIELDS_PER_CHUNK].tolist())
            known = visit_fields(connection, some, from_sources=True)
            fields = {number: field for number, field in known.items() if isinstance(field, Field)}
            if not fields:
                continue
            mjd_tai, ra, dec, radius = np.array([field[:4] for field in fields.values()]).T
            inside = _is_near(paths, mjd_tai, ra, dec, radius, margin_deg)
            if inside.any():
                yield {number: field for (number, field), is_in in zip(fields.items(), inside, strict=True) if is_in}


def _near_visits(
    connection: sa.Connection, chosen: sa.ColumnElement[bool], paths: Trajectories, margin_deg: float
) -> Iterator[Integers]:
    """Exposures that the object is near as seen from the Earth's centre, and those whose circle is not known, in parts.

    Most of a survey's visits are elsewhere: they cost no more than this look at arrays.
    """
    after: sa.ColumnElement[bool] = sa.true()
    columns = (visit.c.visit, visit.c.midpointMjdTai, visit.c.ra, visit.c.dec, visit.c.radius)
    while True:
        part = sa.select(*columns).where(chosen, after).order_by(visit.c.visit).limit(_VISITS_PER_CHUNK)
        number, mjd_tai, ra, dec, radius = read_arrays(connection, part).values()
        if not len(number):
            return
        after = visit.c.visit > int(number[-1])
        unknown = np.isnan(ra + dec + radius)
        yield number[unknown | _is_near(paths, mjd_tai, ra, dec, radius, margin_deg)]


def _is_near(paths: Trajectories, mjd_tai: Array, ra: Array, dec: Array, radius: Array, margin_deg: float) -> Mask:
    """Whether the object may be seen within a field from anywhere on Earth, shape (m,); False where one is unknown."""
    mjd_tdb = mjd_tai + TT_LESS_TAI_DAYS
    here = earth(mjd_tdb)
    topo = retarded(paths, mjd_tdb, here)[0][0] - here
    distance = norms(topo[:, :3])
    chord = norms(topo[:, :3] / distance[:, None] - unit_vectors(ra, dec))
    apart = np.degrees(2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)))
    # Light time and the Earth's rotation add to these what is a small part of them.
    parallax = np.degrees(np.arcsin(np.minimum(1.1 * EARTH_RADIUS_KM / AU_KM / distance, 1.0)))
    across = np.sqrt(np.maximum(norms(topo[:, 3:]) ** 2 - range_rates(topo[:, :3], topo[:, 3:]) ** 2, 0.0))
    return np.asarray(apart <= radius + margin_deg + parallax + 1.1 * padding(np.degrees(across / distance)))


def _with_observatories(fields: dict[int, Field], observatory: str | None) -> dict[int, Field]:
    """Fields with an observatory each."""
    codes = {number: field.observatory_code or observatory or "" for number, field in fields.items()}
    if nowhere := [number for number, code in codes.items() if not code]:
        raise EphemerisError(
            f"visit {shown(nowhere)}: the observatory is not known: give the visit its observatoryCode "
            f"(ssdb ingest visits), or say {option('--observatory', 'observatory=...')}"
        )
    return {number: field._replace(observatory_code=codes[number]) for number, field in fields.items()}


def _rows(target: Target, paths: Trajectories, varied: Variants | None, views: Views, margin_deg: float) -> pa.Table:
    """Predictions for those visits that the object is in."""
    if not len(views.visits):
        return _no_rows(target)
    states = retarded(paths, views.mjd_tdb, views.observers)[0][0]
    inside = np.flatnonzero(in_field(states, views, margin_deg))
    views, n = views.take(inside), len(inside)
    H, G = np.repeat(target.orbit.H, n), np.repeat(target.orbit.G, n)
    ids, designations = np.full(n, target.object_id), pa.array([target.designation] * n, pa.string())
    rows = prediction_rows(states[inside], views, H, G, ids, designations)
    if varied is not None:
        covariances = varied.covariances(views.mjd_tdb, views.observers)[0]
        for name, values in error_ellipses(covariances).items():
            rows = rows.append_column(name, pa.array(values, pa.float32(), from_pandas=True))
    return rows


def _no_rows(target: Target) -> pa.Table:
    """An empty table of predictions, with the columns that others have."""
    nothing = np.empty(0)
    states = np.empty((0, 6))
    views = Views(nothing.astype(np.int64), nothing, nothing, states, states, states[:, :3], nothing)
    rows = prediction_rows(
        np.empty((0, 6)), views, nothing, nothing, nothing.astype(np.int64), pa.array([], pa.string())
    )
    for name in ("ephErrMajor", "ephErrMinor", "ephErrPa") if target.covariance is not None else ():
        rows = rows.append_column(name, pa.array([], pa.float32()))
    return rows
