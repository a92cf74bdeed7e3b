"""What accelerates an object: point masses, and the relativity of the Sun."""

from __future__ import annotations

import numpy as np

from ssdb.ephemeris.bodies import Attractors
from ssdb.ephemeris.constants import GM_SUN
from ssdb.units import LIGHT_SPEED, Array, Mask

_NEAR = 0.1
"""Below this distance (au) from a body, the short form of a distance loses digits that matter."""


def acceleration(position: Array, velocity: Array, attractors: Attractors, itself: Mask | None = None) -> Array:
    """Barycentric accelerations of test particles.

    Newton's, of all attractors, and the first post-Newtonian term of the Sun alone (IERS Conventions 2010, equation
    10.12, its first line).

    Parameters
    ----------
    position, velocity : ndarray, shape (s, 3, n)
        Barycentric, ICRF, au and au/d, at the s nodes of the attractors.
    attractors : Attractors
    itself : ndarray of bool, shape (b, n), optional
        Which of the bodies an object is: it does not attract itself.

    Returns
    -------
    ndarray, shape (s, 3, n)
        au/d^2.
    """
    from_sun = position - attractors.sun
    distance2 = np.einsum("sin,sin->sn", from_sun, from_sun)
    pull = GM_SUN / (distance2 * np.sqrt(distance2))
    relative = velocity - attractors.sun_velocity
    speed2 = np.einsum("sin,sin->sn", relative, relative)
    outward = np.einsum("sin,sin->sn", from_sun, relative)
    strength = pull / LIGHT_SPEED**2
    radial = strength * (4.0 * GM_SUN / np.sqrt(distance2) - speed2) - pull
    total = radial[:, None] * from_sun
    total += (4.0 * strength * outward)[:, None] * relative
    attract = _shared_attraction if attractors.positions.shape[-1] == 1 else _own_attraction
    total += attract(position, attractors, itself)
    return total


def _own_attraction(position: Array, attractors: Attractors, itself: Mask | None) -> Array:
    """Attraction (s, 3, n) of bodies that every object meets at times of its own."""
    towards = attractors.positions - position[:, None]
    distance2 = np.einsum("sbin,sbin->sbn", towards, towards)
    if itself is not None:
        distance2[:, itself] = 1.0
    weight = attractors.gm[:, None] / (distance2 * np.sqrt(distance2))
    if itself is not None:
        weight[:, itself] = 0.0
    return np.einsum("sbn,sbin->sin", weight, towards)


def _shared_attraction(position: Array, attractors: Attractors, itself: Mask | None) -> Array:
    """Attraction (s, 3, n) of bodies that are at the same places for all objects.

    As products of matrices: |p - x|^2 = |p|^2 + |x|^2 - 2 p.x, and the sum of w (p - x) = sum of w p - x sum of w. The
    former cancels where an object is near a body; there, the pair is done again by its difference.
    """
    bodies = attractors.positions[..., 0]
    body2 = np.einsum("sbi,sbi->sb", bodies, bodies)[..., None]
    squares = np.einsum("sin,sin->sn", position, position)[:, None]
    distance2 = np.matmul(
        np.concatenate([-2.0 * bodies, body2, np.ones_like(body2)], axis=2),
        np.concatenate([position, np.ones_like(squares), squares], axis=1),
    )
    if itself is not None:
        distance2[:, itself] = 1.0
    meets = bool(distance2.min(initial=np.inf) < _NEAR**2)
    with np.errstate(invalid="ignore", divide="ignore"):  # of pairs that are done again
        weight = np.sqrt(distance2)
        weight *= distance2
        np.divide(attractors.gm[:, None], weight, out=weight)
    if itself is not None:
        weight[:, itself] = 0.0
    if meets:
        node, body, item = np.nonzero(distance2 < _NEAR**2)
        towards = bodies[node, body] - position[node, :, item]
        exact2 = np.einsum("ki,ki->k", towards, towards)
        near = (attractors.gm[body] / (exact2 * np.sqrt(exact2)))[:, None] * towards
        weight[node, body, item] = 0.0
    sums = np.matmul(np.concatenate([bodies, np.ones_like(body2)], axis=2).transpose(0, 2, 1), weight)
    total = sums[:, :3] - position * sums[:, 3:]
    if meets:
        np.add.at(total.swapaxes(1, 2), (node, item), near)
    return total
