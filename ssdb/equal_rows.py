"""Finds stretches of consecutive equal rows in arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdb.units import Mask


def begins(*columns: NDArray[Any]) -> Mask:
    """Which rows begin a stretch: the first, and each that differs from the one before. NaN differs from all."""
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new
