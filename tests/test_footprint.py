"""Footprints of detectors on the sky."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.sky.footprint import (
    bounding_cap,
    edge_distances,
    locate,
    outline_area,
    pack_outline,
    unpack_outline,
    validate_outline,
)
from ssdb.sky.sphere import moved, separations

CENTERS = [(10.0, 0.0), (0.0, 20.0), (359.95, -45.0), (77.0, 89.0), (200.0, -89.99), (0.0, 90.0)]
L_SHAPE = np.array([[-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1]], dtype=float)
SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=float)


def on_sky(center: tuple[float, float], shape: np.ndarray) -> np.ndarray:
    """Points whose position angle and distance (deg) from a centre are those of (east, north) in ``shape``."""
    return np.stack(moved(*center, shape[:, 0], shape[:, 1], 1.0), axis=-1)


def densely(outline: np.ndarray, n: int = 2001) -> np.ndarray:
    """Points along the great-circle edges: those of the straight edges in space, seen from the centre of the sphere."""
    start = SkyCoord(outline[:, 0], outline[:, 1], unit="deg").cartesian.xyz.value[..., None]
    along = start + (np.roll(start, -1, axis=1) - start) * np.linspace(0, 1, n)
    border = SkyCoord(*along, representation_type="cartesian").represent_as("unitspherical")
    return np.stack([border.lon.deg, border.lat.deg], axis=-1)


def inside_by_winding(outline: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Whether the directions to the edges, seen from the point, turn once round it: another rule than even-odd."""
    points = SkyCoord(ra, dec, unit="deg")[:, None]
    border = densely(outline, 50)[:, :-1].reshape(-1, 2)
    angles = points.position_angle(SkyCoord(border[:, 0], border[:, 1], unit="deg")[None]).rad
    turns = np.angle(np.exp(1j * np.diff(angles, axis=1, append=angles[:, :1])))
    return np.abs(turns.sum(axis=1)) > np.pi


@given(
    st.lists(st.tuples(st.floats(0, 360, exclude_max=True), st.floats(-90, 90)), min_size=1, max_size=20, unique=True)
)
def test_packed_outlines_come_back_to_the_bit(vertices):
    """Packing and unpacking change nothing."""
    outline = np.array(vertices)
    np.testing.assert_array_equal(unpack_outline(pack_outline(outline[:, 0], outline[:, 1])), outline)


def test_packed_outlines_are_little_endian_pairs_and_not_closed():
    """The bytes are the same on every machine; a repeated first vertex is not stored."""
    packed = pack_outline([1.0, 2.0, 3.0, 1.0], [10.0, 20.0, 30.0, 10.0])
    assert packed == np.array([1, 10, 2, 20, 3, 30], dtype="<f8").tobytes()


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("shape", [SQUARE * 0.1, L_SHAPE * 0.1, SQUARE[::-1] * 30, SQUARE / 3600])
def test_detectors_are_valid(center, shape):
    """Squares and an L, an arcsecond or a camera wide, either way round; the last may repeat the first."""
    outline = on_sky(center, shape)
    validate_outline(*outline.T)
    validate_outline(*np.vstack([outline, outline[:1]]).T)


def test_a_repeated_vertex_is_harmless():
    """A vertex given twice in a row is no reason to refuse a detector, and changes no distance."""
    outline = on_sky((0.0, 20.0), SQUARE * 0.1)
    doubled = np.repeat(outline, [1, 2, 1, 2], axis=0)
    validate_outline(*doubled.T)
    ra, dec = on_sky((0.0, 20.0), np.array([[0.0, 0.0], [0.05, 0.09], [0.3, 0.3], [-0.2, 0.0]])).T
    np.testing.assert_allclose(edge_distances(doubled, ra, dec), edge_distances(outline, ra, dec), rtol=1e-12)


@pytest.mark.parametrize(
    ("ra", "dec", "message"),
    [
        ([], [], "0 vertices"),
        ([0, 1], [0, 0], "2 vertices"),
        ([0, 1, 0], [0, 1, 0], "2 vertices"),
        ([0, 0, 0, 1], [0, 0, 0, 1], "fewer than 3 distinct"),
        ([0, 360, 1], [0, 0, 1], "fewer than 3 distinct"),
        ([0, 1, 2], [0, 0, 0], "no area"),
        ([0, 1, 0, 1, 5], [0, 0, 0, 0, 0], "no area"),
        ([0, 1, 0, 1], [0, 0, 1, 1], "crosses itself"),
        ([0, 2, 2, 1, 0], [0, 0, 2, 0, 2], "touches itself"),
        ([0, 2, 1, 2, 0, 1], [0, 0, 1, 2, 2, 1], "touches itself"),
        ([0, 1, np.nan], [0, 0, 1], "vertices 2 "),
        ([0, 1, 1], [0, np.inf, 1], "vertices 1 "),
        ([0, 1, 1], [0, 91, 1], "vertices 1 "),
        ([0, 70, 140], [0, 10, 0], "reaches 70.* deg"),
        ([0, 120, 240], [0, 0, 0], "deg"),
    ],
)
def test_what_is_no_detector_is_refused(ra, dec, message):
    """Too few vertices, nothing inside, crossing, touching, not finite, too wide: the message says which."""
    with pytest.raises(InputError, match=message):
        validate_outline(np.array(ra, dtype=float), np.array(dec, dtype=float))


