"""Geometry on the sphere."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.sky.sphere import (
    cap_area,
    moved,
    positions,
    separations,
    smallest_cap,
    tangent_offsets,
    turns,
    unit_vectors,
)

RA = st.one_of(st.floats(0, 360, exclude_max=True), st.sampled_from([0.0, 1e-13, 180.0, 359.99999999999994]))
DEC = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, -89.9999999, 0.0, 89.9999999, 90.0]))


@pytest.fixture
def scattered(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions all over the sky, degrees."""
    return rng.uniform(0, 360, 500), np.degrees(np.arcsin(rng.uniform(-1, 1, 500)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20250504)


def test_unit_vectors_are_those_of_astropy(scattered):
    """x points to 0h, y to 6h, z to the pole."""
    expected = SkyCoord(*scattered, unit="deg").cartesian.xyz.value.T
    np.testing.assert_allclose(unit_vectors(*scattered), expected, atol=3e-16)


@given(RA, DEC)
def test_positions_give_back_what_unit_vectors_took(ra, dec):
    """ra is in [0, 360) and the position is the same, whatever the length of the vector."""
    back_ra, back_dec = positions(3.5 * unit_vectors(ra, dec))
    assert 0 <= back_ra < 360
    assert separations(ra, dec, back_ra, back_dec) < 1e-9


def test_positions_just_before_0h_do_not_become_360():
    """A tiny negative right ascension, whose remainder rounds to 360, is 0."""
    ra, _ = positions([1.0, -1e-20, 0.0])
    assert ra == 0.0


def test_positions_and_vectors_of_nothing_are_empty():
    """Empty in, empty out."""
    assert unit_vectors([], []).shape == (0, 3)
    assert positions(np.empty((0, 3)))[0].shape == (0,)
    assert separations([], [], [], []).shape == (0,)
    assert moved([], [], [], [], [])[0].shape == (0,)


def test_separations_are_those_of_astropy(scattered):
    """Any separation, and microarcseconds near a pole and across 0h, to 1e-6 arcsec."""
    ra, dec = scattered
    expected = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(ra[::-1], dec[::-1], unit="deg")).arcsec
    np.testing.assert_allclose(separations(ra, dec, ra[::-1], dec[::-1]), expected, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((10.0, 20.0), (10.0, 20.0), 0.0),
        ((10.0, 20.0), (10.0, 20.0 + 1e-6 / 3600), 1e-6),
        ((360.0 - 0.5 / 3600, 0.0), (0.5 / 3600, 0.0), 1.0),
        ((0.0, 90.0 - 1.0 / 3600), (180.0, 90.0 - 1.0 / 3600), 2.0),
        ((0.0, 90.0), (123.0, 90.0), 0.0),
        ((30.0, 40.0), (210.0, -40.0), 180.0 * 3600),
        ((30.0, 40.0), (210.0, -40.0 + 1.0 / 3600), 180.0 * 3600 - 1.0),
        ((0.0, 90.0), (77.0, -90.0), 180.0 * 3600),
    ],
)
def test_separations_that_are_known(first, second, expected):
    """Zero, a microarcsecond, over 0h, over a pole, antipodes and nearly so: to 1e-9 arcsec."""
    assert separations(*first, *second) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("center", [(0.0, 0.0), (359.999999, 33.0), (120.0, -89.9999), (210.0, 89.99), (45.0, 90.0)])
def test_tangent_offsets_are_the_gnomonic_projection_of_astropy(center, rng):
    """Offsets equal the tangents of astropy's sky-offset frame, at 0h, near a pole and at it."""
    origin = SkyCoord(*center, unit="deg")
    ra, dec = moved(*center, rng.normal(size=50) * 0.1, rng.normal(size=50) * 0.1, 1.0)
    lon, lat, w = SkyCoord(ra, dec, unit="deg").transform_to(origin.skyoffset_frame()).cartesian.xyz.value[[1, 2, 0]]
    east, north = tangent_offsets(*center, ra, dec)
    arcsec = np.degrees(1.0) * 3600
    np.testing.assert_allclose(east, lon / w * arcsec, atol=1e-8, rtol=0)
    np.testing.assert_allclose(north, lat / w * arcsec, atol=1e-8, rtol=0)


