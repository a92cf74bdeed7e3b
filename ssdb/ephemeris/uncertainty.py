"""How well a position on the sky is known, from the covariance of the orbit.

An orbit is varied along the principal axes of its covariance, there and back, and every variant is followed as the
orbit itself is: close approaches, light time and parallax are in it. The differences on the sky make the covariance
there, as if the motion were linear in the variations. Of objects that do not come near a planet the two-body motion of
the variants says nearly the same, in a tenth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.apparent import Paths, retarded
from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.covariance import correlations
from ssdb.ephemeris.elements import cartesian_to_cometary, cometary_to_cartesian
from ssdb.ephemeris.observer import Observatory, observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import BATCH, span, trajectories
from ssdb.errors import InputError
from ssdb.sky.sphere import cross, norms
from ssdb.units import ARCSEC, Array, Index

LARGEST_ARCSEC = 3600.0
"""No axis of an ellipse is given larger: far beyond, an ellipse does not describe where an object may be."""

_LARGEST_VARIATION = 1e-3
"""Of the distance from the Sun, and of the velocity. Larger errors are taken from variations of this size."""

_ORBITS = BATCH // 12
"""Whose variants are on their way at once."""

_CACHED_PAIRS = 200
"""Computed at once: their arrays stay in a processor's cache."""

_BELT_AU = (1.3, 4.5)
"""Between these distances from the Sun an object comes near no planet but, rarely and not very, Mars."""


@dataclass(frozen=True, eq=False)
class Variants:
    """The paths of the variants of n orbits."""

    paths: Paths
    """Of 2 k n objects: for each orbit, the variants on one side along its k axes, then those on the other side."""
    scale: Array
    """(n, k): standard deviations that the variants are away from the orbit."""

    def covariances(self, mjd_tdb: ArrayLike, observers: Array) -> Array:
        """Covariances of positions on the sky (n, m, 2, 2) in (east, north), arcsec^2; NaN where a variant is lost.

        Times and observers are as of :func:`ssdb.ephemeris.apparent.retarded`.
        """
        n, axes = self.scale.shape
        times = np.atleast_1d(np.asarray(mjd_tdb, dtype=float))
        if times.ndim > 1:
            times, observers = (np.repeat(values, 2 * axes, axis=0) for values in (times, observers))
        topo = retarded(self.paths, times, observers)[0][..., :3] - observers[..., :3]
        directions = (topo / norms(topo)[..., None]).reshape(n, 2, axes, times.shape[-1], 3)
        middle = directions.sum(axis=(1, 2))
        middle /= norms(middle)[..., None]
        differences = 0.5 * (directions[:, 0] - directions[:, 1]) / self.scale[..., None, None]
        on_sky = np.einsum("nkmi,nmji->nkmj", differences, _east_and_north(middle)) / ARCSEC
        return np.asarray(np.einsum("nkmi,nkmj->nmij", on_sky, on_sky))


def variants(orbits: Orbits, covariances: Array, start: float, end: float) -> Variants:
    """The variants of n orbits along the principal axes of their covariances, over an interval of time, MJD TDB.

    Covariances (n, 6, 6) are of the heliocentric states at the epochs, ICRF axes, au and au/d; or (n, 12, 12), of these
    and of the forces that are not gravity (:func:`ssdb.ephemeris.covariance.covariance_of`). Axes are those of the
    correlations, so that they do not depend on units. The cost is that of following twelve orbits for each, and two
    more for each parameter of these forces that was fitted.

    InputError if there are not as many covariances as orbits, or one is not finite; EphemerisError as
    :func:`ssdb.ephemeris.propagate.propagate`.
    """
    varied, scale = _varied(orbits, covariances)
    # Near its end an object's variants say how well it is known, also those that would have been earlier there.
    return Variants(trajectories(varied, start, end, surfaces=False), scale)


def two_body_variants(orbits: Orbits, covariances: Array) -> Variants:
    """As :func:`variants`, at all times, as if the Sun alone attracted the objects.

    In the main belt the ellipses are those of the full motion within 3 % over five years (99 of 100 objects); not so
    where an object comes near a planet.
    """
    varied, scale = _varied(orbits, covariances)
    return Variants(_TwoBody(varied), scale)


