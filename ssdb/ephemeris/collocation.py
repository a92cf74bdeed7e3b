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
from ssdb.ephemeris.gravity import attraction_of_others, attraction_of_sun, corrections
from ssdb.units import LIGHT_SPEED, Array, Mask

NODES = 8
MAX_ITERATIONS = 8

VELOCITY_DAYS = 3000.0
"""A velocity that is wrong after a step counts as the error of position that it makes in so many days."""

_CORRECTED_AU = 1e-5
"""The iteration computes the corrections of the attraction anew for objects that it moves by more: without the forces
of comets they are 1e-7 of it. For each object alone, so that neighbours do not change its digits."""

_KEPT = 0.1
"""The attraction of all but the Sun, which is most of the work, is kept for as long as it would change positions by
less than this share of what is wrong with them, or of what may be wrong with them at the end."""

_ENDED = 0.3
"""Where the iteration has ended for so large a share of the objects, it goes on without them; but"""

_FEW = 50
"""So few cost less than what it takes to leave them out."""

NODE_TIMES, _WEIGHTS = legendre.leggauss(NODES)
"""The nodes, in (-1, 1)."""

_TO_COEFFICIENTS = (np.arange(NODES) + 0.5)[:, None] * legendre.legvander(NODE_TIMES, NODES - 1).T * _WEIGHTS
_ONCE = legendre.legint(np.eye(NODES), 1, lbnd=-1.0)
_TWICE = legendre.legint(np.eye(NODES), 2, lbnd=-1.0)
_POSITION_AT_NODES = legendre.legvander(NODE_TIMES, NODES + 1) @ _TWICE @ _TO_COEFFICIENTS
_VELOCITY_AT_NODES = legendre.legvander(NODE_TIMES, NODES) @ _ONCE @ _TO_COEFFICIENTS

_POSITIONS = np.hstack([_POSITION_AT_NODES, np.ones((NODES, 1)), NODE_TIMES[:, None] + 1.0])
_VELOCITIES = np.hstack([_VELOCITY_AT_NODES, np.zeros((NODES, 1)), np.ones((NODES, 1))])
_POWERS = np.vander(NODE_TIMES + 1.0, 5, increasing=True)

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
    n, area = len(half), half * half
    x = _two_body(position, velocity, half, attractors)
    shape = x.shape
    accuracy = tolerance + 8.0 * np.finfo(float).eps * np.abs(position).max(axis=0)
    limit = np.full(n, _CORRECTED_AU)
    if nongrav is not None:
        limit[nongrav.any(axis=0)] = 0.0
    others = attraction_of_others(x, attractors, itself)
    # What is computed seldom: the attraction of all bodies but the Sun, and the corrections, which are part of it.
    rest, tide, potential, small = others.acceleration, others.tide, others.potential, np.zeros(shape)
    moved, change, left = np.zeros((3, n))
    terms = np.empty((NODES + 2, *shape[1:]))  # accelerations and the motion at the start, all as positions
    terms[NODES:] = position, half * velocity
    found, nodes, everything = np.zeros(shape), np.zeros(shape), (half, attractors, itself)
    # The objects whose iteration goes on, and those of them whose result is known: it does not depend on the others.
    going, known = np.arange(n), np.zeros(n, bool)
    for iteration in range(MAX_ITERATIONS):
        again = np.flatnonzero(change > limit) if iteration > 1 else going[: n * iteration]
        if len(again):
            v = (_VELOCITIES @ terms[:, :, again].reshape(NODES + 2, -1)).reshape(NODES, 3, -1) / half[again]
            forces = None if nongrav is None else nongrav[:, again]
            anew = corrections(x[:, :, again], v, potential[:, again], attractors.take(again), forces)
            rest[:, :, again] += anew - small[:, :, again]
            small[:, :, again] = anew
        # What the other bodies' attraction is wrong by, as a position, because it was computed somewhere else.
        wrong = area * tide * moved
        again = np.flatnonzero(wrong > _KEPT * np.maximum(accuracy, left))
        if len(again):
            who = None if itself is None else itself[:, again]
            others = attraction_of_others(x[:, :, again], attractors.take(again), who)
            rest[:, :, again] = others.acceleration + small[:, :, again]
            tide[again], moved[again], wrong[again] = others.tide, 0.0, 0.0
        accelerations = np.add(attraction_of_sun(x, attractors), rest, out=terms[:NODES])
        accelerations *= area
        new = (_POSITIONS @ terms.reshape(NODES + 2, -1)).reshape(x.shape)
        before, change = change, np.abs(new[-1] - x[-1]).max(axis=0)
        moved += change
        # It converges linearly, so that what is left is the change times the ratio of the last two.
        left = change * np.minimum(change / np.maximum(before, 1e-300), 1.0)
        fresh = np.flatnonzero((left + wrong <= accuracy) & ~known) if iteration else going[:0]
        found[:, :, going[fresh]], nodes[:, :, going[fresh]] = accelerations[:, :, fresh], x[:, :, fresh]
        known[fresh] = True
        x = new
        if known.all():
            break
        if np.count_nonzero(known) > max(_ENDED * len(known), _FEW):
            on = np.flatnonzero(~known)
            x, terms, rest, small, potential, half, area, tide, accuracy, limit, moved, change, left = (
                values[..., on]
                for values in (x, terms, rest, small, potential, half, area, tide, accuracy, limit, moved, change, left)
            )
            going, known = going[on], known[on]
            itself = None if itself is None else itself[:, on]
            nongrav = None if nongrav is None else nongrav[:, on]
            attractors = attractors.take(on)
    half, attractors, itself = everything
    series = (_TO_COEFFICIENTS @ found.reshape(NODES, -1)).reshape(shape)
    # The terms that are neglected are smaller than the last one.
    error = np.maximum(
        _LARGEST_INTEGRAL * np.abs(series[-1]).max(axis=0),
        VELOCITY_DAYS * missed_velocity(nodes, NODE_TIMES, 2.0 * half, attractors, itself),
    )
    error[going[~known]] = np.inf
    # Next to a point mass the iteration may end at nonsense; all of it is faster than light.
    changes = (_VELOCITY_AT_NODES @ found.reshape(NODES, -1)).reshape(shape)
    error[~(np.abs(changes + half * velocity).max(axis=(0, 1)) < LIGHT_SPEED * np.abs(half))] = np.inf
    return series / (half * half), error


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


def _two_body(position: Array, velocity: Array, half: Array, attractors: Attractors) -> Array:
    """Positions (s, 3, n) from the f and g series of two-body motion, and the motion of the Sun.

    A start for the iteration only (Bate, Mueller & White 1971, section 5.4).
    """
    drift = attractors.sun_velocity[0]
    x = position - attractors.sun[0] + half * (NODE_TIMES[0] + 1.0) * drift
    v = velocity - drift
    r2 = np.einsum("in,in->n", x, x)
    u = GM_SUN / (r2 * np.sqrt(r2))
    p = np.einsum("in,in->n", x, v) / r2
    w = np.einsum("in,in->n", v, v) / r2 - u
    h2 = half * half
    powers = [  # of the time, in half steps
        position,
        half * velocity,
        (-0.5 * u * h2) * x,
        (u * h2 * half) * (0.5 * p * x - v / 6.0),
        (u * h2 * h2) * ((u / 24.0 + w / 8.0 - 0.625 * p * p) * x + 0.25 * p * v),
    ]
    return (_POWERS @ np.stack(powers).reshape(len(powers), -1)).reshape(NODES, *x.shape)
