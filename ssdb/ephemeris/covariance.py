"""Covariances of orbits, as the Minor Planet Center publishes them with its orbits.

The JSON text of an orbit (mpc_orb, column ``mpc_orb_jsonb`` of mpc_orbits;
https://github.com/Smithsonian/mpc-public/tree/main/mpc_orb) has the covariance twice: ``CAR``, of the heliocentric
state in au and au/d, and ``COM``, of q (au), e, i, node, argperi (deg) and peri_time (d), both in the mean ecliptic of
J2000 and at the epoch of the orbit. What follows the six are the non-gravitational forces that were fitted, by their
names: ``yarkovsky`` (``yarkovski`` before version 0.5; 1e-10 au/d^2), ``srp`` (m^2/ton), ``A1`` to ``A3`` and ``DT``
(d). The schema gives A1 to A3 in au/d^2 in one place and in m^2/ton in another, the columns of mpc_orbits in
1e-10 au/d^2; their size tells the two apart (:func:`comet_unit`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ephemeris.orbits import NONGRAVITATIONAL_UNITS
from ssdb.errors import InputError, quoted
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.units import Array

_CARTESIAN = ("x", "y", "z", "vx", "vy", "vz")
_COMETARY = ("q", "e", "i", "node", "argperi", "peri_time")

_FORCES = {"A1": 0, "A2": 1, "A3": 2, "DT": 3, "yarkovsky": 4, "yarkovski": 4, "srp": 5}
"""Names of coefficients, and which of the parameters of :mod:`ssdb.ephemeris.nongravitational` they are."""

_UNITS = list(NONGRAVITATIONAL_UNITS.values())

LARGEST_COMET_A = 1e-5
"""No A1, A2, A3 is as large in au/d^2: it is what the Sun attracts with at 5 au. In units of 1e-10 au/d^2 no
smaller one is measured."""

_STEPS = np.array([1e-6, 1e-6, 1e-4, 1e-4, 1e-4, 1e-4])
"""Half the differences over which states are differentiated by q (of itself), e, the angles (deg) and the time (d)."""

_SAME_EPOCH_DAYS = 1e-3

_NOT_POSITIVE = 1e-3
"""A negative eigenvalue beyond this share of the correlation matrix's is not from rounding."""


def covariance_of(mpc_orb: str | None, epoch_mjd: float, name: str) -> Array | None:
    """The covariance of an orbit's state, of the JSON text in mpc_orbits, for an epoch (MJD TT).

    It is (6, 6), of the heliocentric position (au) and velocity (au/d) on ICRF axes at the epoch; or (12, 12), of these
    and of :data:`ssdb.ephemeris.nongravitational.PARAMETERS`, where forces that are not gravity were fitted too.
    ``CAR`` is taken if it is there, else ``COM``. None if the text has no covariance, or one of another epoch. Messages
    call the object by its ``name``. InputError if the text is not JSON as mpc_orb is, or its numbers are no covariance.
    """
    if mpc_orb is None:
        return None
    try:
        orbit = json.loads(mpc_orb)
        if _epoch_differs(orbit, epoch_mjd):
            return None
        cartesian, cometary = (_matrix(orbit.get(kind), names) for kind, names in _KINDS.items())
        if cartesian is not None:
            _, matrix = cartesian
            to_state = np.kron(np.eye(2), mean_ecliptic_rotation().T)
        elif cometary is not None:
            elements, matrix = cometary
            to_state = _state_by_elements(elements, epoch_mjd)
        else:
            return None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{name}: mpc_orb_jsonb is not an orbit as the MPC's mpc_orb has it ({quoted(error)})"
        ) from None
    jacobian = np.eye(len(matrix))
    jacobian[:6, :6] = to_state
    covariance = jacobian @ matrix @ jacobian.T
    if not _is_covariance(covariance):
        raise InputError(f"{name}: what mpc_orb_jsonb has for its covariance is none: a variance is negative")
    return covariance


_KINDS = {"CAR": _CARTESIAN, "COM": _COMETARY}


