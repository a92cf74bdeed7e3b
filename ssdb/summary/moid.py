"""How near orbits come to the Earth's (MOID), at any eccentricity, and where: columns of SSObject, in arrays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.constants import GM_SUN
from ssdb.equal_rows import begins
from ssdb.errors import InputError
from ssdb.schema.apdb_solar_system import mpc_orbits
from ssdb.schema.ranges import ANGLE, Range, ranges_of
from ssdb.summary.closest_points import Orbits, Points, dot, followed, orbits_beside_earth, place_of_earth, starts
from ssdb.units import AU_PER_DAY_KM_S, Array, Columns, Mask

COLUMNS = (
    *("MOIDEarth", "MOIDEarthDeltaV", "MOIDEarthEclipticLongitude", "MOIDEarthTrueAnomaly"),
    "MOIDEarthTrueAnomalyObject",
)
"""What is found of each orbit: columns of SSObject."""

ELEMENTS = ("q", "e", "i", "node", "argperi", "epoch_mjd")
"""Columns of mpc_orbits, in the order of the parameters of :func:`earth_moid`."""
JUPITER_AU = 5.2044
"""Semi-major axis of Jupiter."""

_AT_ONCE = 4096
"""Orbits whose minima are followed together."""


def earth_moid(
    q: ArrayLike, e: ArrayLike, i: ArrayLike, node: ArrayLike, argperi: ArrayLike, epoch_mjd: ArrayLike
) -> Columns:
    """The smallest distance between orbits and the Earth's orbit, and where it is.

    Parameters
    ----------
    q, e : array_like
        Perihelion distance (au) and eccentricity (0 or more: also parabolas and hyperbolas).
    i, node, argperi : array_like
        Inclination, longitude of the ascending node, argument of perihelion; degrees, mean ecliptic of J2000.
    epoch_mjd : array_like
        The epoch of the elements, MJD TT, at which the Earth's mean orbit is taken.

    Returns
    -------
    dict of str to ndarray
        Of the shape that the elements have together, as columns of SSObject; NaN where an element is missing, or one
        that no orbit has (q 1e-9 to 1e5 au, e to 1e6, angles -360 to 720, epochs of 1550 to 2650):

        - ``MOIDEarth``: the distance, au;
        - ``MOIDEarthDeltaV``: the speed of an object there relative to one that moves on the Earth's orbit, km/s, both
          by heliocentric two-body motion, without the Earth's gravity;
        - ``MOIDEarthEclipticLongitude``: of the point on the Earth's orbit, degrees in [0, 360), J2000;
        - ``MOIDEarthTrueAnomaly``, ``MOIDEarthTrueAnomalyObject``: of the points on the Earth's orbit and on the
          object's, degrees in [0, 360).

    The rows do not depend on each other, to the bit.

    Examples
    --------
    >>> ssdb.earth_moid(q=0.7461, e=0.1911, i=3.3392, node=203.90, argperi=126.67, epoch_mjd=61000.0)["MOIDEarth"]
    np.float64(5.96...e-05)
    """
    elements = np.broadcast_arrays(*(np.asarray(x, dtype=float) for x in (q, e, i, node, argperi, epoch_mjd)))
    shape, rows = elements[0].shape, np.stack([x.ravel() for x in elements])
    found = np.full((len(COLUMNS), rows.shape[1]), np.nan)
    usable = np.flatnonzero(_usable(rows))
    for some in (usable[k : k + _AT_ONCE] for k in range(0, len(usable), _AT_ONCE)):
        orbits = orbits_beside_earth(rows[:, some])
        points = followed(orbits, starts(orbits, nearest=True))
        points = points.take(np.lexsort((points.distance2, points.orbit)))
        points = points.take(begins(points.orbit))
        found[:, some[points.orbit]] = _described(orbits.take(points.orbit), points)
    return {name: values.reshape(shape)[()] for name, values in zip(COLUMNS, found, strict=True)}


def earth_minima(q: float, e: float, i: float, node: float, argperi: float, epoch_mjd: float) -> Columns:
    """All local minima of the distance between one orbit and the Earth's, the smallest first.

    An orbit has up to four, most often two, near the nodes: an object can come near the Earth at each, however much
    farther than the smallest it is. The parameters are those of :func:`earth_moid`, and so are the columns of the
    answer, of shape (number of minima,). Minima more than 3 au farther from the Sun than perihelion are left out.

    Raises
    ------
    InputError
        If an element is missing or not possible.
    """
    rows = np.array([[q], [e], [i], [node], [argperi], [epoch_mjd]], dtype=float)
    if not _usable(rows).all():
        raise InputError(
            "an orbit needs " + ", ".join(f"{name} from {its}" for name, its in zip(ELEMENTS, _ranges(), strict=True))
        )
    orbits = orbits_beside_earth(rows)
    points = followed(orbits, starts(orbits, nearest=False))
    points = points.take(np.argsort(points.distance2, kind="stable"))
    found = _described(orbits.take(points.orbit), points._replace(orbit=np.arange(len(points.orbit))))
    places = np.radians(found[[3, 4]])
    apart = np.abs(np.exp(1j * places[:, :, None]) - np.exp(1j * places[:, None, :])).max(axis=0)
    first = ~np.any(np.tril(apart < 1e-6, -1), axis=1)
    return dict(zip(COLUMNS, found[:, first], strict=True))


def tisserand(q: Array, e: Array, i: Array) -> Array:
    """Tisserand parameters with Jupiter of orbits, shape (n,), as :func:`earth_moid` has them; NaN of unusable ones."""
    usable = _usable([q, e, i])
    q, e, i = (np.where(usable, element, np.nan) for element in (q, e, i))
    # With q and e, so that it holds for every orbit: a (1 - e^2) = q (1 + e).
    bound = 2.0 * np.cos(np.radians(i)) * np.sqrt(q * (1.0 + e) / JUPITER_AU)
    return np.asarray(JUPITER_AU * (1.0 - e) / q + bound)


def _ranges() -> list[Range]:
    """Of each of ELEMENTS as in mpc_orbits; an inclination may be any angle, as the Earth's is below 0."""
    return [ANGLE if name == "i" else ranges_of(mpc_orbits)[name][0] for name in ELEMENTS]


