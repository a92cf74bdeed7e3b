"""Boxes in right ascension and zones of declination hold the circles that they are made for."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.sky.boxes import zone_boxes

RADII = st.sampled_from([1e-4, 0.01, 0.5, 5.0])
CENTRES = st.one_of(
    st.tuples(st.sampled_from([0.0, 1e-9, 0.2, 180.0, 359.9999, np.nextafter(360.0, 0.0)]), st.floats(-90.0, 90.0)),
    st.tuples(st.floats(0.0, 359.9), st.sampled_from([-90.0, -89.9, 0.0, 1 / 60, 89.5, 90.0])),
)


def held(ra: np.ndarray, dec: np.ndarray, centre: tuple[float, float], radius: float) -> np.ndarray:
    """In how many parts of the box round a centre each position is, as the database compares them."""
    boxes = zone_boxes([centre[0]], [centre[1]], [radius])
    zone = np.floor((dec[:, None] + 90.0) * 60.0)
    return ((zone == boxes.zone) & (ra[:, None] >= boxes.ra0) & (ra[:, None] <= boxes.ra1)).sum(axis=1)


@settings(max_examples=60)
@given(centre=CENTRES, radius=RADII, seed=st.integers(0, 2**32))
def test_what_is_within_the_radius_is_in_one_part_of_the_box(
    centre: tuple[float, float], radius: float, seed: int
) -> None:
    """Also across 0h and round a pole; astropy says what is within."""
    rng = np.random.default_rng(seed)
    middle = SkyCoord(*centre, unit="deg")
    angle, distance = rng.uniform(0, 360, 200) * u.deg, rng.uniform(0, 1, 200) * radius * u.deg
    there = middle.directional_offset_by(angle, distance)
    within = middle.separation(there).deg <= radius * (1 - 1e-9)
    ra = there.ra.wrap_at("360d").deg
    assert (held(ra[within], there.dec.deg[within], centre, radius) == 1).all()


@settings(max_examples=60)
@given(centre=CENTRES, radius=RADII, seed=st.integers(0, 2**32))
def test_no_position_is_in_two_parts(centre: tuple[float, float], radius: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ra = np.append(rng.uniform(0, 360, 500), [0.0, np.nextafter(360.0, 0.0), centre[0]])
    dec = np.clip(centre[1] + rng.uniform(-2, 2, len(ra)) * radius, -90.0, 90.0)
    assert held(ra, dec, centre, radius).max() <= 1


def test_a_box_is_no_wider_than_the_circle() -> None:
    """At dec 60 a degree is two in right ascension; the zones end at the declinations of the circle."""
    boxes = zone_boxes([100.0], [60.0], [1.0])
    assert boxes.ra0 == pytest.approx(100 - 2.0, abs=0.01)
    assert boxes.ra1 == pytest.approx(100 + 2.0, abs=0.01)
    assert (boxes.zone.min(), boxes.zone.max()) == ((90 + 59) * 60, (90 + 61) * 60)
    assert len(boxes.zone) == 121


def test_round_a_pole_the_box_is_the_whole_circle_once() -> None:
    boxes = zone_boxes([10.0], [-89.995], [0.006])
    assert boxes.ra0.tolist() == [0.0]
    assert boxes.ra1.tolist() == [360.0]
    assert boxes.zone.tolist() == [0]


def test_every_part_knows_its_point() -> None:
    """A point at a border of zones has two parts, one at 0h a second one."""
    boxes = zone_boxes([10.0, 20.0, 0.0], [0.005, 1.0, 0.005], [0.001, 0.001, 0.001])
    assert boxes.point.tolist() == [0, 1, 1, 2, 2]
    assert boxes.zone.tolist() == [5400, 5459, 5460, 5400, 5400]
    assert boxes.ra0[4] > 359.99


def test_no_points_have_no_boxes() -> None:
    assert [len(values) for values in zone_boxes([], [], [])] == [0, 0, 0, 0]
