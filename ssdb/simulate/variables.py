"""Variable stars: where they are, and how bright."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ssdb.simulate.camera import Camera
from ssdb.units import Array


@dataclass(frozen=True, slots=True)
class VariableStars:
    """Stars of a field, shape (n,), whose difference flux goes up and down like a sine, and stays above 0."""

    ra: Array
    dec: Array
    """ICRS, deg."""
    magnitude: Array
    """AB magnitude of the mean difference flux, in all bands."""
    amplitude: Array
    """Of that flux, as a share of its mean: below 1."""
    period_days: Array
    phase: Array
    """In periods, at MJD TAI 0."""

    def relative_flux(self, mjd_tai: Array) -> Array:
        """The difference flux at times, shape (n,), over its mean."""
        return 1.0 + self.amplitude * np.sin(2.0 * np.pi * (mjd_tai / self.period_days + self.phase))


def variable_stars(camera: Camera, n: int, rng: np.random.Generator) -> VariableStars:
    """n stars of a field, with periods of 10 to 60 minutes, so that a night shows them vary."""
    ra, dec = camera.random_positions(n, rng)
    return VariableStars(
        ra=ra,
        dec=dec,
        magnitude=rng.uniform(19.0, 22.0, n),
        amplitude=rng.uniform(0.3, 0.9, n),
        period_days=rng.uniform(10.0, 60.0, n) / 1440.0,
        phase=rng.random(n),
    )
