"""Positions on the sphere: unit vectors, separations, tangent planes, great-circle motion, caps.

Angles are degrees and small angles arcseconds; a right ascension that is returned is in [0, 360).
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from ssdb.errors import InputError
from ssdb.units import ARCSEC, Array

# Every pair and every triple of four points: the circles that can bound them.
_PAIRS = np.array(list(combinations(range(4), 2)))
_TRIPLES = np.array(list(combinations(range(4), 3)))
_BOUNDING = np.vstack([_PAIRS[:, [0, 1, 1]], _TRIPLES])


def norms(vectors: Array) -> Array:
    """Lengths of vectors (..., 3)."""
    return np.sqrt(np.einsum("...i,...i->...", vectors, vectors))


def cross(a: Array, b: Array) -> Array:
    """Cross products of vectors (..., 3); for few of them numpy's own takes longer to arrange the axes."""
    (ax, ay, az), (bx, by, bz) = (tuple(vectors[..., axis] for axis in range(3)) for vectors in (a, b))
    return joined(ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)


def joined(x: Array, y: Array, z: Array) -> Array:
    """Vectors (..., 3) of their components, all of one shape; for few of them np.stack takes three times as long."""
    vectors = np.empty((*x.shape, 3))
    vectors[..., 0], vectors[..., 1], vectors[..., 2] = x, y, z
    return vectors


def range_rates(position: Array, velocity: Array) -> Array:
    """Rates of change of the lengths of positions (..., 3), in the velocities' unit: (r . v) / |r|."""
    distance = norms(position)
    return np.einsum("...i,...i->...", position, velocity) / np.where(distance > 0, distance, np.nan)


def angles(a: Array, b: Array) -> Array:
    """Angles between vectors (..., 3), degrees: atan2 of cross and dot product, exact near 0 and 180 too."""
    return np.degrees(np.arctan2(norms(np.cross(a, b)), np.einsum("...i,...i->...", a, b)))


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> Array:
    """Unit vectors (..., 3) of directions (...) in degrees.

    Along x (0h on the equator), y (6h on the equator) and z (the north pole) of the same frame.
    """
    lon, lat = np.radians(ra), np.radians(dec)
    cos_lat = np.cos(lat)
    x = np.asarray(cos_lat * np.cos(lon))
    return joined(x, cos_lat * np.sin(lon), np.sin(lat))


def positions(vectors: ArrayLike) -> tuple[Array, Array]:
    """Directions (ra in [0, 360), dec; degrees) of vectors (..., 3) of any length."""
    vectors = np.asarray(vectors, dtype=float)
    x, y, z = (vectors[..., axis] for axis in range(3))
    ra = np.degrees(np.arctan2(y, x)) % 360.0
    # The remainder of a tiny negative angle rounds to 360 itself.
    return np.where(ra == 360.0, 0.0, ra), np.degrees(np.arctan2(z, np.hypot(x, y)))


def directions_and_rates(vectors: Array, velocities: Array) -> tuple[Array, Array, Array, Array]:
    """Directions (ra in [0, 360), dec; degrees) of moving points, and their rates to the east (with cos dec) and north.

    Vectors (n, 3) are from the observer to the objects, in any unit of length, ICRS axes; velocities are their
    derivatives by the day, rates are degrees a day. What is contained in both (light time, say) is in the rates.
    """
    ra, dec = positions(vectors)
    sin_ra, cos_ra, sin_dec, cos_dec = (f(np.radians(angle)) for angle in (ra, dec) for f in (np.sin, np.cos))
    vx, vy, vz = velocities.T
    distance = norms(vectors)
    east = cos_ra * vy - sin_ra * vx
    north = cos_dec * vz - sin_dec * (cos_ra * vx + sin_ra * vy)
    return ra, dec, np.degrees(east / distance), np.degrees(north / distance)


def separations(ra1: ArrayLike, dec1: ArrayLike, ra2: ArrayLike, dec2: ArrayLike) -> Array:
    """Angular separation of pairs of points on the sphere.

    Half-angle (haversine) form, with the cosine of the half-angle from its own sum instead of from 1 - sin^2:
    exact for the arcsecond separations that matching needs, and for antipodes
    (Sinnott 1984, "Virtues of the Haversine"). Positions are degrees in any common frame, separations arcseconds.
    """
    dec1, dec2 = np.asarray(dec1, dtype=float), np.asarray(dec2, dtype=float)
    half_ra = 0.5 * _ra_differences(ra1, ra2)
    cosines = np.cos(np.radians(dec1)) * np.cos(np.radians(dec2))
    sin2 = np.sin(np.radians(0.5 * (dec2 - dec1))) ** 2 + cosines * np.sin(half_ra) ** 2
    cos2 = np.sin(np.radians(0.5 * (dec2 + dec1))) ** 2 + cosines * np.cos(half_ra) ** 2
    return 2.0 * np.arctan2(np.sqrt(sin2), np.sqrt(cos2)) / ARCSEC


