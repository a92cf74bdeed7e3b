"""The exact test of candidate pairs."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from ssdb.association.refine import ranks, refine, search_radii
from ssdb.config import AssociationConfig
from ssdb.errors import AssociationError
from ssdb.sky.sphere import moved

FIXED = AssociationConfig(radius_arcsec=1.5)
UNCERTAINTY = AssociationConfig(mode="uncertainty", n_sigma=3.0, max_radius_arcsec=30.0)
NAN = np.nan


def predictions(n: int = 1, **columns) -> dict[str, np.ndarray]:
    """Predictions at 0h on the equator of visit 7, at rest, with unknown errors, but for what is given."""
    values = {"visit": 7, "ssObjectId": 1, "midpointMjdTai": 60000.0, "ephRa": 0.0, "ephDec": 0.0}
    values |= dict.fromkeys(("ephRateRa", "ephRateDec", "ephErrMajor", "ephErrMinor", "ephErrPa"), NAN)
    return {name: np.broadcast_to(value, n).copy() for name, value in (values | columns).items()}


def pairs(n: int = 1, **columns) -> dict[str, np.ndarray]:
    """Sources at 0h on the equator, paired with the first prediction, of unknown errors, but for what is given."""
    values = {"prediction": 0, "diaSourceId": 100, "detector": 0, "midpointMjdTai": 60000.0, "ra": 0.0, "dec": 0.0}
    values |= dict.fromkeys(("raErr", "decErr", "ra_dec_Cov"), NAN)
    return {name: np.broadcast_to(value, n).copy() for name, value in (values | columns).items()}


def beside(east: float, north: float, center: tuple[float, float] = (0.0, 0.0)) -> dict[str, float]:
    """ra and dec of a point so many arcsec east and north of a centre."""
    point = SkyCoord(*center, unit="deg").spherical_offsets_by(east * u.arcsec, north * u.arcsec)
    return {"ra": point.ra.deg, "dec": point.dec.deg}


@pytest.mark.parametrize("dec", [0.0, 45.0, 89.9999, -90.0])
def test_fixed_mode_keeps_what_is_within_the_radius(dec):
    """The kept pairs and their separations are those of astropy, at 0h, near a pole and at it."""
    rng = np.random.default_rng(1)
    eph = predictions(20, ephRa=rng.uniform(0, 360, 20), ephDec=dec)
    index = np.repeat(np.arange(20), 20)
    centers = SkyCoord(eph["ephRa"][index], eph["ephDec"][index], unit="deg")
    points = centers.directional_offset_by(rng.uniform(0, 360, 400) * u.deg, rng.uniform(0, 3, 400) * u.arcsec)
    expected = centers.separation(points).arcsec
    found = refine(eph, pairs(400, prediction=index, ra=points.ra.deg, dec=points.dec.deg), FIXED)
    np.testing.assert_array_equal(found.pair, np.flatnonzero(expected <= 1.5))
    np.testing.assert_allclose(found.separation, expected[found.pair], atol=1e-6)
    assert 100 < len(found.pair) < 300


def test_fixed_weight_goes_from_one_to_nothing_and_has_no_chi_square():
    """1 at no separation, 3/4 at half the radius, 0 at the radius."""
    config = AssociationConfig(radius_arcsec=3600)
    found = refine(predictions(), pairs(3, dec=[0.0, 0.5, 1.0]), config)
    np.testing.assert_allclose(found.weight, [1.0, 0.75, 0.0], atol=1e-12)
    assert np.isnan(found.chi2).all()
    assert np.isnan(found.log_odds).all()


@pytest.mark.parametrize("config", [FIXED, UNCERTAINTY])
def test_a_prediction_is_compared_at_the_time_of_the_source(config):
    """0.012 d later an object at 1 deg/d has moved by 43 arcsec; one without rates has not."""
    start = SkyCoord(359.999, 60.0, unit="deg")
    end = start.directional_offset_by(120 * u.deg, 0.012 * u.deg)
    rate = {"ephRateRa": [np.sin(np.radians(120)), NAN], "ephRateDec": [np.cos(np.radians(120)), NAN]}
    eph = predictions(2, ephRa=359.999, ephDec=60.0, **rate)
    sources = {"ra": [end.ra.deg, start.ra.deg] * 2, "dec": [end.dec.deg, start.dec.deg] * 2}
    found = refine(eph, pairs(4, prediction=[0, 0, 1, 1], midpointMjdTai=60000.012, **sources), config, 1e-4)
    assert found.pair.tolist() == [0, 3]
    np.testing.assert_allclose(found.separation, 0.0, atol=2e-5)  # MJD is rounded at 7e-12 d


@pytest.mark.parametrize("days", [0.0201, -0.0201, 2400000.5])
def test_a_source_too_far_in_time_is_refused_by_name(days):
    """Beyond 0.02 d a straight line is a guess: the message has the visit and the source, and only the wrong ones."""
    sources = pairs(2, diaSourceId=[41, 42], midpointMjdTai=[60000.0199, 60000.0 + days])
    with pytest.raises(AssociationError, match="source 42 of visit 7:"):
        refine(predictions(), sources, FIXED)


def _random_case(rng, n, center):
    """n predictions with ellipses, n sources with covariances, and both covariances by their eigenvectors."""
    major, minor = rng.uniform(0.5, 2, n), rng.uniform(0.02, 0.4, n)
    angle, turn = rng.uniform(0, 180, n), rng.uniform(0, np.pi, n)
    long, short = rng.uniform(0.3, 0.6, n), rng.uniform(0.05, 0.2, n)

    def covariance(direction, a, b):
        axes = np.array([[np.sin(direction), np.cos(direction)], [np.cos(direction), -np.sin(direction)]])
        return np.einsum("kin,kn,kjn->nij", axes, np.array([a**2, b**2]), axes)

    source = covariance(turn, long, short)
    offsets = rng.normal(size=(2, n)) * 2
    points = SkyCoord(*center, unit="deg").spherical_offsets_by(*(offsets * u.arcsec))
    eph = predictions(n, ephRa=center[0], ephDec=center[1], ephErrMajor=major, ephErrMinor=minor, ephErrPa=angle)
    found = pairs(
        n,
        prediction=np.arange(n),
        ra=points.ra.deg,
        dec=points.dec.deg,
        raErr=np.sqrt(source[:, 0, 0]) / 3600,
        decErr=np.sqrt(source[:, 1, 1]) / 3600,
        ra_dec_Cov=source[:, 0, 1] / 3600**2,
    )
    return eph, found, covariance(np.radians(angle), major, minor), source, offsets


@pytest.mark.parametrize("center", [(0.0, 0.0), (359.9999, -70.0), (100.0, 89.9)])
def test_uncertainty_mode_weighs_by_the_density_of_the_two_dimensional_gaussian(center):
    """log_odds = ln of the Gaussian's density (scipy) - ln of that of unrelated sources."""
    rng = np.random.default_rng(2)
    eph, sources, of_prediction, of_source, offsets = _random_case(rng, 200, center)
    config = AssociationConfig(mode="uncertainty", n_sigma=3.0, floor_arcsec=0.07)
    density = rng.uniform(1e-5, 1e-3, 200)
    combined = of_prediction + of_source + 0.07**2 * np.eye(2)
    chi2 = np.einsum("in,nij,jn->n", offsets, np.linalg.inv(combined), offsets)
    found = refine(eph, sources, config, density)
    np.testing.assert_array_equal(found.pair, np.flatnonzero(chi2 <= 11.8291))
    assert 20 < len(found.pair) < 180
    np.testing.assert_allclose(found.chi2, chi2[found.pair], rtol=1e-4)
    gaussian = [multivariate_normal(cov=combined[i]).logpdf(offsets[:, i]) for i in found.pair]
    np.testing.assert_allclose(found.log_odds, gaussian - np.log(density[found.pair]), atol=1e-3)
    np.testing.assert_array_equal(found.weight, found.log_odds)


