"""Footprints of detectors on the sky."""

from __future__ import annotations

import re

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.sky import edges
from ssdb.sky.edges import deepest, points_in_caps
from ssdb.sky.footprint import (
    Outlines,
    bounding_caps,
    join_outlines,
    open_outlines,
    outline_areas,
    outline_problems,
    pack_outlines,
    unpack_outlines,
    validate_outline,
)
from ssdb.sky.sphere import moved, separations

CENTERS = [(10.0, 0.0), (0.0, 20.0), (359.95, -45.0), (77.0, 89.0), (200.0, -89.99), (0.0, 90.0)]
L_SHAPE = np.array([[-1, -1], [1, -1], [1, 0], [0, 0], [0, 1], [-1, 1]], dtype=float)
SQUARE = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], dtype=float)


def on_sky(center: tuple[float, float], shape: np.ndarray) -> np.ndarray:
    """Points whose position angle and distance (deg) from a centre are those of (east, north) in ``shape``."""
    return np.stack(moved(*center, shape[:, 0], shape[:, 1], 1.0), axis=-1)


def edge_distances(outline: np.ndarray, ra, dec) -> np.ndarray:
    """Distances to the edge of one outline."""
    one = join_outlines([outline])
    return edges.edge_distances(one, bounding_caps(one), np.zeros(np.size(ra), np.intp), np.atleast_1d(ra), dec)


def outline_area(ra, dec) -> float:
    """The area of one outline."""
    return outline_areas(join_outlines([np.column_stack([ra, dec])]))[0]


def locate(outlines: list[np.ndarray], ra, dec, padding) -> tuple[np.ndarray, np.ndarray]:
    """The outline that each point belongs to, and how deep it is; the padding is broadcast to (outline, point)."""
    joined, ra, dec = join_outlines(outlines), np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
    padding = np.broadcast_to(padding, (len(outlines), len(ra)))
    caps = bounding_caps(joined)
    outline, point = points_in_caps(caps, ra, dec, padding.max(initial=0.0))
    distance = edges.edge_distances(joined, caps, outline, ra[point], dec[point])
    return deepest(outline, point, distance, padding[outline, point], len(ra))


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
    """Packing and unpacking change nothing, whatever is before, behind and between."""
    outline = Outlines(np.array(vertices), np.array([0, len(vertices)]))
    packed = pack_outlines(outline)
    again = unpack_outlines([None, *packed, None, *packed])
    assert again.counts.tolist() == [0, len(vertices), 0, len(vertices)]
    np.testing.assert_array_equal(again.vertices, np.array(vertices * 2))
    assert pack_outlines(again) == [b"", *packed, b"", *packed]


def test_packed_outlines_are_little_endian_pairs_and_not_closed():
    """The bytes are the same on every machine; a repeated first vertex is not stored."""
    closed, also = [(1.0, 10.0), (2.0, 20.0), (3.0, 30.0), (1.0, 10.0)], [(5.0, 6.0)]
    packed = pack_outlines(join_outlines([np.array(closed), np.array(also)]))
    assert packed == [np.array(values, dtype="<f8").tobytes() for values in ([1, 10, 2, 20, 3, 30], [5, 6])]


def test_outlines_are_opened_one_by_one():
    """Only a last vertex that repeats the first of its own outline goes; a single one and none stay as they are."""
    vertices = np.array([[1, 1], [2, 2], [1, 1], [7, 7], [2, 2], [3, 3]], dtype=float)
    opened = open_outlines(vertices, np.array([0, 3, 4, 4, 6]))
    assert opened.starts.tolist() == [0, 2, 3, 3, 5]
    assert opened.vertices[:, 0].tolist() == [1, 2, 7, 2, 3]
    assert opened.take(np.array([3, 2, 0])).vertices[:, 0].tolist() == [2, 3, 1, 2]


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


WRONG = [
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
]


@pytest.mark.parametrize(("ra", "dec", "message"), WRONG)
def test_what_is_no_detector_is_refused(ra, dec, message):
    """Too few vertices, nothing inside, crossing, touching, not finite, too wide: the message says which."""
    with pytest.raises(InputError, match=message):
        validate_outline(np.array(ra, dtype=float), np.array(dec, dtype=float))


def test_wrong_outlines_are_named_by_their_index_among_others():
    """Each is found with its own message, whatever is beside it; the right ones are not mentioned."""
    right = [on_sky(center, shape * 0.1) for center in CENTERS for shape in (SQUARE, L_SHAPE)]
    wrong = [np.column_stack([ra, dec]).astype(float) for ra, dec, _ in WRONG]
    mixed = [outline for pair in zip(right, wrong, strict=False) for outline in pair] + wrong[len(right) :]
    problems = outline_problems(join_outlines(mixed))
    expected = [*range(1, 2 * len(right), 2), *range(2 * len(right), len(mixed))]
    assert list(problems) == expected
    for index, (_, _, message) in zip(expected, WRONG, strict=True):
        assert re.search(message, problems[index]), problems[index]
    assert outline_problems(join_outlines(right)) == outline_problems(join_outlines([])) == {}