class _TwoBody:
    """Paths of objects that the Sun alone attracts."""

    def __init__(self, orbits: Orbits) -> None:
        self._elements = cartesian_to_cometary(orbits.states, orbits.epoch_mjd)

    limits = None

    def at(self, mjd_tdb: Array) -> Array:
        """As :class:`ssdb.ephemeris.apparent.Paths` has it."""
        n = len(self._elements["q"])
        times = np.broadcast_to(mjd_tdb, (n, np.shape(mjd_tdb)[-1]))
        names = ("q", "e", "i", "node", "argperi", "peri_time")
        q, e, i, node, argperi, peri_time = (np.repeat(self._elements[name], times.shape[1]) for name in names)
        helio = cometary_to_cartesian(q, e, i, node, argperi, peri_time, times.ravel())
        return (helio + sun(times.ravel())).reshape(*times.shape, 6)


def _varied(orbits: Orbits, covariances: Array) -> tuple[Orbits, Array]:
    """The orbits of :class:`Variants`, and its ``scale``."""
    n, size = len(orbits), covariances.shape[-1]
    if size not in (6, 12) or covariances.shape != (n, size, size) or not np.isfinite(covariances).all():
        raise InputError(f"each of {n} orbits needs a finite covariance of 6 x 6 or 12 x 12, not {covariances.shape}")
    axes = _principal_axes(covariances)
    scale = _steps(orbits.states, axes)
    away = np.swapaxes(axes * scale[:, None, :], 1, 2)  # (n, axis, component)
    numbers = np.concatenate([orbits.states, orbits.nongrav], axis=1)[:, :size]
    numbers = (numbers[:, None, :] + np.concatenate([away, -away], axis=1)).reshape(-1, size)
    repeated = orbits[np.repeat(np.arange(n), 2 * scale.shape[1])]
    forces = numbers[:, 6:] if size > 6 else repeated.nongrav
    return Orbits(repeated.ids, repeated.epoch_mjd, numbers[:, :6], repeated.H, repeated.G, forces), scale


def _principal_axes(covariances: Array) -> Array:
    """Matrices A (n, 6 or 12, k) with A A^T the covariance, the columns along the axes of the correlation.

    Without the axes of what has no variance, but six at least.
    """
    variances = np.diagonal(covariances, axis1=1, axis2=2)
    k = max(6, int((variances > 0).sum(axis=1).max(initial=0)))
    values, axes = (found[..., -k:] for found in np.linalg.eigh(correlations(covariances)))  # ascending
    return np.asarray(np.sqrt(variances)[:, :, None] * axes * np.sqrt(np.maximum(values, 0.0))[:, None, :])


def _steps(states: Array, axes: Array) -> Array:
    """How far to go along each axis (n, k), in standard deviations: one, or as far as an orbit is much the same."""
    with np.errstate(divide="ignore"):
        room = [
            norms(states[:, part])[:, None] / np.linalg.norm(axes[:, part], axis=1)
            for part in (slice(0, 3), slice(3, 6))
        ]
    return np.minimum(1.0, _LARGEST_VARIATION * np.minimum(*room))


def _east_and_north(directions: Array) -> Array:
    """Unit vectors (..., 2, 3) towards east and north at directions (..., 3)."""
    pole = np.array([0.0, 0.0, 1.0])
    east = cross(np.broadcast_to(pole, directions.shape), directions)
    east = np.where(norms(east)[..., None] > 0, east, [0.0, 1.0, 0.0])  # at a pole: as of right ascension 0
    east = east / norms(east)[..., None]
    return np.stack([east, cross(directions, east)], axis=-2)


