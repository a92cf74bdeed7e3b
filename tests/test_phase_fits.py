"""Fits of phase curves: lowest chi-square, honest errors, and what happens to groups that carry no fit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray
from scipy.optimize import least_squares

from ssdb.config import SummaryConfig
from ssdb.summary.fit import fit_phase_curves, offset_statistics
from ssdb.summary.phase_curves import both_slopes, magnitudes
from ssdb.units import Array, Columns

FREE = SummaryConfig(floor_mag=0.0, clip=0.0, max_slope_error=1e9)
"""Nothing but the lowest chi-square."""
G12_MODELS = ("HG12", "HG12star")
Groups = tuple[NDArray[np.int64], Array, Array, Array]


def groups_of(counts: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where groups begin, and the group of each point."""
    return np.concatenate([[0], np.cumsum(counts)]), np.repeat(np.arange(len(counts)), counts)


def rotating(
    rng: np.random.Generator, counts: Any, width: float = 25.0, amplitude: float = 0.15, sigma: float | None = 0.03
) -> tuple[Groups, Array, Array]:
    """Objects that rotate, their H and G12: phase angles within ``width`` degrees from somewhere between 0 and 20."""
    starts, which = groups_of(counts)
    H, G12 = rng.uniform(15.0, 22.0, len(counts)), rng.uniform(0.2, 0.8, len(counts))
    phase = rng.uniform(0.0, 20.0, len(counts))[which] + rng.uniform(0.0, width, len(which))
    error = 10.0 ** rng.uniform(-2.3, -0.7, len(which)) if sigma is None else np.full(len(which), sigma)
    turn = amplitude * np.sin(rng.uniform(0.0, 2.0 * np.pi, len(which)))
    magnitude = H[which] + magnitudes("HG12", phase, G12[which]) + turn + error * rng.standard_normal(len(which))
    return (starts, phase, magnitude, error), H, G12


def one(phase: Any, magnitude: Any, error: Any = 0.03, config: SummaryConfig = FREE, model: str = "HG12") -> Columns:
    """The fit of one group."""
    phase = np.asarray(phase, float)
    error = np.broadcast_to(np.asarray(error, float), phase.shape)
    found = fit_phase_curves(np.array([0, len(phase)]), phase, np.asarray(magnitude, float), error, config, model)
    return {name: values if name == "used" else values[0] for name, values in found.items()}


PHASES = np.array([0.5, 2.0, 5.0, 9.0, 14.0, 20.0, 27.0, 45.0, 80.0, 125.0])


@pytest.mark.parametrize("model", G12_MODELS)
@pytest.mark.parametrize("G12", [0.0, 0.1, np.nextafter(0.2, 0.0), 0.2, 0.5, 1.0])
def test_slopes_are_recovered_without_noise(model: str, G12: float) -> None:
    found = one(PHASES, 17.3 + magnitudes(model, PHASES, G12), model=model)
    assert found["H"] == pytest.approx(17.3, abs=1e-12)
    assert found["G12"] == pytest.approx(G12, abs=1e-12)
    assert found["Chi2"] < 1e-20
    assert found["rms"] < 1e-12
    assert 0 <= found["G12"] <= 1
    assert not found["slope_fit_failed"]


@pytest.mark.parametrize("slopes", [(0.3, 0.3), (0.0, 0.0), (0.62, 0.0), (0.0, 0.5), (0.7, 0.3), (1.0, 0.0)])
def test_both_slopes_are_recovered_without_noise(slopes: tuple[float, float]) -> None:
    phase = PHASES[PHASES < 29]  # without G1 and G2 there is no light beyond
    found = one(phase, 17.3 + magnitudes("HG1G2", phase, *slopes), model="HG1G2")
    assert found["H"] == pytest.approx(17.3, abs=1e-8)
    assert (found["G1"], found["G2"]) == pytest.approx(slopes, abs=1e-7)
    assert found["Chi2"] < 1e-12


