"""The viewing geometry of visits, and which objects are in their fields.

Geometry: position of the observer, time, direction and radius of the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa

from ssdb.ephemeris.apparent import columns_of, retarded
from ssdb.ephemeris.bodies import earth, sun
from ssdb.ephemeris.observer import observer_states, states_of_places, tdb_of_tai
from ssdb.ephemeris.places import UNITS, Places
from ssdb.errors import EphemerisError, option
from ssdb.predict.segments import AROUND_EARTH_AU, MOST_DAYS, Segments
from ssdb.schema.arrow import arrow_schema
from ssdb.schema.ranges import LARGEST_AU
from ssdb.schema.survey import ss_prediction
from ssdb.sky.sphere import norms, range_rates, unit_vectors
from ssdb.store.tables.visit_fields import Field, Place, padding
from ssdb.units import LIGHT_SPEED, Array, Columns, Index, Integers, Mask

PROVIDER = "ssdb"

FARTHEST_OBSERVER_AU = 0.3
"""From the Earth's centre: the light of an object comes there from within its segment, by the margin of that."""

_NO_SYSTEM = "none"

_SCHEMA = arrow_schema(ss_prediction)

_DERIVED = ("topoRange", "topoRangeRate", "helioRange", "helioRangeRate", "phaseAngle", "elongation")
"""What follows from the vectors, and is not stored beside them."""


@dataclass(frozen=True, eq=False)
class Views:
    """From where, when (mid-exposure) and whereto m visits looked."""

    visits: Integers
    mjd_tai: Array
    mjd_tdb: Array
    observers: Array
    """(m, 6): barycentric states, au and au/d; velocities are NaN where they are unknown."""
    suns: Array
    centers: Array
    """(m, 3): directions of the fields' centres."""
    radius: Array
    """Of the fields, degrees."""
    away: Array
    """How far the observers are from the Earth's centre, in :data:`AROUND_EARTH_AU`, at least 1."""

    def take(self, rows: Index) -> Views:
        """Some of the visits, any number of times."""
        return Views(*(getattr(self, item.name)[rows] for item in fields(self)))


def views_of(visit_fields: Mapping[int, Field | str], observatory: str | None) -> tuple[Views, dict[int, str]]:
    """Views of visits whose observer's place is known, in their order, and why there are none of the others.

    That is the place that the visit gives, or else that of its observatory on Earth. A text in place of a field says
    why that is not known; ``observatory`` is the MPC code of that of visits that do not say theirs.
    """
    failed = {number: where for number, where in visit_fields.items() if isinstance(where, str)}
    known = {number: where for number, where in visit_fields.items() if isinstance(where, Field)}
    visits = np.array(list(known), np.int64)
    places = [where.place for where in known.values()]
    codes = np.array([where.observatory_code or observatory or "" for where in known.values()])
    # By the system of a given place, or else by the code.
    stated = [(_system(place), "") if place else ("", code) for place, code in zip(places, codes.tolist(), strict=True)]
    columns = np.array([where[:4] for where in known.values()]).reshape(-1, 4)
    observers = np.full((len(visits), 6), np.nan)
    for system, code in dict.fromkeys(stated):
        rows = np.array([row for row, one in enumerate(stated) if one == (system, code)])
        try:
            if system == _NO_SYSTEM:
                raise EphemerisError("sys, pos1, pos2, pos3 are no place: give the visit others (ssdb ingest visits)")
            if system:
                observers[rows] = _states_of_places(system, [places[row] for row in rows.tolist()], columns[rows, 0])
            elif not code:
                raise EphemerisError(f"its {no_observatory()}")
            else:
                observers[rows] = observer_states(code, columns[rows, 0])
        except EphemerisError as error:
            failed |= dict.fromkeys(visits[rows].tolist(), str(error))
    there = np.flatnonzero(np.isfinite(observers[:, 0]))
    mjd_tai, ra, dec, radius = columns[there].T
    mjd_tdb = tdb_of_tai(mjd_tai)
    distance = norms(observers[there, :3] - earth(mjd_tdb)[:, :3])
    away = np.maximum(distance / AROUND_EARTH_AU, 1.0)
    centers, suns = unit_vectors(ra, dec), sun(mjd_tdb)
    views = Views(visits[there], mjd_tai, mjd_tdb, observers[there], suns, centers, radius, away)
    far = np.flatnonzero(distance > FARTHEST_OBSERVER_AU)
    if len(far):
        text = "its observer is {:.3g} au from the Earth: predictions of visits are made for up to {:g} au"
        failed |= {int(views.visits[row]): text.format(distance[row], FARTHEST_OBSERVER_AU) for row in far}
        views = views.take(np.flatnonzero(distance <= FARTHEST_OBSERVER_AU))
    return views, dict(sorted(failed.items()))