def sky_covariances(orbits: Orbits, covariances: Array, mjd_tai: ArrayLike, observatory: Observatory) -> Array:
    """Covariances of positions on the sky, of n orbits with covariances as of :func:`variants`.

    For an observatory (a code of the MPC, or a place) at m times, MJD TAI: an array (n, m, 2, 2) in (east, north),
    arcsec^2, NaN where a variant is lost. Errors as :func:`variants` and :func:`ssdb.ephemeris.apparent.ephemeris`.
    """
    times = np.atleast_1d(np.asarray(mjd_tai, dtype=float))
    mjd_tdb, observers = tdb_of_tai(times), observer_states(observatory, times)
    parts = [np.empty((0, len(times), 2, 2))]
    for rows, part in orbits.batches(_ORBITS):
        parts.append(variants(part, covariances[rows], *span(mjd_tdb)).covariances(mjd_tdb, observers))
    return np.concatenate(parts)


def sky_covariances_of_pairs(
    orbits: Orbits, covariances: Array, item: Index, mjd_tdb: Array, observers: Array
) -> Array:
    """Covariances of many objects on the sky, of each at a few times; near-Earth and outer objects cost most of it.

    Objects that stay in the main belt, and whose forces were not fitted, are followed by :func:`two_body_variants`, the
    others by :func:`variants`.

    Orbits and covariances are as of :func:`variants`. Each of p pairs has the index of its orbit, ``item``,
    the time of observation, and where the observer is, (p, 3 or more), barycentric, au. The result (p, 2, 2) is in
    (east, north), arcsec^2.
    """
    elements = cartesian_to_cometary(orbits.states, orbits.epoch_mjd)
    aphelion = elements["q"] * (1.0 + elements["e"]) / np.maximum(1.0 - elements["e"], 1e-9)
    in_belt = (elements["q"] > _BELT_AU[0]) & (aphelion < _BELT_AU[1]) & ~covariances[:, 6:].any(axis=(1, 2))
    found = np.full((len(item), 2, 2), np.nan)
    in_belt_pairs = np.flatnonzero(in_belt[item])
    for start in range(0, len(in_belt_pairs), _CACHED_PAIRS):
        pairs = in_belt_pairs[start : start + _CACHED_PAIRS]
        along = two_body_variants(orbits[item[pairs]], covariances[item[pairs]])
        found[pairs] = along.covariances(mjd_tdb[pairs, None], observers[pairs, None])[:, 0]

    # The others have a row each, which is as long as that of the one with most times: a row's end repeats its first.
    pairs = np.flatnonzero(~in_belt[item])
    pairs = pairs[np.argsort(item[pairs], kind="stable")]
    objects, first, row, counts = np.unique(item[pairs], return_index=True, return_inverse=True, return_counts=True)
    column = np.arange(len(pairs)) - first[row]
    which = np.repeat(pairs[first][:, None], counts.max(initial=1), axis=1)
    which[row, column] = pairs
    for start in range(0, len(objects), _ORBITS):
        rows = slice(start, start + _ORBITS)
        there = variants(orbits[objects[rows]], covariances[objects[rows]], *span(mjd_tdb[pairs]))
        found[which[rows]] = there.covariances(mjd_tdb[which[rows]], observers[which[rows]])
    return found


def error_ellipses(covariances: Array) -> dict[str, Array]:
    """The 1-sigma ellipses of covariances on the sky (..., 2, 2) in (east, north), arcsec^2.

    ``ephErrMajor``, ``ephErrMinor`` (arcsec, at most :data:`LARGEST_ARCSEC`), ``ephErrPa`` (deg east of north, in
    [0, 180)), each of shape (...); NaN where the covariance is.
    """
    east2, north2, mixed = covariances[..., 0, 0], covariances[..., 1, 1], covariances[..., 0, 1]
    # The axes are at the eigenvalues m +- h; the smaller one from the determinant, which a thin ellipse would lose.
    half = np.hypot(0.5 * (north2 - east2), mixed)
    major2 = 0.5 * (east2 + north2) + half
    with np.errstate(invalid="ignore", divide="ignore"):
        minor2 = np.where(major2 > 0, (east2 * north2 - mixed**2) / major2, major2)
    angle = np.degrees(0.5 * np.arctan2(2.0 * mixed, north2 - east2)) % 180.0
    major, minor = (np.minimum(np.sqrt(np.maximum(square, 0.0)), LARGEST_ARCSEC) for square in (major2, minor2))
    return {"ephErrMajor": major, "ephErrMinor": minor, "ephErrPa": np.where(angle == 180.0, 0.0, angle)}
