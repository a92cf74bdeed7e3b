"""Encounters with asteroids that the nodes of a step may miss.

A body that attracts little and is met between two nodes leaves no trace in the acceleration at the nodes: the error
that a step estimates of itself is small, and the change of velocity is wrong. How wrong is known from the geometry. At
a distance b and a relative velocity v the attraction is GM / (b^2 + v^2 t^2)^(3/2) times a straight line, which has a
singularity at t = i b / v. The error of Gauss-Legendre's rule falls with the power 2 n + 1 of the sum of the axes of
the ellipse through it whose foci are the ends of the step (e.g. Davis & Rabinowitz 1984, "Methods of Numerical
Integration", section 4.6).
"""

from __future__ import annotations

import numpy as np

from ssdb.ephemeris.bodies import Attractors, squared_distances
from ssdb.units import Array, Mask

_REACH = (0.25, 64.0, 1.4e-13)
"""Within this distance (au), in steps of so many days, a body of this mass (au^3/d^2: Ceres') may be missed by what
matters; others within one that goes with the sixth root of their masses."""

_SHARE = 16.0
"""Of GM / (b v): what the error is at most, before it falls; from trials."""


def missed_velocity(
    position: Array, node_times: Array, days: Array, attractors: Attractors, itself: Mask | None
) -> Array:
    """How wrong the velocities of n objects are, at most, after a step that asteroids pass; au/d, shape (n,).

    Positions (s, 3, n) are barycentric, au, at the nodes ``node_times`` (s,), in (-1, 1), of steps of ``days`` (n,).
    """
    error = np.zeros(position.shape[2])
    small = np.flatnonzero(~attractors.massive)
    if not len(small):
        return error
    places, gm = attractors.positions[:, small], attractors.gm[small]
    reach, usual, mass = _REACH
    limits = (reach * np.minimum(np.abs(days) / usual, 1.0) * np.cbrt(np.sqrt(gm / mass))[:, None]) ** 2
    if places.shape[-1] == 1:
        met = (squared_distances(position, attractors.factors[:, small]) < limits).any(axis=0)
    else:
        away = places - position[:, None]
        met = (np.einsum("sbin,sbin->sbn", away, away) < limits).any(axis=0)
    if itself is not None:
        met &= ~itself[small]
    body, item = np.nonzero(met)
    if not len(body):
        return error
    there = places[..., 0][:, body] if places.shape[-1] == 1 else places[:, body, :, item].swapaxes(0, 1)
    away = there - position[:, :, item].swapaxes(1, 2)  # (s, k, 3)
    nearest = np.argmin(np.einsum("ski,ski->sk", away, away), axis=0)
    before, after = np.maximum(nearest - 1, 0), np.minimum(nearest + 1, len(node_times) - 1)
    pair = np.arange(len(body))
    rate = (away[after, pair] - away[before, pair]) / (node_times[after] - node_times[before])[:, None]
    here = away[nearest, pair]
    rate2 = np.einsum("ki,ki->k", rate, rate)
    wait = -np.einsum("ki,ki->k", here, rate) / rate2
    apart = np.linalg.norm(here + wait[:, None] * rate, axis=1)
    speed = np.sqrt(rate2)
    pole = node_times[nearest] + wait + 1j * apart / speed
    root = np.sqrt(pole * pole - 1.0)
    axes = np.maximum(np.abs(pole + root), np.abs(pole - root))
    with np.errstate(divide="ignore"):
        wrong = _SHARE * gm[body] * 0.5 * np.abs(days[item]) / (apart * speed) * axes ** -(2 * len(node_times) + 1)
    np.maximum.at(error, item, wrong)
    return error