def test_a_well_known_object_beats_one_known_to_20_arcsec():
    """A source 6.3 arcsec from an object known to 20 has the smaller chi2 there, but belongs to one known to 0.1."""
    eph = predictions(2, ephErrMajor=[20.0, 0.1], ephDec=[6.3 / 3600, 0.2 / 3600])
    found = refine(eph, pairs(2, prediction=[0, 1]), UNCERTAINTY, 1e-3)
    assert found.pair.tolist() == [0, 1]
    assert found.chi2[0] < found.chi2[1]
    assert found.weight[0] < found.weight[1]


def test_uncertainty_mode_has_a_largest_separation():
    """Within one sigma, but 31 arcsec away: not a candidate at a limit of 30."""
    found = refine(predictions(ephErrMajor=100.0), pairs(2, dec=[29.9 / 3600, 31.0 / 3600]), UNCERTAINTY, 1e-4)
    assert found.pair.tolist() == [0]


@pytest.mark.parametrize(
    ("ellipse", "east_sigma", "north_sigma"),
    [
        ((NAN, NAN, NAN), 0.3, 0.3),
        ((0.0, 0.0, 0.0), 0.3, 0.3),
        ((NAN, 2.0, 10.0), 0.3, 0.3),
        ((4.0, NAN, 10.0), 4.0, 4.0),
        ((4.0, 0.0, 10.0), 4.0, 4.0),
        ((4.0, 2.0, NAN), 4.0, 4.0),
        ((4.0, 2.0, 0.0), 2.0, 4.0),
        ((4.0, 2.0, 90.0), 4.0, 2.0),
        ((4.0, 2.0, 270.0), 4.0, 2.0),
    ],
)
def test_ellipses_that_are_unknown_in_part(ellipse, east_sigma, north_sigma):
    """No ellipse: the default; no minor axis or no angle: the circle of the major axis; PA 90 is along east."""
    eph = predictions(**dict(zip(("ephErrMajor", "ephErrMinor", "ephErrPa"), ellipse, strict=True)))
    config = AssociationConfig(mode="uncertainty", floor_arcsec=0.0)
    offsets = [beside(east_sigma, 0), beside(0, 2 * north_sigma)]
    found = refine(eph, pairs(2, **{k: [point[k] for point in offsets] for k in ("ra", "dec")}), config, 1e-4)
    np.testing.assert_allclose(found.chi2, [1.0, 4.0], rtol=1e-6)


