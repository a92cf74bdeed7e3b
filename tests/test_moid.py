"""MOIDs: against another's algorithm, against brute force, and what they mean."""

from __future__ import annotations

from collections.abc import Callable

import distlink
import numpy as np
import pytest
from conftest import shared_data
from scipy.optimize import minimize
from scipy.spatial import cKDTree

import ssdb
from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ingest.formats.mpcorb import read_mpcorb
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.summary import closest_points, moid
from ssdb.summary.moid import COLUMNS, earth_minima, earth_moid
from ssdb.units import AU_PER_DAY_KM_S, Array

ELEMENTS = ("q", "e", "i", "node", "argperi", "epoch_mjd")
Curve = Callable[[Array], Array]


def earth_elements(mjd: float) -> tuple[float, float, float, float]:
    """a (au), e, i and longitude of perihelion (deg) of JPL's table 1; the node is at 0."""
    t = (mjd - 51544.5) / 36525.0
    a, e = 1.00000261 + 0.00000562 * t, 0.01671123 - 0.00004392 * t
    return a, e, -0.00001531 - 0.01294668 * t, 102.93768193 + 0.32327364 * t


def random_orbits(n: int, seed: int) -> dict[str, Array]:
    """Orbits (6, n) of all kinds, and of those that are hard."""
    rng = np.random.default_rng(seed)

    def angles(largest_inclination: float) -> tuple[Array, ...]:
        i = np.degrees(np.arccos(rng.uniform(np.cos(np.radians(largest_inclination)), 1.0, n)))
        return i, rng.uniform(0, 360, n), rng.uniform(0, 360, n), rng.uniform(40_000, 62_000, n)

    e = rng.uniform(0.0, 0.9, n)
    far_and_near = 10 ** rng.uniform(-3.0, 1.6, n)
    orbits = {
        "near-Earth": (rng.uniform(0.05, 1.4, n), rng.uniform(0.0, 0.99, n), *angles(180.0)),
        "touching at perihelion": (rng.uniform(1.0157, 1.0177, n), e, *angles(1.5)),
        "touching at aphelion": (rng.uniform(0.97, 1.03, n) * (1 - e) / (1 + e), e, *angles(3.0)),
        "like the Earth's": (rng.uniform(0.93, 1.03, n), 0.1 * e, *angles(3.0)),
        "coplanar": (rng.uniform(0.3, 1.1, n), e, np.where(e < 0.4, 0.0, 1e-3 * e), *angles(0.0)[1:]),
        "sungrazers": (10 ** rng.uniform(-3.0, 0.0, n), 1 - 10 ** rng.uniform(-5.0, -1.0, n), *angles(180.0)),
        "long": (far_and_near, np.full(n, 0.9999), *angles(180.0)),
        "parabolas": (far_and_near, np.ones(n), *angles(180.0)),
        "hyperbolas": (far_and_near, 1 + 10 ** rng.uniform(-3.0, 0.7, n), *angles(180.0)),
        "main belt": (rng.uniform(1.3, 4.0, n), 0.5 * e, *angles(60.0)),
        "circles": (10 ** rng.uniform(-1.0, 1.6, n), np.zeros(n), *angles(180.0)),
        "beyond Jupiter": (rng.uniform(4.0, 45.0, n), 0.3 * e, *angles(180.0)),
    }
    return {kind: np.array(elements) for kind, elements in orbits.items()}


def by_distlink(orbits: Array) -> tuple[Array, Array]:
    """MOIDs of distlink-python (Baluev & Mikryukov 2019), and which of them it is sure of."""
    largest, smallest, _ = distlink.detect_suitable_options()
    found = []
    for q, e, i, node, argperi, mjd in orbits.T:
        a, of_earth, inclination, perihelion = earth_elements(mjd)
        earth = distlink.COrbitData(a, of_earth, np.radians(inclination), np.radians(perihelion), 0.0)
        other = distlink.COrbitData(q / (1 - e), e, np.radians(i), np.radians(argperi), np.radians(node))
        result = distlink.MOID_fast(earth, other, largest, smallest)
        found.append((result.distance, result.good))
    distance, good = np.array(found).T
    return distance, good.astype(bool)


def curve(q: float, e: float, i: float, node: float, argperi: float) -> Curve:
    """Ecliptic places (..., 3) on an orbit by true anomaly."""

    def turned(angle: float, axis: int) -> Array:
        c, s = np.cos(np.radians(angle)), np.sin(np.radians(angle))
        return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]] if axis == 2 else [[1, 0, 0], [0, c, -s], [0, s, c]])

    towards, ahead, _ = (turned(node, 2) @ turned(i, 0) @ turned(argperi, 2)).T

    def place(f: Array) -> Array:
        r = q * (1 + e) / (1 + e * np.cos(f))
        return np.asarray((r * np.cos(f))[..., None] * towards + (r * np.sin(f))[..., None] * ahead)

    return place


