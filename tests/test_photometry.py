"""How likely objects are detected, and what their magnitudes say, beside integrals over the distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from ssdb.association.photometry import (
    Brightness,
    detection_probabilities,
    expected_magnitudes,
    magnitude_odds,
    source_magnitudes,
    trailing_loss,
)

MAGNITUDES = st.floats(14.0, 26.0)
DEPTHS = st.floats(18.0, 24.0)
SCATTERS = st.sampled_from([0.27, 0.4])
TRAILS = st.sampled_from([0.0, 1.0, 5.0, 50.0])
WIDTH = math.hypot(0.1, 0.2)
LITTLE = np.array([[0] * 10 + [1] + [0] * 17])
"""A detector with a single source, of magnitude 19."""


def seen(magnitude: Any, scatter: Any = 0.27, depth: Any = 21.0, trail: Any = 0.0) -> Brightness:
    columns = np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in (magnitude, scatter, depth, trail)))
    return Brightness(*columns[:3], trailing_loss(columns[3]))


def of_objects(magnitude: Any, expected: Any, scatter: float) -> Any:
    """The density of magnitudes of objects that are expected to be so bright: a twentieth are of another kind."""
    return 0.95 * norm.pdf(magnitude, expected, scatter) + 0.05 * norm.pdf(magnitude, expected, 1.2)


def detected(magnitude: Any, depth: float, width: float = 0.1) -> Any:
    """Of a measured magnitude; of a true one the noise decides, too."""
    return norm.cdf((depth - magnitude) / width)


def odds(given: Brightness, magnitude: Any, error: Any = np.nan, counts: np.ndarray = LITTLE) -> np.ndarray:
    magnitude = np.atleast_1d(np.asarray(magnitude, float))
    given = Brightness(*(np.broadcast_to(values, magnitude.shape) for values in given))
    error = np.broadcast_to(np.asarray(error, float), magnitude.shape)
    return magnitude_odds(given, magnitude, error, counts, np.zeros(len(magnitude), np.intp))


def share_of_others(magnitude: np.ndarray, depth: float, counts: np.ndarray = LITTLE) -> np.ndarray:
    """Share per magnitude of unrelated sources: what the odds leave of the density of an object as bright as that."""
    own = np.full(len(magnitude), of_objects(0.0, 0.0, 0.27))
    if not np.isnan(depth):
        above = depth - magnitude
        found = 0.95 * norm.cdf(above / np.hypot(0.27, WIDTH)) + 0.05 * norm.cdf(above / np.hypot(1.2, WIDTH))
        own /= np.maximum(found, 1e-6)
    return own / np.exp(odds(seen(magnitude, depth=depth), magnitude, counts=counts))


@settings(max_examples=30)  # the integral takes its time
@given(magnitude=MAGNITUDES, scatter=SCATTERS, depth=DEPTHS, trail=TRAILS, complete=st.sampled_from([0.5, 0.98]))
def test_detection_is_the_integral_over_magnitudes(
    magnitude: float, scatter: float, depth: float, trail: float, complete: float
) -> None:
    """Each object has some magnitude, with its light spread along a trail, and half of those at the depth are found."""
    middle = magnitude + 1.25 * math.log10(1 + 0.42 * trail**2)
    wanted, _ = quad(
        lambda m: of_objects(m, middle, scatter) * detected(m, depth, WIDTH), 0, 50, points=[middle, depth], limit=200
    )
    [found] = detection_probabilities(seen(magnitude, scatter, depth, trail), complete, 0.5)
    assert found == pytest.approx(min(max(complete * wanted, 1e-6), 1 - 1e-6), rel=1e-6, abs=1e-9)


def test_of_the_unknown_detection_is_what_was_given() -> None:
    nan = np.nan
    found = detection_probabilities(seen([nan, 20.0, nan], depth=[21.0, nan, nan]), 0.98, 0.3)
    assert found.tolist() == [0.3] * 3


@given(depth=DEPTHS, scatter=SCATTERS, trail=TRAILS)
def test_the_fainter_or_the_longer_the_trail_the_less_is_detected(depth: float, scatter: float, trail: float) -> None:
    magnitudes = np.linspace(10.0, 32.0, 100)
    found = detection_probabilities(seen(magnitudes, scatter, depth, trail), 0.98, 0.5)
    assert np.all(np.diff(found) <= 0)
    assert found[0] == pytest.approx(0.98, abs=1e-3)
    assert 1e-6 <= found[-1] < 1e-4
    longer = detection_probabilities(seen(magnitudes, scatter, depth, trail + 1.0), 0.98, 0.5)
    assert np.all(longer <= found)


@pytest.mark.parametrize("magnitude", [17.0, 20.0, 21.0, 21.5])
def test_the_magnitudes_of_what_was_detected_are_a_distribution(magnitude: float) -> None:
    """The density that the odds are of is that of objects as far as they are seen, over the share that is."""
    grid = np.arange(10.0, 32.0, 0.005) + 0.0025
    density = np.exp(odds(seen(magnitude), grid, 0.2)) * share_of_others(grid, 21.0)
    assert density[grid < 21.0].sum() * 0.005 == pytest.approx(1.0, abs=0.2)
    kinds = ((0.95, 0.27), (0.05, 1.2))
    wanted = sum(share * norm.pdf(grid, magnitude, np.hypot(scatter, 0.2)) for share, scatter in kinds)
    share = np.sum(wanted * detected(grid, 21.0)) * 0.005
    np.testing.assert_allclose(density, np.maximum(wanted / share, 1e-6), rtol=1e-3)


@pytest.mark.parametrize("magnitude", [17.0, 20.0, 21.0, 21.5])
@pytest.mark.parametrize("trail", [0.0, 3.0, 30.0])
@pytest.mark.parametrize("error", [np.nan, 0.2, 5.0])
def test_with_the_detection_they_are_of_a_source_that_was_found(magnitude: float, trail: float, error: float) -> None:
    """The two together: an object has the magnitude, as far as noise and trail tell, and such a source is found."""
    grid = np.arange(14.0, 23.0, 0.1)
    given = seen(magnitude, 0.27, 21.0, trail)
    density = np.exp(odds(given, grid, error)) * share_of_others(grid, 21.0)
    noise = min(np.nan_to_num(error), 1.0)
    mixture = sum(
        share * norm.pdf(grid, magnitude, np.sqrt(scatter**2 + noise**2 + (given.loss / 2) ** 2))
        for share, scatter in ((0.95, 0.27), (0.05, 1.2))
    )
    [found] = detection_probabilities(given, 0.98, 0.5)
    wanted = 0.98 * mixture
    possible = density > 2e-6
    np.testing.assert_allclose((found * density)[possible], wanted[possible], rtol=1e-9)


def test_without_a_depth_all_is_detected() -> None:
    grid = np.arange(10.0, 32.0, 0.005) + 0.0025
    density = np.exp(odds(seen(20.0, depth=np.nan), grid)) * share_of_others(grid, np.nan)
    assert density.sum() * 0.005 == pytest.approx(1.0, abs=0.02)
    np.testing.assert_allclose(density, np.maximum([of_objects(m, 20.0, 0.27) for m in grid], 1e-6), rtol=1e-9)


@pytest.mark.parametrize("n", [1, 3, 10_000])
def test_the_magnitudes_of_others_are_a_distribution(n: int) -> None:
    """By what was counted and, as far as that is little, a slope up to the depth; nothing is impossible."""
    rng = np.random.default_rng(n)
    counts = rng.multinomial(n, np.arange(1, 29) / 406).reshape(1, 28)
    middles = 14.25 + 0.5 * np.arange(28)
    share = share_of_others(middles, 21.0, counts)
    assert 0.9 < share.sum() * 0.5 < 1.0 + 0.35 * 5.0 / (n + 5.0)
    assert share.min() >= 0.19 / (n + 5.0) * 0.9
    if n > 1000:
        np.testing.assert_allclose(share[2:-2] * 0.5, np.arange(1, 29)[2:-2] / 406, rtol=0.3)


def test_without_light_nothing_is_said() -> None:
    nan = np.nan
    assert odds(seen(20.0), nan).tolist() == [0.0]
    assert odds(seen(nan), 20.0).tolist() == [0.0]
    assert odds(seen(nan, depth=nan), nan).tolist() == [0.0]
    assert odds(seen(20.0), 20.0, counts=0 * LITTLE).tolist() == [0.0]


def test_as_bright_as_predicted_speaks_for_it() -> None:
    """Beyond what an outburst explains the odds are as low as they get, and stay there."""
    found = odds(seen(19.0), [19.0, 19.3, 20.0, 16.5, 9.0])
    assert found[0] > found[1] > 0 > found[2] > found[4]
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", ["r", "R", "zr", "lsst_r", " r ", "ZTF_r"])
def test_a_band_is_known_by_its_last_letter(name: str) -> None:
    found = expected_magnitudes(np.array([20.0, 20.0, 20.0]), np.array([name.encode(), b"g", b""], np.bytes_))
    assert found[0].tolist() == pytest.approx([19.78, 20.35, 19.8])
    assert found[1].tolist() == [0.27, 0.27, 0.4]


def test_bands_of_other_letters_are_not_known() -> None:
    """Also where they are not ASCII, or no text at all."""
    names = np.array(["é".encode(), b"\xff\xfe", b"white", b"1"], np.bytes_)
    magnitude, scatter = expected_magnitudes(np.full(4, 20.0), names)
    assert magnitude.tolist() == [19.8] * 4
    assert scatter.tolist() == [0.4] * 4
    assert [len(values) for values in expected_magnitudes(np.empty(0), np.empty(0, "S32"))] == [0, 0]


def test_magnitudes_of_sources_are_of_positive_fluxes() -> None:
    nan = np.nan
    sources = {"psfFlux": np.array([3630.780547701, 0.0, -5.0, nan, 100.0], "f4")}
    sources["psfFluxErr"] = np.array([363.0780547701, 1.0, 1.0, 1.0, nan], "f4")
    magnitude, error = source_magnitudes(sources)
    assert magnitude[[0, 4]] == pytest.approx([22.5, 26.4], abs=1e-5)
    assert np.isnan(magnitude[1:4]).all()
    assert error[0] == pytest.approx(0.10857, abs=1e-4)
    assert np.isnan(error[4])


@pytest.mark.parametrize("depth", [-40.0, -5.0, 0.0, 13.0, 60.0])
def test_a_depth_that_is_none_is_no_error(depth: float) -> None:
    """As a survey may state it: nothing is divided by zero."""
    with np.errstate(divide="raise", invalid="raise"):
        assert np.isfinite(odds(seen(20.0, depth=depth), [10.0, 20.0, 30.0])).all()
