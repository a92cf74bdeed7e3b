"""The options of a simulated night: validated, frozen, and written beside its tables."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from ssdb.errors import ConfigError, option, quoted
from ssdb.simulate.focal_plane import RUBIN_DETECTORS, RUBIN_RADIUS_DEG

SOURCES_PER_VISIT = 100_000
"""A diaSourceId is the visit times this, plus a running number."""
MOST_OBJECTS = 1_000_000
"""In one night: designations have to last."""


def _option(default: float, help_text: str, low: float, high: float) -> Any:
    """A field with its help text and the range, ends included, that makes sense."""
    return field(default=default, metadata={"help": help_text, "range": (low, high)})


@dataclass(frozen=True, slots=True)
class SimulationConfig:
    """What the simulated night is like.

    ConfigError if a value is not of its type or out of its range, or if the identifiers would not last.
    """

    seed: int = _option(1, "seed of the random numbers", 0, 2**63 - 1)
    n_visits: int = _option(20, "visits; the last has no known object, the one before it no source", 4, 2000)
    n_sources: int = _option(2000, "unrelated sources a visit", 0, SOURCES_PER_VISIT - 1)
    n_objects: int = _option(300, "known objects in a field", 0, SOURCES_PER_VISIT - 1)
    n_variables: int = _option(0, "variable stars in a field, seen in every visit to it", 0, SOURCES_PER_VISIT - 1)
    field_radius_deg: float = _option(1.75, "radius of the field (deg); not of the 189 detectors'", 0.05, 5.0)
    n_detectors: int = _option(
        0, "detectors, a square number, or 189: a camera like Rubin's; 0: visits without footprints", 0, 1024
    )
    astrometric_error_arcsec: float = _option(0.1, "1-sigma error of a source per coordinate (arcsec)", 0.0, 10.0)
    detection_efficiency: float = _option(0.9, "probability that a bright object is detected", 0.0, 1.0)
    depth_mag: float = _option(24.0, "magnitude at which half of that are detected (mag)", 10.0, 30.0)
    shutter_seconds: float = _option(0.0, "time the shutter takes to cross the field (s)", 0.0, 60.0)
    first_visit: int = _option(2031092300001, "identifier of the first visit", 0, 2**63 // SOURCES_PER_VISIT - 2001)
    night_mjd_tai: float = _option(63132.1, "mid-exposure of the first visit (MJD TAI)", 15020.0, 88069.0)

    def __post_init__(self) -> None:
        # On the command line without what they count: --visits.
        names = {item.name: option(f"--{item.name.removeprefix('n_')}", item.name) for item in fields(self)}
        for item in fields(self):
            value = getattr(self, item.name)
            low, high = item.metadata["range"]
            accepted, kind = (int, "a whole number") if item.type == "int" else (int | float, "a number")
            if isinstance(value, bool) or not isinstance(value, accepted) or not low <= value <= high:
                raise ConfigError(f"{names[item.name]} must be {kind} from {low:,} to {high:,}, not {quoted(value)}")
        if math.isqrt(self.n_detectors) ** 2 != self.n_detectors != RUBIN_DETECTORS:
            raise ConfigError(
                f"{names['n_detectors']} must be a square number (0, 1, 4, 9, ...) or {RUBIN_DETECTORS}, "
                f"not {self.n_detectors}"
            )
        if self.n_sources + self.n_objects + self.n_variables > SOURCES_PER_VISIT:
            raise ConfigError(
                f"{names['n_sources']}, {names['n_objects']} and {names['n_variables']} together must be at most "
                f"{SOURCES_PER_VISIT:,}: "
                "a diaSourceId has no room"
            )
        if self.n_fields * self.n_objects > MOST_OBJECTS:
            most = MOST_OBJECTS // self.n_fields
            raise ConfigError(
                f"{names['n_objects']} must be at most {most:,} with {self.n_visits:,} visits ({self.n_fields} fields)"
            )

    @property
    def camera_radius_deg(self) -> float:
        """Radius of the field: a camera like Rubin's has its own."""
        return RUBIN_RADIUS_DEG if self.n_detectors == RUBIN_DETECTORS else self.field_radius_deg

    @property
    def n_fields(self) -> int:
        """Fields with objects, about one for four visits: from 2 (that at 0h, that at the pole) to 25."""
        return min(25, max(2, math.ceil((self.n_visits - 1) / 4)))
