"""The options of association, which are stored as JSON with every run."""

from __future__ import annotations

import json
import math
from dataclasses import Field, asdict, dataclass, field, fields
from typing import Any

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


@dataclass(frozen=True, slots=True)
class AssociationConfig:
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
        names = {item.name: called(item) for item in fields(self)}
        for item in fields(self):
            value = getattr(self, item.name)
            choices = item.metadata["choices"]
            if choices and value not in choices:
                raise ConfigError(f"{called(item)} must be one of {', '.join(choices)}, not {quoted(value)}")
            if not choices and (
                isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf
            ):
                raise ConfigError(f"{called(item)} must be a finite number, not {quoted(value)}")
        for name in ("radius_arcsec", "n_sigma", "max_radius_arcsec", "default_sigma_arcsec"):
            if getattr(self, name) <= 0:
                raise ConfigError(f"{names[name]} must be above 0, not {quoted(getattr(self, name))}")
        for name in ("floor_arcsec", "max_pixel_margin"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{names[name]} must not be negative, not {quoted(getattr(self, name))}")
        if self.max_pixel_margin != int(self.max_pixel_margin):
            margin = quoted(self.max_pixel_margin)
            raise ConfigError(f"{names['max_pixel_margin']} must be a whole number, not {margin}")
        for name in ("radius_arcsec", "max_radius_arcsec"):
            if getattr(self, name) > 3600:
                raise ConfigError(f"{names[name]} must be at most 3600 (one degree), not {quoted(getattr(self, name))}")
        if self.n_sigma > 8:
            raise ConfigError(f"{names['n_sigma']} must be at most 8, not {quoted(self.n_sigma)}")
        for name in ("prior_detected", "completeness"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{names[name]} must be between 0 and 1, not {quoted(getattr(self, name))}")
        if not 0 <= self.min_probability < 1:
            raise ConfigError(
                f"{names['min_probability']} must be 0 or more, below 1, not {quoted(self.min_probability)}"
            )
        if self.min_probability and self.mode == "fixed":
            raise ConfigError(f"{names['min_probability']} is for uncertainty mode: fixed mode knows no probabilities")

    @property
    def chi2_limit(self) -> float:
        """Largest chi-square (two degrees of freedom) of a candidate pair, ``-2 ln erfc(n / sqrt 2)``.

        The two-dimensional region that holds what +-n sigma holds in one dimension: 11.829 for n = 3.
        """
        return -2.0 * math.log(math.erfc(self.n_sigma / math.sqrt(2.0)))

    def to_json(self) -> str:
        """This configuration as JSON, keys sorted."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> AssociationConfig:
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
        return cls(**values)