def tangent_offsets(ra0: ArrayLike, dec0: ArrayLike, ra: ArrayLike, dec: ArrayLike) -> tuple[Array, Array]:
    """Offsets of points in the planes that touch the sphere at given centres (gnomonic projection).

    The north offset is written with the sine of the difference of the declinations and the half-angle of that of
    the right ascensions, so that nothing cancels in small offsets
    (Calabretta & Greisen 2002, A&A 395, 1077, section 5.1.3, rearranged).

    Centres and points are degrees; offsets (east, north) are point minus centre, arcseconds, NaN for a point 90 degrees
    or more from its centre: it has no projection.
    """
    lat0, lat = np.radians(dec0), np.radians(dec)
    delta_lat = np.radians(np.asarray(dec, dtype=float) - np.asarray(dec0, dtype=float))
    delta_ra = _ra_differences(ra0, ra)
    bulge = 2.0 * np.cos(lat) * np.sin(0.5 * delta_ra) ** 2
    cos_distance = np.cos(delta_lat) - np.cos(lat0) * bulge
    scale = ARCSEC * np.where(cos_distance > 0, cos_distance, np.nan)
    return np.cos(lat) * np.sin(delta_ra) / scale, (np.sin(delta_lat) + np.sin(lat0) * bulge) / scale


def turns(ra0: ArrayLike, dec0: ArrayLike, ra: ArrayLike, dec: ArrayLike) -> Array:
    """Angles (radians) by which east and north of points are turned against those of given centres.

    From east to north, along the great circle between them: the convergence of their meridians, by Napier's analogies.
    All are degrees.
    """
    lat0, lat = np.radians(dec0), np.radians(dec)
    ratio = np.sin(0.5 * (lat + lat0)) / np.cos(0.5 * (lat - lat0))
    return 2.0 * np.arctan(np.tan(0.5 * _ra_differences(ra0, ra)) * ratio)


def moved(
    ra: ArrayLike, dec: ArrayLike, rate_ra: ArrayLike, rate_dec: ArrayLike, days: ArrayLike
) -> tuple[Array, Array]:
    """Positions (degrees) after some days, which may be negative, moved along the great circle on which they start.

    Rates are to the east (with cos dec) and north, degrees a day. Where a rate or the time is NaN, or there is no
    motion, the position is the given one, to the bit.
    """
    inputs = (np.asarray(values, dtype=float) for values in (ra, dec, rate_ra, rate_dec, days))
    ra, dec, rate_ra, rate_dec, days = np.broadcast_arrays(*inputs)
    distance = np.radians(np.hypot(rate_ra, rate_dec) * days)[..., None]
    angle = np.arctan2(rate_ra, rate_dec)[..., None]
    lon = np.radians(ra)
    east = joined(-np.sin(lon), np.cos(lon), np.zeros_like(lon))
    start = unit_vectors(ra, dec)
    direction = np.cos(angle) * cross(start, east) + np.sin(angle) * east
    new_ra, new_dec = positions(np.cos(distance) * start + np.sin(distance) * direction)
    stays = ~(np.abs(distance[..., 0]) > 0)
    return np.where(stays, ra, new_ra), np.where(stays, dec, new_dec)


def smallest_cap(ra: ArrayLike, dec: ArrayLike) -> tuple[Array, float]:
    """The smallest spherical cap that holds all points (degrees): centre (3,) and radius as of :func:`smallest_caps`.

    Raises InputError if there are no points, or one is not finite.
    """
    ra, dec = np.atleast_1d(np.asarray(ra, dtype=float)), np.atleast_1d(np.asarray(dec, dtype=float))
    if ra.size == 0 or not (np.isfinite(ra).all() and np.isfinite(dec).all()):
        raise InputError("the smallest cap needs one position or more, all of them finite")
    centers, radii = smallest_caps(unit_vectors(ra, dec)[None])
    return centers[0], float(radii[0])


