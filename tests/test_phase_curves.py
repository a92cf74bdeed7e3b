"""Phase curves are those of sbpy."""

from __future__ import annotations

import numpy as np
import pytest
from sbpy.photometry import HG, HG1G2, HG12, HG12_Pen16

from ssdb.summary.phase_curves import both_slopes, magnitudes

CURVES = {"HG": HG, "HG12": HG12, "HG12star": HG12_Pen16, "HG1G2": HG1G2}
KNOTS = [0.0, 0.3, 1.0, 2.0, 4.0, 7.5, 8.0, 12.0, 20.0, 30.0, 60.0, 90.0, 120.0, 150.0]
PHASE_ANGLES = np.sort(np.concatenate([np.linspace(0.0, 179.0, 1791), KNOTS, np.geomspace(1e-6, 0.3, 20)]))


@pytest.mark.parametrize(
    ("model", "slopes"),
    [
        *[("HG", (slope,)) for slope in (0.0, 0.15, 0.5)],
        *[("HG12", (slope,)) for slope in (0.0, 0.1, np.nextafter(0.2, 0.0), 0.2, 0.5, 1.0)],
        *[("HG12star", (slope,)) for slope in (0.0, 0.2, 0.5, 1.0)],
        *[("HG1G2", slopes) for slopes in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.62, 0.14), (0.3, 0.3))],
    ],
)
def test_curves_are_those_of_sbpy(model: str, slopes: tuple[float, ...]) -> None:
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = CURVES[model].evaluate(np.radians(PHASE_ANGLES), 0.0, *slopes)
    found = magnitudes(model, PHASE_ANGLES, *slopes)
    light = np.isfinite(expected)
    assert light.sum() > 300
    assert np.array_equal(light, np.isfinite(found))
    np.testing.assert_allclose(found[light], expected[light], rtol=0, atol=1e-8)


def test_slopes_and_phase_angles_have_any_shape() -> None:
    G12 = np.array([0.1, 0.2, 0.7])
    found = magnitudes("HG12", np.array([[0.0], [20.0]]), G12)
    assert found.shape == (2, 3)
    np.testing.assert_allclose(found[0], 0.0, atol=1e-8)
    assert found[1, 2] == magnitudes("HG12", 20.0, 0.7)


def test_curves_of_HG12_jump_at_a_slope_of_02() -> None:
    below, at = (
        magnitudes("HG12", PHASE_ANGLES[:1200], np.nextafter(0.2, 0.0)),
        magnitudes("HG12", PHASE_ANGLES[:1200], 0.2),
    )
    assert 1e-5 < np.abs(below - at).max() < 2e-3


@pytest.mark.parametrize("model", ["HG12", "HG12star"])
def test_derivatives_of_both_slopes(model: str) -> None:
    G12 = np.array([0.05, 0.15, 0.25, 0.9])
    one, by = both_slopes(model, G12)
    other, _ = both_slopes(model, G12 + 1e-3)
    np.testing.assert_allclose((np.array(other) - one) / 1e-3, by, atol=1e-9)