def brute_force(q: float, e: float, i: float, node: float, argperi: float, mjd: float, n: int = 900) -> Array:
    """Distance, true anomalies (deg) on the Earth's orbit and on this one of all minima (m, 3): sampled, minimised."""
    a, of_earth, inclination, perihelion = earth_elements(mjd)
    earth = curve(a * (1 - of_earth), of_earth, inclination, 0.0, perihelion)
    orbit = curve(q, e, i, node, argperi)
    farthest = min(q + 3.0, q * (1 + e) / (1 - e) if e < 1 else np.inf)
    closed = farthest < q + 3.0
    r = np.linspace(q, farthest, n)[1:-1]
    by_radius = np.arccos(np.clip((q * (1 + e) / r - 1) / max(e, 1e-9), -1, 1)) if e > 1e-9 else r[:0]
    end = np.pi if closed else by_radius[-1]
    f = np.unique(np.concatenate([np.linspace(-end, end, n), by_radius, -by_radius]))
    of_earth_f = np.linspace(-np.pi, np.pi, 20_000, endpoint=False)
    distance, nearest = cKDTree(earth(of_earth_f)).query(orbit(f))
    left, right = np.roll(distance, 1), np.roll(distance, -1)
    if not closed:
        left[0] = right[-1] = -np.inf
    found: list[Array] = []
    for j in np.flatnonzero((distance <= left) & (distance <= right)):
        scale = 100 * (f[min(j + 1, len(f) - 1)] - f[max(j - 1, 0)])
        start = np.array([of_earth_f[nearest[j]], f[j]])

        def squared(x: Array, start: Array = start, scale: float = scale) -> float:
            apart = earth(start[0] + x[0]) - orbit(start[1] + scale * x[1])
            return float(apart @ apart)

        simplex = [[0, 0], [3e-4, 0], [0, 0.01]]
        options = {"xatol": 1e-12, "fatol": 1e-30, "maxiter": 2000, "initial_simplex": simplex}
        end_of_descent = minimize(squared, [0, 0], method="Nelder-Mead", options=options)
        found.append(np.array([np.sqrt(end_of_descent.fun), *(start + end_of_descent.x * [1, scale])]))
    found.sort(key=lambda minimum: minimum[0])
    different: list[Array] = []
    for minimum in found:
        if all(np.abs(np.exp(1j * minimum[1:]) - np.exp(1j * other[1:])).max() > 1e-4 for other in different):
            different.append(minimum)
    return np.array(different) * [1, 180 / np.pi, 180 / np.pi]


def angle_between(x: Array, y: Array) -> Array:
    return np.abs((np.asarray(x) - y + 180.0) % 360.0 - 180.0)


@pytest.fixture(scope="module")
def mpcorb() -> Array:
    """Elements (6, n) of the shared orbits."""
    blocks = read_mpcorb(shared_data("mpcorb") / "mpcorb.dat.gz")
    return np.concatenate([np.stack([block.rows[name].to_numpy() for name in ELEMENTS]) for block in blocks], axis=1)


def test_real_orbits_have_the_moids_of_distlink(mpcorb: Array) -> None:
    every = np.arange(mpcorb.shape[1])
    some = mpcorb[:, (mpcorb[0] < 1.3) | (every % 10 == 0)]
    assert some.shape[1] > 2000
    np.testing.assert_allclose(earth_moid(*some)["MOIDEarth"], by_distlink(some)[0], rtol=0, atol=1e-13)


@pytest.mark.parametrize("kind", [kind for kind in random_orbits(1, 0) if kind != "parabolas"])
def test_random_orbits_have_the_moids_of_distlink(kind: str) -> None:
    """Where distlink is sure; it is given a = q/(1 - e), whose rounding matters where e is almost 1."""
    orbits = random_orbits(150, 3)[kind]
    distance, good = by_distlink(orbits)
    found = earth_moid(*orbits)["MOIDEarth"]
    np.testing.assert_allclose(found[good], distance[good], rtol=0, atol=1e-10)
    assert (found <= distance + 1e-10).all()


@pytest.mark.parametrize("kind", random_orbits(1, 0))
def test_all_minima_are_found(kind: str) -> None:
    for orbit in random_orbits(4, 4)[kind].T:
        expected, found = brute_force(*orbit), earth_minima(*orbit)
        assert len(found["MOIDEarth"]) == len(expected), orbit
        np.testing.assert_allclose(found["MOIDEarth"], expected[:, 0], rtol=0, atol=1e-9)
        of_earth, of_object = (found[name] for name in COLUMNS[3:])
        assert angle_between(of_earth, expected[:, 1]).max() < 1e-3
        assert angle_between(of_object, expected[:, 2]).max() < 1e-3
        assert found["MOIDEarth"][0] == earth_moid(*orbit)["MOIDEarth"]


