"""A camera pointed at a field: between the sky and the plane of its detectors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssdb.config import ARCSEC
from ssdb.sky.sphere import Array, moved, tangent_offsets

PIXEL_ARCSEC = 0.2


@dataclass(frozen=True, slots=True)
class Camera:
    """A round field, and the square mosaic of detectors inscribed in it.

    Coordinates x, y of the plane are arcsec from the boresight, in the gnomonic projection round it. Detectors are
    numbered along x, row by row.

    Attributes
    ----------
    ra, dec : float
        Boresight, ICRS, deg.
    radius_deg : float
        Radius of the field.
    n_detectors : int
        A square number; 0: the whole field is detector 0.
    rotation : float
        Position angle of the y axis, rad.
    """

    ra: float
    dec: float
    radius_deg: float
    n_detectors: int = 0
    rotation: float = 0.0

    @property
    def plane_radius(self) -> float:
        """Radius of the field in the plane, arcsec."""
        return math.tan(math.radians(self.radius_deg)) / ARCSEC

    @property
    def n_side(self) -> int:
        """Detectors along a side of the mosaic."""
        return math.isqrt(self.n_detectors)

    @property
    def pitch(self) -> float:
        """Distance between the centres of neighbouring detectors, arcsec."""
        return math.sqrt(2.0) * self.plane_radius / self.n_side

    @property
    def width(self) -> int:
        """Pixels along the side of a detector: a fiftieth of the pitch is left as a gap."""
        return int(0.98 * self.pitch / PIXEL_ARCSEC)

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

    def detectors_at(self, ra: Array, dec: Array) -> NDArray[np.int64]:
        """Detectors on which directions (deg), shape (n,), fall; -1: none."""
        x, y = self.to_plane(ra, dec)
        if not self.n_detectors:
            return np.where(np.hypot(x, y) <= self.plane_radius, 0, -1)
        points = np.stack([y, x])
        cells = np.floor(points / self.pitch + 0.5 * self.n_side)
        from_centre = np.abs(points - self._centres(cells))
        inside = (from_centre <= 0.5 * self.width * PIXEL_ARCSEC) & (cells >= 0) & (cells < self.n_side)
        row, column = cells.astype(np.int64)
        return np.where(inside.all(axis=0), row * self.n_side + column, -1)

    def random_positions(self, n: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Directions (ra, dec; deg), shape (n,), spread evenly over the detectors or, without any, over the field."""
        if not self.n_detectors:
            return self.to_sky(*in_circle(n, self.plane_radius, rng))
        y, x = self._centres(self._cells()[:, rng.integers(self.n_detectors, size=n)])
        y_inside, x_inside = rng.uniform(-0.5, 0.5, (2, n)) * self.width * PIXEL_ARCSEC
        return self.to_sky(x + x_inside, y + y_inside)

    def corners(self) -> tuple[Array, Array]:
        """Directions (ra, dec; deg) of the corners round each detector in turn, shape (4 n_detectors,)."""
        y, x = self._centres(self._cells())[:, :, None]
        half_side = 0.5 * self.width * PIXEL_ARCSEC
        x = x + half_side * np.array([-1.0, 1.0, 1.0, -1.0])
        y = y + half_side * np.array([-1.0, -1.0, 1.0, 1.0])
        return self.to_sky(x.ravel(), y.ravel())

    def _cells(self) -> Array:
        """Row and column of every detector, shape (2, n_detectors)."""
        return np.stack(np.divmod(np.arange(self.n_detectors, dtype=np.float64), self.n_side))

    def _centres(self, cells: Array) -> Array:
        """Centres (y, x; arcsec) of the cells of the mosaic, given as (row, column); both of shape (2, n)."""
        return (cells - 0.5 * (self.n_side - 1)) * self.pitch


def in_circle(n: int, radius: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Points (x, y), each of shape (n,), spread evenly over a circle round the origin; in the unit of the radius."""
    distance, angle = radius * np.sqrt(rng.random(n)), rng.uniform(0.0, 2.0 * math.pi, n)
    return distance * np.sin(angle), distance * np.cos(angle)