def test_many_outlines_are_looked_at_in_parts(monkeypatch):
    """Parts of any size, one outline at a time even, find the same faults and the same caps."""
    rng = np.random.default_rng(2)
    turns = [np.sort(rng.uniform(0, 2 * np.pi, rng.choice([4, 9]))) for _ in range(60)]
    outlines = [on_sky((40.0, -70.0), 0.1 * np.column_stack([np.cos(turn), np.sin(turn)])) for turn in turns]
    for index in (7, 31):
        outlines[index][[1, 2]] = outlines[index][[2, 1]]
    joined = join_outlines(outlines)
    caps = bounding_caps(joined)
    for block in (1, 100):
        monkeypatch.setattr("ssdb.sky.footprint._BLOCK", block)
        assert list(outline_problems(joined)) == [7, 31]
        # To the last digits: sines of older numpy differ in them with the place in the array, on some processors.
        np.testing.assert_allclose(bounding_caps(joined), caps, rtol=0, atol=1e-12)


def test_caps_of_many_are_those_of_each():
    """Outlines of several sizes together, the unknown one NaN: the cap of each is the smallest round its vertices."""
    outlines = [on_sky(center, shape * 0.1) for center in CENTERS for shape in (SQUARE, L_SHAPE)]
    caps = bounding_caps(join_outlines([*outlines, np.empty((0, 2))]))
    assert np.isnan(caps[-1]).all()
    for outline, (cap_ra, cap_dec, radius) in zip(outlines, caps, strict=False):
        apart = SkyCoord(cap_ra, cap_dec, unit="deg").separation(SkyCoord(*outline.T, unit="deg")).deg
        assert apart.max() == pytest.approx(radius, rel=1e-9)
        # Two vertices opposite to each other bound it: no smaller cap holds both.
        vertices = SkyCoord(*outline.T, unit="deg")
        across = vertices[:, None].separation(vertices[None]).deg
        assert across.max() == pytest.approx(2 * radius, rel=1e-5)


@pytest.mark.parametrize("center", CENTERS)
def test_the_bounding_cap_holds_the_edges(center):
    """Great-circle edges bulge poleward between the vertices, but not out of the cap, which is tight."""
    outline = on_sky(center, np.array([[-1, -0.2], [1, -0.2], [1, 0.2], [-1, 0.2]]))
    cap_ra, cap_dec, radius = bounding_caps(join_outlines([outline]))[0]
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
    """Outlines of n_side^2 detectors, some with more vertices than others."""
    outlines = []
    for i in range(n_side**2):
        middle = 0.22 * (np.array(divmod(i, n_side)) - (n_side - 1) / 2)
        corners = SQUARE * (0.11 - gap_deg / 2)
        if i % 3 == 0:  # eight vertices: the middles of the edges too
            corners = np.stack([corners, (corners + np.roll(corners, -1, axis=0)) / 2], axis=1).reshape(-1, 2)
        outlines.append(on_sky(center, corners + middle))
    return outlines


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("gap_deg", [0.005, -0.002])
def test_locate_finds_what_looking_at_every_detector_finds(center, gap_deg):
    """Detectors of several sizes with gaps or overlaps, padding by detector and point: the deepest, if it reaches."""
    rng = np.random.default_rng(8)
    outlines = _camera(center, 4, gap_deg)
    ra, dec = on_sky(center, rng.uniform(-0.6, 0.6, (400, 2))).T
    padding = rng.uniform(0, 30, (len(outlines), 400))
    depths = np.array([edge_distances(outline, ra, dec) for outline in outlines])
    best, each = depths.argmax(axis=0), np.arange(400)
    expected = np.where(depths[best, each] >= -padding[best, each], best, -1)
    index, distance = locate(outlines, ra, dec, padding)
    np.testing.assert_array_equal(index, expected)
    np.testing.assert_allclose(distance[index >= 0], depths.max(axis=0)[index >= 0], atol=1e-8)
    assert np.isnan(distance[index < 0]).all()
    assert (np.count_nonzero(index >= 0), np.count_nonzero(index < 0)) > (100, 10)