def _system(place: Place) -> str:
    """The system of a place; what has come past the door may be none."""
    return place.sys if place.sys in UNITS and np.isfinite(place.position).all() else _NO_SYSTEM


def _states_of_places(system: str, given: list[Place | None], mjd_tai: Array) -> Array:
    """As :func:`ssdb.ephemeris.observer.states_of_places`."""
    numbers = np.array([[*place.position, *place.velocity] for place in given if place], float)
    return states_of_places(Places(system, numbers[:, :3], numbers[:, 3:]), mjd_tai)


def no_observatory() -> str:
    """What is wrong with a visit without a code, and what to do."""
    return (
        "observatory is not known: give the visit its observatoryCode (ssdb ingest visits), "
        f"or say {option('--observatory', 'observatory=...')}"
    )


def seen_by_segments(segments: Segments, views: Views) -> tuple[Array, Mask, Mask]:
    """Objects as they are seen, each of n in a visit of its own: states, which are inside, and which are usable.

    States (n, 6) are barycentric, au and au/d, when the light that is seen left the object; inside is as of
    :func:`in_field`. A segment is not usable that is not of that time, or no path of an object: its state is not
    finite, beyond all bounds or faster than light.
    """
    with np.errstate(all="ignore"):  # of segments that are none
        states = retarded(segments, views.mjd_tdb[:, None], views.observers[:, None])[0][:, 0]
        emitted = views.mjd_tdb - norms(states[:, :3] - views.observers[:, :3]) / LIGHT_SPEED
        in_time = (emitted >= segments.tmin) & (emitted <= segments.tmax) & (segments.tmax - segments.tmin < MOST_DAYS)
        # NaN, and in no field, before or after a part of a night.
        ended = segments.is_part & np.isnan(emitted)
        usable = ended | in_time & (norms(states[:, :3]) <= LARGEST_AU) & (norms(states[:, 3:]) < LIGHT_SPEED)
        return states, in_field(states, views), usable


def in_field(states: Array, views: Views, margin_deg: float = 0.0) -> Mask:
    """Whether objects (m, 6), each seen in a visit, are in its field, or near enough to come into it.

    Within the field's radius, the margin, and what :func:`ssdb.store.tables.visit_fields.padding` adds for its motion.
    False for an object that could not be followed.
    """
    # Without the observer's velocity the motion that is left is larger than what is seen, if anything.
    apart, _, motion = away_from(states, np.nan_to_num(views.observers), views.centers)
    return np.asarray(apart <= views.radius + margin_deg + padding(motion))


def away_from(states: Array, observers: Array, centers: Array) -> tuple[Array, Array, Array]:
    """How far objects are from directions (deg), and from the observer (au), and their motion on the sky (deg/d).

    States of objects and observers (m, 6) are barycentric, au and au/d; directions (m, 3) are unit vectors.
    """
    topo = states - observers
    distance = norms(topo[..., :3])
    chord = norms(topo[..., :3] / distance[..., None] - centers)
    apart = np.degrees(2.0 * np.arcsin(np.minimum(0.5 * chord, 1.0)))
    across = np.sqrt(np.maximum(norms(topo[..., 3:]) ** 2 - range_rates(topo[..., :3], topo[..., 3:]) ** 2, 0.0))
    return apart, distance, np.degrees(across / distance)


def prediction_rows(
    states: Array, views: Views, H: Array, G: Array, object_ids: Integers, designations: pa.Array
) -> pa.Table:
    """Rows of SsPrediction of n objects (n, 6), as of :func:`seen_by_segments`, each in a visit of its own."""
    columns: Columns = columns_of(states, views.suns, views.observers, H.astype(float), G.astype(float))
    columns |= {"visit": views.visits, "ssObjectId": object_ids, "midpointMjdTai": views.mjd_tai}
    kept = [field for field in _SCHEMA if field.name in columns and field.name not in _DERIVED]
    arrays = [pa.array(columns[field.name], from_pandas=True).cast(field.type) for field in kept]
    rows = pa.table(arrays, names=[field.name for field in kept])
    rows = rows.append_column("designation", designations)
    return rows.append_column("provider", pa.repeat(PROVIDER, len(states)))
