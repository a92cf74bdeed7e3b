"""What accelerates an object: point masses, relativity, the flattened Sun and Earth, and what is not gravity."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from ssdb.ephemeris.bodies import PLANETS, Attractors, squared_distances
from ssdb.ephemeris.constants import (
    EARTH_POLE,
    EARTH_RADIUS_AU,
    EARTH_ZONAL,
    GM_PLANETS,
    GM_SUN,
    SUN_POLE,
    SUN_RADIUS_AU,
    SUN_ZONAL,
)
from ssdb.ephemeris.nongravitational import nongravitational
from ssdb.units import LIGHT_SPEED, Array, Mask

_NEAR = 0.1
"""Below this distance (au) from a planet, the short form of a distance loses digits that matter, and the Earth's
oblateness begins to count: a velocity that it changes by 1e-15 au/d farther out is 0.01 mas after 20 years."""

_NEAR_ASTEROID = 0.005
"""The same for an asteroid, which attracts a thousandth as much and less."""

_NEAR_SUN = 1.5
"""Beyond, where the Sun's oblateness is left out, it would change a longitude by less than 0.01 mas in 20 years."""

_FAR = 1e100
"""Square of the distance, au^2, from an object to itself: from there nothing attracts."""

_EARTH = list(GM_PLANETS).index(399)


def attraction_of_sun(position: Array, attractors: Attractors) -> Array:
    """Barycentric accelerations (s, 3, n) of test particles by the Sun's mass, au/d^2; positions as for the others."""
    total = position - attractors.sun
    distance2 = np.einsum("sin,sin->sn", total, total)
    distance2 *= np.sqrt(distance2)
    total *= np.divide(-GM_SUN, distance2, out=distance2)[:, None]
    return total


@dataclass(frozen=True, eq=False)
class Others:
    """What the bodies beside the Sun do to n objects."""

    acceleration: Array
    """(s, 3, n): au/d^2."""
    weight: Array
    """(s, b, n): GM / distance^3 of each, 1/d^2."""
    distance2: Array
    """(s, b, n): au^2."""

    @property
    def potential(self) -> Array:
        """(s, n): of the planets, au^2/d^2."""
        return np.einsum("sbn,sbn->sn", self.weight[:, PLANETS], self.distance2[:, PLANETS])

    @property
    def tide(self) -> Array:
        """(n,): at a place that is x away, the acceleration differs by 2 x times this at most; 1/d^2."""
        return self.weight.sum(axis=1).max(axis=0)


def attraction_of_others(position: Array, attractors: Attractors, itself: Mask | None = None) -> Others:
    """What the other point masses and the Earth's oblateness do.

    Positions (s, 3, n) are barycentric, ICRF, au, at the s nodes of the attractors. ``itself`` (b, n) says which of the
    bodies an object is: it does not attract itself.
    """
    attract = _shared_attraction if attractors.positions.shape[-1] == 1 else _own_attraction
    return attract(position, attractors, itself)


def corrections(
    position: Array, velocity: Array, potential: Array, attractors: Attractors, nongrav: Array | None = None
) -> Array:
    """What is to be added to the attraction: it changes slowly, and is 1e-7 of it (with a comet's forces, 1e-4).

    The first post-Newtonian terms of the Sun among moving planets (Einstein, Infeld & Hoffmann 1938, Ann. Math. 39, 65;
    Moyer 2003, "Formulation for Observed and Computed Values of Deep Space Network Data Types", equation 4-26, with the
    Sun as the source; the squares of (Sun's velocity / object's) are left out); the Sun's oblateness for objects that
    are near enough; forces that are not gravity, ``nongrav`` (6, n), as :class:`ssdb.ephemeris.orbits.Orbits` has them,
    transposed. Velocities (s, 3, n) are barycentric, au/d; the potential (s, n) is that of the planets, au^2/d^2.
    """
    from_sun, relative = position - attractors.sun, velocity - attractors.sun_velocity
    distance2 = np.einsum("sin,sin->sn", from_sun, from_sun)
    distance = np.sqrt(distance2)
    strength = GM_SUN / LIGHT_SPEED**2 / (distance2 * distance)
    acceleration, sun_potential = attractors.on_sun
    sun_velocity = attractors.sun_velocity
    radial = 4.0 * (GM_SUN / distance + potential)
    radial += sun_potential + np.einsum("sin,sin->sn", sun_velocity, sun_velocity)
    radial += 0.5 * np.einsum("sin,sin->sn", acceleration, from_sun)
    radial += 2.0 * np.einsum("sin,sin->sn", sun_velocity, relative)
    radial -= np.einsum("sin,sin->sn", relative, relative)
    outward = 4.0 * np.einsum("sin,sin->sn", from_sun, relative)
    outward += np.einsum("sin,sin->sn", sun_velocity, from_sun)
    total = (radial * strength)[:, None] * from_sun
    total += (outward * strength)[:, None] * relative
    total += (3.5 * strength * distance2)[:, None] * acceleration

    near = np.flatnonzero(distance2.min(axis=0, initial=np.inf) < _NEAR_SUN**2)
    if len(near):
        there = from_sun[:, :, near].swapaxes(1, 2)
        total[:, :, near] += oblateness(there, GM_SUN, SUN_RADIUS_AU, SUN_ZONAL, SUN_POLE).swapaxes(1, 2)
    if nongrav is not None:
        total += nongravitational(from_sun, relative, nongrav)
    return total


