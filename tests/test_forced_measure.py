"""Fluxes at given places of simulated images, whose fluxes are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.psf import CircularGaussianPRF, PSFPhotometry

from ssdb.photometry import GaussianPsf, Psf, StampPsf, measure
from ssdb.photometry.fluxes import BACKGROUNDS
from ssdb.simulate.images import GaussianProfile, simulate_image

SIDE, SPACING = 32, 45
N = SIDE**2
ROUND, ELLIPSE = GaussianProfile(), GaussianProfile(2.2, 1.5, 30.0)
GRADIENT = (50.0, 0.5, -0.3)
FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))


def pulls(
    seed: int,
    *,
    profile: GaussianProfile = ROUND,
    psf: Psf | None = None,
    aperture: float | None = None,
    subtracted: str = "plane",
    variance: bool = True,
    edge: bool = False,
    **drawn: Any,
) -> np.ndarray:
    """By how many of its errors each of a thousand fluxes is too high: of 30 to 20,000 counts, some negative."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(N), SIDE)
    x, y = (SPACING * (place + 0.5) + rng.uniform(-0.5, 0.5, N) for place in (column, row))
    width = SPACING * SIDE
    if edge:  # narrow strips, so that each is near one
        width, x, y = 8, rng.uniform(-0.4, 7.4, N), SPACING * (np.arange(N) + 0.5) + rng.uniform(-0.5, 0.5, N)
    height = SPACING * (N if edge else SIDE)
    flux = np.exp(rng.uniform(np.log(30.0), np.log(20_000.0), N)) * rng.choice([-1, 1, 1], N)
    image = simulate_image(width, height, x, y, flux, rng, profile=profile, **drawn)
    found = measure(
        *(image.values, image.masked, image.variance if variance else None, x, y),
        psf=psf or GaussianPsf(FWHM * profile.major),
        aperture=aperture,
        background=subtracted,
    )
    known = np.isfinite(found.flux)
    assert (known == np.isfinite(found.error)).all()
    assert known.mean() > 0.75
    return ((found.flux - flux) / found.error)[known]


CASES: dict[str, dict[str, Any]] = {
    "a round PSF": {},
    "no background": {"subtracted": "none"},
    "a constant background": {"subtracted": "constant", "background": (50.0, 0.0, 0.0)},
    "noise that is not known": {"variance": False},
    "a gradient of the background": {"background": GRADIENT},
    "a gradient, and noise that is not known": {"background": GRADIENT, "variance": False},
    "masked pixels": {"masked_share": 0.1},
    "noise of the sources": {"gain": 1.0},
    "edges": {"edge": True},
    "edges and a gradient": {"edge": True, "background": GRADIENT},
    "an elliptical stamp": {"profile": ELLIPSE, "psf": StampPsf(ELLIPSE.stamp())},
    "an elliptical stamp, masked pixels and a gradient": {
        "profile": ELLIPSE,
        "psf": StampPsf(ELLIPSE.stamp()),
        "masked_share": 0.05,
        "background": GRADIENT,
    },
    "an aperture": {"aperture": 8.0},
    "an aperture and a gradient": {"aperture": 8.0, "background": GRADIENT},
}


@pytest.mark.parametrize("case", CASES)
def test_fluxes_have_no_bias_and_the_right_errors(case: str) -> None:
    """Of a thousand fluxes 0.1 sigma is three times what chance makes, and 5 % of the scatter twice."""
    pull = pulls(7, **CASES[case])
    assert abs(pull.mean()) < 0.1
    assert 0.95 < pull.std() < 1.05


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_a_lone_source_without_noise_is_exact(background: str) -> None:
    rng = np.random.default_rng(1)
    image = simulate_image(101, 101, 50.3, 49.8, 1234.5, rng, noise=0.0)
    found = measure(
        image.values, image.masked, np.ones_like(image.values), np.array([50.3]), np.array([49.8]),
        psf=GaussianPsf(FWHM * ROUND.major), background=background,
    )  # fmt: skip
    assert found.flux[0] == pytest.approx(1234.5, rel=1e-3)


