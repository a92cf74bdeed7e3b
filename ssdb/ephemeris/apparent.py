"""From orbits to what an observatory sees: the columns of SsPrediction."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from ssdb.ephemeris.bodies import sun
from ssdb.ephemeris.observer import Observatory, observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import BATCH, span, trajectories
from ssdb.sky.sphere import angles, directions_and_rates, norms, range_rates
from ssdb.units import AU_PER_DAY_KM_S, LIGHT_SPEED, Array

DEFAULT_G = 0.15
"""Slope parameter where it is unknown: the IAU's."""


class Paths(Protocol):
    """Where n objects are at any time: trajectories, or what approximates them."""

    def at(self, mjd_tdb: Array) -> Array:
        """Barycentric states (n, m, 6), ICRF, au and au/d, at times (m,) or (n, m), MJD TDB."""

    @property
    def limits(self) -> tuple[Array, Array] | None:
        """First and last times (n, 1) of paths of which one does not go on for ever: beyond them it is not known."""


def ephemeris(orbits: Orbits, mjd_tai: ArrayLike, observatory: Observatory) -> dict[str, Array]:
    """Where and how bright n objects are for an observatory (a code of the MPC, or a place) at m times, MJD TAI.

    The columns of SsPrediction, each (n, m), but its keys, ``designation``, ``provider`` and the error ellipse: see
    :func:`columns_of`. NaN for an object that has met the surface of the Sun, a planet or the Moon. EphemerisError if
    the code is not of a place on Earth, a time is outside the planetary ephemeris, or a package of the extra
    ``ephemeris`` is missing.
    """
    times = np.atleast_1d(np.asarray(mjd_tai, dtype=float))
    mjd_tdb, observers = tdb_of_tai(times), observer_states(observatory, times)
    suns = sun(mjd_tdb)
    parts = []
    for _, part in orbits.batches(BATCH):
        objects, _ = retarded(trajectories(part, *span(mjd_tdb)), mjd_tdb, observers)
        parts.append(columns_of(objects, suns, observers, part.H[:, None], part.G[:, None]))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {"midpointMjdTai": np.broadcast_to(times, (len(orbits), len(times))).copy(), **columns}


def retarded(paths: Paths, mjd_tdb: ArrayLike, observers: Array) -> tuple[Array, Array]:
    """States (n, m, 6) of objects when the light left them that an observer sees, and the light times (n, m).

    Times of observation (m,), or (n, m) for each object its own, are MJD TDB. Observers, (m, 3 or more) or
    (n, m, 3 or more), and states are barycentric, au and au/d. Light times are days in the barycentric frame. States
    are NaN where the light would have left an object beyond the end of its path.
    """
    times, here = np.atleast_1d(np.asarray(mjd_tdb, dtype=float)), observers[..., :3]
    limits = paths.limits
    # An object is seen until the light of its end has come.
    light_times = norms(paths.at(times if limits is None else np.clip(times, *limits))[..., :3] - here) / LIGHT_SPEED
    states = paths.at(times - light_times)
    # The next light time differs by some v/c of the first, in which the motion is a straight line.
    towards = states[..., :3] - here
    distance = norms(towards)
    receding = np.einsum("...i,...i->...", towards, states[..., 3:]) / distance
    later = (light_times - distance / LIGHT_SPEED) / (1.0 + receding / LIGHT_SPEED)
    states[..., :3] += later[..., None] * states[..., 3:]
    light_times -= later
    if limits is not None:
        emitted = times - light_times
        states[(emitted < limits[0]) | (emitted > limits[1])] = np.nan
    return states, light_times


def columns_of(objects: Array, suns: Array, observers: Array, H: Array, G: Array) -> dict[str, Array]:
    """What an observer sees of objects, in the columns of SsPrediction.

    Directions are astrometric: light time is taken into account, aberration and the bending of light are not. The rate
    is that of the direction: with rdot = topo . topo_v / |topo|, the apparent velocity is v (1 - rdot / c) - v_obs, v
    and v_obs barycentric. V follows the two-parameter magnitude system H, G (Bowell et al. 1989, "Asteroids II",
    p. 524), as in Sorcha and sbpy.

    Parameters
    ----------
    objects : ndarray, shape (..., 6)
        Barycentric states at the times of emission, au and au/d, ICRF.
    suns, observers : ndarray, shape (..., 6)
        Barycentric states at the times of observation.
    H, G : ndarray, shape (...)
        Magnitude and slope; an unknown G is 0.15, the IAU's.

    Returns
    -------
    dict of str to ndarray, shape (...)
        ephRa, ephDec (ICRS, deg), ephRateRa (with cos dec), ephRateDec (deg/d), ephVmag; helio_x ... topo_vz (au and
        km/s: object at emission less Sun or observer at observation); topoRange, helioRange (au), topoRangeRate,
        helioRangeRate (km/s), phaseAngle, elongation (deg).
    """
    helio, topo = objects - suns, objects - observers
    topo_range, helio_range = norms(topo[..., :3]), norms(helio[..., :3])
    topo_rate, helio_rate = (range_rates(x[..., :3], x[..., 3:]) for x in (topo, helio))
    apparent = objects[..., 3:] * (1.0 - topo_rate / LIGHT_SPEED)[..., None] - observers[..., 3:]
    seen = directions_and_rates(topo[..., :3].reshape(-1, 3), apparent.reshape(-1, 3))
    ra, dec, rate_ra, rate_dec = (column.reshape(topo_range.shape) for column in seen)
    phase = angles(helio[..., :3], topo[..., :3])
    return {
        "ephRa": ra,
        "ephDec": dec,
        "ephRateRa": rate_ra,
        "ephRateDec": rate_dec,
        "ephVmag": H + 5.0 * np.log10(helio_range * topo_range) - dimming(phase, G),
        **_vectors("helio_", helio),
        **_vectors("topo_", topo),
        "topoRange": topo_range,
        "topoRangeRate": topo_rate * AU_PER_DAY_KM_S,
        "helioRange": helio_range,
        "helioRangeRate": helio_rate * AU_PER_DAY_KM_S,
        "phaseAngle": phase,
        # The Sun is at topo - helio, seen from the observer.
        "elongation": angles(topo[..., :3] - helio[..., :3], topo[..., :3]),
    }


def dimming(phase_angle: Array, G: Array) -> Array:
    """2.5 log of the phase function of the H, G system, in its full form (Bowell et al. 1989, equations A4 to A6).

    JPL Horizons has the exponentials alone, which are up to 0.04 mag fainter below 5 degrees.
    """
    slope = np.where(np.isnan(G), DEFAULT_G, G)
    angle = np.radians(phase_angle)
    half, sine = np.tan(0.5 * angle), np.sin(angle)
    near_opposition = np.exp(-90.56 * half**2)
    flux = np.zeros(np.broadcast_shapes(slope.shape, angle.shape))
    for weight, a, b, c in ((1.0 - slope, 3.332, 0.631, 0.986), (slope, 1.862, 1.218, 0.238)):
        small = 1.0 - c * sine / (0.119 + 1.341 * sine - 0.754 * sine**2)
        large = np.exp(-a * half**b)
        flux += weight * (near_opposition * small + (1.0 - near_opposition) * large)
    return 2.5 * np.log10(flux)


def _vectors(prefix: str, states: Array) -> dict[str, Array]:
    """The six components of states under their column names: au and, of velocities, km/s."""
    positions = {f"{prefix}{axis}": states[..., i] for i, axis in enumerate("xyz")}
    return positions | {f"{prefix}v{axis}": states[..., i + 3] * AU_PER_DAY_KM_S for i, axis in enumerate("xyz")}
