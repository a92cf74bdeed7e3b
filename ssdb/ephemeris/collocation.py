"""One step of many orbits: collocation at Gauss-Legendre nodes.

Over a step, the acceleration of an object is the polynomial that goes through its values at eight nodes; position and
velocity are its integrals, so that every step is known at all its times, not only at its end. The values are found by
iteration from the two-body motion. At the end of a step the error falls with the 16th power of its length, within it
with the 10th, and the method is symmetric in time (Hairer, Norsett & Wanner 1993, "Solving Ordinary Differential
Equations I", section II.7; Everhart 1985 for the use on orbits).

A step goes from u = -1 to u = 1; with h its length in days (negative for a step back), half = h / 2:

    x(u) = x0 + half (u + 1) v0 + half^2 sum_k c_k Q_k(u)        v(u) = v0 + half sum_k c_k R_k(u)

where c are the acceleration's Legendre coefficients, and R_k and Q_k the integral and the double integral, from -1 on,
of the Legendre polynomial P_k.
"""

from __future__ import annotations

import numpy as np
from numpy.polynomial import legendre

from ssdb.ephemeris.bodies import Attractors
from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.encounters import missed_velocity
from ssdb.ephemeris.gravity import attraction, corrections
from ssdb.units import LIGHT_SPEED, Array, Mask

NODES = 8
MAX_ITERATIONS = 8

VELOCITY_DAYS = 3000.0
"""A velocity that is wrong after a step counts as the error of position that it makes in so many days."""

_CORRECTED_AU = 1e-5
"""The iteration computes the corrections of the attraction anew for objects that it moves by more: without the forces
of comets they are 1e-7 of it. For each object alone, so that neighbours do not change its digits."""

_ENDED = 0.3
"""Where the iteration has ended for so large a share of the objects, it goes on without them."""

NODE_TIMES, _WEIGHTS = legendre.leggauss(NODES)
"""The nodes, in (-1, 1)."""

_TO_COEFFICIENTS = (np.arange(NODES) + 0.5)[:, None] * legendre.legvander(NODE_TIMES, NODES - 1).T * _WEIGHTS
_ONCE = legendre.legint(np.eye(NODES), 1, lbnd=-1.0)
_TWICE = legendre.legint(np.eye(NODES), 2, lbnd=-1.0)
_POSITION_AT_NODES = legendre.legvander(NODE_TIMES, NODES + 1) @ _TWICE @ _TO_COEFFICIENTS
_VELOCITY_AT_NODES = legendre.legvander(NODE_TIMES, NODES) @ _ONCE @ _TO_COEFFICIENTS

_LARGEST_INTEGRAL = np.abs(legendre.legvander(np.linspace(-1.0, 1.0, 101), NODES + 1) @ _TWICE[:, -1]).max()
"""Of the last Legendre polynomial, integrated twice."""


