"""The known objects of a field: where they are predicted to be, and where they are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssdb.simulate.camera import Camera
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.sky.sphere import moved, positions, unit_vectors
from ssdb.units import ARCSEC_PER_DEG, AU_PER_DAY_KM_S, Array

_ECLIPTIC_AXES = mean_ecliptic_rotation()
"""Unit vectors, ICRS axes, towards ecliptic longitudes 0 and 90 degrees and the ecliptic's northern pole."""
EARTH_AU, EARTH_KM_S = _ECLIPTIC_AXES[:2] * [[1.0], [29.78]]
"""Heliocentric Earth of a September equinox, whatever the date: the field at 0h is then at opposition."""


@dataclass(frozen=True, slots=True)
class KnownObjects:
    """The known objects of a field, n of them: their predicted motion, and how far the truth is from it."""

    designations: NDArray[np.str_]
    topo: Array
    velocity: Array
    """(n, 3), both: topocentric, ICRS axes, at ``mjd_tai``; au and km/s."""
    mjd_tai: float
    v_magnitude: Array
    major: Array
    minor: Array
    """Axes of the error ellipse, 1 sigma, arcsec."""
    tilt: Array
    """Position angle of the major axis minus that of the motion, rad."""
    offset: Array
    """(2, n): truth minus prediction along the major and the minor axis, arcsec, for the whole night."""

    def topo_at(self, mjd_tai: ArrayLike) -> Array:
        """Topocentric positions, shape (n, 3), au, at times, scalar or shape (n,)."""
        days = np.reshape(np.asarray(mjd_tai) - self.mjd_tai, (-1, 1))
        return self.topo + self.velocity / AU_PER_DAY_KM_S * days

    def rates(self, topo: Array) -> tuple[Array, Array]:
        """Rates towards east and north, shape (n,), deg/d, of the objects at ``topo``, au."""
        east, north = _east_north(*positions(topo))
        angular = self.velocity / (AU_PER_DAY_KM_S * np.linalg.norm(topo, axis=1, keepdims=True))
        return np.degrees(np.einsum("ij,ij->i", angular, east)), np.degrees(np.einsum("ij,ij->i", angular, north))

    def ellipse_angles(self, topo: Array) -> Array:
        """Position angles of the major axes, shape (n,), rad: an orbit is uncertain along its motion, mostly."""
        return np.arctan2(*self.rates(topo)) + self.tilt

    def true_positions(self, mjd_tai: ArrayLike) -> tuple[Array, Array]:
        """Where the objects are (ra, dec; deg, shape (n,)), not where they are predicted, at times, scalar or (n,)."""
        topo = self.topo_at(mjd_tai)
        angle = self.ellipse_angles(topo)
        along, across = self.offset / ARCSEC_PER_DEG
        to_east = along * np.sin(angle) + across * np.cos(angle)
        to_north = along * np.cos(angle) - across * np.sin(angle)
        return moved(*positions(topo), to_east, to_north, 1.0)


def known_objects(
    camera: Camera, mjd_tai: float, designations: NDArray[np.str_], rng: np.random.Generator
) -> KnownObjects:
    """Known objects of a field: the first contend in pairs, then uncertain ones, ordinary ones, at last fast ones.

    The camera has no detectors: objects are spread over the whole field.
    """
    n = len(designations)
    n_pairs = min(n // 2, 1 + n // 50)
    index = np.arange(n)
    uncertain = (index >= 2 * n_pairs) & (index < 2 * n_pairs + n // 25)
    fast = index >= max(2 * n_pairs, n - 1 - n // 50)

    ra, dec = _places(camera, n, n_pairs, rng)
    directions = unit_vectors(ra, dec)
    # Main-belt objects are 1.8 to 3.5 au from the Sun; what moves several degrees a day is close to the Earth.
    projected = directions @ EARTH_AU
    belt_range = np.sqrt(projected**2 + rng.uniform(1.8, 3.5, n) ** 2 - EARTH_AU @ EARTH_AU) - projected
    topo_range = np.where(fast, rng.uniform(0.02, 0.1, n), belt_range)
    topo = directions * topo_range[:, None]
    helio_range = np.linalg.norm(topo + EARTH_AU, axis=1)
    absolute_magnitude = np.maximum(21.0 - rng.exponential(2.0, n), 10.0) + np.where(fast, 6.0, 0.0)

    rate = np.radians(np.where(fast, rng.uniform(2.0, 6.0, n), rng.uniform(0.1, 0.3, n)))
    heading = np.radians(rng.normal(247.0, 20.0, n))  # westward along the ecliptic, as near opposition
    east, north = _east_north(ra, dec)
    across = np.sin(heading)[:, None] * east + np.cos(heading)[:, None] * north
    velocity = (AU_PER_DAY_KM_S * topo_range * rate)[:, None] * across + rng.normal(0.0, 10.0, (n, 1)) * directions

    major = np.where(uncertain, 10.0 ** rng.uniform(0.0, 1.0, n), rng.uniform(0.05, 0.3, n))
    minor = np.where(uncertain, 0.3, major) * rng.uniform(0.2, 1.0, n)
    return KnownObjects(
        designations=designations,
        topo=topo,
        velocity=velocity,
        mjd_tai=mjd_tai,
        v_magnitude=absolute_magnitude + 5.0 * np.log10(helio_range * topo_range),
        major=major,
        minor=minor,
        tilt=np.radians(rng.normal(0.0, 10.0, n)),
        offset=rng.normal(size=(2, n)) * np.stack([major, minor]),
    )


def ecliptic_place(longitude: float, latitude: float) -> tuple[float, float]:
    """The direction (ra, dec; deg) of ecliptic longitude and latitude (deg)."""
    ra, dec = positions(unit_vectors(longitude, latitude)[None] @ _ECLIPTIC_AXES)
    return float(ra[0]), float(dec[0])


def random_designations(n: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Distinct designations of minor planets, shape (n,): a fifth are numbers, the others provisional."""
    letters = "ABCDEFGHJKLMNOPQRSTUVWXYZ"
    half_months = [f"{year} {half}{order}" for year in range(2010, 2031) for half in letters[:-1] for order in letters]
    cycles = ["", *map(str, range(1, 400))]
    half_month, cycle = np.divmod(rng.choice(len(half_months) * len(cycles), n, replace=False), len(cycles))
    provisional = np.char.add(np.array(half_months)[half_month], np.array(cycles)[cycle])
    numbers = rng.choice(np.arange(1000, 620_000), n // 5, replace=False).astype(str)
    return rng.permutation(np.concatenate([numbers, provisional[n // 5 :]]))


def _places(camera: Camera, n: int, n_pairs: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Directions (ra, dec; deg), shape (n,), in a field; the second n_pairs are within an arcsecond of the first."""
    ra, dec = camera.random_positions(n, rng)
    first, second = slice(n_pairs), slice(n_pairs, 2 * n_pairs)
    apart, angle = rng.uniform(0.25, 0.75, n_pairs) / ARCSEC_PER_DEG, rng.uniform(0.0, 2.0 * math.pi, n_pairs)
    ra[second], dec[second] = moved(ra[first], dec[first], apart * np.sin(angle), apart * np.cos(angle), 1.0)
    return ra, dec


def _east_north(ra: Array, dec: Array) -> tuple[Array, Array]:
    """Unit vectors towards east and north, each of shape (n, 3), at directions (deg)."""
    return unit_vectors(ra + 90.0, np.zeros_like(dec)), unit_vectors(ra, dec + 90.0)
