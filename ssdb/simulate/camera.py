"""A camera pointed at a field: between the sky and the plane of its detectors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ssdb.simulate.focal_plane import FocalPlane
from ssdb.sky.sphere import moved, tangent_offsets
from ssdb.units import ARCSEC, Array, Integers


@dataclass(frozen=True, slots=True)
class Camera:
    """A round field, and the detectors in it.

    Coordinates x, y of the plane are arcsec from the boresight (ICRS, deg), in the gnomonic projection round it.
    """

    ra: float
    dec: float
    radius_deg: float
    focal_plane: FocalPlane | None = None
    """Without it the whole field is detector 0."""
    rotation: float = 0.0
    """Position angle of the y axis, rad."""

    @property
    def plane_radius(self) -> float:
        """Radius of the field in the plane, arcsec."""
        return plane_radius(self.radius_deg)

    def to_plane(self, ra: Array, dec: Array) -> tuple[Array, Array]:
        """Plane coordinates (x, y; arcsec) of directions (deg), each of shape (n,)."""
        east, north = tangent_offsets(self.ra, self.dec, ra, dec)
        cosine, sine = math.cos(self.rotation), math.sin(self.rotation)
        return east * cosine - north * sine, east * sine + north * cosine

    def to_sky(self, x: Array, y: Array) -> tuple[Array, Array]:
        """Directions (ra, dec; deg) of points of the plane (arcsec), each of shape (n,)."""
        distance = np.degrees(np.arctan(np.hypot(x, y) * ARCSEC))
        angle = np.arctan2(x, y) + self.rotation
        return moved(self.ra, self.dec, distance * np.sin(angle), distance * np.cos(angle), 1.0)

    def detectors_at(self, ra: Array, dec: Array) -> Integers:
        """Detectors on which directions (deg), shape (n,), fall; -1: none."""
        points = np.stack(self.to_plane(ra, dec))
        if self.focal_plane is None:
            return np.where(np.hypot(*points) <= self.plane_radius, 0, -1)
        return self.focal_plane.detectors_at(points)

    def random_positions(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Directions (ra, dec; deg), shape (n,), spread evenly over the detectors or, without any, over the field."""
        if self.focal_plane is None:
            return self.to_sky(*in_circle(n, self.plane_radius, rng))
        return self.to_sky(*self.focal_plane.random_points(n, rng))


def plane_radius(radius_deg: float) -> float:
    """Radius of a circle in the plane, arcsec, that is ``radius_deg`` on the sky."""
    return math.tan(math.radians(radius_deg)) / ARCSEC


def in_circle(n: int, radius: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Points (x, y), each of shape (n,), spread evenly over a circle round the origin; in the unit of the radius."""
    distance, angle = radius * np.sqrt(rng.random(n)), rng.uniform(0.0, 2.0 * math.pi, n)
    return distance * np.sin(angle), distance * np.cos(angle)
