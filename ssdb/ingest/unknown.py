"""Numbers that stand for "unknown"."""

from __future__ import annotations

import numpy as np

from ssdb.schema.sentinels import ANYWHERE

_NO_MAGNITUDES = np.array([99.0, 99.9, 99.99, 99.999, 99.9999, 999.0, 999.9, 999.99, 9999.0], np.float32)
"""Magnitudes that stand for "unknown", as do their opposites: SExtractor's 99, DAOPHOT's 99.999."""


def is_unknown(values: np.ndarray) -> np.ndarray:
    """Where floating-point numbers stand for "unknown": NaN, infinities, -999 and -9999 exactly."""
    unknown = ~np.isfinite(values)
    for sentinel in ANYWHERE:
        unknown |= values == sentinel
    return unknown


def is_unknown_magnitude(values: np.ndarray) -> np.ndarray:
    """Where magnitudes, or their errors, stand for "unknown": as other numbers, and 99, -99, 99.99 and the like."""
    with np.errstate(over="ignore"):
        return is_unknown(values) | np.isin(np.abs(values).astype(np.float32), _NO_MAGNITUDES)