@pytest.mark.parametrize("center", CENTERS)
def test_the_bounding_cap_holds_the_edges(center):
    """Great-circle edges bulge poleward between the vertices, but not out of the cap, which is tight."""
    outline = on_sky(center, np.array([[-1, -0.2], [1, -0.2], [1, 0.2], [-1, 0.2]]))
    cap_ra, cap_dec, radius = bounding_cap(*outline.T)
    border = densely(outline)
    assert separations(cap_ra, cap_dec, border[..., 0], border[..., 1]).max() < radius * 3600 + 1e-4
    assert radius == pytest.approx(np.hypot(1, 0.2), rel=1e-3)


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("shape", [SQUARE * 0.1, SQUARE[::-1] * 20, L_SHAPE * 0.1, L_SHAPE[::-1] * 25])
def test_edge_distances_are_those_of_a_brute_force_search(center, shape):
    """Nearest of many points on the edges, by astropy; sign by the winding number; small and wide, convex or not."""
    rng = np.random.default_rng(3)
    outline = on_sky(center, shape)
    ra, dec = on_sky(center, rng.uniform(-1.6, 1.6, (60, 2)) * np.abs(shape).max()).T
    border = densely(outline).reshape(-1, 2)
    apart = separations(ra[:, None], dec[:, None], *border.T)
    distance = edge_distances(outline, ra, dec)
    # The nearest of points that are `step` apart lies at most step/2 along the edge from the foot: Pythagoras.
    step = np.abs(shape).max() * 2 * 3600 / 2000
    nearest = apart.min(axis=1)
    assert (np.abs(distance) <= nearest + 1e-3).all()
    assert (np.abs(distance) >= np.sqrt(np.maximum(nearest**2 - (0.6 * step) ** 2, 0)) - 1e-3).all()
    clear = nearest > step
    np.testing.assert_array_equal(distance[clear] > 0, inside_by_winding(outline, ra, dec)[clear])


def test_edge_distances_that_are_known():
    """An edge on the equator, vertices, the centre, both orientations: to 1e-9 arcsec."""
    outline = np.array([[359.0, 0.0], [1.0, 0.0], [1.0, 1.0], [359.0, 1.0]])
    ra, dec = [0.0, 0.3, 0.0, 359.0, 1.0, 2.0], [1e-6 / 3600, -5.0 / 3600, 0.0, 0.0, -1.0, 0.0]
    expected = [1e-6, -5.0, 0.0, 0.0, -3600.0, -3600.0]
    for vertices in (outline, outline[::-1], np.roll(outline, 1, axis=0)):
        np.testing.assert_allclose(edge_distances(vertices, ra, dec), expected, atol=1e-9)


def test_the_far_side_of_the_sky_is_outside():
    """The antipode of a point inside projects into the outline, but is not on the detector, and far from it."""
    outline = on_sky((30.0, 10.0), SQUARE * 10)
    far = edge_distances(outline, [30.0, 210.0, 210.0], [10.0, -10.0, -5.0])
    assert far[0] > 0
    antipodal = SkyCoord(210.0, [-10.0, -5.0], unit="deg")[:, None]
    border = densely(outline).reshape(1, -1, 2)
    expected = antipodal.separation(SkyCoord(border[..., 0], border[..., 1], unit="deg")).arcsec.min(axis=1)
    np.testing.assert_allclose(-far[1:], expected, atol=1.0)