def state_at(orbit: Array, anomaly: float) -> Array:
    """The state (6,), au and au/d on ecliptic axes, at a true anomaly (deg), by the time when two-body motion is there.

    The anomaly as a function of time is inverted by halving the interval."""
    q, e, i, node, argperi, _ = orbit
    towards = curve(q, e, i, node, argperi)(np.array([0.0, 0.5 * np.pi]))
    rotation = mean_ecliptic_rotation()

    def at(time: float) -> Array:
        state = cometary_to_cartesian([q], [e], [i], [node], [argperi], [0.0], [time])[0]
        return np.concatenate([rotation @ state[:3], rotation @ state[3:]])

    half_period = np.pi * np.sqrt((q / (1 - e)) ** 3 / 0.01720209895**2) if e < 1 else 1e5
    wanted = (anomaly + 180.0) % 360.0 - 180.0
    low, high = -half_period, half_period
    for _ in range(200):
        time = 0.5 * (low + high)
        if time in (low, high):
            break  # no other number lies between
        place = at(time)[:3]
        here = np.degrees(np.arctan2(place @ towards[1] / np.linalg.norm(towards[1]), place @ towards[0] / q))
        low, high = (time, high) if here < wanted else (low, time)
    return at(0.5 * (low + high))


@pytest.mark.parametrize("kind", ["near-Earth", "coplanar", "parabolas", "hyperbolas", "main belt", "circles"])
def test_points_and_speed_are_those_of_motion_by_time(kind: str) -> None:
    for orbit in random_orbits(4, 8)[kind].T:
        found = earth_moid(*orbit)
        a, of_earth, inclination, perihelion = earth_elements(orbit[5])
        earth_orbit = np.array([a * (1 - of_earth), of_earth, inclination, 0.0, perihelion, 0.0])
        earth = state_at(earth_orbit, found["MOIDEarthTrueAnomaly"])
        other = state_at(orbit, found["MOIDEarthTrueAnomalyObject"])
        assert np.linalg.norm(earth[:3] - other[:3]) == pytest.approx(found["MOIDEarth"], abs=1e-9)
        speed = np.linalg.norm(earth[3:] - other[3:]) * AU_PER_DAY_KM_S
        assert speed == pytest.approx(found["MOIDEarthDeltaV"], rel=1e-7)
        longitude = np.degrees(np.arctan2(earth[1], earth[0]))
        assert angle_between(found["MOIDEarthEclipticLongitude"], longitude) < 1e-6


def test_rows_are_the_same_alone_and_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    orbits = np.concatenate(list(random_orbits(9, 5).values()), axis=1)
    whole = earth_moid(*orbits)
    order = np.random.default_rng(0).permutation(orbits.shape[1])
    mixed = earth_moid(*orbits[:, order])
    alone = [earth_moid(*orbit) for orbit in orbits.T]
    monkeypatch.setattr(moid, "_AT_ONCE", 7)
    monkeypatch.setattr(closest_points, "_IN_CACHE", 3)
    few = earth_moid(*orbits)
    for name in COLUMNS:
        np.testing.assert_array_equal(whole[name][order], mixed[name])
        np.testing.assert_array_equal(whole[name], [row[name] for row in alone])
        np.testing.assert_array_equal(whole[name], few[name])


@pytest.mark.parametrize(
    "element",
    [{name: np.nan} for name in ELEMENTS] + [{"q": 0.0}, {"q": -1.0}, {"e": -0.1}, {"q": np.inf}, {"e": np.inf}],
)
def test_what_is_not_usable_is_nan_and_changes_no_other_row(element: dict[str, float]) -> None:
    orbits = random_orbits(3, 6)["near-Earth"]
    expected = earth_moid(*orbits)
    ((name, value),) = element.items()
    orbits[ELEMENTS.index(name), 1] = value
    found = earth_moid(*orbits)
    for column in COLUMNS:
        assert np.isnan(found[column][1])
        np.testing.assert_array_equal(found[column][[0, 2]], expected[column][[0, 2]])
    with pytest.raises(ssdb.InputError, match="an orbit needs q from 1e-09 to 100000, e from 0 to"):
        earth_minima(*orbits[:, 1])


