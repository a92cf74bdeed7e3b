"""Finds stretches of consecutive equal rows in arrays, and tells whether rows ascend."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssdb.errors import DatabaseError
from ssdb.units import Mask


def begins(*columns: NDArray[Any]) -> Mask:
    """Which rows begin a stretch: the first, and each that differs from the one before. NaN differs from all."""
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return new


def ascends(*columns: NDArray[Any], each_once: bool = False) -> bool:
    """Whether rows ascend by columns, shape (n,), of which the first counts most; NaN is in no order.

    ``each_once``: no two rows may be equal.
    """
    later = np.full(max(len(columns[0]) - 1, 0), not each_once)
    for column in reversed(columns):
        before, after = column[:-1], column[1:]
        later = (before < after) | ((before == after) & later)
    return bool(later.all())


def require_ascending(what: str, *columns: NDArray[Any]) -> None:
    """Raises DatabaseError unless rows ascend by columns, each key once: else what is searched there is not found."""
    if not ascends(*columns, each_once=True):
        raise DatabaseError(f"{what}: rows came in another order than asked for, or one of them twice")