def oblateness(offset: Array, gm: float, radius: float, zonal: dict[int, float], pole: Array) -> Array:
    """Acceleration by the zonal harmonics J_n of a body, without that of its mass; au/d^2.

    The gradient of -GM/r sum_n J_n (R/r)^n P_n(sin latitude), (e.g. Montenbruck & Gill 2000, section 3.2), with
    P'_(n+1) = (n + 1) P_n + s P'_n. Offsets (..., 3) are from the centre, au; ``gm`` au^3/d^2; ``radius`` (au) is that
    of the equator; ``pole`` (3,) is the axis, a unit vector.
    """
    r2 = np.einsum("...i,...i->...", offset, offset)
    r = np.sqrt(r2)
    sine = offset @ pole / r
    outward, polar = np.zeros_like(r), np.zeros_like(r)
    for n, j in zonal.items():
        share = j * (radius / r) ** n
        outward += share * legendre.legval(sine, _SLOPES[n + 1])
        polar -= share * legendre.legval(sine, _SLOPES[n])
    outward *= gm / (r2 * r)
    polar *= gm / r2
    return np.asarray(outward[..., None] * offset + polar[..., None] * pole)


_SLOPES = [legendre.legder(np.eye(6)[n]) for n in range(6)]
"""Derivatives of the Legendre polynomials."""


def _of_earth(offset: Array) -> Array:
    """Acceleration by the Earth's oblateness at places (k, 3) from its centre, au."""
    return oblateness(offset, GM_PLANETS[399], EARTH_RADIUS_AU, EARTH_ZONAL, EARTH_POLE)


def _own_attraction(position: Array, attractors: Attractors, itself: Mask | None) -> Others:
    """Of bodies that every object meets at times of its own."""
    towards = attractors.positions - position[:, None]
    distance2 = np.einsum("sbin,sbin->sbn", towards, towards)
    if itself is not None:
        distance2[:, itself] = _FAR
    weight = attractors.gm[:, None] / (distance2 * np.sqrt(distance2))
    total = np.einsum("sbn,sbin->sin", weight, towards)
    node, item = np.nonzero(distance2[:, _EARTH] < _NEAR**2) if len(attractors.gm) > _EARTH else ((), ())
    if len(node):
        total[node, :, item] += _of_earth(-towards[node, _EARTH, :, item])
    return Others(total, weight, distance2)


def _shared_attraction(position: Array, attractors: Attractors, itself: Mask | None) -> Others:
    """Of bodies that are at the same places for all objects.

    As products of matrices: the sum of w (p - x) is the sum of w p, less x times the sum of w. Distances lose digits
    where an object is near a body; there, the pair is done again by its difference.
    """
    bodies = attractors.positions[..., 0]
    distance2 = squared_distances(position, attractors.factors)
    if itself is not None:
        distance2[:, itself] = _FAR
    near = distance2 < np.where(attractors.massive, _NEAR, _NEAR_ASTEROID)[:, None] ** 2
    pairs = np.flatnonzero(near)  # of one dimension: of three it takes ten times as long
    with np.errstate(invalid="ignore", divide="ignore"):  # of pairs that are done again
        weight = np.sqrt(distance2)
        weight *= distance2
        np.divide(attractors.gm[:, None], weight, out=weight)
    if len(pairs):
        node, body, item = pair = np.unravel_index(pairs, near.shape)
        weight[pair] = 0.0
    sums = np.matmul(attractors.sums, weight)
    total = sums[:, :3] - position * sums[:, 3:]
    if len(pairs):
        towards = bodies[node, body] - position[node, :, item]
        distance2[pair] = exact2 = np.einsum("ki,ki->k", towards, towards)
        weight[pair] = exact = attractors.gm[body] / (exact2 * np.sqrt(exact2))
        by_item = total.swapaxes(1, 2)
        np.add.at(by_item, (node, item), exact[:, None] * towards)
        if (earth := np.flatnonzero(body == _EARTH)).size:
            by_item[node[earth], item[earth]] += _of_earth(-towards[earth])
    return Others(total, weight, distance2)