def test_errors_of_sources_that_are_unknown_are_none():
    """Without raErr or decErr its variance is zero; a covariance without both cannot count."""
    eph = predictions(ephErrMajor=0.3)
    config = AssociationConfig(mode="uncertainty", floor_arcsec=0.0)
    sources = pairs(
        3,
        **beside(0.3, 0.3),
        raErr=[NAN, 0.4 / 3600, NAN],
        decErr=[NAN, NAN, 0.4 / 3600],
        ra_dec_Cov=[NAN, 1.0, NAN],
    )
    np.testing.assert_allclose(refine(eph, sources, config, 1e-4).chi2, [2.0, 1.36, 1.36], rtol=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_impossible_covariance_is_the_largest_possible(sign):
    """cov = 5 raErr decErr counts as cov = raErr decErr: an error along the diagonal only; chi2 is never negative."""
    eph = predictions(ephErrMajor=0.3)
    config = AssociationConfig(mode="uncertainty", floor_arcsec=0.0)
    err = 1.0 / 3600
    points = [beside(1.0, sign * 1.0), beside(0.3, sign * -0.3)]
    sources = pairs(2, ra=[p["ra"] for p in points], dec=[p["dec"] for p in points], raErr=err, decErr=err)
    sources["ra_dec_Cov"][:] = sign * 5 * err**2
    expected = [2.0 / (0.09 + 2.0), 0.18 / 0.09]
    np.testing.assert_allclose(refine(eph, sources, config, 1e-4).chi2, expected, rtol=1e-6)


@pytest.mark.parametrize("angle", [0.0, 33.3, 120.0])
def test_a_long_thin_ellipse_keeps_its_width(angle):
    """10,000 x 0.1 arcsec: a source beside it, 0.2 arcsec across, is at chi2 = 4 although the axes differ by 1e5."""
    config = AssociationConfig(mode="uncertainty", floor_arcsec=0.0)
    across = np.radians(angle + 90)
    where = beside(0.2 * np.sin(across), 0.2 * np.cos(across))
    eph = predictions(ephErrMajor=1e4, ephErrMinor=0.1, ephErrPa=angle)
    found = refine(eph, pairs(**where), config, 1.0)
    np.testing.assert_allclose(found.chi2, 4.0, rtol=1e-6)
    np.testing.assert_allclose(found.log_odds, -2.0 - np.log(1e4 * 0.1) - np.log(2 * np.pi), rtol=1e-6)


def test_uncertainty_mode_needs_a_density():
    """Without it there are no odds."""
    with pytest.raises(ValueError, match="density"):
        refine(predictions(), pairs(), UNCERTAINTY)


@pytest.mark.parametrize("config", [FIXED, UNCERTAINTY])
def test_no_pairs_no_candidates(config):
    """Empty in, empty out, of the same types."""
    nothing = {name: values[:0] for name, values in pairs().items()}
    found = refine(predictions(), nothing, config, np.empty(0))
    for values in (found.pair, found.separation, found.chi2, found.log_odds, found.weight):
        assert values.shape == (0,)
    assert found.pair.dtype.kind == "i"


def test_search_radii_that_are_known():
    """Fixed: the radius; uncertainty: 3.439 sigma of 1 arcsec and the floor, at most 30; both plus the motion."""
    eph = predictions(3, ephErrMajor=[1.0, 1.0, 100.0], ephRateRa=[NAN, 0.6, NAN], ephRateDec=[NAN, -0.8, 1.0])
    motion = np.array([0.0, 36.0, 0.0])
    np.testing.assert_allclose(search_radii(eph, FIXED, 0.0, 0.01), 1.5 + motion, atol=1.1e-6)
    expected = np.array([3.44365, 3.44365, 30.0]) + motion
    np.testing.assert_allclose(search_radii(eph, UNCERTAINTY, 0.0, 0.01), expected, atol=2e-5)
    assert search_radii(eph, UNCERTAINTY, [2.0, 2.0, 2.0], [0.0, 0.01, 0.0])[0] > 5


AXIS = st.one_of(st.just(NAN), st.floats(0, 20))
ERROR = st.one_of(st.just(NAN), st.floats(0, 3))


@settings(max_examples=300)
@given(
    ellipse=st.tuples(AXIS, AXIS, st.one_of(st.just(NAN), st.floats(0, 180))),
    error=st.tuples(ERROR, ERROR, st.one_of(st.just(NAN), st.floats(-9, 9))),
    motion=st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-0.019, 0.019)),
    angle=st.floats(0, 2 * np.pi),
    dec=st.sampled_from([0.0, -60.0, 89.999, 90.0]),
    mode=st.sampled_from(["fixed", "uncertainty"]),
)
def test_no_candidate_lies_outside_its_search_radius(ellipse, error, motion, angle, dec, mode):
    """Whatever the ellipse, the source's covariance and the motion: the box join may rely on the radius."""
    config = AssociationConfig(mode=mode)
    names = ("ephErrMajor", "ephErrMinor", "ephErrPa", "ephRateRa", "ephRateDec")
    eph = predictions(ephRa=350.0, ephDec=dec, **dict(zip(names, (*ellipse, *motion[:2]), strict=True)))
    variance = np.nansum(np.square(error[:2]))
    radius = search_radii(eph, config, variance, abs(motion[2]))[0]
    # Sources all along a ray through the moved prediction, out to twice the radius.
    end = moved(350.0, dec, *motion)
    ra, dec_along = moved(*end, np.sin(angle), np.cos(angle), np.linspace(0, 2 * radius, 400) / 3600)
    sources = pairs(400, ra=ra, dec=dec_along, midpointMjdTai=60000.0 + motion[2])
    sources["raErr"][:], sources["decErr"][:], sources["ra_dec_Cov"][:] = np.array(error) / [3600, 3600, 3600**2]
    kept = refine(eph, sources, config, 1e-4).pair
    assert len(kept) > 0
    start = SkyCoord(350.0, dec, unit="deg")
    assert (start.separation(SkyCoord(ra, dec_along, unit="deg")).arcsec[kept] <= radius).all()


KEYS = st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])


@given(st.lists(st.tuples(KEYS, st.integers(0, 3)), max_size=20))
def test_ranks_count_the_strictly_nearer(rows):
    """1 + the number of strictly nearer candidates of the same object, for ties and the extremes of int64 too."""
    key = np.array([k for k, _ in rows], dtype=np.int64)
    separation = np.array([s for _, s in rows], dtype=float)
    expected = [1 + sum(other == k and distance < s for other, distance in rows) for k, s in rows]
    assert ranks(key, separation).tolist() == expected