def test_arrays_scalars_and_keywords() -> None:
    orbits = random_orbits(4, 7)["near-Earth"]
    expected = earth_moid(*orbits)["MOIDEarth"]
    square = {name: x.reshape(2, 2) for name, x in zip(ELEMENTS, orbits, strict=True)}
    np.testing.assert_array_equal(ssdb.earth_moid(**square)["MOIDEarth"], expected.reshape(2, 2))
    one = ssdb.earth_moid(**dict(zip(ELEMENTS, orbits[:, 0], strict=True)))
    assert isinstance(one["MOIDEarth"], float)
    assert one["MOIDEarth"] == expected[0]
    assert ssdb.earth_moid(0.5, 0.5, [1.0, 2.0], 0.0, 0.0, 61000)["MOIDEarth"].shape == (2,)
    assert ssdb.earth_moid([], [], [], [], [], [])["MOIDEarth"].shape == (0,)


def test_a_circle_in_the_plane_of_the_earth() -> None:
    """Nearest to the Earth's aphelion from outside, to its perihelion from inside; the Earth's own orbit is at 0."""
    mjd = 61000.0
    a, e, inclination, perihelion = earth_elements(mjd)
    outside, inside = (earth_moid(q, 0.0, inclination, 0.0, 77.0, mjd) for q in (2.0, 0.5))
    assert outside["MOIDEarth"] == pytest.approx(2.0 - a * (1 + e), abs=1e-14)
    assert outside["MOIDEarthTrueAnomaly"] == pytest.approx(180.0, abs=1e-5)
    assert outside["MOIDEarthEclipticLongitude"] == pytest.approx(perihelion + 180.0, abs=1e-5)
    assert inside["MOIDEarth"] == pytest.approx(a * (1 - e) - 0.5, abs=1e-14)
    assert angle_between(inside["MOIDEarthTrueAnomaly"], 0.0) < 1e-5
    own = earth_moid(a * (1 - e), e, inclination, 0.0, perihelion, mjd)
    assert own["MOIDEarth"] < 1e-12
    assert own["MOIDEarthDeltaV"] < 1e-5
    assert len(earth_minima(2.0, 0.0, inclination, 0.0, 77.0, mjd)["MOIDEarth"]) == 1


def test_nothing_happens_at_eccentricity_1() -> None:
    q = np.array([0.001, 0.3, 1.0167, 5.0, 40.0])
    below, at, above = (earth_moid(q, e, 160.0, 10.0, 100.0, 60000.0) for e in (1.0 - 1e-12, 1.0, 1.0 + 1e-12))
    for name in COLUMNS:
        np.testing.assert_allclose(below[name], at[name], rtol=1e-9)
        np.testing.assert_allclose(above[name], at[name], rtol=1e-9)


def test_bounds() -> None:
    orbits = np.concatenate(list(random_orbits(500, 9).values()), axis=1)
    found = earth_moid(*orbits)
    a, e, _, _ = earth_elements(orbits[5])
    assert (found["MOIDEarth"] >= np.maximum(0.0, orbits[0] - a * (1 + e)) - 1e-13).all()
    assert (found["MOIDEarth"] <= np.hypot(orbits[0], a * (1 + e))).all()
    for name in COLUMNS[2:]:
        assert (found[name] >= 0).all()
        assert (found[name] < 360).all()


def test_the_earth_has_an_inclination() -> None:
    """An orbit in the ecliptic that crosses the Earth's a quarter turn from its node passes 0.0034 deg above it."""
    a, e, inclination, perihelion = earth_elements(61000.0)
    r = a * (1 - e**2) / (1 + e * np.cos(np.radians(90.0 - perihelion)))
    found = earth_moid(r / 1.5, 0.5, 0.0, 0.0, 0.0, 61000.0)  # crosses r at 90 deg from its perihelion, and at 270
    assert found["MOIDEarth"] == pytest.approx(r * np.sin(np.radians(-inclination)), rel=0.02)
    assert found["MOIDEarth"] > 5.5e-5


def test_the_lower_of_minima_side_by_side_is_found() -> None:
    """Real near-Earth asteroids of which Rubin's method, that follows the lowest point of a grid, finds others.

    It gives 0.00833 of the first, then 0.02503, 0.03831, 0.16887 and 0.22033 au.
    """
    orbits = np.array(
        [
            (0.6224416209842362, 0.6239176, 6.06733, 34.04626, 92.91315, 61000.0),
            (0.36582264984220064, 0.752446, 18.03316, 139.51238, 303.9177, 61000.0),
            (1.021429451385291, 0.592099, 6.15332, 299.98324, 326.2085, 61000.0),
            (1.1530743890565045, 0.3373665, 1.9918, 311.70113, 171.16507, 61000.0),
            (0.6837420810950162, 0.5947798, 14.60088, 317.36126, 345.84293, 61000.0),
        ]
    ).T
    found = earth_moid(*orbits)["MOIDEarth"]
    assert found == pytest.approx([0.0046319, 0.0249361, 0.0382375, 0.1688246, 0.2202906], abs=1e-7)
    lowest = [brute_force(*orbit)[0, 0] for orbit in orbits.T]
    assert found == pytest.approx(lowest, abs=1e-12)
