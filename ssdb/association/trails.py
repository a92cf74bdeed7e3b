"""Trails: how long those of objects are, how far a source may be along one, and what a measured one says."""

from __future__ import annotations

import numpy as np

from ssdb.schema.source_counts import RESOLVED_ARCSEC
from ssdb.units import ARCSEC_PER_DEG, SECONDS_PER_DAY, Array, Columns, Integers

_CENTRE_SHARE = 0.1
"""One sigma of the centre of a measured trail along it, in lengths."""

_TRAILED, _TRAILED_SHORT = 0.8, 0.03
"""The share of objects with a long trail that are measured as trails, and of those with none."""
_LENGTH_SHARE, _LENGTH_ARCSEC = 0.2, 1.0
"""One sigma of a measured length: of the length, and at least."""
_WHOLE = 0.8
"""The share of measured trails that are whole; of the rest any length up to the whole is found."""
_LONGEST_ARCSEC = 500.0
_ANGLE_DEG, _WIDTH_ARCSEC = 3.0, 0.7
"""One sigma of a measured angle: at least, and the width of a trail over its length."""
_ASTRAY = 0.05
"""The share of angles that say nothing."""

FRAGMENTS = 0.5
"""How many more sources a long trail leaves, beside the one that is its object."""


def trail_lengths(predictions: Columns, exposure_time: Array) -> Array:
    """The lengths (arcsec, shape (n,)) of the trails of objects: rate (deg/d) times exposure time (s); 0 if unknown."""
    rate = np.hypot(predictions["ephRateRa"], predictions["ephRateDec"]) * ARCSEC_PER_DEG / SECONDS_PER_DAY
    return np.fmax(rate * exposure_time, 0.0)


def largest_variances(trail: Array) -> Array:
    """A bound on what :func:`along_variances` gives (arcsec^2) for objects with trails of such lengths (arcsec)."""
    return np.maximum(trail**2 - RESOLVED_ARCSEC**2, 0.0) / 12.0


def along_variances(trail: Array, measured: Array) -> Array:
    """Variances (arcsec^2, shape (n,)) of the positions of sources along the motion of their objects.

    The centroid of a trail that was measured as a point, or in parts, is anywhere on it: L^2 / 12. The centre of one
    that was measured as a trail of more than half of the length is known better. ``trail`` is the object's length,
    ``measured`` the source's, NaN where it is unknown (arcsec).
    """
    anywhere = largest_variances(trail)
    return np.where(measured >= 0.5 * trail, np.minimum(anywhere, (_CENTRE_SHARE * measured) ** 2), anywhere)


def trail_odds(trail: Array, motion_deg: Array, measured: Array, angle_deg: Array, share_trailed: Array) -> Array:
    """Log of how much likelier a source's trail is for its object than for an unrelated source, shape (n,).

    0 where the source has no length, or nothing is known of the others'.

    Parameters
    ----------
    trail, motion_deg : ndarray, shape (n,)
        Length (arcsec) of the object's trail and its position angle.
    measured, angle_deg : ndarray, shape (n,)
        Those of the source; NaN where unknown.
    share_trailed : ndarray, shape (n,)
        Of the sources of the detector those with a trail of 2 arcsec or more; NaN where unknown.
    """
    # From points to trails within 2 arcsec of length.
    seen_as_trail = np.clip((trail - RESOLVED_ARCSEC) / RESOLVED_ARCSEC, 0.0, 1.0)
    seen_as_trail = _TRAILED_SHORT + (_TRAILED - _TRAILED_SHORT) * seen_as_trail
    sigma = np.hypot(_LENGTH_SHARE * trail, _LENGTH_ARCSEC)
    whole = np.exp(-0.5 * ((measured - trail) / sigma) ** 2) / (np.sqrt(2.0 * np.pi) * sigma)
    part = np.where(measured < trail, 1.0 / np.maximum(trail, RESOLVED_ARCSEC), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        others = 1.0 / (np.maximum(measured, RESOLVED_ARCSEC) * np.log(_LONGEST_ARCSEC / RESOLVED_ARCSEC))
        of_angle = np.hypot(_ANGLE_DEG, np.degrees(np.arctan2(_WIDTH_ARCSEC, np.minimum(measured, trail))))
    length = np.maximum(_WHOLE * whole + (1.0 - _WHOLE) * part, 0.05 * others) / others
    turn = (angle_deg - motion_deg + 90.0) % 180.0 - 90.0
    aligned = np.exp(-0.5 * (turn / of_angle) ** 2) * 180.0 / (np.sqrt(2.0 * np.pi) * of_angle)
    # Of short trails, and of objects that hardly move, the angle is that of the seeing disc.
    tells = (trail >= RESOLVED_ARCSEC) & np.isfinite(turn)
    aligned = np.where(tells, (1.0 - _ASTRAY) * aligned + _ASTRAY, 1.0)
    as_trail = seen_as_trail / share_trailed * length * aligned
    as_point = (1.0 - seen_as_trail) / (1.0 - share_trailed)
    odds = np.log(np.where(measured >= RESOLVED_ARCSEC, as_trail, as_point))
    return np.where(np.isnan(odds) | np.isnan(measured), 0.0, odds)


def fragment_densities(source: Integers, expected: Array) -> Array:
    """How many fragments of other objects' trails are expected per square arcsecond at each pair's source, shape (n,).

    ``source`` tells the sources of the pairs apart, from 0; ``expected`` is what each object's own trail leaves there,
    0 for those without a long one.
    """
    return np.bincount(source, expected)[source] - expected