def _usable(elements: Sequence[Array] | Array) -> Mask:
    """Which orbits have elements, the first of ELEMENTS, that are known and within their ranges."""
    within = [(its.low <= x) & (x <= its.high) for x, its in zip(elements, _ranges(), strict=False)]
    return np.logical_and.reduce(within)


def _described(orbits: Orbits, points: Points) -> Array:
    """The values of COLUMNS (5, n) of points, one of each orbit."""
    eccentricity = orbits.centre / orbits.a
    x, y, _ = place_of_earth(orbits, points.earth)[0]
    of_earth = np.arctan2(y, x)
    f = 2.0 * np.arctan2(orbits.stretch * np.sin(0.5 * points.g), np.cos(0.5 * points.g))
    east, ahead = (np.stack([np.full_like(x, k) for k in axis]) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)))
    velocities = _velocity(orbits.q, orbits.e, f, orbits.towards, orbits.ahead)
    velocities -= _velocity(orbits.a - orbits.centre, eccentricity, of_earth, east, ahead)
    from_node = of_earth + orbits.perihelion
    longitude = np.arctan2(np.sin(from_node) * np.cos(orbits.inclination), np.cos(from_node))
    speed = AU_PER_DAY_KM_S * np.sqrt(dot(velocities, velocities))
    return np.stack([np.sqrt(points.distance2), speed, *(_turn(angle) for angle in (longitude, of_earth, f))])


def _velocity(q: Array, e: Array, f: Array, towards: Array, ahead: Array) -> Array:
    """Two-body velocities (3, n), au/d, at true anomalies (rad)."""
    return np.asarray(np.sqrt(GM_SUN / (q * (1.0 + e))) * ((e + np.cos(f)) * ahead - np.sin(f) * towards))


def _turn(angle: Array) -> Array:
    """Radians as degrees in [0, 360)."""
    degrees = np.degrees(angle) % 360.0
    return np.where(degrees == 360.0, 0.0, degrees)