def solve(
    position: Array,
    velocity: Array,
    days: Array | float,
    attractors: Attractors,
    itself: Mask | None,
    tolerance: Array | float,
    nongrav: Array | None = None,
) -> tuple[Array, Array]:
    """One step of n objects.

    Parameters
    ----------
    position, velocity : ndarray, shape (3, n)
        At the start; barycentric, au and au/d.
    days : ndarray, shape (n,) or float
        Length of the step, negative to go back.
    attractors : Attractors
        At the nodes of the step.
    itself : ndarray of bool, shape (b, n), optional
        Which of them an object is.
    tolerance : ndarray, shape (n,), or float
        The iteration ends where it would change positions by less, or by no more than rounding does; au.
    nongrav : ndarray, shape (6, n), optional
        Forces that are not gravity, as :func:`ssdb.ephemeris.gravity.corrections` takes them.

    Returns
    -------
    coefficients : ndarray, shape (8, 3, n)
        Legendre coefficients of the acceleration, au/d^2.
    error : ndarray, shape (n,)
        Largest error of the position within the step, au, estimated; infinite where the iteration did not end.
    """
    half = 0.5 * np.broadcast_to(np.asarray(days, dtype=float), position.shape[1:])
    elapsed = half * (NODE_TIMES[:, None] + 1.0)
    straight = position + elapsed[:, None] * velocity
    x = _two_body(position, velocity, elapsed, attractors)
    v = np.broadcast_to(velocity, x.shape)
    accuracy = tolerance + 8.0 * np.finfo(float).eps * np.abs(position).max(axis=0)
    limit = np.full(x.shape[2], _CORRECTED_AU)
    if nongrav is not None:
        limit[nongrav.any(axis=0)] = 0.0
    small, change = np.zeros(x.shape), np.zeros(x.shape[2])
    accelerations, nodes, all_half, everything = np.empty(x.shape), np.empty(x.shape), half, attractors
    # The objects whose iteration goes on, and those of them whose result is known: it does not depend on the others.
    going, known, all_itself = np.arange(x.shape[2]), np.zeros(x.shape[2], bool), itself
    for iteration in range(MAX_ITERATIONS):
        if iteration == 1:
            small = corrections(x, v, attractors, nongrav)
        elif iteration and len(again := np.flatnonzero(change > limit)):
            forces = None if nongrav is None else nongrav[:, again]
            small[:, :, again] = corrections(x[:, :, again], v[:, :, again], attractors.take(again), forces)
        a = attraction(x, attractors, itself)
        a += small
        flat = a.reshape(NODES, -1)
        new = straight + half * half * (_POSITION_AT_NODES @ flat).reshape(x.shape)
        v = velocity + half * (_VELOCITY_AT_NODES @ flat).reshape(x.shape)
        before, change = change, np.abs(new[-1] - x[-1]).max(axis=0)
        x = new
        # It converges linearly, so that what is left is the change times the ratio of the last two.
        left = change * np.minimum(change / np.maximum(before, 1e-300), 1.0)
        # Next to a point mass the iteration may end at nonsense; all of it is faster than light.
        ended = (left <= accuracy) & (np.abs(v).max(axis=(0, 1)) < LIGHT_SPEED) & (iteration > 0)
        fresh = np.flatnonzero(ended & ~known)
        accelerations[:, :, going[fresh]], nodes[:, :, going[fresh]] = a[:, :, fresh], x[:, :, fresh]
        known[fresh] = True
        if known.all():
            break
        if known.mean() > _ENDED:
            on = np.flatnonzero(~known)
            straight, x, v, small, half, velocity, accuracy, change, limit = (
                values[..., on] for values in (straight, x, v, small, half, velocity, accuracy, change, limit)
            )
            going, known = going[on], known[on]
            itself = None if itself is None else itself[:, on]
            nongrav = None if nongrav is None else nongrav[:, on]
            attractors = attractors.take(on)
    lost = going[~known]
    accelerations[:, :, lost] = nodes[:, :, lost] = 0.0
    coefficients = (_TO_COEFFICIENTS @ accelerations.reshape(NODES, -1)).reshape(nodes.shape)
    last = np.abs(coefficients[-1]).max(axis=0)
    # The terms that are neglected are smaller than the last one.
    error = np.maximum(
        all_half * all_half * _LARGEST_INTEGRAL * last,
        VELOCITY_DAYS * missed_velocity(nodes, NODE_TIMES, 2.0 * all_half, everything, all_itself),
    )
    error[lost] = np.inf
    return coefficients, error


def after(position: Array, velocity: Array, days: Array | float, coefficients: Array) -> tuple[Array, Array]:
    """Positions and velocities (3, n) at the end of a step: there, all integrals but the first two vanish."""
    half = 0.5 * np.asarray(days, dtype=float)
    ends = np.einsum("k,kin->in", _TWICE.sum(axis=0), coefficients)
    return position + 2.0 * half * velocity + half * half * ends, velocity + 2.0 * half * coefficients[0]


def within(position: Array, velocity: Array, days: Array, coefficients: Array, u: Array) -> tuple[Array, Array]:
    """Positions and velocities (n, 3) within steps of coefficients (n, 8, 3), each at its own u in [-1, 1]."""
    half = 0.5 * days[:, None]
    basis = legendre.legvander(u, NODES + 1)
    x = position + half * (u[:, None] + 1.0) * velocity
    x += half * half * np.einsum("nk,nki->ni", basis @ _TWICE, coefficients)
    return x, velocity + half * np.einsum("nk,nki->ni", basis[:, :-1] @ _ONCE, coefficients)


def _two_body(position: Array, velocity: Array, elapsed: Array, attractors: Attractors) -> Array:
    """Positions (s, 3, n) from the f and g series of two-body motion, and the motion of the Sun.

    A start for the iteration only (Bate, Mueller & White 1971, section 5.4).
    """
    sun, drift = attractors.sun[0], attractors.sun_velocity[0]
    x = position - sun + elapsed[0] * drift
    v = velocity - drift
    r2 = np.einsum("in,in->n", x, x)
    u = GM_SUN / (r2 * np.sqrt(r2))
    p = np.einsum("in,in->n", x, v) / r2
    w = np.einsum("in,in->n", v, v) / r2 - u
    t2 = elapsed * elapsed
    f = 1.0 - 0.5 * u * t2 + 0.5 * u * p * t2 * elapsed + u * (u / 24.0 + w / 8.0 - 0.625 * p * p) * t2 * t2
    g = elapsed - u * t2 * elapsed / 6.0 + 0.25 * u * p * t2 * t2
    motion = sun + (elapsed - elapsed[0])[:, None] * drift
    return motion + f[:, None] * x + g[:, None] * v
