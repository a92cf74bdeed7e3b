"""The options of both halves of association, which are stored as JSON with every run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any, Self

from ssdb.errors import ConfigError, option, quoted, shown

MAX_TIME_DIFFERENCE_DAYS = 0.02
"""A prediction is moved in time by at most this much: beyond, motion along a straight line is a guess."""


def _option(default: Any, help_text: str, choices: tuple[str, ...] = (), *, called: str = "", mode: str = "") -> Any:
    """A field with what the command line needs of it: help, choices, its name if that differs, and its mode."""
    about = f"{mode} mode: {help_text}" if mode else help_text
    return field(default=default, metadata={"help": about, "choices": choices, "called": called, "mode": mode})


def option_of(item: Field[Any]) -> str:
    """The option of the command line that a field of a configuration is: ``--radius``."""
    return f"--{item.metadata['called'] or item.name.replace('_', '-')}"


def called(item: Field[Any]) -> str:
    """What messages call a field of a configuration."""
    return option(option_of(item), item.name)


def chi2_limit(n_sigma: float) -> float:
    """The chi-square (two degrees of freedom) that n sigma are, ``-2 ln erfc(n / sqrt 2)``.

    The two-dimensional region that holds what +-n sigma holds in one dimension: 11.829 for n = 3.
    """
    return -2.0 * math.log(math.erfc(n_sigma / math.sqrt(2.0)))


@dataclass(frozen=True, slots=True)
class _Options:
    """What configurations have in common: their values are checked, and stored as JSON."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value, choices = getattr(self, item.name), item.metadata["choices"]
            if choices:
                if value not in choices:
                    raise ConfigError(f"{called(item)} must be one of {', '.join(choices)}, not {quoted(value)}")
            elif isinstance(item.default, bool):
                if not isinstance(value, bool):
                    raise ConfigError(f"{called(item)} must be true or false, not {quoted(value)}")
            elif isinstance(item.default, tuple):
                if not isinstance(value, tuple) or not all(isinstance(name, str) for name in value):
                    raise ConfigError(f"{called(item)} must be a tuple of names, not {quoted(value)}")
            elif isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
                raise ConfigError(f"{called(item)} must be a finite number, not {quoted(value)}")

    def _refuse(self, wrong: Callable[[Any], bool], must: str, *names: str) -> None:
        """Raises ConfigError for the first of some fields that is wrong; ``must`` says what it must be."""
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name in names and wrong(value):
                raise ConfigError(f"{called(item)} must be {must}, not {quoted(value)}")

    def to_json(self) -> str:
        """This configuration as JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The configuration that :meth:`to_json` wrote.

        Raises
        ------
        ConfigError
            If the text is not JSON, or names something that is not an option.
        """
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:  # also thousands of digits, thousands of brackets
            raise ConfigError(f"the configuration is not JSON: {error}") from None
        if not isinstance(values, dict):
            raise ConfigError("the configuration must be a JSON object")
        unknown = set(values) - {item.name for item in fields(cls)}
        if unknown:
            raise ConfigError(f"unknown option in the configuration: {shown(sorted(unknown))}")
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})


@dataclass(frozen=True, slots=True)
class AssociationConfig(_Options):
    """How sources are matched with predictions.

    Raises
    ------
    ConfigError
        If a value is not of its type or out of its range.
    """

    mode: str = _option(
        "fixed", "fixed radius, or the error ellipses of prediction and source", ("fixed", "uncertainty")
    )
    radius_arcsec: float = _option(1.0, "largest separation of a pair (arcsec)", called="radius", mode="fixed")
    n_sigma: float = _option(4.0, "a pair is kept within this many sigma", mode="uncertainty")
    max_radius_arcsec: float = _option(
        120.0, "largest separation of a pair (arcsec)", called="max-radius", mode="uncertainty"
    )
    default_sigma_arcsec: float = _option(
        0.3, "1-sigma error of a prediction without an ellipse (arcsec)", called="default-sigma", mode="uncertainty"
    )
    floor_arcsec: float = _option(
        0.05, "error added to every pair in quadrature (arcsec)", called="floor", mode="uncertainty"
    )
    prior_detected: float = _option(
        0.5, "probability that an object of unknown magnitude is among the sources", mode="uncertainty"
    )
    completeness: float = _option(0.98, "probability that a bright object is among the sources", mode="uncertainty")
    min_probability: float = _option(0.0, "pairs that are less probable are left unmatched", mode="uncertainty")
    method: str = _option(
        "optimal", "one-to-one assignment: the largest sum of weights, or closest first", ("optimal", "greedy")
    )
    max_pixel_margin: int = _option(100, "objects up to this many pixels outside a footprint are matched", mode="fixed")
    ecliptic: str = _option(
        "mean", "frame of eclLambda, eclBeta: J2000 mean ecliptic, or astropy's true ecliptic", ("mean", "true")
    )

    def __post_init__(self) -> None:
        _Options.__post_init__(self)  # super() does not know a class that slots=True has made anew
        positive = ("radius_arcsec", "n_sigma", "max_radius_arcsec", "default_sigma_arcsec")
        self._refuse(lambda value: value <= 0, "above 0", *positive)
        self._refuse(lambda value: value < 0, "0 or above", "floor_arcsec", "max_pixel_margin")
        self._refuse(lambda value: value != int(value), "a whole number", "max_pixel_margin")
        self._refuse(lambda value: value > 3600, "at most 3600 (one degree)", "radius_arcsec", "max_radius_arcsec")
        self._refuse(lambda value: value > 8, "at most 8", "n_sigma")
        self._refuse(lambda value: not 0 < value < 1, "between 0 and 1", "prior_detected", "completeness")
        self._refuse(lambda value: not 0 <= value < 1, "0 or more, below 1", "min_probability")
        if self.min_probability and self.mode == "fixed":
            name = option("--min-probability", "min_probability")
            raise ConfigError(f"{name} is for uncertainty mode: fixed mode knows no probabilities")

    @property
    def chi2_limit(self) -> float:
        """Largest chi-square of a candidate pair: :func:`chi2_limit` of n_sigma."""
        return chi2_limit(self.n_sigma)