def test_tangent_offsets_keep_nanoarcseconds():
    """Nothing cancels in an offset of 1e-9 arcsec, at a declination where the usual formula would lose it."""
    step = 2.0**-41  # deg, exact in double precision beside these coordinates; 1.6e-9 arcsec
    east, north = tangent_offsets(0.0, 64.0, step, 64.0)
    assert east == pytest.approx(step * 3600 * np.cos(np.radians(64.0)), rel=1e-12)
    assert abs(north) < 1e-20
    east, north = tangent_offsets(100.0, 0.5, 100.0, 0.5 + step)
    assert east == 0.0
    assert north == pytest.approx(step * 3600, rel=1e-12)


def test_tangent_offsets_of_the_other_hemisphere_are_nan():
    """A point 90 degrees or more away has no projection, rather than a mirrored one."""
    east, north = tangent_offsets([0.0, 0.0], [0.0, 0.0], [179.0, 91.0], [0.0, 3.0])
    assert np.isnan(east).all()
    assert np.isnan(north).all()


@pytest.mark.parametrize("dec", [0.0, 60.0, -89.9999, 89.99999])
def test_moved_goes_along_the_great_circle(dec, rng):
    """The distance is rate x time and the direction atan2(rate_ra, rate_dec), by astropy's measure of both."""
    rate_ra, rate_dec, days = rng.normal(size=(3, 100)) * [[1.0], [1.0], [0.02]]
    start = SkyCoord(np.full(100, 359.99999), np.full(100, dec), unit="deg")
    ra, dec_after = moved(start.ra.deg, start.dec.deg, rate_ra, rate_dec, days)
    end = SkyCoord(ra, dec_after, unit="deg")
    distance = np.hypot(rate_ra, rate_dec) * np.abs(days) * 3600
    np.testing.assert_allclose(start.separation(end).arcsec, distance, atol=1e-8, rtol=0)
    turn = start.position_angle(end).rad - np.arctan2(rate_ra * np.sign(days), rate_dec * np.sign(days))
    np.testing.assert_allclose(distance * np.sin(turn), 0.0, atol=1e-8)
    assert np.cos(turn).min() > 0
    assert ra.min() >= 0
    assert ra.max() < 360


def test_moved_without_rates_time_or_motion_keeps_the_position_to_the_bit():
    """An unknown rate is no reason to lose, or to round, a position."""
    nan = np.nan
    ra, dec = np.full(5, 123.456789012345), np.full(5, -12.3456789012345)
    after = moved(ra, dec, [nan, 1.0, 1.0, 0.0, 1.0], [1.0, nan, 1.0, 0.0, 1.0], [1.0, 1.0, nan, 1.0, 0.0])
    assert (after[0] == ra).all()
    assert (after[1] == dec).all()


def _brute_force_cap(ra, dec):
    """Radius (deg) of the smallest cap over the circles of all pairs and triples, or 180, by plain vector algebra."""
    points = unit_vectors(ra, dec)
    centers = [points[0], *(a + b for a, b in combinations(points, 2))]
    for a, b, c in combinations(points, 3):
        pole = np.cross(b - a, c - a)
        centers += [pole, -pole]
    lengths = np.linalg.norm(centers, axis=1)
    centers = np.array(centers)[lengths > 1e-9] / lengths[lengths > 1e-9, None]
    radius = np.degrees(np.arccos(np.clip((centers @ points.T).min(axis=1), -1, 1))).min()
    return radius if radius < 89.9999 else 180.0


@given(st.lists(st.tuples(st.integers(0, 35), st.integers(-9, 9)), min_size=1, max_size=9), st.randoms())
def test_smallest_cap_is_the_smallest_for_any_order(grid, random):
    """On a coarse grid, with duplicates, poles and great circles: the radius of a brute-force search."""
    ra, dec = 10.0 * np.array(grid, dtype=float).T
    center, radius = smallest_cap(ra, dec)
    assert radius == pytest.approx(_brute_force_cap(ra, dec), abs=2e-4)
    if radius < 180:
        center_ra, center_dec = positions(center)
        assert separations(center_ra, center_dec, ra, dec).max() / 3600 == pytest.approx(radius, abs=1e-12)
    shuffled = list(range(len(grid)))
    random.shuffle(shuffled)
    again_center, again_radius = smallest_cap(ra[shuffled], dec[shuffled])
    assert again_radius == radius
    assert again_center.tobytes() == center.tobytes()