def test_distances_of_many_pairs_are_those_of_each(monkeypatch):
    """In any order, one by one or in parts of any size, with outlines that are unknown in between."""
    rng = np.random.default_rng(4)
    outlines = [*_camera((0.0, 89.9), 3, 0.002), np.empty((0, 2)), on_sky((5.0, 89.8), L_SHAPE * 0.1)]
    joined = join_outlines(outlines)
    caps = bounding_caps(joined)
    which = rng.choice([*range(9), 10], 300)
    ra, dec = on_sky((0.0, 89.9), rng.uniform(-0.6, 0.6, (300, 2))).T
    expected = [edge_distances(outlines[i], *point)[0] for i, *point in zip(which, ra, dec, strict=True)]
    for block in (1, 37, 10_000):
        monkeypatch.setattr("ssdb.sky.edges._BLOCK", block)
        np.testing.assert_allclose(edges.edge_distances(joined, caps, which, ra, dec), expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("center", CENTERS)
def test_points_in_caps_are_all_that_are_near(center):
    """Caps of an arcsecond to the whole sky, points all over: as by astropy's separations, all those at the rim too."""
    rng = np.random.default_rng(1)
    ra, dec = on_sky(center, rng.uniform(-2, 2, (300, 2))).T
    ra, dec = np.append(ra, [center[0], np.nan, 77.0]), np.append(dec, [center[1], 0.0, 3.0])
    middles = on_sky(center, rng.uniform(-2, 2, (5, 2)))
    caps = np.column_stack([middles, [1 / 3600, 0.3, 1.0, 100.0, 180.0]])
    caps = np.vstack([caps, [*center, 0.0]])  # of no size, on a point
    apart = SkyCoord(*caps[:, None, :2].T, unit="deg").T.separation(SkyCoord(ra, dec, unit="deg")).arcsec
    margin = np.array([0.5, 20.0, 0.0, 0.0, 0.0, 0.0])
    expected = np.argwhere(apart <= (caps[:, 2] * 3600 + margin)[:, None] + 1e-6)
    cap, point = points_in_caps(caps, ra, dec, margin)
    assert set(zip(cap, point, strict=True)) == {tuple(pair) for pair in expected}
    assert len(expected) > 400
    rim = on_sky(tuple(caps[1, :2]), 0.3 * np.array([[np.sin(a), np.cos(a)] for a in range(100)]))
    assert len(points_in_caps(caps[1:2], *rim.T, 1e-6)[0]) == 100


def test_locate_takes_points_up_to_the_padding_and_no_farther():
    """5 arcsec outside belongs to a detector with a padding of 5.001, not of 4.999."""
    outline = np.array([[359.0, 0.0], [1.0, 0.0], [1.0, 1.0], [359.0, 1.0]])
    for padding, expected in ((5.001, 0), (4.999, -1)):
        index, distance = locate([outline], [0.0], [-5.0 / 3600], padding)
        assert index[0] == expected
        if expected == 0:
            assert distance[0] == pytest.approx(-5.0, abs=1e-9)


def test_no_padding_of_another_outline_takes_a_point():
    """Of the nearest outline or of none: 2 arcsec from one and 3 from the other, whatever the other's padding is."""
    left, right = on_sky((10.0, 0.0), SQUARE / 3600 * 50), on_sky((10.0 + 105 / 3600, 0.0), SQUARE / 3600 * 50)
    point = [10.0 + 52 / 3600], [0.0]
    for padding, expected in (([[2.1], [0.0]], 0), ([[2.1], [9.0]], 0), ([[1.9], [9.0]], -1), ([[1.9], [0.0]], -1)):
        assert locate([left, right], *point, padding)[0].tolist() == [expected]


def test_locate_gives_equals_to_the_first():
    """Two footprints that are the same: the lower index."""
    outline = on_sky((50.0, 50.0), SQUARE)
    assert locate([outline, outline], [50.0], [50.0], 0.0)[0].tolist() == [0]


def test_locate_without_points_or_detectors():
    """Nothing is found, and nothing fails."""
    outline = on_sky((50.0, 50.0), SQUARE)
    assert locate([outline], [], [], 1.0)[0].shape == (0,)
    index, distance = locate([], [1.0, 2.0], [3.0, 4.0], 1.0)
    assert index.tolist() == [-1, -1]
    assert np.isnan(distance).all()


def test_locate_looks_nowhere_for_an_unknown_position():
    """A NaN position is on no detector."""
    outline = on_sky((50.0, 50.0), SQUARE)
    assert locate([outline], [np.nan, 50.0], [50.0, 50.0], 1.0)[0].tolist() == [-1, 0]


@given(st.floats(0, 360, exclude_max=True), st.floats(-90, 90), st.floats(0.001, 0.3))
def test_points_on_the_border_are_at_no_distance(ra, dec, size):
    """Points of the great circles that join the vertices, and the vertices, are within 1e-8 arcsec of the edge."""
    outline = on_sky((ra, dec), SQUARE * size)
    border = densely(outline, 8)
    np.testing.assert_allclose(edge_distances(outline, *border.reshape(-1, 2).T), 0.0, atol=1e-8)