def smallest_caps(points: Array) -> tuple[Array, Array]:
    """The smallest spherical caps that hold the points of many sets.

    A cap is that of two or three of its points. Starting from one point, the farthest point outside the cap
    joins those that bound it, and the smallest cap of these few (by trying every pair and triple) replaces it: it
    grows each time, so that the last one is the smallest of all (Gaertner 1999, "Fast and Robust Smallest Enclosing
    Balls", on the sphere, where the cap and the ball round its points have the same bounding points).

    Parameters
    ----------
    points : ndarray, shape (d, k, 3)
        d sets of k unit vectors, k at least 1, all finite.

    Returns
    -------
    centers : ndarray, shape (d, 3)
        Unit vectors. The same to the bit for any order of the points.
    radii_deg : ndarray, shape (d,)
        Largest angle of a point from the centre, degrees: 0 for a single point. 180, the whole sky, where
        no cap smaller than a hemisphere holds the points.
    """
    sets = np.arange(len(points))
    points = points[sets[:, None], np.lexsort(points.transpose(2, 0, 1), axis=-1)]
    centers, chords, radii = points[:, 0].copy(), np.zeros(len(points)), np.zeros(len(points))
    bounding = np.repeat(points[:, :1], 3, axis=1)
    growing = sets
    while growing.size:
        apart = norms(points[growing] - centers[growing, None])
        farthest = apart.argmax(axis=1)
        reach = apart.max(axis=1)
        radii[growing] = np.degrees(2.0 * np.arcsin(0.5 * reach))
        outside = reach > chords[growing]
        growing, farthest = growing[outside], farthest[outside]
        few = np.concatenate([bounding[growing], points[growing, farthest][:, None]], axis=1)
        new_bounding, new_centers, new_chords = _caps_of_few(few)
        possible = new_chords < np.sqrt(2.0)
        centers[growing[~possible]], radii[growing[~possible]] = [0.0, 0.0, 1.0], 180.0
        # What is left outside of a cap that does not grow is outside by rounding.
        grown = possible & (new_chords > chords[growing])
        growing = growing[grown]
        bounding[growing], chords[growing] = new_bounding[grown], new_chords[grown]
        centers[growing] = new_centers[grown]
    return centers, radii


def cap_area(radius_deg: ArrayLike) -> Array:
    """Area (arcsec^2) of spherical caps, 2 pi (1 - cos r), in the half-angle form that keeps small caps exact."""
    return 4.0 * np.pi * (np.sin(0.5 * np.radians(radius_deg)) / ARCSEC) ** 2


def _ra_differences(ra1: ArrayLike, ra2: ArrayLike) -> Array:
    """Right ascension ra2 - ra1 (degrees) the short way round, radians."""
    difference = np.asarray(ra2, dtype=float) - np.asarray(ra1, dtype=float)
    return np.radians(difference - 360.0 * np.rint(difference / 360.0))


def _caps_of_few(points: Array) -> tuple[Array, Array, Array]:
    """Smallest caps of d times four unit vectors, shape (d, 4, 3), which may be the same.

    The three points (d, 3, 3; two of them may be one) that bound each, its centre (d, 3), the chord of its radius (d,):
    infinite where there is no such cap. All pairs and triples are tried; a centre is the middle of the chord or the
    centre of the circle through three points, both found from differences, which stay exact in tiny caps.
    """
    middles = 0.5 * points[:, _PAIRS].sum(axis=2)
    a, b, c = (points[:, _TRIPLES[:, i]] for i in range(3))
    u, v = b - a, c - a
    w = cross(u, v)
    u2, v2, w2 = (np.einsum("...i,...i->...", side, side)[..., None] for side in (u, v, w))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        round_three = a + (u2 * cross(v, w) + v2 * cross(w, u)) / (2.0 * w2)
        centers = np.concatenate([middles, round_three], axis=1)
        lengths = norms(centers)
        # Points of one great circle, or of a straight line in space: no direction, no such cap.
        centers /= np.where((lengths > 1e-9) & np.isfinite(lengths), lengths, np.nan)[..., None]
    chords = norms(points[:, None] - centers[:, :, None]).max(axis=2)
    chords[np.isnan(chords)] = np.inf
    best, row = np.argmin(chords, axis=1), np.arange(len(points))
    return points[row[:, None], _BOUNDING[best]], centers[row, best], chords[row, best]