@pytest.fixture(scope="module")
def scattered() -> Groups:
    """Errors of 0.01 to 0.1 mag, rotation and sources of something else: what a fitter gets stuck in."""
    rng = np.random.default_rng(11)
    (starts, phase, magnitude, _), _, _ = rotating(rng, rng.integers(4, 30, 60))
    phase[: len(phase) // 2] *= 3.0
    error = 10.0 ** rng.uniform(-2.0, -1.0, len(phase))
    magnitude = magnitude - np.where(rng.uniform(size=len(phase)) < 0.03, rng.exponential(1.0, len(phase)), 0.0)
    return starts, phase, magnitude, error


@pytest.mark.parametrize("model", G12_MODELS)
def test_no_fit_of_scipy_has_a_lower_chi_square(scattered: Groups, model: str) -> None:
    starts, phase, magnitude, error = scattered
    found = fit_phase_curves(*scattered, FREE, model)
    assert not found["slope_fit_failed"].any()
    assert ((found["G12"] >= 0) & (found["G12"] <= 1)).all()
    n_free = 0
    for k, chi2 in enumerate(found["Chi2"]):
        here = slice(starts[k], starts[k + 1])

        def residuals(x: Array, here: slice = here) -> Array:
            return (magnitude[here] - x[0] - magnitudes(model, phase[here], x[1])) / error[here]

        begin = [magnitude[here][0], 0.1]  # as Rubin's pipeline does, without bounds
        fits = [fit for fit in [least_squares(residuals, begin)] if 0 <= fit.x[1] <= 1]
        n_free += len(fits)
        fits += [least_squares(residuals, [begin[0], x], bounds=([-np.inf, 0], [np.inf, 1])) for x in (0.1, 0.6)]
        assert chi2 <= min(fit.fun @ fit.fun for fit in fits) * (1 + 1e-9)
        assert chi2 == pytest.approx(np.sum(residuals(np.array([found["H"][k], found["G12"][k]])) ** 2))
    assert n_free > 10


def test_no_fit_of_scipy_has_a_lower_chi_square_with_both_slopes(scattered: Groups) -> None:
    starts, phase, magnitude, error = scattered
    found = fit_phase_curves(*scattered, FREE, "HG1G2")
    n_at_bounds = 0
    for k in np.flatnonzero(~found["slope_fit_failed"]):
        here = slice(starts[k], starts[k + 1])
        middle = np.median(magnitude[here])

        def residuals(x: Array, here: slice = here, middle: float = middle) -> Array:
            curve = magnitudes("HG1G2", phase[here], *x[:2] / x.sum())
            return (magnitude[here] - middle + 2.5 * np.log10(x.sum()) - curve) / error[here]

        fits = [least_squares(residuals, x, bounds=(0, np.inf), xtol=1e-12) for x in ([0.3, 0.3, 0.4], [0.6, 0.2, 0.2])]
        assert found["Chi2"][k] <= min(fit.fun @ fit.fun for fit in fits) * (1 + 1e-9)
        n_at_bounds += min(found["G1"][k], found["G2"][k], 1 - found["G1"][k] - found["G2"][k]) < 1e-9
    assert (~found["slope_fit_failed"]).sum() > 40
    assert n_at_bounds > 10
    assert (found["G1"] >= 0).all()
    assert (found["G2"] >= 0).all()
    assert (found["G1"] + found["G2"] <= 1 + 1e-12).all()


@pytest.mark.parametrize("model", ["HG12", "HG12star", "HG1G2"])
def test_errors_are_those_of_the_curvature_of_chi_square(model: str) -> None:
    """Without scatter, and with equal weights: the inverse of the normal matrix, by differences."""
    phase = np.tile(PHASES[:8], 3)
    slopes = np.array([0.4] if model != "HG1G2" else [0.4, 0.3])
    config = SummaryConfig(floor_mag=0.04, clip=0.0, few_points_scatter=0.0)
    found = one(phase, 18.0 + magnitudes(model, phase, *slopes), 0.03, config, model)
    steps = [1e-5 * np.eye(len(slopes))[j] for j in range(len(slopes))]
    by = [(magnitudes(model, phase, *slopes + s) - magnitudes(model, phase, *slopes - s)) / 2e-5 for s in steps]
    design = np.column_stack([np.ones(len(phase)), *by]) / 0.05
    expected = np.linalg.inv(design.T @ design)
    names = ["G12"] if model != "HG1G2" else ["G1", "G2"]
    assert not found["slope_fit_failed"]
    assert found["HErr"] == pytest.approx(np.sqrt(expected[0, 0]), rel=1e-6)
    for j, name in enumerate(names, start=1):
        assert found[f"{name}Err"] == pytest.approx(np.sqrt(expected[j, j]), rel=1e-6)
        assert found[f"H_{name}_Cov"] == pytest.approx(expected[0, j], rel=1e-6)
    if len(names) == 2:
        assert found["G1_G2_Cov"] == pytest.approx(expected[1, 2], rel=1e-6)


def test_scatter_widens_the_errors_as_much_as_chi_square_is_too_large() -> None:
    rng = np.random.default_rng(2)
    (starts, phase, magnitude, error), _, _ = rotating(rng, [2000], sigma=0.03)
    config = SummaryConfig(floor_mag=0.0, clip=0.0)
    found = {name: values[0] for name, values in fit_phase_curves(starts, phase, magnitude, error, config).items()}
    quiet = {k: v[0] for k, v in fit_phase_curves(starts, phase, magnitude, 10 * error, config).items()}
    factor = np.sqrt(found["Chi2"] / 1998)
    assert factor > 3
    assert found["G12Err"] == pytest.approx(factor * quiet["G12Err"] / 10, rel=0.01)
    assert found["HErr"] == pytest.approx(factor * quiet["HErr"] / 10, rel=0.01)


@pytest.mark.parametrize("model", ["HG12", "HG12star", "HG1G2"])
@pytest.mark.parametrize("n", [1, 2])
def test_a_slope_is_not_fitted_to_one_or_two_points(n: int, model: str) -> None:
    phase = np.array([5.0, 25.0])[:n]
    slope = 0.5 if model != "HG1G2" else np.array(both_slopes("HG12", 0.5)[0])
    curve = magnitudes(model, phase, *np.atleast_1d(slope))
    found = one(phase, 16.0 + curve, 0.03, SummaryConfig(), model)
    assert found["H"] == pytest.approx(16.0)
    assert found["nObsUsed"] == n
    assert found["slope_fit_failed"]
    assert found["Chi2"] == pytest.approx(0.0, abs=1e-20)
    slopes = ["G12"] if model != "HG1G2" else ["G1", "G2"]
    assert [found[name] for name in slopes] == pytest.approx(np.atleast_1d(slope).tolist())
    assert all(np.isnan(found[f"{name}Err"]) and np.isnan(found[f"H_{name}_Cov"]) for name in slopes)
    assert 0.06 < found["HErr"] < 0.2


def test_one_point_has_an_error_of_formal_error_floor_scatter_and_slope() -> None:
    config = SummaryConfig(fiducial=0.3, floor_mag=0.04, few_points_scatter=0.12, fiducial_scatter=0.1)
    found = one([22.0], [19.0], 0.03, config)
    by_slope = (magnitudes("HG12", 22.0, 0.30001) - magnitudes("HG12", 22.0, 0.29999)) / 2e-5
    assert found["G12"] == 0.3
    assert found["H"] == pytest.approx(19.0 - magnitudes("HG12", 22.0, 0.3))
    assert found["HErr"] == pytest.approx(np.sqrt(0.03**2 + 0.04**2 + 0.12**2 + (0.1 * by_slope) ** 2), rel=1e-6)


def test_three_points_carry_a_slope_where_it_is_sharp() -> None:
    config = SummaryConfig(floor_mag=0.0, few_points_scatter=0.02)
    phase = np.array([1.0, 30.0, 100.0])
    found = one(phase, 16.0 + magnitudes("HG12", phase, 0.3), 0.001, config)
    assert not found["slope_fit_failed"]
    assert found["G12"] == pytest.approx(0.3)
    assert found["G12Err"] < 0.2
    phase = np.array([5.0, 6.0, 7.0])
    found = one(phase, 16.0 + magnitudes("HG12", phase, 0.3), 0.001, config)
    assert found["slope_fit_failed"]
    assert found["G12"] == 0.5


@pytest.mark.parametrize("model", ["HG12", "HG12star", "HG1G2"])
@pytest.mark.parametrize("phase", [0.0, 12.0, 140.0])
def test_one_phase_angle_tells_no_slope(phase: float, model: str) -> None:
    rng = np.random.default_rng(3)
    found = one(np.full(40, phase), 18.0 + 0.01 * rng.standard_normal(40), 0.01, SummaryConfig(), model)
    assert found["slope_fit_failed"]
    assert np.isfinite([found["H"], found["HErr"], found["Chi2"]]).all()
    assert found["nObsUsed"] == 40


def test_phase_angles_beyond_30_degrees_do_not_tell_both_slopes() -> None:
    phase = np.linspace(31.0, 100.0, 50)
    found = one(phase, 18.0 + magnitudes("HG1G2", phase, 0.3, 0.3), 0.01, SummaryConfig(), "HG1G2")
    assert found["slope_fit_failed"]


@pytest.mark.parametrize("steep", [-0.02, 0.02])
def test_slopes_stay_within_their_bounds(steep: float) -> None:
    phase = np.linspace(1.0, 30.0, 30)
    magnitude = 18.0 + magnitudes("HG12", phase, 0.5) + steep * phase
    for model in G12_MODELS:
        found = one(phase, magnitude, 0.01, SummaryConfig(max_slope_error=10.0), model)
        assert found["G12"] == (1.0 if steep > 0 else 0.0)
        assert np.isfinite(found["G12Err"])


@pytest.mark.parametrize("model", ["HG12", "HG1G2"])
def test_what_cannot_be_used_is_left_out(model: str) -> None:
    rng = np.random.default_rng(4)
    phase = np.linspace(1.0, 30.0, 20)
    magnitude = 18.0 + magnitudes("HG12", phase, 0.4) + 0.01 * rng.standard_normal(20)
    expected = one(phase, magnitude, 0.02, SummaryConfig(), model)
    wrong = [(np.nan, 18, 0.02), (5, np.nan, 0.02), (5, np.inf, 0.02), (-1, 18, 0.02), (151, 18, 0.02)]
    wrong += [(5, 18, error) for error in (np.nan, np.inf, 0.0, -0.02)]
    with_wrong = np.array([*wrong[:4], *zip(phase, magnitude, np.full(20, 0.02), strict=True), *wrong[4:]], float).T
    found = one(*with_wrong, SummaryConfig(), model)
    assert found["used"].tolist() == [False] * 4 + [True] * 20 + [False] * 5
    assert all(np.array_equal(found[name], expected[name], equal_nan=True) for name in expected if name != "used")


@pytest.mark.parametrize("model", ["HG12", "HG12star", "HG1G2"])
def test_groups_without_points_are_nan(model: str) -> None:
    starts = np.array([0, 0, 1, 1, 2, 2])
    found = fit_phase_curves(starts, np.array([5.0, np.nan]), np.array([18.0, 18.0]), np.full(2, 0.1), FREE, model)
    assert found["nObsUsed"].tolist() == [0, 1, 0, 0, 0]
    assert np.isfinite(found["H"]).tolist() == [False, True, False, False, False]
    assert found["slope_fit_failed"].tolist() == [False, True, False, False, False]
    nothing = fit_phase_curves(np.array([0]), *np.empty((3, 0)), FREE, model)
    assert {len(values) for values in nothing.values()} == {0}
    assert nothing.keys() == found.keys()


def test_outliers_are_left_out() -> None:
    rng = np.random.default_rng(5)
    (starts, phase, magnitude, error), H, _ = rotating(rng, np.full(200, 15))
    first = starts[:-1] + rng.integers(0, 15, 200)
    second = starts[:-1] + (first - starts[:-1] + 7) % 15
    clean = fit_phase_curves(starts, phase, magnitude, error, SummaryConfig())
    magnitude[first] -= 3.0
    magnitude[second] += 2.0
    found = fit_phase_curves(starts, phase, magnitude, error, SummaryConfig())
    assert clean["used"].mean() > 0.999  # those that rotate stay
    assert not found["used"][first].any()
    assert (~found["used"]).sum() < 400 + 10
    assert np.array_equal(found["nObsUsed"], np.add.reduceat(found["used"], starts[:-1]))
    assert np.std((found["H"] - H) / found["HErr"]) < 1.15
    kept = fit_phase_curves(starts, phase, magnitude, error, SummaryConfig(clip=0.0))
    assert kept["used"].all()
    assert (kept["Chi2"] > found["Chi2"]).all()


def test_three_points_do_not_tell_which_of_them_is_off() -> None:
    found = one([5.0, 5.0, 5.0], [18.0, 18.0, 21.0], 0.03, SummaryConfig())
    assert found["used"].all()
    found = one([5.0, 5.0, 5.0, 5.0], [18.0, 18.0, 21.0, 18.0], 0.03, SummaryConfig())
    assert found["used"].tolist() == [True, True, False, True]


@pytest.mark.parametrize("sigma", [0.03, None])
@pytest.mark.parametrize("width", [2.0, 8.0, 25.0])
@pytest.mark.parametrize("n", [1, 2, 4, 8, 20, 60])
def test_errors_of_H_are_right_where_objects_rotate(n: int, width: float, sigma: float | None) -> None:
    points, H, _ = rotating(np.random.default_rng(1000 * n + int(width)), np.full(2000, n), width, 0.15, sigma)
    found = fit_phase_curves(*points, SummaryConfig())
    assert 0.9 <= np.std((found["H"] - H) / found["HErr"]) <= 1.15
    assert ((found["G12"] >= 0) & (found["G12"] <= 1)).all()


@pytest.mark.parametrize("model", ["HG12", "HG12star", "HG1G2"])
def test_a_group_is_the_same_to_the_bit_alone_and_among_others(model: str) -> None:
    rng = np.random.default_rng(6)
    counts = np.concatenate([np.arange(14), rng.integers(14, 60, 8), [300]])
    (starts, phase, magnitude, error), _, _ = rotating(rng, counts, sigma=None)
    magnitude[rng.uniform(size=len(magnitude)) < 0.03] -= 2.0
    config = SummaryConfig()
    together = fit_phase_curves(starts, phase, magnitude, error, config, model)
    assert (~together["used"]).any()
    for k in range(len(counts)):
        here = slice(starts[k], starts[k + 1])
        alone = fit_phase_curves(np.array([0, counts[k]]), phase[here], magnitude[here], error[here], config, model)
        for name, values in alone.items():
            among = together[name][here] if name == "used" else together[name][k : k + 1]
            assert np.array_equal(values, among, equal_nan=True), (k, name)


def test_statistics_of_offsets_are_those_of_scipy() -> None:
    rng = np.random.default_rng(8)
    counts = np.array([0, 1, 2, 3, 10, 200])
    starts, _ = groups_of(counts)
    ra, dec = 0.1 + rng.standard_gamma(2.0, (2, starts[-1]))
    ra[-1] = np.nan
    found = offset_statistics(starts, ra, dec)
    for name, offsets in (("ra", ra), ("dec", dec)):
        for k in (2, 3, 4, 5):
            values = offsets[starts[k] : starts[k + 1]]
            values = values[np.isfinite(values)]
            assert found[f"{name}Mean"][k] == pytest.approx(np.mean(values))
            assert found[f"{name}Sd"][k] == pytest.approx(np.std(values))
            assert found[f"{name}Skew"][k] == pytest.approx(scipy.stats.skew(values), abs=1e-12)
            assert found[f"{name}Kurtosis"][k] == pytest.approx(scipy.stats.kurtosis(values))
    assert np.isnan([values[0] for values in found.values()]).all()
    assert (found["raMean"][1], found["raSd"][1]) == (ra[0], 0.0)
    assert np.isnan(found["raSkew"][1])


def test_equal_offsets_have_no_skewness() -> None:
    found = offset_statistics(np.array([0, 7]), np.full(7, 0.1), np.full(7, -1e-9))
    assert max(found["raSd"][0], found["decSd"][0]) < 1e-16
    assert np.isnan([found["raSkew"][0], found["raKurtosis"][0]]).all()
