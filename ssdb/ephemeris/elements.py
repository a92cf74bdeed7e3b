"""Orbital elements and heliocentric states, circles to hyperbolas, in arrays.

One formulation serves all conics: the universal anomaly counted from perihelion and the Stumpff functions
(Battin 1999, "An Introduction to the Mathematics and Methods of Astrodynamics", section 4.5; Bate, Mueller & White
1971, chapter 4). Nothing in it divides by 1 - e, so that near-parabolic orbits are as exact as others.

Elements refer to the mean ecliptic of J2000 with the obliquity of IAU 1976, as those of the MPC and of JPL do; angles
are degrees, distances au, times MJD in TDB (the MPC's TT differs by less than 2 ms, which is 0.05 mas). States are
heliocentric on ICRF axes, au and au/d.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.constants import GM_SUN
from ssdb.errors import InputError, shown
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.units import Array

_MAX_ITERATIONS = 60


def cometary_to_cartesian(
    q: ArrayLike,
    e: ArrayLike,
    i: ArrayLike,
    node: ArrayLike,
    argperi: ArrayLike,
    peri_time: ArrayLike,
    mjd_tdb: ArrayLike,
) -> Array:
    """Heliocentric states of two-body orbits at given times.

    Parameters
    ----------
    q, e : array_like, shape (n,)
        Perihelion distance, au, above 0; eccentricity, 0 or more.
    i, node, argperi : array_like, shape (n,)
        Inclination, longitude of the ascending node, argument of perihelion; degrees, mean ecliptic of J2000.
    peri_time, mjd_tdb : array_like, shape (n,)
        Times of perihelion and of the states (of osculating elements, their epochs), MJD TDB.

    Returns
    -------
    ndarray, shape (n, 6)
        Positions (au) and velocities (au/d), ICRF axes.
    """
    q, e = np.asarray(q, dtype=float), np.asarray(e, dtype=float)
    alpha = GM_SUN * (1.0 - e) / q
    since = _nearest_passage(np.asarray(mjd_tdb, dtype=float) - np.asarray(peri_time, dtype=float), alpha)
    s = _universal_anomaly(q, e, alpha, since)
    c0, c1, c2, _ = _stumpff(alpha * s * s)
    radius = q + GM_SUN * e * s * s * c2
    across = np.sqrt(GM_SUN * q * (1.0 + e))
    towards, ahead = _perifocal_axes(i, node, argperi)
    position = (q - GM_SUN * s * s * c2)[:, None] * towards + (across * s * c1)[:, None] * ahead
    velocity = (-GM_SUN * s * c1 / radius)[:, None] * towards + (across * c0 / radius)[:, None] * ahead
    return np.concatenate([position, velocity], axis=1)


def cartesian_to_cometary(states: ArrayLike, mjd_tdb: ArrayLike) -> dict[str, Array]:
    """Osculating cometary elements of heliocentric states (n, 6; au and au/d, ICRF axes) at times (n,), MJD TDB.

    ``q`` (au), ``e``, ``i``, ``node``, ``argperi`` (degrees, the latter two in [0, 360)), ``peri_time`` (MJD TDB; of an
    ellipse, the passage nearest to the state), each of shape (n,). Without inclination the node is at 0, in a circle
    the perihelion is where the object is. InputError if an object moves straight towards or away from the Sun, which no
    such elements describe.
    """
    states = np.asarray(states, dtype=float)
    rotation = mean_ecliptic_rotation()
    position, velocity = states[:, :3] @ rotation.T, states[:, 3:] @ rotation.T
    momentum = np.cross(position, velocity)
    h2 = np.einsum("ij,ij->i", momentum, momentum)
    if not (h2 > 0).all():
        raise InputError(f"orbits {shown(np.flatnonzero(~(h2 > 0)))} are straight lines through the Sun")
    radius = np.linalg.norm(position, axis=1)
    along = position / radius[:, None]
    laplace = np.cross(velocity, momentum) / GM_SUN - along
    e = np.linalg.norm(laplace, axis=1)
    circular = e < 1e-15
    towards = np.where(circular[:, None], along, laplace / np.where(circular, 1.0, e)[:, None])
    normal = momentum / np.sqrt(h2)[:, None]
    ahead = np.cross(normal, towards)
    sin_i = np.hypot(normal[:, 0], normal[:, 1])
    flat = sin_i == 0
    node = np.where(flat, 0.0, np.arctan2(normal[:, 0], -normal[:, 1]))
    rising = np.stack([np.cos(node), np.sin(node), np.zeros_like(node)], axis=1)
    argperi = np.arctan2(
        np.einsum("ij,ij->i", np.cross(rising, towards), normal), np.einsum("ij,ij->i", rising, towards)
    )
    q = h2 / (GM_SUN * (1.0 + e))
    anomaly = np.arctan2(np.einsum("ij,ij->i", along, ahead), np.einsum("ij,ij->i", along, towards))
    return {
        "q": q,
        "e": e,
        "i": np.degrees(np.arctan2(sin_i, normal[:, 2])),
        "node": _turn(node),
        "argperi": _turn(argperi),
        "peri_time": np.asarray(mjd_tdb, dtype=float) - _time_since_perihelion(q, e, anomaly),
    }


def keplerian_to_cometary(
    a: ArrayLike, e: ArrayLike, mean_anomaly: ArrayLike, epoch_mjd: ArrayLike
) -> tuple[Array, Array]:
    """Perihelion distance (au) and time (MJD TDB) of orbits that are given by semi-major axis and mean anomaly.

    Semi-major axes are au, negative for hyperbolas; eccentricities are not 1, where these elements are not defined;
    anomalies are degrees at the epoch. The time is, of an ellipse, that of the passage nearest to the epoch.
    """
    a, e, mean_anomaly = (np.asarray(values, dtype=float) for values in (a, e, mean_anomaly))
    degrees = np.where(e < 1.0, mean_anomaly - 360.0 * np.rint(mean_anomaly / 360.0), mean_anomaly)
    motion = np.degrees(np.sqrt(GM_SUN / np.abs(a)) / np.abs(a))
    return a * (1.0 - e), np.asarray(epoch_mjd, dtype=float) - degrees / motion


def distances_after(position: Array, velocity: Array, days: Array) -> Array:
    """Distances (...) from the Sun that two-body motion has after days (...).

    Positions and velocities (..., 3) are heliocentric, au and au/d. Straight lines through the Sun have none: NaN.
    """
    momentum = np.cross(position, velocity)
    h2 = np.einsum("...i,...i->...", momentum, momentum)
    r = np.sqrt(np.einsum("...i,...i->...", position, position))
    rising = np.einsum("...i,...i->...", position, velocity) * np.sqrt(h2) / GM_SUN
    with np.errstate(invalid="ignore", divide="ignore"):
        e = np.hypot(h2 / GM_SUN - r, rising) / r
        q = h2 / (GM_SUN * (1.0 + e))
        since = _time_since_perihelion(q, e, np.arctan2(rising, h2 / GM_SUN - r)) + days
        alpha = GM_SUN * (1.0 - e) / q
        s = _universal_anomaly(q, e, alpha, _nearest_passage(since, alpha))
        return np.asarray(q + GM_SUN * e * s * s * _stumpff(alpha * s * s)[2])


def _nearest_passage(since: Array, alpha: Array) -> Array:
    """Times since perihelion, of ellipses since the nearest one. ``alpha`` is GM / a."""
    ellipse = alpha > 0
    period = 2.0 * np.pi * GM_SUN / np.where(ellipse, alpha, 1.0) ** 1.5
    return np.where(ellipse, since - period * np.rint(since / period), since)


def _universal_anomaly(q: Array, e: Array, alpha: Array, since: Array) -> Array:
    """The universal anomaly s of a time since perihelion: q s + GM e s^3 c3(alpha s^2) = since.

    Laguerre's iteration of Conway (1986), which needs no good start; this one starts from the smallest of the uniform
    motion at perihelion, the parabola's cube root and the hyperbola's logarithm.
    """
    duration = np.abs(since)
    # A circle has no cube root: there, the uniform motion is the smaller one.
    start = np.minimum(duration / q, np.cbrt(6.0 * duration / (GM_SUN * np.maximum(e, 1e-12))))
    rate = np.sqrt(np.where(alpha < 0, -alpha, 1.0))
    growth = np.log1p(2.0 * duration * rate**3 / (GM_SUN * np.maximum(e, 1.0))) + 1.0
    s = np.sign(since) * np.where(alpha < 0, np.minimum(start, growth / rate), start)
    done = np.zeros(np.shape(s), bool)  # each by itself: neighbours do not change its digits
    for _ in range(_MAX_ITERATIONS):
        _, c1, c2, c3 = _stumpff(alpha * s * s)
        value = q * s + GM_SUN * e * s**3 * c3 - since
        slope = q + GM_SUN * e * s * s * c2
        curvature = GM_SUN * e * s * c1
        change = 5.0 * value / (slope + np.sqrt(np.abs(16.0 * slope * slope - 20.0 * value * curvature)))
        s = np.where(done, s, s - change)
        done |= np.abs(change) <= 4e-16 * np.abs(s) + 1e-300
        if done.all():
            break
    return s


def _stumpff(z: Array) -> tuple[Array, Array, Array, Array]:
    """The Stumpff functions c0 to c3 of z; by their series where the closed forms would cancel."""
    near = np.abs(z) < 0.3
    root = np.sqrt(np.where(near, 1.0, np.abs(z)))
    # Beyond 700 the hyperbolic functions overflow; no orbit of interest comes near.
    turned = np.minimum(root, 700.0)
    cosine = np.where(z > 0, np.cos(root), np.cosh(turned))
    sine = np.where(z > 0, np.sin(root), np.sinh(turned))
    sign = np.sign(z)
    small = np.where(near, z, 0.0)
    c2 = np.where(near, _series(small, 2), sign * (1.0 - cosine) / root**2)
    c3 = np.where(near, _series(small, 3), sign * (root - sine) / root**3)
    return 1.0 - z * c2, 1.0 - z * c3, c2, c3


def _series(z: Array, order: int) -> Array:
    """The sum of (-z)^k / (order + 2 k)! for |z| < 0.3, to double precision."""
    term = np.ones_like(z) / (2.0 if order == 2 else 6.0)
    total = term.copy()
    for k in range(order + 1, order + 14, 2):
        term = term * -z / (k * (k + 1))
        total += term
    return total


def _time_since_perihelion(q: Array, e: Array, anomaly: Array) -> Array:
    """Days since perihelion of true anomalies (rad, -pi to pi)."""
    alpha = GM_SUN * (1.0 - e) / q
    ratio = (1.0 - e) / (1.0 + e)
    sin_half, cos_half = np.sin(0.5 * anomaly), np.cos(0.5 * anomaly)
    tangent = sin_half / np.where(np.abs(cos_half) > 1e-12, cos_half, 1e-12)
    y = ratio * tangent * tangent
    near = np.abs(y) < 1e-2
    # atan(sqrt y) / sqrt y, whose series passes through the parabola.
    quotient = sum((-np.where(near, y, 0.0)) ** k / (2 * k + 1) for k in range(9))
    from_parabola = 2.0 * np.sqrt(q / (GM_SUN * (1.0 + e))) * tangent * quotient
    root = np.sqrt(np.abs(ratio))
    with np.errstate(invalid="ignore", divide="ignore"):
        half = np.where(
            alpha > 0, np.arctan2(root * sin_half, cos_half), np.arctanh(np.clip(root * tangent, -1.0, 1.0))
        )
        s = np.where(near, from_parabola, 2.0 * half / np.sqrt(np.abs(alpha)))
    return q * s + GM_SUN * e * s**3 * _stumpff(alpha * s * s)[3]


def _perifocal_axes(i: ArrayLike, node: ArrayLike, argperi: ArrayLike) -> tuple[Array, Array]:
    """Unit vectors (n, 3), ICRF: towards perihelion, and a quarter turn ahead of it in the orbit's plane."""
    cos_i, cos_n, cos_w = (np.cos(np.radians(angle)) for angle in (i, node, argperi))
    sin_i, sin_n, sin_w = (np.sin(np.radians(angle)) for angle in (i, node, argperi))
    towards = [cos_n * cos_w - sin_n * sin_w * cos_i, sin_n * cos_w + cos_n * sin_w * cos_i, sin_w * sin_i]
    ahead = [-cos_n * sin_w - sin_n * cos_w * cos_i, -sin_n * sin_w + cos_n * cos_w * cos_i, cos_w * sin_i]
    rotation = mean_ecliptic_rotation()
    return np.stack(towards, axis=1) @ rotation, np.stack(ahead, axis=1) @ rotation