def test_smallest_cap_of_many_points_is_the_same_for_any_order(rng):
    """10,000 points in a field over 0h: bit-identical whatever the order, and no larger than the field."""
    ra, dec = moved(0.0, -30.0, *rng.uniform(-1, 1, (2, 10000)), 1.0)
    order = rng.permutation(10000)
    center, radius = smallest_cap(ra, dec)
    again_center, again_radius = smallest_cap(ra[order], dec[order])
    assert center.tobytes() == again_center.tobytes()
    assert radius == again_radius
    assert 1.35 < radius < np.sqrt(2)


@pytest.mark.parametrize("size_arcsec", [1e-3, 1.0, 700.0])
@pytest.mark.parametrize("center", [(0.0, 0.0), (10.0, 89.9), (200.0, -90.0)])
def test_smallest_cap_of_a_small_square(size_arcsec, center):
    """The circle round a square has half its diagonal as radius; tiny squares keep 1e-6 of it."""
    side = size_arcsec / 3600
    ra, dec = moved(*center, side * np.array([1, 1, -1, -1]), side * np.array([1, -1, 1, -1]), 1.0)
    _, radius = smallest_cap(ra, dec)
    assert radius == pytest.approx(side * np.sqrt(2), rel=1e-6)


def test_smallest_cap_of_one_point_has_no_radius():
    """A point, given once or three times."""
    for times in (1, 3):
        center, radius = smallest_cap([25.0] * times, [60.0] * times)
        assert radius == 0.0
        np.testing.assert_allclose(center, unit_vectors(25.0, 60.0), atol=1e-16)


def test_smallest_cap_of_points_all_round_is_the_whole_sky():
    """Points that no hemisphere holds."""
    assert smallest_cap([0.0, 120.0, 240.0, 0.0], [-10.0, -10.0, -10.0, 90.0])[1] == 180.0


@pytest.mark.parametrize(("ra", "dec"), [([], []), ([1.0, np.nan], [1.0, 1.0])])
def test_smallest_cap_refuses_nothing_and_nan(ra, dec):
    """No points, or an unknown one, have no cap."""
    with pytest.raises(InputError, match="finite"):
        smallest_cap(ra, dec)


def test_cap_area_known_values():
    """The sky, a hemisphere, and a small cap that is flat to 1e-10."""
    sky = 4 * np.pi * (180 * 3600 / np.pi) ** 2
    np.testing.assert_allclose(cap_area([180.0, 90.0, 0.0]), [sky, sky / 2, 0.0], rtol=1e-14)
    assert cap_area(1.0 / 3600) == pytest.approx(np.pi, rel=1e-10)


@pytest.mark.parametrize("dec", [0.0, 30.0, -75.0, 89.9999, 90.0, -90.0])
def test_axes_are_turned_by_the_convergence_of_meridians(dec):
    """East and north of points within a degree, carried along the great circle to the centre without turning."""
    rng = np.random.default_rng(6)
    ra0, dec0 = np.full(50, 359.9), np.full(50, dec)
    ra, dec = moved(ra0, dec0, rng.uniform(-1, 1, 50), rng.uniform(-1, 1, 50), rng.choice([1.0, 1e-4], 50))
    from_, to = unit_vectors(ra, dec), unit_vectors(ra0, dec0)
    lon0, lon = np.radians(ra0), np.radians(ra)
    east0, east = (np.stack([-np.sin(angle), np.cos(angle), 0 * angle], -1) for angle in (lon0, lon))
    # A rotation that takes one point to the other: v - (v . to) (from + to) / (1 + from . to), v tangent at from.
    carried = east - np.sum(east * to, axis=1)[:, None] * (from_ + to) / (1 + np.sum(from_ * to, axis=1))[:, None]
    expected = np.arctan2(np.sum(carried * np.cross(to, east0), axis=1), np.sum(carried * east0, axis=1))
    difference = turns(ra0, dec0, ra, dec) - expected
    np.testing.assert_allclose((difference + np.pi) % (2 * np.pi) - np.pi, 0.0, atol=1e-9)
