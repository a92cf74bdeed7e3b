"""Outlines traced along the edges of pixels, checked by bringing them back to pixels where that can be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS, NoConvergence
from conftest import shared_data
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ssdb.errors import InputError
from ssdb.sky.edges import edge_distances
from ssdb.sky.footprint import bounding_caps, join_outlines
from ssdb.sky.outline import PixelToSky, pixel_scale, trace_outline

CENTERS = [(10.0, 0.0), (0.0, 20.0), (359.95, -45.0), (77.0, 89.0), (200.0, -89.97), (0.0, 90.0)]
WIDTH, HEIGHT = 2048, 4176


def made_up_wcs(center: tuple[float, float] = (10.0, 0.0), ctype: str = "TAN", scale: float = 0.2, **cards: Any) -> WCS:
    """A WCS with square pixels (arcsec), the detector's middle at a centre, and more keywords, SIP or PV, say."""
    header: dict[str, Any] = {"CTYPE1": f"RA---{ctype}", "CTYPE2": f"DEC--{ctype}", "RADESYS": "ICRS"}
    header |= {"CRVAL1": center[0], "CRVAL2": center[1], "CRPIX1": WIDTH / 2 + 0.5, "CRPIX2": HEIGHT / 2 + 0.5}
    turned = scale / 3600 * np.array([[-np.cos(0.3), np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    header |= {f"CD{i + 1}_{j + 1}": turned[i, j] for i in (0, 1) for j in (0, 1)}
    return WCS(header | cards)


def strong_sip(center: tuple[float, float] = (10.0, 0.0), **cards: Any) -> WCS:
    """Quadratic and cubic terms of tens of pixels."""
    terms = {"A_ORDER": 3, "B_ORDER": 3, "A_2_0": 8e-6, "A_1_1": -5e-6, "B_0_2": 6e-6, "B_2_0": 4e-6}
    cubic = {"A_3_0": 2e-9, "A_1_2": 1e-9, "B_0_3": -1e-9, "B_2_1": 3e-9}
    return made_up_wcs(center, "TAN-SIP", **terms, **cubic, **cards)


def strong_tpv(center: tuple[float, float] = (10.0, 0.0)) -> WCS:
    """Terms of the third order, in degrees, of tens of pixels at the corners."""
    terms = {"PV1_1": 1.0, "PV1_4": 0.01, "PV1_7": 0.3, "PV1_9": 0.2, "PV2_1": 1.0, "PV2_5": -0.02, "PV2_7": 0.4}
    return made_up_wcs(center, "TPV", **terms)


def hsc_wcs() -> WCS:
    """The WCS of a whole CCD of Hyper Suprime-Cam: what is there is a cutout, and tells where it was cut out."""
    with fits.open(shared_data("wcs") / "HSC-0908120-056-small.fits") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = file[1].header
        header["CRPIX1"] -= header["LTV1"]
        header["CRPIX2"] -= header["LTV2"]
        return WCS(header)


def forward(wcs: WCS) -> PixelToSky:
    """From pixels to the sky by a WCS."""
    return lambda x, y: tuple(wcs.all_pix2world(x, y, 0))


def backward(wcs: WCS) -> PixelToSky:
    """From the sky to pixels by a WCS, near to the detector."""
    return lambda ra, dec: tuple(wcs.all_world2pix(ra, dec, 0, tolerance=1e-6, maxiter=100))


def along_arcs(outline: np.ndarray, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Points of the great circles between the vertices: of straight lines in space, seen from the sphere's centre."""
    start = SkyCoord(*outline.T, unit="deg").cartesian.xyz.value[..., None]
    line = start + (np.roll(start, -1, axis=1) - start) * np.linspace(0, 1, n, endpoint=False)
    border = SkyCoord(*line.reshape(3, -1), representation_type="cartesian").represent_as("unitspherical")
    return border.lon.deg, border.lat.deg


def assert_true(
    outline: np.ndarray, to_pixel: PixelToSky, width: int = WIDTH, height: int = HEIGHT, tolerance: float = 0.05
) -> None:
    """The arcs, brought back to pixels, are the edges: nowhere farther than the tolerance, and once round."""
    x, y = (np.asarray(values) for values in to_pixel(*along_arcs(outline)))
    outside = np.hypot(*(np.maximum(np.maximum(-0.5 - v, v + 0.5 - n), 0) for v, n in ((x, width), (y, height))))
    depth = np.minimum(np.minimum(x + 0.5, width - 0.5 - x), np.minimum(y + 0.5, height - 0.5 - y))
    assert np.where(depth < 0, outside, depth).max() < 1.05 * tolerance
    area = 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    assert area == pytest.approx(width * height, abs=2.1 * tolerance * (width + height))


def of_detector(outline: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Distances to the edge of one outline, arcsec."""
    one = join_outlines([outline])
    return edge_distances(one, bounding_caps(one), np.zeros(len(ra), np.intp), ra, dec)


@pytest.mark.parametrize("center", CENTERS)
def test_without_distortion_the_corners_are_enough(center: tuple[float, float]) -> None:
    """A gnomonic WCS: four points, at -0.5 and N - 0.5, from the first pixel along x, also at 0h and the poles."""
    wcs = made_up_wcs(center)
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    corners = np.array([[-0.5, -0.5], [WIDTH - 0.5, -0.5], [WIDTH - 0.5, HEIGHT - 0.5], [-0.5, HEIGHT - 0.5]])
    expected = SkyCoord(*wcs.all_pix2world(*corners.T, 0), unit="deg")
    assert outline.shape == (4, 2)
    assert expected.separation(SkyCoord(*outline.T, unit="deg")).arcsec.max() < 1e-8
    assert ((outline[:, 0] >= 0) & (outline[:, 0] < 360)).all()


@pytest.mark.parametrize("center", CENTERS)
@pytest.mark.parametrize("make", [strong_sip, strong_tpv])
def test_strong_distortion_is_followed_with_few_points(
    center: tuple[float, float], make: Callable[[tuple[float, float]], WCS]
) -> None:
    """True to 0.05 pixel all round, whatever the distortion and wherever on the sky."""
    wcs = make(center)
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    assert_true(outline, backward(wcs))
    assert 20 < len(outline) < 160
    straight = trace_outline(forward(made_up_wcs(center)), WIDTH, HEIGHT)
    with pytest.raises(AssertionError):
        assert_true(straight, backward(wcs))


def test_another_tolerance_costs_other_points() -> None:
    """Four times as close takes about twice as many points."""
    wcs = strong_sip()
    counts = []
    for tolerance in (0.8, 0.2, 0.05):
        outline = trace_outline(forward(wcs), WIDTH, HEIGHT, tolerance)
        assert_true(outline, backward(wcs), tolerance=tolerance)
        counts.append(len(outline))
    assert 1.5 < counts[1] / counts[0] < 3.0
    assert 1.5 < counts[2] / counts[1] < 3.0


def test_other_projections_are_followed() -> None:
    """A zenithal equal-area projection 20 degrees from its middle: edges are no great circles there."""
    wcs = made_up_wcs((30.0, 60.0), "ZEA", CRPIX1=-360_000.0)
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    assert len(outline) > 4
    assert_true(outline, backward(wcs))


def bumpy(
    wcs: WCS, edge: int, where: float, size: float, height: float
) -> tuple[PixelToSky, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]]:
    """A gnomonic WCS behind a bump of some pixels, and its inverse: rows (edge 0) or columns (1) are moved along."""

    def bump(v: np.ndarray) -> np.ndarray:
        return height * np.exp(-0.5 * ((v - where) / size) ** 2)

    def to_sky(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = (x, y + bump(x)) if edge == 0 else (x + bump(y), y)
        return tuple(wcs.all_pix2world(*moved, 0))

    def to_pixel(ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y = wcs.all_world2pix(ra, dec, 0)
        return (x, y - bump(x)) if edge == 0 else (x - bump(y), y)

    return to_sky, to_pixel


@settings(max_examples=25)
@example(edge=0, where=281.0, size=281.0, height=0.5)
@given(
    edge=st.sampled_from([0, 1]),
    where=st.floats(100, 1900),
    size=st.floats(12, 300),
    height=st.sampled_from([-3.0, 0.5, 3.0]),
)
def test_a_wiggle_anywhere_on_an_edge_is_followed(edge: int, where: float, size: float, height: float) -> None:
    """A bump of half a pixel or more, no wider than a hundredth of the edge even, is not cut off."""
    to_sky, to_pixel = bumpy(made_up_wcs((0.0, 60.0)), edge, where, size, height)
    outline = trace_outline(to_sky, WIDTH, HEIGHT)
    assert_true(outline, to_pixel)
    # Cut off, it would leave the four corners; a low and wide one takes four points more, any other one more than that.
    assert len(outline) > 7


def test_a_bump_takes_points_where_it_is() -> None:
    """The straight rest of the edge gets none."""
    to_sky, to_pixel = bumpy(made_up_wcs(), 0, 700.0, 20.0, 3.0)
    x, _ = to_pixel(*trace_outline(to_sky, WIDTH, HEIGHT).T)
    between = x[(x > 0) & (x < WIDTH - 1)]
    assert len(between) > 10
    assert (np.abs(between - 700) < 120).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 5000), (3, 2)])
def test_tiny_and_narrow_detectors_have_outlines(width: int, height: int) -> None:
    """A single pixel, too."""
    wcs = strong_sip()
    assert_true(trace_outline(forward(wcs), width, height), backward(wcs), width, height)


def test_pixels_that_are_not_square_are_measured_across_the_edge() -> None:
    """Pixels ten times as long as wide: an edge is as true in either direction."""
    wcs = strong_sip(CD1_1=0.02 / 3600, CD1_2=0.0, CD2_1=0.0, CD2_2=0.2 / 3600)
    assert_true(trace_outline(forward(wcs), WIDTH, HEIGHT), backward(wcs))


def test_the_outline_of_a_real_detector_is_that_of_its_wcs() -> None:
    """Hyper Suprime-Cam: true, with few points; what is inside and how deep is what astropy's inverse says."""
    wcs = hsc_wcs()
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    assert_true(outline, backward(wcs))
    assert 8 < len(outline) < 40
    scale = pixel_scale(forward(wcs), WIDTH, HEIGHT)
    assert scale == pytest.approx(0.168, abs=0.002)

    rng = np.random.default_rng(5)
    x, y = rng.uniform(-300, WIDTH + 300, 1500), rng.uniform(-300, HEIGHT + 300, 1500)
    x[:500], y[1000:] = rng.choice([-0.5, WIDTH - 0.5], 500), rng.choice([-0.5, HEIGHT - 0.5], 500)
    x, y = x + rng.normal(0, 0.3, 1500), y + rng.normal(0, 0.3, 1500)
    ra, dec = wcs.all_pix2world(x, y, 0)
    x, y = backward(wcs)(ra, dec)
    depth = np.minimum(np.minimum(x + 0.5, WIDTH - 0.5 - x), np.minimum(y + 0.5, HEIGHT - 0.5 - y))
    distance = of_detector(outline, ra, dec)
    clear = np.abs(depth) > 0.05
    np.testing.assert_array_equal(distance[clear] > 0, depth[clear] > 0)
    assert np.count_nonzero(~clear) < 200

    fine = np.arange(-0.5, HEIGHT, 0.5)
    sides = [(np.full_like(fine, edge), fine) for edge in (-0.5, WIDTH - 0.5)]
    sides += [(np.minimum(fine, WIDTH - 0.5), np.full_like(fine, edge)) for edge in (-0.5, HEIGHT - 0.5)]
    border = SkyCoord(*wcs.all_pix2world(*np.hstack(sides), 0), unit="deg")
    _, nearest, _ = SkyCoord(ra, dec, unit="deg").match_to_catalog_sky(border)
    far = np.abs(distance) > 5.0  # where the points of the border are close enough to stand for it
    np.testing.assert_allclose(np.abs(distance[far]), nearest.arcsec[far], atol=0.06 * scale)


def test_far_positions_that_an_inverse_brings_back_are_outside() -> None:
    """The polynomial of a SIP inverse that is right in the detector leads another part of the sky into it."""
    inverse = {"AP_ORDER": 2, "BP_ORDER": 2, "AP_2_0": -8e-5, "BP_0_2": -6e-5}
    wcs = made_up_wcs((10.0, 0.0), "TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=8e-5, B_0_2=6e-5, **inverse)
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    offsets = np.random.default_rng(0).uniform(-20_000, 20_000, (4000, 2))
    ra, dec = wcs.wcs_pix2world(WIDTH / 2 + offsets[:, 0], HEIGHT / 2 + offsets[:, 1], 0)
    x, y = wcs.sip_foc2pix(np.column_stack(wcs.wcs_world2pix(ra, dec, 0)) - 0.0, 0).T
    brought_back = (x > 0) & (x < WIDTH) & (y > 0) & (y < HEIGHT) & (np.hypot(*offsets.T) > 8000)
    assert brought_back.sum() > 5
    assert (of_detector(outline, ra[brought_back], dec[brought_back]) < -500).all()


def test_positions_for_which_the_inverse_fails_are_outside() -> None:
    """Where astropy's iteration does not converge there is an answer, and no exception."""
    wcs = made_up_wcs((10.0, 0.0), "TAN-SIP", A_ORDER=3, B_ORDER=3, A_3_0=-2e-8, B_0_3=-2e-8, A_1_2=-2e-8, B_2_1=-2e-8)
    outline = trace_outline(forward(wcs), WIDTH, HEIGHT)
    ra, dec = wcs.wcs_pix2world([9000.0, -9000.0, 1024.0], [2000.0, 9000.0, 2088.0], 0)
    with pytest.raises(NoConvergence):
        wcs.all_world2pix(ra, dec, 0)
    assert np.sign(of_detector(outline, ra, dec)).tolist() == [-1, -1, 1]


def test_pixel_scale_is_the_side_of_a_square_as_large() -> None:
    """Pixels of 0.2 x 0.3 arcsec; the scale of the middle where it varies; a pole."""
    unlike = made_up_wcs(CD1_1=-0.2 / 3600, CD1_2=0.0, CD2_1=0.0, CD2_2=0.3 / 3600)
    assert pixel_scale(forward(unlike), WIDTH, HEIGHT) == pytest.approx(np.sqrt(0.06), rel=1e-8)
    assert pixel_scale(forward(made_up_wcs((0.0, 90.0))), WIDTH, HEIGHT) == pytest.approx(0.2, rel=1e-8)
    # x' = x + a x^2, 1000 pixels from the reference: 1 + 2000 a.
    varying = made_up_wcs((5.0, 5.0), "TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=1e-4, CRPIX1=WIDTH / 2 + 0.5 - 1000)
    assert pixel_scale(forward(varying), WIDTH, HEIGHT) == pytest.approx(0.2 * np.sqrt(1.2), rel=1e-4)


def _not_on_the_sky(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.where(x > 1990, np.nan, 10 + x / 18000), y / 18000


def _folded(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return 10 + np.abs(x - 1500) / 18000, y / 18000


def _crossing(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bent round by more than a full turn."""
    angle = 7.0 * x / WIDTH
    return 10 + (0.1 + y / 180000) * np.cos(angle), (0.1 + y / 180000) * np.sin(angle)


@pytest.mark.parametrize(
    ("pixel_to_sky", "message"),
    [
        (_not_on_the_sky, r"no position on the sky, the first at x 199\d\.\d+, y -0.5"),
        (lambda x, y: (x, np.full_like(y, 91.0)), "no position on the sky"),
        (_folded, "folds over"),
        (_crossing, "crosses itself"),
        (lambda x, y: (np.full_like(x, 10.0), np.full_like(y, 10.0)), "folds over itself on the sky, or its pixels"),
        (lambda x, y: (x / 18000, np.zeros_like(y)), "no size"),
        (lambda x, y: (x / 15.0, y / 60.0), "reaches 6|reaches 7|reaches 8|reaches 1"),
    ],
)
def test_what_is_no_detector_is_refused(pixel_to_sky: PixelToSky, message: str) -> None:
    """Pixels without a position, a mapping that folds over, edges that cross, no size, too wide: said in words."""
    with pytest.raises(InputError, match=message):
        trace_outline(pixel_to_sky, WIDTH, HEIGHT)


def test_sizes_that_are_none_are_refused() -> None:
    """No pixels; a middle without a position or of no size has no scale."""
    with pytest.raises(InputError, match="0 x 100 pixels"):
        trace_outline(forward(made_up_wcs()), 0, 100)
    with pytest.raises(InputError, match="no position"):
        pixel_scale(lambda x, y: (x * np.nan, y), 100, 100)
    with pytest.raises(InputError, match="no size"):
        pixel_scale(lambda x, y: (x, x), 100, 100)


def test_the_given_arrays_are_one_dimensional_floats() -> None:
    """Mappings of other packages, lists as answers among them, get what the interface says."""
    wcs = made_up_wcs()

    def strict(x: np.ndarray, y: np.ndarray) -> tuple[list[float], list[float]]:
        assert x.dtype == y.dtype == float
        assert x.shape == y.shape == (len(x),)
        ra, dec = wcs.all_pix2world(x, y, 0)
        return ra.tolist(), (dec).tolist()

    np.testing.assert_array_equal(trace_outline(strict, 100, 100), trace_outline(forward(wcs), 100, 100))