@dataclass(frozen=True, slots=True)
class DiaConfig(_Options):
    """Which sources belong to which DiaObjects, and which make new ones.

    Raises
    ------
    ConfigError
        If a value is not of its type or out of its range.
    """

    mode: str = _option(
        "uncertainty",
        "the errors of source and object, or nothing but their separation",
        ("uncertainty", "nearest"),
        called="dia-mode",
    )
    radius_arcsec: float = _option(1.0, "largest separation of a source and its object (arcsec)", called="dia-radius")
    n_sigma: float = _option(
        4.0, "a source is given to an object within this many sigma", called="dia-n-sigma", mode="uncertainty"
    )
    floor_arcsec: float = _option(
        0.05, "error added to every pair in quadrature (arcsec)", called="dia-floor", mode="uncertainty"
    )
    fallback_sigma_arcsec: float = _option(
        0.2, "1-sigma error of a place without errors (arcsec)", called="fallback-sigma"
    )
    prior: float = _option(0.9, "probability that an object is among the sources", mode="uncertainty")
    bad_flags: tuple[str, ...] = _option(
        ("centroid_flag", "pixelFlags_crCenter"), "sources with one of these flags take no part"
    )
    new_object_bad_flags: tuple[str, ...] = _option(
        (
            *("centroid_flag", "pixelFlags_crCenter", "pixelFlags_nodataCenter", "pixelFlags_interpolatedCenter"),
            *("pixelFlags_saturatedCenter", "pixelFlags_suspectCenter", "pixelFlags_streakCenter", "glint_trail"),
        ),
        "sources with one of these flags make no object",
    )
    new_object_snr_threshold: float = _option(
        0.0, "sources whose apFlux is below this many sigma make no object; 0: off"
    )
    new_object_reliability_threshold: float = _option(0.1, "sources of a lower reliability make no object; 0: off")
    new_object_low_reliability_snr_threshold: float = _option(
        0.0, "sources below this signal-to-noise of apFlux and that reliability make no object; 0: off"
    )
    new_object_low_snr_reliability_threshold: float = _option(0.1, "that reliability")
    max_new: int = _option(0, "a visit with a detector that would make more objects fails; 0: off")
    confirm: int = _option(1, "an object is made by this many sources in one place")
    position: str = _option(
        "weighted", "an object's place: mean of its sources, weighted by errors or not", ("weighted", "mean")
    )
    versions: bool = _option(False, "keep the earlier rows of changed objects")

    def __post_init__(self) -> None:
        _Options.__post_init__(self)
        self._refuse(lambda value: value <= 0, "above 0", "radius_arcsec", "n_sigma", "fallback_sigma_arcsec")
        at_least_0 = ("floor_arcsec", "new_object_snr_threshold", "new_object_low_reliability_snr_threshold", "max_new")
        self._refuse(lambda value: value < 0, "0 or above", *at_least_0)
        self._refuse(lambda value: value > 60, "at most 60", "radius_arcsec")
        self._refuse(lambda value: value > 8, "at most 8", "n_sigma")
        self._refuse(lambda value: not 0 < value < 1, "between 0 and 1", "prior")
        reliabilities = ("new_object_reliability_threshold", "new_object_low_snr_reliability_threshold")
        self._refuse(lambda value: not 0 <= value <= 1, "from 0 to 1", *reliabilities)
        self._refuse(lambda value: value != int(value), "a whole number", "max_new", "confirm")
        self._refuse(lambda value: value < 1, "1 or more", "confirm")

    @property
    def chi2_limit(self) -> float:
        """Largest chi-square of a source and its object: :func:`chi2_limit` of n_sigma."""
        return chi2_limit(self.n_sigma)


@dataclass(frozen=True, slots=True)
class SummaryConfig(_Options):
    """How the observations of an object are summarized: the fit of its phase curves.

    Raises
    ------
    ConfigError
        If a value is not of its type or out of its range.
    """

    model: str = _option("HG12", "model of the phase curves", ("HG12", "HG12star", "HG1G2"))
    fiducial: float = _option(0.5, "G12 where the observations do not tell it")
    floor_mag: float = _option(0.02, "error added to every magnitude in quadrature (mag)", called="floor")
    clip: float = _option(5.0, "observations this many sigma off are left out of the fit; 0: none")
    fiducial_scatter: float = _option(0.2, "1-sigma error of a G12 that was not fitted")
    max_slope_error: float = _option(0.2, "a slope with a larger error is not fitted")
    few_points_scatter: float = _option(0.1, "scatter by rotation that is assumed of few observations (mag)")
    trail_psf_widths: float = _option(
        1.0, "trailFlux instead of psfFlux from this length of the trail on (PSF widths); 0: never"
    )

    def __post_init__(self) -> None:
        _Options.__post_init__(self)
        self._refuse(lambda value: not 0 <= value <= 1, "from 0 to 1", "fiducial")
        at_least_0 = ("floor_mag", "clip", "fiducial_scatter", "few_points_scatter", "trail_psf_widths")
        self._refuse(lambda value: value < 0, "0 or above", *at_least_0)
        self._refuse(lambda value: value <= 0, "above 0", "max_slope_error")
