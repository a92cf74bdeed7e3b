"""Covariances of orbits, as the Minor Planet Center publishes them with its orbits.

The JSON text of an orbit (mpc_orb, column ``mpc_orb_jsonb`` of mpc_orbits;
https://github.com/Smithsonian/mpc-public/tree/main/mpc_orb) has the covariance twice: ``CAR``, of the heliocentric
state in au and au/d, and ``COM``, of q (au), e, i, node, argperi (deg) and peri_time (d), both in the mean ecliptic of
J2000 and at the epoch of the orbit. What follows the six is of non-gravitational forces.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.errors import InputError, quoted
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.units import Array

_CARTESIAN = ("x", "y", "z", "vx", "vy", "vz")
_COMETARY = ("q", "e", "i", "node", "argperi", "peri_time")

_STEPS = np.array([1e-6, 1e-6, 1e-4, 1e-4, 1e-4, 1e-4])
"""Half the differences over which states are differentiated by q (of itself), e, the angles (deg) and the time (d)."""

_SAME_EPOCH_DAYS = 1e-3

_NOT_POSITIVE = 1e-3
"""A negative eigenvalue beyond this share of the correlation matrix's is not from rounding."""


def covariance_of(mpc_orb: str | None, epoch_mjd: float, name: str) -> Array | None:
    """The covariance of an orbit's state, of the JSON text in mpc_orbits, for an epoch (MJD TT).

    It is (6, 6), of the heliocentric position (au) and velocity (au/d) on ICRF axes at the epoch. ``CAR`` is taken if
    it is there, else ``COM``. None if the text has no covariance, or one of another epoch. Messages call the object by
    its ``name``. InputError if the text is not JSON as mpc_orb is, or its numbers are no covariance.
    """
    if mpc_orb is None:
        return None
    try:
        orbit = json.loads(mpc_orb)
        if _epoch_differs(orbit, epoch_mjd):
            return None
        cartesian, cometary = (_matrix(orbit.get(kind), names) for kind, names in _KINDS.items())
        if cartesian is not None:
            rotation = np.kron(np.eye(2), mean_ecliptic_rotation().T)
            covariance = rotation @ cartesian[1] @ rotation.T
        elif cometary is not None:
            jacobian = _state_by_elements(cometary[0], epoch_mjd)
            covariance = jacobian @ cometary[1] @ jacobian.T
        else:
            return None
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError(
            f"{name}: mpc_orb_jsonb is not an orbit as the MPC's mpc_orb has it ({quoted(error)})"
        ) from None
    if not _is_covariance(covariance):
        raise InputError(f"{name}: what mpc_orb_jsonb has for its covariance is none: a variance is negative")
    return covariance


_KINDS = {"CAR": _CARTESIAN, "COM": _COMETARY}


def _epoch_differs(orbit: dict[str, Any], epoch_mjd: float) -> bool:
    """Whether the text is of another epoch than the orbit; one that it does not have is the orbit's."""
    epoch = (orbit.get("epoch_data") or {}).get("epoch")
    return epoch is not None and abs(float(epoch) - epoch_mjd) > _SAME_EPOCH_DAYS


def _matrix(part: dict[str, Any] | None, names: tuple[str, ...]) -> tuple[Array, Array] | None:
    """Values (6,) and covariance (6, 6) of the first six coefficients; None where a number of them is not known."""
    given = (part or {}).get("covariance")
    if not part or not given:
        return None
    if tuple(part["coefficient_names"][:6]) != names:
        raise ValueError(f"coefficients {part['coefficient_names'][:6]}")
    upper = [given.get(f"cov{row}{column}") for row in range(6) for column in range(row, 6)]
    values = part["coefficient_values"][:6]
    if any(number is None for number in [*values, *upper]):
        return None
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6)] = np.array(upper, dtype=float)
    if not np.isfinite(matrix).all():
        raise ValueError("a number of the covariance is not finite")
    return np.array(values, dtype=float), matrix + np.triu(matrix, 1).T


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
    """Correlation matrices of covariances (..., 6, 6); of a quantity without variance, zeros."""
    sigmas = np.sqrt(np.diagonal(covariances, axis1=-2, axis2=-1))
    scale = np.where(sigmas > 0, sigmas, np.inf)
    return covariances / (scale[..., :, None] * scale[..., None, :])
