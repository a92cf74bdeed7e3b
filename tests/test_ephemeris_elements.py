"""Elements to states and back, for every kind of conic."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.ephemeris.constants import GM_SUN
from ssdb.ephemeris.elements import cartesian_to_cometary, cometary_to_cartesian, keplerian_to_cometary
from ssdb.ephemeris.orbits import Orbits
from ssdb.errors import InputError
from ssdb.sky.frames import mean_ecliptic_rotation

ORDER = ("q", "e", "i", "node", "argperi", "peri_time")


def test_horizons_states_follow_from_its_elements_and_the_reverse():
    """13 objects, q from 0.46 to 26.9 au; JPL's numbers have 16 digits, its times 10 behind the point."""
    with shared_data("horizons/elements_sun_ec.csv").open() as file:
        rows = list(csv.DictReader(file))

    def column(name: str) -> np.ndarray:
        return np.array([float(row[name]) for row in rows])

    given_elements = [column(name) for name in ("q", "e", "incl", "Omega", "w", "tp_mjd")]
    rotation, epoch = mean_ecliptic_rotation(), column("mjd_tdb")
    ecliptic = np.stack([column(name) for name in ("x", "y", "z", "vx", "vy", "vz")], axis=1)
    states = np.concatenate([ecliptic[:, :3] @ rotation, ecliptic[:, 3:] @ rotation], axis=1)
    np.testing.assert_allclose(cometary_to_cartesian(*given_elements, epoch), states, rtol=0, atol=5e-12)
    found = cartesian_to_cometary(states, epoch)
    for name, expected, tolerance in zip(ORDER, given_elements, (1e-13, 1e-13, 1e-12, 1e-11, 1e-10, 1e-8), strict=True):
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=tolerance, err_msg=name)


def test_a_parabola_reaches_a_right_angle_when_barker_says():
    """At a true anomaly of 90 degrees r = 2 q, after 4/3 sqrt(2 q^3 / GM) (Barker's equation with tan = 1)."""
    q = 0.7
    days = 4.0 / 3.0 * np.sqrt(2.0 * q**3 / GM_SUN)
    state = cometary_to_cartesian([q], [1.0], [0.0], [0.0], [0.0], [0.0], [days])[0]
    np.testing.assert_allclose(state[:3] @ mean_ecliptic_rotation().T, [0.0, 2 * q, 0.0], atol=1e-14)


def test_an_ellipse_follows_keplers_equation():
    """E - e sin E = M at E = 2 rad, the position from the centre of the ellipse; after some revolutions too."""
    a, e, anomaly = 2.5, 0.3, 2.0
    mean = np.degrees(anomaly - e * np.sin(anomaly))
    q, peri_time = keplerian_to_cometary([a], [e], [mean], [60000.0])
    expected = [a * (np.cos(anomaly) - e), a * np.sqrt(1 - e * e) * np.sin(anomaly), 0.0]
    period = 2 * np.pi * np.sqrt(a**3 / GM_SUN)
    for turns in (0, 1, -7):
        state = cometary_to_cartesian(q, [e], [0.0], [0.0], [0.0], peri_time, [60000.0 + turns * period])[0]
        np.testing.assert_allclose(state[:3] @ mean_ecliptic_rotation().T, expected, atol=1e-9)


def test_a_hyperbola_follows_keplers_equation():
    """e sinh F - F = M at F = -1.5."""
    a, e, anomaly = -1.2, 2.5, -1.5
    mean = np.degrees(e * np.sinh(anomaly) - anomaly)
    q, peri_time = keplerian_to_cometary([a], [e], [mean], [60000.0])
    state = cometary_to_cartesian(q, [e], [0.0], [0.0], [0.0], peri_time, [60000.0])[0]
    expected = [a * (np.cosh(anomaly) - e), -a * np.sqrt(e * e - 1) * np.sinh(anomaly), 0.0]
    np.testing.assert_allclose(state[:3] @ mean_ecliptic_rotation().T, expected, atol=1e-13)


@settings(max_examples=60)
@given(
    st.floats(0.005, 50.0),
    st.one_of(st.floats(0.0, 0.99), st.floats(-1e-3, 1e-3).map(lambda x: 1.0 + x), st.floats(1.001, 4.0), st.just(1.0)),
    st.tuples(st.floats(0.0, 180.0), st.floats(0.0, 360.0), st.floats(0.0, 360.0)),
    st.floats(-3000.0, 3000.0),
)
def test_states_keep_the_energy_and_lead_back_to_themselves(q, e, angles, days):
    """Any conic, any plane, any time: v^2/2 - GM/r = -GM (1 - e) / 2q, and the elements of a state give the state."""
    state = cometary_to_cartesian([q], [e], *([angle] for angle in angles), [0.0], [days])
    radius, speed2 = np.linalg.norm(state[0, :3]), state[0, 3:] @ state[0, 3:]
    assert radius >= q * (1 - 1e-12)
    energy = -GM_SUN * (1 - e) / (2 * q)
    assert speed2 / 2 - GM_SUN / radius == pytest.approx(energy, abs=1e-11 * (GM_SUN / q + abs(energy)))
    found = cartesian_to_cometary(state, [days])
    again = cometary_to_cartesian(*(found[name] for name in ORDER), [days])
    np.testing.assert_allclose(again[0, :3], state[0, :3], rtol=0, atol=1e-8 * radius)


def test_a_circle_in_the_ecliptic_has_elements():
    """Neither node nor perihelion is defined: node 0, the perihelion where the object is."""
    speed = np.sqrt(GM_SUN)
    rotation = mean_ecliptic_rotation()
    state = np.concatenate([[0.0, 1.0, 0.0] @ rotation, [-speed, 0.0, 0.0] @ rotation])[None]
    found = cartesian_to_cometary(state, [60000.0])
    assert found["q"][0] == pytest.approx(1.0, abs=1e-14)
    assert found["e"][0] < 1e-14
    again = cometary_to_cartesian(*(found[name] for name in ORDER), [60000.0])
    np.testing.assert_allclose(again, state, atol=1e-12)


def test_a_fall_into_the_sun_has_no_elements():
    with pytest.raises(InputError, match=r"orbits 1 are straight lines"):
        cartesian_to_cometary([[1, 0, 0, 0, 0.01, 0], [1, 0, 0, -0.01, 0, 0]], [0.0, 0.0])


@pytest.mark.parametrize(
    ("name", "value"),
    [("q", 0.0), ("q", -1.0), ("e", -0.1), ("i", np.nan), ("peri_time", np.inf), ("epoch_mjd", np.nan)],
)
def test_an_orbit_that_makes_no_sense_is_named(name, value):
    values = {"q": 2.0, "e": 0.1, "i": 1.0, "node": 2.0, "argperi": 3.0, "peri_time": 60000.0, "epoch_mjd": 60000.0}
    columns = {key: np.array([number, number]) for key, number in values.items()}
    columns[name][1] = value
    with pytest.raises(InputError, match=r"q above 0.*: bad$"):
        Orbits.from_elements(["good", "bad"], **columns)


def test_states_that_make_no_sense_are_named():
    unknown = np.full(2, np.nan)
    states = np.array([[1.0, 0, 0, 0, 0.01, 0], [np.nan, 0, 0, 0, 0.01, 0]])
    with pytest.raises(InputError, match="not finite: bad"):
        Orbits(np.array(["good", "bad"]), np.full(2, 60000.0), states, unknown, unknown)
    with pytest.raises(InputError, match="as many"):
        Orbits(np.array(["good", "bad"]), np.full(1, 60000.0), states, unknown, unknown)