def test_outline_area_of_an_octant_and_of_boxes():
    """An eighth of the sphere; a strip between meridians with its great-circle edges; Girard's excess of both."""
    sky = 4 * np.pi * (180 * 3600 / np.pi) ** 2
    assert outline_area([0.0, 90.0, 0.0], [0.0, 0.0, 90.0]) == pytest.approx(sky / 8, rel=1e-14)
    assert outline_area([0.0, 0.0, 10.0], [90.0, 0.0, 0.0]) == pytest.approx(sky / 2 * 10 / 360, rel=1e-13)


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("size_arcsec", [1e-2, 1.0, 800.0])
@pytest.mark.parametrize(("shape", "area"), [(SQUARE, 4.0), (L_SHAPE[::-1], 3.0)])
def test_outline_area_of_small_shapes_is_flat(center, size_arcsec, shape, area):
    """A tiny square keeps its plane area, in either orientation, convex or not, at 0h and the poles."""
    outline = on_sky(center, shape * size_arcsec / 3600)
    assert outline_area(*outline.T) == pytest.approx(area * size_arcsec**2, rel=2e-5)


def _camera(center, n_side, gap_deg):
    """Outlines of n_side^2 detectors, some with more vertices than others, and their caps."""
    outlines = []
    for i in range(n_side**2):
        middle = 0.22 * (np.array(divmod(i, n_side)) - (n_side - 1) / 2)
        corners = SQUARE * (0.11 - gap_deg / 2)
        if i % 3 == 0:  # eight vertices: the middles of the edges too
            corners = np.stack([corners, (corners + np.roll(corners, -1, axis=0)) / 2], axis=1).reshape(-1, 2)
        outlines.append(on_sky(center, corners + middle))
    return outlines, np.array([bounding_cap(*outline.T) for outline in outlines])


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("gap_deg", [0.005, -0.002])
def test_locate_finds_what_looking_at_every_detector_finds(center, gap_deg):
    """Detectors of several sizes with gaps or overlaps, padding by detector and point: the deepest one wins."""
    rng = np.random.default_rng(8)
    outlines, caps = _camera(center, 4, gap_deg)
    ra, dec = on_sky(center, rng.uniform(-0.6, 0.6, (400, 2))).T
    padding = rng.uniform(0, 30, (len(outlines), 400))
    depths = np.array([edge_distances(outline, ra, dec) for outline in outlines])
    allowed = np.where(depths >= -padding, depths, -np.inf)
    expected = np.where(np.isfinite(allowed.max(axis=0)), allowed.argmax(axis=0), -1)
    index, distance = locate(outlines, caps, ra, dec, padding)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(distance[index >= 0], allowed.max(axis=0)[index >= 0], atol=1e-8)
    assert np.isnan(distance[index < 0]).all()
    assert (np.count_nonzero(index >= 0), np.count_nonzero(index < 0)) > (100, 10)


def test_locate_takes_points_up_to_the_padding_and_no_farther():
    """5 arcsec outside belongs to a detector with a padding of 5.001, not of 4.999."""
    outline = np.array([[359.0, 0.0], [1.0, 0.0], [1.0, 1.0], [359.0, 1.0]])
    caps = np.array([bounding_cap(*outline.T)])
    for padding, expected in ((5.001, 0), (4.999, -1), (np.array([[5.001]]), 0)):
        index, distance = locate([outline], caps, [0.0], [-5.0 / 3600], padding)
        assert index[0] == expected
        if expected == 0:
            assert distance[0] == pytest.approx(-5.0, abs=1e-9)


def test_locate_gives_equals_to_the_first():
    """Two footprints that are the same: the lower index."""
    outline = on_sky((50.0, 50.0), SQUARE)
    caps = np.array([bounding_cap(*outline.T)] * 2)
    assert locate([outline, outline], caps, [50.0], [50.0], 0.0)[0].tolist() == [0]


def test_locate_without_points_or_detectors():
    """Nothing is found, and nothing fails."""
    outline = on_sky((50.0, 50.0), SQUARE)
    caps = np.array([bounding_cap(*outline.T)])
    assert locate([outline], caps, [], [], 1.0)[0].shape == (0,)
    index, distance = locate([], np.empty((0, 3)), [1.0, 2.0], [3.0, 4.0], np.empty((0, 2)))
    assert index.tolist() == [-1, -1]
    assert np.isnan(distance).all()


def test_locate_looks_nowhere_for_an_unknown_position():
    """A NaN position is on no detector."""
    outline = on_sky((50.0, 50.0), SQUARE)
    caps = np.array([bounding_cap(*outline.T)])
    assert locate([outline], caps, [np.nan, 50.0], [50.0, 50.0], 1.0)[0].tolist() == [-1, 0]


@settings(deadline=None)
@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90), st.floats(0.001, 0.3))
def test_points_on_the_border_are_at_no_distance(ra, dec, size):
    """Points of the great circles that join the vertices, and the vertices, are within 1e-8 arcsec of the edge."""
    outline = on_sky((ra, dec), SQUARE * size)
    border = densely(outline, 8)
    np.testing.assert_allclose(edge_distances(outline, *border.reshape(-1, 2).T), 0.0, atol=1e-8)