def _turn(angle: Array) -> Array:
    """Radians as degrees in [0, 360)."""
    degrees = np.degrees(angle) % 360.0
    return np.where(degrees == 360.0, 0.0, degrees)


def mean_motion(a: Array) -> Array:
    """Mean daily motion, deg/d, of heliocentric orbits of semi-major axis ``a`` (au; its sign does not matter)."""
    with np.errstate(divide="ignore"):
        return np.degrees(np.sqrt(GM_SUN / np.abs(a) ** 3))


def semimajor_axis(n: Array) -> Array:
    """Semi-major axis, au, of heliocentric orbits of mean daily motion ``n`` (deg/d, above 0)."""
    return np.cbrt(GM_SUN / np.radians(n) ** 2)


def of_ellipses(q: Array, e: Array, peri_time: Array, epoch_mjd: Array) -> dict[str, Array]:
    """The elements that ellipses alone have in mpc_orbits, each of shape (n,).

    ``a`` (au), ``mean_anomaly`` (deg, in [0, 360)), ``mean_motion`` (deg/d) and ``period`` (d) of heliocentric orbits
    of ``q`` (au), ``e``, time of perihelion and epoch (days of one time scale); NaN where e >= 1.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(e < 1, q / (1.0 - e), np.nan)
        n = mean_motion(a)
        anomaly = np.mod(n * (epoch_mjd - peri_time), 360.0)
        anomaly = np.where(anomaly == 360.0, 0.0, anomaly)  # the remainder of -1e-20 rounds to 360
        return {"a": a, "mean_anomaly": anomaly, "mean_motion": n, "period": 360.0 / n}
