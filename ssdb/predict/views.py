"""Which objects are seen in fields, and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.observer import observer_states, tdb_of_tai
from ssdb.ephemeris.predict import Paths, columns_of, retarded
from ssdb.errors import EphemerisError
from ssdb.predict.segments import MOST_DAYS, Segments
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.ranges import LARGEST_AU
from ssdb.schema.survey import ss_prediction
from ssdb.sky.sphere import unit_vectors
from ssdb.sky.vectors import norms, range_rates
from ssdb.store.tables.visit_fields import Field, padding
from ssdb.units import LIGHT_SPEED, Array, Columns, Index, Integers, Mask

PROVIDER = "ssdb"

_SCHEMA = arrow_schema(ss_prediction)

_DERIVED = ("topoRange", "topoRangeRate", "helioRange", "helioRangeRate", "phaseAngle", "elongation")
"""What follows from the vectors, and is not stored beside them."""


@dataclass(frozen=True, eq=False)
class Views:
    """From where, when and whereto m visits looked.

    Attributes
    ----------
    visits : ndarray of int64, shape (m,)
    mjd_tai, mjd_tdb : ndarray, shape (m,)
        Middle of the visits.
    observers, suns : ndarray, shape (m, 6)
        Barycentric states, au and au/d.
    centers : ndarray, shape (m, 3)
        Directions of the fields' centres.
    radius : ndarray, shape (m,)
        Of the fields, degrees.
    """

    visits: Integers
    mjd_tai: Array
    mjd_tdb: Array
    observers: Array
    suns: Array
    centers: Array
    radius: Array

    def take(self, rows: Index) -> Views:
        """Some of the visits, any number of times."""
        return Views(*(getattr(self, item.name)[rows] for item in fields(self)))

    def each(self) -> Views:
        """As of as many objects that are seen once each: arrays (m, 1, ...)."""
        return Views(*(getattr(self, item.name)[:, None] for item in fields(self)))


def views_of(places: Mapping[int, Field]) -> tuple[Views, dict[int, str]]:
    """What is to be known of visits, and of which it cannot be known why.

    Parameters
    ----------
    places : mapping of int to Field
        By visit.

    Returns
    -------
    views : Views
        Those whose observatory is a place on Earth, in the order of ``places``.
    failed : dict of int to str
        The others, and why.
    """
    failed: dict[int, str] = {}
    visits = np.array(list(places), np.int64)
    codes = np.array([place.observatory_code for place in places.values()])
    columns = np.array([place[:4] for place in places.values()]).reshape(-1, 4)
    observers = np.full((len(visits), 6), np.nan)
    for code in np.unique(codes).tolist():
        rows = np.flatnonzero(codes == code)
        try:
            observers[rows] = observer_states(code, columns[rows, 0])
        except EphemerisError as error:
            failed |= dict.fromkeys(visits[rows].tolist(), str(error))
    known = np.flatnonzero(np.isfinite(observers[:, 0]))
    mjd_tai, ra, dec, radius = columns[known].T
    mjd_tdb = tdb_of_tai(mjd_tai)
    centers = unit_vectors(ra, dec)
    return Views(visits[known], mjd_tai, mjd_tdb, observers[known], sun(mjd_tdb), centers, radius), failed


def seen(paths: Paths, views: Views) -> tuple[Array, Mask]:
    """Objects as they are seen, and whether that is in the field or near enough to come into it.

    Parameters
    ----------
    paths : Paths of n objects
    views : Views
        m that hold for all objects, or one for each of them (:meth:`Views.each`; m is 1).

    Returns
    -------
    states : ndarray, shape (n, m, 6)
        Barycentric, au and au/d, when the light that is seen left the object.
    inside : ndarray of bool, shape (n, m)
        As of :func:`in_field`.
    """
    states = retarded(paths, views.mjd_tdb, views.observers)[0]
    return states, in_field(states, views)


def hold(segments: Segments, states: Array, views: Views) -> Mask:
    """Whether segments are those of objects, and of the time at which these are seen.

    Parameters
    ----------
    segments : Segments, n of them
    states : ndarray, shape (n, 6)
        What they give, as of :func:`seen`.
    views : Views
        n, one for each.

    Returns
    -------
    ndarray of bool, shape (n,)
        False where a state is not finite, beyond all bounds or faster than light.
    """
    emitted = views.mjd_tdb - norms(states[:, :3] - views.observers[:, :3]) / LIGHT_SPEED
    in_time = (emitted >= segments.tmin) & (emitted <= segments.tmax) & (segments.tmax - segments.tmin < MOST_DAYS)
    return in_time & (norms(states[:, :3]) <= LARGEST_AU) & (norms(states[:, 3:]) < LIGHT_SPEED)


def in_field(states: Array, views: Views, margin_deg: float = 0.0) -> Mask:
    """Whether objects are in fields, or near enough to come into them.

    Parameters
    ----------
    states : ndarray, shape (..., m, 6)
        Barycentric, au and au/d, when the light that is seen left the object.
    views : Views
        As of :func:`seen`.
    margin_deg : float
        The fields are taken to be larger by this.

    Returns
    -------
    ndarray of bool, shape (..., m)
        Within the field's radius, and what :func:`ssdb.store.tables.visit_fields.padding` adds for the motion of the
        object. False for an object that could not be followed.
    """
    topo = states - views.observers
    distance = norms(topo[..., :3])
    chord = norms(topo[..., :3] / distance[..., None] - views.centers)
    apart = np.degrees(2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)))
    across = np.sqrt(np.maximum(norms(topo[..., 3:]) ** 2 - range_rates(topo[..., :3], topo[..., 3:]) ** 2, 0.0))
    return np.asarray(apart <= views.radius + margin_deg + padding(np.degrees(across / distance)))


def prediction_rows(
    states: Array, views: Views, H: Array, G: Array, object_ids: Integers, designations: pa.Array
) -> pa.Table:
    """Rows of SsPrediction.

    Parameters
    ----------
    states : ndarray, shape (n, 6)
        Of the objects, as of :func:`seen`.
    views : Views
        n, one for each.
    H, G : ndarray, shape (n,)
    object_ids : ndarray of int64, shape (n,)
    designations : pyarrow.Array of string, shape (n,)
    """
    seen_as = columns_of(
        states[:, None],
        views.suns[:, None],
        views.observers[:, None],
        H[:, None].astype(float),
        G[:, None].astype(float),
    )
    columns: Columns = {name: values[:, 0] for name, values in seen_as.items()}
    columns |= {"visit": views.visits, "ssObjectId": object_ids, "midpointMjdTai": views.mjd_tai}
    kept = [field for field in _SCHEMA if field.name in columns and field.name not in _DERIVED]
    arrays = [pa.array(columns[field.name], from_pandas=True).cast(field.type) for field in kept]
    rows = pa.table(arrays, names=[field.name for field in kept])
    rows = rows.append_column("designation", designations)
    return rows.append_column("provider", pa.array([PROVIDER], pa.string()).take(pa.array(np.zeros(len(states), int))))