def test_photutils_finds_the_same() -> None:
    """Its iteration, for each source alone: flux and error are those of the sum, where pixels have one variance."""
    rng = np.random.default_rng(2)
    x, y = (40.0 * (place + 0.5) + rng.uniform(-0.5, 0.5, 9) for place in np.divmod(np.arange(9), 3))
    image = simulate_image(120, 120, x, y, rng.uniform(500, 5000, 9), rng)
    model = CircularGaussianPRF(fwhm=4.0)
    model.x_0.fixed = model.y_0.fixed = model.fwhm.fixed = True
    theirs = PSFPhotometry(model, (21, 21))(
        image.values, error=np.sqrt(image.variance), init_params=Table({"x": x, "y": y, "flux": np.zeros(9)})
    )
    ours = measure(image.values, image.masked, image.variance, x, y, psf=GaussianPsf(4.0), background="none")
    np.testing.assert_allclose(ours.flux, theirs["flux_fit"], rtol=1e-4)
    np.testing.assert_allclose(ours.error, theirs["flux_err"], rtol=1e-4)


def test_an_aperture_is_that_of_photutils() -> None:
    rng = np.random.default_rng(3)
    image = simulate_image(60, 60, 30.2, 29.6, 5000.0, rng)
    ours = measure(
        *(image.values, image.masked, image.variance, np.array([30.2]), np.array([29.6])),
        aperture=5.5,
        background="none",
    )
    theirs = aperture_photometry(image.values, CircularAperture((30.2, 29.6), 5.5), error=np.sqrt(image.variance))
    assert ours.flux[0] == pytest.approx(theirs["aperture_sum"][0], rel=1e-9)
    # photutils adds variances weighted with the overlap, the variance of a weighted sum has its square.
    assert 0.95 < ours.error[0] / theirs["aperture_sum_err"][0] < 1.0


def test_what_cannot_be_measured_is_not_a_number() -> None:
    rng = np.random.default_rng(4)
    image = simulate_image(200, 100, [50.0, 150.0], [50.0, 50.0], [1000.0, 1000.0], rng)
    image.masked[40:61, 40:61] = True
    x, y = np.array([50.0, 150.0, 55.0]), np.array([50.0, 50.0, 50.0])
    for how in ({"psf": GaussianPsf(4.0)}, {"aperture": 4.0}):
        found = measure(image.values, image.masked, image.variance, x, y, **how)  # type: ignore[arg-type]
        assert np.isnan(found.flux).tolist() == [True, False, True]
    # An aperture over the edge has no flux, a PSF has.
    at_edge = measure(image.values, image.masked, image.variance, np.array([2.0]), np.array([50.0]), aperture=4.0)
    assert np.isnan(at_edge.flux[0])
    of_psf = measure(
        image.values, image.masked, image.variance, np.array([2.0]), np.array([50.0]), psf=GaussianPsf(4.0)
    )
    assert np.isfinite(of_psf.flux[0])


def test_nothing_is_measured_at_no_place() -> None:
    found = measure(np.zeros((9, 9)), np.zeros((9, 9), bool), None, np.empty(0), np.empty(0), psf=GaussianPsf(3.0))
    assert found.flux.shape == found.error.shape == (0,)


def test_a_bright_neighbour_in_the_ring_does_not_count_as_background() -> None:
    rng = np.random.default_rng(5)
    pull = []
    for _ in range(30):
        image = simulate_image(101, 101, [50.0, 62.0], [50.0, 50.0], [1000.0, 1e5], rng)
        found = measure(
            *(image.values, image.masked, image.variance, np.array([50.0]), np.array([50.0])),
            psf=GaussianPsf(FWHM * ROUND.major),
        )
        pull.append((found.flux[0] - 1000.0) / found.error[0])
    assert abs(np.mean(pull)) < 1.0  # as background it would be a hundred
