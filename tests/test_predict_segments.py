"""Nightly segments: as accurate as they promise, and never outside of the sky that they say they cross."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import Polynomial
from predicting import NIGHT, apart, at, main_belt, orbits_of

from ssdb.ephemeris.apparent import ephemeris, retarded
from ssdb.ephemeris.chebyshev import evaluate, fit, nodes
from ssdb.ephemeris.observer import observer_states, tdb_of_tai
from ssdb.ephemeris.orbits import Orbits
from ssdb.ephemeris.propagate import trajectories
from ssdb.predict.segments import (
    MARGIN_DAYS,
    NightSegments,
    night_interval,
    packed_series,
    segments_of_night,
    unpacked_series,
)
from ssdb.sky.boxes import boxes_of_caps, probes_of_field, zones_of_caps
from ssdb.sky.sphere import positions, separations

MAS = 1e-3
TIMES = NIGHT + np.array([0.0, 0.003, 0.21, 0.5, 0.77, 0.999999])


def made(orbits: Orbits, night: int = NIGHT) -> NightSegments:
    start, end = night_interval(night)
    return segments_of_night(trajectories(orbits, start, end + MARGIN_DAYS), night)


def seen(segments: NightSegments, times: np.ndarray, code: str) -> tuple[np.ndarray, np.ndarray]:
    """ra, dec (n, m) by the segments."""
    observers = observer_states(code, times)
    return positions(retarded(segments.segments, tdb_of_tai(times), observers)[0][..., :3] - observers[:, :3])


@pytest.mark.parametrize("code", ["X05", "I41", "500"])
def test_main_belt_segments_are_true_to_a_tenth_of_a_milliarcsecond(code: str) -> None:
    """Beside the engine itself, at both ends of the night too, for observers that the segments do not know of."""
    orbits = orbits_of(main_belt(150))
    segments = made(orbits)
    direct = ephemeris(orbits, TIMES, code)
    ra, dec = seen(segments, TIMES, code)
    assert segments.rows.tolist() == list(range(150))
    assert separations(direct["ephRa"], direct["ephDec"], ra, dec).max() < 0.1 * MAS
    assert segments.degrees.max() <= 4


@pytest.mark.parametrize(
    ("distance", "speed", "most_mas"),
    [
        (0.05, 0.006, 1.0),
        (0.05, 0.02, 1.0),
        (0.003, 0.006, 5.0),
        (0.0004, 0.004, 30.0),
        (30.0, 0.0, 0.1),
        (300.0, 0.0, 0.1),
    ],
)
def test_segments_of_objects_near_and_far(distance: float, speed: float, most_mas: float) -> None:
    """From inside the orbit of the Moon to days of light time away."""
    orbits = orbits_of([at("2001 AA", distance, (40.0, 10.0), speed)])
    direct = ephemeris(orbits, TIMES, "X05")
    ra, dec = seen(made(orbits), TIMES, "X05")
    assert separations(direct["ephRa"], direct["ephDec"], ra, dec).max() < most_mas * MAS


def test_rates_are_those_of_the_engine() -> None:
    orbits = orbits_of([*main_belt(50), at("2002 AA", 0.05, (200.0, -60.0))])
    segments = made(orbits).segments
    observers = observer_states("X05", TIMES)
    states = retarded(segments, tdb_of_tai(TIMES), observers)[0]
    start, end = night_interval(NIGHT)
    direct = retarded(trajectories(orbits, start, end), tdb_of_tai(TIMES), observers)[0]
    # au/d; 3e-7 au/d at 1 au are 0.06 arcsec a day.
    np.testing.assert_allclose(states[..., 3:], direct[..., 3:], rtol=0, atol=3e-7)


@pytest.mark.parametrize(
    ("distance", "direction", "speed"),
    [
        (1.5, (0.01, 3.0), 0.01),
        (1.5, (359.95, -3.0), 0.01),
        (0.05, (0.0, 0.0), 0.02),
        (0.02, (77.0, 89.9), 0.01),
        (0.02, (10.0, -89.0), 0.01),
        (0.01, (300.0, 60.0), 0.02),
        (0.002, (180.0, 0.0), 0.01),
        (0.0005, (90.0, 20.0), 0.005),
    ],
)
def test_nobody_on_earth_sees_an_object_outside_of_its_box(
    distance: float, direction: tuple[float, float], speed: float
) -> None:
    """Across 0h, at the poles, with large parallaxes: at 200 times of the night, from all over the Earth."""
    orbits = orbits_of([at("2001 AA", distance, direction, speed)])
    segments = made(orbits)
    boxes = boxes_of_caps(segments.ra, segments.dec, segments.radius)
    times = NIGHT + np.linspace(0, 1, 200, endpoint=False)
    for code in ("X05", "F51", "Z20", "M22", "500"):
        direct = ephemeris(orbits, times, code)
        ra, dec = direct["ephRa"][0], direct["ephDec"][0]
        assert (separations(segments.ra, segments.dec, ra, dec) / 3600 <= segments.radius).all()
        assert ((dec >= boxes.dec_min) & (dec <= boxes.dec_max)).all()
        inside = [(ra + turn >= boxes.ra_min) & (ra + turn <= boxes.ra_max) for turn in (0.0, 360.0)]
        assert (inside[0] | inside[1]).all()


def test_boxes_of_the_main_belt_are_small() -> None:
    """A box that holds everything would be right, and useless."""
    radius = made(orbits_of(main_belt(200))).radius
    assert np.median(radius) < 0.3
    assert radius.max() < 0.6


def test_an_object_that_ends_in_the_sun_has_no_segment_and_harms_no_other() -> None:
    falling = {"designation": "2003 AA", "q": 1e-8, "e": 0.99999999, "i": 5.0, "node": 10.0, "argperi": 20.0}
    falling |= {"peri_time": NIGHT - 2.0, "epoch_mjd": NIGHT - 40.0, "h": 20.0, "g": 0.15}
    rows = main_belt(5)
    rows[2:2] = [falling]
    segments = made(orbits_of(rows))
    assert segments.rows.tolist() == [0, 1, 3, 4, 5]
    alone = made(orbits_of(main_belt(5)))
    np.testing.assert_allclose(segments.segments.coefficients[0], alone.segments.coefficients[0], rtol=0, atol=1e-9)


def test_series_come_back_from_their_bytes() -> None:
    segments = made(orbits_of([*main_belt(20), at("2002 AA", 0.0005, (40.0, 10.0))]))
    packed = packed_series(segments.segments, segments.degrees).to_pylist()
    assert [len(one) for one in packed] == (24 * (segments.degrees + 1)).tolist()
    assert len({len(one) for one in packed}) > 1
    assert np.frombuffer(packed[0], "<f8")[:3].tolist() == segments.segments.coefficients[0, :, 0].tolist()
    np.testing.assert_array_equal(unpacked_series(packed), segments.segments.coefficients)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8))
@settings(max_examples=30)
def test_a_fit_through_enough_nodes_is_the_polynomial_itself(coefficients: list[float]) -> None:
    polynomial = Polynomial(coefficients)
    series = fit(polynomial(nodes(len(coefficients)))[:, None])
    x = np.linspace(-1, 1, 7)
    for argument in x:
        value, derivative = evaluate(series, np.array([argument]))
        assert value[0] == pytest.approx(polynomial(argument), abs=1e-10)
        assert derivative[0] == pytest.approx(polynomial.deriv()(argument), abs=1e-9)


def _found(ra: np.ndarray, dec: np.ndarray, radius: float, field: tuple[float, float, float]) -> np.ndarray:
    """Which boxes of caps, stored in single precision, the probes of a field find."""
    boxes = boxes_of_caps(ra, dec, radius + 1e-4)
    zone = zones_of_caps(dec, np.full(len(dec), radius))
    ra_min, ra_max, dec_min, dec_max = (
        values.astype(np.float32) for values in (boxes.ra_min, boxes.ra_max, boxes.dec_min, boxes.dec_max)
    )
    found = np.zeros(len(ra), bool)
    for probed, ra0, ra1, west, dec0, dec1 in probes_of_field(*field, 0.32):
        in_range = (zone == probed) & (ra_min >= ra0) & (ra_min <= ra1)
        found |= in_range & (ra_max >= west) & (dec_min <= dec1) & (dec_max >= dec0)
    return found


angles = st.one_of(st.floats(0, 359.99), st.sampled_from([0.0, 1e-6, 180.0, 359.999]))
declinations = st.one_of(st.floats(-90, 90), st.sampled_from([-90.0, 90.0, 0.0, 89.9, -89.9]))


@given(
    angles,
    declinations,
    st.floats(0, 3).map(lambda x: 10**x / 50),
    st.floats(0, 360),
    st.floats(0, 1),
    st.floats(0.1, 6),
)
@settings(max_examples=400)
def test_no_box_that_meets_a_field_is_missed(
    ra: float, dec: float, radius: float, bearing: float, share: float, field_radius: float
) -> None:
    """The field is put beside the cap so that they touch or overlap, wherever on the sky."""
    offset = np.radians(min(share * (radius + field_radius), 180.0))
    lon, lat, turn = np.radians([ra, dec, bearing])
    centre = np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    east, north = (
        np.array([-np.sin(lon), np.cos(lon), 0.0]),
        np.array([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)]),
    )
    there = np.cos(offset) * centre + np.sin(offset) * (np.sin(turn) * east + np.cos(turn) * north)
    field_ra, field_dec = (float(value) for value in positions(there))
    assert apart(ra, dec, field_ra, field_dec) <= radius + field_radius + 1e-9
    assert _found(np.array([ra]), np.array([dec]), radius, (field_ra, field_dec, field_radius)).all()


@pytest.mark.parametrize("field", [(10.0, 0.0, 1.75), (0.5, 70.0, 1.75), (200.0, -30.0, 3.5)])
def test_probes_leave_most_of_the_sky_out(field: tuple[float, float, float]) -> None:
    """Of small boxes all over the sky little more is found than what meets the field."""
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, 4000), np.degrees(np.arcsin(rng.uniform(-1, 1, 4000)))
    n_found = _found(ra, dec, 0.13, field).sum()
    expected = 4000 * (2 * (field[2] + 0.3)) ** 2 / 41253
    assert n_found <= 2 * expected + 5
