"""Where an observer is that has no place in the list of observatories: as the MPC's ADES tells it.

The Location group of ADES (https://github.com/IAU-ADES/ADES-Master, ADES_Description of 2 May 2024): ``sys`` says what
``pos1``, ``pos2``, ``pos3`` are, ``ctr`` from which body they are counted, and ``vel1``, ``vel2``, ``vel3`` are the
velocity of an observer in space.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ssdb.ephemeris.constants import GM_PLANETS
from ssdb.sky.sphere import norms
from ssdb.units import AU_KM, AU_PER_DAY_KM_S, Array, Mask

GEOCENTRE = 399
"""NAIF's number of the Earth's centre, the only ``ctr`` that ADES allows so far."""

POSITION, VELOCITY = ("pos1", "pos2", "pos3"), ("vel1", "vel2", "vel3")
COLUMNS = ("sys", "ctr", *POSITION, *VELOCITY)
"""Of Visit, by the names of ADES."""

UNITS = {
    "WGS84": ("deg", "deg", "m"),
    "ITRF": ("deg", "km", "km"),
    "ICRF_KM": ("km",) * 3 + ("km/s",) * 3,
    "ICRF_AU": ("au",) * 3 + ("au/d",) * 3,
}
"""Units of position and velocity by ``sys``; a place on the Earth has no velocity of its own."""

FARTHEST_AU = 100.0
"""From the Earth: no spacecraft is there yet that looks at asteroids, and kilometres are seen not to be au."""

_LOWEST_KM = 6300.0
"""From the Earth's centre: below all of its surface."""

_HIGHEST_KM = 6500.0
"""Above all that flies in its atmosphere."""

_ALTITUDES_M = (-1000.0, 100_000.0)
_NEAR_AU = 0.02
"""So near to the Earth a spacecraft is bound to it, or nearly so."""

_FASTEST_KM_S = 300.0
"""Of a spacecraft, against the Earth."""


@dataclass(frozen=True, eq=False)
class Places:
    """Places of m observers, in one system."""

    sys: str
    """A key of :data:`UNITS`."""
    position: Array
    """(m, 3): ``pos1``, ``pos2``, ``pos3``, in the units of the system."""
    velocity: Array
    """(m, 3): in the same way; NaN where it is unknown."""

    @property
    def in_space(self) -> bool:
        """Whether they are on axes that do not turn with the Earth."""
        return len(UNITS[self.sys]) > 3

    def problems(self, inside: bool | Mask = False) -> Iterator[tuple[str, Mask]]:
        """What may be wrong with them, and which have it; some may be ``inside`` the Earth."""
        first, second, third = self.position.T
        with np.errstate(all="ignore"):  # of values that are absurd
            if self.sys == "WGS84":
                low, high = _ALTITUDES_M
                yield "pos1 (east longitude) is not within -180 to 360 deg (WGS84)", ~_within(first, -180.0, 360.0)
                yield "pos2 (latitude) is not within -90 to 90 deg (WGS84)", ~_within(second, -90.0, 90.0)
                yield f"pos3 (altitude) is not within {low:g} to {high:g} m (WGS84)", ~_within(third, low, high)
            elif self.sys == "ITRF":
                yield "pos1 (east longitude) is not within -180 to 360 deg (ITRF)", ~_within(first, -180.0, 360.0)
                distance = np.where(second < 0, np.nan, np.hypot(second, third))
                text = "pos2, pos3 are no distances (km) from axis and equator of a place on Earth (ITRF)"
                yield text, ~_within(distance, _LOWEST_KM, _HIGHEST_KM)
            else:
                yield from self._problems_in_space(inside)

    def _problems_in_space(self, may_be_inside: bool | Mask) -> Iterator[tuple[str, Mask]]:
        unit, of_speed = UNITS[self.sys][0], UNITS[self.sys][3]
        distance = norms(self.position) * (1.0 if unit == "km" else AU_KM)
        speed = norms(self.velocity) * (1.0 if unit == "km" else AU_PER_DAY_KM_S)
        near = distance < _NEAR_AU * AU_KM
        circular = np.sqrt(GM_PLANETS[GEOCENTRE] * AU_KM * AU_PER_DAY_KM_S**2 / distance)
        inside, beyond = distance < _LOWEST_KM, distance > FARTHEST_AU * AU_KM
        yield f"pos1, pos2, pos3 are inside the Earth: {self.sys} is in {unit}", inside & np.logical_not(may_be_inside)
        yield f"pos1, pos2, pos3 are beyond {FARTHEST_AU:g} au: {self.sys} is in {unit}", beyond
        fast = speed > np.where(near, 3.0 + 1.5 * circular, _FASTEST_KM_S)
        text = f"vel1, vel2, vel3 are {{}}: they are counted from the Earth's centre, in {of_speed} ({self.sys})"
        yield text.format("faster than any spacecraft there"), fast & ~inside & ~beyond
        yield text.format("slower than any orbit there"), near & (speed < 0.02 * circular) & ~inside

    def terrestrial_km(self) -> Array:
        """Geocentric places (m, 3) of observers on Earth, in the terrestrial frame."""
        import astropy.units as u
        from astropy.coordinates import EarthLocation

        first, second, third = self.position.T
        if self.sys == "ITRF":
            longitude = np.radians(first)
            return np.stack([second * np.cos(longitude), second * np.sin(longitude), third], axis=-1)
        found = EarthLocation.from_geodetic(first * u.deg, second * u.deg, third * u.m, ellipsoid="WGS84")
        return np.stack([found.x.to_value(u.km), found.y.to_value(u.km), found.z.to_value(u.km)], axis=-1)

    def celestial(self) -> Array:
        """Geocentric states (m, 6) of observers in space, ICRF, au and au/d; NaN where the velocity is unknown."""
        if self.sys == "ICRF_AU":
            return np.concatenate([self.position, self.velocity], axis=1)
        return np.concatenate([self.position / AU_KM, self.velocity / AU_PER_DAY_KM_S], axis=1)


def _within(values: Array, low: float, high: float) -> Mask:
    return np.asarray((values >= low) & (values <= high))