def _epoch_differs(orbit: dict[str, Any], epoch_mjd: float) -> bool:
    """Whether the text is of another epoch than the orbit; one that it does not have is the orbit's."""
    epoch = (orbit.get("epoch_data") or {}).get("epoch")
    return epoch is not None and abs(float(epoch) - epoch_mjd) > _SAME_EPOCH_DAYS


def _matrix(part: dict[str, Any] | None, names: tuple[str, ...]) -> tuple[Array, Array] | None:
    """Values (6,) and covariance (6 or 12 square) of a part; None where a number of the first six is not known."""
    given = (part or {}).get("covariance")
    if not part or not given:
        return None
    if tuple(part["coefficient_names"][:6]) != names:
        raise ValueError(f"coefficients {part['coefficient_names'][:6]}")
    values = part["coefficient_values"]
    size = len(part["coefficient_names"])
    upper = {(row, column): given.get(f"cov{row}{column}") for row in range(size) for column in range(row, size)}
    known = [number for place, number in upper.items() if max(place) < 6] + values[:6]
    if any(number is None for number in known):
        return None
    if None in upper.values():  # of the forces something is not known
        size, upper = 6, {place: number for place, number in upper.items() if max(place) < 6}
    matrix = np.zeros((size, size))
    for (row, column), number in upper.items():
        matrix[row, column] = matrix[column, row] = number
    if not np.isfinite(matrix).all():
        raise ValueError("a number of the covariance is not finite")
    forces = part["coefficient_names"][6:size]
    if not forces:
        return np.array(values[:6], dtype=float), matrix
    units = comet_unit(dict(zip(forces, np.sqrt(np.abs(np.diag(matrix)[6:])), strict=True)))
    places = [*range(6), *(6 + _FORCES[name] for name in forces)]
    scale = np.array([1.0] * 6 + [_UNITS[_FORCES[name]] * units.get(name, 1.0) for name in forces])
    whole = np.zeros((12, 12))
    whole[np.ix_(places, places)] = matrix * np.outer(scale, scale)
    return np.array(values[:6], dtype=float), whole


def comet_unit(coefficients: Mapping[str, float]) -> dict[str, float]:
    """By what to multiply A1, A2, A3 of a text, or their errors, to have them in 1e-10 au/d^2, by their names."""
    names = [name for name in ("A1", "A2", "A3") if name in coefficients]
    small = max((abs(coefficients[name]) for name in names), default=0.0) < LARGEST_COMET_A
    return dict.fromkeys(names, 1e10 if small else 1.0)


def stacked(covariances: Sequence[Array]) -> Array:
    """Covariances of n orbits in one array (n, 6, 6), or (n, 12, 12) where one of them has forces."""
    size = max((len(one) for one in covariances), default=6)
    found = np.zeros((len(covariances), size, size))
    for whole, one in zip(found, covariances, strict=True):
        whole[: len(one), : len(one)] = one
    return found


def _state_by_elements(elements: Array, epoch_mjd: float) -> Array:
    """Derivatives (6, 6) of the state at the epoch by the cometary elements."""
    steps = _STEPS * np.array([elements[0], 1.0, 1.0, 1.0, 1.0, 1.0])
    q, e, i, node, argperi, peri_time = np.concatenate([elements + np.diag(steps), elements - np.diag(steps)]).T
    states = cometary_to_cartesian(q, e, i, node, argperi, peri_time, np.full(12, epoch_mjd))
    return (states[:6] - states[6:]).T / (2.0 * steps)


def _is_covariance(covariance: Array) -> bool:
    variances = np.diag(covariance)
    if not np.isfinite(covariance).all() or (variances < 0).any():
        return False
    return bool(np.linalg.eigvalsh(correlations(covariance)).min() > -_NOT_POSITIVE)


def correlations(covariances: Array) -> Array:
    """Correlation matrices of covariances (..., k, k); of a quantity without variance, zeros."""
    sigmas = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    scale = np.where(sigmas > 0, sigmas, np.inf)
    return covariances / (scale[..., :, None] * scale[..., None, :])
