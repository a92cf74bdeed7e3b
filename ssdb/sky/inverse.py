"""Where positions on the sky lie on an image, by any mapping from pixels to the sky."""

from __future__ import annotations

import numpy as np

from ssdb.sky.outline import PixelToSky
from ssdb.sky.sphere import tangent_offsets
from ssdb.units import Array

_MARGIN_PIXELS = 32.0
"""So far beyond the edge it is looked: a distortion that is extrapolated farther leads anywhere."""
_MOST_STEPS = 50
_TOLERANCE_PIXELS = 1e-4


def sky_to_pixels(pixel_to_sky: PixelToSky, width: int, height: int, ra: Array, dec: Array) -> tuple[Array, Array]:
    """Zero-based pixel coordinates x, y of positions (ICRS, degrees), each of shape (n,); NaN of those off the image.

    The mapping is followed backwards with the linear one that is nearest to it, until it gives the position to 1e-4
    pixel. That needs a distortion whose scale changes by less than half over the image.
    """
    x, y = (grid.ravel() for grid in np.meshgrid(np.linspace(0, width - 1, 5), np.linspace(0, height - 1, 5)))
    middle = pixel_to_sky(np.array([(width - 1) / 2]), np.array([(height - 1) / 2]))

    def plane(sky_ra: Array, sky_dec: Array) -> Array:
        return np.column_stack(tangent_offsets(middle[0], middle[1], sky_ra, sky_dec))

    on_plane = plane(*pixel_to_sky(x, y))
    known = np.isfinite(on_plane).all(axis=1)
    with_one = np.column_stack([on_plane, np.ones(len(x))])[known]
    linear = np.linalg.lstsq(with_one, np.column_stack([x, y])[known], rcond=None)[0]
    target = plane(ra, dec)
    low, high = np.full(2, -_MARGIN_PIXELS), np.array([width, height]) + _MARGIN_PIXELS
    pixels = np.clip(target @ linear[:2] + linear[2], low, high)
    missed = np.full(len(pixels), np.inf)
    active = np.flatnonzero(np.isfinite(pixels).all(axis=1))
    for _ in range(_MOST_STEPS):
        step = (target[active] - plane(*pixel_to_sky(*pixels[active].T))) @ linear[:2]
        missed[active] = np.abs(step).max(axis=1, initial=0.0)
        goes_on = missed[active] > _TOLERANCE_PIXELS / 100
        if not goes_on.any():
            break
        active = active[goes_on]
        pixels[active] = np.clip(pixels[active] + step[goes_on], low, high)
    inside = (pixels >= -0.5).all(axis=1) & (pixels[:, 0] < width - 0.5) & (pixels[:, 1] < height - 0.5)
    found = np.where((inside & (missed <= _TOLERANCE_PIXELS))[:, None], pixels, np.nan)
    return found[:, 0], found[:, 1]
