"""AssociationConfig: only what makes sense, and the same again from its JSON."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
from scipy.stats import chi2, norm

from ssdb.config import AssociationConfig, DiaConfig, SummaryConfig
from ssdb.errors import ConfigError


def test_the_default_is_what_rubin_does() -> None:
    config = AssociationConfig()
    assert (config.mode, config.radius_arcsec, config.method) == ("fixed", 1.0, "optimal")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "fuzzy"),
        ("method", "nearest"),
        ("ecliptic", "J2000"),
        ("radius_arcsec", 0.0),
        ("radius_arcsec", -1.0),
        ("radius_arcsec", math.nan),
        ("radius_arcsec", math.inf),
        ("radius_arcsec", 3601.0),
        ("radius_arcsec", "1"),
        ("radius_arcsec", True),
        ("n_sigma", 0.0),
        ("n_sigma", 9.0),
        ("max_radius_arcsec", 0.0),
        ("default_sigma_arcsec", 0.0),
        ("floor_arcsec", -0.1),
        ("prior_detected", 0.0),
        ("prior_detected", 1.0),
        ("completeness", 0.0),
        ("completeness", 1.0),
        ("min_probability", -0.1),
        ("min_probability", 1.0),
        ("min_probability", math.nan),
        ("min_probability", 0.5),
        ("max_pixel_margin", -1),
        ("max_pixel_margin", 1.5),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        AssociationConfig(**{field: value})


def test_fixed_mode_has_no_probabilities() -> None:
    assert AssociationConfig(mode="uncertainty", min_probability=0.5).min_probability == 0.5
    with pytest.raises(ConfigError, match="min_probability is for uncertainty mode: fixed mode knows no probabilities"):
        AssociationConfig(min_probability=0.5)


@pytest.mark.parametrize("n_sigma", [0.5, 1.0, 2.0, 3.0, 5.0, 8.0])
def test_the_chi_square_limit_holds_what_n_sigma_hold_in_one_dimension(n_sigma: float) -> None:
    limit = AssociationConfig(n_sigma=n_sigma).chi2_limit
    assert chi2.sf(limit, df=2) == pytest.approx(2 * norm.sf(n_sigma), rel=1e-9)


def test_the_chi_square_limit_of_three_sigma() -> None:
    assert AssociationConfig(n_sigma=3).chi2_limit == pytest.approx(11.829, abs=5e-4)


def test_json_comes_back_the_same() -> None:
    config = AssociationConfig(mode="uncertainty", radius_arcsec=0.1 + 0.2, n_sigma=2.5, ecliptic="true")
    assert AssociationConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("text", ["", "{", "[1]", "3", '{"radius": 1}', '{"radius_arcsec": -1}'])
def test_json_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        AssociationConfig.from_json(text)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        AssociationConfig().radius_arcsec = 2.0  # type: ignore[misc]


def test_the_default_of_dia_objects() -> None:
    config = DiaConfig()
    assert (config.mode, config.radius_arcsec, config.n_sigma, config.prior) == ("uncertainty", 1.0, 4.0, 0.9)
    assert config.bad_flags == ("centroid_flag", "pixelFlags_crCenter")
    assert (config.new_object_reliability_threshold, config.max_new, config.confirm) == (0.1, 0, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mode", "fixed"),
        ("position", "median"),
        ("radius_arcsec", 0.0),
        ("radius_arcsec", 61.0),
        ("n_sigma", 9.0),
        ("floor_arcsec", -0.1),
        ("fallback_sigma_arcsec", 0.0),
        ("prior", 1.0),
        ("bad_flags", "centroid_flag"),
        ("bad_flags", (1,)),
        ("new_object_bad_flags", None),
        ("new_object_snr_threshold", -1.0),
        ("new_object_reliability_threshold", 1.1),
        ("new_object_low_snr_reliability_threshold", math.nan),
        ("max_new", -1),
        ("max_new", 1.5),
        ("confirm", 0),
        ("confirm", True),
        ("versions", 1),
    ],
)
def test_what_makes_no_sense_of_dia_objects_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=field):
        DiaConfig(**{field: value})


def test_json_of_dia_objects_comes_back_the_same() -> None:
    config = DiaConfig(mode="nearest", bad_flags=(), new_object_bad_flags=("glint_trail",), max_new=7, versions=True)
    assert DiaConfig.from_json(config.to_json()) == config
    with pytest.raises(ConfigError, match="unknown option in the configuration: ecliptic"):
        DiaConfig.from_json('{"ecliptic": "mean"}')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model", "HG"),
        ("fiducial", -0.1),
        ("fiducial", 1.1),
        ("floor_mag", -0.01),
        ("clip", -1.0),
        ("fiducial_scatter", float("nan")),
        ("max_slope_error", 0.0),
        ("few_points_scatter", -0.1),
        ("trail_psf_widths", -1.0),
    ],
)
def test_options_of_summaries_out_of_range_are_refused(field: str, value: object) -> None:
    with pytest.raises(ConfigError):
        SummaryConfig(**{field: value})


def test_the_default_of_summaries() -> None:
    config = SummaryConfig()
    assert (config.model, config.fiducial, config.floor_mag, config.clip) == ("HG12", 0.5, 0.02, 5.0)
    assert SummaryConfig.from_json(config.to_json()) == config
