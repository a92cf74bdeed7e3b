"""The detectors in the focal plane of a camera, and how its optics distort them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from ssdb.sky.footprint import Outlines, join_outlines
from ssdb.sky.outline import PixelToSky, pixel_scale, trace_outline
from ssdb.sky.sphere import positions, tangent_offsets
from ssdb.units import ARCSEC, Array, Index, Integers

PIXEL_ARCSEC = 0.2
RUBIN_DETECTORS = 189
RUBIN_RADIUS_DEG = 2.1
"""A circle of this radius holds the whole focal plane of Rubin's camera."""

_ARCSEC_PER_MM = 20.0
_RAFT_MM, _CCD_MM = 127.0, 42.25
"""From one raft to the next, and within a raft from one CCD to the next."""
_RUBIN_DISTORTION = 0.01
"""By how much more than in proportion the edge of the field is away from its centre."""


@dataclass(frozen=True)
class FocalPlane:
    """The detectors of a camera, equal rectangles.

    Coordinates x, y are arcsec from the boresight in the gnomonic projection round it: great circles are straight.
    A detector is a rectangle in the undistorted plane; what is there r arcsec from the boresight is seen at
    r (1 + cubic r^2).
    """

    centers: Array
    """(d, 2): centres of the detectors in the undistorted plane, arcsec; d is at least 1."""
    rotations: Array
    """(d,): from the plane's axes to those of the pixels, rad: so small that detectors stay apart."""
    width: int
    height: int
    """Pixels."""
    cubic: float = 0.0
    """Distortion, arcsec^-2; not negative."""

    @property
    def half_sizes(self) -> Array:
        """Half the sides along x and y, arcsec, shape (2,)."""
        return 0.5 * np.array([self.width, self.height]) * PIXEL_ARCSEC

    def plane_positions(self, detector: Index, offsets: Array) -> Array:
        """Plane coordinates (2, n) of points that are ``offsets`` (2, n; arcsec along the pixels) from the centres."""
        undistorted = _turned(offsets, self.rotations[detector]) + self.centers[detector].T
        return undistorted * (1.0 + self.cubic * (undistorted**2).sum(axis=0))

    def detectors_at(self, points: Array) -> Integers:
        """Detectors on which points (2, n) of the plane fall; -1: none."""
        from scipy.spatial import cKDTree

        undistorted = self._undistorted(points)
        # Equal rectangles that stay apart: only that whose centre is nearest, in units of the sides, can hold a point.
        nearest = cKDTree(self.centers / self.half_sizes).query(undistorted.T / self.half_sizes, p=np.inf)[1]
        offsets = _turned(undistorted - self.centers[nearest].T, -self.rotations[nearest])
        return np.where((np.abs(offsets) <= self.half_sizes[:, None]).all(axis=0), nearest, -1)

    def random_points(self, n: int, rng: np.random.Generator) -> Array:
        """Plane coordinates (2, n) of points spread evenly over the detectors."""
        detector = rng.integers(len(self.centers), size=n)
        y, x = rng.uniform(-0.5, 0.5, (2, n))
        return self.plane_positions(detector, np.stack([x * self.width, y * self.height]) * PIXEL_ARCSEC)

    def pixel_to_sky(self, detector: int) -> PixelToSky:
        """From the pixels of a detector to the sky, the camera pointed at ra 0, dec 0, its y axis north."""

        def to_sky(x: Array, y: Array) -> tuple[Array, Array]:
            offsets = np.stack([x - 0.5 * (self.width - 1), y - 0.5 * (self.height - 1)]) * PIXEL_ARCSEC
            east, north = self.plane_positions(np.full(len(x), detector), offsets) * ARCSEC
            return positions(np.stack([np.ones_like(east), east, north], axis=-1))

        return to_sky

    @cached_property
    def outlines(self) -> Outlines:
        """The outlines in the plane, arcsec instead of degrees, true to 0.05 pixel for any pointing."""
        if not self.cubic:
            corners = self.half_sizes[:, None] * np.array([[-1.0, 1.0, 1.0, -1.0], [-1.0, -1.0, 1.0, 1.0]])
            each = np.repeat(np.arange(len(self.centers)), 4)
            of_all = self.plane_positions(each, np.tile(corners, len(self.centers)))
            return join_outlines(list(of_all.T.reshape(-1, 4, 2)))
        traced = (
            trace_outline(self.pixel_to_sky(detector), self.width, self.height) for detector in range(len(self.centers))
        )
        return join_outlines([np.stack(tangent_offsets(0.0, 0.0, *outline.T), axis=-1) for outline in traced])

    @cached_property
    def pixel_scales(self) -> Array:
        """Of each detector, arcsec, shape (d,)."""
        if not self.cubic:
            return np.full(len(self.centers), PIXEL_ARCSEC)
        each = range(len(self.centers))
        return np.array([pixel_scale(self.pixel_to_sky(detector), self.width, self.height) for detector in each])

    def _undistorted(self, points: Array) -> Array:
        """What :meth:`plane_positions` distorts to points (2, n): Newton's method, five steps."""
        seen = np.hypot(*points)
        radius = seen / (1.0 + self.cubic * seen**2)
        for _ in range(5):
            radius -= (radius + self.cubic * radius**3 - seen) / (1.0 + 3.0 * self.cubic * radius**2)
        return points / (1.0 + self.cubic * radius**2)


def mosaic(n_detectors: int, plane_radius: float) -> FocalPlane:
    """Square detectors in a square without distortion, the largest in a circle (of a radius in arcsec).

    Their number is a square number above 0; they are numbered along x, row by row. A fiftieth of the pitch are the
    gaps.
    """
    n_side = math.isqrt(n_detectors)
    pitch = math.sqrt(2.0) * plane_radius / n_side
    row, column = np.divmod(np.arange(n_detectors), n_side)
    centers = (np.column_stack([column, row]) - 0.5 * (n_side - 1)) * pitch
    width = int(0.98 * pitch / PIXEL_ARCSEC)
    return FocalPlane(centers, np.zeros(n_detectors), width, width)


@cache
def rubin_like() -> FocalPlane:
    """A focal plane like that of Rubin's camera: 21 rafts, 5 x 5 without the corners, of 3 x 3 CCDs of 4000 x 4072.

    Rafts, and CCDs in a raft, are numbered along x, row by row. Each CCD is a little off its place, and turned; the
    optics bend its edges by up to a pixel.
    """
    rafts = [(x, y) for y in range(-2, 3) for x in range(-2, 3) if abs(x) + abs(y) < 4]
    ccds = [(x, y) for y in range(-1, 2) for x in range(-1, 2)]
    centers = _RAFT_MM * np.repeat(rafts, len(ccds), axis=0) + _CCD_MM * np.tile(ccds, (len(rafts), 1))
    rng = np.random.default_rng(RUBIN_DETECTORS)
    centers = centers + rng.uniform(-0.05, 0.05, centers.shape)
    cubic = _RUBIN_DISTORTION / (math.radians(RUBIN_RADIUS_DEG) / ARCSEC) ** 2
    return FocalPlane(centers * _ARCSEC_PER_MM, rng.normal(0.0, 5e-4, len(centers)), 4000, 4072, cubic)


def _turned(points: Array, angle: Array) -> Array:
    """Points (2, n), each turned from the x to the y axis by its angle (rad)."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([points[0] * cosine - points[1] * sine, points[0] * sine + points[1] * cosine])
