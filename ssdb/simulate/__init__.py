"""A made-up survey night with known truth, as the files that the ordinary ingest reads.

The night has what makes matching hard: a field across 0h and one at a celestial pole, objects seen again and again
as they move, fast ones, pairs of objects that contend for the same sources, predictions that are off by more than
any sensible radius, unrelated sources beside predictions, a visit without sources and one without known objects.

Objects move in straight lines in space, as seen from an Earth that does the same. On the sky that is motion along
great circles, and position, rates and vectors of a prediction agree with each other to rounding. Light time, the
observer's place on Earth and the curvature of orbits are left out: they would move source and prediction alike, and
matching sees only one relative to the other.
"""

from ssdb.simulate.config import SimulationConfig
from ssdb.simulate.night import Night, SimulatedField, simulate_night, simulate_visits, write_night
from ssdb.simulate.truth import Score, score

__all__ = [
    "Night",
    "Score",
    "SimulatedField",
    "SimulationConfig",
    "score",
    "simulate_night",
    "simulate_visits",
    "write_night",
]
